"""Write the README's table of benchmarks from the committed results: `python -m benchmarks.table`."""

from __future__ import annotations

import sys
from pathlib import Path

from invlab import benchmarks

README = Path(__file__).parents[1] / "README.md"


def main() -> int:
    """0 once README.md holds the table that the results say; 1 with a sentence where it could not be written."""
    try:
        found = benchmarks.results()
        README.write_text(benchmarks.with_table(README.read_text(), found))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{README.name}: {len(benchmarks.markdown(found).splitlines()) - 2} claims")
    return 0


if __name__ == "__main__":
    sys.exit(main())
