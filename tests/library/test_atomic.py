"""Atomic writes on a real disk: full, read-only, killed in the middle."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mqwen.errors import DiskFullError, WriteError
from mqwen.library import atomic
from mqwen.library.atomic import remove_leftovers, write_atomic
from tests.library.conftest import AsUser


def test_it_writes_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_mode_is_kept_and_a_new_file_obeys_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    before = os.umask(0o027)
    try:
        write_atomic(path, b"one")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640
    path.chmod(0o604)
    write_atomic(path, b"two")
    assert path.stat().st_mode & 0o777 == 0o604


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "real.txt"
    real.parent.mkdir()
    real.write_text("old")
    link = tmp_path / "a.txt"
    link.symlink_to(real)
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_a_read_only_file_is_refused_even_to_root(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("mine")
    path.chmod(0o444)
    with pytest.raises(WriteError, match=r"a\.txt: it is read-only"):
        write_atomic(path, b"new")
    assert path.read_text() == "mine"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_read_only_folder(open_folder: Path, as_user: AsUser) -> None:
    path = open_folder / "a.txt"
    path.write_text("mine")
    open_folder.chmod(0o555)
    with as_user(), pytest.raises(WriteError, match="permissions"):
        write_atomic(path, b"new")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.txt"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    with pytest.raises(WriteError, match="not a regular file"):
        write_atomic(path, b"new")


def test_names_that_cannot_be(tmp_path: Path) -> None:
    for name in ("x" * 300, "a\0b", "missing/a.txt"):
        with pytest.raises(WriteError):
            write_atomic(tmp_path / name, b"new")
    assert os.listdir(tmp_path) == []


def test_the_longest_name_has_room_for_its_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 251 + ".txt")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"


_FILL = """
import os, sys
from pathlib import Path
from mqwen.errors import DiskFullError
from mqwen.library.metadata_jsonl import MetadataJsonl
from mqwen.library.sidecar import write_sidecar
folder = Path(sys.argv[1])
write_sidecar(folder / "old.txt", "old caption")
with MetadataJsonl(folder) as table:
    table.set(folder / "old.jpg", "old row")
(folder / "filler").write_bytes(b"x" * 4096)
table = MetadataJsonl(folder)
table.set(folder / "first.jpg", "before the disk was full")
with open(folder / "filler", "ab", buffering=0) as filler:
    try:
        while filler.write(b"x" * 512):
            pass
    except OSError as error:
        print(error.errno)
before = sorted(os.listdir(folder))
for action in (
    lambda: write_sidecar(folder / "old.txt", "new " * 3000),
    lambda: write_sidecar(folder / "new.txt", "new " * 3000),
    lambda: table.set(folder / "old.jpg", "new " * 3000),
    table.flush,
):
    try:
        action()
        print("written")
    except DiskFullError as error:
        print("full:", error.path.name)
print(sorted(os.listdir(folder)) == before, (folder / "old.txt").read_text(), (folder / "metadata.jsonl").read_text())
os.truncate(folder / "filler", 0)
table.close()
print((folder / "metadata.jsonl").read_text())
"""


def test_a_full_disk_leaves_everything_as_it_was(tmp_path: Path, root: Path) -> None:
    """On a real disk of 64 KB, mounted for this one process only."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("this system lets no test mount a disk of its own")
    mount = f'mount -t tmpfs -o size=64k none "{tmp_path}" && exec "{sys.executable}" -c "$SCRIPT" "{tmp_path}"'
    result = subprocess.run(
        ["unshare", "-rm", "sh", "-c", mount],
        capture_output=True,
        text=True,
        env={**os.environ, "SCRIPT": _FILL, "PYTHONPATH": str(root)},
    )
    if "mount" in result.stderr:
        pytest.skip("this system lets no test mount a disk of its own")
    lines = result.stdout.splitlines()
    assert lines[1:5] == ["full: old.txt", "full: new.txt", "full: metadata.jsonl", "full: metadata.jsonl"], result
    assert lines[5] == 'True old caption {"file_name": "old.jpg", "text": "old row"}'
    assert lines[-2:] == ['{"file_name": "first.jpg", "text": "before the disk was full"}', ""]


@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT"])
def test_no_space_and_no_quota_are_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    import errno

    def refuse(descriptor: int, data: bytes) -> int:
        raise OSError(getattr(errno, code), "no room")

    path = tmp_path / "a.txt"
    path.write_text("old")
    monkeypatch.setattr(atomic.os, "write", refuse)
    with pytest.raises(DiskFullError, match="Free some space"):
        write_atomic(path, b"new")
    assert os.listdir(tmp_path) == ["a.txt"]
    assert path.read_text() == "old"


def test_a_killed_write_leaves_the_old_file_and_its_leftover_goes_away(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    script = (
        "import os, sys, time; from pathlib import Path; from mqwen.library import atomic\n"
        "atomic.os.fsync = lambda d: (print('writing', flush=True), time.sleep(60))\n"
        "atomic.write_atomic(Path(sys.argv[1]), b'new')"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline() == b"writing\n"
    assert remove_leftovers(tmp_path) == 0, "the file of a living run was taken away"
    process.kill()
    process.wait()
    process.stdout.close()
    assert path.read_text() == "old"
    assert len(os.listdir(tmp_path)) == 2
    write_atomic(tmp_path / "b.txt", b"next run")
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.txt"]


def test_what_a_pulled_drive_kept_goes_away_when_it_is_back(tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    drive.mkdir()
    (drive / "a.txt").write_bytes(b"old")

    def pull(target: Path) -> None:
        drive.rename(tmp_path / "pulled")

    with pytest.raises(WriteError, match=r"a\.txt"):
        write_atomic(drive / "a.txt", b"new", check=pull)
    with pytest.raises(WriteError, match="folder is gone"):
        write_atomic(drive / "b.txt", b"another")
    (tmp_path / "pulled").rename(drive)
    assert (drive / "a.txt").read_bytes() == b"old" and len(os.listdir(drive)) == 2, "the drive kept what it held"
    write_atomic(drive / "b.txt", b"another")
    assert sorted(os.listdir(drive)) == ["a.txt", "b.txt"]


def test_leftovers_of_other_computers_go_by_age_and_other_files_stay(tmp_path: Path) -> None:
    old, new = tmp_path / ".mqwen-0123abcd-1-89abcdef.tmp", tmp_path / ".mqwen-0123abcd-1-89abcde0.tmp"
    foreign = tmp_path / ".mqwen-notes.tmp"
    for path in (old, new, foreign):
        path.write_text("x")
        os.utime(path, (time.time() - 7200,) * 2)
    os.utime(new)
    assert remove_leftovers(tmp_path) == 1
    assert sorted(os.listdir(tmp_path)) == sorted([new.name, foreign.name])
