"""A person's edits in the files of a photo: wherever its words stand, and back again, byte for byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from mqwen.errors import WriteError
from mqwen.library.edited_files import Words, standing_words, write_words
from mqwen.library.kept_texts import KeptTexts
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.fields import Edit, Provenance
from mqwen.library.metadata.plan import plan_embed, read_photo
from mqwen.library.targets import Targets

ALL = ("txt", "caption", "jsonl")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "red.jpg"
    path.parent.mkdir()
    Image.new("RGB", (32, 24), (200, 30, 30)).save(path)
    return path


def write(photo: Path, old: Words, new: Words, *places: str) -> None:
    with Targets([photo.parent], ALL) as targets:
        write_words(photo, old, new, targets, places or ("txt",))


def stands(photo: Path, known: Words) -> Words:
    with Targets([photo.parent], ALL) as targets:
        return standing_words(photo, known, targets)


def embed(photo: Path, edit: Edit) -> None:
    for planned in plan_embed(photo, edit):
        assert planned.after is not None
        commit(planned.path, planned.after, planned.stat_at_read)


def test_first_words_go_where_runs_write_and_their_undoing_leaves_no_file(photo):
    old, new = Words(), Words({"en": "A red square."})
    write(photo, old, new, "txt", "caption", "jsonl")
    assert photo.with_suffix(".txt").read_bytes() == photo.with_suffix(".caption").read_bytes() == b"A red square."
    line = json.loads((photo.parent / "metadata.jsonl").read_text("utf-8"))
    assert line == {"file_name": "red.jpg", "text": "A red square."}
    write(photo, new, old, "txt")
    assert sorted(path.name for path in photo.parent.iterdir()) == ["red.jpg"]


def test_words_are_changed_wherever_they_stand_and_other_text_stays(photo):
    photo.with_suffix(".txt").write_bytes(b"A red square.\n")
    photo.with_suffix(".caption").write_bytes("她的笔记".encode())
    embed(photo, Edit(caption="A red square.", language="en", provenance=Provenance(model="m")))
    write(photo, Words({"en": "A red square."}), Words({"en": "A crimson square."}), "caption")
    assert photo.with_suffix(".txt").read_bytes() == b"A crimson square."
    assert photo.with_suffix(".caption").read_text("utf-8") == "她的笔记"
    said = read_photo(photo)[photo]
    assert said.captions["en"] == said.caption == "A crimson square."
    assert said.human("caption")


def test_a_foreign_text_of_several_lines_comes_back_byte_for_byte(photo):
    before = b"Grandma's house.\r\nSummer 1987, slide 12\r\n"
    photo.with_suffix(".txt").write_bytes(before)
    old = stands(photo, Words())
    new = Words({"": "My grandmother's house."})
    write(photo, old, new)
    assert photo.with_suffix(".txt").read_bytes() == b"My grandmother's house."
    write(photo, new, old)
    assert photo.with_suffix(".txt").read_bytes() == before


def test_keywords_and_alt_text_go_into_the_photo_where_its_words_stand_and_pixels_stay(photo):
    pixels = Image.open(photo).tobytes()
    embed(photo, Edit(keywords=("red",)))
    old = stands(photo, Words())
    assert old.keywords == ("red",)
    new = Words(old.captions, ("square", "red"), "A red square")
    write(photo, old, new)
    said = read_photo(photo)[photo]
    assert said.keywords == ("square", "red")
    assert said.alt_text == "A red square"
    assert Image.open(photo).tobytes() == pixels
    write(photo, new, old)
    said = read_photo(photo)[photo]
    assert said.keywords == ("red",)
    assert said.alt_text is None


def test_one_language_changes_and_the_other_stays(photo):
    embed(photo, Edit(caption="A red square.", language="en", provenance=Provenance(model="m")))
    old = Words({"en": "A red square."})
    both = Words({"en": "A red square.", "zh": "红色方块"})
    write(photo, old, both)
    said = read_photo(photo)[photo]
    assert (said.caption, said.captions["zh"]) == ("A red square.", "红色方块")
    write(photo, both, Words({"zh": "红色方块"}))
    captions = read_photo(photo)[photo].captions
    assert "en" not in captions
    assert captions["zh"] == "红色方块"


def test_keywords_in_a_text_file_change_as_one_line(photo):
    photo.with_suffix(".txt").write_text("red, square", "utf-8")
    write(photo, Words(keywords=("red", "square")), Words(keywords=("square", "red", "shape")))
    assert photo.with_suffix(".txt").read_text("utf-8") == "square, red, shape"


def test_what_was_written_outside_is_what_stands(photo):
    known = Words({"en": "A red square."}, ("a",))
    photo.with_suffix(".txt").write_text("Edited in another program.", "utf-8")
    embed(photo, Edit(keywords=("b", "c")))
    assert stands(photo, known) == Words({"en": "Edited in another program."}, ("b", "c"))


def test_a_camera_s_description_does_not_replace_a_caption_that_only_the_catalog_has(photo):
    exif = Image.Exif()
    exif[0x010E] = "Holiday"
    Image.open(photo).save(photo, exif=exif)
    known = Words({"en": "A red square."})
    assert stands(photo, known) == known
    assert stands(photo, Words()).captions == {"": "Holiday"}


def test_what_cannot_be_written_is_told_and_the_other_places_are_written(photo):
    for name in (".txt", ".caption"):
        photo.with_suffix(name).write_text("old", "utf-8")
    photo.with_suffix(".txt").chmod(0o444)
    with pytest.raises(WriteError, match="read-only"):
        write(photo, Words({"en": "old"}), Words({"en": "new"}))
    assert photo.with_suffix(".txt").read_text("utf-8") == "old"
    assert photo.with_suffix(".caption").read_text("utf-8") == "new"


def test_taking_the_words_away_removes_a_line_of_a_table_and_keeps_the_others(photo):
    table = photo.parent / "metadata.jsonl"
    other = '{"file_name": "blue.jpg", "text": "blue", "id": 7}\n'
    table.write_text(other + '{"file_name": "red.jpg", "text": "red"}\n', "utf-8")
    write(photo, Words({"en": "red"}), Words())
    assert table.read_text("utf-8") == other


def test_a_file_that_cannot_be_kept_is_edited_all_the_same(photo, tmp_path, caplog):
    (tmp_path / "kept-texts").write_text("in the way", "utf-8")
    text = photo.with_suffix(".txt")
    text.write_bytes(b"\xef\xbb\xbfA red square.")
    kept = KeptTexts(tmp_path / "catalog.db", 1)
    old, new = Words({"": "A red square."}), Words({"": "A crimson square."})
    for words, former in ((new, old), (old, new)):
        with Targets([photo.parent], ALL) as targets:
            write_words(photo, former, words, targets, ("txt",), kept=kept)
        assert text.read_bytes() == words.caption().encode()
    assert str(text) in caplog.text


def test_plain_text_files_are_not_kept(photo, tmp_path):
    photo.with_suffix(".txt").write_bytes(b"A red square.")
    with Targets([photo.parent], ALL) as targets:
        old, new = Words({"": "A red square."}), Words({"": "A crimson square."})
        write_words(photo, old, new, targets, ("txt",), kept=KeptTexts(tmp_path / "catalog.db", 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
