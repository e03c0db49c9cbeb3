"""What every file that processes share can do: begin, be brought up to date, be set aside. The faults of a file in use
are tested on the queue (`test_jobs`)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from invlab.database import Database, DatabaseError
from invlab.jobs import Queue, QueueError


class Notes(Database):
    """A file of two versions ago had no author, one of a version ago no date."""

    WHAT = "note book"
    SCHEMA = "CREATE TABLE notes (text TEXT NOT NULL, author TEXT NOT NULL DEFAULT 'unknown', date REAL);"
    VERSION = 3
    MIGRATIONS = {  # noqa: RUF012
        1: "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'unknown';",
        2: "ALTER TABLE notes ADD COLUMN date REAL;",
    }
    NEEDED = frozenset({"notes"})

    def add(self, text: str) -> None:
        with self._transaction() as db:
            db.execute("INSERT INTO notes (text, author) VALUES (?, 'me')", (text,))

    def all(self) -> list[tuple]:
        with self._reading() as db:
            return [tuple(row) for row in db.execute("SELECT text, author, date FROM notes ORDER BY rowid")]


def old(path: Path, version: int = 1) -> Notes:
    """A file as an earlier version wrote it, with one note."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executescript("CREATE TABLE notes (text TEXT NOT NULL); INSERT INTO notes VALUES ('old');")
        for number in range(1, version):
            db.executescript(Notes.MIGRATIONS[number])
        db.execute(f"PRAGMA user_version = {version}")
    return Notes(path)


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_file_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    notes = old(tmp_path / "notes.sqlite3", version)
    assert notes.all() == [("old", "unknown", None)]
    notes.add("new")
    assert Notes(notes.path).all() == [("old", "unknown", None), ("new", "me", None)]
    assert not (tmp_path / "set-aside").exists()


def test_a_step_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = old(tmp_path / "notes.sqlite3")
    good = Notes.MIGRATIONS
    monkeypatch.setattr(Notes, "MIGRATIONS", good | {2: "ALTER TABLE nothing ADD COLUMN date REAL;"})
    with pytest.raises(DatabaseError, match="note book"):
        notes.all()
    monkeypatch.setattr(Notes, "MIGRATIONS", good)
    assert notes.all() == [("old", "unknown", None)]


STEP = """
import os, sys
sys.path.insert(0, sys.argv[2])
from tests.test_database import Notes
import invlab.database as database
plain = database.connected
def dying(path):
    db = plain(path)
    db.set_progress_handler(lambda: os.kill(os.getpid(), 9), int(sys.argv[3]))
    return db
database.connected = dying
print(Notes(sys.argv[1]).all())
"""


@pytest.mark.parametrize("after", [1, 5, 20, 60, 200])
def test_a_process_killed_in_a_migration_loses_nothing(tmp_path: Path, after: int) -> None:
    """Killed after so many instructions of SQLite: some of them lie in the middle of the migration."""
    notes = old(tmp_path / "notes.sqlite3")
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", STEP, str(notes.path), str(root), str(after)]
    subprocess.run(command, cwd=root, env=os.environ, capture_output=True, timeout=60, check=False)
    assert notes.all() == [("old", "unknown", None)]


def test_a_newer_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "queue.sqlite3"
    Queue(path).submit("cell-" + "0" * 32, "cell", {})
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(QueueError, match=r"newer version of the lab .* up to date"):
        Queue(path).jobs()
    assert not (tmp_path / "set-aside").exists()
    with contextlib.closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT COUNT(*) FROM jobs").fetchone() == (1,)


def test_a_queue_of_the_first_version_goes_on(tmp_path: Path) -> None:
    """Its waiting jobs are still there, and are computed."""
    path = tmp_path / "queue.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.executescript(FIRST_QUEUE)
    queue = Queue(path)
    assert [job.key for job in queue.jobs("queued")] == ["cell-" + "1" * 32]
    queue.submit("cell-" + "2" * 32, "cell", {}, visitor="ann")
    assert queue.claim("w").key == "cell-" + "1" * 32
    assert queue.claim("w").key == "cell-" + "2" * 32


FIRST_QUEUE = """
CREATE TABLE jobs (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    priority INTEGER NOT NULL, turn INTEGER NOT NULL, expected_seconds REAL,
    created REAL NOT NULL, started REAL, finished REAL,
    worker TEXT, heartbeat REAL, lease REAL, attempts INTEGER NOT NULL DEFAULT 0,
    cancel INTEGER NOT NULL DEFAULT 0, progress TEXT NOT NULL DEFAULT '{}', error TEXT);
CREATE INDEX jobs_by_turn ON jobs(state, priority DESC, turn);
CREATE TABLE progress (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, time REAL NOT NULL, data TEXT NOT NULL);
CREATE INDEX progress_by_key ON progress(key, seq);
CREATE TABLE visitors (key TEXT NOT NULL, visitor TEXT NOT NULL, PRIMARY KEY (key, visitor)) WITHOUT ROWID;
CREATE INDEX visitors_by_visitor ON visitors(visitor);
CREATE TABLE workers (
    id TEXT PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, started REAL NOT NULL, seen REAL NOT NULL,
    device TEXT NOT NULL, busy_with TEXT);
INSERT INTO jobs (key, kind, payload, title, state, priority, turn, created)
    VALUES ('cell-11111111111111111111111111111111', 'cell', '{}', 'an old one', 'queued', 0, 1, 1.0);
PRAGMA user_version = 1;
"""
