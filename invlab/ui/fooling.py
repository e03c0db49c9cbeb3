"""Try to fool a network: sliders on one object, what the network answers, and how far its representation moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import streamlit as st

from invlab import records, runs
from invlab.distances import euclidean
from invlab.export import as_pixels, as_png
from invlab.lazy import torch
from invlab.lessons.lesson import percent
from invlab.objects import class_names
from invlab.representations import represent
from invlab.responses import Along, Neighbourhoods
from invlab.seeds import torch_generator
from invlab.sensitivity import derangement
from invlab.studies.claims import number
from invlab.studies.singles import NONE, Singles
from invlab.tasks import render, render_at
from invlab.training import Training
from invlab.transforms import TRANSFORMS, Axis, identity_parameters
from invlab.ui import gallery, instruments, page
from invlab.ui.cached import the_store

CHANGES = (("rotate", "angle"), ("translate", "x"), ("scale", "factor"), ("hue", "shift"), ("blur", "sigma"))
FAMILIES = tuple(family for family, _ in CHANGES)
LABELS = ("turn", "shift right or left", "size", "hue", "blur")
STRANGERS = 200  # images that the unit of distance is measured on
SHOWN = 3  # answers
SEEN = 0.005  # of probability: a smaller one would be told as 0 %


@dataclass(frozen=True)
class Seen:
    """One object before and after a change, as a network sees it. answers: (name, probability), the likeliest first."""

    before: bytes
    after: bytes
    answers: list[tuple[str, float]]
    moved: float  # strangers: 1


def axis_of(family: str, parameter: str) -> Axis:
    return next(axis for axis in TRANSFORMS[family].axes if axis.parameter == parameter)


def playground(sources: Sequence[str]) -> None:
    """The sliders and what comes of them; a picker where there are several networks. Raises NoWeightsError."""
    picked = sources[0]
    if len(sources) > 1:
        words = {source: instruments.name_of(source) for source in sources}
        picked = gallery.segments("Network", tuple(sources), sources[0], "network", words)
    spec = Singles().training(picked, instruments.SEED)
    instruments.needs_weights(spec)
    with st.spinner("Loading the network and its objects …"):
        gallery.wait_until_ready(spec.task)
        indices = objects(records.key(spec), spec)
    pictures, controls = st.columns([1.2, 1], gap="large")  # on a telephone the pictures stand above the sliders
    with controls:
        name = st.selectbox("Object", sorted(indices), key="object", bind="query-params")
        values = tuple(slider(label, *change) for label, change in zip(LABELS, CHANGES, strict=True))
        st.button("Back to how it was learned", icon=":material/undo:", key="as-learned", on_click=reset)
    with pictures:
        show(name, seen(records.key(spec), spec, indices[name], values))


def slider(label: str, family: str, parameter: str) -> float:
    """One amount of change; it starts where nothing is changed, and is in the link."""
    axis, still = axis_of(family, parameter), TRANSFORMS[family].identity[parameter]
    return float(
        st.slider(
            f"{label[:1].upper()}{label[1:]} ({gallery.UNITS.get(axis.unit, axis.unit)})",
            float(axis.low), float(axis.high), float(still), float(axis.step),
            key=f"fool_{family}", bind="query-params", format="%d" if axis.step >= 1 else None,
        )
    )  # fmt: skip


def reset() -> None:
    """All sliders back to where nothing is changed."""
    for family, parameter in CHANGES:
        st.session_state[f"fool_{family}"] = float(TRANSFORMS[family].identity[parameter])


def show(name: str, found: Seen) -> None:
    """The two pictures, the answer and the distance."""
    changed = found.before != found.after
    gallery.tiles(
        [
            gallery.Tile(found.before, "as it was learned", f"{name}, unchanged"),
            gallery.Tile(found.after, "as the network sees it now", f"{name}, changed by the sliders"),
        ],
        "il-pair",
    )
    answer, sure = found.answers[0]
    badge = ":green-badge[:material/check: right]" if answer == name else ":red-badge[:material/close: fooled]"
    others = [f"{other} {percent(share)}" for other, share in found.answers[1:] if share >= SEEN]
    st.markdown(
        f"{badge} It answers **{answer}** ({percent(sure)})" + (f"; or {', '.join(others)}." if others else ".")
    )
    how = f"Its representation has moved {number(found.moved)} of the way to a stranger"
    st.progress(min(1.0, found.moved), how if changed else "Move a slider: its representation has not moved yet")


@st.cache_data(show_spinner=False, max_entries=16)
def objects(key: str, _spec: Training) -> dict[str, int]:
    """name of each object that a network learned -> a test image of it; `key` is the training's."""
    task = replace(_spec.task, transformations=())
    found = Neighbourhoods(_spec, task, Along("rotate", "angle", (0.0,)), objects=len(task.classes)).indices()
    names, labels = class_names(task.objects), render(task, "test", found).labels.tolist()
    return {names[task.classes[label]]: index for index, label in zip(found, labels, strict=True)}


@st.cache_data(show_spinner=False, max_entries=16)
def unit(key: str, _spec: Training) -> float:
    """The mean distance of strangers among a network's own objects, unchanged; `key` is the training's."""
    network = runs.trained(_spec, the_store())
    device = str(next(network.parameters()).device)
    task = replace(_spec.task, transformations=())
    features = represent(network, render(task, "test", range(STRANGERS), device=device).images)
    others = features[derangement(STRANGERS, torch_generator("strangers", task.seed))]
    return float(euclidean(features, others).mean()) or 1.0


@st.cache_data(show_spinner=False, max_entries=500)
def seen(key: str, _spec: Training, index: int, values: tuple[float, ...]) -> Seen:
    """A test image changed by the values of `CHANGES`, as a network sees it; `key` is the training's."""
    network = runs.trained(_spec, the_store())
    device = str(next(network.parameters()).device)
    task = replace(_spec.task, transformations=FAMILIES)
    parameters = []
    for (family, parameter), value in zip(CHANGES, values, strict=True):
        rows = identity_parameters(family, 2, device)
        rows[parameter][1] = value
        parameters.append(rows)
    images = render_at(task, "test", [index] * 2, parameters, device).images
    first, second = represent(network, images)
    with torch.inference_mode():
        shares = network.head(second[None]).softmax(1)[0]
    best = shares.topk(SHOWN)
    names = class_names(task.objects)
    answers = [(names[task.classes[i]], p) for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]
    before, after = (as_png(pixels) for pixels in as_pixels(images))
    moved = float((first - second).norm()) / unit(key, _spec)
    return Seen(before, after, answers, moved)


def upright() -> None:
    """With the network that learned upright objects alone."""
    guarded((NONE,))


def any_network() -> None:
    """With networks that learned one of the changes, too."""
    guarded((NONE, "rotate", "translate", "hue"))


def guarded(sources: Sequence[str]) -> None:
    """The playground, or what to type where a network is not there."""
    try:
        playground(sources)
    except instruments.NoWeightsError:
        page.not_there("One of these networks", "python -m invlab bundle build")
