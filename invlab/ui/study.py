"""The pieces that the pages of the studies are made of: a stored run, its claims, what differs from the paper, and
what the networks were shown."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import streamlit as st

from invlab import costs, records, runs, sources
from invlab.intervals import over_seeds
from invlab.kept import GET
from invlab.sensitivity import Sensitivity
from invlab.studies.catalogue import STUDIES, StudyRun, training_of
from invlab.studies.presets import PRESETS, Preset
from invlab.studies.published import SOURCE
from invlab.studies.study import FAILS, HOLDS, RULE, UNDECIDED, Table, Verdict, tested
from invlab.tasks import Task
from invlab.transfer import Transfer
from invlab.ui import cached, page, results
from invlab.ui.results import escaped

if TYPE_CHECKING:
    import plotly.graph_objects as go

T = TypeVar("T")

SHOWN = ("classroom", "paper")  # presets whose numbers mean something, in this order
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
    sizes, table = _size_words(name, preset), table_of(run)
    st.caption(
        f"Preset *{preset}*: {sizes['Network']}, {sizes['Classes']} classes, {seeds_text(run.seeds)}; {len(table):,} "
        "measured numbers."
    )
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


def seeds_text(count: int) -> str:
    """`1 seed`, `3 seeds`."""
    return f"{count} seed{'s' if count != 1 else ''}"


def summary(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of (seeds,) and its 95 % interval over seeds (nan, nan for one seed), without the noise of rounding."""
    low, high = over_seeds(values.tolist())
    return round(float(values.mean()), 6), round(low, 6), round(high, 6)


def command(run: StudyRun) -> str:
    """The run on the command line."""
    words = [f"python -m invlab study {run.study} --preset {run.preset} --seeds {run.seeds}"]
    if STUDIES[run.study].data:
        words.append(f"--data {','.join(run.data) or 'none'}")
    words += [f"--only '{only}'" for only in run.only]
    return " ".join(words)


def published() -> bool:
    """The switch for the paper's values beside ours; its state is in the link."""
    shown = st.toggle("Beside it: the published values", key="published", bind="query-params")
    if shown:
        st.caption(f"Open symbols: {SOURCE}.")
    return bool(shown)


# -------------------------------------------------------------------------------------------------------------- claims


def claims(name: str, run: StudyRun | None = None, heading: str = "What the paper says, tested here") -> None:
    """Every claim of a study with its verdict on a run; without one, what will be tested."""
    st.subheader(heading, anchor=False)
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


def tally(found: Sequence[Verdict]) -> str:
    """`**5 of 7 claims hold**, 1 fails, 1 is undecided.`"""
    counts = {kind: sum(verdict.verdict == kind for verdict in found) for kind in (HOLDS, FAILS, UNDECIDED)}
    text = f"**{counts[HOLDS]} of {len(found)} claims hold{'s' if len(found) == 1 else ''}**"
    for kind, one, more in ((FAILS, "fails", "fail"), (UNDECIDED, "is undecided", "are undecided")):
        if counts[kind]:
            text += f", {counts[kind]} {one if counts[kind] == 1 else more}"
    return f"{text}."


def told(verdict: Verdict) -> str:
    """A claim with its verdict and what was published, as Markdown."""
    evidence = verdict.told().partition(": ")[2]
    claim = verdict.claim
    unit = f" Unit: {escaped(claim.unit)}." if verdict.parts else ""
    return (
        f"{BADGES[verdict.verdict]} **{claim.text}**  \n{verdict.verdict}: {escaped(evidence)}; "
        f"*published:* {escaped(claim.published)}.{unit}"
    )


def parts(found: Sequence[Verdict]) -> list[dict[str, Any]]:
    """A row for each part of each claim; a claim that was not measured has one, too."""
    rows: list[dict[str, Any]] = []
    for verdict in found:
        head = {"claim": verdict.claim.name}
        if not verdict.parts:
            rows.append(head | {"part": "not measured", "verdict": UNDECIDED})
        for part in verdict.parts:
            rows.append(
                head
                | {
                    "part": part.name,
                    "verdict": part.verdict,
                    "effect": round(part.effect, 4),
                    "low": _finite(part.low),
                    "high": _finite(part.high),
                    "seeds above 0": f"{part.right} of {part.seeds}",
                    "unit": verdict.claim.unit,
                }
            )
    return rows


