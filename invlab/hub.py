"""The base images of Transforms-2D (Speicher et al. 2024), the data set of the paper, from the Hugging Face Hub.

61 classes of cut-outs, after SI-SCORE (Djolonga et al. 2021), and 867 photographs to paste them on, as parquet files.
Reading them needs pyarrow, fetching them huggingface_hub: `requirements-hub.txt`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from PIL import Image

from invlab.kept import GET, SourceError, alone, data_folder, explained, room_for, set_aside
from invlab.pictures import decode_picture

Report = Callable[[dict[str, Any]], None]

NAME = "transforms2d"
TITLE = "Transforms-2D base"
REPOSITORY = "tillspeicher/transforms_2d_base"
CONFIGURATIONS = ("foregrounds", "backgrounds")
NOTE = "source.json"  # what was fetched: repository, revision, size and SHA-256 of each file
INSTALL = "pip install -r requirements-hub.txt"
ROWS = 16  # read at a time: a row group of large pictures need not fit into memory decoded


def missing(directory: Path | None = None) -> str | None:
    """What is missing and how to get it, in one sentence; None where the data are there and can be read."""
    folder = place(directory)
    if not all(parquet_files(folder, configuration) for configuration in CONFIGURATIONS):
        first = "" if importlib.util.find_spec("huggingface_hub") else f"`{INSTALL}` and then "
        return (
            f"the base images of Transforms-2D are not here: run {first}`{GET} {NAME}`, or put a copy of the Hub's "
            f"data set {REPOSITORY} into {folder}"
        )
    if importlib.util.find_spec("pyarrow") is None:
        return f"the base images of Transforms-2D are parquet files, which pyarrow reads: run `{INSTALL}`"
    return None


def place(directory: Path | None = None) -> Path:
    """The folder of the data set's files."""
    return data_folder(directory) / NAME


# ---- reading --------------------------------------------------------------------------------------------------------


def foregrounds(directory: Path | None = None) -> Iterator[tuple[Image.Image, int]]:
    """Each cut-out (RGBA, as stored) with its class, counted from 0 as in `class_names`; in the order of the files.

    Raises SourceError where they are missing or not what was fetched, PictureError for one that cannot be decoded.
    """
    folder = _checked(directory)
    classes = {label: number for number, label in enumerate(_labels(folder))}
    for picture, label in _rows(folder, "foregrounds", ("image", "label")):
        yield picture, classes[label]


def photographs(directory: Path | None = None) -> Iterator[Image.Image]:
    """The backgrounds, as stored, in the order of the files. Raises as `foregrounds`."""
    for picture, _ in _rows(_checked(directory), "backgrounds", ("image",)):
        yield picture


def class_names(directory: Path | None = None) -> tuple[str, ...]:
    """The names of the classes that have a cut-out, in the order of their labels; no picture is decoded.

    Raises SourceError where the data are not there.
    """
    folder = _there(directory)
    told = _label_names(folder)
    return tuple(_class_name(label, told) for label in _labels(folder))


def _labels(folder: Path) -> list[Any]:
    """The labels that the files use, each once, ascending."""
    return sorted({label for _, label in _rows(folder, "foregrounds", ("label",))})


def _class_name(label: Any, told: list[str]) -> str:
    if isinstance(label, str):
        return label
    return told[label] if 0 <= label < len(told) else f"object {label}"


def _label_names(folder: Path) -> list[str]:
    """The names that the `datasets` library wrote into the file's schema; empty where it did not."""
    from pyarrow import parquet

    metadata = parquet.read_schema(parquet_files(folder, "foregrounds")[0]).metadata or {}
    try:
        names = json.loads(metadata[b"huggingface"])["info"]["features"]["label"]["names"]
    except (KeyError, TypeError, ValueError):
        return []
    sound = isinstance(names, list) and len(set(map(str, names))) == len(names)
    return [str(name) for name in names] if sound else []


