"""The figures of the page *Measures*: what each measure says of each network, and how far they agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from invlab.figures import SENSITIVITY_SCALE, styled, targets
from invlab.figures.mismatch import cells
from invlab.figures.sensitivity import name_of
from invlab.measures import MEASURES
from invlab.studies.information import rank_correlation, ranks
from invlab.studies.study import signed
from invlab.words import family_name

Values = Mapping[str, Mapping[str, float]]  # network -> measure -> value
AGREEMENT_SCALE = "Viridis"  # light = the same order
SHORT = {
    "l2": "ℓ2<br>ratio",
    "normalised_variance": "norm.<br>variance",
    "firing": "firing<br>score",
    "whitened_cosine": "whitened<br>cosine",
    "cka": "CKA",
}


def variance(values: Values, measure: str) -> np.ndarray:
    """(networks,): the measure, turned so that larger is less invariant."""
    sign = -1 if MEASURES[measure].larger_is_invariant else 1
    return sign * np.array([found[measure] for found in values.values()])


def agreement(values: Values) -> np.ndarray:
    """(measures, measures): rank correlation over networks; 1 = both put the networks in the same order."""
    names = list(MEASURES)
    return np.array([[rank_correlation(variance(values, a), variance(values, b)) for b in names] for a in names])


def ranking(values: Values) -> go.Figure:
    """Networks × measures, coloured by rank (light = most invariant), with the value in each cell. The networks are in
    the order of the first measure."""
    names = list(MEASURES)
    order = np.argsort(variance(values, names[0]), kind="stable")
    networks = [list(values)[i] for i in order]
    place = np.stack([ranks(variance(values, name))[order] for name in names], 1)
    texts = [[f"{values[network][name]:.3g}" for name in names] for network in networks]
    hover = [
        [
            f"trained for {name_of(network)}<br>{MEASURES[name].title}: {values[network][name]:.3g}, "
            f"place {place[i, j] + 1:g} of {len(networks)}"
            for j, name in enumerate(names)
        ]
        for i, network in enumerate(networks)
    ]
    limits = (0.0, float(max(1, len(networks) - 1)))
    at = {"x": list(range(len(names))), "y": list(range(len(networks)))}
    figure = go.Figure(cells(place, SENSITIVITY_SCALE, limits, texts, hovertext=hover, **at))
    places = [(i, j) for i in at["y"] for j in at["x"]]
    figure.add_trace(
        targets(
            [j for _, j in places],
            [i for i, _ in places],
            [(networks[i],) for i, _ in places],
            [hover[i][j] for i, j in places],
            24,
        )
    )
    styled(figure, height=130 + 27 * len(networks))
    figure.update_xaxes(
        tickvals=at["x"], ticktext=[SHORT[name] for name in names], side="top", showgrid=False, fixedrange=True
    )
    figure.update_yaxes(
        tickvals=at["y"],
        ticktext=[name_of(network) for network in networks],
        title="network trained for …",
        range=[len(networks) - 0.5, -0.5],
        showgrid=False,
        fixedrange=True,
    )
    figure.update_layout(dragmode=False, margin={"t": 60})
    return figure


def ranking_alt(values: Values) -> str:
    """The ranking in words."""
    first = {name: list(values)[int(variance(values, name).argmin())] for name in MEASURES}
    told = ", ".join(f"{MEASURES[name].title} {name_of(network)}" for name, network in first.items())
    return f"Heat map of {len(values)} networks by {len(MEASURES)} measures. Most invariant by: {told}."


def agreements(values: Values) -> go.Figure:
    """Measures × measures: how far two of them put the networks in the same order."""
    found, names = agreement(values), list(MEASURES)
    texts = [[signed(value) for value in row] for row in found]
    hover = [[f"{MEASURES[a].title} and {MEASURES[b].title}: {signed(found[i, j])}" for j, b in enumerate(names)]
             for i, a in enumerate(names)]  # fmt: skip
    at = {"x": list(range(len(names))), "y": list(range(len(names)))}
    low = min(0.0, float(found.min()))
    figure = go.Figure(cells(found, AGREEMENT_SCALE, (low, 1.0), texts, hovertext=hover, **at))
    styled(figure, height=380)
    short = [SHORT[name] for name in names]
    figure.update_xaxes(tickvals=at["x"], ticktext=short, side="top", showgrid=False, fixedrange=True)
    figure.update_yaxes(
        tickvals=at["y"], ticktext=short, range=[len(names) - 0.5, -0.5], showgrid=False, fixedrange=True
    )
    figure.update_layout(dragmode=False, margin={"t": 60})
    return figure


def agreements_alt(values: Values) -> str:
    """The agreement in words."""
    found, names = agreement(values), list(MEASURES)
    told = [
        f"{MEASURES[names[i]].title} and {MEASURES[names[j]].title} {signed(found[i, j])}"
        for i in range(len(names))
        for j in range(i)
    ]
    return f"Rank correlations between measures over {len(values)} networks: {'; '.join(told)}."


def rows(values: Values) -> list[dict[str, Any]]:
    """The table behind both."""
    return [
        {"network": network, **{how.title: round(found[name], 4) for name, how in MEASURES.items()}}
        for network, found in values.items()
    ]


def extremes(values: Values) -> tuple[Sequence[str], Sequence[str]]:
    """The two measures that agree most, and the two that agree least."""
    found, names = agreement(values), list(MEASURES)
    pairs = sorted((found[i, j], i, j) for i in range(len(names)) for j in range(i))
    least, most = pairs[0], pairs[-1]
    return (names[most[2]], names[most[1]]), (names[least[2]], names[least[1]])


# --------------------------------------------------------------------------------------------------------------- words


def notice(values: Values, family: str) -> str:
    """Two sentences that the numbers themselves decide."""
    most, least = extremes(values)
    found, names = agreement(values), list(MEASURES)

    def between(pair: Sequence[str]) -> str:
        return signed(float(found[names.index(pair[0]), names.index(pair[1])]))

    own = [MEASURES[n].title for n in MEASURES if list(values)[int(variance(values, n).argmin())] == family]
    told = f"{len(own)} of {len(MEASURES)} measures" + (f" ({', '.join(own)})" if 0 < len(own) < len(MEASURES) else "")
    return (
        f"{told} find the network trained for *{family_name(family)}* the most invariant to it. Most alike order "
        f"the networks {MEASURES[most[0]].title} and {MEASURES[most[1]].title} ({between(most)}), least alike "
        f"{MEASURES[least[0]].title} and {MEASURES[least[1]].title} ({between(least)})."
    )
