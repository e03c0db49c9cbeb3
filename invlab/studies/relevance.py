"""Can invariance harm? Two things in one image, one of which is to be named: the other becomes irrelevant.

C is a picture (of CIFAR-10 where it is there, else once of things and once of scenes), O one of ten objects on it.
Networks learn C alone, C+O for the label of C, C+O for the label of O, and O alone; each is probed on all four tasks,
and its sensitivity to swapping C and to swapping O is measured. Two sweeps train on C+O for C with an object that
goes with the picture (correlation) or is not always there (availability).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from invlab import things
from invlab.seeds import word
from invlab.sensitivity import Sensitivity
from invlab.studies.presets import preset
from invlab.studies.published import RELEVANCE, RELEVANCE_SENSITIVITY, RELEVANCE_TASKS
from invlab.studies.study import Cell, Claim, Study, Table, Value
from invlab.tasks import Task, draw_classes
from invlab.training import Training
from invlab.transfer import Transfer

CLASSES = 10
TASKS = RELEVANCE_TASKS  # C, C+O for C, C+O for O, O
ONLY_C, FOR_C, FOR_O, ONLY_O = TASKS
PLACEMENTS = {"fixed": "corner", "translated": "anywhere"}  # as the paper calls them -> as a task does
TRANSFER, SWAP_C, SWAP_O, OWN = (
    "transfer accuracy",
    "sensitivity to swapping C",
    "sensitivity to swapping O",
    "own task",
)
TARGET_SEED = 1000  # the target's images are drawn apart from the source's
CORRELATIONS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.85, 0.9, 0.95, 1.0)
AVAILABILITIES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Sizes:
    """images: distinct (picture, object) pairs; epochs: passes over them."""

    images: int
    epochs: int
    correlations: tuple[float, ...] = CORRELATIONS
    availabilities: tuple[float, ...] = AVAILABILITIES
    sweeps: tuple[str, ...] = ("fixed",)


SIZES = {
    "tiny": Sizes(256, 1, (0.0, 1.0), (0.0, 1.0)),
    "classroom": Sizes(10_000, 5),
    "paper": Sizes(50_000, 200, sweeps=("fixed", "translated")),
}


def sets(data: tuple[str, ...]) -> tuple[str, ...]:
    """The sets that C is from; the sweeps are of the last one.

    Without CIFAR-10 there are two: pictures of things, and scenes. What a network loses by ignoring objects depends on
    what it would know of them otherwise, and scenes are named without knowing any.
    """
    return ("cifar10",) if "cifar10" in data else (things.NAME, "pictures")


def object_classes(c: str, seed: int) -> tuple[int, ...]:
    """The ten objects of O: of all that are drawn, but for those that C itself shows."""
    if c != things.NAME:
        return draw_classes("drawn", CLASSES, seed)
    return tuple(sorted(things.others(), key=lambda index: word("classes", seed, index))[:CLASSES])


def task(name: str, placement: str, seed: int, c: str = "pictures", target: bool = False) -> Task:
    """One of the four tasks."""
    both = Task(
        classes=object_classes(c, seed),
        objects="drawn",
        backgrounds=c,
        seed=seed + TARGET_SEED if target else seed,
        label="background",
        placement=PLACEMENTS[placement],
    )
    return {
        ONLY_C: replace(both, availability=0.0, placement="centre"),  # nowhere to be seen: one task for both placements
        FOR_C: both,
        FOR_O: replace(both, label="object"),
        ONLY_O: replace(both, label="object", backgrounds="black"),
    }[name]


def training(name: str, source: Task, seed: int) -> Training:
    """A network trained on one of the tasks, at a preset's sizes."""
    sizes = SIZES[name]
    return preset(name).training(source, seed, images=sizes.images, epochs=sizes.epochs)


def cells(name: str, seed: int, data: tuple[str, ...] = ()) -> Iterator[Cell]:
    """For each set of pictures each network on its own task, probed on the four, swapped both ways; then the sweeps."""
    for c in sets(data):
        yield from _table(name, seed, c)
    c = sets(data)[-1]
    for placement in SIZES[name].sweeps:
        for sweep, strengths in (
            ("correlation", SIZES[name].correlations),
            ("availability", SIZES[name].availabilities),
        ):
            for strength in strengths:
                learned = training(name, swept_task(sweep, strength, placement, seed, c), seed)
                at: dict[str, Value] = {"pictures": c, "placement": placement, "sweep": sweep, "strength": strength}
                yield from _probed(name, {FOR_C: learned}, placement, seed, c, at)


