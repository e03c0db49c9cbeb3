"""A teacher's side of a room: opening it, the desk from which it is led, and the view for the projector."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import segno
import streamlit as st

from invlab import rooms as rules
from invlab.lessons import course
from invlab.lessons.lesson import STEPS, Choice, Lesson, Shown, Truth
from invlab.lessons.stored import NotStoredError
from invlab.roles import LOOPBACK, Refused
from invlab.rooms import Member, Room, RoomError
from invlab.studies.presets import OFFERED
from invlab.ui import cached, classroom, page, visitors
from invlab.ui import lesson as lessons
from invlab.ui.results import duration
from invlab.ui.words import linked

LIVE_SECONDS = 2.0  # between two looks at the room
HERE_SECONDS = 30.0  # somebody seen within them is there
ADDRESS = "students-address"  # in the session's state: what the teacher typed
TABLE_ROWS = 12  # of the members that are seen without scrolling
# Large type for a projector, and a code that can be read from the last row.
STYLE = """<style>
.il-code { font: 700 clamp(2.4rem, 5vw, 4rem)/1.1 ui-monospace, monospace; letter-spacing: .12em; }
.il-code.il-big { font-size: clamp(3rem, 12vw, 9rem); }
.st-key-presenter p, .st-key-presenter li { font-size: clamp(1.2rem, 2.2vw, 1.9rem); line-height: 1.35; }
.st-key-presenter h2 { font-size: clamp(1.8rem, 4vw, 3.2rem); }
.st-key-presenter [data-testid=stCaptionContainer] p { font-size: clamp(1rem, 1.6vw, 1.3rem); }
</style>"""


# ------------------------------------------------------------------------------------------------------------- opening


def front() -> None:
    """A new room, and those that are open."""
    left, right = st.columns([2, 3], gap="large")
    with left, st.form("open", border=True):
        st.markdown("**Open a room**")
        st.text_input("Title", key="room-title", max_chars=rules.TITLE_LENGTH, placeholder="such as: Physics 11b")
        st.number_input(
            "Days until it is deleted", 1, rules.MOST_DAYS, rules.DAYS, key="room-days",
            help="Then the room is deleted with all names and answers. You can close it sooner.",
        )  # fmt: skip
        st.form_submit_button("Open a room", type="primary", icon=":material/add:", on_click=_open)
    with right:
        own = cached.the_rooms().rooms_of(visitors.visitor_id())
        st.markdown("**Your rooms**")
        if not own:
            st.caption("None is open. Students join a room with a code of six letters and digits, without accounts.")
        for room in own:
            _card(room)
    classroom.refusal()
    with st.expander("Join a room as a student would", icon=":material/school:"):
        classroom.join()


def _card(room: Room) -> None:
    count = len(cached.the_rooms().members(room.code))
    with st.container(border=True):
        st.markdown(f"**{page.escaped(room.title)}** · {room.code}")
        st.caption(f"{_students(count)} · deleted on {_day(room.expires)}")
        query = {"desk": room.code}
        st.page_link(classroom.PAGE, label="To the desk", icon=":material/co_present:", query_params=query)


def _open() -> None:
    title, days = st.session_state.get("room-title", ""), st.session_state.get("room-days", rules.DAYS)

    def opened() -> None:
        by = visitors.require("open a room").id
        room = cached.the_rooms().open(title, days, by=by, is_teacher=True)
        st.query_params["desk"] = room.code

    led(opened)


def led(action: Callable[[], Any]) -> None:
    """Do what a teacher's click asks for; a refusal is kept for the page to tell."""
    try:
        visitors.require("open a room")
        action()
    except (RoomError, Refused) as error:
        st.session_state["room-refused"] = str(error)


def found(code: str) -> Room | None:
    """The room that a link names; None after saying what is wrong with it."""
    try:
        return cached.the_rooms().room(code)
    except RoomError as error:
        st.error(page.escaped(page.sentence(error)), icon=":material/block:")
        st.page_link(classroom.PAGE, label="All my rooms", icon=":material/list:", query_params={"desk": ""})
        return None


# ------------------------------------------------------------------------------------------------------------- the desk


def desk(code: str) -> None:
    """The room from the teacher's side."""
    room = found(code)
    if room is None:
        return
    st.html(STYLE)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.markdown(f"**{page.escaped(room.title)}**, deleted on {_day(room.expires)}", width="content")
        for label, icon, query in (
            ("View for the projector", ":material/present_to_all:", {"present": room.code}),
            ("All my rooms", ":material/list:", {"desk": ""}),
        ):
            st.page_link(classroom.PAGE, label=label, icon=icon, query_params=query, width="content")
    classroom.refusal()
    left, right = st.columns([2, 3], gap="large")
    with left:
        invitation(room)
    with right:
        lead(room)
    st.fragment(run_every=LIVE_SECONDS)(live)(room.code, room.revision)
    left, right = st.columns(2, gap="large")
    with left:
        rules_of(room)
    with right:
        closing(room)


