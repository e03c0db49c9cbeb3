"""What was measured of the lab's speed and size: the committed results of `benchmarks/`, read and told.

Every figure of the page Benchmarks, of its copy in the static site, and of the README's table comes from these files
alone.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "benchmarks" / "results"
ABSENT = (
    "The results of the benchmarks are not in this installation: the folder benchmarks/results is missing beside the "
    "program. Copy it from the repository, or measure this machine with `python -m benchmarks.run`."
)
QUESTION = "How fast is the lab, how large, and how does it compare with what else is used?"
LEAD = (
    "Each claim has an aim that was set before it was measured. Speeds against others are ratios of two runs that took "
    "turns in one process, so that what slows the machine slows both; of several rounds the median counts."
)
RULE = "A claim is met where the measured value reaches its aim; one that is not met stays, and is shown as such."
START, END = "<!-- benchmarks -->", "<!-- /benchmarks -->"  # the table of the README stands between them


class ResultError(ValueError):
    """A file of results that does not hold what it must; the text names the file, the field and the remedy."""


@dataclass(frozen=True)
class Claim:
    """One claim: what was measured and what it was to be.

    larger: whether more is better. low, high: of the rounds of which `value` is the median, where they are known.
    headline: whether it stands in the README, too.
    """

    text: str
    value: float
    aim: float
    unit: str
    larger: bool
    met: bool
    headline: bool = False
    low: float | None = None
    high: float | None = None

    @property
    def margin(self) -> float:
        """How many times better than its aim, 0 … inf: 1 is the aim itself, more is better whichever way it points."""
        better, worse = (self.value, self.aim) if self.larger else (self.aim, self.value)
        if better == worse:
            return 1.0
        if worse <= 0:  # none of what there was to be little of, or less than none
            return math.inf if self.met else 0.0
        return max(0.0, better / worse)

    @property
    def bound(self) -> str:
        """The aim without its unit: `≥ 100`."""
        return f"{'≥' if self.larger else '≤'} {number(self.aim)}"

    @property
    def aimed(self) -> str:
        """`≥ 100 times`."""
        return f"{self.bound} {self.unit}"

    @property
    def measured(self) -> str:
        """`131 times`, and the rounds' least and largest where they are known: `131 (128 … 135) times`."""
        around = "" if self.low is None or self.high is None else f" ({number(self.low)} … {number(self.high)})"
        return f"{number(self.value)}{around} {self.unit}"


@dataclass(frozen=True)
class Result:
    """What one script found on one machine.

    versions: package -> version. date: YYYY-MM-DD, in UTC. load: how many processes wanted to run there in the minute
    before, where it was noted; what others did can make a time longer than it need be.
    """

    benchmark: str
    machine: str
    date: str
    versions: dict[str, str]
    claims: tuple[Claim, ...]
    processor: str = ""
    load: float | None = None

    @property
    def title(self) -> str:
        return TITLES.get(self.benchmark, (self.benchmark.replace("_", " ").capitalize(), ""))[0]

    @property
    def about(self) -> str:
        """What the script measures, as one sentence; empty for one that is not in `TITLES`."""
        return TITLES.get(self.benchmark, ("", ""))[1]

    @property
    def command(self) -> str:
        return f"python -m benchmarks.{self.benchmark}"

    @property
    def where(self) -> str:
        """The machine, and its processor where that is known."""
        return f"{self.machine} ({self.processor})" if self.processor else self.machine

    @property
    def summary(self) -> str:
        """`5 of 6 aims met`."""
        return f"{sum(claim.met for claim in self.claims)} of {len(self.claims)} aims met"


# ------------------------------------------------------------------------------------------------------------- reading


def results(folder: Path | None = None) -> tuple[Result, ...]:
    """All results, in the order of `TITLES`, then by name and machine; none where the folder is absent.

    folder: `FOLDER` if none is given. Raises ResultError for a file that is damaged.
    """
    found = [read(file) for file in sorted((FOLDER if folder is None else folder).glob("*.json"))]
    order = list(TITLES)
    return tuple(
        sorted(
            found,
            key=lambda one: (
                order.index(one.benchmark) if one.benchmark in order else len(order),
                one.benchmark,
                one.machine,
            ),
        )
    )


def read(file: Path) -> Result:
    """One file of results. Raises ResultError where it is damaged, or where `met` contradicts value and aim."""
    try:
        found = json.loads(file.read_text())
        result = Result(
            benchmark=str(found["benchmark"]),
            machine=str(found["machine"]),
            date=str(found["date"]),
            versions={str(name): str(number) for name, number in found["versions"].items()},
            claims=tuple(map(_claim, found["claims"])),
            processor=str(found.get("processor", "")),
            load=None if found.get("load_before") is None else float(found["load_before"]),
        )
    except (OSError, ValueError) as error:
        raise ResultError(_damaged(file, error)) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise ResultError(_damaged(file, f"a field is missing or of another kind: {error}")) from error
    if not re.fullmatch(r"\w+", result.benchmark):
        raise ResultError(_damaged(file, f"benchmark {result.benchmark!r} is no name of a script"))
    return result


def _claim(found: dict[str, Any]) -> Claim:
    value, aim, larger = float(found["value"]), float(found["aim"]), bool(found["larger"])
    if not (math.isfinite(value) and math.isfinite(aim)):
        raise ValueError(f"value {value}, aim {aim}: a claim needs two finite numbers")
    met = value >= aim if larger else value <= aim
    if found["met"] is not met:
        raise ValueError(f"met is {found['met']!r}, and {value} against the aim {aim} says otherwise")
    around = found.get("spread") or {}
    return Claim(
        text=str(found["claim"]),
        value=value,
        aim=aim,
        unit=str(found["unit"]),
        larger=larger,
        met=met,
        headline=bool(found.get("headline", False)),
        low=None if "min" not in around else float(around["min"]),
        high=None if "max" not in around else float(around["max"]),
    )


