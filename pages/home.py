"""Home: what the lab is, one true picture of it, and where to go."""

from __future__ import annotations

import streamlit as st

from invlab import records
from invlab.studies.catalogue import LEAD, QUESTION, STUDIES
from invlab.studies.singles import Singles, same_other_none
from invlab.ui import cached, page
from invlab.ui.words import words

page.title("Invariance Lab", QUESTION)
words("object", "transformation", "representation", "invariance", "sensitivity", "transfer accuracy")
st.markdown(LEAD)

study = cached.singles()
from invlab.figures import home as figures  # noqa: E402 - plotly takes a second: the words above are painted meanwhile

if study is None:
    page.not_there("The study of one network for each transformation", "python -m invlab bundle build")
else:
    text, figure = st.columns([1, 2], gap="large")
    plot, rows = figures.at_a_glance(study)
    with figure:
        page.figure(plot, "home-glance", figures.glance_in_words(rows))
    with text:
        means = {name: values.mean() for name, values in same_other_none(study["sensitivity_new"]).items()}
        reached = {name: values.mean() for name, values in same_other_none(study["transfer"]).items()}
        st.markdown("A network trained **for** a transformation, against networks trained for **another**:")
        st.metric(
            "Sensitivity to it",
            f"{means['same']:.2f}",
            f"{means['same'] - means['other']:+.2f} against others",
            delta_color="inverse",
        )
        st.metric(
            "Transfer accuracy under it",
            f"{reached['same']:.0%}",
            f"{100 * (reached['same'] - reached['other']):+.1f} points",
        )
        st.caption(figures.means_told(study["seeds"]))
    page.notice(figures.notice(rows))
    page.behind("at-a-glance", rows, records.plain(Singles()), plot, "python -m invlab bundle build", [Singles()])

st.header("Four ways in", anchor=False)
ways = [*st.columns(2, gap="medium"), *st.columns(2, gap="medium")]
for column, (target, icon, label, what) in zip(
    ways,
    (
        (
            "pages/lessons.py",
            ":material/school:",
            "Take the lessons",
            "A question, your prediction, then what was measured: a short course for a class, or for yourself.",
        ),
        (
            "pages/transformations.py",
            ":material/transform:",
            "See the transformations",
            "Turn one object by exactly 37°, order families, look at twin pairs as the measure sees them.",
        ),
        (
            "pages/transfer.py",
            ":material/compare_arrows:",
            "Train two and compare",
            "The main experiment: about ten seconds from the click to the answer.",
        ),
        (
            "pages/sensitivity.py",
            ":material/grid_on:",
            "Browse 19 finished networks",
            "Which network is invariant to what, and the pairs of images behind each number.",
        ),
    ),
    strict=True,
):
    with column, st.container(border=True, height="stretch"):
        st.page_link(target, label=f"**{label}**", icon=icon)
        st.caption(what)

st.header("The paper's four studies, and one more", anchor=False)
for column, study in zip(st.columns(len(STUDIES), gap="medium"), STUDIES.values(), strict=True):
    with column, st.container(border=True, height="stretch"):
        st.page_link(f"pages/{study.name}.py", label=f"**{study.title}**")
        st.caption(study.question)

with st.expander("Five words that everything here is made of", icon=":material/menu_book:"):
    st.markdown(figures.FIVE_WORDS)
st.caption(figures.AFTER)
