"""`python -m invlab doctor`, `backup` and `restore`: for the person who runs the lab."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from invlab import store


def add_operating(commands: Any) -> None:
    """Add the commands `doctor`, `backup` and `restore`."""
    _add_doctor(commands)
    made = commands.add_parser(
        "backup",
        help="copy all that is kept into one file, while the app goes on",
        description="Copy results, networks, the queue and uploads into one new file, at one moment, while the app and "
        "its worker go on. Caches and fetched pictures are left out: they can be had again.",
    )
    made.add_argument("file", type=Path, metavar="FILE", help="the new file, best on another disk")
    made.set_defaults(run=backed_up)
    put = commands.add_parser(
        "restore",
        help="put a back-up in the place of a home, checked to the last byte",
        description="Unpack a back-up beside the home, check every byte, then let it take the home's place in one "
        "step. The app and its workers must not be running.",
    )
    put.add_argument("file", type=Path, metavar="FILE", help="what `backup` wrote")
    put.add_argument("--replace", action="store_true", help="the home is not empty: move it aside and keep it")
    put.add_argument("--check", action="store_true", help="only read the back-up and say whether it is whole")
    put.set_defaults(run=restored)
    for command in (made, put):
        command.add_argument("--home", type=Path, default=None, metavar="DIR", help="the home (INVLAB_HOME)")


def _add_doctor(commands: Any) -> None:
    command = commands.add_parser(
        "doctor",
        help="look whether everything is in order, and say what to do where it is not",
        description="Look at versions, device, bundle, results, queue, disk and settings. Nothing is changed. The exit "
        "status is 1 where there is a problem.",
    )
    command.add_argument("--home", type=Path, default=None, metavar="DIR", help="the home (INVLAB_HOME)")
    command.add_argument("--quick", action="store_true", help="do not read every file to the last byte")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    command.set_defaults(run=examined)


def examined(asked: argparse.Namespace) -> int:
    """All checks, one line each."""
    from invlab import doctor

    findings = doctor.examine(asked.home or store.home(), quick=asked.quick)
    if asked.json:
        print(json.dumps({"worst": doctor.worst(findings), "findings": [vars(one) for one in findings]}))
    else:
        for finding in findings:
            print(doctor.line(finding))
    return 1 if doctor.worst(findings) == "problem" else 0


def backed_up(asked: argparse.Namespace) -> int:
    """One file of a home."""
    from invlab import backup

    told = backup.backup(asked.file, asked.home or store.home())
    print(f"wrote {asked.file}: {told.files} files, {told.bytes / 1e6:,.1f} MB")
    return 0


def restored(asked: argparse.Namespace) -> int:
    """A home from one file, or only a look at the file."""
    from invlab import backup

    if asked.check:
        told = backup.check(asked.file)
        print(f"{asked.file} is whole: {told.files} files, {told.bytes / 1e6:,.1f} MB")
        return 0
    home = asked.home or store.home()
    told = backup.restore(asked.file, home, asked.replace)
    print(f"restored {home}: {told.files} files, {told.bytes / 1e6:,.1f} MB")
    if told.aside is not None:
        print(f"what was there before is kept in {told.aside}")
    return 0
