"""What describes a model beside its weights: copied along when weights are tuned or an adapter is added."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mqwen.model.config import MQwenConfig
from mqwen.model.processor import MQwenProcessor
from mqwen.model.tensors import read_json

# Its own files about text and pictures. No weights, no code, no model card of another model.
_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt", "added_tokens.json", "qwen.tiktoken"),
    *("special_tokens_map.json", "chat_template.jinja", "chat_template.json"),
    *("preprocessor_config.json", "processor_config.json"),
)
TEXT_TOWER = "clip"  # the starter's folder of both towers, which stays true as long as the vision tower does
_OWN_FIELDS = ("mqwen_starter", "languages")  # of config.json, which no class of ours holds


def copy_companions(base: Path, target: Path, config: MQwenConfig) -> None:
    """Copy what describes a model folder into another one.

    Raises:
        CheckpointError: it does not suffice: a folder that does not load must not look like a model.
    """
    for name in _FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, target / name)
    if (base / TEXT_TOWER / "config.json").is_file():
        shutil.copytree(base / TEXT_TOWER, target / TEXT_TOWER)
    MQwenProcessor.from_folder(target, config)


def own_fields(base: Path) -> dict[str, Any]:
    """The fields of a folder's config.json that only MQwen knows."""
    fields = read_json(base / "config.json")
    return {name: fields[name] for name in _OWN_FIELDS if name in fields}
