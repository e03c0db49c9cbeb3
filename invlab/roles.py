"""Who may do what: a viewer browses, a student starts what takes seconds, a teacher everything.

The person at this machine is the teacher. When the lab is served, a visitor is a viewer until they join a room
(`rooms`) or sign in with the passphrase. Every action that changes something is checked where it is done.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import hmac
import os
import secrets
import sqlite3
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from invlab import database
from invlab import store as stores
from invlab.jobs import FIRST, NORMAL, VISITOR_LIMIT

Mode = Literal["auto", "local", "serve", "view"]

MODES: dict[str, str] = {
    "auto": "who sits at this machine is the teacher, others are served",
    "local": "everybody who reaches it is the teacher",
    "serve": "everybody is served; teachers sign in",
    "view": "finished results only: nothing is computed, nothing changed",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1", "[::1]", "::ffff:127.0.0.1")
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via")
STUDENT_SECONDS = 120.0  # the longest run of a student, on two CPU cores
STUDENT_LIMIT = 5  # a student's runs that may wait at once
PRESETS_ALLOWED = ("live",)  # for students, unless their room says otherwise
SIGNED_IN_SECONDS = 12 * 3600.0
FAILURE_SECONDS = 300.0  # wrong passphrases are remembered for as long
FAILURES_EACH = 5  # from one address in that time
FAILURES_ALL = 50  # from all addresses together
SHORTEST = 8  # characters of a passphrase


class Refused(RuntimeError):  # noqa: N818 - a rule, not a fault
    """The visitor may not do this; the message is one sentence with the remedy."""


class Role(enum.IntEnum):
    """A higher role may do all that a lower one may."""

    VIEWER = 0
    STUDENT = 1
    TEACHER = 2


# What changes something: who may do it, and what it is called.
ACTIONS: dict[str, tuple[Role, str]] = {
    "run": (Role.STUDENT, "starting a run"),  # within the limits of `check_run`
    "run a study": (Role.TEACHER, "running a study again"),
    "upload": (Role.STUDENT, "uploading pictures"),
    "upload a network": (Role.TEACHER, "uploading a network"),
    "take back": (Role.VIEWER, "taking back a request"),  # the queue lets nobody take back another's
    "cancel": (Role.TEACHER, "cancelling a run for everybody"),
    "forget": (Role.TEACHER, "clearing the list of runs"),
    "delete": (Role.TEACHER, "deleting a result"),
    "open a room": (Role.TEACHER, "opening a room"),
}
WHO = {Role.STUDENT: "students and teachers", Role.TEACHER: "teachers"}
JOIN = "join your teacher's room on the page Classroom"
SIGN_IN = "a teacher signs in on the page Classroom"


@dataclass(frozen=True)
class Visitor:
    """Who asks. `id` is known to the visitor's browser alone; `presets` are those that a student may run."""

    id: str
    role: Role
    presets: tuple[str, ...] = PRESETS_ALLOWED

    @property
    def limit(self) -> int:
        """How many of the visitor's runs may wait at once."""
        return VISITOR_LIMIT if self.role == Role.TEACHER else STUDENT_LIMIT

    @property
    def priority(self) -> int:
        """Of the visitor's runs in the queue."""
        return FIRST if self.role == Role.TEACHER else NORMAL


def check(visitor: Visitor, action: str) -> None:
    """Raises Refused if the visitor may not do the action (a name in ACTIONS)."""
    if mode() == "view" and action != "take back":
        raise Refused("this server shows finished results only: to compute new ones, run the lab yourself")
    least, words = ACTIONS[action]
    if visitor.role < least:
        raise Refused(f"{words} is for {WHO[least]} here: {JOIN if least == Role.STUDENT else SIGN_IN}")


def check_run(visitor: Visitor, preset: str | None, seconds: float) -> None:
    """Raises Refused if the visitor may not start a run of that preset (None: it has none) and expected seconds."""
    check(visitor, "run")
    if visitor.role == Role.TEACHER:
        return
    if preset is not None and preset not in visitor.presets:
        allowed = ", ".join(visitor.presets) or "no preset"
        raise Refused(f"students may run {allowed} here, not {preset}: choose another preset, or ask your teacher")
    if seconds > STUDENT_SECONDS:
        raise Refused(
            f"a student's run may take {STUDENT_SECONDS:.0f} seconds and this one takes about {seconds:.0f}: choose a"
            " smaller image or fewer steps, or ask your teacher"
        )


# ------------------------------------------------------------------------------------------------------ configuration


def mode() -> Mode:
    """INVLAB_MODE, `auto` where it is not set. Raises ValueError for a word that is no mode."""
    word = os.environ.get("INVLAB_MODE") or "auto"
    if word not in MODES:
        raise ValueError(f"INVLAB_MODE is {word!r}: choose one of {', '.join(MODES)}")
    return word  # type: ignore[return-value]


