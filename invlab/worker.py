"""The process that computes: it takes jobs from the queue one by one, torch imported once.

A worker belongs to the process that started it and ends with it. Its job then goes back to the queue, as it does when
the worker is told to stop (SIGTERM, SIGINT) or killed; what it had stored stays stored.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from invlab import logs
from invlab import store as stores
from invlab.files import StoreError
from invlab.jobs import LEASE_SECONDS, Job, LeaseLost, Queue, QueueError, worker_id
from invlab.records import SpecError, older_keys
from invlab.records import key as key_of
from invlab.store import Store

Report = Callable[[dict[str, Any]], None]
Execute = Callable[[Any, Store, Report], Any]
Revive = Callable[[str, dict[str, Any]], Any]
Keyed = Callable[[Any], str]

PULSE_SECONDS = 5.0  # between two signs of life while a job is computed
IDLE_SECONDS = 2.0  # between two signs of life without a job
PARENT_SECONDS = 0.5  # between two looks at the parent process
NICE = 5  # the web process answers first
GRACE_SECONDS = 20.0  # from the request to stop to the end by force
ASIDE_SECONDS = 15.0  # a worker that cannot read the next job leaves it to others for this long
MOST_ASIDE = 20  # then, after five minutes, nobody else seems to be there
RESTART_SECONDS = 5.0  # a worker that failed is not started again sooner
COMMAND = [sys.executable, "-m", "invlab", "worker"]
LOG_BYTES = 5_000_000
WEIGHTS_GIB = 4.0
FORGET_SECONDS = 30 * 86400.0
NO_WORKER = "the worker is of another version than this app: whoever runs the lab must start the two of one version"

log = logging.getLogger(__name__)


class Cancelled(Exception):  # noqa: N818 - a request, not a fault
    """Raised by `report` to stop an execution given to `run`."""


class AnotherVersion(ValueError):  # noqa: N818 - a state of the job, not a fault
    """The job was asked for by a newer version of the app; this one would store its result under another key."""


class Parent:
    """The process that a worker must not outlive."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.own = os.getppid() == pid
        self.began = _began(pid)

    def gone(self) -> bool:
        """Whether it has ended; a new process with its number is not taken for it."""
        if self.own:
            return os.getppid() != self.pid
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it lives, as somebody else's
        return _began(self.pid) != self.began


