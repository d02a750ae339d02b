"""The heartbeat of the simulated Loopring by itself, on a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from venuesdk.testing.schedule import Alarm
from venuesdk.testing.sims.loopring_heartbeat import Heartbeat


class Clock:
    """Runs what is due when the test moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, Alarm]] = []

    def later(self, delay: float, function: Callable[[], None]) -> Alarm:
        alarm = Alarm(function, None)
        self._due.append((self.now + delay, alarm))
        return alarm

    def move(self, to: float) -> None:
        self.now = to
        due = [alarm for at, alarm in self._due if at <= to and not alarm.cancelled]
        self._due = [(at, alarm) for at, alarm in self._due if at > to]
        for alarm in due:
            alarm.function()


class Peer:
    """A connection that only takes down what happens to it."""

    def __init__(self) -> None:
        self.heard: list[object] = []
        self.reasons: list[str] = []

    @property
    def is_open(self) -> bool:
        return not self.reasons

    def event(self, message: object) -> None:
        self.heard.append(message)

    def close(self, code: int, reason: str = "") -> None:
        self.reasons.append(reason)

    def drop(self) -> None:
        self.reasons.append("dropped")


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands at 0."""
    return Clock()


@pytest.fixture
def peer() -> Peer:
    """Return a connection."""
    return Peer()


@pytest.fixture
def heartbeat(clock: Clock, peer: Peer) -> Heartbeat:
    """Return a heartbeat with the document's two minutes."""
    return Heartbeat(peer, clock.later, 120.0)


def test_each_ping_wants_its_pong_within_the_deadline(
    clock: Clock, peer: Peer, heartbeat: Heartbeat
) -> None:
    """A pong answers the oldest ping, and the next one's two minutes run from that ping."""
    heartbeat.ping()
    clock.move(30.0)
    heartbeat.ping()
    clock.move(100.0)
    heartbeat.pong()
    clock.move(149.0)
    assert peer.reasons == []
    clock.move(150.0)
    assert peer.reasons == ["no pong"]
    clock.move(151.0)
    assert peer.reasons == ["no pong", "dropped"]


def test_a_pong_for_each_ping_is_never_too_many(
    clock: Clock, peer: Peer, heartbeat: Heartbeat
) -> None:
    """Two pings may be answered one after the other, however late the first of them."""
    heartbeat.ping()
    heartbeat.ping()
    clock.move(119.0)
    heartbeat.pong()
    heartbeat.pong()
    clock.move(1000.0)
    assert (peer.heard, peer.reasons) == (["ping", "ping"], [])
    heartbeat.pong()
    assert peer.reasons == ["more pongs than pings"]


def test_a_connection_that_ended_is_owed_nothing(
    clock: Clock, peer: Peer, heartbeat: Heartbeat
) -> None:
    """Once stopped, no deadline passes."""
    heartbeat.ping()
    heartbeat.stop()
    clock.move(1000.0)
    assert peer.reasons == []
