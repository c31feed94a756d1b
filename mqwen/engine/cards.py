"""The CUDA cards of this machine, and what each can compute."""

from __future__ import annotations

import torch

from mqwen.errors import DeviceError


def cuda_device(requested: str) -> torch.device:
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


def has_bf16(device: torch.device) -> bool:
    # Compute capability 8.0 (Ampere) is the first with bf16 units; before it torch emulates them, slowly.
    return torch.version.hip is not None or torch.cuda.get_device_capability(device) >= (8, 0)


def has_int8(device: torch.device) -> bool:
    return torch.version.hip is None and torch.cuda.get_device_capability(device) >= (7, 5)
