"""How a comparison is chosen, told in words and shown: shared by the pages Transfer and Runs."""

from __future__ import annotations

import functools
import html
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from invlab import comparison_words
from invlab.comparison_words import FIRST as FIRST  # what belongs to a comparison is asked for here by the pages
from invlab.comparison_words import how_measured, lanes_of, pooled_told
from invlab.comparison_words import made_where as made_where
from invlab.comparison_words import movement as movement
from invlab.comparison_words import named as named
from invlab.comparison_words import noticed as noticed
from invlab.comparison_words import revived as revived
from invlab.comparison_words import rows_of as rows_of
from invlab.comparison_words import total_images as total_images
from invlab.comparison_words import verdict as verdict
from invlab.figures import transfer as drawn
from invlab.studies.comparison import Comparison, pooled
from invlab.tasks import Task
from invlab.ui import cached, own, page
from invlab.ui.page import escaped
from invlab.words import duration as duration
from invlab.words import when_unix as when_unix

if TYPE_CHECKING:
    import plotly.graph_objects as go

Record = dict[str, Any]

SEEDS = 5  # that "more seeds" goes up to, counted from 0
STRIP = (2, 5)  # rows and columns of example images of each task


@dataclass(frozen=True)
class Choice(comparison_words.Choice):
    """A choice, and the link that opens it."""

    def query(self) -> dict[str, Any]:
        """The link of the page Transfer that opens it. It names everything: what it left out would stay as this
        session last had it."""
        link: dict[str, Any] = {"alternative": "own choice"}
        for name, families in (("source", self.source), ("against", self.versus), ("target", self.target)):
            link[name] = [page.family_name(family) for family in families] or ""
        link |= {name: str(getattr(self, name)) for name in ("preset", "seed", "size")}
        return link | own.link("objects", self.objects) | own.link("backgrounds", self.backgrounds)


def choice_of(spec: Comparison) -> Choice | None:
    """The choice that leads to this spec; None for one that the page Transfer does not offer."""
    return comparison_words.choice_of(spec, Choice)


def seeds_stored(choice: Choice) -> dict[int, Record]:
    """The stored results of a choice, by seed: those that can be pooled."""
    found = {}
    for seed in sorted({*range(SEEDS), choice.seed}):
        record = cached.the_store().get(replace(choice, seed=seed).key())
        if record is not None:
            found[seed] = record
    return found


# ------------------------------------------------------------------------------------------------------------- shown


def key_to(lanes: Sequence[drawn.Lane]) -> None:
    """Which symbol and colour is which network, in words; it wraps on a narrow screen where a legend would not."""
    filled = {"circle": "●", "diamond": "◆", "triangle-up": "▲", "square": "■"}
    opened = {"circle": "○", "diamond": "◇", "triangle-up": "△", "square": "□"}
    texts = []
    for lane in lanes:
        plain = lane.symbol.removesuffix("-open")
        mark = (filled if lane.symbol == plain else opened)[plain]
        name = html.escape(lane.name if lane.relation == "none" else f"{lane.name}: {drawn.RELATIONS[lane.relation]}")
        texts.append(
            f'<span style="white-space:nowrap;margin-right:1.5em">'
            f'<span style="color:{lane.colour};font-size:1.3em" aria-hidden="true">{mark}</span> {name}</span>'
        )
    st.html(f"<div>{' '.join(texts)}</div>")


def gauges(spec: Comparison, result: Record, name: str, by_seed: bool = False, narrow: bool = False) -> list[go.Figure]:
    """Transfer accuracy and sensitivity: beside each other, or, where it is `narrow`, below. Returns the figures."""
    places = (st.container(), st.container()) if narrow else st.columns(2, gap="medium")
    panels = comparison_words.gauges(spec, result, by_seed)
    for place, panel in zip(places, panels, strict=True):
        with place:
            st.markdown(panel.title)
            page.figure(panel.plot, f"{name}-{panel.name}-gauge", panel.words)
    return [panel.plot for panel in panels]


def learning(spec: Comparison, networks: Sequence[Record], name: str) -> list[go.Figure]:
    """The learning curves: the two measures beside each other where there is room, the loss below; the figures."""
    panels = comparison_words.learning(spec, networks)
    for place, panel in zip((*st.columns(2, gap="medium"), st.container()), panels, strict=True):
        with place:
            st.markdown(panel.title)
            page.figure(panel.plot, f"{name}-{panel.name}", panel.words)
    return [panel.plot for panel in panels]


