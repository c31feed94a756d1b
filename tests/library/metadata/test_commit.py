"""commit(): only over the file that was read, with all that the file system knows of it; else nothing happens."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mqwen.errors import WriteError
from mqwen.library import atomic
from mqwen.library.metadata.commit import commit, obstacle, remove


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    return path


def test_it_replaces_and_makes_new_files(photo: Path, tmp_path: Path) -> None:
    commit(photo, b"new", os.stat(photo))
    commit(tmp_path / "b.xmp", b"side", None)
    assert photo.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == ["a.jpg", "b.xmp"]


def rewritten(photo: Path) -> None:
    photo.write_bytes(b"another")


def touched(photo: Path) -> None:
    os.utime(photo, ns=(1, 1))


def replaced(photo: Path) -> None:
    found = os.stat(photo)
    photo.with_name("c").write_bytes(b"old")
    os.utime(photo.with_name("c"), ns=(found.st_atime_ns, found.st_mtime_ns))
    os.replace(photo.with_name("c"), photo)


def deleted(photo: Path) -> None:
    photo.unlink()


def linked(photo: Path) -> None:
    os.link(photo, photo.with_name("c"))


def locked(photo: Path) -> None:
    photo.chmod(0o444)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (rewritten, "changed by another"),
        (touched, "changed by another"),
        (replaced, "changed by another"),
        (deleted, "deleted"),
        (linked, "hard links"),
        (locked, "read-only"),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["before", "between temp file and rename"])
def test_a_file_that_changed_is_left_alone(
    photo: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], reason: str, late: bool
) -> None:
    found = os.stat(photo)
    if late:
        write_all = atomic.write_all

        def slow(descriptor: int, data: bytes) -> None:
            write_all(descriptor, data)
            change(photo)

        monkeypatch.setattr(atomic, "write_all", slow)
    else:
        change(photo)
    expected = photo.read_bytes() if not late and photo.exists() else None
    with pytest.raises(WriteError, match=reason):
        commit(photo, b"new", found)
    if photo.exists():
        assert photo.read_bytes() != b"new"
        assert expected in (None, photo.read_bytes())
    assert not [name for name in os.listdir(photo.parent) if name.startswith(".mqwen")]


def test_a_file_that_appeared_is_left_alone(photo: Path) -> None:
    with pytest.raises(WriteError, match="made by another"):
        commit(photo, b"new", None)
    assert photo.read_bytes() == b"old"


def test_mtime_is_new_unless_it_is_to_be_kept(photo: Path) -> None:
    os.utime(photo, ns=(10**18, 10**18 + 123_456_789))
    commit(photo, b"new", os.stat(photo), keep_mtime=True)
    assert os.stat(photo).st_mtime_ns == 10**18 + 123_456_789
    commit(photo, b"newer", os.stat(photo))
    assert os.stat(photo).st_mtime_ns > 10**18 + 123_456_789


@pytest.mark.skipif(not hasattr(os, "setxattr"), reason="extended attributes are tried on Linux")
def test_attributes_and_access_lists_are_kept(photo: Path) -> None:
    try:
        os.setxattr(photo, "user.tags", b"red")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    photo.chmod(0o640)
    # An access list as the kernel has it: version 2; user::rw-, user:1234:r--, group::r--, mask::r--, other::---.
    entries = [(1, 6, 2**32 - 1), (2, 4, 1234), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1)]
    access = (2).to_bytes(4, "little") + b"".join(
        tag.to_bytes(2, "little") + rights.to_bytes(2, "little") + who.to_bytes(4, "little")
        for tag, rights, who in entries
    )
    try:
        os.setxattr(photo, "system.posix_acl_access", access)
    except OSError:
        access = b""
    commit(photo, b"new", os.stat(photo))
    assert os.getxattr(photo, "user.tags") == b"red"
    assert os.stat(photo).st_mode & 0o777 == 0o640
    if access:
        assert os.getxattr(photo, "system.posix_acl_access") == access


def test_a_link_stays_a_link(photo: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.jpg"
    link.symlink_to(photo)
    commit(link, b"new", os.stat(link))
    assert link.is_symlink()
    assert photo.read_bytes() == b"new"


def test_remove_takes_only_the_file_that_was_read(photo: Path) -> None:
    found = os.stat(photo)
    photo.write_bytes(b"another")
    with pytest.raises(WriteError, match="changed by another"):
        remove(photo, found)
    remove(photo, os.stat(photo))
    assert not photo.exists()


def test_obstacles(photo: Path, tmp_path: Path) -> None:
    assert obstacle(os.stat(photo)) is None
    assert obstacle(os.stat(tmp_path)) == "it is not a regular file"


def test_a_reader_never_sees_half_a_file(photo: Path) -> None:
    """A process that dies at the rename leaves the old file; the next write into the folder clears up."""
    script = (
        "import os, sys, pathlib; from mqwen.library.metadata.commit import commit; "
        "os.replace = lambda *_: os._exit(9); p = pathlib.Path(sys.argv[1]); commit(p, b'new' * 10**6, os.stat(p))"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", script, str(photo)], check=False)
    assert done.returncode == 9
    assert photo.read_bytes() == b"old"
    assert len(os.listdir(photo.parent)) == 2
    commit(photo, b"new", os.stat(photo))
    assert os.listdir(photo.parent) == ["a.jpg"]
