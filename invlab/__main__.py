"""The command line: `python -m invlab --help`."""

from __future__ import annotations

import argparse
import itertools
import json
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from invlab import (
    __version__,
    audit_command,
    data_command,
    operating_command,
    records,
    site_command,
    study_command,
    uploads,
)
from invlab.backgrounds import BACKGROUNDS
from invlab.objects import OBJECTS, class_names
from invlab.seeds import word
from invlab.studies.presets import PRESETS
from invlab.tasks import Task
from invlab.transforms import GROUPS, TRANSFORMS

FOLDER = "folder:"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0, 1 for a failure told in one sentence, 2 for wrong usage."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["worker"]:
        from invlab import worker

        return worker.main(arguments[1:])
    parsed = parser().parse_args(arguments)
    try:
        return int(parsed.run(parsed) or 0)
    except KeyboardInterrupt:
        print("\nstopped; what was finished is kept", file=sys.stderr)
        return 130
    except (ValueError, RuntimeError, OSError, ArithmeticError) as error:
        print(f"invlab: {error}", file=sys.stderr)
        return 1


# ---------------------------------------------------------------------------------------------------------- arguments


def parser() -> argparse.ArgumentParser:
    families = "\n".join(
        f"  {group:<12}{', '.join(t.name for t in TRANSFORMS.values() if t.group == group)}" for group in GROUPS
    )
    whole = argparse.ArgumentParser(
        prog="invlab",
        description="Invariance Lab: see what invariance does to transfer learning.",
        epilog=f"transformations, separated by commas and applied in that order:\n{families}\n  none",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"invlab {__version__}")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_compare(commands)
    _add_render(commands)
    _add_runs(commands)
    study_command.add_study(commands, positive, Bar)
    study_command.add_claims(commands)
    audit_command.add_audit(commands, positive, Bar)
    data_command.add_data(commands, Bar)
    site_command.add_export_site(commands)
    commands.add_parser("worker", help="compute what the app's queue holds, until stopped", add_help=False)
    _add_bundle(commands)
    operating_command.add_operating(commands)
    return whole


