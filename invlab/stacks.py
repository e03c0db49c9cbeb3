"""Many small networks of one kind, trained at once in one process.

A small network leaves a GPU idle: a step is some hundred launches of kernels that each last microseconds. Here the
channels of K networks stand side by side: a convolution of each becomes one convolution in K groups, a batch norm one
over all their channels, and the heads one batched product. The loss is the sum of the networks' own, so each gets its
own gradient, and Adam moves every weight by itself. Each network learns what it would learn alone, up to rounding.

It holds for networks whose layers keep channels apart from each other: convolutions, batch norm, pooling, ReLU, sums.
One that concatenates channels (DenseNet) or mixes them otherwise (ViT) is refused.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from invlab.networks import Network
from invlab.tasks import Batch, render
from invlab.training import Progress, Training, batches, low_precision, rate, split, together

SMALL = ("labnet", "resnet18-small", "resnet50-small", "vgg11-small")  # of which one leaves a GPU idle
STACKABLE = (*SMALL, "resnet18", "resnet50", "vgg11")


def alike(training: Training) -> tuple[object, ...] | None:
    """Trainings of which this is the same can learn in one stack; None where the network cannot be stacked.

    The tasks may differ in all but the size of the images and the number of labels, and so may the seeds.
    """
    if training.network not in STACKABLE or training.epochs == 0:
        return None
    return (
        training.network,
        training.task.size,
        training.task.labels,
        training.images,
        training.epochs,
        training.batch,
        training.learning_rate,
        training.schedule,
        training.precision,
    )


def kind(training: Training) -> tuple[object, ...] | None:
    """As `alike`, for networks so small that a stack of them is worth its memory; None for others."""
    return alike(training) if training.network in SMALL else None


def groups(trainings: Sequence[Training], most: int) -> Iterator[list[Training]]:
    """The trainings in stacks of at most `most`, each alone that cannot be stacked or is of a large network; in the
    order of their first."""
    found: dict[object, list[Training]] = {}
    for number, training in enumerate(trainings):
        found.setdefault(kind(training) or number, []).append(training)
    for members in found.values():
        for first in range(0, len(members), most):
            yield members[first : first + most]


def units(
    specs: Sequence[Any], most: int, may: Callable[[Training], bool] = lambda training: True
) -> list[tuple[Any, ...]]:
    """What is executed at a time: stacks of at most `most` of the trainings that `may` learn in one, then every other
    spec alone, in their order."""
    free = [spec for spec in dict.fromkeys(specs) if isinstance(spec, Training) and may(spec)] if most > 1 else []
    stacked = [tuple(group) for group in groups(free, most) if len(group) > 1]
    together = {spec for group in stacked for spec in group}
    return stacked + [(spec,) for spec in specs if spec not in together]


def train_together(networks: Sequence[Network], trainings: Sequence[Training], device: str) -> Iterator[list[Progress]]:
    """Train `networks` in place, each as its own training says, yielding the progress of all after every step.

    images_per_second and seconds are those of the whole stack. Raises ValueError for trainings that are not alike.
    """
    kinds = {alike(training) for training in trainings}
    if len(kinds) != 1 or None in kinds or len(networks) != len(trainings):
        raise ValueError("networks: only those of one kind, trained in the same number of equal steps, learn together")
    spec, began = trainings[0], time.perf_counter()
    stack = Stack(networks).train()
    optimiser = torch.optim.Adam(stack.parameters(), lr=spec.learning_rate, fused=True)
    for step, batch in enumerate(pictures(trainings, device), 1):
        for group in optimiser.param_groups:
            group["lr"] = rate(spec, step)
        with low_precision(spec.precision, device):
            scores = stack(batch.images).float()
        losses = F.cross_entropy(scores.transpose(1, 2), batch.labels, reduction="none").mean(1)
        optimiser.zero_grad()
        losses.sum().backward()
        optimiser.step()
        right = (scores.argmax(2) == batch.labels).float().mean(1)
        seconds, images = time.perf_counter() - began, step * spec.batch
        told = zip(losses.tolist(), right.tolist(), strict=True)
        yield [
            Progress(step, spec.steps, images, loss, accuracy, len(networks) * images / seconds, seconds)
            for loss, accuracy in told
        ]
    stack.hand_back(networks)


def pictures(trainings: Sequence[Training], device: str) -> Iterator[Batch]:
    """The batches of every step, (K, N, 3, S, S) and (K, N): those that each training would render alone."""
    several = together(trainings[0], device)
    for parts in zip(*(batches(training, several) for training in trainings), strict=True):
        drawn = [
            split(render(training.task, "train", indices, epoch, 0, device), training.batch)
            for training, (epoch, indices) in zip(trainings, parts, strict=True)
        ]
        for step in zip(*drawn, strict=True):
            yield Batch(torch.stack([batch.images for batch in step]), torch.stack([batch.labels for batch in step]))


# ------------------------------------------------------------------------------------------------------------ the stack


def _side_by_side(tensors: Sequence[torch.Tensor]) -> nn.Parameter:
    return nn.Parameter(torch.cat([tensor.detach() for tensor in tensors]))


class Heads(nn.Module):
    """The linear layers of K networks: (N, K · width) -> (K, N, classes)."""

    def __init__(self, heads: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.count, self.width = len(heads), heads[0].in_features
        self.weight = nn.Parameter(torch.stack([head.weight.detach() for head in heads]))
        self.bias = nn.Parameter(torch.stack([head.bias.detach() for head in heads]))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        apart = features.view(len(features), self.count, self.width).transpose(0, 1)
        return torch.baddbmm(self.bias[:, None], apart, self.weight.mT)


class Stack(nn.Module):
    """K networks of one kind as one: images (K, N, 3, S, S) -> scores (K, N, classes).

    It holds copies of their weights; `hand_back` writes them into the networks. Raises ValueError for a layer that
    cannot be stacked.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        super().__init__()
        self.count = len(networks)
        self.whole = copy.deepcopy(networks[0])
        self.whole.head = Heads([network.head for network in networks])  # type: ignore[assignment]
        for name, module in networks[0].named_modules():
            own = [network.get_submodule(name) for network in networks]
            if isinstance(module, nn.Conv2d):
                self._put(name, stacked_convolution(own))  # type: ignore[arg-type]
            elif isinstance(module, nn.BatchNorm2d):
                self._put(name, stacked_norm(own))  # type: ignore[arg-type]
            elif list(module.parameters(recurse=False)) and module is not networks[0].head:
                raise ValueError(f"network: its layer {name} ({type(module).__name__}) cannot stand beside others")

    def _put(self, name: str, module: nn.Module) -> None:
        parent, _, last = name.rpartition(".")
        self.whole.get_submodule(parent).add_module(last, module)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        wide = images.transpose(0, 1).flatten(1, 2)  # (N, K · 3, S, S)
        return self.whole(wide.contiguous(memory_format=torch.channels_last))

    def hand_back(self, networks: Sequence[Network]) -> None:
        """Write what was learned into the networks, and set them to be used."""
        learned = self.whole.state_dict()
        for number, network in enumerate(networks):
            own = network.state_dict()
            for name, tensor in own.items():
                wide = learned[name]
                if name.startswith("head."):
                    tensor.copy_(wide[number])
                elif tensor.ndim == 0:  # how many batches a norm has seen: the same for all
                    tensor.copy_(wide)
                else:
                    tensor.copy_(wide[number * len(tensor) : (number + 1) * len(tensor)])
            network.eval()


