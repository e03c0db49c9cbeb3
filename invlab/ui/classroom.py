"""A student's side of a room: joining it, the line on top of every page that follows the teacher, what is hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from invlab import roles
from invlab.roles import Role
from invlab.rooms import NAME_LENGTH, Member, Room, RoomError
from invlab.ui import cached, page, visitors

PAGE = "pages/classroom.py"
LESSONS = "pages/lessons.py"
FOLLOW_SECONDS = 2.0  # a student's page asks the room that often
TITLES = "page-titles"  # in the session's state: page -> title, as the navigation has them
CODE_PLACES = 12  # of the field: a code may be typed with spaces


# --------------------------------------------------------------------------------------------------------- who is where


def own_room() -> Room | None:
    """The room that the visitor is in; None for those in none. Raises RoomError if the file cannot be used."""
    return None if roles.mode() == "view" else cached.the_rooms().room_of(visitors.visitor_id())


def is_teacher() -> bool:
    return visitors.current().role == Role.TEACHER


def led_by() -> Room | None:
    """The room whose rules the visitor has to keep: none for a teacher, who may be in a room to try it."""
    try:
        room = own_room()
    except RoomError:
        return None  # the pages that need the file tell what is wrong with it
    return None if room is None or is_teacher() else room


def controls_hidden() -> bool:
    """Whether the visitor's teacher has hidden the controls under “More choices”."""
    room = led_by()
    return room is not None and room.controls_hidden


# ------------------------------------------------------------------------------------------------------- the navigation


def pages_for(pages: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The navigation for this visitor: what the teacher has hidden is not in the menu. It stays known, so that links
    to it lead to `refused` rather than nowhere."""
    st.session_state[TITLES] = {p.url_path or "home": p.title for section in pages.values() for p in section}
    room = led_by()
    return {
        section: [_hidden(found) if room is not None and room.hides(found.url_path) else found for found in listed]
        for section, listed in pages.items()
    }


def _hidden(found: Any) -> Any:
    return st.Page(f"pages/{found.url_path}.py", title=found.title, icon=found.icon, visibility="hidden")


def refused(url_path: str) -> bool:
    """Whether the visitor's teacher has hidden the page that is asked for; then it says so, and must not run."""
    room = led_by()
    if room is None or not room.hides(url_path):
        return False
    st.title("Not now", anchor=False)
    st.info("Your teacher has hidden this page for now.", icon=":material/visibility_off:")
    st.page_link(LESSONS, label="Go to the lessons", icon=":material/school:")
    return True


# ----------------------------------------------------------------------------------------------- the line on every page


def banner() -> None:
    """For a member of a room: the room and where the teacher is, on top of the page. A change by the teacher (a reveal,
    freezing, hiding) runs the whole page anew, at most two seconds later."""
    try:
        room = own_room()
    except RoomError:
        return
    if room is not None:
        st.session_state["room-was"] = room.code
        _follow(room.revision)
    elif st.session_state.pop("room-was", None):
        st.info("You are in no room any more: it was closed, or you left it.", icon=":material/logout:")


@st.fragment(run_every=FOLLOW_SECONDS)
def _follow(revision: int) -> None:
    try:
        room = own_room()
        if room is None or room.revision != revision:
            st.rerun(scope="app")
        cached.the_rooms().see(visitors.visitor_id())
    except RoomError:
        st.caption("The room does not answer just now. Trying again…")
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key="room-banner"):
        st.markdown(banner_text(room), width="content")
        if room.lesson:
            query = {"lesson": room.lesson}
            st.page_link(LESSONS, label="Go there", icon=":material/school:", query_params=query, width="content")


def banner_text(room: Room) -> str:
    """`Room K7QXMD · the teacher is at lesson 3: …`, as Markdown."""
    parts = [f":material/groups: Room **{room.code}**", whereabouts(room.lesson)]
    if room.frozen:
        parts.append(":material/ac_unit: frozen: no answers now")
    return " · ".join(parts)


def whereabouts(name: str) -> str:
    from invlab.lessons import course  # reads plotly: only where a room is

    if name not in course.LESSONS:
        return "the teacher has not chosen a lesson yet"
    return f"the teacher is at lesson {course.place(name)}: {page.escaped(course.LESSONS[name].title)}"


# -------------------------------------------------------------------------------------------------------------- joining


def join() -> None:
    """Joining by code, or the room one is in."""
    room = own_room()
    if room is not None and (member := cached.the_rooms().member(visitors.visitor_id())) is not None:
        inside(room, member)
    else:
        join_form()
    refusal()


def join_form() -> None:
    """The code (from the link, if it has one) and a name, which may stay empty."""
    linked = st.query_params.get("join", "")
    with st.form("join", border=True):
        st.text_input(
            "Room code", linked[:CODE_PLACES], key="join-code", max_chars=CODE_PLACES, autocomplete="off",
            placeholder="six letters and digits, from your teacher",
        )  # fmt: skip
        st.text_input(
            "Your name", key="join-name", max_chars=NAME_LENGTH, autocomplete="off", placeholder="may stay empty",
            help="Only your teacher sees it. Without one you are a number.",
        )  # fmt: skip
        st.form_submit_button("Join", type="primary", icon=":material/login:", on_click=_join)
    st.caption(
        "No account is needed. The room keeps the name, if you type one, your answers and how far you are. All of it "
        "is deleted when you leave, when your teacher closes the room, or when its term is over."
    )


def _join() -> None:
    try:
        code, name = st.session_state.get("join-code", ""), st.session_state.get("join-name", "")
        cached.the_rooms().join(code, name, by=visitors.visitor_id())
    except RoomError as error:
        st.session_state["room-refused"] = str(error)
        return
    st.query_params.pop("join", None)


def inside(room: Room, member: Member) -> None:
    """Which room one is in, under which name, and the way out."""
    with st.container(border=True):
        st.markdown(
            f"You are in room **{room.code}**, {page.escaped(room.title)}, as **{page.escaped(member.called)}**."
        )
        with st.container(horizontal=True, gap="medium"):
            query = {"lesson": room.lesson}
            st.page_link(LESSONS, label="Go to the lessons", icon=":material/school:", query_params=query)
            st.button("Leave the room", icon=":material/logout:", on_click=_leave, key="leave")
        st.caption("Leaving deletes your name and your answers from the room.")
    with st.form("rename", border=False):
        st.text_input("Your name", member.name, key=f"rename-{member.number}", max_chars=NAME_LENGTH)
        st.form_submit_button("Change my name", on_click=_rename, args=(room.code, f"rename-{member.number}"))


def _leave() -> None:
    try:
        cached.the_rooms().leave(visitors.visitor_id())
    except RoomError as error:
        st.session_state["room-refused"] = str(error)


def _rename(code: str, key: str) -> None:
    try:
        cached.the_rooms().join(code, st.session_state.get(key, ""), by=visitors.visitor_id())
    except RoomError as error:
        st.session_state["room-refused"] = str(error)


def refusal() -> None:
    """Tell once why the last click was refused."""
    if message := st.session_state.pop("room-refused", None):
        st.error(page.escaped(page.sentence(message)), icon=":material/block:")
