"""A home in one file, and back: everything a person would miss, nothing that can be had again.

The copy is consistent although the app and its worker go on: databases are copied by SQLite's own online back-up, in
one read of a single moment; all other files are only ever replaced as a whole. What can be computed, drawn or fetched
again (caches, fetched pictures, logs) is left out.

The file is an ordinary ZIP whose members are stored as they are, so that it can hold no more than its own size. Its
`manifest.json` names every member with its SHA-256; what does not match is not restored.
"""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
import stat
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from invlab import __version__, formats, records
from invlab.files import LOCK_SECONDS, USERS, is_full

WHAT = "Invariance Lab back-up"
FORMAT = 1
MANIFEST = "manifest.json"
MOST_MANIFEST = 2**26  # bytes; half a million files
LEFT_OUT = ("cache", "data", "logs", "set-aside")  # folders: computed or fetched again, or of use only here
PASSING = re.compile(r"\..*|.*\.(lock|tmp|part|log|log\.\d+)|.*-(wal|shm|journal)|refused")  # files, likewise
CHUNK = 2**20
SPARE_BYTES = 100 * 2**20  # left free on the disk

# What zipfile is known to raise on archives that are damaged, or are none.
DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, TypeError, LookupError, OverflowError, RuntimeError,
)  # fmt: skip


class BackupError(RuntimeError):
    """No back-up could be made of it or restored from it; the message is one sentence with the remedy."""


@dataclass(frozen=True)
class Told:
    """What was backed up or restored: files, bytes, and where the old home is kept (None where there was none)."""

    files: int
    bytes: int
    aside: Path | None = None


# ---- backing up


def backup(file: Path, home: Path) -> Told:
    """Write a copy of `home` as the new `file`, whole or not at all, while others work in it.

    Raises BackupError, for a full disk too.
    """
    if not home.is_dir():
        raise BackupError(f"there is nothing in {home} to back up: set INVLAB_HOME to the directory that is used")
    if os.path.lexists(file):
        raise BackupError(f"{file} is there already: choose another name, or remove it first")
    if home.resolve() in file.resolve().parents:
        raise BackupError(f"{file} would lie in {home} itself: choose a place outside, best on another disk")
    part = file.with_name(f".{file.name}.{os.getpid()}-{time.time_ns()}.part")
    try:
        with _explained(f"the back-up {file} could not be written"), _private(part) as output:
            told = _write(output, home, part.parent)
            output.flush()
            os.fsync(output.fileno())
            os.rename(part, file)
    finally:
        part.unlink(missing_ok=True)
    return told


