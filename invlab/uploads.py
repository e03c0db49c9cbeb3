"""Pictures that visitors bring in the browser: received, checked, made small, and kept as sets under their content.

Every file is suspect. A picture is decoded alone, within limits, and written anew, so that nothing of its file remains
but pixels: no place, no date, no camera. Names given by files never become paths: pictures are numbered, and the names
stand in the set's list. A set lies in a folder that is named by the digest of that list, and the list holds the digest
of each picture's pixels: what is read is what was received, or it is an error.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import functools
import hashlib
import io
import json
import os
import re
import shutil
import stat
import tempfile
import threading
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from invlab.kept import alone
from invlab.pictures import CUT_OUT_SIDE, PictureError, cut_out, decode_picture, square

PREFIX = "upload:"
NAME = re.compile(r"upload:[0-9a-f]{32}")
KINDS = ("cut-outs", "photographs")
FORMAT = 1  # of a set's list; raise it whenever what a set holds changes
MB = 2**20


@dataclass(frozen=True)
class Limits:
    """What one upload may hold; it is told before the upload.

    count: pictures.
    bytes_each: of one file or one packed picture.
    bytes_together: of all files, and of all pictures once unpacked.
    pixels: of one picture. A telephone's 24 megapixels take 100 MB decoded, and 300 to 400 MB while a cut-out of that
        size is made small; a JPEG far less.
    classes: folders, or single cut-outs.
    """

    count: int = 500
    bytes_each: int = 50 * MB
    bytes_together: int = 100 * MB
    pixels: int = 25_000_000
    classes: int = 200


LIMITS = Limits()
SIDE = CUT_OUT_SIDE  # of a kept photograph, pixels: its middle square, which is all that a canvas (up to 224) shows
AREA_BYTES = 10**9  # of all sets; the least recently used go first
MOST_NAME = 100  # letters of a file's or a folder's name
MOST_ENTRIES = 5000  # of a ZIP, folders and what is ignored among them: each takes memory before it is looked at
MOST_RATIO = 100  # a picture is packed already: a ZIP hardly makes it smaller. Flat colour, the extreme, reaches 30
PART = ".part-"  # how a temporary folder's name begins
MOST_SCANS = 100  # of a JPEG: each takes a pass over the whole picture, a progressive one has about ten
LIST = "pictures.json"
MOST_LIST = MB  # bytes; 500 pictures with the longest names take half of it
MOST_FILE = MB  # bytes of one kept picture; noise of 256 × 256 takes 270 kB
STALE_SECONDS = 3600.0  # a temporary folder this old belongs to a process that died
IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini")  # what systems add to ZIPs, beside files with a dot

# What zipfile is known to raise on archives that are damaged, locked or packed in a way it does not read.
ZIP_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    OSError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    OverflowError,
    RuntimeError,
    NotImplementedError,
)

_DECODING = threading.Lock()  # one picture at a time in this process, however many visitors upload at once

Report = Callable[[int, int], None]


class LimitError(PictureError):
    """A limit of the whole upload is broken: nothing of it is kept."""


@dataclass(frozen=True)
class Received:
    """An upload that is kept.

    name: `upload:` and 32 hexadecimal digits, for `bank` and `backgrounds`.
    kind: `cut-outs` or `photographs`.
    classes: names in label order: of the folders, or of the single cut-outs; () for photographs without folders.
    count: pictures that can be used.
    problems: one sentence for each file that cannot.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    count: int
    problems: list[str]


@dataclass(frozen=True)
class Uploaded:
    """A set that is kept, as its list tells it. Rows are pictures, in the order of their labels.

    classes: as in `Received`; labels: the class of each picture, ascending, all 0 where there are no classes;
    titles: the name of each picture; digests: of each picture's pixels.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    labels: tuple[int, ...]
    titles: tuple[str, ...]
    digests: tuple[str, ...]

    @property
    def object_names(self) -> tuple[str, ...]:
        """The classes as objects: where there are none, each photograph is one."""
        return self.classes or _told_apart(self.titles)

    @property
    def object_labels(self) -> tuple[int, ...]:
        return self.labels if self.classes else tuple(range(len(self.titles)))


def limits_text(kind: str) -> str:
    """What may be uploaded, to be shown before it is."""
    _check_kind(kind)
    most = (
        f"At most {LIMITS.count} pictures in {LIMITS.classes} classes, {LIMITS.pixels // 10**6} megapixels and "
        f"{LIMITS.bytes_each // MB} MB each, {LIMITS.bytes_together // MB} MB together."
    )
    if kind == "cut-outs":
        what = "PNG or WebP with transparent surroundings, each file a class; or a ZIP with a folder for each class."
    else:
        what = "PNG, WebP or JPEG, or a ZIP of them, where folders are classes."
    return f"{what} {most}"


def is_name(text: str) -> bool:
    """Whether `text` is the name of an upload; it need not be there."""
    return NAME.fullmatch(text) is not None


def short(name: str) -> str:
    """An upload's name for a sentence."""
    return f"{name[: len(PREFIX) + 8]}…" if is_name(name) else repr(name[:60])


