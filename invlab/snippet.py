"""A recipe as Python: a short script of the public API that gives the same result."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from invlab.studies.catalogue import StudyRun
from invlab.tasks import Task

WIDTH = 100  # characters of a line
STEP = "    "
RUN = "found = runs.execute({name}, here)  # from the store, or computed and stored now"


def snippet(specs: Sequence[Any]) -> str:
    """A script that executes the specs and prints their results; of tasks, it renders them.

    Specs that occur several times inside of others are named once. Raises ValueError where there are none.
    """
    if not specs:
        raise ValueError("there is no spec to write a script for")
    names = _named(specs)
    made = [f"{name} = {constructor(part, names, own=True)}" for part, name in names.items()]
    tasks = all(isinstance(spec, Task) for spec in specs)
    if len(specs) == 1:
        lines = [*made, f"spec = {constructor(specs[0], names)}"]
    else:
        items = "".join(f"{STEP}{constructor(spec, names, depth=1)},\n" for spec in specs)
        lines = [*made, f"specs = [\n{items}]"]
    return "\n".join([*_imports(specs, tasks), "", *lines, "", *_use(specs, tasks)]) + "\n"


def constructor(value: Any, names: dict[Any, str], depth: int = 0, own: bool = False) -> str:
    """`value` as the expression that makes it: fields at their default are left out, what has a name is called by it.

    own: write the value itself out, even if it has a name.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if not own and value in names:
            return names[value]
        fields = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        parts = [f"{f.name}={constructor(v, names, depth + 1)}" for f, v in fields if not _is_default(f, v)]
        return _bracketed(f"{type(value).__name__}(", parts, ")", depth)
    if isinstance(value, tuple):
        parts = [constructor(item, names, depth + 1) for item in value]
        plain = all(isinstance(item, int | float) for item in value)  # a text must not be broken at its spaces
        return _bracketed("(", parts, ",)" if len(parts) == 1 else ")", depth, plain)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _is_default(field: dataclasses.Field[Any], value: Any) -> bool:
    return bool(value == field.default) and type(value) is type(field.default)


def _bracketed(head: str, parts: list[str], tail: str, depth: int, filled: bool = False) -> str:
    """On one line where it fits, else one part a line, or lines `filled` with as many as go."""
    flat = f"{head}{', '.join(parts)}{tail}"
    if len(flat) + len(STEP) * (depth + 2) <= WIDTH and "\n" not in flat:
        return flat
    begin = STEP * (depth + 1)
    if filled:
        inner = textwrap.fill(", ".join(parts) + ",", WIDTH, initial_indent=begin, subsequent_indent=begin) + "\n"
    else:
        inner = "".join(f"{begin}{part},\n" for part in parts)
    return f"{head}\n{inner}{STEP * depth}{tail.removeprefix(',')}"


def _inside(spec: Any) -> Iterator[Any]:
    """The specs within a spec, itself last: each after those it holds."""
    if isinstance(spec, tuple):
        for item in spec:
            yield from _inside(item)
    elif dataclasses.is_dataclass(spec):
        for field in dataclasses.fields(spec):
            yield from _inside(getattr(spec, field.name))
        yield spec


def _named(specs: Sequence[Any]) -> dict[Any, str]:
    """Names for what occurs more than once, in an order in which each can be made."""
    inner = [part for spec in specs for part in _inside(spec) if part is not spec]
    often = Counter(inner)
    names: dict[Any, str] = {}
    kinds: Counter[str] = Counter()
    for part in inner:
        if often[part] > 1 and part not in names:
            word = type(part).__name__.lower()
            kinds[word] += 1
            names[part] = word if kinds[word] == 1 else f"{word}_{kinds[word]}"
    return names


def _imports(specs: Sequence[Any], tasks: bool) -> list[str]:
    classes = {type(part) for spec in specs for part in _inside(spec)}
    modules: dict[str, list[str]] = {}
    for cls in classes:
        modules.setdefault(cls.__module__, []).append(cls.__name__)
    if tasks:
        modules.setdefault(Task.__module__, []).append("render")
    lines = [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(modules.items())]
    return lines if tasks else ["from invlab import runs, store", *lines]


def _use(specs: Sequence[Any], tasks: bool) -> list[str]:
    several = len(specs) > 1
    name, indent = ("spec", "") if not several else ("spec", STEP)
    loop = ["for spec in specs:"] if several else []
    if tasks:
        body = ['batch = render(spec, "train", range(8))  # images (8, 3, S, S) in [−1, 1], and their labels',
                "print(batch.images.shape, batch.labels.tolist())"]  # fmt: skip
        return [*loop, *(indent + line for line in body)]
    body = [RUN.format(name=name)]
    if all(isinstance(spec, StudyRun) for spec in specs):
        body.append("print(runs.study_table(spec, here))")
    else:
        body.append('print(found["result"])')
    return ["here = store.open_store()", *loop, *(indent + line for line in body)]
