"""The cache grows layer by layer and keeps what it holds, and where memory runs out on the way it goes on as it was."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch

from mqwen.engine.cache import SlotCache

LAYERS = 4


def filled(slots: int = 3, length: int = 8) -> SlotCache:
    cache = SlotCache(
        slots, length, layers=LAYERS, heads=2, head_dim=4, dtype=torch.float32, device=torch.device("cpu")
    )
    generator = torch.Generator().manual_seed(0)
    for slot in range(slots):
        cache.put(slot, torch.randn(LAYERS, 2, 2, length, 4, generator=generator))
        cache.inv_freq[slot] = torch.randn(2, generator=generator)
    return cache


def content(cache: SlotCache, slots: int = 3, length: int = 8) -> list[torch.Tensor]:
    return [cache.taken(slot, length) for slot in range(slots)] + [cache.inv_freq[:slots].clone()]


def same(found: list[torch.Tensor], expected: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, found, expected))


def test_what_is_taken_is_what_was_put_and_what_keys_and_values_show() -> None:
    cache = filled()
    taken = cache.taken(1, 5)
    for layer in range(LAYERS):
        assert torch.equal(taken[layer, 0], cache.keys(layer)[1, :, :5])
        assert torch.equal(taken[layer, 1], cache.values(layer)[1, :, :5])
    cache.copy(1, 2, 5)
    assert torch.equal(cache.taken(2, 5), taken) and torch.equal(cache.inv_freq[1], cache.inv_freq[2])
    assert not torch.equal(cache.taken(2, 8)[..., 5:, :], cache.taken(1, 8)[..., 5:, :])


def test_it_grows_with_one_layer_at_a_time_there_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = filled()
    before, version = content(cache), cache.version
    old = [weakref.ref(layer) for layer in cache._layers]
    alive: list[int] = []
    real = SlotCache._empty

    def counting(self: SlotCache, slots: int, length: int) -> torch.Tensor:
        alive.append(sum(layer() is not None for layer in old))
        return real(self, slots, length)

    monkeypatch.setattr(SlotCache, "_empty", counting)
    cache.grow(7, 16)
    assert alive == [4, 3, 2, 1], "layers that have grown are still there in their old size"
    assert (cache.slots, cache.length, cache.nowhere) == (7, 16, 7) and cache.version != version
    assert cache.keys(0).shape == cache.values(LAYERS - 1).shape == (8, 2, 16, 4)
    assert same(content(cache), before)
    assert not cache.taken(6, 16).any()


@pytest.mark.parametrize("still_fails", [False, True])
@pytest.mark.parametrize("failing", range(LAYERS))
@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_memory_that_runs_out_at_any_layer_leaves_it_as_it_was(
    monkeypatch: pytest.MonkeyPatch, failing: int, still_fails: bool, error: Exception
) -> None:
    """`still_fails`: there is not even room to give the layers that had grown their old size again."""
    cache = filled()
    before, version, calls = content(cache), cache.version, 0
    real = SlotCache._empty

    def fail(self: SlotCache, slots: int, length: int) -> Any:
        nonlocal calls
        calls += 1
        if calls == failing + 1 or (still_fails and calls > failing):
            raise error
        return real(self, slots, length)

    with monkeypatch.context() as patch:
        patch.setattr(SlotCache, "_empty", fail)
        with pytest.raises(type(error)):
            cache.grow(7, 16)
    assert (cache.slots, cache.length, cache.nowhere) == (3, 8, 3) and cache.version != version
    assert same(content(cache), before)
    assert still_fails or {cache.keys(layer).shape for layer in range(LAYERS)} == {(4, 2, 8, 4)}
    for layer in range(LAYERS):  # as a step does, padding included
        cache.keys(layer)[torch.tensor([1, cache.nowhere]), :, torch.tensor([2, 0])] = torch.ones(2, 2, 4)
    before[1][:, 0, :, 2] = 1
    assert same(content(cache), before)
    cache.grow(7, 16)
    assert {cache.keys(layer).shape for layer in range(LAYERS)} == {(8, 2, 16, 4)}
    assert same(content(cache), before)
