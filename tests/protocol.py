"""A visitor without a browser: a client of Streamlit's own WebSocket protocol (as of 1.67).

It asks and answers as Streamlit's page in a browser does: the cookie against forged requests, the session's id, the
state of the widgets, messages that it holds already and that are sent as a reference, fragments that run by
themselves, the pictures of a page. It draws nothing, so that many of them fit on a machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import websockets
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

COOKIE = "_streamlit_xsrf"
LONGEST = 60.0  # seconds that a page may take
CACHE_RUNS = 2  # runs for which a browser holds a message without seeing it again, until the server says otherwise
# Which field of a widget's state holds its value; a slider's depends on what it slides over.
VALUES = {
    "button": "trigger_value",
    "button_group": "string_array_value",
    "checkbox": "bool_value",
    "multiselect": "string_array_value",
    "number_input": "double_value",
    "radio": "string_value",
    "select_slider": "string_array_value",
    "selectbox": "string_value",
    "slider": "double_array_value",
    "text_input": "string_value",
}
WORDS = ("body", "label", "text", "caption", "title", "delta")  # fields of an element that a person reads


class NotShownError(LookupError):
    """The page does not show what was asked for."""


@dataclass
class Element:
    """What stands in one place of the page."""

    kind: str
    proto: Any
    run: int  # the number of the run that sent it last
    fragment: str  # '' outside of fragments

    @property
    def widget(self) -> str:
        """What kind of widget it is, as `VALUES` calls it."""
        ranged = self.kind == "slider" and self.proto.type == self.proto.SELECT_SLIDER
        return "select_slider" if ranged else self.kind


@dataclass
class _Request:
    fragment: str
    began: float = field(default_factory=time.perf_counter)
    run: int | None = None  # of the first run that began after the request
    answered: asyncio.Future[float] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass
class _Cached:
    message: ForwardMsg
    seen: int
    fragment: str


class Session:
    """One visitor. `open`, `go`, `set` and `click` return the seconds until the page's script had finished.

    They raise NotShownError for what the page does not show and TimeoutError after `LONGEST`. What went wrong on the
    way is in `faults`: a connection that was closed, a picture that was not there, a script that did not compile.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookie = self.id = self.query = self.page = ""
        self.pages: dict[str, str] = {}  # path -> hash of the script
        self.faults: list[str] = []
        self.runs = 0
        self.received = 0  # bytes
        self.elements: dict[tuple[int, ...], Element] = {}
        self._states: dict[str, WidgetState] = {}
        self._cache: dict[str, _Cached] = {}
        self._cache_runs = CACHE_RUNS
        self._fragments: tuple[str, ...] = ()  # of the run that is on
        self._timers: dict[str, tuple[float, asyncio.Task[None]]] = {}
        self._request: _Request | None = None
        self._fetched: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._socket: Any = None

    # ------------------------------------------------------------------------------------------------- what one does

    async def open(self, path: str = "", query: str = "") -> float:
        """Come to a page by its link: with the cookie of before, if there was one, and nothing else of it."""
        await self.close()
        self._forget()
        began = time.perf_counter()
        for asked in (f"/{path}", "/_stcore/health", "/_stcore/host-config"):
            await self._get(asked)
        await self._connect()
        self.query = query
        await self._ask(_Request("", began), name=path)
        return await self.settle()

    async def reconnect(self) -> float:
        """Lose the connection and take the session up again, as a browser does when the network has been away."""
        await self.close()
        await self._connect()
        await self._ask(_Request(""))
        return await self.settle()

    def _forget(self) -> None:
        self.id = self.page = ""
        for held in (self.elements, self._states, self._cache, self._fetched):
            held.clear()

    async def _connect(self) -> None:
        host = urlsplit(self.url).netloc
        self._socket = await websockets.connect(
            f"ws://{host}/_stcore/stream",
            subprotocols=["streamlit", self.cookie, *([self.id] if self.id else [])],  # type: ignore[list-item]
            additional_headers={"Cookie": f"{COOKIE}={self.cookie}"},
            origin=self.url,  # type: ignore[arg-type]
            max_size=None,
        )
        self._start(self._receive(self._socket))

    async def go(self, path: str) -> float:
        """Choose a page in the navigation."""
        if path not in self.pages:
            raise NotShownError(f"the navigation has no page {path!r}: {', '.join(sorted(self.pages))}")
        self.query = ""
        self._stop(*self._timers)
        await self._ask(_Request(""), page=self.pages[path])
        return await self.settle()

    async def set(self, name: str, value: Any) -> float:
        """Give the widget with this label (or key) a value: a list for one that holds several."""
        await self._change(self.find(name), value)
        return await self.settle()

    async def click(self, label: str) -> float:
        """Press a button."""
        await self.press(label)
        return await self.settle()

    async def press(self, label: str) -> None:
        """Press a button and wait for nothing."""
        await self._change(self.find(label, "button"), True)

    async def settle(self, seconds: float = LONGEST) -> float:
        """Wait for what was last asked for; the seconds it took from the asking."""
        if self._request is None:
            return 0.0
        request = self._request
        async with asyncio.timeout(seconds):
            return await request.answered

    async def close(self) -> None:
        """Leave."""
        self._stop(*self._timers)
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        if self._socket is not None:
            await self._socket.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._socket = None

    # ----------------------------------------------------------------------------------------------- what one sees

    def shown(self) -> list[Element]:
        """All elements, from the top of the page to its foot."""
        return [self.elements[path] for path in sorted(self.elements)]

    def texts(self) -> list[str]:
        """All that is written on the page."""
        return [word for element in self.shown() for word in _words(element)]

    def errors(self) -> list[str]:
        """Exceptions and errors that the page shows, and the session's faults."""
        found = []
        for element in self.shown():
            if element.kind == "exception":
                found.append(f"{element.proto.type}: {element.proto.message}")
            elif element.kind == "alert" and element.proto.format == Alert.ERROR:
                found.append(element.proto.body)
        return found + self.faults

    def find(self, name: str, kind: str = "") -> Element:
        """The first widget with this label (or key). Raises NotShownError."""
        widgets = [e for e in self.shown() if e.widget in VALUES and kind in ("", e.kind) and not e.proto.disabled]
        for element in widgets:
            if name == element.proto.label or element.proto.id.endswith(f"-{name}"):
                return element
        raise NotShownError(f"no widget {name!r} to be used: {', '.join(e.proto.label for e in widgets)}")

    # ------------------------------------------------------------------------------------------------------ sending

    async def _change(self, element: Element, value: Any) -> None:
        name = VALUES[element.widget]
        state = WidgetState(id=element.proto.id)
        if name.endswith("array_value"):
            getattr(state, name).data.extend(value if isinstance(value, list | tuple) else [value])
        else:
            setattr(state, name, value)
        if name == "trigger_value":
            await self._ask(_Request(element.fragment), once=state)
        else:
            self._states[state.id] = state
            await self._ask(_Request(element.fragment))

    async def _ask(self, request: _Request, page: str = "", name: str = "", once: WidgetState | None = None) -> None:
        self._request = request
        await self._send(request.fragment, page, name, once)

    async def _send(
        self, fragment: str = "", page: str = "", name: str = "", once: WidgetState | None = None, auto: bool = False
    ) -> None:
        message = BackMsg()
        rerun = message.rerun_script
        rerun.query_string, rerun.fragment_id, rerun.is_auto_rerun = self.query, fragment, auto
        rerun.page_script_hash, rerun.page_name = page or ("" if name else self.page), name
        rerun.widget_states.widgets.extend([*self._states.values(), *([once] if once else [])])
        rerun.cached_message_hashes.extend(self._cache)
        rerun.context_info.timezone, rerun.context_info.locale = "UTC", "en-GB"
        rerun.context_info.url, rerun.context_info.color_scheme = self.url, "light"
        with contextlib.suppress(websockets.ConnectionClosed):  # the receiver tells of it
            await self._socket.send(message.SerializeToString())

    async def _get(self, path: str) -> None:
        status, cookie = await asyncio.to_thread(_fetched, self.url, path, self.cookie)
        self.cookie = cookie or self.cookie
        if status != 200:
            self.faults.append(f"{path} was answered with {status}")

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---------------------------------------------------------------------------------------------------- receiving

    async def _receive(self, socket: Any) -> None:
        try:
            async for data in socket:
                self.received += len(data)
                self._take(ForwardMsg.FromString(data))
            reason = "the connection was closed"
        except websockets.ConnectionClosedError as error:
            reason = f"the connection was closed: {error}"
        self.faults.append(reason)
        self._answer()

    def _take(self, message: ForwardMsg) -> None:
        message = self._of_cache(message)
        kind = message.WhichOneof("type") or ""
        handler = getattr(self, f"_on_{kind}", None)
        if handler is not None:
            handler(getattr(message, kind), message.metadata)

    def _of_cache(self, message: ForwardMsg) -> ForwardMsg:
        """A message that the client holds already is sent by its hash alone."""
        if message.WhichOneof("type") != "ref_hash":
            if message.metadata.cacheable:
                self._cache[message.hash] = _Cached(message, self.runs, message.delta.fragment_id)
            return message
        held = self._cache.get(message.ref_hash)
        if held is None:
            self.faults.append("the server refers to a message that this client does not hold")
            return message
        held.seen = self.runs
        whole = ForwardMsg()
        whole.CopyFrom(held.message)
        whole.metadata.CopyFrom(message.metadata)
        return whole

    def _on_new_session(self, new: Any, metadata: Any) -> None:
        self.runs += 1
        self.id, self._fragments = new.initialize.session_id, tuple(metadata.run.fragment_ids)
        self._cache_runs = new.config.max_cached_message_age
        if not self._fragments:
            self.page = new.page_script_hash
            self._stop(*self._timers)
        request = self._request
        if request is not None and request.run is None and (not self._fragments or request.fragment in self._fragments):
            request.run = self.runs

    def _on_navigation(self, navigation: Any, _: Any) -> None:
        self.pages = {"" if p.is_default else p.url_pathname: p.page_script_hash for p in navigation.app_pages}
        self.page = navigation.page_script_hash

    def _on_page_info_changed(self, info: Any, _: Any) -> None:
        self.query = info.query_string

    def _on_delta(self, delta: Any, metadata: Any) -> None:
        path = tuple(metadata.delta_path)
        kind = delta.WhichOneof("type")
        if kind == "add_block":
            self.elements.pop(path, None)
        elif kind == "new_element":
            for inner in [p for p in self.elements if p[: len(path)] == path]:
                del self.elements[inner]
            name = delta.new_element.WhichOneof("type")
            element = Element(name, getattr(delta.new_element, name), self.runs, delta.fragment_id)
            self.elements[path] = element
            if getattr(element.proto, "set_value", False):  # the script has set it
                self._states.pop(element.proto.id, None)

    def _on_auto_rerun(self, auto: Any, _: Any) -> None:
        known = self._timers.get(auto.fragment_id)
        if known is not None and known[0] == auto.interval:
            return
        self._stop(auto.fragment_id)  # it has another interval now
        work = asyncio.create_task(self._again(auto.fragment_id, auto.interval))
        self._timers[auto.fragment_id] = auto.interval, work

    def _on_stop_auto_rerun(self, stop: Any, _: Any) -> None:
        self._stop(*stop.fragment_ids)

    def _stop(self, *fragments: str) -> None:
        for fragment in fragments:
            if fragment in self._timers:
                self._timers.pop(fragment)[1].cancel()

    async def _again(self, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._send(fragment, auto=True)

    def _on_script_finished(self, status: int, metadata: Any) -> None:
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.faults.append("the script could not be compiled")
        fragments = tuple(metadata.run.fragment_ids) if metadata.HasField("run") else self._fragments
        self._clear(fragments)
        request = self._request
        if request is not None and request.run is not None and (not fragments or request.fragment in fragments):
            self._answer()
        self._see()

    def _answer(self) -> None:
        if self._request is not None and not self._request.answered.done():
            self._request.answered.set_result(time.perf_counter() - self._request.began)

    def _clear(self, fragments: tuple[str, ...]) -> None:
        """Drop what the run that has finished did not send again, and what has not been seen for some runs."""
        for path, element in [*self.elements.items()]:
            if element.run < self.runs and (not fragments or element.fragment in fragments):
                del self.elements[path]
        there = {element.proto.id for element in self.elements.values() if element.widget in VALUES}
        self._states = {name: state for name, state in self._states.items() if name in there}
        for name, held in [*self._cache.items()]:
            if self.runs - held.seen > self._cache_runs and (not fragments or held.fragment in fragments):
                del self._cache[name]

    def _see(self) -> None:
        """Fetch the pictures of the page that were not there before, as a browser does."""
        pictures = {image.url for e in self.elements.values() if e.kind == "imgs" for image in e.proto.imgs}
        for url in pictures - self._fetched:
            if url.startswith("/media/"):
                self._start(self._get(url))
        self._fetched |= pictures


def _words(element: Element) -> Iterator[str]:
    for name in WORDS:
        value = getattr(element.proto, name, "")
        if isinstance(value, str) and value:
            yield value


def _fetched(url: str, path: str, cookie: str) -> tuple[int, str]:
    """GET: the status, and the value of the cookie that was set ('' for none)."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port, timeout=LONGEST)
    try:
        connection.request("GET", path, headers={"Cookie": f"{COOKIE}={cookie}"} if cookie else {})
        answer = connection.getresponse()
        answer.read()
        found = [v for name, v in answer.getheaders() if name.lower() == "set-cookie" and v.startswith(f"{COOKIE}=")]
        return answer.status, found[0].partition("=")[2].partition(";")[0] if found else ""
    finally:
        connection.close()
