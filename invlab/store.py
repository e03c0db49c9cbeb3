"""Where results and weights lie: the bundle that ships, then the person's own directory, behind one `get` and `put`.

A record is a JSON object under the key of its spec. The person's own records lie in a diskcache (SQLite) whose disk
reads and writes JSON only: diskcache's own disks unpickle, and so execute, whatever a row claims to be pickled
(CVE-2025-69872). Weights are safetensors files, checked against the SHA-256 in their record. What is damaged counts as
absent, so that it is computed again; results are never evicted, weights may be.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import functools
import hashlib
import importlib
import json
import logging
import os
import re
import shutil
import sqlite3
import threading
import time
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, TypeVar

import diskcache
from diskcache.core import MODE_RAW

from invlab import listing, records
from invlab.listing import Entry, Page

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Record = dict[str, Any]
Step = Callable[[str, Record], "tuple[str, Record] | None"]

KEY = re.compile(r"[a-z]{1,40}-[0-9a-f]{32}")
LINE = re.compile(rb'\{"key":"([a-z]{1,40}-[0-9a-f]{32})","record":(\{.*\})\}')  # one record of a bundle
BUNDLE_FORMAT = 1
UNSTAMPED = 1  # the result format of a database that does not tell its own: the first ones did not
MIGRATIONS = "invlab.migrations"  # named, not imported: its steps know the specs, which stand on floors above
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
SQLITE = b"SQLite format 3\0"  # what a database begins with
LOCK_SECONDS = 10.0  # how long a write waits for another process
USERS = "users.lock"  # shared by the processes that a home must not be restored under
LEAST_ROOM = 100_000  # bytes; what SQLite makes beside a database takes about a third
STALE_SECONDS = 3600.0  # a temporary file this old belongs to a process that died

log = logging.getLogger(__name__)


class StoreError(RuntimeError):
    """The store cannot do what was asked; the message is one sentence with the remedy."""


class NewerFormat(StoreError):  # noqa: N818 - a state of the home, not a fault
    """The results were written by a newer version, so this one can neither read them nor add to them."""

    def __init__(self, home: Path, found: int) -> None:
        known = f"format {found}, this one knows {records.FORMAT}"
        super().__init__(
            f"the results in {home} are from a newer version of Invariance Lab ({known}): update this one, or "
            "choose another directory by INVLAB_HOME"
        )


class RowError(ValueError):
    """A row that was not written by this store, or was damaged since: it is not read."""


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


def check_key(key: str) -> str:
    """`key` itself if it has the form of a key: it becomes part of a file name. Raises StoreError."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        raise StoreError(f"{key!r} is no key: a key is a kind in small letters, '-' and 32 hexadecimal digits")
    return key


def kind_of(key: str) -> str:
    """`training` of `training-0123…`."""
    return check_key(key).split("-")[0]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


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


