"""The page of the benchmarks: every claim of speed and size against its aim."""

from __future__ import annotations

from collections.abc import Sequence

from invlab import benchmarks
from invlab.benchmarks import Result
from invlab.figures import benchmarks as figures
from invlab.site import markup
from invlab.site.sheet import Sheet, code

GROUP = "About"


def sheet() -> Sheet | None:
    """What the results that lie beside the program say; None where there are none. Raises ResultError for damaged
    ones."""
    found = benchmarks.results()
    if not found:
        return None
    made = Sheet("benchmarks", "Benchmarks", benchmarks.QUESTION, GROUP)
    made.text(f"{benchmarks.LEAD} {benchmarks.RULE}")
    made.notice(benchmarks.notice(found))
    if first := benchmarks.headlines(found):
        made.heading("The headline claims")
        _told(made, "headlines", "the headline claims", first)
    for one in found:
        made.heading(one.title)
        made.text(f"{one.about} {one.summary}.".strip())
        _told(made, markup.anchor(f"{one.benchmark} {one.machine}"), one.title, [one])
        made.caption(benchmarks.measured_where(one))
        made.add(f"<p>To measure it on your machine:</p>{code(one.command)}")
    return made


def _told(made: Sheet, name: str, about: str, shown: Sequence[Result]) -> None:
    """The figure of some results and the table behind it."""
    made.figure(figures.margins(shown), figures.margins_alt(shown))
    made.table(name, f"Table behind the figure: {about}", benchmarks.rows(shown))
