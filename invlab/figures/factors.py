"""The figures of the page *Factors*: how far each factor moves transfer accuracy, beside the transformations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from invlab.figures import COLOURS, DASHES, SYMBOLS, error_bars, styled
from invlab.intervals import over_seeds
from invlab.studies import factors
from invlab.studies.claims import number
from invlab.studies.factors import ARCHITECTURE, BUILT_IN, DISJOINT, FACTOR_NAMES, OWN, PROBE, RELATIONSHIP, SAME, TUNED
from invlab.studies.published import FACTOR_RANGES, FACTORS
from invlab.studies.study import Table

Row = dict[str, Any]
BLUE, ORANGE = COLOURS[SAME], COLOURS[DISJOINT]
Told = tuple[float, float, float]  # mean over seeds, and its interval (nan, nan for one seed)

NETWORKS = {
    "labnet": "labnet",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "densenet121": "DenseNet-121",
    "vgg11": "VGG-11",
    "vit": "ViT",
}
SMALL = "-small"
AXES = {
    RELATIONSHIP: "the source’s classes, beside the target’s",
    ARCHITECTURE: "network",
    "pretraining samples": "different images the source was learned from",
    "transfer samples": "images of the target the new head was fitted on",
}


@dataclass(frozen=True)
class Kind:
    """One of the quantities that the summary compares, and how it looks."""

    name: str
    words: str
    symbol: str
    fill: str
    rim: str
    stem: tuple[tuple[str, str], ...]  # (colour, dash), from below

    def cut(self, value: Told) -> Told:
        """The interval of a range, but not that of a gap, ends at 0."""
        mean, low, high = value
        return value if self.name == "gap" or math.isnan(low) else (mean, max(0.0, low), high)


# What the summary compares: its name in `factors.Ranges`, words, symbol, its fill and rim, and the stem's lines.
KINDS = (
    Kind("within_disjoint", "range within disjoint", SYMBOLS["disjoint"], ORANGE, ORANGE, ((ORANGE, "dash"),)),
    Kind("gap", "gap between same and disjoint", "hexagram", BLUE, ORANGE, ((BLUE, "solid"), (ORANGE, "dash"))),
    Kind("within_same", "range within same", SYMBOLS["same"], BLUE, BLUE, ((BLUE, "solid"),)),
)
AXIS_OF = {PROBE: "transfer accuracy, linear probe", TUNED: "accuracy after full fine-tuning"}
STEP = 0.25  # between the stems of a factor
APART = 0.09  # of same and disjoint, where the axis is of names
FAINT = "rgba(128,128,128,0.55)"
BELOW = 0.09  # of a published value under ours


@dataclass(frozen=True)
class View:
    """A part of the study: what the images are made of, which families, how transfer is measured."""

    dataset: str = BUILT_IN
    setting: str = "mixed"
    measure: str = PROBE

    @property
    def published(self) -> bool:
        """Whether the paper's figures that are held here are of this part."""
        return self == View()

    def series(self, table: Table, factor: str, transformations: str, measure: str | None = None) -> dict:
        """value -> (seeds,) accuracy, in the order of the study; empty where it was not measured."""
        return factors.series(table, factor, transformations, self.dataset, self.setting, measure or self.measure)

    def ranges(self, table: Table) -> dict[str, dict[str, Told]]:
        """factor -> kind -> mean over seeds with its interval, of the factors of which two values were measured.

        The interval of a range is cut at 0: no range is below it.
        """
        found = {f: factors.ranges(table, f, self.dataset, self.setting, self.measure) for f in FACTOR_NAMES}
        return {
            factor: {kind.name: kind.cut(told(getattr(ranges, kind.name))) for kind in KINDS}
            for factor, ranges in found.items()
            if ranges is not None
        }

    def own(self, table: Table, factor: str, transformations: str) -> dict[str, float]:
        """value -> the source's accuracy on its own task; with fewer transfer samples the source stays the base."""
        own = self.series(table, factor, transformations, OWN)
        if not own:
            base = self.series(table, RELATIONSHIP, transformations, OWN).get("disjoint")
            own = {} if base is None else dict.fromkeys(self.series(table, factor, transformations), base)
        return {value: float(values.mean()) for value, values in own.items()}


