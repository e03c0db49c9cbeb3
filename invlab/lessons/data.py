"""Lesson: invariance comes from data. Two equal networks learn the same objects under different transformations."""

from __future__ import annotations

from invlab.bundle import FIRST_SOURCES, FIRST_TARGET, comparisons
from invlab.figures import transfer as drawn
from invlab.lessons.lesson import Guess, Lesson, Link, Notes, Shown, Truth, percent, reach
from invlab.lessons.stored import BUNDLE, Results
from invlab.studies.claims import number
from invlab.studies.comparison import pooled

SPEC = comparisons()[0]
AXIS = "new objects named by the second network"


def given(results: Results) -> str:
    first = pooled([*results.comparisons().values()])["networks"][0]
    return (
        f"Two equal networks learn the same {SPEC.sources[0].task.labels} objects: the first under "
        f"*{', '.join(FIRST_SOURCES[0])}*, the second under *{', '.join(FIRST_SOURCES[1])}*. Then both are frozen, and "
        f"a [[linear probe]] names {SPEC.target.labels} *other* objects under *{', '.join(FIRST_TARGET)}*. On the "
        f"first network it names {percent(first['transfer_accuracy'])}; guessing gets "
        f"{percent(1 / SPEC.target.labels)}."
    )


def truth(results: Results) -> Truth:
    first, second = pooled([*results.comparisons().values()])["networks"]
    low, high = (100 * end for end in second["transfer_interval"])
    value = 100 * second["transfer_accuracy"]
    words = (
        f"On the second network the probe names **{value:.0f} %**{reach(low, high, '%')}. Its sensitivity to the "
        f"target's transformations is {number(second['sensitivity'])}, the first one's {number(first['sensitivity'])}."
    )
    return Truth(value, words, low, high)


def figure(results: Results) -> Shown:
    found = results.comparisons()
    networks = pooled([*found.values()])["networks"]
    lanes = drawn.lanes([", ".join(source) for source in FIRST_SOURCES], ["same", "disjoint"])
    values = [n["transfer_accuracy"] for n in networks]
    intervals = [n["transfer_interval"] for n in networks]
    by_seed = [n["transfer_accuracy_by_seed"] for n in networks] if len(found) > 1 else ()
    chance = 1 / SPEC.target.labels
    told = [drawn.in_percent(v, i) for v, i in zip(values, intervals, strict=True)]
    rows = [
        {"seed": seed, "learned under": ", ".join(source), "transfer accuracy": network["transfer_accuracy"],
         "sensitivity": round(network["sensitivity"], 4)}
        for seed, result in found.items()
        for source, network in zip(FIRST_SOURCES, result["networks"], strict=True)
    ]  # fmt: skip
    over = f"means and 95 % intervals over {len(found)} seeds" if len(found) > 1 else "one seed"
    return Shown(
        drawn.gauge(
            lanes, values, intervals, percent=True, reference=(chance, f"guessing: {percent(chance)}"), seeds=by_seed
        ),
        f"**[[transfer accuracy|Transfer accuracy]] on the other objects**, {over}. Blue: learned under the target's "
        "own transformations; orange: under three others.",
        drawn.gauge_in_words("Transfer accuracy on new objects", lanes, told),
        rows,
        BUNDLE,
        tuple(comparisons()[seed] for seed in found),
    )


LESSON = Lesson(
    name="data",
    title="It comes from the data: train one yourself",
    question="Nobody tells a network what to ignore. If two equal networks learn the same objects, and only *how the "
    "objects were shaken* differs, will it matter for other objects?",
    given=given,
    ask="And on the second network, which learned under three other transformations?",
    prediction=Guess(0, 100, 1, AXIS, "%"),
    truth=truth,
    figure=figure,
    why="Each network became invariant to what its own pictures varied, because that never changed the right answer; "
    "nothing else differs between them. The target asks for the first one's invariances, and the second one's "
    "representation scatters every object that the probe has to name.",
    try_it="Choose the transformations yourself: can you find a second network that does as well as the first? Write "
    "down your guess before you press the button.",
    links=(
        Link(
            "transfer", "Train two of your own",
            {"alternative": "own choice", "source": list(FIRST_SOURCES[0]), "against": ["rotate", "invert", "noise"],
             "target": list(FIRST_TARGET), "preset": "live"},
        ),
        Link("learning", "When in training it arises", {"networks": ["rotate", "none"]}),
    ),
    notes=Notes(
        aim="The invariance of a network is made by the variation in its training data.",
        minutes=(2, 1, 4, 1, 2),
        usual="Most expect a small loss, since the objects and the network are equal.",
        discuss="What would happen with the target's transformations and three more? (The lesson on mismatch asks it.)",
        misconception="“More augmentation is always better.” It matters which.",
    ),
    terms=("source task", "target task", "transfer accuracy", "same transformations", "disjoint transformations"),
)  # fmt: skip
