"""System libraries and programs that PyPI does not carry: which are missing, and how this machine gets them.

Lists: what Qt's platform plugins load, and what the tests use (tried on Debian 12). macOS and Windows need
nothing of it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """A shared library (``libX.so.N``), a program, or a font's file (``Noto...``), and which package brings it."""

    name: str
    apt: str
    dnf: str = ""

    @property
    def is_font(self) -> bool:
        return self.name.startswith("Noto")

    def missing(self) -> bool:
        if ".so." in self.name:
            try:
                ctypes.CDLL(self.name)
            except OSError:
                return True
            return False
        if self.is_font:
            return not any(any(folder.rglob(f"{self.name}*")) for folder in _font_folders())
        return shutil.which(self.name) is None

    def package(self, manager: str) -> str:
        """Return the package's name; dnf also takes a library by the name that programs load it by."""
        if manager == "apt-get":
            return self.apt
        return self.dnf or (f"{self.name}()(64bit)" if sys.maxsize > 2**32 else self.name)


def _font_folders() -> list[Path]:
    """Where fontconfig looks: the system's fonts and the user's own."""
    home = Path.home()
    return [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), home / ".local/share/fonts", home / ".fonts"]


QT = (
    Need("libEGL.so.1", "libegl1"),
    Need("libGL.so.1", "libgl1"),
    Need("libxkbcommon.so.0", "libxkbcommon0"),
    Need("libfontconfig.so.1", "libfontconfig1"),
    Need("libdbus-1.so.3", "libdbus-1-3"),
    Need("libglib-2.0.so.0", "libglib2.0-0"),
    Need("NotoSansCJK", "fonts-noto-cjk", "google-noto-sans-cjk-fonts"),
)
SCREEN = (
    Need("libX11-xcb.so.1", "libx11-xcb1"),
    Need("libxkbcommon-x11.so.0", "libxkbcommon-x11-0"),
    Need("libxcb-cursor.so.0", "libxcb-cursor0"),
    Need("libxcb-icccm.so.4", "libxcb-icccm4"),
    Need("libxcb-image.so.0", "libxcb-image0"),
    Need("libxcb-keysyms.so.1", "libxcb-keysyms1"),
    Need("libxcb-randr.so.0", "libxcb-randr0"),
    Need("libxcb-render-util.so.0", "libxcb-render-util0"),
    Need("libxcb-shape.so.0", "libxcb-shape0"),
    Need("libxcb-shm.so.0", "libxcb-shm0"),
    Need("libxcb-sync.so.1", "libxcb-sync1"),
    Need("libxcb-xfixes.so.0", "libxcb-xfixes0"),
    Need("libxcb-xkb.so.1", "libxcb-xkb1"),
)
VIRTUAL_SCREEN = (
    Need("Xvfb", "xvfb", "xorg-x11-server-Xvfb"),
    Need("xauth", "xauth", "xorg-x11-xauth"),
    Need("xdotool", "xdotool", "xdotool"),
    Need("openbox", "openbox", "openbox"),
)
# The recipe of the starter model draws with it.
DRAWING = (Need("NotoColorEmoji", "fonts-noto-color-emoji", "google-noto-color-emoji-fonts"),)
# The demo is not here: it opens no window.
NEEDS = {"app": QT + SCREEN, "test": QT + SCREEN + VIRTUAL_SCREEN + DRAWING}


def ensure(job: str) -> None:
    """Install what a job misses on Linux; where that may not be done, say in one line what to install, and stop."""
    if not sys.platform.startswith("linux"):
        return
    missing = [need for need in NEEDS[job] if need.missing()]
    try:
        if missing:
            _supply(missing)
    except SystemExit as unable:
        if job != "app" or any(need.missing() for need in missing if not need.is_font):
            raise
        print(f"{unable}\nWithout the font Chinese may not be readable; the window opens.", file=sys.stderr)


def _supply(missing: list[Need]) -> None:
    manager = _manager()
    if manager is None:
        sys.exit("Please install, by your system's package manager: " + " ".join(need.name for need in missing))
    _install(manager, [need.package(manager) for need in missing])
    still = [need.package(manager) for need in missing if need.missing()]
    if still:
        sys.exit(f"Still missing after the install: {' '.join(still)}")


def ensure_ensurepip() -> None:
    """Install the package that lets this Python make virtual environments (Debian and Ubuntu split it off)."""
    package = f"python3.{sys.version_info.minor}-venv"
    if _manager() != "apt-get":
        sys.exit(f"{sys.executable} lacks the module ensurepip: install Python's full package, or another Python.")
    _install("apt-get", [package])


def _manager() -> str | None:
    return next((name for name in ("apt-get", "dnf") if shutil.which(name)), None)


def _install(manager: str, packages: list[str]) -> None:
    quoted = " ".join(f"'{name}'" if "(" in name else name for name in packages)
    prefix = _privilege()
    if prefix is None:
        sys.exit(f"Please install what is missing, then start again: sudo {manager} install {quoted}")
    print(f"Installing with {manager}: {quoted}", file=sys.stderr, flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if manager == "apt-get":
        lock = ["-o", "DPkg::Lock::Timeout=300"]
        commands = [
            [*prefix, "apt-get", "update", "-qq"],
            [*prefix, "apt-get", "install", "-qq", "-y", "--no-install-recommends", *lock, *packages],
        ]
    else:
        commands = [[*prefix, "dnf", "install", "-q", "-y", *packages]]
    status = 0
    for command in commands:  # A failed update may still leave lists that are good enough.
        status = subprocess.call(command, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr)
    if status != 0:
        sys.exit(f"The install failed. Please run it yourself, then start again: sudo {manager} install {quoted}")


def _privilege() -> list[str] | None:
    """Return what goes before a command so that it may install: nothing for root, sudo without a password, or None."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0:
        return [sudo, "-n", "DEBIAN_FRONTEND=noninteractive"]
    return None
