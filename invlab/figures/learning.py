"""The figures of the page *While learning*: recordings of networks over the images they have seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from invlab.figures import COLOURS, DASHES, SYMBOLS, band, error_bars, styled
from invlab.studies.claims import number
from invlab.studies.recordings import half_way, parted
from invlab.studies.singles import FAMILIES, NONE
from invlab.transforms import TRANSFORMS
from invlab.words import family_name

Result = Mapping[str, Any]  # of a recording: `families`, `labels`, `looks`
Row = dict[str, Any]

ORIGIN = 0.4  # decades between the untrained network and the first look after it
TICKS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
IN_GROUP = (("dash", "diamond"), ("dashdot", "triangle-up"), ("longdash", "cross"), ("dot", "star"),
            ("longdashdot", "x"), ("5px,2px", "triangle-down"))  # fmt: skip
OWN = (("solid", "circle"), ("longdash", "square"), ("dashdot", "hexagon"), ("dot", "pentagon"))
MARK = "#d62728"
FAINT = "rgba(128,128,128,0.55)"
PANELS = ("sensitivity to", "transfer accuracy, new objects", "sensitivity to a swap of")
SWAP_LINES = {"object": ("#7b5ea7", "solid", "circle"), "background": ("#4a8c8c", "dash", "diamond")}
RECORDING_HEIGHT, LEGEND_LINE = 600, 22  # pixels without the legend, and for each line of it
ACROSS_HEIGHT, MOMENT_HEIGHT = 600, 520


@dataclass(frozen=True)
class Line:
    """How sensitivity to one family is drawn."""

    name: str
    family: str
    colour: str
    dash: str
    symbol: str
    width: float


def lines(families: Sequence[str], own: Sequence[str], name: Callable[[str], str] = str) -> list[Line]:
    """One for each family: the network's own in blue, the others in the hue of their group, each with a dash and a
    symbol of its own there."""
    found: list[Line] = []
    for family in families:
        if family in own:
            dash, symbol = OWN[sum(line.colour == COLOURS["same"] for line in found) % len(OWN)]
            found.append(Line(f"{name(family)} (its own)", family, COLOURS["same"], dash, symbol, 3.5))
            continue
        group = TRANSFORMS[family].group
        before = sum(TRANSFORMS[f].group == group for f in families[: families.index(family)] if f not in own)
        dash, symbol = IN_GROUP[before % len(IN_GROUP)]
        found.append(Line(name(family), family, COLOURS[group], dash, symbol, 2))
    return found


# --------------------------------------------------------------------------------------------------------- the axis


def place(images: int, first: int) -> float:
    """Where a number of images seen stands: its decimal logarithm; 0 a little before the first look after it."""
    return math.log10(images) if images else math.log10(first) - ORIGIN


def places(result: Result) -> list[float]:
    """Of every look."""
    return [place(look["images"], first_of(result)) for look in result["looks"]]


def first_of(result: Result) -> int:
    """The images seen at the first look at a network that has learned something."""
    return result["looks"][1]["images"] if len(result["looks"]) > 1 else 100


def short(images: int) -> str:
    """`0`, `300`, `1k`, `30k`."""
    return f"{images / 1000:g}k" if images >= 1000 else str(images)


def image_axis(figure: go.Figure, first: int, last: int, title_row: int | None = None) -> None:
    """The axis of images seen, with a break between 0 and the rest."""
    ticks = [tick for tick in TICKS if first <= tick <= 1.05 * last]  # 29,952 images are 30k
    figure.update_xaxes(
        tickvals=[place(0, first), *(place(tick, first) for tick in ticks)],
        ticktext=["0", *(short(tick) for tick in ticks)],
        range=[place(0, first) - 0.1, place(max(last, first), first) + 0.1],
        fixedrange=True,
        zeroline=False,
        tickangle=0,
    )
    at = {} if title_row is None else {"row": title_row, "col": 1}
    figure.update_xaxes(title={"text": "images seen (0: untrained)", "standoff": 4}, **at)


def marked(figure: go.Figure, x: float) -> None:
    """The moment that is looked at."""
    figure.add_vline(x, line={"color": MARK, "width": 2, "dash": "dash"})


def copied(figure: go.Figure) -> go.Figure:
    """A figure that may be changed without changing the other: a quarter of the time of drawing it anew."""
    return go.Figure(figure)


def moved(figure: go.Figure, result: Result, at: int) -> go.Figure:
    """The same figure with its mark at another look: a fiftieth of the time of drawing it anew."""
    x = places(result)[at]
    for shape in figure.layout.shapes:
        if shape.line.color == MARK:
            shape.x0 = shape.x1 = x
    return figure


# ------------------------------------------------------------------------------------------------------ one network


def of_family(result: Result, family: str, value: str = "sensitivity") -> list[Any]:
    """A family's values (or intervals) at every look."""
    at = result["families"].index(family)
    return [look[value][at] for look in result["looks"]]


