"""Every fault a picture file can have gives one sentence, and nothing is decoded that should not be."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from invlab import pictures
from invlab.pictures import PictureError, files_in, open_picture


def photograph(width: int = 40, height: int = 30, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds next to no data: what must be refused before it is decoded."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("suffix", "options"), [("png", {}), ("webp", {"lossless": True}), ("jpg", {"quality": 95})])
def test_each_format_opens(tmp_path: Path, suffix: str, options: dict) -> None:
    original = photograph(4, 3).resize((64, 48), Image.Resampling.BICUBIC)
    original.save(tmp_path / f"a.{suffix}", **options)
    found = open_picture(tmp_path / f"a.{suffix}", tmp_path)
    assert found.mode == "RGB"
    assert found.size == (64, 48)
    difference = np.abs(np.asarray(found, dtype=int) - np.asarray(original, dtype=int)).mean()
    assert difference < (10 if suffix == "jpg" else 0.001)


def test_transparency_is_kept_and_other_modes_become_rgb(tmp_path: Path) -> None:
    Image.new("RGBA", (4, 4), (255, 0, 0, 128)).save(tmp_path / "clear.png")
    assert open_picture(tmp_path / "clear.png", tmp_path).getpixel((0, 0)) == (255, 0, 0, 128)
    Image.new("LA", (4, 4), (90, 10)).save(tmp_path / "grey.png")
    assert open_picture(tmp_path / "grey.png", tmp_path).getpixel((0, 0)) == (90, 90, 90, 10)
    Image.new("CMYK", (4, 4)).save(tmp_path / "print.jpg")
    assert open_picture(tmp_path / "print.jpg", tmp_path).mode == "RGB"
    photograph().quantize(8).save(tmp_path / "palette.png")
    assert open_picture(tmp_path / "palette.png", tmp_path).mode == "RGB"


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((4, 4), 0x8080, np.uint16)).save(tmp_path / "deep.png")
    assert open_picture(tmp_path / "deep.png", tmp_path).getpixel((0, 0)) == (128, 128, 128)


def test_a_turned_photograph_is_put_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    photograph(40, 30).save(tmp_path / "turned.jpg", exif=exif)
    assert open_picture(tmp_path / "turned.jpg", tmp_path).size == (30, 40)


def faults(folder: Path) -> dict[str, str]:
    """Puts one file of each fault into `folder`; returns a part of the sentence that each must give."""
    whole = io.BytesIO()
    photograph(80, 80).save(whole, "PNG")
    (folder / "short.png").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    damaged = bytearray(whole.getvalue())
    damaged[200:260] = bytes(60)
    (folder / "damaged.png").write_bytes(bytes(damaged))
    jpeg = io.BytesIO()
    photograph(80, 80).save(jpeg, "JPEG")
    (folder / "short.jpg").write_bytes(jpeg.getvalue()[: len(jpeg.getvalue()) // 2])
    (folder / "stump.jpg").write_bytes(jpeg.getvalue()[:100])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("this is a letter")
    photograph().save(folder / "moving.gif")
    (folder / "moving.gif").rename(folder / "disguised.png")
    photograph().save(folder / "raster.tiff")
    (folder / "wide.png").write_bytes(png_header(20_000, 100))
    (folder / "many.png").write_bytes(png_header(8_000, 8_000))
    (folder / "bomb.png").write_bytes(png_header(60_000, 60_000))
    outside = folder.parent / "secret.png"
    photograph().save(outside)
    (folder / "link.png").symlink_to(outside)
    (folder / "nowhere.png").symlink_to(folder / "missing")
    (folder / "circle.png").symlink_to(folder / "circle.png")
    os.mkfifo(folder / "pipe.png")
    return {
        "short.png": "damaged or cut short",
        "damaged.png": "damaged or cut short",
        "short.jpg": "damaged or cut short",
        "stump.jpg": "its beginning is damaged",
        "empty.png": "empty",
        "text.png": "this is no PNG, WebP or JPEG",
        "disguised.png": "this is no PNG, WebP or JPEG",
        "raster.tiff": "this is no PNG, WebP or JPEG",
        "wide.png": "20000 × 100",
        "many.png": "8000 × 8000",
        "bomb.png": "at most 8,192",
        "link.png": "leads out of the folder",
        "nowhere.png": "cannot be read",
        "circle.png": "cannot be read",
        "pipe.png": "not a plain file",
    }


def test_every_fault_gives_a_sentence_that_names_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    expected = faults(folder)
    assert [path.name for path in files_in(folder)] == sorted(expected)
    for path in files_in(folder):
        with pytest.raises(PictureError, match=expected[path.name]) as caught:
            open_picture(path, folder)
        sentence = str(caught.value)
        assert sentence.startswith(path.name + ":")
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_a_link_within_the_folder_opens(tmp_path: Path) -> None:
    photograph().save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to(tmp_path / "a.png")
    assert open_picture(tmp_path / "b.png", tmp_path).size == (40, 30)


def test_a_path_that_climbs_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    photograph().save(tmp_path / "a.png")
    with pytest.raises(PictureError, match="out of the folder"):
        open_picture(tmp_path / "mine" / ".." / "a.png", tmp_path / "mine")


def test_pillow_limits_are_left_alone(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    (tmp_path / "bomb.png").write_bytes(png_header(60_000, 60_000))
    with pytest.raises(PictureError):
        open_picture(tmp_path / "bomb.png", tmp_path)
    assert before == Image.MAX_IMAGE_PIXELS


def test_a_heavy_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_BYTES", 100)
    photograph().save(tmp_path / "a.png")
    with pytest.raises(PictureError, match="larger than"):
        open_picture(tmp_path / "a.png", tmp_path)


def test_files_in_lists_one_level_and_no_hidden_files(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("b.png", "a.png", ".DS_Store", "below/c.png"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in files_in(tmp_path)] == ["a.png", "b.png"]


def test_a_folder_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PictureError, match="cannot be read"):
        files_in(tmp_path / "missing")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(PictureError, match="cannot be read"):
        files_in(tmp_path / "file")
    (tmp_path / "file2").write_bytes(b"x")
    monkeypatch.setattr(pictures, "MAX_FILES", 1)
    with pytest.raises(PictureError, match="more than 1 files"):
        files_in(tmp_path)
