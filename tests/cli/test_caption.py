"""`mqwen caption` as a user runs it: output, exit status, Ctrl+C, kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Photos = Callable[..., Path]
posix_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one other process")
KEYS = ["path", "status", "caption", "keywords", "reason", "seconds"]


def records(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_json_gives_one_object_a_photo_and_the_exit_status_tells_of_failures(
    inside: Any, model: Path, photos: Photos
) -> None:
    folder = photos("2.png", "10.png", "狗.png", "sub/a.png", ".hidden.png", "b-masklabel.png")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    done = inside("caption", folder, "--model", model, "--max-new-tokens", 6, "--json", "--batch-size", 2)
    assert done.returncode == 1, done.stderr
    lines = records(done.stdout)
    assert all(list(line) == KEYS for line in lines)
    by_name = {Path(line["path"]).relative_to(folder).as_posix(): line for line in lines}
    assert sorted(by_name) == ["10.png", "2.png", "cut.jpg", "sub/a.png", "狗.png"]
    assert by_name["cut.jpg"]["status"] == "failed" and by_name["cut.jpg"]["reason"]
    assert by_name["cut.jpg"]["caption"] is None
    assert "cut.jpg" in done.stderr and "4 captioned, 0 skipped, 1 failed" in done.stderr
    for name, line in by_name.items():
        if name != "cut.jpg":
            assert (line["status"], line["reason"], line["keywords"]) == ("captioned", None, [])
            assert (folder / name).with_suffix(".txt").read_text(encoding="utf-8") == line["caption"] != ""
    (folder / "cut.jpg").unlink()
    (folder / "2.txt").write_text("A person's words")
    kept = inside("caption", folder, "--model", model, "--existing", "stale", "--max-new-tokens", 6)
    assert "1 skipped: a person wrote or edited its text; only --existing overwrite-all" in kept.stderr
    again = inside("caption", folder, "--model", model, "--json")
    assert again.returncode == 0
    assert {line["status"] for line in records(again.stdout)} == {"skipped"}
    assert "talkative on" not in again.stderr, "a model was loaded for nothing"


def test_without_json_captions_are_on_stdout_and_the_rest_on_stderr(inside: Any, model: Path, photos: Photos) -> None:
    folder = photos("a.png", "b.png")
    done = inside(
        "caption", folder / "a.png", folder / "b.png", "--model", model, "--max-new-tokens", 4, "--write", "none"
    )
    assert done.returncode == 0, done.stderr
    a, b = sorted(done.stdout.splitlines())
    assert a.startswith(f"{folder / 'a.png'}: ") and b.startswith(f"{folder / 'b.png'}: ")
    assert "talkative on the processor" in done.stderr and "2/2 pictures" in done.stderr
    assert "memory: of " in done.stderr and "captions at a time" in done.stderr
    assert "\r" not in done.stderr and "\x1b" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.png"]


def test_the_same_captions_whatever_the_batch(inside: Any, model: Path, photos: Photos) -> None:
    folder = photos(*(f"{number}.png" for number in range(7)))
    runs = [
        inside(
            "caption", folder, "--model", model, "--max-new-tokens", 9, "--write", "none", "--json", "--batch-size", n
        )
        for n in (1, 7)
    ]
    first, second = ({line["path"]: line["caption"] for line in records(run.stdout)} for run in runs)
    assert first == second and len(first) == 7


def test_keywords_prompt_jsonl_and_flat_folders(inside: Any, model: Path, photos: Photos) -> None:
    folder = photos("a.png", "sub/b.png")
    arguments = ["--model", model, "--max-new-tokens", 8, "--style", "keywords", "--prompt", "What is {name} {x}?"]
    done = inside("caption", folder, *arguments, "--write", "jsonl", "--write", "caption", "--no-recursive", "--json")
    (line,) = records(done.stdout)
    assert line["caption"] == ", ".join(line["keywords"]) != ""
    (row,) = map(json.loads, (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines())
    assert row == {"file_name": "a.png", "text": line["caption"]}
    assert (folder / "a.caption").read_text(encoding="utf-8") == line["caption"]


def test_a_dry_run_writes_nothing_and_loads_nothing(
    inside: Any, model: Path, photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photos("a.png", "b.png")
    (folder / "b.txt").write_text("mine")
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "data"))
    done = inside("caption", folder, "--model", model, "--dry-run", "--json")
    assert done.returncode == 0
    assert [line["status"] for line in records(done.stdout)] == ["captioned", "skipped"]
    assert "talkative on" not in done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.png", "b.txt"]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "nonesuch"], "no model 'nonesuch'"),
        (["--device", "gpu"], "device 'gpu' is not known"),
        (["--write", "txt,exif"], "cannot write 'exif'"),
        (["--batch-size", "0"], "--batch-size"),
        (["--max-new-tokens", "many"], "--max-new-tokens"),
        (["--temperature", "-1"], "temperature"),
    ],
)
def test_what_cannot_start_has_status_2_and_one_clear_line(
    inside: Any, model: Path, photos: Photos, arguments: list[str], says: str
) -> None:
    folder = photos("a.png")
    done = inside("caption", folder, *([] if "--model" in arguments else ["--model", model]), *arguments)
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_empty_path_is_not_the_current_folder(
    inside: Any, model: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is not set leaves one on the command line."""
    folder = photos("a.png")
    monkeypatch.chdir(folder)
    done = inside("caption", "", "--model", model)
    assert done.returncode == 2 and "a path is empty" in done.stderr
    assert [path.name for path in folder.iterdir()] == ["a.png"]


