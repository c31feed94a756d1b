"""Weights in 8 or 4 bits.

int8: each row of a weight has a scale of its own (greatest magnitude / 127), and so has each row of activations, taken
from that row alone: what a picture gets does not depend on its neighbours (int8_product.py).

nf4: bitsandbytes' 4-bit weights of the language model's blocks, on CUDA only; all else stays in 16 bits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

import torch
from torch import Tensor, nn

from mqwen.errors import DeviceError, InputError
from mqwen.model.int8_product import LEVELS, cuda_product, exact_product, packing, rows_at_once

Kind = Literal["none", "int8", "nf4"]
KINDS: tuple[Kind, ...] = ("none", "int8", "nf4")
NF4_BLOCK = 64  # weights that share a scale
_BLOCKS = "language_model.layers."
_QUANTISED_AT_ONCE = 1 << 24  # elements: bounds the float32 copies of a large embedding


class Int8Linear(nn.Module):
    """A linear layer with an int8 weight.

    Attributes:
        weight: [out, in], int8; empty once the processor's packed copy has taken its place.
        scale: [out], float32, what a weight's row is multiplied by.
        bias: [out] in the precision of the activations, or None.
        in_turns: the contents of the tensors change (mqwen.engine.offload): nothing may be made of them beforehand.
    """

    weight: nn.Parameter
    scale: Tensor

    def __init__(self, in_features: int, out_features: int, bias: bool, device: torch.device | str = "meta") -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        empty = torch.empty(out_features, in_features, dtype=torch.int8, device=device)
        self.weight = nn.Parameter(empty, requires_grad=False)
        self.register_buffer("scale", torch.empty(out_features, device=device))
        self.bias = nn.Parameter(torch.empty(out_features, device=device), requires_grad=False) if bias else None
        self.in_turns = False
        self._product: Callable[[Tensor], Tensor] | None = None

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"

    def forward(self, rows: Tensor) -> Tensor:
        """[..., in] -> [..., out], in the precision of `rows`."""
        flat = rows.reshape(-1, self.in_features).float()
        # Two reductions are faster than a copy without signs.
        greatest = torch.maximum(flat.amax(dim=-1, keepdim=True), -flat.amin(dim=-1, keepdim=True))
        scale = (greatest / LEVELS).clamp_min_(torch.finfo(torch.float32).tiny)
        levels = (flat / scale).round_().to(torch.int8)
        if levels.is_cuda or len(levels) <= rows_at_once():
            sums = self.product(levels)
        else:
            sums = torch.cat([self.product(some) for some in levels.split(rows_at_once())])
        sums = sums.mul_(scale)
        if self.bias is not None:
            sums.add_(self.bias)
        return sums.to(rows.dtype).view(*rows.shape[:-1], self.out_features)

    def fill(self, leaf: str, tensor: Tensor, dtype: torch.dtype, device: torch.device) -> None:
        """Take the weight, which is quantised a few rows at a time, or the bias."""
        if leaf == "bias":
            self.bias = nn.Parameter(tensor.to(device, dtype, copy=True), requires_grad=False)
            return
        weight, self.scale = quantised_rows(tensor, device)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self._product = None

    @property
    def can_join(self) -> bool:
        """Whether fused() may take it: it has its weight, and keeps it."""
        return self.weight.numel() > 0 and not self.in_turns

    def become_part(self, whole: Int8Linear, begin: int) -> None:
        """Be the rows from `begin` of another layer, which keeps the weight."""
        rows = slice(begin, begin + self.out_features)
        self.weight.data = whole.weight.data[rows] if whole.weight.is_cuda else whole.weight.new_empty(0)
        self._product = lambda levels: whole.product(levels)[:, rows].contiguous()

    def product(self, levels: Tensor) -> Tensor:
        """Levels [rows, in] -> sums [rows, out], float32, times the weight's scale."""
        if levels.is_cuda:
            return cuda_product(self.weight, self.scale, levels)
        self._product = self._product or self._packed()
        return self._product(levels)

    def _apply(self, fn: Any, recurse: bool = True) -> Int8Linear:
        scale = self.scale
        super()._apply(fn, recurse)
        if scale.device == self.scale.device:
            self.scale = scale  # `.to(bfloat16)` would round it
        return self

    def _packed(self) -> Callable[[Tensor], Tensor]:
        """Return the processor's best product, whose packed weight replaces `weight`."""
        pack = None if self.in_turns else packing()
        if pack is None:
            return functools.partial(exact_product, self.weight, self.scale)
        product = pack(self.weight, self.scale)
        self.weight = nn.Parameter(self.weight.new_empty(0), requires_grad=False)
        return product


