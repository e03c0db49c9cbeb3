"""Mismatch: what when a network learned fewer families than the target needs, or more?"""

from __future__ import annotations

import math

import streamlit as st

from invlab.figures import mismatch as figures
from invlab.jobs import QueueError
from invlab.store import StoreError
from invlab.studies import mismatch
from invlab.studies.catalogue import StudyRun
from invlab.studies.claims import number
from invlab.studies.mismatch import SIZES
from invlab.studies.study import Table, signed
from invlab.tasks import Task
from invlab.ui import live, page, study, study_again, study_twins
from invlab.ui.study import Difference
from invlab.ui.words import words

NAME = "mismatch"


def the_map(run: StudyRun, table: Table) -> None:
    """The paper's figure: every source on every target, and the target with all families."""
    whole = SIZES[run.preset].chain
    st.markdown(
        f"Each seed draws {whole} families in random order; task *k* uses the first *k*. A network learns each task, "
        "and a linear probe on it is tested on each: its **transfer accuracy**, light = good."
    )
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
    page.notice(notice(rows))
    st.caption(
        f"Bars: 95 % intervals over {study.seeds_text(run.seeds)}. The paper's chain has eight families and thirty "
        f"classes, this one {whole} and {SIZES[run.preset].classes}: compare how accuracy falls with each *missing* "
        "family, not the ends."
    )
    study.behind("mismatch-map", rows, run, [plot, fall], {"published": theirs})


def notice(rows: list[figures.Row]) -> str:
    """Two sentences that the numbers themselves decide."""
    means, whole = figures.sides(rows), max(row["target families"] for row in rows)
    first = f"Where a network learned the target's own families it reaches {number(means['own'])} on average"
    if not math.isnan(means["above"]):
        change = means["above"] - means["own"]
        hurts = "costs nothing to speak of" if change > -mismatch.TOLERANCE else "costs something"
        first += f"; where it learned more than the target needs, {number(means['above'])}: that {hurts}"
    last = {row["source families"]: row["accuracy"] for row in rows if row["target families"] == whole}
    steps = {k: last[k + 1] - last[k] for k in range(1, whole)}
    if not steps:
        return f"{first}."
    most = max(steps, key=lambda k: steps[k])
    return (
        f"{first}. On the target with all {whole}, it goes from {number(last[1])} with one family to "
        f"{number(last[whole])} with all; the largest step is {signed(steps[most])}, from {most} to {most + 1}."
    )


def costs(run: StudyRun, table: Table) -> None:
    """Beyond the paper: which missing family costs most."""
    st.subheader("Which missing family costs most?", anchor=False)
    whole = SIZES[run.preset].chain
    st.markdown(
        f"Beyond the paper: networks that learned all {whole} families *but one*, tested on the target with all. The "
        "accuracy lost, against the network that learned all. In brackets: in how many seeds the family was drawn."
    )
    rows = study.once(run, "costs", lambda: figures.cost_rows(table))
    groups = study.once(run, "cost-groups", lambda: figures.group_rows(table))
    plot = study.once(run, "cost-plot", lambda: figures.costs(mismatch.costs(table), groups))
    more = {"kind": mismatch.WITHOUT}
    study_twins.figure(plot, "costs", figures.costs_alt(rows, groups), table, ("missing",), more)
    page.notice(noticed(rows, groups))
    table_rows = [*({"family": "(mean of the group)", **row} for row in groups), *rows]
    study.behind("mismatch-costs", figures.aligned(table_rows), run, plot)


def noticed(rows: list[figures.Row], groups: list[figures.Row]) -> str:
    """Two sentences on the costs."""
    first, last = rows[0], rows[-1]
    dearest = max(groups, key=lambda row: row["cost"])
    text = (
        f"Leaving out *{page.family_name(first['family'])}* cost most ({signed(first['cost'])}), "
        f"*{page.family_name(last['family'])}* least ({signed(last['cost'])}); of the groups, {dearest['group']} "
        f"families cost most on average ({signed(dearest['cost'])}{figures.reach(dearest['low'], dearest['high'])})."
    )
    few = sum(row["seeds"] < 2 for row in rows)
    drawn = f"{few} of {len(rows)} families were drawn in one seed only" if few else "each was drawn more than once"
    return f"{text} Take single families with care: {drawn}, and what a family costs depends on the others around it."


def examples(run: StudyRun | None) -> None:
    """The same object under one family of seed 0's chain, under two, and so on."""
    preset = run.preset if run else study.SHOWN[0]
    chain = mismatch.chain(preset, 0)
    one = mismatch.task(preset, (), 0).classes[:1]
    tasks = {f"{k}: {page.families_text(chain[:k])}": Task(one, chain[:k]) for k in range(len(chain) + 1)}
    study.examples(tasks, "What the networks were shown: one object of seed 0 under more and more families")


def differences(run: StudyRun | None) -> list[Difference]:
    """What only this study knows of its differences."""
    here, theirs = SIZES[run.preset if run else study.SHOWN[0]], SIZES["paper"]
    found = []
    if here.chain != theirs.chain:
        found.append(
            Difference(
                "Length of the chain", f"{theirs.chain} families", f"{here.chain}",
                "Eight families at once are more than a small network learns in a small budget; a diagonal that was "
                "not learned would say nothing about a mismatch.",
            )
        )  # fmt: skip
    if here != theirs:
        found.append(
            Difference(
                "Images to learn from", f"{theirs.images:,}, seen {theirs.passes:.0f} times by every source",
                f"{here.images:,}, seen {here.passes:g} time{'s' if here.passes != 1 else ''} for each family of the "
                "source",
                "A small budget must grow with the difficulty of the task.",
            )
        )  # fmt: skip
    found.append(Difference("All families but one", "not done", "every family is left out once", "To see which costs."))
    return found


def main() -> None:
    page.title("Mismatch", "What when the invariances do not match: too few, or more than the target needs?")
    words("mismatch", "transformation family", "transfer accuracy", "claim")
    found = study.load(NAME)
    run, table = found or (None, None)
    if run is not None and table is not None:
        the_map(run, table)
    study.claims(NAME, run)
    study.differs(NAME, run, differences(run))
    if run is not None and table is not None:
        costs(run, table)
        study_twins.section(run, table, {"kind": mismatch.CHAIN})
    examples(run)
    study_again.again(NAME, run)


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
