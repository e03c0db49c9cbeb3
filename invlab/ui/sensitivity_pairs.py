"""The twins behind one cell of the sensitivity map, as the bundled network of seed 0 sees them.

Nothing here imports torch until `twins` is called.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from invlab import distances, runs
from invlab.objects import class_names
from invlab.representations import represent
from invlab.seeds import torch_generator
from invlab.sensitivity import derangement
from invlab.studies.singles import Singles
from invlab.tasks import render
from invlab.ui.cached import the_store
from invlab.ui.instruments import SEED, Pair, needs_weights, pair

PAIRS = 200  # a fifth of a second; the cell itself was measured on more
SHOWN = 4  # in a row; two by two on a telephone


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
    needs_weights(spec.training)
    network = runs.trained(spec.training, the_store())
    device = str(next(network.parameters()).device)
    first, second = (render(spec.task, "test", range(PAIRS), twin=twin, device=device) for twin in (0, 1))
    seen_first, seen_second = represent(network, first.images), represent(network, second.images)
    others = seen_first[derangement(PAIRS, torch_generator("strangers", spec.seed))]
    moved, apart = distances.euclidean(seen_first, seen_second), distances.euclidean(seen_first, others)
    unit = float(apart.mean()) or 1.0  # a constant representation moves nothing
    changed = (first.images != second.images).flatten(1).any(1).tolist()
    names = class_names(spec.task.objects)

    def at(index: int) -> Pair:
        label = spec.task.classes[int(first.labels[index])]
        return pair(first.images[index], second.images[index], float(moved[index]) / unit, names[label])

    order = sorted((i for i in range(PAIRS) if changed[i]), key=lambda i: float(moved[i]))
    return Twins(
        moved=(moved / unit).tolist(),
        apart=(apart / unit).tolist(),
        identical=PAIRS - sum(changed),
        least=[at(i) for i in order[:SHOWN]],
        most=[at(i) for i in order[::-1][:SHOWN]],
    )
