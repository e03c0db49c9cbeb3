"""A value is made once, whoever asks and when."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from invlab.once import once_each


def test_threads_that_ask_together_get_one_value() -> None:
    made: list[int] = []

    @once_each(4)
    def slow(number: int) -> object:
        made.append(number)
        time.sleep(0.02)
        return object()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(slow, [1] * 20 + [2] * 20))
    assert len(set(found)) == 2
    assert sorted(made) == [1, 2]
    assert slow.cache_info().currsize == 2
    slow.cache_clear()
    assert slow(1) not in found


def test_one_value_does_not_wait_for_another() -> None:
    go, began = threading.Event(), threading.Event()

    @once_each(4)
    def made(name: str) -> str:
        if name == "slow":
            began.set()
            assert go.wait(5)
        return name

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(made, "slow")
        assert began.wait(5)
        assert made("quick") == "quick"
        go.set()
        assert slow.result() == "slow"


def test_a_value_may_need_another_of_its_kind_and_the_oldest_goes() -> None:
    calls: list[int] = []

    @once_each(2)
    def fall(number: int) -> int:
        """Counts down."""
        calls.append(number)
        return 0 if number == 0 else fall(number - 1) + 1

    assert fall(3) == 3
    assert calls == [3, 2, 1, 0]
    assert fall(3) == 3
    assert calls == [3, 2, 1, 0]
    assert fall(0) == 0
    assert calls == [3, 2, 1, 0, 0]
    assert fall.__doc__ == "Counts down."


def test_what_fails_is_tried_again() -> None:
    tries: list[int] = []

    @once_each(2)
    def broken(number: int) -> int:
        tries.append(number)
        if len(tries) == 1:
            raise OSError("no")
        return number

    with pytest.raises(OSError, match="no"):
        broken(1)
    assert broken(1) == 1
