"""The figures of the page *Responses*: curves and maps along a transformation's parameters, and layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.colors import qualitative

from invlab.figures import COLOURS, SENSITIVITY_SCALE, band, error_bars, styled, targets
from invlab.studies.claims import number

OTHERS = (("dash", "diamond"), ("dashdot", "triangle-up"), ("longdash", "cross"), ("dot", "star"))
STRANGERS = "as far as strangers"


@dataclass(frozen=True)
class Line:
    """How a network is drawn: `same` where it was trained for the family in question, `none`, or `other`."""

    name: str
    kind: str
    dash: str
    symbol: str

    @property
    def colour(self) -> str:
        return COLOURS[self.kind]


def lines(kinds: Mapping[str, str]) -> list[Line]:
    """One for each name -> kind; several `other` networks share a colour and differ in dash and symbol."""
    found, others = [], iter(OTHERS * len(kinds))
    for name, kind in kinds.items():
        dash, symbol = {"same": ("solid", "circle"), "none": ("dot", "square")}.get(kind) or next(others)
        found.append(Line(name, kind, dash, symbol))
    return found


def curves(
    drawn: Sequence[Line], results: Sequence[Mapping[str, Any]], axis: str, still: float, at: float | None = None
) -> go.Figure:
    """Sensitivity along one parameter, a line with an interval's band for each network.

    still: the value that changes nothing; at: a value to mark. A point's custom data are its value.
    """
    figure = go.Figure()
    for line, result in zip(drawn, results, strict=True):
        x = [point[0] for point in result["points"]]
        low, high = zip(*result["interval"], strict=True)
        if len(x) > 2:
            figure.add_trace(band(line.colour, x, result["interval"], f"{line.name}, interval", line.name))
        figure.add_trace(
            go.Scatter(
                name=line.name,
                legendgroup=line.name,
                x=x,
                y=result["sensitivity"],
                mode="lines+markers",
                line={"color": line.colour, "dash": line.dash, "width": 2.5},
                marker={"color": line.colour, "symbol": line.symbol, "size": 7},
                error_y=error_bars(result["sensitivity"], result["interval"]) if len(x) <= 2 else None,
                customdata=[[value, f"{number(a)} to {number(b)}"] for value, a, b in zip(x, low, high, strict=True)],
                hovertemplate="%{x:.3g}: <b>%{y:.2f}</b> [%{customdata[1]}]",
            )
        )
    top = max([1.0, *(high for result in results for _, high in result["interval"])])
    figure.add_hline(1, line={"color": COLOURS["none"], "width": 1}, annotation_text=STRANGERS)
    figure.add_vline(still, line={"color": COLOURS["none"], "width": 1, "dash": "dot"})
    if at is not None:
        figure.add_vline(at, line={"color": "#d62728", "width": 2, "dash": "dash"})
    styled(figure, height=460)
    figure.update_xaxes(title=axis, fixedrange=True, zeroline=False)
    if axis.endswith("(°)"):
        reach = max((x for result in results for (x,) in result["points"]), default=0)
        figure.update_xaxes(dtick=45 if reach > 180 else 15)
    figure.update_yaxes(
        title="distance to the unchanged image<br>(strangers: 1)", range=[0, 1.08 * top], fixedrange=True
    )
    figure.update_layout(dragmode=False, hovermode="closest", clickmode="event+select")
    return figure


def curves_alt(drawn: Sequence[Line], results: Sequence[Mapping[str, Any]], axis: str) -> str:
    """The curves in words."""
    told = []
    for line, result in zip(drawn, results, strict=True):
        best = max(range(len(result["points"])), key=lambda i: result["sensitivity"][i])
        told.append(f"{line.name} at most {number(result['sensitivity'][best])}, at {result['points'][best][0]:g}")
    return f"Distance to the unchanged image along {axis}, strangers: 1. Networks: {'; '.join(told)}."


def rows(drawn: Sequence[Line], results: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """The table behind curves or a map."""
    return [
        {"network": line.name, **dict(zip(names, point, strict=True)), "sensitivity": round(value, 4)}
        | {"low": round(low, 4), "high": round(high, 4)}
        for line, result in zip(drawn, results, strict=True)
        for point, value, (low, high) in zip(result["points"], result["sensitivity"], result["interval"], strict=True)
    ]


def map_of(
    line: Line,
    result: Mapping[str, Any],
    axes: tuple[str, str],
    top: float,
    chosen: tuple[float, float] | None = None,
) -> go.Figure:
    """Sensitivity of one network over two parameters, light = invariant, on a scale from 0 to `top`; a ring around the
    `chosen` point. A clicked point's custom data are its two values."""
    across = sorted({point[0] for point in result["points"]})
    up = sorted({point[1] for point in result["points"]})
    at = {tuple(point): value for point, value in zip(result["points"], result["sensitivity"], strict=True)}
    figure = go.Figure(
        go.Heatmap(
            name=line.name,
            x=across,
            y=up,
            z=[[at[a, b] for a in across] for b in up],
            zmin=0,
            zmax=top,
            colorscale=SENSITIVITY_SCALE,
            colorbar={"thickness": 12, "len": 0.9},
            hoverinfo="skip",
        )
    )
    points = [tuple(point) for point in result["points"]]
    hover = [f"{a:.3g}, {b:.3g}: <b>{number(at[a, b])}</b>" for a, b in points]
    figure.add_trace(targets([a for a, _ in points], [b for _, b in points], points, hover, 16))
    if chosen is not None:
        ring = {"symbol": "circle-open", "size": 14, "color": "#d62728", "line": {"width": 3}}
        figure.add_trace(
            go.Scatter(x=[chosen[0]], y=[chosen[1]], mode="markers", marker=ring, hoverinfo="skip", showlegend=False)
        )
    styled(figure, height=360)
    figure.update_layout(title={"text": line.name, "font": {"size": 14}, "x": 0.4, "xanchor": "center"}, dragmode=False)
    figure.update_xaxes(title=axes[0], fixedrange=True)
    figure.update_yaxes(title=axes[1], fixedrange=True)
    return figure


