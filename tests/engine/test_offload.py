"""Layers in turns, with the processor in the card's place: the same copies between the same buffers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from mqwen.engine import offload
from mqwen.engine.offload import LayerStream, stream
from mqwen.errors import DeviceError
from mqwen.model.checkpoint import load_checkpoint
from tests.tiny import tiny_llava

CPU = torch.device("cpu")
IDS = torch.tensor([[10, 11, 259, 12, 13], [259, 40, 41, 42, 43]])
LAYERS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llava(tmp_path_factory.mktemp("models") / "deep", layers=LAYERS)


def sizes(model: Any) -> tuple[int, int]:
    """Bytes of all that is no layer, and of a layer."""
    layer = sum(p.numel() * p.element_size() for p in model.language_model.layers[0].parameters())
    every = sum(t.numel() * t.element_size() for t in (*model.parameters(), *model.buffers()))
    return every - LAYERS * layer, layer + 12 * 256


def answer(model: Any, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.inference_mode():
        return model(IDS, pixel_values=pixels).logits, model.generate(IDS, pixels, max_new_tokens=6)


@pytest.mark.parametrize("quantize", ["none", "int8"])
@pytest.mark.parametrize("staying", [0, 1, 2, 3, 4])
def test_a_streamed_model_says_the_same(folder: Path, staying: int, quantize: str) -> None:
    pixels = torch.randn(2, 3, 56, 56)
    expected = answer(load_checkpoint(folder, quantize=quantize), pixels)
    model = load_checkpoint(folder, quantize=quantize)
    fixed, layer = sizes(model)
    turns = stream(model, CPU, fixed + (2 + staying) * layer)
    assert len(turns.streamed) == LAYERS - staying
    for _ in range(2):
        logits, tokens = answer(model, pixels)
        assert torch.equal(logits, expected[0]) and torch.equal(tokens, expected[1])


def test_two_layers_are_on_the_device_and_no_more(folder: Path) -> None:
    model = load_checkpoint(folder)
    fixed, layer = sizes(model)
    turns = stream(model, CPU, fixed + 2 * layer)
    buffers = {buffer.untyped_storage().data_ptr() for buffer in turns._buffers}
    assert len(buffers) == 2 and all(len(buffer) <= layer for buffer in turns._buffers)
    seen: list[list[int]] = []

    def look(*_: Any) -> None:
        """Which layers' weights are in the buffers while one computes?"""
        here = [
            number
            for number, one in enumerate(model.language_model.layers)
            if all(p.untyped_storage().data_ptr() in buffers for p in one.parameters())
        ]
        seen.append(here)

    for one in model.language_model.layers:
        one.mlp.register_forward_pre_hook(look)
    answer(model, torch.randn(2, 3, 56, 56))
    assert seen[: 2 * LAYERS] == [[number] for number in range(LAYERS)] * 2


def test_the_next_layer_is_fetched_while_one_computes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_checkpoint(folder)
    fetched: list[int] = []
    fetch = LayerStream._fetch
    monkeypatch.setattr(LayerStream, "_fetch", lambda self, place: (fetched.append(place), fetch(self, place)))
    fixed, layer = sizes(model)
    turns = stream(model, CPU, fixed + 2 * layer)
    for number in (0, 1, 2, 3, 4, 0, 1):
        turns.enter(number)
        turns.enter(number)  # a second call changes nothing
    assert fetched == [0, 1, 2, 3, 4, 0, 1, 2]  # each once, the one after it before it is needed


def test_a_step_that_is_broken_off_spoils_nothing(folder: Path) -> None:
    pixels = torch.randn(2, 3, 56, 56)
    expected = answer(load_checkpoint(folder), pixels)
    model = load_checkpoint(folder)
    fixed, layer = sizes(model)
    turns = stream(model, CPU, fixed + 3 * layer)
    for broken_at in range(LAYERS):

        def fail(*_: Any) -> None:
            raise RuntimeError("CUDA error: out of memory")

        hook = model.language_model.layers[broken_at].mlp.register_forward_pre_hook(fail)
        with pytest.raises(RuntimeError):
            answer(model, pixels)
        hook.remove()
        assert torch.equal(answer(model, pixels)[0], expected[0])
    for number in (3, 1, 4, 0, 2):  # in no order at all
        turns.enter(number)
    assert torch.equal(answer(model, pixels)[0], expected[0])


def test_weights_wait_in_main_memory_between_their_turns(folder: Path) -> None:
    model = load_checkpoint(folder)
    before = {name: p.clone() for name, p in model.named_parameters()}
    fixed, layer = sizes(model)
    stream(model, CPU, fixed + 2 * layer)
    answer(model, torch.randn(2, 3, 56, 56))
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_a_card_too_small_even_for_two_layers_is_refused_with_figures(folder: Path) -> None:
    model = load_checkpoint(folder)
    fixed, layer = sizes(model)
    with pytest.raises(DeviceError, match=r"even layer by layer.*MB.*0\.0 MB"):
        stream(model, CPU, -1)
    with pytest.raises(DeviceError):
        stream(model, CPU, fixed + layer)


def test_a_tied_head_stays_tied(tmp_path: Path) -> None:
    model = load_checkpoint(tiny_llava(tmp_path, tied=True))
    stream(model, CPU, 10**9)
    assert model.lm_head.weight is model.language_model.embed_tokens.weight


def test_sizes_are_those_of_aligned_tensors() -> None:
    layer = torch.nn.Linear(5, 3)  # 60 and 12 bytes
    assert offload._packed_bytes(layer) == 512
