"""What runs where: device, precision, and whether a model larger than the card is spread over card and memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import psutil  # type: ignore[import-untyped]
import torch
from torch import nn

from mqwen.errors import DeviceError, InputError

PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
# Of a card's free memory, what weights may take: the rest is for the KV cache, activations and the allocator's gaps.
_WEIGHTS_SHARE = 0.8
_RESIDENT_SHARE = 0.6  # when layers take turns on the card, one that visits needs room too
_ROWS_SHARE = 0.7
_MEMORY_SHARE = 0.9  # of free main memory, when all weights are there: swapping is worse than being refused
_CPU_BATCH = 8  # more rows gain little on a processor, and the first caption would come late
_CUDA_BATCH = 64
_PROMPT_TOKENS = 64
# The processor's allocator, the driver beside torch's own allocator, and CUDA's libraries (CUBLAS_STATUS_ALLOC_FAILED).
_OUT_OF_MEMORY = ("DefaultCPUAllocator", "CUDA error: out of memory", "ALLOC_FAILED", "ALLOCATION_FAILED")
_BF16_PROBE = (
    "import torch; x = torch.ones(64, 64, dtype=torch.bfloat16); torch.nn.Linear(64, 64, dtype=torch.bfloat16)(x)"
)


@dataclass(frozen=True)
class Plan:
    """Where a model runs.

    Attributes:
        device: where its inputs go and its layers are computed.
        dtype: precision of weights and activations.
        offload: weights that do not fit the card wait in main memory and are copied in when their layer's turn comes.
        note: what the user should know about a choice that was not theirs, empty if there is nothing.
    """

    device: torch.device
    dtype: torch.dtype
    offload: bool = False
    note: str = ""

    def describe(self) -> str:
        """Say it in plain words, for the terminal and the window."""
        if self.device.type == "cuda":
            name = torch.cuda.get_device_name(self.device)
            where = f"{name} and main memory in turns (the model is larger than the card)" if self.offload else name
        else:
            where = f"the processor ({torch.get_num_threads()} threads)"
        return f"{where}, {str(self.dtype).removeprefix('torch.')}" + (f"; {self.note}" if self.note else "")


def choose_device(requested: str = "auto", need_bytes: int | None = None) -> torch.device:
    """Return the device for a model of `need_bytes` bytes of weights; see plan(). Raises DeviceError."""
    return plan(requested, dict.fromkeys(PRECISIONS.values(), need_bytes) if need_bytes else None).device


def plan(requested: str = "auto", memory: Mapping[str, int] | None = None, dtype: torch.dtype | None = None) -> Plan:
    """Choose device and precision.

    "auto" takes the CUDA card with the most free memory; a model that does not fit there is offloaded to main memory,
    and if it does not fit the two together, the processor takes it. Precision is bf16 on cards that have it, otherwise
    fp16; fp32 on the processor, where half precision is slower or, on some machines, deadly. A model that does not fit
    the free memory in fp32 runs there in bf16, if it fits so and the processor can.

    Args:
        requested: "auto", "cpu", "cuda" or "cuda:N".
        memory: bytes of the model's weights by precision, as in CheckpointReport; without it a model is taken to fit.
        dtype: precision asked for; None chooses.

    Raises:
        DeviceError: the device is unknown or not in this machine, or the model does not fit there.
    """
    if requested == "cpu" or (requested == "auto" and not torch.cuda.is_available()):
        return _on_cpu(dtype, memory)
    device = _cuda_device(requested)
    precision = dtype or (torch.bfloat16 if _has_bf16(device) else torch.float16)
    need = memory[PRECISIONS[precision]] if memory else 0
    free = free_bytes(device)
    if need <= free * _WEIGHTS_SHARE:
        return Plan(device, precision)
    if need <= free * _WEIGHTS_SHARE + free_bytes(torch.device("cpu")) * _WEIGHTS_SHARE:
        note = f"it needs {readable(need)}, {readable(free)} are free on the card"
        return Plan(device, precision, offload=True, note=note)
    if requested != "auto":
        raise DeviceError(
            f"the model needs {readable(need)} and {readable(free)} are free on {device}",
            hint="Close other programs, or take a smaller model.",
        )
    return _on_cpu(dtype, memory)


def free_bytes(device: torch.device) -> int:
    """Return the bytes of memory free for us on a device: what the driver has left, what our allocator keeps unused."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + unused
    return int(psutil.virtual_memory().available)


