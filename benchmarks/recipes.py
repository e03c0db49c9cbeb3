"""Fewer images to the same accuracy: other recipes of learning, judged by transfer and sensitivity, not by training.

`python -m benchmarks.recipes`, about ten minutes on two cores. What those who train small networks against the clock
found helpful is tried on the two networks of the live comparison: other optimisers, label smoothing, a stem that
whitens, blocks that begin as identities, averaged weights. Each recipe learns from 2,000, 4,000 and 8,000 images in
five seeds; its learning rate was chosen on two other seeds. For each: source and transfer accuracy, sensitivity, the
images after which its transfer accuracy is that of the standard recipe at 8,000, and the gap between the two networks,
which is the science. A recipe may take the standard's place where it needs fewer images and leaves the gaps as they
are.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.common import claim, write
from invlab import devices, sensitivity, training, transfer
from invlab.bundle import FIRST_SOURCES, FIRST_TARGET
from invlab.intervals import over_seeds
from invlab.networks import LabNet, Network
from invlab.studies.comparison import Comparison, comparison
from invlab.studies.presets import PRESETS
from invlab.tasks import render, rendered
from invlab.training import Training

BUDGETS = (2000, 4000, 8000)
SEEDS = range(5)
CHOOSING = (10, 11)  # seeds on which learning rates are chosen
MEASURES = ("source accuracy", "transfer accuracy", "sensitivity")


# ----------------------------------------------------------------------------------------------------------- optimisers


class Muon(torch.optim.Optimizer):
    """Momentum whose direction is made orthogonal: all singular values of a step's matrix are about 1 (Jordan, 2024).

    For convolutions, each filter a row. A step's size is `lr` times the norm of the weights.
    """

    def __init__(self, weights: Iterable[nn.Parameter], lr: float, momentum: float = 0.6) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for weight in group["params"]:
                moved = self.state[weight].setdefault("moved", torch.zeros_like(weight))
                moved.mul_(group["momentum"]).add_(weight.grad)
                ahead = weight.grad.add(moved, alpha=group["momentum"])
                step = orthogonal(ahead.flatten(1)).view_as(weight)
                step *= weight.norm() / step.norm()
                weight.add_(step, alpha=-group["lr"])


def orthogonal(matrix: torch.Tensor, steps: int = 5) -> torch.Tensor:
    """About the nearest matrix with orthonormal rows or columns, by Newton and Schulz' iteration of degree five."""
    a, b, c = 3.4445, -4.7750, 2.0315  # makes small singular values grow fast; they end between 0.7 and 1.2
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix) / (matrix.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = a * x + (b * square + c * square @ square) @ x
    return x.T if tall else x


def adam(network: Network, lr: float) -> list[torch.optim.Optimizer]:
    return [torch.optim.Adam(network.parameters(), lr, fused=True)]


def decayed(network: Network, lr: float) -> list[torch.optim.Optimizer]:
    return [torch.optim.AdamW(network.parameters(), lr, weight_decay=0.05, fused=True)]


def nesterov(network: Network, lr: float) -> list[torch.optim.Optimizer]:
    return [torch.optim.SGD(network.parameters(), lr, momentum=0.85, nesterov=True, weight_decay=5e-4, fused=True)]


def muon(network: Network, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the convolutions; Adam, as in the standard recipe, for what is no matrix, and for the head."""
    filters = [weight for weight in network.parameters() if weight.ndim == 4]
    others = [weight for weight in network.parameters() if weight.ndim < 4]
    return [Muon(filters, lr), torch.optim.Adam(others, STANDARD_RATE, fused=True)]


# ----------------------------------------------------------------------------------------------------------- beginnings


def as_drawn(network: LabNet, images: torch.Tensor) -> None:
    """Nothing."""


def whitening(network: LabNet, images: torch.Tensor) -> None:
    """The stem's filters are the directions in which patches vary, scaled so that each varies alike; the rest stays."""
    stem = network.stem
    patches = F.unfold(images, stem.kernel_size).transpose(1, 2).flatten(0, 1)
    values, vectors = torch.linalg.eigh(torch.cov(patches.T).double())
    filters = (vectors / (values + 1e-3).sqrt()).T.float().flip(0)
    filters *= stem.weight.std() / filters.std()
    stem.weight.data[: len(filters)] = filters[: len(stem.weight)].view(-1, *stem.weight.shape[1:])


def identities(network: LabNet, images: torch.Tensor) -> None:
    """A block begins as its shortcut: the last norm before the sum scales with 0."""
    for block in network.blocks.children():
        nn.init.zeros_(block.norm2.weight)


@dataclass(frozen=True)
class Recipe:
    """How a network learns. averaged: the share of the old mean in that of the weights after each step; 0: none."""

    name: str
    optimisers: Callable[[Network, float], list[torch.optim.Optimizer]]
    rates: tuple[float, ...]  # of which the best on two other seeds is taken
    begin: Callable[[LabNet, torch.Tensor], None] = as_drawn
    smoothing: float = 0.0
    averaged: float = 0.0


STANDARD_RATE = PRESETS["live"].learning_rate
AROUND = (STANDARD_RATE / 2, STANDARD_RATE, 2 * STANDARD_RATE)
STANDARD = Recipe("standard: Adam, one cycle", adam, (STANDARD_RATE,))
RECIPES = (
    STANDARD,
    Recipe("Adam at another rate", adam, AROUND),
    Recipe("Adam, weights decay", decayed, AROUND),
    Recipe("SGD with Nesterov's momentum", nesterov, (0.1, 0.3, 1.0)),
    Recipe("Muon", muon, (0.02, 0.05, 0.12)),
    Recipe("labels smoothed by .1", adam, (STANDARD_RATE,), smoothing=0.1),
    Recipe("a whitening stem", adam, (STANDARD_RATE,), begin=whitening),
    Recipe("blocks begin as identities", adam, (STANDARD_RATE,), begin=identities),
    Recipe("averaged weights", adam, (STANDARD_RATE,), averaged=0.95),
    Recipe("Muon, smoothed labels, whitening stem", muon, (0.02, 0.05, 0.12), begin=whitening, smoothing=0.1),
)


# ------------------------------------------------------------------------------------------------------------ learning


def labnet(spec: Training) -> LabNet:
    """The untrained labnet of a training."""
    network = training.start(spec, "cpu")
    assert isinstance(network, LabNet)
    return network


def learn(recipe: Recipe, rate: float, spec: Training) -> LabNet:
    """The network of a training, learned by a recipe with its own peak of the learning rate."""
    network = labnet(spec)
    recipe.begin(network, render(spec.task, "train", range(256)).images)
    optimisers = recipe.optimisers(network, rate)
    peaks = [optimiser.param_groups[0]["lr"] for optimiser in optimisers]
    mean = [tensor.clone() for tensor in network.state_dict().values()] if recipe.averaged else []
    for step, batch in enumerate(training.pictures(spec, "cpu", ahead=False), 1):
        for optimiser, peak in zip(optimisers, peaks, strict=True):
            optimiser.param_groups[0]["lr"] = training.rate(replace(spec, learning_rate=peak), step)
            optimiser.zero_grad()
        network.train()
        scores = network(batch.images.contiguous(memory_format=torch.channels_last))
        F.cross_entropy(scores, batch.labels, label_smoothing=recipe.smoothing).backward()
        for optimiser in optimisers:
            optimiser.step()
        share = min(recipe.averaged, step / (step + 10))
        for old, new in zip(mean, network.state_dict().values(), strict=False):
            if old.is_floating_point():
                old.lerp_(new, 1 - share)
    if mean:
        for old, new in zip(mean, network.state_dict().values(), strict=True):
            new.copy_(old)
    return network.eval()


def science(recipe: Recipe, rate: float, spec: Comparison, number: int) -> tuple[float, float, float]:
    """Source accuracy, transfer accuracy and sensitivity of one network of a comparison."""
    source = spec.sources[number]
    network = learn(recipe, rate, source)
    return (
        training.accuracy(network, rendered.get(source.task, "test", 1000)),
        transfer.measure(network, spec.transfer(number), "cpu")["accuracy"],
        sensitivity.measure(network, spec.sensitivity(number), "cpu")["sensitivity"],
    )


def of(seed: int, images: int) -> Comparison:
    """The live comparison with fewer images, or with as many as it has."""
    spec = comparison(FIRST_SOURCES, FIRST_TARGET, PRESETS["live"], seed)
    return replace(spec, sources=tuple(replace(source, images=images, epochs=1) for source in spec.sources))


Found = dict[int, list[list[tuple[float, float, float]]]]  # budget -> seed -> network -> measures


def tried(recipe: Recipe, rate: float, seeds: Iterable[int], budgets: Iterable[int]) -> Found:
    """Every network of every seed at every budget, two at a time."""
    asked = [(budget, seed, number) for budget in budgets for seed in seeds for number in range(len(FIRST_SOURCES))]
    with ThreadPoolExecutor(devices.threads()) as pool:
        done = dict(zip(asked, pool.map(lambda a: science(recipe, rate, of(a[1], a[0]), a[2]), asked), strict=True))
    return {b: [[done[b, s, n] for n in range(len(FIRST_SOURCES))] for s in seeds] for b in budgets}


def chosen_rate(recipe: Recipe) -> float:
    """The learning rate with the best transfer accuracy of the matching network on the choosing seeds."""
    if len(recipe.rates) == 1:
        return recipe.rates[0]

    def score(rate: float) -> float:
        found = tried(recipe, rate, CHOOSING, (BUDGETS[1],))
        return statistics.fmean(networks[0][1] for networks in found[BUDGETS[1]])

    return max(recipe.rates, key=score)


# --------------------------------------------------------------------------------------------------------- the answers


def curve(found: Found) -> list[float]:
    """Mean transfer accuracy of the matching network at each budget."""
    return [statistics.fmean(networks[0][1] for networks in found[budget]) for budget in BUDGETS]


def images_for(accuracy: float, means: list[float]) -> float | None:
    """Images after which a curve reaches an accuracy, between budgets along their logarithm; None where it does not,
    the least budget where it is above it from the first."""
    if means[0] >= accuracy:
        return float(BUDGETS[0])
    for (a, low), (b, high) in pairwise(zip(BUDGETS, means, strict=True)):
        if low < accuracy <= high:
            return math.exp(math.log(a) + (accuracy - low) / (high - low) * math.log(b / a))
    return None


def gaps(found: Found, at: int) -> list[float]:
    """Matching network minus the other, in each seed, at the largest budget: the science."""
    return [networks[0][at] - networks[1][at] for networks in found[BUDGETS[-1]]]


def compared(found: Found, standard: Found) -> dict[str, Any]:
    """A recipe beside the standard."""
    told: dict[str, Any] = {}
    for at, measure in enumerate(MEASURES):
        told[measure] = [
            [round(statistics.fmean(nets[n][at] for nets in found[b]), 4) for b in BUDGETS]
            for n in range(len(FIRST_SOURCES))
        ]
        if at:  # the gap between the two networks
            moved = [mine - own for mine, own in zip(gaps(found, at), gaps(standard, at), strict=True)]
            told[f"change of the gap in {measure}"] = [statistics.fmean(moved), *over_seeds(moved)]
    better = [m[0][1] - o[0][1] for m, o in zip(found[BUDGETS[-1]], standard[BUDGETS[-1]], strict=True)]
    told["more transfer accuracy"] = [statistics.fmean(better), *over_seeds(better)]
    told["images to the standard's accuracy"] = images_for(curve(standard)[-1], curve(found))
    return told


def claims(rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What the best recipe needs, and the best among those after which both gaps are what they were: the interval over
    seeds of each gap's change holds 0."""
    found = []
    for text, names in (
        ("the best recipe", list(rows)),
        ("the best recipe that leaves the science as it is", [name for name in rows if unchanged(rows[name])]),
    ):
        needed = {name: rows[name]["images to the standard's accuracy"] or math.inf for name in names}
        best = min(needed, key=lambda name: needed[name])
        found.append(claim(f"{text}: images to the standard's transfer accuracy at {BUDGETS[-1]:,}", needed[best],
                           0.7 * BUDGETS[-1], "images", larger=False, recipe=best))  # fmt: skip
    return found


def unchanged(row: dict[str, Any]) -> bool:
    """Whether the gaps between the two networks are those of the standard recipe, within the interval over seeds."""
    changes = [row[f"change of the gap in {measure}"] for measure in MEASURES[1:]]
    return all(low <= 0 <= high for _, low, high in changes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="recipes whose name contains this, beside the standard; not stored")
    only = parser.parse_args().only
    devices.one_thread_each()
    standard = tried(STANDARD, STANDARD_RATE, SEEDS, BUDGETS)
    rows = {}
    for recipe in RECIPES:
        if only and recipe is not STANDARD and only not in recipe.name:
            continue
        rate = chosen_rate(recipe)
        found = standard if recipe is STANDARD else tried(recipe, rate, SEEDS, BUDGETS)
        rows[recipe.name] = {"rate": rate, **compared(found, standard)}
        print(recipe.name, rows[recipe.name], flush=True)
    if not only:
        write("recipes", claims(rows), budgets=BUDGETS, seeds=len(SEEDS), recipes=rows)


if __name__ == "__main__":
    main()
