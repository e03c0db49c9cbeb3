"""Networks behind one contract: `features(images) -> (N, width)`, `head`, `width`."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


class Network(nn.Module):
    """A representation and a linear head that reads it.

    features(images): float32 (N, 3, S, S) in [−1, 1] -> (N, width), the representation f(x).
    head: the final linear layer, width -> classes.
    """

    width: int
    head: nn.Linear

    def features(self, images: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images))


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions that halve the side, beside an averaged 1 × 1 shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = F.relu(self.norm1(self.conv1(x)), inplace=True)
        halved = F.avg_pool2d(x, 2, ceil_mode=True)  # an odd side is rounded up, as the strided convolution does
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(halved), inplace=True)


class LabNet(Network):
    """A small residual network for two CPU cores: 32 × 32 -> 16 × 16 × 32 -> 8 × 8 × 48 -> 4 × 4 × 80, averaged."""

    def __init__(self, classes: int, widths: tuple[int, ...] = (32, 48, 80)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, widths[0], 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(widths[0])
        self.blocks = nn.Sequential(*(ResidualBlock(inputs, outputs) for inputs, outputs in pairwise(widths)))
        self.width = widths[-1]
        self.head = nn.Linear(self.width, classes)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.stem(images)), inplace=True)
        return self.blocks(x).mean((2, 3))


class ResNet18(Network):
    """torchvision's ResNet-18 in its CIFAR form: 3 × 3 stem of stride 1, no pooling after it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        from torchvision.models import resnet18  # 1.4 s to import, and labnet does not need it

        body = resnet18(num_classes=classes)
        body.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        body.maxpool = nn.Identity()
        self.width = body.fc.in_features
        self.head = nn.Linear(self.width, classes)
        body.fc = nn.Identity()
        self.body = body

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images)


def build(name: str, classes: int, generator: torch.Generator, device: str = "cpu") -> Network:
    """The network `name` with a head for `classes`, its weights drawn from `generator` (a CPU one).

    Raises ValueError for an unknown name. The weights do not depend on the device.
    """
    if name not in NETWORKS:
        raise ValueError(f"there is no network {name!r}; choose from {', '.join(NETWORKS)}")
    with torch.device("meta"):  # torch's own initialisation would read the global generator
        network = NETWORKS[name](classes)
    network = network.to_empty(device="cpu")
    initialise(network, generator)
    return network.to(device).to(memory_format=torch.channels_last)


@torch.no_grad()
def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw every weight from `generator`: convolutions He-normal by fan-out, linear layers uniform by fan-in."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
            module.weight.normal_(0, math.sqrt(2 / fan_out), generator=generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            module.weight.uniform_(-bound, bound, generator=generator)
            module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()


def parameters(network: nn.Module) -> int:
    """How many trainable numbers the network has."""
    return sum(p.numel() for p in network.parameters())


NETWORKS: dict[str, Callable[[int], Network]] = {
    "labnet": LabNet,
    "resnet18": ResNet18,
}
