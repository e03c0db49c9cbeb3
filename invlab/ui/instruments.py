"""What the instruments' pages share: the bundled networks, and measuring several of them at once within a page.

Nothing here imports torch until something is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from invlab import records, runs
from invlab.distances import euclidean
from invlab.export import as_pixels, as_png
from invlab.lazy import torch
from invlab.objects import class_names
from invlab.representations import represent
from invlab.responses import Response, images_at
from invlab.seeds import torch_generator
from invlab.sensitivity import derangement
from invlab.studies.instruments import SEED, compared
from invlab.studies.singles import DOMAINS, NONE, SOURCES, Singles
from invlab.tasks import Task, label_names, plan_pairs, render
from invlab.training import Training
from invlab.ui import hover, own, page
from invlab.ui.cached import the_store
from invlab.ui.gallery import segments, wait_until_ready
from invlab.words import network_name

name_of = network_name  # what a bundled network is called
TOGETHER = 2  # networks measured at a time
MOST = 4  # networks in one figure
MOST_CLASSES = 30  # of a visitor's own objects, as many as the bundled networks learned
ENLARGED = 4  # each pixel becomes 4 × 4: a browser would blur a 32-pixel picture


class NoWeightsError(LookupError):
    """The network's record or its weights are not in the store; learning it again is not a page's work."""


def needs_weights(spec: Training) -> None:
    """Raise NoWeightsError where the trained network is not stored."""
    store, key = the_store(), records.key(spec)
    record = store.get(key)
    if record is None or store.get_weights(key, record.get("weights") or {}) is None:
        raise NoWeightsError(key)


def measured(specs: Sequence[Any]) -> list[dict[str, Any]]:
    """The results of small measurements of stored networks, several at a time. Raises NoWeightsError.

    They are stored under their keys: thirty people who ask the same cost one measurement, and what ships costs none.
    """
    store = the_store()
    found = [store.get(records.key(spec)) for spec in specs]
    for spec, record in zip(specs, found, strict=True):
        if record is None:
            wait_until_ready(spec.task)

    def result(spec: Any, record: dict[str, Any] | None) -> dict[str, Any]:
        if record is None:
            for network in trainings(spec):
                needs_weights(network)
            record = runs.execute(spec, store)
        return record["result"]

    with ThreadPoolExecutor(TOGETHER) as pool:
        return list(pool.map(result, specs, found))


def trainings(spec: Any) -> tuple[Training, ...]:
    """The trained networks that a measurement looks at."""
    return spec.networks if hasattr(spec, "networks") else (spec.training,)


def kind_of(source: str, families: Sequence[str]) -> str:
    """`same` where the network was trained for one of the families in question, `none`, or `other`."""
    return NONE if source == NONE else "same" if source in families else "other"


def domain() -> str:
    """A picker of the objects: `new` ones, those of the `training`, or the name of the visitor's own cut-outs."""
    words = {"new": "new", "training": "the ones they learned"} | own.WORDS
    chosen = segments("Objects", (*DOMAINS[::-1], "cut-outs"), "new", "objects", words)
    return own.resolved(chosen, "objects", "new", "the lab's own new objects")


def task(domain: str, family: str) -> Task:
    """The task of one family (or none) on what `domain` returned."""
    if domain in DOMAINS:
        return Singles().task(domain, family, SEED)
    classes = range(min(len(class_names(domain)), MOST_CLASSES))
    return Task(tuple(classes), () if family == NONE else (family,), domain, Singles().backgrounds, seed=SEED)


def networks(family: str) -> list[str]:
    """A picker of bundled networks, at least one; it starts with the one trained for `family`, one for another family
    of its group, and the one trained for none."""
    chosen = st.multiselect(
        "Networks trained for",
        SOURCES,
        default=compared(family),
        format_func=page.family_name,
        key=f"networks_{family}",
        max_selections=MOST,
        bind="query-params",
        placeholder="choose at least one",
        help="The bundled networks: one for each family, one for none; each has seen one family while it learned.",
    )
    return list(chosen) or [family]


def choosing(plot: Any, key: str, alt: str, picker: str, options: Sequence[Any]) -> None:
    """Show a figure; a click on a point whose custom data begin with one of `options` sets the picker of that key."""

    def clicked() -> None:
        for point in st.session_state[key].selection.points[:1]:
            value = (point.get("customdata") or [None])[0]
            if value in options:  # what comes from a browser is checked
                st.session_state[picker] = value

    page.figure(plot, key, alt, on_select=clicked, selection_mode="points")


# ------------------------------------------------------------------------------------------------------- pictures


