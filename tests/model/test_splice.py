"""The splice: which rows it takes, what it refuses, and where tokens end up."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mqwen.errors import InputError
from mqwen.model import MQwenForConditionalGeneration
from mqwen.model.rows import IGNORED, positions_of, shifted_cross_entropy, splice_rows, spliced_labels
from tests.model.golden import IMAGE_TOKENS, MARKER, Golden, seed_model


@pytest.fixture(scope="module")
def model() -> MQwenForConditionalGeneration:
    return seed_model()


@pytest.fixture(scope="module")
def pixel_values() -> torch.Tensor:
    return Golden()["pixel_values"]


@given(st.data())
@settings(max_examples=60)
def test_rows_are_expanded_like_lists(data: st.DataObject) -> None:
    image_tokens = data.draw(st.integers(1, 4))
    side = data.draw(st.sampled_from(["left", "right"]))
    rows = data.draw(st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=4))
    width = max(map(len, rows)) + data.draw(st.integers(0, 2))
    is_marker = torch.zeros(len(rows), width, dtype=torch.bool)
    mask = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), 99)
    for number, row in enumerate(rows):
        place = slice(width - len(row), width) if side == "left" else slice(len(row))
        is_marker[number, place], mask[number, place] = torch.tensor(row), 1
        labels[number, place] = torch.arange(len(row))

    spliced = splice_rows(is_marker, mask, image_tokens, side=side)
    moved = spliced_labels(labels, spliced)
    for number, row in enumerate(rows):
        expected = [(column, marker) for column, marker in enumerate(row) for _ in range(image_tokens if marker else 1)]
        real = spliced.attention_mask[number].bool()
        assert spliced.is_image[number][real].tolist() == [marker for _, marker in expected]
        assert not spliced.is_image[number][~real].any()
        learned = [IGNORED if marker else column for column, marker in expected]
        if not real[0]:
            learned[0] = IGNORED  # its predecessor is padding
        assert moved[number][real].tolist() == learned
        assert (moved[number][~real] == IGNORED).all()
        assert positions_of(spliced.attention_mask)[number][real].tolist() == list(range(len(expected)))
        at_the_end = real[-len(expected) :] if side == "left" else real[: len(expected)]
        assert at_the_end.all()


@pytest.mark.parametrize(
    ("ids", "images", "told"),
    [
        ([[1, 2, 3]], 1, "0 image marker(s) in input_ids, but 1 image(s)"),
        ([[1, MARKER, 3]], 0, "1 image marker(s) in input_ids, but 0 image(s)"),
        ([[1, MARKER, 3], [MARKER, MARKER, 5]], 2, "3 image marker(s) in input_ids, but 2 image(s)"),
    ],
)
@pytest.mark.parametrize("call", ["forward", "generate"])
def test_counts_that_differ_are_named(
    model: MQwenForConditionalGeneration,
    pixel_values: torch.Tensor,
    ids: list[list[int]],
    images: int,
    told: str,
    call: str,
) -> None:
    with pytest.raises(InputError) as error:
        getattr(model, call)(torch.tensor(ids), pixel_values[:images] if images else None)
    assert told in str(error.value)


def test_what_does_not_fit_together_is_refused(
    model: MQwenForConditionalGeneration, pixel_values: torch.Tensor
) -> None:
    ids = torch.tensor([[1, MARKER, 3]])
    with pytest.raises(InputError, match=r"pixel_values are \[1, 3, 28, 28\]"):
        model(ids, pixel_values[:1, :, :28, :28])
    with pytest.raises(InputError, match="attention_mask"):
        model(ids, pixel_values[:1], torch.ones(1, 18))
    with pytest.raises(InputError, match="labels"):
        model(ids, pixel_values[:1], labels=torch.zeros(1, 18, dtype=torch.long))
    with pytest.raises(InputError, match="the model knows 0 to 319"):
        model(torch.tensor([[1, 320]]))
    with pytest.raises(InputError, match="at least one token"):
        model(torch.zeros(1, 0, dtype=torch.long))
    with pytest.raises(InputError, match="exactly one"):
        model()
    with pytest.raises(InputError, match="no token"):
        model.generate(torch.tensor([[1], [2]]), attention_mask=torch.tensor([[1], [0]]))
    cache = model(torch.tensor([[1, 2, 3]])).past_key_values
    with pytest.raises(InputError, match="each spliced position"):
        model(torch.tensor([[4]]), attention_mask=torch.ones(1, 3), past_key_values=cache)


@torch.no_grad()
def test_a_marker_under_padding_is_no_image(model: MQwenForConditionalGeneration, pixel_values: torch.Tensor) -> None:
    ids, mask = torch.tensor([[1, MARKER, 3, MARKER]]), torch.tensor([[1, 1, 1, 0]])
    logits = model(ids, pixel_values[:1], mask).logits
    alone = model(ids[:, :3], pixel_values[:1]).logits
    assert torch.allclose(logits[:, : alone.shape[1]], alone, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("padding", [10**6, -100])
def test_ids_outside_the_vocabulary_may_stand_under_padding(
    model: MQwenForConditionalGeneration, pixel_values: torch.Tensor, monkeypatch: pytest.MonkeyPatch, padding: int
) -> None:
    beyond = 10**6  # as the marker of a checkpoint whose embedding was not enlarged for it
    monkeypatch.setitem(vars(model.config), "image_token_index", beyond)
    ids, mask = torch.tensor([[1, beyond, 3, padding]]), torch.tensor([[1, 1, 1, 0]])
    alone = model(ids[:, :3], pixel_values[:1]).logits
    assert torch.allclose(model(ids, pixel_values[:1], mask).logits[:, : alone.shape[1]], alone, atol=1e-5)
    new = model.generate(ids[:, [3, 0, 1, 2]], pixel_values[:1], mask.flip(1), max_new_tokens=2, repetition_penalty=1.1)
    assert new.equal(model.generate(ids[:, :3], pixel_values[:1], max_new_tokens=2, repetition_penalty=1.1))


@torch.no_grad()
def test_a_conversation_goes_on_with_a_second_image(
    model: MQwenForConditionalGeneration, pixel_values: torch.Tensor
) -> None:
    """With a cache, an image in a later turn stands where it was put, as if all had been read at once."""
    ids = torch.tensor([[4, MARKER, 5, 6, 7, MARKER, 8, 9]])
    whole = model(ids, pixel_values).logits
    first = model(ids[:, :4], pixel_values[:1], use_cache=True)
    second = model(ids[:, 4:], pixel_values[1:], past_key_values=first.past_key_values)
    assert torch.allclose(torch.cat([first.logits, second.logits], dim=1), whole, atol=1e-4)


@torch.no_grad()
def test_a_marker_that_the_model_wrote_is_a_word(model: MQwenForConditionalGeneration) -> None:
    cache = model(torch.tensor([[1, 2, 3]]), use_cache=True).past_key_values
    assert model(torch.tensor([[MARKER]]), past_key_values=cache).logits.shape == (1, 1, 320)


@torch.no_grad()
def test_cached_ragged_rows_by_hand(model: MQwenForConditionalGeneration, pixel_values: torch.Tensor) -> None:
    """The output's attention_mask, grown by one a step, is all that a loop of one's own needs."""
    ids, mask = torch.tensor([[300, 300, 1, 2], [5, MARKER, 6, 7]]), torch.tensor([[0, 0, 1, 1], [1, 1, 1, 1]])
    output = model(ids, pixel_values[:1], mask, use_cache=True)
    grown = torch.cat([output.attention_mask, torch.ones(2, 1, dtype=torch.long)], dim=1)
    step = model(torch.tensor([[9], [9]]), attention_mask=grown, past_key_values=output.past_key_values)
    for row, (one, pixels) in enumerate([([1, 2, 9], None), ([5, MARKER, 6, 7, 9], pixel_values[:1])]):
        alone = model(torch.tensor([one]), pixels).logits[0, -1]
        assert torch.allclose(step.logits[row, -1], alone, atol=1e-5)


@torch.no_grad()
def test_logits_to_keep_and_tuple(model: MQwenForConditionalGeneration, pixel_values: torch.Tensor) -> None:
    ids = torch.tensor([[1, MARKER, 3]])
    whole = model(ids, pixel_values[:1]).logits
    assert whole.shape == (1, 2 + IMAGE_TOKENS, 320)
    assert torch.allclose(model(ids, pixel_values[:1], logits_to_keep=2).logits, whole[:, -2:], atol=1e-5)
    assert torch.allclose(model(ids, pixel_values[:1], return_dict=False)[0], whole)
    generated = model.generate(ids, pixel_values[:1], max_new_tokens=3, do_sample=False, return_dict_in_generate=True)
    assert generated.sequences.shape[1] <= 3


def test_a_batch_without_any_label_has_loss_zero() -> None:
    logits = torch.randn(1, 4, 8, requires_grad=True)
    loss = shifted_cross_entropy(logits, torch.full((1, 4), IGNORED))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None and not logits.grad.isnan().any()


def test_later_vision_layers_are_not_run(model: MQwenForConditionalGeneration, pixel_values: torch.Tensor) -> None:
    ran = []
    hooks = [
        layer.register_forward_hook(lambda *_, number=number: ran.append(number))
        for number, layer in enumerate(model.vision_tower.encoder.layers)
    ]
    model.config.vision_feature_layer = -3
    model.get_image_features(pixel_values)
    model.config.vision_feature_layer = -1
    for hook in hooks:
        hook.remove()
    assert ran == [0]


def test_importing_the_package_loads_no_torch() -> None:
    code = "import mqwen, mqwen.model, sys; assert not {'torch', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
