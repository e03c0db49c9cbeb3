"""Terms in texts as links to the page Glossary."""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from invlab import glossary
from invlab.glossary import MARK


def link(name: str, text: str | None = None) -> str:
    """A Markdown link to a term. It is relative, so that it holds when the app is served under a path; `text` is what
    it says instead of the term's name. Raises KeyError for an unknown term."""
    found = glossary.term(name)
    return f"[{text or found.name}](glossary?term={quote(found.name)})"


def linked(text: str) -> str:
    """`text` (the project's own Markdown) with `[[term]]` and `[[term|as it is written]]` as links."""
    return MARK.sub(lambda found: link(found[1], found[2]), text)


def marked(text: str) -> list[str]:
    """The names of the terms that `text` marks."""
    return [found[1] for found in MARK.finditer(text)]


def plain(text: str) -> str:
    """`text` without its marks."""
    return MARK.sub(lambda found: found[2] or found[1], text)


def words(*names: str) -> None:
    """One line with links to the terms that a page uses."""
    st.markdown(f":small[Words: {' · '.join(map(link, names))}]")
