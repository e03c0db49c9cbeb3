"""A file imports only from the floors below its own; torch and streamlit stay where they belong."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A module may import what stands before it: on a lower floor, or earlier on its own. Modules of one
# row with a star may import each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    (
        "invlab",
        "invlab.lazy",
        "invlab.once",
        "invlab.memory",
        "invlab.compiled",
        "invlab.logs",
        "invlab.seeds",
        "invlab.records",
        "invlab.files",
        "invlab.pictures",
        "invlab.words",
        "invlab.assets",
        "invlab.assets.drawings",
        "invlab.assets.build_sheet",
    ),
    (
        "invlab.rows",
        "invlab.listing",
        "invlab.formats",
        "invlab.bundle_files",
        "invlab.store",
        "invlab.database",
        "invlab.kept",
        "invlab.transforms",
        "invlab.scenes",
        "invlab.cifar",
        "invlab.hub",
        "invlab.photographs",
        "invlab.uploads",
        "invlab.objects",
        "invlab.things",
        "invlab.sources",
        "invlab.backgrounds",
        "invlab.architectures",
        "invlab.networks",
        "invlab.imagenet",
        "invlab.pickled",
        "invlab.weights",
        "invlab.distances",
        "invlab.intervals",
        "invlab.devices",
    ),
    ("invlab.tasks", "invlab.labnet", "invlab.representations", "invlab.training", "invlab.stacks"),
    (
        "invlab.sensitivity",
        "invlab.responses",
        "invlab.measures",
        "invlab.shared_invariance",
        "invlab.transfer",
        "invlab.disagreement",
        "invlab.information",
        "invlab.learning",
        "invlab.audit",
    ),
    (
        "invlab.studies.presets",
        "invlab.studies.published",
        "invlab.studies.study",
        "invlab.studies.*",
        "invlab.studies.catalogue",
        "invlab.studies",
    ),
    ("invlab.costs",),
    ("invlab.watching",),
    ("invlab.runs",),
    ("invlab.migrations",),
    (
        "invlab.jobs",
        "invlab.roles",
        "invlab.rooms",
        "invlab.worker",
        "invlab.bundle",
        "invlab.backup",
        "invlab.doctor",
        "invlab.benchmarks",
        "invlab.figures",
        "invlab.figures.*",
        "invlab.export",
        "invlab.snippet",
        "invlab.comparison_words",
        "invlab.differences",
        "invlab.study_words",
        "invlab.audit_report",
        "invlab.glossary",
        "invlab.lessons.stored",
        "invlab.lessons.lesson",
        "invlab.lessons.*",
        "invlab.lessons.course",
        "invlab.lessons",
        "invlab.site.markup",
        "invlab.site.sheet",
        "invlab.site.*",
        "invlab.site",
        "invlab.cluster",
        "invlab.capacity",
        "invlab.data_command",
        "invlab.operating_command",
        "invlab.study_command",
        "invlab.audit_command",
        "invlab.site_command",
        "invlab.__main__",
    ),
    ("invlab.ui", "invlab.ui.*"),
    ("app", "pages.*"),
)
ROWS = [row for floor in FLOORS for row in floor]
SHOWING = ("invlab.ui", "invlab.ui.*", "app", "pages.*")  # may import streamlit
# May import torch at module level: their classes are torch's.
BUILT_ON_TORCH = ("invlab.networks", "invlab.labnet", "invlab.imagenet", "invlab.stacks")
NOT_IMPORTED_HERE = (*BUILT_ON_TORCH, "invlab.assets.build_sheet", "invlab.cluster", "invlab.__main__")


def modules() -> dict[str, Path]:
    """Every module of the project, by name."""
    files = [*(ROOT / "invlab").rglob("*.py"), *(ROOT / "pages").rglob("*.py"), ROOT / "app.py"]
    named = {}
    for file in files:
        parts = file.relative_to(ROOT).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return named


MODULES = modules()


def row(module: str) -> int | None:
    """Where a module stands in the table: its own row before one with a star."""
    if module in ROWS:
        return ROWS.index(module)
    return next((i for i, pattern in enumerate(ROWS) if fnmatchcase(module, pattern)), None)


def allowed(module: str, imported: str) -> bool:
    above, below = row(module), row(imported)
    if above is None or below is None:
        return False
    return below < above or (below == above and "*" in ROWS[above])


# ------------------------------------------------------------------------------------------------- reading the imports


def only_for_types(node: ast.AST) -> bool:
    test = getattr(node, "test", None)
    return isinstance(node, ast.If) and (
        (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING")
        or (isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING")
    )


def import_nodes(tree: ast.AST, inside_functions: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run: without those under TYPE_CHECKING, and those in functions only where asked for."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif only_for_types(node):
            for other in node.orelse:
                yield from import_nodes(ast.Module([other], []), inside_functions)
        elif inside_functions or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from import_nodes(node, inside_functions)


def imports(
    source: str, module: str, package: bool, inside_functions: bool = True, known: tuple[str, ...] | None = None
) -> set[str]:
    """Dotted names of what a module's source imports; of our own, the modules rather than the names in them."""
    known = tuple(MODULES) if known is None else known
    found = set()
    for node in import_nodes(ast.parse(source), inside_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
            continue
        base = node.module or ""
        if node.level:
            parents = module.split(".") if package else module.split(".")[:-1]
            parents = parents[: len(parents) - node.level + 1]
            base = ".".join([*parents, base] if base else parents)
        for alias in node.names:
            inner = f"{base}.{alias.name}"
            found.add(inner if inner in known or base not in known else base)
    return found


def imports_of(module: str, inside_functions: bool = True) -> set[str]:
    file = MODULES[module]
    return imports(file.read_text(), module, file.name == "__init__.py", inside_functions)


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.split(".")[0] in ("invlab", "app", "pages")}


