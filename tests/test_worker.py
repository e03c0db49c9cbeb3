"""The worker computes what is waiting, survives every job, and outlives neither its parent nor its welcome."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from invlab import worker as workers
from invlab.jobs import Queue, QueueError
from invlab.store import Store
from invlab.worker import Cancelled

# A worker process whose jobs are plain payloads: {"seconds": …} is slow, {"deaf": …} hears nothing meanwhile.
SCRIPT = """
import os, sys, time
from invlab import worker

def steps():
    time.sleep(float(os.environ.get("FAKE_WARM_UP", 0)))
    return execute, lambda kind, fields: fields, worker.Cancelled, "cpu"

def execute(spec, store, report):
    key = spec["key"]
    store.put("part-" + key[-32:], {"stored": "early"})
    until = time.monotonic() + spec.get("seconds", 0)
    while time.monotonic() < until:
        if not spec.get("deaf"):
            report({"fraction": 0.5})
        time.sleep(0.02)
    store.put(key, {"done": True})

worker._steps = steps
worker.key_of = lambda spec: spec["key"]
worker.PARENT_SECONDS = 0.05
worker.PULSE_SECONDS = worker.IDLE_SECONDS = 0.1
worker.GRACE_SECONDS = 0.5
worker.LEASE_SECONDS = 0.6
worker.run.__kwdefaults__ |= {"lease_seconds": 0.6, "pulse_seconds": 0.1}
sys.exit(worker.main(sys.argv[1:]))
"""


def key(n: int) -> str:
    return f"cell-{n:032x}"


def wait_for(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
    return found


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INVLAB_BUNDLE", str(tmp_path / "models"))
    return tmp_path / "home"


@pytest.fixture
def queue(home: Path) -> Queue:
    return Queue()


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home)


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command line of the fake worker, in the place of the real one."""
    path = tmp_path / "fake.py"
    path.write_text(SCRIPT)
    monkeypatch.setenv("PYTHONPATH", str(Path(workers.__file__).parent.parent))
    monkeypatch.setattr(workers, "COMMAND", [sys.executable, str(path)])
    return workers.COMMAND


@pytest.fixture
def launch(script: list[str]) -> Iterator[Callable[..., subprocess.Popen]]:
    processes = []

    def begin(*arguments: str) -> subprocess.Popen:
        processes.append(subprocess.Popen([*script, "--poll", "0.02", *arguments], stderr=subprocess.DEVNULL))
        return processes[-1]

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def ask(queue: Queue, n: int, **payload: object) -> str:
    queue.submit(key(n), "cell", {"key": key(n)} | payload, visitor="ann")
    return key(n)


def work(queue: Queue, store: Store, execute: Callable, **more: Any) -> int:
    arguments = {"stop": threading.Event(), "once": True, "revive": lambda kind, fields: fields} | more
    return workers.run(queue, store, execute=execute, **arguments)


# ---- in this process


def test_jobs_are_computed_in_order_and_reported(queue: Queue, store: Store) -> None:
    keys = [ask(queue, n) for n in range(3)]
    done = []

    def execute(spec: dict, store: Store, report: Callable) -> None:
        report({"fraction": 0.5, "step": 1})
        (this,) = queue.workers()
        assert this.busy_with == spec["key"]
        store.put(spec["key"], {"x": 1})
        done.append(spec["key"])

    assert work(queue, store, execute) == 3
    assert done == keys
    assert [queue.job(k).state for k in keys] == ["done"] * 3
    assert [data for _, data in queue.points(keys[0])] == [{"fraction": 0.5, "step": 1}]
    assert queue.workers() == []  # signed off


def test_revive_is_given_kind_and_payload(queue: Queue, store: Store) -> None:
    ask(queue, 1, x=2)
    seen = []
    work(queue, store, lambda spec, *_: seen.append(spec), revive=lambda kind, fields: (kind, fields["x"]))
    assert seen == [("cell", 2)]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("bad\n  value"), "ValueError: bad value"),
        (MemoryError(), "MemoryError"),
        (RuntimeError("x" * 999), "RuntimeError: " + "x" * 285 + "…"),
    ],
)
def test_a_failing_job_fails_alone(queue: Queue, store: Store, error: Exception, sentence: str, caplog) -> None:
    ask(queue, 1)
    ask(queue, 2)

    def execute(spec: dict, *_: object) -> None:
        if spec["key"] == key(1):
            raise error

    assert work(queue, store, execute) == 2
    assert (queue.job(key(1)).state, queue.job(key(1)).error) == ("failed", sentence)
    assert queue.job(key(2)).state == "done"
    assert "Traceback" in caplog.text  # to the log only


def test_a_spec_that_cannot_be_revived_fails_with_its_sentence(queue: Queue, store: Store) -> None:
    ask(queue, 1)
    work(queue, store, lambda *_: None, revive=lambda kind, fields: {}["size"])
    assert queue.job(key(1)).error == "KeyError: 'size'"


