"""Where results and weights lie: the bundle that ships, then the person's own directory, behind one `get` and `put`.

A record is a JSON object under the key of its spec. The person's own records lie in a diskcache (SQLite) whose disk
reads and writes JSON only: diskcache's own disks unpickle, and so execute, whatever a row claims to be pickled
(CVE-2025-69872). Weights are safetensors files, checked against the SHA-256 in their record. What is damaged counts as
absent, so that it is computed again; results are never evicted, weights may be.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import sqlite3
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import diskcache

from invlab import files, listing, records
from invlab.bundle_files import Bundle
from invlab.files import PASSING, StoreError, explained, has_code, inode, is_damaged, locked, now, replace_file, sha256
from invlab.formats import UNSTAMPED, NewerFormat, migrate, stamp, stamp_of
from invlab.listing import Entry, Page
from invlab.rows import (
    KEY,
    JSONOnlyDisk,
    Record,
    RowError,
    check_key,
    dumps,
    kind_of,
    looking,
    read_key,
    readable,
    rows_in,
    text,
    value_in,
)

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

STALE_SECONDS = 3600.0  # a temporary file this old belongs to a process that died

log = logging.getLogger(__name__)


def home() -> Path:
    """The person's own directory: INVLAB_HOME, or `invlab` in the user's cache directory."""
    if chosen := os.environ.get("INVLAB_HOME"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "invlab"


def bundle_dir() -> Path:
    """The results and weights that ship: INVLAB_BUNDLE, or `models` beside the package."""
    if chosen := os.environ.get("INVLAB_BUNDLE"):
        return Path(chosen).expanduser()
    return Path(__file__).resolve().parent.parent / "models"


def open_store(read_only: bool = False) -> Store:
    """The store of this installation and this person."""
    return Store(home(), bundle_dir(), read_only=read_only)


class Store:
    """Results and weights in two layers.

    `bundle` is never written to. An own record of a bundled key exists only because the bundled one could not be used
    (say, its weights were damaged), so it comes first. Safe to share between threads; other processes may use the same
    directory.
    """

    def __init__(self, home: Path | str, bundle: Path | str | None = None, read_only: bool = False) -> None:
        self.home = Path(home)
        self.read_only = read_only
        self.bundle = None if bundle is None else Bundle(Path(bundle))
        self._lock = threading.RLock()
        self._cache: diskcache.Cache | None = None
        self._inode: int | None = None  # of the database that is open
        self._warned = False

    # ---- results

    def get(self, key: str) -> Record | None:
        """The record stored under `key`, or None. A damaged or foreign record counts as absent and is set aside."""
        check_key(key)
        found = self._own_get(key)
        return self.bundle.get(key) if found is None and self.bundle else found

    def put(self, key: str, record: Record) -> None:
        """Store `record` in the own layer, whole or not at all. Raises StoreError, for a full disk too."""
        check_key(key)
        dumps(record)  # a wrong value is the caller's mistake, not the disk's
        self._writable(f"the result {key}")
        with explained(f"the result {key}", self.home):
            self._own(lambda cache: cache.set(key, {"key": key, "record": record}), write=True, create=True)

    def delete(self, key: str) -> None:
        """Forget the own record and weights of `key`; what the bundle holds stays. Raises StoreError."""
        check_key(key)
        self._writable(f"the deletion of {key}")
        with explained(f"the deletion of {key}", self.home):
            self._own(lambda cache: cache.delete(key), write=True)
            self._weights(key).unlink(missing_ok=True)

    def keys(self, kind: str | None = None) -> list[str]:
        """The keys of both layers in order, of one kind or of all; no record is read."""
        found = set(self._own_keys(kind))
        if self.bundle:
            for name in [kind] if kind else self.bundle.kinds():
                found.update(self.bundle.lines(name))
        return sorted(found)

    def items(self, kind: str) -> Iterator[tuple[str, Record]]:
        """Every record of one kind, in the order of the keys."""
        for key in self.keys(kind):
            if (record := self.get(key)) is not None:
                yield key, record

    def stored(self, keys: Iterable[str]) -> set[str]:
        """Those of `keys` that there is a record of; none is read."""
        asked = {check_key(key) for key in keys}
        bundled = {key for key in asked if self.bundle and key in self.bundle.lines(kind_of(key))}
        return bundled | self._own_among(asked - bundled)

    def counts(self) -> dict[str, int]:
        """How many results there are of each kind, in both layers."""
        found: dict[str, int] = {}
        with self._forgiven():
            own = self._listed(listing.counts) or {}
            found = {kind: count for kind, count in own.items() if re.fullmatch("[a-z]{1,40}", str(kind))}
        for kind in self.bundle.kinds() if self.bundle else []:
            keys = self.bundle.lines(kind)  # type: ignore[union-attr]
            twice = len(self._own_among(keys)) if kind in found else 0
            found[kind] = found.get(kind, 0) + len(keys) - twice
        return found

    def page(self, kind: str, size: int, before: Entry | None = None, after: Entry | None = None) -> Page:
        """Up to `size` results of one kind, by the time of storing them (of a bundled one: of making it), the newest
        first; no record is read.

        before, after: the entry at the end of another page: what is older, or newer, than it. The newest page is always
        as full as can be. What `get` refuses is listed until it has been looked at.
        """
        at = before if after is None else after
        found = self._entries(kind, size + 1, at, newer=after is not None)
        entries, more = found[:size], len(found) > size
        if at is not None and not (entries if after is None else more):
            return self.page(kind, size)
        if at is None:
            return Page(tuple(entries), False, more)
        if after is None:
            return Page(tuple(entries), bool(self._entries(kind, 1, entries[0], newer=True)), more)
        return Page(tuple(reversed(entries)), more, bool(self._entries(kind, 1, entries[0], newer=False)))

    def newest(self, kind: str, at_once: int = 100) -> Iterator[tuple[str, Record]]:
        """Every record of one kind, the newest first; `at_once` keys are in memory."""
        before = None
        while True:
            page = self.page(kind, at_once, before)
            for _, key in page.entries:
                if (record := self.get(key)) is not None:
                    yield key, record
            if not page.older:
                return
            before = page.entries[-1]

    def origin(self, key: str) -> Literal["bundle", "own"] | None:
        """The layer that `get(key)` answers from."""
        check_key(key)
        if self._own_get(key) is not None:
            return "own"
        return "bundle" if self.bundle and key in self.bundle.lines(kind_of(key)) else None

    def refusal(self) -> str | None:
        """Why nothing can be stored here by this version, as one sentence; None where it can.

        Results of an earlier format are brought to this one now (unless the store is read-only).
        """
        with self._forgiven():
            cache, _ = self._open(create=False)
            try:
                if cache is not None:
                    self._fits(cache, write=True)
            except NewerFormat as error:
                return str(error)
        return None

    def close(self) -> None:
        with self._lock:
            if self._cache is not None:
                self._cache.close()
            self._cache = self._inode = None

    # ---- weights

    def put_weights(self, key: str, tensors: dict[str, torch.Tensor]) -> Record:
        """Store a network's tensors. Returns what the record of `key` must hold under "weights".

        Raises StoreError, for a full disk too; then nothing has changed.
        """
        import safetensors.torch

        check_key(key)
        self._writable(f"the weights of {key}")
        # Clones: safetensors refuses tensors that share memory.
        data = safetensors.torch.save({name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()})
        path = self._weights(key)
        with explained(f"the weights of {key}", self.home):
            replace_file(path, data)
        return {"file": f"weights/{path.name}", "sha256": sha256(data), "bytes": len(data)}

    def get_weights(self, key: str, described: Record) -> dict[str, torch.Tensor] | None:
        """The tensors on the CPU, or None if they must be computed again.

        `described` is what `put_weights` returned. An own file that does not match it is moved to `set-aside`.
        """
        import safetensors
        import safetensors.torch

        path, data = self.find_weights(check_key(key), described)
        if data is None:
            return None
        try:
            return safetensors.torch.load(data)
        except (safetensors.SafetensorError, ValueError, KeyError) as error:
            self._set_aside(path, f"the weights of {key} cannot be read ({error}) and will be computed again")
            return None

    def trim_weights(self, limit_bytes: int) -> list[str]:
        """Delete own weights, the longest unused first, until `limit_bytes` are left. Returns the keys deleted.

        Results stay. What a process that died left half-written goes too. Raises StoreError.
        """
        self._writable("the weights")
        entries = []  # (last use, bytes, path)
        for path in (self.home / "weights").glob("*"):
            with contextlib.suppress(FileNotFoundError):  # another process trims too
                stat = path.stat()
                if path.suffix == ".tmp" and time.time() - stat.st_mtime > STALE_SECONDS:
                    path.unlink()
                elif path.suffix == ".safetensors" and KEY.fullmatch(path.stem):
                    entries.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in entries)
        gone = []
        for _, size, path in sorted(entries):
            if total <= limit_bytes:
                break
            with explained(f"the deletion of {path.name}", self.home):
                path.unlink(missing_ok=True)
            total -= size
            gone.append(path.stem)
        return gone

    def _weights(self, key: str) -> Path:
        return self.home / "weights" / f"{key}.safetensors"

    def find_weights(self, key: str, described: Record) -> tuple[Path, bytes | None]:
        """The file that matches `described` and its bytes; None for the bytes if no layer has it."""
        own = self._weights(key)
        for path in [self.bundle.weights(key), own] if self.bundle else [own]:
            with contextlib.suppress(OSError):
                data = path.read_bytes()  # read once: what is checked is what is used
                if sha256(data) == described.get("sha256"):
                    self._note_use(path)
                    return path, data
                if path != own:
                    log.warning("the bundled weights of %s do not match their record and are left out", key)
        self._set_aside(own, f"the weights of {key} do not match their record and will be computed again")
        return own, None

    def _note_use(self, path: Path) -> None:
        if path.parent == self.home / "weights" and not self.read_only:
            with contextlib.suppress(OSError):
                os.utime(path)  # the order of trim_weights

    # ---- the own layer's database

    @property
    def _database(self) -> Path:
        return self.home / "results" / "cache.db"

    def _own(self, work: Callable[[diskcache.Cache], T], write: bool = False, create: bool = False) -> T | None:
        """`work` on the own results; None where there are none. A damaged database is replaced, once.

        Results of another format count as none; to write beside those of a newer one raises NewerFormat.
        """
        for last in (False, False, True):
            cache, seen = self._open(create)
            if cache is None:
                return None
            try:
                if not self._fits(cache, write):
                    return None
                return self._unchanged(cache, work) if write else work(cache)
            except (sqlite3.Error, diskcache.Timeout) as error:
                if last or self.read_only or not is_damaged(error):
                    raise
                if not self._mended():
                    self._start_again(seen, error)
        return None

    def _open(self, create: bool) -> tuple[diskcache.Cache | None, int | None]:
        """The open database and its inode: another process, or thread, may set it aside and begin a new one."""
        with self._lock:
            now = inode(self._database)
            if self._cache is not None and now is not None and now == self._inode:
                return self._cache, now
            if now is None and not create:
                return None, None
            try:
                self._cache = self._connect()
            except (sqlite3.Error, ValueError, TypeError, AttributeError, KeyError) as error:
                if self.read_only or has_code(error, *PASSING):
                    raise
                self._start_again(now, error)
                self._cache = self._connect()
            self._inode = inode(self._database)
            return self._cache, self._inode

    def _connect(self) -> diskcache.Cache:
        cache = diskcache.Cache(
            str(self._database.parent),
            timeout=files.LOCK_SECONDS,
            disk=JSONOnlyDisk,
            eviction_policy="none",
            cull_limit=0,  # results are never evicted
            size_limit=1 << 60,
            sqlite_synchronous=2,  # FULL: a result may have cost hours, a write costs milliseconds
            sqlite_mmap_size=0,  # a damaged file must be an error, not a fault of the process
        )
        self._keep_listing()
        return cache

    def _keep_listing(self) -> None:
        """Make what listing takes where it is missing; on a full disk it stays so, and listing is slow."""
        if self.read_only:
            return
        try:
            with self._beside() as db:
                if stamp(db.execute) <= records.FORMAT and listing.keep(db):
                    log.info("the index of the results in %s was made", self.home)
        except sqlite3.Error as error:
            if not has_code(error, *PASSING):
                raise
            log.info("the index of the results in %s cannot be made now: %s", self.home, error)

    def _mended(self) -> bool:
        """Whether no more was wrong than that what listing takes was lost; it is there again."""
        try:
            with self._beside() as db:
                return listing.keep(db)
        except sqlite3.Error:
            return False

    @contextlib.contextmanager
    def _beside(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own, in autocommit mode: diskcache's gives up at a key that is no proper text."""
        with contextlib.closing(
            sqlite3.connect(self._database, timeout=files.LOCK_SECONDS, isolation_level=None)
        ) as db:
            db.text_factory = text
            yield db

    def _fits(self, cache: diskcache.Cache, write: bool) -> bool:
        """Whether the results are of this version's format, or have been brought to it. Raises NewerFormat."""
        found = stamp(cache._sql)
        if (found or UNSTAMPED) > records.FORMAT:
            if write:
                raise NewerFormat(self.home, found)
            return False
        if found == records.FORMAT or (found == 0 and records.FORMAT == UNSTAMPED and not write):
            return True
        if self.read_only:
            return (found or UNSTAMPED) == records.FORMAT
        with locked(self.home / "store.lock"):
            migrate(self.home, self._database)
        return True

    def _unchanged(self, cache: diskcache.Cache, work: Callable[[diskcache.Cache], T]) -> T:
        """`work` in one transaction with a look at the format: a newer version may migrate between the two."""
        with cache.transact():
            if stamp(cache._sql) != records.FORMAT:
                raise NewerFormat(self.home, stamp(cache._sql))
            return work(cache)

    def _own_get(self, key: str) -> Record | None:
        with self._forgiven():
            try:
                whole = self._read(lambda cache: cache.get(key), lambda db: value_in(db, key))
                if whole is None:
                    return None
                if whole.get("key") != key or not isinstance(whole.get("record"), dict):
                    raise RowError(f"it belongs to {whole.get('key')!r}")
                return whole["record"]
            except RowError as refusal:
                self._note_refusal(key, refusal)
                if not self.read_only:
                    self._own(lambda cache: cache.delete(key))
        return None

    def _own_keys(self, kind: str | None) -> list[str]:
        found = []
        with self._forgiven():
            for rowid, key, raw in self._listed(lambda db: rows_in(db, kind)) or []:
                try:
                    found.append(read_key(key, raw))
                except RowError as refusal:
                    self._note_refusal(key, refusal)
                    self._delete_row(rowid)
        return found

    def _own_among(self, keys: Iterable[str]) -> set[str]:
        asked = list(keys)  # it may be gone through twice
        with self._forgiven():
            return self._listed(lambda db: listing.among(db, asked)) or set()
        return set()

    def _entries(self, kind: str, limit: int, at: Entry | None, newer: bool) -> list[Entry]:
        """Up to `limit` entries of both layers from a place on, those next to it first."""
        found = [*self._own_entries(kind, limit, at, newer), *self._bundled_entries(kind, limit, at, newer)]
        return sorted(found, reverse=not newer)[:limit]

    def _own_entries(self, kind: str, limit: int, at: Entry | None, newer: bool) -> list[Entry]:
        asked = limit
        with self._forgiven():
            while True:
                look = functools.partial(listing.rows, kind=kind, limit=asked, at=at, newer=newer)
                rows = self._listed(look) or []
                found = [entry for row in rows if (entry := self._entry(*row))]
                if len(found) >= limit or len(rows) < asked:
                    return found[:limit]
                asked *= 2  # some were refused
        return []

    def _entry(self, stored: float, key: Any, raw: Any, rowid: int) -> Entry | None:
        """What a row lists; a row that is not of this store goes."""
        try:
            return Entry(stored, read_key(key, raw))
        except RowError as refusal:
            self._note_refusal(key, refusal)
            self._delete_row(rowid)
            return None

    def _bundled_entries(self, kind: str, limit: int, at: Entry | None, newer: bool) -> list[Entry]:
        if not self.bundle:
            return []
        there = self.bundle.entries(kind)
        if newer:
            coming = there[bisect_right(there, at) if at else 0 :]
        else:
            coming = there[: bisect_left(there, at) if at else len(there)][::-1]
        found: list[Entry] = []
        for part in listing.batched(coming, limit):
            own = self._own_among(entry.key for entry in part)  # those are listed where they lie
            found += [entry for entry in part if entry.key not in own]
            if len(found) >= limit:
                break
        return found

    def _listed(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """`work` with a connection to the own results; None where there are none."""

        def beside(cache: diskcache.Cache) -> T:
            with self._beside() as db:
                return work(db)

        return self._read(beside, work)

    def _read(self, work: Callable[[diskcache.Cache], T], instead: Callable[[sqlite3.Connection], T]) -> T | None:
        """`work`, or `instead` with a connection that writes nothing: to open the database as usual, SQLite and
        diskcache write to files, which a full or read-only disk does not let them."""
        try:
            return self._own(work)
        except (sqlite3.Error, diskcache.Timeout, OSError):
            if not self._database.exists():
                raise
            with looking(self._database) as db:
                if (stamp(db.execute) or UNSTAMPED) != records.FORMAT:
                    raise
                return instead(db)

    def _delete_row(self, rowid: int) -> None:
        if not self.read_only:
            with contextlib.closing(sqlite3.connect(self._database, timeout=files.LOCK_SECONDS)) as database, database:
                database.execute("DELETE FROM Cache WHERE rowid = ?", (rowid,))

    def _start_again(self, seen: int | None, error: BaseException) -> None:
        """Set the damaged database aside and begin a new one with the records that can still be read."""
        self.close()
        with explained("the results", self.home), locked(self.home / "store.lock"):
            if inode(self._database) != seen:
                return  # another process was faster
            aside = self.home / "set-aside" / f"results-{time.time_ns()}"
            aside.mkdir(parents=True)
            for path in self._database.parent.glob("cache.db*"):
                os.replace(path, aside / path.name)
            fresh = self._connect()
            fresh._sql(f"PRAGMA user_version = {stamp_of(aside / 'cache.db')}")
            saved = set()
            with fresh.transact():  # a million writes to the disk would take hours
                for key, whole, stored in readable(aside / "cache.db"):
                    fresh.set(key, whole)
                    fresh._sql("UPDATE Cache SET store_time = ? WHERE key = ?", (stored, key))
                    saved.add(key)
            fresh.close()
        log.error(
            "the database of results was damaged (%s): it was set aside as %s and a new one begun, with the %d results "
            "that could still be read",
            error, aside, len(saved),
        )  # fmt: skip

    def _set_aside(self, path: Path, sentence: str) -> None:
        """Move a damaged file of the own layer out of the way; where there is none, nothing is said."""
        if self.read_only or path.parent != self.home / "weights" or not path.exists():
            return
        aside = self.home / "set-aside"
        with contextlib.suppress(FileNotFoundError):  # another process was faster
            aside.mkdir(parents=True, exist_ok=True)
            os.replace(path, aside / f"{path.name}-{time.time_ns()}")
            log.warning(sentence)

    def _note_refusal(self, key: Any, refusal: RowError) -> None:
        name = repr(key)[:120]
        log.warning("a stored result was refused and counts as absent: %s (key %s)", refusal, name)
        if not self.read_only:
            with contextlib.suppress(OSError), (self.home / "refused").open("a", encoding="utf-8") as notes:
                notes.write(f"{now()} {name}\n")

    def _writable(self, what: str) -> None:
        if self.read_only:
            raise StoreError(f"{what} cannot be stored: this store was opened for reading only")

    @contextlib.contextmanager
    def _forgiven(self) -> Iterator[None]:
        """While reading, an own layer that cannot be had counts as empty, and is spoken of once."""
        try:
            yield
        except (OSError, sqlite3.Error, diskcache.Timeout, StoreError) as error:
            if not self._warned:
                log.warning("the results in %s cannot be read and count as absent: %s", self.home, error)
            self._warned = True
