"""Cells on a Ray cluster of two nodes: the same bits as here, whatever is killed, and nothing computed twice."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from invlab import __main__ as cli
from invlab import __version__, backgrounds, cluster, records, runs
from invlab.cluster import Cluster, ClusterError, Worker, batches, missing_cells
from invlab.costs import cell_seconds
from invlab.store import Store
from invlab.studies.catalogue import STUDIES, StudyRun, training_of
from invlab.tasks import Task
from invlab.training import Training
from tests.test_study_command import results

ROOT = Path(__file__).parents[1]
RUN = StudyRun("mismatch", "tiny", 2)
needs_ray = pytest.mark.skipif(
    not cluster.installed(), reason="Ray is not installed: pip install -r requirements-cluster.txt"
)

# ------------------------------------------------------------------------------------------------------------- the plan


def cells_of(name: str, seeds: int = 2) -> list[Any]:
    return [spec for seed in StudyRun(name, "tiny", seeds).each() for spec in seed.specs()]


@pytest.mark.parametrize("workers", [1, 2, 7, 1000])
@pytest.mark.parametrize("name", list(STUDIES))
def test_every_cell_is_in_one_batch_after_its_training(name: str, workers: int) -> None:
    cells = cells_of(name)
    random.Random(3).shuffle(cells)
    found = batches(cells, workers)
    assert Counter(spec for batch in found for spec in batch.cells) == Counter(cells)
    place = {training_of(spec): number for number, batch in enumerate(found) for spec in batch.cells}
    for number, batch in enumerate(found):
        assert batch.seconds == pytest.approx(sum(map(cell_seconds, batch.cells)))
        seen: set[Training] = set()
        for spec in batch.cells:
            assert place[training_of(spec)] == number  # with all that shares its training
            assert isinstance(spec, Training) or training_of(spec) in seen
            seen |= {spec} if isinstance(spec, Training) else set()


@pytest.mark.parametrize("workers", [1, 3, 50])
def test_the_longest_comes_first_and_batches_grow_shorter(workers: int) -> None:
    """None is joined beyond `BATCH_SECONDS`, or beyond a worker's share of what is left."""
    cells = cells_of("shift", 20)
    groups, found = cluster.grouped(cells), batches(cells, workers)
    assert [group.seconds for group in groups] == sorted((group.seconds for group in groups), reverse=True)
    left = sum(group.seconds for group in groups)
    for batch in found:
        enough = min(cluster.BATCH_SECONDS, left / (cluster.SHARES * workers))
        last = [spec for spec in batch.cells if isinstance(spec, Training)][-1]
        without = batch.seconds - sum(cell_seconds(spec) for spec in batch.cells if training_of(spec) == last)
        assert without < enough  # its last group was still needed
        assert batch.seconds >= enough or batch is found[-1]
        left -= batch.seconds
    assert (len(found) < len(groups)) == (workers < 50)
    assert batches([], 3) == []


def test_equal_groups_end_together() -> None:
    found = cluster.joined([cluster.Batch((number,), 4.0) for number in range(10)], 2)
    assert [batch.seconds for batch in found] == [8.0, *[4.0] * 8]


def small_batches(count: int, **changed: Any) -> list[cluster.Batch]:
    return [cluster.Batch((replace(SMALL, seed=seed, **changed),), 1.0) for seed in range(count)]


@pytest.mark.parametrize(
    ("most", "idle", "taken"),
    [
        (1, 1, 1),
        (4, 1, 4),
        (100, 1, 10),
        (100, 3, 4),  # a like share of ten for each, rounded up
        (100, 0, 10),  # all are at work, one at its last cell
    ],
)
def test_a_worker_that_stacks_is_given_what_can_learn_together(most: int, idle: int, taken: int) -> None:
    others = [*small_batches(3, batch=4), cluster.Batch((replace(SMALL, network="resnet18"),), 1.0)]
    alike = small_batches(10)
    waiting = deque([alike[0], *others, *alike[1:]])
    batch = cluster.next_batch(waiting, most, idle)
    assert batch.cells == tuple(spec for one in alike[:taken] for spec in one.cells)
    assert batch.seconds == taken
    assert list(waiting) == [*others, *alike[taken:]]


