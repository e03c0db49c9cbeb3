"""The doctor finds what is wrong, says what to do, and touches nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torchvision

from invlab import __main__ as cli
from invlab import doctor, jobs, records
from invlab import store as stores
from invlab.store import Store

ROOT = Path(stores.__file__).parents[1]
PARTS = {name: check for name, check in doctor.CHECKS.items() if name not in ("device", "bundle")}


def key(n: int, kind: str = "cell") -> str:
    return f"{kind}-{n:032x}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("INVLAB_") and name != "INVLAB_HOME"]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("STREAMLIT_SERVER_ADDRESS", raising=False)
    monkeypatch.setenv("INVLAB_HOME", str(tmp_path / "home"))
    home = tmp_path / "home"
    store = Store(home)
    store.put(key(1), {"a": 1})
    described = store.put_weights(key(2, "training"), {"w": torch.ones(100)})
    store.put(key(2, "training"), {"weights": described})
    store.close()
    queue = jobs.Queue(home / "queue.sqlite3")
    queue.submit(key(3), "cell", {})
    queue.sign_on("w-1")
    queue.close()
    return home


def found(home: Path, name: str, quick: bool = False) -> list[doctor.Finding]:
    return list(doctor.CHECKS[name](home, quick))


def only(home: Path, name: str, quick: bool = False) -> doctor.Finding:
    (finding,) = [one for one in found(home, name, quick) if one.level != "ok"]
    return finding


def state(home: Path) -> dict[str, tuple]:
    """Names, contents and times of everything in a home."""
    return {
        str(path.relative_to(home)): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(home.rglob("*"))
    }


# ---- all of it


def test_a_home_in_order_has_no_warning(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = doctor.examine(home)
    assert {finding.check for finding in findings} >= set(doctor.CHECKS) - {"databases", "uploads"}
    assert [doctor.line(one) for one in findings if one.level in ("warning", "problem")] == []


@pytest.mark.parametrize("in_use", [False, True])
def test_nothing_is_changed(in_use: bool, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where a database is damaged, a record refused, or a process in the middle of its writing."""
    monkeypatch.setattr(doctor, "CHECKS", PARTS)
    damage(home)
    (home / "rooms.sqlite3").write_bytes(b"SQLite format 3\0" + os.urandom(5000))
    (home / "weights" / f"{key(2, 'training')}.safetensors").write_bytes(b"other")
    writer = sqlite3.connect(home / "queue.sqlite3")
    if in_use:
        with writer:
            writer.execute("UPDATE jobs SET title = 'x'")
    else:
        writer.close()
    before = state(home)
    assert doctor.worst(doctor.examine(home)) == "problem"
    after = state(home)
    for changing in ("queue.sqlite3-shm",):  # where processes agree on who reads what; no content
        before.pop(changing, None), after.pop(changing, None)
    assert after == before
    writer.close()


def damage(home: Path) -> None:
    with closing(sqlite3.connect(home / "results" / "cache.db")) as db, db:
        db.execute("UPDATE Cache SET value = x'0011' WHERE key = ?", (key(1),))


