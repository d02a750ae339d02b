"""Responses and events of one connection."""

from __future__ import annotations

from typing import Any

import pytest

from venuesdk.testing.connection import Connection, encode
from venuesdk.testing.schedule import Alarm


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


class Unconnected(Connection):
    """A connection without a socket, whose alarms the test rings."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.alarms: list[Alarm] = []

    def later(self, delay: float, function: Any) -> Alarm:  # type: ignore[override]
        self.alarms.append(Alarm(function, None))
        return self.alarms[-1]

    def send_text(self, text: str) -> None:
        self.sent.append(text)


def test_the_patience_runs_from_the_first_of_those_held_back() -> None:
    """That of responses which have left already does not send the next ones early."""
    connection = Unconnected()
    connection.hold_back(2, 0.5)
    for text in ("one", "two", "three"):
        connection.respond(text)
    assert connection.sent == ["two", "one"]
    assert [alarm.cancelled for alarm in connection.alarms] == [True, False]
    connection.respond("four")
    assert connection.sent == ["two", "one", "four", "three"]
    assert all(alarm.cancelled for alarm in connection.alarms)