def families(text: str) -> tuple[str, ...]:
    """Names separated by commas; `none` or nothing is the empty tuple."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names in ((), ("none",)):
        return ()
    for name in names:
        if name not in TRANSFORMS:
            valid = ", ".join(TRANSFORMS)
            raise argparse.ArgumentTypeError(f"there is no transformation {name!r}; choose from {valid}")
    return names


def _set_of(table: Sequence[str]) -> Any:
    def check(text: str) -> str:
        if text not in table and not text.startswith(FOLDER) and not uploads.is_name(text):
            valid = f"{', '.join(table)}, or {FOLDER}PATH, or the name of an upload ({uploads.PREFIX} and 32 digits)"
            raise argparse.ArgumentTypeError(f"there is no {text!r}; choose from {valid}")
        return text

    return check


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def _add_sets(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--objects",
        type=_set_of(tuple(OBJECTS)),
        default="drawn",
        help=f"{', '.join(OBJECTS)}, {FOLDER}PATH with one folder of cut-outs for each class, or what an upload "
        f"in the browser is named ({uploads.PREFIX}…)",
    )
    command.add_argument(
        "--backgrounds",
        type=_set_of(tuple(BACKGROUNDS)),
        default="scenes",
        help=f"{', '.join(BACKGROUNDS)}, {FOLDER}PATH with photographs, or what an upload in the browser is named",
    )
    command.add_argument("--size", type=positive, default=32, help="side of the images in pixels (32)")
    command.add_argument("--seed", type=int, default=0, help="of classes, draws and weights (0)")


def _add_compare(commands: Any) -> None:
    command = commands.add_parser(
        "compare",
        help="train two networks, measure their invariance and how well they transfer",
        description="Train a network on each source, then measure both on the target: sensitivity to the target's "
        "transformations (0 = invariant, 1 = twins are like strangers) and the accuracy of a linear probe.",
    )
    command.add_argument("--source", type=families, required=True, help="transformations of the first source task")
    command.add_argument("--versus", type=families, default=None, help="transformations of the second source task")
    command.add_argument("--target", type=families, default=None, help="of the target task (those of --source)")
    command.add_argument("--preset", choices=tuple(PRESETS), default="live", help="how much computing (live)")
    command.add_argument("--seeds", type=positive, default=1, help="repeat with this many seeds, from --seed on (1)")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    _add_sets(command)
    command.set_defaults(run=compare)


def _add_render(commands: Any) -> None:
    command = commands.add_parser(
        "render",
        help="write a contact sheet of a task, or a whole data set",
        description="Render a task: a contact sheet; with --dataset an image folder with its metadata as JSON; with "
        "--tensors one safetensors file of images, labels and draws.",
    )
    command.add_argument("--transforms", type=families, default=(), help="the task's transformations (none)")
    command.add_argument("--classes", default="12", help="how many classes to draw, or their names with commas (12)")
    command.add_argument("--out", type=Path, default=Path("sheet.png"), help="file of the contact sheet (sheet.png)")
    command.add_argument("--rows", type=positive, default=4)
    command.add_argument("--columns", type=positive, default=8)
    command.add_argument("--zoom", type=positive, default=3, help="screen pixels for each pixel (3)")
    command.add_argument("--dataset", type=Path, default=None, help="also write a data set into this new folder")
    command.add_argument(
        "--tensors", type=Path, default=None, help="also write a data set as this new .safetensors file"
    )
    for split, count in (("train", 1000), ("validation", 200), ("test", 200)):
        command.add_argument(f"--{split}", type=int, default=count, help=f"{split} images of the data set ({count})")
    _add_sets(command)
    command.set_defaults(run=render)


def _add_runs(commands: Any) -> None:
    command = commands.add_parser("runs", help="list the queue and the comparisons in the store")
    command.add_argument("--limit", type=int, default=50, metavar="N", help="newest comparisons (default 50; 0: all)")
    command.add_argument("--json", action="store_true", help="print one JSON object for each line")
    command.set_defaults(run=runs_listed)


def _add_bundle(commands: Any) -> None:
    command = commands.add_parser("bundle", help="build or verify the results and networks that ship")
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, what in (("build", "compute what is missing, then write the bundle; can be interrupted and goes on"),
                       ("verify", "check every file, result and network of the bundle")):  # fmt: skip
        action = actions.add_parser(name, help=what, description=what)
        action.add_argument("--directory", type=Path, default=None, help="the bundle (models/)")
        if name == "build":
            action.add_argument("--home", type=Path, default=None, help="where results are collected (INVLAB_HOME)")
        action.set_defaults(run=bundle_build if name == "build" else bundle_verify)


# ----------------------------------------------------------------------------------------------------------- commands


def compare(asked: argparse.Namespace) -> int:
    """Comparisons of one or more seeds, pooled."""
    from invlab import devices, runs, store
    from invlab.studies.comparison import comparison, pooled

    devices.one_thread_each()
    sources = [asked.source] if asked.versus is None else [asked.source, asked.versus]
    target = asked.source if asked.target is None else asked.target
    objects, backgrounds = opened_objects(asked.objects), opened_backgrounds(asked.backgrounds)
    began = time.perf_counter()
    found = store.open_store()
    made = []
    for seed in range(asked.seed, asked.seed + asked.seeds):
        spec = comparison(sources, target, PRESETS[asked.preset], seed, objects, backgrounds, asked.size)
        bar = Bar(f"seed {seed}")
        made.append(runs.execute(spec, found, bar.report))
        bar.end()
    result = pooled([record["result"] for record in made])
    result |= {
        "target": list(target),
        "preset": asked.preset,
        "seeds": asked.seeds,
        "device": made[0]["made"]["device"],
        "seconds": round(time.perf_counter() - began, 2),
        "computing_seconds": round(sum(record["made"]["seconds"] for record in made), 2),
    }
    print(json.dumps(result, allow_nan=False) if asked.json else told(result))
    return 0


def told(result: dict[str, Any]) -> str:
    """A comparison's result as a few lines of text."""
    target = ", ".join(result["target"]) or "no transformation"
    lines = [f"target: new objects under {target}", ""]
    width = max(len(", ".join(n["source"]) or "none") for n in result["networks"])
    lines.append(f"{'trained under':<{width}}  transfer accuracy     sensitivity")
    for network in result["networks"]:
        name = ", ".join(network["source"]) or "none"
        accuracy = _with_interval(network["transfer_accuracy"], network["transfer_interval"])
        moved = _with_interval(network["sensitivity"], network["sensitivity_interval"])
        lines.append(f"{name:<{width}}  {accuracy:<20}  {moved}")
    if result["gap"] is not None:
        lines += ["", f"gap in transfer accuracy: {_with_interval(result['gap'], result['gap_interval'])}"]
    over = "seeds" if result["seeds"] > 1 else "test images and twin pairs"
    lines.append(
        f"95 % intervals over {over}; {result['preset']} preset, {result['seeds']} seed(s), "
        f"{result['device']}, {result['seconds']:.1f} s"
    )
    return "\n".join(lines)


def _with_interval(value: float, interval: Sequence[float | None]) -> str:
    low, high = (math.nan if x is None else x for x in interval)
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def render(asked: argparse.Namespace) -> int:
    """A contact sheet, and a data set where one is asked for."""
    from invlab import devices, export

    devices.one_thread_each()
    objects = opened_objects(asked.objects)
    task = Task(
        classes=_classes(asked.classes, objects, asked.seed),
        transformations=asked.transforms,
        objects=objects,
        backgrounds=opened_backgrounds(asked.backgrounds),
        size=asked.size,
        seed=asked.seed,
    )
    export.contact_sheet(task, "train", asked.rows, asked.columns, asked.zoom).save(asked.out)
    print(f"wrote {asked.out}: {asked.rows * asked.columns} images of {records.key(task)}")
    counts = {"train": asked.train, "validation": asked.validation, "test": asked.test}
    if asked.dataset is not None:
        bar = Bar("data set")
        export.write_dataset(task, asked.dataset, counts, bar.report)
        bar.end()
        print(f"wrote {asked.dataset}: {sum(counts.values())} images and task.json")
    if asked.tensors is not None:
        bar = Bar("tensor file")
        export.write_tensors(task, asked.tensors, counts, bar.report)
        bar.end()
        print(f"wrote {asked.tensors}: {sum(counts.values())} images")
    return 0


