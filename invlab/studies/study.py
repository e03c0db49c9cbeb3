"""What a study is: cells on axes, gathered in a table, and claims tested over seeds. Nothing about running."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from invlab.intervals import over_seeds

Value = str | int | float
HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"

RULE = (
    "An effect is measured in every seed (paired: what is compared in a seed shares classes, images and draws), signed "
    "so that above zero speaks for the claim. A part of a claim holds where the 95 % interval of its mean over seeds "
    "(Student's t) lies above zero, and fails where it lies below. A claim *holds* when every part holds, *fails* when "
    "a part fails, and is *undecided* otherwise, or with fewer than two seeds."
)


@dataclass(frozen=True, eq=False)
class Cell:
    """One number of a study: where it stands on the study's axes, and the spec whose result holds it.

    field, interval: the names in the spec's result; no interval where `interval` is empty.
    """

    at: Mapping[str, Value]
    spec: Any
    field: str
    interval: str = "interval"


@dataclass(frozen=True, eq=False)
class Study:
    """A question, the cells that answer it and the claims tested on them.

    axes: name -> meaning in words; a cell has a value on each.
    sizes: for each preset the study can run at, its sizes (plain dataclasses of the study's own).
    seeds: for each preset, how many seeds a whole run has.
    data: optional data sets that the study uses where they are there.
    version: raise it whenever a preset's cells change: it is part of the key under which a seed's rows are stored.
    cells: (preset, seed, data) -> its cells; those that share images stand next to each other. `data` names optional
        data sets that are to be used.
    """

    name: str
    title: str
    question: str
    axes: Mapping[str, str]
    sizes: Mapping[str, Any]
    seeds: Mapping[str, int]
    data: tuple[str, ...]
    cells: Callable[[str, int, tuple[str, ...]], Iterator[Cell]]
    claims: tuple[Claim, ...]
    version: int = 1


@dataclass(frozen=True, eq=False)
class Claim:
    """A statement with a direction, and how to read its effects off a study's table.

    effects: table -> for each part of the claim its effect in every seed, (seeds,), above zero where the seed agrees.
    published: what the paper reports, in words.
    unit: what the effect is measured in.
    """

    name: str
    text: str
    published: str
    effects: Callable[[Table], dict[str, np.ndarray]]
    unit: str = "accuracy"


@dataclass(frozen=True)
class Part:
    """One part of a claim, tested: the mean effect over seeds, its interval, and in how many seeds it is above zero."""

    name: str
    effect: float
    low: float
    high: float
    right: int
    seeds: int

    @property
    def verdict(self) -> str:
        if self.low > 0:
            return HOLDS
        return FAILS if self.high < 0 else UNDECIDED


@dataclass(frozen=True)
class Verdict:
    """A claim, tested."""

    claim: Claim
    parts: tuple[Part, ...]

    @property
    def verdict(self) -> str:
        found = {part.verdict for part in self.parts}
        if found == {HOLDS}:
            return HOLDS
        return FAILS if FAILS in found else UNDECIDED

    @property
    def weakest(self) -> Part | None:
        """The part that decides the verdict: of those that come off worst the one with the smallest effect; None where
        the table has no part of the claim."""
        worst = (FAILS, UNDECIDED, HOLDS)
        return min(self.parts, key=lambda part: (worst.index(part.verdict), part.effect), default=None)

    def told(self) -> str:
        """`holds: 5 of 5 seeds, effect 0.19 [0.14, 0.24]`, of the weakest part where there are several."""
        part = self.weakest
        if part is None:
            return f"{UNDECIDED}: not measured"
        which = f", weakest: {part.name}" if len(self.parts) > 1 else ""
        reach = "" if math.isnan(part.low) else f" [{signed(part.low)}, {signed(part.high)}]"
        seeds = f"{part.right} of {part.seeds} seed{'s' if part.seeds > 1 else ''}"
        return f"{self.verdict}: {seeds}, effect {signed(part.effect)}{reach}{which}"


def signed(value: float) -> str:
    """Two decimals with a true minus sign; a value that rounds to nothing has no sign."""
    text = f"{value:+.2f}".replace("-", "−")
    return "0.00" if text in ("−0.00", "+0.00") else text


def tested(claim: Claim, table: Table) -> Verdict:
    """The claim on a table's numbers; without parts where they were not all measured."""
    try:
        effects = claim.effects(table)
    except LookupError:
        effects = {}
    if any(np.isnan(values).any() for values in effects.values()):  # means of which a part is missing
        effects = {}
    parts = []
    for name, values in effects.items():
        values = np.round(values, 9)  # equal accuracies differ by the rounding of their means, and that is no effect
        low, high = over_seeds(values.tolist())
        parts.append(Part(name, float(values.mean()), low, high, int((values > 0).sum()), len(values)))
    return Verdict(claim, tuple(parts))


# ---------------------------------------------------------------------------------------------------------------- table


@dataclass(frozen=True, eq=False)
class Table:
    """A study's numbers, one row for each cell and seed.

    columns: the axes, then `seed`, `value`, `low`, `high` (the last two None where a value has no interval).
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    _found: dict[str, dict[Any, list[int]]] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, **at: Any) -> Table:
        """The rows whose axes have these values; a list, tuple or set of values means any of them."""
        wanted = []  # (column, the values meant, the places of their rows), the fewest rows first
        for axis, value in at.items():
            if axis not in self.columns:
                raise ValueError(f"there is no axis {axis!r}; choose from {', '.join(self.columns)}")
            values = frozenset(value if isinstance(value, list | tuple | set | frozenset) else (value,))
            there = [self._places(axis)[one] for one in values if one in self._places(axis)]
            wanted.append((self.columns.index(axis), values, there))
        if not wanted:
            return self
        wanted.sort(key=lambda one: sum(map(len, one[2])))
        (_, _, few), *others = wanted
        places = few[0] if len(few) == 1 else sorted(itertools.chain.from_iterable(few))
        rows = (self.rows[place] for place in places)
        return Table(self.columns, tuple(row for row in rows if all(row[i] in values for i, values, _ in others)))

    def values_of(self, axis: str) -> list[Any]:
        """The values an axis has here, in the order they first appear."""
        return list(self._places(axis))

    def _places(self, axis: str) -> dict[Any, list[int]]:
        """value -> the places of its rows, found once: a page asks a table of 34,000 rows dozens of times."""
        if axis not in self._found:
            i = self.columns.index(axis)
            found: dict[Any, list[int]] = {}
            for place, row in enumerate(self.rows):
                found.setdefault(row[i], []).append(place)
            self._found[axis] = found
        return self._found[axis]

    @property
    def seeds(self) -> list[int]:
        return sorted(self.values_of("seed"))

    def over_seeds(self, **at: Any) -> np.ndarray:
        """(seeds,): for each seed the mean over the rows at `at`. Raises LookupError where a seed has none."""
        chosen = self.where(**at)
        seed, value = chosen.columns.index("seed"), chosen.columns.index("value")
        sums: dict[int, list[float]] = {s: [] for s in self.seeds}
        for row in chosen.rows:
            sums[row[seed]].append(row[value])
        if not sums or not all(sums.values()):
            raise LookupError(f"nothing was measured at {at}")
        return np.array([sum(v) / len(v) for v in sums.values()])

    def has(self, **at: Any) -> bool:
        return bool(self.where(**at).rows)

    def summary(self, **at: Any) -> tuple[float, float, float]:
        """Mean over seeds of the mean at `at`, and Student's interval of it (nan, nan for one seed)."""
        values = self.over_seeds(**at)
        low, high = over_seeds(values.tolist())
        return float(values.mean()), low, high

    def records(self) -> list[dict[str, Any]]:
        """The rows as dictionaries, for tables and CSV files."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def gathered(study: Study, cells: Iterable[Cell], result: Callable[[Any], Mapping[str, Any]]) -> list[list[Any]]:
    """The rows of one seed's cells, without the seed: the axes' values, value, low, high.

    result: the stored result of a spec.
    """
    rows = []
    for cell in cells:
        found = result(cell.spec)
        low, high = found[cell.interval] if cell.interval else (None, None)
        numbers = [None if x is None else round(x, 6) for x in (found[cell.field], low, high)]
        rows.append([*(cell.at[axis] for axis in study.axes), *numbers])
    return rows


def table(study: Study, seeds: Mapping[int, Sequence[Sequence[Any]]]) -> Table:
    """The table of seed -> its stored rows."""
    n = len(study.axes)
    rows = [(*row[:n], seed, *row[n:]) for seed, found in seeds.items() for row in found]
    return Table((*study.axes, "seed", "value", "low", "high"), tuple(rows))
