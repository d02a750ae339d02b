"""Source: one subscription that a relay publishes, and what of it waits to be written.

Events wait as they came; their entries are made when it is their turn, on the relay's own thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from attrs import frozen

from ..errors import ProtocolError, VenueError
from ..models import Gap, GapReason, StateChange
from ..protocol.catalogue import Catalogue, Decode
from ..protocol.codec import Event
from ..session.sink import SinkSubscription
from .entry import Draft, Head, Kind, end_text, gap_text, state_text

__all__ = ["End", "Note", "Run", "Source", "Unreadable", "drafts_of"]

Unreadable = Callable[[Exception], object]
"""What is told of an event that cannot be handed on."""


class Source:
    """One subscription that is published: what its entries have in common.

    `told` is the term of which its readers know, and the relay's own thread's, as the heads are;
    `epoch` is the connection that its last events came by, or a later one of the client's.
    """

    def __init__(self, subscription: SinkSubscription, catalogue: Catalogue) -> None:
        self.subscription = subscription
        self.topic = topic = subscription.topic
        self.catalogue = catalogue
        self.narrow: tuple[str, ...] = () if topic.narrow is None else topic.narrow.words
        self.told = 0
        self.epoch = 0
        self._epoch = -1
        self._heads: dict[Decode, Head] = {}

    def head(self, decode: Decode, epoch: int) -> Head | None:
        """Return what entries of this decoder begin with, or None where it has no name."""
        if epoch != self._epoch:
            self._heads.clear()
            self._epoch = epoch
        head = self._heads.get(decode)
        if head is None:
            name = self.catalogue.name(decode)
            if name is None:
                return None
            head = Head(Kind.EVENT, self.topic.name, self.narrow, name, epoch)
            self._heads[decode] = head
        return head

    def gap(self, gap: Gap, received: int) -> Draft:
        """Return the entry of a gap; one that no connection made is of the present one."""
        head = Head(Kind.GAP, self.topic.name, self.narrow, "", gap.epoch or self.epoch)
        return Draft(head, received, None, gap_text(gap))


class Run(NamedTuple):
    """Events of one subscription that came one after the other."""

    source: Source
    epoch: int
    received: int
    events: list[Event]


@frozen
class End:
    """A subscription is over; `error` says why, where it was not closed."""

    error: VenueError | None


class Note:
    """Anything else that waits; its entry is made when it is its turn."""

    def __init__(self, source: Source | None, received: int, told: Gap | StateChange | End) -> None:
        self.source = source
        self.received = received
        self.told = told

    def draft(self) -> Draft:
        """Return its entry."""
        told = self.told
        if isinstance(told, Gap):
            assert self.source is not None
            return self.source.gap(told, self.received)
        if isinstance(told, StateChange):
            return Draft(Head(Kind.STATE, epoch=told.epoch), self.received, None, state_text(told))
        head = Head(Kind.END, "" if self.source is None else self.source.topic.name)
        return Draft(head, self.received, None, end_text(told.error))


def drafts_of(run: Run, events: Sequence[Event], unreadable: Unreadable) -> Iterator[Draft]:
    """Make entries of events; one that only this process could read becomes a gap."""
    source, epoch, received = run.source, run.epoch, run.received
    time_ns = source.catalogue.time_ns
    for event in events:
        payload = event.payload
        try:
            head = source.head(event.decode, epoch)
            at = None if head is None else time_ns(head.decoder, payload)
        except Exception as error:
            # A mistake of ours: what comes behind it goes on.
            unreadable(error)
        else:
            if head is not None:
                yield Draft(head, received, at, payload)
                continue
            unreadable(_why(event))
        yield source.gap(Gap(GapReason.UNDECODABLE, 1, epoch), received)


def _why(event: Event) -> Exception:
    """Return why an event cannot be handed on: what reading it raises, if it does."""
    try:
        event.decode(event.payload)
    except Exception as error:
        return error
    return ProtocolError("an event whose decoder has no name", frame=event.payload)
