"""A while of coverage-guided fuzzing for each container. Run by `make soak` where atheris is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = int(os.environ.get("MQWEN_SOAK_FUZZ_SECONDS", "120"))


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("container", ["jpeg", "png", "webp", "tiff", "sidecar"])
def test_coverage_guided(root: Path, tmp_path: Path, container: str) -> None:
    pytest.importorskip("atheris")
    command = [sys.executable, "-m", "tests.soak.fuzz", container, os.fspath(tmp_path / "corpus")]
    options = [f"-max_total_time={SECONDS}", "-timeout=20", "-max_len=60000"]
    environment = {**os.environ, "PYTHONPATH": os.fspath(root)}
    done = subprocess.run([*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    print(done.stderr.strip().splitlines()[-1])
