"""Background sets: what comes out, that it is the same everywhere, and that the scenes are a task worth learning."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from invlab import backgrounds as module
from invlab import scenes
from invlab.backgrounds import BACKGROUNDS, BackgroundSet, backgrounds, draw, open_folder, pick
from invlab.photographs import scene_bytes
from invlab.scenes import SCENES, draw_scene
from invlab.seeds import Generator
from tests.small_data import everything
from tests.test_pictures import faults, photograph


def generator(indices: object, seed: int = 0) -> Generator:
    return Generator.of("test", seed, indices=torch.as_tensor(indices))


@pytest.fixture(scope="module")
def landscapes(tmp_path_factory: pytest.TempPathFactory) -> BackgroundSet:
    """All scenes at 32 pixels, made in a cache of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INVLAB_HOME", str(tmp_path_factory.mktemp("home")))
        backgrounds.cache_clear()
        found = backgrounds("scenes", 32)
        assert found.images is not None  # drawn while the home is this one
    backgrounds.cache_clear()
    return found


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fresh home in which the scenes are quick to make; returns the file that holds those of 16 pixels."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    monkeypatch.setattr(module, "SCENES_PER_CLASS", 2)
    backgrounds.cache_clear()
    yield tmp_path / "cache" / f"scenes-v{module.SCENES_VERSION}-16.npy"
    backgrounds.cache_clear()


