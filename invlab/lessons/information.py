"""Lesson: invariance is lost information. Can the network that ignores grey still tell grey from colour?"""

from __future__ import annotations

import numpy as np

from invlab.figures import information as drawn
from invlab.lessons.lesson import Guess, Lesson, Link, Notes, Shown, Truth, reach
from invlab.lessons.stored import PRESET, Results, span, study_command
from invlab.studies import information
from invlab.studies.information import NAMED
from invlab.tasks import label_names

FAMILY = "grayscale"
AXIS = "pictures told rightly, grey or not"


def accuracies(results: Results) -> dict[str, np.ndarray]:
    """*same*, *other* and *none*, (seeds,) each: accuracy of telling whether the family was applied."""
    table = results.table("information")
    place = table.values_of("family").index(FAMILY)
    return {kind: values[:, place] for kind, values in information.kinds(table, NAMED).items()}


def chance() -> float:
    return 1 / len(label_names(information.naming(PRESET, FAMILY, 0)))


def given(results: Results) -> str:
    other = accuracies(results)["other"].mean()
    return (
        "Half of the pictures have their object turned grey. A [[linear probe]] on networks that learned under another "
        f"family tells in {100 * other:.0f} % of new pictures whether that was done; guessing gets "
        f"{100 * chance():.0f} %. One network learned its objects with and without colour, under one name."
    )


def truth(results: Results) -> Truth:
    found = accuracies(results)
    at = span(100 * found["same"])
    words = (
        f"On the network that learned to ignore grey the probe is right in **{at.value:.0f} %**"
        f"{reach(at.low, at.high, '%')}, on the others in {100 * found['other'].mean():.0f} %."
    )
    return Truth(at.value, words, at.low, at.high)


def figure(results: Results) -> Shown:
    table = results.table("information")
    rows = drawn.network_rows(table, FAMILY, NAMED)
    return Shown(
        drawn.networks(rows, NAMED, chance()),
        "**Each network a point: how far grey moves it, and how well a probe tells grey from colour.** Means over "
        f"{len(table.seeds)} seeds.",
        drawn.networks_alt(rows, FAMILY, NAMED),
        rows,
        study_command("information"),
        (results.run("information"),),
    )


LESSON = Lesson(
    name="information",
    title="Invariance as lost information",
    question="If a network treats a colourful object and its grey twin as one, can anybody who reads its "
    "representation still say which of the two it was?",
    given=given,
    ask="How often is the probe right on the network that learned to ignore grey?",
    prediction=Guess(0, 100, 1, AXIS, "%"),
    truth=truth,
    figure=figure,
    why="Giving an object and its grey twin nearly the same numbers means that little is left by which to tell them "
    "apart: that is what being invariant *is*. Nearly, not quite: the network still moves a little under grey, and "
    "what moves can be read.",
    try_it="Try the other families: for some the loss is large, for some there is none. For which would *no* network "
    "have known the answer, however sensitive it is?",
    links=(
        Link("information", "All families", {"family": "grayscale"}),
        Link("side_by_side", "What two networks ignore in common", {}),
    ),
    notes=Notes(
        aim="Invariance and information are two sides of one coin, and both come in degrees.",
        minutes=(2, 1, 2, 1, 1),
        usual="Some say guessing: it was trained to ignore it. Others see no reason for any loss.",
        discuss="Would you rather keep the information and let the probe decide? What would that cost where there are "
        "few labelled pictures?",
        misconception="“A good representation keeps everything.” For the next task it has to forget well.",
    ),
    terms=("lost information", "decoding", "invariance", "linear probe"),
)
