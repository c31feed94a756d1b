"""How the tensors and the configs of model folders are spelled, and what they are called in memory (see splice.py).

LLaVA layout, three spellings of one checkpoint:
    old     language_model.model.*  language_model.lm_head.*  vision_tower.vision_model.*  multi_modal_projector.*
    memory  model.language_model.*  lm_head.*                 model.vision_tower.*         model.multi_modal_projector.*
    saved   language_model.model.*  language_model.lm_head.*  vision_tower.*               multi_modal_projector.*
Original layout, three folders: a language model (Qwen-1, or Qwen2 and Qwen3 as they are published), a CLIP folder of
which only the vision tower is used, an adapter folder (adapter.py) whose other_params.bin is the projector.

A layout's `place` maps a tensor of a file onto ours: () is a buffer that is not needed, two and more names are equal
slices along the first dimension (Qwen-1's fused c_attn). `spellings` is the way back, for error messages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mqwen.errors import CheckpointError
from mqwen.model.config import MQwenConfig
from mqwen.model.splice import TEXT_TYPES
from mqwen.model.tensors import one_line
from mqwen.model.vision import VISION_TYPES

EXTRA_0 = 151646  # Qwen-1's <|extra_0|>, the original's marker

# Computed anew from the config: RoPE tables, position numbers, Qwen-1's fill value of its causal mask.
_BUFFERS = re.compile(r"(^|\.)(rotary_emb\..+|masked_bias|position_ids)$")

_QWEN1 = {
    "transformer.wte.weight": ("language_model.embed_tokens.weight",),
    "transformer.ln_f.weight": ("language_model.norm.weight",),
    "lm_head.weight": ("lm_head.weight",),
} | {
    f"transformer.h.#.{theirs}": tuple(f"language_model.layers.#.{our}" for our in ours)
    for theirs, ours in {
        "ln_1.weight": ("input_layernorm.weight",),
        "ln_2.weight": ("post_attention_layernorm.weight",),
        "attn.c_attn.weight": ("self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"),
        "attn.c_attn.bias": ("self_attn.q_proj.bias", "self_attn.k_proj.bias", "self_attn.v_proj.bias"),
        "attn.c_proj.weight": ("self_attn.o_proj.weight",),
        # Qwen-1 computes w1(x) * silu(w2(x)).
        "mlp.w1.weight": ("mlp.up_proj.weight",),
        "mlp.w2.weight": ("mlp.gate_proj.weight",),
        "mlp.c_proj.weight": ("mlp.down_proj.weight",),
    }.items()
}
_PROJECTOR = {
    f"{layer}.{kind}": (f"multi_modal_projector.{linear}.{kind}",)
    for layer, linear in (("0", "linear_1"), ("2", "linear_2"))
    for kind in ("weight", "bias")
}
_OTHER_CLIP_PARTS = ("text_model.", "text_projection.", "visual_projection.", "logit_scale", "logit_bias")
_LAYER = re.compile(r"\.\d+\.")


@dataclass(frozen=True)
class Layout:
    """One way to name tensors.

    Attributes:
        place: a file's name -> our names; None: this layout has no such tensor.
        spellings: our name -> the names that a file of this layout may give the tensor that holds it.
        owns: the prefixes of our names that such a file must provide.
    """

    place: Callable[[str], tuple[str, ...] | None]
    spellings: Callable[[str], list[str]]
    owns: tuple[str, ...]


def _place_llava(name: str) -> tuple[str, ...] | None:
    if _BUFFERS.search(name):
        return ()
    name = name.removeprefix("model.")
    for theirs, ours in (
        ("language_model.lm_head.", "lm_head."),
        ("language_model.model.", "language_model."),
        ("vision_tower.vision_model.", "vision_tower."),
    ):
        if name.startswith(theirs):
            return (ours + name.removeprefix(theirs),)
    return (name,)


def _spell_llava(name: str) -> list[str]:
    if name.startswith("lm_head."):
        return [saved_name(name), name]
    if name.startswith("vision_tower."):
        return [saved_name(name), name, "model." + name]
    return [saved_name(name), "model." + name]


def saved_name(name: str) -> str:
    """Our name of a tensor in the old spelling, which transformers 4 and 5 and vLLM read: what MQwen writes."""
    if name.startswith("lm_head."):
        return "language_model." + name
    for ours, theirs in (("language_model.", "language_model.model."), ("vision_tower.", "vision_tower.vision_model.")):
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    return name


def _place_by_table(table: Mapping[str, tuple[str, ...]], name: str) -> tuple[str, ...] | None:
    if _BUFFERS.search(name):
        return ()
    layer = _LAYER.search(name)
    pattern = _LAYER.sub(".#.", name, count=1)
    if pattern not in table:
        return None
    return tuple(target.replace(".#.", layer.group() if layer else "") for target in table[pattern])


def _spell_by_table(table: Mapping[str, tuple[str, ...]], name: str) -> list[str]:
    layer = _LAYER.search(name)
    pattern = _LAYER.sub(".#.", name, count=1)
    return [n.replace(".#.", layer.group() if layer else "") for n, targets in table.items() if pattern in targets]


def _place_qwen2(name: str) -> tuple[str, ...] | None:
    if _BUFFERS.search(name):
        return ()
    if name.startswith("model."):
        return ("language_model." + name.removeprefix("model."),)
    return (name,) if name.startswith("lm_head.") else None


def _spell_qwen2(name: str) -> list[str]:
    return ["model." + name.removeprefix("language_model.") if name.startswith("language_model.") else name]


def _place_vision(name: str) -> tuple[str, ...] | None:
    if _BUFFERS.search(name) or name.startswith(_OTHER_CLIP_PARTS):
        return ()
    return ("vision_tower." + name.removeprefix("vision_model."),)


def _spell_vision(name: str) -> list[str]:
    bare = name.removeprefix("vision_tower.")
    return ["vision_model." + bare, bare]


LLAVA = Layout(_place_llava, _spell_llava, ("language_model.", "lm_head.", "vision_tower.", "multi_modal_projector."))
QWEN1 = Layout(
    lambda name: _place_by_table(_QWEN1, name),
    lambda name: _spell_by_table(_QWEN1, name),
    ("language_model.", "lm_head."),
)
QWEN2 = Layout(_place_qwen2, _spell_qwen2, ("language_model.", "lm_head."))
VISION = Layout(_place_vision, _spell_vision, ("vision_tower.",))
PROJECTOR = Layout(
    lambda name: _PROJECTOR.get(name), lambda name: _spell_by_table(_PROJECTOR, name), ("multi_modal_projector.",)
)


def language_layout(config: Mapping[str, Any]) -> Layout:
    """The layout of a language model's folder with this config.json (see `text_config_of`)."""
    return QWEN1 if config.get("model_type") == "qwen" else QWEN2


