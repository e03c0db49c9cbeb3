"""A matrix of sensitivities, networks × families: ours, and each cell by itself.

`python -m benchmarks.matrix`, about two minutes on two cores. Six bundled networks under six families, 500 twin pairs
on new objects; the networks are loaded, the objects and backgrounds are there. Ours: the cells of a family one after
the other on two threads, so that a family's twins are rendered once for all networks. Each by itself: the same
measurement, which renders its twins again; on two threads, too. And as a script of the field does it, on one family:
twins and strangers as single PIL images through a DataLoader with two workers, represented in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import torch

from benchmarks.common import alternate, claim, ratios, spread, write
from benchmarks.pipeline import loader
from invlab import devices, runs, sensitivity, store
from invlab.distances import euclidean
from invlab.networks import Network
from invlab.representations import represent
from invlab.sensitivity import Sensitivity
from invlab.studies.singles import Singles
from invlab.tasks import Rendered

SOURCES = ("rotate", "hue", "blur", "scale", "noise", "none")
FAMILIES = ("rotate", "hue", "blur", "scale", "noise", "shear")
PAIRS = 500
THREADS = 2
FIELD = "rotate"  # the family of the column that is measured as the field does it


class EachAnew(Rendered):
    """Keeps nothing: whoever asks for a set renders it."""

    def get(self, *about: Any, **more: Any) -> Any:
        return Rendered().get(*about, **more)


def measured(
    networks: dict[str, Network], specs: Sequence[tuple[str, Sensitivity]], keeping: Callable[[], Rendered]
) -> list[float]:
    """The sensitivity of every cell, with a fresh memory of rendered sets."""

    def cell(named: tuple[str, Sensitivity]) -> float:
        source, spec = named
        return float(sensitivity.measure(networks[source], spec, "cpu")["sensitivity"])  # type: ignore[arg-type]

    with patch.object(sensitivity, "rendered", keeping()), ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(cell, specs))


def as_the_field(networks: dict[str, Network], spec: Sensitivity) -> list[float]:
    """The column of one family: each network sees twins and strangers from loaders of its own."""
    return [_field_cell(network, spec) for network in networks.values()]


def _field_cell(network: Network, spec: Sensitivity) -> float:
    def seen(source: Any) -> torch.Tensor:
        return torch.cat([represent(network, images) for images, _ in source])

    both = loader(spec.task, spec.pairs, 128, "test", shuffle=False)  # in order, so that the twins of a pair meet
    first, second = seen(both), seen(both)
    others = first.roll(1, 0)
    return float(euclidean(first, second).mean() / euclidean(first, others).mean())


def main() -> None:
    devices.one_thread_each()
    study, own = Singles(), store.open_store()
    networks = {source: runs.trained(study.training(source, 0), own) for source in SOURCES}
    cells = [
        (source, Sensitivity(study.training(source, 0), study.task("new", family, 0), PAIRS))
        for family in FAMILIES
        for source in SOURCES
    ]
    column = [named for named in cells if named[1].task == study.task("new", FIELD, 0)]
    values: dict[str, list[float]] = {}

    def keep(name: str, found: list[float]) -> None:
        values[name] = found

    seconds = alternate(
        {
            "ours": lambda: keep("ours", measured(networks, cells, Rendered)),
            "alone": lambda: keep("alone", measured(networks, cells, EachAnew)),
            "ours, a column": lambda: keep("column", measured(networks, column, Rendered)),
            "the field, a column": lambda: keep("field", as_the_field(networks, column[0][1])),
        }
    )
    alone = ratios(seconds["alone"], seconds["ours"])
    field = ratios(seconds["the field, a column"], seconds["ours, a column"])
    apart = max(abs(a - b) for a, b in zip(values["ours"], values["alone"], strict=True))
    each = [s / len(cells) for s in seconds["ours"]]
    matrix = f"{len(SOURCES)} networks × {len(FAMILIES)} families"
    write(
        "matrix",
        [
            claim(f"{matrix}: ours over each cell by itself", alone["median"], 1.25, "times",
                  headline=True, spread=alone),
            claim(f"{len(SOURCES)} networks, one family: ours over PIL images through a DataLoader",
                  field["median"], 5, "times", headline=True, spread=field),
            claim(f"a cell of {PAIRS} pairs", spread(each)["median"], 0.25, "s", larger=False, spread=spread(each)),
            claim("largest difference between the two ways", apart, 0, "in sensitivity", larger=False),
        ],
        seconds=seconds,
        sensitivities=values,
        cells=len(cells),
    )  # fmt: skip


if __name__ == "__main__":
    main()
