"""A whole live comparison through the queue and a warm worker: two networks trained, measured and probed.

`python -m benchmarks.live`. Each round has a seed of its own, so nothing is found in the store.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from benchmarks.common import claim, spread, write
from invlab import records, worker
from invlab.bundle import FIRST_SOURCES, FIRST_TARGET
from invlab.jobs import Queue
from invlab.studies.comparison import comparison
from invlab.studies.presets import PRESETS

ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.environ["INVLAB_HOME"] = home
        os.environ["INVLAB_BUNDLE"] = str(Path(home) / "no-bundle")
        queue = Queue()
        process = worker.ensure_running(queue)
        assert process is not None
        try:
            wait(lambda: queue.workers() != [], 60)
            seconds, first = zip(*(one(queue, 1000 + i) for i in range(ROUNDS)), strict=True)
        finally:
            worker.stop(process)
    write(
        "live",
        [
            claim("a live comparison, warm worker (median)", spread(list(seconds))["median"], 6, "s", larger=False,
                  headline=True, spread=spread(list(seconds))),
            claim("a live comparison, warm worker (slowest)", max(seconds), 10, "s", larger=False),
            claim("from the request to the first step of training", max(first), 1, "s", larger=False),
        ],
        seconds=list(seconds),
        first_point_seconds=list(first),
    )  # fmt: skip


def one(queue: Queue, seed: int) -> tuple[float, float]:
    """Seconds from the request to the result, and to the first point of a network's training."""
    spec = comparison(FIRST_SOURCES, FIRST_TARGET, PRESETS["live"], seed)
    key = records.key(spec)
    began = time.perf_counter()
    queue.submit(key, "Comparison", records.plain(spec))
    first = wait(lambda: any(point["stage"] == "train" for _, point in queue.points(key)), 60) - began
    done = wait(lambda: (job := queue.job(key)) is not None and job.over, 120) - began
    job = queue.job(key)
    assert job is not None
    assert job.state == "done", job
    print(f"seed {seed}: first point {first:.2f} s, result {done:.2f} s", flush=True)
    return done, first


def wait(happened, seconds: float) -> float:
    """The moment something has happened; TimeoutError after `seconds`."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        if happened():
            return time.perf_counter()
        time.sleep(0.05)
    raise TimeoutError(f"nothing within {seconds} s")


if __name__ == "__main__":
    main()
