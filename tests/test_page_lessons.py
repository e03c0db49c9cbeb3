"""The page Lessons: the overview, and each lesson from its question to what there is to try, with the bundled results
and without any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab.jobs import Queue
from invlab.lessons.course import LESSONS
from invlab.lessons.lesson import STEPS, Choice, Guess, Lesson
from invlab.roles import Role
from invlab.store import Store
from invlab.ui import answers, lesson_run, results
from invlab.ui import words as marks
from tests.pages import apart, charts, opener, served
from tests.test_page_responses import BLACK, bundle
from tests.test_page_transfer import record_of, words

__all__ = ["bundle"]  # the fixture: networks that have not learned anything

ROOT = Path(__file__).parents[1]
EACH = pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
opened = opener(ROOT / "pages" / "lessons.py")


def installation(home: Path, monkeypatch: pytest.MonkeyPatch, shipped: Path | None) -> Iterator[Path]:
    """Links between pages are shown as text; the playground is on black, so that no landscapes need to be painted."""
    monkeypatch.setattr(st, "page_link", lambda page, label="", **rest: st.text(f"{page}: {label}"))
    monkeypatch.setattr(results, "pictures_ready", lambda: False)
    monkeypatch.setattr("invlab.ui.fooling.Singles", lambda: BLACK)
    yield from apart(home, monkeypatch, shipped)


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from installation(tmp_path, monkeypatch, ROOT / "models")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from installation(tmp_path, monkeypatch, None)


@pytest.fixture
def playing(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from installation(tmp_path, monkeypatch, bundle)


def in_link(page: AppTest, name: str) -> str:
    """A value of the link: a text where the page has just set it, else a list of one."""
    value = page.query_params[name]
    return value if isinstance(value, str) else value[0]


def predict(page: AppTest, lesson: Lesson) -> float | str:
    """Answer, and go where that leads; the answer."""
    key = f"guess-{lesson.name}"
    assert not page.exception
    if isinstance(lesson.prediction, Choice):
        assert page.button(key="give").disabled  # until one is chosen
        page.radio(key=key).set_value(lesson.prediction.options[1]).run()
    else:
        page.slider(key=key).set_value(page.slider(key=key).min).run()
    value = page.radio(key=key).value if isinstance(lesson.prediction, Choice) else page.slider(key=key).value
    page.button(key="give").click().run()
    assert not page.exception
    return value


# -------------------------------------------------------------------------------------------------------- the overview


def test_the_overview_lists_the_course(empty: Path) -> None:
    page = opened()
    assert not page.exception
    told = words(page)
    for number, lesson in enumerate(LESSONS.values(), 1):
        assert f"**{number} · {lesson.title}**" in told
        assert marks.linked(lesson.question) in told
        assert f"pages/lessons.py: Open lesson {number}" in told
    assert f"0 of {len(LESSONS)} answered" in told


def test_an_unknown_lesson_is_told_of_and_the_course_shown(empty: Path) -> None:
    page = opened(lesson="<b>warp</b>")
    assert not page.exception
    assert "There is no lesson “\\<b\\>warp\\</b\\>”" in page.warning[0].value
    assert f"0 of {len(LESSONS)} answered" in words(page)


# ------------------------------------------------------------------------------------------------------- each lesson


@EACH
def test_a_lesson_is_walked_from_the_prediction_to_what_to_try(lesson: Lesson, full: Path) -> None:
    page = opened(lesson=lesson.name, step="Reveal")  # too early: the answer waits for a prediction
    assert not page.exception
    assert page.title[0].value == lesson.title
    assert "First your prediction" in page.info[0].value
    assert f"**{marks.linked(lesson.ask)}**" in words(page)
    assert not charts(page)
    assert page.button(key="step-on").disabled
    value = predict(page, lesson)
    assert in_link(page, "step") == "Reveal"
    assert "You said **" in words(page)
    assert len(charts(page)) == 2
    assert all(chart.proto.alt for chart in page.get("plotly_chart"))
    assert "Yours" in page.get("plotly_chart")[0].proto.alt or "1 guess" in page.get("plotly_chart")[0].proto.alt
    assert "easured" in page.get("plotly_chart")[0].proto.alt
    assert page.session_state[f"lesson-answer-{lesson.name}"] == value
    page.button(key="step-on").click().run()
    assert page.info[0].value == marks.linked(lesson.why)
    page.button(key="step-on").click().run()
    assert not page.exception
    for link in lesson.links:
        assert f"pages/{link.page}.py: {link.label}" in words(page)
    assert in_link(page, "step") == "Try"


@EACH
def test_without_results_a_lesson_asks_and_says_what_to_compute(lesson: Lesson, empty: Path) -> None:
    page = opened(lesson=lesson.name, step="Predict")
    predict(page, lesson)
    assert any(code.value.startswith("python -m invlab ") for code in page.code)
    assert len(charts(page)) == 1  # the predictions, with no truth beside them
    assert "easured" not in page.get("plotly_chart")[0].proto.alt


def test_the_question_comes_first_and_leads_to_the_prediction(full: Path) -> None:
    page = opened(lesson="carry")
    assert in_link(page, "step") == "Question"
    page.button(key="step-on").click().run()
    assert in_link(page, "step") == "Predict"
    assert page.button(key="step-on").disabled


def test_why_waits_for_a_prediction_too(full: Path) -> None:
    page = opened(lesson="carry", step="Why")
    assert not page.exception
    assert not charts(page)
    assert marks.linked(LESSONS["carry"].why) not in words(page)
    assert page.button(key="give")


def test_who_does_not_want_to_guess_sees_the_answer(full: Path) -> None:
    page = opened(lesson="carry", step="Predict")
    page.button(key="open-anyway").click().run()
    assert not page.exception
    assert len(charts(page)) == 2
    assert "Nobody has made a prediction here." in words(page)
    assert "You said" not in words(page)


def test_an_answer_stays_and_the_overview_knows_it(full: Path) -> None:
    page = opened(lesson="harm", step="Predict")
    predict(page, LESSONS["harm"])
    page.button(key="step-back").click().run()
    assert "Your prediction is in" in page.success[0].value
    del page.query_params["lesson"]
    page.run()
    assert f"1 of {len(LESSONS)} answered" in words(page)
    assert "predicted" in words(page)
    page.query_params["lesson"] = "carry"  # another lesson is not answered by it
    page.run()
    assert in_link(page, "step") == "Question"


def test_how_near_a_guess_was(full: Path) -> None:
    page = opened(lesson="carry", step="Predict")
    page.slider(key="guess-carry").set_value(55.0).run()
    page.button(key="give").click().run()
    assert "You said **55 %**: as near as the measurement itself can tell." in words(page)
    page = opened(lesson="information", step="Predict")
    page.slider(key="guess-information").set_value(100.0).run()
    page.button(key="give").click().run()
    assert "You said **100 %**: 27 points too high." in words(page)


@pytest.mark.parametrize("step", ["<script>", "question", "Predict", "Try"])
def test_a_link_holds_the_step_and_a_wrong_one_falls_back(step: str, empty: Path) -> None:
    page = opened(lesson="sure", step=step)
    assert not page.exception
    assert in_link(page, "step") == (step if step in STEPS else "Question")


def test_the_notes_are_the_teachers(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = opened(lesson="measuring", notes="1")
    notes = next(e for e in page.expander if e.label == "Teacher's notes")
    assert notes.proto.expanded
    assert LESSONS["measuring"].notes.aim in notes.markdown[0].value
    assert not next(e for e in opened(lesson="measuring").expander if e.label == "Teacher's notes").proto.expanded
    monkeypatch.setattr(answers, "teacher", lambda: False)
    assert not [e for e in opened(lesson="measuring", notes="1").expander if e.label == "Teacher's notes"]


def test_thirty_answers_are_drawn_and_nobody_sees_them_before_the_teacher(
    full: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a class will do: answers of others, and a reveal that is the teacher's."""
    monkeypatch.setattr(answers, "everyones", lambda name: [float(v) for v in range(0, 90, 3)])
    monkeypatch.setattr(answers, "revealed", lambda name: False)
    page = opened(lesson="carry", step="Predict")
    page.slider(key="guess-carry").set_value(60.0).run()
    page.button(key="give").click().run()
    assert not charts(page)
    assert "The answer is shown when your teacher opens it." in words(page)
    monkeypatch.setattr(answers, "revealed", lambda name: True)
    page.run()
    assert "30 guesses, from 0 % to 87 %" in page.get("plotly_chart")[0].proto.alt


