"""The pages that are there in every site: the first one, what its words mean, and where its numbers come from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from invlab import __version__, records
from invlab.figures import home
from invlab.glossary import MARK, search
from invlab.glossary import term as term_of
from invlab.rows import kind_of
from invlab.site import markup
from invlab.site.formula import mathml
from invlab.site.results import OWN
from invlab.site.sheet import Sheet, recipe_of
from invlab.store import Store
from invlab.studies import claims
from invlab.studies.catalogue import LEAD, QUESTION
from invlab.studies.presets import PRESETS
from invlab.studies.singles import Singles
from invlab.studies.study import RULE
from invlab.words import duration

GROUP = "About"
INTERVALS = (
    "All are 95 %. Over twin pairs: bootstrap of the ratio; over test images: Wilson’s interval of a share; over "
    "seeds: Student’s *t* of the mean. Each figure says which it has."
)
KINDS = {
    "singles": "summary of one network for each family",
    "recording": "networks watched while they learn",
    "sharedinvariance": "invariances that networks share",
    "comparison": "comparisons of two networks",
    "studyseed": "seeds of the studies",
    "response": "response curves and maps",
    "measures": "other people’s measures",
    "audit": "audits of a network on photographs",
}


def index(store: Store, title: str, others: Sequence[Sheet]) -> Sheet:
    """The first page: what this is, one true figure, and a card for each other page."""
    sheet = Sheet("index", title, QUESTION)
    sheet.text(f"{LEAD} These pages hold finished results of the lab: nothing is computed here.")
    study = Singles()
    record = store.get(records.key(study))
    if record is not None:
        plot, rows = home.at_a_glance(record["result"])
        sheet.figure(plot, home.glance_in_words(rows))
        sheet.notice(home.notice(rows))
        sheet.caption(home.means_told(record["result"]["seeds"]))
        sheet.behind("glance", rows, recipe_of(study), "python -m invlab bundle build", [study], "by transformation")
    groups = defaultdict[str, list[Sheet]](list)
    for other in listed(others):
        groups[other.group].append(other)
    for group, members in groups.items():
        sheet.heading(group)
        sheet.add(f'<ul class="cards">{"".join(map(_card, members))}</ul>')
    sheet.heading("Five words that everything here is made of")
    sheet.text(home.FIVE_WORDS)
    sheet.caption(home.AFTER)
    return sheet


def listed(sheets: Sequence[Sheet]) -> list[Sheet]:
    """The pages that lists of pages name: a single seed's page is reached from the page Transfer."""
    return [sheet for sheet in sheets if sheet.group and (not sheet.name.startswith("run-") or sheet.group == OWN)]


def _card(sheet: Sheet) -> str:
    what = f"<p>{markup.text(sheet.question)}</p>" if sheet.question else ""
    return f'<li><a href="{sheet.path}">{markup.text(sheet.title)}</a>{what}</li>'


class Noted(Store):
    """A store that is only read, and remembers which records were."""

    def __init__(self, other: Store) -> None:
        super().__init__(other.home, other.bundle.directory if other.bundle else None, read_only=True)
        self.made: dict[str, dict[str, Any]] = {}  # key -> when, where and how long it was computed

    def get(self, key: str) -> dict[str, Any] | None:
        record = super().get(key)
        if record is not None and record.get("made"):
            self.made[key] = record["made"]
        return record


def about(store: Noted) -> Sheet:
    """Versions, dates, presets, licence, how numbers are made. store: it knows what the other pages have read."""
    sheet = Sheet("about", "About", "Where do these numbers come from?", GROUP)
    sheet.text(
        "Every number here was measured by Invariance Lab and is stored under a key, which is a digest of its recipe: "
        "the same recipe has the same key, and gives the same numbers. Each figure has its table and its recipe below "
        "it."
    )
    sheet.heading("What was computed, when, where")
    sheet.add(markup.table("Stored results that these pages are made of, by kind", list(_made(store.made))))
    sheet.caption(
        f"Written by Invariance Lab {__version__}. Times are of computing on the named device; a result’s own parts, "
        "such as the networks that were trained for it, are counted where they were first computed."
    )
    sheet.heading("How a number is made")
    sheet.text(home.FIVE_WORDS)
    sheet.add(
        markup.pairs({"Intervals": INTERVALS, "Claims of a study": RULE, "Claims about single families": claims.RULE})
    )
    sheet.heading("Presets: how much computing a question gets")
    sheet.add(markup.table("The presets", [_preset(name) for name in PRESETS]))
    sheet.heading("Licence and source")
    sheet.text(
        "The lab, its drawn objects and its scenes are under the MIT licence; so are these pages. The script "
        "`plotly.min.js` beside them is Plotly's, under the MIT licence, too."
    )
    sheet.text(home.AFTER)
    return sheet


def _preset(name: str) -> dict[str, Any]:
    preset = PRESETS[name]
    return {
        "preset": name,
        "for": preset.what,
        "network": preset.network,
        "classes": preset.classes,
        "images": preset.images,
        "twin pairs": preset.pairs,
        "probe: images to fit": preset.probe_train,
        "to test": preset.probe_test,
    }


def _made(made: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """A row for each kind of result: how many, from when to when, on what."""
    for kind in sorted(set(map(kind_of, made))):
        found = [about for key, about in made.items() if kind_of(key) == kind]
        dates = sorted(str(each["created"])[:10] for each in found)
        versions = {f"{name} {number}" for each in found for name, number in each["versions"].items()}
        yield {
            "kind": KINDS.get(kind, kind),
            "results": len(found),
            "computed from": dates[0],
            "to": dates[-1],
            "computing": duration(sum(float(each["seconds"]) for each in found)),
            "device": ", ".join(sorted({str(each["device"]) for each in found})),
            "versions": ", ".join(sorted(versions)),
        }


# ------------------------------------------------------------------------------------------------------------ glossary


def glossary(others: Sequence[Sheet]) -> Sheet:
    """Every word with its meaning; terms link to each other, and to the pages that are there."""
    sheet = Sheet("glossary", "Glossary", "What do the words mean here?", GROUP)
    pages = {other.name: other for other in others}
    for term in search(""):
        sheet.heading(term.name[:1].upper() + term.name[1:])
        sheet.add(f"<p>{_linked(term.means)}</p>")
        if term.formula:
            formula = mathml(term.formula)
            sheet.add(f'<div class="wide" role="region" tabindex="0" aria-label="Formula">{formula}</div>')
        leads = [_term_link(name) for name in term.related]
        there = [pages[name] for name in term.pages if name in pages]
        leads += [f'<a href="{other.path}">{markup.text(other.title)} (page)</a>' for other in there]
        if leads:
            sheet.add(f'<p class="small">See also: {" · ".join(leads)}</p>')
    return sheet


def _linked(means: str) -> str:
    """A definition as HTML: `[[term]]` and `[[term|as it is written]]` are links to terms."""
    parts, at = [], 0
    for found in MARK.finditer(means):
        parts += [markup.inline(means[at : found.start()]), _term_link(found[1], found[2])]
        at = found.end()
    return "".join([*parts, markup.inline(means[at:])])


def _term_link(name: str, words: str | None = None) -> str:
    found = term_of(name)
    return f'<a href="#{markup.anchor(found.name)}">{markup.text(words or found.name)}</a>'