def test_a_network_that_cannot_be_stacked_and_measures_of_stored_ones_come_alone() -> None:
    large = cluster.Batch((replace(SMALL, network="resnet18"),), 9.0)
    measured = cluster.Batch(tuple(spec for spec in cells_of("mismatch") if not isinstance(spec, Training))[:2], 1.0)
    waiting = deque([large, large, measured, measured])
    assert [cluster.next_batch(waiting, 16, 1) for _ in range(4)] == [large, large, measured, measured]


def test_a_batch_too_large_for_the_stack_stays_whole_and_alone() -> None:
    five = cluster.Batch(tuple(replace(SMALL, seed=seed) for seed in range(5)), 5.0)
    waiting = deque([five, *small_batches(2)])
    assert cluster.next_batch(waiting, 4, 1) == five
    assert len(waiting) == 2


def test_what_is_stored_is_no_longer_missing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    cells = missing_cells(RUN, store)
    assert cells == list(dict.fromkeys(spec for seed in RUN.each() for spec in seed.specs()))
    for spec in cells[::2]:
        store.put(records.key(spec), {"result": {}})
    assert missing_cells(RUN, store) == cells[1::2]
    store.put(records.key(RUN.seed(1)), {"result": {"rows": []}})
    assert missing_cells(RUN, store) == [spec for spec in cells[1::2] if spec in RUN.seed(0).specs()]


@pytest.mark.parametrize(
    ("resources", "gpus", "room"),
    [
        ({"CPU": 8}, 0.0, 8),
        ({"CPU": 8, "GPU": 1}, 0.25, 4),
        ({"CPU": 8, "GPU": 3}, 0.4, 6),  # two on each: a worker's part is of one GPU
        ({"CPU": 8, "GPU": 3}, 2.0, 1),
        ({"CPU": 3, "GPU": 4}, 0.5, 3),
    ],
)
def test_room_for_workers(resources: dict[str, float], gpus: float, room: int) -> None:
    assert cluster.room_for(resources, gpus) == room


def test_no_room_is_said() -> None:
    with pytest.raises(ClusterError, match=r"1 CPU and 1 GPUs, the cluster has 4 CPUs and 0 GPUs: give --gpus"):
        cluster.room_for({"CPU": 4}, 1.0)


@pytest.mark.parametrize("address", ["ray", "auto", "host:6379", "10.0.0.1:6379", "ray://host:10001", "[::1]:6379"])
def test_addresses(address: str) -> None:
    assert cluster.check_address(address) == address


@pytest.mark.parametrize("address", ["", "rey", "host", "host:", ":1", "http://host:10001", "ray://host", "host:x"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="is no cluster: give ray, auto, host:6379 or ray://host:10001"):
        cluster.check_address(address)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--on", "somewhere"], "'somewhere' is no cluster"),
        (["--workers", "2"], "--workers: this is for a cluster; give --on, or --threads instead"),
        (["--gpus-per-worker", "0.5"], "--gpus-per-worker: this is for a cluster"),
        (["--on", "ray", "--gpus-per-worker", "-1"], "gpus per worker -1.0: give a number from 0 to 64"),
        (["--on", "ray"], "Ray is not installed: pip install -r requirements-cluster.txt"),
    ],
)
def test_what_cannot_be_done_gets_one_sentence(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path))
    monkeypatch.setattr(cluster, "installed", lambda: False)
    assert cli.main(["study", "mismatch", "--preset", "tiny", "--seeds", "1", *arguments]) == 1
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


# --------------------------------------------------------------------------------------------- what is sent, and stored


SMALL = Training(Task(classes=(0, 1), transformations=("rotate",)), images=16, batch=8)


