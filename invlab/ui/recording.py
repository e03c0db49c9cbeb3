"""A person's own recording of a network while it learns: choosing, asking for it, watching it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from invlab import jobs, records
from invlab.figures import learning as figures
from invlab.learning import Recording
from invlab.studies.presets import PRESETS
from invlab.studies.recordings import own_recording
from invlab.ui import cached, live, page
from invlab.ui.results import duration


@dataclass(frozen=True)
class OwnChoice:
    """What a person chooses to have recorded."""

    source: tuple[str, ...] = ("rotate", "hue")
    target: tuple[str, ...] = ("rotate", "hue")
    preset: str = "live"
    seed: int = 0

    def spec(self) -> Recording:
        return own_recording(self.source, self.target, PRESETS[self.preset], self.seed)

    def key(self) -> str:
        return records.key(self.spec())

    def title(self) -> str:
        """One line for a list of runs."""
        learned, judged = (", ".join(families) or "none" for families in (self.source, self.target))
        return f"While learning: {learned} → {judged} · {self.preset}, seed {self.seed}"


@dataclass
class Followed:
    """What has been reported of a recording under way."""

    looks: list[dict[str, Any]] = field(default_factory=list)
    fraction: float = 0.0  # of the whole work
    images: int = 0
    attempt: int = 0
    after: int = 0

    def follow(self, queue: jobs.Queue, job: jobs.Job) -> Followed:
        """Take up the points reported since the last call; all anew where the job has begun again."""
        if job.attempts != self.attempt:
            self.looks, self.fraction, self.images, self.after, self.attempt = [], 0.0, 0, 0, job.attempts
        for number, point in queue.points(job.key, self.after):
            self.after = number
            self.add(point)
        return self

    def add(self, point: dict[str, Any]) -> None:
        share, images = point.get("fraction"), point.get("images")
        if isinstance(share, int | float):
            self.fraction = max(self.fraction, min(1.0, share))
        if isinstance(images, int):
            self.images = max(self.images, images)
        if point.get("stage") == "look":
            self.looks.append(point)

    def told(self, spec: Recording, elapsed: float) -> str:
        """What is being done, how far it is and how long it will still take."""
        if not self.fraction:
            return "Preparing: drawing the test images …"
        total = spec.training.steps * spec.training.batch
        parts = [f"{self.images:,} of {total:,} images", f"{len(self.looks)} of {len(spec.steps())} looks"]
        left = elapsed * (1 - self.fraction) / self.fraction if self.fraction >= 0.04 else None
        parts.append(f"about {duration(left)} left" if left is not None and self.fraction < 1 else "nearly there")
        return " · ".join(parts)


def watch(choice: OwnChoice, draw: Callable[[dict[str, Any], OwnChoice], None]) -> None:
    """A waiting or running recording, drawn anew twice a second until it is over; then the whole page, once.

    draw: shows a result that has at least one look.
    """
    spec, key = choice.spec(), choice.key()
    known: tuple[str, Followed] | None = st.session_state.get("followed")
    followed = known[1] if known and known[0] == key else Followed()
    st.session_state["followed"] = key, followed

    def told(queue: jobs.Queue, job: jobs.Job) -> str:
        followed.follow(queue, job)
        if job.cancel:
            return "Stopping at the next step…"
        if job.state == "queued":
            return live.waiting_text(queue, job)
        return followed.told(spec, max(0.0, time.time() - (job.started or time.time())))

    def below() -> None:
        if followed.looks:
            draw({"families": list(spec.families), "labels": spec.target.labels, "looks": followed.looks}, choice)

    live.follow(key, told, below)


def form() -> OwnChoice:
    """The controls; everything chosen is in the link."""
    first = OwnChoice()
    source = page.families("It learns under", "source", first.source, "In the order they are applied to each object.")
    target = page.families("It is judged on other objects under", "target", first.target, "What the new task varies.")
    preset = st.segmented_control(
        "Preset", ("live", "classroom"), default="live", required=True, key="preset", bind="query-params"
    )
    what = PRESETS[preset].what
    st.caption(f"{what[0].upper()}{what[1:]}.")
    seed = page.whole_number("Seed", 0, live.LAST_SEED, 0, "seed", "Of everything drawn.")
    return OwnChoice(source, target, preset, seed)


def click(choice: OwnChoice) -> None:
    """The button, with what it costs beforehand."""
    queue, there = cached.the_queue(), cached.the_store().get(choice.key()) is not None
    job = queue.job(choice.key())
    busy = not there and job is not None and not job.over
    long = live.too_long(choice)
    label = "Recording…" if busy else "Recorded" if there else "Train and record"
    live.button(
        label, [choice], "record", busy or there or long, type="primary", icon=":material/fiber_manual_record:",
        width="stretch",
    )  # fmt: skip
    if long:
        st.warning("This is too long for this machine; choose the preset live, or run it from Python.")
    elif there:
        st.caption("This choice is recorded: see the result. Another seed records another network.")
    elif not busy:
        live.forecast(choice)
        if job is not None:
            live.again_text(job)
    live.refusal()


def drawn_families(choice: OwnChoice) -> list[figures.Line]:
    """The source's families, the target's, and one of each group that has none of them."""
    extra = [f for f in ("rotate", "hue", "blur") if f not in (*choice.source, *choice.target)]
    shown = list(dict.fromkeys((*choice.source, *choice.target, *extra)))[:6]
    return figures.lines(shown, choice.source, page.family_name)
