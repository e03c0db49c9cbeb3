"""The table of sources, and the command that lists and fetches them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from invlab import photographs, sources, things
from invlab.backgrounds import BACKGROUNDS
from invlab.data_command import add_data
from invlab.objects import OBJECTS, bank
from invlab.sources import SOURCES
from tests.small_data import everything, forget

PAGE = Path(__file__).parents[1] / "pages" / "transformations.py"
NAMES = sorted({*OBJECTS, *BACKGROUNDS})


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Nothing was fetched and nothing drawn."""
    monkeypatch.setenv("INVLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(photographs, "PICTURES", (2, 1, 1))
    forget()
    yield tmp_path
    forget()


class Points:
    """Stands for the progress bar."""

    seen: list[dict[str, Any]]

    def __init__(self, title: str) -> None:
        Points.seen = []

    def report(self, point: dict[str, Any]) -> None:
        self.seen.append(point)

    def end(self) -> None:
        self.seen.append({"stage": "ended"})


def run(*words: str) -> int:
    parser = argparse.ArgumentParser(prog="invlab")
    add_data(parser.add_subparsers(required=True), Points)
    asked = parser.parse_args(["data", *words])
    return int(asked.run(asked))


# ------------------------------------------------------------------------------------------------------------ the table


@pytest.mark.parametrize("name", NAMES)
def test_what_is_missing_says_so_in_one_sentence(name: str, empty: Path) -> None:
    sentence = sources.missing(name)
    assert sources.available(name) == (sentence is None) == (name not in ("cifar10", "cifar100", "transforms2d"))
    if sentence is not None:
        assert f"`python -m invlab data get {name}`" in sentence
        assert "\n" not in sentence
        with pytest.raises(ValueError, match="data get") as told:
            bank(name, 32)
        assert str(told.value) == sentence


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_available_once_it_is_there(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with everything(tmp_path, monkeypatch):
        assert sources.available(name)


def test_every_source_is_a_set_of_objects_and_of_backgrounds() -> None:
    for name, source in SOURCES.items():
        assert name == source.name
        assert name in OBJECTS
        assert name in BACKGROUNDS


def test_an_unknown_source_lists_the_valid_ones(empty: Path) -> None:
    with pytest.raises(
        ValueError, match=r"nothing to fetch for 'drawn'; choose from pictures, cifar10, cifar100, trans"
    ):
        sources.fetch("drawn", lambda point: None)


def test_the_page_says_how_to_get_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def captions() -> str:
        page = AppTest.from_file(str(PAGE), default_timeout=120)
        page.session_state["backgrounds"] = "black"
        page.run()
        assert not page.exception
        return " ".join(caption.value for caption in page.caption)

    monkeypatch.setenv("INVLAB_DATA", str(tmp_path / "nothing"))
    told = captions()
    assert "cifar10, cifar100, transforms2d. On the machine" in told
    assert "`python -m invlab data get cifar10`" in told
    assert str(tmp_path) not in told  # whoever sees the page may sit elsewhere
    with everything(tmp_path / "data", monkeypatch):
        assert "data get" not in captions()


# ---------------------------------------------------------------------------------------------------------- the command


def test_the_list_says_what_is_there(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    told = capsys.readouterr().out
    for source in SOURCES.values():
        assert f"{source.name:<13}{source.what}" in told
    assert "CIFAR-10 (170 MB) is not here" in told
    assert "CIFAR-100 (169 MB) is not here" in told
    assert "drawn on first use" in told


def test_the_list_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with everything(tmp_path, monkeypatch):
        monkeypatch.delenv("INVLAB_DATA")
        run("list", "--directory", str(tmp_path))
    told = capsys.readouterr().out
    assert told.count(f"here, in {tmp_path}") == 3


def test_pictures_are_drawn_on_request(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not photographs.are_drawn()
    assert not things.are_drawn()
    assert run("get", "pictures") == 0
    assert photographs.are_drawn()
    assert things.are_drawn()
    assert Points.seen[0] == {"stage": "drawing", "fraction": 0.0}
    assert Points.seen[-2:] == [{"stage": "done", "fraction": 1.0}, {"stage": "ended"}]
    assert "drawn here" in capsys.readouterr().out.splitlines()[0]
    run("list")
    assert f"here, in {empty / 'home' / 'cache'}" in capsys.readouterr().out


def test_pictures_have_no_directory(empty: Path) -> None:
    with pytest.raises(ValueError, match="leave the directory out"):
        run("get", "pictures", "--directory", str(empty))


def test_the_size_is_told_before_anything_is_fetched(empty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[str] = []

    def fetch(report: Any, directory: Path | None) -> None:
        calls.append(capsys.readouterr().out)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SOURCES, "cifar10", type(SOURCES["cifar10"])(**{**vars(SOURCES["cifar10"]), "fetch": fetch}))
        run("get", "cifar10", "--directory", str(empty / "elsewhere"))
    assert "(170 MB), into " in calls[0]
    assert f"set INVLAB_DATA={empty / 'elsewhere'}" in capsys.readouterr().out


def test_a_name_that_is_not_there_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        run("get", "imagenet")
    assert "cifar10" in capsys.readouterr().err
