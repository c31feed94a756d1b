"""Where a tuning runs and in which precision, and whether it fits there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from mqwen.engine import device as devices
from mqwen.errors import DeviceError, InputError
from mqwen.model.checkpoint import inspect_checkpoint
from mqwen.model.config import MQwenConfig
from mqwen.training.lora import LoraSettings

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}
_BYTES_TRAINED = 16  # weight, gradient and AdamW's two moments, each float32


@dataclass(frozen=True)
class Machine:
    """The device of this process, and what the frozen weights are stored in."""

    device: torch.device
    dtype: torch.dtype

    def describe(self) -> str:
        """In plain words."""
        where = "the processor" if self.device.type == "cpu" else torch.cuda.get_device_name(self.device)
        return f"{where}, {str(self.dtype).removeprefix('torch.')}"


def choose_machine(folder: Path, requested: str, precision: str, lora: LoraSettings) -> Machine:
    """Choose device and precision: bfloat16 on cards that have it, else float32. Where several processes were started
    (accelerate launch, torchrun), each takes the card of its number.

    Raises:
        InputError: the precision is unknown.
        DeviceError: the device is not there, cannot compute so, or has less memory than weights, gradients and the
            optimizer need.
    """
    if precision not in ("auto", *PRECISIONS):
        raise InputError(f"precision {precision!r} is not known", hint=f"Take auto or {', '.join(PRECISIONS)}.")
    if "LOCAL_RANK" in os.environ and requested == "auto" and torch.cuda.is_available():
        requested = f"cuda:{os.environ['LOCAL_RANK']}"
    device = devices.choose_device(requested)
    has_bf16 = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    dtype = PRECISIONS.get(precision, torch.bfloat16 if has_bf16 else torch.float32)
    if dtype == torch.bfloat16 and device.type == "cpu" and not devices.bf16_works_on_cpu():
        raise DeviceError("bfloat16 does not work on this processor", hint="Leave --precision away, or take fp32.")
    report = inspect_checkpoint(folder)
    need = report.memory[devices.PRECISIONS[dtype]] + _BYTES_TRAINED * trained_parameters(report.config, lora)
    free = devices.free_bytes(device)
    if need > free:
        raise DeviceError(
            f"training needs {devices.readable(need)} beside its activations, {devices.readable(free)} are free on "
            f"{device}",
            path=folder,
            hint="Take a smaller model or a lower --rank, or close other programs.",
        )
    return Machine(device, dtype)


def trained_parameters(config: MQwenConfig, lora: LoraSettings) -> int:
    """How many weights a tuning of such a model trains: LoRA and projector."""
    text, hidden = config.text_config, config.text_config.hidden_size
    head_dim = getattr(text, "head_dim", None) or hidden // text.num_attention_heads
    outs = {
        "c_attn": head_dim * (text.num_attention_heads + 2 * text.num_key_value_heads),
        "w1": text.intermediate_size,
        "w2": text.intermediate_size,
    }
    matrices = text.num_hidden_layers * sum(lora.r * (hidden + outs[target]) for target in lora.targets)
    seen = config.vision_config.hidden_size * len(config.feature_layers)
    return matrices + seen * hidden + hidden * hidden + 2 * hidden * config.multimodal_projector_bias
