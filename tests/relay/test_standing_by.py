"""Two publishers of one venue: who is in office, and what whoever takes over publishes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from publishing import Setting
from sources import STREAM, Feed, dashboards

from venuesdk.relay import EngineUnavailable, MemoryEngine, MemoryStore, Position
from venuesdk.relay.entry import Draft, Head
from venuesdk.timing import Deadline
from venuesdk.venues.onyx.topics import tickers_topic

OFFICE = "venuesdk:{onyx}"


def test_a_standby_publishes_nothing_and_takes_over(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """It begins with a gap, and asks for nothing that came before; nothing of it is a warning."""
    caplog.set_level(logging.INFO)
    first = make()
    second = make(store=first.store)
    with first.relay, second.relay:
        first.publish(2)
        second.publish(2)
        assert not second.relay.publishing
        assert second.relay.stats().skipped == 2
        for _ in range(2):
            second.engine.calls.clear()
            second.look_again()
            while "claim" not in second.engine.calls:
                assert second.relay.flush(5)
        said = [one.message for one in caplog.records if "another publisher" in one.message]
        assert said == [
            f"stands by: another publisher is in office for {OFFICE}; other topics or another "
            "account need a shard of their own"
        ]
        # As a killed process: it renews nothing any more.
        first.engine.always = EngineUnavailable("cut off")
        second.end_lease()
        assert second.relay.wait_publishing(5)
        second.publish(1)
        first.engine.always = None
    assert first.entries() == ["state", "1", "2", "state", "taken_over", "3"]


def test_a_clean_close_lets_the_standby_in_at_once(make: Callable[..., Setting]) -> None:
    """The lease is given up, so that nobody waits for its end."""
    first = make()
    second = make(store=first.store)
    first.relay.start()
    with second.relay:
        assert not second.relay.publishing
        assert first.relay.close()
        second.look_again()
        assert second.relay.wait_publishing(5)


def test_a_publisher_that_was_cut_off_is_refused_and_stands_by(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """What it still holds when it comes back never reaches the stream: the other one has it."""
    first = make()
    second = make(store=first.store)
    with first.relay, second.relay:
        first.publish(1)
        # Between the renewal of its lease and the batch it stands still.
        held = first.engine.hold("append")
        first.feed.give(1)
        assert first.engine.reached.wait(5)
        second.end_lease()
        assert second.relay.wait_publishing(5)
        assert second.relay.flush(5)
        second.publish(3)
        held.set()
        assert first.relay.flush(5)
        assert first.relay.stats().skipped >= 1
        assert not first.relay.publishing
        assert first.entries() == ["state", "1", "state", "taken_over", "1", "2", "3"]
        said = [one.message for one in caplog.records if "left to another" in one.message]
        assert said == [f"left to another publisher: 1 entry of {STREAM}"]


def test_what_the_standby_has_before_its_first_entry_stands_is_not_published(
    make: Callable[..., Setting],
) -> None:
    """Until then the other may still write, and an event of both would be doubled."""
    first = make()
    second = make(store=first.store)
    with first.relay, second.relay:
        first.publish(1)
        held = second.engine.hold("append")
        first.engine.always = EngineUnavailable("cut off")
        second.end_lease()
        assert second.engine.reached.wait(5)
        second.feed.give(5)
        held.set()
        assert second.relay.flush(5)
        second.publish(1)
        first.engine.always = None
    assert second.entries() == ["state", "1", "state", "taken_over", "6"]


def hold_office(store: MemoryStore, *, write: bool = True) -> int:
    """Let another publisher take the office, write, and be gone; return its term."""
    engine = MemoryEngine(store)
    with store.lock:
        store.offices.clear()
        term = engine.claim(OFFICE, "another", 60.0, 0)
        assert term is not None
        if write:
            drafts = [Draft(Head("state"), 0, None, b"{}")] * 9
            engine.append(STREAM, Position(term, 1), drafts)
        engine.resign(OFFICE, "another")
    return term


def test_what_another_may_have_published_meanwhile_is_not_published_again(
    make: Callable[..., Setting],
) -> None:
    """Cut off while another came and went: what waited since then is forgotten, and that told."""
    one = make()
    with one.relay:
        one.publish(1)
        one.engine.always = EngineUnavailable("cut off")
        one.feed.give(3)
        one.engine.await_failures(1)
        hold_office(one.store)
        one.engine.always = None
        assert one.relay.flush(5)
        one.await_open()
        one.publish(1)
        assert one.relay.stats().skipped == 3
    assert one.entries() == ["state", "1", *["state"] * 10, "taken_over", "5"]


def test_what_nobody_else_has_published_meanwhile_is_published(
    make: Callable[..., Setting],
) -> None:
    """Another was in office, and wrote nothing to this stream: nothing is forgotten."""
    one = make()
    with one.relay:
        one.publish(1)
        one.engine.fail("append", EngineUnavailable("no answer"), done=True)
        held = one.engine.hold("claim")
        one.feed.give(3)
        assert one.engine.reached.wait(5)
        hold_office(one.store, write=False)
        held.set()
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "2", "3", "4", "state", "taken_over"]
    assert one.relay.stats().skipped == 0


def test_whoever_was_deposed_by_one_that_is_gone_gets_a_term_of_its_own(
    make: Callable[..., Setting],
) -> None:
    """It never goes on in another's term, where its entries would count as stored."""
    one = make()
    with one.relay:
        one.publish(1)
        held = one.engine.hold("append")
        one.feed.give(1)
        assert one.engine.reached.wait(5)
        other = hold_office(one.store)
        held.set()
        assert one.relay.flush(5)
        one.look_again()
        one.await_open()
        one.publish(2)
        assert one.relay.stats().streams[0].term > other
        assert one.entries()[11:] == ["state", "taken_over", "3", "4"]


