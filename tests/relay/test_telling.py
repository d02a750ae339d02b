"""Telling: what a reader's user is told, and what becomes of it where nobody listens."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from venuesdk.models import Gap, GapReason, State, StateChange
from venuesdk.relay.telling import Telling

GAP = Gap(GapReason.LOST, 3, 1)
CHANGE = StateChange(State.RECONNECTING, State.CONNECTED)


def telling(**functions: Any) -> Telling:
    """Return one with the functions of a user."""
    asked = dict.fromkeys(("on_gap", "on_state", "on_error"))
    return Telling(**(asked | functions), waiting=lambda: 4)


def test_each_is_told_to_its_function() -> None:
    """At once, on the thread that consumes."""
    said: list[Any] = []
    told = telling(on_gap=said.append, on_state=said.append, on_error=said.append)
    error = ValueError("ended")
    told.tell_gap(GAP, "t")
    told.tell_change(CHANGE, "t")
    told.tell_end(error, "t")
    told.notify(lambda: said.append("noticed"))
    assert said == [GAP, CHANGE, error, "noticed"]
    assert (told.gaps, told.changes, told.depth()) == (1, 1, 4)


def test_where_nobody_listens_it_is_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A state change is not: it is told at the publisher's."""
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    told = telling()
    with caplog.at_level(logging.INFO):
        told.tell_gap(GAP, "tickers")
        told.tell_change(CHANGE, "tickers")
        told.tell_end(None, "tickers")
        told.tell_end(ValueError("refused"), "tickers")
    assert [record.getMessage() for record in caplog.records] == [
        "gap in tickers: lost, 3 events lost",
        "tickers was closed by its publisher",
        "ValueError: refused",
    ]
    assert {record.name for record in caplog.records} == {"venuesdk.relay"}
    assert [one.exc_type for one in hooked] == [ValueError]


def test_on_a_thread_of_our_own_nothing_gets_out() -> None:
    """On the user's own, Ctrl-C does."""
    errors: list[BaseException] = []

    def interrupted(gap: Gap) -> None:
        raise KeyboardInterrupt

    told = telling(on_gap=interrupted, on_error=errors.append)
    with pytest.raises(KeyboardInterrupt):
        told.tell_gap(GAP, "t")
    told.begin()
    told.tell_gap(GAP, "t")
    assert [type(error) for error in errors] == [KeyboardInterrupt]
    assert told.worker is None
