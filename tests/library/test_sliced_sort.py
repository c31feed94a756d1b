"""Sorting in slices: as sorted() does it, whatever the keys, in many short steps."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mqwen.library.scan import natural_key
from mqwen.library.sliced_sort import sort_in_slices, sorted_in_slices


def run(work):
    steps = 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value, steps
        steps += 1


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-3, 40), st.integers()), max_size=400), st.booleans(), st.integers(1, 60))
def test_sorts_as_sorted_does_equal_ones_in_their_order(items, largest_first, size):
    found, steps = run(sort_in_slices(items, lambda item: item[0], largest_first=largest_first, size=size))
    assert found == sorted(items, key=lambda item: item[0], reverse=largest_first)
    assert len(items) <= size or steps >= len(items) // size


def test_sorts_names_of_a_large_folder_naturally():
    names = [f"IMG_{number * 7919 % 10_007}.jpg" for number in range(10_000)]
    assert sorted_in_slices(names, natural_key) == sorted(names, key=natural_key)
