"""Does invariance itself transfer? Networks trained for single families, measured under distribution shift.

One network for each single family and one for none, trained on objects before scenes ("image-trained") and on random
objects before random backgrounds ("random-trained"), and an untrained one; each one's sensitivity to each family on
every domain.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from invlab.sensitivity import Sensitivity
from invlab.studies.presets import preset
from invlab.studies.published import SHIFT
from invlab.studies.singles import FAMILIES, NONE, same_other_none
from invlab.studies.study import Cell, Claim, Study, Table
from invlab.tasks import Task, draw_classes
from invlab.training import Training

UNTRAINED = "untrained"
TRAINED = ("image", "random")  # what networks are trained on
KINDS = ("same", "other", "none")
WEAKER = ("in-distribution", "mild", "strong")  # the paper's shifts, in order


@dataclass(frozen=True)
class Domain:
    """Images that sensitivity is measured on. new: other classes than those a network was trained on."""

    name: str
    objects: str
    backgrounds: str
    new: bool = False
    whole: bool = False  # photographs: the whole image is transformed


DOMAINS = {
    d.name: d
    for d in (
        Domain("objects on scenes", "drawn", "scenes"),
        Domain("other objects on scenes", "drawn", "scenes", new=True),
        Domain("objects on noise", "drawn", "random"),
        Domain("other objects on noise", "drawn", "random", new=True),
        Domain("random objects on scenes", "random", "scenes"),
        Domain("other random objects on scenes", "random", "scenes", new=True),
        Domain("random objects on noise", "random", "random"),
        Domain("other random objects on noise", "random", "random", new=True),
        Domain("scene pictures", "pictures", "black", whole=True),
        Domain("cifar10", "cifar10", "black", whole=True),
        Domain("cifar100", "cifar100", "black", whole=True),
    )
}
DATA = ("cifar10", "cifar100")  # domains that are there only where their data is

# What counts as which shift, for networks trained on either; the paper's columns, and the pictures that are built in.
COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "image": {
        "in-distribution": ("objects on scenes",),
        "mild": ("other objects on scenes",),
        "strong": ("random objects on noise", "other random objects on noise"),
    },
    "random": {
        "in-distribution": ("random objects on noise",),
        "mild": ("other random objects on noise",),
        "strong": ("objects on scenes", "other objects on scenes"),
    },
}
for _columns in COLUMNS.values():
    _columns |= {"scene pictures": ("scene pictures",), "cifar10": ("cifar10",), "cifar100": ("cifar100",)}


@dataclass(frozen=True)
class Sizes:
    """families: how many of the 18, all but for a trial."""

    pairs: int
    families: int = len(FAMILIES)


SIZES = {"tiny": Sizes(20, 2), "classroom": Sizes(500), "paper": Sizes(10_000)}

_classes = functools.lru_cache(maxsize=256)(draw_classes)
PHOTOGRAPH_CLASSES = {"pictures": 10, "cifar10": 10, "cifar100": 100}


def task(name: str, domain: Domain, family: str, seed: int) -> Task:
    """The task of one family (or none) on a domain, at a preset's number of classes."""
    families = () if family == NONE else (family,)
    if domain.whole:
        classes = tuple(range(PHOTOGRAPH_CLASSES[domain.objects]))
    else:
        count = preset(name).classes
        classes = _classes(domain.objects, count, seed, count if domain.new else 0)
    return Task(classes, families, domain.objects, domain.backgrounds, seed=seed)


def training(name: str, trained: str, source: str, seed: int) -> Training:
    """The network trained for `source` (a family or none) on images or noise; `untrained` learns nothing."""
    domain = DOMAINS["objects on scenes" if trained == "image" else "random objects on noise"]
    family = NONE if source == UNTRAINED else source
    return preset(name).training(task(name, domain, family, seed), seed, epochs=0 if source == UNTRAINED else None)


