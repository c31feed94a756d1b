"""Layers in turns: a language model larger than the card waits in pinned main memory and is copied in as it is needed.

Two buffers on the card: while a layer computes in one, the next layer's weights are copied into the other, by a stream
of their own; after the last layer comes the first again, for the next token. A step so takes as long as the copies do,
however many rows share it: the batch is what makes streaming bearable (facts: 17 s an image alone, 0.6 s in 32).

The same code runs with the processor as the device, where a copy is a copy: that is how it is tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from mqwen.engine.memory import readable
from mqwen.errors import DeviceError
from mqwen.model.quantize import Int8Linear

_ALIGNMENT = 256  # bytes, what CUDA's own allocations have


@dataclass
class _Layer:
    """A layer that waits.

    Attributes:
        home: its bytes, pinned for a card.
        tensors: its parameters and buffers.
        at_home: their contents in `home`.
        in_buffer: their contents in each of the two buffers.
    """

    home: Tensor
    tensors: list[Tensor]
    at_home: list[Tensor]
    in_buffer: tuple[list[Tensor], list[Tensor]]


class LayerStream:
    """Brings layers to a device one after another.

    Attributes:
        streamed: the numbers of the layers that come in turns; the others stay on the device.
    """

    def __init__(self, layers: Sequence[nn.Module], streamed: Sequence[int], device: torch.device) -> None:
        self.streamed = list(streamed)
        self._device = device
        self._place = {number: place for place, number in enumerate(self.streamed)}
        size = max(_packed_bytes(layers[number]) for number in self.streamed)
        self._buffers = [torch.empty(size, dtype=torch.uint8, device=device) for _ in range(2)]
        self._holds: list[int | None] = [None, None]  # by buffer: which layer, by its place, was copied to it last
        self._current: int | None = None  # the buffer of the layer that computes
        self._copies: Any = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._arrived: list[Any] = [None, None]
        self._layers = [self._settle(layers[number]) for number in self.streamed]
        for number in self.streamed:
            layers[number].register_forward_pre_hook(lambda *_, number=number: self.enter(number))
            for module in layers[number].modules():
                if isinstance(module, Int8Linear):
                    module.in_turns = True
                if isinstance(module, nn.Linear):
                    module.register_forward_pre_hook(_check_turn)

    def enter(self, number: int) -> None:
        """Have layer `number` on the device, and begin to fetch the one after it. Nothing for one that stays there."""
        place = self._place.get(number)
        if place is None:
            return
        if self._current is not None and self._holds[self._current] == place:
            return  # entered already
        if place not in self._holds:  # nobody expected it: the first of all, or after a step that was broken off
            self._fetch(place)
        if self._current is not None:
            self._send_home(self._current)
        buffer = self._current = self._holds.index(place)
        layer = self._layers[place]
        if self._copies is not None:
            torch.cuda.current_stream(self._device).wait_event(self._arrived[buffer])
        for tensor, content in zip(layer.tensors, layer.in_buffer[buffer], strict=True):
            tensor.data = content
        following = (place + 1) % len(self._layers)
        if following != place:
            self._fetch(following)

    def _fetch(self, place: int) -> None:
        """Begin to copy a layer into the buffer that does not compute."""
        buffer = 0 if self._current is None else 1 - self._current
        home = self._layers[place].home
        self._holds[buffer] = place
        target = self._buffers[buffer][: len(home)]
        if self._copies is None:
            target.copy_(home)
            return
        # What was computed with this buffer's last layer has been queued before this: wait for it.
        self._copies.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._copies):
            target.copy_(home, non_blocking=True)
            self._arrived[buffer] = self._copies.record_event()

    def _send_home(self, buffer: int) -> None:
        """Let a layer's tensors be those in main memory again: used out of turn they fail instead of being wrong."""
        place = self._holds[buffer]
        assert place is not None
        layer = self._layers[place]
        for tensor, content in zip(layer.tensors, layer.at_home, strict=True):
            tensor.data = content

    def _settle(self, layer: nn.Module) -> _Layer:
        """Move a layer's contents into one piece of main memory, where they can be copied from at once."""
        tensors = _tensors(layer)
        pinned = self._device.type == "cuda"
        home = torch.empty(_packed_bytes(layer), dtype=torch.uint8, pin_memory=pinned)
        at_home = _views(home, tensors)
        for tensor, content in zip(tensors, at_home, strict=True):
            content.copy_(tensor)
            tensor.data = content
        first, second = (_views(buffer, tensors) for buffer in self._buffers)
        return _Layer(home, tensors, at_home, (first, second))


def stream(model: Any, device: torch.device, card_bytes: int) -> LayerStream:
    """Put a model that is in main memory on a device: all but the language model's layers, and of them what fits.

    The others come in turns, as the model's forward pass runs; `model.layer_entered` is for who runs the layers
    otherwise, and is called with a layer's number before it.

    Args:
        model: a MQwenForConditionalGeneration.
        card_bytes: what weights may take of the device's memory.

    Raises:
        DeviceError: there is not even room for what always stays there and two layers.
    """
    layers: list[nn.Module] = list(model.language_model.layers)
    inside = {id(tensor) for layer in layers for tensor in _tensors(layer)}
    others = {id(t): t for t in chain(model.parameters(), model.buffers()) if id(t) not in inside}
    fixed = sum(t.numel() * t.element_size() for t in others.values())
    sizes = [_packed_bytes(layer) for layer in layers]
    needed = fixed + 2 * max(sizes)
    if needed > card_bytes:
        raise DeviceError(
            f"even layer by layer the model needs {readable(needed)}, and {readable(max(0, card_bytes))} are free on "
            f"{device} for it",
            hint="Close other programs, or take a smaller model or --device cpu.",
        )
    staying = min(len(layers) - 1, (card_bytes - needed) // max(sizes))
    # Spread evenly: while a layer that stays computes, the copies go on.
    stays = [(n + 1) * staying // len(layers) > n * staying // len(layers) for n in range(len(layers))]
    for tensor in others.values():
        tensor.data = tensor.data.to(device)
    for layer, here in zip(layers, stays, strict=True):
        if here:
            layer.to(device)
    turns = LayerStream(layers, [number for number, here in enumerate(stays) if not here], device)
    model.layer_entered = turns.enter
    return turns


def _tensors(layer: nn.Module) -> list[Tensor]:
    return [*layer.parameters(), *layer.buffers()]


def _packed_bytes(layer: nn.Module) -> int:
    return sum(_aligned(tensor.numel() * tensor.element_size()) for tensor in _tensors(layer))


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _views(memory: Tensor, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return tensors like these, one behind the other in `memory`, a row of bytes."""
    views, begin = [], 0
    for tensor in tensors:
        size = tensor.numel() * tensor.element_size()
        views.append(memory[begin : begin + size].view(tensor.dtype).view(tensor.shape))
        begin += _aligned(size)
    return views


def _check_turn(linear: nn.Module, inputs: tuple[Any, ...]) -> None:
    """Fail for a layer whose weights are elsewhere. (As every hook it also keeps others from joining such weights.)"""
    weight: Any = linear.weight
    assert weight.device == inputs[0].device, "a layer was used out of its turn"