def auto_batch_size(model: nn.Module, plan: Plan, max_new_tokens: int) -> int:
    """Return how many pictures at a time suit the device: what its memory has room for on a card, few on a processor.

    A batch that turns out too large is halved by the Captioner, so an estimate is enough.
    """
    if plan.device.type != "cuda":
        return _CPU_BATCH
    config: Any = model.config
    text = config.text_config
    tokens = config.image_tokens + _PROMPT_TOKENS + max_new_tokens
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    kv_bytes = 2 * text.num_hidden_layers * text.num_key_value_heads * head_dim * plan.dtype.itemsize * tokens
    # The cache grows by concatenation, old and new side by side; a prefill's widest activations are fp32 gate and up.
    row_bytes = 2 * kv_bytes + 2 * 4 * tokens * text.intermediate_size
    return max(1, min(_CUDA_BATCH, int(free_bytes(plan.device) * _ROWS_SHARE) // row_bytes))


def spread(model: nn.Module, plan: Plan) -> None:
    """Put as many layers as fit on the plan's card; the others wait in main memory and take turns (accelerate)."""
    from accelerate import dispatch_model

    layout = layout_of(model, plan, int(free_bytes(plan.device) * _RESIDENT_SHARE))
    dispatch_model(model, layout, main_device=plan.device)


def layout_of(model: nn.Module, plan: Plan, card_bytes: int) -> dict[str, int | str]:
    """Return where each part of a model stays, the card's number or "cpu", with at most `card_bytes` on the card."""
    from accelerate import infer_auto_device_map

    memory: dict[int | str, int] = {plan.device.index: card_bytes, "cpu": free_bytes(torch.device("cpu"))}
    whole: Any = getattr(model, "_no_split_modules", None) or []
    return dict(infer_auto_device_map(model, max_memory=memory, no_split_module_classes=list(whole), dtype=plan.dtype))


def out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that memory ran out, on a card or in the machine (often an untyped RuntimeError)."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _OUT_OF_MEMORY)


def dtype_of(name: torch.dtype | str | None) -> torch.dtype | None:
    """Return a torch dtype by its name ("bfloat16", "float16", "float32"). Raises InputError."""
    if name is None or isinstance(name, torch.dtype):
        return name
    known = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}
    if name not in known:
        raise InputError(f"precision {name!r} is not known", hint=f"Take one of {', '.join(known)}.")
    return known[name]


@lru_cache(maxsize=1)
def bf16_works_on_cpu() -> bool:
    """Say whether this processor computes in bf16, tried in a process of its own.

    A virtual machine can advertise AMX that it does not have: the first bf16 product then dies with SIGILL (oneDNN
    #5689), which no exception handler sees.
    """
    done = subprocess.run([sys.executable, "-c", _BF16_PROBE], capture_output=True, timeout=120, check=False)
    return done.returncode == 0


def _on_cpu(dtype: torch.dtype | None, memory: Mapping[str, int] | None) -> Plan:
    cpu = torch.device("cpu")
    free = free_bytes(cpu)

    def fits(precision: torch.dtype) -> bool:
        # Linux lets a process allocate more than there is, and kills it later: nothing could be caught then.
        return memory is None or memory[PRECISIONS[precision]] <= free * _MEMORY_SHARE

    note = ""
    if dtype == torch.bfloat16 and not bf16_works_on_cpu():
        dtype, note = torch.float32, "bfloat16 does not work on this processor"
    precision = dtype or torch.float32
    if fits(precision):
        return Plan(cpu, precision, note=note)
    assert memory is not None
    need = memory[PRECISIONS[precision]]
    if dtype is None and fits(torch.bfloat16):
        if bf16_works_on_cpu():
            figures = f"float32 needs {readable(need)}, {readable(free)} are free"
            return Plan(cpu, torch.bfloat16, note=figures)
        note = "bfloat16, in which it would fit, does not work on this processor"
    name = str(precision).removeprefix("torch.")
    raise DeviceError(
        f"the model needs {readable(need)} in {name} and {readable(free)} of main memory are free"
        + (f"; {note}" if note else ""),
        hint="Close other programs, or take a smaller model.",
    )


def _cuda_device(requested: str) -> torch.device:
    try:
        device = torch.device("cuda" if requested == "auto" else requested)
    except RuntimeError:
        device = torch.device("meta")
    if device.type != "cuda":
        raise DeviceError(f"device {requested!r} is not known", hint="Take auto, cpu, cuda or cuda:N.")
    if not torch.cuda.is_available():
        raise DeviceError(f"device {requested!r} is not there", hint=why_no_cuda())
    count = torch.cuda.device_count()
    if device.index is None:
        return torch.device("cuda", max(range(count), key=lambda index: torch.cuda.mem_get_info(index)[0]))
    if device.index >= count:
        cards = "is only cuda:0" if count == 1 else f"are cuda:0 to cuda:{count - 1}"
        raise DeviceError(f"device {requested!r} is not there", hint=f"There {cards}.")
    return device


def why_no_cuda() -> str:
    """Return what the user can do about CUDA that is not available, one sentence."""
    if torch.version.cuda is None and torch.version.hip is None:
        return "This PyTorch is built for the processor only: install a CUDA build of it, or take --device cpu."
    return "PyTorch sees no working CUDA card: check the driver, or take --device cpu."


def _has_bf16(device: torch.device) -> bool:
    # Compute capability 8.0 (Ampere) is the first with bf16 units; before it torch emulates them, slowly.
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def readable(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
