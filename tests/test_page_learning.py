"""The page While learning: recordings that ship, the scrubber, one's own, and an installation without them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from invlab import records, runs
from invlab.jobs import Queue
from invlab.snippet import snippet
from invlab.store import Store
from invlab.studies.recordings import recorded
from invlab.studies.singles import SOURCES, Singles
from invlab.ui.recording import Followed, OwnChoice
from tests.pages import apart, charts, opener
from tests.test_figures_learning import IMAGES, made_up

PAGE = str(Path(__file__).parent.parent / "pages" / "learning.py")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation of its own, without bundle and worker."""
    yield from apart(tmp_path, monkeypatch)


@pytest.fixture
def filled(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With recordings; and nothing may be computed."""
    store = Store(place)
    for source in SOURCES:
        spec = recorded(Singles(), source)
        record = {"kind": "Recording", "spec": records.plain(spec), "result": made_up(source)}
        store.put(records.key(spec), record)
    store.close()
    monkeypatch.setattr(runs, "execute", lambda *_: pytest.fail("the web process computed something"))
    return place


opened = opener(PAGE)


def words(page: AppTest) -> str:
    blocks = (page.markdown, page.caption, page.info, page.warning, page.error)
    parts = [str(element.value) for block in blocks for element in block]
    return "\n".join(parts + [str(p.proto.text) for p in page.get("progress")])


def marks(chart: dict) -> set[float]:
    return {s["x0"] for s in chart["layout"]["shapes"] if s["line"]["color"] == "#d62728"}


def test_without_recordings_it_says_what_to_type(place: Path) -> None:
    for view in ("One to three networks", "Every network, one family"):
        page = opened(view=view)
        assert not page.exception
        assert "is not in this installation's bundle yet" in words(page)
        assert "python -m invlab bundle build" in [code.value for code in page.code]


def test_first_sight_says_something_true(filled: Path) -> None:
    page = opened()
    assert not page.exception
    assert len(charts(page)) == 4
    assert all(chart.proto.alt for chart in page.get("plotly_chart"))
    names = [t.get("name") for t in charts(page)[0]["data"]]
    assert "rotate (its own)" in names
    assert "the same, trained for none" in names
    told = page.info[0].value
    assert "parts for good from the one trained for none after **64 images**" in told
    assert "half of their final gap (0.20 against 0.80) after **640**" in told
    assert "half of its way (30% → 90%) after **640**, at the same look" in told
    assert "does not fall, 0.10 → 0.20" in told
    assert "begins with the background and ends with the object" in told


def test_the_scrubber_moves_the_mark(filled: Path) -> None:
    page = opened()
    before = marks(charts(page)[0])
    page.select_slider(key="seen").set_value(64).run()
    assert not page.exception
    assert marks(charts(page)[0]) != before
    assert "after 64 images" in words(page)
    assert opened(seen="640 images").select_slider(key="seen").value == 640


def test_playing_goes_on_by_itself_and_ends(filled: Path) -> None:
    page = opened()
    page.button(key="play").click().run()
    assert not page.exception
    seen = []
    for _ in range(8):
        seen.append(page.select_slider(key="seen").value)
        if not page.session_state["playing"]:
            break
        page.run()
    assert seen[: len(IMAGES)] == list(IMAGES)
    assert not page.session_state["playing"]
    assert not page.exception


def test_networks_and_families_by_link(filled: Path) -> None:
    page = opened(networks=["hue", "blur", "none"], families="scale")
    assert not page.exception
    assert len(charts(page)) == 6
    names = [t.get("name") for t in charts(page)[0]["data"]]
    assert {"hue (its own)", "scale"} <= set(names)
    assert not opened(networks="<script>", seen="x", families="y", view="z").exception


def test_the_network_for_none_by_itself(filled: Path) -> None:
    page = opened(networks="none")
    assert not page.exception
    assert "averaged over 18 families, its sensitivity goes from 0.10 to **0.80**" in page.info[0].value


def test_every_network(filled: Path) -> None:
    page = opened(view="Every network, one family")
    assert not page.exception
    assert len(charts(page)[0]["data"]) == 4
    assert "half of the final gap" in page.info[0].value
    assert "as sensitive as the one trained for none (0.80 against 0.80)" in page.info[0].value
    page = opened(view="Every network, one family", family="hue")
    assert len(charts(page)[0]["data"]) == 21


# ----------------------------------------------------------------------------------------------------------- one's own


def test_ones_own_explains_and_asks(place: Path) -> None:
    page = opened(view="Record your own", source="blur", preset="live")
    assert not page.exception
    assert "has not been recorded here yet" in words(page)
    assert "on two CPU cores" in words(page)
    page.button(key="record").click().run()
    assert not page.exception
    choice = OwnChoice(source=("blur",))
    job = Queue().job(choice.key())
    assert job is not None
    assert (job.kind, job.state) == ("Recording", "queued")
    assert runs.revive(job.kind, job.payload) == choice.spec()
    assert page.button(key="record").disabled
    page.button(key=f"cancel-{choice.key()}").click().run()
    assert Queue().job(choice.key()).state == "cancelled"


def test_ones_own_under_way_and_finished(place: Path) -> None:
    choice = OwnChoice()
    queue = Queue()
    queue.submit(choice.key(), "Recording", records.plain(choice.spec()), title=choice.title(), visitor="somebody")
    claimed = queue.claim("worker")
    assert claimed is not None
    for look in made_up(looks=2)["looks"]:
        queue.report(claimed.key, "worker", {"stage": "look", **look, "fraction": 0.3})
    page = opened(view="Record your own")
    assert not page.exception
    assert "2 of 22 looks" in words(page)
    assert len(charts(page)) == 1
    Store(place).put(choice.key(), {"kind": "Recording", "spec": records.plain(choice.spec()), "result": made_up()})
    page = opened(view="Record your own")
    assert not page.exception
    assert len(charts(page)) == 2
    assert "to its own (rotate, hue) 0.10 → 0.50, to the others 0.10 → 0.80" in page.info[0].value
    assert "half of its way (30% → 90%) after **640 images**" in page.info[0].value
    assert snippet([choice.spec()]).strip() in [code.value for code in page.code]


def test_points_are_followed() -> None:
    followed = Followed()
    followed.add({"stage": "train", "images": 128, "fraction": 0.2})
    followed.add({"stage": "look", **made_up()["looks"][0], "fraction": 0.1})
    followed.add({"stage": "look", "images": "many", "fraction": None})
    assert (followed.images, followed.fraction) == (128, 0.2)
    assert "128 of 8,000 images" in followed.told(OwnChoice().spec(), 5)
    assert "about 20 s left" in followed.told(OwnChoice().spec(), 5)
