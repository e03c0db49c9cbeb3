"""The glossary: every term is explained, linked and met somewhere; marks in texts become links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from invlab import glossary
from invlab.glossary import TERMS, Term
from invlab.lessons.course import LESSONS
from invlab.ui import words

PAGES = Path(__file__).parents[1] / "pages"
EACH = pytest.mark.parametrize("term", TERMS.values(), ids=lambda term: term.name)


def sentences(text: str) -> int:
    return len(re.findall(r"[.!?](?=\s|$)", words.plain(text)))


@EACH
def test_a_term_is_explained_in_a_few_sentences(term: Term) -> None:
    assert 2 <= sentences(term.means) <= 4


@EACH
def test_what_a_term_leads_to_exists(term: Term) -> None:
    for name in (*term.related, *words.marked(term.means)):
        assert glossary.term(name) is not term, f"{term.name} leads to itself"
    assert term.related
    assert term.pages
    for name in term.pages:
        assert (PAGES / f"{name}.py").is_file()


@EACH
def test_formulas_are_whole(term: Term) -> None:
    if term.formula:
        assert term.formula.count("{") == term.formula.count("}")
        assert "$" not in term.formula


def used() -> Iterator[str]:
    """The terms that lessons mark or list, and that pages list."""
    for lesson in LESSONS.values():
        yield from lesson.terms
    for file in PAGES.glob("*.py"):
        for call in re.findall(r"\bwords\(([^)]*)\)", file.read_text()):
            yield from re.findall(r'"([^"]+)"', call)


def test_every_term_is_led_to_from_somewhere() -> None:
    reached = {glossary.term(name).name for name in used()}
    for term in TERMS.values():
        reached |= {glossary.term(name).name for name in (*term.related, *words.marked(term.means))}
    assert {term.name for term in TERMS.values()} - reached == set()


def test_the_terms_that_the_paper_defines_are_there() -> None:
    for name in ("object", "transformation", "background", "Transforms-2D", "source task", "target task",
                 "representation", "sensitivity", "transfer accuracy", "same transformations",
                 "disjoint transformations"):  # fmt: skip
        assert glossary.term(name.upper()) is glossary.term(name)


def test_an_unknown_term_is_named() -> None:
    with pytest.raises(KeyError, match="teapot"):
        glossary.term("teapot")


def test_search_finds_names_before_definitions() -> None:
    found = glossary.search(" SENSI ")
    assert found[0].name == "sensitivity"
    assert "invariance" in [term.name for term in found[1:]]  # its definition speaks of sensitivity
    assert len(glossary.search("")) == len(TERMS)
    assert glossary.search("no such word") == []


def test_marks_become_relative_links() -> None:
    text = "Its [[sensitivity]] and [[transfer accuracy|how it transfers]], over [[95 % interval]]s."
    assert words.linked(text) == (
        "Its [sensitivity](glossary?term=sensitivity) and [how it transfers](glossary?term=transfer%20accuracy), over "
        "[95 % interval](glossary?term=95%20%25%20interval)s."
    )
    assert words.plain(text) == "Its sensitivity and how it transfers, over 95 % intervals."
    assert words.marked(text) == ["sensitivity", "transfer accuracy", "95 % interval"]


def test_a_mark_of_an_unknown_term_is_an_error() -> None:
    with pytest.raises(KeyError, match="warp drive"):
        words.linked("a [[warp drive]]")
