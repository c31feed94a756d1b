"""Recognise, verify and load a checkpoint folder; save one.

Every function raises CheckpointError, naming the file and the tensor, for a folder that is incomplete, damaged or of
another architecture. Headers are checked before any weight is read; NaN and infinite values are found while they are
read. No code in a model folder is run, and `auto_map` is ignored.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mqwen.errors import InputError
from mqwen.model.adapter import open_adapter
from mqwen.model.assembly import Job, Part, expected_shapes, fit_lora, meta_model, plan, settle_head
from mqwen.model.config import MQwenConfig
from mqwen.model.config_files import config_fields, generation_fields, generation_of, marker_of
from mqwen.model.layouts import (
    LLAVA,
    PROJECTOR,
    VISION,
    language_layout,
    llava_config,
    original_config,
    saved_name,
    text_config_of,
    vision_config_of,
)
from mqwen.model.quantize import fill, quantize_, share_head
from mqwen.model.report import CheckpointReport, report_of
from mqwen.model.shards import MAX_SHARD_BYTES, NewTensor, write_error, write_json, write_shards
from mqwen.model.splice import MQwenForConditionalGeneration
from mqwen.model.tensors import find_weights, naming, read_json

_SAVED_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?")

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all, after every tensor; an exception from it ends the work."""


@dataclass(frozen=True)
class Opened:
    """A verified checkpoint of which only headers were read."""

    config: MQwenConfig
    model: MQwenForConditionalGeneration  # on the meta device
    jobs: list[Job]
    generation: Mapping[str, Any]  # the ids in generation_config.json


def load_checkpoint(
    folder: Path | str,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    progress: Progress | None = None,
    quantize: str = "none",
) -> MQwenForConditionalGeneration:
    """Load a folder in the LLaVA layout, in any of its spellings, for inference.

    Beside the model, one tensor is in memory at a time.

    Args:
        dtype: precision of what is not quantised, and of activations.
        quantize: see mqwen.model.quantize; the model is never there in full precision.

    Raises:
        CheckpointError: see the module.
        InputError, DeviceError: see quantize_().
    """
    return _materialise(open_checkpoint(Path(folder)), dtype, torch.device(device), progress, quantize)


def load_parts(
    language_model: Path | str,
    vision_tower: Path | str,
    adapter: Path | str | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
    image_token_id: int | None = None,
    progress: Progress | None = None,
) -> MQwenForConditionalGeneration:
    """Load the original layout: a Qwen folder, a CLIP folder, an adapter folder (LoRA, which is merged, and projector).

    Without an adapter the projector is new and untrained: the start of a training.

    Args:
        image_token_id: the marker; by default the one that the language model's tokenizer names, else 151646, which is
            Qwen-1's <|extra_0|>.

    Raises:
        CheckpointError: see the module.
    """
    opened = open_parts(
        Path(language_model), Path(vision_tower), Path(adapter) if adapter else None, image_token_id=image_token_id
    )
    return _materialise(opened, dtype, torch.device(device), progress)


