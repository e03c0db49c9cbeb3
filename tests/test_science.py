"""Whether a fast way says the same as the plain one: told rightly for what is known."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks import science
from benchmarks.science import Found, Measured
from invlab import compiled
from invlab.studies.comparison import Comparison
from invlab.tasks import Task
from invlab.training import Training

NEW = Task((4, 5, 6), ("rotate",), backgrounds="black")
SMALL = Comparison(
    sources=tuple(
        Training(Task((0, 1, 2), (family,), backgrounds="black"), images=64, batch=32, learning_rate=8e-3)
        for family in ("rotate", "hue")
    ),
    target=NEW,
    pairs=40,
    probe_train=60,
    probe_test=40,
    watch=0,
)


def moved(by: float, sign: float = 1.0) -> Found:
    """Five seeds of two networks, each `by` above what it was; or one of the two below."""
    return [[{"x": Measured(n + by, 0.2)}, {"x": Measured(2 * n + sign * by, 0.2)}] for n in range(5)]


def test_what_is_the_same_has_not_moved() -> None:
    (told,) = science.same("nothing", moved(0.0), moved(0.0))
    assert told["value"] == 0
    assert told["met"]


def test_what_moves_is_told_in_half_widths() -> None:
    (told,) = science.same("a way", moved(0.0), moved(0.3))
    assert told["value"] == pytest.approx(1.5)
    assert told["difference"] == pytest.approx(0.3)
    assert told["half_width"] == pytest.approx(0.2)
    assert not told["met"]
    (told,) = science.same("a way", moved(0.0), moved(0.3, sign=-1.0))
    assert told["value"] == pytest.approx(0.0)


def test_both_ways_learn_and_measure_the_same_networks() -> None:
    compared = [SMALL, dataclasses.replace(SMALL, sources=tuple(dataclasses.replace(s, seed=1) for s in SMALL.sources))]
    with science.in_torch():
        assert compiled.library() is None
        plain = science.found(compared, science.alone, "cpu")
        stacked = science.found(compared, science.together, "cpu")
    assert [[sorted(network) for network in seed] for seed in plain] == [[["sensitivity", "transfer accuracy"]] * 2] * 2
    for own, other in zip(plain, stacked, strict=True):
        for a, b in zip(own, other, strict=True):
            assert a["sensitivity"].value == pytest.approx(b["sensitivity"].value, abs=0.05)
            assert a["sensitivity"].around > 0
    kept = science.values({"plain": plain})
    assert kept["plain"]["sensitivity"][1][0] == plain[1][0]["sensitivity"].value
