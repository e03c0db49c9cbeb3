"""Transforms-2D tasks: objects, transformed, pasted on backgrounds.

A sample is an index: its pixels depend on (task, split, index, epoch) and nothing else. The object and the background
of a sample stay the same in every epoch; its transformation draws are fresh in each.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from invlab import compiled
from invlab.backgrounds import BackgroundSet, backgrounds, draw, fresh_keys, pick, stored
from invlab.objects import bank, class_names
from invlab.seeds import Generator, word
from invlab.transforms import (
    CANVAS,
    OBJECT_SHARE,
    TRANSFORMS,
    Parameters,
    apply_all,
    operations,
    scale_matrix,
    steps,
    transform,
    translate_matrix,
    warp,
)
from invlab.transforms import draw as draw_parameters

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

SPLITS = ("train", "validation", "test")
CPU_BLOCK = 256  # images of 32 pixels rendered at once: fewer calls weigh more than planes that leave the cache
GPU_BLOCK = 4096
SIZES = (16, 512)  # smallest and largest canvas
LABELS = ("object", "background", "transformation")  # what a task asks for
PLACEMENTS = ("centre", "corner", "anywhere")
REDRAWS = ("transformations", "object", "background")  # what the second image of a twin pair draws anew

# Beside a photograph an object is scaled by a further 0.55: 12 pixels of 32. "corner" is the upper right one, two
# pixels below the edge; "anywhere" keeps the object's box inside the canvas.
BESIDE = 0.55
REACH = CANVAS / 2 * (1 - OBJECT_SHARE * BESIDE)  # pixels from the centre to where the box touches the edge
CORNER = (REACH, -(REACH - 2))


@dataclass(frozen=True)
class Task:
    """D(O, T): the classes of a bank, under transformations, on backgrounds.

    classes: indices of the bank's classes; a sample's label is the position in this tuple.
    transformations: families, applied in this order.
    seed: of the object, background and transformation draws.
    label: what is to be named: the object, the background (whose set must have classes of its own), or which part of
        its range the first transformation was drawn from.
    placement: where the object stands: in the centre at its usual size, or small (`BESIDE`), in the corner or anywhere.
    correlation: the probability that the object is the one that belongs to the background's class, position by
        position; else it is drawn independently.
    availability: the probability that there is an object at all.
    """

    classes: tuple[int, ...]
    transformations: tuple[str, ...] = ()
    objects: str = "drawn"
    backgrounds: str = "scenes"
    size: int = 32
    seed: int = 0
    label: str = "object"
    placement: str = "centre"
    correlation: float = 0.0
    availability: float = 1.0

    def __post_init__(self) -> None:
        if len(self.classes) < 1 or len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes {self.classes!r}: name at least one class, each once")
        if min(self.classes) < 0:
            raise ValueError(f"classes: {min(self.classes)} is no index; count classes from 0")
        for name in self.transformations:
            transform(name)
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise ValueError(f"size {self.size}: choose {SIZES[0]} to {SIZES[1]} pixels")
        _one_of("label", self.label, LABELS)
        if self.label == "transformation" and not self.transformations:
            raise ValueError("label 'transformation': there is none to name; give at least one family")
        _one_of("placement", self.placement, PLACEMENTS)
        for name in ("correlation", "availability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)}: give a probability, 0 to 1")

    @property
    def labels(self) -> int:
        """How many labels there are."""
        if self.label == "transformation":
            return transform(self.transformations[0]).labels
        return len(self.classes) if self.label == "object" else len(_background_labels(self))


def _one_of(name: str, value: str, valid: Sequence[str]) -> None:
    if value not in valid:
        raise ValueError(f"{name} {value!r}: choose from {', '.join(valid)}")


def label_names(task: Task) -> tuple[str, ...]:
    """What each label of the task is called, in their order."""
    if task.label == "transformation":
        return transform(task.transformations[0]).label_names
    if task.label == "background":
        return _background_labels(task)
    names = class_names(task.objects)
    return tuple(names[index] for index in task.classes)


def _background_labels(task: Task) -> tuple[str, ...]:
    """The classes of the task's backgrounds. Raises ValueError where they have none, or not as many as a correlation
    needs."""
    names = backgrounds(task.backgrounds, task.size).label_names
    if not names:
        raise ValueError(
            f"backgrounds {task.backgrounds!r}: they have no classes that could be named; use scenes or photographs"
        )
    if task.correlation and len(names) != len(task.classes):
        raise ValueError(
            f"classes: a correlation pairs them with the backgrounds' {len(names)} classes one to one, and there are "
            f"{len(task.classes)}; give as many"
        )
    return names


class Batch(NamedTuple):
    images: torch.Tensor  # float32 (N, 3, S, S) in [−1, 1]
    labels: torch.Tensor  # int64 (N,)


class Pairs(NamedTuple):
    """The part of samples that no epoch changes."""

    prototypes: torch.Tensor  # float32 (N, 4, S, S), premultiplied
    backgrounds: torch.Tensor  # float32 (N, 3, S, S) in [0, 1]
    labels: torch.Tensor  # int64 (N,)


def render(
    task: Task,
    split: str,
    indices: Sequence[int] | torch.Tensor,
    epoch: int = 0,
    twin: int = 0,
    device: str = "cpu",
    redraw: str = "transformations",
) -> Batch:
    """The samples `indices` of a split, rendered on `device`.

    twin: 0, or 1 for the other image of each twin pair: all the same, but what `redraw` says drawn independently.
    Raises ValueError for an unknown split or a class that the bank does not have.
    """
    rows = torch.as_tensor(indices, dtype=torch.int64, device=device)
    _one_of("redraw", redraw, REDRAWS)
    plan = plan_pairs(task, split, rows, device, redraw if twin else "")
    parameters = transformation_draws(task, split, rows, epoch, twin if redraw == "transformations" else 0, device)
    return _composed(task, plan, parameters, _placement_matrices(task, split, rows, epoch, device), device)


def render_at(
    task: Task, split: str, indices: Sequence[int] | torch.Tensor, parameters: Sequence[Parameters], device: str = "cpu"
) -> Batch:
    """The samples `indices` (each may come several times) with the task's families at given parameters, nothing drawn.

    parameters: for each of the task's families its parameters, a row for each index.
    """
    rows = torch.as_tensor(indices, dtype=torch.int64, device=device)
    plan = plan_pairs(task, split, rows, device)
    return _composed(task, plan, parameters, _placement_matrices(task, split, rows, 0, device), device)


def _composed(
    task: Task, plan: Plan, parameters: Sequence[Parameters], place: torch.Tensor | None, device: str
) -> Batch:
    block = GPU_BLOCK
    if torch.device(device).type == "cpu":
        block = max(1, CPU_BLOCK * CANVAS**2 // task.size**2)  # of the same memory, 4 MB, at every size
    count = len(plan.labels)
    images = torch.empty(count, 3, task.size, task.size, device=device)
    for start in range(0, count, block):
        part = slice(start, start + block)
        here = [{name: values[part] for name, values in family.items()} for family in parameters]
        todo = operations(task.transformations, here)
        if place is not None:
            todo.append((warp, {"matrix": place[part]}))
        objects, rows = _objects_among(task, plan, part, device)
        if compiled.takes(objects) and (found := steps(todo, task.size)) is not None:
            compiled.run(objects, [*found, _paste_step(task, plan, part)], rows, images[part])
        else:
            objects = objects if rows is None else objects.index_select(0, rows)
            paste(apply_all(objects, todo), behind(task, plan, part, device), out=images[part])
    if task.label == "transformation":
        return Batch(images, transform(task.transformations[0]).label_of(parameters[0]))
    return Batch(images, plan.labels)


class Plan(NamedTuple):
    """Which object and which background each of N samples has."""

    labels: torch.Tensor  # int64 (N,), of the object or the background
    prototypes: torch.Tensor  # int64 (N,), rows of the bank's prototypes
    backgrounds: torch.Tensor  # int64 (N,)
    fresh: torch.Tensor  # int64 (N,), keys for backgrounds that are made fresh
    shown: torch.Tensor  # bool (N,), whether there is an object


def plan_pairs(task: Task, split: str, indices: torch.Tensor, device: str = "cpu", anew: str = "") -> Plan:
    """The (object, background) choices of the samples `indices` (int64, (N,)): small, and the same in every epoch.

    They depend on seed and split alone, so tasks of one seed share them index by index, and two networks compared
    differ only in what their specs say. Splits share nothing: no test image has a training image's draws.
    anew: draw the `object` or the `background` independently, as the second image of a twin pair does.
    """
    if split not in SPLITS:
        raise ValueError(f"there is no split {split!r}; choose from {', '.join(SPLITS)}")
    generator = Generator.of("pairs", task.seed, split, indices=indices, device=device)
    objects = generator.fork("object", "anew") if anew == "object" else generator.fork("object")
    place = generator.fork("background", "anew") if anew == "background" else generator.fork("background")
    n = len(indices)
    behind = _pick_background(backgrounds(task.backgrounds, task.size), split, place)
    named = objects.integers(n, len(task.classes))
    if task.correlation:
        _background_labels(task)
        own = generator.fork("correlation").chance(n, task.correlation)
        named = torch.where(own, _label_of_background(task, behind), named)
    rows, first, counts = _prototypes(task.objects, task.classes, task.size, split, str(device))
    # One number decides among a class's prototypes; with a single one it is always that.
    apart = generator.fork("prototype", "anew") if anew == "object" else generator.fork("prototype")
    which = rows[(apart.uniform(n) * counts[named]).long() + first[named]]
    shown = generator.fork("shown").chance(n, task.availability)
    labels = named
    if task.label == "background":
        _background_labels(task)
        labels = _label_of_background(task, behind)
    return Plan(labels, which, behind, place.fork("fresh").keys, shown)


def _pick_background(behind: BackgroundSet, split: str, place: Generator) -> torch.Tensor:
    """int64 (N,): uniform over the set's backgrounds of a split."""
    if behind.splits is None:
        return pick(behind, place)
    rows = _rows_of_split(behind, split).to(place.keys.device)
    return rows[place.integers(place.n, len(rows))]