class Bundle:
    """The read-only layer: `manifest.json`, `results/<kind>.jsonl` and `weights/<key>.safetensors` in one directory.

    A file of results is read when its kind is first asked for, and left out as a whole if it does not match the
    manifest. Records are parsed when they are asked for.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._kinds: dict[str, dict[str, bytes]] = {}
        self._entries: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()
        self.manifest = self._read_manifest()

    def get(self, key: str) -> Record | None:
        line = self.lines(kind_of(key)).get(key)
        return None if line is None else json.loads(line)

    def kinds(self) -> list[str]:
        names = (Path(name) for name in self.manifest["files"] if name.startswith("results/"))
        return sorted(name.stem for name in names)

    def lines(self, kind: str) -> dict[str, bytes]:
        """The JSON text of every record of `kind`, by key."""
        with self._lock:
            if kind not in self._kinds:
                self._kinds[kind] = self._read_lines(kind)
            return self._kinds[kind]

    def entries(self, kind: str) -> list[Entry]:
        """The records of `kind` by the time they were made, the oldest first; those that do not tell it come before."""
        if kind not in self._entries:
            self._entries[kind] = sorted(Entry(_made(line), key) for key, line in self.lines(kind).items())
        return self._entries[kind]

    def weights(self, key: str) -> Path:
        return self.directory / "weights" / f"{key}.safetensors"

    def _read_manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads((self.directory / "manifest.json").read_bytes())
            written = manifest["format"], manifest.get("records_format", UNSTAMPED)
            if written == (BUNDLE_FORMAT, records.FORMAT) and isinstance(manifest["files"], dict):
                return manifest
            log.warning(
                "the bundle in %s is of format %r with results of format %r, not %d with %d, and is left out: install "
                "the bundle of this version", self.directory, *written, BUNDLE_FORMAT, records.FORMAT,
            )  # fmt: skip
        except FileNotFoundError:
            pass  # an installation without a bundle
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning(
                "the manifest of the bundle in %s cannot be read (%s): the bundle is left out", self.directory, error
            )
        return {"format": BUNDLE_FORMAT, "files": {}}

    def _read_lines(self, kind: str) -> dict[str, bytes]:
        described = self.manifest["files"].get(f"results/{kind}.jsonl")
        if not isinstance(described, dict):
            return {}
        try:
            data = read_lines_file(self.directory / "results" / f"{kind}.jsonl")
        except OSError as error:
            log.warning("the bundled results of kind %r are missing (%s): install the bundle again", kind, error)
            return {}
        if sha256(data) != described.get("sha256"):
            log.warning("the bundled results of kind %r do not match their manifest: install the bundle again", kind)
            return {}
        matches = (LINE.fullmatch(line) for line in data.splitlines())
        return {match[1].decode(): match[2] for match in matches if match}


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

        path, data = self._find_weights(check_key(key), described)
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

    def _find_weights(self, key: str, described: Record) -> tuple[Path, bytes | None]:
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
            timeout=LOCK_SECONDS,
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
                if _stamp(db.execute) <= records.FORMAT and listing.keep(db):
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
        with contextlib.closing(sqlite3.connect(self._database, timeout=LOCK_SECONDS, isolation_level=None)) as db:
            db.text_factory = _text
            yield db

    def _fits(self, cache: diskcache.Cache, write: bool) -> bool:
        """Whether the results are of this version's format, or have been brought to it. Raises NewerFormat."""
        found = _stamp(cache._sql)
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
            if _stamp(cache._sql) != records.FORMAT:
                raise NewerFormat(self.home, _stamp(cache._sql))
            return work(cache)

    def _own_get(self, key: str) -> Record | None:
        with self._forgiven():
            try:
                whole = self._read(lambda cache: cache.get(key), lambda db: _value_in(db, key))
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
            for rowid, key, raw in self._listed(lambda db: _rows_in(db, kind)) or []:
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
                if (_stamp(db.execute) or UNSTAMPED) != records.FORMAT:
                    raise
                return instead(db)

    def _delete_row(self, rowid: int) -> None:
        if not self.read_only:
            with contextlib.closing(sqlite3.connect(self._database, timeout=LOCK_SECONDS)) as database, database:
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
                for key, whole, stored in _readable(aside / "cache.db"):
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
                notes.write(f"{_now()} {name}\n")

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


# ---- from one result format to the next


def migrate(home: Path, database: Path) -> None:
    """Bring own results of an earlier format to this version's, whole or not at all; the caller holds `store.lock`.

    One transaction carries every record over by the steps of `invlab.migrations` and stamps the database. Before it,
    a copy of the database goes to `set-aside`, where it stays: what has no meaning in the new format is kept there
    alone. Interrupted at any point, the old results are as they were, and the next call does it all again.
    """
    with contextlib.closing(sqlite3.connect(database, timeout=LOCK_SECONDS, isolation_level=None)) as db:
        db.text_factory = _text
        db.execute("BEGIN IMMEDIATE")
        found = _stamp(db.execute)
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


