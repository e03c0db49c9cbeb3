"""The audit of dependencies: `python -m tests.advisories`, run by `make audit` and `make lint`.

Holds `docs/advisories.toml` against what is required and installed, then asks pip-audit, where it is installed and
reaches its database, whether there is an advisory that we have not answered.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs" / "advisories.toml"
REQUIREMENTS = ("requirements.txt", "requirements-hub.txt", "requirements-cluster.txt", "requirements-dev.txt")
ANSWERS = ("floor", "upgrade", "held")
FIELDS = {"id", "aliases", "package", "affected", "what", "answer", "why"}
IDENTITY = re.compile(r"CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3}|PYSEC-\d{4}-\d+")
SECONDS = 120.0  # for the whole of pip-audit

Advisory = dict[str, Any]


def answered(file: Path = FILE) -> list[Advisory]:
    return tomllib.loads(file.read_text())["advisory"]


def requirements() -> dict[str, Requirement]:
    """What we ask for ourselves, by name."""
    lines = [line.partition("#")[0].strip() for name in REQUIREMENTS for line in (ROOT / name).read_text().splitlines()]
    asked = [Requirement(line) for line in lines if line and not line.startswith("-r")]
    return {canonicalize_name(one.name): one for one in asked}


def floor(requirement: Requirement) -> Version | None:
    """The lowest version that a requirement lets in."""
    lowest = [Version(one.version) for one in requirement.specifier if one.operator in (">=", "==", "~=")]
    return max(lowest, default=None)


def installed(package: str) -> Version | None:
    try:
        return Version(importlib.metadata.version(package).partition("+")[0])
    except importlib.metadata.PackageNotFoundError:
        return None


def problems(advisories: list[Advisory]) -> list[str]:
    """What is wrong with our answers, one sentence each."""
    asked = requirements()
    found = []
    seen: set[str] = set()
    for advisory in advisories:
        found += [f"{advisory.get('id')}: {sentence}" for sentence in _problems(advisory, asked)]
        for name in [advisory.get("id", ""), *advisory.get("aliases", ())]:
            if name in seen or not IDENTITY.fullmatch(name):
                found.append(f"{name!r} is no identity of an advisory, or it is answered twice")
            seen.add(name)
    return found


def _problems(advisory: Advisory, asked: dict[str, Requirement]) -> list[str]:
    if not FIELDS <= set(advisory) <= FIELDS | {"tests"} or advisory["answer"] not in ANSWERS:
        return [f"give {', '.join(sorted(FIELDS))}, and an answer of {', '.join(ANSWERS)}"]
    package, affected = advisory["package"], SpecifierSet(advisory["affected"])
    here, lowest = installed(package), floor(asked[package]) if package in asked else None
    found = []
    if advisory["answer"] == "held":
        if not advisory.get("tests"):
            found.append("an answer that is held needs a test that shows it")
        found += [f"there is no test {name}" for name in advisory.get("tests", ()) if not is_test(name)]
        if (here is None or here not in affected) and (lowest is not None and lowest not in affected):
            found.append("nothing that we let in is affected any more: let the floor answer it")
        return found
    if advisory["answer"] == "floor" and (lowest is None or lowest in affected):
        found.append(f"the requirement {asked.get(package, package)} lets in an affected version: raise its floor")
    if here is not None and here in affected:
        found.append(f"{package} {here} is installed and affected: pip install --upgrade {package}")
    return found


def is_test(name: str) -> bool:
    """Whether `tests/test_x.py::test_y` is there."""
    file, _, function = name.partition("::")
    path = ROOT / file
    if not path.is_file():
        return False
    tree = ast.parse(path.read_text())
    return function.startswith("test_") and any(
        isinstance(n, ast.FunctionDef) and n.name == function for n in tree.body
    )


# ---- the public database


def asked_of_the_database() -> tuple[list[Advisory] | None, str]:
    """What pip-audit knows of what is installed, as its own objects; None and why where it could not say."""
    if importlib.util.find_spec("pip_audit") is None:
        return None, "pip-audit is not installed"
    command = [sys.executable, "-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT)
        told = json.loads(ended.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None, "the database of advisories could not be reached"
    looked_up = [one for one in told if "skip_reason" not in one]
    return (looked_up, "") if looked_up else (None, "the database of advisories could not be reached")


def unanswered(dependencies: list[Advisory], advisories: list[Advisory]) -> list[str]:
    """Advisories of the database about installed versions that we have neither answered as held nor mended."""
    ours = {name for one in advisories if one["answer"] == "held" for name in (one["id"], *one["aliases"])}
    found = []
    for dependency in dependencies:
        for advisory in dependency.get("vulns", ()):
            names = {advisory["id"], *advisory.get("aliases", ())}
            if not names & ours:
                mended = ", ".join(advisory.get("fix_versions", ())) or "no version yet"
                told = f"{dependency['name']} {dependency['version']}: {' = '.join(sorted(names))}, mended in {mended}"
                found.append(f"{told}: upgrade, or answer it in {FILE.relative_to(ROOT)}")
    return found


def main() -> int:
    advisories = answered()
    found = problems(advisories)
    dependencies, why_not = asked_of_the_database()
    if dependencies is None:
        print(f"audit: {why_not}, so nothing was asked of it")
    else:
        found += unanswered(dependencies, advisories)
        print(f"audit: {len(dependencies)} packages looked up")
    for problem in found:
        print(f"audit: {problem}", file=sys.stderr)
    if not found:
        print(f"audit: {len(advisories)} answered advisories hold")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
