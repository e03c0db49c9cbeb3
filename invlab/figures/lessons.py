"""The figures of the lessons: what people predicted beside what was measured, and measured values in a column."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from invlab.figures import COLOURS, SYMBOLS, error_bars, styled
from invlab.studies.claims import number

Row = dict[str, Any]

# Predictions and the truth have colours that mean nothing else in the lab.
GUESS, TRUTH = "#64789b", "#c2185b"
BINS = 20  # of an axis of guesses: 30 of them can still be counted
FAINT = "rgba(128,128,128,0.55)"
RIGHT = "✓"
LINE = 32  # characters that fit beside each other on a telephone


@dataclass(frozen=True)
class Span:
    """A number with its 95 % interval, None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


# ------------------------------------------------------------------------------------------------ guesses on an axis


def guess_rows(values: Sequence[float], mine: float | None, truth: Span | None) -> list[Row]:
    """The table behind `guesses`: each guess, the least first, and how far it is from the truth."""
    own = [mine] if mine is not None else []
    rows: list[Row] = []
    for value in sorted(values):
        whose = "yours" if own and value == own[0] else "guess"
        own = own[1:] if whose == "yours" else own
        rows.append(_guess_row(whose, value, truth))
    return rows + ([_guess_row("measured", truth.value, truth)] if truth else [])


def _guess_row(whose: str, value: float, truth: Span | None) -> Row:
    return {"whose": whose, "value": round(value, 4), "off by": round(value - truth.value, 4) if truth else None}


def stacked(values: Sequence[float], low: float, high: float) -> list[tuple[float, int]]:
    """For each value where its dot stands: the middle of its bin, and how many lie below it in the same bin."""
    step, height, places = (high - low) / BINS, dict.fromkeys(range(BINS), 0), []
    for value in values:
        bin_ = min(BINS - 1, max(0, int((value - low) / step)))
        places.append((low + (bin_ + 0.5) * step, height[bin_]))
        height[bin_] += 1
    return places


def guesses(
    values: Sequence[float], mine: float | None, truth: Span | None, ends: tuple[float, float], label: str,
    unit: str = "",
) -> go.Figure:  # fmt: skip
    """Every guess a dot, those of a bin upon each other; one's own is a star; the truth a line with its interval.

    ends: of the axis. unit: `%`, `points` or nothing.
    """
    ordered = sorted(values)
    if mine is not None and mine in ordered:  # one's own at the foot of its bin
        ordered.remove(mine)
        ordered.insert(0, mine)
    places = stacked(ordered, *ends)
    own = 1 if mine is not None and ordered[:1] == [mine] else 0
    figure = go.Figure()
    top = max((height for _, height in places), default=0) + 1
    if truth is not None:
        _truth_line(figure, truth, ends, unit)
    for name, chosen, shown, look in (
        ("guesses of others", places[own:], ordered[own:], {"symbol": "circle", "size": 13, "color": GUESS}),
        ("your guess", places[:own], ordered[:own], {"symbol": "star", "size": 18, "color": GUESS}),
    ):
        if chosen:
            figure.add_scatter(
                x=[x for x, _ in chosen], y=[y + 0.5 for _, y in chosen], mode="markers", name=name, marker=look,
                customdata=[[told(v, unit)] for v in shown],
                hovertemplate=f"{name}: %{{customdata[0]}}<extra></extra>",
            )  # fmt: skip
    margin = (ends[1] - ends[0]) * 0.03
    figure.update_xaxes(title=label, range=[ends[0] - margin, ends[1] + margin], fixedrange=True, zeroline=False)
    if unit == "%":
        figure.update_xaxes(ticksuffix=" %")
    room = max(4, top) + max(1.0, 0.12 * top)  # the truth's words stand above the dots
    figure.update_yaxes(range=[0, room], visible=False, fixedrange=True)
    styled(figure, min(580, max(300, 140 + 15 * top)))  # dots upon each other do not overlap, thirty neither
    figure.update_layout(dragmode=False, showlegend=True, margin={"t": 60})
    return figure


