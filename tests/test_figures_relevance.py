"""The figures of the page Relevance: what is drawn is what was computed, and the words follow the numbers."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from invlab.figures import relevance as figures
from invlab.studies import relevance
from invlab.studies.published import RELEVANCE, RELEVANCE_SENSITIVITY
from invlab.studies.relevance import FOR_C, FOR_O, ONLY_C, OWN, PLACEMENTS, SWAP_C, SWAP_O, TASKS, TRANSFER
from invlab.studies.study import Table, table


def made_up_rows(preset: str = "tiny", seed: int = 0, data: tuple[str, ...] = (), better: float = 0.0) -> list[list]:
    """The rows of a seed on the study's true cells: near the published values; `better` is added to C+O for C on
    naming the object."""
    rows = []
    for cell in relevance.cells(preset, seed, data):
        value = _value(dict(cell.at), better) + 0.01 * seed
        rows.append([*(cell.at[axis] for axis in relevance.STUDY.axes), round(value, 4), None, None])
    return rows


def _value(at: dict, better: float) -> float:
    source, target, strength = at["source"], at["target"], float(at["strength"])
    if at["measure"] == OWN:
        return 0.9
    if at["measure"] != TRANSFER:
        return RELEVANCE_SENSITIVITY[at["placement"]][source][at["measure"] == SWAP_O]
    if at["sweep"]:
        slope = {"correlation": 0.5, "availability": -0.3}[at["sweep"]]
        return 0.4 + slope * strength * (target in (FOR_O, "O"))
    return RELEVANCE[at["placement"]][source][target] - 0.1 + better * ((source, target) == (FOR_C, FOR_O))


def made_up(preset: str = "tiny", seeds: int = 3, data: tuple[str, ...] = (), better: float = 0.0) -> Table:
    return table(relevance.STUDY, {seed: made_up_rows(preset, seed, data, better) for seed in range(seeds)})


@pytest.fixture(scope="module")
def numbers() -> Table:
    return made_up()


def trace(figure: go.Figure, name: str):
    return next(t for t in figure.data if t.name == name)


# ------------------------------------------------------------------------------------------------------------- the map


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_map_draws_the_means(numbers: Table, placement: str) -> None:
    figure = figures.transfer_map(numbers, placement)
    drawn = np.array(trace(figure, "colours").z)
    theirs = np.array([[RELEVANCE[placement][s][t] for t in TASKS] for s in TASKS])
    np.testing.assert_allclose(drawn, theirs - 0.1 + 0.01, atol=1e-6)
    assert (trace(figure, "colours").zmin, trace(figure, "colours").zmax) == (0, 1)


def test_every_cell_has_its_number_in_exactly_one_ink(numbers: Table) -> None:
    figure = figures.transfer_map(numbers, "fixed")
    layers = [np.array(trace(figure, f"{ink} numbers").z, dtype=float) for ink in ("dark", "light")]
    assert (np.isnan(layers[0]) ^ np.isnan(layers[1])).all()
    both = np.char.add(*(np.array(trace(figure, f"{ink} numbers").text) for ink in ("dark", "light")))
    assert both[1][2] == "<b>0.44</b>"
    assert all(text.count("<b>") == 1 for text in both.ravel())


def test_published_values_stand_under_ours_when_asked_for(numbers: Table) -> None:
    figure = figures.transfer_map(numbers, "fixed", published=True)
    both = np.char.add(*(np.array(trace(figure, f"{ink} numbers").text) for ink in ("dark", "light")))
    assert both[1][2] == "<b>0.44</b><br>(.53)"
    assert both[0][3] == "<b>0.91</b><br>(1.00)"
    assert "published 0.53" in figures.map_alt(numbers, "fixed", True)
    assert "published" not in figures.map_alt(numbers, "fixed")


def test_pointing_at_a_cell_tells_its_interval(numbers: Table) -> None:
    cells = trace(figures.transfer_map(numbers, "translated"), "cells")
    at = [tuple(c) for c in cells.customdata].index((FOR_C, FOR_O))
    assert (cells.x[at], cells.y[at]) == (2, 1)
    told = "trained on <b>C+O for C</b>, probed on <b>C+O for O</b>:<br><b>0.06</b> [0.04, 0.08]<br>published: 0.15"
    assert cells.text[at] == told
    row = figures.map_rows(numbers, "translated")[at]
    assert row == {
        "trained on": FOR_C, "probed on": FOR_O, "transfer accuracy": 0.06, "transfer accuracy, low": 0.035,
        "transfer accuracy, high": 0.085, "published": 0.15,
    }  # fmt: skip


def test_one_seed_claims_no_interval() -> None:
    single = made_up(seeds=1)
    assert not any("[" in text for text in trace(figures.transfer_map(single, "fixed"), "cells").text)
    assert all(t.error_y.array is None for t in figures.swaps(single, "fixed").data)
    assert all(t.error_y.array is None for t in figures.sweep(single, "fixed", "correlation", FIRST).data)
    assert "in a single seed" in figures.map_notice(single, "fixed")


# ------------------------------------------------------------------------------------------------- swapping and sweeps

FIRST, SECOND = figures.PROBED


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_swaps_of_both_things(numbers: Table, placement: str) -> None:
    figure = figures.swaps(numbers, placement, published=True)
    assert len(figure.data) == 4
    for which, thing in enumerate(figures.THING.values()):
        ours, theirs = (trace(figure, f"swapping the {thing}{more}") for more in ("", ", published"))
        assert list(theirs.y) == [RELEVANCE_SENSITIVITY[placement][s][which] for s in TASKS]
        assert ours.y == pytest.approx([v + 0.01 for v in theirs.y])
        assert theirs.marker.symbol == f"{ours.marker.symbol}-open"
    assert len(figures.swaps(numbers, placement).data) == 2
    assert len(set(figures.SYMBOL.values())) == len(set(figures.DASH.values())) == 2
    assert "published" in figures.swaps_alt(numbers, placement, True)
    assert len(figures.swap_rows(numbers, placement)) == 8


@pytest.mark.parametrize("name", figures.SWEEPS)
@pytest.mark.parametrize("probed", figures.PROBED)
def test_sweeps_draw_both_labels(name: str, probed: str) -> None:
    numbers = made_up("classroom", seeds=2)
    figure = figures.sweep(numbers, "fixed", name, probed)
    for thing, target in zip(figures.THING.values(), figures.PROBED[probed], strict=True):
        points = relevance.swept(numbers, "fixed", name, target)
        assert list(trace(figure, f"naming the {thing}").x) == list(points)
        assert trace(figure, f"naming the {thing}").y == pytest.approx([v.mean() for v in points.values()])
    assert name in figures.sweep_alt(numbers, "fixed", name, probed)
    rows = [row for row in figures.sweep_rows(numbers, "fixed") if row["sweep"] == name]
    assert len(rows) == 4 * len(points)
    assert figures.swept_placements(numbers, name) == ["fixed"]


# --------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("better", "told"),
    [(0.0, "learning to ignore cost 0.27"), (0.5, "learning to ignore cost nothing, it gained 0.23")],
)
def test_the_notice_follows_the_numbers(better: float, told: str) -> None:
    assert told in figures.map_notice(made_up(better=better), "fixed")


def test_seeds_that_do_not_agree_are_said_to() -> None:
    assert "do not agree" in figures.change(0.05, -0.1, 0.2)
    assert "in a single seed" in figures.change(0.05, float("nan"), float("nan"))


def test_the_other_notices_follow_the_numbers(numbers: Table) -> None:
    assert "lowered the sensitivity to them: 0.09, against 0.22" in figures.swap_notice(numbers, "fixed")
    text = figures.sweep_notice(numbers, "fixed", FIRST)
    assert "From correlation 0 to 1, naming the object goes from 0.41 to 0.91 (+0.50" in text
    assert "From availability 0 to 1, naming the object goes from 0.41 to 0.11 (−0.30" in text
    assert relevance.swapped(numbers, "fixed", ONLY_C, SWAP_C).mean() == pytest.approx(1.0)
