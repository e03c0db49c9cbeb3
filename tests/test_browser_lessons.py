"""A lesson from end to end in a real headless Chromium, by keyboard where that matters; its words, and what to try."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import App, settle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]
SLOW = 60_000  # milliseconds


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    served = App(tmp_path_factory.mktemp("home"), INVLAB_WORKER="0")
    yield served
    served.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844})  # a telephone in a lesson
    opened = context.new_page()
    opened.set_default_timeout(SLOW)
    yield opened
    context.close()


def press(page: Page, name: str) -> None:
    """A button, reached and pressed by the keyboard."""
    button = page.get_by_role("button", name=name)
    button.focus()
    page.keyboard.press("Enter")
    settle(page)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def wide(page: Page) -> bool:
    """Whether anything reaches beyond the right edge."""
    return page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth > window.innerWidth")


def test_a_student_walks_a_lesson_and_comes_back(page: Page, app: App) -> None:
    page.goto(f"{app.url}/lessons")
    settle(page, 60)
    page.get_by_role("link", name="Open lesson 8").click()
    expect(page.get_by_role("heading", name="Does invariance carry over?")).to_be_visible()
    press(page, "Next: predict")
    expect(page).to_have_url(re.compile("lesson=carry&step=Predict"))
    page.get_by_role("slider").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.get_by_text("55 %", exact=True)).to_be_visible()
    press(page, "This is my guess")
    expect(page.get_by_text("You said")).to_contain_text("You said 55 %")
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    assert not wide(page)
    press(page, "Next: why")
    expect(page.get_by_text("Part of what is learned holds for anything")).to_be_visible()
    press(page, "Next: try")
    expect(page).to_have_url(re.compile("step=Try"))
    page.get_by_role("link", name="All lessons").click()
    expect(page.get_by_text("1 of 11 answered")).to_be_visible()
    page.get_by_role("link", name="Go on with lesson 8").click()
    expect(page).to_have_url(re.compile("lesson=carry&step=Try"))  # where the student was
    page.get_by_role("link", name="Networks that learned noise").click()
    expect(page.get_by_role("heading", name="Shift", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("trained=random"))


def test_a_link_to_an_answer_does_not_give_it_away(page: Page, app: App) -> None:
    page.goto(f"{app.url}/lessons?lesson=mismatch&step=Reveal")
    settle(page, 60)
    expect(page.get_by_text("First your prediction")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(0)


def test_a_term_leads_to_the_glossary(page: Page, app: App) -> None:
    page.goto(f"{app.url}/lessons?lesson=mismatch")
    settle(page, 60)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="transformation family").first.click()
    glossary = opened.value
    settle(glossary, 60)
    expect(glossary).to_have_url(re.compile(r"/glossary\?term=transformation(%20|\+)family"))
    expect(glossary.get_by_role("heading", level=2).first).to_have_text("Transformation family")
    assert not wide(glossary)
    glossary.get_by_label("Search").fill("probe")
    glossary.keyboard.press("Enter")
    expect(glossary.get_by_role("heading", name="Linear probe")).to_be_visible()
    expect(glossary).to_have_url(re.compile("search=probe"))
