"""Which results a database holds: by kind, the newest first, a page at a time, and how many; no record is read.

What it takes lies in diskcache's own file, and SQLite keeps it in step with every row, in the transaction that changes
the row, whoever changes it: an index over the kind that a key begins with, and triggers that count the rows of each
kind. diskcache, and versions of the lab without this file, notice neither. Without them every answer is the same, only
as slow as there are rows.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

KIND = "substr(key, 1, instr(key, '-') - 1)"
TIME = "coalesce(CAST(store_time AS REAL), 0.0)"  # a damaged row has a place too
PLACE = re.compile(r"([0-9.e+-]{1,30})~([a-z]{1,40}-[0-9a-f]{32})")
AT_ONCE = 500  # keys in a statement; SQLite takes at least 999 values


def _counting(event: str, *changes: tuple[str, str]) -> str:
    """A trigger that adds to the counts; `changes` are what is added, and to which kind."""
    steps = " ".join(
        f"INSERT INTO kinds VALUES (coalesce({KIND.replace('key', f'{row}.key')}, ''), {by})"  # noqa: S608
        f" ON CONFLICT(kind) DO UPDATE SET rows = rows + {by};"
        for row, by in changes
    )
    return f"CREATE TRIGGER kinds_{event.split()[0].lower()} AFTER {event} ON Cache FOR EACH ROW BEGIN {steps} END"


# By name, as SQLite notes them: a part whose text differs is of another version, and all are made anew.
PARTS = {
    "by_kind": f"CREATE INDEX by_kind ON Cache ({KIND}, {TIME}, key)",
    "kinds": "CREATE TABLE kinds (kind TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID",
    "kinds_insert": _counting("INSERT", ("NEW", "1")),
    "kinds_delete": _counting("DELETE", ("OLD", "-1")),
    "kinds_update": _counting("UPDATE OF key", ("OLD", "-1"), ("NEW", "1")),
}


class Entry(NamedTuple):
    """One result in a listing. Their order is the listing's order, from the oldest on."""

    time: float  # of storing it, seconds since 1970
    key: str

    def __str__(self) -> str:
        """A short text for links, such as `1767225600.5~comparison-0123…`; `place` reads it."""
        return f"{self.time!r}~{self.key}"


class Page(NamedTuple):
    """A part of a listing, the newest first, and whether there is more on either side."""

    entries: tuple[Entry, ...]
    newer: bool
    older: bool


def place(text: str | None) -> Entry | None:
    """The entry that `str` wrote, or None for any other text: it may come from a link."""
    match = PLACE.fullmatch(text or "")
    try:
        time = float(match[1]) if match else math.nan
    except ValueError:
        return None
    return Entry(time, match[2]) if match and math.isfinite(time) else None


def kept(db: sqlite3.Connection) -> bool:
    """Whether the index and the counts are there, as this version makes them."""
    return _found(db) == PARTS


def keep(db: sqlite3.Connection) -> bool:
    """Make the index and the counts where they are missing, in part or as a whole. Returns whether they were.

    `db` is in autocommit mode. One transaction: whoever dies in it leaves the file as it was. Takes about three seconds
    for a million rows.
    """
    if kept(db):
        return False
    db.execute("BEGIN IMMEDIATE")
    try:
        if kept(db):  # another process was faster
            db.execute("ROLLBACK")
            return False
        query = f"SELECT type, name FROM sqlite_master WHERE name IN ({_marks(PARTS)})"  # noqa: S608
        for kind, name in db.execute(query, [*PARTS]).fetchall():
            db.execute(f"DROP {kind} {name}")
        for sql in PARTS.values():
            db.execute(sql)
        recount(db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return True


def recount(db: sqlite3.Connection) -> None:
    """Count anew: for rows that were changed without the triggers, as those are that a REPLACE pushes out."""
    db.execute("DELETE FROM kinds")
    db.execute(f"INSERT INTO kinds SELECT coalesce({KIND}, ''), COUNT(*) FROM Cache GROUP BY 1")  # noqa: S608


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """How many rows there are of each kind."""
    return dict(db.execute("SELECT kind, rows FROM kinds WHERE rows > 0")) if kept(db) else counted(db)


def counted(db: sqlite3.Connection) -> dict[str, int]:
    """As `counts`, by looking at every row."""
    return dict(db.execute(f"SELECT coalesce({KIND}, ''), COUNT(*) FROM Cache GROUP BY 1"))  # noqa: S608


def rows(
    db: sqlite3.Connection, kind: str, limit: int, at: Entry | None = None, newer: bool = False
) -> list[tuple[float, Any, Any, int]]:
    """(time, key, raw, rowid) of up to `limit` rows of a kind: those before the place `at`, the newest first, or those
    after it, the oldest first. Without a place, from that end on."""
    sign, order = (">", "ASC") if newer else ("<", "DESC")
    # SQLite finds the place in the index by the first condition, and no further by the second.
    beyond = f"AND {TIME} {sign}= :time AND ({TIME}, key) {sign} (:time, :key)" if at else ""
    return db.execute(
        f"SELECT {TIME}, key, raw, rowid FROM Cache WHERE {KIND} = :kind {beyond} "  # noqa: S608
        f"ORDER BY {TIME} {order}, key {order} LIMIT :limit",
        {"kind": kind, "limit": limit, **({"time": at.time, "key": at.key} if at else {})},
    ).fetchall()


def among(db: sqlite3.Connection, keys: Iterable[str]) -> set[str]:
    """Those of `keys` that have a row."""
    found: set[str] = set()
    for part in batched(keys, AT_ONCE):
        query = f"SELECT key FROM Cache WHERE raw = 1 AND key IN ({_marks(part)})"  # noqa: S608
        found.update(key for (key,) in db.execute(query, part))
    return found


def batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """`values` in lists of `size`, the last one shorter."""
    coming = iter(values)
    while part := list(islice(coming, size)):
        yield part


def _found(db: sqlite3.Connection) -> dict[str, str]:
    query = f"SELECT name, sql FROM sqlite_master WHERE name IN ({_marks(PARTS)})"  # noqa: S608
    return dict(db.execute(query, [*PARTS]))


def _marks(values: Iterable[Any]) -> str:
    return ", ".join("?" for _ in values)
