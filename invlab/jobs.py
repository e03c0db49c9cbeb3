"""The queue between those who ask for a result and the workers that compute it: one SQLite table.

A job has the key of what it computes, so a second request for the same joins the first. A worker holds a job by a
lease that it renews; when it dies, the lease runs out and the job goes back to the queue by itself.

Visitors take turns: the first job of each comes before the second of any (start-time fair queueing). A job is made and
computed by the same format of results, so that an older worker does not compute what a newer page cannot find.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from invlab import database, records
from invlab import store as stores
from invlab.rows import check_key

State = Literal["queued", "running", "done", "failed", "cancelled"]

LEASE_SECONDS = 30.0  # a job whose worker has been silent for this long is given to another
MAX_ATTEMPTS = 3
STOPPED = (
    "stopped three times without finishing: the worker may be running out of memory; try a smaller run, or look into"
    " worker.log"
)
VISITOR_LIMIT = 20  # queued jobs of one visitor
SEEN_SECONDS = 15.0  # a worker that has been silent for this long is not there
# Priorities. A job below NORMAL is one of hours that makes way for others while it runs; among the waiting, a teacher's
# go first.
LONG, NORMAL, FIRST = -1, 0, 1

SCHEMA = """
CREATE TABLE jobs (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, title TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    priority INTEGER NOT NULL, turn INTEGER NOT NULL, expected_seconds REAL,
    created REAL NOT NULL, started REAL, finished REAL,
    worker TEXT, heartbeat REAL, lease REAL, attempts INTEGER NOT NULL DEFAULT 0,
    cancel INTEGER NOT NULL DEFAULT 0, progress TEXT NOT NULL DEFAULT '{}', error TEXT,
    round INTEGER NOT NULL DEFAULT 0, format INTEGER NOT NULL DEFAULT 1);
CREATE INDEX jobs_by_round ON jobs(state, priority DESC, round, turn);
CREATE TABLE progress (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, time REAL NOT NULL, data TEXT NOT NULL);
CREATE INDEX progress_by_key ON progress(key, seq);
CREATE TABLE visitors (key TEXT NOT NULL, visitor TEXT NOT NULL, PRIMARY KEY (key, visitor)) WITHOUT ROWID;
CREATE INDEX visitors_by_visitor ON visitors(visitor);
CREATE TABLE workers (
    id TEXT PRIMARY KEY, pid INTEGER NOT NULL, host TEXT NOT NULL, started REAL NOT NULL, seen REAL NOT NULL,
    device TEXT NOT NULL, busy_with TEXT);
"""
ROUNDS = """
ALTER TABLE jobs ADD COLUMN round INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN format INTEGER NOT NULL DEFAULT 1;
DROP INDEX jobs_by_turn;
CREATE INDEX jobs_by_round ON jobs(state, priority DESC, round, turn);
"""
ORDER = "priority DESC, round, turn"  # of the queued

# A lease has run out when the last sign of life is too old, or so far ahead that the clock must have been put back.
EXPIRED = "state = 'running' AND abs(:now - heartbeat) > lease"


def worker_id() -> str:
    """A name for this process as a worker; it tells the machine and the process."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


class QueueError(RuntimeError):
    """The queue cannot do what was asked; the message is one sentence with the remedy."""


class QueueFull(QueueError):  # noqa: N818 - a state of the queue, not a fault
    """A visitor has too many jobs waiting."""


class LeaseLost(QueueError):  # noqa: N818 - a state of the job, not a fault
    """The job is no longer this worker's: another has it, or it was deleted. Stop working on it."""


@dataclass(frozen=True)
class Job:
    """One row of the queue. Times are seconds since 1970; `progress` is the latest of every reported value."""

    key: str
    kind: str
    payload: dict[str, Any]
    title: str
    state: State
    priority: int
    expected_seconds: float | None
    created: float
    started: float | None
    finished: float | None
    worker: str | None
    heartbeat: float | None
    attempts: int
    cancel: bool
    progress: dict[str, Any]
    error: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Worker:
    """One worker process; `busy_with` is the key of its job, None when it is idle."""

    id: str
    pid: int
    host: str
    started: float
    seen: float
    device: str
    busy_with: str | None