def test_a_cancelled_job_stops_at_its_next_report(queue: Queue, store: Store) -> None:
    ask(queue, 1)
    steps = []

    def execute(spec: dict, store: Store, report: Callable) -> None:
        for step in range(100):
            report({"step": step})
            steps.append(step)
            if step == 2:
                queue.cancel(key(1), "ann")

    work(queue, store, execute)
    assert queue.job(key(1)).state == "cancelled"
    assert steps == [0, 1, 2]


def test_told_to_stop_the_worker_gives_its_job_back(queue: Queue, store: Store) -> None:
    ask(queue, 1)
    stop = threading.Event()

    def execute(spec: dict, store: Store, report: Callable) -> None:
        report({})
        stop.set()
        report({})
        pytest.fail("report should have raised")

    assert work(queue, store, execute, stop=stop, once=False) == 1
    job = queue.job(key(1))
    assert (job.state, job.attempts, job.worker) == ("queued", 0, None)


def test_a_job_lost_to_another_worker_is_dropped(queue: Queue, store: Store) -> None:
    ask(queue, 1)

    def execute(spec: dict, store: Store, report: Callable) -> None:
        queue.delete(key(1))
        with pytest.raises(Cancelled):
            report({})
        raise Cancelled

    assert work(queue, store, execute) == 1
    assert queue.job(key(1)) is None


def test_a_job_without_reports_keeps_its_lease(queue: Queue, store: Store) -> None:
    ask(queue, 1)

    def execute(*_: object) -> None:
        time.sleep(0.8)
        assert queue.claim("other") is None

    work(queue, store, execute, lease_seconds=0.3)
    assert queue.job(key(1)).state == "done"


def test_a_queue_that_fails_for_a_while_does_not_end_the_work(
    queue: Queue, store: Store, monkeypatch: pytest.MonkeyPatch, caplog
) -> None:
    ask(queue, 1)
    real, calls = queue.report, []

    def report(*arguments: Any) -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise QueueError("another process has held it")
        return real(*arguments)

    monkeypatch.setattr(queue, "report", report)
    work(queue, store, lambda spec, store, report: [report({"step": n}) for n in range(3)])
    assert queue.job(key(1)).state == "done"
    assert len(queue.points(key(1))) == 2
    assert "has held it" in caplog.text


def test_weights_are_trimmed_after_a_job(queue: Queue, store: Store) -> None:
    import torch

    ask(queue, 1)
    work(queue, store, lambda spec, store, _: store.put_weights(key(1), {"x": torch.zeros(9)}), weights_bytes=10)
    assert list((store.home / "weights").iterdir()) == []


def test_a_parent_that_is_gone_stops_the_worker(queue: Queue, store: Store) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    begun = time.monotonic()
    assert work(queue, store, lambda *_: None, once=False, parent=child.pid) == 0
    assert time.monotonic() - begun < 5


def test_parents_are_known_from_strangers_and_zombies() -> None:
    assert not workers.Parent(os.getppid()).gone()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    parent = workers.Parent(child.pid)
    assert not parent.gone()
    child.stdin.close()
    wait_for(parent.gone)  # a zombie: nobody has waited for it
    child.wait()
    assert parent.gone()
    stranger = workers.Parent(os.getppid())
    stranger.own, stranger.began = False, "0"  # another process with the number of one that has ended
    assert stranger.gone()


# ---- as processes


def test_a_killed_workers_job_runs_again_and_what_was_stored_stays(queue: Queue, store: Store, launch) -> None:
    ask(queue, 1, seconds=1.5)
    first = launch()
    wait_for(lambda: store.get("part-" + key(1)[-32:]) and queue.points(key(1)))
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert queue.job(key(1)).state == "running"
    assert store.get("part-" + key(1)[-32:]) == {"stored": "early"}
    launch()
    wait_for(lambda: queue.job(key(1)).state == "done")
    assert queue.job(key(1)).attempts == 2
    assert store.get(key(1)) == {"done": True}


def test_sigterm_gives_the_job_back(queue: Queue, launch) -> None:
    ask(queue, 1, seconds=60)
    process = launch()
    wait_for(lambda: queue.points(key(1)))
    workers.stop(process)
    assert process.returncode == 0
    job = queue.job(key(1))
    assert (job.state, job.attempts) == ("queued", 0)
    assert queue.workers() == []


def test_a_worker_that_does_not_hear_is_ended_by_force(queue: Queue, launch) -> None:
    ask(queue, 1, seconds=60, deaf=True)
    process = launch()
    wait_for(lambda: queue.job(key(1)).state == "running")
    process.terminate()
    assert process.wait(10) == 1
    wait_for(lambda: queue.claim("other"))  # the lease runs out


