"""A model folder -> one in the spelling that transformers 4 and 5, vLLM and llama.cpp's converter read alike.

Public checkpoints spell their tensors in three ways (layouts.py), may be pickles, and may lack the processor's files.
What is exported is always: safetensors in the old LLaVA spelling, config.json with the fields of both transformers 4
and 5, tokenizer.json, chat template, image settings and processor_config.json.
"""

from __future__ import annotations

from pathlib import Path

import torch

from mqwen.errors import CheckpointError
from mqwen.model.checkpoint import Progress, open_checkpoint
from mqwen.model.importer import write_llava
from mqwen.model.processor import MQwenProcessor
from mqwen.model.shards import MAX_SHARD_BYTES


def export_checkpoint(
    folder: Path | str,
    out: Path | str,
    *,
    dtype: torch.dtype | None = None,
    max_shard_bytes: int = MAX_SHARD_BYTES,
    progress: Progress | None = None,
) -> None:
    """Write a model folder anew into `out`, a tensor at a time; `out` appears when it is complete.

    Args:
        dtype: precision of the weights; None keeps it.
        progress: called with the bytes read and the bytes in all, after every tensor; what it raises ends the export.

    Raises:
        CheckpointError: the folder is incomplete, damaged or of another architecture, or `out` holds something already.
        WriteError, DiskFullError: `out` cannot be written. Nothing is left behind, as with every other error.
    """
    folder = Path(folder)
    if Path(out).absolute().is_relative_to(folder.absolute()):
        raise CheckpointError("is inside the model that is exported", path=out, hint="Name another folder.")
    opened = open_checkpoint(folder)
    processor = MQwenProcessor.from_folder(folder, opened.config)
    write_llava(
        opened, Path(out), processor.save_pretrained, dtype=dtype, max_shard_bytes=max_shard_bytes, progress=progress
    )
