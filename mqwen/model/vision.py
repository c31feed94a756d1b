"""pixel_values -> image features of the vision tower (CLIP, SigLIP, Chinese-CLIP)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from transformers import ChineseCLIPVisionModel, CLIPVisionModel, SiglipVisionModel

from mqwen.errors import InputError
from mqwen.model.config import MQwenConfig

VISION_MODELS: dict[str, Any] = {
    "clip_vision_model": CLIPVisionModel,
    "siglip_vision_model": SiglipVisionModel,
    "chinese_clip_vision_model": ChineseCLIPVisionModel,
}
VISION_TYPES = tuple(VISION_MODELS)


def build_vision_tower(vision_config: Any) -> nn.Module:
    """transformers' own vision model for `vision_config`, with new weights.

    Raises:
        ValueError: a kind of tower whose hidden states MQwen does not know.
    """
    if vision_config.model_type not in VISION_MODELS:
        raise ValueError(f"unknown vision tower {vision_config.model_type!r}; known: {', '.join(VISION_TYPES)}")
    return VISION_MODELS[vision_config.model_type](vision_config)


def vision_features(
    vision_tower: Any, pixel_values: torch.Tensor, config: MQwenConfig, between: Callable[[], object] | None = None
) -> torch.Tensor:
    """The hidden states that `vision_feature_layer` names, side by side.

    The tower's layers run one by one and stop at the last one that is used, which is exact: a later layer changes
    nothing before it. (CLIP-L with layer -2 saves one of 24 layers.)

    Args:
        pixel_values: [images, 3, height, width], of the size that the tower was made for.
        between: called before every layer; what it raises comes out.

    Returns:
        [images, image tokens, tower width * number of layers named], in the tower's dtype.

    Raises:
        InputError: pixel_values have another shape.
    """
    side = vision_tower.config.image_size
    if pixel_values.ndim != 4 or tuple(pixel_values.shape[1:]) != (3, side, side):
        raise InputError(
            f"pixel_values are {list(pixel_values.shape)}, this model takes [images, 3, {side}, {side}]",
            hint="Prepare the pictures with this model's own processor.",
        )
    weight = vision_tower.embeddings.patch_embedding.weight
    # A weight that waits elsewhere (accelerate's offload) is on the meta device: its hooks move the pixels, too.
    device = pixel_values.device if weight.is_meta else weight.device
    hidden_states = vision_tower.embeddings(pixel_values.to(device, weight.dtype))
    if hasattr(vision_tower, "pre_layrnorm"):  # CLIP and Chinese-CLIP; the spelling is theirs
        hidden_states = vision_tower.pre_layrnorm(hidden_states)

    layers = config.feature_layers
    kept = {0: hidden_states}
    for index, layer in enumerate(vision_tower.encoder.layers[: max(layers)], start=1):
        if between is not None:
            between()
        hidden_states = layer(hidden_states, None)
        if index in layers:
            kept[index] = hidden_states

    skip = 1 if config.vision_feature_select_strategy == "default" else 0
    return torch.cat([kept[index][:, skip:] for index in layers], dim=-1)
