"""Stale streams: each silence is told once, by a gap, and costs neither event nor connection."""

from __future__ import annotations

import json
import time
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import RequestTimeout
from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Event, Topic
from venuesdk.session.delivery import Delivery
from venuesdk.session.staleness import Staleness
from venuesdk.session.subscription import Subscription
from venuesdk.timing import monotonic

PATIENCE = 5.0
STALE = GapReason.STALE


class Watched:
    """Subscriptions under one look-out, on a clock that the test turns."""

    def __init__(self) -> None:
        self.delivery = Delivery("toy")
        self.errors: list[BaseException] = []
        self.delivery.error_handlers.append(self.errors.append)
        self.held: list[Subscription[Any]] = []
        self.staleness = Staleness()
        self.now = 1000.0
        self.told: list[tuple[str, float]] = []
        self.reasons: list[GapReason] = []

    def subscribe(self, name: str, stale_after: float | None, **options: Any) -> Subscription[Any]:
        kinds = {kind: options.pop(kind) for kind in ("split", "narrow") if kind in options}
        topic = Topic(name, name, None, name, **kinds)
        subscription: Subscription[Any] = Subscription(
            topic,
            self.delivery,
            lambda value: None,
            lambda gap: self._note(name, gap),
            stale_after=stale_after,
            **options,
        )
        self.staleness.add(subscription)
        self.held.append(subscription)
        return subscription

    def send(self, subscription: Subscription[Any], value: Any = 1) -> None:
        self.delivery.put([(subscription, [Event("r", json.dumps(value).encode(), json.loads)])])
        self.run()

    def _note(self, name: str, gap: Gap) -> None:
        self.reasons.append(gap.reason)
        if gap.reason is STALE:
            self.told.append((name, self.now))

    def run(self) -> None:
        while self.delivery.run_some():
            continue

    def pass_time(self, seconds: float, step: float = 0.25) -> None:
        """Let time pass as it does for the reader, which looks after each of its waits."""
        for _ in range(round(seconds / step)):
            self.now += step
            self.staleness.look(self.now, 1)
        self.run()


def test_a_silence_is_told_once_and_ended_by_an_event() -> None:
    """The next silence is another one."""
    watched = Watched()
    stream = watched.subscribe("a", 10)
    watched.pass_time(60)
    assert len(watched.told) == 1
    watched.send(stream)
    watched.pass_time(5)
    watched.send(stream)
    watched.pass_time(8)
    assert len(watched.told) == 1
    watched.pass_time(60)
    assert len(watched.told) == 2


@pytest.mark.parametrize("stale_after", [0.1, 1.0, 4.0, 30.0, 600.0])
def test_a_silence_is_told_neither_early_nor_late(stale_after: float) -> None:
    """Never before its time, and at most 2.5 seconds after, whenever the last event came."""
    for phase in range(8):
        watched = Watched()
        stream = watched.subscribe("a", stale_after)
        watched.pass_time(2 + 0.25 * phase)
        watched.send(stream)
        watched.told.clear()
        sent_at = watched.now
        while not watched.staleness.look(watched.now, 1):
            watched.now += 0.25
            assert watched.now - sent_at <= stale_after + 2.5
        assert watched.now - sent_at >= stale_after


def test_who_did_not_ask_is_not_told_and_not_looked_at() -> None:
    """Nothing is kept of a subscription without `stale_after`."""
    watched = Watched()
    watched.subscribe("a", None)
    assert not watched.staleness._added
    watched.pass_time(3600, step=60)
    assert watched.told == []
    assert watched.staleness._watches == []


def test_each_subscription_has_its_own_time() -> None:
    """The impatient one does not make the other one stale."""
    watched = Watched()
    watched.subscribe("short", 2)
    watched.subscribe("long", 20)
    watched.pass_time(10)
    assert [name for name, _ in watched.told] == ["short"]
    watched.pass_time(15)
    assert [name for name, _ in watched.told] == ["short", "long"]


def test_a_reconnection_begins_the_time_anew() -> None:
    """Time without a connection is no silence of the stream's; nor is the one before it."""
    watched = Watched()
    watched.subscribe("a", 10)
    watched.pass_time(8)
    watched.now += 3600
    watched.staleness.begin()
    watched.pass_time(8)
    assert watched.told == []
    watched.pass_time(8)
    assert len(watched.told) == 1
    watched.staleness.begin()
    watched.pass_time(14)
    assert len(watched.told) == 2


def test_time_that_the_reader_was_held_up_is_no_silence() -> None:
    """What came meanwhile still waits in the socket: nobody can say that nothing came."""
    watched = Watched()
    watched.subscribe("a", 10)
    watched.pass_time(3)
    watched.now += 600
    watched.pass_time(4)
    assert watched.told == []
    watched.pass_time(5)
    assert len(watched.told) == 1


@pytest.mark.parametrize("kept", ["all", "none"])
def test_an_event_that_leaves_no_value_ends_a_silence_of_a_conflated_stream_too(kept: str) -> None:
    """As it does where events are decoded later: something came."""
    watched = Watched()
    narrow = (lambda value: value) if kept == "all" else (lambda value: None)
    stream = watched.subscribe(
        "a", 10, conflate=True, split=lambda value: value.items(), narrow=narrow
    )
    for _ in range(6):
        watched.pass_time(5)
        watched.send(stream, {"x": 1})
    assert watched.told == []
    assert stream.stats.received == 6
    watched.pass_time(15)
    assert len(watched.told) == 1


