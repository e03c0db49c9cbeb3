"""What dominates the time on a CPU, compiled: the steps of rendering (`kernels.c`), each in one pass over an image, and
labnet, learning and learned (`labnet.c`, reached through `labnet.py`).

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
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

SOURCES = tuple(Path(__file__).with_name(name) for name in ("kernels.c", "labnet.c"))
FLAGS = ["-O3", "-shared", "-fPIC", "-fno-math-errno", "-fno-trapping-math"]
COMPILER_SECONDS = 120

# What each kernel takes before the two sizes (images, side): p is a tensor.
KERNELS = {
    "warp": "ppp",
    "hue": "ppp",
    "brightness": "ppp",
    "contrast": "ppp",
    "smooth": "ppp",
    "noise": "pppp",
    "paste": "ppp",
}


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
    """Raises OSError for a file that is no library, AttributeError where it lacks a kernel."""
    found = ctypes.CDLL(str(path))
    for name, takes in KERNELS.items():
        function = getattr(found, f"invlab_{name}")
        sizes = 3 if name == "smooth" else 2
        function.argtypes = [ctypes.c_void_p] * len(takes) + [ctypes.c_long] * sizes
        function.restype = ctypes.c_int
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


def warp(images: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """`transforms.warp`; matrix: float32 (N, 3, 3)."""
    return _new("warp", images, matrix[:, :2].contiguous())


def hue(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """`transforms.hue`; shift: float32 (N,), turns."""
    return _new("hue", images, shift.contiguous())


def brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """`transforms.brightness`; factor: float32 (N,)."""
    return _new("brightness", images, factor.contiguous())


def contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """`transforms.contrast`; factor: float32 (N,)."""
    return _new("contrast", images, factor.contiguous())


def smooth(images: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Rows and columns weighted with `weights` (float32 (N, taps), an odd number of at most 2S − 1), mirrored at the
    borders."""
    return _new("smooth", images, weights.contiguous(), sizes=(weights.shape[1],))


def noise(images: torch.Tensor, strength: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
    """`transforms.noise`; strength: float32 (N,); seed: int64 (N,)."""
    return _new("noise", images, strength.contiguous(), seed.contiguous())


def paste(foregrounds: torch.Tensor, behind: torch.Tensor, out: torch.Tensor) -> torch.Tensor:
    """`tasks.paste` on bytes; behind: uint8 (N, 3, S, S); out: float32 of that shape, contiguous."""
    _call("paste", foregrounds.contiguous(), behind.contiguous(), out)
    return out


def _new(name: str, images: torch.Tensor, *parameters: torch.Tensor, sizes: tuple[int, ...] = ()) -> torch.Tensor:
    images = images.contiguous()
    out = torch.empty_like(images)
    _call(name, images, *parameters, out, sizes=sizes)
    return out


def has_labnet() -> bool:
    """Whether labnet runs compiled: the library is there, and this processor has vectors of 512 bits."""
    found = library()
    return found is not None and bool(found.invlab_labnet_runs())


def _call(name: str, images: torch.Tensor, *tensors: torch.Tensor, sizes: tuple[int, ...] = ()) -> None:
    found = library()
    if found is None:
        raise RuntimeError("the compiled kernels were not built: python -m invlab.compiled")
    pointers = (tensor.data_ptr() for tensor in (images, *tensors))
    if getattr(found, f"invlab_{name}")(*pointers, len(images), images.shape[-1], *sizes):
        raise MemoryError(f"{name}: there is no memory for an image of {images.shape[-1]} pixels")


if __name__ == "__main__":
    try:
        print(f"Rendering and labnet use compiled code: {build().name}")
    except RuntimeError as error:
        print(f"Rendering and labnet go without compiled code, at about half the speed: {error}")
