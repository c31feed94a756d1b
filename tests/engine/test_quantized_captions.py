"""Captions of a quantised model: the same whatever the batch, and streamed the same again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from mqwen.engine import device as devices
from mqwen.engine.captioner import Captioner
from mqwen.errors import DeviceError


def test_int8_captions_do_not_depend_on_the_batch(tiny_folder: Path, picture: Callable[[int], Image.Image]) -> None:
    captioner = Captioner.load(tiny_folder, device="cpu", quantize="int8")
    assert captioner.plan.quantize == "int8" and "weights in int8" in captioner.describe()
    pictures = [picture(seed) for seed in range(9)]
    alone = [captioner.caption(p, max_new_tokens=8) for p in pictures]
    for size in (2, 4, 9):
        together = {
            id(p): caption for p, caption in captioner.caption_many(pictures, max_new_tokens=8, batch_size=size)
        }
        assert [together[id(p)].text for p in pictures] == [caption.text for caption in alone]
        assert [together[id(p)].tokens for p in pictures] == [caption.tokens for caption in alone]


@pytest.mark.parametrize("quantize", ["none", "int8"])
def test_layers_in_turns_give_the_same_captions(
    tiny_folder: Path, picture: Callable[[int], Image.Image], quantize: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Captioner.load(tiny_folder, device="cpu", quantize=quantize)
    turns = devices.Plan(torch.device("cpu"), torch.float32, offload=True, quantize=plain.plan.quantize, streamed=True)
    # Room for all but one layer of what the model needs.
    monkeypatch.setattr(devices, "free_bytes", lambda device: 3 * 10**8)
    monkeypatch.setattr(devices, "working_bytes", lambda *_: 0)
    monkeypatch.setattr(devices, "slot_bytes", lambda *_: 0)
    streamed = Captioner.load(tiny_folder, plan=turns)
    entered: list[int] = []
    enter = streamed._loaded().layer_entered
    streamed._loaded().layer_entered = lambda number: (entered.append(number), enter(number))  # type: ignore
    for seed in range(4):
        said, expected = (one.caption(picture(seed), max_new_tokens=6) for one in (streamed, plain))
        assert (said.text, said.tokens) == (expected.text, expected.tokens)
        # Layers in fp32 that come in turns are multiplied by another library.
        near = pytest.approx(expected.logprob, rel=1e-5)
        assert said.logprob == (near if quantize == "none" else expected.logprob)
    assert len(entered) >= 2 * 4 and set(entered) == {0, 1}


def test_nf4_on_the_processor_is_refused(tiny_folder: Path) -> None:
    with pytest.raises(DeviceError, match="CUDA"):
        Captioner.load(tiny_folder, device="cpu", quantize="nf4")
