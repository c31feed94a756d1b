"""Real processes of `mqwen caption` with a real tiny model, killed at any moment, and what is then found on the disk.

To load torch takes seconds: one process loads it and the model, and forks another for each run that is to be killed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from mqwen.library.catalog import Catalog
from mqwen.library.metadata.plan import read_photo
from mqwen.library.metadata.splice import container_of
from mqwen.library.revert import revert
from tests.scripted import look

PHOTOS = 24
_SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".gif", ".bmp")
_HUMAN = "my own words"


def forks() -> None:
    """The parent: load once, then for each line on stdin (arguments, file for stdout) run `mqwen` in a fork."""
    from mqwen.cli import main
    from mqwen.engine.captioner import Captioner

    loaded = Captioner.load(sys.argv[1], device="cpu")
    Captioner.load = classmethod(lambda cls, *arguments, **options: loaded)  # type: ignore[method-assign, assignment]
    print("ready", flush=True)
    for line in sys.stdin:
        arguments, output = json.loads(line)
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
            status = 70
            try:
                status = main.main(arguments)
            finally:
                os._exit(status)
        print(child, flush=True)
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)


class Server:
    """Starts runs in forks of one process. Use it in a `with`.

    Attributes:
        output: what the last one said on stdout.
    """

    def __init__(self, model: Path, root: Path, data: Path) -> None:
        self.output = data.with_suffix(".stdout")
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from tests.killing import forks; forks()", str(model)],
            env={**os.environ, "PYTHONPATH": str(root), "MQWEN_DATA_DIR": str(data)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.stderr: list[str] = []
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()
        if self._line() != "ready":
            raise AssertionError("".join(self.stderr))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)

    def run(self, arguments: list[str], kill_after: float | None = None) -> int:
        """Run `mqwen` with these arguments; kill -9 it after so many seconds. Return its exit status, -9 if killed."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([arguments, str(self.output)]) + "\n")
        self._process.stdin.flush()
        child = int(self._line())
        if kill_after is not None:
            timer = threading.Timer(kill_after, _kill, [child])
            timer.start()
        status = int(self._line())
        if kill_after is not None:
            timer.cancel()
        return status

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        self.stderr.extend(self._process.stderr)


def _kill(child: int) -> None:
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:  # it ended by itself
        return


@dataclass
class Found:
    """What the kills came to."""

    kills: int = 0
    at: Counter[str] = field(default_factory=Counter)  # how often what was left behind
    rounds: int = 0
    log: list[str] = field(default_factory=list)


def torture(
    model: Path, root: Path, folder: Path, kills: int, seed: int, tell: Callable[[str], None] = lambda line: None
) -> Found:
    """Kill runs over small folders until there were so many kills; check what is there after each, and at the end.

    Raises AssertionError where a file is not whole, a photo was captioned twice or not at all, something was left
    behind, or reverting does not bring back what was there.
    """
    chance, found = random.Random(seed), Found()
    data = folder / "data"
    with Server(model, root, data) as server:
        prepare(folder / "measured", -1)
        started = time.monotonic()
        assert server.run(command_for(folder / "measured", model, "skip")) == 0, "".join(server.stderr)
        duration = time.monotonic() - started
        tell(f"a whole run takes {duration:.2f} s")
        while found.kills < kills:
            photos = folder / f"round {found.rounds}"
            before = prepare(photos, found.rounds)
            existing = ("append", "skip", "stale", "overwrite-all")[found.rounds % 4]
            command = command_for(photos, model, existing)
            for _ in range(chance.randint(2, 5)):
                after = chance.random() * duration * 1.1
                done = done_photos(photos, data)
                status = server.run(command, kill_after=after)
                check_once(server.output, done)
                whole = check_whole(photos, before)
                if status != -signal.SIGKILL:
                    assert status == 0, "".join(server.stderr)
                    tell(f"round {found.rounds} ({existing}): ended before the kill at {after:.3f} s")
                    break
                found.kills += 1
                left = leftovers(photos)
                found.at.update(left or ["nothing"])
                tell(
                    f"kill {found.kills}: round {found.rounds} ({existing}) after {after:.3f} s, {whole} of {PHOTOS} "
                    f"photos written, left behind: {', '.join(sorted(left)) or 'nothing'}"
                )
                if is_done(photos, data):  # killed on its way out; the same command would be a new run
                    break
            if not is_done(photos, data):
                done = done_photos(photos, data)
                assert server.run(command) == 0, "".join(server.stderr)
                check_once(server.output, done)
            check_done(photos, before, data, existing)
            check_reverted(photos, before, data)
            tell(f"round {found.rounds} ({existing}): finished, each photo captioned once, reverted byte for byte")
            shutil.rmtree(photos)
            found.rounds += 1
    return found


def command_for(folder: Path, model: Path, existing: str) -> list[str]:
    command = ["caption", str(folder), "--model", str(model), "--max-new-tokens", "3"]
    return [*command, "--existing", existing, "--write", "txt,xmp,embed,jsonl", "--json"]


