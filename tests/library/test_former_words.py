"""The text before a run's: found for as long as the run's own stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image

from mqwen.engine.caption import Caption
from mqwen.library.catalog import Catalog
from mqwen.library.edited_files import Words
from mqwen.library.former_words import former_words
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.fields import Edit
from mqwen.library.metadata.plan import plan_embed
from mqwen.run import RunSettings, run


class Says:
    """A captioner that says one thing."""

    folder = "fake"

    def __init__(self, text: str) -> None:
        self.text = text

    def caption_many(
        self, photos: Iterable[Path], *, prompt: Callable[[Path], str], **options: Any
    ) -> Iterator[tuple[Path, Caption]]:
        for photo in photos:
            yield photo, Caption(self.text, (), 3, "stop", -0.1)


def caption(catalog: Catalog, photo: Path, text: str, existing: str, *write: str, style: str = "detailed") -> None:
    settings = RunSettings(write=write, existing=cast(Any, existing), style=style)
    outcomes = list(run([photo], settings, captioner=cast(Any, Says(text)), catalog=catalog))
    assert [outcome.status for outcome in outcomes] == ["captioned"]


@pytest.mark.parametrize("target", ["txt", "caption", "jsonl", "xmp", "embed"])
def test_the_text_that_a_run_replaced(tmp_path, target):
    photo = tmp_path / "in" / "1.png"
    photo.parent.mkdir()
    Image.new("RGB", (9, 9), "red").save(photo)
    with Catalog(tmp_path / "catalog.db") as catalog:
        caption(catalog, photo, "first", "skip", target)
        assert former_words(catalog, catalog.photo(photo)).text is None
        caption(catalog, photo, "second", "overwrite", target)
        assert former_words(catalog, catalog.photo(photo)).text == "first"
        caption(catalog, photo, "third", "overwrite", target)
        assert former_words(catalog, catalog.photo(photo)).text == "second"


def test_a_persons_words_in_the_metadata(tmp_path):
    photo = tmp_path / "1.jpg"
    Image.new("RGB", (9, 9), "red").save(photo)
    for planned in plan_embed(photo, Edit(caption="A person's own.", language="en")):
        commit(planned.path, planned.after, planned.stat_at_read)
    with Catalog(tmp_path / "catalog.db") as catalog:
        caption(catalog, photo, "a model's", "overwrite-all", "embed")
        assert former_words(catalog, catalog.photo(photo)).text == "A person's own."
        for planned in plan_embed(photo, Edit(caption="Edited.", language="en")):
            commit(planned.path, planned.after, planned.stat_at_read)
        assert former_words(catalog, catalog.photo(photo)).text is None


def test_none_after_an_edit_of_the_file(tmp_path):
    photo = tmp_path / "1.png"
    Image.new("RGB", (9, 9), "red").save(photo)
    photo.with_suffix(".txt").write_text("a person's\nown", "utf-8")
    with Catalog(tmp_path / "catalog.db") as catalog:
        caption(catalog, photo, "a model's", "overwrite-all", "txt")
        assert former_words(catalog, catalog.photo(photo)).text == "a person's\nown"
        photo.with_suffix(".txt").write_text("edited", "utf-8")
        assert former_words(catalog, catalog.photo(photo)).text is None


def test_none_after_an_edit_of_the_line_in_a_table(tmp_path):
    photo = tmp_path / "1.png"
    Image.new("RGB", (9, 9), "red").save(photo)
    table = tmp_path / "metadata.jsonl"
    other = '{"file_name": "2.png", "text": "other"}\n'
    table.write_text('{"file_name": "1.png", "text": "a person\'s own"}\n' + other, "utf-8")
    with Catalog(tmp_path / "catalog.db") as catalog:
        caption(catalog, photo, "a model's", "overwrite-all", "jsonl")
        table.write_text(table.read_text("utf-8").replace("other", "another"), "utf-8")
        assert former_words(catalog, catalog.photo(photo)).text == "a person's own", "its line stands"
        table.write_text(table.read_text("utf-8").replace("a model's", "edited"), "utf-8")
        assert former_words(catalog, catalog.photo(photo)).text is None
        table.unlink()
        assert former_words(catalog, catalog.photo(photo)).text is None


@pytest.mark.parametrize("target", ["xmp", "embed"])
def test_keywords_that_a_run_replaced_come_back_and_the_caption_stays(tmp_path, target):
    photo = tmp_path / "1.jpg"
    Image.new("RGB", (9, 9), "red").save(photo)
    own = Edit(caption="A person's own.", keywords=("harbour", "dusk"), alt_text="A harbour.")
    for planned in plan_embed(photo, own, embed=target == "embed"):
        commit(planned.path, planned.after, planned.stat_at_read)
    with Catalog(tmp_path / "catalog.db") as catalog:
        caption(catalog, photo, "boat, sea", "overwrite-all", target, style="keywords")
        known = catalog.photo(photo)
        former = former_words(catalog, known)
    assert known.keywords == ("boat", "sea")
    assert (former.text, former.keywords, former.alt_text) == (None, ("harbour", "dusk"), None)
    assert former.line() == "harbour, dusk"
    words = Words({"": "A person's own."}, ("boat", "sea"), "A harbour.")
    assert former.put_back(words, "A person's own.") == replace(words, keywords=("harbour", "dusk"))
    assert former.put_back(words, "boat, sea") == replace(words, keywords=("harbour", "dusk"))


def test_an_alt_text_that_a_run_replaced_comes_back(tmp_path):
    photo = tmp_path / "1.jpg"
    Image.new("RGB", (9, 9), "red").save(photo)
    for planned in plan_embed(photo, Edit(keywords=("harbour",), alt_text="A harbour.")):
        commit(planned.path, planned.after, planned.stat_at_read)
    with Catalog(tmp_path / "catalog.db") as catalog:
        caption(catalog, photo, "Boats.", "overwrite-all", "embed", style="alt")
        former = former_words(catalog, catalog.photo(photo))
    words = Words({}, ("harbour",), "Boats.")
    assert former.put_back(words, "Boats.") == replace(words, alt_text="A harbour.")


def test_where_nothing_stood_before_only_what_the_run_wrote_goes(tmp_path):
    photo = tmp_path / "1.jpg"
    Image.new("RGB", (9, 9), "red").save(photo)
    with Catalog(tmp_path / "catalog.db") as catalog:
        caption(catalog, photo, "boat, sea", "skip", "xmp", style="keywords")
        former = former_words(catalog, catalog.photo(photo))
    assert former.line() is None
    words = Words({"": "A person's own."}, ("boat", "sea"))
    assert former.put_back(words, "A person's own.") == replace(words, keywords=())
