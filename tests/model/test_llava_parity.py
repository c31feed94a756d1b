"""Our model gives the logits of transformers' LlavaForConditionalGeneration with the same weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlavaForConditionalGeneration

from mqwen.model import MQwenConfig, MQwenForConditionalGeneration
from tests.tiny import ENDOFTEXT, MARKER, tiny_llava


def both(folder: Path, **options: Any) -> tuple[MQwenForConditionalGeneration, LlavaForConditionalGeneration]:
    llava = LlavaForConditionalGeneration.from_pretrained(tiny_llava(folder, **options), dtype=torch.float32).eval()
    ours = MQwenForConditionalGeneration(MQwenConfig.from_pretrained(folder)).eval()
    weights = {name.removeprefix("model."): value for name, value in llava.state_dict().items()}
    ours.load_state_dict(weights)
    ours.generation_config = llava.generation_config
    return ours, llava


def expanded(row: list[int], image_tokens: int) -> list[int]:
    """What transformers' LLaVA processor does: one marker for each image token."""
    return [token for id_ in row for token in [id_] * (image_tokens if id_ == MARKER else 1)]


def padded(rows: list[list[int]], side: str) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, rows))
    ids, mask = [], []
    for row in rows:
        pad = [ENDOFTEXT] * (width - len(row))
        ids.append(pad + row if side == "left" else row + pad)
        mask.append([0] * len(pad) + [1] * len(row) if side == "left" else [1] * len(row) + [0] * len(pad))
    return torch.tensor(ids), torch.tensor(mask)


ROWS = [
    [5, MARKER, 7, 8, 9, 10],  # one image
    [MARKER, 20, MARKER, 21, MARKER],  # three, at both ends
    [30, 31, 32, 33, 34, 35, 36, 37],  # plain text
    [40, MARKER, MARKER, 41],  # two beside each other
]
IMAGES = 6


@torch.no_grad()
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    "options",
    [
        {"vision": "clip", "text": "qwen2"},
        {"vision": "clip", "text": "qwen3", "layer": -2},
        {"vision": "clip", "text": "qwen2", "layer": [-1, 1], "tied": True},
        {"vision": "clip", "text": "qwen2", "layer": [0, -2, 3], "strategy": "full"},
        {"vision": "siglip", "text": "qwen2"},
        {"vision": "siglip", "text": "qwen3", "layer": [-2, -1], "tied": True},
        {"vision": "siglip", "text": "qwen2", "strategy": "default"},
        {"vision": "chinese_clip", "text": "qwen2", "layer": -2},
        {"vision": "chinese_clip", "text": "qwen3"},
    ],
    ids=lambda options: "-".join(str(value) for value in options.values()),
)
def test_logits(tmp_path: Path, options: dict[str, Any], side: str) -> None:
    ours, llava = both(tmp_path, **options)
    pixel_values = torch.randn(IMAGES, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    output = ours(padded(ROWS, side)[0], pixel_values, padded(ROWS, side)[1])
    long = [expanded(row, ours.config.image_tokens) for row in ROWS]
    ids, mask = padded(long, side)
    expected = llava(ids, pixel_values=pixel_values, attention_mask=mask).logits
    assert not expected.isnan().any()
    for row, tokens in enumerate(long):
        found = output.logits[row][output.attention_mask[row].bool()]
        assert found.shape[0] == len(tokens)
        assert (found - expected[row][mask[row].bool()]).abs().max() <= 1e-4


@pytest.mark.parametrize("side", ["left", "right"])
def test_loss_and_gradients(tmp_path: Path, side: str) -> None:
    ours, llava = both(tmp_path)
    pixel_values = torch.randn(IMAGES, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    ids, mask = padded(ROWS, side)
    loss = ours(ids, pixel_values, mask, labels=ids).loss  # everything but markers and padding is learned
    loss.backward()
    # Padded on the right: on the left, transformers counts what padding predicts.
    long_ids, long_mask = padded([expanded(row, 16) for row in ROWS], "right")
    labels = long_ids.masked_fill((long_ids == MARKER) | (long_mask == 0), -100)
    expected = llava(long_ids, pixel_values=pixel_values, attention_mask=long_mask, labels=labels).loss
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), abs=1e-5)
    theirs = {name.removeprefix("model."): parameter for name, parameter in llava.named_parameters()}
    compared = 0
    for name, parameter in ours.named_parameters():
        gradient = theirs[name].grad
        if gradient is None or gradient.norm() < 1e-6:  # of a key's bias it is 0 but for rounding
            continue
        assert ((parameter.grad - gradient).norm() / gradient.norm()).item() <= 1e-4, name
        compared += 1
    assert compared > 60


@pytest.mark.parametrize("text", ["qwen2", "qwen3"])
def test_generate(tmp_path: Path, text: str) -> None:
    ours, llava = both(tmp_path, text=text)
    pixel_values = torch.randn(IMAGES, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    options = {"do_sample": False, "max_new_tokens": 12, "repetition_penalty": 1.2}
    long_ids, long_mask = padded([expanded(row, 16) for row in ROWS], "left")
    # One row at a time: transformers' penalty sees the padding of a batch.
    images = 0
    expected = []
    for row in ROWS:
        count = row.count(MARKER)
        own = {"pixel_values": pixel_values[images : images + count]} if count else {}
        images += count
        one = torch.tensor([expanded(row, 16)])
        expected.append(llava.generate(one, **own, **options)[0, one.shape[1] :].tolist())
    for side in ("left", "right"):
        ids, mask = padded(ROWS, side)
        found = ours.generate(ids, pixel_values, mask, **options).tolist()
        for row, tokens in zip(found, expected, strict=True):
            assert row[: len(tokens)] == tokens
            assert set(row[len(tokens) :]) <= {ENDOFTEXT}


@torch.no_grad()
def test_saved_model_is_the_same_in_transformers_and_here(tmp_path: Path) -> None:
    ours, _ = both(tmp_path / "first", vision="siglip", text="qwen3", tied=True)
    ours.save_pretrained(tmp_path / "second")
    ids, mask = padded(ROWS, "right")
    pixel_values = torch.randn(IMAGES, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    expected = ours(ids, pixel_values, mask).logits
    again = MQwenForConditionalGeneration.from_pretrained(tmp_path / "second").eval()
    assert torch.equal(again(ids, pixel_values, mask).logits, expected)
    llava = LlavaForConditionalGeneration.from_pretrained(tmp_path / "second", dtype=torch.float32).eval()
    one = torch.tensor([expanded(ROWS[1], 16)])
    theirs = llava(one, pixel_values=pixel_values[1:4]).logits
    assert (ours(torch.tensor([ROWS[1]]), pixel_values[1:4]).logits - theirs).abs().max() <= 1e-4
