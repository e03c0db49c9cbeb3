"""Banks of objects: valid pictures in the middle of their canvas, and a folder of cut-outs with every fault it can
have."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from scipy import stats

from invlab import hub
from invlab.objects import OBJECTS, RANDOM_CLASSES, bank, class_names, framed, on_canvas, open_folder, premultiplied
from invlab.photographs import PHOTOGRAPHS
from tests.small_data import everything

CUT_OUTS = [name for name in OBJECTS if name not in PHOTOGRAPHS]


@pytest.fixture(autouse=True)
def forgetful() -> Iterator[None]:
    """Folders come and go here, so no bank outlives its test."""
    yield
    bank.cache_clear()


# ------------------------------------------------------------------------------------------------------------ the table


@pytest.fixture
def all_banks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every bank of the table is there, and those that do not ship are small."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    with everything(tmp_path / "data", monkeypatch):
        yield


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("name", list(OBJECTS))
def test_a_bank_is_sound(name: str, size: int, all_banks: None) -> None:
    found = bank(name, size)
    assert found.name == name
    assert found.prototypes.shape[0] == len(found.labels)
    assert found.prototypes.shape[2:] == (size, size)
    assert found.labels.dtype == torch.int64
    assert found.labels.unique().tolist() == list(range(found.classes))
    assert torch.equal(found.labels, found.labels.sort().values)
    assert found.names == class_names(name)
    assert len(set(found.names)) == found.classes


@pytest.mark.parametrize("size", [32, 48])
@pytest.mark.parametrize("name", list(PHOTOGRAPHS))
def test_photographs_fill_the_canvas_and_keep_to_their_splits(name: str, size: int, all_banks: None) -> None:
    found = bank(name, size)
    assert found.prototypes.dtype == torch.uint8
    assert found.prototypes.shape[1] == 3
    assert found.splits is not None
    assert found.splits.dtype == torch.int64
    for split in range(3):  # every class can be drawn from in every split
        assert found.labels[found.splits == split].unique().tolist() == list(range(found.classes))


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("name", CUT_OUTS)
def test_cut_outs_are_valid_pictures_in_their_box(name: str, size: int, all_banks: None) -> None:
    found = bank(name, size)
    images = found.prototypes
    assert found.splits is None
    assert images.dtype == torch.float32
    assert images.shape[1] == 4
    assert images.min() >= 0
    assert images.max() <= 1
    assert (images[:, :3] <= images[:, 3:]).all()  # premultiplied
    inner = int(0.7 * size)
    before = (size - inner) // 2
    inside = torch.zeros(size, size, dtype=torch.bool)
    inside[before : before + inner, before : before + inner] = True
    assert not images[..., ~inside].any()
    assert (images[:, 3].amax((1, 2)) > 0.9).all()  # nothing is a ghost


def test_the_box_at_32_pixels_is_22_wide(all_banks: None) -> None:
    """`translate` places exactly this box inside the canvas."""
    for name in CUT_OUTS:
        alpha = bank(name, 32).prototypes[:, 3]
        assert not alpha[:, :5].any()
        assert not alpha[:, 27:].any()
        assert not alpha[..., :5].any()
        assert not alpha[..., 27:].any()
        if name == hub.NAME:
            continue  # its cut-outs come with the margins they have
        assert alpha[:, 5:27].amax((0, 2)).min() > 0.2  # drawings leave a hair's breadth around them
        assert alpha[..., 5:27].amax((0, 1)).min() > 0.2


def test_a_bank_is_made_once() -> None:
    assert bank("random", 32) is bank("random", 32)
    assert bank("random", 32) is not bank("random", 48)


def test_an_unknown_bank_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"no objects 'cars'; choose from drawn, random, pictures, .* or open a"):
        bank("cars", 32)


# ---------------------------------------------------------------------------------------------------------------- drawn


def test_there_are_64_drawn_objects_with_plain_names() -> None:
    names = class_names("drawn")
    assert len(names) == len(set(names)) == 64
    assert all(name.strip() == name and name.lower() == name for name in names)


def test_no_two_drawn_objects_look_alike() -> None:
    """Not as they are, nor mirrored: root mean square difference over the canvas, alpha included."""
    images = bank("drawn", 32).prototypes
    plain = images.flatten(1)
    for other in (images, images.flip(3), images.flip(2)):
        apart = torch.cdist(plain, other.flatten(1)) / math.sqrt(plain.shape[1])
        apart.fill_diagonal_(1)
        assert apart.min() > 0.05


def test_drawn_objects_fill_their_box() -> None:
    alpha = bank("drawn", 64).prototypes[:, 3] > 0.5
    reach = torch.maximum(alpha.any(1).sum(1), alpha.any(2).sum(1))
    assert reach.min() >= 0.85 * 44
    assert (alpha.float().mean((1, 2)) > 0.02).all()


def test_sizes_show_the_same_objects() -> None:
    small, large = bank("drawn", 32).prototypes, bank("drawn", 64).prototypes
    assert (torch.nn.functional.avg_pool2d(large, 2) - small).abs().mean() < 0.02


# --------------------------------------------------------------------------------------------------------------- random


def test_random_objects_are_opaque_uniform_noise() -> None:
    images = bank("random", 32).prototypes
    assert len(images) == RANDOM_CLASSES
    inside = images[:, :, 5:27, 5:27]
    assert (inside[:, 3] == 1).all()
    colours = inside[:, :3].flatten()
    assert stats.kstest(colours.numpy(), "uniform").pvalue > 1e-4
    assert abs(colours.mean() - 0.5) < 5 / math.sqrt(12 * colours.numel())
    apart = torch.corrcoef(inside[:, :3].flatten(1)).fill_diagonal_(0)
    assert apart.abs().max() < 0.15  # chance: 0.026


def test_random_objects_are_fixed() -> None:
    data = bank("random", 32).prototypes.contiguous().numpy().tobytes()
    assert hashlib.sha256(data).hexdigest()[:16] == "6f257693904e47fb"


def test_random_objects_are_the_same_pixels_at_every_size() -> None:
    small, large = bank("random", 32).prototypes, bank("random", 64).prototypes
    assert torch.equal(large[:, :, ::2, ::2], small)
    assert torch.equal(large[:, :, 1::2, 1::2], small)


# ------------------------------------------------------------------------------------------------------ on the canvas


@pytest.mark.parametrize("size", [16, 32, 33, 48, 64])
def test_pictures_end_up_in_the_middle(size: int) -> None:
    white = torch.ones(2, 4, 100, 100)
    found = on_canvas(white, size)
    inner = int(0.7 * size)
    before = (size - inner) // 2
    expected = framed(torch.ones(2, 4, inner, inner), size)
    assert torch.allclose(found, expected, atol=1e-5)
    assert expected[0, 0].sum() == inner**2
    assert expected[0, 0, before, before] == 1
    assert expected[0, 0, before - 1].sum() == 0


def test_shrinking_bleeds_no_colour_out_of_transparent_pixels() -> None:
    picture = np.zeros((90, 90, 4), np.uint8)
    picture[..., 1] = 255  # green that nobody should see
    picture[20:70, 20:70] = (255, 0, 0, 255)
    found = on_canvas(premultiplied(picture)[None], 32)[0]
    assert not found[1].any()
    assert torch.equal(found[0], found[3])


# ------------------------------------------------------------------------------------------------ a person's own folder


def cut_out(colour: str = "red", size: tuple[int, int] = (40, 40)) -> Image.Image:
    picture = Image.new("RGBA", size)
    ImageDraw.Draw(picture).ellipse((2, 2, size[0] - 3, size[1] - 3), fill=colour)
    return picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good classes, one of them with two cut-outs."""
    root = tmp_path / "cut-outs"
    for name, colours in {"apple": ["red", "darkred"], "leaf": ["green"]}.items():
        (root / name).mkdir(parents=True)
        for i, colour in enumerate(colours):
            cut_out(colour).save(root / name / f"{i}.png")
    return root


