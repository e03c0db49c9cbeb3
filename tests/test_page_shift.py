"""The page Shift: empty, filled, with the choices of a link."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from invlab.studies.catalogue import STUDIES, StudyRun
from tests.pages import charts, opener
from tests.test_page_transfer import place, words
from tests.test_ui_study import keep

__all__ = ["place"]  # the fixture

PAGE = Path(__file__).parents[1] / "pages" / "shift.py"


@pytest.fixture
def filled(place: Path) -> Path:
    keep(place, StudyRun("shift", seeds=2))
    return place


opened = opener(PAGE)


def test_empty_it_says_what_to_type_and_what_it_will_test(place: Path) -> None:
    page = opened()
    assert not page.exception
    assert not charts(page)
    assert "python -m invlab study shift" in [code.value for code in page.code]
    assert STUDIES["shift"].claims[0].text in words(page)
    assert "Example pictures of 11 tasks" in words(page)
    assert not page.button(key="again-run").disabled


def test_filled_it_says_something_true(filled: Path) -> None:
    page = opened()
    assert not page.exception
    assert len(charts(page)) == 4  # two overviews, the breakdown, the domains
    assert all(chart.proto.alt for chart in page.get("plotly_chart"))
    notice = page.info[0].value
    assert "is **0.20** on what it learned" in notice
    assert "clear in all 8 blocks" in notice
    assert "18 of 18 families have their own network in first place" in page.info[1].value
    assert "Not measured: CIFAR-10 and CIFAR-100" in words(page)
    assert "claims hold" in words(page)
    assert "published" not in json.dumps([trace["name"] for chart in charts(page) for trace in chart["data"]])


def test_the_link_holds_every_choice(filled: Path) -> None:
    page = opened(published="true", trained="random", show="rank of the own network", groups="geometric", under="blur")
    assert not page.exception
    first, second, breakdown, _ = charts(page)
    assert any("published" in trace["name"] for trace in first["data"])
    assert any("published" in trace["name"] for trace in second["data"])
    assert breakdown["data"][0]["zmax"] == 19
    assert len(breakdown["layout"]["yaxis"]["ticktext"]) == 7  # the group and its six families
    assert page.selectbox(key="under").value == "blur"


def test_a_wrong_link_falls_back(filled: Path) -> None:
    page = opened(published="perhaps", trained="<script>", show="nothing", groups="colours", under="teapot")
    assert not page.exception
    assert len(charts(page)) == 4


def test_where_nothing_differs_the_words_say_so(place: Path) -> None:
    keep(place, StudyRun("shift", seeds=2), lambda at, seed: 0.4)
    page = opened()
    assert not page.exception
    assert "clear in 0 of 8 blocks" in page.info[0].value
    assert "is **0.40** on what it learned and **0.40**" in page.info[0].value


def test_one_seed_says_nothing_about_chance(place: Path) -> None:
    keep(place, StudyRun("shift", seeds=1))
    page = opened()
    assert not page.exception
    assert "single seed" in page.info[0].value
    assert "undecided" in words(page)


def test_photographs_have_their_columns(place: Path) -> None:
    keep(place, StudyRun("shift", seeds=2, data=("cifar10", "cifar100")))
    page = opened()
    assert not page.exception
    assert "clear in all 12 blocks" in page.info[0].value
    assert "Not measured" not in words(page)