def invitation(room: Room) -> None:
    """The code, the QR code and the address for students; the address is asked for where this page's own is none."""
    way_in(room)
    if join_address(room.code) is None:
        st.warning(
            "The address of this page works on this computer only. Type the one under which students reach it.",
            icon=":material/wifi_off:",
        )
    if address_of(_here(), room.code) is None:
        st.text_input(
            "Address for students", st.session_state.get(ADDRESS, ""), key="room-address", on_change=_keep_address,
            placeholder="http://192.168.1.20:8501", autocomplete="off",
            help="This computer's address in the school's network. The lab answers there only if it was started with "
            "`--server.address 0.0.0.0`.",
        )  # fmt: skip


def way_in(room: Room, big: bool = False) -> None:
    """How to join: the code, and the QR code with its address where there is one."""
    st.html(f'<div class="il-code{" il-big" if big else ""}">{room.code}</div>')
    if address := join_address(room.code):
        st.image(qr(address), width=420 if big else 220, alt=f"QR code of the address {address}")
        st.markdown(f"`{address}`")


def _here() -> str:
    """The address of this page; empty in a test without a browser."""
    found = st.context.url
    return found if isinstance(found, str) else ""


def _keep_address() -> None:
    st.session_state[ADDRESS] = str(st.session_state["room-address"]).strip()


def join_address(code: str) -> str | None:
    """The link that students open: of this page, or of the address typed. None where only this computer knows it."""
    typed = st.session_state.get(ADDRESS, "")
    if not typed:
        return address_of(_here(), code)
    return address_of((typed if "://" in typed else f"http://{typed}").rstrip("/") + "/", code)


def address_of(base: str, code: str) -> str | None:
    """The link to join a room on the server of the page `base`; None where others do not reach that."""
    try:
        parts = urlsplit(base)
        host, fine = parts.hostname, parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        return None
    if not fine or not host or host in LOOPBACK or "`" in base:
        return None
    return urljoin(base, f"classroom?join={code}")


def qr(address: str) -> str:
    """A QR code as SVG: dark on white, so that it is read in the dark theme, too."""
    code = segno.make(address, error="m", micro=False)
    return code.svg_inline(scale=8, border=3, dark="#000000", light="#ffffff")


# ------------------------------------------------------------------------------------------------------------- leading


