"""What Qwen-1 adds to Qwen2: dynamic NTK and logn attention, both for text longer than it was trained on.

The formulas are those of Qwen-1's own code (facts/model.md): S is the trained length, L a row's prompt with its images
spliced in, d the width of a head, p a position counted from 0.

    alpha = max(2 ** ceil(log2(L / S) + 1) - 1, 1)        base' = base * alpha ** (d / (d - 2))
    query at p  *=  log(p + 1) / log(S)   where p + 1 > S

alpha is settled when the prompt is read and stays while tokens are added: the keys in the cache were turned with it.
Both hold in inference only. L and p are a row's own, padding not counted, so that a caption does not depend on its
neighbours in a batch.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from mqwen.model.config import MQwenConfig

LOGN_ATTENTION = "sdpa_logn"


def ntk_alpha(length: int, seq_length: int) -> int:
    """Qwen-1's NTK factor of a prompt of `length` tokens for a model trained on `seq_length`: 1, 3, 7, 15, ..."""
    return max(2 ** math.ceil(math.log2(length / seq_length) + 1) - 1, 1)


def ntk_frequencies(config: MQwenConfig, prompt_lengths: torch.Tensor) -> torch.Tensor:
    """RoPE's inverse frequencies of every row.

    Args:
        prompt_lengths: [rows], each row's spliced prompt in tokens, at least 1.

    Returns:
        [rows, 1, head_dim / 2], float32, on the device of `prompt_lengths`.
    """
    text: Any = config.text_config
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
    rows = []
    for length in prompt_lengths.tolist():
        alpha = ntk_alpha(length, config.seq_length)
        base = text.rope_parameters["rope_theta"] * alpha ** (head_dim / (head_dim - 2))
        rows.append(1.0 / (base**exponents))
    return torch.stack(rows).unsqueeze(1).to(prompt_lengths.device)


def turn_rope(
    language_model: nn.Module,
    config: MQwenConfig,
    position_ids: torch.Tensor,
    past_key_values: Cache | None,
    inv_freq: torch.Tensor | None,
) -> torch.Tensor | None:
    """Set RoPE's frequencies for one pass: those given, those of the cached prompt, or new ones by the rows' lengths.

    Returns:
        what was set, for the cache to remember; None in training.
    """
    rotary: Any = language_model.rotary_emb
    if language_model.training:
        rotary.inv_freq = rotary.original_inv_freq
        return None
    if inv_freq is None and past_key_values is not None and int(past_key_values.get_seq_length()) > 0:
        inv_freq = getattr(past_key_values, "inv_freq", None)
    if inv_freq is None:
        inv_freq = ntk_frequencies(config, position_ids.amax(-1) + 1)
    rotary.inv_freq = inv_freq
    return inv_freq


def logn_scale(position_ids: torch.Tensor, seq_length: int) -> torch.Tensor:
    """The factor of the query at each position, float32, in the shape of `position_ids`."""
    return ((position_ids + 1).float().log() / math.log(seq_length)).clamp(min=1.0)


def sdpa_logn_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    logn: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """transformers' SDPA attention with the query [rows, heads, tokens, head_dim] scaled by `logn` [rows, tokens]."""
    if logn is not None:
        query = query * logn[:, None, :, None].to(query.dtype)
    return sdpa_attention_forward(module, query, key, value, attention_mask, **kwargs)


AttentionInterface.register(LOGN_ATTENTION, sdpa_logn_attention)
AttentionMaskInterface.register(LOGN_ATTENTION, sdpa_mask)
