"""Where the files that ship with MQwen lie: the starter model, sample pictures, icons."""

from __future__ import annotations

from pathlib import Path

from mqwen.errors import MqwenError


def resources_path() -> Path:
    """Return the folder that holds ``starter/`` and ``samples/``.

    An installed wheel carries it inside the package, as ``mqwen/_resources``; a checkout (and so an editable install)
    has it beside the package, as ``resources``.

    Raises:
        MqwenError: neither is there; the installation is incomplete.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "_resources", package.parent / "resources"):
        if folder.is_dir():
            return folder
    raise MqwenError(
        "the folder of the starter model and the sample pictures is missing",
        path=package / "_resources",
        hint="Install mqwen again.",
    )
