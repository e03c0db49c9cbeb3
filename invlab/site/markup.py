"""Text and tables as HTML: everything that comes from outside is escaped here, and nowhere else."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

# What our own texts use of Markdown: \x, `code`, **bold**, *emphasis*. Nothing else has a meaning, links neither.
INLINE = re.compile(
    r"\\(?P<plain>[^\w\s])|`(?P<code>[^`]+)`|\*\*(?P<bold>(?:\\.|[^\\])+?)\*\*(?!\*)|\*(?P<soft>(?=\S)(?:\\.|[^*\\])+)\*"
)
BREAK = re.compile(r" {2,}\n")
MINUS = str.maketrans("-", "−")


def text(value: object) -> str:
    """Plain text as HTML."""
    return html.escape(str(value))


def inline(markdown: str) -> str:
    """One line of our Markdown as HTML; a character after a backslash, as `words.escaped` writes it, is just itself."""
    parts, at = [], 0
    for found in INLINE.finditer(markdown):
        parts.append(text(markdown[at : found.start()]))
        parts.append(_mark(found))
        at = found.end()
    return "".join([*parts, text(markdown[at:])])


def _mark(found: re.Match[str]) -> str:
    kind, inner = next((name, value) for name, value in found.groupdict().items() if value is not None)
    if kind == "plain":
        return text(inner)
    if kind == "code":
        return f"<code>{text(inner)}</code>"
    tag = {"bold": "strong", "soft": "em"}[kind]
    return f"<{tag}>{inline(inner)}</{tag}>"


def blocks(markdown: str) -> str:
    """Paragraphs and lists of our Markdown as HTML."""
    made = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        lines = block.strip("\n")
        if lines.startswith("- "):
            made.append(listed(item.strip() for item in re.split(r"^- ", lines, flags=re.MULTILINE) if item.strip()))
        elif lines:
            made.append(f"<p>{'<br>'.join(inline(part) for part in BREAK.split(lines))}</p>")
    return "\n".join(made)


def listed(items: Any) -> str:
    """An unordered list; each item is our Markdown."""
    return "<ul>" + "".join(f"<li>{inline(item)}</li>" for item in items) + "</ul>"


def data(value: Any) -> str:
    """A value as JSON that may stand in a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def table(caption: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """A table with its caption; numbers stand on the right."""
    names = list(rows[0]) if rows else []
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in names)
    body = "\n".join(f"<tr>{''.join(cell(row.get(name)) for name in names)}</tr>" for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{text(caption)}"><table>'
        f"<caption>{text(caption)}</caption><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def cell(value: Any) -> str:
    """A cell; what was not measured is a dash."""
    if value is None or value != value:
        return '<td class="number">–</td>'
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"<td>{text(value)}</td>"
    told = f"{value:.4g}" if isinstance(value, float) else f"{value:,}"
    return f'<td class="number">{text(told.translate(MINUS))}</td>'


def pairs(facts: Mapping[str, str]) -> str:
    """A list of names and what they mean (our Markdown)."""
    return "<dl>" + "".join(f"<dt>{text(name)}</dt><dd>{inline(told)}</dd>" for name, told in facts.items()) + "</dl>"


def details(summary: str, inner: str, opened: bool = False) -> str:
    """Something that opens at a click."""
    return f"<details{' open' if opened else ''}><summary>{text(summary)}</summary>\n{inner}\n</details>"


def anchor(words: str) -> str:
    """Words as an element's name: `every-family`."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "part"
