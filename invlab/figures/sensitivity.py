"""The figures of the page *Sensitivity*: the map of networks × families, its summary, and the twins behind a cell."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import sample_colorscale, unlabel_rgb

from invlab.figures import COLOURS, DASHES, SENSITIVITY_SCALE, SYMBOLS, error_bars, styled, targets
from invlab.studies.claims import KINDS, MEASURES, PUBLISHED, PUBLISHED_SOURCE, Grid, kept, measure, number, overall
from invlab.studies.claims import claims as claims_of
from invlab.studies.singles import NONE
from invlab.transforms import GROUPS, TRANSFORMS

TRANSFER_SCALE = "Viridis"  # light = transfers well, so the good cells are the light ones in every map
SHORT = {"h_flip": "mirror ↔", "v_flip": "mirror ↕"}  # labels of axes must be short on a telephone
GAP = 0.35  # between groups, in cells
STRIP = (2, 20)  # from where to where, off the plot, the strip that names a group reaches, in pixels
INK = {"dark": "#000000", "light": "#ffffff"}
ROW_PIXELS = 29
KIND_NAMES = {
    "same": "same: trained for this family",
    "other": "other: mean of those trained for another family",
    "none": "none: trained without transformations",
}
TWINS, STRANGERS = "#cc6677", "#88ccee"  # colours that mean nothing else in the lab


def name_of(name: str) -> str:
    """A source's or family's short name on an axis."""
    return SHORT.get(name, name)


def group_of(name: str) -> str:
    """The group of a family; a network trained for none is a group of its own."""
    return NONE if name == NONE else TRANSFORMS[name].group


def positions(names: Sequence[str]) -> np.ndarray:
    """Where the names lie on an axis: one apart, and `GAP` more where a new group begins."""
    groups = [group_of(name) for name in names]
    steps = [1 + GAP * (a != b) for a, b in itertools.pairwise(groups)]
    return np.concatenate([[0.0], np.cumsum(steps)])


def spread(values: np.ndarray, names: Sequence[str], axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The values with an empty row (or column) between groups, and the edges of all of them on the axis."""
    at = positions(names)
    breaks = [i for i in range(1, len(names)) if group_of(names[i]) != group_of(names[i - 1])]
    edges = np.sort(np.concatenate([at - 0.5, [at[i - 1] + 0.5 for i in breaks], [at[-1] + 0.5]]))
    return np.insert(values.astype(float), breaks, math.nan, axis=axis), edges


