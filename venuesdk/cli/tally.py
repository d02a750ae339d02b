"""Tally: what a relay has done, as lines for people and as records for programs.

It compares what the relay counts with what it counted before; it writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from .notices import Notices
from .output import counted
from .stream import Entry, head_of

if TYPE_CHECKING:
    from ..relay import Relay, RelayStats
    from ..session.subscription import Subscription

__all__ = ["News", "Tally"]

Change = tuple[str, str, dict[str, Any]]
"""What a person reads, nothing where something else says it; the kind of the record; its facts."""


class News(NamedTuple):
    """What is new: in lines, and the same in records."""

    lines: list[str]
    records: list[dict[str, Any]]


class Tally:
    """The counts of one relay of one venue; for one thread.

    `place` is where it publishes to, and `office` what it is in office for, or stands by for.
    """

    def __init__(
        self,
        venue: str,
        place: str,
        office: str,
        relay: Relay,
        subscriptions: Mapping[str, Subscription[Any]],
    ) -> None:
        self._venue = venue
        self._place = place
        self._office = office
        self._relay = relay
        self._subscriptions = subscriptions
        self._notices = Notices()
        self._stats: RelayStats | None = None
        self._dropped = 0
        self._streams: set[str] = set()
        self._gaps: dict[str, int] = {}

    def take(self, entries: Iterable[Entry], *, closed: bool = False) -> News:
        """Return what is new with the relay, behind what happened to its client.

        Of one that was closed nobody asks whether it is in office.
        """
        happened = list(entries)
        news = News(self._notices.take(happened), [one.record(self._venue) for one in happened])
        for text, kind, facts in self._changes(closed):
            news.lines.extend([text] if text else [])
            news.records.append({**head_of(kind, self._venue), **facts})
        return news

    def progress(self) -> str:
        """Return how far it is, as a person watches it."""
        stats = self._relay.stats()
        entries = counted(stats.published, "entry", "entries")
        if not stats.publishing:
            return f"standing by for {self._office} at {self._place}"
        if stats.down:
            return f"away: {self._place}  {entries}  {stats.queued:,} waiting"
        return f"publishing to {self._place}  {entries}  {stats.kept:,} kept"

    @property
    def left(self) -> int:
        """How many entries are not published; of a closed relay they never will be."""
        return self._relay.stats().queued

    def total(self) -> News:
        """Return what it comes to."""
        stats, gaps = self._relay.stats(), sum(self._gaps.values())
        counts = {
            "published": stats.published,
            "unpublished": stats.queued,
            "dropped": stats.dropped,
            "forgotten": stats.forgotten,
            "skipped": stats.skipped,
            "undecodable": stats.undecodable,
            "outages": stats.outages,
            "gaps": gaps,
        }
        losses = {"left unpublished": stats.queued, "dropped": stats.dropped,
                  "forgotten unread": stats.forgotten}  # fmt: skip
        told = "".join(f", {count:,} {what.upper()}" for what, count in losses.items() if count)
        entries = counted(stats.published, "entry", "entries")
        line = f"{self._place}: {entries} published{told}, {counted(gaps, 'gap')}"
        return News([line], [{**head_of("relayed", self._venue), "to": self._place, **counts}])

    def _changes(self, closed: bool) -> Iterator[Change]:
        before, now = self._stats, self._relay.stats()
        self._stats = now
        if not closed and (before is None or now.publishing != before.publishing):
            publishing = bool(now.publishing)
            text = f"publishing to {self._place}" if publishing else self._standing_by()
            yield text, "standing", {"publishing": publishing, "office": self._office}
        yield from self._new_streams(now)
        yield from self._outage(before, now)
        dropped = now.dropped - (before.dropped if before else 0)
        if dropped:
            yield f"{dropped:,} DROPPED: too many waited", "lost", {"dropped": dropped}
        forgotten = now.forgotten - (before.forgotten if before else 0)
        if forgotten:
            text = f"{forgotten:,} FORGOTTEN before all had read them, by --max-length"
            yield text, "lost", {"forgotten": forgotten}
        yield from self._new_gaps()

    def _standing_by(self) -> str:
        return (
            f"standing by: another publishes {self._office} to {self._place}; other topics or "
            "another account need a --shard of their own"
        )

    def _new_streams(self, now: RelayStats) -> Iterator[Change]:
        """Tell of each stream once it is published."""
        from ..relay.keys import key_of, place_of

        for stream in (one.stream for one in now.streams if one.term):
            if stream not in self._streams:
                self._streams.add(stream)
                key = key_of(stream)
                asked = f"{place_of(key.venue, key.shard)}:{key.kind}"
                text = f'publishes {stream}, read as "{asked}"'
                yield text, "stream", {"stream": stream, "read_as": asked}

    def _outage(self, before: RelayStats | None, now: RelayStats) -> Iterator[Change]:
        """Tell of the beginning and the end of an outage; what waited is gone when it has ended."""
        if before is None or not before.down:
            self._dropped = before.dropped if before else 0
            if now.down:
                yield "", "engine", {"down": True, "waiting": now.queued}
        elif not now.down:
            waited, dropped = before.queued, now.dropped - self._dropped
            text = f"{self._place} is back; {counted(waited, 'entry', 'entries')} waited"
            text += f", {dropped:,} dropped meanwhile" if dropped else ""
            yield text, "engine", {"down": False, "waited": waited, "dropped": dropped}

    def _new_gaps(self) -> Iterator[Change]:
        for topic, subscription in self._subscriptions.items():
            gaps = subscription.stats.gaps
            new = gaps - self._gaps.get(topic, 0)
            self._gaps[topic] = gaps
            if new:
                text = f"{counted(new, 'gap')} in {topic}, of which its readers are told"
                yield text, "gaps", {"topic": topic, "gaps": new}