def reaches(names: set[str], package: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for name in names)


# ----------------------------------------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_module_has_its_place(module: str) -> None:
    assert row(module) is not None, f"{module} stands on no floor: place it in FLOORS in tests/test_floors.py"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_come_from_below(module: str) -> None:
    for name in sorted(ours(imports_of(module)) - {module}):
        assert name in MODULES, f"{module} imports {name}, which does not exist"
        assert allowed(module, name), f"{module} imports {name}, which does not stand below it in FLOORS"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: ours(imports_of(module)) - {module} for module in MODULES}
    tuple(TopologicalSorter(graph).static_order())  # CycleError names the circle


@pytest.mark.parametrize("module", sorted(MODULES))
def test_only_what_is_shown_imports_streamlit(module: str) -> None:
    if not any(fnmatchcase(module, pattern) for pattern in SHOWING):
        assert not reaches(imports_of(module), "streamlit"), f"{module} is below the pages and imports streamlit"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_torch_is_imported_late(module: str) -> None:
    if module in BUILT_ON_TORCH:
        return
    names = imports_of(module, inside_functions=False)
    for heavy in ("torch", "torchvision", *BUILT_ON_TORCH):
        assert not reaches(names, heavy), f"{module} imports {heavy} at module level: use invlab.lazy, or a function"


def test_a_fresh_interpreter_does_without_torch() -> None:
    """Pages that show stored results import any of these; importing torch would cost them three seconds."""
    shown = [m for m in MODULES if m.startswith("invlab") and not m.startswith("invlab.ui")]
    wanted = sorted(set(shown) - set(NOT_IMPORTED_HERE), key=place_of)
    asked = ("jobs", "figures", "records", "tasks", "training", "transforms", "objects", "backgrounds", "sensitivity")
    for name in (*asked, "transfer", "runs", "studies.comparison", "studies.singles"):
        if importlib.util.find_spec(f"invlab.{name}") is not None:
            assert f"invlab.{name}" in wanted
    program = "import importlib, sys\n" + "".join(
        f"importlib.import_module({name!r})\nassert 'torch' not in sys.modules, 'importing {name} imports torch'\n"
        for name in wanted
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stderr


def place_of(module: str) -> tuple[int, str]:
    place = row(module)
    return (len(ROWS) if place is None else place, module)


# ------------------------------------------------------------------------------------------------ the reader is right


KNOWN = ("invlab", "invlab.a", "invlab.b", "invlab.sub", "invlab.sub.c")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import invlab.a", {"invlab.a"}),
        ("from invlab import a, __version__", {"invlab.a", "invlab"}),
        ("from invlab.b import thing as other", {"invlab.b"}),
        ("from . import d\nfrom .c import x", {"invlab.sub", "invlab.sub.c"}),
        ("from .. import a\nfrom ..b import y", {"invlab.a", "invlab.b"}),
        ("def f():\n    from invlab.a import x", {"invlab.a"}),
        ("class A:\n    async def f(self):\n        with x:\n            import torch.nn", {"torch.nn"}),
        ("if TYPE_CHECKING:\n    import torch\nelse:\n    from invlab.a import torch", {"invlab.a"}),
        ("import typing\nif typing.TYPE_CHECKING:\n    import torch", {"typing"}),
    ],
)
def test_imports_are_read(source: str, expected: set[str]) -> None:
    assert imports(source, "invlab.sub.e", package=False, known=KNOWN) == expected


def test_imports_at_module_level_are_told_from_late_ones() -> None:
    source = "try:\n    import torch\nexcept ImportError:\n    pass\ndef f():\n    import streamlit\n"
    assert imports(source, "invlab.a", False, inside_functions=False) == {"torch"}
    assert imports(source, "invlab.a", False) == {"torch", "streamlit"}


def test_the_table_is_read_from_the_ground_up() -> None:
    assert allowed("invlab.tasks", "invlab.objects")
    assert not allowed("invlab.objects", "invlab.tasks")
    assert allowed("invlab.objects", "invlab.transforms")
    assert not allowed("invlab.transforms", "invlab.objects")
    assert allowed("invlab.ui.chart", "invlab.ui.palette")
    assert not allowed("invlab.figures", "invlab.ui.palette")
    assert allowed("pages.home", "invlab.ui.palette")
    assert not allowed("invlab.studies.presets", "invlab.studies.singles")
    assert not allowed("invlab.runs", "invlab.newcomer")
    assert row("invlab.newcomer") is None