def test_what_is_packed_is_kept_as_it_was(tmp_path: Path) -> None:
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    record = runs.execute(SMALL, there)
    key = records.key(SMALL)
    cluster.keep(cluster.packed(key, there), here)
    assert here.get(key) == record
    tensors = here.get_weights(key, record["weights"])
    assert tensors is not None
    assert all(torch.equal(tensors[name], value) for name, value in there.get_weights(key, record["weights"]).items())


def test_weights_that_are_damaged_or_gone_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    runs.execute(SMALL, there)
    key = records.key(SMALL)
    sent = cluster.packed(key, there)
    header = int.from_bytes(sent["weights"][:8], "little")
    padded = (header + 8).to_bytes(8, "little") + sent["weights"][8 : 8 + header] + b" " * 8
    with pytest.raises(ClusterError, match="were damaged on their way"):
        cluster.keep(sent | {"weights": padded + sent["weights"][8 + header :]}, here)
    assert here.get(key) is None
    (tmp_path / "there" / sent["record"]["weights"]["file"]).unlink()
    with pytest.raises(ClusterError, match=r"the weights of .* are gone"):
        cluster.packed(key, there)
    with pytest.raises(ClusterError, match="no result"):
        cluster.packed(records.key(replace(SMALL, seed=5)), there)


