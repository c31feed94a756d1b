"""`mqwen bench desktop`: what the window costs with a large folder. The engine knows no window: a process of its own
measures, with the options given here."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from mqwen.cli.options import positive
from mqwen.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the benchmark to the parser of `mqwen bench`."""
    parser = commands.add_parser(
        "desktop",
        help="the window with a large folder",
        description="Open, scroll, caption, filter and sort a large folder in a window; tell stalls and memory.",
    )
    parser.add_argument("--photos", type=positive, default=100_000, metavar="N", help="how many (default: 100000)")
    parser.add_argument("--captions", type=positive, default=500, metavar="N", help="how many arrive (default: 500)")
    parser.add_argument("--screen", action="store_true", help="on the real screen instead of an invisible one")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure in another process; return its exit status."""
    if find_spec("PySide6") is None:
        raise InputError("the window is not installed", hint="Install mqwen with its desktop part: PySide6 is missing.")
    words = ["--photos", str(arguments.photos), "--captions", str(arguments.captions)]
    words += [f"--{name}" for name in ("screen", "json") if getattr(arguments, name)]
    return subprocess.run([sys.executable, "-m", "desktop.bench", *words], check=False).returncode