def test_a_path_that_is_not_there_fails_and_an_empty_folder_is_said(
    inside: Any, model: Path, photos: Photos, tmp_path: Path
) -> None:
    done = inside("caption", tmp_path / "nowhere.jpg", photos("a.png"), "--model", model, "--max-new-tokens", 2)
    assert done.returncode == 1 and "nowhere.jpg" in done.stderr and "1 captioned" in done.stderr
    (empty := tmp_path / "empty").mkdir()
    done = inside("caption", empty, "--model", model)
    assert done.returncode == 0 and "no pictures" in done.stderr


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="file names are Unicode there")
def test_names_that_are_no_text_still_give_json(inside: Any, model: Path, photos: Photos) -> None:
    folder = photos("a.png")
    odd = os.path.join(os.fsencode(folder), b"\xff\n.png")
    os.rename(folder / "a.png", odd)
    done = inside("caption", folder, "--model", model, "--max-new-tokens", 2, "--json")
    (line,) = records(done.stdout)
    assert os.fsencode(line["path"]) == odd and line["status"] == "captioned"


def test_the_reader_of_the_output_may_go_away(start: Any, model: Path, photos: Photos) -> None:
    folder = photos(*(f"{number}.png" for number in range(9)))
    process = start("caption", folder, "--model", model, "--max-new-tokens", 3, "--json", "--batch-size", 1)
    assert json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.wait(120) == 1
    assert "Traceback" not in process.stderr.read()


def test_on_a_terminal_there_is_a_bar(start: Any, model: Path, photos: Photos) -> None:
    pty = pytest.importorskip("pty", reason="no pseudo-terminals here, as on Windows")
    folder = photos(*(f"{number}.png" for number in range(6)))
    ours, theirs = pty.openpty()
    process = start(
        "caption", folder, "--model", model, "--max-new-tokens", 40, "--batch-size", 1, "--json", stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # Linux says so when the last writer is gone
        assert process.wait(60) == 0
    os.close(ours)
    text = shown.decode()
    assert "\r\x1b[K[" in text and "images/s" in text and " left" in text
    assert "6/6 pictures" in text
    assert len(records(process.stdout.read())) == 6


def wait_for(stream: Any, words: str) -> str:
    """Read lines until one holds these words."""
    read = ""
    for line in stream:
        read += line
        if words in line:
            return read
    raise AssertionError(f"{words!r} did not come, only: {read}")


def sidecars(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.txt")}


@posix_signals
def test_the_first_ctrl_c_finishes_the_pictures_in_hand_and_keeps_them(
    inside: Any, start: Any, model: Path, photos: Photos
) -> None:
    folder = photos(*(f"{number}.png" for number in range(60)))
    arguments = ["caption", folder, "--model", model, "--max-new-tokens", 60, "--json"]
    process = start(*arguments, "--batch-size", 3)
    lines = [process.stdout.readline()]
    process.send_signal(signal.SIGINT)
    # Not communicate(): it passes over what readline() has read ahead.
    stdout, stderr = process.stdout.read(), process.stderr.read()
    assert process.wait(120) == 130, stderr
    assert "finishing the pictures in hand" in stderr and "what was written is kept" in stderr
    captioned = [line for line in records(lines[0] + stdout) if line["status"] == "captioned"]
    assert 1 <= len(captioned) < 60
    written = sidecars(folder)
    assert written == {Path(line["path"]).with_suffix(".txt").name: line["caption"] for line in captioned}
    rest = inside(*arguments)
    assert rest.returncode == 0
    statuses = [line["status"] for line in records(rest.stdout)]
    assert statuses.count("skipped") == len(captioned) and statuses.count("captioned") == 60 - len(captioned)
    assert {name: text for name, text in sidecars(folder).items() if name in written} == written
    assert inside(*arguments, "--existing", "overwrite-all").returncode == 0
    assert {name: text for name, text in sidecars(folder).items() if name in written} == written, "cut short"


@posix_signals
def test_the_second_ctrl_c_stops_at_once(start: Any, model: Path, photos: Photos) -> None:
    folder = photos("a.png", "b.png")
    # A hundred thousand tokens: it would take hours to finish the batch.
    process = start("caption", folder, "--model", model, "--max-new-tokens", 100_000)
    wait_for(process.stderr, "talkative on the processor")
    process.send_signal(signal.SIGINT)
    wait_for(process.stderr, "finishing the pictures in hand")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "Traceback" not in process.stderr.read()
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.png"]


def test_a_killed_run_leaves_whole_files_and_goes_on(inside: Any, start: Any, model: Path, photos: Photos) -> None:
    folder = photos(*(f"{number}.png" for number in range(40)))
    arguments = [
        "caption",
        folder,
        "--model",
        model,
        "--max-new-tokens",
        12,
        "--json",
        "--write",
        "txt",
        "--write",
        "jsonl",
    ]
    process = start(*arguments, "--batch-size", 1)
    lines = [process.stdout.readline() for _ in range(7)]
    process.kill()
    stdout = process.stdout.read()
    process.wait()  # a dead process that nobody asked after counts as alive
    told = {line["path"]: line["caption"] for line in records("".join(lines) + stdout)}
    written = sidecars(folder)
    assert all(text and len(text) == 12 for text in written.values())
    assert all(written[Path(path).with_suffix(".txt").name] == text for path, text in told.items())
    rest = inside(*arguments)
    assert rest.returncode == 0, rest.stderr
    assert sum(line["status"] == "captioned" for line in records(rest.stdout)) in (40 - len(told), 39 - len(told))
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    table = {row["file_name"]: row["text"] for row in rows}
    assert len(table) == len(rows) == 40
    assert {name.replace(".txt", ".png"): text for name, text in sidecars(folder).items()} == table
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".mqwen")]


