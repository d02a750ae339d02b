"""The counters of a client: each counts what it says, over every connection."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import RequestRejected, RequestTimeout
from venuesdk.session.stats import Counters
from venuesdk.timing import Deadline

PATIENCE = 5.0


def test_counters_begin_at_nothing() -> None:
    """All of them."""
    counters = Counters()
    assert {getattr(counters, name) for name in Counters.__slots__} == {0}


def test_every_counter_counts_what_it_says(desk: Any) -> None:
    """One of each: answered, refused, timed out, late, unreadable, unrouted, dropped, gap."""
    stream = desk.subscribe("a", max_queue=2)
    late: SimpleQueue[Any] = SimpleQueue()
    desk.venue.does["slow"] = lambda link, message: late.put((link, message))
    desk.ask("echo")
    with pytest.raises(RequestRejected):
        desk.ask("refuse")
    with pytest.raises(RequestTimeout):
        desk.ask("slow", timeout=0.02)
    desk.venue.answer(*late.get(timeout=PATIENCE), "late")
    desk.venue.say("garbage")
    desk.venue.push("nobody", 1)
    desk.venue.push("a", 1, "undecodable", 3)
    desk.ask("echo")
    assert stream.get(0) == 3
    stats = desk.session.overview.stats()
    assert (stats.state, stats.epoch, stats.reconnects) == ("connected", 1, 0)
    assert (stats.requests, stats.timeouts, stats.rejections) == (4, 1, 1)
    assert (stats.responses, stats.late_responses) == (4, 1)
    assert (stats.garbage, stats.undecodable, stats.unrouted_events) == (1, 1, 1)
    assert (stats.events, stats.dropped, stats.gaps) == (3, 1, 3)
    assert (stats.waiting_requests, stats.frames_out) == (0, 5)
    assert stats.frames_in == 10
    assert stats.bytes_in > 0 < stats.bytes_out
    (one,) = stats.subscriptions
    assert (one.topic, one.received, one.delivered, one.dropped) == ("a", 3, 1, 1)
    stream.close()
    desk.ask("echo")
    after = desk.session.overview.stats()
    assert (after.subscriptions, after.events, after.dropped) == ((), 3, 1)


def test_the_queue_depth_is_what_waits_for_callbacks(open_desk: Any) -> None:
    """And the callbacks' time is counted."""
    desk = open_desk(delivery="pump").connect()
    desk.subscribe("a", lambda value: None)
    while desk.delivery.pump(0, None):
        continue
    desk.venue.push("a", 1, 2)
    desk.ask("echo")
    assert desk.session.overview.stats().queue_depth == 2
    assert desk.delivery.pump(0, None) == 2
    assert desk.session.overview.stats().queue_depth == 0
    assert desk.session.overview.stats().callback_seconds > 0.0


def test_the_age_of_the_last_frame_is_unknown_without_a_connection(open_desk: Any) -> None:
    """Before connect, and after a close."""
    desk = open_desk()
    assert desk.session.overview.stats().last_frame_age is None
    desk.connect()
    assert desk.session.overview.stats().last_frame_age is not None
    desk.close()
    assert desk.session.standing.await_close(Deadline(0))
    assert desk.session.overview.stats().last_frame_age is None