def _table(name: str, seed: int, c: str) -> Iterator[Cell]:
    """The 4 × 4 table and the swaps, for both placements."""
    for placement in PLACEMENTS:
        sources = {source: training(name, task(source, placement, seed, c), seed) for source in TASKS}
        base: dict[str, Value] = {"pictures": c, "placement": placement, "sweep": "", "strength": 0.0}
        for source, learned in sources.items():
            yield Cell(base | {"source": source, "target": source, "measure": OWN}, learned, "test_accuracy", "")
        yield from _probed(name, sources, placement, seed, c, base)
        for measure, redraw in ((SWAP_C, "background"), (SWAP_O, "object")):
            swapped = task(FOR_O, placement, seed, c, target=True)
            for source, learned in sources.items():
                spec = Sensitivity(learned, swapped, preset(name).pairs, seed, redraw)
                yield Cell(base | {"source": source, "target": "C+O", "measure": measure}, spec, "sensitivity")


def swept_task(sweep: str, strength: float, placement: str, seed: int, c: str = "pictures") -> Task:
    """C+O for C at a strength of a sweep."""
    both = task(FOR_C, placement, seed, c)
    if sweep == "correlation":
        return replace(both, correlation=strength)
    return replace(both, availability=strength) if strength else task(ONLY_C, placement, seed, c)


def _probed(
    name: str, sources: dict[str, Training], placement: str, seed: int, c: str, at: Mapping[str, Value]
) -> Iterator[Cell]:
    sizes = preset(name)
    for target in TASKS:
        probed = task(target, placement, seed, c, target=True)
        for source, learned in sources.items():
            spec = Transfer(learned, probed, sizes.probe_train, sizes.probe_test)
            yield Cell({**at, "source": source, "target": target, "measure": TRANSFER}, spec, "accuracy")


# ---------------------------------------------------------------------------------------------------- reading the table


def of_each(table: Table) -> dict[str, Table]:
    """The table of each set of pictures."""
    return {c: table.where(pictures=c) for c in table.values_of("pictures")}


def transfer(table: Table, placement: str, source: str, target: str) -> np.ndarray:
    """(seeds,): transfer accuracy in the 4 × 4 table of one set of pictures."""
    return table.over_seeds(measure=TRANSFER, sweep="", placement=placement, source=source, target=target)


def swapped(table: Table, placement: str, source: str, measure: str) -> np.ndarray:
    """(seeds,): sensitivity to swapping C or O."""
    return table.over_seeds(measure=measure, sweep="", placement=placement, source=source)


def swept(table: Table, placement: str, sweep: str, target: str) -> dict[float, np.ndarray]:
    """strength -> (seeds,): transfer accuracy on a target of the networks of a sweep."""
    there = table.where(measure=TRANSFER, placement=placement, sweep=sweep, target=target)
    return {strength: there.over_seeds(strength=strength) for strength in sorted(there.values_of("strength"))}


# --------------------------------------------------------------------------------------------------------------- claims


WORDS = {things.NAME: "things", "pictures": "scenes", "cifar10": "CIFAR-10"}  # what C is, in a word


def _parts(table: Table) -> Iterator[tuple[str, str, Table]]:
    """(name of the part, placement, the numbers) for each set of pictures and each placement."""
    each = of_each(table)
    for c, numbers in each.items():
        for placement in PLACEMENTS:
            yield f"{WORDS[c]}, {placement}" if len(each) > 1 else placement, placement, numbers


def _harm(table: Table) -> dict[str, np.ndarray]:
    return {name: transfer(t, p, ONLY_C, FOR_O) - transfer(t, p, FOR_C, FOR_O) for name, p, t in _parts(table)}


def _harm_by_a_fifth(table: Table) -> dict[str, np.ndarray]:
    """Of the first set alone: naming scenes leaves next to nothing to lose."""
    name, p, t = next(part for part in _parts(table) if part[1] == "translated")
    return {name: transfer(t, p, ONLY_C, FOR_O) - transfer(t, p, FOR_C, FOR_O) - 0.2}


def _harm_to_c(table: Table) -> dict[str, np.ndarray]:
    parts = {}
    for name, p, t in _parts(table):
        right = transfer(t, p, FOR_C, FOR_C)
        parts[f"{name}, trained for O"] = right - transfer(t, p, FOR_O, FOR_C)
        parts[f"{name}, trained on O alone"] = right - transfer(t, p, ONLY_O, FOR_C)
    return parts


def _own_is_best(table: Table) -> dict[str, np.ndarray]:
    parts = {}
    for name, p, t in _parts(table):
        for own, other in ((FOR_C, FOR_O), (FOR_O, FOR_C)):
            parts[f"{name}, probed on {own}"] = transfer(t, p, own, own) - transfer(t, p, other, own)
    return parts


