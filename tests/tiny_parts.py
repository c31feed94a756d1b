"""The three folders of the original layout, tiny and random, written name by name: Qwen-1, openai CLIP, adapter."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from safetensors.torch import save_file

from tests.tiny import ENDOFTEXT, VOCAB_SIZE, write_image_processor, write_json


class TinyParts(NamedTuple):
    """The three folders of the original layout."""

    language_model: Path
    vision_tower: Path
    adapter: Path


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
    sizes = (hidden_size, layers, vocab_size)
    _write_qwen1(parts.language_model, normal, sizes, weights, shards, old_names, config_options)
    _write_clip(parts.vision_tower, normal, weights)
    _write_adapter(parts.adapter, normal, hidden_size, layers, weights)
    return parts


def _write_qwen1(
    folder: Path,
    normal: Any,
    sizes: tuple[int, int, int],
    weights: str,
    shards: int,
    old_names: bool,
    options: dict[str, Any] | None,
) -> None:
    hidden, layers, vocab_size = sizes
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
    values = (hidden, 4, layers, 2 * ffn, vocab_size)
    names = (
        ("n_embd", "n_head", "n_layer", "ffn_hidden_size", "padded_vocab_size")
        if old_names
        else ("hidden_size", "num_attention_heads", "num_hidden_layers", "intermediate_size", "vocab_size")
    )
    config |= dict(zip(names, values, strict=True)) | (options or {})
    if old_names:
        config["vocab_size"] = vocab_size - 5
    write_json(folder / "config.json", config)
    write_json(
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
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "QWenTokenizer", "model_max_length": 1024})
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
    write_json(folder / "config.json", config | {"vision_config": vision, "text_config": text})
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
    write_json(folder / "adapter_config.json", config)
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
        write_json(
            folder / f"{stem}.{suffix}.index.json", {"metadata": {"total_size": total}, "weight_map": weight_map}
        )
