"""`mqwen models list|verify|remove|path|export`, and what `mqwen doctor` says of a model that is not here."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from transformers import AutoProcessor, LlavaForConditionalGeneration

from mqwen.hub import known_models, models_folder
from mqwen.hub.machine import Machine, recommended, suits
from mqwen.model import load_checkpoint
from mqwen.model.processor import Message, MQwenProcessor
from tests.cli.conftest import Run
from tests.tiny import MARKER, tiny_llava


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MQWEN_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_the_list_fits_a_terminal(inside: Run, models: Path, model: Path) -> None:
    shutil.copytree(model, models / "somebody" / ("a-name-that-is-rather-long-" * 4))
    (models / ".partial" / "alpharomercoma" / "vqwen3-4b").mkdir(parents=True)
    (models / ".partial" / "alpharomercoma" / "vqwen3-4b" / "model.safetensors.0.part").write_bytes(b"123")
    done = inside("models", "list")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line != line.rstrip()]
    rows = {line[2:].split()[0]: line for line in lines if re.match(r"[* ] \S", line)}
    assert {known.name for known in known_models()} < set(rows)
    assert [name for name, line in rows.items() if line.startswith("*")] != []
    assert " yes " in rows["starter"] and " part " in rows["vqwen3-4b"] and " - " in rows["original"]


def test_the_list_as_json_says_all(inside: Run, models: Path, model: Path) -> None:
    shutil.copytree(model, models / "mine")
    rows = {row["name"]: row for row in map(json.loads, inside("models", "list", "--json").stdout.splitlines())}
    assert rows["mine"]["installed"] and rows["mine"]["folder"] == str(models / "mine")
    assert sum(row.get("recommended", False) for row in rows.values()) == 1
    for known in known_models():
        assert rows[known.name]["memory_gb"] == known.memory_gb and "licence" in rows[known.name]
    assert rows["vqwen3-4b"]["licence"] is None  # not known, so not said
    one = inside("models", "list", "vqwen3-4b")
    assert "alpharomercoma/vqwen3-4b" in one.stdout and "not known" in one.stdout
    assert inside("models", "list", "nonesuch").returncode == 2


def test_what_was_downloaded_says_what_its_note_says(inside: Run, models: Path, model: Path) -> None:
    for name in ("alpharomercoma/vqwen3-4b", "somebody/other"):
        folder = shutil.copytree(model, models / name)
        note = {"hub_id": name, "revision": "1" * 40, "licence": "a-licence-with-a-name-too-long"}
        (folder / "mqwen-download.json").write_text(json.dumps(note | {"languages": ["xx"], "files": {}}))
    (models / "somebody" / "damaged").mkdir()
    (models / "somebody" / "damaged" / "config.json").write_text("{}")
    (models / ".partial" / "somebody" / "coming").mkdir(parents=True)
    (models / ".partial" / "somebody" / "coming" / "lock").write_text("")
    (models / ".partial" / "somebody" / "coming" / "model.safetensors.0.part").write_bytes(b"1234")
    (models / ".partial" / "removed-1234" / "clip").mkdir(parents=True)
    table = inside("models", "list").stdout.splitlines()
    assert max(map(len, table)) <= 80
    for name in ("vqwen3-4b", "somebody/other"):
        (line,) = [line for line in table if line.startswith(f"  {name} ")]
        assert " yes " in line and line.endswith(" a-licence-wi...")
    rows = {row["name"]: row for row in map(json.loads, inside("models", "list", "--json").stdout.splitlines())}
    for name in ("vqwen3-4b", "somebody/other"):
        assert rows[name]["revision"] == "1" * 40 and rows[name]["languages"] == ["xx"]
    assert rows["somebody/other"]["parameters"] > 1000 and rows["somebody/other"]["memory_gb"]["bf16"] > 0
    assert not rows["somebody/coming"]["installed"] and rows["somebody/coming"]["partial_bytes"] == 4
    assert "model_type is None" in rows["somebody/damaged"]["why_not"]
    assert "removed-1234/clip" not in rows
    assert "model_type is None" in inside("models", "list", "somebody/damaged").stdout


@pytest.mark.parametrize(
    ("card_gb", "memory_gb", "name", "precision"),
    [
        (0, 1, "starter", "fp32"),
        (0, 2, "llava-interleave-0.5b", "int8"),
        (0, 6, "llava-interleave-0.5b", "fp32"),
        (0, 8, "llava-qwen1.5-4b", "int8"),
        (0, 32, "llava-qwen1.5-4b", "fp32"),
        (2, 8, "llava-interleave-0.5b", "int8"),
        (6, 8, "llava-qwen1.5-4b", "int8"),
        (12, 32, "llava-qwen1.5-4b", "bf16"),
        (80, 64, "llava-qwen1.5-4b", "bf16"),  # the larger ones' licences have to be looked at first
    ],
)
def test_the_one_to_begin_with(card_gb: int, memory_gb: int, name: str, precision: str) -> None:
    machine = Machine(card_gb * 10**9, memory_gb * 10**9)
    best = recommended(machine)
    assert (best.name, suits(best, machine)) == (name, precision)


def test_verify_names_what_is_damaged(inside: Run, models: Path, tmp_path: Path) -> None:
    folder = tiny_llava(models / "mine")
    done = inside("models", "verify", "mine")
    assert done.returncode == 0 and "every tensor" in done.stdout
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    done = inside("models", "verify", "mine")
    assert done.returncode == 1 and str(weights) in done.stdout


def test_verify_compares_with_what_was_downloaded(inside: Run, models: Path) -> None:
    import hashlib

    folder = tiny_llava(models / "somebody" / "tiny")
    files = {
        file.name: {"size": file.stat().st_size, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        for file in folder.iterdir()
    }
    note = {"hub_id": "somebody/tiny", "revision": "0" * 40, "files": files}
    (folder / "mqwen-download.json").write_text(json.dumps(note))
    assert inside("models", "verify", "somebody/tiny").returncode == 0
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1  # one bit: its size and its header are as before
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "tokenizer.json").unlink()
    done = inside("models", "verify", "somebody/tiny")
    assert done.returncode == 1 and "--again" in done.stderr
    assert [line.split(": ")[0] for line in sorted(done.stdout.splitlines())] == [
        str(folder / "model.safetensors"),
        str(folder / "tokenizer.json"),
    ]


def test_remove_takes_what_is_ours_only(inside: Run, models: Path, model: Path, tmp_path: Path) -> None:
    shutil.copytree(model, models / "somebody" / "mine")
    mine = shutil.copytree(model, tmp_path / "mine")
    assert inside("models", "remove", "somebody/mine").returncode == 2  # nobody is there to say yes
    for name in ("starter", "nonesuch", mine, "../mine", "."):
        done = inside("models", "remove", name, "--yes")
        assert done.returncode == 2, name
    assert mine.is_dir() and (models / "somebody" / "mine").is_dir()
    assert inside("models", "remove", "somebody/mine", "--yes").returncode == 0
    assert not (models / "somebody").exists() and not list(models.rglob("*.safetensors"))


def test_models_are_kept_elsewhere(
    inside: Run, models: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert inside("models", "path").stdout.strip() == str(models)
    monkeypatch.delenv("MQWEN_MODELS")
    usual = models_folder()
    elsewhere = tmp_path / "läger"
    assert inside("models", "path", "--set", elsewhere).stdout.strip() == str(elsewhere) == str(models_folder())
    shutil.copytree(model, elsewhere / "mine")
    assert inside("models", "path", "mine").stdout.strip() == str(elsewhere / "mine")
    assert inside("models", "path", "--reset").stdout.strip() == str(usual)
    assert inside("models", "path", "mine").returncode == 2
    (settings,) = (tmp_path / "config").rglob("mqwen")
    (settings / "models.json").write_text("{")
    done = inside("models", "path")
    assert done.returncode == 2 and "models.json" in done.stderr


def test_a_known_model_that_is_not_here_says_how_to_get_it(inside: Run) -> None:
    known = known_models()[1]
    for name in (known.name, str(known.hub_id)):
        done = inside("models", "path", name)
        assert done.returncode == 2 and f"mqwen models get {known.name}" in done.stderr
    done = inside("models", "path", "somebody/else")
    assert "mqwen models get somebody/else" in done.stderr


def test_doctor_tells_what_a_model_would_need(inside: Run) -> None:
    done = inside("doctor", "--model", "llava-interleave-0.5b")
    assert "not here yet" in done.stdout and "bf16 1.7 GB" in done.stdout and "729 tokens" in done.stdout


@pytest.mark.parametrize(
    "options",
    [
        {"vision": "clip", "text": "qwen2", "spelling": "memory", "layer": -2},
        {"vision": "siglip", "text": "qwen3", "tied": True},
        {"vision": "chinese_clip", "text": "qwen2", "spelling": "old", "dtype": torch.bfloat16},
    ],
    ids=str,
)
@torch.no_grad()
def test_an_export_loads_in_transformers(inside: Run, tmp_path: Path, options: dict[str, object]) -> None:
    from PIL import Image

    folder = tiny_llava(tmp_path / "model", **options)  # type: ignore[arg-type]
    done = inside("models", "export", folder, tmp_path / "out", "--dtype", "float32")
    assert done.returncode == 0, done.stderr
    assert sorted(p.suffix for p in (tmp_path / "out").glob("model*")) == [".safetensors"]
    ours = load_checkpoint(folder)
    theirs, report = LlavaForConditionalGeneration.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")), report
    picture = Image.effect_mandelbrot((90, 70), (-2, -1, 1, 1), 50).convert("RGB")
    processor = AutoProcessor.from_pretrained(tmp_path / "out")
    mine = MQwenProcessor.from_folder(folder, ours.config)
    chat = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}]
    prompt = processor.apply_chat_template(chat, add_generation_prompt=True)
    inputs = processor(images=picture, text=prompt, return_tensors="pt")
    ids = torch.tensor([mine.encode([Message("user", "What is it?", images=1)])])
    expanded = [i for id_ in ids[0].tolist() for i in [id_] * (ours.config.image_tokens if id_ == MARKER else 1)]
    assert inputs["input_ids"][0].tolist() == expanded
    pixel_values = mine.pixel_values(picture)[None]
    assert (inputs["pixel_values"] - pixel_values).abs().max() <= 1e-5
    expected = theirs.eval()(**inputs).logits
    assert (ours(ids, pixel_values).logits - expected).abs().max() <= 1e-4


def test_an_export_does_not_overwrite(inside: Run, model: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert inside("models", "export", model, tmp_path / "out").returncode == 2
    assert inside("models", "export", model, model / "out").returncode == 2
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]
