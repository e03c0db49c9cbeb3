"""Information: what is lost by invariance, what can no longer be read from a representation?"""

from __future__ import annotations

import functools

import streamlit as st

from invlab.figures import information as figures
from invlab.files import StoreError
from invlab.jobs import QueueError
from invlab.studies import information
from invlab.studies.catalogue import StudyRun
from invlab.studies.information import DECODED, NAMED
from invlab.studies.study import Table
from invlab.ui import gallery, live, page, study, study_again, study_twins
from invlab.ui.words import words

NAME = "information"
WORDS = {
    DECODED: "decode its value, on objects held out",
    NAMED: "name its part, on objects known to the probe",
}


def one_family(run: StudyRun, table: Table, measure: str) -> None:
    """Every network: how invariant to one family, and what it can still tell of it."""
    known = table.values_of("family")
    family = st.selectbox(
        "Family",
        known,
        index=known.index("hue") if "hue" in known else 0,
        format_func=page.family_name,
        key="family",
        bind="query-params",
    )
    st.markdown(figures.networks_lead(family, measure))
    rows = study.once(run, f"networks-{family}-{measure}", lambda: figures.network_rows(table, family, measure))
    chance = figures.chance(family, measure)
    plot = study.once(run, f"plot-{family}-{measure}", functools.partial(figures.networks, rows, measure, chance))
    alt = figures.networks_alt(rows, family, measure)
    study_twins.figure(plot, "networks", alt, table, ("source",), {"family": family, "measure": measure})
    agreement = figures.agreement(families(run, table, measure), family)
    page.notice(figures.notice(rows, agreement, family, measure))
    study.behind(f"information-{family}", rows, run, plot, {"family": family, "measure": measure})


def families(run: StudyRun, table: Table, measure: str) -> list[figures.Row]:
    return study.once(run, f"families-{measure}", lambda: figures.family_rows(table, measure))


def all_families(run: StudyRun, table: Table, measure: str) -> None:
    """*same*, *other* and *none* for every family."""
    st.header("Every family", anchor=False)
    st.markdown(figures.families_lead(measure, run.seeds))
    rows = families(run, table, measure)
    plot = study.once(run, f"families-plot-{measure}", functools.partial(figures.by_family, rows, measure))
    alt = figures.by_family_alt(rows, measure)
    study_twins.figure(plot, "families", alt, table, ("family",), {"measure": measure})
    page.notice(figures.NOTICES[measure])
    study.behind(f"information-families-{measure}", rows, run, plot, {"measure": measure})


def examples(run: StudyRun | None) -> None:
    """A few tasks whose classes are the transformation."""
    preset = run.preset if run else study.SHOWN[0]
    tasks = {
        f"{page.family_name(family)}: {text}": information.naming(preset, family, 0)
        for family, text in (("rotate", "which quarter turn?"), ("hue", "which third?"), ("h_flip", "mirrored or not?"))
    }
    study.examples(tasks, "Tasks whose class is the transformation: the objects do not matter")


def main() -> None:
    page.title("Information", "What is lost by invariance: what can no longer be read from a representation?")
    words("lost information", "decoding", "invariance", "claim")
    found = study.load(NAME)
    run, table = found or (None, None)
    if run is not None and table is not None:
        measure = gallery.segments("What can it still tell?", tuple(WORDS), NAMED, "measure", WORDS)
        one_family(run, table, measure)
        all_families(run, table, measure)
    study.claims(NAME, run, "What we expect, tested")
    if run is not None and table is not None:
        study_twins.section(run, table, {"source": "hue", "family": "hue"})
    st.caption(figures.BEYOND)
    examples(run)
    study_again.again(NAME, run)


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
