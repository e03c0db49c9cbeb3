"""The app as it is served to others, walked by a client of its protocol: a server that only shows, on a disk that
cannot be written; and viewers of a server whose teachers sign in."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from invlab import backgrounds, store
from tests.browser import ROOT, App
from tests.protocol import Session
from tests.test_faults import small_disk

pytestmark = pytest.mark.timeout(600)
PAGES = [name for name in re.findall(r'st\.Page\("pages/(\w+)\.py"', (ROOT / "app.py").read_text()) if name != "home"]
SOME = ["lessons", "classroom", "sensitivity", "transfer", "mismatch", "runs"]  # of each kind of page one
COMPUTES = ("transfer", "mismatch")  # pages with a button that starts something


async def _walk(url: str, pages: list[str]) -> dict[str, tuple[list[str], list[str]]]:
    """page -> the texts it shows, and its errors."""
    session, found = Session(url), {}
    try:
        await session.open("")
        found["home"] = session.texts(), session.errors()
        for page in pages:
            await session.go(page)
            found[page] = session.texts(), session.errors()
    finally:
        await session.close()
    return found


def walked(app: App, pages: list[str] = PAGES) -> dict[str, tuple[list[str], list[str]]]:
    return asyncio.run(_walk(app.url, pages))


def with_scenes(home: Path) -> Path:
    """A home that has the scenes, as one that was in use before: drawing them takes a while."""
    backgrounds.backgrounds("scenes", 32)
    (home / "cache").mkdir(parents=True)
    for file in (store.home() / "cache").glob("scenes-*.npy"):
        shutil.copy(file, home / "cache")
    return home


@pytest.fixture(scope="module")
def view_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    served = App(with_scenes(tmp_path_factory.mktemp("view") / "home"), INVLAB_MODE="view")
    yield served
    served.stop()


def test_a_server_that_only_shows_shows_every_page(view_only: App) -> None:
    found = walked(view_only)
    assert {page: errors for page, (_, errors) in found.items() if errors} == {}
    assert all(len(" ".join(texts)) > 200 for texts, _ in found.values())
    for page in COMPUTES:
        assert any("finished results only" in text for text in found[page][0]), page


def test_it_starts_no_worker_and_keeps_no_results(view_only: App) -> None:
    walked(view_only, ["transfer", "runs", "classroom"])
    kept = {path.name for path in view_only.home.iterdir()}
    assert not kept & {"queue.sqlite3", "results", "weights", "rooms.sqlite3", "signed-in.sqlite3", "worker.log"}


def test_it_does_with_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64m") as disk:
        with_scenes(disk / "home")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        log = tmp_path / "elsewhere"
        app = App(log, INVLAB_MODE="view", INVLAB_HOME=str(disk / "home"))
        try:
            found = walked(app, SOME)
        finally:
            app.stop()
    assert {page: errors for page, (_, errors) in found.items() if errors} == {}


def test_viewers_see_every_page_and_are_told_how_to_do_more(tmp_path: Path) -> None:
    settings = {"INVLAB_MODE": "serve", "INVLAB_WORKER": "0", "INVLAB_PASSPHRASE": "correct horse battery"}
    app = App(with_scenes(tmp_path / "home"), **settings)
    try:
        found = walked(app, SOME)
    finally:
        app.stop()
    assert {page: errors for page, (_, errors) in found.items() if errors} == {}
    assert any("join your teacher" in text for text in found["transfer"][0])
    assert any("a teacher signs in" in text for text in found["mismatch"][0])
