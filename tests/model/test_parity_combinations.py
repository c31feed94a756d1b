"""Every combination of tower, layer, text model, head and vocabulary: logits and greedy tokens of transformers.

Each checkpoint is random, made and saved by transformers' LlavaForConditionalGeneration and loaded by load_checkpoint.
MQWEN_PARITY_TABLE=FILE writes what was found as a table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlavaForConditionalGeneration

from mqwen.model import load_checkpoint
from tests.tiny import MARKER, tiny_llava

VISIONS = ("clip", "siglip", "chinese_clip")
LAYERS: tuple[int | list[int], ...] = (-1, -2, [-2, 1])
STRATEGIES = ("default", "full")
# Qwen1.5 has a key head for each query head; Qwen2 and Qwen2.5 share them, with another base of RoPE.
TEXTS: dict[str, tuple[str, dict[str, Any]]] = {
    "Qwen1.5": ("qwen2", {"num_key_value_heads": 4, "rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}),
    "Qwen2": ("qwen2", {"num_key_value_heads": 2}),
    "Qwen2.5": ("qwen2", {"num_key_value_heads": 1, "rms_norm_eps": 1e-5, "max_window_layers": 1}),
    "Qwen3": ("qwen3", {"num_key_value_heads": 2, "head_dim": 24}),  # wider than hidden_size / heads
}
VOCABULARIES = {"exact": 260, "padded": 320}
PROMPT = [5, MARKER, 7, 8, 9]
NEW_TOKENS = 5


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    rows = [
        "| tower | layer | strategy | text model | head | vocabulary | image tokens | logits differ by | tokens |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    yield rows
    if file := os.environ.get("MQWEN_PARITY_TABLE"):
        Path(file).write_text("\n".join(rows) + "\n", encoding="utf-8")


@torch.no_grad()
@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("vision", VISIONS)
def test_all_combinations(vision: str, text: str, tmp_path: Path, table: list[str]) -> None:
    kind, options = TEXTS[text]
    pixel_values = torch.randn(1, 3, 28, 28, generator=torch.Generator().manual_seed(1))
    for tied, (vocabulary, vocab_size), layer in product((False, True), VOCABULARIES.items(), LAYERS):
        folder = tmp_path / f"{tied}-{vocabulary}-{len(str(layer))}-{layer}"
        tiny_llava(
            folder,
            vision,  # type: ignore[arg-type]
            kind,  # type: ignore[arg-type]
            tied=tied,
            layer=layer,
            image_size=28,
            hidden_size=32,
            text_options={**options, "vocab_size": vocab_size},
        )
        for strategy in STRATEGIES:
            path = folder / "config.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"vision_feature_select_strategy": strategy}))
            theirs = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
            ours = load_checkpoint(folder)
            tokens = ours.config.image_tokens
            assert tokens == 4 + (vision != "siglip") - (strategy == "default")
            long = torch.tensor([[i for id_ in PROMPT for i in [id_] * (tokens if id_ == MARKER else 1)]])
            expected = theirs(long, pixel_values=pixel_values).logits
            found = ours(torch.tensor([PROMPT]), pixel_values).logits
            difference = (found - expected).abs().max().item()
            greedy = {"do_sample": False, "max_new_tokens": NEW_TOKENS}
            written = theirs.generate(long, pixel_values=pixel_values, **greedy)[0, long.shape[1] :].tolist()
            ours.generation_config = theirs.generation_config
            same = ours.generate(torch.tensor([PROMPT]), pixel_values, **greedy)[0].tolist() == written
            head = "tied" if tied else "own"
            table.append(
                f"| {vision} | {layer} | {strategy} | {text} | {head} | {vocabulary}, {vocab_size} | {tokens} "
                f"| {difference:.1e} | {'same' if same else 'DIFFER'} |"
            )
            assert found.shape == expected.shape and expected.abs().max() > 0.5, table[-1]
            assert difference <= 1e-4 and same, table[-1]
            other_picture = ours(torch.tensor([PROMPT]), -pixel_values).logits
            assert (other_picture - found).abs().max() > 1e-2, table[-1]  # the picture matters
