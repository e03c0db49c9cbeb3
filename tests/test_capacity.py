"""The capacity model on work whose answer is known, and against a slow simulation."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import capacity as benchmark
from invlab import capacity, cluster
from invlab.capacity import Rates, Server, Work
from invlab.costs import cell_seconds
from invlab.studies.catalogue import StudyRun
from invlab.training import Training

FREE = Rates(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1e9)
RESULTS = Path(__file__).parents[1] / "benchmarks" / "results"


def test_work_is_that_of_the_batches() -> None:
    cells = StudyRun("relevance", "tiny", 2).seed(0).specs()
    found = capacity.work(cells)
    assert found.cells == len(cells)
    assert found.trainings == len(found.groups) == sum(isinstance(spec, Training) for spec in cells)
    assert found.seconds == pytest.approx(sum(map(cell_seconds, cells)))
    told = capacity.forecast(found, 3, FREE)
    assert told.compute == pytest.approx(capacity.spread([b.seconds for b in cluster.batches(cells, 3)], 3))
    assert capacity.work([]) == Work((), 0, 0)


def simulated(batches: tuple[float, ...], workers: int) -> float:
    """Second by second, to a thousandth."""
    waiting, left, now = [round(1000 * seconds) for seconds in batches], [0] * workers, 0
    while waiting or any(left):
        for index in range(workers):
            if left[index] == 0 and waiting:
                left[index] = waiting.pop(0)
        left = [max(0, one - 1) for one in left]
        now += 1
    return now / 1000


@pytest.mark.parametrize("workers", [1, 2, 5, 40])
def test_the_spread_is_that_of_a_simulation(workers: int) -> None:
    chance = random.Random(workers)
    batches = tuple(round(chance.uniform(0.05, 0.6), 3) for _ in range(17))
    assert capacity.spread(batches, workers) == pytest.approx(simulated(batches, workers))
    assert capacity.spread((), workers) == 0.0


def test_what_takes_longest_sets_the_length() -> None:
    todo = Work((4.0,) * 10, 100, 10)
    assert capacity.forecast(todo, 2, FREE).seconds == 20.0
    assert capacity.forecast(todo, 2, FREE).limit == "the workers"
    assert capacity.forecast(todo, 2, FREE).efficiency == 1.0
    half = capacity.forecast(todo, 4, replace(FREE, speed=2.0, start=3.0))  # 3 + 3 + 2 + 2 batches of two seconds
    assert (half.seconds, half.limit, half.share) == (9.0, "the workers", 5.0)
    many = capacity.forecast(todo, 40, FREE)
    assert (many.seconds, many.limit, many.efficiency) == (4.0, "the longest training", 0.25)
    slow = capacity.forecast(todo, 40, replace(FREE, record_seconds=0.1, weights_seconds=0.5))
    assert (slow.seconds, slow.limit) == (15.0, "the driver's store")
    narrow = capacity.forecast(todo, 40, replace(FREE, record_bytes=10.0, weights_bytes=100.0, network=100.0))
    assert (narrow.seconds, narrow.limit) == (20.0, "its network")
    assert capacity.forecast(todo, 40, replace(FREE, start=60.0)).limit == "the start"


def test_from_where_on_more_workers_do_not_help() -> None:
    todo = Work((4.0,) * 10, 100, 10)
    rates = replace(FREE, record_seconds=0.02, record_bytes=1.0, network=20.0)
    found = capacity.limits(todo, rates)
    assert found == {"its network": 8.0, "the longest training": 10.0, "the driver's store": 20.0}
    assert next(iter(found)) == "its network"
    assert capacity.limits(todo, FREE)["the driver's store"] == math.inf
    assert capacity.forecast(todo, 7, rates).limit == "the workers"
    assert capacity.forecast(todo, 9, rates).limit == "its network"


def test_visitors() -> None:
    server = Server(answers=2.0, bytes=1e9, visitor_bytes=1e7)
    assert capacity.replicas(1, 10.0, server) == 1
    assert capacity.replicas(14, 10.0, server) == 1
    assert capacity.replicas(15, 10.0, server) == 2
    assert capacity.memory(30, 3, server) == 1.1e9
    assert capacity.site_traffic(10_000, 5, 2e5, 100.0) == 1e8


def test_the_page_has_the_figures_of_the_result() -> None:
    found = json.loads((RESULTS / "capacity-2-core-x86_64.json").read_text())
    page = benchmark.PAGE.read_text()
    assert benchmark.told(found) in page
    assert benchmark.between(page, benchmark.told(found)) == page


@pytest.mark.parametrize("file", sorted(RESULTS.glob("capacity-*.json")), ids=lambda file: file.stem)
def test_the_committed_figures_follow_from_their_inputs(file: Path) -> None:
    found = json.loads(file.read_text())
    rates = Rates(**found["rates"]["paper"])
    rows = found["paper"]["rows"]
    assert rates.speed == found["assumed"]["gpu_speed"]
    for row in rows:
        assert row["share"] == pytest.approx(found["paper"]["gpu_hours"] * 3600 / row["workers"])
        assert row["seconds"] == pytest.approx(rates.start + max(row["compute"], row["driver"], row["network"]))
        assert row["compute"] >= max(row["share"], row["longest"]) - 1e-6
    server = Server(**found["visitors"]["server"])
    for row in found["visitors"]["rows"]:
        assert row["replicas"] == capacity.replicas(row["visitors"], found["visitors"]["think_seconds"], server)
