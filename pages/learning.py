"""While learning: when in training does invariance arise, and how does transfer follow?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from invlab import records
from invlab.figures import learning as figures
from invlab.files import StoreError
from invlab.jobs import QueueError
from invlab.learning import Recording
from invlab.studies.claims import number
from invlab.studies.comparison import relation
from invlab.studies.recordings import half_way, recorded
from invlab.studies.singles import FAMILIES, NONE, SOURCES, Singles
from invlab.ui import cached, gallery, instruments, live, page, recording, twin_pairs
from invlab.ui.recording import OwnChoice
from invlab.ui.words import words

MOST = 3  # networks beside each other
START = 13  # the look that is marked at first: the middle of what happens
PLAY_SECONDS = 0.7  # between two looks
EVERY = "all families (mean)"
COMMAND = "python -m invlab bundle build"


class NotThereError(LookupError):
    """A recording is not in the bundle."""


def load(sources: Sequence[str]) -> dict[str, dict[str, Any]]:
    """source -> the stored result of its recording. Raises NotThereError."""
    found = {}
    for source in sources:
        record = cached.stored(records.key(recorded(Singles(), source)))
        if record is None:
            raise NotThereError(source)
        found[source] = record["result"]
    return found


# --------------------------------------------------------------------------------------------------------- scrubbing


def scrubbed(result: dict[str, Any], key: str, draw: Callable[[int], None]) -> None:
    """A slider over the looks, a button that plays them, and what `draw` shows of the one they are at."""
    playing = bool(st.session_state.get("playing"))
    run = st.fragment(run_every=PLAY_SECONDS if playing else None)(_scrub)
    run(result, key, draw)


def _scrub(result: dict[str, Any], key: str, draw: Callable[[int], None]) -> None:
    seen = [look["images"] for look in result["looks"]]
    if st.session_state.get("playing"):
        _advance(seen, key)
    left, right = st.columns([4, 1.2], vertical_alignment="bottom")
    at = left.select_slider(
        "Look at the network after",
        seen,
        value=seen[min(START, len(seen) - 1)],
        format_func=lambda images: f"{images:,} images" if images else "0 (untrained)",
        key=key,
        bind="query-params",
        on_change=_pause,
    )
    if st.session_state.get("playing"):
        right.button("Pause", key="pause", icon=":material/pause:", width="stretch", on_click=_pause)
    elif right.button("Play", key="play", icon=":material/play_arrow:", width="stretch"):
        st.session_state["playing"] = True
        st.session_state["rewind"] = at == seen[-1]
        st.rerun(scope="app")
    draw(seen.index(at))


def _advance(seen: Sequence[int], key: str) -> None:
    """One look on; at the end, stop."""
    at = st.session_state.get(key, seen[min(START, len(seen) - 1)])
    if st.session_state.pop("rewind", False) or at not in seen:
        st.session_state[key] = seen[0]
    elif at != seen[-1]:
        st.session_state[key] = seen[seen.index(at) + 1]
    else:
        st.session_state["playing"] = False
        st.rerun(scope="app")


def _pause() -> None:
    st.session_state["playing"] = False


# ---------------------------------------------------------------------------------------------------------- networks


def networks() -> None:
    """One to three bundled networks, beside each other."""
    left, right = st.columns(2)
    chosen = left.multiselect(
        "Networks trained for", SOURCES, default=["rotate", NONE], format_func=page.family_name, key="networks",
        max_selections=MOST, bind="query-params", placeholder="choose at least one",
    )  # fmt: skip
    sources = list(chosen) or ["rotate"]
    families = right.multiselect(
        "Families", FAMILIES, default=["rotate", "hue", "blur"], format_func=page.family_name, key="families",
        max_selections=6, bind="query-params", placeholder="only the network's own",
        help="A network's own family is always shown.",
    )  # fmt: skip
    found = load([*sources, NONE])
    shown = {s: list(dict.fromkeys([*([] if s == NONE else [s]), *families])) or ["rotate"] for s in sources}
    top = figures.largest([found[s] for s in sources], [f for fs in shown.values() for f in fs])
    st.markdown(figures.NETWORKS_LEAD)

    # Copies, drawn once: scrubbing moves their marks.
    plots = {s: figures.copied(lines_of(s, found, shown[s], top, 0)) for s in sources}

    def draw(at: int) -> None:
        pictures(found, shown, plots, at)

    scrubbed(found[sources[0]], "seen", draw)
    page.notice(" ".join(figures.noticed(sources[0], found)))
    st.caption(figures.SETTLING)
    st.header("Behind the last moment: twin pairs", anchor=False)
    left, right = st.columns(2)
    which = left.selectbox(
        "As seen by the network trained for", sources, format_func=page.family_name, key="seen_by", bind="query-params"
    )
    under = right.selectbox("Under", shown[which], format_func=page.family_name, key="seen_under", bind="query-params")
    finished_network = recorded(Singles(), which).sensitivity(under)
    twin_pairs.section(twin_pairs.behind(finished_network), f"the network **{instruments.name_of(which)}**")
    table = [row for s in sources for row in figures.rows(instruments.name_of(s), found[s], FAMILIES)]
    specs = [recorded(Singles(), s) for s in sources]
    whole = [lines_of(s, found, shown[s], top, None) for s in sources]
    page.behind("while-learning", table, [records.plain(spec) for spec in specs], whole, COMMAND, specs)


def lines_of(source: str, found: dict[str, Any], families: list[str], top: float, at: int | None) -> Any:
    """The figure of one network; the same object for all visitors."""
    reference = None if source == NONE else found[NONE]
    drawn = figures.lines(families, (source,), page.family_name)
    related = NONE if source == NONE else "same"
    return cached.once(
        keys_of([source, NONE]),
        f"recording {families} {top} {at}",
        lambda: figures.recording(found[source], drawn, at, reference, top=top, relation=related),
    )


def keys_of(sources: Sequence[str]) -> list[str]:
    return [records.key(recorded(Singles(), source)) for source in sources]


def pictures(found: dict[str, Any], shown: dict[str, list[str]], plots: dict[str, Any], at: int) -> None:
    """Each network's curves, and below every family at the moment `at`."""
    sources = list(plots)
    for place, source in zip(st.columns(len(sources)), sources, strict=True):
        name = instruments.name_of(source)
        with place:
            st.markdown(f"**{name[0].upper()}{name[1:]}**")
            drawn = figures.lines(shown[source], (source,), page.family_name)
            page.figure(
                figures.moved(plots[source], found[source], at),
                f"recording-{source}",
                figures.recording_alt(name, found[source], drawn),
            )
    images = found[sources[0]]["looks"][at]["images"]
    when = f"after {images:,} images" if images else "untrained"
    st.markdown(f"**Every family: {when}** (filled, 95 % intervals over twin pairs) **and at the end** (open)")
    for place, source in zip(st.columns(len(sources)), sources, strict=True):
        name = instruments.name_of(source)
        with place:
            st.caption(f"{name[0].upper()}{name[1:]}")
            draw = functools.partial(figures.moment, found[source], at, (source,), page.family_name)
            plot = cached.once(keys_of([source]), f"moment {at}", draw)
            page.figure(plot, f"moment-{source}", figures.moment_alt(name, found[source], at))


