"""The base images of Transforms-2D: a small data set of the same schema, read from a folder and fetched from a Hub on
this machine by the true huggingface_hub."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet

from invlab import hub
from invlab.backgrounds import backgrounds
from invlab.kept import SourceError
from invlab.objects import bank, class_names
from tests.small_data import HUB_NAMES, Served, background, forget, hub_files, serving, write

ROOT = Path(__file__).parents[1]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = hub_files()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The data set's empty folder."""
    monkeypatch.setenv("INVLAB_DATA", str(tmp_path / "data"))
    forget()
    yield tmp_path / "data" / hub.NAME
    forget()


# -------------------------------------------------------------------------------------------------------------- reading


def test_cut_outs_are_a_bank(folder: Path) -> None:
    write(FILES, folder)
    found = bank("transforms2d", 32)
    assert found.names == class_names("transforms2d") == HUB_NAMES
    assert found.labels.tolist() == [0, 1, 1, 2, 2]
    assert found.splits is None
    images = found.prototypes
    assert (images.dtype, images.shape) == (torch.float32, (5, 4, 32, 32))
    assert (images[:, :3] <= images[:, 3:]).all()
    for row, colour in enumerate(([1, 0.84, 0], [0, 0, 1], [0, 0, 0.5], [1, 0, 0], [0, 0.5, 0])):
        assert images[row, :3, 16, 16].tolist() == pytest.approx(colour, abs=0.01)  # gold, blue, navy, red, green
    inside = images[:, 3, 16, 5:27].mean(1)  # what part of the box's middle row the disc takes
    assert (inside > 0.3).all()
    assert (inside < 0.95).all()  # not trimmed: its transparent margin is scaled with it, as published


def test_photographs_are_cropped_square(folder: Path) -> None:
    write(FILES, folder)
    found = backgrounds("transforms2d", 40)
    assert found.images is not None
    assert (found.images.dtype, found.images.shape) == (torch.uint8, (4, 3, 40, 40))
    assert (found.labels.tolist(), found.label_names, found.splits) == ([0] * 4, (), None)
    for i in range(4):
        assert np.array_equal(found.images[i].numpy().transpose(1, 2, 0), np.asarray(background(i))[:, 10:50])


def test_names_may_be_missing_or_words(folder: Path) -> None:
    write(hub_files(names=False), folder)
    assert class_names("transforms2d") == ("object 0", "object 1", "object 2")
    for path in folder.glob("foregrounds/*.parquet"):
        table = parquet.read_table(path)
        words = pa.array([HUB_NAMES[label] for label in table["label"].to_pylist()])
        parquet.write_table(table.set_column(1, "label", words), path)
    assert class_names("transforms2d") == HUB_NAMES
    assert bank("transforms2d", 32).labels.tolist() == [0, 1, 1, 2, 2]


def test_a_class_without_a_cut_out_does_not_count(folder: Path) -> None:
    write(FILES, folder)
    (folder / "foregrounds/train-00001-of-00002.parquet").unlink()  # the only cup
    assert class_names("transforms2d") == ("key", "owl")
    assert bank("transforms2d", 32).labels.tolist() == [0, 1, 1]


# ---------------------------------------------------------------------------------------------------------- which files

CARDS: dict[str, tuple[str, list[str]]] = {
    "a path": ("data_files: fore/*.parquet", ["fore/a.parquet", "fore/b.parquet"]),
    "a list of paths": ("data_files: [fore/b.parquet, more/c.parquet]", ["fore/b.parquet", "more/c.parquet"]),
    "a split": ("data_files: [{split: train, path: more/*}, {split: test, path: fore/*}]", ["more/c.parquet"]),
    "paths of a split": (
        "data_files: [{split: train, path: [fore/a*, more/c*]}]",
        ["fore/a.parquet", "more/c.parquet"],
    ),
    "any depth": ("data_files: [{split: train, path: '**/c.parquet'}]", ["more/c.parquet"]),
}


@pytest.mark.parametrize("kind", list(CARDS))
def test_the_card_says_which_files(kind: str) -> None:
    told, expected = CARDS[kind]
    card = f"---\nconfigs:\n- config_name: other\n  data_files: x\n- config_name: foregrounds\n  {told}\n---\n# Words\n"
    names = ["fore/a.parquet", "fore/b.parquet", "more/c.parquet"]
    assert hub.chosen_files(names, "foregrounds", card) == expected


