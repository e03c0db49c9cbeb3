"""The figures of the page Sensitivity: what is drawn is what was computed, and it can be read."""

from __future__ import annotations

import json
import math

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.colors import sample_colorscale

from invlab.figures import COLOURS, SENSITIVITY_SCALE, SYMBOLS
from invlab.figures import sensitivity as figures
from invlab.studies import claims
from invlab.studies.singles import FAMILIES, SOURCES
from tests.test_claims import flat, synthetic


def the_map(which: str = "new", seed: int | None = None, seeds: int = 3) -> tuple[claims.Grid, go.Figure]:
    summary = synthetic(seeds)
    grid = claims.grid(summary, which, seed)
    return grid, figures.network_map(grid, which, claims.limits(summary, which), ("hue", "blur"))


def trace(figure: go.Figure, name: str):
    return next(t for t in figure.data if t.name == name)


def inner(z) -> np.ndarray:
    """A layer's values without the empty rows and columns between groups."""
    rows = np.array([[math.nan if v is None else v for v in row] for row in z])
    return rows[~np.isnan(rows).all(1)][:, ~np.isnan(rows).all(0)]


# ------------------------------------------------------------------------------------------------------------- the map


@pytest.mark.parametrize("which", claims.MEASURES)
def test_map_draws_the_means(which: str) -> None:
    grid, figure = the_map(which)
    np.testing.assert_allclose(inner(trace(figure, "colours").z), grid.values)
    assert len(trace(figure, "colours").x) == 18 + 2 + 1  # edges: 18 cells, 2 gaps
    assert len(trace(figure, "colours").y) == 19 + 3 + 1


def test_every_cell_has_its_number_in_exactly_one_ink() -> None:
    grid, figure = the_map()
    texts = [np.array(trace(figure, f"{ink} numbers").text) for ink in figures.INK]
    both = np.char.add(*texts)
    assert sorted(both[both != ""]) == sorted(claims.number(v) for v in grid.values.ravel())


@pytest.mark.parametrize("scale", [SENSITIVITY_SCALE, figures.TRANSFER_SCALE])
def test_numbers_can_be_read_on_every_colour(scale: str) -> None:
    values = np.linspace(-0.1, 1.1, 121)  # beyond the ends too
    ink = figures.inks(values, scale, (0.0, 1.0))
    for value, name in zip(values.clip(0, 1), ink, strict=True):
        paper = figures.luminance(sample_colorscale(scale, [value])[0])
        letter = 0.0 if name == "dark" else 1.0
        assert (max(paper, letter) + 0.05) / (min(paper, letter) + 0.05) >= 4.5


def test_light_is_invariant_and_light_transfers_well() -> None:
    def bright(scale: str, at: float) -> float:
        return figures.luminance(sample_colorscale(scale, [at])[0])

    assert bright(SENSITIVITY_SCALE, 0) > bright(SENSITIVITY_SCALE, 1)
    assert bright(figures.TRANSFER_SCALE, 1) > bright(figures.TRANSFER_SCALE, 0)
    _, sensitivity = the_map("new")
    _, transfer = the_map("transfer")
    assert "0 = invariant" in trace(sensitivity, "colours").colorbar.title.text
    assert "larger is better" in trace(transfer, "colours").colorbar.title.text
    assert sensitivity.layout.xaxis.title.text != transfer.layout.xaxis.title.text


def test_every_cell_can_be_clicked_and_says_what_it_is() -> None:
    grid, figure = the_map()
    cells = trace(figure, "cells")
    assert [tuple(c) for c in cells.customdata] == [(s, f) for s in SOURCES for f in FAMILIES]
    assert cells.marker.opacity == cells.selected.marker.opacity == cells.unselected.marker.opacity == 0
    at = SOURCES.index("hue") * len(FAMILIES) + FAMILIES.index("blur")
    value, low, high = (claims.number(v) for v in grid.at("hue", "blur"))
    assert f"<b>{value}</b>" in cells.text[at]
    assert f"95 % interval over seeds: {low} to {high}" in cells.text[at]
    assert "mean of 3 seeds" in cells.text[at]
    edges_x, edges_y = trace(figure, "colours").x, trace(figure, "colours").y
    assert all(np.min(np.abs(edges_x - x)) == pytest.approx(0.5) for x in set(cells.x))
    assert all(np.min(np.abs(edges_y - y)) == pytest.approx(0.5) for y in set(cells.y))


def test_one_seed_of_transfer_claims_no_interval() -> None:
    _, figure = the_map("transfer", seed=0)
    assert not any("interval" in text for text in trace(figure, "cells").text)
    assert all("seed 0" in text for text in trace(figure, "cells").text)


