"""Which sidecar is a photo's, and merging into what other programs keep there."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.fields import Edit, Metadata, Provenance
from mqwen.library.metadata.xmp_sidecar import (
    edit_sidecar,
    prove_sidecar,
    read_sidecar_metadata,
    strip_sidecar,
    xmp_sidecar_paths,
)
from tests.library.metadata.test_xmp import DARKTABLE, RDF

EDIT = Edit(caption="A dog.", keywords=("dog",), provenance=Provenance("m"), mode="append")


def make(folder: Path, *names: str, extension: str = "") -> None:
    for name in names:
        text = (
            f'<rdf:RDF {RDF}><rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" '
            f'photoshop:SidecarForExtension="{extension}"/></rdf:RDF>'
        )
        (folder / name).write_text(text if name.lower().endswith("xmp") and extension else "")


@pytest.mark.parametrize(
    ("names", "extension", "photo", "naming", "expected"),
    [
        ([], "", "a.jpg", "name", ["a.jpg.xmp"]),
        ([], "", "a.jpg", "stem", ["a.xmp"]),
        (["a.xmp"], "", "a.jpg", "name", ["a.xmp"]),
        (["a.jpg.xmp"], "", "a.jpg", "stem", ["a.jpg.xmp"]),
        (["a.jpg.xmp", "a.xmp"], "", "a.jpg", "name", ["a.jpg.xmp", "a.xmp"]),
        (["a.XMP"], "", "a.jpg", "name", ["a.XMP"]),
        # RAW and JPEG of one stem
        (["a.cr2", "a.xmp"], "", "a.jpg", "name", ["a.jpg.xmp"]),
        (["a.cr2", "a.xmp"], "", "a.jpg", "stem", ["a.jpg.xmp"]),
        (["a.cr2", "a.xmp"], "", "a.cr2", "name", ["a.xmp"]),
        (["a.cr2", "a.xmp"], "CR2", "a.jpg", "name", ["a.jpg.xmp"]),
        (["a.cr2", "a.xmp"], "jpg", "a.jpg", "name", ["a.xmp"]),
        (["a.cr2", "a.xmp"], "jpg", "a.cr2", "name", ["a.cr2.xmp"]),
        (["a.png"], "", "a.jpg", "stem", ["a.jpg.xmp"]),
        (["a.png", "a.xmp"], "", "a.jpg", "name", ["a.jpg.xmp"]),
        (["b.png", "a.xmp.txt"], "", "a.jpg", "stem", ["a.xmp"]),
    ],
)
def test_names(tmp_path: Path, names: list[str], extension: str, photo: str, naming: str, expected: list[str]) -> None:
    make(tmp_path, "a.jpg", *names, extension=extension)
    found = xmp_sidecar_paths(tmp_path / photo, naming)  # type: ignore[arg-type]
    assert [path.name for path in found] == expected


def test_merging_into_a_foreign_sidecar_and_out_again() -> None:
    new = edit_sidecar(DARKTABLE, EDIT)
    prove_sidecar(DARKTABLE, new, EDIT)
    assert new is not None
    found = read_sidecar_metadata(new)
    assert found.caption == 'as an "attribute". A dog.'
    assert found.keywords == ("human", "second & third", "dog")
    assert b"darktable:raw_params" in new and b"<!-- kept -->" in new
    assert edit_sidecar(new, EDIT) == new
    left = strip_sidecar(new)
    assert left is not None
    assert read_sidecar_metadata(left) == read_sidecar_metadata(DARKTABLE)
    keywords = Edit(keywords=("dog",), provenance=Provenance("m"), mode="append")
    assert strip_sidecar(edit_sidecar(DARKTABLE, keywords) or b"") == DARKTABLE


def test_a_new_sidecar_comes_and_goes() -> None:
    new = edit_sidecar(None, EDIT)
    assert new is not None
    prove_sidecar(None, new, EDIT)
    assert b"<digiKam:TagsList><rdf:Seq><rdf:li>dog</rdf:li></rdf:Seq></digiKam:TagsList>" in new
    assert strip_sidecar(new) is None
    assert strip_sidecar(DARKTABLE) == DARKTABLE


def test_what_is_in_the_photo_is_there_too() -> None:
    new = edit_sidecar(None, EDIT, Metadata(caption="Mine.", keywords=("k",)))
    assert new is not None
    assert read_sidecar_metadata(new).caption == "Mine. A dog."
    assert read_sidecar_metadata(new).keywords == ("k", "dog")


def test_a_proof_that_fails() -> None:
    new = edit_sidecar(DARKTABLE, EDIT)
    assert new is not None
    for old_piece, new_piece in [
        (b"gz12", b"gz13"),
        (b"by hand", b"by Hand"),
        (b"A dog.", b"A cat."),
        (b"human", b"Human"),
    ]:
        with pytest.raises(Refusal):
            prove_sidecar(DARKTABLE, new.replace(old_piece, new_piece), EDIT)


@pytest.mark.parametrize("old", [b"", b"\n", b"not xml", DARKTABLE[:-20]])
def test_a_damaged_sidecar_is_refused(old: bytes) -> None:
    with pytest.raises(Refusal):
        edit_sidecar(old, EDIT)


def test_what_cannot_be_compared_is_refused() -> None:
    """A namespace that is a relative URI: there is no canonical form of it."""
    old = f'<rdf:RDF {RDF}><rdf:Description rdf:about="" xmlns:a="local/names" a:b="c"/></rdf:RDF>'.encode()
    new = edit_sidecar(old, EDIT)
    with pytest.raises(Refusal, match="cannot be compared"):
        prove_sidecar(old, new, EDIT)
