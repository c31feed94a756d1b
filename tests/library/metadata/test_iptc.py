"""IPTC: character sets, limits, and other people's datasets."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqwen.library.metadata.blocks import REMOVE, Refusal
from mqwen.library.metadata.iptc import (
    UTF_8,
    IptcFields,
    cut_utf_8,
    edit_iptc,
    foreign_iptc,
    parse_iptc,
    read_iptc,
)
from tests.library.metadata.samples import LATIN_IIM, dataset

MARK = dataset(1, 90, UTF_8)


def keys(iim: bytes) -> list[tuple[int, int]]:
    return [item.key for item in parse_iptc(iim)[0]]


def values(iim: bytes, key: tuple[int, int]) -> list[bytes]:
    return [item.value for item in parse_iptc(iim)[0] if item.key == key]


def test_new_datasets_are_marked_and_in_order() -> None:
    iim = edit_iptc(None, caption="Ein Hündchen", keywords=["狗", "dog"], caption_writer="AI: model")
    assert keys(iim) == [(1, 0), (1, 90), (2, 0), (2, 25), (2, 25), (2, 120), (2, 122)]
    assert read_iptc(iim) == IptcFields("Ein Hündchen", ("狗", "dog"), "AI: model", "utf-8")
    assert values(iim, (1, 90)) == [b"\x1b%G"]


def test_latin_texts_are_transcoded_when_the_mark_is_added() -> None:
    assert read_iptc(LATIN_IIM).charset == "cp1252"
    assert read_iptc(LATIN_IIM).caption == "Ein früherer Satz"
    iim = edit_iptc(LATIN_IIM, keywords=["neu"])
    assert values(iim, (2, 90)) == ["Zürich".encode()]
    assert values(iim, (2, 202)) == [b"\xff\xfe\0\x80"]  # not text
    assert read_iptc(iim) == IptcFields("Ein früherer Satz", ("neu",), None, "utf-8")
    assert foreign_iptc(iim) == foreign_iptc(LATIN_IIM)
    assert keys(iim)[:2] == [(1, 90), (2, 0)]


def test_utf_8_without_a_mark_is_marked_and_not_transcoded() -> None:
    old = dataset(2, 90, "Zürich".encode()) + dataset(2, 120, "狗".encode())
    assert edit_iptc(old, caption="狗") == MARK + old


def test_text_that_was_cut_within_a_character_is_still_utf_8() -> None:
    cut = "München und Zürich".encode()[:-5]
    assert cut.endswith(b"\xc3")
    old = dataset(2, 90, cut) + dataset(2, 120, "Köln".encode())
    assert edit_iptc(old, caption="Köln") == MARK + old


def test_each_text_is_judged_by_itself_when_there_is_no_mark() -> None:
    old = dataset(2, 90, "Zürich".encode("cp1252")) + dataset(2, 95, "Köln".encode()) + dataset(2, 105, b"\x8d\x80")
    iim = edit_iptc(old, caption="x")
    assert values(iim, (2, 90)) == ["Zürich".encode()]
    assert values(iim, (2, 95)) == ["Köln".encode()]
    assert values(iim, (2, 105)) == ["\x8d€".encode()]


def test_what_is_marked_as_utf_8_and_is_not_stays_as_it_is() -> None:
    old = MARK + dataset(2, 90, "Zürich".encode("cp1252"))
    assert values(edit_iptc(old, caption="x"), (2, 90)) == ["Zürich".encode("cp1252")]


@pytest.mark.parametrize("mark", [b"\x1b-A", b"\x1b.A", b"\x1b(B"])
def test_a_latin_mark_is_replaced(mark: bytes) -> None:
    old = dataset(1, 90, mark) + dataset(2, 90, "Zürich".encode("latin-1"))
    assert read_iptc(old).charset == "latin-1"
    assert edit_iptc(old, caption="x") == MARK + dataset(2, 90, "Zürich".encode()) + dataset(2, 120, b"x")


def test_an_unknown_mark_is_refused_where_it_matters() -> None:
    mark = dataset(1, 90, b"\x1b$B")
    with pytest.raises(Refusal, match="character set"):
        edit_iptc(mark + dataset(2, 90, b"\xb4\xc1"), caption="x")
    assert edit_iptc(mark + dataset(2, 90, b"Rome"), caption="x") == MARK + dataset(2, 90, b"Rome") + dataset(
        2, 120, b"x"
    )


def test_values_are_cut_between_characters() -> None:
    iim = edit_iptc(None, caption="狗" * 700, keywords=["ü" * 40, "ü" * 50, "a" * 63 + "ü"], caption_writer="é" * 30)
    fields = read_iptc(iim)
    assert fields.caption == "狗" * 666
    assert fields.keywords == ("ü" * 32, "a" * 63)
    assert fields.caption_writer == "é" * 16


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.integers(0, 40))
def test_a_cut_is_valid_and_as_long_as_possible(text: str, limit: int) -> None:
    encoded = text.encode("utf-8", "replace")
    cut = cut_utf_8(text, limit)
    assert len(cut) <= limit or cut == encoded
    assert encoded.startswith(cut)
    rest = encoded[len(cut) :].decode()
    assert not rest or len((cut.decode() + rest[:1]).encode()) > limit or rest[:1].isspace()


def test_fields_are_replaced_where_they_stand_and_others_keep_their_place() -> None:
    old = b"".join(
        (
            MARK,
            dataset(2, 0, b"\0\2"),
            dataset(2, 25, b"a"),
            dataset(2, 5, b"title"),
            dataset(2, 25, b"b"),
            dataset(2, 200, b"\0"),
        )
    )
    iim = edit_iptc(old, keywords=["c", "d", "c", ""], caption="new")
    assert keys(iim) == [(1, 90), (2, 0), (2, 25), (2, 25), (2, 5), (2, 120), (2, 200)]
    assert values(iim, (2, 25)) == [b"c", b"d"]
    assert edit_iptc(old) == old


def test_removing() -> None:
    ours = edit_iptc(None, caption="x", keywords=["y"], caption_writer="z")
    assert edit_iptc(ours, caption=REMOVE, keywords=REMOVE, caption_writer=REMOVE) == b""
    assert read_iptc(edit_iptc(ours, caption=REMOVE)).keywords == ("y",)
    mixed = edit_iptc(dataset(2, 5, b"title"), caption="x")
    assert edit_iptc(mixed, caption=REMOVE) == MARK + dataset(2, 5, b"title")


def test_extended_sizes_padding_and_damage() -> None:
    large = b"\x1c\x02\xca\x80\x04\0\0\x9c\x40" + bytes(40_000)
    assert foreign_iptc(edit_iptc(large, caption="x")) == foreign_iptc(large) == [("IPTC 2:202", bytes(40_000))]
    padded = dataset(2, 5, b"title") + b"\0\0\0"
    assert edit_iptc(padded, caption="x").endswith(dataset(2, 120, b"x") + b"\0\0\0")
    for damaged in (dataset(2, 5, b"title")[:-1], b"\0" + dataset(2, 5, b"title"), b"\x1c\x02\x05\xff\xff" + bytes(9)):
        with pytest.raises(Refusal, match="damaged"):
            edit_iptc(damaged, caption="x")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=300) | st.lists(st.tuples(st.integers(1, 3), st.integers(0, 255), st.binary(max_size=9))))
def test_any_bytes_are_edited_or_refused(what: bytes | list[tuple[int, int, bytes]]) -> None:
    iim = what if isinstance(what, bytes) else b"".join(dataset(*one) for one in what)
    read_iptc(iim)
    try:
        edited = edit_iptc(iim, caption="Ein Hündchen", keywords=["狗"])
    except Refusal:
        return
    assert read_iptc(edited).caption == "Ein Hündchen"
    assert read_iptc(edited).keywords == ("狗",)
    assert foreign_iptc(edited) == foreign_iptc(iim)
    assert edit_iptc(edited, caption="Ein Hündchen", keywords=["狗"]) == edited
