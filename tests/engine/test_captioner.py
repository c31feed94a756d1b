"""Captioner on tiny random checkpoints: a picture's caption is its own, whatever happens around it."""

from __future__ import annotations

import gc
import itertools
import json
import random
import threading
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from mqwen.engine import scheduler as schedulers
from mqwen.engine.caption import Caption
from mqwen.engine.captioner import Captioner
from mqwen.engine.decoder import Decoder
from mqwen.engine.patience import Patience
from mqwen.engine.request import Look, Request
from mqwen.engine.sampling import Sampling, Speech
from mqwen.engine.wording import Wording
from mqwen.errors import Cancelled, CheckpointError, DeviceError, ImageError, InputError, MqwenError
from mqwen.model.processor import Message
from tests.engine.plain import Clock
from tests.talkative import change_head, talkative
from tests.tiny import IM_END, tiny_llava

Picture = Callable[[int], Image.Image]
LENGTH = 12


def save(folder: Path, picture: Picture, count: int) -> list[Path]:
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        picture(number).save(path)
    return paths


def ragged(path: Path) -> str:
    return "What is this? " * (1 + int(path.stem) % 5)


@pytest.mark.parametrize(("vision", "text"), [("clip", "qwen2"), ("siglip", "qwen3"), ("chinese_clip", "qwen2")])
def test_a_greedy_caption_is_the_same_alone_and_in_any_batch(
    tmp_path: Path, picture: Picture, vision: Any, text: Any
) -> None:
    captioner = Captioner.load(tiny_llava(tmp_path / "model", vision, text), device="cpu")
    paths = save(tmp_path, picture, 11)
    alone = {path: captioner.caption(path, ragged(path), max_new_tokens=LENGTH) for path in paths}
    assert len({caption.text for caption in alone.values()}) > 5, "a test of noise that does not depend on the picture"
    for size, seed in ((2, 0), (4, 1), (11, 2)):
        random.Random(seed).shuffle(paths)
        for path, caption in captioner.caption_many(paths, prompt=ragged, batch_size=size, max_new_tokens=LENGTH):
            assert caption == alone[path], "the log-probability included, to the last bit"


def test_a_caption_is_what_generate_gives_and_its_logprob_what_the_logits_say(
    captioner: Captioner, picture: Picture
) -> None:
    model, processor = captioner._loaded(), captioner.processor
    prompt = processor.encode([Message("user", "Why?", images=1)])
    pixel_values = processor.pixel_values(picture(3))[None]
    new = model.generate(torch.tensor([prompt]), pixel_values=pixel_values, max_new_tokens=LENGTH, do_sample=False)[0]
    caption = captioner.caption(picture(3), "Why?", max_new_tokens=LENGTH)
    ends = [place for place, token in enumerate(new.tolist()) if token in processor.stop_ids]
    new = new[: ends[0] + 1] if ends else new
    assert caption.text == " ".join(processor.decode(new[: ends[0]].tolist() if ends else new.tolist()).split())
    assert caption.tokens == len(new) - bool(ends)
    assert caption.finish_reason == ("stop" if ends else "length")
    with torch.inference_mode():
        logits = model(torch.tensor([prompt + new.tolist()]), pixel_values=pixel_values).logits[0]
    said = logits[-len(new) - 1 : -1].log_softmax(-1).gather(1, new[:, None])
    assert caption.logprob == pytest.approx(float(said.mean()), abs=1e-4)


def test_a_caption_holds_no_special_tokens(captioner: Captioner) -> None:
    processor = captioner.processor
    plain = processor.tokenizer.plain
    ids = [*plain("a "), processor.image_token_id, *plain("dog")]
    speech = Speech([], [], seed=0, tokens=[*ids, processor.stop_ids[0]], logprobs=[0.0] * (len(ids) + 1))
    caption = Wording(Sampling(), processor).caption(Request(Look([]), []), speech, "stop")
    assert caption.text == "a dog"
    assert (caption.finish_reason, caption.tokens) == ("stop", len(ids))


def test_bad_pictures_come_out_with_their_error_and_the_others_go_on(
    tmp_path: Path, captioner: Captioner, picture: Picture
) -> None:
    good = save(tmp_path, picture, 6)
    (empty := tmp_path / "empty.jpg").touch()
    (text := tmp_path / "text.png").write_text("no picture")
    (cut := tmp_path / "cut.png").write_bytes(good[0].read_bytes()[:60])
    gone = tmp_path / "gone.jpg"
    items = [empty, *good[:3], text, cut, *good[3:], gone]
    for ordered in (True, False):
        results = list(captioner.caption_many(iter(items), batch_size=4, ordered=ordered, max_new_tokens=4))
        assert (([item for item, _ in results]) == items) or not ordered
        assert {item for item, result in results if isinstance(result, ImageError)} == {empty, text, cut, gone}
        assert sorted(item for item, result in results if isinstance(result, Caption)) == good