def stacked_convolution(own: Sequence[nn.Conv2d]) -> nn.Conv2d:
    """One convolution in as many groups as there are networks."""
    first, count = own[0], len(own)
    wide = nn.Conv2d(
        count * first.in_channels,
        count * first.out_channels,
        first.kernel_size,  # type: ignore[arg-type]
        first.stride,  # type: ignore[arg-type]
        first.padding,  # type: ignore[arg-type]
        groups=count * first.groups,
        bias=first.bias is not None,
        device="meta",  # the weights come at once
    )
    wide.weight = _side_by_side([conv.weight for conv in own])
    if first.bias is not None:
        wide.bias = _side_by_side([conv.bias for conv in own if conv.bias is not None])
    return wide


def stacked_norm(own: Sequence[nn.BatchNorm2d]) -> nn.BatchNorm2d:
    """One batch norm over the channels of all."""
    first = own[0]
    wide = nn.BatchNorm2d(len(own) * first.num_features, first.eps, first.momentum, device=first.weight.device)
    wide.weight, wide.bias = (_side_by_side([getattr(norm, name) for norm in own]) for name in ("weight", "bias"))
    for name in ("running_mean", "running_var"):
        wide.register_buffer(name, torch.cat([getattr(norm, name) for norm in own]))
    wide.register_buffer("num_batches_tracked", first.num_batches_tracked.clone())  # type: ignore[union-attr]
    return wide
