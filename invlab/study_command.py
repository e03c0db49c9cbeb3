"""The commands `study` and `claims`: run a study and say what its claims came to."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invlab.studies.catalogue import STUDIES, StudyRun
from invlab.studies.study import RULE, Table, Verdict, tested

if TYPE_CHECKING:
    from invlab.cluster import Cluster
    from invlab.store import Store

ALL = "all"
PRESETS = ("classroom", "paper", "tiny")  # in the order in which claims list them; the last says nothing


def add_study(commands: Any, positive: Callable[[str], int], bar: Callable[[str], Any]) -> None:
    """The command `study`. `bar` makes a progress bar (`report(point)`, `end()`) from its title."""
    command = commands.add_parser(
        "study",
        help="run one of the paper's studies, or go on with it",
        description="Say what is to be computed and how much of it is stored, compute what is missing, then test the "
        "study's claims. It can be interrupted at any moment and goes on where it stopped.",
        epilog="\n".join(f"{s.name:<11}{s.question}\n{'':<11}axes: {', '.join(s.axes)}" for s in STUDIES.values()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("study", choices=(*STUDIES, ALL), metavar="NAME", help=", ".join((*STUDIES, ALL)))
    command.add_argument("--preset", default="classroom", help="how much computing: classroom, paper or tiny")
    command.add_argument("--seeds", type=positive, default=None, help="how many seeds (the preset's own number)")
    command.add_argument(
        "--only", action="append", default=[], metavar="AXIS=VALUE", help="leave other cells out; may be repeated"
    )
    command.add_argument(
        "--data", default=None, help="optional data sets, separated by commas, or none (those that are on this machine)"
    )
    command.add_argument(
        "--resume", action="store_true", help="go on with an earlier run: refuse to begin where nothing of it is stored"
    )
    command.add_argument("--plan", action="store_true", help="say what would be computed, and stop")
    command.add_argument("--threads", type=positive, default=None, help="computations at a time (one for each core)")
    command.add_argument(
        "--on",
        default=None,
        metavar="CLUSTER",
        help="compute on a Ray cluster (docs/cluster.md): ray starts one on this machine; or auto, host:6379, "
        "ray://host:10001",
    )
    command.add_argument(
        "--workers", type=positive, default=None, help="processes on the cluster (all it has room for)"
    )
    command.add_argument(
        "--gpus-per-worker", type=float, default=None, metavar="N", help="may be a part of one, such as 0.25"
    )
    command.add_argument("--csv", type=Path, default=None, metavar="FILE", help="write the table of all numbers")
    command.add_argument("--json", action="store_true", help="print the claims as one JSON object")
    command.set_defaults(run=run_study, bar=bar)


def add_claims(commands: Any) -> None:
    """The command `claims`."""
    command = commands.add_parser(
        "claims",
        help="list every claim of the paper's studies with its verdict here",
        description="Every claim with its verdict on the stored results: " + RULE.replace("*", ""),
    )
    command.add_argument("--study", choices=tuple(STUDIES), default=None, help="only this study's")
    command.add_argument("--json", action="store_true", help="print one JSON list")
    command.set_defaults(run=list_claims)


# ---------------------------------------------------------------------------------------------------------------- study


def run_study(asked: argparse.Namespace) -> int:
    """The plan, the computing, the claims; of one study or of all, one after the other."""
    from invlab import devices, store

    on = _cluster(asked)
    if asked.threads:
        os.environ["INVLAB_THREADS"] = str(asked.threads)
    if asked.study == ALL and (asked.only or asked.csv):
        raise ValueError(f"{'--only' if asked.only else '--csv'}: give one study instead of {ALL}")
    specs = [
        StudyRun(
            name,
            asked.preset,
            asked.seeds or STUDIES[name].seeds.get(asked.preset, 1),
            data_sets(name, asked.data, alone=asked.study != ALL),
            tuple(asked.only),
        )
        for name in (STUDIES if asked.study == ALL else [asked.study])
    ]
    found = store.open_store()
    plans = [planned(spec, found) for spec in specs]
    print("\n".join(plan["text"] for plan in plans), file=sys.stderr)
    if asked.resume and not any(plan["stored"] for plan in plans):
        raise ValueError(f"--resume: nothing of this run is stored in {found.home}; leave --resume out to begin it")
    if asked.plan:
        return 0
    devices.one_thread_each()
    with on or contextlib.nullcontext():
        results = [_computed(spec, found, asked, on) for spec in specs]
    if asked.json:
        print(json.dumps(results if asked.study == ALL else results[0]))
    return 0


def _cluster(asked: argparse.Namespace) -> Cluster | None:
    """The cluster that is asked for; it is connected when there is something to compute. Raises ValueError."""
    if asked.on is None:
        for name in ("workers", "gpus_per_worker"):
            if getattr(asked, name) is not None:
                raise ValueError(f"--{name.replace('_', '-')}: this is for a cluster; give --on, or --threads instead")
        return None
    from invlab import cluster

    return cluster.Cluster(asked.on, asked.workers, asked.gpus_per_worker)


def _computed(spec: StudyRun, found: Store, asked: argparse.Namespace, on: Cluster | None) -> dict[str, Any]:
    """One study: computed, its claims told, unless they are asked for as JSON, and returned."""
    from invlab import cluster, runs

    bar = asked.bar(f"{spec.study}, {spec.preset}")
    if on is not None:
        on.compute(cluster.missing_cells(spec, found), found, bar.report)
    runs.execute(spec, found, bar.report)
    bar.end()
    numbers = runs.study_table(spec, found)
    if asked.csv:
        write_csv(numbers, asked.csv)
    verdicts = verdicts_of(spec.study, numbers)
    if not asked.json:
        title = [f"{spec.study}, {spec.preset}, {spec.seeds} seeds"] if asked.study == ALL else []
        print("\n".join([*title, *(told(verdict) for verdict in verdicts)]), flush=True)
    head = {"study": spec.study, "preset": spec.preset, "seeds": spec.seeds, "data": list(spec.data)}
    return head | {"claims": [as_json(v, spec.preset, len(numbers.seeds)) for v in verdicts]}


def data_sets(study: str, text: str | None, alone: bool = True) -> tuple[str, ...]:
    """The optional data sets to use: the named ones, or those among the study's that are on this machine.

    alone: else the study is one of all, and leaves out what only others of them can use.
    """
    from invlab import sources

    if text is None:
        return tuple(name for name in STUDIES[study].data if sources.missing(name) is None)
    names = tuple(name.strip() for name in text.split(",") if name.strip() and name.strip() != "none")
    if not alone:
        others = {name for other in STUDIES.values() for name in other.data}
        names = tuple(name for name in names if name in STUDIES[study].data or name not in others)
    for name in names:
        if name in STUDIES[study].data and (sentence := sources.missing(name)):
            raise ValueError(sentence)
    return names


def planned(spec: StudyRun, store: Any) -> dict[str, Any]:
    """What a run consists of, how much of it is stored, and how long the rest takes on this machine's processor."""
    from invlab import costs, records

    kinds: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    seconds = 0.0
    known = set(store.keys())
    for seed in spec.each():
        whole = records.key(seed) in known
        for cell in seed.specs():
            kind = type(cell).__name__
            kinds[kind] += 1
            if whole or records.key(cell) in known:
                stored[kind] += 1
            else:
                seconds += costs.cell_seconds(cell)
    from invlab import devices

    threads = devices.threads()
    lines = [f"{spec.study} at {spec.preset}: {spec.seeds} seed{'s' if spec.seeds > 1 else ''}"]
    if spec.data:
        lines[0] += f", with {', '.join(spec.data)}"
    lines += [f"  {kind:<12}{count:>7,} cells, {stored[kind]:,} stored" for kind, count in kinds.items()]
    where = f"{threads} thread{'s' if threads > 1 else ''} of a processor"
    if devices.choose() == "cpu":
        lines.append(
            f"  about {minutes(seconds / threads)} left, on {where}" if seconds else "  nothing left to compute"
        )
    else:
        lines.append(f"  on {devices.describe(devices.choose())}; the time left is known once the first cells are done")
    return {"text": "\n".join(lines), "stored": sum(stored.values()), "seconds": seconds}


