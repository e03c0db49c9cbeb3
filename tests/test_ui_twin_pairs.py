"""From any number of a study, by pickers or by a click, to the twin pairs behind it; also of networks not at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import plotly.graph_objects as go
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab import records, runs
from invlab.jobs import Queue
from invlab.seeds import word
from invlab.sensitivity import TwinPairs
from invlab.store import Store
from invlab.studies.catalogue import STUDIES, StudyRun
from invlab.tasks import Task
from invlab.training import Training
from invlab.transfer import Transfer
from invlab.ui import instruments, page, study_twins, twin_pairs
from tests.test_page_transfer import place, words
from tests.test_ui_study import keep

__all__ = ["place"]  # the fixture

TASK = Task((3, 29), ("h_flip",), backgrounds="black")
SPEC = TwinPairs(Training(TASK, images=64, batch=32), TASK, 24)


def value(at: Mapping[str, Any], seed: int) -> float:
    """Made up, and another one for almost every number."""
    return word(sorted(at.items()), seed) % 900 / 1000 + 0.05


def of_study(name: str) -> None:
    """A page that is nothing but the section."""
    from invlab import runs
    from invlab.studies.catalogue import StudyRun
    from invlab.ui import cached, study_twins

    run = StudyRun(name, "tiny", 1)
    study_twins.section(run, runs.study_table(run, cached.the_store()))


def of_spec() -> None:
    from invlab.ui import twin_pairs
    from tests.test_ui_twin_pairs import SPEC

    twin_pairs.section(SPEC, "the network **trained to mirror**")


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_leads_from_each_axis_to_a_number_and_its_task(place: Path, name: str) -> None:
    keep(place, StudyRun(name, "tiny", 1), value)
    test = AppTest.from_function(of_study, args=(name,), default_timeout=60).run()
    assert not test.exception
    for box in range(len(test.selectbox)):  # the last value of each axis, one after the other
        if box < len(test.selectbox):
            test.selectbox[box].select_index(len(test.selectbox[box].options) - 1)
            test.run()
            assert not test.exception
    chosen = {box.key.removeprefix("at_"): box.value for box in test.selectbox}
    run = StudyRun(name, "tiny", 1)
    store = Store(place)
    rows = runs.study_table(run, store).where(**chosen).records()
    store.close()
    assert any(f"The number: **{row['value']:.2f}**" in words(test) for row in rows)
    assert test.toggle or "own task" in words(test)


def test_values_of_another_factor_are_forgotten(place: Path) -> None:
    keep(place, StudyRun("factors", "tiny", 1), value)
    test = AppTest.from_function(of_study, args=("factors",), default_timeout=60).run()
    level = test.selectbox(key="at_level")
    level.select_index(len(level.options) - 1).run()
    factor = test.selectbox(key="at_factor")
    factor.select_index(len(factor.options) - 1).run()
    assert not test.exception
    assert test.selectbox(key="at_level").value in test.selectbox(key="at_level").options


def test_a_network_that_is_not_at_hand_learns_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[instruments.Pair] = []
    monkeypatch.setattr(instruments, "gallery", seen.extend)
    test = AppTest.from_function(of_spec, default_timeout=60).run()
    assert not test.button
    test.toggle[0].set_value(True).run()
    assert "only the numbers are kept" in words(test)
    test.button(key="learn-again").click().run()
    assert not test.exception
    job = Queue(place / "queue.sqlite3").job(records.key(SPEC))
    assert job is not None
    assert (job.kind, job.state, job.title) == ("TwinPairs", "queued", "Twin pairs of the network trained to mirror")
    assert "Waiting for a worker" in str(test.get("progress")[0].proto)
    store = Store(place)
    result = runs.execute(runs.revive(job.kind, job.payload), store)["result"]  # as a worker does
    store.close()
    test.run()
    assert not test.exception
    assert "sees 24 images of this task beside their twins" in words(test)
    shown = [float(pair.words) for pair in seen]
    alike = set(result["identical"])
    moved = sorted(value for i, value in enumerate(result["moved"]) if i not in alike)
    assert shown[:4] == [round(value, 2) for value in moved[:4]]
    assert shown[4:8] == [round(value, 2) for value in moved[::-1][:4]]
    assert f"{len(alike)} pairs are the same picture twice" in words(test)


def test_pictures_that_are_not_here_get_a_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(spec: TwinPairs) -> None:
        raise ValueError("cifar10 is not here: fetch it")

    monkeypatch.setattr(twin_pairs, "distances", refuse)
    test = AppTest.from_function(of_spec, default_timeout=60).run()
    test.toggle[0].set_value(True).run()
    assert not test.exception
    assert [warning.value for warning in test.warning] == ["Cifar10 is not here: fetch it."]


def test_pairs_are_of_the_task_that_was_measured() -> None:
    other = Task((5, 40), ("hue",))
    assert twin_pairs.behind(Transfer(SPEC.training, other, 100, 50)).task == other
    swapped = TwinPairs(SPEC.training, other, 200, 3, "object")
    assert twin_pairs.behind(swapped) == swapped


# -------------------------------------------------------------------------------------------------------------- clicks


@pytest.fixture
def click(place: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A click on a figure of the study mismatch: the state of the pickers after it."""
    keep(place, StudyRun("mismatch", "tiny", 1), value)
    store = Store(place)
    table = runs.study_table(StudyRun("mismatch", "tiny", 1), store)
    store.close()

    def clicked(customdata: list, axes: tuple[str, ...], more: dict, meaning: dict | None = None) -> dict:
        state: dict[str, Any] = {"map": SimpleNamespace(selection=SimpleNamespace(points=[{"customdata": customdata}]))}
        monkeypatch.setattr(st, "session_state", state)
        monkeypatch.setattr(st, "toast", lambda *_, **__: None)
        monkeypatch.setattr(page, "figure", lambda *_, on_select, **__: on_select())
        study_twins.figure(go.Figure(), "map", "", table, axes, more, meaning)
        return {name: value for name, value in state.items() if name != "map"}

    return clicked


def test_a_click_sets_the_pickers(click: Any) -> None:
    assert click([1, 2, "more"], ("source", "target"), {"kind": "chain"}) == {
        "at_source": 1,
        "at_target": 2,
        "at_kind": "chain",
    }


def test_what_a_point_calls_otherwise_is_translated(click: Any) -> None:
    assert click(["one"], ("source",), {}, {"one": 1}) == {"at_source": 1}


@pytest.mark.parametrize("customdata", [[99, 2], ["<script>", 1], [], [None, None], [[1], {}]])
def test_nonsense_from_a_browser_changes_nothing(click: Any, customdata: list) -> None:
    assert click(customdata, ("source", "target"), {"kind": "chain"}) == {}
