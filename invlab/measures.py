"""Other people's measures of invariance beside our own, on the same representations of the same images.

All start from `activations` (N, K, W): N images, each under K draws of a transformation, W features. They differ in
what they compare with: variance between images, a unit's firing threshold, or the covariance of the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invlab.distances import cosine, euclidean, linear_cka
from invlab.representations import represent
from invlab.seeds import torch_generator
from invlab.sensitivity import derangement, ratio
from invlab.tasks import Task, render
from invlab.training import Training

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch

FIRES = 0.01  # of all inputs: a unit's global firing rate, as Goodfellow et al. have it
BEST_UNITS = 0.2  # whose scores are averaged
SHRINK = 1e-3  # of the mean eigenvalue, added to a covariance before it is inverted


@dataclass(frozen=True)
class Measures:
    """Every measure for a trained network on a task's test images, each under several draws of its transformations."""

    training: Training
    task: Task
    images: int = 100
    draws: int = 12
    seed: int = 0

    def __post_init__(self) -> None:
        if self.images < 3 or self.draws < 2:
            raise ValueError(f"images {self.images}, draws {self.draws}: give at least 3 images and 2 draws of each")


def measure_all(network: Network, spec: Measures, device: str) -> dict[str, Any]:
    """The value of each of `MEASURES`."""
    rows = torch.arange(spec.images)
    drawn = [render(spec.task, "test", rows, epoch, device=device).images for epoch in range(spec.draws)]
    activations = torch.stack([represent(network, images).cpu().double() for images in drawn], 1)
    partner = derangement(spec.images, torch_generator("strangers", spec.seed))
    return {name: how.compute(activations, partner) for name, how in MEASURES.items()}


# ------------------------------------------------------------------------------------------------------ one by one


def l2_ratio(activations: torch.Tensor, partner: torch.Tensor) -> float:
    """Our headline: mean distance of twins over that of strangers (Speicher, Nanda, Gummadi, TMLR 2024). 0 = invariant.

    Twins are an image's neighbouring draws, strangers the draws of another image, given by `partner` (int64, (N,)).
    """
    first, second = activations[:, :-1].flatten(0, 1), activations[:, 1:].flatten(0, 1)
    return ratio(euclidean(first, second), euclidean(first, activations[partner][:, 1:].flatten(0, 1)))


def transformation_variance(activations: torch.Tensor) -> torch.Tensor:
    """(W,): of each unit the variance over an image's draws, mean over images.

    F. Quiroga, J. Torrents-Barrena, L. Lanzarini, D. Puig-Valls: Invariance Measures for Neural Networks (2023).
    """
    return activations.var(1).mean(0)


def sample_variance(activations: torch.Tensor) -> torch.Tensor:
    """(W,): of each unit the variance over images under the same draw, mean over draws (Quiroga et al.)."""
    return activations.var(0).mean(0)


def normalised_variance(activations: torch.Tensor) -> float:
    """Transformation variance over sample variance, mean over units (Quiroga et al.). 0 = invariant; about 1 = a draw
    changes as much as another image does. Units that never change are left out; 0 where none does."""
    between = sample_variance(activations)
    alive = between > 1e-12 * between.max().clamp(min=1e-30)
    if not alive.any():
        return 0.0
    return float((transformation_variance(activations)[alive] / between[alive]).mean())


def firing_score(activations: torch.Tensor, fires: float = FIRES, best: float = BEST_UNITS) -> float:
    """How often a unit that fires for an image still fires under other draws of it, over how often it fires at all;
    mean over the best fifth of the units. 1 = as for any image, 1 / `fires` = always.

    I. Goodfellow, Q. Le, A. Saxe, H. Lee, A. Ng: Measuring Invariances in Deep Networks (NIPS 2009). A unit fires above
    the threshold that a share `fires` of all inputs exceeds; of it and its negative the better one counts.
    """
    scores = torch.stack([_firing_scores(sign * activations, fires) for sign in (1, -1)]).amax(0)
    count = max(1, round(best * len(scores)))
    return float(scores.sort(descending=True).values[:count].mean())


