"""A page of the static site under construction, made of the same pieces as a page of the app."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from invlab import records
from invlab.figures import to_csv
from invlab.site import markup
from invlab.snippet import snippet
from invlab.studies.published import SOURCE

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_ROWS = 60  # of a table on the page; a longer one shows its first rows, the file beside it has all
MARKS = {"holds": "✓", "fails": "✗", "undecided": "?"}


@dataclass
class Sheet:
    """A page: `name` (the file's stem), `title`, `question`, the group it stands in, and what was put on it so far."""

    name: str
    title: str
    question: str = ""
    group: str = ""
    parts: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)  # that lie beside it: path -> content
    figures: int = 0
    anchors: set[str] = field(default_factory=set)

    @property
    def path(self) -> str:
        return f"{self.name}.html"

    def add(self, html: str) -> None:
        self.parts.append(html)

    def heading(self, words: str, level: int = 2) -> None:
        """A heading that can be linked to."""
        self.add(f'<h{level} id="{self._anchor(words)}">{markup.text(words)}</h{level}>')

    def _anchor(self, words: str) -> str:
        base = name = markup.anchor(words)
        number = 1
        while name in self.anchors:
            number += 1
            name = f"{base}-{number}"
        self.anchors.add(name)
        return name

    def text(self, markdown: str) -> None:
        self.add(markup.blocks(markdown))

    def caption(self, markdown: str) -> None:
        """A remark in small print."""
        self.add(f'<p class="small">{markup.inline(markdown)}</p>')

    def notice(self, markdown: str) -> None:
        """What to notice."""
        self.add(f'<p class="notice"><strong>What to notice.</strong> {markup.inline(markdown)}</p>')

    def figure(
        self,
        plot: go.Figure,
        words: str,
        overlay: tuple[go.Figure, str] | None = None,
        title: str = "",
        remark: str = f"Open symbols: {SOURCE}.",
        least: int = 0,
    ) -> None:
        """A figure and itself in words. overlay: the same with the published values in it, shown at a click with the
        `remark`; a title and a remark are our Markdown. least: pixels of width that its numbers need to be read; on a
        narrower screen it is scrolled."""
        self.figures += 1
        versions = [(plot, words)] if overlay is None else [(plot, words), overlay]
        self.add(_figure(f"figure-{self.figures}", versions, title, remark, least))

    def table(self, name: str, caption: str, rows: Sequence[dict[str, Any]], opened: bool = False) -> None:
        """A table with the file that has all of it."""
        if not rows:
            return
        path = f"data/{self.name}-{name}.csv"
        self.files[path] = to_csv(rows).encode()
        cut = f" The first {MOST_ROWS} of {len(rows):,} rows; the file has all." if len(rows) > MOST_ROWS else ""
        link = f'<p class="small"><a href="{markup.text(path)}" download>{markup.text(path)}</a>{cut}</p>'
        self.add(markup.details(caption, markup.table(caption, rows[:MOST_ROWS]) + link, opened))

    def behind(
        self,
        name: str,
        rows: Sequence[dict[str, Any]],
        recipe: Any,
        command: str | None = None,
        specs: Sequence[Any] = (),
        about: str = "",
    ) -> None:
        """What stands behind a figure: its table, its recipe. about: of what it is, for the table's caption."""
        self.table(name, f"Table behind the figure{f': {about}' if about else ''}", rows)
        inner = f"<p>On the command line:</p>{code(command)}" if command else ""
        if specs:
            inner += f"<p>The same from Python:</p>{code(snippet(specs))}"
        inner += f"<p>Everything that was chosen:</p>{code(json.dumps(recipe, indent=1, ensure_ascii=False))}"
        self.add(markup.details("Recipe", inner))

    def claim(self, verdict: str, markdown: str, more: str = "") -> None:
        """A claim with its verdict. more: HTML below it."""
        badge = f'<span class="badge {verdict}"><span aria-hidden="true">{MARKS[verdict]}</span> {verdict}</span>'
        self.add(f'<div class="claim">{badge} {markup.blocks(markdown)}{more}</div>')


def code(words: str) -> str:
    """Text that is typed or read by a machine; wide lines are scrolled to."""
    return f'<pre tabindex="0"><code>{markup.text(words)}</code></pre>'


def recipe_of(spec: Any, **more: Any) -> dict[str, Any]:
    """The recipe of a result: its key, its spec, and what else was chosen."""
    return {"key": records.key(spec), "spec": records.plain(spec)} | more


def _figure(name: str, versions: Sequence[tuple[go.Figure, str]], title: str, remark: str, least: int) -> str:
    """A place for a figure, its data (drawn when it comes into view), and its words, which are there without it."""
    height = versions[0][0].layout.height or 420
    scripts = "".join(f'<script type="application/json">{_plain(plot)}</script>' for plot, _ in versions)
    told = "".join(
        f'<span data-version="{number}"{" hidden" if number else ""}>{markup.text(words)}</span>'
        for number, words in enumerate(words[:1].upper() + words[1:] for _, words in versions)
    )
    canvas = (
        f'<div class="canvas" role="img" aria-labelledby="{name}-words" '
        f'style="height:{height}px{f";min-width:{least}px" if least else ""}"></div>'
    )
    if least:
        canvas = f'<div class="wide" role="region" tabindex="0" aria-labelledby="{name}-words">{canvas}</div>'
    return (
        f'<figure class="plot" id="{name}">{f"<p>{markup.inline(title)}</p>" if title else ""}'
        f"{_switch(remark) if len(versions) > 1 else ''}{canvas}{scripts}"
        f'<figcaption id="{name}-words">{told}</figcaption></figure>'
    )


def _switch(remark: str) -> str:
    """The button that lays the published values over a figure; without a script there is none."""
    return (
        '<p class="small"><button type="button" class="overlay" aria-pressed="false" hidden>Show the published values'
        f'</button> <span data-version="1" hidden>{markup.inline(remark)}</span></p>'
    )


def _plain(plot: go.Figure) -> str:
    """A figure's data and layout as JSON, without the template: the page's own follows its light or dark theme."""
    made = json.loads(plot.to_json())
    made["layout"].pop("template", None)
    return markup.data({"data": made["data"], "layout": made["layout"]})
