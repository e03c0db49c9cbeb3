"""The 18 families: every one keeps the rules of the table, equals an independent implementation on opaque pictures, and
treats transparency as compositing demands."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from scipy import stats
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from invlab import transforms
from invlab.seeds import Generator, uniform_field
from invlab.transforms import (
    CANVAS,
    GROUPS,
    TRANSFORMS,
    Parameters,
    affine_grid,
    apply_all,
    draw,
    folded,
    identity_parameters,
    only_where,
    operations,
    transform,
)

NAMES = list(TRANSFORMS)
GEOMETRIC = [t.name for t in TRANSFORMS.values() if t.group == "geometric"]
HALVES = [  # families with p = 0.5, and the parameter that says whether
    ("h_flip", "flip"),
    ("v_flip", "flip"),
    ("grayscale", "amount"),
    ("posterize", "bits"),
    ("invert", "amount"),
    ("sharpen", "factor"),
    ("noise", "strength"),
    ("pixelate", "fraction"),
    ("elastic", "alpha"),
    ("erasing", "side"),
]
DRAWS = 20_000


def rows(n: int, *words: object) -> Generator:
    return Generator.of("test", *words, indices=range(n))


def pictures(n: int, size: int = CANVAS, seed: int = 0) -> torch.Tensor:
    """Premultiplied RGBA of all kinds: smooth and rough colours; transparent, opaque and half-transparent parts."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.rand(n, 4, size, size, generator=generator)
    smooth = F.interpolate(torch.rand(n, 4, 5, 5, generator=generator), size, mode="bicubic").clamp(0, 1)
    images = torch.where(torch.arange(n)[:, None, None, None] % 2 == 0, smooth, rough)
    images[:, 3] = ((images[:, 3] - 0.5) * 4 + 0.5).clamp(0, 1)
    images[:, :3] *= images[:, 3:]
    return images


def opaque(n: int, size: int = CANVAS, seed: int = 0) -> torch.Tensor:
    images = pictures(n, size, seed)
    images[:, :3] /= images[:, 3:].clamp(min=1e-6)
    images[:, :3] = images[:, :3].clamp(0, 1).mul(255).round() / 255  # as from a file
    images[:, 3] = 1
    return images


def drawn(name: str, n: int) -> Parameters:
    return transform(name).sample(n, rows(n, name))


def changing(name: str, n: int) -> Parameters:
    """Draws in which every image is changed: those that left one alone are passed over."""
    many = drawn(name, 40 * n)
    off = identity_parameters(name, 1)
    changed = torch.stack([many[k] != v for k, v in off.items() if k not in ("seed", "x", "y")] or [many["x"] != 0])
    keep = changed.all(0).nonzero()[:n, 0]
    assert len(keep) == n
    return {k: v[keep] for k, v in many.items()}


def cut(parameters: Parameters, part: slice | torch.Tensor) -> Parameters:
    return {k: v[part] for k, v in parameters.items()}


def put(images: torch.Tensor, name: str, **values: float) -> torch.Tensor:
    """The family with the same parameters for every image."""
    return transform(name).apply(images, **{k: torch.full((len(images),), v) for k, v in values.items()})


# ----------------------------------------------------------------------------------------------------- the table itself


def test_there_are_18_families_in_three_groups_of_six() -> None:
    assert len(TRANSFORMS) == 18
    assert [sum(t.group == group for t in TRANSFORMS.values()) for group in GROUPS] == [6, 6, 6]
    assert all(name == t.name for name, t in TRANSFORMS.items())
    assert {t.name for t in TRANSFORMS.values() if t.matrix is not None} == set(GEOMETRIC)
    assert len({t.what for t in TRANSFORMS.values()}) == 18


def test_an_unknown_name_lists_the_valid_ones() -> None:
    with pytest.raises(ValueError, match="there is no transformation 'spin'; choose from scale, translate, rotate"):
        transform("spin")
    with pytest.raises(ValueError, match=", ".join(NAMES)):
        draw(["rotate", "spin"], 1, rows(1))
    with pytest.raises(ValueError, match="spin"):
        operations(["spin"], [{}])


@pytest.mark.parametrize("name", NAMES)
def test_draws_are_rows_of_what_apply_takes(name: str) -> None:
    family = transform(name)
    for n in (0, 1, 50):
        parameters = family.sample(n, rows(n))
        assert all(v.shape == (n,) for v in parameters.values())
        assert all(v.dtype == (torch.int64 if k == "seed" else torch.float32) for k, v in parameters.items())
    kernel = family.matrix or getattr(family.apply, "in_torch", family.apply)
    names = [p for p in inspect.signature(kernel).parameters if p != "images"]
    assert list(parameters) == names
    assert set(family.identity) == set(names) - {"seed"}


