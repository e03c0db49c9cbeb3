"""The capacity model: its inputs measured, held against runs of a local cluster, and carried to sizes nobody has here.

Two runs of a tiny study, on one worker and on two, are foretold from another seed's cells and a worker's start, then
measured. Everything beyond is paper: `assumed` names what was not measured.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, claim, machine, write
from invlab import capacity, cluster, devices, records, runs, site, training
from invlab.capacity import Rates, Server
from invlab.cluster import Cluster
from invlab.costs import cell_seconds
from invlab.store import Store, open_store
from invlab.studies.catalogue import STUDIES, StudyRun, StudySeed
from invlab.tasks import Task
from invlab.training import Training

CHECKED, FIRST, OTHER = (StudyRun("relevance", "tiny", 1).seed(number) for number in (0, 6, 7))
SMALL = Training(Task(classes=(0, 1), transformations=("rotate",)), images=64, batch=32)
SEEDS = 10  # of the paper preset
WORKERS = (1, 8, 64, 256, 1000)
VISITORS = (30, 300, 1_000, 10_000)
# What was not measured: a GPU learns so many times as fast as one CPU thread (ResNet-18 on 32 pixels: 5,000 images a
# second against 25), and so many bytes a second reach the driver (a network of one gigabit).
GPU_SPEED = 200.0
NETWORK = 1.25e8
PAGE = Path(__file__).parents[1] / "docs" / "cluster.md"
BEGIN, END = "<!-- figures: make bench writes them -->", "<!-- end of figures -->"
SITE_SECONDS, SITE_PAGES = 600.0, 5.0  # a visitor of the static site: so many pages in so long


def timed_run(seed: StudySeed, workers: int) -> float:
    """Seconds from nothing to every cell stored, on a cluster of this machine."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        began = time.perf_counter()
        with Cluster(cluster.LOCAL, workers) as on:
            on.compute(seed.specs(), store)
            seconds = time.perf_counter() - began
        store.close()
    return seconds


def calibrate() -> tuple[float, float]:
    """The speed of one worker, from another seed's cells computed here, and a worker's start, from a run of next to
    nothing."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        runs.execute_all(FIRST.specs(), store, threads=1)  # draws the pictures that are drawn once for an installation
        began = time.perf_counter()
        cells = OTHER.specs()
        runs.execute_all(cells, store, threads=1)
        speed = sum(map(cell_seconds, cells)) / (time.perf_counter() - began)
        began = time.perf_counter()
        runs.execute(SMALL, store)
        small = time.perf_counter() - began
        store.close()
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)
        began = time.perf_counter()
        with Cluster(cluster.LOCAL, 1) as on:
            on.compute([SMALL], store)
            start = time.perf_counter() - began - small
    return speed, start


def storing(network: str) -> dict[str, float]:
    """The driver's seconds to take in a record, and a network's weights, and the bytes of both."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = Store(Path(folder) / "here"), Store(Path(folder) / "there")
        runs.execute(SMALL, there)
        record = cluster.packed(records.key(SMALL), there)["record"]
        spec = replace(SMALL, network=network)
        key = records.key(spec)
        described = there.put_weights(key, dict(training.start(spec, "cpu").state_dict()))
        there.put(key, record | {"weights": described})
        with_weights = cluster.packed(key, there)
        alone = {"key": key, "record": record | {"weights": described}, "weights": None}
        seconds = {name: _median(lambda sent=sent: cluster.keep(sent, here)) for name, sent in
                   (("record", alone), ("weights", with_weights))}  # fmt: skip
        size = len(json.dumps(record))
        return {
            "record_seconds": seconds["record"],
            "weights_seconds": max(0.0, seconds["weights"] - seconds["record"]),
            "record_bytes": float(size),
            "weights_bytes": float(len(with_weights["weights"])),
        }


def _median(work: Any, rounds: int = 15) -> float:
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def on_paper(rates: Rates) -> dict[str, Any]:
    """All studies at the paper preset on so many GPUs, and how many it takes until something else sets the length."""
    cells = [spec for name in STUDIES for seed in StudyRun(name, "paper", SEEDS).each() for spec in seed.specs()]
    cells = list(dict.fromkeys(cells))
    one = capacity.work(cells)
    return {
        "seeds": SEEDS,
        "cells": one.cells,
        "trainings": one.trainings,
        "gpu_hours": one.seconds / rates.speed / 3600,
        "limits": capacity.limits(one, rates),
        "rows": [asdict(f) | {"efficiency": f.efficiency} for f in
                 (capacity.forecast(one, n, rates) for n in WORKERS)],
    }  # fmt: skip


