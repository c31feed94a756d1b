"""What the hub says of a repository: commit, licence, the files that a model needs; and why one does not work here."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mqwen.errors import CheckpointError, InputError
from mqwen.hub.folders import is_hub_id, model_folder, parts_folder
from mqwen.hub.known import is_permissive, known_model
from mqwen.hub.transfer import RemoteFile, fetch, hash_matches, online
from mqwen.hub.trouble import Asked, patiently

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

Kind = Literal["llava", "language_model", "vision_tower"]

_ASK_ATTEMPTS = 4  # the first contact: somebody waits for the answer
_CONFIGS = (
    *("config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json"),
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "qwen.tiktoken"),
    *("added_tokens.json", "special_tokens_map.json", "chat_template.jinja", "chat_template.json"),
)
# As tensors.find_weights() looks for them; (whole file, index, is a pickle)
_WEIGHTS = (
    ("model.safetensors", "model.safetensors.index.json", False),
    ("pytorch_model.bin", "pytorch_model.bin.index.json", True),
)
_OTHER_WEIGHTS = re.compile(r".*\.(gguf|onnx|msgpack|h5|ckpt|pth?|safetensors|bin|npz)")


@dataclass(frozen=True)
class Offer:
    """What a download would bring; nothing of it is here yet.

    Attributes:
        revision: the commit, whatever branch or tag was asked for.
        kind: a whole model, or one of the original layout's parts.
        files: those that are needed, small ones first.
        licence: as the model's page says, None if it does not.
        languages: as the model's page says.
        pickles: its weights are pickles only. They are read without running code, but say so before.
        folder: where it will be.
    """

    hub_id: str
    revision: str
    kind: Kind
    files: tuple[RemoteFile, ...]
    licence: str | None
    languages: tuple[str, ...]
    pickles: bool
    folder: Path

    @property
    def download_bytes(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def permissive(self) -> bool:
        return is_permissive(self.licence)

    @property
    def page(self) -> str:
        """The address of the model's page."""
        from huggingface_hub import constants

        return f"{constants.ENDPOINT}/{self.hub_id}"


def look_up(
    name: str,
    *,
    revision: str | None = None,
    kind: Kind = "llava",
    waiting: Any = lambda text: None,
    cancelled: Asked = lambda: False,
) -> Offer:
    """Ask the hub about a model: the name of a known one, or a hub id. Brings two small files, whose size is nothing.

    Args:
        revision: a branch, tag or commit; by default the one that models.toml pins, else the newest.
        waiting: told why the answer is late.
        cancelled: asked while it waits.

    Raises:
        InputError: it is no name of a model on the hub.
        CheckpointError: MQwen cannot run this model; the error says why not.
        DownloadError: the hub cannot be reached, does not have it or does not give it.
        Cancelled: cancelled() was true.
    """
    known = known_model(name)
    hub_id = (known.hub_id if known else None) or name
    if not is_hub_id(hub_id):
        hint = "Give a hub id, OWNER/NAME, or a name that `mqwen models list` shows."
        raise InputError(f"{name!r} is no model on the hub", hint=hint)
    revision = revision or (known.revision if known else None)
    with online():
        info, listed = patiently(
            lambda: _ask(hub_id, revision), hub_id, waiting=waiting, cancelled=cancelled, attempts=_ASK_ATTEMPTS
        )
        commit = str(info.sha)
        with tempfile.TemporaryDirectory(prefix="mqwen-") as scratch:

            def small(file: RemoteFile) -> Path:
                path = Path(scratch) / file.name
                fetch(hub_id, commit, file, path, received=lambda have: None, waiting=waiting, cancelled=cancelled)
                if not hash_matches(path, file):
                    raise CheckpointError("it does not arrive as the hub lists it", path=f"{hub_id}/{file.name}")
                return path

            files, pickles = _needed(hub_id, listed, small)
            _check_config(hub_id, small(listed["config.json"]), kind)
    folder = model_folder(hub_id) if kind == "llava" else parts_folder(hub_id)
    assert folder is not None
    licence, languages = _card(info)
    if known and known.licence and known.licence != licence:
        licence = f"{licence} ({known.licence})" if licence else known.licence
    return Offer(hub_id, commit, kind, files, licence, languages, pickles, folder)


