"""The figures of the page *Mismatch*: sources × targets, the target with all families, and what a missing one costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from invlab.figures import COLOURS, DASHES, SYMBOLS, error_bars, styled, targets
from invlab.figures.sensitivity import INK, TRANSFER_SCALE, inks, name_of
from invlab.intervals import over_seeds
from invlab.studies import mismatch
from invlab.studies.claims import number
from invlab.studies.published import MISMATCH_ON_8
from invlab.studies.study import Table, signed
from invlab.transforms import GROUPS, TRANSFORMS
from invlab.words import family_name

Row = dict[str, Any]

CLEAR = "rgba(0,0,0,0)"
GROUP_SYMBOLS = {"geometric": "square", "photometric": "circle", "corruption": "diamond"}
GROUP_MARKS = {"geometric": "■", "photometric": "●", "corruption": "◆"}


def finite(value: float) -> float | None:
    """For tables: None for NaN, else four decimals."""
    return None if math.isnan(value) else round(float(value), 4)


def aligned(rows: Sequence[Row]) -> list[Row]:
    """The rows with the same names in all, None where a row has no such value."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in names} for row in rows]


def reach(low: float | None, high: float | None) -> str:
    """` [0.14, 0.24]`, or nothing where there is no interval."""
    return "" if low is None or high is None else f" [{number(low)}, {number(high)}]"


def cells(
    values: np.ndarray, scale: str, limits: tuple[float, float], texts: Sequence[Sequence[str]], **more: Any
) -> list[go.Heatmap]:
    """A heat map of (rows, columns) with a text in each cell, in the ink that contrasts more with the cell's colour.
    NaN leaves a cell empty. `more` goes into each layer (x, y); hover texts as `hovertext`."""
    at = [[None if math.isnan(v) else float(v) for v in row] for row in values]
    there = ~np.isnan(values)
    chosen = np.where(there, inks(np.where(there, values, limits[0]), scale, limits), "")
    layers = [
        go.Heatmap(
            name="colours", z=at, zmin=limits[0], zmax=limits[1], colorscale=scale, showscale=False,
            hovertemplate="%{hovertext}<extra></extra>", xgap=2, ygap=2, **more,
        )
    ]  # fmt: skip
    plain = {name: value for name, value in more.items() if name != "hovertext"}
    for name, colour in INK.items():
        shown = [
            [text if ink == name else "" for text, ink in zip(*both, strict=True)]
            for both in zip(texts, chosen, strict=True)
        ]
        layers.append(
            go.Heatmap(
                name=f"{name} numbers", z=at, text=shown, texttemplate="%{text}", textfont={"color": colour},
                colorscale=[[0, CLEAR], [1, CLEAR]], showscale=False, hoverinfo="skip", **plain,
            )
        )  # fmt: skip
    return layers


# ------------------------------------------------------------------------------------------------------------- the map


def map_rows(table: Table) -> list[Row]:
    """Transfer accuracy of every source on every target, mean over seeds with its interval."""
    whole = mismatch.length(table)
    rows = []
    for target in range(1, whole + 1):
        for source in range(1, whole + 1):
            values = mismatch.accuracy(table, source, target)
            low, high = over_seeds(values.tolist())
            rows.append(
                {"target families": target, "source families": source, "accuracy": finite(values.mean()),
                 "low": finite(low), "high": finite(high), "seeds": len(values)}
            )  # fmt: skip
    return rows


def the_map(rows: Sequence[Row]) -> go.Figure:
    """Source families (columns) × target families (rows): light = transfers well; on the framed diagonal both have the
    same families, right of it the source has more, left of it fewer."""
    whole = max(row["target families"] for row in rows)
    values = np.array([row["accuracy"] for row in rows], dtype=float).reshape(whole, whole)
    texts = [[number(v) for v in line] for line in values]
    hover = np.array([_told(row) for row in rows]).reshape(whole, whole).tolist()
    names = [str(k) for k in range(1, whole + 1)]
    figure = go.Figure(cells(values, TRANSFER_SCALE, (0.0, 1.0), texts, x=names, y=names, hovertext=hover))
    figure.add_trace(
        targets(
            [str(row["source families"]) for row in rows],
            [str(row["target families"]) for row in rows],
            [(row["source families"], row["target families"]) for row in rows],
            [_told(row) for row in rows],
            34,
        )
    )
    for k in range(whole):
        box = {"x0": k - 0.5, "x1": k + 0.5, "y0": k - 0.5, "y1": k + 0.5}
        for stroke in ({"color": "#ffffff", "width": 4}, {"color": COLOURS["same"], "width": 2.5}):
            figure.add_shape(type="rect", **box, line=stroke)
    styled(figure, 110 + 46 * whole)
    fixed = {"type": "category", "fixedrange": True, "showgrid": False, "zeroline": False, "ticks": ""}
    figure.update_xaxes(title="families the network learned under", **fixed)
    figure.update_yaxes(title="families of the target", autorange="reversed", **fixed)
    figure.update_layout(dragmode=False)
    return figure


