"""`mqwen doctor`: what this machine has, and what would run where."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Iterator
from typing import Any

from mqwen import __version__
from mqwen.errors import MqwenError
from mqwen.hub import find_model, installed_models, known_model, models_folder

_LABEL = 14


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "doctor",
        help="show what this machine has and what would run where",
        description="Show Python, PyTorch, devices, memory, the models here, and where each would run.",
    )
    parser.add_argument(
        "--model", help="tell of this model only: a folder, or a name that `mqwen models list` shows, here or not"
    )
    parser.add_argument("--device", default="auto", metavar="auto|cuda[:N]|cpu", help="where to run (default: auto)")
    parser.set_defaults(run=command)


def command(arguments: argparse.Namespace) -> int:
    """Run `mqwen doctor` and return its exit status: 1 if a model would not run."""
    for label, text in _machine():
        print(f"{label:<{_LABEL}}{text}", flush=True)
    print(f"{'models':<{_LABEL}}{models_folder()}")
    status = 0
    for name in [arguments.model] if arguments.model else installed_models():
        try:
            text = _model(name, arguments.device)
        except MqwenError as error:
            text, status = f"does not run: {error}", 1
        print(f"  {name}: {text}", flush=True)
    return status


def _machine() -> Iterator[tuple[str, str]]:
    import psutil  # type: ignore[import-untyped]
    import torch
    import transformers

    from mqwen.engine import device as devices

    yield "mqwen", __version__
    yield "python", f"{platform.python_version()} ({sys.executable})"
    yield "system", platform.platform()
    yield "torch", torch.__version__
    yield "transformers", transformers.__version__
    memory = psutil.virtual_memory()
    yield "processor", f"{os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads"
    yield "memory", f"{devices.readable(memory.available)} free of {devices.readable(memory.total)}"
    yield "bfloat16", "works on this processor" if devices.bf16_works_on_cpu() else "does not work on this processor"
    if not torch.cuda.is_available():
        yield "cuda", f"no: {devices.why_no_cuda()}"
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        yield (
            f"cuda:{index}",
            f"{torch.cuda.get_device_name(index)}, {devices.readable(free)} free of {devices.readable(total)}",
        )


def _model(name: str, device: str) -> str:
    from mqwen.engine import device as devices
    from mqwen.model.checkpoint import inspect_checkpoint

    known = known_model(name)
    report = None
    try:
        folder = find_model(name)
    except MqwenError:
        if known is None:
            raise
        memory = {precision: round(gb * 1e9) for precision, gb in known.memory_gb.items()}
        memory["fp16"] = memory["bf16"]
        parameters, tokens, where = known.parameters, known.image_tokens, "not here yet"
        cache = known.kv_cache_kb * 1024 * tokens
    else:
        report = inspect_checkpoint(folder)
        memory, parameters, where = dict(report.memory), report.parameters, str(folder)
        tokens = report.config.image_tokens
        cache = report.kv_cache_bytes * tokens
    plan = devices.plan_for(report, device) if report else devices.plan(device, memory)
    taken = f" ({plan.describe_memory()})" if plan.describe_memory() else ""
    weights = ", ".join(f"{name} {devices.readable(memory[name])}" for name in ("fp32", "bf16", "int8", "nf4"))
    return (
        f"{parameters / 1e6:.1f} million parameters, would run on {plan.describe()}{taken}; weights {weights}; "
        f"a picture takes {tokens} tokens, {devices.readable(cache)} ({where})"
    )
