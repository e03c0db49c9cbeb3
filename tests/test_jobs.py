"""The queue: one job for one key, held by one worker, never lost."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from invlab import database, jobs, records
from invlab.jobs import LeaseLost, Queue, QueueError, QueueFull


def key(n: int) -> str:
    return f"cell-{n:032x}"


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "queue.sqlite3")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The queue's clock, which a test may set."""
    fake = SimpleNamespace(now=1_000_000.0)
    monkeypatch.setattr(jobs, "time", SimpleNamespace(time=lambda: fake.now, time_ns=time.time_ns))
    return fake


def ask(queue: Queue, n: int, **more: object) -> jobs.Job:
    return queue.submit(key(n), "cell", {"n": n}, **more)


# ---- the course of a job


def test_a_job_from_asking_to_done(queue: Queue) -> None:
    job = ask(queue, 1, title="first", visitor="ann", expected_seconds=3.0)
    assert (job.state, job.title, job.payload, job.attempts, job.over) == ("queued", "first", {"n": 1}, 0, False)
    assert queue.waiting()
    job = queue.claim("w")
    assert (job.state, job.worker, job.attempts) == ("running", "w", 1)
    assert not queue.waiting()
    assert queue.claim("other") is None
    assert queue.report(job.key, "w", {"fraction": 0.5, "loss": 1.0}) is False
    assert queue.report(job.key, "w", {"fraction": 0.7, "accuracy": 0.1}) is False
    assert queue.heartbeat(job.key, "w") is False
    assert queue.job(job.key).progress == {"fraction": 0.7, "loss": 1.0, "accuracy": 0.1}
    queue.finish(job.key, "w")
    job = queue.job(job.key)
    assert (job.state, job.over, job.error) == ("done", True, None)
    assert job.created <= job.started <= job.heartbeat <= job.finished


def test_importing_the_queue_does_not_import_torch_or_streamlit() -> None:
    code = "import sys, invlab.jobs, invlab.worker; assert not {'torch', 'streamlit'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_points_stream_by_number(queue: Queue) -> None:
    ask(queue, 1)
    queue.claim("w")
    for step in range(3):
        queue.report(key(1), "w", {"step": step, "loss": float("nan")})
    points = queue.points(key(1))
    assert [data for _, data in points] == [{"step": step, "loss": None} for step in range(3)]
    assert queue.points(key(1), after=points[1][0]) == points[2:]
    assert queue.points(key(2)) == []


def test_a_failed_job_keeps_its_sentence_and_can_be_asked_for_again(queue: Queue) -> None:
    ask(queue, 1, visitor="ann")
    queue.claim("w")
    queue.report(key(1), "w", {"fraction": 0.5})
    queue.fail(key(1), "w", "ValueError: no")
    assert (queue.job(key(1)).state, queue.job(key(1)).error) == ("failed", "ValueError: no")
    job = ask(queue, 1, visitor="bob")
    assert (job.state, job.error, job.attempts, job.progress) == ("queued", None, 0, {})
    assert queue.visitors(key(1)) == ["bob"]
    assert queue.points(key(1)) == []


def test_order_is_by_priority_then_by_turn(queue: Queue) -> None:
    for n in range(4):
        ask(queue, n, priority=1 if n == 2 else 0)
    assert [job.payload["n"] for job in queue.jobs("queued")] == [2, 0, 1, 3]
    assert [queue.place(key(n)) for n in (2, 0, 1, 3)] == [1, 2, 3, 4]
    assert [queue.claim("w").payload["n"] for _ in range(4)] == [2, 0, 1, 3]
    assert queue.place(key(2)) == queue.place(key(99)) == 0
    assert [job.payload["n"] for job in queue.jobs(limit=2)] == [3, 2]


def test_only_keys_and_json_are_taken(queue: Queue) -> None:
    with pytest.raises(Exception, match="is no key"):
        queue.submit("../x", "cell", {})
    with pytest.raises(ValueError, match="JSON"):
        queue.submit(key(1), "cell", {"x": float("nan")})
    assert queue.jobs() == []


