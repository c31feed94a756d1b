"""From a photo on disk to the files that would change."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from mqwen.errors import WriteError
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.fields import Edit, Provenance
from mqwen.library.metadata.plan import plan_embed, plan_strip, read_photo
from tests.library.metadata.samples import jpeg_with, segment

EDIT = Edit(caption="A dog.", provenance=Provenance("m"))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    Image.new("RGB", (32, 24), (200, 30, 99)).save(path)
    return path


def written(photo: Path, **options: object) -> dict[str, str | None]:
    planned = plan_embed(photo, EDIT, **options)  # type: ignore[arg-type]
    for change in planned:
        assert change.after is not None
        commit(change.path, change.after, change.stat_at_read)
    return {change.path.name: change.reason for change in planned}


def test_nothing_is_written_by_planning(photo: Path) -> None:
    data, names = photo.read_bytes(), os.listdir(photo.parent)
    (change,) = plan_embed(photo, EDIT)
    assert change.before == data == photo.read_bytes()
    assert change.after != data
    assert os.listdir(photo.parent) == names


def test_embedded_or_beside(photo: Path) -> None:
    assert written(photo) == {"a.jpg": None}
    assert written(photo) == {}
    assert written(photo, embed=False, naming="stem") == {"a.xmp": None}
    assert set(read_photo(photo)) == {photo, photo.with_name("a.xmp")}
    assert [change.path.name for change in plan_strip(photo)] == ["a.jpg", "a.xmp"]


def test_both_sidecars_are_kept_alike(photo: Path) -> None:
    written(photo, embed=False, naming="stem")
    shutil.copyfile(photo.with_name("a.xmp"), photo.with_name("a.jpg.xmp"))
    later = Edit(caption="A cat.")
    assert {change.path.name for change in plan_embed(photo, later, embed=False)} == {"a.xmp", "a.jpg.xmp"}


@pytest.mark.parametrize("how", ["read-only", "hard-linked", "raw", "png called txt"])
def test_what_is_not_embedded_has_a_sidecar_with_the_reason(photo: Path, how: str) -> None:
    if how == "read-only":
        photo.chmod(0o444)
        assert written(photo) == {"a.jpg.xmp": "it is read-only"}
    elif how == "hard-linked":
        os.link(photo, photo.with_name("b.jpg"))
        assert written(photo) == {"a.jpg.xmp": "it has further hard links, which a change would cut off"}
    elif how == "raw":
        raw = photo.rename(photo.with_name("a.NEF"))
        assert written(raw) == {"a.NEF.xmp": "it is a raw photo"}
    else:
        other = photo.rename(photo.with_name("a.txt"))  # the bytes tell the format, not the name
        assert written(other) == {"a.txt": None}


def test_a_link_is_followed(photo: Path) -> None:
    link = photo.with_name("link.jpg")
    link.symlink_to(photo)
    assert written(link) == {"link.jpg": None}
    assert link.is_symlink()
    assert read_photo(photo)[photo].caption == "A dog."


def test_errors(photo: Path) -> None:
    with pytest.raises(WriteError, match="cannot be read"):
        plan_embed(photo.with_name("missing.jpg"), EDIT)
    with pytest.raises(WriteError, match="cannot be read"):
        plan_embed(photo.parent, EDIT)
    with pytest.raises(Refusal, match="give its photo"):
        plan_embed(photo.with_name("a.jpg.xmp"), EDIT)
    photo.with_name("a.jpg.xmp").write_text("broken")
    with pytest.raises(Refusal, match="damaged"):
        plan_embed(photo, EDIT, embed=False)
    refused: dict[Path, str] = {}
    assert set(read_photo(photo, on_refusal=refused.__setitem__)) == {photo}
    assert set(refused) == {photo.with_name("a.jpg.xmp")}


def test_a_sidecar_that_may_not_be_changed(photo: Path) -> None:
    written(photo, embed=False)
    photo.with_name("a.jpg.xmp").chmod(0o444)
    with pytest.raises(Refusal, match=r"its sidecar a\.jpg\.xmp cannot be changed: it is read-only"):
        plan_embed(photo, Edit(caption="B"), embed=False)


def test_a_signed_photo_keeps_its_signature_unless_told(photo: Path) -> None:
    photo.write_bytes(jpeg_with(segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumb\0\0\0\x18jumdc2pa")))
    (change,) = plan_embed(photo, EDIT)
    assert change.path.name == "a.jpg.xmp"
    assert change.reason and "signed" in change.reason
    (change,) = plan_embed(photo, EDIT, allow_signed=True)
    assert (change.path, change.reason) == (photo, None)
