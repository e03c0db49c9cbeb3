"""A run from the click to the result: asking for it, watching it, taking it back. The state is in the queue, so it
survives the page, the session and the browser."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import streamlit as st

from invlab import costs, jobs, records, roles
from invlab.files import StoreError
from invlab.studies.comparison import Comparison
from invlab.ui import cached, page, results, visitors
from invlab.ui.results import Choice, duration
from invlab.watching import QUICK_PAIRS, QUICK_PROBE

POLL_SECONDS = 0.5
FIRST_POLL_SECONDS = 0.05  # right after the click, until the first step is reported
FIRST_STEP_SECONDS = 1.0  # how long the page waits for it before it draws the figures
KEPT_POINTS = 400  # of one curve; beyond that every second one is dropped
LONGEST_SECONDS = 1800.0  # what the app offers to compute; the command line has no limit
NOT_STARTED_SECONDS = 3.0  # without a first step, something is being prepared
LAST_SEED = 9999


class Asked(Protocol):
    """What can be asked for: a spec, its key, and one line for a list of runs."""

    def spec(self) -> Any: ...

    def key(self) -> str: ...

    def title(self) -> str: ...


# ---------------------------------------------------------------------------------------------------------- watching


@dataclass
class Watched:
    """What has been reported of a running comparison, in the form that the figures take."""

    networks: list[dict[str, Any]] = field(default_factory=list)
    fraction: float = 0.0  # of the whole work
    attempt: int = 0
    after: int = 0

    def follow(self, queue: jobs.Queue, job: jobs.Job) -> Watched:
        """Take up the points reported since the last call; all anew where the job has begun again."""
        if job.attempts != self.attempt:
            self.networks, self.fraction, self.after, self.attempt = [], 0.0, 0, job.attempts
        for number, point in queue.points(job.key, self.after):
            self.after = number
            self.add(point)
        return self

    def add(self, point: dict[str, Any]) -> None:
        if point.get("stage") == "start" and isinstance(point.get("networks"), int):
            self.networks = [_nothing_yet() for _ in range(min(4, point["networks"]))]
        share, number = point.get("fraction"), point.get("network")
        if isinstance(share, int | float):
            self.fraction = max(self.fraction, min(1.0, share))
        if not isinstance(number, int) or not 0 <= number < len(self.networks):
            return
        network = self.networks[number]
        stage = network["stage"] = point.get("stage", "train")
        if stage == "train":
            network["history"].append(point)
            network["images"] = point.get("images", 0)
        elif stage == "watch":
            network["curve"].append(point)
        for points in (network["history"], network["curve"]):
            if len(points) > KEPT_POINTS:
                del points[1:-1:2]

    def seconds_left(self, spec: Comparison, elapsed: float) -> float | None:
        """From the pace so far; None before there is one."""
        return elapsed * (1 - self.fraction) / self.fraction if self.fraction >= 0.04 else None

    def told(self, spec: Comparison, elapsed: float) -> str:
        """What is being done, how far it is and how long it will still take."""
        if not self.networks or not self.fraction:
            wait = ": making backgrounds and objects of this size, once" if elapsed > NOT_STARTED_SECONDS else "…"
            return f"Preparing{wait}"
        parts = []
        for number, (network, source) in enumerate(zip(self.networks, spec.sources, strict=False), 1):
            doing = {
                "sensitivity": "measuring sensitivity",
                "transfer": "fitting the probe",
                "done": "done",
            }.get(network["stage"], f"{network['images']:,} of {source.steps * source.batch:,}")
            parts.append(f"network {number}: {doing}")
        if any(n["stage"] in ("start", "train", "watch") for n in self.networks):
            parts[-1] += " images"
        left = self.seconds_left(spec, elapsed)
        parts.append(f"about {duration(left)} left" if left is not None and self.fraction < 1 else "nearly there")
        return " · ".join(parts)


def _nothing_yet() -> dict[str, Any]:
    return {"stage": "start", "images": 0, "history": [], "curve": []}


@st.fragment(run_every=POLL_SECONDS)
def watch(choice: Choice) -> None:
    """A waiting or running comparison, drawn anew twice a second until it is over; then the whole page, once."""
    queue, spec = cached.the_queue(), choice.spec()
    key = records.key(spec)
    try:
        job = queue.job(key)
        if job is None or job.over:
            st.session_state.pop("watched", None)
            st.rerun(scope="app")
        known: tuple[str, Watched] | None = st.session_state.get("watched")
        watched = (known[1] if known and known[0] == key else Watched()).follow(queue, job)
        st.session_state["watched"] = key, watched
        head, button = st.columns([5, 1], gap="small", vertical_alignment="bottom")
        with button:
            cancel_button(queue, job, f"cancel-{key}")
        with head:
            place = st.empty()
            with place:
                _progress(queue, job, watched, spec)
            if st.session_state.pop("asked", None) == key:
                job = _first_step(queue, job, watched)
                with place:
                    _progress(queue, job, watched, spec)
    except jobs.QueueError as error:
        st.caption(f"{results.escaped(str(error))}. Trying again…")
        return
    results.key_to(results.lanes_of(spec))
    results.learning(spec, watched.networks or [_nothing_yet() for _ in spec.sources], "live")
    st.caption(
        f"Sensitivity and probe are quick looks at {QUICK_PAIRS} twin pairs and {QUICK_PROBE} target images; "
        "the full measures follow at "
        "the end. Closing this page does not stop the run: its link finds it again."
    )


@st.fragment(run_every=POLL_SECONDS)
def follow(key: str, told: Callable[[jobs.Queue, jobs.Job], str], below: Callable[[], None] | None = None) -> None:
    """A waiting or running job of any kind, with a bar and a button to cancel, until it is over; then the whole page,
    once. told: what is being done, how far it is and how long it will still take; below: draws what there is so far."""
    queue = cached.the_queue()
    try:
        job = queue.job(key)
        if job is None or job.over:
            st.rerun(scope="app")
        head, button = st.columns([5, 1], gap="small", vertical_alignment="bottom")
        with button:
            cancel_button(queue, job, f"cancel-{key}")
        head.progress(done(job), told(queue, job))
    except jobs.QueueError as error:
        st.caption(f"{results.escaped(str(error))}. Trying again…")
        return
    if below is not None:
        below()
    st.caption("Closing this page does not stop the run: its link finds it again.")


def _first_step(queue: jobs.Queue, job: jobs.Job, watched: Watched) -> jobs.Job:
    """Follow a run that was just asked for until its first step, but not for long.

    The step comes within half a second; the figures take the browser longer than that to draw, and it would be told of
    the step only after them.
    """
    until = time.monotonic() + FIRST_STEP_SECONDS
    while not watched.fraction and not job.over and time.monotonic() < until:
        time.sleep(FIRST_POLL_SECONDS)
        job = queue.job(job.key) or job
        watched.follow(queue, job)
    return job


def _progress(queue: jobs.Queue, job: jobs.Job, watched: Watched, spec: Comparison) -> None:
    if job.cancel:
        st.progress(watched.fraction, "Stopping at the next step…")
    elif job.state == "queued":
        st.progress(0.0, waiting_text(queue, job))
    else:
        elapsed = max(0.0, time.time() - (job.started or time.time()))
        st.progress(min(1.0, watched.fraction), watched.told(spec, elapsed))


def state_text(queue: jobs.Queue, job: jobs.Job) -> str:
    """A queued or running job's state, for a list."""
    if job.state == "queued":
        return waiting_text(queue, job)
    share, elapsed = done(job), max(0.0, time.time() - (job.started or time.time()))
    if job.cancel:
        return "Stopping at the next step…"
    if share < 0.04:
        return "Running: preparing"
    left = f"about {duration(elapsed * (1 - share) / share)} left" if share < 1 else "measuring"
    return f"Running: {share:.0%} · {left}"


