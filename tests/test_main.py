"""The command line, the same code path as the app."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from invlab import __main__ as cli
from invlab import store
from invlab.objects import OBJECTS
from invlab.studies.presets import PRESETS

TINY = PRESETS["live"].__class__(**{
    **PRESETS["live"].__dict__,
    "classes": 4, "images": 256, "pairs": 40, "probe_train": 80, "probe_test": 60,
})  # fmt: skip


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """The live preset, a fortieth of its size, in a home of its own."""
    monkeypatch.setitem(PRESETS, "live", TINY)
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INVLAB_BUNDLE", str(tmp_path / "no-bundle"))
    return tmp_path


def test_compare_prints_one_json_object(tiny, capsys):
    asked = ["compare", "--source", "rotate", "--versus", "none", "--target", "rotate,hue", "--seeds", "2", "--json"]
    assert cli.main(asked) == 0
    told = json.loads(capsys.readouterr().out)
    assert [n["source"] for n in told["networks"]] == [["rotate"], []]
    for network in told["networks"]:
        low, high = network["transfer_interval"]
        assert low <= network["transfer_accuracy"] <= high
        low, high = network["sensitivity_interval"]
        assert low <= network["sensitivity"] <= high
    first, second = told["networks"]
    assert told["gap"] == pytest.approx(first["transfer_accuracy"] - second["transfer_accuracy"])
    assert told["seeds"] == 2
    assert told["device"]
    assert told["seconds"] > 0


def test_compare_in_words_and_again_from_the_store(tiny, capsys):
    asked = ["compare", "--source", "hue", "--versus", "blur"]
    assert cli.main(asked) == 0
    first = capsys.readouterr().out
    assert "new objects under hue" in first
    assert "gap in transfer accuracy" in first
    assert cli.main(asked) == 0
    again = capsys.readouterr().out
    assert again.splitlines()[:-1] == first.splitlines()[:-1]  # the last line tells the seconds
    assert len(store.open_store().keys("comparison")) == 1


def test_one_network_alone_has_no_gap(tiny, capsys):
    assert cli.main(["compare", "--source", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gap"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare", "--source", "rotat"], "there is no transformation 'rotat'; choose from scale, translate"),
        (["compare", "--source", "hue", "--preset", "huge"], "live"),
        (["compare", "--source", "hue", "--objects", "birds"], f"choose from {', '.join(OBJECTS)}, or folder:PATH"),
        (["compare", "--source", "hue", "--seeds", "0"], "whole number of at least 1"),
        (["fly"], "compare"),
    ],
)
def test_wrong_names_list_the_valid_ones(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["render", "--classes", "unicorn"], "there is no object 'unicorn'; choose from"),
        (["render", "--classes", "500"], "have 64 classes"),
        (["render", "--size", "5000"], "choose 16 to 512 pixels"),
        (["render", "--objects", "folder:/no/such/place"], "cannot be read"),
        (["bundle", "verify", "--directory", "/no/such/place"], "manifest.json cannot be read"),
    ],
)
def test_bad_input_gets_one_sentence(arguments, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_render_writes_a_sheet_and_a_data_set(tmp_path, capsys):
    from PIL import Image
    from safetensors.torch import load_file

    sheet, folder = tmp_path / "sheet.png", tmp_path / "data"
    asked = ["render", "--transforms", "rotate,hue", "--classes", "owl,key", "--rows", "2", "--columns", "3"]
    counts = ["--train", "5", "--validation", "0", "--test", "2"]
    file = tmp_path / "data.safetensors"
    assert cli.main([*asked, "--out", str(sheet), "--dataset", str(folder), "--tensors", str(file), *counts]) == 0
    assert "data.safetensors: 7 images" in capsys.readouterr().out
    assert len(load_file(file)["train.images"]) == 5
    with Image.open(sheet) as picture:
        assert picture.width > picture.height
    assert len(list(folder.rglob("*.png"))) == 7
    task = json.loads((folder / "task.json").read_text())
    assert task["spec"]["transformations"] == ["rotate", "hue"]


def test_runs_lists_what_is_stored(tiny, capsys):
    assert cli.main(["runs"]) == 0
    assert "no runs yet" in capsys.readouterr().out
    cli.main(["compare", "--source", "hue"])
    capsys.readouterr()
    assert cli.main(["runs", "--json"]) == 0
    row = json.loads(capsys.readouterr().out.splitlines()[0])
    assert row["state"] == "own"
    assert row["key"].startswith("comparison-")
    found = store.open_store()
    for number in range(3):
        found.put(f"comparison-{number:032x}", found.get(row["key"]))
    found.close()
    assert cli.main(["runs", "--json", "--limit", "2"]) == 0
    told = capsys.readouterr()
    assert [json.loads(line)["key"] for line in told.out.splitlines()] == [f"comparison-{n:032x}" for n in (2, 1)]
    assert "2 older ones are not listed" in told.err
    assert cli.main(["runs", "--limit", "0"]) == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 4
    assert told.err == ""


def test_help_reads_well():
    told = subprocess.run([sys.executable, "-m", "invlab", "--help"], capture_output=True, text=True, check=True)
    for word in ("compare", "render", "runs", "worker", "bundle", "geometric", "photometric", "corruption"):
        assert word in told.stdout
    for command in ("compare", "render", "runs", "worker", "bundle"):
        helped = subprocess.run([sys.executable, "-m", "invlab", command, "--help"], capture_output=True, check=True)
        assert len(helped.stdout) > 100
