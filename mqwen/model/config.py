"""The configuration of a spliced model: transformers' own LLaVA configuration and what Qwen-1 adds to it."""

from __future__ import annotations

from huggingface_hub.dataclasses import strict
from transformers import LlavaConfig


@strict
class MQwenConfig(LlavaConfig):
    """Reads and writes the config.json of transformers' LLaVA (`model_type: llava`), with three fields more.

    `image_token_id` is an alias of LLaVA's `image_token_index`. transformers and vLLM ignore the three fields.

    Attributes:
        use_dynamic_ntk: widen RoPE's base for prompts longer than `seq_length` (Qwen-1).
        use_logn_attn: scale the queries at positions beyond `seq_length` (Qwen-1).
        seq_length: the length in tokens that Qwen-1 was trained on.
    """

    use_dynamic_ntk: bool = False
    use_logn_attn: bool = False
    seq_length: int = 8192

    @property
    def feature_layers(self) -> list[int]:
        """The indices into the vision tower's hidden states (0 = its embeddings), counted from the front.

        Raises:
            ValueError: the tower has no such layer.
        """
        layers = self.vision_feature_layer
        states = self.vision_config.num_hidden_layers + 1
        chosen = [layers] if isinstance(layers, int) else list(layers)
        if not chosen or not all(-states <= layer < states for layer in chosen):
            raise ValueError(f"vision_feature_layer {layers} is outside the {states} hidden states of the vision tower")
        return [layer % states for layer in chosen]

    @property
    def image_tokens(self) -> int:
        """How many positions of the language model one image takes."""
        vision = self.vision_config
        patches = (vision.image_size // vision.patch_size) ** 2
        has_class_token = vision.model_type != "siglip_vision_model"
        # LLaVA's "default" drops the first position whatever it is: SigLIP, which has no class token, loses a patch.
        return patches + has_class_token - (self.vision_feature_select_strategy == "default")
