"""What a client has counted: values to look at, never state that anything depends on."""

from __future__ import annotations

from attrs import frozen

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

    ``garbage`` counts frames that could not be read, ``undecodable`` events whose payload could
    not; ``requests`` counts calls, not subscribes, unsubscribes, logins and heartbeats, whose
    answers are among the ``responses`` and ``rejections``; ``late_responses`` answers that nobody
    waited for any more (or never did);
    ``unrouted_events`` events that no subscription claimed. ``queue_depth`` is what waits for a
    callback. ``last_frame_age`` is in seconds, ``None`` while there is no connection.
    """

    state: str
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
    events: int
    dropped: int
    gaps: int
    waiting_requests: int
    queue_depth: int
    last_frame_age: float | None
    callback_seconds: float
    subscriptions: tuple[SubscriptionStats, ...]