def test_a_stream_that_stands_in_the_very_term_gets_a_higher_one(
    make: Callable[..., Setting],
) -> None:
    """Else what stands there would be taken for what is to be written."""
    one = make()
    ghost = Position(10**13, 5)
    MemoryEngine(one.store).append(STREAM, ghost, [Draft(Head("state"), 0, None, b"{}")])
    one.store.terms[OFFICE] = (ghost.term - 1, "another")
    with one.relay:
        one.await_open()
        one.publish(1)
        assert one.relay.stats().streams[0].term > ghost.term
    assert one.entries() == ["state", "state", "taken_over", "1"]


def test_a_publisher_that_comes_after_another_leaves_what_came_before(
    make: Callable[..., Setting],
) -> None:
    """Until it is in office the other one publishes, and an event of both would be doubled."""
    one = make()
    hold_office(one.store)
    one.feed.give(2)
    with one.relay:
        one.await_open()
        one.publish(1)
        later = Feed(one.relay, one.client)
        later.give(1)
        assert one.relay.flush(5)
    assert one.entries()[9:] == ["state", "taken_over", "3", "taken_over", "1"]
    assert one.relay.stats().skipped == 2


def test_a_lease_that_ends_between_two_streams_is_noticed(make: Callable[..., Setting]) -> None:
    """Each answer may come late: before anything else is appended, the lease is renewed."""
    one = make()
    Feed(one.relay, one.client, dashboards()).give(1)
    one.feed.give(1)
    with one.relay:
        assert one.relay.flush(5)
        held = one.engine.hold("append")
        one.feed.give(1)
        assert one.engine.reached.wait(5)
        one.engine.calls.clear()
        one.look_again()
        held.set()
        assert one.relay.flush(5)
        assert one.engine.calls[:1] == ["claim"]


def test_an_office_that_nobody_else_had_goes_on_in_its_term(make: Callable[..., Setting]) -> None:
    """An outage longer than the lease leaves no gap where nobody has published meanwhile."""
    one = make()
    with one.relay:
        one.publish(1)
        before = one.relay.stats().streams[0].term
        one.engine.always = EngineUnavailable("gone")
        one.feed.give(1)
        one.engine.await_failures(1)
        with one.store.lock:
            one.store.offices.clear()
        one.engine.always = None
        assert one.relay.flush(5)
        assert one.relay.stats().streams[0].term == before
    assert one.entries() == ["state", "1", "2"]


def test_a_stream_that_stands_above_the_term_gets_a_higher_one(
    make: Callable[..., Setting],
) -> None:
    """Where the engine has forgotten the terms, or its clock went back, nothing is refused."""
    one = make()
    ghost = Position(10**13, 5)
    MemoryEngine(one.store).append(STREAM, ghost, [Draft(Head("state"), 0, None, b"{}")])
    with one.relay:
        one.await_open()
        one.publish(1)
        assert one.relay.stats().streams[0].term > ghost.term
    assert one.entries() == ["state", "state", "taken_over", "1"]


def test_whoever_takes_over_asks_for_full_states_anew(make: Callable[..., Setting]) -> None:
    """A stream whose first event is a full state was begun while nobody published it."""
    first = make()
    second = make(store=first.store)
    asked: list[Any] = []
    feed = Feed(second.relay, second.client, dashboards())
    feed.subscription.resync = asked.append
    second.feed.subscription.resync = asked.append
    with first.relay, second.relay:
        feed.give(1)
        second.publish(1)
        first.relay.close()
        second.look_again()
        assert second.relay.wait_publishing(5)
        feed.give(1)
        assert second.relay.flush(5)
    assert asked == [feed.subscription]


def test_whoever_takes_over_asks_for_accounts_anew(make: Callable[..., Setting]) -> None:
    """Nobody knows what of an account the last publisher had and did not write."""
    one = make()
    hold_office(one.store)
    account = Feed(one.relay, one.client, evolve(tickers_topic(products=["ebob"]), private=True))
    asked: list[Any] = []
    account.subscription.resync = asked.append
    account.give(1)
    with one.relay:
        one.await_open()
        assert one.relay._flusher.wait(lambda: bool(asked), Deadline(5))
    assert asked == [account.subscription]
