"""Contact sheets and data sets: what is written is what was rendered."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from safetensors import safe_open

from invlab import export, records
from invlab.objects import class_names
from invlab.scenes import SCENES
from invlab.tasks import Task, render, transformation_draws
from invlab.transforms import TRANSFORMS, apply_all, operations

TASK = Task((3, 29, 40), ("rotate", "noise", "erasing"), backgrounds="black", seed=4)
COUNTS = {"train": 7, "test": 4}


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BLOCK", 3)  # so that a few images already take several


def written(folder: Path) -> dict:
    return json.loads((folder / export.METADATA).read_text())


def test_images_read_back_are_the_rendered_ones(tmp_path: Path, small_blocks: None) -> None:
    export.write_dataset(TASK, tmp_path / "set", COUNTS)
    for split, count in COUNTS.items():
        batch = render(TASK, split, range(count))
        rows = [row for row in written(tmp_path / "set")["images"] if row["split"] == split]
        assert [row["index"] for row in rows] == list(range(count))
        assert [row["label"] for row in rows] == batch.labels.tolist()
        for row, image in zip(rows, batch.images, strict=True):
            with Image.open(tmp_path / "set" / row["file"]) as picture:
                levels = np.asarray(picture).transpose(2, 0, 1)
            again = torch.from_numpy(levels.copy()).float() / 127.5 - 1
            assert (again - image).abs().max() <= 0.5 / 127.5 + 1e-6


def test_metadata_is_the_recipe_and_every_draw(tmp_path: Path, small_blocks: None) -> None:
    manifest = export.write_dataset(TASK, tmp_path / "set", COUNTS)
    found = written(tmp_path / "set")
    images = found.pop("images")
    assert found == manifest
    assert records.revive(Task, found["spec"]) == TASK
    assert found["key"] == records.key(TASK)
    names = class_names("drawn")
    assert [c["name"] for c in found["classes"]] == [names[c] for c in TASK.classes]
    assert {row["file"].split("/")[1] for row in images} <= {c["folder"] for c in found["classes"]}
    files = {str(p.relative_to(tmp_path / "set")) for p in (tmp_path / "set").rglob("*.png")}
    assert files == {row["file"] for row in images}
    drawn = transformation_draws(TASK, "train", torch.arange(7))
    for i, row in enumerate(r for r in images if r["split"] == "train"):
        for family, values in zip(drawn, row["draws"], strict=True):
            assert {name: v[i].item() for name, v in family.items()} == {
                name: float(np.float32(v)) if isinstance(v, float) else v for name, v in values.items()
            }


def test_the_draws_in_the_metadata_give_the_same_pixels_again(tmp_path: Path) -> None:
    task = Task((5,), ("rotate", "hue"), backgrounds="black")
    export.write_dataset(task, tmp_path / "set", {"train": 3})
    rows = written(tmp_path / "set")["images"]
    parameters = [{k: torch.tensor([row["draws"][f][k] for row in rows]) for k in rows[0]["draws"][f]} for f in (0, 1)]
    still = render(Task((5,), (), backgrounds="black"), "train", range(3)).images
    objects = torch.cat([(still + 1) / 2, torch.ones(3, 1, 32, 32)], 1)  # on black, pasted is premultiplied
    assert torch.allclose(
        apply_all(objects, operations(task.transformations, parameters))[:, :3] * 2 - 1,
        render(task, "train", range(3)).images,
        atol=1e-5,
    )


def test_a_data_set_without_transformations(tmp_path: Path) -> None:
    export.write_dataset(Task((0,), backgrounds="black"), tmp_path / "set", {"validation": 2})
    assert [row["draws"] for row in written(tmp_path / "set")["images"]] == [[], []]


def test_progress_is_reported_to_the_end(tmp_path: Path, small_blocks: None) -> None:
    points: list[dict] = []
    export.write_dataset(TASK, tmp_path / "set", COUNTS, points.append)
    fractions = [point["fraction"] for point in points]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert len(fractions) == 5  # blocks of three


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("keep")
    with pytest.raises(ValueError, match="not an empty folder: choose a new name"):
        export.write_dataset(TASK, tmp_path / "set", COUNTS)
    assert [p.name for p in tmp_path.rglob("*")] == ["set", "mine.txt"]
    with pytest.raises(ValueError, match="not an empty folder"):
        export.write_dataset(TASK, tmp_path / "set" / "mine.txt", COUNTS)


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    export.write_dataset(TASK, tmp_path / "set", {"test": 1})
    assert len(list((tmp_path / "set").rglob("*.png"))) == 1


def test_work_that_is_stopped_leaves_nothing_behind(tmp_path: Path, small_blocks: None) -> None:
    def stop(point: dict) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export.write_dataset(TASK, tmp_path / "set", COUNTS, stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [({"train": 0}, "at least one image"), ({"test": -1}, "cannot be negative"), ({"exam": 3}, "choose from train")],
)
def test_impossible_counts(tmp_path: Path, counts: dict[str, int], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        export.write_dataset(TASK, tmp_path / "set", counts)
    with pytest.raises(ValueError, match=sentence):
        export.dataset_zip(TASK, counts)
    assert list(tmp_path.iterdir()) == []


def test_the_zip_holds_the_same_files(tmp_path: Path) -> None:
    export.write_dataset(TASK, tmp_path / "set", COUNTS)
    packed = export.dataset_zip(TASK, COUNTS)
    assert packed == export.dataset_zip(TASK, COUNTS)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    folder = tmp_path / "set"
    assert found == {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_folder_names_are_safe_and_different() -> None:
    names = [
        "ice cream",
        "ice/cream",
        "../up",
        "CON",
        "Äpfel",
        "a" * 300,
        ".hidden",
        "¿?",
        "¿¿",
        "Ice_Cream",
        "nul.txt",
    ]
    made = export.folder_names(names)
    assert len({name.casefold() for name in made}) == len(names)
    for name in made:
        assert "/" not in name
        assert not name.startswith(".")
        assert len(name) <= 64
        assert name.casefold().split(".")[0] not in ("con", "nul")
    assert made[0] == "ice_cream"
    assert made[4] == "Äpfel"


def test_a_contact_sheet_holds_its_images_enlarged() -> None:
    sheet = np.asarray(export.contact_sheet(TASK, "train", 2, 3, 2))
    side = 2 * TASK.size
    assert sheet.shape == (
        2 * (side + export.GAP + export.CAPTION) + export.GAP,
        3 * (side + export.GAP) + export.GAP,
        3,
    )
    pixels = export.as_pixels(render(TASK, "train", range(6)).images)
    for i in range(6):
        left = export.GAP + (i % 3) * (side + export.GAP)
        top = export.GAP + (i // 3) * (side + export.GAP + export.CAPTION)
        assert (sheet[top : top + side : 2, left : left + side : 2] == pixels[i]).all()
        assert (sheet[top + 1 : top + side : 2, left + 1 : left + side : 2] == pixels[i]).all()
        assert sheet[top + side : top + side + export.CAPTION, left : left + side].min() < 128  # a name stands there


def test_a_contact_sheet_has_bounds() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        export.contact_sheet(TASK, "train", 0, 3)
    with pytest.raises(ValueError, match="too large"):
        export.contact_sheet(TASK, "train", 500, 500)


def test_long_names_are_cut_to_the_image() -> None:
    font = export.ImageFont.load_default(size=11)
    cut = export._cut("a remarkably long name of an object", font, 60)
    assert cut.endswith("…")
    assert font.getlength(cut) <= 60


def test_drawn_values_are_numbers_of_the_same_precision() -> None:
    drawn = transformation_draws(TASK, "test", torch.arange(5))
    for i, row in enumerate(export.drawn_values(drawn)):
        assert np.float32(row[0]["angle"]) == drawn[0]["angle"][i].item()
        assert row[1]["seed"] == drawn[1]["seed"][i].item()
    assert export.drawn_values([]) == []


# ---------------------------------------------------------------------------------------------------------- tensor file


def test_the_tensors_read_back_are_the_rendered_ones(tmp_path: Path, small_blocks: None) -> None:
    points: list[dict] = []
    export.write_tensors(TASK, tmp_path / "new" / "set.safetensors", COUNTS, points.append)
    assert points[-1]["fraction"] == 1
    with safe_open(tmp_path / "new" / "set.safetensors", "pt") as file:
        found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
        about = json.loads(file.metadata()["task"])
    assert records.revive(Task, about["spec"]) == TASK
    assert about["labels"] == [class_names("drawn")[c] for c in TASK.classes]
    for split, count in COUNTS.items():
        batch = render(TASK, split, range(count))
        assert found[f"{split}.images"].dtype == torch.uint8
        again = found[f"{split}.images"].float() / 127.5 - 1
        assert (again - batch.images).abs().max() <= 0.5 / 127.5 + 1e-6
        assert torch.equal(found[f"{split}.labels"], batch.labels)
        for number, family in enumerate(transformation_draws(TASK, split, torch.arange(count))):
            for name, values in family.items():
                place = f"{split}.draws.{number}.{TASK.transformations[number]}.{name}"
                assert torch.equal(found.pop(place), values)
    assert len(found) == 3 * len(COUNTS)


def test_the_tensor_file_is_the_same_each_time(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    for file in files:
        export.write_tensors(TASK, file, COUNTS)
    assert files[0].read_bytes() == files[1].read_bytes() == export.tensors(TASK, COUNTS)


@pytest.mark.parametrize("families", [(), tuple(TRANSFORMS)])
def test_the_tensor_file_is_one_that_safetensors_would_write(families: tuple[str, ...], tmp_path: Path) -> None:
    """Its own reader checks that the tensors fill the file without a hole; written again they are the same."""
    task = replace(TASK, transformations=families)
    export.write_tensors(task, tmp_path / "set", {"train": 5, "validation": 0, "test": 2})
    ours = (tmp_path / "set").read_bytes()
    found = safetensors.torch.load(ours)
    again = safetensors.torch.load(safetensors.torch.save(found))
    assert found.keys() == again.keys()
    assert all(torch.equal(found[name], again[name]) for name in found)
    assert int.from_bytes(ours[:8], "little") % 8 == 0
    with pytest.raises(safetensors.SafetensorError):
        safetensors.torch.load(ours[:-1])


def test_a_tensor_file_that_is_interrupted_leaves_nothing(tmp_path: Path, small_blocks: None) -> None:
    def stop(point: dict) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export.write_tensors(TASK, tmp_path / "set", COUNTS, stop)
    assert list(tmp_path.iterdir()) == []


def test_a_tensor_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("mine")
    with pytest.raises(ValueError, match="exists already"):
        export.write_tensors(TASK, tmp_path / "set", COUNTS)
    assert (tmp_path / "set").read_text() == "mine"


@pytest.mark.parametrize(
    ("label", "names"),
    [
        ("transformation", ["0 … 90 °", "90 … 180 °", "180 … 270 °", "270 … 360 °"]),
        ("background", None),
    ],
)
def test_classes_are_called_by_what_is_to_be_named(tmp_path: Path, label: str, names: list[str] | None) -> None:
    task = Task((3, 29), ("rotate",), label=label)
    export.write_dataset(task, tmp_path / "set", {"test": 6})
    found = written(tmp_path / "set")
    told = [c["name"] for c in found["classes"]]
    assert told == (names or list(SCENES))
    labels = render(task, "test", range(6)).labels.tolist()
    assert [row["file"].split("/")[1] for row in found["images"]] == [found["classes"][i]["folder"] for i in labels]
    assert export.contact_sheet(task, "test", 1, 6).width > 0
