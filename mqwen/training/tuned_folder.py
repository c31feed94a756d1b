"""The result of a tuning: a model folder in the LLaVA layout, with the adapter of the original's layout inside.

OUT/                 what `mqwen caption --model OUT`, transformers and vLLM load; the LoRA is merged
OUT/adapter/         LoRA and projector alone; `mqwen models import --model BASE --adapter OUT/adapter` adds them to the
                     model that was tuned, and --language-model with --vision-tower to the folders that it was made of
OUT/training.jsonl   the log
OUT/training.json    the settings
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mqwen.errors import InputError
from mqwen.library.atomic import write_error
from mqwen.model.companions import copy_companions, own_fields
from mqwen.model.splice import MQwenForConditionalGeneration
from mqwen.model.tensors import read_json
from mqwen.training.lora import merge_lora, save_adapter

_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def check_free(out: Path) -> None:
    """Refuse a folder that holds something. Raises InputError."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("is there already and not empty", path=out, hint="Name a new folder, or remove this one.")


def save_tuned(
    model: MQwenForConditionalGeneration, base: Path, out: Path, *, log: Path, settings: Mapping[str, Any]
) -> None:
    """Write the folder; it appears whole or not at all. The model's LoRA is merged.

    Args:
        base: the folder of the model that was tuned. Weights are stored in its precision.

    Raises:
        InputError: `out` holds something.
        WriteError, DiskFullError: the folder cannot be written.
    """
    check_free(out)
    fields = read_json(base / "config.json")
    partial = out.with_name(f".{out.name}.mqwen-partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        save_adapter(model, partial / "adapter", base_model=str(base))
        merge_lora(model)
        stored = str(fields.get("dtype") or fields.get("torch_dtype") or "float32")
        model.to(_DTYPES.get(stored, torch.float32)).save_pretrained(partial)
        copy_companions(base, partial, model.config)
        if own := own_fields(base):
            _write(partial / "config.json", {**read_json(partial / "config.json"), **own})
        _write(partial / "training.json", {"base_model": str(base), **settings})
        shutil.copyfile(log, partial / "training.jsonl")
        if out.is_dir():
            out.rmdir()
        partial.rename(out)
    except OSError as error:
        raise write_error(error, out) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
