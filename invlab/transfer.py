"""Transfer: what a linear probe can read from a frozen representation, and what full fine-tuning makes of a network.

The probe is multinomial logistic regression on standardised features, fitted by full-batch L-BFGS (Liu and Nocedal
1989, as torch has it). Features are computed once, and they are what is held of a set however large: 4 · width bytes
for each image, three times while a probe is fitted. Fine-tuning starts from the probed head.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from invlab.intervals import wilson
from invlab.representations import represent_set, standardisation
from invlab.seeds import torch_generator
from invlab.tasks import Batch, Task, rendered
from invlab.training import Training, learner, right_of

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F

    from invlab.networks import Network
else:
    from invlab.lazy import F, torch

Choose = Callable[["torch.Tensor"], Batch]


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


@dataclass(frozen=True)
class FineTuning:
    """Fine-tune a whole trained network on few target images, from the head of a probe fitted to the same images.

    The images stay as they are in every epoch: their labels are what is scarce. learning_rate: of Adam, constant.
    seed: of the order of the images.
    """

    training: Training
    target: Task
    train_images: int = 200
    test_images: int = 2000
    epochs: int = 50
    batch: int = 64
    learning_rate: float = 1e-3
    penalty: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        Transfer(self.training, self.target, self.train_images, self.test_images, self.penalty)  # its checks
        if self.epochs < 0 or self.batch < 2:
            raise ValueError(f"epochs {self.epochs}, batch {self.batch}: give 0 or more epochs, 2 or more images")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate {self.learning_rate}: give a number above 0, such as 0.001")


def measure(network: Network, spec: Transfer, device: str) -> dict[str, object]:
    """`accuracy` on the target's test images, its Wilson `interval`, and `train_accuracy`."""
    train = represent_set(network, rendered.parts(spec.target, "train", spec.train_images, device=device))
    test = represent_set(network, rendered.parts(spec.target, "test", spec.test_images, device=device))
    probe = fit(train.features, train.labels, spec.target.labels, spec.penalty)
    right = int((probe(test.features) == test.labels).sum())
    return {
        "accuracy": right / len(test.labels),
        "interval": list(wilson(right, len(test.labels))),
        "train_accuracy": float((probe(train.features) == train.labels).float().mean()),
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
    mean, scale = standardisation(features)
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


# ------------------------------------------------------------------------------------------------------ fine-tuning


def measure_tuned(
    network: Network, spec: FineTuning, device: str, report: Callable[[float], None] = lambda fraction: None
) -> dict[str, object]:
    """`accuracy` of the fine-tuned network on the target's test images, its Wilson `interval`, `train_accuracy`, and
    the `probe_accuracy` it started from. `network` itself stays as it is.

    report: called after every epoch with the share that is done; what it raises ends the work.
    """

    def share(split: str, count: int) -> float:
        return sum(right_of(tuned, part) for part in rendered.parts(spec.target, split, count, device=device)) / count

    train = represent_set(network, rendered.parts(spec.target, "train", spec.train_images, device=device))
    tuned = copy.deepcopy(network)
    tuned.head = head_of(fit(train.features, train.labels, spec.target.labels, spec.penalty))
    before = share("test", spec.test_images)
    fine_tune(tuned, rendered.chooser(spec.target, "train", spec.train_images, device), spec, report)
    right = round(share("test", spec.test_images) * spec.test_images)
    return {
        "accuracy": right / spec.test_images,
        "interval": list(wilson(right, spec.test_images)),
        "train_accuracy": share("train", spec.train_images),
        "probe_accuracy": before,
        "train_images": spec.train_images,
        "test_images": spec.test_images,
    }


def head_of(probe: Probe) -> torch.nn.Linear:
    """The probe as a linear layer that reads the features as they are: the standardisation is folded in."""
    head = torch.nn.Linear(probe.weights.shape[1], probe.weights.shape[0], device=probe.weights.device)
    weights = probe.weights / probe.scale
    with torch.no_grad():
        head.weight.copy_(weights)
        head.bias.copy_(probe.bias - weights @ probe.mean)
    return head


def fine_tune(network: Network, choose: Choose, spec: FineTuning, report: Callable[[float], None]) -> None:
    """Train every weight of `network` in place on the spec's images, which `choose` gives by their indices, in a fresh
    order each epoch.

    The last batch of an epoch takes what is left, unless that is a single image, which batch norm could not use.
    """
    learn = learner(network, spec.target.size, spec.batch)
    device = next(network.parameters()).device
    for epoch in range(spec.epochs):
        order = torch.randperm(spec.train_images, generator=torch_generator("tuning", spec.seed, epoch)).to(device)
        network.train()
        for rows in order.split(spec.batch):
            if len(rows) < 2:
                continue
            learn(choose(rows), spec.learning_rate)
        report((epoch + 1) / spec.epochs)
    network.eval()