# --------------------------------------------------------------------------------------------------------- receiving


def receive(files: Sequence[tuple[str, bytes]], kind: str, report: Report | None = None) -> Received:
    """Keep the pictures in `files`, each a name and its bytes: pictures, or ZIPs of them.

    Loose cut-outs are a class each, named by their file; in a ZIP each folder is a class, and one folder around them
    all is left out of account. Photographs need no folders; those in folders have them as classes. A file that cannot
    be used gives one sentence in `problems`; the rest still counts. The same pictures under the same names are one set,
    however they came.

    report: called with the number of pictures looked at, and of all.

    Raises PictureError (one sentence) where nothing usable is left, where a limit of the whole is broken and where the
    disk is full or read-only.
    """
    _check_kind(kind)
    whole = _shown(files[0][0]) if len(files) == 1 else "The upload"
    problems: list[str] = []
    found = _arranged(_found(files, problems, whole), kind, problems)
    if len(found) > LIMITS.count:
        raise LimitError(f"{whole}: {len(found):,} pictures are too many at once; choose at most {LIMITS.count}.")
    if len({one.label for one in found}) > LIMITS.classes:
        raise LimitError(f"{whole}: these are more than {LIMITS.classes} classes; choose fewer.")
    with _explained(), _temporary() as part:
        rows = _kept(found, kind, part, problems, report or (lambda done, of: None), whole)
        if not rows:
            raise PictureError(_nothing(problems, whole))
        kept = _filed(part, kind, rows)
    return Received(kept.name, kind, kept.classes, len(kept.labels), problems)


class Found(NamedTuple):
    """A picture that has not been read yet.

    shown: what a sentence calls it; path: folders and file, made harmless; read: its bytes, given how many are left.
    """

    shown: str
    path: tuple[str, ...]
    read: Callable[[int], bytes]
    label: str = ""
    title: str = ""


def _found(files: Sequence[tuple[str, bytes]], problems: list[str], whole: str) -> list[Found]:
    """All pictures of an upload, ZIPs looked into."""
    if not files:
        raise PictureError("There are no files; choose at least one.")
    if sum(len(data) for _, data in files) > LIMITS.bytes_together:
        raise LimitError(f"{whole}: the files are more than {LIMITS.bytes_together // MB} MB together; choose fewer.")
    found: list[Found] = []
    for name, data in files:
        try:
            if name.lower().endswith(".zip") or data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
                found += _in_zip(name, data, problems)
            elif not _ignored(path := _path(name, _shown(name))):
                _check_size(len(data), _shown(name))
                found.append(Found(_shown(name), path, functools.partial(_at_hand, data)))
        except LimitError:
            raise
        except PictureError as error:
            problems.append(str(error))
    return found


def _at_hand(data: bytes, left: int) -> bytes:
    """A loose file's bytes: they are in memory anyway."""
    return data


def _arranged(found: Sequence[Found], kind: str, problems: list[str]) -> list[Found]:
    """Those with a place among the classes, label and title filled in."""
    made: list[Found] = []
    in_folders = any(len(one.path) == 2 for one in found)
    taken = {one.path[0] for one in found if len(one.path) == 2}
    for one in found:
        title = _stem(one.path[-1])
        if len(one.path) > 2:
            problems.append(f"{one.shown}: it lies too deep; put it directly into the folder of its class.")
        elif len(one.path) == 2:
            made.append(one._replace(label=one.path[0], title=title))
        elif kind == "photographs" and in_folders:
            problems.append(f"{one.shown}: it lies beside the folders; put it into the folder of its class.")
        elif kind == "photographs":
            made.append(one._replace(title=title))
        elif title in taken:
            problems.append(f"{one.shown}: there is another class {title!r}; give this file a name of its own.")
        else:
            taken.add(title)
            made.append(one._replace(label=title, title=title))
    if kind == "photographs" and len({one.label for one in made}) == 1:  # a folder around them all is no class
        return [one._replace(label="") for one in made]
    return made


