"""Those who visit the app in a load test: pages in a real Chromium, and clients of Streamlit's protocol."""

from __future__ import annotations

import random
import re
import stat
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from playwright.async_api import Browser, Page

from tests.protocol import VALUES, NotShownError, Session

SEEDS = 5  # that a visitor chooses from, as people do
STEP_SECONDS = 60.0  # that a step may take


class Answer(NamedTuple):
    """Seconds until a visitor was answered. `server`: from the asking until the page's script had finished; `drawn`:
    from the act (a click, a key, an address) until the page stood still and every figure was drawn, None for a client,
    which draws nothing."""

    server: float
    drawn: float | None = None


class Visitor(Protocol):
    """Somebody who looks at pages. The three methods say how long it took until they were answered."""

    kind: str

    async def open(self, path: str, query: str = "") -> Answer: ...

    async def go(self, path: str) -> Answer: ...

    async def use(self, label: str, chance: random.Random) -> Answer: ...

    async def press(self, label: str) -> None:
        """Press a button and wait for nothing."""
        ...

    async def shows(self, text: str) -> bool: ...

    async def errors(self) -> list[str]:
        """What went wrong since the last look."""
        ...

    async def close(self) -> None: ...


# ---------------------------------------------------------------------------------------------- a client as a visitor


class Client:
    """A visitor without a browser."""

    kind = "client"

    def __init__(self, url: str) -> None:
        self.session = Session(url)

    async def open(self, path: str, query: str = "") -> Answer:
        return Answer(await self.session.open(path, query))

    async def go(self, path: str) -> Answer:
        return Answer(await self.session.go(path))

    async def use(self, label: str, chance: random.Random) -> Answer:
        element = self.session.find(label)
        if element.kind == "button":
            return Answer(await self.session.click(label))
        return Answer(await self.session.set(label, another(element.widget, element.proto, chance)))

    async def press(self, label: str) -> None:
        await self.session.press(label)

    async def shows(self, text: str) -> bool:
        return text in self.session.texts()

    async def errors(self) -> list[str]:
        found = self.session.errors()
        self.session.faults.clear()
        return found

    async def close(self) -> None:
        await self.session.close()


def another(widget: str, proto: Any, chance: random.Random) -> Any:
    """A value that a person might choose."""
    if VALUES[widget] == "bool_value":
        return chance.random() < 0.5
    if widget == "number_input":
        return chance.randrange(SEEDS)
    return chance.choice([getattr(option, "content", option) for option in proto.options])


# --------------------------------------------------------------------------------------------- a browser as a visitor

# Notes when somebody acted, when the page asked the server after that, and when the server's script had finished;
# `room.settled` resolves with the seconds from the asking until the script had finished, and from the act until the
# page stands still and every figure is drawn; with null where nothing was asked.
NOTE = """
(() => {
  const room = window.room = { acted: 0, asked: null, finished: null };
  const status = bytes => {  // the message's field script_finished (6), or null
    let at = 0;
    const number = () => {
      let value = 0, shift = 0, byte;
      do { byte = bytes[at++]; value += (byte & 127) * 2 ** shift; shift += 7; } while (byte > 127);
      return value;
    };
    while (at < bytes.length) {
      const tag = number();
      if (tag === 48) return number();
      if ((tag & 7) !== 2) return null;
      const length = number();
      at += length;
    }
    return null;
  };
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...of) {
      super(...of);
      this.addEventListener('message', event => {
        if (room.asked === null || !(event.data instanceof ArrayBuffer)) return;
        const found = status(new Uint8Array(event.data));
        if (found !== null && found !== 2) room.finished ??= performance.now();  // 2: it runs once more
      });
    }
    send(data) { if (room.acted !== null) room.asked ??= performance.now(); super.send(data); }
  };
  room.before = () => { room.acted = room.asked = room.finished = null; };
  const act = event => { if (event.isTrusted) room.acted ??= performance.now(); };
  for (const kind of ['pointerdown', 'keydown']) window.addEventListener(kind, act, true);
  const still = () => {
    const app = document.querySelector('[data-testid=stApp]');
    return room.finished !== null && app?.dataset.testScriptState === 'notRunning'
      && !document.querySelector('[data-stale=true], [data-testid=stSkeleton]')
      && [...document.querySelectorAll('[data-testid=stPlotlyChart]')].every(f => f.querySelector('.main-svg'));
  };
  room.settled = (idle, most) => new Promise((resolve, reject) => {
    const began = performance.now();
    const look = () => {
      const waited = performance.now() - began;
      if (still()) return resolve([room.finished - room.asked, performance.now() - room.acted].map(ms => ms / 1000));
      if (room.asked === null && waited > idle * 1000) return resolve(null);
      if (waited > most * 1000) return reject(new Error('the page did not settle'));
      requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
})();
"""
NICE = 10  # of Chromium: in a class it runs on the students' machines, not on the server's processors
IDLE_SECONDS = 3.0  # after which an act that asked the server nothing counts as none
# Streamlit's page looks for its server below the page's own path first, and is told that it is not there.
LOOKING = re.compile(r"/[a-z_]+/_stcore/(health|host-config)$")
BAD = "[data-testid=stException], [data-testid=stAlertContentError]"


