"""The page Factors: before the study was computed, with made-up results, and without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab import records
from invlab.store import Store
from invlab.studies.catalogue import StudyRun
from invlab.ui import results
from tests.pages import charts, texts
from tests.test_figures_factors import made_up_rows

ROOT = Path(__file__).parent.parent
PAGE = str(ROOT / "pages" / "factors.py")
SECONDS = 60
SEEDS = 3


def put(home: Path, run: StudyRun, rows: Callable[[str, int], Sequence[Sequence[object]]]) -> None:
    """Store made-up rows for each seed of a run."""
    store = Store(home)
    for seed in run.each():
        result = {"axes": [], "rows": rows(run.preset, seed.seed)}
        store.put(records.key(seed), {"kind": "StudySeed", "spec": records.plain(seed), "result": result})
    store.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with made-up numbers on the true cells."""
    folder = tmp_path_factory.mktemp("factors")
    put(folder, StudyRun("factors", "classroom", SEEDS), made_up_rows)
    return folder


@pytest.fixture
def filled(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from redirected(made, tmp_path, monkeypatch)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from redirected(tmp_path / "home", tmp_path, monkeypatch)


def redirected(home: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INVLAB_BUNDLE", str(elsewhere / "nothing"))
    monkeypatch.setenv("INVLAB_HOME", str(home))
    monkeypatch.setattr(results, "pictures_ready", lambda: False)  # the landscapes would take half a minute
    st.cache_resource.clear()  # the store and what was read from it would be another test's
    st.cache_data.clear()
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def opened(page: str = PAGE, **link: str) -> AppTest:
    test = AppTest.from_file(page, default_timeout=SECONDS)
    for name, value in link.items():
        test.query_params[name] = value
    return test.run()


def names(chart: dict) -> list[str]:
    return [trace["name"] for trace in chart["data"] if trace.get("name")]


def imports_no_torch(page: str, home: Path, figures: int) -> None:
    """A fresh interpreter shows the page's stored results without torch."""
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"test = AppTest.from_file({page!r}, default_timeout={SECONDS}).run()\n"
        f"assert not test.exception and len(test.get('plotly_chart')) == {figures}\n"
        "sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "INVLAB_BUNDLE": str(home / "nothing"), "INVLAB_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_before_it_was_computed_it_says_what_to_type(empty: None) -> None:
    test = opened()
    assert not test.exception
    assert not test.get("plotly_chart")
    assert "python -m invlab study factors" in [code.value for code in test.code]
    assert "whatever its value, a source under the target's transformations" in texts(test)


def test_first_sight_says_something_true(filled: None) -> None:
    test = opened()
    assert not test.exception
    first, second = charts(test)
    assert names(first) == ["range within disjoint", "gap between same and disjoint", "range within same"]
    assert names(second) == ["disjoint transformations", "same transformations"]
    assert "within *same* for 4 of 4 factors" in test.info[0].value
    assert "transfers better at 4 of 4 values" in test.info[1].value
    assert "7 of 7 claims hold" in texts(test)
    assert all(chart.proto.alt for chart in test.get("plotly_chart"))


def test_data_sets_that_are_not_there_are_said_to_be(filled: None) -> None:
    text = texts(opened())
    assert "Not in these results: CIFAR-10 and CIFAR-100" in text
    assert "python -m invlab data get cifar10" in text
    assert os.environ["INVLAB_HOME"] not in text  # paths of the server's disk are nobody else's business


@pytest.mark.parametrize("factor", ["architecture", "pretraining samples", "transfer samples"])
def test_every_factor_is_in_the_link(filled: None, factor: str) -> None:
    test = opened(factor=factor, published="true")
    assert not test.exception
    assert names(charts(test)[1]) == [
        "disjoint transformations", "disjoint, published", "same transformations", "same, published",
    ]  # fmt: skip
    assert "TMLR 2024" in texts(test)
    assert (charts(test)[1]["layout"]["xaxis"].get("type") == "log") == factor.endswith("samples")


def test_a_factor_that_did_not_vary_is_said_to_be(filled: None) -> None:
    test = opened(setting="geometric", factor="architecture", published="true")
    assert not test.exception
    assert len(charts(test)) == 1
    assert "Not varied in this part of the study: architecture, pretraining samples" in texts(test)
    assert "it was with: mixed" in texts(test)
    assert "choose these to see them" in texts(test)
    assert not any("published" in name for name in names(charts(test)[0]))


def test_fine_tuning_tells_on_how_many_images(filled: None) -> None:
    test = opened(measure="full fine-tuning")
    assert not test.exception
    assert "Fine-tuned on 200 images of the target." in texts(test)


def test_a_wrong_link_falls_back(filled: None) -> None:
    test = opened(factor="luck", setting="<script>", measure="none", dataset="cifar10", preset="tiny")
    assert not test.exception
    assert len(charts(test)) == 2


def test_first_paint_imports_no_torch(made: Path) -> None:
    imports_no_torch(PAGE, made, 2)
