"""The 18 transformation families: draw, then apply.

A family has two functions. `sample(n, generator)` draws its parameters, one row for each image. `apply(images,
**parameters)` is pure, batched and works on any device. Images are float32 (N, 4, S, S) in [0, 1], RGBA with the
colours *premultiplied* by alpha, so that resampling and smoothing never bleed colour out of transparent pixels.

Lengths (pixels) are given for a 32-pixel canvas and grow with the canvas, so a picture looks the same at every size.
The draws are those of Speicher, Nanda and Gummadi (TMLR 2024); where they apply a family to half of the images
(p = 0.5), the other half gets the parameter that changes nothing, and the kernel does not touch it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from invlab import compiled
from invlab.seeds import Generator, uniform_field

if TYPE_CHECKING:
    import torch
    import torch.nn.functional as F
else:
    from invlab.lazy import F, torch

CANVAS = 32  # the canvas that pixel lengths refer to
OBJECT_SHARE = 0.7  # an object is scaled to this share of the canvas
LUMA = (0.2989, 0.587, 0.114)  # ITU-R 601, as PIL and torchvision use them

Parameters = dict[str, "torch.Tensor"]


@dataclass(frozen=True)
class Axis:
    """A parameter that a person can set by hand: its range, unit and step."""

    parameter: str
    low: float
    high: float
    unit: str = ""
    step: float = 0.01


@dataclass(frozen=True)
class Transform:
    """One family. `identity` holds a row of parameters that changes nothing."""

    name: str
    group: str  # geometric, photometric or corruption
    what: str  # one plain sentence for people
    sample: Callable[[int, Generator], Parameters]
    apply: Callable[..., torch.Tensor]  # a function in torch, or a `Kernel`
    identity: dict[str, float]
    axes: tuple[Axis, ...]
    matrix: Callable[..., torch.Tensor] | None = field(default=None)  # geometric families: output -> input map
    varies: str = "amount"  # what is drawn: an amount, a switch (on for half of the images), or an angle (a circle)
    parts: int = 3  # of the range, where the drawn value is to be named; a switch has two

    @property
    def labels(self) -> int:
        """How many labels a task has whose classes are the transformation."""
        return 2 if self.varies == "switch" else self.parts

    @property
    def label_names(self) -> tuple[str, ...]:
        """What each of these labels says: a part of the first parameter's range, or whether a switch is on."""
        if self.varies == "switch":
            return (f"without {self.name}", f"with {self.name}")
        axis = self.axes[0]
        ends = [axis.low + (axis.high - axis.low) * part / self.parts for part in range(self.parts + 1)]
        return tuple(f"{low:.3g} … {high:.3g} {axis.unit}".strip() for low, high in pairwise(ends))

    def label_of(self, parameters: Parameters) -> torch.Tensor:
        """int64 (N,): which part of the first parameter's range was drawn; of a switch, whether it is on."""
        axis = self.axes[0]
        values = parameters[axis.parameter]
        if self.varies == "switch":
            return (values != self.identity[axis.parameter]).long()
        return ((values - axis.low) / (axis.high - axis.low) * self.parts).long().clamp_(0, self.parts - 1)


# ---------------------------------------------------------------------------------------------------- shared pieces