def minutes(seconds: float) -> str:
    """`40 seconds`, `12 minutes`, `3.5 hours`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def write_csv(numbers: Table, path: Path) -> None:
    """The table as a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(numbers.columns)
        writer.writerows(numbers.rows)
    print(f"wrote {path}: {len(numbers):,} rows", file=sys.stderr)


# --------------------------------------------------------------------------------------------------------------- claims


def list_claims(asked: argparse.Namespace) -> int:
    """Every claim on the largest stored run of its study, at each preset that has one."""
    from invlab import runs, store

    found = store.open_store()
    rows: list[dict[str, Any]] = []
    lines: list[str] = []
    for study in [asked.study] if asked.study else STUDIES:
        there = False
        for preset in PRESETS[:2]:
            spec = runs.stored_run(study, preset, found)
            if spec is None:
                continue
            there = True
            numbers = runs.study_table(spec, found)
            verdicts = verdicts_of(study, numbers)
            rows += [as_json(verdict, preset, spec.seeds) for verdict in verdicts]
            lines += [f"{study}, {preset}, {spec.seeds} seeds", *(told(verdict) for verdict in verdicts), ""]
        if not there:
            verdicts = [Verdict(claim, ()) for claim in STUDIES[study].claims]
            rows += [as_json(verdict, None, 0) for verdict in verdicts]
            lines += [f"{study}: nothing is stored; run  python -m invlab study {study}", ""]
    print(json.dumps(rows) if asked.json else "\n".join(lines).rstrip())
    return 0


def verdicts_of(study: str, numbers: Table) -> list[Verdict]:
    """The study's claims on its numbers."""
    return [tested(claim, numbers) for claim in STUDIES[study].claims]


def told(verdict: Verdict) -> str:
    """A claim, its verdict and what was published, as text."""
    claim = verdict.claim
    return f"  {claim.name}: {claim.text}\n    {verdict.told()}\n    published: {claim.published}"


def as_json(verdict: Verdict, preset: str | None, seeds: int) -> dict[str, Any]:
    """A claim and its verdict as plain values; an interval that does not exist is null."""
    claim, part = verdict.claim, verdict.weakest

    def interval(low: float, high: float) -> list[float] | None:
        return None if low != low else [round(low, 4), round(high, 4)]

    return {
        "claim": claim.name,
        "text": claim.text,
        "study": claim.name.split("-")[0],
        "preset": preset,
        "seeds": seeds,
        "effect": None if part is None else round(part.effect, 4),
        "interval": None if part is None else interval(part.low, part.high),
        "unit": claim.unit,
        "verdict": verdict.verdict,
        "published": claim.published,
        "parts": [
            {"part": p.name, "effect": round(p.effect, 4), "interval": interval(p.low, p.high), "verdict": p.verdict}
            for p in verdict.parts
        ],
    }
