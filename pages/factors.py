"""Factors: how important is invariance, beside the other factors of pretraining?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import streamlit as st

from invlab import sources
from invlab.figures import factors as figures
from invlab.figures.factors import View
from invlab.studies import factors
from invlab.studies.catalogue import StudyRun
from invlab.studies.factors import BUILT_IN, DATASETS, DISJOINT, FACTOR_NAMES, PROBE, RELATIONSHIP, SAME, SIZES, TUNED
from invlab.studies.study import Table
from invlab.tasks import Task
from invlab.ui import gallery, page, study, study_again, study_twins

SETTING_WORDS = {
    "mixed": "one family of each group",
    "geometric": "three geometric families",
    "photometric": "three photometric families",
    "corruption": "three corruptions",
}
DATASET_WORDS = {BUILT_IN: "drawn objects", "cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
FACTOR_WORDS = {
    RELATIONSHIP: "How the source’s classes relate to the target’s: a third of them, none of them, the very same, or "
    "the same and as many more.",
    "architecture": "The network that learns the source. *Small* means a narrow, shallow setting that a processor can "
    "train; the published values are of the full network of that name.",
    "pretraining samples": "How many different images the source was learned from, on a logarithmic axis; published "
    "values stand at the paper’s own numbers.",
    "transfer samples": "On how many images of the target the new head was fitted, on a logarithmic axis; the source "
    "stays the same.",
}


def controls(table: Table) -> View:
    """What part of the study is shown; a picker offers what was measured, and the link holds what is chosen."""
    settings, datasets = table.values_of("setting"), table.values_of("dataset")
    left, middle, right = st.columns(3)
    with left:
        setting = gallery.segments("Families of the target", settings, settings[0], "setting")
        st.caption(f"{SETTING_WORDS[setting].capitalize()}, drawn by the seed.")
    with middle:
        measure = gallery.segments("Transfer measured by", (PROBE, TUNED), PROBE, "measure")
    with right:
        dataset = gallery.segments("Images of", datasets, datasets[0], "dataset", DATASET_WORDS)
        if absent := [name for name in DATASETS if name not in datasets]:
            st.caption(why_absent(absent))
    return View(dataset, setting, measure)


def why_absent(absent: Sequence[str]) -> str:
    """Why data sets are not among the results, and what to do about it."""
    names = " and ".join(DATASET_WORDS[name] for name in absent)
    text = f"Not in these results: {names}, which cannot ship with the lab."
    fetch = [f"`python -m invlab data get {name}`" for name in absent if not sources.available(name)]
    return f"{text} To add them: {', '.join([*fetch, 'then run the study again, below'])}."


def overlay(view: View) -> bool:
    """Whether the published values are to be shown beside ours; they are there for one view only."""
    shown = study.published()
    if shown and view.published:
        st.caption("They are of ResNet-18 unless the network varies, read off plots (± 0.01).")
    elif shown:
        st.caption(
            "The published values held here are those of *mixed* families, a *linear probe* and *drawn objects* (the "
            "paper’s are photographed): choose these to see them."
        )
    return shown and view.published


def the_summary(table: Table, run: StudyRun, view: View, shown: bool) -> None:
    """Every factor's range beside the gap."""
    found = view.ranges(table)
    if not found:
        st.warning("No factor was varied in this part of the study: choose other families, or another measure.")
        return
    st.markdown(
        "For each factor, how far transfer accuracy moves: as the factor varies **within disjoint** (the source has "
        "other families than the target) and **within same** (it has the target’s own), beside the **gap** between "
        "the two. Bars: 95 % intervals over seeds. *A long gap and short ranges say: the transformations matter most.*"
    )
    plot = study.once(run, f"summary {view} {shown}", lambda: figures.summary(table, view, shown))
    study_twins.figure(plot, "summary", figures.summary_alt(table, view, shown), table, ("factor",), asdict(view))
    if missing := [factor for factor in FACTOR_NAMES if factor not in found]:
        st.caption(f"Not varied in this part of the study: {', '.join(missing)}.")
    page.notice(figures.summary_notice(table, view))
    study.behind("factors-summary", figures.summary_rows(table, view), run, plot, asdict(view))


