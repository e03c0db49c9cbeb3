"""How far apart representations are, and how alike two sets of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:
    from invlab.lazy import F, torch

EPSILON = 1e-12
ROWS = 16_384  # at once, where a measure goes through many

Distance = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]


def euclidean(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(N,): ‖a − b‖₂ of the rows of two (N, W)."""
    return (a - b).norm(dim=1)


def cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(N,): the cosine of the angle between rows, in [−1, 1]; 0 where a row is zero."""
    return dot(F.normalize(a, dim=1, eps=EPSILON), F.normalize(b, dim=1, eps=EPSILON))


def dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(N,): the scalar product of the rows."""
    return (a * b).sum(1)


def by_rows(distance: Distance, a: torch.Tensor, b: torch.Tensor, partner: torch.Tensor | None = None) -> torch.Tensor:
    """(N,): `distance` of the rows of a and b, both (N, W), or of a and b[partner] (int64, (N,)), some rows at a time:
    what a distance holds beside its arguments stays small."""
    parts = zip(
        a.split(ROWS), b.split(ROWS) if partner is None else map(b.__getitem__, partner.split(ROWS)), strict=True
    )
    return torch.cat([distance(*part) for part in parts])


def linear_cka(a: torch.Tensor, b: torch.Tensor) -> float:
    """Linear centred kernel alignment of two sets of representations of the same images, in [0, 1].

    From Kornblith, Norouzi, Lee and Hinton, Similarity of Neural Network Representations Revisited (ICML 2019): 1 where
    one is a rotation and uniform scaling of the other; 0 where a set is constant.
    """
    shared, own_a, own_b = (_product(x, y).norm() for x, y in ((a, b), (a, a), (b, b)))
    rounding = (EPSILON * _length(a) * _length(b)) ** 2  # what centring leaves of a constant set
    own = float(own_a * own_b)
    return float(shared**2) / own if own > rounding else 0.0


def _product(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """float64 (W, V): aᵀ b of two centred sets (N, W), (N, V)."""
    middle_a, middle_b = _mean(a), _mean(b)
    product = torch.zeros(a.shape[1], b.shape[1], dtype=torch.float64, device=a.device)
    for x, y in zip(a.split(ROWS), b.split(ROWS), strict=True):
        product += (x.double() - middle_a).T @ (y.double() - middle_b)
    return product


def _mean(a: torch.Tensor) -> torch.Tensor:
    """float64 (W,): of the rows."""
    return torch.stack([part.double().sum(0) for part in a.split(ROWS)]).sum(0) / len(a)


def _length(a: torch.Tensor) -> float:
    """The Frobenius norm."""
    return math.sqrt(sum(float(part.double().square().sum()) for part in a.split(ROWS)))


DISTANCES: dict[str, Distance] = {
    "l2": euclidean,
    "cosine": cosine,
    "dot": dot,
}
