"""Every action of the app that changes something, tried by each role through the page that offers it: with the page
drawn while the visitor might, and the click made when they no longer may."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab import records, roles
from invlab.jobs import Queue
from invlab.roles import Role, SignIns
from invlab.store import Store
from invlab.ui import results, visitors
from invlab.ui.results import Choice
from tests.pages import apart, opener, served, texts
from tests.small_data import cut_out, png
from tests.test_page_transfer import record_of

ROOT = Path(__file__).parents[1]
BLACK = {"backgrounds": "black"}
runs = opener(ROOT / "pages" / "runs.py")
transfer = opener(ROOT / "pages" / "transfer.py")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation of its own; links between pages are shown as text."""
    monkeypatch.setattr(st, "page_link", lambda page, label="", **rest: st.text(f"{page}: {label}"))
    monkeypatch.setattr(results, "pictures_ready", lambda: False)
    yield from apart(tmp_path, monkeypatch)


# ---- each action, through its page


def queued(place: Path, state: str | None = None) -> list[str]:
    return [job.key for job in Queue(place / "queue.sqlite3").jobs(state)]  # type: ignore[arg-type]


def somebodys(place: Path) -> str:
    choice = Choice(backgrounds="black")
    queue = Queue(place / "queue.sqlite3")
    return queue.submit(choice.key(), "Comparison", records.plain(choice.spec()), visitor="somebody").key


def failed(place: Path) -> str:
    key, queue = somebodys(place), Queue(place / "queue.sqlite3")
    queue.claim("w")
    queue.fail(key, "w", "no reason")
    return key


def stored(place: Path) -> str:
    choice = Choice()
    Store(place).put(choice.key(), record_of(choice))
    return choice.key()


def kept(place: Path, key: str) -> bool:
    return Store(place).get(key) is not None


def train(place: Path) -> tuple[AppTest, Callable[[AppTest], AppTest], Callable[[], bool]]:
    page = transfer(**BLACK)
    return page, lambda p: p.button(key="train").click().run(), lambda: bool(queued(place))


def train_classroom(place: Path) -> tuple[AppTest, Callable[[AppTest], AppTest], Callable[[], bool]]:
    page = transfer(preset="classroom", **BLACK)
    return page, lambda p: p.button(key="train").click().run(), lambda: bool(queued(place))


def cancel_others(place: Path) -> tuple[AppTest, Callable[[AppTest], AppTest], Callable[[], bool]]:
    key = somebodys(place)
    page = runs()
    return page, lambda p: p.button(key=f"cancel-{key}").click().run(), lambda: bool(queued(place, "cancelled"))


def forget(place: Path) -> tuple[AppTest, Callable[[AppTest], AppTest], Callable[[], bool]]:
    key = failed(place)
    page = runs()
    return page, lambda p: p.button(key=f"forget-{key}").click().run(), lambda: not queued(place)


def delete(place: Path) -> tuple[AppTest, Callable[[AppTest], AppTest], Callable[[], bool]]:
    key = stored(place)
    page = runs(run=key).button(key="delete-run").click().run()
    return page, lambda p: p.button(key="really-run").click().run(), lambda: not kept(place, key)


def study(place: Path) -> tuple[AppTest, Callable[[AppTest], AppTest], Callable[[], bool]]:
    def script() -> None:
        from invlab.ui import study_again

        study_again.again("mismatch")

    page = AppTest.from_function(script, default_timeout=60).run()
    return page, lambda p: p.button(key="again-run").click().run(), lambda: bool(queued(place))


