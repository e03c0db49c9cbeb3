"""The figures of the page *Relevance*: what becomes of a thing that a network learned to name, or to ignore."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import plotly.graph_objects as go

from invlab import things
from invlab.figures import COLOURS, styled, targets
from invlab.figures.factors import Row, Told, error, reach, spread_out, told
from invlab.figures.sensitivity import INK, TRANSFER_SCALE, inks
from invlab.studies import relevance
from invlab.studies.claims import number
from invlab.studies.published import RELEVANCE, RELEVANCE_SENSITIVITY
from invlab.studies.relevance import CLASSES, FOR_C, FOR_O, ONLY_C, ONLY_O, SWAP_C, SWAP_O, TASKS
from invlab.studies.study import Table

# The two things in an image: colours, symbols and dashes that mean nothing else in the lab.
THING = {"C": "picture (C)", "O": "object (O)"}
COLOUR = {"C": "#0e9aa7", "O": "#8f8f00"}
SYMBOL = {"C": "pentagon", "O": "star"}
DASH = {"C": "solid", "O": "longdash"}
CHANCE = 1 / CLASSES
FAINT = "rgba(128,128,128,0.55)"
APART = 0.13  # of the two swaps of a network
BESIDE = 0.11  # of a published value from ours
# What the sweeps are probed on: a name -> the task whose label is C, the one whose label is O.
PROBED = {"on pictures with objects": (FOR_C, FOR_O), "on pictures alone and objects alone": (ONLY_C, ONLY_O)}
SWEEPS = {
    "correlation": "how often the object is the one that belongs to the picture’s class",
    "availability": "how often there is an object at all",
}


def short(value: float) -> str:
    """A published value as it stands under ours: `(.53)`."""
    return f"({value:.2f})".replace("(0.", "(.")


def transfers(table: Table, placement: str) -> list[list[Told]]:
    """Trained on × probed on."""
    return [[told(relevance.transfer(table, placement, source, target)) for target in TASKS] for source in TASKS]


# ---------------------------------------------------------------------------------------------------------- the 4 × 4


def transfer_map(table: Table, placement: str, published: bool = False) -> go.Figure:
    """Trained on × probed on, light = transfers well; each network's own task is framed."""
    cells = transfers(table, placement)
    means = np.array([[mean for mean, _, _ in row] for row in cells])
    figure = go.Figure(_colours(means))
    figure.add_traces(_numbers(means, RELEVANCE[placement] if published else None))
    figure.add_trace(_targets(cells, placement))
    for i in range(len(TASKS)):
        for stroke in ({"color": "#ffffff", "width": 5}, {"color": COLOURS["same"], "width": 3}):
            figure.add_shape(type="rect", x0=i - 0.49, x1=i + 0.49, y0=i - 0.49, y1=i + 0.49, line=stroke)
    styled(figure, height=470)
    names = {"tickvals": list(range(len(TASKS))), "ticktext": [task.replace(" for ", "<br>for ") for task in TASKS]}
    bare = {"fixedrange": True, "showgrid": False, "zeroline": False, "showline": False, "ticks": ""}
    figure.update_xaxes(side="top", range=[-0.52, 3.52], title="probed on …", **names, **bare)
    figure.update_yaxes(range=[3.52, -0.52], title="trained on …", **names, **bare)
    figure.update_layout(dragmode=False, hovermode="closest", showlegend=False, margin={"b": 60})
    return figure


def _colours(means: np.ndarray) -> go.Heatmap:
    return go.Heatmap(
        name="colours",
        z=means.tolist(),
        zmin=0,
        zmax=1,
        colorscale=TRANSFER_SCALE,
        hoverinfo="skip",
        colorbar={
            "orientation": "h",
            "y": -0.02,
            "yanchor": "top",
            "thickness": 12,
            "len": 0.9,
            "title": {"text": "transfer accuracy (larger is better)", "side": "top", "font": {"size": 13}},
        },
    )


def _numbers(means: np.ndarray, theirs: dict[str, dict[str, float]] | None) -> list[go.Heatmap]:
    """The numbers, in the ink that can be read on each cell: two layers without colour. Published ones stand below."""
    texts = [
        [
            f"<b>{number(means[i, j])}</b>" + (f"<br>{short(theirs[source][target])}" if theirs else "")
            for j, target in enumerate(TASKS)
        ]
        for i, source in enumerate(TASKS)
    ]
    ink = inks(means, TRANSFER_SCALE, (0.0, 1.0))
    clear = [[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]]
    return [
        go.Heatmap(
            name=f"{name} numbers",
            z=[[v if ink[i, j] == name else None for j, v in enumerate(row)] for i, row in enumerate(means.tolist())],
            text=[[text if ink[i, j] == name else "" for j, text in enumerate(row)] for i, row in enumerate(texts)],
            texttemplate="%{text}",
            textfont={"color": colour, "size": 16},
            colorscale=clear,
            showscale=False,
            hoverinfo="skip",
        )
        for name, colour in INK.items()
    ]


