"""Rooms for a class: students join with a short code and without accounts, and follow what the teacher leads.

A room lasts for some days and is then deleted with all that belongs to it. The only thing in it that may tell who
somebody is, is the name they typed, and they need not type one. Members are known by the id of their browser, which
never leaves the server: to each other and to the teacher they are numbers.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import shutil
import sqlite3
import time
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invlab import database
from invlab import store as stores
from invlab.studies.presets import PRESETS

# Without vowels (no words by accident) and without what looks alike (0 O, 1 I L, 2 Z, 5 S, 8 B, U V).
ALPHABET = "CDFGHJKMNPQRTVWXY34679"
CODE_LENGTH = 6  # 22^6: 113 million codes
DAYS, MOST_DAYS = 7, 60
MEMBER_LIMIT = 200  # of one room
ROOM_LIMIT = 30  # open rooms of one teacher
NAME_LENGTH, TITLE_LENGTH, OPTION_LENGTH = 40, 80, 300
# Wrong codes are counted for five minutes. With 100 guesses in that time and ten rooms open, a room is found in about a
# year.
WRONG_SECONDS, WRONG_EACH, WRONG_ALL = 300.0, 10, 100
SEEN_SECONDS = 10.0  # how exactly it is known when somebody was last seen
ALWAYS_SHOWN = ("home", "lessons", "classroom")  # pages that cannot be hidden: where one works, and where one leaves
PRESETS_AT_FIRST = ("live",)
UNKNOWN = "no room is open under this code: ask your teacher for the code, or whether the room is still open"

SCHEMA = """
CREATE TABLE rooms (
    code TEXT PRIMARY KEY, title TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL, expires REAL NOT NULL,
    lesson TEXT NOT NULL DEFAULT '', frozen INTEGER NOT NULL DEFAULT 0, locked INTEGER NOT NULL DEFAULT 0,
    together INTEGER NOT NULL DEFAULT 1, controls_hidden INTEGER NOT NULL DEFAULT 0,
    revealed TEXT NOT NULL DEFAULT '[]', hidden TEXT NOT NULL DEFAULT '[]', presets TEXT NOT NULL,
    members INTEGER NOT NULL DEFAULT 0, revision INTEGER NOT NULL DEFAULT 0);