@functools.lru_cache(maxsize=32)
def _rows_of_split(behind: BackgroundSet, split: str) -> torch.Tensor:
    if behind.splits is None:
        raise ValueError(f"the backgrounds {behind.name!r} do not belong to splits")
    return (behind.splits == SPLITS.index(split)).nonzero()[:, 0]


def _label_of_background(task: Task, which: torch.Tensor) -> torch.Tensor:
    return backgrounds(task.backgrounds, task.size).labels.to(which.device)[which]


def fetch(task: Task, plan: Plan, part: slice, device: str = "cpu") -> Pairs:
    """The pictures of a part of a plan."""
    scenes = backgrounds(task.backgrounds, task.size)
    drawn = draw(scenes, plan.backgrounds[part], Generator(plan.fresh[part]), device)
    return Pairs(objects_of(task, plan, part, device), drawn, plan.labels[part])


def objects_of(task: Task, plan: Plan, part: slice, device: str = "cpu") -> torch.Tensor:
    """float32 (N, 4, S, S), premultiplied: the objects of a part of a plan; transparent where there is none."""
    objects, rows = _objects_among(task, plan, part, device)
    return objects if rows is None else objects.index_select(0, rows)


def _objects_among(task: Task, plan: Plan, part: slice, device: str) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The same as rows (None: all) of images, which are not copied where a bank has them as they are."""
    whole, rows = _on_device(task.objects, task.size, str(device)), plan.prototypes[part]
    if whole.dtype == torch.float32 and task.availability == 1:
        return whole, rows
    prototypes = whole.index_select(0, rows)
    if prototypes.dtype != torch.float32:  # photographs are kept as bytes: a quarter of the memory
        opaque = torch.ones(len(prototypes), 1, task.size, task.size, device=device)
        prototypes = torch.cat([prototypes.float().div_(255), opaque], 1)
    if task.availability < 1:
        prototypes = prototypes * plan.shown[part][:, None, None, None]
    return prototypes, None


def behind(task: Task, plan: Plan, part: slice, device: str = "cpu") -> torch.Tensor:
    """(N, 3, S, S): the backgrounds of a part of a plan, as `backgrounds.stored` gives them."""
    scenes = backgrounds(task.backgrounds, task.size)
    return stored(scenes, plan.backgrounds[part], Generator(plan.fresh[part]), device)


def _paste_step(task: Task, plan: Plan, part: slice) -> compiled.Step:
    """`paste` on the backgrounds of a part of a plan, compiled; what is made fresh is made there."""
    if backgrounds(task.backgrounds, task.size).pixels is None:
        return compiled.Step("paste_fresh", fresh_keys(Generator(plan.fresh[part])))
    return compiled.Step("paste", behind(task, plan, part))


def _placement_matrices(task: Task, split: str, indices: torch.Tensor, epoch: int, device: str) -> torch.Tensor | None:
    """(N, 3, 3): the output -> input maps that put the objects in their places; None in the centre."""
    if task.placement == "centre":
        return None
    n = len(indices)
    x, y = (torch.full((n,), at, device=device) for at in CORNER)
    if task.placement == "anywhere":  # one of the transformations in all but name: fresh in every epoch
        generator = Generator.of("placement", task.seed, split, indices=indices, epoch=epoch, device=device)
        x, y = (generator.uniform(n, -REACH, REACH) for _ in range(2))
    return torch.bmm(scale_matrix(torch.full((n,), BESIDE, device=device)), translate_matrix(x, y))


def pairs(task: Task, split: str, indices: Sequence[int] | torch.Tensor, device: str = "cpu") -> Pairs:
    """The untransformed objects and the backgrounds of the samples `indices`."""
    rows = torch.as_tensor(indices, dtype=torch.int64, device=device)
    return fetch(task, plan_pairs(task, split, rows, device), slice(None), device)


def transformation_draws(
    task: Task, split: str, indices: torch.Tensor, epoch: int = 0, twin: int = 0, device: str = "cpu"
) -> list[Parameters]:
    """The parameters of each of the task's families for the samples `indices`."""
    generator = Generator.of("transformations", task.seed, split, twin, indices=indices, epoch=epoch, device=device)
    return draw_parameters(task.transformations, len(indices), generator)


