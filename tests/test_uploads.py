"""What visitors upload: sound pictures become sets with known pixels, and 200 malformed files one sentence each."""

from __future__ import annotations

import errno
import functools
import io
import json
import os
import re
import stat
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from streamlit.testing.v1 import AppTest

from invlab import uploads
from invlab.__main__ import main
from invlab.backgrounds import backgrounds
from invlab.objects import bank, class_names, open_folder
from invlab.pictures import PictureError
from invlab.studies.comparison import comparison
from invlab.studies.presets import PRESETS
from invlab.tasks import Task, render
from invlab.ui import own, page
from invlab.ui.results import Choice
from invlab.uploads import LIMITS, MB, Received, receive

ROOT = Path(__file__).parents[1]
COLOURS = {"apple": (220, 30, 40), "leaf": (30, 160, 60), "sea": (20, 60, 200), "sun": (250, 210, 20)}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own; returns the area in it."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    forget()
    yield tmp_path / "home" / "uploads"
    forget()


def forget() -> None:
    bank.cache_clear()
    backgrounds.cache_clear()


# ----------------------------------------------------------------------------------------------------- sound pictures


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def cut_out(colour: tuple[int, int, int] = (220, 30, 40), kind: str = "PNG") -> bytes:
    """A disc of one colour, off the middle of its picture."""
    picture = Image.new("RGBA", (90, 60))
    ImageDraw.Draw(picture).ellipse((30, 10, 69, 49), fill=(*colour, 255))
    return encoded(picture, kind, **({"lossless": True} if kind == "WEBP" else {}))


