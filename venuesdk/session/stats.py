"""What a client has counted: values to look at, never state that anything depends on."""

from __future__ import annotations

from datetime import datetime, timezone

from attrs import frozen

from .exposition import families_of, text_of
from .subscription import SubscriptionStats

__all__ = ["Counters", "Stats"]


class Counters:
    """The running counts of a session. Each is written under the session's lock."""

    __slots__ = (
        "garbage",
        "late_responses",
        "reconnects",
        "rejections",
        "requests",
        "responses",
        "timeouts",
    )

    def __init__(self) -> None:
        self.requests = 0
        self.responses = 0
        self.rejections = 0
        self.timeouts = 0
        self.late_responses = 0
        self.garbage = 0
        self.reconnects = 0


@frozen
class Stats:
    """The counters of one client, at one moment.

    ``epoch`` is how many connections were made, and ``connection_age`` how many seconds ago the
    present one was logged in; ``last_frame_age`` is in seconds too, and both are ``None`` while
    there is no connection. ``state_since_unix`` is when the state was last entered, in seconds
    since 1970, UTC, and ``state_since`` the same as a datetime.

    ``requests`` counts calls, not subscribes, unsubscribes, logins and heartbeats, whose answers
    are among the ``responses`` and ``rejections``; ``late_responses`` answers that nobody waited
    for any more (or never did). ``garbage`` counts frames that could not be read, ``undecodable``
    events whose payload could not; ``unrouted_events`` events that no subscription claimed.
    ``errors`` counts what no caller waits for, whether ``on_error`` was told of it or will be.
    ``queue_depth`` is what waits for a callback, and ``slow_callbacks`` how many calls of callbacks
    took more than 250 ms.
    """

    venue: str
    state: str
    state_since_unix: float
    epoch: int
    frames_in: int
    frames_out: int
    bytes_in: int
    bytes_out: int
    requests: int
    responses: int
    rejections: int
    timeouts: int
    late_responses: int
    garbage: int
    undecodable: int
    unrouted_events: int
    reconnects: int
    errors: int
    events: int
    dropped: int
    gaps: int
    waiting_requests: int
    queue_depth: int
    connection_age: float | None
    last_frame_age: float | None
    callback_seconds: float
    slow_callbacks: int
    subscriptions: tuple[SubscriptionStats, ...]

    @property
    def state_since(self) -> datetime:
        """When the state was last entered."""
        return datetime.fromtimestamp(self.state_since_unix, timezone.utc)

    def prometheus(self, client: str = "", subscriptions: bool = True) -> str:
        """Return the counters in Prometheus' text format, version 0.0.4.

        Every sample has the labels ``venue`` and ``client``; `client` is by default the venue's
        name, and tells several clients of one venue apart. Without `subscriptions` those that
        each subscription has are left out: of thousands, they are many. For several clients at
        once, or to be scraped, see `venuesdk.metrics`. Raises `TypeError` for a `client` that is
        no text.
        """
        if not isinstance(client, str):
            raise TypeError(f"the name of a client is text, not {client!r}")
        return text_of(families_of([(client or self.venue, self)], subscriptions))
