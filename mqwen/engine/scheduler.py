"""Continuous batching: captions at different places of their making share every step of the model.

A request waits, gets a slot, its prompt is read in pieces, its answer is decoded token by token, and it leaves; the
next one takes its slot at once. Reading and decoding share steps, so that the weights are fetched once for both.

When memory runs out, everything in flight goes back to the head of the queue, the cache is dropped and the slots are
halved; nothing is lost but time, since every answer is made again as it was. Later the slots grow again. Where it runs
out for one picture alone, that one is tried again with longer and longer pauses: another program may have taken it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from mqwen.engine.caption import Caption
from mqwen.engine.captured import CapturedSteps
from mqwen.engine.decoder import ROW_MULTIPLE, WINDOW_MULTIPLE, Decoder, StepInput, StepShape
from mqwen.engine.device import Plan, out_of_memory
from mqwen.engine.patience import Patience
from mqwen.engine.request import Look, Request
from mqwen.engine.sampling import Chooser, Sampling
from mqwen.engine.slots import Row, Slots, block, prompt_positions
from mqwen.engine.wording import Wording, complete
from mqwen.errors import Cancelled, DeviceError, MqwenError

if TYPE_CHECKING:
    from mqwen.model.processor import MQwenProcessor

# Prompt tokens of a step, at most. On a processor more gain nothing and make steps long.
_CHUNK_TOKENS = {"cpu": 256, "cuda": 1024}
# Images that the tower looks at together. On a processor more gain nothing.
_IMAGES_AT_ONCE = {"cpu": 1, "cuda": 16}
# A block of pieces is so many tokens wide or a multiple of it; on a card, so that few shapes occur.
_WIDTH_MULTIPLE = {"cpu": ROW_MULTIPLE, "cuda": 32}
# Attempts at a picture that is longer than those which have just gone through.
_ATTEMPTS_TOO_LONG = 5

TOO_LARGE = DeviceError("not enough memory for this picture", hint="Close other programs, or take a smaller model.")


@dataclass(frozen=True)
class Answer:
    """What a step brought to one request.

    Attributes:
        kind: "token": the answer has grown; "caption": it is complete; "error": it never will be.
        tokens: for "token", the answer's ids so far.
    """

    kind: Literal["token", "caption", "error"]
    request: Request
    tokens: tuple[int, ...] = ()
    caption: Caption | None = None
    error: MqwenError | None = None


@dataclass
class Allowance:
    """How many slots memory has room for, learned when it ran out; shared by all runs of a Captioner.

    Attributes:
        most: slots allowed, None without a limit.
        most_images: images that the tower may look at together, likewise.
    """

    most: int | None = None
    most_images: int | None = None
    _calm: int = 0
    _patience: int = 16

    def of(self, wanted: int) -> int:
        """Return how many of `wanted` slots are allowed."""
        return wanted if self.most is None else min(wanted, self.most)

    def images_of(self, wanted: int) -> int:
        """Return how many of `wanted` images are allowed."""
        return wanted if self.most_images is None else min(wanted, self.most_images)

    def shrink(self, in_flight: int, images: int | None = None) -> None:
        """Allow half of what was in flight when memory ran out; the next growth comes later than the last one.

        Args:
            images: that were allowed, unless it was not for them.
        """
        was, self.most = self.most, max(1, in_flight // 2)
        if images is not None:
            self.most_images = max(1, images // 2)
        self._calm = 0
        if was != 1:  # at one slot nothing had grown too early
            self._patience = min(2 * self._patience, 256)

    def count(self, captions: int) -> None:
        """Let the slots grow after so many captions without trouble."""
        self._calm += captions
        if self.most is not None and self._calm >= self._patience:
            self.most, self._calm = 2 * self.most, 0
            self.most_images = None if self.most_images is None else 2 * self.most_images


class Scheduler:
    """Makes the answers to requests, a step at a time; see the module.

    Args:
        slots: wanted, at most.
        between: called before every layer while pictures and prompts are read; what it raises ends the run.
        admitting: asked before a picture is begun; once it is false those that are not begun wait for good.
        telling: whether every token is an Answer.
        captured: does the steps instead of the decoder itself; by default so on a card that holds all layers.
        patience: between attempts at a picture that memory does not suffice for alone.

    Attributes:
        wording: makes the captions.
        waiting: requests without a slot.
    """

    def __init__(
        self,
        decoder: Decoder,
        processor: MQwenProcessor,
        plan: Plan,
        sampling: Sampling,
        slots: int,
        *,
        allowance: Allowance | None = None,
        between: Callable[[], object] | None = None,
        admitting: Callable[[], bool] = lambda: True,
        telling: bool = False,
        captured: CapturedSteps | None = None,
        patience: Patience | None = None,
    ) -> None:
        kind = "cuda" if plan.device.type == "cuda" else "cpu"
        self._chunk, self._width = _CHUNK_TOKENS[kind], _WIDTH_MULTIPLE[kind]
        self._window = WINDOW_MULTIPLE[kind]
        self._images_at_once = _IMAGES_AT_ONCE[kind]
        self._decoder = decoder
        self._plan = plan
        self._stop_ids = processor.stop_ids
        self._sampling = sampling
        self._wanted = slots
        self._allowance = allowance or Allowance()
        self._between = between
        self._admitting = admitting
        self._telling = telling
        self.wording = Wording(sampling, processor)
        self._chooser = Chooser(sampling, processor, self.wording.watch)
        self.waiting: deque[Request] = deque()
        self._slots = Slots(decoder, plan, self._allowance.of(slots))
        self._answers: list[Answer] = []
        if captured is None and kind == "cuda" and not plan.offload:
            captured = CapturedSteps(decoder)
        self._captured = captured
        self._patience = patience or Patience()
        self._fitted = 0  # positions of the longest answer since the last wait for memory

    @property
    def busy(self) -> bool:
        """A step would bring something on."""
        return bool(self._slots.rows) or self._coming

    @property
    def _coming(self) -> bool:
        """The first that waits may have a slot. Those of pictures that are begun stand before all others."""
        return bool(self.waiting) and (self.waiting[0].look.entered or self._admitting())

    def add(self, requests: Iterable[Request]) -> None:
        """Queue requests; those of one look one after the other."""
        for request in requests:
            request.given = self.wording.given
            self.waiting.append(request)

    def rest(self) -> None:
        """Wait where memory ran out for a picture alone. For between two steps: it takes up to half a minute."""
        self._patience.spend(lambda: self.busy, self._between or (lambda: None))

    @torch.inference_mode()
    def step(self) -> list[Answer]:
        """Do one step; return what it brought. What is wrong, except too little memory, is raised."""
        with _as_current(self._plan.device):
            return self._step()

    def _step(self) -> list[Answer]:
        failed = False
        try:
            self._grow()
            self._admit()
            if self._slots.rows:
                self._advance()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            failed = True
        # Only here, outside the handler, is the failed step's memory free: the traceback held it.
        if failed:
            self._start_over()
        answers, self._answers = self._answers, []
        self._allowance.count(sum(answer.kind == "caption" for answer in answers))
        return answers

    def _grow(self) -> None:
        """Take as many slots as are allowed now; if there is no room for them, nobody in flight suffers."""
        if (size := self._allowance.of(self._wanted)) <= self._slots.size:
            return
        try:
            self._slots.resize(size)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            self._allowance.shrink(2 * self._slots.size)

    def _admit(self) -> None:
        while self._slots.has_room() and self._coming:
            request = self.waiting[0]
            if self._slots.waits(request):
                break
            try:
                if request.look.features is None and request.look.pixel_values:
                    self._look(request.look)
                self._slots.enter(request, self._chooser.seed, self._sampling.max_new_tokens)
            except Cancelled:  # of the run, between two layers: it is no trouble of this picture's
                raise
            except MqwenError as error:  # markers and images that do not match
                self._answers.append(Answer("error", request, error=error))
                request.look.answered()
            self.waiting.popleft()
        if not self._coming:
            self._slots.close_gaps()

    def _look(self, look: Look) -> None:
        """Compute the features of a look, and of those that wait behind it as far as they are looked at together."""
        at_once = self._allowance.images_of(self._images_at_once)
        looks, images = [look], len(look.pixel_values)
        for request in self.waiting:
            other = request.look
            if other in looks or other.features is not None or not other.pixel_values:
                continue
            images += len(other.pixel_values)
            if images > at_once:
                break
            looks.append(other)
        pixels = [image for one in looks for image in one.pixel_values]
        features: list[Tensor] = []
        for begin in range(0, len(pixels), at_once):
            batch = [
                image.to(self._plan.device, self._plan.dtype, non_blocking=True)
                for image in pixels[begin : begin + at_once]
            ]
            features += self._decoder.look(torch.stack(batch), self._between).unbind()
        for one in looks:
            one.features = torch.stack(features[: len(one.pixel_values)])
            del features[: len(one.pixel_values)]

    def _advance(self) -> None:
        """One step of the model for all rows in flight."""
        rows = self._slots.in_order()
        pieces = self._pieces([row for row in rows if row.reading])
        speaking = [row for row in rows if not row.reading]
        finished = [row for row, count in pieces if row.done + count == row.length]
        assert self._slots.cache is not None
        given = self._input(speaking, pieces, finished)
        step = self._captured.step if self._captured is not None else self._decoder.step
        logits = step(self._slots.cache, given, self._between if pieces else None)
        speaking += finished
        tokens = self._chooser.choose(logits, [row.speech for row in speaking]) if speaking else []
        for row, count in pieces:
            self._slots.read(row, count)
        assert len(tokens) == len(speaking)
        for row in speaking:
            self._end_or_go_on(row)

    def _pieces(self, reading: list[Row]) -> list[tuple[Row, int]]:
        """Choose which prompts go on in this step and by how much: the oldest, and others of about its length."""
        pieces: list[tuple[Row, int]] = []
        prefixes = set()
        for row in reading:
            self._slots.catch_up(row)
            if row.done < row.prefix:
                if row.prefix_key in prefixes:
                    continue  # it is being read
                prefixes.add(row.prefix_key)
            count = row.next_piece(self._chunk)
            first = pieces[0][1] if pieces else count
            if (len(pieces) + 1) * max(first, count) <= self._chunk and 4 * abs(count - first) <= first:
                pieces.append((row, count))
        return pieces

    def _input(self, speaking: list[Row], pieces: list[tuple[Row, int]], finished: list[Row]) -> StepInput:
        cache, slots = self._slots.cache, self._slots
        assert cache is not None
        rows = slots.padded(max((row.slot + 1 for row in speaking), default=0))
        tokens, positions, places = [0] * rows, [0] * rows, [cache.nowhere] * rows
        for row in speaking:
            said = row.speech.tokens
            tokens[row.slot], positions[row.slot], places[row.slot] = said[-1], row.length + len(said) - 1, row.slot
        width = max((count for _, count in pieces), default=0)
        width = _up_to(width, self._width)
        last = {row.slot: row.slot for row in speaking}  # where among all rows a slot's logits come from
        for number, (row, count) in enumerate(pieces):
            positions += prompt_positions(range(row.done, row.done + count), width)
            places += [row.slot] * count + [cache.nowhere] * (width - count)
            last[row.slot] = rows + number * width + count - 1
        tokens += [0] * (width * len(pieces))
        wanted = [last[row.slot] for row in (*speaking, *finished)]
        if wanted:
            wanted += wanted[:1] * (self._padded_logits(len(wanted), rows + len(pieces)) - len(wanted))
        window = min(cache.length, _up_to(max(positions) + 1, self._window))
        numbers = self._sent([*tokens, *positions, *places, *wanted, *(row.slot for row, _ in pieces)])
        total = len(tokens)
        return StepInput(
            StepShape(rows, len(pieces), width, window, len(wanted)),
            numbers=numbers[: 3 * total].view(3, total),
            logit_rows=numbers[3 * total : 3 * total + len(wanted)],
            piece_slots=numbers[3 * total + len(wanted) :],
            embeds=block([row.embeds[row.done : row.done + count] for row, count in pieces], width) if pieces else None,
        )

    def _padded_logits(self, wanted: int, most: int) -> int:
        """On a card always as many logits as a step of its shape can have, so that the shape stays the same."""
        return most if self._plan.device.type == "cuda" else _up_to(wanted, ROW_MULTIPLE)

    def _sent(self, numbers: list[int]) -> Tensor:
        """Return numbers on the device, in one copy that nobody waits for."""
        if self._plan.device.type != "cuda":
            return torch.tensor(numbers)
        return torch.tensor(numbers, pin_memory=True).to(self._plan.device, non_blocking=True)

    def _end_or_go_on(self, row: Row) -> None:
        request, speech = row.request, row.speech
        why = complete(speech.tokens, self._stop_ids, self._sampling.max_new_tokens - len(request.kept))
        said = request.begun + (speech.tokens[:-1] if why == "stop" else speech.tokens)
        if self._telling and len(said) > request.told:
            request.told = len(said)
            self._answers.append(Answer("token", request, tokens=tuple(said)))
        if why is None:
            return
        caption = self.wording.caption(request, speech, why)
        retry = self.wording.another_attempt(request, speech, caption)
        if retry is not None:
            retry.told = 0
            self.waiting.appendleft(retry)
        else:
            self._answers.append(Answer("caption", request, caption=caption))
            self._fitted = max(self._fitted, self._room(request))
        request.look.answered()
        self._slots.leave(row)

    def _start_over(self) -> None:
        """Memory has run out: put back what was in flight and go on with half the slots, or give up a lone picture."""
        in_flight, images = len(self._slots.rows), self._allowance.images_of(self._images_at_once)
        alone = self._slots.size == 1 and images == 1
        if in_flight <= 1 and self._slots.size > 1:
            in_flight = self._slots.size  # it was the cache, or the tower, that had no room
        self._allowance.shrink(in_flight, images)
        if self._captured is not None:
            self._captured.clear()
        requests = self._slots.drop(self._allowance.of(self._wanted))
        self.waiting.extendleft(reversed(requests))
        if alone and self.waiting:
            self._try_again_later(self.waiting[0])
        if self._plan.device.type == "cuda":
            torch.cuda.empty_cache()

    def _try_again_later(self, request: Request) -> None:
        """Wait before the next attempt at a picture that failed alone, or give it up with all that is asked about it.

        There is no wait where only shorter ones have gone through: then it is its own length that is too much.
        """
        request.attempts += 1
        too_long = 0 < self._fitted < self._room(request)
        if not too_long:
            self._fitted = 0
            if self._patience.begin(request.attempts):
                return
        elif request.attempts < _ATTEMPTS_TOO_LONG:
            return
        for sibling in [other for other in self.waiting if other.look is request.look]:
            self.waiting.remove(sibling)
            sibling.look.answered()
            self._answers.append(Answer("error", sibling, error=TOO_LARGE))

    def _room(self, request: Request) -> int:
        return self._slots.room_for(request, self._sampling.max_new_tokens)


def _as_current(device: torch.device) -> AbstractContextManager[object]:
    """Let a card be the thread's current one: streams and captures go by that, not by their tensors."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def _up_to(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
