"""Words that the user wants in every caption are added in code."""

from __future__ import annotations

import pytest

from mqwen.engine.caption import Caption
from mqwen.library.compose import Words, compose
from mqwen.run_settings import RunSettings


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "a dog"),
        ({"prepend": "Photo of"}, "Photo of a dog"),
        ({"prepend": "Photo: "}, "Photo: a dog"),
        ({"append_text": ", 2024"}, "a dog, 2024"),
        ({"append_text": "at home"}, "a dog at home"),
        ({"append_text": "。"}, "a dog。"),
        ({"prepend": "照片：", "append_text": "在家"}, "照片：a dog在家"),
        ({"trigger": ("sks",)}, "sks, a dog"),
        ({"trigger": ("sks", "DOG", "red")}, "sks, red, a dog"),
    ],
)
def test_prose(settings: dict[str, object], text: str) -> None:
    assert compose(Caption("a dog", (), 2, "stop", 0.0), RunSettings(**settings)) == Words(text)  # type: ignore[arg-type]


def test_keywords_are_added_as_keywords_and_each_stands_once() -> None:
    settings = RunSettings(style="keywords", prepend="sea, Dog", append_text="home, sand", trigger=("sks",))
    words = compose(Caption("dog, sand", ("dog", "sand"), 2, "stop", 0.0), settings)
    assert words.keywords == ("sks", "sea", "Dog", "sand", "home") and words.text == "sks, sea, Dog, sand, home"
