"""The pieces of the study pages: what is stored, claims, differences, running again, examples; with made-up numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab import costs, differences, records, runs
from invlab.jobs import Queue, QueueFull
from invlab.store import Store
from invlab.studies import mismatch, shift
from invlab.studies.catalogue import STUDIES, StudyRun
from invlab.studies.presets import PRESETS
from invlab.studies.singles import SOURCES
from invlab.studies.study import Claim, Part, Table, Verdict, table
from invlab.ui import results, study, study_again, visitors
from invlab.ui.study import Difference
from tests.test_page_transfer import place, words

__all__ = ["place"]  # the fixture

ROOT = Path(__file__).parents[1]
Value = Callable[[Mapping[str, Any], int], float]


# ---------------------------------------------------------------------------------------------------- made-up numbers


def mismatch_value(at: Mapping[str, Any], seed: int) -> float:
    """Every missing family costs a tenth."""
    lost = max(0, at["target"] - at["source"])
    return round(0.97 - 0.1 * lost - 0.002 * seed, 6)


FAR = {"objects on scenes": 0.1, "random objects on noise": 0.4, "scene pictures": 0.3}


def shift_value(at: Mapping[str, Any], seed: int) -> float:
    """The own family's network moves less, everywhere; the further away, the more everything moves."""
    base = 0.3 + FAR.get(at["domain"], 0.2)
    if at["trained"] == "random":
        base = 1.0 - base
    own = at["source"] == at["family"]
    return round(base * (0.5 if own else 1.0) + 0.003 * seed, 6)


def information_value(at: Mapping[str, Any], seed: int) -> float:
    """The own family's network moves least and tells least; the others differ a little, in the same order."""
    place = list(SOURCES).index(at["source"])
    base = {"sensitivity": 0.6, "decodability": 0.3, "naming it": 0.7}[at["measure"]]
    return round(base * (0.5 if at["source"] == at["family"] else 1 + 0.01 * place) + 0.003 * seed, 6)


VALUES: dict[str, Value] = {
    "mismatch": mismatch_value,
    "shift": shift_value,
    "information": information_value,
}


def rows_of(run: StudyRun, seed: int, value: Value) -> list[list[Any]]:
    found = STUDIES[run.study]
    rows = []
    for cell in found.cells(run.preset, seed, run.data):
        v = value(cell.at, seed)
        rows.append([*(cell.at[axis] for axis in found.axes), v, v - 0.01, v + 0.01])
    return rows


def made_up(run: StudyRun, value: Value | None = None) -> Table:
    """The table of a run whose cells have made-up values."""
    value = value or VALUES[run.study]
    return table(STUDIES[run.study], {seed: rows_of(run, seed, value) for seed in range(run.seeds)})


def keep(home: Path, run: StudyRun, value: Value | None = None) -> None:
    """Put made-up seeds of a run into a store."""
    store = Store(home)
    for seed in run.each():
        rows = rows_of(run, seed.seed, value or VALUES[run.study])
        result = {"axes": list(STUDIES[run.study].axes), "rows": rows}
        store.put(records.key(seed), {"kind": "StudySeed", "spec": records.plain(seed), "result": result})
    store.close()


# ------------------------------------------------------------------------------------------------------ what is stored


def loading() -> None:
    from invlab.ui import study

    found = study.load("mismatch")
    if found is not None:
        import streamlit as st

        st.text(f"{found[0].preset}, {found[0].seeds}, {len(found[1])}")


def test_nothing_stored_says_what_to_type(place: Path) -> None:
    test = AppTest.from_function(loading).run()
    assert not test.exception
    assert [code.value for code in test.code] == ["python -m invlab study mismatch"]
    assert not test.text


def test_the_largest_run_is_loaded_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(place, StudyRun("mismatch", seeds=2))
    assert AppTest.from_function(loading).run().text[0].value == "classroom, 2, 160"
    monkeypatch.setattr(runs, "study_table", lambda *_: 1 / 0)
    monkeypatch.setattr(runs, "stored_run", lambda *_: 1 / 0)
    test = AppTest.from_function(loading).run()
    assert not test.exception
    assert test.text[0].value == "classroom, 2, 160"
    assert "2 seeds" in words(test)