def recording(
    result: Result,
    drawn: Sequence[Line],
    at: int | None,
    reference: Result | None = None,
    images: int | None = None,
    top: float = 1.0,
    relation: str = "same",
) -> go.Figure:
    """Three panels over the images seen: sensitivity to families, transfer accuracy, and to a swap of object or
    background.

    at: the look to mark. reference: the recording of a network trained for none, whose sensitivity to the first line's
    family is drawn in grey. images: where the axis ends, for a training that is still under way. top: of the first
    panel's axis, so that figures beside each other share it. relation: of the transformations learned to the target's.
    """
    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, row_heights=[0.5, 0.24, 0.26], vertical_spacing=0.075, subplot_titles=PANELS
    )
    x = places(result)
    seen = [look["images"] for look in result["looks"]]
    if reference is not None and drawn and drawn[0].family in reference["families"]:
        figure.add_trace(_reference(reference, drawn[0].family), 1, 1)
    for line in reversed(drawn):  # the own family on top
        intervals = of_family(result, line.family, "interval")
        if line.colour == COLOURS["same"]:
            figure.add_trace(band(line.colour, x, intervals), 1, 1)
        figure.add_trace(_line(x, seen, of_family(result, line.family), intervals, line), 1, 1)
    accuracy, interval = ([look[n] for look in result["looks"]] for n in ("transfer", "transfer_interval"))
    probe = Line("transfer accuracy", "", COLOURS[relation], DASHES[relation], SYMBOLS[relation], 3)
    figure.add_trace(band(probe.colour, x, interval), 2, 1)
    figure.add_trace(_line(x, seen, accuracy, interval, probe, ".0%", legend=False), 2, 1)
    for what, (colour, dash, symbol) in SWAP_LINES.items():
        line = Line(f"swap of the {what}", "", colour, dash, symbol, 2.5)
        values, intervals = ([look[n] for look in result["looks"]] for n in (what, f"{what}_interval"))
        figure.add_trace(_line(x, seen, values, intervals, line, legend=False), 3, 1)
        if values:  # at the left, where both are flat and far apart
            figure.add_annotation(
                x=x[0], y=values[0], text=f"the {what}", xanchor="left", yanchor="bottom", yshift=3,
                showarrow=False, font={"size": 12}, row=3, col=1,
            )  # fmt: skip
    for row in (1, 3):
        figure.add_hline(1, line={"color": FAINT, "width": 1, "dash": "dot"}, row=row, col=1)
    figure.add_hline(1 / result["labels"], line={"color": FAINT, "width": 1, "dash": "dot"}, row=2, col=1)
    if at is not None:
        marked(figure, x[at])
    swapped = max((look[w] for look in result["looks"] for w in SWAP_LINES), default=1.0)
    figure.update_yaxes(range=[0, 1.06 * max(1.0, top)], row=1, col=1)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", row=2, col=1)
    figure.update_yaxes(range=[0, 1.2 * max(1.0, swapped)], row=3, col=1)
    image_axis(figure, first_of(result), images or seen[-1], 3)
    named = sum(trace.showlegend is not False for trace in figure.data)
    styled(figure, RECORDING_HEIGHT + LEGEND_LINE * named)
    figure.update_annotations(selector={"yref": "paper"}, font_size=13, x=0, xanchor="left")
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(
        dragmode=False,
        hovermode="closest",
        uirevision="stays",
        # Panels of figures beside each other are of one height, whatever their legends hold.
        margin={"l": 48, "r": 8, "t": 24, "b": 60 + LEGEND_LINE * named, "autoexpand": False},
        legend={"orientation": "v", "y": -0.1, "yanchor": "top", "traceorder": "reversed", "font": {"size": 13}},
    )
    return figure