def told(values: np.ndarray) -> Told:
    """Mean over seeds, and its interval."""
    return float(values.mean()), *over_seeds(values.tolist())


def named(value: str) -> str:
    """A factor's value in words: `ResNet-18, small`, `30,000`."""
    if value.isdigit():
        return f"{int(value):,}"
    name = value.removesuffix(SMALL)
    return NETWORKS.get(name, name) + (", small" if name != value else "")


def reach(low: float, high: float) -> str:
    """An interval in brackets, nothing where there is none."""
    return "" if math.isnan(low) else f" [{number(low)}, {number(high)}]"


# ---------------------------------------------------------------------------------------------------------- the summary


def summary(table: Table, view: View, published: bool = False) -> go.Figure:
    """For each factor: how far accuracy moves as it varies, within each kind of source, beside the gap between them."""
    found = view.ranges(table)
    figure = go.Figure()
    for place, kind in enumerate(KINDS):
        at = [i + (place - 1) * STEP for i in range(len(found))]
        figure.add_traces(_stems([kinds[kind.name][0] for kinds in found.values()], at, kind))
        figure.add_trace(_dots(found, at, kind))
        theirs = [(FACTOR_RANGES[f][place], y + BELOW) for f, y in zip(found, at, strict=True) if f in FACTOR_RANGES]
        if published and view.published and theirs:
            look = {"symbol": f"{kind.symbol}-open", "size": 12, "color": kind.fill, "line": {"width": 2}}
            x, y = zip(*theirs, strict=True)
            figure.add_trace(_published(f"{kind.words}, published", x, y, look, "x"))
    styled(figure, height=105 * len(found) + (250 if published and view.published else 170))
    figure.update_yaxes(
        tickvals=list(range(len(found))),
        ticktext=[factor.replace(" ", "<br>") for factor in found],
        range=[len(found) - 0.45, -0.55],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_xaxes(title="difference of transfer accuracy", range=_ends(found), zeroline=True, fixedrange=True)
    figure.update_layout(dragmode=False, legend={"orientation": "v", "y": 1.01}, margin={"t": 20})
    return figure


def _ends(found: dict[str, dict[str, Told]]) -> tuple[float, float]:
    """From where to where the summary's axis goes: all intervals, but no further than accuracies can differ."""
    ends = [x for kinds in found.values() for triple in kinds.values() for x in triple if not math.isnan(x)]
    ends += [x for factor in found for x in FACTOR_RANGES.get(factor, ())]  # nothing jumps when they are shown
    return max(-1.0, min([0.0, *ends])) - 0.01, min(1.0, max([0.1, *ends])) + 0.02


def _stems(means: Sequence[float], at: Sequence[float], kind: Kind) -> list[go.Scatter]:
    """Lines from 0 to each value; the gap's is blue and orange in turn."""
    x = [x for mean in means for x in (0, mean, None)]
    y = [y for level in at for y in (level, level, None)]
    look = {"mode": "lines", "hoverinfo": "skip", "showlegend": False, "opacity": 0.5}  # intervals show on them
    return [
        go.Scatter(x=x, y=y, line={"color": colour, "dash": dash, "width": 4}, **look) for colour, dash in kind.stem
    ]


def _dots(found: dict[str, dict[str, Told]], at: Sequence[float], kind: Kind) -> go.Scatter:
    values = [kinds[kind.name] for kinds in found.values()]
    return go.Scatter(
        name=kind.words,
        x=[mean for mean, _, _ in values],
        y=list(at),
        mode="markers",
        marker={"symbol": kind.symbol, "size": 14, "color": kind.fill, "line": {"width": 2, "color": kind.rim}},
        error_x=(error(values) or {}) | {"thickness": 2, "color": kind.fill},
        customdata=[[factor, reach(*value[1:])] for factor, value in zip(found, values, strict=True)],
        hovertemplate=f"%{{customdata[0]}}, {kind.words}: %{{x:.2f}}%{{customdata[1]}}<extra></extra>",
    )


def error(values: Sequence[Told]) -> dict[str, Any] | None:
    """Error bars; None where a single seed has no interval."""
    if any(math.isnan(low) for _, low, _ in values):
        return None
    return error_bars([mean for mean, _, _ in values], [(low, high) for _, low, high in values])


def _published(name: str, x: Sequence[Any], y: Sequence[float], marker: Row, value: str) -> go.Scatter:
    """Values of the paper, as open symbols; `value` is the axis that holds them."""
    hover = f"{name}: %{{{value}:.2f}}<extra></extra>"
    return go.Scatter(name=name, x=list(x), y=list(y), mode="markers", marker=marker, hovertemplate=hover)


def summary_alt(table: Table, view: View, published: bool = False) -> str:
    """The stems in words."""
    each = [
        f"{factor}: "
        + ", ".join(f"{kind.words} {number(kinds[kind.name][0])}{reach(*kinds[kind.name][1:])}" for kind in KINDS)
        for factor, kinds in view.ranges(table).items()
    ]
    theirs = [
        f"{factor}: " + ", ".join(f"{kind.words} {number(v)}" for kind, v in zip(KINDS, values, strict=True))
        for factor, values in FACTOR_RANGES.items()
    ]
    more = f" Published: {'; '.join(theirs)}." if published and view.published else ""
    return f"How much transfer accuracy differs, with 95 % intervals over seeds. {'; '.join(each)}.{more}"


# --------------------------------------------------------------------------------------------------------- one factor


def by_value(table: Table, factor: str, view: View, chance: float, published: bool = False) -> go.Figure:
    """Accuracy of the same and the disjoint source against a factor's values."""
    figure = go.Figure()
    counted = is_counted(factor)
    for transformations, side in ((DISJOINT, 1), (SAME, -1)):
        values = view.series(table, factor, transformations)
        if not values:
            continue
        shift = 0.0 if counted else side * APART
        figure.add_trace(_curve(table, factor, view, transformations, shift))
        if published and view.published:
            figure.add_trace(_published_curve(factor, list(values), transformations, shift))
    figure.add_hline(y=chance, line={"color": FAINT, "width": 1.5, "dash": "dot"})
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=chance, yanchor="bottom", text="guessing", showarrow=False,
        font={"size": 12},
    )  # fmt: skip
    styled(figure, height=470 if published and view.published else 420)
    figure.update_yaxes(title=AXIS_OF[view.measure], range=[0, 1.03], fixedrange=True)
    shown = [*_all_values(table, factor, view), *(beyond(table, factor, view) if published else ())]
    figure.update_xaxes(title=AXES[factor], fixedrange=True, **_axis(shown, counted))
    figure.update_layout(dragmode=False)
    return figure


