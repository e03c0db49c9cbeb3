"""Sets of photographs: sizes, memory, and `pictures`, the drawn stand-in for CIFAR-10."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from invlab import backgrounds as behind
from invlab import kept, photographs
from invlab.backgrounds import backgrounds
from invlab.objects import bank, class_names
from invlab.photographs import draw_scenes, pictures, resized
from invlab.scenes import SCENES, draw_scene
from tests.small_data import forget, noise

COUNTS = photographs.PICTURES
EACH = (3, 1, 2)  # of each class in these tests


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh home in which `pictures` are few; returns the file that keeps them."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    monkeypatch.setattr(photographs, "PICTURES", EACH)
    forget()
    yield tmp_path / "cache" / f"pictures-v{photographs.SCENES_VERSION}-32.npy"
    forget()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise instead of scenes."""
    monkeypatch.setattr(photographs, "draw_scene", noise)


# ------------------------------------------------------------------------------------------------------------- pictures


def test_pictures_are_a_labelled_set_in_three_splits(file: Path) -> None:
    points: list[dict[str, Any]] = []
    images, labels, splits = pictures(points.append)
    assert (images.dtype, images.shape) == (torch.uint8, (60, 3, 32, 32))
    assert labels.tolist() == sorted(labels.tolist())
    assert torch.bincount(labels * 3 + splits).reshape(10, 3).unique(dim=0).tolist() == [list(EACH)]
    for row in (0, 5, 27, 59):
        expected = draw_scene(int(labels[row]), photographs.FIRST_SEED + row % 6, 32)
        assert np.array_equal(images[row].numpy().transpose(1, 2, 0), expected)
    assert [p["fraction"] for p in points] == [i / 10 for i in range(11)]
    found = bank("pictures", 32)
    assert found.names == class_names("pictures") == SCENES
    assert torch.equal(found.prototypes, images)


def test_no_scene_is_in_two_splits_or_behind_objects(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behind, "SCENES_PER_CLASS", 5)
    scenes = backgrounds("scenes", 32).images
    assert scenes is not None
    whole = torch.cat([pictures()[0], scenes]).flatten(1)
    assert len(torch.unique(whole, dim=0)) == len(whole)


def test_their_seeds_lie_beyond_those_of_the_scenes() -> None:
    assert photographs.FIRST_SEED >= behind.SCENES_PER_CLASS
    assert COUNTS == (1000, 100, 200)


def test_pieces_are_put_together_in_order(file: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    whole = pictures()[0]
    file.unlink()
    monkeypatch.setattr(photographs, "PIECE", 3)
    assert torch.equal(pictures()[0], whole)


@pytest.mark.parametrize("python", [None, "/nowhere/python", "/bin/false"])
def test_processes_draw_the_same_as_this_one(python: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be had, this one draws."""
    here = draw_scenes(range(3, 5), 20)
    assert here.flags.writeable  # torch would warn
    monkeypatch.setattr(photographs, "FEW", 0)
    if python is None:
        monkeypatch.setattr(photographs, "draw_scene", None)  # to draw here would fail
    else:
        monkeypatch.setattr(sys, "executable", python)
    assert np.array_equal(draw_scenes(range(3, 5), 20), here)


def test_pictures_are_drawn_once(file: Path, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    assert not photographs.are_drawn()
    first = pictures()[0]
    assert photographs.are_drawn()
    monkeypatch.setattr(photographs, "draw_scene", None)  # to draw again would fail
    assert torch.equal(pictures()[0], first)


@pytest.mark.parametrize("offset", [-40, 5000], ids=["digest", "pixel"])
def test_a_damaged_file_is_drawn_anew(offset: int, file: Path, quick: None) -> None:
    first, data = pictures()[0], bytearray(file.read_bytes())
    data[offset] ^= 1
    file.write_bytes(data)
    assert torch.equal(pictures()[0], first)
    data[offset] ^= 1
    assert file.read_bytes() == data


def test_a_cut_file_is_drawn_anew(file: Path, quick: None) -> None:
    first = pictures()[0]
    file.write_bytes(file.read_bytes()[:-1])
    assert not photographs.are_drawn()
    assert torch.equal(pictures()[0], first)


def test_kept_pixels_are_drawn_again_where_the_disk_is_full(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.parent.write_text("a file where the folder should be")
    drawn = np.arange(12, dtype=np.uint8).reshape(2, 6)
    assert np.array_equal(kept.kept("twelve", (2, 6), lambda: drawn), drawn)


# ---------------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize("size", [16, 48])
def test_other_sizes_are_averaged_not_sampled(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "BLOCK", 3)
    images = torch.randint(0, 256, (7, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = F.interpolate(images.float(), (size, size), mode="bilinear", antialias=True).round().clamp(0, 255)
    found = resized(images, size)
    assert found.dtype == torch.uint8
    assert torch.equal(found, expected.to(torch.uint8))


def test_other_sizes_keep_labels_and_splits(file: Path, quick: None) -> None:
    small, large = bank("pictures", 32), bank("pictures", 64)
    assert large.prototypes.shape == (60, 3, 64, 64)
    assert large.labels is small.labels
    assert large.splits is small.splits


def test_too_much_memory_is_told_before_it_is_taken() -> None:
    many = torch.empty(60_000, 3, 32, 32, dtype=torch.uint8, device="meta")
    with pytest.raises(ValueError, match=r"60,000 photographs of 512 pixels would take 47 GB .* at most 154"):
        resized(many, 512)


def test_drawing_that_is_stopped_is_not_begun_anew_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches the drawing processes too: they must not be taken for ones that could not start."""
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nkill -INT $$\nkill -KILL $$\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(photographs, "FEW", 0)
    monkeypatch.setattr(photographs, "draw_scene", None)
    with pytest.raises(kept.SourceError, match="the drawing of scenes was stopped"):
        draw_scenes(range(2), 16)
