"""How the cost grows, with image size, classes, samples, families, networks, seeds, visitors and stored results.

`python -m benchmarks.growth`, about fifteen minutes on two cores, or `--part PART …` for some of it; what the other
parts gave before stays in the file. The store's part fills a million results into a temporary directory (about 1 GB,
removed afterwards).

The law of a curve is fitted to its larger half, where what is paid once no longer counts: the exponent of a power law,
by least squares on logarithms over every single run, with Student's 95 % interval; below 0.1 it is called a constant.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import math
import random
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.common import RESULTS, alternate, claim, machine, spread, write
from invlab import devices, listing, runs, sensitivity, training, transfer
from invlab.intervals import student
from invlab.listing import Entry
from invlab.sensitivity import Sensitivity
from invlab.store import Store, bundle_dir
from invlab.studies.comparison import comparison
from invlab.studies.presets import PRESETS
from invlab.tasks import Task, render, rendered
from invlab.training import Training
from invlab.transfer import Transfer
from invlab.transforms import TRANSFORMS

Points = dict[int, list[float]]  # what grows: the seconds of each run

# The exponents that the work has by its nature, where it is not in proportion: blur multiplies each column and row of S
# pixels by an S × S matrix, S³ for S² pixels.
EXPECTED = {("pixels", "rendering blur"): 1.5}
ROOM = 0.1  # for the spread of a shared machine
CONSTANT = 0.1
ROUNDS = 3
MOST_MS = 50.0
TASK = Task(tuple(range(12)), ("rotate", "hue", "blur"))
TRAINING = Training(TASK, images=1280, batch=128)
RECORDS = (1_000, 10_000, 100_000, 1_000_000)
KINDS = {"sensitivity": 0.5, "transfer": 0.3, "training": 0.1, "response": 0.05, "comparison": 0.05}
LOOKS = 300  # single calls that are timed
PAGE = 50


# ------------------------------------------------------------------------------------------------------------ the laws


def law(points: Points) -> dict[str, Any]:
    """The exponent of a curve's larger half, its interval, and what that amounts to."""
    larger = sorted(points)[len(points) // 2 - (len(points) % 2 == 0) :]
    pairs = [(math.log(x), math.log(seconds)) for x in larger for seconds in points[x]]
    n = len(pairs)
    middle_x, middle_y = (sum(values) / n for values in zip(*pairs, strict=True))
    across = sum((x - middle_x) ** 2 for x, _ in pairs)
    slope = sum((x - middle_x) * (y - middle_y) for x, y in pairs) / across
    left = sum((y - middle_y - slope * (x - middle_x)) ** 2 for x, y in pairs)
    reach = student(n - 2) * math.sqrt(left / (n - 2) / across)
    name = "constant" if slope < CONSTANT else "power law"
    return {"law": name, "exponent": slope, "interval": [slope - reach, slope + reach], "from": larger[0]}


# --------------------------------------------------------------------------------------------------------- computations


def measured_over(values: Sequence[int], work: Callable[[int], Callable[[], Any]]) -> Points:
    """The seconds of `work(value)()` in alternating rounds; what `work` does before is not counted."""
    named = {str(value): work(value) for value in values}
    return {int(name): seconds for name, seconds in alternate(named, ROUNDS).items()}


def pixels() -> dict[str, Points]:
    """Rendering 256 images over the pixels of one."""

    def over(names: tuple[str, ...]) -> Points:
        def drawn(count: int) -> Callable[[], Any]:
            task = replace(TASK, size=math.isqrt(count), transformations=names)
            return lambda: render(task, "train", range(256))

        return measured_over([side**2 for side in (16, 32, 48, 64, 96, 128)], drawn)

    return {"rendering rotate, hue": over(("rotate", "hue")), "rendering blur": over(("blur",))}


def families() -> dict[str, Points]:
    """Rendering 128 images under each of eight sets of families, over the size of a set.

    The sets are drawn at random, as are the orders in them: families differ in cost, and neighbours may share work.
    """
    chance = random.Random("families")

    def drawn(count: int) -> Callable[[], Any]:
        tasks = [replace(TASK, transformations=tuple(chance.sample(list(TRANSFORMS), count))) for _ in range(8)]
        return lambda: [render(task, "train", range(128)) for task in tasks]

    return {"rendering": measured_over((1, 2, 4, 6, 9, 12, 15, 18), drawn)}


def classes() -> dict[str, Points]:
    """Transfer of an untrained network, images ready, over the number of classes."""
    network = training.start(TRAINING, "cpu")

    def probed(count: int) -> Callable[[], Any]:
        spec = Transfer(TRAINING, replace(TASK, classes=tuple(range(count))), 2000, 1000)
        return lambda: transfer.measure(network, spec, "cpu")

    return {"transfer": measured_over((2, 4, 8, 16, 32, 64), probed)}


def samples() -> dict[str, Points]:
    """Learning, sensitivity and transfer over the number of images, rendering included."""
    network = training.start(TRAINING, "cpu")

    def learned(count: int) -> Callable[[], Any]:
        spec = replace(TRAINING, images=count)
        return lambda: [None for _ in training.train(training.start(spec, "cpu"), spec, "cpu")]

    def sensed(count: int) -> Callable[[], Any]:
        return lambda: sensitivity.measure(network, Sensitivity(TRAINING, TASK, count), "cpu")

    def probed(count: int) -> Callable[[], Any]:
        return lambda: transfer.measure(network, Transfer(TRAINING, TASK, count, count), "cpu")

    counts = (500, 1000, 2000, 4000, 8000)
    with patch.object(rendered, "limit_bytes", 0):  # each run renders
        return {
            "learning": measured_over((640, 1280, 2560, 5120, 10_240), learned),
            "sensitivity": measured_over(counts, sensed),
            "transfer": measured_over(counts, probed),
        }


def networks() -> dict[str, Points]:
    """Learning, storing and reading back networks, two at a time, over their number."""
    specs = [replace(TRAINING, images=640, seed=seed) for seed in range(8)]

    def executed(count: int) -> Callable[[], Any]:
        def run() -> None:
            with tempfile.TemporaryDirectory() as home:
                runs.execute_all(specs[:count], Store(home), threads=devices.threads())

        return run

    return {"training": measured_over((1, 2, 4, 8), executed)}


def seeds() -> dict[str, Points]:
    """A small comparison, two networks learned and measured, over the number of seeds."""
    preset = PRESETS["tiny"]

    def executed(count: int) -> Callable[[], Any]:
        def run() -> None:
            with tempfile.TemporaryDirectory() as home:
                specs = [comparison((("rotate",), ("hue",)), ("rotate",), preset, seed) for seed in range(count)]
                runs.execute_all(specs, Store(home), threads=devices.threads())

        return run

    return {"comparison": measured_over((1, 2, 4, 8), executed)}


# ------------------------------------------------------------------------------------------------------------ visitors


def visitors() -> dict[str, Points]:
    """Seconds until the last of those who open a page in one moment has it, over their number."""
    from tests.browser import serve

    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        serve(Path(home), INVLAB_WORKER="0") as app,
    ):
        return asyncio.run(crowds(app.url))


