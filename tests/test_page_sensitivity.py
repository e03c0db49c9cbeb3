"""The page Sensitivity: with a bundle, without one, and in a real browser."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from invlab import records, training
from invlab.bundle_files import write_bundle
from invlab.sensitivity import Sensitivity, TwinPairs
from invlab.store import Store
from invlab.studies import claims
from invlab.studies.singles import FAMILIES, SOURCES, Singles
from invlab.ui import instruments, twin_pairs
from tests.pages import apart, charts, opener, texts
from tests.test_claims import synthetic

ROOT = Path(__file__).parent.parent
PAGE = str(ROOT / "pages" / "sensitivity.py")
SECONDS = 60
WITH_WEIGHTS = "rotate"
BLACK = Singles(backgrounds="black")  # its pairs are rendered without half a minute of painting landscapes


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with made-up numbers and one network, which has not learned anything."""
    folder = tmp_path_factory.mktemp("sensitivity")
    store, study = Store(folder / "made"), Singles()
    key = records.key(study)
    store.put(key, {"kind": "Singles", "spec": records.plain(study), "result": synthetic()})
    spec = BLACK.training(WITH_WEIGHTS, 0)
    network = training.start(spec, "cpu")
    weights = store.put_weights(records.key(spec), dict(network.state_dict()))
    record = {"kind": "Training", "spec": records.plain(spec), "weights": weights, "result": {"test_accuracy": 0.5}}
    store.put(records.key(spec), record)
    write_bundle(store, folder / "bundle", [key, records.key(spec)], [records.key(spec)], {"preset": study.preset})
    store.close()
    return folder / "bundle"