def test_the_preset_is_in_the_link(place: Path) -> None:
    keep(place, StudyRun("mismatch", seeds=2))
    keep(place, StudyRun("mismatch", "paper", seeds=1))
    test = AppTest.from_function(loading)
    test.query_params["preset"] = "paper"
    assert test.run().text[0].value.startswith("paper, 1")
    test = AppTest.from_function(loading)
    test.query_params["preset"] = "tiny"
    assert test.run().text[0].value.startswith("classroom, 2")


def test_a_reading_is_made_once(place: Path) -> None:
    made = []
    for _ in range(3):
        assert study.once(StudyRun("mismatch"), "x", lambda: made.append(1) or len(made)) == 1
    assert study.once(StudyRun("mismatch", seeds=4), "x", lambda: 7) == 7


def test_the_command_line_is_the_same_run() -> None:
    run = StudyRun("shift", "paper", 4, ("cifar10",), ("family=blur",))
    assert study.command(run) == (
        "python -m invlab study shift --preset paper --seeds 4 --data cifar10 --only 'family=blur'"
    )
    assert study.command(StudyRun("shift")).endswith("--data none")
    assert study.command(StudyRun("mismatch")).endswith("--seeds 3")


# -------------------------------------------------------------------------------------------------------------- claims


def verdict(*bounds: tuple[float, float]) -> Verdict:
    claim = Claim("a-claim", "It is so.", "0.12", lambda _: {}, "accuracy")
    return Verdict(claim, tuple(Part(f"part {i}", (a + b) / 2, a, b, 5, 5) for i, (a, b) in enumerate(bounds)))


HOLDS, FAILS, UNDECIDED = verdict((0.14, 0.24)), verdict((0.1, 0.2), (-0.3, -0.1)), verdict()


def test_a_claim_is_told_with_verdict_effect_and_publication() -> None:
    text = study.told(HOLDS)
    assert text.startswith(":green-badge[:material/check: holds] **It is so.**")
    assert "holds: 5 of 5 seeds, effect \\+0\\.19 \\[\\+0\\.14, \\+0\\.24\\]; *published:* 0\\.12" in text
    assert ":red-badge" in study.told(FAILS)
    assert "part 1" in study.told(FAILS)
    assert "not measured" in study.told(UNDECIDED)


def test_failing_and_undecided_claims_are_counted() -> None:
    assert study.tally([HOLDS, FAILS, UNDECIDED]) == "**1 of 3 claims hold**, 1 fails, 1 is undecided."
    assert study.tally([HOLDS]) == "**1 of 1 claims holds**."
    assert study.tally([FAILS, FAILS]) == "**0 of 2 claims hold**, 2 fail."


def test_every_part_has_its_row() -> None:
    rows = study.parts([HOLDS, FAILS, UNDECIDED])
    assert [row["verdict"] for row in rows] == ["holds", "holds", "fails", "undecided"]
    assert rows[0]["seeds above 0"] == "5 of 5"
    lonely = study.parts([verdict((float("nan"), float("nan")))])
    assert lonely[0]["low"] is None


def claiming() -> None:
    import streamlit as st

    from invlab.studies.catalogue import StudyRun
    from invlab.ui import study

    study.claims("mismatch", StudyRun("mismatch", seeds=2) if st.query_params.get("run") else None)


def test_claims_of_a_run_and_before_there_is_one(place: Path) -> None:
    keep(place, StudyRun("mismatch", seeds=2), lambda at, seed: 0.5)  # nothing differs: nothing is learned or lost
    test = AppTest.from_function(claiming)
    test.query_params["run"] = "1"
    text = words(test.run())
    assert not test.exception
    assert "of 4 claims" in text
    for claim in STUDIES["mismatch"].claims:
        assert claim.text in text
    assert "fails" in text
    before = words(AppTest.from_function(claiming).run())
    assert all(claim.text in before for claim in STUDIES["mismatch"].claims)
    assert "badge" not in before


# --------------------------------------------------------------------------------------------------------- differences


@pytest.mark.parametrize("name", STUDIES)
def test_differences_are_read_off_the_presets(name: str) -> None:
    found = {d.what: d for d in differences.differences(name, StudyRun(name, seeds=3))}
    assert found["Network"].here == PRESETS["classroom"].network
    assert found["Network"].paper == PRESETS["paper"].network
    assert "images a second" in found["Network"].why
    assert (found["Seeds"].here, found["Seeds"].paper) == ("3", "10")
    assert "61 cut-out objects" in found["Objects and backgrounds"].paper


