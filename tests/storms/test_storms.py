"""Storms: what a venue sees of many clients of one program that it cut off at once.

Every client is a real one, with the rhythm that users get; the venue is one simulator, which
writes down when it was knocked at.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from venuesdk import (
    AttemptQuota,
    AuthenticationError,
    Backoff,
    FuzeClient,
    LoopringClient,
    OnyxClient,
    State,
    StateChange,
)
from venuesdk.session.quota import quota_of
from venuesdk.testing import simulate
from venuesdk.testing.server import HttpReply
from venuesdk.timing import Deadline, monotonic

PATIENCE = 30.0
LATE = 0.25
"""Seconds by which the simulator may see an attempt after it took its token, on a busy machine."""


class Door:
    """When a simulator was knocked at, whether it opened or not."""

    def __init__(self, sim: Any) -> None:
        self.sim = sim
        self.knocks: list[float] = []
        self._admit = sim.link_requested
        sim.link_requested = self._knocked

    def _knocked(self, link: Any) -> Any:
        self.knocks.append(monotonic())
        return self._admit(link)

    def since(self, moment: float) -> list[float]:
        return sorted(one for one in list(self.knocks) if one >= moment)


def peak(moments: list[float], window: float) -> int:
    """Return the most moments that any window of so many seconds holds."""
    return max(sum(1 for other in moments if one <= other < one + window) for one in moments)


class Crowd:
    """Many clients of one venue, and when each of them came back."""

    def __init__(self, sim: Any, size: int, **options: Any) -> None:
        self.sim = sim
        self.size = size
        self.back: dict[int, float] = {}
        self._changed = threading.Condition()
        self.clients = [
            OnyxClient(url=sim.url, token=sim.token, timeout=PATIENCE, **options)
            for _ in range(size)
        ]
        for number, client in enumerate(self.clients):
            client.on_state(lambda change, number=number: self._note(number, change))

    def _note(self, number: int, change: StateChange) -> None:
        if change.state is State.CONNECTED and change.epoch > 1:
            with self._changed:
                self.back[number] = monotonic()
                self._changed.notify_all()

    def connect(self) -> None:
        with ThreadPoolExecutor(8, "storm") as pool:
            list(pool.map(lambda client: client.connect(), self.clients))

    def all_back(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.back) == self.size, PATIENCE)

    def close(self) -> None:
        with ThreadPoolExecutor(8, "storm") as pool:
            list(pool.map(lambda client: client.close(), self.clients))


def threads(kind: str) -> int:
    """Return how many threads of that kind the clients have."""
    return sum(one.name == f"venuesdk-onyx-{kind}" for one in threading.enumerate())


@pytest.fixture
def gather() -> Iterator[Callable[..., tuple[Crowd, Door]]]:
    """Make a crowd of connected clients at a door of their own; all is closed with the test."""
    with contextlib.ExitStack() as stack:

        def gather(size: int, **options: Any) -> tuple[Crowd, Door]:
            sim = stack.enter_context(simulate("onyx", interval=None))
            door = Door(sim)
            crowd = Crowd(sim, size, **options)
            stack.callback(crowd.close)
            crowd.connect()
            return crowd, door

        yield gather


def storm(crowd: Crowd, door: Door, quota: AttemptQuota, refuse_for: float = 0.0) -> dict[str, Any]:
    """Cut all clients off at once; check that all come back, in turn; return the figures."""
    full = Deadline(PATIENCE)
    pause = threading.Event()
    while quota.tokens < quota.burst and not full.expired():
        pause.wait(0.05)
    began = monotonic()
    if refuse_for:
        crowd.sim.refuse_connections()
        pause.wait(refuse_for)
        crowd.sim.refuse_connections(False)
    else:
        crowd.sim.drop()
    assert crowd.all_back(), f"{crowd.size - len(crowd.back)} clients did not come back"
    knocks = door.since(began)
    for window in (0.1, 1.0, knocks[-1] - knocks[0]):
        assert peak(knocks, window) <= quota.burst + quota.rate * (window + LATE) + 1
    assert (threads("reader"), threads("dispatch")) == (crowd.size, crowd.size)
    assert quota.waiting == 0
    assert {client.stats().epoch for client in crowd.clients} == {2}
    assert {client.subscribe_server_info().closed for client in crowd.clients} == {False}
    times = [moment - began for moment in crowd.back.values()]
    return {
        "attempts": len(knocks),
        "first back (s)": round(min(times), 2),
        "median (s)": round(statistics.median(times), 2),
        "last back (s)": round(max(times), 2),
        "peak in 100 ms": peak(knocks, 0.1),
        "peak in 1 s": peak(knocks, 1.0),
        "lost": crowd.size - len(times),
    }


def test_twenty_clients_that_are_cut_off_at_once_come_back_in_turn(
    gather: Any, figures: Any
) -> None:
    """All of them, and never more at a time than the quota that they share allows."""
    quota = AttemptQuota(rate=20, burst=5)
    crowd, door = gather(20, quota=quota, reconnect=Backoff(initial=0.1, maximum=0.5))
    figures.add(
        "Reconnect storm, 20 clients, quota of 20/s and 5 at once",
        cut="once",
        **storm(crowd, door, quota),
    )


@pytest.mark.long
@pytest.mark.parametrize("cut", ["once", "and refused for 1 s"])
def test_a_hundred_clients_that_are_cut_off_at_once_come_back_in_turn(
    gather: Any, figures: Any, cut: str
) -> None:
    """With the rhythm and the quota that users get, which nobody had to name."""
    crowd, door = gather(100)
    quota = quota_of("127.0.0.1", crowd.sim.port)
    assert (quota.rate, quota.burst) == (10.0, 20)
    measured = storm(crowd, door, quota, refuse_for=1.0 if "refused" in cut else 0.0)
    figures.add("Reconnect storm, 100 clients", quota="10/s, 20 at once", cut=cut, **measured)


@pytest.mark.long
def test_without_a_quota_the_jitter_alone_spreads_a_hundred_clients(
    gather: Any, figures: Any
) -> None:
    """Over half a second: this is what the quota is there for."""
    quota = AttemptQuota(rate=1e6, burst=10**6)
    crowd, door = gather(100, quota=quota)
    measured = storm(crowd, door, quota)
    figures.add("Reconnect storm, 100 clients", quota="none", cut="once", **measured)
    assert measured["peak in 1 s"] > 30


def test_clients_that_wait_for_their_turn_are_closed_at_once(gather: Any) -> None:
    """They leave the line, and no thread behind."""
    quota = AttemptQuota(rate=0.01, burst=1)
    crowd, _ = gather(10, quota=quota, reconnect=Backoff(initial=0.01, maximum=0.01))
    crowd.sim.drop()
    waiting = Deadline(PATIENCE)
    while quota.waiting < 9 and not waiting.expired():
        threading.Event().wait(0.01)
    assert quota.waiting >= 9
    for client in crowd.clients:
        began = monotonic()
        client.close()
        assert monotonic() - began < 1.0
    assert quota.waiting == 0
    assert threads("reader") == threads("dispatch") == 0


def test_clients_of_one_host_share_its_quota_and_those_of_another_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By host and port, for as long as one of them lives."""
    spent: list[AttemptQuota] = []
    spend = AttemptQuota.spend

    def noted(quota: AttemptQuota) -> None:
        spent.append(quota)
        spend(quota)

    monkeypatch.setattr(AttemptQuota, "spend", noted)
    with simulate("onyx", interval=None) as one, simulate("fuze", interval=None) as other:
        first = OnyxClient(url=one.url, token=one.token)
        second = OnyxClient(url=one.url, token=one.token)
        third = FuzeClient(url=other.url, **other.credentials)
        shared, apart = quota_of("127.0.0.1", one.port), quota_of("127.0.0.1", other.port)
        assert shared is not apart
        for client in (first, second, third):
            client.connect()
            client.close()
        assert spent == [shared, shared, apart]