class Row(NamedTuple):
    """A picture that is kept, in the order of rows in a set's list; file: its temporary number."""

    label: str
    title: str
    digest: str
    file: int


def _kept(found: Sequence[Found], kind: str, part: Path, problems: list[str], report: Report, whole: str) -> list[Row]:
    """Write each usable picture into the folder `part` under its number; a sentence for each other."""
    rows: list[Row] = []
    left = LIMITS.bytes_together
    for number, one in enumerate(found):
        report(number, len(found))
        try:
            with _DECODING:
                data = one.read(left)
                left -= len(data)
                if left < 0:
                    most = LIMITS.bytes_together // MB
                    raise LimitError(f"{whole}: unpacked, the pictures are more than {most} MB; choose fewer.")
                picture = _small(data, one.shown, kind)
        except LimitError:
            raise
        except PictureError as error:
            problems.append(str(error))
            continue
        encoded = io.BytesIO()
        picture.save(encoded, "PNG")
        (part / f"{number}.part").write_bytes(encoded.getvalue())
        rows.append(Row(one.label, one.title, _digest(picture), number))
    return sorted(rows)


def _small(data: bytes, shown: str, kind: str) -> Image.Image:
    """The picture in `data` as it is kept: new pixels, and nothing else of the file."""
    if data.startswith(b"PK\x03\x04"):
        raise PictureError(f"{shown}: this is a ZIP within a ZIP; unpack it, and pack its pictures.")
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda") > MOST_SCANS:
        raise PictureError(f"{shown}: the picture is made of too many layers; save it again.")
    if kind == "cut-outs":
        return cut_out(decode_picture(data, shown, LIMITS.pixels), shown)
    picture = decode_picture(data, shown, LIMITS.pixels, near=2 * SIDE)
    return Image.fromarray(square(picture, min(SIDE, *picture.size)).transpose(1, 2, 0).copy())


def _digest(picture: Image.Image) -> str:
    """Of mode, size and pixels."""
    head = f"{picture.mode} {picture.width} {picture.height}\n".encode()
    return hashlib.sha256(head + picture.tobytes()).hexdigest()


def _nothing(problems: Sequence[str], whole: str) -> str:
    if not problems:
        return f"{whole}: there is no picture in it; choose PNG or WebP files, or a ZIP of them."
    if len(problems) == 1:
        return problems[0]
    return f"None of the {len(problems)} files can be used; the first is {problems[0]}"


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r}: choose from {', '.join(KINDS)}")


def _check_size(count: int, shown: str) -> None:
    if count > LIMITS.bytes_each:
        raise PictureError(f"{shown}: the file is larger than {LIMITS.bytes_each // MB} MB; save a smaller copy.")


# ---------------------------------------------------------------------------------------------------- names of files


def _path(name: str, told: str) -> tuple[str, ...]:
    """Folders and file of a name, made harmless; PictureError for what is no plain path downwards."""
    if any(len(part) > MOST_NAME for part in name.split("/")):
        raise PictureError(f"{told}: the name has more than {MOST_NAME} letters; give it a shorter one.")
    if name.startswith("/") or "\\" in name or "\0" in name or re.match(r"[A-Za-z]:", name):
        raise PictureError(f"{told}: the name is no plain path; use folder and file names without \\ and drives.")
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise PictureError(f"{told}: the path leads elsewhere; use plain folder and file names.")
    path = tuple(map(_harmless, parts))
    if not all(path) or not _stem(path[-1]):
        raise PictureError(f"{told}: the name has no visible letter; give it another one.")
    return path


def _harmless(text: str) -> str:
    """One spelling of each letter, nothing invisible (controls, marks that turn the direction of writing). Commas
    become spaces: the command line separates classes by them."""
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if c == "," else c for c in text if unicodedata.category(c)[0] != "C" or c in "\t\n")
    return unicodedata.normalize("NFC", " ".join(text.split()))


def _shown(name: str) -> str:
    """A file's name for a sentence, however long or strange it is."""
    text = _harmless(name[:200])
    return f"{text[:57]}…" if len(text) > 60 else text or "A file without a name"


def _stem(name: str) -> str:
    """A file's name without its ending."""
    return (name.rpartition(".")[0] if "." in name[1:] else name).strip()


def _ignored(path: Sequence[str]) -> bool:
    """What systems put beside pictures."""
    return any(part.startswith(".") or part in IGNORED for part in path)


