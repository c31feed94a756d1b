"""`mqwen doctor`, and what the command says of itself."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mqwen import __version__


def test_doctor_tells_what_would_run_where(inside: Any, model: Path) -> None:
    done = inside("doctor", "--model", model)
    assert done.returncode == 0, done.stderr
    lines = dict(line.split(None, 1) for line in done.stdout.splitlines() if not line.startswith(" "))
    assert lines["mqwen"] == __version__
    assert lines["python"].startswith(platform.python_version())
    assert lines["torch"] == torch.__version__
    assert "free of" in lines["memory"] and "works on this processor" in lines["bfloat16"]
    assert f"{model}: 0." in done.stdout and "would run on" in done.stdout
    assert re.search(r"\(of .+ free, weights take .+, computing .+, each caption .+; up to \d+ captions", done.stdout)


def test_doctor_tells_what_is_wrong_with_a_model(inside: Any, model: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_bytes((model / "config.json").read_bytes())
    done = inside("doctor", "--model", broken)
    assert done.returncode == 1 and "does not run" in done.stdout


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["caption", "--help"], ["doctor", "--help"]])
def test_telling_of_itself_imports_nothing_heavy(root: Path, arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from mqwen.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'transformers', 'numpy', 'PIL', 'PySide6', 'huggingface_hub'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "mqwen" in done.stdout


def test_no_command_is_a_usage_error(inside: Any) -> None:
    done = inside()
    assert done.returncode == 2 and "usage: mqwen" in done.stderr
