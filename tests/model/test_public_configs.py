"""Dry runs with the configs of public checkpoints: every tensor of such a checkpoint is accounted for, and its memory.

The configs are the public config.json files' fields (facts/model.md lists the checkpoints). Names and shapes are
written here from patterns, as the checkpoints of their time spell them, and once more by transformers' own classes.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import LlavaConfig, LlavaForConditionalGeneration

from mqwen.errors import CheckpointError
from mqwen.model.layouts import QWEN1, QWEN2, llava_config, original_config
from mqwen.model.report import CheckpointReport, dry_run, dry_run_parts

Shapes = dict[str, tuple[int, ...]]

CLIP_L = {
    "model_type": "clip_vision_model",
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": 224,
    "patch_size": 14,
    "projection_dim": 768,
}
CLIP_L_336 = CLIP_L | {"image_size": 336}
CHINESE_CLIP_L_336 = CLIP_L_336 | {"model_type": "chinese_clip_vision_model"}
SIGLIP_SO400M = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}
SIGLIP_INTERLEAVE = SIGLIP_SO400M | {"num_hidden_layers": 26, "vision_use_head": False}


def qwen(
    hidden: int, layers: int, heads: int, kv_heads: int, intermediate: int, vocab: int, **more: Any
) -> dict[str, Any]:
    return {
        "model_type": "qwen2",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": intermediate,
        "vocab_size": vocab,
        "max_position_embeddings": 32768,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "tie_word_embeddings": False,
        "use_sliding_window": False,
    } | more


QWEN15_05B = qwen(1024, 24, 16, 16, 2816, 151936, tie_word_embeddings=True)
QWEN15_18B = qwen(2048, 24, 16, 16, 5504, 151936)
QWEN15_4B = qwen(2560, 40, 20, 20, 6912, 151936, rope_theta=5_000_000.0, max_window_layers=21)
QWEN2_05B = qwen(896, 24, 14, 2, 4864, 151936, tie_word_embeddings=True)
QWEN2_7B = qwen(3584, 28, 28, 4, 18944, 152064)
QWEN3_4B = qwen(
    2560, 36, 32, 8, 9728, 151936, model_type="qwen3", head_dim=128, tie_word_embeddings=True, attention_bias=False
)
QWEN_7B_CHAT = {
    "architectures": ["QWenLMHeadModel"],
    "auto_map": {"AutoConfig": "configuration_qwen.QWenConfig"},
    "model_type": "qwen",
    "attn_dropout_prob": 0.0,
    "bf16": False,
    "fp16": False,
    "hidden_size": 4096,
    "intermediate_size": 22016,
    "kv_channels": 128,
    "layer_norm_epsilon": 1e-06,
    "max_position_embeddings": 32768,
    "no_bias": True,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "onnx_safe": None,
    "rotary_emb_base": 10000,
    "rotary_pct": 1.0,
    "scale_attn_weights": True,
    "seq_length": 8192,
    "tie_word_embeddings": False,
    "use_cache_quantization": False,
    "use_dynamic_ntk": True,
    "use_flash_attn": "auto",
    "use_logn_attn": True,
    "vocab_size": 151936,
}
QWEN_7B_CHAT_FIRST = {
    "model_type": "qwen",
    "n_embd": 4096,
    "ffn_hidden_size": 22016,
    "n_head": 32,
    "n_layer": 32,
    "n_inner": None,
    "kv_channels": 128,
    "layer_norm_epsilon": 1e-05,
    "max_position_embeddings": 8192,
    "no_bias": True,
    "padded_vocab_size": 151936,
    "rotary_emb_base": 10000,
    "rotary_pct": 1.0,
    "seq_length": 2048,
    "use_dynamic_ntk": True,
    "use_logn_attn": True,
    "vocab_size": 151936,
}


def llava(vision: dict[str, Any], text: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "architectures": ["LlavaForConditionalGeneration"],
        "ignore_index": -100,
        "image_token_index": 151646,
        "model_type": "llava",
        "projector_hidden_act": "gelu",
        "text_config": text,
        "torch_dtype": "bfloat16",
        "transformers_version": "4.41.2",
        "vision_config": vision,
        "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default",
    } | more


# name -> config.json, parameters in all, bytes of the KV cache per token, tokens per image. The parameters are the sums
# of what the cards of the parts say: 303.5 M for CLIP-L/14-336, 3.95 B, 4.02 B, 7.62 B and 0.46 B for the Qwen models.
PUBLIC = {
    "yuanzhoulvpi/llava_qwen15-4b-chat_openai-clip-vit-large-patch14-336-V2": (
        llava(CLIP_L_336, QWEN15_4B),
        4.263e9,
        2 * 40 * 20 * 128 * 2,
        576,
    ),
    "alpharomercoma/vqwen3-4b": (llava(CLIP_L_336, QWEN3_4B), 4.335e9, 2 * 36 * 8 * 128 * 2, 576),
    "REILX/llava-Qwen2-7B-Instruct-Chinese-CLIP": (
        llava(CHINESE_CLIP_L_336, QWEN2_7B),
        7.936e9,
        2 * 28 * 4 * 128 * 2,
        576,
    ),
    "aws-prototyping/long-llava-qwen2-7b": (llava(CLIP_L_336, QWEN2_7B), 7.936e9, 2 * 28 * 4 * 128 * 2, 576),
    "llava-hf/llava-interleave-qwen-0.5b-hf": (
        llava(
            SIGLIP_INTERLEAVE,
            QWEN15_05B | {"vocab_size": 152000},
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
        ),
        0.8644e9,  # its one file is 1.73 GB of float16
        2 * 24 * 16 * 64 * 2,
        729,
    ),
}


def linear(name: str, rows: int, columns: int, *, bias: bool = True) -> Shapes:
    return {f"{name}.weight": (rows, columns)} | ({f"{name}.bias": (rows,)} if bias else {})


def norm(name: str, width: int) -> Shapes:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def vision_tensors(config: dict[str, Any], prefix: str) -> Shapes:
    width, mlp, patch = config["hidden_size"], config["intermediate_size"], config["patch_size"]
    patches = (config["image_size"] // patch) ** 2
    siglip = config["model_type"] == "siglip_vision_model"
    shapes: Shapes = {
        "embeddings.patch_embedding.weight": (width, 3, patch, patch),
        "embeddings.position_embedding.weight": (patches if siglip else patches + 1, width),
    }
    if siglip:
        shapes["embeddings.patch_embedding.bias"] = (width,)
        if config.get("vision_use_head", True):
            shapes |= {"head.probe": (1, 1, width), "head.attention.in_proj_weight": (3 * width, width)}
            shapes |= {"head.attention.in_proj_bias": (3 * width,)} | norm("head.layernorm", width)
            shapes |= linear("head.attention.out_proj", width, width)
            shapes |= linear("head.mlp.fc1", mlp, width) | linear("head.mlp.fc2", width, mlp)
    else:
        shapes |= {"embeddings.class_embedding": (width,)} | norm("pre_layrnorm", width)
    shapes |= norm("post_layernorm", width)
    for n in range(config["num_hidden_layers"]):
        block = f"encoder.layers.{n}."
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= linear(block + "self_attn." + projection, width, width)
        shapes |= linear(block + "mlp.fc1", mlp, width) | linear(block + "mlp.fc2", width, mlp)
        shapes |= norm(block + "layer_norm1", width) | norm(block + "layer_norm2", width)
    return {prefix + name: shape for name, shape in shapes.items()}


def text_tensors(config: dict[str, Any], prefix: str, head: str, *, store_head: bool | None = None) -> Shapes:
    hidden, mlp, vocab = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    qwen3 = config["model_type"] == "qwen3"
    head_dim = config.get("head_dim", hidden // config["num_attention_heads"])
    queries, keys = config["num_attention_heads"] * head_dim, config["num_key_value_heads"] * head_dim
    shapes: Shapes = {"embed_tokens.weight": (vocab, hidden), "norm.weight": (hidden,)}
    for n in range(config["num_hidden_layers"]):
        block = f"layers.{n}."
        for name, rows in (("q_proj", queries), ("k_proj", keys), ("v_proj", keys)):
            shapes |= linear(f"{block}self_attn.{name}", rows, hidden, bias=not qwen3)
        shapes |= linear(block + "self_attn.o_proj", hidden, queries, bias=False)
        shapes |= linear(block + "mlp.gate_proj", mlp, hidden, bias=False)
        shapes |= linear(block + "mlp.up_proj", mlp, hidden, bias=False)
        shapes |= linear(block + "mlp.down_proj", hidden, mlp, bias=False)
        shapes |= {block + "input_layernorm.weight": (hidden,), block + "post_attention_layernorm.weight": (hidden,)}
        if qwen3:
            shapes |= {block + f"self_attn.{p}_norm.weight": (head_dim,) for p in "qk"}
    named = {prefix + name: shape for name, shape in shapes.items()}
    stored = not config["tie_word_embeddings"] if store_head is None else store_head
    return named | ({head: (vocab, hidden)} if stored else {})


def projector_tensors(config: dict[str, Any], first: str, second: str) -> Shapes:
    hidden = config["text_config"]["hidden_size"]
    return linear(first, hidden, config["vision_config"]["hidden_size"]) | linear(second, hidden, hidden)


def llava_tensors(config: dict[str, Any], spelling: str) -> Shapes:
    vision, text = config["vision_config"], config["text_config"]
    if spelling == "old":
        shapes = vision_tensors(vision, "vision_tower.vision_model.")
        shapes |= text_tensors(text, "language_model.model.", "language_model.lm_head.weight")
        return shapes | projector_tensors(config, "multi_modal_projector.linear_1", "multi_modal_projector.linear_2")
    shapes = vision_tensors(vision, "model.vision_tower.vision_model.")  # transformers 4.52 to 4.57 in memory
    shapes |= text_tensors(text, "model.language_model.", "lm_head.weight")
    return shapes | projector_tensors(
        config, "model.multi_modal_projector.linear_1", "model.multi_modal_projector.linear_2"
    )


@pytest.mark.parametrize("spelling", ["old", "memory"])
@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_checkpoint_is_accounted_for(name: str, spelling: str) -> None:
    config, parameters, kv_cache_bytes, image_tokens = PUBLIC[name]
    tensors = llava_tensors(config, spelling)
    report = dry_run(llava_config(config), tensors)
    assert report.parameters == pytest.approx(parameters, rel=1e-3)
    assert report.parameters == sum(torch.Size(shape).numel() for shape in tensors.values())
    assert report.memory["bf16"] == report.memory["fp16"] == report.stored_bytes == 2 * report.parameters
    assert report.memory["fp32"] == 4 * report.parameters
    assert report.memory["nf4"] < report.memory["bf16"] > report.memory["int8"]
    assert report.kv_cache_bytes == kv_cache_bytes
    assert report.config.image_tokens == image_tokens


@pytest.mark.parametrize("name", PUBLIC)
def test_transformers_own_class_has_the_same_tensors(name: str) -> None:
    config = PUBLIC[name][0]
    with torch.device("meta"):
        state = LlavaForConditionalGeneration(LlavaConfig.from_dict(config)).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    if config["text_config"]["tie_word_embeddings"]:
        del shapes["lm_head.weight"]
    dry_run(llava_config(config), shapes)
    bare = {
        name.replace("vision_tower.vision_model.", "vision_tower."): s
        for name, s in llava_tensors(config, "memory").items()
    }
    assert shapes == bare  # the patterns above are right too


def test_a_dry_run_finds_every_kind_of_mistake() -> None:
    fields = PUBLIC["alpharomercoma/vqwen3-4b"][0]
    tensors = llava_tensors(fields, "old")
    name = "language_model.model.layers.35.self_attn.q_norm.weight"
    for wrong in (
        {n: s for n, s in tensors.items() if n != name},
        tensors | {name: (64,)},
    ):
        with pytest.raises(CheckpointError) as caught:
            dry_run(llava_config(fields), wrong)
        assert caught.value.tensor == name
    with pytest.raises(CheckpointError, match="not part of this architecture"):
        dry_run(llava_config(fields), tensors | {"language_model.model.layers.36.mlp.up_proj.weight": (9728, 2560)})


def qwen1_tensors(hidden: int, layers: int, mlp: int, vocab: int) -> Shapes:
    shapes: Shapes = {"transformer.wte.weight": (vocab, hidden), "transformer.ln_f.weight": (hidden,)}
    shapes["lm_head.weight"] = (vocab, hidden)
    for n in range(layers):
        block = f"transformer.h.{n}."
        shapes |= {block + "ln_1.weight": (hidden,), block + "ln_2.weight": (hidden,)}
        shapes |= linear(block + "attn.c_attn", 3 * hidden, hidden)
        shapes |= linear(block + "attn.c_proj", hidden, hidden, bias=False)
        shapes |= linear(block + "mlp.w1", mlp, hidden, bias=False) | linear(block + "mlp.w2", mlp, hidden, bias=False)
        shapes |= linear(block + "mlp.c_proj", hidden, mlp, bias=False)
    return shapes


def clip_folder(config: dict[str, Any]) -> Shapes:
    """Both towers, as openai's checkpoints are published, with the buffers of their time."""
    shapes = vision_tensors(config, "vision_model.")
    shapes |= {"vision_model.embeddings.position_ids": (1, 257), "text_model.embeddings.position_ids": (1, 77)}
    shapes |= {"logit_scale": (), "visual_projection.weight": (768, 1024), "text_projection.weight": (768, 768)}
    return shapes | linear("text_model.encoder.layers.0.self_attn.q_proj", 768, 768)


