"""Execute a spec: the only place where steps are strung together.

Every result is stored under its spec's key and never computed twice. A record is
`{"kind", "spec", "result", "made": {"device", "seconds", "created", "versions"}}`, with `"weights"` for a training.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from invlab import __version__, audit, devices, records, sensitivity, training, transfer
from invlab.architectures import audited
from invlab.audit import Audit
from invlab.backgrounds import backgrounds
from invlab.costs import cell_seconds
from invlab.disagreement import Disagreement, disagree
from invlab.information import Information, decode
from invlab.learning import Recording
from invlab.measures import Measures, measure_all
from invlab.responses import Layers, Neighbourhoods, Response, layers, neighbourhoods, respond
from invlab.seeds import torch_generator
from invlab.sensitivity import Sensitivity, TwinPairs, twin_distances
from invlab.shared_invariance import SharedInvariance, shared_invariance
from invlab.store import Store
from invlab.studies.catalogue import StudyRun, StudySeed, study
from invlab.studies.comparison import Comparison, gap
from invlab.studies.singles import Singles, summary
from invlab.studies.study import Table, gathered, table
from invlab.tasks import Task, rendered
from invlab.training import Training
from invlab.transfer import FineTuning, Transfer
from invlab.watching import Cancelled, Curve, Record, Relay, Report, Watch, Watched, ignore, quick_look

if TYPE_CHECKING:
    from invlab.networks import Network

REPORT_SECONDS = 0.25  # at most four points a second from each network
TEST_IMAGES = 1000  # that a trained network names
CELLS_SECONDS = 0.5  # between two reports of many cells

log = logging.getLogger(__name__)


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
        if found is not None and not (isinstance(spec, StudyRun) and missing_seeds(spec, store)):
            return found
        device = devices.choose()
        began = time.perf_counter()
        result = STEPS[type(spec).__name__](spec, store, report, device)
        record = {"kind": type(spec).__name__, "spec": records.plain(spec), "result": result}
        if weights := result.pop("weights", None):
            record["weights"] = weights
        record["made"] = made(device, time.perf_counter() - began)
        if not store.read_only:
            store.put(key, record)
        return record


def made(device: str, seconds: float) -> Record:
    """Where and when a result was made."""
    return {
        "device": devices.describe(device),
        "seconds": round(seconds, 3),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"invlab": __version__, "torch": _version("torch")},
    }


_version = functools.cache(version)  # which reads a file


def execute_all(
    specs: Iterable[Any],
    store: Store,
    report: Report = ignore,
    threads: int = 2,
    costs: Sequence[float] | None = None,
) -> None:
    """Execute many specs, `threads` at a time, in their order as far as possible; small networks that are to learn
    first and together, where `devices.stacked` says so.

    costs: the seconds each is expected to take, in any unit; the fraction and the seconds left go by them.
    Reports `{"stage": "cells", "done", "of", "fraction", "seconds", "left"}` from this thread, at least twice a second.
    What a report raises ends the work: the computations under way stop at their next step, what was finished is stored.
    """
    todo = list(specs)
    units = _units(todo, [1.0] * len(todo) if costs is None else list(costs), store)
    whole, paid, done, of = sum(unit.cost for unit in units), 0.0, 0, sum(len(unit.specs) for unit in units)
    began, stop = time.perf_counter(), threading.Event()

    def watched(point: dict[str, Any]) -> None:
        if stop.is_set():
            raise Cancelled("the work as a whole was ended")

    with ThreadPoolExecutor(threads, initializer=devices.one_thread_each) as pool:
        running: dict[Future[None], Unit] = {}
        waiting = iter(units)
        try:
            while done < of:
                # One ahead of each thread, so that none idles.
                for unit in itertools.islice(waiting, 2 * threads - len(running)):
                    running[pool.submit(_execute_unit, unit, store, watched)] = unit
                finished, _ = wait(running, timeout=CELLS_SECONDS, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    unit = running.pop(future)
                    paid, done = paid + unit.cost, done + len(unit.specs)
                report(cells_point(done, of, time.perf_counter() - began, paid, whole))
        finally:
            stop.set()
            for future in running:
                future.cancel()


@dataclass(frozen=True)
class Unit:
    """What one thread executes at a time: a spec, or trainings that learn in one stack. cost: as in `execute_all`."""

    specs: tuple[Any, ...]
    cost: float


def _units(todo: list[Any], costs: list[float], store: Store) -> list[Unit]:
    """Stacks of the trainings that are missing, then every other spec alone."""
    most = devices.stacked()
    if most == 1:
        return [Unit((spec,), cost) for spec, cost in zip(todo, costs, strict=True)]
    from invlab import stacks  # only here is torch needed before the first step

    cost = dict(zip(todo, costs, strict=True))
    made = stacks.units(todo, most, lambda training: store.get(records.key(training)) is None)
    return [Unit(specs, sum(cost[spec] for spec in specs)) for specs in made]


def _execute_unit(unit: Unit, store: Store, report: Report) -> None:
    if len(unit.specs) > 1:
        learn_together(unit.specs, store, report)
    for spec in unit.specs:
        execute(spec, store, report)


def cells_point(done: int, of: int, seconds: float, paid: float, whole: float) -> dict[str, Any]:
    """A point of progress: `done` cells of many after `seconds`; they were expected to cost `paid` of `whole`."""
    return {
        "stage": "cells",
        "done": done,
        "of": of,
        "seconds": round(seconds, 1),
        "fraction": paid / whole if whole else done / of,
        "left": round(seconds * (whole - paid) / paid, 1) if paid > 0.01 * whole else None,
    }


def warm_up() -> None:
    """Pay now for what the first computation would wait for: torch, the scenes, the objects, the first step."""
    devices.one_thread_each()
    _ = backgrounds("scenes", 32).images  # all of them: drawn now, once for an installation
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
    return training.restore(spec, tensors, devices.choose()).eval()


def _store_trained(spec: Training, store: Store, report: Report, device: str, watch: Watch | None = None) -> Record:
    """Train, and store the record, whatever the store holds."""
    began = time.perf_counter()
    result = _learn(spec, store, report, device, watch)
    record = {"kind": "Training", "spec": records.plain(spec), "weights": result.pop("weights"), "result": result}
    record["made"] = made(device, time.perf_counter() - began)
    store.put(records.key(spec), record)
    return record


def learn_together(specs: Sequence[Training], store: Store, report: Report = ignore) -> None:
    """Train networks in one stack and store the record of each, with its share of the seconds.

    One whose loss is no number any more is not stored, and none where the stack does not fit into a GPU's memory:
    `execute` then lets each learn alone, and says what is wrong with it.
    """
    from torch import OutOfMemoryError

    from invlab import stacks

    device = devices.choose()
    with contextlib.ExitStack() as held:
        for key in sorted(records.key(spec) for spec in specs):
            held.enter_context(_lock(key))
        began = time.perf_counter()
        curves = [Curve(spec) for spec in specs]
        try:
            networks = [training.start(spec, device) for spec in specs]
            for points in stacks.train_together(networks, specs, device):
                for curve, progress in zip(curves, points, strict=True):
                    curve.add(progress)
                report({"stage": "train", **asdict(points[0]), "fraction": points[0].step / points[0].steps})
        except OutOfMemoryError:
            log.warning("%d networks at once do not fit into the GPU: lower INVLAB_STACK; now one by one", len(specs))
            return
        learned = (time.perf_counter() - began) / len(specs)
        for spec, network, curve in zip(specs, networks, curves, strict=True):
            if not curve.finite:
                continue
            began = time.perf_counter()
            result = _result(spec, network, curve.points, store, device)
            record = {"kind": "Training", "spec": records.plain(spec), "weights": result.pop("weights")}
            told = made(device, learned + time.perf_counter() - began) | {"stack": len(specs)}
            store.put(records.key(spec), record | {"result": result, "made": told})


def _learn(spec: Training, store: Store, report: Report, device: str, watch: Watch | None = None) -> Record:
    network, history = _taught(spec, report, device, watch)
    return _result(spec, network, history, store, device)


def _result(spec: Training, network: Network, history: list[Record], store: Store, device: str) -> Record:
    network.eval()
    test = rendered.parts(spec.task, "test", TEST_IMAGES, device=device)
    return {
        "weights": store.put_weights(records.key(spec), dict(network.state_dict())),
        "test_accuracy": sum(training.right_of(network, part) for part in test) / TEST_IMAGES,
        "images_per_second": history[-1]["images_per_second"] if history else None,
        "history": history,
    }


def _taught(spec: Training, report: Report, device: str, watch: Watch | None = None) -> tuple[Network, list[Record]]:
    """The trained network and the curve of its training; nothing is stored."""
    network, curve, reported = training.start(spec, device), Curve(spec), 0.0
    # A network that is watched learns beside another one: on two cores there is none left to render ahead on.
    ahead = False if watch is not None and (os.cpu_count() or 1) <= 2 else None
    for progress in training.train(network, spec, device, ahead):
        curve.add(progress)
        if not curve.finite:
            raise ArithmeticError(f"the loss is no number any more at step {progress.step}; lower the learning rate")
        if progress.seconds - reported >= REPORT_SECONDS or progress.step in (1, spec.steps):
            reported = progress.seconds
            report({"stage": "train", **asdict(progress), "fraction": progress.step / progress.steps})
        if watch is not None:
            watch(network, progress)
    return network, curve.points


def _train(spec: Training, store: Store, report: Report, device: str) -> Record:
    return _learn(spec, store, report, device)


def _measured(measure: Callable[[Network, Any, str], Record]) -> Callable[[Any, Store, Report, str], Record]:
    """The step of a spec that measures a trained network: `measure(network, spec, device)`."""

    def step(spec: Any, store: Store, report: Report, device: str) -> Record:
        return measure(trained(spec.training, store, report), spec, device)

    return step


def _audit(spec: Audit, store: Store, report: Report, device: str) -> Record:
    report({"stage": "network", "fraction": 0.0})
    result = audit.measure(audited_network(spec, store, report), spec, device, report)
    if spec.weights == audit.DEFAULT:  # which of them that is changes with torchvision's releases
        from invlab.weights import default_file

        result["weights_file"] = default_file(spec.network)[1].name
    return result


def audited_network(spec: Audit, store: Store, report: Report = ignore) -> Network:
    """The network that an audit asks about. Raises ValueError where its weights cannot be had."""
    from invlab import weights
    from invlab.imagenet import untrained

    if spec.weights == audit.DEFAULT:
        return weights.default_network(spec.network, report)
    if spec.weights == audit.RANDOM:
        return untrained(spec.network, torch_generator("audit weights", spec.seed))
    if spec.weights.startswith(audit.FILE):
        return weights.received_network(spec.network, spec.weights.removeprefix(audit.FILE))
    record = store.get(spec.weights)
    if record is None:
        raise ValueError(f"weights {spec.weights}: no training of that key is stored here; train it first")
    learned = records.revive(Training, record["spec"])
    if audited(learned.network) != spec.network:
        raise ValueError(
            f"network {spec.network}: the training {spec.weights} is of {audited(learned.network)}; name that one"
        )
    return trained(learned, store, report)


def _fine_tuning(spec: FineTuning, store: Store, report: Report, device: str) -> Record:
    def told(fraction: float) -> None:
        report({"stage": "tune", "fraction": fraction})

    return transfer.measure_tuned(trained(spec.training, store, report), spec, device, told)


def _shared_invariance(spec: SharedInvariance, store: Store, report: Report, device: str) -> Record:
    def told(fraction: float) -> None:
        report({"stage": "doubles", "fraction": fraction})

    return shared_invariance(_all_trained(spec.networks, store, report), spec, device, told)


def _disagreement(spec: Disagreement, store: Store, report: Report, device: str) -> Record:
    first, second = _all_trained(spec.networks, store, report)
    return disagree((first, second), spec, device)


def _all_trained(networks: Sequence[Training], store: Store, report: Report) -> list[Network]:
    """The networks of several trainings, learned side by side where they are not stored."""
    execute_all(dict.fromkeys(networks), store, report, devices.threads())
    return [trained(network, store) for network in networks]


def _record(spec: Recording, store: Store, report: Report, device: str) -> Record:
    """Look at a network at each of the spec's steps while it learns.

    The weights between the steps are nobody's to keep: a training that is stored is learned again, and its stored
    weights stay as they are.
    """
    watched = Watched(spec, report, device)
    watched.look(training.start(spec.training, device), 0, [])
    key = records.key(spec.training)
    with _lock(key):
        if store.get(key) is None:
            _store_trained(spec.training, store, watched.told, device, watched)
        else:
            _taught(spec.training, watched.told, device, watched)
    return {"families": list(spec.families), "labels": spec.target.labels, "looks": watched.looks}


def _study_seed(spec: StudySeed, store: Store, report: Report, device: str) -> Record:
    """Compute what is missing of a study's seed, then gather its rows."""
    cells = {records.key(cell): cell for cell in spec.specs()}
    stored = store.stored(cells)
    todo = longest_first(cell for key, cell in cells.items() if key not in stored)
    execute_all(todo, store, report, devices.threads(), [cell_seconds(cell) for cell in todo])
    found = study(spec.study)
    return {"axes": list(found.axes), "rows": gathered(found, spec.cells(), lambda c: execute(c, store)["result"])}