def show(key: str, record: Record, name: str) -> None:
    """A stored comparison: words, figures, what to notice, how it was learned, what stands behind it."""
    spec = revived(record)
    if spec is None:
        st.error("This result was written by another version of the lab and cannot be shown: run it again.")
        return
    result = record["result"]
    choice = choice_of(spec)
    st.markdown(f"{verdict(spec, result)}\n\n{movement(spec, result)}")
    key_to(lanes_of(spec))
    plots = gauges(spec, result, name)
    page.notice(noticed(spec, result))
    st.header("How they came to that", anchor=False)
    plots += learning(spec, result["networks"], name)
    st.caption(how_measured(spec, result))
    st.caption(f"{made_where(record, cached.the_store().origin(key))} 95 % intervals over test images and twin pairs.")
    recipe = {"key": key, "kind": record.get("kind"), "spec": record["spec"], "made": record.get("made")}
    page.behind(name, rows_of(spec, result), recipe, plots, choice.command() if choice else None, [spec])


def show_pooled(choice: Choice, found: dict[int, Record], name: str) -> None:
    """The stored seeds of a choice together: other objects, draws and weights in each."""
    spec = choice.spec()
    result = pooled([record["result"] for record in found.values()])
    st.markdown(verdict(spec, result, len(found)))
    gauges(spec, result, name, by_seed=True)
    st.caption(pooled_told(list(found)))
    with st.expander("Table over seeds", icon=":material/table:"):
        rows = comparison_words.pooled_rows(
            {s: (replace(choice, seed=s).spec(), r["result"]) for s, r in found.items()}
        )
        st.dataframe(rows, hide_index=True, width="stretch")


# ------------------------------------------------------------------------------------------------------- the pictures


def pictures_ready() -> bool:
    """Whether the background work has loaded torch and made a first picture, so that drawing more takes no time."""
    made = sys.modules.get("invlab.backgrounds")
    return "torch" in sys.modules and made is not None and made.backgrounds.cache_info().currsize > 0


@functools.lru_cache(maxsize=64)
def strip(task: Task) -> bytes:
    """A PNG of the first training images of a task, each pixel four by four."""
    import io

    from PIL import Image

    from invlab.tasks import render

    rows, columns = STRIP
    images = render(task, "train", range(rows * columns)).images  # (N, 3, S, S)
    pixels = ((images + 1) * 127.5).round().clamp(0, 255).byte()
    side = task.size + 2
    cells = pixels.new_zeros(rows * columns, 4, side, side)  # transparent between the images
    cells[:, :3, 1:-1, 1:-1] = pixels
    cells[:, 3, 1:-1, 1:-1] = 255
    sheet = cells.view(rows, columns, 4, side, side).permute(0, 3, 1, 4, 2).reshape(rows * side, columns * side, 4)
    picture = Image.fromarray(sheet.contiguous().numpy(), "RGBA")
    picture = picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def examples(spec: Comparison) -> None:
    """What the networks are shown, one strip for each task, once pictures can be drawn without waiting."""
    if pictures_ready() and spec.target.size == 32:
        _examples(spec)
    elif spec.target.size == 32:
        st.fragment(run_every=1.0)(_examples_soon)(spec)
    else:
        st.caption("Example pictures are shown at 32 pixels only; larger scenes are drawn by the worker.")


def _examples_soon(spec: Comparison) -> None:
    if pictures_ready():
        st.rerun(scope="app")
    st.caption(":material/image: Example pictures of the three tasks are being prepared…")


def _examples(spec: Comparison) -> None:
    tasks = [
        *(
            (f"Source {i + 1}: {page.families_text(s.task.transformations)}", s.task)
            for i, s in enumerate(spec.sources)
        ),
        (f"Target: {page.families_text(spec.target.transformations)}, other objects", spec.target),
    ]
    for column, (caption, task) in zip(st.columns(len(tasks), gap="medium"), tasks, strict=True):
        with column:
            try:
                drawn_now = strip(task)
            except ValueError as error:  # pictures that a person brought may be gone
                st.warning(escaped(page.sentence(error)), icon=":material/error:")
                continue
            st.image(
                drawn_now, caption=caption, width="stretch", alt=f"{STRIP[0] * STRIP[1]} example images. {caption}"
            )