def test_a_parents_death_ends_the_worker_and_frees_its_job(queue: Queue, script: list[str]) -> None:
    ask(queue, 1, seconds=60)
    code = (
        "import subprocess, sys, os, time;"
        "p = subprocess.Popen([*sys.argv[1:], '--parent', str(os.getpid())], start_new_session=True);"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, *script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pid = int(parent.stdout.readline())
    try:
        wait_for(lambda: queue.points(key(1)))
        parent.kill()
        parent.wait()
        wait_for(lambda: workers._began(pid) is None)
    finally:
        if workers._began(pid) is not None:
            os.kill(pid, signal.SIGKILL)
    assert queue.job(key(1)).state == "queued"


def test_a_worker_that_is_warming_up_ends_at_once_and_leaves_its_place(
    queue: Queue, home: Path, launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_WARM_UP", "60")
    process = launch()
    wait_for(lambda: home.exists() and workers.hold(home) is None)
    time.sleep(0.5)  # it has said how it wants to be stopped by now
    process.terminate()
    assert process.wait(10) == 0  # not by force
    assert workers.hold(home) is not None


def test_a_second_worker_ends_at_once_and_two_places_take_two(queue: Queue, launch) -> None:
    launch()
    wait_for(queue.workers)
    assert launch().wait(10) == 0
    launch("--workers", "2")
    wait_for(lambda: len(queue.workers()) == 2)


def test_once_ends_when_nothing_is_waiting(queue: Queue, launch) -> None:
    ask(queue, 1)
    ask(queue, 2)
    assert launch("--once").wait(15) == 0
    assert {job.state for job in queue.jobs()} == {"done"}


def test_wrong_arguments_are_refused(home: Path) -> None:
    for arguments in (["--poll", "0"], ["--workers", "0"], ["--what"]):
        with pytest.raises(SystemExit):
            workers.main(arguments)
    assert not home.exists()


def test_ensure_running_starts_one_worker_and_replaces_a_dead_one(
    queue: Queue, home: Path, script: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    threads = [threading.Thread(target=lambda: found.append(workers.ensure_running(queue))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (process,) = [p for p in found if p is not None]
    try:
        ask(queue, 1)
        wait_for(lambda: queue.job(key(1)).state == "done")
        workers._started.clear()  # as another process sees it
        assert workers.ensure_running(queue) is None
        workers._started[home.resolve()] = [process]
        process.kill()
        process.wait()
        assert workers.ensure_running(queue) is None  # it failed: not at once
        monkeypatch.setattr(workers, "RESTART_SECONDS", 0.0)
        process = workers.ensure_running(queue)
        assert process is not None
        wait_for(lambda: process.pid in [worker.pid for worker in queue.workers()])
        assert (home / "worker.log").exists()
    finally:
        workers.stop(process)
    assert process.returncode == 0


def test_a_worker_stands_back_with_its_session_while_it_warms_up(
    queue: Queue, home: Path, script: list[str], launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nice(pid: int | str) -> int | None:
        group = Path(f"/proc/{pid}/autogroup")
        told = group.read_text().split() if group.exists() else []  # empty where a container's group goes first
        return int(told[-1]) if told else None

    if nice("self") is None:
        pytest.skip("this system does not share its processors between sessions")
    monkeypatch.setenv("FAKE_WARM_UP", "1.5")
    before = nice("self")
    process = workers.start(home)
    try:
        wait_for(lambda: nice(process.pid) == workers.NICE)
        wait_for(queue.workers)
        assert nice(process.pid) == 0  # somebody waits for its jobs
    finally:
        workers.stop(process)
    launch()  # in this session, which others share
    wait_for(queue.workers)
    assert nice("self") == before


def test_a_long_log_is_begun_anew(home: Path, script: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "worker.log").write_text("x" * 100)
    monkeypatch.setattr(workers, "LOG_BYTES", 50)
    workers.stop(workers.start(home))
    assert (home / "worker.log.1").read_text() == "x" * 100


def test_a_long_job_makes_way_for_one_that_goes_first_and_goes_on_after_it(queue: Queue, store: Store) -> None:
    """A study of hours beside a comparison of seconds: what the study had stored is not computed again."""
    computed: list[str] = []

    def execute(spec: dict, store: Store, report: Callable) -> None:
        if spec.get("n") == 1:
            for cell in range(4):
                if f"cell {cell}" in computed:
                    continue
                computed.append(f"cell {cell}")
                if cell == 1:
                    ask(queue, 2)  # somebody asks for a comparison now
                report({"stage": "cells", "fraction": cell / 4})
        else:
            computed.append("comparison")

    queue.submit(key(1), "comparison", {"n": 1}, priority=-1)
    assert work(queue, store, execute) == 3  # the study, the comparison, the study again
    assert computed == ["cell 0", "cell 1", "comparison", "cell 2", "cell 3"]
    assert {job.state for job in queue.jobs()} == {"done"}
    assert queue.job(key(1)).attempts == 1  # type: ignore[union-attr]
