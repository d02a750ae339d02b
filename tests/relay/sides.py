"""All that each side of a relay asks of an engine, one method after the other."""

from __future__ import annotations

from venuesdk.relay import Engine, Position
from venuesdk.relay.entry import Draft, Head

__all__ = ["DRAFTS", "OFFICE", "STREAM", "consume", "publish"]

OFFICE = "venuesdk:{onyx}"
STREAM = f"{OFFICE}:tickers"
DRAFTS = [Draft(Head("event"), 1, None, b"{}")] * 3


def publish(engine: Engine) -> None:
    """Do all that a publisher does."""
    engine.claim(OFFICE, "me", 5.0, 0)
    engine.append(STREAM, Position(7, 1), DRAFTS)
    engine.top(STREAM)
    engine.enlist(OFFICE, STREAM)
    engine.trim(STREAM)
    engine.slowest(STREAM)
    engine.cut(STREAM, 1)
    engine.resign(OFFICE, "me")


def consume(engine: Engine) -> None:
    """Do all that a reader does."""
    engine.listed(OFFICE)
    engine.join(STREAM, "desk", oldest=True)
    engine.given(STREAM, "desk")
    engine.read([STREAM], "desk", "one", 10, 0.1)
    engine.unfinished(STREAM, "desk", "one", Position(0, 0), 10)
    engine.adopt(STREAM, "desk", "one", 0.0, 10)
    engine.acknowledge(STREAM, "desk", [Position(7, 1)])
    engine.lost(STREAM, "desk")
    engine.alone(STREAM, "desk", "one")
    engine.lag(STREAM, "desk")
    engine.stands(STREAM, Position(7, 1), Position(7, 2))
    engine.held(OFFICE)
