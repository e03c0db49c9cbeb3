"""A task's images as files: contact sheets and data sets (an image folder with its metadata, or one tensor file)."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shutil
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TextIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from invlab import records
from invlab.files import replaced
from invlab.tasks import SPLITS, Task, label_names, plan_pairs, render, transformation_draws

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

BLOCK = 256  # images held at once while a data set is written
CAPTION = 14  # pixels, of the names under the images of a contact sheet
GAP = 6
PAPER, INK = "#ffffff", "#1c2733"
METADATA = "task.json"
STORED_AS = {"torch.int64": "I64", "torch.float32": "F32", "torch.uint8": "U8", "torch.bool": "BOOL"}
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)")  # names that Windows keeps for itself

Report = Callable[[dict[str, Any]], None]


def as_pixels(images: torch.Tensor) -> np.ndarray:
    """uint8 (N, S, S, 3) from float (N, 3, S, S) in [−1, 1], rounded."""
    levels = images.add(1).mul_(127.5).round_().clamp_(0, 255)
    return levels.permute(0, 2, 3, 1).to("cpu", torch.uint8).numpy()


def as_png(picture: np.ndarray | Image.Image) -> bytes:
    """One picture, as uint8 (H, W, 3) or Pillow's, as a PNG file."""
    out = io.BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(out, "PNG")
    return out.getvalue()


def drawn_values(parameters: Sequence[Mapping[str, torch.Tensor]]) -> list[list[dict[str, float | int]]]:
    """For each image the parameters of each family in turn, as numbers that give the same float32 back."""
    columns = [{name: values.tolist() for name, values in family.items()} for family in parameters]
    count = len(next(iter(columns[0].values()))) if columns else 0
    return [[{name: _short(values[i]) for name, values in family.items()} for family in columns] for i in range(count)]


def _short(value: float | int) -> float | int:
    return value if isinstance(value, int) else float(f"{value:.9g}")


# ------------------------------------------------------------------------------------------------------ contact sheet


