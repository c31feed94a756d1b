"""Loading, saving and checking of LLaVA checkpoints; transformers is the reference."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlavaForConditionalGeneration

from mqwen.errors import Cancelled, CheckpointError, WriteError
from mqwen.model import load_checkpoint, load_parts
from mqwen.model.checkpoint import inspect_checkpoint, open_checkpoint, save_checkpoint
from mqwen.model.tensors import Weights
from tests.tiny import ENDOFTEXT, IM_END, MARKER, Spelling, Text, Vision, tiny_llava
from tests.tiny_parts import tiny_parts

KINDS = [(v, t, tied) for v in ("clip", "siglip", "chinese_clip") for t in ("qwen2", "qwen3") for tied in (False, True)]


def logits_of_transformers(folder: Path, pixel_values: torch.Tensor, image_tokens: int) -> torch.Tensor:
    model, info = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    ids = torch.tensor([[5, *[MARKER] * image_tokens, 70, 71, 72]])
    with torch.no_grad():
        return model.eval()(ids, pixel_values=pixel_values).logits


def our_logits(model: Any, pixel_values: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(torch.tensor([[5, MARKER, 70, 71, 72]]), pixel_values=pixel_values).logits


@pytest.mark.parametrize(("vision", "text", "tied"), KINDS)
def test_loads_and_saves_what_transformers_loads_and_saves(
    tmp_path: Path, vision: Vision, text: Text, tied: bool
) -> None:
    folder = tiny_llava(tmp_path / "tiny", vision, text, tied=tied)
    model = load_checkpoint(folder)
    assert not model.training
    pixel_values = torch.randn(1, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    expected = logits_of_transformers(folder, pixel_values, model.config.image_tokens)
    torch.testing.assert_close(our_logits(model, pixel_values), expected, rtol=0, atol=1e-5)
    assert expected.std() > 0.1  # the model is not one that gives the same whatever it sees

    model.save_pretrained(tmp_path / "ours")
    ours = logits_of_transformers(tmp_path / "ours", pixel_values, model.config.image_tokens)
    torch.testing.assert_close(ours, expected, rtol=0, atol=0)
    torch.testing.assert_close(
        our_logits(load_checkpoint(tmp_path / "ours"), pixel_values), expected, rtol=0, atol=1e-5
    )
    assert ("language_model.lm_head.weight" in load_file(tmp_path / "ours" / "model.safetensors")) is not tied


@pytest.mark.parametrize("spelling", ["old", "memory", "saved"])
@pytest.mark.parametrize("max_shard_size", ["5GB", "100KB"])
def test_three_spellings_are_one_model(tmp_path: Path, spelling: Spelling, max_shard_size: str) -> None:
    reference = load_checkpoint(tiny_llava(tmp_path / "reference"))
    folder = tiny_llava(tmp_path / "spelled", spelling=spelling, max_shard_size=max_shard_size)
    assert len(list(folder.glob("*.safetensors"))) > 1 or max_shard_size == "5GB"
    for name, tensor in load_checkpoint(folder).state_dict().items():
        assert tensor.equal(reference.state_dict()[name]), name


def test_dtype_generation_ids_and_legacy_buffers(tmp_path: Path) -> None:
    folder = tiny_llava(tmp_path / "tiny", dtype=torch.bfloat16)
    tensors = load_file(folder / "model.safetensors")
    tensors["vision_tower.vision_model.embeddings.position_ids"] = torch.arange(17).unsqueeze(0)
    tensors["language_model.model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.randn(8)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model = load_checkpoint(folder, dtype=torch.float16)
    assert {p.dtype for p in model.parameters()} == {torch.float16}
    assert model.language_model.rotary_emb.inv_freq.dtype == torch.float32
    assert model.generation_config.eos_token_id == [IM_END, ENDOFTEXT]
    assert model.generation_config.pad_token_id == ENDOFTEXT


def test_a_head_that_is_stored_although_tied(tmp_path: Path) -> None:
    folder = tiny_llava(tmp_path / "tiny", tied=True)
    embedding = load_file(folder / "model.safetensors")["language_model.model.embed_tokens.weight"]
    rewrite(put(HEAD, embedding.clone()))(folder)  # a copy is not loaded twice
    model = load_checkpoint(folder)
    assert model.lm_head.weight is model.language_model.embed_tokens.weight
    head = torch.randn_like(embedding)
    rewrite(put(HEAD, head))(folder)  # a head that was trained alone is used
    model = load_checkpoint(folder)
    assert model.lm_head.weight.equal(head)
    assert model.language_model.embed_tokens.weight.equal(embedding)
    rewrite(put(HEAD, embedding.bfloat16()))(folder)  # one of another precision is no copy
    assert load_checkpoint(folder).lm_head.weight.equal(embedding.bfloat16().float())


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_head_and_embedding_are_compared_without_being_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = tiny_llava(tmp_path / "tiny", tied=True)
    tensors = load_file(folder / "model.safetensors")
    embedding = tensors["language_model.model.embed_tokens.weight"]
    last = embedding.clone()
    last[-1, -1] += 1  # in the last piece only
    monkeypatch.setattr("mqwen.model.tensors._PIECE_BYTES", 1000)
    monkeypatch.setattr(Weights, "read", None)
    for head, tied in ((embedding.clone(), True), (last, False)):
        if kind == "safetensors":
            rewrite(put(HEAD, head))(folder)
        else:
            (folder / "model.safetensors").unlink(missing_ok=True)
            torch.save(tensors | {HEAD: head}, folder / "pytorch_model.bin")
        assert open_checkpoint(folder).config.tie_word_embeddings is tied


def test_saving_keeps_our_fields_replaces_old_shards_and_leaves_other_files(tmp_path: Path) -> None:
    model = load_parts(*tiny_parts(tmp_path / "parts"), image_token_id=MARKER)
    model.config.mqwen_starter = True
    out = tmp_path / "out"
    save_checkpoint(model, out, max_shard_bytes=100_000)
    assert len(list(out.glob("model-*.safetensors"))) > 1
    for shard in out.glob("*.safetensors"):
        largest = max(t.nbytes for t in load_file(shard).values())  # the library's own reader takes it
        assert shard.stat().st_size < max(100_000, largest) + 20_000
    (out / "tokenizer.json").write_text("{}")
    for name in ("model-mine.safetensors", "model.safetensors.bak"):
        (out / name).write_text("mine")
    assert load_checkpoint(out).lm_head.weight.equal(model.lm_head.weight)
    save_checkpoint(model, out)
    assert sorted(p.name for p in out.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model-mine.safetensors",
        "model.safetensors",
        "model.safetensors.bak",
        "tokenizer.json",
    ]
    config = load_checkpoint(out).config
    assert (config.use_dynamic_ntk, config.use_logn_attn, config.seq_length) == (True, True, 512)
    assert config.mqwen_starter is True
    fields = json.loads((out / "config.json").read_text())
    assert fields["text_config"]["rope_theta"] == 10000.0 and fields["torch_dtype"] == "float32"
    assert fields["image_token_index"] == MARKER and "auto_map" not in fields


def test_a_failed_save_leaves_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_llava(tmp_path / "tiny")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    model = load_checkpoint(folder)
    real, calls = __import__("os").fsync, []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match="disk is full"):
        model.save_pretrained(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_old_shards_stay_until_the_new_weights_are_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_llava(tmp_path / "tiny", max_shard_size="100KB")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    model = load_checkpoint(folder)

    def refuse(path: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied", str(target))

    with monkeypatch.context() as patched, pytest.raises(WriteError, match="Permission denied"):
        patched.setattr(Path, "replace", refuse)
        model.save_pretrained(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_progress_reaches_the_end_and_can_cancel(tmp_path: Path) -> None:
    folder = tiny_llava(tmp_path / "tiny")
    seen: list[tuple[int, int]] = []
    load_checkpoint(folder, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] and [d for d, _ in seen] == sorted(d for d, _ in seen)

    def cancel(done: int, total: int) -> None:
        raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        load_checkpoint(folder, progress=cancel)


def test_inspecting_reads_headers_only(tmp_path: Path) -> None:
    folder = tiny_llava(tmp_path / "tiny", dtype=torch.bfloat16)
    model = load_checkpoint(folder)
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    start = 8 + int.from_bytes(content[:8], "little")
    content[start:] = b"\xff" * (len(content) - start)  # every value is NaN now
    file.write_bytes(content)
    report = inspect_checkpoint(folder)
    count = sum(p.numel() for p in model.parameters())
    assert report.parameters == count == sum(report.parts.values())
    assert report.stored_bytes == report.memory["bf16"] == report.memory["fp32"] // 2 == 2 * count
    assert report.kv_cache_bytes == 2 * 2 * 2 * 16 * 2  # keys and values, layers, heads, head_dim, bytes
    assert (report.layout, report.folder) == ("llava", folder)
    with pytest.raises(CheckpointError, match="NaN"):
        load_checkpoint(folder)


# --- what is wrong with a folder, which file and which tensor the error names ---


def rewrite(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return apply


def reconfigure(**changes: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        fields = json.loads((folder / "config.json").read_text())
        for name, value in changes.items():
            part, _, field = name.rpartition("__")
            (fields[part] if part else fields)[field] = value
        (folder / "config.json").write_text(json.dumps(fields))

    return apply


def put(name: str, value: torch.Tensor) -> Callable[[dict[str, torch.Tensor]], None]:
    return lambda tensors: tensors.__setitem__(name, value)


def poison(name: str, value: float) -> Callable[[dict[str, torch.Tensor]], Any]:
    return lambda tensors: tensors[name].view(-1)[-1:].fill_(value)


def drop(name: str) -> Callable[[dict[str, torch.Tensor]], Any]:
    return lambda tensors: tensors.pop(name)


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


UP = "language_model.model.layers.1.mlp.up_proj.weight"
HEAD = "language_model.lm_head.weight"
NORM = "vision_tower.post_layernorm.weight"
WEIGHTS, CONFIG = "model.safetensors", "config.json"


@pytest.mark.parametrize(
    ("damage", "file", "tensor", "message"),
    [
        (rewrite(drop(UP)), WEIGHTS, UP, "is missing"),
        (rewrite(drop(HEAD)), WEIGHTS, HEAD, "is missing"),
        (rewrite(put(UP, torch.zeros(64, 128))), WEIGHTS, UP, r"\[64, 128\].*\[128, 64\]"),
        (rewrite(put("image_newline", torch.zeros(64))), WEIGHTS, "image_newline", "not part of this architecture"),
        (rewrite(put("model." + NORM, torch.zeros(32))), WEIGHTS, None, "twice"),
        (rewrite(put(UP, torch.zeros(128, 64, dtype=torch.int8))), WEIGHTS, UP, "int8"),
        (rewrite(poison(UP, float("nan"))), WEIGHTS, UP, "NaN"),
        (rewrite(poison(NORM, float("-inf"))), WEIGHTS, NORM, "infinite"),
        (cut, WEIGHTS, None, "truncated"),
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes() + b"more"), WEIGHTS, None, "4 bytes more"),
        (lambda f: (f / WEIGHTS).write_bytes(b""), WEIGHTS, None, "truncated"),
        (lambda f: (f / WEIGHTS).unlink(), "", None, "no weights"),
        (lambda f: (f / CONFIG).unlink(), CONFIG, None, "missing"),
        (lambda f: (f / CONFIG).write_text('{"model_type": '), CONFIG, None, "damaged"),
        (lambda f: (f / CONFIG).write_text("[1]"), CONFIG, None, "not a JSON object"),
        (lambda f: (f / CONFIG).write_bytes(b"\xff\xfe\x00"), CONFIG, None, "damaged"),
        (reconfigure(model_type="qwen2"), CONFIG, None, "mqwen models import"),
        (reconfigure(model_type="blip"), CONFIG, None, "unknown architecture"),
        (reconfigure(text_config__model_type="llama"), CONFIG, None, "llama"),
        (reconfigure(vision_config__model_type="dinov2"), CONFIG, None, "dinov2"),
        (reconfigure(text_config=None), CONFIG, None, "text_config"),
        (reconfigure(text_config__hidden_size="64"), CONFIG, None, "hidden_size"),
        (reconfigure(text_config__num_hidden_layers=10**9), CONFIG, None, "num_hidden_layers"),
        (reconfigure(text_config__num_attention_heads=0), CONFIG, None, "num_attention_heads"),
        (reconfigure(vision_config__num_attention_heads=7), CONFIG, None, "7"),
        (reconfigure(vision_feature_layer=9), CONFIG, None, "vision_feature_layer"),
        (reconfigure(projector_hidden_act="unheard-of"), CONFIG, None, "unheard-of"),
        (reconfigure(text_config__quantization_config={"bits": 4}), CONFIG, None, "quantised"),
        (reconfigure(vision_config__num_hidden_layers=4), WEIGHTS, None, r"vision_tower\.encoder\.layers\.3\."),
        (lambda f: (f / "generation_config.json").write_text("{"), "generation_config.json", None, "damaged"),
    ],
)
def test_a_damaged_folder_is_one_error_that_names_file_and_tensor(
    tmp_path: Path, damage: Callable[[Path], Any], file: str, tensor: str | None, message: str
) -> None:
    folder = tiny_llava(tmp_path / "tiny")
    damage(folder)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_checkpoint(folder)
    assert caught.value.path == folder / file
    assert tensor is None or caught.value.tensor == tensor
    assert "\n" not in str(caught.value)


def reindex(change: Callable[[dict[str, str]], Any]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        index = folder / "model.safetensors.index.json"
        content = json.loads(index.read_text())
        change(content["weight_map"])
        index.write_text(json.dumps(content))

    return apply


INDEX = "model.safetensors.index.json"


@pytest.mark.parametrize(
    ("damage", "file", "message"),
    [
        (lambda f: shutil.move(shard(f, 1), f.parent), "model-00002-", "missing"),
        (lambda f: (f / INDEX).unlink(), INDEX, "missing"),
        (lambda f: (f / INDEX).write_text("{}"), INDEX, "weight_map"),
        (lambda f: (f / INDEX).write_text('{"weight_map": {"a": 3}}'), INDEX, "3"),
        (reindex(lambda m: m.__setitem__("ghost.weight", "model-00001-of-%05d.safetensors")), "", "ghost.weight"),
        (reindex(lambda m: m.__setitem__(UP, "../tiny/" + m[UP])), INDEX, UP),
        (reindex(lambda m: m.__setitem__(UP, "/etc/passwd")), INDEX, UP),
        (reindex(lambda m: m.__setitem__(UP, "..\\up.safetensors")), INDEX, UP),
        (reindex(lambda m: m.__setitem__(UP, "..")), INDEX, UP),
        (lambda f: shutil.copy(shard(f, 0), shard(f, 1)), "model-00002-", "is also in"),
    ],
)
def test_damaged_shards_are_one_error(tmp_path: Path, damage: Callable[[Path], Any], file: str, message: str) -> None:
    folder = tiny_llava(tmp_path / "tiny", max_shard_size="100KB")
    load_checkpoint(folder)
    damage(folder)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder)
    assert message in str(caught.value)
    assert caught.value.path is not None and caught.value.path.name.startswith(file)


def test_a_truncated_pickled_shard_is_named_with_a_tensor_of_it(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path, weights="bin")
    index = json.loads((parts.language_model / "pytorch_model.bin.index.json").read_text(encoding="utf-8"))
    file = parts.language_model / index["weight_map"]["transformer.ln_f.weight"]
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="is damaged") as caught:
        load_parts(*parts)
    assert caught.value.path == file
    assert caught.value.tensor is not None and index["weight_map"][caught.value.tensor] == file.name


@pytest.mark.parametrize("seq_length", [0, 1, -5, 2.5, "long"])
def test_a_length_that_has_no_logarithm_is_refused(tmp_path: Path, seq_length: Any) -> None:
    folder = tiny_llava(tmp_path)
    _change_config(folder, seq_length=seq_length, use_logn_attn=True, use_dynamic_ntk=True)
    with pytest.raises(CheckpointError, match="seq_length"):
        load_checkpoint(folder)


def test_what_a_config_says_of_another_machine_is_not_followed(tmp_path: Path) -> None:
    folder = tiny_llava(tmp_path)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    foreign = {"attn_implementation": "flash_attention_2", "_attn_implementation": "kernels-community/paged"}
    parts = {name: {**config[name], **foreign} for name in ("text_config", "vision_config")}
    _change_config(folder, **foreign, **parts)
    model = load_checkpoint(folder)
    assert model.language_model.config._attn_implementation in ("sdpa", "eager")


def _change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **changes}), encoding="utf-8")


def shard(folder: Path, number: int) -> Path:
    return sorted((*folder.glob("*.safetensors"),))[number]


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("was-run"),))


@pytest.mark.parametrize("content", ["code", "no dict", "no tensors", "cut", "text"])
def test_a_pickle_that_is_no_state_dict_is_an_error_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    parts = tiny_parts(tmp_path / "parts", weights="bin", shards=1)
    file = parts.language_model / "pytorch_model.bin"
    if content == "code":
        file.write_bytes(pickle.dumps({"transformer.wte.weight": Evil()}))
    elif content == "no dict":
        torch.save([torch.zeros(3)], file)
    elif content == "no tensors":
        torch.save({"transformer.wte.weight": 3}, file)
    elif content == "cut":
        file.write_bytes(file.read_bytes()[:-1000])
    else:
        file.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    with pytest.raises(CheckpointError) as caught:
        load_parts(*parts)
    assert caught.value.path == file
    assert not (tmp_path / "was-run").exists()


def test_a_pickle_from_before_zip_archives_loads(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path / "parts", weights="bin", shards=1)
    expected = load_parts(*parts).state_dict()
    for file in (parts.language_model / "pytorch_model.bin", parts.adapter / "adapter_model.bin"):
        torch.save(torch.load(file, weights_only=True), file, _use_new_zipfile_serialization=False)
    for name, tensor in load_parts(*parts).state_dict().items():
        assert tensor.equal(expected[name]), name


@pytest.mark.parametrize(
    "name", ["transformer.h.1.attn.c_attn.weight", "transformer.h.2.mlp.w2.weight", "lm_head.weight"]
)
def test_a_tensor_missing_in_a_part_is_named_as_in_its_file(tmp_path: Path, name: str) -> None:
    parts = tiny_parts(tmp_path, shards=1)
    file = parts.language_model / "model.safetensors"
    tensors = load_file(file)
    del tensors[name]
    save_file(tensors, file)
    with pytest.raises(CheckpointError, match="is missing") as caught:
        load_parts(*parts)
    assert (caught.value.path, caught.value.tensor) == (file, name)


def test_missing_parts_of_the_original_layout(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path)
    (parts.adapter / "other_params.bin").rename(tmp_path / "projector.bin")
    with pytest.raises(CheckpointError, match="other_params") as caught:
        load_parts(*parts)
    assert caught.value.path == parts.adapter / "other_params.bin"
    (tmp_path / "projector.bin").rename(parts.adapter / "other_params.bin")
    (parts.adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="adapter_model"):
        load_parts(*parts)
    (parts.vision_tower / "config.json").unlink()
    with pytest.raises(CheckpointError) as caught:
        load_parts(*parts)
    assert caught.value.path == parts.vision_tower / "config.json"
