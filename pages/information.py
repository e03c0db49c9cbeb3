"""Information: what is lost by invariance, what can no longer be read from a representation?"""

from __future__ import annotations

import functools

import numpy as np
import streamlit as st

from invlab.figures import information as figures
from invlab.jobs import QueueError
from invlab.store import StoreError
from invlab.studies import information
from invlab.studies.catalogue import StudyRun
from invlab.studies.claims import number
from invlab.studies.information import DECODED, NAMED
from invlab.studies.study import Table, signed
from invlab.transforms import TRANSFORMS
from invlab.ui import gallery, live, page, study, study_again, study_twins
from invlab.ui.words import words

NAME = "information"
WORDS = {
    DECODED: "decode its value, on objects held out",
    NAMED: "name its part, on objects known to the probe",
}
PARTS = {"amount": "which third of its range?", "switch": "on or off?", "angle": "which third of the circle?"}


def one_family(run: StudyRun, table: Table, measure: str) -> None:
    """Every network: how invariant to one family, and what it can still tell of it."""
    families = table.values_of("family")
    family = st.selectbox(
        "Family",
        families,
        index=families.index("hue") if "hue" in families else 0,
        format_func=page.family_name,
        key="family",
        bind="query-params",
    )
    kind = TRANSFORMS[family]
    question = "which quarter turn?" if kind.parts == 4 else PARTS[kind.varies]
    told = (
        "how much of the drawn value a linear regression reads from the representation of objects it was *not* fitted "
        "on (1 = all of it, 0 = nothing)"
        if measure == DECODED
        else f"how often a linear probe answers: *{question}*"
    )
    st.markdown(f"Each point is a network. To the right: more sensitive to **{page.family_name(family)}**; up: {told}.")
    rows = study.once(run, f"networks-{family}-{measure}", lambda: figures.network_rows(table, family, measure))
    chance = 1 / kind.labels if measure == NAMED else None
    plot = study.once(run, f"plot-{family}-{measure}", functools.partial(figures.networks, rows, measure, chance))
    alt = figures.networks_alt(rows, family, measure)
    study_twins.figure(plot, "networks", alt, table, ("source",), {"family": family, "measure": measure})
    page.notice(notice(rows, agreement(run, table, family, measure), family, measure))
    study.behind(f"information-{family}", rows, run, plot, {"family": family, "measure": measure})


def families(run: StudyRun, table: Table, measure: str) -> list[figures.Row]:
    return study.once(run, f"families-{measure}", lambda: figures.family_rows(table, measure))


def agreement(run: StudyRun, table: Table, family: str, measure: str) -> float:
    """The rank correlation of sensitivity and what can be told, over networks."""
    rows = families(run, table, measure)
    return next(row["rank correlation with sensitivity"] for row in rows if row["family"] == family)


def notice(rows: list[figures.Row], agreement: float, family: str, measure: str) -> str:
    """Two sentences that the numbers themselves decide."""
    own = next(row for row in rows if row["kind"] == "same")
    others = float(np.mean([row[measure] for row in rows if row["kind"] == "other"]))
    gap = others - own[measure]
    less = "less than" if gap > 0.02 else "more than" if gap < -0.02 else "as much as"
    tied = "have little to do with each other"
    if abs(agreement) > 0.3:
        tied = "rise together" if agreement > 0 else "go against each other"
    return (
        f"The network trained to ignore *{page.family_name(family)}* tells {less} the others of it: "
        f"{number(own[measure])} against {number(others)} on average. Over networks, sensitivity and what can be told "
        f"{tied} (rank correlation {signed(agreement)})."
    )


def all_families(run: StudyRun, table: Table, measure: str) -> None:
    """*same*, *other* and *none* for every family."""
    st.subheader("Every family", anchor=False)
    st.markdown(
        "The network trained to ignore a family, those trained to ignore another one, and the one trained for none: "
        f"**{figures.AXES[measure]}**, 95 % intervals over {study.seeds_text(run.seeds)}."
    )
    rows = families(run, table, measure)
    plot = study.once(run, f"families-plot-{measure}", functools.partial(figures.by_family, rows, measure))
    alt = figures.by_family_alt(rows, measure)
    study_twins.figure(plot, "families", alt, table, ("family",), {"measure": measure})
    if measure == DECODED:
        page.notice(
            "Some draws cannot be read by *any* network from objects it does not know: whether an unknown object is "
            "mirrored, or how far it is turned, nobody can tell who has not seen it upright. Values near 0 in all "
            "three say that, not that something was lost."
        )
    else:
        page.notice(
            "Here the probe has seen the objects, under other draws: it can know what they look like upright. Where "
            "*same* lies left of *other*, invariance harms; where it lies right of it, it does not (one guess, not "
            "tested here: such a network tells the draw apart on the way to ignoring it)."
        )
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
    st.caption("This study goes beyond the paper, which asks where invariance helps: none of it was published there.")
    examples(run)
    study_again.again(NAME, run)


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
