"""Thousands of pictures through `mqwen caption`: the memory of the process does not grow. Run by `make soak`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.talkative import talkative

PICTURES = int(os.environ.get("MQWEN_SOAK_PICTURES", "2000"))
# What the allocator's habits move up and down over a run; a leak of one small picture each would be 80 MB.
ALLOWED_MB = 24


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_memory_is_flat_over_a_long_run(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(PICTURES):
        colours = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(colours).resize((160, 120)).save(folder / f"{number}.jpg")
    starter = root / "resources" / "starter"
    model = starter if (starter / "config.json").is_file() else talkative(tmp_path / "model")
    command = [sys.executable, "-m", "mqwen.cli.main", "caption", folder, "--model", model, "--json"]
    process = subprocess.Popen(
        [*command, "--max-new-tokens", "24", "--write", "txt", "--write", "jsonl"],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None and process.stderr is not None
    rss: dict[int, float] = {}
    for count, line in enumerate(process.stdout, 1):
        assert json.loads(line)["status"] == "captioned"
        percent = 100 * count // PICTURES
        if percent in (10, 25, 50, 75) or percent >= 99:
            # After its last line the process may end before it is looked at: then the look before stands.
            with suppress(psutil.Error):
                if size := psutil.Process(process.pid).memory_info().rss:
                    rss[100 if percent >= 99 else percent] = size / 1e6
    stderr = process.stderr.read()
    assert process.wait(60) == 0, stderr
    speed = next(part for part in stderr.split(", ") if part.endswith("images/s"))
    table = ", ".join(f"{percent} %: {size:.1f} MB" for percent, size in rss.items())
    print(f"\n{PICTURES} pictures with {model.name}: RSS at {table}; {speed.splitlines()[-1]}")
    assert rss[100] - rss[10] < ALLOWED_MB
