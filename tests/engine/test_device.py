"""What runs where. The cards are described, not there: no test here computes on one."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from accelerate import cpu_offload
from PIL import Image

from mqwen.engine import device as devices
from mqwen.engine.captioner import Captioner
from mqwen.errors import DeviceError, InputError
from mqwen.model.checkpoint import inspect_checkpoint

GB = 10**9


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make torch see cards with so many bytes free, of the given compute capability, in a machine with 32 GB free."""

    def install(*free: int, capability: tuple[int, int] = (8, 6)) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(free))

        def memory(device: torch.device | int) -> tuple[int, int]:
            index = device if isinstance(device, int) else device.index
            return free[index], 2 * free[index]

        monkeypatch.setattr(torch.cuda, "mem_get_info", memory)
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 0)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 0)
        monkeypatch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda device: 1.0)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Card")
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=32 * GB))

    return install


@pytest.fixture
def no_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def free_memory(monkeypatch: pytest.MonkeyPatch, available: int) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=available))


def test_without_a_card_the_processor_takes_it_in_fp32(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    free_memory(monkeypatch, 32 * GB)
    plan = devices.plan("auto", {"fp32": 28 * GB, "bf16": 14 * GB})
    assert (plan.device, plan.dtype, plan.offload) == (torch.device("cpu"), torch.float32, False)
    assert "processor" in plan.describe() and "float32" in plan.describe()


def test_a_model_too_large_for_the_memory_in_fp32_runs_in_bf16(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    free_memory(monkeypatch, 16 * GB)
    monkeypatch.setattr(devices, "bf16_works_on_cpu", lambda: True)
    plan = devices.plan("auto", {"fp32": 28 * GB, "bf16": 14 * GB})
    assert (plan.device.type, plan.dtype) == ("cpu", torch.bfloat16)
    assert "28.0 GB" in plan.describe() and "16.0 GB" in plan.describe()
    with pytest.raises(DeviceError, match=r"28\.0 GB in float32"):  # asked for: not changed behind the user's back
        devices.plan("cpu", {"fp32": 28 * GB, "bf16": 14 * GB}, torch.float32)
    monkeypatch.setattr(devices, "bf16_works_on_cpu", lambda: False)
    with pytest.raises(DeviceError, match="bfloat16.*does not work"):
        devices.plan("auto", {"fp32": 28 * GB, "bf16": 14 * GB})


@pytest.mark.parametrize("requested", ["auto", "cpu"])
def test_a_model_too_large_for_the_memory_is_refused_with_figures(
    no_card: None, monkeypatch: pytest.MonkeyPatch, requested: str
) -> None:
    free_memory(monkeypatch, 16 * GB)
    with pytest.raises(DeviceError, match=r"1000000\.0 GB in float32 and 16\.0 GB") as caught:
        devices.plan(requested, {"fp32": 10**15, "bf16": 5 * 10**14})
    assert "smaller model" in str(caught.value)


@pytest.mark.parametrize("requested", ["cuda", "cuda:1"])
def test_a_card_asked_for_that_is_not_there_is_an_error(no_card: None, requested: str) -> None:
    with pytest.raises(DeviceError, match=requested):
        devices.plan(requested)


@pytest.mark.parametrize("requested", ["gpu", "tpu:0", "mps", "", "cuda:x"])
def test_an_unknown_device_is_an_error(cards: Any, requested: str) -> None:
    cards(8 * GB)
    with pytest.raises(DeviceError, match="not known"):
        devices.plan(requested)


def test_the_emptiest_card_takes_a_model_that_fits(cards: Any) -> None:
    cards(4 * GB, 24 * GB, 8 * GB)
    plan = devices.plan("auto", {"bf16": 16 * GB})
    assert (plan.device, plan.dtype, plan.offload) == (torch.device("cuda", 1), torch.bfloat16, False)
    assert plan.describe() == "Card, bfloat16"


def test_a_card_before_ampere_computes_in_fp16(cards: Any) -> None:
    cards(24 * GB, capability=(7, 5))
    assert devices.plan("cuda:0", {"fp16": GB}).dtype == torch.float16


def test_a_model_larger_than_the_card_is_offloaded_and_says_so(cards: Any) -> None:
    cards(8 * GB)
    plan = devices.plan("auto", {"bf16": 16 * GB})
    assert (plan.device.type, plan.offload) == ("cuda", True)
    assert "16.0 GB" in plan.describe() and "8.0 GB" in plan.describe()


@pytest.mark.parametrize("requested", ["auto", "cuda"])
def test_a_model_larger_than_card_and_memory_is_refused(cards: Any, requested: str) -> None:
    cards(8 * GB)
    with pytest.raises(DeviceError, match="00.0 GB"):
        devices.plan(requested, {"bf16": 100 * GB, "fp32": 200 * GB})


def test_a_model_that_only_main_memory_holds_goes_to_the_processor(cards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cards(GB)
    monkeypatch.setattr(devices, "bf16_works_on_cpu", lambda: True)
    plan = devices.plan("auto", {"bf16": 28 * GB, "fp32": 56 * GB})
    assert (plan.device.type, plan.dtype) == ("cpu", torch.bfloat16)


def test_a_card_number_that_is_too_high_is_an_error(cards: Any) -> None:
    cards(8 * GB)
    with pytest.raises(DeviceError, match="only cuda:0"):
        devices.plan("cuda:1")


def test_a_processor_that_dies_of_bf16_computes_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    devices.bf16_works_on_cpu.cache_clear()
    monkeypatch.setattr(devices, "_BF16_PROBE", "import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    plan = devices.plan("cpu", dtype=torch.bfloat16)
    devices.bf16_works_on_cpu.cache_clear()
    assert plan.dtype == torch.float32
    assert "bfloat16 does not work" in plan.describe()


def test_a_processor_that_can_computes_in_bf16() -> None:
    # conftest.py sets ONEDNN_MAX_CPU_ISA, with which every processor can
    devices.bf16_works_on_cpu.cache_clear()
    assert devices.plan("cpu", dtype=torch.bfloat16).dtype == torch.bfloat16


SEVEN_B = {"fp32": 32 * GB, "bf16": 16 * GB, "fp16": 16 * GB, "int8": 8 * GB + GB // 2, "nf4": 6 * GB + GB // 2}


@pytest.fixture
def bitsandbytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqwen.model.quantize.find_spec", lambda name: object())


@pytest.mark.parametrize(
    ("free", "quantize"), [(24 * GB, "none"), (12 * GB, "int8"), (8 * GB, "nf4"), (18 * GB, "none")]
)
def test_what_does_not_fit_is_quantised_as_far_as_it_must(
    cards: Any, bitsandbytes: None, free: int, quantize: str
) -> None:
    cards(free)
    plan = devices.plan("auto", SEVEN_B, beside_weights=GB // 2)
    assert (plan.device.type, plan.dtype, plan.offload) == ("cuda", torch.bfloat16, False)
    assert plan.quantize == quantize
    if quantize == "none":
        assert plan.describe() == "Card, bfloat16"
    else:
        assert plan.describe().startswith(f"Card, weights in {quantize}, bfloat16; it needs 16.0 GB, {free / GB:.1f}")


def test_without_bitsandbytes_layers_come_in_turns_quantised(cards: Any) -> None:
    cards(8 * GB)
    plan = devices.plan("auto", SEVEN_B, beside_weights=GB // 2)
    assert (plan.offload, plan.streamed, plan.quantize) == (True, True, "int8")
    assert "layer after layer from main memory" in plan.describe()


def test_what_was_asked_for_is_kept(cards: Any, bitsandbytes: None) -> None:
    cards(8 * GB)
    plan = devices.plan("auto", SEVEN_B, quantize="none", beside_weights=GB)
    assert (plan.offload, plan.streamed, plan.quantize) == (True, True, "none")
    assert devices.plan("auto", SEVEN_B, torch.bfloat16, beside_weights=GB).quantize == "none"
    assert devices.plan("auto", SEVEN_B, quantize="nf4", beside_weights=GB // 2).quantize == "nf4"
    assert devices.plan("cpu", SEVEN_B, quantize="int8").quantize == "int8"
    with pytest.raises(DeviceError, match=r"6\.5 GB.*free on cuda:0"):
        devices.plan("auto", SEVEN_B, quantize="nf4", beside_weights=4 * GB)


def test_a_model_too_large_to_be_pinned_is_offloaded_without(cards: Any) -> None:
    cards(8 * GB)
    plan = devices.plan("auto", {"bf16": 28 * GB}, quantize="none")
    assert (plan.offload, plan.streamed) == (True, False)


def test_an_old_card_takes_no_int8(cards: Any) -> None:
    cards(12 * GB, capability=(7, 0))
    assert devices.plan("auto", SEVEN_B, beside_weights=GB).quantize == "none"
    with pytest.raises(DeviceError, match="compute capability"):
        devices.plan("auto", SEVEN_B, quantize="int8")


def test_nf4_needs_a_card_and_bitsandbytes(cards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cards(24 * GB)
    with pytest.raises(DeviceError, match="CUDA cards only"):
        devices.plan("cpu", SEVEN_B, quantize="nf4")
    monkeypatch.setattr("mqwen.model.quantize.find_spec", lambda name: None)
    with pytest.raises(DeviceError, match="bitsandbytes"):
        devices.plan("auto", SEVEN_B, quantize="nf4")


def test_on_the_processor_int8_comes_before_bf16(no_card: None, monkeypatch: pytest.MonkeyPatch) -> None:
    free_memory(monkeypatch, 20 * GB)
    plan = devices.plan("auto", SEVEN_B)
    assert (plan.dtype, plan.quantize) == (torch.float32, "int8")
    assert "float32 needs 32.0 GB, 20.0 GB are free" in plan.describe()
    assert devices.plan("auto", SEVEN_B | {"fp32": GB}).quantize == "none"
    with pytest.raises(DeviceError, match="32.0 GB in float32"):
        devices.plan("auto", SEVEN_B, quantize="none")


def test_on_the_processor_captions_need_room_beside_the_weights(
    no_card: None, monkeypatch: pytest.MonkeyPatch, captioner: Captioner
) -> None:
    monkeypatch.setattr(devices, "slot_bytes", lambda *_: GB)
    free_memory(monkeypatch, 32 * GB)
    report = inspect_checkpoint(captioner.folder)
    assert devices.plan_for(replace(report, memory={"fp32": 24 * GB, "int8": 6 * GB})).quantize == "none"
    assert devices.plan_for(replace(report, memory={"fp32": 28 * GB, "int8": 6 * GB})).quantize == "int8"
    with pytest.raises(DeviceError, match=r"28\.0 GB in float32, its captions 4\.0 GB, and 32\.0 GB"):
        devices.plan_for(replace(report, memory={"fp32": 28 * GB}), "cpu", quantize="none")


def test_a_plan_says_what_memory_it_counts_with(
    cards: Any, monkeypatch: pytest.MonkeyPatch, captioner: Captioner
) -> None:
    monkeypatch.setattr(devices, "slot_bytes", lambda *_: GB // 10)
    monkeypatch.setattr(devices, "working_bytes", lambda *_: GB // 2)
    report = replace(inspect_checkpoint(captioner.folder), memory=SEVEN_B)
    cards(24 * GB)
    plan = devices.plan_for(report)
    assert plan.describe() == "Card, bfloat16", "the window's words"
    assert plan.describe_memory() == (
        "of 24.0 GB free, weights take 16.0 GB, computing 0.5 GB, each caption 0.1 GB; up to 64 captions at a time"
    )
    cards(18 * GB)
    assert plan == devices.plan_for(report), "it is the same choice"
    assert devices.plan_for(report).describe_memory().endswith("up to 13 captions at a time")
    cards(8 * GB)
    streamed = devices.plan_for(report)
    assert streamed.streamed and streamed.describe_memory().endswith(
        "weights take 8.5 GB in turns, computing 0.5 GB, each caption 0.1 GB"
    )
    on_processor = devices.plan_for(report, "cpu")
    assert on_processor.describe_memory().startswith("of 32.0 GB free, weights take 8.5 GB")
    assert devices.plan("cpu").describe_memory() == ""


def test_an_unknown_quantisation_is_an_error(no_card: None) -> None:
    with pytest.raises(InputError, match="int3.*none, int8, nf4"):
        devices.plan("cpu", quantize="int3")


def test_every_card_that_can_do_the_same_gets_a_plan(cards: Any, captioner: Captioner) -> None:
    report = inspect_checkpoint(captioner.folder)
    cards(4 * GB, GB, 24 * GB, 2**20)
    plans = devices.plans_for(report)
    assert [plan.device.index for plan in plans] == [2, 0, 1]
    assert [plan.device.index for plan in devices.plans_for(report, "cuda:1")] == [1]
    assert [plan.device.type for plan in devices.plans_for(report, "cpu")] == ["cpu"]


def test_a_card_that_would_have_to_quantise_is_left_out(cards: Any, captioner: Captioner) -> None:
    report = replace(inspect_checkpoint(captioner.folder), memory=SEVEN_B)
    cards(24 * GB, 12 * GB, 20 * GB)
    assert [plan.device.index for plan in devices.plans_for(report)] == [0, 2]


def test_more_pictures_go_together_where_there_is_more_memory(cards: Any, captioner: Captioner) -> None:
    model = captioner._loaded()
    sizes = []
    for free in (2 * 10**8, 4 * 10**8, 4 * 10**8, 24 * GB):
        cards(free)
        plan = devices.Plan(torch.device("cuda", 0), torch.bfloat16, offload=True, streamed=free == 24 * GB)
        sizes.append(devices.auto_batch_size(model, plan, 10_000))
    assert sizes[0] == 1 < sizes[1] == sizes[2] < sizes[3]


def test_an_unknown_precision_is_an_error() -> None:
    assert devices.dtype_of("bfloat16") is torch.bfloat16
    with pytest.raises(InputError, match="int3"):
        devices.dtype_of("int3")


def test_running_out_of_memory_is_told_from_other_errors() -> None:
    assert devices.out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert devices.out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(10**15)
    assert devices.out_of_memory(caught.value)
    assert not devices.out_of_memory(RuntimeError("shapes do not match"))


@pytest.mark.parametrize(
    "message",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    ],
)
def test_the_libraries_of_cuda_run_out_of_memory_too(message: str) -> None:
    assert devices.out_of_memory(RuntimeError(message))
    assert not devices.out_of_memory(ValueError(message))


def test_a_model_that_cannot_be_spread_is_one_error(captioner: Captioner, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise RuntimeError("CUDA error: out of memory")

    offloaded = devices.Plan(torch.device("cpu"), torch.float32, offload=True)
    monkeypatch.setattr(devices, "plan_for", lambda *_: offloaded)
    monkeypatch.setattr(devices, "spread", full)
    with pytest.raises(DeviceError, match="not enough memory for this model"):
        Captioner.load(captioner.folder)


def test_a_layout_keeps_layers_whole_and_within_the_card(captioner: Captioner) -> None:
    model = captioner._loaded()
    plan = devices.Plan(torch.device("cuda", 0), torch.float16, offload=True)
    card = sum(parameter.numel() for parameter in model.parameters())  # half of what fp16 needs
    layout = devices.layout_of(model, plan, card)
    assert set(layout.values()) == {0, "cpu"}
    held = sum(
        2 * parameter.numel()
        for name, parameter in model.named_parameters()
        if any(place == 0 and name.startswith(f"{part}.") for part, place in layout.items())
    )
    assert 0 < held <= card
    assert not [part for part in layout if part.startswith("language_model.layers.") and part.count(".") > 2]


def test_captions_are_the_same_when_weights_wait_elsewhere(captioner: Captioner) -> None:
    """accelerate's own hooks, the processor in the card's place: weights come when a layer runs, and go again."""
    picture = Image.linear_gradient("L").convert("RGB")
    expected = captioner.caption(picture, max_new_tokens=8)
    waiting = Captioner.load(captioner.folder, device="cpu")
    cpu_offload(waiting._loaded(), execution_device=torch.device("cpu"))
    assert waiting._loaded().lm_head.weight.is_meta
    again = waiting.caption(picture, max_new_tokens=8)
    assert waiting._loaded().lm_head.weight.is_meta
    assert (again.text, again.tokens) == (expected.text, expected.tokens)
