"""Products of int8 weights and int8 activations, exact, by several routes.

Sums of products of whole numbers are exact, so every route returns the same bits, whatever rows are computed together:

    processor   oneDNN's product on weights that are packed once, of whole levels or of their halves; it has no public
                name in torch, so its answer is checked before it is used, and a product of whole numbers in float32
                stands in for it
    CUDA        torch._int_mm, from compute capability 7.5 (Turing) on

Levels are whole numbers from -127 to 127, in int8.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

LEVELS = 127
# A sum of so many products of two int8 numbers is below 2 ** 24: float32 holds it exactly.
_EXACT_IN_FLOAT32 = (1 << 24) // (LEVELS * LEVELS)
_HALVES_EXACT_IN_FLOAT32 = (1 << 24) // (64 * LEVELS)
_TILED_ROWS = 256
_CUDA_ROWS = 32  # torch._int_mm takes more than 16 rows
_CUDA_MULTIPLE = 8  # and such sizes


Product = Callable[[Tensor], Tensor]


@functools.lru_cache(maxsize=1)
def packing() -> Callable[[Tensor, Tensor], Product] | None:
    """Return the faster of oneDNN's two products that is exact on this processor; None if torch has neither here."""
    return next((route for route in (onednn_product, onednn_halves) if _is_exact(route)), None)


@functools.lru_cache(maxsize=1)
def rows_at_once() -> int:
    """Return how many rows a product on the processor had better have at most.

    With AMX, oneDNN takes 257 rows twice the time of 256 (measured); without it, one product of all is the fastest.
    """
    capabilities: Any = getattr(torch.cpu, "get_capabilities", dict)()  # an older torch does not tell
    return _TILED_ROWS if capabilities.get("amx_int8") else sys.maxsize


def _is_exact(route: Callable[[Tensor, Tensor], Product]) -> bool:
    weight = torch.full((32, 128), LEVELS, dtype=torch.int8)
    weight[1::2] = -LEVELS
    levels = torch.full((3, 128), LEVELS, dtype=torch.int8)
    levels[1] = -LEVELS
    try:
        product = route(weight, torch.ones(32))(levels)
    except (AttributeError, RuntimeError, NotImplementedError):
        return False
    return torch.equal(product, levels.float() @ weight.T.float())


def onednn_product(weight: Tensor, scale: Tensor) -> Product:
    """Return a function of levels [rows, in]: sums [rows, out], float32, times `scale`.

    The weight is packed for it. Levels go in with 128 added, as unsigned bytes: for signed ones oneDNN has only its
    reference implementation on most processors (measured: a thousand times slower).
    """
    multiply = _onednn(weight, scale)
    return lambda levels: multiply(_unsigned(levels), 128)


def onednn_halves(weight: Tensor, scale: Tensor) -> Product:
    """onednn_product() for processors without VNNI, which add pairs of products in 16 bits.

    Two products of 8 bits overflow there, those of an unsigned 7-bit number do not: a level goes in as its half and, as
    a row of its own, its lowest bit. That is twice the work, but oneDNN's is more than twice as fast as float32's.
    """
    ones = torch.ones_like(scale)
    pieces = [_onednn(piece, ones) for piece in weight.split(_HALVES_EXACT_IN_FLOAT32, 1)]
    # 64 stands for zero in both, which is right for a half and 64 too much for a bit.
    too_much = weight.sum(1, dtype=torch.int32) * 64

    def product(levels: Tensor) -> Tensor:
        unsigned = _unsigned(levels)
        sums = too_much.repeat(len(levels), 1)
        for multiply, piece in zip(pieces, unsigned.split(_HALVES_EXACT_IN_FLOAT32, 1), strict=True):
            halves, bits = multiply(torch.cat([piece >> 1, piece & 1]), 64).int().chunk(2)
            sums.add_(halves, alpha=2).add_(bits)
        return sums.float().mul_(scale)

    return product


def _unsigned(levels: Tensor) -> Tensor:
    """Levels with 128 added, as bytes: in two's complement that turns the highest bit."""
    return levels.view(torch.uint8) ^ 128


def _onednn(weight: Tensor, scale: Tensor) -> Callable[[Tensor, int], Tensor]:
    """Return a function of unsigned bytes and what stands for zero in them."""
    operators: Any = torch.ops.onednn
    packed = operators.qlinear_prepack(weight.contiguous(), None)
    zeros = torch.zeros(len(weight), dtype=torch.int32)
    return lambda given, zero: operators.qlinear_pointwise(
        given, 1.0, zero, packed, scale, zeros, None, 1.0, 0, torch.float32, "none", [], ""
    )


def exact_product(weight: Tensor, scale: Tensor, levels: Tensor) -> Tensor:
    """onednn_product() by float32 products short enough to be exact: everywhere, and slow."""
    sums = torch.zeros(len(levels), len(weight), dtype=torch.int32, device=levels.device)
    pieces = zip(levels.float().split(_EXACT_IN_FLOAT32, 1), weight.split(_EXACT_IN_FLOAT32, 1), strict=True)
    for some, some_weight in pieces:
        sums += (some @ some_weight.t().float()).int()
    return sums.float().mul_(scale)


def cuda_product(weight: Tensor, scale: Tensor, levels: Tensor) -> Tensor:
    """onednn_product() on a card."""
    rows, (outputs, inputs) = len(levels), weight.shape
    if outputs % _CUDA_MULTIPLE or inputs % _CUDA_MULTIPLE:
        return exact_product(weight, scale, levels)
    if rows < _CUDA_ROWS:
        levels = nn.functional.pad(levels, (0, 0, 0, _CUDA_ROWS - rows))
    return torch._int_mm(levels, weight.t())[:rows].float().mul_(scale)
