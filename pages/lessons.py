"""Lessons: the course, and one lesson after the other."""

from __future__ import annotations

import streamlit as st

from invlab.ui import page

QUESTION = "What does a network learn to ignore, and when does that help? Predict first, then look."

name = st.query_params.get("lesson", "")
if not name:
    page.title("Lessons", QUESTION)

from invlab.lessons.course import LESSONS  # noqa: E402 - plotly takes a second: the title is painted meanwhile
from invlab.ui import lesson  # noqa: E402

if name in LESSONS:
    lesson.show(LESSONS[name])
else:
    if not name:
        st.query_params.clear()  # who comes back from a lesson would keep its link, and a reload would go there again
    else:
        page.title("Lessons", QUESTION)
        st.warning(f"There is no lesson “{page.escaped(name)}”: choose one of these.")
    lesson.overview()
