"""Random numbers: they depend on what they are for and on nothing else, and they look random."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from invlab.seeds import MASK64, WEYL, Generator, signed, splitmix64, torch_generator, uniform_field, unit, word

MANY = 200_000


def rows(indices: object, *words: object, epoch: int = 0) -> Generator:
    return Generator.of(*(words or ("test", 0)), indices=indices, epoch=epoch)


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.double(), b.double()]))[0, 1])


def draws(generator: Generator) -> list[torch.Tensor]:
    """One of each kind of draw, in a fixed order."""
    n = generator.n
    return [
        generator.uniform(n, -3, 5),
        generator.integers(n, 19),
        generator.chance(n, 0.3),
        generator.seeds(n),
        uniform_field(generator.seeds(n), 2, 3),
        generator.fork("a", 1).uniform(n),
    ]


# ------------------------------------------------------------------------------------------- what draws depend on


def test_a_row_does_not_depend_on_its_batch() -> None:
    whole = draws(rows(range(1000)))
    order = torch.randperm(1000, generator=torch.Generator().manual_seed(0))
    for chosen in (order, order[:7], order[5:6], torch.tensor([3, 3, 999])):
        for found, expected in zip(draws(rows(chosen)), whole, strict=True):
            assert torch.equal(found, expected[chosen])


def test_an_empty_batch_draws_nothing() -> None:
    assert [len(values) for values in draws(rows([]))] == [0] * 6


def test_a_later_draw_does_not_depend_on_the_kind_of_an_earlier_one() -> None:
    a, b = rows(range(100)), rows(range(100))
    a.uniform(100, 0, 360)
    b.integers(100, 7)
    assert torch.equal(a.uniform(100), b.uniform(100))


def test_draws_move_on() -> None:
    generator = rows(range(1000))
    first, second = generator.uniform(1000), generator.uniform(1000)
    assert int((first == second).sum()) <= 1
    assert int((generator.seeds(1000) == generator.seeds(1000)).sum()) == 0


@pytest.mark.parametrize(
    ("words", "epoch"), [(("test", 1), 0), (("test", 0), 1), (("rest", 0), 0), (("test", 0, "train"), 0)]
)
def test_streams_of_other_words_or_epochs_are_unrelated(words: tuple, epoch: int) -> None:
    here, there = rows(range(20_000)).uniform(20_000), rows(range(20_000), *words, epoch=epoch).uniform(20_000)
    assert int((here == there).sum()) <= 2
    for lag in range(-3, 4):
        assert abs(correlation(here, there.roll(lag))) < 5 / math.sqrt(20_000)


def test_splits_share_no_numbers() -> None:
    splits = [rows(range(MANY), "pairs", 0, split).keys for split in ("train", "validation", "test")]
    assert len(torch.cat(splits).unique()) == 3 * MANY


def test_a_fork_does_not_depend_on_what_was_drawn_before() -> None:
    fresh, used = rows(range(50)), rows(range(50))
    used.uniform(50)
    used.fork("other").seeds(50)
    assert torch.equal(fresh.fork("x").uniform(50), used.fork("x").uniform(50))


def test_forks_are_unrelated_to_each_other_and_to_their_parent() -> None:
    parent = rows(range(20_000))
    streams = [
        parent.fork("a").uniform(20_000),
        parent.fork("b").uniform(20_000),
        parent.fork("a", 2).uniform(20_000),
        parent.fork("a").fork("b").uniform(20_000),
        parent.fork("b").fork("a").uniform(20_000),
        parent.uniform(20_000),
    ]
    for i, a in enumerate(streams):
        for b in streams[:i]:
            assert int((a == b).sum()) <= 2
            assert abs(correlation(a, b)) < 5 / math.sqrt(20_000)


def test_the_number_of_rows_must_fit() -> None:
    for ask in (Generator.uniform, Generator.chance, Generator.seeds):
        with pytest.raises(ValueError, match="has 3 rows, 4 were asked for"):
            ask(rows(range(3)), 4)
    with pytest.raises(ValueError, match="make it for the same indices"):
        rows(range(3)).integers(2, 10)


# ----------------------------------------------------------------------------------------------- how random they look


def test_uniform_draws_are_uniform() -> None:
    values = rows(range(MANY)).uniform(MANY)
    assert 0 <= values.min() < 1e-3
    assert 1 - 1e-3 < values.max() < 1
    assert abs(values.double().mean() - 0.5) < 5 * math.sqrt(1 / 12 / MANY)
    assert abs(values.double().var() - 1 / 12) < 5 * math.sqrt(1 / 180 / MANY)
    counts = torch.histc(values, 1000, 0, 1)
    assert 1e-4 < stats.chisquare(counts.numpy()).pvalue < 1 - 1e-4
    assert stats.kstest(values.numpy(), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("lag", [1, 2, 3, 7, 64, 512, 1000])
def test_neighbouring_rows_are_uncorrelated(lag: int) -> None:
    values = rows(range(MANY)).uniform(MANY)
    assert abs(correlation(values[lag:], values[:-lag])) < 5 / math.sqrt(MANY - lag)


def test_pairs_of_neighbours_fill_the_square() -> None:
    generator = rows(range(MANY))
    first, second = generator.uniform(MANY), generator.uniform(MANY)
    for a, b in ((first[1:], first[:-1]), (first, second)):
        cells = ((a * 40).long() * 40 + (b * 40).long()).bincount(minlength=1600)
        assert stats.chisquare(cells.numpy()).pvalue > 1e-4


def test_values_within_a_row_are_uniform_and_uncorrelated() -> None:
    field = uniform_field(rows(range(200)).seeds(200), 1024)
    assert stats.chisquare(torch.histc(field, 500, 0, 1).numpy()).pvalue > 1e-4
    for lag in (1, 2, 16, 32, 33):
        assert abs(correlation(field[:, lag:].flatten(), field[:, :-lag].flatten())) < 5 / math.sqrt(field.numel())
    assert abs(correlation(field[1:].flatten(), field[:-1].flatten())) < 5 / math.sqrt(field.numel())
    assert abs(field.mean(1) - 0.5).max() < 5.5 * math.sqrt(1 / 12 / 1024)


def test_no_two_of_many_rows_are_alike() -> None:
    generator = rows(range(MANY))
    assert len(generator.keys.unique()) == MANY
    assert len(generator.seeds(MANY).unique()) == MANY
    field = uniform_field(generator.keys, 4)
    assert len(field.unique(dim=0)) == MANY


@pytest.mark.parametrize("high", [1, 2, 11, 19, 1000])
def test_integers_are_unbiased(high: int) -> None:
    values = rows(range(MANY), "integers", high).integers(MANY, high)
    assert values.dtype == torch.int64
    counts = values.bincount(minlength=high)
    assert len(counts) == high
    assert counts.min() > 0
    if high > 1:
        assert stats.chisquare(counts.numpy()).pvalue > 1e-4


@pytest.mark.parametrize("p", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_chance_is_p(p: float) -> None:
    share = rows(range(MANY), "chance", p).chance(MANY, p).double().mean()
    assert abs(share - p) <= 5 * math.sqrt(p * (1 - p) / MANY)


def test_ranges_are_scaled() -> None:
    base, scaled = rows(range(100)).uniform(100), rows(range(100)).uniform(100, -50, 50)
    assert torch.allclose(scaled, base * 100 - 50, atol=1e-5)


# -------------------------------------------------------------------------------------------------------------- fields


def test_a_field_is_a_function_of_its_own_key() -> None:
    keys = rows(range(64)).seeds(64)
    whole = uniform_field(keys, 3, 8, 8)
    assert whole.shape == (64, 3, 8, 8)
    assert whole.dtype == torch.float32
    assert whole.min() >= 0
    assert whole.max() < 1
    for i in (0, 5, 63):
        assert torch.equal(uniform_field(keys[i : i + 1], 3, 8, 8)[0], whole[i])
    assert torch.equal(uniform_field(keys.flip(0), 3, 8, 8), whole.flip(0))


@pytest.mark.parametrize("half", [0xFFFFFFFF, MASK64 ^ 0xFFFFFFFF])
def test_a_field_uses_both_halves_of_its_key(half: int) -> None:
    """Among 200,000 rows about five pairs share a half of their keys by chance."""
    keys = rows(range(100)).seeds(100)
    keys = (keys & signed(MASK64 ^ half, 64)) | (keys[0] & signed(half, 64))
    alike = torch.corrcoef(uniform_field(keys, 10_000)).fill_diagonal_(0)
    assert alike.abs().max() < 0.06  # chance: 0.01, the largest of 4,950 about 0.04


# ----------------------------------------------------------------------------------------------- pinned to the letter


def test_splitmix64_gives_the_published_numbers() -> None:
    """The first three outputs of the reference implementation (Vigna, splitmix64.c) from state 0."""
    states = torch.tensor([signed(WEYL * i, 64) for i in (1, 2, 3)])
    found = [value & MASK64 for value in splitmix64(states).tolist()]
    assert found == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_numbers_are_pinned() -> None:
    """Every stored result rests on these: a change needs a new version of the result format."""
    assert word("pairs", 0, "train") == 17121254639472510615
    generator = Generator.of("pairs", 0, "train", indices=[0, 1, 2, 1_000_000])
    expected = torch.tensor([0.3672490119934082, 0.08905035257339478, 0.029926180839538574, 0.7477933168411255])
    assert torch.equal(generator.uniform(4), expected)
    assert generator.integers(4, 1000).tolist() == [545, 167, 130, 913]
    assert generator.chance(4).tolist() == [True, False, True, True]
    assert generator.seeds(4).tolist() == [
        2406714213041194191,
        -7149342349622261893,
        2720253851241020360,
        -5486514030105370998,
    ]
    forked = Generator.of("pairs", 0, "train", indices=[0], epoch=3).fork("rotate", 1)
    assert forked.uniform(1).item() == 0.7103326916694641
    assert uniform_field(torch.tensor([1]), 2, 2).tolist() == [
        [[0.40834903717041016, 0.6223195791244507], [0.2647276520729065, 0.9483340978622437]]
    ]


def test_unit_covers_all_bits() -> None:
    ends = torch.tensor([0, -1, 0x7FFFFFFF, -0x80000000], dtype=torch.int32)
    assert unit(ends).tolist() == [0.0, 1 - 2.0**-24, 0.5 - 2.0**-24, 0.5]


def test_words_are_told_apart() -> None:
    names = [("a", "b"), ("ab",), ("a", "b", 0), ("a", ["b"]), (1,), ("1",), (1.0,), (True,), (None,), ()]
    assert len({word(*n) for n in names}) == len(names)
    with pytest.raises(ValueError, match="JSON"):
        word(math.nan)


def test_torch_generators_follow_their_words() -> None:
    a, b, c = (torch.rand(100, generator=torch_generator("order", seed)) for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_nothing_reads_or_moves_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    first = draws(rows(range(10)))
    torch_generator("x")
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(1)
    assert all(torch.equal(a, b) for a, b in zip(first, draws(rows(range(10))), strict=True))


@pytest.mark.gpu
def test_a_gpu_draws_the_same_numbers() -> None:
    here = Generator.of("test", 0, indices=range(5000))
    there = Generator.of("test", 0, indices=range(5000), device="cuda")
    for a, b in zip(draws(here), draws(there), strict=True):
        assert b.device.type == "cuda"
        assert torch.allclose(a.double(), b.cpu().double(), rtol=1e-6)