def _rows(folder: Path, configuration: str, columns: tuple[str, ...]) -> Iterator[tuple[Any, Any]]:
    """(picture or None, label or None) for each row, as far as `columns` asks for them."""
    import pyarrow
    from pyarrow import parquet

    for path in parquet_files(folder, configuration):
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=ROWS, columns=list(columns)):
                    for row in batch.to_pylist():
                        yield _row(row, columns, path.name)
        except (OSError, pyarrow.ArrowException) as error:
            raise SourceError(f"{path} cannot be read ({error}): run `{GET} {NAME}`, which fetches it anew") from error


def _row(row: dict[str, Any], columns: tuple[str, ...], where: str) -> tuple[Any, Any]:
    """A picture is stored as {'bytes', 'path'}, the way the `datasets` library writes it."""
    cell, label = row.get("image"), row.get("label")
    data: Any = cell.get("bytes") if isinstance(cell, dict) else cell
    if ("image" in columns and not isinstance(data, bytes)) or ("label" in columns and label is None):
        raise SourceError(f"{where} lacks a picture or a label: run `{GET} {NAME}`, which fetches it anew")
    return decode_picture(data, where) if "image" in columns else None, label


def _there(directory: Path | None) -> Path:
    if sentence := missing(directory):
        raise SourceError(sentence)
    return place(directory)


def _checked(directory: Path | None) -> Path:
    """The folder, once its files are known to be those that were fetched."""
    folder = _there(directory)
    if (folder / NOTE).exists() and not _as_fetched(folder):  # without a note it is a copy that a person put there
        raise SourceError(
            f"the files in {folder} are not what was fetched: run `{GET} {NAME}`, which fetches them anew"
        )
    return folder


def _as_fetched(folder: Path) -> bool:
    """Whether the note is there and each file has the SHA-256 that it tells."""
    try:
        files = json.loads((folder / NOTE).read_text())["files"]
        return bool(files) and all(_sha256(folder / name) == told["sha256"] for name, told in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---- which files ----------------------------------------------------------------------------------------------------


def parquet_files(folder: Path, configuration: str) -> list[Path]:
    """The files of a configuration's split `train`, in order; empty where there are none."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet"))
    card = folder / "README.md"
    chosen = chosen_files(names, configuration, card.read_text("utf-8", "replace") if card.is_file() else "")
    return [folder / name for name in chosen]


def chosen_files(names: list[str], configuration: str, card: str) -> list[str]:
    """Those of `names` that the data set's card gives to the split `train` of a configuration; where it says nothing,
    those with the configuration's name in their path."""
    if patterns := _patterns(card, configuration):
        return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]
    own = [name for name in names if any(part.startswith(configuration) for part in name.split("/"))]
    return [name for name in own if "train" in name] or own


def _patterns(card: str, configuration: str) -> list[str]:
    """The paths under `configs: - config_name: … data_files: - split: train, path: …` at the head of the card.

    `data_files` may be one entry or a list of them, an entry a path alone or with its split, a path a list of paths.
    """
    if not card.startswith("---") or importlib.util.find_spec("yaml") is None:
        return []
    import yaml

    try:
        described = yaml.safe_load(card.removeprefix("---").split("\n---", 1)[0])
        files = next(c["data_files"] for c in described["configs"] if c["config_name"] == configuration)
    except (yaml.YAMLError, KeyError, TypeError, StopIteration):
        return []
    found: list[str] = []
    for entry in files if isinstance(files, list) else [files]:
        told = entry if isinstance(entry, dict) else {"path": entry}
        if told.get("split", "train") == "train":
            path = told.get("path", [])
            found += map(str, path if isinstance(path, list) else [path])
    return [path.replace("**/", "*") for path in found]


# ---- fetching -------------------------------------------------------------------------------------------------------


