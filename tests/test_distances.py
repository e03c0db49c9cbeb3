"""Distances agree with numpy, and kernel alignment with its definition by kernels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from invlab.distances import DISTANCES, cosine, dot, euclidean, linear_cka


def gaussian(rows: int, width: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def rotation(width: int, seed: int) -> torch.Tensor:
    return torch.linalg.qr(gaussian(width, width, seed))[0]


def slow_cka(a: torch.Tensor, b: torch.Tensor) -> float:
    """HSIC(K, L) / √(HSIC(K, K) · HSIC(L, L)) with K = XXᵀ and the centring matrix H, as first defined."""
    n = len(a)
    centring = np.eye(n) - np.ones((n, n)) / n
    k, m = (x.double().numpy() @ x.double().numpy().T for x in (a, b))

    def hsic(p: np.ndarray, q: np.ndarray) -> float:
        return np.trace(p @ centring @ q @ centring) / (n - 1) ** 2

    return hsic(k, m) / np.sqrt(hsic(k, k) * hsic(m, m))


def test_the_table_against_numpy() -> None:
    a, b = gaussian(50, 7, 0), gaussian(50, 7, 1)
    x, y = a.double().numpy(), b.double().numpy()
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    expected = {
        "l2": np.linalg.norm(x - y, axis=1),
        "cosine": (x * y).sum(1) / lengths,
        "dot": (x * y).sum(1),
    }
    assert set(DISTANCES) == set(expected)
    for name, distance in DISTANCES.items():
        found = distance(a, b)
        assert found.shape == (50,)
        np.testing.assert_allclose(found.numpy(), expected[name], rtol=1e-4, atol=1e-5)


def test_known_distances() -> None:
    a, b = torch.tensor([[3.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.0, 4.0], [2.0, 2.0]])
    assert euclidean(a, b).tolist() == pytest.approx([5.0, 2**0.5])
    assert cosine(a, b).tolist() == pytest.approx([0.0, 1.0])
    assert dot(a, b).tolist() == pytest.approx([0.0, 4.0])


def test_the_cosine_knows_no_length() -> None:
    a, b = gaussian(20, 5, 2), gaussian(20, 5, 3)
    assert torch.allclose(cosine(a, b), cosine(a * 1e-8, b * 1e4), atol=1e-5)
    assert torch.allclose(cosine(a, -a), torch.full((20,), -1.0), atol=1e-6)


def test_the_cosine_of_a_zero_row_is_zero() -> None:
    assert cosine(torch.zeros(2, 3), torch.ones(2, 3)).tolist() == [0.0, 0.0]
    assert cosine(torch.zeros(1, 3), torch.zeros(1, 3)).tolist() == [0.0]


def test_alignment_against_its_definition() -> None:
    a = gaussian(40, 6, 4)
    for b in (gaussian(40, 9, 5), a[:, :3] + 0.5 * gaussian(40, 3, 6), a.square(), a + 100):
        assert linear_cka(a, b) == pytest.approx(slow_cka(a, b), rel=1e-6)


def test_alignment_is_blind_to_rotation_scale_and_place() -> None:
    a, b = gaussian(200, 8, 7), gaussian(200, 5, 8)
    assert linear_cka(a, a) == pytest.approx(1.0, abs=1e-9)
    assert linear_cka(a, a @ rotation(8, 9) * 3.7 + 11) == pytest.approx(1.0, abs=1e-6)
    assert linear_cka(a, b @ rotation(5, 10) * 0.01) == pytest.approx(linear_cka(a, b), abs=1e-6)
    assert linear_cka(a, b) == pytest.approx(linear_cka(b, a), abs=1e-12)


@pytest.mark.parametrize("scale", [1e-8, 1e-4, 1e4])
def test_alignment_of_small_and_large_representations(scale: float) -> None:
    a = gaussian(100, 8, 11)
    assert linear_cka(a * scale, a * scale) == pytest.approx(1.0, abs=1e-6)


def test_alignment_sees_a_stretch() -> None:
    a = gaussian(500, 2, 12)
    a = torch.linalg.qr(a - a.mean(0))[0]  # two directions of equal spread, uncorrelated
    stretched = a * torch.tensor([2.0, 1.0])
    # Σ s² of the shared directions over the norms of their squares: (4 + 1) / (‖(1, 1)‖ · ‖(4, 1)‖).
    assert linear_cka(a, stretched) == pytest.approx(5 / 34**0.5, abs=1e-5)
    assert linear_cka(a, a[:, :1]) == pytest.approx(1 / 2**0.5, abs=1e-5)


def test_alignment_of_strangers_is_small() -> None:
    assert linear_cka(gaussian(4000, 10, 13), gaussian(4000, 10, 14)) < 0.01


def test_alignment_with_a_constant_is_zero() -> None:
    a = gaussian(100, 4, 15)
    for constant in (
        torch.zeros(100, 4),
        torch.full((100, 4), 0.1),
        torch.tensor([[0.1, 1e5, -3.3, 7e-9]]).repeat(100, 1),
    ):
        assert linear_cka(a, constant) == 0
        assert linear_cka(constant, constant) == 0


def test_a_set_that_differs_by_rounding_alone_is_constant() -> None:
    constant = torch.full((97, 4), 0.1, dtype=torch.float64)
    constant[::2] = torch.nextafter(constant[::2], torch.ones((), dtype=torch.float64))
    assert constant.std() > 0
    assert linear_cka(constant, constant) == 0
