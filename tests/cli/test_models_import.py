"""An adapter of the original's layout, added again to the model that it was trained on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mqwen.errors import CheckpointError
from mqwen.model import load_checkpoint, load_parts
from mqwen.model.importer import import_adapter
from mqwen.model.splice import MQwenForConditionalGeneration
from mqwen.training.lora import LoraSettings, attach_lora
from mqwen.training.tuned_folder import save_tuned
from tests.cli.conftest import Run
from tests.tiny import MARKER, tiny_llava


def trained(base: Path, out: Path, log: Path) -> torch.Tensor:
    """Save what a tuning would leave, with random weights for learned ones; return its logits."""
    model = load_checkpoint(base)
    attach_lora(model, LoraSettings(r=4))
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.1)
    log.write_text("")
    save_tuned(model, base, out, log=log, settings={})
    return logits(load_checkpoint(out))


@torch.no_grad()
def logits(model: MQwenForConditionalGeneration) -> torch.Tensor:
    size = model.config.vision_config.image_size
    ids = torch.tensor([[5, model.config.image_token_id, 7, 8]])
    return model(ids, torch.linspace(-2, 2, 3 * size * size).reshape(1, 3, size, size)).logits


@pytest.mark.parametrize(
    "options",
    [
        {"text": "qwen2", "spelling": "old"},
        {"text": "qwen3", "vision": "siglip", "spelling": "memory", "tied": True},
        {"text": "qwen2", "vision": "chinese_clip", "layer": [-2, -1], "spelling": "saved"},
    ],
    ids=str,
)
def test_model_and_adapter_make_the_tuned_model(tmp_path: Path, options: dict[str, Any], inside: Run) -> None:
    base = tiny_llava(tmp_path / "base", **options)
    text = json.loads((base / "config.json").read_text())["text_config"]
    assert text["num_key_value_heads"] < text["num_attention_heads"]  # so q has more rows than k and v
    expected = trained(base, tmp_path / "tuned", tmp_path / "log")
    assert (logits(load_checkpoint(base)) - expected).abs().max() > 0.05
    done = inside("models", "import", "--model", base, "--adapter", tmp_path / "tuned" / "adapter", tmp_path / "joined")
    assert done.returncode == 0 and done.stdout.strip() == str(tmp_path / "joined"), done.stderr
    torch.testing.assert_close(logits(load_checkpoint(tmp_path / "joined")), expected, rtol=0, atol=1e-5)
    whole = {path.name for path in (tmp_path / "tuned").iterdir()} - {"adapter", "training.json", "training.jsonl"}
    assert {path.name for path in (tmp_path / "joined").iterdir()} == whole


def test_beside_a_language_model_of_its_own(tmp_path: Path) -> None:
    """Qwen2 in its own folder, and q, k and v apart: the adapter has one A for the three."""
    base = tiny_llava(tmp_path / "base")
    expected = trained(base, tmp_path / "tuned", tmp_path / "log")
    tensors, config = load_file(base / "model.safetensors"), json.loads((base / "config.json").read_text())
    for folder, prefix, part in (
        ("qwen", "language_model.", "text_config"),
        ("clip", "vision_tower.", "vision_config"),
    ):
        (tmp_path / folder).mkdir()
        own = {name.split(prefix, 1)[1]: tensor for name, tensor in tensors.items() if prefix in name}
        save_file(own, tmp_path / folder / "model.safetensors")
        (tmp_path / folder / "config.json").write_text(json.dumps(config[part]))
    adapter = tmp_path / "tuned" / "adapter"
    same = load_parts(tmp_path / "qwen", tmp_path / "clip", adapter, image_token_id=MARKER)
    torch.testing.assert_close(logits(same), expected, rtol=0, atol=1e-5)


def test_what_makes_a_model_the_starter_comes_along(root: Path, tmp_path: Path) -> None:
    starter = shutil.copytree(root / "resources" / "starter", tmp_path / "starter")
    trained(starter, tmp_path / "tuned", tmp_path / "log")
    import_adapter(starter, tmp_path / "tuned" / "adapter", tmp_path / "joined")
    configs = [json.loads((tmp_path / name / "config.json").read_text()) for name in ("tuned", "joined")]
    assert configs[0] == configs[1] and configs[1]["mqwen_starter"]
    tuned, joined = (load_file(tmp_path / name / "model.safetensors") for name in ("tuned", "joined"))
    assert tuned.keys() == joined.keys()
    for name, tensor in tuned.items():
        torch.testing.assert_close(joined[name], tensor, rtol=2e-3, atol=1e-4, check_dtype=False)  # a step of float16
    assert (tmp_path / "joined" / "clip" / "model.safetensors").is_file()


@pytest.mark.parametrize("rows", [-1, 1], ids=["too few", "too many"])
def test_an_adapter_of_other_widths_is_refused(tmp_path: Path, rows: int) -> None:
    base = tiny_llava(tmp_path / "base")
    trained(base, tmp_path / "tuned", tmp_path / "log")
    path = tmp_path / "tuned" / "adapter" / "adapter_model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if name.endswith("c_attn.lora_B.weight"))
    b = tensors[name]
    tensors[name] = (torch.cat([b, b[:rows]]) if rows > 0 else b[:rows]).contiguous()
    save_file(tensors, path)
    with pytest.raises(CheckpointError, match="does not fit") as caught:
        import_adapter(base, path.parent, tmp_path / "out")
    assert caught.value.path == path and not (tmp_path / "out").exists()


def test_options_that_contradict_each_other(inside: Run, tmp_path: Path) -> None:
    for options, says in (
        (("--model", "starter"), "--adapter is missing"),
        (("--model", "starter", "--adapter", tmp_path, "--vision-tower", tmp_path), "has its parts"),
        (("--language-model", tmp_path), "a part is missing"),
        (("--model", "starter", "--adapter", tmp_path / "nowhere"), "nowhere"),
    ):
        done = inside("models", "import", *options, tmp_path / "out")
        assert done.returncode == 2 and says in done.stderr, done.stderr
