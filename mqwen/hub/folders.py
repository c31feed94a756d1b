"""Where models are on this machine, and how one is found. Nothing here uses the network.

MODELS/name, MODELS/owner/name      models; a download is `owner/name`, as on the hub
MODELS/.partial/owner/name          what of a download has arrived; no file in it has a model's file name
MODELS/.parts/owner/name            parts (language model, vision tower) that are joined to a model
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

import platformdirs

from mqwen.errors import CheckpointError, InputError, WriteError
from mqwen.hub.known import known_model
from mqwen.library.atomic import write_atomic, write_error
from mqwen.library.data_folder import data_folder
from mqwen.resources import resources_path

STARTER = "starter"
MANIFEST = "mqwen-download.json"
LOCK = "lock"  # in the folder of a download, which is made with it
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PARTIAL, _PARTS = ".partial", ".parts"


def models_folder() -> Path:
    """Return the folder where models are looked for by name; it need not exist.

    It is $MQWEN_MODELS, or what set_models_folder() was told, or `models` in the user's data directory.

    Raises:
        InputError: the file with the setting is damaged.
    """
    if chosen := os.environ.get("MQWEN_MODELS"):
        return Path(chosen).expanduser().absolute()
    path = _settings_path()
    try:
        return Path(json.loads(path.read_text(encoding="utf-8"))["models_folder"])
    except FileNotFoundError:
        return default_models_folder()
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "Remove this file, or name the folder with `mqwen models path --set DIR`."
        raise InputError(f"it does not say where the models are ({error})", path=path, hint=hint) from error


def default_models_folder() -> Path:
    """Return the folder of models where nobody chose another: in $MQWEN_DATA_DIR or the user's data directory."""
    return data_folder() / "models"


def set_models_folder(folder: Path | None) -> Path:
    """Keep models in another folder from now on (None: in the default one) and return it. Nothing is moved.

    Raises:
        WriteError: the folder, or the setting, cannot be written.
    """
    path = _settings_path()
    try:
        if folder is None:
            path.unlink(missing_ok=True)
            return models_folder()
        folder = folder.expanduser().absolute()
        folder.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder or path) from error
    write_atomic(path, json.dumps({"models_folder": str(folder)}).encode())  # its escapes carry any name
    return models_folder()


def installed_models() -> list[str]:
    """Return the names that find_model() knows here: the starter, then `name` and `owner/name` in models_folder()."""
    names = [STARTER] if (resources_path() / STARTER / "config.json").is_file() else []
    root = models_folder()
    found = (config.parent.relative_to(root) for depth in ("*", "*/*") for config in root.glob(f"{depth}/config.json"))
    return names + sorted({name.as_posix() for name in found if not name.parts[0].startswith(".")})


def find_model(name: str | Path) -> Path:
    """Return the folder of a model.

    Args:
        name: "starter", a model folder, the name of one in models_folder(), the name of a known model or a hub id
            (`owner/name`) that is downloaded already, into models_folder() or into Hugging Face's own cache.

    Raises:
        CheckpointError: there is no such folder, or it holds no config.json. Of a model that is known and not here yet,
            and of any other hub id, the error says how to get it.
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
    known = known_model(str(name))
    for wanted in dict.fromkeys([str(name), (known and known.hub_id) or str(name)]):
        if (inside := model_folder(wanted)) is not None and inside.is_dir():
            return _with_config(inside, "Remove that folder and put the model there again.")
        if cached := _hugging_face_cache(wanted):
            return cached
    if known is not None:
        raise CheckpointError(
            f"the model {known.name!r} is known, but not on this machine",
            hint=f"Get it with `mqwen models get {known.name}`.",
        )
    here = ", ".join(installed_models()) or "none"
    hint = f"Give a model folder or a name that is installed in {models_folder()} (here: {here})"
    if _HUB_ID.fullmatch(str(name)) and ".." not in Path(name).parts:
        hint += f", or get it from the hub with `mqwen models get {name}`"
    raise CheckpointError(f"there is no model {str(name)!r}", hint=f"{hint}.")


def is_starter(folder: Path) -> bool:
    """Say whether a model folder holds the starter model: its config.json says so itself."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return isinstance(config, dict) and config.get("mqwen_starter") is True


