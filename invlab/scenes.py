"""Procedural scenes: ten classes of landscapes, places and textures, painted from noise and a few shapes.

A scene is described without reference to pixels (positions are fractions of the picture, x to the right, y down),
painted at several times the size asked for and averaged down; so a scene is the same at any size, up to
anti-aliasing. Outdoor classes share one set of skies, and every scene gets a random colour grade: colour alone does
not give the class away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from invlab import seeds

FINE_SIDE = 96  # pixels: small scenes are painted at least this large, so that thin things survive
Array = np.ndarray  # float32; (S, S) for masks and textures, (S, S, 3) for pictures
Colour = Sequence[float] | Array  # three channels in [0, 1], or one for each pixel


def draw_scene(label: int, seed: int, size: int) -> np.ndarray:
    """uint8 (size, size, 3): scene `seed` of the class `SCENES[label]`, the same at every size and in every run.

    Raises ValueError for a label that is not a class, and for a size below 1.
    """
    if not 0 <= label < len(SCENES):
        raise ValueError(f"scene label {label} is not one of 0 … {len(SCENES) - 1}")
    if size < 1:
        raise ValueError(f"a scene of {size} pixels cannot be drawn: size must be at least 1")
    factor = max(2, ceil(FINE_SIDE / size))
    brush = Brush(size * factor, seeds.word("scene", SCENES[label], seed))
    picture = PAINTERS[SCENES[label]](brush)
    picture = _grade(brush, picture).reshape(size, factor, size, factor, 3).mean(axis=(1, 3))
    return (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)


# ---- the brush: coordinates, random numbers, noise ------------------------------------------------------------------


class Brush:
    """What a painter holds: pixel coordinates, and random numbers that do not depend on the number of pixels."""

    def __init__(self, side: int, seed: int) -> None:
        self.side = side
        self.line = ((np.arange(side) + 0.5) / side).astype(np.float32)  # (S,) pixel centres in 0 … 1
        self.x = self.line[None, :]
        self.y = self.line[:, None]
        self._random = np.random.default_rng(seed)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        return low + (high - low) * float(self._random.random())

    def uniforms(self, n: int, low: float = 0.0, high: float = 1.0) -> Array:
        return (low + (high - low) * self._random.random(n)).astype(np.float32)

    def spread(self, n: int) -> Array:
        """(n,): rising places in 0 … 1, one in each n-th of it."""
        return (np.arange(n, dtype=np.float32) + self.uniforms(n, 0.1, 0.9)) / n

    def chance(self, p: float) -> bool:
        return self.uniform() < p

    def whole(self, low: int, high: int) -> int:
        """A whole number in low … high, both included."""
        return low + int(self.uniform(0, high - low + 1))

    def colour(self, *choices: Colour, spread: float = 0.06) -> Array:
        """(3,): a mixture of two of `choices`, moved a little."""
        first, second = (np.asarray(choices[self.whole(0, len(choices) - 1)], dtype=np.float32) for _ in range(2))
        mixed = first + (second - first) * self.uniform(0, 0.5)
        return (mixed + self.uniforms(3, -spread, spread)).clip(0.02, 0.98)

    def noise(self, nx: float, ny: float, u: Array | None = None, v: Array | None = None) -> Array:
        """float32 (S, S) in about −1 … 1: smooth noise of nx × ny cells over the picture.

        u, v: (S,) in 0 … 1, where along the cells each column and row looks; by default evenly.
        """
        lattice = (self._random.random((int(ny) + 3, int(nx) + 3)) * 2 - 1).astype(np.float32)
        rows = _weights(self.line if v is None else v, ny)
        return rows @ lattice @ _weights(self.line if u is None else u, nx).T

    def fractal(
        self, nx: float, ny: float, octaves: int = 4, gain: float = 0.5, u: Array | None = None, v: Array | None = None
    ) -> Array:
        """float32 (S, S) in about −1 … 1: octaves of `noise`, each twice as fine and `gain` times as strong."""
        total = np.zeros((self.side, self.side), np.float32)
        for octave in range(octaves):
            total += gain**octave * self.noise(nx * 2**octave, ny * 2**octave, u, v)
        return total

    def curve(self, n: float, octaves: int = 4, gain: float = 0.5) -> Array:
        """float32 (S,) in about −1 … 1: fractal noise along x."""
        total = np.zeros(self.side, np.float32)
        for octave in range(octaves):
            values = self.uniforms(int(n * 2**octave) + 3, -1, 1)
            total += gain**octave * (_weights(self.line, n * 2**octave) @ values)
        return total


def _weights(places: Array, cells: float) -> Array:
    """float32 (S, cells + 3): the smooth two-point interpolation of a row of lattice points at `places` in 0 … 1."""
    at = (places * np.float32(cells)).clip(0, int(cells) + 1.99)
    whole = at.astype(np.int64)
    part = at - whole
    part = part * part * (3 - 2 * part)
    rows = np.arange(len(places))
    weights = np.zeros((len(places), int(cells) + 3), np.float32)
    weights[rows, whole] = 1 - part
    weights[rows, whole + 1] = part
    return weights


def _mix(a: Colour, b: Colour, t: Array | float) -> Array:
    """`a` where t is 0, `b` where it is 1; a mask (S, S) or (S, 1) of t gets a channel axis."""
    a, b, t = (np.asarray(value, dtype=np.float32) for value in (a, b, t))
    return a + (b - a) * (t[..., None] if t.ndim == 2 else t)


def _paint(picture: Array, mask: Array, colour: Colour) -> None:
    """Lay `colour` over `picture`, in place, as densely as `mask` (0 … 1 or bool, broadcast to (S, S)) says."""
    mask = np.broadcast_to(mask, picture.shape[:2]).astype(np.float32)[..., None]
    picture += (np.asarray(colour, dtype=np.float32) - picture) * mask


def _step(low: float | Array, high: float | Array, value: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = ((value - low) / (high - low)).clip(0, 1)
    return t * t * (3 - 2 * t)


def _shade(colour: Colour, light: Array) -> Array:
    """(S, S, 3): `colour` times `light` (S, S)."""
    return np.asarray(colour, dtype=np.float32) * light[..., None]


def _grade(brush: Brush, picture: Array) -> Array:
    """A camera's own taste: exposure, contrast, warmth, saturation, a slight fall-off to the corners."""
    grey = picture.mean(axis=2, keepdims=True)
    picture = grey + (picture - grey) * brush.uniform(0.6, 1.2)
    picture = picture * (1 + brush.uniforms(3, -0.12, 0.12)) * brush.uniform(0.85, 1.12)
    picture = 0.5 + (picture - 0.5) * brush.uniform(0.85, 1.15)
    corner = (brush.x - 0.5) ** 2 + (brush.y - 0.5) ** 2
    picture = picture * (1 - brush.uniform(0, 0.35) * corner)[..., None]
    over = (picture - 0.8).clip(0)  # bright parts bend towards white instead of being cut off there
    return picture - over + 0.2 * np.tanh(over / 0.2)


# ---- skies, shared by all outdoor classes ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Sky:
    """The light of a scene: `top` and `low` are the sky's colours, `tint` (3,) what the light does to the ground."""

    top: Array
    low: Array
    tint: Array
    sun: tuple[float, float]  # x, y
    glow: Array  # the colour of the sun or moon


