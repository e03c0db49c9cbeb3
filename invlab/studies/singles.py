"""One network for each single family and one for none: does it become invariant to its own family, to others, and does
that carry over to new objects? Which network transfers where?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from invlab.sensitivity import Sensitivity
from invlab.shared_invariance import SharedInvariance
from invlab.studies.presets import preset
from invlab.tasks import Task, draw_classes
from invlab.training import Training
from invlab.transfer import Transfer
from invlab.transforms import TRANSFORMS

NONE = "none"
FAMILIES = tuple(TRANSFORMS)
SOURCES = (*FAMILIES, NONE)
DOMAINS = ("training", "new")  # the objects the network learned; as many others

Cell = Training | Sensitivity | Transfer


@dataclass(frozen=True)
class Singles:
    """The study's plan: which preset, how many seeds, on what."""

    preset: str = "classroom"
    seeds: int = 3
    objects: str = "drawn"
    backgrounds: str = "scenes"

    def __post_init__(self) -> None:
        preset(self.preset)
        if self.seeds < 1:
            raise ValueError(f"seeds {self.seeds}: at least one is needed")

    def task(self, domain: str, family: str, seed: int) -> Task:
        """The task of one family on the training objects or on new ones."""
        count = preset(self.preset).classes
        classes = _classes(self.objects, count, seed, count if domain == "new" else 0)
        families = () if family == NONE else (family,)
        return Task(classes, families, self.objects, self.backgrounds, seed=seed)

    def training(self, source: str, seed: int) -> Training:
        return preset(self.preset).training(self.task("training", source, seed), seed)

    def sensitivity(self, source: str, domain: str, family: str, seed: int) -> Sensitivity:
        pairs = preset(self.preset).pairs
        return Sensitivity(self.training(source, seed), self.task(domain, family, seed), pairs, seed)

    def shared_invariance(self, seed: int) -> SharedInvariance:
        """What every network ignores, seen by every other one, on new objects as they are."""
        networks = tuple(self.training(source, seed) for source in SOURCES)
        return SharedInvariance(networks, self.task("new", NONE, seed), seed=seed)

    def transfer(self, source: str, family: str, seed: int) -> Transfer:
        sizes = preset(self.preset)
        target = self.task("new", family, seed)
        return Transfer(self.training(source, seed), target, sizes.probe_train, sizes.probe_test)

    def cells(self) -> Iterator[Cell]:
        """Every cell, those that share rendered images next to each other."""
        for seed in range(self.seeds):
            for source in SOURCES:
                yield self.training(source, seed)
            for family in FAMILIES:
                for domain in DOMAINS:
                    for source in SOURCES:
                        yield self.sensitivity(source, domain, family, seed)
                for source in SOURCES:
                    yield self.transfer(source, family, seed)


# The cells of a seed ask 2,000 times for the same two draws.
_classes = functools.lru_cache(maxsize=64)(draw_classes)


def summary(study: Singles, result: Callable[[Cell], dict[str, Any]]) -> dict[str, Any]:
    """The study's numbers as plain lists: for each seed a matrix of sources (`SOURCES`) × families (`FAMILIES`).

    result: the stored result of a cell.
    """
    seeds = range(study.seeds)

    def matrices(value: Callable[[str, str, int], Any]) -> list[list[list[Any]]]:
        return [[[value(source, family, seed) for family in FAMILIES] for source in SOURCES] for seed in seeds]

    tables: dict[str, Any] = {"sources": list(SOURCES), "families": list(FAMILIES), "seeds": study.seeds}
    for domain in DOMAINS:
        measured = matrices(lambda s, f, seed: result(study.sensitivity(s, domain, f, seed)))  # noqa: B023 - used at once
        tables[f"sensitivity_{domain}"] = _pick(measured, "sensitivity")
        tables[f"sensitivity_{domain}_interval"] = _pick(measured, "interval")
    probed = matrices(lambda s, f, seed: result(study.transfer(s, f, seed)))
    tables["transfer"] = _pick(probed, "accuracy")
    tables["source_accuracy"] = [[result(study.training(s, seed))["test_accuracy"] for s in SOURCES] for seed in seeds]
    return tables


def _pick(matrices: list[list[list[dict[str, Any]]]], name: str) -> list[list[list[Any]]]:
    return [[[cell[name] for cell in row] for row in matrix] for matrix in matrices]


def same_other_none(matrix: Any) -> dict[str, np.ndarray]:
    """Of values (…, 19 sources, 18 families) for each family, (…, 18): the network trained for it (*same*), the mean of
    those trained for others (*other*), and the one trained for *none*. Raises LookupError where one is missing."""
    values = np.asarray(matrix, dtype=float)
    if values.shape[-2] != values.shape[-1] + 1:
        raise LookupError(f"not every network was measured: {values.shape[-2]} of {values.shape[-1] + 1}")
    single, none = values[..., :-1, :], values[..., -1, :]
    same = np.diagonal(single, axis1=-2, axis2=-1)
    other = (single.sum(-2) - same) / (single.shape[-2] - 1)
    return {"same": same, "other": other, "none": none}
