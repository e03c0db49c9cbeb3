"""How claims are measured: alternating runs in one process, medians and spread, one JSON file for each script."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
LOAD_BEFORE = os.getloadavg()[0]  # processes that wanted to run in the minute before: of 0 the machine was ours
# Whose version a result names, where it is installed: what we are made of, and the peers measured in the same run.
PACKAGES = ("torch", "torchvision", "numpy", "streamlit", "plotly", "diskcache", "pillow", "kornia", "scikit-learn")


def machine() -> str:
    """The kind of machine, as the results' files are named: `2-core-x86_64`, or the GPU's name."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name().replace(" ", "-").lower()
    return f"{os.cpu_count()}-core-{platform.machine()}"


def processor() -> str:
    """The processor's name where the system tells it, else its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def versions() -> dict[str, str]:
    """Python's version, and those of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def alternate(work: dict[str, Callable[[], Any]], rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of each piece of work, `rounds` times in turn, after one run of each that is not counted."""
    for piece in work.values():
        piece()
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, piece in work.items():
            began = time.perf_counter()
            piece()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def already(rendered: Any) -> Callable[..., Any]:
    """Stands for `invlab.tasks.render` where rendering is left out: the first of these pictures, as many as are asked
    for. rendered: an `invlab.tasks.Batch`."""
    return lambda task, split, indices, *_: type(rendered)(*(values[: len(indices)] for values in rendered))


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def ratios(seconds: Sequence[float], ours: Sequence[float], times: float = 1.0) -> dict[str, float]:
    """How many times longer one piece of work took than the other: median over rounds, least and largest.

    seconds, ours: of the two, round by round as `alternate` measured them; what slows the machine down for a round
    slows both, and so leaves their ratio alone. times: what a round's `seconds` are to be multiplied by, where it did
    only a part of the work (or another number of images) than a round of `ours`.
    Raises ValueError where the two have not the same number of rounds.
    """
    return spread([times * theirs / own for theirs, own in zip(seconds, ours, strict=True)])


def claim(
    text: str, value: float, aim: float, unit: str, larger: bool = True, headline: bool = False, **more: Any
) -> dict[str, Any]:
    """One claim with what was measured; `met` says whether the aim was reached.

    larger: whether more is better. headline: whether it stands in the README, too. more: what else belongs to it, such
    as `spread`, the least and the largest value of the rounds beside their median.
    """
    met = value >= aim if larger else value <= aim
    shown = f"{value:,.3g} {unit} (aim {'≥' if larger else '≤'} {aim:,.3g}): {'met' if met else 'NOT met'}"
    print(f"{text}: {shown}", flush=True)
    found = {"claim": text, "value": value, "aim": aim, "unit": unit, "larger": larger, "met": met}
    return found | ({"headline": True} if headline else {}) | more


def write(name: str, claims: list[dict[str, Any]], **more: Any) -> Path:
    """Write the results of one script: a file for each script and kind of machine."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{machine()}.json"
    found = {
        "benchmark": name,
        "machine": machine(),
        "processor": processor(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": versions(),
        "load_before": LOAD_BEFORE,
        "claims": claims,
        **more,
    }
    path.write_text(json.dumps(found, indent=1) + "\n")
    return path
