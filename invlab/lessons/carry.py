"""Lesson: does invariance carry over, to new objects, to noise, to other pictures?"""

from __future__ import annotations

import numpy as np

from invlab.figures import shift as drawn
from invlab.lessons.lesson import Guess, Lesson, Link, Notes, Shown, Truth, reach
from invlab.lessons.stored import Results, span, study_command
from invlab.studies import shift
from invlab.studies.claims import number

TRAINED = "image"
AXIS = "share of the gap that is left on new objects"


def left(results: Results, column: str) -> np.ndarray:
    """(seeds,): of the gap other − same on the objects learned, the share that is there in a column."""
    gaps = []
    for name in (column, "in-distribution"):
        means = shift.means(results.table("shift"), TRAINED, name)
        gaps.append(means["other"] - means["same"])
    return gaps[0] / gaps[1]


def given(results: Results) -> str:
    means = shift.means(results.table("shift"), TRAINED, "in-distribution")
    same, other = (float(means[kind].mean()) for kind in ("same", "other"))
    return (
        f"On the objects they learned, networks trained for a transformation have a mean [[sensitivity]] to it of "
        f"{number(same)}; networks trained for another one have {number(other)}. The gap, {number(other - same)}, is "
        "what training for it has gained."
    )


def truth(results: Results) -> Truth:
    at = span(100 * left(results, "mild"))
    others = [c for c in shift.columns(results.table("shift")) if c not in ("in-distribution", "mild")]
    names = {
        "strong": "noise in place of objects and scenes",
        "scene pictures": "other pictures, transformed as a whole",
    }
    told = "; ".join(
        f"{names.get(c, drawn.column_name(c))}: {100 * left(results, c).mean():.0f} %" for c in others
    )  # fmt: skip
    words = (
        f"**{at.value:.0f} %**{reach(at.low, at.high, '%')} of the gap is left on new objects. Further away: {told}."
    )
    return Truth(at.value, words, at.low, at.high)


def figure(results: Results) -> Shown:
    table = results.table("shift")
    rows = drawn.column_rows(table, TRAINED)
    return Shown(
        drawn.lanes(rows),
        "**Sensitivity to the own family, by how far the pictures are from those learned.** *Mild*: other objects. "
        "*Strong*: random pixels. Means over 18 families, 95 % intervals over "
        f"{len(table.seeds)} seeds.",
        drawn.lanes_alt(rows, TRAINED),
        rows,
        study_command("shift"),
        (results.run("shift"),),
    )


LESSON = Lesson(
    name="carry",
    title="Does invariance carry over?",
    question="A network learned to ignore rotation on its own objects. Does it ignore rotation on objects it never "
    "met, on noise, on other pictures? Ask it of all 18 families.",
    given=given,
    ask="How much of the gap is left on objects that the networks never met?",
    prediction=Guess(0, 100, 1, AXIS, "%"),
    truth=truth,
    figure=figure,
    why="Part of what is learned holds for anything that can be turned or coloured, and carries over; part was tied to "
    "the objects learned, and is gone with them. The further the [[distribution shift]], the smaller the part that is "
    "left.",
    try_it="See which families carry over best: is it the geometric ones, the colours or the corruptions? And how do "
    "networks do that learned nothing but noise?",
    links=(
        Link("shift", "Family by family", {"trained": "image"}),
        Link("shift", "Networks that learned noise", {"trained": "random"}),
    ),
    notes=Notes(
        aim="Invariance itself transfers, in part: it is neither a list of objects nor a general law.",
        minutes=(2, 1, 2, 1, 2),
        usual="Guesses spread over the whole axis: some expect all of it, some nothing.",
        discuss="Under a strong shift an untrained network moves about as far as trained ones for another family. What "
        "does that say about the part that is left?",
        misconception="“A network that recognises turned cups knows what turning is.”",
    ),
    terms=("distribution shift", "sensitivity", "invariance"),
)
