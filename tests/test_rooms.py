"""Rooms: joining, answering, leading, and that what is deleted is gone."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from invlab import rooms as module
from invlab.rooms import ALPHABET, MEMBER_LIMIT, UNKNOWN, Room, RoomError, Rooms

TEACHER = "teacher-browser"
NASTY = "<img src=x onerror=alert(1)> **b** [l](javascript:x)"[:40]


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return Rooms(tmp_path / "rooms.sqlite3")


@pytest.fixture
def room(rooms: Rooms) -> Room:
    return rooms.open("Physics 11b", by=TEACHER, is_teacher=True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch):
    class Clock:
        now = time.time()

    monkeypatch.setattr(module.time, "time", lambda: Clock.now)
    return Clock


def lead(rooms: Rooms, room: Room, **changes) -> Room:
    return rooms.update(room.code, is_teacher=True, **changes)


def bytes_of(rooms: Rooms) -> bytes:
    """Of the file, its log and its index."""
    return b"".join(path.read_bytes() for path in sorted(rooms.path.parent.glob(f"{rooms.path.name}*")))


# ---- opening


def test_a_room_has_a_code_that_is_read_without_mistakes(rooms: Rooms, room: Room) -> None:
    assert len(room.code) == 6
    assert set(room.code) <= set(ALPHABET)
    assert not set(ALPHABET) & set("0O1IL2Z5S8BUAE")
    assert len(set(ALPHABET)) == len(ALPHABET)
    assert len(ALPHABET) ** 6 > 10**8
    assert rooms.room(room.code) == rooms.room(f" {room.code[:3].lower()}-{room.code[3:]} ") == room


def test_codes_are_drawn_anew(rooms: Rooms) -> None:
    codes = {rooms.open("x", by=f"t{n}", is_teacher=True).code for n in range(40)}
    assert len(codes) == 40


def test_a_taken_code_is_not_given_again(rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(room.code + "CCCCCC")
    monkeypatch.setattr(module.secrets, "choice", lambda alphabet: next(drawn))
    assert rooms.open("other", by=TEACHER, is_teacher=True).code == "CCCCCC"


def test_only_a_teacher_leads(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")
    for forbidden in (
        lambda: rooms.open("mine", by="ann", is_teacher=False),
        lambda: rooms.update(room.code, is_teacher=False, frozen=True),
        lambda: rooms.reveal(room.code, "data", is_teacher=False),
        lambda: rooms.clear(room.code, "data", is_teacher=False),
        lambda: rooms.remove(room.code, 1, is_teacher=False),
        lambda: rooms.delete(room.code, is_teacher=False),
    ):
        with pytest.raises(RoomError, match="only a teacher"):
            forbidden()
    assert rooms.room(room.code) == room
    assert len(rooms.members(room.code)) == 1


def test_a_teacher_finds_the_own_rooms(rooms: Rooms, clock) -> None:
    first = rooms.open("first", 1, by=TEACHER, is_teacher=True)
    clock.now += 1
    second = rooms.open("second", by=TEACHER, is_teacher=True)
    rooms.open("of another", by="other", is_teacher=True)
    assert rooms.rooms_of(TEACHER) == [second, first]
    clock.now += 86400
    assert rooms.rooms_of(TEACHER) == [second]


@pytest.mark.parametrize(
    ("title", "days", "says"),
    [
        ("", 7, "title: it is empty"),
        ("\u200f\x00 ", 7, "title: it is empty"),
        ("x" * 81, 7, "it has 81 characters, give at most 80"),
        ("x", 0, "days '0': give a number from 1 to 60"),
        ("x", 61, "from 1 to 60"),
        ("x", float("nan"), "from 1 to 60"),
        ("x", "7", "from 1 to 60"),
        ("x", True, "from 1 to 60"),
    ],
)
def test_a_room_that_cannot_be_meant_is_refused(rooms: Rooms, title: str, days, says: str) -> None:
    with pytest.raises(RoomError, match=says):
        rooms.open(title, days, by=TEACHER, is_teacher=True)


def test_a_teacher_has_a_limit_of_rooms(rooms: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM_LIMIT", 2)
    first = rooms.open("a", by=TEACHER, is_teacher=True)
    rooms.open("b", by=TEACHER, is_teacher=True)
    with pytest.raises(RoomError, match="close one first"):
        rooms.open("c", by=TEACHER, is_teacher=True)
    rooms.delete(first.code, is_teacher=True)
    rooms.open("c", by=TEACHER, is_teacher=True)


# ---- joining


def test_students_join_with_and_without_a_name(rooms: Rooms, room: Room) -> None:
    ann, ben = rooms.join(room.code, "Ann", by="ann"), rooms.join(room.code.lower(), by="ben")
    assert (ann.number, ann.called, ben.number, ben.called) == (1, "Ann", 2, "Student 2")
    assert rooms.member("ann") == ann
    assert rooms.room_of("ben") == rooms.room(room.code)
    assert rooms.member("stranger") is None
    assert rooms.room_of("stranger") is None
    assert [member.called for member in rooms.members(room.code)] == ["Ann", "Student 2"]


def test_joining_again_keeps_the_number_and_changes_the_name(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, "Ann", by="ann")
    assert rooms.join(room.code, "Anna", by="ann").called == "Anna"
    assert rooms.join(room.code, by="ann").called == "Student 1"
    assert len(rooms.members(room.code)) == 1
    assert b"Anna" not in bytes_of(rooms)


def test_one_is_in_one_room(rooms: Rooms, room: Room) -> None:
    other = rooms.open("other", by=TEACHER, is_teacher=True)
    rooms.join(room.code, by="ann")
    rooms.answer("data", 0.5, by="ann")
    assert rooms.join(other.code, by="ann").code == other.code
    assert rooms.members(room.code) == []
    assert rooms.answers(room.code, "data") == []


def test_a_number_is_not_given_twice(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")
    rooms.leave("ann")
    assert rooms.member("ann") is None
    assert rooms.join(room.code, by="ben").number == 2


def test_names_are_kept_as_given_without_what_cannot_be_seen(rooms: Rooms, room: Room) -> None:
    assert rooms.join(room.code, NASTY, by="a").name == NASTY
    assert rooms.join(room.code, "A\x00\x1b[31m\u202e\u2066n\tn\n", by="b").name == "A[31mn n"
    family = "\U0001f468\u200d\U0001f469"
    assert rooms.join(room.code, family, by="c").name == family
    with pytest.raises(RoomError, match="it has 41 characters, give at most 40"):
        rooms.join(room.code, "x" * 41, by="d")


@pytest.mark.parametrize("code", ["", "ABCDEF", "CCCCC", "CCCCCCC", "' OR 1=1 --", "<b>CCC</b>", "ССССССС"])
def test_what_is_no_code_is_told_so(rooms: Rooms, room: Room, code: str) -> None:
    with pytest.raises(RoomError, match="it has 6 letters and digits"):
        rooms.join(code, by="ann")


def another(code: str, n: int = 0) -> str:
    """A code that no room has."""
    found = "".join(ALPHABET[(ALPHABET.index(c) + 1) % len(ALPHABET)] for c in code)
    return found[:4] + ALPHABET[n // len(ALPHABET) % len(ALPHABET)] + ALPHABET[n % len(ALPHABET)]


def test_unknown_and_expired_codes_get_the_same_words(rooms: Rooms, clock) -> None:
    short = rooms.open("short", 1, by=TEACHER, is_teacher=True)
    clock.now += 86400
    for code in (short.code, another(short.code)):
        with pytest.raises(RoomError) as told:
            rooms.join(code, by="ann")
        assert str(told.value) == UNKNOWN
        with pytest.raises(RoomError) as told:
            rooms.room(code)
        assert str(told.value) == UNKNOWN


def test_codes_cannot_be_guessed_by_one(rooms: Rooms, room: Room, clock) -> None:
    for n in range(module.WRONG_EACH):
        with pytest.raises(RoomError, match="no room is open"):
            rooms.join(another(room.code, n), by="eve")
    with pytest.raises(RoomError, match="too often: wait 5 minutes"):
        rooms.join(room.code, by="eve")  # not even the right one
    assert rooms.member("eve") is None
    rooms.join(room.code, by="ann")  # others can
    clock.now += module.WRONG_SECONDS + 1
    assert rooms.join(room.code, by="eve").number == 2


def test_codes_cannot_be_guessed_by_many_browsers(rooms: Rooms, room: Room) -> None:
    for n in range(module.WRONG_ALL):
        with pytest.raises(RoomError, match="no room is open"):
            rooms.join(another(room.code, n), by=f"eve{n}")
    with pytest.raises(RoomError, match="too often"):
        rooms.join(room.code, by="fresh")


def test_a_room_has_a_limit_of_members(rooms: Rooms, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MEMBER_LIMIT == 200
    monkeypatch.setattr(module, "MEMBER_LIMIT", 2)
    for who in ("a", "b"):
        rooms.join(room.code, by=who)
    with pytest.raises(RoomError, match="full: it takes 2 students"):
        rooms.join(room.code, by="c")
    rooms.join(room.code, "again", by="a")


def test_a_locked_room_takes_nobody_in(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")
    lead(rooms, room, locked=True)
    with pytest.raises(RoomError, match="takes nobody in"):
        rooms.join(room.code, by="ben")
    assert rooms.join(room.code, "Ann", by="ann").called == "Ann"


def test_a_removed_student_stays_out(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")
    number = rooms.join(room.code, "Rude Name", by="ben").number
    rooms.answer("data", 0.5, by="ben")
    rooms.remove(room.code, number, is_teacher=True)
    assert [member.number for member in rooms.members(room.code)] == [1]
    assert rooms.answers(room.code, "data") == []
    assert rooms.member("ben") is None
    assert b"Rude Name" not in bytes_of(rooms)
    with pytest.raises(RoomError, match="taken you out"):
        rooms.join(room.code, by="ben")
    with pytest.raises(RoomError, match="student 2 is no longer in the room"):
        rooms.remove(room.code, number, is_teacher=True)


# ---- answering


def test_answers_change_until_they_are_revealed(rooms: Rooms, room: Room) -> None:
    for who in ("ann", "ben"):
        rooms.join(room.code, by=who)
    rooms.answer("data", 0.25, by="ann")
    rooms.answer("data", 10, by="ben")
    rooms.answer("data", 2, by="ann")
    assert rooms.answer_of("ann", "data") == 2
    assert rooms.answers(room.code, "data") == [2.0, 10.0]  # in an order that tells nobody's
    assert not rooms.shows_truth("ann", "data")
    rooms.reveal(room.code, "data", is_teacher=True)
    assert rooms.shows_truth("ann", "data")
    with pytest.raises(RoomError, match="can no longer be changed"):
        rooms.answer("data", 0.75, by="ann")
    rooms.answer("carry", "the right one", by="ann")  # another lesson goes on
    assert rooms.answers(room.code, "data") == [2.0, 10.0]
    assert rooms.answers(room.code, "carry") == ["the right one"]
    assert [member.answered for member in rooms.members(room.code)] == [("data", "carry"), ("data",)]


def test_a_frozen_room_takes_no_answers(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")
    lead(rooms, room, frozen=True)
    with pytest.raises(RoomError, match="frozen"):
        rooms.answer("data", 0.5, by="ann")
    lead(rooms, room, frozen=False)
    rooms.answer("data", 0.5, by="ann")


def test_at_their_own_pace_the_first_answer_counts(rooms: Rooms, room: Room) -> None:
    lead(rooms, room, together=False)
    for who in ("ann", "ben"):
        rooms.join(room.code, by=who)
    assert not rooms.shows_truth("ann", "data")
    rooms.answer("data", 0.5, by="ann")
    assert rooms.shows_truth("ann", "data")
    assert not rooms.shows_truth("ben", "data")
    with pytest.raises(RoomError, match="can no longer be changed"):
        rooms.answer("data", 0.6, by="ann")
    rooms.open_anyway("data", by="ben")
    assert rooms.shows_truth("ben", "data")
    assert rooms.answer_of("ben", "data") is None
    assert rooms.answers(room.code, "data") == [0.5]
    assert [member.answered for member in rooms.members(room.code)] == [("data",), ()]
    with pytest.raises(RoomError, match="can no longer be changed"):
        rooms.answer("data", 0.6, by="ben")


def test_together_nobody_looks_first(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")
    with pytest.raises(RoomError, match="your teacher reveals this for all"):
        rooms.open_anyway("data", by="ann")
    rooms.answer("data", 0.5, by="ann")
    lead(rooms, room, together=False)  # now the truth is shown: the answer is final, also when it is taken back
    lead(rooms, room, together=True)
    assert rooms.shows_truth("ann", "data")
    with pytest.raises(RoomError, match="can no longer be changed"):
        rooms.answer("data", 0.6, by="ann")


def test_a_lesson_is_cleared_and_asked_again(rooms: Rooms, room: Room) -> None:
    rooms.join(room.code, by="ann")
    rooms.answer("data", 0.5, by="ann")
    rooms.answer("carry", "yes", by="ann")
    rooms.reveal(room.code, "data", is_teacher=True)
    cleared = rooms.clear(room.code, "data", is_teacher=True)
    assert cleared.revealed == ()
    assert rooms.answers(room.code, "data") == []
    assert rooms.answers(room.code, "carry") == ["yes"]
    rooms.answer("data", 0.75, by="ann")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, "", "x" * 301, True, [1], {"a": 1}])
def test_what_is_no_answer_is_refused(rooms: Rooms, room: Room, value) -> None:
    rooms.join(room.code, by="ann")
    with pytest.raises(RoomError, match="give a number, or one of the options"):
        rooms.answer("data", value, by="ann")
    assert rooms.answers(room.code, "data") == []


@pytest.mark.parametrize("lesson", ["", "../x", "Data", "<b>", "x" * 41, 3, None, "a b"])
def test_what_is_no_lesson_is_refused(rooms: Rooms, room: Room, lesson) -> None:
    rooms.join(room.code, by="ann")
    for forbidden in (
        lambda: rooms.answer(lesson, 1, by="ann"),
        lambda: rooms.reveal(room.code, lesson, is_teacher=True),
    ):
        with pytest.raises(RoomError, match="choose one of the list"):
            forbidden()


def test_strangers_answer_nothing(rooms: Rooms, room: Room) -> None:
    for forbidden in (lambda: rooms.answer("data", 1, by="eve"), lambda: rooms.open_anyway("data", by="eve")):
        with pytest.raises(RoomError, match="you are in no room"):
            forbidden()
    rooms.see("eve", "data", 2)
    assert not rooms.shows_truth("eve", "data")
    assert rooms.answer_of("eve", "data") is None


def test_progress_is_noted(rooms: Rooms, room: Room, clock) -> None:
    rooms.join(room.code, by="ann")
    rooms.see("ann", "data", 2)
    clock.now += 5
    rooms.see("ann")
    member = rooms.member("ann")
    assert (member.lesson, member.step, member.seen) == ("data", 2, clock.now - 5)
    clock.now += 6
    rooms.see("ann")
    member = rooms.member("ann")
    assert (member.lesson, member.step, member.seen) == ("data", 2, clock.now)


# ---- leading


def test_the_state_is_changed_and_counted(rooms: Rooms, room: Room) -> None:
    changed = lead(
        rooms, room, lesson="data", frozen=True, controls_hidden=True, hidden=["runs", "factors"], presets=["classroom"]
    )
    assert changed.revision == room.revision + 1
    assert (changed.lesson, changed.frozen, changed.controls_hidden) == ("data", True, True)
    assert changed.hidden == ("factors", "runs")
    assert changed.presets == ("classroom",)
    assert changed.hides("runs")
    assert not changed.hides("transfer")
    assert rooms.room(room.code) == changed
    assert lead(rooms, room, lesson="", presets=[]).presets == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hidden": ["classroom"]}, "students need it"),
        ({"hidden": ["../../etc"]}, "choose one of the list"),
        ({"presets": ["enormous"]}, "preset 'enormous': choose among"),
        ({"frozen": "yes"}, "give True or False"),
        ({"owner": "eve"}, "change 'owner': a room has title"),
        ({"revealed": "[]"}, "change 'revealed'"),
        ({"lesson": "<script>"}, "choose one of the list"),
        ({"title": ""}, "title: it is empty"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(rooms: Rooms, room: Room, changes, says: str) -> None:
    with pytest.raises(RoomError, match=says):
        rooms.update(room.code, is_teacher=True, **{"locked": True} | changes)
    assert rooms.room(room.code) == room


def test_a_room_that_is_not_there_cannot_be_led(rooms: Rooms, room: Room) -> None:
    code = another(room.code)
    for forbidden in (
        lambda: rooms.update(code, is_teacher=True, frozen=True),
        lambda: rooms.reveal(code, "data", is_teacher=True),
        lambda: rooms.clear(code, "data", is_teacher=True),
        lambda: rooms.remove(code, 1, is_teacher=True),
        lambda: rooms.delete(code, is_teacher=True),
    ):
        with pytest.raises(RoomError, match="no room is open"):
            forbidden()


# ---- what is deleted is gone


def fill(rooms: Rooms, room: Room, prefix: str, count: int = 60) -> list[str]:
    """Members with names and answers that can be found in the file, in a random order with changes."""
    draw, names = random.Random(1), []
    for n in range(count):
        who = f"{prefix}-id-{n}"
        names.append(f"{prefix} name {n} {'x' * draw.randrange(20)}")
        rooms.join(room.code, names[-1], by=who)
        for lesson in draw.sample(["data", "carry", "harm", "sure"], 3):
            rooms.answer(lesson, f"{prefix} option {'y' * draw.randrange(200)}", by=who)
        if n % 7 == 3:
            rooms.leave(who)
    return names


def test_a_closed_room_leaves_no_byte(rooms: Rooms) -> None:
    stays, goes = (rooms.open(title, by=TEACHER, is_teacher=True) for title in ("stays", "Secret Title"))
    fill(rooms, stays, "Stay")
    fill(rooms, goes, "Vanish")
    found = bytes_of(rooms)
    assert found.count(b"Vanish name") >= 50
    rooms.delete(goes.code, is_teacher=True)
    left = bytes_of(rooms)
    assert b"Vanish" not in left
    assert b"Secret Title" not in left
    assert left.count(b"Stay name") >= 50
    assert len(rooms.members(stays.code)) == 51
    assert rooms.member("Vanish-id-0") is None


def test_one_who_leaves_takes_the_name_along(rooms: Rooms, room: Room) -> None:
    fill(rooms, room, "Other")
    rooms.join(room.code, "Vanish Name", by="ann")
    rooms.answer("data", "Vanish option", by="ann")
    rooms.leave("ann")
    assert b"Vanish" not in bytes_of(rooms)
    rooms.leave("ann")  # twice is no fault


@pytest.mark.parametrize("touched_by", ["open", "join", "expire"])
def test_an_expired_room_is_deleted(rooms: Rooms, clock, touched_by: str) -> None:
    short = rooms.open("Secret Title", 2, by=TEACHER, is_teacher=True)
    lasts = rooms.open("lasts", 10, by=TEACHER, is_teacher=True)
    fill(rooms, short, "Vanish", 10)
    clock.now += 2 * 86400 - 1
    assert rooms.room(short.code).code == short.code
    clock.now += 1
    assert rooms.member("Vanish-id-0") is None  # at once, though the bytes are still there
    assert rooms.room_of("Vanish-id-0") is None
    with pytest.raises(RoomError, match="you are in no room"):
        rooms.answer("data", 1, by="Vanish-id-0")
    match touched_by:
        case "open":
            rooms.open("next", by=TEACHER, is_teacher=True)
            rooms.expire()
        case "join":
            rooms.join(lasts.code, by="ann")
        case _:
            assert rooms.expire() == 1
    left = bytes_of(rooms)
    assert b"Vanish" not in left
    assert b"Secret Title" not in left
    assert rooms.room(lasts.code).title == "lasts"


def test_expiring_makes_no_file(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path / "none" / "rooms.sqlite3")
    assert rooms.expire() == 0
    assert not rooms.path.exists()


def test_a_damaged_file_is_kept_for_a_week_only(rooms: Rooms, room: Room, clock) -> None:
    rooms.join(room.code, "Vanish", by="ann")
    rooms.close()
    rooms.path.write_bytes(b"no database" * 1000)
    with pytest.raises(RoomError, match="no room is open"):
        rooms.room(room.code)
    aside = list((rooms.path.parent / "set-aside").iterdir())
    assert len(aside) == 1
    rooms.open("new", by=TEACHER, is_teacher=True)
    rooms.expire()
    assert aside[0].exists()
    clock.now += 8 * 86400
    rooms.expire()
    assert not aside[0].exists()


# ---- many at once


STUDENT = """
import sys
from invlab.rooms import Rooms
rooms, code, first = Rooms(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for n in range(first, first + 5):
    rooms.join(code, f"Name {n}", by=f"id-{n}")
    rooms.see(f"id-{n}", "data", 2)
    rooms.answer("data", n, by=f"id-{n}")
print("done")
"""


def test_processes_that_write_at_once_lose_nothing(rooms: Rooms, room: Room) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", STUDENT, str(rooms.path), room.code, str(5 * n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(6)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[0] for process in processes] == ["done\n"] * 6
    members = rooms.members(room.code)
    assert sorted(member.number for member in members) == list(range(1, 31))
    assert sorted(member.name for member in members) == sorted(f"Name {n}" for n in range(30))
    assert all(member.answered == ("data",) and member.step == 2 for member in members)
    assert rooms.answers(room.code, "data") == [float(n) for n in range(30)]


def test_thirty_threads_and_a_teacher_lose_nothing(rooms: Rooms, room: Room) -> None:
    faults: list[Exception] = []

    def student(n: int) -> None:
        try:
            rooms.join(room.code, by=f"id-{n}")
            for value in (0.1, 0.2, n):
                rooms.answer("data", value, by=f"id-{n}")
        except Exception as fault:  # noqa: BLE001 - told below
            faults.append(fault)

    threads = [threading.Thread(target=student, args=(n,)) for n in range(30)]
    for thread in threads:
        thread.start()
    for n in range(20):
        rooms.update(room.code, is_teacher=True, title=f"title {n}")
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert rooms.answers(room.code, "data") == [float(n) for n in range(30)]
    assert rooms.room(room.code).revision == 20
