"""The stored results as a static site: pages that work from a file, or on any host, without a server of ours.

Nothing is computed, nothing is fetched: every page has its figures' data in it and uses the scripts beside it. The same
store gives the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from invlab.site import markup
from invlab.site.about import Noted, about, glossary, index, listed
from invlab.site.benchmarks import sheet as measured
from invlab.site.explore import sheets as explored
from invlab.site.results import sheets as compared
from invlab.site.sheet import Sheet
from invlab.site.studies import sheets as studied
from invlab.store import Store

MARKER = "invariance-lab-site.json"  # lists what was written; a folder without it is not ours
HERE = Path(__file__).parent
TITLE = "Invariance Lab"
# Even if a name could smuggle an address in, a browser would not ask for it. Plotly sets styles of elements itself.
POLICY = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; img-src 'self' file: data: "
    "blob:; font-src data:; base-uri 'none'; form-action 'none'"
)
FOOTER = "Results of Invariance Lab. Each figure has its words, its table and its recipe below it."


@dataclass(frozen=True)
class Written:
    """A site that was written: where, and how much it is."""

    directory: Path
    pages: int
    files: int
    bytes: int


def export(directory: Path, store: Store, runs: Sequence[str] = (), title: str = TITLE) -> Written:
    """Write the bundled results, and the chosen own runs, as a site in `directory`.

    directory: a new or empty folder, or one that an earlier export wrote and nobody has added to.
    runs: keys of comparisons, recordings and audits. title: of the whole site; it is escaped.
    Raises ValueError for another folder or key, or for damaged results of benchmarks, StoreError for what is no key,
    OSError where it cannot be written.
    """
    check(directory)
    files = dict(contents(store, runs, title))
    write(directory, files)
    pages = sum(name.endswith(".html") for name in files)
    return Written(directory, pages, len(files), sum(map(len, files.values())))


# ------------------------------------------------------------------------------------------------------------ contents


def contents(store: Store, runs: Sequence[str] = (), title: str = TITLE) -> Iterator[tuple[str, bytes]]:
    """Every file of the site: its path and its content."""
    noted = Noted(store)
    try:
        comparisons = [*compared(noted, runs)]  # first: a wrong key is told at once
        sheets = [*explored(noted), *comparisons, *studied(noted)]
        sheets += [glossary(sheets), *filter(None, [measured()]), about(noted)]
    finally:
        noted.close()
    sheets.insert(0, index(noted, title, sheets))
    for sheet in sheets:
        yield sheet.path, document(sheet, sheets, title).encode()
        yield from sheet.files.items()
    yield from assets()


def assets() -> Iterator[tuple[str, bytes]]:
    """What all pages share: the style, our script, and plotly's, once."""
    from plotly.offline import get_plotlyjs

    for name in ("site.css", "site.js"):
        yield f"assets/{name}", (HERE / name).read_bytes()
    yield "assets/plotly.min.js", get_plotlyjs().encode()


def document(sheet: Sheet, sheets: Sequence[Sheet], title: str) -> str:
    """A page as HTML."""
    name = title if sheet.name == "index" else f"{sheet.title} · {title}"
    question = f'<p class="question">{markup.text(sheet.question)}</p>' if sheet.question else ""
    plotly = '<script src="assets/plotly.min.js" defer></script>\n' if sheet.figures else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{markup.text(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{markup.text(name)}</title>\n"
        '<link rel="icon" href="data:,">\n<link rel="stylesheet" href="assets/site.css">\n'
        f'<script src="assets/site.js"></script>\n{plotly}</head>\n<body>\n'
        '<a class="skip" href="#main">Skip to the page</a>\n'
        f'<header><a class="home" href="index.html">{markup.text(title)}</a>'
        '<button type="button" id="theme" hidden>Dark</button></header>\n'
        f"{navigation(sheet, sheets)}\n"
        f'<main id="main" tabindex="-1">\n<h1>{markup.text(sheet.title)}</h1>\n{question}\n'
        + "\n".join(sheet.parts)
        + f"\n</main>\n<footer><p>{markup.text(FOOTER)}</p></footer>\n</body>\n</html>\n"
    )


def navigation(here: Sheet, sheets: Sequence[Sheet]) -> str:
    """The list of pages by group."""
    groups = defaultdict[str, list[Sheet]](list)
    for sheet in listed(sheets):
        groups[sheet.group].append(sheet)
    made = []
    for group, members in groups.items():
        links = "".join(
            f'<li><a href="{sheet.path}"{" aria-current=page" if sheet is here else ""}>{markup.text(sheet.title)}</a>'
            "</li>"
            for sheet in members
        )
        made.append(f"<li><span>{markup.text(group)}</span><ul>{links}</ul></li>")
    return f'<nav aria-label="Pages"><details open><summary>Pages</summary><ul>{"".join(made)}</ul></details></nav>'


# ------------------------------------------------------------------------------------------------------------- writing


def check(directory: Path) -> None:
    """Raise ValueError for a folder that may not be written to: one that holds anything but an earlier export."""
    if not directory.parent.is_dir():
        raise ValueError(f"{directory}: the folder {directory.parent} does not exist; make it, or choose another")
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ValueError(f"{directory} is a file; name a new folder")
    there = {path.relative_to(directory).as_posix() for path in directory.rglob("*") if not path.is_dir()}
    if foreign := sorted(there - written_before(directory)):
        raise ValueError(f"{directory} holds {foreign[0]}, which no earlier export wrote; name a new folder")


def written_before(directory: Path) -> set[str]:
    """The files that an earlier export lists as its own, and its list; nothing where there was none."""
    try:
        listed = json.loads((directory / MARKER).read_text())["files"]
        return {*map(str, listed), MARKER}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def write(directory: Path, files: dict[str, bytes]) -> None:
    """The files, beside first and then under their name, so that nobody meets half a site."""
    target = directory.resolve()
    made, old = (target.with_name(f".{target.name}.{what}") for what in ("new", "old"))
    for rest in (made, old):  # of an export that was killed
        shutil.rmtree(rest, ignore_errors=True)
    listed = json.dumps({"written by": "invlab export-site", "files": sorted(files)}, indent=1)
    try:
        for name, content in {**files, MARKER: listed.encode()}.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(content)
        if target.exists():
            target.rename(old)
        made.rename(target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
