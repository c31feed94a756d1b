"""Linear layers on a processor, in fp32: the faster of PyTorch's two libraries, if it is steady.

Steady is a product that gives a row the same bits whatever rows are beside it, from ROW_MULTIPLE rows up: a caption
must not depend on its neighbours. nn.functional.linear goes through MKL (steady as MKL_CBWR=AUTO is set, see
decoder.py), although oneDNN, which PyTorch carries too and uses for bf16, was 1.5 to 3 times as fast here at 4 to 300
rows on the same unpacked weights (AMD EPYC, AVX512). oneDNN is reached through an operator that PyTorch's compiler
uses, so its presence, its results and its steadiness are tried before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

from mqwen.model.quantize import Int8Linear
from mqwen.model.quantize import fused as fused_int8

# Fewer rows go through other kernels, with other results; a step is padded to a multiple of it.
ROW_MULTIPLE = 4
# (in, out) of tiny and of real layers, and rows of an answer, of several, of a prompt beside them.
_SHAPES = ((64, 96), (896, 1152), (4864, 896))
_ROWS = (4, 5, 12, 31, 64, 260)

Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]


def onednn_linear(rows: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """nn.functional.linear by oneDNN, for fp32 on a processor."""
    result: Tensor = torch.ops.mkldnn._linear_pointwise(rows, weight, bias, "none", [], "")
    return result


def is_steady(product: Linear) -> bool:
    """Say whether a row's result is the same to the last bit beside any number of other rows, at any place."""
    random = torch.Generator().manual_seed(0)
    for width, out in _SHAPES:
        weight, bias = torch.randn(out, width, generator=random), torch.randn(out, generator=random)
        rows = torch.randn(_ROWS[-1], width, generator=random)
        whole = product(rows, weight, bias)
        if not torch.allclose(whole, linear(rows, weight, bias), rtol=1e-4, atol=1e-3):
            return False
        for count in _ROWS:
            if not torch.equal(product(rows[-count:].contiguous(), weight, bias), whole[-count:]):
                return False
    return True


@cache
def fp32_linear(threads: int) -> Linear:
    """Return how linear layers are computed on this processor with so many threads."""
    try:
        with torch.inference_mode():
            return onednn_linear if is_steady(onednn_linear) else linear
    except (AttributeError, NotImplementedError, RuntimeError):  # another PyTorch, or one without oneDNN
        return linear


def is_plain(module: nn.Module) -> bool:
    """Say whether it is a linear layer that nobody has wrapped, hooked (accelerate), or left without weights."""
    hooked = hasattr(module, "_hf_hook") or module._forward_pre_hooks or module._forward_hooks
    return type(module) is nn.Linear and not hooked and not module.weight.is_meta and "forward" not in vars(module)


def product_of(module: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a function that does what `module` does to [rows, in], faster where that is known to be exact."""
    if not is_plain(module):
        return module
    weight: Any = module.weight
    if weight.device.type != "cpu" or weight.dtype != torch.float32:
        return module
    chosen = fp32_linear(torch.get_num_threads())
    return module if chosen is linear else lambda rows: chosen(rows, module.weight, module.bias)  # type: ignore


def projections(modules: Sequence[nn.Module]) -> Callable[[Tensor], tuple[Tensor, ...]]:
    """Return a function that applies modules of one input, as one product where they are plain linear layers.

    Their weights then become views of the one they are joined to.
    """
    alike = len({getattr(module, "bias", None) is None for module in modules}) == 1
    small = [module for module in modules if isinstance(module, Int8Linear) and module.can_join]
    linears: list[Any] = [module for module in modules if is_plain(module)]
    if not alike or len(modules) not in (len(small), len(linears)):
        return lambda rows: tuple(module(rows) for module in modules)
    sizes = [module.out_features for module in small or linears]
    fused = product_of(fused_int8(small) if small else _fused(linears))
    return lambda rows: fused(rows).split(sizes, dim=-1)


class FastLinear(TorchFunctionMode):
    """Within it, every linear layer in fp32 on a processor is computed by fp32_linear()."""

    def __init__(self) -> None:
        super().__init__()
        self._chosen = fp32_linear(torch.get_num_threads())

    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        if function is linear and not named and _is_fp32_on_cpu(*arguments[:2]):
            return self._chosen(*arguments)
        return function(*arguments, **(named or {}))


def _is_fp32_on_cpu(rows: Tensor, weight: Tensor) -> bool:
    return rows.dtype == weight.dtype == torch.float32 and rows.device.type == weight.device.type == "cpu"


@torch.no_grad()
def _fused(linears: Sequence[Any]) -> nn.Linear:
    first = linears[0]
    with torch.device("meta"):
        fused = nn.Linear(first.in_features, sum(one.out_features for one in linears), bias=first.bias is not None)
    for name in ("weight", "bias") if first.bias is not None else ("weight",):
        whole = torch.cat([getattr(one, name) for one in linears])
        setattr(fused, name, nn.Parameter(whole, requires_grad=False))
        begin = 0
        for one in linears:
            getattr(one, name).data = whole[begin : begin + one.out_features]  # one copy in memory, not two
            begin += one.out_features
    return fused
