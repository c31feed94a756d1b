"""Qwen-1's text model in 60 lines, float64, one row, no cache: what dynamic NTK and logn attention have to give.

Written from the formulas in facts/model.md. A cache changes no number here: the NTK factor is that of the prompt for
all tokens, and logn goes by position, so reading prompt and answer at once is reading them with a cache.
"""

from __future__ import annotations

import math

import torch

from mqwen.model import MQwenForConditionalGeneration


def turned(heads: torch.Tensor, base: float) -> torch.Tensor:
    """RoPE on [heads, positions, d], pairs (i, i + d/2)."""
    _, positions, d = heads.shape
    out = torch.empty_like(heads)
    for i in range(d // 2):
        angle = torch.arange(positions, dtype=torch.float64) / base ** (2 * i / d)
        a, b = heads[..., i], heads[..., i + d // 2]
        out[..., i] = a * angle.cos() - b * angle.sin()
        out[..., i + d // 2] = b * angle.cos() + a * angle.sin()
    return out


def rms_norm(x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    return x / (x.pow(2).mean(-1, keepdim=True) + epsilon).sqrt() * weight


def reference_logits(
    model: MQwenForConditionalGeneration,
    inputs_embeds: torch.Tensor,
    *,
    prompt_length: int,
    seq_length: int,
    ntk: bool,
    logn: bool,
) -> torch.Tensor:
    """Logits [positions, vocabulary] of the spliced row `inputs_embeds` [positions, hidden], float64."""
    text = model.config.text_config
    weights = {name: value.double() for name, value in model.state_dict().items()}
    heads = text.num_attention_heads
    d = text.hidden_size // heads
    base = text.rope_parameters["rope_theta"]
    if ntk:
        alpha = max(2 ** math.ceil(math.log(prompt_length / seq_length, 2) + 1) - 1, 1)
        base = base * alpha ** (d / (d - 2))
    x = inputs_embeds.double()
    count = len(x)
    future = torch.ones(count, count, dtype=torch.bool).triu(1)
    for n in range(text.num_hidden_layers):
        layer = {
            name.split(f"layers.{n}.")[1]: w for name, w in weights.items() if f"language_model.layers.{n}." in name
        }
        h = rms_norm(x, layer["input_layernorm.weight"], text.rms_norm_eps)
        q, k, v = (
            (h @ layer[f"self_attn.{part}_proj.weight"].T + layer[f"self_attn.{part}_proj.bias"])
            .view(count, heads, d)
            .transpose(0, 1)
            for part in "qkv"
        )
        q, k = turned(q, base), turned(k, base)
        if logn:
            for p in range(count):
                if p + 1 > seq_length:
                    q[:, p] *= math.log(p + 1, seq_length)
        scores = (q @ k.transpose(1, 2) / math.sqrt(d)).masked_fill(future, -torch.inf)
        mixed = (scores.softmax(-1) @ v).transpose(0, 1).reshape(count, heads * d)
        x = x + mixed @ layer["self_attn.o_proj.weight"].T
        h = rms_norm(x, layer["post_attention_layernorm.weight"], text.rms_norm_eps)
        gate, up = h @ layer["mlp.gate_proj.weight"].T, h @ layer["mlp.up_proj.weight"].T
        x = x + (gate * gate.sigmoid() * up) @ layer["mlp.down_proj.weight"].T
    return rms_norm(x, weights["language_model.norm.weight"], text.rms_norm_eps) @ weights["lm_head.weight"].T
