"""The page Information: empty, filled, for both measures and every family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from invlab.studies.catalogue import STUDIES, StudyRun
from tests.pages import charts, opener
from tests.test_page_transfer import place, words
from tests.test_ui_study import information_value, keep

__all__ = ["place"]  # the fixture

PAGE = Path(__file__).parents[1] / "pages" / "information.py"


@pytest.fixture
def filled(place: Path) -> Path:
    keep(place, StudyRun("information", seeds=3))
    return place


opened = opener(PAGE)


def test_empty_it_says_what_to_type_and_what_it_will_test(place: Path) -> None:
    page = opened()
    assert not page.exception
    assert not charts(page)
    assert "python -m invlab study information" in [code.value for code in page.code]
    assert all(claim.text in words(page) for claim in STUDIES["information"].claims)


def test_filled_it_says_something_true(filled: Path) -> None:
    page = opened()
    assert not page.exception
    assert len(charts(page)) == 2
    assert all(chart.proto.alt for chart in page.get("plotly_chart"))
    same = next(t for t in charts(page)[0]["data"] if t["name"].startswith("same"))
    assert same["x"] == pytest.approx([0.303])
    assert same["y"] == pytest.approx([0.353])
    assert "tells less than the others of it: 0.35 against 0.7" in page.info[0].value
    assert "rise together (rank correlation +1.00)" in page.info[0].value
    assert "which third of its range" not in words(page)
    assert "which third of the circle?" in words(page)  # hue
    assert "4 of 4 claims hold" in words(page)
    assert "none of it was published" in words(page)


def test_the_other_measure_and_another_family(filled: Path) -> None:
    page = opened(family="rotate", measure="decode its value, on objects held out")
    assert not page.exception
    assert "not* fitted" in words(page)
    assert "nobody can tell who has not seen it upright" in page.info[1].value
    assert charts(page)[1]["layout"]["xaxis"]["title"]["text"].startswith("decodability")


def test_where_nothing_is_lost_the_words_say_so(place: Path) -> None:
    def value(at: Any, seed: int) -> float:
        told = information_value(at, seed)
        return told if at["measure"] == "sensitivity" else 1.2 - told

    keep(place, StudyRun("information", seeds=3), value)
    page = opened()
    assert not page.exception
    assert "tells more than the others of it" in page.info[0].value
    assert "go against each other (rank correlation −1.00)" in page.info[0].value
    assert "4 fail" in words(page)


def test_one_seed(place: Path) -> None:
    keep(place, StudyRun("information", seeds=1))
    page = opened()
    assert not page.exception
    assert "4 are undecided" in words(page)