def _targets(cells: list[list[Told]], placement: str) -> go.Scatter:
    """Something to point at in the middle of each cell."""
    places = [(i, j) for i in range(len(TASKS)) for j in range(len(TASKS))]
    hover = [
        f"trained on <b>{TASKS[i]}</b>, probed on <b>{TASKS[j]}</b>:<br><b>{number(cells[i][j][0])}</b>"
        f"{reach(*cells[i][j][1:])}<br>published: {number(RELEVANCE[placement][TASKS[i]][TASKS[j]])}"
        for i, j in places
    ]
    both = [(TASKS[i], TASKS[j]) for i, j in places]
    return targets([j for _, j in places], [i for i, _ in places], both, hover, 40)


def map_alt(table: Table, placement: str, published: bool = False) -> str:
    """The map in words: all sixteen numbers."""
    each = []
    for source, row in zip(TASKS, transfers(table, placement), strict=True):
        cells = [
            f"{target} {number(mean)}"
            + (f", published {number(RELEVANCE[placement][source][target])}" if published else "")
            for target, (mean, _, _) in zip(TASKS, row, strict=True)
        ]
        each.append(f"trained on {source}, probed on " + "; ".join(cells))
    return f"Heat map of transfer accuracy, {placement} objects, four networks by four tasks. {'. '.join(each)}."


# ------------------------------------------------------------------------------------------------------------- swapping


def swaps(table: Table, placement: str, published: bool = False) -> go.Figure:
    """For each network its sensitivity to swapping the picture, and to swapping the object."""
    figure = go.Figure()
    for which, (thing, measure) in enumerate(zip(THING, (SWAP_C, SWAP_O), strict=True)):
        values = [told(relevance.swapped(table, placement, source, measure)) for source in TASKS]
        at = [i + (2 * which - 1) * APART for i in range(len(TASKS))]
        name = f"swapping the {THING[thing]}"
        figure.add_trace(_dots(values, at, thing, name, measure))
        if published:
            theirs = [RELEVANCE_SENSITIVITY[placement][source][which] for source in TASKS]
            away = [x + (2 * which - 1) * BESIDE for x in at]
            figure.add_trace(_open(f"{name}, published", away, theirs, thing))
    figure.add_hline(y=1, line={"color": FAINT, "width": 1.5, "dash": "dot"})
    styled(figure, height=440 if published else 400)
    figure.update_xaxes(
        tickvals=list(range(len(TASKS))),
        ticktext=[task.replace(" for ", "<br>for ") for task in TASKS],
        title="trained on …",
        range=[-0.5, 3.5],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        title="sensitivity<br>0 = invariant, 1 = like strangers", range=_from_zero(figure), fixedrange=True
    )
    figure.update_layout(dragmode=False)
    return figure


def _from_zero(figure: go.Figure) -> tuple[float, float]:
    """From 0 (or an interval that reaches below) to beyond every dot and interval."""
    low, high = 0.0, 1.1
    for trace in figure.data:
        for i, value in enumerate(trace.y):
            up, down = trace.error_y.array, trace.error_y.arrayminus
            high = max(high, value + (up[i] if up is not None else 0))
            low = min(low, value - (down[i] if down is not None else 0))
    return low, 1.04 * high


def _dots(values: Sequence[Told], at: Sequence[float], thing: str, name: str, measure: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=list(at),
        y=[mean for mean, _, _ in values],
        mode="markers",
        marker={"symbol": SYMBOL[thing], "size": 13, "color": COLOUR[thing]},
        error_y=error(values),
        customdata=[[label, measure, reach(*value[1:])] for label, value in zip(TASKS, values, strict=True)],
        hovertemplate=f"trained on %{{customdata[0]}}, {name}: %{{y:.2f}}%{{customdata[2]}}<extra></extra>",
    )


def _open(name: str, x: Sequence[float], y: Sequence[float], thing: str) -> go.Scatter:
    look = {"symbol": f"{SYMBOL[thing]}-open", "size": 12, "color": COLOUR[thing], "line": {"width": 2}}
    hover = f"{name}: %{{y:.2f}}<extra></extra>"
    return go.Scatter(name=name, x=list(x), y=list(y), mode="markers", marker=look, hovertemplate=hover)