def only_where(name: str, identity: float) -> Callable[[Callable[..., torch.Tensor]], Callable[..., torch.Tensor]]:
    """Let a kernel touch only the rows where parameter `name` is not `identity`."""

    def wrap(kernel: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
        @functools.wraps(kernel)
        def apply(images: torch.Tensor, **parameters: torch.Tensor) -> torch.Tensor:
            rows = (parameters[name] != identity).nonzero()[:, 0]
            if len(rows) == 0:
                return images
            if len(rows) == len(images):
                return kernel(images, **parameters)
            changed = kernel(images.index_select(0, rows), **{k: v[rows] for k, v in parameters.items()})
            return images.index_copy(0, rows, changed)

        return apply

    return wrap


@dataclass(frozen=True)
class Kernel:
    """What a family does to images: in torch, which defines it, and as a step of the compiled rendering."""

    in_torch: Callable[..., torch.Tensor]  # (images, parameters) -> images
    step: Callable[..., compiled.Step]  # (size, parameters) -> the same, compiled

    def __call__(self, images: torch.Tensor, *values: torch.Tensor, **parameters: torch.Tensor) -> torch.Tensor:
        if compiled.takes(images):
            return compiled.run(images, [self.step(images.shape[-1], *values, **parameters)])
        return self.in_torch(images, *values, **parameters)


def compiled_as(step: str | Callable[..., compiled.Step]) -> Callable[[Callable[..., torch.Tensor]], Kernel]:
    """The kernel of a function in torch and its step; for one of a single parameter the step's name will do."""
    if callable(step):
        return lambda in_torch: Kernel(in_torch, step)

    def named(_: int, *values: torch.Tensor, **parameters: torch.Tensor) -> compiled.Step:
        (value,) = (*values, *parameters.values())
        return compiled.Step(step, value)

    return lambda in_torch: Kernel(in_torch, named)


def per_image(values: torch.Tensor) -> torch.Tensor:
    """(N,) -> (N, 1, 1, 1)."""
    return values[:, None, None, None]


def to_colour(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """New images with the old alpha, and their colour (N, 3, S, S), a view that is still to be written."""
    out = torch.empty_like(images)
    out[:, 3:] = images[:, 3:]
    return out, out[:, :3]


def luminance(images: torch.Tensor) -> torch.Tensor:
    """(N, 1, S, S), premultiplied like its input."""
    red, green, blue = images[:, 0:1], images[:, 1:2], images[:, 2:3]
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def smoothing_basis(taps: int, size: int, device: torch.device) -> torch.Tensor:
    """(taps, size * size): the 0/1 matrices that shift a row by −taps//2 … taps//2, mirrored at the borders."""
    return _smoothing_basis(taps, size, str(device))


@functools.lru_cache(maxsize=32)
def _smoothing_basis(taps: int, size: int, device: str) -> torch.Tensor:
    at = torch.arange(size)
    basis = torch.zeros(taps, size, size)
    for tap in range(taps):
        source = at + tap - taps // 2
        period = 2 * (size - 1)
        source = source.remainder(period)
        source = torch.minimum(source, period - source)  # reflect without repeating the edge
        basis[tap, at, source] = 1.0
    return basis.view(taps, size * size).to(device)


def gaussian_weights(sigma: torch.Tensor, taps: int) -> torch.Tensor:
    """(N, taps), of sum 1: a Gaussian of standard deviation sigma (N,), in pixels, cut to `taps`, an odd number."""
    at = torch.arange(taps, device=sigma.device, dtype=torch.float32) - taps // 2
    # A weight of 1e-39 changes no pixel, but arithmetic with such numbers takes a hundred times as long.
    weights = F.threshold(torch.exp(-0.5 * (at / sigma[:, None]) ** 2), 1e-12, 0.0)
    return weights / weights.sum(1, keepdim=True)


def smoothing_matrix(weights: torch.Tensor, size: int) -> torch.Tensor:
    """(N, size, size): left-multiplied onto a column of pixels it smooths with `weights` (N, taps), mirrored."""
    return (weights @ smoothing_basis(weights.shape[1], size, weights.device)).view(-1, size, size)


def both_sides(images: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """matrix · image · matrixᵀ for every channel; matrix is (N, S, S), or (S, S) for all."""
    n, channels, size, _ = images.shape
    if matrix.ndim == 2:
        return torch.matmul(matrix, torch.matmul(images, matrix.mT))
    rows = torch.bmm(images.reshape(n, channels * size, size), matrix.mT).view(n, channels, size, size)
    return torch.matmul(matrix[:, None], rows)


# -------------------------------------------------------------------------------------------------------- geometric


@compiled_as(lambda _, matrix: compiled.Step("warp", matrix[:, :2]))
def warp(images: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Resample once: the pixel at p of the output is the input at matrix · p, transparent outside.

    matrix: (N, 3, 3), coordinates in [−1, 1] from edge to edge.
    """
    return resample(images, affine_grid(matrix, images.shape[-1]))


def resample(images: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    """The input at the points `grid` (N, S, S, 2), x and y in [−1, 1] from edge to edge; transparent outside."""
    if len(images) == 0:
        return images  # grid_sample refuses an empty batch
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def affine_grid(matrix: torch.Tensor, size: int) -> torch.Tensor:
    """(N, size, size, 2): matrix (N, 3, 3) applied to the centre of every pixel, as one product of two matrices.

    torch's own takes a product for each image, of matrices two and three wide: nine times as long at 32 pixels.
    """
    return (matrix[:, :2].reshape(-1, 6) @ _affine_basis(size, str(matrix.device))).view(-1, size, size, 2)


@functools.lru_cache(maxsize=4)
def _affine_basis(size: int, device: str) -> torch.Tensor:
    """(6, size · size · 2): what each of the six numbers of a matrix adds to x and y of every pixel."""
    at = pixel_centres(size, device)
    ones = torch.ones(size, size, device=device)
    places = torch.stack([at * ones, at[:, None] * ones, ones])
    basis = torch.zeros(2, 3, size, size, 2, device=device)
    basis[0, ..., 0] = basis[1, ..., 1] = places
    return basis.view(6, -1)


def pixel_centres(size: int, device: str | torch.device) -> torch.Tensor:
    """(size,): where the pixels' centres lie, in [−1, 1] from edge to edge."""
    return (torch.arange(size, device=device, dtype=torch.float32) * 2 + 1) / size - 1


def _affine(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor, x=None, y=None) -> torch.Tensor:
    """(N, 3, 3) from the columns of [[a, b, x], [c, d, y], [0, 0, 1]]."""
    zero = torch.zeros_like(a)
    rows = [a, b, zero if x is None else x, c, d, zero if y is None else y, zero, zero, zero + 1]
    return torch.stack(rows, 1).view(-1, 3, 3)


def scale_matrix(factor: torch.Tensor) -> torch.Tensor:
    zero = torch.zeros_like(factor)
    return _affine(1 / factor, zero, zero, 1 / factor)


def translate_matrix(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    zero = torch.zeros_like(x)
    return _affine(zero + 1, zero, zero, zero + 1, -2 * x / CANVAS, -2 * y / CANVAS)


def rotate_matrix(angle: torch.Tensor) -> torch.Tensor:
    """Counter-clockwise by `angle` degrees, as seen."""
    radians = angle * (math.pi / 180)
    cos, sin = torch.cos(radians), torch.sin(radians)
    return _affine(cos, -sin, sin, cos)


def shear_matrix(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Shear by `x` and `y` degrees along the axes, in torchvision's convention."""
    tx, ty = torch.tan(x * (math.pi / 180)), torch.tan(y * (math.pi / 180))
    return _affine(1 + tx * ty, tx, ty, torch.ones_like(tx))


def h_flip_matrix(flip: torch.Tensor) -> torch.Tensor:
    zero = torch.zeros_like(flip)
    return _affine(1 - 2 * flip, zero, zero, zero + 1)


def v_flip_matrix(flip: torch.Tensor) -> torch.Tensor:
    zero = torch.zeros_like(flip)
    return _affine(zero + 1, zero, zero, 1 - 2 * flip)


def warped_by(matrix: Callable[..., torch.Tensor]) -> Kernel:
    """The `apply` of a geometric family from its matrix."""
    return Kernel(
        lambda images, **parameters: warp.in_torch(images, matrix(**parameters)),
        lambda size, **parameters: warp.step(size, matrix(**parameters)),
    )


@compiled_as("h_flip")
def h_flip(images: torch.Tensor, flip: torch.Tensor) -> torch.Tensor:
    return torch.where(per_image(flip) > 0.5, images.flip(3), images)  # alone, a flip needs no resampling


@compiled_as("v_flip")
def v_flip(images: torch.Tensor, flip: torch.Tensor) -> torch.Tensor:
    return torch.where(per_image(flip) > 0.5, images.flip(2), images)


# ------------------------------------------------------------------------------------------------------ photometric


@compiled_as("hue")
def hue(images: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Turn the hue of HSV by `shift` turns. It commutes with scaling the colour, so premultiplied colours will do.

    All in arithmetic: comparing and choosing (`where`) cost as much as ten sums.
    """
    red, green, blue = images[:, :3].unbind(1)
    value = torch.maximum(torch.maximum(red, green), blue)
    least = torch.minimum(torch.minimum(red, green), blue)
    chroma = value.sub_(least)
    # The hue in sixths of a turn from red, −3 … 3. Its size is 1 + (green + blue − red − least) / chroma in all six
    # sectors, its sign that of green − blue. For grey it is of no account: all of it is multiplied by a chroma of 0.
    turn = (green + blue).sub_(red).sub_(least).div_(chroma.clamp(min=1e-12)).add_(1).copysign_(green - blue)
    offsets = torch.tensor([3.0, 7.0, 5.0], device=images.device)  # the channels' own hues, seen from a half turn
    ahead = torch.remainder(6 * shift[:, None] + offsets, 6).sub_(3)[:, :, None, None]  # −3 … 3
    out, colour = to_colour(images)
    below = least.sub_(chroma)
    for channel in range(3):
        # A channel keeps the full value within a sixth of a turn of its own hue and loses all chroma beyond a third:
        # least + chroma · (clamp(distance from the opposite hue, 1, 2) − 1), in sixths. The sum of two angles of at
        # most half a turn is | |sum| − 3 | away from half a turn.
        opposite = (turn + ahead[:, channel]).abs_().sub_(3).abs_().clamp_(1, 2)
        torch.addcmul(below, chroma, opposite, out=colour[:, channel])
    return out


@compiled_as("brightness")
@only_where("factor", 1.0)
def brightness(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    out, colour = to_colour(images)
    torch.mul(images[:, :3], per_image(factor), out=colour)
    torch.minimum(colour, images[:, 3:], out=colour)
    return out


@compiled_as("grayscale")
@only_where("amount", 0.0)
def grayscale(images: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    out, colour = to_colour(images)
    torch.lerp(images[:, :3], luminance(images).expand(-1, 3, -1, -1), per_image(amount), out=colour)
    return out


@compiled_as("posterize")
@only_where("bits", 8.0)
def posterize(images: torch.Tensor, bits: torch.Tensor) -> torch.Tensor:
    """Keep the upper `bits` bits of each straight (not premultiplied) colour."""
    levels = per_image(torch.exp2(bits))
    alpha = images[:, 3:]
    straight = images[:, :3] / alpha.clamp(min=1e-6)
    # The small number keeps a level that rounding put just below itself.
    steps = torch.minimum((straight * levels + 1e-4).floor_(), levels - 1)
    out, colour = to_colour(images)
    torch.mul(steps.div_(levels), alpha, out=colour)
    return out


@compiled_as("invert")
@only_where("amount", 0.0)
def invert(images: torch.Tensor, amount: torch.Tensor) -> torch.Tensor:
    out, colour = to_colour(images)
    torch.lerp(images[:, :3], images[:, 3:] - images[:, :3], per_image(amount), out=colour)
    return out


@compiled_as("sharpen")
@only_where("factor", 1.0)
def sharpen(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Away from a 3 × 3 smoothing (weights 1, centre 5, of 13) by `factor`; the outermost pixels stay."""
    rows = images[:, :, :-2] + images[:, :, 1:-1] + images[:, :, 2:]
    box = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = images.clone()
    inner = images[:, :, 1:-1, 1:-1]
    smooth[:, :, 1:-1, 1:-1] = (box + 4 * inner) / 13
    sharp = torch.lerp(smooth, images, per_image(factor))
    alpha = sharp[:, 3:].clamp(0, 1)
    return torch.cat([torch.minimum(sharp[:, :3].clamp(min=0), alpha), alpha], 1)


# ------------------------------------------------------------------------------------------------------- corruption


def blur_weights(sigma: torch.Tensor, size: int) -> torch.Tensor:
    """(N, taps): a Gaussian of `sigma` pixels, 7 taps on a 32-pixel canvas."""
    return gaussian_weights(sigma * (size / CANVAS), 2 * math.ceil(3 * size / CANVAS) + 1)


@compiled_as(lambda size, sigma: compiled.Step("smooth", blur_weights(sigma, size)))
def blur(images: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """Gaussian of standard deviation `sigma` pixels, 7 × 7 on a 32-pixel canvas, mirrored at the borders."""
    size = images.shape[-1]
    return both_sides(images, smoothing_matrix(blur_weights(sigma, size), size))


@compiled_as(lambda _, strength, seed: compiled.Step("noise", strength, seed))
@only_where("strength", 0.0)
def noise(images: torch.Tensor, strength: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
    """Add `strength` · clip(N(0, 1), 0, 1), drawn for each pixel and channel, to the straight colours."""
    size = images.shape[-1]
    # The normal at the quantile u is √2 · erfinv(2u − 1), a quarter of the time of `ndtri`; beyond 0.69 it is above 1.
    field = uniform_field(seed, 3, size, size).mul_(2).sub_(1 - 2.0**-24).clamp_(0, 0.69)
    added = torch.erfinv(field, out=field).mul_(math.sqrt(2)).clamp_(max=1).mul_(per_image(strength))
    out, colour = to_colour(images)
    torch.add(images[:, :3], added.mul_(images[:, 3:]), out=colour)
    torch.minimum(colour, images[:, 3:], out=colour)
    return out


@functools.lru_cache(maxsize=64)
def _pixelate_matrix(cells: int, size: int, device: str) -> torch.Tensor:
    """(size, size): average over `cells` cells, then repeat the nearest one.

    As PIL's BOX filter does it, a pixel belongs wholly to the cell that its centre lies in.
    """
    at = torch.arange(size, dtype=torch.float64)
    edges = torch.floor(torch.arange(cells + 1, dtype=torch.float64) * size / cells + 0.5)
    inside = ((at >= edges[:-1, None]) & (at < edges[1:, None])).double()
    down = inside / inside.sum(1, keepdim=True)
    nearest = ((at + 0.5) * cells / size).long()
    return down[nearest].float().to(device)


def cells_left(fraction: torch.Tensor, size: int) -> torch.Tensor:
    """int64 (N,): how many cells a side of `size` pixels has at `fraction`; .3 is meant where its float32 is given."""
    return (fraction.double().mul(1e6).round().div(1e6) * size).long().clamp(min=1)


@compiled_as(lambda size, fraction: compiled.Step("pixelate", cells_left(fraction, size)))
@only_where("fraction", 1.0)
def pixelate(images: torch.Tensor, fraction: torch.Tensor) -> torch.Tensor:
    """Box-downsample to `fraction` of the size, nearest upsample."""
    size, device = images.shape[-1], str(images.device)
    cells = cells_left(fraction, size)
    different = cells.unique().tolist()
    if len(different) == 1:
        return both_sides(images, _pixelate_matrix(different[0], size, device))
    return both_sides(images, torch.stack([_pixelate_matrix(each, size, device) for each in cells.tolist()]))


@functools.lru_cache(maxsize=8)
def _elastic_smoothing(device: str) -> torch.Tensor:
    return smoothing_matrix(gaussian_weights(torch.tensor([5.0]), 41), CANVAS)[0].to(device)


def elastic_field(seed: torch.Tensor) -> torch.Tensor:
    """(N, 2, 32, 32): uniform noise in [−1, 1], smoothed with σ = 5 pixels (41 taps, mirrored)."""
    rough = uniform_field(seed, 2 * CANVAS * CANVAS).mul_(2).sub_(1).view(-1, 2, CANVAS, CANVAS)
    return both_sides(rough, _elastic_smoothing(str(seed.device)))


def elastic_shift(alpha: torch.Tensor, seed: torch.Tensor, size: int) -> torch.Tensor:
    """(N, 2, size, size): how far each pixel's source lies from it, in halves of the canvas."""
    shift = elastic_field(seed).mul_(per_image(alpha / CANVAS))
    if size != CANVAS and len(shift):
        shift = F.interpolate(shift, size=(size, size), mode="bilinear", align_corners=False)
    return shift


def _elastic_step(size: int, alpha: torch.Tensor, seed: torch.Tensor) -> compiled.Step:
    rows = (alpha != 0).nonzero()[:, 0]
    which = torch.full(alpha.shape, -1).index_copy_(0, rows, torch.arange(len(rows)))
    return compiled.Step("displace", elastic_shift(alpha[rows], seed[rows], size), which)


@compiled_as(_elastic_step)
@only_where("alpha", 0.0)
def elastic(images: torch.Tensor, alpha: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
    """Displace each pixel by a smooth random field of strength `alpha` (torchvision's convention: field · α / 32 of
    half the canvas)."""
    size = images.shape[-1]
    shift = elastic_shift(alpha, seed, size)
    centres = pixel_centres(size, images.device)
    grid = torch.empty(len(images), size, size, 2, device=images.device)
    torch.add(shift[:, 0], centres, out=grid[..., 0])
    torch.add(shift[:, 1], centres[:, None], out=grid[..., 1])
    return resample(images, grid)


@compiled_as(lambda _, side, x, y: compiled.Step("erase", torch.stack([side, x, y], 1)))
@only_where("side", 0.0)
def erasing(images: torch.Tensor, side: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Make a square of `side` pixels, upper left corner (x, y), transparent."""
    size = images.shape[-1]
    at = (torch.arange(size, device=images.device) + 0.5) * (CANVAS / size)
    in_x = (at >= x[:, None]) & (at < (x + side)[:, None])
    in_y = (at >= y[:, None]) & (at < (y + side)[:, None])
    hole = in_y[:, None, :, None] & in_x[:, None, None, :]
    return images.masked_fill(hole, 0.0)


@compiled_as("contrast")
@only_where("factor", 1.0)
def contrast(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Away from the object's own mean luminance (weighted by alpha: transparent pixels have no colour) by `factor`."""
    alpha = images[:, 3:]
    mean = luminance(images).sum((1, 2, 3)) / alpha.sum((1, 2, 3)).clamp(min=1e-6)
    out, colour = to_colour(images)
    torch.mul(images[:, :3], per_image(factor), out=colour)
    colour.add_(alpha * per_image((1 - factor) * mean)).clamp_(min=0)
    torch.minimum(colour, alpha, out=colour)
    return out


# ------------------------------------------------------------------------------------------------------------ draws


def between(**ranges: tuple[float, float]) -> Callable[[int, Generator], Parameters]:
    """Each parameter uniform in its range, independently."""

    def sample(n: int, generator: Generator) -> Parameters:
        return {name: generator.uniform(n, low, high) for name, (low, high) in ranges.items()}

    return sample


def half(name: str, off: float, on: float) -> Callable[[int, Generator], Parameters]:
    """`on` with p = 0.5, else `off`, which changes nothing."""

    def sample(n: int, generator: Generator) -> Parameters:
        return {name: torch.where(generator.chance(n), on, off)}

    return sample


def half_seeded(name: str, off: float, on: float) -> Callable[[int, Generator], Parameters]:
    """As `half`, with the key of a random field beside it."""

    def sample(n: int, generator: Generator) -> Parameters:
        return {name: torch.where(generator.chance(n), on, off), "seed": generator.seeds(n)}

    return sample


def sample_translate(n: int, generator: Generator) -> Parameters:
    """The object's bounding box, 22 × 22, at a whole pixel anywhere inside the canvas."""
    room = CANVAS - int(OBJECT_SHARE * CANVAS)
    return {axis: generator.integers(n, room + 1).float() - room / 2 for axis in ("x", "y")}


def sample_erasing(n: int, generator: Generator) -> Parameters:
    side = torch.where(generator.chance(n), 14.0, 0.0)
    return {"side": side, **{axis: generator.integers(n, CANVAS - 14 + 1).float() for axis in ("x", "y")}}


# ------------------------------------------------------------------------------------------------- several together


def draw(names: Sequence[str], n: int, generator: Generator) -> list[Parameters]:
    """The parameters of each named family in turn. A family's draws do not depend on which others are named before
    it, only on how often it was itself."""
    seen: dict[str, int] = {}
    parameters = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        parameters.append(transform(name).sample(n, generator.fork(name, seen[name])))
    return parameters


Operation = tuple[Callable[..., "torch.Tensor"], Parameters]


def operations(names: Sequence[str], parameters: Sequence[Parameters]) -> list[Operation]:
    """What applies the families in order. Neighbouring geometric ones become one resampling: sharper, and faster."""
    found: list[Operation] = []
    i = 0
    while i < len(names):
        run = i
        while run < len(names) and transform(names[run]).matrix is not None:
            run += 1
        if run - i > 1:
            found.append((warp, {"matrix": folded(names[i:run], parameters[i:run])}))
            i = run
        else:
            found.append((transform(names[i]).apply, parameters[i]))
            i += 1
    return found


def steps(todo: Sequence[Operation], size: int) -> list[compiled.Step] | None:
    """The operations as steps for images of `size` pixels; None where one of them is there in torch alone."""
    found = [kernel.step(size, **values) for kernel, values in todo if isinstance(kernel, Kernel)]
    return found if len(found) == len(todo) else None


def apply_all(images: torch.Tensor, todo: Sequence[Operation]) -> torch.Tensor:
    """The images after one operation and the next; without any, the images themselves."""
    for apply, values in todo:
        images = apply(images, **values)
    return images


def folded(names: Sequence[str], parameters: Sequence[Parameters]) -> torch.Tensor:
    """(N, 3, 3): the output -> input map of the geometric families `names`, applied in order."""
    matrices = [matrix(**p) for name, p in zip(names, parameters, strict=True) if (matrix := transform(name).matrix)]
    return functools.reduce(torch.bmm, matrices)


def identity_parameters(name: str, n: int, device: str = "cpu") -> Parameters:
    """Parameters of the family that change nothing, for n images; a random field's key is 0."""
    rows: Parameters = {k: torch.full((n,), v, device=device) for k, v in transform(name).identity.items()}
    if "seed" in transform(name).sample(1, Generator.of("names", indices=[0])):
        rows["seed"] = torch.zeros(n, dtype=torch.int64, device=device)
    return rows


def transform(name: str) -> Transform:
    """The family of that name; ValueError lists the valid ones."""
    if name not in TRANSFORMS:
        raise ValueError(f"there is no transformation {name!r}; choose from {', '.join(TRANSFORMS)}")
    return TRANSFORMS[name]


def geometric(
    name: str,
    what: str,
    sample: Callable[[int, Generator], Parameters],
    matrix: Callable[..., torch.Tensor],
    identity: dict[str, float],
    *axes: Axis,
    apply: Callable[..., torch.Tensor] | None = None,
    varies: str = "amount",
    parts: int = 3,
) -> Transform:
    return Transform(name, "geometric", what, sample, apply or warped_by(matrix), identity, axes, matrix, varies, parts)


GROUPS = ("geometric", "photometric", "corruption")

TRANSFORMS: dict[str, Transform] = {
    t.name: t
    for t in (
        geometric(
            "scale",
            "shrinks the object about the centre",
            between(factor=(0.4, 1.0)),
            scale_matrix,
            {"factor": 1.0},
            Axis("factor", 0.4, 1.0, "×"),
        ),
        geometric(
            "translate",
            "moves the object anywhere inside the picture",
            sample_translate,
            translate_matrix,
            {"x": 0.0, "y": 0.0},
            Axis("x", -5, 5, "px", 0.5),
            Axis("y", -5, 5, "px", 0.5),
        ),
        geometric(
            "rotate",
            "turns the object by any angle",
            between(angle=(0.0, 360.0)),
            rotate_matrix,
            {"angle": 0.0},
            Axis("angle", 0, 360, "°", 1),
            varies="angle",
            parts=4,
        ),
        geometric(
            "shear",
            "slants the object along both axes",
            between(x=(-50.0, 50.0), y=(-50.0, 50.0)),
            shear_matrix,
            {"x": 0.0, "y": 0.0},
            Axis("x", -50, 50, "°", 1),
            Axis("y", -50, 50, "°", 1),
        ),
        geometric(
            "h_flip",
            "mirrors left and right, half of the time",
            half("flip", 0.0, 1.0),
            h_flip_matrix,
            {"flip": 0.0},
            Axis("flip", 0, 1, "", 1),
            apply=h_flip,
            varies="switch",
        ),
        geometric(
            "v_flip",
            "mirrors top and bottom, half of the time",
            half("flip", 0.0, 1.0),
            v_flip_matrix,
            {"flip": 0.0},
            Axis("flip", 0, 1, "", 1),
            apply=v_flip,
            varies="switch",
        ),
        Transform(
            "hue",
            "photometric",
            "turns all colours around the colour wheel",
            between(shift=(-0.5, 0.5)),
            hue,
            {"shift": 0.0},
            (Axis("shift", -0.5, 0.5, "turns"),),
            varies="angle",
        ),
        Transform(
            "brightness",
            "photometric",
            "makes the object darker or lighter",
            between(factor=(0.0, 2.0)),
            brightness,
            {"factor": 1.0},
            (Axis("factor", 0, 2, "×"),),
        ),
        Transform(
            "grayscale",
            "photometric",
            "takes the colour away, half of the time",
            half("amount", 0.0, 1.0),
            grayscale,
            {"amount": 0.0},
            (Axis("amount", 0, 1),),
            varies="switch",
        ),
        Transform(
            "posterize",
            "photometric",
            "leaves two levels for each colour channel, half of the time",
            half("bits", 8.0, 1.0),
            posterize,
            {"bits": 8.0},
            (Axis("bits", 1, 8, "bits", 1),),
            varies="switch",
        ),
        Transform(
            "invert",
            "photometric",
            "makes the negative, half of the time",
            half("amount", 0.0, 1.0),
            invert,
            {"amount": 0.0},
            (Axis("amount", 0, 1),),
            varies="switch",
        ),
        Transform(
            "sharpen",
            "photometric",
            "exaggerates edges, half of the time",
            half("factor", 1.0, 7.0),
            sharpen,
            {"factor": 1.0},
            (Axis("factor", 1, 7, "×", 0.1),),
            varies="switch",
        ),
        Transform(
            "blur",
            "corruption",
            "smooths the object",
            between(sigma=(0.1, 1.5)),
            blur,
            {"sigma": 0.1},
            (Axis("sigma", 0.1, 1.5, "px"),),
        ),
        Transform(
            "noise",
            "corruption",
            "brightens pixels at random, half of the time",
            half_seeded("strength", 0.0, 1.0),
            noise,
            {"strength": 0.0},
            (Axis("strength", 0, 1),),
            varies="switch",
        ),
        Transform(
            "pixelate",
            "corruption",
            "shows the object in coarse blocks, half of the time",
            half("fraction", 1.0, 0.3),
            pixelate,
            {"fraction": 1.0},
            (Axis("fraction", 0.3, 1, "of the size"),),
            varies="switch",
        ),
        Transform(
            "elastic",
            "corruption",
            "bends the object like rubber, half of the time",
            half_seeded("alpha", 0.0, 150.0),
            elastic,
            {"alpha": 0.0},
            (Axis("alpha", 0, 150, "", 1),),
            varies="switch",
        ),
        Transform(
            "erasing",
            "corruption",
            "cuts out a square, half of the time",
            sample_erasing,
            erasing,
            {"side": 0.0, "x": 9.0, "y": 9.0},
            (Axis("side", 0, 14, "px", 1), Axis("x", 0, 18, "px", 1), Axis("y", 0, 18, "px", 1)),
            varies="switch",
        ),
        Transform(
            "contrast",
            "corruption",
            "flattens or exaggerates light and dark",
            between(factor=(0.0, 2.0)),
            contrast,
            {"factor": 1.0},
            (Axis("factor", 0, 2, "×"),),
        ),
    )
}
