"""What a visitor has answered in the lessons, and what the others have: all that the page of a lesson knows of a class.

For now there is the visitor alone, and the answers live as long as the session.
"""

from __future__ import annotations

import streamlit as st

Answer = float | str


def _kept(what: str, lesson: str) -> str:
    return f"lesson-{what}-{lesson}"


def mine(lesson: str) -> Answer | None:
    """The visitor's own answer, or None."""
    return st.session_state.get(_kept("answer", lesson))


def give(lesson: str, value: Answer) -> None:
    """Take the visitor's answer; a later one replaces it."""
    st.session_state[_kept("answer", lesson)] = value


def everyones(lesson: str) -> list[Answer]:
    """The answers of all who are in the class, the visitor's own included, in no particular order."""
    own = mine(lesson)
    return [] if own is None else [own]


def revealed(lesson: str) -> bool:
    """Whether the visitor may see what was measured: after an own answer, or after asking for it without one."""
    return mine(lesson) is not None or bool(st.session_state.get(_kept("open", lesson)))


def open_anyway(lesson: str) -> None:
    """The visitor wants to see what was measured without a prediction."""
    st.session_state[_kept("open", lesson)] = True


def step(lesson: str, number: int) -> None:
    """Note how far the visitor is in a lesson, 1 … 5; nobody asks for it yet."""


def teacher() -> bool:
    """Whether the visitor may read the teacher's notes: everybody, as long as there are no classes."""
    return True