class Int8Embedding(nn.Module):
    """An embedding whose weight an int8 head shares (`weight` and `scale` as there)."""

    weight: nn.Parameter
    scale: Tensor

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        empty = torch.empty(num_embeddings, embedding_dim, dtype=torch.int8, device="meta")
        self.weight = nn.Parameter(empty, requires_grad=False)
        self.register_buffer("scale", torch.empty(num_embeddings, device="meta"))
        self.dtype = torch.float32

    def forward(self, input_ids: Tensor) -> Tensor:
        """[...] -> [..., embedding_dim]."""
        return (self.weight[input_ids].float() * self.scale[input_ids].unsqueeze(-1)).to(self.dtype)

    def fill(self, leaf: str, tensor: Tensor, dtype: torch.dtype, device: torch.device) -> None:
        """Take the weight."""
        weight, self.scale = quantised_rows(tensor, device)
        self.weight, self.dtype = nn.Parameter(weight, requires_grad=False), dtype

    def _apply(self, fn: Any, recurse: bool = True) -> Int8Embedding:
        scale, wanted = self.scale, fn(torch.empty(0, dtype=self.dtype, device=self.scale.device))
        super()._apply(fn, recurse)
        if scale.device == self.scale.device:
            self.scale = scale
        self.dtype = wanted.dtype
        return self


class HalfEmbedding(nn.Embedding):
    """An embedding stored in 16 bits, whatever the precision of what comes out: a look-up computes nothing."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__(num_embeddings, embedding_dim, device="meta", dtype=torch.bfloat16)
        self.dtype = torch.float32

    def forward(self, input_ids: Tensor) -> Tensor:
        return super().forward(input_ids).to(self.dtype)

    def fill(self, leaf: str, tensor: Tensor, dtype: torch.dtype, device: torch.device) -> None:
        """Take the weight."""
        half = dtype if dtype.itemsize == 2 else torch.bfloat16
        self.weight, self.dtype = nn.Parameter(tensor.to(device, half, copy=True), requires_grad=False), dtype


QUANTISED = (Int8Linear, Int8Embedding, HalfEmbedding)


@torch.no_grad()
def quantize_(model: nn.Module, kind: str, dtype: torch.dtype = torch.float32) -> None:
    """Replace the model's linear layers by quantised ones; the model keeps its weights, a meta model waits for them.

    int8: every linear layer, and the embedding as well where the head is tied to it; an embedding of its own is stored
    in 16 bits. nf4: the linear layers of the language model's blocks.

    Args:
        model: a MQwenForConditionalGeneration.
        kind: one of KINDS.
        dtype: precision of the activations.

    Raises:
        InputError: an unknown kind.
        DeviceError: nf4 without bitsandbytes.
    """
    if kind not in KINDS:
        raise InputError(f"quantisation {kind!r} is not known", hint=f"Take one of {', '.join(KINDS)}.")
    if kind == "none":
        return
    if kind == "nf4":
        require_nf4()
    tied = bool(model.config.tie_word_embeddings)  # type: ignore[union-attr]
    for name, module in list(_quantisable(model, kind)):
        new = _counterpart(module, kind, tied, dtype)
        for leaf, parameter in module.named_parameters(recurse=False):
            if not parameter.is_meta:
                fill(new, leaf, parameter, dtype, parameter.device)
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, new)
    model.quantize = kind  # type: ignore[assignment]
    share_head(model)


def fill(module: nn.Module, leaf: str, tensor: Tensor, dtype: torch.dtype, device: torch.device) -> bool:
    """Hand a quantised layer its weight or bias in full precision; False if the layer is none, or keeps it as it is."""
    if isinstance(module, QUANTISED):
        module.fill(leaf, tensor, dtype, device)
        return True
    if getattr(module, "takes_nf4", False) and leaf == "weight":
        nf4_parameter = import_module("bitsandbytes").nn.Params4bit
        parameter = nf4_parameter(
            tensor.to(dtype), requires_grad=False, quant_type="nf4", blocksize=NF4_BLOCK, compress_statistics=False
        )
        module.weight = parameter.to(device)  # quantised on its way there
        return True
    return False


def share_head(model: nn.Module) -> None:
    """Let an int8 head use its tied embedding's weight."""
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()  # type: ignore[operator]
    if isinstance(embedding, Int8Embedding):
        head.weight, head.scale = embedding.weight, embedding.scale


