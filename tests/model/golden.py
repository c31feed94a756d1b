"""The outputs of the original model's own code (data/golden_seed/README.md), and its tiny checkpoint as our model.

The conversion here is written from facts/model.md alone and shares no code with mqwen/model/layouts.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from mqwen.model import MQwenConfig, MQwenForConditionalGeneration

SEED = Path(__file__).resolve().parent.parent / "data" / "golden_seed"
MARKER = 303
IMAGE_TOKENS = 16


class Golden:
    """golden.npz as tensors and golden.json's cases."""

    def __init__(self) -> None:
        with np.load(SEED / "golden.npz") as arrays:
            self.arrays = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        self.cases: dict[str, Any] = json.loads((SEED / "golden.json").read_text())["cases"]

    def __getitem__(self, name: str) -> torch.Tensor:
        return self.arrays[name]

    def pixel_values(self, case: str) -> torch.Tensor | None:
        rows = self.cases[case]["image"]
        return None if rows is None else self["pixel_values"][rows]

    def labels(self, case: str) -> torch.Tensor:
        """The original's labels of the spliced row, with a marker's 16 positions put back to one."""
        rows = []
        for ids, spliced in zip(self[f"{case}.input_ids"], self[f"{case}.labels"], strict=True):
            at = int((ids == MARKER).nonzero())
            assert (spliced[at : at + IMAGE_TOKENS] == -100).all()
            rows.append(torch.cat([spliced[: at + 1], spliced[at + IMAGE_TOKENS :]]))
        return torch.stack(rows)


def seed_config(**extra: Any) -> MQwenConfig:
    qwen = json.loads((SEED / "qwen/config.json").read_text())
    clip = json.loads((SEED / "clip/config.json").read_text())["vision_config"]
    return MQwenConfig(
        vision_config=clip,
        text_config={
            "model_type": "qwen2",
            "hidden_size": qwen["hidden_size"],
            "intermediate_size": qwen["intermediate_size"] // 2,
            "num_hidden_layers": qwen["num_hidden_layers"],
            "num_attention_heads": qwen["num_attention_heads"],
            "num_key_value_heads": qwen["num_attention_heads"],
            "vocab_size": qwen["vocab_size"],
            "rms_norm_eps": qwen["layer_norm_epsilon"],
            "rope_parameters": {"rope_type": "default", "rope_theta": float(qwen["rotary_emb_base"])},
            "max_position_embeddings": qwen["max_position_embeddings"],
            "tie_word_embeddings": False,
        },
        image_token_id=MARKER,
        vision_feature_layer=-1,
        projector_hidden_act="gelu",
        **extra,
    )


def seed_model(*, merged: bool = True) -> MQwenForConditionalGeneration:
    """The golden checkpoint in eval mode, its LoRA merged or left out."""
    qwen = {}
    for shard in sorted((SEED / "qwen").glob("*.safetensors")):
        qwen |= load_file(shard)
    lora = torch.load(SEED / "adapter/adapter_model.bin", weights_only=True)
    if merged:
        for name in [name for name in lora if name.endswith("lora_A.weight")]:
            target = name.removeprefix("base_model.model.").replace("lora_A.weight", "weight")
            qwen[target] = qwen[target] + 32 / 4 * lora[name.replace("lora_A", "lora_B")] @ lora[name]
    ours = {
        "lm_head.weight": qwen["lm_head.weight"],
        "language_model.embed_tokens.weight": qwen["transformer.wte.weight"],
        "language_model.norm.weight": qwen["transformer.ln_f.weight"],
    }
    for layer in range(3):
        old, new = f"transformer.h.{layer}.", f"language_model.layers.{layer}."
        for kind in ("weight", "bias"):
            thirds = qwen[old + f"attn.c_attn.{kind}"].chunk(3)
            ours |= {f"{new}self_attn.{x}_proj.{kind}": part for x, part in zip("qkv", thirds, strict=True)}
        ours[new + "self_attn.o_proj.weight"] = qwen[old + "attn.c_proj.weight"]
        ours[new + "mlp.gate_proj.weight"] = qwen[old + "mlp.w2.weight"]
        ours[new + "mlp.up_proj.weight"] = qwen[old + "mlp.w1.weight"]
        ours[new + "mlp.down_proj.weight"] = qwen[old + "mlp.c_proj.weight"]
        ours[new + "input_layernorm.weight"] = qwen[old + "ln_1.weight"]
        ours[new + "post_attention_layernorm.weight"] = qwen[old + "ln_2.weight"]
    for name, value in load_file(SEED / "clip/model.safetensors").items():
        if name.startswith("vision_model.") and "position_ids" not in name:
            ours["vision_tower." + name.removeprefix("vision_model.")] = value
    for name, value in torch.load(SEED / "adapter/other_params.bin", weights_only=True).items():
        ours["multi_modal_projector." + name.replace("0.", "linear_1.").replace("2.", "linear_2.")] = value
    model = MQwenForConditionalGeneration(seed_config())
    model.load_state_dict(ours)
    model.generation_config.update(eos_token_id=300, pad_token_id=300)
    return model.eval()
