"""The benchmark of all studies: what it compares with the bundle, and that it gives up."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks import suite
from invlab import records
from invlab.sensitivity import Sensitivity
from invlab.store import Store
from invlab.studies.catalogue import STUDIES
from invlab.tasks import Task
from invlab.training import Training
from invlab.transfer import Transfer

TRAINING = Training(Task((0, 1), ("rotate",)), images=64, batch=32)
TRANSFERS = [Transfer(TRAINING, Task((2, 3), ("rotate",), seed=seed)) for seed in range(3)]
SENSITIVITY = Sensitivity(TRAINING, TRAINING.task)


class Few:
    def specs(self) -> list[object]:
        return [TRAINING, *TRANSFERS, SENSITIVITY]


def test_it_asks_for_one_seed_of_every_study() -> None:
    found = suite.seeds()
    assert [seed.study for seed in found] == list(STUDIES)
    assert {seed.preset for seed in found} == {"classroom"}


def test_only_what_both_have_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite, "seeds", lambda: [Few()])
    ours, theirs = Store(tmp_path / "ours"), Store(tmp_path / "theirs")
    for store, values in ((ours, (0.5, 0.7, 0.9)), (theirs, (0.6, 0.4))):
        for spec, value in zip(TRANSFERS, values, strict=False):
            store.put(records.key(spec), {"result": {"accuracy": value}})
    assert suite.apart(ours, theirs) == {
        "Transfer": {"count": 2, "mean": pytest.approx(0.1), "largest": pytest.approx(0.3)}
    }


def test_it_gives_up(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        suite.computed(tmp_path, 0.02)


def test_a_home_that_exists_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["suite", "--home", str(tmp_path)])
    monkeypatch.setattr(suite, "computed", lambda *_: pytest.fail("it began"))
    with pytest.raises(SystemExit, match="it exists already"):
        suite.main()


def test_a_home_that_is_given_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written: list[str] = []
    monkeypatch.setattr("sys.argv", ["suite", "--home", str(tmp_path / "new")])
    monkeypatch.setattr(suite, "computed", lambda home, minutes: float(len(str(home.mkdir()))))
    monkeypatch.setattr(suite, "apart", lambda ours, theirs: {})
    monkeypatch.setattr(suite, "write", lambda name, *_, **more: written.append(name))
    suite.main()
    assert written == ["suite"]
    assert (tmp_path / "new").is_dir()