def is_counted(factor: str) -> bool:
    """Whether the factor's values are numbers of images."""
    return factor.endswith("samples")


def _all_values(table: Table, factor: str, view: View) -> dict[str, None]:
    return dict.fromkeys(v for kind in (SAME, DISJOINT) for v in view.series(table, factor, kind))


def beyond(table: Table, factor: str, view: View) -> list[str]:
    """Published counts that lie well beyond ours, and want a label of their own."""
    if not is_counted(factor) or not view.published:
        return []
    most = max(map(int, _all_values(table, factor, view)), default=0)
    return [value for value in FACTORS[factor] if int(value) > 3 * most]


def _axis(values: Sequence[str], counted: bool) -> Row:
    """An axis of counts (logarithmic), or of names."""
    if counted:
        return {"type": "log", "tickvals": [int(v) for v in values], "ticktext": [short(int(v)) for v in values]}
    words = [named(v).replace(", ", "<br>").replace("-", "<br>") for v in values]  # as narrow as a telephone needs
    return {
        "tickvals": list(range(len(values))),
        "ticktext": words,
        "tickangle": 0,
        "range": [-0.5, len(values) - 0.5],
        "showgrid": False,
        "zeroline": False,
    }


def short(count: int) -> str:
    """`500`, `3k`: what fits under an axis on a telephone."""
    return f"{count / 1000:g}k" if count >= 1000 else str(count)


