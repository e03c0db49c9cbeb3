"""Runs: what is being computed, and what has been found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from invlab import listing, records
from invlab.files import StoreError
from invlab.jobs import Job, QueueError
from invlab.rows import kind_of
from invlab.studies.catalogue import STUDIES
from invlab.studies.comparison import Comparison
from invlab.ui import cached, live, page, results, visitors
from invlab.ui.results import Choice, duration, escaped
from invlab.ui.words import words

SHOWN = 50  # finished comparisons on a page of the list
ENDED = 8  # failed and cancelled runs that are listed
REFRESH_SECONDS = 2.0
PLACES = ("before", "after")  # in the link: the comparison that the list goes on from, to older or to newer ones
PAGES = {"Audit": "own", "Recording": "learning"}  # where runs of other kinds are asked for
KINDS = {
    "training": "trained networks",
    "sensitivity": "sensitivities",
    "transfer": "transfer accuracies",
}


# ------------------------------------------------------------------------------------------------------------- queue


def queue_state() -> None:
    """The worker, and each run that waits or runs."""
    queue = cached.the_queue()
    workers = queue.workers()
    busy = sum(worker.busy_with is not None for worker in workers)
    if not workers:
        st.markdown(
            ":orange-badge[no worker] It starts by itself with the app and needs some seconds; by hand: "
            "`python -m invlab worker`."
        )
    for worker in workers:
        doing = "computing" if worker.busy_with else "warm and ready"
        colour = "blue" if worker.busy_with else "green"
        st.markdown(
            f":{colour}-badge[worker {doing}] on {escaped(worker.device)}, since {results.when_unix(worker.started)}"
        )
    active = [*queue.jobs("running"), *queue.jobs("queued")]
    if not active:
        st.caption("Nothing is waiting or running." if not busy else "The worker is finishing.")
    for job in active:
        _active(job)


def _active(job: Job) -> None:
    queue = cached.the_queue()
    with st.container(border=True):
        words, button = st.columns([5, 1], gap="small", vertical_alignment="center")
        with words:
            st.markdown(f"**{escaped(job.title or job.kind)}**")
            st.progress(live.done(job) if job.state == "running" else 0.0, live.state_text(queue, job))
        with button:
            live.cancel_button(queue, job, f"cancel-{job.key}")
        to_its_page(job, "Watch it learn")


def _refreshing(before: frozenset[str]) -> None:
    """The queue again and again while something is in it; the whole page when a run has ended."""
    if active_keys() != before:
        st.rerun(scope="app")
    queue_state()


def active_keys() -> frozenset[str]:
    queue = cached.the_queue()
    return frozenset(job.key for state in ("running", "queued") for job in queue.jobs(state))  # type: ignore[arg-type]


def to_its_page(job: Job, label: str) -> None:
    """A link to where the run was asked for and is shown. label: of a comparison's, which opens with its choice."""
    if (choice := choice_of_job(job)) is not None:
        live.page_of(choice, label)
    else:
        to_page_of(job.kind, job.payload)


def to_page_of(kind: str, fields: Any) -> None:
    """A link to the page that a spec of this kind belongs to; of a study, to the study's own. Nothing without one."""
    name = PAGES.get(kind)
    if kind in ("StudyRun", "StudySeed"):
        asked = fields.get("study") if isinstance(fields, dict) else None
        name = next((study for study in STUDIES if study == asked), None)
    if name is not None:
        st.page_link(f"pages/{name}.py", label="Open its page", icon=":material/open_in_new:")


def choice_of_job(job: Job) -> Choice | None:
    try:
        return results.choice_of(records.revive(Comparison, job.payload)) if job.kind == "Comparison" else None
    except ValueError:
        return None


def ended() -> None:
    """Runs that came to nothing, with the reason."""
    jobs = [job for job in cached.the_queue().jobs() if job.state in ("failed", "cancelled")][:ENDED]
    if not jobs:
        return
    with st.expander(f"Failed or cancelled ({len(jobs)})", icon=":material/report:"):
        for job in jobs:
            reason = f": {escaped(job.error)}" if job.state == "failed" and job.error else ""
            st.markdown(f"**{escaped(job.title or job.kind)}** {job.state}{reason}")
            with st.container(horizontal=True):
                to_its_page(job, "Open it, to run it again")
                if visitors.may("forget"):
                    st.button(
                        "Forget", key=f"forget-{job.key}", icon=":material/delete:", on_click=_forget, args=(job.key,)
                    )


def _forget(key: str) -> None:
    with live.refusing():
        visitors.require("forget")
        cached.the_queue().delete(key)


# ---------------------------------------------------------------------------------------------------------- finished


def listed() -> listing.Page:
    """The part of the stored comparisons that the link asks for, or the newest."""
    before, after = (listing.place(st.query_params.get(name)) for name in PLACES)
    return cached.the_store().page("comparison", SHOWN, before, after)


