"""Lessons: the course, and one lesson after the other."""

from __future__ import annotations

import streamlit as st

from invlab.ui import page

QUESTION = "What does a network learn to ignore, and when does that help? Predict first, then look."

name = st.query_params.get("lesson", "")
if not name:
    page.title("Lessons", QUESTION)

from invlab.lessons.course import LESSONS  # noqa: E402 - plotly takes a second: the title is painted meanwhile
from invlab.rooms import RoomError  # noqa: E402
from invlab.ui import lesson  # noqa: E402


def main() -> None:
    if name in LESSONS:
        lesson.show(LESSONS[name])
        return
    if not name:
        st.query_params.clear()  # who comes back from a lesson would keep its link, and a reload would go there again
    else:
        page.title("Lessons", QUESTION)
        st.warning(f"There is no lesson “{page.escaped(name)}”: choose one of these.")
    lesson.overview()


try:
    main()
except RoomError as error:
    st.error(page.escaped(page.sentence(error)), icon=":material/storage:")
