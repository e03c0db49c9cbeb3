"""What a visitor waits for: Home from a cold server, and a control that renders the gallery anew.

`python -m benchmarks.pages`. A real headless Chromium; each cold start is a new server process.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser

from benchmarks.common import claim, spread, write
from tests.browser import chromium, serve, settle

ROUNDS = 5


def main() -> None:
    words, whole, again, turns = [], [], [], []
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        for _ in range(ROUNDS):
            with serve(Path(home), INVLAB_WORKER="0") as app:
                first, figure = painted(browser, app.url)
                words.append(first)
                whole.append(figure)
        with serve(Path(home), INVLAB_WORKER="0") as app:
            painted(browser, app.url)
            time.sleep(10)  # torch is loaded in the background meanwhile
            again = [painted(browser, app.url) for _ in range(ROUNDS)]
            page = browser.new_page()
            page.goto(f"{app.url}/transformations")
            page.wait_for_selector(".il-tiles img", timeout=60_000)
            settle(page)
            page.wait_for_timeout(3000)
            turns = [turn(page, seed) for seed in range(1, 8)]
    write(
        "pages",
        [
            claim("Home's first words, a server just started (median)", spread(words)["median"], 2, "s", larger=False),
            claim(
                "Home's first words, a new visitor (median)",
                spread([w for w, _ in again])["median"],
                2,
                "s",
                larger=False,
            ),
            claim("a new seed shows its gallery (median)", spread(turns)["median"], 0.3, "s", larger=False),
        ],
        words=words,
        figure_on_a_server_just_started=whole,
        new_visitor_words_and_figure=again,
        gallery=turns,
    )


def painted(browser: Browser, url: str) -> tuple[float, float]:
    """Seconds until a visitor with an empty browser sees Home's first words, and its figure."""
    context = browser.new_context()
    page = context.new_page()
    began = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("h1", timeout=30_000)
    words = time.perf_counter() - began
    page.wait_for_selector("[data-testid=stPlotlyChart] .main-svg", timeout=30_000)
    figure = time.perf_counter() - began
    context.close()
    return words, figure


def turn(page, seed: int) -> float:
    """Seconds from a new seed to its gallery on the screen."""
    shown = page.locator(".il-tiles img").first.get_attribute("src")
    box = page.get_by_label("Seed").first
    box.fill(str(seed))
    began = time.perf_counter()
    box.press("Enter")
    page.wait_for_function(
        "old => { const i = document.querySelector('.il-tiles img');"
        " return i && i.src && i.src !== old && i.complete }",
        arg=shown,
        timeout=10_000,
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