def _curve(table: Table, factor: str, view: View, transformations: str, shift: float) -> go.Scatter:
    series, own = view.series(table, factor, transformations), view.own(table, factor, transformations)
    values = [told(found) for found in series.values()]
    counted = is_counted(factor)
    return go.Scatter(
        name=f"{transformations} transformations",
        x=[int(v) for v in series] if counted else [i + shift for i in range(len(series))],
        y=[mean for mean, _, _ in values],
        mode="markers" if factor == ARCHITECTURE else "lines+markers",  # networks have no order
        line={"color": COLOURS[transformations], "dash": DASHES[transformations], "width": 2.5},
        marker={"color": COLOURS[transformations], "symbol": SYMBOLS[transformations], "size": 11},
        error_y=error(values),
        customdata=[
            [v, transformations, named(v), reach(*found[1:]), number(own[v]) if v in own else "not measured"]
            for v, found in zip(series, values, strict=True)
        ],
        hovertemplate=f"{transformations}, %{{customdata[2]}}: %{{y:.2f}}%{{customdata[3]}}<br>"
        "the source on its own task: %{customdata[4]}<extra></extra>",
    )


def _published_curve(factor: str, values: Sequence[str], transformations: str, shift: float) -> go.Scatter:
    """Counts stand at their own place; names at that of their counterpart."""
    theirs, which = FACTORS[factor], (SAME, DISJOINT).index(transformations)
    if is_counted(factor):
        points: list[tuple[float, float]] = [(int(v), both[which]) for v, both in theirs.items()]
    else:
        kin = [v.removesuffix(SMALL) for v in values]
        points = [(i + 1.9 * shift, theirs[v][which]) for i, v in enumerate(kin) if v in theirs]
    look = {
        "symbol": f"{SYMBOLS[transformations]}-open", "size": 12, "color": COLOURS[transformations],
        "line": {"width": 2},
    }  # fmt: skip
    x, y = zip(*points, strict=True) if points else ((), ())
    return _published(f"{transformations}, published", x, y, look, "y")


def by_value_alt(table: Table, factor: str, view: View, published: bool = False) -> str:
    """The curves in words."""
    each = []
    for transformations in (SAME, DISJOINT):
        points = view.series(table, factor, transformations)
        words = ", ".join(f"{named(v)} {number(float(found.mean()))}" for v, found in points.items())
        each.append(f"{transformations} transformations: {words}")
        if published and view.published:
            which = (SAME, DISJOINT).index(transformations)
            theirs = ", ".join(f"{named(v)} {number(both[which])}" for v, both in FACTORS[factor].items())
            each.append(f"published: {theirs}")
    return f"Transfer accuracy by {factor}. {'; '.join(each)}."


# -------------------------------------------------------------------------------------------------------------- tables


def summary_rows(table: Table, view: View) -> list[Row]:
    """The table behind the summary."""
    rows = []
    for factor, kinds in view.ranges(table).items():
        theirs = FACTOR_RANGES.get(factor) if view.published else None
        row: Row = {"factor": factor}
        for place, kind in enumerate(KINDS):
            row |= spread_out(kind.words, kinds[kind.name])
            row[f"{kind.words}, published"] = theirs[place] if theirs else None
        rows.append(row)
    return rows


def value_rows(table: Table, factor: str, view: View) -> list[Row]:
    """The table behind the figure of one factor: both sources, the gap of pairs, and how well the sources learned."""
    same, disjoint = (view.series(table, factor, kind) for kind in (SAME, DISJOINT))
    own = {kind: view.own(table, factor, kind) for kind in (SAME, DISJOINT)}
    rows = []
    for value in [v for v in same if v in disjoint]:
        theirs = FACTORS[factor].get(value.removesuffix(SMALL)) if view.published else None
        row: Row = {factor: named(value)}
        row |= spread_out(SAME, told(same[value])) | spread_out(DISJOINT, told(disjoint[value]))
        row |= spread_out("gap", told(same[value] - disjoint[value]))
        row |= {f"own task, {kind}": rounded(own[kind].get(value)) for kind in own}
        row |= {f"{kind}, published": theirs[i] if theirs else None for i, kind in enumerate((SAME, DISJOINT))}
        rows.append(row)
    return rows


def spread_out(name: str, value: Told) -> Row:
    """A mean and its interval as three columns."""
    mean, low, high = value
    return {name: rounded(mean), f"{name}, low": rounded(low), f"{name}, high": rounded(high)}