def largest(results: Sequence[Mapping[str, Any]]) -> float:
    """Where a scale that all of them share ends: at 1, as far as strangers, or beyond."""
    return max([1.0, *(value for result in results for value in result["sensitivity"])])


def map_alt(line: Line, result: Mapping[str, Any], axes: tuple[str, str]) -> str:
    """A map in words."""
    mean = sum(result["sensitivity"]) / len(result["sensitivity"])
    return (
        f"Heat map of the distance to the unchanged image over {axes[0]} and {axes[1]}, network {line.name}: mean "
        f"{number(mean)}, largest {number(max(result['sensitivity']))} at "
        f"{', '.join(f'{value:g}' for value in _largest(result))}."
    )


def _largest(result: Mapping[str, Any]) -> Sequence[float]:
    values = result["sensitivity"]
    return result["points"][values.index(max(values))]


PALETTE = qualitative.Safe  # made for those who do not see all colours; symbols differ as well
MARKS = ("circle", "diamond", "square", "triangle-up", "cross", "star")


def orbits(
    name: str,
    result: Mapping[str, Any],
    objects: Sequence[str],
    values: Sequence[float],
    by_value: bool,
    unit: str,
    circular: bool = False,
) -> go.Figure:
    """Where a network puts each object along a parameter, a line for each object, coloured by object or by value.

    A point's custom data are the object's name and the value.
    """
    figure = go.Figure()
    for number_, (label, places) in enumerate(zip(objects, result["places"], strict=True)):
        marker: dict[str, Any] = {"size": 5, "symbol": MARKS[number_ % len(MARKS)]}
        colour = PALETTE[number_ % len(PALETTE)]
        if by_value:
            marker |= {
                "color": list(values), "coloraxis": "coloraxis",
            }  # fmt: skip
            colour = COLOURS["none"]
        else:
            marker["color"] = colour
        figure.add_trace(
            go.Scatter(
                name=label,
                x=[x for x, _ in places],
                y=[y for _, y in places],
                mode="lines+markers",
                line={"color": colour, "width": 1},
                marker=marker,
                customdata=[[label, value] for value in values],
                hovertemplate=f"<b>%{{customdata[0]}}</b> at %{{customdata[1]:.3g}} {unit}<extra></extra>",
            )
        )
    styled(figure, height=380)
    shares = [f"{share:.0%} of the variance" for share in result["explained"]]
    figure.update_xaxes(title=shares[0], showticklabels=False, zeroline=False, fixedrange=True)
    figure.update_yaxes(
        title=shares[1], showticklabels=False, zeroline=False, fixedrange=True, scaleanchor="x", scaleratio=1
    )
    scale = "Phase" if circular else "Viridis"
    figure.update_layout(
        title={"text": name, "font": {"size": 14}, "x": 0.5, "xanchor": "center"},
        coloraxis={"colorscale": scale, "colorbar": {"thickness": 12, "len": 0.9, "title": unit}},
        showlegend=False,
        dragmode=False,
        clickmode="event+select",
    )
    return figure


