"""Images labnet learns a second on this machine's CPU, what share of the processor that is, and what rendering adds.

`python -m benchmarks.learning`. The share: operations of the forward and backward pass, as torch's own counter counts
them (convolutions and matrix products, a multiplication and an addition being two), in a second of learning, over those
of the fastest product of two square float32 matrices that torch does here; both on one thread, in alternating rounds.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.common import already, alternate, claim, spread, write
from invlab import devices, training
from invlab.studies.presets import PRESETS
from invlab.tasks import Task, render
from invlab.training import RENDERED_AT_ONCE, Training

IMAGES = 6_400
SIDES = (512, 1024, 2048)  # of the matrices that are multiplied
PRODUCTS = 2e10  # operations of a round of them


def main() -> None:
    devices.one_thread_each()
    task = Task(classes=tuple(range(12)), transformations=("rotate", "hue", "blur"))
    sizes = PRESETS["live"]
    spec = Training(task, images=IMAGES, batch=sizes.batch, learning_rate=sizes.learning_rate)
    ready = render(task, "train", range(max(RENDERED_AT_ONCE)))

    def learn() -> None:
        network = training.start(spec, "cpu")
        for _ in training.train(network, spec, "cpu"):
            pass

    def learn_without_rendering() -> None:
        with patch.object(training, "render", already(ready)):
            learn()

    def learn_two() -> None:
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(learn) for _ in range(2)]:
                done.result()

    matrices = {side: (torch.randn(side, side), torch.randn(side, side)) for side in SIDES}

    def multiply(side: int) -> None:
        a, b = matrices[side]
        for _ in range(rounds_of(side)):
            torch.mm(a, b)

    products = {f"products of {side}": lambda side=side: multiply(side) for side in SIDES}
    seconds = alternate({"with": learn, "without": learn_without_rendering, "two": learn_two, **products})
    median = {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}
    added = median["with"] / median["without"] - 1
    peak = max(2 * side**3 * rounds_of(side) / median[f"products of {side}"] for side in SIDES)
    used = operations(spec) * IMAGES / median["without"]
    write(
        "learning",
        [
            claim(
                "labnet learns rendered images (one network)", IMAGES / median["with"], 2000, "images/s", headline=True
            ),
            claim("labnet learns, rendering left out", IMAGES / median["without"], 2000, "images/s"),
            claim(
                "labnet learns, as a share of this processor's matrix products",
                used / peak,
                0.6,
                "of them",
                headline=True,
            ),
            claim("rendering adds to the time of learning", added, 0.2, "of it", larger=False),
            claim("two networks at once, rendering included", 2 * IMAGES / median["two"], 2000, "images/s"),
        ],
        operations_of_an_image=operations(spec),
        peak_per_second=peak,
        rates={name: spread([IMAGES / s for s in seconds[name]]) for name in ("with", "without")},
        seconds=seconds,
        measured=time.strftime("%H:%M"),
    )


def rounds_of(side: int) -> int:
    return max(1, round(PRODUCTS / (2 * side**3)))


def operations(spec: Training) -> float:
    """Floating-point operations of learning one image."""
    network = training.start(spec, "cpu")
    images = torch.zeros(2, 3, spec.task.size, spec.task.size)
    with FlopCounterMode(display=False) as counted:
        F.cross_entropy(network(images), torch.tensor([0, 1])).backward()
    return counted.get_total_flops() / len(images)


if __name__ == "__main__":
    main()
