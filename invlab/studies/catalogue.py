"""The studies, and runs of them: which study, at which preset, which seeds."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from invlab.studies import factors, information, mismatch, relevance, shift
from invlab.studies.study import Cell, Study
from invlab.training import Training

QUESTION = "A network that ignores rotation: is that a gift or a loss for what it is asked next?"
LEAD = (
    "Pick **transformations**, train two small networks in seconds, **measure** how invariant each became, and see "
    "which one **transfers** to objects it has never met."
)

STUDIES: dict[str, Study] = {
    s.name: s for s in (factors.STUDY, relevance.STUDY, shift.STUDY, mismatch.STUDY, information.STUDY)
}


@dataclass(frozen=True)
class StudySeed:
    """One seed of a study at a preset: what is stored of it is a table's rows.

    data: the optional data sets among the study's that are used.
    only: `axis=value` each; a cell must have one of the named values on every named axis. Empty: the whole study.
    version: of the study's plan; only the present one can be computed.
    """

    study: str
    preset: str = "classroom"
    seed: int = 0
    data: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        found = study(self.study)
        if self.preset not in found.sizes:
            raise ValueError(
                f"preset {self.preset!r}: the study {self.study} runs at {', '.join(found.sizes)}; choose one of these"
            )
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}: seeds count from 0")
        for name in self.data:
            if name not in found.data:
                usable = ", ".join(found.data) or "no optional data"
                raise ValueError(f"data {name!r}: the study {self.study} can use {usable}")
        if self.only:
            _check_only(self.study, self.preset, self.data, self.only)

    def cells(self) -> Iterator[Cell]:
        """The cells that are asked for. Raises ValueError for another version than the present one."""
        if self.version != (now := study(self.study).version):
            raise ValueError(f"version {self.version}: the study {self.study} is now at version {now}")
        wanted = chosen(self.only)
        for cell in study(self.study).cells(self.preset, self.seed, self.data):
            if all(str(cell.at[axis]) in values for axis, values in wanted.items()):
                yield cell

    def specs(self) -> list[Any]:
        """What is to be computed, each once: first the trainings, then what is measured on them."""
        measured = [cell.spec for cell in self.cells()]
        return list(dict.fromkeys([*(training_of(spec) for spec in measured), *measured]))


@dataclass(frozen=True)
class StudyRun:
    """A study at a preset, seeds 0 … seeds − 1. The other fields are those of `StudySeed`."""

    study: str
    preset: str = "classroom"
    seeds: int = 3
    data: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"seeds {self.seeds}: at least one is needed")
        self.seed(0)  # its checks

    def seed(self, number: int) -> StudySeed:
        return StudySeed(self.study, self.preset, number, self.data, self.only, study(self.study).version)

    def each(self) -> list[StudySeed]:
        return [self.seed(number) for number in range(self.seeds)]


def study(name: str) -> Study:
    """The study of that name; ValueError lists the valid ones."""
    if name not in STUDIES:
        raise ValueError(f"there is no study {name!r}; choose from {', '.join(STUDIES)}")
    return STUDIES[name]


def training_of(spec: Any) -> Training:
    """The training that a cell's spec measures, or is."""
    return spec if isinstance(spec, Training) else spec.training


def chosen(only: Iterable[str]) -> dict[str, frozenset[str]]:
    """`axis=value` texts as axis -> values."""
    found: dict[str, set[str]] = {}
    for text in only:
        axis, _, value = text.partition("=")
        found.setdefault(axis.strip(), set()).add(value.strip())
    return {axis: frozenset(values) for axis, values in found.items()}


def _check_only(name: str, preset: str, data: tuple[str, ...], only: tuple[str, ...]) -> None:
    there = axis_values(name, preset, data)
    for text in only:
        axis, equals, value = (part.strip() for part in text.partition("="))
        if not equals or axis not in there:
            raise ValueError(f"only {text!r}: write axis=value, with an axis of {', '.join(there)}")
        if value not in there[axis]:
            raise ValueError(f"only {text!r}: {axis} has no value {value!r}; choose from {', '.join(there[axis])}")


@functools.lru_cache(maxsize=32)
def axis_values(name: str, preset: str, data: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """The values that the cells of a study's first seed have on each axis, as texts."""
    found = study(name)
    values: dict[str, dict[str, None]] = {axis: {} for axis in found.axes}
    for cell in found.cells(preset, 0, data):
        for axis in values:
            values[axis][str(cell.at[axis])] = None
    return {axis: tuple(known) for axis, known in values.items()}
