"""The figures of a comparison: fixed axes, one look for each relation, and words that say the same as the picture."""

from __future__ import annotations

import subprocess
import sys

import plotly.graph_objects as go
import pytest

from invlab.figures import COLOURS, to_html
from invlab.figures import transfer as drawn

LANES = drawn.lanes(["rotate, hue", "scale, invert"], ["same", "disjoint"])
CURVE = [{"images": 500, "sensitivity": 0.6, "transfer": 0.2}, {"images": 1000, "sensitivity": 1.4, "transfer": 0.5}]
HISTORY = [{"images": 64, "loss": 2.5}, {"images": 1000, "loss": 0.5}]


def test_colour_symbol_and_dash_say_the_relation() -> None:
    same, disjoint = LANES
    assert same.colour == COLOURS["same"]
    assert disjoint.colour == COLOURS["disjoint"]
    assert same.symbol != disjoint.symbol
    assert same.dash != disjoint.dash


def test_two_networks_of_one_relation_differ_otherwise() -> None:
    first, second = drawn.lanes(["scale", "noise"], ["disjoint", "disjoint"])
    assert first.colour == second.colour
    assert first.symbol != second.symbol
    assert first.dash != second.dash


def test_a_gauge_shows_values_intervals_and_the_reference() -> None:
    figure = drawn.gauge(
        LANES, [0.86, 0.45], [[0.84, 0.88], [0.42, 0.48]], percent=True, reference=(1 / 12, "guessing")
    )
    values = [trace for trace in figure.data if trace.error_x.array]
    assert [trace.x[0] for trace in values] == [0.86, 0.45]
    assert values[0].error_x.array[0] == pytest.approx(0.02)
    assert values[1].error_x.arrayminus[0] == pytest.approx(0.03)
    texts = [a.text for a in figure.layout.annotations]
    assert "rotate, hue" in texts
    assert "<b>86 %</b> [84, 88]" in texts
    assert "guessing" in texts
    assert tuple(figure.layout.xaxis.range) == (0, 1)


def test_a_gauge_of_seeds_has_a_dot_for_each() -> None:
    seeds = [[0.8, 0.9], [0.4, 0.5]]
    figure = drawn.gauge(
        LANES, [0.85, 0.45], [[0.2, 1.5], [-0.2, 1.1]], percent=False, reference=(1, "strangers"), seeds=seeds
    )
    dots = [list(trace.x) for trace in figure.data if trace.mode == "markers" and len(trace.x) == 2]
    assert dots == seeds
    assert figure.layout.xaxis.range[1] >= 1.5


def test_learning_curves_have_axes_that_points_do_not_move() -> None:
    networks = [{"history": HISTORY, "curve": CURVE[:1]}, {"history": [], "curve": []}]
    early = drawn.learning(LANES, [{}, {}], 10_000, 12)
    later = drawn.learning(LANES, networks, 10_000, 12)
    for name in ("loss", "sensitivity", "transfer"):
        assert early[name].layout.xaxis.range == later[name].layout.xaxis.range
        assert early[name].layout.yaxis.range == later[name].layout.yaxis.range
        assert early[name].layout.height == later[name].layout.height


def test_a_value_beyond_the_axis_widens_it() -> None:
    panels = drawn.learning(LANES[:1], [{"history": [{"images": 1, "loss": 9.0}], "curve": CURVE}], 10_000, 12)
    assert panels["loss"].layout.yaxis.range[1] > 9
    assert panels["sensitivity"].layout.yaxis.range[1] > 1.4


def test_a_loss_that_is_no_number_leaves_a_hole() -> None:
    panels = drawn.learning(LANES[:1], [{"history": [{"images": 1, "loss": None}], "curve": []}], 10_000, 12)
    assert panels["loss"].data[0].y == (None,)


def test_the_final_measures_stand_at_the_end() -> None:
    network = {"history": HISTORY, "curve": CURVE, "transfer_accuracy": 0.7, "transfer_interval": [0.6, 0.8]}
    last = drawn.learning(LANES[:1], [network], 10_000, 12)["transfer"].data[-1]
    assert (last.x[0], last.y[0]) == (10_000, 0.7)


@pytest.mark.parametrize(
    ("value", "interval", "told"),
    [(0.861, [0.84, 0.88], "86 % [84, 88]"), (0.9, [-0.2, 1.4], "90 % [0, 100]"), (0.5, [None, None], "50 %")],
)
def test_shares_in_words(value: float, interval: list[float | None], told: str) -> None:
    assert drawn.in_percent(value, interval) == told


def test_sensitivities_in_words() -> None:
    assert drawn.in_hundredths(0.41, [-0.1, 1.234]) == "0.41 [0.00, 1.23]"
    assert drawn.in_hundredths(0.41, [None, None]) == "0.41"


def test_figures_in_words() -> None:
    assert "rotate, hue: 86 %" in drawn.gauge_in_words("Accuracy", LANES, ["86 %", "45 %"])
    assert "rotate, hue: from 0.20 to 0.50" in drawn.learning_in_words("Probe", "transfer", LANES, [CURVE, []])
    assert "No points yet" in drawn.learning_in_words("Probe", "transfer", LANES, [[], []])


def test_no_torch_and_no_streamlit() -> None:
    check = "import sys, invlab.figures.transfer; assert not {'torch', 'streamlit'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_figures_are_one_page_with_one_script() -> None:
    plots = [go.Figure(go.Scatter(y=[1, 2], name=name)) for name in ("first", "second")]
    whole = to_html(*plots)
    assert whole.count("Plotly.newPlot") >= 2
    assert '"first"' in whole
    assert '"second"' in whole
    assert len(whole) < 1.5 * len(to_html(plots[0]))  # the script is there once
    assert whole.rstrip().endswith("</html>")