@dataclass(frozen=True)
class Pair:
    """Two pictures of one object, its name, and how far apart one or several networks see them (strangers: 1), as it is
    told. times: how large each pixel is shown; pages keep many pairs, so they are enlarged when they are shown."""

    first: np.ndarray  # uint8 (H, W, 3)
    second: np.ndarray
    name: str
    words: str
    times: int = 1

    @property
    def picture(self) -> np.ndarray:
        """uint8 (times · H, 2 · times · W + ENLARGED, 3): side by side, with a light line between them."""
        a, b = (pixels.repeat(self.times, 0).repeat(self.times, 1) for pixels in (self.first, self.second))
        return np.concatenate([a, np.full((len(a), ENLARGED, 3), 255, np.uint8), b], 1)


def pair(first: Any, second: Any, name: str, words: str) -> Pair:
    """Of two images (3, S, S) in [−1, 1]."""
    return Pair(as_pixels(first[None])[0], as_pixels(second[None])[0], name, words, ENLARGED)


def gallery(pairs: Sequence[Pair]) -> None:
    """Pairs in a row that wraps, each with its distance and what it shows."""
    with st.container(horizontal=True):
        for one in pairs:
            st.image(
                one.picture,
                caption=f"{one.words} · {one.name}",
                alt=f"Two pictures of {one.name}, distance {one.words}",
                width=165,
            )


@st.cache_data(show_spinner=False, max_entries=128)
def pairs_at(key: str, _spec: Response, point: tuple[float, ...]) -> tuple[list[Pair], list[float]]:
    """Each of a response's images beside itself at a point, the least moved first, and the distances; `key` is the
    spec's.

    Raises NoWeightsError.
    """
    needs_weights(_spec.training)
    network = runs.trained(_spec.training, the_store())
    device = str(next(network.parameters()).device)
    still, changed = images_at(_spec, [None, point], list(range(_spec.images)), device)
    a, b = represent(network, still), represent(network, changed)
    others = a[derangement(_spec.images, torch_generator("strangers", _spec.seed))]
    moved = (euclidean(a, b) / (float(euclidean(a, others).mean()) or 1.0)).tolist()
    names = class_names(_spec.task.objects)
    labels = runs.rendered.get(_spec.task, "test", _spec.images, device=device).labels.tolist()
    order = sorted(range(_spec.images), key=moved.__getitem__)
    shown = [pair(still[i], changed[i], names[_spec.task.classes[labels[i]]], f"{moved[i]:.2f}") for i in order]
    return shown, [moved[i] for i in order]


@st.cache_data(show_spinner=False, max_entries=24)
def orbit_sheet(key: str, _spec: Response, indices: tuple[int, ...]) -> str:
    """Each of a response's test images `indices` at all its values, as a sheet for `hover.pictures`: image by image."""
    images = images_at(_spec, [*_spec.points()], list(indices)).transpose(0, 1)
    return hover.sheet_of(list(as_pixels(images.flatten(0, 1))))


@st.cache_data(show_spinner=False, max_entries=24)
def twin_sheet(key: str, _task: Task, indices: tuple[int, ...]) -> str:
    """Test images of a task beside their twins, as a sheet for `hover.pictures`; `key` is the task's."""
    first, second = (as_pixels(render(_task, "test", indices, twin=twin).images) for twin in (0, 1))
    return hover.sheet_of([np.concatenate(both, 1) for both in zip(first, second, strict=True)])


@st.cache_data(show_spinner=False, max_entries=64)
def originals(key: str, _task: Task, count: int) -> list[bytes]:
    """PNGs of the first test images of a task; `key` is the task's."""
    return [as_png(pixels) for pixels in as_pixels(render(_task, "test", range(count)).images)]


@st.cache_data(show_spinner=False, max_entries=256)
def twins_at(
    key: str, _task: Task, indices: tuple[int, ...], words: tuple[str, ...], redraw: str = "transformations"
) -> list[Pair]:
    """Test images of a task beside their twins, each with what is told of its distance; `key` is the task's."""
    first, second = (render(_task, "test", indices, twin=twin, redraw=redraw) for twin in (0, 1))
    names = names_at(_task, indices)
    return [pair(a, b, name, text) for a, b, name, text in zip(first.images, second.images, names, words, strict=True)]


def names_at(task: Task, indices: Sequence[int]) -> list[str]:
    """What is to be named on a task's test images: the object or the background."""
    if task.label == "transformation":  # there are objects all the same
        task = replace(task, label="object")
    names, labels = label_names(task), plan_pairs(task, "test", torch.tensor(indices)).labels.tolist()
    return [names[label] for label in labels]


@st.cache_data(show_spinner=False, max_entries=200)
def pictures_at(key: str, _spec: Response, index: int, values: tuple[float, ...]) -> list[bytes]:
    """PNGs of a response's test image at values of its parameter; `key` is that of what asks."""
    images = images_at(_spec, [(value,) for value in values], [index])[:, 0]
    return [as_png(pixels) for pixels in as_pixels(images)]
