"""Weights from a file that somebody brought along: every file is suspect until the last value has been looked at.

safetensors, and torch's own `.pt` through weights-only loading. What a file *says* it holds is read and compared with
the network before a single tensor is made (for a `.pt` see `invlab.pickled`), so a file can ask for no more memory than
its own size; then it is loaded, and every value looked at. What was received is kept, written anew as safetensors,
under the SHA-256 of those bytes.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import math
import os
import re
import struct
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from invlab import pickled
from invlab.architectures import facts, is_lab
from invlab.files import StoreError, explained, locked, replace_file, sha256
from invlab.pickled import SIZES, PickledError, Stored
from invlab.store import home

if TYPE_CHECKING:
    import torch

    from invlab.networks import Network
else:
    from invlab.lazy import torch

MIB = 2**20
UPLOAD_BYTES = 256 * MIB  # of an uploaded file: ResNet-152 has 230
FILE_BYTES = 1024 * MIB  # of a file named on the command line: VGG-19 has 548
KEPT_BYTES = 2048 * MIB  # of all that were received; the longest unused are removed
HEADER_BYTES = 16 * MIB  # of a safetensors file's table, or a pickle without its numbers
MOST_TENSORS = 20_000
MOST_CLASSES = 100_000
NAMED = 3  # names in a sentence
STALE_SECONDS = 3600.0
LIMITS = (
    f"safetensors, or .pt/.pth of a state_dict; at most {UPLOAD_BYTES // MIB} MiB. A .pt file is read with "
    "weights-only loading: nothing in it is run."
)
DIGEST = re.compile(r"[0-9a-f]{64}")
LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # what torch.save wrote before 1.6 begins with
WRAPPERS = ("state_dict", "model_state_dict", "model")
PREFIXES = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile
COUNTER = "num_batches_tracked"  # older files lack it, and evaluation does not need it
DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
FLOATS = ("float64", "float32", "float16", "bfloat16")
# DenseNet's layers were once called norm.1 and conv.2 where they are norm1 and conv2 now.
OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)")

Report = Callable[[dict[str, Any]], None]


class WeightsError(ValueError):
    """A file of weights that cannot be used; its text is one sentence to show to the person."""

    private = True  # it may name a person's file: logs leave it out


@dataclass(frozen=True)
class Entry:
    """What a file says of one tensor."""

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Declared:
    """What a file says it holds: its tensors by name, and how to load them once that is in order."""

    entries: dict[str, Entry]
    load: Callable[[], Mapping[str, torch.Tensor]]


@dataclass(frozen=True)
class Needs:
    """What a network needs: its tensors' shapes by name, which of them are the head's, and the head's width."""

    shapes: dict[str, tuple[int, ...]]
    head: tuple[str, str]
    width: int


# -------------------------------------------------------------------------------------------------------- using weights


def received_network(network: str, digest: str) -> Network:
    """The network `network` (a row of `ARCHITECTURES`) with weights that were received before.

    Raises WeightsError where they are gone or belong to another network.
    """
    path = received(digest)
    with explained_reading(path), path.open("rb") as file:
        data = file.read(FILE_BYTES + HEADER_BYTES)
    if sha256(data) != digest:
        path.unlink(missing_ok=True)
        raise WeightsError("the received weights are damaged and were removed: give the file again")
    return with_tensors(network, *fitted(network, "the received weights", io.BytesIO(data), len(data)))


def with_tensors(network: str, tensors: Mapping[str, torch.Tensor], classes: int) -> Network:
    """The network with these tensors, by the names of `needs`."""
    from invlab.imagenet import bare

    made = bare(network, classes)
    own = getattr(made, "body", made) if not is_lab(network) else made
    own.load_state_dict(dict(tensors), strict=False)  # `fitted` has compared names and shapes
    return made.eval()


def fitted(network: str, name: str, file: IO[bytes], size: int) -> tuple[dict[str, torch.Tensor], int]:
    """The tensors of a file, float32 by the network's own names, and the number of classes of its head.

    A file without the head (a backbone) is as good: nothing here reads it; its classes count as 1.
    """
    declared = declare(file, name, size)
    names, classes = compared(network, declared.entries, name)
    loaded = declared.load()
    return checked({own: loaded[theirs] for own, theirs in names.items()}, name), classes