def behind(folder: Path, chromium: str) -> Path:
    """A program in `folder` that starts Chromium so that whoever else wants the processor goes first. Linux shares the
    processor between sessions, Chromium has one of its own, and looks at niceness within each: both are set."""
    path = folder / "chromium"
    path.write_text(
        f'#!/bin/sh\necho {NICE} 2>/dev/null >/proc/self/autogroup\nexec nice -n {NICE} "{chromium}" "$@"\n'
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


class Seat:
    """A visitor with a page in Chromium."""

    kind = "browser"

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url
        self.page: Page = None  # type: ignore[assignment] # there once it is opened
        self.told: list[str] = []
        self.leaving = False

    async def open(self, path: str, query: str = "") -> Answer:
        if self.page is None:
            context = await self.browser.new_context(viewport={"width": 1280, "height": 900})
            self.page = await context.new_page()
            self.page.set_default_timeout(STEP_SECONDS * 1000)
            await self.page.add_init_script(NOTE)
            self.page.on("console", self._console)
            self.page.on("pageerror", lambda error: self.told.append(f"error in the page: {error}"))
            self.page.on("websocket", lambda socket: socket.on("close", self._closed))
        self.leaving = True  # the socket of the page that is left
        await self.page.goto(f"{self.url}/{path}{'?' if query else ''}{query}", wait_until="commit")
        self.leaving = False
        return await self._settled()

    async def go(self, path: str) -> Answer:
        await self.page.evaluate("room.before()")
        await self.page.locator(f"[data-testid=stSidebarNavLink][href='{self.url}/{path}']").click()
        return await self._settled()

    async def use(self, label: str, chance: random.Random) -> Answer:
        await self.page.evaluate("room.before()")
        await self._use(label, chance)
        return await self._settled(IDLE_SECONDS)

    async def _use(self, label: str, chance: random.Random) -> None:
        main = self.page.get_by_test_id("stMain")
        group = main.get_by_role("radiogroup", name=label, exact=True).first
        if await group.count():
            return await chosen(group.locator("[aria-checked=false]"), chance)
        for role in ("combobox", "switch", "slider", "spinbutton", "button"):
            found = main.get_by_role(role, name=label, exact=True).first  # type: ignore[arg-type]
            if await found.count():
                return await acted(found, role, chance)
        raise NotShownError(label)

    async def _settled(self, idle: float = 2 * STEP_SECONDS) -> Answer:
        seconds = await self.page.evaluate(f"room.settled({idle}, {STEP_SECONDS})")
        if seconds is None:
            raise NotShownError("nothing was asked of the server")
        return Answer(*seconds)

    async def press(self, label: str) -> None:
        await self.page.get_by_role("button", name=label).click()

    async def shows(self, text: str) -> bool:
        return await self.page.get_by_text(text, exact=True).count() > 0

    async def errors(self) -> list[str]:
        found = [*self.told, *await self.page.locator(BAD).all_inner_texts()]
        self.told.clear()
        return found

    async def close(self) -> None:
        self.leaving = True
        if self.page is not None:
            await self.page.context.close()

    def _console(self, message: Any) -> None:
        url = message.location.get("url", "")
        if message.type == "error" and not LOOKING.search(url):
            self.told.append(f"console: {message.text} {url}")

    def _closed(self, _: Any) -> None:
        if not self.leaving:
            self.told.append("the connection was closed")


async def chosen(options: Any, chance: random.Random) -> None:
    """Click one of the options that are not chosen."""
    count = await options.count()
    if not count:
        raise NotShownError("there is no other option")
    await options.nth(chance.randrange(count)).click()


async def acted(found: Any, role: str, chance: random.Random) -> None:
    """Use a control as a person does with the keyboard, or click it."""
    await found.scroll_into_view_if_needed()
    if role == "combobox":
        await found.focus()
        for _ in range(chance.randrange(2, 6)):
            await found.press("ArrowDown")
        await found.press("Enter")
    elif role == "spinbutton":
        await found.fill(str(chance.randrange(SEEDS)))
        await found.press("Enter")
    elif role == "button":
        await found.click()
    else:
        await found.focus()
        await found.press("Space" if role == "switch" else chance.choice(["ArrowLeft", "ArrowRight"]))
