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
CUT_OUT_SIDE = 256  # pixels; ample for canvases up to 224

# What Pillow's decoders are known to raise on damaged data.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, OverflowError, struct.error, zlib.error)
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class PictureError(ValueError):
    """A picture or a folder of pictures that cannot be used; its text is one sentence to show to the person."""

    private = True  # it may name a person's files: logs leave it out


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


def decode_picture(data: bytes, name: str, most: int = MAX_PIXELS, near: int | None = None) -> Image.Image:
    """The picture in `data`, upright, in mode RGB or RGBA; `name` is what an error's sentence calls it.

    most: pixels that are decoded.
    near: a JPEG larger than this on both sides may be decoded at a half, a quarter or an eighth of its size, as long
        as both stay at least this long: less memory, and several times faster.
    """
    kinds = "PNG, WebP or JPEG"
    if not data:
        raise PictureError(f"{name}: the file is empty; save the picture again.")
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
    except BOMBS as error:
        raise PictureError(f"{name}: {_too_large(most)}") from error
    except DAMAGE as error:
        raise PictureError(
            f"{name}: this is no {kinds} picture, or its beginning is damaged; save it as one of these."
        ) from error
    with picture:
        if max(picture.size) > MAX_SIDE or picture.width * picture.height > most:
            raise PictureError(f"{name}: the picture is {picture.width} × {picture.height} pixels; {_too_large(most)}")
        try:
            if near is not None:
                picture.draft(picture.mode, (near, near))  # does nothing for other formats
            picture.load()
            return _plain(ImageOps.exif_transpose(picture))
        except BOMBS as error:
            raise PictureError(f"{name}: {_too_large(most)}") from error
        except DAMAGE as error:
            raise PictureError(f"{name}: the file is damaged or cut short; save the picture again.") from error


def cut_out(picture: Image.Image, name: str) -> Image.Image:
    """The visible part of a picture, RGBA, in the middle of a square of at most `CUT_OUT_SIDE` pixels.

    Raises `PictureError` where nothing, or everything, shows.
    """
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    if alpha is None or alpha.getextrema()[0] == 255:
        raise PictureError(f"{name}: the picture has no transparent part; cut the object out and save it with alpha.")
    box = alpha.getbbox()
    if box is None:
        raise PictureError(f"{name}: the picture is wholly transparent; save it with its object visible.")
    visible = picture.crop(box)
    visible.thumbnail((CUT_OUT_SIDE, CUT_OUT_SIDE), Image.Resampling.LANCZOS)
    side = max(visible.size)
    whole = Image.new("RGBA", (side, side))
    whole.paste(visible, ((side - visible.width) // 2, (side - visible.height) // 2))
    return whole


def square(picture: Image.Image, size: int) -> np.ndarray:
    """uint8 (3, size, size): the middle of `picture`, averaged down to `size`; transparent parts become white."""
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    picture = ImageOps.fit(picture, (size, size), Image.Resampling.BICUBIC)  # Pillow widens its filter when it shrinks
    return np.asarray(picture).transpose(2, 0, 1)


def _too_large(most: int) -> str:
    return f"at most {MAX_SIDE:,} on a side and {most // 10**6} megapixels are read: save a smaller copy."


def _plain(picture: Image.Image) -> Image.Image:
    """The same picture in mode RGBA where it has transparency, else RGB."""
    if picture.mode.startswith("I") or picture.mode == "F":  # 16 bits a channel: Pillow's own conversion would clip
        levels = np.asarray(picture).astype(np.float32)  # exact for 16 bits, at half the memory of float64
        levels /= 257
        np.rint(levels.clip(0, 255, out=levels), out=levels)
        picture = Image.fromarray(levels.astype(np.uint8), "L")
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)