def turning(shown: listing.Page, whole: int) -> None:
    """To newer and older comparisons, where there are any."""
    if not (shown.newer or shown.older):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        for label, there, icon, name, edge in (
            ("Newer", shown.newer, ":material/arrow_back:", "after", shown.entries[0]),
            ("Older", shown.older, ":material/arrow_forward:", "before", shown.entries[-1]),
        ):
            st.button(label, disabled=not there, icon=icon, on_click=_turn, args=(name, edge))
        st.caption(f"{whole:,} comparisons, the newest first, {SHOWN} at a time")


def _turn(name: str, entry: listing.Entry) -> None:
    for other in PLACES:
        _go(other, str(entry) if other == name else None)


def finished(shown: Sequence[listing.Entry]) -> list[dict[str, Any]]:
    """A row for each of these comparisons; `key` is for the code, the rest is shown."""
    found = cached.the_store()
    rows = []
    for _, key in shown:
        record = found.get(key)
        spec = results.revived(record) if record else None
        if record is None or spec is None:
            continue
        choice, networks = results.choice_of(spec), record["result"]["networks"]
        made = record.get("made") or {}
        row = {"key": key}
        for number, label in enumerate(("first network", "second network")):
            learned = spec.sources[number].task.transformations if number < len(networks) else None
            row[label] = "" if learned is None else page.families_text(learned)
        row["target"] = page.families_text(spec.target.transformations)
        row["preset, seed"] = f"{choice.preset if choice else 'own sizes'}, {spec.target.seed}"
        row["transfer"] = " / ".join(f"{n['transfer_accuracy']:.0%}" for n in networks)
        row["sensitivity"] = " / ".join(f"{n['sensitivity']:.2f}" for n in networks)
        row["origin"] = "bundle" if found.origin(key) == "bundle" else "computed here"
        row["computed"] = str(made.get("created", ""))[:16].replace("T", " ")
        row["took"] = duration(made["seconds"]) if isinstance(made.get("seconds"), int | float) else ""
        row["device"] = str(made.get("device", ""))
        rows.append(row)
    return rows


def label_of(row: dict[str, Any]) -> str:
    """One line that tells a run from the others."""
    return f"{row['preset, seed']}: {row['first network']} against {row['second network']} → {row['target']}"


def table(rows: Sequence[dict[str, Any]], opened: str | None) -> None:
    """The finished runs; a click on a row opens it."""
    at = [number for number, row in enumerate(rows) if row["key"] == opened]
    # A new table, with its row selected, when the link opens another run, and on another page of the list.
    key = f"finished-{opened}-{rows[0]['key']}"
    shown = [{name: value for name, value in row.items() if name != "key"} for row in rows]
    st.dataframe(
        shown,
        hide_index=True,
        width="stretch",
        height=min(38 + 35 * len(rows), 320),
        on_select=lambda: _selected(key, rows),
        selection_mode="single-row",
        selection_default={"selection": {"rows": at}} if at else None,  # type: ignore[typeddict-item]
        key=key,
        alt="Finished comparisons, newest first; select a row to open it",
    )


def _selected(key: str, rows: Sequence[dict[str, Any]]) -> None:
    picked = st.session_state[key]["selection"]["rows"]
    _go("run", rows[picked[0]]["key"] if picked and picked[0] < len(rows) else None)


def _go(name: str, key: str | None) -> None:
    """Put a run's key, or a place, into the link, or take it out."""
    if key is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = key


def picker(label: str, name: str, rows: Sequence[dict[str, Any]], empty: str) -> str | None:
    """Choose a run by keyboard; the link holds it under `name`. Returns the key in the link, whatever it is."""
    keys = [row["key"] for row in rows]
    labels = {row["key"]: label_of(row) for row in rows}
    in_link = st.query_params.get(name)
    chosen = st.selectbox(
        label,
        keys,
        index=keys.index(in_link) if in_link in keys else None,  # type: ignore[arg-type]
        format_func=lambda key: labels[key],
        placeholder=empty,
        key=f"pick-{name}-{in_link}",
    )
    if chosen != in_link and (chosen is not None or in_link in keys):
        _go(name, chosen)
        st.rerun()
    return in_link


def record_of(key: str) -> dict[str, Any] | None:
    """The record of a key from a link, or None after saying what is wrong with it."""
    try:
        record = cached.the_store().get(key)
    except StoreError:
        st.error(
            "This link names no run: a key is a kind, a dash and 32 hexadecimal digits. Choose a run from the list."
        )
        return None
    if record is None:
        st.error(
            "The run of this link is not stored here: it was deleted, or computed elsewhere. Choose one of the list."
        )
    return record


