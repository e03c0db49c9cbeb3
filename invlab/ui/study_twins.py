"""From a number of a study to the images behind it: any cell chosen by its axes, or by a click on a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from invlab import records
from invlab.studies.catalogue import StudyRun, StudySeed, study
from invlab.studies.claims import number
from invlab.studies.study import Table
from invlab.training import Training
from invlab.ui import page, twin_pairs

if TYPE_CHECKING:
    import plotly.graph_objects as go

At = dict[str, Any]
HEADING = "Behind a number: its twin pairs"


def figure(
    plot: go.Figure,
    key: str,
    alt: str,
    table: Table,
    axes: Sequence[str],
    more: Mapping[str, Any],
    meaning: Mapping[Any, Any] | None = None,
) -> None:
    """Show a figure of a study; a click on a point chooses the number behind it for `section`.

    axes: what a point's first custom data are values of. more: the values that the whole figure has. meaning: for
    custom data that are no values of an axis, the value meant.
    """
    known = {axis: table.values_of(axis) for axis in (*axes, *more)}

    def clicked() -> None:
        for point in st.session_state[key].selection.points[:1]:
            at = dict(zip(axes, point.get("customdata") or (), strict=False)) | dict(more)
            # A browser may say anything, also what is not hashable.
            at = {axis: (meaning or {}).get(str(value), value) for axis, value in at.items()}
            at = {axis: value for axis, value in at.items() if value in known[axis]}
            if at.keys() == known.keys():
                for axis, value in at.items():
                    st.session_state[_key(axis)] = value
                told = ", ".join(f"{axis} {_word(value)}" for axis, value in at.items())
                st.toast(f"Chosen: {told}. See “{HEADING}” further down.", icon=":material/ads_click:")

    page.figure(plot, key, alt, on_select=clicked, selection_mode="points")


def section(run: StudyRun, table: Table, first: Mapping[str, Any] | None = None) -> None:
    """Pickers of one number, its value, and the twin pairs of the images that it was measured on.

    first: the values that the pickers begin with.
    """
    st.header(HEADING, anchor=False)
    st.markdown(
        "Every number of this study was measured on images. Choose one (or click a point of a figure above) and see "
        "twins of its task, sorted by how far apart its network sees them."
    )
    at = _pickers(table, first or {})
    (row,) = table.where(**at).records()
    spec = _cells(records.key(run.seed(at["seed"])), run.seed(at["seed"])).get(_place(at))
    reach = f" [{number(row['low'])}, {number(row['high'])}]" if row.get("low") is not None else ""
    st.markdown(f"The number: **{number(row['value'])}**{reach}, seed {at['seed']}.")
    if spec is None:
        st.caption("This number was stored by another version of the study; its images cannot be told any more.")
        return
    if isinstance(spec, Training):
        st.caption("This is the accuracy of a network on its own task, after it learned: it has no pairs of its own.")
        return
    learned = page.families_text(spec.training.task.transformations)
    twin_pairs.section(twin_pairs.behind(spec), f"the network trained under **{learned}**", "number-pairs")


def _pickers(table: Table, first: Mapping[str, Any]) -> At:
    """A value of each axis and a seed, such that there is a number; an axis with one value left needs no picker."""
    at: At = {}
    places = iter(st.columns(3) * len(table.columns))
    for axis in (*_axes(table), "seed"):
        options = table.where(**at).values_of(axis)
        key = _key(axis)
        if st.session_state.get(key) not in options:
            st.session_state.pop(key, None)  # chosen for other values of the axes before
        at[axis] = options[0]
        if len(options) > 1:
            begin = options.index(first[axis]) if first.get(axis) in options else 0
            at[axis] = next(places).selectbox(
                axis.capitalize(), options, index=begin, format_func=_word, key=key, bind="query-params"
            )
    return at


def _axes(table: Table) -> list[str]:
    return [column for column in table.columns if column not in ("seed", "value", "low", "high")]


def _key(axis: str) -> str:
    return f"at_{axis}"


def _word(value: Any) -> str:
    """A value as a picker and a link show it."""
    return (page.family_name(value) or "none") if isinstance(value, str) else f"{value:g}"


def _place(at: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((axis, value) for axis, value in at.items() if axis != "seed"))


@st.cache_resource(show_spinner=False, max_entries=20)
def _cells(key: str, _seed: StudySeed) -> dict[tuple[tuple[str, Any], ...], Any]:
    """The spec behind each number of a study's seed; a few thousand of them."""
    return {_place(cell.at): cell.spec for cell in study(_seed.study).cells(_seed.preset, _seed.seed, _seed.data)}