def fused(linears: Sequence[Int8Linear]) -> Int8Linear:
    """Return one layer that is several of one input, one below the other, all of which `can_join`.

    They go on working, as parts of it.
    """
    first = linears[0]
    whole = Int8Linear(first.in_features, sum(linear.out_features for linear in linears), first.bias is not None)
    whole.weight = nn.Parameter(torch.cat([linear.weight.data for linear in linears]), requires_grad=False)
    whole.scale = torch.cat([linear.scale for linear in linears])
    if first.bias is not None:
        biases = [linear.bias.data for linear in linears if linear.bias is not None]
        whole.bias = nn.Parameter(torch.cat(biases), requires_grad=False)
    begin = 0
    for linear in linears:
        linear.become_part(whole, begin)
        begin += linear.out_features
    return whole


def require_nf4() -> None:
    """Raise DeviceError where bitsandbytes is not installed."""
    if find_spec("bitsandbytes") is None:
        raise DeviceError(
            "4-bit weights (nf4) need bitsandbytes, which is not installed",
            hint="Install it with `pip install 'mqwen[quantize]'`, or take --quantize int8.",
        )


def quantised_rows(weight: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return a weight [out, in] as int8 on `device`, and its rows' scales [out], float32.

    The largest error of a weight is half its row's scale.
    """
    levels = torch.empty(weight.shape, dtype=torch.int8, device=device)
    scales = torch.empty(len(weight), dtype=torch.float32, device=device)
    step = max(1, _QUANTISED_AT_ONCE // max(1, weight.shape[1]))
    for begin in range(0, len(weight), step):
        rows = weight[begin : begin + step].to(device).float()
        scale = (rows.abs().amax(dim=1) / LEVELS).clamp_min(torch.finfo(torch.float32).tiny)
        levels[begin : begin + step] = torch.round(rows / scale[:, None]).to(torch.int8)
        scales[begin : begin + step] = scale
    return levels, scales


def _quantisable(model: nn.Module, kind: str) -> Iterator[tuple[str, nn.Module]]:
    embedding = model.get_input_embeddings()  # type: ignore[operator]
    for name, module in model.named_modules():
        # A subclass (MultiheadAttention's output) is used in ways of its own.
        meant = type(module) is nn.Linear or module is embedding
        if meant and (kind == "int8" or name.startswith(_BLOCKS)):
            yield name, module


def _counterpart(module: Any, kind: str, tied: bool, dtype: torch.dtype) -> nn.Module:
    if isinstance(module, nn.Embedding):
        new = (Int8Embedding if tied else HalfEmbedding)(module.num_embeddings, module.embedding_dim)
        new.dtype = dtype
        return new
    has_bias = module.bias is not None
    if kind == "int8":
        return Int8Linear(module.in_features, module.out_features, has_bias)
    linear = import_module("bitsandbytes").nn.Linear4bit(
        module.in_features,
        module.out_features,
        bias=has_bias,
        compute_dtype=dtype,
        compress_statistics=False,
        quant_type="nf4",
        device="meta",
    )
    linear.takes_nf4 = True
    linear.bias = module.bias
    return linear
