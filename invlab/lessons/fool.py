"""Lesson: what is invariance? Try to fool a network that learned upright objects."""

from __future__ import annotations

import numpy as np

from invlab.figures import lessons as figures
from invlab.figures.lessons import Dot
from invlab.lessons.lesson import Choice, Lesson, Link, Notes, Shown, Truth, percent
from invlab.lessons.stored import BUNDLE, Results, span
from invlab.studies.claims import number
from invlab.studies.singles import NONE, Singles

OPTIONS = {
    "turning it, by any angle": "rotate",
    "shifting it to another place": "translate",
    "giving it another hue": "hue",
    "blurring it": "blur",
}
AXIS = "sensitivity of the network trained on upright objects"


def moved(results: Results) -> dict[str, np.ndarray]:
    """option -> (seeds,): sensitivity of the network trained for none, on the objects it learned."""
    study = results.singles()
    values = np.asarray(study["sensitivity_training"], dtype=float)[:, study["sources"].index(NONE)]
    return {option: values[:, study["families"].index(family)] for option, family in OPTIONS.items()}


def given(results: Results) -> str:
    study = results.singles()
    right = np.mean([row[study["sources"].index(NONE)] for row in study["source_accuracy"]])
    return (
        f"It names {percent(float(right))} of new pictures of its objects, as long as these stand as it knows them: "
        "only the [[background]] differs."
    )


def truth(results: Results) -> Truth:
    means = {option: float(values.mean()) for option, values in moved(results).items()}
    order = sorted(means, key=lambda option: -means[option])
    rest = ", ".join(f"{option} ({number(means[option])})" for option in order[1:])
    first = order[0]
    words = f"It moves furthest by **{first}**: {number(means[first])} of the way to a stranger. Then come {rest}."
    return Truth(first, words)


def figure(results: Results) -> Shown:
    found = [Dot(option, span(values)) for option, values in moved(results).items()]
    found.sort(key=lambda dot: -dot.at.value)
    seeds = results.singles()["seeds"]
    return Shown(
        figures.dots(found, AXIS, (0, 1.1), (1.0, "like strangers")),
        "**How far the representation moves** when the change is drawn anew, where two random pictures lie 1 apart: "
        f"its [[sensitivity]], on the objects it learned. 95 % intervals over {seeds} seeds.",
        figures.dots_in_words(found, AXIS),
        figures.dot_rows(found, "sensitivity"),
        BUNDLE,
        tuple(
            Singles().sensitivity(NONE, "training", family, seed)
            for family in OPTIONS.values()
            for seed in range(seeds)
        ),
    )


LESSON = Lesson(
    name="fool",
    title="What is invariance? Try to fool this network",
    question="A network has learned to name 30 objects that always stood upright, in one size, in one place, in their "
    "own colours. What can you change before it takes an object for something else?",
    given=given,
    ask="Over all its objects and all draws: which of these changes moves its representation furthest?",
    prediction=Choice(tuple(OPTIONS)),
    truth=truth,
    figure=figure,
    why="A network's [[invariance]] to a change is what its training gave it a reason to learn, and these objects "
    "never moved: convolutions find the same edge anywhere, but strides, borders and training on centred objects leave "
    "the numbers far from the same. You can still name the object because you have seen things everywhere.",
    try_it="Fool it again below, and then try the networks that learned other transformations: which change fools the "
    "one and not the other? The page Responses draws it for every amount of a change.",
    links=(
        Link("responses", "How far it moves, shift by shift", {"view": "One parameter", "vary": "translate: x"}),
        Link("sensitivity", "All 19 networks under all 18 families", {}),
    ),
    notes=Notes(
        aim="Invariance belongs to a network *and* a transformation, and it comes in degrees.",
        minutes=(3, 1, 2, 1, 2),
        usual="Most choose turning, because it looks most drastic to people.",
        discuss="Which changes should a network that names road signs ignore, and which must it not?",
        misconception="“Convolutional networks ignore where an object stands.” They are built to move their maps of "
        "features along with it ([[equivariance]]), and even that holds only in part.",
    ),
    terms=("invariance", "transformation", "equivariance", "sensitivity"),
)
