"""A spec says what, its key says which.

A spec is a frozen dataclass of plain values (str, int, float, bool, None, tuples of these, other specs). Its canonical
JSON, with the version of the result format, hashed, is its key; everything computed is stored under it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import types
import typing
from typing import Any, TypeVar

S = TypeVar("S")

FORMAT = 1  # raise it when a result of the same spec would mean something else


class SpecError(ValueError):
    """A plain value that is no valid spec; the message names field, value and remedy."""


def plain(spec: Any) -> dict[str, Any]:
    """The fields of a spec as JSON values, nested specs included."""
    hints = _hints(type(spec))
    return {f.name: _plain(getattr(spec, f.name), hints[f.name]) for f in dataclasses.fields(spec)}


def canonical(spec: Any, form: int | None = None) -> str:
    """One text for one spec: sorted names, no spaces, floats as floats, fields at their default left out.

    So a new field, whose default means what was done before, changes no key; a default itself must never change.
    `form` is the version of the result format, this one's where none is given.
    """
    whole = {"format": FORMAT if form is None else form, "kind": type(spec).__name__, "spec": _without_defaults(spec)}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), allow_nan=False)


def key(spec: Any, form: int | None = None) -> str:
    """`kind-` and 32 hexadecimal digits of the SHA-256 of the canonical text (of the format `form`)."""
    digest = hashlib.sha256(canonical(spec, form).encode()).hexdigest()
    return f"{type(spec).__name__.lower()}-{digest[:32]}"


def older_keys(spec: Any) -> list[str]:
    """What earlier result formats called the same spec."""
    return [key(spec, form) for form in range(1, FORMAT)]


def revive(cls: type[S], fields: Any, where: str = "") -> S:
    """The spec of class `cls` whose `plain` is `fields`.

    Raises SpecError for an unknown or missing field or a value of the wrong type, and whatever the spec's own checks
    raise.
    """
    where = where or cls.__name__
    if not isinstance(fields, dict):
        raise SpecError(f"{where}: {fields!r} is not an object with named fields")
    known = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name in fields:
        if name not in known:
            raise SpecError(f"{where}: there is no field {name!r}; the fields are {', '.join(known)}")
    hints = _hints(cls)
    values = {}
    for name, field in known.items():
        if name in fields:
            values[name] = _revive(hints[name], fields[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise SpecError(f"{where}: the field {name!r} is missing")
    return cls(**values)


def _without_defaults(value: Any, hint: Any = None) -> Any:
    """As `plain`, less the fields at their default, in nested specs too."""
    if dataclasses.is_dataclass(value):
        hints = _hints(type(value))
        chosen = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return {f.name: _without_defaults(v, hints[f.name]) for f, v in chosen if not _same(v, f.default)}
    if isinstance(value, tuple):
        return [_without_defaults(item, inner) for item, inner in zip(value, _inner(hint, value), strict=True)]
    return _plain(value, hint)


def _hints(cls: type) -> dict[str, Any]:
    """The types of a spec's fields: working them out takes longer than all the rest of a key."""
    if cls not in _HINTS:
        _HINTS[cls] = typing.get_type_hints(cls)
    return _HINTS[cls]


_HINTS: dict[type, dict[str, Any]] = {}


def _same(value: Any, default: Any) -> bool:
    return value == default and isinstance(value, bool) == isinstance(default, bool)


def _inner(hint: Any, value: tuple[Any, ...]) -> list[Any]:
    """The type of each item of a tuple annotated `tuple[X, ...]`."""
    arguments = typing.get_args(hint)
    return [arguments[0] if arguments else Any] * len(value)


def _plain(value: Any, hint: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return plain(value)
    if isinstance(value, tuple):
        return [_plain(item, inner) for item, inner in zip(value, _inner(hint, value), strict=True)]
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # 1 and 1.0 are one spec
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise SpecError(f"{value!r} is no plain value")


def _revive(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        options = [h for h in typing.get_args(hint) if h is not type(None)]
        return None if value is None else _revive(options[0], value, where)
    if dataclasses.is_dataclass(hint):
        return revive(hint, value, where)  # type: ignore[arg-type]
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise SpecError(f"{where}: {value!r} is not a list")
        return tuple(_revive(typing.get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= sys.float_info.max:  # JSON texts can hold NaN, Infinity and integers of any length
            raise SpecError(f"{where}: {value!r} is no finite number")
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise SpecError(f"{where}: {value!r} is not of type {hint.__name__}")
    return value
