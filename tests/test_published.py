"""The paper's figures, held as data: complete, and as its text states them."""

from __future__ import annotations

import pytest

from invlab.studies import published


def test_shift() -> None:
    assert set(published.SHIFT) == {"image", "random"}
    for rows in published.SHIFT.values():
        assert set(rows) == {"same", "other", "none"}
        assert all(tuple(columns) == published.SHIFT_COLUMNS for columns in rows.values())
    assert published.SHIFT["image"]["same"]["mild"] == (0.21, 0.10)
    assert published.SHIFT["random"]["other"]["strong"] == (0.33, 0.11)
    assert published.SHIFT["image"]["none"]["cifar100"] == (0.48, 0.20)


def test_relevance() -> None:
    assert published.RELEVANCE["translated"]["C+O for C"]["C+O for O"] == 0.15
    assert published.RELEVANCE["fixed"]["O"]["C"] == 0.36
    assert published.RELEVANCE_SENSITIVITY["translated"]["O"] == (1.00, 0.11)
    for rows in published.RELEVANCE.values():
        assert set(rows) == set(published.RELEVANCE_TASKS)


@pytest.mark.parametrize(("factor", "within"), [("class relationship", 2), ("architecture", 1)])
def test_factors_agree_with_their_ranges(factor: str, within: int) -> None:
    """Read off two plots, to two hundredths; the mean gap is the plot's own."""
    same, disjoint = zip(*published.FACTORS[factor].values(), strict=True)
    ranges = published.FACTOR_RANGES[factor]
    assert max(disjoint) - min(disjoint) == pytest.approx(ranges[0], abs=0.021)
    assert max(same) - min(same) == pytest.approx(ranges[2], abs=0.021)


def test_mismatch() -> None:
    values = list(published.MISMATCH_ON_8.values())
    assert values == sorted(values)
    assert published.MISMATCH_ON_8[8] == published.MISMATCH_AT_LEAST
