"""What a relay publishes to its engine, and in which order."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from publishing import Setting
from sources import Feed, onyx

from venuesdk import OnyxClient
from venuesdk.models import Gap, GapReason
from venuesdk.relay import EngineUnavailable, MemoryEngine, RelayError
from venuesdk.venues.onyx.topics import tickers_topic


def test_a_term_begins_with_the_state_and_goes_on_with_events(make: Callable[..., Setting]) -> None:
    """The first publisher of a stream has no gap to tell of."""
    one = make()
    with one.relay:
        one.publish(3)
    assert one.entries() == ["state", "1", "2", "3"]


def test_what_came_before_the_start_is_published(make: Callable[..., Setting]) -> None:
    """A stream may be subscribed to before the relay reaches its engine."""
    one = make()
    one.feed.give(2)
    with one.relay:
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "2"]


@pytest.mark.parametrize("done", [False, True], ids=["not stored", "stored"])
def test_a_lost_answer_neither_loses_nor_doubles(
    make: Callable[..., Setting], done: bool
) -> None:
    """Whether the engine had stored the batch or not, each event stands there once."""
    one = make()
    with one.relay:
        one.publish(2)
        one.engine.fail("append", EngineUnavailable("no answer"), done=done)
        one.publish(3)
        one.publish(1)
    assert one.entries() == ["state", "1", "2", "3", "4", "5", "6"]
    assert one.relay.stats().outages == 1


def test_a_batch_of_which_a_part_was_stored_is_completed(make: Callable[..., Setting]) -> None:
    """An engine that ran full in the middle of a batch gets all of it again."""
    one = make()
    with one.relay:
        assert one.relay.flush(5)
        one.engine.room = 2
        one.publish(3)
    assert one.entries() == ["state", "1", "2", "3"]
    assert one.relay.stats().outages == 1


def test_market_data_is_bounded_while_the_engine_is_away(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """The oldest are dropped, and one gap tells exactly how many."""
    one = make(max_queue=10)
    with one.relay, caplog.at_level(logging.WARNING):
        one.publish(1)
        one.engine.always = EngineUnavailable("gone")
        one.feed.give(3)
        one.engine.await_failures(1)
        for _ in range(9):
            one.feed.give(3)
        one.engine.await_failures(one.engine.failures + 2)
        one.engine.always = None
        assert one.relay.flush(5)
        dropped = one.relay.stats().dropped
    (back,) = (record.message for record in caplog.records if "used again" in record.message)
    assert back.endswith(f" entries waited, {dropped} dropped meanwhile")
    before, gap, after = one.entries()[:-11], one.entries()[-11], one.entries()[-10:]
    # What was under way when the engine went stays.
    assert before == ["state", *(str(number) for number in range(1, len(before)))]
    assert gap == f"overflow {dropped}"
    assert after == [str(number) for number in range(22, 32)]
    assert len(before) - 1 + dropped + 10 == 31
    assert dropped >= 10


def test_a_mistake_in_the_thread_is_told_and_ends_nothing(make: Callable[..., Setting]) -> None:
    """Whatever is raised there, the next batch is tried."""
    one = make()
    with one.relay:
        one.engine.fail("append", KeyError("a mistake"))
        one.publish(1)
    assert isinstance(one.errors[0], KeyError)
    assert one.entries() == ["state", "1"]


@pytest.mark.parametrize("private", [True, False])
def test_a_growing_account_stream_is_warned_of(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture, private: bool
) -> None:
    """At each doubling, for only memory bounds it; market data has its own bound."""
    one = make(batch=1)
    feed = Feed(one.relay, one.client, evolve(tickers_topic(products=["ebob"]), private=private))
    (lane,) = one.relay._all_lanes()
    lane.told_at = 4
    feed.give(20)
    with caplog.at_level(logging.WARNING), one.relay:
        assert one.relay.flush(5)
    said = [record.message for record in caplog.records if "never dropped" in record.message]
    # The first batch is the state with which the term begins.
    assert [int(text.split()[0]) for text in said] == ([20, 19, 18] if private else [])


def test_a_mistake_with_one_event_takes_no_other_with_it(
    make: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of, and a gap stands in its place."""
    one = make()
    time_ns = type(one.client._codec_class.catalogue).time_ns

    def mistaken(catalogue: Any, name: str, payload: bytes) -> int | None:
        if b":2," in payload:
            raise KeyError("a mistake")
        return time_ns(catalogue, name, payload)

    monkeypatch.setattr(type(one.client._codec_class.catalogue), "time_ns", mistaken)
    with one.relay:
        one.publish(3)
        assert one.relay.stats().undecodable == 1
    assert one.entries() == ["state", "1", "undecodable 1", "3"]
    assert isinstance(one.errors[0], KeyError)


def test_gaps_of_the_client_are_published_where_they_happened(make: Callable[..., Setting]) -> None:
    """A reader hears of a lost connection between the events that it fell between."""
    one = make()
    with one.relay:
        one.feed.give(1)
        one.feed.gap(Gap(GapReason.RECONNECTED, None, 2))
        one.publish(1)
    assert one.entries() == ["state", "1", "reconnected", "2"]


def test_a_topic_that_ended_says_why(make: Callable[..., Setting]) -> None:
    """Readers learn that nothing more comes, unless it is the relay that ends."""
    one = make()
    with one.relay:
        one.feed.give(1)
        one.feed.subscription.close()
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "end"]


def test_a_start_warns_of_settings_that_may_lose_what_was_confirmed(
    make: Callable[..., Setting],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once, in the log; it publishes all the same."""
    one = make()
    monkeypatch.setattr(one.engine.engine, "hazards", lambda: ["keys may vanish"])
    with one.relay:
        pass
    assert [record.message for record in caplog.records].count("keys may vanish") == 1


def test_start_raises_what_the_engine_raises(make: Callable[..., Setting]) -> None:
    """The first use fails at once; there is no thread afterwards, and it is not tried again."""
    one = make()
    one.engine.always = RelayError("wrong")
    with pytest.raises(RelayError, match="wrong"):
        one.relay.start()
    assert one.feed.subscription.closed
    with pytest.raises(ValueError, match="started once"):
        one.relay.start()


def test_a_start_that_fails_gives_up_what_it_had_taken(make: Callable[..., Setting]) -> None:
    """Nobody waits for the end of a lease that is not used; what came meanwhile is counted."""
    one = make()
    one.feed.give(2)
    one.engine.fail("hazards", EngineUnavailable("gone"))
    with pytest.raises(EngineUnavailable):
        one.relay.start()
    assert one.engine.calls[-2:] == ["resign", "close"]
    assert MemoryEngine(one.store).claim("venuesdk:{onyx}", "another", 60.0, 0)
    assert one.relay.stats().unpublished == 2


def test_clients_of_no_relay_are_refused(make: Callable[..., Setting]) -> None:
    """A stream of another client cannot be published by it."""
    one = make()
    stranger: OnyxClient = onyx()
    try:
        with pytest.raises(ValueError, match="not made with this client"):
            Feed(one.relay, stranger)
    finally:
        stranger.close()
