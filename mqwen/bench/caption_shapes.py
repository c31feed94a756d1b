"""Models of named real shapes with random weights, so that speed can be measured without a download."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import GenerationConfig

from mqwen.engine import device as devices
from mqwen.engine.captioner import Captioner
from mqwen.model.assembly import expected_shapes, meta_model
from mqwen.model.layouts import llava_config
from mqwen.model.pixel_values import load_transform
from mqwen.model.processor import MQwenProcessor
from mqwen.model.quantize import fill, quantize_, share_head
from mqwen.model.report import CheckpointReport, report_of
from mqwen.model.splice import MQwenForConditionalGeneration

_CLIP_L = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "projection_dim": 768,
}
_ROPE = {"rope_type": "default", "rope_theta": 1_000_000.0}


def _text(hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, vocabulary: int) -> dict[str, Any]:
    return {
        "model_type": "qwen2",
        "hidden_size": hidden,
        "intermediate_size": intermediate,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "vocab_size": vocabulary,
        "max_position_embeddings": 8192,
        "rope_parameters": _ROPE,
    }


_QWEN1 = {"use_dynamic_ntk": True, "use_logn_attn": True, "seq_length": 8192}
SHAPES: dict[str, dict[str, Any]] = {
    "clip-l+qwen2-0.5b": {
        "vision_config": _CLIP_L,
        "text_config": _text(896, 4864, 24, 14, 2, 151936) | {"tie_word_embeddings": True},
        "tie_word_embeddings": True,
    },
    "clip-l+qwen2-7b": {"vision_config": _CLIP_L, "text_config": _text(3584, 18944, 28, 28, 4, 152064)},
    "clip-l+qwen-7b": {"vision_config": _CLIP_L, "text_config": _text(4096, 11008, 32, 32, 32, 151936), **_QWEN1},
    # For trying out the benchmark itself.
    "tiny": {
        "vision_config": _CLIP_L
        | {
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 56,
            "projection_dim": 32,
        },
        "text_config": _text(64, 128, 2, 4, 2, 640),
    },
}
_SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|extra_0|>")
_INIT_STD = 0.02  # transformers' own


def shape_config(name: str) -> Any:
    """Return the MQwenConfig of one of SHAPES; KeyError for another."""
    vocabulary = SHAPES[name]["text_config"]["vocab_size"]
    return llava_config(
        {
            "model_type": "llava",
            "image_token_index": _special_ids(vocabulary)["<|extra_0|>"],
            "vision_feature_layer": -1,
            "vision_feature_select_strategy": "default",
            **SHAPES[name],
        }
    )


def shape_report(name: str) -> CheckpointReport:
    """Return what a checkpoint of this shape would need."""
    config = shape_config(name)
    return report_of(config, expected_shapes(meta_model(config)), layout="llava", stored_bytes=0)


def shaped_captioner(name: str, plan: devices.Plan, folder: Path) -> Captioner:
    """Return a Captioner whose model has random weights, the same every time on the same device.

    Args:
        folder: gets config.json, a tokenizer and an image processor.
    """
    config = shape_config(name)
    _write_files(folder, SHAPES[name])
    processor = MQwenProcessor(folder, folder, config)
    model = random_model(config, plan)
    if plan.offload:
        devices.spread(model, plan)
    model.generation_config = GenerationConfig(pad_token_id=processor.pad_id, do_sample=False)
    return Captioner(model, processor, plan, folder)


@torch.no_grad()
def random_model(config: Any, plan: devices.Plan) -> MQwenForConditionalGeneration:
    """Return a model with random weights as a Plan says, which is never there in full precision if it is quantised."""
    model = meta_model(config)
    shapes = expected_shapes(model)
    quantize_(model, plan.quantize, plan.dtype)
    device = torch.device("cpu") if plan.offload else plan.device
    generator = torch.Generator(device).manual_seed(0)
    for name, shape in shapes.items():
        path, _, leaf = name.rpartition(".")
        module = model.get_submodule(path)
        if len(shape) >= 2:
            tensor = torch.empty(shape, dtype=plan.dtype, device=device).normal_(0, _INIT_STD, generator=generator)
        else:
            tensor = torch.full(shape, float("norm" in path and leaf == "weight"), dtype=plan.dtype, device=device)
        if not fill(module, leaf, tensor, plan.dtype, device):
            setattr(module, leaf, nn.Parameter(tensor, requires_grad=False))
    share_head(model)
    model.tie_weights()
    model.restore_buffers()
    model.config.dtype = plan.dtype
    return model.eval()


def weights_of(config: Any) -> dict[str, int]:
    """Return how many weights a model has by part: vision (tower and projector), blocks, head."""
    shapes = expected_shapes(meta_model(config))
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}

    def under(*prefixes: str) -> int:
        return sum(size for name, size in sizes.items() if name.startswith(prefixes))

    return {
        "vision": under("vision_tower.", "multi_modal_projector."),
        "blocks": under("language_model.layers."),
        "head": config.text_config.hidden_size * config.text_config.vocab_size,
    }


def _special_ids(vocabulary: int) -> dict[str, int]:
    """Qwen's own ids where the vocabulary is Qwen's, else the last ones."""
    first = 151643 if vocabulary > 151643 + len(_SPECIALS) else vocabulary - len(_SPECIALS)
    return {
        **{name: first + number for number, name in enumerate(_SPECIALS[:3])},
        "<|extra_0|>": first + 3,
    }


def _write_files(folder: Path, shape: dict[str, Any]) -> None:
    """Write a byte-level tokenizer in which every id means some word, and the vision tower's image processing."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    vocabulary = shape["text_config"]["vocab_size"]
    special = _special_ids(vocabulary)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    entries = {character: number for number, character in enumerate(alphabet)}
    entries |= {f"Ġw{number}": number for number in range(len(alphabet), vocabulary)}
    entries = {text: number for text, number in entries.items() if number not in special.values()} | special
    tokenizer = Tokenizer(models.BPE(vocab=entries, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special))
    tokenizer.save(str(folder / "tokenizer.json"))
    size = shape["vision_config"]["image_size"]
    transform, kind = load_transform(folder, shape["vision_config"]["model_type"], (size, size))
    settings = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast"}
    for name, content in (
        ("tokenizer_config.json", settings),
        ("preprocessor_config.json", transform.to_dict(kind)),
        ("config.json", {"model_type": "llava", **shape}),
    ):
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
