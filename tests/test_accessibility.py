"""Every page for everybody: names, figures in words, headings, keyboard, narrow screens, contrast in both themes, and
figures that those can read who see colours otherwise.

The app is served once, and every page is opened once; what is found out about it is looked at by the tests.
"""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser
from playwright.sync_api import Page as Tab

from invlab.figures import COLOURS, DASHES, SYMBOLS
from invlab.figures.mismatch import GROUP_MARKS
from tests.browser import ROOT, App, settle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
PAGES = re.findall(r'st\.Page\("pages/(\w+)\.py"', (ROOT / "app.py").read_text())
SCRIPT = (ROOT / "tests" / "accessibility.js").read_text()  # names(), contrast() and wide() of a page
FRESH = "() => !document.querySelector('[data-stale=true]')"
READY = "() => [...document.querySelectorAll('.js-plotly-plot')].every(g => g.querySelector('.main-svg'))"


def opened(tab: Tab, app: App, name: str) -> None:
    tab.goto(f"{app.url}/{'' if name == 'home' else name}")
    settle(tab, 120)
    tab.wait_for_function(READY, timeout=90_000)
    settle(tab, 120)
    for _ in range(2):  # Streamlit fades what a run has not sent again yet, and needs a moment to bring it back
        tab.wait_for_function(FRESH, timeout=90_000)
        tab.wait_for_timeout(900)


def look(tab: Tab, what: str) -> Any:
    return tab.evaluate(f"() => ({SCRIPT}).{what}()")


@pytest.fixture(scope="module")
def found(browser: Browser, app: App) -> dict[str, dict[str, Any]]:
    """page -> what it has, its weak contrasts by theme, and how far it is too wide for a telephone."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    tab, told = context.new_page(), {}
    for name in PAGES:
        tab.set_viewport_size({"width": 1280, "height": 900})
        tab.emulate_media(color_scheme="light")
        opened(tab, app, name)
        told[name] = look(tab, "names") | {"light": look(tab, "contrast")}
        tab.emulate_media(color_scheme="dark")
        tab.wait_for_timeout(900)  # colours fade over
        told[name]["dark"] = look(tab, "contrast")
        tab.set_viewport_size({"width": 390, "height": 844})
        tab.wait_for_timeout(600)
        told[name]["too wide"] = look(tab, "wide")
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


# ------------------------------------------------------------------------------------------------------------- keyboard


def tabbed(tab: Tab, most: int = 200) -> list[str]:
    """Press Tab until the focus comes round: what was reached, in order."""
    reached: list[str] = []
    for _ in range(most):
        tab.keyboard.press("Tab")
        name = str(look(tab, "focused")[0])
        if name.startswith("BODY") or (len(reached) > 3 and name == reached[0]):
            return reached
        reached.append(name)
    raise AssertionError(f"the focus does not come round: {reached[-5:]}")


@pytest.mark.parametrize("name", ["home", "sensitivity", "transfer", "mismatch"])
def test_the_keyboard_reaches_everything_and_is_never_caught(browser: Browser, app: App, name: str) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    opened(tab, app, name)
    reached = tabbed(tab)
    assert "Skip to main content" in reached[0]
    assert sum(entry.startswith("A ") for entry in reached) > len(PAGES) - 2  # the sidebar
    assert any("Table behind the figure" in entry for entry in reached)
    assert look(tab, "left") == []
    tab.close()


def test_the_focus_is_seen(browser: Browser, app: App) -> None:
    """Each stop looks otherwise than it does without the focus."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    opened(tab, app, "mismatch")
    unseen = []
    for _ in range(34):
        tab.keyboard.press("Tab")
        name, x, y, width, height = look(tab, "focused")
        if width < 2 or height < 2 or height > 500 or y < 4 or y + height > 896:  # hidden, the page itself, or scrolled
            continue
        clip = {"x": max(0, x - 4), "y": max(0, y - 4), "width": width + 8, "height": height + 8}
        with_it = tab.screenshot(clip=clip)
        tab.evaluate("document.activeElement.dataset.last = '1', document.activeElement.blur()")
        tab.wait_for_timeout(220)  # rings fade
        if tab.screenshot(clip=clip) == with_it:
            unseen.append(name)
        tab.evaluate("document.querySelector('[data-last]').focus(), delete document.activeElement.dataset.last")
    assert unseen == []
    tab.close()