def _ignores_what_is_irrelevant(table: Table) -> dict[str, np.ndarray]:
    parts = {}
    for name, p, t in _parts(table):
        for source, relevant, irrelevant in ((FOR_C, SWAP_C, SWAP_O), (FOR_O, SWAP_O, SWAP_C)):
            parts[f"{name}, {source}"] = swapped(t, p, source, relevant) - swapped(t, p, source, irrelevant)
    return parts


def _learns_to_ignore(table: Table) -> dict[str, np.ndarray]:
    return {name: swapped(t, p, ONLY_C, SWAP_O) - swapped(t, p, FOR_C, SWAP_O) for name, p, t in _parts(table)}


def _trend(sweep: str, sign: float, targets: tuple[str, ...]):
    """From the sweep's first to its last strength, in the direction of `sign`."""

    def effects(table: Table) -> dict[str, np.ndarray]:
        parts = {}
        for placement in [p for p in PLACEMENTS if table.has(placement=p, sweep=sweep)]:
            for target in targets:
                values = list(swept(table, placement, sweep, target).values())
                parts[f"{placement}, {target}"] = sign * (values[-1] - values[0])
        return parts

    return effects


def _published(source: str, target: str) -> str:
    return ", ".join(f"{p} {RELEVANCE[p][source][target]:.2f}" for p in PLACEMENTS)


def _published_swap(source: str, which: int) -> str:
    return ", ".join(f"{p} {RELEVANCE_SENSITIVITY[p][source][which]:.2f}" for p in PLACEMENTS)


CLAIMS = (
    Claim(
        "relevance-harm",
        "A network that learned to ignore the object (trained on C+O for C) transfers worse to naming it than one that "
        "never saw it (trained on C alone).",
        f"on C+O for O: C alone {_published(ONLY_C, FOR_O)}; C+O for C {_published(FOR_C, FOR_O)}",
        _harm,
    ),
    Claim(
        "relevance-harm-size",
        "With a translated object the loss is at least 0.2 (C from CIFAR-10, or pictures of things in its place).",
        "0.41 (0.56 against 0.15)",
        _harm_by_a_fifth,
    ),
    Claim(
        "relevance-harm-to-c",
        "Networks trained to name the object lose the picture: they transfer worse to C than the one trained for C.",
        f"on C+O for C: {_published(FOR_O, FOR_C)}; O alone {_published(ONLY_O, FOR_C)}",
        _harm_to_c,
    ),
    Claim(
        "relevance-own",
        "What a network was trained to name it names better than the network trained to name the other thing.",
        f"C: {_published(FOR_C, FOR_C)} against {_published(FOR_O, FOR_C)}; O: {_published(FOR_O, FOR_O)} against "
        f"{_published(FOR_C, FOR_O)}",
        _own_is_best,
    ),
    Claim(
        "relevance-sensitivity",
        "Trained on both, a network is more sensitive to swapping what it names than to swapping the other thing.",
        f"C+O for C: swapping C {_published_swap(FOR_C, 0)}, O {_published_swap(FOR_C, 1)}; C+O for O: swapping C "
        f"{_published_swap(FOR_O, 0)}, O {_published_swap(FOR_O, 1)}",
        _ignores_what_is_irrelevant,
        "sensitivity",
    ),
    Claim(
        "relevance-learns-to-ignore",
        "Seeing objects that do not matter makes a network less sensitive to them than one that never saw any.",
        f"to swapping O: C+O for C {_published_swap(FOR_C, 1)}; C alone {_published_swap(ONLY_C, 1)}",
        _learns_to_ignore,
        "sensitivity",
    ),
    Claim(
        "relevance-correlation",
        "The more often the object goes with the picture, the more of it the representation keeps: transfer to naming "
        "the object rises from correlation 0 to 1.",
        "rises (a plot)",
        _trend("correlation", 1, (FOR_O,)),
    ),
    Claim(
        "relevance-availability",
        "The more often an irrelevant object is there, the less of it the representation keeps: transfer to naming it "
        "falls from availability 0 to 1.",
        "falls (a plot)",
        _trend("availability", -1, (FOR_O,)),
    ),
)

STUDY = Study(
    name="relevance",
    title="Relevance",
    question="Can invariance harm: what becomes of what a network learned to ignore?",
    axes={
        "pictures": "the set that C is from",
        "placement": "where the object stands: fixed in a corner, or translated anywhere",
        "sweep": "correlation or availability, empty in the 4 × 4 table",
        "strength": "of the sweep",
        "source": "the task that was learned",
        "target": "the task that is probed, or what is swapped",
        "measure": "transfer accuracy, sensitivity to swapping C or O, or accuracy on the own task",
    },
    sizes=SIZES,
    seeds={"tiny": 2, "classroom": 5, "paper": 10},
    data=("cifar10",),
    version=2,
    cells=cells,
    claims=CLAIMS,
)
