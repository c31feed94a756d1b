"""Sidecars: whose file is whose, what is written, and that nobody's text is destroyed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqwen.errors import InputError, WriteError
from mqwen.library.sidecar import (
    SidecarNames,
    append_sidecar,
    appended,
    one_line,
    read_sidecar,
    sidecar_path,
    write_sidecar,
)


def names_of(folder: Path, *photos: str, suffix: str = ".txt") -> list[str]:
    for photo in photos:
        (folder / photo).write_bytes(b"x")
    names = SidecarNames()
    return [names.path(folder / photo, suffix).name for photo in photos]


def test_a_photo_alone_has_its_stem(tmp_path: Path) -> None:
    assert names_of(tmp_path, "z.jpg", "猫.2024.png") == ["z.txt", "猫.2024.txt"]
    assert names_of(tmp_path, "z.jpg", suffix=".caption") == ["z.caption"]


@pytest.mark.parametrize(
    ("photos", "expected"),
    [
        (["z.jpg", "z.png"], ["z.jpg.txt", "z.png.txt"]),
        (["z.jpg", "Z.png"], ["z.jpg.txt", "Z.png.txt"]),
        (["caf\u00e9.jpg", "cafe\u0301.png"], ["caf\u00e9.jpg.txt", "cafe\u0301.png.txt"]),
        (["a.jpg", "a.png", "a.jpg.webp"], ["a.jpg.txt", "a.png.txt", "a.jpg.webp.txt"]),
        (["a.jpg", "a.jpg.png"], ["a.txt", "a.jpg.png.txt"]),
        (["z.jpg", "z-masklabel.png", "z.xmp"], ["z.txt", "z-masklabel.png.txt", "z.xmp.txt"]),
        (["z.jpg", "z"], ["z.txt", "z.file.txt"]),
    ],
)
def test_no_two_photos_share(tmp_path: Path, photos: list[str], expected: list[str]) -> None:
    assert names_of(tmp_path, *photos) == expected


@given(st.lists(st.text("aA.é", min_size=1, max_size=4), unique=True, max_size=6), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_folder_shares_nothing(
    tmp_path_factory: pytest.TempPathFactory, stems: list[str], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("photos")
    photos = {stem + data.draw(st.sampled_from([".jpg", ".png", ".jpg.png"])) for stem in stems}
    photos = {name for name in photos if not name.startswith(".")}
    sidecars = names_of(folder, *photos)
    assert len({name.casefold() for name in sidecars}) >= len({name.casefold() for name in photos})
    assert len(set(sidecars)) == len(photos)


def test_the_name_is_the_same_however_the_run_is_started(tmp_path: Path) -> None:
    (tmp_path / "z.jpg").write_bytes(b"x")
    (tmp_path / "z.png").write_bytes(b"x")
    (tmp_path / "z.txt").write_text("of one of them, nobody knows")
    assert sidecar_path(tmp_path / "z.jpg") == tmp_path / "z.jpg.txt"
    assert SidecarNames().path(str(tmp_path / "z.jpg")) == tmp_path / "z.jpg.txt"
    assert read_sidecar(sidecar_path(tmp_path / "z.jpg")) is None


def test_a_photo_that_appears_later_is_noticed(tmp_path: Path) -> None:
    names = SidecarNames()
    (tmp_path / "a.jpg").write_bytes(b"x")
    assert names.path(tmp_path / "a.jpg").name == "a.txt"
    (tmp_path / "a.png").write_bytes(b"x")
    assert names.path(tmp_path / "a.png").name == "a.png.txt"


def test_a_folder_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(50):
        (tmp_path / f"{i}.jpg").write_bytes(b"x")
    listed = []
    real = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: listed.append(path) or real(path))
    names = SidecarNames()
    for i in range(50):
        names.path(tmp_path / f"{i}.jpg")
    assert len(listed) == 1


def test_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_sidecar(path, "\ufeff 一只猫\r\non a\n\n  mat ||| x;;;y\u2028end\n")
    assert path.read_bytes() == "一只猫 on a mat ||| x;;;y end".encode()


@pytest.mark.parametrize("text", ["", " \n\t", "\ufeff", "\0"])
def test_an_empty_caption_is_not_written(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text("old")
    for write in (write_sidecar, append_sidecar):
        with pytest.raises(WriteError, match="empty"):
            write(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_text() == "old"


@given(st.text())
def test_one_line_is_one_line_of_utf8(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert not line.encode().startswith(b"\xef\xbb\xbf")
    assert one_line(line) == line


def test_one_line_survives_lone_surrogates() -> None:
    assert one_line("a\ud800b").encode() == b"a?b"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfcaption", "caption"),
        ("猫".encode(), "猫"),
        ("猫".encode("utf-16"), "猫"),
        (b"two\nlines", "two\nlines"),
        (b"", None),
        (b"\xef\xbb\xbf \n", None),
    ],
)
def test_reading(tmp_path: Path, data: bytes, text: str | None) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    assert read_sidecar(tmp_path / "a.txt") == text


def test_reading_what_is_not_there(tmp_path: Path) -> None:
    assert read_sidecar(tmp_path / "a.txt") is None


@pytest.mark.parametrize("data", ["Café".encode("latin-1"), "一只猫在垫子上".encode("gbk"), b"\xff\xfe\x00"])
def test_text_of_unknown_encoding_is_refused_and_kept(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.txt: its text is not UTF-8"):
        append_sidecar(path, "new")
    assert path.read_bytes() == data


def test_what_is_no_text_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    with open(tmp_path / "huge.txt", "wb") as huge:
        huge.truncate(2**33)
    for name in ("folder.txt", "pipe.txt", "huge.txt"):
        with pytest.raises(InputError, match=name):
            read_sidecar(tmp_path / name)


@pytest.mark.parametrize(
    ("old", "new", "result"),
    [
        ("1girl, smile", "a cat", "1girl, smile, a cat"),
        ("A cat sits.", "It is red.", "A cat sits. It is red."),
        ("一只猫。", "红色", "一只猫。 红色"),
        ("tag,", "cat", "tag, cat"),
        ("tag, ", "cat", "tag, cat"),
        ("keep|||x;;;y", "z", "keep|||x;;;y, z"),
        ("first\nsecond\r\n", "new\nline", "first, new line\nsecond\r\n"),
        ("old, new", "new", "old, new"),
        ("old", "old", "old"),
        ("bold", "old", "bold, old"),
        ("A photo of a dog", "a dog", "A photo of a dog, a dog"),
        ("red cat", "cat", "red cat, cat"),
        ("A cat sits. It is red.", "It is red.", "A cat sits. It is red."),
        ("cat\n", "dog", "cat, dog\n"),
        ("\n\ncat", "dog", "cat, dog"),
    ],
)
def test_appending(tmp_path: Path, old: str, new: str, result: str) -> None:
    assert appended(old, new) == result
    path = tmp_path / "a.txt"
    path.write_bytes(old.encode())
    append_sidecar(path, new)
    append_sidecar(path, new)
    assert path.read_bytes() == result.encode()


def test_appending_to_nothing_writes(tmp_path: Path) -> None:
    append_sidecar(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_appending_drops_a_byte_order_mark_and_keeps_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("猫".encode("utf-8-sig"))
    append_sidecar(path, "a cat")
    assert path.read_bytes() == "猫, a cat".encode()
