"""The app in a real headless Chromium: serve it on a free port, open pages, take pictures.

`python -m tests.browser OUT PAGE [PAGE …]` takes pictures of pages (paths with their query) at 1280 and 390 pixels
width, light and dark.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path() -> str:
    """Where Debian's or the system's Chromium lies."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise RuntimeError("no Chromium found: install the package chromium")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class App:
    """A served app: `url`, `process`, and `stop()`."""

    def __init__(self, home: Path, port: int | None = None, **environment: str) -> None:
        self.home = home
        self.port = port or free_port()
        self.url = f"http://localhost:{self.port}"
        home.mkdir(parents=True, exist_ok=True)
        self.log = (home / "app.log").open("ab")
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port)]
        variables = {**os.environ, "INVLAB_HOME": str(home), **environment}
        self.process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=self.log, stderr=self.log)
        self._wait()

    def _wait(self, seconds: float = 60.0) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise RuntimeError(f"the app ended with {self.process.returncode}; see {self.log.name}")
            health = f"{self.url}/_stcore/health"
            with contextlib.suppress(OSError), urllib.request.urlopen(health, timeout=2) as answer:  # noqa: S310
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise RuntimeError("the app did not answer in time")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        self.log.close()


@contextlib.contextmanager
def serve(home: Path, **environment: str) -> Iterator[App]:
    app = App(home, **environment)
    try:
        yield app
    finally:
        app.stop()


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    with tempfile.TemporaryDirectory() as profile, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=[*FLAGS, f"--crash-dumps-dir={profile}"], headless=True
        )
        try:
            yield browser
        finally:
            browser.close()


def settle(page: Page, seconds: float = 30.0) -> None:
    """Wait until Streamlit has run the page's script and nothing is stale."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]", timeout=seconds * 1000)
    page.wait_for_timeout(300)


def picture(page: Page, path: Path) -> None:
    """The whole page, scrolled area included (Streamlit scrolls an inner container)."""
    height = page.evaluate("() => document.querySelector('[data-testid=stMain]')?.scrollHeight || 900")
    size = page.viewport_size or {"width": 1280, "height": 900}
    page.set_viewport_size({"width": size["width"], "height": min(int(height) + 80, 6000)})
    page.wait_for_timeout(700)
    page.screenshot(path=str(path))
    page.set_viewport_size(size)


def main(out: str, pages: list[str]) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home,
        serve(Path(home)) as app,
        chromium() as browser,
    ):
        for width in (1280, 390):
            for scheme in ("light", "dark"):
                context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
                page = context.new_page()
                for path in pages:
                    page.goto(f"{app.url}/{path.lstrip('/')}")
                    settle(page)
                    page.wait_for_timeout(3500)
                    settle(page)
                    name = path.split("?")[0].strip("/") or "home"
                    picture(page, folder / f"{name}-{width}-{scheme}.png")
                context.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
