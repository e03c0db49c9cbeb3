"""The page Home: what it says with and without the bundle."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab.studies.catalogue import STUDIES
from invlab.ui import cached

PAGE = Path(__file__).parents[1] / "pages" / "home.py"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation of its own; links between pages are shown as text."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    monkeypatch.setenv("INVLAB_WORKER", "0")
    monkeypatch.setattr(st, "page_link", lambda page, label="", **rest: st.text(f"{page}: {label}"))
    st.cache_resource.clear()
    st.cache_data.clear()
    yield tmp_path
    st.cache_resource.clear()
    st.cache_data.clear()


def test_it_shows_what_the_bundled_networks_say_and_leads_on() -> None:
    page = AppTest.from_file(str(PAGE), default_timeout=30).run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    sensitivity, transfer = page.metric
    assert 0 < float(sensitivity.value) < 1
    assert sensitivity.delta.startswith("-")  # less sensitive to what a network was trained for
    assert transfer.delta.startswith("+")
    ways = [text.value.split(":")[0] for text in page.text]
    assert ways[:4] == [f"pages/{name}.py" for name in ("lessons", "transformations", "transfer", "sensitivity")]
    assert ways[4:] == [f"pages/{name}.py" for name in STUDIES]
    assert all((PAGE.parents[1] / way).is_file() for way in ways)


def test_without_the_bundle_it_says_how_to_make_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_BUNDLE", str(place / "no-bundle"))
    page = AppTest.from_file(str(PAGE), default_timeout=30).run()
    assert not page.exception
    assert "not in this installation's bundle" in page.warning[0].value
    assert page.code[0].value == "python -m invlab bundle build"
    assert len(page.text) == 4 + len(STUDIES)


def test_warming_up_waits_for_a_quiet_moment_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "QUIET_SECONDS", 0.6)
    monkeypatch.setattr(cached, "LATEST_SECONDS", 2.0)
    monkeypatch.setattr(cached, "_begin", lambda: None)

    def waited() -> float:
        began = time.monotonic()
        cached._wait_until_quiet()
        return time.monotonic() - began

    cached.background_work()
    assert 0.5 < waited() < 1.9
    cached.background_work()
    over = threading.Event()

    def keep_coming() -> None:
        while not over.wait(0.1):
            cached.background_work()

    visitors = threading.Thread(target=keep_coming)
    visitors.start()
    try:
        assert waited() >= 2.0
    finally:
        over.set()
        visitors.join()
