"""Shared invariance: does a network also ignore what another one ignores?

For each image a *double* is searched: a picture that starts from noise and is changed until the first network cannot
tell it from the image. How alike image and double look to the *second* network says how far the second shares the
first one's invariances. It is asked in both directions, and the answers differ: who ignores more is not followed by who
ignores less.

V. Nanda, A. Majumdar, C. Kolling, J. Dickerson, K. P. Gummadi, B. Love, A. Weller: Measuring Representational
Robustness of Neural Networks Through Shared Invariances (STIR), ICML 2022.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from invlab.distances import EPSILON, euclidean, linear_cka
from invlab.representations import represent
from invlab.seeds import Generator, torch_generator, uniform_field
from invlab.sensitivity import derangement
from invlab.tasks import Task, rendered
from invlab.training import Training

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch

BLOCKS = 10  # of images, left out one after the other for the interval
REACH = 2.262  # Student's 97.5 % point for that many blocks less one
SHOWN = 4  # doubles of each network that are kept as pictures

Told = Callable[[float], None]


@dataclass(frozen=True)
class SharedInvariance:
    """Every trained network's doubles of a task's test images, seen by every other one.

    steps, learning_rate: of Adam, on the pixels of the doubles.
    seed: of the noise that the doubles start from.
    """

    networks: tuple[Training, ...]
    task: Task
    images: int = 200
    steps: int = 100
    learning_rate: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.networks) < 1:
            raise ValueError("networks: name at least one")
        if self.images < 2 * BLOCKS:
            raise ValueError(f"images {self.images}: at least {2 * BLOCKS} are needed for an interval")
        if self.steps < 0 or not 0 < self.learning_rate < math.inf:
            raise ValueError(
                f"steps {self.steps}, learning_rate {self.learning_rate}: give no negative number of steps and a rate "
                "above 0, such as 0.1"
            )


def shared_invariance(
    networks: Sequence[Network], spec: SharedInvariance, device: str, told: Told = lambda fraction: None
) -> dict[str, Any]:
    """For each first network i and second network j, as lists of lists [i][j]:

    `stir`: linear CKA of j's representations of the images and of i's doubles of them; 1 = j ignores all that i does.
    `interval`: 95 %, by leaving out a tenth of the images at a time. `chance`: the same measure for doubles of *other*
    images, the value for sharing nothing; it is above 0, for a network sees any two sets of pictures as somewhat alike.
    Also `residual` [i]: the mean distance of image and double in network i over that of two images, 0 where the search
    has succeeded; and `doubles` [i]: the first of them as base64 of uint8 (S, S, 3).

    told: called with the fraction that is done.
    """
    images = rendered.get(spec.task, "test", spec.images, device=device).images
    start = noise_like(spec, device)
    partner = derangement(spec.images, torch_generator("strangers", spec.seed)).to(device)
    seen = [represent(network, images) for network in networks]
    result: dict[str, Any] = {"stir": [], "interval": [], "chance": [], "residual": [], "doubles": []}
    for i, network in enumerate(networks):

        def part(fraction: float, i: int = i) -> None:
            told((i + fraction) / len(networks))

        found = doubles(network, images, start, spec.steps, spec.learning_rate, part)
        again = [represent(other, found) for other in networks]
        pairs = [(a.double().cpu(), b.double().cpu()) for a, b in zip(seen, again, strict=True)]
        result["stir"].append([linear_cka(a, b) for a, b in pairs])
        result["interval"].append([jackknife(a, b) for a, b in pairs])
        result["chance"].append([linear_cka(a, b[partner.cpu()]) for a, b in pairs])
        apart = float(euclidean(seen[i], seen[i][partner]).mean())
        result["residual"].append(float(euclidean(seen[i], again[i]).mean()) / apart if apart else 0.0)
        result["doubles"].append([encoded(picture) for picture in found[:SHOWN]])
    return result | {"images": spec.images}


def noise_like(spec: SharedInvariance, device: str) -> torch.Tensor:
    """float32 (N, 3, S, S) in [−1, 1): what the doubles of the images start from, the same for all networks."""
    rows = Generator.of("doubles", spec.seed, indices=range(spec.images), device=device)
    side = spec.task.size
    return uniform_field(rows.seeds(spec.images), 3, side, side).mul_(2).sub_(1)


def doubles(
    network: Network,
    images: torch.Tensor,
    start: torch.Tensor,
    steps: int,
    learning_rate: float,
    told: Told = lambda fraction: None,
) -> torch.Tensor:
    """(N, 3, S, S) in [−1, 1]: pictures near `start` that the network represents as it does `images`.

    Adam on the squared distance of the representations, each divided by that of strangers, so that one learning rate
    fits all networks. The network is not changed.
    """
    network.eval().requires_grad_(False)
    with torch.no_grad():
        goal = network.features(images.contiguous(memory_format=torch.channels_last)).float()
        unit = (goal - goal.roll(1, 0)).square().sum(1).mean().clamp(min=EPSILON)
    pixels = start.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([pixels], lr=learning_rate)
    for step in range(steps):
        seen = network.features(pixels.contiguous(memory_format=torch.channels_last)).float()
        loss = (seen - goal).square().sum() / unit
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        with torch.no_grad():
            pixels.clamp_(-1, 1)
        told((step + 1) / steps)
    return pixels.detach()


def jackknife(a: torch.Tensor, b: torch.Tensor) -> list[float]:
    """The 95 % interval of `linear_cka(a, b)` over images, from leaving out a tenth of them at a time (Student's t),
    cut to [0, 1]."""
    rows = torch.arange(len(a)) % BLOCKS
    parts = torch.tensor([linear_cka(a[rows != block], b[rows != block]) for block in range(BLOCKS)])
    error = float(((BLOCKS - 1) / BLOCKS * (parts - parts.mean()).square().sum()).sqrt())
    whole = linear_cka(a, b)
    return [max(0.0, whole - REACH * error), min(1.0, whole + REACH * error)]


def encoded(picture: torch.Tensor) -> str:
    """base64 of uint8 (S, S, 3) from an image (3, S, S) in [−1, 1]."""
    levels = picture.add(1).mul(127.5).round().clamp(0, 255).permute(1, 2, 0).to("cpu", torch.uint8)
    return base64.b64encode(levels.contiguous().numpy().tobytes()).decode()
