"""What the user holds of a stream: the three ways to consume it, its gaps, and its end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import ClientClosed, ProtocolError, RequestRejected
from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Event, Topic
from venuesdk.session import subscription as subscription_module
from venuesdk.session.delivery import Delivery
from venuesdk.session.subscription import Subscription

PATIENCE = 5.0


def decode(payload: bytes) -> Any:
    """Return the value of a payload; two of them cannot be read."""
    value = json.loads(payload)
    if value == "undecodable":
        raise ProtocolError("cannot be read", frame=payload)
    if value == "bug":
        raise KeyError("a decoder's own fault")
    return value


def event(value: Any) -> Event:
    """Return an event that brings this value."""
    return Event("r", json.dumps(value).encode(), decode)


class Stream:
    """A subscription on a delivery that nobody works off."""

    def __init__(self, callback: Any = None, **options: Any) -> None:
        self.delivery = Delivery("toy")
        self.errors: list[BaseException] = []
        self.delivery.error_handlers.append(self.errors.append)
        names = ("on_gap", "conflate", "max_queue", "stale_after")
        chosen = {name: options.pop(name) for name in names if name in options}
        topic = Topic("t", "t", None, "r", **options)
        self.subscription: Subscription[Any] = Subscription(
            topic, self.delivery, callback, **chosen
        )

    def put(self, *values: Any) -> None:
        self.delivery.put([(self.subscription, [event(value) for value in values])])

    def run(self) -> None:
        while self.delivery.run_some():
            continue


def rows(value: Any) -> Any:
    """Cut a value into one for each key."""
    return value.items()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"callback": 5}, TypeError),
        ({"on_gap": 5}, TypeError),
        ({"max_queue": 0}, ValueError),
        ({"max_queue": True}, TypeError),
        ({"max_queue": "many"}, TypeError),
        ({"conflate": "yes"}, TypeError),
        ({"stale_after": 0}, ValueError),
        ({"stale_after": -1.0}, ValueError),
        ({"stale_after": float("inf")}, ValueError),
        ({"stale_after": float("nan")}, ValueError),
        ({"stale_after": True}, ValueError),
        ({"stale_after": "long"}, ValueError),
        ({"conflate": True}, ValueError),
    ],
)
def test_a_mistake_is_found_before_anything_is_sent(options: Any, error: type[Exception]) -> None:
    """What is not callable, a bound below one, a stream without keys that is to be conflated."""
    with pytest.raises(error):
        Stream(**options)


def test_get_returns_what_is_there_and_waits_for_what_is_not() -> None:
    """From any thread; with a limit it is a TimeoutError when nothing comes."""
    stream = Stream()
    stream.put(1)
    assert stream.subscription.get(0) == 1
    with pytest.raises(TimeoutError):
        stream.subscription.get(0.01)
    timer = threading.Timer(0.02, stream.put, (2,))
    timer.start()
    assert stream.subscription.get() == 2
    timer.join()


def test_a_subscription_with_a_callback_cannot_be_read() -> None:
    """It would be read twice, or neither."""
    with pytest.raises(ValueError, match="callback"):
        Stream(print).subscription.get(0)


def test_iterating_ends_with_the_close_from_another_thread() -> None:
    """A reader that waits is woken, and its loop ends without an error."""
    stream = Stream()
    stream.put(1, 2)
    seen: list[Any] = []
    second = threading.Event()

    def read() -> None:
        for value in stream.subscription:
            seen.append(value)
            if value == 2:
                second.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert second.wait(PATIENCE)
    stream.subscription.close()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert seen == [1, 2]
    with pytest.raises(ClientClosed):
        stream.subscription.get(0)


def test_an_error_ends_the_stream_behind_what_was_queued() -> None:
    """An iterator gets the rest, then the error, each reader its own."""
    stream = Stream()
    stream.put(1)
    stream.subscription.end(RequestRejected("no permission"))
    stream.put(2)
    seen: list[Any] = []
    errors: list[Exception] = []
    for _ in range(2):
        with pytest.raises(RequestRejected, match="no permission") as caught:
            seen += stream.subscription
        errors.append(caught.value)
    assert seen == [1]
    assert errors[0] is not errors[1]
    assert stream.subscription.stats.delivered == 1


def test_an_error_that_ends_a_stream_is_reported_once() -> None:
    """`on_error` gets it; a later end changes nothing."""
    stream = Stream(print)
    stream.subscription.end(RequestRejected("no permission"))
    stream.subscription.end(RequestRejected("again"))
    stream.run()
    assert [str(error) for error in stream.errors] == ["no permission"]


def test_a_closed_client_is_no_error_of_its_streams() -> None:
    """The loop ends; nothing is reported."""
    stream = Stream()
    stream.subscription.end(ClientClosed("closed"))
    assert list(stream.subscription) == []
    stream.run()
    assert stream.errors == []


def test_gaps_are_told_to_who_iterates_on_its_own_thread() -> None:
    """Before the next event, in order."""
    told: list[Any] = []
    stream = Stream(on_gap=lambda gap: told.append((gap.reason, threading.current_thread())))
    stream.put(1)
    stream.subscription.gap(Gap(GapReason.RECONNECTED, None, 2))
    stream.put(2)
    assert stream.subscription.get(0) == 1
    assert told == []
    assert stream.subscription.get(0) == 2
    assert told == [(GapReason.RECONNECTED, threading.current_thread())]
    assert stream.subscription.stats.gaps == 1


def test_a_gap_without_on_gap_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """With the topic, the reason and the count, where it is known."""
    stream = Stream()
    stream.subscription.gap(Gap(GapReason.RECONNECTED, None, 2))
    stream.subscription.gap(Gap(GapReason.OVERFLOW, 3, 2))
    with pytest.raises(TimeoutError):
        stream.subscription.get(0)
    assert "gap in t: reconnected, an unknown number of events lost" in caplog.text
    assert "gap in t: overflow, 3 events lost" in caplog.text


@pytest.mark.parametrize("callback", [None, lambda value: None])
def test_an_on_gap_that_raises_is_reported_and_stops_nothing(callback: Any) -> None:
    """Neither for who iterates nor for a callback."""
    stream = Stream(callback, on_gap=lambda gap: 1 / 0)
    stream.subscription.gap(Gap(GapReason.RECONNECTED, None, 2))
    stream.put(1)
    if callback is None:
        assert stream.subscription.get(0) == 1
    stream.run()
    assert stream.subscription.stats.delivered == 1
    assert [type(error) for error in stream.errors] == [ZeroDivisionError]


@pytest.mark.parametrize("bad", ["undecodable", "bug"])
def test_an_event_that_cannot_be_read_is_counted_reported_and_a_gap(bad: str) -> None:
    """The gap comes before the next event; a decoder's own fault counts as one."""
    order: list[Any] = []
    stream = Stream(order.append, on_gap=order.append)
    stream.put(1, bad, 2)
    stream.run()
    assert order == [1, Gap(GapReason.UNDECODABLE, 1, 0), 2]
    (error,) = stream.errors
    assert isinstance(error, ProtocolError)
    assert error.frame == json.dumps(bad)
    assert stream.subscription.stats.undecodable == 1
    assert stream.delivery.totals.undecodable == 1


