"""How the starter's stages go downhill: Muon and AdamW under one schedule."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mqwen.training.muon import Muon


class Descent:
    """Muon for the matrices inside layers (https://kellerjordan.github.io/posts/muon/), AdamW for everything else.

    Args:
        groups: (module's named parameters, share of both rates) for each part of the model.
        fast: parameters that go at ten times AdamW's rate.
        steps, warmup: length of the schedule, and of its linear rise.
        bf16: whether Muon's own products are in bf16.
    """

    def __init__(
        self,
        groups: Sequence[tuple[nn.Module, float]],
        *,
        fast: Sequence[nn.Parameter] = (),
        learning_rate: float,
        muon_learning_rate: float,
        steps: int,
        warmup: int,
        bf16: bool = True,
    ) -> None:
        self._steps = steps
        self._warmup = warmup
        self._parameters = [p for module, _ in groups for p in module.parameters() if p.requires_grad] + list(fast)
        muon, adam = [], []
        for module, share in groups:
            named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
            inside = [p for name, p in named if p.ndim == 2 and "layers." in name]
            others = [p for name, p in named if not (p.ndim == 2 and "layers." in name)]
            if inside:
                muon.append({"params": inside, "top": muon_learning_rate * share})
            adam.append({"params": others, "top": learning_rate * share})
        if fast:
            adam.append({"params": list(fast), "top": learning_rate * 10})
        self.optimizers: list[torch.optim.Optimizer] = [
            Muon(muon, dtype=torch.bfloat16 if bf16 else torch.float32),
            torch.optim.AdamW(adam, weight_decay=0.01, betas=(0.9, 0.98)),
        ]

    def share(self, step: int) -> float:
        """Share of the top rates at a step: up over the warm-up, then level, down to 2 % over the second half."""
        return min(1.0, (step + 1) / self._warmup, 0.02 + 0.98 * (self._steps - step) / (0.5 * self._steps))

    def step(self, step: int, loss: Tensor) -> None:
        """One step against the gradient of `loss`, whose norm is cut at 1."""
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["top"] * self.share(step)
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._parameters, 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
