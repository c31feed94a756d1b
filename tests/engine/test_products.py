"""Linear layers on a processor: the right numbers, and the same ones whatever rows are beside a row."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from mqwen.engine import products
from mqwen.engine.products import FastLinear, fp32_linear, is_steady, onednn_linear, product_of, projections


def test_the_linear_layer_of_this_processor_is_steady() -> None:
    assert is_steady(fp32_linear(torch.get_num_threads()))


def test_a_product_that_depends_on_the_batch_or_is_wrong_is_found_out() -> None:
    def by_batch(rows: torch.Tensor, weight: torch.Tensor, bias: Any) -> torch.Tensor:
        return nn.functional.linear(rows, weight, bias) * (1 + 1e-6 * (len(rows) < 8))

    def by_place(rows: torch.Tensor, weight: torch.Tensor, bias: Any) -> torch.Tensor:
        return nn.functional.linear(rows, weight, bias) + 1e-5 * torch.arange(len(rows))[:, None]

    def wrong(rows: torch.Tensor, weight: torch.Tensor, bias: Any) -> torch.Tensor:
        return nn.functional.linear(rows, weight)

    assert not any(map(is_steady, (by_batch, by_place, wrong)))


def test_without_onednn_it_is_pytorchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*arguments: Any) -> None:
        raise AttributeError("_linear_pointwise")

    monkeypatch.setattr(products, "onednn_linear", gone)
    fp32_linear.cache_clear()
    layer = nn.Linear(8, 4)
    assert fp32_linear(torch.get_num_threads()) is nn.functional.linear and product_of(layer) is layer
    fp32_linear.cache_clear()


@pytest.mark.parametrize("biases", [(True, True, True), (False, False, False), (True, False, True)])
@pytest.mark.parametrize("hooked", [False, True])
def test_layers_of_one_input_are_joined_where_nobody_has_touched_them(biases: Any, hooked: bool) -> None:
    layers = [nn.Linear(24, out, bias=bias) for out, bias in zip((8, 4, 4), biases, strict=True)]
    touched = []
    if hooked:
        layers[1].register_forward_pre_hook(lambda *given: touched.append(given))
    before = copy.deepcopy([layer.state_dict() for layer in layers])
    rows = torch.randn(12, 24)
    together = projections(layers)(rows)
    assert [part.shape[1] for part in together] == [8, 4, 4]
    for part, layer, old in zip(together, layers, before, strict=True):
        assert torch.allclose(part, layer(rows), atol=1e-6)
        assert all(torch.equal(old[name], value) for name, value in layer.state_dict().items())
    joined = len({layer.weight.untyped_storage().data_ptr() for layer in layers}) == 1
    assert joined == (not hooked and len(set(biases)) == 1)
    assert len(touched) == 2 * hooked


def test_whole_models_of_others_go_through_it_too() -> None:
    net = nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16, bias=False))
    images = torch.randn(2, 9, 16)
    with torch.inference_mode(), FastLinear():
        fast = net(images)
    assert torch.allclose(fast, net(images), atol=1e-6)
    with FastLinear():
        assert net.double()(images.double()).dtype == torch.float64, "what is not fp32 is left alone"


def test_onednn_gives_the_same_numbers() -> None:
    rows, weight, bias = torch.randn(7, 33), torch.randn(5, 33), torch.randn(5)
    assert torch.allclose(onednn_linear(rows, weight, bias), nn.functional.linear(rows, weight, bias), atol=1e-5)
    assert torch.allclose(onednn_linear(rows, weight), nn.functional.linear(rows, weight), atol=1e-5)
