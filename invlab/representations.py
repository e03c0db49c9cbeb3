"""What a network makes of images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from invlab.tasks import Batch

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch

BATCH = 256  # images at once; more gains nothing on a CPU


def represent(network: Network, images: torch.Tensor) -> torch.Tensor:
    """float32 (N, width): the network's features of images (N, 3, S, S) in [−1, 1], in evaluation mode."""
    from invlab import labnet

    network.eval()
    if labnet.takes(network, images.shape[-1]) and images.dtype == torch.float32 and images.device.type == "cpu":
        return labnet.features(network, images)  # type: ignore[arg-type]
    with torch.inference_mode():
        parts = [
            network.features(part.contiguous(memory_format=torch.channels_last)).float() for part in images.split(BATCH)
        ]
    return torch.cat(parts)


class Seen(NamedTuple):
    """What a network makes of a set."""

    features: torch.Tensor  # float32 (N, width)
    labels: torch.Tensor  # int64 (N,)


def represent_set(network: Network, parts: Iterable[Batch]) -> Seen:
    """The features and labels of a set that comes in parts; the images of two of them are in memory at most."""
    features, labels = [], []
    for part in parts:
        features.append(represent(network, part.images))
        labels.append(part.labels)
    return Seen(torch.cat(features), torch.cat(labels))


def standardisation(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and scale, each (W,), that a probe standardises features (N, W) with: (features − mean) / scale. A feature
    that never changes has an infinite scale, which leaves it at 0."""
    deviation = features.std(0, correction=0)
    scale = torch.where(deviation > 1e-6 * deviation.max().clamp(min=1e-12), deviation, torch.inf)
    return features.mean(0), scale
