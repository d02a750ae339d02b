"""Responses and events of one connection."""

from __future__ import annotations

from typing import Any

import pytest

from venuesdk.testing.connection import encode


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("as it is {", "as it is {"),
        ({"a": [1, None, True], "b": "ü"}, '{"a":[1,null,true],"b":"ü"}'),
        ([], "[]"),
    ],
)
def test_a_message_becomes_text(message: object, text: str) -> None:
    """Text is sent verbatim, anything else as compact JSON."""
    assert encode(message) == text


def test_responses_are_held_back_and_reversed(echo: Any, dial: Any) -> None:
    """Of three responses held back, the last comes first."""
    peer = dial(echo.url)
    echo.reorder(3, patience=30.0)
    for word in ("one", "two", "three"):
        peer.tell(word)
    assert [peer.hear()["echo"] for _ in range(3)] == ["three", "two", "one"]


def test_events_overtake_responses_that_are_held_back(echo: Any, dial: Any) -> None:
    """Only responses are held back."""
    peer = dial(echo.url)
    peer.ask("count")
    echo.reorder(2, patience=30.0)
    peer.tell("held")
    assert echo.wait_for(lambda venue: (1, "held") in venue.received)
    echo.tick()
    assert peer.hear() == {"count": 1}
    echo.reorder(0)
    assert peer.hear() == {"echo": "held"}


def test_a_lone_response_is_late_and_not_lost(echo: Any, dial: Any) -> None:
    """Fewer responses than were to be reversed come when the patience is over."""
    echo.reorder(5, patience=0.05)
    peer = dial(echo.url)
    peer.tell("one")
    peer.tell("two")
    assert [peer.hear()["echo"] for _ in range(2)] == ["two", "one"]
