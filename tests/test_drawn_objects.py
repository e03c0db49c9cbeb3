"""The drawn objects must earn their place as classes: solid, lopsided, and never the same under any family's draws.

How far apart two pictures are is measured, throughout, relative to how much there is in them: the norm of their
difference over the root of the sum of their squared norms, on premultiplied RGBA. 0 is the same picture, 1 is two
pictures that share no lit pixel. A small or dark object is so held to the same floor as a large, bright one.
"""

from __future__ import annotations

import importlib.util
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from invlab.assets import build_sheet
from invlab.assets.drawings import DRAWINGS, document
from invlab.objects import bank
from invlab.seeds import Generator
from invlab.transforms import LUMA, TRANSFORMS

CLASSES = 64
DRAWS = 24  # of each family for each object: 1.16 million pairs of pictures of unlike classes for each family
# The nearest two classes come must stay above this share of the usual distance of two classes under the same family.
# The sheet's own shares lie between 0.43 (shear) and 0.62 (invert, noise).
FLOOR = 0.4
LOPSIDED = 0.25  # relative distance; moving an object diagonally by half a pixel makes 0.19 (median)


@pytest.fixture(scope="module")
def cells() -> np.ndarray:
    """The shipped sheet as uint8 (64, 128, 128, 4), straight alpha, in the order of the names."""
    side, columns = build_sheet.CELL, build_sheet.COLUMNS
    sheet = np.asarray(Image.open(build_sheet.SHEET))
    assert sheet.shape == (columns * side, columns * side, 4)
    return sheet.reshape(columns, side, columns, side, 4).swapaxes(1, 2).reshape(-1, side, side, 4)


@pytest.fixture(scope="module")
def prototypes() -> torch.Tensor:
    """float32 (64, 4, 32, 32), as tasks use them."""
    return bank("drawn", size=32).prototypes


def names() -> list[str]:
    return json.loads(build_sheet.NAMES.read_text(encoding="utf-8"))


