"""Pictures of a task in the browser: the controls that choose it, what is drawn from it, and how it is laid out."""

from __future__ import annotations

import base64
import html
import shlex
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from invlab import export, things, uploads
from invlab.backgrounds import BACKGROUNDS, backgrounds
from invlab.figures import COLOURS
from invlab.objects import FOLDER, OBJECTS, bank, class_names, is_own, open_folder
from invlab.photographs import are_drawn
from invlab.seeds import Generator, torch_generator
from invlab.sensitivity import Sensitivity, derangement, ratio
from invlab.sources import available
from invlab.tasks import Task, draw_classes, plan_pairs, render, render_at, transformation_draws
from invlab.transforms import TRANSFORMS, Axis, Transform, identity_parameters, transform
from invlab.ui import own, page, visitors
from invlab.ui.page import sentence

if TYPE_CHECKING:
    import torch
else:
    from invlab.lazy import torch

SIZES = (32, 48, 64, 96)
MOST_CLASSES = 64
PIXEL_PAIRS = 64  # twin pairs behind the ratio of raw pixels at 32 pixels, fewer where images are larger: 0.1 s
LOCAL = ("localhost", "127.0.0.1", "::1")
OWN = "folder"
PICTURES_SECONDS = 40  # to draw the 13,000 scene pictures on two CPU cores
LOADING = "Loading the renderer — about three seconds, once"
BEHIND = {"scenes": "a random scene", "random": "random pixels", "black": "black", "pictures": "a scene picture"} | {
    things.NAME: "a picture of things"
}
OBJECT = {"drawn": "a drawing", "random": "random pixels", "pictures": "a scene picture"}
OBJECT_WORDS = {
    "drawn": "drawn",
    "random": "random pixels",
    "pictures": "scene pictures",
    OWN: "your folder",
} | own.WORDS
BACKGROUND_WORDS = {
    "random": "random pixels",
    "pictures": "scene pictures",
    things.NAME: "pictures of things",
} | own.WORDS
UNITS = {"px": "pixels of a 32-pixel picture"}
FLIPS = ("as it is", "mirrored")

# ---------------------------------------------------------------------------------------------------------- controls


