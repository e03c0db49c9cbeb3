"""Responses: how networks answer as a transformation's parameter grows, and where inside them invariance arises."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import streamlit as st

from invlab import records
from invlab.figures import responses as figures
from invlab.figures.responses import Line
from invlab.files import StoreError
from invlab.responses import Along, Neighbourhoods, Response
from invlab.studies import instruments as asked
from invlab.studies.claims import number
from invlab.studies.instruments import CURVE_IMAGES, CURVE_POINTS, LAYER_PAIRS
from invlab.studies.singles import FAMILIES, NONE, Singles
from invlab.transforms import TRANSFORMS, Axis
from invlab.ui import gallery, hover, instruments, live, page, twin_pairs
from invlab.ui.gallery import amount, axis_name
from invlab.ui.words import words

MAP_POINTS = 13  # along each side of a map
ORBIT_POINTS, OBJECTS = 60, 12  # values of each object, objects
MAP_IMAGES = 32
SHOWN = 4  # pairs in a row
STRIP = 9  # pictures of one object
COMMAND = "python -m invlab bundle build"
AXES: dict[str, tuple[str, Axis]] = {
    f"{page.family_name(name)}: {axis.parameter}" if len(t.axes) > 1 else page.family_name(name): (name, axis)
    for name, t in TRANSFORMS.items()
    for axis in t.axes
}


def along(what: str, points: int) -> Along:
    family, axis = AXES[what]
    return asked.along(family, axis.parameter, points)


def long_name(what: str) -> str:
    """`rotate: angle (°)`."""
    family, axis = AXES[what]
    return f"{page.family_name(family)}: {axis_name(axis)}"


def response(source: str, domain: str, *ways: Along) -> Response:
    images = CURVE_IMAGES if len(ways) == 1 else MAP_IMAGES
    return asked.curve(Singles(), source, untransformed(domain), *ways, images=images)


def untransformed(domain: str) -> Any:
    return instruments.task(domain, NONE)


def lines_of(sources: list[str], families: list[str]) -> list[Line]:
    return figures.lines({instruments.name_of(s): instruments.kind_of(s, families) for s in sources})


def measured(specs: list[Any]) -> list[dict[str, Any]]:
    with st.spinner("Drawing the images and showing them to the networks …"):
        return instruments.measured(specs)


# ----------------------------------------------------------------------------------------------------------- one curve


def one_parameter() -> None:
    left, right = st.columns([3, 2])
    what = left.selectbox("Parameter", list(AXES), index=list(AXES).index("rotate"), key="vary", bind="query-params")
    family, axis = AXES[what]
    with right:
        which = instruments.domain()
    sources = instruments.networks(family)
    way = along(what, CURVE_POINTS)
    at = looked_at(way, axis)
    specs = [response(source, which, way) for source in sources]
    results = measured(specs)
    drawn = lines_of(sources, [family])
    st.markdown(f"{figures.curve_lead(long_name(what), CURVE_IMAGES)} *Click a point to see the pictures behind it.*")
    still = TRANSFORMS[family].identity[axis.parameter]
    plot = figures.curves(drawn, results, long_name(what), still, at)

    def clicked() -> None:
        for point in st.session_state["curve"].selection.points[:1]:
            value = (point.get("customdata") or [None])[0]
            if value in way.values:  # what comes from a browser is checked
                st.session_state[look_key(way)] = value

    page.figure(
        plot, "curve", figures.curves_alt(drawn, results, long_name(what)), on_select=clicked, selection_mode="points"
    )
    strip(specs[0], 0, "the first object", what)
    page.notice(curve_notice(sources, results, axis, way))
    pairs(specs[0], sources[0], amount(axis, at), (at,))
    page.behind(
        "response-curve",
        figures.rows(drawn, results, [axis_name(axis)]),
        [records.plain(spec) for spec in specs],
        plot,
        command=COMMAND,
        specs=specs,
    )


def look_key(way: Along, where: str = "") -> str:
    return f"look{where}_{way.family}_{way.parameter}"


def looked_at(way: Along, axis: Axis) -> float:
    """The value whose pictures are shown: a slider, which a click on the figure moves too."""
    start = gallery.start_value(TRANSFORMS[way.family], axis)
    return st.select_slider(
        f"Look at {axis_name(axis)}",
        way.values,
        value=min(way.values, key=lambda value: abs(value - start)),
        format_func=lambda value: amount(axis, value),
        key=look_key(way),
        bind="query-params",
    )


def strip(response: Response, index: int, name: str, what: str) -> None:
    """A test image along the parameter, by its index."""
    gallery.wait_until_ready(response.task)
    few, axis = along(what, STRIP), AXES[what][1]
    pictures = instruments.pictures_at(records.key(response), response, index, few.values)
    words = [amount(axis, value) for value in few.values]
    gallery.tiles(
        [gallery.Tile(png, word, f"{name} at {word}") for png, word in zip(pictures, words, strict=True)], "il-strip"
    )


def curve_notice(sources: list[str], results: list[dict[str, Any]], axis: Axis, way: Along) -> str:
    """Where each network has moved most: decided by the numbers."""
    told = []
    for source, result in zip(sources, results, strict=True):
        most = max(range(len(way.values)), key=result["sensitivity"].__getitem__)
        told.append(
            f"the network {instruments.name_of(source)} moves at most **{number(result['sensitivity'][most])}** "
            f"(at {amount(axis, way.values[most])})"
        )
    first = "; ".join(told)
    second = "0 is where nothing changes; a flat line is invariance, a line that climbs to 1 has lost the object."
    return f"{first[0].upper()}{first[1:]}. {second}"


def pairs(spec: Response, source: str, words: str, at: tuple[float, ...]) -> None:
    """The pictures behind one point, by distance, for the first network."""
    st.header("Behind the point: before and after", anchor=False)
    gallery.wait_until_ready(spec.task)
    found, distances = instruments.pairs_at(records.key(spec), spec, at)
    mean = sum(distances) / len(distances)
    st.markdown(
        f"The network **{instruments.name_of(source)}** sees {len(found)} objects before and after {words}: "
        f"{number(mean)} apart on average, where strangers lie 1."
    )
    st.markdown("**Moved least**")
    instruments.gallery(found[:SHOWN])
    st.markdown("**Moved most**")
    instruments.gallery(found[::-1][:SHOWN])
    st.caption("The number below a pair is its distance, in units of the strangers' mean distance.")


# -------------------------------------------------------------------------------------------------------------- a map


def two_parameters() -> None:
    options = [what for what, (_, axis) in AXES.items() if not gallery.is_switch(axis)]
    left, middle, right = st.columns([2, 2, 2])
    names = {kind: page.family_name("translate") + f": {kind}" for kind in ("x", "y")}
    across = left.selectbox("Across", options, index=options.index(names["x"]), key="across", bind="query-params")
    rest = [what for what in options if what != across]
    up = middle.selectbox(
        "Up", rest, index=rest.index(names["y"]) if names["y"] in rest else 0, key="up", bind="query-params"
    )
    with right:
        which = instruments.domain()
    families = list(dict.fromkeys((AXES[across][0], AXES[up][0])))
    sources = instruments.networks(families[0])[:3]
    ways = along(across, MAP_POINTS), along(up, MAP_POINTS)
    specs = [response(source, which, *ways) for source in sources]
    results = measured(specs)
    drawn = lines_of(sources, families)
    axes = long_name(across), long_name(up)
    st.markdown(
        "**Two parameters at once**: light where the network still sees the same thing, dark where the object has "
        "become as far from itself as a stranger. All maps share one scale."
    )
    top = figures.largest(results)
    at, show_pairs = map_point(ways, across, up)

    def clicked(key: str) -> None:
        for point in st.session_state[key].selection.points[:1]:
            for way, value in zip(ways, point.get("customdata") or (), strict=False):
                if value in way.values:  # what comes from a browser is checked
                    st.session_state[look_key(way, "map")] = value

    plots = [figures.map_of(line, result, axes, top, at) for line, result in zip(drawn, results, strict=True)]
    for place, plot, line, result in zip(st.columns(len(drawn)), plots, drawn, results, strict=True):
        key = f"map-{line.name}"
        with place:
            page.figure(
                plot, key, figures.map_alt(line, result, axes),
                on_select=functools.partial(clicked, key), selection_mode="points",
            )  # fmt: skip
    show_pairs(specs[0], sources[0])
    means = {
        instruments.name_of(source): sum(result["sensitivity"]) / len(result["sensitivity"])
        for source, result in zip(sources, results, strict=True)
    }
    least = min(means, key=means.__getitem__)
    page.notice(
        f"Averaged over the map, the network {least} moves least: {number(means[least])}"
        + "".join(f"; {name}: {number(mean)}" for name, mean in means.items() if name != least)
        + ". A bright bar along one axis means: invariant to that parameter as long as the other stays put."
    )
    page.behind(
        "response-map",
        figures.rows(drawn, results, list(axes)),
        [records.plain(spec) for spec in specs],
        plots,
        command=COMMAND,
        specs=specs,
    )


def map_point(ways: tuple[Along, Along], across: str, up: str) -> tuple[Any, Callable[[Response, str], None]]:
    """The chosen point of a map, by two sliders that a click moves too; and what shows its pairs, to be called below
    the maps."""
    values = []
    for way, what, place in zip(ways, (across, up), st.columns(2), strict=True):
        axis = AXES[what][1]
        start = gallery.start_value(TRANSFORMS[way.family], axis)
        values.append(
            place.select_slider(
                f"Look at {long_name(what)}",
                way.values,
                value=min(way.values, key=lambda value, start=start: abs(value - start)),
                format_func=functools.partial(amount, axis),
                key=look_key(way, "map"),
                bind="query-params",
            )
        )

    def show(spec: Response, source: str) -> None:
        words = ", ".join(f"{what} {amount(AXES[what][1], v)}" for what, v in zip((across, up), values, strict=True))
        pairs(spec, source, words, tuple(values))

    return tuple(values), show


# ----------------------------------------------------------------------------------------------------- neighbourhoods


def orbits() -> None:
    left, middle, right = st.columns([2, 2, 2])
    options = [what for what, (_, axis) in AXES.items() if not gallery.is_switch(axis)]
    what = left.selectbox("Parameter", options, index=options.index("rotate"), key="orbit", bind="query-params")
    family, axis = AXES[what]
    with middle:
        by = gallery.segments("Colour", ("object", "value"), "object", "colour")
    with right:
        which = instruments.domain()
    sources = instruments.networks(family)[:3]
    task, way = untransformed(which), along(what, ORBIT_POINTS)
    count = min(OBJECTS, len(task.classes))
    specs = [Neighbourhoods(Singles().training(s, instruments.SEED), task, way, count) for s in sources]
    results = measured(specs)
    names = instruments.names_at(task, results[0]["indices"])
    st.markdown(
        f"**Neighbourhoods**: {count} objects, each at {len(way.values)} values of {long_name(what)}, on the plane "
        "in which this network's representations differ most. A line is one object: a tight knot is invariance, a long "
        "line that crosses others is not. *Hover to see the picture, click to see its object below.*"
    )

    def clicked(key: str) -> None:
        for point in st.session_state[key].selection.points[:1]:
            value = (point.get("customdata") or [None])[0]
            if value in names:  # what comes from a browser is checked
                st.session_state["shown_object"] = value

    plots = []
    for place, source, result in zip(st.columns(len(sources)), sources, results, strict=True):
        name, key = instruments.name_of(source), f"orbits-{source}"
        circular = TRANSFORMS[family].varies == "angle"
        plot = figures.orbits(name, result, names, way.values, by == "value", axis.unit, circular)
        plots.append(plot)
        with place:
            page.figure(
                plot, key, figures.orbits_alt(name, result), on_select=functools.partial(clicked, key),
                selection_mode="points",
            )  # fmt: skip
    indices = tuple(results[0]["indices"])
    gallery.wait_until_ready(task)
    cells = instruments.orbit_sheet(records.key(specs[0]), specs[0].response(), indices)
    first = {name: number * len(way.values) for number, name in enumerate(names)}
    hover.pictures(cells, (task.size, task.size), first, "orbits-hover")
    shown = st.selectbox("Object", names, key="shown_object", bind="query-params")
    strip(specs[0].response(), results[0]["indices"][names.index(shown)], shown, what)
    shares = {instruments.name_of(s): figures.spread_of(r) for s, r in zip(sources, results, strict=True)}
    told = ", ".join(f"{name}: {share:.0%}" for name, share in shares.items())
    page.notice(
        f"How much of each picture is movement along the parameter, not distance between objects: {told}. Each network "
        "has a plane of its own, so compare shapes, not places."
    )
    rows = [
        {"network": instruments.name_of(source), "object": name, axis_name(axis): value, "x": x, "y": y}
        for source, result in zip(sources, results, strict=True)
        for name, places in zip(names, result["places"], strict=True)
        for value, (x, y) in zip(way.values, places, strict=True)
    ]
    page.behind("neighbourhoods", rows, [records.plain(spec) for spec in specs], plots, COMMAND, specs)


# ------------------------------------------------------------------------------------------------------------- layers


def by_layer() -> None:
    left, right = st.columns([3, 2])
    family = left.selectbox(
        "Under", FAMILIES, index=FAMILIES.index("rotate"), format_func=page.family_name, key="family",
        bind="query-params",
    )  # fmt: skip
    with right:
        which = instruments.domain()
    sources = instruments.networks(family)
    pooled = st.toggle(
        "Average over positions first",
        key="pooled",
        bind="query-params",
        help="An activation that merely moves along with the object is not invariant, but its average over positions "
        "is.",
    )
    task = instruments.task(which, family)
    specs = [asked.layers(Singles(), source, task) for source in sources]
    results = measured(specs)
    drawn = lines_of(sources, [family])
    st.markdown(
        "**Where does invariance arise?** Sensitivity after each stage of the network, beginning with the images "
        f"themselves; {LAYER_PAIRS} twin pairs, bars: 95 % intervals."
    )
    plot = figures.layers(drawn, results, pooled)
    page.figure(plot, "layers", figures.layers_alt(drawn, results, pooled))
    page.notice(layer_notice(sources, results, pooled))
    which = st.selectbox(
        "Twins as they are seen by the network",
        sources,
        format_func=instruments.name_of,
        key="pairs_of",
        bind="query-params",
    )
    twin_pairs.section(twin_pairs.behind(specs[sources.index(which)]), f"the network **{instruments.name_of(which)}**")
    page.behind(
        "layers",
        figures.layer_rows(drawn, results),
        [records.plain(spec) for spec in specs],
        plot,
        command=COMMAND,
        specs=specs,
    )


def layer_notice(sources: list[str], results: list[dict[str, Any]], pooled: bool) -> str:
    """From the images to the representation, and the stage after which most is gained."""
    value = "pooled" if pooled else "sensitivity"
    told = []
    for source, result in zip(sources, results, strict=True):
        seen = [row[value] for row in result["stages"]]
        steps = [before - after for before, after in itertools.pairwise(seen)]
        best = max(range(len(steps)), key=steps.__getitem__)
        gained = f", most of it at {result['stages'][best + 1]['stage']}" if seen[0] - seen[-1] > 0.02 else ""
        told.append(f"{instruments.name_of(source)}: {number(seen[0])} → **{number(seen[-1])}**{gained}")
    return f"From the images to the representation: {'; '.join(told)}."


VIEWS: dict[str, Callable[[], None]] = {
    "curve": one_parameter,
    "map": two_parameters,
    "orbits": orbits,
    "layers": by_layer,
}
WORDS = {"curve": "One parameter", "map": "Two parameters", "orbits": "Neighbourhoods", "layers": "Layer by layer"}

page.title(
    "Responses",
    "How far can an object be changed before a network takes it for another, and where inside does that arise?",
)
words("response curve", "orbit", "stage", "representation", "equivariance")
view = gallery.segments("Show", tuple(VIEWS), "curve", "view", WORDS)
try:
    VIEWS[view]()
except instruments.NoWeightsError:
    page.not_there("One of these networks", COMMAND)
except (StoreError, OSError) as error:
    live.guarded(error)
except ValueError as error:  # what a visitor brought may be gone, or too little
    st.warning(page.escaped(page.sentence(error)), icon=":material/error:")