@pytest.mark.parametrize(
    "card", ["", "# No head", "---\nlicense: mit\n---\n", "---\n[: broken\n---\n", "---\n- 1\n---\n"]
)
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["backgrounds/train-0.parquet", "foregrounds/train-0.parquet"], ["foregrounds/train-0.parquet"]),
        (
            ["data/foregrounds-train-0.parquet", "data/backgrounds-train-0.parquet"],
            ["data/foregrounds-train-0.parquet"],
        ),
        (["foregrounds/train/0000.parquet", "foregrounds/test/0000.parquet"], ["foregrounds/train/0000.parquet"]),
        (["data/foregrounds/0.parquet"], ["data/foregrounds/0.parquet"]),
        (["train-0.parquet"], []),
    ],
)
def test_without_a_word_in_the_card_the_path_says_it(card: str, names: list[str], expected: list[str]) -> None:
    assert hub.chosen_files(names, "foregrounds", card) == expected


def test_other_layouts_are_read(folder: Path) -> None:
    moved = {name.replace("foregrounds/", "data/foregrounds-"): data for name, data in FILES.items()}
    write(moved | {"README.md": b"# Words"}, folder)
    assert bank("transforms2d", 32).names == HUB_NAMES


# -------------------------------------------------------------------------------------------------- missing and damaged


def test_missing_data_say_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for ask in (lambda: bank("transforms2d", 32), lambda: backgrounds("transforms2d", 32),
                lambda: class_names("transforms2d")):  # fmt: skip
        with pytest.raises(
            ValueError, match="Transforms-2D are not here: run `python -m invlab data get transforms2d`"
        ):
            ask()
    _without(monkeypatch, "huggingface_hub")
    sentence = hub.missing()
    assert sentence is not None
    assert "run `pip install -r requirements-hub.txt` and then `python -m invlab data get transforms2d`" in sentence
    assert (ROOT / "requirements-hub.txt").is_file()


def _without(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == package else find(name))


def test_without_the_packages_it_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        _without(patch, "huggingface_hub")
        with pytest.raises(SourceError, match="huggingface_hub, which is not installed: run `pip install -r require"):
            hub.fetch(lambda point: None)
    write(FILES, folder)
    assert hub.missing() is None
    _without(monkeypatch, "pyarrow")
    with pytest.raises(SourceError, match="pyarrow reads: run `pip install -r requirements-hub"):
        bank("transforms2d", 32)


def test_without_yaml_the_path_says_which_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(FILES, folder)
    _without(monkeypatch, "yaml")
    assert bank("transforms2d", 32).names == HUB_NAMES


def test_a_damaged_copy_is_one_sentence(folder: Path) -> None:
    write(FILES, folder)
    path = folder / "foregrounds/train-00000-of-00002.parquet"
    path.write_bytes(FILES["foregrounds/train-00000-of-00002.parquet"][:500])
    with pytest.raises(SourceError, match=rf"{path} cannot be read \(.*data get transforms2d"):
        bank("transforms2d", 32)


def test_a_row_without_a_picture_is_one_sentence(folder: Path) -> None:
    write(FILES, folder)
    path = folder / "backgrounds/train-00000-of-00001.parquet"
    table = parquet.read_table(path)
    cells = pa.array([{"bytes": None, "path": "elsewhere.png"}] * 4, table.schema.field("image").type)
    parquet.write_table(table.set_column(0, "image", cells), path)
    with pytest.raises(SourceError, match=r"train-00000-of-00001\.parquet lacks a picture or a label"):
        backgrounds("transforms2d", 32)


# ------------------------------------------------------------------------------------------------------------- fetching