@pytest.fixture
def with_bundle(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from apart(tmp_path, monkeypatch, bundle)


@pytest.fixture
def few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    behind = twin_pairs.behind
    monkeypatch.setattr(twin_pairs, "PAIRS", 24)

    def on_black(measured: Sensitivity) -> TwinPairs:
        (learned,) = measured.training.task.transformations
        (seen,) = measured.task.transformations
        return behind(BLACK.sensitivity(learned, "new", seen, 0))

    monkeypatch.setattr(twin_pairs, "behind", on_black)


@pytest.fixture
def without_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from apart(tmp_path, monkeypatch)


opened = opener(PAGE)


def drawn(test: AppTest) -> np.ndarray:
    rows = next(t for t in charts(test)[0]["data"] if t["name"] == "colours")["z"]
    return np.array([[v for v in row if v is not None] for row in rows if any(v is not None for v in row)])


def chosen(test: AppTest) -> str:
    return next(m.value for m in test.markdown if m.value.startswith("Chosen"))


def test_without_a_bundle_it_says_what_to_type(without_bundle: None) -> None:
    test = opened()
    assert not test.exception
    assert not test.get("plotly_chart")
    assert "python -m invlab bundle build" in [code.value for code in test.code]


def test_first_sight_says_something_true(with_bundle: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(claims.HYPOTHESES, "h_flip", "a guess about mirrors")
    test = opened()
    assert not test.exception
    summary = synthetic()
    np.testing.assert_allclose(drawn(test), claims.grid(summary, "new").values)
    assert len(charts(test)) == 3  # the map, the families, the overview
    assert "The diagonal stands out" in test.info[0].value
    assert sum("holds" in m.value and "17 of 18" in m.value for m in test.markdown) == 3
    assert sum(m.value.startswith("**mirror left–right**: same") for m in test.markdown) == 3
    assert "a guess about mirrors" in texts(test)
    assert all(chart.proto.alt for chart in test.get("plotly_chart"))
    assert claims.number(claims.grid(summary, "new").at("rotate", "rotate")[0]) in chosen(test)


@pytest.mark.parametrize("name", claims.MEASURES)
def test_every_measure_is_in_the_link(with_bundle: None, name: str) -> None:
    test = opened(measure=claims.MEASURES[name].label, network="none", family="blur", seed="2")
    assert not test.exception
    grid = claims.grid(synthetic(), name, 2)
    np.testing.assert_allclose(drawn(test), grid.values)
    assert claims.number(grid.at("none", "blur")[0]) in chosen(test)
    assert "trained without transformations" in chosen(test)
    assert "seed 2" in chosen(test)


def test_a_wrong_link_falls_back(with_bundle: None) -> None:
    test = opened(measure="colour", network="teapot", family="<script>", seed="99", pairs="perhaps")
    assert not test.exception
    assert [box.value for box in test.selectbox] == ["rotate", "rotate", "mean"]
    np.testing.assert_allclose(drawn(test), claims.grid(synthetic(), "new").values)


def test_pickers_choose_the_cell(with_bundle: None) -> None:
    test = opened()
    test.selectbox(key="network").select("hue")
    test.selectbox(key="family").select("h_flip").run()
    assert "trained for **hue**, seen under **mirror left–right**" in chosen(test)
    assert claims.number(claims.grid(synthetic(), "new").at("hue", "h_flip")[0]) in chosen(test)


def test_published_values_appear_when_asked_for(with_bundle: None) -> None:
    test = opened(published="true")
    assert "TMLR 2024" in texts(test)
    assert "published (ResNet-18, paper's objects)" in json.dumps(charts(test)[2])


def test_pairs_of_a_network_that_is_there(with_bundle: None, few_pairs: None) -> None:
    test = opened(pairs="true", network=WITH_WEIGHTS, family="mirror left–right")
    assert not test.exception
    assert "sees 24 images of this task beside their twins" in texts(test)
    assert "are the same picture twice" in texts(test)
    counts = [sum(trace["y"]) for trace in charts(test)[1]["data"]]
    assert counts == [24, 24]


def test_pairs_are_shown_from_the_least_moved_to_the_most(
    with_bundle: None, few_pairs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[instruments.Pair]] = []
    monkeypatch.setattr(instruments, "gallery", seen.append)
    assert not opened(pairs="true", network=WITH_WEIGHTS, family="rotate").exception
    spec = TwinPairs(BLACK.training(WITH_WEIGHTS, 0), BLACK.task("new", "rotate", 0), 24)
    moved = sorted(instruments.measured([spec])[0]["moved"])
    least, most, between = ([float(pair.words) for pair in row] for row in seen)
    assert least == [round(value, 2) for value in moved[:4]]
    assert most == [round(value, 2) for value in moved[::-1][:4]]
    assert between == sorted(between)
    side = 32 * instruments.ENLARGED
    assert {pair.picture.shape for row in seen for pair in row} == {(side, 2 * side + instruments.ENLARGED, 3)}


def test_pairs_without_weights_say_so_and_train_nothing(with_bundle: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("a page must not train")

    monkeypatch.setattr("invlab.runs._learn", never)
    test = opened(pairs="true", network="blur")
    assert not test.exception
    assert "only the numbers are kept" in texts(test)
    assert [button.label for button in test.button] == ["Let it learn again"]
    assert len(charts(test)) == 3


def test_first_paint_imports_no_torch(bundle: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"test = AppTest.from_file({PAGE!r}, default_timeout={SECONDS}).run()\n"
        "assert not test.exception and len(test.get('plotly_chart')) == 3\n"
        "sys.exit('torch' in sys.modules)"
    )
    environment = {**os.environ, "INVLAB_BUNDLE": str(bundle), "INVLAB_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# ---------------------------------------------------------------------------------------------------------- the browser

WHERE = """([network, family]) => {
    const chart = [...document.querySelectorAll('.js-plotly-plot')][0];
    const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
    const cells = chart._fullData.find(t => t.name === 'cells');
    const at = cells.customdata.findIndex(c => c[0] === network && c[1] === family);
    return [box.x + xaxis._offset + xaxis.l2p(cells.x[at]), box.y + yaxis._offset + yaxis.l2p(cells.y[at])];
}"""


@pytest.mark.browser
def test_a_click_chooses_and_the_link_holds_it(bundle: Path, tmp_path: Path) -> None:
    from tests import browser as browsers

    with browsers.serve(tmp_path / "home", INVLAB_BUNDLE=str(bundle)) as app, browsers.chromium() as browser:
        page = browser.new_context(viewport={"width": 1280, "height": 1400}).new_page()
        page.goto(f"{app.url}/sensitivity?measure=nonsense&seed=7")
        page.wait_for_selector(".js-plotly-plot")
        browsers.settle(page)
        assert "measure" not in page.url.split("?")[-1]
        for network, family in (("blur", "noise"), ("none", "erasing"), ("blur", "noise")):  # and back again
            page.wait_for_timeout(800)
            page.mouse.click(*page.evaluate(WHERE, [network, family]))
            page.wait_for_url(f"**network={network}**family={family}**")
            browsers.settle(page)
        whose = "Chosen: the network trained for blur, seen under noise"
        page.get_by_text(whose).wait_for()
        page.get_by_text("transfer accuracy", exact=True).first.click()
        page.wait_for_url("**measure=transfer*accuracy**")
        page.goto(page.url)  # the link alone, in a new visit
        browsers.settle(page)
        page.get_by_text(whose).wait_for()
        page.get_by_text("larger is better").first.wait_for()


def test_sources_have_names_that_links_can_hold() -> None:
    from invlab.ui.page import family_name

    assert len({family_name(source) for source in SOURCES}) == len(SOURCES) == len(FAMILIES) + 1