def waiting_text(queue: jobs.Queue, job: jobs.Job) -> str:
    """Why a queued job waits, its place and how long that will be."""
    if not queue.workers():
        return "Waiting for a worker: the first one needs some seconds to start"
    place, ahead = queue.place(job.key), queue.seconds_ahead(job.key)
    if place <= 1 and not ahead:
        return "Starting…"
    time_left = f", starts in about {duration(ahead)}" if ahead else ""
    return f"Waiting: number {place} in the queue{time_left}"


def cancel_button(queue: jobs.Queue, job: jobs.Job, key: str) -> None:
    """Takes this visitor's request back; for what others asked for, it says so. A teacher who has not asked for it
    cancels it for everybody."""
    asked, own = queue.visitors(job.key), visitors.visitor_id()
    if own not in asked and not visitors.may("cancel"):
        st.button("Cancel", key=key, disabled=True, width="stretch", help="Asked for by somebody else: it goes on.")
        return
    if own in asked:
        label, told = "Cancel", "Others wait for it too: it goes on for them." if len(asked) > 1 else None
    else:
        label, told = "Cancel for all", "Asked for by somebody else: as a teacher you can end it for everybody."
    st.button(label, key=key, width="stretch", help=told, disabled=job.cancel, on_click=_cancel, args=(job.key,))


