"""The figures of a comparison: how well each network transfers, how far it is moved, and how it came to that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from invlab.figures import COLOURS, DASHES, SYMBOLS, error_bars, styled

Row = dict[str, Any]

RELATIONS = {
    "same": "the target's own",
    "disjoint": "none of the target's",
    "overlapping": "some of the target's",
    "none": "no transformation",
}
GAUGE_HEIGHT = 210  # pixels
PANEL_HEIGHT = 260
LOSS_HEIGHT = 190
FAINT = "rgba(128,128,128,0.55)"


@dataclass(frozen=True)
class Lane:
    """How one network looks in every figure of a comparison."""

    name: str
    relation: str
    colour: str
    symbol: str
    dash: str


def lanes(names: Sequence[str], relations: Sequence[str]) -> list[Lane]:
    """One lane for each network. Colour says how its transformations relate to the target's; where two relate alike,
    the second has an open symbol and another dash."""
    made: list[Lane] = []
    for name, relation in zip(names, relations, strict=True):
        again = relation in [lane.relation for lane in made]
        symbol = SYMBOLS[relation] + ("-open" if again else "")
        dash = "longdashdot" if again else DASHES[relation]
        made.append(Lane(name, relation, COLOURS[relation], symbol, dash))
    return made


def gauge(
    lanes: Sequence[Lane],
    values: Sequence[float],
    intervals: Sequence[Sequence[float]],
    *,
    percent: bool,
    reference: tuple[float, str],
    seeds: Sequence[Sequence[float]] = (),
) -> go.Figure:
    """Each network's value on one scale from 0: a stem, a symbol and its 95 % interval, named above the stem.

    percent: the values are shares, shown to 1; otherwise the scale ends beyond 1 or the largest value.
    reference: where a thin line stands, and what it means (chance; strangers).
    seeds: for each network the values of single seeds, drawn as small dots.
    """
    end = 1.0 if percent else max(1.15, *(high * 1.05 for _, high in intervals), *(v * 1.05 for v in values))
    figure = go.Figure()
    for number, (lane, value, interval) in enumerate(zip(lanes, values, intervals, strict=True)):
        y = len(lanes) - 1 - number
        told = in_percent(value, interval) if percent else in_hundredths(value, interval)
        figure.add_scatter(
            x=[0, value], y=[y, y], mode="lines", line={"color": lane.colour, "width": 4}, hoverinfo="skip"
        )
        if seeds:
            figure.add_scatter(
                x=list(seeds[number]),
                y=[y] * len(seeds[number]),
                mode="markers",
                marker={"color": lane.colour, "symbol": f"{lane.symbol.removesuffix('-open')}-open", "size": 8},
                opacity=0.8,
                hovertemplate=f"one seed: %{{x:{'.1%' if percent else '.2f'}}}<extra></extra>",
            )
        figure.add_scatter(
            x=[value],
            y=[y],
            mode="markers",
            marker=_marker(lane, 12),
            error_x=error_bars([value], [interval]) | {"color": lane.colour, "thickness": 2, "width": 8},
            hovertemplate=f"{lane.name}: {told}<extra></extra>",
        )
        head, _, tail = told.partition(" [")
        for x, anchor, text in ((0, "left", lane.name), (1, "right", f"<b>{head}</b> [{tail}" if tail else head)):
            figure.add_annotation(
                x=x, xref="paper", xanchor=anchor, y=y, yanchor="bottom", yshift=12, text=text, showarrow=False
            )
    where, meaning = reference
    for low, high in [(-0.65, -0.32), *((y - 0.2, y + 0.14) for y in range(len(lanes)))]:  # not through the names
        figure.add_shape(
            type="line", x0=where, x1=where, y0=low, y1=high, layer="below",
            line={"color": FAINT, "width": 2, "dash": "dot"},
        )  # fmt: skip
    figure.add_annotation(
        x=where,
        y=-0.62,
        yanchor="bottom",
        xanchor="left" if where < end / 2 else "right",
        text=meaning,
        showarrow=False,
        xshift=4 if where < end / 2 else -4,
        font={"size": 12},
    )
    figure.update_yaxes(range=[-0.65, len(lanes) - 0.35], visible=False, fixedrange=True)
    figure.update_xaxes(range=[0, end], tickformat=".0%" if percent else ".1f", fixedrange=True, zeroline=True)
    styled(figure, GAUGE_HEIGHT)
    figure.update_layout(showlegend=False, margin={"l": 10, "r": 16, "t": 10, "b": 10})
    return figure


def learning(
    lanes: Sequence[Lane], networks: Sequence[Row], images: int, labels: int, target_moves: bool = True
) -> dict[str, go.Figure]:
    """Three figures over the images seen: `loss`, `sensitivity` and `transfer`.

    networks: for each its `history` (images, loss) and `curve` (images, sensitivity, transfer: quick looks), both of
    which may be empty or short; where it is finished, also `transfer_accuracy` and `sensitivity` with their intervals,
    drawn as large symbols at the end. images: seen in the whole training; labels: classes of the target.
    Axes are fixed beforehand, so that nothing jumps while points arrive.
    """
    panels = {name: go.Figure() for name in ("loss", "sensitivity", "transfer")}
    for lane, network in zip(lanes, networks, strict=True):
        history, curve = network.get("history") or [], network.get("curve") or []
        _line(panels["loss"], lane, history, "loss", ".2f", markers=False)
        _line(panels["sensitivity"], lane, curve, "sensitivity", ".2f")
        _line(panels["transfer"], lane, curve, "transfer", ".0%")
        for panel, value, interval in (
            ("sensitivity", "sensitivity", "sensitivity_interval"),
            ("transfer", "transfer_accuracy", "transfer_interval"),
        ):
            if network.get(value) is not None and network.get(interval):
                _final(panels[panel], lane, images, network[value], network[interval])
    highest = max((p["loss"] for n in networks for p in n.get("history") or [] if p["loss"] is not None), default=0.0)
    moved = [p["sensitivity"] for n in networks for p in n.get("curve") or []]
    panels["loss"].update_yaxes(range=[0, max(2.8, 1.05 * highest)])
    panels["sensitivity"].update_yaxes(range=[0, max(1.15, *(1.05 * m for m in moved), 0)])
    panels["transfer"].update_yaxes(range=[0, 1.02], tickformat=".0%")
    _level(panels["transfer"], 1 / labels, "guessing")
    if target_moves:
        _level(panels["sensitivity"], 1.0, "like strangers")
    for name, figure in panels.items():
        figure.update_xaxes(range=[0, images * 1.04], nticks=6, title={"text": "images seen", "standoff": 4})
        styled(figure, LOSS_HEIGHT if name == "loss" else PANEL_HEIGHT)
        figure.update_layout(showlegend=False, margin={"l": 6, "r": 6, "t": 6, "b": 6}, uirevision="stays")
    return panels


def _marker(lane: Lane, size: int) -> Row:
    return {
        "color": lane.colour,
        "symbol": lane.symbol,
        "size": size,
        "line": {"width": 2 if lane.symbol.endswith("-open") else 0, "color": lane.colour},
    }


def _line(figure: go.Figure, lane: Lane, points: Sequence[Row], value: str, number: str, markers: bool = True) -> None:
    figure.add_scatter(
        x=[p["images"] for p in points],
        y=[p[value] for p in points],
        mode="lines+markers" if markers else "lines",
        name=lane.name,
        line={"color": lane.colour, "dash": lane.dash, "width": 2.5},
        marker={"symbol": lane.symbol, "size": 8},
        hovertemplate=f"%{{x:,}} images: %{{y:{number}}}<extra>{lane.name}</extra>",
    )
    if points and not markers:  # the symbol at the head of the line tells the networks apart without their colours
        figure.add_scatter(
            x=[points[-1]["images"]],
            y=[points[-1][value]],
            mode="markers",
            marker=_marker(lane, 10),
            hoverinfo="skip",
        )


def _final(figure: go.Figure, lane: Lane, images: int, value: float, interval: Sequence[float]) -> None:
    figure.add_scatter(
        x=[images],
        y=[value],
        mode="markers",
        marker=_marker(lane, 13),
        error_y=error_bars([value], [interval]) | {"color": lane.colour},
        hovertemplate=f"measured at the end: %{{y:.2f}}<extra>{lane.name}</extra>",
        cliponaxis=False,
    )


def _level(figure: go.Figure, at: float, meaning: str) -> None:
    figure.add_hline(y=at, line={"color": FAINT, "width": 1.5, "dash": "dot"})
    figure.add_annotation(
        x=0,
        xref="paper",
        xanchor="left",
        y=at,
        yanchor="bottom",
        text=meaning,
        showarrow=False,
        font={"size": 12},
    )


# ------------------------------------------------------------------------------------------------------------- words


def in_percent(value: float, interval: Sequence[float | None]) -> str:
    """`86 % [84, 88]`; an interval is cut where no share can be."""
    low, high = interval
    if low is None or high is None:
        return f"{100 * value:.0f} %"
    return f"{100 * value:.0f} % [{100 * max(low, 0):.0f}, {100 * min(high, 1):.0f}]"


def in_hundredths(value: float, interval: Sequence[float | None]) -> str:
    """`0.41 [0.39, 0.43]`; an interval is cut at 0."""
    low, high = interval
    return f"{value:.2f}" if low is None or high is None else f"{value:.2f} [{max(low, 0):.2f}, {high:.2f}]"


def gauge_in_words(what: str, lanes: Sequence[Lane], told: Sequence[str]) -> str:
    """A gauge as one sentence."""
    each = "; ".join(f"trained under {lane.name}: {text}" for lane, text in zip(lanes, told, strict=True))
    return f"{what}, with 95 % intervals. {each}."


def learning_in_words(what: str, value: str, lanes: Sequence[Lane], curves: Sequence[Sequence[Row]]) -> str:
    """One panel of the learning curves as a sentence: from where to where each network went."""
    each = [
        f"{lane.name}: from {points[0][value]:.2f} to {points[-1][value]:.2f}"
        for lane, points in zip(lanes, curves, strict=True)
        if points and points[0][value] is not None and points[-1][value] is not None
    ]
    return f"{what} against images seen. {'; '.join(each) or 'No points yet'}."
