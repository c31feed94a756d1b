"""Dynamic NTK and logn attention against the formulas, in prefill, in cached decoding and in ragged batches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import StaticCache

from mqwen.model import MQwenForConditionalGeneration
from mqwen.model.qwen1 import logn_scale, ntk_alpha, ntk_frequencies
from tests.model.golden import IMAGE_TOKENS, MARKER, Golden, seed_model
from tests.model.qwen1_reference import reference_logits

S = 40
BOTH = {"ntk": True, "logn": True}


def long_model(*, ntk: bool, logn: bool) -> MQwenForConditionalGeneration:
    """The golden checkpoint as a Qwen-1 that was trained on 40 tokens."""
    seed = seed_model()
    seed.config.use_dynamic_ntk, seed.config.use_logn_attn, seed.config.seq_length = ntk, logn, S
    model = MQwenForConditionalGeneration(seed.config)
    model.load_state_dict(seed.state_dict())
    model.generation_config.update(eos_token_id=300, pad_token_id=300)
    return model.eval()


@pytest.fixture(scope="module")
def pixel_values() -> torch.Tensor:
    return Golden()["pixel_values"]


def prompt(length: int, *, seed: int, markers: int = 1) -> torch.Tensor:
    """[1, ids] whose spliced length is `length`."""
    ids = torch.randint(0, 299, (length - markers * (IMAGE_TOKENS - 1),), generator=torch.Generator().manual_seed(seed))
    ids[2 : 2 + markers] = MARKER
    return ids.unsqueeze(0)


def expected_logits(
    model: MQwenForConditionalGeneration,
    ids: torch.Tensor,
    pixels: torch.Tensor | None,
    answer: list[int],
    **options: Any,
) -> torch.Tensor:
    _, embeds, _ = model.splice(ids, pixels)
    length = embeds.shape[1]
    embeds = torch.cat([embeds[0], model.get_input_embeddings()(torch.tensor(answer, dtype=torch.long))])
    return reference_logits(model, embeds, prompt_length=length, seq_length=S, **options)


@pytest.mark.parametrize(
    ("length", "alpha"), [(1, 1), (20, 1), (39, 1), (40, 1), (41, 3), (80, 3), (81, 7), (160, 7), (161, 15), (640, 31)]
)
def test_ntk_alpha(length: int, alpha: int) -> None:
    assert ntk_alpha(length, 40) == alpha


def test_logn_scale() -> None:
    scale = logn_scale(torch.tensor([[0, 38, 39, 40, 79, 1599]]), 40)
    assert scale[0].tolist() == pytest.approx([1, 1, 1, 1.0066937, 1.1879018, 2.0], abs=1e-6)


@torch.no_grad()
@pytest.mark.parametrize("length", [30, 40, 41, 80, 81, 200])
@pytest.mark.parametrize("options", [{"ntk": True, "logn": False}, {"ntk": False, "logn": True}, BOTH])
def test_prefill(length: int, options: dict[str, bool], pixel_values: torch.Tensor) -> None:
    model = long_model(**options)
    ids = prompt(length, seed=length)
    logits = model(ids, pixel_values[:1]).logits[0].double()
    expected = expected_logits(model, ids, pixel_values[:1], [], **options)
    assert (logits - expected).abs().max() <= 1e-4
    neither = expected_logits(model, ids, pixel_values[:1], [], ntk=False, logn=False)
    if length > S:
        assert (logits - neither).abs().max() > 0.05  # the test would notice if it were left out
    else:
        assert (expected - neither).abs().max() == 0


@torch.no_grad()
@pytest.mark.parametrize("length", [30, 41, 79, 90])
def test_cached_decoding(length: int, pixel_values: torch.Tensor) -> None:
    """Over the borders at S and 2 S: the NTK factor is the prompt's for good, logn goes on with the position."""
    model = long_model(**BOTH)
    ids = prompt(length, seed=length)
    answer = prompt(24, seed=1, markers=0)[0].tolist()
    expected = expected_logits(model, ids, pixel_values[:1], answer, **BOTH)
    output = model(ids, pixel_values[:1], use_cache=True)
    found = [output.logits[0, -1]]
    for token in answer[:-1]:
        output = model(torch.tensor([[token]]), past_key_values=output.past_key_values)
        found.append(output.logits[0, -1])
    assert (torch.stack(found).double() - expected[length - 1 : -1]).abs().max() <= 1e-4


