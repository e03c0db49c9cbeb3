"""A visitor's walk in a real headless Chromium: Home → Transformations → Transfer (a live run) → Runs; cancel, reload
in the middle of a run, restart of the app in the middle of a run, forged links."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from invlab.jobs import Queue
from invlab.store import Store
from tests.browser import App, settle

pytestmark = [pytest.mark.browser, pytest.mark.timeout(420)]
LONG = 120_000  # milliseconds: two trainings on a busy machine
TRAIN = re.compile("Train both and compare")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()


def open_page(page: Page, app: App, path: str = "") -> None:
    page.goto(f"{app.url}/{path}")
    settle(page, 60)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def result_shown(page: Page) -> None:
    """The verdict's words and its figures are on the screen."""
    expect(page.get_by_text("How they came to that")).to_be_visible(timeout=LONG)
    expect(page.get_by_text(re.compile("Sensitivity to")).first).to_be_visible()
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def wait_until(happened, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.1)


def worker_pids(home: Path) -> list[int]:
    return [worker.pid for worker in Queue(home / "queue.sqlite3").workers()]


def test_home_says_something_true_and_leads_on(page: Page, app: App) -> None:
    open_page(page, app)
    expect(page.get_by_role("heading", name="Invariance Lab")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(1)
    page.get_by_role("link", name="Train two and compare").click()
    settle(page)
    expect(page.get_by_role("heading", name="Transfer", exact=True)).to_be_visible()
    result_shown(page)  # the bundled comparison, before anything is touched


def test_transformations_answer_and_live_in_the_link(page: Page, app: App) -> None:
    open_page(page, app, "transformations")
    gallery = page.locator("[data-testid=stMain] img").first
    expect(gallery).to_be_visible(timeout=LONG)
    before = gallery.get_attribute("src")
    seed = page.get_by_label("Seed").first
    seed.fill("7")
    seed.press("Enter")
    expect(gallery).not_to_have_attribute("src", before or "", timeout=10_000)
    wait_until(lambda: "seed=7" in page.url, 10)
    page.reload()
    settle(page)
    expect(page.get_by_label("Seed").first).to_have_value("7")


def test_a_live_run_is_watched_to_its_result_and_listed(page: Page, app: App) -> None:
    open_page(page, app, "transfer?seed=41")
    wait_until(lambda: worker_pids(app.home) != [])
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_text(re.compile(r"network 1: [\d,]+ of [\d,]+"))).to_be_visible(timeout=30_000)
    result_shown(page)
    assert "seed=41" in page.url
    assert len(Store(app.home).keys("comparison")) == 1
    open_page(page, app, "runs")
    expect(page.get_by_text("live, 41")).to_be_attached()  # a cell of the table, which is drawn on a canvas


def test_a_run_goes_on_without_the_page_and_is_found_again(page: Page, app: App) -> None:
    open_page(page, app, "transfer?seed=42")
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=30_000)
    page.reload()  # in the middle
    settle(page, 60)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible(timeout=30_000)
    result_shown(page)


def test_a_run_is_cancelled(page: Page, app: App) -> None:
    open_page(page, app, "transfer?seed=43")
    page.get_by_role("button", name=TRAIN).click()
    expect(page.get_by_text(re.compile(r"network 1: [\d,]+ of [\d,]+"))).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Cancel").click()
    queue = Queue(app.home / "queue.sqlite3")
    wait_until(lambda: bool(queue.jobs("cancelled")))
    expect(page.get_by_role("button", name=TRAIN)).to_be_enabled(timeout=30_000)
    expect(page.get_by_text(re.compile("cancelled", re.IGNORECASE)).first).to_be_visible()


def test_visitors_who_come_together_by_a_link_to_a_server_just_started_all_get_the_app(
    browser: Browser, tmp_path: Path
) -> None:
    """Streamlit serves `pages/` by itself until app.py has run: nobody may be left there, without navigation."""
    served = App(tmp_path / "home", INVLAB_WORKER="0")
    contexts = [browser.new_context() for _ in range(3)]
    try:
        opened = [context.new_page() for context in contexts]
        for tab in opened:
            tab.goto(f"{served.url}/transfer", wait_until="commit")
        for tab in opened:
            expect(tab.get_by_role("heading", name="Transfer", exact=True)).to_be_visible(timeout=LONG)
            settle(tab, 60)
        for tab in opened:
            expect(tab.get_by_test_id("stSidebarNav").get_by_text("Explore")).to_be_attached(timeout=1000)
    finally:
        served.stop()
        for context in contexts:
            context.close()


