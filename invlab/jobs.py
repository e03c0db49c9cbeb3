"""The queue between those who ask for a result and the workers that compute it: one SQLite table.

A job has the key of what it computes, so a second request for the same joins the first. A worker holds a job by a
lease that it renews; when it dies, the lease runs out and the job goes back to the queue by itself.

Each call opens the database, does its work in one transaction and closes it: that takes a millisecond, and there is
nothing that threads, forks or a replaced file could get wrong.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import socket
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from invlab import store as stores

State = Literal["queued", "running", "done", "failed", "cancelled"]

LEASE_SECONDS = 30.0  # a job whose worker has been silent for this long is given to another
MAX_ATTEMPTS = 3
STOPPED = (
    "stopped three times without finishing: the worker may be running out of memory; try a smaller run, or look into"
    " worker.log"
)
VISITOR_LIMIT = 20  # queued jobs of one visitor
BUSY_SECONDS = 8.0  # how long a call waits for the others
SEEN_SECONDS = 15.0  # a worker that has been silent for this long is not there
SCHEMA_VERSION = 1

SCHEMA = """
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
"""

# A lease has run out when the last sign of life is too old, or so far ahead that the clock must have been put back.
EXPIRED = "state = 'running' AND abs(:now - heartbeat) > lease"

log = logging.getLogger(__name__)


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


class Queue:
    """The queue in one file, by default `queue.sqlite3` in the person's own directory.

    Every method raises QueueError if another process holds the file for more than some seconds, the disk is full, or
    the file cannot be written.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = Path(path) if path is not None else stores.home() / "queue.sqlite3"
        self._anchor: tuple[int, sqlite3.Connection] | None = None

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
        """Ask for the job `key`; of those waiting, a higher `priority` goes first.

        A job that is queued, running or done is joined; one that failed or was cancelled is queued afresh, and so is
        one that is done if `again` (its result was lost). Raises QueueFull if `visitor` already waits for `limit` jobs;
        the visitor '' (the command line) has no limit.
        """
        stores.check_key(key)
        text = json.dumps(payload, allow_nan=False)
        with self._transaction() as db:
            row = db.execute("SELECT state FROM jobs WHERE key = ?", (key,)).fetchone()
            fresh = row is None or row["state"] in ("failed", "cancelled") or (again and row["state"] == "done")
            if fresh:
                if visitor:
                    _check_limit(db, visitor, limit)
                _forget(db, key)
                db.execute(
                    "INSERT INTO jobs (key, kind, payload, title, state, priority, turn, expected_seconds, created)"
                    " VALUES (?, ?, ?, ?, 'queued', ?, (SELECT COALESCE(MAX(turn), 0) + 1 FROM jobs), ?, ?)",
                    (key, kind, text, title, priority, expected_seconds, time.time()),
                )
            else:
                # A cancelled job that its worker has not yet let go of is wanted again.
                db.execute("UPDATE jobs SET cancel = 0, priority = MAX(priority, ?) WHERE key = ?", (priority, key))
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
        query += "priority DESC, turn LIMIT :limit" if state == "queued" else "turn DESC LIMIT :limit"
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
            now = time.time()
            work = [_seconds_left(job, now) for state in ("running", "queued") for job in _before(db, key, state)]
            known = [seconds for seconds in work if seconds is not None]
            return None if len(known) < len(work) else sum(known) / max(1, len(_workers(db, now)))

    # ---- those who compute

    def waiting(self) -> bool:
        """Whether `claim` would find a job; takes no lock."""
        with self._reading() as db:
            query = f"SELECT 1 FROM jobs WHERE state = 'queued' OR ({EXPIRED}) LIMIT 1"  # noqa: S608 - a constant
            return db.execute(query, {"now": time.time()}).fetchone() is not None

    def is_preceded(self, priority: int) -> bool:
        """Whether a job of a higher priority waits; takes no lock."""
        with self._reading() as db:
            query = "SELECT 1 FROM jobs WHERE state = 'queued' AND priority > ? LIMIT 1"
            return db.execute(query, (priority,)).fetchone() is not None

    def claim(self, worker: str, lease_seconds: float = LEASE_SECONDS) -> Job | None:
        """The next job, now held by `worker`, or None. Jobs whose lease has run out go back to the queue first."""
        with self._transaction() as db:
            now = time.time()
            _sweep(db, now)
            query = "SELECT key FROM jobs WHERE state = 'queued' ORDER BY priority DESC, turn LIMIT 1"
            row = db.execute(query).fetchone()
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

    # ---- the database

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(self._open()) as db:
                yield db
        except (sqlite3.Error, OSError) as error:
            if stores.is_damaged(error):
                with contextlib.suppress(OSError):  # then the same is said again
                    self._set_aside(error)
            raise QueueError(f"the queue in {self.path} cannot be used: {_remedy(error)}") from error

    def _open(self) -> sqlite3.Connection:
        """A connection to a file that has the tables.

        One idle connection stays open besides: SQLite tidies up when the last one is closed, which takes ten
        milliseconds.
        """
        if self._anchor is None or self._anchor[0] != stores.inode(self.path):
            if self._version() != SCHEMA_VERSION:
                self._create()
            idle = sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)
            idle.execute("PRAGMA user_version").fetchone()  # only now is the file really open
            self._anchor = self.path.stat().st_ino, idle
        return self._connect()

    def _version(self) -> int | None:
        """Of the tables in the file; None where there is none, or it is damaged."""
        if not self.path.exists():
            return None
        try:
            with contextlib.closing(self._connect()) as db:
                return db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            if not stores.is_damaged(error):
                raise
            return None

    def close(self) -> None:
        """Close the idle connection. The queue can still be used."""
        if self._anchor is not None:
            self._anchor[1].close()
            self._anchor = None

    def _connect(self) -> sqlite3.Connection:
        return _connected(self.path)

    def _create(self) -> None:
        """Begin a new file, made beside its place and renamed; what was there before is set aside."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with stores.locked(self.path.with_suffix(".lock")):
            version = self._version()
            if version == SCHEMA_VERSION:
                return  # another process was faster
            if self.path.exists():
                self._move_aside()
                log.error(
                    "the queue was damaged or of another version (%s): it was set aside and a new one begun", version
                )
            made = self.path.with_name(f".{self.path.name}.new")
            made.unlink(missing_ok=True)
            with contextlib.closing(_connected(made)) as db:
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
            os.replace(made, self.path)

    def _set_aside(self, error: BaseException) -> None:
        """Put a damaged file aside, unless another process has already; the next call begins a new one."""
        with stores.locked(self.path.with_suffix(".lock")):
            if self._sound():
                return
            self._move_aside()
        log.error(
            "the queue was damaged (%s): it was set aside and a new one begun; ask again for what was waiting", error
        )

    def _sound(self) -> bool:
        try:
            with contextlib.closing(self._connect()) as db:
                return db.execute("PRAGMA quick_check").fetchone()[0] == "ok" and _tables(db) >= {"jobs", "progress"}
        except sqlite3.DatabaseError as error:
            return not stores.is_damaged(error)

    def _move_aside(self) -> None:
        aside = self.path.parent / "set-aside" / f"queue-{time.time_ns()}"
        aside.mkdir(parents=True)
        for path in self.path.parent.glob(f"{self.path.name}*"):
            os.replace(path, aside / path.name)


def _connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last reports, never the file
    return db


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
    query = f"""
        UPDATE jobs SET
            state = CASE WHEN cancel THEN 'cancelled' WHEN attempts >= :most THEN 'failed' ELSE 'queued' END,
            error = CASE WHEN attempts >= :most AND NOT cancel THEN :sentence END,
            finished = CASE WHEN attempts >= :most OR cancel THEN :now END,
            worker = NULL, heartbeat = NULL
        WHERE {EXPIRED}"""  # noqa: S608 - a constant
    db.execute(query, {"now": now, "most": MAX_ATTEMPTS, "sentence": STOPPED})


def _before(db: sqlite3.Connection, key: str, state: str) -> list[Job]:
    """The running jobs, or the queued ones that will be started before `key`."""
    query = "SELECT other.* FROM jobs AS other, jobs AS own WHERE own.key = :key AND other.state = :state AND"
    query += " (:state = 'running' OR (-other.priority, other.turn) < (-own.priority, own.turn))"
    return [_revive(row) for row in db.execute(query, {"key": key, "state": state})]


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


def _tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _finite(value: Any) -> Any:
    """`value` with None for NaN and infinities: JSON has no word for them, and a diverging training is news too."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _remedy(error: BaseException) -> str:
    if stores.is_full(error):
        return "the disk is full; free some space, or set INVLAB_HOME to a directory on another disk"
    if stores.has_code(error, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"another process has held it for {BUSY_SECONDS:.0f} seconds; try again"
    if stores.is_damaged(error):
        return f"it was damaged ({error}) and has been set aside; ask again"
    return f"{error}; set INVLAB_HOME to a directory that can be written"
