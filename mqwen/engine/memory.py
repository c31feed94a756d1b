"""How much memory there is for us, on a card and in the machine, and how much a caption takes of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch

from mqwen.engine.decoder import WINDOW_MULTIPLE

# The processor's allocator, the driver beside torch's own allocator, and CUDA's libraries (CUBLAS_STATUS_ALLOC_FAILED).
_OUT_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
_PROMPT_TOKENS = 64
# Prompt tokens that go through the layers at once, and bytes of activations each, per unit of the widest layer: gate,
# up and their product; on a card in 16 bits, and what quantised layers make of them in float32.
_CHUNK_TOKENS = {"cpu": 256, "cuda": 1024}
_BYTES_PER_ACTIVATION = {"cpu": 12, "cuda": 10}
_LIBRARIES = {"cpu": 0, "cuda": 256 * 2**20}  # workspaces of cuBLAS and the like
_UNLIMITED = 2**60  # version 1 of control groups says "no limit" by a number that no machine has


def free_bytes(device: torch.device) -> int:
    """Return the bytes of memory free for us on a device: what the system has left, what our allocator keeps unused.

    Limits set for this process count: a control group's (containers, batch systems), and on a card the share of
    torch.cuda.set_per_process_memory_fraction().
    """
    if device.type != "cuda":
        return min([int(psutil.virtual_memory().available), *control_group_rooms()])
    free, total = torch.cuda.mem_get_info(device)
    reserved = torch.cuda.memory_reserved(device)
    unused = reserved - torch.cuda.memory_allocated(device)
    allowed = int(total * torch.cuda.get_per_process_memory_fraction(device)) - reserved
    return max(0, min(int(free), allowed)) + unused


def control_group_rooms(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> Iterator[int]:
    """Yield what each control group around this process leaves it, bytes; nothing where none has a limit.

    Versions 1 and 2. The cache of files counts as free, as it does for the system.
    """
    try:
        lines = own.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        number, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if number == "0" and not controllers:
            files, mount = ("memory.max", "memory.current", "inactive_file", "active_file"), root
        elif "memory" in controllers.split(","):
            files = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file")
            mount = root / "memory"
        else:
            continue
        # In a container the path may be the host's: then only the mount's own root is there.
        inside = PurePosixPath(path.lstrip("/"))
        for group in dict.fromkeys((inside, *inside.parents)):
            room = _room(mount / group, *files)
            if room is not None:
                yield room


def _room(group: Path, limit_file: str, usage_file: str, *cached: str) -> int | None:
    try:
        limit, usage = (int((group / name).read_text()) for name in (limit_file, usage_file))
        pairs = (line.split() for line in (group / "memory.stat").read_text().splitlines())
        cache = sum(int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] in cached)
    except (OSError, ValueError):  # no such file here, or "max": no limit
        return None
    return max(0, limit - max(0, usage - cache)) if limit < _UNLIMITED else None


def slot_bytes(config: Any, dtype: torch.dtype, max_new_tokens: int, device: torch.device) -> int:
    """Return the bytes that one caption takes while it is written: keys, values, features and scores.

    Args:
        config: the model's MQwenConfig.
    """
    window = WINDOW_MULTIPLE[_kind(device)]  # a slot's length is a multiple of it
    text = config.text_config
    tokens = -(-(config.image_tokens + _PROMPT_TOKENS + max_new_tokens) // window) * window
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    kv = 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * dtype.itemsize * tokens
    return kv + 2 * config.image_tokens * text.hidden_size * dtype.itemsize + 2 * 4 * text.vocab_size


def working_bytes(config: Any, device: torch.device) -> int:
    """Return the bytes that a device needs beside weights and slots, whatever their number."""
    kind = _kind(device)
    each = _BYTES_PER_ACTIVATION[kind] * int(config.text_config.intermediate_size)
    return _LIBRARIES[kind] + _CHUNK_TOKENS[kind] * each


def _kind(device: torch.device) -> str:
    return "cuda" if device.type == "cuda" else "cpu"


def out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on a card or in the machine (often an untyped RuntimeError)."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _OUT_OF_MEMORY)


def readable(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
