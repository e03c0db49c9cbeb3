"""How a comparison is chosen, told in words and shown: shared by the pages Transfer and Runs."""

from __future__ import annotations

import datetime
import functools
import html
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from invlab import records, runs
from invlab.figures import transfer as drawn
from invlab.studies.comparison import Comparison, comparison, pooled, relation
from invlab.studies.presets import PRESETS
from invlab.tasks import Task
from invlab.ui import cached, own, page
from invlab.ui.page import escaped

if TYPE_CHECKING:
    import plotly.graph_objects as go

Record = dict[str, Any]

FIRST = (("rotate", "hue", "blur"), ("scale", "invert", "noise"))  # the sources before anything is chosen
SEEDS = 5  # that "more seeds" goes up to, counted from 0
STRIP = (2, 5)  # rows and columns of example images of each task
ORDINALS = ("first", "second", "third", "fourth")


@dataclass(frozen=True)
class Choice:
    """What a person chooses on the page Transfer; with it, a spec, a link and a command line are determined."""

    source: tuple[str, ...] = FIRST[0]
    versus: tuple[str, ...] = FIRST[1]
    target: tuple[str, ...] = FIRST[0]
    preset: str = "live"
    seed: int = 0
    objects: str = "drawn"
    backgrounds: str = "scenes"
    size: int = 32

    def spec(self) -> Comparison:
        """Raises ValueError for what cannot be: one sentence."""
        preset = PRESETS[self.preset]
        sources = (self.source, self.versus)
        return comparison(sources, self.target, preset, self.seed, self.objects, self.backgrounds, self.size)

    def key(self) -> str:
        return records.key(self.spec())

    def title(self) -> str:
        """One line for a list of runs."""
        extra = [self.preset, f"seed {self.seed}"]
        extra += [f"{own.shortly(self.objects)} objects"] if self.objects != "drawn" else []
        extra += [f"{own.shortly(self.backgrounds)} backgrounds"] if self.backgrounds != "scenes" else []
        extra += [f"{self.size} px"] if self.size != 32 else []
        return f"{_short(self.source)} against {_short(self.versus)} → {_short(self.target)} · {', '.join(extra)}"

    def command(self) -> str:
        """The same experiment on the command line."""
        words = ["python -m invlab compare"]
        for option in ("source", "versus", "target"):
            words.append(f"--{option} {','.join(getattr(self, option)) or 'none'}")
        words.append(f"--preset {self.preset} --seed {self.seed}")
        for option in ("objects", "backgrounds", "size"):
            if getattr(self, option) != getattr(Choice, option):
                words.append(f"--{option} {getattr(self, option)}")
        return " ".join(words)

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
    if len(spec.sources) != 2:
        return None
    target = spec.target
    for preset in PRESETS:
        first, second = (source.task.transformations for source in spec.sources)
        where = (target.objects, target.backgrounds, target.size)
        choice = Choice(first, second, target.transformations, preset, target.seed, *where)
        try:
            if choice.spec() == spec:
                return choice
        except ValueError:
            continue
    return None


def revived(record: Record) -> Comparison | None:
    """The spec of a stored comparison; None where it is none, or not of this version."""
    try:
        return records.revive(Comparison, record["spec"])
    except (ValueError, KeyError, TypeError):
        return None


def seeds_stored(choice: Choice) -> dict[int, Record]:
    """The stored results of a choice, by seed: those that can be pooled."""
    found = {}
    for seed in sorted({*range(SEEDS), choice.seed}):
        record = cached.the_store().get(replace(choice, seed=seed).key())
        if record is not None:
            found[seed] = record
    return found


def _short(families: Sequence[str]) -> str:
    return ", ".join(families) or "none"


# ------------------------------------------------------------------------------------------------------------- words


def named(families: Sequence[str]) -> str:
    """*rotate, hue, blur*, emphasised."""
    return f"*{page.families_text(families)}*"