@functools.cache
def photograph(seed: int = 0, width: int = 96, height: int = 64, kind: str = "JPEG") -> bytes:
    """Noise, so that all of its file matters."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return encoded(Image.fromarray(pixels), kind)


@functools.cache
def noisy(kind: str = "PNG") -> bytes:
    """A cut-out whose file is noise all through."""
    pixels = np.random.default_rng(1).integers(0, 256, (48, 48, 4), dtype=np.uint8)
    pixels[:8, :, 3] = 0
    return encoded(Image.fromarray(pixels), kind, **({"lossless": True} if kind == "WEBP" else {}))


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


LOOSE = [(f"{name}.png", cut_out(colour)) for name, colour in COLOURS.items()]
CLASSES = {f"{name}/{i}.png": cut_out((r, g, b - 10 * i)) for name, (r, g, b) in COLOURS.items() for i in range(2)}


def test_loose_cut_outs_are_a_class_each(place: Path) -> None:
    found = receive([*reversed(LOOSE), ("Blue Whale.webp", cut_out((0, 0, 250), "WEBP"))], "cut-outs")
    assert isinstance(found, Received)
    assert found.classes == ("Blue Whale", "apple", "leaf", "sea", "sun")
    assert (found.kind, found.count, found.problems) == ("cut-outs", 5, [])
    assert re.fullmatch(r"upload:[0-9a-f]{32}", found.name)
    objects = bank(found.name, 32)
    assert objects.names == class_names(found.name) == found.classes
    assert objects.labels.tolist() == [0, 1, 2, 3, 4]
    assert objects.prototypes.shape == (5, 4, 32, 32)
    for colour, prototype in zip(COLOURS.values(), objects.prototypes[1:], strict=True):
        assert prototype[:, 16, 16].tolist() == pytest.approx([*(c / 255 for c in colour), 1], abs=0.01)


def test_only_what_shows_is_kept_in_the_middle(place: Path) -> None:
    """The disc of 40 pixels fills the box of 0.7 of the canvas, whatever surrounds it."""
    alpha = bank(receive(LOOSE, "cut-outs").name, 64).prototypes[:, 3]
    rows, columns = (alpha > 0.5).any(2), (alpha > 0.5).any(1)
    for shown in (*rows, *columns):
        assert (int(shown.nonzero().min()), int(shown.nonzero().max())) == (10, 53)


def test_it_is_the_bank_of_the_same_folder(place: Path, tmp_path: Path) -> None:
    for name, data in CLASSES.items():
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_bytes(data)
    ours, folder = bank(receive([("a.zip", zipped(CLASSES))], "cut-outs").name, 48), open_folder(tmp_path / "mine")[0]
    assert torch.equal(ours.prototypes, bank(folder, 48).prototypes)
    assert ours.labels.tolist() == bank(folder, 48).labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert ours.names == bank(folder, 48).names


def test_a_zip_however_it_was_packed_is_one_set(place: Path) -> None:
    plain = receive([("a.zip", zipped(CLASSES))], "cut-outs")
    packed = {f"My things/{name}": data for name, data in reversed(CLASSES.items())}
    packed |= {"__MACOSX/My things/._x.png": b"x", "My things/.DS_Store": b"x", "My things/apple/Thumbs.db": b"x"}
    again = receive([("other.zip", zipped({"My things/": b"", **packed}, zipfile.ZIP_STORED))], "cut-outs")
    assert again == plain
    halves = [dict(list(CLASSES.items())[i::2]) for i in range(2)]
    assert receive([(f"{i}.zip", zipped(half)) for i, half in enumerate(halves)], "cut-outs") == plain
    assert sets(place) == [plain.name]


def test_a_flat_zip_and_loose_files_are_the_same(place: Path) -> None:
    assert receive([("a.zip", zipped(dict(LOOSE)))], "cut-outs") == receive(LOOSE, "cut-outs")
    mixed = receive([("a.zip", zipped(CLASSES)), ("moon.png", cut_out())], "cut-outs")
    assert mixed.classes == ("apple", "leaf", "moon", "sea", "sun")


def test_the_name_follows_names_and_pixels(place: Path) -> None:
    names = [
        receive(LOOSE, "cut-outs").name,
        receive([("pear.png", LOOSE[0][1]), *LOOSE[1:]], "cut-outs").name,
        receive([("apple.png", cut_out((221, 30, 40))), *LOOSE[1:]], "cut-outs").name,
        receive(LOOSE[1:], "cut-outs").name,
        receive([("apple/apple.png", LOOSE[0][1])], "photographs").name,
        receive([("a.png", photograph(0, kind="PNG"))], "photographs").name,
        receive([("b.png", photograph(0, kind="PNG"))], "photographs").name,
    ]
    assert len(set(names)) == len(names)
    as_webp = [(name.replace("png", "webp"), encoded(Image.open(io.BytesIO(data)), "WEBP", lossless=True, exact=True))
               for name, data in LOOSE]  # fmt: skip
    assert receive(as_webp, "cut-outs").name == names[0]
    assert sorted(sets(place)) == sorted(names)


def test_spellings_of_a_letter_are_one_and_marks_are_none(place: Path) -> None:
    found = receive(
        [
            (
                "a.zip",
                zipped(
                    {"caf\u00e9/1.png": cut_out(), "cafe\u0301/2.png": cut_out(), "\u202eleft,right/1.png": cut_out()}
                ),
            )
        ],
        "cut-outs",
    )
    assert found.classes == ("café", "left right")
    assert (found.count, found.problems) == (3, [])


def test_nothing_of_a_file_remains_but_pixels(place: Path) -> None:
    secret, exif, text = b"51.4779N SECRET", Image.Exif(), PngInfo()
    exif[0x010F], exif[0x0112] = secret.decode(), 6
    exif.get_ifd(0x8825)[1] = secret.decode()
    text.add_text("Comment", secret.decode())
    picture = Image.open(io.BytesIO(photograph(0)))
    files = [
        ("a.jpg", encoded(picture, "JPEG", exif=exif, comment=secret)),
        ("b.png", encoded(picture, "PNG", exif=exif, pnginfo=text, icc_profile=secret)),
        ("c.webp", encoded(picture, "WEBP", exif=exif, xmp=secret)),
    ]
    assert all(secret in data for _, data in files)
    found = receive(files, "photographs")
    kept = [file for file in (place / found.name.removeprefix("upload:")).iterdir() if file.suffix == ".png"]
    assert len(kept) == 3
    for file in kept:
        assert b"SECRET" not in file.read_bytes()
        with Image.open(file) as opened:
            opened.load()
            assert not opened.info
            assert not opened.getexif()


def test_a_photograph_is_turned_upright_and_cut_square(place: Path) -> None:
    pixels = np.zeros((600, 1200, 3), np.uint8)
    pixels[:, :300], pixels[:, 300:600], pixels[:, 600:900] = (0, 0, 255), (255, 0, 0), (0, 255, 0)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter, clockwise: left becomes top
    found = receive([("a.jpg", encoded(Image.fromarray(pixels), "JPEG", quality=95, exif=exif))], "photographs")
    image = backgrounds(found.name, 32).images[0]
    assert image.shape == (3, 32, 32)
    assert image[:, 8, 16].tolist() == pytest.approx([255, 0, 0], abs=8)
    assert image[:, 24, 16].tolist() == pytest.approx([0, 255, 0], abs=8)
    with Image.open(next((place / found.name.removeprefix("upload:")).glob("*.png"))) as kept:
        assert kept.size == (256, 256)


def test_photographs_are_backgrounds_and_objects(place: Path) -> None:
    flat = receive([(f"{i}.jpg", photograph(i)) for i in range(3)] + [("0.png", photograph(3))], "photographs")
    assert (flat.classes, flat.count, flat.problems) == ((), 4, [])
    behind, objects = backgrounds(flat.name, 32), bank(flat.name, 32)
    assert (behind.labels.tolist(), behind.label_names, behind.splits) == ([0] * 4, (), None)
    assert (behind.images.dtype, behind.images.shape) == (torch.uint8, (4, 3, 32, 32))
    assert torch.equal(objects.prototypes, behind.images)
    assert objects.labels.tolist() == [0, 1, 2, 3]
    assert objects.names == ("0", "0 (2)", "1", "2")
    files = {f"holiday/{c}/{i}.jpg": photograph(10 * i + n) for n, c in enumerate(("beach", "hut")) for i in range(2)}
    grouped = receive([("p.zip", zipped(files))], "photographs")
    assert grouped.classes == bank(grouped.name, 32).names == ("beach", "hut")
    assert backgrounds(grouped.name, 32).label_names == ("beach", "hut")
    assert backgrounds(grouped.name, 32).labels.tolist() == bank(grouped.name, 32).labels.tolist() == [0, 0, 1, 1]
    named = render(Task((0, 1), objects="drawn", backgrounds=grouped.name, label="background"), "train", range(8))
    assert set(named.labels.tolist()) == {0, 1}
    one_folder = receive([("p.zip", zipped({f"all/{i}.jpg": photograph(i) for i in range(3)}))], "photographs")
    assert one_folder.classes == ()


def test_a_task_is_rendered_with_them(place: Path) -> None:
    objects, behind = receive(LOOSE, "cut-outs"), receive([("a.png", photograph(5, kind="PNG"))], "photographs")
    task = Task((1, 2), (), objects.name, behind.name)
    images, labels = render(task, "train", range(16))
    assert set(labels.tolist()) == {0, 1}
    colours = torch.tensor([COLOURS["leaf"], COLOURS["sea"]])[labels] / 127.5 - 1
    assert (images[:, :, 16, 16] - colours).abs().max() < 0.02
    corner = backgrounds(behind.name, 32).images[0, :, 0, 0] / 127.5 - 1
    assert (images[:, :, 0, 0] - corner).abs().max() < 0.01
    assert torch.equal(render(task, "train", [7]).images[0], images[7])
    as_object = Task((0,), (), behind.name, "black")
    whole = render(as_object, "train", [0]).images[0]
    assert (whole - (backgrounds(behind.name, 32).images[0] / 127.5 - 1)).abs().max() < 0.01


def test_it_reports_how_far_it_is(place: Path) -> None:
    told: list[tuple[int, int]] = []
    receive(LOOSE, "cut-outs", lambda done, of: told.append((done, of)))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4)]


def test_many_at_once(place: Path) -> None:
    """Visitors who upload the same at the same time share one set, and none breaks another's."""
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(receive, LOOSE[i % 2 :], "cut-outs") for i in range(12)]
        found = {done.result().name for done in waiting}
    assert sets(place) == sorted(found)
    assert len(found) == 2
    assert all(bank(name, 32).classes in (3, 4) for name in found)
    assert not list(place.glob(".part-*"))