def families() -> tuple[str, ...]:
    """The picker of families, with a few sets that teach something at once."""
    chosen = page.families(
        "Transformations, in the order they apply",
        "transforms",
        default=("rotate", "hue", "blur"),
        help="The order in which you pick them is the order in which they are applied.",
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption("Try:", width="content")
        for text, mix in page.MIXES.items():
            st.button(text, key=f"mix-{text}", on_click=_pick, args=(mix,), type="tertiary")
    return chosen


def task_of(chosen: tuple[str, ...]) -> Task | None:
    """The controls for all but the families; None (and a sentence) where no task can be made of them."""
    try:
        objects = _objects()
        count, named = _classes(objects)
        behind = _backgrounds()
        size = segments("Image size, pixels", SIZES, 32, "size")
        seed = page.whole_number("Seed", 0, 9999, 0, "seed")
        st.button("New draws", icon=":material/casino:", key="again", on_click=_next_seed, width="stretch")
        return Task(named or draw_classes(objects, count, seed), chosen, objects, behind, size, seed)
    except ValueError as error:
        st.warning(sentence(error), icon=":material/error:")
        return None


def _pick(families: Sequence[str]) -> None:
    st.session_state["transforms"] = list(families)


def _next_seed() -> None:
    st.session_state["seed"] = (int(st.session_state.get("seed") or 0) + 1) % 10_000


def _choice(label: str, options: Sequence[str], key: str, words: Mapping[str, str]) -> str:
    """One of a few, from a list that opens: for narrow places. Its state is in the link under `key`."""
    return st.selectbox(
        label,
        options,
        format_func=lambda option: words.get(option, option),
        key=key,
        bind="query-params",
    )


def segments(label: str, options: Sequence[Any], default: Any, key: str, words: Mapping[Any, str] | None = None) -> Any:
    """One of a few, always one; its state is in the link under `key`."""
    chosen = st.segmented_control(
        label,
        options,
        default=default,
        required=True,
        format_func=lambda option: (words or {}).get(option, str(option)),
        key=key,
        bind="query-params",
        wrap=True,
    )
    return default if chosen is None else chosen


def served_locally() -> bool:
    """Whether only this machine reaches the app, and the visitor sits at it; paths of its disk are nobody else's
    business."""
    return str(st.get_option("server.address") or "") in LOCAL and visitors.here()


def _objects() -> str:
    """The bank's name; own pictures that cannot be used give their sentence, and the drawn objects instead."""
    here = [*filter(available, OBJECTS), *uploads.KINDS]
    kinds = [*here, OWN] if served_locally() else here
    kind = _choice("Objects", kinds, "objects", OBJECT_WORDS)
    if kind != OWN:
        return own.resolved(kind, "objects", "drawn", "the drawn objects")
    with st.expander("Your own cut-outs", icon=":material/folder_open:", expanded=True):
        path = st.text_input(
            "Folder on this computer",
            key="folder",
            bind="query-params",
            placeholder="a folder that holds one folder for each class",
            help="In it one folder for each class, with PNG or WebP pictures whose surroundings are transparent.",
        )
        if not path:
            st.caption("Type where the folder is; until then you see the drawn objects.")
            return "drawn"
        try:
            with st.spinner("Reading the cut-outs"):
                name, problems = open_folder(path)
        except (ValueError, RuntimeError) as error:
            st.warning(sentence(error) + " You see the drawn objects instead.", icon=":material/error:")
            return "drawn"
        for problem in problems[:10]:
            st.warning(sentence(problem), icon=":material/error:")
        if len(problems) > 10:
            st.caption(f"… and {len(problems) - 10} more like these.")
        st.caption(f"{len(class_names(name))} classes loaded.")
        return name


def _backgrounds() -> str:
    """The background set's name; uploads that cannot be used give their sentence, and the scenes instead."""
    kind = _choice("Backgrounds", (*filter(available, BACKGROUNDS), "photographs"), "backgrounds", BACKGROUND_WORDS)
    return own.resolved(kind, "backgrounds", "scenes", "the scenes")


def _classes(objects: str) -> tuple[int, tuple[int, ...]]:
    """How many classes to draw at random, and those chosen by name (which go before, where there are any)."""
    names = class_names(objects)
    kind = OWN if objects.startswith(FOLDER) else objects
    if uploads.is_name(objects):  # each has classes of its own, and what was chosen of one means nothing in another
        kind = objects.replace(uploads.PREFIX, "upload_")[:15]
    suffix = "" if kind == "drawn" else f"_{kind}"
    picked = st.multiselect(
        "Classes by name",
        names,
        key=f"classes{suffix}",
        bind="query-params",
        max_selections=MOST_CLASSES,
        placeholder="drawn at random",
        help="One object is one class. Left empty, the seed draws as many as the slider says.",
    )
    most = min(len(names), MOST_CLASSES)
    if most == 1:  # a slider needs two ends
        return 1, (0,)
    count = st.slider(
        "Number of classes",
        1,
        most,
        min(12, most),
        key=f"count{suffix}",
        bind="query-params",
        disabled=bool(picked),
    )
    return int(count), tuple(names.index(name) for name in dict.fromkeys(picked))


# ------------------------------------------------------------------------------------------------- getting ready once


@dataclass
class Preparation:
    """What a thread loads before the first picture of a kind can be drawn."""

    stage: str = LOADING
    seconds: float = 4.0  # that this stage takes
    began: float = field(default_factory=time.monotonic)
    done: Future[None] = field(default_factory=Future)

    def run(self, objects: str, behind: str, size: int) -> None:
        try:
            torch.zeros(1)
            if {"pictures", things.NAME} & {objects, behind} and not are_drawn():
                self.stage = "Drawing 13,000 scene pictures — once for this installation"
                self.seconds, self.began = PICTURES_SECONDS, time.monotonic()
            bank(objects, size)
            backgrounds(behind, size)
            self.done.set_result(None)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the page that waits
            self.done.set_exception(error)


@st.cache_resource(show_spinner=False, max_entries=64)
def _preparation(objects: str, behind: str, size: int) -> Preparation:
    made = Preparation()
    threading.Thread(target=made.run, args=(objects, behind, size), name="invlab-renderer", daemon=True).start()
    return made


def wait_until_ready(task: Task) -> None:
    """Return once the task can be rendered at once; until then say what is loaded, and how long it will still take.

    Any control can be used meanwhile: the loading goes on. Raises what the loading raised.
    """
    made = _preparation(task.objects, task.backgrounds, task.size)
    place = st.empty()
    time.sleep(0 if made.done.done() else 0.05)
    while not made.done.done():
        past = time.monotonic() - made.began
        left = max(1, round(made.seconds - past))
        place.progress(min(0.95, past / made.seconds), f"{made.stage}, {left} s left")
        time.sleep(0.2)
    place.empty()
    try:
        made.done.result()
    except Exception:
        _preparation.clear(task.objects, task.backgrounds, task.size)  # another try may succeed
        raise


# --------------------------------------------------------------------------------------------------- what is shown


class Samples(NamedTuple):
    """Images of a task, with what was drawn for each."""

    pictures: list[bytes]  # PNG
    names: list[str]  # of the objects
    rows: list[dict[str, Any]]  # a table


@st.cache_data(show_spinner=False, max_entries=200)
def samples(key: str, _task: Task, split: str, count: int) -> Samples:
    """The first images of a split; `key` is the task's."""
    made = _rendered(_task, split, range(count))
    rows = [
        {"image": i, "object": name, "background": behind, **flat(_task.transformations, values)}
        for i, (name, behind, values) in enumerate(zip(made.names, made.behind, made.values, strict=True))
    ]
    return Samples(made.pictures(count), made.names, rows)


class Rendering(NamedTuple):
    """Some samples, whole."""

    images: torch.Tensor  # float32 (N, 3, S, S)
    names: list[str]
    behind: list[str]
    values: list[list[dict[str, float | int]]]

    def pictures(self, count: int) -> list[bytes]:
        return [export.as_png(pixels) for pixels in export.as_pixels(self.images[:count])]


def _rendered(task: Task, split: str, indices: Sequence[int], twin: int = 0) -> Rendering:
    batch = render(task, split, indices, twin=twin)
    names = class_names(task.objects)
    drawn = export.drawn_values(transformation_draws(task, split, torch.tensor(indices), twin=twin))
    labels = [names[task.classes[label]] for label in batch.labels.tolist()]
    return Rendering(batch.images, labels, _behind(task, split, indices), drawn or [[] for _ in indices])


def _behind(task: Task, split: str, indices: Sequence[int]) -> list[str]:
    """A name for each sample's background."""
    scenes = backgrounds(task.backgrounds, task.size)
    if not scenes.label_names:
        return [_set_words(task.backgrounds)] * len(indices)
    which = plan_pairs(task, split, torch.tensor(indices)).backgrounds
    labels = scenes.labels[which].tolist()
    return [f"{scenes.label_names[label]} {number}" for label, number in zip(labels, which.tolist(), strict=True)]


def _set_words(name: str) -> str:
    return "your photograph" if is_own(name) else name


class Twins(NamedTuple):
    """Twin pairs and strangers, and the ratio that raw pixels would get."""

    first: list[bytes]
    second: list[bytes]
    strangers: list[bytes]
    names: list[str]
    stranger_names: list[str]
    rows: list[dict[str, Any]]
    ratio: float
    pairs: int  # behind the ratio


@st.cache_data(show_spinner=False, max_entries=100)
def twins(key: str, _task: Task, count: int) -> Twins:
    """The first twin pairs of the test split, re-paired with strangers as the measure of sensitivity does it."""
    pairs_here = max(count, PIXEL_PAIRS * SIZES[0] ** 2 // _task.size**2)
    partner = derangement(Sensitivity.pairs, torch_generator("strangers", _task.seed))[:pairs_here].tolist()
    first, second = (_rendered(_task, "test", range(pairs_here), twin) for twin in (0, 1))
    strangers = _rendered(_task, "test", partner)
    moved, apart = ((first.images - other.images).flatten(1).norm(dim=1) for other in (second, strangers))
    rows = []
    for i in range(count):
        for role, of, index, distance in (
            ("x₁", first, i, None),
            ("x₂ (twin)", second, i, moved),
            ("x₁′ (stranger)", strangers, partner[i], apart),
        ):
            rows.append({
                "pair": i + 1, "role": role, "image": index, "object": of.names[i], "background": of.behind[i],
                **flat(_task.transformations, of.values[i]),
                "pixel distance to x₁": None if distance is None else round(distance[i].item(), 2),
            })  # fmt: skip
    a, b, c = (made.pictures(count) for made in (first, second, strangers))
    return Twins(a, b, c, first.names[:count], strangers.names[:count], rows, ratio(moved, apart), pairs_here)


class Orbit(NamedTuple):
    """One object along one parameter of one family."""

    before: bytes
    now: bytes
    strip: list[bytes]


@st.cache_data(show_spinner=False, max_entries=400)
def orbit(key: str, _task: Task, family: str, now: tuple[float, ...], along: int, stops: tuple[float, ...]) -> Orbit:
    """The task's first object before and after `family` with the parameters `now` (in the order of its axes), and for
    each of the `stops` of the axis `along`. A family's random field is the same in all of them."""
    kind, n = transform(family), len(stops) + 2
    parameters = identity_parameters(family, n)
    for place, axis in enumerate(kind.axes):
        values = torch.full((n,), now[place])
        if place == along:
            values[2:] = torch.tensor(stops)
        values[0] = parameters[axis.parameter][0]
        parameters[axis.parameter] = values
    if "seed" in parameters:
        parameters["seed"] = Generator.of("orbit", _task.seed, indices=[0]).seeds(1).expand(n).contiguous()
    drawn = render_at(replace(_task, transformations=(family,)), "test", [0] * n, [parameters])
    pictures = [export.as_png(p) for p in export.as_pixels(drawn.images)]
    return Orbit(pictures[0], pictures[1], pictures[2:])


# ----------------------------------------------------------------------------------------------- values and their words


def amount(axis: Axis, value: float) -> str:
    """A parameter's value with its unit: 37°, ×0.7, 3 px."""
    if is_switch(axis):
        return FLIPS[int(value > 0.5)]
    number = f"{round(value, 2):g}".replace("-", "−")
    return {"°": f"{number}°", "×": f"×{number}"}.get(axis.unit, f"{number} {axis.unit}".strip())


def is_switch(axis: Axis) -> bool:
    return (axis.low, axis.high, axis.step) == (0, 1, 1)


def axis_name(axis: Axis) -> str:
    """`angle (°)`."""
    unit = UNITS.get(axis.unit, axis.unit)
    return f"{axis.parameter} ({unit})" if unit else axis.parameter


def start_value(kind: Transform, axis: Axis) -> float:
    """Where a slider starts: clearly away from doing nothing; a turn starts at 37 degrees."""
    if kind.name == "rotate":
        return 37.0
    still = kind.identity[axis.parameter]
    far = axis.high if abs(axis.high - still) >= abs(axis.low - still) else axis.low
    steps = round((still + 0.6 * (far - still) - axis.low) / axis.step)
    return float(round(axis.low + steps * axis.step, 6))


def knob(kind: Transform, axis: Axis) -> float:
    """A slider (or switch) on one parameter; its value is in the link."""
    key, start = f"{kind.name}_{axis.parameter}", start_value(kind, axis)
    if is_switch(axis):
        return float(st.toggle(FLIPS[1], value=start > 0.5, key=key, bind="query-params"))
    value = st.slider(
        axis_name(axis), float(axis.low), float(axis.high), start, float(axis.step), key=key, bind="query-params",
        format="%d" if axis.step >= 1 else None,
    )  # fmt: skip
    return float(value)


def remark(kind: Transform) -> str:
    """A sentence on how a task uses a family."""
    if "half of the time" in kind.what and len(kind.axes) == 1 and not is_switch(kind.axes[0]):
        return "A task draws only the two ends of this range; what lies between is here for looking."
    return "The background stays as it is: a transformation changes the object before it is pasted."


def which_axis(kind: Transform) -> str:
    """The parameter that the strip of pictures runs along."""
    options = tuple(axis.parameter for axis in kind.axes)
    return segments("The strip runs along", options, options[0], f"{kind.name}_along")


def flat(families: Sequence[str], values: Sequence[Mapping[str, float | int]]) -> dict[str, Any]:
    """A table's columns of drawn parameters, units in the names; a family that comes twice is numbered."""
    columns: dict[str, Any] = {}
    for place, (name, drawn) in enumerate(zip(families, values, strict=True)):
        again = families[:place].count(name)
        for axis in transform(name).axes:
            head = f"{page.family_name(name)}{f' {again + 1}' if again else ''}: {axis_name(axis)}"
            columns[head] = round(float(drawn[axis.parameter]), 3)
    return columns


def command(task: Task, dataset: Mapping[str, int] | None = None) -> str:
    """The command line that draws the same task."""
    names = class_names(task.objects)
    at_random = task.classes == draw_classes(task.objects, task.labels, task.seed)
    classes = str(task.labels) if at_random else ",".join(names[c] for c in task.classes)
    objects = task.objects.rpartition("#")[0] if task.objects.startswith(FOLDER) else task.objects
    words = ["python", "-m", "invlab", "render", "--transforms", ",".join(task.transformations) or "none"]
    words += ["--classes", classes, "--objects", objects]
    words += ["--backgrounds", task.backgrounds, "--size", str(task.size), "--seed", str(task.seed)]
    if dataset is None:
        words += ["--rows", "4", "--columns", "8", "--out", "sheet.png"]
    else:
        words += ["--dataset", "my-data-set"]
        for split, count in dataset.items():
            words += [f"--{split}", str(count)]
    return shlex.join(words)


# --------------------------------------------------------------------------------------------------------- the layout

STYLE = f"""<style>
.il-tiles {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(78px, 1fr)); gap: 0.8rem 0.6rem; }}
.il-strip {{ display: grid; grid-template-columns: repeat(9, minmax(0, 110px)); gap: 0.5rem; }}
@media (max-width: 640px) {{ .il-strip {{ grid-template-columns: repeat(3, minmax(0, 110px)); }} }}
.il-pair {{ display: grid; grid-template-columns: repeat(2, minmax(0, 320px)); gap: 0.8rem; }}
.il-cards {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: 0.8rem; }}
.il-card {{ display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0.5rem; padding: 0.7rem;
  border: 1px solid color-mix(in srgb, currentColor 18%, transparent); border-radius: 0.5rem; }}
.il-sharp figure {{ margin: 0; }}
.il-sharp img {{ display: block; width: 100%; height: auto; border-radius: 4px; }}
.il-sharp figcaption {{ font-size: 0.8rem; line-height: 1.25; opacity: 0.85; padding-top: 0.2rem;
  overflow-wrap: anywhere; }}
.il-sharp img {{ image-rendering: pixelated; }}
.il-chain {{ display: flex; flex-wrap: wrap; gap: 0.35rem 0.4rem; align-items: center; font-size: 0.95rem; }}
.il-chain div {{ padding: 0.15rem 0.6rem; border-radius: 0.4rem; border-left: 4px solid {COLOURS["none"]};
  background: color-mix(in srgb, currentColor 7%, transparent); }}
.il-chain div.il-arrow {{ background: none; border: 0; padding: 0; opacity: 0.6; }}
.il-chain small {{ opacity: 0.75; }}
</style>"""


class Tile(NamedTuple):
    """A picture with its caption and what it shows in words."""

    png: bytes
    caption: str
    alt: str


def _figure(tile: Tile) -> str:
    data = base64.b64encode(tile.png).decode()
    return (
        f'<figure><img alt="{html.escape(tile.alt)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{html.escape(tile.caption)}</figcaption></figure>"
    )


def tiles(shown: Sequence[Tile], kind: str = "il-tiles") -> None:
    """Pictures beside each other: as many as fit (il-tiles), two large ones (il-pair) or nine small (il-strip)."""
    st.html(f'{STYLE}<div class="{kind} il-sharp">{"".join(map(_figure, shown))}</div>')


def cards(shown: Sequence[Sequence[Tile]]) -> None:
    """Groups of three pictures, each group framed."""
    inner = "".join(f'<div class="il-card">{"".join(map(_figure, card))}</div>' for card in shown)
    st.html(f'{STYLE}<div class="il-cards il-sharp">{inner}</div>')


def chain(task: Task, families: Sequence[str]) -> None:
    """The order of application, as a row of boxes: object → families → background."""
    what = OBJECT.get(task.objects) or ("your picture" if is_own(task.objects) else task.objects)
    boxes = [("none", "object", what)]
    boxes += [(TRANSFORMS[n].group, page.family_name(n), TRANSFORMS[n].group) for n in families]
    boxes.append(("none", "pasted on", BEHIND.get(task.backgrounds) or _set_words(task.backgrounds)))
    items = '<div class="il-arrow" aria-hidden="true">→</div>'.join(
        f'<div role="listitem" style="border-left-color:{COLOURS[colour]}">'
        f"{html.escape(word)} <small>{html.escape(more)}</small></div>"
        for colour, word, more in boxes
    )
    st.html(f'{STYLE}<div class="il-chain" role="list" aria-label="What happens, in order">{items}</div>')
