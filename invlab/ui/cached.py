"""What pages share between reruns and visitors: the store, the queue and reads from them."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from typing import Any

import streamlit as st

from invlab import jobs, records, store, worker
from invlab.studies.singles import Singles

COLLECT_SECONDS = 60.0
PAINT_SECONDS = 3.0  # that the first page is left alone with the processor
WORKER_SECONDS = 2.0  # between two looks whether the worker is there

log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def the_store() -> store.Store:
    """The store of this installation, opened once."""
    return store.open_store()


@st.cache_resource(show_spinner=False)
def the_queue() -> jobs.Queue:
    """The queue of this installation, opened once."""
    return jobs.Queue()


@st.cache_data(show_spinner=False, ttl=3600)
def stored(key: str) -> dict[str, Any] | None:
    """The record of a key, copied. A missing one is remembered for an hour: use `the_store().get` while waiting."""
    return the_store().get(key)


def singles() -> dict[str, Any] | None:
    """The bundled study of one network for each family: its summary, or None where the bundle does not have it."""
    record = stored(records.key(Singles()))
    return record["result"] if record else None


@st.cache_resource(show_spinner=False)
def background_work() -> threading.Thread:
    """Start once for the whole server: a worker that is started again when it dies (unless INVLAB_WORKER is 0), the
    loading of torch, and a timer that collects garbage."""
    if os.environ.get("INVLAB_WORKER") != "0":
        threading.Thread(target=_keep_worker, args=(the_queue(),), name="invlab-worker", daemon=True).start()
    thread = threading.Thread(target=_background, name="invlab-background", daemon=True)
    thread.start()
    return thread


def _keep_worker(queue: jobs.Queue) -> None:
    while True:
        try:
            worker.ensure_running(queue)
        except OSError as error:
            log.warning("no worker could be started: %s", error)
        time.sleep(WORKER_SECONDS)


def _background() -> None:
    """Load what pages that render need, so that the first of them does not wait; then collect garbage on a timer."""
    time.sleep(PAINT_SECONDS)
    from invlab import runs

    runs.warm_up()
    while True:
        time.sleep(COLLECT_SECONDS)
        gc.collect()
