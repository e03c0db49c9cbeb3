"""Every page for everybody: names, figures in words, headings, keyboard, narrow screens, contrast in both themes, and
figures that those can read who see colours otherwise.

The app is served once, and every page is opened once; what is found out about it is looked at by the tests.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from invlab.figures import COLOURS, DASHES, SYMBOLS
from tests.browser import ROOT, App, chromium, settle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PAGES = re.findall(r'st\.Page\("pages/(\w+)\.py"', (ROOT / "app.py").read_text())
LARGE = 24.0  # pixels from which text counts as large; bold from 18.66
READY = "() => [...document.querySelectorAll('.js-plotly-plot')].every(g => g.querySelector('.main-svg'))"

# ------------------------------------------------------------------------------------------------------ what a page has

NAMES = """() => {
    const shown = e => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden';
    const name = e => (e.getAttribute('aria-label') || (e.getAttribute('aria-labelledby') || '').split(' ')
        .map(id => document.getElementById(id)?.textContent || '').join(' ') ||
        [...(e.labels || [])].map(l => l.textContent).join(' ') || e.title || e.textContent || '').trim();
    const at = e => `<${e.tagName.toLowerCase()}> ${e.outerHTML.slice(0, 140)}`;
    const inputs = [...document.querySelectorAll('input, textarea, select, [role=combobox], [role=slider], [role=radio]')]
        .filter(e => e.type !== 'hidden');
    const buttons = [...document.querySelectorAll('button, [role=button], summary, a[href]')].filter(shown);
    return {
        inputs: inputs.filter(e => !name(e)).map(at),
        buttons: buttons.filter(e => !name(e)).map(at),
        figures: [...document.querySelectorAll('[data-testid=stPlotlyChart]')].map(e => e.getAttribute('aria-label') || ''),
        images: [...document.querySelectorAll('[data-testid=stMain] img')].filter(e => !e.hasAttribute('alt')).map(at),
        tables: [...document.querySelectorAll('summary')].filter(e => /Table behind/.test(e.textContent)).length,
        headings: [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(shown)
            .filter(e => !e.closest('[data-testid=stSidebar]')).map(e => [Number(e.tagName[1]), e.textContent.trim()]),
    };
}"""

# Every shown text with its colour on what lies under it: the colours of all that is around, blended.
CONTRAST = """() => {
    const parse = c => { const m = (c.match(/[\\d.]+/g) || []).map(Number);
        return m.length < 3 ? [0, 0, 0, 0] : [m[0], m[1], m[2], m.length > 3 ? m[3] : 1]; };
    const over = (a, b) => { const k = a[3] + b[3] * (1 - a[3]);
        return k ? [...[0, 1, 2].map(i => (a[i] * a[3] + b[i] * b[3] * (1 - a[3])) / k), k] : [0, 0, 0, 0]; };
    const lum = c => { const l = c.slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
        return .2126 * l[0] + .7152 * l[1] + .0722 * l[2]; };
    const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
    const back = e => { let found = [0, 0, 0, 0];
        for (let n = e; n && n.nodeType === 1; n = n.parentElement) {
            const s = getComputedStyle(n);
            if (s.backgroundImage !== 'none' && found[3] < 1) return null;
            found = over(found, parse(s.backgroundColor));
        }
        return over(found, parse(getComputedStyle(document.body).backgroundColor)); };
    const opacity = e => { let o = 1; for (let n = e; n && n.nodeType === 1; n = n.parentElement) o *= getComputedStyle(n).opacity; return o; };
    const found = [];
    const walk = document.createTreeWalker(document.querySelector('[data-testid=stApp]'), NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
        const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
        if (!text || !e.getClientRects().length || e.closest('[disabled], [aria-disabled=true], script, style, [aria-hidden=true]')) continue;
        if (e.closest('[data-testid=stDataFrame]')) continue;
        const s = getComputedStyle(e), svg = e.closest('svg'), plot = e.closest('.js-plotly-plot');
        if (s.visibility === 'hidden' || opacity(e) === 0) continue;
        const colour = parse(svg ? s.fill : s.color);
        if (plot && ['0,0,0', '255,255,255'].includes(colour.slice(0, 3).join())) continue;  // ink on a coloured cell
        const bg = e.closest('.annotation')?.querySelector('rect.bg');
        let under = back(plot || e);
        if (!under) continue;
        if (bg && parse(getComputedStyle(bg).fill)[3] * getComputedStyle(bg).fillOpacity > .5) under = parse(getComputedStyle(bg).fill);
        colour[3] *= opacity(e) * (svg ? Number(s.fillOpacity) : 1);
        const size = parseFloat(s.fontSize), large = size >= 24 || (size >= 18.66 && Number(s.fontWeight) >= 700);
        const value = ratio(over(colour, under), under);
        if (value < (large ? 3 : 4.5)) found.push(`${value.toFixed(2)} ${size}px ${s.color} ${svg ? s.fill : ''} on ${under.map(Math.round)}: ${text.slice(0, 50)} <${(e.className.baseVal ?? e.className).slice(0, 40)}>`);
    }
    return [...new Set(found)];
}"""

WIDE = """() => {
    const main = document.querySelector('[data-testid=stMain]');
    return Math.max(document.documentElement.scrollWidth - innerWidth, main.scrollWidth - main.clientWidth);
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    served = App(tmp_path_factory.mktemp("home"))
    yield served
    served.stop()


def opened(tab: Tab, app: App, name: str) -> None:
    tab.goto(f"{app.url}/{'' if name == 'home' else name}")
    settle(tab, 60)
    tab.wait_for_function(READY, timeout=30_000)
    settle(tab, 60)


@pytest.fixture(scope="module")
def found(browser: Browser, app: App) -> dict[str, dict[str, Any]]:
    """page -> what it has, its weak contrasts by theme, and how far it is too wide for a telephone."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    tab, told = context.new_page(), {}
    for name in PAGES:
        tab.set_viewport_size({"width": 1280, "height": 900})
        tab.emulate_media(color_scheme="light")
        opened(tab, app, name)
        told[name] = tab.evaluate(NAMES) | {"light": tab.evaluate(CONTRAST)}
        tab.emulate_media(color_scheme="dark")
        tab.wait_for_timeout(900)  # colours fade over
        told[name]["dark"] = tab.evaluate(CONTRAST)
        tab.set_viewport_size({"width": 390, "height": 844})
        tab.wait_for_timeout(600)
        told[name]["too wide"] = tab.evaluate(WIDE)
    context.close()
    return told


@pytest.mark.parametrize("name", PAGES)
def test_everything_has_a_name(found: dict[str, dict[str, Any]], name: str) -> None:
    assert found[name]["inputs"] == []
    assert found[name]["buttons"] == []
    assert found[name]["images"] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_has_words_and_the_page_its_tables(found: dict[str, dict[str, Any]], name: str) -> None:
    page = found[name]
    assert all(len(words) > 40 for words in page["figures"]), page["figures"]
    assert page["tables"] or not page["figures"]


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_in_order(found: dict[str, dict[str, Any]], name: str) -> None:
    levels = [level for level, _ in found[name]["headings"]]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), found[name]["headings"]


@pytest.mark.parametrize("name", PAGES)
def test_a_telephone_need_not_scroll_sideways(found: dict[str, dict[str, Any]], name: str) -> None:
    assert found[name]["too wide"] <= 0


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_all_text_can_be_read(found: dict[str, dict[str, Any]], name: str, theme: str) -> None:
    assert found[name][theme] == []
