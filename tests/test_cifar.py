"""CIFAR-10 and CIFAR-100: torchvision's own loader reads small archives in the true format; every way to be missing,
half there or not what it should be is one sentence."""

from __future__ import annotations

import errno
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from invlab import cifar, kept
from invlab.backgrounds import backgrounds
from invlab.cifar import ARCHIVES
from invlab.kept import SourceError
from invlab.objects import bank, class_names
from tests.small_data import TEST, TRAIN, Cifar, Served, expect, forget, serving, small_cifar, unpack

ROOT = Path(__file__).parents[1]
SMALL = {name: small_cifar(name) for name in ARCHIVES}
NAMES = list(ARCHIVES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty data folder; the tables are those of the small archives, and nothing can be fetched."""
    monkeypatch.setenv("INVLAB_DATA", str(tmp_path / "data"))
    for name in NAMES:
        expect(name, SMALL[name], monkeypatch)
    (tmp_path / "data").mkdir()
    forget()
    yield tmp_path / "data"
    forget()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Serves the small CIFAR-10, and torchvision's address is its own."""
    with serving() as served:
        served.files["/cifar.tar.gz"] = SMALL["cifar10"].archive
        expect("cifar10", SMALL["cifar10"], monkeypatch, f"{served.url}/cifar.tar.gz")
        yield served


def put(name: str, layout: str, folder: Path) -> None:
    if layout == "unpacked":
        unpack(name, SMALL[name], folder)
    else:
        (folder / ARCHIVES[name].file).write_bytes(SMALL[name].archive)


def expected_rows(small: Cifar, label: int) -> tuple[np.ndarray, np.ndarray]:
    """The images of a class, training ones first, and their splits."""
    train = small.images["train"][small.labels["train"] == label]
    test = small.images["test"][small.labels["test"] == label]
    held_out = TRAIN // 10
    splits = [0] * (TRAIN - held_out) + [1] * held_out + [2] * TEST
    return np.concatenate([train, test]), np.array(splits)


# -------------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("layout", ["unpacked", "archive"])
@pytest.mark.parametrize("name", NAMES)
def test_both_layouts_are_read(name: str, layout: str, folder: Path) -> None:
    put(name, layout, folder)
    assert cifar.missing(name) is None
    found = bank(name, 32)
    assert found.names == class_names(name) == ARCHIVES[name].names
    assert found.prototypes.dtype == torch.uint8
    assert found.prototypes.shape == (found.classes * (TRAIN + TEST), 3, 32, 32)
    assert torch.equal(found.labels, torch.arange(found.classes).repeat_interleave(TRAIN + TEST))
    assert found.splits is not None
    for label in range(0, found.classes, 7):
        images, splits = expected_rows(SMALL[name], label)
        mine = found.labels == label
        assert np.array_equal(found.prototypes[mine].numpy(), images)
        assert np.array_equal(found.splits[mine].numpy(), splits)


def test_the_archive_is_unpacked_once_and_kept(folder: Path) -> None:
    put("cifar10", "archive", folder)
    first = cifar.load("cifar10")
    (folder / ARCHIVES["cifar10"].file).unlink()
    assert all(torch.equal(a, b) for a, b in zip(first, cifar.load("cifar10"), strict=True))
    assert sorted(p.name for p in folder.iterdir()) == [".cifar10.lock", ARCHIVES["cifar10"].folder]


def test_objects_and_backgrounds_share_their_images(folder: Path) -> None:
    put("cifar10", "unpacked", folder)
    objects, behind = bank("cifar10", 32), backgrounds("cifar10", 32)
    assert behind.images is not None
    assert behind.images.data_ptr() == objects.prototypes.data_ptr()
    assert behind.label_names == objects.names
    assert behind.labels is objects.labels
    assert behind.splits is objects.splits


def test_splits_are_disjoint_and_complete(folder: Path) -> None:
    put("cifar100", "unpacked", folder)
    images, labels, splits = cifar.load("cifar100")
    assert len(torch.unique(images.flatten(1), dim=0)) == len(images) == 100 * (TRAIN + TEST)
    counts = torch.bincount(labels * 3 + splits).reshape(100, 3)
    assert counts.unique(dim=0).tolist() == [[18, 2, 5]]


def test_of_5000_training_images_500_are_held_out() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(10), 5000))
    images = np.arange(50_000, dtype=np.uint32).view(np.uint8).reshape(-1, 1, 2, 2)  # each holds its own number
    _, found, splits = cifar.arranged((images, labels), (images[:10_000], np.repeat(np.arange(10), 1000)))
    assert torch.bincount(found * 3 + splits).tolist() == [4500, 500, 1000] * 10


