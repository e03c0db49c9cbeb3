"""From a number to its images: the twin pairs behind it, sorted by how far apart the network sees them.

Nothing here imports torch until pictures are drawn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from invlab import costs, jobs, records
from invlab.figures import sensitivity as figures
from invlab.sensitivity import TwinPairs
from invlab.studies.claims import number
from invlab.ui import gallery, instruments, live, page
from invlab.ui.cached import the_queue, the_store
from invlab.ui.results import duration

PAIRS = 200  # a fifth of a second; the number itself was mostly measured on more
SHOWN = 4  # in a row; two by two on a telephone
LOADING = "Loading the network and drawing its twins … (the very first time the backgrounds are painted: half a minute)"

Result = dict[str, Any]


def behind(measured: Any) -> TwinPairs:
    """The twin pairs of a spec that measures one trained network on a task (sensitivity, transfer, information …)."""
    task = measured.target if hasattr(measured, "target") else measured.task
    redraw = getattr(measured, "redraw", "transformations")
    return TwinPairs(measured.training, task, PAIRS, getattr(measured, "seed", 0), redraw)


def distances(spec: TwinPairs) -> Result | None:
    """From the store, or measured now where the network's weights are stored; None where it would have to learn."""
    if the_store().get(records.key(spec)) is None:
        try:
            instruments.needs_weights(spec.training)
        except instruments.NoWeightsError:
            return None
    with st.spinner(LOADING):
        gallery.wait_until_ready(spec.task)  # for the pictures, where the distances are known
        return instruments.measured([spec])[0]


def _galleries(spec: TwinPairs, result: Result) -> None:
    """The distribution of distances, then the pairs that moved least and most, and any between them."""
    moved = result["moved"]
    plot = figures.twins_and_strangers(moved, result["apart"])
    page.figure(plot, "pairs-figure", figures.twins_alt(moved, result["apart"]))
    alike = set(result["identical"])
    order = sorted((i for i in range(len(moved)) if i not in alike), key=moved.__getitem__)
    if not order:
        st.info("Each of these pairs is the same picture twice.", icon=":material/info:")
        return
    st.markdown("**Moved least**" + (" (among pairs of two different pictures)" if alike else ""))
    _row(spec, result, order[:SHOWN])
    st.markdown("**Moved most**")
    _row(spec, result, order[::-1][:SHOWN])
    if len(order) > 3 * SHOWN:
        last = len(order) - SHOWN
        start = st.slider(
            "All of them by distance, from number", 1, last + 1, last // 2, key="pairs_from", bind="query-params"
        )
        _row(spec, result, order[start - 1 : start - 1 + SHOWN])
    st.caption("The number below a pair is its distance, in units of the strangers' mean distance.")
    rows = [
        {"pair": i, "twins": round(moved[i], 4), "strangers": round(result["apart"][i], 4), "one picture": i in alike}
        for i in range(len(moved))
    ]
    page.behind("pairs", rows, records.plain(spec), plot, specs=[spec])


def _row(spec: TwinPairs, result: Result, chosen: Sequence[int]) -> None:
    words = tuple(f"{result['moved'][i]:.2f}" for i in chosen)
    instruments.gallery(instruments.twins_at(records.key(spec.task), spec.task, tuple(chosen), words, spec.redraw))


def section(spec: TwinPairs, who: str, key: str = "pairs") -> None:
    """A switch; behind it the twin pairs as the network sees them. `who` names the network, in Markdown.

    Where the network's weights are not stored, a button has the worker learn it again.
    """
    if not st.toggle("Show its twin pairs", key=key, bind="query-params"):
        return
    try:
        result = distances(spec)
    except ValueError as error:  # pictures that are not here
        st.warning(gallery.sentence(error), icon=":material/error:")
        return
    if result is None:
        _learn_again(Wanted(spec, who))
        return
    ratio = sum(result["moved"]) / len(result["moved"])
    again = {"object": "with another object", "background": "with another background"}.get(spec.redraw)
    st.markdown(
        f"{who[:1].upper()}{who[1:]} sees {len(result['moved'])} images of this task beside their twins, "
        f"{again or 'the transformation drawn anew'}: {number(ratio)} apart on average, where strangers lie 1."
        + (f" {len(result['identical'])} pairs are the same picture twice." if result["identical"] else "")
    )
    _galleries(spec, result)


# --------------------------------------------------------------------------------------------------- learned once more


@dataclass(frozen=True)
class Wanted:
    """Twin pairs whose network has to learn first."""

    pairs: TwinPairs
    who: str

    def spec(self) -> TwinPairs:
        return self.pairs

    def key(self) -> str:
        return records.key(self.pairs)

    def title(self) -> str:
        """One line for a list of runs."""
        return f"Twin pairs of {self.who.replace('*', '')}"


def _learn_again(wanted: Wanted) -> None:
    job = the_queue().job(wanted.key())
    if job is not None and not job.over:
        live.follow(wanted.key(), _told)
        return
    st.markdown(
        "Of this network only the numbers are kept, not its weights. It can learn again, from the same pictures in the "
        f"same order, in {duration(costs.expected_seconds(wanted.pairs))}."
    )
    if live.too_long(wanted):
        st.caption("That is too long for this machine.")
        return
    if job is not None:
        live.again_text(job)
    live.button("Let it learn again", [wanted], "learn-again", icon=":material/replay:")
    live.refusal()


def _told(queue: jobs.Queue, job: jobs.Job) -> str:
    if job.state == "queued" or job.cancel:
        return live.state_text(queue, job)
    share, elapsed = live.done(job), max(0.0, time.time() - (job.started or time.time()))
    left = f" · about {duration(elapsed * (1 - share) / share)} left" if 0.04 < share < 1 else ""
    return f"Learning again: {share:.0%}{left}"