def contact_sheet(task: Task, split: str, rows: int, columns: int, zoom: int = 3) -> Image.Image:
    """The first `rows` × `columns` samples of a split, each pixel `zoom` times as large, with its label.

    Raises ValueError where there is nothing to draw, or too much for one picture.
    """
    if min(rows, columns, zoom) < 1:
        raise ValueError(f"rows {rows}, columns {columns}, zoom {zoom}: each must be at least 1")
    side = task.size * zoom
    width, height = columns * (side + GAP) + GAP, rows * (side + GAP + CAPTION) + GAP
    if width * height > 100_000_000:
        raise ValueError(f"a contact sheet of {width} × {height} pixels is too large: choose fewer images or less zoom")
    batch = render(task, split, range(rows * columns))
    names = label_names(task)
    sheet = Image.new("RGB", (width, height), PAPER)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=CAPTION - 3)
    for i, (pixels, label) in enumerate(zip(as_pixels(batch.images), batch.labels.tolist(), strict=True)):
        left, top = GAP + (i % columns) * (side + GAP), GAP + (i // columns) * (side + GAP + CAPTION)
        sheet.paste(Image.fromarray(pixels).resize((side, side), Image.Resampling.NEAREST), (left, top))
        pen.text((left, top + side), _cut(names[label], font, side), INK, font)
    return sheet


def _cut(text: str, font: Any, width: int) -> str:
    """`text`, or as much of it as fits into `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"


# ----------------------------------------------------------------------------------------------------------- data set


def write_dataset(task: Task, folder: Path | str, counts: Mapping[str, int], report: Report | None = None) -> Any:
    """Write `folder/<split>/<class>/<index>.png` and `folder/task.json`; `counts` says how many images of each split.

    The folder appears whole or not at all: everything is written beside it first. report: called with
    {"fraction": done}; what it raises ends the work and removes what was written. Returns what task.json says of the
    whole set (not of each image). Raises ValueError for a folder that holds something, and for impossible counts.
    """
    target = Path(folder).expanduser()
    checked = _checked(counts)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(f"{target} exists already and is not an empty folder: choose a new name, or empty it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    try:
        part.chmod(0o755)  # mkdtemp's folders are for their owner alone

        def put(name: str, data: bytes) -> None:
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

        with (part / METADATA).open("w", encoding="utf-8") as metadata:
            manifest = _emit(task, checked, put, metadata, report)
        if target.exists():
            target.rmdir()  # empty; not every system renames onto a folder
        os.replace(part, target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return manifest


def dataset_zip(task: Task, counts: Mapping[str, int]) -> bytes:
    """The files of `write_dataset` as one ZIP; the same bytes whenever it is asked for."""
    checked = _checked(counts)
    out, metadata = io.BytesIO(), io.StringIO()
    with zipfile.ZipFile(out, "w") as archive:

        def put(name: str, data: bytes, how: int = zipfile.ZIP_STORED) -> None:  # a PNG does not shrink any further
            entry = zipfile.ZipInfo(name)  # without the time of day
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data, how)

        _emit(task, checked, put, metadata, None)
        put(METADATA, metadata.getvalue().encode(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def write_tensors(task: Task, path: Path | str, counts: Mapping[str, int], report: Report | None = None) -> None:
    """Write a task as one new safetensors file; `counts` says how many images of each split.

    For each split: `<split>.images` uint8 (N, 3, S, S), `<split>.labels` and `<split>.backgrounds` int64 (N,), and for
    each family in turn what was drawn, `<split>.draws.<number>.<family>.<parameter>` (N,). The file's metadata hold one
    JSON text, `task`: key, spec, counts and the labels' names. The file appears whole or not at all; of its pixels
    `BLOCK` images are in memory. report: called with {"fraction": done}; what it raises ends the work. Raises
    ValueError for impossible counts, and where there is such a file already.
    """
    target = Path(path).expanduser()
    checked = _checked(counts)
    if target.exists():
        raise ValueError(f"{target} exists already: choose a new name")
    with replaced(target) as file:
        _write_set(file, task, checked, report)


def tensors(task: Task, counts: Mapping[str, int]) -> bytes:
    """The file of `write_tensors` in memory, for few images."""
    file = io.BytesIO()
    _write_set(file, task, _checked(counts), None)
    return file.getvalue()


def _write_set(file: IO[bytes], task: Task, counts: dict[str, int], report: Report | None) -> None:
    small: dict[str, torch.Tensor] = {}
    for split, count in counts.items():
        small |= _small_tensors(task, split, count)
    pixels = {f"{split}.images": (count, 3, task.size, task.size) for split, count in counts.items()}
    about = _head(task, counts) | {"labels": list(label_names(task))}
    at = _write_header(file, small, pixels, {"task": json.dumps(about, ensure_ascii=False)})
    done, whole = 0, sum(counts.values())
    for split, count in counts.items():
        file.seek(at[f"{split}.images"])
        for start in range(0, count, BLOCK):
            batch = render(task, split, range(start, min(start + BLOCK, count)))
            small[f"{split}.labels"][start : start + BLOCK] = batch.labels
            file.write(np.ascontiguousarray(as_pixels(batch.images).transpose(0, 3, 1, 2)).data)
            done += len(batch.labels)
            if report is not None:
                report({"fraction": done / whole})
    for name, tensor in small.items():
        file.seek(at[name])
        file.write(tensor.contiguous().numpy().data)


def _small_tensors(task: Task, split: str, count: int) -> dict[str, torch.Tensor]:
    """All of a split but its pixels, by name; the labels are still to come."""
    rows = torch.arange(count)
    made = {f"{split}.labels": torch.zeros(count, dtype=torch.int64)}
    made[f"{split}.backgrounds"] = plan_pairs(task, split, rows).backgrounds
    drawn = zip(task.transformations, transformation_draws(task, split, rows), strict=True)
    for number, (family, parameters) in enumerate(drawn):
        made |= {f"{split}.draws.{number}.{family}.{name}": values for name, values in parameters.items()}
    return made


def _write_header(
    file: IO[bytes], small: Mapping[str, torch.Tensor], pixels: Mapping[str, tuple[int, ...]], about: dict[str, str]
) -> dict[str, int]:
    """Begin a safetensors file: 8 bytes with the length of what follows, and in JSON where each tensor lies. Returns
    the place of each in the file. The widest numbers come first, so that each lies where its kind may lie in memory."""
    described: list[tuple[str, str, tuple[int, ...], int]] = []
    for name, tensor in sorted(small.items(), key=lambda item: -item[1].element_size()):
        described.append((name, STORED_AS[str(tensor.dtype)], tuple(tensor.shape), tensor.nbytes))
    described += [(name, "U8", shape, math.prod(shape)) for name, shape in pixels.items()]
    header: dict[str, Any] = {"__metadata__": about}
    place, at = 0, {}
    for name, kind, shape, size in described:
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [place, place + size]}
        at[name] = place
        place += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    return {name: 8 + len(text) + start for name, start in at.items()}


def _head(task: Task, counts: dict[str, int]) -> dict[str, Any]:
    return {"key": records.key(task), "spec": records.plain(task), "counts": counts}


def folder_names(names: Sequence[str]) -> tuple[str, ...]:
    """A folder's name for each class: letters, digits, `_`, `-` and inner dots, no two alike on any file system."""
    made: list[str] = []
    for name in names:
        plain = re.sub(r"[^\w.-]+", "_", unicodedata.normalize("NFC", name)).strip("._")[:60] or "class"
        plain = f"class_{plain}" if RESERVED.fullmatch(plain.split(".")[0]) else plain
        taken = {other.casefold() for other in made}
        unique, number = plain, 2
        while unique.casefold() in taken:
            unique, number = f"{plain}_{number}", number + 1
        made.append(unique)
    return tuple(made)


def _checked(counts: Mapping[str, int]) -> dict[str, int]:
    for split, count in counts.items():
        if split not in SPLITS:
            raise ValueError(f"there is no split {split!r}; choose from {', '.join(SPLITS)}")
        if count < 0:
            raise ValueError(f"{split} {count}: the number of images cannot be negative")
    if not sum(counts.values()):
        raise ValueError("the data set would be empty: ask for at least one image")
    return dict(counts)


def _emit(
    task: Task, counts: dict[str, int], put: Callable[[str, bytes], None], metadata: TextIO, report: Report | None
) -> dict[str, Any]:
    """Hand each image file to `put`, write the metadata as one JSON object with one line for each image."""
    names = label_names(task)
    folders = folder_names(names)
    classes = [{"label": i, "name": n, "folder": f} for i, (n, f) in enumerate(zip(names, folders, strict=True))]
    head = _head(task, counts) | {"classes": classes}
    metadata.write("{\n")
    for name, value in head.items():
        metadata.write(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)},\n")
    metadata.write('"images": [')
    whole, done = sum(counts.values()), 0
    for split, count in counts.items():
        for start in range(0, count, BLOCK):
            for row, png in _block(task, split, range(start, min(start + BLOCK, count)), folders):
                put(row["file"], png)
                metadata.write((",\n" if done else "\n") + json.dumps(row, ensure_ascii=False))
                done += 1
            if report is not None:
                report({"fraction": done / whole})
    metadata.write("\n]}\n")
    return head


def _block(task: Task, split: str, indices: range, folders: Sequence[str]) -> Iterator[tuple[dict[str, Any], bytes]]:
    """What is known of each of a few images, and its PNG."""
    batch = render(task, split, indices)
    rows = torch.tensor(indices)
    drawn = drawn_values(transformation_draws(task, split, rows)) or [[]] * len(indices)
    behind = plan_pairs(task, split, rows).backgrounds.tolist()
    for i, (index, label) in enumerate(zip(indices, batch.labels.tolist(), strict=True)):
        row = {
            "file": f"{split}/{folders[label]}/{index:06d}.png",
            "split": split,
            "index": index,
            "label": label,
            "background": behind[i],
            "draws": drawn[i],
        }
        yield row, as_png(as_pixels(batch.images[i : i + 1])[0])
