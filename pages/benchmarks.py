"""Benchmarks: what was measured of the lab's speed and size, each claim against its aim."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from invlab import benchmarks
from invlab.benchmarks import Result, ResultError
from invlab.figures import benchmarks as figures
from invlab.figures import to_csv, to_html
from invlab.ui import page

FIRST, ALL = "headlines", "all"


def chosen(found: Sequence[Result]) -> Sequence[Result]:
    """The results that the picker, or the link, asks for."""
    titles = {one.benchmark: one.title for one in found}
    names = {FIRST: "The headline claims", ALL: "Every claim", **titles}
    options = [name for name in names if name != FIRST or benchmarks.headlines(found)]
    which = st.selectbox("Show", options, format_func=names.__getitem__, key="benchmark", bind="query-params")
    if which == FIRST:
        return benchmarks.headlines(found)
    return [one for one in found if which in (ALL, one.benchmark)]


def again(shown: Sequence[Result]) -> None:
    """Where and with what each was measured, and the command that measures it on this machine."""
    with st.expander("Where it was measured, and how to measure it here", icon=":material/receipt_long:"):
        st.caption("All that this machine can run: `make bench`. One of them:")
        for one in shown:
            st.markdown(f"**{page.escaped(one.title)}**. {one.about} {one.summary}.")
            st.caption(page.escaped(benchmarks.measured_where(one)))
            st.code(one.command, language="bash")


def main() -> None:
    page.title("Benchmarks", benchmarks.QUESTION)
    found = benchmarks.results()
    if not found:
        st.warning(benchmarks.ABSENT, icon=":material/hourglass:")
        return
    st.markdown(benchmarks.LEAD)
    shown = chosen(found)
    plot, rows = figures.margins(shown), benchmarks.rows(shown)
    page.figure(plot, "margins", figures.margins_alt(shown))
    page.notice(f"{benchmarks.notice(shown)} {benchmarks.RULE}")
    with st.expander("Table behind the figure", expanded=True, icon=":material/table:"):
        st.dataframe(rows, hide_index=True, width="stretch")
    again(shown)
    with st.expander("Downloads", icon=":material/download:"), st.container(horizontal=True):
        page.file("benchmarks.csv", to_csv(rows), "text/csv", "Table (CSV)")
        page.file("benchmarks.html", lambda: to_html(plot).encode(), "text/html", "Figure (HTML)")


try:
    main()
except ResultError as error:
    st.warning(page.escaped(page.sentence(error)), icon=":material/error:")
