"""What visitors share: the same figures as if each had its own, which nobody changes, and no more than so many."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import plotly.graph_objects as go
import pytest
import streamlit as st

from invlab import records
from invlab.figures import home, learning, sensitivity
from invlab.studies import claims
from invlab.studies.recordings import recorded
from invlab.studies.singles import NONE, Singles
from invlab.ui import cached
from tests.pages import charts, opener

ROOT = Path(__file__).parents[1]
KEYS = ["training-00000000000000000000000000000000"]


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()
    st.cache_data.clear()


def test_a_reading_is_made_once_for_the_same_results_and_the_same_choice() -> None:
    made = []

    def make() -> list[int]:
        made.append(1)
        return [len(made)]

    assert cached.once(KEYS, "a", make) is cached.once(KEYS, "a", make)
    assert cached.once(KEYS, "b", make) == [2]
    assert cached.once([*KEYS, "training-1"], "a", make) == [3]
    assert len(made) == 3


def test_no_more_readings_are_kept_than_so_many() -> None:
    made = []
    for number in [*range(cached.READINGS + 1), 0]:
        cached.once(KEYS, str(number), lambda number=number: made.append(number))
    assert made.count(0) == 2  # it was dropped, and made anew
    assert len(made) == cached.READINGS + 2


def test_two_visitors_see_the_figures_that_are_drawn_without_sharing() -> None:
    study = cached.singles()
    assert study is not None
    first, second = (charts(opener(ROOT / "pages/sensitivity.py")()) for _ in range(2))
    assert first == second
    rows = claims.families(study, "new")
    assert first[1] == as_shown(sensitivity.by_family(rows, "new"))
    assert charts(opener(ROOT / "pages/home.py")())[0] == as_shown(home.at_a_glance(study)[0])


def as_shown(figure: go.Figure) -> dict:
    return json.loads(figure.to_json())


def test_scrubbing_moves_the_mark_of_one_visitor_only() -> None:
    result = cached.stored(records.key(recorded(Singles(), NONE)))["result"]
    lines = learning.lines(["rotate"], (NONE,), str)
    shared = cached.once(KEYS, "recording", lambda: learning.recording(result, lines, 0))
    before = as_shown(shared)
    moved = learning.moved(learning.copied(shared), result, 5)
    assert as_shown(moved) == as_shown(learning.recording(result, lines, 5)) != before
    assert as_shown(shared) == before
    test = opener(ROOT / "pages/learning.py")
    first = charts(test())
    charts(test(seen="0 (untrained)"))
    assert charts(test()) == first


def test_every_cache_of_the_pages_has_a_bound() -> None:
    """What depends on an argument is kept for so many arguments only: the process lives for weeks."""
    unbounded = []
    for file in [*(ROOT / "invlab/ui").glob("*.py"), *(ROOT / "pages").glob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef) and node.args.args:
                for decorator in node.decorator_list:
                    text = ast.unparse(decorator)
                    if "cache" in text and "max_entries" not in text and "maxsize" not in text:
                        unbounded.append(f"{file.name}: {node.name}")
    assert unbounded == []
