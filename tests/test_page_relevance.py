"""The page Relevance: before the study was computed, with made-up results, and without torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from invlab.studies.catalogue import StudyRun
from invlab.ui import results
from tests.pages import apart
from tests.test_figures_relevance import made_up_rows
from tests.test_page_factors import ROOT, charts, imports_no_torch, names, opened, put, redirected, texts

PAGE = str(ROOT / "pages" / "relevance.py")
SEEDS = 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with made-up numbers on the true cells."""
    folder = tmp_path_factory.mktemp("relevance")
    put(folder, StudyRun("relevance", "classroom", SEEDS), made_up_rows)
    return folder


@pytest.fixture
def filled(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from redirected(made, tmp_path, monkeypatch)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The bundle that ships: its two sets of pictures have other numbers."""
    monkeypatch.setattr(results, "pictures_ready", lambda: False)
    yield from apart(tmp_path, monkeypatch, ROOT / "models")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from redirected(tmp_path / "home", tmp_path, monkeypatch)


def test_before_it_was_computed_it_says_what_to_type(empty: None) -> None:
    test = opened(PAGE)
    assert not test.exception
    assert not test.get("plotly_chart")
    assert "python -m invlab study relevance" in [code.value for code in test.code]
    assert "A network that learned to ignore the object" in texts(test)


def test_first_sight_says_something_true(filled: None) -> None:
    test = opened(PAGE)
    assert not test.exception
    assert len(charts(test)) == 4  # the map, the swaps, two sweeps
    assert "learning to ignore cost 0.27" in test.info[0].value
    assert "From correlation 0 to 1" in test.info[2].value
    assert "small drawn things of one of ten kinds" in texts(test)
    assert "claims hold" in texts(test)
    assert all(chart.proto.alt for chart in test.get("plotly_chart"))
    assert "published" not in str(names(charts(test)[1]))


def test_the_other_set_of_pictures(filled: None) -> None:
    test = opened(PAGE, pictures="a picture of scenes")
    assert not test.exception
    assert "one of **ten classes of drawn scenes**" in texts(test)
    assert len(charts(test)) == 4


def test_each_set_of_pictures_has_figures_of_its_own(shipped: None) -> None:
    """Figures are built once for all visitors: those of one set must not stand in for the other's."""
    things, scenes = charts(opened(PAGE)), charts(opened(PAGE, pictures="a picture of scenes"))
    assert things[0]["data"] != scenes[0]["data"]
    assert things[1]["data"] != scenes[1]["data"]


def test_placement_and_published_values_are_in_the_link(filled: None) -> None:
    test = opened(PAGE, placement="translated", published="true")
    assert not test.exception
    layers = [t["text"] for t in charts(test)[0]["data"] if t["name"].endswith("numbers")]
    assert "<b>0.06</b><br>(.15)" in [layer[1][2] for layer in layers]
    assert "swapping the object (O), published" in names(charts(test)[1])
    assert "TMLR 2024" in texts(test)


def test_sweeps_are_probed_on_the_things_alone_too(filled: None) -> None:
    test = opened(PAGE, probed="on pictures alone and objects alone")
    assert not test.exception
    assert "probed on O:" in charts(test)[2]["data"][1]["hovertemplate"]


def test_pictures_of_cifar_are_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = StudyRun("relevance", "classroom", 2, ("cifar10",))
    put(tmp_path / "home", run, lambda preset, seed: made_up_rows(preset, seed, ("cifar10",)))
    for _ in redirected(tmp_path / "home", tmp_path, monkeypatch):
        test = opened(PAGE)
        assert not test.exception
        assert "is a photograph of **CIFAR-10**" in texts(test)


def test_a_wrong_link_falls_back(filled: None) -> None:
    test = opened(PAGE, placement="<script>", probed="x", preset="tiny", swept="y")
    assert not test.exception
    assert len(charts(test)) == 4


def test_first_paint_imports_no_torch(made: Path) -> None:
    imports_no_torch(PAGE, made, 4)