# top of the sky, sky at the horizon, tint of the ground, sun
SKIES = (
    ((0.22, 0.46, 0.82), (0.72, 0.86, 0.95), (1.00, 1.00, 0.97), (1.00, 0.98, 0.90)),  # noon
    ((0.45, 0.66, 0.86), (0.90, 0.93, 0.92), (0.97, 0.98, 0.96), (1.00, 1.00, 0.95)),  # haze
    ((0.56, 0.60, 0.66), (0.80, 0.81, 0.82), (0.78, 0.80, 0.84), (0.92, 0.92, 0.92)),  # overcast
    ((0.36, 0.42, 0.66), (0.99, 0.76, 0.48), (1.04, 0.84, 0.66), (1.00, 0.90, 0.62)),  # late afternoon
    ((0.30, 0.22, 0.48), (0.98, 0.52, 0.34), (0.88, 0.60, 0.56), (1.00, 0.76, 0.46)),  # sunset
    ((0.50, 0.46, 0.72), (0.97, 0.76, 0.76), (0.92, 0.78, 0.82), (1.00, 0.90, 0.82)),  # dawn
    ((0.12, 0.14, 0.36), (0.46, 0.36, 0.58), (0.52, 0.48, 0.70), (0.96, 0.90, 0.92)),  # dusk
    ((0.04, 0.06, 0.16), (0.14, 0.20, 0.38), (0.36, 0.42, 0.62), (0.92, 0.94, 1.00)),  # moonlight
    ((0.26, 0.36, 0.42), (0.66, 0.72, 0.62), (0.72, 0.80, 0.70), (0.94, 0.96, 0.84)),  # before a storm
)


def _sky(brush: Brush, choices: Sequence[int] = range(9)) -> Sky:
    """The light of a new scene: a mixture of two of the rows `choices` of `SKIES`."""
    first, second = (np.array(SKIES[choices[brush.whole(0, len(choices) - 1)]], np.float32) for _ in range(2))
    top, low, tint, glow = first + (second - first) * brush.uniform(0, 0.4) + brush.uniform(-0.03, 0.03)
    return Sky(top, low, tint, (brush.uniform(0.08, 0.92), brush.uniform(0.06, 0.5)), glow)


def _paint_sky(brush: Brush, sky: Sky, horizon: float) -> Array:
    """(S, S, 3): a sky down to `horizon`, often with clouds, sometimes with the sun or the moon in it."""
    depth = (brush.y / max(horizon, 0.2)).clip(0, 1) ** brush.uniform(0.7, 1.5)
    picture = np.broadcast_to(_mix(sky.top, sky.low, depth), (brush.side, brush.side, 3)).copy()
    away = np.hypot(brush.x - sky.sun[0], brush.y - sky.sun[1] * horizon / 0.5)
    _paint(picture, 0.6 * np.exp(-((away / brush.uniform(0.1, 0.3)) ** 2)), sky.glow)
    if brush.chance(0.5):
        radius = brush.uniform(0.025, 0.06)
        _paint(picture, _step(radius + 0.012, radius, away), sky.glow)
    if brush.chance(0.75):
        _paint_clouds(brush, sky, picture, horizon)
    return picture


def _paint_clouds(brush: Brush, sky: Sky, picture: Array, horizon: float) -> None:
    far = (brush.line / max(horizon, 0.2)).clip(0, 1)
    nx = brush.uniform(1.2, 3)
    shape = brush.fractal(nx, nx * brush.uniform(1.8, 4), 4, v=far**1.6)
    cover = brush.uniform(-0.25, 0.45)
    thick = _step(cover, cover + brush.uniform(0.3, 0.8), shape)
    lit = sky.low * 0.4 + sky.glow * 0.6
    under = sky.top * 0.55 + sky.low * 0.4
    colour = _mix(lit, under, _step(0.1, 1.0, shape - cover) * brush.uniform(0.2, 0.9))
    _paint(picture, thick * brush.uniform(0.6, 1.0), colour)


# ---- the ten classes ------------------------------------------------------------------------------------------------


def _mountains(brush: Brush) -> Array:
    """Ranges of peaks behind one another, with flanks in light and shadow, often snow, sometimes a lake."""
    sky = _sky(brush)
    base = brush.uniform(0.66, 0.95)
    picture = _paint_sky(brush, sky, base)
    rock = brush.colour(
        (0.46, 0.43, 0.42), (0.54, 0.40, 0.31), (0.36, 0.41, 0.47), (0.46, 0.34, 0.38), (0.36, 0.42, 0.32)
    )
    snow, layers = brush.uniform(0.2, 1.3), brush.whole(1, 3)
    for layer in range(layers):
        near = (layer + 1) / layers
        tall = (base - brush.uniform(0.08, 0.3)) * (1.0 if layer == 0 else 0.85 - 0.4 * near)
        _paint_range(brush, sky, picture, rock, (base, tall), near, snow * base * 0.6)
    ground = brush.colour((0.24, 0.36, 0.18), (0.42, 0.38, 0.24), (0.20, 0.30, 0.22), (0.80, 0.84, 0.90)) * sky.tint
    rough = 0.85 + 0.2 * brush.fractal(8, 30, 3)
    if brush.chance(0.4) and base < 0.88:
        _mirror(brush, picture, base, sky)
        base = 0.93
    _paint(picture, brush.y > base + 0.025 * brush.curve(3)[None], _shade(ground, rough))
    return picture


def _paint_range(
    brush: Brush, sky: Sky, picture: Array, rock: Array, extent: tuple[float, float], near: float, snow: float
) -> None:
    """One range. extent: y of its foot, its height; near: 0 … 1, small is hazy; snow: the height where it starts."""
    base, tall = extent
    count = brush.whole(2, 5)
    centres = brush.spread(count)[:, None]
    heights = tall * brush.uniforms(count, 0.55, 1.0)[:, None]
    flanks = heights - brush.uniforms(count, 0.8, 1.7)[:, None] * np.abs(brush.x - centres)  # (peaks, S)
    crest = base - np.maximum(flanks.max(axis=0), 0.15 * tall) - 0.035 * brush.curve(9, 4, 0.6)
    below = brush.y - crest[None, :]
    # Each place belongs to a peak, and is left or right of the ridge that winds down from it.
    wander = brush.fractal(4, 4, 5, 0.62)
    across = brush.x + wander * (0.03 + 0.3 * below.clip(0, 1))
    column = (across * brush.side).clip(0, brush.side - 1).astype(np.int64)
    right = across - centres[flanks.argmax(axis=0), 0][column]
    lit = _step(-0.02, 0.02, right if sky.sun[0] > 0.5 else -right)
    light = 0.62 + 0.42 * lit + 0.16 * brush.fractal(10, 10, 3, 0.6)
    white = _step(-0.02, 0.02, base - brush.y - snow + 0.1 * wander + 0.04 * lit)
    colour = _mix(_shade(rock, light), _shade((0.95, 0.97, 1.0), 0.3 + 0.68 * light), white) * sky.tint
    _paint(picture, _step(0, 0.008, below), _mix(colour, sky.low, (1 - near) * 0.6 + 0.3 * _step(0.1, 0.6, below)))


def _mirror(brush: Brush, picture: Array, level: float, sky: Sky) -> None:
    """Still water from `level` down, which shows what is above it, darker and in streaks."""
    row = int(level * brush.side)
    streak = brush.noise(6, 50)
    source = (2 * row - np.arange(row, brush.side)).clip(0)
    water = picture[source] * (0.72 + 0.06 * streak[row:, :, None])
    picture[row:] = _mix(water, sky.top * sky.tint, 0.25)


