"""Lesson: is little sensitivity always good? The network that ignores the transformation because it ignores the
object."""

from __future__ import annotations

import numpy as np

from invlab.figures import lessons as figures
from invlab.figures.lessons import Dot
from invlab.lessons.lesson import Choice, Lesson, Link, Notes, Shown, Truth, reach
from invlab.lessons.stored import Results, span, study_command
from invlab.studies import shift
from invlab.studies.claims import number
from invlab.studies.singles import FAMILIES, NONE

LESS, EQUAL, MORE = "less far", "about as far", "further"
COLUMN = "in-distribution"
AXIS = "sensitivity, mean over families"


def both(results: Results) -> tuple[np.ndarray, np.ndarray]:
    """(seeds,) each: mean sensitivity of the untrained network, and of the one trained for none."""
    table = results.table("shift")
    return shift.untrained(table, COLUMN), shift.means(table, "image", COLUMN)[NONE]


def given(results: Results) -> str:
    _, trained = both(results)
    return (
        f"Take the {len(FAMILIES)} families one at a time. Averaged over them, a network that learned upright objects "
        f"has a sensitivity of {number(float(trained.mean()))}. Now take the same network before its training, with "
        "random weights."
    )


def truth(results: Results) -> Truth:
    random, trained = both(results)
    gap = span(trained - random)
    option = EQUAL
    if gap.low is not None and gap.high is not None and (gap.low > 0 or gap.high < 0):
        option = LESS if gap.low > 0 else MORE
    looks = results.recording(NONE)["looks"]
    words = (
        f"The untrained network moves **{option}**: {number(float(random.mean()))} against "
        f"{number(float(trained.mean()))}, a difference of {number(abs(gap.value))}. Swap the *object*, and it "
        f"moves {number(looks[0]['object'])}; after training {number(looks[-1]['object'])}. Swap the *background*: "
        f"{number(looks[0]['background'])}, after training {number(looks[-1]['background'])}."
    )
    return Truth(option, words)


def figure(results: Results) -> Shown:
    random, _ = both(results)
    means = shift.means(results.table("shift"), "image", COLUMN)
    found = [
        Dot("untrained", span(random), "none"),
        Dot("learned upright objects", span(means["none"]), "none"),
        Dot("learned another family (mean of 17)", span(means["other"]), "other"),
        Dot("learned the family itself", span(means["same"]), "same"),
    ]
    at = found[0].at
    return Shown(
        figures.dots(found, AXIS, (0, 1.1), (1.0, "like strangers")),
        f"**Mean sensitivity over {len(FAMILIES)} families**, on the objects that the trained ones learned. 95 % "
        f"intervals over {len(random)} seeds; the untrained network's is{reach(at.low, at.high) or ' not known'}.",
        figures.dots_in_words(found, AXIS),
        figures.dot_rows(found, "sensitivity"),
        study_command("shift"),
        (results.run("shift"),),
    )


LESSON = Lesson(
    name="untrained",
    title="Is little sensitivity always good?",
    question="A network that is moved by nothing would have a [[sensitivity]] of 0. Is a small number always a good "
    "sign? Let us measure a network that has learned nothing.",
    given=given,
    ask="How far does the untrained network's representation move, compared with the trained one's?",
    prediction=Choice((LESS, EQUAL, MORE)),
    truth=truth,
    figure=figure,
    why="The untrained network's numbers follow the background, which fills most of the picture: it ignores what "
    "happens to the object because it hardly sees the object. So a small sensitivity is worth something only beside an "
    "accuracy that shows what the representation still tells apart.",
    try_it="Watch a network while it learns: see the swap of the object overtake the swap of the background, and at "
    "which moment invariance to its own family begins to grow.",
    links=(
        Link("learning", "When invariance arises", {"networks": ["rotate", "none"]}),
        Link("shift", "The untrained network beside the others", {"trained": "image"}),
    ),
    notes=Notes(
        aim="A measure answers the question it was built for. Invariance without information is easy.",
        minutes=(1, 1, 2, 1, 2),
        usual="Most expect random weights to move further than learned ones.",
        discuss="Which second number would you always want to see beside a sensitivity?",
        misconception="“The lower the sensitivity, the better the network.” A constant has none at all.",
    ),
    terms=("sensitivity", "untrained network", "background", "transfer accuracy"),
)
