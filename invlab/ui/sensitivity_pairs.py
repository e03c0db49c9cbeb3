"""The twins behind one cell of the sensitivity map, as the bundled network of seed 0 sees them.

Nothing here imports torch until `twins` is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from invlab import distances, records, runs
from invlab.objects import class_names
from invlab.representations import represent
from invlab.seeds import torch_generator
from invlab.sensitivity import derangement
from invlab.studies.singles import Singles
from invlab.tasks import render
from invlab.ui.cached import the_store

if TYPE_CHECKING:
    import torch

SEED = 0  # of the networks whose weights ship
PAIRS = 200  # a fifth of a second; the cell itself was measured on more
SHOWN = 4  # in a row; two by two on a telephone
ENLARGED = 4  # each pixel becomes 4 × 4: a browser would blur a 32-pixel picture


class NoWeightsError(LookupError):
    """The network's record or its weights are not in the store; learning it again is not a page's work."""


@dataclass(frozen=True)
class Pair:
    """Two draws of one object: the picture x1 | x2, how far apart they lie (strangers: 1), and the object's name."""

    picture: np.ndarray  # uint8 (H, W, 3)
    distance: float
    name: str


@dataclass(frozen=True)
class Twins:
    """Distances of twins and of strangers in units of the strangers' mean, and the pairs to look at."""

    moved: list[float]
    apart: list[float]
    identical: int  # pairs that are the same picture twice
    least: list[Pair]  # of the others
    most: list[Pair]

    @property
    def ratio(self) -> float:
        return sum(self.moved) / len(self.moved)


LOADING = "Loading the network and drawing its twins … (the very first time the backgrounds are painted: half a minute)"


@st.cache_data(show_spinner=LOADING, max_entries=64)
def twins(study: str, source: str, family: str, domain: str) -> Twins:
    """The twins of a cell. `study` is its key: another study gives other twins. Raises NoWeightsError."""
    spec = Singles().sensitivity(source, domain, family, SEED)
    store = the_store()
    key = records.key(spec.training)
    record = store.get(key)
    if record is None or store.get_weights(key, record.get("weights") or {}) is None:
        raise NoWeightsError(key)
    network = runs.trained(spec.training, store)
    device = str(next(network.parameters()).device)
    first, second = (render(spec.task, "test", range(PAIRS), twin=twin, device=device) for twin in (0, 1))
    seen_first, seen_second = represent(network, first.images), represent(network, second.images)
    others = seen_first[derangement(PAIRS, torch_generator("strangers", spec.seed))]
    moved, apart = distances.euclidean(seen_first, seen_second), distances.euclidean(seen_first, others)
    unit = float(apart.mean()) or 1.0  # a constant representation moves nothing
    changed = (first.images != second.images).flatten(1).any(1).tolist()
    names = class_names(spec.task.objects)

    def pair(index: int) -> Pair:
        label = spec.task.classes[int(first.labels[index])]
        return Pair(_beside(first.images[index], second.images[index]), float(moved[index]) / unit, names[label])

    order = sorted((i for i in range(PAIRS) if changed[i]), key=lambda i: float(moved[i]))
    return Twins(
        moved=(moved / unit).tolist(),
        apart=(apart / unit).tolist(),
        identical=PAIRS - sum(changed),
        least=[pair(i) for i in order[:SHOWN]],
        most=[pair(i) for i in order[::-1][:SHOWN]],
    )


def _beside(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
    """Two images (3, S, S) in [−1, 1] as one enlarged uint8 picture, a light line between them."""
    both = [
        ((image.cpu().numpy() + 1) * 127.5).round().astype(np.uint8).transpose(1, 2, 0) for image in (first, second)
    ]
    large = [image.repeat(ENLARGED, 0).repeat(ENLARGED, 1) for image in both]
    line = np.full((large[0].shape[0], ENLARGED, 3), 255, np.uint8)
    return np.concatenate([large[0], line, large[1]], 1)


def gallery(pairs: list[Pair]) -> None:
    """Pairs in a row that wraps, each with its distance and what it shows."""
    with st.container(horizontal=True):
        for pair in pairs:
            st.image(
                pair.picture,
                caption=f"{pair.distance:.2f} · {pair.name}",
                alt=f"Two draws of {pair.name}, distance {pair.distance:.2f}",
                width=165,
            )
