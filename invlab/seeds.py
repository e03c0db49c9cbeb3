"""Random numbers that depend on what they are for, never on when they are drawn.

A sample is an index: its numbers are a hash of (words, index, epoch, position), so they do not change with access
order, batch size, worker or device. The mixing functions are splitmix64 (Steele, Lea, Flood 2014) for the rows and a
32-bit multiply-xorshift for the values within a row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

MASK64 = (1 << 64) - 1
WEYL = 0x9E3779B97F4A7C15  # 2^64 / golden ratio


def signed(value: int, bits: int) -> int:
    """The two's complement reading of an unsigned `bits`-wide integer (torch's integers are signed)."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def word(*words: object) -> int:
    """64 bits that depend on every one of `words` (plain values), the same on every machine and in every run."""
    text = json.dumps(words, separators=(",", ":"), allow_nan=False)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def torch_generator(*words: object, device: str = "cpu") -> torch.Generator:
    """A torch generator of its own for `words`: for shuffles, initial weights and bootstrap resamples."""
    return torch.Generator(device).manual_seed(word(*words) >> 1)


def splitmix64(x: torch.Tensor) -> torch.Tensor:
    """splitmix64's finaliser on int64 of any shape."""
    x = (x ^ ((x >> 30) & (MASK64 >> 30))) * signed(0xBF58476D1CE4E5B9, 64)
    x = (x ^ ((x >> 27) & (MASK64 >> 27))) * signed(0x94D049BB133111EB, 64)
    return x ^ ((x >> 31) & (MASK64 >> 31))


def hash_field(keys: torch.Tensor, first: int, count: int) -> torch.Tensor:
    """int32 (N, count): position `first + j` of the row whose key is `keys[i]` (int64, (N,))."""
    low = keys.to(torch.int32)[:, None]  # wraps: the lower half
    high = (keys >> 32).to(torch.int32)[:, None]
    # The walk along a row is 32-bit arithmetic that wraps, computed in int64 to stay defined.
    place = torch.arange(first, first + count, dtype=torch.int64, device=keys.device) * 0x9E3779B9
    x = place.to(torch.int32)[None, :] + low
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    x *= signed(0x7FEB352D, 32)
    x += high  # a second word inside the rounds: rows whose low words are close do not walk the same path
    x ^= (x >> 15).bitwise_and_(0x1FFFF)
    x *= signed(0x846CA68B, 32)
    x ^= (x >> 16).bitwise_and_(0xFFFF)
    return x


def unit(bits: torch.Tensor) -> torch.Tensor:
    """float32 in [0, 1) from the upper 24 of 32 random bits."""
    return (bits >> 8).bitwise_and_(0xFFFFFF).float().mul_(2.0**-24)


def uniform_field(keys: torch.Tensor, *shape: int) -> torch.Tensor:
    """float32 (N, *shape) in [0, 1), a function of `keys` (int64, (N,)) alone."""
    count = 1
    for side in shape:
        count *= side
    return unit(hash_field(keys, 0, count)).view(len(keys), *shape)


class Generator:
    """A counter-based generator with one row for each image.

    Each call to a drawing method advances the position of all rows alike, so a family that draws an angle and then a
    factor gives image *i* the same two numbers in every batch that holds image *i*.
    """

    def __init__(self, keys: torch.Tensor) -> None:
        self.keys = keys  # int64 (N,)
        self.position = 0

    @classmethod
    def of(
        cls, *words: object, indices: Sequence[int] | torch.Tensor, epoch: int = 0, device: str = "cpu"
    ) -> Generator:
        """The generator of the samples `indices` in the stream named by `words`; `epoch` gives fresh draws."""
        rows = torch.as_tensor(indices, dtype=torch.int64, device=device)
        base = signed(word(*words, epoch), 64)
        return cls(splitmix64(splitmix64(rows * signed(WEYL, 64)) + base))

    @property
    def n(self) -> int:
        return len(self.keys)

    def fork(self, *words: object) -> Generator:
        """An independent generator for the same rows: one for each purpose, so that adding one moves no other."""
        return Generator(splitmix64(self.keys + signed(word(*words), 64)))

    def uniform(self, n: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """float32 (n,) in [low, high)."""
        return low + (high - low) * unit(self._bits(n))

    def integers(self, n: int, high: int) -> torch.Tensor:
        """int64 (n,) in 0 … high − 1."""
        bits = self._bits(n).to(torch.int64) & 0xFFFFFFFF
        return (bits * high) >> 32

    def chance(self, n: int, p: float = 0.5) -> torch.Tensor:
        """bool (n,), true with probability p."""
        return unit(self._bits(n)) < p

    def seeds(self, n: int) -> torch.Tensor:
        """int64 (n,): a key for each row, for fields drawn later with `uniform_field`."""
        self._check(n)
        self.position += 1
        return splitmix64(self.keys + signed(word("seeds", self.position), 64))

    def _bits(self, n: int) -> torch.Tensor:
        self._check(n)
        self.position += 1
        return hash_field(self.keys, self.position - 1, 1)[:, 0]

    def _check(self, n: int) -> None:
        if n != self.n:
            raise ValueError(f"this generator has {self.n} rows, {n} were asked for: make it for the same indices")
