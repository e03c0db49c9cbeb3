"""The figures of an audit: each family's sensitivity, its response curve, and where in the network it arises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.colors import hex_to_rgb
from plotly.subplots import make_subplots

from invlab.figures import COLOURS, SENSITIVITY_SCALE, band, error_bars, responses, styled
from invlab.figures.responses import OTHERS, Line
from invlab.figures.sensitivity import SHORT, inks
from invlab.studies.claims import number
from invlab.transforms import GROUPS, TRANSFORMS

PATTERNS = {"geometric": "", "photometric": "/", "corruption": "."}  # beside the hue
PALEST = 0.4  # opacity of the bar of an invariant family: light = invariant
ROW_PIXELS = 30
ROW_OF_CURVES = 170
WORDS = {"h_flip": "mirror left–right", "v_flip": "mirror top–bottom"}
HIGHEST = 2.0  # where the curves' scale ends at the latest: one family in ten-fold distance must not flatten all others
INVARIANT, BLIND = 0.2, 0.8  # what is called invariant, and what is called as far as strangers


def name_of(family: str) -> str:
    """A family's name as people read it."""
    return WORDS.get(family, family)


def by_family(result: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["family"]: row for row in result["families"]}


def bars(result: Mapping[str, Any]) -> go.Figure:
    """A bar for each family, the most invariant one on top, with its interval; a line where strangers lie."""
    found = by_family(result)
    figure = go.Figure()
    for group in GROUPS:
        rows = [found[name] for name in result["ranking"] if found[name]["group"] == group]
        if not rows:
            continue
        red, green, blue = hex_to_rgb(COLOURS[group])
        values = [row["sensitivity"] for row in rows]
        shades = [PALEST + (1 - PALEST) * min(1.0, value) for value in values]
        bars_ = error_bars(values, [row["interval"] for row in rows])
        figure.add_trace(
            go.Bar(
                name=group,
                orientation="h",
                y=[SHORT.get(row["family"], row["family"]) for row in rows],
                x=values,
                error_x=bars_ | {"color": COLOURS["none"]},
                marker={
                    "color": f"rgba({red},{green},{blue},0.75)",
                    "opacity": shades,
                    "line": {"color": COLOURS[group], "width": 1.5},
                    "pattern": {"shape": PATTERNS[group], "solidity": 0.25, "fgcolor": COLOURS[group]},
                },
                customdata=[[row["family"], " to ".join(map(number, row["interval"]))] for row in rows],
                hovertemplate="%{y}: <b>%{x:.2f}</b> [%{customdata[1]}]<extra></extra>",
            )
        )
    figure.add_vline(1, line={"color": COLOURS["none"], "width": 1, "dash": "dot"})
    figure.add_annotation(
        x=1, y=1, yref="paper", yanchor="top", xanchor="right", text=responses.STRANGERS, showarrow=False
    )
    styled(figure, height=110 + ROW_PIXELS * len(found))
    order = [SHORT.get(name, name) for name in result["ranking"]]
    figure.update_yaxes(categoryorder="array", categoryarray=order[::-1], fixedrange=True)
    top = max([1.0, *(row["interval"][1] for row in found.values())])
    figure.update_xaxes(title="sensitivity (0: invariant)", range=[0, 1.05 * top], fixedrange=True)
    figure.update_layout(dragmode=False, bargap=0.25)
    return figure


def bars_alt(result: Mapping[str, Any]) -> str:
    """The bars in words."""
    found = by_family(result)
    told = ", ".join(f"{name_of(name)} {number(found[name]['sensitivity'])}" for name in result["ranking"])
    return f"Sensitivity for each family, the most invariant first (1: as far as strangers): {told}."


def axis_name(family: str) -> str:
    """`rotate: angle (°)`."""
    axis = TRANSFORMS[family].axes[0]
    return f"{SHORT.get(family, family)}: {axis.parameter}" + (
        f" ({axis.unit})" if axis.unit not in ("", axis.parameter) else ""
    )


