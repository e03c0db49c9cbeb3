"""Weights from a file: every usual form is read, and every unusable file gets one sentence and nothing else."""

from __future__ import annotations

import argparse
import collections
import copy
import gzip
import io
import json
import os
import pickle
import resource
import struct
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from invlab import pickled, weights
from invlab.architectures import ARCHITECTURES
from invlab.imagenet import bare, untrained
from invlab.networks import build
from invlab.weights import WeightsError, receive_file, receive_weights, received_network

NETWORK = "labnet"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for each test."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def state(classes: int = 4, network: str = NETWORK) -> dict[str, torch.Tensor]:
    return dict(build(network, classes, torch.Generator().manual_seed(1)).state_dict())


FIRST = "stem.weight"


def with_value(name: str, value: Any) -> dict[str, Any]:
    return {**state(), name: value}


# ------------------------------------------------------------------------------------------------------- writing files


def tensors(found: dict[str, torch.Tensor]) -> bytes:
    return safetensors.torch.save({k: v.contiguous().clone() for k, v in found.items()})


def saved(found: Any, **options: Any) -> bytes:
    out = io.BytesIO()
    torch.save(found, out, **options)
    return out.getvalue()


def legacy(found: Any) -> bytes:
    return saved(found, _use_new_zipfile_serialization=False)


def table(header: Any, body: bytes = b"") -> bytes:
    """A safetensors file with a header of one's own."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def row(dtype: str = "F32", shape: Any = (2,), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": list(offsets)}


def archive(
    data: bytes, files: dict[str, bytes] | None = None, how: int = zipfile.ZIP_STORED, root: str = "m"
) -> bytes:
    """An archive as torch writes it, around a pickle of one's own."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as file:
        file.writestr(f"{root}/data.pkl", data)
        file.writestr(f"{root}/version", b"3\n")
        for name, content in (files or {}).items():
            file.writestr(name, content)
    return out.getvalue()


class Call:
    """Something that pickles as a call."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.how = function, arguments

    def __reduce__(self) -> Any:
        return self.how


class Pickler(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Writes `Refer` as the persistent id of a storage."""

    def persistent_id(self, value: Any) -> Any:
        return value.id if isinstance(value, Refer) else None


class Refer:
    def __init__(self, count: int, key: str = "0", kind: Any = torch.FloatStorage, what: str = "storage") -> None:
        self.id = (what, kind, key, "cpu", count)


def dumped(value: Any) -> bytes:
    out = io.BytesIO()
    Pickler(out, 2).dump(value)
    return out.getvalue()


def tensor(count: Any, offset: Any, shape: Any, stride: Any, key: str = "0", **more: Any) -> Call:
    return Call(
        torch._utils._rebuild_tensor_v2, Refer(count, key, **more), offset, shape, stride, False,
        collections.OrderedDict(),
    )  # fmt: skip


def one(value: Any, body: bytes = b"\0" * 16) -> bytes:
    """A .pt file with the one entry `stem.weight`, and a storage of 16 bytes."""
    return archive(dumped({FIRST: value}), {"m/data/0": body})


def patched(data: bytes, change: Callable[[bytearray], Any]) -> bytes:
    found = bytearray(data)
    change(found)
    return bytes(found)


def flagged(data: bytearray) -> None:
    """Set the bit that says 'encrypted' in the central directory."""
    place = data.index(b"PK\x01\x02")
    data[place + 8] |= 1


def enlarged(data: bytearray) -> None:
    """Let the last file of the central directory claim 4 GB."""
    place = data.rindex(b"PK\x01\x02")
    data[place + 20 : place + 28] = struct.pack("<II", 0xF0000000, 0xF0000000)


def twice(name: str) -> bytes:
    out = io.BytesIO(archive(dumped({FIRST: 1})))
    with zipfile.ZipFile(out, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr(name, b"x")
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        info = tarfile.TarInfo("storages")
        info.size = 3
        file.addfile(info, io.BytesIO(b"abc"))
    return out.getvalue()


def circle() -> Any:
    found: list[Any] = []
    found.append(found)
    return {FIRST: found}


def npz() -> bytes:
    out = io.BytesIO()
    np.savez(out, a=np.zeros(3))
    return out.getvalue()


def scripted() -> bytes:
    out = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), out)
    return out.getvalue()