async def crowds(url: str) -> dict[str, Points]:
    from benchmarks.visitors import Client

    points: dict[str, Points] = {}
    pages = {"home": "", "sensitivity": "sensitivity", "runs": "runs"}
    first = Client(url)  # the server warms up for one
    for path in pages.values():
        await first.open(path)
    await asyncio.sleep(10.0)
    await first.close()
    for name, path in pages.items():
        points[name] = {}
        for count in (1, 2, 4, 8, 15, 30):
            for _ in range(ROUNDS):
                crowd = [Client(url) for _ in range(count)]
                began = time.perf_counter()
                await asyncio.gather(*(visitor.open(path) for visitor in crowd))
                points[name].setdefault(count, []).append(time.perf_counter() - began)
                await asyncio.gather(*(visitor.close() for visitor in crowd))
    return points


# ----------------------------------------------------------------------------------------------------- the store's size


def records() -> dict[str, Points]:
    """Single calls to a store over the number of its results."""
    points: dict[str, Points] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        store = Store(home, bundle_dir())
        store.put(f"training-{0:032x}", {})
        count = 1
        for total in RECORDS:
            fill(store, count, total)
            count = total
            for what, seconds in calls(store, total).items():
                points.setdefault(what, {})[total] = seconds
            print(f"{total:>9,} results: {(home / 'results' / 'cache.db').stat().st_size / 1e6:,.0f} MB", flush=True)
        with contextlib.closing(sqlite3.connect(home / "results" / "cache.db", isolation_level=None)) as db:
            db.execute("DROP INDEX by_kind")
            began = time.perf_counter()
            listing.keep(db)
            points["making the index"] = {count: [time.perf_counter() - began]}
        store.close()
    return points


