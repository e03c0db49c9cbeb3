"""Banks of objects: the foregrounds that tasks are made of. One object (or one folder of cut-outs) is one class."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from invlab import hub, uploads
from invlab.once import once_each
from invlab.photographs import PHOTOGRAPHS, photographs
from invlab.pictures import PictureError, cut_out, decode_picture, files_in, read_picture, square
from invlab.seeds import torch_generator
from invlab.transforms import OBJECT_SHARE

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:
    from invlab.lazy import F, torch

ASSETS = Path(__file__).parent / "assets"
SHEET_SIDE = 128  # pixels of one drawing in the sheet
RANDOM_CLASSES = 128
FOLDER = "folder:"


@dataclass(frozen=True, eq=False)
class Bank:
    """Prototypes on transparent canvases, ready to be transformed.

    prototypes: float32 (P, 4, S, S) in [0, 1], RGBA premultiplied by alpha, the object scaled to 0.7 of the canvas; or
        uint8 (P, 3, S, S) in 0 … 255: photographs, opaque objects that fill the canvas.
    labels: int64 (P,), the class of each prototype, ascending; every class has at least one.
    names: the classes' names, in label order.
    splits: int64 (P,), the only split each prototype appears in (an index into `invlab.tasks.SPLITS`), or None where
        every prototype appears in all of them.
    """

    name: str
    prototypes: torch.Tensor
    labels: torch.Tensor
    names: tuple[str, ...]
    splits: torch.Tensor | None = None

    @property
    def classes(self) -> int:
        return len(self.names)


@once_each(16)
def bank(name: str, size: int) -> Bank:
    """The bank `name` for canvases of `size` pixels, made once in a process and shared: do not change it.

    `name` is a row of `OBJECTS`, or what `open_folder` or `invlab.uploads.receive` returned. Raises ValueError for an
    unknown name, pictures that are gone or have changed, and a set that was not fetched (`invlab.sources`).
    """
    if name.startswith(FOLDER):
        return _folder(name, size)
    if name.startswith(uploads.PREFIX):
        return _uploaded(name, size)
    if name not in OBJECTS:
        raise ValueError(f"there are no objects {name!r}; choose from {', '.join(OBJECTS)}, or open a folder")
    return OBJECTS[name](name, size)


def is_own(name: str) -> bool:
    """Whether a person brought these objects: nothing is known of how many classes they have."""
    return name.startswith((FOLDER, uploads.PREFIX))


def class_names(name: str) -> tuple[str, ...]:
    """The classes of a bank, without making its pictures where it can do without.

    Raises ValueError where they can be told only from data that are not there.
    """
    if name == "drawn":
        return tuple(json.loads((ASSETS / "objects.json").read_text()))
    if name == "random":
        return tuple(f"random {i}" for i in range(RANDOM_CLASSES))
    if name in PHOTOGRAPHS:
        return PHOTOGRAPHS[name]
    if name == hub.NAME:
        return hub.class_names()
    if name.startswith(uploads.PREFIX):
        return uploads.described(name).object_names
    return bank(name, 32).names


def on_canvas(pictures: torch.Tensor, size: int) -> torch.Tensor:
    """Premultiplied pictures (P, 4, H, W), shrunk to 0.7 of a canvas of `size` pixels and centred on it."""
    inner = int(OBJECT_SHARE * size)
    small = F.interpolate(pictures, size=(inner, inner), mode="bilinear", antialias=True).clamp_(0, 1)
    small[:, :3] = torch.minimum(small[:, :3], small[:, 3:])
    return framed(small, size)


def framed(pictures: torch.Tensor, size: int) -> torch.Tensor:
    """Pictures (P, 4, s, s) in the middle of transparent canvases of `size` pixels."""
    before = (size - pictures.shape[-1]) // 2
    after = size - pictures.shape[-1] - before
    return F.pad(pictures, (before, after, before, after))


def premultiplied(picture: np.ndarray) -> torch.Tensor:
    """float32 (4, H, W) from straight RGBA uint8 (H, W, 4)."""
    image = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255
    image[:3] *= image[3:]
    return image


def _drawn(name: str, size: int) -> Bank:
    names = class_names("drawn")
    with Image.open(ASSETS / "objects.png", formats=("PNG",)) as sheet:
        whole = premultiplied(np.asarray(sheet.convert("RGBA")))
    columns = whole.shape[2] // SHEET_SIDE
    cells = whole.unfold(1, SHEET_SIDE, SHEET_SIDE).unfold(2, SHEET_SIDE, SHEET_SIDE)  # (4, rows, columns, side, side)
    pictures = cells.permute(1, 2, 0, 3, 4).reshape(-1, 4, SHEET_SIDE, SHEET_SIDE)[: len(names)]
    if columns * cells.shape[1] < len(names):
        raise ValueError(f"the sprite sheet has room for fewer than its {len(names)} names: build it again")
    return Bank(name, on_canvas(pictures, size), torch.arange(len(names)), names)


def _random(name: str, size: int) -> Bank:
    """Each class is one fixed opaque image of uniform random pixels, 22 × 22 of them at every canvas size."""
    side = int(OBJECT_SHARE * 32)
    colours = torch.rand(RANDOM_CLASSES, 3, side, side, generator=torch_generator("random objects"))
    opaque = torch.cat([colours, torch.ones_like(colours[:, :1])], 1)
    inner = int(OBJECT_SHARE * size)
    names = class_names("random")
    return Bank(name, framed(F.interpolate(opaque, size=(inner, inner), mode="nearest"), size), _labels(names), names)


def _labels(names: tuple[str, ...]) -> torch.Tensor:
    return torch.arange(len(names))


def _of_photographs(name: str, size: int) -> Bank:
    """A row of `PHOTOGRAPHS`: the whole picture is the object."""
    found = photographs(name, size)
    return Bank(name, found.images, found.labels, found.names, found.splits)


def _transforms2d(name: str, size: int) -> Bank:
    """The cut-outs of Transforms-2D, each as a whole scaled to the box, as the data set's authors do it.

    They are decoded one at a time."""
    made = [
        (label, on_canvas(premultiplied(np.asarray(picture.convert("RGBA")))[None], size))
        for picture, label in hub.foregrounds()
    ]
    made.sort(key=lambda pair: pair[0])  # stable: within a class the files' order
    labels = torch.tensor([label for label, _ in made])
    return Bank(name, torch.cat([canvas for _, canvas in made]), labels, class_names(name))


def _uploaded(name: str, size: int) -> Bank:
    """A visitor's pictures: cut-outs stand on transparent canvases, photographs fill them."""
    found = uploads.described(name)
    if found.kind == "photographs":
        images = torch.from_numpy(np.stack([square(picture, size) for picture in uploads.pictures(found)]))
    else:
        made = [on_canvas(premultiplied(np.asarray(picture))[None], size) for picture in uploads.pictures(found)]
        images = torch.cat(made)
    return Bank(name, images, torch.tensor(found.object_labels), found.object_names)


