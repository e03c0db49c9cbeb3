"""The figures of the page Shift, on made-up numbers, with and without CIFAR."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from invlab.figures import shift as figures
from invlab.studies import shift
from invlab.studies.catalogue import StudyRun
from invlab.studies.published import SHIFT
from invlab.studies.shift import COLUMNS, KINDS, TRAINED
from invlab.studies.singles import FAMILIES
from invlab.studies.study import Table
from invlab.transforms import GROUPS
from tests.test_ui_study import made_up


@pytest.fixture(scope="module")
def table() -> Table:
    return made_up(StudyRun("shift", seeds=2))


@pytest.fixture(scope="module")
def with_cifar() -> Table:
    return made_up(StudyRun("shift", seeds=2, data=("cifar10", "cifar100")))


def traces(plot: object) -> list[dict]:
    return json.loads(plot.to_json())["data"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("trained", TRAINED)
def test_columns_are_the_studys_own_means(table: Table, trained: str) -> None:
    rows = figures.column_rows(table, trained)
    assert [row["on"] for row in rows] == ["in-distribution", "mild", "strong", "scene pictures"]
    for row in rows:
        means = shift.means(table, trained, row["on"])
        for kind in KINDS:
            assert row[kind] == pytest.approx(means[kind].mean(), abs=1e-4)
            assert row[f"{kind}, low"] < row[kind] < row[f"{kind}, high"]
    assert rows[0]["same, published"] == SHIFT[trained]["same"]["in-distribution"][0]
    assert rows[3]["same, published"] is None


def test_cifar_has_its_columns_where_it_was_measured(with_cifar: Table) -> None:
    rows = figures.column_rows(with_cifar, "image")
    assert [row["on"] for row in rows][-2:] == ["CIFAR-10", "CIFAR-100"]
    assert rows[-1]["none, published"] == SHIFT["image"]["none"]["cifar100"][0]
    assert "CIFAR-100" in figures.lanes_alt(rows, "image", True)
    assert figures.breakdown(figures.family_rows(with_cifar, "image"), figures.GAIN, 19).layout.xaxis.ticktext[-1] == (
        "CIFAR-100"
    )


def test_a_domain_that_is_a_column_has_its_values(table: Table) -> None:
    for trained in TRAINED:
        (domain,) = COLUMNS[trained]["mild"]
        found = shift.by_family(table, trained, (domain,))
        for kind, values in shift.kinds(table, trained, "mild").items():
            np.testing.assert_allclose(found[kind], values)
        strong = shift.by_family(table, trained, COLUMNS[trained]["strong"])
        np.testing.assert_allclose(strong["other"], shift.kinds(table, trained, "strong")["other"])


def test_all_domains_in_full(table: Table) -> None:
    rows = figures.domain_rows(table, "image")
    assert len(rows) == 9  # eight and the scene pictures
    assert rows[0]["shift"] == "in-distribution"
    assert rows[2]["shift"] == ""


def test_lanes_show_three_kinds_and_the_untrained_network(table: Table) -> None:
    rows = figures.column_rows(table, "image")
    found = traces(figures.lanes(rows))
    named = {trace["name"]: trace for trace in found}
    for kind in KINDS:
        trace = named[figures.KIND_NAMES[kind]]
        assert trace["x"] == [row[kind] for row in rows]
        assert trace["error_x"]["array"]
    numbers = [trace["text"] for trace in found if trace["name"] == "numbers"]
    assert numbers == [[f"{row[kind]:.2f}" for row in rows] for kind in KINDS]
    assert named["an untrained network"]["x"][0] == rows[0]["untrained"]
    looks = {(named[figures.KIND_NAMES[k]]["marker"]["color"], named[figures.KIND_NAMES[k]]["marker"]["symbol"])
             for k in KINDS}  # fmt: skip
    assert len({colour for colour, _ in looks}) == len({symbol for _, symbol in looks}) == 3


def test_published_values_have_open_symbols_and_numbers(table: Table) -> None:
    rows = figures.column_rows(table, "random")
    found = traces(figures.lanes(rows, published=True))
    theirs = [trace for trace in found if "published" in trace["name"]]
    assert len(theirs) == 3
    assert all(trace["marker"]["symbol"].endswith("-open") for trace in theirs)
    assert theirs[0]["x"][:3] == [SHIFT["random"]["same"][c][0] for c in ("in-distribution", "mild", "strong")]
    assert theirs[0]["error_x"]["array"][0] == SHIFT["random"]["same"]["in-distribution"][1]
    assert "0.64" in [text for trace in found if trace["name"] == "numbers" for text in trace["text"]]
    assert "(published 0.64)" in figures.lanes_alt(rows, "random", True)
    assert "published" not in figures.lanes_alt(rows, "random")


def test_domains_have_no_published_values(table: Table) -> None:
    found = traces(figures.lanes(figures.domain_rows(table, "image"), published=True))
    assert not any("published" in trace["name"] for trace in found)


def test_one_seed_has_no_interval() -> None:
    rows = figures.column_rows(made_up(StudyRun("shift", seeds=1)), "image")
    assert rows[0]["same, low"] is None
    for trace in traces(figures.lanes(rows)):
        assert "array" not in trace.get("error_x", {})


def test_families_and_groups(table: Table) -> None:
    rows = figures.family_rows(table, "image")
    assert len(rows) == 4 * (len(FAMILIES) + len(GROUPS))
    ranks = shift.ranks(table, "image", "mild")
    for row in rows:
        assert row["gain"] == pytest.approx(row["other"] - row["same"], abs=2e-4)
        if row["family"] and row["on"] == "mild":
            assert row["rank"] == ranks[row["family"]].mean()
    assert figures.count(rows, "mild", lambda row: row["rank"] == 1) == (18, 18)
    assert {row["group"] for row in figures.of_groups(rows, ("geometric",))} == {"geometric"}


def test_the_breakdown_has_every_number(table: Table) -> None:
    rows = figures.of_groups(figures.family_rows(table, "image"), ("geometric", "corruption"))
    plot = figures.breakdown(rows, figures.GAIN, 19)
    colours, dark, light, cells = traces(plot)
    labels = plot.layout.yaxis.ticktext
    assert labels[0].startswith("<b>geometric</b>")
    assert not any("photometric" in label for label in labels)
    at = plot.layout.yaxis.tickvals
    ys = [float(y) for y in plot.data[0].y]
    line = ys.index(at[1])  # the first family
    first = next(row for row in rows if row["family"])
    assert colours["z"][line][0] == pytest.approx(first["gain"])
    assert {dark["text"][line][0], light["text"][line][0]} == {"", f"+{first['gain']:.2f}"}
    assert colours["zmin"] == -colours["zmax"]
    assert "rank 1.0 of 19" in colours["hovertext"][line][0]
    at = [list(row) for row in cells["customdata"]].index([first["family"], "in-distribution"])
    assert cells["y"][at] == plot.layout.yaxis.tickvals[1]
    assert "rank 1.0 of 19" in cells["text"][at]


def test_ranks_are_light_where_the_own_network_is_first(table: Table) -> None:
    rows = figures.family_rows(table, "random")
    colours, *numbers, _ = traces(figures.breakdown(rows, figures.RANK, 19))
    assert (colours["zmin"], colours["zmax"]) == (1, 19)
    assert {text for trace in numbers for line in trace["text"] for text in line} <= {"", "1", "1.0"}
    assert "rank of the own network" in figures.breakdown_alt(rows, figures.RANK)
    assert "other minus same" in figures.breakdown_alt(rows, figures.GAIN)


def test_a_gain_that_may_be_chance_stands_in_brackets() -> None:
    base = {"group": "geometric", "family": "rotate", "gain": 0.1, "rank": 2.0}
    assert figures._cell(base | {"gain, low": -0.1, "gain, high": 0.3}, figures.GAIN) == "(+0.10)"
    assert figures._cell(base | {"gain, low": 0.05, "gain, high": 0.3}, figures.GAIN) == "+0.10"
    assert figures._cell(base | {"gain, low": None, "gain, high": None}, figures.GAIN) == "(+0.10)"
    assert figures._cell(base, figures.RANK) == "2"


def test_names_fit_a_telephone() -> None:
    assert figures._wrapped("in-distribution") == "in-distribution"
    assert figures._wrapped("CIFAR-100") == "CIFAR-100"
    assert figures._wrapped("other random objects on noise") == "other random<br>objects on<br>noise"
    assert not math.isnan(figures._largest([{**dict.fromkeys(("same", "other", "none"), 0.1), "untrained": 0.2,
        "same, high": None, "other, high": None, "none, high": 0.3}], False))  # fmt: skip
