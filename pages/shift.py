"""Shift: does invariance itself transfer, to other objects, to noise, to pictures of another kind?"""

from __future__ import annotations

import functools

import streamlit as st

from invlab import sources
from invlab.figures import shift as figures
from invlab.jobs import QueueError
from invlab.store import StoreError
from invlab.studies import shift
from invlab.studies.catalogue import StudyRun
from invlab.studies.claims import number
from invlab.studies.shift import DATA, DOMAINS, TRAINED
from invlab.studies.singles import FAMILIES
from invlab.studies.study import Table, signed
from invlab.transforms import GROUPS
from invlab.ui import gallery, live, page, study, study_again, study_twins
from invlab.ui.study import Difference
from invlab.ui.words import words

NAME = "shift"
LEARNED = {"image": "objects on scenes", "random": "random objects on noise"}
SHOW = {"gain: other − same": figures.GAIN, "rank of the own network": figures.RANK}


def overview(run: StudyRun, table: Table) -> None:
    """The paper's figure: *same*, *other* and *none* by column, for both kinds of networks."""
    st.markdown(
        "**Sensitivity** to a family, averaged over families: how far the representation moves, 0 = not at all. Each "
        "block below is a column of the paper's figure."
    )
    theirs, plots = study.published(), []
    for trained, place in zip(TRAINED, st.columns(2, gap="large"), strict=True):
        rows = column_rows(run, table, trained)
        with place:
            st.markdown(f"**{trained.capitalize()}-trained**: learned {LEARNED[trained]}")
            plot = study.once(run, f"lanes-{trained}-{theirs}", functools.partial(figures.lanes, rows, theirs))
            plots.append(plot)
            key, alt = f"overview-{trained}", figures.lanes_alt(rows, trained, theirs)
            study_twins.figure(plot, key, alt, table, ("domain",), {"trained": trained}, first_of(trained))
    page.notice(notice(run, table))
    st.caption(
        "*In-distribution*: the objects it learned, new draws. *Mild*: other objects of the same kind. *Strong*: noise "
        "for image-trained networks, objects on scenes for random-trained ones. *Scene pictures*, CIFAR: whole "
        f"pictures are transformed. Bars: 95 % intervals over {study.seeds_text(run.seeds)}. {absent(table)}"
    )
    rows = [{"trained on": trained, **row} for trained in TRAINED for row in column_rows(run, table, trained)]
    study.behind("shift-columns", rows, run, plots, {"published": theirs})


def first_of(trained: str) -> dict[str, str]:
    """A column of the summary -> the first of its domains."""
    return {column: domains[0] for column, domains in shift.COLUMNS[trained].items()}


def column_rows(run: StudyRun, table: Table, trained: str) -> list[figures.Row]:
    return study.once(run, f"columns-{trained}", lambda: figures.column_rows(table, trained))


def family_rows(run: StudyRun, table: Table, trained: str) -> list[figures.Row]:
    return study.once(run, f"families-{trained}", lambda: figures.family_rows(table, trained))


def absent(table: Table) -> str:
    """Which photographs were not measured, and why; empty where all were."""
    missing = [name for name in DATA if name not in shift.columns(table)]
    if not missing:
        return ""
    names = " and ".join(map(figures.column_name, missing))
    here = all(sources.available(name) for name in missing)
    why = "measured before they were here; run the study again" if here else "these photographs were not here"
    return f"Not measured: {names} ({why}). *Scene pictures*, drawn by the lab, stand in their place."


def notice(run: StudyRun, table: Table) -> str:
    """Two sentences that the numbers themselves decide."""
    rows = {row["on"]: row for row in column_rows(run, table, "image")}
    near, far = rows["in-distribution"], rows["strong"]
    first = (
        f"Trained on images, a network's sensitivity to its own family is **{number(near['same'])}** on what it "
        f"learned and **{number(far['same'])}** under a strong shift; networks trained for another family have "
        f"{number(near['other'])} and {number(far['other'])}."
    )
    return f"{first} {kept(run, table)}"


