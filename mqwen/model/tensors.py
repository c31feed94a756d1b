"""Tensors in files: safetensors and .bin shards with their index, read one tensor at a time (shards.py writes them).

A safetensors file is 8 bytes with the header's length (little endian), the header (JSON: name -> dtype, shape,
data_offsets) and the data. Its header is checked against the file's size before anything is read, so that a shortened
copy is found at once. A .bin file is a pickle: it is opened with torch's weights_only unpickler and mapped, not read.
"""

from __future__ import annotations

import errno
import json
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch

from mqwen.errors import CheckpointError, DeviceError

INCOMPLETE_HINT = "Download or copy the model again: this file is not complete or was changed."
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
_MAX_JSON_BYTES = 100_000_000  # the limit of the safetensors library for a header
_PIECE_BYTES = 1 << 20
# Of torch's errors: its allocator's, and a file that cannot be mapped.
_OUT_OF_MEMORY = re.compile(rf"DefaultCPUAllocator|unable to mmap .*\({errno.ENOMEM}\)", re.DOTALL)
_WEIGHT_FILES = (  # in the order in which transformers looks for them
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
)


@dataclass(frozen=True)
class StoredTensor:
    """One tensor as its file announces it; `start` is its first byte in a safetensors file, None in a pickle."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    file: Path
    start: int | None


@dataclass
class Weights:
    """The tensors of one folder, whichever files they are in.

    Attributes:
        path: the index or the only file: what to name when a tensor is missing.
        tensors: by name, in the order of files and of bytes, so that reading them in order keeps one shard open.
    """

    path: Path
    tensors: dict[str, StoredTensor]
    _pickle: tuple[Path, dict[str, torch.Tensor]] | None = field(default=None, repr=False)

    def read(self, name: str) -> torch.Tensor:
        """Read one tensor; one of a .bin shard is the file's pages, which are let go when the next shard is read.

        Raises:
            CheckpointError: the file ends too early, or a value is NaN or infinite.
        """
        stored = self.tensors[name]
        tensor = self._from_pickle(stored) if stored.start is None else _read_bytes(stored)
        if tensor.is_floating_point() and tensor.numel() and not _all_finite(tensor):
            raise CheckpointError(
                "holds NaN or infinite values",
                path=stored.file,
                tensor=name,
                hint="Download the model again; if it stays so, its training went wrong.",
            )
        return tensor

    def are_copies(self, one: str, other: str) -> bool:
        """Say whether two tensors are the same byte for byte, of which only small pieces are in memory.

        Raises:
            CheckpointError: a file cannot be read.
        """
        first, second = self.tensors[one], self.tensors[other]
        if (first.shape, first.dtype) != (second.shape, second.dtype):
            return False
        return all(a == b for a, b in zip(self._pieces(first), self._pieces(second), strict=True))

    def _pieces(self, stored: StoredTensor) -> Iterator[bytes]:
        if stored.start is None:
            for piece in self._from_pickle(stored).reshape(-1).view(torch.uint8).split(_PIECE_BYTES):
                yield piece.numpy().tobytes()
            return
        left = math.prod(stored.shape) * stored.dtype.itemsize
        try:
            with stored.file.open("rb") as file:
                file.seek(stored.start)
                while left > 0:
                    yield file.read(min(left, _PIECE_BYTES))
                    left -= _PIECE_BYTES
        except OSError as error:
            raise CheckpointError(f"cannot be read ({error.strerror})", path=stored.file, tensor=stored.name) from error

    def _from_pickle(self, stored: StoredTensor) -> torch.Tensor:
        if self._pickle is None or self._pickle[0] != stored.file:
            self._pickle = None  # let go of the shard before the next one is mapped
            self._pickle = (stored.file, load_pickle(stored.file))
        return self._pickle[1][stored.name].contiguous()


def one_line(error: BaseException) -> str:
    """Another library's message, short and on one line."""
    text = " ".join(str(error).split())
    return text if len(text) <= 200 else text[:200] + "..."


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors that name no file name this one."""
    try:
        yield
    except CheckpointError as error:
        error.path = error.path or path
        raise


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        CheckpointError: it is missing, unreadable, too large, or not a JSON object.
    """
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise CheckpointError("is too large for what it should be", path=path, hint=INCOMPLETE_HINT)
        content = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(
            "is missing", path=path, hint="The model folder is incomplete: download it again."
        ) from None
    except OSError as error:
        raise CheckpointError(f"cannot be read ({error.strerror})", path=path) from error
    return _parse_json(content, path)