def one_factor(table: Table, run: StudyRun, view: View, shown: bool) -> None:
    """Accuracy against the values of one factor."""
    st.subheader("One factor at a time", anchor=False)
    factor = gallery.segments("Factor", FACTOR_NAMES, FACTOR_NAMES[0], "factor")
    st.markdown(FACTOR_WORDS[factor])
    rows = figures.value_rows(table, factor, view)
    if not rows:
        where = [
            s for s in table.values_of("setting") if View(view.dataset, s, view.measure).series(table, factor, SAME)
        ]
        st.info(f"*{factor}* was not varied with these families; it was with: {', '.join(where) or 'none'}.")
        return
    chance = 1 / target_classes(run, view)
    plot = study.once(
        run, f"by value {factor} {view} {shown}", lambda: figures.by_value(table, factor, view, chance, shown)
    )
    alt, more = figures.by_value_alt(table, factor, view, shown), asdict(view) | {"factor": factor}
    study_twins.figure(plot, "by-value", alt, table, ("level", "transformations"), more)
    if view.measure == TUNED and factor != "transfer samples":
        st.caption(f"Fine-tuned on {SIZES[run.preset].tuned[0]} images of the target.")
    page.notice(figures.value_notice(table, factor, view))
    study.behind(f"factors-{factor.replace(' ', '-')}", rows, run, plot, asdict(view) | {"factor": factor})


def target_classes(run: StudyRun, view: View) -> int:
    return DATASETS[view.dataset][2] or SIZES[run.preset].classes


def tasks(preset: str, view: View) -> dict[str, Task]:
    """Seed 0's target, and the two sources of the base."""

    def source(transformations: str) -> Task:
        return factors.task(preset, view.dataset, view.setting, transformations, 0, "disjoint")

    target = factors.task(preset, view.dataset, view.setting, SAME, 0)
    shown = {"Target": target, "Source, same families": source(SAME), "Source, disjoint families": source(DISJOINT)}
    return {f"{name}: {page.families_text(task.transformations)}": task for name, task in shown.items()}


def differences(preset: str) -> list[study.Difference]:
    """What this study does otherwise than the paper, read off the preset's sizes."""
    here, paper = SIZES[preset], SIZES["paper"]
    found = [
        study.Difference(
            "Range",
            "of the means over seeds",
            "taken in every seed, then averaged",
            "So it has an interval; it is never smaller than the paper’s.",
        )
    ]
    if here.networks != paper.networks:
        found.append(
            study.Difference(
                "Architectures",
                listed(paper.networks),
                listed(here.networks),
                "The small settings keep the kind of network and have fewer, narrower layers.",
            )
        )
    if here.pretraining != paper.pretraining:
        least, theirs = min(here.pretraining), min(paper.pretraining)
        passes = "more passes over fewer images, so that every network sees as many" if here.same_work else "as there"
        found.append(
            study.Difference(
                "Pretraining samples",
                listed(paper.pretraining),
                f"{listed(here.pretraining)}; {passes}",
                "The least lies below the paper's, which can only widen the ranges." if least < theirs else "",
            )
        )
    if here.wide != paper.wide:
        found.append(
            study.Difference(
                "What varies where",
                "every factor with every make-up of families",
                f"architecture and pretraining samples with {listed(here.wide)} families only",
                "The others would take as long again, each.",
            )
        )
    return found


def listed(values: Sequence[str | int]) -> str:
    return ", ".join(figures.named(str(value)) for value in values)


page.title("Factors", "How important is invariance, beside the other factors of pretraining?")
found = study.load("factors")
if found is None:
    study.claims("factors")
    study.examples(tasks("classroom", View()), "What the networks were shown")
    study.differs("factors", more=differences("classroom"))
    study_again.again("factors")
else:
    run, table = found
    view = controls(table)
    shown = overlay(view)
    the_summary(table, run, view, shown)
    one_factor(table, run, view, shown)
    study.claims("factors", run)
    study_twins.section(run, table, {"measure": PROBE})
    study.examples(tasks(run.preset, view), "What the networks were shown")
    study.differs("factors", run, differences(run.preset))
    study_again.again("factors", run)
