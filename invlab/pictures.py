"""Opening pictures that a person brought along: every file is suspect until it has been decoded."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "WEBP", "JPEG")  # the only decoders Pillow may try; a telephone's JPEG of several pictures is one too
MAX_SIDE = 8192  # pixels
MAX_PIXELS = 40_000_000  # 160 MB once decoded to RGBA
MAX_BYTES = 128 * 2**20  # a file of 40 megapixels without any compression, and a little more
MAX_FILES = 2000

# What Pillow's decoders are known to raise on damaged data.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, OverflowError, struct.error, zlib.error)
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class PictureError(ValueError):
    """A picture or a folder of pictures that cannot be used; its text is one sentence to show to the person."""


def files_in(root: str | Path) -> list[Path]:
    """The files directly in `root`, sorted by name, without folders and hidden files.

    Links are listed too: `open_picture` decides about them. Raises `PictureError` where `root` is not a folder that
    can be read, or holds more than `MAX_FILES` files.
    """
    root = Path(root)
    try:
        seen = (path for path in root.iterdir() if not path.name.startswith(".") and not path.is_dir())
        files = list(islice(seen, MAX_FILES + 1))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise PictureError(f"The folder {root} cannot be read ({reason}): check its name and your access.") from error
    if len(files) > MAX_FILES:
        raise PictureError(f"The folder {root} holds more than {MAX_FILES:,} files: use a smaller selection.")
    return sorted(files, key=lambda path: path.name)


def open_picture(path: str | Path, root: str | Path) -> Image.Image:
    """The picture at `path`, decoded and upright, in mode RGB or RGBA.

    Raises `PictureError` where the file leads out of the folder `root`, is no PNG, WebP or JPEG (whatever its name
    says), is larger than the limits at the head of this file, or is damaged.
    """
    return decode_picture(read_picture(path, root), Path(path).name)


def read_picture(path: str | Path, root: str | Path) -> bytes:
    """The bytes of the file at `path`, which must be a plain file inside `root` of at most `MAX_BYTES`."""
    path = Path(path)
    try:
        real = path.resolve(strict=True)
        inside = real.is_relative_to(Path(root).resolve(strict=True))
        if not inside:
            raise PictureError(
                f"{path.name}: the link leads out of the folder; put a copy of the picture in its place."
            )
        if not real.is_file():  # a pipe or a device would block, or never end
            raise PictureError(f"{path.name}: this is not a plain file; put the picture itself in its place.")
        with real.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        reason = getattr(error, "strerror", None) or "a link that leads nowhere"
        raise PictureError(f"{path.name}: the file cannot be read ({reason}); replace it or remove it.") from error
    if len(data) > MAX_BYTES:
        raise PictureError(f"{path.name}: the file is larger than {MAX_BYTES >> 20} MiB; save a smaller copy.")
    return data


def decode_picture(data: bytes, name: str) -> Image.Image:
    """The picture in `data`, upright, in mode RGB or RGBA; `name` is what an error's sentence calls it."""
    kinds = "PNG, WebP or JPEG"
    if not data:
        raise PictureError(f"{name}: the file is empty; save the picture again.")
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except BOMBS as error:
        raise PictureError(f"{name}: {_too_large()}") from error
    except DAMAGE as error:
        raise PictureError(
            f"{name}: this is no {kinds} picture, or its beginning is damaged; save it as one of these."
        ) from error
    with picture:
        if max(picture.size) > MAX_SIDE or picture.width * picture.height > MAX_PIXELS:
            raise PictureError(f"{name}: the picture is {picture.width} × {picture.height} pixels; {_too_large()}")
        try:
            picture.load()
            return _plain(ImageOps.exif_transpose(picture))
        except BOMBS as error:
            raise PictureError(f"{name}: {_too_large()}") from error
        except DAMAGE as error:
            raise PictureError(f"{name}: the file is damaged or cut short; save the picture again.") from error


def _too_large() -> str:
    return f"at most {MAX_SIDE:,} on a side and {MAX_PIXELS // 10**6} megapixels are read: save a smaller copy."


def _plain(picture: Image.Image) -> Image.Image:
    """The same picture in mode RGBA where it has transparency, else RGB."""
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a channel: Pillow's own conversion would clip
        levels = np.asarray(picture, dtype=np.float64) / 257
        picture = Image.fromarray(levels.clip(0, 255).round().astype(np.uint8), "L")
    return picture.convert("RGBA" if picture.has_transparency_data else "RGB")
