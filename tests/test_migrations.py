"""Results of an earlier format come over whole or not at all; those of a newer one are left alone."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
import torch

from invlab import jobs, migrations, records, runs
from invlab import store as stores
from invlab import worker as workers
from invlab.bundle_files import write_bundle
from invlab.files import StoreError
from invlab.formats import UNSTAMPED, NewerFormat
from invlab.store import Store
from invlab.tasks import Task
from invlab.training import Training

SPECS = [Training(Task(classes=(0, 1), seed=seed), images=64, batch=16, seed=seed) for seed in range(3)]


def to_2(key: str, record: dict) -> tuple[str, dict] | None:
    """Keeps trainings under their new key, with a percentage where a fraction stood, and drops all else."""
    if record["kind"] != "Training":
        return None
    spec = runs.revive(record["kind"], record["spec"])
    return records.key(spec, 2), record | {"result": {"accuracy": 100 * record["result"]["accuracy"]}}


def to_3(key: str, record: dict) -> tuple[str, dict] | None:
    return records.key(runs.revive(record["kind"], record["spec"]), 3), record | {"third": True}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A home of format 1, as the first versions wrote it: without a stamp."""
    store = Store(tmp_path / "home")
    for number, spec in enumerate(SPECS):
        key = records.key(spec)
        weights = store.put_weights(key, {"w": torch.full((2,), float(number))})
        record = {"kind": "Training", "spec": records.plain(spec), "result": {"accuracy": number / 4}}
        store.put(key, record | {"weights": weights})
    store.put("cell-" + "a" * 32, {"kind": "Cell", "spec": {}, "result": {}})
    store.close()
    with closing(sqlite3.connect(database(store.home))) as db:
        db.execute("PRAGMA user_version = 0")
    return store.home


@pytest.fixture
def format_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "FORMAT", 2)
    monkeypatch.setattr(migrations, "MIGRATIONS", {1: to_2})


def database(home: Path) -> Path:
    return home / "results" / "cache.db"


def stamp(home: Path) -> int:
    with closing(sqlite3.connect(database(home))) as db:
        return db.execute("PRAGMA user_version").fetchone()[0]


