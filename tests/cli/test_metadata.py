"""`mqwen metadata`: what a user types, and what lies on the disk then."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(photos: Callable[..., Path]) -> Path:
    return photos("a.png", "b.png")


def rows(output: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.splitlines()]


def test_write_show_strip(folder: Path, inside: Run) -> None:
    before = (folder / "a.png").read_bytes()
    done = inside(
        *("metadata", "write", folder / "a.png", "--caption", "A dog.", "--language", "en"),
        *("--keyword", "dog", "--keyword", "Dog", "--keyword", "草", "--alt-text", "dog", "--caption-writer", "Jane"),
    )
    assert (done.returncode, done.stdout) == (0, f"{folder / 'a.png'}: written\n")
    done = inside("metadata", "show", folder / "a.png", "--json")
    (row,) = rows(done.stdout)
    assert row["caption"] == "A dog."
    assert row["captions"] == {"x-default": "A dog.", "en": "A dog."}
    assert row["keywords"] == ["dog", "草"]
    assert (row["alt_text"], row["caption_writer"], row["sidecars"]) == ("dog", "Jane", [])
    table = inside("metadata", "show", folder / "a.png", folder / "b.png").stdout
    assert table.splitlines()[1].split() == ["caption", "A", "dog."]
    assert "nothing" in table
    done = inside("metadata", "strip", "--ours", folder / "a.png", folder / "b.png")
    assert done.stdout == f"{folder / 'a.png'}: stripped\n{folder / 'b.png'}: unchanged\n"
    assert (folder / "a.png").read_bytes() == before


def test_modes(folder: Path, inside: Run) -> None:
    def caption(*options: object) -> object:
        assert inside("metadata", "write", folder / "a.png", *options).returncode == 0
        return rows(inside("metadata", "show", "--json", folder / "a.png").stdout)[0]["caption"]

    assert caption("--caption", "One.") == "One."
    assert caption("--caption", "Two.", "--mode", "append") == "One. Two."
    assert caption("--caption", "Three.", "--mode", "fill") == "One. Two."
    assert caption("--caption", "Three.") == "Three."
    assert caption("--caption", "") is None


def test_sidecars(folder: Path, inside: Run) -> None:
    before = (folder / "a.png").read_bytes()
    done = inside("metadata", "write", folder / "a.png", "--caption", "x", "--sidecar", "--naming", "stem", "--json")
    assert rows(done.stdout) == [
        {"path": str(folder / "a.png"), "status": "written", "file": str(folder / "a.xmp"), "reason": None}
    ]
    assert (folder / "a.png").read_bytes() == before
    (folder / "b.png").chmod(0o444)
    done = inside("metadata", "write", folder / "b.png", "--caption", "x")
    assert done.stdout == f"{folder / 'b.png.xmp'}: written, a sidecar because it is read-only\n"
    done = inside("metadata", "strip", "--ours", folder / "b.png")
    assert done.stdout == f"{folder / 'b.png.xmp'}: removed\n"
    assert sorted(os.listdir(folder)) == ["a.png", "a.xmp", "b.png"]


def test_times_are_kept_if_asked(folder: Path, inside: Run) -> None:
    os.utime(folder / "a.png", (10**9, 10**9))
    inside("metadata", "write", folder / "a.png", "--caption", "x", "--keep-mtime")
    assert os.stat(folder / "a.png").st_mtime == 10**9
    inside("metadata", "write", folder / "a.png", "--caption", "y")
    assert os.stat(folder / "a.png").st_mtime > 10**9


def test_one_bad_file_does_not_stop_the_others(folder: Path, inside: Run) -> None:
    done = inside("metadata", "write", folder / "missing.png", folder / "a.png", "--caption", "x", "--json")
    assert done.returncode == 1
    assert [row["status"] for row in rows(done.stdout)] == ["failed", "written"]
    assert f"{folder / 'missing.png'}: it cannot be read" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("write", "a.png"),
        ("write", "a.png", "--caption", "x", "--language", "not a tag"),
        ("write", "a.png", "--caption", "x", "--embed", "--sidecar"),
        ("strip", "a.png"),
        ("show",),
    ],
)
def test_usage(folder: Path, inside: Run, arguments: tuple[str, ...]) -> None:
    done = inside("metadata", *arguments)
    assert done.returncode == 2
    assert done.stderr


def test_exiftool_that_is_too_old_or_missing(folder: Path, inside: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MQWEN_EXIFTOOL", str(folder / "none"))
    done = inside("metadata", "show", "--exiftool", folder / "a.png")
    assert done.returncode == 2
    assert "ExifTool is not installed" in done.stderr


def test_bench_writes_into_copies_only(folder: Path, inside: Run) -> None:
    before = {path: (path.read_bytes(), os.stat(path).st_mtime_ns) for path in folder.iterdir()}
    done = inside("bench", "metadata", folder, "--json")
    assert done.returncode == 0, done.stderr
    (figures,) = rows(done.stdout)
    files = figures["files"]
    assert isinstance(files, dict)
    counts = {key: count for key, count in files["formats"]["png"].items() if count}
    assert counts == {"files": 2, "written": 2, "clean": 2}
    rates = figures["files_per_second"]
    assert isinstance(rates, dict) and len(rates) == 8 and all(rate > 0 for rate in rates.values())
    assert {path: (path.read_bytes(), os.stat(path).st_mtime_ns) for path in folder.iterdir()} == before
    assert inside("bench", "metadata", folder / "none").returncode == 2


def test_what_was_written_and_stripped_can_be_reverted(folder: Path, inside: Run) -> None:
    """Also what a person said, which `write` has put something else in the place of."""

    def files() -> dict[str, tuple[bytes, int]]:
        found = (path for path in folder.iterdir() if path.suffix in (".png", ".xmp"))
        return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}

    def runs() -> list[dict[str, object]]:
        return rows(inside("runs", "list", "--json").stdout)

    (folder / "b.png").chmod(0o444)  # gets a sidecar
    before = files()
    known = len(runs())
    write = ("metadata", "write", folder / "a.png", folder / "b.png", "--caption")
    assert inside(*write, "Grandma at the lake").returncode == 0
    first = files()
    assert {*first} == {"a.png", "b.png", "b.png.xmp"}
    assert inside(*write, "Somebody else").returncode == 0
    assert inside("metadata", "strip", "--ours", folder / "a.png", folder / "b.png").returncode == 0
    assert {name: data for name, (data, _) in files().items()} == {name: data for name, (data, _) in before.items()}
    stripped, second, made = (row["run"] for row in runs()[: len(runs()) - known])
    table = inside("runs", "show", second).stdout
    assert "metadata write" in table and "Somebody else" in table
    assert inside("revert", stripped).returncode == 0 and inside("revert", second).returncode == 0
    assert files() == first
    assert inside("revert", made, "--dry-run").returncode == 0 and files() == first
    assert inside("revert", made).returncode == 0
    assert files() == before
    assert inside("metadata", "write", folder / "a.png", "--keyword", "x", "--mode", "fill").returncode == 0
    assert inside("metadata", "write", folder / "a.png", "--keyword", "x", "--mode", "fill").returncode == 0
    assert len(runs()) == known + 4, "what changes nothing is no run"
