"""How claims are measured: alternating runs in one process, medians and spread, one JSON file for each script."""

from __future__ import annotations

import datetime
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def machine() -> str:
    """The kind of machine, as the results' files are named: `2-core-x86_64`, or the GPU's name."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name().replace(" ", "-").lower()
    return f"{os.cpu_count()}-core-{platform.machine()}"


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


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and largest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def claim(text: str, value: float, aim: float, unit: str, larger: bool = True, **more: Any) -> dict[str, Any]:
    """One claim with what was measured; `met` says whether the aim was reached."""
    met = value >= aim if larger else value <= aim
    shown = f"{value:,.3g} {unit} (aim {'≥' if larger else '≤'} {aim:,.3g}): {'met' if met else 'NOT met'}"
    print(f"{text}: {shown}", flush=True)
    return {"claim": text, "value": value, "aim": aim, "unit": unit, "larger": larger, "met": met, **more}


def write(name: str, claims: list[dict[str, Any]], **more: Any) -> Path:
    """Write the results of one script."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{machine()}.json"
    found = {
        "benchmark": name,
        "machine": machine(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "versions": {p: version(p) for p in ("torch", "torchvision", "streamlit", "numpy")},
        "claims": claims,
        **more,
    }
    path.write_text(json.dumps(found, indent=1) + "\n")
    return path
