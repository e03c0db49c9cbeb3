"""A classroom: thirty visitors walk through the app for ten minutes, then all ask for the same new run.

`python -m benchmarks.room`, or a short trial that stores nothing: `--minutes 1 --trial`. It stops by itself.

Ten visitors are pages in a real headless Chromium, the others clients of Streamlit's protocol. Everybody looks at a
page for 5 to 20 seconds, then uses one of its controls or goes to another page; now and then the teacher names a page,
and all go there within ten seconds.

A response lasts from the asking until the page's script has finished, for a client and in a browser. What a person in
front of a browser waits for, from the click until the page stands still with its figures drawn, is a claim of its own:
ten Chromium draw on the very processors that serve. In a class they run on the students' machines, so here they are
nice: who serves goes first. `cpu` in the results says how much of the processors each took.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Error as BrowserError
from playwright.async_api import async_playwright

from benchmarks.common import claim, write
from benchmarks.visitors import STEP_SECONDS, Answer, Client, Seat, Visitor, behind
from invlab.jobs import Queue
from tests.browser import FLAGS, App, chromium_path, serve
from tests.protocol import NotShownError


@dataclass(frozen=True)
class Stop:
    """A page of the walk: the path and the labels of its controls. `measures`: it measures networks or draws pictures
    when it is asked for what nobody has asked before, beside showing what is bundled."""

    path: str
    controls: tuple[str, ...] = ()
    measures: bool = False


PUBLISHED, TWINS = "Beside it: the published values", "Show its twin pairs"
WALK = (
    Stop(""),
    Stop("lessons"),
    Stop("classroom"),
    Stop("glossary"),
    Stop("transformations", ("Show", "Seed", "New draws", "Image size, pixels"), measures=True),
    Stop("sensitivity", ("Show", "Network trained for", "Seen under", "Seed", PUBLISHED)),
    Stop("responses", ("Show", "Parameter", "Objects"), measures=True),
    Stop("learning", ("Show", "Look at the network after", "As seen by the network trained for")),
    Stop("measures", ("Under", "Twins as seen by the network trained for"), measures=True),
    Stop("side_by_side", ("Show", "Network A trained for", "Family"), measures=True),
    Stop("transfer", ("The second network learns under", "Seed")),
    Stop("factors", ("Families of the target", "Transfer measured by", "Factor", PUBLISHED)),
    Stop("relevance", ("C is", "Objects", "Probed", PUBLISHED)),
    Stop("shift", ("Networks trained on", "Show", "Under the family", PUBLISHED)),
    Stop("mismatch", ("Kind", PUBLISHED)),
    Stop("information", ("What can it still tell?", "Family", "Source")),
    Stop("own", ("Show", "Under", "Seed")),
    Stop("runs", ("Open a run",)),
    Stop("benchmarks", ("Show",)),
)
TAUGHT = ("sensitivity", "transfer", "shift", "factors", "learning")  # where the teacher sends the class, in turn
STOPS = {stop.path: stop for stop in WALK}

THINK = (5.0, 20.0)  # seconds that a person looks at a page
NEXT_PAGE = 0.4  # how often the next step is another page
TOGETHER_SECONDS = 10.0  # within which all follow the teacher
TEACHER_SECONDS = 100.0  # between two words of the teacher
SAMPLE_SECONDS = 5.0
WARM_SECONDS = 120.0  # after which memory is not to grow
LIVE_SECONDS = 180.0  # that the thirty may wait for their run
NEW_SEED = 4242  # of the run that nobody has asked for
LOOK_SECONDS = 300.0  # that the first look at a page may take
TOLD = ("by_page", "by_visitor", "by_step", "drawn", "live", "memory", "cpu", "errors", "not_there_at_that_moment")
PREPARING = "being prepared"  # what a page says while it draws pictures
BUTTON, RESULT = "Train both and compare", "How they came to that"


@dataclass(frozen=True)
class Step:
    """One thing a visitor did. `at`: seconds since the beginning; `seconds`: from the asking until the page's script
    had finished; `drawn`: from the act until a browser had drawn it all."""

    who: str  # browser or client
    page: str
    what: str  # arrive, page, together, or a control's label
    at: float
    seconds: float
    drawn: float | None = None


@dataclass
class Room:
    """What is shared: the clock, the teacher's word, what was seen."""

    began: float = field(default_factory=time.monotonic)
    until: float = 0.0
    word: asyncio.Event = field(default_factory=asyncio.Event)
    page: str = ""  # that it named
    pages: tuple[str, ...] = ()  # of the navigation
    steps: list[Step] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)  # controls that were not there at that moment

    @property
    def now(self) -> float:
        return time.monotonic() - self.began


# ------------------------------------------------------------------------------------------------------------ the walk


