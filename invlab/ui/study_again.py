"""Running a study again, or for the first time: the form on its page, what is under way, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from invlab import costs, jobs, records, sources
from invlab.files import StoreError
from invlab.jobs import LONG
from invlab.studies.catalogue import STUDIES, StudyRun, axis_values
from invlab.ui import cached, live, page, results, study, visitors
from invlab.ui.results import duration, escaped
from invlab.ui.study import seeds_text

MOST_SEEDS = 100
ENDED = 3  # finished, failed and cancelled runs of a study that its page tells of
LONGEST_SECONDS = 86_400.0  # what the app offers to compute; the command line has no limit


def again(name: str, run: StudyRun | None = None) -> None:
    """What of this study is waiting, running or has ended, and a form that asks for more of it."""
    st.header("Run this again with…" if run else "Compute it here", anchor=False)
    st.fragment(_again)(name, run)


def _again(name: str, run: StudyRun | None) -> None:
    try:
        if active := _active(name):
            st.fragment(run_every=study.POLL_SECONDS)(_watch)(name, frozenset(job.key for job in active))
        _ended(name)
        live.refusal()
        wanted = _form(name, run)
        if wanted is not None:
            _button(wanted, run)
    except (jobs.QueueError, StoreError) as error:
        live.guarded(error)


def _form(name: str, run: StudyRun | None) -> StudyRun | None:
    """The run that the controls name; None (and a sentence) where there is none."""
    first, second, third = st.columns([2, 2, 3], vertical_alignment="bottom")
    offered = [preset for preset in study.SHOWN if preset in STUDIES[name].sizes]
    at = first.segmented_control(
        "Preset of the new run", offered, default=offered[0], required=True, key="again-preset"
    )
    preset = at or offered[0]
    known = run.seeds if run is not None and run.preset == preset else 0
    usual = min(MOST_SEEDS, known + 2 if known else STUDIES[name].seeds[preset])
    seeds = int(
        second.number_input(
            "Seeds",
            1,
            MOST_SEEDS,
            usual,
            key=f"again-seeds-{preset}",
            help="Counted from 0. Each seed draws its own classes, images and weights; what is stored is not computed "
            "again.",
        )
    )
    part = third.toggle("Only a part of it", key="again-part", help="Only the cells at one value of an axis.")
    data = tuple(source for source in STUDIES[name].data if sources.available(source))
    try:
        return StudyRun(name, preset, seeds, data, _part(name, preset, data) if part else ())
    except ValueError as error:
        st.warning(f"{escaped(str(error))}.")
        return None


def _part(name: str, preset: str, data: tuple[str, ...]) -> tuple[str, ...]:
    """`axis=value` texts of the chosen values."""
    there = {axis: values for axis, values in axis_values(name, preset, data).items() if len(values) > 1}
    left, right = st.columns([2, 5])
    axis = left.selectbox("Axis", list(there), key=f"again-axis-{preset}")
    st.caption(f"*{axis}*: {STUDIES[name].axes[axis]}.")
    values = right.multiselect(
        "Values", there[axis], default=list(there[axis][:1]), key=f"again-values-{preset}-{axis}",
        format_func=lambda value: value or "(none)",
    )  # fmt: skip
    return tuple(f"{axis}={value}" for value in values)


def _button(wanted: StudyRun, run: StudyRun | None) -> None:
    """The button, with what it costs beforehand, or why there is none."""
    there = study.seeds_there()
    missing = sum(records.key(seed) not in there for seed in wanted.each())
    seconds = missing * _seed_seconds(records.key(wanted.seed(0)), wanted)
    busy = any(job.key == records.key(wanted) for job in _active(wanted.study))
    on_gpu = any(worker.device.startswith("cuda") for worker in cached.the_queue().workers())
    if busy:
        st.caption("This run is asked for already: see above.")
    elif not missing:
        st.caption(f"{seeds_text(wanted.seeds).capitalize()} of this are stored already: ask for more.")
    elif seconds > LONGEST_SECONDS and not on_gpu:
        st.caption(f"About {duration(seconds)} on two CPU cores: too long for a click. On a machine with a GPU:")
        st.code(study.command(wanted), language="bash", wrap_lines=True)
        return
    else:
        st.caption(f":material/timer: {forecast(missing, seconds)}")
    why = visitors.barred("run a study")
    st.button(
        f"Compute {seeds_text(wanted.seeds)}", key="again-run", icon=":material/play_arrow:",
        disabled=busy or not missing or why is not None, on_click=ask, args=(wanted, seconds),
    )  # fmt: skip
    if why:
        st.caption(f":material/lock: {escaped(why)}")


def forecast(missing: int, seconds: float) -> str:
    """What a click costs: the time, the queue, the worker."""
    texts = [f"{seeds_text(missing)} to compute, about {duration(seconds)} on two CPU cores"]
    if before := live.before(cached.the_queue(), LONG):
        texts.append(before)
    texts.append("comparisons of the page Transfer go first")
    if not cached.the_queue().workers():
        texts.append("the worker is not there yet; it starts by itself within some seconds")
    return " · ".join(texts) + "."


@st.cache_data(show_spinner=False, max_entries=500)
def _seed_seconds(key: str, _run: StudyRun) -> float:
    """What one seed of a run is expected to take, nothing of it stored."""
    return costs.expected_seconds(_run.seed(0))


def ask(wanted: StudyRun, seconds: float) -> None:
    """Put one job for the run into the queue; a refusal is kept for the page to tell."""
    key = records.key(wanted)
    with live.refusing():
        visitor = visitors.require("run a study")
        cached.the_queue().submit(
            key,
            "StudyRun",
            records.plain(wanted),
            title=title(wanted),
            visitor=visitor.id,
            expected_seconds=seconds,
            priority=LONG,  # a study of hours makes way for comparisons of seconds
            again=any(cached.the_store().get(records.key(seed)) is None for seed in wanted.each()),
            limit=visitor.limit,
        )


def title(wanted: StudyRun) -> str:
    """One line for a list of runs."""
    only = f" · only {', '.join(wanted.only)}" if wanted.only else ""
    return f"Study {STUDIES[wanted.study].title} · {wanted.preset}, {seeds_text(wanted.seeds)}{only}"


def _of(name: str, found: Sequence[jobs.Job]) -> list[jobs.Job]:
    return [job for job in found if job.kind == "StudyRun" and job.payload.get("study") == name]


def _active(name: str) -> list[jobs.Job]:
    queue = cached.the_queue()
    return _of(name, [*queue.jobs("running"), *queue.jobs("queued", limit=1000)])


def _watch(name: str, known: frozenset[str]) -> None:
    """The study's waiting and running jobs, drawn anew every second; the whole page when one has ended."""
    queue = cached.the_queue()
    try:
        active = _active(name)
        if frozenset(job.key for job in active) != known:
            study.look_again()
            st.rerun(scope="app")
        for job in active:
            with st.container(border=True):
                words, button = st.columns([5, 1], gap="small", vertical_alignment="center")
                with words:
                    st.markdown(f"**{escaped(job.title)}**")
                    st.progress(live.done(job), progress(queue, job))
                with button:
                    live.cancel_button(queue, job, f"cancel-{job.key}")
        st.caption("Leaving this page does not stop it; what is computed stays stored, also after *Cancel*.")
    except jobs.QueueError as error:
        st.caption(f"{escaped(str(error))}. Trying again…")


