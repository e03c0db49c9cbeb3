"""The page Transfer: before, during and after a run, whatever the queue and the link say."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab import records
from invlab.jobs import FIRST, Queue
from invlab.store import Store
from invlab.studies.comparison import gap
from invlab.studies.presets import PRESETS
from invlab.ui import live, results, visitors
from invlab.ui import page as page_parts
from invlab.ui.results import Choice
from tests.pages import apart, opener

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "pages" / "transfer.py"


def network(source: tuple[str, ...], accuracy: float, sensitivity: float, curve: bool = True) -> dict[str, Any]:
    return {
        "source": list(source),
        "transfer_accuracy": accuracy,
        "transfer_interval": [accuracy - 0.02, accuracy + 0.02],
        "sensitivity": sensitivity,
        "sensitivity_interval": [sensitivity - 0.01, sensitivity + 0.01],
        "cosine": 0.9,
        "dot": 0.8,
        "cka": 0.7,
        "source_accuracy": 0.95,
        "images_per_second": 2000.0,
        "history": [{"images": 64, "loss": 2.5}, {"images": 9984, "loss": 0.3}],
        "curve": [{"images": 1000, "sensitivity": 0.5, "transfer": 0.3}] if curve else [],
    }


def record_of(choice: Choice, first: float = 0.86, second: float = 0.45) -> dict[str, Any]:
    networks = [network(choice.source, first, 0.41), network(choice.versus, second, 0.88)]
    return {
        "kind": "Comparison",
        "spec": records.plain(choice.spec()),
        "result": {"networks": networks} | gap(networks),
        "made": {"device": "cpu: x86_64", "seconds": 8.4, "created": "2026-11-03T14:05:00+00:00", "versions": {}},
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation of its own, without bundle and worker; links between pages are shown as text."""
    monkeypatch.setattr(st, "page_link", lambda page, label="", **rest: st.text(f"{page}: {label}"))
    monkeypatch.setattr(results, "pictures_ready", lambda: False)
    yield from apart(tmp_path, monkeypatch)


opened = opener(PAGE)


def submit(choice: Choice, visitor: str = "somebody") -> tuple[Queue, str]:
    queue, key = Queue(), choice.key()
    payload, title = records.plain(choice.spec()), choice.title()
    queue.submit(key, "Comparison", payload, title=title, visitor=visitor, priority=FIRST, expected_seconds=10)
    return queue, key


def words(page: AppTest) -> str:
    blocks = (page.markdown, page.caption, page.info, page.warning, page.error, page.header, page.subheader, page.text)
    parts = [str(element.value) for block in blocks for element in block]
    return "\n".join(parts + [str(p.proto.text) for p in page.get("progress")])


def charts(page: AppTest) -> int:
    return len(page.get("plotly_chart"))


def test_nothing_computed_yet_explains_what_a_click_does(place: Path) -> None:
    page = opened()
    assert not page.exception
    assert "has not been computed here yet" in words(page)
    assert "12 *other* objects" in words(page)
    assert "two CPU cores" in words(page)
    assert not page.button(key="train").disabled
    assert charts(page) == 0


def test_a_stored_result_is_shown_before_anything_is_touched(place: Path) -> None:
    Store(place).put(Choice().key(), record_of(Choice()))
    page = opened()
    assert not page.exception
    text = words(page)
    assert "**86 %** [84, 88] of new objects" in text
    assert "a gap of **41 points** [38, 44] in favour of the first" in text
    assert "on 3 November 2026, 14:05 UTC" in text
    assert charts(page) == 5
    assert page.dataframe
    assert any("--source rotate,hue,blur --versus scale,invert,noise --target" in code.value for code in page.code)


def test_a_click_asks_for_the_run_and_shows_it(place: Path) -> None:
    page = opened()
    page.button(key="train").click().run()
    assert not page.exception
    job = Queue().job(Choice().key())
    assert job is not None
    assert job.state == "queued"
    assert job.expected_seconds
    assert job.payload == records.plain(Choice().spec())
    assert "Waiting for a worker" in words(page)
    assert page.button(key="train").disabled


def test_a_click_where_the_result_is_known_trains_with_the_next_seed(place: Path) -> None:
    Store(place).put(Choice().key(), record_of(Choice()))
    page = opened()
    assert "a click trains two new networks, seed 1" in words(page)
    page.button(key="train").click().run()
    assert Queue().job(Choice().key()) is None
    assert Queue().job(Choice(seed=1).key()) is not None
    assert page.number_input(key="seed").value == 1


