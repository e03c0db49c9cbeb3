"""How large a cluster or a server must be, and what gives way first: plain functions of stated inputs.

Nothing is measured here. `benchmarks/capacity.py` measures the inputs, holds the model against runs of a local cluster
and carries it on paper to 1,000 GPUs and 10,000 visitors (docs/cluster.md).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from invlab import cluster
from invlab.cluster import Batch
from invlab.training import Training

BUSY = 0.7  # of what a server can answer: above it, waiting grows faster than visitors do

# ----------------------------------------------------------------------------------------------------------- a cluster


@dataclass(frozen=True)
class Work:
    """Cells to compute. groups: the expected seconds, on one CPU thread, of each training with all that is measured on
    it, the longest first; no further worker shortens one."""

    groups: tuple[float, ...]
    cells: int
    trainings: int

    @property
    def seconds(self) -> float:
        """Of all of it, one after the other."""
        return sum(self.groups)


@dataclass(frozen=True)
class Rates:
    """What one installation does, measured.

    speed: how many expected seconds (`costs.cell_seconds`, one CPU thread) a worker does in one second.
    start: seconds from the command to the first cell.
    record_seconds, weights_seconds: of the driver, to take in and store the record of a cell, or a network's weights.
    record_bytes, weights_bytes: what is sent for each; network: bytes a second that reach the driver.
    """

    speed: float
    start: float
    record_seconds: float
    weights_seconds: float
    record_bytes: float
    weights_bytes: float
    network: float


@dataclass(frozen=True)
class Forecast:
    """Seconds of a run, and of each thing that may set its length.

    share: the seconds of perfectly shared work; longest: of the longest training; compute: of the workers, as the
    batches fall; driver: of its storing; network: of what is sent. limit: the name of what sets the length.
    efficiency: `share` of `seconds`: how much of what is paid for computes.
    """

    workers: int
    seconds: float
    share: float
    longest: float
    compute: float
    driver: float
    network: float
    limit: str

    @property
    def efficiency(self) -> float:
        return self.share / self.seconds if self.seconds else 1.0


def work(specs: Iterable[Any]) -> Work:
    """The cells of studies."""
    cells = list(specs)
    groups = tuple(group.seconds for group in cluster.grouped(cells))
    return Work(groups, len(cells), sum(isinstance(spec, Training) for spec in cells))


def spread(batches: Sequence[float], workers: int) -> float:
    """Seconds until the last of the batches is done, each handed to the worker that is first free."""
    free = [0.0] * min(workers, max(1, len(batches)))
    for seconds in batches:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)


def forecast(todo: Work, workers: int, rates: Rates) -> Forecast:
    """How long the work takes on so many workers, and why.

    The driver stores while the workers compute, so what takes longest sets the length; the start comes before it.
    """
    share = todo.seconds / workers / rates.speed
    handed_out = cluster.joined([Batch((), seconds) for seconds in todo.groups], workers)
    compute = spread([batch.seconds for batch in handed_out], workers) / rates.speed
    driver = todo.cells * rates.record_seconds + todo.trainings * rates.weights_seconds
    network = (todo.cells * rates.record_bytes + todo.trainings * rates.weights_bytes) / rates.network
    whole = rates.start + max(compute, driver, network)
    longest = max(todo.groups, default=0.0) / rates.speed
    lengths = {
        "the workers": share,
        "the longest training": longest,
        "the driver's store": driver,
        "its network": network,
    }
    # What the batches leave over at the end belongs to the workers: with finer ones it would be less.
    limit = max(lengths, key=lambda name: lengths[name])
    if rates.start > max(lengths.values()):
        limit = "the start"
    return Forecast(workers, whole, share, longest, compute, driver, network, limit)


def limits(todo: Work, rates: Rates) -> dict[str, float]:
    """From how many workers on something else sets the length: no more of them make the run shorter. The first to
    give way comes first; infinite where a thing takes no time."""
    of_one = todo.seconds / rates.speed
    told = forecast(todo, 1, rates)
    lengths = {"the longest training": told.longest, "the driver's store": told.driver, "its network": told.network}
    found = {name: of_one / seconds if seconds else math.inf for name, seconds in lengths.items()}
    return dict(sorted(found.items(), key=lambda item: item[1]))


# ------------------------------------------------------------------------------------------------------------ visitors


@dataclass(frozen=True)
class Server:
    """One replica of the app, as a room of visitors found it.

    answers: a second, its core busy (Python runs one page at a time); bytes: resident with nobody there;
    visitor_bytes: more for each visitor.
    """

    answers: float
    bytes: float
    visitor_bytes: float


def replicas(visitors: int, think_seconds: float, server: Server) -> int:
    """How many replicas answer so many visitors who each change something every `think_seconds`, `BUSY` of the time."""
    return max(1, math.ceil(visitors / think_seconds / (BUSY * server.answers)))


def memory(visitors: int, count: int, server: Server) -> float:
    """Bytes resident in each of `count` replicas that share the visitors evenly."""
    return server.bytes + server.visitor_bytes * visitors / count


def site_traffic(visitors: int, pages: float, page_bytes: float, seconds: float) -> float:
    """Bytes a second of a static site whose visitors each open so many pages within `seconds`."""
    return visitors * pages * page_bytes / seconds