@pytest.mark.skipif(sys.platform == "win32", reason="mounts a small disk, as Linux does")
def test_a_full_disk_has_status_1_and_keeps_the_rest(inside: Any, model: Path, photos: Photos, tmp_path: Path) -> None:
    folder = photos(*(f"{number}.png" for number in range(20)))
    (small := tmp_path / "disk").mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk needs the right to mount one: {mounted.stderr.decode().strip()}")
    try:
        for photo in folder.iterdir():
            os.symlink(photo, small / photo.name)
        (small / "ballast").write_bytes(bytes(60_000))
        done = inside("caption", small, "--model", model, "--max-new-tokens", 5, "--json", "--batch-size", 4)
        assert done.returncode == 1, done.stderr
        assert "no space left" in done.stderr and "what was written is kept" in done.stderr
        captioned = [line for line in records(done.stdout) if line["status"] == "captioned"]
        assert 0 < len(captioned) < 20
        assert sidecars(small) == {Path(line["path"]).with_suffix(".txt").name: line["caption"] for line in captioned}
    finally:
        subprocess.run(["umount", small], check=True)


def test_nothing_asks_the_network(root: Path, model: Path, photos: Photos) -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): raise SystemExit('the network was asked')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "from mqwen.cli.main import main\n"
        "photo, model = sys.argv[1:]\n"
        "assert main(['caption', photo, '--model', model, '--max-new-tokens', '2']) == 0\n"
        "sys.exit(main(['caption', photo, '--model', 'owner/not-downloaded']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, photos("a.png"), model],
        env={key: value for key, value in os.environ.items() if not key.endswith("_OFFLINE")},
        cwd=root,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 2, done.stderr
    assert "1 captioned" in done.stderr and "no model 'owner/not-downloaded'" in done.stderr


def test_the_starter_says_once_what_it_is(inside: Any, model: Path, photos: Photos, tmp_path: Path) -> None:
    starter = shutil.copytree(model, tmp_path / "starter")
    config = json.loads((starter / "config.json").read_text())
    (starter / "config.json").write_text(json.dumps({**config, "mqwen_starter": True}))
    folder = photos("a.png", "b.png", "c.png")
    done = inside("caption", folder, "--model", starter, "--max-new-tokens", 2, "--batch-size", 1)
    assert done.stderr.count("knows drawings only") == 1 and "--model" in done.stderr
    assert "knows drawings only" not in done.stdout
    assert "knows drawings only" not in inside("ask", folder / "a.png", "What?", "--model", model).stderr


def test_the_real_starter_captions_the_samples(inside: Any, root: Path, tmp_path: Path) -> None:
    if not (root / "resources" / "starter" / "config.json").is_file():
        pytest.skip("resources/starter is not there yet")
    folder = shutil.copytree(root / "resources" / "samples", tmp_path / "samples")
    done = inside("caption", folder, "--json")
    lines = records(done.stdout)
    assert done.returncode == 0 and len(lines) >= 12, done.stderr
    assert all(line["caption"] and len(line["caption"].split()) > 2 for line in lines)
    assert done.stderr.count("knows drawings only") == 1
