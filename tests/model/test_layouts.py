"""Names, configs and LoRA of the layouts, against values computed from the files by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mqwen.errors import CheckpointError
from mqwen.model import load_parts
from mqwen.model.layouts import (
    LLAVA,
    PROJECTOR,
    QWEN1,
    QWEN2,
    VISION,
    Layout,
    llava_config,
    saved_name,
    text_config_of,
    vision_config_of,
)
from tests.tiny_parts import TinyParts, tiny_parts

HIDDEN = 64


def edit_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def all_tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: t for file in sorted(folder.glob("*.safetensors")) for name, t in load_file(file).items()}


def lora_delta(parts: TinyParts, module: str, scale: float) -> torch.Tensor:
    lora = load_file(parts.adapter / "adapter_model.safetensors")
    name = f"base_model.model.{module}.lora_"
    return scale * (lora[name + "B.weight"] @ lora[name + "A.weight"])


@pytest.mark.parametrize(
    ("layout", "theirs", "ours"),
    [
        (LLAVA, "language_model.model.layers.3.mlp.up_proj.weight", "language_model.layers.3.mlp.up_proj.weight"),
        (LLAVA, "model.language_model.norm.weight", "language_model.norm.weight"),
        (LLAVA, "language_model.lm_head.weight", "lm_head.weight"),
        (LLAVA, "lm_head.weight", "lm_head.weight"),
        (LLAVA, "vision_tower.vision_model.pre_layrnorm.bias", "vision_tower.pre_layrnorm.bias"),
        (LLAVA, "model.vision_tower.pre_layrnorm.bias", "vision_tower.pre_layrnorm.bias"),
        (LLAVA, "model.multi_modal_projector.linear_1.bias", "multi_modal_projector.linear_1.bias"),
        (QWEN1, "transformer.h.31.mlp.w1.weight", "language_model.layers.31.mlp.up_proj.weight"),
        (QWEN1, "transformer.h.31.mlp.w2.weight", "language_model.layers.31.mlp.gate_proj.weight"),
        (QWEN1, "transformer.wte.weight", "language_model.embed_tokens.weight"),
        (QWEN2, "model.layers.0.self_attn.q_norm.weight", "language_model.layers.0.self_attn.q_norm.weight"),
        (VISION, "vision_model.encoder.layers.0.mlp.fc1.bias", "vision_tower.encoder.layers.0.mlp.fc1.bias"),
        (PROJECTOR, "2.bias", "multi_modal_projector.linear_2.bias"),
    ],
)
def test_a_name_is_placed_and_spelled_back(layout: Layout, theirs: str, ours: str) -> None:
    assert layout.place(theirs) == (ours,)
    assert theirs in layout.spellings(ours)
    assert LLAVA.place(saved_name(ours)) == (ours,)


def test_the_fused_attention_is_three_slices_and_buffers_are_dropped() -> None:
    ours = tuple(f"language_model.layers.7.self_attn.{p}_proj.bias" for p in "qkv")
    assert QWEN1.place("transformer.h.7.attn.c_attn.bias") == ours
    assert QWEN1.spellings(ours[1]) == ["transformer.h.7.attn.c_attn.bias"]
    for name in ("transformer.h.0.attn.masked_bias", "transformer.rotary_emb.inv_freq"):
        assert QWEN1.place(name) == ()
    assert VISION.place("text_model.encoder.layers.0.mlp.fc1.bias") == VISION.place("logit_scale") == ()
    assert LLAVA.place("vision_tower.vision_model.embeddings.position_ids") == ()
    assert QWEN1.place("transformer.h.0.attn.c_proj.bias") is None


def test_parts_hold_the_values_of_the_files(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path)
    model = load_parts(*parts)
    qwen, clip = all_tensors(parts.language_model), all_tensors(parts.vision_tower)
    projector = torch.load(parts.adapter / "other_params.bin", weights_only=True)
    layer = model.language_model.layers[1]
    scale = 16 / 4

    c_attn = qwen["transformer.h.1.attn.c_attn.weight"] + lora_delta(parts, "transformer.h.1.attn.c_attn", scale)
    torch.testing.assert_close(layer.self_attn.q_proj.weight, c_attn[:HIDDEN])
    torch.testing.assert_close(layer.self_attn.k_proj.weight, c_attn[HIDDEN : 2 * HIDDEN])
    torch.testing.assert_close(layer.self_attn.v_proj.weight, c_attn[2 * HIDDEN :])
    assert layer.self_attn.v_proj.bias.equal(qwen["transformer.h.1.attn.c_attn.bias"][2 * HIDDEN :])
    assert layer.self_attn.o_proj.weight.equal(qwen["transformer.h.1.attn.c_proj.weight"])
    w1 = qwen["transformer.h.1.mlp.w1.weight"] + lora_delta(parts, "transformer.h.1.mlp.w1", scale)
    torch.testing.assert_close(layer.mlp.up_proj.weight, w1)
    w2 = qwen["transformer.h.1.mlp.w2.weight"] + lora_delta(parts, "transformer.h.1.mlp.w2", scale)
    torch.testing.assert_close(layer.mlp.gate_proj.weight, w2)
    assert layer.mlp.down_proj.weight.equal(qwen["transformer.h.1.mlp.c_proj.weight"])
    assert layer.input_layernorm.weight.equal(qwen["transformer.h.1.ln_1.weight"])
    assert layer.post_attention_layernorm.weight.equal(qwen["transformer.h.1.ln_2.weight"])
    assert model.language_model.norm.weight.equal(qwen["transformer.ln_f.weight"])
    assert model.lm_head.weight.equal(qwen["lm_head.weight"])
    assert model.vision_tower.embeddings.class_embedding.equal(clip["vision_model.embeddings.class_embedding"])
    assert model.multi_modal_projector.linear_1.weight.equal(projector["0.weight"])
    assert model.multi_modal_projector.linear_2.bias.equal(projector["2.bias"])


def test_config_of_qwen1_is_kept(tmp_path: Path) -> None:
    config = load_parts(*tiny_parts(tmp_path)).config
    assert (config.use_dynamic_ntk, config.use_logn_attn, config.seq_length) == (True, True, 512)
    assert config.image_token_id == 259  # <|extra_0|> of a tokenizer with 256 ranks
    assert (config.vision_feature_layer, config.vision_feature_select_strategy) == (-1, "default")
    assert (config.text_config.intermediate_size, config.text_config.rms_norm_eps) == (128, 1e-6)


@pytest.mark.parametrize(("declared", "marker"), [({"<image>": 300}, 300), ({"<tool>": 300}, 151646)])
def test_the_marker_is_the_one_that_the_tokenizer_names(tmp_path: Path, declared: Any, marker: int) -> None:
    parts = tiny_parts(tmp_path)
    folder = parts.language_model
    (folder / "qwen.tiktoken").unlink()
    assert load_parts(*parts).config.image_token_id == 151646  # no tokenizer at all
    (folder / "vocab.json").write_text('{"a": 0}')
    (folder / "merges.txt").write_text("")
    (folder / "added_tokens.json").write_text(json.dumps(declared))
    assert load_parts(*parts).config.image_token_id == marker
    (folder / "added_tokens.json").write_text('["<image>"]')
    with pytest.raises(CheckpointError, match=r"added_tokens\.json"):
        load_parts(*parts)


def test_switches_that_a_qwen1_config_leaves_out_are_those_of_its_code(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path)
    path = parts[0] / "config.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in content.items() if k not in ("use_dynamic_ntk", "use_logn_attn")}))
    config = load_parts(*parts).config
    assert (config.use_dynamic_ntk, config.use_logn_attn) == (True, True)


@pytest.mark.parametrize("weights", ["safetensors", "bin"])
def test_old_spellings_and_pickles_give_the_same_model(tmp_path: Path, weights: Any) -> None:
    new = load_parts(*tiny_parts(tmp_path / "new"), image_token_id=303)
    old = load_parts(*tiny_parts(tmp_path / "old", old_names=True, weights=weights, shards=3), image_token_id=303)
    assert old.config.to_dict() == new.config.to_dict()
    for (name, theirs), ours in zip(new.state_dict().items(), old.state_dict().values(), strict=True):
        assert theirs.equal(ours), name


def test_without_adapter_the_projector_is_new_and_the_same_each_time(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path)
    first = load_parts(parts.language_model, parts.vision_tower).multi_modal_projector
    second = load_parts(parts.language_model, parts.vision_tower).multi_modal_projector
    assert first.linear_1.weight.equal(second.linear_1.weight)
    assert 0.008 < first.linear_2.weight.std() < 0.012
    assert not first.linear_1.bias.any()


def test_rank_and_alpha_patterns_and_rslora_are_honoured(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path)
    file = parts.adapter / "adapter_model.safetensors"
    lora = load_file(file)
    name = "base_model.model.transformer.h.0.mlp.w1.lora_"
    lora[name + "A.weight"], lora[name + "B.weight"] = torch.randn(9, 64), torch.randn(128, 9)
    save_file(lora, file)
    edit_json(
        parts.adapter / "adapter_config.json", rank_pattern={"h.0.mlp.w1": 9}, alpha_pattern={"w2": 5}, use_rslora=True
    )
    model = load_parts(*parts)
    qwen = all_tensors(parts.language_model)
    for module, ours, scale in (("w1", "up_proj", 16 / 9**0.5), ("w2", "gate_proj", 5 / 4**0.5)):
        expected = qwen[f"transformer.h.0.mlp.{module}.weight"] + lora_delta(
            parts, f"transformer.h.0.mlp.{module}", scale
        )
        torch.testing.assert_close(getattr(model.language_model.layers[0].mlp, ours).weight, expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"use_dora": True},
        {"fan_in_fan_out": True},
        {"bias": "all"},
        {"peft_type": "IA3"},
        {"r": 8},
        {"r": None},
        {"lora_alpha": "much"},
        {"rank_pattern": {".*": 4}},
        {"modules_to_save": ["lm_head"]},
        {"init_lora_weights": "pissa_niter_16"},
        {"init_lora_weights": "olora"},
    ],
)
def test_an_adapter_that_cannot_be_merged_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    parts = tiny_parts(tmp_path)
    edit_json(parts.adapter / "adapter_config.json", **changes)
    with pytest.raises(CheckpointError) as caught:
        load_parts(*parts)
    assert caught.value.path is not None and caught.value.path.parent == parts.adapter


def test_an_adapter_that_was_saved_in_part_is_refused(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path)
    file = parts.adapter / "adapter_model.safetensors"
    whole = load_file(file)
    lacking = "base_model.model.transformer.h.1.mlp.w2.lora_A.weight"
    save_file({name: tensor for name, tensor in whole.items() if "h.1.mlp.w2" not in name}, file)
    with pytest.raises(CheckpointError, match=r"transformer\.h\.1\.mlp\.w2\.lora_A\.weight: is missing") as caught:
        load_parts(*parts)
    assert caught.value.path == file and lacking in whole
    file.unlink()
    torch.save({}, parts.adapter / "adapter_model.bin")
    with pytest.raises(CheckpointError, match="holds no LoRA"):
        load_parts(*parts)
    edit_json(parts.adapter / "adapter_config.json", layers_to_transform=[0], init_lora_weights="gaussian")
    (parts.adapter / "adapter_model.bin").unlink()
    save_file({name: tensor for name, tensor in whole.items() if ".h.0." in name}, file)
    load_parts(*parts)


def test_an_adapter_of_another_model_is_refused(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path)
    other = tiny_parts(tmp_path / "other", layers=4)
    with pytest.raises(CheckpointError, match=r"transformer\.h\.3\.attn\.c_attn\.weight") as caught:
        load_parts(parts.language_model, parts.vision_tower, other.adapter)
    assert caught.value.path == other.adapter / "adapter_model.safetensors"
    wider = tiny_parts(tmp_path / "wider", hidden_size=128)
    with pytest.raises(CheckpointError, match="does not fit") as caught:
        load_parts(parts.language_model, parts.vision_tower, wider.adapter)
    assert caught.value.path == wider.adapter / "adapter_model.safetensors"


@pytest.mark.parametrize(
    "changes",
    [
        {"kv_channels": 32},
        {"rotary_pct": 0.5},
        {"no_bias": False},
        {"scale_attn_weights": False},
        {"hidden_size": None},
        {"num_attention_heads": 0},
        {"model_type": "llama"},
    ],
)
def test_a_qwen1_that_qwen2_cannot_express_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    config = json.loads((tiny_parts(tmp_path).language_model / "config.json").read_text())
    assert text_config_of(config)["hidden_size"] == HIDDEN
    with pytest.raises(CheckpointError):
        text_config_of(config | changes)


def test_vision_configs_of_both_kinds() -> None:
    nested = {"hidden_size": 1024, "image_size": 336, "num_beams": 1, "torch_dtype": "float32"}
    expected = {"model_type": "clip_vision_model", "hidden_size": 1024, "image_size": 336}
    assert vision_config_of({"model_type": "clip", "vision_config": nested}) == expected
    assert vision_config_of({"model_type": "clip", "vision_config": None, "vision_config_dict": nested}) == expected
    assert vision_config_of({"model_type": "clip_vision_model"} | nested) == expected
    for unknown in ("dinov2", None, []):  # a damaged config may hold anything
        with pytest.raises(CheckpointError, match="unknown vision tower"):
            vision_config_of({"model_type": unknown})
        with pytest.raises(CheckpointError, match="unknown architecture"):
            llava_config({"model_type": unknown})
    with pytest.raises(CheckpointError, match="vision_config"):
        vision_config_of({"model_type": "siglip"})