class Turn:
    """One job in the hands of this worker: its reports, its signs of life, its end."""

    def __init__(self, job: Job, queue: Queue, worker: str, stop: threading.Event, cancelled: type[Exception]) -> None:
        self.job = job
        self.queue = queue
        self.worker = worker
        self.stop = stop
        self.cancelled = cancelled
        self.lost = False

    def report(self, data: dict[str, Any]) -> None:
        """Pass progress on. Raises the cancelled exception if the job is to stop, for whatever reason.

        One is that somebody waits whose job goes first: a study of hours, whose finished cells are stored, makes way
        for a comparison of seconds and goes on after it.
        """
        cancel = self._say(lambda: self.queue.report(self.job.key, self.worker, data))
        if cancel or self.lost or self.stop.is_set() or self._say(lambda: self.queue.is_preceded(self.job.priority)):
            raise self.cancelled(f"the job {self.job.key} was stopped")

    @contextlib.contextmanager
    def pulse(self, device: str, seconds: float) -> Iterator[None]:
        """Signs of life from a thread of its own for as long as the block runs."""
        over = threading.Event()

        def sign_on() -> None:
            self._say(lambda: self.queue.sign_on(self.worker, device, self.job.key))

        def beat() -> None:
            while not over.wait(seconds) and not self.lost:
                self._say(lambda: self.queue.heartbeat(self.job.key, self.worker))
                sign_on()

        sign_on()
        thread = threading.Thread(target=beat, name="pulse", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def end(self, how: Callable[[str, str], None]) -> None:
        """Tell the queue how it ended. If that fails, the lease runs out and the job is taken up again."""
        self._say(lambda: how(self.job.key, self.worker))

    def _say(self, call: Callable[[], Any]) -> Any:
        """A queue that is busy, or a disk that is full, must not end hours of work: it is logged."""
        try:
            return call()
        except LeaseLost as error:
            self.lost = True
            log.warning("%s", error)
        except QueueError as error:
            log.warning("%s", error)
        return None


def run(
    queue: Queue,
    store: Store,
    *,
    stop: threading.Event,
    poll: float = 0.2,
    once: bool = False,
    parent: int | None = None,
    execute: Execute,
    revive: Revive,
    keyed: Keyed | None = None,
    cancelled: type[Exception] = Cancelled,
    device: str = "cpu",
    lease_seconds: float = LEASE_SECONDS,
    pulse_seconds: float = PULSE_SECONDS,
    weights_bytes: int = int(WEIGHTS_GIB * 2**30),
) -> int:
    """Compute jobs until `stop` is set, the process `parent` is gone or, if `once`, none is waiting.

    `execute` computes what `revive` makes of a job's kind and payload; its reports raise `cancelled` when it is to
    stop. `keyed` gives the key of a spec: a job of another key was asked for by another version of the app, and is left
    to a worker of that version. Looks for a job every `poll` seconds; `weights_bytes` is the limit that own weights are
    trimmed to after each job. Ends, too, once a newer version has taken over the store. Returns the number of jobs
    taken.
    """
    worker = worker_id()
    if parent is not None:
        watch(Parent(parent), stop.set)
    taken = 0
    signed = -IDLE_SECONDS
    left: Counter[str] = Counter()  # how often a job was left to others
    while not stop.is_set():
        if time.monotonic() - signed >= IDLE_SECONDS:
            if why := store.refusal():
                log.error("%s", why)
                break
            _quietly(lambda: queue.sign_on(worker, device))
            signed = time.monotonic()
        job = _quietly(lambda: queue.claim(worker, lease_seconds) if queue.waiting() else None)
        if job is not None:
            turn = Turn(job, queue, worker, stop, cancelled)
            with turn.pulse(device, min(pulse_seconds, lease_seconds / 3)):
                aside = _compute(turn, store, execute, _checked(revive, keyed), left)
            _quietly(lambda: store.trim_weights(weights_bytes))
            taken, signed = taken + 1, -IDLE_SECONDS
            if aside and once:
                break
            if aside:
                stop.wait(ASIDE_SECONDS)
        elif once:
            break
        else:
            stop.wait(poll)
    _quietly(lambda: queue.sign_off(worker))
    return taken


def _checked(revive: Revive, keyed: Keyed | None) -> Callable[[Job], Any]:
    """The spec of a job. Raises AnotherVersion for one that this version would call, or read, differently."""

    def read(job: Job) -> Any:
        try:
            spec = revive(job.kind, job.payload)
        except SpecError as error:
            raise AnotherVersion(f"it cannot be read ({error})") from error
        if keyed is not None and job.key in older_keys(spec):
            raise ValueError("this was asked for by an older version of the app: reload the page and ask again")
        if keyed is not None and keyed(spec) != job.key:
            raise AnotherVersion("it has another key here")
        return spec

    return read


def _compute(turn: Turn, store: Store, execute: Execute, read: Callable[[Job], Any], left: Counter[str]) -> bool:
    """One job, to whatever end. Returns whether it was left to a worker of another version."""
    job, queue = turn.job, turn.queue
    named = logs.fields(job=job.key, kind=job.kind, attempt=job.attempts)  # not its title: that may quote a person
    began = time.monotonic()
    log.info("job %s begins (attempt %d)", job.key, job.attempts, extra=named)
    try:
        execute(read(job), store, turn.report)
    except turn.cancelled:
        log.info("job %s was stopped", job.key, extra=named)
        turn.end(queue.let_go)
    except AnotherVersion:
        left[job.key] += 1
        if left[job.key] < MOST_ASIDE:
            log.warning("job %s was asked for by another version of the app and goes back to the queue: start a worker "
                        "of that version", job.key, extra=named)  # fmt: skip
            turn.end(queue.let_go)
            return True
        log.error("job %s was asked for by another version of the app, whose worker is not there", job.key, extra=named)
        turn.end(lambda key, worker: queue.fail(key, worker, NO_WORKER))
    except Exception as error:  # whatever a job does, the worker goes on with the next
        sentence = sentence_of(error)  # for the person who asked; the log has what `logs.message` leaves of it
        log.exception("job %s failed", job.key, extra=named)
        turn.end(lambda key, worker: queue.fail(key, worker, sentence))
    else:
        seconds = round(time.monotonic() - began, 3)
        log.info("job %s is done in %.1f s", job.key, seconds, extra=logs.fields(job=job.key, seconds=seconds))
        turn.end(queue.finish)
    return False


def sentence_of(error: BaseException) -> str:
    """Type and message of an error in one line of at most 300 characters."""
    message = " ".join(str(error).split())
    whole = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return whole if len(whole) <= 300 else whole[:299] + "…"


def watch(parent: Parent, then: Callable[[], None]) -> None:
    """Call `then` once when the process is gone, from a thread of its own."""

    def look() -> None:
        while not parent.gone():
            time.sleep(PARENT_SECONDS)
        log.info("the process %d that started this worker is gone", parent.pid)
        then()

    threading.Thread(target=look, name="parent", daemon=True).start()


def _steps() -> tuple[Execute, Revive, type[Exception], str]:
    """What the real jobs need, imported now so that the first job finds it warm."""
    from invlab import devices, runs, watching

    runs.warm_up()
    return runs.execute, runs.revive, watching.Cancelled, devices.choose()


def _quietly(call: Callable[[], Any]) -> Any:
    """The call's answer; None if the queue or the store cannot be had now, which is logged."""
    try:
        return call()
    except (QueueError, StoreError) as error:
        log.warning("%s", error)
        return None


def _began(pid: int) -> str | None:
    """The start of a process in clock ticks since boot; None if it has ended, or where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]  # zombie, dead; starttime is field 22, counted from 1


# ---- starting and stopping


def hold(home: Path, workers: int = 1) -> IO[str] | None:
    """One of the `workers` places for worker processes in `home`, held until the file is closed or the process ends.

    None if all are taken.
    """
    home.mkdir(parents=True, exist_ok=True)
    for index in range(workers):
        file = (home / ("worker.lock" if index == 0 else f"worker-{index}.lock")).open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
        else:
            return file
    return None


def start(home: Path | str, workers: int = 1) -> subprocess.Popen[bytes]:
    """A worker process for `home` that ends with this process; it writes to `worker.log` there."""
    home = Path(home).resolve()
    home.mkdir(parents=True, exist_ok=True)
    path = home / "worker.log"
    if path.exists() and path.stat().st_size > LOG_BYTES:
        os.replace(path, home / "worker.log.1")
    places = {"INVLAB_HOME": str(home), "INVLAB_BUNDLE": str(stores.bundle_dir().resolve())}
    command = [*COMMAND, "--parent", str(os.getpid()), "--workers", str(workers)]
    with path.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own command line
            command,
            cwd=Path(__file__).resolve().parent.parent,
            env=os.environ | places,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in the terminal is for the app, which the worker follows
        )


_started: dict[Path, list[subprocess.Popen[bytes]]] = {}
_failed: dict[Path, float] = {}  # when a worker was last found to have failed
_starting = threading.Lock()


def ensure_running(queue: Queue, workers: int = 1) -> subprocess.Popen[bytes] | None:
    """Start a worker for `queue` if fewer than `workers` are alive. Returns the new process, or None.

    Cheap enough to call on every rerun of a page: while the processes that were started from here live, it does no
    more than ask for that. One that cannot start (see `worker.log`) is tried again every five seconds at most.
    """
    home = queue.path.parent.resolve()
    with _starting:
        known = _started.get(home, [])
        _started[home] = alive = [process for process in known if process.poll() is None]
        if any(process.returncode for process in known):
            _failed[home] = time.monotonic()
        soon = time.monotonic() - _failed.get(home, -RESTART_SECONDS) < RESTART_SECONDS
        if len(alive) >= workers or soon:
            return None
        place = hold(home, workers)
        if place is None:
            return None  # started by another process
        place.close()
        process = start(home, workers)
        alive.append(process)
        return process


def stop(process: subprocess.Popen[bytes], seconds: float = GRACE_SECONDS) -> None:
    """End a worker: it gives its job back to the queue; by force if it has not ended after `seconds`."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m invlab worker`."""
    parser = argparse.ArgumentParser(prog="invlab worker", description="Compute what is waiting in the queue.")
    parser.add_argument("--once", action="store_true", help="end when nothing is waiting")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when this process ends")
    parser.add_argument("--poll", type=float, default=0.2, metavar="SECONDS", help="look for a job this often")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="end at once if N workers are running")
    parser.add_argument("--weights-gib", type=float, default=WEIGHTS_GIB, metavar="GIB", help="room for own weights")
    return parser


