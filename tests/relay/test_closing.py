"""How a relay ends, what it leaves then, and how long a flush waits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from publishing import Setting

from venuesdk.relay import EngineUnavailable


def test_a_close_publishes_what_waits(make: Callable[..., Setting]) -> None:
    """Nothing is left behind where the engine can be used."""
    one = make(linger=0.5)
    one.relay.start()
    one.feed.give(1000)
    assert one.relay.close()
    assert one.relay.stats().unpublished == 0
    assert len(one.entries()) == 1001


def test_a_close_while_the_engine_is_away_counts_what_it_leaves(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """It waits no longer than it was told to, and says how much was not published."""
    one = make()
    one.relay.start()
    assert one.relay.flush(5)
    one.engine.always = EngineUnavailable("gone")
    one.feed.give(7)
    with caplog.at_level(logging.WARNING):
        assert not one.relay.close(timeout=0.2)
    assert one.relay.stats().unpublished >= 7
    assert any("entries not published" in record.message for record in caplog.records)


def test_a_flush_waits_for_what_came_before_it_alone(
    make: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that never falls silent does not keep it waiting for ever."""
    one = make()
    append, flows = one.engine.engine.append, True

    def append_while_more_comes(*arguments: Any) -> None:
        if flows:
            one.feed.give(1)
        append(*arguments)

    monkeypatch.setattr(one.engine.engine, "append", append_while_more_comes)
    with one.relay:
        numbers = one.feed.give(3)
        try:
            assert one.relay.flush(5)
            assert set(map(str, numbers)) <= set(one.entries())
        finally:
            flows = False


def test_a_flush_is_not_done_while_anything_before_it_is_under_way(
    make: Callable[..., Setting],
) -> None:
    """Also where nothing waits any more, for the engine has not answered."""
    one = make(overflow="newest", max_queue=2)
    with one.relay:
        one.publish(1)
        held = one.engine.hold("append")
        one.feed.give(2)
        assert one.engine.reached.wait(5)
        assert not one.relay.flush(0)
        one.feed.give(3)
        held.set()
        assert one.relay.flush(5)
    assert one.entries()[-1] == "overflow 3"


def test_a_close_while_the_engine_hangs_counts_what_it_leaves(
    make: Callable[..., Setting],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread cannot say it: it waits for an answer."""
    monkeypatch.setattr("venuesdk.relay.publisher.GRACE", 0.01)
    one = make()
    one.relay.start()
    assert one.relay.flush(5)
    held = one.engine.hold("append")
    one.feed.give(7)
    assert one.engine.reached.wait(5)
    with caplog.at_level(logging.WARNING):
        assert not one.relay.close(timeout=0.01)
    held.set()
    assert any("closed with 7 entries" in record.message for record in caplog.records)


def test_a_close_without_a_start_counts_what_it_leaves(make: Callable[..., Setting]) -> None:
    """What was subscribed to before has nowhere to go."""
    one = make()
    one.feed.give(3)
    assert not one.relay.close()
    assert one.relay.stats().unpublished == 3
    assert one.feed.subscription.closed


def test_a_close_with_a_timeout_that_cannot_be_closes_nothing(make: Callable[..., Setting]) -> None:
    """A typed error before anything is done."""
    one = make()
    with one.relay:
        with pytest.raises(ValueError, match="negative"):
            one.relay.close(timeout=-1)
        one.publish(1)
    assert one.entries() == ["state", "1"]
