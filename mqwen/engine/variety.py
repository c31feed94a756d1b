"""What the vision tower makes of pictures, one vector each, and which of many pictures differ most by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mqwen.engine.gate import Gate, Paused
from mqwen.engine.read_ahead import read_ahead
from mqwen.errors import Cancelled, ImageError, MqwenError
from mqwen.model.vision import vision_features

if TYPE_CHECKING:
    from mqwen.model.splice import MQwenForConditionalGeneration

Item = TypeVar("Item")
Asked = Callable[[], bool]

_READ_AHEAD = 16  # pictures that are decoded, or being decoded, before the tower has seen them
# Cosines closer than this are equal: rounding of 16 bits, which is nothing to the eye.
_DECIMALS = 4


class _TimeIsUp(Exception):
    """Not even the picture in hand is to be looked at any further."""


@torch.inference_mode()
def vision_vector(
    model: MQwenForConditionalGeneration, pixel_values: Tensor, between: Callable[[], object] | None = None
) -> Tensor:
    """The mean over a picture's image tokens of what the tower hands to the projector, of length 1.

    Every tower has these states (CLIP, SigLIP, Chinese-CLIP), where many a checkpoint lacks the tower's own pooling.

    Args:
        pixel_values: [3, H, W].
        between: called before every layer of the tower; what it raises comes out.

    Returns:
        [tower width * number of layers named], float32, in main memory.
    """
    states = vision_features(model.vision_tower, pixel_values[None], model.config, between)
    return normalize(states[0].float().mean(0), dim=0).cpu()


def look_at(
    items: Iterable[Item],
    read: Callable[[Item], Tensor],
    look: Callable[[Tensor, Callable[[], None]], Tensor],
    *,
    seconds: float,
    cancelled: Asked | None = None,
    paused: Asked | None = None,
) -> Iterator[tuple[Item, Tensor | MqwenError]]:
    """Yield (item, its vector) or (item, the error that met it) as they get done, until `seconds` have passed.

    Pictures are looked at one by one, so that a vector does not depend on what is beside it.

    Args:
        read: gives pixel_values [3, H, W] of an item, in a reading thread.
        look: gives the vector of pixel_values, and calls its second argument before every layer; repeated if that
            broke it off for a pause.
        cancelled: asked as often.
        paused: while it is true nothing is computed.

    Raises:
        Cancelled: cancelled() was true.
    """
    end = monotonic() + seconds

    def ended() -> None:
        if cancelled is not None and cancelled():
            raise Cancelled("stopped")
        if monotonic() >= end:
            raise _TimeIsUp

    gate = Gate(ended, paused)

    def looked_at(pixels: Tensor) -> Tensor:
        while True:
            gate.between_steps()
            try:
                return look(pixels, gate.between_layers)
            except Paused:
                continue

    def prepare(item: Item) -> Tensor | MqwenError:
        try:
            return read(item)
        except MqwenError as error:
            return error
        except Exception as error:
            return ImageError(f"cannot be read ({error!r})")

    with closing(read_ahead(items, prepare, depth=_READ_AHEAD)) as ready:
        for entry in ready:
            try:
                ended()
                if entry is None:
                    continue
                item, pixels = entry
                result = pixels if isinstance(pixels, MqwenError) else looked_at(pixels)
            except _TimeIsUp:
                return
            if isinstance(result, MqwenError) or bool(result.isfinite().all()):
                yield item, result


def varied(items: Sequence[Item], seen: Mapping[Item, Tensor | MqwenError], count: int, first: int = 0) -> list[Item]:
    """Choose items that differ, see farthest_first().

    Items that nobody has looked at fill up what is left, in their own order, and those with an error come last.

    Args:
        seen: the vectors, or errors, of some items.
        first: so many items, from the first, are chosen in any case.
    """
    looked_at = [item for item in items if isinstance(seen.get(item), Tensor)]
    chosen = list(items[:first])
    if looked_at:
        rows = {item: row for row, item in enumerate(looked_at)}
        known = [rows[item] for item in chosen if item in rows]
        vectors = torch.stack([vector for item in looked_at if isinstance(vector := seen[item], Tensor)])
        order = farthest_first(vectors, count - len(chosen) + len(known), known)
        chosen += [looked_at[row] for row in order[len(known) :]]
    taken = set(chosen)
    left = sorted((item for item in items if item not in taken), key=lambda item: item in seen)
    return (chosen + left)[:count]


def farthest_first(vectors: Tensor, count: int, first: Sequence[int] = ()) -> list[int]:
    """Choose rows that differ: each the one that is least like the most similar of those before (Gonzalez, 1985).

    Of two rows that are almost the same the second so comes only after all that differ from those chosen; of equally
    distant ones the earlier comes first.

    Args:
        vectors: [rows, width], each of length 1.
        count: rows wanted, less if there are not as many.
        first: rows that are chosen in any case; without, it begins with the first of all.

    Returns:
        the rows' numbers in the order of their choice, `first` included.
    """
    count = min(count, len(vectors))
    chosen = list(first) or list(range(min(1, count)))
    nearest = (vectors @ vectors[chosen].T).amax(1) if chosen else vectors.new_empty(0)
    while len(chosen) < count:
        nearest[chosen] = torch.inf
        chosen.append(int(nearest.round(decimals=_DECIMALS).argmin()))  # the first of equals
        nearest = torch.maximum(nearest, vectors @ vectors[chosen[-1]])
    return chosen