def save_checkpoint(
    model: MQwenForConditionalGeneration, folder: Path | str, *, max_shard_bytes: int = MAX_SHARD_BYTES
) -> None:
    """Write config.json, generation_config.json and the weights in the LLaVA layout, spelled as in transformers 4.4x.

    All files are written aside first and then put in place, config.json last. Weights that an earlier save left under
    other names are removed at the end, other files stay.

    Raises:
        InputError: the model is quantised.
        WriteError, DiskFullError: the folder cannot be written; while files are written aside, which is when a disk
            gets full, what stood there before is untouched.
    """
    if (kind := getattr(model, "quantize", "none")) != "none":
        raise InputError(f"a model in {kind} cannot be saved", hint="Load it without quantisation.")
    folder = Path(folder)
    state = model.state_dict()
    names = sorted(expected_shapes(model), key=lambda name: -state[name].dtype.itemsize)
    announced = [NewTensor(saved_name(name), tuple(state[name].shape), state[name].dtype) for name in names]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
    except OSError as error:
        raise write_error(folder, error) from error
    try:
        files = write_shards(aside, announced, (state[name] for name in names), max_shard_bytes=max_shard_bytes)
        write_json(aside / "generation_config.json", generation_fields(model.generation_config.to_dict()))
        write_json(aside / "config.json", config_fields(model.config, model.lm_head.weight.dtype))
        for name in (*files, "generation_config.json", "config.json"):
            (aside / name).replace(folder / name)
        for stale in folder.iterdir():
            if _SAVED_WEIGHTS.fullmatch(stale.name) and stale.name not in files:
                stale.unlink()
    except OSError as error:
        raise write_error(folder, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def inspect_checkpoint(folder: Path | str) -> CheckpointReport:
    """Verify a folder in the LLaVA layout and say what it holds and needs. Reads configs and headers only.

    Raises:
        CheckpointError: see the module.
    """
    folder = Path(folder)
    opened = open_checkpoint(folder, headers_only=True)
    stored = sum(job.nbytes for job in opened.jobs)
    return report_of(opened.config, expected_shapes(opened.model), layout="llava", stored_bytes=stored, folder=folder)


def open_checkpoint(folder: Path, *, headers_only: bool = False) -> Opened:
    """Verify a folder in the LLaVA layout by its config and its headers (and see `settle_head`)."""
    path = folder / "config.json"
    fields = read_json(path)
    with naming(path):
        config = llava_config(fields)
    part = Part(find_weights(folder), LLAVA, {})
    return _open(config, [part], path, generation_of(folder), compare_head=not headers_only)


def open_adapted(folder: Path, adapter: Path) -> Opened:
    """Verify a folder in the LLaVA layout with an adapter whose LoRA is added and whose projector takes the place of
    the folder's own."""
    path = folder / "config.json"
    with naming(path):
        config = llava_config(read_json(path))
    opened, weights = open_adapter(adapter), find_weights(folder)
    for name in [name for name in weights.tensors if "multi_modal_projector." in name]:
        del weights.tensors[name]
    parts = [Part(weights, LLAVA, opened.lora), Part(opened.projector, PROJECTOR, {})]
    return _open(config, parts, path, generation_of(folder))


def open_parts(
    language_model: Path, vision_tower: Path, adapter: Path | None, *, image_token_id: int | None = None
) -> Opened:
    """Verify the three folders of the original layout by their configs and headers."""
    path = language_model / "config.json"
    fields, vision_fields = read_json(path), read_json(vision_tower / "config.json")
    with naming(path):
        text_config_of(fields)
    with naming(vision_tower / "config.json"):
        vision_config_of(vision_fields)
    marker = marker_of(language_model) if image_token_id is None else image_token_id
    with naming(path):
        config = llava_config(original_config(fields, vision_fields, image_token_id=marker))
    opened = open_adapter(adapter) if adapter else None
    parts = [
        Part(find_weights(language_model), language_layout(fields), opened.lora if opened else {}),
        Part(find_weights(vision_tower), VISION, {}),
    ]
    if opened:
        parts.append(Part(opened.projector, PROJECTOR, {}))
    return _open(config, parts, path, generation_of(language_model))


def _open(
    config: MQwenConfig, parts: Sequence[Part], path: Path, generation: Mapping[str, Any], *, compare_head: bool = True
) -> Opened:
    parts = [fit_lora(part) for part in parts]
    settle_head(config, parts, compare=compare_head)
    with naming(path):
        model = meta_model(config)
    expected = expected_shapes(model)
    if not any("multi_modal_projector." in part.layout.owns for part in parts):
        expected = {name: shape for name, shape in expected.items() if not name.startswith("multi_modal_projector.")}
    return Opened(config, model, plan(parts, expected), generation)


def _materialise(
    opened: Opened, dtype: torch.dtype, device: torch.device, progress: Progress | None, quantize: str = "none"
) -> MQwenForConditionalGeneration:
    model = opened.model
    quantize_(model, quantize, dtype)
    done, total = 0, sum(job.nbytes for job in opened.jobs)
    for job in opened.jobs:
        # Neither slices of one fused tensor nor a file's pages may stay behind the parameters.
        copy = device.type == "cpu" and (len(job.targets) > 1 or job.source.start is None)
        for name, tensor in job.read():
            module, _, leaf = name.rpartition(".")
            if not fill(model.get_submodule(module), leaf, tensor, dtype, device):
                _set_parameter(model, name, tensor.to(device, dtype, copy=copy))
        done += job.nbytes
        if progress is not None:
            progress(done, total)
    if model.multi_modal_projector.linear_1.weight.is_meta:
        for name, tensor in new_projector(model).items():
            _set_parameter(model, name, tensor.to(device, dtype))
    share_head(model)
    model.tie_weights()
    _compute_buffers(model, device)
    model.config.dtype = dtype
    for name, value in opened.generation.items():
        setattr(model.generation_config, name, value)
    return model.eval()


def new_projector(model: MQwenForConditionalGeneration) -> dict[str, torch.Tensor]:
    """Fresh weights for the projector, the same every time: N(0, 0.01), bias 0 (facts: the original's start)."""
    generator = torch.Generator().manual_seed(0)
    std = model.multi_modal_projector.INIT_STD
    return {
        f"multi_modal_projector.{name}": torch.zeros(p.shape)
        if name.endswith("bias")
        else torch.empty(p.shape).normal_(0, std, generator=generator)
        for name, p in model.multi_modal_projector.named_parameters()
    }


def _set_parameter(model: nn.Module, name: str, tensor: torch.Tensor) -> None:
    module, _, leaf = name.rpartition(".")
    setattr(model.get_submodule(module), leaf, nn.Parameter(tensor))


def _compute_buffers(model: nn.Module, device: torch.device) -> None:
    """Give the buffers that no file holds their values: RoPE's frequencies and the vision tower's position numbers."""
    for module in model.modules():
        if hasattr(module, "inv_freq"):
            fresh = type(module)(module.config).to(device)
            module.inv_freq, module.original_inv_freq = fresh.inv_freq, fresh.original_inv_freq
        if isinstance(position_ids := getattr(module, "position_ids", None), torch.Tensor):
            module.position_ids = torch.arange(position_ids.shape[-1], device=device).unsqueeze(0)
    remaining = [name for name, buffer in model.named_buffers() if buffer.is_meta]
    assert not remaining, remaining
