"""bfloat16 against float32: how much faster networks learn, and whether the science stays the same.

`python -m benchmarks.precision`, about three minutes on two cores. Speed: steps without rendering, in alternating
rounds on one thread; of labnet, whose float32 is compiled code where that runs, and of the paper's ResNet-18 in its
small setting, which learns through torch in either. Science: the two networks of the live comparison in five seeds,
trained either way; the difference that the precision makes to transfer accuracy and to sensitivity, with Student's
interval over seeds, beside the difference that the transformations make. Same science: the interval of the difference
holds 0, or lies within a twentieth of what the transformations make.
"""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

from benchmarks.common import already, alternate, claim, spread, write
from benchmarks.science import alone, measured
from invlab import devices, training
from invlab.bundle import FIRST_SOURCES, FIRST_TARGET
from invlab.intervals import over_seeds
from invlab.studies.comparison import Comparison, comparison
from invlab.studies.presets import PRESETS
from invlab.tasks import render
from invlab.training import PRECISIONS, Training

SEEDS = 5
STEPS = 40
NETWORKS = ("labnet", "resnet18-small")
MEASURES = ("transfer accuracy", "sensitivity")


def main() -> None:
    devices.one_thread_each()
    compared = [comparison(FIRST_SOURCES, FIRST_TARGET, PRESETS["live"], seed) for seed in range(SEEDS)]
    learned = [replace(compared[0].sources[0], network=network) for network in NETWORKS]
    rates = {
        spec.network: {name: spread([STEPS * spec.batch / s for s in each]) for name, each in speed(spec).items()}
        for spec in learned
    }
    claims = [
        claim(f"{network} learns in bfloat16, over float32",
              each["bfloat16"]["median"] / each["float32"]["median"], 1.3, "times", headline=True)
        for network, each in rates.items()
    ]  # fmt: skip
    found = {precision: [science(spec, precision) for spec in compared] for precision in PRECISIONS}
    beside = {}
    for measure in MEASURES:
        made = [abs(same[measure] - other[measure]) for same, other in found["float32"]]
        moved = [
            low[measure] - full[measure]
            for lows, fulls in zip(found["bfloat16"], found["float32"], strict=True)
            for low, full in zip(lows, fulls, strict=True)
        ]
        means = [(a + b) / 2 for a, b in zip(moved[::2], moved[1::2], strict=True)]  # of the two networks of a seed
        low, high = over_seeds(means)
        mean, gap = sum(means) / len(means), sum(made) / len(made)
        beside[measure] = {"difference": mean, "interval": [low, high], "made by the transformations": gap}
        nothing = 0.0 if low <= 0 <= high else abs(mean) / gap
        claims.append(claim(f"bfloat16 changes {measure}, as a share of what the transformations change", nothing, 0.05,
                            "of it (0: the interval over seeds holds 0)", larger=False, difference=mean,
                            interval=[low, high]))  # fmt: skip
    write("precision", claims, rates=rates, seeds=SEEDS, science=beside)


def speed(spec: Training) -> dict[str, list[float]]:
    """Seconds of `STEPS` steps at each precision."""
    ready = render(spec.task, "train", range(max(training.RENDERED_AT_ONCE)))
    short = replace(spec, images=STEPS * spec.batch, epochs=1)

    def learn(precision: str) -> None:
        chosen = replace(short, precision=precision)
        with patch.object(training, "render", already(ready)):
            for _ in training.train(training.start(chosen, "cpu"), chosen, "cpu"):
                pass

    return alternate({precision: lambda precision=precision: learn(precision) for precision in PRECISIONS})


def science(spec: Comparison, precision: str) -> list[dict[str, float]]:
    """Transfer accuracy and sensitivity of both networks of a comparison."""
    networks = alone([replace(source, precision=precision) for source in spec.sources], "cpu")
    return [
        {name: one.value for name, one in measured(network, spec, number, "cpu").items()}
        for number, network in enumerate(networks)
    ]


if __name__ == "__main__":
    main()
