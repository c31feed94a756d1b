"""Tiny random checkpoints, about 1 MB each, for every test that needs a model folder.

`tiny_llava` lets transformers write a LLaVA checkpoint; tiny_parts.py writes the three folders of the original layout.
Neither uses MQwen's own code, so that a test of that code can fail.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    ChineseCLIPVisionConfig,
    CLIPVisionConfig,
    GenerationConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Qwen2Config,
    Qwen3Config,
    SiglipVisionConfig,
)

Vision = Literal["clip", "siglip", "chinese_clip"]
Text = Literal["qwen2", "qwen3"]
Spelling = Literal["old", "memory", "saved"]

VOCAB_SIZE = 320
ENDOFTEXT, IM_START, IM_END, MARKER = 256, 257, 258, 259
SPECIAL_TOKENS = {"<|endoftext|>": ENDOFTEXT, "<|im_start|>": IM_START, "<|im_end|>": IM_END, "<image>": MARKER}

_VISION_CONFIGS = {"clip": CLIPVisionConfig, "siglip": SiglipVisionConfig, "chinese_clip": ChineseCLIPVisionConfig}
_TEXT_CONFIGS = {"qwen2": Qwen2Config, "qwen3": Qwen3Config}
_IMAGE_PROCESSORS = {
    "clip": "CLIPImageProcessor",
    "siglip": "SiglipImageProcessor",
    "chinese_clip": "ChineseCLIPImageProcessor",
}


def tiny_llava(
    folder: Path,
    vision: Vision = "clip",
    text: Text = "qwen2",
    *,
    seed: int = 0,
    tied: bool = False,
    spelling: Spelling = "saved",
    dtype: torch.dtype = torch.float32,
    layer: int | list[int] = -1,
    strategy: Literal["default", "full"] | None = None,
    image_size: int = 56,
    hidden_size: int = 64,
    layers: int = 2,
    max_shard_size: str = "5GB",
    text_options: dict[str, Any] | None = None,
) -> Path:
    """Write a random LLaVA checkpoint with a tokenizer and an image processor; return `folder`.

    Args:
        spelling: which of the three ways to name tensors: `old` (transformers 4.4x), `memory` (version 5's modules) or
            `saved` (what version 5 writes).
        strategy: by default `default` (CLS dropped), for SigLIP, which has no CLS, `full`.
        text_options: further fields of the language model's config.

    An image gives (image_size / 14)^2 = 16 tokens; the vocabulary is 256 bytes, four special tokens and unused ids.
    """
    torch.manual_seed(seed)
    vision_config = _VISION_CONFIGS[vision](
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=image_size,
        patch_size=14,
    )
    text_fields: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": hidden_size,
        "intermediate_size": 2 * hidden_size,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
        "tie_word_embeddings": tied,
        "eos_token_id": IM_END,
        "pad_token_id": ENDOFTEXT,
        "bos_token_id": None,
    }
    if text == "qwen3":
        text_fields["head_dim"] = hidden_size // 4
    text_config = _TEXT_CONFIGS[text](**{**text_fields, **(text_options or {})})
    config = LlavaConfig(
        vision_config=vision_config,
        text_config=text_config,
        image_token_index=MARKER,
        image_seq_length=(image_size // 14) ** 2,
        vision_feature_layer=layer,
        vision_feature_select_strategy=strategy or ("full" if vision == "siglip" else "default"),
        tie_word_embeddings=tied,
    )
    model = LlavaForConditionalGeneration(config)
    _spread_weights(model)
    model.generation_config = GenerationConfig(eos_token_id=[IM_END, ENDOFTEXT], pad_token_id=ENDOFTEXT)
    model.to(dtype).save_pretrained(folder, max_shard_size=max_shard_size)
    if spelling != "saved":
        _respell(folder, spelling)
    write_tokenizer(folder)
    write_image_processor(folder, image_size, _IMAGE_PROCESSORS[vision])
    return folder


def write_tokenizer(folder: Path) -> None:
    """A byte-level BPE tokenizer without merges: 256 bytes and Qwen's special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={character: i for i, character in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL_TOKENS])
    for token, number in SPECIAL_TOKENS.items():
        assert tokenizer.token_to_id(token) == number
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "Qwen2Tokenizer",
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "bos_token": None,
            "unk_token": None,
            "add_prefix_space": False,
            "clean_up_tokenization_spaces": False,
            "model_max_length": 1024,
        },
    )


def write_image_processor(folder: Path, image_size: int, kind: str = "CLIPImageProcessor") -> None:
    """A preprocessor_config.json as transformers writes it for towers of this kind."""
    square = {"height": image_size, "width": image_size}
    siglip = kind == "SiglipImageProcessor"
    config: dict[str, Any] = {
        "image_processor_type": kind,
        "do_resize": True,
        "size": square if siglip else {"shortest_edge": image_size},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5] * 3 if siglip else [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.5] * 3 if siglip else [0.26862954, 0.26130258, 0.27577711],
        "do_convert_rgb": True,
    }
    if not siglip:
        config |= {"do_center_crop": True, "crop_size": square}
    write_json(folder / "preprocessor_config.json", config)


def _spread_weights(model: torch.nn.Module) -> None:
    """Give every weight a size at which it matters: transformers' 0.02 makes all logits nearly equal."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim >= 2:
                parameter.normal_(0, 1 / math.sqrt(math.prod(parameter.shape[1:])))
            elif name.endswith("bias"):
                parameter.normal_(0, 0.1)
            else:
                parameter.uniform_(0.5, 1.5)


def _respell(folder: Path, spelling: Spelling) -> None:
    index = folder / "model.safetensors.index.json"
    shards = sorted(folder.glob("*.safetensors"))
    for shard in shards:
        save_file({spell(name, spelling): t for name, t in load_file(shard).items()}, shard, metadata={"format": "pt"})
    if index.exists():
        content = json.loads(index.read_text())
        content["weight_map"] = {spell(name, spelling): shard for name, shard in content["weight_map"].items()}
        write_json(index, content)


def spell(name: str, spelling: Spelling) -> str:
    """A tensor name as transformers 5.23 saves it, in another of the three spellings."""
    if spelling == "old":
        return name.replace("vision_tower.", "vision_tower.vision_model.", 1) if name.startswith("vision") else name
    if spelling == "memory":
        if name.startswith("language_model.lm_head."):
            return name.removeprefix("language_model.")
        return "model." + name.replace("language_model.model.", "language_model.", 1)
    return name


def write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
