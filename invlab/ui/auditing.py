"""What the page *Your images and networks* is made of: choosing an audit, asking for it, watching it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from invlab import audit, devices, jobs, records, runs, weights
from invlab.architectures import ARCHITECTURES, facts, is_lab
from invlab.audit import DEFAULT, FILE, OWN_SCENES, RANDOM, Audit
from invlab.backgrounds import open_folder
from invlab.export import as_png
from invlab.roles import Refused
from invlab.studies.singles import NONE, SOURCES, Singles
from invlab.transforms import TRANSFORMS
from invlab.ui import cached, gallery, instruments, live, own, page, results, visitors
from invlab.ui.results import duration, escaped

LABNET = "labnet"
OWN_FILE = "a file of mine"
IN_PAGE_SECONDS = 4.0  # what a page computes by itself; all else goes to the queue
IN_PAGE_IMAGES = 60
PAIRS = 3  # twins in a row
MOST_IMAGES = 50
FOLDER_HERE = "a folder on this computer"
WORDS = {
    DEFAULT: "DEFAULT: torchvision’s, trained on ImageNet",
    RANDOM: "random: before any training",
    OWN_FILE: "a file of mine",
}
SCENES_WORDS = "drawn scenes"


# ----------------------------------------------------------------------------------------------------------- choosing


def choose() -> Audit | None:
    """The controls; None, and a sentence, where no audit can be made of them yet."""
    network = st.selectbox(
        "Network", list(ARCHITECTURES), index=list(ARCHITECTURES).index(LABNET), key="network", bind="query-params",
        format_func=network_words, help="The lab’s own read 32 × 32 pixels; torchvision’s are those for ImageNet.",
    )  # fmt: skip
    chosen = _weights(network)
    pictures = own_photographs()
    named = st.multiselect(
        "Families", list(TRANSFORMS), key="families", bind="query-params", format_func=page.family_name,
        placeholder=f"all {len(TRANSFORMS)}", help="Fewer families cost less.",
    )  # fmt: skip
    families = tuple(name for name in TRANSFORMS if name in named)
    count, seed = st.columns(2)
    with count:
        images = page.whole_number("How many", 2, MOST_IMAGES, 20, "count")
    with seed:
        number = page.whole_number("Seed", 0, 9999, 0, "seed")
    if chosen is None or pictures is None:
        return None
    return Audit(network, chosen, pictures, families or tuple(TRANSFORMS), images, seed=number)


def network_words(name: str) -> str:
    """A network with what it reads."""
    return f"{name} ({facts(name).size} px{', the lab’s' if is_lab(name) else ''})"


def own_photographs() -> str | None:
    """The name of the set of photographs, or None (and a sentence) where there is none yet."""
    uploaded = own.WORDS["photographs"]
    options = [SCENES_WORDS, uploaded, *([FOLDER_HERE] if gallery.served_locally() else [])]
    kind = st.selectbox("Photographs", options, key="pictures", bind="query-params")
    if kind == uploaded:
        return own.resolved("photographs", "pictures", OWN_SCENES, "the drawn scenes")
    if kind != FOLDER_HERE:
        return own.resolved(OWN_SCENES, "pictures", OWN_SCENES, "")
    path = st.text_input(
        "Folder", key="folder", bind="query-params", placeholder="a folder with PNG, WebP or JPEG files"
    )
    if not path:
        st.caption("Type where the folder is.")
        return None
    try:
        name, problems = open_folder(path)
    except ValueError as error:
        st.warning(escaped(gallery.sentence(error)), icon=":material/error:")
        return None
    for problem in problems[:5]:
        st.warning(escaped(problem), icon=":material/error:")
    if len(problems) > 5:
        st.caption(f"… and {len(problems) - 5} more like these.")
    return name


def _weights(network: str) -> str | None:
    """The spec's weights, or None where a file is still to be given or fetched."""
    if network == LABNET:
        options, kind = [*(f"trained for {page.family_name(s)}" for s in SOURCES), RANDOM, OWN_FILE], "labnet"
    else:
        options, kind = ([RANDOM, OWN_FILE], "lab") if is_lab(network) else ([DEFAULT, RANDOM, OWN_FILE], "imagenet")
    first = options.index(f"trained for {NONE}") if kind == "labnet" else 0
    text = st.selectbox(
        "Weights", options, index=first, key=f"weights_{kind}", bind="query-params",
        format_func=lambda option: WORDS.get(option, option),
    )  # fmt: skip
    if text == OWN_FILE:
        return _received(network)
    if text in (DEFAULT, RANDOM):
        return text
    return records.key(Singles().training(SOURCES[options.index(text)], 0))


