"""The sheet of pictures that is shown at the pointer: every picture lies where the script looks for it."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

from invlab.responses import Along, Response, images_at
from invlab.studies.singles import Singles
from invlab.ui import hover, instruments


def decoded(sheet: str) -> np.ndarray:
    head, _, data = sheet.partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
        return np.asarray(picture.convert("RGB"))


def cell(whole: np.ndarray, number: int, width: int, height: int) -> np.ndarray:
    top, left = number // hover.COLUMNS * height, number % hover.COLUMNS * width
    return whole[top : top + height, left : left + width]


@pytest.mark.parametrize("count", [1, hover.COLUMNS, hover.COLUMNS + 3])
def test_every_picture_has_its_place(count: int) -> None:
    pictures = [np.full((16, 24, 3), 250 * number // count, np.uint8) for number in range(count)]
    whole = decoded(hover.sheet_of(pictures))
    assert whole.shape[0] == 16 * -(-count // hover.COLUMNS)
    for number in range(count):
        assert abs(int(cell(whole, number, 24, 16).mean()) - int(pictures[number].mean())) <= 2


def test_an_orbit_lies_in_a_row_object_by_object() -> None:
    singles = Singles(backgrounds="black")
    way = Along("brightness", "factor", (0.0, 1.0, 2.0))
    spec = Response(singles.training("rotate", 0), singles.task("new", "none", 0), (way,), 9)
    whole = decoded(instruments.orbit_sheet("key", spec, (4, 7)))
    images = images_at(spec, [*spec.points()], [4, 7])  # (values, objects, 3, 32, 32)
    for number, (which, value) in enumerate((w, v) for w in range(2) for v in range(3)):
        wanted = (images[value, which].permute(1, 2, 0).numpy() + 1) * 127.5
        assert np.abs(cell(whole, number, 32, 32) - wanted).mean() < 6  # JPEG is not exact
