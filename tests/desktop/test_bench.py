"""`mqwen bench desktop` as a user runs it, on a small folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

CHANGES = (
    *("sort oldest", "sort name", "select all", "clear filter, scattered selection", "sort, scattered selection"),
    *("theme", "list view", "find and replace", "find", "replace", "remove half", "close"),
)


def mqwen(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "mqwen", *words], env=environment, capture_output=True, text=True, timeout=400
    )


def test_measures_a_folder_and_every_caption_arrives():
    done = mqwen("bench", "desktop", "--photos", "600", "--captions", "20", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["photos"] == 600 and figures["captions landed"] == 20
    for phase in ("open", "scroll", "captions", "filter words", "filter names", *CHANGES):
        assert 0 <= figures[f"{phase} stall_p99_ms"] <= figures[f"{phase} stall_max_ms"]
    assert figures["open first_thumbnail_s"] > 0 and figures["captions per_s"] > 0
    assert figures["rss_peak_mb"] >= figures["rss_open_mb"] > 20


def test_the_command_line_alone_imports_no_qt():
    code = "import sys, mqwen.bench.desktop, mqwen.cli.bench; print([m for m in sys.modules if 'PySide6' in m])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stderr
