"""`python -m invlab study` and `claims`: the plan, the numbers, bad input, and being killed at any moment."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from invlab import __main__ as cli
from invlab import backgrounds, records, runs, sources, store, study_command
from invlab.store import Store
from invlab.studies.catalogue import STUDIES, StudyRun

ROOT = Path(__file__).parents[1]
TINY = ["study", "mismatch", "--preset", "tiny"]


@pytest.fixture
def scenes(home: Path) -> list[Path]:
    """The cached files of the scenes, which take a while to draw."""
    backgrounds.backgrounds("scenes", 32)
    return list((home / "cache").glob("scenes-*.npy"))


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scenes: list[Path]) -> Path:
    """An empty home with the scenes in its cache."""
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("INVLAB_BUNDLE", str(tmp_path / "no-bundle"))
    monkeypatch.setattr(sources, "missing", lambda name: "not here" if name.startswith("cifar") else None)
    return with_scenes(tmp_path / "home", scenes)


def with_scenes(home: Path, scenes: list[Path]) -> Path:
    (home / "cache").mkdir(parents=True)
    for file in scenes:
        shutil.copy(file, home / "cache")
    return home


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Standard output of a command that succeeds."""
    assert cli.main(list(arguments)) == 0
    return capsys.readouterr().out


def test_a_plan_says_what_is_to_do_and_computes_nothing(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*TINY, "--plan"]) == 0
    told = capsys.readouterr().err
    assert "mismatch at tiny: 2 seeds" in told
    assert "6 cells, 0 stored" in told  # trainings
    assert "left, on" in told
    assert Store(own).keys() == []


def test_a_study_is_computed_once_and_its_claims_are_told(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = own.parent / "table.csv"
    first = said(capsys, *TINY, "--seeds", "1", "--csv", str(table))
    for claim in STUDIES["mismatch"].claims:
        assert claim.text in first
        assert claim.published in first
    assert first.count("undecided: 1 of 1 seed") + first.count("undecided: 0 of 1 seed") == len(
        STUDIES["mismatch"].claims
    )
    rows = list(csv.DictReader(table.open()))
    assert len(rows) == 8
    assert {row["kind"] for row in rows} == {"own task", "chain", "all but one"}
    began = time.monotonic()
    assert said(capsys, *TINY, "--seeds", "1") == first
    assert time.monotonic() - began < 5
    assert cli.main([*TINY, "--seeds", "2", "--plan"]) == 0
    assert "6 cells, 3 stored" in capsys.readouterr().err


def test_the_result_as_json(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, *TINY, "--json"))
    assert (told["study"], told["preset"], told["seeds"], told["data"]) == ("mismatch", "tiny", 2, [])
    assert [c["claim"] for c in told["claims"]] == [c.name for c in STUDIES["mismatch"].claims]
    for claim in told["claims"]:
        assert claim["verdict"] in ("holds", "fails", "undecided")
        assert len(claim["interval"]) == 2
        assert claim["interval"][0] <= claim["effect"] <= claim["interval"][1]
        assert claim["parts"]


def test_all_studies_by_one_command(own: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    """Each is computed and told in turn: here two of them, on one seed."""
    two = {name: STUDIES[name] for name in ("mismatch", "factors")}
    monkeypatch.setattr(study_command, "STUDIES", two)
    all_of_them = ["study", "all", "--preset", "tiny", "--seeds", "1", "--data", "none"]
    told = said(capsys, *all_of_them)
    assert told.index("mismatch, tiny, 1 seeds") < told.index("factors, tiny, 1 seeds")
    stored = store.open_store()
    assert all(stored.get(records.key(StudyRun(name, "tiny", 1))) for name in two)
    told = json.loads(said(capsys, *all_of_them, "--json"))  # stored now
    assert [(one["study"], one["seeds"]) for one in told] == [("mismatch", 1), ("factors", 1)]
    assert all(len(one["claims"]) == len(STUDIES[one["study"]].claims) for one in told)


def test_one_of_all_leaves_out_what_only_others_use(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "missing", lambda name: None)
    assert study_command.data_sets("mismatch", "cifar10", alone=False) == ()
    assert study_command.data_sets("shift", "cifar10", alone=False) == ("cifar10",)
    assert study_command.data_sets("mismatch", "cifar10") == ("cifar10",)  # refused by the study itself


def test_only_some_cells(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*TINY, "--only", "kind=own task", "--seeds", "1", "--plan"]) == 0
    told = capsys.readouterr().err
    assert "Training" in told
    assert "Transfer" not in told


