"""What the processes write down of their work: one JSON object for each event, in files of bounded size.

`set_up` is called once by each process that runs by itself (web, worker). Nothing that tells of a person is written:
no visitors, addresses, names of uploaded files, codes or passphrases. Events name a job by its key and an error by its
kind and place; the message of an error may quote what somebody typed, so only its quoted parts are left out, and the
whole of it where the error is about somebody's pictures (`private`).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import sys
import threading
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Kind = Literal["web", "worker", "command"]

FILE_BYTES = 5_000_000  # of one file; then the next is begun
OLDER = 2  # files kept besides the one that is written to
FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
STREAMLIT = ("streamlit", "streamlit.error_util", "streamlit.runtime")  # where it tells of a page that failed
QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{1,4}\b")

log = logging.getLogger(__name__)


def set_up(kind: Kind, home: Path) -> None:
    """Let the events of this process go to standard error and to `logs/<kind>.jsonl` in `home`.

    INVLAB_LOG (text or json) is the form on standard error; the file is always JSON. INVLAB_LOG_LEVEL is the least that
    is written (info). A value that is neither is told of and the default used; a file that cannot be written is done
    without. Called again, it replaces what it set up before.
    """
    form, level, problems = settings()
    console = logging.StreamHandler(sys.stderr)
    console.setFormatter(AsJSON(kind) if form == "json" else AsText())
    kept = Lines(home / "logs" / f"{kind}.jsonl")
    kept.setFormatter(AsJSON(kind))
    root = logging.getLogger("invlab")
    root.handlers[:] = [console, kept]
    root.setLevel(level.upper())
    root.propagate = False
    if kind == "web":
        _take_over(STREAMLIT, [console, kept])
    for problem in problems:
        log.warning("%s", problem)


def fields(**values: Any) -> dict[str, Any]:
    """The `extra` of a logging call: named values beside its text, such as a job's key."""
    return {"fields": values}


def settings() -> tuple[str, str, list[str]]:
    """Form and level from the environment, and one sentence for each value that is none."""
    problems = []
    chosen = {}
    for name, valid, usual in (("INVLAB_LOG", FORMATS, "text"), ("INVLAB_LOG_LEVEL", LEVELS, "info")):
        value = os.environ.get(name, "").strip().lower() or usual
        if value not in valid:
            problems.append(f"{name} {value[:40]!r}: choose from {', '.join(valid)}; {usual} is used")
            value = usual
        chosen[name] = value
    return chosen["INVLAB_LOG"], chosen["INVLAB_LOG_LEVEL"], problems


def _take_over(names: tuple[str, ...], handlers: list[logging.Handler]) -> None:
    """Let other loggers write here too: a page that failed belongs into the same log, less what it may quote."""
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers[:] = handlers
        logger.propagate = False


# ---- what is written


class AsJSON(logging.Formatter):
    """One line of JSON: time (UTC), level, process, pid, logger, event, then its fields and what failed."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def format(self, record: logging.LogRecord) -> str:
        whole = {
            "time": moment(record.created),
            "level": record.levelname.lower(),
            "process": self.kind,
            "pid": record.process,
            "logger": record.name,
            "event": cleaned(record.getMessage()),
        }
        whole |= {name: value for name, value in getattr(record, "fields", {}).items() if name not in whole}
        if record.exc_info and record.exc_info[1] is not None:
            whole["error"] = told(record.exc_info[1])
        return json.dumps(whole, ensure_ascii=False, default=str)


class AsText(logging.Formatter):
    """A line for people: time (UTC), level, event; the error's steps below it."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{moment(record.created)} {record.levelname} {cleaned(record.getMessage())}"
        if record.exc_info and record.exc_info[1] is not None:
            line += "\n" + told(record.exc_info[1])
        return line


def moment(seconds: float) -> str:
    """Seconds since 1970 as `2026-11-24T15:00:00.123Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def told(error: BaseException) -> str:
    """The steps that led to an error, innermost last, its kind, and what of its message may be written."""
    steps = "".join(traceback.format_tb(error.__traceback__)).rstrip()
    last = f"{type(error).__name__}: {message(error)}".rstrip(": ")
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    above = f"{told(before)}\nthen:\n" if before is not None else ""
    return above + cleaned(f"{steps}\n{last}".lstrip())


def message(error: BaseException) -> str:
    """An error's own words in one line, less what they quote; none where the error is `private`."""
    if getattr(error, "private", False) or isinstance(error, KeyError):  # the whole message of a KeyError is a value
        return ""
    return QUOTED.sub("'…'", " ".join(str(error).split()))[:300]


def cleaned(text: str) -> str:
    """`text` with the person's own directory as `~` and without network addresses."""
    own = str(Path.home())
    if len(own) > 1:
        text = text.replace(own, "~")
    return ADDRESS.sub("[address]", text)


# ---- where it is written


class Lines(logging.Handler):
    """Appends lines to a file that several processes share, and begins the next when it is full.

    A line is one write to a file opened for appending, which the system does not split. Whoever finds the file full
    renames it under a lock; the others notice that the name belongs to another file and open that.
    """

    def __init__(self, path: Path, most: int = FILE_BYTES, older: int = OLDER) -> None:
        super().__init__()
        self.path = path
        self.most = most
        self.older = older
        self._file: int | None = None
        self._opening = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = (self.format(record) + "\n").encode("utf-8", "replace")
            with self._opening:
                os.write(self._opened(len(line)), line)
        except OSError:
            pass  # a full or read-only disk: standard error has it, and the work goes on
        except Exception:  # noqa: BLE001 - logging never ends what is logged; this is its own way to tell
            self.handleError(record)

    def close(self) -> None:
        with self._opening:
            self._close()
        super().close()

    def _opened(self, more: int) -> int:
        """A descriptor of the file that has the name now, with room for `more` bytes."""
        if self._file is None or _identity(self.path) != _identity(self._file):
            self._close()
            self._file = self._open()
        if os.fstat(self._file).st_size + more > self.most:
            self._begin_next(more)
        return self._file

    def _open(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def _begin_next(self, more: int) -> None:
        lock = os.open(self.path.with_suffix(".lock"), os.O_WRONLY | os.O_CREAT, 0o640)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(FileNotFoundError):
                size = self.path.stat().st_size
                if size and size + more > self.most:  # else another process was faster
                    for number in range(self.older, 0, -1):
                        with contextlib.suppress(FileNotFoundError):
                            os.replace(self._numbered(number - 1), self._numbered(number))
        finally:
            os.close(lock)
        self._close()
        self._file = self._open()

    def _numbered(self, number: int) -> Path:
        return self.path if number == 0 else self.path.with_name(f"{self.path.name}.{number}")

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _identity(where: Path | int) -> tuple[int, int] | None:
    """Of a file by name or descriptor; None where there is none."""
    try:
        found = os.stat(where)
    except OSError:
        return None
    return found.st_dev, found.st_ino