def publish(served: Served, files: dict[str, bytes] = FILES) -> None:
    """Answer as the Hub does: the data set's description at a revision, and its files at a commit."""
    siblings: list[dict[str, Any]] = [
        {"rfilename": name, "size": len(data), "blobId": hashlib.sha256(data).hexdigest()[:40]}
        | ({"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}}
           if name.endswith(".parquet") else {})
        for name, data in {**files, "unrelated.bin": b"0" * 100}.items()
    ]  # fmt: skip
    described = {"id": hub.REPOSITORY, "sha": COMMIT, "siblings": siblings, "private": False, "tags": []}
    for revision in ("main", COMMIT):
        served.files[f"/api/datasets/{hub.REPOSITORY}/revision/{revision}"] = json.dumps(described).encode()
    for name, data in files.items():
        path = f"/datasets/{hub.REPOSITORY}/resolve/{COMMIT}/{name}"
        served.files[path] = data
        served.headers[path] = {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": COMMIT}


@pytest.fixture
def the_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A Hub on this machine: huggingface_hub takes its address from HF_ENDPOINT when it is imported."""
    with serving() as served:
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", served.url)
        template = served.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.file_download.HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
        publish(served)
        yield served


def fetch(**more: Any) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    hub.fetch(points.append, **more)
    return points


def test_fetching_pins_the_revision(folder: Path, the_hub: Served) -> None:
    points = fetch()
    size = sum(len(data) for name, data in FILES.items() if name.endswith(".parquet"))
    assert points[0] == {"stage": "downloading", "fraction": 0.0, "bytes": 0, "of": size}
    assert [p["fraction"] for p in points] == sorted(p["fraction"] for p in points)
    assert max(p.get("bytes", 0) for p in points) == size
    assert points[-1]["fraction"] == 1.0
    note = json.loads((folder / hub.NOTE).read_text())
    assert (note["repository"], note["revision"], hub.fetched_revision()) == (hub.REPOSITORY, COMMIT, COMMIT)
    assert note["files"].keys() == FILES.keys() - {"README.md"}
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "backgrounds", "foregrounds", hub.NOTE]
    assert bank("transforms2d", 32).names == HUB_NAMES
    assert len(backgrounds("transforms2d", 32).labels) == 4
    assert [p.name for p in folder.parent.iterdir() if p.name.startswith(f"{hub.NAME}.")] == []
    the_hub.files.clear()
    assert fetch()[-1]["fraction"] == 1.0  # what is there is not asked for again


def test_fetched_files_that_changed_are_fetched_anew(folder: Path, the_hub: Served) -> None:
    fetch()
    path = folder / "backgrounds/train-00000-of-00001.parquet"
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(SourceError, match="are not what was fetched: run `python -m invlab data get trans"):
        backgrounds("transforms2d", 32)
    fetch()
    assert len(backgrounds("transforms2d", 32).labels) == 4
    assert len(list(folder.parent.glob(f"{hub.NAME}.set-aside-*"))) == 1


def test_a_file_that_arrives_changed_is_refused(folder: Path, the_hub: Served) -> None:
    path = f"/datasets/{hub.REPOSITORY}/resolve/{COMMIT}/foregrounds/train-00000-of-00002.parquet"
    sound = the_hub.files[path]
    the_hub.files[path] = sound[:-1] + b"X"
    with pytest.raises(SourceError, match="did not arrive as the Hub has it: run "):
        fetch()
    assert hub.missing() is not None
    the_hub.files[path] = sound
    fetch()
    assert hub.missing() is None


def test_a_repository_without_the_files_is_told(folder: Path, the_hub: Served) -> None:
    publish(the_hub, {"README.md": b"# Nothing"})
    with pytest.raises(SourceError, match="has no parquet files of foregrounds and backgrounds"):
        fetch()


def test_no_such_revision_is_one_sentence(folder: Path, the_hub: Served) -> None:
    with pytest.raises(SourceError, match=r"could not be fetched from the Hub .*: check the network and try again"):
        fetch(revision="nowhere")


def test_in_a_process_of_its_own_with_hf_endpoint(folder: Path, the_hub: Served) -> None:
    """As a person would with a mirror: nothing is patched."""
    program = "from invlab import hub; hub.fetch(lambda point: print(point['stage']))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_ENDPOINT": the_hub.url, "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "done"
    assert bank("transforms2d", 32).names == HUB_NAMES


def test_no_network_is_one_sentence(folder: Path) -> None:
    program = (
        "from invlab import hub, kept\ntry:\n    hub.fetch(print)\nexcept kept.SourceError as error:\n"
        "    print(error)\nelse:\n    raise SystemExit(1)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_ENDPOINT": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert re.search(r"could not be fetched from the Hub \(.*\): check the network", done.stdout), done.stdout
    assert done.stdout.count("\n") == 1