def test_an_event_that_a_topic_does_not_want_is_not_delivered() -> None:
    """`narrow` returns None for it; that is no gap."""
    stream = Stream(narrow=lambda value: value if value > 1 else None)
    stream.put(1, 2)
    assert stream.subscription.get(0) == 2
    assert stream.subscription.stats.gaps == 0


def test_a_conflated_stream_delivers_each_key_of_a_frame_with_many_rows() -> None:
    """One frame of three rows is three calls, without another event to push them out."""
    seen: list[Any] = []
    stream = Stream(seen.append, conflate=True, split=rows)
    stream.put({"a": 1, "b": 2, "c": 3})
    stream.run()
    assert seen == [1, 2, 3]
    stream.put({"a": 4, "b": 5}, {"a": 6})
    stream.run()
    assert seen == [1, 2, 3, 6, 5]
    assert stream.subscription.stats.conflated == 1


def test_every_reader_of_a_conflated_stream_is_woken_by_its_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One frame of three rows wakes three threads that wait in get."""
    monkeypatch.setattr(subscription_module, "SLICE", PATIENCE)
    stream = Stream(conflate=True, split=rows)
    seen: list[Any] = []
    readers = [
        threading.Thread(target=lambda: seen.append(stream.subscription.get(PATIENCE)))
        for _ in range(3)
    ]
    for reader in readers:
        reader.start()
    with stream.delivery.lock:
        arrived = stream.subscription._arrived
    deadline = threading.Event()
    while len(arrived._waiters) < 3:  # type: ignore[attr-defined]
        deadline.wait(0.001)
    stream.put({"a": 1, "b": 2, "c": 3})
    for reader in readers:
        reader.join(PATIENCE / 2)
    assert sorted(seen) == [1, 2, 3]


def test_a_frame_of_a_conflated_stream_that_cannot_be_read_is_a_gap_in_its_place() -> None:
    """Values from before it come before, values from after it after."""
    order: list[Any] = []
    stream = Stream(order.append, on_gap=order.append, conflate=True, split=rows)
    stream.put({"a": 1}, "undecodable", {"a": 2})
    stream.run()
    assert order == [1, Gap(GapReason.UNDECODABLE, 1, 0), 2]


def test_nothing_is_called_after_a_close() -> None:
    """What was queued, and even what was taken from the queue already, is not delivered."""
    seen: list[Any] = []
    stream = Stream(lambda value: (seen.append(value), stream.subscription.close()))
    stream.put(1, 2, 3)
    stream.run()
    stream.put(4)
    stream.run()
    assert seen == [1]
    assert stream.delivery.depth() == 0


def test_a_close_between_decoding_and_the_callback_is_seen() -> None:
    """A gap's listener that closes the subscription is the last to hear of it."""
    seen: list[Any] = []
    stream = Stream(seen.append, on_gap=lambda gap: stream.subscription.close())
    stream.put("undecodable", 1)
    stream.run()
    assert seen == []


