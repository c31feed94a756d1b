"""The filter box's language."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime

import pytest

from mqwen.errors import InputError
from mqwen.library.filter import All, HasChars, HasState, Like, Not, Some, Taken, Words, parse
from mqwen.library.search import matcher

A, B, C = Words("a"), Words("b"), Words("c")


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("  ", None),
        ("a", A),
        ("a b", All((A, B))),
        ("a AND b", All((A, B))),
        ("a OR b c", Some((A, All((B, C))))),
        ("(a OR b) c", All((Some((A, B)), C))),
        ("（a OR b）c", All((Some((A, B)), C))),
        ("NOT a b", All((Not(A), B))),
        ("NOT NOT a", A),
        ("NOT (a OR b)", Not(Some((A, B)))),
        ("a and or", All((A, Words("and"), Words("or")))),
        ('"red car"', Words('"red car"')),
        ("“红色 汽车”", Words("“红色 汽车”")),
        ('caption:"red car"', Words('"red car"', "caption")),
        ("CAPTION：红色", Words("红色", "caption")),
        ("alt:dog*", Words("dog*", "alt_text")),
        ('keyword:"new york" dog', All((Like("keyword", "new york"), Words("dog")))),
        ("name:IMG_2*", Like("name", "IMG_2*")),
        ("path:a/b:c", Like("path", "a/b:c")),
        ("model:qwen", Like("model", "qwen")),
        ("state:new,Failed", HasState(("new", "failed"))),
        ("chars:<10", HasChars(0, 9)),
        ("chars:<=10", HasChars(0, 10)),
        ("chars:>10", HasChars(11, None)),
        ("chars:>=10", HasChars(10, None)),
        ("chars:10", HasChars(10, 10)),
        ("chars:5..10", HasChars(5, 10)),
        ("chars:5..", HasChars(5, None)),
        ("taken:2019..2021", Taken(datetime(2019, 1, 1), datetime(2022, 1, 1))),
        ("taken:2019", Taken(datetime(2019, 1, 1), datetime(2020, 1, 1))),
        ("taken:2019-12", Taken(datetime(2019, 12, 1), datetime(2020, 1, 1))),
        ("taken:2020-02-29", Taken(datetime(2020, 2, 29), datetime(2020, 3, 1))),
        ("taken:..2019-5", Taken(None, datetime(2019, 6, 1))),
        ("taken:2019..", Taken(datetime(2019, 1, 1), None)),
        ("12:30", Words("12:30")),
    ],
)
def test_means(text, means):
    assert parse(text) == means


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(a", "closing parenthesis is missing"),
        ("a)", "too many"),
        ("()", "stands where a word belongs"),
        ("a AND", "a word is missing"),
        ("OR a", "a word is missing"),
        ("NOT", "a word is missing"),
        ("a OR OR b", "a word is missing"),
        ("state:odd", "there is no state 'odd'"),
        ("chars:many", "no length"),
        ("chars:", "nothing stands after chars:"),
        ("taken:2019-13", "no date"),
        ("taken:..", "no date"),
        ("taken:2020-02-30", "no date"),
        ("(" * 60 + "a" + ")" * 60, "too deeply"),
    ],
)
def test_says_what_is_wrong_and_what_to_do(text, says):
    with pytest.raises(InputError, match=says) as caught:
        parse(text)
    assert caught.value.hint


def test_no_text_gives_anything_but_a_filter_or_an_input_error():
    pieces = [
        "a",
        "(",
        ")",
        "AND",
        "OR",
        "NOT",
        '"',
        "state:",
        "new",
        "taken:",
        "2019..",
        "chars:",
        "<",
        "9",
        ":",
        "“",
        "「",
    ]
    rng = random.Random(5)
    meant = 0
    for _ in range(20_000):
        text = "".join(rng.choice(pieces) + rng.choice(["", " "]) for _ in range(rng.randrange(1, 9)))
        with suppress(InputError):
            meant += parse(text) is not None
    assert meant > 1000


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("car", "A red CAR.", True),
        ("car", "A scar, a cart", False),
        ("car*", "A cart", True),
        ('"red car"', "the red car", True),
        ('"red car"', "a car, red", False),
        ("red car", "a car, red", True),
        ("cafe", "Café noir", True),
        ("汽车", "一辆红色汽车停在街上", True),
        ("车", "一辆红色汽车停在街上", True),
        ("色车", "一辆红色汽车停在街上", False),
        ('"汽车 停"', "一辆红色汽车停在街上", False),
        ("ｃａｒ", "car", True),
    ],
)
def test_a_matcher_finds_in_one_text_what_the_catalog_finds_in_all(query, text, found, tmp_path):
    from mqwen.library import conditions
    from mqwen.library.catalog import Catalog
    from mqwen.library.records import PhotoUpdate
    from tests.desktop.fakes import draw_photos

    (photo,) = draw_photos(tmp_path, ["x.png"])
    with Catalog(tmp_path / "catalog.db") as catalog:
        catalog.update(PhotoUpdate(photo, captions={"": text}, keywords=["New York", "dog"]))
        in_catalog = catalog.paths(conditions.words(query)) == {photo}
        assert catalog.paths(conditions.keyword("new*")) == {photo}
        assert catalog.paths(conditions.keyword("new")) == set()
    matches = matcher(query)
    assert matches is not None and matches(text) is in_catalog is found


def test_a_query_without_a_word_has_no_matcher():
    assert matcher('" ... "') is None