def _truth_line(figure: go.Figure, truth: Span, ends: tuple[float, float], unit: str) -> None:
    if truth.low is not None and truth.high is not None:
        figure.add_vrect(truth.low, truth.high, fillcolor=TRUTH, opacity=0.22, line_width=0, layer="below")
    figure.add_vline(truth.value, line={"color": TRUTH, "width": 3}, layer="below")
    left = truth.value > (ends[0] + ends[1]) / 2
    figure.add_annotation(
        x=truth.value, y=1, yref="paper", yanchor="top", xanchor="right" if left else "left", xshift=-6 if left else 6,
        text=f"<b>measured: {told(truth.value, unit)}</b>", showarrow=False, font={"size": 15},
    )  # fmt: skip


def told(value: float, unit: str = "") -> str:
    """`0.70`, `73 %`, `8 points`."""
    return f"{value:.0f} {unit}" if unit else number(value)


def guesses_in_words(values: Sequence[float], mine: float | None, truth: Span | None, unit: str = "") -> str:
    """The distribution in a sentence or two."""
    text = "No guesses yet."
    if values:
        ordered = sorted(values)
        middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
        text = f"{len(values)} guess{'es' if len(values) > 1 else ''}"
        text += f", from {told(ordered[0], unit)} to {told(ordered[-1], unit)}" if len(values) > 1 else ""
        text += f"; the middle one is {told(middle, unit)}." if len(values) > 1 else f": {told(middle, unit)}."
    if mine is not None and len(values) > 1:
        text += f" Yours is {told(mine, unit)}."
    return text + (f" Measured: {told(truth.value, unit)}." if truth else "")


# ------------------------------------------------------------------------------------------------- one of a few answers


def choice_rows(options: Sequence[str], values: Sequence[str], mine: str | None, right: str | None) -> list[Row]:
    """The table behind `choices`."""
    return [
        {"answer": option, "chosen by": values.count(option), "yours": option == mine, "measured": option == right}
        for option in options
    ]


def choices(options: Sequence[str], values: Sequence[str], mine: str | None, right: str | None) -> go.Figure:
    """How often each option was chosen, in the order of the options. The right one has a tick and the colour of the
    truth, one's own a star."""
    counts = [list(values).count(option) for option in options]
    at = list(range(len(options)))
    figure = go.Figure(
        go.Bar(
            x=counts, y=at, orientation="h", name="answers", width=0.3,
            marker={"color": [TRUTH if option == right else GUESS for option in options]},
            customdata=list(options), hovertemplate="%{customdata}: %{x}<extra></extra>",
        )
    )  # fmt: skip
    for place, (option, count) in enumerate(zip(options, counts, strict=True)):
        marks = [f"<b>{RIGHT} measured</b>"] * (option == right) + ["★ yours"] * (option == mine)
        lines = [*textwrap.wrap(f"{option}:\N{NO-BREAK SPACE}{count}", LINE), *([" ".join(marks)] if marks else [])]
        figure.add_annotation(
            x=0, xref="paper", xanchor="left", y=place - 0.17, yanchor="bottom", align="left", showarrow=False,
            text="<br>".join(lines),
        )  # fmt: skip
    figure.update_yaxes(range=[len(options) - 0.7, -0.8], visible=False, fixedrange=True)
    figure.update_xaxes(
        title="answers", range=[0, max(1, *counts) * 1.03], fixedrange=True, dtick=max(1, math.ceil(max(counts) / 6))
    )
    styled(figure, 90 + 96 * len(options))
    figure.update_layout(dragmode=False, showlegend=False, margin={"t": 10})
    return figure