def longest_first(cells: Iterable[Any]) -> list[Any]:
    """Trainings, then what measures their networks, each with the longest first: so no thread waits at the end for the
    last long one, and what takes equally long stays in order, task by task, whose pictures are then still there."""
    return sorted(cells, key=lambda cell: (not isinstance(cell, Training), -cell_seconds(cell)))


def _study_run(spec: StudyRun, store: Store, report: Report, device: str) -> Record:
    """Compute the seeds that are missing; their rows are stored under their own keys."""
    missing = missing_seeds(spec, store)
    for number, seed in enumerate(missing):

        def told(point: dict[str, Any], number: int = number, seed: StudySeed = seed) -> None:
            left = point.get("left")
            if left is not None:  # a seed costs about as much as the next
                left = round(left + (len(missing) - number - 1) * (left + point["seconds"]), 1)
            fraction = (number + point.get("fraction", 0.0)) / len(missing)
            report(point | {"seed": seed.seed, "seeds": spec.seeds, "fraction": fraction, "left": left})

        execute(seed, store, told)
    return {"seeds": [records.key(seed) for seed in spec.each()]}


def missing_seeds(spec: StudyRun, store: Store) -> list[StudySeed]:
    """The seeds of a run whose rows are not stored: none where it is complete."""
    return [seed for seed in spec.each() if store.get(records.key(seed)) is None]


