"""Overview: the counters of a session, read at one moment; it changes nothing."""

from __future__ import annotations

from attrs import evolve

from ..protocol.feeds import Feed, Listener
from ..protocol.subscriptions import Subscriptions
from ..timing import monotonic
from .delivery import Delivery
from .link import Link, Traffic
from .slots import Slot, Slots
from .standing import Standing
from .stats import Counters, Stats
from .subscription import Subscription

__all__ = ["Overview"]


class Overview:
    """Look at what one session counts. Lock: the session's, for `stats` alone."""

    def __init__(
        self,
        standing: Standing,
        counters: Counters,
        delivery: Delivery,
        subscriptions: Subscriptions,
        slots: Slots,
        retired: Traffic,
    ) -> None:
        self._standing = standing
        self._counters = counters
        self._delivery = delivery
        self._subscriptions = subscriptions
        self._slots = slots
        self._retired = retired

    def stats(self) -> Stats:
        """Return all counters; what one step of the session changes is seen as a whole."""
        standing = self._standing
        standing.check_fork()
        with standing.lock:
            stats = self._count(standing.link)
            listeners = self._subscriptions.listeners()
        return _with_streams(stats, listeners)

    def stats_now(self) -> Stats:
        """Return the same without any lock, in a forked child too: never waits."""
        stats = self._count(self._standing.link)
        return _with_streams(stats, self._subscriptions.listeners())

    def waiting(self) -> list[tuple[int, Slot]]:
        """Return the requests that wait for their answers, by id; takes no lock."""
        return self._slots.waiting()

    def feeds(self) -> list[Feed]:
        """Return every topic with where it stands; takes no lock."""
        return self._subscriptions.feeds()

    def _count(self, link: Link | None) -> Stats:
        standing, counters, delivery = self._standing, self._counters, self._delivery
        now, traffic = monotonic(), self._retired.plus(link)
        return Stats(
            venue=standing.venue,
            state=standing.state.value,
            state_since_unix=standing.changed_on,
            epoch=standing.epoch,
            frames_in=traffic.frames_in,
            frames_out=traffic.frames_out,
            bytes_in=traffic.bytes_in,
            bytes_out=traffic.bytes_out,
            requests=counters.requests,
            responses=counters.responses,
            rejections=counters.rejections,
            timeouts=counters.timeouts,
            late_responses=counters.late_responses,
            garbage=counters.garbage,
            undecodable=delivery.totals.undecodable,
            unrouted_events=self._subscriptions.unrouted,
            reconnects=counters.reconnects,
            errors=delivery.journal.error_count,
            events=delivery.totals.received,
            dropped=delivery.totals.dropped,
            gaps=delivery.totals.gaps,
            waiting_requests=len(self._slots),
            queue_depth=delivery.depth(),
            connection_age=now - link.since if link else None,
            last_frame_age=now - link.connection.last_received if link else None,
            callback_seconds=delivery.callback_seconds,
            slow_callbacks=delivery.slow_callbacks,
            subscriptions=(),
        )


def _with_streams(stats: Stats, listeners: list[Listener]) -> Stats:
    # Not under the lock: there may be thousands of them.
    streams = (one.stats for one in listeners if isinstance(one, Subscription))
    return evolve(stats, subscriptions=tuple(streams))
