"""packaging/dev.py and its parts: the version check, the environment's stamp, the system packages."""

from __future__ import annotations

import ast
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="stand-in programs are shell scripts")


@pytest.fixture
def modules(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """(environment, system_packages), imported as dev.py imports them."""
    monkeypatch.syspath_prepend(str(root / "packaging"))
    import environment
    import system_packages

    return environment, system_packages


def program(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


# --- dev.py itself


def old_python(root: Path, path: Path) -> subprocess.CompletedProcess[str]:
    """Run dev.py with a Python that says it is 3.10, and with PATH holding one folder."""
    script = (
        "import runpy, sys; sys.version_info = (3, 10, 0); sys.version = '3.10.0 (old)';"
        "sys.argv = [sys.argv[1], 'nonsense']; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", script, str(root / "packaging" / "dev.py")]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PATH": str(path)})


def test_old_python_is_told_in_one_line(root: Path, tmp_path: Path) -> None:
    done = old_python(root, tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "needs Python 3.11 or newer" in done.stderr and "3.10.0" in done.stderr


@posix
def test_old_python_hands_over_to_a_newer_one(root: Path, tmp_path: Path) -> None:
    program(tmp_path, "python3.12", "exit 1")  # as pyenv's shims for a version that is not there
    program(tmp_path, "python3.11", f'exec "{sys.executable}" "$@"')
    done = old_python(root, tmp_path)
    assert done.returncode == 2
    assert "usage: dev.py JOB" in done.stderr


def test_old_python_can_read_dev_py(root: Path) -> None:
    # Only the grammar: what stands after the version check never runs there.
    ast.parse((root / "packaging" / "dev.py").read_text(encoding="utf-8"), feature_version=(3, 6))


def test_makefile_and_dev_py_know_the_same_jobs(root: Path) -> None:
    phony = next(line for line in (root / "Makefile").read_text().splitlines() if line.startswith(".PHONY:"))
    done = subprocess.run([sys.executable, str(root / "packaging" / "dev.py")], capture_output=True, text=True)
    assert done.returncode == 2
    assert phony.split()[1:] == [line.split()[0] for line in done.stderr.splitlines()[1:]]


# --- the environment

WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
BACKEND = f"""
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "mqwen-0.1.0-py3-none-any.whl"
    metadata = "Metadata-Version: 2.1\\nName: mqwen\\nVersion: 0.1.0\\nProvides-Extra: dev\\n"
    with zipfile.ZipFile(wheel_directory + "/" + name, "w") as archive:
        archive.writestr("mqwen_stand_in.py", "")
        archive.writestr("mqwen-0.1.0.dist-info/METADATA", metadata)
        archive.writestr("mqwen-0.1.0.dist-info/WHEEL", {WHEEL!r})
        archive.writestr("mqwen-0.1.0.dist-info/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout under a path with a space and Chinese, whose torch is an empty wheel on disk; no network."""
    root = tmp_path / "my 照片"
    (root / "packaging").mkdir(parents=True)
    (root / "packaging" / "constraints.txt").write_text("torch==2.13.0\n")
    (root / "pyproject.toml").write_text(PROJECT)
    (root / "backend.py").write_text(BACKEND)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "torch-2.13.0-py3-none-any.whl", "w") as archive:
        info = "torch-2.13.0.dist-info/"
        archive.writestr(info + "METADATA", "Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0\n")
        archive.writestr(info + "WHEEL", WHEEL)
        archive.writestr(info + "RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("MQWEN_TORCH_INDEX", "")
    return root


def installed(python: Path) -> str:
    return subprocess.run([str(python), "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout


def test_environment_is_made_once_and_again_when_a_pin_changes(
    checkout: Path, modules: tuple[ModuleType, ModuleType], capfd: pytest.CaptureFixture[str]
) -> None:
    environment, _ = modules
    python = environment.ensure(checkout)
    assert "torch==2.13.0" in installed(python) and "mqwen" in installed(python)
    assert not (checkout / ".venv" / "mqwen-unfinished").exists()
    capfd.readouterr()

    kept = checkout / ".venv" / "kept"
    kept.touch()
    (checkout / "backend.py").unlink()  # a second install would fail
    assert environment.ensure(checkout) == python
    assert capfd.readouterr() == ("", "")

    (checkout / "backend.py").write_text(BACKEND)
    (checkout / "packaging" / "constraints.txt").write_text("torch==2.13.0\n# another set\n")
    environment.ensure(checkout)
    assert "Setting up" in capfd.readouterr().err
    assert kept.exists()  # brought up to date, not made anew


def test_interrupted_install_is_made_anew(checkout: Path, modules: tuple[ModuleType, ModuleType]) -> None:
    environment, _ = modules
    broken = checkout / "packaging" / "constraints.txt"
    broken.write_text("torch==9.9.9\n")
    with pytest.raises(SystemExit, match="The install stopped"):
        environment.ensure(checkout)
    half = checkout / ".venv" / "half-copied"
    half.touch()
    assert not (checkout / ".venv" / "mqwen-stamp").exists()
    broken.write_text("torch==2.13.0\n")
    assert "torch==2.13.0" in installed(environment.ensure(checkout))
    assert not half.exists()


def test_environment_that_was_killed_while_it_was_made_is_made_anew(
    checkout: Path, modules: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, _ = modules

    def killed(command: list[str], **options: Any) -> int:
        subprocess.run(command, check=True, **options)  # all is there: nothing but the mark tells
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(environment.subprocess, "call", killed)
        with pytest.raises(KeyboardInterrupt):
            environment.ensure(checkout)
    leftover = checkout / ".venv" / "leftover"
    leftover.touch()
    assert "mqwen" in installed(environment.ensure(checkout))
    assert not leftover.exists()


def test_a_moved_checkout_asks_for_a_new_install(checkout: Path, modules: tuple[ModuleType, ModuleType]) -> None:
    environment, _ = modules
    moved = checkout.with_name("elsewhere")
    before = environment.key(checkout)
    shutil.copytree(checkout, moved)
    assert environment.key(moved) != before
    assert environment.key(checkout) == before


def test_the_user_s_python_variables_stay_outside(
    modules: tuple[ModuleType, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, _ = modules
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    variables = environment.variables()
    assert not {"PYTHONPATH", "PYTHONHOME"} & set(variables)
    assert variables["PYTHONUTF8"] == "1"


# --- system packages


@pytest.fixture
def lacking(
    modules: tuple[ModuleType, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[ModuleType, Path]:
    """A Linux that lacks one library and one program, and whose PATH is one folder."""
    _, packages = modules
    needs = (packages.Need("libmqwen-none.so.7", "libmqwen-none7"), packages.Need("viewer", "viewer-apt", "viewer-dnf"))
    monkeypatch.setattr(packages, "NEEDS", {"test": (packages.Need("libc.so.6", "libc6"), *needs)})
    monkeypatch.setattr(packages.sys, "platform", "linux")
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return packages, folder


linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="system packages are a matter of Linux")


@linux
@pytest.mark.parametrize(
    ("manager", "line"),
    [
        ("apt-get", "sudo apt-get install libmqwen-none7 viewer-apt"),
        ("dnf", "sudo dnf install 'libmqwen-none.so.7()(64bit)' viewer-dnf"),
    ],
)
def test_user_without_rights_is_told_in_one_line(
    lacking: tuple[ModuleType, Path], manager: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages, folder = lacking
    program(folder, manager, "exit 99")
    program(folder, "sudo", "exit 1")  # asks for a password
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit) as caught:
        packages.ensure("test")
    assert str(caught.value).endswith(line)
    assert "\n" not in str(caught.value)


@linux
@pytest.mark.parametrize("user", [0, 1000])
def test_root_and_passwordless_sudo_install(
    lacking: tuple[ModuleType, Path], user: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packages, folder = lacking
    monkeypatch.setattr(packages, "NEEDS", {"test": (packages.Need("viewer", "viewer-apt"),)})
    log = tmp_path / "log"
    create = (
        f'[ "$1" = install ] && printf "#!/bin/sh\\n" > "{folder}/viewer" && /bin/chmod +x "{folder}/viewer"; exit 0'
    )
    program(folder, "apt-get", f'echo "apt-get $@ $DEBIAN_FRONTEND" >> "{log}"\n{create}')
    program(folder, "sudo", f'echo "sudo $1" >> "{log}"\nshift\n[ "$1" = true ] && exit 0\nexec /usr/bin/env "$@"')
    monkeypatch.setattr(os, "geteuid", lambda: user)
    packages.ensure("test")
    lines = log.read_text().splitlines()
    assert ("sudo -n" in lines) == (user == 1000)
    assert "apt-get update -qq noninteractive" in lines
    assert next(line for line in lines if "install" in line).endswith("viewer-apt noninteractive")
    log.unlink()
    packages.ensure("test")
    assert not log.exists()  # nothing is missing any more


@linux
def test_install_that_changes_nothing_is_an_error(
    lacking: tuple[ModuleType, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    packages, folder = lacking
    program(folder, "apt-get", "exit 0")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(SystemExit, match="Still missing after the install: libmqwen-none7 viewer-apt"):
        packages.ensure("test")


@linux
def test_unknown_distribution_gets_the_names(lacking: tuple[ModuleType, Path]) -> None:
    packages, _ = lacking
    with pytest.raises(SystemExit, match=r"your system's package manager: libmqwen-none\.so\.7 viewer$"):
        packages.ensure("test")


@linux
def test_a_window_opens_without_a_font_that_cannot_be_installed(
    lacking: tuple[ModuleType, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packages, folder = lacking
    font = packages.Need("NotoSansNowhere", "fonts-nowhere")
    monkeypatch.setattr(packages, "NEEDS", {"app": (font,), "test": (font,)})
    program(folder, "apt-get", "exit 99")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    packages.ensure("app")
    assert "sudo apt-get install fonts-nowhere" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="fonts-nowhere"):
        packages.ensure("test")
    monkeypatch.setattr(packages, "NEEDS", {"app": (font, packages.Need("viewer", "viewer-apt"))})
    with pytest.raises(SystemExit, match="viewer-apt"):
        packages.ensure("app")
    own = folder / "home" / ".local/share/fonts"
    own.mkdir(parents=True)
    (own / "NotoSansNowhere-Regular.ttc").touch()
    monkeypatch.setattr(packages.Path, "home", lambda: folder / "home")
    assert not font.missing()


def test_the_demo_captions_a_copy_of_the_samples(
    modules: tuple[ModuleType, ModuleType],
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    import dev

    environment, _ = modules
    monkeypatch.setattr(environment, "ensure", lambda _: Path(sys.executable))
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "own"))
    samples = {path: path.read_bytes() for path in (root / "resources" / "samples").iterdir()}
    assert dev.demo([]) == 0
    out = capfd.readouterr().out.splitlines()
    photos = [path.name for path in samples if path.suffix != ".md"]
    folder = Path(out[-1].rpartition(" are in ")[2])
    assert sorted(line.partition(": ")[0] for line in out[:-1]) == sorted(photos)
    for line in out[:-1]:
        name, _, caption = line.partition(": ")
        assert caption and (folder / name).with_suffix(".txt").read_text(encoding="utf-8").strip() == caption
    shutil.rmtree(folder)
    assert not (tmp_path / "own").exists()
    assert samples == {path: path.read_bytes() for path in (root / "resources" / "samples").iterdir()}


def test_the_demo_needs_no_system_package(modules: tuple[ModuleType, ModuleType]) -> None:
    _, packages = modules
    assert set(packages.NEEDS) == {"app", "test"}
    assert {need.name for need in packages.NEEDS["app"]} < {need.name for need in packages.NEEDS["test"]}