def lying_legacy() -> bytes:
    """The old format, whose storage says that it is longer than the file."""
    data = legacy({FIRST: torch.zeros(4)})
    return data[:-24] + struct.pack("<q", 2**40) + data[-16:]


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


MARK = Path(tempfile.gettempdir()) / f"invlab-was-here-{os.getpid()}"
EVIL = Call(os.system, f"touch {MARK}")
SPARSE = torch.eye(3).to_sparse()
BIG = b"\x80\x02}" + b"X" + struct.pack("<I", 17 * 2**20) + b"a" * 17 * 2**20 + b"K\x01s."

# What is wrong with the file, the file, and a part of the sentence.
BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    # no file of weights at all
    "empty": (lambda: b"", "the file is empty"),
    "one byte": (lambda: b"\x80", "neither safetensors nor"),
    "noise": (lambda: np.random.default_rng(1).bytes(4000), "neither safetensors nor"),
    "text": (lambda: b"weights of a network\n" * 40, "neither safetensors nor"),
    "a web page": (lambda: b"<!doctype html><title>404</title>", "neither safetensors nor"),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 400, "neither safetensors nor"),
    "gzip": (lambda: gzip.compress(tensors(state())), "neither safetensors nor"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + b"\0" * 400, "neither safetensors nor"),
    "a numpy array": (lambda: b"\x93NUMPY\x01\0" + b"\0" * 400, "neither safetensors nor"),
    "numpy arrays": (npz, "was not written by torch.save"),
    "a pickle of numbers": (lambda: pickle.dumps({"a": 1}), "neither safetensors nor"),
    "a pickle that runs a command": (lambda: pickle.dumps(EVIL), "neither safetensors nor"),
    "an empty archive": (lambda: b"PK\x05\x06" + b"\0" * 18, "neither safetensors nor"),
    "a tar archive": (tarred, "tar archive"),
    "TorchScript": (scripted, "TorchScript"),
    # safetensors
    "a table longer than the file": (lambda: struct.pack("<Q", 9999) + b"{}", "does not fit into it"),
    "a table of 2⁶³ bytes": (lambda: struct.pack("<Q", 2**63) + b"{}", "does not fit into it"),
    "a table of no bytes": (lambda: struct.pack("<Q", 0) + b"{}", "does not fit into it"),
    "no JSON": (lambda: table(b"{'a': 1}"), "no JSON"),
    "no UTF-8": (lambda: table(b'{"\xff\xfe": 1}'), "no JSON"),
    "deep JSON": (lambda: table(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "no JSON"),
    "an empty table": (lambda: table({}), "holds no tensors"),
    "a table of notes": (lambda: table({"__metadata__": {"a": "b"}}), "holds no tensors"),
    "a row that is a list": (lambda: table({"a": [1, 2]}), "nothing sensible"),
    "a row without a type": (lambda: table({"a": {"shape": [1], "data_offsets": [0, 4]}}), "nothing sensible"),
    "a negative side": (lambda: table({"a": row(shape=(-2,))}, b"\0" * 8), "nothing sensible"),
    "a side that is no number": (lambda: table({"a": row(shape=("2",))}, b"\0" * 8), "nothing sensible"),
    "half a side": (lambda: table({"a": row(shape=(0.5,))}, b"\0" * 8), "nothing sensible"),
    "three offsets": (lambda: table({"a": row(offsets=(0, 8, 16))}, b"\0" * 16), "nothing sensible"),
    "offsets outside": (lambda: table({"a": row(offsets=(0, 800))}, b"\0" * 8), "lies outside"),
    "offsets reversed": (lambda: table({"a": row(offsets=(8, 0))}, b"\0" * 8), "lies outside"),
    "2⁶⁰ numbers in 8 bytes": (lambda: table({"a": row(shape=(2**30, 2**30))}, b"\0" * 8), "has not the bytes"),
    "too few bytes": (lambda: table({"a": row(shape=(3,))}, b"\0" * 8), "has not the bytes"),
    "overlapping": (lambda: table({"a": row(), "b": row(offsets=(4, 12))}, b"\0" * 12), "overlap"),
    "bytes to spare": (lambda: tensors(state()) + b"\0" * 64, "safetensors cannot read it"),
    "cut in half": (lambda: cut(tensors(state()), 0.5), "lies outside"),
    "one byte short": (lambda: tensors(state())[:-1], "lies outside"),
    "eight bits": (lambda: table({"a": row("F8_E4M3", (8,))}, b"\0" * 8), "of the type F8_E4M3"),
    "complex": (lambda: table({"a": row("C64", (1,))}, b"\0" * 8), "of the type C64"),
    "whole numbers": (lambda: tensors(with_value(FIRST, torch.zeros(32, 3, 3, 3, dtype=torch.int64))), "int64"),
    "bytes for weights": (lambda: tensors({k: v.to(torch.uint8) for k, v in state().items()}), "uint8"),
    "no number": (lambda: tensors(with_value(FIRST, torch.full((32, 3, 3, 3), float("nan")))), "NaN or infinity"),
    "one NaN": (lambda: tensors(with_value("head.bias", torch.tensor([0, 0, float("nan"), 0]))), "NaN or infinity"),
    "infinite": (lambda: tensors(with_value("norm.running_var", torch.full((32,), float("inf")))), "NaN or infinity"),
    "beyond float32": (
        lambda: tensors(with_value("norm.bias", torch.full((32,), -1e300, dtype=torch.float64))),
        "NaN or infinity",
    ),
    # of another network
    "another shape": (lambda: tensors(with_value(FIRST, torch.zeros(32, 3, 5, 5))), "32 × 3 × 5 × 5, labnet needs"),
    "another order of sides": (lambda: tensors(with_value(FIRST, torch.zeros(3, 32, 3, 3))), "has the shape 3 × 32"),
    "no sides": (lambda: tensors(with_value("norm.bias", torch.tensor(1.0))), "of one number"),
    "a side of nothing": (lambda: tensors(with_value(FIRST, torch.zeros(0, 3, 3, 3))), "has the shape 0 × 3"),
    "one missing": (lambda: tensors({k: v for k, v in state().items() if k != FIRST}), "1 tensor of labnet is missing"),
    "half of the head": (lambda: tensors({k: v for k, v in state().items() if k != "head.bias"}), "head.bias"),
    "one too many": (lambda: tensors(with_value("extra", torch.zeros(2))), "no place for 1 tensor"),
    "a name that is a script": (lambda: tensors(with_value("<script>alert(1)</script>", torch.zeros(2))), "no place"),
    "a name of 10,000 letters": (lambda: tensors(with_value("x" * 10_000, torch.zeros(2))), "no place"),
    "a name with a line break": (lambda: tensors(with_value("a\n\x1b[31mb", torch.zeros(2))), "no place"),
    "another network": (lambda: tensors(state(network="vgg11-small")), "missing"),
    "another network, .pt": (lambda: saved(state(network="resnet18-small")), "missing"),
    "no classes": (lambda: tensors(state() | {"head.weight": torch.zeros(0, 80), "head.bias": torch.zeros(0)}), "head"),
    "a wide head": (lambda: tensors(with_value("head.weight", torch.zeros(4, 81))), "the head head.weight has"),
    "two numbers of classes": (lambda: tensors(with_value("head.bias", torch.zeros(5))), "and its bias 5"),
    # archives
    "an archive in half": (lambda: cut(saved(state()), 0.5), "archive cannot be read"),
    "an archive without its end": (lambda: saved(state())[:-30], "archive cannot be read"),
    "compressed": (lambda: archive(dumped({FIRST: 1}), how=zipfile.ZIP_DEFLATED), "compressed"),
    "a bomb": (
        lambda: archive(dumped({FIRST: 1}), {"m/data/0": b"\0" * 50_000_000}, zipfile.ZIP_DEFLATED),
        "compressed",
    ),
    "encrypted": (lambda: patched(archive(dumped({FIRST: 1})), flagged), "encrypted"),
    "a size that lies": (lambda: patched(one(tensor(4, 0, (4,), (1,))), enlarged), "more than the file holds"),
    "a file twice": (lambda: twice("m/version"), "more than the file holds"),
    "a way out": (lambda: archive(dumped({FIRST: 1}), {"../../etc/passwd": b"x"}), "outside of itself"),
    "the root of the disk": (lambda: archive(dumped({FIRST: 1}), {"/etc/passwd": b"x"}), "outside of itself"),
    "two pickles": (lambda: archive(dumped({FIRST: 1}), {"n/data.pkl": b"x"}), "was not written by torch.save"),
    "another archive": (lambda: archive(b"", root="a/b/c"), "was not written by torch.save"),
    "a huge pickle": (lambda: archive(BIG), "larger than 16 MiB"),
    # pickles that are no state_dict
    "a command": (lambda: one(EVIL), "posix.system"),
    "eval": (lambda: one(Call(eval, "1")), "eval"),
    "8 GB of nothing": (lambda: one(Call(bytearray, 2**33)), "bytearray"),
    "a tensor of 2³³": (lambda: one(Call(torch.Tensor, 2**33)), "torch.Tensor"),
    "a whole network": (lambda: saved(torch.nn.Linear(2, 2)), "torch.nn.modules.linear.Linear"),
    "options": (lambda: saved({"state_dict": state(), "args": argparse.Namespace(a=1)}), "argparse.Namespace"),
    "sparse": (lambda: saved(with_value(FIRST, SPARSE)), "sparse tensors"),
    "quantized": (lambda: saved({FIRST: torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)}), "quantized"),
    "complex, .pt": (lambda: saved(with_value(FIRST, torch.zeros(2, dtype=torch.complex64))), "complex numbers"),
    "meta": (lambda: saved({FIRST: torch.zeros(2**40, device="meta")}), "tensors without values"),
    "expanded": (lambda: saved(with_value(FIRST, torch.zeros(1).expand(32, 3, 3, 3))), "expanded"),
    "text for a tensor": (lambda: saved(with_value(FIRST, "0.1, 0.2")), "no tensor but text"),
    "nothing for a tensor": (lambda: saved(with_value(FIRST, None)), "no tensor but nothing"),
    "a number for a tensor": (lambda: saved(with_value(FIRST, 3.5)), "no tensor but a number"),
    "dictionaries in dictionaries": (lambda: saved({"a": {"b": {"c": {"d": 1}}}}), "no tensor but a dictionary"),
    "a list of tensors": (lambda: saved(list(state().values())), "it holds a list"),
    "one tensor": (lambda: saved(torch.zeros(3)), "it holds a single tensor"),
    "a word": (lambda: saved("weights"), "it holds text"),
    "nothing": (lambda: saved(None), "it holds nothing"),
    "no tensors": (lambda: saved({}), "holds no tensors"),
    "keys that are lists": (lambda: archive(dumped({(1, 2): 1})), "keys are no names"),
    "a list in itself": (lambda: archive(dumped(circle())), "no tensor but a list"),
    "NaN, .pt": (lambda: saved(with_value(FIRST, torch.full((32, 3, 3, 3), float("nan")))), "NaN or infinity"),
    "another shape, .pt": (lambda: saved(with_value(FIRST, torch.zeros(2))), "has the shape 2, labnet needs"),
    # tensors that their storage does not hold
    "a storage that is not there": (lambda: one(tensor(4, 0, (4,), (1,), "7")), "numbers that are not in it"),
    "a storage that is shorter": (lambda: one(tensor(400, 0, (400,), (1,))), "numbers that are not in it"),
    "a view beyond its storage": (lambda: one(tensor(4, 0, (2**33,), (1,))), "numbers that are not in it"),
    "an offset beyond": (lambda: one(tensor(4, 2, (4,), (1,))), "numbers that are not in it"),
    "a stride beyond": (lambda: one(tensor(4, 0, (2,), (9,))), "numbers that are not in it"),
    "a negative offset": (lambda: one(tensor(4, -1, (4,), (1,))), "pickle is damaged"),
    "a negative stride": (lambda: one(tensor(4, 0, (4,), (-1,))), "pickle is damaged"),
    "sides without strides": (lambda: one(tensor(4, 0, (2, 2), (1,))), "pickle is damaged"),
    "a side that is text": (lambda: one(tensor(4, 0, ("4",), (1,))), "pickle is damaged"),
    "17 sides": (lambda: one(tensor(4, 0, (1,) * 17, (1,) * 17)), "pickle is damaged"),
    "2²⁰⁰ numbers": (lambda: one(tensor(2**200, 0, (4,), (1,))), "pickle is damaged"),
    "an id of something else": (lambda: one(tensor(4, 0, (4,), (1,), what="module")), "pickle is damaged"),
    "an optimiser without its numbers": (
        lambda: archive(
            dumped({"state_dict": {FIRST: tensor(4, 0, (4,), (1,))}, "o": [tensor(4, 0, (4,), (1,), "9")]}),
            {"m/data/0": b"\0" * 16},
        ),
        "numbers that are not in it",
    ),
    # broken pickles
    "no end": (lambda: archive(b"\x80\x02}"), "pickle is damaged"),
    "an empty pickle": (lambda: archive(b""), "pickle is damaged"),
    "nothing on the stack": (lambda: archive(b"\x80\x02."), "pickle is damaged"),
    "no mark": (lambda: archive(b"\x80\x02}u."), "pickle is damaged"),
    "nothing remembered": (lambda: archive(b"\x80\x02h\x05."), "pickle is damaged"),
    "a memo of 4 billion": (lambda: archive(b"\x80\x02}r\xff\xff\xff\xff."), "holds no tensors"),
    "a word of 4 GB": (lambda: archive(b"\x80\x02X\xff\xff\xff\xffab."), "pickle is damaged"),
    "a number of 2 GB": (lambda: archive(b"\x80\x02\x8b\xff\xff\xff\x7f\x01."), "pickle is damaged"),
    "a later protocol": (lambda: archive(pickle.dumps({FIRST: EVIL}, 4)), "STACK_GLOBAL"),
    "an extension": (lambda: archive(b"\x80\x02\x82\x01."), "pickle"),
    "an instance": (lambda: archive(b"(ios\nsystem\n."), "INST"),
    # the format before 1.6
    "old, a command": (lambda: legacy({FIRST: EVIL}), "posix.system"),
    "old, cut": (lambda: cut(legacy(state()), 0.7), "ends before its last number"),
    "old, without its last bytes": (lambda: legacy(state())[:-2], "ends before its last number"),
    "old, a length that lies": (lying_legacy, "ends before its last number"),
    "old, its beginning alone": (lambda: weights.LEGACY, "pickle is damaged"),
    "old, NaN": (lambda: legacy(with_value(FIRST, torch.full((32, 3, 3, 3), float("nan")))), "NaN or infinity"),
}