# ------------------------------------------------------------------------------------------------------- one family


def one_family() -> None:
    """Every network: those trained for a family, for another, and for none."""
    family = st.selectbox(
        "Sensitivity to", (EVERY, *FAMILIES), format_func=page.family_name, key="family", bind="query-params"
    )
    found = load(SOURCES)
    families = list(FAMILIES) if family == EVERY else [family]
    what = "a family, mean over all 18" if family == EVERY else page.family_name(family)
    st.markdown(figures.across_lead(len(SOURCES), what))

    plot = figures.copied(across(found, families, 0))

    def draw(at: int) -> None:
        page.figure(figures.moved(plot, found[NONE], at), "across", figures.across_alt(found, families, what))

    scrubbed(found[NONE], "seen", draw)
    kinds = figures.kind_means(found, families)
    page.notice(" ".join(figures.family_noticed(found, families, kinds)))
    st.caption(figures.SETTLING)
    specs = [recorded(Singles(), s) for s in SOURCES]
    table, recipe = figures.across_rows(found, families), [records.plain(spec) for spec in specs]
    page.behind("while-learning-families", table, recipe, across(found, families, None), COMMAND, specs)


def across(found: dict[str, Any], families: list[str], at: int | None) -> Any:
    return cached.once(keys_of(SOURCES), f"across {families} {at}", lambda: figures.across(found, families, at))


