"""The page Side by side: its four views of stored networks, its links, and an installation without them."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import streamlit as st

from invlab import records, training
from invlab.bundle_files import write_bundle
from invlab.disagreement import Disagreement
from invlab.store import Store
from invlab.studies.singles import SOURCES, Singles
from invlab.ui import instruments
from tests.pages import apart, charts, opener, texts
from tests.test_claims import synthetic

PAGE = str(Path(__file__).parent.parent / "pages" / "side_by_side.py")
BLACK = Singles(backgrounds="black")  # no landscapes need to be painted


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks that have not learned anything, and made-up numbers of all of them."""
    folder = tmp_path_factory.mktemp("side-by-side")
    store, keys = Store(folder / "made"), []

    def put(spec: object, result: dict, **more: object) -> str:
        key = records.key(spec)
        record = {"kind": type(spec).__name__, "spec": records.plain(spec), "result": result, **more}
        store.put(key, record)
        keys.append(key)
        return key

    weights = []
    for seed, source in enumerate(("rotate", "hue")):
        spec = BLACK.training(source, 0)
        network = training.start(dataclasses.replace(spec, seed=seed), "cpu")  # another draw: they are to disagree
        described = store.put_weights(records.key(spec), dict(network.state_dict()))
        weights.append(put(spec, {"test_accuracy": 0.5}, weights=described))
    put(BLACK, synthetic())
    count = len(SOURCES)
    values = np.random.default_rng(0).random((count, count))
    np.fill_diagonal(values, 1)
    picture = base64.b64encode(bytes(32 * 32 * 3)).decode()
    put(
        BLACK.shared_invariance(0),
        {
            "stir": values.tolist(),
            "interval": np.stack([values - 0.01, values + 0.01], 2).tolist(),
            "chance": np.full((count, count), 0.05).tolist(),
            "residual": [0.01] * count,
            "doubles": [[picture] * 4] * count,
            "images": 200,
        },
    )
    write_bundle(store, folder / "bundle", keys, weights, {})
    store.close()
    return folder / "bundle"


@pytest.fixture
def there(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from _black(tmp_path / "home", monkeypatch, bundle)


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from _black(tmp_path / "home", monkeypatch)


def _black(home: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path | None = None) -> Iterator[Path]:
    monkeypatch.setattr("invlab.studies.singles.Singles", lambda: BLACK)
    monkeypatch.setattr("invlab.ui.instruments.Singles", lambda: BLACK)
    monkeypatch.setattr("invlab.ui.cached.Singles", lambda: BLACK)
    monkeypatch.setattr(st, "page_link", lambda page, label="", **link: st.text(f"{page}: {label} {link}"))
    yield from apart(home, monkeypatch, bundle)


opened = opener(PAGE)


@pytest.mark.parametrize("view", ["All families", "One family", "Shared invariance", "Images"])
def test_without_networks_it_says_what_to_type(nothing: Path, view: str) -> None:
    test = opened(view=view)
    assert not test.exception
    assert "is not in this installation's bundle yet" in texts(test)


def test_first_sight_is_every_family(there: Path) -> None:
    test = opened()
    assert not test.exception
    (plot,) = charts(test)
    a = next(t for t in plot["data"] if t.get("name") == "A")
    assert len(a["x"]) == 18
    assert "A is the more invariant one to" in test.info[0].value
    assert "from invlab import runs, store" in test.code[1].value


def test_one_family_is_measured_with_both(there: Path) -> None:
    test = opened(view="One family", family="invert")
    assert not test.exception
    curve, layers = charts(test)
    assert {t["name"] for t in curve["data"] if t.get("showlegend") is not False} == {
        "A: trained for rotate",
        "B: trained for hue",
    }
    assert len(layers["data"]) == 2
    assert "At their end A has a sensitivity of" in test.info[0].value


def test_what_they_share_in_both_directions(there: Path) -> None:
    test = opened(view="Shared invariance", network_a="blur", network_b="none")
    assert not test.exception
    i, j = SOURCES.index("blur"), SOURCES.index("none")
    values = np.random.default_rng(0).random((len(SOURCES), len(SOURCES)))
    bars, matrix = charts(test)
    assert bars["data"][0]["x"] == pytest.approx([values[i, j], values[j, i]])
    assert matrix["data"][-1]["customdata"][1] == [SOURCES[0], SOURCES[1]]
    assert f"B shares {values[i, j]:.2f} of what A ignores" in texts(test)


def test_the_same_network_twice_is_told(there: Path) -> None:
    test = opened(view="Shared invariance", network_b="rotate")
    assert not test.exception
    assert "choose two" in texts(test)
    assert len(charts(test)) == 1


def test_images_on_which_they_disagree(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[instruments.Pair] = []
    monkeypatch.setattr(instruments, "gallery", seen.extend)
    test = opened(view="Images", family="hue")
    assert not test.exception
    (plot,) = charts(test)
    store = Store(there)
    spec = Disagreement((BLACK.training("rotate", 0), BLACK.training("hue", 0)), BLACK.task("new", "hue", 0))
    result = store.get(records.key(spec))["result"]
    store.close()
    assert plot["data"][1]["x"] == pytest.approx(result["distance"][0])
    a, b = (np.array(values) for values in result["distance"])
    shown = [c.value for c in test.markdown if "The same to" in c.value]
    assert shown
    assert len(shown) == int((a < b).any()) + int((b < a).any())
    assert f"give the same answer for {result['same_answer']:.0%}" in texts(test)
    words = [pair.words for pair in seen]
    most = int(np.argmin(a - b))
    assert words[0] == f"A {a[most]:.2f}, B {b[most]:.2f}"
    assert all(pair.picture.shape == (128, 260, 3) for pair in seen)


def test_a_network_that_is_not_there_is_told(there: Path) -> None:
    test = opened(view="Images", network_b="noise")
    assert not test.exception
    assert "One of these networks" in texts(test)


def test_a_link_with_nonsense_shows_the_defaults(there: Path) -> None:
    test = opened(network_a="nonsense", family="<script>", view="7")
    assert not test.exception
    assert len(charts(test)) == 1
