"""Where to compute, and what to call it."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch


def choose() -> str:
    """`cuda`, `mps` or `cpu`: the fastest kind of device present."""
    if torch.cuda.is_available():
        return "cuda"
    if torch.backends.mps.is_available():
        return "mps"
    return "cpu"


def describe(device: str) -> str:
    """What a result says of its device."""
    if torch.device(device).type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    return f"{device}: {platform.machine()}"


def one_thread_each() -> None:
    """Let each computation use one CPU thread.

    A small network gains little from a second thread (about a quarter), while two networks on two threads double the
    throughput; and sums are then split the same way whatever else runs, so a spec gives the same bits every time.
    It holds for the thread that calls it: matrix products of another one may still use all cores.
    """
    torch.set_num_threads(1)


def threads() -> int:
    """How many computations to run at a time: INVLAB_THREADS, else one for each CPU core, and one on a GPU."""
    chosen = os.environ.get("INVLAB_THREADS", "")
    if chosen:
        if not chosen.isdigit() or int(chosen) < 1:
            raise ValueError(f"INVLAB_THREADS {chosen!r}: give a whole number of at least 1")
        return int(chosen)
    return 1 if choose() != "cpu" else os.cpu_count() or 1


STACKED = 16  # small networks that a GPU trains at once


def stacked() -> int:
    """How many small networks a study trains at once as one stack of weights: INVLAB_STACK, else 16 on a CUDA GPU,
    which one small network leaves idle, and 1 elsewhere: on a processor a thread for each network is faster."""
    chosen = os.environ.get("INVLAB_STACK", "")
    if chosen:
        if not chosen.isdigit() or int(chosen) < 1:
            raise ValueError(f"INVLAB_STACK {chosen!r}: give a whole number of at least 1")
        return int(chosen)
    return STACKED if choose() == "cuda" else 1
