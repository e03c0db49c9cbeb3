"""Small data sets in the true formats of CIFAR-10, CIFAR-100 and the Hub's data set, and a server that sends files."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import json
import os
import pickle
import struct
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
import torchvision
from PIL import Image, ImageDraw
from pyarrow import parquet

from invlab import backgrounds, cifar, hub, objects, photographs, things

# ---------------------------------------------------------------------------------------------------------------- CIFAR

TRAIN, TEST = 20, 5  # images of each class
PARTS = {"cifar10": ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"),
         "cifar100": ("train",)}  # fmt: skip
TESTS = {"cifar10": "test_batch", "cifar100": "test"}


class Python2Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Writes bytes the way Python 2 wrote its strings, which is what the archives hold: read with encoding='latin1',
    they come back as text, and a NumPy array takes them for its data."""

    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def save_bytes(self, data: bytes) -> None:
        short = len(data) < 256
        self.write((b"U" + bytes([len(data)]) if short else b"T" + struct.pack("<i", len(data))) + data)
        self.memoize(data)

    dispatch[bytes] = save_bytes


def python2_pickle(value: Any) -> bytes:
    out = io.BytesIO()
    Python2Pickler(out, protocol=2).dump(value)
    return out.getvalue()


@dataclass
class Cifar:
    """A small archive, and what it was made of."""

    archive: bytes
    members: dict[str, bytes]  # by name in the archive's folder
    images: dict[str, np.ndarray]  # 'train', 'test': uint8 (N, 3, 32, 32), in the archive's order
    labels: dict[str, np.ndarray]


@functools.cache
def small_cifar(name: str) -> Cifar:
    """`TRAIN` and `TEST` noise images of each class in random order, in the archive's own layout."""
    classes, rng = len(cifar.ARCHIVES[name].names), np.random.default_rng(len(name))
    labels = {s: rng.permutation(np.repeat(np.arange(classes), n)) for s, n in (("train", TRAIN), ("test", TEST))}
    images = {s: rng.integers(0, 256, (len(y), 3, 32, 32), dtype=np.uint8) for s, y in labels.items()}
    members = {TESTS[name]: _batch(name, images["test"], labels["test"], b"testing")}
    parts = zip(PARTS[name], np.array_split(np.arange(classes * TRAIN), len(PARTS[name])), strict=True)
    for part, rows in parts:
        members[part] = _batch(name, images["train"][rows], labels["train"][rows], part.encode())
    words = [word.encode() for word in cifar.ARCHIVES[name].names]
    if name == "cifar10":
        members["batches.meta"] = python2_pickle({b"num_cases_per_batch": 40, b"label_names": words, b"num_vis": 3072})
    else:
        coarse = [b"group %d" % i for i in range(20)]
        members["meta"] = python2_pickle({b"fine_label_names": words, b"coarse_label_names": coarse})
    return Cifar(_packed(cifar.ARCHIVES[name].folder, members), members, images, labels)


def _batch(name: str, images: np.ndarray, labels: np.ndarray, title: bytes) -> bytes:
    key = b"labels" if name == "cifar10" else b"fine_labels"
    whole = {b"batch_label": title, key: labels.tolist(), b"data": images.reshape(len(images), 3072)}
    whole[b"filenames"] = [b"picture_%d.png" % i for i in range(len(images))]
    if name == "cifar100":
        whole[b"coarse_labels"] = (labels // 5).tolist()
    return python2_pickle(whole)


def _packed(folder: str, members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for member, data in [*members.items(), ("readme.html", b"<p>small</p>")]:
            about = tarfile.TarInfo(f"{folder}/{member}")
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))
    return out.getvalue()


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def expect(name: str, small: Cifar, monkeypatch: pytest.MonkeyPatch, url: str | None = None) -> None:
    """Let torchvision's tables, and the size we know, be those of the small archive. Nothing else is changed."""
    archive = cifar.ARCHIVES[name]
    kind = getattr(torchvision.datasets, archive.kind)
    monkeypatch.setattr(kind, "tgz_md5", md5(small.archive))
    monkeypatch.setattr(kind, "train_list", [[part, md5(small.members[part])] for part in PARTS[name]])
    monkeypatch.setattr(kind, "test_list", [[TESTS[name], md5(small.members[TESTS[name]])]])
    meta = kind.meta["filename"]
    monkeypatch.setattr(kind, "meta", kind.meta | {"md5": md5(small.members[meta])})
    monkeypatch.setattr(kind, "url", url or "http://127.0.0.1:9/nobody-listens.tar.gz")
    monkeypatch.setitem(cifar.ARCHIVES, name, replace(archive, bytes=len(small.archive)))


def unpack(name: str, small: Cifar, folder: Path) -> None:
    place = folder / cifar.ARCHIVES[name].folder
    place.mkdir(parents=True)
    for member, data in small.members.items():
        (place / member).write_bytes(data)