def keys_in(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as db:
        return {row[0] for row in db.execute("SELECT key FROM Cache")}


def test_the_table_reaches_from_the_first_format_to_this_one() -> None:
    assert sorted(migrations.MIGRATIONS) == list(range(UNSTAMPED, records.FORMAT))


def test_a_new_home_is_stamped(tmp_path: Path) -> None:
    Store(tmp_path).put("cell-" + "a" * 32, {})
    assert stamp(tmp_path) == records.FORMAT


def test_an_unstamped_home_of_the_first_format_is_read_as_it_is(old: Path) -> None:
    assert Store(old, read_only=True).get(records.key(SPECS[1]))["result"] == {"accuracy": 0.25}
    assert Store(old).get(records.key(SPECS[1]))["result"] == {"accuracy": 0.25}
    assert stamp(old) == 0
    Store(old).put("cell-" + "b" * 32, {})
    assert stamp(old) == 1
    assert not (old / "set-aside").exists()


def test_older_results_come_over_with_their_weights(old: Path, format_2: None) -> None:
    store = Store(old)
    for number, spec in enumerate(SPECS):
        record = store.get(records.key(spec))
        assert record["result"] == {"accuracy": 25 * number}
        assert store.get_weights(records.key(spec), record["weights"])["w"].tolist() == [number, number]
        assert record["weights"]["file"] == f"weights/{records.key(spec)}.safetensors"
    assert store.keys() == sorted(records.key(spec) for spec in SPECS)  # what means nothing any more is gone from here
    assert len(list((old / "weights").iterdir())) == 3
    assert stamp(old) == 2
    (aside,) = (old / "set-aside").glob("results-format-1-*/cache.db")
    assert keys_in(aside) == {records.key(spec, 1) for spec in SPECS} | {"cell-" + "a" * 32}


def test_several_formats_are_crossed_at_once(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "FORMAT", 3)
    monkeypatch.setattr(migrations, "MIGRATIONS", {1: to_2, 2: to_3})
    record = Store(old).get(records.key(SPECS[2]))
    assert (record["third"], record["result"]) == (True, {"accuracy": 50})


def test_a_reader_leaves_an_older_home_as_it_is(old: Path, format_2: None) -> None:
    before = keys_in(database(old))
    store = Store(old, read_only=True)
    assert store.get(records.key(SPECS[0])) is None
    assert store.get(records.key(SPECS[0], 1)) is None
    assert store.keys() == []  # none of them is a result of this format
    assert (stamp(old), keys_in(database(old))) == (0, before)
    assert not (old / "set-aside").exists()


def test_a_step_that_fails_changes_nothing(old: Path, format_2: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails_late(key: str, record: dict) -> tuple[str, dict] | None:
        if record["spec"]["seed"] == 2:
            raise StoreError("this cannot be carried over")
        return to_2(key, record)

    monkeypatch.setattr(migrations, "MIGRATIONS", {1: fails_late})
    with pytest.raises(StoreError, match="cannot be carried over"):
        Store(old).put("cell-" + "b" * 32, {})
    assert stamp(old) == 0
    assert keys_in(database(old)) == {records.key(spec, 1) for spec in SPECS} | {"cell-" + "a" * 32}
    monkeypatch.setattr(migrations, "MIGRATIONS", {1: to_2})
    assert len(Store(old).keys()) == 3


KILLED = """
import os, signal, sys
from pathlib import Path
from invlab import migrations, records, store
from tests.test_migrations import to_2
records.FORMAT = 2
seen = []
def step(key, record):
    seen.append(key)
    if len(seen) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return to_2(key, record)
migrations.MIGRATIONS = {1: step}
store.Store(Path(sys.argv[1])).refusal()
"""


def test_killed_in_the_middle_it_is_done_again_from_the_start(old: Path, format_2: None) -> None:
    root = Path(stores.__file__).parents[1]
    ended = subprocess.run([sys.executable, "-c", KILLED, str(old)], cwd=root, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    assert stamp(old) == 0
    store = Store(old)
    record = store.get(records.key(SPECS[2]))
    assert record["result"] == {"accuracy": 50}
    assert store.get_weights(records.key(SPECS[2]), record["weights"]) is not None


def test_many_openers_migrate_once(old: Path, format_2: None) -> None:
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(Store(old).keys()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [3] * 8
    assert len(list((old / "set-aside").iterdir())) == 1


# ---- newer than this version


@pytest.fixture
def newer(old: Path) -> Path:
    with closing(sqlite3.connect(database(old))) as db:
        db.execute("PRAGMA user_version = 7")
    return old


def test_a_newer_home_is_neither_read_nor_written(newer: Path) -> None:
    store, before = Store(newer), keys_in(database(newer))
    assert store.get(records.key(SPECS[0])) is None
    assert store.keys() == []
    with pytest.raises(NewerFormat, match=r"from a newer version .* \(format 7, this one knows 1\)"):
        store.put(records.key(SPECS[0]), {})
    with pytest.raises(NewerFormat):
        store.delete(records.key(SPECS[0]))
    assert "format 7" in store.refusal()
    assert keys_in(database(newer)) == before
    assert not (newer / "set-aside").exists()


def test_one_that_becomes_newer_under_an_open_store_is_noticed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.put("cell-" + "a" * 32, {"a": 1})
    assert store.refusal() is None
    with closing(sqlite3.connect(database(tmp_path))) as db:
        db.execute("PRAGMA user_version = 2")
    assert store.get("cell-" + "a" * 32) is None
    with pytest.raises(NewerFormat):
        store.put("cell-" + "b" * 32, {})


def test_a_worker_does_not_begin_in_a_newer_home(newer: Path) -> None:
    program = [sys.executable, "-m", "invlab", "worker", "--once"]
    root = Path(stores.__file__).parents[1]
    ended = subprocess.run(
        program, cwd=root, env=os.environ | {"INVLAB_HOME": str(newer)}, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "from a newer version" in ended.stderr


def test_a_running_worker_ends_when_the_home_becomes_newer(newer: Path) -> None:
    queue = jobs.Queue(newer / "queue.sqlite3")
    queue.submit("cell-" + "c" * 32, "cell", {})
    taken = workers.run(
        queue, Store(newer), stop=threading.Event(), execute=lambda *_: None, revive=lambda kind, fields: fields
    )
    assert taken == 0
    assert queue.job("cell-" + "c" * 32).state == "queued"


def test_a_bundle_of_another_result_format_is_left_out(tmp_path: Path, monkeypatch, caplog) -> None:
    own = Store(tmp_path / "home")
    own.put("cell-" + "a" * 32, {"a": 1})
    write_bundle(own, tmp_path / "models", ["cell-" + "a" * 32], [], {})
    assert Store(tmp_path / "none", tmp_path / "models").keys() == ["cell-" + "a" * 32]
    monkeypatch.setattr(records, "FORMAT", 2)
    assert Store(tmp_path / "none", tmp_path / "models").keys() == []
    assert "install the bundle of this version" in caplog.text


# ---- jobs of another version


def submitted(home: Path, key: str, payload: dict) -> jobs.Queue:
    queue = jobs.Queue(home / "queue.sqlite3")
    queue.submit(key, "Training", payload)
    return queue


def worked(queue: jobs.Queue, home: Path, **more: object) -> list:
    done: list = []
    workers.run(
        queue, Store(home), stop=threading.Event(), once=True, revive=runs.revive, keyed=records.key,
        execute=lambda spec, store, report: done.append(spec), **more,
    )  # fmt: skip
    return done


def test_a_job_of_this_version_is_computed(tmp_path: Path) -> None:
    queue = submitted(tmp_path, records.key(SPECS[0]), records.plain(SPECS[0]))
    assert worked(queue, tmp_path) == [SPECS[0]]


@pytest.mark.parametrize("how", ["another format", "an unknown field"])
def test_a_job_of_a_newer_version_stays_queued_for_the_right_worker(how: str, tmp_path: Path) -> None:
    key = records.key(SPECS[0], 2) if how == "another format" else records.key(SPECS[0])
    queue = submitted(tmp_path, key, records.plain(SPECS[0]) | ({"new": 1} if how == "an unknown field" else {}))
    assert worked(queue, tmp_path) == []
    job = queue.job(key)
    assert (job.state, job.attempts) == ("queued", 0)
    assert Store(tmp_path).keys() == []


def test_a_job_of_a_newer_version_fails_when_no_worker_comes_for_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(workers, "ASIDE_SECONDS", 0.0)
    monkeypatch.setattr(workers, "MOST_ASIDE", 3)
    key = records.key(SPECS[0], 2)
    queue = submitted(tmp_path, key, records.plain(SPECS[0]))
    stop = threading.Event()
    arguments = {"stop": stop, "revive": runs.revive, "keyed": records.key, "execute": lambda *_: None}
    thread = threading.Thread(target=lambda: workers.run(queue, Store(tmp_path), **arguments))
    thread.start()
    until = time.monotonic() + 20
    while queue.job(key).state != "failed" and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    thread.join()
    assert "the worker is of another version" in queue.job(key).error


def test_a_job_of_an_older_version_is_refused_with_a_sentence(tmp_path: Path, monkeypatch) -> None:
    key = records.key(SPECS[0])
    queue = submitted(tmp_path, key, records.plain(SPECS[0]))
    monkeypatch.setattr(records, "FORMAT", 2)
    assert worked(queue, tmp_path) == []
    assert "older version of the app" in queue.job(key).error


def test_other_seeds_have_other_keys() -> None:
    assert len({records.key(dataclasses.replace(spec), form) for spec in SPECS for form in (1, 2)}) == 6
