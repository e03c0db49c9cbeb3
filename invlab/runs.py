"""Execute a spec: the only place where steps are strung together.

Every result is stored under its spec's key and never computed twice. A record is
`{"kind", "spec", "result", "made": {"device", "seconds", "created", "versions"}}`, with `"weights"` for a training.
"""

from __future__ import annotations

import datetime
import os
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from invlab import __version__, devices, records, sensitivity, training, transfer
from invlab.representations import represent
from invlab.seeds import torch_generator
from invlab.sensitivity import Sensitivity, compare_twins
from invlab.store import Store
from invlab.studies.comparison import Comparison, gap
from invlab.studies.singles import Singles, summary
from invlab.tasks import Task, rendered
from invlab.training import Progress, Training
from invlab.transfer import Transfer

if TYPE_CHECKING:
    from invlab.networks import Network

Record = dict[str, Any]
Report = Callable[[dict[str, Any]], None]
Watch = Callable[["Network", Progress], None]

CURVE_POINTS = 100  # of a training's stored history
REPORT_SECONDS = 0.25  # at most four points a second from each network
QUICK_PAIRS = 100  # of a quick look while learning
QUICK_PROBE = 200  # images, for fitting and for testing
TRAINING_SHARE = 0.85  # of a network's part in a comparison; the rest is measuring
STAGES = {"sensitivity": TRAINING_SHARE, "transfer": 0.92, "done": 1.0}
RATES = {"labnet": 2000.0, "resnet18": 25.0}  # images/s learned on two CPU cores, for estimates before the first step


class Cancelled(Exception):  # noqa: N818 - a wish, not an error
    """Raised by a report to stop the work; what was finished before is stored."""


def ignore(point: dict[str, Any]) -> None:
    """A report that nobody reads."""


def revive(kind: str, fields: dict[str, Any]) -> Any:
    """The spec of that kind; SpecError or ValueError says what is wrong with it."""
    if kind not in STEPS:
        raise records.SpecError(f"there is no kind of spec {kind!r}; choose from {', '.join(STEPS)}")
    return records.revive(SPECS[kind], fields)


def execute(spec: Any, store: Store, report: Report = ignore) -> Record:
    """The record of a spec: from the store, or computed and stored now.

    report: called with JSON-able points of progress from this thread; what it raises ends the work.
    """
    key = records.key(spec)
    with _lock(key):
        found = store.get(key)
        if found is not None:
            return found
        device = devices.choose()
        began = time.perf_counter()
        result = STEPS[type(spec).__name__](spec, store, report, device)
        record = {"kind": type(spec).__name__, "spec": records.plain(spec), "result": result}
        if weights := result.pop("weights", None):
            record["weights"] = weights
        record["made"] = made(device, time.perf_counter() - began)
        store.put(key, record)
        return record


def made(device: str, seconds: float) -> Record:
    """Where and when a result was made."""
    return {
        "device": devices.describe(device),
        "seconds": round(seconds, 3),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"invlab": __version__, "torch": version("torch")},
    }


def execute_all(specs: Iterable[Any], store: Store, report: Report = ignore, threads: int = 2) -> None:
    """Execute many specs, `threads` at a time, in their order as far as possible.

    Reports `{"stage": "cells", "done", "of", "seconds"}`. What a report raises ends the work after the cells under way.
    """
    todo = list(specs)
    began, done = time.perf_counter(), 0
    with ThreadPoolExecutor(threads) as pool:
        running: set[Future[Record]] = set()
        waiting = iter(todo)
        try:
            while done < len(todo):
                for spec in waiting:
                    running.add(pool.submit(execute, spec, store))
                    if len(running) >= 2 * threads:  # one ahead of each thread, so that none idles
                        break
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                done += len(finished)
                seconds = round(time.perf_counter() - began, 1)
                report(
                    {"stage": "cells", "done": done, "of": len(todo), "fraction": done / len(todo), "seconds": seconds}
                )
        finally:
            for future in running:
                future.cancel()


def expected_seconds(spec: Any) -> float:
    """A rough estimate for two CPU cores, before anything has run: the images to learn, and a little for measuring."""
    trainings = {
        "Comparison": lambda: spec.sources,
        "Training": lambda: (spec,),
        "Singles": lambda: [c for c in spec.cells() if isinstance(c, Training)],
    }.get(type(spec).__name__, lambda: (spec.training,))()
    learning = sum(t.images * t.epochs / RATES.get(t.network, 25.0) * (t.task.size / 32) ** 2 for t in trainings)
    return 2.0 + learning / min(2, len(trainings))


def warm_up() -> None:
    """Pay now for what the first computation would wait for: torch, the scenes, the objects, the first step."""
    devices.one_thread_each()
    tiny = Training(Task(classes=(0, 1), transformations=("rotate", "hue", "blur")), images=2, batch=2)
    network = training.start(tiny, "cpu")
    for _ in training.train(network, tiny, "cpu"):
        pass


# ------------------------------------------------------------------------------------------------------------- steps


