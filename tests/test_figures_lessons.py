"""The figures of the lessons: every answer is in them, the truth where it was measured, for one person and for a
class."""

from __future__ import annotations

import pytest

from invlab.figures import lessons as figures
from invlab.figures.lessons import Dot, Span

CLASS = [float(v) for v in (12, 20, 20, 21, 35, 40, 50, 50, 50, 55, 60, 60, 61, 70, 70, 70, 72, 75, 80, 80, 80, 80, 82,
                            85, 90, 90, 95, 99, 100, 0)]  # fmt: skip
TRUTH = Span(73.0, 68.0, 78.0)
OPTIONS = ("turning it", "shifting it", "neither")


def named(figure, name: str):
    return next(trace for trace in figure.data if trace.name == name)


@pytest.mark.parametrize("values", [[50.0], CLASS], ids=["one", "thirty"])
def test_every_guess_is_a_dot_of_its_own(values: list[float]) -> None:
    figure = figures.guesses(values, values[0], TRUTH, (0, 100), "share", "%")
    points = [(x, y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True)]
    assert len(points) == len(set(points)) == len(values)
    assert len(named(figure, "your guess").x) == 1
    top = figure.layout.yaxis.range[1]
    assert all(y < top for _, y in points)
    low, high = figure.layout.xaxis.range
    assert all(low < x < high for x, _ in points)


def test_a_dot_stands_in_the_bin_of_its_value() -> None:
    assert figures.stacked([0.0, 4.0, 100.0], 0, 100) == [(2.5, 0), (2.5, 1), (97.5, 0)]


def test_ones_own_guess_is_the_star_though_others_guess_the_same() -> None:
    figure = figures.guesses([50.0, 50.0, 20.0], 50.0, None, (0, 100), "share", "%")
    star = named(figure, "your guess")
    assert (star.marker.symbol, list(star.y), star.customdata[0][0]) == ("star", [0.5], "50 %")
    assert len(named(figure, "guesses of others").x) == 2


def test_the_truth_is_a_line_with_its_interval() -> None:
    figure = figures.guesses(CLASS, None, TRUTH, (0, 100), "share", "%")
    box, line = figure.layout.shapes
    assert (box.x0, box.x1) == (68.0, 78.0)
    assert (line.x0, line.x1) == (73.0, 73.0)
    assert "measured: 73 %" in figure.layout.annotations[0].text
    assert all(trace.name != "your guess" for trace in figure.data)


def test_without_a_truth_there_is_no_line() -> None:
    figure = figures.guesses([0.4], 0.4, None, (0, 1.2), "sensitivity")
    assert not figure.layout.shapes
    assert not figure.layout.annotations


def test_nobody_has_guessed() -> None:
    figure = figures.guesses([], None, TRUTH, (0, 100), "share", "%")
    assert len(figure.data) == 0
    assert figures.guesses_in_words([], None, TRUTH, "%") == "No guesses yet. Measured: 73 %."


def test_guesses_in_words() -> None:
    assert figures.guesses_in_words([0.4], 0.4, None) == "1 guess: 0.40."
    told = figures.guesses_in_words([20.0, 50.0, 90.0], 20.0, TRUTH, "%")
    assert told == "3 guesses, from 20 % to 90 %; the middle one is 50 %. Yours is 20 %. Measured: 73 %."
    assert "the middle one is 30 %" in figures.guesses_in_words([20.0, 40.0], None, None, "%")


def test_the_table_of_guesses() -> None:
    assert figures.guess_rows([50.0, 50.0, 20.0], 50.0, TRUTH) == [
        {"whose": "guess", "value": 20.0, "off by": -53.0},
        {"whose": "yours", "value": 50.0, "off by": -23.0},
        {"whose": "guess", "value": 50.0, "off by": -23.0},
        {"whose": "measured", "value": 73.0, "off by": 0.0},
    ]
    assert figures.guess_rows([0.4], None, None) == [{"whose": "guess", "value": 0.4, "off by": None}]


def test_choices_count_everybody_and_mark_the_right_one() -> None:
    values = ["turning it"] * 20 + ["shifting it"] * 10
    figure = figures.choices(OPTIONS, values, "turning it", "shifting it")
    (bars,) = figure.data
    assert list(bars.x) == [20, 10, 0]
    assert list(bars.marker.color) == [figures.GUESS, figures.TRUTH, figures.GUESS]
    texts = [note.text for note in figure.layout.annotations]
    assert "★ yours" in texts[0]
    assert "measured" not in texts[0]
    assert "✓ measured" in texts[1]
    assert figure.layout.xaxis.range[1] >= 20
    rows = figures.choice_rows(OPTIONS, values, "turning it", "shifting it")
    assert [row["chosen by"] for row in rows] == [20, 10, 0]
    assert [row["measured"] for row in rows] == [False, True, False]


def test_choices_of_nobody_and_without_truth() -> None:
    figure = figures.choices(OPTIONS, [], None, None)
    assert figure.layout.xaxis.range[1] >= 1
    assert figures.choices_in_words(OPTIONS, [], None, None) == (
        "0 answers. turning it: 0; shifting it: 0; neither: 0."
    )
    told = figures.choices_in_words(OPTIONS, ["neither"], "neither", "turning it")
    assert told.endswith("neither: 1. Yours: neither. Measured: turning it.")


def test_dots_show_value_interval_and_kind() -> None:
    found = [Dot("own", Span(0.2, 0.1, 0.3), "same"), Dot("untrained", Span(0.6))]
    figure = figures.dots(found, "sensitivity", (0, 1.1), (1.0, "like strangers"))
    own, other = named(figure, "own"), named(figure, "untrained")
    assert (own.marker.color, own.marker.symbol) == ("#1f77b4", "circle")
    assert (other.marker.color, other.marker.symbol) == ("#7f7f7f", "square")
    assert list(own.error_x.array) == pytest.approx([0.1])
    assert other.error_x.array is None
    assert {note.text for note in figure.layout.annotations} == {
        "own", "<b>0.20</b>", "untrained", "<b>0.60</b>", "like strangers",
    }  # fmt: skip
    assert figures.dots_in_words(found, "sensitivity") == "sensitivity. own: 0.20 [0.10, 0.30]; untrained: 0.60."
    assert figures.dot_rows(found, "sensitivity")[1] == {"": "untrained", "sensitivity": 0.6, "low": None, "high": None}
