"""Each listed checkpoint in its true size: the hub's file names and headers without the weights, and its memory.

A sparse file has the header and the length of the real one, and takes no room on the disk.
"""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from mqwen.cli.main import main
from mqwen.hub import known_models
from mqwen.model.assembly import meta_model
from mqwen.model.checkpoint import inspect_checkpoint
from mqwen.model.layouts import llava_config
from mqwen.model.quantize import NF4_BLOCK, quantize_
from tests.model.test_public_configs import PUBLIC, QWEN_7B_CHAT, Shapes, llava_tensors, original

KNOWN = {model.hub_id: model for model in known_models() if model.hub_id}


def sparse_folder(folder: Path, config: dict[str, Any], tensors: Shapes, shards: int) -> Path:
    """Write a model folder whose tensors are holes in the files."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    names = list(tensors)
    size = math.ceil(len(names) / shards)
    weight_map = {}
    for number in range(shards):
        file = f"model-{number + 1:05d}-of-{shards:05d}.safetensors" if shards > 1 else "model.safetensors"
        header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
        end = 0
        for name in names[number * size : (number + 1) * size]:
            start, end = end, end + 2 * math.prod(tensors[name])
            header[name] = {"dtype": "BF16", "shape": list(tensors[name]), "data_offsets": [start, end]}
            weight_map[name] = file
        encoded = json.dumps(header).encode()
        with (folder / file).open("wb") as stream:
            stream.write(len(encoded).to_bytes(8, "little") + encoded)
            stream.truncate(8 + len(encoded) + end)
    if shards > 1:
        index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def weight_bytes(config: dict[str, Any], precision: str) -> int:
    """Bytes of the tensors that the model has in memory, counted on the meta device."""
    model = meta_model(llava_config(config)).to(torch.bfloat16)
    if precision == "int8":
        quantize_(model, "int8", torch.bfloat16)
    tensors = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    tied = model.config.tie_word_embeddings  # then the head's are the embedding's
    total = sum(t.numel() * t.itemsize for name, t in tensors if not (tied and name.startswith("lm_head.")))
    if precision == "nf4":
        # bitsandbytes is for CUDA machines: half a byte a weight, and a float32 for each block.
        for module in model.language_model.layers.modules():
            if isinstance(module, nn.Linear):
                weights = module.weight.numel()
                total -= 2 * weights - weights // 2 - 4 * math.ceil(weights / NF4_BLOCK)
    return total


@pytest.mark.skipif(os.name == "nt", reason="a file with a hole takes its whole size there")
@pytest.mark.parametrize("hub_id", PUBLIC)
def test_the_hubs_files_are_accounted_for_and_doctor_tells_the_memory(
    hub_id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("", (), {"available": 10**12, "total": 10**12}))
    config, known = PUBLIC[hub_id][0], KNOWN[hub_id]
    tensors = llava_tensors(config, "old")
    folder = sparse_folder(tmp_path / "model", config, tensors, shards=2 if known.parameters > 1e9 else 1)
    report = inspect_checkpoint(folder)
    assert report.parameters == known.parameters == sum(math.prod(shape) for shape in tensors.values())
    assert report.stored_bytes == 2 * known.parameters
    assert main(["doctor", "--model", str(folder)]) == 0
    printed = capsys.readouterr().out
    told = {name: float(gb) for name, gb in re.findall(r"(bf16|int8|nf4) ([\d.]+) GB", printed)}
    for precision in ("bf16", "int8", "nf4"):
        expected = weight_bytes(config, precision) / 1e9
        assert told[precision] == pytest.approx(expected, rel=0.05), precision
        assert known.memory_gb[precision] == pytest.approx(expected, rel=0.05), precision
        assert report.memory[precision] / 1e9 == pytest.approx(expected, rel=0.05), precision
    assert known.memory_gb["fp32"] == pytest.approx(report.memory["fp32"] / 1e9, rel=0.05)
    assert known.kv_cache_kb * 1024 == report.kv_cache_bytes
    assert known.image_tokens == report.config.image_tokens
    if known.download_gb is not None:
        assert known.download_gb == pytest.approx(report.stored_bytes / 1e9, rel=0.01)


def test_every_listed_model_has_a_config_here() -> None:
    assert set(KNOWN) == set(PUBLIC)


def test_the_original_and_the_starter_are_as_listed(root: Path) -> None:
    models = {model.name: model for model in known_models()}
    for model, report in (
        (models["original"], original(QWEN_7B_CHAT)),
        (models["starter"], inspect_checkpoint(root / "resources" / "starter")),
    ):
        assert model.parameters == report.parameters
        assert model.image_tokens == report.config.image_tokens
        assert model.kv_cache_kb * 1024 == report.kv_cache_bytes
        for precision, gb in model.memory_gb.items():
            assert gb == pytest.approx(report.memory[precision] / 1e9, rel=0.05), precision