def trained(spec: Training, store: Store, report: Report = ignore) -> Network:
    """The network of a training, from its stored weights; it learns anew where they are gone or damaged."""
    key = records.key(spec)
    with _lock(key):  # held from the record to its weights, so that no other thread replaces them in between
        record = execute(spec, store, report)
        tensors = store.get_weights(key, record["weights"])
        if tensors is None:
            record = _store_trained(spec, store, report, devices.choose())
            tensors = store.get_weights(key, record["weights"])
    if tensors is None:
        raise RuntimeError(f"the weights of {key} were stored and cannot be read back: check the disk")
    device = devices.choose()
    network = training.start(spec, device)
    network.load_state_dict(tensors)
    return network.eval()


def _store_trained(spec: Training, store: Store, report: Report, device: str, watch: Watch | None = None) -> Record:
    """Train, and store the record, whatever the store holds."""
    began = time.perf_counter()
    result = _learn(spec, store, report, device, watch)
    record = {"kind": "Training", "spec": records.plain(spec), "weights": result.pop("weights"), "result": result}
    record["made"] = made(device, time.perf_counter() - began)
    store.put(records.key(spec), record)
    return record


def _learn(spec: Training, store: Store, report: Report, device: str, watch: Watch | None = None) -> Record:
    network = training.start(spec, device)
    every = max(1, spec.steps // CURVE_POINTS)
    history: list[Record] = []
    window: list[Progress] = []
    reported = 0.0
    # A network that is watched learns beside another one: on two cores there is none left to render ahead on.
    ahead = watch is None or (os.cpu_count() or 1) > 2
    for progress in training.train(network, spec, device, ahead):
        if not training.finite(progress):
            raise ArithmeticError(f"the loss is no number any more at step {progress.step}; lower the learning rate")
        window.append(progress)
        if progress.step % every == 0 or progress.step == spec.steps:
            history.append(_averaged(window))
            window = []
        if progress.seconds - reported >= REPORT_SECONDS or progress.step in (1, spec.steps):
            reported = progress.seconds
            report({"stage": "train", **asdict(progress), "fraction": progress.step / progress.steps})
        if watch is not None:
            watch(network, progress)
    network.eval()
    test = rendered.get(spec.task, "test", 1000, device=device)
    return {
        "weights": store.put_weights(records.key(spec), dict(network.state_dict())),
        "test_accuracy": training.accuracy(network, test),
        "images_per_second": history[-1]["images_per_second"] if history else None,
        "history": history,
    }


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


def _train(spec: Training, store: Store, report: Report, device: str) -> Record:
    return _learn(spec, store, report, device)


def _sensitivity(spec: Sensitivity, store: Store, report: Report, device: str) -> Record:
    return sensitivity.measure(trained(spec.training, store, report), spec, device)


def _transfer(spec: Transfer, store: Store, report: Report, device: str) -> Record:
    return transfer.measure(trained(spec.training, store, report), spec, device)


def _singles(spec: Singles, store: Store, report: Report, device: str) -> Record:
    execute_all(spec.cells(), store, report)
    return summary(spec, lambda cell: execute(cell, store)["result"])


def _compare(spec: Comparison, store: Store, report: Report, device: str) -> Record:
    """Train the networks side by side, looking at them as they learn, then measure each."""
    report({"stage": "start", "networks": len(spec.sources), "device": devices.describe(device), "fraction": 0.0})
    relay = Relay(report, len(spec.sources))
    with ThreadPoolExecutor(len(spec.sources)) as pool:
        futures = [
            pool.submit(_compare_one, spec, number, store, relay.of(number), device)
            for number in range(len(spec.sources))
        ]
        relay.forward(futures)
        networks = [future.result() for future in futures]
    return {"networks": networks} | gap(networks)


def _compare_one(spec: Comparison, number: int, store: Store, report: Report, device: str) -> Record:
    source = spec.sources[number]
    curve: list[Record] = []
    key = records.key(source)
    with _lock(key):
        if store.get(key) is None:
            _store_trained(source, store, report, device, quick_look(spec, number, report, curve, device))
    report({"stage": "sensitivity"})
    moved = execute(spec.sensitivity(number), store, report)["result"]
    report({"stage": "transfer", "sensitivity": moved["sensitivity"]})
    probed = execute(spec.transfer(number), store, report)["result"]
    record = execute(source, store, report)
    report({"stage": "done", "sensitivity": moved["sensitivity"], "transfer": probed["accuracy"]})
    return {
        "source": list(source.task.transformations),
        "transfer_accuracy": probed["accuracy"],
        "transfer_interval": probed["interval"],
        "sensitivity": moved["sensitivity"],
        "sensitivity_interval": moved["interval"],
        "cosine": moved["cosine"],
        "dot": moved["dot"],
        "cka": moved["cka"],
        "source_accuracy": record["result"]["test_accuracy"],
        "images_per_second": record["result"]["images_per_second"],
        "history": record["result"]["history"],
        "curve": curve,  # empty where the network was already trained: nobody watched it learn
    }


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


_locks: dict[str, threading.RLock] = {}
_locks_lock = threading.Lock()


def _lock(key: str) -> threading.RLock:
    """One lock for each key: two threads that want the same result compute it once."""
    with _locks_lock:
        return _locks.setdefault(key, threading.RLock())


SPECS: dict[str, type] = {cls.__name__: cls for cls in (Training, Sensitivity, Transfer, Comparison, Singles)}
STEPS: dict[str, Callable[[Any, Store, Report, str], Record]] = {
    "Training": _train,
    "Sensitivity": _sensitivity,
    "Transfer": _transfer,
    "Comparison": _compare,
    "Singles": _singles,
}
