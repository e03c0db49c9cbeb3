"""One lesson in the browser: question, prediction, what was measured, why, and what to try."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from invlab import records
from invlab.figures import lessons as figures
from invlab.figures.lessons import Span
from invlab.lessons import course
from invlab.lessons.lesson import STEPS, Choice, Guess, Lesson, Link, Shown, Truth, wrong_answer
from invlab.lessons.stored import NotStoredError, Results
from invlab.rooms import RoomError
from invlab.studies.singles import Singles
from invlab.ui import answers, cached, fooling, instruments, lesson_run, page, study, twin_pairs
from invlab.ui.words import linked, words

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

PAGE = "pages/lessons.py"
PROJECTED = 17  # pixels of a figure's type on a projector
QUESTION, PREDICT, REVEAL, WHY, TRY = STEPS


# ------------------------------------------------------------------------------------------------------ what is stored


@st.cache_resource(show_spinner=False, ttl=study.NEWS_SECONDS)
def results() -> Results:
    """The stored results, shared by all visitors; anew now and then, for another process may store some."""
    return Results(cached.the_store())


@st.cache_resource(show_spinner=False, ttl=study.NEWS_SECONDS, max_entries=64)
def measured(name: str) -> tuple[Truth, Shown]:
    """A lesson's answer and its figure; read only. Raises NotStoredError."""
    lesson = course.lesson(name)
    return lesson.truth(results()), lesson.figure(results())


# ------------------------------------------------------------------------------------------------------ the steps


def at(name: str) -> str:
    """The step a visitor is at: where this session was in the lesson; or what the link says, where it is not the one
    that this page wrote (the browser's way back, a link that somebody sent)."""
    linked_to = st.query_params.get("step")
    if linked_to in STEPS and linked_to != st.session_state.get("lesson-link"):
        go(name, linked_to)
    return st.session_state.get(f"lesson-step-{name}", QUESTION)


def go(name: str, step: str) -> None:
    """To another step; for a callback."""
    st.session_state[f"lesson-step-{name}"] = step


def show(lesson: Lesson) -> None:
    """The whole page of a lesson."""
    number, step = course.place(lesson.name), at(lesson.name)
    page.title(lesson.title, linked(lesson.question))
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.caption(f"Lesson {number} of {len(course.LESSONS)} · about {lesson.minutes} minutes", width="content")
        st.page_link(PAGE, label="All lessons", icon=":material/list:", width="content")
    words(*lesson.terms)
    choose_step(lesson.name, step)
    answers.step(lesson.name, STEPS.index(step) + 1)
    {QUESTION: question, PREDICT: predict, REVEAL: reveal, WHY: why, TRY: try_it}[step](lesson)
    onward(lesson, step)
    notes(lesson)


def choose_step(name: str, step: str) -> None:
    """The row of steps; the link follows it."""
    key = f"step-of-{name}"
    st.session_state[key] = step
    st.segmented_control(
        "Step", STEPS, key=key, required=True, wrap=True, on_change=lambda: go(name, st.session_state[key])
    )
    st.session_state["lesson-link"] = step
    if st.query_params.get("step") != step:
        st.query_params["step"] = step


def onward(lesson: Lesson, step: str) -> None:
    """To the step before and the next one; at the end to the next lesson."""
    place = STEPS.index(step)
    back, on = st.columns(2)
    if place:
        before = STEPS[place - 1]
        back.button(
            f"Back: {before.lower()}", icon=":material/arrow_back:", width="stretch", key="step-back",
            on_click=go, args=(lesson.name, before),
        )  # fmt: skip
    if place + 1 < len(STEPS):
        after = STEPS[place + 1]
        waiting = step in (PREDICT, REVEAL) and not answers.revealed(lesson.name)
        on.button(
            f"Next: {after.lower()}", icon=":material/arrow_forward:", width="stretch", key="step-on",
            on_click=go, args=(lesson.name, after), disabled=waiting,
            help=why_waiting(lesson.name) if waiting else None, type="primary" if step == QUESTION else "secondary",
        )  # fmt: skip
    previous, following = course.neighbours(lesson.name)
    with st.container(horizontal=True, gap="medium"):
        for other, label in ((previous, "Previous lesson"), (following, "Next lesson")):
            if other is not None:  # its title would not fit on a telephone
                icon = ":material/navigate_before:" if other is previous else ":material/navigate_next:"
                query = {"lesson": other.name}
                st.page_link(PAGE, label=label, icon=icon, query_params=query, width="content", help=other.title)


