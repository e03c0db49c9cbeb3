"""Side by side: two networks, what each of them ignores, and the images on which they disagree."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from invlab import records
from invlab.disagreement import Disagreement
from invlab.export import as_png
from invlab.figures import responses as curves
from invlab.figures import side_by_side as figures
from invlab.files import StoreError
from invlab.jobs import QueueError
from invlab.studies import claims
from invlab.studies import instruments as asked
from invlab.studies.claims import number
from invlab.studies.information import DECODED, NAMED
from invlab.studies.singles import DOMAINS, FAMILIES, NONE, SOURCES, Singles
from invlab.transforms import TRANSFORMS
from invlab.ui import cached, gallery, heatmap, hover, instruments, live, own, page, study
from invlab.ui.gallery import axis_name
from invlab.ui.words import words

COMMAND = "python -m invlab bundle build"
SHOWN = 4  # pairs in a row
DIFFERENT = 0.02  # in sensitivity: less is the same


@dataclass(frozen=True)
class Choice:
    """Network A, network B (what they were trained for), and the family in question, on `new` or `training` objects."""

    a: str
    b: str
    family: str
    domain: str

    @property
    def names(self) -> dict[str, str]:
        return {"A": instruments.name_of(self.a), "B": instruments.name_of(self.b)}

    def trainings(self) -> tuple[Any, Any]:
        return tuple(Singles().training(source, instruments.SEED) for source in (self.a, self.b))

    def task(self, family: str) -> Any:
        return instruments.task(self.domain, family)


def controls() -> Choice:
    first, second, third, fourth = st.columns([2, 2, 2, 3])
    picked = [
        place.selectbox(
            f"Network {which} trained for",
            SOURCES,
            index=SOURCES.index(start),
            format_func=page.family_name,
            key=f"network_{which.lower()}",
            bind="query-params",
        )
        for place, which, start in ((first, "A", "rotate"), (second, "B", "hue"))
    ]
    family = third.selectbox(
        "Family", FAMILIES, index=FAMILIES.index("rotate"), format_func=page.family_name, key="family",
        bind="query-params", help="What is done to the objects: one line of the figure of all families.",
    )  # fmt: skip
    with fourth:
        return Choice(*picked, family, instruments.domain())


# ------------------------------------------------------------------------------------------------------- all families


def every_family(chosen: Choice) -> None:
    summary = cached.singles()
    if summary is None:
        page.not_there("The study of one network for each family", COMMAND)
        return
    if chosen.domain not in DOMAINS:
        st.caption("These numbers are of the lab's own new objects; *One family* and *Images* show yours.")
    grid = claims.grid(summary, chosen.domain if chosen.domain in DOMAINS else "new")
    rows = [
        {"family": family}
        | {
            f"{which}{end}": value
            for which, source in (("A", chosen.a), ("B", chosen.b))
            for end, value in zip(
                ("", " low", " high", " kind"),
                (*grid.at(source, family), instruments.kind_of(source, (family,))),
                strict=True,
            )
        }
        for family in FAMILIES
    ]
    st.markdown(
        f"**What does each ignore?** Circle: A, {chosen.names['A']}; diamond: B, {chosen.names['B']}. Blue: trained "
        "for this very family; to the left is more invariant; 95 % intervals over "
        f"{summary['seeds']} seeds. *Click a point to choose its family.*"
    )
    plot = figures.families(rows, chosen.names, chosen.family)
    instruments.choosing(plot, "families-figure", figures.families_alt(rows, chosen.names), "family", FAMILIES)
    page.notice(family_notice(rows, chosen))
    page.behind("side-by-side-families", rows, records.plain(Singles()) | recipe(chosen), plot, COMMAND, [Singles()])


def family_notice(rows: list[figures.Row], chosen: Choice) -> str:
    """How often either is the more invariant one, and where they differ most."""
    gaps = {row["family"]: row["B"] - row["A"] for row in rows}
    a, b = (sum(sign * gap > DIFFERENT for gap in gaps.values()) for sign in (1, -1))
    most = max(gaps, key=lambda family: abs(gaps[family]))
    row = next(row for row in rows if row["family"] == most)
    alike = len(rows) - a - b
    return (
        f"A is the more invariant one to {a} families, B to {b}"
        + (f"; to {alike} they differ by at most {number(DIFFERENT)}" if alike else "")
        + f". They differ most under *{page.family_name(most)}*: {number(row['A'])} against "
        f"{number(row['B'])}."
    )


def recipe(chosen: Choice) -> dict[str, str]:
    return {"A": chosen.a, "B": chosen.b, "family": chosen.family, "objects": chosen.domain}


# --------------------------------------------------------------------------------------------------------- one family


def one_family(chosen: Choice) -> None:
    axis = TRANSFORMS[chosen.family].axes[0]
    way, sources = asked.along(chosen.family, axis.parameter), (chosen.a, chosen.b)
    answers = [asked.curve(Singles(), source, chosen.task(NONE), way) for source in sources]
    staged = [asked.layers(Singles(), source, chosen.task(chosen.family)) for source in sources]
    with st.spinner("Drawing the images and showing them to the networks …"):
        found = instruments.measured([*answers, *staged])
    along, layers = found[:2], found[2:]
    kinds = {f"{which}: {name}": instruments.kind_of(source, (chosen.family,))
             for (which, name), source in zip(chosen.names.items(), (chosen.a, chosen.b), strict=True)}  # fmt: skip
    drawn = curves.lines(kinds)
    name = f"{page.family_name(chosen.family)}: {axis_name(axis)}"
    st.markdown(f"**As {name} grows**: how far an object is then from itself; strangers are 1 apart.")
    plot = curves.curves(drawn, along, name, TRANSFORMS[chosen.family].identity[axis.parameter])
    page.figure(plot, "curve", curves.curves_alt(drawn, along, name))
    st.markdown("**Layer by layer**: sensitivity after each stage of both networks.")
    staircase = curves.layers(drawn, layers, pooled=False)
    page.figure(staircase, "layers", curves.layers_alt(drawn, layers, pooled=False))
    rows = known(chosen)
    if rows:
        st.markdown(f"**What each still knows** of *{page.family_name(chosen.family)}*, mean over seeds:")
        st.dataframe(rows, hide_index=True, width="stretch")
    ends = [result["stages"][-1]["sensitivity"] for result in layers]
    more = "A" if ends[0] < ends[1] - DIFFERENT else "B" if ends[1] < ends[0] - DIFFERENT else ""
    page.notice(
        f"At their end A has a sensitivity of {number(ends[0])} and B of {number(ends[1])}: "
        + (f"{more} ignores *{page.family_name(chosen.family)}* more" if more else "they ignore it alike")
        + ". Where the two lines of the layers part, one of them begins to ignore what the other keeps."
    )
    elsewhere(chosen)
    page.behind(
        "side-by-side-family",
        curves.rows(drawn, along, [axis_name(axis)]),
        recipe(chosen) | {"specs": [records.plain(spec) for spec in (*answers, *staged)]},
        [plot, staircase],
        COMMAND,
        [*answers, *staged],
    )


def elsewhere(chosen: Choice) -> None:
    """Links to the other instruments, with the same two networks."""
    family, axes = page.family_name(chosen.family), TRANSFORMS[chosen.family].axes
    what = f"{family}: {axes[0].parameter}" if len(axes) > 1 else family  # what the page Responses calls it
    link: dict[str, Any] = {
        f"networks_{chosen.family}": [page.family_name(source) for source in dict.fromkeys((chosen.a, chosen.b))],
        **({"objects": {"new": "new", "training": "the ones they learned"}[chosen.domain]}
           if chosen.domain in DOMAINS else own.link("objects", chosen.domain)),
    }  # fmt: skip
    with st.container(horizontal=True):
        for view, picker, label in (
            ("Neighbourhoods", "orbit", "The orbits of twelve objects"),
            ("One parameter", "vary", "The pictures along the curve"),
        ):
            st.page_link(
                "pages/responses.py",
                label=label,
                icon=":material/open_in_new:",
                query_params=link | {"view": view, picker: what},
            )
        st.page_link(
            "pages/learning.py",
            label="How they came to it, while learning",
            icon=":material/open_in_new:",
            query_params={"networks": link[f"networks_{chosen.family}"], "families": [family]},
        )


def known(chosen: Choice) -> list[dict[str, Any]]:
    """What the study *information* says of networks trained like A and B, if it is stored."""
    run = study.stored("information").get("classroom")
    if run is None:
        return []
    table = study.table_of(run)
    rows = []
    for which, source in (("A", chosen.a), ("B", chosen.b)):
        row: dict[str, Any] = {"network": f"{which}: {instruments.name_of(source)}"}
        for measure, label in ((DECODED, "R² of its value, new objects"), (NAMED, "accuracy in naming its part")):
            values = [r["value"] for r in table.where(source=source, family=chosen.family, measure=measure).records()]
            if not values:
                return []
            row[label] = round(float(np.mean(values)), 3)
        rows.append(row)
    return rows


# ---------------------------------------------------------------------------------------------------- what they share


def sharing(chosen: Choice) -> None:
    spec = Singles().shared_invariance(instruments.SEED)
    record = cached.stored(records.key(spec))
    if record is None:
        page.not_there("The shared invariance of the networks", COMMAND)
        return
    result, i, j = record["result"], SOURCES.index(chosen.a), SOURCES.index(chosen.b)
    st.markdown(figures.SHARED_LEAD)
    bars = figures.shared(result, i, j)
    if i == j:
        st.info("A and B are the same network: choose two.", icon=":material/info:")
    else:
        page.figure(bars, "shared", figures.shared_alt(result, i, j))
    doubles(chosen, spec, result)
    page.notice(shared_notice(chosen, result, i, j))
    st.header("Every pair", anchor=False)
    st.markdown("Light: shared. *Click a cell to choose its two networks.*")
    plot = figures.matrix(result, SOURCES, (chosen.a, chosen.b))
    pickers = ("network_a", SOURCES), ("network_b", SOURCES)
    heatmap.clickable(plot, "matrix", figures.matrix_alt(result, SOURCES), *pickers)
    st.caption(figures.shared_told(result))
    rows = figures.shared_rows(result, SOURCES)
    page.behind("shared-invariance", rows, recipe(chosen) | records.plain(spec), [bars, plot], COMMAND, [spec])


def doubles(chosen: Choice, spec: Any, result: dict[str, Any]) -> None:
    """Images, and what A and B cannot tell from them."""
    shown = len(result["doubles"][0])
    gallery.wait_until_ready(spec.task)
    names = instruments.names_at(spec.task, tuple(range(shown)))
    originals = instruments.originals(records.key(spec.task), spec.task, shown)
    for which, source in (("A", chosen.a), ("B", chosen.b)):
        pictures = [raw_png(text, spec.task.size) for text in result["doubles"][SOURCES.index(source)]]
        st.markdown(f"**To {which}, {instruments.name_of(source)}, these are the same:**")
        gallery.cards([
            (
                gallery.Tile(original, name, f"the image: {name}"),
                gallery.Tile(double, "its double", f"a picture that {which} cannot tell from this {name}"),
            )
            for original, double, name in zip(originals, pictures, names, strict=True)
        ])  # fmt: skip


@st.cache_data(show_spinner=False, max_entries=256)
def raw_png(text: str, size: int) -> bytes:
    """A PNG of base64 pixels (size, size, 3)."""
    return as_png(np.frombuffer(base64.b64decode(text), np.uint8).reshape(size, size, 3))


def shared_notice(chosen: Choice, result: dict[str, Any], i: int, j: int) -> str:
    """Which direction shares more, against sharing nothing; and who shares most in the whole matrix."""
    best = figures.most_shared(result, SOURCES)
    if i == j:
        return best
    there, back = result["stir"][i][j], result["stir"][j][i]
    nothing = result["chance"][i][j], result["chance"][j][i]
    return (
        f"B shares {number(there)} of what A ignores (nothing would be {number(nothing[0])}), A shares {number(back)} "
        f"of what B ignores ({number(nothing[1])}). {best}"
    )


# ------------------------------------------------------------------------------------------------- where they disagree


def disagreeing(chosen: Choice) -> None:
    task = chosen.task(chosen.family)
    spec = Disagreement(chosen.trainings(), task)
    with st.spinner("Showing the twins to both networks, and asking each what it sees …"):
        (result,) = instruments.measured([spec])
        gallery.wait_until_ready(task)
    indices = range(spec.pairs)
    names = all_names(records.key(task), task, spec.pairs)
    a, b = (np.array(values) for values in result["distance"])
    moved = [i for i in indices if i not in set(result["identical"])]
    st.markdown(
        f"**On which twins do they disagree?** Each point is one object under two draws of "
        f"*{page.family_name(chosen.family)}*: how far apart A sees the two pictures (to the right), and B (up). "
        "*Hover over a point, or click it, to see its pictures.*"
    )
    key = f"pair_{records.key(spec)[-8:]}"  # another choice has other pairs
    at = st.session_state.get(key)
    plot = figures.images(result, names, at)
    instruments.choosing(plot, "images-figure", figures.images_alt(result), key, indices)
    cells = instruments.twin_sheet(records.key(task), task, tuple(moved))
    hover.pictures(cells, (2 * task.size, task.size), {figures.PAIRS: 0}, "images-hover")
    told = [f"A {a[i]:.2f}, B {b[i]:.2f}" for i in indices]

    def row(heading: str, chosen_pairs: list[int]) -> None:
        if chosen_pairs:
            st.markdown(heading)
            words = tuple(told[i] for i in chosen_pairs)
            instruments.gallery(instruments.twins_at(records.key(task), task, tuple(chosen_pairs), words))

    if at is not None:
        row("**The chosen pair**", [at])
    order = sorted(moved, key=lambda i: a[i] - b[i])
    row("**The same to A, different to B**", [i for i in order[:SHOWN] if a[i] < b[i]])
    row("**The same to B, different to A**", [i for i in order[::-1][:SHOWN] if b[i] < a[i]])
    st.caption("Distances in units of each network's own mean distance of two random images.")
    page.notice(disagreement_notice(result, a, b, moved))
    naming(task, result, names, row)
    rows = [
        {"image": i, "object": names[i], "distance, A": round(a[i], 4), "distance, B": round(b[i], 4)}
        | {f"named by {which}": label_of(task, result["named"][n][i]) for n, which in enumerate("AB")}
        for i in indices
    ]
    page.behind("side-by-side-images", rows, recipe(chosen) | records.plain(spec), plot, COMMAND, [spec])


@st.cache_data(show_spinner=False, max_entries=64)
def all_names(key: str, _task: Any, count: int) -> list[str]:
    return instruments.names_at(_task, tuple(range(count)))


@st.cache_data(show_spinner=False, max_entries=64)
def labels_of(key: str, _task: Any) -> tuple[str, ...]:
    from invlab.tasks import label_names

    return label_names(_task)


def label_of(task: Any, label: int) -> str:
    return labels_of(records.key(task), task)[label]


def disagreement_notice(result: dict[str, Any], a: np.ndarray, b: np.ndarray, moved: list[int]) -> str:
    """In how many pairs either sees less, and how often they name the same."""
    less_a, less_b = sum(a[i] < b[i] for i in moved), sum(b[i] < a[i] for i in moved)
    return (
        f"Of {len(moved)} twins of two different pictures A holds {less_a} for more alike than B does, and B {less_b} "
        f"for more alike than A. Asked for the object, they give the same answer for {result['same_answer']:.0%} of "
        f"the images; if they chose independently of each other, it would be {result['expected_same_answer']:.0%}."
    )


def naming(task: Any, result: dict[str, Any], names: list[str], row: Callable[[str, list[int]], None]) -> None:
    """The objects that only one of them names rightly."""
    first, second = result["named"]
    labels = result["labels"]
    only = {
        "A": [i for i, label in enumerate(labels) if first[i] == label != second[i]],
        "B": [i for i, label in enumerate(labels) if second[i] == label != first[i]],
    }
    right = result["accuracy"]
    st.header("Who names them?", anchor=False)
    st.markdown(
        f"A linear probe on each network names the objects: A is right for {right[0]:.0%}, B for {right[1]:.0%}. "
        f"Only A is right for {len(only['A'])} of {len(labels)} images, only B for {len(only['B'])}."
    )
    for which, other, answers in (("A", "B", second), ("B", "A", first)):
        shown = only[which][:SHOWN]
        row(f"**Only {which} is right**", shown)
        if shown:
            said = "; ".join(f"{names[i]}: {label_of(task, answers[i])}" for i in shown)
            st.caption(f"What {other} says of the first pictures: {said}.")


VIEWS: dict[str, Callable[[Choice], None]] = {
    "families": every_family,
    "family": one_family,
    "shared": sharing,
    "images": disagreeing,
}
WORDS = {
    "families": "All families",
    "family": "One family",
    "shared": "Shared invariance",
    "images": "Images",
}

page.title("Side by side", "What does one network ignore that another one does not, and on which pictures?")
words("STIR", "response curve", "decoding", "linear probe")
chosen = controls()
view = gallery.segments("Show", tuple(VIEWS), "families", "view", WORDS)
try:
    VIEWS[view](chosen)
except instruments.NoWeightsError:
    page.not_there("One of these networks", COMMAND)
except (StoreError, QueueError, OSError) as error:
    live.guarded(error)
except ValueError as error:  # what a visitor brought may be gone, or too little
    st.warning(page.escaped(page.sentence(error)), icon=":material/error:")
