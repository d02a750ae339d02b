"""Who is in office: when a lease is renewed, and what is said of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from venuesdk import OnyxClient, timing
from venuesdk.models import State
from venuesdk.relay import MemoryEngine, MemoryStore
from venuesdk.relay.office import Office
from venuesdk.testing import FakeClock

NAME = "venuesdk:{onyx}"


def test_a_lease_is_renewed_three_times_in_its_time(client: OnyxClient) -> None:
    """Not at every look, and early enough that one failure loses no office."""
    engine = MemoryEngine(MemoryStore())
    with FakeClock() as clock:
        office = Office(NAME, client, "a", 3.0)
        assert office.renew(engine)
        term = office.term
        assert term > 0
        assert not office.renew(engine)
        clock.advance(0.9)
        assert office.due > 0
        due = office.due
        assert not office.renew(engine)
        assert office.due == due
        clock.advance(0.2)
        assert not office.renew(engine)
        assert office.due > due
        assert office.term == term


def test_a_lease_counts_from_before_it_was_asked_for(client: OnyxClient) -> None:
    """It may have begun as soon as that, however late the answer comes."""
    engine = MemoryEngine(MemoryStore())
    with FakeClock() as clock:
        claim = engine.claim

        def slowly(*arguments: Any) -> int | None:
            answer = claim(*arguments)
            clock.advance(0.9)
            return answer

        engine.claim = slowly  # type: ignore[method-assign]
        office = Office(NAME, client, "a", 3.0)
        asked = timing.monotonic()
        office.renew(engine)
        assert office.due == pytest.approx(asked + 1.0)


def test_an_office_that_is_lost_is_noticed_at_the_next_look(
    client: OnyxClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever renews too late finds another one there, and says so."""
    store = MemoryStore()
    with FakeClock() as clock, caplog.at_level(logging.INFO):
        first, second = (Office(NAME, client, owner, 3.0) for owner in "ab")
        first.renew(MemoryEngine(store))
        second.renew(MemoryEngine(store))
        assert (first.term > 0, second.term) == (True, 0)
        clock.advance(3.5)
        assert second.renew(MemoryEngine(store))
        assert second.term > first.term
        assert first.renew(MemoryEngine(store))
        assert first.term == 0
    said = [record.message for record in caplog.records]
    assert said == [
        f"publishes {NAME} in term {first.known}",
        f"stands by: another publisher is in office for {NAME}; other topics or another account "
        "need a shard of their own",
        f"publishes {NAME} in term {second.term}",
        f"another publisher has taken over {NAME}",
    ]


def test_whoever_is_deposed_gives_up_the_lease_and_aims_higher(client: OnyxClient) -> None:
    """Where there is nobody else in the end, its next term is above what it has seen."""
    store = MemoryStore()
    engine = MemoryEngine(store)
    office = Office(NAME, client, "a", 3.0)
    office.renew(engine)
    office.depose(engine, 10**14)
    assert office.term == 0
    assert engine.claim(NAME, "b", 3.0, 0) is not None
    engine.resign(NAME, "b")
    office.due = 0.0
    assert office.renew(engine)
    assert office.term > 10**14


def test_a_term_begins_with_where_the_client_stands(client: OnyxClient) -> None:
    """Readers who come then know whether the stream flows."""
    state = Office(NAME, client, "a", 3.0).state()
    assert (state.state, state.previous, state.epoch) == (State.NEW, State.NEW, 0)


def test_an_office_may_begin_a_term_anew(client: OnyxClient) -> None:
    """With the next renewal, which is due at once; it stays in office."""
    engine = MemoryEngine(MemoryStore())
    office = Office(NAME, client, "a", 30.0)
    office.renew(engine)
    first = office.term
    assert not office.renew(engine)
    office.begin_anew()
    assert office.term == first
    assert office.renew(engine)
    assert office.term > first
