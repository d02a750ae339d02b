"""Asking: what becomes of an engine's failures."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from venuesdk.relay import EngineUnavailable
from venuesdk.relay.asking import Asking
from venuesdk.relay.telling import Telling
from venuesdk.timing import Backoff, Deadline


def asking(on_error: Any = None, rhythm: Backoff | None = None) -> tuple[Asking, threading.Event]:
    """Return one, and what says that its reader is stopping."""
    stopping = threading.Event()
    telling = Telling(None, None, on_error, lambda: 0)
    return Asking(rhythm or Backoff(), telling, stopping), stopping


def test_answers_and_failures_are_passed_on() -> None:
    """A timeout of the system's is an engine that gave no answer."""
    asked, _ = asking()
    assert asked.ask(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        asked.ask(divmod, 7, 0)

    def late() -> None:
        raise TimeoutError("timed out")

    with pytest.raises(EngineUnavailable, match="timed out"):
        asked.ask(late)


def test_an_outage_is_told_once_until_all_is_well_again(caplog: pytest.LogCaptureFixture) -> None:
    """An answer in between does not end it: others may be refused still."""
    errors: list[BaseException] = []
    asked, _ = asking(errors.append)
    for _ in range(2):
        asked.failed(EngineUnavailable("gone"))
        asked.ask(int)
    assert [str(error) for error in errors] == ["gone"]
    asked.served()
    asked.served()
    asked.failed(EngineUnavailable("gone"))
    assert len(errors) == 2
    texts = [record.getMessage() for record in caplog.records]
    assert texts == [
        "the engine cannot be read: EngineUnavailable: gone; trying again",
        "the engine answers again, after 0.0 s",
        "the engine cannot be read: EngineUnavailable: gone; trying again",
    ]


def test_what_is_no_fault_of_the_engine_is_never_only_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a callable for a password raised, say: it goes to the hook."""
    hooked: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", hooked.append)
    asked, _ = asking()
    asked.failed(EngineUnavailable("gone"))
    asked.failed(KeyError("password"))
    assert [one.exc_type for one in hooked] == [KeyError]


def test_it_rests_until_it_is_time_or_its_reader_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the deadline comes."""
    monkeypatch.setattr(Backoff, "delay", Backoff.ceiling)
    asked, stopping = asking(rhythm=Backoff(initial=0.02, factor=1000.0))
    assert asked.rested(Deadline(0))
    asked.failed(EngineUnavailable())
    assert not asked.rested(Deadline(0))
    assert asked.rested(Deadline(5))
    asked.failed(EngineUnavailable())
    stopping.set()
    assert not asked.rested(Deadline(5))
    assert asked.pause() > 5