@contextlib.contextmanager
def looking(database: Path) -> Iterator[sqlite3.Connection]:
    """A connection that changes nothing, not even by the files that SQLite keeps beside a database in use."""
    log_of_writes = database.with_name(f"{database.name}-wal")
    in_use = log_of_writes.exists() and log_of_writes.stat().st_size > 0
    uri = f"{database.resolve().as_uri()}?mode=ro{'' if in_use else '&immutable=1'}"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=LOCK_SECONDS)) as db:
        db.text_factory = _text
        yield db


def _rows_in(db: sqlite3.Connection, kind: str | None) -> list[tuple[int, Any, Any]]:
    """(rowid, key, raw) of every row, or of those of a kind."""
    if kind is None:
        return db.execute("SELECT rowid, key, raw FROM Cache").fetchall()
    ends = (f"{kind}-", f"{kind}.")  # '.' follows '-'
    return db.execute("SELECT rowid, key, raw FROM Cache WHERE key >= ? AND key < ?", ends).fetchall()


def _value_in(db: sqlite3.Connection, key: str) -> Record | None:
    """What the row of a key holds, None where there is none. Raises RowError."""
    row = db.execute("SELECT mode, filename, value FROM Cache WHERE key = ? AND raw = 1", (key,)).fetchone()
    return None if row is None else read_value(*row)


def stamp_of(database: Path) -> int:
    """The result format that a database tells (0: none). A damaged one is asked for its bare bytes; one that is no
    database has nothing that could be of another format than this."""
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(database)) as db:
        return _stamp(db.execute)
    with contextlib.suppress(OSError), database.open("rb") as file:
        head = file.read(64)
        if head.startswith(SQLITE) and len(head) == 64:
            return int.from_bytes(head[60:64], "big")  # where SQLite's file format has user_version
    return records.FORMAT


def _stamp(execute: Callable[[str], sqlite3.Cursor]) -> int:
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


# ---- bundles


def write_bundle(
    store: Store, directory: Path | str, keys: Iterable[str], weight_keys: Iterable[str], about: Record
) -> Record:
    """Write the records of `keys`, and the weights of `weight_keys` among them, as the bundle `directory`.

    The whole bundle is made beside the old one and takes its place by renaming; other files in the directory are
    carried over. The same records give the same bytes. `about` (versions, preset) goes into the manifest, which is
    returned. Raises StoreError for a record or weights that are not in the store, and for a full disk.
    """
    directory = Path(directory)
    made = directory.with_name(f".{directory.name}-{os.getpid()}-{time.time_ns()}")
    old = made.with_name(made.name + "-old")
    with explained("the bundle", directory):
        try:
            manifest = _fill(made, store, sorted(set(keys)), sorted(set(weight_keys)), about)
            if directory.exists():
                _carry_over(directory, made)
                os.replace(directory, old)
            try:
                os.replace(made, directory)
            except OSError:
                os.replace(old, directory)
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    return manifest


def verify_bundle(directory: Path | str) -> list[str]:
    """What is wrong with a bundle, one sentence each; an empty list means that every byte is as it was written."""
    directory = Path(directory)
    try:
        manifest = json.loads((directory / "manifest.json").read_bytes())
        files = {str(name): dict(described) for name, described in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"manifest.json cannot be read ({error})"]
    problems = (
        [] if manifest.get("format") == BUNDLE_FORMAT else [f"format {manifest.get('format')!r} is not {BUNDLE_FORMAT}"]
    )
    for name, described in files.items():
        problems += _problems_of_file(directory, name, described)
    found = {p.relative_to(directory).as_posix() for sub in ("results", "weights") for p in (directory / sub).glob("*")}
    return problems + [f"{name} is not in the manifest" for name in sorted(found - set(files))]


