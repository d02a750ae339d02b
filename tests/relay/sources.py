"""Streams for the tests of a relay: subscriptions of a client that speaks to nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from venuesdk import OnyxClient
from venuesdk.models import Gap
from venuesdk.protocol.codec import Event, Topic
from venuesdk.relay import Relay
from venuesdk.relay.source import Source
from venuesdk.session.sink import Sink, SinkSubscription
from venuesdk.venues.onyx import OnyxCodec
from venuesdk.venues.onyx.topics import channel_topic, tickers_topic

__all__ = ["Feed", "NoSink", "event", "number_of", "onyx", "source_of", "texts"]

STREAM = "venuesdk:{onyx}:tickers"


def onyx() -> OnyxClient:
    """Return a client that is never connected."""
    return OnyxClient(token="a-token-of-the-tests", delivery="pump")


def payload(number: int) -> bytes:
    """Return a list of one ticker whose time tells its number (Onyx document, "Tickers Event")."""
    return json.dumps(
        [{"symbol": "dubm25", "product_symbol": "dub", "timestamp_millis": number, "mid": "81.3"}],
        separators=(",", ":"),
    ).encode()


def event(number: int) -> Event:
    """Return a tickers event that tells its number."""
    decode = OnyxCodec.catalogue.decoder("tickers 1")
    assert decode is not None
    return Event("tickers", payload(number), decode)


def number_of(entry: dict[bytes, bytes]) -> int:
    """Return the number of an event that was published."""
    number: int = json.loads(entry[b"payload"])[0]["timestamp_millis"]
    return number


class NoSink(Sink):
    """A sink that is never given anything."""


def source_of(client: OnyxClient, topic: Topic | None = None) -> Source:
    """Return a source that belongs to no relay."""
    topic = topic or tickers_topic(products=["dub"])
    subscription = SinkSubscription(topic, client._delivery, NoSink())
    return Source(subscription, OnyxCodec.catalogue)


class Feed:
    """One topic of a relay's client, whose events a test makes up."""

    def __init__(self, relay: Relay, client: Any, topic: Topic | None = None) -> None:
        topic = topic or tickers_topic(products=["dub"])
        self.subscription = SinkSubscription(topic, client._delivery, relay)
        self.subscription.ready()
        self._delivery = client._delivery
        self._next = 1

    def give(self, count: int = 1) -> list[int]:
        """Let so many events arrive, in one run, and return their numbers."""
        numbers = list(range(self._next, self._next + count))
        self._next += count
        with self._delivery.lock:
            self.subscription.offer_locked([event(number) for number in numbers])
        return numbers

    def gap(self, gap: Gap) -> None:
        """Let a gap arrive."""
        self._delivery.put_gap(self.subscription, gap)


def dashboards() -> Topic:
    """Return a topic whose first event is a full state (Onyx document, "Dashboards Event")."""
    return channel_topic("dashboards")


def texts(entries: dict[Any, dict[bytes, bytes]]) -> Iterator[str]:
    """Yield entries in short: the number of an event, the reason of a gap, the kind of the rest."""
    for fields in entries.values():
        kind = fields[b"kind"].decode()
        if kind == "event":
            yield str(number_of(fields))
        elif kind == "gap":
            told = json.loads(fields[b"payload"])
            count = "" if told["count"] is None else f" {told['count']}"
            yield f"{told['reason']}{count}"
        else:
            yield kind