def curves(result: Mapping[str, Any], columns: int = 3) -> go.Figure:
    """A small curve for each family along its first parameter, all on one scale, cut at `HIGHEST`; dotted: nothing
    changes."""
    rows = result["families"]
    columns = min(columns, len(rows))
    lines = -(-len(rows) // columns)
    figure = make_subplots(
        lines, columns, subplot_titles=[axis_name(row["family"]) for row in rows], shared_yaxes=True,
        vertical_spacing=0.32 / max(lines, 2), horizontal_spacing=0.06,
    )  # fmt: skip
    top = min(HIGHEST, max([1.0, *(high for row in rows for _, high in row["curve"]["interval"])]))
    for place, row in enumerate(rows):
        at = {"row": place // columns + 1, "col": place % columns + 1}
        _one_curve(figure, row, at)
        still = TRANSFORMS[row["family"]].identity[row["curve"]["parameter"]]
        figure.add_vline(still, line={"color": COLOURS["none"], "width": 1, "dash": "dot"}, **at)
        figure.add_hline(1, line={"color": COLOURS["none"], "width": 1}, **at)
    styled(figure, height=60 + ROW_OF_CURVES * lines)
    figure.update_yaxes(range=[0, 1.05 * top], fixedrange=True, nticks=4)
    figure.update_xaxes(fixedrange=True, nticks=5, zeroline=False)
    figure.update_annotations(font_size=13)
    figure.update_layout(dragmode=False, showlegend=False)
    return figure


def _one_curve(figure: go.Figure, row: Mapping[str, Any], at: dict[str, int]) -> None:
    curve, colour = row["curve"], COLOURS[row["group"]]
    x = [point[0] for point in curve["points"]]
    if len(x) > 2:
        figure.add_trace(band(colour, x, curve["interval"], f"{row['family']}, interval"), **at)
    figure.add_trace(
        go.Scatter(
            name=name_of(row["family"]), x=x, y=curve["sensitivity"], mode="lines+markers",
            line={"color": colour, "width": 2}, marker={"color": colour, "size": 6},
            error_y=error_bars(curve["sensitivity"], curve["interval"]) if len(x) <= 2 else None,
            customdata=[f"{number(a)} to {number(b)}" for a, b in curve["interval"]],
            hovertemplate="%{x:.3g}: <b>%{y:.2f}</b> [%{customdata}]",
        ),
        **at,
    )  # fmt: skip


def curves_alt(result: Mapping[str, Any]) -> str:
    """The curves in words."""
    told = []
    for row in result["families"]:
        curve = row["curve"]
        most = max(range(len(curve["points"])), key=curve["sensitivity"].__getitem__)
        told.append(f"{name_of(row['family'])} {number(curve['sensitivity'][most])} at {curve['points'][most][0]:g}")
    return f"Distance to the unchanged photograph along each family's parameter, at most: {', '.join(told)}."


def depth_map(result: Mapping[str, Any], pooled: bool = False) -> go.Figure:
    """Sensitivity of every family after every stage, light = invariant; numbers in the cells where they fit."""
    import numpy as np

    value = "pooled" if pooled else "sensitivity"
    found = by_family(result)
    names = list(reversed(result["ranking"]))
    stages = [row["stage"] for row in result["families"][0]["stages"]]
    values = np.array([[row[value] for row in found[name]["stages"]] for name in names])
    top = max(1.0, float(values.max()))
    labels = [SHORT.get(name, name) for name in names]
    figure = go.Figure(
        go.Heatmap(
            x=stages, y=labels, z=values, zmin=0, zmax=top, colorscale=SENSITIVITY_SCALE,
            colorbar={"thickness": 12, "len": 0.9}, xgap=1, ygap=1,
            hovertemplate="%{y}, after %{x}: <b>%{z:.2f}</b><extra></extra>",
        )
    )  # fmt: skip
    if len(stages) <= 10:
        ink = inks(values, SENSITIVITY_SCALE, (0.0, top))
        for i, label in enumerate(labels):
            for j, stage in enumerate(stages):
                colour = "#000000" if ink[i, j] == "dark" else "#ffffff"
                figure.add_annotation(
                    x=stage, y=label, text=number(values[i, j]), showarrow=False, font={"color": colour, "size": 12}
                )
    styled(figure, height=110 + ROW_PIXELS * len(names))
    figure.update_xaxes(fixedrange=True, title="stage, from the images to the representation")
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(dragmode=False)
    return figure


def depth_alt(result: Mapping[str, Any], pooled: bool = False) -> str:
    """The map in words."""
    value = "pooled" if pooled else "sensitivity"
    told = [
        f"{name_of(row['family'])} {number(row['stages'][0][value])} to {number(row['stages'][-1][value])}"
        for row in result["families"]
    ]
    return f"Sensitivity from the images to the representation, for each family: {'; '.join(told)}."


def chosen_lines(result: Mapping[str, Any], families: Sequence[str]) -> list[Line]:
    """How families are drawn by depth: the group's hue, and a dash and a symbol for each of it."""
    counts: dict[str, int] = {}
    lines = []
    for name in families:
        group = TRANSFORMS[name].group
        turn = counts[group] = counts.get(group, -1) + 1
        dash, symbol = (("solid", "circle"), *OTHERS)[turn % (1 + len(OTHERS))]
        lines.append(Line(name_of(name), group, dash, symbol))
    return lines


def layers(result: Mapping[str, Any], families: Sequence[str], pooled: bool) -> go.Figure:
    """Sensitivity of chosen families after every stage."""
    found = by_family(result)
    return responses.layers(chosen_lines(result, families), [found[name] for name in families], pooled)


# -------------------------------------------------------------------------------------------------------------- words


def headline(result: Mapping[str, Any]) -> str:
    """The most and the least invariant families in a sentence, decided by the numbers. Plain text."""
    found, ranking = by_family(result), result["ranking"]

    def told(names: Sequence[str]) -> str:
        return ", ".join(f"{name_of(name)} ({number(found[name]['sensitivity'])})" for name in names)

    if len(ranking) < 4:
        return f"Sensitivity: {told(ranking)}."
    return f"Most invariant to {told(ranking[:3])}; least to {told(ranking[:-4:-1])}."


def notice(result: Mapping[str, Any]) -> str:
    """What to notice, in two sentences, decided by the numbers."""
    found = by_family(result)
    low = [name for name in result["ranking"] if found[name]["interval"][1] < INVARIANT]
    high = [name for name in reversed(result["ranking"]) if found[name]["interval"][0] > BLIND]
    parts = []
    if low:
        parts.append(
            f"to {', '.join(map(name_of, low))} it is invariant: twins lie within a fifth of strangers' distance"
        )
    if high:
        parts.append(f"under {', '.join(map(name_of, high))} twins lie almost as far apart as strangers, or farther")
    judged = "; ".join(parts)
    second = f"{judged[:1].upper()}{judged[1:]}." if judged else (
        "No family's interval lies below a fifth of the strangers' distance, and none above four fifths."
    )  # fmt: skip
    return f"{headline(result)} {second}"


# -------------------------------------------------------------------------------------------------------------- tables


def rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The table behind the bars, the most invariant family first."""
    found = by_family(result)
    return [
        {"family": name, "group": found[name]["group"], "sensitivity": round(found[name]["sensitivity"], 4)}
        | dict(zip(("low", "high"), (round(x, 4) for x in found[name]["interval"]), strict=True))
        | {"photographs": result["images"], "twin pairs of each": found[name]["pairs"]}
        for name in result["ranking"]
    ]


def curve_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The table behind the curves."""
    return [
        {"family": row["family"], "parameter": row["curve"]["parameter"], "value": point[0]}
        | {"distance": round(value, 4), "low": round(low, 4), "high": round(high, 4)}
        for row in result["families"]
        for point, value, (low, high) in zip(
            row["curve"]["points"], row["curve"]["sensitivity"], row["curve"]["interval"], strict=True
        )
    ]


def stage_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The table behind the layers."""
    return [
        {"family": row["family"], "stage": stage["stage"], "depth": round(stage["depth"], 3)}
        | {
            f"{name}{end}": round(value, 4)
            for name, interval in (("sensitivity", "interval"), ("pooled", "pooled_interval"))
            for end, value in (("", stage[name]), (" low", stage[interval][0]), (" high", stage[interval][1]))
        }
        for row in result["families"]
        for stage in row["stages"]
    ]
