"""Memory that a long-lived process with many threads does not need any more, given back to the system.

The GNU C library lets threads allocate in up to eight arenas for each core, and keeps what they free: a web server that
runs every page in a thread of its own would hold the largest pages of each of them. Elsewhere these functions do
nothing.
"""

from __future__ import annotations

import ctypes

ARENA_MAX = -8  # `M_ARENA_MAX` of malloc.h
ARENAS = 2


def few_arenas() -> bool:
    """Let threads that are yet to come share `ARENAS` arenas. Python's lock lets few of them allocate at once anyway.
    Returns whether the system knows how to."""
    return _called("mallopt", ARENA_MAX, ARENAS)


def give_back() -> bool:
    """Return free pages to the system, some milliseconds. Returns whether the system knows how to."""
    return _called("malloc_trim", 0)


def _called(name: str, *values: int) -> bool:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (AttributeError, OSError, TypeError):
        return False
    function(*map(ctypes.c_int, values))
    return True
