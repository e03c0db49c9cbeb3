"""Resident memory of the processes that render, learn and serve, each a fresh one: the bounds of docs/operating.md.

`python -m benchmarks.memory`, about two minutes on two cores. Every figure is the largest resident size that the system
noted for the process up to that moment (`VmHWM`; Linux only), in MB of 10⁶ bytes. The server and the worker have a home
of their own; the visitor is a client of Streamlit's protocol. `torch_alone`: a process that imports torch and no more.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import claim, write
from benchmarks.live import one, wait
from invlab import worker
from invlab.jobs import Queue
from tests.browser import ROOT, App, serve
from tests.protocol import Session

IMAGES, AT_ONCE = 50_000, 1000  # rendered, and how many are held at a time
QUIET_SECONDS = 6.0  # without growth: what was started has loaded
LONGEST = 120.0
RENDER = f"""
from invlab.tasks import Task, render
task = Task(classes=tuple(range(12)), transformations=("rotate", "hue", "blur"))
for start in range(0, {IMAGES}, {AT_ONCE}):
    render(task, "train", range(start, start + {AT_ONCE}))
"""
LEARN = """
import sys
from pathlib import Path
from invlab import runs
from invlab.bundle import FIRST_SOURCES, FIRST_TARGET
from invlab.store import Store
from invlab.studies.comparison import comparison
from invlab.studies.presets import PRESETS
store = Store(Path(sys.argv[1]), None)
runs.execute(comparison(FIRST_SOURCES, FIRST_TARGET, PRESETS["live"], 0), store)
store.close()
"""
REPORT = """
from pathlib import Path
print("peak", next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def peak(pid: int) -> float:
    """The largest resident size of a living process so far, MB."""
    return _of_status(Path(f"/proc/{pid}/status").read_text())


def _of_status(text: str) -> float:
    line = next(line for line in text.splitlines() if "VmHWM" in line)
    return int(line.split()[-2]) * 1024 / 1e6


def of_program(program: str, *arguments: str) -> float:
    """The peak of a fresh Python process that runs a program to its end."""
    command = [sys.executable, "-c", program + REPORT, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return _of_status(done.stdout)


def settled(pid: int, seconds: float = LONGEST) -> float:
    """The peak once it has not grown for `QUIET_SECONDS`. Raises TimeoutError where it never rests."""
    until, rest, last = time.monotonic() + seconds, time.monotonic(), 0.0
    while time.monotonic() < until:
        now = peak(pid)
        if now > last + 1:
            rest, last = time.monotonic(), now
        if time.monotonic() - rest > QUIET_SECONDS:
            return now
        time.sleep(0.2)
    raise TimeoutError(f"process {pid} still grows after {seconds:.0f} s")


def of_server(home: Path) -> dict[str, float]:
    """A web server without worker: just started, with Home shown, with torch loaded, after pictures were rendered."""
    with serve(home, INVLAB_WORKER="0") as app:
        found = {"just started": peak(app.process.pid)}
        asyncio.run(_visits(app, found))
    return found


async def _visits(app: App, found: dict[str, float]) -> None:
    pid, session = app.process.pid, Session(app.url)
    try:
        await session.open("")
        found["Home shown"] = peak(pid)
        await asyncio.sleep(25)  # torch is loaded when the first visitor has been quiet
        found["torch loaded"] = await asyncio.to_thread(settled, pid)
        for page in ("transformations", "responses"):
            await session.go(page)
        found["pages that render visited"] = await asyncio.to_thread(settled, pid)
        if errors := session.errors():
            raise RuntimeError(f"the pages showed errors, so what they take says nothing: {errors}")
    finally:
        await session.close()


def of_worker(home: Path) -> dict[str, float]:
    """A worker that waits, and after a live comparison."""
    os.environ |= {"INVLAB_HOME": str(home), "INVLAB_BUNDLE": str(home / "no-bundle")}
    queue = Queue()
    process = worker.ensure_running(queue)
    assert process is not None
    try:
        wait(lambda: queue.workers() != [], 60)
        found = {"waiting": settled(process.pid)}
        one(queue, 0)
        found["after a comparison"] = settled(process.pid)
    finally:
        worker.stop(process)
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        homes = {name: Path(place) / name for name in ("web", "worker", "alone")}
        web, waiting = of_server(homes["web"]), of_worker(homes["worker"])
        rendering, learning = of_program(RENDER), of_program(LEARN, str(homes["alone"]))

    def below(text: str, value: float, aim: float, **more: Any) -> dict[str, Any]:
        return claim(text, value, aim, "MB", larger=False, **more)

    torch_alone = of_program("import torch\n")
    claims = [  # the aims are what docs/operating.md tells those who choose a machine
        below("web server, just started", web["just started"], 70),
        below("web server, Home shown, before torch is loaded", web["Home shown"], 170),
        below("web server, torch loaded", web["torch loaded"], 800, headline=True),
        below("web server, Transformations and Responses visited", web["pages that render visited"], 1050),
        below("worker, waiting", waiting["waiting"], 650),
        below("worker, after a live comparison", waiting["after a comparison"], 950, headline=True),
        below(f"{IMAGES:,} images rendered, {AT_ONCE:,} at a time", rendering, 800, headline=True),
        below("a live comparison without queue and worker", learning, 950),
    ]
    write("memory", claims, torch_alone=torch_alone)


if __name__ == "__main__":
    main()
