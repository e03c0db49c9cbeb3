"""How important is invariance, beside the other factors of pretraining?

A target task of new images under three families. Two sources for every setting: one under the same families, one under
a disjoint draw of the same make-up. One factor at a time varies: how the source's classes relate to the target's, the
architecture, the number of pretraining samples, the number of transfer samples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from invlab.seeds import word
from invlab.studies.presets import preset
from invlab.studies.published import FACTOR_RANGES, FACTORS
from invlab.studies.study import Cell, Claim, Study, Table
from invlab.tasks import Task, disjoint_transformations, draw_classes
from invlab.training import Training
from invlab.transfer import FineTuning, Transfer
from invlab.transforms import GROUPS, TRANSFORMS

SETTINGS = ("mixed", *GROUPS)  # one family of each group, or three of one
SAME, DISJOINT = "same", "disjoint"  # transformations
RELATIONSHIP, ARCHITECTURE, PRETRAINING, TRANSFER = FACTOR_NAMES = (
    "class relationship",
    "architecture",
    "pretraining samples",
    "transfer samples",
)
RELATIONSHIPS = ("subset", "disjoint", "same", "superset")
PROBE, TUNED, OWN = "linear probe", "full fine-tuning", "own task"
TARGET_SEED = 1000  # the target's images are drawn apart from the source's
BUILT_IN = "objects"
# The data sets: what a source's objects are, on what, and how many classes a target has (None: the preset's sizes).
DATASETS: dict[str, tuple[str, str, int | None]] = {
    BUILT_IN: ("drawn", "scenes", None),
    "cifar10": ("cifar10", "black", 5),
    "cifar100": ("cifar100", "black", 50),
}


@dataclass(frozen=True)
class Sizes:
    """classes: of a target; a subset has a third of them.

    images: distinct pretraining images of the base; epochs: passes over them.
    same_work: with fewer or more pretraining samples, as many passes as keep the number of images seen; else the same
    number of passes.
    wide: settings in which every factor varies; in the others the class relationship does.
    """

    classes: int
    images: int
    epochs: int
    same_work: bool
    networks: tuple[str, ...]
    pretraining: tuple[int, ...]
    samples: tuple[int, ...]
    tuned: tuple[int, ...]
    tuning_epochs: int
    wide: tuple[str, ...]
    settings: tuple[str, ...] = SETTINGS

    def passes(self, images: int) -> int:
        return max(1, round(self.images * self.epochs / images)) if self.same_work else self.epochs


PAPER_NETWORKS = ("resnet18", "resnet50", "densenet121", "vgg11", "vit")
SIZES = {
    "tiny": Sizes(
        3, 256, 1, True, ("labnet", "vgg11-small"), (128, 256), (16, 32), (16,), 1, ("mixed",), ("mixed", "geometric")
    ),
    "classroom": Sizes(
        classes=30,
        images=30_000,
        epochs=2,
        same_work=True,
        networks=("labnet", *(f"{name}-small" for name in PAPER_NETWORKS)),
        pretraining=(300, 1_000, 3_000, 10_000, 30_000),
        samples=(50, 200, 500, 2_000, 5_000),
        tuned=(200, 2_000),
        tuning_epochs=50,
        wide=("mixed",),
    ),
    "paper": Sizes(
        classes=30,
        images=50_000,
        epochs=50,
        same_work=False,
        networks=PAPER_NETWORKS,
        pretraining=(1_000, 10_000, 50_000, 100_000, 500_000),
        samples=(50, 200, 500, 2_000, 5_000),
        tuned=(200, 2_000),
        tuning_epochs=50,
        wide=SETTINGS,
    ),
}


def families(setting: str, seed: int) -> tuple[str, ...]:
    """The target's three families, drawn by the seed."""
    groups = GROUPS if setting == "mixed" else (setting,) * len(GROUPS)
    drawn: list[str] = []
    for group in groups:
        free = [t.name for t in TRANSFORMS.values() if t.group == group and t.name not in drawn]
        drawn.append(min(free, key=lambda name: word("factors", setting, seed, name)))
    return tuple(drawn)


def source_families(setting: str, transformations: str, seed: int) -> tuple[str, ...]:
    """Those of a source: the target's own, or as many others of the same groups."""
    own = families(setting, seed)
    return own if transformations == SAME else disjoint_transformations(own, seed)


