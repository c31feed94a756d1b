"""Muon in a precision that the processor is fast in: torch.optim.Muon multiplies in bf16 alone, and a processor without
bf16 units then takes half a minute a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Keller Jordan's quintic, whose slope at 0 is as steep as it goes (https://kellerjordan.github.io/posts/muon/).
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_SMALLEST = 1e-7


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose step for each matrix is made orthogonal, with decoupled weight decay.

    Args:
        params: matrices, or groups of them.
        dtype: of the products that make a step orthogonal.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float = 1e-3,
        weight_decay: float = 0.01,
        momentum: float = 0.95,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Move every matrix that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                buffer = self.state[matrix].setdefault("momentum_buffer", torch.zeros_like(matrix))
                buffer.lerp_(matrix.grad, 1 - group["momentum"])
                ahead = matrix.grad.lerp(buffer, group["momentum"])
                rows, columns = matrix.shape
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(orthogonal(ahead, self._dtype), alpha=-group["lr"] * max(1, rows / columns) ** 0.5)
        return loss


def orthogonal(matrix: Tensor, dtype: torch.dtype) -> Tensor:
    """The matrix with all its singular values near 1 (0.7 to 1.2), by Newton and Schulz's iteration in a dtype."""
    a, b, c = _QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).to(dtype)
    x = x / x.norm().clamp(min=_SMALLEST)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)