def _remark(figure: go.Figure, at: float, text: str) -> None:
    figure.add_annotation(
        x=0, xref="paper", xanchor="left", y=at, yanchor="bottom", text=text, showarrow=False,
        font={"size": 12},
    )  # fmt: skip


def swaps_alt(table: Table, placement: str, published: bool = False) -> str:
    """The dots in words."""
    each = []
    for source in TASKS:
        c, o = (float(relevance.swapped(table, placement, source, m).mean()) for m in (SWAP_C, SWAP_O))
        text = f"trained on {source}: picture {number(c)}, object {number(o)}"
        if published:
            theirs = RELEVANCE_SENSITIVITY[placement][source]
            text += f" (published {number(theirs[0])}, {number(theirs[1])})"
        each.append(text)
    return f"Sensitivity to swapping the picture and the object, {placement} objects. {'; '.join(each)}."


# --------------------------------------------------------------------------------------------------------------- sweeps


def sweep(table: Table, placement: str, name: str, probed: str) -> go.Figure:
    """Transfer accuracy on the picture's and on the object's label against the strength of a sweep."""
    figure = go.Figure()
    for thing, target in zip(THING, PROBED[probed], strict=True):
        values = {at: told(found) for at, found in relevance.swept(table, placement, name, target).items()}
        figure.add_trace(
            go.Scatter(
                name=f"naming the {THING[thing]}",
                x=list(values),
                y=[mean for mean, _, _ in values.values()],
                mode="lines+markers",
                line={"color": COLOUR[thing], "dash": DASH[thing], "width": 2.5},
                marker={"symbol": SYMBOL[thing], "size": 11, "color": COLOUR[thing]},
                error_y=error(list(values.values())),
                customdata=[[at, target, reach(low, high)] for at, (_, low, high) in values.items()],
                hovertemplate=f"{name} %{{x:g}}, probed on {target}: %{{y:.2f}}%{{customdata[2]}}<extra></extra>",
            )
        )
    figure.add_hline(y=CHANCE, line={"color": FAINT, "width": 1.5, "dash": "dot"})
    _remark(figure, CHANCE, "guessing")
    styled(figure, height=380)
    figure.update_xaxes(
        title=name, range=[-0.04, 1.04], tickvals=[0, 0.2, 0.4, 0.6, 0.8, 1], fixedrange=True, zeroline=False
    )
    figure.update_yaxes(title="transfer accuracy", range=[0, 1.03], fixedrange=True)
    figure.update_layout(dragmode=False)
    return figure


def sweep_alt(table: Table, placement: str, name: str, probed: str) -> str:
    """The two curves in words."""
    each = []
    for thing, target in zip(THING, PROBED[probed], strict=True):
        points = relevance.swept(table, placement, name, target)
        words = ", ".join(f"{number(float(v.mean()))} at {at:g}" for at, v in points.items())
        each.append(f"naming the {THING[thing]}: {words}")
    return f"Transfer accuracy of networks trained on {FOR_C}, by {name}. {'; '.join(each)}."


def swept_placements(table: Table, name: str) -> list[str]:
    """Where the object stood in the sweeps that were run."""
    return table.where(sweep=name).values_of("placement")


# -------------------------------------------------------------------------------------------------------------- tables


def map_rows(table: Table, placement: str) -> list[Row]:
    """The table behind the map."""
    return [
        {"trained on": source, "probed on": target}
        | spread_out("transfer accuracy", cell)
        | {"published": RELEVANCE[placement][source][target]}
        for source, row in zip(TASKS, transfers(table, placement), strict=True)
        for target, cell in zip(TASKS, row, strict=True)
    ]


def swap_rows(table: Table, placement: str) -> list[Row]:
    """The table behind the dots."""
    return [
        {"trained on": source, "swapped": thing}
        | spread_out("sensitivity", told(relevance.swapped(table, placement, source, measure)))
        | {"published": RELEVANCE_SENSITIVITY[placement][source][which]}
        for source in TASKS
        for which, (thing, measure) in enumerate(zip(THING, (SWAP_C, SWAP_O), strict=True))
    ]


def sweep_rows(table: Table, placement: str) -> list[Row]:
    """The table behind the sweeps, of all four tasks."""
    return [
        {"sweep": name, "strength": strength, "probed on": target} | spread_out("transfer accuracy", told(values))
        for name in SWEEPS
        for target in TASKS
        for strength, values in relevance.swept(table, placement, name, target).items()
    ]


# --------------------------------------------------------------------------------------------------------------- words


