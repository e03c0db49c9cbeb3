"""The fast ways give the same science: compiled kernels and stacks of networks against the plain way.

`python -m benchmarks.science`, about three minutes on two cores. The two networks of the live comparison in five
seeds, each learned and measured in the plain way (torch renders, one network at a time) and in each fast way. No two
ways round alike, and a training makes a small difference large, so single networks differ; what must stay is what is
said of them. For each measure: how far the mean over seeds and networks moves, in units of the half-width of one
network's own 95 % interval (bootstrap over twin pairs, Wilson over test images), with Student's interval over seeds
beside it.
bfloat16 is measured by `benchmarks.precision`, stacks on a GPU by `benchmarks.stacks`.
"""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from benchmarks.common import claim, write
from invlab import compiled, devices, sensitivity, stacks, training, transfer
from invlab.bundle import FIRST_SOURCES, FIRST_TARGET
from invlab.intervals import over_seeds
from invlab.networks import Network
from invlab.studies.comparison import Comparison, comparison
from invlab.studies.presets import PRESETS
from invlab.training import Training

SEEDS = 5


@dataclass(frozen=True)
class Measured:
    """One measure of one network, and the half-width of its own 95 % interval."""

    value: float
    around: float


Found = list[list[dict[str, Measured]]]  # seed -> network -> measure
Learn = Callable[[Sequence[Training], str], list[Network]]


def comparisons() -> list[Comparison]:
    """The live comparison in each seed."""
    return [comparison(FIRST_SOURCES, FIRST_TARGET, PRESETS["live"], seed) for seed in range(SEEDS)]


def alone(trainings: Sequence[Training], device: str) -> list[Network]:
    """Each network by itself, as many at a time as there are threads to compute on."""

    def learn(spec: Training) -> Network:
        network = training.start(spec, device)
        for _ in training.train(network, spec, device):
            pass
        return network

    with ThreadPoolExecutor(devices.threads()) as pool:
        return list(pool.map(learn, trainings))


def together(trainings: Sequence[Training], device: str) -> list[Network]:
    """All networks as one stack of weights."""
    networks = [training.start(spec, device) for spec in trainings]
    for _ in stacks.train_together(networks, trainings, device):
        pass
    return networks


def found(compared: Sequence[Comparison], learn: Learn, device: str) -> Found:
    """Learn all networks of the comparisons in one way, and measure each."""
    networks = iter(learn([source for spec in compared for source in spec.sources], device))
    return [
        [measured(next(networks), spec, number, device) for number in range(len(spec.sources))] for spec in compared
    ]


def measured(network: Network, spec: Comparison, number: int, device: str) -> dict[str, Measured]:
    """Transfer accuracy and sensitivity of one of the networks of a comparison."""
    told: dict[str, Any] = {
        "transfer accuracy": transfer.measure(network, spec.transfer(number), device),
        "sensitivity": sensitivity.measure(network, spec.sensitivity(number), device),
    }
    values = {"transfer accuracy": "accuracy", "sensitivity": "sensitivity"}
    return {
        name: Measured(result[values[name]], (result["interval"][1] - result["interval"][0]) / 2)
        for name, result in told.items()
    }


def same(way: str, plain: Found, fast: Found) -> list[dict[str, Any]]:
    """The claims that a fast way says what the plain one says."""
    claims = []
    for name in plain[0][0]:
        moved = [
            statistics.fmean(new[name].value - old[name].value for new, old in zip(news, olds, strict=True))
            for news, olds in zip(fast, plain, strict=True)
        ]
        around = statistics.fmean(network[name].around for networks in plain for network in networks)
        mean = statistics.fmean(moved)
        claims.append(claim(
            f"{way} move {name}, mean over {len(plain)} seeds, by half-widths of one network's interval",
            abs(mean) / around, 1.0, "half-widths", larger=False, headline=True,
            difference=mean, interval=list(over_seeds(moved)), half_width=around,
        ))  # fmt: skip
    return claims


def in_torch() -> AbstractContextManager[Any]:
    """As on a machine without a C compiler."""
    return mock.patch.object(compiled, "library", return_value=None)


def values(ways: dict[str, Found]) -> dict[str, Any]:
    """What was measured, for the file of results: way -> measure -> seed -> network."""
    return {
        way: {name: [[net[name].value for net in nets] for nets in each] for name in each[0][0]}
        for way, each in ways.items()
    }


def main() -> None:
    devices.one_thread_each()
    with contextlib.suppress(RuntimeError):
        compiled.build()
    if compiled.library() is None:
        raise SystemExit("benchmarks.science needs a C compiler (cc): without one there is nothing to compare")
    compared = comparisons()
    with in_torch():
        ways = {"plain": found(compared, alone, "cpu"), "stacks": found(compared, together, "cpu")}
    ways["compiled kernels"] = found(compared, alone, "cpu")
    claims = [one for way in ("compiled kernels", "stacks") for one in same(way, ways["plain"], ways[way])]
    write("science", claims, seeds=SEEDS, measured=values(ways))


if __name__ == "__main__":
    main()
