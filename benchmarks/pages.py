"""What a visitor waits for: Home from a cold server, a control that renders the gallery anew, a run's first step.

`python -m benchmarks.pages`. A real headless Chromium. Each round is a new installation: an empty home, a new server
process and its worker, which draws the scenes meanwhile; each visitor comes with an empty browser cache.

The page itself notes when pixels are on the screen (Chromium's element timing). Asking from outside, as
`wait_for_selector` does, is answered late: the page's one thread compiles Plotly's script for a second after the paint.
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from benchmarks.common import claim, spread, write
from invlab.jobs import Queue
from tests.browser import App, chromium, serve, settle

ROUNDS = 5
LATER = (5, 30)  # seconds after the server's first visitor, when others come

NOTE_PAINT = """
new PerformanceObserver(list => { window.painted ??= list.getEntries()[0].renderTime })
    .observe({type: 'element', buffered: true});
new MutationObserver(() => document.querySelector('h1')?.setAttribute('elementtiming', 'title'))
    .observe(document, {childList: true, subtree: true});
"""
# The time from the click on the button to the first frame that shows how many images the first network has seen.
NOTE_FIRST_STEP = """() => {
window.stepped = null;
let clicked = null;
const button = [...document.querySelectorAll('button')].find(b => b.innerText.includes('Train both and compare'));
button.addEventListener('click', () => { clicked = performance.now() }, {capture: true, once: true});
const look = new MutationObserver(() => {
    if (clicked === null || !/network 1: [1-9][\\d,]* of/.test(document.body.innerText)) return;
    look.disconnect();
    requestAnimationFrame(() => {  // the frame is on the screen when the message after it arrives
        const painted = new MessageChannel();
        painted.port1.onmessage = () => { window.stepped = (performance.now() - clicked) / 1000 };
        painted.port2.postMessage(null);
    });
});
look.observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


def main() -> None:
    visits: dict[str, list[dict[str, float]]] = {"at once": [], **{f"after {s} s": [] for s in LATER}}
    turns: list[float] = []
    steps: list[float] = []
    load = os.getloadavg()[0]
    with chromium() as browser:
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, serve(Path(home)) as app:
                began = time.monotonic()
                visits["at once"].append(painted(browser, app.url))
                for seconds in LATER:
                    time.sleep(max(0.0, began + seconds - time.monotonic()))
                    visits[f"after {seconds} s"].append(painted(browser, app.url))
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, serve(Path(home)) as app:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            turns = gallery(page, app)
            steps = [first_step(page, app, seed) for seed in range(100, 100 + ROUNDS)]
    for which, found in visits.items():
        print(which, [round(visit["words"], 2) for visit in found])
    print("first step", [round(s, 2) for s in steps])
    words = {which: [visit["words"] for visit in found] for which, found in visits.items()}
    write(
        "pages",
        [
            *(
                claim(
                    f"Home's words painted, {who} (median)",
                    spread(words[which])["median"],
                    2,
                    "s",
                    larger=False,
                    headline=which == "at once",
                    spread=spread(words[which]),
                )
                for which, who in [
                    ("at once", "a server just started"),
                    *((f"after {s} s", f"a new visitor {s} s later") for s in LATER),
                ]
            ),
            claim(
                "Home's words painted (slowest of all)",
                max(w for found in words.values() for w in found),
                2,
                "s",
                larger=False,
            ),
            claim("a new seed shows its gallery (median)", spread(turns)["median"], 0.3, "s", larger=False),
            claim(
                "from the click to a run's first step on the screen (slowest)",
                max(steps),
                1,
                "s",
                larger=False,
                headline=True,
            ),
        ],
        home=visits,
        gallery=turns,
        click_to_first_step=steps,
        load_before=load,
    )


def painted(browser: Browser, url: str) -> dict[str, float]:
    """Seconds until a visitor with an empty browser sees Home's title, and its figure."""
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script(NOTE_PAINT)
    began = time.time()
    page.goto(url, wait_until="commit")
    page.wait_for_selector("[data-testid=stPlotlyChart] .main-svg", timeout=30_000)
    figure = time.time() - began
    words = page.evaluate("() => (performance.timeOrigin + window.painted) / 1000") - began
    context.close()
    return {"words": words, "figure": figure}


def gallery(page: Page, app: App) -> list[float]:
    """Seconds from each new seed to its gallery."""
    page.goto(f"{app.url}/transformations")
    page.wait_for_selector(".il-tiles img", timeout=60_000)
    wait_for_worker(app)  # and nothing warms up any more
    settle(page)
    return [turn(page, seed) for seed in range(1, 8)]


def turn(page: Page, seed: int) -> float:
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


def first_step(page: Page, app: App, seed: int) -> float:
    """Seconds from the click on *Train both and compare* to its first step on the screen; waits for the result."""
    page.goto(f"{app.url}/transfer?seed={seed}")
    settle(page)
    page.wait_for_timeout(2000)
    settle(page)
    page.evaluate(NOTE_FIRST_STEP)
    page.get_by_role("button", name="Train both and compare").click()
    page.wait_for_function("() => window.stepped !== null", timeout=30_000)
    seconds: Any = page.evaluate("() => window.stepped")
    page.get_by_text("How they came to that").wait_for(timeout=120_000)
    return float(seconds)


def wait_for_worker(app: App, seconds: float = 120.0) -> None:
    queue = Queue(app.home / "queue.sqlite3")
    until = time.monotonic() + seconds
    while not queue.workers():
        if time.monotonic() > until:
            raise TimeoutError(f"no worker within {seconds:.0f} s")
        time.sleep(0.2)
    time.sleep(3)


if __name__ == "__main__":
    main()