def visitors() -> dict[str, Any]:
    """Replicas for so many visitors, from the measured room of thirty, and the traffic of the static site."""
    room = json.loads((RESULTS / f"room-{machine()}.json").read_text())
    answered = sum(group["count"] for group in room["by_visitor"].values()) / (60 * room["minutes"])
    answers = answered / room["cpu"]["web"]  # of a core that is busy all the time: Python runs one page at a time
    there = sum(room["visitors"].values())
    first, last = (1e6 * room["memory"][name] for name in ("first_mb", "last_mb"))
    server = Server(answers, first, max(0.0, last - first) / there)
    think = statistics.mean(room["think_seconds"])
    with tempfile.TemporaryDirectory() as folder:
        written = site.export(Path(folder) / "site", open_store(read_only=True))
        pages = [path.stat().st_size for path in (Path(folder) / "site").rglob("*.html")]
        page = written.bytes - sum(pages) + statistics.mean(pages) * SITE_PAGES  # the scripts beside them once
    rows = []
    for count in VISITORS:
        needed = capacity.replicas(count, think, server)
        rows.append({
            "visitors": count,
            "replicas": needed,
            "memory_each": capacity.memory(count, needed, server),
            "site_bytes_per_second": capacity.site_traffic(count, SITE_PAGES, page / SITE_PAGES, SITE_SECONDS),
        })  # fmt: skip
    return {"server": asdict(server), "think_seconds": think, "site_bytes": written.bytes, "site_pages": written.pages,
            "visit_bytes": page, "rows": rows}  # fmt: skip


# ---- the figures in docs/cluster.md


def told(found: dict[str, Any]) -> str:
    """The figures of a result in Markdown, as docs/cluster.md has them."""
    local, paper, visits = found["rates"]["local"], found["paper"], found["visitors"]
    gpu = found["assumed"]["gpu_speed"]
    far = max(abs(row["told"] / row["measured"] - 1) for row in found["checked"])
    lines = [
        f"On {found['machine']} a worker starts in {local['start']:.0f} s, and the driver takes in a record in "
        f"{1000 * local['record_seconds']:.1f} ms. The model was held against runs on one and two workers: it was off "
        f"by {far:.0%} at most.",
        "",
        "| workers | foretold | measured |",
        "|---|---|---|",
        *(f"| {row['workers']} | {row['told']:.0f} s | {row['measured']:.0f} s |" for row in found["checked"]),
        "",
        f"All studies at the `paper` preset, {paper['seeds']} seeds: {paper['cells']:,} cells, {paper['trainings']:,} "
        f"of them trainings, {paper['gpu_hours']:,.0f} hours of a GPU that is {gpu:.0f} times as fast as a CPU thread "
        "(assumed: no GPU was at hand).",
        "",
        "| GPUs | hours | of what is paid for computes | what sets the length |",
        "|---|---|---|---|",
        *(f"| {row['workers']:,} | {row['seconds'] / 3600:,.1f} | {row['efficiency']:.0%} | {row['limit']} |"
          for row in paper["rows"]),
        "",
        "More GPUs no longer help "
        + ", ".join(f"from {count:,.0f} on because of {name}" for name, count in paper["limits"].items()) + ".",
        "",
        f"By what a room of thirty took of a core, one server that keeps it busy answers "
        f"{visits['server']['answers']:.1f} times a second, and is planned for {capacity.BUSY:.0%} of that; a visit of "
        f"the static site is {visits['visit_bytes'] / 1e6:.1f} MB without compression.",
        "",
        "| visitors at once | replicas of the app | memory of each | or the static site |",
        "|---|---|---|---|",
        *(f"| {row['visitors']:,} | {row['replicas']:,} | {row['memory_each'] / 1e9:.1f} GB | "
          f"{row['site_bytes_per_second'] / 1e6:,.1f} MB/s |" for row in visits["rows"]),
    ]  # fmt: skip
    return "\n".join(lines)


def between(text: str, figures: str) -> str:
    """A page with its figures replaced."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"


def main() -> None:
    devices.one_thread_each()
    runs.warm_up()
    speed, start = calibrate()
    small = Rates(speed, start, **storing("labnet"), network=1e9)
    claims, checked = [], []
    for workers in (1, 2):
        ahead = capacity.forecast(capacity.work(CHECKED.specs()), workers, small)
        measured = timed_run(CHECKED, workers)
        text = f"the model foretells a run on {workers} local worker{'s' if workers > 1 else ''}: how far off"
        claims.append(claim(text, abs(ahead.seconds / measured - 1), 0.25, "of it", larger=False))
        checked.append({"workers": workers, "told": ahead.seconds, "measured": measured, "limit": ahead.limit})
    large = Rates(GPU_SPEED, start, **storing("resnet18"), network=NETWORK)
    path = write(
        "capacity",
        claims,
        checked=checked,
        rates={"local": asdict(small), "paper": asdict(large)},
        assumed={"gpu_speed": GPU_SPEED, "network": NETWORK, "site_seconds": SITE_SECONDS, "site_pages": SITE_PAGES},
        paper=on_paper(large),
        visitors=visitors(),
    )
    PAGE.write_text(between(PAGE.read_text(), told(json.loads(path.read_text()))))


if __name__ == "__main__":
    main()