def kept(run: StudyRun, table: Table) -> str:
    """Where the advantage of having been trained for a family is beyond doubt."""
    gains = study.once(run, "gains", lambda: gains_of(table))
    if run.seeds < 2:
        return "With a single seed nobody can say whether that is chance."
    doubtful = [f"{trained}-trained, {column}" for (trained, column), (_, low, _) in gains.items() if not low > 0]
    (trained, column), (least, *_) = min(gains.items(), key=lambda item: item[1][0])
    if not doubtful:
        return (
            f"The advantage (other − same) is clear in all {len(gains)} blocks, and smallest for {trained}-trained "
            f"networks on *{figures.column_name(column)}*: {signed(least)}."
        )
    return (
        f"The advantage (other − same) is clear in {len(gains) - len(doubtful)} of {len(gains)} blocks; not in: "
        f"{'; '.join(doubtful)}."
    )


def gains_of(table: Table) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Mean of other − same and its interval over seeds, for each kind of network and column."""
    found = {}
    for trained in TRAINED:
        for column in shift.columns(table):
            means = shift.means(table, trained, column)
            found[trained, column] = study.summary(means["other"] - means["same"])
    return found


def breakdown(run: StudyRun, table: Table) -> None:
    """By family and group: the gain, or the rank."""
    st.subheader("Family by family", anchor=False)
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
    networks = len({row["family"] for row in whole if row["family"]}) + 1
    rows = figures.of_groups(whole, groups or GROUPS)
    if what == figures.RANK:
        st.markdown(
            f"**Rank** of the network trained for the family among all {networks}, mean over seeds: 1 (light) = the "
            "least sensitive of all. Bold rows are the means of a group."
        )
    else:
        st.markdown(
            "**Gain**: sensitivity of networks trained for other families − that of the family's own. Above 0 (violet) "
            "training for the family helped. In brackets where the 95 % interval over seeds holds 0."
        )
    name = f"breakdown-{trained}-{what}-{groups}"
    plot = study.once(run, name, lambda: figures.breakdown(rows, what, networks))
    alt, more = figures.breakdown_alt(rows, what), {"trained": trained}
    study_twins.figure(plot, "breakdown", alt, table, ("family", "domain"), more, first_of(trained))
    best, of = figures.count(whole, "in-distribution", lambda row: row["rank"] == 1)
    still, _ = figures.count(whole, "strong", lambda row: row["rank"] == 1)
    means = [row for row in whole if not row["family"] and row["on"] == "in-distribution"]
    most, least = (pick(means, key=lambda row: row["gain"]) for pick in (max, min))
    page.notice(
        f"In-distribution, {best} of {of} families have their own network in first place in every seed; under the "
        f"strong shift {still}. The in-distribution gain is largest for {most['group']} families, "
        f"{signed(most['gain'])}, and smallest for {least['group']} ones, {signed(least['gain'])}."
    )
    study.behind(f"shift-families-{trained}", rows, run, plot, {"trained": trained, "show": what, "groups": groups})


def domains(run: StudyRun, table: Table) -> None:
    """Every set of images by itself."""
    st.subheader("Every set of images by itself", anchor=False)
    trained = gallery.segments("Networks trained on ", TRAINED, TRAINED[0], "domains_of")
    rows = study.once(run, f"domains-{trained}", lambda: figures.domain_rows(table, trained))
    plot = study.once(run, f"domain-lanes-{trained}", lambda: figures.lanes(rows))
    study_twins.figure(plot, "domains", figures.lanes_alt(rows, trained), table, ("domain",), {"trained": trained})
    lowest = min(rows, key=lambda row: row["same"])
    page.notice(
        f"Of {len(rows)} sets, {trained}-trained networks are least sensitive to their own family on "
        f"*{lowest['on']}* ({number(lowest['same'])}); they learned {LEARNED[trained]}."
    )
    study.behind(f"shift-domains-{trained}", rows, run, plot, {"trained": trained})


def examples(run: StudyRun | None) -> None:
    """A picture strip of each domain, under a family of the reader's choice."""
    st.subheader("What the networks were shown", anchor=False)
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


def differences(table: Table | None) -> list[Difference]:
    """What only this study knows of its differences."""
    found = [
        Difference(
            "Scene pictures", "no such column", "drawn scenes of ten classes, each transformed as a whole",
            "So that there is a column of whole pictures where CIFAR cannot be had.",
        )
    ]  # fmt: skip
    if table is not None and (missing := absent(table)):
        found.append(Difference("CIFAR-10 and CIFAR-100", "two columns", f"see there. {missing}"))
    return found


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
    study.differs(NAME, run, differences(table))
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
