"""Steps that are captured once and repeated: what a card does with CUDA graphs, here with torch.compile's own tracer.

The tracer is as strict as a capture: with fullgraph=True it refuses whatever would make Python look at a value on the
way, and it compiles anew, which is counted here, whenever something that it took for fixed has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters

from mqwen.engine.captured import Captured, CapturedSteps, with_own_tensors
from mqwen.engine.decoder import Decoder, StepInput
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
