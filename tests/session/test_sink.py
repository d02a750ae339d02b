"""Streams that go to a sink in the place of a callback: what it is told, and what it keeps out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from venuesdk import OnyxClient
from venuesdk.errors import NotSent, VenueError
from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Event
from venuesdk.session.delivery import Delivery
from venuesdk.session.modes import make_delivery
from venuesdk.session.sink import Sink, SinkSubscription
from venuesdk.testing import simulate
from venuesdk.venues.onyx.topics import tickers_topic

TOPIC = tickers_topic(products=["dub"])


class Basin(Sink):
    """A sink that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.refuses = False

    def accept(self, subscription: SinkSubscription) -> None:
        if self.refuses:
            raise ValueError("no more")
        self.told.append("accepted")

    def take(self, subscription: SinkSubscription, events: Sequence[Event], epoch: int) -> None:
        self.told.append(([event.payload for event in events], epoch))

    def take_gap(self, subscription: SinkSubscription, gap: Gap) -> None:
        self.told.append(gap)

    def ended(self, subscription: SinkSubscription, error: VenueError | None) -> None:
        self.told.append(("ended", error))


def unreadable(payload: bytes) -> None:
    """Decode nothing: whoever calls this has read what was to stay raw."""
    raise AssertionError("decoded")


def event(payload: bytes) -> Event:
    """Return an event that nobody may decode."""
    return Event("tickers", payload, unreadable)


@pytest.mark.parametrize("kind", ["thread", "inline", "pump"])
def test_events_and_gaps_come_in_order_and_raw(kind: Any) -> None:
    """Whatever the delivery is, nothing is decoded and nothing waits in it."""
    delivery = make_delivery(kind, "toy")
    delivery.epoch = 3
    basin = Basin()
    subscription = SinkSubscription(TOPIC, delivery, basin)
    subscription.ready()
    delivery.put([(subscription, [event(b"1"), event(b"2")])])
    subscription.gap(Gap(GapReason.RECONNECTED, None, 4))
    delivery.put([(subscription, [event(b"3")])])
    gap = Gap(GapReason.RECONNECTED, None, 4)
    assert basin.told == ["accepted", ([b"1", b"2"], 3), gap, ([b"3"], 3)]
    assert delivery.depth() == 0
    stats = subscription.stats
    assert (stats.received, stats.delivered, stats.gaps, stats.queued) == (3, 3, 1, 0)
    assert delivery.totals.received == 3


def test_nothing_comes_after_the_end() -> None:
    """A sink hears of the end once, and of nothing after it."""
    delivery = Delivery("toy")
    basin = Basin()
    subscription = SinkSubscription(TOPIC, delivery, basin)
    subscription.close()
    subscription.close()
    delivery.put([(subscription, [event(b"1")])])
    subscription.gap(Gap(GapReason.RECONNECTED))
    assert basin.told == [("ended", None)]


def test_an_error_that_ends_the_stream_is_told_and_reported() -> None:
    """What the venue refuses later goes to the sink, and to ``on_error`` as for any other."""
    delivery = make_delivery("pump", "toy")
    errors: list[BaseException] = []
    delivery.error_handlers.append(errors.append)
    basin = Basin()
    refusal = NotSent("refused")
    SinkSubscription(TOPIC, delivery, basin).end(refusal)
    delivery.pump(0, None)
    assert basin.told == [("ended", refusal)]
    assert errors == [refusal]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"on_gap": print}, "the gaps of a stream go to the Basin"),
        ({"conflate": True}, "takes every event"),
        ({"max_queue": 5}, "nothing waits"),
    ],
)
def test_options_that_mean_nothing_are_refused(option: Any, message: str) -> None:
    """Before anything is sent."""
    with pytest.raises(ValueError, match=message):
        SinkSubscription(TOPIC, Delivery("toy"), Basin(), **option)


def test_it_is_neither_asked_nor_called() -> None:
    """What goes to a sink cannot be taken elsewhere, and a sink is no function."""
    subscription = SinkSubscription(TOPIC, Delivery("toy"), Basin())
    with pytest.raises(ValueError, match="go to a Basin"):
        subscription.get(0)
    with pytest.raises(ValueError, match="go to a Basin"):
        next(iter(subscription))
    with pytest.raises(TypeError, match="subscribe methods"):
        Basin()("event")


def test_a_client_knows_a_sink_when_it_is_given_one() -> None:
    """Its streams come through a real connection; a sink that refuses keeps it from being asked."""
    with simulate("onyx") as venue, OnyxClient(url=venue.url, **venue.credentials) as client:
        refusing = Basin()
        refusing.refuses = True
        with pytest.raises(ValueError, match="no more"):
            client.subscribe_tickers(refusing, products=["dub"])
        assert client.stats().subscriptions == ()
        basin = Basin()
        subscription = client.subscribe_tickers(basin, products=["dub"])
        with client.subscribe_tickers(products=["dub"]) as beside:
            beside.get(5)
            beside.get(5)
        subscription.close()
    assert basin.told[0] == "accepted"
    assert basin.told[-1] == ("ended", None)
    payloads = [payload for payloads, _ in basin.told[1:-1] for payload in payloads]
    assert len(payloads) >= 1
    assert all(payload.startswith(b"[{") for payload in payloads)