def clear(interval: Sequence[float | None] | None) -> bool:
    """Whether a gap's interval leaves 0 out."""
    if not interval or interval[0] is None or interval[1] is None:
        return False
    return interval[0] > 0 or interval[1] < 0


def apart(first: Sequence[float | None], second: Sequence[float | None]) -> bool:
    """Whether two intervals do not overlap."""
    (a, b), (c, d) = first, second
    if a is None or b is None or c is None or d is None:
        return False
    return b < c or d < a


def verdict(spec: Comparison, result: Record, seeds: int = 1) -> str:
    """Who transfers better and by how much, as Markdown; true to the numbers and their intervals."""
    networks = result["networks"]
    parts = []
    for number, (source, network) in enumerate(zip(spec.sources, networks, strict=True)):
        value, rest = _bold(drawn.in_percent(network["transfer_accuracy"], network["transfer_interval"]))
        learned = f"under {named(source.task.transformations)}"
        if number == 0:
            parts.append(f"The network that learned {learned} names {value}{rest} of new objects")
        else:
            parts.append(f"the one that learned {learned} {value}{rest}")
    text = "; ".join(parts)
    if (gap := result.get("gap")) is None:
        return text + "."
    interval = result.get("gap_interval") or [None, None]
    points = f"{abs(100 * gap):.0f} points"
    if interval[0] is None:
        return f"{text}: a gap of **{points}**."
    low, high = sorted(abs(100 * x) for x in interval) if clear(interval) else (100 * x for x in interval)
    if not clear(interval):
        between = f"{100 * gap:+.0f} points [{low:+.0f}, {high:+.0f}]".replace("-", "−")
        return f"{text}. **No clear difference**: the gap of {between} may be chance."
    winner = ORDINALS[0 if gap > 0 else 1]
    across = f" over {seeds} seeds" if seeds > 1 else ""
    return f"{text}: a gap of **{points}** [{low:.0f}, {high:.0f}] in favour of the {winner}{across}."


def movement(spec: Comparison, result: Record) -> str:
    """The sensitivities in one sentence, with what the scale means."""
    target = spec.target.transformations
    if not target:
        return (
            "The target has no transformation: twins are the same image, so every network's sensitivity to it is 0 "
            "by definition."
        )
    told = [
        "**{}**{}".format(*_parts(drawn.in_hundredths(n["sensitivity"], n["sensitivity_interval"])))
        for n in result["networks"]
    ]
    return (
        f"Sensitivity to {named(target)}: {' against '.join(told)}. 0 = the representation does not move at all, "
        "1 = it moves as far as between two strangers (random images of the task)."
    )


def noticed(spec: Comparison, result: Record) -> str:
    """What to notice, in two sentences that follow from the numbers."""
    networks = result["networks"]
    if spec.sources[0].task.classes == spec.sources[-1].task.classes:
        setting = (
            f"Both networks learned the same {spec.sources[0].task.labels} objects and were then judged on "
            f"{spec.target.labels} others: only the transformations they learned under differ."
        )
    else:
        setting = f"The networks were judged on {spec.target.labels} objects that neither had met."
    if len(networks) != 2:
        return setting
    first, second = networks
    moved = apart(first["sensitivity_interval"], second["sensitivity_interval"])
    if not spec.target.transformations:
        found = "The target asks for no invariance, so what a network learned to ignore can only cost it."
        if not clear(result.get("gap_interval")):
            found = "The target asks for no invariance, and neither network is clearly better at it."
    elif not moved and not clear(result.get("gap_interval")):
        found = "Neither their sensitivities nor their transfer accuracies differ clearly."
    elif not clear(result.get("gap_interval")):
        found = "One is clearly less sensitive, yet their transfer accuracies do not differ clearly."
    elif not moved:
        found = "One transfers clearly better, although their sensitivities do not differ clearly."
    elif (first["sensitivity"] < second["sensitivity"]) == (result["gap"] > 0):
        found = (
            "The one that moves less when the target's transformations are drawn anew also names more of its objects."
        )
    else:
        found = (
            "The one that moves less names *fewer* objects here: being invariant to more than the target needs can "
            "throw away what tells its objects apart."
        )
    return f"{setting} {found}"


