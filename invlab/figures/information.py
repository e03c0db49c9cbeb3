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
from invlab.studies.study import Table, signed
from invlab.transforms import GROUPS, TRANSFORMS
from invlab.words import family_name, seeds_text

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


# --------------------------------------------------------------------------------------------------------------- words


PARTS = {"amount": "which third of its range?", "switch": "on or off?", "angle": "which third of the circle?"}
NOTICES = {
    DECODED: "Some draws cannot be read by *any* network from objects it does not know: whether an unknown object is "
    "mirrored, or how far it is turned, nobody can tell who has not seen it upright. Values near 0 in all three say "
    "that, not that something was lost.",
    NAMED: "Here the probe has seen the objects, under other draws: it can know what they look like upright. Where "
    "*same* lies left of *other*, invariance harms; where it lies right of it, it does not (one guess, not tested "
    "here: such a network tells the draw apart on the way to ignoring it).",
}
BEYOND = "This study goes beyond the paper, which asks where invariance helps: none of it was published there."


def networks_lead(family: str, measure: str) -> str:
    """What the figure of one family shows."""
    kind = TRANSFORMS[family]
    question = "which quarter turn?" if kind.parts == 4 else PARTS[kind.varies]
    told = (
        "how much of the drawn value a linear regression reads from the representation of objects it was *not* fitted "
        "on (1 = all of it, 0 = nothing)"
        if measure == DECODED
        else f"how often a linear probe answers: *{question}*"
    )
    return f"Each point is a network. To the right: more sensitive to **{family_name(family)}**; up: {told}."


def chance(family: str, measure: str) -> float | None:
    """What guessing reaches; None for a value that is decoded."""
    return 1 / TRANSFORMS[family].labels if measure == NAMED else None


def families_lead(measure: str, seeds: int) -> str:
    """What the figure of all families shows."""
    return (
        "The network trained to ignore a family, those trained to ignore another one, and the one trained for none: "
        f"**{AXES[measure]}**, 95 % intervals over {seeds_text(seeds)}."
    )


def agreement(rows: Sequence[Row], family: str) -> float:
    """The rank correlation of sensitivity and what can be told, over networks. rows: of `family_rows`."""
    return next(row["rank correlation with sensitivity"] for row in rows if row["family"] == family)


def notice(rows: Sequence[Row], agreement: float, family: str, measure: str) -> str:
    """Two sentences that the numbers themselves decide."""
    own = next(row for row in rows if row["kind"] == "same")
    others = float(np.mean([row[measure] for row in rows if row["kind"] == "other"]))
    gap = others - own[measure]
    less = "less than" if gap > 0.02 else "more than" if gap < -0.02 else "as much as"
    tied = "have little to do with each other"
    if abs(agreement) > 0.3:
        tied = "rise together" if agreement > 0 else "go against each other"
    return (
        f"The network trained to ignore *{family_name(family)}* tells {less} the others of it: "
        f"{number(own[measure])} against {number(others)} on average. Over networks, sensitivity and what can be told "
        f"{tied} (rank correlation {signed(agreement)})."
    )