def original(qwen: dict[str, Any], *, buffers: bool = False) -> CheckpointReport:
    tensors = qwen1_tensors(4096, 32, 11008, 151936)
    if buffers:
        tensors |= {"transformer.rotary_emb.inv_freq": (64,)} | {
            f"transformer.h.{n}.attn.masked_bias": () for n in range(32)
        }
    lora: Shapes = {}
    for n in range(32):
        for module, rows in (("attn.c_attn", 3 * 4096), ("mlp.w1", 11008), ("mlp.w2", 11008)):
            name = f"base_model.model.transformer.h.{n}.{module}.lora_"
            lora |= {name + "A.weight": (128, 4096), name + "B.weight": (rows, 128)}
    clip = {"model_type": "clip", "vision_config": CLIP_L}
    config = llava_config(original_config(qwen, clip, image_token_id=151646))
    return dry_run_parts(
        config,
        language_model=tensors,
        language_layout=QWEN1,
        vision_tower=clip_folder(CLIP_L),
        projector=linear("0", 4096, 1024) | linear("2", 4096, 4096),
        lora=lora,
        adapter_config={"peft_type": "LORA", "r": 128, "lora_alpha": 32},
    )


def test_the_original_with_qwen_7b_chat() -> None:
    report = original(QWEN_7B_CHAT)
    assert report.layout == "original"
    assert report.parts["language_model"] + report.parts["lm_head"] == 7_721_324_544  # Qwen-7B-Chat's model card
    assert report.config.image_tokens == 256
    assert (report.config.seq_length, report.config.use_dynamic_ntk, report.config.use_logn_attn) == (8192, True, True)


