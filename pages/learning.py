"""While learning: when in training does invariance arise, and how does transfer follow?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from invlab import records
from invlab.figures import learning as figures
from invlab.jobs import QueueError
from invlab.learning import Recording
from invlab.store import StoreError
from invlab.studies.claims import number
from invlab.studies.comparison import relation
from invlab.studies.recordings import half_way, parted, recorded
from invlab.studies.singles import FAMILIES, NONE, SOURCES, Singles
from invlab.ui import cached, gallery, instruments, live, page, recording, twin_pairs
from invlab.ui.recording import OwnChoice

MOST = 3  # networks beside each other
START = 13  # the look that is marked at first: the middle of what happens
PLAY_SECONDS = 0.7  # between two looks
CLEAR = 0.05  # a smaller difference between sensitivities of single networks is called none
EVERY = "all families (mean)"
COMMAND = "python -m invlab bundle build"
SETTLING = (
    "0 stands for the untrained network. Of the rise over its first ten steps or so (about 800 images here) nothing is "
    "learned: batch norm's running statistics only settle, and with frozen weights the curves rise just the same."
)


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
    st.markdown(
        "Each network is stopped for a moment and measured as if it were finished, on objects it never learns: how far "
        "does it move under each family (strangers: 1), and how many new objects does a probe name? *Its own* is the "
        "family it was trained for."
    )

    # Copies, drawn once: scrubbing moves their marks.
    plots = {s: figures.copied(lines_of(s, found, shown[s], top, 0)) for s in sources}

    def draw(at: int) -> None:
        pictures(found, shown, plots, at)

    scrubbed(found[sources[0]], "seen", draw)
    page.notice(" ".join(noticed(sources[0], found)))
    st.caption(SETTLING)
    st.subheader("Behind the last moment: twin pairs", anchor=False)
    left, right = st.columns(2)
    which = left.selectbox("As seen by the network trained for", sources, format_func=page.family_name, key="seen_by")
    under = right.selectbox("Under", shown[which], format_func=page.family_name, key="seen_under")
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


def noticed(source: str, found: dict[str, Any]) -> list[str]:
    """Two sentences that the numbers decide."""
    result, none = found[source], found[NONE]
    looks = result["looks"]
    first, last = looks[0], looks[-1]
    if source == NONE:
        means = [sum(look["sensitivity"]) / len(look["sensitivity"]) for look in looks]
        told = (
            f"Nothing asks the network trained for none to ignore anything: averaged over {len(FAMILIES)} families, "
            f"its sensitivity goes from {number(means[0])} to **{number(means[-1])}** as it learns."
        )
        return [told, about(first, last)]
    own, reference = figures.of_family(result, source), figures.of_family(none, source)
    intervals = [figures.of_family(r, source, "interval") for r in (result, none)]
    gaps = [b - a for a, b in zip(own, reference, strict=True)]
    apart, half = parted(*intervals), half_way(gaps)
    probe = half_way([look["transfer"] for look in looks])
    family = page.family_name(source)
    clear = apart is not None and apart < len(looks) - 1  # a parting at the very last look may be chance
    if apart is None or not clear:
        parting = (
            f"The network trained for *{family}* never clearly parts from the one trained for none "
            f"({number(own[-1])} against {number(reference[-1])} in the end)"
        )
    else:
        parting = (
            f"The network trained for *{family}* parts for good from the one trained for none after "
            f"**{looks[apart]['images']:,} images** and has half of their final gap ({number(own[-1])} against "
            f"{number(reference[-1])}) after **{looks[half]['images']:,}**"
        )
    order = "at the same look" if probe == half else "earlier" if probe < half else "later"
    transfer = (
        f"its transfer accuracy has come half of its way ({first['transfer']:.0%} → {last['transfer']:.0%}) after "
        f"**{looks[probe]['images']:,}**" + (f", {order}" if clear else "")
    )
    return [f"{parting}; {transfer}.", about(first, last, (own[0], own[-1]), clear)]


def about(
    first: dict[str, Any], last: dict[str, Any], own: tuple[float, float] | None = None, clear: bool = False
) -> str:
    """What the representation is about, before and after, and what that does to sensitivities.

    own: the sensitivity to the own family, before and after; clear: whether it ends clearly below what it would be.
    """
    told = {name: [number(look[name]) for look in (first, last)] for name in ("background", "object")}
    swaps = (
        f"a swap of the background moves it {' → '.join(told['background'])}, one of the object "
        f"{' → '.join(told['object'])}"
    )
    turned = first["background"] > first["object"] and last["background"] < last["object"]
    heeds = f"it begins with the background and ends with the object ({swaps})" if turned else swaps
    if own is None:
        return f"The lowest panel says what it is about: {heeds}."
    ends = f"{number(own[0])} → {number(own[1])}"
    if own[1] < own[0]:
        return f"Its own sensitivity falls, {ends}, while {heeds}."
    if not (turned and clear):
        return f"Its own sensitivity does not fall, {ends}, while {heeds}."
    return (
        f"Yet its own sensitivity does not fall, {ends}: {heeds}, so before it heeds objects little done to them moves "
        "it, and invariance is what does *not* rise with the rest."
    )


# ------------------------------------------------------------------------------------------------------- one family


def one_family() -> None:
    """Every network: those trained for a family, for another, and for none."""
    family = st.selectbox(
        "Sensitivity to", (EVERY, *FAMILIES), format_func=page.family_name, key="family", bind="query-params"
    )
    found = load(SOURCES)
    families = list(FAMILIES) if family == EVERY else [family]
    what = "a family, mean over all 18" if family == EVERY else page.family_name(family)
    st.markdown(
        f"All {len(SOURCES)} bundled networks. Sensitivity to **{what}**: of the network trained for it, of those "
        "trained for another family, and of the one trained for none."
    )

    plot = figures.copied(across(found, families, 0))

    def draw(at: int) -> None:
        page.figure(figures.moved(plot, found[NONE], at), "across", figures.across_alt(found, families, what))

    scrubbed(found[NONE], "seen", draw)
    kinds = {k: [sum(v) / len(v) for v in vs] for k, vs in figures.same_other_none(found, families).items()}
    page.notice(" ".join(family_noticed(found, families, kinds)))
    st.caption(SETTLING)
    specs = [recorded(Singles(), s) for s in SOURCES]
    table, recipe = figures.across_rows(found, families), [records.plain(spec) for spec in specs]
    page.behind("while-learning-families", table, recipe, across(found, families, None), COMMAND, specs)


def across(found: dict[str, Any], families: list[str], at: int | None) -> Any:
    return cached.once(keys_of(SOURCES), f"across {families} {at}", lambda: figures.across(found, families, at))


def family_noticed(found: dict[str, Any], families: list[str], kinds: dict[str, list[float]]) -> list[str]:
    """When *same* parts from *none*, and what transfer has done by then."""
    looks = found[NONE]["looks"]
    gaps = [b - a for a, b in zip(kinds["same"], kinds["none"], strict=True)]
    half = half_way(gaps)
    at = looks[half]["images"]
    means = figures.mean_transfer(found, families)
    probe = half_way(means)
    several = len(families) > 1
    who = f"The network{'s' if several else ''} trained for it"
    ends = f"{number(kinds['same'][-1])} against {number(kinds['none'][-1])}"
    parting = (
        f"{who} {'have' if several else 'has'} half of the final gap to the one trained for none ({ends}) after "
        f"**{at:,} images**"
        if gaps[-1] >= CLEAR
        else f"{who} end{'' if several else 's'} no less sensitive than the one trained for none ({ends})"
    )
    first = (
        f"{parting}; transfer accuracy to new objects has come half of its way ({means[0]:.0%} → {means[-1]:.0%}) "
        f"after **{looks[probe]['images']:,}**."
    )
    gap = kinds["other"][-1] - kinds["none"][-1]
    against = "as sensitive as" if abs(gap) < CLEAR else "more sensitive than" if gap > 0 else "less sensitive than"
    second = (
        f"In the end those trained for another family are {against} the one trained for none "
        f"({number(kinds['other'][-1])} against {number(kinds['none'][-1])})."
    )
    return [first, second]


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
    st.caption(SETTLING)
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
        f"{about(looks[0], looks[-1])}"
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
    view = gallery.segments("Show", tuple(VIEWS), "networks", "view", WORDS)
    try:
        VIEWS[view]()
    except NotThereError as missing:
        page.not_there(f"The recording of the network {instruments.name_of(str(missing))}", COMMAND)


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
