"""Sensitivity is 0 where nothing moves, near 1 for a random function, and what theory says in between."""

from __future__ import annotations

import json
import math
from collections import Counter

import pytest
import torch

from invlab import representations
from invlab.networks import build
from invlab.records import key
from invlab.seeds import torch_generator
from invlab.sensitivity import Sensitivity, TwinPairs, compare_twins, derangement, measure, ratio, twin_distances
from invlab.tasks import Task, draw_classes, render
from invlab.training import Training, start

CLASSES = draw_classes("drawn", 4, seed=0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gaussian(rows: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, width, generator=generator(seed))


def compared(first: torch.Tensor, second: torch.Tensor, seed: int = 0) -> dict:
    return compare_twins(first, second, generator(seed), generator(seed + 1))


def spec(families: tuple[str, ...], seed: int = 0, pairs: int = 80) -> Sensitivity:
    task = Task(CLASSES, families, backgrounds="black")
    return Sensitivity(Training(task, epochs=0), task, pairs, seed)


def network() -> torch.nn.Module:
    return build("labnet", 4, generator(1))


# -------------------------------------------------------------------------------------------------------- known answers


def test_identity_transformations_score_exactly_0() -> None:
    found = measure(network(), spec(()), "cpu")
    assert found["sensitivity"] == 0
    assert found["interval"] == [0, 0]
    assert found["cka"] == pytest.approx(1, abs=1e-9)
    assert found["cosine"] > 1  # twins are more alike than strangers


def test_a_random_representation_scores_near_1() -> None:
    found = compared(gaussian(2000, 64, 1), gaussian(2000, 64, 2))
    assert found["sensitivity"] == pytest.approx(1, abs=0.02)
    assert found["cka"] < 0.1


def test_an_invariant_representation_scores_0() -> None:
    first = gaussian(500, 8, 3)
    found = compared(first, first.clone())
    assert found["sensitivity"] == 0
    assert found["interval"] == [0, 0]
    assert found["cka"] == pytest.approx(1)


def test_a_constant_representation_counts_as_invariant() -> None:
    constant = torch.full((50, 6), 0.3)
    found = compared(constant, constant.clone())
    assert (found["sensitivity"], found["interval"]) == (0, [0, 0])
    assert found["cka"] == 0
    assert all(math.isfinite(found[name]) for name in ("cosine", "dot"))
    zeros = compared(torch.zeros(50, 6), torch.zeros(50, 6))
    assert [zeros[name] for name in ("sensitivity", "cosine", "dot", "cka")] == [0, 0, 0, 0]


def chi_mean(freedom: int) -> float:
    """The mean length of a standard normal vector."""
    return math.sqrt(2) * math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))


@pytest.mark.parametrize(("object_width", "transformation_width"), [(6, 2), (3, 3), (1, 9)])
def test_a_mixture_of_an_object_part_and_a_transformation_part(object_width: int, transformation_width: int) -> None:
    """Twins share the object's normal numbers and differ in the transformation's; strangers differ in both."""
    rows = 4000
    shared = gaussian(rows, object_width, 4)
    twins = [torch.cat([shared, gaussian(rows, transformation_width, seed)], 1) for seed in (5, 6)]
    expected = chi_mean(transformation_width) / chi_mean(object_width + transformation_width)
    found = compared(*twins)
    assert found["sensitivity"] == pytest.approx(expected, abs=0.02)
    low, high = found["interval"]
    assert low < expected < high


def test_the_ratio_of_similarities() -> None:
    """cos and dot of twins: shared normal numbers beside fresh ones, on a common offset that strangers share."""
    rows, offset = 4000, 2.0
    shared = gaussian(rows, 4, 7) + offset
    twins = [torch.cat([shared, gaussian(rows, 4, seed)], 1) for seed in (8, 9)]
    found = compared(*twins)
    # Twins: Σ E[(z + 2)²] = 4 · 5 = 20. Strangers: Σ 2 · 2 = 16.
    assert found["dot"] == pytest.approx(20 / 16, abs=0.05)
    assert found["dot_interval"][0] < 20 / 16 < found["dot_interval"][1]
    assert found["cosine"] > 1


