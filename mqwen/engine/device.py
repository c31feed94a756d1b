"""What runs where: device, precision, quantisation, and what becomes of a model larger than the card.

Everything is decided here before anything is loaded, from the memory that is free and what model and captions need.
On a card, the first of these that fits:

    resident    all weights on the card: in 16 bits, else int8, else nf4
    streamed    the layers in pinned main memory, copied in turns while the one before computes (offload.py)
    offload     accelerate's: some layers on the card, the others copied when their turn comes, without overlap
    processor   fp32, else int8, else bf16

Precision is never given up for speed: only what does not fit is quantised, and a precision or quantisation that the
user asked for is kept. Quantising comes before streaming, which has to copy the weights at every step.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mqwen.engine.cards import cuda_device, has_bf16, has_int8
from mqwen.engine.cards import why_no_cuda as why_no_cuda
from mqwen.engine.memory import free_bytes as free_bytes
from mqwen.engine.memory import out_of_memory as out_of_memory
from mqwen.engine.memory import readable as readable
from mqwen.engine.memory import slot_bytes, working_bytes
from mqwen.errors import DeviceError, InputError
from mqwen.model.quantize import KINDS, Kind, require_nf4

if TYPE_CHECKING:
    from mqwen.model.report import CheckpointReport

PRECISIONS = {torch.float32: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}
_MOST_NEW_TOKENS = 256  # that a plan leaves room for
# Of a card's free memory, what weights may take where nothing is known of the captions' needs.
_WEIGHTS_SHARE = 0.8
_RESIDENT_SHARE = 0.6  # when layers take turns on the card, one that visits needs room too
_ROWS_SHARE = 0.9
_CARD_SHARE = 0.97  # of its free memory, what can really be had: the allocator leaves gaps
_MEMORY_SHARE = 0.9  # of free main memory, when all weights are there: swapping is worse than being refused
_PINNED_SHARE = 0.6  # torch pins in powers of two: a layer may take up to twice its size
_FEWEST_SLOTS = 4
_CPU_BATCH = 32  # more rows gain little on a processor, and the first caption would come late
_CUDA_BATCH = 64
_STREAMED_BATCH = 256  # each copy of the weights is shared by all rows
_BF16_PROBE = (
    "import torch; x = torch.ones(64, 64, dtype=torch.bfloat16); torch.nn.Linear(64, 64, dtype=torch.bfloat16)(x)"
)


@dataclass(frozen=True)
class Budget:
    """The memory that a plan counts with, in bytes.

    Attributes:
        free: on the device, when the plan was made.
        weights: of the model, all of them.
        working: beside weights and captions.
        slot: of one caption while it is written, its keys and values above all.
        slots: captions at a time; None where weights take turns, and what is left for captions shows when they do.
    """

    free: int
    weights: int
    working: int
    slot: int
    slots: int | None

    def describe(self) -> str:
        """Say it in plain words."""
        turns, slots = (" in turns", "") if self.slots is None else ("", f"; up to {self.slots} captions at a time")
        return (
            f"of {readable(self.free)} free, weights take {readable(self.weights)}{turns}, "
            f"computing {readable(self.working)}, each caption {readable(self.slot)}{slots}"
        )


@dataclass(frozen=True)
class Plan:
    """Where a model runs.

    Attributes:
        device: where its inputs go and its layers are computed.
        dtype: precision of activations, and of weights that are not quantised.
        offload: weights that do not fit the card wait in main memory and are copied in when their layer's turn comes.
        note: what the user should know about a choice that was not theirs, empty if there is nothing.
        quantize: "none", "int8" or "nf4", see mqwen.model.quantize.
        streamed: with offload: layers come through pinned memory, the next one while this one computes.
        budget: its memory, where that is known: not without a checkpoint.
    """

    device: torch.device
    dtype: torch.dtype
    offload: bool = False
    note: str = ""
    quantize: Kind = "none"
    streamed: bool = False
    budget: Budget | None = field(default=None, compare=False)

    def describe(self) -> str:
        """Say it in plain words, for the terminal and the window."""
        if self.device.type != "cuda":
            where = f"the processor ({torch.get_num_threads()} threads)"
        else:
            where = torch.cuda.get_device_name(self.device)
            if self.streamed:
                where += ", layer after layer from main memory (the model is larger than the card)"
            elif self.offload:
                where += " and main memory in turns (the model is larger than the card)"
        weights = "" if self.quantize == "none" else f"weights in {self.quantize}, "
        return f"{where}, {weights}{str(self.dtype).removeprefix('torch.')}" + (f"; {self.note}" if self.note else "")

    def describe_memory(self) -> str:
        """Say what memory it takes, for the terminal; empty where nobody knows."""
        return "" if self.budget is None else self.budget.describe()


def choose_device(requested: str = "auto", need_bytes: int | None = None) -> torch.device:
    """Return the device for a model of `need_bytes` bytes of weights; see plan(). Raises DeviceError."""
    return plan(requested, dict.fromkeys(PRECISIONS.values(), need_bytes) if need_bytes else None).device


def plan_for(
    report: CheckpointReport, requested: str = "auto", dtype: torch.dtype | None = None, quantize: str | None = None
) -> Plan:
    """plan() for a checkpoint, with room for its captions."""
    chosen = plan(
        requested,
        report.memory,
        dtype,
        quantize=quantize,
        beside_weights=_beside_weights(report.config, dtype or torch.bfloat16, torch.device("cuda")),
        beside_on_processor=_beside_weights(report.config, dtype or torch.float32, torch.device("cpu")),
    )
    return replace(chosen, budget=_budget(chosen, report))


def plans_for(
    report: CheckpointReport, requested: str = "auto", dtype: torch.dtype | None = None, quantize: str | None = None
) -> list[Plan]:
    """Return a plan for each card that can do the same as the best one; else the one plan.

    A model that does not fit one card is not parted among several.

    Raises:
        DeviceError: as plan().
    """
    best = plan_for(report, requested, dtype, quantize)
    if requested != "auto" or best.device.type != "cuda" or best.offload:
        return [best]
    others = []
    for index in range(torch.cuda.device_count()):
        if index == best.device.index:
            continue
        try:
            other = plan_for(report, f"cuda:{index}", dtype, quantize)
        except DeviceError:
            continue
        if replace(other, device=best.device, note=best.note) == best:
            others.append(other)
    return [best, *others]


def plan(
    requested: str = "auto",
    memory: Mapping[str, int] | None = None,
    dtype: torch.dtype | None = None,
    *,
    quantize: str | None = None,
    beside_weights: int | None = None,
    beside_on_processor: int = 0,
) -> Plan:
    """Choose device, precision and quantisation.

    "auto" takes the CUDA card with the most free memory. Precision is bf16 on cards that have it, otherwise fp16; fp32
    on the processor, where half precision is slower or, on some machines, deadly. For what happens to a model that
    does not fit so, see the module.

    Args:
        requested: "auto", "cpu", "cuda" or "cuda:N".
        memory: bytes of the model's weights by precision, as in CheckpointReport; without it a model is taken to fit.
        dtype: precision asked for; None chooses. Asked for, the model is not quantised unless `quantize` says so.
        quantize: "none", "int8" or "nf4"; None: as far as the memory demands it.
        beside_weights: bytes that captions need on a card beside the weights; None: a share of the card.
        beside_on_processor: the same in main memory.

    Raises:
        DeviceError: the device is unknown or not in this machine, or the model does not fit there.
        InputError: an unknown quantisation.
    """
    if quantize is not None and quantize not in KINDS:
        raise InputError(f"quantisation {quantize!r} is not known", hint=f"Take one of {', '.join(KINDS)}.")
    if requested == "cpu" or (requested == "auto" and not torch.cuda.is_available()):
        return _on_cpu(dtype, memory, quantize, beside_on_processor)
    device = cuda_device(requested)
    precision = dtype or (torch.bfloat16 if has_bf16(device) else torch.float16)
    kinds = _kinds_on(device, dtype, quantize)
    if memory is None:
        return Plan(device, precision, quantize=kinds[0])
    free = free_bytes(device)
    room = free * _WEIGHTS_SHARE if beside_weights is None else free * _CARD_SHARE - beside_weights
    needs = {kind: need for kind in kinds if (need := _need(memory, precision, kind)) is not None}
    note = f"it needs {readable(needs[kinds[0]])}, {readable(free)} are free on the card"
    for kind, need in needs.items():
        if need <= room:
            return Plan(device, precision, quantize=kind, note="" if kind == kinds[0] else note)
    spread_over = _spread_over(needs, free)
    if spread_over is not None:
        kind, streamed = spread_over
        return Plan(device, precision, offload=True, note=note, quantize=kind, streamed=streamed)
    if requested != "auto" or quantize == "nf4":
        raise DeviceError(
            f"the model needs {readable(min(needs.values()))} and {readable(free)} are free on {device}",
            hint="Close other programs, or take a smaller model.",
        )
    return _on_cpu(dtype, memory, quantize, beside_on_processor)


def auto_batch_size(model: nn.Module, plan: Plan, max_new_tokens: int) -> int:
    """Return how many pictures at a time suit the device: what its memory has room for, few on a processor.

    A batch that turns out too large is halved by the Captioner, so an estimate is enough.
    """
    config: Any = model.config
    return _slots_in(free_bytes(plan.device), plan, config, max_new_tokens)


def spread(model: nn.Module, plan: Plan) -> None:
    """Put on the plan's card what fits; the other layers wait in main memory and take turns.

    Raises:
        DeviceError: not even a part of the model fits the card.
    """
    if plan.streamed:
        from mqwen.engine.offload import stream

        config: Any = model.config
        slots = _STREAMED_BATCH // 4 * slot_bytes(config, plan.dtype, _MOST_NEW_TOKENS, plan.device)
        beside = slots + working_bytes(config, plan.device)
        stream(model, plan.device, int(free_bytes(plan.device) * _CARD_SHARE) - beside)
        return
    from accelerate import dispatch_model

    layout = layout_of(model, plan, int(free_bytes(plan.device) * _RESIDENT_SHARE))
    dispatch_model(model, layout, main_device=plan.device)


def layout_of(model: nn.Module, plan: Plan, card_bytes: int) -> dict[str, int | str]:
    """Return where each part of a model stays, the card's number or "cpu", with at most `card_bytes` on the card."""
    from accelerate import infer_auto_device_map

    memory: dict[int | str, int] = {plan.device.index: card_bytes, "cpu": free_bytes(torch.device("cpu"))}
    whole: Any = getattr(model, "_no_split_modules", None) or []
    return dict(infer_auto_device_map(model, max_memory=memory, no_split_module_classes=list(whole), dtype=plan.dtype))


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