def why_waiting(name: str) -> str:
    return "After your prediction" if answers.mine(name) is None else "When your teacher reveals it"


def question(lesson: Lesson) -> None:
    """What is known beforehand, and something to play with where the lesson has it."""
    told_beforehand(lesson)
    piece(lesson, QUESTION)


def told_beforehand(lesson: Lesson) -> None:
    try:
        st.markdown(linked(lesson.given(results())))
    except NotStoredError as missing:
        page.not_there(missing.what, missing.command)


def piece(lesson: Lesson, step: str) -> None:
    """The live part of a lesson's step, where it has one."""
    if made := PIECES.get((lesson.name, step)):
        made()


# ------------------------------------------------------------------------------------------------------ the prediction


def predict(lesson: Lesson) -> None:
    """The prediction; once it is given, what it was."""
    told_beforehand(lesson)
    own, closed = answers.mine(lesson.name), answers.closed(lesson.name)
    if own is not None:
        st.success(f"Your prediction is in: **{told(lesson, own)}**.", icon=":material/how_to_vote:")
        if not answers.revealed(lesson.name):
            st.caption("The answer is shown when your teacher opens it.")
        if not answers.changeable(lesson.name):
            return
    st.markdown(f"**{linked(lesson.ask)}**")
    ask = ask_guess if isinstance(lesson.prediction, Guess) else ask_choice
    ask(lesson, own, bool(closed))
    if refused := st.session_state.pop("lesson-refused", None):
        st.error(page.escaped(page.sentence(refused)), icon=":material/block:")
    if closed:
        st.caption(closed)
    elif answers.revealed(lesson.name):
        st.caption("You have seen the answer already; a prediction still counts.")
    elif answers.may_look():
        st.button(
            "Show me without guessing", key="open-anyway", type="tertiary", on_click=open_anyway, args=(lesson.name,)
        )


def ask_guess(lesson: Lesson, own: float | str | None, closed: bool) -> None:
    """A slider over the axis; it starts in the middle, which is nobody's answer yet, or at the answer so far."""
    axis = lesson.prediction
    assert isinstance(axis, Guess)
    key = f"guess-{lesson.name}"
    number = "%d" if axis.step >= 1 else "%.2f"
    unit = f" {axis.unit.replace('%', '%%')}" if axis.unit else ""
    middle = axis.low + round((axis.high - axis.low) / 2 / axis.step) * axis.step
    at = own if isinstance(own, float) and not wrong_answer(axis, own) else middle
    st.slider(
        axis.label[:1].upper() + axis.label[1:],
        float(axis.low), float(axis.high), float(at), float(axis.step), key=key, format=number + unit, disabled=closed,
    )  # fmt: skip
    st.button(
        "This is my guess" if own is None else "Change my guess", key="give", type="primary",
        icon=":material/how_to_vote:", on_click=give, args=(lesson.name, key), disabled=closed,
    )  # fmt: skip


def ask_choice(lesson: Lesson, own: float | str | None, closed: bool) -> None:
    """One of the options; none is chosen beforehand."""
    options = lesson.prediction
    assert isinstance(options, Choice)
    key = f"guess-{lesson.name}"
    at = options.options.index(own) if isinstance(own, str) and own in options.options else None
    chosen = st.radio(
        lesson.ask, options.options, index=at, key=key, label_visibility="collapsed", disabled=closed
    )  # fmt: skip
    st.button(
        "This is my answer" if own is None else "Change my answer", key="give", type="primary",
        icon=":material/how_to_vote:", on_click=give, args=(lesson.name, key), disabled=closed or chosen is None,
    )  # fmt: skip


def give(name: str, key: str) -> None:
    """The click: the prediction is taken, and its answer shown."""
    value = st.session_state.get(key)
    if value is None:
        return
    try:
        if wrong := wrong_answer(course.lesson(name).prediction, value):  # what comes from a browser is checked
            raise RoomError(wrong)
        answers.give(name, value)
    except RoomError as error:
        st.session_state["lesson-refused"] = str(error)
    else:
        go(name, REVEAL)


