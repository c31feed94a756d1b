"""LoRA: it changes what it should, is saved in the original's layout, and what it refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPVisionConfig, Qwen3Config

from mqwen.errors import CheckpointError, InputError
from mqwen.model import MQwenConfig, MQwenForConditionalGeneration, load_parts
from mqwen.training.lora import LoraSettings, attach_lora, load_adapter, merge_lora, save_adapter
from tests.model.golden import MARKER, SEED, Golden, seed_model


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden()


def logits(model: MQwenForConditionalGeneration, golden: Golden) -> torch.Tensor:
    with torch.no_grad():
        return model(golden["marker_middle.input_ids"], golden.pixel_values("marker_middle")).logits


def train(model: MQwenForConditionalGeneration, golden: Golden, steps: int = 3) -> list[float]:
    """A few steps on the projector and the LoRA; the losses."""
    model.train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for _ in range(steps):
        loss = model(golden["train.input_ids"], golden.pixel_values("train"), labels=golden.labels("train")).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    model.eval()
    return losses


def test_a_new_lora_changes_nothing_until_it_is_trained(golden: Golden) -> None:
    model = seed_model()
    before = logits(model, golden)
    frozen = {name: value.clone() for name, value in model.state_dict().items()}
    attach_lora(model, LoraSettings(r=4, alpha=8, dropout=0.0))
    assert torch.equal(logits(model, golden), before)
    losses = train(model, golden)
    assert losses[-1] < losses[0]
    assert (logits(model, golden) - before).abs().max() > 0.1
    after = model.state_dict()
    assert all(torch.equal(after[n], v) for n, v in frozen.items() if not n.startswith("multi_modal_projector."))


def test_saved_adapter_goes_on_and_merges_to_the_same_model(golden: Golden, tmp_path: Path) -> None:
    model = seed_model(merged=False)
    attach_lora(model, LoraSettings(r=4, alpha=32, dropout=0.0))
    train(model, golden)
    expected = logits(model, golden)
    save_adapter(model, tmp_path / "adapter", base_model="../qwen")

    # The original's own adapter has these very names and shapes.
    original = torch.load(SEED / "adapter/adapter_model.bin", weights_only=True)
    saved = load_file(tmp_path / "adapter/adapter_model.safetensors")
    assert {n: t.shape for n, t in saved.items()} == {n: t.shape for n, t in original.items()}
    projector = torch.load(tmp_path / "adapter/other_params.bin", weights_only=True)
    assert set(projector) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    config = json.loads((tmp_path / "adapter/adapter_config.json").read_text())
    theirs = json.loads((SEED / "adapter/adapter_config.json").read_text())
    same = ("peft_type", "task_type", "r", "lora_alpha", "lora_dropout", "target_modules", "bias", "fan_in_fan_out")
    assert {name: config[name] for name in same} == {name: theirs[name] for name in same}

    resumed = seed_model(merged=False)
    lora = load_adapter(resumed, tmp_path / "adapter")
    assert lora.settings == LoraSettings(r=4, alpha=32, dropout=0.0)
    assert torch.equal(logits(resumed, golden), expected)
    merge_lora(resumed)
    assert torch.allclose(logits(resumed, golden), expected, atol=1e-4)
    parts = load_parts(SEED / "qwen", SEED / "clip", tmp_path / "adapter", image_token_id=MARKER).eval()
    assert torch.allclose(logits(parts, golden), expected, atol=1e-4)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_one_dropout_mask_for_q_k_and_v(golden: Golden, checkpointing: bool) -> None:
    """The gradient of the shared A is that of a fused c_attn whose input is dropped once."""
    model = seed_model(merged=False)
    lora = attach_lora(model, LoraSettings(r=4, alpha=4, dropout=0.5))
    first = lora.by_module()["transformer.h.0.attn.c_attn"]
    masks: list[torch.Tensor] = []
    first.dropout.register_forward_hook(lambda _, inputs, output: masks.append(output.detach() != 0))
    model.train()
    if checkpointing:
        model.activation_checkpointing_enable()
    loss = model(golden["train.input_ids"], golden.pixel_values("train"), labels=golden.labels("train")).loss
    loss.backward()
    assert len(masks) == 1 + checkpointing  # read once a pass, not once for each of q, k and v
    assert all(torch.equal(mask, masks[0]) for mask in masks)
    assert 0.4 < masks[0].float().mean() < 0.6
    assert first.lora_B.grad is not None and all(part.norm() > 0 for part in first.lora_B.grad.chunk(3))
    model.eval()
    assert torch.equal(logits(model, golden), logits(seed_model(merged=False), golden))


def test_grouped_heads_and_bfloat16(tmp_path: Path) -> None:
    """A Qwen3 with fewer key heads: B's rows are not thirds; the matrices stay float32 beside a bf16 model."""
    torch.manual_seed(0)
    text = Qwen3Config(
        vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, tie_word_embeddings=True,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
    )
    config = MQwenConfig(vision_config=vision, text_config=text, image_token_id=63, vision_feature_layer=-1)
    model = MQwenForConditionalGeneration(config).to(torch.bfloat16).eval()
    attach_lora(model, LoraSettings(r=2, alpha=2, dropout=0.0))
    fused = model.lora.by_module()["transformer.h.1.attn.c_attn"]
    assert fused.lora_B.shape == (64 + 32 + 32, 2)
    assert fused.lora_B.dtype == torch.float32
    with torch.no_grad():
        for matrices in model.lora.by_module().values():
            matrices.lora_B.normal_()
    ids = torch.tensor([[1, 63, 2, 3]])
    pixel_values = torch.randn(1, 3, 28, 28)
    output = model(ids, pixel_values, labels=ids)
    output.loss.backward()
    assert output.logits.dtype == torch.bfloat16 and fused.lora_A.grad.norm() > 0
    save_adapter(model, tmp_path)
    merge_lora(model)
    merged = model(ids, pixel_values).logits
    assert (merged - output.logits).abs().max() <= 2**-4 * output.logits.abs().max()


