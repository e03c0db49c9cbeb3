"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009), in the archives that their author publishes, read by torchvision.

The archives hold pickles, and reading a pickle can run any program. So nothing is unpickled before torchvision has
found that every file has the MD5 of its own tables.
"""

from __future__ import annotations

import http.client
import os
import shutil
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from invlab.kept import GET, SourceError, alone, data_folder, explained, megabytes, room_for, set_aside

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

Report = Callable[[dict[str, Any]], None]

CHUNK = 1 << 20  # bytes read from the network at a time
TIMEOUT = 30.0  # seconds without a byte
UNPACKED = 190_000_000  # bytes of either data set's files, a little more than they take
HELD_OUT = 10  # of the training images of each class, the last in HELD_OUT are validation


CIFAR100_NAMES = """
    apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
    caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
    flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
    motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
    poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
    squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
    wardrobe whale willow_tree wolf woman worm
"""


@dataclass(frozen=True)
class Archive:
    """What is known of a data set without torchvision.

    file, bytes: the archive and its size; folder, members: what it unpacks to; kind: torchvision's class, which knows
    the address and every MD5; names: the classes, in label order.
    """

    name: str
    title: str
    kind: str
    file: str
    bytes: int
    folder: str
    members: tuple[str, ...]
    names: tuple[str, ...]


ARCHIVES = {
    "cifar10": Archive(
        "cifar10", "CIFAR-10", "CIFAR10", "cifar-10-python.tar.gz", 170_498_071, "cifar-10-batches-py",
        (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
    "cifar100": Archive(
        "cifar100", "CIFAR-100", "CIFAR100", "cifar-100-python.tar.gz", 169_001_437, "cifar-100-python",
        ("train", "test", "meta"),
        tuple(CIFAR100_NAMES.split()),
    ),
}  # fmt: skip


def missing(name: str, directory: Path | None = None) -> str | None:
    """What is missing and how to get it, in one sentence; None where the data are there. Reads names and sizes only."""
    archive, folder = ARCHIVES[name], data_folder(directory)
    if _unpacked(archive, folder):
        return None
    file = folder / archive.file
    found = file.stat().st_size if file.is_file() else None
    if found == archive.bytes:
        return None
    state = "is not here" if found is None else f"is not whole ({megabytes(found)} in {file})"
    return (
        f"{archive.title} ({megabytes(archive.bytes)}) {state}: run `{GET} {name}`, or put {archive.file} into {folder}"
    )


def load(name: str, directory: Path | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """uint8 (60,000, 3, 32, 32), int64 labels, ascending, and int64 splits (0 train, 1 validation, 2 test).

    Within a class: training images in the archive's order, the last tenth of them validation, then test images.
    Raises SourceError (one sentence) where the data are missing or not what they should be.
    """
    if sentence := missing(name, directory):
        raise SourceError(sentence)
    archive, folder = ARCHIVES[name], data_folder(directory)
    if not _unpacked(archive, folder):
        with explained(archive.title, folder), alone(folder / f".{name}.lock"):
            if not _unpacked(archive, folder):
                _unpack(archive, folder)
    kind = _kind(archive)
    try:
        parts = [kind(str(folder), train=train) for train in (True, False)]
    except RuntimeError as error:  # torchvision's word for a file that has not its MD5
        raise SourceError(
            f"{archive.title} in {folder / archive.folder} is damaged (a file has not its MD5): run `{GET} {name}`, "
            "which puts a sound copy in its place"
        ) from error
    if tuple(parts[0].classes) != archive.names:
        raise SourceError(f"{archive.title} in {folder / archive.folder} has other classes than {archive.title}")
    return arranged(*((part.data.transpose(0, 3, 1, 2), np.asarray(part.targets)) for part in parts))


def arranged(
    training: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images (N, 3, S, S) with labels (N,), twice, as one set in the order that `load` describes."""
    train_rows, splits = np.argsort(training[1], kind="stable"), np.zeros(len(training[1]), np.int64)
    for label in np.unique(training[1]):
        rows = train_rows[training[1][train_rows] == label]
        splits[rows[len(rows) - len(rows) // HELD_OUT :]] = 1
    labels = np.concatenate([training[1], test[1]]).astype(np.int64)
    splits = np.concatenate([splits, np.full(len(test[1]), 2)])
    order = np.argsort(labels, kind="stable")
    images = np.empty((len(order), *training[0].shape[1:]), np.uint8)
    from_test = order >= len(training[1])
    images[~from_test] = training[0][order[~from_test]]
    images[from_test] = test[0][order[from_test] - len(training[1])]
    return torch.from_numpy(images), torch.from_numpy(labels[order]), torch.from_numpy(splits[order])


def fetch(name: str, report: Report, directory: Path | None = None) -> None:
    """Download, check and unpack what is not there yet; what is damaged is set aside.

    `report` gets points {'stage', 'fraction', 'bytes', 'of'}, the first before a byte is asked for. A download that
    was interrupted goes on where it stopped, and takes its name only once its MD5 is right. Raises SourceError.
    """
    archive, folder = ARCHIVES[name], data_folder(directory)
    kind = _kind(archive)
    with explained(archive.title, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder / f".{name}.lock"):
            if not _sound(kind, folder):
                _download(archive, kind, folder, report)
                report({"stage": "unpacking", "fraction": 0.95, "bytes": archive.bytes, "of": archive.bytes})
                _unpack(archive, folder)
    kind(str(folder), train=False, download=True)  # torchvision's own check of the whole; it has nothing left to do
    report({"stage": "done", "fraction": 1.0, "bytes": archive.bytes, "of": archive.bytes})


def _kind(archive: Archive) -> Any:
    """torchvision's data set; importing it takes seconds."""
    from torchvision import datasets

    return getattr(datasets, archive.kind)


def _unpacked(archive: Archive, folder: Path) -> bool:
    return all((folder / archive.folder / member).is_file() for member in archive.members)


def _sound(kind: Any, folder: Path) -> bool:
    """Whether every unpacked file has the MD5 of torchvision's tables."""
    from torchvision.datasets.utils import check_integrity

    files = [*kind.train_list, *kind.test_list, (kind.meta["filename"], kind.meta["md5"])]
    return all(check_integrity(folder / kind.base_folder / file, md5) for file, md5 in files)


def _download(archive: Archive, kind: Any, folder: Path, report: Report) -> None:
    """Leave the whole archive in `folder`, from the network where it is not there."""
    from torchvision.datasets.utils import check_integrity

    whole, part = folder / archive.file, folder / f"{archive.file}.part"
    if check_integrity(whole, kind.tgz_md5):
        return
    set_aside(whole)
    have = part.stat().st_size if part.is_file() else 0
    room_for(max(0, archive.bytes - have) + UNPACKED, archive.title, folder)
    if have < archive.bytes:
        _receive(archive, kind.url, part, have, report)
    if not check_integrity(part, kind.tgz_md5):
        size = part.stat().st_size
        part.unlink()
        raise SourceError(
            f"what {kind.url} sent ({megabytes(size)} of {megabytes(archive.bytes)}) has not the MD5 of "
            f"{archive.title} and was thrown away: run `{GET} {archive.name}` again"
        )
    os.replace(part, whole)


def _receive(archive: Archive, url: str, part: Path, have: int, report: Report) -> None:
    """Append to `part` what is missing after its first `have` bytes, or begin anew where the server cannot do that.

    torchvision would download too, but in one piece, under the final name, and silent for whoever watches.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "invlab"})  # noqa: S310 - torchvision's constant
    if have:
        request.add_header("Range", f"bytes={have}-")
    report({"stage": "downloading", "fraction": 0.0, "bytes": have, "of": archive.bytes})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)  # noqa: S310 - torchvision's constant
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise SourceError(
            f"{archive.title} could not be fetched from {url} ({reason}): check the network and try again, or put "
            f"{archive.file} into {part.parent}"
        ) from error
    with answer, part.open("ab" if answer.status == 206 else "wb") as file:
        while file.tell() < archive.bytes:
            file.write(_more(answer, archive))
            share = min(1.0, file.tell() / archive.bytes)
            report({"stage": "downloading", "fraction": 0.95 * share, "bytes": file.tell(), "of": archive.bytes})


def _more(answer: Any, archive: Archive) -> bytes:
    """The next bytes of an answer that must not end yet: a broken connection is told apart from a full disk."""
    try:
        if chunk := answer.read(CHUNK):
            return bytes(chunk)
        reason: object = "the server sent no more"
    except (OSError, http.client.HTTPException) as error:
        reason = error
    raise SourceError(
        f"the download of {archive.title} broke off ({reason}): run `{GET} {archive.name}` again, which goes on from "
        "there"
    )


def _unpack(archive: Archive, folder: Path) -> None:
    """Put the archive's folder in its place as a whole; the archive must have its MD5."""
    from torchvision.datasets.utils import check_integrity

    if not check_integrity(folder / archive.file, _kind(archive).tgz_md5):
        raise SourceError(
            f"{folder / archive.file} has not the MD5 of {archive.title}: run `{GET} {archive.name}`, which "
            "fetches a sound one"
        )
    for left in folder.glob(f".{archive.folder}-*"):  # by a process that was killed; we are alone here
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{archive.folder}-") as part:
        with tarfile.open(folder / archive.file) as tar:
            tar.extractall(part, filter="data")
        set_aside(folder / archive.folder)
        os.replace(Path(part) / archive.folder, folder / archive.folder)
