"""The page Measures: every bundled network by every measure, and how far they agree."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from invlab import records
from invlab.figures import measures as figures
from invlab.measures import MEASURES, Measures
from invlab.store import Store
from invlab.studies.singles import SOURCES, Singles
from tests.pages import apart, opener, texts

PAGE = str(Path(__file__).parent.parent / "pages" / "measures.py")
BLACK = Singles(backgrounds="black")  # no landscapes need to be painted


def value(source: str, measure: str) -> float:
    """Made up: all agree, but CKA puts the networks in the opposite order; `rotate` is the first."""
    place = (SOURCES.index(source) - SOURCES.index("rotate")) % len(SOURCES)
    less = (place + 1) / (2 * len(SOURCES))
    turned = MEASURES[measure].larger_is_invariant != (measure == "cka")
    return 1 - less if turned else less


VALUES = {source: {name: value(source, name) for name in MEASURES} for source in SOURCES}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("invlab.studies.singles.Singles", lambda: BLACK)
    monkeypatch.setattr("invlab.ui.instruments.Singles", lambda: BLACK)
    yield from apart(tmp_path, monkeypatch)


@pytest.fixture
def filled(place: Path) -> Path:
    store = Store(place)
    for source, result in VALUES.items():
        spec = Measures(BLACK.training(source, 0), BLACK.task("new", "rotate", 0), 100, 12)
        store.put(records.key(spec), {"kind": "Measures", "spec": records.plain(spec), "result": result})
    store.close()
    return place


opened = opener(PAGE)


def test_without_networks_it_says_what_to_type_and_what_the_measures_are(place: Path) -> None:
    test = opened()
    assert not test.exception
    assert "python -m invlab bundle build" in [code.value for code in test.code]
    assert all(how.compares in texts(test) for how in MEASURES.values())


def test_it_shows_every_network_and_says_who_agrees(filled: Path) -> None:
    test = opened()
    assert not test.exception
    ranking, agreements = (json.loads(chart.proto.spec) for chart in test.get("plotly_chart"))
    assert np.array(ranking["data"][0]["z"]).shape == (len(SOURCES), len(MEASURES))
    assert ranking["layout"]["yaxis"]["ticktext"][0] == "rotate"
    assert np.array(agreements["data"][0]["z"])[0].tolist() == pytest.approx([1, 1, 1, 1, -1])
    assert "4 of 5 measures" in test.info[0].value
    assert "least alike" in test.info[0].value
    assert "CKA (−1.00)" in test.info[0].value


def test_a_family_without_results_needs_the_networks(filled: Path) -> None:
    assert "is not in this installation's bundle yet" in texts(opened(family="hue"))


def test_agreement_is_spearmans_with_every_measure_turned_the_same_way() -> None:
    draws = np.random.default_rng(0).random((len(SOURCES), len(MEASURES)))
    values = {s: dict(zip(MEASURES, map(float, row), strict=True)) for s, row in zip(SOURCES, draws, strict=True)}
    found = figures.agreement(values)
    signs = [-1 if how.larger_is_invariant else 1 for how in MEASURES.values()]
    for i in range(len(MEASURES)):
        for j in range(len(MEASURES)):
            expected = spearmanr(signs[i] * draws[:, i], signs[j] * draws[:, j]).statistic
            assert found[i, j] == pytest.approx(expected)
    most, least = figures.extremes(values)
    names = list(MEASURES)
    off = found[~np.eye(len(names), dtype=bool)]
    assert found[names.index(most[0]), names.index(most[1])] == off.max()
    assert found[names.index(least[0]), names.index(least[1])] == off.min()
