"""How benchmarks are measured, found, read and told; and that what is told of them is what was measured."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import common, run, table
from invlab import benchmarks
from invlab.benchmarks import Claim, Result, ResultError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
FOUND = benchmarks.results()
CLAIMS = [(one, claim) for one in FOUND for claim in one.claims]
FAST = Claim("ours over theirs", 131.4, 100.0, "times", True, True, True, 128.2, 135.0)
LARGE = Claim("memory", 1200.0, 1000.0, "MB", False, False)
SOME = (Result("probe", "2-core", "2026-11-28", {"torch": "2.14"}, (FAST, LARGE)),)


# ------------------------------------------------------------------------------------------------------------ measuring


def test_pieces_of_work_take_turns_and_the_first_run_is_not_counted() -> None:
    told: list[str] = []
    seconds = common.alternate({"a": lambda: told.append("a"), "b": lambda: told.append("b")}, rounds=3)
    assert told == ["a", "b"] * 4
    assert [len(values) for values in seconds.values()] == [3, 3]
    assert common.alternate({"sleep": lambda: time.sleep(0.01)}, 1)["sleep"][0] >= 0.01


def test_ratios_are_taken_round_by_round() -> None:
    theirs, ours = [10.0, 40.0, 24.0], [1.0, 4.0, 2.0]  # the second round was four times slower for both
    assert common.ratios(theirs, ours) == {"median": 10.0, "min": 10.0, "max": 12.0}
    assert common.ratios(theirs, ours, times=20)["median"] == 200.0
    with pytest.raises(ValueError, match="zip"):
        common.ratios(theirs, ours[:2])


@pytest.mark.parametrize(
    ("value", "larger", "met"),
    [(2.0, True, True), (1.99, True, False), (2.0, False, True), (2.01, False, False)],
)
def test_a_claim_is_met_at_its_aim_and_beyond(value: float, larger: bool, met: bool) -> None:
    found = common.claim("a", value, 2.0, "times", larger=larger, spread={"min": 1.0})
    assert found["met"] is met
    assert "headline" not in found
    assert found["spread"] == {"min": 1.0}
    assert common.claim("a", value, 2.0, "times", headline=True)["headline"] is True


def test_what_is_written_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "RESULTS", tmp_path / "results")
    claims = [common.claim("a", 2.0, 3.0, "s", larger=False, headline=True, spread=common.spread([1.0, 2.0, 4.0]))]
    path = common.write("probe", claims, seconds=[1.0])
    assert path.name == f"probe-{common.machine()}.json"
    read = benchmarks.read(path)
    assert read.claims == (Claim("a", 2.0, 3.0, "s", False, True, True, 1.0, 4.0),)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", read.date)
    assert read.processor
    assert read.load == common.LOAD_BEFORE
    assert json.loads(path.read_text())["load_before"] == common.LOAD_BEFORE >= 0
    assert {"python", "torch", "kornia", "scikit-learn", "plotly", "diskcache"} <= set(common.PACKAGES) | {"python"}
    assert read.versions["torch"] == json.loads(path.read_text())["versions"]["torch"]


def test_versions_of_packages_that_are_not_there_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "PACKAGES", ("numpy", "no-such-package-of-anybody"))
    assert set(common.versions()) == {"python", "numpy"}


# -------------------------------------------------------------------------------------------------- finding and running


def test_every_module_with_a_main_is_a_benchmark(tmp_path: Path) -> None:
    (tmp_path / "fast.py").write_text("import nothing_of_that_name\ndef main(): ...\n")
    (tmp_path / "wide.py").write_text("NEEDS_GPU = True\ndef main(): ...\n")
    (tmp_path / "narrow.py").write_text("NEEDS_GPU = False\ndef main(): ...\n")
    (tmp_path / "common.py").write_text("def helper(): ...\n")
    assert run.scripts(tmp_path) == {"fast": False, "narrow": False, "wide": True}
    known = run.scripts()
    assert {"rendering", "learning", "live", "probe", "pipeline", "matrix", "memory", "room"} <= set(known)
    assert not {"common", "visitors", "run", "table"} & set(known)


def test_every_benchmark_has_a_title_and_every_result_a_script() -> None:
    known = set(run.scripts())
    assert known <= set(benchmarks.TITLES), "name it in invlab/benchmarks.py"
    assert {one.benchmark for one in FOUND} <= known


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that are run; all finish but `live`."""
    names: list[str] = []

    def call(command: list[str]) -> int:
        names.append(command[-1])
        return int(command[-1] == "benchmarks.live")

    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(run, "scripts", lambda: {"live": False, "probe": False, "wide": True})
    monkeypatch.setattr(run, "gpu_there", lambda: False)
    return names