async def walk(visitor: Visitor, room: Room, chance: random.Random, late: float) -> None:
    """One visitor from the door to the end of the lesson."""
    await asyncio.sleep(late)
    here = chance.choice(["", *TAUGHT])
    await step(visitor, room, here, "arrive", visitor.open(here))
    while room.now < room.until:
        called = await thinking(room, chance)
        if room.now >= room.until:
            return
        controls = STOPS[here].controls if here in STOPS else ()
        if called:
            await asyncio.sleep(chance.uniform(0, TOGETHER_SECONDS))
            here = room.page
            await step(visitor, room, here, "together", visitor.go(here))
        elif not controls or chance.random() < NEXT_PAGE:
            here = chance.choice([path for path in room.pages if path != here])
            await step(visitor, room, here, "page", visitor.go(here))
        else:
            label = chance.choice(controls)
            await step(visitor, room, here, label, visitor.use(label, chance))


async def thinking(room: Room, chance: random.Random) -> bool:
    """Look at the page; True where the teacher has called before one was through."""
    word = room.word
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(chance.uniform(*THINK)):
            await word.wait()
            return True
    return False


async def step(visitor: Visitor, room: Room, page: str, what: str, doing: Awaitable[Answer]) -> None:
    """Do something, note how long it took and what went wrong."""
    at, where = room.now, f"{visitor.kind}, {page or 'home'}, {what}"
    try:
        async with asyncio.timeout(STEP_SECONDS + 10):
            answer = await doing
        room.steps.append(Step(visitor.kind, page, what, at, *answer))
    except NotShownError:
        room.missed[f"{page or 'home'}: {what}"] += 1
    except (TimeoutError, BrowserError, OSError) as error:
        room.errors.append(f"{where}: {type(error).__name__}: {error}")
    with contextlib.suppress(BrowserError):
        room.errors += [f"{where}: {error}" for error in await visitor.errors()]


async def teach(room: Room) -> None:
    """Name a page now and then."""
    for turn in range(10_000):
        await asyncio.sleep(TEACHER_SECONDS if turn else TEACHER_SECONDS / 3)
        room.page, word, room.word = TAUGHT[turn % len(TAUGHT)], room.word, asyncio.Event()
        so_far = f"{len(room.steps)} steps, {len(room.errors)} errors {room.errors[-1:]}"
        print(f"{room.now:.0f} s: all to {room.page}; {so_far}", flush=True)
        word.set()


# ------------------------------------------------------------------------------------------------------- the processes


def resident(pid: int) -> float:
    """Memory of a process that is in the RAM, MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def processes() -> dict[int, tuple[int, str, float]]:
    """pid -> its parent, its name and the seconds of processor time it has taken."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                head, _, tail = (entry / "stat").read_text().rpartition(")")
                fields = tail.split()
                seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
                found[int(entry.name)] = int(fields[1]), head.partition("(")[2], seconds
    return found


def cpu(web: int, workers: Iterable[int]) -> dict[str, float]:
    """Seconds of processor time: of the web process, the worker, Chromium (with what drives it), and this script."""
    known, workers = processes(), set(workers)
    found = {"web": known[web][2], "worker": sum(known[w][2] for w in workers if w in known), "browsers": 0.0}
    found["this script"] = known[os.getpid()][2]
    for pid in known:
        if pid not in (web, os.getpid()) and pid not in workers and web not in (line := ancestors(pid, known)):
            found["browsers"] += known[pid][2] if os.getpid() in line else 0.0
    return found


def ancestors(pid: int, known: dict[int, tuple[int, str, float]]) -> list[int]:
    line = []
    while pid in known and (pid := known[pid][0]):
        line.append(pid)
    return line


async def watch(app: App, room: Room, memory: list[tuple[float, float]]) -> None:
    while True:
        memory.append((round(room.now, 1), round(resident(app.process.pid), 1)))
        await asyncio.sleep(SAMPLE_SECONDS)


def growth(memory: Sequence[tuple[float, float]], warm: float) -> dict[str, float]:
    """How memory grew after `warm` seconds: the medians of six samples at both ends, and a fitted line."""
    later = [(at, size) for at, size in memory if at >= warm] or list(memory)
    first, last = (statistics.median(size for _, size in part) for part in (later[:6], later[-6:]))
    fitted = statistics.linear_regression(*zip(*later, strict=True)) if len(later) > 2 else (0.0, first)
    span = later[-1][0] - later[0][0]
    at_first = fitted[1] + fitted[0] * later[0][0]
    return {
        "first_mb": first,
        "last_mb": last,
        "growth": last / first - 1,
        "fitted_mb_per_minute": fitted[0] * 60,
        "fitted_growth": fitted[0] * span / at_first,
        "largest_mb": max(size for _, size in memory),
    }


