"""Many small networks at once, as one stack of weights, against one at a time; and whether the science stays the same.

`python -m benchmarks.stacks`, on a GPU: a small network leaves it idle. Speed: images learned a second, rendering
included, by as many labnets as a study stacks, over one alone, in alternating rounds. Science: the two networks of the
live comparison in five seeds, in stacks and alone; what stacking changes in transfer accuracy and in sensitivity, with
Student's interval over seeds.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from benchmarks.common import alternate, claim, spread, write
from invlab import devices, sensitivity, stacks, training, transfer
from invlab.bundle import FIRST_SOURCES, FIRST_TARGET
from invlab.intervals import over_seeds
from invlab.networks import Network
from invlab.studies.comparison import Comparison, comparison
from invlab.studies.presets import PRESETS
from invlab.training import Training

NEEDS_GPU = True
SEEDS = 5
IMAGES = 16_384  # of each network, for its speed


def main() -> None:
    device, most = devices.choose(), devices.stacked()
    compared = [comparison(FIRST_SOURCES, FIRST_TARGET, PRESETS["live"], seed) for seed in range(SEEDS)]
    one = replace(compared[0].sources[0], images=IMAGES, epochs=1)
    many = [replace(one, seed=seed) for seed in range(most)]
    seconds = alternate({"alone": lambda: alone([one], device), "stack": lambda: together(many, device)})
    rates = {"alone": [IMAGES / s for s in seconds["alone"]], "stack": [most * IMAGES / s for s in seconds["stack"]]}
    ratio = spread([many / one for one, many in zip(rates["alone"], rates["stack"], strict=True)])
    claims = [
        claim(f"{most} labnets learn in one stack, over one at a time", ratio["median"], 8, "times", spread=ratio)
    ]

    trainings = [source for spec in compared for source in spec.sources]
    found = {}
    for way, learn in (("alone", alone), ("stack", together)):
        networks = iter(learn(trainings, device))
        found[way] = [
            [measured(next(networks), spec, number, device) for number in range(len(spec.sources))] for spec in compared
        ]
    for at, measure in enumerate(("transfer accuracy", "sensitivity")):
        moved = [
            sum(m[at] - o[at] for m, o in zip(mine, own, strict=True)) / len(own)
            for mine, own in zip(found["stack"], found["alone"], strict=True)
        ]
        low, high = over_seeds(moved)
        beyond = max(0.0, low, -high)
        claims.append(claim(f"a stack changes {measure} by more than chance", beyond, 0.0,
                            "(0: the interval over seeds holds 0)", larger=False, interval=[low, high]))  # fmt: skip
    write("stacks", claims, networks=most, rates={way: spread(each) for way, each in rates.items()}, measured=found)


def alone(trainings: list[Training], device: str) -> list[Network]:
    networks = [training.start(spec, device) for spec in trainings]
    for network, spec in zip(networks, trainings, strict=True):
        for _ in training.train(network, spec, device):
            pass
    return networks


def together(trainings: list[Training], device: str) -> list[Network]:
    networks = [training.start(spec, device) for spec in trainings]
    for _ in stacks.train_together(networks, trainings, device):
        pass
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
    return networks


def measured(network: Network, spec: Comparison, number: int, device: str) -> tuple[float, float]:
    """Transfer accuracy and sensitivity of one of the networks of a comparison."""
    return (
        transfer.measure(network, spec.transfer(number), device)["accuracy"],
        sensitivity.measure(network, spec.sensitivity(number), device)["sensitivity"],
    )


if __name__ == "__main__":
    main()
