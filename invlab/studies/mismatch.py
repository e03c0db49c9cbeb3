"""What when the invariances do not match? Sources and targets with more and fewer of the same families.

A chain of families in random order: task *k* uses the first *k*. A network is trained on each and probed on each, on
the same classes. Beyond the paper: networks trained on all families but one, probed on the task with all: which
missing family costs most?
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from invlab.seeds import word
from invlab.studies.presets import preset
from invlab.studies.published import MISMATCH_AT_LEAST, MISMATCH_ON_8
from invlab.studies.study import Cell, Claim, Study, Table, Value
from invlab.tasks import Task, draw_classes
from invlab.training import Training
from invlab.transfer import Transfer
from invlab.transforms import TRANSFORMS

CHAIN, WITHOUT, SOURCE = "chain", "all but one", "own task"
TARGET_SEED = 1000  # the target's images are drawn apart from the source's
TOLERANCE = 0.05  # of accuracy: what counts as no worse
STEP = 0.03  # of accuracy: a step up that counts as noise


@dataclass(frozen=True)
class Sizes:
    """chain: how many families; images: distinct ones; passes: over them for each family; at least one."""

    chain: int
    classes: int
    images: int
    passes: float
    batch: int | None = None

    def epochs(self, families: int) -> int:
        return max(1, round(self.passes * families))


SIZES = {
    "tiny": Sizes(2, 3, 256, 1),
    "classroom": Sizes(8, 5, 45_000, 1),
    "paper": Sizes(8, 30, 50_000, 100, 256),
}


def chain(name: str, seed: int) -> tuple[str, ...]:
    """The families of a seed, in the order in which they are added."""
    order = sorted(TRANSFORMS, key=lambda family: word("chain", seed, family))
    return tuple(order[: SIZES[name].chain])


def task(name: str, families: tuple[str, ...], seed: int, target: bool = False) -> Task:
    """The task under these families; a target's images are other draws."""
    classes = draw_classes("drawn", SIZES[name].classes, seed)
    return Task(classes, families, seed=seed + TARGET_SEED if target else seed)


def training(name: str, families: tuple[str, ...], seed: int) -> Training:
    """The network trained under these families."""
    sizes = SIZES[name]
    # At `paper` every source gets the same budget, as published; a small budget must grow with the difficulty.
    epochs = int(sizes.passes) if name == "paper" else sizes.epochs(len(families))
    return preset(name).training(
        task(name, families, seed), seed, images=sizes.images, epochs=epochs, batch=sizes.batch
    )


def cells(name: str, seed: int, data: tuple[str, ...] = ()) -> Iterator[Cell]:
    """Every source on its own task, on every task of the chain, and those without one family on the whole set."""
    families = chain(name, seed)
    sizes = preset(name)

    def probed(kind: str, source: tuple[str, ...], under: tuple[str, ...], missing: str = "") -> Cell:
        target = task(name, under, seed, target=True)
        spec = Transfer(training(name, source, seed), target, sizes.probe_train, sizes.probe_test)
        at: dict[str, Value] = {"kind": kind, "source": len(source), "target": len(under)}
        return Cell(at | {"missing": missing, "last": under[-1]}, spec, "accuracy")

    for k in range(1, len(families) + 1):
        learned = training(name, families[:k], seed)
        at: dict[str, Value] = {"kind": SOURCE, "source": k, "target": k, "missing": "", "last": families[k - 1]}
        yield Cell(at, learned, "test_accuracy", "")
    for j in range(1, len(families) + 1):
        for k in range(1, len(families) + 1):
            yield probed(CHAIN, families[:k], families[:j])
    for family in families:
        rest = tuple(f for f in families if f != family)
        yield probed(WITHOUT, rest, families, family)


# ---------------------------------------------------------------------------------------------------- reading the table


