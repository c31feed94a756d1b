"""MQwenForConditionalGeneration: vision tower + projector + Qwen, image features spliced into the prompt's embeddings.

Names in the state dict (in memory; layouts.py maps the spellings of files onto them):
    vision_tower.{embeddings,pre_layrnorm,encoder.layers.N,post_layernorm}.*   transformers' vision model, bare
    multi_modal_projector.{linear_1,linear_2}.{weight,bias}
    language_model.{embed_tokens,layers.N,norm}.*                              transformers' Qwen2Model or Qwen3Model
    lm_head.weight                                                             the embedding itself, if tied
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn
from transformers import GenerationMixin, PreTrainedModel, Qwen2Model, Qwen3Model, initialization
from transformers.cache_utils import Cache
from transformers.modeling_outputs import ModelOutput

from mqwen.errors import InputError
from mqwen.model.config import MQwenConfig
from mqwen.model.projector import MultiModalProjector
from mqwen.model.qwen1 import LOGN_ATTENTION, logn_scale, ntk_frequencies, turn_rope
from mqwen.model.rows import SplicedRows, positions_of, shifted_cross_entropy, splice_rows, spliced_labels
from mqwen.model.vision import build_vision_tower, vision_features

TEXT_MODELS: dict[str, Any] = {"qwen2": Qwen2Model, "qwen3": Qwen3Model}
TEXT_TYPES = tuple(TEXT_MODELS)


@dataclass
class MQwenOutput(ModelOutput):
    """What a forward pass returns; T is the spliced length.

    Attributes:
        loss: the mean cross entropy of the tokens whose label is not -100, if labels were given.
        logits: [rows, T, vocabulary].
        past_key_values: the cache, if one was used.
        image_features: [images, image tokens, hidden], if pictures were given.
        attention_mask: [rows, T], 1 at real tokens: where the ragged rows' tokens are in `logits`.
    """

    loss: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    past_key_values: Cache | None = None
    image_features: torch.Tensor | None = None
    attention_mask: torch.Tensor | None = None


class MQwenForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """A LLaVA model with a Qwen text model: one marker in input_ids stands for one picture.

    Raises:
        ValueError: the configuration names a tower, a text model or a layer that MQwen does not know.
    """

    config_class = MQwenConfig
    base_model_prefix = ""
    input_modalities = ("image", "text")
    supports_gradient_checkpointing = True
    _no_split_modules = ["Qwen2DecoderLayer", "Qwen3DecoderLayer"]
    _skip_keys_device_placement = ["past_key_values"]
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True
    _tied_weights_keys = {"lm_head.weight": "language_model.embed_tokens.weight"}

    def __init__(self, config: MQwenConfig) -> None:
        super().__init__(config)
        text_config: Any = config.text_config
        if text_config.model_type not in TEXT_MODELS:
            raise ValueError(f"unknown text model {text_config.model_type!r}; known: {', '.join(TEXT_TYPES)}")
        self.vision_tower = build_vision_tower(config.vision_config)
        self.multi_modal_projector = MultiModalProjector(config)
        self.language_model = TEXT_MODELS[text_config.model_type](text_config)
        self.lm_head = nn.Linear(text_config.hidden_size, text_config.vocab_size, bias=False)
        if config.use_logn_attn:
            self.language_model.config._attn_implementation = LOGN_ATTENTION
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, MultiModalProjector):
            for linear in (module.linear_1, module.linear_2):
                initialization.normal_(linear.weight, mean=0.0, std=MultiModalProjector.INIT_STD)
                if linear.bias is not None:
                    initialization.zeros_(linear.bias)

    def _apply(self, fn: Any, recurse: bool = True) -> MQwenForConditionalGeneration:
        super()._apply(fn, recurse)
        self.restore_buffers()
        return self

    @torch.no_grad()
    def restore_buffers(self) -> None:
        """Compute anew what no file holds (RoPE's frequencies, position ids), on the device of the weights.

        Called after every `.to(...)`: a cast to bfloat16 would round RoPE's frequencies, which ruins long prompts, and
        `to_empty` leaves noise. Call it after `load_state_dict(assign=True)` into a model made on the meta device.
        """
        device = self.get_input_embeddings().weight.device
        if device.type == "meta":
            return
        rotary = self.language_model.rotary_emb
        with torch.device("cpu"):
            fresh = type(rotary)(self.language_model.config)
        rotary.inv_freq = fresh.inv_freq.to(device)
        rotary.original_inv_freq = fresh.original_inv_freq.to(device)
        embeddings: Any = self.vision_tower.embeddings
        positions = torch.arange(embeddings.num_positions, device=embeddings.patch_embedding.weight.device)
        embeddings.position_ids = positions.unsqueeze(0)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.language_model.embed_tokens

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.language_model.embed_tokens = value

    def get_output_embeddings(self) -> nn.Linear:
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        self.lm_head = new_embeddings

    def get_image_features(
        self, pixel_values: torch.Tensor, between: Callable[[], object] | None = None
    ) -> torch.Tensor:
        """The projected features of `pixel_values` [images, 3, H, W]: [images, image tokens, hidden].

        Args:
            between: called before every layer of the tower; what it raises comes out.

        Raises:
            InputError: pixel_values have another shape than the tower takes.
        """
        return self.multi_modal_projector(vision_features(self.vision_tower, pixel_values, self.config, between))

    def splice(
        self,
        input_ids: torch.Tensor,
        pixel_values: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        *,
        side: Literal["left", "right"] | None = None,
    ) -> tuple[SplicedRows, torch.Tensor, torch.Tensor | None]:
        """Embed the prompt with every marker replaced by its picture's features.

        Args:
            side: where to add what shorter rows lack; by default where attention_mask has its padding, else right.

        Returns:
            the rows' layout, inputs_embeds [rows, T, hidden], image_features [images, image tokens, hidden] or None.

        Raises:
            InputError: markers and pictures do not match, or ids and mask do not fit together or the vocabulary.
        """
        if input_ids.ndim != 2 or input_ids.numel() == 0:
            raise InputError(f"input_ids are {list(input_ids.shape)}, expected [rows, tokens] with at least one token")
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        elif attention_mask.shape != input_ids.shape:
            raise InputError(
                f"attention_mask is {list(attention_mask.shape)}, input_ids are {list(input_ids.shape)}",
                hint="Both hold one entry per image marker; the mask is extended together with the ids.",
            )
        is_marker = (input_ids == self.config.image_token_id) & attention_mask.bool()
        markers = int(is_marker.sum())
        images = 0 if pixel_values is None else len(pixel_values)
        if markers != images:
            raise InputError(
                f"{markers} image marker(s) in input_ids, but {images} image(s) in pixel_values",
                hint=f"Each image needs one marker, id {self.config.image_token_id}.",
            )
        # A marker may lie outside the vocabulary, and what stands under padding is nobody's concern.
        words = input_ids.masked_fill(is_marker | ~attention_mask.bool(), 0)
        vocabulary = self.get_input_embeddings().num_embeddings
        if int(words.min()) < 0 or int(words.max()) >= vocabulary:
            raise InputError(
                f"input_ids reach from {int(words.min())} to {int(words.max())}, the model knows 0 to {vocabulary - 1}",
                hint="Use the tokenizer that belongs to this model.",
            )
        if side is None:
            side = "left" if bool((attention_mask[:, 0] == 0).any()) else "right"
        rows = splice_rows(is_marker, attention_mask, self.config.image_tokens, side=side)
        inputs_embeds = self.get_input_embeddings()(words.gather(1, rows.column))
        if pixel_values is None or not images:
            return rows, inputs_embeds, None
        image_features = self.get_image_features(pixel_values).to(inputs_embeds)
        inputs_embeds = inputs_embeds.masked_scatter(rows.is_image.unsqueeze(-1), image_features)
        return rows, inputs_embeds, image_features

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        pixel_values: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        inputs_embeds: torch.Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        inv_freq: torch.Tensor | None = None,
        return_dict: bool = True,
    ) -> MQwenOutput | tuple[Any, ...]:
        """One pass over a prompt, or over the next tokens of a cached one.

        Args:
            input_ids: [rows, S], ONE marker per picture.
            pixel_values: [pictures in reading order, 3, H, W].
            attention_mask: [rows, S], 0 at padding, which may be left or right. With a filled cache or with
                inputs_embeds: [rows, spliced length, the cached included], or what else the text model takes.
            labels: [rows, S], -100 = ignored; a marker's positions are masked.
            position_ids: [rows, T]; by default counted by attention_mask.
            inputs_embeds: [rows, T, hidden], already spliced (see `splice`), instead of input_ids. With it, with
                position_ids and (for Qwen-1) inv_freq, nothing here waits for the device.
            logits_to_keep: the last so many logits only, or those at the given positions; 0 = all.
            inv_freq: [rows, 1, head_dim / 2], Qwen-1's NTK only: each row's frequencies (`qwen1.ntk_frequencies`). By
                default those of the rows' lengths when the cache was empty.

        Raises:
            InputError: markers and pictures, ids and mask, or ids and labels do not fit together.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("exactly one of input_ids and inputs_embeds is needed")
        image_features = None
        if input_ids is not None:
            filled = past_key_values is not None and int(past_key_values.get_seq_length()) > 0
            if filled and pixel_values is None:  # decoding: ids are words, even where the model wrote the marker itself
                inputs_embeds = self.get_input_embeddings()(input_ids)
            else:
                rows, inputs_embeds, image_features = self.splice(
                    input_ids, pixel_values, None if filled else attention_mask
                )
                if labels is not None:
                    if labels.shape != input_ids.shape:
                        raise InputError(f"labels are {list(labels.shape)}, input_ids are {list(input_ids.shape)}")
                    labels = spliced_labels(labels, rows)
                if not filled:
                    attention_mask = rows.attention_mask
        assert inputs_embeds is not None
        if position_ids is None:
            position_ids = self._positions(inputs_embeds, attention_mask, past_key_values)
        if self.config.use_dynamic_ntk:
            inv_freq = turn_rope(self.language_model, self.config, position_ids, past_key_values, inv_freq)

        beyond: dict[str, Any] = {}
        if self.config.use_logn_attn and not self.training:
            beyond["logn"] = logn_scale(position_ids, self.config.seq_length)
        outputs = self.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=False if self.training and use_cache is None else use_cache,
            **beyond,
        )
        if inv_freq is not None and outputs.past_key_values is not None:
            outputs.past_key_values.inv_freq = inv_freq  # the keys in this cache were turned with it
        hidden_states = outputs.last_hidden_state
        if not isinstance(logits_to_keep, int):
            hidden_states = hidden_states[:, logits_to_keep]
        elif logits_to_keep:
            hidden_states = hidden_states[:, -logits_to_keep:]
        logits = self.lm_head(hidden_states)
        output = MQwenOutput(
            loss=None if labels is None else shifted_cross_entropy(logits, labels),
            logits=logits,
            past_key_values=outputs.past_key_values,
            image_features=image_features,
            attention_mask=attention_mask,
        )
        return output if return_dict else output.to_tuple()

    @torch.no_grad()
    def generate(
        self,
        input_ids: torch.Tensor,
        pixel_values: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """transformers' own generation loop on the spliced prompt.

        The rows are brought to the right end, wherever their padding was. Processors that look at the prompt (the
        repetition penalty above all) see its ids, the marker among them, as in the original.

        Args:
            kwargs: transformers' generation settings.

        Returns:
            the new ids only, [rows, new tokens], filled up with the pad id after a row's end; or transformers' output
            object with such `sequences`, if return_dict_in_generate.

        Raises:
            InputError: see `splice`; or a row without a single token.
        """
        rows, inputs_embeds, _ = self.splice(input_ids, pixel_values, attention_mask, side="left")
        if not bool(rows.attention_mask.any(-1).all()):
            raise InputError("a row of input_ids has no token that attention_mask lets through")
        # Padding repeats the row's own first token: a penalty on the pad id would make a row depend on its neighbours.
        first = rows.attention_mask.argmax(-1, keepdim=True)
        column = torch.where(rows.attention_mask.bool(), rows.column, rows.column.gather(1, first))
        # A marker outside the vocabulary has no score to penalise; the last entry stands in for it.
        prompt = input_ids.gather(1, column).clamp(max=self.lm_head.out_features - 1)
        if self.config.use_dynamic_ntk and not self.training:
            kwargs["inv_freq"] = ntk_frequencies(self.config, rows.attention_mask.sum(-1))
        generated = super().generate(
            input_ids=prompt, inputs_embeds=inputs_embeds, attention_mask=rows.attention_mask, **kwargs
        )
        if isinstance(generated, torch.Tensor):
            return generated[:, prompt.shape[1] :]
        generated.sequences = generated.sequences[:, prompt.shape[1] :]
        return generated

    @classmethod
    def from_pretrained(
        cls, folder: str | PathLike[str], *, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
    ) -> MQwenForConditionalGeneration:
        """Load a LLaVA folder: `load_checkpoint` by the name that transformers' users know."""
        from mqwen.model.checkpoint import load_checkpoint

        return load_checkpoint(Path(folder), dtype=dtype, device=device)

    def save_pretrained(self, save_directory: str | PathLike[str], **kwargs: Any) -> None:
        """Write the model as a LLaVA folder that transformers and vLLM load, too. No further options are taken.

        Raises:
            InputError: further options, or a LoRA that is not merged.
            WriteError: the folder cannot be written.
        """
        from mqwen.model.checkpoint import save_checkpoint

        if kwargs:
            raise InputError(f"save_pretrained takes a folder only, not {', '.join(kwargs)}")
        if hasattr(self, "lora"):
            raise InputError("the model's LoRA is not merged", hint="Call merge_lora(model), or save_adapter(model).")
        save_checkpoint(self, Path(save_directory))

    @staticmethod
    def _positions(inputs_embeds: torch.Tensor, attention_mask: Any, past_key_values: Cache | None) -> torch.Tensor:
        rows, new = inputs_embeds.shape[:2]
        cached = 0 if past_key_values is None else int(past_key_values.get_seq_length())
        if isinstance(attention_mask, torch.Tensor) and attention_mask.ndim == 2:
            if attention_mask.shape != (rows, cached + new):
                raise InputError(
                    f"attention_mask is {list(attention_mask.shape)}, expected [{rows}, {cached + new}]: one entry for "
                    "each spliced position, the cached ones included"
                )
            return positions_of(attention_mask)[:, -new:]
        return torch.arange(cached, cached + new, device=inputs_embeds.device).expand(rows, new)