def is_hub_id(name: str) -> bool:
    """Say whether a name has the form of a hub id, `owner/name`."""
    return _HUB_ID.fullmatch(name) is not None and not any(part.startswith(".") for part in name.split("/"))


def model_folder(name: str) -> Path | None:
    """Return where in models_folder() a model of this name is or would be; None: no model can have this name."""
    if not (is_hub_id(name) or (Path(name).name == name and not name.startswith("."))):
        return None
    return models_folder() / name


def partial_folder(hub_id: str) -> Path:
    """Return where the files of a download grow."""
    return models_folder() / _PARTIAL / hub_id


def parts_folder(hub_id: str) -> Path:
    """Return where a part waits to be joined with others."""
    return models_folder() / _PARTS / hub_id


def partial_bytes(hub_id: str) -> int:
    """Return how many bytes of an interrupted download are here."""
    with suppress(OSError):
        return sum(entry.stat().st_size for entry in os.scandir(partial_folder(hub_id)) if entry.is_file())
    return 0


def partial_models() -> list[str]:
    """Return the hub ids of interrupted downloads; parts of a known model are among them."""
    root = models_folder() / _PARTIAL
    names = (lock.parent.relative_to(root).as_posix() for lock in root.glob(f"*/*/{LOCK}"))
    return sorted(name for name in names if is_hub_id(name))


def remove_model(name: str) -> int:
    """Delete a model in models_folder(), and what of it was downloaded in part; return the bytes that became free.

    Raises:
        CheckpointError: nothing of this name is there, or it is kept elsewhere.
        WriteError: it cannot be deleted. It is then still whole, or no model any more.
    """
    known = known_model(name)
    wanted = (known.hub_id if known else None) or name
    if name == STARTER:
        raise CheckpointError("the starter model comes with MQwen and stays", hint="Nothing is gained by removing it.")
    folder = model_folder(wanted)
    parts = [part for part in (known.language_model, known.vision_tower) if part] if known else []
    there = [
        *(path for path in (folder,) if path is not None),
        *(partial_folder(hub_id) for hub_id in (*([wanted] if is_hub_id(wanted) else []), *parts)),
        *(parts_folder(hub_id) for hub_id in parts),
    ]
    if folder is not None and parts:  # a join that was killed: original.py's folder, and the importer's beside it
        there += [models_folder() / _PARTIAL / (wanted + suffix) for suffix in ("", ".partial")]
    there = [path for path in there if path.is_dir()]
    if not there:
        where = "The folder is yours: delete it yourself." if Path(name).is_dir() else "See `mqwen models list`."
        raise CheckpointError(f"there is no model {name!r} in {models_folder()}", hint=where)
    freed = 0
    for path in there:
        freed += sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        discard(path)
    return freed


def discard(folder: Path) -> None:
    """Delete a folder in models_folder(). From its first moment on nothing takes it for a model.

    Raises:
        WriteError: it cannot be deleted.
    """
    bin_ = models_folder() / _PARTIAL
    aside = bin_ / f"removed-{secrets.token_hex(4)}"
    try:
        bin_.mkdir(parents=True, exist_ok=True)
        for left in bin_.glob("removed-*"):  # by a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        if folder.is_symlink():  # somebody keeps the model elsewhere: it stays there
            folder.unlink()
            return
        folder.rename(aside)
        shutil.rmtree(aside)
        with suppress(OSError):
            folder.parent.rmdir()  # the owner's folder, if it was the last
    except OSError as error:
        raise WriteError(f"it cannot be removed ({error.strerror})", path=folder) from error


def _settings_path() -> Path:
    return Path(platformdirs.user_config_dir("mqwen", appauthor=False)) / "models.json"


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
