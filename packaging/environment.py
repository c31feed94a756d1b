"""The checkout's virtual environment: made once, with the pinned set, and again when what it rests on has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import system_packages

# Linux only: PyPI's torch for Linux brings several GB of CUDA libraries, which a machine without an NVIDIA GPU never
# uses. MQWEN_TORCH_INDEX names another index, or is empty for PyPI's own build.
CPU_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


def variables() -> dict[str, str]:
    """Return the process's environment for what runs in the virtual one; UTF-8 whatever the locale."""
    dropped = ("PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in dropped} | {"PYTHONUTF8": "1"}


def key(root: Path) -> str:
    """Return a digest of all that the environment depends on: another digest asks for an install."""
    digest = hashlib.sha256()
    for part in (root / "pyproject.toml", root / "packaging" / "constraints.txt"):
        digest.update(part.read_bytes())
    digest.update(f"{platform.python_version()} {platform.machine()} ".encode() + os.fsencode(root))
    return digest.hexdigest()


def interpreter(venv: Path) -> Path:
    """Return where a virtual environment has its Python."""
    return venv / "Scripts" / "python.exe" if sys.platform == "win32" else venv / "bin" / "python"


def ensure(root: Path) -> Path:
    """Make the environment if it is not there, complete and current; return its Python.

    The stamp is written last, and a mark stands while the install runs: what was interrupted is made anew.
    """
    venv = root / ".venv"
    stamp, unfinished = venv / "mqwen-stamp", venv / "mqwen-unfinished"
    python = interpreter(venv)
    wanted = key(root)
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Setting up {venv} (the first time it downloads some hundred MB)", file=sys.stderr, flush=True)
    stamp.unlink(missing_ok=True)
    if unfinished.exists() or not _works(python):
        _create(venv, unfinished)
    unfinished.touch()
    constraints = str(root / "packaging" / "constraints.txt")
    _pip(python, root, "install", "-c", constraints, "torch", *_torch_index())
    _pip(python, root, "install", "-c", constraints, "-e", ".[dev]")
    stamp.write_text(wanted)
    unfinished.unlink()
    return python


def _works(python: Path) -> bool:
    """Whether it is this Python's version and has pip."""
    version = ".".join(platform.python_version_tuple()[:2])
    probe = f"import sys, pip; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    return python.exists() and subprocess.run([str(python), "-c", probe], capture_output=True).returncode == 0


def _create(venv: Path, unfinished: Path) -> None:
    # Debian leaves ensurepip to a package of its own; without it venv makes half an environment and an error.
    if importlib.util.find_spec("ensurepip") is None:
        system_packages.ensure_ensurepip()
    shutil.rmtree(venv, ignore_errors=True)
    venv.mkdir()
    unfinished.touch()  # Already here: pip itself may be half there when this is interrupted.
    if subprocess.call([sys.executable, "-m", "venv", str(venv)], env=variables()) != 0:
        sys.exit(f"The virtual environment {venv} could not be made; the lines above say why.")


def _pip(python: Path, root: Path, *arguments: str) -> None:
    quiet = () if sys.stderr.isatty() else ("-q",)
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *quiet, *arguments]
    if subprocess.call(command, cwd=root, env=variables(), stdin=subprocess.DEVNULL) != 0:
        sys.exit("The install stopped; the lines above say why. The same command goes on with it.")


def _torch_index() -> list[str]:
    """Return pip's option for the index of torch's CPU build where that is the better one and answers."""
    index = os.environ.get("MQWEN_TORCH_INDEX", CPU_TORCH_INDEX)
    gpu = shutil.which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists()
    if not index or gpu or not sys.platform.startswith("linux"):
        return []
    try:
        urllib.request.urlopen(f"{index}/torch/", timeout=10).close()
    except OSError:  # a refused, cut or slow connection, and every HTTP error
        return []
    return ["--extra-index-url", index]