def rounded(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else round(value, 3)


# --------------------------------------------------------------------------------------------------------------- words


def summary_notice(table: Table, view: View) -> str:
    """Two sentences that the numbers themselves decide."""
    found = view.ranges(table)
    gaps = [kinds["gap"][0] for kinds in found.values()]
    wins = {within: _exceeding(found, within) for within in ("within_same", "within_disjoint")}
    strongest = max(found, key=lambda factor: found[factor]["within_disjoint"][0])
    return (
        f"Having the target's transformations in the source changes transfer accuracy by {span(gaps)}, more than the "
        f"range within *same* for {wins['within_same']} of {len(found)} factors and more than the range within "
        f"*disjoint* for {wins['within_disjoint']}. Where the transformations are wrong, *{strongest}* moves accuracy "
        f"the most: by {number(found[strongest]['within_disjoint'][0])}."
    )


def span(values: Sequence[float]) -> str:
    """From the least to the largest value: `+0.30 to +0.35`, or one number where they look the same."""
    return " to ".join(dict.fromkeys(number(value, True) for value in (min(values), max(values))))


def _exceeding(found: dict[str, dict[str, Told]], within: str) -> int:
    return sum(kinds["gap"][0] > kinds[within][0] for kinds in found.values())


def value_notice(table: Table, factor: str, view: View) -> str:
    """Two sentences that the numbers themselves decide."""
    same, disjoint = (view.series(table, factor, kind) for kind in (SAME, DISJOINT))
    gaps = {v: float((same[v] - disjoint[v]).mean()) for v in same if v in disjoint}
    better = sum(gap > 0 for gap in gaps.values())
    least, most = min(gaps, key=lambda v: gaps[v]), max(gaps, key=lambda v: gaps[v])
    reaches = f"goes from {number(gaps[least], True)} ({named(least)}) to {number(gaps[most], True)} ({named(most)})"
    if number(gaps[least], True) == number(gaps[most], True):
        reaches = f"is {number(gaps[most], True)}"
    return (
        f"The source with the target's transformations transfers better at {better} of {len(gaps)} values of this "
        f"factor; the gap {reaches}. {_learned(table, factor, view)}"
    )


def _learned(table: Table, factor: str, view: View) -> str:
    """How well the sources know their own tasks."""
    own = {(v, k): a for k in (SAME, DISJOINT) for v, a in view.own(table, factor, k).items()}
    if not own:
        return ""
    worst = min(own, key=lambda key: own[key])
    which = f" ({worst[1]} transformations, {named(worst[0])})"
    return (
        f"On its own task the worst source reaches {number(own[worst])}{which}, the best {number(max(own.values()))}."
    )


# --------------------------------------------------------------------------------------------------------------- words


SETTING_WORDS = {
    "mixed": "one family of each group",
    "geometric": "three geometric families",
    "photometric": "three photometric families",
    "corruption": "three corruptions",
}
DATASET_WORDS = {BUILT_IN: "drawn objects", "cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}
FACTOR_WORDS = {
    RELATIONSHIP: "How the source’s classes relate to the target’s: a third of them, none of them, the very same, or "
    "the same and as many more.",
    "architecture": "The network that learns the source. *Small* means a narrow, shallow setting that a processor can "
    "train; the published values are of the full network of that name.",
    "pretraining samples": "How many different images the source was learned from, on a logarithmic axis; published "
    "values stand at the paper’s own numbers.",
    "transfer samples": "On how many images of the target the new head was fitted, on a logarithmic axis; the source "
    "stays the same.",
}
SUMMARY_LEAD = (
    "For each factor, how far transfer accuracy moves: as the factor varies **within disjoint** (the source has "
    "other families than the target) and **within same** (it has the target’s own), beside the **gap** between "
    "the two. Bars: 95 % intervals over seeds. *A long gap and short ranges say: the transformations matter most.*"
)
OVERLAY = "They are of ResNet-18 unless the network varies, read off plots (± 0.01)."


def target_classes(preset: str, view: View) -> int:
    """How many classes a target has at a preset."""
    return factors.DATASETS[view.dataset][2] or factors.SIZES[preset].classes


def tuned_told(preset: str, factor: str, view: View) -> str:
    """On how many images a fine-tuned network was fitted; empty where it was not, or where that number varies."""
    if view.measure != factors.TUNED or factor == "transfer samples":
        return ""
    return f"Fine-tuned on {factors.SIZES[preset].tuned[0]} images of the target."