def length(table: Table) -> int:
    """How many families the chain has. Raises LookupError where none of it was measured."""
    targets = table.where(kind=CHAIN).values_of("target")
    if not targets:
        raise LookupError("no target of the chain was measured")
    return max(targets)


def accuracy(table: Table, source: int, target: int) -> np.ndarray:
    """(seeds,): on the task with the first `target` families, of the network trained under the first `source`."""
    return table.over_seeds(kind=CHAIN, source=source, target=target)


def costs(table: Table) -> dict[str, np.ndarray]:
    """For each family that was in a seed's set, what leaving it out cost in accuracy on the whole set, in those seeds
    (as many values as there are such seeds)."""
    whole = length(table)
    full = dict(zip(table.seeds, accuracy(table, whole, whole), strict=True))
    found: dict[str, list[float]] = {}
    for row in table.where(kind=WITHOUT).records():
        found.setdefault(row["missing"], []).append(full[row["seed"]] - row["value"])
    return {family: np.array(found[family]) for family in TRANSFORMS if family in found}


# --------------------------------------------------------------------------------------------------------------- claims


def _pairs(table: Table) -> list[tuple[int, int]]:
    return [(k, j) for j in range(1, length(table) + 1) for k in range(j + 1, length(table) + 1)]


def _enough_is_enough(table: Table) -> dict[str, np.ndarray]:
    return {
        f"source {k}, target {j}": TOLERANCE + accuracy(table, k, j) - accuracy(table, j, j) for k, j in _pairs(table)
    }


def _learned(table: Table) -> dict[str, np.ndarray]:
    return {f"{k} families": accuracy(table, k, k) - 0.9 for k in range(1, length(table) + 1)}


def _falls(table: Table) -> dict[str, np.ndarray]:
    whole = length(table)
    on_all = [accuracy(table, k, whole) for k in range(1, whole + 1)]
    steps = {f"{k + 1} against {k} families": on_all[k] - on_all[k - 1] + STEP for k in range(1, whole)}
    return {f"all {whole} against 1": on_all[-1] - on_all[0], **steps}


def _one_missing_costs(table: Table) -> dict[str, np.ndarray]:
    whole = length(table)
    return {"all families − all but one": accuracy(table, whole, whole) - table.over_seeds(kind=WITHOUT)}


CLAIMS = (
    Claim(
        "mismatch-superset",
        f"Wherever the source has at least the target's families, accuracy is within {TOLERANCE} of what training "
        "under the target's own families gives: more invariance than needed does not hurt.",
        f"at least {MISMATCH_AT_LEAST} everywhere",
        _enough_is_enough,
    ),
    Claim(
        "mismatch-falls",
        "On the task with all families, accuracy falls as families are missing from the source (a step the other way "
        f"by less than {STEP} counts as noise).",
        f"{', '.join(f'{accuracy:.2f}' for accuracy in MISMATCH_ON_8.values())} for 1 to {len(MISMATCH_ON_8)} families",
        _falls,
    ),
    Claim(
        "mismatch-learned",
        "Trained under the target's own families, a network reaches an accuracy of 0.9, at every length of the chain.",
        f"at least {MISMATCH_AT_LEAST}",
        _learned,
    ),
    Claim(
        "mismatch-one-missing",
        "Leaving a single family out of the source's costs accuracy on the task with all, on average over families.",
        "not published; 0.10 for the chain's last family (0.88 against 0.98)",
        _one_missing_costs,
    ),
)

STUDY = Study(
    name="mismatch",
    version=2,
    title="Mismatch",
    question="What when the invariances do not match: too few, or more than the target needs?",
    axes={
        "kind": "a source of the chain, or one with all families but one, or a source on its own task",
        "source": "how many families the source has",
        "target": "how many families the target has",
        "missing": "the family left out, of sources with all but one",
        "last": "the target's last family",
    },
    sizes=SIZES,
    seeds={"tiny": 2, "classroom": 5, "paper": 10},
    data=(),
    cells=cells,
    claims=CLAIMS,
)