def test_other_processes_find_them(place: Path) -> None:
    name = receive(LOOSE, "cut-outs").name
    program = f"from invlab.uploads import described; print(described({name!r}).classes)"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == str(("apple", "leaf", "sea", "sun"))


def test_the_command_line_takes_them(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    objects, behind = receive(LOOSE, "cut-outs").name, receive([("a.jpg", photograph())], "photographs").name
    words = ["render", "--objects", objects, "--backgrounds", behind, "--out", str(tmp_path / "sheet.png")]
    assert main([*words, "--classes", "apple,sun"]) == 0
    assert (tmp_path / "sheet.png").exists()
    assert main(["render", "--objects", f"upload:{'0' * 32}", "--out", str(tmp_path / "b.png")]) == 1
    assert "not here any more; upload the pictures again" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["render", "--objects", "upload:../../etc"])
    assert "the name of an upload" in capsys.readouterr().err


def test_few_classes_are_halved_between_source_and_target(place: Path) -> None:
    name = receive(LOOSE, "cut-outs").name
    made = comparison([["rotate"], []], ["rotate"], PRESETS["live"], objects=name)
    classes = (*made.sources[0].task.classes, *made.target.classes)
    assert sorted(classes) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="your own objects have 3; bring at least four"):
        comparison([["rotate"]], [], PRESETS["live"], objects=receive(LOOSE[1:], "cut-outs").name)