class Queue(database.Database):
    """The queue in one file, by default `queue.sqlite3` in the person's own directory.

    Every method raises QueueError if another process holds the file for more than some seconds, the disk is full, or
    the file cannot be written.
    """

    WHAT = "queue"
    SCHEMA = SCHEMA
    VERSION = 2
    MIGRATIONS = {1: ROUNDS}  # noqa: RUF012
    NEEDED = frozenset({"jobs", "progress"})
    LOST = "; ask again for what was waiting"
    ERROR = QueueError

    def __init__(self, path: Path | str | None = None) -> None:
        super().__init__(path if path is not None else stores.home() / "queue.sqlite3")

    # ---- those who ask

    def submit(
        self,
        key: str,
        kind: str,
        payload: dict[str, Any],
        *,
        title: str = "",
        visitor: str = "",
        expected_seconds: float | None = None,
        priority: int = 0,
        again: bool = False,
        limit: int = VISITOR_LIMIT,
    ) -> Job:
        """Ask for the job `key`; of those waiting, a higher `priority` goes first, and then visitors take turns.

        A job that is queued, running or done is joined; one that failed or was cancelled is queued afresh, and so is
        one that is done if `again` (its result was lost). Raises QueueFull if `visitor` already waits for `limit` jobs;
        the visitor '' (the command line) has no limit.
        """
        check_key(key)
        text = json.dumps(payload, allow_nan=False)
        with self._transaction() as db:
            row = db.execute("SELECT state FROM jobs WHERE key = ?", (key,)).fetchone()
            fresh = row is None or row["state"] in ("failed", "cancelled") or (again and row["state"] == "done")
            turn = _round(db, visitor)
            if fresh:
                if visitor:
                    _check_limit(db, visitor, limit)
                _forget(db, key)
                db.execute(
                    "INSERT INTO jobs (key, kind, payload, title, state, priority, round, turn, expected_seconds,"
                    " created, format) VALUES (?, ?, ?, ?, 'queued', ?, ?,"
                    " (SELECT COALESCE(MAX(turn), 0) + 1 FROM jobs), ?, ?, ?)",
                    (key, kind, text, title, priority, turn, expected_seconds, time.time(), records.FORMAT),
                )
            else:
                # A cancelled job that its worker has not yet let go of is wanted again.
                db.execute(
                    "UPDATE jobs SET cancel = 0, priority = MAX(priority, ?), round = MIN(round, ?) WHERE key = ?",
                    (priority, turn, key),
                )
            db.execute("INSERT OR IGNORE INTO visitors VALUES (?, ?)", (key, visitor))
            return _job(db, key)

    def cancel(self, key: str, visitor: str | None = None) -> bool:
        """Take back a visitor's request, or everybody's (None). Returns whether the job is, or soon will be, cancelled.

        While others wait for the job it goes on. A queued job is cancelled at once; a running one is flagged, and its
        worker lets go at its next report.
        """
        with self._transaction() as db:
            if visitor is None:
                db.execute("DELETE FROM visitors WHERE key = ?", (key,))
            elif not db.execute("DELETE FROM visitors WHERE key = ? AND visitor = ?", (key, visitor)).rowcount:
                return False  # nobody takes back what somebody else has asked for
            if db.execute("SELECT 1 FROM visitors WHERE key = ?", (key,)).fetchone():
                return False
            now = time.time()
            db.execute("UPDATE jobs SET cancel = 1 WHERE key = ? AND state = 'running'", (key,))
            db.execute(
                "UPDATE jobs SET state = 'cancelled', finished = ? WHERE key = ? AND state = 'queued'", (now, key)
            )
            row = db.execute("SELECT cancel OR state = 'cancelled' FROM jobs WHERE key = ?", (key,)).fetchone()
            return bool(row and row[0])

    def delete(self, key: str) -> None:
        """Forget a job and its progress. A worker that is at it learns so at its next report."""
        with self._transaction() as db:
            _forget(db, key)

    def forget(self, seconds: float) -> int:
        """Delete the jobs that ended more than `seconds` ago, and their progress. Returns how many."""
        with self._transaction() as db:
            rows = db.execute("SELECT key FROM jobs WHERE finished < ?", (time.time() - seconds,)).fetchall()
            for row in rows:
                _forget(db, row["key"])
            return len(rows)

    def job(self, key: str) -> Job | None:
        with self._reading() as db:
            row = db.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone()
            return None if row is None else _revive(row)

    def jobs(self, state: State | None = None, limit: int = 100, visitor: str | None = None) -> list[Job]:
        """The jobs in one state or all, and of one visitor or all: the latest first, but the queued in their order."""
        query = "SELECT * FROM jobs WHERE (:state IS NULL OR state = :state) AND (:visitor IS NULL OR key IN"
        query += " (SELECT key FROM visitors WHERE visitor = :visitor)) ORDER BY "
        query += f"{ORDER} LIMIT :limit" if state == "queued" else "turn DESC LIMIT :limit"
        with self._reading() as db:
            rows = db.execute(query, {"state": state, "visitor": visitor, "limit": limit}).fetchall()
            return [_revive(row) for row in rows]

    def visitors(self, key: str) -> list[str]:
        """Who has asked for a job and not taken it back."""
        with self._reading() as db:
            rows = db.execute("SELECT visitor FROM visitors WHERE key = ? ORDER BY visitor", (key,))
            return [row["visitor"] for row in rows]

    def points(self, key: str, after: int = 0) -> list[tuple[int, dict[str, Any]]]:
        """The progress reported since the point numbered `after`, as (number, data).

        Numbers only grow. When `attempts` of the job changes, it has begun anew and its earlier points are gone.
        """
        with self._reading() as db:
            query = "SELECT seq, data FROM progress WHERE key = ? AND seq > ? ORDER BY seq"
            return [(row["seq"], _parsed(row["data"])) for row in db.execute(query, (key, after))]

    def place(self, key: str) -> int:
        """1 for the next job to be started, 2 for the one after; 0 for a job that does not wait."""
        with self._reading() as db:
            return len(_before(db, key, "queued")) + 1 if _state(db, key) == "queued" else 0

    def seconds_ahead(self, key: str) -> float | None:
        """Expected seconds until a waiting job is started: the work before it, shared among the workers.

        0 for a job that does not wait, None if nothing is known about some of the work before it.
        """
        with self._reading() as db:
            if _state(db, key) != "queued":
                return 0.0
            return _shared(db, [job for state in ("running", "queued") for job in _before(db, key, state)])

    def forecast(self, visitor: str = "", priority: int = NORMAL) -> tuple[int, float | None]:
        """For a job that `visitor` were to ask for now: how many would be started before it or are running, and the
        expected seconds until it is started, as `seconds_ahead`."""
        with self._reading() as db:
            # A running job of a lower class makes way; no queued one of a lower priority or a later round is before it.
            query = "SELECT * FROM jobs WHERE (state = 'running' AND (priority >= 0 OR :priority < 0))"
            query += " OR (state = 'queued' AND (-priority, round) <= (-:priority, :round))"
            values = {"priority": priority, "round": _round(db, visitor)}
            before = [_revive(row) for row in db.execute(query, values)]
            return len(before), _shared(db, before)

    # ---- those who compute

    def waiting(self) -> bool:
        """Whether `claim` would find a job; takes no lock."""
        with self._reading() as db:
            query = f"SELECT 1 FROM jobs WHERE (state = 'queued' AND format <= :format) OR ({EXPIRED}) LIMIT 1"  # noqa: S608
            found = db.execute(query, {"now": time.time(), "format": records.FORMAT}).fetchone()
            return found is not None or bool(_orphans(db))

    def is_preceded(self, priority: int) -> bool:
        """Whether a running job of this priority must make way: it is a LONG one, and another waits; takes no lock."""
        if priority >= NORMAL:
            return False
        with self._reading() as db:
            query = "SELECT 1 FROM jobs WHERE state = 'queued' AND priority > ? AND format <= ? LIMIT 1"
            return db.execute(query, (priority, records.FORMAT)).fetchone() is not None

    def claim(self, worker: str, lease_seconds: float = LEASE_SECONDS) -> Job | None:
        """The next job, now held by `worker`, or None. Jobs whose lease has run out go back to the queue first.

        One asked for by a newer version of the lab, with another format of results, is left to its own workers.
        """
        with self._transaction() as db:
            now = time.time()
            _sweep(db, now)
            query = f"SELECT key FROM jobs WHERE state = 'queued' AND format <= ? ORDER BY {ORDER} LIMIT 1"  # noqa: S608
            row = db.execute(query, (records.FORMAT,)).fetchone()
            if row is None:
                return None
            db.execute(
                "UPDATE jobs SET state = 'running', worker = ?, started = ?, heartbeat = ?, lease = ?,"
                " attempts = attempts + 1, progress = '{}' WHERE key = ?",
                (worker, now, now, lease_seconds, row["key"]),
            )
            db.execute("DELETE FROM progress WHERE key = ?", (row["key"],))
            return _job(db, row["key"])

    def heartbeat(self, key: str, worker: str) -> bool:
        """Renew the lease. Returns whether the job is to be cancelled. Raises LeaseLost."""
        with self._transaction() as db:
            job = _held(db, key, worker)
            db.execute("UPDATE jobs SET heartbeat = ? WHERE key = ?", (time.time(), key))
            return job.cancel

    def report(self, key: str, worker: str, data: dict[str, Any]) -> bool:
        """Add a point of progress and renew the lease. Returns whether the job is to be cancelled. Raises LeaseLost.

        A number "fraction" (0 … 1) tells how much of the work is done. NaN and infinities are kept as None.
        """
        data = _finite(data)
        with self._transaction() as db:
            job = _held(db, key, worker)
            now = time.time()
            db.execute("INSERT INTO progress (key, time, data) VALUES (?, ?, ?)", (key, now, json.dumps(data)))
            latest = json.dumps(job.progress | data)
            db.execute("UPDATE jobs SET heartbeat = ?, progress = ? WHERE key = ?", (now, latest, key))
            return job.cancel

    def cancelled(self, key: str) -> bool:
        """Whether whoever works on `key` should stop: it was cancelled or deleted."""
        job = self.job(key)
        return job is None or job.cancel or job.state == "cancelled"

    def finish(self, key: str, worker: str) -> None:
        """The result is in the store. Raises LeaseLost."""
        self._end(key, worker, "done", None)

    def fail(self, key: str, worker: str, sentence: str) -> None:
        """The job cannot be done; `sentence` says why. Raises LeaseLost."""
        self._end(key, worker, "failed", sentence)

    def let_go(self, key: str, worker: str) -> None:
        """The worker has stopped before the end: the job is cancelled if somebody asked for that, else queued again.

        It does not count as an attempt. Raises LeaseLost.
        """
        with self._transaction() as db:
            if _held(db, key, worker).cancel:
                db.execute("UPDATE jobs SET state = 'cancelled', finished = ? WHERE key = ?", (time.time(), key))
            else:
                db.execute(
                    "UPDATE jobs SET state = 'queued', worker = NULL, started = NULL, heartbeat = NULL,"
                    " attempts = attempts - 1 WHERE key = ?",
                    (key,),
                )

    def _end(self, key: str, worker: str, state: State, error: str | None) -> None:
        with self._transaction() as db:
            _held(db, key, worker)
            db.execute(
                "UPDATE jobs SET state = ?, error = ?, finished = ?, cancel = 0 WHERE key = ?",
                (state, error, time.time(), key),
            )

    # ---- the workers themselves

    def sign_on(self, worker: str, device: str = "cpu", busy_with: str | None = None) -> None:
        """A sign of life of the worker that is this process."""
        with self._transaction() as db:
            now = time.time()
            db.execute(
                "INSERT INTO workers VALUES (:id, :pid, :host, :now, :now, :device, :busy)"
                " ON CONFLICT (id) DO UPDATE SET seen = :now, device = :device, busy_with = :busy",
                {"id": worker, "pid": os.getpid(), "host": socket.gethostname(), "now": now, "device": device}
                | {"busy": busy_with},
            )
            db.execute("DELETE FROM workers WHERE abs(? - seen) > ?", (now, 4 * SEEN_SECONDS))

    def sign_off(self, worker: str) -> None:
        """The worker has ended."""
        with self._transaction() as db:
            db.execute("DELETE FROM workers WHERE id = ?", (worker,))

    def workers(self) -> list[Worker]:
        """The workers seen within the last 15 seconds, less those of this machine that have ended since."""
        with self._reading() as db:
            return _workers(db, time.time())


