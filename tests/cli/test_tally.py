"""What a relay has done, as a person reads it, and as a program does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from attrs import evolve

from venuesdk.cli.stream import Entry
from venuesdk.cli.tally import Tally
from venuesdk.models import State, StateChange
from venuesdk.relay import LaneStats, RelayStats

QUIET = RelayStats(
    publishing=("onyx",), published=0, queued=0, dropped=0, skipped=0, kept=0, forgotten=0,
    undecodable=0, outages=0, down=False, unpublished=0, streams=(),
)  # fmt: skip
OFFICE = "venuesdk:{onyx.eu}"


class Counts:
    """What stands in for a relay, and for one subscription: figures that a test sets."""

    def __init__(self) -> None:
        self.now = QUIET
        self.gaps = 0

    def set(self, **changed: Any) -> None:
        self.now = evolve(self.now, **changed)

    def stats(self) -> RelayStats:
        return self.now


def tally_of(counts: Counts) -> Tally:
    """Return a tally of these counts, which has a topic."""

    class One:
        @property
        def stats(self) -> Any:
            return SimpleNamespace(gaps=counts.gaps)

    subscriptions: Any = {"tickers:dub": One()}
    relay: Any = counts
    return Tally("onyx", "redis://there", OFFICE, relay, subscriptions)


def facts(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records without when and where they were written."""
    return [{k: v for k, v in one.items() if k not in ("at", "venue")} for one in records]


def test_every_change_is_told_once() -> None:
    """Who is in office, how Redis is, what was lost: each when it changes, and by how much."""
    counts = Counts()
    tally = tally_of(counts)
    assert tally.take([]).lines == ["publishing to redis://there"]
    assert tally.take([]) == ([], [])
    counts.set(publishing=())
    news = tally.take([])
    assert news.lines == [
        "standing by: another publishes venuesdk:{onyx.eu} to redis://there; other topics or "
        "another account need a --shard of their own"
    ]
    assert facts(news.records) == [{"kind": "standing", "publishing": False, "office": OFFICE}]
    counts.set(publishing=("onyx",), dropped=1_500, forgotten=2)
    counts.gaps = 1
    news = tally.take([])
    assert news.lines == [
        "publishing to redis://there",
        "1,500 DROPPED: too many waited",
        "2 FORGOTTEN before all had read them, by --max-length",
        "1 gap in tickers:dub, of which its readers are told",
    ]
    assert facts(news.records)[1:] == [
        {"kind": "lost", "dropped": 1_500},
        {"kind": "lost", "forgotten": 2},
        {"kind": "gaps", "topic": "tickers:dub", "gaps": 1},
    ]


def test_a_redis_that_is_away_is_told_by_its_error_and_by_its_return() -> None:
    """A person reads the error that the client tells of; a program has both ends of the outage."""
    counts = Counts()
    tally = tally_of(counts)
    tally.take([])
    counts.set(down=True, outages=1, queued=7)
    news = tally.take([Entry("error", OSError("gone"))])
    assert news.lines == ["OSError: gone"]
    assert [one["kind"] for one in news.records] == ["error", "engine"]
    assert tally.progress() == "away: redis://there  0 entries  7 waiting"
    counts.set(queued=1, dropped=2)
    assert tally.take([]).lines == ["2 DROPPED: too many waited"]
    counts.set(down=False, queued=0, dropped=5)
    news = tally.take([])
    assert news.lines[0] == "redis://there is back; 1 entry waited, 5 dropped meanwhile"
    assert facts(news.records)[0] == {"kind": "engine", "down": False, "waited": 1, "dropped": 5}
    counts.set(down=True)
    tally.take([])
    counts.set(down=False)
    assert tally.take([]).lines == ["redis://there is back; 0 entries waited"]


def test_each_stream_is_told_of_once_when_it_is_published() -> None:
    """By its key, and by what a reader asks for it with; the first entry of a term makes it so."""
    counts = Counts()
    tally = tally_of(counts)
    lane = LaneStats(
        stream="venuesdk:{onyx.eu}:tickers", published=0, queued=1, queued_bytes=2, dropped=0,
        skipped=0, kept=0, forgotten=0, term=0,
    )  # fmt: skip
    counts.set(streams=(lane,))
    assert tally.take([]).lines == ["publishing to redis://there"]
    counts.set(streams=(evolve(lane, term=7),))
    news = tally.take([])
    assert news.lines == ['publishes venuesdk:{onyx.eu}:tickers, read as "onyx.eu:tickers"']
    assert facts(news.records) == [
        {"kind": "stream", "stream": lane.stream, "read_as": "onyx.eu:tickers"}
    ]
    assert tally.take([]) == ([], [])


def test_the_progress_says_who_publishes() -> None:
    """Only who is in office does."""
    counts = Counts()
    counts.set(published=1, kept=3)
    assert tally_of(counts).progress() == "publishing to redis://there  1 entry  3 kept"
    counts.set(publishing=())
    assert tally_of(counts).progress() == f"standing by for {OFFICE} at redis://there"


def test_what_happens_to_the_client_is_told_too() -> None:
    """As it is where streams are watched."""
    change = StateChange(State.RECONNECTING, State.CONNECTED, "gone", 1, 1)
    news = tally_of(Counts()).take([Entry("state", change)], closed=True)
    assert news.lines == ["reconnecting (attempt 1): gone"]
    assert [one["state"] for one in news.records] == ["reconnecting"]


def test_the_total_names_what_was_lost_and_only_that() -> None:
    """Of a closed relay what still waits is left unpublished."""
    counts = Counts()
    tally = tally_of(counts)
    counts.set(published=1_234)
    assert tally.total().lines == ["redis://there: 1,234 entries published, 0 gaps"]
    counts.set(queued=3, dropped=4, forgotten=5)
    counts.gaps = 1
    tally.take([])
    assert tally.left == 3
    total = tally.total()
    assert total.lines == [
        "redis://there: 1,234 entries published, 3 LEFT UNPUBLISHED, 4 DROPPED, "
        "5 FORGOTTEN UNREAD, 1 gap"
    ]
    (record,) = facts(total.records)
    assert record == {
        "kind": "relayed", "to": "redis://there", "published": 1_234, "unpublished": 3,
        "dropped": 4, "forgotten": 5, "skipped": 0, "undecodable": 0, "outages": 0, "gaps": 1,
    }  # fmt: skip
