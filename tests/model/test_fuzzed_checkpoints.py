"""Whatever bytes a model folder holds: a model, or a CheckpointError with a path. Nothing else comes out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mqwen.errors import CheckpointError
from mqwen.model.checkpoint import inspect_checkpoint, open_parts
from mqwen.model.tensors import find_weights
from tests.tiny import tiny_llava
from tests.tiny_parts import tiny_parts

SETTINGS = settings(max_examples=40, suppress_health_check=list(HealthCheck))
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from([0, -1, 2**31, 2**63, 10**30, "F32", "BF16", "../x", "/", "model.safetensors", "\0"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llava(tmp_path_factory.mktemp("fuzz") / "original", max_shard_size="100KB")


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Iterator[Path]:
    yield shutil.copytree(original, tmp_path / "copy")


def inspect(folder: Path) -> None:
    try:
        inspect_checkpoint(folder)
    except CheckpointError as error:
        assert error.path is not None
        assert "\n" not in str(error)


def mutate(data: st.DataObject, value: Any) -> Any:
    """Replace, drop or add something somewhere in a JSON value."""
    if isinstance(value, (dict, list)) and value and data.draw(st.integers(0, 4)):
        key = data.draw(st.sampled_from(sorted(value) if isinstance(value, dict) else range(len(value))))
        copy = value.copy()
        action = data.draw(st.sampled_from(["deeper", "deeper", "deeper", "drop", "rename"]))
        if action == "deeper":
            copy[key] = mutate(data, copy[key])
        elif action == "drop":
            del copy[key]
        elif isinstance(copy, dict):
            copy[data.draw(st.text(max_size=8))] = copy.pop(key)
        return copy
    if type(value) is int and data.draw(st.booleans()):
        return value + data.draw(st.integers(-3, 3))
    return data.draw(JUNK)


@SETTINGS
@given(data=st.data())
def test_a_mutated_safetensors_header(folder: Path, original: Path, data: st.DataObject) -> None:
    name = sorted(p.name for p in original.glob("*.safetensors"))[0]
    content = (original / name).read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    for _ in range(data.draw(st.integers(1, 3))):
        header = mutate(data, header)
    encoded = json.dumps(header).encode("utf-8", "surrogatepass")
    (folder / name).write_bytes(len(encoded).to_bytes(8, "little") + encoded + content[8 + length :])
    inspect(folder)


@SETTINGS
@given(data=st.data())
def test_mutated_bytes_of_a_header(folder: Path, original: Path, data: st.DataObject) -> None:
    name = sorted(p.name for p in original.glob("*.safetensors"))[0]
    content = bytearray((original / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, 2000))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    (folder / name).write_bytes(content)
    inspect(folder)


@SETTINGS
@given(data=st.data(), file=st.sampled_from(["config.json", "model.safetensors.index.json", "generation_config.json"]))
def test_mutated_json_files(folder: Path, original: Path, data: st.DataObject, file: str) -> None:
    content = json.loads((original / file).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        content = mutate(data, content)
    (folder / file).write_bytes(json.dumps(content).encode("utf-8", "surrogatepass"))
    inspect(folder)
    shutil.copy(original / file, folder / file)


@SETTINGS
@given(content=st.binary(max_size=200), name=st.sampled_from(["model.safetensors", "pytorch_model.bin"]))
def test_any_bytes_as_weights(tmp_path: Path, content: bytes, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    try:
        find_weights(tmp_path)
    except CheckpointError as error:
        assert error.path == file
    file.unlink()


@SETTINGS
@given(data=st.data())
def test_mutated_configs_of_the_original_layout(tmp_path: Path, data: st.DataObject) -> None:
    if not (tmp_path / "qwen").exists():
        tiny_parts(tmp_path, layers=1)
    names = ["qwen/config.json", "clip/config.json", "adapter/adapter_config.json"]
    file = tmp_path / data.draw(st.sampled_from(names))
    before = file.read_text()
    content = mutate(data, mutate(data, json.loads(before)))
    file.write_bytes(json.dumps(content).encode("utf-8", "surrogatepass"))
    try:
        open_parts(tmp_path / "qwen", tmp_path / "clip", tmp_path / "adapter")
    except CheckpointError as error:
        assert error.path is not None
        assert "\n" not in str(error)
    finally:
        file.write_text(before)


def test_a_deeply_nested_header(tmp_path: Path) -> None:
    nested = b"[" * 100_000
    (tmp_path / "model.safetensors").write_bytes(len(nested).to_bytes(8, "little") + nested)
    with pytest.raises(CheckpointError, match="damaged"):
        find_weights(tmp_path)
