"""`python -m invlab data`: what pictures can be had beyond those that ship, and getting them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invlab import photographs, sources
from invlab.kept import data_folder, megabytes
from invlab.sources import SOURCES, Source


def add_data(commands: Any, bar: Callable[[str], Any]) -> None:
    """Add the command `data`. `bar` makes a progress bar (`report(point)`, `end()`) from its title."""
    command = commands.add_parser(
        "data",
        help="list further sets of objects and backgrounds, or get one",
        description="Photographs and cut-outs that do not ship with Invariance Lab.",
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what there is, its size, and whether it is here")
    listing.set_defaults(run=data_list)
    get = actions.add_parser("get", help="fetch one; it tells its size first, and goes on where it was stopped")
    get.add_argument("name", choices=tuple(SOURCES), metavar="NAME", help=", ".join(SOURCES))
    get.set_defaults(run=data_get, bar=bar)
    for action in (listing, get):
        action.add_argument(
            "--directory", type=Path, default=None, metavar="DIR",
            help="where fetched pictures lie (INVLAB_DATA, else `data` in INVLAB_HOME)",
        )  # fmt: skip


def data_list(asked: argparse.Namespace) -> int:
    """One paragraph for each source."""
    for source in SOURCES.values():
        print(f"{source.name:<13}{source.what}")
        print(f"{'':<13}{state(source, asked.directory)}")
    return 0


def state(source: Source, directory: Path | None = None) -> str:
    """Whether a source is here, where, and how large it is, in a few words."""
    place = source.place(directory)
    if source.bytes == 0:
        return f"here, in {place}" if photographs.are_drawn() else f"drawn on first use, into {place}"
    sentence = source.missing(directory)
    return f"here, in {place}" if sentence is None else sentence


def data_get(asked: argparse.Namespace) -> int:
    """Fetch one source."""
    source = SOURCES[asked.name]
    size = "the server tells the size" if source.bytes is None else megabytes(source.bytes)
    size = "drawn here, in about a minute" if source.bytes == 0 else size
    print(f"{source.what} ({size}), into {source.place(asked.directory)}", flush=True)
    progress = asked.bar(asked.name)
    try:
        sources.fetch(asked.name, progress.report, asked.directory)
    finally:
        progress.end()
    print(f"{asked.name} is here: {source.place(asked.directory)}")
    if asked.directory is not None and source.missing(None):
        print(f"to use it, set INVLAB_DATA={data_folder(asked.directory)}")
    return 0