def choices_in_words(options: Sequence[str], values: Sequence[str], mine: str | None, right: str | None) -> str:
    """The bars in words."""
    counts = "; ".join(f"{option}: {list(values).count(option)}" for option in options)
    text = f"{len(values)} answer{'s' if len(values) != 1 else ''}. {counts}."
    return text + (f" Yours: {mine}." if mine else "") + (f" Measured: {right}." if right else "")


# ------------------------------------------------------------------------------------------------------ measured values


@dataclass(frozen=True)
class Dot:
    """A measured value in a column of them. kind: `same`, `other` or `none`, which is its colour and symbol."""

    name: str
    at: Span
    kind: str = "none"


def dots(
    found: Sequence[Dot], title: str, ends: tuple[float, float], reference: tuple[float, str] | None = None,
    unit: str = "",
) -> go.Figure:  # fmt: skip
    """One value below the other, each named above its stem, with its interval and its number.

    ends: of the axis. reference: where a thin line stands, and what it means.
    """
    figure = go.Figure()
    for place, dot in enumerate(found):
        look = {"color": COLOURS[dot.kind], "symbol": SYMBOLS[dot.kind], "size": 13}
        figure.add_scatter(
            x=[min(max(0.0, ends[0]), ends[1]), dot.at.value], y=[place, place], mode="lines", hoverinfo="skip",
            line={"color": COLOURS[dot.kind], "width": 3},
        )  # fmt: skip
        bounds = None if dot.at.low is None or dot.at.high is None else (dot.at.low, dot.at.high)
        figure.add_scatter(
            x=[dot.at.value], y=[place], mode="markers", name=dot.name, marker=look,
            error_x=error_bars([dot.at.value], [bounds]) if bounds else None,
            hovertemplate=f"{dot.name}: {_with_reach(dot.at, unit)}<extra></extra>",
        )  # fmt: skip
        for x, anchor, text in ((0, "left", dot.name), (1, "right", f"<b>{told(dot.at.value, unit)}</b>")):
            figure.add_annotation(
                x=x, xref="paper", xanchor=anchor, y=place, yanchor="bottom", yshift=9, text=text, showarrow=False
            )
    if reference is not None:
        where, meaning = reference
        for place in range(len(found)):  # not through the names
            figure.add_shape(
                type="line", x0=where, x1=where, y0=place - 0.1, y1=place + 0.35, layer="below",
                line={"color": FAINT, "width": 2, "dash": "dot"},
            )  # fmt: skip
        figure.add_annotation(
            x=where, y=len(found) - 0.5, yanchor="middle", text=meaning, showarrow=False, font={"size": 12},
            xanchor="left" if where < sum(ends) / 2 else "right", xshift=5 if where < sum(ends) / 2 else -5,
        )  # fmt: skip
    figure.update_yaxes(range=[len(found) - 0.2, -0.75], visible=False, fixedrange=True)
    beyond = ends[1] + 0.03 * (ends[1] - ends[0])  # a symbol at the end is seen whole
    figure.update_xaxes(title=title, range=[ends[0], beyond], fixedrange=True, ticksuffix=" %" if unit == "%" else "")
    styled(figure, 100 + 56 * len(found))
    figure.update_layout(dragmode=False, showlegend=False, margin={"t": 10, "r": 16})
    return figure


def _with_reach(at: Span, unit: str) -> str:
    if at.low is None or at.high is None:
        return told(at.value, unit)
    return f"{told(at.value, unit)} [{told(at.low, unit)}, {told(at.high, unit)}]"


def dots_in_words(found: Sequence[Dot], title: str, unit: str = "") -> str:
    """The column in words."""
    return f"{title}. {'; '.join(f'{dot.name}: {_with_reach(dot.at, unit)}' for dot in found)}."


def dot_rows(found: Sequence[Dot], title: str) -> list[Row]:
    """The table behind the column."""
    return [
        {"": dot.name, title: _finite(dot.at.value), "low": _finite(dot.at.low), "high": _finite(dot.at.high)}
        for dot in found
    ]


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 4)
