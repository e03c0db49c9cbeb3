"""The one figure of the Home page."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from invlab.figures import COLOURS, SYMBOLS, styled
from invlab.figures.sensitivity import name_of
from invlab.studies.singles import same_other_none

Row = dict[str, Any]

FIVE_WORDS = """
- **Object**: a cut-out picture. All images of a class are one object, transformed and pasted on random backgrounds.
- **Transformation**: one draw from a family, such as “rotate by 211°”.
- **Representation**: the numbers inside a network that its last layer reads.
- **Sensitivity**: how far the representation moves when the transformation is drawn anew, divided by how far apart two
  random images are. 0 = invariant; about 1 = twins are no more alike than strangers.
- **Transfer accuracy**: how well a linear classifier, reading the frozen representation, names new objects.
"""
AFTER = (
    "After T. Speicher, V. Nanda, K. P. Gummadi: *Understanding the Role of Invariance in Transfer Learning*, TMLR "
    "2024 (arXiv 2407.04325). Objects and scenes are drawn for this lab."
)


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


def means_told(seeds: int) -> str:
    """What the numbers beside the figure are means of."""
    return (
        f"Means over 18 transformations and {seeds} seeds; labnet, 30 classes, the classroom preset. "
        "Sensitivity: 0 = the representation does not move at all, 1 = twins are no more alike than strangers."
    )


def notice(rows: list[Row]) -> str:
    """What to notice, as the numbers have it."""
    lower = sum(row["same"] < row["other"] for row in rows)
    most = "Every" if lower == len(rows) else f"{lower} of {len(rows)}"
    return (
        "Each line joins the sensitivity of networks trained for one transformation (blue) and of those trained for "
        f"another (orange). {most} blue point{'' if most == 'Every' or lower == 1 else 's'} "
        f"lie{'s' if most == 'Every' or lower == 1 else ''} lower: invariance comes from the data, and it carries over "
        "to objects the network has never seen. The page Sensitivity lists the exceptions."
    )