def refused(data: bytes, name: str, network: str | None = NETWORK) -> str:
    with pytest.raises(WeightsError) as raised:
        receive_weights(data, name, network)
    return str(raised.value)


@pytest.mark.parametrize("what", BAD)
def test_bad_files_get_one_sentence(what: str, place: Path) -> None:
    make, part = BAD[what]
    data = make()
    for name in ("weights.pt", "../../<b>weights</b>.safetensors"):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        told = refused(data, name)
        assert part in told
        assert told.startswith(("weights.pt: ", "weights.safetensors: ", "b>.safetensors: ", "b>weights"))
        assert told.endswith(".")
        assert "\n" not in told
        assert "\x1b" not in told
        assert len(told) < 420
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        assert grown < 4 * len(data) + 100 * 2**20
    assert not list(place.rglob("*.safetensors"))
    assert not MARK.exists()


def test_there_are_enough_bad_files() -> None:
    assert len(BAD) >= 60


@pytest.mark.parametrize("what", [what for what in BAD if "NaN" not in what])
def test_a_bad_file_without_a_network_is_no_fault_of_the_process(what: str) -> None:
    """What is only wrong for one network is kept; all else gets its sentence here too."""
    told = ""
    try:
        receive_weights(BAD[what][0](), "w.pt")
    except WeightsError as error:
        told = str(error)
    assert not told or told.startswith("w.pt: ")