def test_what_can_be_known_without_the_data() -> None:
    """In a fresh interpreter, without torch."""
    program = (
        "import sys\nfrom invlab import objects, sources\n"
        "assert objects.class_names('cifar10')[3] == 'cat'\n"
        "assert len(set(objects.class_names('cifar100'))) == 100\n"
        "assert list(objects.class_names('cifar100')) == sorted(objects.class_names('cifar100'))\n"
        "for name in (*objects.OBJECTS, 'scenes', 'black'):\n"
        "    assert sources.available(name) == (sources.missing(name) is None)\n"
        "assert not {'torch', 'torchvision', 'pyarrow', 'huggingface_hub'} & set(sys.modules)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


# -------------------------------------------------------------------------------------------------- missing and damaged


@pytest.mark.parametrize("name", NAMES)
def test_missing_data_say_what_to_do(name: str, folder: Path) -> None:
    archive = ARCHIVES[name]
    for ask in (bank, backgrounds):
        with pytest.raises(ValueError, match=archive.title) as told:
            ask(name, 32)
        sentence = str(told.value)
        assert f"`python -m invlab data get {name}`" in sentence
        assert archive.file in sentence
        assert str(folder) in sentence
        assert " MB" in sentence
        assert "\n" not in sentence
        assert sentence == cifar.missing(name)


def test_the_sizes_that_are_told_are_those_of_the_archives() -> None:
    assert (ARCHIVES["cifar10"].bytes, ARCHIVES["cifar100"].bytes) == (170_498_071, 169_001_437)


def test_the_data_lie_in_the_home_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INVLAB_DATA", raising=False)
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    assert kept.data_folder() == tmp_path / "data"
    monkeypatch.setenv("INVLAB_DATA", str(tmp_path / "elsewhere"))
    assert kept.data_folder() == tmp_path / "elsewhere"
    assert kept.data_folder(tmp_path / "asked") == tmp_path / "asked"


def test_half_an_archive_is_not_taken_for_a_whole_one(folder: Path) -> None:
    archive = ARCHIVES["cifar10"]
    (folder / archive.file).write_bytes(SMALL["cifar10"].archive[:1000])
    with pytest.raises(SourceError, match=r"is not whole .*: run `python -m invlab data get cifar10`"):
        cifar.load("cifar10")


def test_an_archive_with_another_md5_is_not_unpacked(folder: Path) -> None:
    data = bytearray(SMALL["cifar10"].archive)
    data[len(data) // 2] ^= 1
    (folder / ARCHIVES["cifar10"].file).write_bytes(data)
    with pytest.raises(SourceError, match="has not the MD5 of CIFAR-10"):
        cifar.load("cifar10")
    assert not (folder / ARCHIVES["cifar10"].folder).exists()


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("member", ["data_batch_3", "test_batch", "batches.meta"])
def test_nothing_unverified_is_unpickled(member: str, folder: Path, tmp_path: Path) -> None:
    put("cifar10", "unpacked", folder)
    (folder / ARCHIVES["cifar10"].folder / member).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
    with pytest.raises(SourceError, match=r"is damaged \(a file has not its MD5\).*data get cifar10"):
        cifar.load("cifar10")
    assert not (tmp_path / "sprung").exists()


def test_a_folder_that_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put("cifar10", "archive", folder)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryDirectory", refuse)
    with pytest.raises(SourceError, match="Read-only file system: set INVLAB_DATA to a directory that can be written"):
        cifar.load("cifar10")


# ------------------------------------------------------------------------------------------------------------- fetching


def fetch() -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    cifar.fetch("cifar10", points.append)
    return points


def test_fetching_tells_its_size_first_and_brings_the_whole(folder: Path, server: Served) -> None:
    points = fetch()
    size = len(SMALL["cifar10"].archive)
    assert points[0] == {"stage": "downloading", "fraction": 0.0, "bytes": 0, "of": size}
    assert [p["fraction"] for p in points] == sorted(p["fraction"] for p in points)
    assert points[-1] == {"stage": "done", "fraction": 1.0, "bytes": size, "of": size}
    images, _, _ = cifar.load("cifar10")
    assert len(images) == 10 * (TRAIN + TEST)
    server.files.clear()
    assert fetch()[-1]["fraction"] == 1.0  # what is there is not asked for again


def test_an_archive_that_a_person_put_there_is_not_fetched(folder: Path) -> None:
    put("cifar10", "archive", folder)  # nobody listens at torchvision's address
    fetch()
    assert cifar.missing("cifar10") is None


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on(ranges: bool, folder: Path, server: Served) -> None:
    server.cut, server.ranges = 1000, ranges
    with pytest.raises(SourceError, match=r"broke off .*: run `python -m invlab data get cifar10` again"):
        fetch()
    assert cifar.missing("cifar10") is not None
    assert not (folder / ARCHIVES["cifar10"].file).exists()
    with pytest.raises(SourceError, match="is not here"):
        cifar.load("cifar10")
    server.cut = None
    points = fetch()
    assert points[0]["bytes"] == 1000
    assert server.asked[-1] == ("GET", "/cifar.tar.gz", "bytes=1000-")
    assert len(cifar.load("cifar10")[0]) == 10 * (TRAIN + TEST)


def test_another_file_is_thrown_away(folder: Path, server: Served) -> None:
    server.files["/cifar.tar.gz"] = bytes(len(SMALL["cifar10"].archive))
    with pytest.raises(SourceError, match="has not the MD5 of CIFAR-10 and was thrown away"):
        fetch()
    assert [p.name for p in folder.iterdir()] == [".cifar10.lock"]
    server.files["/cifar.tar.gz"] = b"<html>down for maintenance</html>"
    with pytest.raises(SourceError, match="broke off"):
        fetch()
    server.files["/cifar.tar.gz"] = SMALL["cifar10"].archive
    with pytest.raises(SourceError, match="has not the MD5"):  # the page's bytes stand at its head
        fetch()
    fetch()
    assert cifar.missing("cifar10") is None


def test_a_damaged_copy_is_set_aside(folder: Path, server: Served) -> None:
    put("cifar10", "unpacked", folder)
    (folder / ARCHIVES["cifar10"].folder / "test_batch").write_bytes(b"not what it was")
    (folder / ARCHIVES["cifar10"].file).write_bytes(b"half an archive")
    fetch()
    assert len(cifar.load("cifar10")[0]) == 10 * (TRAIN + TEST)
    assert len(list(folder.glob("*.set-aside-*"))) == 2


@pytest.mark.parametrize(("path", "reason"), [("/elsewhere", "Not Found"), (None, "refused")])
def test_no_network_is_one_sentence(
    path: str | None, reason: str, folder: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = None if path is None else f"{server.url}{path}"
    expect("cifar10", SMALL["cifar10"], monkeypatch, url)
    with pytest.raises(SourceError, match=rf"could not be fetched .*{reason}.*check the network.*cifar-10-python"):
        fetch()


def test_too_little_room_is_told_before_anything_is_fetched(
    folder: Path, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 5_000_000}))
    with pytest.raises(SourceError, match=r"CIFAR-10 needs 19\d MB .* where 5 MB are free: free some space, or set"):
        fetch()
    assert server.asked == []


def test_a_disk_that_fills_up_is_one_sentence(folder: Path, server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tarfile.TarFile.extractall", full)
        with pytest.raises(SourceError, match=r"CIFAR-10 could not be written into .*: the disk is full: free some"):
            fetch()
    assert cifar.missing("cifar10") is None  # the archive arrived, and is whole
    assert [p.name for p in folder.iterdir() if p.name.startswith(f".{ARCHIVES['cifar10'].folder}")] == []
    fetch()
    assert len(cifar.load("cifar10")[0]) == 10 * (TRAIN + TEST)


def test_what_a_killed_process_left_is_cleared_away(folder: Path) -> None:
    put("cifar10", "archive", folder)
    (folder / f".{ARCHIVES['cifar10'].folder}-left").mkdir()
    cifar.load("cifar10")
    assert not (folder / f".{ARCHIVES['cifar10'].folder}-left").exists()
