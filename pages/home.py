"""Home: what the lab is, one true picture of it, and where to go."""

from __future__ import annotations

import streamlit as st

from invlab import records
from invlab.studies.catalogue import STUDIES
from invlab.studies.singles import Singles, same_other_none
from invlab.ui import cached, page

page.title(
    "Invariance Lab",
    "A network that ignores rotation: is that a gift or a loss for what it is asked next?",
)
st.markdown(
    "Pick **transformations**, train two small networks in seconds, **measure** how invariant each became, and see "
    "which one **transfers** to objects it has never met."
)

study = cached.singles()
from invlab.figures import home as figures  # noqa: E402 - plotly takes a second: the words above are painted meanwhile

if study is None:
    page.not_there("The study of one network for each transformation", "python -m invlab bundle build")
else:
    text, figure = st.columns([1, 2], gap="large")
    plot, rows = cached.of_singles("at a glance", lambda: figures.at_a_glance(study))
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
        st.caption(
            f"Means over 18 transformations and {study['seeds']} seeds; labnet, 30 classes, the classroom preset. "
            "Sensitivity: 0 = the representation does not move at all, 1 = twins are no more alike than strangers."
        )
    page.notice(
        "Each line joins the sensitivity of networks trained for one transformation (blue) and of those trained for "
        "another (orange). Almost every blue point lies lower: invariance comes from the data, and it carries over to "
        "objects the network has never seen. The page Sensitivity lists the exceptions."
    )
    page.behind("at-a-glance", rows, records.plain(Singles()), plot, "python -m invlab bundle build", [Singles()])

st.subheader("Three ways in", anchor=False)
ways = st.columns(3, gap="medium")
for column, (target, icon, label, what) in zip(
    ways,
    (
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

st.subheader("The paper's four studies, and one more", anchor=False)
for column, study in zip(st.columns(len(STUDIES), gap="medium"), STUDIES.values(), strict=True):
    with column, st.container(border=True, height="stretch"):
        st.page_link(f"pages/{study.name}.py", label=f"**{study.title}**")
        st.caption(study.question)

with st.expander("Five words that everything here is made of", icon=":material/menu_book:"):
    st.markdown(
        """
- **Object**: a cut-out picture. All images of a class are one object, transformed and pasted on random backgrounds.
- **Transformation**: one draw from a family, such as “rotate by 211°”.
- **Representation**: the numbers inside a network that its last layer reads.
- **Sensitivity**: how far the representation moves when the transformation is drawn anew, divided by how far apart two
  random images are. 0 = invariant; about 1 = twins are no more alike than strangers.
- **Transfer accuracy**: how well a linear classifier, reading the frozen representation, names new objects.
"""
    )
st.caption(
    "After T. Speicher, V. Nanda, K. P. Gummadi: *Understanding the Role of Invariance in Transfer Learning*, TMLR "
    "2024 (arXiv 2407.04325). Objects and scenes are drawn for this lab."
)