def _received(network: str) -> str | None:
    """`file:` and the digest of weights that were uploaded now, or before: then the link holds it."""
    why = visitors.barred("upload a network")
    st.caption(f":material/lock: {escaped(why)}" if why else weights.LIMITS)
    file = st.file_uploader(
        f"Weights of {network}", type=["safetensors", "pt", "pth"], key=f"file_{network}",
        max_upload_size=weights.UPLOAD_BYTES // weights.MIB, disabled=why is not None,
    )  # fmt: skip
    if file is not None and st.session_state.get("received") != (network, file.file_id):
        try:
            visitors.require("upload a network")
            with st.spinner("Looking at every value …"):
                st.session_state["digest"] = weights.receive_weights(file.getvalue(), file.name, network)
            st.session_state["received"] = network, file.file_id
        except (weights.WeightsError, Refused) as error:
            st.error(escaped(page.sentence(error)), icon=":material/error:")
            return None
    digest = st.text_input("Digest of received weights", key="digest", bind="query-params", placeholder="64 digits")
    if not digest:
        st.caption("Choose a file; its digest then stands here, and in this page’s link.")
        return None
    try:
        weights.received(digest)
    except weights.WeightsError as error:
        st.warning(escaped(gallery.sentence(error)), icon=":material/error:")
        return None
    return FILE + digest


# ------------------------------------------------------------------------------------------------------------- having


def light(spec: Audit) -> bool:
    """Whether a page may compute it: a small network on small pictures."""
    quick = audit.expected_seconds(spec) <= IN_PAGE_SECONDS and spec.images <= IN_PAGE_IMAGES
    return is_lab(spec.network) and quick


def record_of(spec: Audit) -> dict[str, Any] | None:
    """The stored record, computed now where that takes a second or two; None where it has to be asked for.

    Raises ValueError where the network or the photographs cannot be had.
    """
    store, key = cached.the_store(), records.key(spec)
    found = store.get(key)
    if found is None and light(spec):
        with st.spinner("Showing the photographs to the network …"):
            devices.one_thread_each()
            found = runs.execute(spec, store)
    return found


def asking(spec: Audit) -> None:
    """A run that is not stored: its progress where it is under way, else what it costs and the button."""
    queue, key = cached.the_queue(), records.key(spec)
    job = queue.job(key)
    if job is not None and not job.over:
        live.follow(key, told)
        return
    if job is not None:
        live.again_text(job)
    live.refusal()
    seconds = audit.expected_seconds(spec)
    download = to_download(spec)
    if download and not gallery.served_locally():
        st.warning(
            f"torchvision’s weights of {spec.network} are not on this server. Choose another network, give a file, or "
            "run the app on your own computer.",
            icon=":material/cloud_off:",
        )
        return
    label = f"Fetch {download} MiB and run the audit" if download else "Run the audit"
    live.button(label, [Wanted(spec)], "run", type="primary", icon=":material/play_arrow:")
    place = live.before(queue)
    wait = f"; {place}" if place else ""
    st.caption(f":material/timer: About {duration(seconds)} on two CPU cores{wait}. You can leave the page meanwhile.")


