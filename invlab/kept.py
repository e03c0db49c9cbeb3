"""Pictures kept on disk: those drawn once and read ever after, and those that a person fetched."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

DIGEST_BYTES = 32  # SHA-256, kept behind the pixels in a file of the cache
GET = "python -m invlab data get"  # the command that fetches a source
_DRAWING: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)  # threads that lack pixels draw them once


class SourceError(ValueError):
    """Pictures that cannot be had; the text is one sentence with the remedy."""


# ---- the cache: pixels that can be drawn again ----------------------------------------------------------------------


def cache_folder() -> Path:
    """`cache` in the person's own directory, which `store.home` names: said again here, because a machine that only
    trains may lack the store's database."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "invlab"
    return Path(os.environ.get("INVLAB_HOME") or usual).expanduser() / "cache"


def kept(name: str, shape: tuple[int, ...], draw: Callable[[], np.ndarray]) -> np.ndarray:
    """uint8 of `shape`: from the file `name` of the cache where that holds it whole, else from `draw`, then kept.

    Threads and processes that lack the same pixels draw them once. Where the disk is full or read-only they are drawn
    and not kept.
    """
    path = cache_folder() / f"{name}.npy"
    with _DRAWING[path], alone(path.with_suffix(".lock")):
        pixels = _load(path, shape)
        if pixels is None:
            pixels = draw()
            _save(path, pixels)
    return pixels


def is_kept(name: str, shape: tuple[int, ...]) -> bool:
    """Whether the cache has a file of the right size for `kept`; its digest is not computed."""
    try:
        return (cache_folder() / f"{name}.npy").stat().st_size == _length(int(np.prod(shape)))
    except OSError:
        return False


@contextlib.contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock between processes: the app and its worker start together, and one of them works for both. Where no
    lock can be had (a read-only disk), each works for itself."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):
            lock.parent.mkdir(parents=True, exist_ok=True)
            fcntl.flock(stack.enter_context(lock.open("a")), fcntl.LOCK_EX)
        yield


def _load(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """uint8 of `shape` from `path`, or None where the file is missing, damaged or of another shape."""
    count = int(np.prod(shape))
    header, length = _header(count + DIGEST_BYTES), _length(count)
    try:
        with path.open("rb") as file:
            data = file.read(length + 1)
    except OSError:
        return None
    # The header is compared, not parsed: a damaged one could ask for any amount of memory, or for a pickle.
    if len(data) != length or not data.startswith(header):
        return None
    pixels = np.frombuffer(data, np.uint8, count, len(header)).copy()
    return pixels.reshape(shape) if _digest(pixels) == data[-DIGEST_BYTES:] else None


def _save(path: Path, pixels: np.ndarray) -> None:
    """Write `pixels` and their digest to `path` in one step: no reader ever sees half a file."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.stem, suffix=".part", delete=False) as file:
            temporary = file.name
            file.write(_header(pixels.size + DIGEST_BYTES) + pixels.tobytes() + _digest(pixels))
        os.replace(temporary, path)
    except OSError:  # a full or read-only disk costs seconds at the next start, never the result
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _header(count: int) -> bytes:
    """What a .npy file of `count` bytes in a row begins with."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": (count,)})
    return stream.getvalue()


def _length(count: int) -> int:
    """Bytes of the file that holds `count` pixels."""
    return len(_header(count + DIGEST_BYTES)) + count + DIGEST_BYTES


def _digest(pixels: np.ndarray) -> bytes:
    return hashlib.sha256(pixels.tobytes()).digest()


# ---- what a person fetched ------------------------------------------------------------------------------------------


def data_folder(directory: str | Path | None = None) -> Path:
    """Where fetched pictures lie: `directory`, else INVLAB_DATA, else `data` in the person's own directory."""
    if chosen := directory or os.environ.get("INVLAB_DATA"):
        return Path(chosen).expanduser().resolve()
    from invlab.store import home  # here, because a machine that only trains may lack the store's database

    return home().resolve() / "data"


def megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def room_for(count: int, what: str, folder: Path) -> None:
    """Raise SourceError where `folder` has not `count` bytes left."""
    import shutil

    free = shutil.disk_usage(folder).free
    if free < count:
        raise SourceError(
            f"{what} needs {megabytes(count)} in {folder}, where {megabytes(free)} are free: free some space, or set "
            "INVLAB_DATA to a directory on another disk"
        )


@contextlib.contextmanager
def explained(what: str, folder: Path) -> Iterator[None]:
    """Failures of the disk, while `what` is written into `folder`, as one SourceError sentence."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "the disk is full: free some space, or set INVLAB_DATA to a directory on another disk"
        else:
            reason = error.strerror or str(error) or type(error).__name__
            remedy = f"{reason}: set INVLAB_DATA to a directory that can be written"
        raise SourceError(f"{what} could not be written into {folder}: {remedy}") from error


def set_aside(path: Path) -> Path | None:
    """Move what has this name out of the way, under a name of its own beside it; None where there is nothing."""
    if not os.path.lexists(path):
        return None
    aside = path.with_name(f"{path.name}.set-aside-{time.time_ns()}")
    os.replace(path, aside)
    return aside
