"""What a visitor waits for: Home from a cold server, and a control that renders the gallery anew.

`python -m benchmarks.pages`. A real headless Chromium; each cold start is a new server process.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.common import claim, spread, write
from tests.browser import chromium, serve, settle

ROUNDS = 5


def main() -> None:
    cold, turns = [], []
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        for _ in range(ROUNDS):
            with serve(Path(home), INVLAB_WORKER="0") as app:
                page = browser.new_page()
                began = time.perf_counter()
                page.goto(app.url)
                page.wait_for_selector("[data-testid=stPlotlyChart] .main-svg", timeout=30_000)
                cold.append(time.perf_counter() - began)
                page.close()
        with serve(Path(home), INVLAB_WORKER="0") as app:
            page = browser.new_page()
            page.goto(f"{app.url}/transformations")
            page.wait_for_selector("[data-testid=stImage] img", timeout=60_000)
            settle(page)
            page.wait_for_timeout(3000)
            for seed in range(1, 8):
                turns.append(turn(page, seed))
    write(
        "pages",
        [
            claim("Home painted, cold server (median)", spread(cold)["median"], 2, "s", larger=False),
            claim("a new seed shows its gallery (median)", spread(turns)["median"], 0.3, "s", larger=False),
        ],
        cold=cold,
        gallery=turns,
    )


def turn(page, seed: int) -> float:
    """Seconds from a new seed to its gallery on the screen."""
    shown = page.locator("[data-testid=stImage] img").first.get_attribute("src")
    box = page.get_by_label("Seed").first
    box.fill(str(seed))
    began = time.perf_counter()
    box.press("Enter")
    page.wait_for_function(
        "old => { const i = document.querySelector('[data-testid=stImage] img');"
        " return i && i.src && !i.src.endsWith(old) && i.complete }",
        arg=shown,
        timeout=10_000,
    )
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
