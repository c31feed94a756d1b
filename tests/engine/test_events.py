"""A run as it happens: tokens, pause and resume, several questions, several threads, memory."""

from __future__ import annotations

import gc
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from mqwen.engine.cache import SlotCache
from mqwen.engine.caption import Caption
from mqwen.engine.captioner import Captioner
from mqwen.engine.decoder import Decoder
from mqwen.engine.request import Question
from mqwen.errors import Cancelled, ImageError, InputError, MqwenError
from mqwen.model.checkpoint import load_checkpoint
from tests.talkative import talkative

Picture = Callable[[int], Image.Image]
QUESTIONS = (Question(style="brief"), Question(style="keywords"), Question("Was siehst du?"))


@pytest.fixture
def speaker(tmp_path: Path) -> Captioner:
    return Captioner.load(talkative(tmp_path / "model"), device="cpu")


def watch_steps(monkeypatch: pytest.MonkeyPatch, seen: Callable[[], object] = lambda: None) -> list[int]:
    """Return a list that grows with every step; `seen` is called in each."""
    real, steps = Decoder.step, []

    def step(self: Decoder, *arguments: Any) -> torch.Tensor:
        steps.append(len(steps))
        seen()
        return real(self, *arguments)

    monkeypatch.setattr(Decoder, "step", step)
    return steps


def until(condition: Callable[[], bool]) -> None:
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("it did not happen within 30 seconds")


def test_tokens_come_one_by_one_and_then_the_caption(speaker: Captioner, picture: Picture, tmp_path: Path) -> None:
    items = [picture(1), tmp_path / "gone.jpg", picture(2)]
    events = list(speaker.events(items, batch_size=2, max_new_tokens=6))
    (error,) = [event for event in events if event.kind == "error"]
    assert error.item == items[1] and isinstance(error.error, ImageError)
    for item in (items[0], items[2]):
        mine = [event for event in events if event.item is item]
        expected = speaker.caption(item, max_new_tokens=6)
        assert [event.text for event in mine[:-1]] == [expected.text[:length] for length in range(1, 7)]
        assert (mine[-1].kind, mine[-1].captions) == ("caption", (expected,))


