"""The bundle that ships in `models/`: what is in it, built by one resumable command and verified by another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from invlab import bundle_files, costs, devices, records, runs, store
from invlab.studies import instruments
from invlab.studies.catalogue import STUDIES, StudyRun, StudySeed
from invlab.studies.comparison import Comparison, comparison
from invlab.studies.presets import PRESETS
from invlab.studies.recordings import recordings
from invlab.studies.singles import SOURCES, Singles
from invlab.watching import Report, ignore

STUDY = Singles()
# What a newcomer sees on the Transfer page before anything is touched, in five seeds.
FIRST_SOURCES = (("rotate", "hue", "blur"), ("scale", "invert", "noise"))
FIRST_TARGET = ("rotate", "hue", "blur")
FIRST_SEEDS = 5
STUDY_PRESET = "classroom"
STUDY_SEEDS = {"factors": 5, "relevance": 5, "shift": 5, "mismatch": 5, "information": 5}


def comparisons() -> list[Comparison]:
    """The live comparisons that ship."""
    return [comparison(FIRST_SOURCES, FIRST_TARGET, PRESETS["live"], seed) for seed in range(FIRST_SEEDS)]


def study_seeds() -> list[StudySeed]:
    """The seeds of the paper's studies that ship: their tables, not the thousands of cells behind them."""
    return [seed for name in STUDIES for seed in StudyRun(name, STUDY_PRESET, STUDY_SEEDS[name]).each()]


def contents() -> Iterator[Any]:
    """Every spec whose result ships."""
    yield STUDY
    yield from STUDY.cells()
    yield STUDY.shared_invariance(0)
    yield from recordings(STUDY)
    yield from instruments.readings(STUDY)
    yield from study_seeds()
    for compared in comparisons():
        yield compared
        for number, source in enumerate(compared.sources):
            yield from (source, compared.sensitivity(number), compared.transfer(number))


def build(directory: Path, home: Path, report: Report = ignore) -> dict[str, Any]:
    """Compute what is missing in `home` and in the bundle that is there, then write the bundle anew.

    Started again, it goes on where it stopped. Returns the manifest. A result's key holds all it depends on, so what
    an older bundle holds under the same key is kept; to compute everything anew, build into an empty directory.
    """
    devices.one_thread_each()
    own = store.Store(home, directory)
    for compared in comparisons():
        runs.execute(compared, own)
    runs.execute_all(STUDY.cells(), own, report, threads=os.cpu_count() or 1)
    runs.execute(STUDY, own)
    runs.execute(STUDY.shared_invariance(0), own, report)
    watched = recordings(STUDY)
    runs.execute_all(watched, own, report, os.cpu_count() or 1, [costs.cell_seconds(spec) for spec in watched])
    readings = list(instruments.readings(STUDY))
    runs.execute_all(readings, own, report, os.cpu_count() or 1, [costs.cell_seconds(spec) for spec in readings])
    for seed in study_seeds():
        runs.execute(seed, own, report)
    weights = [records.key(STUDY.training(source, 0)) for source in SOURCES]
    about = {"study": records.plain(STUDY), "studies": STUDY_SEEDS, "made": runs.made(devices.choose(), 0.0)}
    return bundle_files.write_bundle(own, directory, [records.key(spec) for spec in contents()], weights, about)


def verify(directory: Path) -> list[str]:
    """What is wrong with the bundle, one sentence each: damaged files, missing or recomputed-differently results."""
    problems = bundle_files.verify_bundle(directory)
    if problems:
        return problems
    shipped = store.Store(directory / "no-own-results", directory, read_only=True)
    missing = [key for spec in contents() if shipped.get(key := records.key(spec)) is None]
    problems += [f"the result {key} is not in the bundle: build it again" for key in missing[:10]]
    for source in SOURCES:
        key = records.key(STUDY.training(source, 0))
        record = shipped.get(key)
        if record is not None and shipped.get_weights(key, record["weights"]) is None:
            problems.append(f"the weights of {key} ({source}) cannot be read: build the bundle again")
    return problems
