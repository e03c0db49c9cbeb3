"""The page Transformations: says something true at once, answers its controls, and tells what is wrong in sentences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from invlab import records, responses
from invlab.__main__ import main, parser
from invlab.objects import OBJECTS, class_names
from invlab.seeds import torch_generator
from invlab.sensitivity import Sensitivity, derangement
from invlab.sources import available
from invlab.tasks import Task, draw_classes, render
from invlab.transforms import TRANSFORMS
from invlab.ui import gallery

PAGE = Path(__file__).parents[1] / "pages" / "transformations.py"
BLACK = {"backgrounds": "black"}  # needs no scenes


def opened(**state: object) -> AppTest:
    page = AppTest.from_file(str(PAGE), default_timeout=120)
    for name, value in state.items():
        page.session_state[name] = value
    page.run()
    assert not page.exception, page.exception
    return page


def markup(page: AppTest) -> str:
    return "".join(element.proto.body for element in page.get("html"))


def warnings(page: AppTest) -> list[str]:
    return [element.value for element in page.warning]


def test_before_anything_is_touched() -> None:
    page = opened()
    shown = markup(page)
    assert page.title[0].value == "Transformations"
    assert shown.count("<img alt=") == 24
    assert shown.index(">rotate <") < shown.index(">hue <") < shown.index(">blur <")
    assert len(page.dataframe[0].value) == 24
    assert next(iter(page.dataframe[0].value["object"])) in shown
    assert "rotate: angle (°)" in page.dataframe[0].value
    assert not page.warning


def test_the_pictures_are_the_task_that_the_recipe_names() -> None:
    page = opened(**BLACK)
    task = Task(draw_classes("drawn", 12, 0), ("rotate", "hue", "blur"), backgrounds="black")
    assert records.key(task) in page.json[0].value
    names = class_names("drawn")
    labels = render(task, "train", range(24)).labels.tolist()
    assert list(page.dataframe[0].value["object"]) == [names[task.classes[label]] for label in labels]


def test_named_classes_and_the_order_of_families() -> None:
    page = opened(classes=["owl", "key"], transforms=["blur", "scale"], **BLACK)
    assert set(page.dataframe[0].value["object"]) == {"owl", "key"}
    columns = list(page.dataframe[0].value)
    assert columns.index("blur: sigma (pixels of a 32-pixel picture)") < columns.index("scale: factor (×)")
    assert page.slider(key="count").disabled


def test_new_draws_and_a_mix_at_a_click() -> None:
    page = opened(**BLACK)
    before = markup(page)
    page.button(key="again").click().run()
    assert page.number_input(key="seed").value == 1
    assert markup(page) != before
    page.button(key="mix-scale, invert, noise").click().run()
    assert page.multiselect(key="transforms").value == ["scale", "invert", "noise"]
    assert not page.exception


@pytest.mark.parametrize("objects", ["drawn", "random"])
@pytest.mark.parametrize("backgrounds", ["random", "black"])
@pytest.mark.parametrize("size", gallery.SIZES)
def test_every_set_and_size(objects: str, backgrounds: str, size: int) -> None:
    page = opened(objects=objects, backgrounds=backgrounds, size=size)
    assert not warnings(page)
    assert markup(page).count("<img alt=") == 24


@pytest.mark.parametrize("family", list(TRANSFORMS))
def test_one_transformation(family: str) -> None:
    page = opened(view="one", family=family, **BLACK)
    assert not warnings(page)
    kind = TRANSFORMS[family]
    assert markup(page).count("<img alt=") == 2 + len(responses.stops(kind.axes[0]))
    assert kind.what in page.info[0].value
    assert gallery.start_value(kind, kind.axes[0]) != kind.identity[kind.axes[0].parameter]


def test_a_slider_says_exactly_how_far() -> None:
    page = opened(view="one", **BLACK)
    assert "angle 37°" in markup(page)
    page.slider(key="rotate_angle").set_value(211.0).run()
    assert "angle 211°" in markup(page)


def test_a_random_field_stays_the_same_along_its_axis() -> None:
    task = Task((3,), backgrounds="black")
    made = gallery.orbit("noise", task, "noise", (0.5,), 0, (0.0, 0.5, 1.0))
    assert made.strip[0] == made.before
    assert made.strip[1] == made.now
    assert made.strip[2] != made.now


@pytest.mark.parametrize("family", list(TRANSFORMS))
def test_stops_lie_on_the_axis(family: str) -> None:
    for axis in TRANSFORMS[family].axes:
        values = responses.stops(axis)
        assert values[0] == axis.low
        assert values[-1] == axis.high
        assert list(values) == sorted(set(values))
        assert axis.low <= gallery.start_value(TRANSFORMS[family], axis) <= axis.high


def test_twins_are_those_of_the_measure() -> None:
    page = opened(view="twins", **BLACK)
    assert markup(page).count("<img alt=") == 18
    table = page.dataframe[0].value
    task = Task(draw_classes("drawn", 12, 0), ("rotate", "hue", "blur"), backgrounds="black")
    partner = derangement(Sensitivity.pairs, torch_generator("strangers", 0))
    assert list(table["image"])[2::3] == partner[:6].tolist()
    first, second = (render(task, "test", range(64), twin=twin).images.flatten(1) for twin in (0, 1))
    strangers = render(task, "test", partner[:64]).images.flatten(1)
    ratio = ((first - second).norm(dim=1).mean() / (first - strangers).norm(dim=1).mean()).item()
    assert f"**{ratio:.2f}**" in page.info[0].value
    assert table["pixel distance to x₁"][1] == pytest.approx((first[0] - second[0]).norm().item(), abs=0.01)


def test_twins_without_a_transformation_say_so() -> None:
    page = opened(view="twins", transforms=[], **BLACK)
    assert "same picture" in page.info[0].value
    assert "**0.00**" in page.info[1].value


def test_data_set() -> None:
    page = opened(view="data", **BLACK)
    assert not warnings(page)
    assert "--dataset my-data-set --train 600 --validation 200 --test 200" in page.code[0].value
    page.number_input(key="train").set_value(2000).run()
    assert "choose 1 to 2,000" in warnings(page)[0]
    assert not page.exception
    assert page.get("download_button")[0].proto.disabled


def test_the_command_line_makes_the_same_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for classes in (draw_classes("drawn", 5, 3), (29, 3)):
        task = Task(classes, ("hue",), backgrounds="black", size=48, seed=3)
        words = gallery.command(task).split(" -m invlab ")[1]
        import shlex

        arguments = [*shlex.split(words)[:-1], str(tmp_path / "sheet.png")]
        assert parser().parse_args(arguments)
        assert main(arguments) == 0
        with Image.open(tmp_path / "sheet.png") as sheet:
            assert sheet.size[0] > 8 * 48
    assert "--classes 'ice cream,axe'" in gallery.command(task)


# ---------------------------------------------------------------------------------------------- a person's own folder


@pytest.fixture
def cut_outs(tmp_path: Path) -> Path:
    for number, name in enumerate(("red", "green", "blue")):
        (tmp_path / name).mkdir()
        pixels = np.zeros((20, 20, 4), np.uint8)
        pixels[4:16, 4:16, number] = 255
        pixels[4:16, 4:16, 3] = 255
        Image.fromarray(pixels).save(tmp_path / name / "a.png")
    (tmp_path / "blue" / "broken.png").write_bytes(b"no picture")
    return tmp_path


def test_own_cut_outs_and_a_sentence_for_each_problem(cut_outs: Path) -> None:
    page = opened(objects="folder", folder=str(cut_outs), **BLACK)
    assert set(page.dataframe[0].value["object"]) == {"red", "green", "blue"}
    assert len(warnings(page)) == 1
    assert "broken.png" in warnings(page)[0]
    assert f"folder:{cut_outs}" in page.code[0].value
    assert "#" not in page.code[0].value


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    page = opened(objects="folder", folder=str(tmp_path / "nowhere"), **BLACK)
    assert "cannot be read" in warnings(page)[0]
    assert "drawn objects instead" in warnings(page)[0]
    assert markup(page).count("<img alt=") == 24


def test_no_folder_yet() -> None:
    page = opened(objects="folder", **BLACK)
    assert not warnings(page)
    assert markup(page).count("<img alt=") == 24


def test_a_folder_only_where_nobody_else_reaches_the_app(cut_outs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: "0.0.0.0" if name == "server.address" else asked(name))  # noqa: S104
    assert not gallery.served_locally()
    page = opened(folder=str(cut_outs), **BLACK)
    assert not page.text_input
    assert page.selectbox(key="objects").options == [
        *(gallery.OBJECT_WORDS.get(name, name) for name in OBJECTS if available(name)),
        "your cut-outs",
        "your photographs",
    ]
    monkeypatch.setattr(st, "get_option", lambda name: None if name == "server.address" else asked(name))
    assert not gallery.served_locally()


def test_what_goes_wrong_while_loading_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    gallery._preparation.clear()

    def gone(name: str, size: int) -> None:
        raise ValueError("the cut-outs are gone: open the folder again")

    monkeypatch.setattr(gallery, "bank", gone)
    page = opened(**BLACK)
    assert warnings(page) == ["The cut-outs are gone: open the folder again."]
    monkeypatch.undo()
    page.run()
    assert not warnings(page)


def test_waiting_has_words(monkeypatch: pytest.MonkeyPatch) -> None:
    made = gallery.Preparation()
    said: list[str] = []

    class Place:
        def progress(self, fraction: float, text: str) -> None:
            said.append(text)
            assert 0 <= fraction <= 1
            made.done.set_result(None)

        def empty(self) -> None:
            said.append("")

    monkeypatch.setattr(gallery, "_preparation", lambda *words: made)
    monkeypatch.setattr(gallery.st, "empty", Place)
    gallery.wait_until_ready(Task((0,), backgrounds="black"))
    assert said[0].startswith("Loading the renderer — about three seconds, once")
    assert said[-1] == ""


def test_pictures_carry_their_words_safely() -> None:
    assert "&lt;b&gt;" in gallery._figure(gallery.Tile(b"", "<b>", '"><script>'))
    assert "<script>" not in gallery._figure(gallery.Tile(b"", "<b>", '"><script>'))


@pytest.mark.parametrize(
    ("family", "value", "text"),
    [("rotate", 37.0, "37°"), ("scale", 0.7, "×0.7"), ("translate", -3.0, "−3 px"), ("h_flip", 1.0, "mirrored")],
)
def test_amounts(family: str, value: float, text: str) -> None:
    assert gallery.amount(TRANSFORMS[family].axes[0], value) == text
