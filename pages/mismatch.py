"""Mismatch: what when a network learned fewer families than the target needs, or more?"""

from __future__ import annotations

import streamlit as st

from invlab import differences
from invlab.figures import mismatch as figures
from invlab.files import StoreError
from invlab.jobs import QueueError
from invlab.studies import mismatch
from invlab.studies.catalogue import StudyRun
from invlab.studies.mismatch import SIZES
from invlab.studies.study import Table
from invlab.tasks import Task
from invlab.ui import live, page, study, study_again, study_twins
from invlab.ui.words import words

NAME = "mismatch"


def the_map(run: StudyRun, table: Table) -> None:
    """The paper's figure: every source on every target, and the target with all families."""
    whole = SIZES[run.preset].chain
    st.markdown(figures.lead(whole))
    theirs = study.published()
    rows = study.once(run, "map", lambda: figures.map_rows(table))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Every source on every target**; framed: the same families")
        plot = study.once(run, "map-plot", lambda: figures.the_map(rows))
        more = {"kind": mismatch.CHAIN}
        study_twins.figure(plot, "map", figures.map_alt(rows), table, ("source", "target"), more)
    with right:
        st.markdown(f"**The target with all {whole} families**: the map's last row")
        line, chance = figures.falling_rows(rows, theirs), 1 / SIZES[run.preset].classes
        fall = study.once(run, f"falling-{theirs}", lambda: figures.falling(line, chance))
        page.figure(fall, "falling", figures.falling_alt(line, chance))
    page.notice(figures.notice(rows))
    over = f"Bars: 95 % intervals over {study.seeds_text(run.seeds)}."
    st.caption(f"{over} {figures.lengths_told(whole, SIZES[run.preset].classes)}")
    study.behind("mismatch-map", rows, run, [plot, fall], {"published": theirs})


def costs(run: StudyRun, table: Table) -> None:
    """Beyond the paper: which missing family costs most."""
    st.header("Which missing family costs most?", anchor=False)
    st.markdown(figures.costs_lead(SIZES[run.preset].chain))
    rows = study.once(run, "costs", lambda: figures.cost_rows(table))
    groups = study.once(run, "cost-groups", lambda: figures.group_rows(table))
    plot = study.once(run, "cost-plot", lambda: figures.costs(mismatch.costs(table), groups))
    more = {"kind": mismatch.WITHOUT}
    study_twins.figure(plot, "costs", figures.costs_alt(rows, groups), table, ("missing",), more)
    page.notice(figures.costs_notice(rows, groups))
    table_rows = [*({"family": "(mean of the group)", **row} for row in groups), *rows]
    study.behind("mismatch-costs", figures.aligned(table_rows), run, plot)


def examples(run: StudyRun | None) -> None:
    """The same object under one family of seed 0's chain, under two, and so on."""
    preset = run.preset if run else study.SHOWN[0]
    chain = mismatch.chain(preset, 0)
    one = mismatch.task(preset, (), 0).classes[:1]
    tasks = {f"{k}: {page.families_text(chain[:k])}": Task(one, chain[:k]) for k in range(len(chain) + 1)}
    study.examples(tasks, "What the networks were shown: one object of seed 0 under more and more families")


def main() -> None:
    page.title("Mismatch", "What when the invariances do not match: too few, or more than the target needs?")
    words("mismatch", "transformation family", "transfer accuracy", "claim")
    found = study.load(NAME)
    run, table = found or (None, None)
    if run is not None and table is not None:
        the_map(run, table)
    study.claims(NAME, run)
    study.differs(NAME, run, differences.of_mismatch(run.preset if run else study.SHOWN[0]))
    if run is not None and table is not None:
        costs(run, table)
        study_twins.section(run, table, {"kind": mismatch.CHAIN})
    examples(run)
    study_again.again(NAME, run)


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