def study_table(spec: StudyRun, store: Store) -> Table:
    """The stored numbers of a run's seeds; those that are missing are left out."""
    found = {seed.seed: store.get(records.key(seed)) for seed in spec.each()}
    return table(study(spec.study), {n: record["result"]["rows"] for n, record in found.items() if record})


def stored_run(name: str, preset: str, store: Store, most: int = 100) -> StudyRun | None:
    """The largest run of a study at a preset whose seeds are all stored, with its optional data where that is there."""
    for data in dict.fromkeys((study(name).data, study(name).data[:1], ())):
        whole = StudyRun(name, preset, most, data)
        there = (store.get(records.key(seed)) is not None for seed in whole.each())
        if seeds := sum(itertools.takewhile(bool, there)):
            return StudyRun(name, preset, seeds, data)
    return None


def _singles(spec: Singles, store: Store, report: Report, device: str) -> Record:
    execute_all(spec.cells(), store, report)
    return summary(spec, lambda cell: execute(cell, store)["result"])


def _compare(spec: Comparison, store: Store, report: Report, device: str) -> Record:
    """Train the networks side by side, looking at them as they learn, then measure each."""
    report({"stage": "start", "networks": len(spec.sources), "device": devices.describe(device), "fraction": 0.0})
    relay = Relay(report, len(spec.sources))
    with ThreadPoolExecutor(len(spec.sources), initializer=devices.one_thread_each) as pool:
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


