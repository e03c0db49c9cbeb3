"""The figures of the page *Information*: what networks can still tell of a transformation, beside their sensitivity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from invlab.figures import COLOURS, SYMBOLS, error_bars, styled
from invlab.figures.mismatch import finite
from invlab.figures.sensitivity import KIND_NAMES, kinds_by_family, name_of
from invlab.intervals import over_seeds
from invlab.studies import information
from invlab.studies.claims import KINDS, number
from invlab.studies.information import DECODED, NAMED, SENSITIVITY
from invlab.studies.singles import NONE
from invlab.studies.study import Table
from invlab.transforms import GROUPS, TRANSFORMS

Row = dict[str, Any]

AXES = {DECODED: "decodability of the drawn value (R²)", NAMED: "accuracy of naming the drawn part"}

NETWORK_NAMES = KIND_NAMES | {"other": "other: each for another"}


def network_rows(table: Table, family: str, measure: str) -> list[Row]:
    """For each network its sensitivity to a family and a measure of what it can tell of it: means over seeds."""
    families = table.values_of("family")
    moved, read = (information.matrix(table, m)[:, :, families.index(family)] for m in (SENSITIVITY, measure))
    rows = []
    for place, source in enumerate(table.values_of("source")):
        row: Row = {"network": source, "kind": NONE if source == NONE else "same" if source == family else "other"}
        for name, values in ((SENSITIVITY, moved[:, place]), (measure, read[:, place])):
            low, high = over_seeds(values.tolist())
            row |= {name: finite(values.mean()), f"{name}, low": finite(low), f"{name}, high": finite(high)}
        rows.append(row)
    return rows


def networks(rows: Sequence[Row], measure: str, chance: float | None) -> go.Figure:
    """Each network a point: how invariant it is, and what it can still tell."""
    figure = go.Figure()
    for kind in ("other", "none", "same"):  # the one that matters lies on top
        chosen = [row for row in rows if row["kind"] == kind]
        bars = {
            f"error_{axis}": error_bars(
                [row[name] for row in chosen], [(row[f"{name}, low"], row[f"{name}, high"]) for row in chosen]
            )
            for axis, name in (("x", SENSITIVITY), ("y", measure))
            if kind != "other" and all(row[f"{name}, low"] is not None for row in chosen)
        }
        figure.add_trace(
            go.Scatter(
                name=NETWORK_NAMES[kind],
                x=[row[SENSITIVITY] for row in chosen],
                y=[row[measure] for row in chosen],
                mode="markers",
                marker={"color": COLOURS[kind], "symbol": SYMBOLS[kind], "size": 9 if kind == "other" else 15},
                customdata=[[row["network"], name_of(row["network"])] for row in chosen],
                hovertemplate="trained for <b>%{customdata[1]}</b>: sensitivity %{x:.2f}, %{y:.2f}<extra></extra>",
                **bars,
            )
        )
    if chance is not None:
        figure.add_hline(chance, line={"color": COLOURS["none"], "width": 1, "dash": "dot"}, annotation_text="guessing")
    styled(figure, height=460)
    figure.update_layout(legend={"orientation": "v", "y": 1.02}, dragmode=False)
    figure.update_xaxes(title="sensitivity (0 = invariant)", rangemode="tozero", fixedrange=True)
    figure.update_yaxes(title=AXES[measure], fixedrange=True, zeroline=False)
    return figure


def networks_alt(rows: Sequence[Row], family: str, measure: str) -> str:
    """The points in words."""
    own = next((row for row in rows if row["kind"] == "same"), None)
    others = [row for row in rows if row["kind"] == "other"]
    text = f"Sensitivity to {name_of(family)} against {AXES[measure]} for {len(rows)} networks."
    if own is None or not others:
        return text
    means = {name: number(float(np.mean([row[name] for row in others]))) for name in (SENSITIVITY, measure)}
    return (
        f"{text} Trained for it: sensitivity {number(own[SENSITIVITY])}, {number(own[measure])}; trained for another "
        f"family, on average: {means[SENSITIVITY]}, {means[measure]}."
    )


def family_rows(table: Table, measure: str) -> list[Row]:
    """For each family *same*, *other* and *none* with their intervals, and the rank correlation with sensitivity."""
    by, agreement = information.kinds(table, measure), information.rank_agreement(table, measure)
    rows = []
    for place, family in enumerate(table.values_of("family")):
        row: Row = {"family": family, "group": TRANSFORMS[family].group}
        for kind in KINDS:
            values = by[kind][:, place]
            low, high = over_seeds(values.tolist())
            row |= {kind: finite(values.mean()), f"{kind}, low": finite(low), f"{kind}, high": finite(high)}
        rows.append(row | {"rank correlation with sensitivity": finite(agreement[:, place].mean())})
    return rows


def by_family(rows: Sequence[Row], measure: str) -> go.Figure:
    """*same*, *other* and *none* of each family, the most lost on top of each group."""
    ordered = sorted(rows, key=lambda r: (GROUPS.index(r["group"]), r["same"] - r["other"]))
    return kinds_by_family(ordered, AXES[measure])


def by_family_alt(rows: Sequence[Row], measure: str) -> str:
    """The dots in words."""
    means = {kind: number(float(np.mean([row[kind] for row in rows]))) for kind in KINDS}
    lost = sum(row["same"] < row["other"] for row in rows)
    return (
        f"{AXES[measure]} for {len(rows)} families. Means: "
        + ", ".join(f"{kind} {value}" for kind, value in means.items())
        + f". The network trained for a family tells less of it than others do for {lost} of {len(rows)}."
    )
