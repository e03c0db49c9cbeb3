"""Transfer: what a linear probe can read from a frozen representation.

The probe is multinomial logistic regression on standardised features, fitted by full-batch L-BFGS (Liu and Nocedal
1989, as torch has it). Features are computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from invlab.intervals import wilson
from invlab.representations import represent
from invlab.tasks import Task, rendered
from invlab.training import Training

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F

    from invlab.networks import Network
else:
    from invlab.lazy import F, torch


@dataclass(frozen=True)
class Transfer:
    """Probe a trained network on a target task.

    penalty: of the squared weights, in the loss mean(cross-entropy) + penalty / (2 · train_images) · ‖W‖².
    """

    training: Training
    target: Task
    train_images: int = 4000
    test_images: int = 2000
    penalty: float = 1.0

    def __post_init__(self) -> None:
        if self.train_images < 2 or self.test_images < 1:
            raise ValueError(
                f"train_images {self.train_images}, test_images {self.test_images}: give at least 2 and 1 of them"
            )
        if self.penalty < 0:
            raise ValueError(f"penalty {self.penalty}: it cannot be negative")


def measure(network: Network, spec: Transfer, device: str) -> dict[str, object]:
    """`accuracy` on the target's test images, its Wilson `interval`, and `train_accuracy`."""
    train = rendered.get(spec.target, "train", spec.train_images, device=device)
    test = rendered.get(spec.target, "test", spec.test_images, device=device)
    train_features, test_features = represent(network, train.images), represent(network, test.images)
    probe = fit(train_features, train.labels, spec.target.labels, spec.penalty)
    right = int((probe(test_features) == test.labels).sum())
    return {
        "accuracy": right / len(test.labels),
        "interval": list(wilson(right, len(test.labels))),
        "train_accuracy": float((probe(train_features) == train.labels).float().mean()),
        "train_images": spec.train_images,
        "test_images": spec.test_images,
    }


@dataclass(frozen=True, eq=False)
class Probe:
    """A fitted linear classifier; call it with features (N, W) to get labels (N,)."""

    mean: torch.Tensor  # (W,)
    scale: torch.Tensor  # (W,)
    weights: torch.Tensor  # (classes, W)
    bias: torch.Tensor  # (classes,)

    def __call__(self, features: torch.Tensor) -> torch.Tensor:
        return self.scores(features).argmax(1)

    def scores(self, features: torch.Tensor) -> torch.Tensor:
        return F.linear((features - self.mean) / self.scale, self.weights, self.bias)


def fit(features: torch.Tensor, labels: torch.Tensor, classes: int, penalty: float = 1.0, steps: int = 200) -> Probe:
    """Logistic regression of labels (N,) on features (N, W).

    Features are standardised with the training set's mean and deviation; a feature that never changes is left at 0.
    """
    mean = features.mean(0)
    deviation = features.std(0, correction=0)
    scale = torch.where(deviation > 1e-6 * deviation.max().clamp(min=1e-12), deviation, torch.inf)
    x = (features - mean) / scale
    weights = torch.zeros(classes, features.shape[1], device=features.device, requires_grad=True)
    bias = torch.zeros(classes, device=features.device, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weights, bias],
        max_iter=steps,
        tolerance_grad=1e-4,  # the accuracy no longer changes below it
        tolerance_change=1e-7,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy(F.linear(x, weights, bias), labels) + penalty / (2 * len(x)) * weights.square().sum()
        value.backward()
        return value

    optimiser.step(loss)  # type: ignore[arg-type]
    return Probe(mean, scale, weights.detach(), bias.detach())