def test_limits_are_told_in_the_numbers_that_hold() -> None:
    for kind in uploads.KINDS:
        told = uploads.limits_text(kind)
        for number in (LIMITS.count, LIMITS.classes, LIMITS.bytes_each // MB, LIMITS.bytes_together // MB, 25):
            assert re.search(rf"\b{number}\b", told)
        assert "ZIP" in told
    with pytest.raises(ValueError, match="kind 'movies': choose from cut-outs, photographs"):
        uploads.limits_text("movies")
    with pytest.raises(ValueError, match="kind 'movies'"):
        receive(LOOSE, "movies")


# ---------------------------------------------------------------------------------------- malformed files, 200 of them


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, packed: bytes = b"", more: bytes = b"", colour: int = 6) -> bytes:
    """A PNG that claims a size, whatever it holds."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + more + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


@functools.cache
def black(size: int) -> bytes:
    """`size` zeros, packed to a two hundredth."""
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(min(MB, size - at))) for at in range(0, size, MB)) + packer.flush()


def with_header(data: bytes, at: str, field: int, value: bytes) -> bytes:
    """A ZIP with bytes changed in the headers of all its entries: `field` counted from the mark of a central one, and,
    where `at` is both, in the local one too."""
    changed = bytearray(data)
    for mark, shift in ((b"PK\x01\x02", 0), (b"PK\x03\x04", -2)):
        if shift and at != "both":
            continue
        place = changed.find(mark)
        while place >= 0:
            start = place + field + shift
            changed[start : start + len(value)] = value
            place = changed.find(mark, place + 4)
    return bytes(changed)


def entry(name: str, data: bytes | None = None, mode: int = 0, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of one entry; `name` goes in as it is."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        made = zipfile.ZipInfo("x")
        made.filename, made.external_attr, made.compress_type = name, mode << 16, method
        archive.writestr(made, noisy() if data is None else data)
    return stream.getvalue()


def bomb(size: int) -> bytes:
    """A ZIP of one entry of `size` zeros, made without them."""
    packed, crc = black(size)[2:-4], 0
    for at in range(0, size, MB):
        crc = zlib.crc32(bytes(min(MB, size - at)), crc)
    name = b"class/bomb.png"
    sizes = struct.pack("<LLL", crc, len(packed), size)
    local = b"PK\x03\x04" + struct.pack("<HHHHH", 20, 0, 8, 0, 33) + sizes + struct.pack("<HH", len(name), 0) + name
    central = b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33) + sizes
    central += struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, 0, 0) + name
    whole = local + packed
    return whole + central + b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), len(whole), 0)


def with_twice(name: str) -> bytes:
    return zipped({f"{name}a.png": noisy(), f"{name}b.png": noisy()}).replace(b"b.png", b"a.png")


Case = tuple[str, str, str, bytes, str]  # id, kind of upload, name, bytes, what the sentence must tell


def truncated() -> Iterator[Case]:
    sound = {"png": noisy(), "webp": noisy("WEBP"), "zip": zipped(CLASSES)}
    for ending, data in sound.items():
        for percent in (1, 3, 6, 12, 20, 30, 40, 50, 60, 70, 80, 90):
            yield f"{ending}-{percent}", "cut-outs", f"cut.{ending}", data[: len(data) * percent // 100], ""
    for percent in (1, 3, 6, 12, 20, 30, 40, 50, 60, 70, 80, 90):
        data = photograph()
        yield f"jpg-{percent}", "photographs", "cut.jpg", data[: len(data) * percent // 100], ""


def wrong_type() -> Iterator[Case]:
    heads = {
        "empty": b"", "text": b"This is no picture.\n" * 50, "html": b"<html><script>alert(1)</script></html>",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "pdf": b"%PDF-1.7\n" + bytes(200), "zeros": bytes(5000),
        "program": b"\x7fELF" + bytes(500), "pickle": b"\x80\x04\x95\x0b\x00\x00\x00.",
        "mp4": b"\0\0\0\x18ftypmp42" + bytes(99),
        "heic": b"\0\0\0\x18ftypheic" + bytes(99), "gzip": b"\x1f\x8b\x08" + bytes(99),
        "rar": b"Rar!\x1a\x07" + bytes(99),
        "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "numpy": b"\x93NUMPY\x01\0v\0" + bytes(150),
    }  # fmt: skip
    picture = Image.open(io.BytesIO(photograph()))
    heads |= {kind.lower(): encoded(picture, kind) for kind in ("GIF", "BMP", "TIFF", "PPM", "TGA", "ICO")}
    for name, data in heads.items():
        for kind, ending in (("cut-outs", "png"), ("photographs", "jpg")):
            yield f"{name}-as-{ending}", kind, f"wrong.{ending}", data, "empty" if not data else "no PNG, WebP or JPEG"
    for name in ("text", "pdf", "gzip", "empty"):
        yield f"{name}-as-zip", "cut-outs", "wrong.zip", heads[name], "no ZIP"


def damaged() -> Iterator[Case]:
    for at in (4, 9, 13, 17, 26, 30):
        data = bytearray(noisy())
        data[at] ^= 0xFF
        yield f"png-byte-{at}", "cut-outs", "hurt.png", bytes(data), ""
    for start in (60, 200, 500, 900):
        data = bytearray(noisy())
        data[start : start + 60] = bytes(60)
        yield f"png-hole-{start}", "cut-outs", "hurt.png", bytes(data), "damaged"
    for at in (0, 1, 8, 9, 12):
        data = bytearray(noisy("WEBP"))
        data[at] ^= 0xFF
        yield f"webp-byte-{at}", "cut-outs", "hurt.webp", bytes(data), ""
    for at in (0, 1, 2):
        data = bytearray(photograph())
        data[at] ^= 0xFF
        yield f"jpg-byte-{at}", "photographs", "hurt.jpg", bytes(data), ""
    yield "png-no-pixels", "cut-outs", "hurt.png", png(40, 40), "damaged"
    yield "png-too-few-pixels", "cut-outs", "hurt.png", png(40, 40, zlib.compress(bytes(100))), "damaged"
    yield "png-no-size", "cut-outs", "hurt.png", png(0, 0, zlib.compress(b"")), ""
    yield "png-bad-colours", "cut-outs", "hurt.png", png(4, 4, zlib.compress(bytes(99)), colour=5), ""


def huge() -> Iterator[Case]:
    few = zlib.compress(bytes(100))
    for width, height in (
        (20_000, 1),
        (1, 20_000),
        (8193, 8193),
        (6000, 6000),
        (40_000, 40_000),
        (2**31 - 1, 2**31 - 1),
    ):
        yield f"{width}x{height}", "cut-outs", "huge.png", png(width, height, few), "megapixels"
    yield "black-36-megapixels", "cut-outs", "huge.png", png(6000, 6000, black(6000 * 24_001)), "25 megapixels"
    yield "jpg-65000", "photographs", "huge.jpg", resized_jpeg(65_000, 65_000), "megapixels"
    yield "jpg-9000x10", "photographs", "huge.jpg", resized_jpeg(9000, 10), "megapixels"
    yield "webp-16383", "photographs", "huge.webp", resized_webp(16_383, 16_383), "megapixels"
    yield "text-bomb", "cut-outs", "huge.png", png(4, 4, few, chunk(b"zTXt", b"a\0\0" + black(64 * MB))), "damaged"
    yield "too-many-bytes", "cut-outs", "huge.png", noisy() + bytes(LIMITS.bytes_each), "larger than 50 MB"
    yield "too-many-bytes-zip", "cut-outs", "huge.zip", zipped(CLASSES) + bytes(LIMITS.bytes_each), "larger than 50 MB"


def resized_jpeg(width: int, height: int) -> bytes:
    data = bytearray(photograph())
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def resized_webp(width: int, height: int) -> bytes:
    head = b"VP8X" + struct.pack("<LL", 10, 0) + struct.pack("<L", width - 1)[:3] + struct.pack("<L", height - 1)[:3]
    body = b"WEBP" + head + encoded(Image.open(io.BytesIO(photograph())), "WEBP")[12:]
    return b"RIFF" + struct.pack("<L", len(body)) + body


def no_cut_out() -> Iterator[Case]:
    clear = "no transparent part"
    yield "opaque", "cut-outs", "bad.png", encoded(Image.new("RGBA", (9, 9), "red")), clear
    yield "rgb", "cut-outs", "bad.png", photograph(kind="PNG"), clear
    yield "jpg", "cut-outs", "bad.jpg", photograph(), clear
    yield "grey", "cut-outs", "bad.png", encoded(Image.new("L", (9, 9))), clear
    yield "deep", "cut-outs", "bad.png", encoded(Image.fromarray(np.zeros((9, 9), np.uint16))), clear
    yield "palette", "cut-outs", "bad.png", encoded(Image.new("P", (9, 9))), clear
    yield "clear", "cut-outs", "bad.png", encoded(Image.new("RGBA", (9, 9))), "wholly transparent"
    yield "clear-webp", "cut-outs", "bad.webp", encoded(Image.new("RGBA", (9, 9)), "WEBP"), "wholly transparent"


def strange_names() -> Iterator[Case]:
    names = {
        "up": "../evil.png", "far-up": "../../../../evil.png", "inside": "class/../../evil.png", "root": "/evil.png",
        "roots": "//host/evil.png", "drive": "C:/evil.png", "drive-short": "c:evil.png",
        "backslash": "..\\..\\evil.png",
        "share": "\\\\host\\evil.png", "mixed": "class/..\\evil.png", "dot": "./evil.png", "dots": "class/./evil.png",
        "empty-part": "class//evil.png", "only-up": "..", "up-in-folder": "class/..", "nul": "evil\0.png",
        "long": "e" * 10_000 + ".png", "long-folder": "e" * 10_000 + "/evil.png", "deep": "a/" * 2000 + "evil.png",
        "too-deep": "a/b/c/evil.png", "invisible": "\u200b\u202e.png", "spaces": "   .png",
        "invisible-folder": "\u2060/evil.png",
    }  # fmt: skip
    for name, path in names.items():
        yield f"zip-{name}", "cut-outs", "bad.zip", entry(path), ""
        yield f"loose-{name}", "cut-outs", path, noisy(), ""


def bad_entries() -> Iterator[Case]:
    sound = entry("class/a.png")
    one = sound.index(b"PK\x01\x02")
    link = stat.S_IFLNK | 0o777
    yield "link", "cut-outs", "bad.zip", entry("class/a.png", b"/etc/passwd", link), "a link"
    yield "link-up", "cut-outs", "bad.zip", entry("class/a.png", b"../../x.png", link), "a link"
    yield "pipe", "cut-outs", "bad.zip", entry("class/a.png", b"", stat.S_IFIFO | 0o644), "a device"
    yield "device", "cut-outs", "bad.zip", entry("class/a.png", b"", stat.S_IFCHR | 0o644), "a device"
    yield "locked", "cut-outs", "bad.zip", with_header(sound, "both", 8, b"\x01"), "password"
    yield "locked-strongly", "cut-outs", "bad.zip", with_header(sound, "both", 8, b"\x41"), "password"
    yield "crc", "cut-outs", "bad.zip", with_header(sound, "both", 16, b"\0\0\0\0"), "damaged"
    yield "bzip2", "cut-outs", "bad.zip", entry("class/a.png", method=zipfile.ZIP_BZIP2), "unusual"
    yield "lzma", "cut-outs", "bad.zip", entry("class/a.png", method=zipfile.ZIP_LZMA), "unusual"
    for method in (1, 6, 9, 93, 97, 99):
        yield f"method-{method}", "cut-outs", "bad.zip", with_header(sound, "both", 10, bytes([method])), "unusual"
    yield "no-deflate", "cut-outs", "bad.zip", sound[:50] + bytes(60) + sound[110:], "damaged"
    yield "other-name", "cut-outs", "bad.zip", sound[:30] + b"other/b.png" + sound[41:], "damaged"
    yield "far-away", "cut-outs", "bad.zip", with_header(sound, "central", 42, b"\xff\xff\xff\x7f"), "damaged"
    yield "too-short", "cut-outs", "bad.zip", with_header(sound, "both", 24, struct.pack("<L", 100)), "damaged"
    yield (
        "too-long",
        "cut-outs",
        "bad.zip",
        with_header(sound, "both", 24, struct.pack("<L", 99 * len(sound))),
        "damaged",
    )
    yield "claims-4-gb", "cut-outs", "bad.zip", with_header(sound, "both", 24, b"\xfe\xff\xff\xff"), "larger than 50 MB"
    yield "central-list-far", "cut-outs", "bad.zip", sound[:-6] + b"\xff\xff\xff\x7f" + sound[-2:], "damaged"
    yield "central-list-hurt", "cut-outs", "bad.zip", sound[:one] + b"XXXX" + sound[one + 4 :], "no ZIP"
    yield (
        "bad-utf-8",
        "cut-outs",
        "bad.zip",
        with_header(sound, "both", 9, b"\x08").replace(b"class", b"\xff\xfess\xff"),
        "",
    )
    yield "twice", "cut-outs", "bad.zip", with_twice("class/"), "twice"
    yield "zip-in-zip", "cut-outs", "bad.zip", entry("class/a.zip", zipped(CLASSES)), "ZIP within a ZIP"
    yield "zip-as-png", "cut-outs", "bad.zip", entry("class/a.png", zipped(CLASSES)), "ZIP within a ZIP"
    yield "text", "cut-outs", "bad.zip", entry("class/readme.txt", b"words"), "no PNG"
    yield "nothing", "cut-outs", "bad.zip", zipped({}), "no picture in it"
    yield "folders-only", "cut-outs", "bad.zip", zipped({"class/": b"", "other/": b""}), "no picture in it"
    yield (
        "hidden-only",
        "cut-outs",
        "bad.zip",
        zipped({"__MACOSX/a.png": b"x", "class/.a.png": b"x"}),
        "no picture in it",
    )
    yield (
        "beside-folders",
        "photographs",
        "bad.zip",
        zipped({"a/1.jpg": photograph(), "b.jpg": photograph(1)}),
        "beside",
    )


def bombs() -> Iterator[Case]:
    yield "zip-bomb-2-mb", "cut-outs", "bomb.zip", bomb(2 * MB), "too tightly"
    yield "zip-bomb-40-mb", "cut-outs", "bomb.zip", bomb(40 * MB), "too tightly"
    yield "zip-bomb-120-mb", "cut-outs", "bomb.zip", bomb(120 * MB), "larger than 50 MB"
    small = with_header(bomb(60 * MB), "both", 24, struct.pack("<L", 5000))
    yield "zip-bomb-told-small", "cut-outs", "bomb.zip", small, "damaged"
    tight = with_header(bomb(40 * MB), "both", 20, struct.pack("<L", 30 * MB))
    yield "zip-bomb-told-loose", "cut-outs", "bomb.zip", tight, ""
    scan = photograph()[photograph().index(b"\xff\xda") : -2]
    yield "jpg-scans", "photographs", "bomb.jpg", photograph()[:-2] + scan * 100 + photograph()[-2:], "too many layers"
    stored = with_header(bomb(40 * MB), "both", 10, b"\0")
    yield "zip-bomb-told-stored", "cut-outs", "bomb.zip", stored, ""


def too_many() -> Iterator[Case]:
    many = zipped({f"{i % 9}/{i}.png": b"x" for i in range(LIMITS.count + 1)})
    yield "pictures", "cut-outs", "many.zip", many, "at most 500"
    classes = zipped({f"{i}/a.png": b"x" for i in range(LIMITS.classes + 1)})
    yield "classes", "cut-outs", "many.zip", classes, "more than 200 classes"
    yield "marks", "cut-outs", "many.zip", zipped({}) + b"PK\x01\x02" * 5001 + zipped({}), "more than 5,000 files"


TABLE: dict[str, Callable[[], Iterator[Case]]] = {
    made.__name__: made
    for made in (truncated, wrong_type, damaged, huge, no_cut_out, strange_names, bad_entries, bombs, too_many)
}


def cases() -> Iterator[Case]:
    for group, made in TABLE.items():
        for name, *rest in made():
            yield (f"{group}-{name}", *rest)


def sets(area: Path) -> list[str]:
    return sorted(f"upload:{path.name}" for path in area.iterdir() if not path.name.startswith("."))


def tree(root: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder below `root`, with size and time of its last change."""
    found = {}
    for path in root.rglob("*"):
        told = path.lstat()
        found[str(path.relative_to(root))] = (told.st_size, told.st_mtime_ns) if path.is_file() else (-1, 0)
    return found