def _reference(result: Result, family: str) -> go.Scatter:
    line = Line("the same, trained for none", family, COLOURS["none"], DASHES["none"], SYMBOLS["none"], 2)
    seen = [look["images"] for look in result["looks"]]
    return _line(places(result), seen, of_family(result, family), of_family(result, family, "interval"), line)


def _line(
    x: Sequence[float],
    seen: Sequence[int],
    values: Sequence[float],
    intervals: Sequence[Sequence[float]],
    line: Line,
    form: str = ".2f",
    legend: bool = True,
) -> go.Scatter:
    return go.Scatter(
        name=line.name,
        x=list(x),
        y=list(values),
        mode="lines+markers",
        line={"color": line.colour, "dash": line.dash, "width": line.width},
        marker={"color": line.colour, "symbol": line.symbol, "size": 7 if line.width > 2 else 6},
        customdata=[[images, low, high] for images, (low, high) in zip(seen, intervals, strict=True)],
        hovertemplate=f"%{{customdata[0]:,}} images: <b>%{{y:{form}}}</b> "
        f"[%{{customdata[1]:{form}}}, %{{customdata[2]:{form}}}]",
        showlegend=legend,
    )


def largest(results: Sequence[Result], families: Sequence[str]) -> float:
    """The largest sensitivity to any of the families, for an axis that figures share."""
    return max((v for r in results for f in families if f in r["families"] for v in of_family(r, f)), default=1.0)


def recording_alt(name: str, result: Result, drawn: Sequence[Line]) -> str:
    """A recording in words."""
    looks = result["looks"]
    told = [
        f"{line.name} {number(values[0])} → {number(values[-1])}"
        for line in drawn
        if (values := of_family(result, line.family))
    ]
    swaps = [f"{what} {number(looks[0][what])} → {number(looks[-1][what])}" for what in SWAP_LINES]
    return (
        f"{name}, over {looks[-1]['images']:,} images seen, from the untrained network to the last look. Sensitivity "
        f"to {', '.join(told)}. Transfer accuracy {looks[0]['transfer']:.0%} → {looks[-1]['transfer']:.0%}. "
        f"Sensitivity to a swap of the {', of the '.join(swaps)}."
    )


def rows(name: str, result: Result, families: Sequence[str]) -> list[Row]:
    """The table behind a recording: one row for each look."""
    found = []
    for look in result["looks"]:
        row: Row = {"network": name, "images": look["images"], "loss": look["loss"], "accuracy": look["accuracy"]}
        row |= {"transfer": look["transfer"]} | dict(zip(("low", "high"), look["transfer_interval"], strict=True))
        row |= {f"swap of the {what}": look[what] for what in SWAP_LINES}
        for family in families:
            at = result["families"].index(family)
            row |= {family: look["sensitivity"][at]}
            row |= dict(zip((f"{family}, low", f"{family}, high"), look["interval"][at], strict=True))
        found.append(row)
    return found


# --------------------------------------------------------------------------------------------------------- a moment


def moment(result: Result, at: int, own: Sequence[str], name: Callable[[str], str] = str) -> go.Figure:
    """Sensitivity to every family at one look (filled, with its interval) and at the end (open)."""
    figure = go.Figure()
    families = list(result["families"])[::-1]  # plotly counts from below
    labels = {f: f"<b>{name(f)}</b>" if f in own else name(f) for f in families}
    now, end = ({f: look["sensitivity"][result["families"].index(f)] for f in families}
                for look in (result["looks"][at], result["looks"][-1]))  # fmt: skip
    intervals = dict(zip(result["families"], result["looks"][at]["interval"], strict=True))
    figure.add_trace(
        go.Scatter(
            x=[x for f in families for x in (now[f], end[f], None)],
            y=[y for f in families for y in (labels[f], labels[f], None)],
            mode="lines", line={"color": FAINT, "width": 2}, hoverinfo="skip", showlegend=False,
        )
    )  # fmt: skip
    kinds = {f: "same" if f in own else TRANSFORMS[f].group for f in families}
    seen = result["looks"][at]["images"]
    for kind in dict.fromkeys(kinds.values()):
        here, colour = [f for f in families if kinds[f] == kind], COLOURS[kind]
        for values, symbol, when in ((end, "circle-open", "at the end"), (now, "circle", f"after {seen:,} images")):
            x = [values[f] for f in here]
            bars = error_bars(x, [intervals[f] for f in here]) | {"color": colour} if values is now else None
            figure.add_trace(
                go.Scatter(
                    name=f"{kind}, {when}",
                    x=x,
                    y=[labels[f] for f in here],
                    mode="markers",
                    marker={
                        "color": colour,
                        "symbol": symbol,
                        "size": 12 if kind == "same" else 9,
                        "line": {"width": 2, "color": colour},
                    },
                    error_x=bars,
                    hovertemplate=f"%{{y}}, {when}: <b>%{{x:.2f}}</b><extra></extra>",
                    showlegend=False,
                )
            )
    figure.add_vline(1, line={"color": FAINT, "width": 1, "dash": "dot"})
    top = max([1.0, *(v for look in result["looks"] for v in look["sensitivity"])])
    styled(figure, MOMENT_HEIGHT)
    figure.update_xaxes(title="sensitivity", range=[0, 1.05 * top], fixedrange=True)
    figure.update_yaxes(
        fixedrange=True, showgrid=True, dtick=1, categoryorder="array", categoryarray=list(labels.values())
    )
    figure.update_layout(dragmode=False, uirevision="stays", margin={"t": 8})
    return figure


