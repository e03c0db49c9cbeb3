"""What dominates the time on a CPU, compiled: the steps of rendering (`kernels.c`), all of them on an image before the
next, and labnet, learning and learned (`labnet.c`, reached through `labnet.py`).

`python -m invlab.compiled` builds them with the machine's C compiler, in a second or two (`make run` does it); where
there is none, or on a GPU, the same steps run in torch. Nobody waits for a compiler while something is shown or
computed: a process uses the library it finds when it first renders, to its end. The library lies beside its source, so
who could change it could change the code as well; its name holds a digest of the source, so a stale one is never used.
Pixels and gradients equal torch's to rounding; the pixels are the same in every batch.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

SOURCES = tuple(Path(__file__).with_name(name) for name in ("kernels.c", "labnet.c"))
FLAGS = ["-O3", "-shared", "-fPIC", "-fno-math-errno", "-fno-trapping-math"]
COMPILER_SECONDS = 120

# The steps of rendering, in the order of the numbers that `kernels.c` knows them by, and what each takes for N images.
STEPS = {
    "warp": ("float32",),  # (N, 2, 3): the upper rows of the output -> input maps
    "displace": ("float32", "int64"),  # (M, 2, S, S): shifts; (N,): which one, or -1 for none
    "h_flip": ("float32",),  # (N,) from here on, but where it says otherwise
    "v_flip": ("float32",),
    "hue": ("float32",),
    "brightness": ("float32",),
    "grayscale": ("float32",),
    "posterize": ("float32",),
    "invert": ("float32",),
    "sharpen": ("float32",),
    "smooth": ("float32",),  # (N, taps): an odd number of weights, at most 2S − 1
    "noise": ("float32", "int64"),  # the strength; the key
    "pixelate": ("int64",),  # how many cells are left on a side
    "erase": ("float32",),  # (N, 3): side, x and y, in pixels of the canvas
    "contrast": ("float32",),
    "paste": ("uint8",),  # (N, 3, S, S): what lies behind
    "paste_fresh": ("int64",),  # the keys of random pixels
}


class _Step(ctypes.Structure):
    """`step` of kernels.c."""

    _fields_ = (
        ("kind", ctypes.c_int64),
        ("taps", ctypes.c_int64),
        ("first", ctypes.c_void_p),
        ("second", ctypes.c_void_p),
    )


def built(folder: Path = SOURCES[0].parent) -> Path:
    """Where the library of these sources for this machine lies, or would."""
    what = [*(source.read_text() for source in SOURCES), *_flags(), sys.platform, platform.machine()]
    digest = hashlib.sha256("\n".join(what).encode()).hexdigest()[:16]
    return folder / f"kernels-{digest}.so"


def build(folder: Path = SOURCES[0].parent) -> Path:
    """Compile the library into `folder`, where it is not there yet; libraries of other sources are removed.

    Raises RuntimeError (one sentence) where there is no C compiler, it fails, or the folder cannot be written.
    """
    path = built(folder)
    if path.exists():
        return path
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        raise RuntimeError("there is no C compiler (cc)")
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix="kernels-") as place:
            new = Path(place, "kernels.so")
            command = [compiler, *_flags(), *map(str, SOURCES), "-o", str(new), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILER_SECONDS, check=False)  # noqa: S603
            if done.returncode:
                raise RuntimeError(f"{compiler} failed: {done.stderr.strip()[-300:]}")
            new.replace(path)
        for other in folder.glob("kernels-*.so"):
            if other != path:
                other.unlink(missing_ok=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"the library could not be written: {error}") from error
    return path


def _flags() -> list[str]:
    return [*FLAGS, "-mprefer-vector-width=512"] if platform.machine() == "x86_64" else FLAGS


@functools.lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """The library, or None where it was not built or this machine cannot load it; looked for once in a process."""
    path = built()
    if not path.exists():
        return None
    try:
        return load(path)
    except (OSError, AttributeError):
        return None


def load(path: Path) -> ctypes.CDLL:
    """Raises OSError for a file that is no library, AttributeError where it lacks a function."""
    found = ctypes.CDLL(str(path))
    found.invlab_render.argtypes = [
        *[ctypes.c_void_p] * 3, ctypes.c_long, ctypes.c_void_p, *[ctypes.c_long] * 2,
    ]  # fmt: skip
    found.invlab_render.restype = ctypes.c_int
    found.invlab_labnet_bytes.argtypes, found.invlab_labnet_bytes.restype = [ctypes.c_long], ctypes.c_long
    found.invlab_labnet_step.argtypes = [*[ctypes.c_void_p] * 8, ctypes.c_long, ctypes.c_long, *[ctypes.c_float] * 2]
    found.invlab_labnet_step.restype = ctypes.c_long
    found.invlab_labnet_adam.argtypes = [
        *[ctypes.c_void_p] * 5, ctypes.c_long, *[ctypes.c_double] * 4, ctypes.c_long,
    ]  # fmt: skip
    found.invlab_labnet_adam.restype = None
    found.invlab_labnet_features.argtypes = [*[ctypes.c_void_p] * 5, ctypes.c_long, ctypes.c_float]
    found.invlab_labnet_features.restype = None
    return found


def takes(images: torch.Tensor) -> bool:
    """Whether the kernels can be used for these images: RGBA (N, 4, S, S), float32, on the CPU, without gradients."""
    return (
        images.device.type == "cpu"
        and images.dtype == torch.float32
        and images.shape[1] == 4
        and images.shape[2] == images.shape[3]
        and not (images.requires_grad and torch.is_grad_enabled())
        and library() is not None
    )


class Step(NamedTuple):
    """One step of rendering: its name, and its parameters, a row for each image, of the types in `STEPS`."""

    name: str
    first: torch.Tensor
    second: torch.Tensor | None = None


def run(
    images: torch.Tensor,
    steps: Sequence[Step],
    rows: torch.Tensor | None = None,
    out: torch.Tensor | None = None,
) -> torch.Tensor:
    """New images: `images` (N, 4, S, S), or their `rows` (int64, (N,)), through the steps in their order.

    out: contiguous float32, to be written to; (N, 3, S, S) where the last step is to paste. No other step can be that.
    Raises MemoryError, IndexError for a row that there is not, ValueError where a step has not a row of parameters for
    each image, and RuntimeError where the library was not built.
    """
    found = library()
    if found is None:
        raise RuntimeError("the compiled kernels were not built: python -m invlab.compiled")
    images = images.contiguous()
    count, size = len(images) if rows is None else len(rows), images.shape[-1]
    if rows is not None and count and not 0 <= int(rows.min()) <= int(rows.max()) < len(images):
        raise IndexError(f"rows {int(rows.min())} … {int(rows.max())}: there are {len(images)} images")
    if out is None:
        out = images.new_empty(count, 3 if steps and steps[-1].name.startswith("paste") else 4, size, size)
    held: list[torch.Tensor] = []  # until the call returns

    def address(tensor: torch.Tensor | None, kind: str) -> int:
        if tensor is None:
            return 0
        held.append(tensor.to(getattr(torch, kind)).contiguous())
        return held[-1].data_ptr()

    table = (_Step * len(steps))()
    for entry, step in zip(table, steps, strict=True):
        kinds, each = STEPS[step.name], step.second if step.name == "displace" else step.first
        if each is None or len(each) != count:
            raise ValueError(f"{step.name}: give a row of parameters for each of {count} images")
        entry.kind, entry.taps = list(STEPS).index(step.name), step.first.shape[-1] if step.name == "smooth" else 0
        entry.first, entry.second = address(step.first, kinds[0]), address(step.second, kinds[-1])
    if found.invlab_render(images.data_ptr(), address(rows, "int64"), table, len(steps), out.data_ptr(), count, size):
        raise MemoryError(f"rendering: there is no memory for an image of {size} pixels")
    return out


def has_labnet() -> bool:
    """Whether labnet runs compiled: the library is there, and this processor has vectors of 512 bits."""
    found = library()
    return found is not None and bool(found.invlab_labnet_runs())


if __name__ == "__main__":
    try:
        print(f"Rendering and labnet use compiled code: {build().name}")
    except RuntimeError as error:
        print(f"Rendering and labnet go without compiled code, at about half the speed: {error}")