def find_weights(folder: Path) -> Weights:
    """Read the headers of a folder's weight files.

    Raises:
        CheckpointError: there are none, a shard is missing or damaged, or the index and the shards disagree.
    """
    for single, index in _WEIGHT_FILES:
        if (folder / single).exists():
            return open_file(folder / single)
        if (folder / index).exists():
            return _open_shards(folder / index)
    sharded = next(iter(sorted([*folder.glob("*-of-*.safetensors"), *folder.glob("*-of-*.bin")])), None)
    if sharded is not None:
        single, index = _WEIGHT_FILES[sharded.suffix == ".bin"]
        raise CheckpointError(
            "the index of the shards is missing", path=folder / index, hint="Download the model again, with this file."
        )
    raise CheckpointError(
        "no weights here (model.safetensors or pytorch_model.bin, whole or in shards)",
        path=folder,
        hint="Download the model again: its weight files are missing.",
    )


def open_file(path: Path, tensor: str | None = None) -> Weights:
    """Read the header of one weight file (.safetensors, else a pickle).

    Args:
        tensor: one that should be in it, to be named if a pickle cannot be read.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    if not path.is_file():
        raise CheckpointError("is missing", path=path, hint="The model folder is incomplete: download it again.")
    if path.suffix == ".safetensors":
        try:
            return Weights(path, {stored.name: stored for stored in _read_header(path)})
        except OSError as error:
            raise CheckpointError(f"cannot be read ({error.strerror})", path=path) from error
    tensors = load_pickle(path, tensor)
    return Weights(path, {n: StoredTensor(n, tuple(t.shape), t.dtype, path, None) for n, t in tensors.items()})


def load_pickle(path: Path, tensor: str | None = None) -> dict[str, torch.Tensor]:
    """The state dict in a .bin file, mapped where the file's format allows it. No code in it is run.

    Args:
        tensor: one that should be in it, to be named if nothing can be read.

    Raises:
        CheckpointError: it is damaged, needs code to load, or holds something else.
        DeviceError: memory ran out.
    """
    try:
        # Before torch 1.6 a pickle was no zip archive and cannot be mapped.
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zipfile(path))
    except Exception as error:  # the unpickler raises whatever the damaged bytes lead it to
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            raise DeviceError(
                "there is not enough memory to read it",
                path=path,
                hint="Close other programs, or take a smaller model.",
            ) from error
        raise CheckpointError(
            f"is damaged or no plain weight file ({one_line(error)})", path=path, tensor=tensor, hint=INCOMPLETE_HINT
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError("holds no tensors by name", path=path)
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor) or value.layout != torch.strided:
            raise CheckpointError(f"holds {type(value).__name__} at {name!r} where a tensor belongs", path=path)
    return dict(content)


def shard_names(index: Path) -> list[str]:
    """Return the files that an index of shards names, sorted.

    Raises:
        CheckpointError: it is damaged.
    """
    return sorted(set(_weight_map(index).values()))


def _weight_map(index: Path) -> dict[str, str]:
    weight_map = read_json(index).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError("names no tensors: weight_map is missing", path=index, hint=INCOMPLETE_HINT)
    for name, file in weight_map.items():
        if not isinstance(file, str) or not _is_plain_name(file):
            raise CheckpointError(f"its file {file!r} is not a file of this folder", path=index, tensor=name)
    return weight_map


def _open_shards(index: Path) -> Weights:
    weight_map = _weight_map(index)
    shards: dict[str, str] = {}  # file -> the first tensor in it
    for name, file in weight_map.items():
        shards.setdefault(file, name)
    tensors: dict[str, StoredTensor] = {}
    for file in sorted(shards):
        path = index.parent / file
        if not path.is_file():
            raise CheckpointError(
                f"this shard is missing; {index.name} expects it",
                path=path,
                tensor=shards[file],
                hint="Download it again.",
            )
        for name, stored in open_file(path, shards[file]).tensors.items():
            if name in tensors:
                raise CheckpointError(f"is also in {tensors[name].file.name}", path=path, tensor=name)
            tensors[name] = stored
    for name, file in weight_map.items():
        if name not in tensors or tensors[name].file.name != file:
            raise CheckpointError(
                f"is missing; {index.name} says that it is here",
                path=index.parent / file,
                tensor=name,
                hint=INCOMPLETE_HINT,
            )
    return Weights(index, tensors)


def _is_plain_name(file: str) -> bool:
    return file not in ("", ".", "..") and not any(c in file for c in "/\\:\0")


def _read_header(path: Path) -> list[StoredTensor]:
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _MAX_JSON_BYTES):
            raise CheckpointError("is truncated or no safetensors file", path=path, hint=INCOMPLETE_HINT)
        header = _parse_json(file.read(length), path)
    header.pop("__metadata__", None)
    data = 8 + length
    tensors = [_stored_tensor(path, name, entry, data) for name, entry in header.items()]
    tensors.sort(key=lambda stored: (stored.start, math.prod(stored.shape)))
    end = data
    for stored in tensors:
        if stored.start != end:
            raise CheckpointError("overlaps another tensor or leaves a gap", path=path, tensor=stored.name)
        end += math.prod(stored.shape) * stored.dtype.itemsize
        if end > size:
            raise CheckpointError(
                f"the file is truncated: it has {size} bytes, this tensor ends at {end}",
                path=path,
                tensor=stored.name,
                hint=INCOMPLETE_HINT,
            )
    if end != size:
        raise CheckpointError(f"holds {size - end} bytes more than its header says", path=path, hint=INCOMPLETE_HINT)
    return tensors


def _stored_tensor(path: Path, name: str, entry: Any, data: int) -> StoredTensor:
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise CheckpointError("its entry in the header is damaged", path=path, tensor=name, hint=INCOMPLETE_HINT)
    if dtype not in DTYPES:
        raise CheckpointError(
            f"has the type {dtype}, which MQwen does not read",
            path=path,
            tensor=name,
            hint="Use the unquantised model.",
        )
    if offsets[1] - offsets[0] != math.prod(shape) * DTYPES[dtype].itemsize:
        raise CheckpointError(f"its bytes do not fit its shape {shape}", path=path, tensor=name, hint=INCOMPLETE_HINT)
    return StoredTensor(name, tuple(shape), DTYPES[dtype], path, data + offsets[0])


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(size) is int and 0 <= size < 2**63 for size in value)


def _parse_json(content: bytes, path: Path) -> dict[str, Any]:
    def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            raise ValueError("a name occurs twice")
        return result

    try:
        parsed = json.loads(content.decode("utf-8-sig"), object_pairs_hook=without_duplicates)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"is damaged: not valid JSON ({one_line(error)})", path=path, hint=INCOMPLETE_HINT
        ) from error
    if not isinstance(parsed, dict):
        raise CheckpointError("is damaged: not a JSON object", path=path, hint=INCOMPLETE_HINT)
    return parsed


def _read_bytes(stored: StoredTensor) -> torch.Tensor:
    assert stored.start is not None
    tensor = torch.empty(math.prod(stored.shape), dtype=stored.dtype)
    try:
        with stored.file.open("rb") as file:
            file.seek(stored.start)
            read = file.readinto(tensor.view(torch.uint8).numpy().data)
    except OSError as error:
        raise CheckpointError(f"cannot be read ({error.strerror})", path=stored.file, tensor=stored.name) from error
    if read != tensor.nbytes:
        raise CheckpointError(
            "the file is truncated: it ends in this tensor", path=stored.file, tensor=stored.name, hint=INCOMPLETE_HINT
        )
    return tensor.reshape(stored.shape)


def _all_finite(tensor: torch.Tensor) -> bool:
    low, high = torch.aminmax(
        tensor
    )  # both are NaN if any value is; unlike isfinite().all() this needs no mask in memory
    return bool(torch.isfinite(low) and torch.isfinite(high))