def map_notice(table: Table, placement: str) -> str:
    """Two sentences that the numbers themselves decide."""
    never, ignoring = (_mean(table, placement, source, FOR_O) for source in (ONLY_C, FOR_C))
    harm = told(
        relevance.transfer(table, placement, ONLY_C, FOR_O) - relevance.transfer(table, placement, FOR_C, FOR_O)
    )
    kept, lost = (_mean(table, placement, source, FOR_C) for source in (FOR_C, FOR_O))
    return (
        f"Naming the object in a picture: the network that never saw objects gets {number(never)}, the one that "
        f"learned to ignore them {number(ignoring)}: {change(*harm)}. Naming the picture behind an object: trained for "
        f"the picture {number(kept)}, trained for the object {number(lost)}."
    )


def change(loss: float, low: float, high: float) -> str:
    """What a loss of accuracy came to, and whether the seeds are agreed on it."""
    if math.isnan(low):
        return f"a difference of {number(loss, True)} in a single seed"
    reached = reach(low, high)
    if low > 0:
        return f"learning to ignore cost {number(loss)}{reached}"
    if high < 0:
        return f"learning to ignore cost nothing, it gained {number(-loss)}{reach(-high, -low)}"
    return f"a difference of {number(loss, True)}{reached} that the seeds do not agree on"


def _mean(table: Table, placement: str, source: str, target: str) -> float:
    return float(relevance.transfer(table, placement, source, target).mean())


def swap_notice(table: Table, placement: str) -> str:
    """Two sentences that the numbers themselves decide."""
    moved: Callable[[str, str], float] = lambda s, m: float(relevance.swapped(table, placement, s, m).mean())  # noqa: E731
    before, after = moved(ONLY_C, SWAP_O), moved(FOR_C, SWAP_O)
    step = "hardly changed" if abs(after - before) < 0.01 else "lowered" if after < before else "raised"
    return (
        f"Trained on the same images, the network that names the picture moves by {number(moved(FOR_C, SWAP_C))} when "
        f"the picture is swapped and by {number(after)} when the object is, the one that names the object by "
        f"{number(moved(FOR_O, SWAP_C))} and {number(moved(FOR_O, SWAP_O))}. Seeing objects that do not matter {step} "
        f"the sensitivity to them: {number(after)}, against {number(before)} of the network trained on {ONLY_C} alone."
    )


def sweep_notice(table: Table, placement: str, probed: str) -> str:
    """A sentence for each sweep, of the object's label; true whatever came out."""
    each = []
    for name in SWEEPS:
        points = relevance.swept(table, placement, name, PROBED[probed][1])
        if len(points) > 1:
            (first, start), *_, (last, end) = points.items()
            mean, low, high = told(end - start)
            each.append(
                f"From {name} {first:g} to {last:g}, naming the object goes from {number(float(start.mean()))} to "
                f"{number(float(end.mean()))} ({number(mean, True)}{reach(low, high)})."
            )
    return " ".join(each)


# --------------------------------------------------------------------------------------------------------------- words


PLACEMENT_WORDS = {
    "fixed": "The object always stands in the upper right corner.",
    "translated": "The object stands anywhere in the picture.",
}
PICTURES = {
    things.NAME: "**C**, the picture, shows **small drawn things of one of ten kinds**, where the paper has CIFAR-10, "
    "which was not on the machine that computed these results. As there, only shapes tell the class.",
    "pictures": "**C**, the picture, is one of **ten classes of drawn scenes**: colours and textures tell the class, "
    "and whoever names scenes needs to know no object.",
    "cifar10": "**C**, the picture, is a photograph of **CIFAR-10**, as in the paper.",
}
GUESSING = f"Guessing gets {CHANCE:.2f}: there are ten classes of each."
MAP_LEAD = (
    "**Transfer accuracy**: each row is a network, each column the task that a linear probe is fitted for on its "
    "frozen representation; framed in blue is the task the network was trained on. *C+O for O* reads: a picture "
    f"with an object on it, and the object is to be named. {GUESSING}"
)
BRACKETS = "In brackets: the published values, of ResNet-18, C from CIFAR-10."
SWAPS_LEAD = (
    "Two images that differ in the picture alone, or in the object alone: how far does the representation move, "
    "beside the distance of two random images? 0: the network ignores what was swapped. 1: nothing else counts."
)


def pictures_told(pictures: str) -> str:
    """What C and O are."""
    return f"{PICTURES[pictures]} **O** is one of ten small drawn objects on it."


def sweeps_lead(placement: str, pictures: str) -> str:
    """What the two sweeps show."""
    return (
        f"Networks trained on *{relevance.FOR_C}*, {placement} objects; C is a picture of {relevance.WORDS[pictures]}. "
        f"**Correlation** is {SWEEPS['correlation']}, **availability** {SWEEPS['availability']}. {GUESSING}"
    )
