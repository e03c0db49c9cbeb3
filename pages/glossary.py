"""Glossary: the words of the field, as this lab uses them."""

from __future__ import annotations

import functools

import streamlit as st

from invlab import glossary
from invlab.glossary import Term
from invlab.ui import page
from invlab.ui.words import link, linked

PAGES = {
    "home": "Home", "side_by_side": "Side by side", "learning": "While learning", "own": "Your images and networks",
}  # fmt: skip


def entry(term: Term) -> None:
    """One term, framed: what it means, its formula, where it leads."""
    with st.container(border=True):
        st.header(term.name[:1].upper() + term.name[1:], anchor=False)
        st.markdown(linked(term.means))
        if term.formula:
            st.latex(term.formula)
        if term.related:
            st.markdown(f":small[Related: {' · '.join(map(link, term.related))}]")
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.caption("Met on:", width="content")
            for name in term.pages:
                st.page_link(f"pages/{name}.py", label=PAGES.get(name, name.capitalize()), width="content")


@functools.lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    return tuple(term.name for term in glossary.search(""))


def asked() -> Term | None:
    """The term that the link names, or None; another one is told of."""
    name = st.query_params.get("term", "")
    if not name:
        return None
    try:
        return glossary.term(name)
    except KeyError:
        st.warning(f"The glossary has no term “{page.escaped(name)}”: search it below, or choose from all.")
        return None


def main() -> None:
    page.title("Glossary", "What do the words mean here?")
    first = asked()
    if first is not None:
        entry(first)
    wanted = st.text_input(
        "Search", key="search", bind="query-params", placeholder="a word, or part of one", max_chars=60
    )
    found = [term for term in glossary.search(wanted or "") if term is not first]
    if wanted and not found:
        st.info(f"No {'other ' if first else ''}term holds “{page.escaped(wanted)}”. Try a shorter part of the word.")
    st.caption(f"{len(found)} of {len(names())} terms" + (f" hold “{page.escaped(wanted)}”" if wanted else ""))
    for left, right in zip(found[::2], [*found[1::2], None] if len(found) % 2 else found[1::2], strict=True):
        for column, term in zip(st.columns(2, gap="medium"), (left, right), strict=True):
            if term is not None:
                with column:
                    entry(term)


main()
