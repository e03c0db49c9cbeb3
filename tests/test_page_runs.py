"""The page Runs: the queue, the finished comparisons, one of them opened, two beside each other, deletion."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab import records
from invlab.bundle_files import write_bundle
from invlab.jobs import Queue
from invlab.roles import Role
from invlab.store import Store
from invlab.ui import visitors
from invlab.ui.results import Choice
from tests.pages import opener, served
from tests.test_page_transfer import charts, place, record_of, submit, words

__all__ = ["place"]  # the fixture

PAGE = Path(__file__).parents[1] / "pages" / "runs.py"
NASTY = "<img src=x onerror=alert(1)> **bold** [link](javascript:alert(1)) $x$ :red[y]"


opened = opener(PAGE)


def stored(home: Path, *choices: Choice) -> list[str]:
    for choice in choices:
        Store(home).put(choice.key(), record_of(choice))
    return [choice.key() for choice in choices]


def test_the_empty_state_says_where_to_begin(place: Path) -> None:
    page = opened()
    assert not page.exception
    assert "No comparison is stored yet" in words(page)
    assert "pages/transfer.py: Go to the page Transfer" in words(page)
    assert "no worker" in words(page)


def test_the_queue_is_listed_with_state_place_and_worker(place: Path) -> None:
    queue, first = submit(Choice())
    submit(Choice(seed=1))
    queue.sign_on("w", "cpu", first)
    queue.claim("w")
    queue.report(first, "w", {"stage": "start", "networks": 2})
    queue.report(first, "w", {"network": 0, "stage": "train", "fraction": 0.4})
    text = words(opened())
    assert "worker computing" in text
    assert "Running: 40%" in text
    assert "Waiting: number 1 in the queue" in text
    assert "Watch it learn" in text


def test_runs_of_other_kinds_lead_to_their_pages(place: Path) -> None:
    queue = Queue()
    asked = [("Audit", {}), ("Recording", {}), ("StudyRun", {"study": "mismatch"}), ("StudyRun", {"study": "../app"})]
    for number, (kind, fields) in enumerate([*asked, ("Training", {})]):
        queue.submit(f"{kind.lower()}-{number:032x}", kind, fields)
    links = [line for line in words(opened()).splitlines() if "Open its page" in line]
    assert links == [f"pages/{name}.py: Open its page" for name in ("own", "learning", "mismatch")]


def test_only_the_student_who_asked_can_cancel(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, Role.STUDENT)
    monkeypatch.setattr(visitors, "visitor_id", lambda: "me")
    queue, mine = submit(Choice(), "me")
    _, other = submit(Choice(seed=1), "somebody")
    page = opened()
    assert page.button(key=f"cancel-{other}").disabled
    page.button(key=f"cancel-{mine}").click().run()
    assert not page.exception
    assert [job.key for job in queue.jobs("cancelled")] == [mine]


def test_a_teacher_cancels_for_everybody(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue, key = submit(Choice(), "somebody")
    submit(Choice(), "somebody else")
    button = opened().button(key=f"cancel-{key}")
    assert button.label == "Cancel for all"
    assert not button.click().run().exception
    assert [job.key for job in queue.jobs("cancelled")] == [key]


def test_a_job_that_others_wait_for_goes_on(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "visitor_id", lambda: "me")
    queue, key = submit(Choice(), "me")
    submit(Choice(), "somebody")
    opened().button(key=f"cancel-{key}").click().run()
    job = queue.job(key)
    assert job is not None
    assert job.state == "queued"
    assert queue.visitors(key) == ["somebody"]


def test_names_and_errors_are_shown_as_text(place: Path) -> None:
    queue = Queue()
    for number in (1, 2):
        queue.submit(f"cell-{number:032x}", "Cell", {}, title=NASTY)
    queue.claim("w")
    queue.fail("cell-" + f"{1:032x}", "w", NASTY)
    page = opened()
    assert not page.exception
    for element in page.markdown:
        if element.value.startswith(":small[Words:"):
            continue  # the page's own links to the glossary
        raw = re.sub(r"\\.", "", element.value)  # without what is escaped
        assert not {"<", "[", "$"} & set(raw.replace("[no worker]", ""))
    assert "Failed or cancelled (1)" in [block.label for block in page.expander]


def test_a_failed_run_can_be_forgotten(place: Path) -> None:
    queue, key = submit(Choice())
    queue.claim("w")
    queue.fail(key, "w", "RuntimeError: no memory")
    page = opened()
    assert "no memory" in words(page)
    page.button(key=f"forget-{key}").click().run()
    assert queue.job(key) is None
    assert "no memory" not in words(page)


def test_finished_comparisons_are_listed(place: Path) -> None:
    stored(place, Choice(), Choice(seed=1))
    page = opened()
    table = page.dataframe[0].value
    assert len(table) == 2
    assert set(table["transfer"]) == {"86% / 45%"}
    assert set(table["origin"]) == {"computed here"}
    assert charts(page) == 0


def seeds_listed(page: AppTest) -> list[int]:
    return [int(text.rsplit(" ", 1)[1]) for text in page.dataframe[0].value["preset, seed"]]


def test_many_comparisons_are_listed_a_page_at_a_time_and_the_link_says_which(place: Path) -> None:
    stored(place, *(Choice(seed=seed) for seed in range(120)))
    page = opened()
    assert seeds_listed(page) == list(range(119, 69, -1))
    assert "120 comparisons, the newest first, 50 at a time" in words(page)
    buttons = {button.label: button for button in page.button}
    assert buttons["Newer"].disabled
    buttons["Older"].click().run()
    assert seeds_listed(page) == list(range(69, 19, -1))
    link = page.query_params["before"]
    again = opened(before=link, run=Choice(seed=119).key())
    assert seeds_listed(again) == list(range(69, 19, -1))
    assert "seed 119" in again.subheader[0].value  # a run of another page stays open
    {button.label: button for button in again.button}["Older"].click().run()
    assert seeds_listed(again) == list(range(19, -1, -1))
    buttons = {button.label: button for button in again.button}
    assert buttons["Older"].disabled
    buttons["Newer"].click().run()
    assert seeds_listed(again) == list(range(69, 19, -1))
    assert "before" not in again.query_params


@pytest.mark.parametrize("forged", ["", "<script>", "nan~x", "1e9~comparison-" + 32 * "z"])
def test_a_forged_place_shows_the_newest(place: Path, forged: str) -> None:
    stored(place, Choice(), Choice(seed=1))
    page = opened(before=forged, after=forged)
    assert not page.exception
    assert seeds_listed(page) == [1, 0]
    assert not {"Newer", "Older"} & {button.label for button in page.button}


def test_a_link_opens_its_run_and_no_other(place: Path) -> None:
    first, second = stored(place, Choice(), Choice(seed=1))
    for key, seed in ((first, 0), (second, 1)):
        page = opened(run=key)
        assert not page.exception
        assert f"seed {seed}" in page.subheader[0].value
        assert charts(page) == 5


def test_choosing_a_run_puts_it_into_the_link(place: Path) -> None:
    (key,) = stored(place, Choice())
    page = opened()
    page.selectbox(key="pick-run-None").set_value(key).run()
    assert page.query_params["run"] == key
    assert charts(page) == 5


@pytest.mark.parametrize("forged", ["<script>alert(1)</script>", "../../etc/passwd", "comparison-" + 32 * "0", ""])
def test_a_forged_key_is_answered_in_one_sentence(place: Path, forged: str) -> None:
    stored(place, Choice())
    page = opened(run=forged)
    assert not page.exception
    assert len(page.error) == (1 if forged else 0)
    assert charts(page) == 0


def test_two_runs_beside_each_other(place: Path) -> None:
    first, second = stored(place, Choice(), Choice(seed=1))
    page = opened(run=first, versus=second)
    assert not page.exception
    assert charts(page) == 4
    assert "seed 0" in words(page)
    assert "seed 1" in words(page)


def test_a_run_beside_a_forged_one(place: Path) -> None:
    (key,) = stored(place, Choice())
    page = opened(run=key, versus="nonsense")
    assert not page.exception
    assert len(page.error) == 1
    assert charts(page) == 2


def test_deletion_asks_first(place: Path) -> None:
    (key,) = stored(place, Choice())
    page = opened(run=key)
    page.button(key="delete-run").click().run()
    assert Store(place).get(key) is not None
    page.button(key="keep-run").click().run()
    assert Store(place).get(key) is not None
    page.button(key="delete-run").click().run()
    page.button(key="really-run").click().run()
    assert not page.exception
    assert Store(place).get(key) is None
    assert "No comparison is stored yet" in words(page)


def test_deletion_spares_what_another_comparison_shares(place: Path) -> None:
    one, two = Choice(), Choice(versus=("noise",))
    stored(place, one, two)
    shared, alone = (records.key(source) for source in one.spec().sources)
    for part in (shared, alone):
        Store(place).put(part, {"kind": "Training"})
    page = opened(run=one.key())
    page.button(key="delete-run").click().run()
    page.button(key="really-run").click().run()
    assert Store(place).get(shared) is not None
    assert Store(place).get(alone) is None
    assert Store(place).get(two.key()) is not None


def test_the_bundle_cannot_be_deleted(place: Path) -> None:
    (key,) = stored(place, Choice())
    write_bundle(Store(place), place / "bundle", [key], [], {})
    Store(place).delete(key)
    page = opened(run=key)
    assert not page.exception
    assert "Shipped with the lab" in words(page)
    assert "cannot be deleted" in words(page)
    assert not any(button.key == "delete-run" for button in page.button)


def test_another_kind_of_result_is_shown_as_it_is(place: Path) -> None:
    key = "training-" + 32 * "a"
    Store(place).put(key, {"kind": "Training", "result": {"test_accuracy": 0.9}, "made": {"device": NASTY}})
    page = opened(run=key)
    assert not page.exception
    assert page.json
    assert "1 trained networks" in words(page)


def test_a_result_of_another_kind_leads_to_its_page(place: Path) -> None:
    key = "audit-" + 32 * "a"
    Store(place).put(key, {"kind": "Audit", "spec": {"network": "resnet18"}, "result": {}, "made": {"device": "cpu"}})
    assert "pages/own.py: Open its page" in words(opened(run=key))


def test_a_comparison_of_another_version_is_no_stack_trace(place: Path) -> None:
    key = "comparison-" + 32 * "b"
    Store(place).put(key, {"kind": "Comparison", "spec": {"other": 1}, "result": {"networks": []}})
    page = opened(run=key)
    assert not page.exception
    assert "another version" in words(page)


def test_a_queue_that_cannot_be_used_is_one_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "queue.sqlite3").mkdir()
    page = opened()
    assert not page.exception
    assert len(page.error) == 1
    st.cache_resource.clear()
