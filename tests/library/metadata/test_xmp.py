"""XMP packets: any text goes in and comes out, nothing else changes, and no input makes anything but a Refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.fields import Provenance, Record
from mqwen.library.metadata.words import clean, clean_keywords, clean_line
from mqwen.library.metadata.xmp_edit import EMPTY
from mqwen.library.metadata.xmp_fields import XmpFields, prove_packet, read_fields, write_fields

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
DARKTABLE = f"""\ufeff<?xml version="1.0" encoding="UTF-8"?>\r
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 4.4.0-Exiv2"><!-- by hand -->
 <rdf:RDF {RDF}>
  <rdf:Description rdf:about="uuid:7" {DC}
    xmlns:darktable="http://darktable.sf.net/"
    darktable:history_end='3' dc:description = "as an &quot;attribute&quot;"
    darktable:raw_params="gz12&#10;x">
   <darktable:history><rdf:Seq><rdf:li darktable:num="0"/> <!-- kept --></rdf:Seq></darktable:history>
  </rdf:Description>
  <rdf:Description rdf:about="uuid:7" {DC}>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>human</rdf:li>
     <rdf:li  >second &amp; third</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default"> title <![CDATA[<&]]></rdf:li></rdf:Alt></dc:title>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
""".encode()
PLAIN_RDF = (
    b'<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><Description about="" xmlns:d="urn:other" d:a="1">'
    b'<s:subject xmlns:s="http://purl.org/dc/elements/1.1/"><Seq><li>one</li></Seq></s:subject></Description></RDF>'
)
PADDED = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    + " " * 100
    + '<?xpacket end="w"?>\0\0'
).encode()
PREFIX_TAKEN = (
    f'<rdf:RDF {RDF} xmlns:dc="urn:other" xmlns:lr="urn:lr"><rdf:Description rdf:about="" dc:x="1"/></rdf:RDF>'.encode()
)
PACKETS = {"none": None, "darktable": DARKTABLE, "plain": PLAIN_RDF, "padded": PADDED, "prefix": PREFIX_TAKEN}

texts = st.text(max_size=40).map(clean)
languages = st.sampled_from(["x-default", "en", "zh-Hans", "de"])
lang_alts = st.dictionaries(languages, texts.filter(bool), max_size=3)
keywords = st.lists(st.text(max_size=12), max_size=5).map(clean_keywords)
provenances = st.builds(
    Provenance,
    model=st.none() | st.text(min_size=1).map(clean_line).map(lambda text: text or None),
    date=st.just("2026-01-01T00:00:00Z"),
    records=st.lists(st.builds(Record.of, st.just("caption"), st.text(min_size=1), st.just("model")), max_size=3).map(
        tuple
    ),
)
fields = st.builds(
    XmpFields,
    captions=lang_alts,
    keywords=keywords,
    hierarchical=keywords,
    tags=keywords,
    alt_texts=lang_alts,
    ext_descriptions=lang_alts,
    caption_writer=texts.map(lambda text: text or None),
    provenance=st.none() | provenances,
)


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS.keys())
@settings(max_examples=25)
@given(first=fields, second=fields)
def test_any_text_comes_back_and_nothing_else_changes(
    packet: bytes | None, first: XmpFields, second: XmpFields
) -> None:
    once = write_fields(packet, first)
    prove_packet(packet, once, first)
    assert write_fields(once, first) == once
    twice = write_fields(once, second)
    prove_packet(once, twice, second)
    prove_packet(packet, twice, second)


@given(fields)
@settings(max_examples=25)
def test_what_was_added_to_a_foreign_packet_leaves_no_trace(added: XmpFields) -> None:
    before = read_fields(DARKTABLE)
    after = replace(added, captions=before.captions, keywords=(*before.keywords, "ours"))
    written = write_fields(DARKTABLE, after)
    assert written is not None
    assert written != DARKTABLE
    assert write_fields(written, before) == DARKTABLE


@given(fields)
@settings(max_examples=30)
def test_a_packet_that_is_all_ours_goes_away(added: XmpFields) -> None:
    written = write_fields(None, added)
    if written is not None:
        assert write_fields(written, XmpFields()) is None


@pytest.mark.parametrize("packet", [DARKTABLE, PLAIN_RDF, PADDED], ids=["darktable", "plain", "padded"])
@settings(max_examples=25)
@given(data=st.data())
def test_a_mutated_packet_is_refused_or_written_without_loss(packet: bytes, data: st.DataObject) -> None:
    mutated = bytearray(packet)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(mutated) - 1))
        piece = data.draw(st.binary(max_size=4) | st.sampled_from([b"<rdf:li>", b"</", b"<!DOCTYPE a>", b"&x;", b"\0"]))
        mutated[place : place + data.draw(st.integers(0, 12))] = piece
        if not mutated:
            return
    wanted = {"captions": {"x-default": "ours"}, "keywords": ("ours",), "provenance": Provenance("m")}
    try:
        old = bytes(mutated)
        after = replace(read_fields(old), **wanted)
        new = write_fields(old, after)
        prove_packet(old, new, after)
    except Refusal as refusal:
        assert refusal.reason


def test_only_our_bytes_change() -> None:
    before = read_fields(DARKTABLE)
    assert before.captions == {"x-default": 'as an "attribute"'}
    assert before.keywords == ("human", "second & third")
    after = replace(before, captions={"x-default": "new", "zh": "新"}, keywords=("human", "second & third", "x<y"))
    new = write_fields(DARKTABLE, after)
    assert new is not None
    prove_packet(DARKTABLE, new, after)
    head, _, tail = DARKTABLE.partition(b' dc:description = "as an &quot;attribute&quot;"')
    # What stands around the attribute that became an element is there byte for byte, but for keyword and Description.
    assert new.startswith(head)
    added = b"\n     <rdf:li>x&lt;y</rdf:li>"
    assert added in new
    start, end = new.index(b"\n  <rdf:Description", new.index(b"dc:title")), new.index(b"\n </rdf:RDF>")
    assert (new[len(head) : start] + new[end:]).replace(added, b"") == tail
    assert b'rdf:about="uuid:7"' in new[start:end]


def test_an_item_with_qualifiers_is_kept_and_counted() -> None:
    packet = f"""<rdf:RDF {RDF}><rdf:Description rdf:about="" {DC}><dc:subject><rdf:Bag>
      <rdf:li rdf:parseType="Resource"><rdf:value>cat</rdf:value><q:sure xmlns:q="urn:q">1</q:sure></rdf:li>
    </rdf:Bag></dc:subject></rdf:Description></rdf:RDF>""".encode()
    before = read_fields(packet)
    assert before.keywords == ("cat",)
    new = write_fields(packet, replace(before, keywords=("cat", "dog")))
    assert new is not None
    assert b'<q:sure xmlns:q="urn:q">1</q:sure>' in new
    assert read_fields(new).keywords == ("cat", "dog")


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e 'x'>]>" + PLAIN_RDF, "DTD"),
        (b"\xff\xfe" + PLAIN_RDF.decode().encode("utf-16-le"), "UTF-16"),
        (PLAIN_RDF.decode().encode("utf-16-be"), "UTF-16"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?>" + PLAIN_RDF, "ISO-8859-1"),
        (PLAIN_RDF.replace(b"one", b"\xe9"), "not UTF-8"),
        (PLAIN_RDF[:-3], "damaged"),
        (b"<html/>", "no rdf:RDF"),
        (b"", "damaged"),
        (b"<a>" * 5000 + b"</a>" * 5000, "damaged"),
        (PLAIN_RDF.replace(b"<Seq><li>one</li></Seq>", b"<Seq><li>one</li></Seq><Bag/>"), "form"),
        (
            PLAIN_RDF.replace(b"</s:subject>", b"</s:subject><t:subject xmlns:t='http://purl.org/dc/elements/1.1/'/>"),
            "twice",
        ),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "packet",
)
def test_what_is_not_understood_is_refused(packet: bytes, reason: str) -> None:
    with pytest.raises(Refusal, match=reason):
        write_fields(packet, XmpFields(keywords=("a",)))


def test_text_that_xml_forbids_is_left_out() -> None:
    assert clean("\ufeff a\0\x08b\ud800\uffff\r\nc\x1b ") == "ab\nc"
    assert clean("e\u0301") == "\u00e9"
    assert clean_keywords(["Cat", " cat ", "", "e\u0301", "\u00e9", "two\nlines"]) == ("Cat", "\u00e9", "two lines")


def test_an_empty_packet_of_ours_is_well_formed() -> None:
    assert read_fields(EMPTY) == XmpFields()
