"""The lesson in which two networks are trained: a run that a whole class shares, from the click to its result."""

from __future__ import annotations

import streamlit as st

from invlab.files import StoreError
from invlab.jobs import QueueError
from invlab.ui import cached, live, results
from invlab.ui.results import Choice

FIRST_SEED = results.SEEDS  # the first whose result does not ship: all who click at the same time join one run
SEED = "lesson-seed"  # of the run a session looks at


def train_two() -> None:
    """Both networks of the lesson, trained here and now with a seed of their own."""
    st.header("Train two yourself", anchor=False)
    st.markdown(
        "The numbers above shipped with the lab. Train both networks anew, on other objects and with other initial "
        "weights: does it come out the same? Everybody who asks at the same time watches the same two networks."
    )
    try:
        _the_run(Choice(seed=seed()))
    except (QueueError, StoreError) as error:
        live.guarded(error)


def seed() -> int:
    """Of the run to look at: this session's, or the link's, or the first one."""
    named = st.query_params.get("seed", "")
    linked = int(named) if named.isascii() and named.isdigit() and len(named) < 6 else FIRST_SEED
    return min(live.LAST_SEED, st.session_state.get(SEED, linked))


def _the_run(choice: Choice) -> None:
    key = choice.key()
    record, job = cached.the_store().get(key), cached.the_queue().job(key)
    if record is not None:
        results.show(key, record, "lesson-run")
        following = live.fresh(choice)
        if following != choice:
            button(following, f"Train two more (seed {following.seed})")
    elif job is not None and not job.over:
        live.watch(choice)
    else:
        if job is not None:
            live.again_text(job)
        button(choice, "Train both now")
        live.forecast(choice)
    live.refusal()


def button(choice: Choice, label: str) -> None:
    st.button(label, key="train", type="primary", icon=":material/play_arrow:", on_click=begin, args=(choice,))


def begin(choice: Choice) -> None:
    """The click: ask for the run and look at it; the link holds its seed."""
    live.ask([choice])
    st.session_state[SEED] = choice.seed
    st.session_state["asked"] = choice.key()
    st.query_params["seed"] = str(choice.seed)
