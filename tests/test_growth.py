"""The benchmark of growth: the law it finds is the one that made the points, and its rows are the store's own."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from benchmarks import growth
from benchmarks.growth import Points, calls, claims_of, fill, law, told
from invlab.store import Store, bundle_dir


def points(exponent: float, fixed: float = 0.0, spread: float = 0.01) -> Points:
    chance = random.Random(0)
    return {n: [fixed + n**exponent * (1 + spread * chance.gauss(0, 1)) for _ in range(5)] for n in (1, 4, 16, 64, 256)}


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(exponent: float) -> None:
    found = law(points(exponent))
    assert found["law"] == "power law"
    assert found["exponent"] == pytest.approx(exponent, abs=0.02)
    low, high = found["interval"]
    assert low < exponent < high < low + 0.05
    assert found["from"] == 16


def test_what_is_paid_once_does_not_hide_the_law() -> None:
    assert law(points(1.0, fixed=1.0))["exponent"] == pytest.approx(1.0, abs=0.05)


def test_a_constant_is_called_so() -> None:
    found = law(points(0.0))
    assert found["law"] == "constant"
    assert found["exponent"] == pytest.approx(0.0, abs=0.02)


def test_the_rows_of_the_benchmark_are_read_as_the_stores_own(tmp_path: Path) -> None:
    store = Store(tmp_path, bundle_dir())
    store.put("training-" + 32 * "0", {})
    fill(store, 1, 300)
    plain = Store(tmp_path)
    assert sum(plain.counts().values()) == 300
    assert all(plain.get(key) is not None for key in plain.keys())  # noqa: SIM118 - it is no dict
    assert not (tmp_path / "refused").exists()


def test_claims_are_made_of_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "LOOKS", 5)
    monkeypatch.setattr(growth, "RECORDS", (300,))
    store = Store(tmp_path, bundle_dir())
    store.put("training-" + 32 * "0", {})
    fill(store, 1, 300)
    curves = {"records": {what: told({300: seconds}) for what, seconds in calls(store, 300).items()}}
    curves["samples"] = {"fast": told(points(1.0)), "slow": told(points(1.5))}
    found = {claim["claim"]: claim for claim in claims_of(curves)}
    assert [claim["met"] for text, claim in found.items() if "samples" in text] == [True, False]
    assert any(text.startswith("look-up, 300 results") for text in found)
    assert not any("every key" in text for text in found)


def test_the_guide_tells_what_was_measured() -> None:
    root = Path(growth.__file__).parents[1]
    (path,) = (root / "benchmarks" / "results").glob("growth-2-core-*.json")
    assert growth.table(json.loads(path.read_text())["curves"]) in (root / "docs" / "performance.md").read_text()
