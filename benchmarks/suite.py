"""All studies at the `classroom` preset, one seed, from nothing: how long it takes.

`python -m benchmarks.suite`, about half an hour on two cores. `study all` in a home of its own, without the bundle;
after `--minutes` it is given up, and nothing is written. Beside the time: how far the numbers of this seed are from
those of the bundle, which another machine or an earlier version may have computed; rounding alone moves a network.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import claim, write
from invlab import compiled, devices, records, store
from invlab.studies.catalogue import STUDIES, StudyRun, StudySeed

PRESET, SEED = "classroom", 0
AIM_MINUTES = {"cpu": 30.0, "cuda": 3.0}


def seeds() -> list[StudySeed]:
    """The seed of each study, without data that must be fetched."""
    return [StudyRun(name, PRESET, 1).seed(SEED) for name in STUDIES]


def computed(home: Path, minutes: float) -> float:
    """Seconds of `study all` in a new home. Raises subprocess.TimeoutExpired, CalledProcessError."""
    alone = {**os.environ, "INVLAB_HOME": str(home), "INVLAB_BUNDLE": str(home / "no-bundle")}
    command = [sys.executable, "-m", "invlab", "study", "all", "--preset", PRESET, "--seeds", "1", "--data", "none"]
    began = time.perf_counter()
    subprocess.run(command, env=alone, check=True, timeout=60 * minutes)
    return time.perf_counter() - began


def apart(ours: store.Store, theirs: store.Store) -> dict[str, dict[str, float]]:
    """kind of measurement -> how many values both have, the mean and the largest difference between them."""
    values = {"Transfer": "accuracy", "Sensitivity": "sensitivity"}
    found: dict[str, list[float]] = {kind: [] for kind in values}
    for seed in seeds():
        for spec in seed.specs():
            kind, key = type(spec).__name__, records.key(spec)
            mine, other = (where.get(key) for where in (ours, theirs))
            if kind in values and mine and other:
                found[kind].append(mine["result"][values[kind]] - other["result"][values[kind]])
    return {
        kind: {"count": len(each), "mean": statistics.fmean(each), "largest": max(map(abs, each))}
        for kind, each in found.items()
        if each
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120.0, help="after which it is given up")
    parser.add_argument("--home", type=Path, help="a new folder in which the results are kept")
    options = parser.parse_args()
    if options.home and options.home.exists():
        raise SystemExit(f"--home {options.home}: it exists already; results of before would be counted as computed")
    with contextlib.ExitStack() as stack:
        folder = options.home or Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        seconds = computed(folder, options.minutes)
        beside: dict[str, Any] = apart(store.Store(folder), store.Store(folder / "none", store.bundle_dir()))
    device = devices.choose()
    write(
        "suite",
        [
            claim("all studies at classroom, one seed, from nothing", seconds / 60, AIM_MINUTES.get(device, 30.0),
                  "minutes", larger=False, headline=True),
        ],
        seconds=seconds,
        cells=len({spec for seed in seeds() for spec in seed.specs()}),
        compiled=compiled.library() is not None,
        from_the_bundle=beside,
    )  # fmt: skip


if __name__ == "__main__":
    main()
