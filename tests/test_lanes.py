"""The three lanes of a run: nothing is lost, nobody waits for ever, and errors reach the caller."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mqwen.lanes import Lanes


def test_everything_is_written_and_told_once() -> None:
    lanes: Lanes[int, int] = Lanes(lambda number: number * 2)

    def work() -> Iterator[int]:
        for number in range(500):
            if number % 3:
                yield number
            else:
                lanes.tell(-number)

    assert sorted(lanes.results(work())) == sorted(n * 2 if n % 3 else -n for n in range(500))


def test_the_model_goes_on_while_writing_and_telling_are_slow_and_waits_when_far_behind() -> None:
    begun: list[int] = []
    gate = threading.Event()

    def write(number: int) -> int:
        gate.wait(60)
        return number

    def work() -> Iterator[int]:
        for number in range(200):
            begun.append(number)
            if number == 20:
                gate.set()  # twenty more were captioned before anything was written
            yield number

    results = Lanes(write).results(work())
    assert next(results) in range(4)
    assert len(list(results)) == 199
    held = Lanes(lambda number: threading.Event().wait(0) or number)
    begun.clear()
    results = held.results(work())
    next(results)
    threading.Event().wait(0.3)
    assert len(begun) < 150, "it ran ahead of a caller who takes nothing"
    results.close()


def test_a_result_is_told_while_the_model_is_still_busy_with_the_next() -> None:
    told = threading.Event()

    def work() -> Iterator[int]:
        yield 1
        assert told.wait(60), "the first result was held back"
        yield 2

    results = Lanes(lambda number: number).results(work())
    assert next(results) == 1
    told.set()
    assert list(results) == [2]


@pytest.mark.parametrize("where", ["model", "writer"])
def test_an_error_reaches_the_caller_after_what_was_done(where: str) -> None:
    written: list[int] = []

    def write(number: int) -> int:
        if where == "writer" and number == 5:
            raise ZeroDivisionError("a bug")
        written.append(number)
        return number

    lanes: Lanes[int, int] = Lanes(write)

    def work() -> Iterator[int]:
        for number in range(10_000):
            if where == "model" and number == 5:
                raise ZeroDivisionError("a bug")
            if lanes.ending():
                return
            yield number

    told = []
    with pytest.raises(ZeroDivisionError, match="a bug"):
        for number in lanes.results(work()):
            told.append(number)
    assert sorted(told) == sorted(written)
    assert set(range(5)) <= set(told) and len(told) < 5_000


def test_a_caller_who_leaves_ends_the_work() -> None:
    ended = threading.Event()
    lanes: Lanes[int, int] = Lanes(lambda number: number)

    def work() -> Iterator[int]:
        number = 0
        while not lanes.ending():
            yield (number := number + 1)
        ended.set()

    results = lanes.results(work())
    next(results)
    results.close()
    assert ended.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("mqwen-feed", "mqwen-write"))]
