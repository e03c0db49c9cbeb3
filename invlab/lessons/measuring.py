"""Lesson: how is invariance measured? Twins, strangers, and a network that learned all angles."""

from __future__ import annotations

from invlab.figures import lessons as figures
from invlab.figures.lessons import Dot
from invlab.lessons.lesson import Guess, Lesson, Link, Notes, Shown, Truth, percent, reach
from invlab.lessons.stored import BUNDLE, Results, span
from invlab.studies import claims
from invlab.studies.claims import number
from invlab.studies.singles import NONE, Singles

FAMILY = "rotate"
AXIS = "sensitivity to rotation"


def given(results: Results) -> str:
    study = results.singles()
    none = claims.kinds(study, "training")["none"].mean(0)[study["families"].index(FAMILY)]
    right = sum(row[study["sources"].index(FAMILY)] for row in study["source_accuracy"]) / study["seeds"]
    return (
        "The lab takes [[twin pair|twins]]: the same object on the same background, under two draws of a "
        "transformation. It measures how far apart their representations lie, and divides by how far apart two random "
        "pictures, [[strangers]], lie. That is the [[sensitivity]]: 0 = the twins are one to the network, 1 = they are "
        "no more alike than strangers.\n\n"
        f"The network that learned its objects upright has a sensitivity of {number(float(none))} to rotation. Another "
        f"one learned the same objects turned by all angles, and names {percent(right)} of new turned pictures of them."
    )


def truth(results: Results) -> Truth:
    column = results.singles()["families"].index(FAMILY)
    known, new = (claims.kinds(results.singles(), domain)["same"][:, column] for domain in ("training", "new"))
    at = span(known)
    words = (
        f"Its sensitivity to rotation is **{number(at.value)}**{reach(at.low, at.high)} on the objects it learned, and "
        f"{number(float(new.mean()))} on new ones."
    )
    return Truth(at.value, words, at.low, at.high)


def figure(results: Results) -> Shown:
    study = results.singles()
    column = study["families"].index(FAMILY)
    known, new = (claims.kinds(study, domain) for domain in ("training", "new"))
    found = [
        Dot("learned all angles", span(known["same"][:, column]), "same"),
        Dot("learned all angles; new objects", span(new["same"][:, column]), "same"),
        Dot("learned another family (mean of 17)", span(known["other"][:, column]), "other"),
        Dot("learned upright objects", span(known["none"][:, column]), "none"),
    ]
    seeds = range(study["seeds"])
    return Shown(
        figures.dots(found, AXIS, (0, 1.1), (1.0, "like strangers")),
        f"**Sensitivity to rotation** of bundled networks, with 95 % intervals over {study['seeds']} seeds.",
        figures.dots_in_words(found, AXIS),
        figures.dot_rows(found, "sensitivity"),
        BUNDLE,
        tuple(Singles().sensitivity(source, "training", FAMILY, seed) for source in (FAMILY, NONE) for seed in seeds),
    )


LESSON = Lesson(
    name="measuring",
    title="How is invariance measured?",
    question="One number for how invariant a network is: how would you make it?",
    given=given,
    ask="What is the sensitivity to rotation of the network that learned all angles, on the objects it learned?",
    prediction=Guess(0, 1.2, 0.01, AXIS),
    truth=truth,
    figure=figure,
    why="It names nearly every turned object and yet its representation moves: to be right, an object's twins need "
    "only stay on one side of a boundary, not in one place. Sensitivity sees the difference, and dividing by the "
    "strangers lets it compare networks whose numbers are large with those whose numbers are small.",
    try_it="Move one object by 10°, 20°, 30° and watch the curve. Then look at other people's measures of the same "
    "thing, and see on which networks they disagree.",
    links=(
        Link("responses", "The curve, angle by angle", {"view": "One parameter", "vary": "rotate"}),
        Link("measures", "Other measures of invariance", {"family": "rotate"}),
    ),
    notes=Notes(
        aim="Twins, strangers, ratio: why a distance alone says nothing, and what 0 and 1 mean.",
        minutes=(2, 1, 2, 1, 2),
        usual="Many say 0: it was trained for that. Some say what the upright network has.",
        discuss="What would the ratio be for a network that gives every picture the same numbers? (Nothing divided by "
        "nothing; the lab says 0. The next lesson is about that.)",
        misconception="“It names everything rightly, so it is invariant.” Accuracy asks for the right side, invariance "
        "for the same place.",
    ),
    terms=("sensitivity", "twin pair", "strangers", "95 % interval"),
)
