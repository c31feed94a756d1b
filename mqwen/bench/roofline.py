"""The limit that a device sets, whatever the program: how many images a second it could caption at best.

    images/s = 1 / ((F_vision + F_prefill) / C + n * t_step / B)
    t_step   = max((weight bytes + B * KV bytes) / BW, 2 * B * parameters / C)

C are operations a second and BW bytes a second, both measured; F counts two operations a weight and token, and the
products of attention (facts/performance.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

_BEST_OF = 5
_SIDE = {"cpu": 2048, "cuda": 8192}  # of the matrices whose product is measured
_COPIED = {"cpu": 1 << 28, "cuda": 1 << 31}  # bytes, more than caches hold


def images_per_second(
    config: Any,
    weights: Mapping[str, int],
    *,
    prompt: int,
    tokens: int,
    batch: int,
    operations: float,
    bandwidth: float,
    weight_bytes: float = 2,
    kv_bytes: int = 2,
) -> float:
    """Return the formula's figure.

    Args:
        config: the model's MQwenConfig.
        weights: how many, by part: vision, blocks, head (caption_shapes.weights_of).
        prompt: positions read for each image, its own tokens included.
        tokens: new ones for each image.
        operations, bandwidth: C and BW.
        weight_bytes, kv_bytes: bytes of a weight, and of a number in the cache.
    """
    vision, text = config.vision_config, config.text_config
    patches = (vision.image_size // vision.patch_size) ** 2 + 1
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    width = text.num_attention_heads * head_dim
    look = 2 * weights["vision"] * patches + 4 * vision.num_hidden_layers * patches**2 * vision.hidden_size
    # A causal row looks at half of the others on average.
    read = 2 * weights["blocks"] * prompt + 2 * text.num_hidden_layers * prompt**2 * width + 2 * weights["head"]
    context = prompt + tokens / 2
    kv = 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * kv_bytes * context
    decoded = weights["blocks"] + weights["head"]
    step = max((weight_bytes * decoded + batch * kv) / bandwidth, 2 * batch * decoded / operations)
    return 1 / ((look + read) / operations + tokens * step / batch)


def measured_limits(device: Any, dtype: Any) -> tuple[float, float]:
    """Return a device's operations a second (a large product) and bytes a second (a large copy), each at its best."""
    import torch
    from torch import nn

    from mqwen.engine.onednn_linear import use_onednn

    side = _SIDE[device.type]
    layers = nn.Sequential(nn.Linear(side, side, bias=False, device=device, dtype=dtype))
    use_onednn(layers)
    rows = torch.randn(side, side, device=device, dtype=dtype)
    with torch.inference_mode():
        operations = 2 * side**3 / _best(lambda: layers(rows), device)
    memory = torch.empty(_COPIED[device.type], dtype=torch.uint8, device=device)
    target = torch.empty_like(memory)
    return operations, 2 * len(memory) / _best(lambda: target.copy_(memory), device)


def _best(work: Callable[[], object], device: Any) -> float:
    import torch

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    work()
    seconds = []
    for _ in range(_BEST_OF):
        wait()
        begin = time.perf_counter()
        for _ in range(4):
            work()
        wait()
        seconds.append((time.perf_counter() - begin) / 4)
    return min(seconds)
