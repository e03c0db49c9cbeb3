"""What pages share between reruns and visitors: the store, the queue and reads from them."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import streamlit as st

from invlab import files, jobs, logs, memory, records, roles, rooms, store, worker
from invlab.studies.singles import Singles

COLLECT_SECONDS = 60.0
QUIET_SECONDS = 6.0  # since the last page was asked for; then it is painted, its figures too
LATEST_SECONDS = 20.0  # after the first page; visitors who keep coming do not put off the warming up for ever
REFUSAL_SECONDS = 30.0  # between two looks whether the store is still of this version
WORKER_SECONDS = 2.0  # between two looks whether the worker is there

RENDERED_BYTES = 32 * 2**20  # of test images kept in the web process; a worker, which measures all day, keeps more
READINGS = 120  # kept of what is read off results: tables, and figures, each some hundred kB

T = TypeVar("T")

log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def the_store() -> store.Store:
    """The store of this installation, opened once; a server that only shows writes nothing."""
    return store.open_store(read_only=roles.mode() == "view")


def refusal() -> str | None:
    """Why no result can be stored by this version, as one sentence; None where it can. Looked at once in a while."""
    return _refusal(int(time.monotonic() / REFUSAL_SECONDS))


@st.cache_resource(show_spinner=False, max_entries=1)
def _refusal(moment: int) -> str | None:
    return the_store().refusal()


@st.cache_resource(show_spinner=False)
def the_queue() -> jobs.Queue:
    """The queue of this installation, opened once; a server that only shows has none."""
    return jobs.ClosedQueue() if roles.mode() == "view" else jobs.Queue()


@st.cache_resource(show_spinner=False)
def the_rooms() -> rooms.Rooms:
    """The rooms of this installation, opened once."""
    return rooms.Rooms()


@st.cache_data(show_spinner=False, ttl=3600, max_entries=200)
def stored(key: str) -> dict[str, Any] | None:
    """The record of a key, copied. A missing one is remembered for an hour: use `the_store().get` while waiting."""
    return the_store().get(key)


def singles() -> dict[str, Any] | None:
    """The bundled study of one network for each family: its summary, or None where the bundle does not have it."""
    record = stored(records.key(Singles()))
    return record["result"] if record else None


def once(keys: Sequence[str], what: str, make: Callable[[], T]) -> T:
    """`make()`, computed once for the results with these keys: for what is read off them, and the figures they draw.

    `what` tells it from other readings of the same results, and must name everything that was chosen. The same object
    is given to every rerun and visitor: do not change it. A figure takes 20 to 80 ms to build, thirty visitors would
    wait for each other.
    """
    return _once(tuple(keys), what, make)


@st.cache_resource(show_spinner=False, max_entries=READINGS)
def _once(keys: tuple[str, ...], what: str, _make: Callable[[], Any]) -> Any:
    return _make()


def of_singles(what: str, make: Callable[[], T]) -> T:
    """`once` for readings of the bundled study of one network for each family."""
    return once([records.key(Singles())], what, make)


_kept_open: list[object] = []  # for as long as the server runs
_asked = time.monotonic()  # when a page was last asked for


def background_work() -> None:
    """To be called whenever a page is asked for. Once for the whole server it starts: a worker that is started again
    when it dies (unless INVLAB_WORKER is 0), the loading of torch, and a timer that collects garbage and old rooms."""
    global _asked
    _asked = time.monotonic()
    _begin()


@st.cache_resource(show_spinner=False)
def _begin() -> None:
    logs.set_up("web", store.home())
    memory.few_arenas()
    if roles.mode() != "view":
        _kept_open.append(files.used(store.home()))
    if why := the_store().refusal():
        log.error("%s", why)
    if roles.mode() != "view" and os.environ.get("INVLAB_WORKER") != "0":
        threading.Thread(target=_keep_worker, args=(the_queue(),), name="invlab-worker", daemon=True).start()
    threading.Thread(target=_background, name="invlab-background", daemon=True).start()


def _keep_worker(queue: jobs.Queue) -> None:
    while True:
        try:
            if the_store().refusal() is None:  # else it would end at once
                worker.ensure_running(queue)
        except OSError as error:
            log.warning("no worker could be started: %s", error)
        time.sleep(WORKER_SECONDS)


def _background() -> None:
    """Load what pages that render need, so that the first of them does not wait; then, on a timer, collect garbage,
    give free memory back and delete the rooms whose term is over."""
    _wait_until_quiet()
    from invlab import photographs, runs, things

    runs.rendered.limit_bytes = RENDERED_BYTES
    runs.warm_up()  # where the worker is drawing the scenes, this waits for its file
    if photographs.are_drawn() and things.are_drawn():  # else they are drawn, in half a minute, for who asks first
        photographs.photographs("pictures", photographs.SIDE)
        things.things(photographs.SIDE)
    while True:
        time.sleep(COLLECT_SECONDS)
        gc.collect()
        memory.give_back()
        _expire_rooms()


def _expire_rooms() -> None:
    try:
        if roles.mode() != "view":
            the_rooms().expire()
    except rooms.RoomError as error:
        log.warning("rooms whose term is over are still there: %s", error)


def _wait_until_quiet() -> None:
    """Importing torch holds the interpreter for up to half a second at a time, in which no page and no script is sent:
    it must not fall into the moment when a page is opened. A page that needs torch at once loads it by itself."""
    began = time.monotonic()
    while (now := time.monotonic()) - _asked < QUIET_SECONDS and now - began < LATEST_SECONDS:
        time.sleep(0.2)
