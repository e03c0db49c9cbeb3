"""The figures of the page Information hold the table's numbers."""

from __future__ import annotations

import numpy as np
import pytest

from invlab.figures import information as figures
from invlab.studies.catalogue import StudyRun
from invlab.studies.information import DECODED, NAMED, kinds
from tests.test_ui_study import information_value, made_up

RUN = StudyRun("information", seeds=3)


def test_a_point_for_each_network() -> None:
    rows = figures.network_rows(made_up(RUN), "hue", NAMED)
    assert len(rows) == 19
    assert [row["network"] for row in rows if row["kind"] == "same"] == ["hue"]
    own = next(row for row in rows if row["kind"] == "same")
    at = {"source": "hue", "family": "hue", "measure": NAMED}
    assert own[NAMED] == pytest.approx(np.mean([information_value(at, seed) for seed in range(3)]), abs=1e-4)
    plot = figures.networks(rows, NAMED, 1 / 3)
    assert sum(len(trace.x) for trace in plot.data) == 19
    assert plot.layout.shapes[0].y0 == pytest.approx(1 / 3)
    assert "Trained for it: sensitivity 0.30, 0.35" in figures.networks_alt(rows, "hue", NAMED)


def test_a_row_for_each_family() -> None:
    table = made_up(RUN)
    rows = figures.family_rows(table, DECODED)
    assert len(rows) == 18
    for place, row in enumerate(rows):
        for kind, values in kinds(table, DECODED).items():
            assert row[kind] == pytest.approx(values[:, place].mean(), abs=1e-4)
            assert row[f"{kind}, low"] <= row[kind] <= row[f"{kind}, high"]
        assert row["rank correlation with sensitivity"] == pytest.approx(1, abs=0.01)
    plot = figures.by_family(rows, DECODED)
    assert {trace.name.split(":")[0] for trace in plot.data} == {"same", "other", "none"}
    assert "less of it than others do for 18 of 18" in figures.by_family_alt(rows, DECODED)


def test_one_seed_has_no_bars() -> None:
    table = made_up(StudyRun("information", seeds=1))
    rows = figures.family_rows(table, NAMED)
    assert rows[0]["same, low"] is None
    assert all(trace.error_x.array is None for trace in figures.by_family(rows, NAMED).data)
    assert all(
        trace.error_y.array is None
        for trace in figures.networks(figures.network_rows(table, "hue", NAMED), NAMED, None).data
    )
