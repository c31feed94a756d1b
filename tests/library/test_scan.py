"""Scanning real folders: order, what is left out, links, unreadable places."""

from __future__ import annotations

import os
import random
import subprocess
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqwen.errors import MqwenError
from mqwen.library.scan import IMAGE_SUFFIXES, natural_key, scan
from tests.library.conftest import AsUser


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def found(folder: Path, **options: bool) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in scan([folder], **options)]


def test_natural_order_with_non_ascii_names(tmp_path: Path) -> None:
    wanted = ["IMG1.jpg", "img2.jpg", "img10.jpg", "img010.PNG", "été2.jpg", "été10.jpg", "图2.jpg", "图10.jpg"]
    shuffled = random.Random(3).sample(wanted, len(wanted))
    make(tmp_path, *shuffled)
    order = found(tmp_path)
    assert order.index("IMG1.jpg") < order.index("img2.jpg") < order.index("img10.jpg")
    assert order.index("été2.jpg") < order.index("été10.jpg")
    assert order.index("图2.jpg") < order.index("图10.jpg")
    assert sorted(order) == sorted(wanted)


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=12)))
def test_any_names_have_one_order(names: list[str]) -> None:
    once = sorted(names, key=natural_key)
    once.reverse()
    once.sort(key=natural_key)
    assert once == sorted(names, key=natural_key)


def test_digits_of_any_script_are_numbers() -> None:
    assert sorted(["a١٠", "a٢"], key=natural_key) == ["a٢", "a١٠"]
    assert sorted(["x²", "x10", "x9"], key=natural_key)[:2] == ["x9", "x10"]


def test_photos_before_subfolders_each_in_natural_order(tmp_path: Path) -> None:
    make(tmp_path, "day10/a.jpg", "day2/b.jpg", "day2/a.jpg", "z.jpg")
    assert found(tmp_path) == ["z.jpg", "day2/a.jpg", "day2/b.jpg", "day10/a.jpg"]
    assert found(tmp_path, recursive=False) == ["z.jpg"]


def test_hidden_masks_and_other_files_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, ".a.jpg", ".git/b.jpg", "c-masklabel.png", "d-MaskLabel.PNG", "e.txt", "f", "g.JPG", "._g.JPG")
    assert found(tmp_path) == ["g.JPG"]


def test_every_suffix_is_found(tmp_path: Path) -> None:
    make(tmp_path, *(f"a{suffix}" for suffix in IMAGE_SUFFIXES))
    assert len(found(tmp_path)) == len(IMAGE_SUFFIXES)


def test_given_files_are_yielded_whatever_they_are_called(tmp_path: Path) -> None:
    make(tmp_path, "odd.xyz", ".hidden.jpg", "a-masklabel.png")
    given_paths = [tmp_path / name for name in ("odd.xyz", ".hidden.jpg", "a-masklabel.png", "missing.jpg")]
    assert list(scan(given_paths)) == given_paths


def test_a_folder_called_like_a_photo_is_a_folder(tmp_path: Path) -> None:
    make(tmp_path, "x.jpg/y.jpg")
    assert found(tmp_path) == ["x.jpg/y.jpg"]


def test_relative_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "sub/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert list(scan(["sub"])) == [tmp_path / "sub" / "a.jpg"]
    assert list(scan("sub/a.jpg")) == [tmp_path / "sub" / "a.jpg"]


def test_what_is_given_twice_comes_once(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg", "sub/b.jpg", "odd.xyz")
    a, b, odd = tmp_path / "a.jpg", tmp_path / "sub" / "b.jpg", tmp_path / "odd.xyz"
    assert list(scan([a, tmp_path, tmp_path, a, tmp_path / "sub", b])) == [a, b]
    assert list(scan([tmp_path, odd, odd, a])) == [a, b, odd]
    assert list(scan([tmp_path / "sub" / ".." / "a.jpg", a])) == [a]


def test_links_do_not_loop_and_count_once(tmp_path: Path) -> None:
    make(tmp_path, "real/a.jpg", "real/deep/b.jpg")
    (tmp_path / "real" / "deep" / "up").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "again").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    photos = [path.resolve() for path in scan([tmp_path])]
    assert sorted(photos) == sorted([tmp_path / "real" / "a.jpg", tmp_path / "real" / "deep" / "b.jpg"])


