"""Images rendered a second: ours with and without compiled kernels, kornia's, and the usual pipeline of single PIL
images.

`python -m benchmarks.rendering`. Two threads each for ours and kornia, one core for PIL, in alternating rounds. Beside
them, what each does in a second of one core's own time, with one thread: what else the machine does counts for none.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import kornia.augmentation as K
import numpy as np
import torch
import torchvision.transforms.v2 as V
from PIL import Image

from benchmarks.common import alternate, claim, spread, write
from invlab import compiled
from invlab.tasks import Task, pairs, render
from invlab.transforms import TRANSFORMS

IMAGES = 4096
PIL_IMAGES = 256
KORNIA_BATCH = 128  # its fastest on two cores
MIXES = {
    "rotate, hue, blur": ("rotate", "hue", "blur"),
    "elastic": ("elastic",),
    "eight families": ("scale", "rotate", "shear", "hue", "brightness", "blur", "noise", "contrast"),
}


def main() -> None:
    claims: list[dict[str, Any]] = []
    rates: dict[str, dict[str, Any]] = {}
    with contextlib.suppress(RuntimeError):  # without a compiler, ours is torch's as well
        compiled.build()
    for name, families in MIXES.items():
        rates[name] = measure(families)
        print(name, {who: round(rate["median"]) for who, rate in rates[name].items()})
    three, elastic, eight = (rates[name] for name in MIXES)
    ours = "images/s with two threads"
    claims.append(claim("rendering rotate, hue, blur", three["ours"]["median"], 12_000, ours))
    claims.append(claim("rendering elastic", elastic["ours"]["median"], 20_000, ours))
    for name, rate in (("rotate, hue, blur", three), ("eight families", eight)):
        rates_of = {who: rate[who]["median"] for who in ("ours", "in torch", "kornia", "pil")}
        over = rates_of["ours"] / rates_of["kornia"]
        claims.append(claim(f"{name}: ours over kornia", over, 3, "times", headline=True))
        over = rates_of["ours"] / rates_of["pil"]
        claims.append(claim(f"{name}: ours over one core of PIL", over, 40, "times", headline=True))
        without = f"{name}: ours without a compiler over kornia"
        claims.append(claim(without, rates_of["in torch"] / rates_of["kornia"], 3, "times"))
    single = {name: spread(our_rates((name,))) for name in TRANSFORMS}
    write("rendering", claims, rates=rates, single_families=single)


@contextlib.contextmanager
def in_torch() -> Iterator[None]:
    """As on a machine without a C compiler."""
    with mock.patch.object(compiled, "library", return_value=None):
        yield


def measure(families: tuple[str, ...]) -> dict[str, Any]:
    """Images a second of each pipeline, and in a second of one core's time, with spread."""
    task = Task(classes=tuple(range(12)), transformations=families)
    base = pairs(task, "train", range(IMAGES))
    canvases, behind = base.prototypes, base.backgrounds
    augment = torch.nn.Sequential(*(kornia_of(name) for name in families))
    pil = V.Compose([pil_of(name) for name in families])
    pictures = [Image.fromarray(p) for p in (canvases[:PIL_IMAGES] * 255).byte().permute(0, 2, 3, 1).numpy()]
    scenes = [Image.fromarray(b) for b in (behind[:PIL_IMAGES] * 255).byte().permute(0, 2, 3, 1).numpy()]

    def kornia_run(threads: int = 2) -> None:
        torch.set_num_threads(threads)
        for images, scene in zip(canvases.split(KORNIA_BATCH), behind.split(KORNIA_BATCH), strict=True):
            done = augment(images)
            scene * (1 - done[:, 3:]) + done[:, :3]

    def pil_run() -> None:
        torch.set_num_threads(1)
        for picture, scene in zip(pictures, scenes, strict=True):
            done = pil(picture)
            whole = scene.copy()
            whole.paste(done, (0, 0), done.getchannel("A"))
            np.asarray(whole, dtype=np.float32)

    def torch_run() -> None:
        with in_torch():
            two_threads(task)

    work = {"ours": lambda: two_threads(task), "in torch": torch_run, "kornia": kornia_run, "pil": pil_run}
    counts = dict.fromkeys(work, IMAGES) | {"pil": PIL_IMAGES}
    rates = {who: spread([counts[who] / s for s in seconds]) for who, seconds in alternate(work, rounds=3).items()}

    def ours_alone() -> None:
        torch.set_num_threads(1)
        render(task, "train", range(IMAGES))

    def torch_alone() -> None:
        with in_torch():
            ours_alone()

    alone = {"ours": ours_alone, "in torch": torch_alone, "kornia": lambda: kornia_run(1), "pil": pil_run}
    core: dict[str, list[float]] = {who: [] for who in alone}
    for _ in range(3):
        for who, piece in alone.items():
            core[who].append(core_seconds(piece))
    return rates | {f"{who}, one core": spread([counts[who] / s for s in seconds]) for who, seconds in core.items()}


