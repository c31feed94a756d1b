"""What a model says becomes one line, or a list of keywords."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqwen.engine.caption import one_line, split_keywords


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        ("A dog.\n\nIt  runs.", "A dog. It runs."),
        ("<think>\n\n</think>\n\nA dog.", "A dog."),
        ("<think>Is it a dog? It is.</think>A dog.", "A dog."),
        ("<think>Is it a dog? I ran out of tok", ""),
        ("  \n ", ""),
    ],
)
def test_an_answer_becomes_one_line_without_thinking(answer: str, line: str) -> None:
    assert one_line(answer) == line


@pytest.mark.parametrize(
    ("answer", "keywords"),
    [
        ("dog, grass,  red ball", ("dog", "grass", "red ball")),
        ("狗，草地、红球；天空", ("狗", "草地", "红球", "天空")),
        ("Dog, dog, DOG; cat.", ("Dog", "cat")),
        ("<think>a, b</think> one,, , two,\nthree", ("one", "two", "three")),
        ("cat . .; . .", ("cat",)),
        ("", ()),
    ],
)
def test_keywords_are_split_and_each_kept_once(answer: str, keywords: tuple[str, ...]) -> None:
    assert split_keywords(answer) == keywords


@given(st.text(alphabet="aAbé狗 ,，、;.\n"))
def test_splitting_keywords_again_changes_nothing(answer: str) -> None:
    keywords = split_keywords(answer)
    assert split_keywords(", ".join(keywords)) == keywords
    assert len({keyword.casefold() for keyword in keywords}) == len(keywords)
