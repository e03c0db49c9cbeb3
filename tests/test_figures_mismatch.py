"""The figures of the page Mismatch, on made-up numbers."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from invlab import figures as parts
from invlab.figures import mismatch as figures
from invlab.studies import mismatch
from invlab.studies.catalogue import StudyRun
from invlab.studies.published import MISMATCH_ON_8
from invlab.studies.study import Table
from tests.test_ui_study import made_up, mismatch_value

CHAIN = mismatch.SIZES["classroom"].chain


@pytest.fixture(scope="module")
def table() -> Table:
    return made_up(StudyRun("mismatch", seeds=3))


def traces(plot: object) -> dict[str, dict]:
    return {trace["name"]: trace for trace in json.loads(plot.to_json())["data"]}  # type: ignore[attr-defined]


def test_the_map_has_every_number_once(table: Table) -> None:
    rows = figures.map_rows(table)
    assert len(rows) == CHAIN**2
    plot = figures.the_map(rows)
    found = traces(plot)
    colours, texts = found["colours"], [found[f"{ink} numbers"]["text"] for ink in ("dark", "light")]
    assert (colours["zmin"], colours["zmax"]) == (0, 1)
    for j in range(CHAIN):
        for k in range(CHAIN):
            value = mismatch.accuracy(table, k + 1, j + 1).mean()
            assert colours["z"][j][k] == pytest.approx(value, abs=1e-4)
            assert {texts[0][j][k], texts[1][j][k]} == {"", f"{value:.2f}"}
    assert len(plot.layout.shapes) == 2 * CHAIN  # the framed diagonal
    assert "3 seeds" in colours["hovertext"][0][0]
    assert all(row["low"] <= row["accuracy"] <= row["high"] for row in rows)


def test_the_map_in_words(table: Table) -> None:
    rows = figures.map_rows(table)
    means = figures.sides(rows)
    assert means["own"] == pytest.approx(0.968, abs=1e-3)
    assert means["above"] == pytest.approx(means["own"])
    assert means["below"] < means["own"]
    assert f"{means['below']:.2f}" in figures.map_alt(rows)


def test_falling_counts_what_is_missing(table: Table) -> None:
    rows = figures.falling_rows(figures.map_rows(table))
    assert [row["missing"] for row in rows] == list(range(CHAIN))[::-1]
    assert {row["where"] for row in rows} == {"here"}
    plot = figures.falling(rows, 0.1)
    found = traces(plot)
    assert found[f"here, {CHAIN} families"]["error_y"]["array"]
    assert found["the target's own families"]["x"] == [0]
    assert found["guessing, here"]["y"] == [0.1, 0.1]
    assert not any("published" in name for name in found)


def test_published_values_stand_by_missing_families(table: Table) -> None:
    rows = figures.falling_rows(figures.map_rows(table), published=True)
    found = traces(figures.falling(rows, 0.1))
    line = found["published, 8 families (30 classes)"]
    assert dict(zip(line["x"], line["y"], strict=True)) == {8 - k: v for k, v in MISMATCH_ON_8.items()}
    assert line["marker"]["symbol"].endswith("-open")
    assert "Published, of 8 families: 7 missing 0.27" in figures.falling_alt(rows, 0.1)
    assert "Published" not in figures.falling_alt([r for r in rows if r["where"] == "here"], 0.1)


def test_one_seed_has_no_interval() -> None:
    lonely = made_up(StudyRun("mismatch", seeds=1))
    rows = figures.map_rows(lonely)
    assert rows[0]["low"] is None
    line = traces(figures.falling(figures.falling_rows(rows), 0.1))[f"here, {CHAIN} families"]
    assert "error_y" not in line or "array" not in line["error_y"]
    assert figures.group_rows(lonely)[0]["low"] is None
    figures.costs(mismatch.costs(lonely), figures.group_rows(lonely))


def test_costs_by_family_and_group() -> None:
    def value(at: dict, seed: int) -> float:
        lost = {"": 0.0, "rotate": 0.4}.get(at["missing"], 0.1)
        return 0.95 - lost if at["kind"] == mismatch.WITHOUT else mismatch_value(at, 0)

    table = made_up(StudyRun("mismatch", seeds=6), value)
    rows, groups = figures.cost_rows(table), figures.group_rows(table)
    assert rows[0]["family"] == "rotate"
    assert sum(row["seeds"] for row in rows) == 6 * CHAIN == sum(row["families"] for row in groups)
    assert [row["cost"] for row in rows] == sorted((row["cost"] for row in rows), reverse=True)
    plot = figures.costs(mismatch.costs(table), groups)
    labels = plot.layout.yaxis.ticktext
    assert labels[: len(groups)] == tuple(f"<b>{row['group']}</b>" for row in groups)
    assert labels[len(groups)].startswith("rotate (")
    shown = [trace for trace in plot.data if not (trace.name or "").startswith(("one seed", "all "))]
    assert len({trace.marker.symbol for trace in shown}) == len({trace.marker.color for trace in shown}) == 3
    assert "from rotate" in figures.costs_alt(rows, groups)


def test_a_groups_mean_is_over_seeds_first() -> None:
    """A seed that drew more families of a group does not count for more."""

    def value(at: dict, seed: int) -> float:
        return 0.9 - 0.1 * seed if at["kind"] == mismatch.WITHOUT else 0.9

    table = made_up(StudyRun("mismatch", seeds=3), value)
    for row in figures.group_rows(table):
        seeds = {r["seed"] for r in table.where(kind=mismatch.WITHOUT).records()
                 if figures.TRANSFORMS[r["missing"]].group == row["group"]}  # fmt: skip
        assert row["cost"] == pytest.approx(np.mean([0.1 * seed for seed in seeds]), abs=1e-4)


def test_small_pieces() -> None:
    assert figures.finite(math.nan) is None
    assert figures.reach(None, None) == ""
    assert figures.reach(0.14, 0.24) == " [0.14, 0.24]"
    assert figures.aligned([{"a": 1}, {"b": 2}]) == [{"a": 1, "b": None}, {"a": None, "b": 2}]
    layers = figures.cells(np.array([[0.1, math.nan]]), "Viridis", (0, 1), [["x", ""]], x=[0, 1], y=[0])
    assert layers[0].z[0][1] is None
    assert "plotly" in parts.to_html(figures.go.Figure(layers))