def spread_of(result: Mapping[str, Any]) -> float:
    """How much of what the plane shows is movement along the parameter, 0 … 1; the rest lies between objects."""
    places = np.array(result["places"])
    whole = ((places - places.mean((0, 1))) ** 2).sum()
    return float(((places - places.mean(1, keepdims=True)) ** 2).sum() / whole) if whole else 0.0


def orbits_alt(name: str, result: Mapping[str, Any]) -> str:
    """The orbits in words."""
    return (
        f"{len(result['places'])} objects at {len(result['places'][0])} values in the plane of largest variance, as "
        f"the network {name} sees them. {spread_of(result):.0%} of what is seen is movement along the parameter, "
        "the rest lies between objects."
    )


def layers(drawn: Sequence[Line], results: Sequence[Mapping[str, Any]], pooled: bool) -> go.Figure:
    """Sensitivity after every stage on a relative depth from the images (0) to the representation (1)."""
    value, interval = ("pooled", "pooled_interval") if pooled else ("sensitivity", "interval")
    figure = go.Figure()
    for line, result in zip(drawn, results, strict=True):
        stages = result["stages"]
        figure.add_trace(
            go.Scatter(
                name=line.name,
                x=[row["depth"] for row in stages],
                y=[row[value] for row in stages],
                mode="lines+markers",
                line={"color": line.colour, "dash": line.dash, "width": 2.5},
                marker={"color": line.colour, "symbol": line.symbol, "size": 10},
                error_y=error_bars([row[value] for row in stages], [row[interval] for row in stages]),
                customdata=[[row["stage"]] for row in stages],
                hovertemplate="after %{customdata[0]}: <b>%{y:.2f}</b>",
            )
        )
    styled(figure, height=460)
    stages = results[0]["stages"]
    if all([r["stage"] for r in result["stages"]] == [r["stage"] for r in stages] for result in results):
        figure.update_xaxes(tickvals=[row["depth"] for row in stages], ticktext=[row["stage"] for row in stages])
    top = max([1.0, *(row[interval][1] for result in results for row in result["stages"])])
    figure.update_xaxes(title="depth: from the images to the representation", fixedrange=True, range=[-0.04, 1.04])
    figure.update_yaxes(title="sensitivity", range=[0, 1.05 * top], fixedrange=True)
    figure.update_layout(dragmode=False)
    return figure


def layers_alt(drawn: Sequence[Line], results: Sequence[Mapping[str, Any]], pooled: bool) -> str:
    """The layers in words."""
    value = "pooled" if pooled else "sensitivity"
    told = [
        f"{line.name}: " + ", ".join(f"{row['stage']} {number(row[value])}" for row in result["stages"])
        for line, result in zip(drawn, results, strict=True)
    ]
    return f"Sensitivity after every stage. {'; '.join(told)}."


def layer_rows(drawn: Sequence[Line], results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The table behind the layers."""
    return [
        {"network": line.name, "stage": row["stage"], "depth": round(row["depth"], 3)}
        | {
            f"{column}{end}": round(number_, 4)
            for column, value, interval in (
                ("sensitivity", "sensitivity", "interval"),
                ("averaged over positions", "pooled", "pooled_interval"),
            )
            for end, number_ in (("", row[value]), (", low", row[interval][0]), (", high", row[interval][1]))
        }
        for line, result in zip(drawn, results, strict=True)
        for row in result["stages"]
    ]


def curve_lead(axis: str, images: int) -> str:
    """What the curves along one parameter show."""
    return (
        f"**How far from itself?** Each object is changed by one amount of {axis}; the line says how far its "
        "representation is then from that of the unchanged object, where two strangers are 1 apart. Bands: 95 % over "
        f"{images} images."
    )
