"""Background sets: what an object is pasted on. A background is drawn uniformly from its set and carries no label of
the task, unless the task asks for the background's own class (`labels`)."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from invlab import hub, seeds, things, uploads
from invlab.kept import is_kept, kept
from invlab.once import once_each
from invlab.photographs import PHOTOGRAPHS, SCENES_VERSION, draw_scenes, photographs, scene_bytes
from invlab.pictures import PictureError, decode_picture, files_in, read_picture, square
from invlab.scenes import SCENES

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

SCENES_PER_CLASS = 120
FEW_SCENES = 300  # up to so many are drawn one by one, in about two seconds of one core; then all 1,200 are
FOLDER = "folder:"


@dataclass(frozen=True, eq=False)  # compared by identity: two tensors have no single truth value
class BackgroundSet:
    """A set of backgrounds of one size.

    name: as in `backgrounds`.
    size: height and width, pixels.
    pixels: uint8 (B, 3, size, size); or `Scenes`, drawn when they are asked for; or None where each image gets a
        fresh one.
    labels: int64 (B,), the class of each background; all 0 where the set has no classes.
    label_names: the names of the classes, in the order of their labels; empty where there are none.
    splits: int64 (B,), the only split each background appears in (an index into `invlab.tasks.SPLITS`), or None where
        every background appears in all of them.
    """

    name: str
    size: int
    pixels: torch.Tensor | Scenes | None
    labels: torch.Tensor
    label_names: tuple[str, ...]
    splits: torch.Tensor | None = None

    @property
    def images(self) -> torch.Tensor | None:
        """uint8 (B, 3, size, size), all of them; None where each image gets a fresh one."""
        return self.pixels.whole() if isinstance(self.pixels, Scenes) else self.pixels


@once_each(16)
def backgrounds(name: str, size: int) -> BackgroundSet:
    """The background set `name` at `size` × `size` pixels; made once in a process, then shared: do not change it.

    `name` is a row of `BACKGROUNDS`, what `open_folder` returned, or what `invlab.uploads.receive` gave photographs.
    Raises ValueError for an unknown name, a size below 1, photographs that are gone or have changed, and a set that was
    not fetched (`invlab.sources`).
    """
    if size < 1:
        raise ValueError(f"backgrounds of {size} pixels cannot be made: size must be at least 1")
    if name.startswith(FOLDER):
        return _folder(name, size)
    if name.startswith(uploads.PREFIX):
        return _uploaded(name, size)
    if name not in BACKGROUNDS:
        valid = ", ".join(map(repr, BACKGROUNDS))
        raise ValueError(f"unknown background set {name!r}: use one of {valid}, or a name given by open_folder")
    return BACKGROUNDS[name](name, size)


def pick(background_set: BackgroundSet, generator: seeds.Generator) -> torch.Tensor:
    """int64 (N,): for each row of `generator` the index of a background, uniform over the set."""
    return generator.integers(generator.n, len(background_set.labels))


def draw(
    background_set: BackgroundSet, which: torch.Tensor | None, generator: seeds.Generator, device: str | torch.device
) -> torch.Tensor:
    """float32 (N, 3, S, S) in [0, 1] on `device`: the backgrounds `which` (int64, (N,)).

    Takes what `stored` takes, and `which` may be None: then it is picked from `generator`.
    """
    if which is None and background_set.pixels is not None:
        which = pick(background_set, generator)
    images = stored(background_set, which, generator, device)
    return images if images.dtype == torch.float32 else images.float().div_(255)


def stored(
    background_set: BackgroundSet, which: torch.Tensor | None, generator: seeds.Generator, device: str | torch.device
) -> torch.Tensor:
    """(N, 3, S, S) on `device`: the backgrounds `which` (int64, (N,)) as they are kept: uint8, or float32 in [0, 1].

    A set without stored images makes fresh ones, a function of the rows of `generator` alone, and takes no notice of
    `which`. Raises ValueError where a set that keeps images is not told which.
    """
    if background_set.pixels is None:
        side = background_set.size
        return seeds.uniform_field(fresh_keys(generator).to(device), 3, side, side)
    if which is None:
        raise ValueError(f"backgrounds {background_set.name!r}: say which")
    if isinstance(background_set.pixels, Scenes) and (few := background_set.pixels.some(which)) is not None:
        return few.to(device)
    images = _images_on(background_set, str(device))
    return images.index_select(0, which.to(images.device))


def fresh_keys(generator: seeds.Generator) -> torch.Tensor:
    """int64 (N,): whose `seeds.uniform_field` the fresh backgrounds of the rows of `generator` are."""
    return generator.seeds(generator.n)


@lru_cache(maxsize=8)
def _images_on(background_set: BackgroundSet, device: str) -> torch.Tensor:
    """The set's images on `device`, sent there once: 1,200 of them at 32 px are 3.7 MB."""
    if background_set.images is None:
        raise ValueError(f"the background set {background_set.name!r} keeps no images: each is made fresh")
    return background_set.images.to(device)


# ---- the sets -------------------------------------------------------------------------------------------------------


def _random(name: str, size: int) -> BackgroundSet:
    return BackgroundSet(name, size, None, torch.zeros(1, dtype=torch.int64), ())


def _black(name: str, size: int) -> BackgroundSet:
    images = torch.zeros(1, 3, size, size, dtype=torch.uint8)
    return BackgroundSet(name, size, images, torch.zeros(1, dtype=torch.int64), ())


def _scenes(name: str, size: int) -> BackgroundSet:
    """`SCENES_PER_CLASS` procedural scenes of each class."""
    labels = torch.arange(len(SCENES)).repeat_interleave(SCENES_PER_CLASS)
    return BackgroundSet(name, size, Scenes(size), labels, SCENES)