def test_a_running_job_is_found_again_by_its_link_alone(place: Path) -> None:
    choice = Choice(source=("rotate",), versus=(), target=("rotate",), seed=7)
    queue, key = submit(choice)
    queue.claim("w")
    queue.report(key, "w", {"stage": "start", "networks": 2, "device": "cpu"})
    for number in (0, 1):
        step = {"network": number, "stage": "train", "step": 81, "steps": 156, "images": 5184 + number, "loss": 1.5}
        queue.report(key, "w", step | {"fraction": 0.52})
        queue.report(
            key, "w", {"network": number, "stage": "watch", "images": 5000, "sensitivity": 0.5, "transfer": 0.4}
        )
    page = opened(**choice.query())
    assert not page.exception
    assert "network 1: 5,184 of 8,000 · network 2: 5,185 of 8,000 images · about" in words(page)
    assert charts(page) == 3
    assert page.button(key=f"cancel-{key}").label == "Cancel for all"  # somebody else asked for it


def test_the_result_takes_the_place_of_the_run(place: Path) -> None:
    page = opened()
    page.button(key="train").click().run()
    queue, key = Queue(), Choice().key()
    queue.claim("w")
    queue.report(key, "w", {"stage": "start", "networks": 2, "device": "cpu"})
    page.run()
    assert charts(page) == 3
    Store(place).put(key, record_of(Choice()))
    queue.finish(key, "w")
    page.run()
    assert charts(page) == 5
    assert not page.button(key="train").disabled


def test_cancelling_is_told_and_the_run_can_be_started_again(place: Path) -> None:
    page = opened()
    page.button(key="train").click().run()
    key = Choice().key()
    page.button(key=f"cancel-{key}").click().run()
    job = Queue().job(key)
    assert job is not None
    assert job.state == "cancelled"
    page.run()
    assert "was cancelled" in words(page)
    page.button(key="train").click().run()
    again = Queue().job(key)
    assert again is not None
    assert again.state == "queued"


def test_a_failure_is_one_sentence_and_shows_as_text(place: Path) -> None:
    queue, key = submit(Choice())
    queue.claim("w")
    queue.fail(key, "w", "ArithmeticError: <script>alert(1)</script> [x](javascript:alert) **loss**")
    page = opened()
    assert not page.exception
    assert "This run failed" in page.error[0].value
    assert "<script>" not in page.error[0].value
    assert "](javascript" not in page.error[0].value
    assert not page.button(key="train").disabled


def test_a_result_that_was_lost_can_be_computed_again(place: Path) -> None:
    queue, key = submit(Choice())
    queue.claim("w")
    queue.finish(key, "w")
    page = opened()
    assert "no longer stored" in words(page)
    page.button(key="train").click().run()
    job = Queue().job(key)
    assert job is not None
    assert job.state == "queued"


def test_the_paper_preset_is_not_offered_without_a_gpu(place: Path) -> None:
    page = opened(preset="paper")
    assert page.button(key="train").disabled
    assert "needs a GPU" in words(page)
    assert any("--preset paper" in code.value for code in page.code)


def test_a_gpu_takes_the_paper_preset(place: Path) -> None:
    Queue().sign_on("w", "cuda")
    assert not opened(preset="paper").button(key="train").disabled


def test_the_worker_and_the_queue_are_told_beforehand(place: Path) -> None:
    Queue().sign_on("w")
    assert "warm and ready" in words(opened())
    submit(Choice(seed=5))
    assert "it would be number 2 in the queue, starts in about" in words(opened())


def test_two_equal_sources_are_nothing_to_compare(place: Path) -> None:
    page = opened(alternative="same")
    assert page.button(key="train").disabled
    assert "exactly the same" in words(page)


def test_a_disjoint_source_is_drawn_by_the_seed(place: Path) -> None:
    texts = {seed: words(opened(alternative="disjoint", seed=str(seed))) for seed in (0, 1)}
    assert "The second network learns under" in texts[0]
    assert texts[0] != texts[1]


def test_where_nothing_disjoint_is_left_it_says_so(place: Path) -> None:
    every = [page_parts.family_name(n) for n in ("scale", "translate", "rotate", "shear", "h_flip", "v_flip")]
    page = opened(alternative="disjoint", target=every)
    assert not page.exception
    assert "is left" in words(page)


def test_a_forged_link_falls_back_to_what_is_offered(place: Path) -> None:
    page = opened(source="<b>x</b>", preset="huge", seed="-5", objects="../etc", size="9999", alternative="?")
    assert not page.exception
    assert page.number_input(key="seed").value == 0


def test_more_seeds_are_queued_and_pooled(place: Path) -> None:
    choices = [Choice(seed=s) for s in range(2)]
    for choice in choices:
        Store(place).put(choice.key(), record_of(choice, first=0.86 + choice.seed / 100))
    page = opened()
    assert "Seeds 0, 1" in words(page)
    assert charts(page) == 7
    page.button(key="more-seeds").click().run()
    assert not page.exception
    assert [Queue().job(Choice(seed=s).key()) is not None for s in range(5)] == [False, False, True, True, True]
    assert "Seed 2: Waiting" in words(page)


def test_a_visitor_with_too_many_runs_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "visitor_id", lambda: "me")
    for seed in range(100, 120):
        submit(Choice(seed=seed), "me")
    page = opened()
    page.button(key="train").click().run()
    assert not page.exception
    assert "limit" in page.warning[0].value