def test_the_table_of_a_figure_is_opened_and_reached_by_keyboard(browser: Browser, app: App) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    opened(tab, app, "mismatch")
    tab.locator("summary", has_text="Table behind the figure").first.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_selector("[data-testid=stDataFrame] canvas")
    tab.wait_for_timeout(500)
    for _ in range(8):
        tab.keyboard.press("Tab")
        if tab.evaluate(
            "document.activeElement.matches('[data-testid=stDataFrame] canvas, [data-testid=stDataFrame] *')"
        ):
            break
    else:
        raise AssertionError("Tab does not reach the table")
    tab.close()


# ---------------------------------------------------------------------------------------------- nothing jumps meanwhile

SHIFTS = """() => { window.shifts = []; new PerformanceObserver(list => list.getEntries().forEach(
    e => e.hadRecentInput || window.shifts.push([e.value, e.sources.map(s => s.node?.className || "").join()])
)).observe({ type: "layout-shift", buffered: false }); }"""


def test_nothing_jumps_while_a_run_is_watched(browser: Browser, app: App) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    opened(tab, app, "transfer?seed=77")
    tab.get_by_role("button", name="Train both and compare").click()
    tab.get_by_text(re.compile(r"network 1: [\d,]+ of [\d,]+")).wait_for(timeout=60_000)
    tab.wait_for_timeout(1500)  # the figures are there
    tab.evaluate(SHIFTS)
    tab.wait_for_timeout(5000)  # ten polls
    watching = tab.get_by_role("button", name="Cancel").count() == 1
    shifts = tab.evaluate("window.shifts")
    tab.close()
    assert watching or shifts, "the run was over before it could be watched"
    print(f"cumulative layout shift over five seconds: {sum(value for value, _ in shifts):.4f}")
    assert sum(value for value, _ in shifts) <= 0.1, shifts


# ---------------------------------------------------------------------------------------------- colours seen otherwise

# Of linear sRGB. Viénot, Brettel and Mollon (1999) for those without red or green cones; a plane of Brettel et al.
# (1997) for those without blue ones.
SEEN = {
    "protanopia": [[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]],
    "deuteranopia": [[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]],
    "tritanopia": [[1.01277, 0.13548, -0.14826], [-0.01243, 0.86812, 0.14431], [0.07589, 0.80500, 0.11911]],
}


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB, white D65."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ np.clip(rgb, 0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(a: str, b: str, how: str) -> float:
    """ΔE (1976) of two colours, as somebody sees them."""
    seen = np.array(SEEN[how])
    return math.dist(lab(seen @ linear(a)), lab(seen @ linear(b)))


def test_the_distance_of_colours_is_right() -> None:
    assert math.dist(lab(linear("#000000")), lab(linear("#ffffff"))) == pytest.approx(100, abs=0.1)
    assert apart("#ff0000", "#6d6d00", "protanopia") < 25  # a red and the olive it is taken for
    assert apart("#ffffff", "#000000", "tritanopia") > 95


@pytest.mark.parametrize("how", SEEN)
def test_what_a_colour_means_is_told_without_it(how: str) -> None:
    """Two colours of one figure are clearly apart (ΔE of 20) for everybody, or differ in symbol or dash too."""
    for a, b in itertools.combinations(("same", "other", "none", "overlapping"), 2):
        differs = SYMBOLS[a] != SYMBOLS[b] and DASHES[a] != DASHES[b]
        assert differs or apart(COLOURS[a], COLOURS[b], how) >= 20, (a, b)
    assert apart(COLOURS["same"], COLOURS["other"], how) >= 20  # the two that everything compares


@pytest.mark.parametrize("how", SEEN)
def test_groups_are_told_apart_or_named(how: str) -> None:
    """Groups of families: the strips have their names on them; marks differ in symbol."""
    assert len(set(GROUP_MARKS.values())) == len(GROUP_MARKS)
    for a, b in itertools.combinations(("geometric", "photometric", "corruption"), 2):
        assert apart(COLOURS[a], COLOURS[b], how) >= 5, (a, b, apart(COLOURS[a], COLOURS[b], how))


@pytest.mark.parametrize("background", ["#ffffff", "#11161d"])
def test_marks_are_seen_on_both_backgrounds(background: str) -> None:
    """WCAG asks for 3 : 1 of what is not text; orange on white has 2.5 and is told by its form: at least 2.4."""
    for name, colour in COLOURS.items():
        light, dark = sorted(
            (float(np.dot([0.2126, 0.7152, 0.0722], linear(c))) for c in (colour, background)), reverse=True
        )
        assert (light + 0.05) / (dark + 0.05) >= 2.4, name