def made_where(record: Record, origin: str | None) -> str:
    """When, where and how fast a result was computed."""
    made = record.get("made") or {}
    where = "Shipped with the lab: computed" if origin == "bundle" else "Computed"
    seconds = made.get("seconds")
    took = f" in {duration(seconds)}" if isinstance(seconds, int | float) else ""
    return f"{where} {when(made.get('created'))} on {escaped(str(made.get('device', 'an unknown device')))}{took}."


def when(created: Any) -> str:
    """`on 3 November 2026, 14:05 UTC`."""
    try:
        moment = datetime.datetime.fromisoformat(str(created)).astimezone(datetime.UTC)
    except ValueError:
        return "at an unknown time"
    return f"on {moment.day} {moment:%B %Y, %H:%M} UTC"


def when_unix(seconds: float) -> str:
    """`14:05 UTC`, of seconds since 1970."""
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%H:%M UTC}"


def duration(seconds: float) -> str:
    """`8 s`, `3 min`, `2.5 h`, `14 days`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.0f} days"


def _parts(told: str) -> tuple[str, str]:
    head, bracket, tail = told.partition(" [")
    return head, f"{bracket}{tail}"


def _bold(told: str) -> tuple[str, str]:
    head, tail = _parts(told)
    return f"**{head}**", tail


# ------------------------------------------------------------------------------------------------------------- shown


def lanes_of(spec: Comparison) -> list[drawn.Lane]:
    sources = [source.task.transformations for source in spec.sources]
    relations = [relation(source, spec.target.transformations) for source in sources]
    return drawn.lanes([page.families_text(source) for source in sources], relations)


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
    lanes, networks = lanes_of(spec), result["networks"]
    left, right = (st.container(), st.container()) if narrow else st.columns(2, gap="medium")
    with left:
        st.markdown("**Transfer accuracy** on the target")
        values = [n["transfer_accuracy"] for n in networks]
        intervals = [n["transfer_interval"] for n in networks]
        plot = drawn.gauge(
            lanes,
            values,
            intervals,
            percent=True,
            reference=(1 / spec.target.labels, f"guessing: {1 / spec.target.labels:.0%}"),
            seeds=[n["transfer_accuracy_by_seed"] for n in networks] if by_seed else (),
        )
        accuracy = plot
        told = [drawn.in_percent(v, i) for v, i in zip(values, intervals, strict=True)]
        page.figure(
            plot, f"{name}-accuracy-gauge", drawn.gauge_in_words("Transfer accuracy on new objects", lanes, told)
        )
    with right:
        st.markdown("**Sensitivity** to its transformations")
        values = [n["sensitivity"] for n in networks]
        intervals = [n["sensitivity_interval"] for n in networks]
        plot = drawn.gauge(
            lanes,
            values,
            intervals,
            percent=False,
            reference=(1.0, "1 = like strangers"),
            seeds=[n["sensitivity_by_seed"] for n in networks] if by_seed else (),
        )
        told = [drawn.in_hundredths(v, i) for v, i in zip(values, intervals, strict=True)]
        page.figure(plot, f"{name}-sensitivity-gauge", drawn.gauge_in_words("Sensitivity", lanes, told))
    return [accuracy, plot]


def learning(spec: Comparison, networks: Sequence[Record], name: str) -> list[go.Figure]:
    """The learning curves: the two measures beside each other where there is room, the loss below; the figures."""
    lanes = lanes_of(spec)
    plots = drawn.learning(lanes, networks, total_images(spec), spec.target.labels, bool(spec.target.transformations))
    left, right = st.columns(2, gap="medium")
    for place, panel, title, points in (
        (left, "transfer", "**Probe accuracy** on the target", "curve"),
        (right, "sensitivity", "**Sensitivity** to its transformations", "curve"),
        (st.container(), "loss", "**Loss** on the own source task", "history"),
    ):
        with place:
            st.markdown(title)
            told = drawn.learning_in_words(
                title.replace("*", ""), panel, lanes, [n.get(points) or [] for n in networks]
            )
            page.figure(plots[panel], f"{name}-{panel}", told)
    return list(plots.values())


def total_images(spec: Comparison) -> int:
    """Images seen in the longest training."""
    return max(1, *(source.steps * source.batch for source in spec.sources))


def rows_of(spec: Comparison, result: Record) -> list[Record]:
    """The table behind the figures: one row for each network, the secondary measures included."""
    rows = []
    for source, network in zip(spec.sources, result["networks"], strict=True):
        row = {
            "learned under": page.families_text(source.task.transformations),
            "relation to the target": relation(source.task.transformations, spec.target.transformations),
            "transfer accuracy": network["transfer_accuracy"],
            "transfer low": network["transfer_interval"][0],
            "transfer high": network["transfer_interval"][1],
            "sensitivity": network["sensitivity"],
            "sensitivity low": network["sensitivity_interval"][0],
            "sensitivity high": network["sensitivity_interval"][1],
        }
        for measure, label in (
            ("cosine", "cosine ratio"),
            ("dot", "dot-product ratio"),
            ("cka", "CKA of twins"),
            ("source_accuracy", "accuracy on its own task"),
            ("images_per_second", "images/s"),
        ):
            if measure in network:
                row[label] = network[measure]
        rows.append({name: round(v, 4) if isinstance(v, float) else v for name, v in row.items()})
    return rows


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
    st.subheader("How they came to that", anchor=False)
    plots += learning(spec, result["networks"], name)
    st.caption(_how_measured(spec, result))
    st.caption(f"{made_where(record, cached.the_store().origin(key))} 95 % intervals over test images and twin pairs.")
    recipe = {"key": key, "kind": record.get("kind"), "spec": record["spec"], "made": record.get("made")}
    page.behind(name, rows_of(spec, result), recipe, plots, choice.command() if choice else None, [spec])


def _how_measured(spec: Comparison, result: Record) -> str:
    if not any(network.get("curve") for network in result["networks"]):
        return (
            "These networks had been trained before, for another comparison: nobody watched their sensitivity and "
            f"probe as they learned. The symbols at the right are measured on {spec.pairs:,} twin pairs and "
            f"{spec.probe_train:,} + {spec.probe_test:,} target images."
        )
    return (
        f"Along the way: quick looks at {runs.QUICK_PAIRS} twin pairs, and a probe fitted on {runs.QUICK_PROBE} target "
        "images. The large symbols at "
        f"the right are the full measures at the end: {spec.pairs:,} twin pairs, a probe fitted on "
        f"{spec.probe_train:,} and tested on {spec.probe_test:,} target images; more images to fit on make a better "
        "probe."
    )


def show_pooled(choice: Choice, found: dict[int, Record], name: str) -> None:
    """The stored seeds of a choice together: other objects, draws and weights in each."""
    spec = choice.spec()
    result = pooled([record["result"] for record in found.values()])
    st.markdown(verdict(spec, result, len(found)))
    gauges(spec, result, name, by_seed=True)
    st.caption(
        f"Seeds {', '.join(map(str, found))}: each draws its own objects, images and initial weights. Small symbols "
        "are seeds; the large ones their means, with 95 % Student intervals over seeds."
    )
    with st.expander("Table over seeds", icon=":material/table:"):
        rows = []
        for seed, record in found.items():
            of_seed = replace(choice, seed=seed).spec()
            rows += [{"seed": seed} | row for row in rows_of(of_seed, record["result"])]
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