CREATE INDEX rooms_by_owner ON rooms(owner);
CREATE TABLE members (
    visitor TEXT PRIMARY KEY, code TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
    joined REAL NOT NULL, seen REAL NOT NULL, lesson TEXT NOT NULL DEFAULT '', step INTEGER NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX members_by_code ON members(code, number);
CREATE TABLE answers (
    code TEXT NOT NULL, visitor TEXT NOT NULL, lesson TEXT NOT NULL, value TEXT NOT NULL, time REAL NOT NULL,
    final INTEGER NOT NULL, PRIMARY KEY (visitor, lesson));
CREATE INDEX answers_by_code ON answers(code, lesson);
CREATE TABLE removed (code TEXT NOT NULL, visitor TEXT NOT NULL, PRIMARY KEY (code, visitor));
CREATE TABLE wrong (visitor TEXT NOT NULL, time REAL NOT NULL);
"""
NOTHING = "null"  # the value of somebody who looked at the truth without answering


class RoomError(RuntimeError):
    """What was asked of a room cannot be done; the message is one sentence with the remedy."""


@dataclass(frozen=True)
class Room:
    """One room. Times are seconds since 1970.

    lesson: the one that the class is at, '' for none. frozen: nobody can answer. locked: nobody can join. together:
    the truth of a lesson is shown to all when the teacher reveals it (`revealed`); otherwise to each after their own
    answer. hidden: pages, by their file in pages/ without its ending. presets: that its students may run. revision:
    grows with each change that students see.
    """

    code: str
    title: str
    owner: str
    created: float
    expires: float
    lesson: str
    frozen: bool
    locked: bool
    together: bool
    controls_hidden: bool
    revealed: tuple[str, ...]
    hidden: tuple[str, ...]
    presets: tuple[str, ...]
    revision: int

    def hides(self, page: str) -> bool:
        """Whether students cannot open a page (its file in pages/ without the ending)."""
        return page in self.hidden and page not in ALWAYS_SHOWN


@dataclass(frozen=True)
class Member:
    """Somebody in a room, who is at a step (1 …) of a lesson ('' and 0 before the first); answered: lessons."""

    code: str
    number: int
    name: str
    joined: float
    seen: float
    lesson: str
    step: int
    answered: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """The name, or one made of the number. It is what somebody typed: show it as text only."""
        return self.name or f"Student {self.number}"


class Rooms(database.Database):
    """The rooms in one file, by default `rooms.sqlite3` in the person's own directory.

    `by` is the id of the visitor who does something, and `is_teacher` whether they are a teacher: the server finds both
    out by itself, and takes neither from what a page sends. Every method raises RoomError for what cannot be done, and
    if the file cannot be used.
    """

    WHAT = "list of rooms"
    SCHEMA = SCHEMA
    VERSION = 1
    NEEDED = frozenset({"rooms", "members", "answers"})
    LOST = "; open the rooms again"
    ERROR = RoomError

    def __init__(self, path: Path | str | None = None) -> None:
        super().__init__(path if path is not None else stores.home() / "rooms.sqlite3")

    def _open(self) -> sqlite3.Connection:
        db = super()._open()
        db.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        return db

    # ---- teachers

    def open(self, title: str, days: float = DAYS, *, by: str, is_teacher: bool) -> Room:
        """A new room of the teacher `by` that lasts for 1 to 60 days."""
        _check_teacher(is_teacher)
        title, days = checked_title(title), _checked_days(days)
        with self._transaction() as db:
            now = time.time()
            _expire(db, now)
            if len(_rooms_of(db, by)) >= ROOM_LIMIT:
                raise RoomError(f"you have {ROOM_LIMIT} rooms open, the most there can be: close one first")
            code = _new_code(db)
            query = "INSERT INTO rooms (code, title, owner, created, expires, presets) VALUES (?, ?, ?, ?, ?, ?)"
            db.execute(query, (code, title, by, now, now + days * 86400, json.dumps(PRESETS_AT_FIRST)))
            return _room(db, code, now)

    def rooms_of(self, by: str) -> list[Room]:
        """The open rooms of a teacher, the newest first."""
        with self._reading() as db:
            return [room for room in _rooms_of(db, by) if room.expires > time.time()]

    def update(self, code: str, *, is_teacher: bool, **changes: Any) -> Room:
        """Change what a room is: any of the names in CHANGES. Where reveals no longer wait for the teacher, the answers
        given so far are final: their givers see the truth now."""
        _check_teacher(is_teacher)
        columns = {name: _checked_change(name, value) for name, value in changes.items()}
        with self._transaction() as db:
            _room(db, code)
            _set(db, code, **columns)
            if changes.get("together") is False:
                db.execute("UPDATE answers SET final = 1 WHERE code = ?", (code,))
            return _room(db, code)

    def reveal(self, code: str, lesson: str, *, is_teacher: bool) -> Room:
        """Show the truth of a lesson to everybody: no answer to it changes from now on."""
        _check_teacher(is_teacher)
        lesson = checked_lesson(lesson)
        with self._transaction() as db:
            revealed = {*_room(db, code).revealed, lesson}
            _set(db, code, revealed=json.dumps(sorted(revealed)))
            return _room(db, code)

    def clear(self, code: str, lesson: str, *, is_teacher: bool) -> Room:
        """Delete every answer to a lesson and hide its truth again, so that it can be asked anew."""
        _check_teacher(is_teacher)
        with self._transaction() as db:
            revealed = set(_room(db, code).revealed) - {lesson}
            db.execute("DELETE FROM answers WHERE code = ? AND lesson = ?", (code, lesson))
            _set(db, code, revealed=json.dumps(sorted(revealed)))
            room = _room(db, code)
        self._scrub()
        return room

    def remove(self, code: str, number: int, *, is_teacher: bool) -> None:
        """Take the member with this number out, with their answers; that browser cannot join this room again."""
        _check_teacher(is_teacher)
        with self._transaction() as db:
            _room(db, code)
            query = "SELECT visitor FROM members WHERE code = ? AND number = ?"
            row = db.execute(query, (code, number)).fetchone()
            if row is None:
                raise RoomError(f"student {number} is no longer in the room: nothing is left to remove")
            _forget(db, row["visitor"])
            db.execute("INSERT OR IGNORE INTO removed VALUES (?, ?)", (code, row["visitor"]))
            _set(db, code)
        self._scrub()

    def delete(self, code: str, *, is_teacher: bool) -> None:
        """Close a room: it, its members, their names and answers are gone."""
        _check_teacher(is_teacher)
        with self._transaction() as db:
            _room(db, code)
            _delete(db, code)
        self._scrub()

    # ---- students

    def join(self, code: str, name: str = "", *, by: str) -> Member:
        """Enter a room, and leave another one; the name may be empty. Entering one's own room again gives a new name,
        or none.

        Wrong codes are counted, so that codes cannot be found by trying. What is said of a code is the same whether a
        room never was or is over.
        """
        code, name = checked_code(code), checked_name(name)
        with self._transaction() as db:
            now = time.time()
            expired = _expire(db, now)
            too_often = _guessed_too_often(db, by, now)
            room = None if too_often else _found(db, code, now)
            before = _member(db, by)
            if room is not None:
                _enter(db, room, by, name, now)
            elif not too_often:
                db.execute("INSERT INTO wrong VALUES (?, ?)", (by, now))
            member = _member(db, by)
        if expired or before is not None:
            self._scrub()
        if too_often:
            raise RoomError(
                f"wrong codes were entered too often: wait {WRONG_SECONDS / 60:.0f} minutes, then try again"
            )
        if room is None or member is None:
            raise RoomError(UNKNOWN)
        return member

    def leave(self, by: str) -> None:
        """Go out of the room; name and answers are deleted."""
        with self._transaction() as db:
            _forget(db, by)
        self._scrub()

    def answer(self, lesson: str, value: float | str, *, by: str) -> None:
        """Answer a lesson: a number, or an option's text. It can be changed until the truth is shown."""
        lesson, text = checked_lesson(lesson), json.dumps(_checked_value(value))
        with self._transaction() as db:
            room = _own_room(db, by)
            if room.frozen:
                raise RoomError("the room is frozen: wait until your teacher takes answers again")
            self._put(db, room, by, lesson, text)

    def open_anyway(self, lesson: str, *, by: str) -> None:
        """Look at the truth of a lesson without answering; only where reveals do not wait for the teacher."""
        lesson = checked_lesson(lesson)
        with self._transaction() as db:
            room = _own_room(db, by)
            if room.together and lesson not in room.revealed:
                raise RoomError("your teacher reveals this for all: give your answer meanwhile")
            if not _has_seen(db, room, by, lesson):
                self._put(db, room, by, lesson, NOTHING)

    def _put(self, db: sqlite3.Connection, room: Room, by: str, lesson: str, text: str) -> None:
        if _has_seen(db, room, by, lesson):
            raise RoomError("the answer has been revealed: yours can no longer be changed")
        query = "INSERT OR REPLACE INTO answers (code, visitor, lesson, value, time, final) VALUES (?, ?, ?, ?, ?, ?)"
        db.execute(query, (room.code, by, lesson, text, time.time(), not room.together))

    def see(self, by: str, lesson: str = "", step: int = 0) -> None:
        """Note that a member is there, and at a step of a lesson if one is named; nothing for one who is in no room."""
        with self._reading() as db:
            member, now = _member(db, by), time.time()
        moved = bool(lesson) and member is not None and (member.lesson, member.step) != (lesson, step)
        if member is None or not (moved or abs(now - member.seen) > SEEN_SECONDS):
            return  # without taking the lock
        at = (checked_lesson(lesson), int(step)) if lesson else (member.lesson, member.step)
        with self._transaction() as db:
            query = "UPDATE members SET seen = ?, lesson = ?, step = ? WHERE visitor = ?"
            db.execute(query, (now, *at, by))

    # ---- reading

    def room(self, code: str) -> Room:
        """The open room of a code, as typed. Raises RoomError where there is none."""
        with self._reading() as db:
            return _room(db, checked_code(code), time.time())

    def room_of(self, by: str) -> Room | None:
        """The open room that a visitor is in."""
        if not self.path.exists():
            return None  # and no file is made for those who only look
        with self._reading() as db:
            member = _member(db, by)
            return None if member is None else _found(db, member.code, time.time())

    def member(self, by: str) -> Member | None:
        """The visitor as a member of an open room; None for one who is in no room."""
        if not self.path.exists():
            return None
        with self._reading() as db:
            member = _member(db, by)
            return member if member is not None and _found(db, member.code, time.time()) else None

    def members(self, code: str) -> list[Member]:
        """Everybody in a room, in the order they came, with the lessons they have answered."""
        with self._reading() as db:
            done: dict[str, list[str]] = {}
            query = "SELECT visitor, lesson FROM answers WHERE code = ? AND value != ? ORDER BY time"
            for row in db.execute(query, (code, NOTHING)):
                done.setdefault(row["visitor"], []).append(row["lesson"])
            rows = db.execute("SELECT * FROM members WHERE code = ? ORDER BY number", (code,)).fetchall()
            return [_revived_member(row, tuple(done.get(row["visitor"], ()))) for row in rows]

    def answers(self, code: str, lesson: str) -> list[float | str]:
        """Everybody's answers to a lesson, the least first: neither who gave them nor in which order is told."""
        with self._reading() as db:
            query = "SELECT value FROM answers WHERE code = ? AND lesson = ? AND value != ?"
            found = [json.loads(row["value"]) for row in db.execute(query, (code, lesson, NOTHING))]
        return sorted(found, key=lambda value: (isinstance(value, str), value))

    def answer_of(self, by: str, lesson: str) -> float | str | None:
        """A visitor's own answer to a lesson; None before it is given."""
        with self._reading() as db:
            row = db.execute("SELECT value FROM answers WHERE visitor = ? AND lesson = ?", (by, lesson)).fetchone()
            return None if row is None else json.loads(row["value"])

    def shows_truth(self, by: str, lesson: str) -> bool:
        """Whether a member sees the truth of a lesson: revealed for all, or for them since they answered."""
        with self._reading() as db:
            member = _member(db, by)
            room = None if member is None else _found(db, member.code, time.time())
            return room is not None and _has_seen(db, room, by, lesson)

    # ---- tidying

    def expire(self) -> int:
        """Delete the rooms whose term is over, and what a damaged file left behind. Returns how many rooms."""
        _forget_set_aside(self.path)
        if not self.path.exists():
            return 0
        with self._transaction() as db:
            count = _expire(db, time.time())
        self._scrub()
        return count

    def _scrub(self) -> None:
        """Empty the log of changes: what was deleted would stand there until it is overwritten."""
        with self._reading() as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# ------------------------------------------------------------------------------------------------------------ in a call


def _check_teacher(is_teacher: bool) -> None:
    if not is_teacher:
        raise RoomError("only a teacher leads a room: sign in as a teacher on the page Classroom")


def _new_code(db: sqlite3.Connection) -> str:
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
        if db.execute("SELECT 1 FROM rooms WHERE code = ?", (code,)).fetchone() is None:
            return code


def _found(db: sqlite3.Connection, code: str, now: float) -> Room | None:
    row = db.execute("SELECT * FROM rooms WHERE code = ? AND expires > ?", (code, now)).fetchone()
    return None if row is None else _revived(row)


def _room(db: sqlite3.Connection, code: str, now: float | None = None) -> Room:
    room = _found(db, code, time.time() if now is None else now)
    if room is None:
        raise RoomError(UNKNOWN)
    return room


def _rooms_of(db: sqlite3.Connection, by: str) -> list[Room]:
    return [_revived(row) for row in db.execute("SELECT * FROM rooms WHERE owner = ? ORDER BY created DESC", (by,))]


def _own_room(db: sqlite3.Connection, by: str) -> Room:
    member = _member(db, by)
    room = None if member is None else _found(db, member.code, time.time())
    if room is None:
        raise RoomError("you are in no room, or it is over: join it on the page Classroom")
    return room


def _member(db: sqlite3.Connection, by: str) -> Member | None:
    row = db.execute("SELECT * FROM members WHERE visitor = ?", (by,)).fetchone()
    return None if row is None else _revived_member(row)


def _revived(row: sqlite3.Row) -> Room:
    fields = {name: row[name] for name in row.keys() if name in Room.__dataclass_fields__}  # noqa: SIM118 - a Row
    flags = {name: bool(row[name]) for name in ("frozen", "locked", "together", "controls_hidden")}
    lists = {name: tuple(json.loads(row[name])) for name in ("revealed", "hidden", "presets")}
    return Room(**fields | flags | lists)


def _revived_member(row: sqlite3.Row, answered: tuple[str, ...] = ()) -> Member:
    fields = {name: row[name] for name in row.keys() if name in Member.__dataclass_fields__}  # noqa: SIM118 - a Row
    return Member(**fields, answered=answered)


def _set(db: sqlite3.Connection, code: str, **columns: Any) -> None:
    """Write columns of a room (names of CHANGES or our own) and count the change."""
    parts = "".join(f"{name} = ?, " for name in columns)
    db.execute(f"UPDATE rooms SET {parts}revision = revision + 1 WHERE code = ?", (*columns.values(), code))  # noqa: S608


def _has_seen(db: sqlite3.Connection, room: Room, by: str, lesson: str) -> bool:
    if lesson in room.revealed:
        return True
    query = "SELECT 1 FROM answers WHERE visitor = ? AND lesson = ? AND final"
    return db.execute(query, (by, lesson)).fetchone() is not None


def _enter(db: sqlite3.Connection, room: Room, by: str, name: str, now: float) -> None:
    own = _member(db, by)
    if own is not None and own.code == room.code:
        db.execute("UPDATE members SET name = ?, seen = ? WHERE visitor = ?", (name, now, by))
        return
    if db.execute("SELECT 1 FROM removed WHERE code = ? AND visitor = ?", (room.code, by)).fetchone():
        raise RoomError("your teacher has taken you out of this room: ask them to let you in another one")
    if room.locked:
        raise RoomError("this room takes nobody in just now: ask your teacher to open its door")
    (there,) = db.execute("SELECT COUNT(*) FROM members WHERE code = ?", (room.code,)).fetchone()
    if there >= MEMBER_LIMIT:
        raise RoomError(f"this room is full: it takes {MEMBER_LIMIT} students, ask your teacher to open another one")
    _forget(db, by)
    db.execute("UPDATE rooms SET members = members + 1 WHERE code = ?", (room.code,))
    query = "INSERT INTO members (visitor, code, number, name, joined, seen)"
    query += " SELECT ?, code, members, ?, ?, ? FROM rooms WHERE code = ?"
    db.execute(query, (by, name, now, now, room.code))


def _forget(db: sqlite3.Connection, by: str) -> None:
    db.execute("DELETE FROM members WHERE visitor = ?", (by,))
    db.execute("DELETE FROM answers WHERE visitor = ?", (by,))


def _delete(db: sqlite3.Connection, code: str) -> None:
    for table in ("members", "answers", "removed", "rooms"):
        db.execute(f"DELETE FROM {table} WHERE code = ?", (code,))  # noqa: S608 - constants


def _expire(db: sqlite3.Connection, now: float) -> int:
    over = [row["code"] for row in db.execute("SELECT code FROM rooms WHERE expires <= ?", (now,))]
    for code in over:
        _delete(db, code)
    db.execute("DELETE FROM wrong WHERE abs(? - time) > ?", (now, WRONG_SECONDS))  # the clock may have been put back
    return len(over)


def _guessed_too_often(db: sqlite3.Connection, by: str, now: float) -> bool:
    query = "SELECT COALESCE(SUM(visitor = ?), 0), COUNT(*) FROM wrong WHERE abs(? - time) <= ?"
    each, together = db.execute(query, (by, now, WRONG_SECONDS)).fetchone()
    return each >= WRONG_EACH or together >= WRONG_ALL


def _forget_set_aside(path: Path) -> None:
    """A damaged file that was set aside holds names that nobody can delete any more: it is kept for a week only."""
    for aside in (path.parent / "set-aside").glob(f"{path.stem}-*"):
        made = aside.name.rpartition("-")[2]
        if made.isdigit() and time.time() - int(made) / 1e9 > DAYS * 86400:
            shutil.rmtree(aside, ignore_errors=True)


# ------------------------------------------------------------------------------------------------------ what is given


def checked_code(code: str) -> str:
    """A code as typed (small letters, spaces and dashes are fine), as it is kept. Raises RoomError."""
    tidy = re.sub(r"[\s-]", "", str(code)).upper()
    if not re.fullmatch(f"[{ALPHABET}]{{{CODE_LENGTH}}}", tidy):
        raise RoomError(
            f"room code {_short(code)!r}: it has {CODE_LENGTH} letters and digits of {ALPHABET}; type it as your"
            " teacher shows it"
        )
    return tidy


def checked_name(name: str) -> str:
    """A name without control characters and marks that change the direction of writing; may be empty. Raises RoomError
    for more than 40 characters."""
    tidy = _plain(name)
    if len(tidy) > NAME_LENGTH:
        raise RoomError(f"name {_short(tidy)!r}: it has {len(tidy)} characters, give at most {NAME_LENGTH}")
    return tidy


def checked_title(title: str) -> str:
    """A room's title, 1 to 80 characters without control characters. Raises RoomError."""
    tidy = _plain(title)
    if not tidy:
        raise RoomError("title: it is empty, give the room a name by which you know it")
    if len(tidy) > TITLE_LENGTH:
        raise RoomError(f"title {_short(tidy)!r}: it has {len(tidy)} characters, give at most {TITLE_LENGTH}")
    return tidy


def checked_lesson(lesson: str) -> str:
    """A lesson's name; which lessons there are is for the pages to know. Raises RoomError."""
    return _checked_word("lesson", lesson)


def _checked_word(field: str, word: Any) -> str:
    if not isinstance(word, str) or not re.fullmatch("[a-z][a-z0-9_-]{0,39}", word):
        raise RoomError(f"{field} {_short(word)!r}: this is no name of one, choose one of the list")
    return word


def _checked_days(days: float) -> float:
    if isinstance(days, bool) or not isinstance(days, int | float) or not 1 <= days <= MOST_DAYS:
        raise RoomError(f"days {_short(days)!r}: give a number from 1 to {MOST_DAYS}")
    return float(days)


def _checked_value(value: Any) -> float | str:
    if isinstance(value, str) and 0 < len(value) <= OPTION_LENGTH:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise RoomError(f"answer {_short(value)!r}: give a number, or one of the options")


def _checked_change(name: str, value: Any) -> Any:
    if name not in CHANGES:
        raise RoomError(f"change {_short(name)!r}: a room has {', '.join(CHANGES)}")
    return CHANGES[name](value)


def _checked_flag(value: Any) -> int:
    if not isinstance(value, bool):
        raise RoomError(f"switch {_short(value)!r}: give True or False")
    return int(value)


def _checked_pages(pages: Collection[str]) -> str:
    for page in pages:
        if _checked_word("page", page) in ALWAYS_SHOWN:
            raise RoomError(f"page {page!r}: students need it, hide another one")
    return json.dumps(sorted(set(pages)))


def _checked_presets(presets: Collection[str]) -> str:
    for preset in presets:
        if preset not in PRESETS:
            raise RoomError(f"preset {_short(preset)!r}: choose among {', '.join(PRESETS)}")
    return json.dumps([preset for preset in PRESETS if preset in presets])


def _plain(text: str) -> str:
    """Without what is not to be seen; the joiners of Persian and of emoji stay. Spaces are single ones."""
    spaced = " ".join(str(text).split())
    return "".join(c for c in spaced if c in "\u200c\u200d" or not unicodedata.category(c).startswith("C")).strip()


def _short(value: Any) -> str:
    text = _plain(value)
    return text if len(text) <= 20 else f"{text[:19]}…"


CHANGES: Mapping[str, Callable[[Any], Any]] = {
    "title": checked_title,
    "lesson": lambda lesson: checked_lesson(lesson) if lesson else "",
    "frozen": _checked_flag,
    "locked": _checked_flag,
    "together": _checked_flag,
    "controls_hidden": _checked_flag,
    "hidden": _checked_pages,
    "presets": _checked_presets,
}
