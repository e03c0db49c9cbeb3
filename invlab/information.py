"""What a representation still knows about a transformation: can the drawn parameter be read from it?

The other side of invariance: a representation that does not move under a family cannot tell how it was drawn. A linear
probe is fitted on some of the task's objects and tested on the others, so that it cannot learn them by heart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from invlab.intervals import ratio_bootstrap
from invlab.representations import represent_set, standardisation
from invlab.seeds import torch_generator
from invlab.tasks import Task, plan_pairs, rendered, transformation_draws
from invlab.training import Training
from invlab.transforms import Parameters, Transform, transform

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch

PENALTIES = tuple(10.0**power for power in range(-1, 8))  # of the ridge; the largest lets nothing through


@dataclass(frozen=True)
class Information:
    """Decode what the task's first transformation drew from a trained network's representation.

    The probe is fitted on images of the first half of the task's classes and tested on images of the second half.
    """

    training: Training
    task: Task
    train_images: int = 2000
    test_images: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.task.transformations:
            raise ValueError("task: it has no transformation to decode; give at least one family")
        if len(self.task.classes) < 2:
            raise ValueError("task: one class cannot be split into objects to fit on and to test on; give two or more")
        if self.train_images < 2 or self.test_images < 2:
            raise ValueError(
                f"train_images {self.train_images}, test_images {self.test_images}: give at least 2 of each"
            )

    def halves(self) -> tuple[Task, Task]:
        """The tasks of the objects to fit on and to test on."""
        classes, middle = self.task.classes, len(self.task.classes) // 2
        return replace(self.task, classes=classes[:middle]), replace(self.task, classes=classes[middle:])


def decode(network: Network, spec: Information, device: str) -> dict[str, Any]:
    """`decodability`: R², the share of the drawn value's variance on test images that a ridge regression explains.

    1 = the draw can be read without error, 0 = no better than without looking, below 0 = worse: what was learned on
    some objects misleads on others. An angle counts as a point of the circle, a switch as 0 or 1; for a switch
    `over_chance` is the accuracy of naming it, rescaled so that always naming its more frequent state is 0, else None.
    `interval`: 95 %, bootstrap over test images.
    """
    kind = transform(spec.task.transformations[0])
    sides = []
    for task, split, count in zip(spec.halves(), ("train", "test"), (spec.train_images, spec.test_images), strict=True):
        indices = torch.arange(count, device=device)
        drawn = transformation_draws(task, split, indices, device=device)[0]
        objects = plan_pairs(task, split, indices, device).labels
        seen = represent_set(network, rendered.parts(task, split, count, device=device)).features
        sides.append((seen.cpu().double(), values(kind, drawn).cpu(), objects.cpu()))
    (train, train_values, objects), (test, test_values, _) = sides
    predicted = ridge(train, train_values, objects)(test)
    left = (predicted - test_values).square().sum(1)
    whole = (test_values - test_values.mean(0)).square().sum(1)
    low, high = ratio_bootstrap(left, whole, torch_generator("bootstrap", spec.seed))
    found = {"decodability": 1 - float(left.sum() / whole.sum()), "interval": [1 - high, 1 - low], "over_chance": None}
    if kind.varies == "switch":
        right = float(((predicted > 0.5) == (test_values > 0.5)).double().mean())
        chance = max(share := float(test_values.mean()), 1 - share)
        found["over_chance"] = (right - chance) / (1 - chance) if chance < 1 else 0.0
    return found


def values(kind: Transform, parameters: Parameters) -> torch.Tensor:
    """float64 (N, K): what is to be decoded: an angle as its cosine and sine, a switch as 0 or 1, amounts scaled to
    their ranges."""
    if kind.varies == "switch":
        return kind.label_of(parameters).double()[:, None]
    if kind.varies == "angle":
        axis = kind.axes[0]
        angle = parameters[axis.parameter].double() * (2 * math.pi / (axis.high - axis.low))
        return torch.stack([angle.cos(), angle.sin()], 1)
    return torch.stack([parameters[a.parameter].double() / (a.high - a.low) for a in kind.axes], 1)


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted linear regression; call it with features (N, W) to get values (N, K)."""

    mean: torch.Tensor  # (W,)
    scale: torch.Tensor  # (W,)
    weights: torch.Tensor  # (W, K)
    bias: torch.Tensor  # (K,)
    penalty: float

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        return (features - self.mean) / self.scale @ self.weights + self.bias


def ridge(
    features: torch.Tensor, targets: torch.Tensor, groups: torch.Tensor, penalties: tuple[float, ...] = PENALTIES
) -> Ridge:
    """Ridge regression of targets (N, K) on standardised features (N, W), both float64.

    Of the penalties (of the squared weights, beside the summed squared errors) the one is taken that predicts a group
    (int64 (N,), here an object) best when it is left out whole: what is learned must carry over to other objects.
    Leaving a group out takes its part out of the Gram matrix, so each costs one eigendecomposition of W × W.
    """
    mean, scale = standardisation(features)
    x, bias = (features - mean) / scale, targets.mean(0)
    y = targets - bias
    gram, cross = x.T @ x, x.T @ y
    losses = torch.zeros(len(penalties), dtype=torch.float64)
    for group in groups.unique():
        out = groups == group
        eigenvalues, vectors = torch.linalg.eigh(gram - x[out].T @ x[out])
        rotated, seen = vectors.T @ (cross - x[out].T @ y[out]), x[out] @ vectors
        for place, penalty in enumerate(penalties):
            predicted = seen @ (rotated / (eigenvalues.clamp(min=0) + penalty)[:, None])
            losses[place] += (predicted - y[out]).square().sum()
    penalty = penalties[int(losses.argmin())]
    weights = torch.linalg.solve(gram + penalty * torch.eye(len(gram), dtype=gram.dtype), cross)
    return Ridge(mean, scale, weights, bias, penalty)
