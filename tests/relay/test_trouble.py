"""Outages of a relay's engine, and of single streams: what waits, who is told, and how often."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from publishing import Setting
from sources import Feed, dashboards

from venuesdk.relay import EngineFull, EngineRefused, EngineUnavailable
from venuesdk.timing import Backoff, Deadline, monotonic


def test_an_outage_is_told_once_and_waited_out(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """Events wait meanwhile; ``on_error`` hears of it once, the log also of its end."""
    one = make()
    with one.relay, caplog.at_level(logging.WARNING):
        one.engine.always = EngineUnavailable("gone")
        one.feed.give(5)
        one.engine.await_failures(4)
        assert one.relay.stats().down
        one.engine.always = None
        assert one.relay.flush(5)
        assert one.relay.stats().outages == 1
        assert not one.relay.stats().down
    assert one.entries() == ["state", "1", "2", "3", "4", "5"]
    assert [str(error) for error in one.errors] == ["gone"]
    (back,) = (record.message for record in caplog.records if "used again" in record.message)
    assert back.endswith("s; 5 entries waited, 0 dropped meanwhile")


def test_another_kind_of_trouble_is_told_again(make: Callable[..., Setting]) -> None:
    """An outage that turns into a refused password is a new thing to know."""
    one = make()
    with one.relay:
        one.engine.always = EngineUnavailable("gone")
        one.feed.give(1)
        one.engine.await_failures(2)
        one.engine.always = EngineRefused("wrong password")
        one.engine.await_failures(one.engine.failures + 3)
        one.engine.always = None
        assert one.relay.flush(5)
    assert [type(error) for error in one.errors] == [EngineUnavailable, EngineRefused]
    assert one.relay.stats().outages == 1


def test_a_full_engine_is_trimmed_before_it_is_tried_again(make: Callable[..., Setting]) -> None:
    """What all groups have acknowledged makes room at once."""
    one = make()
    with one.relay:
        one.publish(1)
        one.engine.calls.clear()
        one.engine.fail("append", EngineFull("no room"))
        one.publish(1)
        calls = [name for name in one.engine.calls if name in ("append", "trim")]
        assert calls[:3] == ["append", "trim", "append"]


def test_one_stream_that_is_refused_does_not_hold_up_the_others(
    make: Callable[..., Setting],
) -> None:
    """A key that is something else concerns the streams of that name alone."""
    one = make()
    other = Feed(one.relay, one.client, dashboards())
    with one.relay:
        assert one.relay.flush(5)
        one.engine.fail("top", EngineRefused("wrong type"))
        held = one.engine.hold("append")
        one.feed.give(1)
        other.give(1)
        held.set()
        assert one.relay.flush(5)
        assert [stream.published for stream in one.relay.stats().streams] == [2, 2]


def test_a_stream_that_stays_refused_does_not_slow_the_others(
    make: Callable[..., Setting],
) -> None:
    """However long it is left alone, they are published at once; it is told once, and counted."""
    one = make(reconnect=Backoff(initial=600.0, maximum=600.0), batch=1)
    other = Feed(one.relay, one.client, dashboards())
    with one.relay:
        assert one.relay.flush(5)
        one.engine.fail("append", EngineRefused("wrong type"))
        one.feed.give(1)
        one.engine.await_failures(1)
        held = one.engine.hold("trim")
        one.relay._flusher._trim_at = 0.0
        other.give(20)
        assert one.engine.reached.wait(5)
        held.set()
        *_, stats = one.relay.stats().streams
        while stats.queued:
            *_, stats = one.relay.stats().streams
        assert one.relay.stats().down
        assert one.relay.stats().outages == 1
        assert not one.relay.flush(0)
        # Nor does its thread turn without end for what it may not try yet.
        assert not one.relay._flusher._has(1)
        one.relay._flusher._trim_at = monotonic() + 600.0
        assert not one.relay.close(timeout=0.05)
        assert one.relay._thread.ended(Deadline(0))
    assert [str(error) for error in one.errors] == ["wrong type"]
