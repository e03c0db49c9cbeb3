"""Ours against the pipeline that the field uses: single PIL images, torchvision's transforms, a DataLoader.

`python -m benchmarks.pipeline`, about three minutes on two cores. Images a second: ours with two threads; theirs with
two workers that stay alive from epoch to epoch, so that their start is counted for nobody. A training epoch: the same
loop and the same labnet, fed by ours (which renders ahead in a thread of its own) and by theirs. The draws of the two
follow the same ranges; theirs are `benchmarks.rendering.pil_of`. Their objects and backgrounds are PIL images in
memory: nothing is read from a disk.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from benchmarks import rendering
from benchmarks.common import alternate, claim, ratios, spread, write
from benchmarks.rendering import IMAGES, pil_of, two_threads
from invlab import devices, training
from invlab.studies.presets import PRESETS
from invlab.tasks import Batch, Task, pairs
from invlab.training import Training

MIXES = {name: rendering.MIXES[name] for name in ("rotate, hue, blur", "eight families")}
WORKERS = 2
FEW = {"rotate, hue, blur": 2048, "eight families": 1024}  # images of a round of theirs
LEARNED = 3200  # images of a training epoch
ROUNDS = 5
EPOCH_ROUNDS = 3


class Samples(Dataset[tuple[np.ndarray, int]]):
    """What the usual data set is: an index gives one image, drawn anew, and its label."""

    def __init__(self, task: Task, count: int, split: str) -> None:
        base = pairs(task, split, range(count))
        self.objects = [Image.fromarray(p) for p in _bytes(base.prototypes)]
        self.scenes = [Image.fromarray(b) for b in _bytes(base.backgrounds)]
        self.labels = base.labels.tolist()
        self.changes = [pil_of(name) for name in task.transformations]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """float32 (3, S, S) in [−1, 1], and the label."""
        done, whole = self.objects[index], self.scenes[index].copy()
        for change in self.changes:
            done = change(done)
        whole.paste(done, (0, 0), done.getchannel("A"))
        return np.asarray(whole, dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1, self.labels[index]


def _bytes(images: torch.Tensor) -> np.ndarray:
    """uint8 (N, S, S, C)."""
    return (images * 255).byte().permute(0, 2, 3, 1).numpy()


def loader(task: Task, count: int, batch: int, split: str = "train", shuffle: bool = True) -> DataLoader[Any]:
    """The usual loader over the first `count` images of a task."""
    samples = Samples(task, count, split)
    return DataLoader(
        samples, batch, shuffle=shuffle, num_workers=WORKERS, persistent_workers=True, multiprocessing_context="fork"
    )


def epoch_of(source: DataLoader[Any]) -> None:
    for _ in source:
        pass


def learn(spec: Training, source: DataLoader[Any] | None = None) -> None:
    """Learn `spec`, fed by our rendering or by a loader."""

    def theirs(*_: Any) -> Iterator[Batch]:
        for images, labels in source or ():
            yield Batch(images, labels)

    with patch.object(training, "pictures", theirs) if source else contextlib.nullcontext():
        steps = sum(1 for _ in training.train(training.start(spec, "cpu"), spec, "cpu"))
    if steps != spec.steps:
        raise RuntimeError(f"{steps} steps were learned, and not the {spec.steps} of an epoch")


def main() -> None:
    sizes = PRESETS["live"]
    claims: list[dict[str, Any]] = []
    found: dict[str, dict[str, Any]] = {}
    for name, families in MIXES.items():
        task = Task(classes=tuple(range(12)), transformations=families)
        rendered = loader(task, FEW[name], 128)
        work: dict[str, Callable[[], Any]] = {
            "ours": lambda task=task: two_threads(task),
            "theirs": lambda rendered=rendered: epoch_of(rendered),
        }
        seconds = alternate(work, ROUNDS)
        times = ratios(seconds["theirs"], seconds["ours"], IMAGES / FEW[name])
        devices.one_thread_each()
        spec = Training(task, images=LEARNED, batch=sizes.batch, learning_rate=sizes.learning_rate)
        fed = loader(task, LEARNED, sizes.batch)
        work = {"ours": lambda spec=spec: learn(spec), "theirs": lambda spec=spec, fed=fed: learn(spec, fed)}
        epochs = alternate(work, EPOCH_ROUNDS)
        whole = ratios(epochs["theirs"], epochs["ours"])
        claims += [
            claim(f"{name}: ours over a DataLoader", times["median"], 20,
                  "times", headline=True, spread=times),
            claim(f"{name}: an epoch of labnet fed by ours over a DataLoader", whole["median"], 2,
                  "times", headline=True, spread=whole),
        ]  # fmt: skip
        found[name] = {
            "images_per_second": {
                "ours": spread([IMAGES / s for s in seconds["ours"]]),
                "theirs": spread([FEW[name] / s for s in seconds["theirs"]]),
                "ours, learning": spread([LEARNED / s for s in epochs["ours"]]),
                "theirs, learning": spread([LEARNED / s for s in epochs["theirs"]]),
            },
            "seconds": {"rendering": seconds, "epoch": epochs},
        }
        del rendered, fed  # their workers end
    write("pipeline", claims, mixes=found, workers=WORKERS)


if __name__ == "__main__":
    main()
