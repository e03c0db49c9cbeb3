"""Every fault that the lab promises to survive, injected: no finished result is lost, no wrong one served, it recovers
by itself, and meanwhile it says in a sentence what is the matter. Single parts are tested beside their modules; here
the real worker and the real app are killed, and the files under them damaged, filled and locked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from invlab import backgrounds, database, files, records, runs, store
from invlab.jobs import STOPPED, Job, Queue
from invlab.store import Store
from invlab.studies.comparison import Comparison, comparison
from invlab.studies.presets import PRESETS
from invlab.ui import results
from invlab.ui.results import Choice
from tests.browser import App, free_port
from tests.pages import apart, opener, texts
from tests.protocol import Session
from tests.test_page_transfer import record_of
from tests.test_study_command import timeless

ROOT = Path(__file__).parents[1]
SECONDS = 120.0  # within which something must have happened


def tiny(seed: int) -> Comparison:
    """A comparison of about a second."""
    return comparison((("rotate",), ("hue",)), ("rotate",), PRESETS["tiny"], seed, "drawn", "black", 32)


def ask(queue: Queue, seed: int) -> str:
    spec = tiny(seed)
    return queue.submit(records.key(spec), "Comparison", records.plain(spec), title=f"seed {seed}").key


def science(record: dict) -> dict:
    """A record without what differs between two runs of the same: when and how long, and the curves, which only those
    networks have that were watched while they learned (one that was stored before the kill is not trained again)."""
    kept = {name: timeless(value) for name, value in record.items() if name not in ("made", "weights")}
    for network in kept["result"]["networks"]:
        network.pop("curve", None)
    return kept


def all_records(home: Path) -> dict[str, dict]:
    found = Store(home)
    try:
        return {key: found.get(key) for key in found.keys()}  # noqa: SIM118 - a Store  # type: ignore[misc]
    finally:
        found.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home with the scenes, which take a while to draw."""
    backgrounds.backgrounds("scenes", 32)
    scenes = list((store.home() / "cache").glob("scenes-*.npy"))
    place = tmp_path / "home"
    (place / "cache").mkdir(parents=True)
    for file in scenes:
        shutil.copy(file, place / "cache")
    monkeypatch.setenv("INVLAB_HOME", str(place))
    monkeypatch.setenv("INVLAB_BUNDLE", str(tmp_path / "no-bundle"))
    return place


def a_worker(home: Path) -> subprocess.Popen:
    log = (home / "worker-test.log").open("ab")
    command = [sys.executable, "-m", "invlab", "worker", "--poll", "0.05", "--workers", "2"]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=log, stderr=log, start_new_session=True)


def kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(20)


