"""The page Responses: curves, maps and layers of stored networks, its links, and an installation without them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from invlab import records, runs, training, uploads
from invlab.bundle_files import write_bundle
from invlab.figures import responses as figures
from invlab.files import StoreError
from invlab.objects import class_names
from invlab.responses import Along, Layers, Response
from invlab.store import Store
from invlab.studies.singles import Singles
from invlab.ui import instruments
from tests.pages import apart, charts, opener, texts

ROOT = Path(__file__).parent.parent
PAGE = str(ROOT / "pages" / "responses.py")
BLACK = Singles(backgrounds="black")  # no landscapes need to be painted
THERE = ("rotate", "scale", "translate", "none")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with four networks that have not learned anything."""
    folder = tmp_path_factory.mktemp("responses")
    store = Store(folder / "made")
    keys = []
    for source in THERE:
        spec = BLACK.training(source, 0)
        weights = store.put_weights(records.key(spec), dict(training.start(spec, "cpu").state_dict()))
        record = {"kind": "Training", "spec": records.plain(spec), "weights": weights, "result": {"test_accuracy": 0.5}}
        store.put(records.key(spec), record)
        keys.append(records.key(spec))
    write_bundle(store, folder / "bundle", keys, keys, {})
    store.close()
    return folder / "bundle"