def test_linked_photos_come_once(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    make(outside, "far.jpg")
    folder = tmp_path / "folder"
    make(folder, "m.jpg")
    (folder / "a.jpg").symlink_to(folder / "m.jpg")  # its target is listed in the same folder
    (folder / "b.jpg").symlink_to(outside / "far.jpg")
    (folder / "c.jpg").symlink_to(outside / "far.jpg")
    assert found(folder) == ["b.jpg", "m.jpg"]
    assert [path.name for path in scan([folder, outside])] == ["m.jpg", "far.jpg"]
    assert [path.name for path in scan([outside, folder])] == ["far.jpg", "m.jpg"]


def test_a_photo_has_its_turn_itself_and_not_as_the_link_that_comes_first(tmp_path: Path) -> None:
    make(tmp_path, "a/m.png", "b/.hidden/h.png", "b/x.png", "b/z.png")
    for name, target in (("y", "b/x.png"), ("h", "b/.hidden/h.png")):
        (tmp_path / "a" / f"{name}.png").symlink_to(tmp_path / target)
    assert found(tmp_path) == ["a/m.png", "b/x.png", "b/z.png", "a/h.png"]
    both = [path.relative_to(tmp_path).as_posix() for path in scan([tmp_path / "a", tmp_path / "b"])]
    assert both == ["a/m.png", "b/x.png", "b/z.png", "a/h.png"]
    assert found(tmp_path / "a") == ["h.png", "m.png", "y.png"]
    (tmp_path / "y.png").symlink_to(tmp_path / "b" / "x.png")
    assert found(tmp_path, recursive=False) == ["y.png"]


def test_a_link_waits_no_longer_than_needed(tmp_path: Path) -> None:
    """What the link does not lead to comes in its order, before later folders are read."""
    make(tmp_path, "1/a.jpg", "2/b.jpg")
    (tmp_path / "1" / "0.jpg").symlink_to(tmp_path / "2" / "b.jpg")
    photos = scan([tmp_path])
    assert next(photos).name == "a.jpg"
    make(tmp_path, "2/late.jpg")
    assert [path.name for path in photos] == ["b.jpg", "late.jpg"]


def test_a_link_to_nothing_is_yielded_for_its_reader(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert found(tmp_path) == ["gone.jpg"]


def test_hard_links_are_photos_of_their_own(tmp_path: Path) -> None:
    make(tmp_path, "a.jpg")
    os.link(tmp_path / "a.jpg", tmp_path / "b.jpg")
    assert found(tmp_path) == ["a.jpg", "b.jpg"]


def test_an_unreadable_folder_is_reported_and_the_scan_goes_on(open_folder: Path, as_user: AsUser) -> None:
    make(open_folder, "1/a.jpg", "2/b.jpg", "3/c.jpg")
    (open_folder / "2").chmod(0)
    errors: list[MqwenError] = []
    with as_user():
        photos = [path.name for path in scan([open_folder], on_error=errors.append)]
    assert photos == ["a.jpg", "c.jpg"]
    assert [error.path for error in errors] == [open_folder / "2"]
    assert "cannot be read" in str(errors[0])


def test_a_name_that_is_not_unicode(tmp_path: Path) -> None:
    name = b"caf\xe9.jpg"
    try:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).write_bytes(b"x")
    except OSError:
        pytest.skip("this disk wants Unicode names")
    (path,) = scan([tmp_path])
    assert os.fsencode(path.name) == name


def test_a_path_with_a_nul_is_left_to_its_reader() -> None:
    (path,) = scan(["/tmp/a\0b.jpg"])
    assert path.name == "a\0b.jpg"


def test_it_streams(tmp_path: Path) -> None:
    """The first photos come before later folders are read: one that appears meanwhile is still found."""
    make(tmp_path, "1/a.jpg", "2/b.jpg")
    photos = scan([tmp_path])
    assert [path.name for path in islice(photos, 1)] == ["a.jpg"]
    make(tmp_path, "2/late.jpg")
    assert [path.name for path in photos] == ["b.jpg", "late.jpg"]


def test_deeper_than_pythons_recursion(tmp_path: Path) -> None:
    folder = tmp_path
    descriptors = [os.open(folder, os.O_RDONLY)]
    depth = 1100  # names of one letter: 2200 characters, below the system's limit for a path
    for _ in range(depth):
        os.mkdir("d", dir_fd=descriptors[-1])
        descriptors.append(os.open("d", os.O_RDONLY, dir_fd=descriptors[-1]))
        os.close(descriptors.pop(0))
    bottom = os.open("x.jpg", os.O_CREAT | os.O_WRONLY, dir_fd=descriptors[-1])
    os.close(bottom)
    os.close(descriptors[-1])
    try:
        (photo,) = scan([tmp_path])
        assert len(photo.parts) == len(tmp_path.parts) + depth + 1
    finally:  # pytest's own cleaning up recurses
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
