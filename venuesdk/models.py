"""Values that every venue and every layer shares; no behaviour beyond their own consistency."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from attrs import field, frozen

__all__ = ["Gap", "GapReason", "HttpRequest", "HttpResponse", "State", "StateChange"]


class State(enum.Enum):
    """Where a client stands.

    ``NEW``: never connected. ``CONNECTING``: the first connection is being made. ``CONNECTED``:
    logged in. ``RECONNECTING``: the connection was lost, the next one is being made or waited
    for. ``FAILED``: the venue refused the login, and every call raises that until ``connect()``
    is called again. ``CLOSED``: you closed it.
    """

    NEW = "new"
    """Never connected."""
    CONNECTING = "connecting"
    """The first connection is being made."""
    CONNECTED = "connected"
    """Logged in; requests go out at once."""
    RECONNECTING = "reconnecting"
    """The connection was lost; the next one is being made or waited for."""
    FAILED = "failed"
    """The venue refused the login: every call raises that refusal until ``connect()``."""
    CLOSED = "closed"
    """You closed it."""


@frozen
class StateChange:
    """One step of a client from one state to another.

    ``state`` is where it stands now, ``previous`` where it stood, ``reason`` text for people.
    ``attempt`` counts the attempts since the last healthy connection, from 0; ``epoch`` counts the
    connections made so far; ``error`` is what caused the change, where something did.
    """

    state: State
    previous: State
    reason: str = ""
    attempt: int = 0
    epoch: int = 0
    error: BaseException | None = field(default=None, eq=False)


class GapReason(enum.Enum):
    """Why data was, or may have been, missed.

    ``RECONNECTED``: what the venue sent between two connections is gone. ``OVERFLOW``: the
    consumer was slower than the stream. ``UNDECODABLE``: an event could not be read.
    ``RESUBSCRIBED``: the stream was started anew on the wire, to bring a full state. ``STALE``:
    nothing came for the subscription's ``stale_after`` seconds. Only over a relay: ``TAKEN_OVER``:
    another publisher carries the stream on; ``LOST``: the engine lost what it had stored.
    """

    RECONNECTED = "reconnected"
    """The connection was lost and made again; what the venue sent in between is gone."""
    OVERFLOW = "overflow"
    """The consumer was slower than the stream, and the queue's bound was reached."""
    UNDECODABLE = "undecodable"
    """An event arrived that could not be read."""
    RESUBSCRIBED = "resubscribed"
    """The subscription was made anew on the wire, to bring a full state."""
    STALE = "stale"
    """Nothing came for ``stale_after`` seconds: the market may be quiet, or the stream dead at the
    venue. The connection is kept; the next event ends the silence."""
    TAKEN_OVER = "taken_over"
    """Another publisher carries a relayed stream on; what the venue sent in between is gone."""
    LOST = "lost"
    """The engine of a relay lost, or was told to forget, entries that it had stored."""


@frozen
class Gap:
    """Data was, or may have been, missed before the next event of a subscription.

    ``reason`` says why; ``count`` is the exact number of events lost where it is known, else
    ``None``; ``epoch`` is the number of the connection that the next event comes from.
    """

    reason: GapReason
    count: int | None = None
    epoch: int = 0


def _without_query(url: object) -> str:
    """Show a URL without its query string, in which some venues carry a key."""
    return repr(str(url).partition("?")[0])


@frozen
class HttpRequest:
    """One HTTP request: a path (or whole URL), its headers and its body."""

    method: str
    url: str = field(repr=_without_query)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@frozen
class HttpResponse:
    """What came back: the status, the headers by lower-case name, the whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
