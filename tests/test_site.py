"""The static site: whole, self-contained, well-formed, the same every time; and in a browser, from a file."""

from __future__ import annotations

import csv
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from invlab import records, site
from invlab.__main__ import main
from invlab.comparison_words import Choice
from invlab.glossary import TERMS
from invlab.site import formula, markup
from invlab.store import Store, bundle_dir
from invlab.studies.catalogue import STUDIES
from invlab.studies.recordings import recorded
from invlab.studies.singles import Singles
from tests.browser import ROOT, chromium

VOID = {"meta", "link", "br", "img", "hr", "input"}
EVIL = '<script>alert("1")</script> **bold** <b>'
OWN = "comparison-" + "0" * 32
TITLE = "Class 7 <b>*b*</b> & co"


class Read(HTMLParser):
    """What a page holds: its elements, ids, links and headings; and whether the elements nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        self.wrong += [f"{tag} is not closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.found if "id" in attributes]


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Iterator[Store]:
    """The bundle, and an own comparison on a device whose name is no name."""
    found = Store(tmp_path_factory.mktemp("home"), bundle_dir())
    record = found.get(Choice().key())
    assert record is not None
    found.put(OWN, record | {"made": record["made"] | {"device": EVIL}})
    yield found
    found.close()


@pytest.fixture(scope="module")
def made(store: Store, tmp_path_factory) -> Path:
    """The whole site, with the own run."""
    folder = tmp_path_factory.mktemp("out") / "site"
    written = site.export(folder, store, [OWN], TITLE)
    there = [path for path in folder.rglob("*") if path.is_file() and path.name != site.MARKER]
    assert (written.files, written.bytes) == (len(there), sum(path.stat().st_size for path in there))
    return folder


@pytest.fixture(scope="module")
def pages(made: Path) -> dict[str, Read]:
    return {path.name: Read(path.read_text()) for path in sorted(made.glob("*.html"))}


# ------------------------------------------------------------------------------------------------------------ the whole


def test_every_result_that_ships_has_its_page(pages: dict[str, Read]) -> None:
    names = {"index", "sensitivity", "responses", "learning", "measures", "shared", "transfer", "about", "glossary"}
    names |= {"benchmarks"}
    names |= {"benchmarks", f"run-{OWN}", *STUDIES}
    seeds = {f"run-{Choice(seed=seed).key()}" for seed in range(5)}
    assert {name.removesuffix(".html") for name in pages} == names | seeds


def test_the_elements_of_every_page_nest_and_no_name_is_given_twice(pages: dict[str, Read]) -> None:
    for name, page in pages.items():
        assert page.wrong == [], name
        assert len(page.ids) == len(set(page.ids)), name


def test_every_link_leads_somewhere(made: Path, pages: dict[str, Read]) -> None:
    for name, page in pages.items():
        for link in page.all("a"):
            path, _, anchor = (link["href"] or "").partition("#")
            target = made / (path or name)
            assert target.is_file(), f"{name}: {link}"
            assert not anchor or anchor in pages[target.name].ids, f"{name}: {link}"
        for attributes in (a for _, a in page.found if "aria-labelledby" in a):
            assert attributes["aria-labelledby"] in page.ids


def test_nothing_is_asked_of_another_host(made: Path, pages: dict[str, Read]) -> None:
    for name, page in pages.items():
        for tag, attributes in page.found:
            for attribute in ("src", "href", "action", "srcset", "poster", "data"):
                value = attributes.get(attribute) or ""
                assert not re.match(r"(?i)(https?:)?//|/", value), f"{name}: <{tag} {attribute}={value}>"
            assert not any(key.startswith("on") for key in attributes), f"{name}: a handler in <{tag}>"
    for own in ("site.css", "site.js"):
        assert "http" not in (made / "assets" / own).read_text()


def test_plotly_is_there_once(made: Path, pages: dict[str, Read]) -> None:
    large = [path for path in made.rglob("*") if path.is_file() and path.stat().st_size > 1_000_000]
    assert [path.name for path in large if path.suffix == ".js"] == ["plotly.min.js"]
    for page in pages.values():
        scripts = [script["src"] for script in page.all("script") if "src" in script]
        assert scripts == ["assets/site.js", "assets/plotly.min.js"][: 1 + bool(page.all("figure"))]


def test_a_page_has_landmarks_a_skip_link_and_headings_in_order(pages: dict[str, Read]) -> None:
    for name, page in pages.items():
        assert [len(page.all(tag)) for tag in ("header", "nav", "main", "footer", "h1")] == [1] * 5, name
        assert page.all("a")[0] == {"class": "skip", "href": "#main"}
        levels = [int(tag[1]) for tag, _ in page.found if re.fullmatch(r"h\d", tag)]
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), name


# ---------------------------------------------------------------------------------------------------- figures, tables


def test_every_figure_has_words_and_a_table_in_its_section(made: Path, pages: dict[str, Read]) -> None:
    for name in pages:
        text = (made / name).read_text()
        for number, section in enumerate(re.split(r"<h[23] ", text)):
            captions = re.findall(r"<figcaption[^>]*>(.*?)</figcaption>", section, re.DOTALL)
            assert len(captions) == section.count("<figure ")
            assert all(len(re.sub("<[^>]*>", "", caption)) > 40 for caption in captions), f"{name}, section {number}"
            assert not captions or "<table>" in section, f"{name}, section {number} has a figure and no table"
        assert text.count("<caption>") == text.count("<table>"), name


def test_the_figures_data_are_json_without_a_theme(made: Path, pages: dict[str, Read]) -> None:
    for name in pages:
        for data in re.findall(r'<script type="application/json">(.*?)</script>', (made / name).read_text()):
            figure = json.loads(data)
            assert figure["data"], name
            assert "template" not in figure["layout"], name


def test_published_values_lie_over_the_papers_studies(made: Path) -> None:
    for name in ("factors", "relevance", "shift", "mismatch", "sensitivity"):
        text = (made / f"{name}.html").read_text()
        first = re.search(r'<figure(?:(?!</figure>).)*class="overlay".*?</figure>', text, re.DOTALL)
        assert first is not None, name
        assert len(re.findall(r'<script type="application/json">', first.group())) == 2
    assert 'class="overlay"' not in (made / "information.html").read_text()


def test_numbers_are_those_that_are_stored(made: Path, store: Store) -> None:
    record = store.get(records.key(Singles()))
    assert record is not None
    with (made / "data" / "sensitivity-new.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 19 * 18
    of = next(row for row in rows if tuple(row.values())[:2] == ("rotate", "hue"))
    summary = record["result"]
    place = summary["sources"].index("rotate"), summary["families"].index("hue")
    values = [seed[place[0]][place[1]] for seed in summary["sensitivity_new"]]
    assert float([*of.values()][2]) == pytest.approx(sum(values) / len(values), abs=5e-4)


def test_a_long_table_shows_its_head_and_has_all_in_its_file(made: Path) -> None:
    with (made / "data" / "shift-all.csv").open() as file:
        rows = sum(1 for _ in file) - 1
    text = (made / "shift.html").read_text()
    table = text[text.index("Every measured number of Shift</caption>") :]
    assert rows > 10_000
    assert table[: table.index("</table>")].count("<tr>") == 60 + 1
    assert f"The first 60 of {rows:,} rows" in table


def test_claims_have_their_verdicts(made: Path) -> None:
    for name, study in STUDIES.items():
        text = (made / f"{name}.html").read_text()
        assert len(re.findall(r'<span class="badge (?:holds|fails|undecided)">', text)) == len(study.claims)


# --------------------------------------------------------------------------------------------------------- foreign text


def test_markup_in_a_title_or_a_record_stays_text(made: Path, pages: dict[str, Read]) -> None:
    page = pages[f"run-{OWN}.html"]
    assert EVIL in "".join(page.texts)
    assert not [script for script in page.all("script") if "src" not in script and script.get("type") is None]
    for other in pages.values():
        assert TITLE in "".join(other.texts)
        assert not other.all("b")


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("a **b *c*** `d<`", "a <strong>b <em>c</em></strong> <code>d&lt;</code>"),
        (r"\*a\* \<b\> 2 * 3", "*a* &lt;b&gt; 2 * 3"),
        ("<i>x</i> & 'y'", "&lt;i&gt;x&lt;/i&gt; &amp; &#x27;y&#x27;"),
        (r"**a\*b**", "<strong>a*b</strong>"),
    ],
)
def test_our_markdown(markdown: str, html: str) -> None:
    assert markup.inline(markdown) == html


def test_blocks_and_cells() -> None:
    assert markup.blocks("a  \nb\n\n- c\n- d") == "<p>a<br>b</p>\n<ul><li>c</li><li>d</li></ul>"
    assert markup.cell(None) == markup.cell(float("nan")) == '<td class="number">–</td>'
    assert markup.cell(-0.25) == '<td class="number">−0.25</td>'
    assert "</script" not in markup.data({"a": "</script>"})
    assert json.loads(markup.data({"a": "</script>"})) == {"a": "</script>"}


def test_every_formula_of_the_glossary_can_be_set() -> None:
    formulas = [term.formula for term in TERMS.values() if term.formula]
    assert formulas
    for tex in formulas:
        assert Read(formula.mathml(tex)).wrong == [], tex
    assert "<msub><mi>x</mi><mn>1</mn></msub>" in formula.mathml("x_1")
    for wrong in (r"\nothing", "{a", "a}", r"\frac{a}"):
        with pytest.raises(ValueError, match="formula"):
            formula.mathml(wrong)


# -------------------------------------------------------------------------------------------------------------- writing


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_store_gives_the_same_bytes(store: Store, made: Path, tmp_path: Path) -> None:
    """In another process, whose sets have another order, too."""
    command = [sys.executable, "-m", "invlab", "export-site", str(tmp_path / "again"), "--run", OWN, "--title", TITLE]
    home = {"INVLAB_HOME": str(store.home), "PYTHONHASHSEED": "12345"}
    subprocess.run(command, check=True, env=os.environ | home, cwd=ROOT)
    first, again = contents_of(made), contents_of(tmp_path / "again")
    assert set(first) == set(again)
    assert [name for name in first if first[name] != again[name]] == []


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A site of one page: what is written does not matter to how it is written."""
    monkeypatch.setattr(site, "contents", lambda *_: iter([("index.html", b"new"), ("assets/site.js", b"1")]))


