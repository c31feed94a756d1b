"""SlotCache: the keys and values of all captions that are being written, preallocated, one slot each."""

from __future__ import annotations

from contextlib import suppress

import torch
from torch import Tensor


class SlotCache:
    """Keys and values of `slots` rows, and one slot more, `nowhere`, that swallows what rows of padding write.

    A slot's position p holds the key and the value of its row's p-th token; what lies beyond is old or zero, and no
    mask lets it through.

    Each layer has a tensor of its own, so that a cache can become larger layer by layer: the old and the new one never
    have to have room beside each other.

    Attributes:
        slots: rows there is room for, `nowhere` not counted.
        length: positions a slot has room for.
        inv_freq: [slots + 1, head_dim / 2], float32: RoPE's frequencies, each row's own (Qwen-1's NTK).
        version: another one after each grow(), also one that failed: the tensors are elsewhere.
    """

    def __init__(
        self,
        slots: int,
        length: int,
        *,
        layers: int,
        heads: int,
        head_dim: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.slots, self.length, self.version = slots, length, 0
        self._heads, self._head_dim, self._dtype, self._device = heads, head_dim, dtype, device
        # Of each layer: [2 (keys, values), slots + 1, heads, length, head_dim], or larger, see grow().
        self._layers = [self._empty(slots, length) for _ in range(layers)]
        self.inv_freq = torch.zeros(slots + 1, head_dim // 2, dtype=torch.float32, device=device)

    @property
    def nowhere(self) -> int:
        """The index of the slot that nobody reads."""
        return self.slots

    def keys(self, layer: int) -> Tensor:
        """[slots + 1, heads, length, head_dim] or more slots and positions, a view."""
        return self._layers[layer][0]

    def values(self, layer: int) -> Tensor:
        """As keys()."""
        return self._layers[layer][1]

    def copy(self, source: int, target: int, length: int) -> None:
        """Give slot `target` the first `length` positions of slot `source`."""
        for kv in self._layers:
            kv[:, target, :, :length] = kv[:, source, :, :length]
        self.inv_freq[target] = self.inv_freq[source]

    def taken(self, slot: int, length: int) -> Tensor:
        """Return a copy of a slot's first `length` positions: [layers, 2, heads, length, head_dim]."""
        return torch.stack([kv[:, slot, :, :length] for kv in self._layers])

    def put(self, slot: int, kv: Tensor) -> None:
        """Write what taken() returned to the beginning of a slot."""
        for layer, beginning in zip(self._layers, kv, strict=True):
            layer[:, slot, :, : kv.shape[3]] = beginning

    def grow(self, slots: int, length: int) -> None:
        """Make room for so many slots and positions, no fewer than now, and keep all; a layer at a time is there twice.

        Raises as the device runs out of memory. The cache can then be used as before: layers that had grown are given
        their old size again as far as memory allows, and one that stays larger is of use all the same.
        """
        assert slots >= self.slots and length >= self.length
        self.version += 1
        try:
            inv_freq = torch.zeros(slots + 1, *self.inv_freq.shape[1:], dtype=torch.float32, device=self._device)
            for layer in range(len(self._layers)):
                self._resize_layer(layer, slots, length)
        except (RuntimeError, MemoryError):
            with suppress(RuntimeError, MemoryError):
                for layer in range(len(self._layers)):
                    self._resize_layer(layer, self.slots, self.length)
            raise
        inv_freq[: self.slots] = self.inv_freq[: self.slots]
        self.inv_freq, self.slots, self.length = inv_freq, slots, length

    def _resize_layer(self, layer: int, slots: int, length: int) -> None:
        old = self._layers[layer]
        if old.shape[1] == slots + 1 and old.shape[3] == length:
            return
        new = self._empty(slots, length)
        new[:, : self.slots, :, : self.length] = old[:, : self.slots, :, : self.length]
        self._layers[layer] = new

    def _empty(self, slots: int, length: int) -> Tensor:
        return torch.zeros(2, slots + 1, self._heads, length, self._head_dim, dtype=self._dtype, device=self._device)