def _told_apart(names: Sequence[str]) -> tuple[str, ...]:
    """Names, numbered where they come again."""
    made: dict[str, None] = {}
    for name in names:
        unique, number = name, 2
        while unique in made:
            unique, number = f"{name} ({number})", number + 1
        made[unique] = None
    return tuple(made)


# ---------------------------------------------------------------------------------------------------------- from ZIPs


def _in_zip(name: str, data: bytes, problems: list[str]) -> list[Found]:
    """The pictures of a ZIP, none of them unpacked yet; a single folder around all others is left out.

    Nothing is ever extracted to the disk.
    """
    shown = _shown(name)
    _check_size(len(data), shown)
    if data.count(b"PK\x01\x02") > MOST_ENTRIES:  # the mark of an entry: counted before zipfile makes objects of them
        raise LimitError(f"{shown}: the ZIP holds more than {MOST_ENTRIES:,} files; pack at most {LIMITS.count}.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except ZIP_DAMAGE as error:
        raise PictureError(f"{shown}: this is no ZIP, or it is damaged; pack the pictures again.") from error
    found: dict[tuple[str, ...], Found] = {}
    for entry in archive.infolist():
        if entry.filename.endswith("/"):
            continue
        told = f"{shown}/{_shown(entry.orig_filename)}"
        try:
            path = _path(entry.orig_filename, told)
            if _ignored(path):
                continue
            _check_entry(entry, told)
            if path in found:
                raise PictureError(f"{told}: the ZIP holds this name twice; give each picture a name of its own.")
        except PictureError as error:
            problems.append(str(error))
            continue
        found[path] = Found(told, path, functools.partial(_unpacked, archive, entry, told))
    return _without_top(list(found.values()))


def _without_top(found: list[Found]) -> list[Found]:
    tops = {one.path[0] for one in found}
    if len(tops) == 1 and all(len(one.path) > 2 for one in found):
        return [one._replace(path=one.path[1:]) for one in found]
    return found


def _check_entry(entry: zipfile.ZipInfo, told: str) -> None:
    """Raise PictureError for what is not read from a ZIP, by what the ZIP says of it."""
    mode = entry.external_attr >> 16
    if entry.flag_bits & 0x41:
        raise PictureError(f"{told}: it is locked with a password; pack the ZIP without one.")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise PictureError(f"{told}: this is a link or a device, not a file; put the picture itself in its place.")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others may ask for any memory
        raise PictureError(f"{told}: it is packed in an unusual way; make an ordinary ZIP.")
    if entry.file_size > LIMITS.bytes_each:
        most = LIMITS.bytes_each // MB
        raise PictureError(f"{told}: unpacked, it is larger than {most} MB; save a smaller copy.")
    if entry.file_size > MB and entry.file_size > MOST_RATIO * entry.compress_size:
        raise PictureError(f"{told}: it is packed too tightly for a picture; save the picture again.")


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, told: str, left: int) -> bytes:
    """An entry's bytes, whatever the ZIP says of their number: at most one more than are `left` or allowed."""
    try:
        with archive.open(entry) as stream:
            data = stream.read(min(entry.file_size, LIMITS.bytes_each, left) + 1)  # no more than this is unpacked
            if len(data) != entry.file_size and len(data) <= left:
                raise zipfile.BadZipFile("fewer or more bytes than the ZIP says")
    except ZIP_DAMAGE as error:
        raise PictureError(f"{told}: it is damaged; pack the ZIP again.") from error
    return data


# ------------------------------------------------------------------------------------------------ sets that are kept


def area() -> Path:
    """The folder that holds all sets."""
    from invlab.store import home  # here, because a machine that only trains may lack the store's database

    return home() / "uploads"


def described(name: str) -> Uploaded:
    """What is in the set `name`; its pictures are not read. Marks it as used.

    Raises PictureError for what is no name of an upload, and for a set that is gone or damaged.
    """
    if not is_name(name):
        raise PictureError(
            f"There are no pictures {short(name)}: an upload's name is `{PREFIX}` and 32 hexadecimal digits; upload "
            "the pictures again."
        )
    folder = area() / name.removeprefix(PREFIX)
    try:
        with (folder / LIST).open("rb") as file:
            data = file.read(MOST_LIST + 1)
    except OSError as error:
        raise PictureError(f"The pictures {short(name)} are not here any more; upload the pictures again.") from error
    if _name_of(data) != name:
        raise PictureError(_damaged(name))
    with contextlib.suppress(OSError):  # a read-only disk forgets who was used last
        os.utime(folder)
    return _from_list(name, data)


