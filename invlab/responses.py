"""Where invariance ends and where it begins: sensitivity along a transformation's own parameter, and stage by stage.

A *response curve* asks how far a representation has moved once an object is turned by 10, 20, 30 degrees; `layers` asks
after which stage of the network twins lie close. Both divide by the distance of strangers, as `sensitivity` does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from invlab.distances import euclidean
from invlab.intervals import ratio_bootstrap, ratio_bootstraps
from invlab.representations import represent
from invlab.seeds import Generator, torch_generator
from invlab.sensitivity import derangement, ratio
from invlab.tasks import Task, plan_pairs, render_at, rendered
from invlab.training import Training
from invlab.transforms import Axis, Parameters, identity_parameters, transform

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch

MOST_POINTS = 1024  # of a curve or a map
AT_ONCE = 2048  # images of 32 × 32 in memory; fewer of larger ones


def stops(axis: Axis, count: int = 9) -> tuple[float, ...]:
    """Values along an axis, evenly spaced and on its steps; at most `count`."""
    spread = [axis.low + (axis.high - axis.low) * i / (count - 1) for i in range(count)]
    snapped = [round(axis.low + round((v - axis.low) / axis.step) * axis.step, 6) for v in spread]
    return tuple(dict.fromkeys(snapped))


@dataclass(frozen=True)
class Along:
    """Values of one parameter of a family, in the parameter's own unit; they may lie beyond what a task draws."""

    family: str
    parameter: str
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        known = transform(self.family).identity
        if self.parameter not in known:
            raise ValueError(f"parameter {self.parameter!r}: {self.family} has {', '.join(known)}")
        if not self.values or not all(map(math.isfinite, self.values)):
            raise ValueError(f"values {self.values!r}: give at least one finite number")


@dataclass(frozen=True)
class Response:
    """How far a trained network's representation moves as parameters leave the value that changes nothing.

    task: the objects and backgrounds; it names no transformations, for the response sets its own.
    along: one parameter (a curve) or two (a map), of one family or of two; all others change nothing. Points are the
        values, or all pairs of them, the last parameter's values running fastest.
    images: test images of the task, the same at every point.
    """

    training: Training
    task: Task
    along: tuple[Along, ...]
    images: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        if self.task.transformations:
            raise ValueError(
                f"task: it draws {', '.join(self.task.transformations)}; a response sets its own parameters, give a "
                "task without transformations"
            )
        if not 1 <= len(self.along) <= 2 or len({(a.family, a.parameter) for a in self.along}) != len(self.along):
            raise ValueError("along: vary one parameter, or two different ones")
        if self.images < 2:
            raise ValueError(f"images {self.images}: at least two are needed, to compare with strangers")
        if len(self.points()) > MOST_POINTS:
            raise ValueError(f"along: {len(self.points())} points; choose at most {MOST_POINTS}")

    def points(self) -> list[tuple[float, ...]]:
        """The parameters' values at each point."""
        return list(itertools.product(*(a.values for a in self.along)))

    @property
    def families(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(a.family for a in self.along))


def images_at(
    spec: Response, points: list[tuple[float, ...] | None], indices: list[int], device: str = "cpu"
) -> torch.Tensor:
    """float32 (points, indices, 3, S, S): the spec's test images at each point; at None nothing is changed.

    A family's random field (noise, elastic) belongs to the image and is the same at every point.
    """
    count = len(indices)
    parameters: list[Parameters] = []
    for place, family in enumerate(spec.families):
        rows = identity_parameters(family, len(points) * count, device)
        for number, along in enumerate(spec.along):
            if along.family == family:
                still = transform(family).identity[along.parameter]
                values = torch.tensor([still if p is None else p[number] for p in points], device=device)
                rows[along.parameter] = values.float().repeat_interleave(count)
        if "seed" in rows:
            field = Generator.of("response", spec.task.seed, place, indices=indices, device=device)
            rows["seed"] = field.seeds(count).repeat(len(points))
        parameters.append(rows)
    task = replace(spec.task, transformations=spec.families)
    batch = render_at(task, "test", indices * len(points), parameters, device)
    return batch.images.unflatten(0, (len(points), count))


