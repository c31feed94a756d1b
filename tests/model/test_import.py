"""Joining three folders into one: the same model, little memory, nothing half done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, LlavaForConditionalGeneration

from mqwen.errors import Cancelled, CheckpointError, WriteError
from mqwen.model import load_checkpoint, load_parts
from mqwen.model.checkpoint import inspect_checkpoint
from mqwen.model.importer import import_parts
from mqwen.model.processor import MQwenProcessor
from tests.tiny import write_json, write_tokenizer
from tests.tiny_parts import TinyParts, tiny_parts

MIB = 1 << 20


def assert_same(ours: Any, theirs: Any) -> None:
    expected = theirs.state_dict()
    assert expected.keys() == ours.state_dict().keys()
    for name, tensor in ours.state_dict().items():
        assert tensor.equal(expected[name]), name


@pytest.mark.parametrize("weights", ["safetensors", "bin"])
def test_the_joined_folder_is_the_same_model(tmp_path: Path, weights: Any) -> None:
    parts = tiny_parts(tmp_path / "parts", weights=weights, shards=3)
    out = tmp_path / "deep" / "out"
    seen: list[tuple[int, int]] = []
    import_parts(*parts, out, image_token_id=303, progress=lambda done, total: seen.append((done, total)))
    model = load_checkpoint(out)
    assert_same(model, load_parts(*parts, image_token_id=303))
    assert (model.config.image_token_id, model.config.use_dynamic_ntk, model.config.seq_length) == (303, True, 512)
    assert seen[-1][0] == seen[-1][1] > 0
    assert not out.with_name("out.partial").exists()

    pixel_values = torch.randn(1, 3, 56, 56)
    with torch.no_grad():
        ours = model(torch.tensor([[5, 303, 7]]), pixel_values=pixel_values).logits
        reference = LlavaForConditionalGeneration.from_pretrained(out).eval()
        theirs = reference(torch.tensor([[5, *[303] * 16, 7]]), pixel_values=pixel_values).logits
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_tokenizer_and_preprocessor_go_along_and_code_does_not(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path / "parts")
    (parts.language_model / "qwen.tiktoken").unlink()
    write_tokenizer(parts.language_model)
    tokenizer = json.loads((parts.language_model / "tokenizer_config.json").read_text())
    tokenizer["auto_map"] = {"AutoTokenizer": ["tokenization_qwen.QWenTokenizer", None]}
    (parts.language_model / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    out = tmp_path / "out"
    out.mkdir()  # an empty one is taken
    import_parts(*parts, out)
    assert sorted(p.name for p in out.iterdir()) == [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert (out / "tokenizer.json").read_bytes() == (parts.language_model / "tokenizer.json").read_bytes()
    assert "auto_map" not in (out / "tokenizer_config.json").read_text() + (out / "config.json").read_text()
    assert json.loads((out / "generation_config.json").read_text()) == {"eos_token_id": 256, "pad_token_id": 256}


@pytest.mark.parametrize("qwen1", [False, True])
def test_image_processing_that_transformers_5_keeps_elsewhere_goes_along(tmp_path: Path, qwen1: bool) -> None:
    parts = tiny_parts(tmp_path / "parts")
    if not qwen1:
        (parts.language_model / "qwen.tiktoken").unlink()
        write_tokenizer(parts.language_model)
    settings = json.loads((parts.vision_tower / "preprocessor_config.json").read_text())
    settings |= {"image_mean": [0.1, 0.2, 0.3], "auto_map": {"AutoImageProcessor": "code.Processor"}}
    (parts.vision_tower / "preprocessor_config.json").unlink()
    (parts.vision_tower / "processor_config.json").write_text(json.dumps({"image_processor": settings}))
    out = tmp_path / "out"
    import_parts(*parts, out)
    written = json.loads((out / "preprocessor_config.json").read_text())
    assert written["image_mean"] == [0.1, 0.2, 0.3] and "auto_map" not in written
    picture = Image.linear_gradient("L").convert("RGB")
    ours = MQwenProcessor.from_folder(out, load_checkpoint(out).config)
    before = MQwenProcessor.from_parts(parts.language_model, parts.vision_tower, load_checkpoint(out).config)
    assert ours.pixel_values(picture).equal(before.pixel_values(picture))


def test_transformers_reads_the_tokenizer_that_comes_of_a_tiktoken_file(tmp_path: Path, data_folder: Path) -> None:
    found = find_spec("dashscope")
    ranks = Path(found.origin or "").parent / "resources" / "qwen.tiktoken" if found else Path()
    if not ranks.is_file():
        pytest.skip("PyPI's dashscope, which carries the real qwen.tiktoken, is not installed")
    parts = tiny_parts(tmp_path / "parts", hidden_size=16, layers=1, vocab_size=151936)
    shutil.copyfile(ranks, parts.language_model / "qwen.tiktoken")
    out = tmp_path / "out"
    import_parts(*parts, out)
    golden = json.loads((data_folder / "golden_seed" / "tokenizer.json").read_text(encoding="utf-8"))
    theirs = AutoTokenizer.from_pretrained(out)
    for case in golden["texts"]:
        assert theirs(case["text"])["input_ids"] == case["ids"], case["text"]
    assert theirs.convert_tokens_to_ids("<|extra_0|>") == load_checkpoint(out).config.image_token_id == 151646
    assert (theirs.eos_token, theirs.pad_token) == ("<|im_end|>", "<|endoftext|>")
    # The original's prompt, of which no file of the language model tells.
    question = golden["prompts"][0]
    messages = [{"role": "user", "content": question["query"]}]
    ids = theirs.apply_chat_template(messages, add_generation_prompt=True)["input_ids"]
    assert ids == question["encode_raw_ids"]


def test_stored_dtypes_are_kept_and_shards_are_cut(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path / "parts", dtype=torch.bfloat16)
    vision = parts.vision_tower / "model.safetensors"
    save_file({name: t.float() if t.is_floating_point() else t for name, t in load_file(vision).items()}, vision)
    out = tmp_path / "out"
    import_parts(*parts, out, max_shard_bytes=100_000)
    tensors = {name: t for file in out.glob("*.safetensors") for name, t in load_file(file).items()}
    assert len(list(out.glob("*.safetensors"))) > 2
    for name, tensor in tensors.items():
        assert tensor.dtype == (torch.float32 if name.startswith("vision_tower.") else torch.bfloat16), name
    assert json.loads((out / "config.json").read_text())["torch_dtype"] == "bfloat16"
    assert_same(load_checkpoint(out, dtype=torch.bfloat16), load_parts(*parts, dtype=torch.bfloat16))
    assert inspect_checkpoint(out).stored_bytes == sum(t.nbytes for t in tensors.values())


def test_without_adapter_the_projector_is_the_one_of_load_parts(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path / "parts")
    import_parts(parts.language_model, parts.vision_tower, None, tmp_path / "out")
    assert_same(load_checkpoint(tmp_path / "out"), load_parts(parts.language_model, parts.vision_tower))


@pytest.mark.parametrize("lacking", ["tokenizer", "size"])
def test_what_could_not_be_loaded_is_not_made(tmp_path: Path, lacking: str) -> None:
    parts = tiny_parts(tmp_path)
    if lacking == "tokenizer":
        file = parts.language_model / "qwen.tiktoken"
        file.unlink()
    else:
        file = parts.vision_tower / "preprocessor_config.json"
        settings = json.loads(file.read_text(encoding="utf-8"))
        write_json(file, {**settings, "crop_size": {"height": 336, "width": 336}, "size": {"shortest_edge": 336}})
    with pytest.raises(CheckpointError) as caught:
        import_parts(*parts, tmp_path / "out")
    assert caught.value.path is not None and caught.value.path.is_relative_to(file.parent)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.partial").exists()


def test_something_in_the_way_is_refused_and_left_alone(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path / "parts")
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(CheckpointError, match="not empty") as caught:
        import_parts(*parts, out)
    assert caught.value.path == out
    assert (out / "thesis.txt").read_text() == "mine"
    partial = tmp_path / "new.partial"
    partial.mkdir()
    (partial / "thesis.doc").write_text("mine")
    with pytest.raises(CheckpointError, match="in the way"):
        import_parts(*parts, tmp_path / "new")
    assert (partial / "thesis.doc").read_text() == "mine"


def test_what_a_killed_import_left_is_replaced(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path / "parts")
    partial = tmp_path / "out.partial"
    partial.mkdir()
    (partial / "model-00001-of-00009.safetensors").write_bytes(b"half")
    import_parts(*parts, tmp_path / "out")
    assert not partial.exists()
    assert sorted(p.name for p in (tmp_path / "out").glob("*.safetensors")) == ["model.safetensors"]


def break_last_tensor(parts: TinyParts) -> None:
    file = parts.language_model / "model-00002-of-00002.safetensors"
    tensors = load_file(file)
    tensors["lm_head.weight"][-1, -1] = float("nan")
    save_file(tensors, file)


def test_a_failed_or_cancelled_import_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = tiny_parts(tmp_path / "parts")
    out = tmp_path / "out"

    def cancel(done: int, total: int) -> None:
        if done > total // 2:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        import_parts(*parts, out, progress=cancel)
    with monkeypatch.context() as patched, pytest.raises(WriteError, match="disk is full"):
        patched.setattr("os.fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        import_parts(*parts, out)
    break_last_tensor(parts)
    with pytest.raises(CheckpointError) as caught:
        import_parts(*parts, out)
    assert caught.value.tensor == "lm_head.weight"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["parts"]


# The limit holds for what the process allocates (RLIMIT_DATA: heap and private writable mappings, a mapped .bin shard
# included); RLIMIT_AS would count the libraries and thread stacks too.
LIMITED = """
import resource, sys
from pathlib import Path
import torch
from mqwen.cli.main import main
from mqwen.errors import DeviceError
from mqwen.model.checkpoint import load_parts
from mqwen.model.importer import import_parts
warm, parts, out, what, margin = sys.argv[1:]
three = lambda folder: [Path(folder) / name for name in ("qwen", "clip", "adapter")]
import_parts(*three(warm), out + "-warm")  # whatever is imported or cached on the way is there now
used = next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (used + int(margin), used + int(margin)))
names = ("--language-model", "--vision-tower", "--adapter")
try:
    if what == "import":
        import_parts(*three(parts), out)
    elif what == "load":
        load_parts(*three(parts))
    else:
        given = [word for name, folder in zip(names, three(parts)) for word in (name, str(folder))]
        sys.exit(main(["models", "import", *given, out]))
