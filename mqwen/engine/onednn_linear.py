"""Linear layers in float32 on a processor, multiplied by oneDNN with weights that are laid out for it once.

nn.functional.linear goes through MKL, which leaves AVX-512 unused on AMD's processors and lays a weight out anew for
every product: this is up to nearly three times as fast (docs/performance.md). The operator has no public name in torch:
it is tried before it is used, and where it fails the layers stay as they are.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from mqwen.engine.decoder import ROW_MULTIPLE, is_plain
from mqwen.engine.memory import out_of_memory

# Widths in and out of small and large layers, and rows of one answer, of several, of a prompt, of a picture.
_TRIED_SHAPES = ((64, 96), (896, 384), (4864, 64))
_TRIED_ROWS = (ROW_MULTIPLE, 5, 12, 31, 64, 145, 257)


class OneDnnLinear(nn.Module):
    """nn.Linear for inference.

    Attributes:
        weight: [out, in]; empty, unless it is shared, once the packed copy has taken its place.
        bias: [out] or None.
    """

    def __init__(self, linear: nn.Linear, *, shared: bool = False) -> None:
        """Take a layer's weights.

        Args:
            shared: others use its weight, too (an embedding tied to the head): it is multiplied as it lies, which is
                slower, but costs no memory.
        """
        super().__init__()
        self.in_features, self.out_features, self.bias = linear.in_features, linear.out_features, linear.bias
        self.weight = linear.weight if shared else nn.Parameter(linear.weight.new_empty(0), requires_grad=False)
        operators: Any = torch.ops.mkldnn
        self._multiply = operators._linear_pointwise
        self._packed: Tensor = self.weight if shared else operators._reorder_linear_weight(linear.weight.detach())

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"

    def forward(self, rows: Tensor) -> Tensor:
        """[..., in] -> [..., out]."""
        product: Tensor = self._multiply(rows, self._packed, self.bias, "none", [], "")
        return product


@torch.inference_mode()
def use_onednn(model: nn.Module) -> None:
    """Replace a model's plain float32 layers on the processor, if a caption stays independent of its neighbours.

    The model is for inference alone then, and not to be saved. Beside the model this takes the memory of one layer;
    layers for which that is not there stay as they are.
    """
    # Names alone: a list of the modules would keep every old weight until the end.
    names = [name for name, module in model.named_modules() if _is_meant(module)]
    uses = Counter(id(parameter) for _, parameter in model.named_parameters(remove_duplicate=False))
    try:
        if names and is_steady(torch.get_num_threads()):
            for name in names:
                _replace(model, name, uses)
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise


def _is_meant(module: nn.Module) -> bool:
    return is_plain(module) and module.weight.device.type == "cpu" and module.weight.dtype == torch.float32


def _replace(model: nn.Module, name: str, uses: Counter[int]) -> None:
    linear: Any = model.get_submodule(name)
    parent, _, child = name.rpartition(".")
    setattr(model.get_submodule(parent), child, OneDnnLinear(linear, shared=uses[id(linear.weight)] > 1))


@cache
@torch.inference_mode()
def is_steady(threads: int) -> bool:
    """Say whether a row's result is the same to the last bit beside any other rows, from ROW_MULTIPLE rows up.

    Args:
        threads: of torch; with another number a product may be parted in another way.

    Raises:
        RuntimeError, MemoryError: memory is short.
    """
    random = torch.Generator().manual_seed(0)
    try:
        for width, out in _TRIED_SHAPES:
            linear = nn.utils.skip_init(nn.Linear, width, out)  # torch's own random numbers are the caller's
            linear.weight.normal_(0, width**-0.5, generator=random)
            linear.bias.normal_(generator=random)
            rows = torch.randn(max(_TRIED_ROWS), width, generator=random)
            for layer in (OneDnnLinear(linear), OneDnnLinear(linear, shared=True)):
                whole = layer(rows)
                if not torch.allclose(whole, linear(rows), rtol=1e-4, atol=1e-5):
                    return False
                if not all(torch.equal(layer(rows[-count:]), whole[-count:]) for count in _TRIED_ROWS):
                    return False
    except (AttributeError, NotImplementedError, RuntimeError) as error:  # another torch, or one without oneDNN
        if out_of_memory(error):
            raise  # it says nothing about the products
        return False
    return True
