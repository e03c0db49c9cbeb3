"""Draw the sprite sheet that the package reads: `python -m invlab.assets.build_sheet`.

The sheet is shipped, so nobody needs the SVG renderer (`resvg_py`) to use the objects; it is needed only to change
them. Rendering is deterministic, and a test holds the shipped sheet to the drawings pixel for pixel.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

from PIL import Image

from invlab.assets.drawings import DRAWINGS, document

HERE = Path(__file__).parent
SHEET = HERE / "objects.png"  # straight (not premultiplied) RGBA, COLUMNS x COLUMNS cells
NAMES = HERE / "objects.json"  # the names in sheet order: row by row, alphabetical
CELL = 128  # pixels on a side: four times what a task uses, so that 64-pixel pictures are sharp too
COLUMNS = 8
MARGIN = 4 / 128  # empty share of the cell beyond each end of the longer side: the border stays transparent
WIDE = 256  # units on a side of the square in which a drawing's true extent is looked for


def raster(markup: str, view: tuple[float, float, float], size: int) -> Image.Image:
    """The part `view` (left, top, side) of a drawing as a straight-alpha RGBA image of `size` x `size` pixels."""
    import resvg_py  # only whoever rebuilds the sheet has the renderer

    png = resvg_py.svg_to_bytes(svg_string=document(markup, view), width=size, height=size)
    return Image.open(io.BytesIO(bytes(png))).convert("RGBA")


def render(markup: str, size: int = CELL) -> Image.Image:
    """One drawing, centred and scaled so that its longer side leaves a margin of MARGIN of the cell at either end.

    All objects so have one size: how large it is drawn must not tell what a thing is.
    """
    scout = 2 * WIDE  # two pixels a unit are enough to find the edges to a quarter of a sheet pixel
    box = raster(markup, (64 - WIDE / 2, 64 - WIDE / 2, WIDE), scout).getchannel("A").getbbox()
    if box is None:
        raise ValueError("the drawing is empty: nothing is inside the square of 256 units about (64, 64)")
    left, top, right, bottom = (64 - WIDE / 2 + edge / 2 for edge in box)
    side = max(right - left, bottom - top) / (1 - 2 * MARGIN)
    return raster(markup, ((left + right - side) / 2, (top + bottom - side) / 2, side), size)


def sheet() -> Image.Image:
    """All drawings in alphabetical order, row by row."""
    image = Image.new("RGBA", (COLUMNS * CELL, COLUMNS * CELL))
    for place, name in enumerate(sorted(DRAWINGS)):
        row, column = divmod(place, COLUMNS)
        image.paste(render(DRAWINGS[name]), (column * CELL, row * CELL))
    return image


def main() -> None:
    """Write the sheet and its names beside this file."""
    sheet().save(SHEET, optimize=True)
    NAMES.write_text(json.dumps(sorted(DRAWINGS), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