def core_seconds(piece: Callable[[], Any]) -> float:
    """What a run of it takes of the processor's time."""
    began = time.process_time()
    piece()
    return time.process_time() - began


def our_rates(families: tuple[str, ...]) -> list[float]:
    task = Task(classes=tuple(range(12)), transformations=families)
    return [IMAGES / s for s in alternate({"ours": lambda: two_threads(task)}, rounds=3)["ours"]]


def two_threads(task: Task) -> None:
    """Render `IMAGES` images with two threads."""
    torch.set_num_threads(1)
    half = IMAGES // 2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda start: render(task, "train", range(start, start + half)), (0, half)))


class OnColour(torch.nn.Module):
    """A kornia augmentation that takes three channels, on RGBA."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.inner(images[:, :3]), images[:, 3:]], 1)


def kornia_of(name: str) -> torch.nn.Module:
    """The same family in kornia."""
    return {
        "scale": lambda: K.RandomAffine(0.0, scale=(0.4, 1.0), p=1.0),
        "rotate": lambda: K.RandomRotation(180.0, p=1.0),
        "shear": lambda: K.RandomAffine(0.0, shear=(-50.0, 50.0, -50.0, 50.0), p=1.0),
        "hue": lambda: OnColour(K.ColorJitter(hue=0.5, p=1.0)),
        "brightness": lambda: OnColour(K.ColorJitter(brightness=(0.0, 2.0), p=1.0)),
        "contrast": lambda: OnColour(K.ColorJitter(contrast=(0.0, 2.0), p=1.0)),
        "blur": lambda: K.RandomGaussianBlur((7, 7), (0.1, 1.5), p=1.0),
        "noise": lambda: OnColour(K.RandomGaussianNoise(p=0.5)),
        "elastic": lambda: K.RandomElasticTransform((41, 41), (5.0, 5.0), (4.7, 4.7), p=0.5),
    }[name]()


def on_colour(function: Any) -> Any:
    """A torchvision transform of RGB pictures, on RGBA ones."""

    def apply(picture: Image.Image) -> Image.Image:
        done = function(picture.convert("RGB"))
        done.putalpha(picture.getchannel("A"))
        return done

    return apply


def noisy(picture: Image.Image) -> Image.Image:
    values = np.asarray(picture, dtype=np.float32) / 255
    if np.random.random() < 0.5:
        values = np.clip(values + np.clip(np.random.standard_normal(values.shape), 0, 1), 0, 1)
    return Image.fromarray((values * 255).astype(np.uint8))


def pil_of(name: str) -> Any:
    """The same family in torchvision, on single PIL pictures."""
    bilinear = V.InterpolationMode.BILINEAR
    return {
        "scale": lambda: V.RandomAffine(0, scale=(0.4, 1.0), interpolation=bilinear),
        "rotate": lambda: V.RandomRotation(180, interpolation=bilinear),
        "shear": lambda: V.RandomAffine(0, shear=(-50, 50, -50, 50), interpolation=bilinear),
        "hue": lambda: on_colour(V.ColorJitter(hue=0.5)),
        "brightness": lambda: on_colour(V.ColorJitter(brightness=(0, 2))),
        "contrast": lambda: on_colour(V.ColorJitter(contrast=(0, 2))),
        "blur": lambda: V.GaussianBlur(7, (0.1, 1.5)),
        "noise": lambda: on_colour(noisy),
        "elastic": lambda: V.RandomApply([V.ElasticTransform(150.0, 5.0)], p=0.5),
    }[name]()


if __name__ == "__main__":
    main()
