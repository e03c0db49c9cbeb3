"""The pieces that the pages of the studies are made of: a stored run, its claims, what differs from the paper, and
what the networks were shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from invlab import differences, records, runs, sources, study_words
from invlab.differences import SHOWN, Difference
from invlab.kept import GET
from invlab.studies.catalogue import STUDIES, StudyRun
from invlab.studies.published import SOURCE
from invlab.studies.study import FAILS, HOLDS, RULE, UNDECIDED, Table, Verdict, tested
from invlab.study_words import command, parts, tally
from invlab.study_words import seeds_text as seeds_text  # what belongs to a study is asked for here by the pages
from invlab.tasks import Task
from invlab.ui import cached, page, results
from invlab.ui.results import escaped

if TYPE_CHECKING:
    import plotly.graph_objects as go

T = TypeVar("T")

POLL_SECONDS = 1.0
NEWS_SECONDS = 60.0  # until a page sees what another process has stored
BADGES = {
    HOLDS: ":green-badge[:material/check: holds]",
    FAILS: ":red-badge[:material/close: fails]",
    UNDECIDED: ":gray-badge[:material/question_mark: undecided]",
}

# ------------------------------------------------------------------------------------------------------ what is stored


def load(name: str) -> tuple[StudyRun, Table] | None:
    """The study's largest stored run at the preset that the page's picker shows, and its numbers; or None, after saying
    how to compute them. The same table object is given to every rerun and visitor: read it only."""
    there = stored(name)
    if not there:
        page.not_there(f"The study *{STUDIES[name].title}*", f"python -m invlab study {name}")
        st.caption("Until then: what it will test, what it shows to the networks, and a button that computes it here.")
        return None
    names = list(there)
    preset = names[0]
    if len(names) > 1:
        preset = st.segmented_control(
            "Preset", names, default=names[0], required=True, key="preset", bind="query-params"
        ) or names[0]  # fmt: skip
    run = there[preset]
    table = table_of(run)
    st.caption(study_words.facts(run, table))
    return run, table


@st.cache_data(show_spinner=False, ttl=NEWS_SECONDS, max_entries=20)
def stored(name: str) -> dict[str, StudyRun]:
    """The largest stored run of a study at each preset that has one."""
    found = {preset: runs.stored_run(name, preset, cached.the_store()) for preset in SHOWN}
    return {preset: run for preset, run in found.items() if run is not None}


def table_of(run: StudyRun) -> Table:
    """The stored numbers of a run, read once for all reruns and visitors."""
    return _table(tuple(map(records.key, run.each())), run)


@st.cache_resource(show_spinner=False, max_entries=16)
def _table(keys: tuple[str, ...], _run: StudyRun) -> Table:
    return runs.study_table(_run, cached.the_store())


def once(run: StudyRun, what: str, make: Callable[[], T]) -> T:
    """`make()`, computed once for this run: for all that is read off its table. `what` tells it from other readings.
    The same object is given to every rerun and visitor: do not change it."""
    return cached.once(list(map(records.key, run.each())), what, make)


@st.cache_data(show_spinner=False, ttl=NEWS_SECONDS)
def seeds_there() -> frozenset[str]:
    """The keys of all stored seeds of studies."""
    return frozenset(cached.the_store().keys("studyseed"))


def look_again() -> None:
    """Forget what was stored: something new is."""
    stored.clear()
    seeds_there.clear()


def published() -> bool:
    """The switch for the paper's values beside ours; its state is in the link."""
    shown = st.toggle("Beside it: the published values", key="published", bind="query-params")
    if shown:
        st.caption(f"Open symbols: {SOURCE}.")
    return bool(shown)


# -------------------------------------------------------------------------------------------------------------- claims


def claims(name: str, run: StudyRun | None = None, heading: str = "What the paper says, tested here") -> None:
    """Every claim of a study with its verdict on a run; without one, what will be tested."""
    st.header(heading, anchor=False)
    if run is None:
        for claim in STUDIES[name].claims:
            st.markdown(f"{claim.text}  \n*Published:* {escaped(claim.published)}.")
        return
    found = verdicts(run)
    st.markdown(tally(found))
    for verdict in found:
        st.markdown(told(verdict))
    with st.expander("Every part of the claims", icon=":material/table:"):
        st.dataframe(parts(found), hide_index=True, width="stretch")
    st.caption(RULE)


def verdicts(run: StudyRun) -> list[Verdict]:
    """The study's claims, tested on a run's numbers once."""
    return once(run, "verdicts", lambda: [tested(claim, table_of(run)) for claim in STUDIES[run.study].claims])


