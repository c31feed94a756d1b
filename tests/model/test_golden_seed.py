"""The spliced model gives what the original's own code gave, within the tolerances of facts/model.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from mqwen.model import MQwenForConditionalGeneration, load_parts
from mqwen.model.vision import vision_features
from mqwen.training.lora import load_adapter, merge_lora
from tests.model.golden import MARKER, SEED, Golden, seed_model

LOGIT_CASES = (
    "marker_start",
    "marker_middle",
    "marker_end",
    "text_only",
    "batch2_same_column_loss",
    "batch2_diff_column",
    "single_loss",
)
GENERATION_CASES = ("gen_greedy", "gen_rep_penalty", "gen_early_eos", "gen_text_only", "gen_marker_last")


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden()


def loaded_parts() -> MQwenForConditionalGeneration:
    model = load_parts(SEED / "qwen", SEED / "clip", SEED / "adapter", image_token_id=MARKER)
    return model.eval()


@pytest.fixture(scope="module", params=[seed_model, loaded_parts], ids=["converted", "load_parts"])
def model(request: pytest.FixtureRequest) -> MQwenForConditionalGeneration:
    make: Callable[[], MQwenForConditionalGeneration] = request.param
    return make()


def assert_within(actual: torch.Tensor, expected: torch.Tensor, tolerance: float) -> None:
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max().item() <= tolerance


@torch.no_grad()
def test_features(model: MQwenForConditionalGeneration, golden: Golden) -> None:
    features = vision_features(model.vision_tower, golden["pixel_values"], model.config)
    assert_within(features, golden["vision_features"], 1e-5)
    assert_within(model.get_image_features(golden["pixel_values"]), golden["image_features"], 1e-5)


@torch.no_grad()
@pytest.mark.parametrize("case", LOGIT_CASES)
def test_logits(model: MQwenForConditionalGeneration, golden: Golden, case: str) -> None:
    output = model(golden[f"{case}.input_ids"], golden.pixel_values(case))
    assert_within(output.logits, golden[f"{case}.logits"], 1e-4)


@torch.no_grad()
@pytest.mark.parametrize("case", ["batch2_same_column_loss", "single_loss"])
def test_loss(model: MQwenForConditionalGeneration, golden: Golden, case: str) -> None:
    output = model(golden[f"{case}.input_ids"], golden.pixel_values(case), labels=golden.labels(case))
    assert output.loss.item() == pytest.approx(golden[f"{case}.loss"].item(), abs=1e-5)


@pytest.mark.parametrize("case", GENERATION_CASES)
def test_greedy_tokens(model: MQwenForConditionalGeneration, golden: Golden, case: str) -> None:
    facts: dict[str, Any] = golden.cases[case]
    ids = torch.tensor([facts["input_ids"]])
    generated = model.generate(ids, golden.pixel_values(case), do_sample=False, max_new_tokens=24, **facts["overrides"])
    assert generated.tolist() == [facts["generated_full"]]


def test_greedy_tokens_in_one_ragged_batch(model: MQwenForConditionalGeneration, golden: Golden) -> None:
    """With a penalty, which must not see a row's padding: the pad id is the end of text."""
    cases = ["gen_greedy", "gen_text_only", "gen_marker_last"]
    prompts = [golden.cases[case]["input_ids"] for case in cases]
    images = torch.cat([golden.pixel_values("gen_greedy"), golden.pixel_values("gen_marker_last")])
    options = {"do_sample": False, "max_new_tokens": 24, "repetition_penalty": 1.3}
    alone = [
        model.generate(torch.tensor([prompt]), golden.pixel_values(case), **options)[0].tolist()
        for case, prompt in zip(cases, prompts, strict=True)
    ]
    width = max(map(len, prompts)) + 2
    for side in ("left", "right"):
        ids, mask = [], []
        for prompt in prompts:
            padding = [300] * (width - len(prompt))
            ids.append(padding + prompt if side == "left" else prompt + padding)
            zeros, ones = [0] * len(padding), [1] * len(prompt)
            mask.append(zeros + ones if side == "left" else ones + zeros)
        together = model.generate(torch.tensor(ids), images, torch.tensor(mask), **options).tolist()
        for row, expected in zip(together, alone, strict=True):
            assert row[: len(expected)] == expected
            assert set(row[len(expected) :]) <= {300}


@torch.no_grad()
def test_bfloat16(golden: Golden) -> None:
    """No two implementations round alike; ours is as near to the fp32 result as the original's own bf16 run."""
    ids, pixel_values = golden["bf16.input_ids"], golden.pixel_values("bf16")
    model = seed_model()
    exact = model(ids, pixel_values).logits
    rounded = model.to(torch.bfloat16)
    features = rounded.get_image_features(pixel_values).float()
    logits = rounded(ids, pixel_values).logits.float()

    def error(actual: torch.Tensor, exact: torch.Tensor) -> float:
        return (actual - exact).abs().mean().item()

    assert error(features, golden["image_features"][:1]) <= 1.1 * error(
        golden["bf16.image_features"], golden["image_features"][:1]
    )
    assert error(logits, exact) <= 1.1 * error(golden["bf16.logits"], exact)


def relative(actual: torch.Tensor, expected: torch.Tensor) -> float:
    assert actual.shape == expected.shape
    return ((actual - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("checkpointing", [False, True])
def test_training_gradients(golden: Golden, checkpointing: bool) -> None:
    model = seed_model(merged=False)
    lora = load_adapter(model, SEED / "adapter").by_module()
    model.train()
    if checkpointing:
        model.activation_checkpointing_enable()
    output = model(golden["train.input_ids"], golden.pixel_values("train"), labels=golden.labels("train"))
    assert output.loss.item() == pytest.approx(golden["train.loss"].item(), abs=1e-5)
    output.loss.backward()

    projector = model.multi_modal_projector
    gradients = {
        "feature_proj.0.weight": projector.linear_1.weight.grad,
        "feature_proj.0.bias": projector.linear_1.bias.grad,
        "feature_proj.2.weight": projector.linear_2.weight.grad,
        "feature_proj.2.bias": projector.linear_2.bias.grad,
    }
    for module, matrices in lora.items():
        for letter in "AB":
            name = f"LLM.base_model.model.{module}.lora_{letter}.default.weight"
            gradients[name] = getattr(matrices, f"lora_{letter}").grad
    compared = [name for name in golden.arrays if name.startswith("train.grad.")]
    assert len(compared) == 4
    for name in compared:
        assert relative(gradients[name.removeprefix("train.grad.")], golden[name]) <= 1e-5, name
    norms = golden.cases["train"]["grad_norms"]
    assert set(norms) == set(gradients)
    for name, norm in norms.items():
        assert gradients[name].norm().item() == pytest.approx(norm, rel=1e-5), name
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert all(name.startswith(("lora.", "multi_modal_projector.")) for name in trained)


@torch.no_grad()
def test_merged_lora_gives_the_original_logits(golden: Golden) -> None:
    model = seed_model(merged=False)
    load_adapter(model, SEED / "adapter")
    beside = model(golden["marker_middle.input_ids"], golden.pixel_values("marker_middle")).logits
    merge_lora(model)
    merged = model(golden["marker_middle.input_ids"], golden.pixel_values("marker_middle")).logits
    for logits in (beside, merged):
        assert_within(logits, golden["marker_middle.logits"], 1e-4)
    assert not any("lora" in name for name in model.state_dict())
