"""Sensitivity: how far a representation moves under transformations, relative to how far apart strangers are.

0 = invariant; about 1 = the twins of an image are no more alike than two random images. Speicher, Nanda and Gummadi
(TMLR 2024).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invlab.distances import DISTANCES, by_rows, euclidean, linear_cka
from invlab.intervals import ratio_bootstraps
from invlab.representations import represent, represent_set
from invlab.seeds import torch_generator
from invlab.tasks import REDRAWS, Task, rendered
from invlab.training import Training

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch


@dataclass(frozen=True)
class Sensitivity:
    """Measure a trained network on twin pairs of a task's test images, under that task's transformations.

    redraw: what differs between twins: the transformation draws, or the object or the background, all else equal.
    """

    training: Training
    task: Task
    pairs: int = 1000
    seed: int = 0
    redraw: str = "transformations"

    def __post_init__(self) -> None:
        if self.pairs < 2:
            raise ValueError(f"pairs {self.pairs}: at least two are needed, to compare with strangers")
        if self.redraw not in REDRAWS:
            raise ValueError(f"redraw {self.redraw!r}: choose from {', '.join(REDRAWS)}")


@dataclass(frozen=True)
class TwinPairs:
    """What lies behind a sensitivity: the distance of every single twin pair, as a trained network sees it."""

    training: Training
    task: Task
    pairs: int = 200
    seed: int = 0
    redraw: str = "transformations"

    def __post_init__(self) -> None:
        Sensitivity(self.training, self.task, self.pairs, self.seed, self.redraw)  # its checks


def twin_distances(network: Network, spec: TwinPairs, device: str) -> dict[str, object]:
    """`moved`, the distance of each pair's twins, and `apart`, that of its first image and a stranger, both in units of
    the strangers' mean distance; so the mean of `moved` is the sensitivity of these pairs. Also `identical`: the pairs
    that are one picture twice."""
    sides = (rendered.parts(spec.task, "test", spec.pairs, twin, device, spec.redraw) for twin in (0, 1))
    parts = [
        (represent(network, first), represent(network, second), (first == second).flatten(1).all(1))
        for (first, _), (second, _) in zip(*sides, strict=True)
    ]
    seen, twins, same = (torch.cat(each) for each in zip(*parts, strict=True))
    partner = derangement(spec.pairs, torch_generator("strangers", spec.seed)).to(seen.device)
    moved, apart = by_rows(euclidean, seen, twins), by_rows(euclidean, seen, seen, partner)
    unit = float(apart.mean()) or 1.0  # a constant representation moves nothing
    identical = same.nonzero()[:, 0]
    return {"moved": (moved / unit).tolist(), "apart": (apart / unit).tolist(), "identical": identical.tolist()}


def measure(network: Network, spec: Sensitivity, device: str) -> dict[str, object]:
    """The measures of `compare_twins` for the spec's network and task."""
    sides = rendered.twins(spec.task, "test", spec.pairs, device, spec.redraw)
    seen = {twin: represent_set(network, parts).features for twin, parts in sides}
    return compare_twins(
        seen[0],
        seen[1],
        torch_generator("strangers", spec.seed),
        torch_generator("bootstrap", spec.seed),
    )


def compare_twins(
    first: torch.Tensor, second: torch.Tensor, strangers: torch.Generator, bootstrap: torch.Generator
) -> dict[str, object]:
    """Sensitivity of representations of twins, each (N, W).

    Returns `sensitivity` and `interval` (the ℓ2 ratio, 95 % bootstrap over pairs), the same ratio of `cosine` and `dot`
    similarities (there, *larger* is more invariant), each with its interval from the same resamples, and `cka`. A
    representation that is constant counts as invariant: 0.
    """
    first, second = first.cpu(), second.cpu()  # small by now, and not every device knows float64
    partner = derangement(len(first), strangers)
    measures: dict[str, object] = {"pairs": len(first)}
    moved = torch.stack([by_rows(distance, first, second) for distance in DISTANCES.values()])
    apart = torch.stack([by_rows(distance, first, first, partner) for distance in DISTANCES.values()])
    intervals = ratio_bootstraps(moved, apart, bootstrap)
    for name, own, others, interval in zip(DISTANCES, moved, apart, intervals, strict=True):
        where = ("sensitivity", "interval") if name == "l2" else (name, f"{name}_interval")
        measures[where[0]] = ratio(own, others)
        measures[where[1]] = interval
    measures["cka"] = linear_cka(first, second)
    return measures


def ratio(above: torch.Tensor, below: torch.Tensor) -> float:
    """mean(above) / mean(below), and 0 where both vanish."""
    divisor = below.double().mean().item()
    return above.double().mean().item() / divisor if divisor else 0.0


def derangement(n: int, generator: torch.Generator) -> torch.Tensor:
    """int64 (n,): a random re-pairing that leaves no row with itself (one random cycle through all of them)."""
    if n < 2:
        raise ValueError(f"{n} image cannot be re-paired: at least two are needed")
    order = torch.randperm(n, generator=generator)
    partner = torch.empty_like(order)
    partner[order] = order.roll(1)
    return partner
