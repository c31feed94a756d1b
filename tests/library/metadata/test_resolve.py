"""Edits: modes, languages, reading order, what counts as a person's, and what strip takes out again."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqwen.errors import InputError
from mqwen.library.metadata.fields import Edit, Mode, Provenance
from mqwen.library.metadata.held import Held, main_caption, metadata_of
from mqwen.library.metadata.resolve import resolve, with_texts
from mqwen.library.metadata.unwrite import unwrite
from mqwen.library.metadata.words import appended, short_alt_text
from mqwen.library.metadata.xmp_fields import XmpFields

MODEL = Provenance("m", "hash", "2026-01-01T00:00:00Z")
JPEG = Held(supports_iptc=True, exif_room=10_000)


def held(caption: str | None = None, **xmp: object) -> Held:
    """A JPEG that a person captioned, in all of its blocks."""
    fields = XmpFields(captions={"x-default": caption} if caption else {}, **xmp)  # type: ignore[arg-type]
    return replace(JPEG, xmp=fields, iptc_caption=caption, exif=caption)


def test_a_caption_goes_everywhere() -> None:
    after = resolve(JPEG, Edit(caption="é" * 1500, keywords=("a", "b" * 70), provenance=MODEL))
    assert after.xmp.captions == {"x-default": "é" * 1500}
    assert after.iptc_caption == "é" * 1000  # 2000 bytes
    assert after.exif == "é" * 1500
    assert after.iptc_keywords == ("a", "b" * 64)
    assert after.xmp.keywords == ("a", "b" * 70)
    assert after.xmp.caption_writer == after.iptc_writer == "AI: m"
    assert not after.xmp.tags and not after.xmp.hierarchical
    assert metadata_of(after).machine == {"caption", "keywords", "caption_writer"}


@pytest.mark.parametrize(
    ("texts", "language", "expected"),
    [
        ({}, "en", {"x-default": "new", "en": "new"}),
        ({}, None, {"x-default": "new"}),
        ({"x-default": "old"}, "en", {"x-default": "new", "en": "new"}),
        ({"x-default": "old", "en": "old"}, "zh", {"x-default": "old", "en": "old", "zh": "new"}),
        ({"x-default": "old", "en": "old", "zh": "旧"}, "en", {"x-default": "new", "en": "new", "zh": "旧"}),
        ({"x-default": "old", "EN": "old", "zh": "旧"}, "en", {"x-default": "new", "EN": "new", "zh": "旧"}),
        ({"x-default": "old", "en": "old", "zh": "旧"}, None, {"x-default": "new", "en": "new", "zh": "旧"}),
    ],
)
def test_languages(texts: dict[str, str], language: str | None, expected: dict[str, str]) -> None:
    assert with_texts(texts, "new", language, "replace") == expected


def test_two_languages_one_after_the_other() -> None:
    one = resolve(JPEG, Edit(caption="A dog.", language="en", provenance=MODEL))
    two = resolve(one, Edit(caption="一只狗。", language="zh", provenance=MODEL))
    assert two.xmp.captions == {"x-default": "A dog.", "en": "A dog.", "zh": "一只狗。"}
    assert two.iptc_caption == two.exif == "A dog."
    at_once = resolve(JPEG, Edit(caption="A dog.", language="en", translations={"zh": "一只狗。"}, provenance=MODEL))
    assert at_once.xmp.captions == two.xmp.captions


def test_the_order_of_reading() -> None:
    xmp = XmpFields(captions={"x-default": "xmp"})
    assert main_caption(Held(xmp=xmp, iptc_caption="iptc", exif="exif")) == "exif"
    assert main_caption(Held(xmp=xmp, iptc_caption="iptc", exif="  ")) == "xmp"
    assert main_caption(Held(xmp=xmp, iptc_caption="iptc", iptc_stale=True)) == "iptc"
    assert main_caption(Held(iptc_caption="iptc")) == "iptc"
    long = XmpFields(captions={"x-default": "é" * 1500})
    assert main_caption(Held(xmp=long, iptc_caption="é" * 1000, iptc_stale=True)) == "é" * 1500
    assert main_caption(Held(xmp=xmp, exif="OLYMPUS DIGITAL CAMERA         ")) == "xmp"
    assert main_caption(Held(exif="?????")) is None
    old = Held(xmp=XmpFields(keywords=("x",)), iptc_keywords=("i",))
    assert metadata_of(old).keywords == ("x",)
    assert metadata_of(replace(old, iptc_stale=True)).keywords == ("i",)
    assert metadata_of(Held(xmp=XmpFields(tags=("Places/Rome", "cat")))).keywords == ("Rome", "cat")


@pytest.mark.parametrize(
    ("mode", "expected"), [("replace", "new"), ("append", "A person's words. new"), ("fill", "A person's words.")]
)
@pytest.mark.parametrize("where", ["xmp", "iptc", "exif"])
def test_modes_look_at_every_block(mode: Mode, expected: str, where: str) -> None:
    words = "A person's words."
    before = {
        "xmp": replace(JPEG, xmp=XmpFields(captions={"x-default": words})),
        "iptc": replace(JPEG, iptc_caption=words),
        "exif": replace(JPEG, exif=words),
    }[where]
    after = resolve(before, Edit(caption="new", mode=mode, provenance=MODEL))
    assert main_caption(after) == expected
    if mode == "fill":
        assert after == before
    else:
        assert after.exif == after.iptc_caption == after.xmp.captions["x-default"] == expected
        assert metadata_of(after).human("caption") == (mode == "append")
        assert main_caption(unwrite(after)) == (None if mode == "replace" else words)


def test_keywords_of_every_list() -> None:
    before = replace(
        JPEG,
        xmp=XmpFields(keywords=("Cat",), hierarchical=("Animals|Cat",), tags=("Animals/Cat",)),
        iptc_keywords=("Cat", "only in IPTC"),
    )
    after = resolve(before, Edit(keywords=("cat", "dog"), mode="append", provenance=MODEL))
    assert after.xmp.keywords == ("Cat", "only in IPTC", "dog")
    assert after.iptc_keywords == ("Cat", "only in IPTC", "dog")
    assert after.xmp.hierarchical == ("Animals|Cat", "only in IPTC", "dog")
    assert after.xmp.tags == ("Animals/Cat", "only in IPTC", "dog")
    back = unwrite(after)
    assert back.xmp.keywords == ("Cat", "only in IPTC")
    assert back.xmp.tags == ("Animals/Cat",)
    replaced = resolve(before, Edit(keywords=("cat",), provenance=MODEL))
    assert replaced.xmp.hierarchical == ("Animals|Cat",)
    emptied = resolve(before, Edit(keywords=()))
    assert not any((emptied.xmp.keywords, emptied.xmp.hierarchical, emptied.xmp.tags, emptied.iptc_keywords))


def test_a_sidecar_has_the_full_union_in_tags_list() -> None:
    before = Held(xmp=XmpFields(keywords=("human",), hierarchical=("Places|Rome",)))
    after = resolve(before, Edit(keywords=("a/b",), mode="append"), sidecar=True)
    assert after.xmp.tags == ("Places/Rome", "human", "a/b")
    assert resolve(after, Edit(keywords=("a/b",), mode="append"), sidecar=True) == after


def test_what_the_photo_says_counts_in_its_sidecar() -> None:
    embedded = metadata_of(held("Mine.", keywords=("k",)))
    assert resolve(Held(), Edit(caption="x", keywords=("y",), mode="fill"), sidecar=True, embedded=embedded) == Held()
    after = resolve(Held(), Edit(caption="x", keywords=("y",), mode="append"), sidecar=True, embedded=embedded)
    assert after.xmp.captions == {"x-default": "Mine. x"}
    assert after.xmp.keywords == ("k", "y")
    assert unwrite(after).xmp.captions == {"x-default": "Mine."}


def test_the_writer_is_named_only_with_what_was_written() -> None:
    before = replace(held("Mine."), xmp=XmpFields(captions={"x-default": "Mine."}, caption_writer="Jane"))
    edit = Edit(caption="x", provenance=MODEL, mode="fill")
    assert resolve(before, edit).xmp.caption_writer == "Jane"
    assert resolve(before, replace(edit, mode="append")).xmp.caption_writer == "Jane; AI: m"
    assert resolve(before, replace(edit, mode="replace")).xmp.caption_writer == "AI: m"
    assert unwrite(resolve(before, replace(edit, mode="append"))).xmp.caption_writer == "Jane"


def test_a_human_edit_is_seen_and_kept() -> None:
    written = resolve(JPEG, Edit(caption="A dog.", keywords=("dog",), alt_text="dog", provenance=MODEL))
    assert metadata_of(written).machine == {"caption", "keywords", "alt_text", "caption_writer"}
    edited = replace(written, exif="A dog named Rex.")  # by a program that writes Exif only
    assert metadata_of(edited).human("caption")
    assert metadata_of(edited).machine == {"keywords", "alt_text", "caption_writer"}
    left = unwrite(edited)
    assert left.exif == "A dog named Rex."
    assert left.iptc_caption is None and not left.xmp.captions and not left.xmp.keywords
    added = replace(written, xmp=replace(written.xmp, keywords=("dog", "Rex", "hot dog")))
    assert metadata_of(added).human("keywords")
    assert unwrite(added).xmp.keywords == ("Rex", "hot dog")


def test_words_typed_into_mqwen_are_a_persons_and_strip_takes_them() -> None:
    typed = resolve(JPEG, Edit(caption="Typed."))
    assert metadata_of(typed).human("caption")
    assert unwrite(typed) == JPEG
    both = resolve(typed, Edit(caption="Added.", mode="append", provenance=MODEL))
    assert metadata_of(both).human("caption")


def test_long_alt_texts() -> None:
    long = "A dog runs over a meadow. " * 12
    after = resolve(JPEG, Edit(alt_text=long, language="en", provenance=MODEL))
    assert len(after.xmp.alt_texts["en"]) <= 250
    assert after.xmp.ext_descriptions["en"] == long.strip()
    short = resolve(after, Edit(alt_text="A dog.", language="en", provenance=MODEL))
    assert short.xmp.alt_texts["en"] == "A dog." and not short.xmp.ext_descriptions
    human = replace(JPEG, xmp=XmpFields(ext_descriptions={"x-default": "a person's"}))
    assert resolve(human, Edit(alt_text="A dog.")).xmp.ext_descriptions == {"x-default": "a person's"}


@given(st.text(max_size=600))
def test_an_alt_text_is_cut_between_words_or_sentences(text: str) -> None:
    short = short_alt_text(text)
    assert len(short) <= 250
    assert text.startswith(short.removesuffix("…").rstrip()) or short == text


@given(st.text(max_size=30), st.text(max_size=30))
def test_appending_twice_is_appending_once(existing: str, text: str) -> None:
    once = appended(existing.strip(), text.strip())
    assert appended(once, text.strip()) == once
    assert existing.strip() in once and text.strip() in once


edits = st.builds(
    Edit,
    caption=st.none() | st.text(max_size=20),
    language=st.sampled_from([None, "en", "fr"]),
    translations=st.dictionaries(st.sampled_from(["de", "zh"]), st.text(max_size=9), max_size=2),
    keywords=st.none() | st.lists(st.text(max_size=6), max_size=4).map(tuple),
    alt_text=st.none() | st.text(max_size=300),
    provenance=st.sampled_from([None, MODEL]),
    mode=st.sampled_from(["replace", "append", "fill"]),
)


@settings(max_examples=100)
@given(st.lists(edits, min_size=1, max_size=4), st.booleans())
def test_any_edits(chain: list[Edit], sidecar: bool) -> None:
    start = before = Held() if sidecar else JPEG
    for edit in chain:
        after = resolve(before, edit, sidecar=sidecar)
        assert resolve(after, edit, sidecar=sidecar) == after
        if edit.mode == "append" and (standing := main_caption(before)) and not edit.translations:
            assert (main_caption(after) or "").startswith(standing)
        before = after
    # All of it was written by us, so nothing is left.
    assert unwrite(before) == start


@pytest.mark.parametrize(
    "options",
    [
        {"language": "not a tag"},
        {"language": "x-default"},
        {"mode": "add"},
        {"modes": {"title": "fill"}},
        {"language": "en", "translations": {"en": "x"}},
    ],
)
def test_impossible_edits(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Edit(caption="x", **options)  # type: ignore[arg-type]


def test_the_digest_is_that_of_the_datasets() -> None:
    from mqwen.library.metadata.blocks import Blocks
    from mqwen.library.metadata.held import hold
    from mqwen.library.metadata.iptc import edit_iptc

    iptc = edit_iptc(None, caption="x")
    blocks = Blocks(None, iptc, hashlib.md5(iptc).digest(), None, b"OLYMPUS", True, True)
    assert not hold(blocks).iptc_stale
    assert hold(replace(blocks, iptc_digest=bytes(16))).iptc_stale
    assert not hold(replace(blocks, iptc_digest=None)).iptc_stale