@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(source=("h_flip",), versus=(), target=("rotate", "noise"), seed=12),
        Choice(preset="classroom", objects="random", backgrounds="black", size=48),
    ],
)
def test_a_link_opens_the_choice_it_was_made_of(place: Path, choice: Choice) -> None:
    _, key = submit(choice)
    page = opened(**choice.query())
    assert not page.exception
    assert page.button(key=f"cancel-{key}")
    assert results.choice_of(choice.spec()) == choice


# ------------------------------------------------------------------------------------------------------------- words


def told(first: float, second: float, choice: Choice | None = None) -> str:
    choice = choice or Choice()
    record = record_of(choice, first, second)
    return results.verdict(choice.spec(), record["result"]) + results.noticed(choice.spec(), record["result"])


def test_the_words_follow_the_numbers() -> None:
    assert "in favour of the first" in told(0.86, 0.45)
    assert "also names more" in told(0.86, 0.45)
    assert "in favour of the second" in told(0.45, 0.86)
    assert "names *fewer*" in told(0.45, 0.86)
    assert "No clear difference" in told(0.50, 0.51)
    assert "**1 points**" not in told(0.50, 0.51)
    assert "−1 points [−4, +2]" in told(0.50, 0.51)


def test_without_a_target_transformation_sensitivity_means_nothing() -> None:
    choice = Choice(target=())
    assert "by definition" in results.movement(choice.spec(), record_of(choice)["result"])


def test_a_choice_and_its_command_line() -> None:
    assert Choice().command() == (
        "python -m invlab compare --source rotate,hue,blur --versus scale,invert,noise --target rotate,hue,blur "
        "--preset live --seed 0"
    )
    assert replace(Choice(), versus=(), size=48).command().endswith("--versus none --target rotate,hue,blur --preset "
                                                                   "live --seed 0 --size 48")  # fmt: skip


def test_markdown_in_a_text_is_shown_as_text() -> None:
    assert results.escaped("**a** <b> [x](y)\n# c") == r"\*\*a\*\* \<b\> \[x\]\(y\) \# c"


def test_every_preset_says_what_it_is() -> None:
    assert all(preset.what for preset in PRESETS.values())


# ---------------------------------------------------------------------------------------------------------- watching


def test_points_are_gathered_and_thinned() -> None:
    watched = live.Watched()
    watched.add({"network": 0, "stage": "train"})  # before the start: nothing to add it to
    watched.add({"stage": "start", "networks": 2})
    for step in range(1000):
        watched.add({"network": 0, "stage": "train", "images": step, "loss": 1.0, "fraction": step / 2000})
    history = watched.networks[0]["history"]
    assert len(history) <= live.KEPT_POINTS
    assert history[0]["images"] == 0
    assert history[-1]["images"] == 999
    assert 0.4 < watched.fraction < 0.5
    watched.add({"network": 7, "stage": "train"})
    for number in (0, 1):
        watched.add({"network": number, "stage": "done", "fraction": 0.5 + 0.5 * number})
    assert watched.fraction == 1.0
    assert "network 2: done" in watched.told(Choice().spec(), 5.0)


def test_a_new_attempt_begins_anew(place: Path) -> None:
    queue, key = submit(Choice())
    queue.claim("w", lease_seconds=0.05)
    queue.report(key, "w", {"stage": "start", "networks": 1})
    queue.report(key, "w", {"network": 0, "stage": "train", "images": 64, "loss": 2.0, "fraction": 0.1})
    job = queue.job(key)
    assert job is not None
    watched = live.Watched().follow(queue, job)
    assert len(watched.networks[0]["history"]) == 1
    time.sleep(0.1)
    second = queue.claim("v")
    assert second is not None
    assert watched.follow(queue, second).networks == []


@pytest.mark.parametrize("cookie", ["", "nonsense", "2|zz|00|1", "1|00|00|1"])
def test_a_cookie_of_another_form_is_no_identity(cookie: str) -> None:
    assert visitors._cookie_token(cookie) == b""


def test_a_cookie_is_the_same_identity_under_another_mask() -> None:
    assert visitors._cookie_token("2|01020304|11223344|9") == visitors._cookie_token("2|00000000|10203040|9") != b""


# ------------------------------------------------------------------------------------------------------- first paint

FIRST_PAINT = """
import sys
import streamlit as st
from streamlit.testing.v1 import AppTest
st.page_link = lambda page, label="", **rest: st.text(label)
page = AppTest.from_file(sys.argv[1], default_timeout=60).run()
assert not page.exception, page.exception
assert "torch" not in sys.modules
"""


@pytest.mark.parametrize("name", ["transfer", "runs"])
def test_the_first_paint_does_not_import_torch(tmp_path: Path, name: str) -> None:
    places = {"INVLAB_HOME": str(tmp_path), "INVLAB_BUNDLE": str(tmp_path / "none"), "INVLAB_WORKER": "0"}
    command = [sys.executable, "-c", FIRST_PAINT, str(ROOT / "pages" / f"{name}.py")]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | places, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
