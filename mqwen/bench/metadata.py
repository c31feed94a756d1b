"""`mqwen bench metadata [FOLDER]`: captions written into copies of photos: how many, how cleanly, how fast.

The photos themselves are only read: everything is written into a temporary folder, best on the disk in question.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mqwen.cli.options import positive
from mqwen.errors import InputError, MqwenError
from mqwen.library.atomic import sync_folder, write_all
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.fields import Edit, Provenance
from mqwen.library.metadata.plan import plan_embed, read_photo
from mqwen.library.metadata.xmp_sidecar import RAW_SUFFIXES
from mqwen.library.scan import is_photo_name, scan

_EDIT = Edit(
    caption="Two dogs run over a meadow in the evening light. 两只狗在傍晚的草地上奔跑。",
    language="en",
    keywords=("dog", "meadow", "evening", "狗"),
    alt_text="Two dogs on a meadow",
    provenance=Provenance("bench", "0" * 16),
    modes={"keywords": "append"},
)
_MADE = 40  # photos of about 3 MB, where no folder is given


def add_parser(commands: Any) -> None:
    """Add the benchmark to the parser of `mqwen bench`."""
    parser = commands.add_parser(
        "metadata",
        help="writing captions into photos",
        description="Write captions into copies of a folder's photos (by default, into made-up JPEGs of about 3 MB): "
        "how many were written, are clean (pixels and all foreign bytes identical), were refused; and files a second.",
    )
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="photos to copy")
    parser.add_argument("--most", type=positive, default=2000, metavar="N", help="photos at most (default: 2000)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where the copies are made (default: temporary files)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the figures; return 1 if a written file is not clean."""
    with tempfile.TemporaryDirectory(prefix="mqwen-bench-", dir=arguments.work) as name:
        work = Path(name)
        if arguments.folder is None:
            photos = _make(work / "made", _MADE)
        else:
            photos = [path for path, _ in zip(_photos(arguments.folder), range(arguments.most), strict=False)]
        if not photos:
            raise InputError("there is no photo in it", path=arguments.folder)
        figures = {"files": survey(photos, work), "files_per_second": speed(photos, work)}
    print(json.dumps(figures, ensure_ascii=False)) if arguments.json else _print(figures)
    return 1 if any(row["written"] != row["clean"] for row in figures["files"]["formats"].values()) else 0


def survey(photos: Iterable[Path], work: Path) -> dict[str, Any]:
    """Write into a copy of each photo and compare; return counts by format and by reason."""
    formats: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: Counter[str] = Counter()
    damaged: list[str] = []
    for photo in photos:
        copy = _copy(photo, work / "one")
        counts = formats[photo.suffix.lower().lstrip(".") or "none"]
        counts["files"] += 1
        try:
            planned = plan_embed(copy, _EDIT)
            for change in planned:
                if change.after is not None:
                    commit(change.path, change.after, change.stat_at_read)
            where = planned[0].path
            same = _pictures(photo) == _pictures(copy) and read_photo(copy)[where].caption == _EDIT.caption
            if where == copy:
                counts["written"] += 1
                counts["clean"] += same
            else:
                counts["sidecar"] += 1
                counts["sidecar, decodable"] += _pictures(photo) is not None
                reasons[planned[0].reason or ""] += 1
                same = same and copy.read_bytes() == photo.read_bytes()
            if not same:
                damaged.append(str(photo))
        except (Refusal, MqwenError) as error:
            counts["failed"] += 1
            reasons[error.reason if isinstance(error, Refusal) else error.what] += 1
        shutil.rmtree(work / "one")
    return {
        "formats": {name: {key: counts[key] for key in _COLUMNS} for name, counts in sorted(formats.items())},
        "reasons": dict(reasons.most_common()),
        "damaged": damaged,
    }


_COLUMNS = ("files", "written", "clean", "sidecar", "sidecar, decodable", "failed")


def speed(photos: list[Path], work: Path) -> dict[str, float]:
    """Return files a second: captions written and proved, and the disk's own limit, by threads and fsync."""
    figures = {}
    for threads in (1, 4):
        for synced in (True, False):
            for name, one in (("captioned", _write), ("copied", _copy_over)):
                copies = [_copy(photo, work / "many" / str(number)) for number, photo in enumerate(photos)]
                os.sync() if hasattr(os, "sync") else None
                with _fsync(synced), ThreadPoolExecutor(threads) as pool:
                    start = time.perf_counter()
                    done = sum(pool.map(one, copies))
                    seconds = time.perf_counter() - start
                label = f"{name}, {threads} thread{'s' * (threads > 1)}, {'with' if synced else 'without'} fsync"
                figures[label] = round(done / seconds, 2)
                shutil.rmtree(work / "many")
    return figures


def _write(path: Path) -> int:
    try:
        for change in plan_embed(path, _EDIT):
            if change.after is not None:
                commit(change.path, change.after, change.stat_at_read)
    except (Refusal, MqwenError):
        return 0
    return 1


def _copy_over(path: Path) -> int:
    """Read, write, sync and rename: what no way of writing safely can do without."""
    data = path.read_bytes()
    temporary = path.with_name("temporary")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0))
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(temporary, path)
    sync_folder(path.parent)
    return 1


@contextmanager
def _fsync(synced: bool) -> Iterator[None]:
    """Leave out each fsync of this process, to see what it costs."""
    real = os.fsync
    try:
        if not synced:
            os.fsync = _no_fsync
        yield
    finally:
        os.fsync = real


def _no_fsync(fd: Any) -> None:
    pass


def _photos(folder: Path) -> Iterator[Path]:
    """Yield what is captioned, and the raw photos besides, which have sidecars."""
    if not folder.is_dir():
        raise InputError("it is not a folder", path=folder)
    yield from scan(folder)
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in RAW_SUFFIXES and not is_photo_name(path.name):
            yield path


def _copy(photo: Path, folder: Path) -> Path:
    folder.mkdir(parents=True)
    copy = folder / photo.name
    shutil.copyfile(photo, copy)
    return copy


def _pictures(path: Path) -> list[tuple[str, tuple[int, int], bytes]] | None:
    """Return the decoded pixels of each frame; None where Pillow cannot decode it."""
    from PIL import Image, ImageSequence

    try:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            return [(frame.mode, frame.size, frame.tobytes()) for frame in ImageSequence.Iterator(image)]
    except Exception:  # whatever a decoder raises: both files then have to be undecodable
        return None


def _make(folder: Path, count: int) -> list[Path]:
    import numpy as np
    from PIL import Image

    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (1000, 1400, 3), dtype=np.uint8)
    picture = io.BytesIO()
    Image.fromarray(noise).save(picture, "JPEG", quality=92)
    photos = [folder / f"{number}.jpg" for number in range(count)]
    for photo in photos:
        photo.write_bytes(picture.getvalue())
    return photos


def _print(figures: dict[str, Any]) -> None:
    files = figures["files"]
    print("format  " + "  ".join(_COLUMNS))
    rows = {**files["formats"], "all": Counter()}
    for row in files["formats"].values():
        rows["all"].update(row)
    for name, row in rows.items():
        print(f"{name:<8}" + "  ".join(f"{row[key]:>{len(key)}}" for key in _COLUMNS))
    for reason, count in files["reasons"].items():
        print(f"{count:>6}  {reason}")
    for photo in files["damaged"]:
        print(f"NOT CLEAN: {photo}", file=sys.stderr)
    for label, rate in figures["files_per_second"].items():
        print(f"{rate:>8.1f} files/s  {label}")