def _sea(brush: Brush) -> Array:
    """Open water to the horizon: waves that widen towards the viewer, glitter, sometimes beach, islands, sails."""
    sky = _sky(brush)
    horizon = brush.uniform(0.25, 0.6)
    picture = _paint_sky(brush, sky, horizon)
    if brush.chance(0.35):
        _paint_island(brush, sky, picture, horizon)
    depth = ((brush.line - horizon) / (1 - horizon)).clip(0, 1)
    waves = brush.fractal(brush.uniform(3, 6), brush.uniform(9, 16), 4, 0.65, v=depth**0.45)
    far = brush.colour((0.30, 0.50, 0.62), (0.34, 0.42, 0.50), (0.24, 0.54, 0.58)) * sky.tint
    close = brush.colour((0.05, 0.24, 0.40), (0.08, 0.36, 0.40), (0.16, 0.22, 0.30)) * sky.tint
    water = _mix(_mix(far, sky.low, 0.4), close, depth[:, None] ** 0.7)
    chop = brush.uniform(0.12, 0.3)
    water = water * (1 + chop * waves[..., None]) + 0.5 * chop * _shade(sky.low, (waves - 0.1).clip(0))
    _paint(picture, brush.y > horizon, water)
    path = np.exp(-(((brush.x - sky.sun[0]) / (0.05 + 0.16 * depth[:, None])) ** 2)) * (brush.y > horizon)
    _paint(picture, path * _step(0.05, 0.5, waves) * brush.uniform(0.2, 1), sky.glow)
    crest = _step(0.75, 1.0, waves) * (brush.y > horizon) * brush.uniform(0, 1)
    _paint(picture, crest, 0.3 + 0.7 * sky.tint.clip(0, 1))
    if brush.chance(0.3):
        _paint_beach(brush, sky, picture)
    if brush.chance(0.35):
        _paint_sail(brush, picture, horizon, sky)
    return picture


def _paint_island(brush: Brush, sky: Sky, picture: Array, horizon: float) -> None:
    width, centre = brush.uniform(0.12, 0.4), brush.uniform(0, 1)
    hump = (1 - ((brush.line - centre) / width) ** 2).clip(0) * brush.uniform(0.04, 0.13)
    crest = horizon - hump * (1 + 0.4 * brush.curve(8))
    land = _mix(brush.colour((0.3, 0.36, 0.28), (0.42, 0.38, 0.36)) * sky.tint, sky.low, 0.45)
    _paint(picture, (brush.y > crest) & (brush.y < horizon), land)


def _paint_beach(brush: Brush, sky: Sky, picture: Array) -> None:
    sand = brush.colour((0.86, 0.76, 0.58), (0.72, 0.62, 0.48), (0.92, 0.88, 0.80), (0.42, 0.40, 0.40)) * sky.tint
    edge = brush.uniform(0.78, 0.95) + brush.uniform(-0.25, 0.25) * (brush.x - 0.5) + 0.03 * brush.curve(3, 2)[None]
    _paint(picture, _step(-0.03, -0.01, brush.y - edge), 0.25 + 0.72 * sky.tint.clip(0, 1))
    _paint(picture, _step(0, 0.01, brush.y - edge), _shade(sand, 0.95 + 0.1 * brush.fractal(20, 30, 2)))


def _paint_sail(brush: Brush, picture: Array, horizon: float, sky: Sky) -> None:
    for _ in range(brush.whole(1, 2)):
        x, size = brush.uniform(0.1, 0.9), brush.uniform(0.05, 0.14)
        foot = horizon + size * 0.35
        up = (foot - brush.y) / size
        cloth = brush.colour((0.96, 0.96, 0.94), (0.85, 0.30, 0.22), (0.95, 0.80, 0.4)) * (0.3 + 0.7 * sky.tint)
        _paint(picture, (up > 0.12) & (brush.x > x) & ((brush.x - x) / size < 0.55 * (1 - up)), cloth)
        _paint(picture, (up > 0.12) & (brush.x < x - 0.006) & ((x - brush.x) / size < 0.35 * (0.85 - up)), cloth * 0.85)
        _paint(picture, (np.abs(up) < 0.1) & (np.abs(brush.x - x) < size * (0.5 + up)), cloth * 0.3)


def _forest(brush: Brush) -> Array:
    """Trees, trees: conifers in rows that fade into mist, or trunks seen from among them."""
    sky = _sky(brush)
    leaf = brush.colour(
        (0.10, 0.28, 0.14), (0.20, 0.36, 0.12), (0.62, 0.38, 0.10), (0.14, 0.32, 0.26), (0.30, 0.44, 0.14)
    )
    return _conifers(brush, sky, leaf) if brush.chance(0.6) else _trunks(brush, sky, leaf)


def _conifers(brush: Brush, sky: Sky, leaf: Array) -> Array:
    picture = _paint_sky(brush, sky, 0.6)
    layers = brush.whole(3, 5)
    top = brush.uniform(0.05, 0.3)
    snow = brush.uniform(0.3, 0.8) if brush.chance(0.25) else 0.0
    hill = brush.uniform(0.0, 0.25) * brush.curve(1.5, 2)
    for layer in range(layers):
        near = (layer + 1) / layers
        count = round(15 - 9 * near)
        _paint_conifers(brush, sky, picture, leaf, (top + 0.62 * (near - 0.3), count, near, snow), hill * (1 - near))
    return picture


def _paint_conifers(
    brush: Brush, sky: Sky, picture: Array, leaf: Array, row: tuple[float, int, float, float], hill: Array
) -> None:
    """One row of conifers. row: height of the tops, how many, nearness 0 … 1, snow 0 … 1; hill: (S,) of the ground."""
    top, count, near, snow = row
    centres = brush.spread(count)
    tops = top + brush.uniforms(count, -0.08, 0.08) + hill[(centres * (brush.side - 1)).astype(np.int64)]
    spread = brush.uniforms(count, 0.22, 0.34)
    jag = brush.uniforms(count, 0.0, 1.0)
    down = brush.line[None, :, None] - tops[:, None, None]  # (T, S, 1)
    tier = (down * (14 - 6 * near) + jag[:, None, None]) % 1
    reach = spread[:, None, None] * down * (0.55 + 0.55 * tier)
    across = np.abs(brush.line[None, None, :] - centres[:, None, None])
    inside = (across < reach).any(axis=0)
    depth = (reach - across).max(axis=0)
    light = 0.85 + 0.3 * brush.fractal(14, 18, 2) - 1.2 * depth.clip(0, 0.25)
    colour = _mix(_shade(leaf, light), (0.92, 0.95, 1.0), snow * _step(0.3, 0.9, brush.fractal(12, 20, 2)))
    _paint(picture, inside, _mix(colour * sky.tint, sky.low, 0.72 * (1 - near)))


def _trunks(brush: Brush, sky: Sky, leaf: Array) -> Array:
    bright = _mix(sky.low, leaf * 1.6, 0.35)
    picture = np.broadcast_to(_mix(bright, leaf, 0.55 * (1 - brush.y)), (brush.side, brush.side, 3)).copy()
    floor = brush.uniform(0.68, 0.88)
    soil = brush.colour((0.30, 0.22, 0.14), (0.24, 0.34, 0.14), (0.55, 0.38, 0.18), (0.80, 0.82, 0.86)) * sky.tint
    litter = 0.85 + 0.35 * brush.fractal(12, 30, 3)
    bark = brush.colour((0.26, 0.20, 0.16), (0.40, 0.30, 0.24), (0.80, 0.78, 0.72), (0.20, 0.20, 0.22))
    for layer, near in enumerate((0.35, 0.65, 1.0)):
        _paint(
            picture,
            brush.y > floor + 0.07 * (layer - 1) + 0.02 * brush.curve(4)[None],
            _shade(soil, litter * (0.7 + 0.3 * near)),
        )
        for _ in range(brush.whole(3, 6) if near < 1 else brush.whole(1, 3)):
            _paint_trunk(brush, picture, _mix(bark * sky.tint, bright, 0.6 * (1 - near)), near, floor + 0.09 * layer)
        leaves = brush.fractal(7, 7, 4, 0.7) - (brush.y - 0.12 - 0.1 * near) * 4
        tone = _shade(leaf * sky.tint, 0.9 + 0.5 * brush.fractal(14, 14, 2))
        _paint(picture, _step(0, 0.25, leaves), _mix(tone, bright, 0.5 * (1 - near)))
    return picture


