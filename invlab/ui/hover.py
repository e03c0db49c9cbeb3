"""Pictures at the pointer: whoever hovers over a point of a figure sees the image behind it.

Plotly's own hover boxes hold text alone, so a small script listens to its figures. It only shows: everything it tells
is also chosen by a picker or a click, for the keyboard and for a telephone.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from PIL import Image

COLUMNS = 60  # pictures in a row of the sheet
ZOOM = 4
QUALITY = 85  # of the sheet's JPEG: 720 pictures of 32 pixels are about 700 kB

SCRIPT = """
export default function ({ data }) {
  const box = document.createElement("div");
  box.className = "il-at-pointer";
  box.setAttribute("aria-hidden", "true");
  Object.assign(box.style, {
    position: "fixed", zIndex: 1000000, pointerEvents: "none", display: "none", imageRendering: "pixelated",
    width: `${data.width * data.zoom}px`, height: `${data.height * data.zoom}px`, borderRadius: "6px",
    border: "2px solid white", boxShadow: "0 2px 10px rgba(0, 0, 0, 0.5)", backgroundImage: `url(${data.sheet})`,
    backgroundSize: `${data.width * data.columns * data.zoom}px auto`,
  });
  document.body.appendChild(box);
  const hide = () => { box.style.display = "none"; };
  const show = ({ points, event }) => {
    const point = points.find(p => p.data.name in data.first);
    if (!point) return hide();
    const cell = data.first[point.data.name] + point.pointNumber;
    const x = (cell % data.columns) * data.width * data.zoom;
    const y = Math.floor(cell / data.columns) * data.height * data.zoom;
    box.dataset.cell = cell;
    box.style.backgroundPosition = `-${x}px -${y}px`;
    const { clientX, clientY } = event;
    const wide = data.width * data.zoom + 24, high = data.height * data.zoom + 24;
    box.style.left = `${clientX + wide > window.innerWidth ? clientX - wide : clientX + 20}px`;
    box.style.top = `${clientY - high < 0 ? clientY + 20 : clientY - high}px`;
    box.style.display = "block";
  };
  const listening = new Set();
  const listen = () => {
    for (const graph of document.querySelectorAll(".js-plotly-plot")) {
      const ours = (graph.data || []).some(trace => trace.name in data.first);
      if (!ours || listening.has(graph)) continue;
      graph.on("plotly_hover", show);
      graph.on("plotly_unhover", hide);
      listening.add(graph);
    }
  };
  listen();
  const timer = setInterval(listen, 500);  // figures come and go after this has run
  return () => {
    clearInterval(timer);
    for (const graph of listening) {
      graph.removeListener?.("plotly_hover", show);
      graph.removeListener?.("plotly_unhover", hide);
    }
    box.remove();
  };
}
"""


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    """Registered once in a server."""
    return st.components.v2.component("invlab_pictures_at_pointer", js=SCRIPT)


def pictures(sheet: str, size: tuple[int, int], first: Mapping[str, int], key: str) -> None:
    """Show cells of a `sheet` over the points of all figures on the page whose traces have a name in `first`.

    size: width and height of a cell, pixels. first: name of a trace -> the cell of its first point; the others follow.
    """
    data = {"sheet": sheet, "width": size[0], "height": size[1], "columns": COLUMNS, "zoom": ZOOM, "first": dict(first)}
    _component()(data=data, key=key, height="content")


def sheet_of(cells: Sequence[np.ndarray]) -> str:
    """Pictures, each uint8 (H, W, 3) of one size, as a data URI: cell after cell, `COLUMNS` in a row."""
    high, wide, _ = cells[0].shape
    rows = -(-len(cells) // COLUMNS)
    whole = np.zeros((rows * high, COLUMNS * wide, 3), np.uint8)
    for number, cell in enumerate(cells):
        top, left = number // COLUMNS * high, number % COLUMNS * wide
        whole[top : top + high, left : left + wide] = cell
    out = io.BytesIO()
    Image.fromarray(whole).save(out, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
