"""Other people's measures: the two ends, what theory says in between, and what each of them does not care about."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from invlab import measures, runs
from invlab.measures import FIRES, MEASURES, Measures
from invlab.seeds import torch_generator
from invlab.sensitivity import derangement
from invlab.store import Store
from invlab.tasks import Task, draw_classes
from invlab.training import Training

N, K, W = 300, 8, 20
PARTNER = derangement(N, torch_generator("strangers", 0))
TASK = Task(draw_classes("drawn", 4, seed=0), ("rotate",), backgrounds="black")
TRAINING = Training(TASK, images=64, batch=32)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moved(sigma: float) -> torch.Tensor:
    """Images a unit apart, whose draws scatter by sigma."""
    return noise(N, 1, W) + sigma * noise(N, K, W, seed=1)


def all_of(activations: torch.Tensor) -> dict[str, float]:
    return {name: how.compute(activations, PARTNER) for name, how in MEASURES.items()}


# -------------------------------------------------------------------------------------------------------- known answers


def test_a_representation_that_does_not_move_is_invariant_by_all() -> None:
    found = all_of(noise(N, 1, W).expand(N, K, W).contiguous())
    assert found["l2"] == found["normalised_variance"] == 0
    assert found["firing"] == pytest.approx(1 / FIRES, rel=0.02)
    assert found["whitened_cosine"] == pytest.approx(1)
    assert found["cka"] == pytest.approx(1)


def test_a_representation_that_does_not_know_its_image_is_not_invariant_by_any() -> None:
    found = all_of(noise(N, K, W))
    assert found["l2"] == pytest.approx(1, abs=0.02)
    assert found["normalised_variance"] == pytest.approx(1, abs=0.02)
    assert found["firing"] < 4  # 1 in the mean; the best fifth of few units is above it
    assert found["whitened_cosine"] == pytest.approx(0, abs=0.02)
    assert found["cka"] < 0.15


@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_in_between_they_say_what_theory_says(sigma: float) -> None:
    found, noise_share = all_of(moved(sigma)), sigma**2 / (1 + sigma**2)
    assert found["normalised_variance"] == pytest.approx(noise_share, rel=0.05)
    assert found["l2"] == pytest.approx(math.sqrt(noise_share), rel=0.03)
    assert found["whitened_cosine"] == pytest.approx(1 - noise_share, abs=0.03)


def test_all_agree_on_which_of_two_is_more_invariant() -> None:
    calm, lively = all_of(moved(0.2)), all_of(moved(0.8))
    for name, how in MEASURES.items():
        assert (calm[name] > lively[name]) == how.larger_is_invariant


def test_a_constant_representation_is_invariant() -> None:
    found = all_of(torch.ones(N, K, W, dtype=torch.float64))
    assert found["l2"] == found["normalised_variance"] == 0
    assert found["whitened_cosine"] == 1
    assert all(map(math.isfinite, found.values()))


# ----------------------------------------------------------------------------------------------- one by one, and slowly


def test_variances_are_numpys() -> None:
    a = moved(0.5)
    expected = np.array([np.mean([a[n, :, w].numpy().var(ddof=1) for n in range(N)]) for w in range(W)])
    np.testing.assert_allclose(measures.transformation_variance(a).numpy(), expected)
    expected = np.array([np.mean([a[:, k, w].numpy().var(ddof=1) for k in range(K)]) for w in range(W)])
    np.testing.assert_allclose(measures.sample_variance(a).numpy(), expected)


def test_the_normalised_variance_does_not_care_about_a_units_scale() -> None:
    a = moved(0.5)
    scaled = a * torch.logspace(-3, 3, W, dtype=torch.float64)
    assert measures.normalised_variance(scaled) == pytest.approx(measures.normalised_variance(a))
    dead = torch.cat([a, torch.zeros(N, K, 3, dtype=torch.float64)], 2)
    assert measures.normalised_variance(dead) == pytest.approx(measures.normalised_variance(a))
    assert abs(measures.l2_ratio(a * torch.arange(W), PARTNER) - measures.l2_ratio(a, PARTNER)) > 1e-4


def test_the_whitened_cosine_does_not_care_about_a_linear_map() -> None:
    a = moved(0.5)
    mixed = a @ (noise(W, W, seed=4) + 2 * torch.eye(W, dtype=torch.float64)) + 5
    assert measures.whitened_cosine(mixed) == pytest.approx(measures.whitened_cosine(a), abs=0.02)


def test_firing_is_counted_draw_by_draw() -> None:
    """A unit that fires for all draws of one image in a hundred; one that fires for one draw of eight each."""
    faithful, fickle = torch.zeros(800, 8, dtype=torch.float64), torch.zeros(800, 8, dtype=torch.float64)
    faithful[:8] = 1
    fickle[:64, 0] = 1
    both = torch.stack([faithful, fickle], 2)
    assert measures._firing_scores(both, 0.0100001).tolist() == pytest.approx([100, 0])
    half = torch.zeros(800, 8, 1, dtype=torch.float64)
    half[:16, :4] = 1  # four of eight draws: each has three others of seven
    assert measures._firing_scores(half, 0.0100001).tolist() == pytest.approx([100 * 3 / 7])


def test_the_cka_is_one_for_a_turned_representation() -> None:
    turn = torch.linalg.qr(noise(W, W, seed=5)).Q
    a = noise(N, 1, W)
    assert measures.draws_cka(torch.cat([a, a @ turn], 1)) == pytest.approx(1)
    assert measures.l2_ratio(torch.cat([a, a @ turn], 1), PARTNER) > 0.9


# ----------------------------------------------------------------------------------------------------------- as a spec


def test_they_are_measured_and_stored(tmp_path) -> None:
    store = Store(tmp_path)
    found = runs.execute(Measures(TRAINING, TASK, 12, 3), store)["result"]
    assert set(found) == set(MEASURES)
    assert all(map(math.isfinite, found.values()))
    still = runs.execute(Measures(TRAINING, Task(TASK.classes, (), backgrounds="black"), 12, 3), store)["result"]
    assert still["l2"] == still["normalised_variance"] == 0
    assert still["cka"] == pytest.approx(1)
    store.close()


@pytest.mark.parametrize("change", [{"images": 2}, {"draws": 1}])
def test_bad_input_gets_one_sentence(change: dict) -> None:
    with pytest.raises(ValueError, match="give at least 3 images and 2 draws of each"):
        Measures(TRAINING, TASK, **change)