def cells(name: str, seed: int, data: tuple[str, ...] = ()) -> Iterator[Cell]:
    """Every network under every family on every domain."""
    sizes = SIZES[name]
    families = FAMILIES[: sizes.families]
    networks = [(trained, source) for trained in TRAINED for source in (*families, NONE)]
    for domain in DOMAINS.values():
        if domain.name in DATA and domain.name not in data:
            continue
        for family in families:
            for trained, source in (*networks, (UNTRAINED, UNTRAINED)):
                learned = training(name, "image" if trained == UNTRAINED else trained, source, seed)
                yield Cell(
                    at={"trained": trained, "source": source, "domain": domain.name, "family": family},
                    spec=Sensitivity(learned, task(name, domain, family, seed), sizes.pairs, seed),
                    field="sensitivity",
                )


# ---------------------------------------------------------------------------------------------------- reading the table


def matrix(table: Table, trained: str, domains: Sequence[str]) -> np.ndarray:
    """(seeds, sources, families): the sensitivities of the networks trained on `trained`, none last, averaged over
    domains, NaN where there is none. Raises LookupError where none of them was measured."""
    chosen = table.where(trained=trained, domain=tuple(domains))
    if not chosen.rows:
        raise LookupError(f"nothing was measured on {', '.join(domains)}")
    families, seeds = chosen.values_of("family"), table.seeds
    sources = [*families, NONE]
    total, count = np.zeros((2, len(seeds), len(sources), len(families)))
    at = {name: chosen.columns.index(name) for name in ("source", "family", "seed", "value")}
    places = {name: i for i, name in enumerate(sources)}
    for row in chosen.rows:
        where = seeds.index(row[at["seed"]]), places[row[at["source"]]], places[row[at["family"]]]
        total[where] += row[at["value"]]
        count[where] += 1
    with np.errstate(invalid="ignore"):
        return total / count


def columns(table: Table) -> list[str]:
    """The columns of the summary that were measured."""
    there = set(table.values_of("domain"))
    return [name for name, domains in COLUMNS["image"].items() if there.issuperset(domains)]


def by_family(table: Table, trained: str, domains: Sequence[str]) -> dict[str, np.ndarray]:
    """*same*, *other* and *none* averaged over domains, each (seeds, families)."""
    return same_other_none(matrix(table, trained, domains))


def kinds(table: Table, trained: str, column: str) -> dict[str, np.ndarray]:
    """*same*, *other* and *none* of a column of the summary, each (seeds, families)."""
    return by_family(table, trained, COLUMNS[trained][column])


def untrained(table: Table, column: str) -> np.ndarray:
    """(seeds,): the untrained network's sensitivity, averaged over families and the domains of image-trained ones."""
    return table.over_seeds(trained=UNTRAINED, domain=COLUMNS["image"][column])


def means(table: Table, trained: str, column: str) -> dict[str, np.ndarray]:
    """*same*, *other* and *none* averaged over families, each (seeds,)."""
    return {kind: values.mean(1) for kind, values in kinds(table, trained, column).items()}


def ranks(table: Table, trained: str, column: str) -> dict[str, np.ndarray]:
    """For each family the rank of its own network among all (1 = least sensitive to it), (seeds,)."""
    values = matrix(table, trained, COLUMNS[trained][column])
    families = table.where(trained=trained).values_of("family")
    own = np.diagonal(values[:, :-1], axis1=1, axis2=2)  # (seeds, families)
    rank = 1 + (values < own[:, None, :]).sum(1)
    return {family: rank[:, i] for i, family in enumerate(families)}


# --------------------------------------------------------------------------------------------------------------- claims


def _below(column: str):
    """*same* is below *other* and *none*, for networks trained on either."""

    def effects(table: Table) -> dict[str, np.ndarray]:
        parts = {}
        for trained in TRAINED:
            found = means(table, trained, column)
            for rival in ("other", "none"):
                parts[f"{trained}-trained, {rival} − same"] = found[rival] - found["same"]
        return parts

    return effects


