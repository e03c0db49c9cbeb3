"""Classroom: students join a room, teachers open and lead one, and show it on the wall."""

from __future__ import annotations

import streamlit as st

from invlab import roles
from invlab.rooms import RoomError
from invlab.ui import classroom, page, visitors


def main() -> None:
    if st.query_params.get("present") and visitors.may("open a room"):
        page.through_app()
        teach()
        return
    page.title("Classroom", "What does the whole class expect, and what was measured?")
    if roles.mode() == "view":
        st.info("This server shows finished results only: it has no rooms.", icon=":material/visibility:")
    elif not visitors.may("open a room"):
        classroom.join()
        with st.expander("For teachers", icon=":material/co_present:"):
            visitors.sign_in()
    else:
        teach()
        visitors.sign_in()


def teach() -> None:
    """The link says what is shown: the desk of a room, its view for the projector, or all rooms."""
    from invlab.ui import desk  # lessons and their figures: students of this page do without

    if code := st.query_params.get("present"):
        desk.presenter(code)
    elif code := st.query_params.get("desk"):
        desk.desk(code)
    else:
        desk.front()


try:
    main()
except RoomError as error:
    st.error(page.escaped(page.sentence(error)), icon=":material/storage:")
