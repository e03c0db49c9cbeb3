"""Opening a page in a test, and reading what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from invlab.roles import Role

SECONDS = 90  # a page draws its first pictures within them, on a busy machine too


def opener(page: str | Path) -> Callable[..., AppTest]:
    """A function that opens the page file `page` with a link, given as keyword arguments."""

    def opened(**link: Any) -> AppTest:
        test = AppTest.from_file(str(page), default_timeout=SECONDS)
        for name, value in link.items():
            test.query_params[name] = value
        return test.run()

    return opened


def served(monkeypatch: pytest.MonkeyPatch, role: Role) -> None:
    """From now on every visitor of this test is served, and has this role."""
    monkeypatch.setenv("INVLAB_MODE", "local" if role == Role.TEACHER else "serve")
    monkeypatch.setenv("INVLAB_VISITORS", "viewer" if role == Role.VIEWER else "student")


def charts(test: AppTest) -> list[dict]:
    """The page's figures as plotly's JSON."""
    return [json.loads(chart.proto.spec) for chart in test.get("plotly_chart")]


def texts(test: AppTest) -> str:
    """Everything the page says in texts, captions, notices and warnings."""
    return "\n".join(element.value for element in [*test.markdown, *test.caption, *test.info, *test.warning])


def apart(home: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path | None = None) -> Iterator[Path]:
    """An installation of its own in `home`, without worker; the bundle is `home/bundle`, which is not there, or the one
    given. For a fixture."""
    monkeypatch.setenv("INVLAB_HOME", str(home))
    monkeypatch.setenv("INVLAB_BUNDLE", str(bundle or home / "bundle"))
    monkeypatch.setenv("INVLAB_WORKER", "0")
    st.cache_resource.clear()  # the store and what was read from it would be another test's
    st.cache_data.clear()
    yield home
    st.cache_resource.clear()
    st.cache_data.clear()