# ---------------------------------------------------------------------------------------------------- one run for all


async def live(visitors: Sequence[Visitor], app: App, room: Room, chance: random.Random) -> dict[str, Any]:
    """All ask for the same new run within two seconds: the trainings it cost, and who saw the result and when."""
    link = f"seed={NEW_SEED}"
    await asyncio.gather(*(step(v, room, "transfer", "arrive", v.open("transfer", link)) for v in visitors))
    began = time.time()
    seen = await asyncio.gather(*(asked(v, room, chance.uniform(0, 2)) for v in visitors))
    for visitor in visitors:
        room.errors += [f"{visitor.kind}, one run for all: {error}" for error in await visitor.errors()]
    jobs = [job for job in Queue(app.home / "queue.sqlite3").jobs(limit=1000) if job.created >= began]
    waited = [seconds for seconds in seen if seconds is not None]
    return {
        "visitors": len(visitors),
        "trainings": sum(job.attempts for job in jobs if job.kind == "Comparison"),
        "seen": len(waited),
        "last_seconds": max(waited, default=None),
        "median_seconds": statistics.median(waited) if waited else None,
    }


async def asked(visitor: Visitor, room: Room, late: float) -> float | None:
    """Click, and wait for the result; seconds from the click, None where it did not come."""
    await asyncio.sleep(late)
    began = time.monotonic()
    with contextlib.suppress(TimeoutError, NotShownError, BrowserError):
        async with asyncio.timeout(LIVE_SECONDS):
            await visitor.press(BUTTON)
            while not await visitor.shows(RESULT):
                await asyncio.sleep(0.2)
            return time.monotonic() - began
    room.errors.append(f"{visitor.kind}, transfer: the result did not come within {LIVE_SECONDS:.0f} s")
    return None


