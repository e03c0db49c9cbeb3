"""A heat map whose cells can be clicked, kept in step with the pickers of its row and column."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from invlab.ui import page


def clickable(
    plot: go.Figure, key: str, alt: str, rows: tuple[str, Sequence[str]], columns: tuple[str, Sequence[str]]
) -> None:
    """Show `plot`; a click on a point whose custom data begin with (row, column) sets the pickers.

    rows, columns: the session key of a picker and its options. The pickers are what counts, so that the keyboard, a
    screen reader and the link choose a cell as well as a click does.
    """

    def clicked() -> None:
        for point in st.session_state[key].selection.points[:1]:
            values = point.get("customdata") or ()
            # What comes from a browser is checked before it becomes a picker's value.
            for (picker, options), value in zip((rows, columns), values, strict=False):
                if value in options:
                    st.session_state[picker] = value

    page.figure(plot, key, alt, on_select=clicked, selection_mode="points")
