"""Ctrl-C at the worst moment of a caller's: what it interrupts is whole, or can be done again.

Signals strike between the steps of Python code. Each test makes the step after which it would hurt
raise what Ctrl-C raises, once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk import TimexClient
from venuesdk.models import HttpRequest
from venuesdk.session import delivery
from venuesdk.session.modes import ThreadDelivery
from venuesdk.session.slots import Slots
from venuesdk.session.staleness import Staleness
from venuesdk.session.standing import Standing
from venuesdk.session.subscribing import Subscribing
from venuesdk.testing import SimulatedVenue, simulate
from venuesdk.timing import Deadline
from venuesdk.wire import http, resolve

WITHIN = 5.0
BOOK = "ETHAUDT"


@pytest.fixture
def venue() -> Iterator[SimulatedVenue]:
    """Return a TimeX whose market stands still."""
    with simulate("timex", interval=None) as one:
        yield one


@pytest.fixture
def client(venue: SimulatedVenue) -> Iterator[TimexClient]:
    """Return a connected client of it, whose callbacks the test runs itself."""
    with TimexClient(url=venue.url, delivery="pump", **venue.credentials) as one:
        yield one


def once(step: Callable[..., Any], before: bool = True) -> Callable[..., Any]:
    """Return a step that Ctrl-C strikes the first time, before or after it is done."""
    strikes = [True]

    def struck(*arguments: Any, **options: Any) -> Any:
        if strikes and before:
            strikes.pop()
            raise KeyboardInterrupt
        result = step(*arguments, **options)
        if strikes:
            strikes.pop()
            raise KeyboardInterrupt
        return result

    return struck


@pytest.mark.parametrize("before", [True, False])
def test_a_close_that_was_interrupted_is_finished_by_the_next(
    client: TimexClient, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    """Whoever iterates over a stream is let go then, and no thread is left."""
    subscription = client.subscribe_raw_order_book(BOOK)
    ended = threading.Event()

    def iterate() -> None:
        for _ in subscription:
            continue
        ended.set()

    threading.Thread(target=iterate, daemon=True).start()
    place = Slots if before else Standing
    step = "fail_all" if before else "move_locked"
    monkeypatch.setattr(place, step, once(getattr(place, step), before=before))
    with pytest.raises(KeyboardInterrupt):
        client.close()
    client.close()
    assert ended.wait(WITHIN)
    assert subscription.closed


def test_a_subscription_whose_close_was_interrupted_is_unsubscribed_by_the_next(
    client: TimexClient, venue: SimulatedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue is told, and the client does not ask for the stream again."""
    subscription = client.subscribe_raw_order_book(BOOK)
    monkeypatch.setattr(subscription, "release", once(subscription.release))
    with pytest.raises(KeyboardInterrupt):
        subscription.close()
    subscription.close()
    assert venue.wait_for(lambda venue: not venue.open_connections()[0].memory)
    assert subscription.feed is None


def test_a_subscription_that_is_interrupted_after_the_yes_is_taken_back(
    client: TimexClient, venue: SimulatedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody would hold it: the venue is asked to stop it."""
    monkeypatch.setattr(Staleness, "add", once(Staleness.add, before=False))
    with pytest.raises(KeyboardInterrupt):
        client.subscribe_raw_order_book(BOOK)
    assert venue.wait_for(lambda venue: not venue.open_connections()[0].memory)


def test_a_dispatch_thread_is_woken_by_the_next_event() -> None:
    """Ctrl-C in a thread that was waking it does not leave it asleep for ever."""
    line = ThreadDelivery("timex")
    told = threading.Event()
    line.start()
    signal = line._signal
    assert_idle(line)
    line._signal = Struck(signal)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        line.notify(lambda: None)
    line._signal = signal
    line.notify(told.set)
    assert told.wait(WITHIN)
    line.close(Deadline(2.0))


class StruckLock:
    """A lock in which Ctrl-C strikes whoever has just let go of it, the first time."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self._let_go = once(lock.__exit__, before=False)

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, *raised: object) -> None:
        self._let_go(*raised)


