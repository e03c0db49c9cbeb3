"""Intervals cover what they should, and agree with published worked examples and scipy."""

from __future__ import annotations

import math
import random

import pytest
import scipy.stats
import torch

from invlab.intervals import difference, over_seeds, ratio_bootstrap, ratio_bootstraps, student, wilson


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# --------------------------------------------------------------------------------------------------------------- ratios


def test_the_bootstrap_covers_the_true_ratio_about_95_times_in_100() -> None:
    draws, repeats, too_low, too_high = generator(1), 200, 0, 0
    for repeat in range(repeats):
        # Skewed and correlated, as distances are; the true ratio is E[above] / E[below] = 0.6 / 1.5.
        shared = torch.rand(120, generator=draws)
        above = 0.6 * 2 * shared * torch.rand(120, generator=draws) * 2
        under = 1 + shared
        low, high = ratio_bootstrap(above, under, generator(repeat), resamples=400)
        too_low += high < 0.4
        too_high += low > 0.4
    assert 0.90 <= 1 - (too_low + too_high) / repeats <= 0.985
    assert max(too_low, too_high) <= 0.07 * repeats


def test_the_bootstrap_agrees_with_scipys() -> None:
    draws = generator(2)
    above, under = torch.rand(300, generator=draws), 1 + torch.rand(300, generator=draws)
    found = ratio_bootstrap(above, under, generator(3), resamples=4000)
    expected = scipy.stats.bootstrap(
        (above.double().numpy(), under.double().numpy()),
        lambda a, b, axis: a.mean(axis) / b.mean(axis),
        paired=True,
        n_resamples=4000,
        method="percentile",
        rng=0,
    ).confidence_interval
    width = expected.high - expected.low
    assert found[0] == pytest.approx(expected.low, abs=0.08 * width)
    assert found[1] == pytest.approx(expected.high, abs=0.08 * width)


def test_the_rows_of_both_are_resampled_together() -> None:
    under = torch.rand(100, generator=generator(4)) + 0.1
    low, high = ratio_bootstrap(3 * under, under, generator())
    assert (low, high) == pytest.approx((3.0, 3.0), rel=1e-6)


def one_by_one(above: torch.Tensor, under: torch.Tensor, draws: torch.Generator, resamples: int) -> list[float]:
    """The definition, a resample at a time."""
    ratios = []
    for start in range(0, resamples, 100):
        for rows in torch.randint(len(above), (min(100, resamples - start), len(above)), generator=draws):
            divisor = float(under.double()[rows].sum())
            ratios.append(float(above.double()[rows].sum()) / divisor if divisor else 0.0)
    low, high = torch.tensor(ratios, dtype=torch.float64).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64))
    return [float(low), float(high)]


def test_many_ratios_at_once_have_the_intervals_of_each_alone() -> None:
    draws = generator(5)
    above, under = torch.rand(4, 50, generator=draws), torch.rand(50, generator=draws)
    above[1], under[:3] = 0, 0
    together = ratio_bootstraps(above, under, generator(6), resamples=250)
    each = under * torch.arange(1, 5)[:, None]
    apart = ratio_bootstraps(above, each, generator(6), resamples=250)
    for number, (row, found) in enumerate(zip(above, together, strict=True)):
        assert found == pytest.approx(one_by_one(row, under, generator(6), 250), rel=1e-9)
        assert found == pytest.approx(ratio_bootstrap(row, under, generator(6), resamples=250), rel=1e-9)
        assert apart[number] == pytest.approx(one_by_one(row, each[number], generator(6), 250), rel=1e-9)
    assert ratio_bootstraps(above, torch.zeros(50), generator(6)) == [[0, 0]] * 4
    assert ratio_bootstraps(above, torch.zeros(4, 50), generator(6)) == [[0, 0]] * 4


def test_the_bootstrap_narrows_with_more_pairs() -> None:
    def width(n: int) -> float:
        draws = generator(5)
        low, high = ratio_bootstrap(torch.rand(n, generator=draws), torch.rand(n, generator=draws), generator())
        return high - low

    assert width(400) / width(10_000) == pytest.approx(5, rel=0.25)


def test_ratios_of_zeros_are_zero() -> None:
    zeros, ones = torch.zeros(10), torch.ones(10)
    assert ratio_bootstrap(zeros, zeros, generator()) == (0.0, 0.0)
    assert ratio_bootstrap(zeros, ones, generator()) == (0.0, 0.0)
    assert ratio_bootstrap(ones, zeros, generator()) == (0.0, 0.0)