def moment_alt(name: str, result: Result, at: int) -> str:
    """A moment in words."""
    now, end = result["looks"][at], result["looks"][-1]
    told = [
        f"{family} {number(a)} → {number(b)}"
        for family, a, b in zip(result["families"], now["sensitivity"], end["sensitivity"], strict=True)
    ]
    return f"{name}: sensitivity to each family after {now['images']:,} images and at the end. {', '.join(told)}."


# ----------------------------------------------------------------------------------------------- all networks at once


def same_other_none(recorded: Mapping[str, Result], families: Sequence[str]) -> dict[str, list[list[float]]]:
    """For each look and each of `families`: sensitivity of the network trained for it (*same*), the mean of those
    trained for others (*other*), and the one trained for *none*. Each is looks × families."""
    kinds: dict[str, list[list[float]]] = {"same": [], "other": [], "none": []}
    singles = [source for source in recorded if source != "none"]
    for at in range(len(recorded["none"]["looks"])):

        def value(source: str, family: str, at: int = at) -> float:
            result = recorded[source]
            return result["looks"][at]["sensitivity"][result["families"].index(family)]

        kinds["same"].append([value(f, f) for f in families])
        kinds["none"].append([value("none", f) for f in families])
        others = [[value(s, f) for s in singles if s != f] for f in families]
        kinds["other"].append([sum(row) / len(row) for row in others])
    return kinds


WORDS = {"same": "trained for it", "other": "trained for another (mean)", "none": "trained for none"}


def across(recorded: Mapping[str, Result], families: Sequence[str], at: int | None) -> go.Figure:
    """*same*, *other* and *none* over the images seen, mean over `families`; for one family the networks trained for
    others also singly, faint; below, how those trained for them transfer. at: the look to mark."""
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.68, 0.32], vertical_spacing=0.1,
        subplot_titles=("sensitivity", "transfer accuracy, trained for it, to new objects under it"),
    )  # fmt: skip
    none = recorded["none"]
    x, seen = places(none), [look["images"] for look in none["looks"]]
    if len(families) == 1:
        for source, result in recorded.items():
            if source not in (*families, "none"):
                figure.add_trace(
                    go.Scatter(
                        x=x, y=of_family(result, families[0]), mode="lines", opacity=0.35,
                        line={"color": COLOURS["other"], "width": 1}, showlegend=False, name=source,
                        hovertemplate=f"trained for {source}: %{{y:.2f}}<extra></extra>",
                    ), 1, 1,
                )  # fmt: skip
    kinds = same_other_none(recorded, families)
    for kind, values in kinds.items():
        figure.add_trace(_mean(kind, x, seen, [sum(row) / len(row) for row in values]), 1, 1)
    top = max([1.0, *(v for trace in figure.data for v in trace.y)])
    figure.add_trace(_mean("same", x, seen, mean_transfer(recorded, families), ".0%"), 2, 1)
    figure.add_hline(1, line={"color": FAINT, "width": 1, "dash": "dot"}, row=1, col=1)
    if at is not None:
        marked(figure, x[at])
    image_axis(figure, first_of(none), seen[-1], 2)
    styled(figure, ACROSS_HEIGHT)
    figure.update_annotations(selector={"yref": "paper"}, font_size=13, x=0, xanchor="left")
    figure.update_yaxes(range=[0, 1.04 * top], row=1, col=1)
    figure.update_yaxes(range=[0, 1.02], tickformat=".0%", row=2, col=1)
    figure.update_yaxes(fixedrange=True)
    figure.update_layout(
        dragmode=False,
        hovermode="closest",
        uirevision="stays",
        margin={"l": 48, "r": 8, "t": 24, "b": 60 + LEGEND_LINE * len(kinds), "autoexpand": False},
        legend={"orientation": "v", "y": -0.13, "yanchor": "top", "font": {"size": 13}},
    )
    return figure


