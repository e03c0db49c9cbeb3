"""Sensitivity: 19 networks × 18 families, and what lies behind each number."""

from __future__ import annotations

import math
from typing import Any

import streamlit as st

from invlab import records
from invlab.figures import sensitivity as figures
from invlab.studies import claims
from invlab.studies.claims import MEASURES, number
from invlab.studies.singles import FAMILIES, NONE, SOURCES, Singles
from invlab.ui import cached, heatmap, instruments, page, twin_pairs
from invlab.ui.words import words

COMMAND = "python -m invlab bundle build"
VERDICTS = {
    "holds": ":green-badge[:material/check: holds]",
    "fails": ":red-badge[:material/close: fails]",
    "undecided": ":gray-badge[:material/question_mark: undecided]",
}


def controls(seeds: int) -> tuple[str, int | None, str, str]:
    """Measure, seed (None: the mean), network and family. A link holds what a picker *shows*, so pickers show names
    that can stand in one."""
    labels = {how.label: name for name, how in MEASURES.items()}
    measure = st.segmented_control(
        "Show", list(labels), default=MEASURES["new"].label, required=True, key="measure", bind="query-params"
    )
    network, family, seed = st.columns([3, 3, 2])
    source = network.selectbox(
        "Network trained for",
        SOURCES,
        index=SOURCES.index("rotate"),
        format_func=page.family_name,
        key="network",
        bind="query-params",
    )
    under = family.selectbox(
        "Seen under",
        FAMILIES,
        index=FAMILIES.index("rotate"),
        format_func=page.family_name,
        key="family",
        bind="query-params",
    )
    which = seed.selectbox(
        "Seed",
        ["mean", *map(str, range(seeds))],
        key="seed",
        bind="query-params",
        help="The mean over all seeds, or one of them: each seed has its own objects, networks and pictures.",
    )
    return labels.get(measure or "", "new"), None if which == "mean" else int(which), source, under


def the_map(summary: dict[str, Any], measure: str, seed: int | None, source: str, family: str) -> None:
    grid = claims.grid(summary, measure, seed)
    st.markdown(
        f"{figures.map_lead(measure)} {figures.FRAMED} "
        "*Click a cell, or use the pickers, to see what is behind it*; the chosen one has a dotted frame."
    )
    plot = figures.network_map(grid, measure, claims.limits(summary, measure), (source, family))
    alt = f"{figures.map_alt(grid, measure)} The pickers above choose a cell."
    heatmap.clickable(plot, "map", alt, ("network", SOURCES), ("family", FAMILIES))
    chosen(grid, measure, source, family)
    page.notice(figures.notice(summary, measure))
    recipe = records.plain(Singles()) | {"measure": measure, "seed": "mean" if seed is None else seed}
    page.behind(f"sensitivity-map-{measure}", claims.cells(summary, measure, seed), recipe, plot, COMMAND, [Singles()])


def chosen(grid: claims.Grid, measure: str, source: str, family: str) -> None:
    """The chosen cell in words: what a telephone is too narrow to write into it."""
    value, low, high = grid.at(source, family)
    whose = "trained without transformations" if source == NONE else f"trained for **{page.family_name(source)}**"
    reach = "" if math.isnan(low) else f", 95 % interval {grid.over} {number(low)} to {number(high)}"
    st.markdown(
        f"Chosen: the network {whose}, seen under **{page.family_name(family)}**: "
        f"{MEASURES[measure].title} **{number(value)}** ({grid.what}{reach})."
    )


@st.fragment
def pairs(source: str, family: str, measure: str, cell: float | None) -> None:
    """What the network of seed 0 makes of twin pairs; it loads the network only when it is asked for."""
    domain = "training" if measure == "training" else "new"
    st.header("Behind the cell: twins and strangers", anchor=False)
    st.markdown(
        "Sensitivity is a ratio of distances: how far apart *twins* lie (one object, two draws), against *strangers* "
        "(two random images)."
    )
    spec = twin_pairs.behind(Singles().sensitivity(source, domain, family, instruments.SEED))
    who = f"the network trained for **{page.family_name(source)}** (seed {instruments.SEED})"
    twin_pairs.section(spec, who)
    if cell is not None:
        st.caption(
            f"The cell of seed {instruments.SEED}, from more pairs of {domain} objects under "
            f"{page.family_name(family)}, says {number(cell)}: *the ratio of these distances is the sensitivity*."
        )


def same_other_none(summary: dict[str, Any], measure: str) -> None:
    st.header("Trained for it, for another, for none", anchor=False)
    st.markdown(f"{figures.families_lead(measure)} *Click a point to choose its family for the pairs above.*")
    rows = claims.families(summary, measure)
    plot = figures.by_family(rows, measure)
    instruments.choosing(plot, "families", figures.by_family_alt(rows, measure), "family", FAMILIES)
    recipe = records.plain(Singles()) | {"measure": measure}
    page.behind(f"sensitivity-families-{measure}", rows, recipe, plot, COMMAND, [Singles()])

    st.header("From the training objects to new ones", anchor=False)
    published = st.toggle("Beside it: the published values", key="published", bind="query-params")
    averages = {domain: claims.overall(summary, domain) for domain in ("training", "new")}
    plot = figures.overview(averages, published)
    page.figure(plot, "overview", figures.overview_alt(averages, published))
    if published:
        st.caption(figures.OVERVIEW_TOLD)
    page.behind("sensitivity-overview", claims.overview(summary), records.plain(Singles()), plot, COMMAND, [Singles()])


def in_words(summary: dict[str, Any]) -> None:
    st.header("What the numbers say", anchor=False)
    for claim in claims.claims(summary):
        st.markdown(f"{VERDICTS[claim.verdict]} **{claim.right} of {claim.of}** · {claim.text} {claim.evidence}")
        if claim.departures:
            with st.expander(f"The exceptions ({len(claim.departures)})"):
                for departure in claim.departures:
                    guess = f" *Hypothesis, not tested here: {departure.hypothesis}.*" if departure.hypothesis else ""
                    st.markdown(
                        f"**{page.family_name(departure.family)}**: {departure.numbers}. {departure.explanation}{guess}"
                    )
    st.caption(claims.RULE)


page.title("Sensitivity", "What is a network invariant to, after it was trained for one family of transformations?")
words("sensitivity", "twin pair", "strangers", "bootstrap", "seed")
summary = cached.singles()
if summary is None:
    page.not_there("The study of one network for each family", COMMAND)
else:
    measure, seed, source, family = controls(summary["seeds"])
    the_map(summary, measure, seed, source, family)
    domain = "training" if measure == "training" else "new"
    pairs(source, family, measure, claims.grid(summary, domain, 0).at(source, family)[0])
    same_other_none(summary, measure)
    in_words(summary)