def lead(room: Room) -> None:
    """Where the class is, and what it sees."""
    names = ["", *course.LESSONS]
    st.session_state["room-lesson"] = room.lesson if room.lesson in names else ""
    st.selectbox(
        "Everybody to lesson", names, key="room-lesson", format_func=_lesson_label, on_change=_change,
        args=(room.code, "lesson", "room-lesson"), help="Students see it on top of every page, with a link.",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small"):
        done = room.lesson in room.revealed
        st.button(
            "Revealed" if done else "Reveal for all", type="primary", icon=":material/visibility:", key="reveal",
            disabled=not room.lesson or done, on_click=led, args=(lambda: _reveal(room),),
        )  # fmt: skip
        st.button(
            "Clear the answers", icon=":material/restart_alt:", key="clear", disabled=not room.lesson,
            help="Deletes all answers to this lesson and hides its truth again, to ask it anew.",
            on_click=led, args=(lambda: _clear(room),),
        )  # fmt: skip
    _switch(room, "frozen", "Freeze: take no answers", "Students read on, but cannot answer or change an answer.")
    _switch(
        room, "together", "Reveals wait for me",
        "On: students see what was measured when you reveal it. Off: each sees it right after the own answer, which "
        "then is final.",
    )  # fmt: skip
    _switch(room, "locked", "Let nobody else in", "Those who are in the room stay.")


def _reveal(room: Room) -> None:
    cached.the_rooms().reveal(room.code, room.lesson, is_teacher=True)


def _clear(room: Room) -> None:
    cached.the_rooms().clear(room.code, room.lesson, is_teacher=True)


def _switch(room: Room, name: str, label: str, help: str) -> None:
    key = f"room-{name}"
    st.session_state[key] = getattr(room, name)
    st.toggle(label, key=key, help=help, on_change=_change, args=(room.code, name, key))


def _change(code: str, name: str, key: str) -> None:
    value = st.session_state[key]
    led(lambda: cached.the_rooms().update(code, is_teacher=True, **{name: value}))


def _lesson_label(name: str) -> str:
    return f"{course.place(name)} · {course.LESSONS[name].title}" if name else "none yet"


def rules_of(room: Room) -> None:
    """What students can open and run."""
    st.header("What students see", anchor=False)
    titles = st.session_state.get(classroom.TITLES, {})
    offered = [name for name in titles if name not in rules.ALWAYS_SHOWN]
    offered += [name for name in room.hidden if name not in offered]
    st.session_state["room-hidden"] = list(room.hidden)
    st.multiselect(
        "Hidden pages", offered, key="room-hidden", format_func=lambda name: titles.get(name, name), wrap=True,
        placeholder="none", on_change=_change, args=(room.code, "hidden", "room-hidden"),
        help="They leave the students' menu, and cannot be opened by their links.",
    )  # fmt: skip
    _switch(room, "controls_hidden", "Hide “More choices”", "The finer settings on the page Transfer.")
    st.session_state["room-presets"] = list(room.presets)
    st.multiselect(
        "Presets students may run", OFFERED, key="room-presets", wrap=True, placeholder="none: no runs of their own",
        on_change=_change, args=(room.code, "presets", "room-presets"),
    )  # fmt: skip


def removal(room: Room, members: list[Member]) -> None:
    """Taking somebody out."""
    if not members:
        return
    there = {member.number: member for member in members}
    if st.session_state.get("room-remove") not in there:
        st.session_state["room-remove"] = None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Remove a student", list(there), index=None, key="room-remove", format_func=lambda n: numbered(there[n]),
            placeholder="choose one",
            help="Name and answers are deleted, and that browser cannot join this room again.",
        )  # fmt: skip
        st.button(
            "Remove", key="remove", icon=":material/person_remove:", disabled=number is None, on_click=_remove,
            args=(room.code, number),
        )  # fmt: skip


def _remove(code: str, number: int) -> None:
    led(lambda: cached.the_rooms().remove(code, number, is_teacher=True))


def closing(room: Room) -> None:
    """Deleting everything, after asking once."""
    st.header("Close the room", anchor=False)
    sure = f"sure-{room.code}"
    if not st.session_state.get(sure):
        if st.button("Close the room…", key="close", icon=":material/delete:"):
            st.session_state[sure] = True
            st.rerun()
        return
    st.warning("Everything in the room is deleted now: names, answers, settings. This cannot be taken back.")
    with st.container(horizontal=True):
        st.button("Close and delete everything", key="really-close", type="primary", on_click=_close, args=(room.code,))
        st.button("Keep it", key="keep", on_click=lambda: st.session_state.pop(sure, None))


def _close(code: str) -> None:
    def closed() -> None:
        visitors.require("open a room")
        cached.the_rooms().delete(code, is_teacher=True)
        st.session_state.pop(f"sure-{code}", None)
        st.query_params.pop("desk", None)
        st.toast("The room is closed. Its names, answers and settings are deleted.", icon=":material/delete:")

    led(closed)


# ------------------------------------------------------------------------------------------------------------ live


def live(code: str, revision: int) -> None:
    """Who is there and what they answered, drawn anew every two seconds."""
    try:
        room, members = cached.the_rooms().room(code), cached.the_rooms().members(code)
    except RoomError:
        st.rerun(scope="app")
    if room.revision != revision or "room-refused" in st.session_state:
        st.rerun(scope="app")  # a click below, or another teacher, has changed it or was refused
    st.header("The class", anchor=False)
    st.caption(_counts(room, members))
    answers, table = st.columns(2, gap="medium")
    with answers:
        _answers(room)
    with table:
        _table(room, members)
        removal(room, members)


def _counts(room: Room, members: list[Member]) -> str:
    now = time.time()
    here = sum(now - member.seen <= HERE_SECONDS for member in members)
    text = f"{_students(len(members))}, {here} here now"
    if room.lesson:
        text += f" · {sum(room.lesson in member.answered for member in members)} answered this lesson"
    return text


def _answers(room: Room) -> None:
    if room.lesson not in course.LESSONS:
        st.info("Choose a lesson: the answers to it appear here.", icon=":material/school:")
        return
    lesson = course.LESSONS[room.lesson]
    found = _measured(lesson)  # read before the reveal, so that nobody waits for it then
    truth = found[0] if found and lesson.name in room.revealed else None
    lessons.distribution(lesson, truth, cached.the_rooms().answers(room.code, room.lesson))


