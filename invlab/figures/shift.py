"""The figures of the page *Shift*: sensitivity by column and by domain, and the gain and rank of each family."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from invlab import sources
from invlab.figures import COLOURS, DASHES, SENSITIVITY_SCALE, SYMBOLS, error_bars, styled, targets
from invlab.figures.mismatch import GROUP_MARKS, cells, finite, reach
from invlab.figures.sensitivity import name_of
from invlab.intervals import over_seeds
from invlab.studies import shift
from invlab.studies.claims import number
from invlab.studies.published import SHIFT
from invlab.studies.shift import COLUMNS, KINDS, UNTRAINED
from invlab.studies.study import Table, signed
from invlab.transforms import GROUPS, TRANSFORMS

Row = dict[str, Any]
Gains = dict[tuple[str, str], tuple[float, float, float]]  # (trained, column) -> other − same, low, high

NAMES = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
KIND_NAMES = {
    "same": "same: trained for the family",
    "other": "other: mean of those trained for another",
    "none": "none: trained without any",
}
LANE = 26  # pixels
GAIN_SCALE = "PuOr"  # violet: more invariant than the others, orange: less
GAIN, RANK = "gain", "rank"


def column_name(column: str) -> str:
    """A column's or domain's name as people read it."""
    return NAMES.get(column, column)


# ------------------------------------------------------------------------------------------------ same, other and none


def column_rows(table: Table, trained: str) -> list[Row]:
    """A row for each column of the summary that was measured: *same*, *other* and *none* (means over families, with
    intervals over seeds), the untrained network, and the published values where there are any."""
    rows = []
    for column in shift.columns(table):
        row = _row(column, shift.means(table, trained, column), _untrained(table, COLUMNS[trained][column]))
        for kind in KINDS:
            mean, sd = SHIFT[trained][kind].get(column, (None, None))
            row |= {f"{kind}, published": mean, f"{kind}, published sd": sd}
        rows.append(row)
    return rows


def domain_rows(table: Table, trained: str) -> list[Row]:
    """The same for each domain by itself, with what the paper calls the shift to it."""
    shifts = {d: column for column, domains in COLUMNS[trained].items() for d in domains if column != d}
    rows = []
    for domain in shift.DOMAINS:
        if table.has(domain=domain):
            means = {kind: values.mean(1) for kind, values in shift.by_family(table, trained, (domain,)).items()}
            rows.append({"shift": shifts.get(domain, ""), **_row(domain, means, _untrained(table, (domain,)))})
    return rows


def _untrained(table: Table, domains: Sequence[str]) -> float:
    return float(table.over_seeds(trained=UNTRAINED, domain=tuple(domains)).mean())


def _row(name: str, means: dict[str, np.ndarray], untrained: float) -> Row:
    row: Row = {"on": column_name(name)}
    for kind in KINDS:
        low, high = over_seeds(means[kind].tolist())
        row |= {kind: finite(means[kind].mean()), f"{kind}, low": finite(low), f"{kind}, high": finite(high)}
    return row | {"untrained": finite(untrained), "seeds": len(means["same"])}


def lanes(rows: Sequence[Row], published: bool = False) -> go.Figure:
    """Three lanes for each row (`column_rows`, `domain_rows`), one for each kind, with the number at the right; below
    each the published value if wished. The untrained network is a dotted grey line across the three."""
    theirs = published and any(row.get("same, published") is not None for row in rows)
    each = 2 if theirs else 1  # lines of a lane
    step = 3 * each + 1
    figure = go.Figure()
    end = 1.2 * _largest(rows, theirs)
    figure.add_trace(_untrained_lines(rows, step))
    for place, kind in enumerate(KINDS):
        at = [i * step + place * each for i in range(len(rows))]
        figure.add_trace(_points(rows, kind, at))
        figure.add_trace(_numbers([row[kind] for row in rows], at, end, 14))
        if theirs:
            below = [i + 0.85 for i in at]
            figure.add_trace(_published_points(rows, kind, below))
            figure.add_trace(_numbers([row.get(f"{kind}, published") for row in rows], below, end, 12))
    figure.update_layout(shapes=[_between(i * step - 1) for i in range(1, len(rows))])
    middle = (3 * each - 1) / 2
    styled(figure, round((LANE if each == 1 else 0.75 * LANE) * step * len(rows)) + 170)
    figure.update_yaxes(
        tickvals=[i * step + middle for i in range(len(rows))], ticktext=[_wrapped(row["on"]) for row in rows],
        range=[len(rows) * step - 1, -1], fixedrange=True, showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(
        title="sensitivity (0 = invariant, 1 = like strangers)", range=[0, end], fixedrange=True, zeroline=True
    )
    figure.update_layout(dragmode=False, legend={"orientation": "v", "y": 1.01, "traceorder": "normal"})
    return figure


def _between(y: float) -> Row:
    """A thin line between two blocks."""
    line = {"color": "rgba(128,128,128,0.35)", "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def _wrapped(name: str) -> str:
    """A name on lines short enough for a telephone."""
    return "<br>".join(textwrap.wrap(name, 15, break_on_hyphens=name == "in-distribution"))


def _largest(rows: Sequence[Row], theirs: bool) -> float:
    there = [row[f"{kind}{end}"] for row in rows for kind in KINDS for end in ("", ", high")]
    there += [row["untrained"] for row in rows]
    if theirs:
        both = [(row.get(f"{kind}, published"), row.get(f"{kind}, published sd")) for row in rows for kind in KINDS]
        there += [mean + sd for mean, sd in both if mean is not None and sd is not None]
    return max(0.1, *(value for value in there if value is not None))


def _points(rows: Sequence[Row], kind: str, at: Sequence[float]) -> go.Scatter:
    values = [row[kind] for row in rows]
    bounds = [(row[f"{kind}, low"], row[f"{kind}, high"]) for row in rows]
    there = all(low is not None for low, _ in bounds)
    return go.Scatter(
        name=KIND_NAMES[kind],
        x=values,
        y=list(at),
        mode="markers",
        marker={"color": COLOURS[kind], "symbol": SYMBOLS[kind], "size": 12},
        error_x=error_bars(values, bounds) if there else None,
        customdata=[[row["on"], reach(*both)] for row, both in zip(rows, bounds, strict=True)],
        hovertemplate=f"%{{customdata[0]}}, {kind}: %{{x:.2f}}%{{customdata[1]}}<extra></extra>",
    )


def _numbers(values: Sequence[float | None], at: Sequence[float], end: float, size: int) -> go.Scatter:
    """A column of numbers at the right edge."""
    return go.Scatter(
        name="numbers", x=[end] * len(at), y=list(at), mode="text", showlegend=False, hoverinfo="skip",
        text=["" if value is None else number(value) for value in values], textposition="middle left",
        textfont={"size": size},
    )  # fmt: skip


def _published_points(rows: Sequence[Row], kind: str, at: Sequence[float]) -> go.Scatter:
    means = [row.get(f"{kind}, published") for row in rows]
    spreads = [row.get(f"{kind}, published sd") or 0.0 for row in rows]
    return go.Scatter(
        name=f"{kind}, published (bar: standard deviation)",
        x=means,
        y=list(at),
        mode="markers",
        marker={"color": COLOURS[kind], "symbol": f"{SYMBOLS[kind]}-open", "size": 10, "line": {"width": 2}},
        error_x={"type": "data", "array": spreads, "thickness": 1, "width": 0},
        hovertemplate=f"{kind}, published: %{{x:.2f}} ± %{{error_x.array:.2f}}<extra></extra>",
    )


def _untrained_lines(rows: Sequence[Row], step: int) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    for i, row in enumerate(rows):
        x += [row["untrained"], row["untrained"], None]
        y += [i * step - 0.6, (i + 1) * step - 1.4, None]
    return go.Scatter(
        name="an untrained network", x=x, y=y, mode="lines",
        line={"color": COLOURS["none"], "dash": DASHES["none"], "width": 2}, legendrank=2000,
        hovertemplate="untrained: %{x:.2f}<extra></extra>",
    )  # fmt: skip


def lanes_alt(rows: Sequence[Row], trained: str, published: bool = False) -> str:
    """The lanes in words."""
    told = []
    for row in rows:
        values = ", ".join(f"{kind} {number(row[kind])}{_theirs(row, kind, published)}" for kind in KINDS)
        told.append(f"{row['on']}: {values}, untrained {number(row['untrained'])}")
    return f"Sensitivity of {trained}-trained networks, mean over families. {'; '.join(told)}."


def _theirs(row: Row, kind: str, published: bool) -> str:
    value = row.get(f"{kind}, published")
    return f" (published {number(value)})" if published and value is not None else ""


# ------------------------------------------------------------------------------------------------- by family and group


def family_rows(table: Table, trained: str) -> list[Row]:
    """For each group and family in each column: *same*, *other*, the gain other − same with its interval over seeds,
    and the rank of the family's own network among all (1 = least sensitive), mean over seeds. A group's rows have no
    family; its gain and rank are means over its families in each seed."""
    found: dict[str, list[Row]] = {}
    for column in shift.columns(table):
        kinds = shift.kinds(table, trained, column)  # each (seeds, families)
        ranks = shift.ranks(table, trained, column)
        families = list(ranks)
        for group in GROUPS:
            members = [i for i, family in enumerate(families) if TRANSFORMS[family].group == group]
            for name, chosen in [("", members), *((families[i], [i]) for i in members)]:
                if chosen:
                    rank = np.mean([ranks[families[i]] for i in chosen], axis=0)
                    row = _family_row(column, group, name, kinds["same"][:, chosen], kinds["other"][:, chosen], rank)
                    found.setdefault(name or group, []).append(row)
    return [row for rows in found.values() for row in rows]


def _family_row(column: str, group: str, family: str, same: np.ndarray, other: np.ndarray, rank: np.ndarray) -> Row:
    gains = (other - same).mean(1)  # (seeds,)
    low, high = over_seeds(gains.tolist())
    return {
        "group": group,
        "family": family,
        "on": column_name(column),
        "same": finite(same.mean()),
        "other": finite(other.mean()),
        "gain": finite(gains.mean()),
        "gain, low": finite(low),
        "gain, high": finite(high),
        "rank": finite(rank.mean()),
        "seeds": len(gains),
    }


def breakdown(rows: Sequence[Row], what: str, networks: int) -> go.Figure:
    """Groups and families (rows) × columns: the gain other − same, or the rank of the own network among `networks`. A
    gain whose interval holds 0 stands in brackets."""
    columns = list(dict.fromkeys(row["on"] for row in rows))
    names = list(dict.fromkeys((row["group"], row["family"]) for row in rows))
    by = {(row["group"], row["family"], row["on"]): row for row in rows}
    grid = [[by[*name, column] for column in columns] for name in names]
    values = np.array([[row[what] for row in line] for line in grid], dtype=float)
    texts = [[_cell(row, what) for row in line] for line in grid]
    hover = [[_hover(row, networks) for row in line] for line in grid]
    ends = (1.0, float(networks)) if what == RANK else _symmetric(values)
    at = _places(names)
    z, words, told = (_opened(part, at) for part in (values.tolist(), texts, hover))
    edges = np.arange(at[-1] + 2) - 0.5
    scale = SENSITIVITY_SCALE if what == RANK else GAIN_SCALE
    figure = go.Figure(
        cells(
            np.array([line or [math.nan] * len(columns) for line in z], dtype=float), scale, ends,
            [line or [""] * len(columns) for line in words], x=list(range(len(columns))), y=edges[:-1] + 0.5,
            hovertext=[line or [""] * len(columns) for line in told],
        )
    )  # fmt: skip
    ones = [(place, column, row) for place, line in zip(at, grid, strict=True) for column, row in enumerate(line)]
    figure.add_trace(
        targets(
            [column for _, column, _ in ones],
            [place for place, _, _ in ones],
            [(row["family"], row["on"]) for _, _, row in ones],
            [_hover(row, networks) for _, _, row in ones],
            16,
        )
    )
    _breakdown_axes(figure, columns, names, at)
    return figure


def _places(names: Sequence[tuple[str, str]]) -> list[int]:
    """The row of each name; one is left empty before each group but the first."""
    groups = list(dict.fromkeys(group for group, _ in names))
    return [i + groups.index(group) for i, (group, _) in enumerate(names)]


def _opened(lines: Sequence[Any], at: Sequence[int]) -> list[Any]:
    """The lines at their places, None between."""
    found: list[Any] = [None] * (at[-1] + 1)
    for place, line in zip(at, lines, strict=True):
        found[place] = line
    return found


def _symmetric(values: np.ndarray) -> tuple[float, float]:
    most = max(0.1, float(np.nanmax(np.abs(values))))
    return -most, most


def _cell(row: Row, what: str) -> str:
    if what == RANK:
        return f"{row['rank']:.0f}" if row["family"] and row["rank"] % 1 == 0 else f"{row['rank']:.1f}"
    clear = row["gain, low"] is not None and (row["gain, low"] > 0 or row["gain, high"] < 0)
    return signed(row["gain"]) if clear else f"({signed(row['gain'])})"


def _hover(row: Row, networks: int) -> str:
    whose = name_of(row["family"]) if row["family"] else f"all {row['group']}"
    return (
        f"<b>{whose}</b>, {row['on']}<br>same {number(row['same'])}, other {number(row['other'])}<br>other − same "
        f"{signed(row['gain'])}{reach(row['gain, low'], row['gain, high'])}<br>rank {row['rank']:.1f} of {networks}"
    )


def _breakdown_axes(
    figure: go.Figure, columns: Sequence[str], names: Sequence[tuple[str, str]], at: Sequence[int]
) -> None:
    labels = []
    for group, family in names:
        mark = f'<span style="color:{COLOURS[group]}">{GROUP_MARKS[group]}</span>'
        labels.append(f"{name_of(family)} {mark}" if family else f"<b>{group}</b> {mark}")
    styled(figure, 27 * (at[-1] + 1) + 90)
    fixed = {"fixedrange": True, "showgrid": False, "zeroline": False, "ticks": ""}
    figure.update_xaxes(
        side="top", tickvals=list(range(len(columns))), ticktext=[_wrapped(c) for c in columns],
        tickangle=0, **fixed,
    )  # fmt: skip
    figure.update_yaxes(tickvals=list(at), ticktext=labels, range=[at[-1] + 0.55, -0.55], **fixed)
    figure.update_layout(dragmode=False, showlegend=False)


def breakdown_alt(rows: Sequence[Row], what: str) -> str:
    """The breakdown in words."""
    groups = [row for row in rows if not row["family"]]
    word = "rank of the own network, mean" if what == RANK else "other minus same"
    told = "; ".join(
        f"{row['group']}, {row['on']}: {row['rank']:.1f}" if what == RANK else
        f"{row['group']}, {row['on']}: {signed(row['gain'])}"
        for row in groups
    )  # fmt: skip
    return f"Heat map by family and column, {word}. Means of groups: {told}. The table below lists every family."


def of_groups(rows: Iterable[Row], groups: Sequence[str]) -> list[Row]:
    """The rows of these groups."""
    return [row for row in rows if row["group"] in groups]


def count(rows: Sequence[Row], column: str, test: Callable[[Row], bool]) -> tuple[int, int]:
    """For how many families in a column a test is true, and of how many."""
    chosen = [row for row in rows if row["family"] and row["on"] == column]
    return sum(map(test, chosen)), len(chosen)


# --------------------------------------------------------------------------------------------------------------- words


def absent(table: Table, here: bool | None = None) -> str:
    """Which photographs were not measured, and why; empty where all were. here: whether they are on this machine now,
    if that shall not be looked up."""
    missing = [name for name in shift.DATA if name not in shift.columns(table)]
    if not missing:
        return ""
    names = " and ".join(map(column_name, missing))
    if here is None:
        here = all(sources.available(name) for name in missing)
    why = "measured before they were here; run the study again" if here else "these photographs were not here"
    return f"Not measured: {names} ({why}). *Scene pictures*, drawn by the lab, stand in their place."


def notice(image_rows: Sequence[Row], gains: Gains) -> str:
    """Two sentences that the numbers themselves decide. image_rows: the columns of image-trained networks."""
    rows = {row["on"]: row for row in image_rows}
    near, far = rows["in-distribution"], rows["strong"]
    first = (
        f"Trained on images, a network's sensitivity to its own family is **{number(near['same'])}** on what it "
        f"learned and **{number(far['same'])}** under a strong shift; networks trained for another family have "
        f"{number(near['other'])} and {number(far['other'])}."
    )
    return f"{first} {kept(gains)}"


def kept(gains: Gains) -> str:
    """Where the advantage of having been trained for a family is beyond doubt."""
    if any(math.isnan(low) for _, low, _ in gains.values()):
        return "With a single seed nobody can say whether that is chance."
    doubtful = [f"{trained}-trained, {column}" for (trained, column), (_, low, _) in gains.items() if not low > 0]
    (trained, column), (least, *_) = min(gains.items(), key=lambda item: item[1][0])
    if not doubtful:
        return (
            f"The advantage (other − same) is clear in all {len(gains)} blocks, and smallest for {trained}-trained "
            f"networks on *{column_name(column)}*: {signed(least)}."
        )
    return (
        f"The advantage (other − same) is clear in {len(gains) - len(doubtful)} of {len(gains)} blocks; not in: "
        f"{'; '.join(doubtful)}."
    )


def gains_of(table: Table) -> Gains:
    """Mean of other − same and its interval over seeds, for each kind of network and column."""
    found = {}
    for trained in shift.TRAINED:
        for column in shift.columns(table):
            means = shift.means(table, trained, column)
            found[trained, column] = summary(means["other"] - means["same"])
    return found


LEARNED = {"image": "objects on scenes", "random": "random objects on noise"}
LEAD = (
    "**Sensitivity** to a family, averaged over families: how far the representation moves, 0 = not at all. Each "
    "block below is a column of the paper's figure."
)
COLUMNS_TOLD = (
    "*In-distribution*: the objects it learned, new draws. *Mild*: other objects of the same kind. *Strong*: noise "
    "for image-trained networks, objects on scenes for random-trained ones. *Scene pictures*, CIFAR: whole "
    "pictures are transformed."
)


def breakdown_lead(what: str, networks: int) -> str:
    """What the map of families shows: the gain, or the rank among so many networks."""
    if what == RANK:
        return (
            f"**Rank** of the network trained for the family among all {networks}, mean over seeds: 1 (light) = the "
            "least sensitive of all. Bold rows are the means of a group."
        )
    return (
        "**Gain**: sensitivity of networks trained for other families − that of the family's own. Above 0 (violet) "
        "training for the family helped. In brackets where the 95 % interval over seeds holds 0."
    )


def networks_of(whole: Sequence[Row]) -> int:
    """How many networks are ranked: one for each family, and one for none."""
    return len({row["family"] for row in whole if row["family"]}) + 1


def breakdown_notice(whole: Sequence[Row]) -> str:
    """Two sentences that the numbers themselves decide. whole: the rows of all families."""
    best, of = count(whole, "in-distribution", lambda row: row["rank"] == 1)
    still, _ = count(whole, "strong", lambda row: row["rank"] == 1)
    means = [row for row in whole if not row["family"] and row["on"] == "in-distribution"]
    most, least = (pick(means, key=lambda row: row["gain"]) for pick in (max, min))
    return (
        f"In-distribution, {best} of {of} families have their own network in first place in every seed; under the "
        f"strong shift {still}. The in-distribution gain is largest for {most['group']} families, "
        f"{signed(most['gain'])}, and smallest for {least['group']} ones, {signed(least['gain'])}."
    )


def domains_notice(rows: Sequence[Row], trained: str) -> str:
    """One sentence that the numbers themselves decide. rows: of every set of images."""
    lowest = min(rows, key=lambda row: row["same"])
    return (
        f"Of {len(rows)} sets, {trained}-trained networks are least sensitive to their own family on "
        f"*{lowest['on']}* ({number(lowest['same'])}); they learned {LEARNED[trained]}."
    )


def summary(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of (seeds,) and its 95 % interval over seeds (nan, nan for one seed), without the noise of rounding."""
    low, high = over_seeds(values.tolist())
    return round(float(values.mean()), 6), round(low, 6), round(high, 6)