def test_resume_needs_something_to_resume(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*TINY, "--resume"]) == 1
    assert "--resume: nothing of this run is stored" in capsys.readouterr().err
    run = StudyRun("mismatch", "tiny", 1)
    runs.execute(run.seed(0).specs()[0], store.open_store())
    assert said(capsys, *TINY, "--resume")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["study", "facts"], "invalid choice: 'facts'"),
        (["study", "shift", "--preset", "live"], "preset 'live': the study shift runs at tiny, classroom, paper"),
        (["study", "shift", "--seeds", "0"], "'0' is no whole number of at least 1"),
        (["study", "shift", "--only", "family=spin"], "only 'family=spin': family has no value 'spin'; choose from"),
        (["study", "shift", "--only", "spin"], "only 'spin': write axis=value"),
        (["study", "shift", "--data", "cifar10"], "not here"),
        (["study", "shift", "--data", "mnist"], "data 'mnist': the study shift can use cifar10, cifar100"),
        (["study", "all", "--data", "mnist"], "data 'mnist': the study factors can use cifar10, cifar100"),
        (["study", "all", "--preset", "live"], "preset 'live': the study factors runs at tiny, classroom, paper"),
        (["study", "all", "--only", "family=hue"], "--only: give one study instead of all"),
        (["study", "all", "--csv", "numbers.csv"], "--csv: give one study instead of all"),
        (["claims", "--study", "facts"], "invalid choice: 'facts'"),
    ],
)
def test_bad_input_gets_one_sentence(
    own: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    try:
        status = cli.main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    told = capsys.readouterr().err
    assert status in (1, 2)
    assert sentence in told
    assert "Traceback" not in told
    assert not (own / "results").exists()  # nothing was begun


def test_a_full_disk_gets_one_sentence_and_keeps_what_was_finished(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    finished, whole = [], store.replace_file

    def fill(path: Path, data: bytes) -> None:
        if len(finished) >= 2:
            raise OSError(28, "No space left on device")
        finished.append(path)
        whole(path, data)

    monkeypatch.setattr(store, "replace_file", fill)
    monkeypatch.setenv("INVLAB_THREADS", "1")
    assert cli.main(TINY) == 1
    told = capsys.readouterr().err
    assert "the disk is full: free some space, or set INVLAB_HOME" in told
    assert "Traceback" not in told
    assert len(Store(own).keys("training")) == 2
    monkeypatch.setattr(store, "replace_file", whole)
    assert said(capsys, *TINY)


# --------------------------------------------------------------------------------------------------------------- claims


def test_claims_list_every_claim_with_its_verdict(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(said(capsys, "claims", "--json"))
    assert [row["claim"] for row in told] == [c.name for s in STUDIES.values() for c in s.claims]
    assert {(row["verdict"], row["effect"], row["seeds"]) for row in told} == {("undecided", None, 0)}
    assert all(row["published"] and row["study"] in STUDIES for row in told)
    assert "nothing is stored; run  python -m invlab study shift" in said(capsys, "claims")


def test_claims_of_a_stored_study(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("invlab.study_command.PRESETS", ("tiny",))
    said(capsys, *TINY)
    rows = json.loads(said(capsys, "claims", "--study", "mismatch", "--json"))
    assert {(row["preset"], row["seeds"]) for row in rows} == {("tiny", 2)}
    assert all(row["interval"] for row in rows)
    assert "mismatch, tiny, 2 seeds" in said(capsys, "claims", "--study", "mismatch")


# ------------------------------------------------------------------------------------------------- killed at any moment


def results(home: Path) -> dict[str, object]:
    """Every result of a study's cells and its rows, without when and how long."""
    found = Store(home)
    keys = [key for key in found.keys(None) if not key.startswith("studyrun")]
    stored = {key: found.get(key) for key in keys}
    return {key: timeless(record["result"]) for key, record in stored.items() if record}


def timeless(value: object) -> object:
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in ("seconds", "images_per_second")}
    return [timeless(v) for v in value] if isinstance(value, list) else value


def command(home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "invlab", *TINY, "--seeds", "2", "--threads", "2"],
        cwd=ROOT,
        env=os.environ | {"INVLAB_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.timeout(600)
def test_killed_at_ten_random_moments_it_comes_to_the_same_bits(own: Path, tmp_path: Path, scenes: list[Path]) -> None:
    """SIGKILL, ten times, each somewhere in the run that is left; then to the end."""
    undisturbed = with_scenes(tmp_path / "undisturbed", scenes)
    began = time.monotonic()
    assert command(undisturbed).wait(300) == 0
    whole = time.monotonic() - began
    chance = random.Random(7)
    kills = 0
    while kills < 10:
        process = command(own)
        try:
            process.wait(chance.uniform(0.2, 1.0) * whole)
            break  # it was finished before its moment came
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert command(own).wait(300) == 0
    assert kills >= 3
    assert results(own) == results(undisturbed)
    keys = [records.key(seed) for seed in StudyRun("mismatch", "tiny", 2).each()]
    assert all(key in results(own) for key in keys)
