"""Free memory, where a container or a batch system allows less than the machine has."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

from mqwen.engine import memory
from mqwen.engine.memory import control_group_rooms, free_bytes, slot_bytes, working_bytes
from mqwen.model.layouts import llava_config

MIB = 2**20


def group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(f"{content}\n")


def own(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "cgroup"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_version_2_counts_each_group_around(tmp_path: Path) -> None:
    root = tmp_path / "fs"
    stat = f"anon {90 * MIB}\nfile {40 * MIB}\ninactive_file {20 * MIB}\nactive_file {10 * MIB}"
    group(root / "a", memory__max=200 * MIB, memory__current=150 * MIB, memory__stat=stat)
    group(root / "a" / "b", memory__max="max", memory__current=5, memory__stat=stat)
    group(root / "a" / "b" / "c", memory__max=100 * MIB, memory__current=90 * MIB, memory__stat=stat)
    assert list(control_group_rooms(root, own(tmp_path, "0::/a/b/c"))) == [40 * MIB, 80 * MIB]


def test_version_1(tmp_path: Path) -> None:
    stat = f"cache 1\ntotal_inactive_file {4 * MIB}\ntotal_active_file {1 * MIB}"
    none = 9223372036854771712
    root = tmp_path / "fs"
    names = {"memory__limit_in_bytes": 64 * MIB, "memory__usage_in_bytes": 30 * MIB, "memory__stat": stat}
    group(root / "memory" / "job", **names)
    group(root / "memory", memory__limit_in_bytes=none, memory__usage_in_bytes=1, memory__stat=stat)
    lines = ("12:cpu,cpuacct:/job", "4:memory:/job", "0::/")
    assert list(control_group_rooms(root, own(tmp_path, *lines))) == [39 * MIB]


def test_in_a_container_the_path_may_be_the_hosts(tmp_path: Path) -> None:
    root = tmp_path / "fs"
    group(root, memory__max=64 * MIB, memory__current=MIB, memory__stat="inactive_file 0")
    assert list(control_group_rooms(root, own(tmp_path, "0::/docker/0123456789ab"))) == [63 * MIB]


@pytest.mark.parametrize("line", ["", "nonsense", "0:", "::", "4:memory", "0::/../../etc"])
def test_whatever_the_system_says_is_no_error(tmp_path: Path, line: str) -> None:
    assert list(control_group_rooms(tmp_path / "fs", own(tmp_path, line))) == []
    assert list(control_group_rooms(tmp_path / "fs", tmp_path / "absent")) == []


def test_more_used_than_allowed_is_nothing_free(tmp_path: Path) -> None:
    root = tmp_path / "fs"
    group(root, memory__max=MIB, memory__current=2 * MIB, memory__stat="")
    assert list(control_group_rooms(root, own(tmp_path, "0::/"))) == [0]


def test_the_smallest_room_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=500 * MIB))
    monkeypatch.setattr(memory, "control_group_rooms", lambda: iter([300 * MIB, 400 * MIB]))
    assert free_bytes(torch.device("cpu")) == 300 * MIB
    monkeypatch.setattr(memory, "control_group_rooms", lambda: iter([]))
    assert free_bytes(torch.device("cpu")) == 500 * MIB


def test_a_share_of_the_card_that_was_set_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    card = torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100 * MIB, 140 * MIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 30 * MIB)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 20 * MIB)
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: 1.0)
    assert free_bytes(card) == 110 * MIB
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: 0.5)
    assert free_bytes(card) == 50 * MIB
    monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: 0.1)
    assert free_bytes(card) == 10 * MIB


def test_a_caption_of_qwen2_7b_takes_its_keys_and_values() -> None:
    vision = {"model_type": "clip_vision_model", "hidden_size": 1024, "intermediate_size": 4096, "image_size": 336}
    text = {
        "model_type": "qwen2",
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    }
    more = {"num_hidden_layers": 24, "num_attention_heads": 16, "patch_size": 14}
    config = llava_config({"model_type": "llava", "vision_config": vision | more, "text_config": text})
    # 56 KiB a token (facts/performance.md), 576 + 64 + 256 tokens; beside it features and scores.
    card, processor = torch.device("cuda"), torch.device("cpu")
    assert 896 * 56 * 1024 < slot_bytes(config, torch.bfloat16, 256, card) < 1.2 * 896 * 56 * 1024
    # There the cache's slots are multiples of 512 positions.
    assert 1024 * 56 * 1024 < slot_bytes(config, torch.bfloat16, 256, processor) < 1.2 * 1024 * 56 * 1024
    assert working_bytes(config, processor) < working_bytes(config, card)