def test_the_original_with_the_first_release_of_qwen_7b_chat() -> None:
    report = original(QWEN_7B_CHAT_FIRST, buffers=True)
    assert report.parameters == original(QWEN_7B_CHAT).parameters
    assert report.config.seq_length == 2048
    assert report.config.text_config.rms_norm_eps == 1e-5


def parts_of(
    text: dict[str, Any], *, store_head: bool | None = None, vision: dict[str, Any] = CLIP_L
) -> CheckpointReport:
    hidden = text["hidden_size"]
    config = llava_config(original_config(text, vision, image_token_id=151646))
    return dry_run_parts(
        config,
        language_model=text_tensors(text, "model.", "lm_head.weight", store_head=store_head),
        language_layout=QWEN2,
        vision_tower=vision_tensors(vision, "vision_model."),
        projector=linear("0", hidden, vision["hidden_size"]) | linear("2", hidden, hidden),
    )


# facts/performance.md: GB of weights in bf16, int8, nf4 and KB of cache per token, each beside CLIP-L/14.
@pytest.mark.parametrize(
    ("text", "bf16", "int8", "nf4", "kv_cache_kib"),
    [
        (QWEN2_05B, 1.60, 0.80, 1.08, 12),
        (QWEN15_18B, 4.29, 2.46, 2.55, 192),
        (QWEN2_7B, 15.87, 8.48, 6.49, 56),
        (None, 16.09, 8.67, 6.78, 512),
    ],
    ids=["Qwen2-0.5B", "Qwen1.5-1.8B", "Qwen2-7B", "Qwen-7B"],
)
def test_memory_is_what_was_computed_before(
    text: dict[str, Any] | None, bf16: float, int8: float, nf4: float, kv_cache_kib: int
) -> None:
    report = parts_of(text) if text else original(QWEN_7B_CHAT)
    in_gb = {precision: round(size / 1e9, 2) for precision, size in report.memory.items()}
    assert (in_gb["bf16"], in_gb["int8"], in_gb["nf4"]) == (bf16, int8, nf4)
    assert report.kv_cache_bytes == kv_cache_kib * 1024


def test_qwen15_05b_is_published_with_a_head_although_it_is_tied() -> None:
    tied, stored = parts_of(QWEN15_05B), parts_of(QWEN15_05B, store_head=True)
    assert tied.parts["language_model"] == stored.parts["language_model"] == 463_987_712
    assert (tied.parts["lm_head"], stored.parts["lm_head"]) == (0, 151936 * 1024)
    assert stored.parts["language_model"] + stored.parts["lm_head"] == 619_570_176  # the 1.24 GB of its file


def test_siglip_with_its_head_beside_qwen() -> None:
    report = parts_of(QWEN15_05B, vision=SIGLIP_SO400M)
    assert report.parts["vision_tower"] == pytest.approx(428e6, rel=2e-3)
    assert report.config.image_tokens == 729
