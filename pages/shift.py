"""Shift: does invariance itself transfer, to other objects, to noise, to pictures of another kind?"""

from __future__ import annotations

import functools

import streamlit as st

from invlab import differences
from invlab.figures import shift as figures
from invlab.files import StoreError
from invlab.jobs import QueueError
from invlab.studies import shift
from invlab.studies.catalogue import StudyRun
from invlab.studies.shift import DOMAINS, TRAINED
from invlab.studies.singles import FAMILIES
from invlab.studies.study import Table
from invlab.transforms import GROUPS
from invlab.ui import gallery, live, page, study, study_again, study_twins
from invlab.ui.words import words

NAME = "shift"
SHOW = {"gain: other − same": figures.GAIN, "rank of the own network": figures.RANK}


def overview(run: StudyRun, table: Table) -> None:
    """The paper's figure: *same*, *other* and *none* by column, for both kinds of networks."""
    st.markdown(figures.LEAD)
    theirs, plots = study.published(), []
    for trained, place in zip(TRAINED, st.columns(2, gap="large"), strict=True):
        rows = column_rows(run, table, trained)
        with place:
            st.markdown(f"**{trained.capitalize()}-trained**: learned {figures.LEARNED[trained]}")
            plot = study.once(run, f"lanes-{trained}-{theirs}", functools.partial(figures.lanes, rows, theirs))
            plots.append(plot)
            key, alt = f"overview-{trained}", figures.lanes_alt(rows, trained, theirs)
            study_twins.figure(plot, key, alt, table, ("domain",), {"trained": trained}, first_of(trained))
    gains = study.once(run, "gains", lambda: figures.gains_of(table))
    page.notice(figures.notice(column_rows(run, table, "image"), gains))
    over = f"Bars: 95 % intervals over {study.seeds_text(run.seeds)}."
    st.caption(f"{figures.COLUMNS_TOLD} {over} {figures.absent(table)}")
    rows = [{"trained on": trained, **row} for trained in TRAINED for row in column_rows(run, table, trained)]
    study.behind("shift-columns", rows, run, plots, {"published": theirs})


def first_of(trained: str) -> dict[str, str]:
    """A column of the summary -> the first of its domains."""
    return {column: domains[0] for column, domains in shift.COLUMNS[trained].items()}


def column_rows(run: StudyRun, table: Table, trained: str) -> list[figures.Row]:
    return study.once(run, f"columns-{trained}", lambda: figures.column_rows(table, trained))


def family_rows(run: StudyRun, table: Table, trained: str) -> list[figures.Row]:
    return study.once(run, f"families-{trained}", lambda: figures.family_rows(table, trained))


def breakdown(run: StudyRun, table: Table) -> None:
    """By family and group: the gain, or the rank."""
    st.header("Family by family", anchor=False)
    left, middle, right = st.columns([2, 4, 4])
    with left:
        trained = gallery.segments("Networks trained on", TRAINED, TRAINED[0], "trained")
    with middle:
        what = SHOW[gallery.segments("Show", tuple(SHOW), next(iter(SHOW)), "show")]
    with right:
        groups = st.pills(
            "Groups", GROUPS, default=list(GROUPS), selection_mode="multi", key="groups", bind="query-params", wrap=True
        )
    whole = family_rows(run, table, trained)
    networks = figures.networks_of(whole)
    rows = figures.of_groups(whole, groups or GROUPS)
    st.markdown(figures.breakdown_lead(what, networks))
    name = f"breakdown-{trained}-{what}-{groups}"
    plot = study.once(run, name, lambda: figures.breakdown(rows, what, networks))
    alt, more = figures.breakdown_alt(rows, what), {"trained": trained}
    study_twins.figure(plot, "breakdown", alt, table, ("family", "domain"), more, first_of(trained))
    page.notice(figures.breakdown_notice(whole))
    study.behind(f"shift-families-{trained}", rows, run, plot, {"trained": trained, "show": what, "groups": groups})


def domains(run: StudyRun, table: Table) -> None:
    """Every set of images by itself."""
    st.header("Every set of images by itself", anchor=False)
    trained = gallery.segments("Networks trained on ", TRAINED, TRAINED[0], "domains_of")
    rows = study.once(run, f"domains-{trained}", lambda: figures.domain_rows(table, trained))
    plot = study.once(run, f"domain-lanes-{trained}", lambda: figures.lanes(rows))
    study_twins.figure(plot, "domains", figures.lanes_alt(rows, trained), table, ("domain",), {"trained": trained})
    page.notice(figures.domains_notice(rows, trained))
    study.behind(f"shift-domains-{trained}", rows, run, plot, {"trained": trained})


def examples(run: StudyRun | None) -> None:
    """A picture strip of each domain, under a family of the reader's choice."""
    st.header("What the networks were shown", anchor=False)
    family = st.selectbox(
        "Under the family",
        FAMILIES,
        index=FAMILIES.index("rotate"),
        format_func=page.family_name,
        key="under",
        bind="query-params",
    )
    preset = run.preset if run else study.SHOWN[0]
    tasks = {figures.column_name(name): shift.task(preset, domain, family, 0) for name, domain in DOMAINS.items()}
    study.examples(tasks)


def main() -> None:
    page.title(
        "Shift",
        "Does invariance itself transfer: to other objects, to noise, to pictures of another kind?",
    )
    words("distribution shift", "untrained network", "sensitivity", "claim")
    found = study.load(NAME)
    run, table = found or (None, None)
    if run is not None and table is not None:
        overview(run, table)
    study.claims(NAME, run)
    study.differs(NAME, run, differences.of_shift(table))
    if run is not None and table is not None:
        breakdown(run, table)
        domains(run, table)
        study_twins.section(run, table, {"source": "rotate", "family": "rotate"})
    examples(run)
    study_again.again(NAME, run)


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
