"""What the study of single families shows, in words: claims with verdicts, and what stands against them.

Everything here is computed from the study's summary (`invlab.studies.singles.summary`): plain lists, no torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from invlab.intervals import over_seeds
from invlab.studies.singles import same_other_none

Summary = dict[str, Any]

KINDS = ("same", "other", "none")
CHANCE = 0.025  # one tail of a 95 % test
FAR_BELOW = 2 / 3  # of the average over families: what counts as little to gain
BADLY_LEARNED = 0.05  # below the middle network's accuracy on its own task

# The share of twin pairs that are the same picture twice. These families touch an image with p = 0.5: a pair is
# unchanged where both twins were left alone, and also where both were changed by a family that has only one way to do
# it.
SAME_PICTURE = {
    **dict.fromkeys(("h_flip", "v_flip", "grayscale", "posterize", "invert", "sharpen", "pixelate"), 0.5),
    **dict.fromkeys(("noise", "elastic", "erasing"), 0.25),
}

# Guesses about single families: no number of this study proves or refutes them, and they are shown as guesses.
HYPOTHESES = {
    "scale": "a shrunken object leaves most of the picture to the background, and which few pixels to trust has to be "
    "known for each object",
    "erasing": "what was cut out can be made up for only where the object is known, so there is little that could "
    "carry over",
}

# Published means and standard deviations over families and seeds, of a ResNet-18 trained on objects before photographs.
# "training" is the paper's in-distribution column, "new" its mild shift (other objects).
PUBLISHED_SOURCE = (
    "Speicher, Nanda and Gummadi, Understanding the Role of Invariance in Transfer Learning, TMLR 2024 "
    "(arXiv 2407.04325)"
)
PUBLISHED: dict[str, dict[str, tuple[float, float]]] = {
    "training": {"same": (0.12, 0.07), "other": (0.40, 0.15), "none": (0.39, 0.15)},
    "new": {"same": (0.21, 0.10), "other": (0.41, 0.14), "none": (0.42, 0.15)},
}


# ------------------------------------------------------------------------------------------------ reading the summary


@dataclass(frozen=True)
class Measure:
    """One of the summary's matrices and how to speak of it."""

    name: str
    table: str  # in the summary
    label: str  # what pickers and links call it
    title: str
    quantity: str
    meaning: str  # what large and small values say
    larger_is_better: bool


def measure(name: str) -> Measure:
    """The measure of that name; ValueError lists the valid ones."""
    if name not in MEASURES:
        raise ValueError(f"there is no measure {name!r}; choose from {', '.join(MEASURES)}")
    return MEASURES[name]


MEASURES: dict[str, Measure] = {
    m.name: m
    for m in (
        Measure(
            name="training",
            table="sensitivity_training",
            label="sensitivity, training objects",
            title="sensitivity on training objects",
            quantity="sensitivity",
            meaning="0 = invariant, 1 = like strangers",
            larger_is_better=False,
        ),
        Measure(
            name="new",
            table="sensitivity_new",
            label="sensitivity, new objects",
            title="sensitivity on new objects",
            quantity="sensitivity",
            meaning="0 = invariant, 1 = like strangers",
            larger_is_better=False,
        ),
        Measure(
            name="transfer",
            table="transfer",
            label="transfer accuracy",
            title="transfer accuracy on new objects",
            quantity="transfer accuracy",
            meaning="larger is better",
            larger_is_better=True,
        ),
    )
}


@dataclass(frozen=True, eq=False)
class Grid:
    """A matrix of networks (rows) × families (columns), with 95 % intervals; NaN where there is none."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    what: str  # the values are, in words
    over: str  # what the intervals are over, in words

    def at(self, row: str, column: str) -> tuple[float, float, float]:
        """value, low, high of a cell."""
        where = self.rows.index(row), self.columns.index(column)
        return float(self.values[where]), float(self.low[where]), float(self.high[where])


def of_seeds(summary: Summary, name: str) -> np.ndarray:
    """(seeds, sources, families): a measure's values."""
    return np.asarray(summary[measure(name).table], dtype=float)


