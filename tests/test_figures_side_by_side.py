"""The figures of the page Side by side."""

from __future__ import annotations

import numpy as np
import pytest

from invlab.figures import side_by_side as figures
from invlab.figures import to_html

NETWORKS = ("rotate", "hue", "none")
NAMES = {"A": "trained for rotate", "B": "trained for hue"}
RESULT = {
    "stir": [[1.0, 0.2, 0.3], [0.1, 1.0, 0.6], [0.25, 0.5, 1.0]],
    "interval": [[[v - 0.05, v + 0.05] for v in row] for row in np.full((3, 3), 0.5).tolist()],
    "chance": [[0.02] * 3, [0.03] * 3, [0.04] * 3],
    "residual": [0.01, 0.02, 0.03],
}
PAIRS = {"distance": [[0.0, 0.2, 0.9], [0.0, 0.8, 0.3]], "identical": [0]}


def row(family: str, a: float, b: float) -> dict:
    both = {"A": a, "B": b}
    ends = {f"{n} low": v - 0.1 for n, v in both.items()} | {f"{n} high": v + 0.1 for n, v in both.items()}
    return {"family": family, **both, **ends, "A kind": "same" if family == "rotate" else "other", "B kind": "none"}


def test_families_are_in_the_order_of_their_gap() -> None:
    plot = figures.families([row("rotate", 0.2, 0.8), row("blur", 0.6, 0.3), row("hue", 0.4, 0.5)], NAMES, "blur")
    points = {t.name: t for t in plot.data if t.name in ("A", "B")}
    assert list(points["A"].y) == ["blur", "hue", "rotate"]
    assert list(points["A"].x) == [0.6, 0.4, 0.2]
    assert list(points["B"].x) == [0.3, 0.5, 0.8]
    assert [c[0] for c in points["B"].customdata] == ["blur", "hue", "rotate"]
    assert points["A"].marker.color[2] == figures.COLOURS["same"]
    assert {t.name for t in plot.data if t.showlegend is None} == {"A: trained for rotate", "B: trained for hue"}
    assert "plotly" in to_html(plot)


def test_pairs_of_one_picture_are_left_out() -> None:
    plot = figures.images(PAIRS, ["owl", "key", "fish"], chosen=2)
    points = plot.data[1]
    assert [c[0] for c in points.customdata] == [1, 2]
    assert list(points.x) == [0.2, 0.9]
    assert list(points.y) == [0.8, 0.3]
    assert (plot.data[2].x[0], plot.data[2].y[0]) == (0.9, 0.3)
    assert "farther apart to A in 1, to B in 1" in figures.images_alt(PAIRS)


def test_both_directions_of_what_is_shared() -> None:
    plot = figures.shared(RESULT, 0, 1)
    assert list(plot.data[0].x) == [0.2, 0.1]
    assert list(plot.data[1].x) == [0.02, 0.03]
    assert figures.shared_alt(RESULT, 1, 2) == (
        "B shares 0.60 of A's invariances (nothing shared: 0.03), A 0.50 of B's (0.04)."
    )


def test_the_matrix_has_a_target_for_every_pair_and_frames_the_chosen_one() -> None:
    plot = figures.matrix(RESULT, NETWORKS, ("hue", "none"))
    targets = plot.data[-1]
    assert [list(c) for c in targets.customdata][5] == ["hue", "none"]
    assert "shares 0.60 of what the one trained for hue ignores" in targets.text[5]
    frame = plot.layout.shapes[0]
    assert (frame.x0, frame.y0) == (1.5, 0.5)
    assert max(max(r) for r in plot.data[0].z) == 0.6  # the diagonal is 1 by definition and does not stretch the scale


def test_most_and_least_shared_leave_out_a_network_with_itself() -> None:
    assert figures.ordered(RESULT, NETWORKS)[0] == (0.1, "hue", "rotate")
    assert figures.ordered(RESULT, NETWORKS)[-1] == (0.6, "hue", "none")
    assert "Most: none shares 0.60 of what hue ignores" in figures.matrix_alt(RESULT, NETWORKS)


def test_the_table_holds_every_pair() -> None:
    rows = figures.shared_rows(RESULT, NETWORKS)
    assert len(rows) == 9
    assert rows[1]["ignored by"] == "rotate"
    assert rows[1]["also by"] == "hue"
    assert rows[1]["shared"] == pytest.approx(0.2)
    assert rows[1]["nothing shared"] == pytest.approx(0.02)
