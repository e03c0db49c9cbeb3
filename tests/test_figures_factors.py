"""The figures of the page Factors: what is drawn is what was computed, whatever was measured."""

from __future__ import annotations

import json
import math

import numpy as np
import plotly.graph_objects as go
import pytest

from invlab.figures import COLOURS, SYMBOLS
from invlab.figures import factors as figures
from invlab.figures.factors import View
from invlab.studies import factors
from invlab.studies.factors import (
    ARCHITECTURE,
    DISJOINT,
    FACTOR_NAMES,
    OWN,
    PRETRAINING,
    PROBE,
    RELATIONSHIP,
    SAME,
    TRANSFER,
    TUNED,
)
from invlab.studies.published import FACTOR_RANGES, FACTORS
from invlab.studies.study import Table, table


def made_up_rows(preset: str = "tiny", seed: int = 0, data: tuple[str, ...] = (), gap: float = 0.3) -> list[list]:
    """The rows of a seed on the study's true cells: `same` is better by `gap`, and later values of a factor help."""
    places: dict[tuple, int] = {}
    rows = []
    for cell in factors.cells(preset, seed, data):
        at = cell.at
        group = tuple(at[a] for a in ("dataset", "setting", "factor", "transformations", "measure"))
        place = places[group] = places.get(group, -1) + 1
        value = 0.5 + 0.02 * place + 0.01 * seed + gap * (at["transformations"] == SAME)
        value += {PROBE: 0.0, TUNED: -0.1, OWN: 0.05}[str(at["measure"])]
        rows.append([*(at[axis] for axis in factors.STUDY.axes), round(value, 4), round(value - 0.02, 4), value + 0.02])
    return rows


def made_up(preset: str = "tiny", seeds: int = 3, data: tuple[str, ...] = (), gap: float = 0.3) -> Table:
    return table(factors.STUDY, {seed: made_up_rows(preset, seed, data, gap) for seed in range(seeds)})


@pytest.fixture(scope="module")
def classroom() -> Table:
    return made_up("classroom")


def trace(figure: go.Figure, name: str):
    return next(t for t in figure.data if t.name == name)


def names(figure: go.Figure) -> list[str]:
    return [t.name for t in figure.data if t.name]


# --------------------------------------------------------------------------------------------------------- the summary


def test_summary_draws_the_ranges_and_the_gap(classroom: Table) -> None:
    figure = figures.summary(classroom, View())
    assert names(figure) == [kind.words for kind in figures.KINDS]
    gap, disjoint = trace(figure, "gap between same and disjoint"), trace(figure, "range within disjoint")
    assert gap.x == pytest.approx([0.3] * 4)
    steps = [len(factors.series(classroom, factor, SAME)) - 1 for factor in FACTOR_NAMES]
    assert disjoint.x == pytest.approx([0.02 * n for n in steps])
    assert [row[0] for row in gap.customdata] == list(FACTOR_NAMES)


def test_every_quantity_differs_in_symbol_and_dash() -> None:
    assert len({kind.symbol for kind in figures.KINDS}) == len({kind.stem for kind in figures.KINDS}) == 3
    dashes = [tuple(dash for _, dash in kind.stem) for kind in figures.KINDS]
    assert len(set(dashes)) == 3
    assert figures.KINDS[0].fill == COLOURS["disjoint"]
    assert figures.KINDS[2].fill == COLOURS["same"]


def test_published_ranges_are_toggled_and_open(classroom: Table) -> None:
    plain, both = (figures.summary(classroom, View(), published) for published in (False, True))
    added = [n for n in names(both) if n not in names(plain)]
    assert added == [f"{kind.words}, published" for kind in figures.KINDS]
    for place, name in enumerate(added):
        assert trace(both, name).marker.symbol.endswith("-open")
        assert list(trace(both, name).x) == [values[place] for values in FACTOR_RANGES.values()]
    assert plain.layout.xaxis.range == both.layout.xaxis.range  # nothing jumps


@pytest.mark.parametrize("view", [View(setting="geometric"), View(measure=TUNED), View(dataset="cifar10")])
def test_nothing_published_stands_beside_what_it_is_not_of(view: View) -> None:
    numbers = made_up("classroom", data=("cifar10",))
    assert "published" not in json.dumps(names(figures.summary(numbers, view, True)))
    assert "published" not in figures.summary_alt(numbers, view, True).lower()
    assert "published" not in json.dumps(names(figures.by_value(numbers, RELATIONSHIP, view, 0.1, True)))
    assert all(row["same, published"] is None for row in figures.value_rows(numbers, RELATIONSHIP, view))


def test_only_what_varies_is_summed_up(classroom: Table) -> None:
    assert list(View(setting="geometric").ranges(classroom)) == [RELATIONSHIP, TRANSFER]
    assert View(dataset="cifar10").ranges(classroom) == {}
    assert View(setting="nowhere").series(classroom, RELATIONSHIP, SAME) == {}


