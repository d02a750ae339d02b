"""Outage: when an engine is to be asked again, and what of it is to be told."""

from __future__ import annotations

import pytest

from venuesdk.relay import EngineRefused, EngineUnavailable
from venuesdk.relay import outage as outage_module
from venuesdk.relay.outage import Outage
from venuesdk.timing import Backoff


def test_an_outage_is_told_once_for_each_kind_of_failure() -> None:
    """Until the engine has answered: then the next is another one."""
    outage = Outage(Backoff())
    assert not outage.lasts
    assert [outage.failed(EngineUnavailable()), outage.failed(EngineUnavailable())] == [True, False]
    assert outage.failed(EngineRefused())
    assert outage.lasts
    outage.ended()
    assert not outage.lasts
    assert outage.failed(EngineUnavailable())


def test_the_pauses_grow_and_end_with_the_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the rhythm that it was given."""
    monkeypatch.setattr(outage_module, "monotonic", lambda: 100.0)
    monkeypatch.setattr(Backoff, "delay", Backoff.ceiling)
    outage = Outage(Backoff(initial=1.0, factor=2.0, maximum=3.0))
    assert outage.pause() == 0.0
    pauses = []
    for _ in range(3):
        outage.failed(EngineUnavailable())
        pauses.append(outage.pause())
    assert pauses == [1.0, 2.0, 3.0]
    monkeypatch.setattr(outage_module, "monotonic", lambda: 104.0)
    assert outage.pause() == 0.0
    assert outage.ended() == 4.0
    outage.failed(EngineUnavailable())
    assert outage.pause() == 1.0