@pytest.mark.usefixtures("few")
def test_an_earlier_site_is_replaced_and_nothing_of_it_is_left(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "site"
    site.write(folder, {"index.html": b"old", "gone.html": b"old"})
    site.export(folder, store)
    assert (folder / "index.html").read_bytes() == b"new"
    assert not (folder / "gone.html").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


@pytest.mark.usefixtures("few")
def test_other_peoples_files_are_never_touched(tmp_path: Path, store: Store) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    site.export(folder, store)  # an empty folder is as good as none
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds notes\.txt, which no earlier export wrote"):
        site.export(folder, store)
    assert (folder / "notes.txt").read_text() == "mine"
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "index.html").write_text("theirs")
    with pytest.raises(ValueError, match="name a new folder"):
        site.export(foreign, store)
    with pytest.raises(ValueError, match="is a file"):
        site.export(foreign / "index.html", store)
    with pytest.raises(ValueError, match="does not exist"):
        site.export(tmp_path / "no" / "where", store)


def test_the_command_tells_the_size_or_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INVLAB_BUNDLE", str(tmp_path / "no-bundle"))
    assert main(["export-site", str(tmp_path / "site")]) == 0
    assert re.search(r"4 pages, \d+ files, \d+\.\d MB", capsys.readouterr().err)
    for key, sentence in (("nonsense", "is no key"), ("comparison-" + "a" * 32, "no such result is stored here")):
        assert main(["export-site", str(tmp_path / "other"), "--run", key]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert sentence in line
    assert main(["export-site", str(tmp_path / "other"), "--title", " "]) == 1
    assert not (tmp_path / "other").exists()


def test_only_some_kinds_of_runs_have_a_page(store: Store, tmp_path: Path) -> None:
    key = records.key(Singles())
    with pytest.raises(ValueError, match="a singles has no page of its own; choose a comparison, recording, audit"):
        site.export(tmp_path / "site", store, [key])
    own = records.key(recorded(Singles(), "hue"))
    from invlab.site.results import of_run

    sheet = of_run(own, store)
    assert sheet.title == "While learning: hue → hue, seed 0"
    assert sheet.figures == 1


# --------------------------------------------------------------------------------------------------------- in a browser

DRAWN = "figure => figure.querySelectorAll('.main-svg').length > 0"
INK = "getComputedStyle(document.querySelector('figure.plot .xtick text')).fill"


def opened(page: Page, path: Path) -> list[str]:
    """Open a file; what goes wrong is added to the list."""
    wrong: list[str] = []
    page.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(("file:", "data:")) else None)
    page.goto(path.as_uri())
    return wrong


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_works_from_a_file(made: Path, scheme: str) -> None:
    with chromium() as browser:
        page = browser.new_context(color_scheme=scheme).new_page()  # type: ignore[arg-type]
        wrong = opened(page, made / "sensitivity.html")
        figures = page.locator("figure.plot")
        page.wait_for_function(f"() => ({DRAWN})(document.querySelector('figure.plot'))")
        assert not figures.last.evaluate(DRAWN)  # it is drawn when it comes into view
        figures.last.scroll_into_view_if_needed()
        page.wait_for_function(f"() => ({DRAWN})([...document.querySelectorAll('figure.plot')].at(-1))")
        before = page.evaluate(INK)
        assert (before == "rgb(28, 39, 51)") == (scheme == "light")
        page.locator("#theme").click()
        page.wait_for_function(f"was => {INK} !== was", arg=before)
        page.reload()  # what was chosen is kept
        page.wait_for_function(f"was => document.querySelector('.xtick') && {INK} !== was", arg=before)
        assert wrong == []


@pytest.mark.browser
def test_published_values_are_shown_at_a_click_and_words_follow(made: Path) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        wrong = opened(page, made / "mismatch.html")
        button = page.locator("button.overlay").first
        figure = page.locator("figure.plot", has=button)
        button.scroll_into_view_if_needed()
        page.wait_for_function(f"() => ({DRAWN})(document.querySelector('button.overlay').closest('figure'))")
        traces, words = "f => f.querySelector('.canvas').data.length", figure.locator("figcaption")
        before, told = figure.evaluate(traces), words.inner_text()
        button.press("Enter")
        expect(button).to_have_attribute("aria-pressed", "true")
        assert figure.evaluate(traces) > before
        assert words.inner_text() != told
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert wrong == []
