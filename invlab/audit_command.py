"""The command `audit`: how invariant is a network to each family, on photographs of one's own."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invlab.architectures import ARCHITECTURES, audited, facts
from invlab.audit import DEFAULT, FILE, OWN_SCENES, RANDOM, Audit, expected_seconds
from invlab.transforms import TRANSFORMS

ALL = "all"
TRAINED = "trained:"
WRONG = 2  # the exit status for input that cannot be used, as argparse has it


def add_audit(commands: Any, positive: Callable[[str], int], bar: Callable[[str], Any]) -> None:
    """The command `audit`. `bar` makes a progress bar (`report(point)`, `end()`) from its title."""
    names = ", ".join(ARCHITECTURES)
    command = commands.add_parser(
        "audit",
        help="how invariant is a network (torchvision's, or the lab's) to each family, on your photographs",
        description="Show photographs to a network under every family of transformations, and tell how far its "
        "representation moves: 0 = invariant, 1 = as far as to another photograph. Response curves and every stage of "
        "the network come with it. Weights in a .pt file are read with weights-only loading.",
        epilog=f"networks: {names}",
    )
    command.add_argument("--network", required=True, metavar="NAME", help="resnet50, vit_b_16, labnet … (below)")
    command.add_argument(
        "--weights", default=None, metavar="WEIGHTS",
        help="DEFAULT (torchvision's, fetched once), random (untrained), a safetensors or .pt FILE, or "
        f"{TRAINED}FAMILY for a network that ships (DEFAULT; {TRAINED}none for labnet)",
    )  # fmt: skip
    command.add_argument(
        "--images", type=Path, default=None, metavar="DIR", help="a folder of PNG, WebP or JPEG photographs (scenes)"
    )
    command.add_argument("--families", default=ALL, help="transformations separated by commas, or all")
    command.add_argument("--count", type=positive, default=20, help="photographs at most (20)")
    command.add_argument("--size", type=int, default=0, help="side in pixels (the network's own)")
    command.add_argument("--points", type=positive, default=4, help="steps of each response curve (4)")
    command.add_argument("--draws", type=positive, default=3, help="draws of each photograph and family (3)")
    command.add_argument("--seed", type=int, default=0, help="of draws, pairs and random weights (0)")
    command.add_argument("--report", type=Path, default=None, metavar="FILE", help="write an HTML report")
    command.add_argument("--json", action="store_true", help="print the whole result as one JSON object")
    command.set_defaults(run=run_audit, bar=bar)


def run_audit(asked: argparse.Namespace) -> int:
    """Check what was given, measure, tell, and write the report."""
    from invlab import devices, runs, store
    from invlab.weights import WeightsError

    devices.one_thread_each()
    try:
        check_report(asked.report)
        spec, file = asked_spec(asked)
    except ValueError as error:
        print(f"invlab audit: {error}", file=sys.stderr)
        return WRONG
    found = store.open_store()
    print(f"{spec.network}: about {expected_seconds(spec):,.0f} s on two CPU cores", file=sys.stderr)
    bar = asked.bar(f"audit of {spec.network}")
    try:
        record = runs.execute(spec, found, bar.report)
    except WeightsError as error:  # DEFAULT weights without a network, say
        bar.end()
        print(f"invlab audit: {error}", file=sys.stderr)
        return WRONG
    bar.end()
    print(json.dumps(record, allow_nan=False) if asked.json else told(spec, record))
    if asked.report is not None:
        write_report(spec, record, asked.report, file)
    return 0


def asked_spec(asked: argparse.Namespace) -> tuple[Audit, str]:
    """The audit, and the name of the weights' file where there is one. Raises ValueError for unusable input."""
    facts(asked.network)
    families = tuple(TRANSFORMS) if asked.families.strip() == ALL else named(asked.families)
    weights, file = chosen_weights(asked.network, asked.weights)
    fields = {name: getattr(asked, name) for name in ("size", "points", "draws", "seed")}
    checked = Audit(asked.network, weights, OWN_SCENES, families, asked.count, **fields)  # before a folder is read
    pictures = OWN_SCENES if asked.images is None else opened(asked.images)
    return Audit(asked.network, weights, pictures, families, checked.images, **fields), file


def named(text: str) -> tuple[str, ...]:
    """Families separated by commas, in the order of the table: one question has one key."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    order = list(TRANSFORMS)
    return tuple(sorted(names, key=lambda name: order.index(name) if name in order else -1))


def chosen_weights(network: str, text: str | None) -> tuple[str, str]:
    """The spec's weights for what was typed, and the file's name where it was one."""
    from invlab import records
    from invlab.architectures import is_lab
    from invlab.studies.singles import SOURCES, Singles

    text = text or (f"{TRAINED}none" if network == "labnet" else RANDOM if is_lab(network) else DEFAULT)
    if text in (DEFAULT, RANDOM):
        return text, ""
    if text.startswith(TRAINED):
        source = text.removeprefix(TRAINED)
        if source not in SOURCES:
            raise ValueError(f"--weights {text!r}: choose {TRAINED} and one of {', '.join(SOURCES)}")
        training = Singles().training(source, 0)
        if audited(training.network) != network:
            raise ValueError(f"--weights {text!r}: these networks are of the kind {audited(training.network)}")
        return records.key(training), ""
    if text.startswith("training-"):
        return text, ""
    from invlab.weights import receive_file

    return FILE + receive_file(text, network), Path(text).name


def opened(folder: Path) -> str:
    """The name of the set of photographs in a folder; what is wrong with some of them is told on the way."""
    from invlab.backgrounds import open_folder

    name, problems = open_folder(folder)
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    return name


def check_report(path: Path | None) -> None:
    """Raise ValueError where the report could not be written, before an hour of computing."""
    if path is None:
        return
    folder = path.expanduser().resolve().parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"--report {path}: the file cannot be written there; name a file in a folder that exists")


def told(spec: Audit, record: dict[str, Any]) -> str:
    """The result as a few lines of text."""
    from invlab.audit_report import pictures_text
    from invlab.figures.audit import by_family, headline

    result = record["result"]
    found = by_family(result)
    lines = [f"{spec.network} on {pictures_text(spec, result['images'])}, {result['size']} px", ""]
    lines.append(f"{'family':<12}{'group':<13}sensitivity           farthest along its parameter")
    for name in result["ranking"]:
        row, curve = found[name], found[name]["curve"]
        most = max(range(len(curve["points"])), key=curve["sensitivity"].__getitem__)
        low, high = row["interval"]
        where = f"{curve['sensitivity'][most]:.2f} at {curve['parameter']} {curve['points'][most][0]:g}"
        lines.append(f"{name:<12}{row['group']:<13}{row['sensitivity']:.3f} [{low:.3f}, {high:.3f}]  {where}")
    made = record["made"]
    lines += ["", headline(result), f"95 % intervals over photographs; {made['device']}, {made['seconds']:.1f} s"]
    return "\n".join(lines)


def write_report(spec: Audit, record: dict[str, Any], path: Path, file: str) -> None:
    """The HTML report."""
    from invlab.audit import examples
    from invlab.audit_report import THUMBNAIL, page
    from invlab.files import replace_file

    text = page(record, weights=file, examples=examples(spec, THUMBNAIL))
    replace_file(path.expanduser(), text.encode())
    print(f"wrote {path}: {len(text) / 1e6:.1f} MB, needs nothing else to be read", file=sys.stderr)