# ------------------------------------------------------------------------------------------------------- the measures


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """Count, median, 95th percentile and largest."""
    ordered = sorted(seconds)
    at = max(0, -(-95 * len(ordered) // 100) - 1)  # the least value that 95 % do not exceed
    return {"count": len(ordered), "p50": statistics.median(ordered), "p95": ordered[at], "max": ordered[-1]}


def grouped(steps: Sequence[Step], by: Any) -> dict[str, dict[str, float]]:
    groups = defaultdict(list)
    for one in steps:
        groups[by(one)].append(one.seconds)
    return {name: spread(seconds) for name, seconds in sorted(groups.items())}


def until_drawn(steps: Sequence[Step]) -> dict[str, list[float]]:
    """Seconds until a browser had drawn: the first page of a visitor, who also loads the app, and all after it."""
    found = defaultdict(list)
    for one in steps:
        if one.drawn is not None:
            found["first page" if one.what == "arrive" else "later pages"].append(one.drawn)
    return dict(found)


def measures(one: Step) -> bool:
    return one.page in STOPS and STOPS[one.page].measures


async def lesson(app: App, arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything, once: the walk, then the run that all ask for."""
    chance = random.Random(arguments.seed)
    async with async_playwright() as playwright:
        program = behind(app.home, chromium_path())
        browser = await playwright.chromium.launch(executable_path=program, args=[*FLAGS], headless=True)
        seats: list[Visitor] = [Seat(browser, app.url) for _ in range(arguments.browsers)]
        visitors = seats + [Client(app.url) for _ in range(arguments.visitors - arguments.browsers)]
        chance.shuffle(visitors)
        teacher = Client(app.url)  # looks through the pages before the lesson, as `docs/classroom.md` says
        await teacher.open("")
        await worker_there(app)
        looked = await look_through(teacher)
        room, memory = Room(pages=tuple(teacher.session.pages)), []
        await teacher.close()
        room.until = 60 * arguments.minutes
        workers = [worker.pid for worker in Queue(app.home / "queue.sqlite3").workers()]
        helpers = [asyncio.create_task(work) for work in (teach(room), watch(app, room, memory))]
        before = cpu(app.process.pid, workers)
        walks = [walk(v, room, random.Random(chance.random()), chance.uniform(0, 15)) for v in visitors]
        await asyncio.gather(*walks)
        took = room.now
        after = cpu(app.process.pid, workers)
        for helper in helpers:
            helper.cancel()
        walked = list(room.steps)
        print(f"walked for {took:.0f} s: {len(walked)} steps; now one run for all", flush=True)
        found = await live(visitors, app, room, chance)
        await asyncio.gather(*(visitor.close() for visitor in visitors), return_exceptions=True)
        await browser.close()
    return {
        "walked": walked,
        "room": room,
        "memory": memory,
        "cpu": {name: round((after[name] - before[name]) / took, 3) for name in after},
        "live": found,
        "looked": looked,
    }


@contextlib.contextmanager
def prepared(home: Path) -> Iterator[App]:
    """A served app in a new home, after what `docs/classroom.md` asks the teacher to do once."""
    command = [sys.executable, "-m", "invlab", "data", "get", "pictures"]
    subprocess.run(command, env={**os.environ, "INVLAB_HOME": str(home)}, check=True)
    with serve(home) as app:
        yield app


async def look_through(teacher: Client) -> float:
    """Every page once, until its pictures are there: a new installation draws them when they are first asked for.
    Returns the seconds it took."""
    began = time.monotonic()
    for path in teacher.session.pages:
        async with asyncio.timeout(LOOK_SECONDS):
            try:
                await teacher.session.go(path)
            except TimeoutError:
                await teacher.session.settle(LOOK_SECONDS)
            while any(PREPARING in text for text in teacher.session.texts()):
                await asyncio.sleep(0.5)
    return time.monotonic() - began


async def worker_there(app: App, seconds: float = 120.0) -> None:
    queue = Queue(app.home / "queue.sqlite3")
    async with asyncio.timeout(seconds):
        while not queue.workers():
            await asyncio.sleep(0.5)
    await asyncio.sleep(15)  # torch is imported and the scenes are drawn


def told(found: dict[str, Any], arguments: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The claims, and what stands beside them in the results."""
    steps, room = found["walked"], found["room"]
    bundled = [one.seconds for one in steps if not measures(one)]
    together = [one.seconds for one in steps if one.what == "together"]
    drawn = until_drawn([one for one in steps if not measures(one)])
    waited = [one.seconds if one.drawn is None else one.drawn for one in steps if not measures(one)]
    memory = growth(found["memory"], min(WARM_SECONDS, 30 * arguments.minutes))
    live, count = found["live"], arguments.visitors
    claims = [
        claim("responses on bundled results, 95th percentile", spread(bundled)["p95"], 1.5, "s", larger=False,
              headline=True),
        claim("all responses, also of pages that measure on the spot, 95th percentile",
              spread([s.seconds for s in steps])["p95"], 1.5, "s", larger=False),
        claim("responses where all change the page within ten seconds, 95th percentile",
              spread(together or [0.0])["p95"], 1.5, "s", larger=False),
        claim("what all waited for on bundled results, in a browser until drawn, 95th percentile",
              spread(waited)["p95"], 1.5, "s", larger=False, headline=True),
        *(
            claim(f"bundled results drawn in a Chromium beside the server, {kind}, 95th percentile",
                  spread(seconds)["p95"], 1.5, "s", larger=False)
            for kind, seconds in drawn.items()
        ),
        claim("errors", len(room.errors), 0, "errors", larger=False),
        claim("growth of the web process's memory after two minutes", memory["growth"], 0.1, "of its size",
              larger=False),
        claim("trainings that one run asked for by all cost", live["trainings"], 1, "trainings", larger=False),
        claim("visitors who saw its result", live["seen"], count, "visitors"),
    ]  # fmt: skip
    beside = {
        "visitors": {"browsers": arguments.browsers, "clients": count - arguments.browsers},
        "minutes": arguments.minutes,
        "seed": arguments.seed,
        "think_seconds": THINK,
        "looked_through_seconds": round(found["looked"], 1),
        "by_page": grouped(steps, lambda one: one.page or "home"),
        "by_visitor": grouped(steps, lambda one: one.who),
        "by_step": grouped(steps, lambda one: one.what if one.what in ("arrive", "page", "together") else "control"),
        "drawn": {kind: spread(seconds) for kind, seconds in until_drawn(steps).items()},
        "live": live,
        "memory": memory,
        "memory_samples": found["memory"],
        "cpu": found["cpu"],
        "errors": Counter(room.errors).most_common(50),
        "not_there_at_that_moment": dict(room.missed),
    }
    return claims, beside


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--browsers", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trial", action="store_true", help="print the results and store nothing")
    parser.add_argument("--steps", type=Path, help="write every step to this file, one line of JSON for each")
    return parser.parse_args()


def main() -> None:
    arguments = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the app and Chromium end with it
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, prepared(Path(home)) as app:
        most = 60 * arguments.minutes + LIVE_SECONDS + 6 * STEP_SECONDS
        found = asyncio.run(asyncio.wait_for(lesson(app, arguments), most))
    claims, beside = told(found, arguments)
    if arguments.steps:
        arguments.steps.write_text("".join(json.dumps(asdict(one)) + "\n" for one in found["walked"]))
    if not arguments.trial:
        write("room", claims, load_before=load, **beside)
        return
    for name in TOLD:
        print(name)
        rows = beside[name].items() if isinstance(beside[name], dict) else beside[name]
        for row in rows:
            print("   ", *row)


if __name__ == "__main__":
    main()
