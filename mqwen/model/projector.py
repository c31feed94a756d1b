"""Image features -> the language model's width."""

from __future__ import annotations

import torch
from torch import nn
from transformers.activations import ACT2FN

from mqwen.model.config import MQwenConfig


class MultiModalProjector(nn.Module):
    """Two linear layers, an activation between: LLaVA's `multi_modal_projector`, the original's `feature_proj`."""

    INIT_STD = 0.01  # the original's (facts/model.md)

    def __init__(self, config: MQwenConfig) -> None:
        super().__init__()
        vision_width = config.vision_config.hidden_size * len(config.feature_layers)
        text_width = config.text_config.hidden_size
        self.linear_1 = nn.Linear(vision_width, text_width, bias=config.multimodal_projector_bias)
        self.act = ACT2FN[config.projector_hidden_act]
        self.linear_2 = nn.Linear(text_width, text_width, bias=config.multimodal_projector_bias)

    def forward(self, image_features: torch.Tensor) -> torch.Tensor:
        """[images, image tokens, vision width] -> [images, image tokens, hidden], in the projector's dtype."""
        dtype = self.linear_1.weight.dtype
        if dtype.is_floating_point:  # a quantised layer takes any
            image_features = image_features.to(dtype)
        return self.linear_2(self.act(self.linear_1(image_features)))
