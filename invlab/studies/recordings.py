"""Recordings of networks while they learn: those of the single families that ship, and a person's own."""

from __future__ import annotations

from collections.abc import Sequence

from invlab.learning import Recording
from invlab.studies.presets import Preset
from invlab.studies.singles import FAMILIES, SOURCES, Singles
from invlab.tasks import Task, draw_classes

OWN_PAIRS, OWN_PROBE = 100, 500  # of a person's own recording: seconds, not minutes


def recorded(study: Singles, source: str, seed: int = 0) -> Recording:
    """The recording of one of the study's networks, on new objects under its own family, against every family."""
    return Recording(study.training(source, seed), study.task("new", source, seed), FAMILIES, seed=seed)


def recordings(study: Singles, seed: int = 0) -> list[Recording]:
    """One for each source."""
    return [recorded(study, source, seed) for source in SOURCES]


def own_recording(source: Sequence[str], target: Sequence[str], preset: Preset, seed: int = 0) -> Recording:
    """A network learns objects under `source`; it is watched on new ones under `target`, and against every family."""
    learned = draw_classes("drawn", preset.classes, seed)
    new = draw_classes("drawn", preset.classes, seed, skip=preset.classes)
    training = preset.training(Task(learned, tuple(source), seed=seed), seed)
    return Recording(
        training,
        Task(new, tuple(target), seed=seed),
        FAMILIES,
        pairs=OWN_PAIRS,
        probe_train=OWN_PROBE,
        probe_test=OWN_PROBE,
        seed=seed,
    )


# ------------------------------------------------------------------------------ when, told by a recording's looks


def half_way(values: Sequence[float]) -> int:
    """The place from which on, to the end, at least half of the way from the first value to the last is covered."""
    first, way = values[0], values[-1] - values[0]
    behind = [place for place, value in enumerate(values) if (value - first) * way < way * way / 2]
    return behind[-1] + 1 if behind else 0


def parted(below: Sequence[Sequence[float]], above: Sequence[Sequence[float]]) -> int | None:
    """The place from which on, to the end, the [low, high] intervals of one lie below the other's; None where they do
    not in the end."""
    together = [place for place, (a, b) in enumerate(zip(below, above, strict=True)) if a[1] >= b[0]]
    place = together[-1] + 1 if together else 0
    return place if place < len(below) else None