def open_anyway(name: str) -> None:
    try:
        answers.open_anyway(name)
    except RoomError as error:
        st.session_state["lesson-refused"] = str(error)
    else:
        go(name, REVEAL)


def told(lesson: Lesson, value: float | str) -> str:
    """A prediction as people read it; it is escaped."""
    if isinstance(lesson.prediction, Guess) and not isinstance(value, str):
        return lesson.prediction.told(value)
    return page.escaped(str(value))


# ---------------------------------------------------------------------------------------------------------- the answer


def reveal(lesson: Lesson) -> None:
    """What was measured, the predictions beside it, and the figure. Never before a prediction (or without asking)."""
    if not answers.revealed(lesson.name):
        if answers.mine(lesson.name) is None:
            st.info("First your prediction: what you expect makes the answer stick.", icon=":material/psychology:")
        predict(lesson)
        return
    try:
        truth, shown = measured(lesson.name)
    except NotStoredError as missing:
        page.not_there(missing.what, missing.command)
        predictions(lesson, None)
        return
    st.markdown(linked(truth.words))
    if (own := answers.mine(lesson.name)) is not None:
        st.markdown(how_near(lesson, own, truth))
    left, right = st.columns([2, 3], gap="large")
    with left:
        predictions(lesson, truth)
    with right:
        st.markdown(linked(shown.about))
        page.figure(shown.plot, f"lesson-{lesson.name}", shown.alt)
    recipe = {"lesson": lesson.name, "specs": [records.plain(spec) for spec in shown.specs]}
    page.behind(f"lesson-{lesson.name}", shown.rows, recipe, shown.plot, shown.command, shown.specs)
    piece(lesson, REVEAL)


def how_near(lesson: Lesson, own: float | str, truth: Truth) -> str:
    """The visitor's prediction beside the truth, in a sentence."""
    said = f"You said **{told(lesson, own)}**"
    if isinstance(own, str) or isinstance(truth.value, str):
        return f"{said}: {'that is it.' if own == truth.value else 'it is otherwise.'}"
    inside = truth.low is not None and truth.high is not None and truth.low <= own <= truth.high
    if inside or told(lesson, own) == told(lesson, truth.value):
        return f"{said}: as near as the measurement itself can tell."
    axis = lesson.prediction
    assert isinstance(axis, Guess)
    off = f"{abs(own - truth.value):.0f} points" if axis.unit else f"{abs(own - truth.value):.2f}"
    return f"{said}: {off} too {'high' if own > truth.value else 'low'}."


def predictions(lesson: Lesson, truth: Truth | None) -> None:
    """The distribution of everyone's predictions, with the truth where it is known."""
    distribution(lesson, truth, answers.everyones(lesson.name), answers.mine(lesson.name))


def distribution(
    lesson: Lesson,
    truth: Truth | None,
    given: Sequence[float | str],
    own: float | str | None = None,
    large: bool = False,
) -> None:
    """The predictions `given` as a figure with its table; truth, own: marked where they are known. large: its type, for
    a projector."""
    st.markdown("**What was predicted**" + (", and what was measured (line)" if truth and _is_guess(lesson) else ""))
    if isinstance(lesson.prediction, Guess):
        axis, values = lesson.prediction, [float(v) for v in given if not isinstance(v, str)]
        span = None if truth is None else Span(float(truth.value), truth.low, truth.high)
        mine = None if own is None else float(own)
        plot = figures.guesses(values, mine, span, (axis.low, axis.high), axis.label, axis.unit)
        alt, rows = figures.guesses_in_words(values, mine, span, axis.unit), figures.guess_rows(values, mine, span)
    else:
        options, chosen = lesson.prediction.options, [str(v) for v in given]
        right, mine_ = None if truth is None else str(truth.value), None if own is None else str(own)
        plot = figures.choices(options, chosen, mine_, right)
        alt = figures.choices_in_words(options, chosen, mine_, right)
        rows = figures.choice_rows(options, chosen, mine_, right)
    page.figure(projected(plot) if large else plot, f"predictions-{lesson.name}", alt)
    if not given:
        st.caption("Nobody has made a prediction here.")
    with st.expander("The predictions as a table", icon=":material/table:"):
        st.dataframe(rows, hide_index=True, width="stretch")