def test_folders_of_killed_workers_are_swept_and_those_of_living_ones_stay(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    living = Worker()
    killed = tmp_path / f"{cluster.FOLDER}killed"
    (killed / "weights").mkdir(parents=True)
    cluster.sweep(tmp_path)
    assert not killed.exists()
    assert living._folder.exists()
    first = living._folder
    key = records.key(SMALL)
    assert living.compute("Training", records.plain(SMALL), key)["record"]["kind"] == "Training"
    living.begin([])
    assert not first.exists()  # the weights of a batch go with it
    assert [path.name for path in tmp_path.iterdir()] == [living._folder.name]
    specs = [replace(SMALL, seed=seed) for seed in (0, 1)]
    asked = [("Training", records.plain(spec), records.key(spec)) for spec in specs]
    assert [sent["record"]["made"]["stack"] for sent in living.compute_all(asked)] == [2, 2]
    living.begin([])
    monkeypatch.setattr(runs, "learn_together", lambda *_: 1 / 0)
    told = living.compute_all([*asked, ("Training", {}, "key")])  # each alone, and what is wrong with one
    assert [sent["key"] for sent in told] == [records.key(specs[0]), records.key(specs[1]), "key"]
    assert ["error" in sent for sent in told] == [False, False, True]
    assert "stack" not in told[0]["record"]["made"]
    assert "no result" in living.compute("Training", records.plain(SMALL), records.key(replace(SMALL, seed=9)))["error"]
    living._end()


# ----------------------------------------------------------------------------------------------- a cluster of two nodes


@dataclass
class Nodes:
    """A cluster on this machine.

    whole: Ray's own; client: the address for machines outside of it; notes: what its workers write down.
    """

    whole: Any
    address: str
    client: str
    notes: Path
    environment: dict[str, str]

    def noted(self) -> list[str]:
        return self.notes.read_text().split() if self.notes.exists() else []


ALIKE = {"node_ip_address": "127.0.0.1", "object_store_memory": 100 * 2**20}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def nodes(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two nodes of one CPU each."""
    if not cluster.installed():
        pytest.skip("Ray is not installed")
    backgrounds.backgrounds("scenes", 32)
    notes = tmp_path_factory.mktemp("cluster") / "notes"
    environment = cluster.PRIVATE | {"RAY_AUTH_TOKEN": "0123456789abcdef" * 2, "INVLAB_TEST_NOTES": str(notes)}
    environment |= {"RAY_CLIENT_RECONNECT_GRACE_PERIOD": "1"}  # seconds that it waits for a client that was killed
    with cluster._environment(environment):
        import ray
        from ray.cluster_utils import Cluster as Simulated

        ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
        port = free_port()
        head = ALIKE | {"num_cpus": 1, "include_dashboard": False, "ray_client_server_port": port}
        whole = Simulated(True, head_node_args=head)
        try:
            whole.add_node(num_cpus=1, **ALIKE)
            yield Nodes(whole, whole.address, f"ray://127.0.0.1:{port}", notes, environment)
        finally:
            ray.shutdown()
            whole.shutdown()


@pytest.fixture(scope="module")
def joined(nodes: Nodes) -> Iterator[Cluster]:
    """The cluster, joined once: a driver may compute on it again and again."""
    with Cluster(nodes.address) as on:
        yield on


@pytest.fixture
def on(joined: Cluster, noted: Nodes) -> Cluster:
    """The cluster, whose workers take notes; warm ones where the test before it left some."""
    with_worker(joined, Noting)
    return joined


def with_worker(on: Cluster, worker: type) -> None:
    on._size = 2
    if on.worker is not worker:
        on._dismiss_all()
        on.worker = worker


@pytest.fixture(scope="module")
def here(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The run computed without a cluster."""
    store = Store(tmp_path_factory.mktemp("local"))
    runs.execute(RUN, store)
    return store


@pytest.fixture
def noted(nodes: Nodes) -> Nodes:
    nodes.notes.unlink(missing_ok=True)
    for file in nodes.notes.parent.glob("killed-*"):
        file.unlink()
    return nodes


class Noting(Worker):
    """A worker that writes down who it is and what it computes: `pid:PID`, `begun:KEY` and `done:KEY`."""

    def __init__(self) -> None:
        runs.warm_up = runs.devices.one_thread_each  # type: ignore[assignment] - the rest takes seconds
        super().__init__()
        self.notes = Path(os.environ["INVLAB_TEST_NOTES"])
        self.note(f"pid:{os.getpid()}")
        for kind, step in list(runs.STEPS.items()):
            runs.STEPS[kind] = self.noting(step)

    def noting(self, step: Any) -> Any:
        def noted(spec: Any, *rest: Any) -> Any:
            self.note(f"begun:{records.key(spec)}")
            result = step(spec, *rest)
            self.note(f"done:{records.key(spec)}")
            return result

        return noted

    def note(self, text: str) -> None:
        with self.notes.open("a") as file:
            file.write(f"{text}\n")


class Dying(Noting):
    """The first one is killed in the middle of its first training of seed 1."""

    def __init__(self) -> None:
        super().__init__()
        learn = runs.training.train

        def dying(network: Any, spec: Training, *rest: Any) -> Any:
            for step, progress in enumerate(learn(network, spec, *rest)):
                if step == 1 and spec.seed == 1 and not list(self.notes.parent.glob("killed-*")):
                    self.notes.with_name(f"killed-{records.key(spec)}").touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                yield progress

        runs.training.train = dying


class Stacking(Noting):
    """Learns up to three networks in one stack; `stack:KEY` for each of them, and `begun` and `done` for one alone.

    The first that learns a stack is killed in the middle of it.
    """

    def __init__(self) -> None:
        super().__init__()
        os.environ["INVLAB_STACK"] = "3"
        learn = runs.learn_together

        def dying(specs: Any, *rest: Any) -> None:
            for spec in specs:
                self.note(f"stack:{records.key(spec)}")
            if not list(self.notes.parent.glob("killed-*")):
                for spec in specs:
                    self.notes.with_name(f"killed-{records.key(spec)}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
            learn(specs, *rest)

        runs.learn_together = dying


class Fatal(Noting):
    """Is killed by every training."""

    def about(self) -> dict[str, Any]:
        who = {"node": "any", "pid": 0, "device": "cpu", "stack": 1}
        return who | {"version": __version__, "format": records.FORMAT}

    def compute(self, kind: str, fields: dict[str, Any], key: str) -> dict[str, Any]:
        if kind == "Training":
            self.note(f"begun:{key}")
            os.kill(os.getpid(), signal.SIGKILL)
        return super().compute(kind, fields, key)


def weights(store: Store) -> dict[str, str]:
    return {key: record["weights"]["sha256"] for key, record in store.items("training")}


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def gone_soon(pids: set[int]) -> bool:
    deadline = time.monotonic() + 20
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(map(alive, pids))


@needs_ray
def test_a_study_gives_the_same_bits_as_here(on: Cluster, noted: Nodes, here: Store, tmp_path: Path) -> None:
    store, points = Store(tmp_path), []
    on.compute(missing_cells(RUN, store), store, points.append)
    assert len(on.members) == 2
    assert missing_cells(RUN, store) == []
    runs.execute(RUN, store)
    assert results(store.home) == results(here.home)
    assert weights(store) == weights(here)
    done = Counter(note for note in noted.noted() if not note.startswith("pid"))
    assert set(done.values()) == {1}  # each step once: no training was learned for two cells
    assert {f"done:{records.key(spec)}" for seed in RUN.each() for spec in seed.specs()} <= set(done)
    assert [point["fraction"] for point in points] == sorted(point["fraction"] for point in points)
    last = {"stage": "cells", "done": 16, "of": 16, "fraction": 1.0, "left": 0.0}
    assert points[-1].items() >= last.items()


@needs_ray
def test_trainings_that_are_stored_are_sent_and_not_learned_again(
    on: Cluster, noted: Nodes, here: Store, tmp_path: Path
) -> None:
    """Also where the weights of one are gone: that one alone is learned anew."""
    store = Store(tmp_path)
    cells = RUN.seed(0).specs()
    trainings = [spec for spec in cells if isinstance(spec, Training)]
    for spec in trainings:
        cluster.keep(cluster.packed(records.key(spec), here), store)
    (tmp_path / "weights" / f"{records.key(trainings[0])}.safetensors").unlink()
    on.compute(missing_cells(replace(RUN, seeds=1), store), store)
    learned = [note for note in noted.noted() if note.startswith("done:training")]
    assert learned == [f"done:{records.key(trainings[0])}"]
    for key in map(records.key, cells):
        assert store.get(key)["result"].get("accuracy") == here.get(key)["result"].get("accuracy")
    assert weights(store) == {key: value for key, value in weights(here).items() if key in set(store.keys())}


@needs_ray
def test_a_node_that_is_killed_costs_the_cells_under_way(
    on: Cluster, noted: Nodes, here: Store, tmp_path: Path
) -> None:
    store, lost = Store(tmp_path), []

    def kill(point: dict[str, Any]) -> None:
        if point["done"] >= 3 and point["workers"] == 2 and not lost:
            lost.append(next(iter(noted.whole.worker_nodes)))
            noted.whole.remove_node(lost[0], allow_graceful=False)

    try:
        on.compute(missing_cells(RUN, store), store, kill)
    finally:
        if lost:
            noted.whole.add_node(num_cpus=1, **ALIKE)
    assert lost
    runs.execute(RUN, store)
    assert results(store.home) == results(here.home)
    again = [count for note, count in Counter(noted.noted()).items() if note.startswith("begun") and count > 1]
    assert sum(count - 1 for count in again) <= 2  # what was under way, and what was finished and not yet sent


@needs_ray
def test_a_cell_that_fails_ends_the_work_with_its_sentence(on: Cluster, tmp_path: Path) -> None:
    store = Store(tmp_path)
    wrong = replace(SMALL, learning_rate=1e30, seed=1)
    with pytest.raises(ClusterError, match=r"could not be computed on the cluster \(ArithmeticError: the loss is"):
        on.compute([wrong], store)
    assert on.members == []
    assert store.get(records.key(wrong)) is None


@needs_ray
def test_cancelled_it_stops_at_once_and_keeps_what_was_finished(
    on: Cluster, noted: Nodes, here: Store, tmp_path: Path
) -> None:
    """By Ctrl-C, then, gone on where that stopped it, by SIGTERM."""
    with_worker(on, Slow)
    store, kept = Store(tmp_path), 0
    on._size = 1
    for how in (signal.SIGINT, signal.SIGTERM):

        def stop(point: dict[str, Any], how: int = how) -> None:
            if point["done"] >= 2:
                os.kill(os.getpid(), how)

        with pytest.raises(KeyboardInterrupt):
            on.compute(missing_cells(RUN, store), store, stop)
        assert gone_soon({int(note[4:]) for note in noted.noted() if note.startswith("pid:")})
        assert kept + 2 <= len(store.keys()) < 16
        kept = len(store.keys())
    again = [note for note, count in Counter(noted.noted()).items() if note.startswith("done:") and count > 1]
    assert len(again) <= 2  # what each worker had just finished when the first was stopped
    for key in store.keys(None):
        assert store.get(key)["result"].get("accuracy") == here.get(key)["result"].get("accuracy")


@needs_ray
def test_a_worker_killed_in_the_middle_of_a_cell_costs_that_cell_alone(
    on: Cluster, noted: Nodes, here: Store, tmp_path: Path
) -> None:
    with_worker(on, Dying)
    store = Store(tmp_path)
    on.compute(missing_cells(RUN, store), store)
    killed = {file.name.removeprefix("killed-") for file in noted.notes.parent.glob("killed-*")}
    assert len(killed) == 1
    notes = Counter(noted.noted())
    for spec in (spec for seed in RUN.each() for spec in seed.specs()):
        key = records.key(spec)
        assert notes[f"begun:{key}"] == (2 if key in killed else 1), spec
        assert notes[f"done:{key}"] == 1
    runs.execute(RUN, store)
    assert results(store.home) == results(here.home)
    assert weights(store) == weights(here)


@needs_ray
def test_workers_that_stack_learn_together_and_a_stack_that_kills_learns_one_by_one(
    on: Cluster, noted: Nodes, tmp_path: Path
) -> None:
    """One worker of two is killed in its first stack; nothing else is computed twice, and the science is the same."""
    with_worker(on, Stacking)
    store, here = Store(tmp_path / "there"), Store(tmp_path / "here")
    specs = [replace(SMALL, seed=seed) for seed in range(8)]
    on.compute(specs, store)
    notes = Counter(noted.noted())
    killed = {file.name.removeprefix("killed-") for file in noted.notes.parent.glob("killed-*")}
    assert len(killed) >= 2
    stacked = set()
    for spec in specs:
        key = records.key(spec)
        record, alone = store.get(key), runs.execute(spec, here)
        assert record["result"]["history"][0]["loss"] == pytest.approx(alone["result"]["history"][0]["loss"], rel=1e-3)
        if "stack" in record["made"]:
            stacked.add(key)
        assert notes[f"done:{key}"] == (key not in stacked)  # once, in a stack or alone
        assert notes[f"stack:{key}"] == (key in stacked | killed)
    assert stacked
    assert not stacked & killed  # what was in the stack that killed is in none again
    done = Counter(note for note in notes.elements() if note.startswith("done"))
    assert set(done.values()) == {1}


@needs_ray
def test_a_cell_that_ends_its_worker_every_time_is_given_up(on: Cluster, noted: Nodes, tmp_path: Path) -> None:
    with_worker(on, Fatal)
    with pytest.raises(ClusterError, match="has ended its worker 3 times"):
        on.compute([SMALL], Store(tmp_path))
    assert [note for note in noted.noted() if note.startswith("begun")] == [f"begun:{records.key(SMALL)}"] * 3


class Slow(Noting):
    """Slower than the driver, however busy the machine is."""

    def compute(self, kind: str, fields: dict[str, Any], key: str) -> dict[str, Any]:
        time.sleep(0.5)
        return super().compute(kind, fields, key)


class Unable(Noting):
    """Cannot be started."""

    def __init__(self) -> None:
        raise OSError(28, "No space left on device")


class Other(Fatal):
    """Of another version."""

    def about(self) -> dict[str, Any]:
        return super().about() | {"version": "0.0.1"}


@needs_ray
@pytest.mark.parametrize(
    ("worker", "sentence"),
    [
        (Unable, "workers cannot be started: .*No space left"),
        (Other, "has Invariance Lab 0.0.1, the driver .* install"),
    ],
)
def test_workers_that_cannot_be_used_are_told_of(worker: type, sentence: str, on: Cluster, tmp_path: Path) -> None:
    with_worker(on, worker)
    with pytest.raises(ClusterError, match=sentence):
        on.compute([SMALL], Store(tmp_path))


@needs_ray
def test_a_driver_that_is_killed_goes_on_where_it_was(noted: Nodes, here: Store, tmp_path: Path, home: Path) -> None:
    """SIGKILL to the command, outside of the cluster, once something is stored; the next computes only the rest."""
    own = tmp_path / "home"
    own.mkdir()
    (own / "cache").symlink_to(home / "cache")
    command = [sys.executable, "-m", "invlab", "study", "mismatch", "--preset", "tiny", "--seeds", "2"]
    environment = os.environ | noted.environment | {"INVLAB_HOME": str(own), "INVLAB_BUNDLE": str(tmp_path / "none")}

    def start(address: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, "--data", "none", "--on", address], cwd=ROOT, env=environment, text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    process = start(noted.client)
    store = Store(own)
    while process.poll() is None and len(store.keys()) < 3:
        time.sleep(0.02)
    process.kill()
    _, told = process.communicate()
    kept = {key: store.get(key) for key in store.keys(None) if not key.startswith("study")}
    assert 3 <= len(kept) < 16, told
    process = start(noted.address)
    _, told = process.communicate(timeout=100)
    assert process.returncode == 0, told
    assert {key: store.get(key) for key in kept} == kept  # when each was made is part of it
    assert results(own) == results(here.home)


def test_sigterm_interrupts_for_as_long_as_the_cluster_is_open() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with cluster._sigterm_as_before():
        cluster._interrupt_on_sigterm()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "127.0.0.1:99999"])
def test_a_cluster_that_is_not_there(address: str, tmp_path: Path) -> None:
    with Cluster(address) as on, pytest.raises(ClusterError, match=f"the cluster {address} cannot be joined"):
        on.compute([SMALL], Store(tmp_path))


# ------------------------------------------------------------------------------------------ a cluster of this machine


LISTENING = """
import os, pathlib, sys
from invlab.cluster import Cluster
with Cluster("ray", workers=1) as on:
    on._connect()
    token = os.environ["RAY_AUTH_TOKEN"].encode()
    def reads(path):
        try:
            return path.read_bytes()
        except OSError:
            return b""
    ours = {p for p in pathlib.Path("/proc").glob("[0-9]*") if token in reads(p / "environ")}
    ours.add(pathlib.Path(f"/proc/{os.getpid()}"))
    sockets = set()
    for p in ours:
        for fd in (p / "fd").glob("*"):
            try:
                sockets.add(os.readlink(fd))
            except OSError:
                pass
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                print("listens", fields[1])
    for p in ours:
        print("process", p.name)
    sys.stdout.flush()
"""
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")


@needs_ray
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="there is no /proc to look at")
def test_a_cluster_of_this_machine_is_reached_from_this_machine_alone_and_ends_with_the_driver(home: Path) -> None:
    """Every port on the loopback interface, behind a token, no dashboard, nothing sent to anybody; then no process."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    found = subprocess.run(
        [sys.executable, "-c", LISTENING], cwd=ROOT, env=clean, capture_output=True, text=True, timeout=100
    )
    assert found.returncode == 0, found.stderr
    told = [line.split() for line in found.stdout.splitlines()]
    listening = [fields[1] for fields in told if fields[0] == "listens"]
    assert len(listening) >= 4  # the control store, the raylet, its agents
    assert {address.rpartition(":")[0] for address in listening} <= set(LOOPBACK)
    assert not {address for address in listening if address.endswith(f":{8265:04X}")}  # the dashboard's port
    processes = {int(fields[1]) for fields in told if fields[0] == "process"}
    assert len(processes) >= 3
    assert gone_soon(processes)