def test_the_papers_preset_differs_in_objects_only() -> None:
    found = differences.differences("shift", StudyRun("shift", "paper", 10))
    assert [d.what for d in found] == ["Objects and backgrounds"]


def test_what_only_a_page_knows_is_told_too(place: Path) -> None:
    def differing() -> None:
        from invlab.ui import study

        study.differs("shift", None, [study.Difference("CIFAR", "two columns", "absent", "Not here.")])

    assert "**CIFAR**: here absent; in the paper two columns. *Not here.*" in words(
        AppTest.from_function(differing).run()
    )
    assert Difference("a", "b", "c").why == ""


# --------------------------------------------------------------------------------------------------------- run it again


def asking() -> None:
    from invlab.ui import study, study_again

    found = study.load("mismatch")
    study_again.again("mismatch", found[0] if found else None)


def asked() -> AppTest:
    return AppTest.from_function(asking, default_timeout=30).run()


def test_a_click_queues_one_job_behind_comparisons(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "visitor_id", lambda: "me")
    keep(place, StudyRun("mismatch", seeds=2))
    test = asked()
    assert test.number_input(key="again-seeds-classroom").value == 4
    expected = costs.expected_seconds(StudyRun("mismatch", seeds=2))
    assert f"2 seeds to compute, about {results.duration(expected)}" in words(test)
    test.button(key="again-run").click().run()
    assert not test.exception
    (job,) = Queue().jobs()
    run = StudyRun("mismatch", seeds=4)
    assert (job.key, job.kind, job.priority) == (records.key(run), "StudyRun", -1)
    assert records.revive(StudyRun, job.payload) == run
    assert job.expected_seconds == pytest.approx(expected)
    assert "Waiting for a worker" in words(test)
    assert test.button(key="again-run").disabled
    test.button(key=f"cancel-{job.key}").click().run()
    again = Queue().job(job.key)
    assert again is not None
    assert again.state == "cancelled"
    assert "What was computed is stored" in words(test)


def test_seeds_that_are_stored_are_not_asked_for(place: Path) -> None:
    keep(place, StudyRun("mismatch", seeds=2))
    test = asked()
    test.number_input(key="again-seeds-classroom").set_value(2).run()
    assert "2 seeds of this are stored already" in words(test)
    assert test.button(key="again-run").disabled


def test_a_part_of_a_study(place: Path) -> None:
    test = asked()
    test.toggle(key="again-part").set_value(True).run()
    test.selectbox(key="again-axis-classroom").select("target").run()
    test.multiselect(key="again-values-classroom-target").set_value(["2", "3"]).run()
    test.button(key="again-run").click().run()
    assert not test.exception
    (job,) = Queue().jobs()
    assert job.payload["only"] == ["target=2", "target=3"]
    assert "only target=2, target=3" in job.title


def test_weeks_are_not_for_a_click(place: Path) -> None:
    test = asked()
    test.segmented_control(key="again-preset").set_value("paper").run()
    assert "too long for a click" in words(test)
    assert any("--preset paper" in code.value for code in test.code)
    assert not test.button


def test_a_refusal_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise QueueFull("you already wait for 20 runs")

    test = asked()
    monkeypatch.setattr(Queue, "submit", full)
    test.button(key="again-run").click().run()
    assert "20 runs" in words(test)


def queued(place: Path, run: StudyRun) -> tuple[Queue, str]:
    queue, key = Queue(), records.key(run)
    queue.submit(key, "StudyRun", records.plain(run), title=study_again.title(run), visitor="somebody", priority=-1)
    return queue, key


def test_progress_in_cells_and_time(place: Path) -> None:
    queue, key = queued(place, StudyRun("mismatch"))
    queue.sign_on("w", "cpu", key)
    queue.claim("w")
    assert "Running: preparing" in words(asked())
    queue.report(
        key, "w", {"stage": "cells", "done": 12, "of": 48, "seed": 1, "seeds": 3, "left": 600.0, "fraction": 0.4}
    )
    text = words(asked())
    assert "Seed 1: 12 of 48 cells · about 10 min left" in text
    assert "Leaving this page does not stop it" in text
    assert asked().button(key=f"cancel-{key}").label == "Cancel for all"  # somebody else's
    queue.let_go(key, "w")
    assert "Makes way for a shorter run" in words(asked())