except (MemoryError, RuntimeError, DeviceError) as error:
    sys.exit("out of memory: " + str(error)[:200])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA counts mappings on Linux only")
@pytest.mark.parametrize("weights", ["safetensors", "bin"])
def test_a_model_larger_than_the_memory_is_imported(tmp_path: Path, weights: Any) -> None:
    tiny_parts(tmp_path / "warm", weights=weights)
    big = tiny_parts(tmp_path / "big", weights=weights, hidden_size=512, layers=14, vocab_size=4000, shards=15)
    shards = [p.stat().st_size for p in big.language_model.glob("*-of-*")]
    adapter = sum(p.stat().st_size for p in big.adapter.iterdir())
    margin = max(shards) + adapter + 12 * MIB  # some for what Python's and torch's allocators keep
    assert sum(shards) > 4 * margin

    def run(what: str, margin: int = margin) -> subprocess.CompletedProcess[str]:
        arguments = [tmp_path / "warm", tmp_path / "big", tmp_path / f"out-{what}", what, margin]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # the stacks of helpers that start late would count
        return subprocess.run(
            [sys.executable, "-c", LIMITED, *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )

    finished = run("import")
    assert finished.returncode == 0, finished.stderr
    assert inspect_checkpoint(tmp_path / "out-import").stored_bytes > 4 * margin
    whole = run("load")  # the same limit does not hold the whole model: it does limit
    assert whole.returncode == 1 and "out of memory" in whole.stderr
    refused = run("command", MIB)
    assert refused.returncode == 2 and "there is not enough memory" in refused.stderr.splitlines()[-1]
    assert {path.name for path in tmp_path.glob("out-command*")} == {"out-command-warm"}


def test_command_line(tmp_path: Path) -> None:
    parts = tiny_parts(tmp_path / "parts")
    folders = ["--language-model", str(parts.language_model), "--vision-tower", str(parts.vision_tower)]

    def mqwen(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mqwen.cli.main", "models", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    out = tmp_path / "out"
    done = mqwen("import", *folders, "--adapter", str(parts.adapter), "--image-token-id", "303", str(out))
    assert (done.returncode, done.stdout.strip()) == (0, str(out)), done.stderr
    assert " joined" in done.stderr and "untrained" not in done.stderr
    assert_same(load_checkpoint(out), load_parts(*parts))
    assert mqwen("path", str(out)).stdout.strip() == str(out)

    again = mqwen("import", *folders, str(out))
    assert again.returncode == 2
    assert again.stderr.strip().splitlines()[-1].startswith(f"mqwen: {out}: is there already")
    assert "Traceback" not in again.stderr