# Each action's page, and the least role that may.
TRIED = {
    "train": (train, Role.STUDENT),
    "train at a preset of hours": (train_classroom, Role.TEACHER),
    "cancel for others": (cancel_others, Role.TEACHER),
    "forget": (forget, Role.TEACHER),
    "delete": (delete, Role.TEACHER),
    "study": (study, Role.TEACHER),
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", TRIED)
def test_a_click_counts_for_those_who_may_when_it_is_made(
    place: Path, action: str, role: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page is drawn for a teacher; then the visitor is no longer one, and clicks what it still shows."""
    prepare, least = TRIED[action]
    page, click, happened = prepare(place)
    assert not page.exception
    served(monkeypatch, role)
    after = click(page)
    assert not after.exception
    assert happened() == (role >= least)
    if role < least:
        assert "here" in texts(after)  # it says so


@pytest.mark.parametrize("role", [Role.VIEWER, Role.STUDENT])
def test_what_a_visitor_may_not_is_not_offered(place: Path, role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, role)
    key = stored(place)
    assert "delete-run" not in [button.key for button in runs(run=key).button]
    page = transfer(preset="live" if role == Role.VIEWER else "classroom", **BLACK)
    assert page.button(key="train").disabled
    assert "here" in texts(page)


def test_a_server_that_only_shows_writes_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_MODE", "view")
    page = transfer(**BLACK)
    assert not page.exception
    assert page.button(key="train").disabled
    assert "finished results only" in texts(page)
    assert not runs().exception
    assert not (place / "queue.sqlite3").exists()
    assert not (place / "results").exists()


# ---- an upload


@pytest.mark.parametrize("role", Role)
def test_an_upload_counts_for_those_who_may(place: Path, role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    def script() -> None:
        from invlab.ui import own

        own.picked("Objects", ["drawn"], ("cut-outs",), "objects")

    page = AppTest.from_function(script, default_timeout=60)
    page.query_params["objects"] = "your cut-outs"
    page.run()
    served(monkeypatch, role)
    page.file_uploader[0].upload("cat.png", png(cut_out("red")))
    page.run()
    assert not page.exception
    assert ("1 picture loaded" in texts(page)) == (role >= Role.STUDENT)
    assert any(path.is_file() for path in place.rglob("uploads/**/*")) == (role >= Role.STUDENT)


# ---- signing in


RIGHT = "correct horse battery"


def door() -> AppTest:
    def script() -> None:
        import streamlit as st

        from invlab.ui import visitors

        st.caption(visitors.current().role.name)
        visitors.sign_in()

    return AppTest.from_function(script, default_timeout=30).run()


def try_passphrase(page: AppTest, given: str) -> AppTest:
    page.text_input(key="passphrase").input(given)
    return page.button[0].click().run()


def test_a_teacher_signs_in_and_out(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, Role.VIEWER)
    monkeypatch.setenv("INVLAB_PASSPHRASE", RIGHT)
    page = door()
    assert page.caption[0].value == "VIEWER"
    page = try_passphrase(page, "wrong")
    assert "not the passphrase" in page.error[0].value
    assert page.text_input(key="passphrase").value == ""  # it does not stand there for the next person
    page = try_passphrase(page, RIGHT)
    assert page.caption[0].value == "TEACHER"
    assert not page.error
    page = page.button(key="sign-out").click().run()
    assert page.caption[0].value == "VIEWER"


def test_five_wrong_guesses_close_the_door(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, Role.VIEWER)
    monkeypatch.setenv("INVLAB_PASSPHRASE", RIGHT)
    page = door()
    for _ in range(roles.FAILURES_EACH):
        page = try_passphrase(page, "wrong")
    page = try_passphrase(page, RIGHT)
    assert "too often" in page.error[0].value
    assert page.caption[0].value == "VIEWER"


def test_without_a_passphrase_nobody_signs_in(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, Role.VIEWER)
    monkeypatch.delenv("INVLAB_PASSPHRASE", raising=False)
    page = try_passphrase(door(), "")
    assert "has no passphrase" in page.error[0].value
    assert page.caption[0].value == "VIEWER"


def test_the_person_at_this_machine_needs_none(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INVLAB_MODE", raising=False)
    page = door()
    assert page.caption[0].value == "TEACHER"
    assert not page.text_input


def test_a_sign_in_is_of_one_browser(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, Role.VIEWER)
    SignIns().sign_in("another browser", "a", RIGHT, RIGHT)
    assert door().caption[0].value == "VIEWER"
    monkeypatch.setattr(visitors, "visitor_id", lambda: "another browser")
    assert door().caption[0].value == "TEACHER"


def test_a_login_makes_a_teacher_of_those_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served(monkeypatch, Role.VIEWER)
    monkeypatch.setattr(visitors, "_secrets", lambda: {"auth": {"client_id": "x"}, "teachers": ["ann@school.example"]})
    user = {"is_logged_in": True, "email": "ann@school.example"}
    monkeypatch.setattr(st, "user", type("User", (), {"to_dict": lambda self: user})())
    assert door().caption[0].value == "TEACHER"
    user["email"] = "bob@school.example"
    assert door().caption[0].value == "VIEWER"


# ---- nothing goes around it

CHANGES = {"submit", "cancel", "delete", "receive", "receive_weights", "put", "put_weights", "forget"}
ASKS = {"require", "require_run"}


def calls(node: ast.AST) -> set[str]:
    return {
        call.func.attr for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
    }


def functions() -> Iterator[tuple[str, ast.FunctionDef]]:
    for file in [*(ROOT / "invlab" / "ui").glob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield f"{file.stem}.{node.name}", node


def test_every_function_that_changes_something_asks_whether_it_may() -> None:
    unasked = [
        f"{name} calls {', '.join(sorted(found))}"
        for name, node in functions()
        if (found := calls(node) & CHANGES) and not calls(node) & ASKS
    ]
    assert not unasked, "these change something and ask nobody whether the visitor may"


def test_the_reader_above_finds_such_functions() -> None:
    found = {name for name, node in functions() if calls(node) & CHANGES}
    assert {"live.ask", "live._cancel", "runs._delete", "runs._forget", "study_again.ask", "own._uploader"} <= found


# ---- names that people choose


@pytest.mark.parametrize("name", ["<b>bold</b>", "[link](https://evil.example)", "![](https://evil.example/x.png)"])
def test_markup_in_the_names_of_uploads_is_shown_as_text(place: Path, name: str) -> None:
    """The name of a file becomes that of a class, and stands in what the page says of it."""

    def script() -> None:
        from invlab.ui import own

        own.picked("Objects", ["drawn"], ("cut-outs",), "objects")

    page = AppTest.from_function(script, default_timeout=60)
    page.query_params["objects"] = "your cut-outs"
    page.run()
    safe = name.replace("/", "∕")  # what a file may be called
    page.file_uploader[0].upload(f"{safe}.png", png(cut_out("red"))).run()
    assert "1 picture loaded" in texts(page)
    first = texts(page)
    page.file_uploader[0].upload(f"{safe}.txt", b"no picture").run()
    assert not page.exception
    assert "this is no PNG" in texts(page)
    told = first + texts(page)
    assert safe not in told  # every sign that Markdown or HTML reads is escaped
    assert not any(html in told for html in ("<b>", "](", "!["))
