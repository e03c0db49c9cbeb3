"""Two source tasks, one target: which network is more invariant to the target's transformations, which transfers?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from invlab.intervals import difference, over_seeds
from invlab.objects import class_names, is_own
from invlab.sensitivity import Sensitivity
from invlab.studies.presets import Preset
from invlab.tasks import Task, draw_classes
from invlab.training import Training
from invlab.transfer import Transfer


@dataclass(frozen=True)
class Comparison:
    """Networks that learn different source tasks, measured on one target task.

    watch: how often, evenly over the training, a quick look is taken at sensitivity and transfer as they develop.
    """

    sources: tuple[Training, ...]
    target: Task
    pairs: int = 1000
    probe_train: int = 2000
    probe_test: int = 1000
    watch: int = 6

    def __post_init__(self) -> None:
        if not 1 <= len(self.sources) <= 4:
            raise ValueError(f"sources: {len(self.sources)} were given; compare one to four networks")
        if self.watch < 0:
            raise ValueError(f"watch {self.watch}: give how often to look, or 0 for never")
        self.sensitivity(0)  # its checks, and the next one's, before anything is trained
        self.transfer(0)

    def sensitivity(self, source: int) -> Sensitivity:
        return Sensitivity(self.sources[source], self.target, self.pairs, seed=self.target.seed)

    def transfer(self, source: int) -> Transfer:
        return Transfer(self.sources[source], self.target, self.probe_train, self.probe_test)


def comparison(
    sources: Sequence[Sequence[str]],
    target: Sequence[str],
    preset: Preset,
    seed: int = 0,
    objects: str = "drawn",
    backgrounds: str = "scenes",
    size: int = 32,
) -> Comparison:
    """The comparison of one seed: networks learn the same random classes, the target has other ones.

    A person's own objects may be few: then each task has half of their classes. Raises ValueError where that is one.
    """
    count = _half_of(objects, preset.classes) if is_own(objects) else preset.classes
    learned = draw_classes(objects, count, seed)
    new = draw_classes(objects, count, seed, skip=count)

    def task(classes: tuple[int, ...], families: Sequence[str]) -> Task:
        return Task(classes, tuple(families), objects, backgrounds, size, seed)

    return Comparison(
        sources=tuple(preset.training(task(learned, families), seed) for families in sources),
        target=task(new, target),
        pairs=preset.pairs,
        probe_train=preset.probe_train,
        probe_test=preset.probe_test,
        watch=5,
    )


def _half_of(objects: str, most: int) -> int:
    classes = len(class_names(objects))
    if classes < 4:
        raise ValueError(
            f"classes: what is learned and what comes after share none and need two each, your own objects have "
            f"{classes}; bring at least four"
        )
    return min(most, classes // 2)


def relation(source: Sequence[str], target: Sequence[str]) -> str:
    """How a source's transformations relate to the target's: none, same, disjoint or overlapping."""
    if not source:
        return "none"
    if set(source) == set(target):
        return "same"
    return "overlapping" if set(source) & set(target) else "disjoint"


def pooled(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One result from those of several seeds: means with Student intervals over seeds.

    A single seed's result keeps its own intervals, over test images and twin pairs.
    """
    networks = []
    for rows in zip(*(r["networks"] for r in results), strict=True):
        if len(rows) == 1:
            networks.append({k: v for k, v in rows[0].items() if k != "curve"})
            continue
        pool: dict[str, Any] = {"source": rows[0]["source"]}
        for value, interval in (("transfer_accuracy", "transfer_interval"), ("sensitivity", "sensitivity_interval")):
            values = [row[value] for row in rows]
            pool[value], pool[interval] = sum(values) / len(values), list(over_seeds(values))
            pool[f"{value}_by_seed"] = values
        networks.append(pool)
    return {"networks": networks} | gap(networks)


def gap(networks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Transfer accuracy of the first network minus the second's, with its 95 % interval; None where there is one."""
    if len(networks) < 2:
        return {"gap": None, "gap_interval": None}
    first, second = networks[:2]
    if "transfer_accuracy_by_seed" in first:  # paired: both networks of a seed share classes and images
        both = zip(first["transfer_accuracy_by_seed"], second["transfer_accuracy_by_seed"], strict=True)
        gaps = [a - b for a, b in both]
        interval = over_seeds(gaps)
        return {"gap": sum(gaps) / len(gaps), "gap_interval": list(interval)}
    a, b = first["transfer_accuracy"], second["transfer_accuracy"]
    interval = difference(a, first["transfer_interval"], b, second["transfer_interval"])
    return {"gap": a - b, "gap_interval": [x if math.isfinite(x) else None for x in interval]}
