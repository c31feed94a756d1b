"""Word-level differences: pieces give back both texts, and are as few as the change."""

from __future__ import annotations

import random

import pytest

from mqwen.library.word_diff import Piece, word_diff


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [
        ("a red car", "a blue car", [("same", "a "), ("gone", "red"), ("new", "blue"), ("same", " car")]),
        ("一只红色的车", "一只蓝色的车", [("same", "一只"), ("gone", "红"), ("new", "蓝"), ("same", "色的车")]),
        ("a big old dog", "a small cat", [("same", "a "), ("gone", "big old dog"), ("new", "small cat")]),
        ("", "new", [("new", "new")]),
        ("old", "", [("gone", "old")]),
        ("it's well-known", "it's well-known", [("same", "it's well-known")]),
        ("", "", []),
    ],
)
def test_pieces(old, new, pieces):
    assert word_diff(old, new) == [Piece(*piece) for piece in pieces]


def test_pieces_always_give_back_both_texts():
    rng = random.Random(5)
    words = ["red", "car", "  ", ", ", "它", "红", "\n", "don't", "é", "😀", "."]
    for _ in range(300):
        old, new = ("".join(rng.choices(words, k=rng.randrange(12))) for _ in range(2))
        pieces = word_diff(old, new)
        assert "".join(piece.text for piece in pieces if piece.kind != "new") == old
        assert "".join(piece.text for piece in pieces if piece.kind != "gone") == new
