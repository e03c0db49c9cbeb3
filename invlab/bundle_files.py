"""A bundle of results and weights on the disk: read, written and verified."""

from __future__ import annotations

import datetime
import json
import logging
import os
import re
import shutil
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invlab import records
from invlab.files import StoreError, explained, now, replace_file, sha256
from invlab.formats import UNSTAMPED
from invlab.listing import Entry
from invlab.rows import KEY, Record, dumps, kind_of

if TYPE_CHECKING:
    from invlab.store import Store

LINE = re.compile(rb'\{"key":"([a-z]{1,40}-[0-9a-f]{32})","record":(\{.*\})\}')  # one record of a bundle
BUNDLE_FORMAT = 1

log = logging.getLogger(__name__)


class Bundle:
    """The read-only layer: `manifest.json`, `results/<kind>.jsonl` and `weights/<key>.safetensors` in one directory.

    A file of results is read when its kind is first asked for, and left out as a whole if it does not match the
    manifest. Records are parsed when they are asked for.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._kinds: dict[str, dict[str, bytes]] = {}
        self._entries: dict[str, list[Entry]] = {}
        self._lock = threading.Lock()
        self.manifest = self._read_manifest()

    def get(self, key: str) -> Record | None:
        line = self.lines(kind_of(key)).get(key)
        return None if line is None else json.loads(line)

    def kinds(self) -> list[str]:
        names = (Path(name) for name in self.manifest["files"] if name.startswith("results/"))
        return sorted(name.stem for name in names)

    def lines(self, kind: str) -> dict[str, bytes]:
        """The JSON text of every record of `kind`, by key."""
        with self._lock:
            if kind not in self._kinds:
                self._kinds[kind] = self._read_lines(kind)
            return self._kinds[kind]

    def entries(self, kind: str) -> list[Entry]:
        """The records of `kind` by the time they were made, the oldest first; those that do not tell it come before."""
        if kind not in self._entries:
            self._entries[kind] = sorted(Entry(_made(line), key) for key, line in self.lines(kind).items())
        return self._entries[kind]

    def weights(self, key: str) -> Path:
        return self.directory / "weights" / f"{key}.safetensors"

    def _read_manifest(self) -> dict[str, Any]:
        try:
            manifest = json.loads((self.directory / "manifest.json").read_bytes())
            written = manifest["format"], manifest.get("records_format", UNSTAMPED)
            if written == (BUNDLE_FORMAT, records.FORMAT) and isinstance(manifest["files"], dict):
                return manifest
            log.warning(
                "the bundle in %s is of format %r with results of format %r, not %d with %d, and is left out: install "
                "the bundle of this version", self.directory, *written, BUNDLE_FORMAT, records.FORMAT,
            )  # fmt: skip
        except FileNotFoundError:
            pass  # an installation without a bundle
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning(
                "the manifest of the bundle in %s cannot be read (%s): the bundle is left out", self.directory, error
            )
        return {"format": BUNDLE_FORMAT, "files": {}}

    def _read_lines(self, kind: str) -> dict[str, bytes]:
        described = self.manifest["files"].get(f"results/{kind}.jsonl")
        if not isinstance(described, dict):
            return {}
        try:
            data = read_lines_file(self.directory / "results" / f"{kind}.jsonl")
        except OSError as error:
            log.warning("the bundled results of kind %r are missing (%s): install the bundle again", kind, error)
            return {}
        if sha256(data) != described.get("sha256"):
            log.warning("the bundled results of kind %r do not match their manifest: install the bundle again", kind)
            return {}
        matches = (LINE.fullmatch(line) for line in data.splitlines())
        return {match[1].decode(): match[2] for match in matches if match}


def write_bundle(
    store: Store, directory: Path | str, keys: Iterable[str], weight_keys: Iterable[str], about: Record
) -> Record:
    """Write the records of `keys`, and the weights of `weight_keys` among them, as the bundle `directory`.

    The whole bundle is made beside the old one and takes its place by renaming; other files in the directory are
    carried over. The same records give the same bytes. `about` (versions, preset) goes into the manifest, which is
    returned. Raises StoreError for a record or weights that are not in the store, and for a full disk.
    """
    directory = Path(directory)
    made = directory.with_name(f".{directory.name}-{os.getpid()}-{time.time_ns()}")
    old = made.with_name(made.name + "-old")
    with explained("the bundle", directory):
        try:
            manifest = _fill(made, store, sorted(set(keys)), sorted(set(weight_keys)), about)
            if directory.exists():
                _carry_over(directory, made)
                os.replace(directory, old)
            try:
                os.replace(made, directory)
            except OSError:
                os.replace(old, directory)
                raise
        finally:
            shutil.rmtree(made, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    return manifest


def verify_bundle(directory: Path | str) -> list[str]:
    """What is wrong with a bundle, one sentence each; an empty list means that every byte is as it was written."""
    directory = Path(directory)
    try:
        manifest = json.loads((directory / "manifest.json").read_bytes())
        files = {str(name): dict(described) for name, described in manifest["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [f"manifest.json cannot be read ({error})"]
    problems = (
        [] if manifest.get("format") == BUNDLE_FORMAT else [f"format {manifest.get('format')!r} is not {BUNDLE_FORMAT}"]
    )
    for name, described in files.items():
        problems += _problems_of_file(directory, name, described)
    found = {p.relative_to(directory).as_posix() for sub in ("results", "weights") for p in (directory / sub).glob("*")}
    return problems + [f"{name} is not in the manifest" for name in sorted(found - set(files))]


def _fill(made: Path, store: Store, keys: list[str], weight_keys: list[str], about: Record) -> Record:
    lines: dict[str, list[bytes]] = {}
    contents: dict[str, bytes] = {}
    for key in keys:
        if (record := store.get(key)) is None:
            raise StoreError(f"the bundle cannot be written: there is no result {key} in the store; compute it first")
        lines.setdefault(kind_of(key), []).append(f'{{"key":"{key}","record":{dumps(record)}}}\n'.encode())
        if key in weight_keys:
            _, data = store.find_weights(key, record.get("weights") or {})
            if data is None:
                raise StoreError(f"the bundle cannot be written: the weights of {key} are missing; compute them again")
            contents[f"weights/{key}.safetensors"] = data
    if missing := sorted(set(weight_keys) - set(keys)):
        raise StoreError(f"the bundle cannot be written: weights are asked for without a result: {missing[0]}")
    contents |= {f"results/{kind}.jsonl": b"".join(rows) for kind, rows in lines.items()}
    for name, data in contents.items():
        replace_file(made / name, data)
    files = {name: {"sha256": sha256(data), "bytes": len(data)} for name, data in sorted(contents.items())}
    head = {"format": BUNDLE_FORMAT, "records_format": records.FORMAT, "created": now()}
    manifest = head | about | {"results": len(keys), "files": files}
    replace_file(made / "manifest.json", (json.dumps(manifest, indent=1, allow_nan=False) + "\n").encode())
    return manifest


def _carry_over(directory: Path, made: Path) -> None:
    for path in directory.iterdir():
        if path.name in ("manifest.json", "results", "weights"):
            continue
        if path.is_dir():
            shutil.copytree(path, made / path.name)
        else:
            shutil.copy2(path, made / path.name)


def _problems_of_file(directory: Path, name: str, described: Record) -> list[str]:
    if not re.fullmatch(rf"results/[a-z]{{1,40}}\.jsonl|weights/{KEY.pattern}\.safetensors", name):
        return [f"{name} is no name of a bundle's file"]
    path = directory / name
    try:
        data = read_lines_file(path) if name.endswith(".jsonl") else path.read_bytes()
    except OSError:
        return [f"{name} is missing"]
    problems = []
    if sha256(data) != described.get("sha256") or len(data) != described.get("bytes"):
        problems.append(f"{name} does not match its SHA-256")
    if name.endswith(".jsonl"):
        problems += _problems_of_lines(name, path.stem, data)
    return problems


def _problems_of_lines(name: str, kind: str, data: bytes) -> list[str]:
    problems, seen = [], set()
    for number, line in enumerate(data.splitlines(), 1):
        try:
            whole = json.loads(line)
            key = whole["key"]
        except (ValueError, KeyError, TypeError):
            problems.append(f"{name}, line {number}, is no JSON record with a key")
            continue
        if not LINE.fullmatch(line) or kind_of(key) != kind or key in seen:
            problems.append(f"{name}, line {number}: the key {key!r} does not belong here")
        seen.add(key)
    return problems


def read_lines_file(path: Path) -> bytes:
    """The bytes of a text file with the line ends it was written with (a checkout may have changed them)."""
    return path.read_bytes().replace(b"\r\n", b"\n")


def _made(line: bytes) -> float:
    """When a bundled record was made, in seconds since 1970; 0 where it does not tell."""
    try:
        return datetime.datetime.fromisoformat(json.loads(line)["made"]["created"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0
