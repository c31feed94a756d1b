"""SlotCache: the keys and values of all captions that are being written, preallocated, one slot each."""

from __future__ import annotations

import torch
from torch import Tensor


class SlotCache:
    """Keys and values of `slots` rows, and one slot more, `nowhere`, that swallows what rows of padding write.

    A slot's position p holds the key and the value of its row's p-th token; what lies beyond is old or zero, and no
    mask lets it through.

    Attributes:
        kv: [layers, 2 (keys, values), slots + 1, key-value heads, length, head_dim].
        inv_freq: [slots + 1, head_dim / 2], float32: RoPE's frequencies, each row's own (Qwen-1's NTK).
        nowhere: the index of the slot that nobody reads.
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
        self.kv = torch.zeros(layers, 2, slots + 1, heads, length, head_dim, dtype=dtype, device=device)
        self.inv_freq = torch.zeros(slots + 1, head_dim // 2, dtype=torch.float32, device=device)

    @property
    def slots(self) -> int:
        return self.kv.shape[2] - 1

    @property
    def nowhere(self) -> int:
        return self.slots

    @property
    def length(self) -> int:
        """Positions a slot has room for."""
        return self.kv.shape[4]

    def keys(self, layer: int) -> Tensor:
        """[slots + 1, heads, length, head_dim], a view."""
        return self.kv[layer, 0]

    def values(self, layer: int) -> Tensor:
        """[slots + 1, heads, length, head_dim], a view."""
        return self.kv[layer, 1]

    def copy(self, source: int, target: int, length: int) -> None:
        """Give slot `target` the first `length` positions of slot `source`."""
        self.kv[:, :, target, :, :length] = self.kv[:, :, source, :, :length]
        self.inv_freq[target] = self.inv_freq[source]

    def taken(self, slot: int, length: int) -> Tensor:
        """Return a copy of a slot's first `length` positions: [layers, 2, heads, length, head_dim]."""
        return self.kv[:, :, slot, :, :length].clone()

    def put(self, slot: int, kv: Tensor) -> None:
        """Write what taken() returned to the beginning of a slot."""
        self.kv[:, :, slot, :, : kv.shape[3]] = kv

    def resized(self, slots: int, length: int) -> SlotCache:
        """Return a cache of another size with as much of this one's content as has room in it."""
        layers, _, _, heads, _, head_dim = self.kv.shape
        new = SlotCache(
            slots, length, layers=layers, heads=heads, head_dim=head_dim, dtype=self.kv.dtype, device=self.kv.device
        )
        kept, reach = min(slots, self.slots), min(length, self.length)
        new.kv[:, :, :kept, :, :reach] = self.kv[:, :, :kept, :, :reach]
        new.inv_freq[:kept] = self.inv_freq[:kept]
        return new