def _finite(value: float) -> float | None:
    return None if value != value else round(value, 4)


# ------------------------------------------------------------------------------------------ what differs from the paper


@dataclass(frozen=True)
class Difference:
    """What the paper did, what was done here, and why."""

    what: str
    paper: str
    here: str
    why: str = ""


def differs(name: str, run: StudyRun | None = None, more: Sequence[Difference] = ()) -> None:
    """What differs from the paper in a run (or would, at the first preset), read off the presets' own sizes; `more` is
    what only this study's page knows, and replaces what is said of the same thing here."""
    with st.expander("What differs from the paper, and why", icon=":material/difference:"):
        told = {found.what: found for found in [*differences(name, run), *more]}
        for found in told.values():
            why = f" *{found.why}*" if found.why else ""
            st.markdown(f"- **{found.what}**: here {found.here}; in the paper {found.paper}.{why}")
        st.caption(f"The paper: {SOURCE}. The preset *paper* runs the paper's sizes; it needs a GPU.")


def differences(name: str, run: StudyRun | None = None) -> list[Difference]:
    """Where the sizes of a run's preset differ from the preset `paper`, and the objects, which always do."""
    preset = run.preset if run else SHOWN[0]
    here, paper = _size_words(name, preset), _size_words(name, "paper")
    found = [
        Difference(what, text, here[what], _why(what, PRESETS[preset], PRESETS["paper"]))
        for what, text in paper.items()
        if what in here and here[what] != text
    ]
    count, theirs = run.seeds if run else STUDIES[name].seeds[preset], STUDIES[name].seeds["paper"]
    if count != theirs:
        found.append(Difference("Seeds", str(theirs), str(count), "The intervals say what that many seeds can tell."))
    found.append(
        Difference(
            "Objects and backgrounds",
            "photographs: 61 cut-out objects before 867 pictures",
            "drawings made for this project, before drawn scenes",
            "They ship with the lab; the photographs cannot.",
        )
    )
    return found


@functools.lru_cache(maxsize=32)
def _size_words(name: str, preset: str) -> dict[str, str]:
    """The sizes of a study's first training and measurements at a preset, in words."""
    specs = [cell.spec for cell in _first_cells(name, preset)]
    learned = training_of(specs[0])
    asked = next((spec.target for spec in specs if isinstance(spec, Transfer)), learned.task)
    words = {
        "Network": learned.network,
        "Classes": str(len(asked.classes)),
        "Images to learn from": f"{learned.images:,}, seen {learned.epochs} time{'s' if learned.epochs != 1 else ''}",
        "Batch and learning rate": f"{learned.batch}, {learned.learning_rate:g} ({learned.schedule})",
    }
    for spec in specs:
        if isinstance(spec, Sensitivity):
            words["Pairs for a sensitivity"] = f"{spec.pairs:,}"
        elif isinstance(spec, Transfer):
            words["Images for a probe"] = f"{spec.train_images:,} to fit, {spec.test_images:,} to test"
    return words


def _first_cells(name: str, preset: str) -> Iterator[Any]:
    """A study's first cell, and the first of each other kind among its first hundred."""
    seen: set[type] = set()
    for number, cell in enumerate(STUDIES[name].cells(preset, 0, ())):
        if number > 100:
            return
        if type(cell.spec) not in seen:
            seen.add(type(cell.spec))
            yield cell


def _why(what: str, here: Preset, paper: Preset) -> str:
    """The reason for a difference in size, where there is more to say than that it takes less time."""
    if what == "Network" and here.network != paper.network:
        pace = {p.network: 1 / costs.SECONDS_AN_IMAGE.get(p.network, costs.SLOWEST_IMAGE) for p in (here, paper)}
        return (
            f"On one CPU core {here.network} learns about {pace[here.network]:,.0f} images a second, {paper.network} "
            f"about {pace[paper.network]:,.0f}."
        )
    return {
        "Images to learn from": "What two CPU cores can learn in minutes or hours, not weeks.",
        "Batch and learning rate": "Chosen so that the network learns from few images.",
    }.get(what, "")


# ----------------------------------------------------------------------------------------------- what was shown to them


def examples(tasks: Mapping[str, Task], heading: str = "") -> None:
    """Example images of tasks, by their labels, drawn in the background once torch is there."""
    if heading:
        st.subheader(heading, anchor=False)
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
