"""What is lost by invariance? The more invariant a network, the less can be read of what it ignores.

One network for each single family and one for none (those of the study *shift*), on objects that none of them learned:
its sensitivity to each family, how well the family's own parameter can be decoded from its representation, and how well
it transfers to the task whose classes *are* the transformation ("which quarter turn?"). Beyond the paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from invlab.information import Information
from invlab.sensitivity import Sensitivity
from invlab.studies import shift
from invlab.studies.presets import preset
from invlab.studies.singles import FAMILIES, NONE, same_other_none
from invlab.studies.study import Cell, Claim, Study, Table
from invlab.tasks import Task
from invlab.transfer import Transfer

SENSITIVITY, DECODED, NAMED = MEASURES = ("sensitivity", "decodability", "naming it")
UNSEEN = shift.DOMAINS["other objects on scenes"]


@dataclass(frozen=True)
class Sizes:
    """Images for the probes, and how many of the 18 families, all but for a trial."""

    train_images: int
    test_images: int
    families: int = len(FAMILIES)


SIZES = {"tiny": Sizes(64, 64, 2), "classroom": Sizes(2000, 1000), "paper": Sizes(20_000, 10_000)}


def task(name: str, family: str, seed: int) -> Task:
    """A family on objects that no network learned."""
    return shift.task(name, UNSEEN, family, seed)


def naming(name: str, family: str, seed: int) -> Task:
    """The same with the transformation itself to be named."""
    return replace(task(name, family, seed), label="transformation")


def cells(name: str, seed: int, data: tuple[str, ...] = ()) -> Iterator[Cell]:
    """Every network under every family, measured in three ways."""
    sizes = SIZES[name]
    families = FAMILIES[: sizes.families]
    for family in families:
        seen, named = task(name, family, seed), naming(name, family, seed)
        for source in (*families, NONE):
            learned = shift.training(name, "image", source, seed)
            at = {"source": source, "family": family}
            moved = Sensitivity(learned, seen, preset(name).pairs, seed)
            yield Cell({**at, "measure": SENSITIVITY}, moved, "sensitivity")
            read = Information(learned, seen, sizes.train_images, sizes.test_images, seed)
            yield Cell({**at, "measure": DECODED}, read, "decodability")
            probe = Transfer(learned, named, sizes.train_images, sizes.test_images)
            yield Cell({**at, "measure": NAMED}, probe, "accuracy")


# ---------------------------------------------------------------------------------------------------- reading the table


def matrix(table: Table, measure: str) -> np.ndarray:
    """(seeds, sources, families); the last source is none."""
    sources, families, seeds = (table.values_of(axis) for axis in ("source", "family", "seed"))
    values = np.full((len(seeds), len(sources), len(families)), np.nan)
    for row in table.where(measure=measure).records():
        values[seeds.index(row["seed"]), sources.index(row["source"]), families.index(row["family"])] = row["value"]
    if np.isnan(values).any():
        raise LookupError(f"not all of {measure} was measured")
    return values


def told(table: Table, measure: str) -> np.ndarray:
    """As `matrix`, what is worse than nothing counted as nothing: an R² below 0 holds no information either."""
    return np.maximum(matrix(table, measure), 0)


def kinds(table: Table, measure: str) -> dict[str, np.ndarray]:
    """*same*, *other* and *none*, each (seeds, families)."""
    return same_other_none(matrix(table, measure))


def ranks(values: np.ndarray) -> np.ndarray:
    """The ranks of (N,) values from 0; equal values share their mean rank."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[which]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's correlation of two (N,), −1 … 1; 0 where one of them is constant."""
    first, second = ranks(a), ranks(b)
    return float(np.corrcoef(first, second)[0, 1]) if first.std() and second.std() else 0.0


def rank_agreement(table: Table, measure: str) -> np.ndarray:
    """(seeds, families): the rank correlation over networks of sensitivity and what they tell."""
    moved, read = matrix(table, SENSITIVITY), told(table, measure)
    found = np.zeros((moved.shape[0], moved.shape[2]))
    for seed, family in np.ndindex(*found.shape):
        found[seed, family] = rank_correlation(moved[seed, :, family], read[seed, :, family])
    return found


# --------------------------------------------------------------------------------------------------------------- claims


def _lost(measure: str):
    def effects(table: Table) -> dict[str, np.ndarray]:
        by = same_other_none(told(table, measure))
        return {f"{kind} − same": (by[kind] - by["same"]).mean(1) for kind in ("other", "none")}

    return effects


def _together(measure: str):
    def effects(table: Table) -> dict[str, np.ndarray]:
        return {"mean over families": rank_agreement(table, measure).mean(1)}

    return effects


NOT_PUBLISHED = "nothing, it goes beyond the paper"
CLAIMS = (
    Claim(
        "information-lost",
        "A network trained to ignore a family holds less of its drawn parameter than networks trained for other "
        "families and than the one trained for none, on average over families (an R² below 0 counts as 0).",
        NOT_PUBLISHED,
        _lost(DECODED),
        "decodability",
    ),
    Claim(
        "information-rank",
        "The more invariant a network is to a family, the less can its parameter be decoded: over networks, "
        "sensitivity and decodability rise together.",
        NOT_PUBLISHED,
        _together(DECODED),
        "rank correlation",
    ),
    Claim(
        "information-harm",
        "On the task whose classes are the transformation, invariance to it harms: the network trained to ignore it "
        "transfers worse than networks trained for other families and than the one trained for none.",
        NOT_PUBLISHED,
        _lost(NAMED),
    ),
    Claim(
        "information-harm-rank",
        "The more invariant a network is to a family, the worse it transfers to naming that family's draw.",
        NOT_PUBLISHED,
        _together(NAMED),
        "rank correlation",
    ),
)

STUDY = Study(
    name="information",
    title="Information",
    question="What is lost by invariance: what can no longer be read from a representation?",
    axes={
        "source": "the family a network was trained for, or none",
        "family": "the family it is measured under",
        "measure": "sensitivity, decodability of the drawn parameter, or accuracy of naming it",
    },
    sizes=SIZES,
    seeds={"tiny": 2, "classroom": 5, "paper": 10},
    data=(),
    cells=cells,
    claims=CLAIMS,
)
