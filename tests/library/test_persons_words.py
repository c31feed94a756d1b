"""Words that a person gave to the catalog: no run puts a model's in their place, and no revert takes them away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from mqwen.engine.captioner import Captioner
from mqwen.library.catalog import Catalog
from mqwen.library.decide import HUMAN
from mqwen.library.revert import revert
from mqwen.run import Outcome, RunSettings, run, survey
from tests.scripted import Scripted, draw


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog(tmp_path / "catalog.db") as catalog:
        yield catalog


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    (photo,) = draw(tmp_path / "photos", "a.jpg")
    return photo


def go(catalog: Catalog, photo: Path, text: str = "A dog.", **settings: Any) -> Outcome:
    captioner = cast(Captioner, Scripted(text=lambda photo: text))
    (outcome,) = run([photo.parent], RunSettings(**settings), captioner=captioner, catalog=catalog)
    return outcome


@pytest.mark.parametrize("existing", ["skip", "fill", "stale", "overwrite", "append"])
@pytest.mark.parametrize("write", ["txt", "embed"])
def test_no_run_replaces_them_unasked(catalog: Catalog, photo: Path, existing: str, write: str) -> None:
    go(catalog, photo, write=(write,))
    before = photo.read_bytes()
    catalog.set_caption(photo, "My own dog", "en")
    settings = RunSettings(write=(write,), existing=existing, max_new_tokens=9)  # type: ignore[arg-type]
    if existing not in ("skip", "fill"):  # these leave it anyway, as there is text
        assert survey([photo], settings, catalog=catalog) == (1, 0)
        assert go(catalog, photo, "A cat.", write=(write,), existing=existing, max_new_tokens=9).reason == HUMAN
    other = "caption" if write == "txt" else "xmp"
    assert go(catalog, photo, "A cat.", write=(other,), existing=existing).reason == HUMAN
    assert photo.read_bytes() == before and not photo.with_suffix(".caption").exists()
    found = catalog.photo(photo)
    assert found is not None and (found.captions, found.state) == ({"en": "My own dog"}, "edited")
    assert go(catalog, photo, "A cat.", write=(write,), existing="overwrite-all").status == "captioned"
    found = catalog.photo(photo)
    assert found is not None and found.captions == {"en": "A cat."}
    assert go(catalog, photo, "A bird.", write=(write,), existing="overwrite").status == "captioned"


def test_nor_where_the_photo_was_renamed_since(catalog: Catalog, photo: Path) -> None:
    catalog.set_caption(photo, "My own dog", "en")
    photo.rename(moved := photo.with_name("b.jpg"))
    assert go(catalog, moved).reason == HUMAN
    found = catalog.photo(moved)
    assert found is not None and found.captions == {"en": "My own dog"} and not moved.with_suffix(".txt").exists()


def test_other_fields_and_languages_are_captioned(catalog: Catalog, photo: Path) -> None:
    catalog.set_caption(photo, "My own dog", "en")
    assert go(catalog, photo, "一只狗。", write=("xmp",), language="zh").status == "captioned"
    assert go(catalog, photo, "dog, meadow", write=("xmp",), style="keywords").status == "captioned"
    found = catalog.photo(photo)
    assert found is not None and found.captions == {"en": "My own dog", "zh": "一只狗。"}
    assert found.keywords == ("dog", "meadow")
    # What a person took back, or took away, is nothing to keep.
    catalog.undo()
    assert go(catalog, photo, write=("txt",)).status == "captioned"


@pytest.mark.parametrize("write", [("txt",), ("embed",), ("txt", "xmp", "jsonl")])
def test_a_revert_leaves_them(catalog: Catalog, photo: Path, write: tuple[str, ...]) -> None:
    go(catalog, photo, write=write)
    catalog.set_caption(photo, "My own dog", "en")
    assert {result.status for result in revert(catalog, 1)} == {"restored"}
    found = catalog.photo(photo)
    assert found is not None and (found.captions, found.state) == ({"en": "My own dog"}, "edited")
    assert catalog.search("own dog") and found.written == {}


def test_a_revert_takes_away_what_the_run_said_and_no_more(catalog: Catalog, photo: Path) -> None:
    go(catalog, photo, "A dog.", write=("embed",))
    go(catalog, photo, "一只狗。", write=("embed",), language="zh", existing="fill")
    go(catalog, photo, "dog, meadow", write=("embed",), style="keywords", existing="fill")
    for number, captions, keywords in (
        (3, {"en": "A dog.", "zh": "一只狗。"}, ()),
        (2, {"en": "A dog."}, ()),
        (1, {}, ()),
    ):
        assert [result.status for result in revert(catalog, number)] == ["restored"]
        found = catalog.photo(photo)
        assert found is not None and (dict(found.captions), found.keywords) == (captions, keywords), number
        assert found.state == ("captioned" if captions else "new")
