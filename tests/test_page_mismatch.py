"""The page Mismatch: empty, filled, with the published values."""

from __future__ import annotations

from pathlib import Path

import pytest

from invlab.studies.catalogue import STUDIES, StudyRun
from tests.pages import charts, opener
from tests.test_page_transfer import place, words
from tests.test_ui_study import keep

__all__ = ["place"]  # the fixture

PAGE = Path(__file__).parents[1] / "pages" / "mismatch.py"


@pytest.fixture
def filled(place: Path) -> Path:
    keep(place, StudyRun("mismatch", seeds=3))
    return place


opened = opener(PAGE)


def test_empty_it_says_what_to_type_and_what_it_will_test(place: Path) -> None:
    page = opened()
    assert not page.exception
    assert not charts(page)
    assert "python -m invlab study mismatch" in [code.value for code in page.code]
    assert all(claim.text in words(page) for claim in STUDIES["mismatch"].claims)
    assert "one object of seed 0" in words(page)


def test_filled_it_says_something_true(filled: Path) -> None:
    page = opened()
    assert not page.exception
    assert len(charts(page)) == 3
    assert all(chart.proto.alt for chart in page.get("plotly_chart"))
    assert "reaches 0.97 on average; where it learned more than the target needs, 0.97" in page.info[0].value
    assert "costs nothing to speak of" in page.info[0].value
    assert "from 0.27 with one family to 0.97 with all" in page.info[0].value
    assert "Leaving out" in page.info[1].value
    assert "4 of 4 claims hold" in words(page)
    assert "The paper's tasks have 30 classes, these 5" in words(page)
    assert not any("published" in trace["name"] for trace in charts(page)[1]["data"])


def test_published_values_when_asked_for(filled: Path) -> None:
    page = opened(published="true")
    assert not page.exception
    assert any("published" in trace["name"] for trace in charts(page)[1]["data"])
    assert "TMLR 2024" in words(page)


def test_where_more_hurts_the_words_say_so(place: Path) -> None:
    keep(place, StudyRun("mismatch", seeds=3), lambda at, seed: 0.9 - 0.1 * abs(at["source"] - at["target"]))
    page = opened()
    assert not page.exception
    assert "that costs something" in page.info[0].value
    assert "fail" in words(page)


def test_one_seed(place: Path) -> None:
    keep(place, StudyRun("mismatch", seeds=1))
    page = opened()
    assert not page.exception
    assert "8 of 8 families were drawn in one seed only" in page.info[1].value


def test_the_papers_preset_has_its_own_chain(place: Path) -> None:
    keep(place, StudyRun("mismatch", "paper", seeds=2))
    page = opened()
    assert not page.exception
    assert len(charts(page)[0]["data"][0]["z"]) == 8
