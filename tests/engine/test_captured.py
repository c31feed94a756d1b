"""Steps that are captured once and repeated: what a card does with CUDA graphs, here with torch.compile's own tracer.

The tracer is as strict as a capture: with fullgraph=True it refuses whatever would make Python look at a value on the
way, and it compiles anew, which is counted here, whenever something that it took for fixed has changed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from mqwen.engine import captured as captures
from mqwen.engine.cache import SlotCache
from mqwen.engine.captured import Captured, CapturedSteps, CudaGraphs, with_own_tensors
from mqwen.engine.decoder import Decoder, StepInput, StepShape
from mqwen.engine.device import Plan
from tests.engine.plain import request, run, scheduler
from tests.model.golden import MARKER, Golden, seed_model
from tests.model.test_qwen1 import long_model


@pytest.fixture(autouse=True)
def fresh() -> Any:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


class Compiler:
    """Captures a step by tracing it whole; counts how often that happens."""

    def __init__(self, backend: str) -> None:
        self.captures = 0
        self._backend = backend

    def __call__(self, step: Callable[[StepInput], torch.Tensor], given: StepInput) -> Captured:
        self.captures += 1
        fixed = with_own_tensors(given)
        traced: Any = torch.compile(step, fullgraph=True, dynamic=False, backend=self._backend)
        logits = traced(fixed).clone()
        return Captured(fixed, lambda: logits.copy_(traced(fixed)), logits)


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("qwen1", [False, True])
def test_a_captured_step_gives_the_same_and_is_captured_once(backend: str, qwen1: bool) -> None:
    golden, model = Golden(), long_model(ntk=True, logn=True) if qwen1 else seed_model()
    images = [golden["pixel_values"][number % 2, None] for number in range(24)]

    def asked() -> list[Any]:
        return [request([1, 2, 3, MARKER, *range(number % 3 * 30)], image) for number, image in enumerate(images)]

    expected = run(scheduler(model, 4, max_new_tokens=5), asked())
    compiler, decoder = Compiler(backend), Decoder(model)
    steps = CapturedSteps(decoder, compiler)
    made = scheduler(None, 4, decoder=decoder, captured=steps, max_new_tokens=5)
    found = run(made, asked())
    assert [ids for ids, _ in found] == [ids for ids, _ in expected]
    assert [logprob for _, logprob in found] == pytest.approx([logprob for _, logprob in expected], abs=1e-5)
    captures, graphs = compiler.captures, counters["stats"]["unique_graphs"]
    assert 0 < captures == graphs, "a captured step was traced again: a recompile"
    # The same slots, other pictures: nothing is captured any more.
    assert [ids for ids, _ in run(made, asked())] == [ids for ids, _ in expected]
    assert (compiler.captures, counters["stats"]["unique_graphs"]) == (captures, graphs)
    assert not counters["graph_break"]


def test_memory_that_runs_out_lets_go_of_what_was_captured() -> None:
    golden, model = Golden(), seed_model()

    def asked() -> list[Any]:
        return [request([1, 2, MARKER], golden["pixel_values"][number % 2, None]) for number in range(20)]

    expected = run(scheduler(model, 4, max_new_tokens=5), asked())
    compiler, decoder, calls = Compiler("eager"), Decoder(model), 0
    steps = CapturedSteps(decoder, compiler)
    real = steps.step

    def step(cache: Any, given: StepInput, between: Any = None) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 12:
            assert steps._captured
            raise torch.OutOfMemoryError("CUDA out of memory")
        if calls == 13:
            assert not steps._captured
        return real(cache, given, between)

    steps.step = step  # type: ignore[method-assign]
    found = run(scheduler(None, 4, decoder=decoder, captured=steps, max_new_tokens=5), asked())
    assert [ids for ids, _ in found] == [ids for ids, _ in expected]
    assert calls > 13


def test_a_step_that_cannot_be_captured_is_launched_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    model, calls = seed_model(), 0

    def refuse(step: Any, given: Any) -> Captured:
        nonlocal calls
        calls += 1
        raise RuntimeError("operation not permitted when stream is capturing")

    asked = [request([1, 2, 3 + number]) for number in range(6)]
    decoder = Decoder(model)
    captured = CapturedSteps(decoder, refuse)
    found = run(scheduler(None, 2, decoder=decoder, captured=captured, max_new_tokens=9), asked)
    assert found == run(scheduler(model, 2, max_new_tokens=9), [request(one.input_ids) for one in asked])
    assert calls == 1 and "not permitted" in caplog.text


def test_a_replay_that_gives_something_else_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """As where a card does the work while it should only be written down: the logits are right once, and stay."""
    model, calls = seed_model(), 0

    def deaf(step: Callable[[StepInput], torch.Tensor], given: StepInput) -> Captured:
        nonlocal calls
        calls += 1
        fixed = with_own_tensors(given)
        return Captured(fixed, lambda: None, step(fixed))

    asked = [request([1, 2, 3 + number]) for number in range(6)]
    decoder = Decoder(model)
    steps = CapturedSteps(decoder, deaf)
    found = run(scheduler(None, 2, decoder=decoder, captured=steps, max_new_tokens=9), asked)
    assert found == run(scheduler(model, 2, max_new_tokens=9), [request(one.input_ids) for one in asked])
    assert calls == 1 and not steps._captured
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "something else" in caplog.text


def eager(step: Callable[[StepInput], torch.Tensor], given: StepInput) -> Captured:
    """Captures nothing: a replay does the step again."""
    fixed = with_own_tensors(given)
    logits = step(fixed).clone()
    return Captured(fixed, lambda: logits.copy_(step(fixed)), logits)


def test_more_shapes_than_graphs_are_not_captured_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "_MOST_GRAPHS", 2)
    monkeypatch.setattr(captures, "_OUT_OF_USE", 30)
    decoder, captured = Decoder(seed_model()), []

    def capture(step: Callable[[StepInput], torch.Tensor], given: StepInput) -> Captured:
        captured.append(given.shape.rows)
        return eager(step, given)

    steps = CapturedSteps(decoder, capture)
    cache = decoder.new_cache(16, 512, torch.device("cpu"), torch.float32)

    def go(*sizes: int) -> None:
        for rows in sizes:
            numbers = torch.stack([torch.full((rows,), 7), torch.zeros(rows, dtype=torch.int64), torch.arange(rows)])
            given = StepInput(StepShape(rows, 0, 0, 512, rows), numbers, numbers[0, :0], torch.arange(rows), None)
            assert torch.equal(steps.step(cache, given), decoder.step(cache, given))

    with torch.inference_mode():
        go(*[4, 8, 12] * 9)
        assert captured == [4, 8], "the third one is launched one by one"
        go(*[8, 12] * 15)
        assert captured == [4, 8, 12], "the first one has come no more for 30 steps"
        go(*[4, 8, 12] * 20)
        assert captured == [4, 8, 12]


def no_room(*_: Any) -> torch.Tensor:
    raise MemoryError


def test_a_cache_that_has_grown_or_tried_to_is_captured_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder, captured = Decoder(seed_model()), []

    def capture(step: Callable[[StepInput], torch.Tensor], given: StepInput) -> Captured:
        captured.append([cache.keys(layer).data_ptr() for layer in range(2)])
        return eager(step, given)

    steps = CapturedSteps(decoder, capture)
    cache = decoder.new_cache(4, 512, torch.device("cpu"), torch.float32)
    numbers = torch.tensor([[7] * 4, [0] * 4, [0, 1, 2, 3]])
    given = StepInput(StepShape(4, 0, 0, 512, 4), numbers, numbers[0, :0], torch.arange(4), None)
    with torch.inference_mode():
        for _ in range(4):
            steps.step(cache, given)
        cache.grow(8, 512)
        steps.step(cache, given)
        assert len(captured) == 2 and not set(captured[0]) & set(captured[1])
        monkeypatch.setattr(SlotCache, "_empty", no_room)
        with pytest.raises(MemoryError):
            cache.grow(16, 512)
        steps.step(cache, given)
        assert len(captured) == 3


class Cards:
    """What torch.cuda knows of streams and captures, for several cards: each call notes the card it acted on."""

    def __init__(self) -> None:
        self.current = 0
        self.streams: list[int] = []
        self.captured_on: list[int] = []

    @contextmanager
    def device(self, device: torch.device) -> Iterator[None]:
        before, self.current = self.current, device.index
        yield
        self.current = before

    def Stream(self) -> SimpleNamespace:
        self.streams.append(self.current)
        return self.current_stream()

    def current_stream(self) -> SimpleNamespace:
        return SimpleNamespace(card=self.current, wait_stream=lambda other: None)

    @contextmanager
    def stream(self, stream: SimpleNamespace) -> Iterator[None]:
        assert stream.card == self.current
        yield

    @contextmanager
    def graph(self, graph: Any, *, pool: Any, stream: SimpleNamespace, capture_error_mode: str) -> Iterator[None]:
        assert pool is not None and capture_error_mode == "thread_local" and stream.card == self.current
        self.captured_on.append(self.current)
        yield

    def CUDAGraph(self) -> SimpleNamespace:
        return SimpleNamespace(replay=lambda: None)

    def graph_pool_handle(self) -> object:
        return object()


def test_a_step_is_captured_on_its_tensors_card(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = Cards()
    monkeypatch.setattr(captures, "_STREAMS", {})
    for name in ("device", "Stream", "current_stream", "stream", "graph", "CUDAGraph", "graph_pool_handle"):
        monkeypatch.setattr(torch.cuda, name, getattr(cards, name))

    def on(card: int) -> StepInput:
        numbers = SimpleNamespace(device=torch.device("cuda", card), clone=lambda: None)
        return StepInput(StepShape(4, 0, 0, 64, 4), numbers, torch.tensor([]), torch.tensor([]), None)  # type: ignore[arg-type]

    for card in (1, 0, 1, 1):
        CudaGraphs()(lambda fixed: torch.zeros(1), on(card))
    assert cards.captured_on == [1, 0, 1, 1]
    assert cards.streams == [1, 0], "a stream of its own for each capture costs memory for good"
    assert cards.current == 0


def test_a_step_runs_under_its_card(monkeypatch: pytest.MonkeyPatch) -> None:
    cards, seen = Cards(), []
    monkeypatch.setattr(torch.cuda, "device", cards.device)

    def admitting() -> bool:
        seen.append(cards.current)
        return False

    made = scheduler(seed_model(), 1, plan=Plan(torch.device("cuda", 1), torch.float32), admitting=admitting)
    made.add([request([1])])
    assert made.step() == []
    assert set(seen) == {1} and cards.current == 0


def on_card(index: int, count: int) -> Any:
    """Captions of 16 pictures by captured steps on a card, and whether steps were captured."""
    golden, device = Golden(), torch.device("cuda", index)
    decoder = Decoder(seed_model().to(device))
    steps = CapturedSteps(decoder)
    made = scheduler(None, 4, decoder=decoder, captured=steps, plan=Plan(device, torch.float32), max_new_tokens=count)
    images = [golden["pixel_values"][number % 2, None] for number in range(16)]
    found = run(made, [request([1, 2, number, MARKER], image) for number, image in enumerate(images)])
    return [ids for ids, _ in found], bool(steps._captured) and not steps._refused


def on_processor(count: int) -> list[list[int]]:
    golden = Golden()
    images = [golden["pixel_values"][number % 2, None] for number in range(16)]
    asked = [request([1, 2, number, MARKER], image) for number, image in enumerate(images)]
    return [ids for ids, _ in run(scheduler(seed_model(), 4, max_new_tokens=count), asked)]


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 1, reason="needs a CUDA card")
def test_cuda_graphs_give_what_the_processor_gives() -> None:
    assert on_card(0, 12) == (on_processor(12), True)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA cards")
def test_cuda_graphs_on_two_cards_at_the_same_time() -> None:
    found: dict[int, Any] = {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: on_card(n, 12)})) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(2), (on_processor(12), True))
    assert torch.cuda.current_device() == 0
