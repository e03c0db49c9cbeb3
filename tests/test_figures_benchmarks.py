"""The figure of the benchmarks: where each claim stands, and what tells met from not met."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from invlab import benchmarks
from invlab.benchmarks import Claim, Result
from invlab.figures import benchmarks as figures

FAST = Claim("ours over theirs", 200.0, 100.0, "times", True, True, True, 190.0, 220.0)
SLOW = Claim(
    "a long claim that takes more than one line where it is written above its dot", 4.0, 1.0, "s", False, False
)
NOTHING = Claim("errors", 0.0, 0.05, "of it", False, True)
SOME = (
    Result("probe", "2-core", "2026-11-28", {}, (FAST, SLOW)),
    Result("room", "2-core", "2026-11-28", {}, (NOTHING,)),
)


def test_each_claim_stands_at_its_margin_and_is_joined_with_the_aim() -> None:
    plot = figures.margins(SOME)
    stems, aims, met, missed = plot.data
    assert list(aims.x) == [1, 1, 1]
    assert list(stems.x) == [1, 2.0, None, 1, 0.25, None, 1, figures.WIDEST, None]
    assert list(met.x) == [2.0, figures.WIDEST]
    assert list(missed.x) == [0.25]
    assert plot.layout.xaxis.type == "log"
    low, high = (10**end for end in plot.layout.xaxis.range)
    assert low < 0.25
    assert high > figures.WIDEST
    assert list(plot.layout.xaxis.tickvals) == list(figures.DECADES)
    assert list(figures.margins(SOME[:1]).layout.xaxis.tickvals) == list(figures.TICKS)
    assert [y for y in stems.y if y is not None][::2] == sorted([*met.y, *missed.y])


def test_met_is_told_by_symbol_as_well_as_colour() -> None:
    _, _, met, missed = figures.margins(SOME).data
    assert met.marker.symbol != missed.marker.symbol
    assert met.marker.color != missed.marker.color
    assert (met.name, missed.name) == ("aim met", "aim not met")
    assert "200 (190 … 220) times; aim ≥ 100 times: met" in met.text[0]


def test_every_claim_is_written_in_lines_that_fit_a_telephone() -> None:
    plot = figures.margins(SOME)
    words = [note.text for note in plot.layout.annotations if not note.text.startswith("<b>")]
    lines = [text.split("<br>") for text in words]
    assert [" ".join(told[:-1]) for told in lines] == [FAST.text, SLOW.text, NOTHING.text]
    numbers = ["<b>200 times</b> · aim ≥ 100", "<b>4 s</b> · aim ≤ 1", "<b>0 of it</b> · aim ≤ 0.05"]
    assert [told[-1] for told in lines] == numbers
    assert all(len(re.sub("<.*?>", "", line)) <= figures.LETTERS for told in lines for line in told)
    heads = [note.text for note in plot.layout.annotations if note.text.startswith("<b>")]
    assert heads == ["<b>Linear probe</b>", "<b>A class of thirty</b>"]
    tops = [note.y for note in plot.layout.annotations]
    assert tops == sorted(tops)
    assert tops[-1] < plot.layout.yaxis.range[0]


def test_machines_are_told_apart() -> None:
    other = replace(SOME[0], machine="a-gpu")
    heads = [note.text for note in figures.margins([SOME[0], other]).layout.annotations if note.text.startswith("<b>")]
    assert heads == ["<b>Linear probe · 2-core</b>", "<b>Linear probe · a-gpu</b>"]


def test_the_axis_holds_the_aim_and_some_room() -> None:
    low, high = figures.limits([FAST])
    assert low < 0.5 < 1 < 2 < high
    assert figures.shown(replace(FAST, value=0.0, met=False)) == 1 / figures.WIDEST
    assert math.isfinite(figures.shown(NOTHING))


def test_one_benchmark_alone_is_not_named_again_and_long_units_take_a_line() -> None:
    wide = replace(FAST, value=76400.0, aim=20000.0, unit="images/s with two threads of this machine")
    (note,) = figures.margins([replace(SOME[0], claims=(wide,))]).layout.annotations
    assert note.text.split("<br>")[1:] == [f"<b>76,400 {wide.unit}</b>", "aim ≥ 20,000"]


def test_the_words_name_what_is_missed() -> None:
    told = figures.margins_alt(SOME)
    assert "3 claims of 2 benchmarks; 2 at the aim or on its better side" in told
    assert SLOW.text in told
    assert "None is missed" in figures.margins_alt(SOME[1:])


@pytest.mark.parametrize("one", benchmarks.results(), ids=lambda one: f"{one.benchmark}-{one.machine}")
def test_every_committed_result_can_be_drawn(one: Result) -> None:
    plot = figures.margins([one])
    assert sum(len(trace.x) for trace in plot.data[2:]) == len(one.claims)
    lines = [line for note in plot.layout.annotations for line in note.text.split("<br>")]
    assert max(len(re.sub("<.*?>", "", line)) for line in lines) <= figures.LETTERS
