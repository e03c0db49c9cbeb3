"""A visitor's own pictures on a page: their limits, the uploader, and a sentence for each file that cannot be used.

The name of the set is in the link, so a link shows the same pictures. The session remembers it, so another page does.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from invlab import uploads
from invlab.pictures import PictureError
from invlab.roles import Refused
from invlab.ui import visitors
from invlab.ui.page import escaped, sentence
from invlab.uploads import LIMITS, MB

WORDS = {"cut-outs": "your cut-outs", "photographs": "your photographs"}  # what a picker, and so the link, says
# A type with a slash, which `image` becomes, switches off the server's own check of endings, whose failure would be an
# exception in the page: the browser's dialogue still offers these alone, and `receive` looks at what is in a file.
TYPES = ["image", ".zip"]
MOST_TOLD = 3  # problems that are told at once: the column is narrow
MOST_NAMED = 8  # classes that are named


def picked(label: str, sets: Sequence[str], kinds: Sequence[str], key: str) -> str:
    """A picker among `sets` and a visitor's own pictures; the first set stands in for what is missing. Its state is in
    the link under `key` and `key_set`."""
    options, words = [*sets, *kinds], f"the {sets[0]} {label.lower()}" if key == "objects" else f"the {sets[0]}"
    chosen = st.selectbox(
        label, options, format_func=lambda option: WORDS.get(option, option), key=key, bind="query-params"
    )
    return resolved(chosen, key, sets[0], words)


def resolved(chosen: str, key: str, instead: str, words: str) -> str:
    """The set that was chosen in the picker `key`: `chosen` itself, or, where that is a visitor's own pictures, the set
    that the visitor uploaded or the link names; `instead` (in `words`) where there is none."""
    if chosen not in uploads.KINDS:
        st.query_params.pop(_in_link(key), None)
        return chosen
    _uploader(chosen, key)
    told: dict[str, Any] = st.session_state.get(_told(key), {})
    _warn(told.get("errors", ()))
    try:
        found = _found(chosen, key)
    except PictureError as missing:
        _warn([f"{str(missing).rstrip('.')}; until then you see {words}."])
        return instead
    if found is None:
        st.caption(f"Until then you see {words}.")
        return instead
    name = st.query_params[_in_link(key)] = found.name
    if told.get("name") == name:
        _warn(told["problems"])
    st.caption(_summary(found, key))
    return name


def _found(kind: str, key: str) -> uploads.Uploaded | None:
    """The set that the link names, where it is of this kind; else the one of this session."""
    for name in (st.query_params.get(_in_link(key)), st.session_state.get(_kept(kind))):
        if name and (found := uploads.described(name)).kind == kind:
            return found
    return None


def link(key: str, name: str) -> dict[str, str]:
    """The part of a page's link that chooses the set `name` in the picker `key`."""
    if not uploads.is_name(name):
        return {key: name}
    try:
        kind = uploads.described(name).kind
    except PictureError:
        kind = "photographs" if key == "backgrounds" else "cut-outs"  # the page will say that it is gone
    return {key: WORDS[kind], _in_link(key): name}


def _uploader(kind: str, key: str) -> None:
    """Limits first, then the uploader. What was received leaves it: the server's memory holds an upload only as long
    as it is read, and no rerun reads it again."""
    why = visitors.barred("upload")
    st.caption(f":material/lock: {escaped(why)}" if why else escaped(uploads.limits_text(kind)))
    turn = st.session_state.get(_turn(key), 0)
    files = st.file_uploader(
        f"Upload {WORDS[kind]}",
        type=TYPES,
        accept_multiple_files=True,
        max_upload_size=LIMITS.bytes_each // MB,
        key=f"{key}-upload-{kind}-{turn}",
        disabled=why is not None,
    )
    if not files:
        return
    told: dict[str, Any]
    try:
        visitors.require("upload")
        received = uploads.receive([(file.name, file.getvalue()) for file in files], kind, _progress())
        told = {"name": received.name, "problems": received.problems}
        st.session_state[_kept(kind)] = st.query_params[_in_link(key)] = received.name
    except (PictureError, Refused) as error:
        told = {"errors": [sentence(error)]}
    st.session_state[_told(key)] = told
    st.session_state[_turn(key)] = turn + 1
    st.rerun()


def _progress() -> uploads.Report:
    """Shows how far the reading is and how long it will still take."""
    place, began = st.empty(), time.monotonic()

    def report(done: int, of: int) -> None:
        left = (time.monotonic() - began) / done * (of - done) if done else 0.0
        more = f", about {left:.0f} s left" if left >= 1 else ""
        place.progress(done / of, f"Reading picture {done + 1} of {of}{more}")

    return report


def _warn(sentences: Sequence[str]) -> None:
    """One sentence for each file that cannot be used: the first ones at once, the others at a click."""
    told = list(map(escaped, sentences))
    if told:
        st.warning("\n\n".join(told[:MOST_TOLD]), icon=":material/error:")
    if more := told[MOST_TOLD:]:
        with st.expander(f"… and {len(more)} more"):
            st.caption("\n\n".join(more))


def _summary(found: uploads.Uploaded, key: str) -> str:
    """What is shown now, in a sentence or two."""
    count, names = len(found.labels), found.classes if key == "backgrounds" else found.object_names
    text = f"{count} picture{'s' if count > 1 else ''} loaded"
    if names:
        some = ", ".join(map(escaped, names[:MOST_NAMED]))
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        text += f", {len(names)} class{'es' if len(names) > 1 else ''}: {some}{more}"
    if len(names) == 1 and count > 1:
        return f"{text}. They lie in one folder, so they are one class; for a class each, upload them without it."
    return f"{text}. The link of this page shows the same."


# Names in the session's state and in the link.


def _in_link(key: str) -> str:
    return f"{key}_set"


def _kept(kind: str) -> str:
    return f"own-{kind}"


def _told(key: str) -> str:
    return f"own-told-{key}"


def _turn(key: str) -> str:
    return f"own-turn-{key}"
