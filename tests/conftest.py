"""Every test session has a home of its own, one thread for torch, and draws the scenes once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from invlab import labnet

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser import App

SOURCES = Path(__file__).parents[1] / "invlab"
HOME = Path(tempfile.mkdtemp(prefix="invlab-tests-"))


def pytest_configure(config: pytest.Config) -> None:
    """Before anything is collected, so that no import can look at a person's own home."""
    os.environ["INVLAB_HOME"] = str(HOME)
    torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="there is no CUDA device here"))


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def home(request: pytest.FixtureRequest) -> Iterator[Path]:
    """The session's INVLAB_HOME.

    Drawing all scenes takes about 20 seconds, so pytest's own cache carries them from one session to the next, for as
    long as the files that draw them stay the same.
    """
    scenes = HOME / "cache"
    scenes.mkdir(parents=True, exist_ok=True)
    cache = getattr(request.config, "cache", None)  # absent under `-p no:cacheprovider`
    kept = cache.mkdir(f"scenes-{_digest('scenes.py', 'backgrounds.py', 'seeds.py')}") if cache else None
    if kept:
        for file in kept.glob("scenes-*.npy"):
            shutil.copy(file, scenes)
    yield HOME
    if kept:
        for file in scenes.glob("scenes-*.npy"):
            if not (kept / file.name).exists():
                part = kept / f"{file.name}.{os.getpid()}"
                shutil.copy(file, part)
                part.replace(kept / file.name)


@pytest.fixture(autouse=True)
def own_home(home: Path) -> Iterator[None]:
    """No test leaves another home behind."""
    yield
    assert os.environ.get("INVLAB_HOME") == str(home), "a test changed INVLAB_HOME: use monkeypatch.setenv"


@pytest.fixture
def by_autograd(monkeypatch: pytest.MonkeyPatch) -> None:
    """labnet learns as where no compiled code runs: for tests of a loop against one in torch, or of forward passes."""
    monkeypatch.setattr(labnet, "takes", lambda *_, **__: False)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    from tests.browser import chromium

    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app, served from a home of its own."""
    from tests.browser import App

    served = App(tmp_path_factory.mktemp("home"))
    yield served
    served.stop()


def _digest(*names: str) -> str:
    return hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in names)).hexdigest()[:12]
