"""How far apart representations are, and how alike two sets of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:
    from invlab.lazy import F, torch

EPSILON = 1e-12

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


def linear_cka(a: torch.Tensor, b: torch.Tensor) -> float:
    """Linear centred kernel alignment of two sets of representations of the same images, in [0, 1].

    From Kornblith, Norouzi, Lee and Hinton, Similarity of Neural Network Representations Revisited (ICML 2019): 1 where
    one is a rotation and uniform scaling of the other; 0 where a set is constant.
    """
    a, b = a.double(), b.double()
    rounding = (EPSILON * a.norm() * b.norm()) ** 2  # what centring leaves of a constant set
    a, b = a - a.mean(0), b - b.mean(0)
    shared = (a.T @ b).square().sum()
    own = (a.T @ a).norm() * (b.T @ b).norm()
    return float(shared / own) if own > rounding else 0.0


DISTANCES: dict[str, Distance] = {
    "l2": euclidean,
    "cosine": cosine,
    "dot": dot,
}
