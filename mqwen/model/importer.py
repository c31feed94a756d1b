"""The three folders of the original layout, or a model and an adapter -> one folder in the LLaVA layout.

At most one tensor and its LoRA matrices are in memory (of a .bin shard, which is mapped, the pages that were read too),
so that a model larger than the memory can be imported. Weights keep the dtype that they are stored in; a LoRA is merged
in float32 first.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from mqwen.errors import CheckpointError, DiskFullError
from mqwen.model.assembly import Job
from mqwen.model.checkpoint import Opened, Progress, new_projector, open_adapted, open_parts
from mqwen.model.companions import TEXT_TOWER, copy_companions, own_fields
from mqwen.model.config import MQwenConfig
from mqwen.model.config_files import config_fields
from mqwen.model.layouts import saved_name
from mqwen.model.pixel_values import read_image_settings
from mqwen.model.processor import MQwenProcessor
from mqwen.model.shards import MAX_SHARD_BYTES, NewTensor, write_error, write_json, write_shards
from mqwen.model.tensors import read_json
from mqwen.model.tokenizer import QWEN1_FILE, tokenizer_file

# What describes a model beside its weights. Python files are not among them: code of a model folder is never run.
_TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt"),
    *("added_tokens.json", "special_tokens_map.json", "chat_template.jinja", "chat_template.json"),
)
_OURS = re.compile(r"model.*\.safetensors|.+\.json|.+\.tiktoken|.+\.txt|.+\.jinja")


def import_parts(
    language_model: Path | str,
    vision_tower: Path | str,
    adapter: Path | str | None,
    out: Path | str,
    *,
    image_token_id: int | None = None,
    max_shard_bytes: int = MAX_SHARD_BYTES,
    progress: Progress | None = None,
) -> None:
    """Join the three folders into `out`, which `load_checkpoint`, transformers and vLLM read.

    Everything is verified before anything is written; the files grow in `OUT.partial`, which becomes `out` at the end.
    What a killed import left there is removed. Without an adapter the projector is new and untrained.

    Args:
        image_token_id: see `load_parts`.
        progress: called with the bytes read and the bytes in all, after every tensor; what it raises ends the import.

    Raises:
        CheckpointError: a folder is incomplete, damaged or of another architecture, or `out` holds something already.
        WriteError, DiskFullError: `out` cannot be written. Nothing is left behind, as with every other error.
    """
    language_model, vision_tower = Path(language_model), Path(vision_tower)
    opened = open_parts(language_model, vision_tower, Path(adapter) if adapter else None, image_token_id=image_token_id)

    def describe(folder: Path) -> None:
        _write_processor(language_model, vision_tower, opened.config, folder)

    projector = new_projector(opened.model) if adapter is None else {}
    write_llava(opened, Path(out), describe, projector=projector, max_shard_bytes=max_shard_bytes, progress=progress)


def import_adapter(
    base: Path | str,
    adapter: Path | str,
    out: Path | str,
    *,
    max_shard_bytes: int = MAX_SHARD_BYTES,
    progress: Progress | None = None,
) -> None:
    """Add an adapter to a folder in the LLaVA layout; raises, and takes the other arguments, as import_parts.

    The LoRA is merged into the weights, which keep the dtype that they are stored in; the adapter's projector takes the
    place of the folder's own.
    """
    base = Path(base)
    opened = open_adapted(base, Path(adapter))

    def describe(folder: Path) -> None:
        copy_companions(base, folder, opened.config)

    write_llava(opened, Path(out), describe, extra=own_fields(base), max_shard_bytes=max_shard_bytes, progress=progress)


def write_llava(
    opened: Opened,
    out: Path,
    describe: Callable[[Path], None],
    *,
    projector: Mapping[str, torch.Tensor] | None = None,
    dtype: torch.dtype | None = None,
    extra: Mapping[str, Any] | None = None,
    max_shard_bytes: int = MAX_SHARD_BYTES,
    progress: Progress | None = None,
) -> None:
    """Write an opened checkpoint in the LLaVA layout, a tensor at a time; see import_parts.

    Args:
        describe: writes the tokenizer's and the processor's files into the folder that it is given.
        projector: new weights for a projector that the checkpoint does not have.
        dtype: None keeps what each weight is stored in.
        extra: what config.json holds beside the configuration.

    Raises:
        CheckpointError, WriteError, DiskFullError: see import_parts.
    """
    out = out.absolute()
    partial = _prepare(out)
    # Wide dtypes first, which keeps every tensor in the file aligned; otherwise in the order of the shards.
    jobs = sorted(opened.jobs, key=lambda job: 0 if dtype else -job.source.dtype.itemsize)
    projector = projector or {}
    announced = [NewTensor(saved_name(name), tuple(t.shape), dtype or t.dtype) for name, t in projector.items()] + [
        NewTensor(saved_name(target), shape, dtype or job.source.dtype)
        for job in jobs
        for target, shape in zip(job.targets, job.shapes, strict=True)
    ]
    needed = sum(tensor.nbytes for tensor in announced)
    try:
        if shutil.disk_usage(out.parent).free < needed:
            raise DiskFullError(f"the disk has less room than the {needed / 1e9:.1f} GB needed", path=out.parent)
        partial.mkdir()
        describe(partial)
        write_shards(partial, announced, _stream(projector, jobs, dtype, progress), max_shard_bytes=max_shard_bytes)
        write_json(partial / "generation_config.json", dict(opened.generation))
        embedding = next(job for job in jobs if "language_model.embed_tokens.weight" in job.targets)
        fields = config_fields(opened.config, dtype or embedding.source.dtype)
        write_json(partial / "config.json", {**fields, **(extra or {})})
        if out.is_dir():
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise write_error(out, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _stream(
    projector: Mapping[str, torch.Tensor], jobs: list[Job], dtype: torch.dtype | None, progress: Progress | None
) -> Iterator[torch.Tensor]:
    for tensor in projector.values():
        yield tensor.to(dtype or tensor.dtype)
    done, total = 0, sum(job.nbytes for job in jobs)
    for job in jobs:
        for _, tensor in job.read():
            yield tensor.to(dtype or job.source.dtype)
            del tensor  # before the next one is read
        done += job.nbytes
        if progress is not None:
            progress(done, total)


def _prepare(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CheckpointError("is there already and not empty", path=out, hint="Name a new folder, or remove this one.")
    partial = out.with_name(out.name + ".partial")
    try:
        if partial.exists():
            if not partial.is_dir() or not all(map(_is_ours, partial.iterdir())):
                raise CheckpointError("is in the way", path=partial, hint="Remove it, or name another folder.")
            shutil.rmtree(partial)
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(partial, error) from error
    return partial


def _is_ours(path: Path) -> bool:
    return _OURS.fullmatch(path.name) is not None if path.is_file() else path.name == TEXT_TOWER


def _write_processor(language_model: Path, vision_tower: Path, config: MQwenConfig, target: Path) -> None:
    processor = MQwenProcessor.from_parts(language_model, vision_tower, config)  # refuses what could not be loaded
    tokenizer = tokenizer_file(language_model)
    if tokenizer is not None and tokenizer.name == QWEN1_FILE:
        # transformers reads this kind with the model's own code only: it gets a tokenizer.json, and the original's
        # prompt as chat template.
        processor.save_pretrained(target)
        return
    for name in _TOKENIZER_FILES:
        if not (language_model / name).is_file():
            continue
        if name.endswith("_config.json"):
            write_json(target / name, _without_code(read_json(language_model / name)))
        else:
            shutil.copyfile(language_model / name, target / name)
    settings, _ = read_image_settings(vision_tower)
    if settings is not None:
        write_json(target / "preprocessor_config.json", _without_code(settings))


def _without_code(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "auto_map"}  # it names code that is not copied
