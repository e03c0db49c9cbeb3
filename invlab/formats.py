"""The format of stored results: which one a database tells, and how one of an earlier version is brought to this one.

What a step does to a record stands in `migrations.py`.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from invlab import files, listing, records
from invlab.files import StoreError
from invlab.rows import Record, RowError, check_key, dumps, read_key, read_value, text

Step = Callable[[str, Record], "tuple[str, Record] | None"]

UNSTAMPED = 1  # the result format of a database that does not tell its own: the first ones did not
MIGRATIONS = "invlab.migrations"  # named, not imported: its steps know the specs, which stand on floors above
SQLITE = b"SQLite format 3\0"  # what a database begins with

log = logging.getLogger(__name__)


class NewerFormat(StoreError):  # noqa: N818 - a state of the home, not a fault
    """The results were written by a newer version, so this one can neither read them nor add to them."""

    def __init__(self, home: Path, found: int) -> None:
        known = f"format {found}, this one knows {records.FORMAT}"
        super().__init__(
            f"the results in {home} are from a newer version of Invariance Lab ({known}): update this one, or "
            "choose another directory by INVLAB_HOME"
        )


def migrate(home: Path, database: Path) -> None:
    """Bring own results of an earlier format to this version's, whole or not at all; the caller holds `store.lock`.

    One transaction carries every record over by the steps of `invlab.migrations` and stamps the database. Before it,
    a copy of the database goes to `set-aside`, where it stays: what has no meaning in the new format is kept there
    alone. Interrupted at any point, the old results are as they were, and the next call does it all again.
    """
    with contextlib.closing(sqlite3.connect(database, timeout=files.LOCK_SECONDS, isolation_level=None)) as db:
        db.text_factory = text
        db.execute("BEGIN IMMEDIATE")
        found = stamp(db.execute)
        if found == records.FORMAT:
            return  # another process was faster
        steps = _steps(found or UNSTAMPED)
        aside = _copy_aside(home, database, found or UNSTAMPED) if steps and _filled(db) else None
        moves = [] if aside is None else _carried(db, steps)
        if listing.kept(db):
            listing.recount(db)
        _follow(home, moves)
        db.execute(f"PRAGMA user_version = {records.FORMAT}")
        db.execute("COMMIT")
    for old, new in moves:
        if old != new:
            (home / "weights" / f"{old}.safetensors").unlink(missing_ok=True)
    if aside is not None:
        log.warning(
            "the results were brought from format %d to %d: %d carried over; all of the old ones are kept in %s",
            found or UNSTAMPED, records.FORMAT, len(moves), aside.relative_to(home),
        )  # fmt: skip


def stamp_of(database: Path) -> int:
    """The result format that a database tells (0: none). A damaged one is asked for its bare bytes; one that is no
    database has nothing that could be of another format than this."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database)) as db:
        return stamp(db.execute)
    with contextlib.suppress(OSError), database.open("rb") as file:
        head = file.read(64)
        if head.startswith(SQLITE) and len(head) == 64:
            return int.from_bytes(head[60:64], "big")  # where SQLite's file format has user_version
    return records.FORMAT


def stamp(execute: Callable[[str], sqlite3.Cursor]) -> int:
    """The result format that an open database tells; 0: none."""
    return execute("PRAGMA user_version").fetchone()[0]


def _steps(found: int) -> list[Step]:
    """What carries a record from the format `found` to this one, in order."""
    if found == records.FORMAT:
        return []
    table: dict[int, Step] = importlib.import_module(MIGRATIONS).MIGRATIONS
    return [table[form] for form in range(found, records.FORMAT)]


def _filled(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM Cache LIMIT 1").fetchone() is not None


def _copy_aside(home: Path, database: Path, found: int) -> Path:
    aside = home / "set-aside" / f"results-format-{found}-{time.time_ns()}"
    aside.mkdir(parents=True)
    part = aside / "cache.db.tmp"
    with contextlib.closing(sqlite3.connect(database)) as old, contextlib.closing(sqlite3.connect(part)) as copy:
        old.backup(copy)
    os.replace(part, aside / "cache.db")
    return aside


def _carried(db: sqlite3.Connection, steps: list[Step]) -> list[tuple[str, str]]:
    """Carry every row over. Returns old and new key of the records that still mean something.

    A row that was not written by this store stays as it is: it is refused when it is read.
    """
    moves = []
    for (rowid,) in db.execute("SELECT rowid FROM Cache").fetchall():  # their values are too many to hold
        row = db.execute("SELECT key, raw, mode, filename, value FROM Cache WHERE rowid = ?", (rowid,)).fetchone()
        if row is None:
            continue  # another row has taken its key
        key, raw, mode, filename, value = row
        try:
            old, record = read_key(key, raw), read_value(mode, filename, value)["record"]
        except (RowError, KeyError):
            continue
        moved = _stepped(old, record, steps)
        if moved is None:
            db.execute("DELETE FROM Cache WHERE rowid = ?", (rowid,))
            continue
        new, record = check_key(moved[0]), moved[1]
        data = zlib.compress(dumps({"key": new, "record": record}).encode())
        db.execute("UPDATE OR REPLACE Cache SET key = ?, value = ? WHERE rowid = ?", (new, data, rowid))
        moves.append((old, new))
    return moves


def _stepped(key: str, record: Record, steps: list[Step]) -> tuple[str, Record] | None:
    for step in steps:
        moved = step(key, record)
        if moved is None:
            return None
        key, record = moved
    if "weights" in record:
        record = record | {"weights": record["weights"] | {"file": f"weights/{key}.safetensors"}}
    return key, record


def _follow(home: Path, moves: list[tuple[str, str]]) -> None:
    """Give weights their new names beside the old ones, which go when the records have gone over."""
    for old, new in moves:
        if old != new:
            with contextlib.suppress(FileNotFoundError, FileExistsError):
                os.link(home / "weights" / f"{old}.safetensors", home / "weights" / f"{new}.safetensors")
