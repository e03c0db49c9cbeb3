"""The page Glossary: all terms, the one of the link first, a search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st

from invlab.glossary import TERMS
from tests.pages import apart, opener, texts

opened = opener(Path(__file__).parents[1] / "pages" / "glossary.py")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(st, "page_link", lambda page, label="", **rest: st.text(f"{page}: {label}"))
    yield from apart(tmp_path, monkeypatch)


def heads(page) -> list[str]:
    return [element.value.lower() for element in page.header]


def test_it_explains_every_term_with_its_formula() -> None:
    page = opened()
    assert not page.exception
    assert sorted(heads(page)) == sorted(name.lower() for name in TERMS)
    assert len(page.latex) == sum(term.formula is not None for term in TERMS.values())
    assert "](glossary?term=linear%20probe)" in texts(page)
    assert "pages/transfer.py: Transfer" in [text.value for text in page.text]


def test_the_term_of_the_link_comes_first_and_once() -> None:
    page = opened(term="Transfer Accuracy")
    assert not page.exception
    assert heads(page)[0] == "transfer accuracy"
    assert len(heads(page)) == len(set(heads(page))) == len(TERMS)


def test_a_search_is_in_the_link() -> None:
    page = opened(search="interval")
    assert not page.exception
    assert heads(page)[0] == "95 % interval"
    assert 1 < len(heads(page)) < 10
    page.text_input(key="search").set_value("no such word").run()
    assert heads(page) == []
    assert "No term holds “no such word”" in page.info[0].value


def test_nothing_from_a_link_is_rendered() -> None:
    page = opened(term="<img src=x>", search="*bold*")
    assert not page.exception
    assert "\\<img src\\=x\\>" in page.warning[0].value
    assert "\\*bold\\*" in page.info[0].value