def _firing_scores(activations: torch.Tensor, fires: float) -> torch.Tensor:
    """(W,): local over global firing rate, 0 for a unit that fires for no image."""
    flat = activations.flatten(0, 1)
    firing = (activations > flat.quantile(1 - fires, dim=0)).double()  # (N, K, W)
    draws = firing.shape[1]
    # A unit's own images: each firing draw counts, and asks how many of the image's other draws fire too.
    together = firing.sum(1)  # (N, W)
    others = (together * (together - 1)).sum(0) / (draws - 1)
    own, overall = together.sum(0), firing.mean((0, 1))
    return torch.where(own > 0, others / own.clamp(min=1) / overall.clamp(min=1e-12), 0.0)


def whitened_cosine(activations: torch.Tensor) -> float:
    """Mean cosine of an image's first draw and its others, features centred and whitened. 1 = invariant, 0 = unrelated.

    L. Ericsson, H. Gouk, T. Hospedales: Why Do Self-Supervised Models Transfer? (2021). Whitening keeps a few features
    of large variance from deciding alone. The covariance is shrunk by `SHRINK` of its mean eigenvalue.
    """
    flat = activations.flatten(0, 1)
    centred = flat - flat.mean(0)
    covariance = centred.T @ centred / len(flat)
    floor = SHRINK * covariance.diagonal().mean()
    if not floor > 0:
        return 1.0  # a constant representation is invariant
    factor = torch.linalg.cholesky(covariance + floor * torch.eye(len(covariance), dtype=covariance.dtype))
    white = torch.linalg.solve_triangular(factor, centred.T, upper=False).T.view_as(activations)
    first = white[:, :1].expand(-1, white.shape[1] - 1, -1)
    return float(cosine(first.flatten(0, 1), white[:, 1:].flatten(0, 1)).mean())


def draws_cka(activations: torch.Tensor) -> float:
    """Linear CKA of the images under one draw and under the next, mean over draws (Kornblith et al. 2019), 0 … 1."""
    pairs = zip(activations[:, :-1].unbind(1), activations[:, 1:].unbind(1), strict=True)
    values = [linear_cka(a, b) for a, b in pairs]
    return sum(values) / len(values)


@dataclass(frozen=True)
class How:
    """A measure: its name and source for people, whether larger is more invariant, and the function."""

    title: str
    source: str
    compares: str  # in one sentence: what a change is held against
    larger_is_invariant: bool
    compute: Any  # (activations, partner) -> float


MEASURES: dict[str, How] = {
    "l2": How(
        "ℓ2 ratio",
        "Speicher, Nanda, Gummadi, TMLR 2024",
        "How far twins lie apart, against how far two random images lie apart.",
        False,
        l2_ratio,
    ),
    "normalised_variance": How(
        "normalised variance",
        "Quiroga, Torrents-Barrena, Lanzarini, Puig-Valls 2023",
        "Unit by unit: the variance over draws, against the variance over images; every unit counts the same.",
        False,
        lambda activations, partner: normalised_variance(activations),
    ),
    "firing": How(
        "firing score",
        "Goodfellow, Le, Saxe, Lee, Ng, NIPS 2009",
        "Whether the units that an image drives most still fire under other draws; the best fifth of units counts.",
        True,
        lambda activations, partner: firing_score(activations),
    ),
    "whitened_cosine": How(
        "whitened cosine",
        "Ericsson, Gouk, Hospedales 2021",
        "The angle between twins once all features have the same variance and none repeats another.",
        True,
        lambda activations, partner: whitened_cosine(activations),
    ),
    "cka": How(
        "CKA",
        "Kornblith, Norouzi, Lee, Hinton, ICML 2019",
        "Whether the images lie the same way to each other under one draw and under another.",
        True,
        lambda activations, partner: draws_cka(activations),
    ),
}