def test_the_bootstrap_takes_its_generator_and_any_number_of_resamples() -> None:
    above, under = torch.rand(50, generator=generator(6)), torch.rand(50, generator=generator(7))
    before = torch.random.get_rng_state()
    assert ratio_bootstrap(above, under, generator(1), 150) == ratio_bootstrap(above, under, generator(1), 150)
    assert ratio_bootstrap(above, under, generator(1), 150) != ratio_bootstrap(above, under, generator(2), 150)
    assert ratio_bootstrap(above, under, generator(1), 1)[0] == ratio_bootstrap(above, under, generator(1), 1)[1]
    assert torch.equal(before, torch.random.get_rng_state())


# ---------------------------------------------------------------------------------------------------------- proportions

NEWCOMBE_SINGLE = {  # R. G. Newcombe, Statistics in Medicine 17:857 (1998), Wilson's interval without correction
    (81, 263): (0.2553, 0.3662),
    (15, 148): (0.0624, 0.1605),
    (0, 20): (0.0000, 0.1611),
    (1, 29): (0.0061, 0.1718),
}
NEWCOMBE_DIFFERENCE = {  # R. G. Newcombe, Statistics in Medicine 17:873 (1998), method 10
    (56, 70, 48, 80): (0.0524, 0.3339),
    (9, 10, 3, 10): (0.1705, 0.8090),
    (6, 7, 2, 7): (0.0582, 0.8062),
    (5, 56, 0, 29): (-0.0381, 0.1926),
    (0, 10, 0, 20): (-0.1611, 0.2775),
    (0, 10, 0, 10): (-0.2775, 0.2775),
    (10, 10, 0, 20): (0.6791, 1.0),
    (10, 10, 0, 10): (0.6075, 1.0),
}


@pytest.mark.parametrize(("counts", "expected"), NEWCOMBE_SINGLE.items())
def test_wilson_as_published(counts: tuple[int, int], expected: tuple[float, float]) -> None:
    assert wilson(*counts) == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(("right", "of"), [(0, 1), (1, 1), (3, 7), (950, 1000), (1000, 1000), (1, 100_000)])
def test_wilson_against_scipy(right: int, of: int) -> None:
    expected = scipy.stats.binomtest(right, of).proportion_ci(0.95, method="wilson")
    assert wilson(right, of) == pytest.approx((expected.low, expected.high), abs=1e-7)


def test_wilson_contains_the_share_itself() -> None:
    for of in range(1, 400):
        for right in (0, 1, of // 2, of - 1, of):
            low, high = wilson(right, of)
            assert 0 <= low <= right / of <= high <= 1
        assert wilson(0, of)[0] == 0
        assert wilson(of, of)[1] == 1


def test_nothing_counted_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("counts", "expected"), NEWCOMBE_DIFFERENCE.items())
def test_the_difference_as_published(counts: tuple[int, int, int, int], expected: tuple[float, float]) -> None:
    a, m, b, n = counts
    assert difference(a / m, wilson(a, m), b / n, wilson(b, n)) == pytest.approx(expected, abs=6e-5)


def test_the_difference_contains_the_gap_and_swaps() -> None:
    chance = random.Random(0)
    for _ in range(300):
        m, n = chance.randint(1, 300), chance.randint(1, 300)
        a, b = chance.randint(0, m), chance.randint(0, n)
        one, other = (a / m, wilson(a, m)), (b / n, wilson(b, n))
        low, high = difference(*one, *other)
        assert low <= a / m - b / n <= high
        assert low >= -1 - 1e-12
        assert high <= 1 + 1e-12
        assert difference(*other, *one) == pytest.approx((-high, -low), abs=1e-12)


# ---------------------------------------------------------------------------------------------------------------- seeds


@pytest.mark.parametrize("n", [2, 3, 10, 31, 32, 40, 200])
def test_over_seeds_against_scipy(n: int) -> None:
    chance = random.Random(n)
    values = [chance.gauss(0.8, 0.05) for _ in range(n)]
    expected = scipy.stats.t.interval(0.95, n - 1, sum(values) / n, scipy.stats.sem(values))
    assert over_seeds(values) == pytest.approx(expected, rel=2e-4)


def test_students_points() -> None:
    for freedom in (*range(1, 60), 100, 1000, 100_000):
        assert student(freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), abs=6e-4)


def test_equal_seeds_have_no_spread() -> None:
    assert over_seeds([0.5, 0.5, 0.5]) == (0.5, 0.5)


def test_one_seed_has_no_interval() -> None:
    assert all(math.isnan(side) for side in (*over_seeds([0.5]), *over_seeds([])))
