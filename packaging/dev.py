"""Everything that a fresh machine needs, then the job: demo, test, app, lint, soak or clean.

    python3 packaging/dev.py demo          (Windows: py packaging/dev.py demo)

Standard library only, and no newer syntax than Python 3.6's: an old Python must get as far as the version check.
"""

import os
import shutil
import subprocess
import sys

if sys.version_info < (3, 11):  # noqa: UP036
    for name in ("python3.14", "python3.13", "python3.12", "python3.11"):
        newer = shutil.which(name)
        if newer and subprocess.call([newer, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            sys.exit(subprocess.call([newer] + sys.argv))
    sys.exit(f"MQwen needs Python 3.11 or newer, and {sys.executable} is {sys.version.split()[0]}. Install python3.11.")

import json
import signal
import tempfile
from pathlib import Path
from typing import Any

import environment
import system_packages

ROOT = Path(__file__).resolve().parent.parent


def start(python: Path, *arguments: str, data_folder: str = "", **options: Any) -> subprocess.Popen[str]:
    """Start the environment's Python in the checkout. From then on Ctrl+C is the job's affair: this process waits."""
    command = [str(python), *arguments]
    variables = environment.variables()
    if data_folder:
        variables["MQWEN_DATA_DIR"] = data_folder
    process = subprocess.Popen(command, cwd=ROOT, env=variables, encoding="utf-8", **options)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return process


def run(python: Path, *arguments: str) -> int:
    """Run the environment's Python in the checkout; return its exit status."""
    process = start(python, *arguments)
    status = process.wait()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return status


def demo(arguments: list[str]) -> int:
    """Caption a copy of the sample pictures with the starter model, on the CPU."""
    python = environment.ensure(ROOT)
    folder = Path(tempfile.mkdtemp(prefix="mqwen-demo-"))
    for source in sorted((ROOT / "resources" / "samples").iterdir()):
        if source.suffix != ".md":
            shutil.copyfile(source, folder / source.name)
    options = ("--model", "starter", "--device", "cpu", "--write", "txt", "--json", *arguments)
    captioned = 0
    with tempfile.TemporaryDirectory(prefix="mqwen-demo-catalog-") as data:  # the user's own knows nothing of a demo
        command = ("-m", "mqwen", "caption", str(folder), *options)
        process = start(python, *command, data_folder=data, stdout=subprocess.PIPE)
        for line in process.stdout or ():
            result = json.loads(line)
            print(f"{Path(result['path']).name}: {result['caption'] or result['reason']}", flush=True)
            captioned += result["status"] == "captioned"
        status = process.wait()
    if captioned:
        print(f"The pictures and their captions (.txt, one beside each picture) are in {folder}")
    else:
        shutil.rmtree(folder)
    return status


def test(arguments: list[str]) -> int:
    """Run the tests."""
    system_packages.ensure("test")
    # A file stays with one process: its tests share what is dear to make. More processes than four want much memory.
    spread = ("-n", "auto", "--maxprocesses", "4", "--dist", "loadfile")
    return run(environment.ensure(ROOT), "-m", "pytest", *spread, *arguments)


def soak(arguments: list[str]) -> int:
    """Run the long tests: thousands of pictures."""
    system_packages.ensure("test")
    return run(environment.ensure(ROOT), "-m", "pytest", "-m", "soak", "-s", *arguments)


def app(arguments: list[str]) -> int:
    """Open the window."""
    system_packages.ensure("app")
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        sys.exit("No screen here (DISPLAY and WAYLAND_DISPLAY are not set): start it from a desktop session.")
    return run(environment.ensure(ROOT), "-m", "desktop", *arguments)


def lint(arguments: list[str]) -> int:
    """Check style and types."""
    python = environment.ensure(ROOT)
    checks = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", "mqwen", "desktop", "packaging"))
    return max(run(python, "-m", *check, *arguments) for check in checks)


def clean(arguments: list[str]) -> int:
    """Remove the virtual environment and everything that was built."""
    for name in (".venv", "build", "dist", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"):
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for folder in [
        f for part in ("mqwen", "desktop", "packaging", "tests") for f in ROOT.glob(f"{part}/**/__pycache__")
    ]:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


JOBS = {job.__name__: job for job in (demo, test, app, lint, soak, clean)}


def main() -> int:
    if len(sys.argv) < 2 or sys.argv[1] not in JOBS:
        lines = [f"  {name:6} {job.__doc__}" for name, job in JOBS.items()]
        print("usage: dev.py JOB [ARGUMENTS]\n" + "\n".join(lines), file=sys.stderr)
        return 2
    for stream in (sys.stdout, sys.stderr):  # A console that lacks a character shows a ? and goes on.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    return JOBS[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
