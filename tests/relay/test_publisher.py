"""The relay as its user sees it: clients of simulated venues, what is published, what refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from redis_server import RedisServer
from sources import onyx

from venuesdk import LoopringClient, OnyxClient, TimexClient
from venuesdk.models import State
from venuesdk.relay import EngineUnavailable, MemoryEngine, MemoryStore, Relay
from venuesdk.testing import cut_connection, simulate
from venuesdk.venues.loopring import OrderBook, Ticker

Fields = dict[bytes, bytes]


@pytest.fixture
def store() -> MemoryStore:
    """Return what an engine keeps."""
    return MemoryStore()


def entries(store: MemoryStore, stream: str) -> list[Fields]:
    """Return what stands in a stream."""
    with store.lock:
        return list(store.streams[stream].entries.values()) if stream in store.streams else []


def await_entry(
    store: MemoryStore, stream: str, wanted: Callable[[Fields], bool], timeout: float = 10.0
) -> Fields:
    """Wait for an entry, and return it."""
    found: list[Fields] = []

    def there() -> bool:
        found[:] = filter(wanted, entries(store, stream))
        return bool(found)

    with store.lock:
        assert store.changed.wait_for(there, timeout)
    return found[0]


def is_event(fields: Fields) -> bool:
    """Tell whether an entry is an event."""
    return fields[b"kind"] == b"event"


def test_what_a_venue_sends_is_published_as_it_came(store: MemoryStore) -> None:
    """The payload is the venue's, byte for byte, in the stream of its kind of channel."""
    with (
        simulate("onyx", interval=None) as venue,
        OnyxClient(url=venue.url, **venue.credentials) as client,
        Relay(client, MemoryEngine(store)) as relay,
    ):
        client.subscribe_tickers(relay, products=["dub"])
        client.subscribe_dashboards(relay)
        with client.subscribe_tickers(products=["dub"]) as beside:
            venue.tick()
            beside.get(5)
            payload = beside.payload
        tickers = "venuesdk:{onyx}:tickers"
        fields = await_entry(store, tickers, lambda one: one[b"payload"] == payload)
        assert (fields[b"decoder"], fields[b"epoch"]) == (b"tickers 1", b"1")
        full = await_entry(store, "venuesdk:{onyx}:dashboards", is_event)
        assert len(json.loads(full[b"payload"])) == 3
        assert MemoryEngine(store).listed("venuesdk:{onyx}") == [
            "venuesdk:{onyx}:dashboards",
            tickers,
        ]


def test_readers_see_the_clients_connection_come_and_go(store: MemoryStore) -> None:
    """States and gaps stand among the events, in the order in which the client met them."""
    stream = "venuesdk:{onyx}:tickers"
    with (
        simulate("onyx") as venue,
        OnyxClient(url=venue.url, **venue.credentials) as client,
        Relay(client, MemoryEngine(store)) as relay,
    ):
        client.subscribe_tickers(relay, products=["dub"])
        await_entry(store, stream, is_event)
        cut_connection(venue, client)
        await_entry(store, stream, lambda one: is_event(one) and one[b"epoch"] == b"2")
        kinds = []
        for one in entries(store, stream):
            told = json.loads(one[b"payload"])
            if one[b"kind"] == b"state":
                kinds.append(told["state"])
            elif one[b"kind"] == b"gap":
                kinds.append(told["reason"])
            elif not kinds or kinds[-1] != int(one[b"epoch"]):
                kinds.append(int(one[b"epoch"]))
        assert kinds == ["connected", 1, "reconnecting", "connected", "reconnected", 2]


def test_several_venues_in_one_relay(store: MemoryStore) -> None:
    """Each has its own office and streams, and a shard its own names."""
    with (
        simulate("loopring") as one,
        simulate("timex") as two,
        LoopringClient(url=one.url, http_url=one.http_url, **one.credentials) as loopring,
        TimexClient(url=two.url, **two.credentials) as timex,
        Relay([loopring, timex], MemoryEngine(store), shard="desk-1") as relay,
    ):
        assert relay.wait_publishing(5)
        book = OrderBook("LRC-ETH", 0, count=5, snapshot=True)
        loopring.subscribe(Ticker("LRC-ETH"), book, callback=relay)
        timex.subscribe_grouped_order_book("ETHAUDT", relay)
        for stream in (
            "venuesdk:{loopring.desk-1}:ticker",
            "venuesdk:{loopring.desk-1}:orderbook",
            "venuesdk:{timex.desk-1}:orderbook.group",
        ):
            await_entry(store, stream, is_event)
        stats = relay.stats()
        assert stats.publishing == ("loopring", "timex")
        assert stats.published == sum(stream.published for stream in stats.streams)


def test_an_account_is_never_dropped(store: MemoryStore) -> None:
    """Its stream has no bound, whatever the others have."""
    with (
        simulate("timex") as venue,
        TimexClient(url=venue.url, **venue.credentials) as client,
        Relay(client, MemoryEngine(store), max_queue=1) as relay,
    ):
        client.subscribe_account("0xb18e6e42cd252b78731f4eec48a7d1cf6a0b3849", relay)
        (lane,) = relay._all_lanes()
        assert lane.private
        assert lane.stream == "venuesdk:{timex}:account"


