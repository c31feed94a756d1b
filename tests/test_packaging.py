"""The distribution: what it needs, what it carries, and what importing it costs."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

COPYLEFT = ("GPL", "GNU")
# Debian's and Qt's wording of a choice, and licences whose name holds the letters.
ALLOWED = ("LGPL", "Lesser")
# PyPI's torch for Linux asks for NVIDIA's libraries, under NVIDIA's licence; the CPU build that is pinned does not.
CUDA = ("nvidia-", "cuda-", "triton")


def project(root: Path) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def closure(root: Path) -> dict[str, importlib.metadata.Distribution]:
    """Every distribution that mqwen[dev] asks for here, directly or not; not what a torch for CUDA brings along."""
    declared = project(root)
    extras = declared["optional-dependencies"]
    waiting = [Requirement(text) for text in declared["dependencies"] + extras["dev"] + extras["train"]]
    found: dict[str, importlib.metadata.Distribution] = {}
    seen: set[tuple[str, str]] = set()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name == "mqwen" or (name, extra := ",".join(sorted(requirement.extras))) in seen:
            continue
        seen.add((name, extra))
        if name.startswith(CUDA):
            continue
        found[name] = importlib.metadata.distribution(name)
        for text in found[name].requires or ():
            child = Requirement(text)
            contexts = [{"extra": wanted} for wanted in requirement.extras] or [{"extra": ""}]
            if child.marker is None or any(child.marker.evaluate(context) for context in contexts):
                waiting.append(child)
    return found


def pins(root: Path) -> dict[str, str]:
    lines = (root / "packaging" / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


def test_constraints_pin_every_dependency_to_the_version_under_test(root: Path) -> None:
    pinned = pins(root)
    installed = {name: Version(distribution.version).public for name, distribution in closure(root).items()}
    assert len(installed) > 40
    assert {name: pinned.get(name) for name in installed} == installed


def test_constraints_satisfy_what_pyproject_asks_for(root: Path) -> None:
    pinned, declared = pins(root), project(root)
    asked = declared["dependencies"] + [text for extra in declared["optional-dependencies"].values() for text in extra]
    for requirement in map(Requirement, asked):
        if requirement.name != "mqwen":
            assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement


def test_no_dependency_is_under_the_gpl_alone(root: Path) -> None:
    for name, distribution in closure(root).items():
        metadata = distribution.metadata
        stated = [metadata.get("License-Expression") or metadata.get("License") or ""]
        stated += [text for text in metadata.get_all("Classifier") or () if text.startswith("License ::")]
        assert any(stated), f"{name} states no licence"
        choices = [choice for text in stated for choice in text.split(" OR ")]
        free = [choice for choice in choices if choice and not _copyleft(choice)]
        assert free, f"{name}: {stated}"


def _copyleft(licence: str) -> bool:
    head = licence[:200]  # Some put the whole text here; its name comes first.
    return any(word in head for word in COPYLEFT) and not any(word in head for word in ALLOWED)


def modules_after(code: str, tmp_path: Path) -> set[str]:
    """Run code in a fresh interpreter; return the top-level modules it has then."""
    script = f"{code}\nimport sys, json\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


WALK = """
import importlib, pkgutil, {package}
for module in pkgutil.walk_packages({package}.__path__, "{package}."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""
HEAVY = {"torch", "transformers", "accelerate", "numpy"}


def test_import_mqwen_imports_nothing_heavy(tmp_path: Path) -> None:
    loaded = modules_after("import mqwen\nassert mqwen.__version__", tmp_path)
    assert "mqwen" in loaded
    assert not loaded & (HEAVY | {"PIL", "PySide6"})


@pytest.mark.parametrize("package", ["mqwen.cli", "desktop"])
def test_commands_and_window_import_no_torch(package: str, tmp_path: Path) -> None:
    loaded = modules_after(WALK.format(package=package), tmp_path)
    assert package.split(".")[0] in loaded
    assert not loaded & (HEAVY - {"numpy"})


def test_engine_never_imports_qt(tmp_path: Path) -> None:
    loaded = modules_after(WALK.format(package="mqwen"), tmp_path)
    assert "torch" in loaded  # the walk did reach the model
    assert not loaded & {"PySide6", "shiboken6", "desktop"}


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "-w", str(folder), str(root)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("mqwen-*.whl"))


def test_wheel_carries_the_packages_and_the_resources(wheel: Path, root: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"mqwen", "desktop", next(top for top in tops if top.endswith(".dist-info"))}
    resources = [path for path in (root / "resources").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {f"mqwen/_resources/{path.relative_to(root / 'resources').as_posix()}" for path in resources} <= names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    for package in ("mqwen", "desktop"):
        sources = (path.relative_to(root).as_posix() for path in (root / package).rglob("*.py"))
        assert set(sources) <= names


def test_installed_wheel_finds_its_resources(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site packages"
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        "--target",
        str(site),
        str(wheel),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # -P and the inserted path: the checkout must not be what is imported.
    script = f"import sys; sys.path.insert(0, {str(site)!r})\nimport mqwen; print(ascii(str(mqwen.resources_path())))"
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == ascii(str(site / "mqwen" / "_resources")), done.stderr
    assert (site / "mqwen" / "_resources" / "samples" / "cat.jpg").is_file()
    assert {"mqwen", "mqwen-desktop"} <= {path.stem for path in (site / "bin").iterdir()}