def _ask(hub_id: str, revision: str | None) -> tuple[ModelInfo, dict[str, RemoteFile]]:
    from huggingface_hub import HfApi, constants
    from huggingface_hub.hf_api import RepoFile

    api = HfApi()
    info = api.model_info(hub_id, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)
    files = {}
    for entry in api.list_repo_tree(hub_id, revision=info.sha):
        if isinstance(entry, RepoFile):
            sha256 = entry.lfs.sha256 if entry.lfs else None
            size = entry.lfs.size if entry.lfs else entry.size
            files[entry.path] = RemoteFile(entry.path, size, sha256, None if sha256 else entry.blob_id)
    return info, files


def _needed(hub_id: str, listed: Mapping[str, RemoteFile], small: Any) -> tuple[tuple[RemoteFile, ...], bool]:
    """Return the files to download, and whether the weights are pickles. Python files are never among them."""
    if "config.json" not in listed:
        hint = "MQwen needs a model in transformers' form."
        raise CheckpointError(f"it has no config.json{_what_it_has(listed)}", path=hub_id, hint=hint)
    for whole, index, pickles in _WEIGHTS:
        if whole in listed:
            weights = [whole]
        elif index in listed:
            weights = [index, *_shards(hub_id, small(listed[index]), listed)]
        else:
            continue
        names = [name for name in (*_CONFIGS, *weights) if name in listed]
        return tuple(sorted((listed[name] for name in names), key=lambda file: file.size)), pickles
    raise CheckpointError(
        f"it has no weights that MQwen can read{_what_it_has(listed)}",
        path=hub_id,
        hint="MQwen reads model.safetensors and pytorch_model.bin, whole or in shards, not quantised.",
    )


def _shards(hub_id: str, index: Path, listed: Mapping[str, RemoteFile]) -> Sequence[str]:
    from mqwen.model.tensors import shard_names

    with _named_as_on_the_hub(hub_id, index.name):
        names = shard_names(index)
    for name in names:
        if name not in listed:
            hint = "The upload is not complete: tell its owner."
            raise CheckpointError(f"it lacks {name}, which {index.name} names", path=hub_id, hint=hint)
    return names


def _what_it_has(listed: Mapping[str, RemoteFile]) -> str:
    kinds = sorted({Path(name).suffix for name in listed if _OTHER_WEIGHTS.fullmatch(name)})
    return f" (its weights are {', '.join(kinds)} files)" if kinds else ""


def _check_config(hub_id: str, path: Path, kind: Kind) -> None:
    """Raise CheckpointError, as for a folder on this machine, if MQwen cannot run what a config.json describes."""
    from mqwen.model.assembly import meta_model
    from mqwen.model.layouts import llava_config, text_config_of, vision_config_of
    from mqwen.model.tensors import read_json

    with _named_as_on_the_hub(hub_id, path.name):
        fields = read_json(path)
        if kind == "llava":
            meta_model(llava_config(fields))
        elif kind == "language_model":
            text_config_of(fields)
        else:
            vision_config_of(fields)


@contextmanager
def _named_as_on_the_hub(hub_id: str, file: str) -> Iterator[None]:
    """Let errors name a file of the hub, not the copy that was looked into."""
    try:
        yield
    except CheckpointError as error:
        error.path = Path(hub_id) / file
        raise


def _card(info: ModelInfo) -> tuple[str | None, tuple[str, ...]]:
    """Return licence and languages of the model's page: its card, else its tags."""
    card: Any = info.card_data
    licence = getattr(card, "license", None)
    if isinstance(licence, list):
        licence = ", ".join(map(str, licence))
    if licence == "other":
        licence = getattr(card, "license_name", None) or licence
    if not licence:
        licence = next((tag.removeprefix("license:") for tag in info.tags or [] if tag.startswith("license:")), None)
    given = getattr(card, "language", None) or []
    languages = tuple([given] if isinstance(given, str) else map(str, given))
    return (str(licence) if licence else None), languages
