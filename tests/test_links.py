"""A page's link holds what the page shows: every control is bound to it, or is on a short list with the reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([*(ROOT / "pages").glob("*.py"), *(ROOT / "invlab" / "ui").glob("*.py")])
# Controls that hold a state; st.tabs cannot be bound, and so is not used.
CONTROLS = (
    "selectbox", "multiselect", "segmented_control", "pills", "radio", "toggle", "checkbox", "slider", "select_slider",
    "number_input", "text_input", "text_area", "date_input", "time_input", "color_picker", "chat_input", "tabs",
)  # fmt: skip
FORM = "part of a form that asks for a computation; it changes nothing that is shown"
# (file, beginning of the key) -> why it is not bound.
UNBOUND = {
    (
        "pages/runs.py",
        "pick-",
    ): "its key is in the link by hand, as ?run= and ?versus=: whatever the link names is told",
    ("invlab/ui/study_again.py", "again-"): FORM,
    ("invlab/ui/classroom.py", "join-"): FORM,  # ?join= fills in the code
    ("invlab/ui/classroom.py", "rename-"): FORM,
    ("invlab/ui/desk.py", ""): "it changes the room itself, which the server keeps; the link names the room",
    ("invlab/ui/visitors.py", "passphrase"): "a secret is in no link",
    ("invlab/ui/lesson.py", ""): "a prediction is a person's own: who opens the link is asked anew",
}


def calls(file: Path) -> Iterator[ast.Call]:
    """Every call of a control in a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CONTROLS:
            yield node


def bound(call: ast.Call) -> bool:
    return any(k.arg == "bind" and ast.unparse(k.value) == "'query-params'" for k in call.keywords)


def key_of(call: ast.Call) -> str:
    """The constant beginning of a control's key."""
    for keyword in call.keywords:
        if keyword.arg == "key":
            value = keyword.value.values[0] if isinstance(keyword.value, ast.JoinedStr) else keyword.value
            return str(value.value) if isinstance(value, ast.Constant) else ""
    return ""


def excused(file: Path, call: ast.Call) -> bool:
    name = file.relative_to(ROOT).as_posix()
    return any(name == where and key_of(call).startswith(begin) for where, begin in UNBOUND)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_every_control_is_in_the_link(file: Path) -> None:
    free = [call for call in calls(file) if not bound(call) and not excused(file, call)]
    told = [f"line {call.lineno}: {ast.unparse(call.func)}(…, key={key_of(call)!r})" for call in free]
    assert told == [], "bind these to the link, or say in UNBOUND why not"


def test_a_bound_control_has_a_key() -> None:
    for file in FILES:
        for call in calls(file):
            if bound(call):
                assert any(k.arg == "key" for k in call.keywords), f"{file.name}, line {call.lineno}"


def test_every_excuse_is_needed() -> None:
    used = {
        (where, begin)
        for where, begin in UNBOUND
        for call in calls(ROOT / where)
        if not bound(call) and key_of(call).startswith(begin)
    }
    assert used == set(UNBOUND)


def test_the_reader_tells_bound_from_free(tmp_path: Path) -> None:
    file = tmp_path / "page.py"
    file.write_text(
        'st.selectbox("a", x, key="a", bind="query-params")\nleft.toggle("b", key=f"b-{c}")\nst.tabs(["c"])\n'
        "def selectbox(): ...\n"
    )
    found = list(calls(file))
    assert [bound(call) for call in found] == [True, False, False]
    assert [key_of(call) for call in found] == ["a", "b-", ""]
