"""Tiny random checkpoints, about 1 MB each, for every test that needs a model folder.

`tiny_llava` lets transformers write a LLaVA checkpoint; `tiny_parts` writes the three folders of the original layouts
(Qwen-1, openai CLIP, adapter) name by name. Neither uses MQwen's own code, so that a test of that code can fail.
"""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

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


class TinyParts(NamedTuple):
    """The three folders of the original layout."""

    language_model: Path
    vision_tower: Path
    adapter: Path


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


def tiny_parts(
    folder: Path,
    *,
    seed: int = 0,
    weights: Literal["safetensors", "bin"] = "safetensors",
    old_names: bool = False,
    shards: int = 2,
    hidden_size: int = 64,
    layers: int = 3,
    vocab_size: int = VOCAB_SIZE,
    dtype: torch.dtype = torch.float32,
    config_options: dict[str, Any] | None = None,
) -> TinyParts:
    """Write a Qwen-1 folder, an openai CLIP folder and an adapter folder below `folder`.

    Args:
        weights: how all three are stored; the adapter's `other_params.bin` is a pickle in both.
        old_names: spell the Qwen-1 config like its first release (n_embd, n_head, ...).
        config_options: further fields of the Qwen-1 config.

    The Qwen-1 folder holds Python files that fail the test if anything imports them.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int, scale: float | None = None) -> torch.Tensor:
        std = scale if scale is not None else 1 / math.sqrt(math.prod(shape[1:]))
        return (torch.randn(*shape, generator=generator) * std).to(dtype)

    parts = TinyParts(folder / "qwen", folder / "clip", folder / "adapter")
    for path in parts:
        path.mkdir(parents=True)
    _write_qwen1(
        parts.language_model, normal, hidden_size, layers, vocab_size, weights, shards, old_names, config_options
    )
    _write_clip(parts.vision_tower, normal, weights)
    _write_adapter(parts.adapter, normal, hidden_size, layers, weights)
    return parts


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
    _write_json(
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
    _write_json(folder / "preprocessor_config.json", config)


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
        _write_json(index, content)


def spell(name: str, spelling: Spelling) -> str:
    """A tensor name as transformers 5.23 saves it, in another of the three spellings."""
    if spelling == "old":
        return name.replace("vision_tower.", "vision_tower.vision_model.", 1) if name.startswith("vision") else name
    if spelling == "memory":
        if name.startswith("language_model.lm_head."):
            return name.removeprefix("language_model.")
        return "model." + name.replace("language_model.model.", "language_model.", 1)
    return name


def _write_qwen1(
    folder: Path,
    normal: Any,
    hidden: int,
    layers: int,
    vocab_size: int,
    weights: str,
    shards: int,
    old_names: bool,
    options: dict[str, Any] | None,
) -> None:
    ffn = 2 * hidden
    tensors = {"transformer.wte.weight": normal(vocab_size, hidden)}
    for n in range(layers):
        block = f"transformer.h.{n}."
        tensors |= {
            block + "ln_1.weight": 1 + normal(hidden, scale=0.2),
            block + "attn.c_attn.weight": normal(3 * hidden, hidden),
            block + "attn.c_attn.bias": normal(3 * hidden, scale=0.1),
            block + "attn.c_proj.weight": normal(hidden, hidden),
            block + "attn.masked_bias": torch.tensor(-1e4),
            block + "attn.rotary_emb.inv_freq": normal(8, scale=1.0),
            block + "ln_2.weight": 1 + normal(hidden, scale=0.2),
            block + "mlp.w1.weight": normal(ffn, hidden),
            block + "mlp.w2.weight": normal(ffn, hidden),
            block + "mlp.c_proj.weight": normal(hidden, ffn),
        }
    tensors |= {
        "transformer.rotary_emb.inv_freq": normal(8, scale=1.0),
        "transformer.ln_f.weight": 1 + normal(hidden, scale=0.2),
        "lm_head.weight": normal(vocab_size, hidden),
    }
    config: dict[str, Any] = {
        "architectures": ["QWenLMHeadModel"],
        "auto_map": {
            "AutoConfig": "configuration_qwen.QWenConfig",
            "AutoModelForCausalLM": "modeling_qwen.QWenLMHeadModel",
        },
        "model_type": "qwen",
        "kv_channels": hidden // 4,
        "layer_norm_epsilon": 1e-06,
        "max_position_embeddings": 1024,
        "no_bias": True,
        "rotary_emb_base": 10000,
        "rotary_pct": 1.0,
        "scale_attn_weights": True,
        "seq_length": 512,
        "tie_word_embeddings": False,
        "tokenizer_class": "QWenTokenizer",
        "use_dynamic_ntk": True,
        "use_logn_attn": True,
        "torch_dtype": str(tensors["lm_head.weight"].dtype).removeprefix("torch."),
    }
    sizes = (hidden, 4, layers, 2 * ffn, vocab_size)
    names = (
        ("n_embd", "n_head", "n_layer", "ffn_hidden_size", "padded_vocab_size")
        if old_names
        else ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size")
    )
    config |= dict(zip(names, sizes, strict=True)) | (options or {})
    if old_names:
        config["vocab_size"] = vocab_size - 5
    _write_json(folder / "config.json", config)
    _write_json(
        folder / "generation_config.json",
        {
            "chat_format": "chatml",
            "eos_token_id": ENDOFTEXT,
            "pad_token_id": ENDOFTEXT,
            "do_sample": True,
            "top_p": 0.8,
        },
    )
    ranks = "".join(f"{base64.b64encode(bytes([i])).decode()} {i}\n" for i in range(256))
    (folder / "qwen.tiktoken").write_text(ranks)
    _write_json(folder / "tokenizer_config.json", {"tokenizer_class": "QWenTokenizer", "model_max_length": 1024})
    for module in ("modeling_qwen", "configuration_qwen", "tokenization_qwen"):
        (folder / f"{module}.py").write_text("raise SystemExit('code of a model folder was run')\n")
    _write_shards(folder, tensors, weights, shards)


def _write_clip(folder: Path, normal: Any, weights: str) -> None:
    width, size, patch = 32, 56, 14
    vision = {"hidden_size": width, "image_size": size, "intermediate_size": 64, "patch_size": patch}
    vision |= {"num_attention_heads": 2, "num_hidden_layers": 3, "projection_dim": 16}
    text = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1}
    text |= {"max_position_embeddings": 12, "projection_dim": 16, "vocab_size": 64}
    config = {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 16, "vision_config_dict": None}
    _write_json(folder / "config.json", config | {"vision_config": vision, "text_config": text})
    positions = (size // patch) ** 2 + 1
    tensors = {
        "logit_scale": torch.tensor(2.6592),
        "text_model.embeddings.position_ids": torch.arange(12).unsqueeze(0),
        "text_model.embeddings.token_embedding.weight": normal(64, 16),
        "text_projection.weight": normal(16, 16),
        "visual_projection.weight": normal(16, width),
        "vision_model.embeddings.position_ids": torch.arange(positions).unsqueeze(0),
        "vision_model.embeddings.class_embedding": normal(width, scale=1.0),
        "vision_model.embeddings.patch_embedding.weight": normal(width, 3, patch, patch),
        "vision_model.embeddings.position_embedding.weight": normal(positions, width),
    }
    norms = ["pre_layrnorm", "post_layernorm"]
    matrices: dict[str, tuple[int, int]] = {}
    for n in range(3):
        block = f"encoder.layers.{n}."
        norms += [block + "layer_norm1", block + "layer_norm2"]
        matrices |= {block + f"self_attn.{p}": (width, width) for p in ("q_proj", "k_proj", "v_proj", "out_proj")}
        matrices |= {block + "mlp.fc1": (64, width), block + "mlp.fc2": (width, 64)}
    for name in norms:
        tensors[f"vision_model.{name}.weight"] = 1 + normal(width, scale=0.2)
        tensors[f"vision_model.{name}.bias"] = normal(width, scale=0.1)
    for name, shape in matrices.items():
        tensors[f"vision_model.{name}.weight"] = normal(*shape)
        tensors[f"vision_model.{name}.bias"] = normal(shape[0], scale=0.1)
    _write_shards(folder, tensors, weights, 1)
    write_image_processor(folder, size)


def _write_adapter(folder: Path, normal: Any, hidden: int, layers: int, weights: str) -> None:
    rank, ffn = 4, 2 * hidden
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 16, "bias": "none", "use_dora": False, "use_rslora": False}
    config |= {
        "target_modules": ["c_attn", "w1", "w2"],
        "rank_pattern": {},
        "alpha_pattern": {},
        "fan_in_fan_out": False,
    }
    _write_json(folder / "adapter_config.json", config)
    lora = {}
    for n in range(layers):
        for module, rows in (("attn.c_attn", 3 * hidden), ("mlp.w1", ffn), ("mlp.w2", ffn)):
            name = f"base_model.model.transformer.h.{n}.{module}.lora_"
            lora[name + "A.weight"] = normal(rank, hidden)
            lora[name + "B.weight"] = normal(rows, rank, scale=0.1)
    if weights == "bin":
        torch.save(lora, folder / "adapter_model.bin")
    else:
        save_file(lora, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    projector = {"0.weight": normal(hidden, 32), "0.bias": normal(hidden, scale=0.1)}
    projector |= {"2.weight": normal(hidden, hidden), "2.bias": normal(hidden, scale=0.1)}
    torch.save(projector, folder / "other_params.bin")


def _write_shards(folder: Path, tensors: dict[str, torch.Tensor], weights: str, shards: int) -> None:
    stem, suffix = ("model", "safetensors") if weights == "safetensors" else ("pytorch_model", "bin")
    names = list(tensors)
    size = -(-len(names) // shards)
    weight_map = {}
    for i in range(shards):
        file = f"{stem}.{suffix}" if shards == 1 else f"{stem}-{i + 1:05d}-of-{shards:05d}.{suffix}"
        chunk = {name: tensors[name] for name in names[i * size : (i + 1) * size]}
        weight_map |= dict.fromkeys(chunk, file)
        if weights == "safetensors":
            save_file(chunk, folder / file, metadata={"format": "pt"})
        else:
            torch.save(chunk, folder / file)
    if shards > 1:
        total = sum(t.nbytes for t in tensors.values())
        _write_json(
            folder / f"{stem}.{suffix}.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map}
        )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