# ------------------------------------------------------------------------------------------------------------- own


def own() -> None:
    """A person's own recording."""
    controls, shown = st.columns([1, 2.3], gap="large")
    with controls:
        choice = recording.form()
        recording.click(choice)
    with shown:
        record, job = cached.the_store().get(choice.key()), cached.the_queue().job(choice.key())
        if record is not None:
            finished(choice, record["result"])
        elif job is not None and not job.over:
            recording.watch(choice, under_way)
        else:
            explain(choice.spec())


def under_way(result: dict[str, Any], choice: OwnChoice) -> None:
    """The looks so far, on the axis of the whole training."""
    training = choice.spec().training
    drawn, related = recording.drawn_families(choice), relation(choice.source, choice.target)
    plot = figures.recording(result, drawn, None, images=training.steps * training.batch, relation=related)
    page.figure(plot, "own-recording", figures.recording_alt(choice.title(), result, drawn))


def finished(choice: OwnChoice, result: dict[str, Any]) -> None:
    drawn = recording.drawn_families(choice)
    top, related = figures.largest([result], [line.family for line in drawn]), relation(choice.source, choice.target)

    plot = figures.recording(result, drawn, 0, top=top, relation=related)

    def draw(at: int) -> None:
        page.figure(
            figures.moved(plot, result, at), "own-recording", figures.recording_alt(choice.title(), result, drawn)
        )
        page.figure(
            figures.moment(result, at, choice.source, page.family_name),
            "own-moment",
            figures.moment_alt(choice.title(), result, at),
        )

    scrubbed(result, "own_seen", draw)
    page.notice(own_noticed(result, choice.source))
    st.caption(figures.SETTLING)
    whole = figures.recording(result, drawn, None, top=top, relation=related)
    spec = choice.spec()
    page.behind(
        "own-recording",
        figures.rows(choice.title(), result, FAMILIES),
        records.plain(spec),
        [whole, figures.moment(result, len(result["looks"]) - 1, choice.source, page.family_name)],
        specs=[spec],
    )


def own_noticed(result: dict[str, Any], source: Sequence[str]) -> str:
    """Its own families against the others, transfer, and what the representation is about."""
    looks = result["looks"]
    probe = half_way([look["transfer"] for look in looks])
    told = []
    for what, families in (
        (f"its own ({page.families_text(source)})", [f for f in result["families"] if f in source]),
        ("the others", [f for f in result["families"] if f not in source]),
    ):
        if families:
            ends = [sum(figures.of_family(result, f)[at] for f in families) / len(families) for at in (0, -1)]
            told.append(f"to {what} {number(ends[0])} → {number(ends[1])}")
    return (
        f"Mean sensitivity goes {', '.join(told)}; transfer accuracy has come half of its way "
        f"({looks[0]['transfer']:.0%} → {looks[-1]['transfer']:.0%}) after **{looks[probe]['images']:,} images**. "
        f"{figures.about(looks[0], looks[-1])}"
    )


def explain(spec: Recording) -> None:
    """What a click does, step by step."""
    moments = ", ".join(f"{step * spec.training.batch:,}" for step in spec.steps()[:6])
    st.markdown(
        f"""
This has not been recorded here yet. **Train and record** will

1. train a network on {spec.training.steps * spec.training.batch:,} images of {spec.training.task.labels} objects;
2. look at it {len(spec.steps())} times, densely at first (after {moments} … images), and each time measure its
   sensitivity to all {len(spec.families)} families on {spec.pairs} twin pairs of *other* objects, and what a probe on
   {spec.probe_train} images names of {spec.probe_test} new ones.

Before it is known: what do you expect to come first, invariance or transfer?
"""
    )


VIEWS: dict[str, Callable[[], None]] = {"networks": networks, "family": one_family, "own": own}
WORDS = {"networks": "One to three networks", "family": "Every network, one family", "own": "Record your own"}


def main() -> None:
    page.title("While learning", "When in training does invariance arise, and how does transfer follow?")
    words("epoch", "untrained network", "sensitivity", "linear probe")
    view = gallery.segments("Show", tuple(VIEWS), "networks", "view", WORDS)
    try:
        VIEWS[view]()
    except NotThereError as missing:
        page.not_there(f"The recording of the network {instruments.name_of(str(missing))}", COMMAND)


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