# ------------------------------------------------------------------------------------------------------ what is read


def parallel(found: dict[str, Any]) -> dict[str, Any]:
    return {f"module.{name}": value for name, value in found.items()}


FORMS: dict[str, Callable[[dict[str, torch.Tensor]], bytes]] = {
    "safetensors": tensors,
    "pt": saved,
    "before 1.6": legacy,
    "a checkpoint": lambda s: saved({"epoch": 3, "state_dict": s, "optimizer": {"lr": 0.1, "s": {0: torch.ones(5)}}}),
    "an old checkpoint": lambda s: legacy({"model": s, "best": 0.7, "seen": [1, 2, (3, None, True)]}),
    "data parallel": lambda s: saved(parallel(s)),
    "data parallel, compiled": lambda s: tensors({f"_orig_mod.{k}": v for k, v in parallel(s).items()}),
    "double": lambda s: saved({k: v.double() if v.is_floating_point() else v for k, v in s.items()}),
    "parameters": lambda s: saved({k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in s.items()}),
    "without counters": lambda s: tensors({k: v for k, v in s.items() if not k.endswith("num_batches_tracked")}),
    "transposed in memory": lambda s: saved(
        {k: v.transpose(0, -1).contiguous().transpose(0, -1) if v.ndim > 1 else v for k, v in s.items()}
    ),
    "one storage for two": lambda s: saved(s | dict(zip(
        ("norm.weight", "norm.bias"), torch.stack([s["norm.weight"], s["norm.bias"]]).unbind(), strict=True))),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_usual_forms_give_the_same_network(form: str) -> None:
    found = state()
    digest = receive_weights(FORMS[form](found), "mine.pt", NETWORK)
    network = received_network(NETWORK, digest)
    again = network.state_dict()
    for name, value in found.items():
        torch.testing.assert_close(again[name].float(), value.float(), rtol=0, atol=0)
    assert network.head.out_features == 4
    assert not network.training


def test_the_same_weights_have_the_same_digest_and_are_kept_once(place: Path) -> None:
    found = {receive_weights(form(state()), "a.pt", NETWORK) for form in (tensors, saved, legacy)}
    assert len(found) == 1
    (file,) = (place / "uploads" / "weights").glob("*.safetensors")
    assert file.stem == found.pop() == weights.sha256(file.read_bytes())


def test_half_precision_is_read_as_float32() -> None:
    digest = receive_weights(
        tensors({k: v.half() if v.is_floating_point() else v for k, v in state().items()}), "h", NETWORK
    )
    network = received_network(NETWORK, digest)
    assert network.head.weight.dtype == torch.float32
    torch.testing.assert_close(network.head.weight, state()["head.weight"].half().float(), rtol=0, atol=0)


def test_torchvisions_names_and_a_head_of_any_width() -> None:
    network = untrained("mobilenet_v3_small", torch.Generator().manual_seed(2))
    found = dict(network.body.state_dict())
    found["classifier.3.weight"], found["classifier.3.bias"] = torch.zeros(5, 1024), torch.zeros(5)
    digest = receive_weights(saved(found), "five.pt", "mobilenet_v3_small")
    made = received_network("mobilenet_v3_small", digest)
    assert made.head.out_features == 5
    images = torch.rand(2, 3, 64, 64) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(made.features(images), network.features(images))
    headless = {k: v for k, v in found.items() if not k.startswith("classifier.3")}
    backbone = received_network(
        "mobilenet_v3_small", receive_weights(tensors(headless), "b.safetensors", "mobilenet_v3_small")
    )
    with torch.inference_mode():
        torch.testing.assert_close(backbone.features(images), network.features(images))


def test_densenets_old_names() -> None:
    network = bare("densenet121", 3)
    now = network.body.state_dict()
    old = {}
    for name, value in now.items():
        for layer in ("norm1", "norm2", "conv1", "conv2"):
            if "denselayer" in name:
                name = name.replace(f".{layer}.", f".{layer[:-1]}.{layer[-1]}.")
        old[name] = value
    assert old.keys() != now.keys()
    names, classes = weights.compared(
        "densenet121", {k: weights.Entry("float32", tuple(v.shape)) for k, v in old.items()}, "x"
    )
    assert classes == 3
    assert set(names) == set(now)


def test_every_network_says_what_it_needs() -> None:
    for name in ("resnet18", "resnet18-cifar", "vit-small", "vgg11"):
        assert name in ARCHITECTURES
        needs = weights.needs(name)
        assert set(needs.head) <= set(needs.shapes)
        assert needs.shapes[needs.head[0]] == (1, needs.width)


# ----------------------------------------------------------------------------------------------------------- keeping


def test_what_is_kept_longest_unused_goes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [receive_weights(tensors(state(classes)), "a", NETWORK) for classes in (2, 3)]
    folder = place / "uploads" / "weights"
    for age, digest in enumerate(made):
        os.utime(folder / f"{digest}.safetensors", (1000 + age, 1000 + age))
    received_network(NETWORK, made[0])  # used now: the other one is older
    size = (folder / f"{made[0]}.safetensors").stat().st_size
    monkeypatch.setattr(weights, "KEPT_BYTES", 2 * size + 2000)
    newest = receive_weights(tensors(state(4)), "b", NETWORK)
    assert {p.stem for p in folder.glob("*.safetensors")} == {made[0], newest}
    with pytest.raises(WeightsError, match=r"are not here any more .*give the file again"):
        received_network(NETWORK, made[1])
    stale = folder / ".x.tmp"
    stale.write_bytes(b"x")
    os.utime(stale, (time.time() - 7200,) * 2)
    weights.trim(2**40)
    assert not stale.exists()


@pytest.mark.parametrize("digest", ["", "x", "../" * 20, "A" * 64, "0" * 63, "0" * 64 + "\n", "0" * 65])
def test_only_a_digest_is_a_digest(digest: str) -> None:
    with pytest.raises(WeightsError):
        received_network(NETWORK, digest)


def test_a_file_that_was_changed_is_removed(place: Path) -> None:
    digest = receive_weights(tensors(state()), "a", NETWORK)
    path = place / "uploads" / "weights" / f"{digest}.safetensors"
    path.write_bytes(tensors(state(3)))
    with pytest.raises(WeightsError, match="damaged and were removed"):
        received_network(NETWORK, digest)
    assert not path.exists()


def test_weights_of_another_network_are_told_when_they_are_used() -> None:
    digest = receive_weights(tensors(state()), "a")
    with pytest.raises(WeightsError, match="choose the network that these weights belong to"):
        received_network("vgg11-small", digest)


def test_files_from_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(saved(state()))
    assert receive_file(path, NETWORK) == receive_weights(saved(state()), "x", NETWORK)
    for wrong, part in ((tmp_path / "none.pt", "there is no such file"), (tmp_path, "there is no such file")):
        with pytest.raises(WeightsError, match=part):
            receive_file(wrong, NETWORK)
    monkeypatch.setattr(weights, "FILE_BYTES", 1000)
    with pytest.raises(WeightsError, match=r"mine\.pt: the file has 1 MiB, at most 0 are read"):
        receive_file(path, NETWORK)
    monkeypatch.setattr(weights, "UPLOAD_BYTES", 1000)
    assert "are read" in refused(saved(state()), "mine.pt")


def test_a_full_disk_gets_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "replace_file", full)
    assert "the disk is full" in refused(tensors(state()), "a.pt")