def classes(name: str, dataset: str, seed: int, relationship: str = "target") -> tuple[int, ...]:
    """The classes of the target, or of a source by its relationship to them."""
    objects, _, count = DATASETS[dataset]
    count = count or SIZES[name].classes
    own, others = draw_classes(objects, count, seed), draw_classes(objects, count, seed, skip=count)
    return {
        "target": own,
        "same": own,
        "disjoint": others,
        "subset": own[: max(2, count // 3)],
        "superset": own + others,
    }[relationship]


def task(name: str, dataset: str, setting: str, transformations: str, seed: int, relationship: str = "target") -> Task:
    """The target's task, or a source's."""
    objects, behind, _ = DATASETS[dataset]
    return Task(
        classes(name, dataset, seed, relationship),
        source_families(setting, transformations, seed),
        objects,
        behind,
        seed=seed + TARGET_SEED if relationship == "target" else seed,
    )


@dataclass(frozen=True)
class Source:
    """A point on the factors: what differs from the base is what varies."""

    relationship: str = "disjoint"
    network: str | None = None
    images: int | None = None


def training(name: str, dataset: str, setting: str, transformations: str, seed: int, source: Source) -> Training:
    """The network of a source."""
    sizes = SIZES[name]
    images = source.images or sizes.images
    learned = task(name, dataset, setting, transformations, seed, source.relationship)
    return preset(name).training(learned, seed, source.network, images, sizes.passes(images))


def points(name: str, setting: str) -> Iterator[tuple[str, str, Source]]:
    """(factor, value, source) of a setting; the base is in every factor."""
    sizes = SIZES[name]
    for relationship in RELATIONSHIPS:
        yield RELATIONSHIP, relationship, Source(relationship)
    if setting in sizes.wide:
        for network in sizes.networks:
            yield ARCHITECTURE, network, Source(network=network)
        for images in sizes.pretraining:
            yield PRETRAINING, str(images), Source(images=images)


def cells(name: str, seed: int, data: tuple[str, ...] = ()) -> Iterator[Cell]:
    """For each data set and setting: every source, probed and fine-tuned; then the base with fewer transfer samples."""
    for dataset in DATASETS:
        if dataset == BUILT_IN or dataset in data:
            for setting in SIZES[name].settings:
                yield from _of_setting(name, dataset, setting, seed)


def _of_setting(name: str, dataset: str, setting: str, seed: int) -> Iterator[Cell]:
    sizes, sized = SIZES[name], preset(name)
    target = task(name, dataset, setting, SAME, seed)
    few = sizes.tuned[0]
    for transformations in (SAME, DISJOINT):
        for factor, value, source in points(name, setting):
            learned = training(name, dataset, setting, transformations, seed, source)
            at = {
                "dataset": dataset, "setting": setting, "factor": factor, "level": value,
                "transformations": transformations,
            }  # fmt: skip
            yield Cell(at | {"measure": OWN}, learned, "test_accuracy", "")
            probe = Transfer(learned, target, sized.probe_train, sized.probe_test)
            yield Cell(at | {"measure": PROBE}, probe, "accuracy")
            tuned = FineTuning(learned, target, few, sized.probe_test, sizes.tuning_epochs, seed=seed)
            yield Cell(at | {"measure": TUNED}, tuned, "accuracy")
        base = training(name, dataset, setting, transformations, seed, Source())
        at = {"dataset": dataset, "setting": setting, "factor": TRANSFER, "transformations": transformations}
        for count in sizes.samples:
            probe = Transfer(base, target, count, sized.probe_test)
            yield Cell(at | {"level": str(count), "measure": PROBE}, probe, "accuracy")
        for count in sizes.tuned:
            tuned = FineTuning(base, target, count, sized.probe_test, sizes.tuning_epochs, seed=seed)
            yield Cell(at | {"level": str(count), "measure": TUNED}, tuned, "accuracy")


# ---------------------------------------------------------------------------------------------------- reading the table


def series(
    table: Table, factor: str, transformations: str, dataset: str = BUILT_IN, setting: str = "mixed",
    measure: str = PROBE,
) -> dict[str, np.ndarray]:  # fmt: skip
    """value of the factor -> (seeds,) accuracy; empty where it was not measured."""
    there = table.where(
        dataset=dataset, setting=setting, factor=factor, transformations=transformations, measure=measure
    )
    return {level: there.over_seeds(level=level) for level in there.values_of("level")}


@dataclass(frozen=True, eq=False)
class Ranges:
    """How much a factor matters beside the transformations, each (seeds,)."""

    within_disjoint: np.ndarray  # largest − smallest accuracy as the factor varies
    gap: np.ndarray  # same − disjoint, mean over the factor's values
    within_same: np.ndarray


def ranges(
    table: Table, factor: str, dataset: str = BUILT_IN, setting: str = "mixed", measure: str = PROBE
) -> Ranges | None:
    """The factor's ranges and the gap; None where fewer than two of its values were measured.

    The range is taken in every seed, not of the means over seeds: so it has a spread, and is never smaller.
    """
    same = series(table, factor, SAME, dataset, setting, measure)
    disjoint = series(table, factor, DISJOINT, dataset, setting, measure)
    if len(same) < 2 or set(same) != set(disjoint):
        return None
    s, d = (np.stack(list(values.values())) for values in (same, disjoint))  # (values, seeds)
    return Ranges(np.ptp(d, axis=0), (s - d).mean(0), np.ptp(s, axis=0))


# --------------------------------------------------------------------------------------------------------------- claims


def _same_is_better(factor: str, measure: str = PROBE):
    def effects(table: Table) -> dict[str, np.ndarray]:
        parts: dict[str, np.ndarray] = {}
        for dataset in table.values_of("dataset"):
            for setting in table.values_of("setting"):
                same = series(table, factor, SAME, dataset, setting, measure)
                disjoint = series(table, factor, DISJOINT, dataset, setting, measure)
                where = "" if dataset == BUILT_IN else f"{dataset}, "
                parts |= {f"{where}{setting}, {value}": same[value] - disjoint[value] for value in same}
        return parts

    return effects


def _gap_exceeds(within: str, factors: tuple[str, ...]):
    def effects(table: Table) -> dict[str, np.ndarray]:
        parts = {}
        for factor in factors:
            found = ranges(table, factor)
            if found is not None:
                parts[factor] = found.gap - getattr(found, within)
        return parts

    return effects


def _published_gaps(factor: str) -> str:
    return ", ".join(f"{value} {same - disjoint:.2f}" for value, (same, disjoint) in FACTORS[factor].items())


def _published_ranges(which: int) -> str:
    return "; ".join(f"{factor} {found[1]:.2f} against {found[which]:.2f}" for factor, found in FACTOR_RANGES.items())


CLAIMS = (
    *(
        Claim(
            f"factors-{factor.replace(' ', '-')}",
            f"{factor.capitalize()}: whatever its value, a source under the target's transformations transfers better "
            "than one under disjoint ones.",
            f"gaps {_published_gaps(factor)}",
            _same_is_better(factor),
        )
        for factor in FACTOR_NAMES
    ),
    Claim(
        "factors-gap-over-same",
        "Once the transformations are right, the other factor matters less than they do: the gap between same and "
        "disjoint exceeds the range within same.",
        f"gap against range: {_published_ranges(2)}",
        _gap_exceeds("within_same", FACTOR_NAMES[:3]),
    ),
    Claim(
        "factors-gap-over-disjoint",
        "Architecture and the number of pretraining samples matter less than the transformations even where these are "
        "wrong: the gap exceeds the range within disjoint.",
        f"gap against range: {_published_ranges(0)} (not so for the class relationship)",
        _gap_exceeds("within_disjoint", (ARCHITECTURE, PRETRAINING)),
    ),
    Claim(
        "factors-fine-tuning",
        "With full fine-tuning on few target images the same transformations still transfer better, at every class "
        "relationship.",
        "so (plots)",
        _same_is_better(RELATIONSHIP, TUNED),
    ),
)

STUDY = Study(
    name="factors",
    title="Factors",
    question="How important is invariance, beside classes, architecture and the number of samples?",
    axes={
        "dataset": "what the images are made of",
        "setting": "the make-up of the three families",
        "factor": "what varies",
        "level": "the factor's value",
        "transformations": "the source's, against the target's: same or disjoint",
        "measure": "linear probe, full fine-tuning, or accuracy on the own task",
    },
    sizes=SIZES,
    seeds={"tiny": 2, "classroom": 3, "paper": 10},
    version=2,
    data=("cifar10", "cifar100"),
    cells=cells,
    claims=CLAIMS,
)