def _mean(kind: str, x: Sequence[float], seen: Sequence[int], values: Sequence[float], form: str = ".2f") -> go.Scatter:
    return go.Scatter(
        name=WORDS[kind],
        x=list(x),
        y=list(values),
        mode="lines+markers",
        line={"color": COLOURS[kind], "dash": DASHES[kind], "width": 3},
        marker={"color": COLOURS[kind], "symbol": SYMBOLS[kind], "size": 8},
        customdata=list(seen),
        hovertemplate=f"%{{customdata:,}} images: <b>%{{y:{form}}}</b>",
        showlegend=form == ".2f",
    )


def mean_transfer(recorded: Mapping[str, Result], families: Sequence[str]) -> list[float]:
    """For each look the mean transfer accuracy of the networks trained for `families`, each to its own."""
    return [
        sum(recorded[f]["looks"][at]["transfer"] for f in families) / len(families)
        for at in range(len(recorded["none"]["looks"]))
    ]


def across_alt(recorded: Mapping[str, Result], families: Sequence[str], what: str) -> str:
    """*same*, *other* and *none* in words."""
    told = [
        f"{WORDS[kind]} {number(sum(values[0]) / len(families))} → {number(sum(values[-1]) / len(families))}"
        for kind, values in same_other_none(recorded, families).items()
    ]
    transfer = mean_transfer(recorded, families)
    return (
        f"Sensitivity to {what} over the images seen, untrained → at the end. {'; '.join(told)}. Transfer accuracy "
        f"{transfer[0]:.0%} → {transfer[-1]:.0%}."
    )


def across_rows(recorded: Mapping[str, Result], families: Sequence[str]) -> list[Row]:
    """The table behind it, one row for each look."""
    kinds, transfer = same_other_none(recorded, families), mean_transfer(recorded, families)
    return [
        {"images": look["images"]}
        | {kind: round(sum(v[at]) / len(families), 4) for kind, v in kinds.items()}
        | {"transfer": round(transfer[at], 4)}
        for at, look in enumerate(recorded["none"]["looks"])
    ]


# --------------------------------------------------------------------------------------------------------------- words


CLEAR = 0.05  # a smaller difference between sensitivities of single networks is called none
SETTLING = (
    "0 stands for the untrained network. Of the rise over its first ten steps or so (about 800 images here) nothing is "
    "learned: batch norm's running statistics only settle, and with frozen weights the curves rise just the same."
)
NETWORKS_LEAD = (
    "Each network is stopped for a moment and measured as if it were finished, on objects it never learns: how far "
    "does it move under each family (strangers: 1), and how many new objects does a probe name? *Its own* is the "
    "family it was trained for."
)


def across_lead(networks: int, what: str) -> str:
    """What the figure of all networks shows."""
    return (
        f"All {networks} bundled networks. Sensitivity to **{what}**: of the network trained for it, of those "
        "trained for another family, and of the one trained for none."
    )


def kind_means(recorded: Mapping[str, Result], families: Sequence[str]) -> dict[str, list[float]]:
    """*same*, *other* and *none* at every look, the mean over networks."""
    return {k: [sum(v) / len(v) for v in vs] for k, vs in same_other_none(recorded, families).items()}


