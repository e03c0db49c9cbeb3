"""A comparison in words and as a table: shared by the pages that show one, and by the static site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from invlab import records
from invlab.figures import transfer as drawn
from invlab.objects import is_own
from invlab.studies.comparison import Comparison, comparison, relation
from invlab.studies.presets import PRESETS
from invlab.watching import QUICK_PAIRS, QUICK_PROBE
from invlab.words import duration, escaped, families_text, when

if TYPE_CHECKING:
    import plotly.graph_objects as go

Record = dict[str, Any]

FIRST = (("rotate", "hue", "blur"), ("scale", "invert", "noise"))  # the sources before anything is chosen
ORDINALS = ("first", "second", "third", "fourth")


@dataclass(frozen=True)
class Choice:
    """What a person chooses on the page Transfer; with it, a spec and a command line are determined."""

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
        extra += [f"{_shortly(self.objects)} objects"] if self.objects != "drawn" else []
        extra += [f"{_shortly(self.backgrounds)} backgrounds"] if self.backgrounds != "scenes" else []
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


C = TypeVar("C", bound=Choice)


def choice_of(spec: Comparison, kind: type[C]) -> C | None:
    """The choice, of class `kind`, that leads to this spec; None for one that the page Transfer does not offer."""
    if len(spec.sources) != 2:
        return None
    target = spec.target
    for preset in PRESETS:
        first, second = (source.task.transformations for source in spec.sources)
        where = (target.objects, target.backgrounds, target.size)
        choice = kind(first, second, target.transformations, preset, target.seed, *where)
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


def _short(families: Sequence[str]) -> str:
    return ", ".join(families) or "none"


def _shortly(name: str) -> str:
    """A set's name for a title."""
    return "own" if is_own(name) else name


# ------------------------------------------------------------------------------------------------------------- words


def named(families: Sequence[str]) -> str:
    """*rotate, hue, blur*, emphasised."""
    return f"*{families_text(families)}*"


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


def _parts(told: str) -> tuple[str, str]:
    head, bracket, tail = told.partition(" [")
    return head, f"{bracket}{tail}"


def _bold(told: str) -> tuple[str, str]:
    head, tail = _parts(told)
    return f"**{head}**", tail


def lanes_of(spec: Comparison) -> list[drawn.Lane]:
    sources = [source.task.transformations for source in spec.sources]
    relations = [relation(source, spec.target.transformations) for source in sources]
    return drawn.lanes([families_text(source) for source in sources], relations)


def total_images(spec: Comparison) -> int:
    """Images seen in the longest training."""
    return max(1, *(source.steps * source.batch for source in spec.sources))


def rows_of(spec: Comparison, result: Record) -> list[Record]:
    """The table behind the figures: one row for each network, the secondary measures included."""
    rows = []
    for source, network in zip(spec.sources, result["networks"], strict=True):
        row = {
            "learned under": families_text(source.task.transformations),
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


def how_measured(spec: Comparison, result: Record) -> str:
    if not any(network.get("curve") for network in result["networks"]):
        return (
            "These networks had been trained before, for another comparison: nobody watched their sensitivity and "
            f"probe as they learned. The symbols at the right are measured on {spec.pairs:,} twin pairs and "
            f"{spec.probe_train:,} + {spec.probe_test:,} target images."
        )
    return (
        f"Along the way: quick looks at {QUICK_PAIRS} twin pairs, and a probe fitted on {QUICK_PROBE} target "
        "images. The large symbols at "
        f"the right are the full measures at the end: {spec.pairs:,} twin pairs, a probe fitted on "
        f"{spec.probe_train:,} and tested on {spec.probe_test:,} target images; more images to fit on make a better "
        "probe."
    )


def pooled_told(seeds: Sequence[int]) -> str:
    """What the figure of several seeds shows."""
    return (
        f"Seeds {', '.join(map(str, seeds))}: each draws its own objects, images and initial weights. Small symbols "
        "are seeds; the large ones their means, with 95 % Student intervals over seeds."
    )


def pooled_rows(found: Mapping[int, tuple[Comparison, Record]]) -> list[Record]:
    """The table of several seeds: seed -> its spec and its result."""
    return [{"seed": seed} | row for seed, (spec, result) in found.items() for row in rows_of(spec, result)]


# ----------------------------------------------------------------------------------------------------------- figures


@dataclass(frozen=True, eq=False)
class Panel:
    """A figure of a comparison: what it is called, its title (Markdown) and itself in words."""

    name: str
    title: str
    plot: go.Figure
    words: str


def gauges(spec: Comparison, result: Record, by_seed: bool = False) -> list[Panel]:
    """Transfer accuracy and sensitivity; by_seed: with the single seeds of a pooled result."""
    lanes, networks, chance = lanes_of(spec), result["networks"], 1 / spec.target.labels
    panels = []
    for name, value, interval, title, what, reference in (
        ("accuracy", "transfer_accuracy", "transfer_interval", "**Transfer accuracy** on the target",
         "Transfer accuracy on new objects", (chance, f"guessing: {chance:.0%}")),
        ("sensitivity", "sensitivity", "sensitivity_interval", "**Sensitivity** to its transformations",
         "Sensitivity", (1.0, "1 = like strangers")),
    ):  # fmt: skip
        percent = name == "accuracy"
        values, intervals = [n[value] for n in networks], [n[interval] for n in networks]
        seeds = [n[f"{value}_by_seed"] for n in networks] if by_seed else ()
        plot = drawn.gauge(lanes, values, intervals, percent=percent, reference=reference, seeds=seeds)
        tell = drawn.in_percent if percent else drawn.in_hundredths
        told = [tell(v, i) for v, i in zip(values, intervals, strict=True)]
        panels.append(Panel(name, title, plot, drawn.gauge_in_words(what, lanes, told)))
    return panels


def learning(spec: Comparison, networks: Sequence[Record]) -> list[Panel]:
    """The learning curves: probe accuracy, sensitivity and loss."""
    lanes = lanes_of(spec)
    plots = drawn.learning(lanes, networks, total_images(spec), spec.target.labels, bool(spec.target.transformations))
    return [
        Panel(
            panel,
            title,
            plots[panel],
            drawn.learning_in_words(title.replace("*", ""), panel, lanes, [n.get(points) or [] for n in networks]),
        )
        for panel, title, points in (
            ("transfer", "**Probe accuracy** on the target", "curve"),
            ("sensitivity", "**Sensitivity** to its transformations", "curve"),
            ("loss", "**Loss** on the own source task", "history"),
        )
    ]
