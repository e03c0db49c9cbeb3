"""The studies in words: what a run is, and its claims with their verdicts; for the pages and the static site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from invlab.differences import size_words
from invlab.studies.catalogue import STUDIES, StudyRun
from invlab.studies.study import FAILS, HOLDS, UNDECIDED, Table, Verdict
from invlab.words import escaped, seeds_text


def facts(run: StudyRun, table: Table) -> str:
    """What a run is, in one line."""
    sizes = size_words(run.study, run.preset)
    return (
        f"Preset *{run.preset}*: {sizes['Network']}, {sizes['Classes']} classes, {seeds_text(run.seeds)}; "
        f"{len(table):,} measured numbers."
    )


def command(run: StudyRun) -> str:
    """The run on the command line."""
    words = [f"python -m invlab study {run.study} --preset {run.preset} --seeds {run.seeds}"]
    if STUDIES[run.study].data:
        words.append(f"--data {','.join(run.data) or 'none'}")
    words += [f"--only '{only}'" for only in run.only]
    return " ".join(words)


# -------------------------------------------------------------------------------------------------------------- claims


def tally(found: Sequence[Verdict]) -> str:
    """`**5 of 7 claims hold**, 1 fails, 1 is undecided.`"""
    counts = {kind: sum(verdict.verdict == kind for verdict in found) for kind in (HOLDS, FAILS, UNDECIDED)}
    text = f"**{counts[HOLDS]} of {len(found)} claims hold{'s' if len(found) == 1 else ''}**"
    for kind, one, more in ((FAILS, "fails", "fail"), (UNDECIDED, "is undecided", "are undecided")):
        if counts[kind]:
            text += f", {counts[kind]} {one if counts[kind] == 1 else more}"
    return f"{text}."


def told(verdict: Verdict) -> str:
    """A claim with what came of it and what was published, as Markdown."""
    evidence = verdict.told().partition(": ")[2]
    claim = verdict.claim
    unit = f" Unit: {escaped(claim.unit)}." if verdict.parts else ""
    return f"**{claim.text}**  \n{verdict.verdict}: {escaped(evidence)}; *published:* {escaped(claim.published)}.{unit}"


def parts(found: Sequence[Verdict]) -> list[dict[str, Any]]:
    """A row for each part of each claim; a claim that was not measured has one, too."""
    rows: list[dict[str, Any]] = []
    for verdict in found:
        head = {"claim": verdict.claim.name}
        if not verdict.parts:
            rows.append(head | {"part": "not measured", "verdict": UNDECIDED})
        for part in verdict.parts:
            rows.append(
                head
                | {
                    "part": part.name,
                    "verdict": part.verdict,
                    "effect": round(part.effect, 4),
                    "low": _finite(part.low),
                    "high": _finite(part.high),
                    "seeds above 0": f"{part.right} of {part.seeds}",
                    "unit": verdict.claim.unit,
                }
            )
    return rows


def _finite(value: float) -> float | None:
    return None if value != value else round(value, 4)
