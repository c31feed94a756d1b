"""One step of the language model: the next token of every slot, and a piece of new prompts beside them.

A row is one token. A step's rows are the last tokens of the slots 0, 1, ... ("decode rows") and, behind them, a block
of prompt tokens of other slots ("pieces"). All go through the linear layers together, so that reading the weights is
paid once; only attention tells them apart. Nothing here depends on transformers' caches or masks, and every shape
follows from StepShape: a compiled or captured step can be used again for all steps of its shape.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from mqwen.engine.cache import SlotCache
from mqwen.errors import InputError
from mqwen.model.quantize import Int8Linear
from mqwen.model.quantize import fused as fused_int8
from mqwen.model.qwen1 import logn_scale, ntk_alpha, ntk_frequencies

if TYPE_CHECKING:
    from mqwen.model.splice import MQwenForConditionalGeneration

ROW_MULTIPLE = 4  # see MKL_CBWR in mqwen/model/__init__.py
# Attention reads so many positions or a multiple of it: on a card for few shapes. On a processor PyTorch's attention
# goes through the keys in blocks of 512, and only whole blocks are added up in the same order whatever comes behind.
WINDOW_MULTIPLE = {"cpu": 512, "cuda": 64}
_PREFIXES_KEPT = 8


@dataclass(frozen=True)
class StepShape:
    """What the shapes of a step's tensors follow from.

    Attributes:
        rows: decode rows, those of the slots 0 to rows - 1.
        pieces: slots whose prompts go on in this step.
        width: prompt tokens of each, padding included.
        window: positions of the cache that attention reads.
        logits: rows whose logits are wanted.
    """

    rows: int
    pieces: int
    width: int
    window: int
    logits: int


@dataclass
class StepInput:
    """The tensors of a step; M = rows + pieces * width.

    Attributes:
        numbers: [3, M], int64: token id (0 in a prompt), position, slot written to (`nowhere` for padding).
        piece_slots: [pieces], int64.
        logit_rows: [logits], int64: indices into the M rows.
        embeds: [pieces * width, hidden], None without pieces.
    """

    shape: StepShape
    numbers: Tensor
    piece_slots: Tensor
    logit_rows: Tensor
    embeds: Tensor | None


class Decoder:
    """The language model of a spliced model, ready for step().

    Where query, key and value (gate and up) are plain nn.Linear they are fused, and the model's own weights become
    views of the fused ones; anything else that maps [rows, in] to [rows, out] is called as it is.

    Attributes:
        layer_entered: called before each layer with its number, for weights that come in turns.
        prefixes: what stands before the image in a prompt, by its ids and NTK factor, as SlotCache.taken() gives it.
    """

    def __init__(self, model: MQwenForConditionalGeneration) -> None:
        self.model = model
        self.config = model.config
        text: Any = model.language_model
        self._text = text
        attention = text.layers[0].self_attn
        self.head_dim: int = attention.head_dim
        self.heads: int = text.config.num_attention_heads
        self.kv_heads: int = text.config.num_key_value_heads
        self.hidden_size: int = text.config.hidden_size
        self.vocabulary: int = text.config.vocab_size
        self.layer_entered: Callable[[int], None] | None = getattr(model, "layer_entered", None)
        self.prefixes: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()
        self._layers = list(text.layers)
        self._qkv = [projections([a.q_proj, a.k_proj, a.v_proj]) for a in (layer.self_attn for layer in text.layers)]
        self._gate_up = [projections([layer.mlp.gate_proj, layer.mlp.up_proj]) for layer in text.layers]
        self._windows = [getattr(layer.self_attn, "sliding_window", None) for layer in text.layers]

    def new_cache(self, slots: int, length: int, device: torch.device, dtype: torch.dtype) -> SlotCache:
        """Return an empty cache; raises as the device runs out of memory."""
        return SlotCache(
            slots,
            length,
            layers=len(self._layers),
            heads=self.kv_heads,
            head_dim=self.head_dim,
            dtype=dtype,
            device=device,
        )

    def look(self, pixel_values: Tensor, between: Callable[[], object] | None = None) -> Tensor:
        """Image features of [images, 3, H, W], see MQwenForConditionalGeneration.get_image_features()."""
        return self.model.get_image_features(pixel_values, between)

    def rope_factor(self, prompt_length: int) -> int:
        """What distinguishes the frequencies of rows: Qwen-1's NTK factor, 1 without NTK."""
        return ntk_alpha(prompt_length, self.config.seq_length) if self.config.use_dynamic_ntk else 1

    def frequencies(self, prompt_length: int) -> Tensor:
        """RoPE's inverse frequencies of a row with such a spliced prompt: [head_dim / 2], float32."""
        if self.config.use_dynamic_ntk:
            return ntk_frequencies(self.config, torch.tensor([prompt_length]))[0, 0]
        return self._text.rotary_emb.original_inv_freq

    def embed(self, input_ids: Sequence[int], image_features: Tensor | None, device: torch.device) -> Tensor:
        """Return a prompt's embeddings with each marker replaced by an image: [spliced length, hidden].

        Args:
            image_features: [images, image tokens, hidden], in the order of the markers.

        Raises:
            InputError: markers and images do not match, or an id is outside the vocabulary.
        """
        marker = self.config.image_token_id
        images = 0 if image_features is None else len(image_features)
        if list(input_ids).count(marker) != images:
            raise InputError(f"{list(input_ids).count(marker)} image marker(s) in the prompt, but {images} image(s)")
        words = [0 if number == marker else number for number in input_ids]
        if not words or min(words) < 0 or max(words) >= self.vocabulary:
            raise InputError(
                f"the prompt's ids are not those of a vocabulary of {self.vocabulary}",
                hint="Use the tokenizer that belongs to this model.",
            )
        embeds: Tensor = self.model.get_input_embeddings()(torch.tensor(words, device=device))
        if image_features is None:
            return embeds
        parts, begin = [], 0
        for image, at in enumerate(place for place, number in enumerate(input_ids) if number == marker):
            parts += [embeds[begin:at], image_features[image].to(embeds)]
            begin = at + 1
        return torch.cat([*parts, embeds[begin:]])

    def remember_prefix(self, key: tuple[int, ...], kv: Tensor) -> None:
        """Keep a prefix for later prompts that begin with it; the least recently used one goes."""
        self.prefixes[key] = kv
        self.prefixes.move_to_end(key)
        while len(self.prefixes) > _PREFIXES_KEPT:
            self.prefixes.popitem(last=False)

    def step(self, cache: SlotCache, given: StepInput, between: Callable[[], object] | None = None) -> Tensor:
        """Write the rows' keys and values to the cache and return the wanted logits, float32 [logits, vocabulary].

        A step that fails half-way can be repeated: it writes the same to the same places.

        Args:
            between: called before every layer; what it raises ends the step.
        """
        shape = given.shape
        positions, slots = given.numbers[1], given.numbers[2]
        embedding = self.model.get_input_embeddings()
        parts = [embedding(given.numbers[0, : shape.rows])] if shape.rows else []
        hidden = torch.cat([*parts, given.embeds]) if given.embeds is not None else parts[0]
        turns = self._rope(positions, cache.inv_freq[slots], hidden.dtype)
        scale = logn_scale(positions, self.config.seq_length) if self.config.use_logn_attn else None
        masks = {window: self._masks(positions, shape, window, hidden) for window in set(self._windows)}
        for number, layer in enumerate(self._layers):
            if between is not None:
                between()
            if self.layer_entered is not None:
                self.layer_entered(number)
            normed = layer.input_layernorm(hidden)
            query, key, value = self._qkv[number](normed)
            query, key = self._turned(layer.self_attn, query, key, turns)
            if scale is not None:
                query = query * scale[:, None, None].to(query.dtype)
            keys, values = cache.keys(number), cache.values(number)
            keys[slots, :, positions] = key.to(keys.dtype)
            values[slots, :, positions] = value.view(-1, self.kv_heads, self.head_dim).to(values.dtype)
            last = number == len(self._layers) - 1
            if last and not shape.logits:
                return hidden.new_empty(0, self.vocabulary, dtype=torch.float32)
            mixed = self._attention(
                query, keys, values, masks[self._windows[number]], given, scaling=layer.self_attn.scaling
            )
            if last:  # of the other rows no more is wanted than their keys and values
                mixed, hidden = mixed[given.logit_rows], hidden[given.logit_rows]
            hidden = hidden + layer.self_attn.o_proj(mixed)
            gate, up = self._gate_up[number](layer.post_attention_layernorm(hidden))
            hidden = hidden + layer.mlp.down_proj(layer.mlp.act_fn(gate) * up)
        return self.model.lm_head(self._text.norm(hidden)).float()

    def _rope(self, positions: Tensor, inv_freq: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosine and sine of each row's angles, [rows, 1, head_dim]."""
        angles = positions[:, None].float() * inv_freq
        angles = torch.cat([angles, angles], dim=-1)[:, None]
        factor = self._text.rotary_emb.attention_scaling
        return (angles.cos() * factor).to(dtype), (angles.sin() * factor).to(dtype)

    def _turned(
        self, attention: Any, query: Tensor, key: Tensor, turns: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """RoPE, and before it Qwen3's norms, on [rows, heads, head_dim]."""
        query, key = query.view(-1, self.heads, self.head_dim), key.view(-1, self.kv_heads, self.head_dim)
        if hasattr(attention, "q_norm"):
            query, key = attention.q_norm(query), attention.k_norm(key)
        cos, sin = turns
        return query * cos + _half_turned(query) * sin, key * cos + _half_turned(key) * sin

    def _masks(
        self, positions: Tensor, shape: StepShape, window: int | None, like: Tensor
    ) -> tuple[Tensor | None, Tensor | None]:
        """What each row may look at, 0 or -inf: [rows, 1, 1, window] and [pieces, 1, width * group, window]."""
        places = torch.arange(shape.window, device=positions.device)
        allowed = places <= positions[:, None]
        if window is not None:
            allowed = allowed & (places > positions[:, None] - window)
        mask = torch.zeros(allowed.shape, dtype=like.dtype, device=like.device).masked_fill(~allowed, -math.inf)
        group = self.heads // self.kv_heads
        decode = mask[: shape.rows, None, None] if shape.rows else None
        if not shape.pieces:
            return decode, None
        pieces = mask[shape.rows :].repeat_interleave(group, dim=0)
        return decode, pieces.view(shape.pieces, 1, shape.width * group, shape.window)

    def _attention(
        self,
        query: Tensor,
        keys: Tensor,
        values: Tensor,
        masks: tuple[Tensor | None, Tensor | None],
        given: StepInput,
        *,
        scaling: float,
    ) -> Tensor:
        """[M, heads * head_dim]; the query heads that share a key head stand as rows of one product."""
        shape, group = given.shape, self.heads // self.kv_heads
        mixed = []
        if shape.rows:
            mixed.append(
                scaled_dot_product_attention(
                    query[: shape.rows].view(shape.rows, self.kv_heads, group, self.head_dim),
                    keys[: shape.rows, :, : shape.window],
                    values[: shape.rows, :, : shape.window],
                    attn_mask=masks[0],
                    scale=scaling,
                ).reshape(shape.rows, -1)
            )
        if shape.pieces:
            block = (shape.pieces, shape.width, self.kv_heads, group, self.head_dim)
            asked = query[shape.rows :].view(block).transpose(1, 2).flatten(2, 3)
            told = scaled_dot_product_attention(
                asked,
                keys[:, :, : shape.window].index_select(0, given.piece_slots),
                values[:, :, : shape.window].index_select(0, given.piece_slots),
                attn_mask=masks[1],
                scale=scaling,
            )
            told = told.view(shape.pieces, self.kv_heads, shape.width, group, self.head_dim).transpose(1, 2)
            mixed.append(told.reshape(shape.pieces * shape.width, -1))
        return torch.cat(mixed) if len(mixed) > 1 else mixed[0]


def _half_turned(heads: Tensor) -> Tensor:
    first, second = heads.chunk(2, dim=-1)
    return torch.cat([-second, first], dim=-1)


def projections(modules: Sequence[nn.Module]) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Return a function that applies modules of one input: as one product where they are plain linear layers."""
    alike = len({getattr(module, "bias", None) is None for module in modules}) == 1
    small = [module for module in modules if isinstance(module, Int8Linear) and module.can_join]
    linears = [module for module in modules if is_plain(module)]
    if not alike or len(modules) not in (len(small), len(linears)):
        return lambda rows: tuple(module(rows) for module in modules)
    sizes = [linear.out_features for linear in small or linears]
    fused = fused_int8(small) if small else _fused(linears)
    return lambda rows: fused(rows).split(sizes, dim=-1)


def is_plain(module: nn.Module) -> TypeGuard[nn.Linear]:
    """A linear layer that nobody has wrapped, hooked (accelerate) or left on another device."""
    hooked = hasattr(module, "_hf_hook") or module._forward_pre_hooks or module._forward_hooks
    return type(module) is nn.Linear and not hooked and not module.weight.is_meta and "forward" not in vars(module)


@torch.no_grad()
def _fused(linears: Sequence[Any]) -> nn.Linear:
    first = linears[0]
    with torch.device("meta"):
        fused = nn.Linear(
            first.in_features, sum(linear.out_features for linear in linears), bias=first.bias is not None
        )
    for name in ("weight", "bias") if first.bias is not None else ("weight",):
        whole = torch.cat([getattr(linear, name) for linear in linears])
        setattr(fused, name, nn.Parameter(whole, requires_grad=False))
        begin = 0
        for linear in linears:
            getattr(linear, name).data = whole[begin : begin + linear.out_features]  # one copy in memory, not two
            begin += linear.out_features
    return fused