def _beside_weights(config: Any, dtype: torch.dtype, device: torch.device) -> int:
    """Return the bytes that captions need at least beside the weights."""
    return _FEWEST_SLOTS * slot_bytes(config, dtype, _MOST_NEW_TOKENS, device) + working_bytes(config, device)


def _slots_in(free: int, plan: Plan, config: Any, max_new_tokens: int) -> int:
    """Return how many captions at a time have room in what weights leave free, and are of use."""
    if plan.device.type == "cuda":
        most = _STREAMED_BATCH if plan.streamed else _CUDA_BATCH
    else:
        most = _CPU_BATCH
    room = int(free * _ROWS_SHARE) - working_bytes(config, plan.device)
    return max(1, min(most, room // slot_bytes(config, plan.dtype, max_new_tokens, plan.device)))


def _budget(plan: Plan, report: CheckpointReport) -> Budget | None:
    """Return what a plan counts with, before anything is loaded; None where nobody knows what the weights take."""
    weights = _need(report.memory, plan.dtype, plan.quantize)
    if weights is None:
        return None
    free = free_bytes(plan.device)
    return Budget(
        free,
        weights,
        working_bytes(report.config, plan.device),
        slot_bytes(report.config, plan.dtype, _MOST_NEW_TOKENS, plan.device),
        None if plan.offload else _slots_in(free - weights, plan, report.config, _MOST_NEW_TOKENS),
    )


def _need(memory: Mapping[str, int] | None, precision: torch.dtype, kind: Kind) -> int | None:
    """Return the bytes of the weights, None where nobody knows them."""
    return 0 if memory is None else memory.get(PRECISIONS[precision] if kind == "none" else kind)


def _kinds_on(device: torch.device, dtype: torch.dtype | None, quantize: str | None) -> list[Kind]:
    """Return the ways of keeping weights that may be tried on a card, the best first. Raises DeviceError."""
    if quantize == "nf4":
        require_nf4()
    if quantize == "int8" and not has_int8(device):
        raise DeviceError("int8 needs a card of compute capability 7.5 or more", hint="Take --quantize nf4 or none.")
    if quantize is not None or dtype is not None:
        return [kind for kind in KINDS if kind == (quantize or "none")]
    return ["none", *_possible(device)]


def _possible(device: torch.device) -> Iterator[Kind]:
    if has_int8(device):
        yield "int8"
    try:
        require_nf4()
    except DeviceError:
        return
    yield "nf4"


def _spread_over(needs: Mapping[Kind, int], free: int) -> tuple[Kind, bool] | None:
    """Return the quantisation in which a model fits card and main memory together, and whether it can be streamed.

    The smaller one first: copying to the card is what takes the time. bitsandbytes' weights cannot be copied so.
    """
    host = free_bytes(torch.device("cpu"))
    for kind in ("int8", "none"):
        if kind in needs and needs[kind] <= host * _PINNED_SHARE:
            return kind, True
    if "none" in needs and needs["none"] <= (free + host) * _WEIGHTS_SHARE:
        return "none", False
    return None


def _on_cpu(
    dtype: torch.dtype | None, memory: Mapping[str, int] | None, quantize: str | None, beside_weights: int
) -> Plan:
    cpu = torch.device("cpu")
    free = free_bytes(cpu)
    if quantize == "nf4":
        raise DeviceError("nf4 runs on CUDA cards only", hint="Take --quantize int8, or none.")
    note = ""
    if dtype == torch.bfloat16 and not bf16_works_on_cpu():
        dtype, note = torch.float32, "bfloat16 does not work on this processor"
    precision = dtype or torch.float32
    choices: list[tuple[torch.dtype, Kind]] = [(precision, "int8" if quantize == "int8" else "none")]
    if dtype is None and quantize is None:
        choices += [(torch.float32, "int8"), (torch.bfloat16, "none")]
    first = _need(memory, *choices[0]) or 0
    for precision, kind in choices:
        wanted = _need(memory, precision, kind)
        # Linux lets a process allocate more than there is, and kills it later: nothing could be caught then.
        if wanted is None or wanted + beside_weights > free * _MEMORY_SHARE:
            continue
        if precision == torch.bfloat16 and not bf16_works_on_cpu():
            note = "bfloat16, in which it would fit, does not work on this processor"
            continue
        if (precision, kind) != choices[0]:
            note = f"float32 needs {readable(first)}, {readable(free)} are free"
        return Plan(cpu, precision, note=note, quantize=kind)
    precision, kind = choices[0]
    name = str(precision).removeprefix("torch.") if kind == "none" else kind
    raise DeviceError(
        f"the model needs {readable(first)} in {name}"
        + (f", its captions {readable(beside_weights)}," if beside_weights else "")
        + f" and {readable(free)} of main memory are free"
        + (f"; {note}" if note else ""),
        hint="Close other programs, or take a smaller model.",
    )
