"""Studies past one machine: their cells on a Ray cluster (docs/cluster.md). Ray is an optional install.

The driver alone writes the store: its database is not for network file systems, and workers then need no disk in
common. A worker computes a batch cell by cell and keeps it in a store of its own; each record, and a training's weights
as the bytes of their file, is on its way to the driver as soon as it is finished. So whatever ends, a worker, a node or
the driver, costs the cells under way and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import importlib.util
import ipaddress
import itertools
import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from invlab import __version__, devices, records, runs
from invlab.costs import cell_seconds
from invlab.files import USERS, sha256, used
from invlab.jobs import MAX_ATTEMPTS
from invlab.store import Store
from invlab.studies.catalogue import StudyRun, training_of
from invlab.training import Training
from invlab.watching import Record, Report, ignore

LOCAL = "ray"  # an address: a cluster of this machine alone, for as long as the driver runs
BATCH_SECONDS = 30.0  # expected seconds of a batch, where there is that much to do
SHARES = 4  # a batch is at most this part, for each worker, of what is left
PATIENCE_SECONDS = 30.0  # without any worker before the person is told
REACH_SECONDS = 10.0  # until a cluster that does not answer is given up
FOLDER = "invlab-batch-"

# What a cluster of this machine alone is started with; Ray reads it when it is imported.
PRIVATE = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # "not a cluster": every port is bound to the loopback interface
    "RAY_AUTH_MODE": "token",  # other users of this machine reach that, too
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent to anybody
    "RAY_enable_metrics_collection": "0",
}

Sent = dict[str, Any]

log = logging.getLogger(__name__)


class ClusterError(RuntimeError):
    """The cluster cannot do what was asked; the message is one sentence with the remedy."""


# ------------------------------------------------------------------------------------------------------------- the plan


@dataclass(frozen=True)
class Batch:
    """What a worker is given at a time, unless its GPU learns more at once (`next_batch`); `seconds` is what it is
    expected to take on one CPU thread."""

    cells: tuple[Any, ...]
    seconds: float


def batches(specs: Iterable[Any], workers: int) -> list[Batch]:
    """Cells of studies as batches, the longest first.

    Cells that share a training are in one batch, the training before what is measured on it, so that it is learned once
    and its weights stay where they are. Small groups are joined, so that a worker seldom waits for the driver.
    """
    return joined(grouped(specs), workers)


def grouped(specs: Iterable[Any]) -> list[Batch]:
    """The cells that share a training, for each training; the longest first."""
    groups: dict[Training, list[Any]] = {}
    for spec in specs:
        groups.setdefault(training_of(spec), []).append(spec)
    found = [Batch(tuple(sorted(cells, key=_measures)), sum(map(cell_seconds, cells))) for cells in groups.values()]
    return sorted(found, key=lambda group: -group.seconds)


def joined(groups: Sequence[Batch], workers: int) -> list[Batch]:
    """Groups, the longest first, joined to batches of `BATCH_SECONDS`; shorter ones towards the end, of what is left a
    small share for each worker, so that all of them end at about the same time."""
    found: list[Batch] = []
    left, short = sum(group.seconds for group in groups), False
    for group in groups:
        batch = Batch(found[-1].cells + group.cells, found.pop().seconds + group.seconds) if short else group
        found.append(batch)
        short = batch.seconds < min(BATCH_SECONDS, left / (SHARES * workers))
        left -= 0.0 if short else batch.seconds
    return found


def next_batch(waiting: deque[Batch], most: int, idle: int) -> Batch:
    """Take the batch that a worker is given next, for one that learns up to `most` small networks in one stack.

    With the first that waits come later ones whose trainings can be in a stack with its first: as many as `most`
    allows, and no more than leaves a like share to each of `idle` workers.
    """
    from invlab import stacks  # which needs torch

    def kind(batch: Batch) -> object | None:
        return next((stacks.kind(spec) for spec in batch.cells if isinstance(spec, Training)), None)

    first = waiting.popleft()
    if most == 1 or kind(first) is None:
        return first
    alike = [batch for batch in waiting if kind(batch) == kind(first)]
    free = min(most, -(-sum(map(_trainings, [first, *alike])) // max(1, idle))) - _trainings(first)
    taken: list[Batch] = []
    for batch in alike:
        if _trainings(batch) <= free:
            taken.append(batch)
            free -= _trainings(batch)
    left = [batch for batch in waiting if not any(batch is one for one in taken)]
    waiting.clear()
    waiting.extend(left)
    cells = itertools.chain.from_iterable(batch.cells for batch in (first, *taken))
    return Batch(tuple(cells), sum(batch.seconds for batch in (first, *taken)))


def _trainings(batch: Batch) -> int:
    return sum(isinstance(spec, Training) for spec in batch.cells)


def _measures(spec: Any) -> bool:
    return not isinstance(spec, Training)


def missing_cells(spec: StudyRun, store: Store) -> list[Any]:
    """The cells of a run that are not stored, each once; none for seeds whose rows are stored."""
    specs = (cell for seed in runs.missing_seeds(spec, store) for cell in seed.specs())
    cells = {records.key(cell): cell for cell in specs}
    stored = store.stored(cells)
    return [cell for key, cell in cells.items() if key not in stored]


# ---------------------------------------------------------------------------------------------------- at the worker's


class Worker:
    """Computes cells in a process that stays warm: torch is imported and the scenes are drawn once."""

    def __init__(self) -> None:
        runs.warm_up()
        sweep(Path(tempfile.gettempdir()))
        self._begin()

    def about(self) -> Sent:
        """Who this is: `{"node", "pid", "device", "stack", "version", "format"}`, stack as `devices.stacked`."""
        import ray

        where = {"node": ray.get_runtime_context().get_node_id(), "pid": os.getpid()}
        told = {"device": devices.describe(devices.choose()), "stack": devices.stacked()}
        return where | told | {"version": __version__, "format": records.FORMAT}

    def begin(self, given: Sequence[Sent]) -> None:
        """Forget the last batch and take, for the next, the trainings that the driver has."""
        self._end()
        self._begin()
        for sent in given:
            keep(sent, self._store)

    def compute(self, kind: str, fields: dict[str, Any], key: str) -> Sent:
        """The record of a cell, as `packed`; `{"key", "error"}`, a sentence, where it cannot be computed."""
        try:
            spec = runs.revive(kind, fields)
            runs.execute(spec, self._store)
            return packed(key, self._store)
        except Exception as error:  # noqa: BLE001 - whatever a cell does is the driver's to judge
            return {"key": key, "error": f"{type(error).__name__}: {error}"}

    def compute_all(self, asked: Sequence[tuple[str, dict[str, Any], str]]) -> list[Sent]:
        """What `compute` gives for one cell, or for each of several trainings, which learn in one stack; those that
        did not learn there learn alone."""
        if len(asked) > 1:
            try:
                runs.learn_together([runs.revive(kind, fields) for kind, fields, _ in asked], self._store)
            except Exception as error:  # noqa: BLE001 - whatever it is, alone a cell says it by itself
                log.warning("a stack of %d trainings failed (%s): each learns alone", len(asked), error)
        return [self.compute(*one) for one in asked]

    def _begin(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix=FOLDER))
        self._sign = used(self._folder)
        self._store = Store(self._folder)

    def _end(self) -> None:
        self._store.close()
        if self._sign is not None:
            self._sign.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def sweep(place: Path) -> None:
    """Delete the folders of workers that were killed: nobody holds their locks any more."""
    for folder in place.glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError), (folder / USERS).open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def packed(key: str, store: Store) -> Sent:
    """A stored record to be sent: `{"key", "record", "weights"}`, the weights as safetensors bytes or None.

    Raises ClusterError where the record names weights that the store has not.
    """
    record = store.get(key)
    if record is None:
        raise ClusterError(f"there is no result {key} here: its spec has another key in this version; install the same")
    if "weights" not in record:
        return {"key": key, "record": record, "weights": None}
    tensors = store.get_weights(key, record["weights"])
    if tensors is None:
        raise ClusterError(f"the weights of {key} are gone: compute it again")
    return {"key": key, "record": record, "weights": _safetensors().save(tensors)}


def keep(sent: Sent, store: Store) -> None:
    """Store what was packed elsewhere. Raises ClusterError where the weights are not those the record tells."""
    record: Record = sent["record"]
    if sent["weights"] is not None:
        described = store.put_weights(sent["key"], _safetensors().load(sent["weights"]))
        if described["sha256"] != sha256(sent["weights"]):
            raise ClusterError(f"the weights of {sent['key']} were damaged on their way: run the command again")
        record = record | {"weights": described}
    store.put(sent["key"], record)


def _safetensors() -> Any:
    import safetensors.torch

    return safetensors.torch


# ------------------------------------------------------------------------------------------------------ at the driver's


@dataclass(eq=False)
class Member:
    """A worker as the driver sees it.

    ready: the reference of `about`; None once that was answered
    stack: how many small networks it learns at once
    pending: what it was asked for, in order, as (reference, specs)
    """

    actor: Any
    ready: Any
    stack: int = 1
    pending: deque[tuple[Any, tuple[Any, ...]]] = field(default_factory=deque)

    def first(self) -> Any:
        """The reference that is answered next; None for an idle worker."""
        return self.ready if self.ready is not None else self.pending[0][0] if self.pending else None


class Cluster:
    """A Ray cluster that computes cells of studies; connected when there is something to compute, until `close`.

    address: `ray` starts one on this machine; else `auto`, `host:6379` or `ray://host:10001`.
    workers: how many processes; as many as the cluster has room for where it is None.
    gpus: of each worker, also a part of one; 1 where the cluster has GPUs and it is None. Nothing keeps workers that
        share a GPU from each other's memory.
    """

    def __init__(self, address: str, workers: int | None = None, gpus: float | None = None) -> None:
        check_address(address)
        if gpus is not None and not 0 <= gpus <= 64:
            raise ValueError(f"gpus per worker {gpus}: give a number from 0 to 64, such as 0.25")
        self.address, self.workers, self.gpus = address, workers, gpus
        self.members: list[Member] = []
        self.worker: type = Worker
        self._open = contextlib.ExitStack()
        self._ray: Any = None
        self._size = 0
        self._failures = 0

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, and the cluster if it was started here."""
        self._dismiss_all()
        self._open.close()
        self._ray = None

    def compute(self, specs: Iterable[Any], store: Store, report: Report = ignore) -> None:
        """Compute cells of studies that are not stored and store them as they are finished.

        Reports what `runs.execute_all` reports, with the number of `workers` at work; what a report raises ends the
        work, and so does a cell that cannot be computed. Raises ClusterError, StoreError.
        """
        specs = list(dict.fromkeys(specs))
        todo = {records.key(spec): cell_seconds(spec) for spec in specs}
        if not todo:
            return
        self._connect()
        _interrupt_on_sigterm()
        self._failures = 0
        waiting = deque(batches(specs, self._size))
        attempts: Counter[str] = Counter()
        whole, paid, done = sum(todo.values()), 0.0, 0
        began = seen = time.perf_counter()
        try:
            while done < len(todo):
                self._recruit(len(waiting))
                self._hand_out(waiting, attempts, store)
                for key in self._arrived(waiting, attempts, store):
                    paid, done = paid + todo.get(key, 0.0), done + (key in todo)
                now = time.perf_counter()
                seen = self._watched(now, seen)
                report(runs.cells_point(done, len(todo), now - began, paid, whole) | {"workers": self._at_work()})
        except BaseException:
            self._rescue(store)
            self._dismiss_all()
            raise

    # ---- workers come and go

    def _connect(self) -> None:
        if self._ray is not None:
            return
        self._open.enter_context(_sigterm_as_before())
        if self.address == LOCAL:
            self._ray = self._open.enter_context(_private_ray(self.workers or os.cpu_count() or 1))
        else:
            self._ray = self._open.enter_context(_joined_ray(self.address))
        there = self._ray.cluster_resources()
        if self.gpus is None:
            self.gpus = 1.0 if there.get("GPU") else 0.0
        self._size = self.workers or room_for(there, self.gpus)

    def _recruit(self, batches_left: int) -> None:
        """Start workers up to the number asked for, unless there is nothing left for another one."""
        wanted = min(self._size, sum(bool(member.pending) for member in self.members) + batches_left)
        while len(self.members) < wanted:
            alike = self._ray.remote(self.worker)
            asked = {"num_cpus": 1, "num_gpus": self.gpus, "max_restarts": 0, "max_task_retries": 0}
            actor = alike.options(scheduling_strategy="SPREAD", **asked).remote()
            self.members.append(Member(actor, actor.about.remote()))

    def _hand_out(self, waiting: deque[Batch], attempts: Counter[str], store: Store) -> None:
        """A batch for each worker that is at its last cell, so that none idles.

        What has ended a worker before is in no stack: so it is found out which of its networks did it.
        """
        from invlab import stacks

        for member in self.members:
            if waiting and member.ready is None and len(member.pending) <= 1:
                idle = self._size - sum(bool(other.pending) for other in self.members)
                batch = next_batch(waiting, member.stack, idle)
                given, again = self._needed(batch, store)
                member.actor.begin.remote(given)
                for specs in stacks.units([*again, *batch.cells], member.stack, lambda t: not attempts[records.key(t)]):
                    asked = [(type(spec).__name__, records.plain(spec), records.key(spec)) for spec in specs]
                    member.pending.append((member.actor.compute_all.remote(asked), specs))

    def _needed(self, batch: Batch, store: Store) -> tuple[list[Sent], list[Training]]:
        """The stored trainings that a batch measures, packed, and those whose weights are gone."""
        given: list[Sent] = []
        again: list[Training] = []
        for of in dict.fromkeys(map(training_of, batch.cells)):
            key = records.key(of)
            if of not in batch.cells and store.get(key) is not None:
                try:
                    given.append(packed(key, store))
                except ClusterError:
                    again.append(of)
        return given, again

    def _arrived(self, waiting: deque[Batch], attempts: Counter[str], store: Store) -> Iterator[str]:
        """Store what workers have finished, waiting for it for a moment; the keys of it."""
        firsts = {reference: member for member in self.members if (reference := member.first()) is not None}
        if not firsts:
            time.sleep(runs.CELLS_SECONDS)
        for reference in self._ready(list(firsts), runs.CELLS_SECONDS):
            member = firsts[reference]
            try:
                answer = self._ray.get(reference)
            except self._lost() as error:
                self._bury(member, error, waiting, attempts)
                continue
            except self._ray.exceptions.RayError as error:
                raise ClusterError(f"the cluster failed: {_lines(error)[0]}") from error
            if member.ready is not None:
                self._welcome(member, answer)
                continue
            member.pending.popleft()
            failed = [sent for sent in answer if "error" in sent]
            for sent in answer:
                if "error" not in sent:
                    keep(sent, store)
                    yield sent["key"]
            if failed:
                raise ClusterError(f"{failed[0]['key']} could not be computed on the cluster ({failed[0]['error']})")

    def _ready(self, references: list[Any], seconds: float) -> list[Any]:
        """Those that are answered now; waits up to `seconds` for a first one."""
        if not references or not self._ray.wait(references, num_returns=1, timeout=seconds)[0]:
            return []
        return self._ray.wait(references, num_returns=len(references), timeout=0)[0]

    def _welcome(self, member: Member, about: Sent) -> None:
        if (about["version"], about["format"]) != (__version__, records.FORMAT):
            told = f"Invariance Lab {about['version']}, the driver {__version__}"
            raise ClusterError(f"the node {about['node']} has {told}: install the same on both")
        member.ready, member.stack, self._failures = None, about["stack"], 0
        log.info("worker %d on node %s, %s", about["pid"], about["node"][:8], about["device"])

    def _bury(self, member: Member, error: Exception, waiting: deque[Batch], attempts: Counter[str]) -> None:
        """Take back what a worker that is gone had not finished. Raises ClusterError for one that ends every time."""
        self._dismiss(member)
        self.members.remove(member)
        if member.ready is not None:
            self._failures += 1
            if self._failures >= MAX_ATTEMPTS:
                raise ClusterError(f"workers cannot be started: {_lines(error)[-1]}") from error
            return
        under_way = [records.key(spec) for spec in member.pending[0][1]]
        attempts.update(under_way)
        key = under_way[0]
        if attempts[key] >= MAX_ATTEMPTS:
            remedy = "it may need more memory than there is: ask for fewer workers"
            raise ClusterError(f"{key} has ended its worker {attempts[key]} times, and {remedy}") from error
        log.warning("a worker was lost in the middle of %s: begun anew: %s", ", ".join(under_way), _lines(error)[0])
        lost = [spec for _, specs in member.pending for spec in specs]
        waiting.appendleft(Batch(tuple(lost), sum(map(cell_seconds, lost))))

    def _rescue(self, store: Store) -> None:
        """Before all ends: store what is finished and was not fetched yet."""
        with contextlib.suppress(Exception):
            for member in self.members:
                asked = [] if member.ready is not None else [reference for reference, _ in member.pending]
                for reference in self._ready(asked, 0.0):
                    with contextlib.suppress(self._ray.exceptions.RayError):
                        for sent in self._ray.get(reference):
                            if "error" not in sent:
                                keep(sent, store)

    def _dismiss_all(self) -> None:
        for member in self.members:
            self._dismiss(member)
        self.members = []

    def _dismiss(self, member: Member) -> None:
        with contextlib.suppress(Exception):  # it may be gone, or the whole cluster
            self._ray.kill(member.actor)

    def _lost(self) -> tuple[type[Exception], ...]:
        """What Ray raises where the process or the node that held an answer is gone."""
        e = self._ray.exceptions
        return e.RayActorError, e.ObjectLostError, e.WorkerCrashedError, e.NodeDiedError, e.OutOfMemoryError

    def _at_work(self) -> int:
        return sum(member.ready is None for member in self.members)

    def _watched(self, now: float, seen: float) -> float:
        """When a worker was last there; after a while without one, the person is told, again and again."""
        if self._at_work() or now - seen < PATIENCE_SECONDS:
            return now if self._at_work() else seen
        there = self._ray.cluster_resources()
        log.warning(
            "no worker yet: each asks for 1 CPU and %g GPUs, the cluster has %g and %g in all",
            self.gpus, there.get("CPU", 0), there.get("GPU", 0),
        )  # fmt: skip
        return now