@torch.no_grad()
@pytest.mark.parametrize("length", [30, 90])
def test_generate(length: int, pixel_values: torch.Tensor) -> None:
    model = long_model(**BOTH)
    ids = prompt(length, seed=3)
    options = {"do_sample": False, "max_new_tokens": 20, "eos_token_id": None}
    answer = model.generate(ids, pixel_values[:1], **options)[0].tolist()
    logits = expected_logits(model, ids, pixel_values[:1], answer, **BOTH)
    best = logits[length - 1 : -1].topk(2)
    assert (best.values[:, 0] - best.values[:, 1]).min() > 1e-3  # no tie that rounding could turn
    assert answer == best.indices[:, 0].tolist()
    cache = StaticCache(model.config.text_config, max_cache_len=length + 20)
    assert model.generate(ids, pixel_values[:1], past_key_values=cache, **options)[0].tolist() == answer
    beams = model.generate(ids, pixel_values[:1], num_beams=2, num_return_sequences=2, **options)
    assert beams.shape == (2, 20)


@torch.no_grad()
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_row_does_not_depend_on_its_neighbours(side: str, pixel_values: torch.Tensor) -> None:
    model = long_model(**BOTH)
    prompts = [prompt(30, seed=1), prompt(170, seed=2, markers=2), prompt(60, seed=3), prompt(85, seed=4, markers=0)]
    pixels = torch.cat([pixel_values[:1], pixel_values, pixel_values[1:]])
    own = [pixels[:1], pixels[1:3], pixels[3:], None]
    width = max(ids.shape[1] for ids in prompts)
    ids = torch.full((4, width), 300)
    mask = torch.zeros(4, width, dtype=torch.long)
    for row, one in enumerate(prompts):
        place = slice(-one.shape[1], None) if side == "left" else slice(one.shape[1])
        ids[row, place], mask[row, place] = one[0], 1

    output = model(ids, pixels, mask)
    for row, one in enumerate(prompts):
        alone = model(one, own[row]).logits[0]
        assert (output.logits[row][output.attention_mask[row].bool()] - alone).abs().max() <= 2e-5

    options = {"do_sample": False, "max_new_tokens": 16, "eos_token_id": None}
    together = model.generate(ids, pixels, mask, **options)
    for row, one in enumerate(prompts):
        assert together[row].tolist() == model.generate(one, own[row], **options)[0].tolist()


@torch.no_grad()
def test_decoding_on_embeddings_takes_each_rows_frequencies(pixel_values: torch.Tensor) -> None:
    """How the engine decodes: rows of its own choosing side by side, nothing looked up on the device."""
    model = long_model(**BOTH)
    lengths = torch.tensor([30, 90])
    embeds = model.get_input_embeddings()(torch.cat([prompt(90, seed=s, markers=0) for s in (1, 2)]))
    mask = torch.ones(2, 90, dtype=torch.long)
    mask[0, :60] = 0
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    free = model(inputs_embeds=embeds, attention_mask=mask).logits
    given = model(
        inputs_embeds=embeds,
        attention_mask=mask,
        position_ids=positions,
        inv_freq=ntk_frequencies(model.config, lengths),
    ).logits
    assert torch.equal(free, given)
    swapped = model(
        inputs_embeds=embeds, attention_mask=mask, inv_freq=ntk_frequencies(model.config, lengths.flip(0))
    ).logits
    assert (swapped - free)[:, -1].abs().amax(-1).min() > 0.01


def test_both_are_off_in_training_and_without_being_asked_for(pixel_values: torch.Tensor) -> None:
    ids = prompt(100, seed=9)
    plain = long_model(ntk=False, logn=False)(ids, pixel_values[:1]).logits
    model = long_model(**BOTH)
    inference = model(ids, pixel_values[:1]).logits
    training = model.train()(ids, pixel_values[:1]).logits
    assert torch.allclose(training, plain, atol=1e-5)
    assert (inference - plain).abs().max() > 0.05
    assert torch.equal(model.eval()(ids, pixel_values[:1]).logits, inference)


@torch.no_grad()
def test_a_cast_keeps_the_frequencies_exact() -> None:
    model = long_model(ntk=False, logn=False)
    before = model.language_model.rotary_emb.inv_freq.clone()
    model.to(torch.bfloat16)
    assert model.language_model.rotary_emb.inv_freq.dtype == torch.float32
    assert torch.equal(model.language_model.rotary_emb.inv_freq, before)


def test_a_model_made_on_the_meta_device_gets_its_buffers() -> None:
    source = long_model(**BOTH)
    with torch.device("meta"):
        model = MQwenForConditionalGeneration(source.config)
    model.load_state_dict(source.state_dict(), assign=True)
    model.restore_buffers()
    model.eval()
    ids = prompt(100, seed=5, markers=0)
    with torch.no_grad():
        assert torch.equal(model(ids).logits, source(ids).logits)