def test_a_folder_is_a_bank(folder: Path) -> None:
    name, problems = open_folder(folder)
    assert problems == []
    found = bank(name, 32)
    assert found.names == class_names(name) == ("apple", "leaf")
    assert found.labels.tolist() == [0, 0, 1]  # all cut-outs of a class
    red, dark, green = found.prototypes[:, :, 16, 16]
    assert red.tolist() == pytest.approx([1, 0, 0, 1], abs=0.01)
    assert dark.tolist() == pytest.approx([139 / 255, 0, 0, 1], abs=0.01)
    assert green.tolist() == pytest.approx([0, 128 / 255, 0, 1], abs=0.01)
    assert (found.prototypes[:, :3] <= found.prototypes[:, 3:]).all()
    assert bank(name, 64).prototypes.shape == (3, 4, 64, 64)


def test_cut_outs_are_trimmed_and_keep_their_shape(folder: Path) -> None:
    picture = Image.new("RGBA", (300, 200))
    ImageDraw.Draw(picture).rectangle((200, 100, 279, 119), fill="blue")  # 80 × 20
    picture.save(folder / "leaf" / "0.png")
    alpha = bank(open_folder(folder)[0], 64).prototypes[2, 3]
    rows, columns = (alpha > 0.5).any(1).nonzero(), (alpha > 0.5).any(0).nonzero()
    assert (columns.min(), columns.max()) == (10, 53)  # as wide as the box of 44
    assert len(rows) in (10, 11)  # a quarter of it, on an odd row
    assert abs(int(rows.min() + rows.max()) - 63) <= 1
    assert alpha.sum().item() == pytest.approx(44 * 11, rel=0.05)