def _paint_trunk(brush: Brush, picture: Array, bark: Array, near: float, foot: float) -> None:
    x, width, lean = brush.uniform(-0.05, 1.05), brush.uniform(0.012, 0.04) * (0.5 + near), brush.uniform(-0.08, 0.08)
    widen = width * (0.8 + 0.35 * brush.y + 1.2 * np.exp((brush.y - foot) * 18).clip(0, 1))
    across = (brush.x - x - lean * (1 - brush.y)) / widen
    light = (1 - 0.35 * across) * (0.9 + 0.25 * brush.noise(40, 16))
    _paint(picture, (np.abs(across) < 1) & (brush.y < foot + 0.05), _shade(bark, light))


def _desert(brush: Brush) -> Array:
    """Dunes one behind the other, each with a lit and a shaded flank along a winding crest, and wind ripples."""
    sky = _sky(brush)
    horizon = brush.uniform(0.25, 0.5)
    picture = _paint_sky(brush, sky, horizon)
    sand = brush.colour(
        (0.88, 0.66, 0.40), (0.80, 0.46, 0.28), (0.92, 0.84, 0.70), (0.66, 0.56, 0.48), (0.90, 0.90, 0.90)
    )
    dark, layers, turn = brush.uniform(0.4, 0.65), brush.whole(3, 5), 1 if sky.sun[0] > 0.5 else -1
    for layer in range(layers):
        near = (layer + 1) / layers
        level = horizon + (1 - horizon) * 0.75 * (layer / layers) ** 1.3
        _paint_dune(brush, sky, picture, sand, level, near, dark, turn)
    if brush.chance(0.25):
        for _ in range(brush.whole(1, 3)):
            _paint_cactus(brush, sky, picture)
    return picture


def _paint_dune(
    brush: Brush, sky: Sky, picture: Array, sand: Array, level: float, near: float, dark: float, turn: int
) -> None:
    peak, wide = brush.uniform(-0.1, 1.1), brush.uniform(0.35, 0.7)
    rise = brush.uniform(0.06, 0.2) * (0.5 + 0.6 * near)
    away = brush.line - peak
    crest = level - rise * np.exp(-np.abs(away) / wide * 1.8) + 0.02 * brush.curve(2, 2)
    below = brush.y - crest[None, :]
    wind = brush.uniform(0.5, 1.6) * turn
    line = peak + wind * below + 0.12 * np.sin(below * brush.uniform(8, 16) + brush.uniform(0, 6))
    lit = _step(-0.015, 0.015, (brush.x - line) * turn)
    bend = 0.35 * brush.noise(3, 3)
    ripple = np.sin((below * 34 / (0.3 + near) + bend * 6 + brush.x * brush.uniform(-6, 6)) * 3)
    light = dark + (1.05 - dark) * lit + 0.05 * near * ripple + 0.08 * brush.fractal(3, 3, 3)
    colour = _mix(_shade(sand, light) * sky.tint, sky.low, 0.55 * (1 - near))
    _paint(picture, _step(0, 0.008, below), colour)


def _paint_cactus(brush: Brush, sky: Sky, picture: Array) -> None:
    x, foot, tall = brush.uniform(0.08, 0.92), brush.uniform(0.65, 0.95), brush.uniform(0.15, 0.35)
    green = brush.colour((0.20, 0.34, 0.18), (0.28, 0.36, 0.24)) * sky.tint
    width = tall * 0.075
    dx, up = brush.x - x, foot - brush.y
    stem = (np.abs(dx) < width) & (up > 0) & (up < tall)
    for side in (-1, 1):
        out, low, high = (
            side * tall * brush.uniform(0.2, 0.3),
            tall * brush.uniform(0.3, 0.5),
            tall * brush.uniform(0.6, 0.9),
        )
        stem |= (np.abs(dx - out) < width * 0.8) & (up > low) & (up < high)
        stem |= (np.abs(up - low) < width * 0.8) & (dx * side > 0) & (dx * side < abs(out))
    _paint(picture, stem, _shade(green, 1 + dx / width * 0.2 + np.zeros_like(up)))


def _city(brush: Brush) -> Array:
    """A skyline: rows of towers with grids of windows, by day or lit at night, sometimes over water."""
    sky = _sky(brush)
    ground = brush.uniform(0.78, 1.0)
    picture = _paint_sky(brush, sky, ground)
    night = float(sky.tint.mean()) < 0.7
    layers = brush.whole(2, 3)
    for layer in range(layers):
        near = (layer + 1) / layers
        x = -brush.uniform(0, 0.1)
        while x < 1:
            width = brush.uniform(0.09, 0.2) * (0.75 + 0.45 * near)
            top = ground - brush.uniform(0.14, 0.62) * (1.2 - 0.4 * near)
            _paint_tower(brush, sky, picture, (x, x + width, top, ground), near, night)
            x += width + max(0.0, brush.uniform(-0.05, 0.08))
    street = brush.colour((0.30, 0.30, 0.32), (0.24, 0.30, 0.24), (0.44, 0.42, 0.40)) * sky.tint
    _paint(picture, brush.y > ground, street)
    if ground < 0.93 and brush.chance(0.6):
        _mirror(brush, picture, ground, sky)
    return picture


def _paint_tower(
    brush: Brush, sky: Sky, picture: Array, box: tuple[float, float, float, float], near: float, night: bool
) -> None:
    """A building in `box` (left, right, top, bottom): facade, roof or spire, and windows."""
    left, right, top, bottom = box
    columns = slice(max(0, round(left * brush.side)), max(0, round(right * brush.side)))
    x = (brush.x[:, columns] - left) / (right - left)  # 0 … 1 across the facade
    view, y = picture[:, columns], brush.y
    wall = brush.colour(
        (0.52, 0.50, 0.50), (0.60, 0.46, 0.38), (0.36, 0.44, 0.54), (0.74, 0.70, 0.62), (0.28, 0.28, 0.34)
    )
    fade = 0.6 * (1 - near)
    facade = _mix(wall * sky.tint, sky.low, fade)
    roof, kind = brush.uniform(0.02, 0.08), brush.whole(0, 4)
    edge = top + np.zeros_like(x)
    if kind == 1:
        edge = top - roof + 2 * roof * np.abs(x - 0.5)
    elif kind == 2:
        edge = np.where(np.abs(x - 0.5) < 0.06, top - 2 * roof, top)
    elif kind == 3:
        edge = np.where(np.abs(x - 0.5) < 0.28, top - roof, top)
    inside = (y > edge) & (y < bottom)
    shade = 1 - 0.22 * x if sky.sun[0] < 0.5 else 0.78 + 0.22 * x
    _paint(view, inside, facade * np.broadcast_to(shade, view.shape[:2])[..., None])
    _paint_windows(brush, sky, view, (x, (y - top) / (right - left), inside & (y > top)), facade, night)