def test_all_are_run_and_a_failure_is_told(called: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([]) == 1
    assert called == ["benchmarks.live", "benchmarks.probe"]
    told = capsys.readouterr()
    assert "benchmarks.live did not finish" in told.err
    assert "benchmarks.wide is skipped: it needs a CUDA GPU" in told.out


def test_some_are_run(called: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.main(["probe"]) == 0
    assert run.main(["teapot"]) == 2
    assert "no benchmark 'teapot'; choose from live, probe, wide" in capsys.readouterr().err
    assert called == ["benchmarks.probe"]
    monkeypatch.setattr(run, "gpu_there", lambda: True)
    assert run.main(["wide"]) == 0
    assert called == ["benchmarks.probe", "benchmarks.wide"]


# -------------------------------------------------------------------------------------------------------------- reading


def test_the_committed_results_are_whole() -> None:
    assert len(FOUND) >= 7
    for one in FOUND:
        assert one.claims, one.benchmark
        assert one.title
        assert "torch" in one.versions
        assert re.fullmatch(r"2\d{3}-\d\d-\d\d", one.date)
        names = [claim.text for claim in one.claims]
        assert len(names) == len(set(names))
    files = {file.name for file in benchmarks.FOLDER.glob("*")}
    assert files == {f"{one.benchmark}-{one.machine}.json" for one in FOUND}


def written(folder: Path, **changed: Any) -> Path:
    """A file of one claim, with something of the claim, or of the file, changed; None takes it out."""
    found = {"claim": "a", "value": 2.0, "aim": 1.0, "unit": "times", "larger": True, "met": True}
    file = {"benchmark": "probe", "machine": "m", "date": "2026-11-28", "versions": {"torch": "2"}, "claims": [found]}
    for name, value in changed.items():
        of = found if name in found else file
        of[name] = value
        if value is None:
            del of[name]
    path = folder / "probe-m.json"
    path.write_text(json.dumps(file))
    return path


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"met": False}, "met is False"),
        ({"value": "fast"}, "could not convert"),
        ({"value": float("nan")}, "two finite numbers"),
        ({"unit": None}, "'unit'"),
        ({"claims": None}, "'claims'"),
        ({"claims": 3}, "another kind"),
        ({"versions": [1]}, "another kind"),
        ({"benchmark": "rm -rf"}, "no name of a script"),
    ],
)
def test_a_damaged_file_is_named_with_its_fault(tmp_path: Path, changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ResultError, match=re.escape(sentence)) as told:
        benchmarks.read(written(tmp_path, **changed))
    assert str(told.value).startswith("the results in probe-m.json cannot be used: ")
    assert "measure it again" in str(told.value)


