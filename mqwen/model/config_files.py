"""The small JSON files of a model folder: what is taken from them and what MQwen writes into them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mqwen.model.config import MQwenConfig
from mqwen.model.layouts import EXTRA_0
from mqwen.model.tensors import read_json
from mqwen.model.tokenizer import added_tokens


def generation_of(folder: Path) -> dict[str, Any]:
    """The ids in a folder's generation_config.json. Its sampling settings are not ours: captions are greedy by default.

    Raises:
        CheckpointError: it is damaged.
    """
    path = folder / "generation_config.json"
    return generation_fields(read_json(path)) if path.exists() else {}


def generation_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The bos, eos and pad ids of a generation config, those that are ids."""

    def is_id(value: Any) -> bool:
        return type(value) is int and value >= 0

    found = {name: fields.get(name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return {
        name: value
        for name, value in found.items()
        if is_id(value) or (name == "eos_token_id" and isinstance(value, list) and value and all(map(is_id, value)))
    }


def config_fields(config: MQwenConfig, dtype: torch.dtype) -> dict[str, Any]:
    """config.json in a form that readers old and new understand: 4.x knows rope_theta and torch_dtype only."""
    fields = config.to_dict() | {
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "image_token_index": config.image_token_id,
        "image_seq_length": config.image_tokens,
        "use_dynamic_ntk": config.use_dynamic_ntk,
        "use_logn_attn": config.use_logn_attn,
        "seq_length": config.seq_length,
    }
    fields.pop("auto_map", None)
    fields["dtype"] = fields["torch_dtype"] = str(dtype).removeprefix("torch.")
    for part in ("text_config", "vision_config"):
        fields[part] = {n: v for n, v in fields[part].items() if n not in ("auto_map", "_name_or_path", "dtype")}
    rope = fields["text_config"].get("rope_parameters") or {}
    if "rope_theta" in rope:
        fields["text_config"]["rope_theta"] = rope["rope_theta"]
    if rope.get("rope_type", "default") != "default":
        fields["text_config"]["rope_scaling"] = {n: v for n, v in rope.items() if n != "rope_theta"}
    return fields


def marker_of(language_model: Path) -> int:
    """The id of the token that stands for an image in this folder's tokenizer.

    Raises:
        CheckpointError: the tokenizer is damaged.
    """
    added = added_tokens(language_model)
    return added.get("<|extra_0|>", added.get("<image>", EXTRA_0))