def is_one_sentence(text: str, name: str, told: str) -> None:
    """Names the file, tells what is wrong and what to do, in one sentence."""
    assert text.endswith(".")
    assert "\n" not in text
    assert len(text) < 330
    rest = re.sub(r"\S*\.(png|webp|jpg|zip|txt)\S*", "", text)
    assert not re.search(r"[.!?] ", rest), text
    assert re.search(r"[;:] \w", rest), text
    assert told in text, text
    shown = re.sub(r"[^\w.]", "", name)[:12]
    assert shown in re.sub(r"[^\w./]", "", text).replace("/", "") or "without a name" in text, text


def test_200_malformed_files_get_one_sentence_each(place: Path, tmp_path: Path) -> None:
    """No crash, nothing outside the area, nothing left in it, no bomb unpacked."""
    place.mkdir(parents=True)
    (place / ".lock").touch()
    for canary in (tmp_path / "canary", place.parent / "canary", place.parent / "uploads-canary"):
        canary.mkdir()
        (canary / "evil.png").write_bytes(b"untouched")
    files = list(cases())
    assert len(files) >= 200
    assert len({name for name, *_ in files}) == len(files)
    before, here, failed = tree(tmp_path), set(os.listdir()), []
    for identity, kind, name, data, told in files:
        tracemalloc.start()
        try:
            try:
                problems = receive([(name, data)], kind).problems
            except PictureError as error:
                problems = [str(error)]
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        try:
            assert len(problems) == 1, problems
            is_one_sentence(problems[0], name, told)
            assert peak < 3 * len(data) + 2 * LIMITS.bytes_each, f"{peak / MB:.0f} MB of memory"
        except AssertionError as error:
            failed.append(f"{identity}: {error}")
        for made in set(tree(tmp_path)) - set(before):
            assert made.startswith("home/uploads/"), f"{identity} wrote {made}"
    assert not failed, "\n".join(failed)
    after = tree(tmp_path)
    assert all(after[path] == state for path, state in before.items() if path != "home/uploads")
    assert set(os.listdir()) == here
    assert not list(place.glob(".part-*"))
    assert not Path("/evil.png").exists()


