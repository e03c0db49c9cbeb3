"""The lab in the browser: `streamlit run app.py`."""

from __future__ import annotations

import streamlit as st

from invlab import roles
from invlab.objects import ASSETS
from invlab.ui import classroom, page
from invlab.ui.cached import background_work

# A picture of our own: a browser would fetch Streamlit's named icons from another host.
st.set_page_config(page_title="Invariance Lab", page_icon=str(ASSETS / "icon.png"), layout="wide")

PAGES = {
    "Learn": [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/lessons.py", title="Lessons", icon=":material/school:"),
        st.Page("pages/classroom.py", title="Classroom", icon=":material/groups:"),
        st.Page("pages/glossary.py", title="Glossary", icon=":material/menu_book:"),
    ],
    "Explore": [
        st.Page("pages/transformations.py", title="Transformations", icon=":material/transform:"),
        st.Page("pages/sensitivity.py", title="Sensitivity", icon=":material/grid_on:"),
        st.Page("pages/responses.py", title="Responses", icon=":material/show_chart:"),
        st.Page("pages/learning.py", title="While learning", icon=":material/timeline:"),
        st.Page("pages/measures.py", title="Measures", icon=":material/straighten:"),
        st.Page("pages/side_by_side.py", title="Side by side", icon=":material/view_column_2:"),
        st.Page("pages/transfer.py", title="Transfer", icon=":material/compare_arrows:"),
    ],
    "Studies": [
        st.Page("pages/factors.py", title="Factors", icon=":material/tune:"),
        st.Page("pages/relevance.py", title="Relevance", icon=":material/filter_center_focus:"),
        st.Page("pages/shift.py", title="Shift", icon=":material/swap_horiz:"),
        st.Page("pages/mismatch.py", title="Mismatch", icon=":material/join_inner:"),
        st.Page("pages/information.py", title="Information", icon=":material/visibility_off:"),
    ],
    "Workbench": [
        st.Page("pages/own.py", title="Your images and networks", icon=":material/add_photo_alternate:"),
        st.Page("pages/runs.py", title="Runs", icon=":material/list_alt:"),
        st.Page("pages/benchmarks.py", title="Benchmarks", icon=":material/speed:"),
    ],
}

try:
    roles.configuration()
except ValueError as error:
    st.error(page.escaped(page.sentence(error)), icon=":material/settings:")
    st.stop()
chosen = st.navigation(classroom.pages_for(PAGES))
background_work()
st.session_state[page.APP_RAN] = True
classroom.banner()
if not classroom.refused(chosen.url_path):
    chosen.run()
