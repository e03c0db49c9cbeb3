"""The one figure of the Home page."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from invlab.figures import COLOURS, SYMBOLS, styled
from invlab.figures.sensitivity import name_of
from invlab.studies.singles import same_other_none

Row = dict[str, Any]


def at_a_glance(study: dict[str, Any]) -> tuple[go.Figure, list[Row]]:
    """For each family, sensitivity on new objects of the network trained for it and of those trained for others; and
    the rows behind the figure, the largest difference first."""
    values = {name: v.mean(0) for name, v in same_other_none(study["sensitivity_new"]).items()}
    rows = [
        {"transformation": family, "same": float(values["same"][i]), "other": float(values["other"][i])}
        for i, family in enumerate(study["families"])
    ]
    rows.sort(key=lambda row: row["same"] - row["other"])
    names = [name_of(row["transformation"]) for row in rows]
    figure = go.Figure()
    for row, name in zip(rows, names, strict=True):
        figure.add_scatter(
            x=[name, name],
            y=[row["other"], row["same"]],
            mode="lines",
            line={"color": "rgba(128,128,128,0.5)", "width": 2},
            showlegend=False,
            hoverinfo="skip",
        )
    for kind, label in (("other", "trained for another (mean of 17)"), ("same", "trained for this one")):
        figure.add_scatter(
            x=names,
            y=[row[kind] for row in rows],
            mode="markers",
            name=label,
            marker={"color": COLOURS[kind], "symbol": SYMBOLS[kind], "size": 12},
            hovertemplate="%{x}: %{y:.2f}<extra>" + label + "</extra>",
        )
    figure.update_yaxes(title="sensitivity on new objects", rangemode="tozero")
    figure.update_xaxes(tickangle=-45)
    return styled(figure, 440), rows


def glance_in_words(rows: list[Row]) -> str:
    """The figure as one sentence."""
    lower = sum(row["same"] < row["other"] for row in rows)
    first = rows[0]
    return (
        f"Sensitivity on new objects by transformation: the network trained for it is less sensitive than the others "
        f"in {lower} of {len(rows)}; the largest difference is {first['transformation']}, {first['same']:.2f} against "
        f"{first['other']:.2f}."
    )