def until(true: object, seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


# ---------------------------------------------------------------------------------------------------------- processes


@pytest.mark.timeout(600)
def test_workers_killed_at_twenty_random_moments_lose_nothing(home: Path, tmp_path: Path) -> None:
    """Two workers on one home, one of them killed again and again; what was stored stays as it was, and in the end
    everything is there and the same as without any fault."""
    queue, chance, kills, seeds = Queue(), random.Random(5), 0, 0
    workers = [a_worker(home), a_worker(home)]
    before: dict[str, dict] = {}
    try:
        while kills < 20:
            while len(queue.jobs("queued")) < 3:
                ask(queue, seeds)
                seeds += 1
            until(lambda: any(job.worker_pid == workers[0].pid for job in held(queue)))
            time.sleep(chance.uniform(0.0, 0.8))
            kill(workers.pop(0))
            kills += 1
            now = all_records(home)
            assert {key: now.get(key) for key in before} == before
            before = now
            workers.append(a_worker(home))
            for job in queue.jobs("failed"):  # killed three times: it says so, and is asked for again
                assert job.error == STOPPED
                queue.submit(job.key, job.kind, job.payload, title=job.title)
        until(lambda: not queue.jobs("queued") and not queue.jobs("running"))
    finally:
        for process in workers:
            kill(process)
    assert {job.state for job in queue.jobs()} <= {"done", "failed"}
    undisturbed = Store(tmp_path / "undisturbed")
    ended = [job for job in queue.jobs(limit=1000) if job.state == "done"]
    assert len(ended) >= seeds - len(queue.jobs("failed"))
    for job in ended[::4]:
        again = runs.execute(runs.revive(job.kind, job.payload), undisturbed)
        assert science(all_records(home)[job.key]) == science(again)


class Held:
    """A running job and the process that holds it."""

    def __init__(self, job: Job) -> None:
        self.worker_pid = int((job.worker or "-0-").rsplit("-", 2)[1])


def held(queue: Queue) -> list[Held]:
    return [Held(job) for job in queue.jobs("running")]


def children(app: App) -> list[int]:
    """The worker processes that an app has started."""
    found = subprocess.run(["pgrep", "-P", str(app.process.pid)], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


async def _visit(url: str, path: str) -> tuple[list[str], list[str]]:
    session = Session(url)
    try:
        await session.open(path)
        return session.texts(), session.errors()
    finally:
        await session.close()


@pytest.mark.timeout(600)
def test_a_web_process_killed_at_ten_random_moments_comes_back_as_it_was(home: Path) -> None:
    """A finished result, a running job and a waiting one: whenever the server is killed, its successor on the same port
    serves the result, the worker has followed its server, and the jobs go on."""
    finished, chance = tiny(900), random.Random(11)
    kept = science(runs.execute(finished, Store(home)))
    queue, port = Queue(), free_port()
    keys = [ask(queue, seed) for seed in range(12)]
    for _ in range(10):
        app = App(home, port, INVLAB_BUNDLE=os.environ["INVLAB_BUNDLE"])
        try:
            words, errors = asyncio.run(_visit(app.url, "runs"))
            assert not errors
            assert any("Finished comparisons" in word for word in words)
            time.sleep(chance.uniform(0.0, 2.5))
        finally:
            pids = children(app)
            app.process.kill()
            app.stop()
        until(lambda pids=pids: not any(_lives(pid) for pid in pids), 40)
        assert science(all_records(home)[records.key(finished)]) == kept
        assert set(keys) == {job.key for job in queue.jobs()}
    last = App(home, port, INVLAB_BUNDLE=os.environ["INVLAB_BUNDLE"])
    try:
        asyncio.run(_visit(last.url, "runs"))
        until(lambda: all(job.over for job in queue.jobs()))
    finally:
        last.stop()
    assert {job.error for job in queue.jobs("failed")} <= {STOPPED}
    there = all_records(home)
    assert all(job.key in there for job in queue.jobs("done"))


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


# -------------------------------------------------------------------------------------------------- files, under pages


PAGES = ("home", "transfer", "runs", "sensitivity", "mismatch", "own")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation with the bundle that ships, one own result and a waiting job; links are shown as text."""
    monkeypatch.setattr(st, "page_link", lambda page, label="", **rest: st.text(f"{page}: {label}"))
    monkeypatch.setattr(results, "pictures_ready", lambda: False)
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    monkeypatch.setattr(files, "LOCK_SECONDS", 0.2)
    where = tmp_path / "home"
    yield from apart(where, monkeypatch, ROOT / "models")


def furnish(place: Path) -> str:
    """An own result and a waiting job in the home `place`; returns the result's key."""
    choice = Choice(seed=77)
    own = Store(place)
    own.put(choice.key(), record_of(choice))
    own.close()
    queue = Queue(place / "queue.sqlite3")
    ask(queue, 0)
    queue.close()
    for file in (place / "results" / "cache.db", place / "queue.sqlite3"):
        with contextlib.closing(sqlite3.connect(file)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return choice.key()


def truncated(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def flipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for at in range(100, len(data), 997):
        data[at] ^= 1 << (at % 8)
    file.write_bytes(bytes(data))


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def deleted(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize("damage", [truncated, flipped, emptied, deleted])
@pytest.mark.parametrize("name", ["results/cache.db", "queue.sqlite3"])
@pytest.mark.parametrize("page", PAGES)
def test_pages_go_on_over_damaged_files(place: Path, page: str, name: str, damage: object) -> None:
    """What ships is shown as ever; what was damaged is set aside, and the lab takes new results."""
    key = furnish(place)
    damage(place / name)  # type: ignore[operator]
    for _ in range(2):  # the second visit finds everything repaired
        shown = opener(ROOT / "pages" / f"{page}.py")()
        assert not shown.exception
    assert not shown.error
    own = Store(place)
    found = own.get(key)
    assert found is None or found == record_of(Choice(seed=77))  # lost, perhaps, but never wrong
    own.put(key, record_of(Choice(seed=77)))
    assert own.get(key) == record_of(Choice(seed=77))
    assert ask(Queue(place / "queue.sqlite3"), 1)


@pytest.mark.parametrize("page", PAGES)
def test_pages_go_on_over_a_locked_queue(place: Path, page: str) -> None:
    furnish(place)
    holder = sqlite3.connect(place / "queue.sqlite3", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    shown = opener(ROOT / "pages" / f"{page}.py")()
    assert not shown.exception
    if page == "transfer":
        clicked = shown.button(key="train").click().run()
        assert not clicked.exception
        assert "another process has held it" in texts(clicked)
    holder.execute("ROLLBACK")
    holder.close()
    again = opener(ROOT / "pages" / f"{page}.py")()
    assert not again.exception
    assert not again.error


@contextlib.contextmanager
def small_disk(where: Path, size: str = "1m") -> Iterator[Path]:
    """A disk of its own, of that size; skips where this person may not mount one."""
    where.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(where)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a small disk needs the rights of the system's administrator")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def fill(place: Path) -> None:
    with contextlib.suppress(OSError), (place / "filler").open("wb", buffering=0) as file:
        while file.write(b"\0" * 4096):
            pass


@pytest.mark.parametrize("page", PAGES)
def test_pages_go_on_over_a_full_disk(place: Path, page: str) -> None:
    with small_disk(place):
        key = furnish(place)
        fill(place)
        shown = opener(ROOT / "pages" / f"{page}.py")()
        assert not shown.exception
        own = Store(place)
        with pytest.raises(files.StoreError, match=r"disk is full: free some space"):
            own.put(Choice(seed=78).key(), record_of(Choice(seed=78)) | {"more": list(map(str, range(100_000)))})
        assert own.get(key) == record_of(Choice(seed=77))
        assert own.keys().count(key) == 1
        if page == "transfer":
            assert "the disk is full" in "".join(error.value for error in shown.error)
        (place / "filler").unlink()
        own.put(Choice(seed=78).key(), record_of(Choice(seed=78)))
        assert ask(Queue(place / "queue.sqlite3"), 1)
        own.close()
        st.cache_resource.clear()


@pytest.mark.parametrize("page", PAGES)
def test_pages_go_on_over_a_read_only_home(place: Path, page: str) -> None:
    with small_disk(place, "8m"):
        key = furnish(place)
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        shown = opener(ROOT / "pages" / f"{page}.py")()
        assert not shown.exception
        if page == "transfer":
            assert "INVLAB\\_HOME" in "".join(error.value for error in shown.error)
        assert Store(place).get(key) == record_of(Choice(seed=77))
        assert Store(place).keys().count(key) == 1
        st.cache_resource.clear()
        subprocess.run(["mount", "-o", "remount,rw", str(place)], check=True)


# --------------------------------------------------------------------------------------------------------- the clock


@pytest.mark.parametrize("seconds", [-86400.0, -60.0, 60.0, 86400.0])
def test_a_clock_that_jumps_costs_one_attempt_at_most(
    place: Path, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job under way is given back or goes on; nothing waits for ever, nothing is finished twice."""
    queue = Queue(place / "queue.sqlite3")
    key = ask(queue, 0)
    assert queue.claim("elsewhere-1-a").key == key
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)
    again = queue.claim("elsewhere-2-b")
    assert again is not None
    assert (again.key, again.attempts) == (key, 2)
    queue.finish(key, "elsewhere-2-b")
    assert queue.job(key).state == "done"  # type: ignore[union-attr]
    for page in ("runs", "transfer"):
        assert not opener(ROOT / "pages" / f"{page}.py")().exception


# ------------------------------------------------------------------------------------------- two servers, two versions


def test_two_servers_on_one_home_start_one_worker_and_serve_the_same(home: Path) -> None:
    key = records.key(tiny(5))
    apps = [App(home, INVLAB_BUNDLE=os.environ["INVLAB_BUNDLE"]) for _ in range(2)]
    try:
        for app in apps:
            _, errors = asyncio.run(_visit(app.url, "runs"))
            assert not errors
        ask(Queue(), 5)
        until(lambda: Queue().job(key).state == "done")  # type: ignore[union-attr]
        assert len(Queue().workers()) == 1
        for app in apps:
            _, errors = asyncio.run(_visit(app.url, f"runs?run={key}"))
            assert not errors
    finally:
        for app in apps:
            app.stop()


OLDER = """
from invlab import records
records.FORMAT = 0
import sys
from invlab import worker
sys.exit(worker.main(["--once"]))
"""


def test_a_worker_of_an_older_format_leaves_newer_jobs_alone(home: Path) -> None:
    """It computes nothing that the page could not find, and the job waits for the right worker."""
    queue = Queue()
    key = ask(queue, 3)
    older = subprocess.run([sys.executable, "-c", OLDER], cwd=ROOT, env=os.environ, capture_output=True, timeout=120)
    assert queue.job(key).state == "queued", older.stderr.decode()[-2000:]  # type: ignore[union-attr]
    assert queue.job(key).attempts == 0  # type: ignore[union-attr]
    assert not all_records(home)
    newer = a_worker(home)
    try:
        until(lambda: queue.job(key).state == "done")  # type: ignore[union-attr]
    finally:
        kill(newer)
    assert key in all_records(home)