def relative(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """(N, M) relative distances of N pictures from M others."""
    a, b = a.flatten(1), b.flatten(1)
    energy = (a * a).sum(1)[:, None] + (b * b).sum(1)[None]
    return ((energy - 2 * a @ b.T).clamp(min=0) / energy.clamp(min=1e-9)).sqrt()


def moved(images: torch.Tensor, pixels: float) -> torch.Tensor:
    """The same pictures, further right and down by `pixels`."""
    shift = torch.full((len(images),), pixels)
    return TRANSFORMS["translate"].apply(images, x=shift, y=shift)


def drawn(name: str, prototypes: torch.Tensor) -> torch.Tensor:
    """(64 · DRAWS, 4, 32, 32): each object DRAWS times in a row, each with draws of its own."""
    n = len(prototypes) * DRAWS
    parameters = TRANSFORMS[name].sample(n, Generator.of("drawn objects", name, indices=range(n)))
    return TRANSFORMS[name].apply(prototypes.repeat_interleave(DRAWS, 0), **parameters)


def all_pairs(nearest: torch.Tensor) -> list[tuple[float, str]]:
    """The distance of every pair of classes from a symmetric (64, 64) table, nearest first, with the names."""
    rows, columns = torch.triu_indices(CLASSES, CLASSES, 1)
    labels = names()
    found = zip(nearest[rows, columns].tolist(), rows.tolist(), columns.tolist(), strict=True)
    return sorted((distance, f"{labels[a]} and {labels[b]}") for distance, a, b in found)


def turned_and_mirrored(images: torch.Tensor) -> torch.Tensor:
    """(64, 72, C, 32, 32): every picture turned by each multiple of 10°, as it is and mirrored."""
    angles = torch.arange(0.0, 360.0, 10.0)
    turned = (
        TRANSFORMS["rotate"]
        .apply(images.repeat_interleave(len(angles), 0), angle=angles.repeat(len(images)))
        .unflatten(0, (len(images), len(angles)))
    )
    return torch.cat([turned, turned.flip(4)], 1)


# --------------------------------------------------------------------------------------------------- the sheet itself


@pytest.mark.skipif(importlib.util.find_spec("resvg_py") is None, reason="only rebuilding needs resvg_py")
def test_shipped_sheet_is_what_the_drawings_give(cells: np.ndarray) -> None:
    rebuilt = np.asarray(build_sheet.sheet())
    np.testing.assert_array_equal(rebuilt, np.asarray(Image.open(build_sheet.SHEET)))
    assert names() == sorted(DRAWINGS)


def test_there_are_64_names_each_used_once() -> None:
    assert len(names()) == len(set(names())) == CLASSES == len(DRAWINGS)
    assert names() == sorted(names())
    assert tuple(names()) == bank("drawn", size=32).names


@pytest.mark.parametrize("name", sorted(DRAWINGS))
def test_identifiers_start_with_the_objects_name(name: str) -> None:
    """So that any number of drawings can stand on one page; and a drawing refers to its own identifiers only."""
    markup = document(DRAWINGS[name])
    declared = re.findall(r' id="([^"]+)"', markup)
    assert all(found.startswith(name.replace(" ", "-") + "-") for found in declared)
    assert set(re.findall(r"url\(#([^)]+)\)", markup)) == set(declared)


def test_each_object_is_solid_and_fills_its_cell(cells: np.ndarray) -> None:
    """12 to 80 % of the cell opaque, the border empty, the longer side 120 of 128 pixels, centred, no veils."""
    for name, cell in zip(names(), cells, strict=True):
        alpha = cell[..., 3]
        opaque = (alpha >= 250).mean()
        assert 0.12 < opaque < 0.80, f"{name}: {opaque:.2f} of the cell is opaque"
        edge = np.concatenate([alpha[:3].ravel(), alpha[-3:].ravel(), alpha[:, :3].ravel(), alpha[:, -3:].ravel()])
        assert not edge.any(), f"{name} touches the border"
        rows, columns = np.nonzero(alpha.any(1))[0], np.nonzero(alpha.any(0))[0]
        height, width = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
        assert 119 <= max(height, width) <= 122, f"{name} measures {width} x {height}"
        assert abs(rows[0] + rows[-1] - 127) <= 3, f"{name} is not centred"
        assert abs(columns[0] + columns[-1] - 127) <= 3, f"{name} is not centred"
        veiled = ((alpha > 5) & (alpha < 250)).mean()
        assert veiled < 0.25 * opaque, f"{name}: {veiled:.2f} of the cell is neither solid nor empty"


# ------------------------------------------------------------------------------------------------------------ symmetry


def test_nearly_all_objects_are_lopsided(prototypes: torch.Tensor) -> None:
    """Mirrored left and right, mirrored top and bottom, or turned by 90° or 180°, an object is another picture.

    Otherwise a network would be invariant to those families for free, and they would teach nothing.
    """
    others = (prototypes.flip(3), prototypes.flip(2), prototypes.rot90(1, (2, 3)), prototypes.rot90(2, (2, 3)))
    least = torch.stack([relative(prototypes, other).diagonal() for other in others]).amin(0)
    alike = [name for name, distance in zip(names(), least.tolist(), strict=True) if distance < LOPSIDED]
    assert len(alike) <= CLASSES - 52, f"too symmetric: {', '.join(alike)}"


def test_the_symmetry_floor_is_above_half_a_pixel(prototypes: torch.Tensor) -> None:
    """A known answer for the measure: what the floor must exceed to mean more than resampling."""
    assert relative(prototypes, moved(prototypes, 0.5)).diagonal().median() < 0.8 * LOPSIDED


# ------------------------------------------------------------------------------------------------------- not confusable


@pytest.mark.parametrize("family", sorted(TRANSFORMS))
def test_no_two_objects_become_the_same(family: str, prototypes: torch.Tensor) -> None:
    """The smallest distance between any draw of one class and any draw of another stays above two floors.

    First, FLOOR times the usual (median) distance between draws of unlike classes of this very family: the worst case
    is of the order of the usual case. Second, what moving a drawn picture diagonally by half a pixel changes in it
    (median): classes differ by more than resampling alone does.

    The draws are the family's own, with their extremes, and those of the two classes are independent. That asks for
    more than comparing at equal parameters, and families that can wipe out colour (brightness and contrast near 0,
    posterize, noise) need no exception: they leave alpha alone, so an object is never less than its silhouette.
    Erasing leaves at least an eighth of every object, and the relative measure judges what is left.
    """
    pictures = drawn(family, prototypes)
    distances = relative(pictures, pictures)
    label = torch.arange(CLASSES).repeat_interleave(DRAWS)
    usual = distances[label[:, None] != label[None]].median().item()
    resampling = relative_to_moved(pictures).median().item()
    nearest, pair = all_pairs(distances.view(CLASSES, DRAWS, CLASSES, DRAWS).amin((1, 3)))[0]
    assert nearest > FLOOR * usual, f"{pair}: {nearest:.3f}, where {usual:.3f} is usual"
    assert nearest > resampling, f"{pair}: {nearest:.3f}, where half a pixel makes {resampling:.3f}"


def relative_to_moved(pictures: torch.Tensor) -> torch.Tensor:
    """(N,) how far each picture is from itself, moved by half a pixel."""
    other = moved(pictures, 0.5)
    energy = (pictures * pictures).flatten(1).sum(1) + (other * other).flatten(1).sum(1)
    return (((pictures - other) ** 2).flatten(1).sum(1) / energy.clamp(min=1e-9)).sqrt()


@pytest.mark.parametrize("view", ["silhouette", "grey", "colour"])
def test_no_turning_or_mirroring_makes_two_objects_the_same(view: str, prototypes: torch.Tensor) -> None:
    """Several families at once, at their worst: turned and mirrored freely, and reduced to the silhouette alone
    (brightness 0) or to shades of grey (grayscale; any hue shift leaves shades much as they are).

    Objects must differ in shape and in what is inside, so that no photometric family takes away what tells them apart.
    """
    luma = (prototypes[:, :3] * torch.tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    images = {"silhouette": prototypes[:, 3:], "grey": luma, "colour": prototypes}[view]
    orbit = turned_and_mirrored(images)
    distances = relative(orbit.flatten(0, 1), images).unflatten(0, (CLASSES, -1))  # (64, 72, 64)
    usual = distances.amin(1)[~torch.eye(CLASSES, dtype=torch.bool)].median().item()
    nearest = distances.amin(1)
    ranked = all_pairs(torch.minimum(nearest, nearest.T))
    assert ranked[0][0] > 0.5 * usual, f"{ranked[:3]}, where {usual:.3f} is usual at the best alignment"


def test_an_object_is_nearest_to_itself_however_it_is_turned(prototypes: torch.Tensor) -> None:
    """The measure can name objects: of all pictures at any angle, the nearest is nearly always of the same class."""
    orbit = turned_and_mirrored(prototypes)[:, :36]
    n = CLASSES * 4
    angles = Generator.of("drawn objects", "naming", indices=range(n)).uniform(n, 0, 360)
    asked = TRANSFORMS["rotate"].apply(prototypes.repeat_interleave(4, 0), angle=angles)
    guess = relative(asked, orbit.flatten(0, 1)).argmin(1) // 36
    right = (guess == torch.arange(CLASSES).repeat_interleave(4)).float().mean().item()
    assert right > 0.98