def test_half_a_file_is_told_and_no_folder_is_none(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert len(benchmarks.results(tmp_path)) == 1
    path.write_text(path.read_text()[:50])
    with pytest.raises(ResultError, match=r"probe-m\.json"):
        benchmarks.results(tmp_path)
    assert benchmarks.results(tmp_path / "nowhere") == ()


def test_no_script_is_needed_to_read_results() -> None:
    program = "import sys; from invlab import benchmarks; from invlab.figures import benchmarks as figures\n"
    program += "figures.margins(benchmarks.results()); assert not {'torch', 'streamlit'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


# -------------------------------------------------------------------------------------------------------------- telling


@pytest.mark.parametrize(
    ("value", "aim", "larger", "margin"),
    [
        (200.0, 100.0, True, 2.0),
        (50.0, 100.0, True, 0.5),
        (50.0, 100.0, False, 2.0),
        (200.0, 100.0, False, 0.5),
        (0.0, 0.0, False, 1.0),
        (2.0, 0.0, False, 0.0),
        (0.0, 0.05, False, math.inf),
        (-0.1, 0.1, False, math.inf),
        (-0.5, -1.0, False, 0.0),
        (0.0, 5.0, True, 0.0),
    ],
)
def test_margins(value: float, aim: float, larger: bool, margin: float) -> None:
    met = value >= aim if larger else value <= aim
    found = Claim("a", value, aim, "", larger, met)
    assert found.margin == margin
    assert (margin >= 1) == met


@pytest.mark.parametrize(
    ("value", "told"),
    [(33898.0, "33,900"), (2.041, "2.04"), (0.058190, "0.0582"), (-0.01, "−0.01"), (100.0, "100"), (0.0, "0"),
     (999.6, "1,000"), (9.996, "10"), (0.00012, "0.00012"), (103456.0, "103,000")],
)  # fmt: skip
def test_numbers_have_three_digits(value: float, told: str) -> None:
    assert benchmarks.number(value) == told


def test_the_table_has_every_claim_with_its_rounds() -> None:
    first, second = benchmarks.rows(SOME)
    assert (first["measured"], first["least"], first["largest"], first["unit"]) == (131.4, 128.2, 135.0, "times")
    assert (first["aim"], first["met"]) == ("≥ 100", "✓ met")
    assert (second["measured"], second["least"], second["met"]) == (1200, None, "✗ not met")
    assert [benchmarks.rounded(v) for v in (33898.004, 0.0581906, -0.0123456, 0.0)] == [33898, 0.05819, -0.01235, 0.0]


def test_the_numbers_decide_what_is_to_be_noticed() -> None:
    assert benchmarks.notice(SOME) == (
        "1 of 2 aims are met. Missed by most: *memory* (Linear probe), 1,200 MB where ≤ 1,000 MB was the aim."
    )
    assert benchmarks.notice(benchmarks.headlines(SOME)) == "1 of 1 aims are met. None is missed."
    assert FAST.measured == "131 (128 … 135) times"
    assert LARGE.measured == "1,200 MB"
    assert "2-core, 2026-11-28; torch 2.14" in benchmarks.measured_where(SOME[0])
    assert "2026-11-28; load of the machine before: 3.0; torch" in benchmarks.measured_where(replace(SOME[0], load=3.0))


def test_the_table_has_the_headline_claims_alone() -> None:
    told = benchmarks.markdown(SOME).splitlines()
    assert told[2:] == ["| Linear probe: ours over theirs | 131 times | ≥ 100 | ✓ met | 2-core, 2026-11-28 |"]
    missed = replace(SOME[0], claims=(replace(LARGE, headline=True, text="a|b"),))
    assert "| Linear probe: a∣b | 1,200 MB | ≤ 1,000 | ✗ not met |" in benchmarks.markdown([missed])


def test_the_text_around_the_table_stays_as_it_is() -> None:
    text = f"before\n{benchmarks.START}\nold\n{benchmarks.END}\nafter"
    made = benchmarks.with_table(text, SOME)
    assert made.startswith(f"before\n{benchmarks.START}\n| claim")
    assert made.endswith(f"{benchmarks.END}\nafter")
    assert benchmarks.with_table(made, SOME) == made
    for wrong in ("nothing", text + benchmarks.START, f"{benchmarks.END} {benchmarks.START}"):
        with pytest.raises(ValueError, match="markers"):
            benchmarks.with_table(wrong, SOME)


# --------------------------------------------------------------------------------------------------------------- README


def table_of_readme() -> list[str]:
    inside = README.split(benchmarks.START)[1].split(benchmarks.END)[0]
    return [line for line in inside.splitlines() if line.startswith("|")][2:]


def test_the_readme_is_what_the_results_say() -> None:
    assert benchmarks.with_table(README, FOUND) == README, "run: python -m benchmarks.table"
    assert len(table_of_readme()) == sum(claim.headline for _, claim in CLAIMS) >= 8


def test_no_figure_of_the_readme_is_missing_in_the_results() -> None:
    """Read from the files themselves, past everything that tells of them."""
    files = [json.loads(file.read_text()) for file in benchmarks.FOLDER.glob("*.json")]
    kept = {
        (claim["claim"], claim["met"], found["machine"], found["date"]): claim
        for found in files
        for claim in found["claims"]
    }
    for line in table_of_readme():
        text, measured, aim, met, where = (part.strip() for part in line.strip("|").split(" | "))
        machine, _, date = where.rpartition(", ")
        claim = kept[text.split(": ", 1)[1], met == "✓ met", machine, date]
        value = float(measured.split()[0].replace(",", "").replace("−", "-"))
        assert value == pytest.approx(claim["value"], rel=5.1e-3), line
        assert measured.split(" ", 1)[1] == claim["unit"]
        assert float(aim.split()[1].replace(",", "")) == pytest.approx(claim["aim"]), line


def test_the_command_writes_the_table_or_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "README.md"
    text.write_text(f"# A\n{benchmarks.START}\n{benchmarks.END}\n")
    monkeypatch.setattr(table, "README", text)
    assert table.main() == 0
    assert text.read_text() == benchmarks.with_table(f"# A\n{benchmarks.START}\n{benchmarks.END}\n", FOUND)
    text.write_text("# A")
    assert table.main() == 1
    assert "markers" in capsys.readouterr().err
    assert text.read_text() == "# A"