@pytest.mark.parametrize("name", NAMES)
def test_axes_hold_the_draws_and_the_identity(name: str) -> None:
    family = transform(name)
    parameters = family.sample(DRAWS, rows(DRAWS))
    assert [axis.parameter for axis in family.axes] == [k for k in parameters if k != "seed"]
    for axis in family.axes:
        values = parameters[axis.parameter]
        reach = axis.high - axis.low
        assert axis.low - 1e-6 <= values.min() < axis.low + 0.01 * reach
        assert axis.high + 1e-6 >= values.max() > axis.high - 0.01 * reach
        assert axis.low <= family.identity[axis.parameter] <= axis.high
        assert 0 < axis.step <= reach


# ------------------------------------------------------------------------------------------------------ conformance


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_written_in_place(name: str) -> None:
    images, parameters = pictures(9), drawn(name, 9)
    before, given = images.clone(), {k: v.clone() for k, v in parameters.items()}
    transform(name).apply(images, **parameters)
    assert torch.equal(images, before)
    assert all(torch.equal(parameters[k], v) for k, v in given.items())


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("name", NAMES)
def test_results_are_valid_pictures_of_the_same_kind(name: str, size: int) -> None:
    images = pictures(24, size)
    found = transform(name).apply(images, **drawn(name, 24))
    assert (found.shape, found.dtype, found.device) == (images.shape, images.dtype, images.device)
    assert found.isfinite().all()
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-6
    assert (found[:, :3] - found[:, 3:]).max() <= 1e-6  # no colour brighter than its alpha
    assert not torch.equal(found, images)


@pytest.mark.parametrize("size", [16, 33])
@pytest.mark.parametrize("name", NAMES)
def test_other_sizes_work(name: str, size: int) -> None:
    found = transform(name).apply(pictures(3, size), **changing(name, 3))
    assert found.shape == (3, 4, size, size)
    assert (found[:, :3] - found[:, 3:]).max() <= 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_equals_its_images_one_by_one(name: str) -> None:
    images, parameters = pictures(20), drawn(name, 20)
    whole = transform(name).apply(images, **parameters)
    single = [transform(name).apply(images[i : i + 1], **cut(parameters, slice(i, i + 1))) for i in range(20)]
    assert torch.equal(whole, torch.cat(single))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_parameters_give_the_same_pixels(name: str) -> None:
    images, parameters = pictures(8), drawn(name, 8)
    again = drawn(name, 8)
    assert all(torch.equal(again[k], v) for k, v in parameters.items())
    assert torch.equal(transform(name).apply(images, **parameters), transform(name).apply(images, **again))


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_batch_stays_empty(name: str) -> None:
    assert transform(name).apply(pictures(0), **drawn(name, 0)).shape == (0, 4, CANVAS, CANVAS)


@pytest.mark.parametrize("name", NAMES)
def test_the_layout_in_memory_does_not_matter(name: str) -> None:
    images, parameters = pictures(6), changing(name, 6)
    expected = transform(name).apply(images, **parameters)
    spread = torch.zeros(6, 4, CANVAS, 2 * CANVAS)
    spread[..., ::2] = images
    for other in (
        images.contiguous(memory_format=torch.channels_last),
        spread[..., ::2],
        images.flip(3).contiguous().flip(3),
        images.mT.contiguous().mT,
    ):
        assert torch.equal(other, images)
        assert torch.allclose(transform(name).apply(other, **parameters), expected, atol=1e-6)
    one = images[:1].expand(6, -1, -1, -1)
    same = cut(parameters, torch.zeros(6, dtype=torch.int64))
    assert torch.allclose(transform(name).apply(one, **same), expected[:1].expand(6, -1, -1, -1), atol=1e-6)


@pytest.mark.parametrize("size", [32, 48, 64])
@pytest.mark.parametrize("name", NAMES)
def test_the_identity_changes_nothing(name: str, size: int) -> None:
    images = pictures(6, size)
    found = transform(name).apply(images, **identity_parameters(name, 6))
    near = 2e-6 * size if transform(name).group == "geometric" else 1e-4 if name == "blur" else 2e-6
    assert (found - images).abs().max() <= near


@pytest.mark.parametrize(
    "name", [t.name for t in TRANSFORMS.values() if t.group == "photometric" and t.name != "sharpen"]
)
def test_photometric_families_keep_alpha(name: str) -> None:
    images = pictures(16)
    assert torch.equal(transform(name).apply(images, **changing(name, 16))[:, 3], images[:, 3])


@pytest.mark.parametrize("name", ["noise", "contrast"])
def test_so_do_noise_and_contrast(name: str) -> None:
    images = pictures(16)
    assert torch.equal(transform(name).apply(images, **changing(name, 16))[:, 3], images[:, 3])


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_a_gpu_gives_the_same_pictures(name: str) -> None:
    images, parameters = pictures(16), drawn(name, 16)
    there = transform(name).apply(images.cuda(), **{k: v.cuda() for k, v in parameters.items()})
    assert there.device.type == "cuda"
    here = transform(name).apply(images, **parameters)
    wrong = (there.cpu() - here).abs() > 1e-3  # a pixel may fall on the other side of a threshold
    assert wrong.float().mean() < 1e-3


# ------------------------------------------------------------------------------- half of the images are left alone