def _damaged(file: Path, why: object) -> str:
    return f"the results in {file.name} cannot be used: {why}; measure it again, or take the file from the repository"


# -------------------------------------------------------------------------------------------------------------- telling


def number(value: float) -> str:
    """Three significant digits, as people write them: `33,900`, `2.04`, `0.058`, `−0.01`."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    rounded = round(value, 2 - math.floor(math.log10(abs(value))))
    told = f"{rounded:,.{digits}f}"
    if "." in told:
        told = told.rstrip("0").rstrip(".")
    return told.replace("-", "−")


def rounded(value: float) -> float:
    """Four significant digits, and from 1,000 on all digits of a whole number."""
    if abs(value) >= 1000:
        return round(value)
    return 0.0 if value == 0 else round(value, 3 - math.floor(math.log10(abs(value))))


def headlines(found: Sequence[Result]) -> tuple[Result, ...]:
    """The results with their headline claims alone; those without any are left out."""
    kept = ((one, tuple(claim for claim in one.claims if claim.headline)) for one in found)
    return tuple(replace(one, claims=claims) for one, claims in kept if claims)


def rows(found: Iterable[Result]) -> list[dict[str, Any]]:
    """The table of results: a row for each claim, its numbers to four digits."""
    return [
        {
            "benchmark": one.title,
            "claim": claim.text,
            "measured": rounded(claim.value),
            "unit": claim.unit,
            "aim": claim.bound,
            "met": "✓ met" if claim.met else "✗ not met",
            "least": None if claim.low is None else rounded(claim.low),
            "largest": None if claim.high is None else rounded(claim.high),
            "machine": one.machine,
            "date": one.date,
        }
        for one in found
        for claim in one.claims
    ]


def notice(found: Sequence[Result]) -> str:
    """Two sentences that the numbers decide: how many aims are met, and which is missed by most."""
    every = [(claim, one) for one in found for claim in one.claims]
    met = sum(claim.met for claim, _ in every)
    missed = min(((claim, one) for claim, one in every if not claim.met), key=lambda each: each[0].margin, default=None)
    told = f"{met} of {len(every)} aims are met."
    if missed is None:
        return f"{told} None is missed."
    claim, one = missed
    return (
        f"{told} Missed by most: *{claim.text}* ({one.title}), {number(claim.value)} {claim.unit} where "
        f"{claim.aimed} was the aim."
    )


def measured_where(one: Result) -> str:
    """Machine, date, load and versions of a result, as one line."""
    packages = ", ".join(f"{name} {which}" for name, which in one.versions.items())
    busy = "" if one.load is None else f"; load of the machine before: {one.load:.1f}"
    return f"Measured on {one.where}, {one.date}{busy}; {packages}."


def markdown(found: Sequence[Result]) -> str:
    """The README's table: the headline claims."""
    lines = ["| claim | measured | aim | | machine, date |", "|---|---|---|---|---|"]
    for one in headlines(found):
        for claim in one.claims:
            told = (
                f"{one.title}: {claim.text}",
                f"{number(claim.value)} {claim.unit}",
                claim.bound,
                "✓ met" if claim.met else "✗ not met",
                f"{one.machine}, {one.date}",
            )
            lines.append(f"| {' | '.join(part.replace('|', '∣') for part in told)} |")
    return "\n".join(lines)


def with_table(text: str, found: Sequence[Result]) -> str:
    """`text` with the table of results between its two markers. Raises ValueError where it has not one pair of them."""
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise ValueError(f"the text needs the markers {START} and {END} once each, in this order")
    before, rest = text.split(START)
    return f"{before}{START}\n{markdown(found)}\n{END}{rest.split(END)[1]}"


# name of the script -> its title, and what it measures in one sentence
TITLES: dict[str, tuple[str, str]] = {
    "live": ("A live comparison", "Two networks trained, measured and probed through the queue and a warm worker."),
    "rendering": (
        "Rendering",
        "Images a second, ours and kornia's on two threads, and the usual pipeline of single PIL images on one core.",
    ),
    "pipeline": (
        "The usual pipeline",
        "Rendering with two threads, and learning, against single PIL images in a DataLoader of two workers.",
    ),
    "learning": ("Learning", "Images that labnet learns a second, and what share of the processor that is."),
    "precision": ("Precision", "bfloat16 against float32: speed, and whether the science stays the same."),
    "suite": ("All studies", "One seed of every study at the preset classroom, computed from nothing."),
    "recipes": ("Recipes", "Other ways to learn, by the images they need for the same transfer and sensitivity."),
    "science": ("The same science", "The fast ways against the plain one: what they change in what is measured."),
    "stacks": ("Stacks", "Many small networks at once on a GPU, as one stack of weights, over one at a time."),
    "probe": (
        "Linear probe",
        "Ours on features computed once, against 200 epochs through the frozen network and scikit-learn's regression.",
    ),
    "matrix": ("Sensitivity matrix", "Several networks under several families, against each cell by itself."),
    "instruments": ("Instruments", "Response curves, maps, neighbourhoods and layers of three bundled networks."),
    "audit": ("Audit", "ResNet-50 on a person's photographs under all families."),
    "pages": ("Pages", "What a visitor waits for, in a real browser."),
    "room": ("A class of thirty", "Thirty visitors who look through all pages at once."),
    "memory": ("Memory", "The largest resident size of processes that render, learn and serve."),
    "growth": ("As work grows", "The law that each cost follows, and what a million records cost."),
    "capacity": ("Capacity", "The model of large installations, checked against runs on this machine."),
}