_locks: dict[str, threading.RLock] = {}
_locks_lock = threading.Lock()


def _lock(key: str) -> threading.RLock:
    """One lock for each key: two threads that want the same result compute it once."""
    with _locks_lock:
        return _locks.setdefault(key, threading.RLock())


SPECS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        Audit,
        Training,
        Sensitivity,
        TwinPairs,
        Response,
        Neighbourhoods,
        Layers,
        SharedInvariance,
        Disagreement,
        Measures,
        Information,
        Recording,
        Transfer,
        FineTuning,
        Comparison,
        Singles,
        StudySeed,
        StudyRun,
    )
}
STEPS: dict[str, Callable[[Any, Store, Report, str], Record]] = {
    "Audit": _audit,
    "Training": _train,
    "Sensitivity": _measured(sensitivity.measure),
    "TwinPairs": _measured(twin_distances),
    "Response": _measured(respond),
    "Neighbourhoods": _measured(neighbourhoods),
    "Layers": _measured(layers),
    "SharedInvariance": _shared_invariance,
    "Disagreement": _disagreement,
    "Measures": _measured(measure_all),
    "Information": _measured(decode),
    "Recording": _record,
    "Transfer": _measured(transfer.measure),
    "FineTuning": _fine_tuning,
    "Comparison": _compare,
    "Singles": _singles,
    "StudySeed": _study_seed,
    "StudyRun": _study_run,
}
