"""Linear layers by oneDNN: the same products, no row in the sight of another, no memory beyond the weights'."""

from __future__ import annotations

import platform
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from mqwen.engine import onednn_linear
from mqwen.engine.captioner import Captioner
from mqwen.engine.decoder import ROW_MULTIPLE
from mqwen.engine.onednn_linear import OneDnnLinear, is_steady, use_onednn
from mqwen.model.checkpoint import load_checkpoint
from tests.tiny import tiny_llava

Picture = Callable[[int], Image.Image]
WORKS = is_steady(torch.get_num_threads())
steady = pytest.mark.skipif(not WORKS, reason="oneDNN's products are not steady on this processor")


def layers_of(model: nn.Module, kind: type[nn.Module]) -> list[str]:
    return [name for name, module in model.named_modules() if type(module) is kind]


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() != "x86_64", reason="known of Linux on x86-64 alone")
def test_it_is_used_where_it_is_known_to_work() -> None:
    assert WORKS


@pytest.mark.parametrize("threads", [1, 2, 3])
@steady
def test_it_is_steady_on_several_threads(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert is_steady.__wrapped__(threads)
    finally:
        torch.set_num_threads(before)


@pytest.fixture
def fresh() -> Any:
    """What is known of the operator is found out anew."""
    is_steady.cache_clear()
    yield
    is_steady.cache_clear()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("width", "out"), [(1024, 4096), (4864, 896), (70, 33)])
@steady
def test_it_multiplies_as_torch_does(width: int, out: int, shared: bool, bias: bool) -> None:
    torch.manual_seed(1)
    linear, rows = nn.Linear(width, out, bias=bias), torch.randn(2, 29, 2 * width)[..., ::2]
    with torch.inference_mode():
        expected = linear(rows)
        found = OneDnnLinear(linear, shared=shared)(rows)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
@steady
def test_a_model_answers_as_before_and_keeps_no_weight_twice(tmp_path: Path, tied: bool) -> None:
    folder = tiny_llava(tmp_path / "model", tied=tied)
    plain, model = load_checkpoint(folder), load_checkpoint(folder)
    ids, pixels = torch.tensor([[5, plain.config.image_token_id, 9]]), torch.randn(1, 3, 56, 56)
    with torch.inference_mode():
        expected = plain(ids, pixels).logits
        use_onednn(model)
        torch.testing.assert_close(model(ids, pixels).logits, expected, rtol=1e-4, atol=1e-5)
    assert not layers_of(model, nn.Linear) and "lm_head" in layers_of(model, OneDnnLinear)
    assert torch.equal(plain.generate(ids, pixels, max_new_tokens=8), model.generate(ids, pixels, max_new_tokens=8))
    assert (model.lm_head.weight is model.get_input_embeddings().weight) is tied
    layers = [module for module in model.modules() if isinstance(module, OneDnnLinear)]
    assert [layer.weight.numel() > 0 for layer in layers].count(True) == int(tied)


@steady
def test_one_weight_at_most_is_there_twice_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_checkpoint(tiny_llava(tmp_path / "model"))
    old = [weakref.ref(module.weight) for module in model.modules() if type(module) is nn.Linear]
    alive = []

    class Counted(OneDnnLinear):
        def __init__(self, linear: nn.Linear, *, shared: bool = False) -> None:
            alive.append(sum(weight() is not None for weight in old))
            super().__init__(linear, shared=shared)

    monkeypatch.setattr(onednn_linear, "OneDnnLinear", Counted)
    use_onednn(model)
    assert len(alive) == len(old) and alive == list(range(len(old), 0, -1))


@steady
def test_a_captioner_uses_it_on_the_processor(captioner: Captioner, picture: Picture) -> None:
    captioner.caption(picture(1), max_new_tokens=2)
    assert layers_of(captioner._loaded(), OneDnnLinear) and not layers_of(captioner._loaded(), nn.Linear)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_other_precisions_and_wrapped_layers_stay(tiny_folder: Path, dtype: str) -> None:
    model = load_checkpoint(tiny_folder, dtype=getattr(torch, dtype))
    if dtype == "float32":
        for module in model.modules():
            if isinstance(module, nn.Linear):
                module.register_forward_pre_hook(lambda *_: None)
    before = layers_of(model, nn.Linear)
    use_onednn(model)
    assert layers_of(model, nn.Linear) == before


@pytest.mark.usefixtures("fresh")
def test_a_product_that_looks_at_the_neighbours_is_not_used(
    tiny_folder: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OneDnnLinear.forward

    def forward(self: OneDnnLinear, rows: Tensor) -> Tensor:
        product = real(self, rows)
        return product if len(rows) > ROW_MULTIPLE else torch.nextafter(product, product + 1)

    expected = Captioner.load(tiny_folder, device="cpu").caption(picture(1), max_new_tokens=6)
    is_steady.cache_clear()
    monkeypatch.setattr(OneDnnLinear, "forward", forward)
    other = Captioner.load(tiny_folder, device="cpu")
    assert other.caption(picture(1), max_new_tokens=6).text == expected.text
    assert not layers_of(other._loaded(), OneDnnLinear)


@pytest.mark.usefixtures("fresh")
def test_a_torch_without_the_operator_does_without(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    model = load_checkpoint(tiny_folder)
    use_onednn(model)
    assert layers_of(model, nn.Linear) and not layers_of(model, OneDnnLinear)


@steady
def test_where_memory_is_short_the_other_layers_stay(
    tiny_folder: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = Captioner.load(tiny_folder, device="cpu").caption(picture(1), max_new_tokens=6)

    class Third(OneDnnLinear):
        made = 0

        def __init__(self, linear: nn.Linear, *, shared: bool = False) -> None:
            Third.made += 1
            if Third.made == 3:
                raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
            super().__init__(linear, shared=shared)

    captioner = Captioner.load(tiny_folder, device="cpu")
    monkeypatch.setattr(onednn_linear, "OneDnnLinear", Third)
    assert captioner.caption(picture(1), max_new_tokens=6).text == expected.text
    assert len(layers_of(captioner._loaded(), Third)) == 2 and layers_of(captioner._loaded(), nn.Linear)


@steady
@pytest.mark.usefixtures("fresh")
def test_a_short_memory_while_it_is_tried_decides_nothing(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")

    model = load_checkpoint(tiny_folder)
    with monkeypatch.context() as context:
        context.setattr(OneDnnLinear, "__init__", full)
        use_onednn(model)
    assert layers_of(model, nn.Linear) and not layers_of(model, OneDnnLinear)
    use_onednn(model)
    assert not layers_of(model, nn.Linear)


@steady
def test_trying_it_leaves_the_callers_random_numbers_alone() -> None:
    is_steady.cache_clear()
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    assert is_steady(torch.get_num_threads())
    assert torch.equal(torch.rand(4), expected)
