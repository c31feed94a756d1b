"""`mqwen bench NAME`: measure a part of MQwen on this machine."""

from __future__ import annotations

import argparse
import importlib
from importlib.util import find_spec
from typing import Any

_BENCHMARKS = {
    "caption": "pictures a second, with a model",
    "desktop": "the window with a large folder: stalls, memory, time to the first thumbnail",
    "library": "the catalog of a large library: scanning, looking up, searching",
    "metadata": "writing captions into photos: what is written, kept and refused, and how fast",
}


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    names = [name for name in _BENCHMARKS if find_spec(f"mqwen.bench.{name}")]
    parser = commands.add_parser(
        "bench",
        help="measure a part of MQwen on this machine",
        description="Measure a part of MQwen on this machine. `mqwen bench NAME --help` tells a benchmark's options.",
        epilog="; ".join(f"{name}: {_BENCHMARKS[name]}" for name in names),
    )
    parser.add_argument("name", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="its options")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run one benchmark, whose module is imported only now; return its exit status."""
    parser = argparse.ArgumentParser(prog="mqwen bench")
    module = importlib.import_module(f"mqwen.bench.{arguments.name}")
    module.add_parser(parser.add_subparsers(required=True, metavar="NAME"))
    options = parser.parse_args([arguments.name, *arguments.rest])
    status: int = options.run(options)
    return status