def hide(root: Path) -> None:
    (root / ".hidden").mkdir()
    (root / "leaf" / ".DS_Store").write_bytes(b"x")


def photograph_in(root: Path) -> None:
    Image.new("RGB", (30, 30), "blue").save(root / "leaf" / "bad.png")


def opaque_in(root: Path) -> None:
    Image.new("RGBA", (30, 30), "blue").save(root / "leaf" / "bad.png")


def nothing_in(root: Path) -> None:
    Image.new("RGBA", (30, 30)).save(root / "leaf" / "bad.png")


def empty_class(root: Path) -> None:
    (root / "bad").mkdir()


def broken_in(root: Path) -> None:
    (root / "leaf" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 100)


def truncated_in(root: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    Image.fromarray(noise).save(root / "leaf" / "bad.png")
    data = (root / "leaf" / "bad.png").read_bytes()
    (root / "leaf" / "bad.png").write_bytes(data[: len(data) // 2])


def text_in(root: Path) -> None:
    (root / "leaf" / "bad.png").write_text("This is not a picture.")


def nothing_at_all(root: Path) -> None:
    (root / "leaf" / "bad.png").touch()


def wide_in(root: Path) -> None:
    Image.new("RGBA", (20_000, 1), (255, 0, 0, 100)).save(root / "leaf" / "bad.png")


def file_link(root: Path) -> None:
    secret = root.parent / "secret.png"
    cut_out("gold").save(secret)
    (root / "leaf" / "bad.png").symlink_to(secret)


def class_link(root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    cut_out("gold").save(outside / "gold.png")
    (root / "bad").symlink_to(outside, target_is_directory=True)


def dead_link(root: Path) -> None:
    (root / "leaf" / "bad.png").symlink_to(root / "nowhere.png")


def link_in_a_circle(root: Path) -> None:
    (root / "leaf" / "bad.png").symlink_to(root / "leaf" / "bad.png")


FAULTS: list[tuple[Callable[[Path], None], str]] = [
    (photograph_in, "leaf/bad.png: the picture has no transparent part"),
    (opaque_in, "leaf/bad.png: the picture has no transparent part"),
    (nothing_in, "leaf/bad.png: the picture is wholly transparent"),
    (empty_class, "bad: no usable cut-out in this class"),
    (broken_in, "leaf/bad.png: "),
    (truncated_in, "leaf/bad.png: the file is damaged or cut short"),
    (text_in, "leaf/bad.png: this is no PNG, WebP or JPEG picture"),
    (nothing_at_all, "leaf/bad.png: the file is empty"),
    (wide_in, "leaf/bad.png: the picture is 20000 × 1 pixels"),
    (file_link, "leaf/bad.png: the link leads out of the folder"),
    (class_link, "bad: the link leads out of the folder"),
    (dead_link, "leaf/bad.png: the file cannot be read"),
    (link_in_a_circle, "leaf/bad.png: the file cannot be read"),
]


@pytest.mark.parametrize(("injure", "sentence"), FAULTS, ids=[f.__name__ for f, _ in FAULTS])
def test_each_fault_is_one_sentence_and_the_rest_still_loads(
    folder: Path, injure: Callable[[Path], None], sentence: str
) -> None:
    sound, _ = open_folder(folder)
    injure(folder)
    name, problems = open_folder(folder)
    assert len(problems) == 1
    assert problems[0].startswith(sentence)
    assert problems[0].endswith(".")
    assert "\n" not in problems[0]
    assert name == sound  # what cannot be used does not count
    found = bank(name, 32)
    assert found.names == ("apple", "leaf")
    assert len(found.prototypes) == 3


def test_all_faults_together(folder: Path) -> None:
    for number, (injure, _) in enumerate(FAULTS):
        injure(folder)
        for bad in (folder / "bad", folder / "leaf" / "bad.png"):
            if bad.is_symlink() or bad.exists():
                bad.rename(bad.with_name(f"{number}-{bad.name}"))
        shutil.rmtree(folder.parent / "outside", ignore_errors=True)
    problems = open_folder(folder)[1]
    assert len(problems) >= len(FAULTS) - 1  # the linked class's own folder is gone: that link leads nowhere


def test_hidden_files_are_no_fault(folder: Path) -> None:
    hide(folder)
    assert open_folder(folder)[1] == []


def test_fewer_than_two_classes_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "apple" / "0.png").write_text("no picture")
    (folder / "apple" / "1.png").unlink()
    with pytest.raises(
        ValueError, match=r"fewer than two usable classes: put one folder for each class in it\..*0\.png"
    ):
        open_folder(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="fewer than two usable classes"):
        open_folder(tmp_path / "empty")
    for missing in (tmp_path / "nowhere", folder / "leaf" / "0.png"):
        with pytest.raises(ValueError, match=r"cannot be read .*: check its name and your access"):
            open_folder(missing)


def test_the_digest_follows_the_content(folder: Path, tmp_path: Path) -> None:
    digests = []

    def digest() -> str:
        return open_folder(folder)[0].rpartition("#")[2]

    digests.append(digest())
    cut_out("blue").save(folder / "leaf" / "0.png")
    digests.append(digest())
    (folder / "leaf").rename(folder / "tree")
    digests.append(digest())
    (folder / "apple" / "1.png").rename(folder / "apple" / "2.png")
    digests.append(digest())
    (folder / "apple" / "2.png").unlink()
    digests.append(digest())
    assert len(set(digests)) == len(digests)
    assert all(len(d) == 16 for d in digests)
    os.utime(folder / "apple" / "0.png", (0, 0))
    assert digest() == digests[-1]
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert open_folder(copy)[0].endswith(f"#{digests[-1]}")


def test_a_changed_folder_is_an_error_not_another_result(folder: Path) -> None:
    name, _ = open_folder(folder)
    cut_out("blue").save(folder / "leaf" / "0.png")
    with pytest.raises(ValueError, match="have changed since they were opened: open the folder again"):
        bank(name, 32)
    shutil.rmtree(folder)
    with pytest.raises(ValueError, match="cannot be read"):
        bank(name, 32)


@pytest.mark.parametrize("name", ["folder:", "folder:/somewhere", "folder:#", "folder:/somewhere#"])
def test_a_folder_without_its_digest_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="open the folder with open_folder and use its name"):
        bank(name, 32)


def test_folders_may_have_any_name(folder: Path) -> None:
    odd = folder.with_name("a #1 ünïcode, 'quoted'")
    folder.rename(odd)
    name, problems = open_folder(str(odd))
    assert problems == []
    assert bank(name, 32).classes == 2
