"""Quantised weights: every route the same bits, no row dependent on its neighbours, and as small as reported."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mqwen.errors import DeviceError, InputError
from mqwen.model import int8_product, quantize
from mqwen.model.assembly import expected_shapes, meta_model
from mqwen.model.checkpoint import load_checkpoint, save_checkpoint
from mqwen.model.layouts import llava_config
from mqwen.model.quantize import Int8Linear, quantize_
from mqwen.model.report import report_of
from tests.tiny import tiny_llava

CPU = torch.device("cpu")
IDS = torch.tensor([[10, 11, 259, 12, 13]])


def int8_linear(inputs: int, outputs: int, *, bias: bool = True, seed: int = 0) -> tuple[nn.Linear, Int8Linear]:
    torch.manual_seed(seed)
    plain = nn.Linear(inputs, outputs, bias=bias)
    new = Int8Linear(inputs, outputs, bias)
    for leaf, parameter in plain.named_parameters():
        new.fill(leaf, parameter.detach(), torch.float32, CPU)
    return plain, new


@given(inputs=st.integers(1, 2500), outputs=st.integers(1, 70), rows=st.integers(1, 40), seed=st.integers(0, 99))
@settings(max_examples=30)
def test_every_route_returns_the_same_bits(inputs: int, outputs: int, rows: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randint(-127, 128, (outputs, inputs), generator=generator, dtype=torch.int8)
    levels = torch.randint(-127, 128, (rows, inputs), generator=generator, dtype=torch.int8)
    scale = torch.rand(outputs, generator=generator)
    true = (levels.double() @ weight.T.double()).float() * scale
    assert torch.equal(int8_product.exact_product(weight, scale, levels), true)
    pack = int8_product.packing()
    assert pack is None or torch.equal(pack(weight, scale)(levels), true)
    assert torch.equal(int8_product.onednn_halves(weight, scale)(levels), true)


def test_sums_are_exact_at_the_greatest_values() -> None:
    weight, levels = torch.full((2, 2, 5000), 127, dtype=torch.int8)
    levels[1] = -127
    most = 127 * 127 * 5000.0
    for product in (
        functools.partial(int8_product.exact_product, weight, torch.ones(2)),
        int8_product.onednn_halves(weight, torch.ones(2)),
    ):
        assert product(levels).tolist() == [[most] * 2, [-most] * 2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_row_does_not_depend_on_its_neighbours(dtype: torch.dtype) -> None:
    _, linear = int8_linear(200, 96)
    rows = torch.randn(37, 200, dtype=dtype) * torch.logspace(-3, 3, 37)[:, None].to(dtype)
    together = linear(rows)
    assert together.dtype == dtype
    for size in (1, 2, 5, 16, 37):
        assert torch.equal(torch.cat([linear(some) for some in rows.split(size)]), together)


@pytest.mark.parametrize("bias", [True, False])
def test_rows_that_are_taken_a_few_at_a_time_are_the_same(monkeypatch: pytest.MonkeyPatch, bias: bool) -> None:
    _, linear = int8_linear(200, 96, bias=bias)
    rows = torch.randn(2, 11, 200).requires_grad_()
    results = []
    for at_once in (1, 5, 22, 23):
        monkeypatch.setattr(quantize, "rows_at_once", lambda at_once=at_once: at_once)
        results.append(linear(rows))
    assert results[0].shape == (2, 11, 96) and all(torch.equal(result, results[-1]) for result in results)


@pytest.mark.parametrize("route", [int8_product.onednn_halves, None])
def test_the_routes_of_a_layer_agree(monkeypatch: pytest.MonkeyPatch, route: Any) -> None:
    rows = torch.randn(3, 5, 128)
    expected = int8_linear(128, 64)[1](rows)
    monkeypatch.setattr(quantize, "packing", lambda: route)
    assert torch.equal(int8_linear(128, 64)[1](rows), expected)


@pytest.fixture
def _anew() -> Iterator[None]:
    int8_product.packing.cache_clear()
    yield
    int8_product.packing.cache_clear()


@pytest.mark.usefixtures("_anew")
def test_a_torch_without_the_private_products_computes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any) -> None:
        raise AttributeError("'_OpNamespace' 'onednn' object has no attribute 'qlinear_prepack'")

    rows = torch.randn(4, 64)
    expected = int8_linear(64, 32)[1](rows)
    int8_product.packing.cache_clear()
    monkeypatch.setattr(int8_product, "_onednn", gone)
    assert int8_product.packing() is None
    assert torch.equal(int8_linear(64, 32)[1](rows), expected)


@pytest.mark.usefixtures("_anew")
def test_a_product_that_overflows_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor without VNNI saturates sums of pairs at 16 bits: the halves of levels do not overflow it."""

    def saturating(weight: torch.Tensor, scale: torch.Tensor) -> Any:
        return lambda levels: (levels.float() @ weight.T.float()).clamp(-32768, 32767) * scale

    monkeypatch.setattr(int8_product, "onednn_product", saturating)
    assert int8_product.packing() is int8_product.onednn_halves


def test_an_error_is_at_most_half_a_step() -> None:
    weight = torch.randn(40, 70) * torch.logspace(-4, 4, 40)[:, None]
    weight[3] = 0
    levels, scale = quantize.quantised_rows(weight, CPU)
    assert ((levels.float() * scale[:, None] - weight).abs() <= scale[:, None] * 0.5001).all()
    assert (levels.abs().amax(1)[scale > 1e-30] == 127).all()
    assert not levels[3].any()


def test_a_row_of_zeros_gives_the_bias() -> None:
    plain, linear = int8_linear(16, 8)
    assert torch.equal(linear(torch.zeros(2, 16)), plain.bias.detach().expand(2, 8))