def room_for(resources: dict[str, float], gpus: float) -> int:
    """How many workers of one CPU and `gpus` GPUs each a cluster has room for. Raises ClusterError for none."""
    room = int(resources.get("CPU", 0))
    if gpus:
        whole = int(resources.get("GPU", 0))
        room = min(room, whole * int(1 / gpus) if gpus < 1 else int(whole / gpus))
    if room < 1:
        has = f"{resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs"
        raise ClusterError(f"a worker asks for 1 CPU and {gpus:g} GPUs, the cluster has {has}: give --gpus-per-worker")
    return room


def check_address(address: str) -> str:
    """An address of a cluster, as it came in. Raises ValueError."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address not in (LOCAL, "auto") and not (host and "/" not in host and port.isdigit()):
        raise ValueError(f"{address!r} is no cluster: give ray, auto, host:6379 or ray://host:10001")
    return address


# ---------------------------------------------------------------------------------------------------------- Ray itself


def installed() -> bool:
    """Whether Ray is there; it is not imported."""
    return importlib.util.find_spec("ray") is not None


def _imported() -> Any:
    if not installed():
        raise ClusterError("Ray is not installed: pip install -r requirements-cluster.txt")
    import ray

    return ray


@functools.cache
def _token() -> str:
    """One for each process: Ray reads it once."""
    return secrets.token_hex(32)


@contextlib.contextmanager
def _private_ray(cpus: int) -> Iterator[Any]:
    """Ray with a cluster of this machine alone: on the loopback interface, behind a token, without a dashboard."""
    with _environment(PRIVATE | {"RAY_AUTH_TOKEN": _token()}):
        ray = _imported()
        try:
            started = ray.init("local", num_cpus=cpus, include_dashboard=False, **_quiet())
            address = started.address_info["node_ip_address"]
            if not ipaddress.ip_address(address).is_loopback:  # Ray was imported before its settings were made
                raise ClusterError(f"Ray would listen on {address}, where others reach it: start a new process")
            yield ray
        finally:
            ray.shutdown()


@contextlib.contextmanager
def _joined_ray(address: str) -> Iterator[Any]:
    """Ray on a cluster that is there already; its nodes get this very package."""
    ray = _imported()
    _reach(address)
    try:
        package = str(Path(__file__).resolve().parent)
        try:
            ray.init(address, runtime_env={"py_modules": [package], "excludes": ["**/__pycache__"]}, **_quiet())
        except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise ClusterError(f"the cluster {address} cannot be joined: {_lines(error)[0]}") from error
        yield ray
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Raise ClusterError where nobody listens at an address: Ray itself asks again for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if address == "auto":
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"the cluster {address} cannot be joined: {error}") from error


def _quiet() -> dict[str, Any]:
    return {"log_to_driver": False, "logging_level": logging.ERROR}


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _sigterm_as_before() -> Iterator[None]:
    """Whatever the block, and Ray within it, does with SIGTERM holds for the block alone."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)


def _interrupt_on_sigterm() -> None:
    """SIGTERM ends the work as Ctrl-C does; Ray has set a handler of its own that leaves without a word."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():  # which alone gets signals
        signal.signal(signal.SIGTERM, interrupt)


def _lines(error: BaseException) -> list[str]:
    """What an error says, line by line: Ray begins with what happened and ends with what its cause said."""
    lines = [line.strip()[:300] for line in str(error).splitlines() if line.strip()]
    return lines or [type(error).__name__]
