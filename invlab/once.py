"""Values that are made once in a process, also where several threads ask for them at the same time."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Once(Generic[P, R]):
    """`functools.lru_cache` whose missing values are made by one thread while the others wait: with lru_cache alone,
    each makes its own, and each lives for as long as somebody holds it. Arguments by position, all hashable."""

    def __init__(self, function: Callable[P, R], most: int) -> None:
        functools.update_wrapper(self, function)
        self._cached: Any = functools.lru_cache(most)(function)
        self._making: dict[tuple[Any, ...], threading.RLock] = {}  # what is being made needs another of its kind
        self._lock = threading.Lock()
        self.cache_clear, self.cache_info = self._cached.cache_clear, self._cached.cache_info

    def __call__(self, *args: P.args, **named: P.kwargs) -> R:
        with self._lock:
            making = self._making.setdefault(args, threading.RLock())
        with making:
            value: R = self._cached(*args, **named)
        return value


def once_each(most: int) -> Callable[[Callable[P, R]], Once[P, R]]:
    """Decorator: keep the values of the last `most` arguments, each made once."""
    return lambda function: Once(function, most)
