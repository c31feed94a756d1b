"""Reading ahead: bounded, lazy, in either order, and never a wait without an end."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any, cast

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


def test_an_error_in_the_source_comes_out_after_all_before_it() -> None:
    def broken() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("unplugged")

    results = ready(read_ahead(broken(), lambda item: item, depth=4))
    assert {next(results)[0], next(results)[0]} == {1, 2}
    with pytest.raises(OSError, match="unplugged"):
        next(results)
    with pytest.raises(TypeError, match="not iterable"):
        list(read_ahead(cast("list[int]", None), lambda item: item, depth=4))


class Slow:
    """Gives 0, and each number after it when it is let go; notes who asked."""

    def __init__(self) -> None:
        self.waits, self.go_on = threading.Event(), threading.Semaphore(0)
        self.threads: list[threading.Thread] = []

    def numbers(self) -> Iterator[int]:
        for number in range(4):
            self.threads.append(threading.current_thread())
            if number:
                self.waits.set()
                assert self.go_on.acquire(timeout=30)
            yield number


@pytest.mark.parametrize("ordered", [False, True])
def test_what_is_ready_does_not_wait_for_a_slow_source(ordered: bool) -> None:
    slow = Slow()
    results = read_ahead(slow.numbers(), lambda item: -item, depth=3, ordered=ordered)
    assert next(ready(results)) == (0, 0)
    assert slow.waits.wait(30)
    assert [next(results) for _ in range(3)] == [None] * 3, "the caller has other things to look after"
    for number in (1, 2, 3):
        slow.go_on.release()
        assert next(ready(results)) == (number, -number)
    assert list(ready(results)) == []
    assert len(set(slow.threads)) == 1, "a generator may belong to a thread"


def test_closing_waits_for_a_slow_source_and_asks_it_for_nothing_more() -> None:
    slow = Slow()
    source = slow.numbers()
    results = read_ahead(source, lambda item: item, depth=3)
    next(ready(results))
    assert slow.waits.wait(30)
    closing = threading.Thread(target=results.close)
    closing.start()
    slow.go_on.release()
    closing.join(30)
    assert not closing.is_alive() and len(slow.threads) == 2
    slow.go_on.release(2)
    assert list(source) == [2, 3], "it is still the caller's, and in nobody else's hands"


def test_a_picture_that_hangs_holds_nobody_up() -> None:
    gate = threading.Event()
    results = read_ahead([1], lambda item: gate.wait(30), depth=4)
    assert [next(results) for _ in range(3)] == [None] * 3
    gate.set()
    assert list(ready(results)) == [(1, True)]
