"""Transfer: two networks learn under different transformations; which one names new objects better?"""

from __future__ import annotations

import streamlit as st

from invlab import costs, uploads
from invlab.backgrounds import BACKGROUNDS
from invlab.files import StoreError
from invlab.jobs import QueueError
from invlab.objects import OBJECTS
from invlab.sources import available
from invlab.studies.presets import OFFERED, PRESETS
from invlab.tasks import disjoint_transformations
from invlab.ui import cached, classroom, gallery, live, own, page, results, twin_pairs
from invlab.ui.results import FIRST, Choice
from invlab.ui.words import words

ALTERNATIVES = ("own choice", "disjoint", "same", "none")
SIZES = (32, 48, 64)


def choose() -> Choice:
    """The controls; everything chosen is in the link."""
    source = page.families(
        "The first network learns under", "source", FIRST[0], "In the order they are applied to each object."
    )
    alternative = st.segmented_control(
        "The second network learns under",
        ALTERNATIVES,
        default="own choice",
        required=True,
        key="alternative",
        bind="query-params",
        wrap=True,
        help="*own choice*: the families picked below. *disjoint*: as many families as the target has, of the same "
        "groups, drawn at random by the seed from those it does not have. *same*: the target's own. *none*: no "
        "transformation at all.",
    )
    below = st.container()
    target = page.families("Both are judged on other objects under", "target", FIRST[0], "What the new task varies.")
    with page.more_choices(hidden=classroom.controls_hidden()):
        preset = st.segmented_control(
            "Preset", OFFERED, default="live", required=True, key="preset", bind="query-params"
        )
        st.caption(PRESETS[preset].what.capitalize() + ".")
        seed = page.whole_number(
            "Seed", 0, live.LAST_SEED, 0, "seed",
            "Of the objects, the draws and the initial weights. The same seed gives the same numbers.",
        )  # fmt: skip
        objects = own.picked("Objects", list(filter(available, OBJECTS)), uploads.KINDS, "objects")
        backgrounds = own.picked("Backgrounds", list(filter(available, BACKGROUNDS)), ("photographs",), "backgrounds")
        size = st.selectbox(
            "Image size, pixels", SIZES, key="size", bind="query-params",
            help="The work grows with the number of pixels; the first run at a new size also draws its scenes.",
        )  # fmt: skip
    with below:
        versus = other_source(alternative, target, seed)
    return Choice(source, versus, target, preset, seed, objects, backgrounds, size)


def other_source(alternative: str, target: tuple[str, ...], seed: int) -> tuple[str, ...]:
    """The second network's transformations."""
    if alternative == "own choice":
        return page.families("Its families", "against", FIRST[1])
    chosen = {"same": target, "none": ()}.get(alternative)
    if chosen is None:
        try:
            chosen = disjoint_transformations(target, seed)
        except ValueError as error:
            st.warning(results.escaped(str(error)))
            st.stop()
    st.caption(f"The second network learns under {results.named(chosen)}.")
    return chosen


def click(choice: Choice, busy: bool) -> None:
    """The button, with what it costs beforehand."""
    try:
        fresh = live.fresh(choice)
    except ValueError as error:
        st.error(results.escaped(str(error)))
        st.stop()
    alike = choice.source == choice.versus
    long = live.too_long(choice)
    label = "Learning…" if busy else "Train both and compare"
    live.button(
        label, [fresh], "train", busy or alike or long, type="primary", icon=":material/play_arrow:", width="stretch",
        on_click=live.begin, args=(fresh,),
    )  # fmt: skip
    if alike:
        st.caption("Both networks would learn exactly the same: choose another alternative source.")
    elif long:
        st.warning(
            f"About {results.duration(costs.expected_seconds(choice.spec()))} on this machine's CPU: this preset needs "
            "a GPU. Run it on one:"
        )
        st.code(choice.command(), language="bash", wrap_lines=True)
    elif not busy:
        live.forecast(choice)
        if fresh.seed != choice.seed:
            st.caption(
                f"Seed {choice.seed} is computed already, see the result; a click trains two new networks, seed "
                f"{fresh.seed}: other objects, other draws."
            )
    live.refusal()


def answer(choice: Choice) -> None:
    """What is known of the choice: its result, its run under way, or what a click will do."""
    key = choice.key()
    record, job = cached.the_store().get(key), cached.the_queue().job(key)
    if record is not None:
        results.show(key, record, "result")
        pairs(choice)
        live.more_seeds(choice)
    elif job is not None and not job.over:
        live.watch(choice)
    else:
        if job is not None:
            live.again_text(job)
        explain(choice)


def pairs(choice: Choice) -> None:
    """The twins of the target task, as one of the networks sees them."""
    spec = choice.spec()
    st.header("Behind the numbers: twin pairs", anchor=False)
    names = [page.families_text(source.task.transformations) for source in spec.sources]
    which = gallery.segments("As seen by the network that learned", tuple(dict.fromkeys(names)), names[0], "seen_by")
    twin_pairs.section(twin_pairs.behind(spec.sensitivity(names.index(which))), f"the network that learned **{which}**")


def explain(choice: Choice) -> None:
    """A choice that nobody has computed yet: what will be done, step by step."""
    spec = choice.spec()
    learned, total = spec.sources[0].task.labels, results.total_images(spec)
    st.markdown(
        f"""
This combination has not been computed here yet. **Train both and compare** will

1. draw {learned} objects and train two networks to name them, each on {total:,} images: one under
   {results.named(choice.source)}, one under {results.named(choice.versus)};
2. freeze both, and show them {spec.target.labels} *other* objects under {results.named(choice.target)};
3. measure each one's **sensitivity**: how far its representation moves when the target's transformations are drawn
   anew (0 = not at all, 1 = as far as between two random images);
4. fit a linear **probe** on {spec.probe_train:,} of these images and count how many of {spec.probe_test:,} new ones it
   names: the transfer accuracy. Guessing would name {1 / spec.target.labels:.0%}.

Before it is known: which of the two do you expect to win, and by how much?
"""
    )


def main() -> None:
    page.title(
        "Transfer",
        "Two networks learn the same objects under different transformations. Which one names new objects better?",
    )
    words("source task", "target task", "sensitivity", "linear probe", "transfer accuracy", "preset")
    controls, shown = st.columns([1, 2.3], gap="large")
    with controls:
        choice = choose()
        try:
            job = cached.the_queue().job(choice.key())
            stored = cached.the_store().get(choice.key()) is not None
            click(choice, busy=not stored and job is not None and not job.over)
        except ValueError as error:
            st.error(results.escaped(str(error)))
            st.stop()
    with shown:
        answer(choice)
    st.header("What the networks are shown", anchor=False)
    results.examples(choice.spec())


try:
    main()
except (QueueError, StoreError) as error:
    live.guarded(error)