def is_done(folder: Path, data: Path) -> bool:
    """Tell whether the last run over a folder had come to its end."""
    with Catalog(data / "catalog.db") as catalog:
        return next((run.status == "done" for run in catalog.runs() if folder in run.roots), False)


def done_photos(folder: Path, data: Path) -> set[str]:
    """Return the photos of a folder whose captions the catalog has as written."""
    with Catalog(data / "catalog.db") as catalog:
        runs = [run.id for run in catalog.runs() if folder in run.roots]
        photos = {change.photo for run in runs for change in catalog.changes(run, state="confirmed")}
        return {str(photo.path) for number in photos if number and (photo := catalog.photo_by_id(number))}


def check_once(output: Path, done: set[str]) -> None:
    """Check that a run has captioned no photo that was done before."""
    lines = [json.loads(line) for line in output.read_text().splitlines(keepends=True) if line.endswith("\n")]
    again = {line["path"] for line in lines if line["status"] == "captioned"} & done
    assert not again, f"captioned twice: {again}"


def prepare(folder: Path, number: int) -> dict[str, tuple[bytes, int]]:
    """Write small photos of all formats, text of a person beside some; return all there is."""
    for index in range(PHOTOS):
        path = folder / f"{index}{_SUFFIXES[index % len(_SUFFIXES)]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        # No two rounds have the same pixels: the catalog would know these photos.
        colour = (index * 37 % 256, number * 91 % 256, number // 256 % 256)
        Image.new("RGB", (40, 30), colour).save(path)
        if index % 8 == 3:
            path.with_suffix(".txt").write_text(_HUMAN)
    (folder / "metadata.jsonl").write_text('{"file_name": "0.jpg", "text": "' + _HUMAN + '"}')
    for path in folder.iterdir():
        os.utime(path, (1_000_000, 1_000_000))
    return look(folder)


def leftovers(folder: Path) -> set[str]:
    return {"a temporary file" if path.suffix == ".tmp" else "a journal" for path in folder.glob(".mqwen-*")}


def check_whole(folder: Path, before: dict[str, tuple[bytes, int]]) -> int:
    """Check that every file that a reader may look at is whole; return how many photos have a .txt of ours."""
    written = 0
    for name, (data, _) in look(folder).items():
        path = folder / name
        if path.name.startswith(".mqwen-"):
            continue
        if path.suffix in _SUFFIXES:
            if data != before[name][0]:
                container = container_of(data)
                assert container.foreign(data) == container.foreign(before[name][0]), path
                assert read_photo(path)[path].caption, path
        elif path.suffix == ".txt":
            text = data.decode().removeprefix(f"{_HUMAN}, ")
            assert text == _HUMAN or len(text) == 3, f"{path}: {text!r}"
            written += text != _HUMAN
        elif path.suffix == ".jsonl":
            assert all(json.loads(line) for line in data.splitlines()), path
        else:
            assert path.suffix == ".xmp" and data.rstrip().endswith(b">"), path
            assert read_photo(path.with_suffix(""))[path].caption, path
    return written


def check_done(folder: Path, before: dict[str, tuple[bytes, int]], data: Path, existing: str) -> None:
    """Check that each photo is captioned, once, the same everywhere, and that nothing else is there."""
    assert not list(folder.glob(".mqwen-*")), "something was left behind"
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    assert len(rows) == len({row["file_name"] for row in rows}) == PHOTOS
    table = {row["file_name"]: row["text"] for row in rows}
    with Catalog(data / "catalog.db") as catalog:
        assert not catalog.pending()
        runs = [run.id for run in catalog.runs() if folder in run.roots]
        changes = Counter(
            (change.photo, change.target, change.file)
            for run in runs
            for change in catalog.changes(run, state="confirmed")
        )
        assert set(changes.values()) == {1}, "a photo was captioned twice"
        for name in before:
            photo = folder / name
            if photo.suffix not in _SUFFIXES:
                continue
            known = catalog.photo(photo)
            assert known is not None and known.state == "captioned", photo
            texts = {photo.with_suffix(".txt").read_text(), table[name]}
            texts |= {found.caption or "" for found in read_photo(photo).values()}
            if photo.suffix in (".gif", ".bmp"):  # these cannot hold any
                texts.discard("")
            ours = {text.removeprefix(f"{_HUMAN}, ") for text in texts} - {_HUMAN}
            assert len(ours) == 1 and len(ours.pop()) == 3, f"{photo}: {texts}"
            if existing == "append":
                assert (_HUMAN in before.get(photo.with_suffix(".txt").name, (b"", 0))[0].decode()) == (
                    photo.with_suffix(".txt").read_text().startswith(_HUMAN)
                )


def check_reverted(folder: Path, before: dict[str, tuple[bytes, int]], data: Path) -> None:
    """Take all runs over the folder back, the latest first, and compare."""
    with Catalog(data / "catalog.db") as catalog:
        for run in [run.id for run in catalog.runs() if folder in run.roots]:
            for result in revert(catalog, run):
                assert result.status == "restored", f"{result.file}: {result.reason}"
    assert look(folder) == before
