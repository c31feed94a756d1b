"""Full-text search: English and Chinese are found, and no text of a user's is ever taken for FTS5's language."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mqwen.library.search import FIELDS, match, terms

CAPTION = "Ein rotes Auto: “Café Zoë” am Straßenrand, 2 dogs & a cat's toy (well-known) in 2024."
CHINESE = "一辆红色汽车停在街道上。旁边有两个孩子，背景是𠮷野家。"


class Index:
    """The catalog's table of words, in memory."""

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:")
        self.db.execute("CREATE VIRTUAL TABLE words USING fts5 (caption, keyword, alt_text, tokenize = 'ascii')")

    def set(self, caption: list[str], keyword: list[str] | None = None, alt_text: str = "") -> None:
        self.db.execute("DELETE FROM words")
        self.db.execute("INSERT INTO words VALUES (?, ?, ?)", (terms(caption), terms(keyword or []), terms([alt_text])))

    def finds(self, query: str, field: str | None = None) -> bool:
        expression = match(query, field)  # type: ignore[arg-type]
        if expression is None:
            return False
        return bool(self.db.execute("SELECT 1 FROM words WHERE words MATCH ?", (expression,)).fetchall())


@pytest.fixture(scope="module")
def index() -> Iterator[Index]:
    index = Index()
    yield index
    index.db.close()


@pytest.mark.parametrize(
    "query",
    ["auto", "AUTO rotes", "cafe", "CAFÉ", "zoe", "strassenrand", "STRASSENRAND", "stra*", "dog*", "dogs 2", "2024"]
    + ['"rotes auto"', "“rotes Auto”", '"2 dogs a cat"', "cat's", "well-known", "known-in", "202*", '"rotes auto'],
)
def test_english_is_found(index: Index, query: str) -> None:
    index.set([CAPTION])
    assert index.finds(query)


@pytest.mark.parametrize("query", ["aut", "dog", '"auto rotes"', "car", '"dogs 2"', "24", '"stra" *', "auto nothing"])
def test_what_is_not_there_is_not_found(index: Index, query: str) -> None:
    index.set([CAPTION])
    assert not index.finds(query)


@pytest.mark.parametrize(
    "query", ["红", "汽", "车", "上", "红色", "色汽", "汽车", "红色汽车", "车 孩子", "街道上", "𠮷", "𠮷野"]
)
def test_chinese_is_found_from_one_character_on(index: Index, query: str) -> None:
    index.set([CHINESE])
    assert index.finds(query) and index.finds(f'"{query}"'.replace(" ", '" "')) and index.finds(query + "*")


@pytest.mark.parametrize("query", ["车红", "上旁", "狗", "红汽", "汽车停在街道下", "孩子 狗", "红色汽车停在街道上旁"])
def test_chinese_that_is_not_there_is_not_found(index: Index, query: str) -> None:
    index.set([CHINESE])
    assert not index.finds(query)


def test_scripts_may_be_mixed(index: Index) -> None:
    index.set(["一辆BMW汽车 red 车", "ﾊﾝｶｸカタカナ 한국어문장 🚗🌊"])
    for query in ("BMW", "bmw汽车", "一辆bmw", "辆BMW汽", '"车 red"', '"red 车"', "カナ", "ハン", "국어", "🚗", "🌊"):
        assert index.finds(query), query
    for query in ("bmw车", "red辆", '"red 汽"', "국문", "🏔"):
        assert not index.finds(query), query


def test_a_phrase_does_not_go_from_one_entry_to_the_next(index: Index) -> None:
    index.set(["A red car", "红色"], ["sun set", "beach", "汽车"], "dog")
    assert index.finds('"sun set"') and index.finds("set beach")
    assert not index.finds('"set beach"') and not index.finds("色汽") and not index.finds('"beach 汽车"')


def test_fields(index: Index) -> None:
    index.set(["red"], ["beach"], "dog")
    for field, word in zip(FIELDS, ("red", "beach", "dog"), strict=True):
        assert index.finds(word, field) and index.finds(f"{word[0]}*", field)
        assert not any(index.finds(word, other) for other in FIELDS if other != field)
    assert index.finds("red dog") and not index.finds("red dog", "caption")


HAN = st.text("红色汽车𠮷", min_size=1, max_size=7)
LATIN = st.text("abAé1", min_size=1, max_size=4)
PIECES = st.lists(HAN | LATIN, min_size=1, max_size=8)
BETWEEN = st.sampled_from([" ", "，", ", ", "。", "-", "_", "\n"])


@settings(max_examples=60)
@given(pieces=PIECES, between=BETWEEN, wanted=HAN)
def test_any_part_of_chinese_text_is_found_and_nothing_else(
    index: Index, pieces: list[str], between: str, wanted: str
) -> None:
    text = between.join(pieces)
    index.set([text])
    assert index.finds(wanted) == (wanted in text) == index.finds(f'"{wanted}"')


@settings(max_examples=60)
@given(pieces=PIECES, between=BETWEEN, wanted=LATIN)
def test_whole_words_and_their_beginnings_are_found_and_nothing_else(
    index: Index, pieces: list[str], between: str, wanted: str
) -> None:
    index.set([between.join(pieces)])
    plain = [piece.lower().replace("é", "e") for piece in pieces]
    word = wanted.lower().replace("é", "e")
    assert index.finds(wanted) == (word in plain)
    assert index.finds(wanted + "*") == any(piece.startswith(word) for piece in plain)


@settings(max_examples=60)
@given(pieces=PIECES, start=st.integers(0, 7), length=st.integers(1, 8))
def test_any_phrase_of_a_text_is_found(index: Index, pieces: list[str], start: int, length: int) -> None:
    index.set([" ".join(pieces)])
    phrase = " ".join(pieces[start : start + length])
    assert index.finds(f'"{phrase}"') == bool(phrase)


@settings(max_examples=60)
@given(query=st.text(max_size=40), field=st.sampled_from([None, *FIELDS]))
@example('"', None)
@example("a AND OR NOT ( NEAR/2 caption: ^ * + - {b} : \"x' ;--", "caption")
@example("\0 \udcff \U0010ffff", None)
def test_no_query_is_an_error(index: Index, query: str, field: str | None) -> None:
    index.set([CAPTION, CHINESE])
    assert index.finds(query, field) in (True, False)
    expression = match(query, field)  # type: ignore[arg-type]
    if expression is not None:
        # All of a user's text stands in quotes, and has none of its own.
        rest = re.sub(r'"[^"]*"', "", expression)
        assert re.fullmatch(r"(\{\w+\} : \()?( \*| AND )*\)?", rest), expression


@settings(max_examples=60)
@given(text=st.text(max_size=60))
def test_every_text_is_found_by_itself(index: Index, text: str) -> None:
    """Whatever the script: what indexing cuts, the query cuts in the same way."""
    plain = re.sub('["“”「」]', " ", text)
    index.set([plain])
    assert index.finds(f'"{plain}"') == bool(terms([plain]))
