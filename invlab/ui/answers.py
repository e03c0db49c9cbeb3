"""What a visitor has answered in the lessons, and what the others have: all that the page of a lesson knows of a class.

For a member of a room the answers are the room's; for everybody else they live as long as the session.
"""

from __future__ import annotations

import streamlit as st

from invlab.rooms import Room
from invlab.ui import cached, classroom, visitors

Answer = float | str


def _kept(what: str, lesson: str) -> str:
    return f"lesson-{what}-{lesson}"


def _room() -> Room | None:
    return classroom.own_room()


def mine(lesson: str) -> Answer | None:
    """The visitor's own answer, or None."""
    if _room() is not None:
        return cached.the_rooms().answer_of(visitors.visitor_id(), lesson)
    return st.session_state.get(_kept("answer", lesson))


def give(lesson: str, value: Answer) -> None:
    """Take the visitor's answer; a later one replaces it. Raises RoomError where the room takes none (`closed`)."""
    if _room() is not None:
        cached.the_rooms().answer(lesson, value, by=visitors.visitor_id())
    else:
        st.session_state[_kept("answer", lesson)] = value


def everyones(lesson: str) -> list[Answer]:
    """The answers of all who are in the class, the visitor's own included, in no particular order."""
    if (room := _room()) is not None:
        return cached.the_rooms().answers(room.code, lesson)
    own = mine(lesson)
    return [] if own is None else [own]


def revealed(lesson: str) -> bool:
    """Whether the visitor may see what was measured. Alone: after an own answer, or after asking for it without one; in
    a room, when the teacher reveals it, unless everybody goes at their own pace."""
    if _room() is not None:
        return cached.the_rooms().shows_truth(visitors.visitor_id(), lesson)
    return mine(lesson) is not None or bool(st.session_state.get(_kept("open", lesson)))


def may_look() -> bool:
    """Whether the visitor may see what was measured without an own answer."""
    room = _room()
    return room is None or not room.together


def open_anyway(lesson: str) -> None:
    """The visitor wants to see what was measured without a prediction. Raises RoomError where the teacher reveals."""
    if _room() is not None:
        cached.the_rooms().open_anyway(lesson, by=visitors.visitor_id())
    else:
        st.session_state[_kept("open", lesson)] = True


def closed(lesson: str) -> str:
    """Why the visitor's answer is not taken (any more), as a sentence; empty where it is."""
    room = _room()
    if room is None:
        return ""
    if revealed(lesson):
        return "The answer has been revealed: predictions are no longer taken."
    return "Your teacher has frozen the room: no predictions are taken just now." if room.frozen else ""


def changeable(lesson: str) -> bool:
    """Whether an answer that was given can still be changed: in a room, until it is revealed."""
    return _room() is not None and not closed(lesson)


def step(lesson: str, number: int) -> None:
    """Note how far the visitor is in a lesson, 1 … 5, for the teacher of the room."""
    if _room() is not None:
        cached.the_rooms().see(visitors.visitor_id(), lesson, number)


def teacher() -> bool:
    """Whether the visitor may read the teacher's notes."""
    return classroom.is_teacher()
