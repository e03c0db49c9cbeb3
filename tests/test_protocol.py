"""The client without a browser sees what a visitor sees, and the app takes two of them for two visitors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from invlab import jobs
from tests.browser import App
from tests.protocol import NotShownError, Session

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[App]:
    served = App(tmp_path_factory.mktemp("home"), INVLAB_WORKER="0")
    yield served
    served.stop()


def visiting(app: App, visit: Callable, count: int = 1) -> None:
    """Run `visit` with so many sessions, and close them."""

    async def whole() -> None:
        sessions = [Session(app.url) for _ in range(count)]
        try:
            await visit(*sessions)
        finally:
            for session in sessions:
                await session.close()

    asyncio.run(whole())


async def until(happened: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.05)


def test_home_is_read_and_the_navigation_followed(app: App) -> None:
    async def visit(session: Session) -> None:
        assert 0 < await session.open() < 60
        assert "Invariance Lab" in session.texts()
        assert any(element.kind == "plotly_chart" for element in session.shown())
        assert {"", "transfer", "sensitivity"} <= set(session.pages)
        assert await session.go("sensitivity") > 0
        assert "Sensitivity" in session.texts()
        assert "Invariance Lab" not in session.texts()  # what was of the other page is gone
        assert session.errors() == []
        with pytest.raises(NotShownError, match="no page 'nowhere'"):
            await session.go("nowhere")

    visiting(app, visit)


def test_a_control_changes_what_is_shown(app: App) -> None:
    async def visit(session: Session) -> None:
        await session.open("transfer", "seed=1")
        assert session.find("Seed").proto.value == 1
        await session.set("The second network learns under", "none")
        assert "The second network learns under *no transformation*." in session.texts()
        await session.set("The second network learns under", "same")
        assert "The second network learns under *rotate, hue, blur*." in session.texts()
        assert any("exactly the same" in text for text in session.texts())
        await session.set("source", ["hue"])  # by its key
        assert not any("exactly the same" in text for text in session.texts())
        with pytest.raises(NotShownError, match="no widget 'Nothing'"):
            await session.click("Nothing")
        assert session.errors() == []

    visiting(app, visit)


@pytest.mark.parametrize("last", ["transfer", "transformations", "own", "learning"])
def test_a_seed_chosen_elsewhere_breaks_no_page(app: App, last: str) -> None:
    """Streamlit carries what is chosen under a key over to other pages, whatever it is."""

    async def visit(session: Session) -> None:
        await session.open("sensitivity")
        await session.set("Seed", "1")
        await session.go("runs")
        await session.go(last)
        if last == "learning":
            await session.set("Show", "Record your own")
        assert session.errors() == []
        assert session.find("Seed").widget == "number_input"

    visiting(app, visit)


def test_two_clients_are_two_visitors_and_one_that_comes_again_is_the_same(app: App) -> None:
    async def visit(first: Session, second: Session) -> None:
        for session in (first, second):
            await session.open("transfer", "seed=77")
        for session in (first, second):  # the second asks for what is asked for already
            await session.click("Train both and compare")
        queue = jobs.Queue(app.home / "queue.sqlite3")
        (job,) = queue.jobs("queued")
        assert len(queue.visitors(job.key)) == 2  # one run for both
        await first.open("transfer", "seed=78")
        await first.click("Train both and compare")
        (other,) = [found for found in queue.jobs("queued") if found.key != job.key]
        assert set(queue.visitors(other.key)) < set(queue.visitors(job.key))
        await first.click("Cancel")
        assert queue.job(other.key).state == "cancelled"

    visiting(app, visit, 2)


def test_a_session_is_taken_up_again(app: App) -> None:
    async def visit(session: Session) -> None:
        await session.open("transfer")
        known = session.id
        await session.set("The second network learns under", "same")
        await session.reconnect()
        assert session.id == known
        assert "The second network learns under *rotate, hue, blur*." in session.texts()
        assert session.errors() == []
        await session.open("transfer")  # a reload is another session
        assert session.id != known

    visiting(app, visit)


def test_a_fragment_runs_again_by_itself_until_the_page_is_left(app: App) -> None:
    async def visit(session: Session) -> None:
        await session.open("transfer", "seed=79")
        await session.click("Train both and compare")
        runs = session.runs
        await until(lambda: session.runs > runs + 2)  # it is watched: nobody works on it here
        assert any("Waiting for a worker" in text for text in session.texts())
        await session.go("")
        runs = session.runs
        await asyncio.sleep(1.5)
        assert session.runs == runs
        assert session.errors() == []

    visiting(app, visit)


def test_what_it_holds_already_is_not_sent_again(app: App) -> None:
    async def visit(session: Session) -> None:
        await session.open("sensitivity")
        whole = session.received
        charts = [e.proto.spec for e in session.shown() if e.kind == "plotly_chart"]
        await session.set("Beside it: the published values", True)
        await session.set("Beside it: the published values", False)
        assert session.received - whole < whole
        assert [e.proto.spec for e in session.shown() if e.kind == "plotly_chart"] == charts
        assert session.faults == []

    visiting(app, visit)


def test_errors_are_told(app: App) -> None:
    async def visit(session: Session) -> None:
        await session.open("runs", "run=comparison-00000000000000000000000000000000")
        assert session.faults == []
        message = ForwardMsg()
        message.delta.new_element.exception.type, message.delta.new_element.exception.message = "KeyError", "gone"
        message.metadata.delta_path.extend([0, 99])
        session._take(message)
        assert "KeyError: gone" in session.errors()
        unknown = ForwardMsg(ref_hash="nothing of this hash was sent")
        session._take(unknown)
        assert any("does not hold" in error for error in session.errors())
        await session._get("/media/not-there.png")
        assert any("answered with 404" in error for error in session.errors())

    visiting(app, visit)


def test_a_server_that_goes_is_told(tmp_path: Path) -> None:
    served = App(tmp_path / "home", INVLAB_WORKER="0")

    async def visit(session: Session) -> None:
        await session.open()
        served.stop()
        await until(lambda: session.faults != [])
        assert "the connection was closed" in session.errors()[0]

    try:
        visiting(served, visit)
    finally:
        served.stop() if served.process.poll() is None else None