def test_jobs_of_another_study_are_not_shown(place: Path) -> None:
    queued(place, StudyRun("shift"))
    assert "Study Shift" not in words(asked())


def test_a_finished_run_is_seen_at_once(place: Path) -> None:
    test = asked()
    queue, key = queued(place, StudyRun("mismatch", seeds=2))
    assert "is not in this installation" in words(test)
    test.run()
    queue.claim("w")
    keep(place, StudyRun("mismatch", seeds=2))
    queue.finish(key, "w")
    study.look_again()  # what the watching fragment does when a job has ended
    test.run()
    assert "finished at" in words(test)
    assert "2 seeds" in words(test)


def test_the_numbers_of_a_finished_part_are_shown(place: Path) -> None:
    run = StudyRun("mismatch", seeds=1, only=("target=2",))
    queue, key = queued(place, run)
    queue.claim("w")
    keep(place, run)
    queue.finish(key, "w")
    test = asked()
    assert not test.exception
    assert any(expander.label.startswith("Finished: Study Mismatch") for expander in test.expander)


def test_a_failure_has_its_reason(place: Path) -> None:
    queue, key = queued(place, StudyRun("mismatch"))
    queue.claim("w")
    queue.fail(key, "w", "the disk is *full*")
    assert "the disk is \\*full\\*" in words(asked())


# ------------------------------------------------------------------------------------------------------------ examples


def test_examples_wait_for_the_renderer(place: Path) -> None:
    def showing() -> None:
        from invlab.tasks import Task
        from invlab.ui import study

        study.examples({"one": Task((0,)), "two": Task((1,))}, "Shown")

    test = AppTest.from_function(showing).run()
    assert "Example pictures of 2 tasks are being prepared" in words(test)


def test_a_strip_or_why_there_is_none(place: Path) -> None:
    from invlab.tasks import Task

    assert isinstance(study.strip(Task((0,), ("rotate",), backgrounds="black")), bytes)
    absent = study.strip(Task((0,), ("rotate",), "cifar10", "black"))
    assert isinstance(absent, str)
    assert "python -m invlab" in absent


def test_strips_are_drawn_in_a_thread(place: Path) -> None:
    from invlab.tasks import Task

    tasks = {"one": Task((0,), backgrounds="black"), "two": Task((99,), backgrounds="black")}
    first, second = study._strips(study._keys(tasks), tasks).result(60)
    assert isinstance(first, bytes)
    assert isinstance(second, str)


# --------------------------------------------------------------------------------------------------------- first paint

FIRST_PAINT = """
import sys
from streamlit.testing.v1 import AppTest
page = AppTest.from_file(sys.argv[1], default_timeout=60).run()
assert not page.exception, page.exception
assert len(page.get("plotly_chart")) == int(sys.argv[2]), len(page.get("plotly_chart"))
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize(("name", "charts"), [("shift", 4), ("mismatch", 3)])
def test_the_first_paint_does_not_import_torch(tmp_path: Path, name: str, charts: int) -> None:
    keep(tmp_path, StudyRun(name, seeds=2))
    places = {"INVLAB_HOME": str(tmp_path), "INVLAB_BUNDLE": str(tmp_path / "none"), "INVLAB_WORKER": "0"}
    command = [sys.executable, "-c", FIRST_PAINT, str(ROOT / "pages" / f"{name}.py"), str(charts)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | places, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_behind_offers_every_number(place: Path) -> None:
    keep(place, StudyRun("mismatch", seeds=2))
    text = study.csv(study.table_of(StudyRun("mismatch", seeds=2))).decode()
    assert text.count("\n") == 1 + 2 * len(list(STUDIES["mismatch"].cells("classroom", 0, ())))
    assert text.startswith("kind,source,target")


def test_made_up_numbers_are_what_they_say() -> None:
    found = made_up(StudyRun("mismatch", seeds=2))
    assert mismatch.accuracy(found, 6, 6) == pytest.approx([0.97, 0.968])
    assert np.all(shift.ranks(made_up(StudyRun("shift", seeds=2)), "image", "mild")["blur"] == 1)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    st.cache_resource.clear()
    st.cache_data.clear()
