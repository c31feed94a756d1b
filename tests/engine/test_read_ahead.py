"""Reading ahead: bounded, lazy, in either order, and never a wait without an end."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from mqwen.engine.read_ahead import read_ahead


def ready(results: Iterable[Any]) -> Iterator[Any]:
    """What was read, without the moments in which nothing was."""
    return (result for result in results if result is not None)


def test_a_slow_picture_lets_the_others_pass() -> None:
    gate = threading.Event()

    def prepare(item: int) -> int:
        if item == 0:
            assert gate.wait(10)
        return item * 10

    results = ready(read_ahead(range(4), prepare, depth=3))
    assert {next(results)[0] for _ in range(3)} == {1, 2, 3}
    gate.set()
    assert list(results) == [(0, 0)]


def test_in_order_the_others_wait_for_it() -> None:
    first_done = threading.Event()

    def prepare(item: int) -> int:
        if item == 0:
            first_done.wait(0.1)
        return item

    assert [item for item, _ in ready(read_ahead(range(20), prepare, depth=5, ordered=True))] == list(range(20))


def test_no_more_than_depth_items_are_begun() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        for number in range(10**9):
            taken.append(number)
            yield number

    results = read_ahead(endless(), lambda item: item, depth=4)
    for _ in range(10):
        next(ready(results))
    results.close()
    assert len(taken) <= 10 + 4


def test_an_error_in_the_source_comes_out() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        list(read_ahead(broken(), lambda item: item, depth=4))


def test_a_picture_that_hangs_holds_nobody_up() -> None:
    gate = threading.Event()
    results = read_ahead([1], lambda item: gate.wait(30), depth=4)
    assert [next(results) for _ in range(3)] == [None] * 3
    gate.set()
    assert list(ready(results)) == [(1, True)]