class ClosedQueue(Queue):
    """The queue of a server that only shows: nothing waits, nothing can be asked for, no file is made."""

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(database.connected(":memory:")) as db:
            db.executescript(SCHEMA)
            yield db

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        raise QueueError("this server shows finished results only: to compute new ones, run the lab yourself")
        yield  # a generator, for the decorator


def _job(db: sqlite3.Connection, key: str) -> Job:
    return _revive(db.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone())


def _revive(row: sqlite3.Row) -> Job:
    fields = {name: row[name] for name in row.keys() if name in Job.__dataclass_fields__}  # noqa: SIM118 - a Row
    parsed = {
        "payload": _parsed(row["payload"]),
        "progress": _parsed(row["progress"]),
        "cancel": bool(row["cancel"]),
    }
    return Job(**fields | parsed)


def _parsed(text: str) -> dict[str, Any]:
    """The JSON object in a column; an empty one for a damaged text, so that one row does not hide the others."""
    try:
        value = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}


def _state(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT state FROM jobs WHERE key = ?", (key,)).fetchone()
    return None if row is None else row["state"]


def _held(db: sqlite3.Connection, key: str, worker: str) -> Job:
    row = db.execute("SELECT * FROM jobs WHERE key = ?", (key,)).fetchone()
    if row is None or row["state"] != "running" or row["worker"] != worker:
        now = "deleted" if row is None else f"{row['state']} (worker {row['worker']})"
        raise LeaseLost(f"the job {key} is no longer held by worker {worker}, it is {now}: stop working on it")
    return _revive(row)


def _check_limit(db: sqlite3.Connection, visitor: str, limit: int) -> None:
    query = "SELECT COUNT(*) FROM visitors JOIN jobs USING (key) WHERE visitor = ? AND state = 'queued'"
    (count,) = db.execute(query, (visitor,)).fetchone()
    if count >= limit:
        raise QueueFull(
            f"{count} of your runs are already waiting and the limit is {limit}: wait for one or cancel one"
        )


def _forget(db: sqlite3.Connection, key: str) -> None:
    db.execute("DELETE FROM jobs WHERE key = ?", (key,))
    db.execute("DELETE FROM progress WHERE key = ?", (key,))
    db.execute("DELETE FROM visitors WHERE key = ?", (key,))


def _sweep(db: sqlite3.Connection, now: float) -> None:
    """Jobs whose lease has run out are cancelled if that was asked for, fail after three attempts, else wait again."""
    for key in _orphans(db):
        db.execute("UPDATE jobs SET lease = -1 WHERE key = ?", (key,))
    query = f"""
        UPDATE jobs SET
            state = CASE WHEN cancel THEN 'cancelled' WHEN attempts >= :most THEN 'failed' ELSE 'queued' END,
            error = CASE WHEN attempts >= :most AND NOT cancel THEN :sentence END,
            finished = CASE WHEN attempts >= :most OR cancel THEN :now END,
            worker = NULL, heartbeat = NULL
        WHERE {EXPIRED}"""  # noqa: S608 - a constant
    db.execute(query, {"now": now, "most": MAX_ATTEMPTS, "sentence": STOPPED})


def _orphans(db: sqlite3.Connection) -> list[str]:
    """The running jobs whose worker was a process of this machine that has ended: nobody waits for their lease."""
    running = db.execute("SELECT key, worker FROM jobs WHERE state = 'running'").fetchall()
    return [row["key"] for row in running if _has_ended(row["worker"])]


def _has_ended(worker: str) -> bool:
    host, pid, _ = ["", "", *worker.rsplit("-", 2)][-3:]
    return host == socket.gethostname() and pid.isdigit() and not _lives(int(pid))


def _before(db: sqlite3.Connection, key: str, state: str) -> list[Job]:
    """The running jobs, or the queued ones that will be started before `key`."""
    query = "SELECT other.* FROM jobs AS other, jobs AS own WHERE own.key = :key AND other.state = :state AND"
    query += (
        " (:state = 'running' OR (-other.priority, other.round, other.turn) < (-own.priority, own.round, own.turn))"
    )
    return [_revive(row) for row in db.execute(query, {"key": key, "state": state})]


def _round(db: sqlite3.Connection, visitor: str) -> int:
    """The round of a visitor's next job: after the last of those still to be done, but not before the present round."""
    (present,) = db.execute("SELECT COALESCE(MIN(round), 0) FROM jobs WHERE state IN ('queued', 'running')").fetchone()
    query = "SELECT MAX(round) FROM visitors JOIN jobs USING (key) WHERE visitor = ? AND state IN ('queued', 'running')"
    (last,) = db.execute(query, (visitor,)).fetchone()
    return present if last is None else max(present, last + 1)


def _shared(db: sqlite3.Connection, before: list[Job]) -> float | None:
    """Expected seconds of these jobs, shared among the workers; None if nothing is known about some of them."""
    now = time.time()
    work = [_seconds_left(job, now) for job in before]
    known = [seconds for seconds in work if seconds is not None]
    return None if len(known) < len(work) else sum(known) / max(1, len(_workers(db, now)))


def _seconds_left(job: Job, now: float) -> float | None:
    """From the pace so far once a twentieth is done, else from what was expected."""
    fraction = job.progress.get("fraction")
    done = min(1.0, max(0.0, fraction)) if isinstance(fraction, int | float) else 0.0
    elapsed = now - (job.started or now)
    if job.state == "running" and done >= 0.05 and elapsed > 0:
        return elapsed * (1 - done) / done
    return None if job.expected_seconds is None else job.expected_seconds * (1 - done)


def _workers(db: sqlite3.Connection, now: float) -> list[Worker]:
    query = "SELECT * FROM workers WHERE abs(? - seen) <= ? ORDER BY started, id"
    rows = [Worker(**dict(row)) for row in db.execute(query, (now, SEEN_SECONDS))]
    here = socket.gethostname()
    return [row for row in rows if row.host != here or _lives(row.pid)]


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def _finite(value: Any) -> Any:
    """`value` with None for NaN and infinities: JSON has no word for them, and a diverging training is news too."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
