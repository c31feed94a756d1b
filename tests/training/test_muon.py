"""Our Muon against torch's, and what it promises in fp32."""

from __future__ import annotations

import pytest
import torch

from mqwen.training.muon import Muon, orthogonal


def test_in_bf16_it_goes_where_torchs_goes() -> None:
    start = [torch.randn(24, 16, generator=torch.Generator().manual_seed(1)), torch.randn(16, 40)]
    ours = [torch.nn.Parameter(t.clone()) for t in start]
    theirs = [torch.nn.Parameter(t.clone()) for t in start]
    optimizers = [
        Muon(ours, lr=0.02, weight_decay=0.01),
        torch.optim.Muon(theirs, lr=0.02, weight_decay=0.01, adjust_lr_fn="original"),
    ]
    for step in range(4):
        for parameters, optimizer in zip((ours, theirs), optimizers, strict=True):
            for parameter in parameters:
                parameter.grad = torch.sin(parameter.detach() * (step + 1))
            optimizer.step()
    for mine, other, was in zip(ours, theirs, start, strict=True):
        assert (mine - was).norm() > 0.1
        assert torch.allclose(mine, other, atol=1e-3)  # bf16 rounds to 3 digits


@pytest.mark.parametrize("shape", [(8, 8), (40, 12), (12, 40)])
def test_a_step_has_singular_values_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 1e-3
    values = torch.linalg.svdvals(orthogonal(matrix, torch.float32))
    assert values.min() > 0.3 and values.max() < 1.3
    turned = torch.linalg.svd(matrix, full_matrices=False)
    assert torch.trace(orthogonal(matrix, torch.float32).T @ (turned.U @ turned.Vh)) > 0.6 * min(shape)