@pytest.fixture
def all_sets(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every set of the table is there, and small."""
    with everything(tmp_path / "data", monkeypatch):
        yield


# ---- the table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(BACKGROUNDS))
def test_each_set_draws_what_it_says(name: str, all_sets: None) -> None:
    found = backgrounds(name, 16)
    assert found is backgrounds(name, 16)
    assert (found.name, found.size) == (name, 16)
    assert found.labels.dtype == torch.int64
    assert int(found.labels.max()) < max(1, len(found.label_names))
    if found.splits is not None:
        assert found.splits.dtype == torch.int64
        assert found.splits.shape == found.labels.shape
        assert set(found.splits.tolist()) == {0, 1, 2}
    if found.images is not None:
        assert found.images.dtype == torch.uint8
        assert found.images.shape == (len(found.labels), 3, 16, 16)
    rows = generator(range(9))
    which = pick(found, rows.fork("which"))
    assert which.dtype == torch.int64
    images = draw(found, which, rows.fork("pixels"), "cpu")
    assert images.shape == (9, 3, 16, 16)
    assert images.dtype == torch.float32
    assert 0 <= float(images.min()) <= float(images.max()) <= 1


@pytest.mark.parametrize("name", list(BACKGROUNDS))
def test_a_row_is_the_same_in_every_batch(name: str, all_sets: None) -> None:
    found = backgrounds(name, 16)

    def images(indices: list[int]) -> torch.Tensor:
        rows = generator(indices)
        return draw(found, pick(found, rows), rows.fork("pixels"), "cpu")

    assert torch.equal(images([3, 50, 7])[1:], images([50, 7]))
    assert torch.equal(images([50, 7]), images([7, 50]).flip(0))


def test_unknown_names_and_sizes_say_what_to_use() -> None:
    with pytest.raises(ValueError, match=r"unknown background set 'sceens'.*'scenes', 'random', 'black', 'pictures'"):
        backgrounds("sceens", 32)
    with pytest.raises(ValueError, match="size must be at least 1"):
        backgrounds("black", 0)


def test_pick_is_uniform_over_the_set() -> None:
    found = BackgroundSet("ten", 1, torch.zeros(10, 3, 1, 1, dtype=torch.uint8), torch.zeros(10, dtype=torch.int64), ())
    counts = torch.bincount(pick(found, generator(range(20_000))), minlength=10).double()
    assert float(((counts - 2000) ** 2 / 2000).sum()) < 27.9  # chi-squared, 9 degrees of freedom, p = 0.001


def test_draw_gathers_the_images_asked_for(few: Path) -> None:
    found = backgrounds("scenes", 16)
    assert found.images is not None
    which = torch.tensor([5, 0, 5])
    assert torch.equal(draw(found, which, generator(range(3)), "cpu"), found.images[which].float() / 255)
    rows = generator(range(4))
    assert torch.equal(draw(found, None, rows, "cpu"), draw(found, pick(found, generator(range(4))), rows, "cpu"))


def test_black_is_black() -> None:
    assert float(draw(backgrounds("black", 8), None, generator(range(3)), "cpu").max()) == 0


def test_random_pixels_are_uniform_and_fresh() -> None:
    images = draw(backgrounds("random", 32), None, generator(range(200)), "cpu").double()
    count = images.numel()
    assert abs(float(images.mean()) - 0.5) < 4 * (1 / 12 / count) ** 0.5
    assert abs(float(images.var()) - 1 / 12) < 4 * (1 / 180 / count) ** 0.5  # 1/180: the variance of (u − ½)²
    flat = images.flatten(1) - 0.5
    likeness = (flat @ flat.T) * 12 / flat.shape[1]
    assert float((likeness - torch.eye(200)).abs().max()) < 0.12  # 6 standard errors: no image resembles another
    other = draw(backgrounds("random", 32), None, generator(range(200), seed=1), "cpu")
    assert float((other.double() - images).abs().mean()) > 0.3


# ---- the scenes -----------------------------------------------------------------------------------------------------


def test_every_class_has_its_share(landscapes: BackgroundSet) -> None:
    assert landscapes.label_names == SCENES
    assert len(SCENES) == len(set(SCENES)) == 10
    assert torch.bincount(landscapes.labels).tolist() == [120] * 10


def test_labels_belong_to_the_pictures(landscapes: BackgroundSet) -> None:
    assert landscapes.images is not None
    for index in (0, 119, 120, 777, 1199):
        expected = draw_scene(int(landscapes.labels[index]), index % 120, 32)
        assert np.array_equal(landscapes.images[index].numpy().transpose(1, 2, 0), expected)


@pytest.mark.parametrize("label", range(10))
def test_a_scene_is_a_function_of_its_arguments(label: int) -> None:
    first, other = draw_scene(label, 5, 24), draw_scene(label, 6, 24)
    assert first.shape == (24, 24, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, draw_scene(label, 5, 24))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("label", range(10))
def test_a_scene_is_the_same_at_every_size(label: int) -> None:
    small = draw_scene(label, 3, 32).astype(float)
    for size in (64, 128):
        large = draw_scene(label, 3, size).astype(float)
        part = size // 32
        shrunk = large.reshape(32, part, 32, part, 3).mean(axis=(1, 3))
        assert np.abs(shrunk - small).mean() < 6  # of 255: what anti-aliasing may cost
        assert np.corrcoef(shrunk.ravel(), small.ravel())[0, 1] > 0.94


def test_a_scene_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="not one of 0"):
        draw_scene(10, 0, 32)
    with pytest.raises(ValueError, match="at least 1"):
        draw_scene(0, 0, 0)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_scenes_come_in_odd_sizes(size: int) -> None:
    for label in range(len(SCENES)):
        assert draw_scene(label, 0, size).shape == (size, size, 3)


def test_scenes_vary(landscapes: BackgroundSet) -> None:
    assert landscapes.images is not None
    images = landscapes.images.float() / 255
    assert len(torch.unique(landscapes.images.flatten(1), dim=0)) == len(images)
    flat = images.flatten(1)
    for label in range(10):
        rows = flat[landscapes.labels == label]
        nearest = (torch.cdist(rows, rows) / rows.shape[1] ** 0.5 + 9 * torch.eye(len(rows))).min()
        assert float(nearest) > 0.03, f"two scenes of {SCENES[label]} are nearly the same"
        assert float(rows.std(dim=0).mean()) > 0.07, f"the scenes of {SCENES[label]} hardly differ"
    assert float(images.flatten(2).std(dim=2).mean(dim=1).min()) > 0.02  # no scene is blank


def _accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    """Of logistic regression on features (N, D): trained on the first 80 scenes of each class, tested on the other."""
    train = np.arange(len(labels)) % 120 < 80
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=2000))
    return float(model.fit(features[train], labels[train]).score(features[~train], labels[~train]))


def _orientations(images: np.ndarray) -> np.ndarray:
    """(N, 128): how much gradient there is in each of 8 directions, in 4 × 4 parts of the grey picture."""
    down, across = np.gradient(images.mean(axis=1), axis=(1, 2))
    strength, direction = np.hypot(across, down), (np.arctan2(down, across) % np.pi / np.pi * 8).astype(int) % 8
    maps = [(strength * (direction == k)).reshape(-1, 4, 8, 4, 8).mean(axis=(2, 4)) for k in range(8)]
    return np.sqrt(np.stack(maps, axis=1)).reshape(len(images), -1)


def test_the_class_is_learnable_and_is_not_the_colour(landscapes: BackgroundSet) -> None:
    assert landscapes.images is not None
    images, labels = landscapes.images.numpy() / 255.0, landscapes.labels.numpy()
    colour = _accuracy(images.mean(axis=(2, 3)), labels)
    shape = _accuracy(_orientations(images), labels)
    assert colour < 0.45
    assert shape > 0.8


# ---- the cache on disk ----------------------------------------------------------------------------------------------


def left_in(cache: Path) -> list[str]:
    """The files of a cache, less the lock that two processes share."""
    return [path.name for path in cache.iterdir() if path.suffix != ".lock"]


def test_scenes_come_from_the_cache(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = backgrounds("scenes", 16).images
    assert few.is_file()
    assert left_in(few.parent) == [few.name]
    assert np.load(few, allow_pickle=False).shape == (20 * 3 * 16 * 16 + 32,)  # an ordinary .npy file: pixels, digest
    monkeypatch.setattr(module, "draw_scenes", None)  # to draw again would fail
    backgrounds.cache_clear()
    kept = backgrounds("scenes", 16).images
    assert made is not None
    assert kept is not None
    assert torch.equal(made, kept)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[5000] ^= 1
    path.write_bytes(bytes(data))


def _scramble_header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[10:60] = b"{" * 50
    path.write_bytes(bytes(data))


def _claim_more(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"(15392,)", b"(99999,)", 1))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _other_shape(path: Path) -> None:
    np.save(path, np.zeros((20, 16, 16), np.uint8))


def _other_type(path: Path) -> None:
    np.save(path, np.zeros(15392 // 4, np.float32))


def _pickled(path: Path) -> None:
    np.save(path, np.array([{"a": "x" * 15392}], dtype=object), allow_pickle=True)


DAMAGES = [_cut, _flip, _scramble_header, _claim_more, _empty, _other_shape, _other_type, _pickled]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_again(damage: object, few: Path) -> None:
    assert callable(damage)
    made, whole = backgrounds("scenes", 16).images, few.read_bytes()
    damage(few)
    assert few.read_bytes() != whole
    backgrounds.cache_clear()
    again = backgrounds("scenes", 16).images
    assert made is not None
    assert again is not None
    assert torch.equal(made, again)
    assert few.read_bytes() == whole


def test_without_a_place_to_write_scenes_are_still_made(few: Path) -> None:
    few.parent.write_text("a file where the folder should be")
    images = backgrounds("scenes", 16).images
    assert images is not None
    assert len(images) == 20


def test_a_write_that_fails_leaves_nothing_behind(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    assert backgrounds("scenes", 16).images is not None
    assert left_in(few.parent) == []


# ---- a few scenes, without the others --------------------------------------------------------------------------------


def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(label, seed) of every scene that is drawn alone from now on."""
    calls: list[tuple[int, int]] = []

    def noted(label: int, first: int, last: int, size: int) -> bytes:
        calls.extend((label, seed) for seed in range(first, last))
        return scene_bytes(label, first, last, size)

    monkeypatch.setattr(module, "scene_bytes", noted)
    return calls


def test_only_the_scenes_asked_for_are_drawn_and_they_are_those_of_the_whole(
    few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, found = drawn(monkeypatch), backgrounds("scenes", 16)
    which = torch.tensor([7, 19, 0, 7])
    shown = draw(found, which, generator(range(4)), "cpu")
    again = draw(found, torch.tensor([19, 1]), generator(range(2)), "cpu")
    assert alone == [(3, 1), (9, 1), (0, 0), (0, 1)]
    assert not few.exists()
    assert found.images is not None
    assert few.is_file()
    assert torch.equal(shown, found.images[which].float() / 255)
    assert torch.equal(again, draw(found, torch.tensor([19, 1]), generator(range(2)), "cpu"))
    assert len(alone) == 4


def test_where_many_scenes_are_asked_for_all_are_drawn_and_kept(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FEW_SCENES", 3)
    alone, found = drawn(monkeypatch), backgrounds("scenes", 16)
    draw(found, torch.tensor([0, 1, 2]), generator(range(3)), "cpu")
    assert len(alone) == 3
    assert not few.exists()
    draw(found, torch.tensor([2, 3]), generator(range(2)), "cpu")
    assert len(alone) == 3
    assert few.is_file()


def test_scenes_that_are_kept_are_read_at_once(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backgrounds("scenes", 16).images is not None
    backgrounds.cache_clear()
    alone = drawn(monkeypatch)
    assert draw(backgrounds("scenes", 16), torch.tensor([4]), generator([0]), "cpu").shape == (1, 3, 16, 16)
    assert alone == []


# ---- photographs ----------------------------------------------------------------------------------------------------


def test_a_folder_becomes_a_set(tmp_path: Path) -> None:
    for n, suffix in enumerate(("png", "jpg", "webp")):
        photograph(60, 40, seed=n).save(tmp_path / f"{n}.{suffix}")
    name, problems = open_folder(tmp_path)
    assert problems == []
    found = backgrounds(name, 16)
    assert found.images is not None
    assert found.images.shape == (3, 3, 16, 16)
    assert found.labels.tolist() == [0, 0, 0]
    assert draw(found, None, generator(range(5)), "cpu").shape == (5, 3, 16, 16)


def test_photographs_are_cropped_about_their_middle_and_averaged(tmp_path: Path) -> None:
    wide = np.zeros((30, 90, 3), np.uint8)
    wide[:, 30:60] = (10, 200, 90)  # the middle square, between black ends
    Image.fromarray(wide).save(tmp_path / "wide.png")
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255  # too fine for 8 pixels: must turn grey
    Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "fine.png")
    images = backgrounds(open_folder(tmp_path)[0], 8).images
    assert images is not None
    assert (images[0].float() - 127.5).abs().max() < 8
    inside = images[1][:, 2:-2, 2:-2]  # at the border the filter looks a little beyond the crop
    assert inside.flatten(1).unique(dim=1).flatten().tolist() == [10, 200, 90]
    assert int(images[1, 1].min()) > 150


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    images = backgrounds(open_folder(tmp_path)[0], 8).images
    assert images is not None
    assert int(images.min()) == 255


def test_the_name_follows_the_content(tmp_path: Path) -> None:
    photograph().save(tmp_path / "a.png")
    first = open_folder(tmp_path)[0]
    assert open_folder(tmp_path)[0] == first
    (tmp_path / "a.png").rename(tmp_path / "b.png")
    second = open_folder(tmp_path)[0]
    photograph(seed=9).save(tmp_path / "b.png")
    third = open_folder(tmp_path)[0]
    assert len({first, second, third}) == 3
    with pytest.raises(ValueError, match="have changed"):
        backgrounds(first, 16)
    with pytest.raises(ValueError, match="no digest"):
        backgrounds(f"folder:{tmp_path}", 16)


def test_a_folder_name_may_hold_the_sign_that_sets_off_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a#b").mkdir()
    photograph().save(tmp_path / "a#b" / "a.png")
    assert len(backgrounds(open_folder(tmp_path / "a#b")[0], 8).labels) == 1


def test_faulty_files_are_named_and_the_rest_is_used(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    photograph(seed=1).save(folder / "good.png")
    alone = open_folder(folder)[0]
    expected = faults(folder)
    name, problems = open_folder(folder)
    assert name == alone  # files that are not used do not count
    assert len(problems) == len(expected)
    for sentence, (file, part) in zip(problems, sorted(expected.items()), strict=True):
        assert sentence.startswith(file + ":")
        assert part in sentence
    assert len(backgrounds(name, 16).labels) == 1


def test_a_folder_without_photographs(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no photograph to use: put PNG, WebP or JPEG files in it\.$"):
        open_folder(tmp_path)
    (tmp_path / "a.png").write_text("a letter")
    with pytest.raises(ValueError, match=r"holds no photograph.*a\.png: this is no PNG"):
        open_folder(tmp_path)
    with pytest.raises(ValueError, match="cannot be read"):
        open_folder(tmp_path / "missing")


def test_the_table_of_scenes_is_the_order_of_labels() -> None:
    assert tuple(scenes.PAINTERS) == SCENES
