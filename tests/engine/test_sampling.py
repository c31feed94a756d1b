"""Choosing tokens: from the right distribution, by each row's own numbers, and never a forbidden word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from mqwen.engine.captioner import Captioner
from mqwen.engine.sampling import Chooser, Sampling, Speech, forbidden_pattern, nucleus
from mqwen.errors import InputError
from mqwen.model.processor import Message
from tests.engine.plain import numbers_as_words
from tests.talkative import talkative

Picture = Callable[[int], Image.Image]
LENGTH = 12


def chooser(**options: Any) -> Chooser:
    return Chooser(Sampling(**options), numbers_as_words([9]))


def draws(logits: torch.Tensor, count: int, **options: Any) -> torch.Tensor:
    """How often each token is drawn, as shares."""
    made = chooser(**options)
    tokens = [made.choose(logits, [Speech([0], [], seed=seed)])[0] for seed in range(count)]
    return torch.bincount(torch.tensor(tokens), minlength=logits.shape[1]) / count


def test_sampling_draws_from_the_softmax() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0, -torch.inf]])
    found = draws(logits, 4000, temperature=0.5)
    assert torch.allclose(found, (logits[0] / 0.5).softmax(-1), atol=0.03)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"top_k": 2}, {0, 1}),
        ({"top_p": 0.5}, {0}),
        ({"top_p": 0.7}, {0, 1}),
        ({"min_p": 0.3}, {0, 1}),
        ({}, {0, 1, 2}),
    ],
)
def test_top_k_top_p_and_min_p_leave_out_the_rest(options: dict[str, Any], kept: set[int]) -> None:
    found = draws(torch.tensor([[2.0, 1.0, 0.0]]), 400, temperature=1.0, **options)
    assert set(found.nonzero()[:, 0].tolist()) == kept


@given(
    st.lists(st.integers(-80, 80), min_size=2, max_size=40, unique=True),
    st.floats(0.05, 1),
    st.floats(0, 0.9),
)
def test_the_nucleus_is_that_of_transformers(scores: list[int], top_p: float, min_p: float) -> None:
    from transformers import LogitsProcessorList, MinPLogitsWarper, TopPLogitsWarper

    logits = torch.tensor([sorted(scores, reverse=True)]) / 10
    gaps = logits.softmax(-1).cumsum(-1) - top_p
    ratios = logits.softmax(-1) / logits.softmax(-1).max() - min_p
    if min(gaps.abs().min(), ratios.abs().min()) < 1e-4:  # at the very edge rounding decides
        return
    warpers = LogitsProcessorList([TopPLogitsWarper(top_p), MinPLogitsWarper(min_p)])
    expected = warpers(torch.zeros(1, 1, dtype=torch.long), logits)
    assert torch.equal(nucleus(logits, top_p, min_p), expected)


def test_a_speech_has_random_numbers_of_its_own() -> None:
    logits = torch.zeros(3, 40)
    speeches = [Speech([0], [], seed=seed) for seed in (1, 2, 1)]
    made = chooser(temperature=1.0)
    together = [made.choose(logits, speeches) for _ in range(6)]
    alone = Speech([0], [], seed=2)
    assert [step[1] for step in together] == [made.choose(logits[:1], [alone])[0] for _ in range(6)]
    assert all(step[0] == step[2] for step in together)
    assert len({step[0] for step in together}) > 1


def test_log_probabilities_are_those_before_anything_bends_them() -> None:
    logits = torch.tensor([[3.0, 1.0, 0.0, 2.0]])
    speech = Speech([0], [], seed=0)
    made = Chooser(Sampling(repetition_penalty=9.0), numbers_as_words([9]), watch=[2, 1])
    assert made.choose(logits, [speech]) == [3]
    expected = logits.log_softmax(-1)[0]
    assert speech.logprobs == [pytest.approx(float(expected[3]), abs=1e-6)]
    assert speech.watched == [pytest.approx([float(expected[2]), float(expected[1])], abs=1e-6)]


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (["cat"], "a cat sits", True),
        (["cat"], "a Cat.", True),
        (["cat"], "a category", False),
        (["cat"], "a bobcat", False),
        (["red car"], "one red car", True),
        (["猫"], "一只黑猫坐着", True),
        (["straße"], "auf der STRASSE", True),
        (["a.b"], "axb", False),
    ],
)
def test_forbidden_words_are_whole_words_where_words_are_set_apart(words: list[str], text: str, found: bool) -> None:
    pattern = forbidden_pattern(words)
    assert pattern is not None and bool(pattern.search(text.casefold())) is found


def letters(captioner: Captioner, picture: Picture, **options: Any) -> str:
    return captioner.caption(picture(1), max_new_tokens=30, **options).text


@pytest.fixture
def speaker(tmp_path: Path) -> Captioner:
    """A model that speaks letters and spaces without end."""
    return Captioner.load(talkative(tmp_path / "model"), device="cpu")


@pytest.mark.parametrize("temperature", [0.0, 0.3])
def test_a_forbidden_word_never_comes(speaker: Captioner, picture: Picture, temperature: float) -> None:
    """This model sets no spaces: all it says is one word, and the last letter is what must be another one."""
    options = {"temperature": temperature, "seed": 3, "top_k": 5}
    text = letters(speaker, picture, **options)
    forbidden = [text]
    for _ in range(4):
        other = letters(speaker, picture, forbidden=forbidden, **options)
        assert other not in forbidden and other[:29] == text[:29]
        forbidden.append(other)
    assert letters(speaker, picture, forbidden=[text[0]], **options)[0] != text[0]
    said = letters(speaker, picture, forbidden=["a dog"], begin_with="a dog", **options)
    assert said.startswith("a dog") and len(said) > len("a dog"), "what the caller said himself ends the answer"


def test_when_all_is_forbidden_the_answer_ends() -> None:
    made = chooser(forbidden=[str(number) for number in range(9)])
    speech = Speech([0], [], seed=0)
    assert made.choose(torch.arange(10.0).flip(0)[None], [speech]) == [9]


def test_an_answer_begins_as_it_is_told_to(captioner: Captioner, picture: Picture) -> None:
    plain = captioner.caption(picture(1), max_new_tokens=LENGTH)
    told = captioner.caption(picture(1), max_new_tokens=LENGTH, begin_with="A photo of ")
    assert told.text.startswith("A photo of")
    assert told.tokens <= LENGTH
    model, processor = captioner._loaded(), captioner.processor
    ids = processor.encode([Message("user", "Describe this picture in one sentence.", images=1)])
    ids += processor.tokenizer.plain("A photo of")
    pixels = processor.pixel_values(picture(1))[None]
    new = model.generate(torch.tensor([ids]), pixel_values=pixels, max_new_tokens=LENGTH, do_sample=False)[0].tolist()
    ends = [place for place, token in enumerate(new) if token in processor.stop_ids] or [len(new)]
    assert told.tokens == ends[0] and told.text != plain.text


def test_required_words_come_and_what_is_left_out_is_said(speaker: Captioner, picture: Picture) -> None:
    pictures = [picture(number) for number in range(4)]
    plain = list(speaker.caption_many(pictures, ordered=True, max_new_tokens=30))
    options: dict[str, Any] = {"max_new_tokens": 30, "required": ["狗", "房子"]}
    told = [caption for _, caption in speaker.caption_many(pictures, ordered=True, batch_size=3, **options)]
    again = [speaker.caption(image, **options) for image in pictures]
    assert told == again
    for caption, (_, before) in zip(told, plain, strict=True):
        assert "狗" in caption.text and "房子" in caption.text and caption.missing == ()
        assert caption.tokens <= 30
        common = caption.text[: min(caption.text.index("狗"), caption.text.index("房"))]
        assert before.text.startswith(common), "up to the word it is the model's own answer"
    short = speaker.caption(pictures[0], max_new_tokens=3, required=["房子"])  # six bytes
    assert short.missing == ("房子",) and short.tokens == 3


def test_a_word_that_comes_by_itself_asks_for_no_second_attempt(speaker: Captioner, picture: Picture) -> None:
    plain = speaker.caption(picture(1), max_new_tokens=9)
    told = speaker.caption(picture(1), max_new_tokens=9, required=[plain.text])
    assert (told.text, told.tokens, told.missing) == (plain.text, 9, ())


@pytest.mark.parametrize(
    "options",
    [
        {"top_k": 0},
        {"top_k": 10**6},
        {"min_p": 1.0},
        {"no_repeat_ngram_size": -1},
        {"forbidden": "dog"},
        {"required": [""]},
    ],
)
def test_options_out_of_range_are_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Sampling(**options)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.integers(1, 4))
def test_no_run_of_tokens_is_repeated(prompt: list[int], size: int) -> None:
    made = chooser(no_repeat_ngram_size=size)
    speech = Speech(prompt, [], seed=0)
    scores = torch.tensor([[4.0, 3.0, 2.0, 1.0, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]])
    for _ in range(6):
        made.choose(scores, [speech])
    said = prompt + speech.tokens
    runs = [tuple(said[at : at + size]) for at in range(len(said) - size + 1)]
    new = runs[len(prompt) - size + 1 :] if len(prompt) >= size else runs
    before = runs[: len(runs) - len(new)]
    assert len(set(new)) == len(new) and not set(new) & set(before)
