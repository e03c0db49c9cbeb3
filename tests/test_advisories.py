"""Every known advisory about what we install is answered, and the answers hold."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from packaging.version import Version

from tests import advisories

ROOT = Path(__file__).parent.parent


def entry(**changed: object) -> dict:
    return {
        "id": "CVE-2026-0001", "aliases": ["GHSA-aaaa-bbbb-cccc"], "package": "pillow", "affected": "<1.0", "what": "x",
        "answer": "floor", "why": "y",
    } | changed  # fmt: skip


def test_the_answers_hold() -> None:
    assert advisories.problems(advisories.answered()) == []
    assert "CVE-2025-69872" in {one["id"] for one in advisories.answered()}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, None),
        ({"affected": "<99"}, "raise its floor"),
        ({"answer": "upgrade", "affected": "<99"}, "is installed and affected"),
        ({"answer": "held"}, "needs a test"),
        ({"answer": "held", "affected": "<99", "tests": ["tests/test_store.py::test_that_is_not_there"]}, "no test"),
        ({"answer": "held", "tests": ["tests/test_advisories.py::test_the_answers_hold"]}, "let the floor answer it"),
        ({"answer": "perhaps"}, "an answer of"),
        ({"id": "CVE-26"}, "no identity"),
        ({"aliases": ["CVE-2026-0001"]}, "answered twice"),
        ({"package": "not-required"}, "raise its floor"),
    ],
)
def test_an_answer_that_does_not_hold_is_found(changed: dict, told: str | None) -> None:
    found = advisories.problems([entry(**changed)])
    assert found == [] if told is None else any(told in sentence for sentence in found)


def test_an_advisory_that_is_not_answered_is_found() -> None:
    about = {"id": "PYSEC-2026-9", "aliases": ["GHSA-aaaa-bbbb-cccc"], "fix_versions": ["2.0"]}
    told = [{"name": "pillow", "version": "1.0", "vulns": [about]}]
    (sentence,) = advisories.unanswered(told, [])
    assert "pillow 1.0: GHSA-aaaa-bbbb-cccc = PYSEC-2026-9, mended in 2.0: upgrade, or answer it" in sentence
    assert advisories.unanswered(told, [entry(answer="held")]) == []
    assert len(advisories.unanswered(told, [entry(answer="upgrade")])) == 1  # it was to be upgraded, and is not


@pytest.mark.parametrize("printed", ["", "no JSON", '{"dependencies": [{"name": "x", "skip_reason": "not found"}]}'])
def test_a_database_that_cannot_be_reached_is_said_so_and_fails_nothing(printed: str, monkeypatch, capsys) -> None:
    class Ended:
        stdout = printed

    monkeypatch.setattr(advisories.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(advisories.subprocess, "run", lambda *_, **__: Ended)
    assert advisories.main() == 0
    assert "could not be reached, so nothing was asked of it" in capsys.readouterr().out


def test_floors_are_read_from_the_requirements() -> None:
    asked = advisories.requirements()
    assert advisories.floor(asked["torch"]) >= Version("2.11")
    assert {"streamlit", "pillow", "diskcache", "pyarrow", "ruff"} <= set(asked)


# ---- what the answers rest on


def test_requirements_name_packages_alone() -> None:
    """No addresses, paths or version-control commands: only names that the registry resolves."""
    for name, requirement in advisories.requirements().items():
        assert requirement.url is None, name
    for file in (*advisories.REQUIREMENTS, "benchmarks/requirements.txt"):
        for line in (ROOT / file).read_text().splitlines():
            assert not line.startswith(("-e", "--", "git+", "hg+", ".", "/")), line
            assert "://" not in line, line


def test_nothing_is_compiled_or_exported() -> None:
    """No torch.jit, torch.export or torch.compile: no program is made from, or read from, a file."""
    for file in [*(ROOT / "invlab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "torch":
                assert node.attr not in ("jit", "export", "compile", "package"), f"{file.name}, line {node.lineno}"
