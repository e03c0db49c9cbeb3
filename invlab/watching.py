"""Watching networks as they learn: the stored curve of a training, looks at a network on the way, and the points of
progress of several threads passed on from one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from invlab import training, transfer
from invlab.costs import cell_seconds, look_seconds
from invlab.learning import Recording, look
from invlab.representations import represent
from invlab.seeds import torch_generator
from invlab.sensitivity import compare_twins
from invlab.studies.comparison import Comparison
from invlab.tasks import Task, rendered
from invlab.training import Progress, Training

if TYPE_CHECKING:
    from invlab.networks import Network

Record = dict[str, Any]
Report = Callable[[dict[str, Any]], None]
Watch = Callable[["Network", Progress], None]

CURVE_POINTS = 100  # of a training's stored history
QUICK_PAIRS = 100  # of a quick look while learning
QUICK_PROBE = 200  # images, for fitting and for testing
TRAINING_SHARE = 0.85  # of a network's part in a comparison; the rest is measuring
STAGES = {"sensitivity": TRAINING_SHARE, "transfer": 0.92, "done": 1.0}


class Cancelled(Exception):  # noqa: N818 - a wish, not an error
    """Raised by a report to stop the work; what was finished before is stored."""


def ignore(point: dict[str, Any]) -> None:
    """A report that nobody reads."""


class Curve:
    """The stored curve of a training: about `CURVE_POINTS` means over its steps. finite: no step lost the loss."""

    def __init__(self, spec: Training) -> None:
        self.points: list[Record] = []
        self.finite = True
        self._every, self._steps = max(1, spec.steps // CURVE_POINTS), spec.steps
        self._window: list[Progress] = []

    def add(self, progress: Progress) -> None:
        """Take a step."""
        self.finite = self.finite and training.finite(progress)
        self._window.append(progress)
        if progress.step % self._every == 0 or progress.step == self._steps:
            self.points.append(_averaged(self._window))
            self._window = []


def _averaged(window: list[Progress]) -> Record:
    """A point of the stored curve: the mean over the steps since the last one."""
    last = window[-1]
    return {
        "images": last.images,
        "loss": round(sum(p.loss for p in window) / len(window), 5),
        "accuracy": round(sum(p.accuracy for p in window) / len(window), 5),
        "images_per_second": round(last.images_per_second, 1),
        "seconds": round(last.seconds, 3),
    }


class Watched:
    """The looks of a recording; called after every step of the training.

    looks: of each moment `step`, `images` seen, `loss` and `accuracy` on the batches since the last look (None before
    the first step), and what `learning.look` measures.
    """

    def __init__(self, spec: Recording, report: Report, device: str) -> None:
        self.looks: list[Record] = []
        self._spec, self._report, self._device = spec, report, device
        self._due = set(spec.steps())
        self._window: list[Progress] = []
        self._learning = cell_seconds(spec.training)
        self._whole = self._learning + len(self._due) * look_seconds(spec)

    def __call__(self, network: Network, progress: Progress) -> None:
        self._window.append(progress)
        if progress.step in self._due:
            self.look(network, progress.step, self._window)
            self._window = []

    def look(self, network: Network, step: int, window: list[Progress]) -> None:
        """Measure the network after a step; `window` are the steps since the last look."""
        point: Record = {"step": step, "images": step * self._spec.training.batch}
        for name in ("loss", "accuracy"):
            values = [getattr(progress, name) for progress in window]
            point[name] = round(sum(values) / len(values), 5) if values else None
        self.looks.append(point | rounded(look(network, self._spec, self._device)))
        self._report({"stage": "look", **self.looks[-1], "fraction": self._fraction(step)})

    def told(self, point: dict[str, Any]) -> None:
        """Pass a training's point on, with the fraction of the whole work."""
        self._report(point | {"fraction": self._fraction(point["step"])})

    def _fraction(self, step: int) -> float:
        learned = step / self._spec.training.steps if step else 0.0
        seconds = learned * self._learning + len(self.looks) * look_seconds(self._spec)
        return round(min(1.0, seconds / self._whole), 4)


def rounded(value: Any) -> Any:
    """Every float to five decimals: the records of many moments stay small."""
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    return round(value, 5) if isinstance(value, float) else value


def quick_look(spec: Comparison, number: int, report: Report, curve: list[Record], device: str) -> Watch:
    """A watch that measures the network a few times as it learns, on few images.

    It probes on the target's validation images: the test images stay unseen until the end.
    """
    source = spec.sources[number]
    due = {round(source.steps * (i + 1) / spec.watch) for i in range(spec.watch)}
    if due:
        due.add(max(1, source.steps // 20))  # an early one: most is learned in the first steps

    def watch(network: Network, progress: Progress) -> None:
        if progress.step not in due:
            return
        point = {"images": progress.images, **look_at(network, spec.target, device)}
        curve.append(point)
        report({"stage": "watch", **point})

    return watch


def look_at(network: Network, target: Task, device: str) -> Record:
    """Sensitivity and transfer accuracy of a network on a target task, quickly."""
    twins = [rendered.get(target, "validation", QUICK_PAIRS, twin, device).images for twin in (0, 1)]
    first, second = (represent(network, images) for images in twins)
    generators = (torch_generator(word, target.seed) for word in ("strangers", "bootstrap"))
    moved = compare_twins(first, second, *generators)
    train = rendered.get(target, "train", QUICK_PROBE, device=device)
    held_out = rendered.get(target, "validation", QUICK_PROBE, device=device)
    probe = transfer.fit(represent(network, train.images), train.labels, target.labels, steps=50)
    right = probe(represent(network, held_out.images)) == held_out.labels
    return {"sensitivity": moved["sensitivity"], "transfer": float(right.float().mean())}


class Relay:
    """Passes points of several threads on from one, and what the report raises back to all of them.

    A point's `network` is the number of its thread, its `fraction` that of the whole work.
    """

    def __init__(self, report: Report, networks: int) -> None:
        self._report = report
        self._fractions = [0.0] * networks
        self._points: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._raised: BaseException | None = None

    def of(self, network: int) -> Report:
        """The report of one thread."""

        def report(point: dict[str, Any]) -> None:
            with self._news:
                if self._raised is not None:
                    raise Cancelled("another network's report ended the work") from self._raised
                own = STAGES.get(point["stage"], TRAINING_SHARE * point.get("fraction", 0.0))
                self._fractions[network] = max(self._fractions[network], own)
                whole = sum(self._fractions) / len(self._fractions)
                self._points.append({**point, "network": network, "fraction": round(whole, 4)})
                self._news.notify()

        return report

    def forward(self, futures: list[Future[Record]]) -> None:
        """Report from this thread until every future is done; then raise what a report or a future raised."""
        for future in futures:
            future.add_done_callback(lambda _: self._wake())
        finished = False
        while not finished:
            with self._news:
                try:
                    self._news.wait_for(lambda: self._points or all(f.done() for f in futures), timeout=1.0)
                except KeyboardInterrupt as error:  # the threads do not get it
                    self._raised = error
                points, self._points = self._points, []
                finished = all(f.done() for f in futures) and not points
                failed = next((e for f in futures if f.done() and (e := f.exception())), None)
                if failed is not None and self._raised is None:
                    self._raised = failed
            self._forward(points)
        if self._raised is not None:
            raise self._raised

    def _forward(self, points: list[dict[str, Any]]) -> None:
        for point in points:
            if self._raised is not None:
                return
            try:
                self._report(point)
            except BaseException as error:  # noqa: BLE001 - raised again once every thread has ended
                self._raised = error

    def _wake(self) -> None:
        with self._news:
            self._news.notify()