def noticed(source: str, found: dict[str, Any]) -> list[str]:
    """Two sentences that the numbers decide."""
    result, none = found[source], found[NONE]
    looks = result["looks"]
    first, last = looks[0], looks[-1]
    if source == NONE:
        means = [sum(look["sensitivity"]) / len(look["sensitivity"]) for look in looks]
        told = (
            f"Nothing asks the network trained for none to ignore anything: averaged over {len(FAMILIES)} families, "
            f"its sensitivity goes from {number(means[0])} to **{number(means[-1])}** as it learns."
        )
        return [told, about(first, last)]
    own, reference = of_family(result, source), of_family(none, source)
    intervals = [of_family(r, source, "interval") for r in (result, none)]
    gaps = [b - a for a, b in zip(own, reference, strict=True)]
    apart, half = parted(*intervals), half_way(gaps)
    probe = half_way([look["transfer"] for look in looks])
    family = family_name(source)
    clear = apart is not None and apart < len(looks) - 1  # a parting at the very last look may be chance
    if apart is None or not clear:
        parting = (
            f"The network trained for *{family}* never clearly parts from the one trained for none "
            f"({number(own[-1])} against {number(reference[-1])} in the end)"
        )
    else:
        parting = (
            f"The network trained for *{family}* parts for good from the one trained for none after "
            f"**{looks[apart]['images']:,} images** and has half of their final gap ({number(own[-1])} against "
            f"{number(reference[-1])}) after **{looks[half]['images']:,}**"
        )
    order = "at the same look" if probe == half else "earlier" if probe < half else "later"
    transfer = (
        f"its transfer accuracy has come half of its way ({first['transfer']:.0%} → {last['transfer']:.0%}) after "
        f"**{looks[probe]['images']:,}**" + (f", {order}" if clear else "")
    )
    return [f"{parting}; {transfer}.", about(first, last, (own[0], own[-1]), clear)]


def about(
    first: dict[str, Any], last: dict[str, Any], own: tuple[float, float] | None = None, clear: bool = False
) -> str:
    """What the representation is about, before and after, and what that does to sensitivities.

    own: the sensitivity to the own family, before and after; clear: whether it ends clearly below what it would be.
    """
    told = {name: [number(look[name]) for look in (first, last)] for name in ("background", "object")}
    swaps = (
        f"a swap of the background moves it {' → '.join(told['background'])}, one of the object "
        f"{' → '.join(told['object'])}"
    )
    turned = first["background"] > first["object"] and last["background"] < last["object"]
    heeds = f"it begins with the background and ends with the object ({swaps})" if turned else swaps
    if own is None:
        return f"The lowest panel says what it is about: {heeds}."
    ends = f"{number(own[0])} → {number(own[1])}"
    if own[1] < own[0]:
        return f"Its own sensitivity falls, {ends}, while {heeds}."
    if not (turned and clear):
        return f"Its own sensitivity does not fall, {ends}, while {heeds}."
    return (
        f"Yet its own sensitivity does not fall, {ends}: {heeds}, so before it heeds objects little done to them moves "
        "it, and invariance is what does *not* rise with the rest."
    )


def family_noticed(found: dict[str, Any], families: list[str], kinds: dict[str, list[float]]) -> list[str]:
    """When *same* parts from *none*, and what transfer has done by then."""
    looks = found[NONE]["looks"]
    gaps = [b - a for a, b in zip(kinds["same"], kinds["none"], strict=True)]
    half = half_way(gaps)
    at = looks[half]["images"]
    means = mean_transfer(found, families)
    probe = half_way(means)
    several = len(families) > 1
    who = f"The network{'s' if several else ''} trained for it"
    ends = f"{number(kinds['same'][-1])} against {number(kinds['none'][-1])}"
    parting = (
        f"{who} {'have' if several else 'has'} half of the final gap to the one trained for none ({ends}) after "
        f"**{at:,} images**"
        if gaps[-1] >= CLEAR
        else f"{who} end{'' if several else 's'} no less sensitive than the one trained for none ({ends})"
    )
    first = (
        f"{parting}; transfer accuracy to new objects has come half of its way ({means[0]:.0%} → {means[-1]:.0%}) "
        f"after **{looks[probe]['images']:,}**."
    )
    gap = kinds["other"][-1] - kinds["none"][-1]
    against = "as sensitive as" if abs(gap) < CLEAR else "more sensitive than" if gap > 0 else "less sensitive than"
    second = (
        f"In the end those trained for another family are {against} the one trained for none "
        f"({number(kinds['other'][-1])} against {number(kinds['none'][-1])})."
    )
    return [first, second]