def test_a_fused_layer_is_its_parts() -> None:
    rows = torch.randn(6, 64)
    expected = [int8_linear(64, size, seed=size)[1](rows) for size in (48, 16, 32)]
    parts = [int8_linear(64, size, seed=size)[1] for size in (48, 16, 32)]
    assert all(part.can_join for part in parts)
    whole = quantize.fused(parts)
    assert torch.equal(whole(rows), torch.cat(expected, dim=-1))
    assert all(torch.equal(part(rows), one) for part, one in zip(parts, expected, strict=True))
    assert not any(part.can_join for part in parts)


@pytest.mark.parametrize("vision", ["clip", "siglip", "chinese_clip"])
@pytest.mark.parametrize(("text", "tied"), [("qwen2", False), ("qwen2", True), ("qwen3", True)])
def test_a_quantised_model_answers_nearly_the_same(tmp_path: Path, vision: Any, text: Any, tied: bool) -> None:
    folder = tiny_llava(tmp_path, vision=vision, text=text, tied=tied)
    pixels = torch.randn(1, 3, 56, 56)
    full, small = load_checkpoint(folder), load_checkpoint(folder, quantize="int8")
    with torch.inference_mode():
        expected, logits = (model(IDS, pixel_values=pixels).logits for model in (full, small))
    assert float((logits - expected).norm() / expected.norm()) < 0.06
    assert logits.dtype == torch.float32
    kinds = {type(module) for name, module in small.named_modules() if not name.startswith("vision_tower.head")}
    assert nn.Linear not in kinds and Int8Linear in kinds


def test_quantising_afterwards_is_quantising_while_loading(tmp_path: Path) -> None:
    folder = tiny_llava(tmp_path)
    loaded, converted = load_checkpoint(folder, quantize="int8"), load_checkpoint(folder)
    quantize_(converted, "int8")
    pixels = torch.randn(1, 3, 56, 56)
    with torch.inference_mode():
        assert torch.equal(loaded(IDS, pixel_values=pixels).logits, converted(IDS, pixel_values=pixels).logits)


def test_a_cast_leaves_the_scales_exact(tmp_path: Path) -> None:
    model = load_checkpoint(tiny_llava(tmp_path, tied=True), quantize="int8")
    before = model.lm_head.scale.clone()
    model.to(torch.bfloat16)
    assert torch.equal(model.lm_head.scale, before) and model.lm_head.weight.dtype == torch.int8
    assert model.get_input_embeddings()(IDS).dtype == torch.bfloat16


_REAL: dict[str, Any] = {
    "model_type": "llava",
    "image_token_index": 151646,
    "vision_feature_layer": -1,
    "vision_config": {
        "model_type": "clip_vision_model",
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "image_size": 224,
        "patch_size": 14,
    },
}


@pytest.mark.parametrize("tied", [False, True])
def test_memory_is_what_the_report_says(tied: bool) -> None:
    text = {
        "model_type": "qwen2",
        "vocab_size": 151936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "tie_word_embeddings": tied,
    }
    config = llava_config({**_REAL, "text_config": text, "tie_word_embeddings": tied})
    model = meta_model(config)
    announced = report_of(config, expected_shapes(model), layout="llava", stored_bytes=0).memory["int8"]
    quantize_(model, "int8")
    tensors = {id(t): t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers())}
    assert sum(tensors.values()) == pytest.approx(announced, rel=0.015)


_PEAK = """
import resource, sys
import torch
from mqwen.model.checkpoint import load_checkpoint
load_checkpoint(sys.argv[2], quantize="int8")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = load_checkpoint(sys.argv[1], quantize="int8")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux only")
def test_the_full_model_is_never_in_memory(tmp_path: Path, root: Path) -> None:
    small = tiny_llava(tmp_path / "small")
    folder = tiny_llava(tmp_path / "large", hidden_size=896, layers=3, dtype=torch.bfloat16)
    stored = (folder / "model.safetensors").stat().st_size
    done = subprocess.run([sys.executable, "-c", _PEAK, folder, small], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
    # int8 is half of the file; in fp32, as the processor computes, the model would be twice the file.
    assert stored > 35e6
    assert int(done.stdout) < 0.9 * stored


def test_an_unknown_kind_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="int3.*none, int8, nf4"):
        load_checkpoint(tiny_llava(tmp_path), quantize="int3")


def test_nf4_without_bitsandbytes_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantize, "find_spec", lambda name: None)
    with pytest.raises(DeviceError, match=r"mqwen\[quantize\]"):
        load_checkpoint(tiny_llava(tmp_path), quantize="nf4")


def test_nf4_keeps_all_but_the_blocks(tmp_path: Path) -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes")
    folder = tiny_llava(tmp_path, hidden_size=128)
    full, small = load_checkpoint(folder), load_checkpoint(folder, quantize="nf4")
    four_bit = [name for name, module in small.named_modules() if isinstance(module, bitsandbytes.nn.Linear4bit)]
    assert len(four_bit) == 2 * 7 and all(name.startswith("language_model.layers.") for name in four_bit)
    assert type(small.lm_head) is nn.Linear
    pixels = torch.randn(1, 3, 56, 56)
    with torch.inference_mode():
        expected, logits = (model(IDS, pixel_values=pixels).logits for model in (full, small))
    assert float((logits - expected).norm() / expected.norm()) < 0.4


def test_a_quantised_model_cannot_be_saved(tmp_path: Path) -> None:
    model = load_checkpoint(tiny_llava(tmp_path / "model"), quantize="int8")
    with pytest.raises(InputError, match="cannot be saved"):
        save_checkpoint(model, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()