def paste(foregrounds: torch.Tensor, behind: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """Premultiplied RGBA (N, 4, S, S) over RGB (N, 3, S, S), in [0, 1] or as bytes; float32 in [−1, 1]."""
    if out is None:
        out = torch.empty(behind.shape, device=behind.device)
    white = 255 if behind.dtype == torch.uint8 else 1
    through = foregrounds[:, 3:].mul(-2 / white).add_(2 / white)
    return out.copy_(behind).mul_(through).add_(foregrounds[:, :3], alpha=2).sub_(1)


@functools.lru_cache(maxsize=128)
def _prototypes(
    name: str, classes: tuple[int, ...], size: int, split: str, device: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The rows of the bank's prototypes that a split of these classes has, and for each label the place of its first
    one among them and how many there are."""
    whole = bank(name, size)
    if max(classes) >= whole.classes:
        raise ValueError(f"class {max(classes)}: the objects {name!r} have {whole.classes} classes, counted from 0")
    here = whole.labels >= 0 if whole.splits is None else whole.splits == SPLITS.index(split)
    rows = [((whole.labels == c) & here).nonzero()[:, 0] for c in classes]
    counts = torch.tensor([len(r) for r in rows])
    first = counts.cumsum(0) - counts
    return torch.cat(rows).to(device), first.to(device), counts.to(device)


@functools.lru_cache(maxsize=8)
def _on_device(name: str, size: int, device: str) -> torch.Tensor:
    """The bank's prototypes on `device`, sent there once."""
    return bank(name, size).prototypes.to(device)


# ------------------------------------------------------------------------------------- whole sets, for measurements


PART_BYTES = 48 * 2**20  # of pixels rendered at once of a set that is not kept: 4,096 images of 32 pixels
PART_MULTIPLE = 256  # images: networks see the same batches whether a set is kept or not


class Rendered:
    """A few rendered sets kept in memory, so that many networks measured on one task cost one rendering.

    Each set is made once even where several threads ask for it at the same time. `parts` and `chooser` never hold a set
    of more than `limit_bytes`: it is rendered part by part, again for each network. What is kept takes `limit_bytes`
    at most, and while a set is made as much again.
    """

    def __init__(self, limit_bytes: int = 2**30) -> None:
        self.limit_bytes = limit_bytes
        self._sets: dict[tuple, Batch] = {}
        self._locks: dict[tuple, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(
        self,
        task: Task,
        split: str,
        count: int,
        twin: int = 0,
        device: str = "cpu",
        redraw: str = "transformations",
    ) -> Batch:
        """The samples 0 … count − 1."""
        at = _place(task, split, count, twin, device, redraw)
        with self._lock:
            own = self._locks.setdefault(at, threading.Lock())
        with own:
            found = self._sets.get(at)
            if found is None:
                found = render(task, split, range(count), twin=twin, device=device, redraw=redraw)
                with self._lock:
                    self._sets[at] = found
                    self._trim()
        return found

    def parts(
        self, task: Task, split: str, count: int, twin: int = 0, device: str = "cpu", redraw: str = "transformations"
    ) -> Iterator[Batch]:
        """The samples 0 … count − 1 in their order: as one kept batch, or, beyond the limit, in parts of `PART_BYTES`
        (of `PART_MULTIPLE` images at least) that are rendered when they are asked for."""
        if self.keeps(task, count):
            yield self.get(task, split, count, twin, device, redraw)
            return
        each = max(1, PART_BYTES // (_bytes(task) * PART_MULTIPLE)) * PART_MULTIPLE
        for start in range(0, count, each):
            yield render(task, split, range(start, min(start + each, count)), 0, twin, device, redraw)

    def twins(
        self, task: Task, split: str, count: int, device: str = "cpu", redraw: str = "transformations"
    ) -> Iterator[tuple[int, Iterator[Batch]]]:
        """Both sides of the samples 0 … count − 1 as (twin, its `parts`); first the one that no other thread is just
        rendering, so that two threads that ask for the same pairs render a side each instead of waiting."""
        with self._lock:
            own = self._locks.get(_place(task, split, count, 0, device, redraw))
        first = int(own is not None and own.locked())
        for twin in (first, 1 - first):
            yield twin, self.parts(task, split, count, twin, device, redraw)

    def chooser(self, task: Task, split: str, count: int, device: str = "cpu") -> Callable[[torch.Tensor], Batch]:
        """What gives samples among 0 … count − 1 by their indices (int64, (n,)): from the kept set, or, beyond the
        limit, rendered when they are asked for."""
        if not self.keeps(task, count):
            return functools.partial(render, task, split, device=device)
        whole = self.get(task, split, count, device=device)
        return lambda rows: Batch(whole.images[rows], whole.labels[rows])

    def keeps(self, task: Task, count: int) -> bool:
        """Whether so many images are kept as a whole."""
        return count * _bytes(task) <= self.limit_bytes

    def _trim(self) -> None:
        sizes = {at: batch.images.nbytes for at, batch in self._sets.items()}
        for at in list(self._sets):  # oldest first
            if sum(sizes.values()) <= self.limit_bytes or len(sizes) == 1:
                return
            del self._sets[at], sizes[at]
            self._locks.pop(at, None)


def _place(task: Task, split: str, count: int, twin: int, device: str, redraw: str) -> tuple:
    """Under which a set is kept."""
    return task, split, count, twin, str(device), redraw if twin else ""


def _bytes(task: Task) -> int:
    """Of the pixels of one image."""
    return 3 * task.size**2 * 4


rendered = Rendered()


# ------------------------------------------------------------------------------------------------- choosing at random


def draw_classes(objects: str, count: int, seed: int, skip: int = 0) -> tuple[int, ...]:
    """`count` classes in the random order of `seed`, after its first `skip`: two draws of one seed that do not overlap
    in that order share no class. Raises ValueError where the bank has too few."""
    available = len(class_names(objects))
    if skip + count > available:
        raise ValueError(f"classes: {skip + count} are needed, the objects {objects!r} have {available}; ask for fewer")
    order = sorted(range(available), key=lambda index: word("classes", seed, index))
    return tuple(order[skip : skip + count])


def disjoint_transformations(names: Sequence[str], seed: int) -> tuple[str, ...]:
    """As many families as `names` has, of the same groups, drawn at random from those not among them.

    Raises ValueError where a group has too few left, and for an unknown name.
    """
    chosen: list[str] = []
    for name in names:
        group = transform(name).group
        free = [t.name for t in TRANSFORMS.values() if t.group == group and t.name not in (*names, *chosen)]
        free.sort(key=lambda other: word("disjoint", seed, other))
        if not free:
            raise ValueError(
                f"no {group} transformation is left that is disjoint from {', '.join(names)}; choose fewer"
            )
        chosen.append(free[0])
    return tuple(chosen)
