"""What a lesson gives to try is there: every link opens its page with the state it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab.lessons.course import LESSONS
from invlab.lessons.lesson import Link
from invlab.ui import page, results
from tests.pages import apart, opener
from tests.test_page_responses import BLACK

ROOT = Path(__file__).parents[1]
LINKS = {f"{lesson.name}, {link.label}": link for lesson in LESSONS.values() for link in lesson.links if link.query}


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The bundle's results; pages that draw do so on black, for which no networks ship: their pickers are there."""
    monkeypatch.setattr(st, "page_link", lambda page, label="", **rest: st.text(f"{page}: {label}"))
    monkeypatch.setattr(results, "pictures_ready", lambda: False)
    monkeypatch.setattr("invlab.ui.instruments.Singles", lambda: BLACK)
    monkeypatch.setattr("invlab.studies.singles.Singles", lambda: BLACK)
    yield from apart(tmp_path, monkeypatch, ROOT / "models")


def chosen(test: AppTest, key: str) -> list[str]:
    """What the control with that key shows."""
    for kind in ("selectbox", "multiselect", "number_input", "segmented_control", "button_group"):
        for widget in test.get(kind):
            if getattr(widget, "key", None) == key:
                value = widget.value
                return [str(v) for v in (value if isinstance(value, list | tuple) else [value])]
    return [str(v) for v in test.session_state[key]] if isinstance(test.session_state[key], list) else [
        str(test.session_state[key])
    ]  # fmt: skip


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_a_link_opens_its_page_with_its_state(link: Link, full: Path) -> None:
    test = opener(ROOT / "pages" / f"{link.page}.py")(**link.query)
    assert not test.exception
    for key, value in link.query.items():
        wanted = [str(v) for v in (value if isinstance(value, list) else [value])]
        found = chosen(test, key)
        names = {page.family_name(v) for v in wanted}
        shown = set(found) | {page.family_name(v) for v in found} | set(map(word, found))
        assert names <= shown, f"{key}: {found} instead of {wanted}"


def word(value: str) -> str:
    """What a picker of views calls a value."""
    return {"curve": "One parameter", "orbits": "Neighbourhoods"}.get(value, value)
