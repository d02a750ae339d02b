"""What a relay lets its engine forget, and what it says where that is kept from forgetting."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from publishing import Setting
from sources import STREAM

from venuesdk.relay import EngineRefused, MemoryEngine


def test_a_stream_that_cannot_be_trimmed_is_told_of_once(make: Callable[..., Setting]) -> None:
    """It is published all the same."""
    one = make()
    with one.relay:
        for _ in range(3):
            one.engine.fail("trim", EngineRefused("no permission"))
            one.relay._flusher._trim_at = 0.0
            one.publish(1)
            one.engine.await_failures(1)
        assert not one.relay.stats().down
    assert one.entries() == ["state", "1", "2", "3"]
    assert [str(error) for error in one.errors] == ["no permission"]


def test_streams_are_trimmed_to_what_every_group_has_acknowledged(
    make: Callable[..., Setting],
) -> None:
    """A slow group keeps all that it needs, and the others keep nothing."""
    one = make()
    reader = MemoryEngine(one.store)
    with one.relay:
        one.publish(10)
        reader.join(STREAM, "quick", True)
        reader.join(STREAM, "slow", True)
        for group, count in (("quick", 11), ("slow", 4)):
            taken = reader.read([STREAM], group, "c", count, 0)
            positions = [entry.position for entry in taken[0][1]]
            reader.acknowledge(STREAM, group, positions)
        one.engine.calls.clear()
        one.relay._flusher._trim_at = 0.0
        one.publish(1)
        while "trim" not in one.engine.calls:
            assert one.relay.flush(5)
        assert one.entries()[:2] == ["4", "5"]


def test_without_a_limit_nothing_is_cut_off(make: Callable[..., Setting]) -> None:
    """`MAXLEN` loses what slow groups need: it is never used unless it was asked for."""
    one = make()
    with one.relay:
        for _ in range(5):
            one.feed.give(100)
            one.relay._flusher._trim_at = 0.0
            assert one.relay.flush(5)
    assert "cut" not in one.engine.calls
    assert len(one.entries()) == 501


def test_the_lossy_mode_says_what_it_lost(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond `max_length` the oldest go, whoever needs them, and a warning counts them."""
    one = make(max_length=100)
    reader = MemoryEngine(one.store)
    with caplog.at_level(logging.WARNING), one.relay:
        one.publish(1)
        reader.join(STREAM, "slow", True)
        one.publish(499)
        one.relay._flusher._trim_at = 0.0
        one.feed.give(1)
        while "cut" not in one.engine.calls:
            assert one.relay.flush(5)
    assert reader.lag(STREAM, "slow").lost == reader.lost(STREAM, "slow")[0] >= 400
    assert any("some group still needed them" in record.message for record in caplog.records)


def test_a_stream_that_grows_is_warned_of_with_who_keeps_it(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """The slowest group, and what ends it; at each doubling. Without a group it says just that."""
    one = make()
    reader = MemoryEngine(one.store)
    (lane,) = one.relay._all_lanes()
    lane.long_at = 10

    def grow(count: int) -> None:
        one.publish(count)
        with one.store.lock:
            one.engine.calls.clear()
            one.relay._flusher._trim_at = 0.0
            one.relay._flusher._signal.put(None)
        while "trim" not in one.engine.calls or lane.kept < count:
            assert one.relay.flush(5)

    with caplog.at_level(logging.WARNING), one.relay:
        grow(11)
        reader.join(STREAM, "abandoned", True)
        grow(12)
        grow(1)
    said = [record.message for record in caplog.records]
    assert said == [
        f"{STREAM} holds 12 entries: no group reads it, and nothing is forgotten until one does",
        f"{STREAM} holds 24 entries: group abandoned has not acknowledged 24 entries; where it "
        f"reads no more: XGROUP DESTROY '{STREAM}' abandoned",
    ]