@pytest.mark.parametrize(("name", "switch"), HALVES)
def test_images_that_are_left_alone_keep_every_bit(name: str, switch: str) -> None:
    images, parameters = pictures(40), drawn(name, 40)
    off = parameters[switch] == transform(name).identity[switch]
    assert 5 < off.sum() < 35
    found = transform(name).apply(images, **parameters)
    assert torch.equal(found[off], images[off])
    assert all(not torch.equal(a, b) for a, b in zip(found[~off], images[~off], strict=True))
    everyone = changing(name, 40)
    assert all(not torch.equal(a, b) for a, b in zip(transform(name).apply(images, **everyone), images, strict=True))


def test_only_where_calls_the_kernel_with_the_chosen_rows_alone() -> None:
    calls = []

    @only_where("amount", 0.0)
    def kernel(images: torch.Tensor, amount: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        calls.append((len(images), amount.tolist(), other.tolist()))
        return images + amount[:, None, None, None]

    images = pictures(4)
    amount, other = torch.tensor([0.0, 2.0, 0.0, 3.0]), torch.tensor([1.0, 2.0, 3.0, 4.0])
    found = kernel(images, amount=amount, other=other)
    assert calls == [(2, [2.0, 3.0], [2.0, 4.0])]
    assert torch.equal(found, images + amount[:, None, None, None])
    assert torch.equal(kernel(images, amount=torch.zeros(4), other=other), images)
    assert len(calls) == 1
    kernel(images, amount=torch.ones(4), other=other)
    assert calls[1][0] == 4


# ------------------------------------------------------------------------------------------- oracles, opaque pictures

BILINEAR = InterpolationMode.BILINEAR


def affine(image: torch.Tensor, angle=0.0, translate=(0, 0), scale=1.0, shear=(0.0, 0.0)) -> torch.Tensor:
    return tv.affine(image, angle, list(translate), scale, list(shear), interpolation=BILINEAR)


def elastic_by_torchvision(image: torch.Tensor, alpha: float, seed: int) -> torch.Tensor:
    rough = uniform_field(torch.tensor([seed]), 2 * CANVAS * CANVAS).view(2, 1, 1, CANVAS, CANVAS) * 2 - 1
    dx, dy = (tv.gaussian_blur(field, [41, 41], [5.0, 5.0])[0, 0] * alpha / CANVAS for field in rough)
    return tv.elastic(image, torch.stack([dx, dy], -1)[None], interpolation=BILINEAR)


def pixelate_by_pil(image: torch.Tensor, fraction: float) -> torch.Tensor:
    size = image.shape[-1]
    cells = int(size * round(fraction, 6))
    planes = (Image.fromarray(plane.numpy()).resize((cells, cells), Image.Resampling.BOX) for plane in image)
    blocks = (np.array(plane.resize((size, size), Image.Resampling.NEAREST)) for plane in planes)
    return torch.stack([torch.from_numpy(plane) for plane in blocks])


def erase(image: torch.Tensor, side: float, x: float, y: float) -> torch.Tensor:
    image = image.clone()
    image[:, int(y) : int(y + side), int(x) : int(x + side)] = 0
    return image


def colours(change: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """An oracle that knows only RGB, on an opaque picture."""
    return lambda image, **p: torch.cat([change(image[:3], **p), image[3:]])


ORACLES: dict[str, Callable[..., torch.Tensor]] = {
    "scale": lambda image, factor: affine(image, scale=factor),
    "translate": lambda image, x, y: affine(image, translate=(x, y)),
    "rotate": lambda image, angle: tv.rotate(image, angle, interpolation=BILINEAR),
    "shear": lambda image, x, y: affine(image, shear=(x, y)),
    "h_flip": lambda image, flip: tv.horizontal_flip(image),
    "v_flip": lambda image, flip: tv.vertical_flip(image),
    "hue": colours(lambda image, shift: tv.adjust_hue(image, shift)),
    "brightness": colours(lambda image, factor: tv.adjust_brightness(image, factor)),
    "grayscale": colours(lambda image, amount: tv.rgb_to_grayscale(image, num_output_channels=3)),
    "posterize": colours(lambda image, bits: tv.posterize(image, int(bits))),
    "invert": colours(lambda image, amount: tv.invert(image)),
    "sharpen": colours(lambda image, factor: tv.adjust_sharpness(image, factor)),
    "blur": lambda image, sigma: tv.gaussian_blur(image, [7, 7], [sigma, sigma]),
    "pixelate": pixelate_by_pil,
    "elastic": elastic_by_torchvision,
    "erasing": erase,
    "contrast": colours(lambda image, factor: tv.adjust_contrast(image, factor)),
}


def test_every_family_has_an_oracle() -> None:
    """Noise has no fixed answer; its statistics are tested below."""
    assert {*ORACLES, "noise"} == set(NAMES)


@pytest.mark.parametrize("name", list(ORACLES))
def test_opaque_pictures_equal_an_independent_implementation(name: str) -> None:
    images, parameters = opaque(24, seed=1), changing(name, 24)
    found = transform(name).apply(images, **parameters)
    for i, image in enumerate(images):
        expected = ORACLES[name](image, **{k: v[i].item() for k, v in parameters.items()})
        wrong = (found[i] - expected).abs()
        near = 1e-4 if name in ("rotate", "shear", "scale", "elastic", "hue") else 1e-5
        assert wrong.max() < near, f"{name} {cut(parameters, slice(i, i + 1))}"


def test_translate_by_half_a_pixel() -> None:
    image = opaque(1)
    assert torch.allclose(put(image, "translate", x=2.5, y=-1.5)[0], affine(image[0], translate=(2.5, -1.5)), atol=1e-5)


def test_translate_moves_as_it_says_at_every_size() -> None:
    for size, factor in ((32, 1), (64, 2)):
        image = torch.zeros(1, 4, size, size)
        image[..., size // 2, size // 2] = 1
        found = put(image, "translate", x=3.0, y=-4.0)
        assert found[0, 3, size // 2 - 4 * factor, size // 2 + 3 * factor].item() == pytest.approx(1, abs=1e-4)


def test_rotate_turns_counter_clockwise_as_seen() -> None:
    image = opaque(1)
    assert torch.allclose(put(image, "rotate", angle=90.0)[0], image[0].rot90(1, (1, 2)), atol=1e-4)


@pytest.mark.parametrize("bits", [1, 2, 3, 7])
def test_posterize_keeps_the_upper_bits(bits: int) -> None:
    steps = torch.arange(256) / 255
    image = torch.ones(1, 4, 16, 16)
    image[0, :3] = steps.view(16, 16)
    levels = (put(image, "posterize", bits=float(bits))[0, 0] * 2**bits).round()
    assert torch.equal(levels.flatten(), torch.arange(256.0).div(2 ** (8 - bits)).floor())


@pytest.mark.parametrize("size", [16, 32, 48, 64, 100])
def test_pixelate_equals_pil_at_every_size(size: int) -> None:
    images = opaque(2, size)
    for fraction in (0.3, 0.25, 0.5, 0.44, 0.77, 0.99):
        found = put(images, "pixelate", fraction=fraction)
        for image, blocks in zip(images, found, strict=True):
            assert torch.allclose(blocks, pixelate_by_pil(image, fraction), atol=1e-5), fraction


def test_pixelate_takes_a_fraction_for_each_image() -> None:
    images, fraction = pictures(4), torch.tensor([0.3, 0.5, 1.0, 0.7])
    found = transform("pixelate").apply(images, fraction=fraction)
    for i in range(4):
        assert torch.allclose(found[i], pixelate_by_pil(images[i], fraction[i].item()), atol=1e-5)


def test_half_an_amount_is_half_way() -> None:
    images = pictures(4)
    for name in ("invert", "grayscale"):
        half_way = (images + put(images, name, amount=1.0)) / 2
        assert torch.allclose(put(images, name, amount=0.5), half_way, atol=1e-6)


@pytest.mark.parametrize("size", [16, 33, 64])
def test_the_grid_in_one_product_equals_torchs(size: int) -> None:
    for name in GEOMETRIC:
        for n in (1, 2, 37):
            matrix = folded([name, "rotate", "translate"], [drawn(k, n) for k in (name, "rotate", "translate")])
            expected = F.affine_grid(matrix[:, :2], [n, 4, size, size], align_corners=False)
            assert (affine_grid(matrix, size) - expected).abs().max() < 2e-6


def test_no_weight_of_a_blur_is_so_small_that_arithmetic_with_it_is_slow() -> None:
    sigma = torch.linspace(0.1, 1.5, 500)
    weights = transforms.gaussian_weights(sigma, 7)
    assert weights[weights > 0].min() > 1e-13
    at = torch.arange(7).double() - 3
    exact = torch.exp(-0.5 * (at / sigma.double()[:, None]) ** 2)
    assert (weights - exact / exact.sum(1, keepdim=True)).abs().max() < 1e-7
    assert torch.allclose(weights.sum(1), torch.ones(500))


def test_noise_equals_the_quantile_of_the_normal() -> None:
    images, (strength, seed) = pictures(40), changing("noise", 40).values()
    quantile = (uniform_field(seed, 3, CANVAS, CANVAS) + 2.0**-25).double()
    added = torch.special.ndtri(quantile).clamp(0, 1) * strength[:, None, None, None]
    alpha = images[:, 3:].double()
    expected = torch.minimum(images[:, :3] + added * alpha, alpha)
    assert (transform("noise").apply(images, strength=strength, seed=seed)[:, :3] - expected).abs().max() < 1e-6


def test_hue_equals_hsv_on_every_colour_of_a_cube() -> None:
    """Also where two or three channels are equal, on the borders of the sectors, and for half a turn exactly."""
    levels = torch.linspace(0, 1, 16)
    cube = torch.cartesian_prod(levels, levels, levels).T.reshape(3, 64, 64)
    image = torch.cat([cube, torch.ones(1, 64, 64)])
    for shift in (-0.5, -1 / 3, -0.25, -1 / 6, 0.0, 1e-4, 0.1, 1 / 6, 0.5):
        expected = tv.adjust_hue(cube, shift)
        assert (put(image[None], "hue", shift=shift)[0, :3] - expected).abs().max() < 1e-5, shift


def test_noise_is_a_clipped_normal_for_each_pixel_and_channel() -> None:
    black = torch.zeros(100, 4, CANVAS, CANVAS)
    black[:, 3] = 1
    seed = rows(100).seeds(100)
    added = transform("noise").apply(black, strength=torch.ones(100), seed=seed)[:, :3].double()
    n = added.numel()
    normal = stats.norm()
    mean = normal.pdf(0) - normal.pdf(1) + normal.sf(1)  # of clip(N, 0, 1)
    square = normal.cdf(1) - 0.5 - normal.pdf(1) + normal.sf(1)
    assert abs((added == 0).double().mean() - 0.5) < 5 * 0.5 / math.sqrt(n)
    assert abs((added == 1).double().mean() - normal.sf(1)) < 5 * math.sqrt(normal.sf(1) / n)
    assert abs(added.mean() - mean) < 5 * math.sqrt((square - mean**2) / n)
    assert abs(added.var() - (square - mean**2)) < 0.003
    flat = added.flatten(2)
    assert torch.corrcoef(flat.transpose(0, 1).flatten(1)).triu(1).abs().max() < 5 / math.sqrt(n / 3)
    assert abs(torch.corrcoef(torch.stack([flat[..., 1:].flatten(), flat[..., :-1].flatten()]))[0, 1]) < 0.01
    assert len(added.flatten(1).unique(dim=0)) == 100
    half = transform("noise").apply(black, strength=torch.full((100,), 0.5), seed=seed)[:, :3]
    assert torch.allclose(half.double(), added / 2, atol=1e-6)


def test_noise_is_clipped_at_white() -> None:
    images = opaque(2)
    found = transform("noise").apply(images, strength=torch.ones(2), seed=rows(2).seeds(2))
    assert found.max() == 1
    assert (found >= images).all()


def test_elastic_fields_differ_between_images_and_grow_with_the_canvas() -> None:
    seed = rows(3).seeds(3)
    fields = transforms.elastic_field(seed)
    assert fields.shape == (3, 2, CANVAS, CANVAS)
    assert (fields[0] - fields[1]).abs().max() > 0.01
    smooth = F.interpolate(torch.rand(3, 4, 4, 4, generator=torch.Generator().manual_seed(0)), 64, mode="bicubic")
    smooth = smooth.clamp(0, 1)
    alpha = torch.full((3,), 150.0)
    large = F.avg_pool2d(transform("elastic").apply(smooth, alpha=alpha, seed=seed), 2)
    small = transform("elastic").apply(F.avg_pool2d(smooth, 2), alpha=alpha, seed=seed)
    inner = slice(8, 24)
    assert (large - small)[..., inner, inner].abs().mean() < 0.01


def test_lengths_grow_with_the_canvas() -> None:
    """The same parameters look the same at 32 and at 64 pixels."""
    generator = torch.Generator().manual_seed(3)
    large = F.interpolate(torch.rand(4, 4, 6, 6, generator=generator), 64, mode="bicubic").clamp(0, 1)
    large[:, :3] *= large[:, 3:]
    small = F.avg_pool2d(large, 2)
    for name in ("scale", "translate", "rotate", "shear", "blur", "erasing", "contrast", "brightness", "hue"):
        parameters = changing(name, 4)
        there = F.avg_pool2d(transform(name).apply(large, **parameters), 2)
        here = transform(name).apply(small, **parameters)
        assert (there - here)[..., 4:-4, 4:-4].abs().mean() < 0.01, name


# ----------------------------------------------------------------------------------------------------- transparency

LINEAR = ("scale", "translate", "rotate", "shear", "h_flip", "v_flip", "blur", "pixelate", "elastic")


@pytest.mark.parametrize("name", LINEAR)
def test_resampling_and_smoothing_commute_with_compositing(name: str) -> None:
    """Over a plain background, transforming the cut-out and then pasting equals transforming the finished picture (with
    more of the same background around it). It holds for premultiplied colours only."""
    images, parameters = pictures(8), changing(name, 8)
    behind = torch.tensor([0.9, 0.4, 0.1]).view(1, 3, 1, 1)
    found = transform(name).apply(images, **parameters)
    pasted = found[:, :3] + (1 - found[:, 3:]) * behind
    finished = images[:, :3] + (1 - images[:, 3:]) * behind
    beyond = torch.cat([finished - behind, images[:, 3:]], 1)  # the background's colour counts as nothing
    expected = transform(name).apply(beyond, **parameters)[:, :3] + behind
    assert torch.allclose(pasted, expected, atol=1e-5)


@pytest.mark.parametrize("name", [*LINEAR, "erasing", "sharpen"])
def test_edges_have_no_dark_fringe(name: str) -> None:
    """White on transparent stays white wherever anything shows."""
    generator = torch.Generator().manual_seed(0)
    images = pictures(16)
    images[:, 3, 4:-4, 4:-4] = (torch.rand(16, 24, 24, generator=generator) > 0.5).float()
    images[:, :3] = images[:, 3:]
    found = transform(name).apply(images, **changing(name, 16))
    shows = found[:, 3] > 1e-3
    straight = found[:, :3] / found[:, 3:].clamp(min=1e-6)
    assert straight.amin(1)[shows].min() > 1 - 1e-3
    assert torch.allclose(found[:, :3], found[:, 3:].expand(-1, 3, -1, -1), atol=1e-6)


@pytest.mark.parametrize("name", ["hue", "brightness", "grayscale", "posterize", "invert", "noise"])
def test_colour_changes_act_on_the_straight_colour(name: str) -> None:
    """A half-transparent pixel gets the colour that the opaque one gets."""
    images, parameters = opaque(12), changing(name, 12)
    alpha = torch.rand(12, 1, CANVAS, CANVAS, generator=torch.Generator().manual_seed(1)) * 0.98 + 0.02
    solid, clear = (transform(name).apply(i, **parameters) for i in (images, images * alpha))
    wrong = (clear - solid * alpha).abs() > 1e-5
    assert wrong.float().mean() < 1e-4  # posterize: a level may tip over by rounding
    if name != "posterize":
        assert not wrong.any()


def test_contrast_takes_the_mean_of_the_object_alone() -> None:
    images = opaque(5)
    framed = torch.zeros_like(images)
    framed[:, :, 6:20, 9:30] = images[:, :, 6:20, 9:30]
    factors = torch.tensor([0.0, 0.5, 1.5, 2.0, 0.2])
    found = transform("contrast").apply(framed, factor=factors)[:, :3, 6:20, 9:30]
    for i, factor in enumerate(factors.tolist()):
        assert torch.allclose(found[i], tv.adjust_contrast(framed[i, :3, 6:20, 9:30], factor), atol=1e-5)
    nothing = torch.zeros(1, 4, CANVAS, CANVAS)
    assert torch.equal(put(nothing, "contrast", factor=0.5), nothing)


def test_sharpen_works_on_premultiplied_colours_and_alpha_alike() -> None:
    images = pictures(6)
    found = put(images, "sharpen", factor=7.0)
    for image, sharp in zip(images, found, strict=True):
        alpha = tv.adjust_sharpness(image[3:], 7.0)
        assert torch.allclose(sharp[3:], alpha, atol=1e-5)
        smooth = tv.adjust_sharpness(image[:3], 0.0)
        expected = (smooth + 7 * (image[:3] - smooth)).clamp(min=0).minimum(alpha)
        assert torch.allclose(sharp[:3], expected, atol=1e-5)


def test_erasing_leaves_the_background_to_be_seen() -> None:
    found = put(opaque(1), "erasing", side=14.0, x=18.0, y=0.0)
    assert found[0, 3].sum() == CANVAS**2 - 14**2
    assert not found[0, :, :14, 18:].any()


# ---------------------------------------------------------------------------------------------------------- folding


def smooth_function(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(4, …) in [0, 1] at coordinates in [−1, 1]; the last is 1 so that it can be an alpha."""
    waves = [np.sin(3 * x + 1) + np.cos(2 * y), np.cos(2 * x - 3 * y), np.sin(4 * x * y + y)]
    return np.stack([*(0.5 + 0.24 * wave for wave in waves), np.ones_like(x)])


def inverse_map(name: str, p: dict[str, float], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixel at (x, y), y downwards, was before the family was applied; written down independently."""
    if name == "scale":
        return x / p["factor"], y / p["factor"]
    if name == "translate":
        return x - p["x"] / 16, y - p["y"] / 16
    if name == "rotate":  # back clockwise as seen, which with y downwards is the usual rotation
        turn = np.exp(1j * math.radians(p["angle"])) * (x + 1j * y)
        return turn.real, turn.imag
    if name == "shear":  # first back along y, then along x
        a, b = math.tan(math.radians(p["x"])), math.tan(math.radians(p["y"]))
        sheared = b * x + y
        return x + a * sheared, sheared
    return (-x, y) if name == "h_flip" and p["flip"] else (x, -y) if name == "v_flip" and p["flip"] else (x, y)


CHAINS = [
    [("rotate", {"angle": 25.0}), ("scale", {"factor": 0.8})],
    [("scale", {"factor": 0.8}), ("rotate", {"angle": 25.0})],
    [("translate", {"x": 3.25, "y": -2.2}), ("rotate", {"angle": 100.0})],
    [("rotate", {"angle": 100.0}), ("translate", {"x": 3.25, "y": -2.2})],
    [("shear", {"x": 20.0, "y": -10.0}), ("rotate", {"angle": 30.0}), ("h_flip", {"flip": 1.0})],
    [("h_flip", {"flip": 1.0}), ("shear", {"x": 20.0, "y": -10.0}), ("v_flip", {"flip": 1.0})],
    [
        ("v_flip", {"flip": 0.0}),
        ("scale", {"factor": 0.7}),
        ("shear", {"x": -15.0, "y": 25.0}),
        ("translate", {"x": 1.5, "y": 2.5}),
        ("rotate", {"angle": 310.0}),
    ],
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: "-".join(name for name, _ in chain))
def test_neighbouring_geometric_families_are_one_resampling(chain: list[tuple[str, dict[str, float]]]) -> None:
    size = 64
    centres = (np.arange(size) * 2 + 1) / size - 1
    x, y = np.meshgrid(centres, centres)
    image = torch.from_numpy(smooth_function(x, y)).float()[None]
    names = [name for name, _ in chain]
    parameters = [{k: torch.tensor([v]) for k, v in p.items()} for _, p in chain]

    inside = np.ones((size, size), dtype=bool)
    for name, p in reversed(chain):
        x, y = inverse_map(name, p, x, y)
        inside &= np.maximum(abs(x), abs(y)) < 1 - 3 / size  # clear of the transparent outside at every stage
    assert inside.mean() > 0.2
    expected = smooth_function(x, y)

    once = apply_all(image, operations(names, parameters))[0].double().numpy()
    each = image
    for name, p in zip(names, parameters, strict=True):
        each = transform(name).apply(each, **p)
    wrong_once = np.abs(once - expected)[:, inside]
    wrong_each = np.abs(each[0].double().numpy() - expected)[:, inside]
    assert wrong_once.max() < 3e-3  # of linear interpolation: h² / 8 · f″
    if sum(name not in ("h_flip", "v_flip") for name in names) > 1:
        assert wrong_once.mean() < 0.9 * wrong_each.mean()


def test_folding_is_one_warp_with_the_product_of_the_matrices() -> None:
    images = pictures(12)
    names = ["rotate", "shear", "scale"]
    parameters = draw(names, 12, rows(12))
    matrices = [transform(n).matrix(**p) for n, p in zip(names, parameters, strict=True)]
    product = matrices[0] @ matrices[1] @ matrices[2]
    assert torch.allclose(folded(names, parameters), product, atol=1e-5)
    assert torch.allclose(apply_all(images, operations(names, parameters)), transforms.warp(images, product), atol=1e-4)


def test_only_neighbours_are_folded() -> None:
    images = pictures(8)
    for names in (["rotate", "blur", "scale"], ["hue"], ["erasing", "rotate"], ["invert", "posterize", "blur"], []):
        parameters = draw(names, 8, rows(8))
        expected = images
        for name, p in zip(names, parameters, strict=True):
            expected = transform(name).apply(expected, **p)
        assert torch.equal(apply_all(images, operations(names, parameters)), expected)
    names = ["blur", "rotate", "scale", "invert", "translate", "h_flip", "noise"]
    parameters = draw(names, 8, rows(8))
    expected = transform("blur").apply(images, **parameters[0])
    expected = apply_all(expected, operations(names[1:3], parameters[1:3]))
    expected = transform("invert").apply(expected, **parameters[3])
    expected = apply_all(expected, operations(names[4:6], parameters[4:6]))
    assert torch.equal(
        apply_all(images, operations(names, parameters)), transform("noise").apply(expected, **parameters[6])
    )


def test_the_order_of_families_matters() -> None:
    images = pictures(4)
    parameters = draw(["translate", "rotate"], 4, rows(4))
    there = apply_all(images, operations(["translate", "rotate"], parameters))
    back = apply_all(images, operations(["rotate", "translate"], parameters[::-1]))
    assert (there - back).abs().max() > 0.1


def test_an_object_pushed_out_by_one_family_comes_back_with_the_next() -> None:
    """Folding never loses what is outside for a moment; it is still premultiplied and in range."""
    images = opaque(1)
    names = ["translate", "translate"]
    there, back = {"x": torch.tensor([40.0]), "y": torch.zeros(1)}, {"x": torch.tensor([-40.0]), "y": torch.zeros(1)}
    assert torch.allclose(apply_all(images, operations(names, [there, back])), images, atol=1e-4)


# ---------------------------------------------------------------------------------------------- the published draws

UNIFORM = {
    ("scale", "factor"): (0.4, 1),
    ("rotate", "angle"): (0, 360),
    ("shear", "x"): (-50, 50),
    ("shear", "y"): (-50, 50),
    ("hue", "shift"): (-0.5, 0.5),
    ("brightness", "factor"): (0, 2),
    ("blur", "sigma"): (0.1, 1.5),
    ("contrast", "factor"): (0, 2),
}
SWITCHED = {
    ("h_flip", "flip"): (0, 1),
    ("v_flip", "flip"): (0, 1),
    ("grayscale", "amount"): (0, 1),
    ("posterize", "bits"): (8, 1),
    ("invert", "amount"): (0, 1),
    ("sharpen", "factor"): (1, 7),
    ("noise", "strength"): (0, 1),
    ("pixelate", "fraction"): (1, 0.3),
    ("elastic", "alpha"): (0, 150),
    ("erasing", "side"): (0, 14),
}
PLACED = {
    ("translate", "x"): [i - 5 for i in range(11)],
    ("translate", "y"): [i - 5 for i in range(11)],
    ("erasing", "x"): list(range(19)),
    ("erasing", "y"): list(range(19)),
}


def test_every_parameter_has_a_published_draw() -> None:
    drawn_ones = {(name, k) for name in NAMES for k in drawn(name, 1) if k != "seed"}
    assert drawn_ones == set(UNIFORM) | set(SWITCHED) | set(PLACED)


@pytest.mark.parametrize(("name", "parameter"), list(UNIFORM))
def test_uniform_draws(name: str, parameter: str) -> None:
    low, high = UNIFORM[name, parameter]
    values = drawn(name, DRAWS)[parameter].double()
    assert low <= values.min() + 1e-6
    assert values.max() <= high + 1e-6
    assert abs(values.mean() - (low + high) / 2) < 5 * (high - low) / math.sqrt(12 * DRAWS)
    assert stats.kstest(((values - low) / (high - low)).numpy(), "uniform").pvalue > 1e-4


@pytest.mark.parametrize(("name", "parameter"), list(SWITCHED))
def test_half_of_the_images_are_changed(name: str, parameter: str) -> None:
    off, on = SWITCHED[name, parameter]
    values = drawn(name, DRAWS)[parameter]
    assert {round(v, 6) for v in values.unique().tolist()} == {off, on}
    changed = int((values - on).abs().lt(1e-6).sum())
    assert abs(changed - DRAWS / 2) < 5 * math.sqrt(DRAWS / 4)


@pytest.mark.parametrize(("name", "parameter"), list(PLACED))
def test_places_are_uniform(name: str, parameter: str) -> None:
    values, counts = drawn(name, DRAWS)[parameter].unique(return_counts=True)
    assert values.tolist() == PLACED[name, parameter]
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4


@pytest.mark.parametrize("name", [n for n in NAMES if len(drawn(n, 1)) > 1])
def test_parameters_of_a_family_are_independent(name: str) -> None:
    values = torch.stack([v.double() for v in drawn(name, DRAWS).values()])
    assert torch.corrcoef(values).triu(1).abs().max() < 5 / math.sqrt(DRAWS)


def test_translate_keeps_the_object_on_the_canvas() -> None:
    image = torch.zeros(1, 4, CANVAS, CANVAS)
    image[..., 5:27, 5:27] = 1
    for x in PLACED["translate", "x"]:
        found = put(image, "translate", x=float(x), y=5.0)
        assert found[0, 3].sum().item() == pytest.approx(22 * 22, abs=0.01)
        assert found[0, 3, 10:32, 5 + x : 27 + x].min() > 1 - 1e-4


# ------------------------------------------------------------------------------------------------------ several at once


def test_a_family_draws_the_same_whatever_stands_beside_it() -> None:
    alone = draw(["rotate"], 100, rows(100))[0]["angle"]
    for names in (["hue", "rotate"], ["rotate", "noise"], ["blur", "erasing", "rotate", "shear"]):
        assert torch.equal(draw(names, 100, rows(100))[names.index("rotate")]["angle"], alone)


def test_a_family_named_twice_draws_twice() -> None:
    first, _, second = draw(["rotate", "hue", "rotate"], 100, rows(100))
    assert torch.equal(first["angle"], draw(["rotate"], 100, rows(100))[0]["angle"])
    assert not (first["angle"] == second["angle"]).any()


def test_families_draw_independently_of_each_other() -> None:
    angle, factor = draw(["rotate", "brightness"], DRAWS, rows(DRAWS))
    pair = torch.stack([angle["angle"], factor["factor"]]).double()
    assert abs(torch.corrcoef(pair)[0, 1]) < 5 / math.sqrt(DRAWS)
    flips = draw(["h_flip", "v_flip"], DRAWS, rows(DRAWS))
    assert abs((flips[0]["flip"] == flips[1]["flip"]).double().mean() - 0.5) < 5 * 0.5 / math.sqrt(DRAWS)


def test_drawing_does_not_move_the_generator_it_is_given() -> None:
    generator = rows(10)
    first = draw(NAMES, 10, generator)
    again = draw(NAMES, 10, generator)
    assert all(torch.equal(a[k], b[k]) for a, b in zip(first, again, strict=True) for k in a)


def test_smoothing_has_no_hidden_memory_of_sizes() -> None:
    """Matrices are kept for the next call; another size or value must not get them."""
    for _ in range(2):
        for size in (32, 48):
            image = opaque(1, size)
            for fraction in (0.3, 0.5):
                expected = pixelate_by_pil(image[0], fraction)
                assert torch.allclose(put(image, "pixelate", fraction=fraction)[0], expected, atol=1e-5)
            taps = 2 * math.ceil(3 * size / CANVAS) + 1
            smooth = tv.gaussian_blur(image, [taps, taps], [size / CANVAS, size / CANVAS])
            assert torch.allclose(put(image, "blur", sigma=1.0), smooth, atol=1e-5)