@functools.lru_cache(maxsize=8)
def needs(network: str) -> Needs:
    """The tensors of a network; its head made for one class."""
    from invlab.imagenet import bare

    made = bare(network, 1)
    own = made if is_lab(network) else getattr(made, "body", made)
    head = next(name for name, module in own.named_modules() if module is made.head)
    shapes = {name: tuple(tensor.shape) for name, tensor in own.state_dict().items()}
    return Needs(shapes, (f"{head}.weight", f"{head}.bias"), made.width)


def compared(network: str, entries: Mapping[str, Entry], name: str) -> tuple[dict[str, str], int]:
    """The file's name for each tensor of the network, and the classes of its head. Raises WeightsError."""
    wanted = needs(network)
    theirs = {OLD_DENSENET.sub(r"\1\2", key) if "densenet" in network else key: key for key in entries}
    missing = [key for key in wanted.shapes if key not in theirs and not key.endswith(COUNTER)]
    headless = set(wanted.head) <= set(missing)
    missing = [key for key in missing if not (headless and key in wanted.head)]
    if missing:
        raise WeightsError(
            f"{name}: {count(missing, 'tensor')} of {network} {are(missing)} missing ({few(missing)}); choose the "
            "network that these weights belong to."
        )
    if extra := [theirs[key] for key in theirs if key not in wanted.shapes]:
        raise WeightsError(
            f"{name}: {network} has no place for {count(extra, 'tensor')} of the file ({few(extra)}); choose the "
            "network that these weights belong to."
        )
    for key, shape in wanted.shapes.items():
        if key in theirs and key not in wanted.head and entries[theirs[key]].shape != shape:
            raise WeightsError(
                f"{name}: {theirs[key]} has the shape {sides(entries[theirs[key]].shape)}, {network} needs "
                f"{sides(shape)}; choose the network that these weights belong to."
            )
    classes = 1 if headless else _classes(network, {key: entries[theirs[key]] for key in wanted.head}, name)
    return {key: theirs[key] for key in wanted.shapes if key in theirs}, classes


def _classes(network: str, head: Mapping[str, Entry], name: str) -> int:
    """From the shapes of the head's weight and bias."""
    wanted = needs(network)
    weight, bias = (head[key].shape for key in wanted.head)
    classes = bias[0] if len(bias) == 1 else 0
    if not 1 <= classes <= MOST_CLASSES or weight != (classes, wanted.width):
        raise WeightsError(
            f"{name}: the head {wanted.head[0]} has the shape {sides(weight)} and its bias {sides(bias)}, {network} "
            f"needs classes × {wanted.width} and classes, 1 to {MOST_CLASSES:,}; save the whole network's weights."
        )
    return classes