def _cancel(key: str) -> None:
    """The click on Cancel, checked anew: what the page showed may be old."""
    queue = cached.the_queue()
    with refusing():
        own = visitors.require("take back").id
        if own in queue.visitors(key):
            queue.cancel(key, own)
        else:
            visitors.require("cancel")
            queue.cancel(key)


# ------------------------------------------------------------------------------------------------------------ asking


def too_long(choice: Asked) -> bool:
    """Whether a run is not for this machine: a GPU's worker takes anything."""
    on_gpu = any(worker.device.startswith("cuda") for worker in cached.the_queue().workers())
    return not on_gpu and costs.expected_seconds(choice.spec()) > LONGEST_SECONDS


def ask(choices: Sequence[Asked]) -> None:
    """Put them into the queue; a refusal is kept for the page to tell."""
    queue = cached.the_queue()
    with refusing():
        for choice in choices:
            seconds = costs.expected_seconds(choice.spec())
            visitor = visitors.require_run(getattr(choice, "preset", None), seconds)
            queue.submit(
                choice.key(),
                type(choice.spec()).__name__,
                records.plain(choice.spec()),
                title=choice.title(),
                visitor=visitor.id,
                expected_seconds=seconds,
                priority=visitor.priority,
                again=cached.the_store().get(choice.key()) is None,
                limit=visitor.limit,
            )


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """For a click's action: why it was refused is kept for the page to tell (`refusal`)."""
    try:
        yield
    except (jobs.QueueError, StoreError, roles.Refused, ValueError) as error:
        st.session_state["refused"] = str(error)


def barred(choice: Asked) -> str | None:
    """Why the visitor may not ask for this, as a sentence; None if they may."""
    try:
        visitors.require_run(getattr(choice, "preset", None), costs.expected_seconds(choice.spec()))
    except roles.Refused as why:
        return page.sentence(why)
    return None


def button(label: str, choices: Sequence[Asked], key: str, disabled: bool = False, **more: Any) -> None:
    """A button that asks for `choices`; below it, why this visitor may not."""
    why = next(filter(None, map(barred, choices)), None)
    options: dict[str, Any] = {"on_click": ask, "args": (choices,), **more}
    st.button(label, key=key, disabled=disabled or why is not None, **options)
    if why:
        st.caption(f":material/lock: {results.escaped(why)}")


def fresh(choice: Choice) -> Choice:
    """The choice itself, or with the next seed whose result is not there yet: a click always trains something new."""
    for seed in range(choice.seed, LAST_SEED + 1):
        candidate = replace(choice, seed=seed)
        if cached.the_store().get(candidate.key()) is None:
            return candidate
    return choice


def begin(choice: Choice) -> None:
    """The click: ask for the comparison and go to it."""
    ask([choice])
    st.session_state["seed"] = choice.seed
    st.session_state["asked"] = choice.key()


def refusal() -> None:
    """Tell once why the last click was refused."""
    if message := st.session_state.pop("refused", None):
        st.warning(results.escaped(message), icon=":material/hourglass:")