def fill(store: Store, start: int, stop: int) -> None:
    """Rows as diskcache writes them, many in a transaction, with records such as the lab's own."""
    chance = random.Random(f"rows from {start}")
    bundled = store.bundle
    assert bundled is not None
    patterns = {kind: list(bundled.lines(kind).values())[:20] for kind in KINDS}
    names, weights = list(KINDS), list(KINDS.values())

    def rows() -> Iterator[tuple[str, float, bytes]]:
        for number in range(start, stop):
            kind = chance.choices(names, weights)[0]
            key = f"{kind}-{chance.getrandbits(128):032x}"
            pattern = patterns[kind][number % len(patterns[kind])]
            yield key, 1.7e9 + number, zlib.compress(b'{"key":"%s","record":%s}' % (key.encode(), pattern))

    query = "INSERT INTO Cache(key, raw, store_time, access_time, mode, value) VALUES (?, 1, ?, 0, 1, ?)"
    coming = rows()
    with contextlib.closing(sqlite3.connect(store.home / "results" / "cache.db", isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        for part in listing.batched(coming, 20_000):
            db.execute("BEGIN")
            db.executemany(query, part)
            db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def calls(store: Store, total: int) -> dict[str, list[float]]:
    """Seconds of single calls of each kind."""
    chance = random.Random(f"calls at {total}")
    with store._beside() as db:
        places = [f"{kind}-{chance.getrandbits(128):032x}" for kind in KINDS for _ in range(LOOKS)]
        query = "SELECT key FROM Cache WHERE key > ? ORDER BY key LIMIT 1"
        there = [row[0] for row in (db.execute(query, (at,)).fetchone() for at in places) if row]
    chance.shuffle(there)
    absent = [f"sensitivity-{chance.getrandbits(128):032x}" for _ in range(LOOKS)]
    starts = [Entry(1.7e9 + chance.uniform(0, total), "") for _ in range(LOOKS)]

    def opened() -> None:
        again = Store(store.home)
        again.get(there[0])
        again.close()

    def page_of_runs(at: Entry) -> None:
        for _, key in store.page("comparison", PAGE, at).entries:
            store.get(key)

    timed: dict[str, list[tuple[Callable[[Any], Any], Any]]] = {
        "look-up": [(store.get, key) for key in there[:LOOKS]],
        "look-up of what is not there": [(store.get, key) for key in absent],
        "a page of keys": [(lambda at: store.page("sensitivity", PAGE, at), at) for at in starts],
        "the newest page": [(lambda _: store.page("sensitivity", PAGE), None)] * LOOKS,
        "a page with its records": [(page_of_runs, at) for at in starts[:100]],
        "counts": [(lambda _: store.counts(), None)] * 50,
        "opening a home": [(lambda _: opened(), None)] * 20,
        "storing a result": [(lambda key: store.put(key, {"number": 1}), key) for key in absent[:100]],
        "every key of a kind": [(lambda _: store.keys("comparison"), None)] * 3,
    }
    return {name: [seconds(*call) for call in each] for name, each in timed.items()}


def seconds(work: Callable[[Any], Any], argument: Any) -> float:
    began = time.perf_counter()
    work(argument)
    return time.perf_counter() - began


# -------------------------------------------------------------------------------------------------------------- claims

PARTS: dict[str, Callable[[], dict[str, Points]]] = {
    "pixels": pixels,
    "families": families,
    "classes": classes,
    "samples": samples,
    "networks": networks,
    "seeds": seeds,
    "visitors": visitors,
    "records": records,
}
ONCE = ("every key of a kind", "making the index")  # they go through all rows, as they say
HEADLINES = ("look-up", "a page with its records")


def claims_of(curves: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """What must hold of each part that was measured."""
    found = []
    for part, each in curves.items():
        for what, curve in each.items():
            if part != "records":
                text = f"exponent of the seconds over {part}: {what}"
                aim = EXPECTED.get((part, what), 1.0) + ROOM
                law_found = curve["law"]
                found.append(claim(text, law_found["exponent"], aim, "", larger=False, interval=law_found["interval"]))
            elif what not in ONCE:
                most = curve["points"][str(RECORDS[-1])]
                text = f"{what}, {RECORDS[-1]:,} results stored, 99 of 100 within"
                first = what in HEADLINES
                middle = 1000 * most["median"]
                found.append(claim(text, 1000 * most["p99"], MOST_MS, "ms", False, headline=first, median=middle))
    return found


def told(points: Points) -> dict[str, Any]:
    """A curve for the file: of each point median, spread and the 99th percentile, and the law."""
    shown = {
        str(x): spread(seconds) | {"p99": sorted(seconds)[math.ceil(0.99 * len(seconds)) - 1], "runs": len(seconds)}
        for x, seconds in points.items()
    }
    return {"points": shown} | ({"law": law(points)} if len(points) > 2 else {})


def table(curves: dict[str, Any]) -> str:
    """The curves as a table in Markdown: the least and the most that was measured, and the law."""
    lines = ["| over | what | from | to | exponent (95 %) | law |", "|---|---|---|---|---|---|"]
    for part, each in curves.items():
        for what, curve in each.items():
            points = curve["points"]
            ends = [f"{int(x):,}: {shown(points[x]['median'])}" for x in (min(points, key=int), max(points, key=int))]
            found = curve.get("law")
            exponent = name = ""
            if found:
                exponent = f"{found['exponent']:.2f} ({found['interval'][0]:.2f} … {found['interval'][1]:.2f})"
                name = found["law"]
            lines.append(f"| {part} | {what} | {ends[0]} | {ends[1]} | {exponent} | {name} |")
    return "\n".join(lines)


def shown(seconds: float) -> str:
    return f"{seconds:,.2f} s" if seconds >= 0.1 else f"{1000 * seconds:,.2f} ms"


def results() -> Path:
    return RESULTS / f"growth-{machine()}.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure (default: all)")
    parser.add_argument("--table", action="store_true", help="print what was measured before, measure nothing")
    asked = parser.parse_args()
    curves = json.loads(results().read_text())["curves"] if results().exists() else {}
    if asked.table:
        print(table(curves))
        return
    devices.one_thread_each()
    for part in asked.part:
        curves[part] = {what: told(points) for what, points in PARTS[part]().items()}
    curves = {part: curves[part] for part in PARTS if part in curves}
    write("growth", claims_of(curves), curves=curves)


if __name__ == "__main__":
    main()
