"""Real processes of `mqwen` with a tiny random model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mqwen.cli.main import main
from tests.talkative import talkative

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that always answers, in letters, as long as it may."""
    return talkative(tmp_path_factory.mktemp("models") / "talkative")


@pytest.fixture
def photos(tmp_path: Path) -> Callable[..., Path]:
    """Write small PNGs of these names into a new folder and return it."""

    def make(*names: str) -> Path:
        folder = tmp_path / "photos"
        for number, name in enumerate(names):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (number * 37 % 256, number * 91 % 256, 99)).save(path, "PNG")
        return folder

    return make


@pytest.fixture
def inside(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `mqwen ...` in this process: for what does not depend on processes, and takes a second instead of ten."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse
            status = int(end.code or 0)
        return subprocess.CompletedProcess(arguments, status, *capfd.readouterr())

    return run


@pytest.fixture
def start(root: Path) -> Any:
    """Start `mqwen ...` and return the process; it is killed at the end of the test if it still runs."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: object, **options: Any) -> subprocess.Popen[str]:
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        if os.name == "posix":  # a script's background job ignores Ctrl+C, and so would its children
            streams["preexec_fn"] = _hear_ctrl_c
        process = subprocess.Popen(command(*arguments), env=environment(root), text=True, encoding="utf-8", **streams)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _hear_ctrl_c() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "mqwen.cli.main", *map(str, arguments)]


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"}