def llava_config(config: Mapping[str, Any]) -> MQwenConfig:
    """The configuration of a LLaVA checkpoint from its config.json.

    Raises:
        CheckpointError: another architecture, or values that make no model. It has no path: the caller knows it.
    """
    kind = config.get("model_type")
    if kind != "llava":
        part = (
            "language model" if kind in ("qwen", *TEXT_TYPES) else "vision tower" if str(kind) in _TOWER_TYPES else None
        )
        hint = f"This is a {part} alone: join the parts with `mqwen models import`." if part else None
        raise CheckpointError(f"unknown architecture: model_type is {kind!r}, not 'llava'", hint=hint or _KNOWN_HINT)
    return _make_config(config)


def original_config(
    language_model: Mapping[str, Any], vision_tower: Mapping[str, Any], *, image_token_id: int
) -> dict[str, Any]:
    """The LLaVA fields that the original splice amounts to, from the config.json of its two models.

    Last layer, CLS dropped, exact GELU (facts: the original's feature_proj). SigLIP has no CLS to drop.
    """
    vision = vision_config_of(vision_tower)
    return {
        "model_type": "llava",
        "text_config": text_config_of(language_model),
        "vision_config": vision,
        "image_token_index": image_token_id,
        "projector_hidden_act": "gelu",
        "multimodal_projector_bias": True,
        "vision_feature_layer": -1,
        "vision_feature_select_strategy": "full" if vision["model_type"] == "siglip_vision_model" else "default",
        **qwen1_fields(language_model),
    }


def qwen1_fields(language_model: Mapping[str, Any]) -> dict[str, Any]:
    """What Qwen-1 adds to Qwen2, of those fields that its config.json has or that its code takes for granted.

    The code of the newer configs (they say `hidden_size`, not `n_embd`) has both switches on unless told otherwise.
    """
    newer = language_model.get("model_type") == "qwen" and "hidden_size" in language_model
    fields: dict[str, Any] = {"use_dynamic_ntk": True, "use_logn_attn": True} if newer else {}
    given = ("use_dynamic_ntk", "use_logn_attn", "seq_length")
    return fields | {name: language_model[name] for name in given if name in language_model}


