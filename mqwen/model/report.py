"""What a checkpoint holds and needs, known from names and shapes alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from mqwen.model.adapter import pair_up
from mqwen.model.assembly import Part, Shape, expected_shapes, meta_model, plan, settle_head
from mqwen.model.config import MQwenConfig
from mqwen.model.layouts import LLAVA, PROJECTOR, VISION, Layout
from mqwen.model.tensors import StoredTensor, Weights

_PARTS = ("vision_tower", "multi_modal_projector", "language_model", "lm_head")
# bitsandbytes' 4-bit weights: half a byte each, and a float32 scale for every block of 64.
_NF4_BYTES = 0.5 + 4 / 64


@dataclass(frozen=True)
class CheckpointReport:
    """A verified checkpoint.

    Attributes:
        layout: `llava`, or `original` for parts that are not joined yet.
        parameters: how many weights the model has, a tied head counted once; by part in `parts`.
        stored_bytes: the weights in their files.
        memory: bytes that the weights take by precision: fp32, bf16, fp16, int8 (all but an untied embedding), nf4 (the
            language model's blocks; the rest stays bf16).
        kv_cache_bytes: per token and row, in 16 bits.
    """

    folder: Path | None
    layout: Literal["llava", "original"]
    config: MQwenConfig
    parameters: int
    parts: Mapping[str, int]
    stored_bytes: int
    memory: Mapping[str, int]
    kv_cache_bytes: int


def report_of(
    config: MQwenConfig,
    shapes: Mapping[str, Shape],
    *,
    layout: Literal["llava", "original"],
    stored_bytes: int,
    folder: Path | None = None,
) -> CheckpointReport:
    """Count what `shapes` (our names) hold and need."""
    sizes = {name: math.prod(shape) for name, shape in shapes.items()}
    total = sum(sizes.values())
    embedding = sizes["language_model.embed_tokens.weight"]
    blocks = sum(size for name, size in sizes.items() if name.startswith("language_model.layers."))
    text: Any = config.text_config
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return CheckpointReport(
        folder=folder,
        layout=layout,
        config=config,
        parameters=total,
        parts={part: sum(size for name, size in sizes.items() if name.startswith(part + ".")) for part in _PARTS},
        stored_bytes=stored_bytes,
        memory={
            "fp32": 4 * total,
            "bf16": 2 * total,
            "fp16": 2 * total,
            "int8": total + (embedding if "lm_head.weight" in sizes else 0),
            "nf4": 2 * (total - blocks) + round(_NF4_BYTES * blocks),
        },
        kv_cache_bytes=2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * 2,
    )


def dry_run(config: MQwenConfig, names_and_shapes: Mapping[str, Shape]) -> CheckpointReport:
    """Check the tensors that a LLaVA checkpoint would have against its configuration, without any file.

    Raises:
        CheckpointError: a tensor is missing, unexpected or of a wrong shape.
    """
    return _dry_run(config, [Part(_announced(names_and_shapes), LLAVA, {})], "llava")


def dry_run_parts(
    config: MQwenConfig,
    *,
    language_model: Mapping[str, Shape],
    language_layout: Layout,
    vision_tower: Mapping[str, Shape],
    projector: Mapping[str, Shape],
    lora: Mapping[str, Shape] | None = None,
    adapter_config: Mapping[str, Any] | None = None,
) -> CheckpointReport:
    """Like `dry_run` for the three folders of the original layout.

    Raises:
        CheckpointError: a tensor is missing, unexpected or of a wrong shape.
    """
    pairs = pair_up(adapter_config or {}, _announced(lora)) if lora is not None else {}
    parts = [
        Part(_announced(language_model), language_layout, pairs),
        Part(_announced(vision_tower), VISION, {}),
        Part(_announced(projector), PROJECTOR, {}),
    ]
    return _dry_run(config, parts, "original")


def _dry_run(config: MQwenConfig, parts: list[Part], layout: Literal["llava", "original"]) -> CheckpointReport:
    settle_head(config, parts, compare=False)
    shapes = expected_shapes(meta_model(config))
    jobs = plan(parts, shapes)
    return report_of(config, shapes, layout=layout, stored_bytes=sum(job.nbytes for job in jobs))


def _announced(names_and_shapes: Mapping[str, Shape]) -> Weights:
    path = Path("dry run")
    return Weights(
        path, {n: StoredTensor(n, tuple(shape), torch.bfloat16, path, 0) for n, shape in names_and_shapes.items()}
    )