def _paint_windows(
    brush: Brush, sky: Sky, view: Array, place: tuple[Array, Array, Array], facade: Array, night: bool
) -> None:
    """A grid of windows. place: x across the facade, y in widths below the roof, and where the facade is."""
    x, y, inside = place
    across, gap_x, gap_y = brush.whole(3, 5), brush.uniform(0.2, 0.35), brush.uniform(0.25, 0.4)
    aspect = brush.uniform(0.8, 1.6)
    column, row = x * across, y * across / aspect
    glass = (np.abs(column % 1 - 0.5) < 0.5 - gap_x) & (np.abs(row % 1 - 0.5) < 0.5 - gap_y) & inside
    lamps = brush.uniforms(across * 32)
    cell = column.astype(np.int64).clip(0, across - 1) + across * (row.clip(0, 31)).astype(np.int64)
    lit = lamps[cell] < (brush.uniform(0.3, 0.7) if night else 0.06)
    lamp = brush.colour((1.0, 0.86, 0.52), (1.0, 0.94, 0.76), (0.86, 0.92, 1.0))
    pane = _mix(facade * 0.55, sky.top, 0.25)
    _paint(view, glass, np.where(lit[..., None], lamp, pane))


def _meadow(brush: Brush) -> Array:
    """Grass up to low hills, blades and flowers that grow towards the viewer, sometimes a tree."""
    sky = _sky(brush)
    horizon = brush.uniform(0.2, 0.5)
    picture = _paint_sky(brush, sky, horizon)
    grass = brush.colour(
        (0.30, 0.50, 0.14), (0.44, 0.56, 0.20), (0.64, 0.56, 0.26), (0.20, 0.42, 0.24), (0.36, 0.52, 0.12)
    )
    for far in (0.65, 0.35):
        hill = horizon + 0.02 - brush.uniform(0.02, 0.12) * (0.6 + brush.curve(1.5, 2))
        _paint(picture, brush.y > hill[None], _mix(grass * brush.uniform(0.6, 0.9) * sky.tint, sky.low, far))
    edge = horizon + 0.03 + 0.03 * brush.curve(1.5, 2)
    depth = ((brush.line - horizon) / (1 - horizon)).clip(0, 1)
    blades = brush.fractal(34, 9, 2, 0.7, v=depth**0.6)
    patches = brush.fractal(2.5, 5, 3, v=depth**0.5)
    light = 0.82 + (0.1 + 0.22 * depth[:, None]) * blades + 0.16 * patches
    _paint(picture, brush.y > edge, _mix(_shade(grass, light) * sky.tint, sky.low, 0.35 * (1 - depth[:, None])))
    if brush.chance(0.4):
        _paint_tree(brush, sky, picture, horizon + 0.06)
    _paint_flowers(brush, sky, picture, horizon)
    return picture


def _paint_tree(brush: Brush, sky: Sky, picture: Array, foot: float) -> None:
    x, tall = brush.uniform(0.12, 0.88), min(brush.uniform(0.16, 0.36), 0.8 * foot)
    leaf = brush.colour((0.16, 0.30, 0.12), (0.34, 0.38, 0.14), (0.62, 0.34, 0.14)) * sky.tint
    _paint(
        picture, (np.abs(brush.x - x) < tall * 0.05) & (np.abs(foot - tall * 0.3 - brush.y) < tall * 0.32), leaf * 0.55
    )
    away = np.hypot((brush.x - x) * 1.15, brush.y - (foot - tall * 0.75)) / (tall * 0.42)
    edge = away + 0.3 * brush.fractal(12, 12, 2)
    light = 0.95 - 0.5 * (brush.y - foot + tall * 0.75) / tall + 0.3 * brush.noise(24, 24)
    _paint(picture, _step(1, 0.85, edge), _shade(leaf, light))


def _paint_flowers(brush: Brush, sky: Sky, picture: Array, horizon: float) -> None:
    """Round heads in perspective: at depth d (0 at the horizon) a head is about d times as wide as in front."""
    count = brush.whole(30, 110)
    colours = [
        brush.colour((0.95, 0.95, 0.92), (0.92, 0.22, 0.20), (0.98, 0.82, 0.2), (0.62, 0.36, 0.82), (0.95, 0.5, 0.68))
        * (0.25 + 0.75 * sky.tint)
        for _ in range(brush.whole(1, 3))
    ]
    depths, places = np.sort(brush.uniforms(count)) ** 0.8, brush.uniforms(count)
    for n, (depth, x) in enumerate(zip(depths, places, strict=True)):
        y, radius = horizon + 0.06 + (0.98 - horizon) * depth, 0.006 + 0.02 * depth
        _paint_disc(brush, picture, float(x), float(y), float(radius), colours[n % len(colours)])


def _paint_disc(brush: Brush, picture: Array, x: float, y: float, radius: float, colour: Colour) -> None:
    """A disc, touching only the pixels around it."""
    side = brush.side
    rows = slice(max(0, int((y - radius) * side)), max(0, int((y + radius) * side) + 2))
    columns = slice(max(0, int((x - radius) * side)), max(0, int((x + radius) * side) + 2))
    away = np.hypot(brush.x[:, columns] - x, brush.y[rows] - y)
    _paint(picture[rows, columns], _step(radius + 0.5 / side, radius - 0.5 / side, away), colour)


def _night(brush: Brush) -> Array:
    """A starry sky: stars, often the Milky Way, the moon or an aurora, over a dark edge of land."""
    top = brush.colour((0.03, 0.04, 0.14), (0.10, 0.04, 0.18), (0.02, 0.12, 0.18), (0.14, 0.10, 0.12), spread=0.03)
    low = brush.colour((0.12, 0.18, 0.40), (0.42, 0.24, 0.38), (0.10, 0.32, 0.36), (0.52, 0.34, 0.22), spread=0.05)
    picture = np.broadcast_to(_mix(top, low, brush.y ** brush.uniform(1, 3)), (brush.side, brush.side, 3)).copy()
    if brush.chance(0.6):
        _paint_milky_way(brush, picture)
    if brush.chance(0.35):
        _paint_aurora(brush, picture)
    bright = brush.uniforms(brush.whole(60, 160)) ** 4
    for strength, x, y in zip(bright, brush.uniforms(len(bright)), brush.uniforms(len(bright)), strict=True):
        tone = np.array((1, 1, 1)) - brush.uniform(0, 0.3) * np.array((0, 0.4, 1) if brush.chance(0.5) else (1, 0.4, 0))
        _paint_disc(brush, picture, float(x), float(y), 0.005 + 0.010 * float(strength), tone)
    if brush.chance(0.4):
        _paint_moon(brush, picture, top)
    land = brush.uniform(0.75, 1.0) + brush.uniform(0.02, 0.12) * brush.curve(brush.uniform(2, 8), 4)
    _paint(picture, brush.y > land[None], top * 0.4)
    return picture


def _paint_milky_way(brush: Brush, picture: Array) -> None:
    angle, place = brush.uniform(-1.2, 1.2), brush.uniform(0.3, 0.7)
    across = (brush.x - place) * np.cos(angle) + (brush.y - 0.4) * np.sin(angle)
    band = np.exp(-(((across + 0.06 * brush.fractal(3, 3, 3)) / brush.uniform(0.1, 0.2)) ** 2))
    dust = 0.55 + 0.55 * brush.fractal(5, 5, 4, 0.65)
    _paint(
        picture,
        (band * dust * 0.55).clip(0, 1),
        brush.colour((0.80, 0.76, 0.92), (0.92, 0.78, 0.70), (0.62, 0.78, 0.95)),
    )


def _paint_aurora(brush: Brush, picture: Array) -> None:
    for _ in range(brush.whole(1, 3)):
        foot = brush.uniform(0.35, 0.7) + 0.14 * brush.curve(2, 2)
        up = (foot[None] - brush.y) / brush.uniform(0.2, 0.4)
        curtain = np.exp(-up.clip(0) * 2) * _step(-0.12, 0.02, up) * (0.6 + 0.4 * brush.curve(24, 2))[None]
        tone = _mix(
            brush.colour((0.3, 0.95, 0.55), (0.3, 0.85, 0.8)),
            brush.colour((0.7, 0.3, 0.8), (0.9, 0.3, 0.5)),
            _step(0.2, 1.2, up),
        )
        _paint(picture, curtain.clip(0, 1) * brush.uniform(0.4, 0.8), tone)


