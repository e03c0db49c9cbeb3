"""Images learned a second by labnet on this machine's CPU, and what rendering adds.

`python -m benchmarks.learning`
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from benchmarks.common import alternate, claim, write
from invlab import devices, training
from invlab.studies.presets import PRESETS
from invlab.tasks import Batch, Task, render
from invlab.training import Training

IMAGES = 6_400


def main() -> None:
    devices.one_thread_each()
    task = Task(classes=tuple(range(12)), transformations=("rotate", "hue", "blur"))
    sizes = PRESETS["live"]
    spec = Training(task, images=IMAGES, batch=sizes.batch, learning_rate=sizes.learning_rate)
    ready = render(task, "train", range(sizes.batch))

    def learn() -> None:
        network = training.start(spec, "cpu")
        for _ in training.train(network, spec, "cpu"):
            pass

    def learn_without_rendering() -> None:
        with patch.object(training, "render", lambda *_: Batch(ready.images, ready.labels)):
            learn()

    def learn_two() -> None:
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(learn) for _ in range(2)]:
                done.result()

    seconds = alternate({"with": learn, "without": learn_without_rendering, "two": learn_two})
    median = {name: sorted(values)[len(values) // 2] for name, values in seconds.items()}
    added = median["with"] / median["without"] - 1
    write(
        "learning",
        [
            claim("labnet learns rendered images (one network)", IMAGES / median["with"], 2000, "images/s"),
            claim("labnet learns, rendering left out", IMAGES / median["without"], 2000, "images/s"),
            claim("rendering adds to the time of learning", added, 0.2, "of it", larger=False),
            claim("two networks at once, rendering included", 2 * IMAGES / median["two"], 2000, "images/s"),
        ],
        seconds=seconds,
        measured=time.strftime("%H:%M"),
    )


if __name__ == "__main__":
    main()
