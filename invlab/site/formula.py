"""Formulas as MathML, which browsers set without a script: the small part of TeX that the glossary uses."""

from __future__ import annotations

import html
import re

TOKEN = re.compile(r"\\text\{[^}]*\}|\\[A-Za-z]+|\\.|[A-Za-z]|\d+(?:\.\d+)?|\S")
SIGNS = {
    "sim": "∼", "in": "∈", "lVert": "‖", "rVert": "‖", "top": "⊤", "pm": "±", "sum": "∑", "{": "{", "}": "}", "#": "#",
}  # fmt: skip
LETTERS = {"rho": "ρ", "arg": "arg", "max": "max"}
SPACES = {"quad": 1.0, ",": 0.17, ";": 0.28, " ": 0.25}  # in widths of a letter
ACCENTS = {"hat": "\u0302", "bar": "\u0304"}  # combine with the letter before
DOUBLE = {"E": "𝔼", "R": "ℝ"}


def mathml(tex: str) -> str:
    """A formula on a line of its own. Raises ValueError for what it does not know."""
    tokens = TOKEN.findall(tex)[::-1]  # the next one is the last
    row = _row(tokens)
    if tokens:
        raise ValueError(f"formula {tex!r}: a brace too many")
    return f'<math display="block"><mrow>{row}</mrow></math>'


def _row(tokens: list[str]) -> str:
    """Everything up to the end, or to a closing brace, which stays."""
    parts = []
    while tokens and tokens[-1] != "}":
        parts.append(_with_scripts(tokens))
    return "".join(parts)


def _with_scripts(tokens: list[str]) -> str:
    """One thing, with what stands below and above it."""
    base = _one(tokens)
    below = above = ""
    while tokens and tokens[-1] in ("_", "^", "'"):
        mark = tokens.pop()
        if mark == "_":
            below = _one(tokens)
        else:
            above += "<mo>′</mo>" if mark == "'" else _one(tokens)
    if below and above:
        return f"<msubsup>{base}{below}<mrow>{above}</mrow></msubsup>"
    if below:
        return f"<msub>{base}{below}</msub>"
    return f"<msup>{base}<mrow>{above}</mrow></msup>" if above else base


def _one(tokens: list[str]) -> str:
    """A group, a letter, a number, a sign or a command with what it takes."""
    if not tokens:
        raise ValueError("formula: it ends where something is still missing")
    part = tokens.pop()
    if part == "{":
        inner = _row(tokens)
        if not tokens or tokens.pop() != "}":
            raise ValueError("formula: a brace is not closed")
        return f"<mrow>{inner}</mrow>"
    if part.startswith("\\"):
        return _command(part[1:], tokens)
    if part == "-":
        return "<mo>−</mo>"
    kind = "mi" if part.isalpha() else "mn" if part[0].isdigit() else "mo"
    return f"<{kind}>{html.escape(part)}</{kind}>"


def _letters(tokens: list[str]) -> str:
    """The letters of a group, or one letter."""
    letters = re.sub(r"<[^>]*>", "", _one(tokens))
    if not letters.isalpha():
        raise ValueError(f"formula: {letters!r} stands where letters should")
    return letters


def _command(name: str, tokens: list[str]) -> str:
    if name.startswith("text{"):
        return f"<mtext>{html.escape(name[5:-1]).replace(' ', '&#160;')}</mtext>"
    if name == "frac":
        return f"<mfrac>{_one(tokens)}{_one(tokens)}</mfrac>"
    if name == "sqrt":
        return f"<msqrt>{_one(tokens)}</msqrt>"
    if name in ACCENTS:
        return f"<mi>{_letters(tokens)}{ACCENTS[name]}</mi>"
    if name in ("mathbb", "mathrm"):
        letters = _letters(tokens)
        told = DOUBLE.get(letters, letters) if name == "mathbb" else letters
        return f'<mi mathvariant="normal">{told}</mi>'
    if name in SPACES:
        return f'<mspace width="{SPACES[name]}em"/>'
    if name in LETTERS:
        return f'<mi mathvariant="normal">{LETTERS[name]}</mi>'
    if name in SIGNS:
        stretch = ' stretchy="false"' if SIGNS[name] in "‖{}" else ""
        return f"<mo{stretch}>{html.escape(SIGNS[name])}</mo>"
    raise ValueError(f"formula: there is no \\{name} here; add it to invlab/site/formula.py")
