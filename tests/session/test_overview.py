"""The counters at one moment: how old what is there is, and that looking never has to wait."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from venuesdk.errors import ClientClosed
from venuesdk.session import overview as overview_module
from venuesdk.session import standing as standing_module

PATIENCE = 5.0


def test_the_age_of_the_connection_begins_anew_with_each(open_desk: Any) -> None:
    """And there is none where there is no connection."""
    desk = open_desk()
    assert desk.session.overview.stats().connection_age is None
    desk.connect()
    first = desk.session.overview.stats()
    assert 0.0 <= first.connection_age < PATIENCE
    assert desk.session.overview.stats().connection_age > first.connection_age
    desk.state("connected")
    desk.venue.cut()
    desk.state("connected")
    assert desk.session.overview.stats().epoch == 2
    desk.close()
    assert desk.session.overview.stats().connection_age is None


def test_it_says_since_when_the_state_is_what_it_is(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In seconds since 1970 and as a datetime."""
    now = datetime.now(timezone.utc)
    assert now - desk.session.overview.stats().state_since < timedelta(seconds=PATIENCE)
    monkeypatch.setattr(standing_module, "wall_clock", lambda: 1_700_000_000.5)
    desk.close()
    stats = desk.session.overview.stats()
    assert stats.state_since_unix == 1_700_000_000.5
    expected = datetime(2023, 11, 14, 22, 13, 20, 500_000, tzinfo=timezone.utc)
    assert stats.state_since == expected


def test_the_state_and_the_connection_are_those_of_one_moment(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are read under the lock, and no reconnection comes between."""
    lock, held = desk.session.standing.lock, []
    monkeypatch.setattr(overview_module, "monotonic", lambda: held.append(lock._is_owned()) or 0.0)
    assert desk.session.overview.stats().state == "connected"
    assert held == [True]


def test_errors_and_slow_callbacks_are_counted(desk: Any) -> None:
    """Whether or not anybody was told of the error yet."""
    desk.delivery.slow_after = -1.0
    desk.subscribe("a", lambda value: 1 / 0)
    desk.venue.push("a", 1)
    assert isinstance(desk.error(), ZeroDivisionError)
    desk.venue.say("garbage")
    desk.error()
    desk.close()
    stats = desk.session.overview.stats()
    assert stats.errors == 2
    assert stats.slow_callbacks > 0


def test_it_can_be_looked_at_while_a_thread_is_stuck_with_the_lock(desk: Any) -> None:
    """What is read without the lock is the same, where nothing goes on."""
    desk.ask("echo")
    expected = desk.session.overview.stats()
    found: list[Any] = []
    with desk.session.standing.lock, desk.delivery.lock:
        other = threading.Thread(target=lambda: found.append(desk.session.overview.stats_now()))
        other.start()
        other.join(PATIENCE)
    assert (found[0].requests, found[0].bytes_in) == (expected.requests, expected.bytes_in)


def test_a_forked_child_may_look_but_has_no_counters_of_its_own(desk: Any) -> None:
    """`stats` says whose they are; what a dump shows is what was there at the fork."""
    desk.session.standing.forked = True
    try:
        with pytest.raises(ClientClosed, match="parent"):
            desk.session.overview.stats()
        assert desk.session.overview.stats_now().epoch == 1
    finally:
        desk.session.standing.forked = False