def _classes(text: str, objects: str, seed: int) -> tuple[int, ...]:
    """`12`: that many, drawn at random; `owl,key`: those."""
    names = class_names(objects)
    if text.isdigit():
        count = int(text)
        if not 1 <= count <= len(names):
            raise ValueError(f"--classes {count}: the objects {objects!r} have {len(names)} classes; ask for 1 to that")
        return tuple(sorted(range(len(names)), key=lambda index: word("classes", seed, index))[:count])
    chosen = [name.strip() for name in text.split(",") if name.strip()]
    for name in chosen:
        if name not in names:
            raise ValueError(f"--classes: there is no object {name!r}; choose from {', '.join(names)}")
    return tuple(names.index(name) for name in chosen)


def runs_listed(asked: argparse.Namespace) -> int:
    """The queue, then the stored comparisons, newest first."""
    from invlab import jobs, store

    def tell(row: dict[str, Any]) -> None:
        print(json.dumps(row) if asked.json else f"{row['state']:<8} {row['key']}  {row['what']}")

    queued = [job for job in jobs.Queue().jobs() if job.state in ("queued", "running", "failed")]
    for job in queued:
        tell({"key": job.key, "state": job.state, "what": job.title or job.kind})
    found = store.open_store()
    whole = found.counts().get("comparison", 0)
    shown = min(asked.limit, whole) if asked.limit > 0 else whole
    for key, record in itertools.islice(found.newest("comparison"), shown):
        tell(_row_of_comparison(key, record, found.origin(key)))
    if not asked.json and not (queued or whole):
        print("no runs yet: try  python -m invlab compare --source rotate --versus hue --target rotate")
    if shown < whole:
        print(f"{whole - shown:,} older ones are not listed: --limit 0 lists all", file=sys.stderr)
    return 0


def _row_of_comparison(key: str, record: dict[str, Any], origin: str | None) -> dict[str, Any]:
    networks = record["result"]["networks"]
    told_of = " | ".join(f"{','.join(n['source']) or 'none'} {n['transfer_accuracy']:.3f}" for n in networks)
    target = ",".join(record["spec"]["target"]["transformations"]) or "none"
    made = record["made"]
    return {"key": key, "state": origin, "what": f"{told_of} -> {target}", "created": made["created"],
            "seconds": made["seconds"]}  # fmt: skip


def bundle_build(asked: argparse.Namespace) -> int:
    """Compute and write the bundle."""
    from invlab import bundle, store

    directory = asked.directory or store.bundle_dir()
    bar = Bar("bundle")
    manifest = bundle.build(directory, asked.home or store.home(), bar.report)
    bar.end()
    print(f"wrote {directory}: {manifest['results']} results, {len(manifest['files'])} files")
    return 0


def bundle_verify(asked: argparse.Namespace) -> int:
    """Say what is wrong with the bundle, or that nothing is."""
    from invlab import bundle, store

    directory = asked.directory or store.bundle_dir()
    problems = bundle.verify(directory)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{directory}: every file, result and network is as it was written")
    return 1 if problems else 0


# ------------------------------------------------------------------------------------------------------------- pieces


def opened_objects(name: str) -> str:
    """A bank's name; for `folder:PATH` the name with its digest, its problems told on the way."""
    from invlab import objects

    return _opened(name, objects.open_folder)


def opened_backgrounds(name: str) -> str:
    """As `opened_objects`, for a background set."""
    from invlab import backgrounds

    return _opened(name, backgrounds.open_folder)


def _opened(name: str, open_folder: Any) -> str:
    if not name.startswith(FOLDER):
        return name
    full, problems = open_folder(name.removeprefix(FOLDER))
    for problem in problems:
        print(f"left out: {problem}", file=sys.stderr)
    return str(full)


class Bar:
    """A progress bar on standard error, where that is a terminal; else a line every ten seconds."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.began = time.perf_counter()
        self.shown = 0.0
        self.terminal = sys.stderr.isatty()

    def report(self, point: dict[str, Any]) -> None:
        """Show a point of progress, where it tells its fraction."""
        done = point.get("fraction")
        now = time.perf_counter()
        if done is None:
            return
        if now - self.shown < (0.1 if self.terminal else 10.0):
            return
        self.shown = now
        seconds = now - self.began
        left = f", about {seconds / done - seconds:.0f} s left" if done > 0.02 else ""
        filled = int(30 * done)
        line = f"{self.title} {'█' * filled}{'·' * (30 - filled)} {done:4.0%}{left}"
        text, end = (f"\r{line:<78}", "") if self.terminal else (line, "\n")
        print(text, end=end, file=sys.stderr, flush=True)

    def end(self) -> None:
        """Clear the line."""
        if self.terminal:
            print(f"\r{'':<78}\r", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