def _private(path: Path) -> IO[bytes]:
    """A new file that only its owner may read: a home holds what visitors uploaded."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _write(output: IO[bytes], home: Path, beside: Path) -> Told:
    files: dict[str, Any] = {}
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        databases, others = _kept(home)
        for path in databases:  # first: what they name is on the disk by then
            with _snapshot(path, beside) as copy:
                _add(archive, files, path.relative_to(home).as_posix(), copy, path.stat().st_mtime_ns)
        for path in others:
            with contextlib.suppress(FileNotFoundError):  # weights may be evicted meanwhile; they are computed again
                _add(archive, files, path.relative_to(home).as_posix(), path, path.stat().st_mtime_ns)
        created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        results = home / "results" / "cache.db"
        written = (formats.stamp_of(results) if results.exists() else records.FORMAT) or formats.UNSTAMPED
        head = {"what": WHAT, "format": FORMAT, "records_format": written, "version": __version__, "created": created}
        archive.writestr(MANIFEST, json.dumps(head | {"files": files}, indent=1))
    return Told(len(files), sum(described["bytes"] for described in files.values()))


def _kept(home: Path) -> tuple[list[Path], list[Path]]:
    """The databases and the other files of a home that belong into a back-up, in order."""
    databases: list[Path] = []
    others: list[Path] = []
    for folder, folders, names in os.walk(home):
        here = Path(folder)
        left_out = LEFT_OUT if here == home else ()
        folders[:] = sorted(name for name in folders if name not in left_out and not name.startswith("."))
        for name in sorted(names):
            path = here / name
            if PASSING.fullmatch(name) or not _is_file(path):
                continue
            (databases if _is_database(path) else others).append(path)
    return databases, others


def _is_file(path: Path) -> bool:
    """Whether this is a file, and no link; not so for one that somebody has deleted since the folder was listed."""
    with contextlib.suppress(FileNotFoundError):
        return stat.S_ISREG(path.lstat().st_mode)
    return False


def _is_database(path: Path) -> bool:
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(len(formats.SQLITE)) == formats.SQLITE
    return False


@contextlib.contextmanager
def _snapshot(path: Path, beside: Path) -> Iterator[Path]:
    """A copy of a database at one moment, whatever others write to it. Raises BackupError for a damaged one."""
    with tempfile.TemporaryDirectory(prefix=".invlab-", dir=beside) as folder:
        copy = Path(folder) / path.name
        try:
            with (
                contextlib.closing(sqlite3.connect(path, timeout=LOCK_SECONDS)) as source,
                contextlib.closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
            _check_database(copy, path.name)
        except sqlite3.Error as error:
            raise BackupError(f"{path} cannot be copied ({error}): run `python -m invlab doctor`") from error
        yield copy


def _check_database(path: Path, name: str) -> None:
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        found = db.execute("PRAGMA quick_check").fetchone()[0]
    if found != "ok":
        raise BackupError(f"the database {name} is damaged ({found}): run `python -m invlab doctor`")


def _add(archive: zipfile.ZipFile, files: dict[str, Any], name: str, path: Path, changed: int) -> None:
    digest, count = hashlib.sha256(), 0
    with path.open("rb") as source, archive.open(zipfile.ZipInfo(name), "w", force_zip64=True) as target:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            count += len(chunk)
            target.write(chunk)
    files[name] = {"sha256": digest.hexdigest(), "bytes": count, "changed_ns": changed}


# ---- looking at a back-up


def check(file: Path) -> Told:
    """Read a back-up to the last byte without restoring it. Raises BackupError for whatever is wrong with it."""
    with _opened(file) as (archive, files):
        for name, described in files.items():
            for _ in _read(archive, name, described):
                pass
    return Told(len(files), sum(described["bytes"] for described in files.values()))


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[tuple[zipfile.ZipFile, dict[str, Any]]]:
    """A back-up and its files by name, once all that it says of itself has been checked."""
    with contextlib.ExitStack() as stack:
        with _believed(file):
            archive = stack.enter_context(zipfile.ZipFile(file))
            files = _manifest(archive)["files"]
            _check_entries(file, archive.infolist(), files)
        yield archive, files


@contextlib.contextmanager
def _believed(file: Path) -> Iterator[None]:
    """What reading a file raises that is no back-up, as one sentence."""
    try:
        yield
    except BackupError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BackupError(f"{file} cannot be read ({reason}): give the path of a back-up") from error
    except DAMAGE as error:
        raise BackupError(f"{file} is no back-up of the lab, or it is damaged: take another one") from error


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    entry = archive.getinfo(MANIFEST)
    if entry.file_size > MOST_MANIFEST or entry.compress_type != zipfile.ZIP_STORED:
        raise ValueError("no manifest of ours")
    manifest = json.loads(archive.read(entry))
    if manifest["what"] != WHAT:
        raise ValueError("another program's")
    if manifest["format"] > FORMAT or manifest["records_format"] > records.FORMAT:
        raise BackupError(
            f"the back-up was made by a newer version of Invariance Lab ({manifest['version']}): install that one or a "
            "later one, then restore it"
        )
    return manifest


def _check_entries(file: Path, entries: list[zipfile.ZipInfo], files: dict[str, Any]) -> None:
    """Raise for members that are not what the manifest says: links, other paths, packed or repeated ones."""
    names = [entry.orig_filename for entry in entries]
    if sorted(names) != sorted([*files, MANIFEST]):
        raise ValueError("members and manifest differ")
    if sum(entry.file_size for entry in entries) > file.stat().st_size:
        raise ValueError("more than the file can hold")
    for entry in entries:
        if entry.orig_filename == MANIFEST:
            continue
        described = files[entry.orig_filename]
        plain = stat.S_IFMT(entry.external_attr >> 16) in (0, stat.S_IFREG) and not entry.flag_bits & 0x41
        stored = entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size
        if not (plain and stored and entry.file_size == described["bytes"] and _is_plain_path(entry.orig_filename)):
            raise BackupError(f"{file} holds {entry.orig_filename[:100]!r}, which no back-up holds: take another one")


def _is_plain_path(name: str) -> bool:
    """Whether a name leads downwards and nowhere else, on every system."""
    parts = PurePosixPath(name).parts
    harmless = "\\" not in name and "\0" not in name and ":" not in name and not name.startswith("/")
    return harmless and "/".join(parts) == name and not any(part.startswith(".") for part in parts)


def _read(archive: zipfile.ZipFile, name: str, described: dict[str, Any]) -> Iterator[bytes]:
    """The bytes of a member, in pieces. Raises BackupError at the end where they are not those that were put in."""
    digest = hashlib.sha256()
    file = Path(archive.filename or "")
    with _believed(file):
        source = archive.open(name)
    with source:
        while True:
            with _believed(file):
                chunk = source.read(CHUNK)
            if not chunk:
                break
            digest.update(chunk)
            yield chunk
    if digest.hexdigest() != described["sha256"]:
        raise BackupError(f"{name} in the back-up does not match its SHA-256: take another back-up")


# ---- restoring


def restore(file: Path, home: Path, replace: bool = False) -> Told:
    """Put the back-up `file` in the place of `home`.

    All is unpacked and checked beside it, then takes its place in one step; until then, and where anything fails, the
    old home is as it was. A home that is in use is refused, and so is one that is not empty unless `replace`: then it
    is moved aside, beside the new one, and kept. Raises BackupError.
    """
    home = home.resolve()
    filled = home.is_dir() and any(home.iterdir())
    if filled and not replace:
        raise BackupError(
            f"{home} is not empty: give --replace, which keeps what is there beside it, or another directory by --home"
        )
    if os.path.ismount(home):
        raise BackupError(f"{home} is a mount point and cannot be moved aside: let INVLAB_HOME be a directory in it")
    made = home.with_name(f".{home.name}-restoring-{os.getpid()}-{time.time_ns()}")
    try:
        with _explained(f"{home} could not be restored"), _unused(home), _opened(file) as (archive, files):
            home.parent.mkdir(parents=True, exist_ok=True)
            whole = sum(described["bytes"] for described in files.values())
            _room(home.parent, whole)
            _unpack(archive, files, made)
            aside = _put(made, home, filled)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    return Told(len(files), whole, aside)


@contextlib.contextmanager
def _unused(home: Path) -> Iterator[None]:
    """Keep workers and the app out of `home`. Raises BackupError where one is in it."""
    with contextlib.ExitStack() as stack:
        for path in sorted([*home.glob("worker*.lock"), *home.glob(USERS)]):
            try:
                fcntl.flock(stack.enter_context(path.open("a")), fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                who = "the app" if path.name == USERS else "a worker"
                raise BackupError(f"{home} is in use by {who}: stop it, then restore") from error
        yield


def _room(folder: Path, count: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < count + SPARE_BYTES:
        raise BackupError(
            f"{folder} has {free / 1e6:,.0f} MB free and the back-up needs {(count + SPARE_BYTES) / 1e6:,.0f} MB: free "
            "some space, or restore to another disk by --home"
        )


def _unpack(archive: zipfile.ZipFile, files: dict[str, Any], made: Path) -> None:
    made.mkdir(mode=0o700)
    for name, described in files.items():
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            for chunk in _read(archive, name, described):
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        os.utime(path, ns=(described["changed_ns"], described["changed_ns"]))  # tells which weights were used last
        if _is_database(path):
            _check_database(path, name)


def _put(made: Path, home: Path, filled: bool) -> Path | None:
    """Let `made` take the place of `home`. Returns where the old one is now."""
    if not filled:
        os.rename(made, home)  # also over an empty directory
        return None
    aside = home.with_name(f"{home.name}-before-restore-{time.strftime('%Y%m%d-%H%M%S')}-{time.time_ns() % 1000:03}")
    if _exchange(made, home):
        os.rename(made, aside)
        return aside
    os.rename(home, aside)
    try:
        os.rename(made, home)
    except OSError:
        os.rename(aside, home)
        raise
    return aside


def _exchange(one: Path, other: Path) -> bool:
    """Swap two directories in one step, so that there is a home at every moment. False where the system cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2  # Linux; Python has no name for it
    except (AttributeError, OSError):
        return False
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename(here, os.fsencode(one), here, os.fsencode(other), swap) == 0


@contextlib.contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        remedy = "free some space" if is_full(error) else "choose a place that can be written"
        raise BackupError(f"{what} ({error.strerror or type(error).__name__}): {remedy}") from error
