"""What a lesson is: texts, a prediction to make, and functions that read the answer and its figure from what is stored.

In all texts `[[term]]` marks a word of the glossary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from invlab.lessons.stored import Results
from invlab.studies.claims import number

if TYPE_CHECKING:
    import plotly.graph_objects as go

STEPS = ("Question", "Predict", "Reveal", "Why", "Try")


@dataclass(frozen=True)
class Choice:
    """One of a few answers is to be chosen."""

    options: tuple[str, ...]


@dataclass(frozen=True)
class Guess:
    """A number is to be guessed on an axis.

    label: of the axis. unit: `%` (values are then 0 … 100), `points` or nothing.
    """

    low: float
    high: float
    step: float
    label: str
    unit: str = ""

    def told(self, value: float) -> str:
        """`0.70`, `73 %`, `8 points`."""
        return f"{value:.0f} {self.unit}" if self.unit else number(value)


@dataclass(frozen=True)
class Truth:
    """What was measured: the right option, or a number with its 95 % interval (None where there is none).

    words: the finding as one sentence with its numbers.
    """

    value: float | str
    words: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Shown:
    """The figure of the answer: what it shows (Markdown), what it is in words, and the rows behind it.

    specs: what its numbers are the results of. command: computes them.
    """

    plot: go.Figure
    about: str
    alt: str
    rows: Sequence[dict[str, Any]]
    command: str
    specs: Sequence[Any] = ()


@dataclass(frozen=True)
class Link:
    """The way to another page: its file in pages/ without the ending, what the link says, and the page's state."""

    page: str
    label: str
    query: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Notes:
    """For the teacher. minutes: of each of the five steps."""

    aim: str
    minutes: tuple[int, int, int, int, int]
    usual: str
    discuss: str
    misconception: str


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    given: results -> what the question tells beforehand, with its numbers.
    ask: the sentence above the prediction.
    truth, figure: results -> the answer and what shows it; both raise `stored.NotStoredError`.
    why: two sentences.
    """

    name: str
    title: str
    question: str
    given: Callable[[Results], str]
    ask: str
    prediction: Choice | Guess
    truth: Callable[[Results], Truth]
    figure: Callable[[Results], Shown]
    why: str
    try_it: str
    links: tuple[Link, ...]
    notes: Notes
    terms: tuple[str, ...]

    @property
    def minutes(self) -> int:
        return sum(self.notes.minutes)


def percent(value: float) -> str:
    """`73 %`, of a share."""
    return f"{100 * value:.0f} %"


def reach(low: float | None, high: float | None, unit: str = "") -> str:
    """` [0.68, 0.72]`, or ` [68, 72]` where the unit is %; nothing where there is no interval."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f" [{low:.0f}, {high:.0f}]" if unit == "%" else f" [{number(low)}, {number(high)}]"


def wrong_answer(prediction: Choice | Guess, value: Any) -> str:
    """Why `value` is no answer to a prediction, as one sentence; empty for a good one."""
    if isinstance(prediction, Choice):
        return "" if value in prediction.options else f"answer {value!r}: choose one of {', '.join(prediction.options)}"
    fine = isinstance(value, int | float) and math.isfinite(value) and prediction.low <= value <= prediction.high
    return "" if fine else f"guess {value!r}: give a number from {prediction.low:g} to {prediction.high:g}"
