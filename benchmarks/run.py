"""`make bench`: every benchmark, one after the other, each in a process of its own."""

from __future__ import annotations

import subprocess
import sys

SCRIPTS = ("rendering", "learning", "live", "instruments", "audit", "pages", "room")


def main() -> int:
    failed = [name for name in SCRIPTS if subprocess.call([sys.executable, "-m", f"benchmarks.{name}"])]
    for name in failed:
        print(f"benchmarks.{name} did not finish", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