def told(verdict: Verdict) -> str:
    """A claim with its verdict and what was published, as Markdown."""
    return f"{BADGES[verdict.verdict]} {study_words.told(verdict)}"


# ------------------------------------------------------------------------------------------ what differs from the paper


def differs(name: str, run: StudyRun | None = None, more: Sequence[Difference] = ()) -> None:
    """What differs from the paper in a run (or would, at the first preset), read off the presets' own sizes; `more` is
    what only this study's page knows, and replaces what is said of the same thing here."""
    with st.expander("What differs from the paper, and why", icon=":material/difference:"):
        for line in differences.differs_told(name, run, more):
            st.markdown(f"- {line}")
        st.caption(differences.THE_PAPER)


# ----------------------------------------------------------------------------------------------- what was shown to them


def examples(tasks: Mapping[str, Task], heading: str = "") -> None:
    """Example images of tasks, by their labels, drawn in the background once torch is there."""
    if heading:
        st.header(heading, anchor=False)
    st.fragment(_examples)(dict(tasks))


def _examples(tasks: dict[str, Task]) -> None:
    if results.pictures_ready() and _strips(_keys(tasks), tasks).done():
        _pictures(tasks)
    else:
        st.fragment(run_every=POLL_SECONDS)(_examples_soon)(tasks)


def _examples_soon(tasks: dict[str, Task]) -> None:
    if results.pictures_ready() and _strips(_keys(tasks), tasks).done():
        st.rerun(scope="app")
    st.caption(f":material/image: Example pictures of {len(tasks)} tasks are being prepared…")


def _keys(tasks: Mapping[str, Task]) -> tuple[str, ...]:
    return tuple(map(records.key, tasks.values()))


@st.cache_resource(show_spinner=False, max_entries=64)
def _strips(keys: tuple[str, ...], _tasks: Mapping[str, Task]) -> Future[list[bytes | str]]:
    """A PNG of each task, or a sentence why there is none: made in a thread, since the first picture of a kind may take
    a minute."""
    made: Future[list[bytes | str]] = Future()

    def draw() -> None:
        try:
            made.set_result([strip(task) for task in _tasks.values()])
        except BaseException as error:  # noqa: BLE001 - told by the page that waits
            made.set_exception(error)

    threading.Thread(target=draw, name="invlab-examples", daemon=True).start()
    return made


def strip(task: Task) -> bytes | str:
    """A PNG of the first training images of a task, or a sentence why there is none."""
    for source in (task.objects, task.backgrounds):
        if not sources.available(source):
            return f"{source} is not on this machine; `{GET} {source}` fetches it"
    try:
        return results.strip(task)
    except (ValueError, RuntimeError, OSError) as error:
        return str(error)


def _pictures(tasks: Mapping[str, Task]) -> None:
    try:
        drawn = _strips(_keys(tasks), tasks).result()
    except Exception as error:  # noqa: BLE001 - pictures that cannot be drawn must not take the numbers with them
        st.caption(f"The example pictures could not be drawn: {escaped(str(error))}.")
        return
    count = results.STRIP[0] * results.STRIP[1]
    for start in range(0, len(drawn), 3):
        row = list(zip(tasks, drawn, strict=True))[start : start + 3]
        for column, (label, made) in zip(st.columns(3, gap="medium"), row, strict=False):
            with column:
                if isinstance(made, bytes):
                    st.image(made, caption=label, width="stretch", alt=f"{count} example images. {label}")
                else:
                    st.caption(f":material/image_not_supported: {escaped(label)}: {escaped(made)}")


# ------------------------------------------------------------------------------------------------------ behind a figure


def behind(
    name: str,
    rows: Sequence[dict[str, Any]],
    run: StudyRun,
    plot: go.Figure | Sequence[go.Figure] | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """The expanders below a figure: its rows, the run's recipe (`more`: what else was chosen), and downloads, among
    them every number of the run. `name` is the stem of the files."""
    recipe = {"key": records.key(run), "spec": records.plain(run)} | dict(more or {})
    stem = f"{name}-{run.preset}"
    whole = (f"{stem}-all.csv", lambda: csv(table_of(run)), "text/csv", "All numbers of the study (CSV)")
    page.behind(stem, rows, recipe, plot, command(run), [run], [whole])


def csv(table: Table) -> bytes:
    """A table's rows as a CSV file."""
    from invlab import figures

    return figures.to_csv(table.records()).encode()
