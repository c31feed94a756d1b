"""Find and replace, and text before or after, over captions, keywords and alt texts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from mqwen.errors import InputError
from mqwen.library import timed_regex
from mqwen.library.edited_files import Words
from mqwen.library.text_changes import FIELDS, affixing, changed, lines_of, replacing

WORDS = Words({"en": "A red car, a Red bus.", "zh": "红色的车"}, ("red car", "Bus"), "Red car")


@pytest.mark.parametrize(
    ("options", "find", "by", "text", "result"),
    [
        ({}, "red", "blue", "Red, tired", "blue, tiblue"),
        ({"match_case": True}, "red", "blue", "Red, tired", "Red, tiblue"),
        ({"whole_words": True}, "red", "blue", "Red, tired red", "blue, tired blue"),
        ({}, "a.b", r"\1", "a.b axb", r"\1 axb"),
        ({"regex": True}, r"(\w+) and (\w+)", r"\2 and \1", "cat and dog", "dog and cat"),
        ({"regex": True}, r"^(?:this|the) image shows ", "", "The image shows a cat", "a cat"),
        ({"whole_words": True, "regex": True}, "cat|dog", "pet", "cats, cat, dog", "cats, pet, pet"),
        ({}, "红", "蓝", "红色的红车", "蓝色的蓝车"),
    ],
)
def test_replacing(options, find, by, text, result):
    assert replacing(find, by, **options)(text) == result


@pytest.mark.parametrize(
    ("find", "by"), [("", "x"), ("(", "x"), ("a", r"\2"), ("a", r"\g<no>"), ("*", "x"), ("a{99999999999}", "x")]
)
def test_what_is_no_expression_is_refused_before_anything_is_changed(find, by):
    with pytest.raises(InputError):
        replacing(find, by, regex=True)


def test_an_expression_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(timed_regex, "_LIMIT_S", 0.5)
    change = replacing(r"(a+)+$", "x", regex=True)
    assert change("aaa") == "x"
    for _ in range(2):
        with pytest.raises(InputError, match="too long"):
            change("a" * 60 + "b")
    assert change._process.wait(30) != 0, "it is not left running"


def test_an_expression_can_be_stopped_from_another_thread(monkeypatch):
    monkeypatch.setattr(timed_regex, "_LIMIT_S", 600.0)
    change = replacing(r"(a+)+$", "x", regex=True)
    assert change("aaa") == "x"
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(change, "a" * 60 + "b")
        assert not wait([future], 0.2).done
        change.close()
        assert isinstance(future.exception(60), InputError)


def test_only_the_fields_that_are_meant_change_and_keywords_one_by_one():
    change = replacing("red", "blue")
    assert changed(WORDS, change, ["caption"]) == Words(
        {"en": "A blue car, a blue bus.", "zh": "红色的车"}, WORDS.keywords, WORDS.alt_text
    )
    assert changed(WORDS, change, FIELDS).keywords == ("blue car", "Bus")
    assert changed(WORDS, change, FIELDS).alt_text == "blue car"
    assert changed(Words(keywords=("a", "b")), replacing("b", "a"), FIELDS).keywords == ("a",), "once"


def test_what_becomes_empty_goes():
    change = replacing(".*", "", regex=True)
    assert changed(WORDS, change, FIELDS) == Words()
    assert changed(WORDS, replacing("Bus", ""), ["keywords"]).keywords == ("red car",)


def test_text_before_and_after_comes_once_and_never_to_nothing():
    change = affixing("ohwx man, ", " (scan)")
    once = changed(WORDS, change, ["caption"])
    assert once.captions["en"] == "ohwx man, A red car, a Red bus. (scan)"
    assert changed(once, change, ["caption"]) == once
    assert changed(Words(), change, FIELDS) == Words()
    with pytest.raises(InputError):
        affixing("", "")


def test_lines_show_each_text_of_the_fields():
    assert lines_of(WORDS, ["caption", "keywords"]) == ["A red car, a Red bus.", "红色的车", "red car, Bus"]
    assert lines_of(Words(), FIELDS) == []
