"""Who may do what, who is at this machine, and the passphrase: right, wrong, guessed, at once."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from invlab import roles
from invlab.jobs import ClosedQueue, QueueError
from invlab.roles import ACTIONS, Refused, Role, SignIns, Visitor


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INVLAB_MODE", "INVLAB_VISITORS", "INVLAB_PASSPHRASE", "INVLAB_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)


# ---- actions


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", ACTIONS)
def test_a_role_may_do_what_its_rank_allows(action: str, role: Role) -> None:
    least, words = ACTIONS[action]
    if role >= least:
        roles.check(Visitor("v", role), action)
    else:
        with pytest.raises(Refused, match=f"^{words} is for .* here: .*Classroom"):
            roles.check(Visitor("v", role), action)


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "take back"])
def test_a_server_that_only_shows_lets_nobody_change_anything(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_MODE", "view")
    with pytest.raises(Refused, match="finished results only"):
        roles.check(Visitor("v", Role.TEACHER), action)


def test_a_student_runs_what_the_room_allows_and_what_is_short() -> None:
    student = Visitor("s", Role.STUDENT, ("live", "tiny"))
    roles.check_run(student, "live", 10.0)
    roles.check_run(student, None, 10.0)
    with pytest.raises(Refused, match="may run live, tiny here, not classroom"):
        roles.check_run(student, "classroom", 10.0)
    with pytest.raises(Refused, match="may take 120 seconds and this one takes about 500"):
        roles.check_run(student, "live", 500.0)
    with pytest.raises(Refused, match="may run no preset here"):
        roles.check_run(Visitor("s", Role.STUDENT, ()), "live", 10.0)
    with pytest.raises(Refused, match="join your teacher's room"):
        roles.check_run(Visitor("v", Role.VIEWER), "live", 10.0)
    roles.check_run(Visitor("t", Role.TEACHER, ()), "paper", 1e6)


def test_teachers_go_first_and_students_wait_for_few() -> None:
    student, teacher = Visitor("s", Role.STUDENT), Visitor("t", Role.TEACHER)
    assert teacher.priority > student.priority >= 0
    assert teacher.limit > student.limit >= 1


def test_a_queue_of_a_server_that_only_shows_is_empty_and_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    queue, key = ClosedQueue(), "cell-" + "0" * 32
    assert queue.jobs() == queue.workers() == queue.points(key) == queue.visitors(key) == []
    assert queue.job(key) is None
    assert queue.forecast("v") == (0, 0)
    for change in (lambda: queue.submit(key, "cell", {}), lambda: queue.cancel(key), lambda: queue.delete(key)):
        with pytest.raises(QueueError, match="finished results only"):
            change()
    assert not (tmp_path / "home").exists()


# ---- who is at this machine


HOST = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        (None, {}),
        (None, HOST),
        ("127.0.0.1", HOST),
        ("::1", {"Host": "[::1]:8501", "Origin": "http://[::1]:8501"}),
        ("127.0.0.1", {"Host": "127.0.0.1:8501", "Origin": "http://127.0.0.1:8501"}),
    ],
)
def test_a_browser_on_this_machine_is_here(address: str | None, headers: dict[str, str]) -> None:
    assert roles.is_here(address, headers)


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("192.168.1.7", HOST),  # says it is localhost
        ("203.0.113.9", {}),
        (None, HOST | {"X-Forwarded-For": "203.0.113.9"}),  # a proxy on this machine
        (None, HOST | {"Forwarded": "for=203.0.113.9"}),
        (None, HOST | {"X-Real-Ip": "203.0.113.9"}),
        (None, {"Host": "lab.school.example", "Origin": "https://lab.school.example"}),
        (None, {"Host": "localhost:8501", "Origin": "https://lab.school.example"}),  # a proxy that hides the name
        (None, {"Host": "localhost.evil.example:8501"}),
        (None, {"Host": "127.0.0.1.evil.example"}),
        (None, HOST | {"Origin": "null"}),
    ],
)
def test_others_are_not(address: str | None, headers: dict[str, str]) -> None:
    assert not roles.is_here(address, headers)


# ---- configuration


def test_words_that_are_no_setting_are_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    roles.configuration()
    monkeypatch.setenv("INVLAB_MODE", "sevre")
    with pytest.raises(ValueError, match="INVLAB_MODE is 'sevre': choose one of auto, local, serve, view"):
        roles.configuration()
    monkeypatch.setenv("INVLAB_MODE", "serve")
    monkeypatch.setenv("INVLAB_VISITORS", "all")
    with pytest.raises(ValueError, match="INVLAB_VISITORS is 'all': choose viewer or student"):
        roles.configuration()
    monkeypatch.setenv("INVLAB_VISITORS", "student")
    monkeypatch.setenv("INVLAB_PASSPHRASE", "short")
    with pytest.raises(ValueError, match="5 characters: give it at least 8"):
        roles.configuration()
    monkeypatch.delenv("INVLAB_PASSPHRASE")
    monkeypatch.setenv("INVLAB_PASSPHRASE_FILE", str(tmp_path / "missing"))
    with pytest.raises(ValueError, match="INVLAB_PASSPHRASE_FILE cannot be read"):
        roles.configuration()


def test_where_the_passphrase_comes_from(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert roles.passphrase() is None
    assert roles.passphrase("from the secrets") == "from the secrets"
    (tmp_path / "secret").write_text("from a file\n")
    monkeypatch.setenv("INVLAB_PASSPHRASE_FILE", str(tmp_path / "secret"))
    assert roles.passphrase("from the secrets") == "from a file"
    monkeypatch.setenv("INVLAB_PASSPHRASE", "from the environment")
    assert roles.passphrase("from the secrets") == "from the environment"


@pytest.mark.parametrize(
    ("user", "teacher"),
    [
        ({"is_logged_in": True, "email": "Ann@School.example", "email_verified": True}, True),
        ({"is_logged_in": True, "email": "ann@school.example"}, True),
        ({"is_logged_in": True, "email": "ann@school.example", "email_verified": False}, False),
        ({"is_logged_in": False, "email": "ann@school.example"}, False),
        ({"is_logged_in": True, "email": "bob@school.example"}, False),
        ({"is_logged_in": True}, False),
        ({}, False),
    ],
)
def test_a_teacher_by_login(user: dict[str, object], teacher: bool) -> None:
    assert roles.is_teacher_by_login(user, [" ann@school.example "]) is teacher
    assert not roles.is_teacher_by_login(user, [])


# ---- the passphrase

RIGHT = "correct horse battery"


@pytest.fixture
def door(tmp_path: Path) -> SignIns:
    return SignIns(tmp_path / "signed-in.sqlite3")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> type:
    class Clock:
        now = 1_000_000.0

    monkeypatch.setattr(roles.time, "time", lambda: Clock.now)
    return Clock


def wrong(door: SignIns, address: str = "a", times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Refused, match="not the passphrase"):
            door.sign_in("v", address, "wrong", RIGHT)


def test_the_right_passphrase_signs_one_visitor_in_for_a_day_at_school(door: SignIns, clock: type) -> None:
    assert not door.is_signed_in("v")
    door.sign_in("v", "a", f" {RIGHT}\n", RIGHT)
    assert door.is_signed_in("v")
    assert not door.is_signed_in("w")
    assert SignIns(door.path).is_signed_in("v")  # a reload, another process
    clock.now += roles.SIGNED_IN_SECONDS + 1
    assert not door.is_signed_in("v")


def test_signing_out(door: SignIns) -> None:
    door.sign_in("v", "a", RIGHT, RIGHT)
    door.sign_out("v")
    assert not door.is_signed_in("v")


def test_wrong_ones_sign_nobody_in(door: SignIns) -> None:
    wrong(door)
    for given in ("", RIGHT.upper(), RIGHT[:-1], RIGHT + "x"):
        with pytest.raises(Refused):
            door.sign_in("v", given, given, RIGHT)
    with pytest.raises(Refused, match="INVLAB_PASSPHRASE"):
        door.sign_in("v", "b", "", None)
    assert not door.is_signed_in("v")


def test_guessing_ends_after_a_few_even_with_the_right_one(door: SignIns, clock: type) -> None:
    wrong(door, times=roles.FAILURES_EACH)
    for given in ("wrong", RIGHT):
        with pytest.raises(Refused, match="too often: wait 5 minutes"):
            door.sign_in("v", "a", given, RIGHT)
    assert not door.is_signed_in("v")
    door.sign_in("other", "b", RIGHT, RIGHT)  # a teacher elsewhere gets in
    clock.now += roles.FAILURE_SECONDS + 1
    door.sign_in("v", "a", RIGHT, RIGHT)


def test_many_addresses_are_no_way_around(door: SignIns) -> None:
    for number in range(roles.FAILURES_ALL):
        wrong(door, f"address {number}")
    with pytest.raises(Refused, match="too often"):
        door.sign_in("v", "a new address", RIGHT, RIGHT)


def test_guesses_made_at_once_count_each(door: SignIns) -> None:
    """Twenty at the same moment from one address: no more than five are compared."""
    door.is_signed_in("v")
    compared = []

    def guess(number: int) -> None:
        try:
            door.sign_in(f"v{number}", "a", "wrong", RIGHT)
        except Refused as why:
            compared.append("not the passphrase" in str(why))

    threads = [threading.Thread(target=guess, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(compared) == 20
    assert sum(compared) == roles.FAILURES_EACH


def test_the_clock_put_back_does_not_lock_for_ever(door: SignIns, clock: type) -> None:
    wrong(door, times=roles.FAILURES_EACH)
    door.sign_in("w", "b", RIGHT, RIGHT)
    clock.now -= 1e6
    door.sign_in("v", "a", RIGHT, RIGHT)
    assert not door.is_signed_in("w")  # a sign-in of the future is none


def test_no_address_and_no_passphrase_is_kept(door: SignIns) -> None:
    wrong(door, "203.0.113.9")
    door.sign_in("v", "203.0.113.9", RIGHT, RIGHT)
    wrong(door, "203.0.113.9")
    door.close()
    kept = b"".join(path.read_bytes() for path in door.path.parent.iterdir() if path.is_file())
    assert b"203.0.113.9" not in kept
    assert RIGHT.encode() not in kept
    assert b"wrong" not in kept


def test_passphrases_are_compared_in_constant_time() -> None:
    """Not measured: a timing is noise here. The comparison is the standard library's for this purpose."""
    source = Path(roles.__file__).read_text()
    assert "hmac.compare_digest(given" in source
    assert "given ==" not in source
    assert "== right" not in source


def test_nobody_signed_in_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    assert not roles.exists()
    SignIns().is_signed_in("v")
    assert roles.exists()


def test_roles_come_without_streamlit() -> None:
    code = "import invlab.roles, sys; assert 'streamlit' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])
