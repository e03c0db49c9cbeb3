"""The load test's walk and measures: its pages and controls are there, and its numbers mean what they say."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from benchmarks import room, visitors
from benchmarks.room import WALK, Step

ROOT = Path(__file__).parents[1]
PUT_TOGETHER = {"Kind", "Source", "Network A trained for"}  # from an axis, or a letter
TO_COME = {"lessons", "glossary"}  # walked as soon as the app has them


def test_the_walk_knows_every_page_and_no_other() -> None:
    pages = {"" if file.stem == "home" else file.stem for file in (ROOT / "pages").glob("*.py")}
    assert pages <= {stop.path for stop in WALK} <= pages | TO_COME
    assert set(room.TAUGHT) <= pages


@pytest.mark.parametrize("stop", [stop for stop in WALK if stop.controls], ids=lambda stop: stop.path)
def test_the_controls_are_called_so(stop: room.Stop) -> None:
    """A label that no page uses any more would be skipped without a word."""
    sources = "\n".join(file.read_text() for folder in ("pages", "invlab/ui") for file in (ROOT / folder).glob("*.py"))
    for label in stop.controls:
        assert f'"{label}"' in sources or label in PUT_TOGETHER, f"{stop.path}: nothing is called {label!r}"


def test_percentiles_are_of_the_values_measured() -> None:
    found = room.spread([float(n) for n in range(1, 101)])
    assert found == {"count": 100, "p50": 50.5, "p95": 95.0, "max": 100.0}
    assert room.spread([3.0])["p95"] == 3.0
    steps = [Step("client", "", "page", 0.0, 1.0), Step("browser", "shift", "Show", 1.0, 3.0)]
    assert room.grouped(steps, lambda one: one.page or "home")["shift"]["max"] == 3.0


def test_what_is_drawn_is_told_apart_from_what_is_answered() -> None:
    steps = [
        Step("client", "", "page", 0.0, 1.0),
        Step("browser", "", "arrive", 0.0, 0.5, 9.0),
        Step("browser", "shift", "Show", 1.0, 0.2, 3.0),
    ]
    assert room.until_drawn(steps) == {"first page": [9.0], "later pages": [3.0]}


@pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux has /proc")
def test_chromium_lets_the_server_go_first(tmp_path) -> None:
    """The program that stands for Chromium tells its own niceness, and its session's."""
    tell = tmp_path / "tell"
    tell.write_text("#!/bin/sh\nnice\ncat /proc/self/autogroup 2>/dev/null || true\n")
    tell.chmod(0o755)
    program = visitors.behind(tmp_path, str(tell))
    said = subprocess.run([program], start_new_session=True, capture_output=True, text=True, check=True).stdout.split()
    assert int(said[0]) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + visitors.NICE)
    assert len(said) == 1 or int(said[-1]) == visitors.NICE  # the session's, where the system has such a thing


def test_growth_is_measured_after_the_first_minutes() -> None:
    memory = [(5.0 * n, 100.0 if n < 24 else 200.0 + n - 24) for n in range(120)]  # 1 MB in 5 s
    found = room.growth(memory, 120.0)
    assert found["first_mb"] == 202.5
    assert found["last_mb"] == 292.5
    assert found["growth"] == pytest.approx(292.5 / 202.5 - 1)
    assert found["fitted_mb_per_minute"] == pytest.approx(12.0)
    assert room.growth([(0.0, 100.0)], 120.0)["growth"] == 0.0


def test_processor_time_is_told_apart() -> None:
    found = room.cpu(os.getpid(), [])
    assert set(found) == {"web", "worker", "browsers", "this script"}
    assert found["web"] == found["this script"] > 0
    assert room.resident(os.getpid()) > 20


def test_a_person_chooses_among_what_is_offered() -> None:
    class Offered:
        options = ("a", "b")

    chance = random.Random(0)
    assert {visitors.another("selectbox", Offered, chance) for _ in range(20)} == {"a", "b"}
    assert {visitors.another("number_input", None, chance) for _ in range(60)} == set(range(visitors.SEEDS))