def progress(queue: jobs.Queue, job: jobs.Job) -> str:
    """What is being done, how far it is and how long it will still take."""
    point = job.progress
    if job.cancel:
        return "Stopping at the next step…"
    if job.state == "queued":
        made_way = "Makes way for a shorter run and goes on after it. " if point.get("done") else ""
        return made_way + live.waiting_text(queue, job)
    if not isinstance(point.get("done"), int):
        return "Running: preparing"
    text = f"Seed {point.get('seed', 0)}: {point['done']:,} of {point.get('of', 0):,} cells"
    left = point.get("left")
    return (
        f"{text} · about {duration(left)} left" if isinstance(left, int | float) else f"{text} · time left unknown yet"
    )


def _ended(name: str) -> None:
    """What became of the latest runs that were asked for here."""
    for job in [job for job in _of(name, cached.the_queue().jobs()) if job.over][:ENDED]:
        what = escaped(job.title)
        if job.state == "failed":
            st.error(f"{what} failed: {escaped(job.error or 'the worker did not say why')}.", icon=":material/error:")
        elif job.state == "cancelled":
            st.caption(f":material/cancel: {what}: cancelled. What was computed is stored; it can be asked for again.")
        elif job.payload.get("only"):
            _part_numbers(job)
        else:
            at = f" at {results.when_unix(job.finished)}" if job.finished else ""
            st.caption(f":material/check: {what}: finished{at}; this page shows the largest run that is stored.")


def _part_numbers(job: jobs.Job) -> None:
    """The numbers of a finished part of a study, which the figures above, made for the whole, do not show."""
    try:
        found = study.table_of(records.revive(StudyRun, job.payload))
    except ValueError:
        return
    if not len(found):
        return
    with st.expander(f"Finished: {escaped(job.title)}", icon=":material/check:"):
        st.dataframe(found.records()[:1000], hide_index=True, width="stretch")
        page.file(f"{job.key}.csv", lambda: study.csv(found), "text/csv", f"All {len(found):,} numbers (CSV)")