def forecast(choice: Asked) -> None:
    """What a click costs, before it is made: the time, the place in the queue, the worker. Nothing for a visitor who
    may not click."""
    if barred(choice):
        return
    queue = cached.the_queue()
    texts = [f"About {duration(costs.expected_seconds(choice.spec()))} on two CPU cores"]
    if ahead := before(queue):
        texts.append(ahead)
    count, workers = bool(ahead), queue.workers()
    if not workers:
        texts.append("the worker is not there yet; it starts by itself within some seconds")
    elif not count:
        texts.append("a worker is warm and ready")
    st.caption(f":material/timer: {' · '.join(texts)}.")


def before(queue: jobs.Queue, priority: int | None = None) -> str:
    """The place that a run asked for now would have, and how long it would wait: `number 3 in the queue, starts in
    about 20 s`; empty where it would start at once. priority: the visitor's own where it is None."""
    visitor = visitors.current()
    count, seconds = queue.forecast(visitor.id, visitor.priority if priority is None else priority)
    if not count:
        return ""
    wait = f", starts in about {duration(seconds)}" if seconds is not None else ""
    return f"it would be number {count + 1} in the queue{wait}"


def done(job: jobs.Job) -> float:
    """The share of a job that is done, 0 … 1, from its latest point."""
    fraction = job.progress.get("fraction")
    return min(1.0, max(0.0, fraction)) if isinstance(fraction, int | float) else 0.0


# -------------------------------------------------------------------------------------------------------- more seeds


def more_seeds(choice: Choice) -> None:
    """Whether it holds for other seeds: those that are stored, those under way, and a button for the missing."""
    found = results.seeds_stored(choice)
    missing = [replace(choice, seed=s) for s in range(results.SEEDS) if s not in found]
    under_way = [c for c in missing if (job := cached.the_queue().job(c.key())) is not None and not job.over]
    st.header("Does it hold for other seeds?", anchor=False)
    if len(found) > 1:
        results.show_pooled(choice, found, "pooled")
    else:
        st.markdown(
            "One seed is one draw of objects, images and initial weights. Its intervals tell how exactly *these* two "
            "networks were measured, not whether other networks would do the same."
        )
    if under_way:
        st.fragment(run_every=1.0)(_seeds_under_way)(choice, len(found))
    elif missing and not too_long(choice):
        seeds = ", ".join(str(c.seed) for c in missing)
        label = f"Run more seeds ({seeds})"
        seconds = sum(costs.expected_seconds(c.spec()) for c in missing)
        button(
            label, missing, "more-seeds", icon=":material/library_add:", wrap=True,
            help=f"About {duration(seconds)} together, on two CPU cores",
        )  # fmt: skip


def _seeds_under_way(choice: Choice, known: int) -> None:
    """One line for each seed that is waiting or running; the whole page again when one is finished."""
    queue = cached.the_queue()
    found = results.seeds_stored(choice)
    lines = []
    for seed in range(results.SEEDS):
        candidate = replace(choice, seed=seed)
        job = None if seed in found else queue.job(candidate.key())
        if job is not None and not job.over:
            lines.append((job, seed))
    if len(found) != known or not lines:
        st.rerun(scope="app")
    for job, seed in lines:
        place = waiting_text(queue, job) if job.state == "queued" else f"running, {done(job):.0%} of the images"
        st.progress(done(job), f"Seed {seed}: {place}")


def guarded(error: Exception) -> None:
    """A queue or a store that cannot be used, in one sentence."""
    st.error(results.escaped(str(error)), icon=":material/error:")


def again_text(job: jobs.Job) -> None:
    """What became of a run that has no result."""
    if job.state == "failed":
        reason = results.escaped(job.error or "the worker did not say why")
        st.error(f"This run failed: {reason}. Change the choice, or try again.", icon=":material/error:")
    elif job.state == "cancelled":
        st.info("This run was cancelled before it was finished. It can be run again.", icon=":material/cancel:")
    elif job.state == "done":
        st.warning("This run was finished, but its result is no longer stored. It can be run again.")


def page_of(choice: Choice, label: str) -> None:
    """A link to the page Transfer with this choice."""
    st.page_link("pages/transfer.py", label=label, icon=":material/compare_arrows:", query_params=choice.query())