def text_config_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """A language model's config.json as the text_config of LLaVA; Qwen-1's fields, old or new, become Qwen2's.

    Raises:
        CheckpointError: another architecture, or a variant of Qwen-1 that Qwen2's layers cannot express.
    """
    kind = config.get("model_type")
    if kind in TEXT_TYPES:
        return dict(config)
    if kind != "qwen":
        raise CheckpointError(f"unknown language model: model_type is {kind!r}", hint=_KNOWN_HINT)

    def first(*names: str, default: Any = None) -> Any:
        found = next((config[name] for name in names if config.get(name) is not None), default)
        if found is None:
            raise CheckpointError(f"{names[0]} is missing", hint=_KNOWN_HINT)
        return found

    hidden_size, heads = first("hidden_size", "n_embd"), first("num_attention_heads", "n_head")
    intermediate_size = first("intermediate_size", "ffn_hidden_size")
    for name, value in (("hidden size", hidden_size), ("number of heads", heads), ("MLP's size", intermediate_size)):
        if type(value) is not int or value < 1:
            raise CheckpointError(f"the {name} is {value!r}")
    expected = {"kv_channels": hidden_size // heads, "rotary_pct": 1.0, "scale_attn_weights": True, "no_bias": True}
    for name, value in expected.items():
        if config.get(name, value) != value:
            raise CheckpointError(f"{name} is {config[name]!r}; MQwen knows Qwen-1 with {value!r} only")
    return {
        "model_type": "qwen2",
        "vocab_size": first("padded_vocab_size", "vocab_size"),
        "hidden_size": hidden_size,
        "intermediate_size": intermediate_size // 2,  # Qwen-1 counts gate and up together
        "num_hidden_layers": first("num_hidden_layers", "n_layer"),
        "num_attention_heads": heads,
        "num_key_value_heads": heads,
        "max_position_embeddings": first("max_position_embeddings", "n_positions", default=8192),
        "rms_norm_eps": first("layer_norm_epsilon", default=1e-6),
        "rope_theta": float(first("rotary_emb_base", default=10000)),
        "tie_word_embeddings": bool(config.get("tie_word_embeddings", False)),
    }


_TOWER_TYPES = {
    "clip": "clip_vision_model",
    "siglip": "siglip_vision_model",
    "chinese_clip": "chinese_clip_vision_model",
} | {kind: kind for kind in VISION_TYPES}
# The rest of an openai config.json (generation settings of a text model that is not there) is left behind.
_VISION_FIELDS = (
    *("hidden_size", "intermediate_size", "projection_dim", "num_hidden_layers", "num_attention_heads", "num_channels"),
    *("image_size", "patch_size", "hidden_act", "layer_norm_eps", "attention_dropout", "vision_use_head"),
)
_KNOWN_HINT = (
    "MQwen knows LLaVA checkpoints of a CLIP, SigLIP or Chinese-CLIP tower with a Qwen2 or Qwen3 model, and Qwen-1, "
    "Qwen2 or Qwen3 with such a tower in separate folders."
)


def vision_config_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """A CLIP folder's config.json (both towers, or the vision tower alone) as the vision_config of LLaVA.

    Raises:
        CheckpointError: another architecture.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in _TOWER_TYPES:
        raise CheckpointError(f"unknown vision tower: model_type is {kind!r}", hint=_KNOWN_HINT)
    nested = config if kind in VISION_TYPES else config.get("vision_config") or config.get("vision_config_dict")
    if not isinstance(nested, Mapping):
        raise CheckpointError("vision_config is missing", hint=_KNOWN_HINT)
    return {"model_type": _TOWER_TYPES[kind]} | {name: nested[name] for name in _VISION_FIELDS if name in nested}


# Of the machine that wrote the file, not of the model: it names code (auto_map), or kernels that this one may not have.
_FOREIGN = ("auto_map", "attn_implementation", "_attn_implementation", "experts_implementation", "output_attentions")


def _make_config(fields: Mapping[str, Any]) -> MQwenConfig:
    fields = _own(fields)
    text, vision = fields.get("text_config"), fields.get("vision_config")
    if not isinstance(text, Mapping) or not isinstance(vision, Mapping):
        raise CheckpointError("text_config or vision_config is missing", hint=_KNOWN_HINT)
    for part, known, name in ((text, TEXT_TYPES, "text_config"), (vision, VISION_TYPES, "vision_config")):
        default = "clip_vision_model" if name == "vision_config" else None  # LLaVA's own default
        if (kind := part.get("model_type", default)) not in known:
            raise CheckpointError(f"unknown architecture: model_type of {name} is {kind!r}", hint=_KNOWN_HINT)
        if part.get("quantization_config") or fields.get("quantization_config"):
            raise CheckpointError("the weights are quantised already", hint="Use the unquantised model.")
        for field, limit in _LIMITS.items():
            if (size := part.get(field)) is not None and (type(size) is not int or not 0 < size <= limit):
                raise CheckpointError(f"{field} of {name} is {size!r}")
    seq_length = fields.get("seq_length", 2)
    if type(seq_length) is not int or not 1 < seq_length <= 1 << 24:  # the logarithm to this base is taken
        raise CheckpointError(f"seq_length is {seq_length!r}")
    fields |= {name: _own(fields[name]) for name in ("text_config", "vision_config")}
    try:
        return MQwenConfig.from_dict(fields)
    except Exception as error:  # transformers raises whatever the values lead it to
        raise CheckpointError(f"makes no valid configuration ({one_line(error)})") from error


def _own(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in _FOREIGN}


# Beyond these a config is damaged: no model is near them, and building one would hang.
_LIMITS = dict.fromkeys(
    ("num_hidden_layers", "num_attention_heads", "num_key_value_heads", "patch_size"), 1024
) | dict.fromkeys(("hidden_size", "intermediate_size", "head_dim", "vocab_size", "image_size", "num_channels"), 1 << 24)