def grid(summary: Summary, name: str, seed: int | None = None) -> Grid:
    """A measure's mean over seeds with Student's interval, or one seed's values with the interval over its twin pairs
    (a probe's accuracy has none here)."""
    values = of_seeds(summary, name)
    rows, columns = tuple(summary["sources"]), tuple(summary["families"])
    if seed is None:
        low, high = spans(values)
        count = len(values)
        what = f"mean of {count} seeds" if count > 1 else "one seed"
        return Grid(rows, columns, values.mean(0), low, high, what, "over seeds")
    stored = summary.get(f"{measure(name).table}_interval")
    if stored is None:
        nothing = np.full(values.shape[1:], math.nan)
        return Grid(rows, columns, values[seed], nothing, nothing, f"seed {seed}", "")
    low, high = np.moveaxis(np.asarray(stored[seed], dtype=float), -1, 0)
    return Grid(rows, columns, values[seed], low, high, f"seed {seed}", "over twin pairs")


def spans(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of Student's interval over the first axis of `values` (seeds, …), each (…)."""
    flat = values.reshape(len(values), -1)
    ends = np.array([over_seeds(column.tolist()) for column in flat.T])
    return ends[:, 0].reshape(values.shape[1:]), ends[:, 1].reshape(values.shape[1:])


def limits(summary: Summary, name: str) -> tuple[float, float]:
    """The ends of a measure's colour scale, the same for both domains so that colours compare: tenths that hold every
    mean over seeds."""
    tables = [m.name for m in MEASURES.values() if m.quantity == measure(name).quantity]
    means = np.stack([of_seeds(summary, table).mean(0) for table in tables])
    low = math.floor(means.min() * 10) / 10 if measure(name).larger_is_better else 0.0
    return low, math.ceil(means.max() * 10) / 10


def kinds(summary: Summary, name: str) -> dict[str, np.ndarray]:
    """*same*, *other* and *none* of a measure for each family, (seeds, families)."""
    return same_other_none(of_seeds(summary, name))


def overall(summary: Summary, name: str) -> dict[str, tuple[float, float, float]]:
    """*same*, *other* and *none* averaged over families: mean over seeds, and its interval."""
    return {kind: averaged(values.mean(1)) for kind, values in kinds(summary, name).items()}


def averaged(values: np.ndarray) -> tuple[float, float, float]:
    """Mean of (seeds,) and Student's interval."""
    low, high = over_seeds(values.tolist())
    return float(values.mean()), low, high


def kept(summary: Summary) -> float:
    """The share of the invariance learned (other − same) that is still there on new objects."""
    gains = [(k["other"] - k["same"]).mean() for k in (kinds(summary, "training"), kinds(summary, "new"))]
    return float(gains[1] / gains[0]) if gains[0] > 0 else math.nan


# --------------------------------------------------------------------------------------------------------------- claims


@dataclass(frozen=True)
class Departure:
    """A family for which a claim does not hold: the numbers, what in the data goes with it, and perhaps a guess."""

    family: str
    numbers: str
    explanation: str
    hypothesis: str = ""


@dataclass(frozen=True)
class Claim:
    """A sentence about all families, tested."""

    name: str
    text: str
    right: int  # families for which it holds
    of: int
    verdict: str  # holds, fails or undecided
    evidence: str
    departures: tuple[Departure, ...]


RULE = (
    "A claim *holds* when it is right for so many families that chance would manage that once in forty times, and the "
    "average difference over families is above zero with its whole 95 % interval over seeds (paired: the networks of a "
    "seed share their classes and images). It *fails* when the opposite is true of either; else it is *undecided*."
)


def claims(summary: Summary) -> list[Claim]:
    """The claims of this study, tested on its numbers."""
    return [
        tested(
            summary,
            "training",
            "sensitivity-training",
            "Trained for a family, a network is less sensitive to it than networks trained for other families and than "
            "the one trained for none, on the objects it learned.",
            ("other", "none"),
        ),
        tested(
            summary,
            "new",
            "sensitivity-new",
            "The same on new objects: the invariance carries over to objects the network never saw.",
            ("other", "none"),
        ),
        tested(
            summary,
            "transfer",
            "transfer",
            "A network transfers to new objects under the family it was trained for at least as well as networks "
            "trained for other families do on average.",
            ("other",),
        ),
    ]


def tested(summary: Summary, name: str, claim: str, text: str, rivals: Sequence[str]) -> Claim:
    """The claim that *same* is better than each of `rivals` in a measure (for transfer, as good is enough)."""
    found = advantages(summary, name, rivals)
    means = {rival: values.mean(0) for rival, values in found.items()}
    better = np.all([m >= 0 if measure(name).larger_is_better else m > 0 for m in means.values()], axis=0)
    families = summary["families"]
    averages = {rival: averaged(values.mean(1)) for rival, values in found.items()}
    right = int(better.sum())
    return Claim(
        name=claim,
        text=text,
        right=right,
        of=len(families),
        verdict=verdict(right, len(families), [a[1:] for a in averages.values()]),
        evidence="Averaged over families, "
        + " and ".join(
            f"{_difference(rival, measure(name))} is {number(mean, True)}{interval(low, high)}"
            for rival, (mean, low, high) in averages.items()
        )
        + ".",
        departures=tuple(
            departure(summary, name, family, rivals) for family, fine in zip(families, better, strict=True) if not fine
        ),
    )


def advantages(summary: Summary, name: str, rivals: Sequence[str]) -> dict[str, np.ndarray]:
    """How much better *same* is than each rival, (seeds, families): above zero speaks for the claim."""
    values = kinds(summary, name)
    sign = 1 if measure(name).larger_is_better else -1
    return {rival: sign * (values["same"] - values[rival]) for rival in rivals}


def verdict(right: int, of: int, intervals: Sequence[Sequence[float]]) -> str:
    """holds, fails or undecided, by the rule in `RULE`; with one seed there is no interval, and nothing is decided."""
    if tail(right, of) <= CHANCE and all(low > 0 for low, _ in intervals):
        return "holds"
    if tail(of - right, of) <= CHANCE or any(high < 0 for _, high in intervals):
        return "fails"
    return "undecided"


def tail(right: int, of: int) -> float:
    """The chance of `right` or more heads in `of` tosses of a coin (the sign test)."""
    return sum(math.comb(of, k) for k in range(right, of + 1)) / 2**of


def departure(summary: Summary, name: str, family: str, rivals: Sequence[str]) -> Departure:
    """What the data say about a family that goes against a claim."""
    column = summary["families"].index(family)
    values = {kind: float(v.mean(0)[column]) for kind, v in kinds(summary, name).items()}
    sentences = [
        *_spread(summary, name, column, rivals),
        *_little_to_gain(summary, name, family, column),
        *_badly_learned(summary, family),
        *(_does_it_move(summary, column) if name == "transfer" else _does_it_elsewhere(summary, name, column)),
    ]
    return Departure(
        family=family,
        numbers=", ".join(f"{kind} {number(values[kind])}" for kind in KINDS),
        explanation=" ".join(sentences),
        hypothesis=HYPOTHESES.get(family, "") if name != "transfer" else "",
    )


def _spread(summary: Summary, name: str, column: int, rivals: Sequence[str]) -> list[str]:
    """Against whom the claim goes wrong, and whether the seeds agree on it."""
    sentences = []
    for rival, values in advantages(summary, name, rivals).items():
        mean, low, high = averaged(values[:, column])
        if mean > 0 or (mean == 0 and measure(name).larger_is_better):
            continue
        by = number(abs(mean))
        told = f"Same is {_by(mean, measure(name))} than {rival} by {by}"
        if by == "0.00":
            told = f"Same and {rival} are equal to two decimals"
        if math.isnan(low):
            sentences.append(f"{told}; one seed says nothing about the spread.")
        elif low <= 0 <= high:
            reach = f"[{number(low, True)}, {number(high, True)}]"
            sentences.append(f"{told}, but the seeds do not settle it: the interval of the difference is {reach}.")
        else:
            sentences.append(f"{told}, and the seeds agree.")
    return sentences


def _little_to_gain(summary: Summary, name: str, family: str, column: int) -> list[str]:
    """Whether networks trained for something else do well under this family anyway."""
    other = kinds(summary, name)["other"].mean(0)
    room = 1 - other if measure(name).larger_is_better else other
    if room[column] >= FAR_BELOW * room.mean():
        return []
    if measure(name).larger_is_better:
        return [
            f"The other networks do well here without it: {number(other[column])}, against {number(other.mean())} on "
            "average over families, so there is little to gain."
        ]
    sentences = [
        f"Networks trained for something else hardly move under it: other is {number(other[column])}, on average over "
        f"families {number(other.mean())}, so there is little to learn."
    ]
    if share := SAME_PICTURE.get(family):
        part = "Half" if share == 0.5 else "A quarter"
        sentences.append(f"{part} of its twin pairs are the same picture twice, and those cannot move anything.")
    return sentences


def _badly_learned(summary: Summary, family: str) -> list[str]:
    """Whether the network trained for the family names its own images worse than the others do theirs."""
    accuracy = np.asarray(summary["source_accuracy"], dtype=float).mean(0)
    own, middle = accuracy[summary["sources"].index(family)], float(np.median(accuracy))
    if own > middle - BADLY_LEARNED:
        return []
    return [
        f"The network trained for it did not learn its own task well: accuracy {number(own)}, the middle network's is "
        f"{number(middle)}."
    ]


def _does_it_elsewhere(summary: Summary, name: str, column: int) -> list[str]:
    """On the new objects: whether the invariance is there on the training objects."""
    if name != "new":
        return []
    learned = {kind: float(v.mean(0)[column]) for kind, v in kinds(summary, "training").items()}
    numbers = f"same {number(learned['same'])}, other {number(learned['other'])}, none {number(learned['none'])}"
    if learned["same"] < min(learned["other"], learned["none"]):
        return [f"On the training objects it is as claimed ({numbers}): what was learned did not carry over."]
    return [f"It is not so on the training objects either ({numbers})."]


def _does_it_move(summary: Summary, column: int) -> list[str]:
    """For transfer: whether the network is less sensitive to the family on the same new objects."""
    moved = {kind: float(v.mean(0)[column]) for kind, v in kinds(summary, "new").items()}
    numbers = f"sensitivity {number(moved['same'])} against {number(moved['other'])}"
    if moved["same"] < moved["other"]:
        return [f"Its network is less sensitive to the family on these objects ({numbers}), and yet does not transfer."]
    return [f"Its network is not less sensitive to the family on these objects ({numbers})."]


def _by(mean: float, which: Measure) -> str:
    return "higher" if (mean > 0) == which.larger_is_better else "lower"


def _difference(rival: str, which: Measure) -> str:
    """The difference that is above zero where the claim is right."""
    return f"same − {rival}" if which.larger_is_better else f"{rival} − same"


def number(value: float, signed: bool = False) -> str:
    """Two decimals, with a true minus sign; a value that rounds to nothing has no sign."""
    text = f"{value:+.2f}" if signed else f"{value:.2f}"
    if text in ("-0.00", "+0.00"):
        text = "0.00"
    return text.replace("-", "−")


def interval(low: float, high: float) -> str:
    """` [0.10, 0.20]`, or nothing where there is no interval."""
    return "" if math.isnan(low) else f" [{number(low)}, {number(high)}]"


# ------------------------------------------------------------------------------------------------------------ as tables


def cells(summary: Summary, name: str, seed: int | None = None) -> list[dict[str, Any]]:
    """One row for each network and family."""
    table = grid(summary, name, seed)
    rows = []
    for row in table.rows:
        for column in table.columns:
            value, low, high = table.at(row, column)
            rows.append(
                {"trained for": row, "family": column} | _with_interval(measure(name).quantity, value, low, high)
            )
    return rows


def families(summary: Summary, name: str) -> list[dict[str, Any]]:
    """One row for each family: *same*, *other*, *none*, each with its interval over seeds."""
    values = kinds(summary, name)
    ends = {kind: spans(v) for kind, v in values.items()}
    rows = []
    for column, family in enumerate(summary["families"]):
        row: dict[str, Any] = {"family": family}
        for kind in KINDS:
            low, high = (end[column] for end in ends[kind])
            row |= _with_interval(kind, values[kind].mean(0)[column], low, high)
        rows.append(row)
    return rows


def _with_interval(name: str, value: float, low: float, high: float) -> dict[str, float | None]:
    named = {name: value, f"{name}, low": low, f"{name}, high": high}
    return {key: None if math.isnan(v) else round(float(v), 4) for key, v in named.items()}


def overview(summary: Summary) -> list[dict[str, Any]]:
    """One row for each domain and kind: the mean over families, and what was published."""
    rows = []
    for domain, theirs in PUBLISHED.items():
        for kind, (value, low, high) in overall(summary, domain).items():
            mean, deviation = theirs[kind]
            row: dict[str, Any] = {"objects": domain, "network": kind} | _with_interval("sensitivity", value, low, high)
            rows.append(row | {"published": mean, "published, standard deviation": deviation})
    return rows
