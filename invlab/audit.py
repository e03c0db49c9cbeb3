"""How invariant is a network to each family on somebody's own photographs? All families, curves and layers in one go.

A photograph is an opaque object that fills the canvas. Where a transformation uncovers the canvas (a corner after a
turn), it shows the colour that the network's own normalisation turns into zero: the mean of the images it was trained
on, which is what its first layer's padding is made of too, so it adds no edge and no colour that says anything.

The measure is that of `invlab.sensitivity`: twins are one photograph under two independent draws, strangers two
photographs. Intervals are bootstrapped over photographs. A switch family (a flip, say) leaves half of its draws
unchanged, and unchanged photographs are the same for all families: each different picture is shown to the network once,
and what every stage answered is compared as soon as both of a pair have passed.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from invlab.architectures import facts, image_seconds, is_lab
from invlab.backgrounds import backgrounds
from invlab.distances import euclidean
from invlab.intervals import ratio_bootstrap, ratio_bootstraps
from invlab.photographs import draw_scenes
from invlab.responses import INPUT, average_positions
from invlab.rows import KEY
from invlab.scenes import SCENES
from invlab.seeds import Generator, torch_generator
from invlab.sensitivity import derangement, ratio
from invlab.transforms import TRANSFORMS, Parameters, Transform, draw, identity_parameters, transform

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch

DEFAULT, RANDOM, FILE = "DEFAULT", "random", "file:"
FILE_WEIGHTS = re.compile(r"file:[0-9a-f]{64}")
OWN_SCENES = "scenes"
FIRST_SCENE = 500  # the scenes' seed from here on: no network has met them as a background
MOST_IMAGES, MOST_POINTS, MOST_DRAWS = 200, 64, 16
SIZES = (32, 640)
STAGED = 20  # photographs that the layers are measured on, of more: their activations have to be kept for a while
SWITCH_DRAWS = 12  # of a family whose draws are two pictures: more draws cost nothing
AT_ONCE = 16  # images of 224 × 224 pixels in a batch; more of smaller ones
THREADS = 2
REST_SECONDS = 3.0  # of an audit beside the network's work: loading, drawing the scenes, the intervals
Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Audit:
    """What is asked of one network.

    network: a row of `invlab.architectures.ARCHITECTURES`.
    weights: `DEFAULT` (torchvision's), `random` (as training begins, drawn from `seed`), `file:` and the digest that
        receiving a file returned (`invlab.weights`), or the key of a stored training of the lab.
    pictures: a background set, as `invlab.backgrounds.backgrounds` takes it, or `scenes`.
    families: those that are measured.
    images: how many photographs at most; where there are more, `seed` picks.
    size: side in pixels; 0 is the network's own.
    points: steps of each response curve, of a circle twice as many. draws: of each photograph under each family.
    """

    network: str
    weights: str
    pictures: str
    families: tuple[str, ...]
    images: int = 20
    size: int = 0
    points: int = 4
    draws: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        facts(self.network)
        self._check_weights()
        if not self.families or len(set(self.families)) != len(self.families):
            raise ValueError(f"families {', '.join(self.families) or 'none'}: name at least one, and none twice")
        for family in self.families:
            transform(family)
        for name, value, low, high in (
            ("images", self.images, 2, MOST_IMAGES),
            ("points", self.points, 1, MOST_POINTS),
            ("draws", self.draws, 2, MOST_DRAWS),
            ("seed", self.seed, 0, 2**31),
        ):
            if not low <= value <= high:
                raise ValueError(f"{name} {value}: choose {low} to {high:,}")
        if self.size and not SIZES[0] <= self.size <= SIZES[1]:
            raise ValueError(f"size {self.size}: choose {SIZES[0]} to {SIZES[1]} pixels, or 0 for the network's own")

    def _check_weights(self) -> None:
        key = KEY.fullmatch(self.weights) and self.weights.startswith("training-")
        if self.weights == DEFAULT and is_lab(self.network):
            raise ValueError(f"weights DEFAULT: {self.network} is the lab's own and has none; use random or a file")
        if not (self.weights in (DEFAULT, RANDOM) or key or FILE_WEIGHTS.fullmatch(self.weights)):
            raise ValueError(
                f"weights {self.weights[:80]!r}: use DEFAULT, random, file: with a digest, or the key of a training"
            )

    @property
    def side(self) -> int:
        """Of the images, pixels."""
        return self.size or facts(self.network).size


def expected_seconds(spec: Audit) -> float:
    """A rough estimate on two CPU cores, before anything has run."""
    counts = {"switch": spec.points + 1, "angle": spec.draws + 2 * spec.points, "amount": spec.draws + spec.points}
    shown = spec.images * (1 + sum(counts[TRANSFORMS[family].varies] for family in spec.families))
    rendering = 4e-8 * spec.side**2  # seconds for a picture: 2 ms at 224 pixels
    return REST_SECONDS * (0.3 if is_lab(spec.network) else 1) + shown * (
        image_seconds(spec.network, spec.side) + rendering
    )


# ------------------------------------------------------------------------------------------------------- photographs


def photographs(spec: Audit, report: Report = lambda point: None) -> torch.Tensor:
    """uint8 (P, 3, S, S): the audit's photographs, at most `images`. ValueError where there are fewer than two."""
    if spec.pictures == OWN_SCENES:
        return scenes(spec.images, spec.side, report)
    found = backgrounds(spec.pictures, spec.side).images
    if found is None or len(found) < 2:
        raise ValueError(
            f"pictures {spec.pictures!r}: at least two photographs are needed, to compare one with another"
        )
    if len(found) > spec.images:
        chosen = torch.randperm(len(found), generator=torch_generator("audit pictures", spec.seed))[: spec.images]
        found = found[chosen.sort().values]
    return found


def scenes(count: int, size: int, report: Report = lambda point: None) -> torch.Tensor:
    """uint8 (count, 3, S, S): drawn scenes of the ten classes in turn, as many of each as needed and no more.

    report: called before every ten; what it raises ends the drawing.
    """
    drawn = []
    for number in range(math.ceil(count / len(SCENES))):
        report({"stage": "pictures", "fraction": 0.0})
        drawn.append(_ten_scenes(FIRST_SCENE + number, size))
    return torch.cat(drawn)[:count]


@functools.lru_cache(maxsize=8)
def _ten_scenes(seed: int, size: int) -> torch.Tensor:
    """uint8 (10, 3, S, S): one scene of each class."""
    return torch.from_numpy(draw_scenes(range(seed, seed + 1), size))


# -------------------------------------------------------------------------------------------------------------- plan


@dataclass(frozen=True)
class Shown:
    """One picture: a photograph under parameters of a family, by name in `names`; unchanged where there is none."""

    photograph: int
    family: str = ""
    row: tuple[float | int, ...] = ()


@dataclass
class FamilyPlan:
    """twins[k][i]: photograph i under draw k. curve[v][i]: photograph i at each of the first parameter's `values`."""

    twins: list[list[Shown]]
    values: list[float]
    curve: list[list[Shown]]


def plan(spec: Audit, count: int) -> dict[str, FamilyPlan]:
    """What is to be shown of `count` photographs."""
    return {family: _family_plan(spec, family, count) for family in spec.families}


def _family_plan(spec: Audit, family: str, count: int) -> FamilyPlan:
    kind = transform(family)
    drawn = [_drawn(spec, family, k, count) for k in range(spec.draws)]
    if kind.varies == "switch" and len(drawn[0]) == 1:
        drawn += [_drawn(spec, family, k, count) for k in range(spec.draws, SWITCH_DRAWS)]
    values, curve = grid(kind, spec.points), []
    for value in values:
        rows = identity_parameters(family, count)
        if "seed" in rows:
            rows["seed"] = drawn[0]["seed"]  # a random field belongs to the photograph, and is that of its first draw
        rows[kind.axes[0].parameter] = torch.full((count,), value)
        curve.append(_pictures(kind, rows, spec.side))
    return FamilyPlan([_pictures(kind, rows, spec.side) for rows in drawn], values, curve)


def _drawn(spec: Audit, family: str, k: int, count: int) -> Parameters:
    return draw((family,), count, Generator.of("audit", spec.seed, k, indices=range(count)))[0]


def grid(kind: Transform, points: int) -> list[float]:
    """Values of the first parameter from end to end, on its steps; of a circle twice as many."""
    axis, steps = kind.axes[0], points * (2 if kind.varies == "angle" else 1)
    values = [axis.low + (axis.high - axis.low) * i / steps for i in range(steps + 1)]
    if (axis.low, axis.high, axis.step) == (0, 1, 1):
        return [0.0, 1.0]
    inner = [axis.low + round((v - axis.low) / axis.step) * axis.step for v in values[1:-1]]
    return list(dict.fromkeys(round(v, 6) for v in (values[0], *inner, values[-1])))


def _pictures(kind: Transform, rows: Parameters, size: int) -> list[Shown]:
    """The picture of each photograph; the same picture is the same `Shown`."""
    names = names_of(kind.name)
    found = []
    for i, row in enumerate(zip(*(rows[name].tolist() for name in names), strict=True)):
        values = dict(zip(names, row, strict=True))
        if kind.varies == "angle":  # the two ends of a circle are one
            axis = kind.axes[0]
            turn = (values[axis.parameter] - axis.low) % (axis.high - axis.low)
            values[axis.parameter] = axis.low + turn
        changed = not unchanged(kind, values, size)
        found.append(Shown(i, kind.name, tuple(values.values())) if changed else Shown(i))
    return found


@functools.cache
def names_of(family: str) -> tuple[str, ...]:
    """The family's parameters, in the order of a picture's row."""
    return tuple(identity_parameters(family, 1))


def unchanged(kind: Transform, values: dict[str, float], size: int) -> bool:
    """Whether a picture is the photograph itself.

    A switch that is off changes nothing, wherever its square or its field would lie. Blur's smallest σ is a length: on
    a canvas of 32 pixels it changes nothing, on one of 224 it is 0.7 pixels and does.
    """
    still = kind.identity
    if kind.name == "blur" and size > 32:
        return False
    names = [kind.axes[0].parameter] if kind.varies == "switch" else list(still)
    return all(abs(values[name] - still[name]) < 1e-6 for name in names)


# --------------------------------------------------------------------------------------------------------- rendering


def resting(network: Network) -> torch.Tensor:
    """(1, 3, 1, 1): the colour in [−1, 1] that the network's normalisation turns into 0."""
    found = getattr(network, "shift", None)
    return torch.zeros(1, 3, 1, 1) if found is None else found.cpu()


def render(pictures: Sequence[Shown], photographs: torch.Tensor, behind: torch.Tensor, device: str) -> torch.Tensor:
    """float32 (N, 3, S, S) in [−1, 1]: each picture; neighbours of one family are made together."""
    made = []
    for family, group in itertools.groupby(pictures, key=lambda one: one.family):
        of = list(group)
        pixels = photographs[[one.photograph for one in of]].to(device).float().div_(255)
        canvas = torch.cat([pixels, torch.ones_like(pixels[:, :1])], 1)
        if family:
            canvas = transform(family).apply(canvas, **_parameters(of, device))
        colour, alpha = canvas[:, :3], canvas[:, 3:]
        made.append(colour * 2 - alpha + (1 - alpha) * behind.to(device))
    return torch.cat(made)


def _parameters(pictures: Sequence[Shown], device: str) -> Parameters:
    columns = zip(*(one.row for one in pictures), strict=True)
    return {
        name: torch.tensor(column, dtype=torch.int64 if name == "seed" else torch.float32, device=device)
        for name, column in zip(names_of(pictures[0].family), columns, strict=True)
    }


# --------------------------------------------------------------------------------------------------------- measuring


Pair = tuple[Shown, Shown]


@dataclass
class Stages:
    """Distances of pairs of pictures after every stage, taken as the pictures pass; an activation is kept only until
    the last picture that it is to be compared with has passed."""

    waiting: dict[Shown, set[Shown]] = field(default_factory=lambda: defaultdict(set))
    held: dict[Shown, list[tuple[torch.Tensor, torch.Tensor]]] = field(default_factory=dict)
    found: dict[frozenset[Shown], list[tuple[float, float]]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def want(self, pair: Pair) -> None:
        a, b = pair
        if a != b:
            self.waiting[a].add(b)
            self.waiting[b].add(a)

    def take(self, pictures: Sequence[Shown], network: Network, images: torch.Tensor) -> torch.Tensor:
        """Show a batch: its features (N, W) on the CPU; on the way the stages' activations are compared."""
        kept = [i for i, one in enumerate(pictures) if self.waiting.get(one)]
        rows: list[list[tuple[torch.Tensor, torch.Tensor]]] = [[] for _ in kept]
        names = [INPUT]
        passing: Iterator[tuple[str, torch.Tensor]] = network.walk(images)
        for name, activation in itertools.chain([(INPUT, images)], passing):
            names.append(name)
            x = activation.float()
            pooled = average_positions(x)
            for row, i in zip(rows, kept, strict=True):
                row.append((x[i].clone(), pooled[i].clone()))
        self.names = names[1:]
        self.held |= {pictures[i]: row for i, row in zip(kept, rows, strict=True)}
        for i in kept:
            self._compare(pictures[i])
        return x.cpu()

    def _compare(self, one: Shown) -> None:
        for other in [other for other in self.waiting.get(one, ()) if other in self.held]:
            self.found[frozenset((one, other))] = [
                (float(torch.dist(a, b)), float(torch.dist(c, d)))
                for (a, c), (b, d) in zip(self.held[one], self.held[other], strict=True)
            ]
            for x, y in ((one, other), (other, one)):
                self.waiting[x].discard(y)
                if not self.waiting[x]:
                    del self.waiting[x], self.held[x]
            if one not in self.waiting:
                return

    def between(self, pair: Pair) -> list[tuple[float, float]]:
        """After every stage the distance of whole activations, and of their averages over positions."""
        return self.found[frozenset(pair)] if pair[0] != pair[1] else [(0.0, 0.0)] * len(self.names)


def twin_pairs(plan: FamilyPlan, photograph: int) -> list[Pair]:
    """Every two draws of a photograph."""
    return list(itertools.combinations([drawn[photograph] for drawn in plan.twins], 2))


def measure(network: Network, spec: Audit, device: str, report: Report = lambda point: None) -> dict[str, Any]:
    """The audit of a network, which is used up, as plain lists; what `report` raises ends it.

    Reports `{"stage": "show", "fraction", "done", "of", "seconds", "left"}` after every batch. Raises ValueError for
    photographs that cannot be used, ArithmeticError where the network answers with no numbers.
    """
    from invlab.imagenet import fused
    from invlab.networks import parameters

    trainable = parameters(network)
    network = fused(network)
    report({"stage": "pictures", "fraction": 0.0})
    pictures = photographs(spec, report)
    count = len(pictures)
    planned = plan(spec, count)
    partner = derangement(count, torch_generator("strangers", spec.seed)).tolist()
    staged = min(count, STAGED)
    staged_partner = derangement(staged, torch_generator("strangers", spec.seed)).tolist()
    stages = Stages()
    for family in planned.values():
        for i in range(staged):
            for pair in (*twin_pairs(family, i), (family.twins[0][i], family.twins[0][staged_partner[i]])):
                stages.want(pair)
    order = in_order(planned, staged_partner, count)
    began = time.perf_counter()
    with threads(THREADS if not is_lab(spec.network) else None):
        seen = _show(network.to(device).eval(), spec, order, pictures, stages, device, report)
    seconds = time.perf_counter() - began
    families = [
        {"family": name, "group": TRANSFORMS[name].group}
        | _sensitivity(spec, one, seen, partner)
        | {"stages": _stage_rows(spec, one, stages, staged, staged_partner)}
        | {"curve": _curve(spec, name, one, seen, partner)}
        for name, one in planned.items()
    ]
    asked = count * sum(len(one.twins) + len(one.values) for one in planned.values())
    return {
        "families": families,
        "ranking": [row["family"] for row in sorted(families, key=lambda row: row["sensitivity"])],
        "images": count,
        "size": spec.side,
        "width": network.width,
        "classes": network.head.out_features,
        "parameters": trainable,
        "staged": staged,
        "shown": len(order),
        "asked": asked,
        "images_per_second": round(len(order) / seconds, 2),
    }


def in_order(planned: dict[str, FamilyPlan], partner: Sequence[int], count: int) -> list[Shown]:
    """Every different picture once: the photographs as they are, then family by family, strangers after each other."""
    cycle, at = [], 0
    while at not in cycle:
        cycle.append(at)
        at = partner[at]
    cycle += [i for i in range(count) if i not in set(cycle)]
    order: dict[Shown, None] = {Shown(i): None for i in cycle}
    for family in planned.values():
        order.update({drawn[i]: None for i in cycle for drawn in family.twins})
        order.update({at[i]: None for at in family.curve for i in cycle})
    return list(order)


@contextmanager
def threads(count: int | None) -> Iterator[None]:
    """Compute with so many CPU threads inside; None leaves their number alone."""
    before = torch.get_num_threads()
    if count is not None:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count is not None:
            torch.set_num_threads(before)


def _show(
    network: Network,
    spec: Audit,
    order: list[Shown],
    photographs: torch.Tensor,
    stages: Stages,
    device: str,
    report: Report,
) -> dict[Shown, torch.Tensor]:
    """The representation of every picture."""
    behind = resting(network)
    block = max(2, AT_ONCE * 224**2 // spec.side**2)
    seen: dict[Shown, torch.Tensor] = {}
    began = time.perf_counter()
    for start in range(0, len(order), block):
        part = order[start : start + block]
        with torch.inference_mode():
            images = render(part, photographs, behind, device).contiguous(memory_format=torch.channels_last)
            features = stages.take(part, network, images)
        if not bool(torch.isfinite(features).all()):
            raise ArithmeticError(
                f"the network {spec.network} answers with values that are no finite numbers: its weights do not fit it"
            )
        seen.update(zip(part, features, strict=True))
        done, seconds = len(seen), time.perf_counter() - began
        report({
            "stage": "show", "done": done, "of": len(order), "fraction": round(0.98 * done / len(order), 4),
            "family": part[-1].family, "seconds": round(seconds, 1),
            "left": round(seconds * (len(order) - done) / done, 1),
        })  # fmt: skip
    return seen


def _distances(seen: dict[Shown, torch.Tensor], pairs: Sequence[Pair]) -> torch.Tensor:
    first, second = (torch.stack([seen[one] for one in side]) for side in zip(*pairs, strict=True))
    return euclidean(first, second)


def _sensitivity(
    spec: Audit, family: FamilyPlan, seen: dict[Shown, torch.Tensor], partner: Sequence[int]
) -> dict[str, Any]:
    """The ratio and its interval, resampling photographs: of each the mean over its twins, and its first stranger; and
    for each photograph the distance of its first two draws, in units of the strangers' mean (`twins`)."""
    count = len(partner)
    pairs = [twin_pairs(family, i) for i in range(count)]
    every = _distances(seen, list(itertools.chain(*pairs))).view(count, -1).double()  # draws 0 and 1 come first
    moved = every.mean(1)
    first = family.twins[0]
    apart = _distances(seen, [(first[i], first[partner[i]]) for i in range(count)])
    unit = float(apart.double().mean()) or 1.0
    return {
        "sensitivity": ratio(moved, apart),
        "interval": _interval(spec, moved, apart),
        "pairs": len(pairs[0]),
        "twins": (every[:, 0] / unit).tolist(),
    }


def _interval(spec: Audit, moved: torch.Tensor, apart: torch.Tensor) -> list[float]:
    return list(ratio_bootstrap(moved, apart, torch_generator("bootstrap", spec.seed)))


def _stage_rows(
    spec: Audit, family: FamilyPlan, stages: Stages, count: int, partner: Sequence[int]
) -> list[dict[str, Any]]:
    """Sensitivity after each stage, beginning with the images, as `invlab.responses.layers` gives it."""
    pairs = [twin_pairs(family, i) for i in range(count)]
    twins = torch.tensor([[stages.between(pair) for pair in of] for of in pairs]).double().mean(1)
    first = family.twins[0]
    apart = torch.tensor([stages.between((first[i], first[partner[i]])) for i in range(count)]).double()
    rows = []
    for s, name in enumerate(stages.names):  # (photographs, stages, whole or pooled)
        row: dict[str, Any] = {"stage": name, "depth": s / (len(stages.names) - 1)}
        for kind, (value, interval) in enumerate((("sensitivity", "interval"), ("pooled", "pooled_interval"))):
            moved, strange = twins[:, s, kind], apart[:, s, kind]
            row |= {value: ratio(moved, strange), interval: _interval(spec, moved, strange)}
        rows.append(row)
    return rows


def _curve(
    spec: Audit, name: str, family: FamilyPlan, seen: dict[Shown, torch.Tensor], partner: Sequence[int]
) -> dict[str, Any]:
    """The distance to the unchanged photograph along the first parameter, in units of the strangers'."""
    count = len(partner)
    still = [Shown(i) for i in range(count)]
    apart = _distances(seen, [(still[i], still[partner[i]]) for i in range(count)])
    moved = torch.stack([_distances(seen, list(zip(at, still, strict=True))) for at in family.curve])
    return {
        "parameter": transform(name).axes[0].parameter,
        "points": [[value] for value in family.values],
        "sensitivity": [ratio(row, apart) for row in moved],
        "interval": ratio_bootstraps(moved, apart, torch_generator("bootstrap", spec.seed)),
    }


# ----------------------------------------------------------------------------------------------------------- examples


def examples(spec: Audit, size: int = 96, count: int = 6) -> dict[str, torch.Tensor]:
    """uint8 (count, size, size, 3) for each family, and the photographs themselves under the name ``""``: what a
    drawing under each family looks like, shrunk."""
    pictures = photographs(spec)
    chosen = list(range(min(count, len(pictures))))
    planned = plan(spec, len(pictures))
    rows = {"": [Shown(i) for i in chosen]}
    for name, family in planned.items():
        rows[name] = [next((d[i] for d in family.twins if d[i].family), family.twins[0][i]) for i in chosen]
    return {name: _small(spec, row, pictures, size) for name, row in rows.items()}


def twin_pictures(spec: Audit, family: str, chosen: Sequence[int], size: int = 96) -> torch.Tensor:
    """uint8 (chosen, 2, size, size, 3): photographs under the family's first two draws, shrunk; how far apart the
    network sees them is in the result's `twins`."""
    pictures = photographs(spec)
    first, second = plan(spec, len(pictures))[family].twins[:2]
    row = [drawn[i] for i in chosen for drawn in (first, second)]
    return _small(spec, row, pictures, size).unflatten(0, (len(chosen), 2))


def _small(spec: Audit, row: list[Shown], pictures: torch.Tensor, size: int) -> torch.Tensor:
    behind = torch.zeros(1, 3, 1, 1) if is_lab(spec.network) else _imagenet_mean()
    if spec.side < size:
        size = spec.side * (size // spec.side)  # each pixel as large as any other
    return _thumbnails(render(row, pictures, behind, "cpu"), size)


def _imagenet_mean() -> torch.Tensor:
    return torch.tensor([0.485, 0.456, 0.406]).mul(2).sub(1).view(1, 3, 1, 1)


def _thumbnails(images: torch.Tensor, size: int) -> torch.Tensor:
    if images.shape[-1] != size:
        how: dict[str, Any] = {"mode": "nearest"}
        if images.shape[-1] > size:
            how = {"mode": "bilinear", "antialias": True}
        images = torch.nn.functional.interpolate(images, size=(size, size), **how)
    return images.add(1).mul_(127.5).round_().clamp_(0, 255).permute(0, 2, 3, 1).to(torch.uint8)