def main(argv: list[str]) -> int:
    """`python -m invlab worker`. Returns the exit status."""
    asked = parser().parse_args(argv)
    if asked.poll <= 0 or asked.workers < 1:
        parser().error("--poll must be above 0 and --workers at least 1")
    logs.set_up("worker", stores.home())
    place = hold(stores.home(), asked.workers)
    if place is None:
        log.info("%d worker(s) are running already", asked.workers)
        return 0
    with place:
        return _serve(asked)


def _serve(asked: argparse.Namespace) -> int:
    over, warm = threading.Event(), threading.Event()

    def end(*_: object) -> None:
        if not warm.is_set():
            # Nothing is held yet. A worker that first warmed up to the end would keep its place, and the processor,
            # from the worker of an app that is started anew.
            os._exit(0)
        if not over.is_set():
            # A step of torch that does not come back must not keep the process.
            force = threading.Timer(GRACE_SECONDS, os._exit, (1,))
            force.daemon = True
            force.start()
        over.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    if asked.parent is not None:
        watch(Parent(asked.parent), end)
    with contextlib.suppress(OSError):
        os.nice(NICE)
    store = stores.open_store()
    if why := store.refusal():
        log.error("%s", why)
        return 1
    queue = Queue()
    _quietly(lambda: queue.forget(FORGET_SECONDS))
    with _standing_back():
        execute, revive, cancelled, device = _steps()
    warm.set()
    run(
        queue,
        store,
        stop=over,
        poll=asked.poll,
        once=asked.once,
        execute=execute,
        revive=revive,
        keyed=key_of,
        cancelled=cancelled,
        device=device,
        weights_bytes=int(asked.weights_gib * 2**30),
    )
    return 0


@contextlib.contextmanager
def _standing_back() -> Iterator[None]:
    """Leave the processor to the others while the block runs: the page that has just started this worker is being
    painted. Linux shares the processor between sessions first and looks at niceness within each, so a worker that has a
    session of its own (`start`) makes the session nice. Not for its jobs: somebody waits for them."""
    group = Path("/proc/self/autogroup")
    own = os.getsid(0) == os.getpid()
    with contextlib.suppress(OSError):
        if own:
            group.write_text(str(NICE))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if own:
                group.write_text("0")
