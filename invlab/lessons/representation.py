"""Lesson: what is a representation? How much of a picture is in the numbers of a network that has learned nothing."""

from __future__ import annotations

from typing import Any

from invlab.figures import lessons as figures
from invlab.figures.lessons import Dot, Span
from invlab.lessons.lesson import Guess, Lesson, Link, Notes, Shown, Truth, percent, reach
from invlab.lessons.stored import BUNDLE, Results
from invlab.studies.recordings import recorded
from invlab.studies.singles import NONE, Singles

SPEC = recorded(Singles(), NONE)
EARLY = 2000  # images seen: the look in the middle of the figure is the one nearest to it
AXIS = "new pictures named rightly"


def given(results: Results) -> str:
    classes = results.recording(NONE)["labels"]
    return (
        f"Take an [[untrained network]]: random weights, never shown a picture. Freeze it, show it "
        f"{SPEC.probe_train:,} pictures of {classes} [[object|objects]], all upright, on many "
        f"[[background|backgrounds]], and fit a [[linear probe]] on its numbers. Guessing would "
        f"name {percent(1 / classes)} of new pictures of these objects."
    )


def _in_percent(look: dict[str, Any]) -> Span:
    low, high = look["transfer_interval"]
    return Span(100 * look["transfer"], 100 * low, 100 * high)


def truth(results: Results) -> Truth:
    looks = results.recording(NONE)["looks"]
    first = _in_percent(looks[0])
    words = (
        f"On the numbers of the untrained network the probe names **{first.value:.0f} %**"
        f"{reach(first.low, first.high, '%')} of the new pictures; once the network has learned other objects, "
        f"{100 * looks[-1]['transfer']:.1f} %."
    )
    return Truth(first.value, words, first.low, first.high)


def figure(results: Results) -> Shown:
    recording = results.recording(NONE)
    looks = recording["looks"]
    middle = min(looks[1:-1], key=lambda look: abs(look["images"] - EARLY))
    found = [
        Dot("untrained" if look is looks[0] else f"after {look['images']:,} images", _in_percent(look))
        for look in (looks[0], middle, looks[-1])
    ]
    chance = 100 / recording["labels"]
    return Shown(
        figures.dots(found, AXIS, (0, 100), (chance, "guessing"), "%"),
        "**The same probe on the same network as it learns other objects**, with 95 % intervals over "
        f"{SPEC.probe_test:,} test pictures. The network itself never sees the objects that the probe names.",
        figures.dots_in_words(found, AXIS, "%"),
        figures.dot_rows(found, AXIS + " (%)"),
        BUNDLE,
        (SPEC,),
    )


LESSON = Lesson(
    name="representation",
    title="What is a representation?",
    question="A network turns a picture into a list of numbers before it names anything: its [[representation]]. How "
    "much of a picture is left in the numbers of a network that has learned nothing at all?",
    given=given,
    ask="How many of the new pictures does the probe name?",
    prediction=Guess(0, 100, 1, AXIS, "%"),
    truth=truth,
    figure=figure,
    why="A representation is only numbers: random layers mix the pixels, but most of what tells upright objects apart "
    "survives the mixing, and the probe, which learns from labelled pictures, finds it. Training cannot put into the "
    "numbers what the picture does not hold; it arranges them, so that what the task asks is easy to read and the rest "
    "is ignored.",
    try_it="See where networks put the same objects as they are turned: each point is one picture's representation, "
    "drawn in a plane. Compare the network trained for rotation with the one trained for none.",
    links=(
        Link("responses", "Representations as points in a plane", {"view": "Neighbourhoods"}),
        Link("learning", "The same network while it learns", {"networks": ["none"]}),
    ),
    notes=Notes(
        aim="A representation is a list of numbers that something else reads. What it is good for depends on the "
        "reader and on the task.",
        minutes=(1, 1, 2, 1, 2),
        usual="Most guesses lie near guessing, because nothing was learned. Some say half.",
        discuss="If random numbers do so well here, what is training for? Turn the objects and ask again: would "
        "the same probe still do?",
        misconception="“An untrained network gives noise.” Its weights are random, but its numbers are a fixed "
        "function of the picture.",
    ),
    terms=("representation", "untrained network", "linear probe", "chance level"),
)
