"""The figures of the page While learning hold the recordings' numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from invlab.figures import COLOURS
from invlab.figures import learning as figures
from invlab.studies.singles import FAMILIES, SOURCES

IMAGES = (0, 64, 640, 6400)


def made_up(source: str = "rotate", looks: int = 4) -> dict[str, Any]:
    """Sensitivity rises with the looks to 0.8, to the own family to 0.2 only; transfer rises; the swaps cross."""
    points = []
    for place, images in enumerate(IMAGES[:looks]):
        share = place / (len(IMAGES) - 1)
        values = [0.1 + share * (0.1 if f == source else 0.7) for f in FAMILIES]
        points.append(
            {
                "step": images // 64,
                "images": images,
                "loss": 3 - share if place else None,
                "accuracy": share if place else None,
                "sensitivity": values,
                "interval": [[v - 0.05, v + 0.05] for v in values],
                "object": 0.3 + 0.7 * share,
                "object_interval": [0.2, 1.1],
                "background": 1 - 0.8 * share,
                "background_interval": [0.1, 1.1],
                "transfer": 0.3 + 0.6 * share,
                "transfer_interval": [0.28 + 0.6 * share, 0.32 + 0.6 * share],
            }
        )
    return {"families": list(FAMILIES), "labels": 30, "looks": points}


RECORDED = {source: made_up(source) for source in SOURCES}
DRAWN = figures.lines(["rotate", "hue", "blur"], ["rotate"])


def trace(plot: Any, name: str) -> Any:
    return next(t for t in plot.data if t.name == name)


def test_zero_stands_left_of_the_first_look() -> None:
    found = figures.places(made_up())
    assert found == sorted(found)
    assert found[1:] == pytest.approx([math.log10(n) for n in IMAGES[1:]])
    assert found[0] == pytest.approx(math.log10(64) - figures.ORIGIN)
    plot = figures.recording(made_up(), DRAWN, 2)
    assert list(plot.layout.xaxis3.ticktext) == ["0", "100", "300", "1k", "3k"]
    assert plot.layout.xaxis3.range[0] < found[0]
    assert plot.layout.xaxis3.range[1] > found[-1]


def test_one_look_alone_can_be_drawn() -> None:
    plot = figures.recording(made_up(looks=1), DRAWN, None, images=30_000)
    assert len(trace(plot, "hue").x) == 1
    assert plot.layout.xaxis3.range[1] > math.log10(30_000)


def test_a_recording_holds_its_numbers() -> None:
    result = made_up()
    plot = figures.recording(result, DRAWN, 2, made_up("none"))
    own = trace(plot, "rotate (its own)")
    assert list(own.y) == figures.of_family(result, "rotate")
    assert own.line.color == COLOURS["same"]
    assert trace(plot, "hue").line.color == COLOURS["photometric"]
    assert list(trace(plot, "the same, trained for none").y) == figures.of_family(made_up("none"), "rotate")
    assert list(trace(plot, "transfer accuracy").y) == [look["transfer"] for look in result["looks"]]
    assert list(trace(plot, "swap of the background").y) == [look["background"] for look in result["looks"]]
    marks = [s for s in plot.layout.shapes if s.line.color == figures.MARK]
    assert len(marks) == 3  # one in each panel
    assert {s.x0 for s in marks} == {figures.places(result)[2]}
    figures.moved(plot, result, 3)
    assert {s.x1 for s in marks} == {s.x0 for s in marks} == {figures.places(result)[3]}


def test_lines_differ_in_more_than_colour() -> None:
    drawn = figures.lines(FAMILIES, ["rotate", "hue"])
    assert len({(line.colour, line.dash, line.symbol) for line in drawn}) == len(FAMILIES)
    for colour in {line.colour for line in drawn}:
        alike = [(line.dash, line.symbol) for line in drawn if line.colour == colour]
        assert len(set(alike)) == len(alike)


def test_panels_beside_each_other_are_of_one_height() -> None:
    plots = [figures.recording(made_up(), drawn, 1) for drawn in (DRAWN, DRAWN[:1])]
    heights = {p.layout.height - p.layout.margin.t - p.layout.margin.b for p in plots}
    assert len(heights) == 1


def test_a_moment_against_the_end() -> None:
    result = made_up()
    plot = figures.moment(result, 1, ("rotate",))
    points = {(t.name, y): x for t in plot.data if t.mode == "markers" for x, y in zip(t.x, t.y, strict=True)}
    assert points["same, after 64 images", "<b>rotate</b>"] == pytest.approx(0.1 + 0.1 / 3)
    assert points["same, at the end", "<b>rotate</b>"] == pytest.approx(0.2)
    assert points["photometric, at the end", "hue"] == pytest.approx(0.8)
    assert len(points) == 2 * len(FAMILIES)
    bars = trace(plot, "photometric, after 64 images").error_x
    assert list(bars.array) == pytest.approx([0.05] * 6)
    assert "rotate 0.13 → 0.20" in figures.moment_alt("it", result, 1)


def test_same_other_and_none() -> None:
    kinds = figures.same_other_none(RECORDED, ["rotate", "hue"])
    assert kinds["same"][-1] == pytest.approx([0.2, 0.2])
    assert kinds["other"][-1] == pytest.approx([0.8, 0.8])
    assert kinds["none"][-1] == pytest.approx([0.8, 0.8])
    one = figures.across(RECORDED, ["rotate"], 1)
    assert len(one.data) == 3 + 17 + 1
    every = figures.across(RECORDED, FAMILIES, 1)
    assert len(every.data) == 3 + 1
    assert list(every.data[-1].y) == pytest.approx([0.3, 0.5, 0.7, 0.9])
    assert list(every.data[0].y) == pytest.approx([0.1, 0.1 + 0.1 / 3, 0.1 + 0.2 / 3, 0.2])
    assert "trained for it 0.10 → 0.20" in figures.across_alt(RECORDED, FAMILIES, "a family")
    rows = figures.across_rows(RECORDED, ["rotate"])
    assert rows[-1] == {"images": 6400, "same": 0.2, "other": 0.8, "none": 0.8, "transfer": 0.9}


def test_tables_and_words() -> None:
    rows = figures.rows("it", made_up(), ["rotate"])
    assert [row["images"] for row in rows] == list(IMAGES)
    assert rows[-1]["rotate"] == pytest.approx(0.2)
    assert rows[-1]["rotate, high"] == pytest.approx(0.25)
    told = figures.recording_alt("It", made_up(), DRAWN)
    assert "rotate (its own) 0.10 → 0.20" in told
    assert "Transfer accuracy 30% → 90%" in told
    assert figures.largest([made_up()], ["rotate", "hue"]) == pytest.approx(0.8)
