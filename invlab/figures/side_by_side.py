"""The figures of the page *Side by side*: two networks over all families, on single images, and what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from invlab.figures import COLOURS, error_bars, styled, targets
from invlab.figures.measures import AGREEMENT_SCALE
from invlab.figures.mismatch import cells
from invlab.figures.sensitivity import name_of
from invlab.studies.claims import number
from invlab.words import network_name

MARKS = {"A": "circle", "B": "diamond"}
CHOSEN = "#d62728"
PAIRS = "pairs"  # the trace of `images`
Row = dict[str, Any]


# ------------------------------------------------------------------------------------------------------- all families


def families(rows: Sequence[Row], names: Mapping[str, str], chosen: str) -> go.Figure:
    """For each family the sensitivity of A (circle) and of B (diamond), joined by a line, the largest gap on top.

    rows: `family`, and for A and B the value, `low`, `high` and `kind`; names: what A and B are called. A point's
    custom data begin with its family.
    """
    order = sorted(rows, key=lambda row: row["B"] - row["A"])
    labels = [name_of(row["family"]) for row in order]
    figure = go.Figure()
    for row, label in zip(order, labels, strict=True):
        figure.add_trace(
            go.Scatter(
                x=[row["A"], row["B"]],
                y=[label, label],
                mode="lines",
                line={"color": COLOURS["none"], "width": 2},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    for which, symbol in MARKS.items():
        figure.add_trace(
            go.Scatter(
                name=which,
                x=[row[which] for row in order],
                y=labels,
                mode="markers",
                marker={
                    "symbol": symbol,
                    "size": 12,
                    "color": [COLOURS[row[f"{which} kind"]] for row in order],
                    "line": {"width": 1, "color": "white"},
                },
                showlegend=False,
                error_x=error_bars(
                    [row[which] for row in order], [(row[f"{which} low"], row[f"{which} high"]) for row in order]
                )
                | {"color": COLOURS["none"]},
                customdata=[
                    [row["family"], f"{number(row[f'{which} low'])} to {number(row[f'{which} high'])}"] for row in order
                ],
                hovertemplate=f"{which}, %{{y}}: <b>%{{x:.2f}}</b> [%{{customdata[1]}}]<extra></extra>",
            )
        )
    for which, symbol in MARKS.items():  # the colours say something else: same, other, none
        marker = {"symbol": symbol, "size": 12, "color": COLOURS["none"]}
        figure.add_trace(go.Scatter(name=f"{which}: {names[which]}", x=[None], y=[None], mode="markers", marker=marker))
    at = labels[[row["family"] for row in order].index(chosen)]
    figure.add_hline(at, line={"color": CHOSEN, "width": 1, "dash": "dot"}, layer="below")
    styled(figure, height=130 + 27 * len(rows))
    top = max(1.0, *(row[f"{which} high"] for row in rows for which in MARKS))
    figure.update_xaxes(title="sensitivity (0 = invariant)", range=[0, 1.05 * top], fixedrange=True, zeroline=False)
    figure.update_yaxes(fixedrange=True, showgrid=True)
    figure.update_layout(dragmode=False, hovermode="closest", clickmode="event+select")
    return figure


def families_alt(rows: Sequence[Row], names: Mapping[str, str]) -> str:
    """The same in words."""
    told = "; ".join(f"{row['family']}: {number(row['A'])} and {number(row['B'])}" for row in rows)
    return f"Sensitivity of A ({names['A']}) and B ({names['B']}) to each family. {told}."


# --------------------------------------------------------------------------------------------------------- every image


def images(result: Mapping[str, Any], names: Sequence[str], chosen: int | None = None) -> go.Figure:
    """Each twin pair as a point: how far apart A sees its two pictures, and how far B; `names` of the objects.

    A point's custom data begin with its image. Pairs of the same picture twice are left out: they lie at 0.
    """
    a, b = result["distance"]
    shown = [i for i in range(len(a)) if i not in set(result["identical"])]
    top = 1.05 * max([1.0, *a, *b])
    figure = go.Figure(
        go.Scatter(
            x=[0, top],
            y=[0, top],
            mode="lines",
            line={"color": COLOURS["none"], "dash": "dot", "width": 1},
            hoverinfo="skip",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Scatter(
            name=PAIRS,
            x=[a[i] for i in shown],
            y=[b[i] for i in shown],
            mode="markers",
            marker={"size": 8, "color": COLOURS["none"], "opacity": 0.75},
            customdata=[[i, names[i]] for i in shown],
            hovertemplate="%{customdata[1]}<br>A: %{x:.2f}, B: %{y:.2f}<extra></extra>",
            showlegend=False,
        )
    )
    if chosen is not None:
        figure.add_trace(
            go.Scatter(
                x=[a[chosen]],
                y=[b[chosen]],
                mode="markers",
                marker={"size": 15, "color": CHOSEN, "symbol": "circle-open", "line": {"width": 3}},
                hoverinfo="skip",
                showlegend=False,
            )
        )
    for side, y, above, text in (("right", 0.02, "bottom", "B holds them for the same,<br>A does not"),
                                 ("left", 1.0, "bottom", "A holds them for the same,<br>B does not")):  # fmt: skip
        figure.add_annotation(
            text=text, xref="paper", yref="paper", x=0 if side == "left" else 1, y=y, yanchor=above, xanchor=side,
            align=side, showarrow=False, font={"size": 12},
        )  # fmt: skip
    styled(figure, height=480)
    figure.update_layout(margin={"t": 44})
    figure.update_xaxes(
        title="distance of the twins, as A sees them<br>(strangers: 1)", range=[0, top], fixedrange=True
    )
    figure.update_yaxes(title="as B sees them", range=[0, top], fixedrange=True)
    figure.update_layout(dragmode=False, hovermode="closest", clickmode="event+select")
    return figure


def images_alt(result: Mapping[str, Any]) -> str:
    """The same in words."""
    a, b = (np.array(values) for values in result["distance"])
    return (
        f"Scatter of {len(a)} twin pairs: distance as A and as B sees them. Mean {number(a.mean())} and "
        f"{number(b.mean())}; farther apart to A in {int((a > b).sum())}, to B in {int((b > a).sum())}."
    )


# ---------------------------------------------------------------------------------------------------- what they share


def shared(result: Mapping[str, Any], i: int, j: int) -> go.Figure:
    """How far B ignores what A ignores, and the other way round, each beside its value for sharing nothing."""
    labels = ["Does B ignore<br>what A ignores?", "Does A ignore<br>what B ignores?"]
    values = [result["stir"][i][j], result["stir"][j][i]]
    figure = go.Figure(
        go.Bar(
            name="shared invariance",
            x=values,
            y=labels,
            orientation="h",
            marker={"color": COLOURS["same"]},
            error_x=error_bars(values, [result["interval"][i][j], result["interval"][j][i]]),
            text=[number(value) for value in values],
            textposition="inside",
            insidetextanchor="middle",
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    figure.add_trace(
        go.Scatter(
            name="if nothing were shared",
            x=[result["chance"][i][j], result["chance"][j][i]],
            y=labels,
            mode="markers",
            marker={"symbol": "line-ns", "size": 32, "line": {"width": 3, "color": COLOURS["none"]}},
            hovertemplate="nothing shared: %{x:.2f}<extra></extra>",
        )
    )
    styled(figure, height=230)
    figure.update_xaxes(title="STIR (1 = all of it)", range=[0, 1], fixedrange=True)
    figure.update_yaxes(autorange="reversed", fixedrange=True)
    figure.update_layout(dragmode=False, bargap=0.45)
    return figure


def shared_alt(result: Mapping[str, Any], i: int, j: int) -> str:
    """The same in words."""
    return (
        f"B shares {number(result['stir'][i][j])} of A's invariances (nothing shared: "
        f"{number(result['chance'][i][j])}), A {number(result['stir'][j][i])} of B's "
        f"({number(result['chance'][j][i])})."
    )


def matrix(result: Mapping[str, Any], networks: Sequence[str], chosen: tuple[str, str] | None = None) -> go.Figure:
    """Who ignores what whom ignores, light = shared. A point's custom data begin with the two networks."""
    found = np.array(result["stir"])
    off = found[~np.eye(len(found), dtype=bool)]
    limits = (0.0, float(off.max()) if len(off) else 1.0)
    texts = [[number(value) for value in row] for row in found]
    at = {"x": list(range(len(networks))), "y": list(range(len(networks)))}
    figure = go.Figure(cells(np.minimum(found, limits[1]), AGREEMENT_SCALE, limits, texts, hovertext=texts, **at))
    pairs = [(i, j) for i in range(len(networks)) for j in range(len(networks))]
    hover = [
        f"trained for {name_of(networks[j])}: shares {texts[i][j]} of what the one trained for {name_of(networks[i])} "
        "ignores"
        for i, j in pairs
    ]
    both = [(networks[i], networks[j]) for i, j in pairs]
    figure.add_trace(targets([j for _, j in pairs], [i for i, _ in pairs], both, hover, 22))
    if chosen:
        i, j = (networks.index(name) for name in chosen)
        box = {"x0": j - 0.5, "x1": j + 0.5, "y0": i - 0.5, "y1": i + 0.5}
        figure.add_shape(type="rect", **box, line={"color": CHOSEN, "width": 3, "dash": "dot"})
    styled(figure, height=170 + 27 * len(networks))
    short = [name_of(name) for name in networks]
    plain = {"showgrid": False, "zeroline": False, "fixedrange": True}
    figure.update_xaxes(
        tickvals=at["x"], ticktext=short, tickangle=-90, side="top", title="does this network ignore it, too?", **plain
    )
    figure.update_yaxes(
        tickvals=at["y"],
        ticktext=short,
        title="what this network ignores",
        range=[len(networks) - 0.5, -0.5],
        **plain,
    )
    figure.update_layout(dragmode=False, hovermode="closest", clickmode="event+select")
    return figure


