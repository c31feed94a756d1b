"""`mqwen bench library`: what the catalog of a large library costs.

A library of tiny real files is made in a temporary folder, with captions like real ones, and everything that a run or
the window asks of the catalog is timed on it. Each file is a PNG of one pixel row with an identity of its own.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mqwen.cli.options import positive
from mqwen.library import conditions
from mqwen.library.catalog import Catalog
from mqwen.library.records import Before, PhotoUpdate
from mqwen.library.scan import scan

_A_FOLDER = 500
_LOOKUPS = 2000
_TEXT = """
a the red blue small large old young dog cat car boat house tree river mountain street market child woman
man person people standing sitting running holding looking near under behind beside on with and in of at
sunny cloudy snow rain evening morning table chair window door bridge train bicycle flower garden beach sea
sky lamp book
"""
_WORDS = _TEXT.split()
_HAN = "一辆红色汽车停在街道上旁边有两个孩子和小狗蓝天白云下的房子前面坐着老人山水树木花园桥梁船只海滩夜晚灯光市场"


def add_parser(commands: Any) -> None:
    """Add the benchmark to the parser of `mqwen bench`."""
    parser = commands.add_parser(
        "library",
        help="the catalog of a large library",
        description="Make a library of tiny files in a temporary folder and time what the catalog does with it.",
    )
    parser.add_argument("--photos", type=positive, default=100_000, metavar="N", help="how many (default: 100000)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the figures, return 0."""
    figures = measure(arguments.photos, lambda text: print(text, file=sys.stderr, flush=True))
    if arguments.json:
        print(json.dumps(figures))
        return 0
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:<{width}}  {figure:,.4g}" if isinstance(figure, float) else f"{name:<{width}}  {figure:,}")
    return 0


def measure(photos: int, say: Callable[[str], None]) -> dict[str, float | int]:
    """Return the figures of a library of so many photos.

    Seconds are given twice, by the clock and of the processor: on a machine with other work only the latter are ours.
    """
    figures: dict[str, float | int] = {"photos": photos}

    @contextmanager
    def timed(name: str) -> Iterator[None]:
        start, processor = time.perf_counter(), time.process_time()
        yield
        figures[f"{name} wall_s"] = time.perf_counter() - start
        figures[f"{name} cpu_s"] = time.process_time() - processor
        say(f"{name}: {figures[f'{name} wall_s']:.2f} s, {figures[f'{name} cpu_s']:.2f} s of the processor")

    with tempfile.TemporaryDirectory(prefix="mqwen-bench-") as temporary:
        root = Path(temporary)
        say(f"making {photos} files in {root}")
        paths = [_make(root / "photos", number) for number in range(photos)]
        rng = random.Random(0)
        with Catalog(root / "catalog.db") as catalog:
            with timed("first scan"):
                seen = sum(1 for _ in catalog.observe_many(scan(root / "photos")))
            figures["photos_seen"] = seen
            with timed("all captions"):
                for start in range(0, photos, 500):
                    catalog.update(*(_caption(path, rng) for path in paths[start : start + 500]))
        with Catalog(root / "catalog.db") as catalog:
            with timed("unchanged scan"):
                known = sum(1 for photo in catalog.observe_many(scan(root / "photos")) if photo.captions)
            with timed("unchanged scan, one by one"):
                known += sum(1 for photo in map(catalog.observe, scan(root / "photos")) if photo.captions)
            figures["photos_known"] = known // 2
            sample = rng.sample(paths, min(_LOOKUPS, photos))
            figures |= _latencies("lookup", lambda path: catalog.photo(path), sample)
            queries = ["red dog", "bridge", "汽车", "车", "红色", '"old man"', "mount*", "a", "蓝天白云"]
            for query in queries:
                figures |= _latencies(f"search {query}", lambda query: catalog.search(query, 50), [query] * 5)
            figures |= _latencies("count by state", lambda _: catalog.count(conditions.state("captioned")), [0] * 5)
            figures |= _latencies("risk queue", lambda _: catalog.find(order="risk", limit=100), [0] * 5)
            figures |= _latencies("keyword completion", lambda text: catalog.keywords(text, 10), ["r", "mo", "b"] * 2)
            figures |= _latencies("stats", lambda _: catalog.stats(), [0] * 3)
            figures |= _arrivals(catalog, sample[:300], rng)
            figures |= _latencies("edit", lambda path: catalog.set_caption(path, "By hand.", "en"), sample[:100])
            figures |= _latencies("undo", lambda _: catalog.undo(), [0] * 100)
            with timed("verify"):
                figures["problems"] = len(catalog.verify())
            figures["catalog_bytes"] = catalog.stats().file_bytes
    return figures


def _make(folder: Path, number: int) -> Path:
    """Write a small PNG that no other number gives."""
    place = folder / f"{number // _A_FOLDER:04d}"
    if number % _A_FOLDER == 0:
        place.mkdir(parents=True)
    pixels = zlib.compress(b"\0" + struct.pack(">II", number, ~number & 0xFFFFFFFF) + bytes(16))
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", 8, 1, 8, 2, 0, 0, 0), b"IDAT" + pixels, b"IEND")
    framed = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    path = place / f"IMG_{number:06d}.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + framed)
    return path


def _caption(path: Path, rng: random.Random) -> PhotoUpdate:
    english = " ".join(rng.choices(_WORDS, k=18)).capitalize() + "."
    chinese = "".join(rng.choices(_HAN, k=24)) + "。"
    return PhotoUpdate(
        path,
        captions={"en": english, "zh": chinese},
        keywords=rng.sample(_WORDS, 6),
        model="bench",
        fingerprint="bench",
        logprob=-rng.random(),
        written={"txt": "0" * 64},
    )


def _arrivals(catalog: Catalog, paths: list[Path], rng: random.Random) -> dict[str, float | int]:
    """Time what one caption costs the catalog when it arrives, undo record and all, and the window that follows."""
    run = catalog.begin_run({"model": "bench"}, [])
    before = Before(b"x" * 2000, "0" * 64, 0, 0o644)
    revision = max(photo.revision for photo in catalog.find(order="changed", limit=1))

    def arrive(path: Path) -> None:
        change = catalog.intend(run, path, "txt", path.with_suffix(".txt"), before, "1" * 64)
        catalog.confirm(change, photo=_caption(path, rng))

    def follow(_: Path) -> None:
        nonlocal revision
        for photo in catalog.changed_since(revision):
            revision = photo.revision

    figures = _latencies("caption arrives", arrive, paths)
    figures |= _latencies("window follows", follow, paths[:20])
    catalog.end_run(run, "done", {"captioned": len(paths)})
    return figures


def _latencies(name: str, call: Callable[[Any], object], arguments: list[Any]) -> dict[str, float | int]:
    """Return the median and the longest time of a call, and its mean on the processor."""
    took = []
    processor = time.process_time()
    for argument in arguments:
        start = time.perf_counter()
        call(argument)
        took.append((time.perf_counter() - start) * 1000)
    took.sort()
    return {
        f"{name} median_ms": took[len(took) // 2],
        f"{name} worst_ms": took[-1],
        f"{name} cpu_ms": (time.process_time() - processor) * 1000 / len(took),
    }