def to_download(spec: Audit) -> int:
    """How many MiB have to be fetched first; 0 where nothing has."""
    if spec.weights != DEFAULT or weights.default_here(spec.network):
        return 0
    return facts(spec.network).megabytes


@dataclass(frozen=True)
class Wanted:
    """An audit that is asked of the queue."""

    audit: Audit

    def spec(self) -> Audit:
        return self.audit

    def key(self) -> str:
        return records.key(self.audit)

    def title(self) -> str:
        """One line for a list of runs."""
        return f"Audit of {self.audit.network}, {len(self.audit.families)} families"


def told(queue: jobs.Queue, job: jobs.Job) -> str:
    """What is being done, how far it is, how long it will still take."""
    if job.cancel:
        return "Stopping after this batch…"
    if job.state == "queued":
        return live.waiting_text(queue, job)
    point = job.progress
    if point.get("stage") == "download":
        return f"Fetching the weights, {int(point.get('bytes', 0)) // weights.MIB} MiB…"
    if point.get("stage") != "show":
        past = time.time() - (job.started or time.time())
        return f"Preparing the network and the photographs, {max(0, round(past))} s…"
    done, of, left = (point.get(name, 0) for name in ("done", "of", "left"))
    family = page.family_name(str(point.get("family") or "unchanged"))
    return f"{done:,} of {of:,} pictures shown · {family} · about {duration(left)} left"


# ----------------------------------------------------------------------------------------------------------- pictures


@st.cache_data(show_spinner=False, max_entries=100)
def pictures(key: str, family: str, _spec: Audit) -> dict[str, list[bytes]]:
    """PNGs of the first photographs, unchanged (``""``) and under one draw of a family; `key` is the spec's."""
    found = audit.examples(replace(_spec, families=(family,)), 128, 6)
    return {name: [as_png(pixels.numpy()) for pixels in images] for name, images in found.items()}


def strip(spec: Audit, family: str) -> None:
    """The pictures, before and after."""
    for name, shown in pictures(records.key(spec), family, spec).items():
        words = page.family_name(name) if name else "before"
        tiles = [gallery.Tile(png, words, f"photograph {i + 1}, {words}") for i, png in enumerate(shown)]
        gallery.tiles(tiles, "il-strip")


def twins(spec: Audit, result: dict[str, Any], family: str) -> None:
    """Photographs under two draws, those that the network sees least and most apart."""
    moved = next(row.get("twins") for row in result["families"] if row["family"] == family)
    if moved is None:  # stored before an audit told them one by one
        return
    order = sorted(range(len(moved)), key=moved.__getitem__)
    few = min(PAIRS, len(order) // 2) or 1
    for heading, chosen in (("Twins moved least", order[:few]), ("Twins moved most", order[::-1][:few])):
        st.markdown(f"**{heading}**")
        instruments.gallery(twin_pairs(records.key(spec), family, tuple(chosen), tuple(moved[i] for i in chosen), spec))
    st.caption("Two draws of each photograph; below them their distance, where two photographs are 1 apart on average.")


@st.cache_data(show_spinner=False, max_entries=100)
def twin_pairs(
    key: str, family: str, chosen: tuple[int, ...], moved: tuple[float, ...], _spec: Audit
) -> list[instruments.Pair]:
    """Two draws of each photograph beside each other; `key` is the spec's."""
    found = audit.twin_pictures(_spec, family, chosen, 128).numpy()
    return [
        instruments.Pair(first, second, f"photograph {i + 1}", f"{distance:.2f}")
        for i, (first, second), distance in zip(chosen, found, moved, strict=True)
    ]


def results_text(record: dict[str, Any]) -> str:
    """What was shown, where and how long, in one line."""
    result, made = record["result"], record["made"]
    return (
        f"{result['images']} photographs of {result['size']} pixels, {result['shown']:,} different pictures, "
        f"{results.duration(made['seconds'])} on {made['device']}"
    )
