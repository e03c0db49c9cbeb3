"""Relevance: can invariance harm? What becomes of a thing that a network learned to ignore."""

from __future__ import annotations

import streamlit as st

from invlab import differences, sources
from invlab.figures import relevance as figures
from invlab.studies import relevance
from invlab.studies.catalogue import StudyRun
from invlab.studies.relevance import FOR_C, FOR_O, ONLY_C, ONLY_O, PLACEMENTS
from invlab.studies.study import Table
from invlab.tasks import Task
from invlab.ui import gallery, page, study, study_again, study_twins
from invlab.ui.words import words


def chosen(table: Table) -> dict[str, str]:
    """The one set of pictures that a table is of."""
    (pictures,) = table.values_of("pictures")
    return {"pictures": pictures}


def the_map(table: Table, run: StudyRun, placement: str, shown: bool) -> None:
    """Four networks, probed on four tasks."""
    st.markdown(figures.MAP_LEAD)
    plot = figures.transfer_map(table, placement, shown)
    more = chosen(table) | {"placement": placement, "sweep": "", "measure": relevance.TRANSFER}
    study_twins.figure(plot, "map", figures.map_alt(table, placement, shown), table, ("source", "target"), more)
    if shown:
        st.caption(figures.BRACKETS)
    page.notice(figures.map_notice(table, placement))
    more = chosen(table) | {"placement": placement}
    study.behind(f"relevance-{placement}", figures.map_rows(table, placement), run, plot, more)


def swapping(table: Table, run: StudyRun, placement: str, shown: bool) -> None:
    """What each network is sensitive to."""
    st.header("What the networks look at", anchor=False)
    st.markdown(figures.SWAPS_LEAD)
    plot = figures.swaps(table, placement, shown)
    more = chosen(table) | {"placement": placement, "sweep": ""}
    study_twins.figure(plot, "swaps", figures.swaps_alt(table, placement, shown), table, ("source", "measure"), more)
    page.notice(figures.swap_notice(table, placement))
    rows = figures.swap_rows(table, placement)
    study.behind(f"relevance-swaps-{placement}", rows, run, plot, chosen(table) | {"placement": placement})


def sweeps(table: Table, run: StudyRun) -> None:
    """Networks trained to name the picture, with an object that goes with it, or is not always there."""
    st.header("When the irrelevant becomes informative, or rare", anchor=False)
    measured = figures.swept_placements(table, "correlation")
    if not measured:
        st.info("The sweeps were not computed in this run.")
        return
    (swept,) = table.where(sweep="correlation").values_of("pictures")
    placement = measured[0] if len(measured) == 1 else gallery.segments("Objects", measured, measured[0], "swept")
    probed = gallery.segments("Probed", tuple(figures.PROBED), next(iter(figures.PROBED)), "probed")
    st.markdown(figures.sweeps_lead(placement, swept))
    plots = []
    for name, column in zip(figures.SWEEPS, st.columns(2), strict=True):
        with column:
            plot = figures.sweep(table, placement, name, probed)
            at = {"pictures": swept, "placement": placement, "sweep": name}
            more = at | {"source": FOR_C, "measure": relevance.TRANSFER}
            alt = figures.sweep_alt(table, placement, name, probed)
            plots.append(plot)
            study_twins.figure(plot, name, alt, table, ("strength", "target"), more)
    page.notice(figures.sweep_notice(table, placement, probed))
    rows = figures.sweep_rows(table, placement)
    study.behind(f"relevance-sweeps-{placement}", rows, run, plots, {"placement": placement})


def tasks(preset: str, pictures: str) -> dict[str, Task]:
    """What the networks saw, seed 0."""
    both = {
        f"{FOR_C} and {FOR_O}, {placement}: {what}": relevance.task(FOR_C, placement, 0, pictures)
        for placement, what in (("fixed", "an object in the corner"), ("translated", "an object anywhere"))
    }
    alone = {f"{ONLY_O}, {placement}": relevance.task(ONLY_O, placement, 0, pictures) for placement in PLACEMENTS}
    tied = relevance.swept_task("correlation", 1.0, relevance.SIZES[preset].sweeps[0], 0, pictures)
    return (
        {f"{ONLY_C}: the picture alone": relevance.task(ONLY_C, "fixed", 0, pictures)}
        | both
        | alone
        | {"Correlation 1: every class of pictures has an object of its own": tied}
    )


page.title("Relevance", "Can invariance harm: what becomes of what a network learned to ignore?")
words("lost information", "correlation", "availability", "sensitivity", "claim")
found = study.load("relevance")
if found is None:
    pictures = relevance.sets(("cifar10",) if sources.available("cifar10") else ())[0]
    study.claims("relevance")
    study.examples(tasks("classroom", pictures), "What the networks were shown")
    study.differs("relevance", more=differences.of_relevance("classroom", pictures))
    study_again.again("relevance")
else:
    run, table = found
    sets = table.values_of("pictures")
    pictures = sets[0]
    if len(sets) > 1:
        named = {c: f"a picture of {relevance.WORDS[c]}" for c in sets}
        pictures = gallery.segments("C is", sets, pictures, "pictures", named)
    st.markdown(figures.pictures_told(pictures))
    numbers = table.where(pictures=pictures)
    placement = gallery.segments("Objects", tuple(PLACEMENTS), "fixed", "placement")
    st.caption(figures.PLACEMENT_WORDS[placement])
    shown = study.published()
    the_map(numbers, run, placement, shown)
    swapping(numbers, run, placement, shown)
    sweeps(table, run)
    study.claims("relevance", run)
    study_twins.section(run, table, {"measure": relevance.TRANSFER})
    study.examples(tasks(run.preset, pictures), "What the networks were shown")
    study.differs("relevance", run, differences.of_relevance(run.preset, pictures))
    study_again.again("relevance", run)
