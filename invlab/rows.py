"""What a row of the results may hold: a key and a JSON object, and nothing that would be executed when it is read.

diskcache's own disks unpickle, and so execute, whatever a row claims to be pickled (CVE-2025-69872).
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import diskcache
from diskcache.core import MODE_RAW

from invlab import files
from invlab.files import StoreError

Record = dict[str, Any]

KEY = re.compile(r"[a-z]{1,40}-[0-9a-f]{32}")


class RowError(ValueError):
    """A row that was not written by this store, or was damaged since: it is not read."""


def check_key(key: str) -> str:
    """`key` itself if it has the form of a key: it becomes part of a file name. Raises StoreError."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise StoreError(f"{key!r} is no key: a key is a kind in small letters, '-' and 32 hexadecimal digits")
    return key


def kind_of(key: str) -> str:
    """`training` of `training-0123…`."""
    return check_key(key).split("-")[0]


def dumps(record: Record) -> str:
    """One line of JSON, in the record's own order.

    Raises StoreError for a value that JSON has no word for, NaN and infinities among them.
    """
    if not isinstance(record, dict):
        raise StoreError(f"a record must be a JSON object, not {type(record).__name__}: wrap the value in a dict")
    try:
        return json.dumps(record, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StoreError(
            f"a record can hold only JSON values ({error}): store None for a number that is not there"
        ) from error


def read_key(key: Any, raw: Any) -> str:
    """The key that a row of the database holds. Raises RowError for a pickled one."""
    if not raw or not isinstance(key, str):
        raise RowError("its key is pickled")
    if not KEY.fullmatch(key):
        raise RowError("its key has another form")
    return key


def read_value(mode: Any, filename: Any, value: Any) -> Record:
    """The JSON object that a row of the database holds. Raises RowError for anything else."""
    if mode != MODE_RAW or filename is not None or not isinstance(value, bytes):
        raise RowError(f"its value is not JSON inside the database (mode {mode!r})")
    try:
        record = json.loads(zlib.decompress(value))
    except (zlib.error, ValueError, RecursionError) as error:
        raise RowError(f"its value is damaged ({error})") from error
    if not isinstance(record, dict):
        raise RowError(f"its value is no JSON object but {type(record).__name__}")
    return record


class JSONOnlyDisk(diskcache.Disk):
    """A disk for diskcache that knows text keys and compressed JSON objects inside the database, and nothing else.

    Values never lie in files of their own: a row is there as a whole or not at all, and a planted file name can make
    the cache neither read nor delete a file. zlib's checksum finds a damaged value.
    """

    def put(self, key: Any) -> tuple[str, bool]:
        return check_key(key), True

    def get(self, key: Any, raw: Any) -> str:
        return read_key(key, raw)

    def store(self, value: Any, read: bool, key: Any = None) -> tuple[int, int, None, memoryview]:
        data = zlib.compress(dumps(value).encode())
        return 0, MODE_RAW, None, sqlite3.Binary(data)

    def fetch(self, mode: Any, filename: Any, value: Any, read: bool) -> Record:
        return read_value(mode, filename, value)

    def remove(self, file_path: Any) -> None:
        """Nothing: no row of this disk owns a file."""


# ---- without diskcache


@contextlib.contextmanager
def looking(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing, not even by the files that SQLite keeps beside a database in use."""
    log_of_writes = database.with_name(f"{database.name}-wal")
    in_use = log_of_writes.exists() and log_of_writes.stat().st_size > 0
    uri = f"{database.resolve().as_uri()}?mode=ro{'' if in_use else '&immutable=1'}"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=files.LOCK_SECONDS)) as db:
        db.text_factory = text
        yield db


def rows_in(db: sqlite3.Connection, kind: str | None) -> list[tuple[int, Any, Any]]:
    """(rowid, key, raw) of every row, or of those of a kind."""
    if kind is None:
        return db.execute("SELECT rowid, key, raw FROM Cache").fetchall()
    ends = (f"{kind}-", f"{kind}.")  # '.' follows '-'
    return db.execute("SELECT rowid, key, raw FROM Cache WHERE key >= ? AND key < ?", ends).fetchall()


def value_in(db: sqlite3.Connection, key: str) -> Record | None:
    """What the row of a key holds, None where there is none. Raises RowError."""
    row = db.execute("SELECT mode, filename, value FROM Cache WHERE key = ? AND raw = 1", (key,)).fetchone()
    return None if row is None else read_value(*row)


def readable(path: Path) -> Iterator[tuple[str, Record, float]]:
    """The records that a damaged database still gives, and when they were stored: from its beginning, then from its
    end, up to the damage."""
    for order in ("SELECT * FROM Cache ORDER BY rowid", "SELECT * FROM Cache ORDER BY rowid DESC"):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as database:
            database.row_factory = sqlite3.Row
            database.text_factory = text
            for row in database.execute(order):
                with contextlib.suppress(RowError, IndexError):
                    key = read_key(row["key"], row["raw"])
                    whole = read_value(row["mode"], row["filename"], row["value"])
                    if whole.get("key") == key:
                        yield key, whole, row["store_time"]


def text(data: bytes) -> str:
    """A column of text, for a connection: also one that is damaged."""
    return data.decode("utf-8", "replace")