def test_a_flapping_link_waits_longer_each_time() -> None:
    """A link that falls as soon as it is up does not begin the count anew."""
    attempts: list[int] = []
    enough = threading.Event()
    with simulate("onyx", interval=None) as sim:
        quick = Backoff(initial=0.001, maximum=0.05, healthy=60)
        client = OnyxClient(url=sim.url, token=sim.token, reconnect=quick)

        def flap(change: StateChange) -> None:
            if change.state is State.RECONNECTING:
                attempts.append(change.attempt)
                if len(attempts) == 8:
                    enough.set()
            elif change.state is State.CONNECTED and not enough.is_set():
                sim.drop()

        client.on_state(flap)
        client.connect()
        assert enough.wait(PATIENCE)
        client.close()
    assert attempts[:8] == list(range(8))


SPREAD = Backoff(initial=0.2, maximum=60, factor=1000)
"""A rhythm that would wait for a minute, had the venue not named a time."""


@pytest.mark.long
@pytest.mark.parametrize("status", [429, 503])
def test_a_time_named_on_the_upgrade_is_kept(status: int) -> None:
    """Not before, and not much after, however often the venue says so."""
    with simulate("onyx", interval=None) as sim:
        door = Door(sim)
        client = OnyxClient(url=sim.url, token=sim.token, reconnect=SPREAD).connect()
        sim.refuse_connections(status=status, retry_after=1)
        assert sim.wait_for(lambda _: len(door.knocks) == 3, PATIENCE) or len(door.knocks) >= 3
        sim.refuse_connections(False)
        assert sim.wait_for(lambda one: one.accepted == 2, PATIENCE)
        client.close()
    for before, after in zip(door.knocks[1:], door.knocks[2:], strict=False):
        assert 1.0 <= after - before <= 1.0 + SPREAD.initial + LATE