def _paint_moon(brush: Brush, picture: Array, sky: Array) -> None:
    x, y, radius = brush.uniform(0.1, 0.9), brush.uniform(0.1, 0.5), brush.uniform(0.04, 0.1)
    away = np.hypot(brush.x - x, brush.y - y)
    _paint(picture, 0.4 * np.exp(-((away / (3 * radius)) ** 2)), (0.9, 0.9, 0.8))
    lit = _step(radius + 0.01, radius, away)
    if brush.chance(0.5):
        lit = lit * _step(
            radius * 0.85, radius, np.hypot(brush.x - x - radius * brush.uniform(0.35, 0.9), brush.y - y + 0.2 * radius)
        )
    _paint(picture, lit, _shade((0.98, 0.96, 0.88), 0.95 + 0.12 * brush.noise(30, 30)))


def _wall(brush: Brush) -> Array:
    """Masonry seen from in front: bricks or blocks in courses, or field stones; mortar, weather, a shadow."""
    edge, own, bulge = _courses(brush) if brush.chance(0.7) else _field_stones(brush)
    brick = brush.colour(
        (0.66, 0.30, 0.21),
        (0.74, 0.54, 0.36),
        (0.54, 0.54, 0.56),
        (0.84, 0.80, 0.74),
        (0.42, 0.47, 0.56),
        (0.48, 0.50, 0.38),
    )
    second = brush.colour(brick * 0.65, brick * 1.25, (0.52, 0.42, 0.36))
    light = 1 + brush.uniform(0.06, 0.2) * own + 0.14 * brush.fractal(16, 16, 3) + 0.1 * brush.fractal(2, 2, 2) + bulge
    picture = _shade((1, 1, 1), light) * _mix(brick, second, (own > brush.uniform(-0.2, 1)) * 0.8)
    joint = brush.colour((0.78, 0.75, 0.70), (0.32, 0.30, 0.29), (0.56, 0.53, 0.49))
    if abs(float((joint - brick).mean())) < 0.12:  # a joint of the stone's own tone would leave a plain surface
        joint = joint * 0.6
    _paint(picture, _step(0.08, 0.045, edge), _shade(joint, 0.95 + 0.1 * brush.fractal(24, 24, 2)))
    return _weather_wall(brush, picture)


def _courses(brush: Brush) -> tuple[Array, Array, Array]:
    """Bricks in rows: distance to the edge (in bricks), a number of each brick's own in −1 … 1, light of its relief."""
    across, aspect = brush.uniform(2.2, 6), brush.uniform(1.4, 3.2)
    rough = brush.uniform(0.0, 0.4) ** 1.5
    x = brush.x * across + rough * brush.fractal(4, 4, 3) + brush.uniform()
    y = brush.y * across * aspect + rough * brush.fractal(4, 4, 3) * 1.5 + brush.uniform()
    course = np.floor(y)
    x = x + course * (0.5 if brush.chance(0.7) else 0.33) + rough * 2 * np.sin(course * 7.0)
    edge = np.minimum(0.5 - np.abs(x % 1 - 0.5), (0.5 - np.abs(y % 1 - 0.5)) / aspect)
    own = brush.uniforms(997, -1, 1)[((np.floor(x) * 31 + course * 17).astype(np.int64)) % 997]
    bulge = 0.16 * _step(0.16, 0.08, edge) * np.where(y % 1 < 0.5, 1, -1)
    return edge, own, bulge


def _field_stones(brush: Brush) -> tuple[Array, Array, Array]:
    """Stones of no regular shape (a Voronoi diagram), described as in `_courses`."""
    rows = brush.whole(4, 8)
    columns, stretch = max(3, round(rows * brush.uniform(0.55, 0.9))), brush.uniform(1.1, 1.6)
    count = (rows + 2) * (columns + 2)
    grid_y, grid_x = np.divmod(np.arange(count, dtype=np.float32), columns + 2)
    centre_x = (grid_x - 0.5 + brush.uniforms(count, -0.4, 0.4) + 0.5 * (grid_y % 2)) / columns
    centre_y = (grid_y - 0.5 + brush.uniforms(count, -0.35, 0.35)) / rows
    warp_x, warp_y = 0.012 * brush.fractal(8, 8, 2), 0.012 * brush.fractal(8, 8, 2)
    nearest = np.full((2, brush.side, brush.side), 9, np.float32)
    owner = np.zeros((brush.side, brush.side), np.int64)
    for n in range(count):
        away = np.hypot(brush.x + warp_x - centre_x[n], (brush.y + warp_y - centre_y[n]) * stretch)
        closer = away < nearest[0]
        nearest[1] = np.where(closer, nearest[0], np.minimum(nearest[1], away))
        nearest[0] = np.where(closer, away, nearest[0])
        owner[closer] = n
    edge = (nearest[1] - nearest[0]) * columns * 0.5
    bulge = 0.5 * rows * (centre_y[owner] - brush.y) * 0.5 * _step(0.0, 0.5, 0.6 - edge)
    return edge, brush.uniforms(count, -1, 1)[owner], bulge


def _weather_wall(brush: Brush, picture: Array) -> Array:
    """Moss or stains, a slanting shadow, and the colour of the light."""
    if brush.chance(0.4):
        stain = brush.colour((0.28, 0.38, 0.16), (0.24, 0.20, 0.18), (0.85, 0.84, 0.80))
        _paint(
            picture, 0.75 * _step(0.1, 0.6, brush.fractal(3, 3, 5, 0.6) + brush.uniform(-1, 1) * (brush.y - 0.5)), stain
        )
    if brush.chance(0.5):
        slant = (brush.x - 0.5) * brush.uniform(-1.5, 1.5) + (brush.y - brush.uniform(0.1, 0.9)) * (
            1 if brush.chance(0.5) else -1
        )
        picture = picture * (1 - brush.uniform(0.25, 0.5) * _step(-0.02, 0.02, slant))[..., None]
    return picture * _mix(_sky(brush).tint, (1, 1, 1), 0.35) * 1.08


def _room(brush: Brush) -> Array:
    """An interior in perspective: back wall, floor, ceiling, a window or pictures, a lamp, furniture."""
    left = brush.uniform(0.03, 0.36)
    right = left + brush.uniform(0.5, 0.62) + brush.uniform(0, 0.3) * max(0.0, 0.3 - left)
    box = (left, right, brush.uniform(0.04, 0.2), brush.uniform(0.56, 0.76))
    wall = brush.colour(
        (0.86, 0.82, 0.74),
        (0.60, 0.70, 0.74),
        (0.72, 0.50, 0.44),
        (0.46, 0.54, 0.44),
        (0.40, 0.40, 0.52),
        (0.80, 0.66, 0.42),
    )
    picture = np.broadcast_to(wall, (brush.side, brush.side, 3)).copy()
    if brush.chance(0.4):  # striped wallpaper
        stripes = 1 - 0.12 * ((brush.x * brush.whole(12, 26)) % 1 > 0.5)
        picture *= stripes[..., None].astype(np.float32)
    _paint_surfaces(brush, picture, box, wall)
    _furnish(brush, picture, box)
    return picture * _mix(_sky(brush).tint, (1, 1, 1), 0.45)


