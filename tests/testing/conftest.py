"""A plain WebSocket client and a plain venue, for the tests of the simulators."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from venuesdk.testing.server import Connection, HttpReply, HttpRequest, SimulatedVenue

PATIENCE = 5.0


class Peer:
    """A client of nothing but frames and JSON."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def tell(self, message: object) -> None:
        """Send text as it is, bytes as a binary frame, anything else as JSON."""
        plain = isinstance(message, (str, bytes))
        self.socket.send(message if plain else json.dumps(message))  # type: ignore[arg-type]

    def hear_text(self, timeout: float = PATIENCE) -> str:
        text = self.socket.recv(timeout)
        assert isinstance(text, str)
        return text

    def hear(self, timeout: float = PATIENCE) -> Any:
        return json.loads(self.hear_text(timeout))

    def ask(self, message: object) -> Any:
        self.tell(message)
        return self.hear()


Dial = Callable[..., Peer]


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Return a function that opens a connection, which ends with the test."""
    with ExitStack() as stack:

        def open_one(url: str, **options: Any) -> Peer:
            defaults = {"open_timeout": PATIENCE, "close_timeout": 0.2, "proxy": None}
            return Peer(stack.enter_context(connect(url, **defaults | options)))

        yield open_one


class Echo(SimulatedVenue):
    """Answers every message with itself, and counts its steps to whoever said `count`."""

    name = "echo"
    path = "/echo"
    has_http = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"interval": None, **options})
        self.steps = 0
        self.ended: list[int] = []

    def opened(self, connection: Connection) -> None:
        connection.memory = {"counts": False}

    def on_text(self, connection: Connection, text: str) -> None:
        if text == "count":
            connection.memory["counts"] = True
        connection.respond({"echo": text})

    def closed(self, connection: Connection) -> None:
        self.ended.append(connection.number)

    def on_http(self, request: HttpRequest) -> HttpReply:
        return HttpReply(200, {"path": request.path, "body": request.body.decode()})

    def step(self) -> None:
        self.steps += 1

    def events_for(self, connection: Connection) -> Iterable[object]:
        return [{"count": self.steps}] if connection.memory["counts"] else []


@pytest.fixture
def echo() -> Iterator[Echo]:
    """Return the plain venue, without a ticker."""
    with Echo() as venue:
        yield venue


@pytest.fixture
def make_echo() -> Iterator[Callable[..., Echo]]:
    """Return a function that starts a plain venue, which ends with the test."""
    with ExitStack() as stack:

        def make(**options: Any) -> Echo:
            venue = Echo(**options)
            stack.enter_context(venue)
            return venue

        yield make


@pytest.fixture
def no_system_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let urllib speak to loopback directly."""
    monkeypatch.setenv("no_proxy", "*")