# ------------------------------------------------------------------------------------------- a person's own cut-outs


def open_folder(path: str | Path) -> tuple[str, list[str]]:
    """The name of the bank made of `path`, which holds one folder of cut-outs for each class, and what was wrong.

    The name holds a digest of the usable files, so results follow the content. Each file or class that cannot be used
    gives one sentence in the list; the rest still loads. Raises ValueError (one sentence) where fewer than two classes
    are left.
    """
    root = Path(path).expanduser().resolve()
    _, _, _, digest, problems = _cut_outs(root)
    return f"{FOLDER}{root}#{digest}", problems


def _folder(name: str, size: int) -> Bank:
    place, _, digest = name.removeprefix(FOLDER).rpartition("#")
    if not place or not digest:
        raise ValueError(f"the objects {name!r} have no digest: open the folder with open_folder and use its name")
    pictures, labels, names, found, _ = _cut_outs(Path(place))
    if found != digest:
        raise ValueError(f"the cut-outs in {place} have changed since they were opened: open the folder again")
    canvases = torch.cat([on_canvas(picture[None], size) for picture in pictures])
    return Bank(name, canvases, torch.tensor(labels), names)


def _cut_outs(root: Path) -> tuple[list[torch.Tensor], list[int], tuple[str, ...], str, list[str]]:
    """Usable cut-outs (float32 (4, side, side), premultiplied), labels, class names, digest, sentences."""
    try:
        folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"the folder {root} cannot be read ({reason}): check its name and your access") from error
    pictures: list[torch.Tensor] = []
    labels: list[int] = []
    names: list[str] = []
    problems: list[str] = []
    content = hashlib.sha256()
    for folder in folders:
        if not folder.resolve().is_relative_to(root):
            problems.append(f"{folder.name}: the link leads out of the folder; put a copy in its place.")
            continue
        usable = list(_cut_outs_of(folder, problems))
        if not usable:
            problems.append(f"{folder.name}: no usable cut-out in this class; add a PNG or WebP with transparency.")
            continue
        for file_name, data, picture in usable:
            content.update(hashlib.sha256(f"{folder.name}/{file_name}".encode()).digest())
            content.update(hashlib.sha256(data).digest())
            pictures.append(picture)
            labels.append(len(names))
        names.append(folder.name)
    if len(names) < 2:
        shown = " ".join(["", *problems[:3]])
        raise ValueError(
            f"the folder {root} holds fewer than two usable classes: put one folder for each class in it.{shown}"
        )
    return pictures, labels, tuple(names), content.hexdigest()[:16], problems


def _cut_outs_of(folder: Path, problems: list[str]):
    """Yield (file name, bytes, premultiplied picture) for each usable file of one class."""
    try:
        files = files_in(folder)
    except PictureError as error:
        problems.append(str(error))
        return
    for file in files:
        shown = f"{folder.name}/{file.name}"
        try:
            data = read_picture(file, folder)
            yield file.name, data, premultiplied(np.asarray(cut_out(decode_picture(data, shown), shown)))
        except PictureError as error:
            text = str(error)
            problems.append(text if text.startswith(shown) else f"{folder.name}/{text}")


OBJECTS: dict[str, Callable[[str, int], Bank]] = {
    "drawn": _drawn,
    "random": _random,
    **dict.fromkeys(PHOTOGRAPHS, _of_photographs),
    hub.NAME: _transforms2d,
}