def _below_on_photographs(table: Table) -> dict[str, np.ndarray]:
    parts: dict[str, np.ndarray] = {}
    for column in columns(table):
        if column in ("scene pictures", *DATA):
            parts |= {f"{column}, {name}": effect for name, effect in _below(column)(table).items()}
    return parts


def _rises(table: Table) -> dict[str, np.ndarray]:
    same = {column: means(table, "image", column)["same"] for column in WEAKER}
    return {
        "mild − in-distribution": same["mild"] - same["in-distribution"],
        "strong − mild": same["strong"] - same["mild"],
    }


def _shrinks(table: Table) -> dict[str, np.ndarray]:
    gaps = {}
    for column in WEAKER:
        found = means(table, "image", column)
        gaps[column] = found["other"] - found["same"]
    return {
        "in-distribution − mild": gaps["in-distribution"] - gaps["mild"],
        "mild − strong": gaps["mild"] - gaps["strong"],
    }


def _as_invariant_as_published(table: Table) -> dict[str, np.ndarray]:
    found = means(table, "image", "in-distribution")
    return {"0.25 − same": 0.25 - found["same"], "half of other − same": found["other"] / 2 - found["same"]}


def _published_gain(column: str) -> float:
    return SHIFT["image"]["other"][column][0] - SHIFT["image"]["same"][column][0]


def _told(column: str) -> str:
    texts = []
    for trained in TRAINED:
        values = {kind: SHIFT[trained][kind][column][0] for kind in KINDS}
        texts.append(f"{trained}-trained: " + ", ".join(f"{kind} {value:.2f}" for kind, value in values.items()))
    return "; ".join(texts)


CLAIMS = (
    Claim(
        "shift-in-distribution",
        "Trained for a family, a network is less sensitive to it than networks trained for other families and than the "
        "one trained for none, on the images it learned.",
        _told("in-distribution"),
        _below("in-distribution"),
        "sensitivity",
    ),
    Claim(
        "shift-mild",
        "So it is under a mild shift: on other objects of the same kind.",
        _told("mild"),
        _below("mild"),
        "sensitivity",
    ),
    Claim(
        "shift-strong",
        "So it is even under a strong shift: on noise for networks trained on images, on images for those trained on "
        "noise.",
        _told("strong"),
        _below("strong"),
        "sensitivity",
    ),
    Claim(
        "shift-photographs",
        "So it is on pictures of another kind, transformed as a whole.",
        f"CIFAR-10, {_told('cifar10')}; CIFAR-100, {_told('cifar100')}",
        _below_on_photographs,
        "sensitivity",
    ),
    Claim(
        "shift-rises",
        "The invariance of image-trained networks weakens with the shift: sensitivity to the own family rises from "
        "in-distribution to mild to strong.",
        ", ".join(f"{SHIFT['image']['same'][column][0]:.2f}" for column in WEAKER),
        _rises,
        "sensitivity",
    ),
    Claim(
        "shift-shrinks",
        "What is gained by training for a family (other − same) shrinks with the shift.",
        ", ".join(f"{_published_gain(column):.2f}" for column in WEAKER),
        _shrinks,
        "sensitivity",
    ),
    Claim(
        "shift-size",
        "In-distribution, an image-trained network's sensitivity to its own family is at most 0.25 and at most half of "
        "the others'.",
        "same 0.12, other 0.40",
        _as_invariant_as_published,
        "sensitivity",
    ),
)

STUDY = Study(
    name="shift",
    title="Shift",
    question="Does invariance itself transfer: to other objects, to noise, to photographs?",
    axes={
        "trained": "what the network was trained on: image, random, or untrained",
        "source": "the family it was trained for, or none",
        "domain": "the images it is measured on",
        "family": "the family its sensitivity is measured to",
    },
    sizes=SIZES,
    seeds={"tiny": 2, "classroom": 3, "paper": 10},
    data=DATA,
    cells=cells,
    claims=CLAIMS,
)