def test_a_with_block_closes() -> None:
    """Once, telling the session."""
    stream = Stream()
    released: list[Any] = []
    stream.subscription.release = released.append
    with stream.subscription as subscription:
        assert repr(subscription) == "<Subscription t open>"
    subscription.close()
    assert repr(subscription) == "<Subscription t closed>"
    assert released == [subscription]


def test_an_overflow_of_a_private_stream_asks_for_the_stream_anew() -> None:
    """Once it has drained, with the exact count, and for that stream alone."""
    for private, times in ((True, 1), (False, 0)):
        resynced: list[Any] = []
        order: list[Any] = []
        stream = Stream(order.append, on_gap=order.append, private=private, max_queue=2)
        stream.subscription.resync = resynced.append
        stream.put(1, 2, 3, 4)
        stream.run()
        gap = Gap(GapReason.OVERFLOW, 2, 0)
        assert order == ([1, 2, gap] if private else [gap, 3, 4])
        assert len(resynced) == times


def test_in_a_forked_child_a_stream_is_refused() -> None:
    """Reading and iterating raise, closing does nothing, and none of them waits for a lock."""
    stream = Stream()
    stream.delivery.forked = True
    done: list[Any] = []

    def child() -> None:
        calls: list[Callable[[], Any]] = [
            lambda: stream.subscription.get(0),
            lambda: list(stream.subscription),
        ]
        for call in calls:
            with pytest.raises(ClientClosed, match="parent"):
                call()
        stream.subscription.close()
        done.append(stream.subscription.closed)

    with stream.delivery.lock:
        thread = threading.Thread(target=child)
        thread.start()
        thread.join(PATIENCE)
    assert done == [False]


def test_the_statistics_of_a_stream_count_each_kind_of_event() -> None:
    """Received, delivered, dropped, undecodable, queued, in events and bytes."""
    stream = Stream(max_queue=3)
    stream.put(1, 2, "undecodable", 4)
    assert stream.subscription.get(0) == 2
    stats = stream.subscription.stats
    assert (stats.topic, stats.received, stats.delivered, stats.dropped) == ("t", 4, 1, 1)
    assert (stats.queued, stats.queued_bytes) == (2, len('"undecodable"') + 1)
    assert stream.subscription.get(0) == 4
    assert stream.subscription.stats.undecodable == 1
    assert stream.subscription.stats.gaps == 2


def test_the_raw_payload_of_the_event_in_hand_can_be_reached(desk: Any) -> None:
    """In a callback, and after a get, it is what the venue sent for that event."""
    seen: SimpleQueue[tuple[Any, bytes | None]] = SimpleQueue()
    streams: list[Any] = []
    streams.append(desk.subscribe("a", lambda value: seen.put((value, streams[0].payload))))
    iterated = desk.subscribe("b")
    assert iterated.payload is None
    desk.venue.push("a", {"known": 1, "new": [2]}, {"known": 3})
    assert seen.get(timeout=5) == ({"known": 1, "new": [2]}, b'{"known": 1, "new": [2]}')
    assert seen.get(timeout=5) == ({"known": 3}, b'{"known": 3}')
    desk.venue.push("b", 7)
    assert iterated.get(timeout=5) == 7
    assert iterated.payload == b"7"
