"""`python -m invlab audit`: from a folder of photographs to a report, and one sentence for whatever is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from invlab import __main__ as cli
from invlab import audit_command, records, runs, store
from invlab.audit import Audit
from invlab.networks import build
from invlab.studies.singles import Singles
from invlab.transforms import TRANSFORMS

SMALL = ["--count", "4", "--points", "1", "--draws", "2"]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, without bundle, and a folder of photographs."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INVLAB_BUNDLE", str(tmp_path / "no-bundle"))
    folder = tmp_path / "my photos"
    folder.mkdir()
    for i, colour in enumerate(("red", "green", "blue")):
        picture = Image.new("RGB", (60, 40), colour)
        picture.paste("white", (5 * i, 5, 5 * i + 20, 25))
        picture.save(folder / f"{i}.png")
    (folder / "notes.txt").write_text("no picture")
    return tmp_path


def weights_file(place: Path) -> Path:
    path = place / "<script>.pt"
    torch.save(build("labnet", 3, torch.Generator().manual_seed(1)).state_dict(), path)
    return path


def run(*arguments: Any) -> int:
    return cli.main(["audit", *map(str, arguments)])


def test_a_folder_a_file_and_a_report(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = place / "out.html"
    asked = ["--network", "labnet", "--weights", weights_file(place), "--images", place / "my photos"]
    assert run(*asked, "--families", "rotate, h_flip", *SMALL, "--report", out) == 0
    printed = capsys.readouterr()
    assert "left out: notes.txt" in printed.err
    assert f"wrote {out}" in printed.err
    lines = printed.out.splitlines()
    assert lines[0] == "labnet on 3 photographs of a folder, 32 px"
    assert {line.split()[0] for line in lines[3:5]} == {"rotate", "h_flip"}
    text = out.read_text()
    assert "&lt;script&gt;.pt" in text
    assert "<script>.pt" not in text
    assert "3 photographs of a folder" in text
    (key,) = store.open_store().keys("audit")
    assert key in text


def test_json_is_the_whole_record(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run("--network", "labnet", "--weights", "random", "--families", "invert", *SMALL, "--json", "--seed", "3") == 0
    )
    record = json.loads(capsys.readouterr().out)
    spec = records.revive(Audit, record["spec"])
    assert (spec.network, spec.families, spec.seed, spec.images) == ("labnet", ("invert",), 3, 4)
    assert record["result"]["families"][0]["family"] == "invert"


def test_all_families_of_a_torchvision_network(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--network", "shufflenet_v2_x0_5", "--weights", "random", "--size", "32", "--count", "2", "--points", "1"]
    assert run(*asked, "--draws", "2", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert [row["family"] for row in record["result"]["families"]] == list(TRANSFORMS)


def test_bundled_networks_by_what_they_were_trained_for() -> None:
    key = records.key(Singles().training("rotate", 0))
    assert audit_command.chosen_weights("labnet", "trained:rotate") == (key, "")
    assert audit_command.chosen_weights("labnet", None) == (records.key(Singles().training("none", 0)), "")
    assert audit_command.chosen_weights("vit-small", None) == ("random", "")
    assert audit_command.chosen_weights("resnet50", None) == ("DEFAULT", "")


WRONG: dict[str, tuple[list[str], str]] = {
    "no network of that name": (["--network", "resnet51"], "there is no network 'resnet51' to audit; choose from"),
    "no family of that name": (["--network", "labnet", "--families", "spin"], "there is no transformation 'spin'"),
    "no families": (["--network", "labnet", "--families", ","], "families none: name at least one"),
    "no such file": (["--network", "labnet", "--weights", "nowhere.pt"], "there is no such file"),
    "a picture for weights": (["--network", "labnet", "--weights", "{photos}/0.png"], "neither safetensors nor a .pt"),
    "weights of another network": (["--network", "vit-small", "--weights", "{weights}"], "missing"),
    "trained for nothing known": (["--network", "labnet", "--weights", "trained:spin"], "choose trained: and one of"),
    "trained, another network": (["--network", "resnet50", "--weights", "trained:none"], "are of the kind labnet"),
    "DEFAULT of the lab's": (["--network", "labnet", "--weights", "DEFAULT"], "labnet is the lab's own and has none"),
    "no folder": (["--network", "labnet", "--weights", "random", "--images", "nowhere"], "cannot be read"),
    "one photograph": (["--network", "labnet", "--weights", "random", "--count", "1"], "images 1: choose 2 to 200"),
    "a size of 8": (["--network", "labnet", "--weights", "random", "--size", "8"], "size 8: choose 32 to 640"),
    "a report nowhere": (["--network", "labnet", "--report", "no/such/place.html"], "cannot be written there"),
    "a report that is a folder": (["--network", "labnet", "--report", "{photos}"], "cannot be written there"),
}


@pytest.mark.parametrize("what", WRONG)
def test_bad_input_gets_one_sentence_and_status_2(what: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, part = WRONG[what]
    names = {"photos": place / "my photos", "weights": weights_file(place)}
    assert run(*(argument.format(**names) for argument in arguments)) == 2
    told = capsys.readouterr().err
    assert part in told
    assert told.startswith("invlab audit: ")
    assert "Traceback" not in told
    assert not store.open_store().keys("audit")


def test_what_argparse_finds_is_status_2_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run("--network", "labnet", "--count", "many")
    assert ended.value.code == 2
    with pytest.raises(SystemExit):
        run()
    assert "--network" in capsys.readouterr().err


def test_default_weights_without_a_network(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def none(*_: Any, **__: Any) -> None:
        raise OSError("no route")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", none)
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", none)
    assert run("--network", "resnet18", *SMALL) == 2
    told = capsys.readouterr().err
    assert "resnet18 (45 MiB) could not be fetched (no route)" in told
    assert "--weights FILE" in told


def test_ctrl_c_ends_cleanly(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "execute", interrupted)
    assert run("--network", "labnet", "--weights", "random", *SMALL) == 130
    assert "stopped; what was finished is kept" in capsys.readouterr().err


def test_few_photographs_are_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("1.png", "2.png"):
        (place / "my photos" / name).unlink()
    assert run("--network", "labnet", "--weights", "random", "--images", place / "my photos", *SMALL) == 1
    assert "at least two photographs are needed" in capsys.readouterr().err