def pictures(found: Uploaded) -> Iterator[Image.Image]:
    """The pictures of a set, one after the other: RGBA squares of cut-outs, RGB squares of photographs.

    Raises PictureError where one is gone or damaged.
    """
    folder = area() / found.name.removeprefix(PREFIX)
    for number, digest in enumerate(found.digests):
        try:
            with (folder / f"{number}.png").open("rb") as file:
                picture = decode_picture(file.read(MOST_FILE), found.name, SIDE * SIDE)
        except (OSError, PictureError) as error:
            raise PictureError(_damaged(found.name)) from error
        if _digest(picture) != digest:
            raise PictureError(_damaged(found.name))
        yield picture


def _damaged(name: str) -> str:
    return f"The pictures {short(name)} are damaged or incomplete; upload the pictures again."


def _list_of(kind: str, rows: Sequence[Row]) -> bytes:
    """The list of a set: canonical, so that the same pictures give the same name."""
    whole = {"format": FORMAT, "kind": kind, "pictures": [[r.label, r.title, r.digest] for r in rows]}
    return json.dumps(whole, ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode()


def _name_of(data: bytes) -> str:
    return PREFIX + hashlib.sha256(data).hexdigest()[:32]


def _from_list(name: str, data: bytes) -> Uploaded:
    """A set from its list, checked although its digest is right: another version may have written it."""
    try:
        whole = json.loads(data)
        if whole["format"] != FORMAT or whole["kind"] not in KINDS:
            raise ValueError("another format")
        rows = [Row(label, title, digest, 0) for label, title, digest in whole["pictures"]]
        if not rows or not all(isinstance(value, str) for row in rows for value in row[:3]):
            raise ValueError("no pictures")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise PictureError(_damaged(name)) from error
    classes = tuple(sorted({row.label for row in rows}))
    place = {label: number for number, label in enumerate(classes)}
    labels = tuple(place[row.label] for row in rows)
    titles, digests = tuple(row.title for row in rows), tuple(row.digest for row in rows)
    return Uploaded(name, whole["kind"], classes if classes != ("",) else (), labels, titles, digests)


def _filed(part: Path, kind: str, rows: Sequence[Row]) -> Uploaded:
    """Turn the temporary folder into the set, in one step; where it is there already, that one stays."""
    for number, row in enumerate(rows):
        os.rename(part / f"{row.file}.part", part / f"{number}.png")
    data = _list_of(kind, rows)
    (part / LIST).write_bytes(data)
    name = _name_of(data)
    folder = part.with_name(name.removeprefix(PREFIX))
    with alone(part.with_name(".lock")):
        if folder.exists() and not _alike(folder, part):
            os.rename(folder, part / "damaged")  # goes with the temporary folder, if the next step fails
            shutil.rmtree(part / "damaged", ignore_errors=True)
        if not folder.exists():
            os.rename(part, folder)
        os.utime(folder)
        _trim(folder)
    return _from_list(name, data)


def _alike(one: Path, other: Path) -> bool:
    """Whether two folders hold the same files."""
    names = sorted(os.listdir(other))
    if sorted(os.listdir(one)) != names:
        return False
    return filecmp.cmpfiles(one, other, names, shallow=False)[0] == names


def _trim(newest: Path) -> None:
    """Remove the least recently used sets until all take at most `AREA_BYTES`, and what processes that died left."""
    sets: list[tuple[float, int, Path]] = []
    for path in newest.parent.iterdir():
        with contextlib.suppress(OSError):  # another process may have removed it
            used = path.lstat().st_mtime
            if is_name(PREFIX + path.name):
                sets.append((used, sum(file.stat().st_size for file in os.scandir(path)), path))
            elif path.name.startswith(PART) and used < time.time() - STALE_SECONDS:
                shutil.rmtree(path, ignore_errors=True)
    whole = sum(size for _, size, _ in sets)
    for _, size, path in sorted(sets):
        if whole <= AREA_BYTES:
            return
        if path != newest:
            shutil.rmtree(path, ignore_errors=True)
            whole -= size


@contextlib.contextmanager
def _temporary() -> Iterator[Path]:
    """A folder of its own in the area, gone afterwards unless it was renamed."""
    area().mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=PART, dir=area()))
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Failures of the disk as one sentence. It names no path: visitors read it."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason, remedy = "the disk of this installation is full", "free some space"
        else:
            reason = f"the disk says {(error.strerror or type(error).__name__).lower()!r}"
            remedy = "set INVLAB_HOME to a directory that can be written"
        raise PictureError(f"The pictures could not be kept: {reason}; {remedy}, then upload them again.") from error
