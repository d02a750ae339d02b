"""What the processes of the relay's section share: a client, a relay, a reader, and a Redis.

By words in that Redis two of them wait for each other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from job import Job
from shapes import payloads

__all__ = [
    "MOST",
    "PATIENCE",
    "STREAM",
    "await_word",
    "client_of",
    "events_of",
    "fields_of_event",
    "reader_of",
    "relay_of",
    "store",
    "tell",
    "topic",
    "until",
    "url",
]

MOST = 500
"""How many entries one read brings."""
STREAM = "venuesdk:{onyx}:tickers"
PATIENCE = 10.0
"""Seconds that one process waits for the other."""


def store(job: Job) -> Any:
    """Return a client of redis-py."""
    import redis

    return redis.Redis(port=job.options["redis"], protocol=2)


def url(job: Job) -> str:
    """Return where the Redis is."""
    return f"redis://127.0.0.1:{job.options['redis']}"


def reader_of(job: Job, group: str, **more: Any) -> Any:
    """Return a reader of all that is relayed."""
    from venuesdk.relay import RelayReader

    return RelayReader(url(job), group=group, consumer="one", streams=["onyx:tickers"], **more)


@contextmanager
def relay_of(job: Job, **more: Any) -> Iterator[tuple[Any, Any]]:
    """Publish for a client that is connected to nothing."""
    from venuesdk import OnyxClient
    from venuesdk.relay import Relay

    client = OnyxClient(token="a token of the benchmark")
    with closing(client), Relay(client, url(job), **more) as relay:
        if not relay.wait_publishing(PATIENCE):
            raise TimeoutError("the relay is not in office")
        yield client, relay


def client_of(job: Job) -> Any:
    """Return a client that is connected to the server."""
    from venuesdk import OnyxClient

    return OnyxClient(url=job.url(), token="a token of the benchmark").connect()


def events_of(shape: str) -> list[Any]:
    """Return the events that a client makes of the frames of a shape."""
    from venuesdk.venues.onyx.codec import OnyxCodec

    codec = OnyxCodec({}, OnyxCodec.url, OnyxCodec.http_url or "")
    return [event for payload in payloads(shape) for event in codec.decode(payload)]


def fields_of_event(event: Any, all_of_them: bool) -> dict[bytes, bytes]:
    """Return what redis-py is given of an event: its payload, or what the relay writes too."""
    from venuesdk.relay.entry import Draft, Head, Kind, fields_of
    from venuesdk.venues.onyx.codec import OnyxCodec

    if not all_of_them:
        return {b"d": event.payload}
    asked, catalogue = topic(), OnyxCodec.catalogue
    words = () if asked.narrow is None else asked.narrow.words
    name = catalogue.name(event.decode) or ""
    at = catalogue.time_ns(name, event.payload)
    head = Head(Kind.EVENT, asked.name, words, name, 1)
    return fields_of(Draft(head, time.time_ns(), at, event.payload))


def topic() -> Any:
    """Return the topic that is relayed."""
    from venuesdk.venues.onyx.topics import tickers_topic

    return tickers_topic(products=["dub"])


def tell(job: Job, word: str) -> None:
    """Let the other process go on."""
    store(job).set(word, 1)


def await_word(job: Job, word: str) -> None:
    """Wait for the other process."""
    client = store(job)
    until(lambda: bool(client.exists(word)), 2 * PATIENCE + 2 * job.seconds)


def until(done: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Look again and again whether something is so; raise `TimeoutError` where it is not."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("the other side did not do its part")
        time.sleep(0.01)