def matrix_alt(result: Mapping[str, Any], networks: Sequence[str]) -> str:
    """The same in words: the pairs that share most and least."""
    pairs = ordered(result, networks)
    told = [f"{j} shares {number(value)} of what {i} ignores" for value, i, j in (pairs[-1], pairs[0])]
    return f"Heat map of shared invariance between {len(networks)} networks. Most: {told[0]}; least: {told[1]}."


def ordered(result: Mapping[str, Any], networks: Sequence[str]) -> list[tuple[float, str, str]]:
    """(value, whose invariances, who shares them), the least first; no network with itself."""
    return sorted(
        (value, a, b)
        for a, row in zip(networks, result["stir"], strict=True)
        for b, value in zip(networks, row, strict=True)
        if a != b
    )


def shared_rows(result: Mapping[str, Any], networks: Sequence[str]) -> list[Row]:
    """The table behind both."""
    return [
        {
            "ignored by": a,
            "also by": b,
            "shared": round(result["stir"][i][j], 4),
            "low": round(result["interval"][i][j][0], 4),
            "high": round(result["interval"][i][j][1], 4),
            "nothing shared": round(result["chance"][i][j], 4),
            "residual of the search": round(result["residual"][i], 4),
        }
        for i, a in enumerate(networks)
        for j, b in enumerate(networks)
    ]


# --------------------------------------------------------------------------------------------------------------- words

SHARED_LEAD = (
    "**Do they ignore the same?** For each image a *double* was searched: a picture, from noise, that one network "
    "cannot tell from the image. If the *other* network cannot tell the two apart either, it shares that "
    "invariance. The answer depends on who is asked: who ignores less cannot follow who ignores more."
)


def shared_told(result: Mapping[str, Any]) -> str:
    """How shared invariance was measured."""
    return (
        "STIR (Nanda et al., ICML 2022): linear CKA of the second network's representations of images and doubles; "
        f"{result['images']} new objects, networks of seed 0. Grey stroke: the same for doubles of other images. 95 % "
        "intervals over images. The table tells how near the doubles came: *residual*, where strangers are 1."
    )


def most_shared(result: Mapping[str, Any], networks: Sequence[str]) -> str:
    """Who shares most in the whole matrix."""
    value, a, b = ordered(result, networks)[-1]
    return (
        f"Of all pairs most is shared by the network {network_name(b)} with the one {network_name(a)}: {number(value)}."
    )