def test_a_dispatch_thread_that_was_not_started_is_started_by_the_next() -> None:
    """Nobody takes it for one that serves."""
    line = ThreadDelivery("timex")
    told = threading.Event()
    lock, line.lock = line.lock, StruckLock(line.lock)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        line.start()
    line.lock = lock
    line.start()
    line.notify(told.set)
    assert told.wait(WITHIN)
    line.close(Deadline(2.0))


def test_an_errand_whose_thread_was_not_started_is_run_with_the_next(
    client: TimexClient,
) -> None:
    """It is not left lying for ever behind a thread that there never was."""
    upkeep = client._session.upkeep
    ran: SimpleQueue[str] = SimpleQueue()
    lock, upkeep._lock = upkeep._lock, StruckLock(upkeep._lock)  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        upkeep.later(0.0, lambda: ran.put("first"))
    upkeep._lock = lock
    upkeep.later(0.0, lambda: ran.put("second"))
    assert [ran.get(timeout=WITHIN) for _ in range(2)] == ["first", "second"]


class Struck:
    """A queue in which Ctrl-C strikes whoever puts something."""

    def __init__(self, queue: Any) -> None:
        self.get = queue.get

    def put(self, item: object) -> None:
        raise KeyboardInterrupt


def assert_idle(line: ThreadDelivery) -> None:
    """Wait until the thread sleeps: it says so under the lock."""
    deadline = Deadline(WITHIN)
    while not line._idle:
        assert not deadline.expired()


def test_an_event_in_hand_is_told_by_the_next_pump(
    client: TimexClient, venue: SimulatedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was interrupted before the callback began is not lost; what came after it, is done."""
    told: list[Any] = []
    client.subscribe_raw_order_book(BOOK, callback=told.append)
    monkeypatch.setattr(delivery, "monotonic", once(delivery.monotonic, before=False))
    venue.tick()
    with pytest.raises(KeyboardInterrupt):
        while client.pump(timeout=WITHIN):
            assert told == []
    assert told == []
    while not told:
        assert client.pump(timeout=WITHIN)
    assert [type(one).__name__ for one in told] == ["RawOrderBook"]


def test_helpers_that_look_up_names_do_not_get_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller that is interrupted while its helper starts gives the helper's number back."""
    answer = [(2, 1, 6, "", ("127.0.0.1", 80))]
    start = threading.Thread.start
    for before in (True, False):
        for _ in range(resolve.HELPERS + 1):
            with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
                patch.setattr(threading.Thread, "start", once(start, before=before))
                resolve.resolve("venue.test", 80, Deadline(WITHIN), lambda *_, **__: answer)
    found = resolve.resolve("venue.test", 80, Deadline(WITHIN), lambda *_, **__: answer)
    assert found == answer


@pytest.mark.parametrize("step", ["_take", "run"])
def test_an_http_request_that_is_interrupted_leaves_no_connection(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Its lane is not counted as busy, and what it had opened is closed."""
    with simulate("infinex") as venue:
        connection = http.HttpConnection(venue.http_url)
        place: Any = http.HttpConnection if step == "_take" else http._Lane
        monkeypatch.setattr(place, step, once(getattr(place, step), before=False))
        request = HttpRequest("POST", "/spot/orderbook", body=b"{}")
        with pytest.raises(KeyboardInterrupt):
            connection.request(request, Deadline(WITHIN))
        assert not connection._busy
        assert connection.request(request, Deadline(WITHIN)).status
        connection.close()


def test_subscribing_again_after_all_of_it(client: TimexClient, venue: SimulatedVenue) -> None:
    """A client that was interrupted in a subscribe goes on with others."""
    subscribing: Subscribing = client._session.subscribing
    issue = subscribing.issue
    subscribing.issue = once(issue)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        client.subscribe_raw_order_book(BOOK)
    told = client.subscribe_raw_order_book(BOOK)
    assert told.feed is not None
