"""The way of a run's items: read ahead, through the model's lane, and out again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from mqwen.engine.caption import Caption
from mqwen.engine.events import Event
from mqwen.engine.lane import Lane
from mqwen.engine.read_ahead import read_ahead
from mqwen.engine.request import Request
from mqwen.engine.scheduler import Answer
from mqwen.errors import Cancelled, MqwenError

Prepared = Sequence[Request] | MqwenError


@dataclass
class _Pending:
    """An item under way: its answers so far, by question."""

    item: Any
    questions: int
    captions: dict[int, Caption] = field(default_factory=dict)


class Flow:
    """Brings items to a Lane and its answers to the caller, as Events.

    Args:
        prepare: makes the requests of an item, in a reading thread.
        decode: makes text of an answer's ids.
        depth: items that are read ahead, and as many that wait for a slot.
        ordered: captions and errors in the order of the items.
        finishing: once it is true, no item is begun any more.
    """

    def __init__(
        self,
        lane: Lane,
        prepare: Callable[[Any], Prepared],
        decode: Callable[[Sequence[int]], str],
        *,
        depth: int,
        ordered: bool,
        finishing: Callable[[], bool],
    ) -> None:
        self._lane = lane
        self._prepare = prepare
        self._decode = decode
        self._depth = depth
        self._ordered = ordered
        self._finishing = finishing
        self._pending: dict[int, _Pending] = {}
        self._begun = 0
        self._held: dict[int, Event] = {}  # by ticket: complete, but something before it is not
        self._next_out = 0

    def run(self, items: Iterable[Any]) -> Iterator[Event]:
        """Yield what happens until all items are done; raises as Lane.answers(), and what `items` raises."""
        try:
            with closing(read_ahead(items, self._prepare, depth=self._depth, ordered=self._ordered)) as ready:
                try:
                    yield from self._all(ready)
                finally:
                    self._lane.close()  # the model stops first: `items` may take its time to end
        except Cancelled:
            yield from self._rest()
            raise
        yield from self._rest()

    def _all(self, ready: Iterator[tuple[Any, Prepared] | None]) -> Iterator[Event]:
        feeding = True
        while True:
            if feeding and self._finishing():
                feeding = False
                self._lane.no_more()
            has_room = feeding and self._lane.backlog + len(self._held) < self._depth
            if has_room:
                try:
                    entry = next(ready)
                except StopIteration:
                    feeding = has_room = False
                    self._lane.no_more()
                else:
                    if entry is not None:
                        yield from self._begin(*entry)
            for answer in self._lane.answers(0) if has_room else self._lane.answers():
                yield from self._note(answer)
            if not feeding and self._lane.ended:
                break

    def _begin(self, item: Any, prepared: Prepared) -> Iterator[Event]:
        ticket, self._begun = self._begun, self._begun + 1
        if isinstance(prepared, MqwenError):
            yield from self._out(ticket, Event("error", item, error=prepared))
            return
        self._pending[ticket] = _Pending(item, len(prepared))
        for request in prepared:
            request.ticket = ticket
        self._lane.offer(prepared)

    def _note(self, answer: Answer) -> Iterator[Event]:
        request = answer.request
        pending = self._pending.get(request.ticket)
        if pending is None:  # another question about it has failed
            return
        if answer.kind == "token":
            yield Event("token", pending.item, request.question, self._decode(answer.tokens))
            return
        if answer.kind == "error":
            del self._pending[request.ticket]
            yield from self._out(request.ticket, Event("error", pending.item, error=answer.error))
            return
        assert answer.caption is not None
        pending.captions[request.question] = answer.caption
        if len(pending.captions) == pending.questions:
            del self._pending[request.ticket]
            captions = tuple(pending.captions[number] for number in range(pending.questions))
            yield from self._out(request.ticket, Event("caption", pending.item, captions=captions))

    def _out(self, ticket: int, event: Event) -> Iterator[Event]:
        if not self._ordered:
            yield event
            return
        self._held[ticket] = event
        while self._next_out in self._held:
            yield self._held.pop(self._next_out)
            self._next_out += 1

    def _rest(self) -> Iterator[Event]:
        """What is complete, though something before it never will be."""
        for ticket in sorted(self._held):
            yield self._held.pop(ticket)