def test_what_does_not_work_is_refused(tmp_path: Path) -> None:
    model = seed_model(merged=False)
    with pytest.raises(InputError, match="no LoRA to save"):
        save_adapter(model, tmp_path)
    attach_lora(model, LoraSettings(r=2))
    with pytest.raises(InputError, match="a LoRA already"):
        load_adapter(model, SEED / "adapter")
    with pytest.raises(InputError, match="not merged"):
        model.save_pretrained(tmp_path / "model")
    with pytest.raises(InputError, match="needs r"):
        LoraSettings(r=0)


@pytest.mark.parametrize("fault", ["missing module", "wrong width", "projector", "alpha_pattern", "no config"])
def test_a_wrong_adapter_leaves_the_model_as_it_was(golden: Golden, tmp_path: Path, fault: str) -> None:
    folder = shutil.copytree(SEED / "adapter", tmp_path / "adapter")
    tensors = torch.load(folder / "adapter_model.bin", weights_only=True)
    config = json.loads((folder / "adapter_config.json").read_text())
    named = "base_model.model.transformer.h.1.mlp.w1.lora_A.weight"
    if fault == "missing module":
        del tensors[named], tensors[named.replace("lora_A", "lora_B")]
    elif fault == "wrong width":
        tensors[named] = tensors[named][:, :-1].clone()
    elif fault == "projector":
        named = "2.bias"
        torch.save({"0.weight": torch.zeros(64, 32), "0.bias": torch.zeros(64)}, folder / "other_params.bin")
    elif fault == "alpha_pattern":
        config["alpha_pattern"] = {"w1": 8}
    torch.save(tensors, folder / "adapter_model.bin")
    (folder / "adapter_config.json").write_text(json.dumps(config))
    if fault == "no config":
        (folder / "adapter_config.json").unlink()

    model = seed_model(merged=False)
    before = logits(model, golden)
    with pytest.raises(CheckpointError) as error:
        load_adapter(model, folder)
    assert error.value.path is not None and error.value.path.is_relative_to(folder)
    if fault in ("missing module", "wrong width"):
        assert error.value.tensor == named
    assert not hasattr(model, "lora")
    assert torch.equal(logits(model, golden), before)
    assert all(parameter.requires_grad for parameter in model.parameters())