def _paint_surfaces(brush: Brush, picture: Array, box: tuple[float, float, float, float], wall: Array) -> None:
    """The side walls, the ceiling, the floor and the skirting around the back wall `box` (left, right, top, bottom)."""
    left, right, top, bottom = box
    x, y = brush.x, brush.y
    wood = brush.colour(
        (0.56, 0.38, 0.24), (0.72, 0.56, 0.40), (0.36, 0.26, 0.22), (0.56, 0.56, 0.58), (0.70, 0.62, 0.58)
    )
    # How far out from the back wall each pixel is, as seen by each of the four surfaces beside it; the largest wins.
    sides = ((left - x) / left, (x - right) / (1 - right), (top - y) / top, (y - bottom) / (1 - bottom))
    outs = np.stack(np.broadcast_arrays(*sides))
    side, out = outs.argmax(axis=0), outs.max(axis=0).clip(0)
    flat = out <= 0
    for n, light in enumerate((brush.uniform(0.65, 0.85), brush.uniform(0.85, 1.1))):
        _paint(picture, ~flat & (side == n), _shade(wall, light * (1 - 0.15 * out)))
    _paint(picture, ~flat & (side == 2), _shade(_mix(wall, (0.95, 0.95, 0.93), 0.75), 0.95 - 0.1 * out))
    along = (x - (left + right) / 2) / (0.35 + 0.65 * out)
    boards = 1 - 0.22 * ((along * brush.whole(7, 14)) % 1 < 0.14) + 0.12 * brush.noise(30, 6)
    _paint(picture, ~flat & (side == 3), _shade(wood, boards * (0.8 + 0.25 * out)))
    _paint(picture, flat & (y > bottom - 0.02), _mix(wall, (0.95, 0.95, 0.95), 0.6))


def _furnish(brush: Brush, picture: Array, walls: tuple[float, float, float, float]) -> None:
    """A window or pictures on the back wall, furniture along it, a rug, a lamp."""
    left, right, top, bottom = walls
    wide, high = right - left, bottom - top
    x = left + wide * brush.uniform(0.08, 0.5)
    box = (x, x + wide * brush.uniform(0.25, 0.42), top + high * 0.14, top + high * brush.uniform(0.45, 0.62))
    (_paint_window if brush.chance(0.65) else _paint_art)(brush, picture, box)
    if brush.chance(0.6):
        rug = brush.colour((0.62, 0.20, 0.22), (0.24, 0.34, 0.56), (0.86, 0.80, 0.70), (0.36, 0.46, 0.36))
        dx, dy = (brush.x - (left + right) / 2) / brush.uniform(0.2, 0.38), (brush.y - (bottom + 1) / 2 - 0.04) / 0.09
        away = np.maximum(np.abs(dx - 0.3 * dx * dy * 0.3), np.abs(dy)) if brush.chance(0.5) else np.hypot(dx, dy)
        _paint(picture, away < 1, np.where((np.abs(away - 0.75) < 0.1)[..., None], rug * 0.6 + 0.3, rug))
    for _ in range(brush.whole(1, 2)):
        _paint_furniture(
            brush, picture, left + wide * brush.uniform(-0.1, 0.6), wide * brush.uniform(0.3, 0.65), bottom
        )
    if brush.chance(0.6):
        _paint_lamp(brush, picture, left + wide * brush.uniform(0.1, 0.9), top, bottom)


def _within(brush: Brush, left: float, right: float, top: float, bottom: float) -> Array:
    return (brush.x > left) & (brush.x < right) & (brush.y > top) & (brush.y < bottom)


def _paint_window(brush: Brush, picture: Array, box: tuple[float, float, float, float]) -> None:
    left, right, top, bottom = box
    frame = brush.colour((0.95, 0.95, 0.93), (0.40, 0.28, 0.20))
    _paint(picture, _within(brush, left - 0.018, right + 0.018, top - 0.018, bottom + 0.024), frame)
    _paint(picture, _within(brush, *box), _paint_sky(brush, _sky(brush), bottom))
    middle, bar = (left + right) / 2, (top + bottom) / 2
    _paint(picture, _within(brush, middle - 0.008, middle + 0.008, top, bottom), frame)
    _paint(picture, _within(brush, left, right, bar - 0.008, bar + 0.008), frame)
    if brush.chance(0.5):
        cloth = brush.colour((0.75, 0.30, 0.26), (0.90, 0.86, 0.78), (0.30, 0.42, 0.56), (0.50, 0.56, 0.36))
        folds = _shade(cloth, 0.9 + 0.2 * np.sin(brush.x * 170) * np.ones_like(brush.y))
        for edge in (left, right):
            _paint(picture, _within(brush, edge - 0.045, edge + 0.035, top - 0.03, bottom + 0.06), folds)


def _paint_art(brush: Brush, picture: Array, box: tuple[float, float, float, float]) -> None:
    left, right, top, bottom = box
    count = brush.whole(1, 2)
    for n in range(count):
        a, b = left + (right - left) * n / count + 0.012, left + (right - left) * (n + 1) / count - 0.012
        _paint(picture, _within(brush, a, b, top, bottom), brush.colour((0.15, 0.13, 0.12), (0.75, 0.60, 0.3)))
        paper, ink = (
            brush.colour((0.9, 0.88, 0.84), (0.3, 0.4, 0.5)),
            brush.colour((0.8, 0.3, 0.2), (0.2, 0.4, 0.3), (0.9, 0.7, 0.2)),
        )
        canvas = _mix(paper, ink, _step(-0.1, 0.1, brush.fractal(5, 5, 2)))
        _paint(picture, _within(brush, a + 0.015, b - 0.015, top + 0.015, bottom - 0.015), canvas)


def _paint_furniture(brush: Brush, picture: Array, x: float, wide: float, floor: float) -> None:
    """A sofa, a cabinet or a table that stands at `x` a little in front of the back wall."""
    kind, foot = brush.whole(0, 2), floor + brush.uniform(0.05, 0.16)
    tone = brush.colour(
        (0.54, 0.22, 0.20), (0.24, 0.36, 0.50), (0.44, 0.31, 0.20), (0.80, 0.74, 0.62), (0.28, 0.42, 0.30)
    )
    end, unit = x + wide, wide / 0.4  # a sofa of width 0.4 is 0.2 high
    shadow = ((brush.x - x - wide / 2) / wide / 0.6) ** 4 + ((brush.y - foot) / 0.03) ** 2
    _paint(picture, 0.5 * np.exp(-shadow), tone * 0.2)
    if kind == 0:
        _paint_sofa(brush, picture, (x, end, foot), unit, tone)
    elif kind == 1:
        tall, rows = unit * brush.uniform(0.2, 0.45), brush.whole(2, 4)
        _paint(picture, _within(brush, x, end, foot - tall, foot), tone)
        for n in range(rows):
            y = foot - tall + tall * n / rows
            _paint(picture, _within(brush, x + 0.015, end - 0.015, y + 0.012, y + tall / rows - 0.012), tone * 0.68)
    else:
        _paint(picture, _within(brush, x, end, foot - 0.18 * unit, foot - 0.14 * unit), tone)
        for edge in (x + 0.025, end - 0.025):
            _paint(picture, _within(brush, edge - 0.014, edge + 0.014, foot - 0.14 * unit, foot), tone * 0.75)


def _paint_sofa(brush: Brush, picture: Array, place: tuple[float, float, float], unit: float, tone: Array) -> None:
    x, end, foot = place
    middle, thin = (x + end) / 2, 0.006 * unit
    _paint(picture, _within(brush, x, end, foot - 0.2 * unit, foot - 0.01), tone)
    _paint(picture, _within(brush, x + 0.03 * unit, end - 0.03 * unit, foot - 0.11 * unit, foot - 0.03), tone * 1.3)
    _paint(picture, _within(brush, middle - thin, middle + thin, foot - 0.2 * unit, foot - 0.03), tone * 0.65)
    for edge in (x, end):
        _paint(picture, _within(brush, edge - 0.03 * unit, edge + 0.03 * unit, foot - 0.15 * unit, foot), tone * 0.82)


