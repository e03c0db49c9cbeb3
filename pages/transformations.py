"""Transformations: what the families do to an object, and what the measure of sensitivity looks at."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from invlab import export, records, responses
from invlab.kept import GET
from invlab.objects import class_names
from invlab.sources import SOURCES, available
from invlab.tasks import SPLITS, Task
from invlab.transforms import TRANSFORMS
from invlab.ui import gallery, page
from invlab.ui.gallery import Tile
from invlab.ui.words import words

IMAGES = 24
PAIRS = 6
MOST_IMAGES = 2000  # in one ZIP; the command line has no limit


def recipe(task: Task, **more: object) -> dict[str, object]:
    return {"task": records.plain(task), "key": records.key(task), **more}


def the_gallery(task: Task) -> None:
    """A contact sheet of the training images."""
    gallery.chain(task, task.transformations)
    drawn = gallery.samples(records.key(task), task, "train", IMAGES)
    words = page.families_text(task.transformations)
    gallery.tiles([
        Tile(png, name, f"{name}, under {words}, on {row['background']}")
        for png, name, row in zip(drawn.pictures, drawn.names, drawn.rows, strict=True)
    ])  # fmt: skip
    st.caption(f"The first {IMAGES} training images, with the true label of each.")
    page.notice(
        "All images with the same name are **one object**, transformed anew each time. A network that learns to name "
        "them has to give the same answer for all of them: that is where its invariance comes from."
    )

    def sheet() -> bytes:
        return export.as_png(export.contact_sheet(task, "train", 4, 8, max(1, 96 // task.size)))

    files = [("contact-sheet.png", sheet, "image/png", "Contact sheet (PNG)")]
    page.behind(
        "gallery", drawn.rows, recipe(task, split="train"), command=gallery.command(task), specs=[task], files=files
    )


def one_transformation(task: Task) -> None:
    """One object along one family, by hand."""
    names = class_names(task.objects)
    what, how = st.columns(2)
    name = what.selectbox("Object", [names[c] for c in task.classes], key="object", bind="query-params")
    options = list(TRANSFORMS)
    family = how.selectbox(
        "Transformation",
        options,
        index=options.index("rotate"),
        format_func=page.family_name,
        key="family",
        bind="query-params",
    )
    kind = TRANSFORMS[family]
    now = tuple(gallery.knob(kind, axis) for axis in kind.axes)
    parameters = [axis.parameter for axis in kind.axes]
    along = parameters.index(gallery.which_axis(kind)) if len(parameters) > 1 else 0
    alone = Task((names.index(name),), (), task.objects, task.backgrounds, task.size, task.seed)
    stops = responses.stops(kind.axes[along])
    drawn = gallery.orbit(records.key(alone), alone, family, now, along, stops)
    gallery.chain(task, (family,))
    told = ", ".join(f"{a.parameter} {gallery.amount(a, v)}" for a, v in zip(kind.axes, now, strict=True))
    gallery.tiles(
        [
            Tile(drawn.before, f"{name}, as it was", f"{name} before the transformation"),
            Tile(drawn.now, f"{page.family_name(family)}: {told}", f"{name}, {page.family_name(family)}: {told}"),
        ],
        "il-pair",
    )
    axis = kind.axes[along]
    st.markdown(f"**Along the whole range** of {gallery.axis_name(axis)}")
    values = [gallery.amount(axis, value) for value in stops]
    strip = zip(drawn.strip, values, strict=True)
    gallery.tiles([Tile(png, value, f"{name}, {axis.parameter} {value}") for png, value in strip], "il-strip")
    page.notice(f"**{page.family_name(family).capitalize()}** {kind.what}. {gallery.remark(kind)}")
    chosen = {axis.parameter: value for axis, value in zip(kind.axes, now, strict=True)}
    rows = [
        {"object": name, "family": family}
        | {gallery.axis_name(a): value if a is axis else chosen[a.parameter] for a in kind.axes}
        for value in stops
    ]
    files = [("transformed.png", drawn.now, "image/png", "Picture (PNG)")]
    page.behind("one-transformation", rows, recipe(alone, family=family, parameters=chosen), files=files)


def twin_pairs(task: Task) -> None:
    """What the measure of sensitivity compares."""
    gallery.chain(task, task.transformations)
    if not task.transformations:
        st.info("Without a transformation the twins are the same picture: choose at least one to see them differ.")
    drawn = gallery.twins(records.key(task), task, PAIRS)
    st.markdown(
        "In each frame: an image, its **twin**, and a **stranger** (another image of the same set). **Sensitivity** is "
        "the mean of ‖f(x₁) − f(x₂)‖ divided by the mean of ‖f(x₁) − f(x₁′)‖, where *f* is what the network's last "
        "layer reads. 0: *f* does not see the transformation; about 1: twins are no more alike than strangers."
    )
    gallery.cards([
        (
            Tile(drawn.first[i], f"x₁: {drawn.names[i]}", f"pair {i + 1}, first image: {drawn.names[i]}"),
            Tile(drawn.second[i], "x₂: its twin", f"its twin: the same {drawn.names[i]}, drawn anew"),
            Tile(drawn.strangers[i], f"x₁′: {drawn.stranger_names[i]}", f"a stranger: {drawn.stranger_names[i]}"),
        )
        for i in range(PAIRS)
    ])  # fmt: skip
    page.notice(
        f"Twins share object and background; only the transformation is drawn anew. If *f* were the raw pixels, the "
        f"ratio would be **{drawn.ratio:.2f}** here ({drawn.pairs} pairs): a network has to do better."
    )
    page.behind("twin-pairs", drawn.rows, recipe(task, split="test", pixel_ratio=round(drawn.ratio, 4)), specs=[task])


def data_set(task: Task) -> None:
    """The task as files."""
    gallery.chain(task, task.transformations)
    st.markdown(
        "Take the images with you, and what was drawn for each: a ZIP with a folder for each class, or one tensor file."
    )
    boxes = st.columns(3)
    counts = {
        split: int(box.number_input(f"{split.capitalize()} images", 0, MOST_IMAGES, default, 50, key=split,
                                    bind="query-params"))
        for box, split, default in zip(boxes, SPLITS, (600, 200, 200), strict=True)
    }  # fmt: skip
    whole = sum(counts.values())
    fits = 1 <= whole <= MOST_IMAGES
    if not fits:
        st.warning(
            f"{whole:,} images: choose 1 to {MOST_IMAGES:,} in all here; the command line makes any number.",
            icon=":material/error:",
        )
    with st.container(horizontal=True):
        st.download_button(
            f"Make and download {whole:,} images",
            (lambda: export.dataset_zip(task, counts)) if fits else b"",
            file_name=f"{records.key(task)}.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            type="primary",
            on_click="ignore",
            disabled=not fits,
            key="dataset-zip",
        )
        st.download_button(
            "The same as one tensor file",
            (lambda: export.tensors(task, counts)) if fits else b"",
            file_name=f"{records.key(task)}.safetensors",
            mime="application/octet-stream",
            icon=":material/data_array:",
            on_click="ignore",
            disabled=not fits,
            key="dataset-tensors",
            help="safetensors: for each split images (uint8), labels, backgrounds and every drawn parameter; the "
            "recipe is in the file's metadata.",
        )
    st.caption("At any size, straight into a folder:")
    st.code(gallery.command(task, counts), language="bash", wrap_lines=True)
    page.notice(
        "In the ZIP, `task.json` holds the recipe and, for each image, its label and every drawn parameter in numbers. "
        "So you can also train a network to *tell* the angle, which is the opposite of ignoring it."
    )
    names = class_names(task.objects)
    folders = export.folder_names([names[c] for c in task.classes])
    rows = [
        {"label": i, "object": names[c], "folder": f}
        for i, (c, f) in enumerate(zip(task.classes, folders, strict=True))
    ]
    page.behind("data-set", rows, recipe(task, counts=counts), command=gallery.command(task, counts), specs=[task])


VIEWS: dict[str, Callable[[Task], None]] = {
    "gallery": the_gallery,
    "one": one_transformation,
    "twins": twin_pairs,
    "data": data_set,
}
WORDS = {"gallery": "Gallery", "one": "One transformation", "twins": "Twin pairs", "data": "Data set"}

page.title(
    "Transformations",
    "What can happen to an object before a network sees it, and which of these pictures should it call the same?",
)
words("object", "transformation family", "background", "twin pair", "Transforms-2D")
view = gallery.segments("Show", tuple(VIEWS), "gallery", "view", WORDS)
with st.expander("Transformations of the other three views") if view == "one" else st.container():
    families = gallery.families()
shown, beside = st.columns([5, 2], gap="large")
with beside:
    task = gallery.task_of(families)
    if absent := [name for name in SOURCES if not available(name)]:
        st.caption(
            f"More objects and backgrounds: {', '.join(absent)}. On the machine that runs this app, "
            f"`{GET} {absent[0]}` fetches the first; `python -m invlab data list` tells about all."
        )
with shown:
    if task is not None:
        try:
            gallery.wait_until_ready(task)
            VIEWS[view](task)
        except (ValueError, RuntimeError, OSError) as error:
            st.warning(gallery.sentence(error), icon=":material/error:")