PROGRAM = """
import pickle, resource, sys
from invlab.uploads import receive
from invlab.pictures import PictureError
import PIL.PngImagePlugin, PIL.JpegImagePlugin, PIL.WebPImagePlugin
files = pickle.load(sys.stdin.buffer)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for kind, name, data in files:
    try:
        receive([(name, data)], kind)
    except PictureError:
        pass
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) / 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_bombs_take_no_memory(place: Path) -> None:
    """Of the whole process, what Pillow allocates included: 36 megapixels would be 144 MB, a bomb 120 MB."""
    import pickle

    files = [(kind, name, data) for made in (huge, bombs) for _, kind, name, data, _ in made() if len(data) < 5 * MB]
    assert len(files) > 15
    told = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, input=pickle.dumps(files), capture_output=True)
    assert told.returncode == 0, told.stderr.decode()
    assert float(told.stdout) < 110


def test_sound_pictures_beside_malformed_ones_still_count(place: Path) -> None:
    sound = receive(LOOSE, "cut-outs")
    bad = [(name, data) for _, kind, name, data, _ in wrong_type() if kind == "cut-outs" and name.endswith("png")]
    bad = [(f"{i}-{name}", data) for i, (name, data) in enumerate(bad)]
    found = receive([*bad, *LOOSE], "cut-outs")
    assert found.name == sound.name
    assert len(found.problems) == len(bad)
    for (name, _), problem in zip(bad, found.problems, strict=True):
        is_one_sentence(problem, name, "")
    inside = {**CLASSES, "apple/bad.png": b"x", "leaf/bad.png": b"y", "empty/bad.png": b"z"}
    mixed = receive([("a.zip", zipped(inside))], "cut-outs")
    assert (mixed.count, len(mixed.problems), len(mixed.classes)) == (8, 3, 4)
    with pytest.raises(PictureError, match=r"None of the 3 files can be used; the first is 0\.png: .*\.$"):
        receive([(f"{i}.png", b"x") for i in range(3)], "cut-outs")


def test_names_that_are_taken(place: Path) -> None:
    found = receive(
        [*LOOSE, ("apple.webp", cut_out(kind="WEBP")), ("a.zip", zipped({"sea/1.png": cut_out()}))], "cut-outs"
    )
    assert found.problems == [
        "sea.png: there is another class 'sea'; give this file a name of its own.",
        "apple.webp: there is another class 'apple'; give this file a name of its own.",
    ]


def test_limits_of_the_whole(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PictureError, match=r"There are no files; choose at least one\."):
        receive([], "cut-outs")
    with pytest.raises(PictureError, match=r"The upload: 501 pictures are too many at once; choose at most 500\."):
        receive([(f"{i}.jpg", b"x") for i in range(501)], "photographs")
    big = bytes(40 * MB)
    with pytest.raises(PictureError, match=r"The upload: the files are more than 100 MB together; choose fewer\."):
        receive([(f"{i}.jpg", big) for i in range(3)], "photographs")
    monkeypatch.setattr(uploads, "LIMITS", uploads.Limits(bytes_together=len(photograph()) * 2 + 10))
    with pytest.raises(PictureError, match=r"a\.zip: unpacked, the pictures are more than 0 MB; choose fewer\."):
        receive([("a.zip", zipped({"one.jpg": photograph(), "two.jpg": photograph() + bytes(3000)}))], "photographs")
    assert sets(place) == []


# --------------------------------------------------------------------------------------------------- the area, in time


def test_a_set_that_is_gone_damaged_or_misnamed(place: Path) -> None:
    name = receive(LOOSE, "cut-outs").name
    folder = place / name.removeprefix("upload:")
    for wrong in ("upload:", "upload:../../x", f"upload:{'g' * 32}", f"upload:{'a' * 33}", f"{name}\n", f"{name}/.."):
        with pytest.raises(PictureError, match="an upload's name is `upload:` and 32 hexadecimal digits; upload"):
            bank(wrong, 32)
        with pytest.raises(PictureError, match="32 hexadecimal digits"):
            backgrounds(wrong, 32)
    with pytest.raises(PictureError, match="not here any more; upload the pictures again"):
        bank(f"upload:{'0' * 32}", 32)
    with pytest.raises(ValueError, match=r"are cut-outs, .*: upload photographs"):
        backgrounds(name, 32)
    sound = {file: file.read_bytes() for file in folder.iterdir()}
    injuries: dict[str, Callable[[], object]] = {
        "another picture": lambda: (folder / "0.png").write_bytes(sound[folder / "1.png"]),
        "no picture": lambda: (folder / "0.png").unlink(),
        "cut short": lambda: (folder / "0.png").write_bytes(sound[folder / "0.png"][:200]),
        "a bomb": lambda: (folder / "0.png").write_bytes(png(6000, 6000, black(6000 * 24_001))),
        "endless": lambda: (folder / "0.png").write_bytes(bytes(3 * MB)),
        "another list": lambda: (folder / uploads.LIST).write_bytes(
            sound[folder / uploads.LIST].replace(b"sun", b"fun")
        ),
        "a pickle": lambda: (folder / uploads.LIST).write_bytes(b"\x80\x04."),
    }
    for injure in injuries.values():
        injure()
        with pytest.raises(PictureError, match="are damaged or incomplete; upload the pictures again"):
            bank(name, 32)
        assert receive(LOOSE, "cut-outs").name == name  # the remedy helps
        assert {file: file.read_bytes() for file in folder.iterdir()} == sound
    assert bank(name, 32).classes == 4


def test_a_list_of_another_version_is_refused(place: Path) -> None:
    kinds = ({"kind": "movies", "pictures": []}, {"kind": "cut-outs", "pictures": [[1, 2, 3]]})
    for content in ({"format": 99}, [], *({"format": 1, **rest} for rest in kinds)):
        data = json.dumps(content).encode()
        name = uploads._name_of(data)
        (place / name.removeprefix("upload:")).mkdir(parents=True)
        (place / name.removeprefix("upload:") / uploads.LIST).write_bytes(data)
        with pytest.raises(PictureError, match="damaged"):
            uploads.described(name)


def test_the_least_recently_used_go_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [receive([(f"{i}.jpg", photograph(i))], "photographs").name for i in range(3)]
    for age, name in zip((300, 200, 100), names, strict=True):
        os.utime(place / name.removeprefix("upload:"), (time.time() - age,) * 2)
    uploads.described(names[0])  # used: now the youngest
    size = max(sum(f.stat().st_size for f in (place / n.removeprefix("upload:")).iterdir()) for n in names)
    monkeypatch.setattr(uploads, "AREA_BYTES", int(3.5 * size))
    stale, fresh = place / ".part-dead", place / ".part-alive"
    stale.mkdir()
    fresh.mkdir()
    os.utime(stale, (0, 0))
    newest = receive([("9.jpg", photograph(9))], "photographs").name
    assert sets(place) == sorted([names[0], names[2], newest])
    assert not stale.exists()
    assert fresh.exists()
    monkeypatch.setattr(uploads, "AREA_BYTES", 1)
    assert receive([("9.jpg", photograph(9))], "photographs").name == newest
    assert sets(place) == [newest]  # what was just uploaded stays


@pytest.mark.parametrize(
    ("code", "told"),
    [(errno.ENOSPC, "is full; free some space"), (errno.EROFS, "read-only file system'; set INVLAB_HOME"),
     (errno.EACCES, "permission denied'; set INVLAB_HOME")],
)  # fmt: skip
def test_a_disk_that_cannot_be_written(place: Path, monkeypatch: pytest.MonkeyPatch, code: int, told: str) -> None:
    def fails(self: Path, data: bytes) -> int:
        raise OSError(code, os.strerror(code), str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fails)
        with pytest.raises(PictureError) as raised:
            receive(LOOSE, "cut-outs")
    assert told in str(raised.value)
    assert str(place) not in str(raised.value)  # visitors read it
    assert sets(place) == []
    assert not list(place.glob(".part-*"))


def test_a_home_that_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "file"))
    with pytest.raises(PictureError, match=r"could not be kept: .*; set INVLAB_HOME"):
        receive(LOOSE, "cut-outs")
    with pytest.raises(PictureError, match="not here any more"):
        uploads.described(f"upload:{'0' * 32}")


# -------------------------------------------------------------------------------------------------------- in the pages


def opened(name: str, **link: str) -> AppTest:
    shown = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
    for key, value in link.items():
        shown.query_params[key] = value
    shown.run()
    assert not shown.exception, shown.exception
    return shown


def words(shown: AppTest) -> str:
    return "\n".join(str(e.value) for block in (shown.warning, shown.caption, shown.error) for e in block)


def linked(shown: AppTest, key: str) -> str:
    """A value of the page's link."""
    value = shown.query_params[key]
    return value if isinstance(value, str) else value[-1]


