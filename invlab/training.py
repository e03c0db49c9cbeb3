"""Learning a source task: one linear loop, told as a generator of progress."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from invlab.representations import represent
from invlab.seeds import torch_generator
from invlab.tasks import Batch, Task, render
from invlab.transforms import CANVAS

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F

    from invlab.networks import Network
else:
    from invlab.lazy import F, torch

Learn = Callable[[Batch, float], "tuple[float | torch.Tensor, float | torch.Tensor]"]

RENDERED_AT_ONCE = (512, 4096)  # pictures of 32 pixels, on the CPU and on a GPU

SCHEDULES = ("constant", "one-cycle")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Training:
    """A network and the source task it learns.

    images: distinct (object, background) pairs; each is seen once per epoch under fresh transformations.
    epochs: 0 leaves the network untrained.
    learning_rate: of Adam; the peak where the schedule is `one-cycle` (linear up over the first fifth, then down to 0).
    seed: of the initial weights and the order of the images.
    precision: of the forward and backward passes. Weights, sums over a batch and everything measured later are float32
        all the same; bfloat16 is faster on GPUs and on processors that have it, and slower on others. (labnet in
        compiled code is faster still, and that is float32.)
    """

    task: Task
    network: str = "labnet"
    images: int = 10_000
    epochs: int = 1
    batch: int = 128
    learning_rate: float = 4e-3
    schedule: str = "one-cycle"
    seed: int = 0
    precision: str = "float32"

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ValueError(f"precision {self.precision!r}: choose from {', '.join(PRECISIONS)}")
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule {self.schedule!r}: choose from {', '.join(SCHEDULES)}")
        if self.images < self.batch or self.batch < 2 or self.epochs < 0:
            raise ValueError(
                f"images {self.images}, batch {self.batch}, epochs {self.epochs}: "
                "give at least one whole batch of two or more images, and no negative number of epochs"
            )
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate {self.learning_rate}: give a number above 0, such as 0.004")

    @property
    def steps(self) -> int:
        return self.epochs * (self.images // self.batch)


@dataclass(frozen=True)
class Progress:
    """Where a training stands after a step."""

    step: int
    steps: int
    images: int  # seen so far
    loss: float  # cross-entropy of this step's batch, nats
    accuracy: float  # of this step's batch, 0 … 1
    images_per_second: float  # since the start, rendering included
    seconds: float


def start(training: Training, device: str) -> Network:
    """The untrained network of a training. Raises ValueError for an unknown network."""
    from invlab.networks import build

    return build(training.network, training.task.labels, torch_generator("weights", training.seed), device)


def restore(training: Training, tensors: dict[str, torch.Tensor], device: str) -> Network:
    """The network of a training with weights that it learned. Raises RuntimeError for those of another network."""
    from invlab.networks import restore

    return restore(training.network, training.task.labels, tensors, device)


def train(network: Network, training: Training, device: str, ahead: bool | None = None) -> Iterator[Progress]:
    """Train `network` in place, yielding after every step; to stop it, stop asking.

    ahead: render the next batches in a thread of their own while the network learns from these; the numbers are the
    same without. None: where this process is not in the midst of as many trainings as there are processors.
    """
    learn = learner(network, training.task.size, training.batch, training.precision)
    began = time.perf_counter()
    with _among_others() as trainings, contextlib.ExitStack() as stack:
        if ahead is None:
            ahead = trainings < (os.cpu_count() or 1) or torch.device(device).type != "cpu"
        coming = stack.enter_context(contextlib.closing(pictures(training, device, ahead)))
        for step, batch in enumerate(coming, 1):
            network.train()
            loss, right = learn(batch, rate(training, step))
            seconds = time.perf_counter() - began
            yield Progress(
                step=step,
                steps=training.steps,
                images=step * training.batch,
                loss=float(loss),
                accuracy=float(right),
                images_per_second=step * training.batch / seconds,
                seconds=seconds,
            )
    network.eval()


_under_way = 0
_counting = threading.Lock()


@contextlib.contextmanager
def _among_others() -> Iterator[int]:
    """How many trainings this process is in the midst of, this one included."""
    global _under_way
    with _counting:
        _under_way += 1
        now = _under_way
    try:
        yield now
    finally:
        with _counting:
            _under_way -= 1


def learner(network: Network, size: int, most: int, precision: str = "float32") -> Learn:
    """Steps of Adam on a network in training mode: a call takes a batch of up to `most` images of `size` pixels a side
    and a learning rate, and returns the batch's mean cross-entropy and the share named rightly, before the step."""
    from invlab import labnet

    if precision == "float32" and labnet.takes(network, size, learning=True):
        return labnet.Learner(network, most)  # type: ignore[arg-type]
    optimiser = torch.optim.Adam(network.parameters(), fused=True)

    def learn(batch: Batch, rate: float) -> tuple[torch.Tensor, torch.Tensor]:
        optimiser.param_groups[0]["lr"] = rate
        with low_precision(precision, batch.images.device.type):
            scores = network(batch.images.contiguous(memory_format=torch.channels_last)).float()
        loss = F.cross_entropy(scores, batch.labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return loss.detach(), (scores.argmax(1) == batch.labels).float().mean()

    return learn


def low_precision(precision: str, device: str) -> contextlib.AbstractContextManager[object]:
    """What a forward pass runs in: nothing, or torch's own choice of layers for bfloat16."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)


def pictures(training: Training, device: str, ahead: bool) -> Generator[Batch, None, None]:
    """The rendered batch of each step; those of several steps are rendered together, for the calls cost more than the
    pictures where they are few."""
    several = batches(training, together(training, device))
    if not ahead:
        for epoch, indices in several:
            yield from split(render(training.task, "train", indices, epoch, 0, device), training.batch)
        return
    with ThreadPoolExecutor(1) as thread:
        coming: Future[Batch] | None = None
        for epoch, indices in several:
            following = thread.submit(render, training.task, "train", indices, epoch, 0, device)
            if coming is not None:
                yield from split(coming.result(), training.batch)
            coming = following
        if coming is not None:
            yield from split(coming.result(), training.batch)


def together(training: Training, device: str) -> int:
    """How many steps' pictures are rendered at once."""
    pixels = RENDERED_AT_ONCE[torch.device(device).type == "cuda"] * CANVAS**2
    return max(1, pixels // (training.batch * training.task.size**2))


def split(batch: Batch, size: int) -> Iterator[Batch]:
    """Batches of `size` images, in order; the last may be smaller."""
    yield from map(Batch, batch.images.split(size), batch.labels.split(size))


def batches(training: Training, together: int = 1) -> Iterator[tuple[int, torch.Tensor]]:
    """(epoch, indices) of each step, or of `together` steps and what is left over: a fresh order in every epoch, the
    incomplete last batch left out."""
    whole = training.images // training.batch * training.batch
    for epoch in range(training.epochs):
        order = torch.randperm(training.images, generator=torch_generator("order", training.seed, epoch))
        for indices in order[:whole].split(together * training.batch):
            yield epoch, indices


def rate(training: Training, step: int) -> float:
    """The learning rate of a step, counted from 1."""
    if training.schedule == "constant":
        return training.learning_rate
    done = (step - 0.5) / training.steps
    rise = 0.2
    share = done / rise if done < rise else (1 - done) / (1 - rise)
    return training.learning_rate * share


def accuracy(network: Network, batch: Batch) -> float:
    """Share of a batch's images that the network itself (with its own head) names rightly."""
    return right_of(network, batch) / len(batch.labels)


def right_of(network: Network, batch: Batch) -> int:
    """How many of a batch's images the network itself names rightly."""
    with torch.inference_mode():
        return int((network.head(represent(network, batch.images)).argmax(1) == batch.labels).sum())


def finite(progress: Progress) -> bool:
    """Whether the loss is still a number; a training that lost it cannot recover."""
    return math.isfinite(progress.loss)
