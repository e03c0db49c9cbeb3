"""The page Benchmarks: every claim against its aim, one benchmark at a time, and without results one sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from invlab import benchmarks
from tests.pages import apart, charts, opener, texts

opened = opener(Path(__file__).parents[1] / "pages" / "benchmarks.py")
FOUND = benchmarks.results()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from apart(tmp_path, monkeypatch)


def rows(page) -> list[str]:
    return list(page.dataframe[0].value["claim"])


def dots(page) -> int:
    (plot,) = charts(page)
    return sum(len(trace["x"]) for trace in plot["data"][2:])


def test_it_opens_with_the_headline_claims() -> None:
    page = opened()
    assert not page.exception
    first = [claim.text for one in benchmarks.headlines(FOUND) for claim in one.claims]
    assert rows(page) == first
    assert dots(page) == len(first)
    assert "aims are met" in page.info[0].value
    assert "Each claim has an aim" in texts(page)


def test_every_claim_is_there_and_one_benchmark_can_be_chosen_by_the_link() -> None:
    page = opened(benchmark="Every claim")
    assert not page.exception
    assert rows(page) == [claim.text for one in FOUND for claim in one.claims]
    one = next(one for one in FOUND if one.benchmark == "probe")
    page.selectbox(key="benchmark").set_value("probe").run()
    assert not page.exception
    assert rows(page) == [claim.text for claim in one.claims]
    assert [code.value for code in page.code] == [one.command]
    assert one.date in texts(page).replace("\\", "")


def test_what_is_not_met_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"claim": "speed", "value": 1.5, "aim": 3.0, "unit": "times", "larger": True, "met": False}
    file = {"benchmark": "probe", "machine": "m", "date": "2026-11-28", "versions": {"torch": "2"}, "claims": [found]}
    (tmp_path / "probe-m.json").write_text(json.dumps(file))
    monkeypatch.setattr(benchmarks, "FOLDER", tmp_path)
    page = opened()  # with no headline claim it shows all
    assert not page.exception
    assert list(page.dataframe[0].value["met"]) == ["✗ not met"]
    assert "Missed by most: *speed*" in page.info[0].value


def test_without_results_it_says_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks, "FOLDER", tmp_path / "nowhere")
    page = opened()
    assert not page.exception
    assert page.warning[0].value == benchmarks.ABSENT
    assert charts(page) == []


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "probe-m.json").write_text("{")
    monkeypatch.setattr(benchmarks, "FOLDER", tmp_path)
    page = opened()
    assert not page.exception
    assert page.warning[0].value.startswith("The results in probe\\-m\\.json cannot be used")