def names_shown(shown: AppTest) -> set[str]:
    return set(shown.dataframe[0].value["object"])


def test_transformations_takes_an_upload(place: Path) -> None:
    shown = opened("transformations", objects="your cut-outs", backgrounds="black")
    assert page.escaped(uploads.limits_text("cut-outs")) in words(shown)
    assert "Until then you see the drawn objects" in words(shown)
    assert shown.file_uploader[0].proto.max_upload_size_mb == LIMITS.bytes_each // MB
    files = [*((name, data, "image/png") for name, data in LOOSE), ("no_*picture*.png", b"x", "image/png")]
    shown.file_uploader[0].set_value(files).run()
    assert not shown.exception
    assert names_shown(shown) == set(COLOURS)
    assert [w.value for w in shown.warning] == [
        r"no\_\*picture\*\.png\: this is no PNG, WebP or JPEG picture, or its beginning is damaged; save it as one of "
        r"these\."
    ]
    assert "4 pictures loaded, 4 classes: apple, leaf, sea, sun" in words(shown)
    name = receive(LOOSE, "cut-outs").name
    assert linked(shown, "objects_set") == name
    assert not shown.file_uploader[0].value  # the server's memory is free again
    assert name in shown.code[0].value
    stamp = (place / name.removeprefix("upload:") / uploads.LIST).stat().st_mtime_ns
    shown.button(key="again").click().run()
    assert (place / name.removeprefix("upload:") / uploads.LIST).stat().st_mtime_ns == stamp
    assert names_shown(shown) == set(COLOURS)
    again = opened("transformations", objects="your cut-outs", objects_set=name, backgrounds="black")
    assert names_shown(again) == set(COLOURS)
    assert not again.warning
    again.selectbox(key="objects").set_value("drawn").run()
    assert "objects_set" not in again.query_params