# ---- several who ask for the same


def test_a_second_request_joins_the_first(queue: Queue) -> None:
    ask(queue, 1, visitor="ann")
    ask(queue, 1, visitor="bob", priority=5)
    assert len(queue.jobs()) == 1
    assert queue.job(key(1)).priority == 5
    assert queue.visitors(key(1)) == ["ann", "bob"]
    queue.claim("w")
    assert ask(queue, 1, visitor="cid").state == "running"
    queue.finish(key(1), "w")
    assert ask(queue, 1, visitor="dan").state == "done"
    assert queue.claim("w") is None
    assert [job.key for job in queue.jobs(visitor="dan")] == [key(1)]
    assert queue.jobs(visitor="eve") == []
    assert ask(queue, 1, again=True).state == "queued"  # its result was lost


def test_thirty_threads_asking_at_once_make_one_job(queue: Queue) -> None:
    threads = [threading.Thread(target=ask, args=(queue, 1), kwargs={"visitor": f"v{n}"}) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(queue.jobs()) == 1
    assert len(queue.visitors(key(1))) == 30


def test_a_cancel_takes_back_only_the_own_request(queue: Queue) -> None:
    ask(queue, 1, visitor="ann")
    ask(queue, 1, visitor="bob")
    assert queue.cancel(key(1), "ann") is False
    assert queue.cancel(key(1), "ann") is False  # twice is not two
    assert queue.cancel(key(1), "eve") is False  # never asked
    assert queue.job(key(1)).state == "queued"
    assert queue.cancel(key(1), "bob") is True
    assert queue.job(key(1)).state == "cancelled"
    assert queue.claim("w") is None
    assert queue.cancel(key(2)) is False


def test_a_running_job_is_flagged_and_then_let_go(queue: Queue) -> None:
    ask(queue, 1, visitor="ann")
    queue.claim("w")
    assert queue.cancelled(key(1)) is False
    assert queue.cancel(key(1)) is True
    assert queue.job(key(1)).state == "running"
    assert queue.cancelled(key(1)) is True
    assert queue.heartbeat(key(1), "w") is True
    assert queue.report(key(1), "w", {"step": 1}) is True
    queue.let_go(key(1), "w")
    assert queue.job(key(1)).state == "cancelled"
    assert queue.claim("w") is None
    assert queue.cancelled(key(1)) is True
    assert ask(queue, 1).state == "queued"
    assert queue.cancelled(key(1)) is False


def test_a_job_wanted_again_before_its_worker_let_go_goes_on(queue: Queue) -> None:
    ask(queue, 1, visitor="ann")
    queue.claim("w")
    queue.cancel(key(1), "ann")
    assert queue.report(key(1), "w", {}) is True  # the worker has seen the flag
    ask(queue, 1, visitor="bob")
    queue.let_go(key(1), "w")
    assert queue.job(key(1)).state == "queued"


def test_done_is_done_even_if_cancelled_too_late(queue: Queue) -> None:
    ask(queue, 1)
    queue.claim("w")
    queue.cancel(key(1))
    queue.finish(key(1), "w")
    assert queue.job(key(1)).state == "done"
    assert queue.cancel(key(1)) is False


def test_a_visitor_has_a_limit_and_others_have_not(queue: Queue) -> None:
    for n in range(20):
        ask(queue, n, visitor="ann")
    with pytest.raises(QueueFull, match="20 of your runs are already waiting and the limit is 20"):
        ask(queue, 20, visitor="ann")
    assert queue.job(key(20)) is None
    assert ask(queue, 3, visitor="ann").state == "queued"  # joined
    ask(queue, 20, visitor="bob")
    ask(queue, 21)
    queue.claim("w")
    ask(queue, 22, visitor="ann")  # one is running, so one may wait


# ---- leases


def test_only_the_holder_may_speak(queue: Queue) -> None:
    ask(queue, 1)
    calls = [
        lambda w: queue.report(key(1), w, {}),
        lambda w: queue.heartbeat(key(1), w),
        lambda w: queue.finish(key(1), w),
        lambda w: queue.fail(key(1), w, "no"),
        lambda w: queue.let_go(key(1), w),
    ]
    for call in calls:
        with pytest.raises(LeaseLost, match="queued"):
            call("w")
    queue.claim("w")
    for call in calls:
        with pytest.raises(LeaseLost, match="stop working on it"):
            call("other")
    queue.delete(key(1))
    for call in calls:
        with pytest.raises(LeaseLost, match="deleted"):
            call("w")
    assert queue.cancelled(key(1)) is True
    assert queue.points(key(1)) == []


def test_a_silent_workers_job_goes_to_another_and_the_late_one_is_refused(queue: Queue, clock) -> None:
    ask(queue, 1)
    queue.claim("dead", lease_seconds=30)
    queue.report(key(1), "dead", {"step": 1, "fraction": 0.9})
    clock.now += 29
    assert queue.claim("w") is None
    clock.now += 2
    assert queue.waiting()
    job = queue.claim("w")
    assert (job.worker, job.attempts, job.progress) == ("w", 2, {})
    assert queue.points(key(1)) == []  # it begins anew
    with pytest.raises(LeaseLost):
        queue.finish(key(1), "dead")
    queue.finish(key(1), "w")


def test_numbers_of_points_grow_over_attempts(queue: Queue, clock) -> None:
    ask(queue, 1)
    queue.claim("dead")
    queue.report(key(1), "dead", {"step": 1})
    ((last, _),) = queue.points(key(1))
    clock.now += 100
    queue.claim("w")
    queue.report(key(1), "w", {"step": 1})
    assert len(queue.points(key(1), after=last)) == 1


def test_signs_of_life_keep_the_lease(queue: Queue, clock) -> None:
    ask(queue, 1)
    queue.claim("w", lease_seconds=10)
    for _ in range(5):
        clock.now += 9
        queue.heartbeat(key(1), "w")
        assert queue.claim("other") is None
        clock.now += 9
        queue.report(key(1), "w", {})
        assert queue.claim("other") is None


def test_a_clock_put_back_freezes_nothing(queue: Queue, clock) -> None:
    ask(queue, 1)
    queue.claim("dead", lease_seconds=30)
    clock.now -= 86400
    assert queue.claim("w").key == key(1)


def test_a_clock_put_back_under_a_living_worker_does_it_no_harm(queue: Queue, clock) -> None:
    ask(queue, 1)
    queue.claim("w", lease_seconds=30)
    clock.now -= 86400
    queue.heartbeat(key(1), "w")
    assert queue.claim("other") is None
    queue.finish(key(1), "w")


def test_a_job_that_stops_three_workers_fails(queue: Queue, clock) -> None:
    ask(queue, 1)
    for attempt in (1, 2, 3):
        assert queue.claim(f"w{attempt}").attempts == attempt
        clock.now += 100
    assert queue.claim("w4") is None
    job = queue.job(key(1))
    assert job.state == "failed"
    assert job.error.startswith("stopped three times without finishing")
    assert ask(queue, 1).attempts == 0


def test_a_job_given_back_does_not_count_as_an_attempt(queue: Queue) -> None:
    ask(queue, 1)
    ask(queue, 2)
    for _ in range(5):
        assert queue.claim("w").key == key(1)  # it keeps its turn
        queue.let_go(key(1), "w")
    assert queue.job(key(1)).attempts == 0


def test_a_cancelled_job_of_a_dead_worker_is_cancelled(queue: Queue, clock) -> None:
    ask(queue, 1)
    queue.claim("dead")
    queue.cancel(key(1))
    clock.now += 100
    assert queue.claim("w") is None
    assert queue.job(key(1)).state == "cancelled"


CLAIMER = """
import sys, json
from invlab.jobs import Queue
queue, worker, got = Queue(sys.argv[1]), sys.argv[2], []
print("ready", flush=True)
sys.stdin.readline()
while job := queue.claim(worker):
    got.append(job.key)
    queue.report(job.key, worker, {"fraction": 1.0})
    queue.finish(job.key, worker)
print(json.dumps(got))
"""


def test_two_processes_never_get_the_same_job(queue: Queue) -> None:
    for n in range(200):
        ask(queue, n)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIMER, str(queue.path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    got = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert all(got)
    assert sorted(got[0] + got[1]) == [key(n) for n in range(200)]
    assert all(job.attempts == 1 and job.state == "done" for job in queue.jobs(limit=300))


# ---- how long it will take


def test_seconds_ahead_adds_the_work_before(queue: Queue, clock) -> None:
    for n, seconds in enumerate([10.0, 20.0, 40.0]):
        ask(queue, n, expected_seconds=seconds)
    assert [queue.seconds_ahead(key(n)) for n in range(3)] == [0.0, 10.0, 30.0]
    queue.claim("w")
    assert queue.seconds_ahead(key(0)) == 0.0
    assert queue.seconds_ahead(key(1)) == 10.0
    clock.now += 8  # slower than expected: the pace so far counts
    queue.report(key(0), "w", {"fraction": 0.5})
    assert queue.seconds_ahead(key(1)) == pytest.approx(8.0)
    assert queue.seconds_ahead(key(2)) == pytest.approx(28.0)
    queue.sign_on("w")
    queue.sign_on("v")
    assert queue.seconds_ahead(key(2)) == pytest.approx(14.0)  # two workers
    ask(queue, 4)
    ask(queue, 5)
    assert queue.seconds_ahead(key(5)) is None  # nothing is known about job 4


def test_workers_are_listed_while_they_give_signs_of_life(queue: Queue, clock) -> None:
    queue.sign_on("w", "cuda")
    clock.now += 10
    queue.sign_on("w", "cuda", busy_with=key(1))
    queue.sign_on("v")
    first, second = queue.workers()
    assert (first.id, first.pid, first.device, first.busy_with) == ("w", os.getpid(), "cuda", key(1))
    assert (first.started, first.seen) == (clock.now - 10, clock.now)
    assert second.busy_with is None
    queue.sign_off("v")
    clock.now += 14
    assert [worker.id for worker in queue.workers()] == ["w"]
    clock.now += 2
    assert queue.workers() == []


def test_a_killed_worker_of_this_machine_is_not_listed(queue: Queue) -> None:
    code = "import sys; from invlab.jobs import Queue; Queue(sys.argv[1]).sign_on('w')"
    subprocess.run([sys.executable, "-c", code, str(queue.path)], check=True)
    assert queue.workers() == []


def test_old_jobs_are_forgotten(queue: Queue, clock) -> None:
    for n in range(3):
        ask(queue, n)
    queue.claim("w")
    queue.report(key(0), "w", {})
    queue.finish(key(0), "w")
    clock.now += 100
    queue.cancel(key(1))
    assert queue.forget(50) == 1
    assert queue.job(key(0)) is None
    assert queue.points(key(0)) == queue.visitors(key(0)) == []
    assert {job.state for job in queue.jobs()} == {"queued", "cancelled"}


# ---- faults


def test_a_locked_queue_is_one_sentence_and_reading_goes_on(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(queue, 1)
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    holder = sqlite3.connect(queue.path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(QueueError, match=r"another process has held it for .* seconds; try again"):
        ask(queue, 2)
    assert queue.job(key(1)).state == "queued"
    holder.close()
    ask(queue, 2)


def test_a_short_lock_is_waited_for(queue: Queue) -> None:
    ask(queue, 1)
    holder = sqlite3.connect(queue.path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: holder.execute("ROLLBACK")).start()
    ask(queue, 2)
    holder.close()


@pytest.mark.parametrize("fault", ["noise", "header", "cut", "page", "empty", "schema"])
def test_a_damaged_queue_is_set_aside_and_a_new_one_begun(queue: Queue, fault: str, caplog) -> None:
    for n in range(60):
        ask(queue, n, title="x" * 300)
    with sqlite3.connect(queue.path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    data = queue.path.read_bytes()
    faults = {
        "noise": os.urandom(9000),
        "header": b"\0" * 100 + data[100:],
        "cut": data[:6000],
        "page": data[:4096] + b"\xff" * (len(data) - 4096),
        "empty": b"",
        "schema": data[:4096].replace(b"TABLE jobs", b"TABLE jabs") + data[4096:],
    }
    queue.path.write_bytes(faults[fault])
    with contextlib.suppress(QueueError):  # found only when used: the next call has a new one
        ask(queue, 1)
    ask(queue, 1)
    assert queue.claim("w").key == key(1)
    assert "set aside" in caplog.text
    assert list((queue.path.parent / "set-aside").glob("queue-*/queue.sqlite3"))


def test_a_damaged_row_does_not_hide_the_others(queue: Queue) -> None:
    ask(queue, 1)
    ask(queue, 2)
    with sqlite3.connect(queue.path) as db:
        db.execute("UPDATE jobs SET payload = '{', progress = '[]' WHERE key = ?", (key(1),))
    db.close()
    assert [job.payload for job in queue.jobs("queued")] == [{}, {"n": 2}]


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(QueueError, match="INVLAB_HOME"):
        Queue(tmp_path / "file" / "queue.sqlite3").jobs()


def test_the_default_queue_lies_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "here"))
    Queue().submit(key(1), "cell", {})
    assert (tmp_path / "here" / "queue.sqlite3").exists()


def _write_forever(path: str) -> None:
    queue = Queue(path)
    while True:
        queue.report(key(1), "w", {"noise": "x" * 2000})


def test_a_process_killed_while_writing_damages_nothing(queue: Queue) -> None:
    ask(queue, 1)
    queue.claim("w")
    process = multiprocessing.get_context("spawn").Process(target=_write_forever, args=(str(queue.path),))
    process.start()
    while len(queue.points(key(1))) < 20:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    count = len(queue.points(key(1)))
    assert count >= 20
    queue.report(key(1), "w", {})
    assert len(queue.points(key(1))) == count + 1
    with sqlite3.connect(queue.path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()


def test_a_job_is_preceded_by_those_of_a_higher_priority(queue: Queue) -> None:
    assert not queue.is_preceded(-1)
    ask(queue, 1, priority=-1)
    assert not queue.is_preceded(-1)
    assert queue.is_preceded(-2)  # any job below 0 is a long one
    ask(queue, 2)
    assert queue.is_preceded(-1)
    assert not queue.is_preceded(0)
    claimed = queue.claim("w")
    assert claimed is not None
    assert claimed.priority == 0
    assert not queue.is_preceded(-1)  # it is being computed, and waits no more


# ---- many visitors


def order(queue: Queue) -> list[int]:
    """The numbers of the waiting jobs, the next one first."""
    return [job.payload["n"] for job in queue.jobs("queued")]


def test_visitors_take_turns(queue: Queue) -> None:
    for n in range(5):
        ask(queue, n, visitor="ann")
    ask(queue, 10, visitor="bob")
    ask(queue, 11, visitor="bob")
    ask(queue, 20, visitor="cleo")
    assert order(queue) == [0, 10, 20, 1, 11, 2, 3, 4]
    claimed = [queue.claim("w").payload["n"] for _ in range(4)]
    assert claimed == [0, 10, 20, 1]
    ask(queue, 30, visitor="dan")  # ann's first, second and bob's first are running: dan is before ann's third
    assert order(queue) == [30, 11, 2, 3, 4]


def test_a_visitor_whose_job_runs_waits_for_the_others(queue: Queue) -> None:
    ask(queue, 1, visitor="ann")
    queue.claim("w")
    ask(queue, 2, visitor="ann")
    ask(queue, 3, visitor="bob")
    assert order(queue) == [3, 2]


def test_a_second_request_brings_a_job_forward(queue: Queue) -> None:
    for n in range(4):
        ask(queue, n, visitor="ann")
    ask(queue, 3, visitor="bob")
    assert order(queue) == [0, 3, 1, 2]
    assert queue.visitors(key(3)) == ["ann", "bob"]


def test_nobody_waits_for_ever(queue: Queue) -> None:
    """While one visitor keeps asking, another's job is started after at most one more."""
    ask(queue, 1000, visitor="bob")
    ask(queue, 1001, visitor="bob")
    taken = []
    for n in range(6):
        ask(queue, n, visitor="ann")
        job = queue.claim("w")
        taken.append(job.payload["n"])
        queue.finish(job.key, "w")
    assert 1001 in taken[:4]


@pytest.mark.parametrize("visitor", ["ann", "bob", "new"])
@pytest.mark.parametrize("priority", [-1, 0, 1])
def test_the_forecast_is_what_happens(queue: Queue, visitor: str, priority: int) -> None:
    """Beforehand: the same place and wait as afterwards."""
    for n in range(6):
        ask(queue, n, visitor=("ann", "bob", "cleo")[n % 3], expected_seconds=10.0 + n)
    ask(queue, 50, visitor="teacher", priority=1, expected_seconds=7.0)
    ask(queue, 60, visitor="ann", priority=-1, expected_seconds=300.0)
    before, seconds = queue.forecast(visitor, priority)
    ask(queue, 100, visitor=visitor, priority=priority, expected_seconds=1.0)
    assert before == queue.place(key(100)) - 1
    assert seconds == queue.seconds_ahead(key(100))


def test_the_forecast_counts_what_runs(queue: Queue, clock) -> None:
    ask(queue, 1, visitor="ann", expected_seconds=20.0)
    queue.claim("w")
    assert queue.forecast("bob") == (1, 20.0)
    queue.report(key(1), "w", {"fraction": 0.5})
    assert queue.forecast("bob") == (1, 10.0)
    ask(queue, 2, visitor="ann")
    assert queue.forecast("bob") == (1, 10.0)  # before ann's second
    assert queue.forecast("ann") == (2, None)  # nothing is known about that one


def test_a_long_job_that_runs_makes_way_in_the_forecast(queue: Queue) -> None:
    ask(queue, 1, priority=-1, expected_seconds=3000.0)
    queue.claim("w")
    assert queue.forecast("ann") == (0, 0.0)
    assert queue.forecast("ann", -1) == (1, 3000.0)


def test_a_job_of_another_format_is_left_to_a_worker_of_its_own(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(records, "FORMAT", records.FORMAT + 1)
        ask(queue, 1)
    assert not queue.waiting()
    assert queue.claim("older") is None
    assert queue.job(key(1)).state == "queued"
    ask(queue, 2)
    assert queue.claim("older").key == key(2)
    monkeypatch.setattr(records, "FORMAT", records.FORMAT + 1)
    assert queue.claim("newer").key == key(1)


def test_the_job_of_a_killed_worker_of_this_machine_is_free_at_once(queue: Queue) -> None:
    """Nobody waits for its lease; a worker of another machine is given the benefit of the doubt."""
    code = "import sys; from invlab.jobs import Queue, worker_id; Queue(sys.argv[1]).claim(worker_id())"
    ask(queue, 1)
    subprocess.run([sys.executable, "-c", code, str(queue.path)], check=True)
    assert queue.job(key(1)).state == "running"
    assert queue.waiting()
    assert queue.claim("w").attempts == 2
    assert not queue.waiting()
    queue.finish(key(1), "w")
    ask(queue, 2)
    ended = jobs.worker_id().replace(f"-{os.getpid()}-", "-4194999-")  # a number that no process has
    elsewhere = "elsewhere" + ended[ended.index("-4194999-") :]
    assert queue.claim(elsewhere).key == key(2)
    assert queue.claim("w") is None
    assert jobs._has_ended(ended)
    assert not jobs._has_ended(jobs.worker_id())
