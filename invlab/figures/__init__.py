"""From tables to Plotly figures. No torch, no Streamlit: the same figures serve the app, files and a static site."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import pandas  # noqa: F401 - plotly uses it if it finds it, even one that another thread has only half imported
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

# One colour has one meaning everywhere; each also differs in symbol and dash, for those who do not see the colour.
COLOURS = {
    "same": "#1f77b4",
    "disjoint": "#ff7f0e",
    "other": "#ff7f0e",
    "overlapping": "#9467bd",
    "none": "#7f7f7f",
    "geometric": "#1b9e77",
    "photometric": "#cc79a7",
    "corruption": "#a6761d",
}
SYMBOLS = {"same": "circle", "disjoint": "diamond", "other": "diamond", "overlapping": "triangle-up", "none": "square"}
DASHES = {"same": "solid", "disjoint": "dash", "other": "dash", "overlapping": "dashdot", "none": "dot"}
SENSITIVITY_SCALE = "Cividis_r"  # light = invariant, dark = sensitive
CONFIG = {"displaylogo": False, "showSendToCloud": False, "toImageButtonOptions": {"format": "png", "scale": 2}}


def error_bars(values: Sequence[float], intervals: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Plotly's asymmetric error bars from values and their [low, high] intervals."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [high - value for value, (_, high) in zip(values, intervals, strict=True)],
        "arrayminus": [value - low for value, (low, _) in zip(values, intervals, strict=True)],
        "thickness": 1.5,
        "width": 4,
    }


def band(
    colour: str, x: Sequence[float], intervals: Sequence[Sequence[float]], name: str = "", group: str | None = None
) -> go.Scatter:
    """The area between [low, high] intervals along x, in a pale tone of `colour`; hidden in a legend with `group`."""
    red, green, blue = hex_to_rgb(colour)
    return go.Scatter(
        x=[*x, *reversed(x)],
        y=[*(high for _, high in intervals), *(low for low, _ in reversed(intervals))],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.18)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        legendgroup=group,
        name=name,
    )


def targets(
    x: Sequence[Any], y: Sequence[Any], customdata: Sequence[Sequence[Any]], hover: Sequence[str], size: int
) -> go.Scatter:
    """Invisible squares over the cells of a heat map, to click and to hover: Streamlit is told of no click on the cells
    themselves."""
    unseen = {"marker": {"opacity": 0}}  # also once one of them is selected
    return go.Scatter(
        name="cells",
        x=list(x),
        y=list(y),
        mode="markers",
        marker={"symbol": "square", "size": size, "opacity": 0},
        selected=unseen,
        unselected=unseen,
        customdata=[list(row) for row in customdata],
        text=list(hover),
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def styled(figure: go.Figure, height: int = 420) -> go.Figure:
    """The margins, legend and fonts that all figures share; colours of text and background are left to the theme."""
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 36, "b": 10},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0},
        font={"size": 14},
        hoverlabel={"font_size": 14},
    )
    figure.update_xaxes(automargin=True)
    figure.update_yaxes(automargin=True)
    return figure


def to_html(*figures: go.Figure) -> str:
    """Figures as a page of their own, one below the other, plotly's script included."""
    first, *rest = figures
    page = first.to_html(include_plotlyjs=True, full_html=True, config=CONFIG)
    more = "".join(figure.to_html(include_plotlyjs=False, full_html=False, config=CONFIG) for figure in rest)
    head, end, tail = page.rpartition("</body>")
    return head + more + end + tail


def to_csv(rows: Sequence[dict[str, Any]]) -> str:
    """A table (a list of rows with the same names) as CSV text."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