def test_a_check_that_fails_is_a_finding_itself(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(home: Path, quick: bool) -> list[doctor.Finding]:
        raise PermissionError("forbidden")

    monkeypatch.setattr(doctor, "CHECKS", {"x": broken})
    (finding,) = doctor.examine(home)
    assert finding.level == "problem"
    assert "PermissionError: forbidden" in finding.text


def test_the_command_prints_lines_or_json_and_tells_by_its_status(home: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(doctor, "CHECKS", PARTS)
    assert cli.main(["doctor", "--quick", "--home", str(home)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(re.match(r"(ok|note|warning|problem) +\w+ +\S", line) for line in lines)
    monkeypatch.setenv("INVLAB_THREADS", "many")
    assert cli.main(["doctor", "--json", "--home", str(home)]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["worst"] == "problem"
    assert {"check": "settings", "level": "problem", "text": "INVLAB_THREADS 'many' is no valid value",
            "remedy": "give a whole number of at least 1"} in told["findings"]  # fmt: skip


def test_the_index_of_the_results_is_looked_at(home: Path) -> None:
    database = home / "results" / "cache.db"
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("UPDATE kinds SET rows = rows + 1 WHERE kind = 'cell'")
    finding = only(home, "results")
    assert finding.level == "warning"
    assert "noted wrongly" in finding.text
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("DROP TABLE kinds")  # as the remedy says
    assert "made when the app is next started" in only(home, "results").text
    assert Store(home).counts() == {"cell": 1, "training": 1}
    assert {one.level for one in found(home, "results")} == {"ok"}


# ---- the installation


def test_packages_are_held_against_their_floors(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "installed", lambda name: {"torch": "2.3.1+cpu", "pillow": None}.get(name, "999"))
    told = {finding.text for finding in found(home, "packages")}
    assert any(text.startswith("torch 2.3.1+cpu is older than") for text in told)
    assert "pillow is missing" in told
    assert len(told) == 2


@pytest.mark.parametrize(
    ("version", "level", "told"),
    [
        (None, "ok", "Ray is not installed"),
        ("999.0", "ok", "ray 999.0: studies can"),
        ("2.9.3", "warning", "older than"),
    ],
)
def test_whether_ray_is_there(version: str | None, level: str, told: str, home: Path, monkeypatch) -> None:
    monkeypatch.setattr(doctor, "installed", lambda name: {"ray": version}[name])
    (finding,) = found(home, "cluster")
    assert finding.level == level
    assert told in finding.text


@pytest.mark.parametrize(
    ("torch_version", "vision", "right"),
    [("2.14.1+cu130", "0.29.1", True), ("2.11.0", "0.26.0", True), ("2.14.0", "0.28.0", False)],
)
def test_torch_and_torchvision_belong_together(torch_version: str, vision: str, right: bool) -> None:
    assert doctor.one_release(torch_version, vision) is right


def test_the_installed_pair_belongs_together() -> None:
    assert doctor.one_release(torch.__version__, torchvision.__version__)


def test_what_renders_is_told(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "kernels.so"
    monkeypatch.setattr(doctor.compiled, "built", lambda: library)
    monkeypatch.setattr(doctor.compiled, "library", doctor.compiled.library.__wrapped__)  # looked for every time
    assert [finding.level for finding in found(home, "rendering")] == ["note"]
    library.write_bytes(b"no library")
    (damaged,) = found(home, "rendering")
    assert (damaged.level, str(library) in damaged.text) == ("warning", True)
    for runs, told in ((1, "so does labnet"), (0, "labnet in torch, for want of vectors of 512 bits")):
        there = SimpleNamespace(invlab_labnet_runs=lambda runs=runs: runs)
        monkeypatch.setattr(doctor.compiled, "load", lambda path, there=there: there)
        (fine,) = found(home, "rendering")
        assert (fine.level, told in fine.text) == ("ok", True)


def test_a_damaged_bundle_is_a_problem(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "models"
    shutil.copytree(ROOT / "models", copy)
    monkeypatch.setenv("INVLAB_BUNDLE", str(copy))
    assert [finding.level for finding in found(home, "bundle", quick=True)] == ["ok"]
    weights = next((copy / "weights").iterdir())
    weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    assert "does not match its SHA-256" in only(home, "bundle").text
    (copy / "manifest.json").write_text("{}")
    assert only(home, "bundle", quick=True).level == "problem"
    (copy / "manifest.json").unlink()
    assert "no bundled results" in only(home, "bundle").text


# ---- the home


def test_a_home_that_all_can_write_is_warned_of(home: Path) -> None:
    home.chmod(home.stat().st_mode | stat.S_IWOTH)
    assert "chmod o-w" in only(home, "home").remedy


def test_what_a_restore_or_a_repair_left_is_named(home: Path) -> None:
    (home / "set-aside").mkdir()
    (home / "set-aside" / "x").touch()
    home.with_name("home-before-restore-20261124-1").mkdir()
    assert len([one for one in found(home, "home") if one.level == "note"]) == 2


@pytest.mark.parametrize(("free", "level"), [(10**12, "ok"), (10**9, "warning"), (10**7, "problem")])
def test_a_full_disk_is_told_of(free: int, level: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda place: shutil._ntuple_diskusage(free, 0, free))
    assert [finding.level for finding in found(home / "not" / "there", "disk")] == [level]


def test_refused_results_and_changed_weights_are_counted(home: Path) -> None:
    damage(home)
    weights = home / "weights" / f"{key(2, 'training')}.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    told = [finding.text for finding in found(home, "results") if finding.level == "warning"]
    assert told[0] == "1 of 2 results are damaged or foreign"
    assert told[1].startswith("1 files do not match their record")
    quick = [finding.text for finding in found(home, "results", quick=True) if finding.level == "warning"]
    assert quick == told[:1]  # of the same size


def test_another_result_format_is_told_of(home: Path) -> None:
    def stamp(number: int) -> None:
        with closing(sqlite3.connect(home / "results" / "cache.db")) as db:
            db.execute(f"PRAGMA user_version = {number}")

    stamp(records.FORMAT + 3)
    assert "install the newer version" in only(home, "results").remedy


@pytest.mark.parametrize("name", ["results/cache.db", "queue.sqlite3", "rooms.sqlite3"])
def test_a_damaged_database_is_a_problem(name: str, home: Path) -> None:
    (home / name).write_bytes(b"SQLite format 3\0" + os.urandom(9000))
    check = {"results/cache.db": "results", "queue.sqlite3": "queue"}.get(name, "databases")
    finding = only(home, check)
    assert (finding.level, "is damaged" in finding.text) == ("problem", True)


def test_jobs_without_a_worker_are_warned_of(home: Path) -> None:
    with closing(sqlite3.connect(home / "queue.sqlite3")) as db, db:
        db.execute("DELETE FROM workers")
        db.execute("UPDATE jobs SET created = created - 600")
    assert "the oldest for 10 min, and no worker is there" in only(home, "queue").text


def test_jobs_whose_worker_died_are_warned_of(home: Path) -> None:
    queue = jobs.Queue(home / "queue.sqlite3")
    queue.claim("w-1", 0.001)
    queue.close()
    assert "1 running jobs have lost their worker" in only(home, "queue").text


def test_damaged_uploads_are_counted(home: Path) -> None:
    (home / "uploads" / ("0" * 32)).mkdir(parents=True)
    assert "1 of 1 sets of pictures are damaged" in only(home, "uploads").text


# ---- the settings


def test_an_unknown_variable_gets_a_suggestion(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_THREAD", "2")
    finding = only(home, "settings")
    assert (finding.text, finding.remedy) == ("INVLAB_THREAD is read by nothing", "did you mean INVLAB_THREADS?")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "INVLAB_MODE": "local"},  # noqa: S104
            "everybody who reaches this machine can do everything",
        ),
        ({"STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}, "no teacher can sign in"),  # noqa: S104
        ({"INVLAB_MODE": "serve"}, "no teacher can sign in"),
        ({"INVLAB_MODE": "serve", "INVLAB_PASSPHRASE": "only-ten-c"}, "the passphrase is short"),
        ({"INVLAB_MODE": "serve", "INVLAB_PASSPHRASE": "seven-c"}, "give it at least 8"),
        ({"INVLAB_MODE": "serve", "INVLAB_PASSPHRASE_FILE": "/not/there"}, "cannot be read"),
    ],
)
def test_an_open_door_is_warned_of(variables: dict, told: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    finding = only(home, "serving")
    assert told in finding.text
    assert "only-ten-c" not in doctor.line(finding)


def test_a_server_with_a_passphrase_is_fine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_MODE", "serve")
    monkeypatch.setenv("INVLAB_PASSPHRASE", "four words are long enough")
    assert [finding.level for finding in found(home, "serving")] == ["ok"]
    assert not any("four words" in doctor.line(one) for one in found(home, "settings"))


def test_a_passphrase_given_in_a_file_counts(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVLAB_MODE", "serve")
    monkeypatch.setenv("INVLAB_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    (tmp_path / "passphrase").write_text("four words are long enough\n")
    assert [finding.level for finding in found(home, "serving")] == ["ok"]


def test_every_variable_that_is_read_is_known() -> None:
    read = set()
    for file in [*(ROOT / "invlab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]:
        if file.name != "doctor.py":
            read |= set(re.findall(r"INVLAB_[A-Z_]+[A-Z]", file.read_text()))
    assert read <= set(doctor.SETTINGS)
