"""Which request is in which slot of the cache, and what of its prompt is there already.

What stands before the image in a prompt is read once and copied into every slot from then on. Of several questions
about one picture the first is read whole; the others begin with a copy of what all of them begin with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from mqwen.engine.cache import SlotCache
from mqwen.engine.decoder import ROW_MULTIPLE, WINDOW_MULTIPLE, Decoder
from mqwen.engine.device import Plan
from mqwen.engine.request import Look, Request
from mqwen.engine.sampling import Speech


@dataclass(eq=False)
class Row:
    """A request in a slot.

    Attributes:
        speech: its answer so far.
        embeds: its prompt, [length, hidden].
        length: its spliced prompt, positions.
        done: positions of the prompt that are in the cache.
        prefix: the first so many of them are the text before the image, and read on their own; 0: not so.
        prefix_key: what that text is known by.
    """

    request: Request
    slot: int
    speech: Speech
    embeds: Tensor
    length: int
    done: int
    prefix: int
    prefix_key: tuple[int, ...]

    @property
    def reading(self) -> bool:
        return self.done < self.length

    def next_piece(self, most: int) -> int:
        """Return how many positions to read next: by the row alone, whatever else is in the batch.

        What is left is cut evenly: a short piece costs more than its share of a long one (docs/performance.md).
        """
        left = (self.prefix if self.done < self.prefix else self.length) - self.done
        steps = -(-left // most)
        return -(-left // steps)


class Slots:
    """The rows in flight and their cache, which is made when the first row enters and grows with the longest.

    Attributes:
        rows: by slot.
        size: slots in use at most.
        cache: None before the first row.
    """

    def __init__(self, decoder: Decoder, plan: Plan, size: int) -> None:
        self.rows: dict[int, Row] = {}
        self.size = size
        self.cache: SlotCache | None = None
        self._decoder = decoder
        self._plan = plan
        # By slot: the look whose shared positions it begins with, how many, and the NTK factor they were turned with.
        self._held: dict[int, tuple[Look, int, int]] = {}

    def in_order(self) -> list[Row]:
        """Return the rows as they came in."""
        return list(self.rows.values())

    def padded(self, rows: int) -> int:
        """Return how many rows a step computes for so many: few shapes on a card, a multiple of 4 on a processor."""
        if self._plan.device.type != "cuda":
            return -(-rows // ROW_MULTIPLE) * ROW_MULTIPLE
        return min(self.size, 1 << (rows - 1).bit_length()) if rows else 0

    def has_room(self) -> bool:
        return len(self.rows) < self.size

    def waits(self, request: Request) -> bool:
        """A sibling is still reading what this request could share: it is worth waiting for."""
        if not request.shared_ids or self._ready(request, None):
            return False
        return any(look is request.look for look, _, _ in self._held.values())

    def enter(self, request: Request, seed: int, max_new_tokens: int) -> Row:
        """Give a request the best free slot, with all that is known already of its prompt.

        Raises:
            InputError: its markers and images do not match.
        """
        config: Any = self._decoder.config
        spliced = request.spliced(config.image_token_id, config.image_tokens)
        length, factor = len(spliced), self._decoder.rope_factor(len(spliced))
        embeds = self._decoder.embed(request.input_ids + request.begun, request.look.features, self._plan.device)
        cache = self._cache_for(self._room(length + max_new_tokens - len(request.kept)))
        free = [slot for slot in range(self.size) if slot not in self.rows]
        prefix = request.input_ids.index(config.image_token_id) if config.image_token_id in request.input_ids else 0
        key = (factor, *request.input_ids[:prefix])
        ready = self._ready(request, factor)
        if ready:
            shared = self._held[ready[0]][1]
            slot, done = next((slot for slot in ready if slot in free), free[0]), shared
            if slot not in ready:
                cache.copy(ready[0], slot, shared)
        else:
            slot, done = min(free, key=lambda slot: (slot in self._held, slot)), 0
        cache.inv_freq[slot] = self._decoder.frequencies(length)
        shared = sum(
            config.image_tokens if number == config.image_token_id else 1
            for number in request.input_ids[: request.shared_ids]
        )
        self._held.pop(slot, None)
        if shared:
            self._held[slot] = (request.look, shared, factor)
        most = self._decoder.vocabulary - 1  # a marker outside the vocabulary has no score to penalise
        speech = Speech([min(number, most) for number in spliced], request.begun, seed)
        row = Row(request, slot, speech, embeds, length, done, prefix, key)
        self.rows[slot] = row
        request.look.entered = True
        return row

    def room_for(self, request: Request, max_new_tokens: int) -> int:
        """Return the positions of the cache that a request needs."""
        config: Any = self._decoder.config
        length = len(request.spliced(config.image_token_id, config.image_tokens))
        return self._room(length + max_new_tokens - len(request.kept))

    def catch_up(self, row: Row) -> None:
        """Let a row that is not begun take the text before its image from those who have read it."""
        known = self._decoder.prefixes.get(row.prefix_key)
        if row.done == 0 and row.prefix and known is not None and self.cache is not None:
            self.cache.put(row.slot, known)
            row.done = row.prefix

    def read(self, row: Row, positions: int) -> None:
        """Note that so many positions more of a prompt are in the cache; keep a prefix for those who come."""
        row.done += positions
        if row.done == row.prefix and self.cache is not None:
            self._decoder.remember_prefix(row.prefix_key, self.cache.taken(row.slot, row.prefix))

    def leave(self, row: Row) -> None:
        """Free a row's slot; what it shares stays there as long as siblings may want it."""
        del self.rows[row.slot]
        if row.request.look.pending == 0:
            self._held = {slot: held for slot, held in self._held.items() if held[0] is not row.request.look}

    def close_gaps(self) -> None:
        """Move rows down into free slots, where that makes steps smaller: for when nobody comes any more."""
        if self.cache is None or not self.rows:
            return
        free = [slot for slot in range(max(self.rows)) if slot not in self.rows]
        while free and self.padded(len(self.rows)) < self.padded(max(self.rows) + 1):
            source, target = max(self.rows), free.pop(0)
            row = self.rows[source]
            self.cache.copy(source, target, row.done + len(row.speech.tokens))
            self.rows[target] = self.rows.pop(source)
            row.slot = target
            self._held.pop(target, None)
            if source in self._held:
                self._held[target] = self._held.pop(source)

    def resize(self, size: int) -> None:
        """Take more slots; the rows stay. Raises as the device runs out of memory; the rows can go on then, too."""
        before, self.size = self.size, size
        if self.cache is None:
            return
        try:
            self.cache.grow(self.padded(size), self.cache.length)
        except BaseException:
            self.size = before
            raise

    def drop(self, size: int) -> list[Request]:
        """Give all memory back; return the requests that were in flight, as they came in."""
        requests = [row.request for row in self.in_order()]
        self.rows.clear()
        self._held.clear()
        self._decoder.prefixes.clear()
        self.cache, self.size = None, size
        return requests

    def _ready(self, request: Request, factor: int | None) -> list[int]:
        """Return the slots that begin with what a request shares with its siblings."""
        return [
            slot
            for slot, (look, shared, turned) in self._held.items()
            if look is request.look
            and request.shared_ids
            and (factor is None or turned == factor)
            and (slot not in self.rows or self.rows[slot].done >= shared)
        ]

    def _cache_for(self, length: int) -> SlotCache:
        """Return the cache, with room for a row of so many positions, a multiple of attention's window."""
        slots = self.padded(self.size)
        if self.cache is None:
            self.cache = self._decoder.new_cache(slots, length, self._plan.device, self._plan.dtype)
        elif length > self.cache.length:
            self.cache.grow(slots, length)
        return self.cache

    def _room(self, positions: int) -> int:
        """Round up to what attention reads at once."""
        multiple = WINDOW_MULTIPLE["cuda" if self._plan.device.type == "cuda" else "cpu"]
        return -(-positions // multiple) * multiple


def prompt_positions(positions: range, width: int) -> list[int]:
    """Return the positions of a piece, filled up to `width` with the last one."""
    return [*positions, *[positions[-1]] * (width - len(positions))]


def block(pieces: list[Tensor], width: int) -> Tensor:
    """Return pieces [positions, hidden] one under the other, each filled up with zeros: [pieces * width, hidden]."""
    return torch.cat([torch.nn.functional.pad(piece, (0, 0, 0, width - len(piece))) for piece in pieces])