def luminance(colour: str) -> float:
    """The relative luminance of `rgb(…)`, 0 … 1 (WCAG 2)."""
    parts = [c / 255 for c in unlabel_rgb(colour)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def inks(values: np.ndarray, scale: str, limits: tuple[float, float]) -> np.ndarray:
    """`dark` or `light` for each value: the ink that contrasts more with the cell's colour (at least 4.5 : 1)."""
    share = np.clip((values - limits[0]) / (limits[1] - limits[0]), 0, 1)
    bright = np.array([luminance(colour) for colour in sample_colorscale(scale, share.ravel().tolist())])
    dark = (bright + 0.05) / 0.05 >= 1.05 / (bright + 0.05)
    return np.where(dark, "dark", "light").reshape(values.shape)


# -------------------------------------------------------------------------------------------------------------- the map


def network_map(
    table: Grid, which: str, limits: tuple[float, float], chosen: tuple[str, str] | None = None
) -> go.Figure:
    """Networks × families. A cell that is clicked is a point of the invisible trace `cells`, whose first two custom
    data are the network and the family: plotly reports no click on a heat map's own cells to Streamlit.
    """
    how = measure(which)
    scale = TRANSFER_SCALE if how.larger_is_better else SENSITIVITY_SCALE
    figure = go.Figure(_colours(table, how.quantity, how.meaning, scale, limits))
    figure.add_traces(_numbers(table, scale, limits))
    figure.add_trace(_targets(table, how.quantity))
    x, y = positions(table.columns), positions(table.rows)
    for family in table.columns:
        if family in table.rows:
            place = x[table.columns.index(family)], y[table.rows.index(family)]
            _outline(figure, *place, COLOURS["same"], 2)
    if chosen:
        place = x[table.columns.index(chosen[1])], y[table.rows.index(chosen[0])]
        _outline(figure, *place, "#d62728", 4, dash="dot")
    _strips(figure, table.columns, "x")
    _strips(figure, table.rows, "y")
    styled(figure, height=round(y[-1] * ROW_PIXELS) + 250)
    fixed = {"fixedrange": True, "showgrid": False, "zeroline": False, "showline": False, "ticks": ""}
    figure.update_xaxes(
        side="top",
        tickvals=x,
        ticktext=[name_of(n) for n in table.columns],
        tickangle=-90,
        ticklabelstandoff=STRIP[1],
        range=[-0.55, x[-1] + 0.55],
        title=f"{'transfer to' if how.larger_is_better else 'sensitivity to'} …",
        **fixed,
    )
    figure.update_yaxes(
        tickvals=y,
        ticktext=[name_of(n) for n in table.rows],
        ticklabelstandoff=STRIP[1],
        range=[y[-1] + 0.55, -0.55],
        title="network trained for …",
        **fixed,
    )
    figure.update_layout(dragmode=False, hovermode="closest", showlegend=False, margin={"b": 60})
    return figure


def _colours(table: Grid, quantity: str, meaning: str, scale: str, limits: tuple[float, float]) -> go.Heatmap:
    z, x = spread(table.values, table.columns, axis=1)
    z, y = spread(z, table.rows, axis=0)
    return go.Heatmap(
        name="colours",
        z=_lists(z),
        x=x,
        y=y,
        zmin=limits[0],
        zmax=limits[1],
        colorscale=scale,
        hoverinfo="skip",
        colorbar={
            "orientation": "h",
            "y": -0.01,
            "yanchor": "top",
            "thickness": 12,
            "len": 0.9,
            "title": {"text": f"{quantity}<br>{meaning}", "side": "top", "font": {"size": 13}},
        },
    )


def _numbers(table: Grid, scale: str, limits: tuple[float, float]) -> list[go.Heatmap]:
    """Two layers without colour that write the numbers: plotly's own choice of ink is hard to read on middle tones.

    The size of the letters is left to plotly, which fits them to the cells.
    """
    ink = inks(table.values, scale, limits)
    layers = []
    for name, colour in INK.items():
        z, x = spread(np.where(ink == name, table.values, math.nan), table.columns, axis=1)
        z, y = spread(z, table.rows, axis=0)
        layers.append(
            go.Heatmap(
                name=f"{name} numbers",
                z=_lists(z),
                x=x,
                y=y,
                text=[["" if math.isnan(v) else number(v) for v in row] for row in z],
                texttemplate="%{text}",
                textfont={"color": colour},
                colorscale=[[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
                showscale=False,
                hoverinfo="skip",
            )
        )
    return layers


def _targets(table: Grid, quantity: str) -> go.Scatter:
    """Something to point at in the middle of each cell."""
    x, y = positions(table.columns), positions(table.rows)
    places = [(i, j) for i in range(len(table.rows)) for j in range(len(table.columns))]
    texts = []
    for i, j in places:
        low, high = table.low[i, j], table.high[i, j]
        reach = "" if math.isnan(low) else f"<br>95 % interval {table.over}: {number(low)} to {number(high)}"
        texts.append(f"{quantity} <b>{number(table.values[i, j])}</b>{reach}<br>{table.what}")
    hover = [
        f"trained for <b>{table.rows[i]}</b>, under <b>{table.columns[j]}</b><br>{text}"
        for (i, j), text in zip(places, texts, strict=True)
    ]
    both = [(table.rows[i], table.columns[j]) for i, j in places]
    return targets([x[j] for _, j in places], [y[i] for i, _ in places], both, hover, 14)


def _lists(values: np.ndarray) -> list[list[float | None]]:
    """Plain numbers, None where there is none: plotly leaves such a cell empty."""
    return [[None if math.isnan(v) else float(v) for v in row] for row in values]


def _outline(figure: go.Figure, x: float, y: float, colour: str, width: float, **line: Any) -> None:
    """A frame round a cell; the white one beneath keeps it visible on dark cells."""
    box = {"x0": x - 0.5, "x1": x + 0.5, "y0": y - 0.5, "y1": y + 0.5}
    for stroke in ({"color": "#ffffff", "width": width + 2}, {"color": colour, "width": width, **line}):
        figure.add_shape(type="rect", **box, line=stroke)


def _strips(figure: go.Figure, names: Sequence[str], axis: str) -> None:
    """A coloured strip with the group's name along each group: left of the plot (axis y), or on top of it (axis x).

    Its thickness is in pixels, so that the name fits on a telephone too.
    """
    at = positions(names)
    across, edge, sign = ("y", 1, 1) if axis == "x" else ("x", 0, -1)
    thickness = {f"{across}sizemode": "pixel", f"{across}anchor": edge}
    thickness |= {f"{across}0": sign * STRIP[0], f"{across}1": sign * STRIP[1]}
    for group in (*GROUPS, NONE):
        members = [at[i] for i, name in enumerate(names) if group_of(name) == group]
        if not members:
            continue
        ends = {f"{axis}0": members[0] - 0.5, f"{axis}1": members[-1] + 0.5}
        figure.add_shape(
            type="rect", **thickness, **ends, **{f"{across}ref": "paper"}, fillcolor=COLOURS[group], line_width=0
        )
        if len(members) > 1:  # a single row is named by its own label
            figure.add_annotation(
                **{axis: (members[0] + members[-1]) / 2, across: edge, f"{across}ref": "paper"},
                **{f"{across}shift": sign * sum(STRIP) / 2, f"{across}anchor": "middle" if axis == "x" else "center"},
                text=group,
                textangle=0 if axis == "x" else -90,
                showarrow=False,
                font={"size": 12, "color": "#000000"},
            )


def map_alt(table: Grid, which: str) -> str:
    """The map in words."""
    how = measure(which)
    own = [table.at(f, f)[0] for f in table.columns if f in table.rows]
    rest = [v for i, row in enumerate(table.values) for j, v in enumerate(row) if table.rows[i] != table.columns[j]]
    return (
        f"Heat map of {how.title}: {len(table.rows)} networks (rows) by {len(table.columns)} families (columns), "
        f"{table.what}. Each network's own family, on the diagonal: mean {number(float(np.mean(own)))}; all other "
        f"cells: mean {number(float(np.mean(rest)))}. The table below lists all."
    )


# ---------------------------------------------------------------------------------------------------- same, other, none


def by_family(rows: Sequence[dict[str, Any]], which: str) -> go.Figure:
    """*same*, *other* and *none* of each family (`claims.families`), the largest differences on top of each group."""
    how = measure(which)
    ordered = sorted(rows, key=lambda r: (GROUPS.index(group_of(r["family"])), -abs(r["other"] - r["same"])))
    return kinds_by_family(ordered, f"{how.quantity} ({how.meaning})", reach(rows, how.larger_is_better))


def kinds_by_family(
    ordered: Sequence[dict[str, Any]], title: str, limits: tuple[float, float] | None = None
) -> go.Figure:
    """*same*, *other* and *none* of each family as points with intervals, in the order of the rows, which keep a
    group's families together. title: of the values' axis; limits: where it begins and ends."""
    at = positions([row["family"] for row in ordered])
    figure = go.Figure()
    for offset, kind in zip((0.22, 0.0, -0.22), KINDS, strict=True):
        figure.add_trace(
            go.Scatter(
                name=KIND_NAMES[kind],
                x=[row[kind] for row in ordered],
                y=at - offset,
                mode="markers",
                marker={"color": COLOURS[kind], "symbol": SYMBOLS[kind], "size": 10},
                error_x=_bars(ordered, kind),
                customdata=[[row["family"], _reach(row, kind)] for row in ordered],
                hovertemplate=f"%{{customdata[0]}}, {kind}: %{{x:.2f}}%{{customdata[1]}}<extra></extra>",
            )
        )
    _strips(figure, [row["family"] for row in ordered], "y")
    styled(figure, height=round(at[-1] * 34) + 170)
    figure.update_yaxes(
        tickvals=at,
        ticktext=[name_of(row["family"]) for row in ordered],
        ticklabelstandoff=STRIP[1],
        range=[at[-1] + 0.6, -0.6],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_xaxes(title=title, range=limits, fixedrange=True)
    figure.update_layout(dragmode=False, legend={"orientation": "v", "y": 1.01})
    return figure


def reach(rows: Sequence[dict[str, Any]], larger_is_better: bool) -> tuple[float, float]:
    """From where to where the axis of values goes: all intervals, a sensitivity's 0, no more than an accuracy's 1."""
    values = [row[name] for row in rows for kind in KINDS for name in (kind, f"{kind}, low", f"{kind}, high")]
    there = [value for value in values if value is not None]
    if larger_is_better:
        return max(0.0, min(there) - 0.02), min(1.0, max(there)) + 0.02
    return min(0.0, min(there)), max(there) + 0.02


def _bars(rows: Sequence[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    if any(row[f"{kind}, low"] is None for row in rows):
        return None
    return error_bars([row[kind] for row in rows], [(row[f"{kind}, low"], row[f"{kind}, high"]) for row in rows])


def _reach(row: dict[str, Any], kind: str) -> str:
    low, high = row[f"{kind}, low"], row[f"{kind}, high"]
    return "" if low is None else f" [{number(low)}, {number(high)}]"


def by_family_alt(rows: Sequence[dict[str, Any]], which: str) -> str:
    """The dots in words."""
    how = measure(which)
    means = {kind: float(np.mean([row[kind] for row in rows])) for kind in KINDS}
    best = [r["family"] for r in rows if (r["same"] > r["other"] if how.larger_is_better else r["same"] < r["other"])]
    return (
        f"{how.title} for each of {len(rows)} families, with 95 % intervals over seeds. Means: "
        + ", ".join(f"{kind} {number(value)}" for kind, value in means.items())
        + f". Same is {'above' if how.larger_is_better else 'below'} other for {len(best)} families."
    )


def overview(averages: dict[str, dict[str, tuple[float, float, float]]], published: bool = False) -> go.Figure:
    """The means over families for both domains (`claims.overall` by domain), beside the published ones if wished."""
    figure = go.Figure()
    domains = [name for name in MEASURES if name in averages]
    labels = {"training": "training objects", "new": "new objects"}
    for offset, kind in zip((-0.2, 0.0, 0.2), KINDS, strict=True):
        at = [i + offset for i in range(len(domains))]
        values = [averages[domain][kind] for domain in domains]
        there = not any(math.isnan(low) for _, low, _ in values)
        figure.add_trace(
            go.Scatter(
                name=kind,
                x=at,
                y=[value for value, _, _ in values],
                mode="lines+markers+text",
                line={"color": COLOURS[kind], "dash": DASHES[kind], "width": 1.5},
                marker={"color": COLOURS[kind], "symbol": SYMBOLS[kind], "size": 12},
                text=[number(value) for value, _, _ in values],
                textposition="bottom center" if kind == "other" else "top center",
                error_y=error_bars([v for v, _, _ in values], [(a, b) for _, a, b in values]) if there else None,
                hovertemplate=f"{kind}: %{{y:.2f}}<extra></extra>",
            )
        )
        if published:
            theirs = [PUBLISHED[domain][kind] for domain in domains]
            figure.add_trace(
                go.Scatter(
                    name=f"{kind}, published (ResNet-18, paper's objects)",
                    x=[a + 0.07 for a in at],
                    y=[mean for mean, _ in theirs],
                    mode="markers",
                    marker={
                        "color": COLOURS[kind],
                        "symbol": f"{SYMBOLS[kind]}-open",
                        "size": 12,
                        "line": {"width": 2},
                    },
                    error_y={"type": "data", "array": [sd for _, sd in theirs], "thickness": 1, "width": 0},
                    hovertemplate=f"{kind}, published: %{{y:.2f}} (bar: standard deviation)<extra></extra>",
                )
            )
    styled(figure, height=430)
    figure.update_xaxes(
        tickvals=list(range(len(domains))),
        ticktext=[labels[domain] for domain in domains],
        range=[-0.5, len(domains) - 0.5],
        fixedrange=True,
        showgrid=False,
        zeroline=False,
    )
    top = max(high for values in averages.values() for triple in values.values() for high in triple if high == high)
    if published:
        top = max(top, *(mean + sd for domain in domains for mean, sd in PUBLISHED[domain].values()))
    figure.update_yaxes(title="sensitivity, mean over families", range=[0, 1.12 * top], fixedrange=True)
    figure.update_layout(dragmode=False)
    return figure


def overview_alt(averages: dict[str, dict[str, tuple[float, float, float]]], published: bool) -> str:
    """The means in words."""
    told = "; ".join(
        f"{domain} objects: " + ", ".join(f"{kind} {number(values[kind][0])}" for kind in KINDS)
        for domain, values in averages.items()
    )
    theirs = "; ".join(
        f"{domain} objects: " + ", ".join(f"{kind} {number(PUBLISHED[domain][kind][0])}" for kind in KINDS)
        for domain in averages
    )
    return f"Sensitivity averaged over families. {told}." + (f" Published: {theirs}." if published else "")


# ------------------------------------------------------------------------------------------------------ behind a cell


def twins_and_strangers(moved: Sequence[float], apart: Sequence[float]) -> go.Figure:
    """How far twins and strangers lie from each other, both in units of the strangers' mean distance."""
    edges = np.linspace(0, max(*moved, *apart) * 1.001, 25)
    figure = go.Figure()
    for name, values, colour, pattern in (
        ("strangers: two random images", apart, STRANGERS, "/"),
        ("twins: one object, two draws", moved, TWINS, ""),
    ):
        counts, _ = np.histogram(values, edges)
        figure.add_trace(
            go.Bar(
                name=name,
                x=(edges[:-1] + edges[1:]) / 2,
                y=counts.tolist(),
                width=np.diff(edges),
                marker={"color": colour, "opacity": 0.75, "pattern": {"shape": pattern}},
                hovertemplate="distance about %{x:.2f}: %{y} pairs<extra></extra>",
            )
        )
    mean = float(np.mean(moved))
    for at, colour, dash in ((mean, TWINS, "dash"), (1.0, STRANGERS, "solid")):
        figure.add_vline(at, line={"color": "#ffffff", "width": 5})  # beneath, so that the line shows on its own bars
        figure.add_vline(at, line={"color": colour, "width": 3, "dash": dash})
    for at, text, level in ((mean, f"twins' mean {number(mean)}", 1.0), (1.0, "strangers' mean = 1", 0.9)):
        figure.add_annotation(
            x=at, y=level, yref="paper", text=text, showarrow=False, xanchor="left", xshift=6,
            bgcolor="#ffffff", font={"color": "#1c2733", "size": 13}, opacity=0.9,
        )  # fmt: skip
    styled(figure, height=340)
    figure.update_layout(barmode="overlay", dragmode=False)
    figure.update_xaxes(title="distance, in units of the strangers' mean distance", fixedrange=True, rangemode="tozero")
    figure.update_yaxes(title="pairs", fixedrange=True)
    return figure


def twins_alt(moved: Sequence[float], apart: Sequence[float]) -> str:
    """The histogram in words."""
    nearer = float(np.mean(np.asarray(moved) < np.quantile(apart, 0.05)))
    return (
        f"Histogram of distances. {len(moved)} twin pairs lie {number(float(np.mean(moved)))} apart on average, "
        f"{len(apart)} pairs of strangers 1. {nearer:.0%} of the twins are closer than 95 % of the strangers."
    )


# --------------------------------------------------------------------------------------------------------------- words


FRAMED = "Framed in blue: each network under the family it was trained for."
OVERVIEW_TOLD = f"Open symbols: {PUBLISHED_SOURCE}; bars: standard deviation over families and seeds."


def map_lead(which: str) -> str:
    """What the colours of the map say."""
    if measure(which).larger_is_better:
        return (
            "**Transfer accuracy** of a linear probe on the frozen network, for new objects: light = transfers well, "
            "*larger is better*."
        )
    return (
        "**Sensitivity**: light = invariant, dark = sensitive. At 0 the twins of an image look the same to the "
        "network, at 1 they are no more alike than strangers."
    )


def families_lead(which: str) -> str:
    """What the map in short shows."""
    return f"The map in short, for *{measure(which).title}*: one row for each family, with 95 % intervals over seeds."


def notice(summary: dict[str, Any], which: str) -> str:
    """Two sentences that the numbers themselves decide."""
    means = overall(summary, which)
    same, other, none = (means[kind][0] for kind in KINDS)
    if measure(which).larger_is_better:
        right = claims_of(summary)[-1]
        return (
            f"Under its own family a network reaches {number(same)} on new objects, networks trained for another "
            f"family {number(other)} on average and the one trained for none {number(none)}. The matching "
            f"network is at least as good as the others' mean for {right.right} of {right.of} families."
        )
    share = kept(summary)
    if math.isnan(share):
        second = "On the training objects no invariance was gained that could carry over."
    else:
        left = f"{100 * share:.0f} %" if share > 0 else "nothing"
        second = (
            f"On new objects {left} of the invariance gained on the training objects (other − same) is still there."
        )
    stands = "stands out" if same < 0.8 * other else "hardly stands out"
    return (
        f"The diagonal {stands}: over all seeds, a network's sensitivity is {number(same)} to its own family, "
        f"{number(other)} to families it was not trained for; trained for none it is {number(none)}. {second}"
    )