def test_scale_does_not_matter() -> None:
    first, second = gaussian(300, 5, 10), gaussian(300, 5, 11)
    small, large = compared(first * 1e-3, second * 1e-3), compared(first * 1e3, second * 1e3)
    for name in ("sensitivity", "cosine", "dot", "cka"):
        assert small[name] == pytest.approx(large[name], rel=1e-4)


# ----------------------------------------------------------------------------------------------------------- the oracle


def slow_measures(first: torch.Tensor, second: torch.Tensor, strangers: torch.Generator) -> dict[str, float]:
    """The definition, one pair after the other."""
    a, b = first.tolist(), second.tolist()
    partner = derangement(len(a), strangers).tolist()

    def dot(x: list[float], y: list[float]) -> float:
        return sum(p * q for p, q in zip(x, y, strict=True))

    def cosine(x: list[float], y: list[float]) -> float:
        return dot(x, y) / math.sqrt(dot(x, x) * dot(y, y))

    found = {}
    for name, distance in (("sensitivity", math.dist), ("cosine", cosine), ("dot", dot)):
        moved = sum(distance(a[i], b[i]) for i in range(len(a))) / len(a)
        apart = sum(distance(a[i], a[partner[i]]) for i in range(len(a))) / len(a)
        found[name] = moved / apart
    return found


def test_against_a_slow_oracle() -> None:
    first = gaussian(200, 12, 12) + 1
    second = first + 0.3 * gaussian(200, 12, 13)
    found = compare_twins(first, second, generator(14), generator(15))
    for name, value in slow_measures(first, second, generator(14)).items():
        assert found[name] == pytest.approx(value, rel=1e-5)
    assert found["pairs"] == 200


def test_measure_takes_twins_of_the_tasks_test_images() -> None:
    what, net = spec(("rotate", "hue"), seed=3), network().eval()
    found = measure(net, what, "cpu")
    with torch.no_grad():
        twins = [net.features(render(what.task, "test", range(80), twin=twin).images) for twin in (0, 1)]
    for name, value in slow_measures(*twins, torch_generator("strangers", 3)).items():
        assert found[name] == pytest.approx(value, rel=1e-4)
    assert found["sensitivity"] > 0.1


def test_representations_are_taken_once_for_each_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    represent = representations.represent
    monkeypatch.setattr(representations, "represent", lambda *of: calls.append(len(of[1])) or represent(*of))
    measure(network(), spec(("rotate",)), "cpu")
    assert calls == [80, 80]


# ----------------------------------------------------------------------------------------------------------- generators


def test_the_same_seeds_give_the_same_numbers() -> None:
    first, second = gaussian(100, 5, 16), gaussian(100, 5, 17)
    before = torch.random.get_rng_state()
    once = compare_twins(first, second, generator(1), generator(2))
    assert compare_twins(first, second, generator(1), generator(2)) == once
    assert torch.equal(before, torch.random.get_rng_state())
    other_strangers = compare_twins(first, second, generator(3), generator(2))
    other_bootstrap = compare_twins(first, second, generator(1), generator(3))
    assert other_strangers["sensitivity"] != once["sensitivity"]
    assert other_bootstrap["sensitivity"] == once["sensitivity"]
    assert other_bootstrap["interval"] != once["interval"]


def test_measure_is_a_function_of_the_spec() -> None:
    once = measure(network(), spec(("rotate",)), "cpu")
    assert measure(network(), spec(("rotate",)), "cpu") == once
    assert measure(network(), spec(("rotate",), seed=1), "cpu")["sensitivity"] != once["sensitivity"]
    assert json.loads(json.dumps(once, allow_nan=False)) == once