@pytest.fixture
def with_bundle(bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from _black(tmp_path, monkeypatch, bundle)


@pytest.fixture
def without_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    yield from _black(tmp_path, monkeypatch)


def _black(home: Path, monkeypatch: pytest.MonkeyPatch, bundle: Path | None = None) -> Iterator[Path]:
    monkeypatch.setattr("invlab.studies.singles.Singles", lambda: BLACK)
    monkeypatch.setattr("invlab.ui.instruments.Singles", lambda: BLACK)
    yield from apart(home, monkeypatch, bundle)


opened = opener(PAGE)


def stored(kind: type) -> list[dict]:
    keys = list(instruments.the_store().keys())
    found = [instruments.the_store().get(key) for key in keys]
    return [record for record in found if record["kind"] == kind.__name__]


def test_without_networks_it_says_what_to_type(without_bundle: None) -> None:
    test = opened()
    assert not test.exception
    assert "is not in this installation's bundle yet" in texts(test)
    assert "python -m invlab bundle build" in [code.value for code in test.code]


def test_first_sight_is_the_curve_of_three_networks(with_bundle: None) -> None:
    test = opened()
    assert not test.exception
    (plot,) = charts(test)
    drawn = {t["name"]: t for t in plot["data"] if t.get("mode") == "lines+markers"}
    assert list(drawn) == ["trained for rotate", "trained for scale", "trained for none"]
    found = {r["spec"]["training"]["task"]["transformations"][0]: r["result"] for r in stored(Response)
             if r["spec"]["training"]["task"]["transformations"]}  # fmt: skip
    assert list(drawn["trained for rotate"]["y"]) == pytest.approx(found["rotate"]["sensitivity"])
    assert len(drawn["trained for rotate"]["x"]) == 36
    assert drawn["trained for rotate"]["y"][0] == 0
    assert f"at most **{max(found['rotate']['sensitivity']):.2f}**" in texts(test)


def test_the_pictures_behind_a_point_are_sorted_by_what_its_value_is_the_mean_of(with_bundle: None) -> None:
    values = (0.0, 90.0)
    spec = Response(BLACK.training("rotate", 0), BLACK.task("new", "none", 0), (Along("rotate", "angle", values),), 9)
    found, distances = instruments.pairs_at("key", spec, (90.0,))
    assert [pair.words for pair in found] == [f"{distance:.2f}" for distance in distances]
    assert distances == sorted(distances)
    assert sum(distances) / 9 == pytest.approx(instruments.measured([spec])[0]["sensitivity"][1], rel=1e-4)
    assert {pair.picture.shape for pair in found} == {(128, 260, 3)}
    names = class_names("drawn")
    assert {pair.name for pair in found} <= {names[c] for c in spec.task.classes}


def test_the_second_visit_measures_nothing(with_bundle: None, monkeypatch: pytest.MonkeyPatch) -> None:
    opened()
    monkeypatch.setitem(runs.STEPS, "Response", lambda *_: pytest.fail("measured again"))
    assert not opened().exception


def test_the_slider_moves_the_pictures_and_the_mark(with_bundle: None) -> None:
    test = opened()
    assert "before and after 41°" in texts(test)
    test.select_slider(key="look_rotate_angle").set_value(185.0).run()
    assert not test.exception
    assert "before and after 185°" in texts(test)
    assert 185.0 in [shape.get("x0") for shape in charts(test)[0]["layout"]["shapes"]]


def test_a_parameter_and_networks_by_link(with_bundle: None) -> None:
    test = opened(vary="mirror left–right", networks_h_flip="none", objects="the ones they learned")
    assert not test.exception
    drawn = [t for t in charts(test)[0]["data"] if t.get("mode") == "lines+markers"]
    assert [t["name"] for t in drawn] == ["trained for none"]
    assert drawn[0]["x"] == [0, 1]
    spec = stored(Response)[0]["spec"]
    assert spec["task"]["classes"] == spec["training"]["task"]["classes"]


def test_nonsense_in_a_link_is_ignored(with_bundle: None) -> None:
    test = opened(vary="<script>", view="nothing", look_rotate_angle="7°°", objects="x")
    assert not test.exception
    assert len(charts(test)) == 1


def test_a_network_that_is_not_there_is_named_as_such(with_bundle: None) -> None:
    test = opened(networks_rotate="hue")
    assert not test.exception
    assert "is not in this installation's bundle yet" in texts(test)


def test_a_full_disk_gets_one_sentence(with_bundle: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise StoreError("the result could not be stored: the disk is full, make room")

    monkeypatch.setattr(Store, "put", full)
    test = opened()
    assert not test.exception
    assert "the disk is full, make room" in test.error[0].value


def test_a_map_for_each_network(with_bundle: None) -> None:
    test = opened(view="Two parameters")
    assert not test.exception
    plots = charts(test)
    assert [p["data"][0]["name"] for p in plots] == ["trained for translate", "trained for scale", "trained for none"]
    middle = plots[0]["data"][0]["z"][len(plots[0]["data"][0]["z"]) // 2]
    assert min(middle) == 0  # nothing is moved in the middle
    assert {p["data"][0]["zmax"] for p in plots} == {plots[0]["data"][0]["zmax"]}


def test_neighbourhoods_of_three_networks(with_bundle: None) -> None:
    test = opened(view="Neighbourhoods")
    assert not test.exception
    plots = charts(test)
    assert [p["layout"]["title"]["text"] for p in plots] == [
        "trained for rotate",
        "trained for scale",
        "trained for none",
    ]
    assert [len(p["data"]) for p in plots] == [12] * 3
    assert {len(t["x"]) for p in plots for t in p["data"]} == {60}
    names = [t["name"] for t in plots[0]["data"]]
    assert len(set(names)) == 12
    assert test.selectbox(key="shown_object").options == names
    test.selectbox(key="shown_object").select(names[3]).run()
    assert not test.exception
    assert "movement along the parameter" in texts(test)
    linked = opened(view="Neighbourhoods", shown_object=names[5])
    assert linked.selectbox(key="shown_object").value == names[5]


def test_neighbourhoods_coloured_by_value(with_bundle: None) -> None:
    test = opened(view="Neighbourhoods", colour="value", orbit="brightness", networks_brightness="none")
    assert not test.exception
    (plot,) = charts(test)
    assert plot["data"][0]["marker"]["color"][0] == 0
    assert plot["data"][0]["marker"]["color"][-1] == 2


def test_what_is_seen_is_split_into_movement_and_objects() -> None:
    still = {"places": [[[0, 0], [0, 0]], [[1, 0], [1, 0]]]}
    moving = {"places": [[[0, 0], [1, 0]], [[0, 0], [1, 0]]]}
    both = {"places": [[[0, 0], [0, 1]], [[1, 0], [1, 1]]]}
    assert [figures.spread_of(r) for r in (still, moving, both)] == [0, 1, 0.5]


def test_layers_begin_with_the_images_and_end_with_the_representation(with_bundle: None) -> None:
    test = opened(view="Layer by layer")
    assert not test.exception
    (plot,) = charts(test)
    assert [row[0] for row in plot["data"][0]["customdata"]] == ["input", "stem", "block1", "block2", "features"]
    first = {t["y"][0] for t in plot["data"]}
    assert len(first) == 1  # all networks are shown the same images
    whole = [r["result"]["stages"] for r in stored(Layers)]
    test.toggle(key="pooled").set_value(True).run()
    pooled = charts(test)[0]["data"][0]["y"]
    assert list(pooled) in [pytest.approx([row["pooled"] for row in stages]) for stages in whole]


def test_lines_of_one_colour_differ_in_dash_and_symbol() -> None:
    drawn = figures.lines({"a": "same", "b": "other", "c": "other", "d": "none", "e": "other"})
    assert len({(line.dash, line.symbol) for line in drawn}) == len(drawn)
    assert drawn[1].colour == drawn[2].colour != drawn[0].colour


# --------------------------------------------------------------------------------------------------------- own objects


def received(count: int) -> str:
    """The name of a few uploaded cut-outs, each a coloured shape of its own."""
    files = []
    for number in range(count):
        picture = Image.new("RGBA", (48, 48))
        picture.paste((250 - 60 * number, 60 * number, 120, 255), (4, 4, 20 + 5 * number, 40))
        file = io.BytesIO()
        picture.save(file, "PNG")
        files.append((f"shape {number}.png", file.getvalue()))
    return uploads.receive(files, "cut-outs").name


def test_the_curve_is_of_ones_own_objects(with_bundle: None) -> None:
    name = received(4)
    test = opened(objects="your cut-outs", objects_set=name)
    assert not test.exception
    assert "4 pictures loaded" in texts(test)
    assert {record["spec"]["task"]["objects"] for record in stored(Response)} == {name}
    assert "sees 64 objects before and after" in texts(test)


def test_fewer_objects_than_are_shown_are_all_shown(with_bundle: None) -> None:
    test = opened(view="Neighbourhoods", objects="your cut-outs", objects_set=received(3))
    assert not test.exception
    assert "**Neighbourhoods**: 3 objects" in texts(test)


def test_one_object_alone_gets_a_sentence(with_bundle: None) -> None:
    test = opened(view="Neighbourhoods", objects="your cut-outs", objects_set=received(1))
    assert not test.exception
    assert any("choose 2 to 1" in warning.value for warning in test.warning)


def test_own_objects_that_are_gone_get_a_sentence_and_the_labs(with_bundle: None) -> None:
    test = opened(objects="your cut-outs", objects_set=f"upload:{'1' * 32}")
    assert not test.exception
    assert "until then you see the lab's own new objects" in texts(test).replace("\\", "")
    assert len(charts(test)) == 1
