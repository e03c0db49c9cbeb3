"""Files that are written whole or not at all, locks between processes, and what is at fault when a disk or a database
fails."""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import hashlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import diskcache

# What a database answers when it is not damaged, only not to be had now.
PASSING = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOMEM,
)
LOCK_SECONDS = 10.0  # how long a write waits for another process
USERS = "users.lock"  # shared by the processes that a home must not be restored under
LEAST_ROOM = 100_000  # bytes; what SQLite makes beside a database takes about a third


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message is one sentence with the remedy."""


def sha256(data: bytes) -> str:
    """In hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def replace_file(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that, whatever happens, the file is the old one or the new one as a whole."""
    with replaced(path) as file:
        file.write(data)


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[IO[bytes]]:
    """A new file, for writing, that takes the place of `path` as a whole once it has been written without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}-{time.time_ns()}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the new name survives a power cut too
    finally:
        os.close(directory)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the system releases it when a process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def used(home: Path) -> IO[str] | None:
    """A sign that this process uses `home`, for as long as the file is open. None where the disk is read-only."""
    with contextlib.suppress(OSError):
        home.mkdir(parents=True, exist_ok=True)
        file = (home / USERS).open("a")
        fcntl.flock(file, fcntl.LOCK_SH)
        return file
    return None


def inode(path: Path) -> int | None:
    """Of the file that has this name now; None if there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def now() -> str:
    """This moment as it is written into files: UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# ---- faults


@contextlib.contextmanager
def explained(what: str, where: Path) -> Iterator[None]:
    """Failures of the disk or the database as one StoreError sentence."""
    try:
        yield
    except (OSError, sqlite3.Error, diskcache.Timeout) as error:
        if is_full(error, where):
            remedy = "the disk is full: free some space, or set INVLAB_HOME to a directory on another disk"
        elif has_code(error, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            remedy = f"another process has held the database for {LOCK_SECONDS:.0f} seconds: try again"
        else:
            reason = next((str(e) for e in _chain(error) if str(e)), type(error).__name__)
            remedy = f"{reason}: set INVLAB_HOME to a directory that can be written"
        raise StoreError(f"{what} could not be stored in {where}: {remedy}") from error


def has_code(error: BaseException, *codes: int) -> bool:
    """Whether SQLite gave one of the (primary) result codes."""
    return any((getattr(e, "sqlite_errorcode", None) or 0) & 0xFF in codes for e in _chain(error))


def is_damaged(error: BaseException) -> bool:
    """Whether the database itself is at fault. A plain SQL error means it too: a table that is always there is not."""
    if has_code(error, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return True
    return has_code(error, sqlite3.SQLITE_ERROR) and not has_code(error, *PASSING)


def is_full(error: BaseException, where: Path | None = None) -> bool:
    """Whether a full disk is at fault. SQLite calls it an I/O error where it could not make a file beside its own: then
    the disk under `where` tells."""
    full = (errno.ENOSPC, errno.EDQUOT)
    if has_code(error, sqlite3.SQLITE_FULL) or any(isinstance(e, OSError) and e.errno in full for e in _chain(error)):
        return True
    unsaid = has_code(error, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)
    return unsaid and where is not None and _room_at(where) < LEAST_ROOM


def _room_at(where: Path) -> float:
    """Bytes free on the disk of a path, or of the nearest directory above it."""
    for place in (where, *where.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return float("inf")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those it arose in: diskcache hides the reason behind Timeout or a failed ROLLBACK."""
    while error is not None:
        yield error
        error = error.__context__