def test_intervals_contain_their_estimates() -> None:
    for seed in range(5):
        found = compared(gaussian(200, 6, 20 + seed) + 0.5, gaussian(200, 6, 30 + seed) + 0.5, seed)
        for name, interval in (("sensitivity", "interval"), ("cosine", "cosine_interval"), ("dot", "dot_interval")):
            low, high = found[interval]
            assert low < found[name] < high


# ----------------------------------------------------------------------------------------------------------- re-pairing


@pytest.mark.parametrize("n", [2, 3, 4, 7, 100, 1001])
def test_a_derangement_leaves_no_row_with_itself(n: int) -> None:
    for seed in range(20):
        partner = derangement(n, generator(seed))
        assert sorted(partner.tolist()) == list(range(n))
        assert (partner != torch.arange(n)).all()


def test_every_partner_is_as_likely() -> None:
    draws, n, repeats = generator(0), 5, 4000
    counts = Counter((i, p) for _ in range(repeats) for i, p in enumerate(derangement(n, draws).tolist()))
    assert len(counts) == n * (n - 1)
    # Each is binomial(4000, 1/4): 1000 ± 27.
    assert all(abs(count - repeats / (n - 1)) < 5 * 27.4 for count in counts.values())


def test_a_derangement_depends_on_its_generator() -> None:
    assert torch.equal(derangement(50, generator(1)), derangement(50, generator(1)))
    assert not torch.equal(derangement(50, generator(1)), derangement(50, generator(2)))


@pytest.mark.parametrize("n", [0, 1])
def test_one_image_has_no_stranger(n: int) -> None:
    with pytest.raises(ValueError, match=f"{n} image cannot be re-paired: at least two"):
        derangement(n, generator())


def test_ratio() -> None:
    assert ratio(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 6.0])) == 0.5
    assert ratio(torch.zeros(3), torch.zeros(3)) == 0
    assert ratio(torch.tensor([-1.0, -1.0]), torch.tensor([2.0, 2.0])) == -0.5


def test_too_few_pairs() -> None:
    with pytest.raises(ValueError, match="pairs 1: at least two are needed"):
        spec((), pairs=1)


def test_every_field_is_in_the_key() -> None:
    keys = {key(s) for s in (spec(()), spec(("hue",)), spec((), seed=1), spec((), pairs=81))}
    assert len(keys) == 4


# ------------------------------------------------------------------------------------------------------ pair by pair


@pytest.mark.parametrize("redraw", ["transformations", "background"])
def test_the_pairs_behind_a_sensitivity_have_it_as_their_mean(redraw: str) -> None:
    training = Training(Task((3, 29), backgrounds="random"), images=64, batch=32)
    task = Task((5, 40), ("h_flip", "hue"), backgrounds="random", seed=2)
    network = start(training, "cpu")
    whole = measure(network, Sensitivity(training, task, 60, 4, redraw), "cpu")
    pairs = twin_distances(network, TwinPairs(training, task, 60, 4, redraw), "cpu")
    assert sum(pairs["moved"]) / 60 == pytest.approx(whole["sensitivity"], rel=1e-4)
    assert sum(pairs["apart"]) / 60 == pytest.approx(1, rel=1e-5)
    assert pairs["identical"] == []


def test_pairs_of_one_picture_are_named() -> None:
    training = Training(Task((3, 29), backgrounds="black"), images=64, batch=32)
    task = Task((5, 40), ("invert",), backgrounds="black")
    pairs = twin_distances(start(training, "cpu"), TwinPairs(training, task, 60), "cpu")
    first, second = (render(task, "test", range(60), twin=twin).images for twin in (0, 1))
    assert pairs["identical"] == [i for i in range(60) if torch.equal(first[i], second[i])]
    assert all(pairs["moved"][i] == 0 for i in pairs["identical"])
    assert 10 < len(pairs["identical"]) < 50
