"""Lesson: too few invariances, or too many?"""

from __future__ import annotations

from invlab.figures import mismatch as drawn
from invlab.lessons.lesson import Guess, Lesson, Link, Notes, Shown, Truth, percent, reach
from invlab.lessons.stored import PRESET, Results, span, study_command
from invlab.studies import mismatch

AXIS = "pictures named after learning all families but one"


def given(results: Results) -> str:
    table = results.table("mismatch")
    whole = mismatch.length(table)
    own = mismatch.accuracy(table, whole, whole).mean()
    return (
        f"A target shows {mismatch.SIZES[PRESET].classes} objects under {whole} families at once. A network that "
        f"learned the same objects under all {whole} names {percent(own)} of its pictures. Another learned under the "
        f"first {whole - 1} of them; only the last is missing."
    )


def truth(results: Results) -> Truth:
    table = results.table("mismatch")
    whole = mismatch.length(table)
    at = span(100 * mismatch.accuracy(table, whole - 1, whole))
    own = 100 * mismatch.accuracy(table, 1, 1).mean()
    more = 100 * mismatch.accuracy(table, whole, 1).mean()
    words = (
        f"With one family missing the probe names **{at.value:.0f} %**{reach(at.low, at.high, '%')}. The other way "
        f"round little is lost: on the target with one family, the network that learned {whole} reaches {more:.1f} %, "
        f"the one that learned just that family {own:.1f} %."
    )
    return Truth(at.value, words, at.low, at.high)


def figure(results: Results) -> Shown:
    table = results.table("mismatch")
    rows = drawn.map_rows(table)
    line, chance = drawn.falling_rows(rows), 1 / mismatch.SIZES[PRESET].classes
    return Shown(
        drawn.falling(line, chance),
        f"**The target with all {mismatch.length(table)} families, by how many the source lacks.** "
        f"[[transfer accuracy|Transfer accuracy]], 95 % intervals over {len(table.seeds)} seeds; each seed draws other "
        "families in another order.",
        drawn.falling_alt(line, chance),
        line,
        study_command("mismatch"),
        (results.run("mismatch"),),
    )


LESSON = Lesson(
    name="mismatch",
    title="Too few invariances, or too many?",
    question="You do not know exactly what the next task will vary. Is it worse to have learned one [[transformation "
    "family]] too few, or some too many?",
    given=given,
    ask="How many pictures does a probe on the second network name?",
    prediction=Guess(0, 100, 1, AXIS, "%"),
    truth=truth,
    figure=figure,
    why="A family that the source lacks scatters every object over places that a linear probe can hardly gather again, "
    "and each further one multiplies them. A family too many costs little as long as the target does not ask for what "
    "it erases, so on this question learning too much is the safer error.",
    try_it="Find the cell of the map with one family too many, and the one with one too few. Then look which missing "
    "family costs most.",
    links=(
        Link("mismatch", "Every source on every target", {}),
        Link(
            "transfer", "Leave one family out yourself",
            {"alternative": "own choice", "source": ["rotate", "hue", "blur"], "against": ["rotate", "hue"],
             "target": ["rotate", "hue", "blur"], "preset": "live"},
        ),
    ),
    notes=Notes(
        aim="Mismatch has a direction: missing invariance costs, superfluous invariance hardly does.",
        minutes=(2, 1, 2, 1, 2),
        usual="Most guess a small loss: seven of eight were learned.",
        discuss="The lesson on harm said that invariance costs. Why not here? (Nothing that the target names was "
        "ignored.)",
        misconception="“Half of the invariances, half of the benefit.”",
    ),
    terms=("mismatch", "transfer accuracy", "transformation family"),
)  # fmt: skip
