"""One SQLite file that several processes share: the queue, the rooms.

Each call opens it, does its work in one transaction and closes it: that takes a millisecond, and there is nothing that
threads, forks or a replaced file could get wrong. A file is made beside its place and renamed; one of an older version
is brought up to date in one transaction; a damaged one is set aside and a new one begun; one of a newer version is left
alone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from invlab import files

BUSY_SECONDS = 8.0  # how long a call waits for the others

log = logging.getLogger(__name__)


class DatabaseError(RuntimeError):
    """The file cannot be used; the message is one sentence with the remedy."""


class Newer(DatabaseError):  # noqa: N818 - a state of the file, not a fault
    """The file was written by a newer version of the lab."""


class Database:
    """A file with the tables of a subclass, which says in class variables what they are.

    Every method of a subclass that opens it raises ERROR if another process holds the file for more than some seconds,
    the disk is full, or the file cannot be written.
    """

    WHAT: ClassVar[str]  # "queue"
    SCHEMA: ClassVar[str]  # SQL that makes the tables of VERSION
    VERSION: ClassVar[int]
    MIGRATIONS: ClassVar[Mapping[int, str]] = {}  # the SQL that leads from a version to the next
    NEEDED: ClassVar[frozenset[str]] = frozenset()  # tables without which the file counts as damaged
    LOST: ClassVar[str] = ""  # what a person has to do again when the file was set aside
    ERROR: ClassVar[type[Exception]] = DatabaseError

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._anchor: tuple[int, sqlite3.Connection] | None = None

    def close(self) -> None:
        """Close the idle connection. The file can still be used."""
        if self._anchor is not None:
            self._anchor[1].close()
            self._anchor = None

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
        except (sqlite3.Error, OSError, Newer) as error:
            if files.is_damaged(error):
                with contextlib.suppress(OSError):  # then the same is said again
                    self._set_aside(error)
            raise self.ERROR(f"the {self.WHAT} in {self.path} cannot be used: {_remedy(error, self.path)}") from error

    def _open(self) -> sqlite3.Connection:
        """A connection to a file that has the tables.

        One idle connection stays open besides: SQLite tidies up when the last one is closed, which takes ten
        milliseconds.
        """
        if self._anchor is None or self._anchor[0] != files.inode(self.path):
            if self._version() != self.VERSION:
                self._make()
            idle = sqlite3.connect(self.path, timeout=BUSY_SECONDS, check_same_thread=False)
            idle.execute("PRAGMA user_version").fetchone()  # only now is the file really open
            self._anchor = self.path.stat().st_ino, idle
        return connected(self.path)

    def _version(self) -> int | None:
        """Of the tables in the file; None where there is none, or it is damaged."""
        if not self.path.exists():
            return None
        try:
            with contextlib.closing(connected(self.path)) as db:
                return db.execute("PRAGMA user_version").fetchone()[0] or None
        except sqlite3.DatabaseError as error:
            if not files.is_damaged(error):
                raise
            return None

    def _make(self) -> None:
        """Bring the file up to date, or begin a new one; what was damaged is set aside."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock():
            version = self._version()
            if version == self.VERSION:
                return  # another process was faster
            if version is not None and version > self.VERSION:
                known = f"{version}, this one knows {self.VERSION}"
                raise Newer(
                    f"a newer version of the lab has written it ({known}); bring this installation up to date, or set"
                    " INVLAB_HOME to another directory"
                )
            if version is not None:
                return self._migrate(version)
            if self.path.exists():
                self._move_aside()
                log.error("the %s was damaged: it was set aside and a new one begun", self.WHAT)
            self._begin()

    def _begin(self) -> None:
        made = self.path.with_name(f".{self.path.name}.new")
        made.unlink(missing_ok=True)
        with contextlib.closing(connected(made)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.executescript(f"BEGIN; {self.SCHEMA} PRAGMA user_version = {self.VERSION}; COMMIT;")
        os.replace(made, self.path)

    def _migrate(self, version: int) -> None:
        """One transaction from the version found to this one: a process that dies in it leaves the file as it was."""
        steps = " ".join(self.MIGRATIONS[number] for number in range(version, self.VERSION))
        with contextlib.closing(connected(self.path)) as db:
            db.executescript(f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {self.VERSION}; COMMIT;")
        log.info("the %s was brought from version %d to %d", self.WHAT, version, self.VERSION)

    def _set_aside(self, error: BaseException) -> None:
        """Put a damaged file aside, unless another process has already; the next call begins a new one."""
        with self._lock():
            if self._sound():
                return
            self._move_aside()
        log.error("the %s was damaged (%s): it was set aside and a new one begun%s", self.WHAT, error, self.LOST)

    def _sound(self) -> bool:
        try:
            with contextlib.closing(connected(self.path)) as db:
                return db.execute("PRAGMA quick_check").fetchone()[0] == "ok" and _tables(db) >= self.NEEDED
        except sqlite3.DatabaseError as error:
            return not files.is_damaged(error)

    def _move_aside(self) -> None:
        aside = self.path.parent / "set-aside" / f"{self.path.stem}-{time.time_ns()}"
        aside.mkdir(parents=True)
        for path in self.path.parent.glob(f"{self.path.name}*"):
            os.replace(path, aside / path.name)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        return files.locked(self.path.with_suffix(".lock"))


def connected(path: Path | str) -> sqlite3.Connection:
    """A connection in autocommit mode whose rows have names."""
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last transactions, never the file
    return db


def _tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _remedy(error: BaseException, path: Path) -> str:
    if files.is_full(error, path):
        return "the disk is full; free some space, or set INVLAB_HOME to a directory on another disk"
    if files.has_code(error, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"another process has held it for {BUSY_SECONDS:.0f} seconds; try again"
    if isinstance(error, Newer):
        return str(error)
    if files.is_damaged(error):
        return f"it was damaged ({error}) and has been set aside; ask again"
    return f"{error}; set INVLAB_HOME to a directory that can be written"
