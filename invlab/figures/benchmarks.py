"""The figure of the page *Benchmarks*: every claim by how far it is from its aim."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from invlab.benchmarks import Claim, Result, number
from invlab.figures import styled

MET = {True: "met", False: "not met"}
# By symbol as well as by colour; neither is one of those that stand for something else.
COLOURS = {True: "#1a9850", False: "#d73027"}
SYMBOLS = {True: "circle", False: "x"}
STEM = "rgba(128,128,128,0.55)"
AIM = "rgba(128,128,128,0.9)"
LETTERS = 46  # of a claim in one line: what a telephone shows
LINE, ROOM, HEAD = 17, 12, 26  # pixels: a line of a claim, above and below its dot, a group's name
LEGEND = 10  # pixels between the legend and the figure
FRAME = 110  # pixels above and below: legend, axis and its title
WIDEST = 100.0  # times better or worse; what lies beyond stands at the edge, and its words say so
TICKS, DECADES = (0.1, 0.2, 0.5, 1, 2, 5, 10), (0.01, 0.1, 1, 10, 100)
NARROW = 50.0  # between the ends of an axis: beyond, the finer ticks would overlap on a telephone


@dataclass(frozen=True)
class Placed:
    """A claim at its height in the figure, pixels from the top."""

    y: float
    result: Result
    claim: Claim


def margins(results: Sequence[Result]) -> go.Figure:
    """A line for each claim from the aim (1) to what was measured, on a log axis: to the right of 1 it is met.

    The claim and its numbers stand above its line, grouped by benchmark, so that long ones can be read on a narrow
    screen.
    """
    placed, words, height = _placed(results)
    figure = go.Figure()
    figure.add_scatter(
        x=[x for each in placed for x in (1, shown(each.claim), None)],
        y=[y for each in placed for y in (each.y, each.y, None)],
        mode="lines",
        line={"color": STEM, "width": 3},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_scatter(
        x=[1] * len(placed),
        y=[each.y for each in placed],
        mode="markers",
        name="the aim",
        marker={"symbol": "line-ns", "size": 16, "line": {"color": AIM, "width": 2}},
        hoverinfo="skip",
    )
    for met in (True, False):
        of = [each for each in placed if each.claim.met is met]
        figure.add_scatter(
            x=[shown(each.claim) for each in of],
            y=[each.y for each in of],
            mode="markers",
            name=f"aim {MET[met]}",
            marker={"color": COLOURS[met], "symbol": SYMBOLS[met], "size": 13},
            text=[f"{each.result.title}: {each.claim.text}<br>{in_words(each.claim)}" for each in of],
            hovertemplate="%{text}<extra></extra>",
        )
    low, high = limits([each.claim for each in placed])
    ticks = TICKS if high / low < NARROW else DECADES
    styled(figure, height=round(height) + FRAME)
    figure.update_xaxes(
        type="log",
        range=[math.log10(low), math.log10(high)],
        tickvals=ticks,
        ticktext=[f"{tick:g} ×" for tick in ticks],
        title="times better than the aim (1 × = the aim)",
        fixedrange=True,
    )
    figure.update_yaxes(range=[height, 0], visible=False, fixedrange=True)
    legend = {"y": 1 + LEGEND / (height + FRAME)}  # so far above, however tall the figure
    figure.update_layout(dragmode=False, annotations=words, legend=legend)
    return figure


def _placed(results: Sequence[Result]) -> tuple[list[Placed], list[dict[str, Any]], float]:
    """Where each claim lies, the words above them as annotations, and the height of it all in pixels."""
    several = len({one.machine for one in results}) > 1
    placed: list[Placed] = []
    words: list[dict[str, Any]] = []
    y = 0.0
    for one in results:
        title = f"{one.title} · {one.machine}" if several else one.title
        if len(results) > 1:  # else what stands around the figure names it
            words.append(_words(y, f"<b>{title}</b>", 15))
            y += HEAD
        for claim in one.claims:
            lines = [*textwrap.wrap(claim.text, LETTERS), *_numbers(claim)]
            words.append(_words(y, "<br>".join(lines), 13))
            y += LINE * len(lines) + ROOM
            placed.append(Placed(y, one, claim))
            y += ROOM + 4
        y += ROOM
    return placed, words, y


def _numbers(claim: Claim) -> list[str]:
    """What was measured, and the aim, in one line where they fit it."""
    measured, aim = f"{number(claim.value)} {claim.unit}", f"aim {claim.bound}"
    if len(f"{measured} · {aim}") <= LETTERS:
        return [f"<b>{measured}</b> · {aim}"]
    return [f"<b>{measured}</b>", aim]


def _words(y: float, text: str, size: int) -> dict[str, Any]:
    """An annotation at the left edge, its top at `y`."""
    return {
        "x": 0, "xref": "paper", "xanchor": "left", "y": y, "yanchor": "top", "text": text, "align": "left",
        "showarrow": False, "font": {"size": size}, "borderpad": 0,
    }  # fmt: skip


def shown(claim: Claim) -> float:
    """Where a claim stands on the axis: its margin, or the edge beyond which it lies."""
    return min(max(claim.margin, 1 / WIDEST), WIDEST)


def limits(claims: Sequence[Claim]) -> tuple[float, float]:
    """The ends of the axis: all claims, at least a half to double the aim, and room for a dot."""
    values = [shown(claim) for claim in claims]
    return min([0.5, *values]) / 1.3, max([2.0, *values]) * 1.3


def in_words(claim: Claim) -> str:
    """`131 times; aim ≥ 100 times: met`."""
    return f"{claim.measured}; aim {claim.aimed}: {MET[claim.met]}"


def margins_alt(results: Sequence[Result]) -> str:
    """The figure in words."""
    claims = [claim for one in results for claim in one.claims]
    missed = [f"{claim.text} ({in_words(claim)})" for claim in claims if not claim.met]
    told = f"Not met: {'; '.join(missed)}." if missed else "None is missed."
    return (
        f"Measured values against their aims on a log axis, {_counted(len(claims), 'claim')} of "
        f"{_counted(len(results), 'benchmark')}; {len(claims) - len(missed)} at the aim or on its better side. {told}"
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