@pytest.mark.long
def test_a_time_named_on_the_key_fetch_is_kept() -> None:
    """The key is a part of connecting: nobody knocks at the socket in between."""
    with simulate("loopring", interval=None) as sim:
        door = Door(sim)
        asked: list[float] = []
        answer = sim.on_http

        def busy(request: Any) -> HttpReply:
            asked.append(monotonic())
            if 2 <= len(asked) <= 3:
                return HttpReply(503, {"msg": "busy"}, {"Retry-After": "1"})
            return answer(request)

        sim.on_http = busy
        client = LoopringClient(
            url=sim.url, http_url=sim.http_url, reconnect=SPREAD, **sim.credentials
        ).connect()
        sim.drop()
        assert sim.wait_for(lambda one: one.accepted == 2, PATIENCE)
        client.close()
    assert len(asked) == 4
    for before, after in zip(asked[1:], asked[2:], strict=False):
        assert 1.0 <= after - before <= 1.0 + SPREAD.initial + LATE
    assert len(door.knocks) == 2


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("place", ["upgrade", "key"])
def test_a_refusal_on_reconnecting_is_not_tried_again(place: str, status: int) -> None:
    """One attempt, and the client has failed: every call says so at once."""
    kinds: dict[str, Any] = {"upgrade": OnyxClient, "key": LoopringClient}
    failed = threading.Event()
    with simulate("onyx" if place == "upgrade" else "loopring", interval=None) as sim:
        door = Door(sim)
        asked: list[Any] = []
        options = {} if sim.http_url is None else {"http_url": sim.http_url}
        quick = Backoff(initial=0.001, maximum=0.001)
        client = kinds[place](url=sim.url, reconnect=quick, **options, **sim.credentials)
        client.on_state(lambda change: failed.set() if change.state is State.FAILED else None)
        client.on_error(lambda error: None)
        client.connect()
        if place == "key":
            sim.on_http = lambda request: asked.append(1) or HttpReply(status, {"msg": "no"})
            sim.drop()
        else:
            sim.refuse_connections(status=status)
        assert failed.wait(PATIENCE)
        with pytest.raises(AuthenticationError):
            client.wait(PATIENCE)
        assert not threading.Event().wait(0.2)
        assert len(door.knocks) == (2 if place == "upgrade" else 1)
        assert len(asked) == (0 if place == "upgrade" else 1)
        client.close()
