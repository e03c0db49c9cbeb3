"""Factors: how important is invariance, beside the other factors of pretraining?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import streamlit as st

from invlab import differences, sources
from invlab.figures import factors as figures
from invlab.figures.factors import View
from invlab.studies import factors
from invlab.studies.catalogue import StudyRun
from invlab.studies.factors import DATASETS, DISJOINT, FACTOR_NAMES, PROBE, SAME, TUNED
from invlab.studies.study import Table
from invlab.tasks import Task
from invlab.ui import gallery, page, study, study_again, study_twins
from invlab.ui.words import words


def controls(table: Table) -> View:
    """What part of the study is shown; a picker offers what was measured, and the link holds what is chosen."""
    settings, datasets = table.values_of("setting"), table.values_of("dataset")
    left, middle, right = st.columns(3)
    with left:
        setting = gallery.segments("Families of the target", settings, settings[0], "setting")
        st.caption(f"{figures.SETTING_WORDS[setting].capitalize()}, drawn by the seed.")
    with middle:
        measure = gallery.segments("Transfer measured by", (PROBE, TUNED), PROBE, "measure")
    with right:
        dataset = gallery.segments("Images of", datasets, datasets[0], "dataset", figures.DATASET_WORDS)
        if absent := [name for name in DATASETS if name not in datasets]:
            st.caption(why_absent(absent))
    return View(dataset, setting, measure)


def why_absent(absent: Sequence[str]) -> str:
    """Why data sets are not among the results, and what to do about it."""
    names = " and ".join(figures.DATASET_WORDS[name] for name in absent)
    text = f"Not in these results: {names}, which cannot ship with the lab."
    fetch = [f"`python -m invlab data get {name}`" for name in absent if not sources.available(name)]
    return f"{text} To add them: {', '.join([*fetch, 'then run the study again, below'])}."


def overlay(view: View) -> bool:
    """Whether the published values are to be shown beside ours; they are there for one view only."""
    shown = study.published()
    if shown and view.published:
        st.caption(figures.OVERLAY)
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
    st.markdown(figures.SUMMARY_LEAD)
    plot = figures.summary(table, view, shown)
    study_twins.figure(plot, "summary", figures.summary_alt(table, view, shown), table, ("factor",), asdict(view))
    if missing := [factor for factor in FACTOR_NAMES if factor not in found]:
        st.caption(f"Not varied in this part of the study: {', '.join(missing)}.")
    page.notice(figures.summary_notice(table, view))
    study.behind("factors-summary", figures.summary_rows(table, view), run, plot, asdict(view))


def one_factor(table: Table, run: StudyRun, view: View, shown: bool) -> None:
    """Accuracy against the values of one factor."""
    st.header("One factor at a time", anchor=False)
    factor = gallery.segments("Factor", FACTOR_NAMES, FACTOR_NAMES[0], "factor")
    st.markdown(figures.FACTOR_WORDS[factor])
    rows = figures.value_rows(table, factor, view)
    if not rows:
        where = [
            s for s in table.values_of("setting") if View(view.dataset, s, view.measure).series(table, factor, SAME)
        ]
        st.info(f"*{factor}* was not varied with these families; it was with: {', '.join(where) or 'none'}.")
        return
    plot = figures.by_value(table, factor, view, 1 / figures.target_classes(run.preset, view), shown)
    alt, more = figures.by_value_alt(table, factor, view, shown), asdict(view) | {"factor": factor}
    study_twins.figure(plot, "by-value", alt, table, ("level", "transformations"), more)
    if told := figures.tuned_told(run.preset, factor, view):
        st.caption(told)
    page.notice(figures.value_notice(table, factor, view))
    study.behind(f"factors-{factor.replace(' ', '-')}", rows, run, plot, asdict(view) | {"factor": factor})


def tasks(preset: str, view: View) -> dict[str, Task]:
    """Seed 0's target, and the two sources of the base."""

    def source(transformations: str) -> Task:
        return factors.task(preset, view.dataset, view.setting, transformations, 0, "disjoint")

    target = factors.task(preset, view.dataset, view.setting, SAME, 0)
    shown = {"Target": target, "Source, same families": source(SAME), "Source, disjoint families": source(DISJOINT)}
    return {f"{name}: {page.families_text(task.transformations)}": task for name, task in shown.items()}


page.title("Factors", "How important is invariance, beside the other factors of pretraining?")
words("same transformations", "disjoint transformations", "architecture", "fine-tuning", "transfer accuracy", "claim")
found = study.load("factors")
if found is None:
    study.claims("factors")
    study.examples(tasks("classroom", View()), "What the networks were shown")
    study.differs("factors", more=differences.of_factors("classroom"))
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
    study.differs("factors", run, differences.of_factors(run.preset))
    study_again.again("factors", run)
