"""`things`: pictures whose class only small shapes can tell, in CIFAR-10's form, beside the scenes of `pictures`.

Scenes are named by their colours and textures, and a network that learned them knows nothing of a small object. In a
photograph of CIFAR-10 the class is a thing. Here it is a kind of things: each picture shows seven small drawn objects
of one kind, anywhere, turned a little, on a scene that says nothing of it. The objects of no kind are left for others
to paste on top.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invlab import photographs
from invlab.kept import is_kept, kept
from invlab.objects import bank, class_names
from invlab.once import once_each
from invlab.photographs import SCENES_VERSION, SIDE, resized
from invlab.seeds import Generator, word
from invlab.transforms import rotate_matrix, scale_matrix, translate_matrix, warp

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

NAME = "things"
VERSION = 1  # raise it whenever a picture's pixels change: it names the file in the cache
KINDS, EACH = 10, 4  # classes, and drawn objects of each
SHOWN = 7  # objects in a picture; they may hide each other
SIZE = (0.32, 0.48)  # of a drawn object's usual side: 7 to 11 pixels of 32
TURN = 30.0  # degrees to either side
REACH = 11.0  # pixels from the centre
SPLITS = ("train", "validation", "test")  # as `invlab.tasks` has them, which stands above
BLOCK = 500  # pictures drawn at once


def kinds() -> tuple[tuple[int, ...], ...]:
    """The drawn objects (classes of the bank `drawn`) of each kind."""
    chosen = _order()[: KINDS * EACH]
    return tuple(chosen[kind * EACH : (kind + 1) * EACH] for kind in range(KINDS))


def others() -> tuple[int, ...]:
    """The drawn objects of no kind."""
    return _order()[KINDS * EACH :]


def kind_names() -> tuple[str, ...]:
    """Each kind by its objects."""
    names = class_names("drawn")
    return tuple(", ".join(names[index] for index in kind) for kind in kinds())


def _order() -> tuple[int, ...]:
    count = len(class_names("drawn"))
    return tuple(sorted(range(count), key=lambda index: word("things", index)))


@once_each(4)
def things(size: int) -> photographs.Photographs:
    """The set at `size` pixels, made once in a process: do not change it. Some seconds the first time in an
    installation, beside the scene pictures that it is drawn on."""
    if size != SIDE:
        found = things(SIDE)
        return photographs.Photographs(resized(found.images, size), found.labels, found.splits, found.names)
    each = sum(photographs.PICTURES)
    pixels = kept(*_cached(), lambda: draw().numpy())
    splits = torch.arange(3).repeat_interleave(torch.tensor(photographs.PICTURES)).repeat(KINDS)
    labels = torch.arange(KINDS).repeat_interleave(each)
    return photographs.Photographs(torch.from_numpy(pixels), labels, splits, kind_names())


def are_drawn() -> bool:
    """Whether the cache holds the set."""
    return is_kept(*_cached())


def _cached() -> tuple[str, tuple[int, ...]]:
    """The name and the shape of what the cache keeps."""
    return f"{NAME}-v{VERSION}-{SCENES_VERSION}-{SIDE}", (KINDS * sum(photographs.PICTURES), 3, SIDE, SIDE)


def draw() -> torch.Tensor:
    """uint8 (pictures, 3, 32, 32), kind by kind, split by split."""
    scenes = photographs.photographs("pictures", SIDE)
    parts = []
    for kind in range(KINDS):
        for number, (split, count) in enumerate(zip(SPLITS, photographs.PICTURES, strict=True)):
            behind = scenes.images[scenes.splits == number]  # scene class by scene class
            for start in range(0, count, BLOCK):
                rows = torch.arange(start, min(start + BLOCK, count))
                # Every scene is under one picture, and every kind on scenes of all classes.
                parts.append(_draw(kind, split, rows, behind[rows * KINDS + kind]))
    return torch.cat(parts)


def _draw(kind: int, split: str, rows: torch.Tensor, scenes: torch.Tensor) -> torch.Tensor:
    generator = Generator.of(NAME, kind, split, indices=rows)
    picture, prototypes, n = scenes.float().div(255), bank("drawn", SIDE).prototypes, len(rows)
    for place in range(SHOWN):
        draws = generator.fork(place)
        which = torch.tensor(kinds()[kind])[draws.integers(n, EACH)]
        matrix = torch.bmm(scale_matrix(draws.uniform(n, *SIZE)), rotate_matrix(draws.uniform(n, -TURN, TURN)))
        x, y = (draws.uniform(n, -REACH, REACH) for _ in range(2))
        thing = warp(prototypes[which], torch.bmm(matrix, translate_matrix(x, y)))
        picture = picture * (1 - thing[:, 3:]) + thing[:, :3]
    return picture.mul_(255).round_().clamp_(0, 255).to(torch.uint8)
