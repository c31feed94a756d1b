"""Writing safetensors files: whole or in shards with an index, one tensor in memory at a time."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mqwen.errors import DiskFullError, WriteError
from mqwen.model.tensors import DTYPES

_DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_SHARD_BYTES = 5_000_000_000


class NewTensor(NamedTuple):
    """A tensor to be written."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def write_shards(
    folder: Path, announced: Sequence[NewTensor], tensors: Iterable[torch.Tensor], *, max_shard_bytes: int
) -> list[str]:
    """Write model.safetensors or, beyond `max_shard_bytes`, shards with an index. One tensor is in memory at a time.

    Args:
        announced: what comes, in order; wide dtypes first keeps every tensor aligned to its item size.
        tensors: the tensors themselves, in the same order.

    Returns:
        the names of the files written.

    Raises:
        WriteError, DiskFullError: a file cannot be written.
    """
    shards: list[list[NewTensor]] = [[]]
    size = 0
    for tensor in announced:
        if shards[-1] and size + tensor.nbytes > max_shard_bytes:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += tensor.nbytes
    count = len(shards)
    files = (
        ["model.safetensors"] if count == 1 else [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]
    )
    stream = iter(tensors)
    for file, shard in zip(files, shards, strict=True):
        _write_safetensors(folder / file, shard, stream)
    assert next(stream, None) is None  # and lets a generator come to its end
    if count == 1:
        return files
    weight_map = {tensor.name: file for file, shard in zip(files, shards, strict=True) for tensor in shard}
    index = {"metadata": {"total_size": sum(t.nbytes for t in announced)}, "weight_map": weight_map}
    write_json(folder / "model.safetensors.index.json", index)
    return [*files, "model.safetensors.index.json"]


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object and make sure that it is on the disk.

    Raises:
        WriteError, DiskFullError: it cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> WriteError:
    """What to tell the user about a failed write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError("the disk is full", path=path, hint="Make room and start again.")
    return WriteError(f"cannot be written ({error.strerror})", path=path)


def _write_safetensors(path: Path, announced: Sequence[NewTensor], tensors: Iterator[torch.Tensor]) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}  # transformers refuses files without it
    end = 0
    for new in announced:
        start, end = end, end + new.nbytes
        header[new.name] = {"dtype": _DTYPE_NAMES[new.dtype], "shape": list(new.shape), "data_offsets": [start, end]}
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    try:
        with path.open("wb") as file:
            file.write(len(encoded).to_bytes(8, "little") + encoded)
            for new in announced:
                tensor = next(tensors)
                assert tuple(tensor.shape) == new.shape and tensor.dtype == new.dtype, new.name
                flat = tensor.detach().cpu().contiguous().reshape(-1)
                file.write(flat.view(torch.uint8).numpy().data)
                del tensor, flat
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise write_error(path, error) from error