def projected(plot: Figure) -> Figure:
    """A copy of a figure with larger type."""
    copied = type(plot)(plot)
    copied.update_xaxes(tickfont_size=PROJECTED, title_font_size=PROJECTED)
    copied.update_annotations(font_size=PROJECTED)
    copied.update_layout(legend_font_size=PROJECTED)
    return copied


def _is_guess(lesson: Lesson) -> bool:
    return isinstance(lesson.prediction, Guess)


# ----------------------------------------------------------------------------------------------------------- afterwards


def why(lesson: Lesson) -> None:
    """Two sentences; they give the answer away, so they wait for the prediction, too."""
    if not answers.revealed(lesson.name):
        reveal(lesson)
        return
    page.notice(linked(lesson.why))


def try_it(lesson: Lesson) -> None:
    """One thing to try, here or on another page."""
    st.markdown(linked(lesson.try_it))
    with st.container(horizontal=True, gap="medium"):
        for link in lesson.links:
            page_of(link)
    piece(lesson, TRY)


def page_of(link: Link) -> None:
    st.page_link(
        f"pages/{link.page}.py", label=link.label, icon=":material/open_in_new:", query_params=dict(link.query),
        width="content",
    )  # fmt: skip


def notes(lesson: Lesson) -> None:
    """What a teacher wants to know, folded away; the link may open it (`notes=1`)."""
    if not answers.teacher():
        return
    with st.expander("Teacher's notes", icon=":material/co_present:", expanded=st.query_params.get("notes") == "1"):
        told_notes = lesson.notes
        times = " · ".join(f"{step.lower()} {m}" for step, m in zip(STEPS, told_notes.minutes, strict=True))
        st.markdown(
            linked(
                f"**Aim.** {told_notes.aim}\n\n**Minutes.** {times}; together {lesson.minutes}.\n\n"
                f"**What students usually say.** {told_notes.usual}\n\n**To discuss.** {told_notes.discuss}\n\n"
                f"**A misconception.** {told_notes.misconception}"
            )
        )


def twins() -> None:
    """The twin pairs behind a sensitivity: of the network that learned all angles."""
    st.header("See the twins", anchor=False)
    spec = Singles().sensitivity("rotate", "training", "rotate", instruments.SEED)
    twin_pairs.section(twin_pairs.behind(spec), "the network that learned all angles")


PIECES: dict[tuple[str, str], Callable[[], None]] = {
    ("fool", QUESTION): fooling.upright,
    ("fool", TRY): fooling.any_network,
    ("measuring", REVEAL): twins,
    ("data", REVEAL): lesson_run.train_two,
}


# -------------------------------------------------------------------------------------------------------- the overview


def overview() -> None:
    """All lessons in order, with how far the visitor is."""
    lessons = list(course.LESSONS.values())
    done = sum(answers.revealed(lesson.name) for lesson in lessons)
    total = sum(lesson.minutes for lesson in lessons)
    st.markdown(
        f"{len(lessons)} lessons of 5 to 10 minutes, in the order of a course; together about {total} minutes. In each "
        "you say what you expect *before* you see what was measured. The numbers are the lab's own results, with "
        "their intervals."
    )
    st.progress(done / len(lessons), f"{done} of {len(lessons)} answered")
    for start in range(0, len(lessons), 3):
        for column, lesson in zip(st.columns(3, gap="medium"), lessons[start : start + 3], strict=False):
            with column, st.container(border=True, height="stretch"):
                card(lesson)


def card(lesson: Lesson) -> None:
    """A lesson's number, title and question, and the way to it."""
    number = course.place(lesson.name)
    st.markdown(f"**{number} · {lesson.title}**")
    st.markdown(linked(lesson.question))
    st.caption(f"{progress(lesson.name)} about {lesson.minutes} minutes")
    label = f"Go on with lesson {number}" if answers.revealed(lesson.name) else f"Open lesson {number}"
    st.page_link(PAGE, label=label, icon=":material/arrow_forward:", query_params={"lesson": lesson.name})


def progress(name: str) -> str:
    if answers.mine(name) is not None:
        return ":green-badge[:material/check: predicted]"
    return ":blue-badge[seen]" if answers.revealed(name) else ":gray-badge[not yet]"
