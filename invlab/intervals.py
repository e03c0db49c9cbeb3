"""95 % intervals: over pairs by bootstrap, over test images by Wilson, over seeds by Student's t."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

Z95 = 1.959964  # the normal distribution's 97.5 % point
# Student's 97.5 % points for 1 … 30 degrees of freedom.
T95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
RESAMPLES = 1000


def ratio_bootstrap(
    above: torch.Tensor, below: torch.Tensor, generator: torch.Generator, resamples: int = RESAMPLES
) -> tuple[float, float]:
    """The percentile interval of mean(above) / mean(below), resampling the same rows of both, each (N,).

    A ratio of zeros is 0: nothing moved and nothing differs.
    """
    ((low, high),) = ratio_bootstraps(above[None], below, generator, resamples)
    return low, high


def _resampled(n: int, resamples: int, generator: torch.Generator) -> Iterator[torch.Tensor]:
    """int64 (K, n), in all `resamples` of them: which rows each takes. About a million indices at once, 8 MB."""
    each = max(1, min(100, 1_000_000 // n))
    for start in range(0, resamples, each):
        yield torch.randint(n, (min(each, resamples - start), n), generator=generator)


def ratio_bootstraps(
    above: torch.Tensor, below: torch.Tensor, generator: torch.Generator, resamples: int = RESAMPLES
) -> list[list[float]]:
    """K × [low, high]: `ratio_bootstrap` for each row of `above`, (K, N), over `below`, (N,), or its row, (K, N); all
    from the same resamples."""
    n = above.shape[1]
    both = torch.cat([above, below.reshape(-1, n)]).double().cpu()
    ratios, once = [], torch.ones((), dtype=torch.float64)
    for rows in _resampled(n, resamples, generator):
        times = torch.zeros(len(rows), n, dtype=torch.float64).scatter_add_(1, rows, once.expand(rows.shape))
        sums = both @ times.T  # how often a column was drawn is all that its resample needs
        over, under = sums[: len(above)], sums[len(above) :]
        ratios.append(over / torch.where(under == 0, torch.inf, under))
    return torch.cat(ratios, 1).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64), dim=1).T.tolist()


def wilson(right: int, of: int) -> tuple[float, float]:
    """Wilson's score interval of a proportion (E. B. Wilson, JASA 1927)."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = right / of, Z95 * Z95
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    reach = Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    # At 0 and 1 the share is a side of its interval: rounding must not move it inside.
    return max(0.0, min(share, centre - reach)), min(1.0, max(share, centre + reach))


def difference(
    first: float, first_interval: Sequence[float], second: float, second_interval: Sequence[float]
) -> tuple[float, float]:
    """The interval of first − second, two proportions with their Wilson intervals (Newcombe's hybrid score, Statistics
    in Medicine 1998). On shared test images it is on the wide side: it leaves their correlation out."""
    gap = first - second
    down = math.hypot(first - first_interval[0], second_interval[1] - second)
    up = math.hypot(first_interval[1] - first, second - second_interval[0])
    return gap - down, gap + up


def over_seeds(values: Sequence[float]) -> tuple[float, float]:
    """Student's interval of the mean of two or more independent values; (nan, nan) of fewer."""
    n = len(values)
    if n < 2:
        return math.nan, math.nan
    mean = sum(values) / n
    spread = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    reach = student(n - 1) * spread / math.sqrt(n)
    return mean - reach, mean + reach


def student(freedom: int) -> float:
    """Student's 97.5 % point, beyond the table by its expansion (Abramowitz and Stegun, 26.7.5), to 0.001."""
    if freedom <= len(T95):
        return T95[freedom - 1]
    return Z95 + (Z95**3 + Z95) / (4 * freedom) + (5 * Z95**5 + 16 * Z95**3 + 3 * Z95) / (96 * freedom**2)