def test_counters_tell_what_happened(store: MemoryStore) -> None:
    """`stats` may be asked at any time, before the start and after the end."""
    client = onyx()
    relay = Relay(client, MemoryEngine(store))
    assert (relay.stats().published, relay.stats().publishing) == (0, ())
    assert repr(relay) == "<Relay of onyx new>"
    with relay:
        assert relay.publishing
        assert repr(relay) == "<Relay of onyx running>"
    assert repr(relay) == "<Relay of onyx closed>"
    assert not relay.publishing
    assert relay.close()
    client.close()


def test_closing_a_client_ends_its_topics(store: MemoryStore) -> None:
    """Readers hear of it; the relay goes on with its other clients."""
    stream = "venuesdk:{onyx}:tickers"
    with simulate("onyx") as venue:
        client = OnyxClient(url=venue.url, **venue.credentials).connect()
        with Relay(client, MemoryEngine(store)) as relay:
            client.subscribe_tickers(relay, products=["dub"])
            await_entry(store, stream, is_event)
            client.close()
            assert relay.flush(5)
            last = [json.loads(one[b"payload"]) for one in entries(store, stream)[-2:]]
            assert {"state": "closed"}.items() <= {
                key: value for told in last for key, value in told.items()
            }.items()
            assert any(one[b"kind"] == b"end" for one in entries(store, stream)[-2:])
    assert client.state is State.CLOSED


def test_closing_the_relay_ends_its_subscriptions_alone(store: MemoryStore) -> None:
    """What else the client has goes on."""
    with simulate("onyx") as venue, OnyxClient(url=venue.url, **venue.credentials) as client:
        with client.subscribe_tickers(products=["dub"]) as own:
            relay = Relay(client, MemoryEngine(store)).start()
            relayed = client.subscribe_tickers(relay, products=["dub"])
            assert relay.close()
            assert relayed.closed
            assert own.get(5)
        with pytest.raises(ValueError, match="the relay is closed"):
            client.subscribe_tickers(relay, products=["dub"])


def test_on_redis_by_its_address(redis_server: RedisServer) -> None:
    """The way that a program has it: an address, and nothing to know of engines."""
    with (
        simulate("onyx") as venue,
        OnyxClient(url=venue.url, **venue.credentials) as client,
        Relay(client, redis_server.url) as relay,
    ):
        client.subscribe_tickers(relay, products=["dub"])
        with client.subscribe_tickers(products=["dub"]) as beside:
            beside.get(5)
        assert relay.flush(5)
        assert redis_server.ask("XLEN", "venuesdk:{onyx}:tickers") >= 2  # type: ignore[operator]
        with pytest.raises(EngineUnavailable):
            Relay(client, "redis://127.0.0.1:1/0").start()


def test_a_forked_child_publishes_nothing(redis_server: RedisServer) -> None:
    """It leaves the connection of its parent alone, and its close does nothing."""
    client = onyx()
    with Relay(client, redis_server.url) as relay:
        child = os.fork()
        if child == 0:
            os._exit(0 if relay.close() else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert relay.flush(5)
    assert relay.stats().unpublished == 0
    client.close()


def test_a_relay_is_not_started_by_a_fork_of_its_maker(store: MemoryStore) -> None:
    """Both would be one publisher in the eyes of the engine, and each drop what the other wrote."""
    client = onyx()
    relay = Relay(client, MemoryEngine(store))
    child = os.fork()
    if child == 0:
        try:
            relay.start()
        except ValueError:
            os._exit(1 if relay.flush() or relay.wait_publishing() else 0)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    relay.close()
    client.close()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch": 0}, ValueError, "batch"),
        ({"max_queue": True}, ValueError, "max_queue"),
        ({"max_bytes": -1}, ValueError, "max_bytes"),
        ({"max_length": 0}, ValueError, "max_length"),
        ({"overflow": "both"}, ValueError, "overflow"),
        ({"lease": 0}, ValueError, "lease"),
        ({"lease": 0.0001}, ValueError, "lease"),
        ({"lease": float("inf")}, ValueError, "lease"),
        ({"linger": -1}, ValueError, "negative"),
        ({"linger": float("inf")}, ValueError, "linger"),
        ({"shard": "a:b"}, ValueError, "shard"),
        ({"prefix": "{}"}, ValueError, "prefix"),
        ({"password": "x"}, ValueError, "address of Redis"),
    ],
)
def test_arguments_that_cannot_be(
    client: OnyxClient, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """A typed error before anything is done."""
    with pytest.raises(error, match=message):
        Relay(client, MemoryEngine(MemoryStore()), **options)


def test_clients_that_cannot_be(client: OnyxClient) -> None:
    """One client of a venue, and clients only."""
    engine = MemoryEngine(MemoryStore())
    other = onyx()
    try:
        with pytest.raises(ValueError, match="different venues"):
            Relay([client, other], engine)
    finally:
        other.close()
    with pytest.raises(ValueError, match="one client"):
        Relay([], engine)
    with pytest.raises(TypeError, match="clients"):
        Relay(["onyx"], engine)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="begins with one of"):
        Relay(client, "localhost")