def test_a_malformed_upload_is_told_and_the_page_goes_on(place: Path) -> None:
    shown = opened("transformations", objects="your cut-outs", backgrounds="black")
    shown.file_uploader[0].set_value([("bomb.zip", bomb(2 * MB), "application/zip")]).run()
    assert not shown.exception
    assert len(shown.warning) == 1
    assert "too tightly" in shown.warning[0].value
    assert len(shown.dataframe[0].value) == 24
    shown.file_uploader[0].set_value([("a.zip", zipped(CLASSES), "application/zip")]).run()
    assert not shown.warning
    assert names_shown(shown) == set(COLOURS)
    bad = {f"apple/bad {i}.png": b"x" for i in range(9)}
    shown.file_uploader[0].set_value([("a.zip", zipped(CLASSES | bad), "application/zip")]).run()
    assert shown.warning[0].value.count("no PNG") == 3
    others = next(box for box in shown.expander if box.label == "… and 6 more")
    assert others.caption[0].value.count("no PNG") == 6


@pytest.mark.parametrize("name", [f"upload:{'0' * 32}", "upload:../../etc", "folder:/etc", "<script>"])
@pytest.mark.parametrize("key", ["objects", "backgrounds"])
def test_an_unknown_set_in_the_link_is_a_sentence(place: Path, key: str, name: str) -> None:
    link = {"backgrounds": "black"} | {key: own.WORDS["photographs"], f"{key}_set": name}
    instead = {"objects": "drawn", "backgrounds": "scenes"}[key]
    asked: list[str] = []

    def script(key: str, instead: str, asked: list[str]) -> None:
        from invlab.ui import own

        asked.append(own.picked(key, [instead], ["cut-outs", "photographs"], key))

    shown = AppTest.from_function(script, args=(key, instead, asked))
    for field, value in link.items():
        shown.query_params[field] = value
    shown.run()
    assert not shown.exception
    assert asked == [instead]
    assert len(shown.warning) == 1
    assert "upload the pictures again" in shown.warning[0].value
    assert f"until then you see the {instead}" in shown.warning[0].value


def test_one_class_alone_can_be_looked_at(place: Path) -> None:
    files = {f"apple/{i}.png": cut_out((200, 10 * i, 0)) for i in range(3)}
    name = receive([("a.zip", zipped(files))], "cut-outs").name
    shown = opened("transformations", objects="your cut-outs", objects_set=name, backgrounds="black")
    assert names_shown(shown) == {"apple"}
    assert "one class; for a class each, upload them without it" in words(shown)


def test_photographs_on_the_page(place: Path) -> None:
    name = receive([(f"{i}.jpg", photograph(i)) for i in range(3)], "photographs").name
    link = {
        "objects": "your photographs",
        "objects_set": name,
        "backgrounds": "your photographs",
        "backgrounds_set": name,
    }
    shown = opened("transformations", **link)
    assert names_shown(shown) == {"0", "1", "2"}
    assert set(shown.dataframe[0].value["background"]) == {"your photograph"}
    assert not shown.warning


def test_transfer_takes_an_upload(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import streamlit as st

    monkeypatch.setenv("INVLAB_WORKER", "0")
    monkeypatch.setenv("INVLAB_BUNDLE", str(place / "no-bundle"))
    monkeypatch.setattr(st, "page_link", lambda *words, **rest: None)
    st.cache_resource.clear()
    try:
        shown = opened("transfer")
        shown.selectbox(key="objects").set_value("cut-outs").run()
        shown.selectbox(key="backgrounds").set_value("photographs").run()
        assert page.escaped(uploads.limits_text("photographs")) in words(shown)
        shown.file_uploader[0].set_value([(name, data, "image/png") for name, data in LOOSE]).run()
        shown.file_uploader[1].set_value([("a.jpg", photograph(), "image/jpeg")]).run()
        assert not shown.exception
        assert not shown.warning
        objects, behind = receive(LOOSE, "cut-outs").name, receive([("a.jpg", photograph())], "photographs").name
        assert linked(shown, "objects_set") == objects
        assert linked(shown, "backgrounds_set") == behind
        assert "draw 2 objects" in "\n".join(str(m.value) for m in shown.markdown)
        choice = Choice(objects=objects, backgrounds=behind)
        assert "own objects, own backgrounds" in choice.title()
        again = opened("transfer", **{k: v for k, v in choice.query().items() if isinstance(v, str)})
        assert linked(again, "objects_set") == objects
        assert "draw 2 objects" in "\n".join(str(m.value) for m in again.markdown)
        gone = opened("transfer", objects="your cut-outs", objects_set=f"upload:{'0' * 32}")
        assert "until then you see the drawn objects" in words(gone)
        assert not gone.button(key="train").disabled
    finally:
        st.cache_resource.clear()