def test_an_event_that_was_dropped_or_cannot_be_read_ends_a_silence() -> None:
    """The stream lives, whatever became of what it brought."""
    watched = Watched()
    stream = watched.subscribe("a", 10, max_queue=1)
    for _ in range(6):
        watched.pass_time(5)
        watched.delivery.put([(stream, [Event("r", b"{", json.loads)] * 2)])
    watched.run()
    assert stream.stats.dropped == 6
    assert len(watched.errors) == 6
    assert STALE not in watched.reasons


def test_a_closed_subscription_is_forgotten() -> None:
    """At the next look, and by itself where there is none any more."""
    watched = Watched()
    closed, other = watched.subscribe("a", 2), watched.subscribe("b", 2)
    watched.pass_time(1)
    closed.close()
    watched.pass_time(5)
    assert [name for name, _ in watched.told] == ["b"]
    assert [watch.subscription() for watch in watched.staleness._watches] == [other]
    del other
    watched.held.clear()
    watched.pass_time(2)
    assert watched.staleness._watches == []


def test_ten_thousand_watched_streams_are_cheap() -> None:
    """A second of a reader's life, with all of its looks, costs a small part of a second."""
    watched = Watched()
    streams = [watched.subscribe(f"s{number}", 30) for number in range(10_000)]
    watched.pass_time(1)
    best = 1.0
    for _ in range(5):
        began = time.process_time()
        watched.pass_time(1)
        best = min(best, time.process_time() - began)
    assert best < 0.05
    assert len(streams) == 10_000


# ---- with a session ----------------------------------------------------------------------------


def gaps_of(desk: Any, name: str, **options: Any) -> tuple[SimpleQueue[Any], SimpleQueue[Gap]]:
    """Subscribe with callbacks; return the queues of values and of gaps."""
    values: SimpleQueue[Any] = SimpleQueue()
    gaps: SimpleQueue[Gap] = SimpleQueue()
    desk.subscribe(name, values.put, on_gap=gaps.put, **options)
    return values, gaps


@pytest.mark.parametrize("delivery", ["thread", "inline", lambda function: function()])
def test_a_silent_stream_is_told_of_and_its_connection_is_kept(
    open_desk: Any, delivery: Any
) -> None:
    """Wherever callbacks run; and the next silence again."""
    desk = open_desk(delivery=delivery).connect()
    values, gaps = gaps_of(desk, "a", stale_after=0.1)
    for value in range(2):
        began = monotonic()
        assert gaps.get(timeout=PATIENCE) == Gap(STALE, None, 1)
        assert value or monotonic() - began >= 0.1
        desk.venue.push("a", value)
        assert values.get(timeout=PATIENCE) == value
    assert desk.session.overview.stats().epoch == 1
    assert desk.venue.accepted == 1
    assert desk.ask("echo", value=1) == 1


def test_a_silent_stream_is_told_of_to_a_pump(open_desk: Any) -> None:
    """On the thread that pumps."""
    desk = open_desk(delivery="pump").connect()
    _, gaps = gaps_of(desk, "a", stale_after=0.1)
    while gaps.empty():
        assert desk.delivery.pump(PATIENCE, None)
    assert gaps.get().reason is STALE


def test_a_silent_stream_is_told_of_to_who_waits_for_its_next_event(open_desk: Any) -> None:
    """On the thread that called ``get``, which goes on waiting."""
    desk = open_desk().connect()
    gaps: list[Gap] = []

    def on_gap(gap: Gap) -> None:
        gaps.append(gap)
        desk.venue.push("a", 7)

    stream = desk.subscribe("a", on_gap=on_gap, stale_after=0.1)
    assert stream.get(PATIENCE) == 7
    assert [gap.reason for gap in gaps] == [STALE]


def test_a_conflated_silent_stream_is_told_of(open_desk: Any) -> None:
    """Behind its newest values."""
    desk = open_desk().connect()
    values, gaps = gaps_of(
        desk, "a", stale_after=0.1, conflate=True, split=lambda value: value.items()
    )
    desk.venue.push("a", {"x": 1})
    assert values.get(timeout=PATIENCE) == 1
    assert gaps.get(timeout=PATIENCE).reason is STALE


def test_without_on_gap_a_silence_is_a_warning_that_says_what_it_is(
    open_desk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing was lost, as far as anybody knows."""
    desk = open_desk().connect()
    stream = desk.subscribe("a", stale_after=0.1)
    with pytest.raises(TimeoutError):
        stream.get(1.0)
    assert "a is stale: nothing came for 0.1 s" in caplog.text
    assert stream.stats.gaps == 1


@pytest.mark.long
def test_a_stream_that_is_cut_off_is_told_of_the_reconnection_first(open_desk: Any) -> None:
    """Time without a connection does not count; behind the reconnection is another silence."""
    desk = open_desk().connect()
    desk.session.pause = lambda seconds: desk.session.standing.pause(0.9)
    _, gaps = gaps_of(desk, "a", stale_after=0.6)
    assert gaps.get(timeout=PATIENCE) == Gap(STALE, None, 1)
    desk.venue.cut()
    assert gaps.get(timeout=PATIENCE) == Gap(GapReason.RECONNECTED, None, 2)
    connected_at = monotonic()
    assert gaps.get(timeout=PATIENCE) == Gap(STALE, None, 2)
    assert monotonic() - connected_at >= 0.5


def test_a_subscription_that_was_never_confirmed_is_not_watched(open_desk: Any) -> None:
    """Its caller got an error."""
    desk = open_desk().connect()
    desk.venue.does["sub"] = desk.venue.does["mute"]
    with pytest.raises(RequestTimeout):
        desk.subscribe("a", timeout=0.05, stale_after=0.1)
    assert not desk.session._staleness._added
    assert not desk.session._staleness._watches