def test_the_diagonal_and_the_chosen_cell_are_framed() -> None:
    _, figure = the_map()
    x, y = figures.positions(FAMILIES), figures.positions(SOURCES)
    frames = [s for s in figure.layout.shapes if s.line.color == COLOURS["same"]]
    assert sorted((s.x0, s.y0) for s in frames) == sorted((a - 0.5, b - 0.5) for a, b in zip(x, y[:-1], strict=True))
    dotted = [s for s in figure.layout.shapes if s.line.dash == "dot"]
    place = x[FAMILIES.index("blur")] - 0.5, y[SOURCES.index("hue")] - 0.5
    assert [(s.x0, s.y0) for s in dotted] == [place]
    assert {a.text for a in figure.layout.annotations} == {"geometric", "photometric", "corruption"}


def test_groups_stand_apart() -> None:
    steps = np.diff(figures.positions(SOURCES))
    assert (steps > 1).nonzero()[0].tolist() == [5, 11, 17]


def test_map_in_words_has_the_means() -> None:
    grid, _ = the_map()
    text = figures.map_alt(grid, "new")
    assert "19 networks (rows) by 18 families" in text
    assert claims.number(float(np.diagonal(grid.values[:18]).mean())) in text


# ------------------------------------------------------------------------------------------------- same, other and none


@pytest.mark.parametrize("which", claims.MEASURES)
def test_dots_are_sorted_within_groups_and_carry_their_values(which: str) -> None:
    summary = synthetic()
    rows = claims.families(summary, which)
    figure = figures.by_family(rows, which)
    by_name = {row["family"]: row for row in rows}
    for kind, drawn in zip(claims.KINDS, figure.data, strict=True):
        order = [c[0] for c in drawn.customdata]
        assert list(drawn.x) == [by_name[f][kind] for f in order]
        assert (drawn.marker.color, drawn.marker.symbol) == (COLOURS[kind], SYMBOLS[kind])
        ends = np.array(drawn.x) + np.array(drawn.error_x.array)
        np.testing.assert_allclose(ends, [by_name[f][f"{kind}, high"] for f in order])
        low, high = figure.layout.xaxis.range
        assert low <= min(drawn.x) <= max(drawn.x) <= high
    assert {figures.group_of(f) for f in order[:6]} == {"geometric"}
    gaps = [abs(by_name[f]["other"] - by_name[f]["same"]) for f in order[:6]]
    assert gaps == sorted(gaps, reverse=True)
    assert "of 18 families" in figures.by_family_alt(rows, which)


def test_one_seed_has_no_bars() -> None:
    summary = synthetic(seeds=1)
    figure = figures.by_family(claims.families(summary, "new"), "new")
    assert all(drawn.error_x.array is None for drawn in figure.data)
    overview = figures.overview({"new": claims.overall(summary, "new")})
    assert all(drawn.error_y.array is None for drawn in overview.data)
    assert all(math.isfinite(end) for end in overview.layout.yaxis.range)


def test_published_values_stand_beside_ours_only_when_asked_for() -> None:
    summary = flat()
    averages = {domain: claims.overall(summary, domain) for domain in ("training", "new")}
    ours = figures.overview(averages)
    assert [t.name for t in ours.data] == list(claims.KINDS)
    assert list(ours.data[0].y) == pytest.approx([0.1, 0.1])
    both = figures.overview(averages, published=True)
    theirs = {t.name: list(t.y) for t in both.data if "published (ResNet-18, paper's objects)" in t.name}
    assert list(theirs.values()) == [[0.12, 0.21], [0.40, 0.41], [0.39, 0.42]]
    assert "0.12" in figures.overview_alt(averages, True)
    assert "Published" not in figures.overview_alt(averages, False)


# ------------------------------------------------------------------------------------------------------ behind the cell


def test_histogram_counts_every_pair_and_marks_the_means() -> None:
    random = np.random.default_rng(0)
    moved, apart = random.uniform(0, 0.6, 200), random.uniform(0.4, 1.6, 200)
    figure = figures.twins_and_strangers(moved.tolist(), apart.tolist())
    assert [int(sum(t.y)) for t in figure.data] == [200, 200]
    assert {s.x0 for s in figure.layout.shapes} == {float(moved.mean()), 1.0}
    assert claims.number(float(moved.mean())) in figures.twins_alt(moved.tolist(), apart.tolist())


def test_a_constant_representation_can_still_be_drawn() -> None:
    figure = figures.twins_and_strangers([0.0] * 5, [0.0] * 5)
    assert [int(sum(t.y)) for t in figure.data] == [5, 5]


def test_figures_are_json() -> None:
    for which in claims.MEASURES:
        _, figure = the_map(which)
        json.loads(figure.to_json())
