"""What is freed goes back to the system, and where a system does not know how, nothing happens."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from invlab import memory

HOLDS = """
import threading
from pathlib import Path
from invlab import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

if FEW:
    memory.few_arenas()

def work():
    pieces = [bytearray(60_000) for _ in range(400)]  # 24 MB, below what malloc maps by itself
    keep.append(pieces[-1])  # holds the end of the arena: only trimming gives back what lies before it

keep = []
before = resident()
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
held = resident() - before
memory.give_back()
print(held, resident() - before)
"""


def held(few: bool) -> list[float]:
    """MB above the beginning: after the work, and when it was given back."""
    script = HOLDS.replace("FEW", str(few))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library keeps arenas")
@pytest.mark.parametrize("few", [False, True])
def test_free_memory_is_given_back(few: bool) -> None:
    kept, left = held(few)
    assert kept > 10
    assert left < kept / 3


def test_another_system_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        pass

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Other())
    assert not memory.few_arenas()
    assert not memory.give_back()