def distances_along(
    represented: Callable[[torch.Tensor], torch.Tensor], spec: Response, device: str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """(points, images) and (images,): how far each image has moved from itself unchanged, and from a stranger.

    represented: images (N, 3, S, S) -> (N, W).
    """
    indices = list(range(spec.images))
    still = represented(images_at(spec, [None], indices, device)[0]).cpu()
    partner = derangement(spec.images, torch_generator("strangers", spec.seed))
    moved = []
    block = max(1, AT_ONCE * 32**2 // (spec.images * spec.task.size**2))
    points: list[tuple[float, ...] | None] = [*spec.points()]
    for start in range(0, len(points), block):
        images = images_at(spec, points[start : start + block], indices, device)
        seen = represented(images.flatten(0, 1)).cpu()
        moved.append(euclidean(seen, still.repeat(len(images), 1)).view(len(images), -1))
    return torch.cat(moved), euclidean(still, still[partner])


def respond(network: Network, spec: Response, device: str) -> dict[str, Any]:
    """At each point the mean distance to the unchanged image over that of strangers, 0 where nothing changes.

    Returns `points`, `sensitivity` and `interval` (95 % bootstrap over images, point by point) as lists.
    """
    moved, apart = distances_along(lambda images: represent(network, images), spec, device)
    return {
        "points": [list(point) for point in spec.points()],
        "sensitivity": [ratio(row, apart) for row in moved],
        "interval": ratio_bootstraps(moved, apart, torch_generator("bootstrap", spec.seed)),
        "images": spec.images,
    }


# ------------------------------------------------------------------------------------------------------- neighbourhoods


@dataclass(frozen=True)
class Neighbourhoods:
    """Where a trained network puts several objects as one parameter runs through its range, projected to a plane.

    task: the objects and backgrounds, without transformations. objects: how many, each of another class.
    """

    training: Training
    task: Task
    along: Along
    objects: int = 12

    def __post_init__(self) -> None:
        self.response()  # its checks
        if not 2 <= self.objects <= len(self.task.classes):
            raise ValueError(f"objects {self.objects}: choose 2 to {len(self.task.classes)}, each of another class")

    def response(self) -> Response:
        return Response(self.training, self.task, (self.along,), max(2, self.objects))

    def indices(self) -> list[int]:
        """The test images that are shown: the first of each class, in order."""
        first: dict[int, int] = {}
        block = 64
        for start in range(0, 100 * len(self.task.classes), block):
            rows = torch.arange(start, start + block)
            for index, label in zip(rows.tolist(), plan_pairs(self.task, "test", rows).labels.tolist(), strict=True):
                first.setdefault(label, index)
            if len(first) >= self.objects:
                break
        return sorted(first.values())[: self.objects]


def neighbourhoods(network: Network, spec: Neighbourhoods, device: str) -> dict[str, Any]:
    """`places`: for each object and value its two coordinates (the two directions of largest variance over all), with
    `explained`, their shares of the variance, and `indices`, the test images."""
    indices = spec.indices()
    images = images_at(spec.response(), [*spec.response().points()], indices, device)  # (points, objects, ...)
    seen = represent(network, images.flatten(0, 1)).cpu().double()
    places, explained = plane(seen)
    return {
        "places": places.unflatten(0, images.shape[:2]).transpose(0, 1).tolist(),
        "explained": explained,
        "indices": indices,
    }


def plane(points: torch.Tensor) -> tuple[torch.Tensor, list[float]]:
    """(N, 2): float64 points (N, W) on their first two principal components, and each one's share of the variance.

    A component's sign is the one that makes its largest weight positive, so that two runs show the same picture.
    """
    centred = points - points.mean(0)
    _, s, v = torch.linalg.svd(centred, full_matrices=False)
    axes = v[:2]
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    axes = axes * torch.where(largest < 0, -1.0, 1.0)
    whole = float(s.square().sum()) or 1.0
    return centred @ axes.T, [float(x) / whole for x in s[:2].square()]


# --------------------------------------------------------------------------------------------------------------- layers


@dataclass(frozen=True)
class Layers:
    """Sensitivity of a trained network after every stage, under the task's transformations."""

    training: Training
    task: Task
    pairs: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pairs < 2:
            raise ValueError(f"pairs {self.pairs}: at least two are needed, to compare with strangers")


INPUT = "input"  # the images themselves, before the first stage


def layers(network: Network, spec: Layers, device: str) -> dict[str, Any]:
    """For the images and after each stage, in order: `stage`, `depth` (0 … 1), and sensitivity with its interval.

    `sensitivity` compares whole activations, `pooled` their averages over positions: an activation that merely moves
    along with the object changes much in the first and little in the second. At the last stage they are the same.
    """
    first, second = (rendered.get(spec.task, "test", spec.pairs, twin, device).images for twin in (0, 1))
    others = first[derangement(spec.pairs, torch_generator("strangers", spec.seed)).to(first.device)]
    found: dict[tuple[str, bool], list[tuple[torch.Tensor, torch.Tensor]]] = {}
    block = max(1, 64 * 32**2 // spec.task.size**2)
    network.eval()
    with torch.inference_mode():
        for three in zip(first.split(block), second.split(block), others.split(block), strict=True):
            for stage, (x, twin, stranger) in _staged(network, torch.cat(three)):
                for pooled in (False, True):
                    a, b, c = (average_positions(v) if pooled else v.flatten(1) for v in (x, twin, stranger))
                    found.setdefault((stage, pooled), []).append((euclidean(a, b).cpu(), euclidean(a, c).cpu()))
    names = list(dict.fromkeys(stage for stage, _ in found))
    rows = []
    for number, stage in enumerate(names):
        row: dict[str, Any] = {"stage": stage, "depth": number / (len(names) - 1)}
        for pooled, name in ((False, "sensitivity"), (True, "pooled")):
            moved, apart = (torch.cat(parts) for parts in zip(*found[stage, pooled], strict=True))
            row[name] = ratio(moved, apart)
            row["interval" if not pooled else "pooled_interval"] = list(
                ratio_bootstrap(moved, apart, torch_generator("bootstrap", spec.seed))
            )
        rows.append(row)
    return {"stages": rows, "pairs": spec.pairs}


def _staged(network: Network, images: torch.Tensor) -> Iterator[tuple[str, tuple[torch.Tensor, ...]]]:
    """(stage, its activation in three equal parts), beginning with the images."""
    yield INPUT, images.chunk(3)
    for stage, activation in network.walk(images.contiguous(memory_format=torch.channels_last)):
        yield stage, activation.float().chunk(3)


def average_positions(activation: torch.Tensor) -> torch.Tensor:
    """(N, C): maps (N, C, H, W) averaged over their positions, tokens (N, T, C) over the tokens."""
    if activation.ndim == 4:
        return activation.mean((2, 3))
    return activation.mean(1) if activation.ndim == 3 else activation
