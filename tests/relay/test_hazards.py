"""Both halves of a relay on a real Redis that is full, slow to be read, restarted or emptied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_server import RedisServer, has_redis
from sources import STREAM, Feed, onyx

from venuesdk.models import Gap, GapReason
from venuesdk.relay import EngineFull, EngineUnavailable, Relay, RelayReader
from venuesdk.timing import Backoff

QUICK = Backoff(initial=0.01, maximum=0.05)

pytestmark = pytest.mark.skipif(not has_redis(), reason="redis-server is not installed")


class Publisher:
    """A relay on a Redis, with one topic of numbered events."""

    def __init__(self, url: str, **options: Any) -> None:
        self.client = onyx()
        self.errors: list[BaseException] = []
        self.client.on_error(self.errors.append)
        self.relay = Relay(self.client, url, **{"linger": 0.0, "reconnect": QUICK, **options})
        self.feed = Feed(self.relay, self.client)
        self.relay.start()

    def told(self) -> list[type[BaseException]]:
        """Return of what ``on_error`` was told."""
        self.client.pump()
        return [type(error) for error in self.errors]

    def trim(self) -> None:
        """Let the next round trim."""
        self.relay._flusher._trim_at = 0.0
        self.relay._flusher._signal.put(None)

    def close(self) -> None:
        self.relay.close()
        self.client.close()


@pytest.fixture
def publish() -> Iterator[Callable[..., Publisher]]:
    """Return what starts publishers, which are closed at the end."""
    made: list[Publisher] = []

    def start(url: str, **options: Any) -> Publisher:
        made.append(Publisher(url, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


class Consumer:
    """A reader of one group that keeps the numbers and the gaps that it is given."""

    def __init__(self, url: str, group: str, **options: Any) -> None:
        self.gaps: list[Gap] = []
        self.numbers: list[int] = []
        self._reader = RelayReader(
            url, group, "c", "onyx:tickers", on_gap=self.gaps.append,
            on_error=lambda error: None, **{"reconnect": QUICK, **options},
        )  # fmt: skip

    def __enter__(self) -> Consumer:
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def take(self, count: int) -> None:
        """Consume so many events."""
        for _ in range(count):
            self.numbers.append(self._reader.get(10).tickers[0].timestamp_millis)


def up_to(count: int) -> list[int]:
    """Return the numbers of the first events."""
    return list(range(1, count + 1))


def test_a_full_redis_loses_nothing(
    start_redis: Callable[..., RedisServer], publish: Callable[..., Publisher]
) -> None:
    """Entries wait until a slow consumer has made room; the user hears of it once."""
    server = start_redis(maxmemory="2mb", maxmemory_policy="noeviction")
    with Consumer(server.url, "slow") as slow:
        one = publish(server.url)
        one.feed.give(20_000)
        while EngineFull not in one.told():
            one.relay.flush(0.05)
        waiting = one.relay.stats().queued
        assert waiting > 1_000
        assert one.relay.stats().dropped == 0
        slow.take(20_000)
        assert one.relay.flush(10)
        assert slow.numbers == up_to(20_000)
        assert one.told().count(EngineFull) <= one.relay.stats().outages
        assert slow.gaps == []


def test_a_slow_group_loses_nothing_while_a_quick_one_is_trimmed_for(
    redis_server: RedisServer, publish: Callable[..., Publisher]
) -> None:
    """The stream keeps what the slowest needs, and is empty when that has it too."""
    one = publish(redis_server.url)
    with (
        Consumer(redis_server.url, "quick", batch=50) as quick,
        Consumer(redis_server.url, "slow", batch=50) as slow,
    ):
        for _ in range(10):
            one.feed.give(200)
            assert one.relay.flush(5)
            quick.take(200)
            one.trim()
            assert one.relay.flush(5)
            slow.take(10)
        assert redis_server.ask("XLEN", STREAM) >= 1800  # type: ignore[operator]
        slow.take(1900)
        assert quick.numbers == slow.numbers == up_to(2000)
        assert quick.gaps == slow.gaps == []
    # What both have acknowledged at their close is forgotten at the next look.
    one.feed.give(1)
    assert one.relay.flush(5)
    while redis_server.ask("XLEN", STREAM) > 60:  # type: ignore[operator]
        one.trim()
        assert one.relay.flush(5)


def test_the_lossy_mode_tells_its_readers_how_much_they_missed(
    redis_server: RedisServer, publish: Callable[..., Publisher]
) -> None:
    """A group that was too slow has one gap with the exact count, and then what was kept."""
    one = publish(redis_server.url, max_length=100)
    with Consumer(redis_server.url, "slow", batch=10) as slow:
        one.feed.give(10)
        assert one.relay.flush(5)
        slow.take(5)
        one.feed.give(990)
        assert one.relay.flush(5)
        while redis_server.ask("XLEN", STREAM) > 100:  # type: ignore[operator]
            one.trim()
            one.relay.flush(5)
        slow.take(1)
        while slow.numbers[-1] != 1000:
            slow.take(1)
        lost = sum(gap.count or 0 for gap in slow.gaps)
        assert {gap.reason for gap in slow.gaps} == {GapReason.OVERFLOW}
        assert lost + len(slow.numbers) == 1000
        assert slow.numbers == sorted(set(slow.numbers))


def test_a_redis_that_was_restarted_without_its_data_is_told_of(
    start_redis: Callable[..., RedisServer], publish: Callable[..., Publisher]
) -> None:
    """Readers and publisher go on; that entries are gone is a gap, never silence."""
    server = start_redis()
    one = publish(server.url)
    with Consumer(server.url, "g") as consumer:
        one.feed.give(100)
        assert one.relay.flush(5)
        consumer.take(60)
        server.kill()
        one.feed.give(50)
        while EngineUnavailable not in one.told():
            one.relay.flush(0.05)
        server.start()
        assert one.relay.flush(10)
        while consumer.numbers[-1] != 150:
            consumer.take(1)
        assert consumer.numbers[-50:] == list(range(101, 151))
        reasons = {gap.reason for gap in consumer.gaps}
        assert reasons & {GapReason.LOST, GapReason.TAKEN_OVER}


def test_a_frozen_redis_stops_neither_client_nor_reader_for_good(
    start_redis: Callable[..., RedisServer], publish: Callable[..., Publisher]
) -> None:
    """Everything waits, and goes on in order when it answers again."""
    server = start_redis()
    one = publish(server.url)
    with Consumer(server.url, "g", timeout=0.3) as consumer:
        one.feed.give(10)
        consumer.take(10)
        server.freeze()
        one.feed.give(500)
        with pytest.raises(TimeoutError):
            consumer._reader.get(0.5)
        server.thaw()
        consumer.take(500)
        assert consumer.numbers == up_to(510)
        assert consumer.gaps == []


def test_a_failover_to_a_replica_that_lacks_the_newest_is_told_exactly(
    tmp_path: Path, publish: Callable[..., Publisher]
) -> None:
    """Replication is asynchronous: what was confirmed and is gone is a gap with its count."""
    for name in ("primary", "replica"):
        (tmp_path / name).mkdir()
    primary = RedisServer(tmp_path / "primary", repl_diskless_sync_delay="0")
    replica = RedisServer(tmp_path / "replica")
    try:
        one = publish(primary.url)
        one.feed.give(100)
        assert one.relay.flush(5)
        with Consumer(primary.url, "g") as consumer:
            consumer.take(1)
            replica.ask("REPLICAOF", "127.0.0.1", primary.port)
            with replica.client() as client:
                while client.info("replication").get("master_link_status") != "up":
                    primary.ask("PING")
            one.feed.give(1)
            assert one.relay.flush(5)
            assert primary.ask("WAIT", 1, 5000) == 1
            # It is cut off, and does not hear of these.
            replica.ask("REPLICAOF", "NO", "ONE")
            one.feed.give(50)
            assert one.relay.flush(5)
            primary.kill()
            one.feed.give(10)
            replica.move(primary.port)
            assert one.relay.flush(10)
            while consumer.numbers[-1] != 161:
                consumer.take(1)
            assert consumer.numbers == sorted(set(consumer.numbers))
            lost = [gap.count for gap in consumer.gaps if gap.reason is GapReason.LOST]
            assert lost == [50]
            assert set(consumer.numbers) >= {*range(1, 102), *range(152, 162)}
    finally:
        for server in (primary, replica):
            server.close()