# -------------------------------------------------------------------------------------------------------------- the Hub

CUT_OUTS = (("owl", "red"), ("key", "blue"), ("owl", "green"), ("cup", "gold"), ("key", "navy"))
HUB_NAMES = ("cup", "key", "owl")
CARD = """---
license: cc-by-4.0
configs:
- config_name: foregrounds
  data_files:
  - split: train
    path: foregrounds/train-*
- config_name: backgrounds
  data_files:
  - split: train
    path: backgrounds/train-*
---
# Base images
"""


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def cut_out(colour: str) -> Image.Image:
    picture = Image.new("RGBA", (70, 50))
    ImageDraw.Draw(picture).ellipse((10, 5, 49, 44), fill=colour)
    return picture


def background(number: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(number).integers(0, 256, (40, 60, 3), dtype=np.uint8))


def _table(pictures: list[Image.Image], labels: list[int] | None, names: bool) -> bytes:
    """A parquet file as `Dataset.push_to_hub` writes it: structs of bytes and path, the features in the schema."""
    columns: dict[str, Any] = {
        "image": pa.array(
            [{"bytes": png(p), "path": f"{i}.png"} for i, p in enumerate(pictures)],
            pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
        )
    }
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    if labels is not None:
        columns["label"] = pa.array(labels, pa.int64())
        features["label"] = {"names": list(HUB_NAMES), "_type": "ClassLabel"} if names else {"dtype": "int64"}
    table = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    out = io.BytesIO()
    parquet.write_table(table, out, row_group_size=2)
    return out.getvalue()


@functools.cache
def hub_files(names: bool = True) -> dict[str, bytes]:
    """The files of the small data set, by path: the cut-outs in two files, the backgrounds in one."""
    pictures = [cut_out(colour) for _, colour in CUT_OUTS]
    labels = [HUB_NAMES.index(name) for name, _ in CUT_OUTS]
    return {
        "README.md": CARD.encode(),
        "foregrounds/train-00000-of-00002.parquet": _table(pictures[:3], labels[:3], names),
        "foregrounds/train-00001-of-00002.parquet": _table(pictures[3:], labels[3:], names),
        "backgrounds/train-00000-of-00001.parquet": _table([background(i) for i in range(4)], None, names),
    }


def write(files: dict[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


# ----------------------------------------------------------------------------------------------------------- everything


def forget() -> None:
    """Clear the caches of one process: data come and go in tests."""
    for cached in (objects.bank, backgrounds.backgrounds, photographs.photographs, things.things):
        cached.cache_clear()


def noise(label: int, seed: int, size: int) -> np.ndarray:
    """Stands for `draw_scene` where only the form matters: a scene takes a hundred times as long."""
    return np.random.default_rng((label, seed)).integers(0, 256, (size, size, 3), dtype=np.uint8)


@contextlib.contextmanager
def everything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data folder INVLAB_DATA, in which every row of OBJECTS and BACKGROUNDS is there and small."""
    monkeypatch.setenv("INVLAB_DATA", str(folder))
    monkeypatch.setattr(photographs, "PICTURES", (3, 1, 2))
    monkeypatch.setattr(photographs, "draw_scene", noise)
    for name in cifar.ARCHIVES:
        small = small_cifar(name)
        expect(name, small, monkeypatch)
        unpack(name, small, folder)
    write(hub_files(), folder / hub.NAME)
    forget()
    yield folder
    forget()


# ------------------------------------------------------------------------------------------------------------- a server


@dataclass
class Served:
    """What a server answers: `files` by path; `cut` sends that many bytes of a body and hangs up."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    cut: int | None = None
    ranges: bool = True
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)  # method, path, Range


@contextlib.contextmanager
def serving() -> Iterator[Served]:
    """A server on 127.0.0.1 that answers GET and HEAD, with ranges, like the hosts of the data sets."""
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(False)

        def do_GET(self) -> None:
            self.answer(True)

        def answer(self, body: bool) -> None:
            path, wanted = self.path.split("?")[0], self.headers.get("Range")
            served.asked.append((self.command, path, wanted))
            data = served.files.get(path)
            if data is None:
                self.send_error(404)
                return
            first = int(wanted.removeprefix("bytes=").split("-")[0]) if wanted and served.ranges else 0
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(data) - first))
            for name, value in served.headers.get(path, {}).items():
                self.send_header(name, value)
            if first:
                self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if body:
                self.wfile.write(data[first : first + served.cut] if served.cut is not None else data[first:])

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    with pytest.MonkeyPatch.context() as patch:  # a proxy would not know this server
        patch.setenv("NO_PROXY", ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"])))
        yield served
    server.shutdown()
    server.server_close()
    thread.join()