def _told(row: Row) -> str:
    return (
        f"source {row['source families']}, target {row['target families']} families<br>accuracy "
        f"<b>{number(row['accuracy'])}</b>{reach(row['low'], row['high'])}<br>{row['seeds']} seeds"
    )


def sides(rows: Sequence[Row]) -> dict[str, float]:
    """The mean accuracy on the diagonal, where the source has more families (`above`), and fewer (`below`); NaN where
    there is no such cell."""
    kinds: dict[str, list[float]] = {"own": [], "above": [], "below": []}
    for row in rows:
        more = row["source families"] - row["target families"]
        kinds["own" if more == 0 else "above" if more > 0 else "below"].append(row["accuracy"])
    return {kind: float(np.mean(values)) if values else math.nan for kind, values in kinds.items()}


def map_alt(rows: Sequence[Row]) -> str:
    """The map in words."""
    whole, means = max(row["target families"] for row in rows), sides(rows)
    return (
        f"Heat map of transfer accuracy, {whole} targets (rows) by {whole} sources (columns). Mean where both have the "
        f"same families {number(means['own'])}, where the source has more {number(means['above'])}, where it has fewer "
        f"{number(means['below'])}. The table below lists every cell."
    )


# ----------------------------------------------------------------------------------------- the target with all families


def falling_rows(rows: Sequence[Row], published: bool = False) -> list[Row]:
    """Accuracy on the target with all families by how many of them the source lacks; the paper's too if wished."""
    whole = max(row["target families"] for row in rows)
    found = [
        {"missing": whole - row["source families"], "of": whole, "accuracy": row["accuracy"], "low": row["low"],
         "high": row["high"], "where": "here"}
        for row in rows
        if row["target families"] == whole
    ]  # fmt: skip
    if published:
        theirs = max(MISMATCH_ON_8)
        found += [
            {"missing": theirs - k, "of": theirs, "accuracy": v, "low": None, "high": None, "where": "published"}
            for k, v in MISMATCH_ON_8.items()
        ]
    return found