class Scenes:
    """The procedural scenes of one size: from the cache on disk where it holds them whole. Else, as long as few are
    asked for, those alone are drawn: somebody who looks at twenty pictures of 96 pixels does not wait for 1,200."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.each = SCENES_PER_CLASS
        self._few: dict[int, torch.Tensor] = {}
        self._whole: torch.Tensor | None = None
        self._lock = threading.Lock()

    def whole(self) -> torch.Tensor:
        """uint8 (10 · each, 3, size, size), class by class; from the cache, or drawn and kept there."""
        with self._lock:
            return self._all()

    def some(self, which: torch.Tensor) -> torch.Tensor | None:
        """uint8 (N, 3, size, size): the scenes `which` (int64, (N,)); None where `whole` is at hand, or due."""
        if self._whole is not None:  # without the lock: this is asked for every block of images
            return None
        asked = which.tolist()
        with self._lock:
            missing = [scene for scene in dict.fromkeys(asked) if scene not in self._few]
            if self._whole is not None or len(self._few) + len(missing) > FEW_SCENES or is_kept(*self._cached()):
                self._all()
                return None
            for scene in missing:
                drawn = scene_bytes(scene // self.each, scene % self.each, scene % self.each + 1, self.size)
                self._few[scene] = torch.frombuffer(bytearray(drawn), dtype=torch.uint8).view(3, self.size, self.size)
            return torch.stack([self._few[scene] for scene in asked]) if asked else None

    def _all(self) -> torch.Tensor:
        if self._whole is None:
            self._whole = torch.from_numpy(kept(*self._cached(), lambda: draw_scenes(range(self.each), self.size)))
            self._few.clear()
        return self._whole

    def _cached(self) -> tuple[str, tuple[int, ...]]:
        """The name and the shape of what the cache keeps."""
        return f"scenes-v{SCENES_VERSION}-{self.size}", (len(SCENES) * self.each, 3, self.size, self.size)


def _of_photographs(name: str, size: int) -> BackgroundSet:
    """A row of `PHOTOGRAPHS`, its images shared with the bank of the same name."""
    found = photographs(name, size)
    return BackgroundSet(name, size, found.images, found.labels, found.names, found.splits)


def _things(name: str, size: int) -> BackgroundSet:
    """Pictures of small drawn things, ten kinds of them."""
    found = things.things(size)
    return BackgroundSet(name, size, found.images, found.labels, found.names, found.splits)


def _transforms2d(name: str, size: int) -> BackgroundSet:
    """The photographs of Transforms-2D, cropped square."""
    images = torch.from_numpy(np.stack([square(picture, size) for picture in hub.photographs()]))
    return BackgroundSet(name, size, images, torch.zeros(len(images), dtype=torch.int64), ())


def _uploaded(name: str, size: int) -> BackgroundSet:
    """A visitor's photographs; the folders they came in are their classes."""
    found = uploads.described(name)
    if found.kind != "photographs":
        raise ValueError(
            f"the pictures {uploads.short(name)} are cut-outs, which have nothing to be pasted on: upload photographs "
            "for the background"
        )
    images = torch.from_numpy(np.stack([square(picture, size) for picture in uploads.pictures(found)]))
    return BackgroundSet(name, size, images, torch.tensor(found.labels), found.classes)


# ---- a person's own photographs -------------------------------------------------------------------------------------


def open_folder(path: str | Path) -> tuple[str, list[str]]:
    """The name of the background set made of the photographs directly in the folder `path`, and what was wrong.

    The name holds a digest of the usable files' names and bytes, so results computed with it follow the content. Each
    file that cannot be used gives one sentence in the list; the others still count. Raises ValueError (one sentence)
    where the folder cannot be read or holds no usable photograph.
    """
    root = Path(path).expanduser().resolve()
    _, digest, problems = _photographs(root, 1)
    return f"{FOLDER}{root}#{digest}", problems


def _folder(name: str, size: int) -> BackgroundSet:
    place, _, digest = name.removeprefix(FOLDER).rpartition("#")
    if not place or not digest:
        raise ValueError(f"the background set {name!r} has no digest: open the folder with open_folder, use its name")
    images, found, _ = _photographs(Path(place), size)
    if found != digest:
        raise ValueError(f"the photographs in {place} have changed since {name!r} was made: open the folder again")
    return BackgroundSet(name, size, images, torch.zeros(len(images), dtype=torch.int64), ())


def _photographs(root: Path, size: int) -> tuple[torch.Tensor, str, list[str]]:
    """Every usable photograph in `root` as uint8 (B, 3, size, size), their digest, and a sentence for each other."""
    content, images, problems = hashlib.sha256(), [], []
    for file in files_in(root):
        try:
            data = read_picture(file, root)
            images.append(square(decode_picture(data, file.name), size))
        except PictureError as error:
            problems.append(str(error))
            continue
        content.update(hashlib.sha256(os.fsencode(file.name)).digest() + hashlib.sha256(data).digest())
    if not images:
        reasons = " ".join(["", *problems[:3]])
        raise ValueError(f"The folder {root} holds no photograph to use: put PNG, WebP or JPEG files in it.{reasons}")
    return torch.from_numpy(np.stack(images)), content.hexdigest()[:16], problems


BACKGROUNDS: dict[str, Callable[[str, int], BackgroundSet]] = {
    "scenes": _scenes,
    "random": _random,
    "black": _black,
    **dict.fromkeys(PHOTOGRAPHS, _of_photographs),
    things.NAME: _things,
    hub.NAME: _transforms2d,
}