def is_here(address: str | None, headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a browser on this machine, straight.

    address: of the other end of the connection, None for this machine. Names in the headers alone prove nothing (a
    visitor can send any), nor does the address (a proxy on this machine has it too): both must be local, and no proxy
    may have signed.
    """
    if (address or "127.0.0.1") not in LOOPBACK or any(headers.get(name) for name in FORWARDED):
        return False
    named = [headers.get("Host") or "localhost", (headers.get("Origin") or "localhost").rpartition("//")[2]]
    return all(_without_port(name) in LOOPBACK for name in named)


def _without_port(name: str) -> str:
    host, colon, port = name.rpartition(":")
    return host if colon and port.isdigit() and (not host.count(":") or host.endswith("]")) else name


def visitors_are_students() -> bool:
    """Whether everybody who is served may start runs without a room (INVLAB_VISITORS=student)."""
    word = os.environ.get("INVLAB_VISITORS") or "viewer"
    if word not in ("viewer", "student"):
        raise ValueError(f"INVLAB_VISITORS is {word!r}: choose viewer or student")
    return word == "student"


def passphrase(told: str | None = None) -> str | None:
    """The teachers' passphrase: INVLAB_PASSPHRASE, the file INVLAB_PASSPHRASE_FILE, or `told` (a secrets file's).

    None where there is none: then nobody can sign in. Raises ValueError for one that is too short, or a file that
    cannot be read.
    """
    found = os.environ.get("INVLAB_PASSPHRASE") or _from_file(os.environ.get("INVLAB_PASSPHRASE_FILE")) or told
    if found and len(found) < SHORTEST:
        raise ValueError(f"the passphrase has {len(found)} characters: give it at least {SHORTEST}")
    return found or None


def configuration() -> None:
    """Raises ValueError for the first of the settings above that cannot be meant."""
    mode(), visitors_are_students(), passphrase()


def _from_file(path: str | None) -> str | None:
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"INVLAB_PASSPHRASE_FILE cannot be read ({error}): name a text file") from error


def is_teacher_by_login(user: Mapping[str, object], teachers: Collection[str]) -> bool:
    """Whether a person whom an identity provider has signed in is one of `teachers` (e-mail addresses)."""
    email = user.get("email")
    known = {address.strip().casefold() for address in teachers}
    return (
        bool(user.get("is_logged_in"))
        and isinstance(email, str)
        and user.get("email_verified") is not False
        and email.casefold() in known
    )


# ---------------------------------------------------------------------------------------------------------- signing in


class SignInError(RuntimeError):
    """The list of those who are signed in cannot be used; the message is one sentence with the remedy."""


class SignIns(database.Database):
    """Who has signed in as a teacher, and how often the passphrase was wrong, by default `signed-in.sqlite3` in the
    home. Addresses are kept for five minutes, as salted hashes."""

    WHAT = "list of sign-ins"
    SCHEMA = """
        CREATE TABLE signed_in (visitor TEXT PRIMARY KEY, until REAL NOT NULL);
        CREATE TABLE failures (address TEXT NOT NULL, time REAL NOT NULL);
        CREATE TABLE salt (value TEXT NOT NULL);"""
    VERSION = 1
    NEEDED = frozenset({"signed_in", "failures", "salt"})
    LOST = "; sign in again"
    ERROR = SignInError

    def __init__(self, path: Path | str | None = None) -> None:
        super().__init__(path if path is not None else stores.home() / "signed-in.sqlite3")

    def sign_in(self, visitor: str, address: str, given: str, right: str | None) -> None:
        """Sign `visitor` in if `given` is the `right` passphrase. Raises Refused, the same way however it is wrong.

        A guess counts before it is compared, so guesses made at once count too.
        """
        with self._transaction() as db:
            now = time.time()
            # The clock may have been put back: failures of the future are none.
            db.execute("DELETE FROM failures WHERE abs(? - time) > ?", (now, FAILURE_SECONDS))
            who = self._hashed(db, address)
            too_many = self._too_many(db, who)
            if not too_many:
                db.execute("INSERT INTO failures VALUES (?, ?)", (who, now))
        if too_many:
            minutes = FAILURE_SECONDS / 60
            raise Refused(f"the passphrase was wrong too often: wait {minutes:.0f} minutes, then try again")
        if right is None:
            raise Refused("this server has no passphrase: whoever runs it sets INVLAB_PASSPHRASE")
        if not hmac.compare_digest(given.strip().encode(), right.encode()):
            raise Refused("this is not the passphrase: ask whoever runs the server")
        with self._transaction() as db:
            db.execute("DELETE FROM failures WHERE address = ?", (who,))
            db.execute("DELETE FROM signed_in WHERE until < ?", (now,))
            db.execute("INSERT OR REPLACE INTO signed_in VALUES (?, ?)", (visitor, now + SIGNED_IN_SECONDS))

    def sign_out(self, visitor: str) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM signed_in WHERE visitor = ?", (visitor,))

    def is_signed_in(self, visitor: str) -> bool:
        with self._reading() as db:
            now = time.time()
            query = "SELECT 1 FROM signed_in WHERE visitor = ? AND until BETWEEN ? AND ?"
            return db.execute(query, (visitor, now, now + SIGNED_IN_SECONDS)).fetchone() is not None

    def _too_many(self, db: sqlite3.Connection, who: str) -> bool:
        each, together = db.execute("SELECT COALESCE(SUM(address = ?), 0), COUNT(*) FROM failures", (who,)).fetchone()
        return each >= FAILURES_EACH or together >= FAILURES_ALL

    def _hashed(self, db: sqlite3.Connection, address: str) -> str:
        row = db.execute("SELECT value FROM salt").fetchone()
        salt = row[0] if row else secrets.token_hex(16)
        if row is None:
            db.execute("INSERT INTO salt VALUES (?)", (salt,))
        return hashlib.sha256(f"{salt} {address}".encode()).hexdigest()[:16]


def exists(path: Path | None = None) -> bool:
    """Whether anybody has ever signed in here: only then is the file opened to look who has."""
    with contextlib.suppress(OSError):
        return (path or stores.home() / "signed-in.sqlite3").exists()
    return False