def test_forged_links_get_a_sentence_or_the_default(page: Page, app: App) -> None:
    open_page(page, app, "runs?run=comparison-00000000000000000000000000000000")
    expect(page.locator("[data-testid=stAlert]").first).to_be_visible()
    open_page(page, app, "runs?run=../../etc/passwd")
    expect(page.locator("[data-testid=stAlert]").first).to_be_visible()
    open_page(page, app, "transfer?seed=-5&preset=huge&source=nonsense")
    expect(page.get_by_role("button", name=TRAIN)).to_be_visible()
    open_page(page, app, "sensitivity?network=nonsense&family=%3Cscript%3E")
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def test_the_app_and_its_worker_are_killed_in_the_middle_of_a_run(page: Page, tmp_path: Path) -> None:
    """Nothing finished is lost, no worker is left behind, and the run starts again by itself with the app."""
    home = tmp_path / "home"
    first = App(home)
    try:
        page.goto(f"{first.url}/transfer?seed=44")
        settle(page, 60)
        wait_until(lambda: worker_pids(home) != [])
        (pid,) = worker_pids(home)
        page.get_by_role("button", name=TRAIN).click()
        expect(page.get_by_text(re.compile(r"network 1: [\d,]+ of [\d,]+"))).to_be_visible(timeout=30_000)
        os.kill(first.process.pid, signal.SIGKILL)
        first.process.wait(10)
    finally:
        first.stop()
    wait_until(lambda: not alive(pid), 40)  # the worker followed
    second = App(home, first.port)
    try:
        page.goto(f"{second.url}/transfer?seed=44")
        settle(page, 60)
        result_shown(page)
        (job,) = Queue(home / "queue.sqlite3").jobs("done")
        assert job.attempts >= 1
        (after,) = worker_pids(home)
    finally:
        second.stop()
    wait_until(lambda: not alive(after), 40)


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX"
    return False


def test_nothing_is_asked_of_other_hosts(page: Page, app: App) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("", "sensitivity", "shift", "runs"):
        open_page(page, app, path)
    own = (app.url, app.url.replace("http", "ws"), "data:", "blob:")
    assert asked
    assert [url for url in asked if not url.startswith(own)] == []


# Where the point with a number lies on the screen, of a trace of the first figure that has one of that name.
PLACE = """([name, number]) => {
    for (const graph of document.querySelectorAll('.js-plotly-plot')) {
        const trace = graph._fullData.find(t => t.name === name), { xaxis, yaxis } = graph._fullLayout;
        const box = graph.getBoundingClientRect();
        if (trace) return [box.x + xaxis._offset + xaxis.d2p(trace.x[number]),
                           box.y + yaxis._offset + yaxis.d2p(trace.y[number])];
    }
}"""


def test_the_picture_of_a_point_is_at_the_pointer(page: Page, app: App) -> None:
    open_page(page, app, "responses?view=Neighbourhoods")
    page.wait_for_selector(".js-plotly-plot", timeout=LONG)
    page.wait_for_timeout(1500)
    figure = page.locator(".js-plotly-plot").first
    figure.scroll_into_view_if_needed()
    name = figure.evaluate("graph => graph._fullData[2].name")
    box = page.locator(".il-at-pointer")
    assert not box.is_visible()
    page.mouse.move(*page.evaluate(PLACE, [name, 0]))
    expect(box).to_be_visible()
    at = figure.evaluate(
        "g => [g._fullData.findIndex(t => t.name === g._hoverdata[0].data.name), g._hoverdata[0].pointNumber]"
    )  # which of several points in one place plotly means
    assert box.get_attribute("data-cell") == str(60 * at[0] + at[1])
    page.mouse.move(5, 5)
    expect(box).to_be_hidden()
    page.locator(".js-plotly-plot").first.scroll_into_view_if_needed()
    page.get_by_text("Layer by layer", exact=True).click()  # another view: nothing of it is left behind
    expect(box).to_have_count(0)
