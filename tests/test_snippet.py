"""A recipe as Python gives the same spec, and run as it stands, the same result."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from invlab import records, runs, store
from invlab.sensitivity import Sensitivity
from invlab.snippet import WIDTH, snippet
from invlab.studies.catalogue import StudyRun
from invlab.tasks import Task
from invlab.training import Training
from tests.test_records import EXAMPLES

TASK = Task((3, 1), ("rotate", "hue"), backgrounds="black")
TRAINING = Training(TASK, images=64, batch=32)


def specs_of(code: str) -> list[Any]:
    """What a snippet calls `spec` or `specs`, without running anything."""
    names: dict[str, Any] = {}
    tree = ast.parse(code)
    made = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom | ast.Assign)]
    tree.body = [node for node in made if "here" not in ast.unparse(node)]
    exec(compile(tree, "snippet", "exec"), names)  # noqa: S102 - our own
    return names["specs"] if "specs" in names else [names["spec"]]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_script_makes_the_same_spec(name: str) -> None:
    spec = EXAMPLES[name]
    code = snippet([spec])
    assert specs_of(code) == [spec]
    assert records.key(specs_of(code)[0]) == records.key(spec)
    assert max(map(len, code.splitlines())) <= WIDTH + 20


def test_what_several_specs_share_is_named_once() -> None:
    specs = [Sensitivity(TRAINING, replace(TASK, seed=seed), 9) for seed in range(3)]
    code = snippet(specs)
    assert specs_of(code) == specs
    assert code.count("Training(") == 1
    assert code.count("training,") == 3


def test_a_task_that_a_spec_holds_twice_is_named_once() -> None:
    code = snippet([Sensitivity(TRAINING, TASK, 9)])
    assert code.count("Task(") == 1
    assert specs_of(code) == [Sensitivity(TRAINING, TASK, 9)]


def test_run_as_it_stands_it_gives_the_result(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = Sensitivity(TRAINING, TASK, 9)
    exec(compile(snippet([spec]), "snippet", "exec"), {})  # noqa: S102 - our own
    stored = store.open_store().get(records.key(spec))
    assert stored is not None
    assert capsys.readouterr().out.strip() == str(stored["result"])


def test_a_task_is_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(snippet([TASK]), "snippet", "exec"), {})  # noqa: S102 - our own
    assert "torch.Size([8, 3, 32, 32])" in capsys.readouterr().out


def test_a_run_of_a_study_gives_its_table(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(snippet([StudyRun("mismatch", "tiny", 1)]), "snippet", "exec"), {})  # noqa: S102 - our own
    run = StudyRun("mismatch", "tiny", 1)
    assert capsys.readouterr().out.strip() == str(runs.study_table(run, store.open_store()))


def test_nothing_makes_no_script() -> None:
    with pytest.raises(ValueError, match="no spec"):
        snippet([])
