"""The stored results that lessons read, each read once."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from invlab import records, runs
from invlab.bundle import comparisons
from invlab.figures.lessons import Span
from invlab.intervals import over_seeds
from invlab.store import Store
from invlab.studies.catalogue import STUDIES, StudyRun
from invlab.studies.recordings import recorded
from invlab.studies.singles import Singles
from invlab.studies.study import Table

PRESET = "classroom"  # whose numbers the lessons tell
BUNDLE = "python -m invlab bundle build"


class NotStoredError(LookupError):
    """A result is not stored. what: it is, in words; command: computes it."""

    def __init__(self, what: str, command: str) -> None:
        super().__init__(f"{what} is not stored")
        self.what, self.command = what, command


class Results:
    """Reads a store; what was read is kept, and is not to be changed. All raise NotStoredError."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.singles = functools.cache(self._singles)
        self.table = functools.cache(self._table)
        self.run = functools.cache(self._run)
        self.recording = functools.cache(self._recording)
        self.comparisons = functools.cache(self._comparisons)

    def _singles(self) -> dict[str, Any]:
        """The summary of one network for each family."""
        return self._result(Singles(), "The study of one network for each transformation", BUNDLE)

    def _run(self, name: str) -> StudyRun:
        """The largest stored run of a study at `PRESET`."""
        found = runs.stored_run(name, PRESET, self.store)
        if found is None:
            raise NotStoredError(f"The study {STUDIES[name].title}", study_command(name))
        return found

    def _table(self, name: str) -> Table:
        """Its numbers."""
        return runs.study_table(self.run(name), self.store)

    def _recording(self, source: str) -> dict[str, Any]:
        """How the bundled network trained for `source` learned."""
        return self._result(recorded(Singles(), source), "The recording of a network while it learns", BUNDLE)

    def _comparisons(self) -> dict[int, dict[str, Any]]:
        """seed -> result of the bundled comparison of two networks, of the seeds that are there; at least one."""
        there = {spec.target.seed: self.store.get(records.key(spec)) for spec in comparisons()}
        found = {seed: record["result"] for seed, record in there.items() if record is not None}
        if not found:
            raise NotStoredError("The comparison of two networks", BUNDLE)
        return found

    def _result(self, spec: Any, what: str, command: str) -> dict[str, Any]:
        record = self.store.get(records.key(spec))
        if record is None:
            raise NotStoredError(what, command)
        return record["result"]


def span(values: np.ndarray) -> Span:
    """The mean of (seeds,) with its 95 % interval over seeds; without one for a single seed."""
    low, high = over_seeds(values.tolist())
    return Span(float(values.mean()), None if math.isnan(low) else low, None if math.isnan(high) else high)


def study_command(name: str) -> str:
    """The command line that computes a study at `PRESET`."""
    return f"python -m invlab study {name} --preset {PRESET}"