def test_what_is_told_does_not_begin_anew_after_memory_ran_out(
    speaker: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []

    def fail_once() -> None:
        if len(steps) == 4:
            raise MemoryError

    steps = watch_steps(monkeypatch, fail_once)
    events = list(speaker.events([picture(1)], max_new_tokens=6))
    assert [len(event.text) for event in events] == [1, 2, 3, 4, 5, 6, 0]
    assert len(steps) > 7


@pytest.mark.parametrize("by", ["captioner", "option"])
def test_pause_stops_within_one_step_and_resume_goes_on(
    speaker: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    paused = threading.Event()
    steps: list[int] = []

    def pause_at_five() -> None:
        if len(steps) == 5:
            paused.set()
            if by == "captioner":
                speaker.pause()

    steps = watch_steps(monkeypatch, pause_at_five)
    found: list[Any] = []
    options: dict[str, Any] = {"paused": paused.is_set} if by == "option" else {}
    run = threading.Thread(
        target=lambda: found.extend(speaker.caption_many([picture(1)], max_new_tokens=20, **options))
    )
    run.start()
    assert paused.wait(30)
    time.sleep(0.3)
    assert len(steps) == 5 and not found
    paused.clear()
    speaker.resume()
    run.join(30)
    assert len(found) == 1 and isinstance(found[0][1], Caption) and len(steps) == 20 + 1


def test_a_paused_run_can_be_cancelled(speaker: Captioner, picture: Picture) -> None:
    cancel = threading.Event()
    speaker.pause()
    run = speaker.caption_many([picture(1)], max_new_tokens=20, cancelled=cancel.is_set)
    threading.Timer(0.1, cancel.set).start()
    with pytest.raises(Cancelled):
        next(run)


@pytest.mark.parametrize("batch_size", [1, 2, 7])
@pytest.mark.parametrize("ordered", [False, True])
def test_several_questions_about_each_picture(
    captioner: Captioner, picture: Picture, batch_size: int, ordered: bool, tmp_path: Path
) -> None:
    items: list[Any] = [picture(number) for number in range(5)]
    items.insert(2, tmp_path / "gone.jpg")
    looks = 0
    tower: Any = captioner._loaded().vision_tower.embeddings

    def count(module: Any, given: Any) -> None:
        nonlocal looks
        looks += len(given[0])

    hook = tower.register_forward_pre_hook(count)
    options: dict[str, Any] = {"questions": QUESTIONS, "batch_size": batch_size, "ordered": ordered}
    found = list(captioner.caption_many(items, max_new_tokens=8, **options))
    hook.remove()
    assert looks == 5
    assert [item for item, _ in found] == items if ordered else len(found) == 6
    for item, captions in found:
        if item == items[2]:
            assert isinstance(captions, ImageError)
            continue
        assert isinstance(captions, tuple)
        assert captions == (
            captioner.caption(item, max_new_tokens=8),
            captioner.caption(item, style="keywords", max_new_tokens=8),
            captioner.caption(item, "Was siehst du?", max_new_tokens=8),
        )
        assert captions[1].text == ", ".join(captions[1].keywords)


def test_questions_with_a_long_common_beginning_are_answered_as_alone(captioner: Captioner, picture: Picture) -> None:
    beginning = "What do you see in this picture, and what else is there? " * 8
    ends = ["Why?", "Where is it, and who may have been there when it was taken?", "Say it in a few words. " * 7]
    for number in range(6):
        asked = [Question(beginning[: 480 - 60 * number] + end) for end in ends]
        ((_, together),) = captioner.caption_many([picture(number)], questions=asked, max_new_tokens=4)
        alone = tuple(captioner.caption(picture(number), one.prompt, max_new_tokens=4) for one in asked)
        assert together == alone, "to the last bit of their log-probabilities"


def test_a_question_can_depend_on_the_item(captioner: Captioner, picture: Picture) -> None:
    pictures = [picture(1), picture(2)]
    questions = [Question(lambda item: f"Number {pictures.index(item)}?"), Question("Why?")]
    found = list(captioner.caption_many(pictures, questions=questions, ordered=True, max_new_tokens=8))
    for number, (item, captions) in enumerate(found):
        assert isinstance(captions, tuple)
        assert captions[0] == captioner.caption(item, f"Number {number}?", max_new_tokens=8)
    with pytest.raises(InputError, match="no question"):
        list(captioner.caption_many(pictures, questions=[]))


def test_threads_take_turns(speaker: Captioner, picture: Picture) -> None:
    """A window asks about one picture while a run goes on: neither waits for the other's end, nor changes it."""
    pictures = [picture(number) for number in range(6)]
    expected = [speaker.caption(image, max_new_tokens=20) for image in pictures]
    run = speaker.caption_many(pictures, batch_size=2, ordered=True, max_new_tokens=20)
    first = next(run)
    assert speaker.caption(pictures[5], max_new_tokens=20) == expected[5]
    assert [first[1], *(caption for _, caption in run)] == expected


def test_the_model_goes_on_while_the_caller_is_busy(
    speaker: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = watch_steps(monkeypatch)
    pictures = [picture(number) for number in range(4)]
    run = speaker.caption_many(pictures, batch_size=2, ordered=True, max_new_tokens=10)
    next(run)
    seen = len(steps)
    until(lambda: len(steps) >= seen + 8)
    run.close()
    ended = len(steps)
    time.sleep(0.1)
    assert len(steps) == ended, "a run that nobody reads any more goes on"


def test_a_gui_thread_stays_live(speaker: Captioner, picture: Picture) -> None:
    """Another Python thread runs many times between the steps of the model."""
    ticks, end = 0, threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not end.wait(0.001):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.perf_counter()
    speaker.caption(picture(1), max_new_tokens=200)
    seconds = time.perf_counter() - began
    end.set()
    thread.join()
    assert ticks > 5 and seconds > 0, (ticks, seconds)


def test_unloading_ends_runs_and_frees_all(speaker: Captioner, picture: Picture) -> None:
    run = speaker.caption_many([picture(number) for number in range(50)], batch_size=2, max_new_tokens=30)
    next(run)
    parts = [weakref.ref(tensor) for tensor in speaker._loaded().parameters()]
    decoder = weakref.ref(speaker._ready())
    speaker.unload()
    with pytest.raises(MqwenError):
        list(run)
    del run
    gc.collect()
    assert decoder() is None and not any(part() is not None for part in parts)


def test_fused_weights_are_the_models_own(captioner: Captioner, tmp_path: Path) -> None:
    """Fusing costs no memory, and the model still saves and loads as before."""
    model = captioner._loaded()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    Decoder(model)
    attention: Any = model.language_model.layers[0].self_attn
    storages = {
        attention.q_proj.weight.untyped_storage().data_ptr(),
        attention.k_proj.weight.untyped_storage().data_ptr(),
    }
    assert len(storages) == 1
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    model.save_pretrained(tmp_path / "saved")
    again = load_checkpoint(tmp_path / "saved").state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in before.items())


@pytest.fixture
def without_gc() -> Iterator[None]:
    """What is freed in such a test nothing refers to any more."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def caches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Grows by a weak reference with every cache that is made."""
    real, made = Decoder.new_cache, []

    def new_cache(self: Decoder, *arguments: Any) -> SlotCache:
        cache = real(self, *arguments)
        made.extend((weakref.ref(cache), *map(weakref.ref, cache._layers)))
        return cache

    monkeypatch.setattr(Decoder, "new_cache", new_cache)
    return made


def at_the_first_layer(captioner: Captioner, happens: Callable[[], None]) -> None:
    """Let something happen in the language model's first layer, while a prompt is read."""

    def hook(*_: Any) -> None:
        happens()

    layer: Any = captioner._loaded().language_model.layers[0]
    layer.input_layernorm.register_forward_pre_hook(hook)


def raised_by(iterator: Iterator[Any], kind: type[Exception], held: list[Any]) -> threading.Thread:
    """Read an iterator in a thread; what it raises, if of this kind, is put into `held`."""

    def read() -> None:
        with pytest.raises(kind) as caught:
            list(iterator)
        held.append(caught.value)

    thread = threading.Thread(target=read)
    thread.start()
    return thread


def test_a_cancelled_run_gives_its_cache_back_at_once(
    speaker: Captioner, picture: Picture, caches: list[Any], without_gc: None
) -> None:
    cancel = threading.Event()
    at_the_first_layer(speaker, cancel.set)
    run = speaker.caption_many([picture(1)], max_new_tokens=20, cancelled=cancel.is_set)
    with pytest.raises(Cancelled) as caught:
        next(run)
    assert caches and all(part() is None for part in caches), "the next run would size itself by what is left"
    assert caught.value is not None and run is not None


def test_a_failed_run_gives_its_cache_back_and_says_where(
    speaker: Captioner, picture: Picture, caches: list[Any], without_gc: None
) -> None:
    def fail() -> None:
        raise RuntimeError("a defect")

    at_the_first_layer(speaker, fail)
    with pytest.raises(RuntimeError, match="a defect") as caught:
        speaker.caption(picture(1), max_new_tokens=20)
    assert caches and all(part() is None for part in caches)
    printed = "".join(traceback.format_exception(caught.value))
    assert "in fail" in printed and "scheduler.py" in printed


def test_unloading_frees_the_cache_of_a_run_that_somebody_holds(
    speaker: Captioner, picture: Picture, caches: list[Any], without_gc: None
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def wait_within_a_layer() -> None:
        reached.set()
        go_on.wait(30)

    at_the_first_layer(speaker, wait_within_a_layer)
    run, held = speaker.events([picture(1)], max_new_tokens=20), list[Any]()
    reader = raised_by(run, Cancelled, held)
    assert reached.wait(30)
    (lane,) = speaker._lanes
    unloader = threading.Thread(target=speaker.unload)
    unloader.start()
    until(lambda: lane._closing)
    go_on.set()
    unloader.join(30)
    reader.join(30)
    assert held and caches and all(part() is None for part in caches)


def pause_while_a_prompt_is_read(speaker: Captioner, picture: Picture, found: list[Any]) -> tuple[Any, Any]:
    """Begin a run and pause it in a layer; return the run's thread and the pause."""
    paused = threading.Event()
    begun: list[bool] = []

    def pause_once() -> None:
        if not begun:
            begun.append(True)
            paused.set()

    at_the_first_layer(speaker, pause_once)
    run = threading.Thread(
        target=lambda: found.extend(speaker.caption_many([picture(1)], max_new_tokens=8, paused=paused.is_set))
    )
    run.start()
    assert paused.wait(30)
    return run, paused


def test_a_run_paused_while_it_reads_a_prompt_keeps_the_model_from_nobody(speaker: Captioner, picture: Picture) -> None:
    expected = speaker.caption(picture(1), max_new_tokens=8)
    found: list[Any] = []
    run, paused = pause_while_a_prompt_is_read(speaker, picture, found)
    meanwhile: list[Caption] = []
    other = threading.Thread(
        target=lambda: meanwhile.append(speaker.caption(picture(2), max_new_tokens=8)), daemon=True
    )
    other.start()
    other.join(30)
    assert meanwhile and not found
    paused.clear()
    run.join(30)
    assert found[0][1] == expected, "the step that was broken off was not repeated as it was"


def test_a_run_paused_in_the_tower_looks_again(speaker: Captioner, picture: Picture) -> None:
    expected = speaker.caption(picture(1), max_new_tokens=8)
    paused, looks = threading.Event(), 0
    layers: Any = speaker._loaded().vision_tower.encoder.layers

    def pause_once(*_: Any) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            paused.set()

    layers[0].register_forward_pre_hook(pause_once)
    found: list[Any] = []
    run = threading.Thread(
        target=lambda: found.extend(speaker.caption_many([picture(1)], max_new_tokens=8, paused=paused.is_set))
    )
    run.start()
    assert paused.wait(30)
    until(lambda: not speaker._turn.locked())
    assert looks == 1
    paused.clear()
    run.join(30)
    assert found[0][1] == expected and looks == 2


def test_runs_that_are_paused_while_they_read_prompts_can_be_unloaded(speaker: Captioner, picture: Picture) -> None:
    paused, held = threading.Event(), list[Any]()
    at_the_first_layer(speaker, paused.set)
    runs = [
        raised_by(speaker.events([picture(number)], max_new_tokens=8, paused=paused.is_set), MqwenError, held)
        for number in range(3)
    ]
    assert paused.wait(30)
    unloader = threading.Thread(target=speaker.unload, daemon=True)
    unloader.start()
    for thread in (unloader, *runs):
        thread.join(30)
    assert len(held) == 3 and not unloader.is_alive()


def test_a_run_that_begins_while_the_model_is_unloaded_ends(
    speaker: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready, begun, go_on, held = speaker._ready, threading.Event(), threading.Event(), list[Any]()

    def slowly() -> Any:
        decoder = ready()
        begun.set()
        assert go_on.wait(30)
        return decoder

    monkeypatch.setattr(speaker, "_ready", slowly)
    run = raised_by(speaker.caption_many([picture(1)], max_new_tokens=2000), MqwenError, held)
    assert begun.wait(30)
    unloader = threading.Thread(target=speaker.unload, daemon=True)
    unloader.start()
    unloader.join(0.2)
    go_on.set()
    for thread in (unloader, run):
        thread.join(30)
    assert held and not unloader.is_alive()


def test_vectors_that_are_paused_keep_the_model_from_nobody(speaker: Captioner, picture: Picture) -> None:
    expected = [vector.tolist() for _, vector in speaker.vision_vectors([picture(1)])]
    layers: Any = speaker._loaded().vision_tower.encoder.layers
    hook = layers[0].register_forward_pre_hook(lambda *_: speaker.pause())
    vectors: list[Any] = []
    look = threading.Thread(
        target=lambda: vectors.extend(vector.tolist() for _, vector in speaker.vision_vectors([picture(1)]))
    )
    look.start()
    until(speaker._pausing.is_set)
    until(lambda: not speaker._turn.locked())
    hook.remove()
    assert not vectors
    speaker.resume()
    look.join(30)
    assert vectors == expected


def test_captions_come_while_the_source_lets_wait_and_cancel_is_asked(speaker: Captioner, picture: Picture) -> None:
    waits, go_on, cancel = threading.Event(), threading.Event(), threading.Event()

    def camera() -> Iterator[Image.Image]:
        yield picture(1)
        waits.set()
        assert go_on.wait(60)
        yield picture(2)

    run = speaker.caption_many(camera(), batch_size=2, max_new_tokens=4, cancelled=cancel.is_set)
    assert next(run)[1] == speaker.caption(picture(1), max_new_tokens=4)
    assert waits.wait(30)
    (lane,) = [lane for lane in speaker._lanes if lane._thread.is_alive()]
    cancel.set()
    held: list[Any] = []
    reader = raised_by(run, Cancelled, held)
    lane._thread.join(30)
    assert not lane._thread.is_alive(), "the model's thread waits for the source"
    go_on.set()
    reader.join(30)
    assert held