def fetch(report: Report, directory: Path | None = None, revision: str = "main") -> None:
    """Download the parquet files of one revision of the Hub's data set; other files in their place are set aside.

    `revision` is resolved to a commit, which `source.json` notes with the SHA-256 of each file: the copy stays at that
    commit. `report` gets points {'stage', 'fraction', 'bytes', 'of'}. Raises SourceError (one sentence).
    """
    folder = place(directory)
    if importlib.util.find_spec("huggingface_hub") is None:
        raise SourceError(f"the Hub is reached through huggingface_hub, which is not installed: run `{INSTALL}`")
    with explained(TITLE, folder.parent), _network_explained(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with alone(folder.parent / f".{NAME}.lock"):
            if not (_as_fetched(folder) and revision in ("main", fetched_revision(directory))):
                _fetch_into(folder, revision, report)
    report({"stage": "done", "fraction": 1.0})


def fetched_revision(directory: Path | None = None) -> str | None:
    """The commit of the Hub's data set that was fetched; None where none was."""
    try:
        return str(json.loads((place(directory) / NOTE).read_text())["revision"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fetch_into(folder: Path, revision: str, report: Report) -> None:
    """Collect the files beside `folder`, check them, then give them its name."""
    from huggingface_hub import HfApi

    found = HfApi().dataset_info(REPOSITORY, revision=revision, files_metadata=True, token=False)
    listed = {file.rfilename: file for file in found.siblings or []}
    commit, part = str(found.sha), folder.with_name(f".{NAME}.part")
    card = ""
    if "README.md" in listed:
        card = _received("README.md", commit, part, lambda count: None).read_text("utf-8", "replace")
    parquet = sorted(name for name in listed if name.endswith(".parquet"))
    names = [name for c in CONFIGURATIONS for name in chosen_files(parquet, c, card)]
    if not all(chosen_files(parquet, c, card) for c in CONFIGURATIONS):
        raise SourceError(f"{REPOSITORY} at {commit} has no parquet files of {' and '.join(CONFIGURATIONS)}: tell us")
    sizes = {name: int(listed[name].size or 0) for name in names}
    room_for(sum(sizes.values()), TITLE, folder.parent)
    files, before, whole = {}, 0, max(1, sum(sizes.values()))

    def told(count: int) -> None:
        done = min(before + count, whole)
        report({"stage": "downloading", "fraction": 0.99 * done / whole, "bytes": done, "of": whole})

    told(0)
    for name in names:
        digest = _sha256(_received(name, commit, part, told))
        if (lfs := listed[name].lfs) is not None and lfs.sha256 != digest:
            (part / name).unlink()
            raise SourceError(f"{name} did not arrive as the Hub has it: run `{GET} {NAME}` again")
        files[name] = {"bytes": (part / name).stat().st_size, "sha256": digest}
        before += sizes[name]
    note = {"repository": REPOSITORY, "revision": commit, "files": files}
    (part / NOTE).write_text(json.dumps(note, indent=1) + "\n")
    shutil.rmtree(part / ".cache", ignore_errors=True)  # huggingface_hub's own notes
    set_aside(folder)
    os.replace(part, folder)


def _received(name: str, commit: str, part: Path, told: Callable[[int], None]) -> Path:
    """One file in the folder `part`; `told` gets how many of its bytes are there."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import tqdm

    class Counter(tqdm):  # type: ignore[misc]
        """A bar that shows nothing."""

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more | {"disable": True})
            self.count = int(more.get("initial") or 0)

        def update(self, n: float | None = 1) -> bool | None:
            self.count += int(n or 0)
            told(self.count)
            return None

    got = hf_hub_download(
        REPOSITORY, name, repo_type="dataset", revision=commit, local_dir=part, token=False, tqdm_class=Counter
    )
    return Path(got)


@contextlib.contextmanager
def _network_explained(folder: Path) -> Iterator[None]:
    """What huggingface_hub raises where the Hub cannot be had, as one SourceError sentence."""
    from huggingface_hub.errors import HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    try:
        yield
    except (HTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, json.JSONDecodeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SourceError(
            f"{REPOSITORY} could not be fetched from the Hub ({reason}): check the network and try again, or put a "
            f"copy of it into {folder}"
        ) from error
