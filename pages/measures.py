"""Measures: other people's measures of invariance beside ours, on the same networks and images."""

from __future__ import annotations

import streamlit as st

from invlab import records
from invlab.figures import measures as figures
from invlab.files import StoreError
from invlab.measures import MEASURES
from invlab.studies import instruments as asked
from invlab.studies.claims import number
from invlab.studies.instruments import MEASURE_DRAWS, MEASURE_IMAGES
from invlab.studies.singles import FAMILIES, SOURCES, Singles
from invlab.ui import instruments, live, page, twin_pairs
from invlab.ui.words import words

COMMAND = "python -m invlab bundle build"


def definitions() -> None:
    st.header("How they differ", anchor=False)
    for how in MEASURES.values():
        larger = "larger = more invariant" if how.larger_is_invariant else "0 = invariant"
        st.markdown(f"- **{how.title}** ({larger}; {how.source}). {how.compares}")
    st.markdown(
        "- **shared invariance, STIR** (1 = all of it is shared; Nanda et al., ICML 2022). Not of one network but of "
        "two: whether pictures that one cannot tell apart are alike to the other, too. Every pair of the bundled "
        "networks, in both directions, is on the page *Side by side*, under *Shared invariance*."
    )


def main() -> None:
    page.title("Measures", "Do all measures of invariance say the same?")
    words("sensitivity", "CKA", "STIR", "invariance")
    left, right = st.columns([3, 2])
    family = left.selectbox(
        "Under",
        FAMILIES,
        index=FAMILIES.index("rotate"),
        format_func=page.family_name,
        key="family",
        bind="query-params",
    )
    with right:
        domain = instruments.domain()
    study = Singles()
    task = instruments.task(domain, family)
    specs = [asked.measures(study, source, task) for source in SOURCES]
    with st.spinner(f"Showing {MEASURE_IMAGES} images under {MEASURE_DRAWS} draws each to {len(SOURCES)} networks …"):
        values = dict(zip(SOURCES, instruments.measured(specs), strict=True))
    first, second = st.columns([3, 2], gap="large")
    with first:
        st.markdown(
            "**Every network by every measure**: light = the most invariant of all by this measure. The networks "
            "are in the order of ours; where the others agree, every column darkens from top to bottom."
        )
        plot = figures.ranking(values)
        instruments.choosing(plot, "ranking", figures.ranking_alt(values), "seen_by", SOURCES)
    with second:
        st.markdown("**How far two measures agree**: rank correlation over the networks, 1 = the same order.")
        agreements = figures.agreements(values)
        page.figure(agreements, "agreements", figures.agreements_alt(values))
    page.notice(figures.notice(values, family))
    own = values[family]
    st.caption(
        f"The network trained for {page.family_name(family)}: "
        + ", ".join(f"{how.title} {number(own[name])}" for name, how in MEASURES.items())
        + f". {MEASURE_IMAGES} test images, {MEASURE_DRAWS} draws of each; the bundled networks of seed 0."
    )
    seen_by = st.selectbox(
        "Twins as seen by the network trained for", SOURCES, index=SOURCES.index(family), format_func=page.family_name,
        key="seen_by", bind="query-params", help="A click on a row of the map chooses it, too.",
    )  # fmt: skip
    who = f"the network **{instruments.name_of(seen_by)}**"
    twin_pairs.section(twin_pairs.behind(specs[SOURCES.index(seen_by)]), who)
    definitions()
    page.behind(
        f"measures-{family}",
        figures.rows(values),
        {"family": family, "objects": domain, "first": records.plain(specs[0])},
        [plot, agreements],
        command=COMMAND,
        specs=specs,
    )


try:
    main()
except instruments.NoWeightsError:
    page.not_there("One of these networks", COMMAND)
    definitions()
except (StoreError, OSError) as error:
    live.guarded(error)
except ValueError as error:  # what a visitor brought may be gone, or too little
    st.warning(page.escaped(page.sentence(error)), icon=":material/error:")