def test_one_seed_claims_no_interval() -> None:
    numbers = made_up(seeds=1)
    assert all(t.error_x.array is None for t in figures.summary(numbers, View()).data)
    figure = figures.by_value(numbers, RELATIONSHIP, View(), 0.1)
    assert all(t.error_y.array is None for t in figure.data)
    assert "[" not in figures.summary_alt(numbers, View())
    assert figures.summary_rows(numbers, View())[0]["gap between same and disjoint, low"] is None


# ---------------------------------------------------------------------------------------------------------- one factor


@pytest.mark.parametrize("factor", FACTOR_NAMES)
def test_curves_hold_the_means_and_the_own_task(classroom: Table, factor: str) -> None:
    figure = figures.by_value(classroom, factor, View(), 1 / 30)
    for kind in (SAME, DISJOINT):
        curve, found = trace(figure, f"{kind} transformations"), factors.series(classroom, factor, kind)
        assert curve.y == pytest.approx([v.mean() for v in found.values()])
        assert curve.marker.color == COLOURS[kind]
        assert curve.marker.symbol == SYMBOLS[kind]
        assert all(row[4] != "not measured" for row in curve.customdata)
    assert trace(figure, "same transformations").line.dash == "solid"
    assert trace(figure, "disjoint transformations").line.dash == "dash"
    assert figure.layout.shapes[0].y0 == 1 / 30
    assert factor in figures.by_value_alt(classroom, factor, View())


def test_counts_stand_on_a_logarithmic_axis(classroom: Table) -> None:
    figure = figures.by_value(classroom, PRETRAINING, View(), 0.1)
    assert figure.layout.xaxis.type == "log"
    assert list(trace(figure, "same transformations").x) == [300, 1_000, 3_000, 10_000, 30_000]
    assert figure.layout.xaxis.ticktext == ("300", "1k", "3k", "10k", "30k")
    assert figures.by_value(classroom, RELATIONSHIP, View(), 0.1).layout.xaxis.type is None


def test_published_counts_stand_at_their_own_place(classroom: Table) -> None:
    figure = figures.by_value(classroom, PRETRAINING, View(), 0.1, True)
    theirs = trace(figure, "disjoint, published")
    assert dict(zip(map(str, theirs.x), theirs.y, strict=True)) == {k: v[1] for k, v in FACTORS[PRETRAINING].items()}
    assert theirs.marker.symbol == "diamond-open"
    assert figure.layout.xaxis.ticktext[-3:] == ("30k", "100k", "500k")


def test_published_networks_stand_beside_their_small_settings(classroom: Table) -> None:
    figure = figures.by_value(classroom, ARCHITECTURE, View(), 0.1, True)
    ours, theirs = trace(figure, "same transformations"), trace(figure, "same, published")
    assert ours.mode == "markers"  # networks have no order
    assert len(theirs.x) == len(ours.x) - 1  # labnet has no counterpart
    assert [round(x) for x in theirs.x] == [1, 2, 3, 4, 5]
    assert list(theirs.y) == [same for same, _ in FACTORS[ARCHITECTURE].values()]
    assert figure.layout.xaxis.ticktext[1] == "ResNet<br>18<br>small"


def test_a_badly_learned_source_is_in_the_table_and_in_words(classroom: Table) -> None:
    rows = tuple((*row[:-3], 0.06, None, None) if {"vit-small", OWN} < set(row) else row for row in classroom.rows)
    bad = Table(classroom.columns, rows)
    row = next(r for r in figures.value_rows(bad, ARCHITECTURE, View()) if r[ARCHITECTURE] == "ViT, small")
    assert row["own task, same"] == row["own task, disjoint"] == 0.06
    assert "the worst source reaches 0.06" in figures.value_notice(bad, ARCHITECTURE, View())
    assert "ViT, small" in figures.value_notice(bad, ARCHITECTURE, View())


def test_tables_hold_paired_gaps_and_published_values(classroom: Table) -> None:
    row = figures.value_rows(classroom, RELATIONSHIP, View())[1]
    assert row["gap"] == row["gap, low"] == row["gap, high"] == pytest.approx(0.3)  # the same in every seed
    assert (row["same, published"], row["disjoint, published"]) == FACTORS[RELATIONSHIP]["disjoint"]
    assert row["same, low"] < row["same"] < row["same, high"]
    assert len(figures.summary_rows(classroom, View())) == 4


# --------------------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(("gap", "wins"), [(0.3, "4 of 4"), (-0.2, "0 of 4")])
def test_the_notice_follows_the_numbers(gap: float, wins: str) -> None:
    numbers = made_up("classroom", gap=gap)
    text = figures.summary_notice(numbers, View())
    assert f"range within *same* for {wins} factors" in text
    assert f"*{ARCHITECTURE}* moves accuracy the most: by 0.10" in text
    better = "4 of 4" if gap > 0 else "0 of 4"
    assert f"transfers better at {better} values" in figures.value_notice(numbers, RELATIONSHIP, View())


def test_names_are_readable() -> None:
    assert figures.named("vgg11-small") == "VGG-11, small"
    assert figures.named("30000") == "30,000"
    assert figures.named("superset") == "superset"
    assert figures.told(np.array([0.5]))[0] == 0.5
    assert math.isnan(figures.told(np.array([0.5]))[1])