# ------------------------------------------------------------------------------------------------------ the live parts


def test_a_network_answers_to_the_sliders(playing: Path) -> None:
    page = opened(lesson="fool")
    assert not page.exception
    assert "has not moved yet" in words(page)
    page.slider(key="fool_rotate").set_value(180.0).run()
    assert not page.exception
    told = words(page)
    assert "It answers **" in told
    assert "of the way to a stranger" in told
    page.button(key="as-learned").click().run()
    assert page.slider(key="fool_rotate").value == 0
    assert "has not moved yet" in words(page)


def test_other_networks_can_be_tried(playing: Path) -> None:
    page = opened(lesson="fool", step="Try", network="trained for rotate")
    assert not page.exception
    assert "It answers **" in words(page)
    page = opened(lesson="fool", step="Try", network="trained for hue")  # not among those that ship here
    assert not page.exception
    assert "is not in this installation's bundle yet" in page.warning[0].value


def revealed_data(**link: str) -> AppTest:
    page = opened(lesson="data", step="Predict", **link)
    page.button(key="open-anyway").click().run()
    assert not page.exception
    return page


def test_all_who_train_at_the_same_time_join_one_run(full: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, Role.STUDENT)
    pages = [revealed_data(), revealed_data()]
    for visitor, page in zip(("first", "second"), pages, strict=True):
        page.session_state["visitor"] = visitor
        page.button(key="train").click().run()
        assert not page.exception
        assert "Cancel" in [button.label for button in page.button]
        assert in_link(page, "seed") == str(lesson_run.FIRST_SEED)
    (job,) = Queue().jobs()
    assert job.key == results.Choice(seed=lesson_run.FIRST_SEED).key()
    assert set(Queue().visitors(job.key)) == {"first", "second"}
    late = revealed_data()  # watches it without having asked for it, and cannot stop it
    assert next(button for button in late.button if button.label == "Cancel").disabled


def test_a_finished_run_is_shown_beside_the_bundled_one(full: Path) -> None:
    choice = results.Choice(seed=lesson_run.FIRST_SEED)
    store = Store(full)
    store.put(choice.key(), record_of(choice))
    store.close()
    page = revealed_data()
    assert "a gap of **41 points**" in words(page)
    assert page.button(key="train").label == f"Train two more (seed {lesson_run.FIRST_SEED + 1})"
    assert len(charts(page)) == 7


@pytest.mark.parametrize("seed", ["-1", "²", "123456"])
def test_a_wrong_seed_in_the_link_falls_back(seed: str, full: Path) -> None:
    assert "Train both now" in [button.label for button in revealed_data(seed=seed).button]


def test_every_axis_can_be_answered_with_its_slider() -> None:
    for lesson in LESSONS.values():
        if isinstance(lesson.prediction, Guess):
            axis = lesson.prediction
            assert (axis.high - axis.low) / axis.step == pytest.approx(round((axis.high - axis.low) / axis.step))
