"""`make bench`: every benchmark that this machine can run, one after the other, each in a process of its own.

`python -m benchmarks.run NAME …` runs some. A benchmark is a module of this folder with a function `main`; one that
needs a GPU says so by `NEEDS_GPU = True`.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
NO_BENCHMARKS = ("run", "table")  # they have a `main`, and measure nothing


def scripts(folder: Path = HERE) -> dict[str, bool]:
    """name -> whether it needs a GPU, by name. The sources are read, not imported: a peer may not be installed."""
    found = {}
    for file in sorted(folder.glob("*.py")):
        body = ast.parse(file.read_text()).body
        if file.stem not in NO_BENCHMARKS and any(isinstance(n, ast.FunctionDef) and n.name == "main" for n in body):
            found[file.stem] = any(map(_says_gpu, body))
    return found


def _says_gpu(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and [ast.unparse(target) for target in node.targets] == ["NEEDS_GPU"]
        and ast.unparse(node.value) == "True"
    )


def gpu_there() -> bool:
    import torch

    return torch.cuda.is_available()


def chosen(names: Sequence[str], known: dict[str, bool]) -> list[str]:
    """The named benchmarks, or all. Raises ValueError for an unknown name."""
    for name in names:
        if name not in known:
            raise ValueError(f"there is no benchmark {name!r}; choose from {', '.join(known)}")
    return list(names or known)


def main(arguments: Sequence[str] | None = None) -> int:
    """0 where all that could be run were; 1 where one did not finish; 2 for an unknown name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a benchmark; all of them, where none is named")
    known = scripts()
    try:
        names = chosen(parser.parse_args(arguments).names, known)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    failed = []
    for name in names:
        if known[name] and not gpu_there():
            print(f"benchmarks.{name} is skipped: it needs a CUDA GPU, and torch finds none here", flush=True)
        elif subprocess.call([sys.executable, "-m", f"benchmarks.{name}"]):
            failed.append(name)
    for name in failed:
        print(f"benchmarks.{name} did not finish", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