def _measured(lesson: Lesson) -> tuple[Truth, Shown] | None:
    """What was measured; None where it is not stored."""
    try:
        return lessons.measured(lesson.name)
    except NotStoredError:
        return None


def _table(room: Room, members: list[Member]) -> None:
    if not members:
        st.info("Nobody has joined yet.", icon=":material/hourglass_empty:")
        return
    now = time.time()
    rows = [
        {
            "student": numbered(member),
            "is at": _is_at(member),
            "this": "✓" if room.lesson in member.answered else "",
            "all": len(member.answered),
            "seen": _ago(now - member.seen),
        }
        for member in members
    ]
    columns: dict[str, Any] = {
        "this": st.column_config.TextColumn("this", width=44, help="Whether the lesson of the class is answered"),
        "all": st.column_config.NumberColumn("all", width=40, help="How many lessons are answered"),
        "seen": st.column_config.TextColumn("seen", width=80, help="When the browser was last heard of"),
    }
    st.dataframe(
        rows, hide_index=True, width="stretch", height=38 + 35 * TABLE_ROWS, key="members", column_config=columns,
        alt="Everybody in the room",
    )  # fmt: skip


def numbered(member: Member) -> str:
    """`7 · Ada`, as text. The number stands first, so that no spreadsheet takes a name for a formula."""
    return f"{member.number} · {member.name}" if member.name else member.called


def _is_at(member: Member) -> str:
    if member.lesson not in course.LESSONS:
        return "not in a lesson yet"
    step = STEPS[min(len(STEPS), max(1, member.step)) - 1].lower()
    return f"lesson {course.place(member.lesson)}, {step}"


def _ago(seconds: float) -> str:
    return "now" if seconds <= HERE_SECONDS else f"{duration(seconds)} ago"


def _students(count: int) -> str:
    return f"{count} student{'' if count == 1 else 's'}"


def _day(when: float) -> str:
    found = datetime.fromtimestamp(when)
    return f"{found.day} {found:%B %Y}"


# ---------------------------------------------------------------------------------------------------- for the projector


def presenter(code: str) -> None:
    """Large type: how to join, then the question, how many have answered, and after the reveal what was measured."""
    room = found(code)
    if room is None:
        return
    st.html(STYLE)
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.page_link(
            classroom.PAGE, label="To the desk", icon=":material/co_present:", query_params={"desk": room.code},
            width="content",
        )  # fmt: skip
        st.toggle("Show names", key="room-names", help="Off: names are never on the wall.")
    st.fragment(run_every=LIVE_SECONDS)(_presented)(room.code)


def _presented(code: str) -> None:
    try:
        room, members = cached.the_rooms().room(code), cached.the_rooms().members(code)
    except RoomError:
        st.rerun(scope="app")
    with st.container(key="presenter"):
        if room.lesson in course.LESSONS:
            _slide(room, course.LESSONS[room.lesson], members)
        else:
            st.markdown(f"**{page.escaped(room.title)}**: open the page Classroom of the lab and type this code.")
            way_in(room, big=True)
            st.markdown(f"{_students(len(members))} in the room")
        if st.session_state.get("room-names") and members:
            st.caption(" · ".join(page.escaped(numbered(member)) for member in members))


def _slide(room: Room, lesson: Lesson, members: list[Member]) -> None:
    st.header(f"{course.place(lesson.name)} · {page.escaped(lesson.title)}", anchor=False)
    answered = sum(lesson.name in member.answered for member in members)
    frozen = " · :material/ac_unit: frozen" if room.frozen else ""
    st.markdown(f"Room **{room.code}** · **{answered} of {len(members)}** have answered{frozen}")
    if lesson.name in room.revealed:
        _slide_of_the_answer(room, lesson)
        return
    st.markdown(linked(lesson.question))
    lessons.told_beforehand(lesson)
    st.markdown(f"**{linked(lesson.ask)}**")
    if isinstance(lesson.prediction, Choice):
        st.markdown("\n".join(f"- {page.escaped(option)}" for option in lesson.prediction.options))


def _slide_of_the_answer(room: Room, lesson: Lesson) -> None:
    found, given = _measured(lesson), cached.the_rooms().answers(room.code, lesson.name)
    if found is None:
        lessons.distribution(lesson, None, given, large=True)
        return
    truth, shown = found
    st.markdown(linked(truth.words))
    lessons.distribution(lesson, truth, given, large=True)
    st.markdown(linked(shown.about))
    page.figure(lessons.projected(shown.plot), f"presented-{lesson.name}", shown.alt)