def checked(tensors: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """The same as float32 on the CPU, counters as they are. Raises WeightsError for a value that is no number."""
    found = {}
    for key, tensor in tensors.items():
        if not tensor.is_floating_point():
            found[key] = tensor
            continue
        value = tensor.to(dtype=torch.float32, device="cpu")
        if not bool(torch.isfinite(value).all()):
            raise WeightsError(
                f"{name}: {shown(key)} holds a value that is no finite number (NaN or infinity); save the weights of a "
                "training that went well."
            )
        found[key] = value
    return found


# ------------------------------------------------------------------------------------------------ receiving and keeping


def receive_weights(data: bytes, filename: str, network: str | None = None) -> str:
    """Keep an uploaded file of weights; returns the digest that names them from now on.

    network: compare them with this network first. Raises WeightsError (one sentence) for a file that cannot be used.
    """
    name = shown(Path(filename.replace("\\", "/")).name or "the file")
    if len(data) > UPLOAD_BYTES:
        raise WeightsError(_too_large(name, len(data), UPLOAD_BYTES))
    return _receive(io.BytesIO(data), name, len(data), network)


def receive_file(path: str | Path, network: str | None = None) -> str:
    """As `receive_weights`, of a file on this machine's disk."""
    path = Path(path).expanduser()
    name = shown(path.name)
    with explained_reading(path):
        if not path.is_file():
            raise WeightsError(f"{shown(str(path))}: there is no such file; give the path of a file of weights.")
        if (size := path.stat().st_size) > FILE_BYTES:
            raise WeightsError(_too_large(name, size, FILE_BYTES))
        with path.open("rb") as file:
            return _receive(file, name, size, network)


def _receive(file: IO[bytes], name: str, size: int, network: str | None) -> str:
    import safetensors.torch

    if network is None:
        declared = declare(file, name, size)
        tensors = checked(_chosen(declared), name)
    else:
        tensors, _ = fitted(network, name, file, size)
    data = safetensors.torch.save({key: tensor.contiguous().clone() for key, tensor in tensors.items()})
    digest = sha256(data)
    folder = uploads()
    try:
        with explained("the weights", folder), locked(folder / ".lock"):
            if not (folder / f"{digest}.safetensors").exists():
                trim(KEPT_BYTES - len(data))
                replace_file(folder / f"{digest}.safetensors", data)
            os.utime(folder / f"{digest}.safetensors")
    except StoreError as error:
        raise WeightsError(f"{name}: {error}.") from error
    return digest


def _chosen(declared: Declared) -> dict[str, torch.Tensor]:
    loaded = declared.load()
    return {key: loaded[key] for key in declared.entries}


def uploads() -> Path:
    """Where received weights lie."""
    return home() / "uploads" / "weights"


def received(digest: str) -> Path:
    """The file of that digest, marked as used now. Raises WeightsError where there is none."""
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise WeightsError(f"weights {shown(str(digest))!r}: give the 64 digits that receiving them returned")
    path = uploads() / f"{digest}.safetensors"
    try:
        os.utime(path)
    except OSError as error:
        raise WeightsError(
            f"the weights {digest[:8]}… are not here any more (only the latest {KEPT_BYTES // MIB:,} MiB are kept): "
            "give the file again"
        ) from error
    return path


def trim(limit: int) -> list[str]:
    """Remove received weights, the longest unused first, until `limit` bytes are left; returns their digests."""
    entries = []
    for path in uploads().glob("*"):
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            if path.suffix == ".tmp" and time.time() - stat.st_mtime > STALE_SECONDS:
                path.unlink()
            elif path.suffix == ".safetensors" and DIGEST.fullmatch(path.stem):
                entries.append((stat.st_mtime_ns, stat.st_size, path))
    total, gone = sum(size for _, size, _ in entries), []
    for _, size, path in sorted(entries):
        if total <= limit:
            break
        path.unlink(missing_ok=True)
        total -= size
        gone.append(path.stem)
    return gone


# ---------------------------------------------------------------------------------------------------- torchvision's own


def default_file(network: str) -> tuple[str, Path]:
    """Where torchvision's DEFAULT weights of a network come from, and where torch keeps them."""
    from torch import hub
    from torchvision.models import get_model_weights

    if is_lab(network):
        raise WeightsError(f"{network}: torchvision has no weights for it; choose `random` or a file.")
    url = get_model_weights(network).DEFAULT.url
    return url, Path(hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def default_here(network: str) -> bool:
    """Whether the DEFAULT weights have been fetched before. Imports torchvision."""
    return not is_lab(network) and default_file(network)[1].is_file()


def default_network(network: str, report: Report) -> Network:
    """The network with torchvision's DEFAULT weights, fetched where they are not here. Raises WeightsError."""
    from torchvision.models import get_model_weights

    url, path = default_file(network)
    size = facts(network).megabytes
    if not path.is_file():
        report({"stage": "download", "fraction": 0.0, "bytes": size * MIB})
    try:
        tensors = get_model_weights(network).DEFAULT.get_state_dict(
            progress=False, check_hash=True, map_location="cpu", weights_only=True
        )
    except Exception as error:  # the network's, the disk's, a wrong hash, whatever torch cannot read
        reason = getattr(error, "reason", None) or (str(error).splitlines() or [type(error).__name__])[0]
        raise WeightsError(
            f"torchvision's DEFAULT weights of {network} ({size} MiB) could not be fetched ({reason}): download {url} "
            f"elsewhere and give it as a file (--weights FILE), or put it at {path}"
        ) from error
    entries = {
        key: Entry(str(value.dtype).removeprefix("torch."), tuple(value.shape)) for key, value in tensors.items()
    }
    names, classes = compared(network, entries, path.name)
    return with_tensors(network, checked({own: tensors[key] for own, key in names.items()}, path.name), classes)


# -------------------------------------------------------------------------------------------- what a file says it holds


def declare(file: IO[bytes], name: str, size: int) -> Declared:
    """What the file (of `size` bytes) says it holds, checked against its own size. Raises WeightsError."""
    file.seek(0)
    head = file.read(264)
    file.seek(0)
    if not size:
        raise WeightsError(f"{name}: the file is empty; save the weights again.")
    if head.startswith(b"PK\x03\x04"):
        return _zipped(file, name, size)
    if head.startswith(LEGACY):
        return _legacy(file, name, size)
    if head[257:262] == b"ustar":
        raise WeightsError(f"{name}: this is a tar archive, which torch wrote before 2018; load it and save it again.")
    if len(head) > 8 and head[8:9] == b"{":
        return _safetensors(file, name, size)
    raise WeightsError(
        f"{name}: this is neither safetensors nor a .pt file of torch, or its beginning is damaged; save "
        "model.state_dict() as one of them."
    )


def _safetensors(file: IO[bytes], name: str, size: int) -> Declared:
    """The table at the head of a safetensors file: for each tensor its type, its shape and where its bytes lie."""
    (length,) = struct.unpack("<Q", file.read(8))
    if not 2 <= length <= min(HEADER_BYTES, size - 8):
        raise _damaged(name, f"its table of {length:,} bytes does not fit into it")
    try:
        table = json.loads(file.read(length))
    except (ValueError, RecursionError) as error:
        raise _damaged(name, "its table is no JSON") from error
    if not isinstance(table, dict):
        raise _damaged(name, "its table has no names")
    table.pop("__metadata__", None)
    entries, ends = {}, []
    for key, described in table.items():
        entry, first, last = _described(key, described, name)
        if not 0 <= first <= last <= size - 8 - length:
            raise _damaged(name, f"{shown(key)} lies outside of it")
        if last - first != math.prod(entry.shape) * SIZES[entry.dtype]:
            raise _damaged(name, f"{shown(key)} has not the bytes that its shape {sides(entry.shape)} needs")
        entries[key] = entry
        ends.append((first, last))
    if any(later < end for (_, end), (later, _) in zip(sorted(ends), sorted(ends)[1:], strict=False)):
        raise _damaged(name, "its tensors overlap")
    return Declared(*_plain_names(entries, name, lambda: _load_safetensors(file, name, size)))


def _described(key: str, described: Any, name: str) -> tuple[Entry, int, int]:
    """One row of the table: the entry, and its first and last byte."""
    try:
        kind, shape, (first, last) = described["dtype"], tuple(described["shape"]), described["data_offsets"]
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(name, f"its table says nothing sensible of {shown(key)}") from error
    if kind not in DTYPES:
        raise WeightsError(f"{name}: {shown(key)} is of the type {shown(str(kind))}; save it as float32.")
    numbers = (*shape, first, last)
    if not all(isinstance(n, int) and not isinstance(n, bool) and 0 <= n < 2**62 for n in numbers):
        raise _damaged(name, f"its table says nothing sensible of {shown(key)}")
    return Entry(DTYPES[kind], shape), first, last


def _load_safetensors(file: IO[bytes], name: str, size: int) -> dict[str, torch.Tensor]:
    import safetensors
    import safetensors.torch

    file.seek(0)
    try:
        return safetensors.torch.load(file.read(size))
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError, OverflowError) as error:
        raise _damaged(name, "safetensors cannot read it") from error


def _zipped(file: IO[bytes], name: str, size: int) -> Declared:
    """torch's present format: a ZIP archive, nothing in it compressed, with a pickle and a file for each storage."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            root, stored = _members(members, name, size)
            pickle = archive.read(f"{root}/data.pkl")
    except (zipfile.BadZipFile, zipfile.LargeZipFile, OSError, ValueError, NotImplementedError, EOFError,
            RuntimeError, struct.error) as error:  # fmt: skip
        if isinstance(error, WeightsError):
            raise
        raise _damaged(name, "its archive cannot be read") from error
    found = _pickled(io.BytesIO(pickle), name)
    return _from_pickle(file, found, lambda key: stored.get(f"{root}/data/{key}"), name)


def _members(members: list[zipfile.ZipInfo], name: str, size: int) -> tuple[str, dict[str, int]]:
    """The folder in a checked archive, and the bytes of each file in it by its name."""
    if len(members) > MOST_TENSORS:
        raise WeightsError(
            f"{name}: the archive holds more than {MOST_TENSORS:,} files; save a network's weights alone."
        )
    if any(member.filename.endswith("/constants.pkl") for member in members):
        raise WeightsError(f"{name}: this is a TorchScript program, not weights; save model.state_dict().")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise WeightsError(f"{name}: the archive is compressed, which torch never does; save with torch.save.")
        if member.flag_bits & 1:
            raise WeightsError(f"{name}: the archive is encrypted; save it without a password.")
        if member.filename.startswith(("/", "\\")) or ".." in member.filename.split("/"):
            raise WeightsError(f"{name}: the archive names a place outside of itself; save with torch.save.")
    stored = {member.filename: member.file_size for member in members}
    if sum(member.file_size for member in members) > size or len(stored) != len(members):
        raise _damaged(name, "its archive claims more than the file holds")
    roots = [key.removesuffix("/data.pkl") for key in stored if key.endswith("/data.pkl") and key.count("/") == 1]
    if len(roots) != 1:
        raise WeightsError(f"{name}: this archive was not written by torch.save; save model.state_dict() with it.")
    if stored[f"{roots[0]}/data.pkl"] > HEADER_BYTES:
        raise WeightsError(f"{name}: its list of tensors is larger than {HEADER_BYTES // MIB} MiB; save weights alone.")
    return roots[0], stored


def _legacy(file: IO[bytes], name: str, size: int) -> Declared:
    """torch's format before 1.6: five pickles (mark, version, machine, object, keys), then each storage's numbers."""
    file.seek(0)
    found = [_pickled(file, name) for _ in range(5)]
    keys, places = found[4], _storages(found[3])
    if not isinstance(keys, list) or len(keys) > MOST_TENSORS or not all(isinstance(key, str) for key in keys):
        raise _damaged(name, "its list of storages is none")
    stored = {}
    for key in keys:
        raw = file.read(8)
        if len(raw) < 8 or key not in places:
            raise _damaged(name, "it ends before its last number")
        stored[key] = struct.unpack("<q", raw)[0] * SIZES[places[key]]
        if stored[key] < 0 or file.tell() + stored[key] > size:
            raise _damaged(name, "it ends before its last number")
        file.seek(stored[key], os.SEEK_CUR)
    return _from_pickle(file, found[3], stored.get, name)


def _storages(value: Any) -> dict[str, str]:
    """The type of each storage that a value's tensors refer to."""
    found, todo, seen = {}, [value], set()
    while todo:
        one = todo.pop()
        if isinstance(one, Stored):
            found[one.storage.key] = one.storage.dtype
        elif isinstance(one, dict | list | tuple) and id(one) not in seen:
            seen.add(id(one))  # a pickle can hold a list that holds itself
            todo.extend(one.values() if isinstance(one, dict) else one)
    return found


def _pickled(stream: IO[bytes], name: str) -> Any:
    try:
        return pickled.read(stream)
    except PickledError as error:
        raise WeightsError(f"{name}: {error}.") from error


def _from_pickle(file: IO[bytes], whole: Any, bytes_of: Callable[[str], int | None], name: str) -> Declared:
    """The tensors of a pickle, each compared with the storage that it is a view of."""
    path = _unwrapped(whole, name)
    held = functools.reduce(lambda value, key: value[key], path, whole)
    entries = {}
    for key, value in held.items():
        if not isinstance(value, Stored):
            raise WeightsError(
                f"{name}: {shown(str(key))} is no tensor but {_kind(value)}; save model.state_dict() alone."
            )
        there = bytes_of(value.storage.key)
        if there is None or there != value.storage.bytes or value.reach > value.storage.count:
            raise _damaged(name, f"{shown(str(key))} needs numbers that are not in it")
        if any(step == 0 and n > 1 for n, step in zip(value.shape, value.stride, strict=True)):
            raise WeightsError(
                f"{name}: {shown(str(key))} repeats one number over a side (expanded); save tensor.contiguous()."
            )
        entries[str(key)] = Entry(value.storage.dtype, value.shape)
    _check_storages(whole, bytes_of, name)

    def load() -> Mapping[str, torch.Tensor]:
        loaded = functools.reduce(lambda value, key: value[key], path, _load_torch(file, name))
        return {str(key): tensor for key, tensor in loaded.items()}

    return Declared(*_plain_names(entries, name, load))


def _check_storages(whole: Any, bytes_of: Callable[[str], int | None], name: str) -> None:
    """Also those that are not weights (an optimiser's, say) are loaded: they too must be in the file."""
    for key in _storages(whole):
        if bytes_of(key) is None:
            raise _damaged(name, "it needs numbers that are not in it")


def _unwrapped(whole: Any, name: str) -> list[str]:
    """The way from the object in a file to its state_dict: nothing, or one of the usual names."""
    if isinstance(whole, dict) and whole and not any(isinstance(value, Stored) for value in whole.values()):
        for key in WRAPPERS:
            if isinstance(whole.get(key), dict):
                return [key]
    if isinstance(whole, dict):
        return []
    raise WeightsError(f"{name}: it holds {_kind(whole)}, no dictionary of tensors; save model.state_dict().")


def _load_torch(file: IO[bytes], name: str) -> Any:
    file.seek(0)
    try:
        return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever torch finds wrong with a damaged file
        raise _damaged(name, "torch cannot read it") from error


def _plain_names(
    entries: dict[str, Entry], name: str, load: Callable[[], Mapping[str, torch.Tensor]]
) -> tuple[dict[str, Entry], Callable[[], Mapping[str, torch.Tensor]]]:
    """Without the prefix that all names may share, and loading that does the same."""
    if not entries:
        raise WeightsError(f"{name}: it holds no tensors; save model.state_dict().")
    if len(entries) > MOST_TENSORS:
        raise WeightsError(f"{name}: it holds more than {MOST_TENSORS:,} tensors; save one network's weights.")
    for key, entry in entries.items():
        if entry.dtype not in FLOATS and not key.endswith(COUNTER):
            raise WeightsError(f"{name}: {shown(key)} is of the type {entry.dtype}, no weight; save it as float32.")
    cut = 0
    for prefix in PREFIXES * 2:  # each may be around the other
        if all(key[cut:].startswith(prefix) for key in entries):
            cut += len(prefix)
    if not cut:
        return entries, load
    return {key[cut:]: entry for key, entry in entries.items()}, lambda: {k[cut:]: v for k, v in load().items()}


# ------------------------------------------------------------------------------------------------------------ sentences


def _damaged(name: str, how: str) -> WeightsError:
    return WeightsError(f"{name}: the file is damaged or was tampered with ({how}); save the weights again.")


def _too_large(name: str, size: int, limit: int) -> str:
    return f"{name}: the file has {size / MIB:,.0f} MiB, at most {limit // MIB:,} are read; give a smaller network."


def _kind(value: Any) -> str:
    words = {str: "text", int: "a number", float: "a number", bool: "a switch", dict: "a dictionary", list: "a list",
             tuple: "a list", type(None): "nothing", Stored: "a single tensor"}  # fmt: skip
    return words.get(type(value), type(value).__name__)


def shown(text: str, most: int = 80) -> str:
    """A name from a file or a visitor, short and printable."""
    plain = "".join(c if c.isprintable() else "�" for c in text)
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def few(names: Iterable[str]) -> str:
    every = [shown(name) for name in names]
    return ", ".join(every[:NAMED]) + (", …" if len(every) > NAMED else "")


def count(names: list[str], what: str) -> str:
    return f"{len(names):,} {what}{'s' if len(names) != 1 else ''}"


def are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def sides(shape: tuple[int, ...]) -> str:
    return " × ".join(f"{n:,}" for n in shape[:8]) + (" × …" if len(shape) > 8 else "") if shape else "of one number"


@contextlib.contextmanager
def explained_reading(path: Path) -> Any:
    """Failures to read a file as one sentence."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise WeightsError(
            f"{shown(path.name)}: the file cannot be read ({reason}); check its name and access."
        ) from error