def falling(rows: Sequence[Row], chance: float) -> go.Figure:
    """Accuracy on the target with all families against how many of them the source lacks (`falling_rows`)."""
    here, theirs = ([r for r in rows if r["where"] == where] for where in ("here", "published"))
    figure = go.Figure(_line(here, f"here, {here[0]['of']} families"))
    if theirs:
        figure.add_trace(_line(theirs, f"published, {theirs[0]['of']} families (30 classes)", open_symbols=True))
    _same_end(figure, here)
    most = max(row["missing"] for row in rows)
    figure.add_scatter(
        x=[-0.4, most + 0.4], y=[chance, chance], mode="lines", name="guessing, here", hoverinfo="skip",
        line={"color": COLOURS["none"], "dash": DASHES["none"], "width": 2},
    )  # fmt: skip
    styled(figure, 400)
    figure.update_xaxes(
        title="families missing from the source", tickvals=list(range(most + 1)), range=[most + 0.4, -0.4],
        fixedrange=True, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(title="transfer accuracy", range=[0, 1.12], tickvals=[0, 0.25, 0.5, 0.75, 1], fixedrange=True)
    figure.update_layout(dragmode=False, legend={"traceorder": "normal"}, margin={"r": 40})
    return figure


def _line(rows: Sequence[Row], name: str, open_symbols: bool = False) -> go.Scatter:
    kind = "overlapping"
    there = all(row["low"] is not None for row in rows)
    values = [row["accuracy"] for row in rows]
    bars = error_bars(values, [(row["low"], row["high"]) for row in rows]) if there else None
    return go.Scatter(
        name=name,
        x=[row["missing"] for row in rows],
        y=values,
        mode="lines+markers" + ("" if open_symbols else "+text"),
        line={"color": COLOURS[kind], "dash": "dot" if open_symbols else "solid", "width": 1.5 if open_symbols else 2},
        marker={"color": COLOURS[kind], "symbol": SYMBOLS[kind] + ("-open" if open_symbols else ""), "size": 11},
        text=[number(v) for v in values],
        textposition="bottom right",
        cliponaxis=False,
        error_y=bars,
        customdata=[reach(row["low"], row["high"]) for row in rows],
        hovertemplate=f"{name}: %{{x}} missing, accuracy %{{y:.2f}}%{{customdata}}<extra></extra>",
    )


def _same_end(figure: go.Figure, rows: Sequence[Row]) -> None:
    """The source that lacks nothing has the target's own families: it gets their colour and symbol."""
    for row in rows:
        if row["missing"] == 0:
            figure.add_scatter(
                x=[0], y=[row["accuracy"]], mode="markers", name="the target's own families", hoverinfo="skip",
                marker={"color": COLOURS["same"], "symbol": SYMBOLS["same"], "size": 13},
            )  # fmt: skip


def falling_alt(rows: Sequence[Row], chance: float) -> str:
    """The lines in words."""
    parts = []
    for where in ("here", "published"):
        chosen = sorted((r for r in rows if r["where"] == where), key=lambda r: -r["missing"])
        if chosen:
            told = ", ".join(f"{row['missing']} missing {number(row['accuracy'])}" for row in chosen)
            parts.append(f"{where.capitalize()}, of {chosen[0]['of']} families: {told}.")
    return f"Transfer accuracy on the target with all families. {' '.join(parts)} Guessing here: {number(chance)}."


# ----------------------------------------------------------------------------------------------- what one missing costs


def cost_rows(table: Table) -> list[Row]:
    """What leaving one family out costs on the target with all: a row for each family that was in a seed's set, the
    costliest first."""
    rows = []
    for family, values in mismatch.costs(table).items():
        rows.append(
            {"family": family, "group": TRANSFORMS[family].group, "cost": finite(values.mean()), "seeds": len(values),
             "by seed": ", ".join(signed(v) for v in values)}
        )  # fmt: skip
    return sorted(rows, key=lambda row: -row["cost"])


def group_rows(table: Table) -> list[Row]:
    """The same by group: the mean over a seed's families of the group, then over the seeds that had one."""
    whole = mismatch.length(table)
    full = dict(zip(table.seeds, mismatch.accuracy(table, whole, whole), strict=True))
    found: dict[str, dict[int, list[float]]] = {group: {} for group in GROUPS}
    for row in table.where(kind=mismatch.WITHOUT).records():
        of_group = found[TRANSFORMS[row["missing"]].group]
        of_group.setdefault(row["seed"], []).append(full[row["seed"]] - row["value"])
    rows = []
    for group, seeds in found.items():
        if seeds:
            means = [float(np.mean(values)) for values in seeds.values()]
            low, high = over_seeds(means)
            rows.append(
                {"group": group, "cost": finite(float(np.mean(means))), "low": finite(low), "high": finite(high),
                 "seeds": len(means), "families": sum(map(len, seeds.values()))}
            )  # fmt: skip
    return rows


def costs(table_costs: Mapping[str, np.ndarray], groups: Sequence[Row]) -> go.Figure:
    """A row for each group with its interval, then one for each family: its mean, and small open symbols for seeds."""
    families = sorted(table_costs, key=lambda name: -float(table_costs[name].mean()))
    names = [*(row["group"] for row in groups), *families]
    figure = go.Figure()
    for group in GROUPS:
        members = [f for f in families if TRANSFORMS[f].group == group]
        look = {"color": COLOURS[group], "symbol": GROUP_SYMBOLS[group]}
        seeds = [(float(v), names.index(f)) for f in members for v in table_costs[f]]
        figure.add_scatter(
            x=[v for v, _ in seeds], y=[at for _, at in seeds], mode="markers", showlegend=False, legendgroup=group,
            marker={"color": COLOURS[group], "symbol": f"{GROUP_SYMBOLS[group]}-open", "size": 7}, name="one seed",
            hovertemplate="one seed: %{x:+.2f}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[float(table_costs[f].mean()) for f in members], y=[names.index(f) for f in members], mode="markers",
            name=group, legendgroup=group, marker=look | {"size": 11},
            customdata=[[f, len(table_costs[f])] for f in members],
            hovertemplate="%{customdata[0]}: %{x:+.2f}, mean over %{customdata[1]} seeds<extra></extra>",
        )  # fmt: skip
        _group_point(figure, [row for row in groups if row["group"] == group], names)
    labels = [f"<b>{n}</b>" if n in GROUPS else f"{name_of(n)} ({len(table_costs[n])})" for n in names]
    _cost_axes(figure, labels, len(groups))
    return figure


def _group_point(figure: go.Figure, rows: Sequence[Row], names: Sequence[str]) -> None:
    for row in rows:
        there = row["low"] is not None
        figure.add_scatter(
            x=[row["cost"]], y=[names.index(row["group"])], mode="markers", showlegend=False, legendgroup=row["group"],
            name=f"all {row['group']}",
            marker={"color": COLOURS[row["group"]], "symbol": GROUP_SYMBOLS[row["group"]], "size": 15},
            error_x=error_bars([row["cost"]], [(row["low"], row["high"])]) if there else None,
            hovertemplate=f"{row['group']}: %{{x:+.2f}}{reach(row['low'], row['high'])}, {row['seeds']} seeds, "
            f"{row['families']} families<extra></extra>",
        )  # fmt: skip


def _cost_axes(figure: go.Figure, labels: Sequence[str], groups: int) -> None:
    figure.add_vline(0, line={"color": COLOURS["none"], "width": 1.5, "dash": DASHES["none"]})
    figure.add_hline(groups - 0.5, line={"color": COLOURS["none"], "width": 1})
    styled(figure, 120 + 27 * len(labels))
    figure.update_yaxes(
        tickvals=list(range(len(labels))), ticktext=list(labels), range=[len(labels) - 0.4, -0.6], fixedrange=True,
        zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(
        title="accuracy lost without the family", tickformat="+.2f", nticks=6, fixedrange=True, zeroline=False
    )
    figure.update_layout(dragmode=False)


def costs_alt(rows: Sequence[Row], groups: Sequence[Row]) -> str:
    """The costs in words."""
    if not rows:
        return "No family was left out."
    told = ", ".join(f"{row['group']} {signed(row['cost'])}{reach(row['low'], row['high'])}" for row in groups)
    first, last = rows[0], rows[-1]
    return (
        f"Accuracy lost when one family is left out. By group: {told}. By family, from {first['family']} "
        f"{signed(first['cost'])} to {last['family']} {signed(last['cost'])}; the table below lists all."
    )


# --------------------------------------------------------------------------------------------------------------- words


def lead(chain: int) -> str:
    """What the first two figures show."""
    return (
        f"Each seed draws {chain} families in random order; task *k* uses the first *k*. A network learns each task, "
        "and a linear probe on it is tested on each: its **transfer accuracy**, light = good."
    )


def lengths_told(chain: int, classes: int) -> str:
    """What must not be compared with the paper; nothing where the tasks are the paper's."""
    theirs = mismatch.SIZES["paper"]
    told = f"The paper's tasks have {theirs.classes} classes, these {classes}"
    if chain != theirs.chain:
        told = f"The paper's chain has {theirs.chain} families and {theirs.classes} classes, this {chain} and {classes}"
    elif classes == theirs.classes:
        return ""
    return f"{told}: compare how accuracy falls with each *missing* family, not how high it is."


def costs_lead(chain: int) -> str:
    """What the figure of missing families shows."""
    return (
        f"Beyond the paper: networks that learned all {chain} families *but one*, tested on the target with all. The "
        "accuracy lost, against the network that learned all. In brackets: in how many seeds the family was drawn."
    )


def notice(rows: Sequence[Row]) -> str:
    """Two sentences that the numbers themselves decide."""
    means, whole = sides(rows), max(row["target families"] for row in rows)
    first = f"Where a network learned the target's own families it reaches {number(means['own'])} on average"
    if not math.isnan(means["above"]):
        change = means["above"] - means["own"]
        hurts = "costs nothing to speak of" if change > -mismatch.TOLERANCE else "costs something"
        first += f"; where it learned more than the target needs, {number(means['above'])}: that {hurts}"
    last = {row["source families"]: row["accuracy"] for row in rows if row["target families"] == whole}
    steps = {k: last[k + 1] - last[k] for k in range(1, whole)}
    if not steps:
        return f"{first}."
    most = max(steps, key=lambda k: steps[k])
    return (
        f"{first}. On the target with all {whole}, it goes from {number(last[1])} with one family to "
        f"{number(last[whole])} with all; the largest step is {signed(steps[most])}, from {most} to {most + 1}."
    )


def costs_notice(rows: Sequence[Row], groups: Sequence[Row]) -> str:
    """Two sentences on the costs."""
    first, last = rows[0], rows[-1]
    dearest = max(groups, key=lambda row: row["cost"])
    text = (
        f"Leaving out *{family_name(first['family'])}* cost most ({signed(first['cost'])}), "
        f"*{family_name(last['family'])}* least ({signed(last['cost'])}); of the groups, {dearest['group']} "
        f"families cost most on average ({signed(dearest['cost'])}{reach(dearest['low'], dearest['high'])})."
    )
    few = sum(row["seeds"] < 2 for row in rows)
    drawn = f"{few} of {len(rows)} families were drawn in one seed only" if few else "each was drawn more than once"
    return f"{text} Take single families with care: {drawn}, and what a family costs depends on the others around it."
