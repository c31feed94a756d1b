"""The estimate of CLIP's tokens: exact for plain English, and growing with every word."""

from __future__ import annotations

import pytest

from mqwen.library.lengths import CLIP_TOKENS, about_clip_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [  # begin and end marks, then what CLIP's own tokenizer splits at
        ("", 2),
        ("a photo of a cat", 7),
        ("A cat, a dog.", 8),
        ("it's 1987", 2 + 2 + 4),
        ("红色", 2 + 4),
    ],
)
def test_short_texts(text, tokens):
    assert about_clip_tokens(text) == tokens


def test_long_words_are_several_tokens_and_every_word_counts():
    assert about_clip_tokens("incomprehensibilities") > 3
    lengths = [about_clip_tokens("tree " * count) for count in range(90)]
    assert lengths == sorted(set(lengths))
    assert lengths[74] <= CLIP_TOKENS < lengths[76]
