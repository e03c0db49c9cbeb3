"""Relevance: can invariance harm? What becomes of a thing that a network learned to ignore."""

from __future__ import annotations

import functools

import streamlit as st

from invlab import sources, things
from invlab.figures import relevance as figures
from invlab.studies import relevance
from invlab.studies.catalogue import StudyRun
from invlab.studies.relevance import FOR_C, FOR_O, ONLY_C, ONLY_O, PLACEMENTS
from invlab.studies.study import Table
from invlab.tasks import Task
from invlab.ui import gallery, page, study, study_again, study_twins

PLACEMENT_WORDS = {
    "fixed": "The object always stands in the upper right corner.",
    "translated": "The object stands anywhere in the picture.",
}
PICTURES = {
    things.NAME: "**C**, the picture, shows **small drawn things of one of ten kinds**, where the paper has CIFAR-10, "
    "which was not on the machine that computed these results. As there, only shapes tell the class.",
    "pictures": "**C**, the picture, is one of **ten classes of drawn scenes**: colours and textures tell the class, "
    "and whoever names scenes needs to know no object.",
    "cifar10": "**C**, the picture, is a photograph of **CIFAR-10**, as in the paper.",
}
WHY_PICTURES = "CIFAR-10 cannot ship with the lab; fetch it and compute the study again to have it in its place."
CHANCE = f"Guessing gets {figures.CHANCE:.2f}: there are ten classes of each."


def chosen(table: Table) -> dict[str, str]:
    """The one set of pictures that a table is of."""
    (pictures,) = table.values_of("pictures")
    return {"pictures": pictures}


def the_map(table: Table, run: StudyRun, placement: str, shown: bool) -> None:
    """Four networks, probed on four tasks."""
    st.markdown(
        "**Transfer accuracy**: each row is a network, each column the task that a linear probe is fitted for on its "
        "frozen representation; framed in blue is the task the network was trained on. *C+O for O* reads: a picture "
        f"with an object on it, and the object is to be named. {CHANCE}"
    )
    plot = study.once(run, f"map {placement} {shown}", lambda: figures.transfer_map(table, placement, shown))
    more = chosen(table) | {"placement": placement, "sweep": "", "measure": relevance.TRANSFER}
    study_twins.figure(plot, "map", figures.map_alt(table, placement, shown), table, ("source", "target"), more)
    if shown:
        st.caption("In brackets: the published values, of ResNet-18, C from CIFAR-10.")
    page.notice(figures.map_notice(table, placement))
    more = chosen(table) | {"placement": placement}
    study.behind(f"relevance-{placement}", figures.map_rows(table, placement), run, plot, more)


def swapping(table: Table, run: StudyRun, placement: str, shown: bool) -> None:
    """What each network is sensitive to."""
    st.subheader("What the networks look at", anchor=False)
    st.markdown(
        "Two images that differ in the picture alone, or in the object alone: how far does the representation move, "
        "beside the distance of two random images? 0: the network ignores what was swapped. 1: nothing else counts."
    )
    plot = study.once(run, f"swaps {placement} {shown}", lambda: figures.swaps(table, placement, shown))
    more = chosen(table) | {"placement": placement, "sweep": ""}
    study_twins.figure(plot, "swaps", figures.swaps_alt(table, placement, shown), table, ("source", "measure"), more)
    page.notice(figures.swap_notice(table, placement))
    rows = figures.swap_rows(table, placement)
    study.behind(f"relevance-swaps-{placement}", rows, run, plot, chosen(table) | {"placement": placement})


def sweeps(table: Table, run: StudyRun) -> None:
    """Networks trained to name the picture, with an object that goes with it, or is not always there."""
    st.subheader("When the irrelevant becomes informative, or rare", anchor=False)
    measured = figures.swept_placements(table, "correlation")
    if not measured:
        st.info("The sweeps were not computed in this run.")
        return
    (swept,) = table.where(sweep="correlation").values_of("pictures")
    placement = measured[0] if len(measured) == 1 else gallery.segments("Objects", measured, measured[0], "swept")
    probed = gallery.segments("Probed", tuple(figures.PROBED), next(iter(figures.PROBED)), "probed")
    st.markdown(
        f"Networks trained on *{FOR_C}*, {placement} objects; C is a picture of {relevance.WORDS[swept]}. "
        f"**Correlation** is {figures.SWEEPS['correlation']}, **availability** {figures.SWEEPS['availability']}. "
        f"{CHANCE}"
    )
    plots = []
    for name, column in zip(figures.SWEEPS, st.columns(2), strict=True):
        with column:
            draw = functools.partial(figures.sweep, table, placement, name, probed)
            plot = study.once(run, f"sweep {name} {placement} {probed}", draw)
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


LITTLE_TO_LOSE = (
    "a network that never saw an object names 0.80 of fixed and 0.56 of translated ones",
    "of things on things it names fewer, of things on scenes far fewer: the first row of the map",
    "Scenes are told apart by their textures and colours: a network trained on them, like one not trained at all, "
    "holds little about a small object, and what is not there cannot be lost. Trained to tell kinds of things it holds "
    "more, and loses more when it learns that one of them does not matter.",
)


def differences(preset: str, pictures: str) -> list[study.Difference]:
    """What this study does otherwise than the paper."""
    here, paper = relevance.SIZES[preset], relevance.SIZES["paper"]
    found = [study.Difference("Availability", "0 to 0.8", "0 to 1", "1 is the network of the table.")]
    if pictures != "cifar10":
        ours = "pictures of things, ten kinds; and, beside them, ten classes of drawn scenes"
        found.insert(0, study.Difference("C", "CIFAR-10", ours, WHY_PICTURES))
        found.append(study.Difference("What there is to lose", *LITTLE_TO_LOSE))
    if here.sweeps != paper.sweeps:
        found.append(
            study.Difference("Sweeps", "fixed and translated objects", f"{' and '.join(here.sweeps)} objects only")
        )
    return found


page.title("Relevance", "Can invariance harm: what becomes of what a network learned to ignore?")
found = study.load("relevance")
if found is None:
    pictures = relevance.sets(("cifar10",) if sources.available("cifar10") else ())[0]
    study.claims("relevance")
    study.examples(tasks("classroom", pictures), "What the networks were shown")
    study.differs("relevance", more=differences("classroom", pictures))
    study_again.again("relevance")
else:
    run, table = found
    sets = table.values_of("pictures")
    pictures = sets[0]
    if len(sets) > 1:
        words = {c: f"a picture of {relevance.WORDS[c]}" for c in sets}
        pictures = gallery.segments("C is", sets, pictures, "pictures", words)
    st.markdown(f"{PICTURES[pictures]} **O** is one of ten small drawn objects on it.")
    numbers = table.where(pictures=pictures)
    placement = gallery.segments("Objects", tuple(PLACEMENTS), "fixed", "placement")
    st.caption(PLACEMENT_WORDS[placement])
    shown = study.published()
    the_map(numbers, run, placement, shown)
    swapping(numbers, run, placement, shown)
    sweeps(table, run)
    study.claims("relevance", run)
    study_twins.section(run, table, {"measure": relevance.TRANSFER})
    study.examples(tasks(run.preset, pictures), "What the networks were shown")
    study.differs("relevance", run, differences(run.preset, pictures))
    study_again.again("relevance", run)
