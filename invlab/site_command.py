"""The command `export-site`: the stored results as a static site."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_export_site(commands: Any) -> None:
    """The command `export-site`."""
    command = commands.add_parser(
        "export-site",
        help="write the bundled results, and chosen own ones, as a static site",
        description="Write the bundled results as pages that need no server: figures, tables, recipes, light and dark. "
        "They work from a file and on any static host, and ask nothing of other hosts.",
    )
    command.add_argument("directory", type=Path, metavar="DIR", help="a new folder, or one that this command has made")
    command.add_argument(
        "--run", dest="keys", nargs="+", action="extend", default=[], metavar="KEY",
        help="own comparisons, recordings and audits to add, a page for each (`runs` lists comparisons)",
    )  # fmt: skip
    command.add_argument("--title", default="Invariance Lab", help="of the whole site (Invariance Lab)")
    command.set_defaults(run=run_export_site)


def run_export_site(asked: argparse.Namespace) -> int:
    """Write the site and say how large it is."""
    from invlab import site, store

    title = " ".join(asked.title.split())
    if not title:
        raise ValueError("--title: it is empty; give the site a name, or leave the option out")
    written = site.export(asked.directory, store.open_store(read_only=True), asked.keys, title)
    print(
        f"wrote {written.directory}: {written.pages} pages, {written.files} files, {written.bytes / 1e6:.1f} MB; open "
        f"{written.directory / 'index.html'}",
        file=sys.stderr,
    )
    return 0
