"""Stats: what a relay has done, as figures of one moment; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from .flusher import Flusher
from .lane import Lane

__all__ = ["LaneStats", "RelayStats", "stats_of"]


@frozen
class LaneStats:
    """The counters of one stream of a relay, at one moment.

    ``published`` entries are confirmed by the engine, gaps and state changes included; ``queued``
    wait or are under way; ``dropped`` events found no room; ``skipped`` came while another
    publisher was in office. ``kept`` is how many the engine held when this publisher last looked,
    ``forgotten`` how many `max_length` made it forget though some group still needed them.
    ``term`` is the publisher's own, 0 before its first entry.
    """

    stream: str
    published: int
    queued: int
    queued_bytes: int
    dropped: int
    skipped: int
    kept: int
    forgotten: int
    term: int


@frozen
class RelayStats:
    """The counters of a relay, at one moment: of all its streams, and of each.

    ``publishing`` are the venues for which it is in office. ``outages`` counts how often the
    engine could not be used, ``down`` tells whether that is so now; ``undecodable`` the events
    that could not be handed on; ``unpublished`` what a close left behind.
    """

    publishing: tuple[str, ...]
    published: int
    queued: int
    dropped: int
    skipped: int
    kept: int
    forgotten: int
    undecodable: int
    outages: int
    down: bool
    unpublished: int
    streams: tuple[LaneStats, ...]


def stats_of(publishing: Iterable[str], lanes: Iterable[Lane], flusher: Flusher) -> RelayStats:
    """Return the counters of a relay that is in office for some venues, as they are now."""
    streams = tuple(map(_lane_stats_of, lanes))
    return RelayStats(
        publishing=tuple(sorted(publishing)),
        published=sum(one.published for one in streams),
        queued=sum(one.queued for one in streams),
        dropped=sum(one.dropped for one in streams),
        skipped=sum(one.skipped for one in streams),
        kept=sum(one.kept for one in streams),
        forgotten=sum(one.forgotten for one in streams),
        undecodable=flusher.undecodable,
        outages=flusher.trouble.outages,
        down=flusher.trouble.lasts,
        unpublished=flusher.unpublished,
        streams=streams,
    )


def _lane_stats_of(lane: Lane) -> LaneStats:
    return LaneStats(
        stream=lane.stream,
        published=lane.published,
        queued=lane.queued,
        queued_bytes=lane.size,
        dropped=lane.dropped,
        skipped=lane.skipped,
        kept=lane.kept,
        forgotten=lane.forgotten,
        term=lane.term,
    )