def _fill(made: Path, store: Store, keys: list[str], weight_keys: list[str], about: Record) -> Record:
    lines: dict[str, list[bytes]] = {}
    contents: dict[str, bytes] = {}
    for key in keys:
        if (record := store.get(key)) is None:
            raise StoreError(f"the bundle cannot be written: there is no result {key} in the store; compute it first")
        lines.setdefault(kind_of(key), []).append(f'{{"key":"{key}","record":{dumps(record)}}}\n'.encode())
        if key in weight_keys:
            _, data = store._find_weights(key, record.get("weights") or {})
            if data is None:
                raise StoreError(f"the bundle cannot be written: the weights of {key} are missing; compute them again")
            contents[f"weights/{key}.safetensors"] = data
    if missing := sorted(set(weight_keys) - set(keys)):
        raise StoreError(f"the bundle cannot be written: weights are asked for without a result: {missing[0]}")
    contents |= {f"results/{kind}.jsonl": b"".join(rows) for kind, rows in lines.items()}
    for name, data in contents.items():
        replace_file(made / name, data)
    files = {name: {"sha256": sha256(data), "bytes": len(data)} for name, data in sorted(contents.items())}
    head = {"format": BUNDLE_FORMAT, "records_format": records.FORMAT, "created": _now()}
    manifest = head | about | {"results": len(keys), "files": files}
    replace_file(made / "manifest.json", (json.dumps(manifest, indent=1, allow_nan=False) + "\n").encode())
    return manifest


def _carry_over(directory: Path, made: Path) -> None:
    for path in directory.iterdir():
        if path.name in ("manifest.json", "results", "weights"):
            continue
        if path.is_dir():
            shutil.copytree(path, made / path.name)
        else:
            shutil.copy2(path, made / path.name)


def _problems_of_file(directory: Path, name: str, described: Record) -> list[str]:
    if not re.fullmatch(rf"results/[a-z]{{1,40}}\.jsonl|weights/{KEY.pattern}\.safetensors", name):
        return [f"{name} is no name of a bundle's file"]
    path = directory / name
    try:
        data = read_lines_file(path) if name.endswith(".jsonl") else path.read_bytes()
    except OSError:
        return [f"{name} is missing"]
    problems = []
    if sha256(data) != described.get("sha256") or len(data) != described.get("bytes"):
        problems.append(f"{name} does not match its SHA-256")
    if name.endswith(".jsonl"):
        problems += _problems_of_lines(name, path.stem, data)
    return problems


def _problems_of_lines(name: str, kind: str, data: bytes) -> list[str]:
    problems, seen = [], set()
    for number, line in enumerate(data.splitlines(), 1):
        try:
            whole = json.loads(line)
            key = whole["key"]
        except (ValueError, KeyError, TypeError):
            problems.append(f"{name}, line {number}, is no JSON record with a key")
            continue
        if not LINE.fullmatch(line) or kind_of(key) != kind or key in seen:
            problems.append(f"{name}, line {number}: the key {key!r} does not belong here")
        seen.add(key)
    return problems


# ---- files


def read_lines_file(path: Path) -> bytes:
    """The bytes of a text file with the line ends it was written with (a checkout may have changed them)."""
    return path.read_bytes().replace(b"\r\n", b"\n")


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


def _readable(path: Path) -> Iterator[tuple[str, Record, float]]:
    """The records that a damaged database still gives, and when they were stored: from its beginning, then from its
    end, up to the damage."""
    for order in ("SELECT * FROM Cache ORDER BY rowid", "SELECT * FROM Cache ORDER BY rowid DESC"):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(path)) as database:
            database.row_factory = sqlite3.Row
            database.text_factory = _text
            for row in database.execute(order):
                with contextlib.suppress(RowError, IndexError):
                    key = read_key(row["key"], row["raw"])
                    whole = read_value(row["mode"], row["filename"], row["value"])
                    if whole.get("key") == key:
                        yield key, whole, row["store_time"]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _made(line: bytes) -> float:
    """When a bundled record was made, in seconds since 1970; 0 where it does not tell."""
    try:
        return datetime.datetime.fromisoformat(json.loads(line)["made"]["created"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def inode(path: Path) -> int | None:
    """Of the file that has this name now; None if there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those it arose in: diskcache hides the reason behind Timeout or a failed ROLLBACK."""
    while error is not None:
        yield error
        error = error.__context__


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
