"""Where models are on this machine. Nothing here uses the network."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import platformdirs

from mqwen.errors import CheckpointError
from mqwen.resources import resources_path

STARTER = "starter"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def models_folder() -> Path:
    """Return the folder in the user's data directory where models are looked for by name; it need not exist."""
    return Path(platformdirs.user_data_dir("mqwen", appauthor=False)) / "models"


def installed_models() -> list[str]:
    """Return the names that find_model() knows here: the starter, then `name` and `owner/name` in models_folder()."""
    names = [STARTER] if (resources_path() / STARTER / "config.json").is_file() else []
    root = models_folder()
    found = {config.parent for depth in ("*", "*/*") for config in root.glob(f"{depth}/config.json")}
    return names + sorted(folder.relative_to(root).as_posix() for folder in found)


def find_model(name: str | Path) -> Path:
    """Return the folder of a model.

    Args:
        name: "starter", a model folder, the name of one in models_folder(), or a hub id (`owner/name`) that is
            downloaded already, into models_folder() or into Hugging Face's own cache.

    Raises:
        CheckpointError: there is no such folder, or it holds no config.json.
    """
    if name == STARTER:
        return _with_config(resources_path() / STARTER, "MQwen's starter model is missing: install MQwen again.")
    folder = Path(name)
    with suppress(RuntimeError):  # "~nobody": no such user, so a name like others
        folder = folder.expanduser()
    if folder.is_dir():
        return _with_config(
            folder.absolute(), "Name a folder in the LLaVA layout, or make one with `mqwen models import`."
        )
    if _HUB_ID.fullmatch(str(name)) or folder.name == str(name):
        if (inside := models_folder() / folder).is_dir() and ".." not in folder.parts:
            return _with_config(inside, "Remove that folder and put the model there again.")
        if cached := _hugging_face_cache(str(name)):
            return cached
    known = ", ".join(installed_models()) or "none"
    raise CheckpointError(
        f"there is no model {str(name)!r}",
        hint=f"Give a model folder or a name that is installed in {models_folder()} (here: {known}).",
    )


def is_starter(folder: Path) -> bool:
    """Say whether a model folder holds the starter model: its config.json says so itself."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return isinstance(config, dict) and config.get("mqwen_starter") is True


def _with_config(folder: Path, hint: str) -> Path:
    if not (folder / "config.json").is_file():
        raise CheckpointError("no config.json in this model folder", path=folder, hint=hint)
    return folder


def _hugging_face_cache(name: str) -> Path | None:
    """Return the folder of a hub id in Hugging Face's cache, None if it is not there; never asks the hub."""
    if not _HUB_ID.fullmatch(name):
        return None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return Path(config).parent if isinstance(config, str) else None