def _paint_lamp(brush: Brush, picture: Array, x: float, top: float, bottom: float) -> None:
    """A pendant or a floor lamp with its light."""
    hangs = brush.chance(0.5)
    y = top + 0.12 if hangs else bottom - 0.3
    stand = _within(brush, x - 0.006, x + 0.006, 0 if hangs else y, y if hangs else bottom + 0.06)
    _paint(picture, stand, (0.2, 0.18, 0.16))
    glow = brush.colour((1.0, 0.88, 0.6), (1.0, 0.95, 0.85))
    _paint(picture, 0.55 * np.exp(-((np.hypot(brush.x - x, brush.y - y - 0.04) / 0.16) ** 2)), glow)
    down = brush.y - y
    _paint(picture, (down > 0) & (down < 0.07) & (np.abs(brush.x - x) < 0.025 + 0.5 * down), glow)


def _waterfall(brush: Brush) -> Array:
    """Water falling over a cliff, in one leap or down ledges, into a pool with spray; plants, boulders."""
    sky = _sky(brush)
    lip, pool = brush.uniform(0.06, 0.36), brush.uniform(0.66, 0.9)
    picture = _paint_sky(brush, sky, lip + 0.2)
    rock = brush.colour(
        (0.40, 0.38, 0.38), (0.54, 0.36, 0.25), (0.30, 0.35, 0.30), (0.46, 0.44, 0.52), (0.62, 0.50, 0.38)
    )
    plant = brush.colour((0.16, 0.34, 0.12), (0.36, 0.44, 0.14), (0.54, 0.34, 0.12), (0.14, 0.30, 0.26))
    edge = lip + brush.uniform(-0.3, 0.3) * (brush.line - 0.5) + 0.06 * brush.curve(4, 4)
    plants = brush.uniform(-0.3, 0.6)
    _paint_cliff(brush, sky, picture, edge[None] - brush.y, rock, plant, plants)
    water = 0.12 + 0.8 * sky.tint.clip(0, 1)
    fall = brush.uniform(0.25, 0.75)
    _paint_falls(brush, picture, fall, (float(np.interp(fall, brush.line, edge)), pool), water)
    if brush.chance(0.5):  # a nearer cliff that frames the view
        left = brush.chance(0.5)
        away = (brush.x if left else 1 - brush.x) - brush.uniform(0.08, 0.24) - 0.15 * (brush.y - 0.5)
        _paint_cliff(brush, sky, picture, away + 0.05 * brush.fractal(2, 5, 3), rock * 0.7, plant * 0.8, plants)
    _paint_pool(brush, sky, picture, pool, fall, water)
    for _ in range(brush.whole(0, 5)):
        _paint_boulder(brush, sky, picture, rock * brush.uniform(0.6, 1.0), pool)
    return picture


def _paint_cliff(
    brush: Brush, sky: Sky, picture: Array, outside: Array, rock: Array, plant: Array, plants: float
) -> None:
    """Rock where `outside` (a distance) is negative, layered and cracked, with growth most of all along its edge."""
    layers = np.sin(brush.y * brush.uniform(25, 60) + 4 * brush.noise(3, 5))
    light = 0.78 + 0.34 * brush.fractal(8, 4, 4, 0.65) + brush.uniform(0, 0.16) * layers
    mask = _step(0.004, -0.004, outside)
    _paint(picture, mask, _shade(rock, light) * sky.tint)
    growth = brush.fractal(6, 5, 4, 0.7) - 0.6 + plants + 1.2 * np.exp(-((outside / 0.05) ** 2))
    green = _shade(plant, 0.85 + 0.5 * brush.fractal(18, 18, 2)) * sky.tint
    _paint(picture, _step(0, 0.2, growth) * np.maximum(mask, _step(0.03, 0.02, outside)), green)


def _paint_falls(brush: Brush, picture: Array, x: float, drop: tuple[float, float], water: Array) -> None:
    """One to three leaps, each from the foot of the one before and a little aside; or strands side by side."""
    lip, pool = drop
    width = brush.uniform(0.03, 0.2)
    if brush.chance(0.4):
        for n in range(brush.whole(2, 4)):
            _paint_leap(brush, picture, x + brush.uniform(-0.2, 0.2) * (n > 0), (lip, pool), width * 0.45, water)
        return
    stages = brush.whole(1, 3)
    for n in range(stages):
        top, foot = (lip + (pool - lip) * k / stages for k in (n, n + 1))
        _paint_leap(brush, picture, x, (top, foot + 0.01), width * (0.7 + 0.4 * n), water)
        _paint(picture, 0.7 * np.exp(-(((brush.y - foot) / 0.025) ** 2) - ((brush.x - x) / (1.3 * width)) ** 2), water)
        x += brush.uniform(-0.1, 0.1)


def _paint_leap(brush: Brush, picture: Array, x: float, drop: tuple[float, float], width: float, water: Array) -> None:
    top, foot = drop
    sway = 0.03 * brush.noise(1, 6)
    across = (brush.x - x + sway) / (width * (0.75 + 0.4 * _step(top, foot, brush.y)))
    streak = brush.fractal(26, 2.5, 3, 0.7)
    mask = _step(1.0, 0.75, np.abs(across) + 0.25 * streak) * (brush.y > top - 0.02) * (brush.y < foot)
    _paint(picture, mask, _shade(water, 0.82 + 0.3 * streak))


def _paint_pool(brush: Brush, sky: Sky, picture: Array, pool: float, fall: float, water: Array) -> None:
    depth = ((brush.line - pool) / (1 - pool)).clip(0, 1)
    blue = brush.colour((0.14, 0.38, 0.46), (0.22, 0.32, 0.34), (0.26, 0.48, 0.40), (0.34, 0.36, 0.28)) * sky.tint
    ripple = brush.fractal(4, 10, 3, 0.6, v=depth**0.6)
    surface = _shade(blue, 1 + 0.3 * ripple) + 0.12 * _shade(water, ripple.clip(0))
    _paint(picture, brush.y > pool + 0.02 * brush.curve(5)[None], surface)
    reach = np.hypot((brush.x - fall) / brush.uniform(0.15, 0.4), (brush.y - pool) / 0.07)
    spray = np.exp(-(reach**2)) * (0.75 + 0.4 * brush.fractal(5, 5, 3))
    _paint(picture, (spray * brush.uniform(0.5, 1)).clip(0, 1), water)


def _paint_boulder(brush: Brush, sky: Sky, picture: Array, rock: Array, pool: float) -> None:
    x, y, size = brush.uniform(), brush.uniform(pool + 0.02, 1.0), brush.uniform(0.04, 0.12)
    dx, dy = (brush.x - x) / size, (brush.y - y) / size / 0.7
    away = np.hypot(dx, dy) + 0.25 * brush.noise(9, 9)
    light = 0.85 - 0.3 * dy + 0.15 * dx * (1 if sky.sun[0] > 0.5 else -1)
    _paint(picture, _step(1, 0.9, away) * (dy < 0.6), _shade(rock * sky.tint, light))


PAINTERS: dict[str, Callable[[Brush], Array]] = {
    "mountains": _mountains,
    "sea": _sea,
    "forest": _forest,
    "desert": _desert,
    "city": _city,
    "meadow": _meadow,
    "night sky": _night,
    "wall": _wall,
    "room": _room,
    "waterfall": _waterfall,
}
SCENES: tuple[str, ...] = tuple(PAINTERS)  # in the order of the labels