def test_an_unexpected_error_of_a_prompt_is_that_pictures_own(captioner: Captioner, picture: Picture) -> None:
    first, second = picture(1), picture(2)

    def prompt(item: Image.Image) -> str:
        if item is first:
            raise PermissionError("no date for you")
        return "What?"

    results = {id(item): r for item, r in captioner.caption_many([first, second], prompt=prompt, max_new_tokens=2)}
    assert isinstance(results[id(first)], ImageError) and "no date for you" in str(results[id(first)])
    assert isinstance(results[id(second)], Caption)


def fail_steps(monkeypatch: pytest.MonkeyPatch, fails: Callable[[Any], BaseException | None]) -> list[int]:
    """Let `fails` look at each step's input first; return a list that grows by the decode rows of each step that did
    not fail.
    """
    real, sizes = Decoder.step, []

    def step(self: Decoder, cache: Any, given: Any, between: Any = None) -> torch.Tensor:
        if error := fails(given):
            raise error
        sizes.append(given.shape.rows)
        return real(self, cache, given, between)

    monkeypatch.setattr(Decoder, "step", step)
    return sizes


def test_out_of_memory_shrinks_the_slots_and_loses_nothing(
    tmp_path: Path, captioner: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = save(tmp_path, picture, 29)
    expected = {path: captioner.caption(path, max_new_tokens=5).text for path in paths}

    def small_card(given: Any) -> BaseException | None:
        return torch.OutOfMemoryError("CUDA out of memory") if given.shape.rows > 4 else None

    sizes = fail_steps(monkeypatch, small_card)
    results = list(captioner.caption_many(paths, batch_size=12, max_new_tokens=5))
    assert len(results) == 29
    assert {path: result.text for path, result in results if isinstance(result, Caption)} == expected
    assert max(sizes) == 4


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_picture_too_large_alone_is_named_and_the_others_go_on(
    captioner: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    long = "What is this? " * 9

    def first_fails(given: Any) -> BaseException | None:
        return error if given.shape.pieces and given.shape.width > 100 else None

    fail_steps(monkeypatch, first_fails)
    clock = Clock()
    held: list[bool] = []

    def sleep(seconds: float) -> None:
        held.append(captioner._turn.locked())
        clock.sleep(seconds)

    monkeypatch.setattr(schedulers, "Patience", lambda: Patience(lambda: clock.now, sleep))
    pictures = [picture(1), picture(2), picture(3)]
    results = list(
        captioner.caption_many(
            pictures,
            prompt=lambda item: long if item is pictures[1] else "What?",
            batch_size=2,
            ordered=True,
            max_new_tokens=2,
        )
    )
    assert [type(result) for _, result in results] == [Caption, DeviceError, Caption]
    assert 55 < clock.now < 65, "another program may have had the memory"
    assert not any(held), "others could not use the model meanwhile"


def decoded_as_damaged(error: Exception) -> Exception:
    """As read_image() tells of what a decoder raised."""
    told = ImageError("there is not enough memory to decode it")
    told.__cause__ = error
    return told


NO_ROOM = RuntimeError("[enforce fail at alloc_cpu.cpp:127] data. DefaultCPUAllocator: can't allocate memory")


@pytest.mark.parametrize("error", [MemoryError(), NO_ROOM, decoded_as_damaged(MemoryError())])
@pytest.mark.parametrize("times", [1, 2])
def test_a_picture_that_met_a_lack_of_memory_is_read_again_alone(
    tmp_path: Path,
    captioner: Captioner,
    picture: Picture,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    times: int,
) -> None:
    paths = save(tmp_path, picture, 3)
    real, left = captioner._pixels, [error] * times

    def short(image: Any) -> torch.Tensor:
        if image == paths[1] and left:
            assert captioner._alone.locked() == (len(left) < times)
            raise left.pop()
        return real(image)

    monkeypatch.setattr(captioner, "_pixels", short)
    results = dict(captioner.caption_many(paths, max_new_tokens=2))
    assert isinstance(results[paths[0]], Caption) and isinstance(results[paths[2]], Caption)
    again = results[paths[1]]
    if times == 1:
        assert isinstance(again, Caption)
    elif isinstance(error, ImageError):
        assert again is error
    else:
        assert isinstance(again, DeviceError) and again.path == paths[1] and again.hint is not None
        assert "not enough memory" in again.what
    assert not left


def test_a_picture_that_cannot_be_pinned_goes_unpinned(
    captioner: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(tensor: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("CUDA error: out of memory")

    expected = captioner._pixels(picture(1))
    monkeypatch.setattr(captioner, "plan", replace(captioner.plan, device=torch.device("cuda", 0)))
    monkeypatch.setattr(torch.Tensor, "pin_memory", full)
    assert torch.equal(captioner._pixels(picture(1)), expected)


def test_an_error_that_is_not_about_memory_is_not_swallowed(
    captioner: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_steps(monkeypatch, lambda given: RuntimeError("a defect"))
    with pytest.raises(RuntimeError, match="a defect"):
        captioner.caption(picture(1))


def test_cancel_ends_generation_within_one_step(
    tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = Captioner.load(talkative(tmp_path / "model"), device="cpu")
    steps = fail_steps(monkeypatch, lambda given: None)
    with pytest.raises(Cancelled):
        captioner.caption(picture(1), max_new_tokens=200, cancelled=lambda: len(steps) >= 5)
    assert len(steps) == 5


def test_cancel_during_prefill_does_not_wait_for_it(captioner: Captioner, picture: Picture) -> None:
    reached: list[int] = []
    cancel = threading.Event()
    layers = captioner._loaded().vision_tower.encoder.layers

    def reach(number: int) -> None:
        reached.append(number)
        cancel.set()

    for number, layer in enumerate(layers):
        layer.register_forward_pre_hook(lambda *_, number=number: reach(number))
    with pytest.raises(Cancelled):
        captioner.caption(picture(1), cancelled=cancel.is_set)
    assert reached == [0], "the layers after the cancelled one were computed"


@pytest.mark.parametrize("asked_before", range(10))
def test_cancelling_within_a_picture_is_no_error_of_the_picture(
    tmp_path: Path, picture: Picture, asked_before: int
) -> None:
    """It is asked between layers, too, while a picture is looked at."""
    captioner = Captioner.load(tiny_llava(tmp_path / "model"), device="cpu")
    asked = iter(range(asked_before))
    got: list[Any] = []
    with pytest.raises(Cancelled):
        for _, result in captioner.caption_many(
            [picture(0), picture(1)], batch_size=2, max_new_tokens=40, cancelled=lambda: next(asked, None) is None
        ):
            got.append(result)
    assert not any(isinstance(result, Exception) for result in got)


def test_captions_that_were_complete_are_kept_when_cancelled(tmp_path: Path, picture: Picture) -> None:
    folder = change_head(tiny_llava(tmp_path / "model"), lambda head: head[IM_END].mul_(2.5))
    captioner = Captioner.load(folder, device="cpu")
    pictures = [picture(number) for number in range(12)]
    expected = {
        id(item): caption
        for item, caption in captioner.caption_many(pictures, batch_size=12, max_new_tokens=60)
        if isinstance(caption, Caption)
    }
    assert len({caption.tokens for caption in expected.values()}) > 3, "captions of different lengths are the point"
    got: dict[int, Any] = {}
    for ordered in (False, True):
        got.clear()
        with pytest.raises(Cancelled):
            for item, caption in captioner.caption_many(
                pictures, batch_size=4, max_new_tokens=60, ordered=ordered, cancelled=lambda: len(got) >= 3
            ):
                got[id(item)] = caption
        assert 3 <= len(got) < 12
        assert got.items() <= expected.items()


def test_finishing_begins_nothing_more_and_completes_what_is_in_hand(
    tmp_path: Path, captioner: Captioner, picture: Picture
) -> None:
    paths = save(tmp_path, picture, 20)
    results = []
    for result in captioner.caption_many(paths, batch_size=3, max_new_tokens=3, finishing=lambda: bool(results)):
        results.append(result)
    # With the first one out, what was in the slots then, and what had taken its slot before it was taken note of.
    assert 3 <= len(results) <= 12
    assert all(isinstance(caption, Caption) for _, caption in results)


def test_keywords_come_as_a_list(captioner: Captioner, picture: Picture) -> None:
    caption = captioner.caption(picture(1), style="keywords", max_new_tokens=80)
    assert caption.text == ", ".join(caption.keywords)
    assert captioner.caption(picture(1), style="brief", max_new_tokens=8).keywords == ()


def test_sampling_depends_on_the_seed_and_not_on_the_batch(captioner: Captioner, picture: Picture) -> None:
    pictures = [picture(number) for number in range(5)]
    options: dict[str, Any] = {"temperature": 1.0, "top_p": 0.9, "max_new_tokens": LENGTH}
    alone = [captioner.caption(image, seed=7, **options).text for image in pictures]
    together = captioner.caption_many(pictures, seed=7, batch_size=5, ordered=True, **options)
    assert [caption.text for _, caption in together if isinstance(caption, Caption)] == alone
    assert captioner.caption(pictures[0], seed=8, **options).text != alone[0]
    assert captioner.caption(pictures[0], max_new_tokens=LENGTH).text != alone[0]


def test_a_repetition_penalty_changes_the_caption(captioner: Captioner, picture: Picture) -> None:
    plain = captioner.caption(picture(1), max_new_tokens=40)
    assert captioner.caption(picture(1), max_new_tokens=40, repetition_penalty=3.0).text != plain.text


def test_in_a_conversation_the_image_stays_in_its_turn(captioner: Captioner, picture: Picture) -> None:
    turns = [
        Message("user", "What is this?", images=1),
        Message("assistant", "A dog."),
        Message("user", "What colour is it?"),
    ]
    answer = captioner.ask(turns, [picture(1)], max_new_tokens=LENGTH)
    moved = [Message("user", "What is this?"), turns[1], Message("user", "What colour is it?", images=1)]
    assert captioner.ask(moved, [picture(1)], max_new_tokens=LENGTH).text != answer.text
    model, processor = captioner._loaded(), captioner.processor
    ids = processor.encode(turns)
    assert ids.index(processor.image_token_id) < len(processor.encode(turns[:1], add_generation_prompt=False))
    new = model.generate(
        torch.tensor([ids]), pixel_values=processor.pixel_values(picture(1))[None], max_new_tokens=LENGTH
    )[0].tolist()
    ends = [place for place, token in enumerate(new) if token in processor.stop_ids] or [len(new)]
    assert answer.text == " ".join(processor.decode(new[: ends[0]]).split())


def test_two_images_in_one_conversation_and_none(captioner: Captioner, picture: Picture) -> None:
    turns = [Message("user", "Compare.", images=2)]
    one_way = captioner.ask(turns, [picture(1), picture(2)], max_new_tokens=LENGTH).text
    assert captioner.ask(turns, [picture(2), picture(1)], max_new_tokens=LENGTH).text != one_way
    assert captioner.ask([Message("user", "Hello.")], max_new_tokens=2).tokens <= 2
    with pytest.raises(InputError, match="2 images"):
        captioner.ask(turns, [picture(1)])


@pytest.mark.parametrize(
    "options", [{"max_new_tokens": 0}, {"temperature": -1}, {"top_p": 0}, {"repetition_penalty": 0}, {"batch_size": 0}]
)
def test_options_out_of_range_are_an_error(captioner: Captioner, picture: Picture, options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        list(captioner.caption_many([picture(1)], **options))


def test_unloading_frees_the_model(tiny_folder: Path, picture: Picture) -> None:
    captioner = Captioner.load(tiny_folder, device="cpu")
    captioner.caption(picture(1), max_new_tokens=2)
    weight = weakref.ref(captioner._loaded().lm_head.weight)
    captioner.unload()
    gc.collect()
    assert weight() is None
    with pytest.raises(MqwenError, match="unloaded"):
        captioner.caption(picture(1))


def test_loading_can_be_followed_and_cancelled(tiny_folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    Captioner.load(tiny_folder, device="cpu", progress=lambda done, total: seen.append((done, total)))
    assert seen and seen[-1][0] == seen[-1][1] and seen == sorted(seen)
    asked = itertools.count()
    with pytest.raises(Cancelled):
        Captioner.load(tiny_folder, device="cpu", cancelled=lambda: next(asked) >= 2)
    assert next(asked) == 3, "it read on after the cancel"


def test_a_captioner_says_what_it_is(captioner: Captioner) -> None:
    assert captioner.describe().startswith("tiny on the processor")
    assert not captioner.is_starter


def test_a_model_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="config.json"):
        Captioner.load(tmp_path)
    with pytest.raises(CheckpointError, match="no model 'nonesuch'"):
        Captioner.load("nonesuch")


def test_a_model_that_does_not_resize_gets_the_whole_photos_centre(tmp_path: Path) -> None:
    folder = tiny_llava(tmp_path / "model")
    settings = folder / "preprocessor_config.json"
    content = json.loads(settings.read_text()) | {"do_resize": False, "do_center_crop": True}
    settings.write_text(json.dumps(content | {"crop_size": {"height": 56, "width": 56}}))
    Image.linear_gradient("L").resize((640, 480)).convert("RGB").save(tmp_path / "a.jpg", quality=95)
    captioner = Captioner.load(folder, device="cpu")
    assert torch.equal(captioner._pixels(tmp_path / "a.jpg"), captioner._pixels(Image.open(tmp_path / "a.jpg")))
