"""Sets of photographs: opaque pictures that fill the canvas, several of each class, each in one split only.

CIFAR-10 and CIFAR-100, and `pictures`: ten classes of procedural scenes in CIFAR-10's form, for places where that
cannot be had.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from invlab import cifar
from invlab.cifar import ARCHIVES
from invlab.kept import SourceError, is_kept, kept
from invlab.once import once_each
from invlab.scenes import SCENES, draw_scene

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:
    from invlab.lazy import F, torch

Report = Callable[[dict[str, Any]], None]

SIDE = 32  # pixels of a stored photograph
SCENES_VERSION = 1  # raise it whenever a scene's pixels change: it names the files in the cache
PICTURES = (1000, 100, 200)  # scenes of each class for training, validation and test
FIRST_SEED = 1000  # of `pictures`: the backgrounds `scenes` are drawn from seeds below it
PIECE = 260  # scenes that one process draws: about a second
FEW = 60  # scenes are drawn here: processes would take longer to start
ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")
BLOCK = 2048  # photographs resized at once: a set is never turned into floats as a whole
MOST_BYTES = 4 * 2**30  # of a resized set; 60,000 photographs at 128 pixels are 2.9 GB


@dataclass(frozen=True, eq=False)
class Photographs:
    """images: uint8 (P, 3, S, S); labels: int64 (P,), ascending; splits: int64 (P,), an index into
    `invlab.tasks.SPLITS`; names: of the classes, in label order."""

    images: torch.Tensor
    labels: torch.Tensor
    splits: torch.Tensor
    names: tuple[str, ...]


@once_each(4)
def photographs(name: str, size: int) -> Photographs:
    """The set `name` (a row of `PHOTOGRAPHS`) at `size` pixels, made once in a process and shared by objects and
    backgrounds: do not change it.

    Raises ValueError (one sentence) where its data are missing, or too many at this size.
    """
    if size != SIDE:
        found = photographs(name, SIDE)
        return Photographs(resized(found.images, size), found.labels, found.splits, found.names)
    if name == "pictures":
        return Photographs(*pictures(), SCENES)
    return Photographs(*cifar.load(name), ARCHIVES[name].names)


def resized(images: torch.Tensor, size: int) -> torch.Tensor:
    """uint8 (P, 3, S, S) → uint8 (P, 3, size, size), bilinear, averaged where it shrinks.

    Raises ValueError where the result would take more than `MOST_BYTES`.
    """
    count = len(images) * 3 * size**2
    if count > MOST_BYTES:
        most = int((MOST_BYTES / len(images) / 3) ** 0.5)
        raise ValueError(
            f"{len(images):,} photographs of {size} pixels would take {count / 1e9:.0f} GB of memory: choose a size of "
            f"at most {most}"
        )
    out = torch.empty(len(images), 3, size, size, dtype=torch.uint8)
    for start in range(0, len(images), BLOCK):
        block = images[start : start + BLOCK].float()
        block = F.interpolate(block, size=(size, size), mode="bilinear", antialias=True)
        out[start : start + BLOCK] = block.round_().clamp_(0, 255)
    return out


# ---- pictures: scenes in the form of CIFAR-10 -----------------------------------------------------------------------


def pictures(report: Report | None = None) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images, labels and splits of the set `pictures` at 32 pixels, from the cache or drawn (a minute of one core,
    shared among all). `report` gets points {'stage', 'fraction'} while they are drawn."""
    each = sum(PICTURES)
    pixels = kept(*_cached(), lambda: draw_scenes(range(FIRST_SEED, FIRST_SEED + each), SIDE, report))
    splits = torch.arange(3).repeat_interleave(torch.tensor(PICTURES))
    labels = torch.arange(len(SCENES)).repeat_interleave(each)
    return torch.from_numpy(pixels), labels, splits.repeat(len(SCENES))


def are_drawn() -> bool:
    """Whether the cache holds `pictures`."""
    return is_kept(*_cached())


def _cached() -> tuple[str, tuple[int, ...]]:
    """The name and the shape of what the cache keeps."""
    return f"pictures-v{SCENES_VERSION}-{SIDE}", (len(SCENES) * sum(PICTURES), 3, SIDE, SIDE)


# ---- drawing many scenes --------------------------------------------------------------------------------------------


def draw_scenes(seeds: range, size: int, report: Report | None = None) -> np.ndarray:
    """uint8 (10 · len(seeds), 3, size, size): the scenes of these seeds, class by class.

    Many are drawn in pieces by processes of their own, with one thread for the small matrix products that scenes are
    made of: two on busy cores took three to four times as long. Not by a process pool: its children would
    run the program's main file again, which may be the app's.
    """
    pieces = [(label, seeds[i : i + PIECE]) for label in range(len(SCENES)) for i in range(0, len(seeds), PIECE)]
    few = len(SCENES) * len(seeds) <= FEW
    report = report or (lambda point: None)
    report({"stage": "drawing", "fraction": 0.0})
    drawn: dict[int, bytes] = {}
    draw, pool = (scene_bytes, ThreadPoolExecutor(1)) if few else (_elsewhere, ThreadPoolExecutor(_cores()))
    try:
        waiting = {pool.submit(draw, label, part.start, part.stop, size): i for i, (label, part) in enumerate(pieces)}
        for done in as_completed(waiting):
            drawn[waiting[done]] = done.result()
            report({"stage": "drawing", "fraction": len(drawn) / len(pieces)})
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # whoever stops us does not wait for the rest
    whole = b"".join(drawn[i] for i in range(len(pieces)))
    return np.frombuffer(bytearray(whole), np.uint8).reshape(-1, 3, size, size)


def scene_bytes(label: int, first: int, last: int, size: int) -> bytes:
    """The pixels of the scenes first … last − 1 of a class, uint8, channels first."""
    drawn = [draw_scene(label, seed, size) for seed in range(first, last)]
    return np.stack(drawn).transpose(0, 3, 1, 2).tobytes()


def _elsewhere(label: int, first: int, last: int, size: int) -> bytes:
    """`scene_bytes` in another process, or in this one where none can be had."""
    call = f"scene_bytes({label}, {first}, {last}, {size})"
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-c", f"import sys, invlab.photographs as p; sys.stdout.buffer.write(p.{call})"],
            cwd=Path(__file__).resolve().parent.parent,
            env=os.environ | ONE_THREAD,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        return done.stdout
    except subprocess.CalledProcessError as error:
        if error.returncode < 0:  # by a signal: Ctrl-C reaches all processes of a terminal
            raise SourceError("the drawing of scenes was stopped: begin again when it suits you") from error
    except OSError:
        pass
    return scene_bytes(label, first, last, size)


def _cores() -> int:
    """How many processors this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


PHOTOGRAPHS: dict[str, tuple[str, ...]] = {"pictures": SCENES} | {name: a.names for name, a in ARCHIVES.items()}