# ------------------------------------------------------------------------------------------------- torchvision's own


def test_without_a_network_the_sentence_says_what_to_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*_: Any, **__: Any) -> None:
        raise OSError("no route to the server")

    monkeypatch.setattr(torch.hub, "download_url_to_file", no_network)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    points: list[dict[str, Any]] = []
    with pytest.raises(WeightsError) as raised:
        weights.default_network("resnet18", points.append)
    told = str(raised.value)
    for part in (
        "resnet18 (45 MiB)",
        "no route to the server",
        "resnet18-f37072fd.pth",
        "--weights FILE",
        str(tmp_path),
    ):
        assert part in told
    assert points == [{"stage": "download", "fraction": 0.0, "bytes": 45 * 2**20}]
    assert not weights.default_here("resnet18")


def test_default_weights_are_read_weights_only_and_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    _, path = weights.default_file("mobilenet_v3_small")
    path.parent.mkdir(parents=True)
    network = untrained("mobilenet_v3_small", torch.Generator().manual_seed(2))
    path.write_bytes(saved(dict(network.body.state_dict())))
    assert weights.default_here("mobilenet_v3_small")
    made = weights.default_network("mobilenet_v3_small", lambda point: None)
    assert torch.equal(made.head.weight, network.head.weight)
    path.write_bytes(saved({"a": EVIL}))
    with pytest.raises(WeightsError, match="could not be fetched"):
        weights.default_network("mobilenet_v3_small", lambda point: None)
    with pytest.raises(WeightsError, match="torchvision has no weights for it"):
        weights.default_file("labnet")


# ---------------------------------------------------------------------------------------------- reading without running


def test_the_reader_agrees_with_torch() -> None:
    found = {
        "a": torch.arange(12.0).view(3, 4)[:, 1:3],
        "b": {"c": torch.ones(2, dtype=torch.bfloat16)},
        "n": [1, 2.5, None],
    }
    data = saved(found)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        name = next(n for n in file.namelist() if n.endswith("data.pkl"))
        read = pickled.read(io.BytesIO(file.read(name)))
    assert read["a"].shape == (3, 2)
    assert read["a"].stride == (4, 1)
    assert (read["a"].offset, read["a"].reach, read["a"].storage.count) == (1, 11, 12)
    assert read["b"]["c"].storage.dtype == "bfloat16"
    assert read["n"] == [1, 2.5, None]
    assert copy.copy(read) == read


def test_instructions_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickled, "MOST_STEPS", 10)
    with pytest.raises(pickled.PickledError, match="more instructions"):
        pickled.read(io.BytesIO(pickle.dumps(list(range(100)), 2)))