def open_run(key: str, name: str) -> None:
    """One run in full."""
    record = record_of(key)
    if record is None:
        return
    if kind_of(key) != "comparison":
        st.subheader(f"A stored {escaped(kind_of(key))}", anchor=False)
        st.caption(results.made_where(record, cached.the_store().origin(key)))
        to_page_of(record.get("kind", ""), record.get("spec"))
        st.json(record, expanded=1)
        return
    spec = results.revived(record)
    choice = results.choice_of(spec) if spec else None
    st.subheader(escaped(choice.title()) if choice else "A comparison", anchor=False)
    with st.container(horizontal=True):
        if choice is not None:
            live.page_of(choice, "Open on the page Transfer")
        if cached.the_store().origin(key) == "own":
            delete(key, name)
        else:
            st.caption("It ships with the lab and cannot be deleted.")
    results.show(key, record, name)


def beside(first: str, second: str) -> None:
    """Two runs beside each other, in words and gauges."""
    for column, key, name in zip(st.columns(2, gap="large"), (first, second), ("left", "right"), strict=True):
        with column:
            record = record_of(key)
            if record is None:
                continue
            spec = results.revived(record)
            if spec is None:
                st.info("Only comparisons can be shown beside each other.")
                continue
            choice = results.choice_of(spec)
            st.markdown(f"##### {escaped(choice.title()) if choice else 'A comparison'}")
            st.markdown(f"{results.verdict(spec, record['result'])}\n\n{results.movement(spec, record['result'])}")
            results.gauges(spec, record["result"], name, narrow=True)
            st.caption(results.made_where(record, cached.the_store().origin(key)))
            st.dataframe(results.rows_of(spec, record["result"]), hide_index=True, width="stretch")


# ---------------------------------------------------------------------------------------------------------- deletion


def delete(key: str, name: str) -> None:
    """Delete an own run after asking once; nothing for those who may not."""
    if not visitors.may("delete"):
        return
    if not st.session_state.get(f"sure-{key}"):
        if st.button("Delete…", key=f"delete-{name}", icon=":material/delete:"):
            st.session_state[f"sure-{key}"] = True
            st.rerun()
        return
    st.warning("Delete this result and its two networks? It can be computed again from its recipe, in the same time.")
    st.button("Delete it", key=f"really-{name}", type="primary", on_click=_delete, args=(key,))
    st.button("Keep it", key=f"keep-{name}", on_click=lambda: st.session_state.pop(f"sure-{key}", None))


def _delete(key: str) -> None:
    """The result, and what it alone was made of: a network that another comparison shares stays."""
    st.session_state.pop(f"sure-{key}", None)
    with live.refusing():
        visitors.require("delete")
        found = cached.the_store()
        record = found.get(key)
        spec = results.revived(record) if record else None
        alone = set(parts(spec)) if spec else set()
        others = found.newest("comparison") if alone else ()
        for other, its_record in others:
            its_spec = results.revived(its_record) if other != key else None
            alone -= set(parts(its_spec)) if its_spec else set()
            if not alone:
                break
        for part in (key, *alone):
            found.delete(part)
        cached.the_queue().delete(key)
        _gone(key)


def _gone(key: str) -> None:
    """The link no longer names it."""
    for name in ("run", "versus"):
        if st.query_params.get(name) == key:
            _go(name, None)
    st.toast("Deleted.")


def parts(spec: Comparison) -> list[str]:
    """The keys of what a comparison is made of."""
    return [
        records.key(part)
        for number, source in enumerate(spec.sources)
        for part in (source, spec.sensitivity(number), spec.transfer(number))
    ]


# -------------------------------------------------------------------------------------------------------------- page


def main() -> None:
    page.title("Runs", "What is being computed, and what has been found?")
    words("preset", "seed", "95 % interval")
    live.refusal()
    st.header("Queue", anchor=False)
    if keys := active_keys():
        st.fragment(run_every=REFRESH_SECONDS)(_refreshing)(keys)
    else:
        queue_state()
    ended()
    st.header("Finished comparisons", anchor=False)
    shown, stored = listed(), cached.the_store().counts()
    rows = finished(shown.entries)
    opened, other = st.query_params.get("run"), st.query_params.get("versus")
    if rows:
        table(rows, opened)
    turning(shown, stored.get("comparison", 0))
    if rows:
        left, right = st.columns(2, gap="large")
        with left:
            opened = picker("Open a run", "run", rows, "choose one, or click a row above")
        with right:
            other = picker("Beside it", "versus", rows, "choose a second one to compare")
    elif not (keys or shown.newer or shown.older):
        st.info("No comparison is stored yet. Train two networks and compare them: it takes about ten seconds.")
        live.page_of(Choice(), "Go to the page Transfer")
    if opened and other:
        beside(opened, other)
    elif opened or other:
        open_run(opened or other or "", "run")
    told = [f"{stored[kind]:,} {what}" for kind, what in KINDS.items() if stored.get(kind)]
    if told:
        st.caption(f"Also stored, as parts of these and of the studies: {', '.join(told)}.")


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
