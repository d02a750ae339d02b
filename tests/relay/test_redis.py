"""Streams on a real Redis: what it must refuse, what it does when it is ill, and what it shows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis_server import RedisServer

from venuesdk.relay import (
    Deposed,
    EngineFull,
    EngineRefused,
    EngineUnavailable,
    GroupGone,
    Position,
    RelayError,
)
from venuesdk.relay.entry import FIELDS, Draft, Head
from venuesdk.relay.redis import RedisEngine

STREAM = "venuesdk:{onyx}:tickers"
OFFICE = "venuesdk:{onyx}"
HEAD = Head("event", 'tickers {"products":["100%"]}', ("products", "100%"), "tickers 1", 3)


def drafts(count: int, size: int = 30) -> list[Draft]:
    """Return drafts whose payloads are numbered."""
    return [Draft(HEAD, 1_763_776_549_123_456_789, number, b"%*d" % (size, number))
            for number in range(1, count + 1)]  # fmt: skip


@pytest.fixture
def engine(redis_server: RedisServer) -> Iterator[RedisEngine]:
    """Return an engine on an empty Redis."""
    engine = RedisEngine(redis_server.url)
    yield engine
    engine.close()


def test_any_program_can_read_an_entry(redis_server: RedisServer, engine: RedisEngine) -> None:
    """Entries are plain fields under the ids ``term-seq``, as any client of Redis sees them."""
    engine.append(STREAM, Position(7, 1), drafts(1))
    with redis_server.client() as client:
        ((id, fields),) = client.xrange(STREAM)
    assert id == b"7-1"
    assert tuple(name.decode() for name in fields) == FIELDS
    assert fields == {
        b"kind": b"event",
        b"topic": b'tickers {"products":["100%"]}',
        b"narrow": b'["products","100%"]',
        b"decoder": b"tickers 1",
        b"epoch": b"3",
        b"received": b"1763776549123456789",
        b"at": b"1",
        b"payload": b"%30d" % 1,
    }


def test_what_redis_refuses_for_its_id_is_stored_already_or_another_publishers(
    engine: RedisEngine,
) -> None:
    """A batch given twice stands there once; one of an older term is refused for good."""
    engine.append(STREAM, Position(7, 1), drafts(3))
    engine.append(STREAM, Position(7, 1), drafts(5))
    assert engine.top(STREAM) == (7, 5)
    engine.append(STREAM, Position(9, 1), drafts(1))
    with pytest.raises(Deposed):
        engine.append(STREAM, Position(7, 6), drafts(1))
    assert engine.top(STREAM) == (9, 1)


def test_without_memory_what_was_stored_stays_and_the_rest_comes_later(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine]
) -> None:
    """Redis refuses writes when it is full; given again after trimming, the whole batch stands."""
    place = start_redis(maxmemory="3mb", maxmemory_policy="noeviction")
    engine = engines(place.url)
    engine.join(STREAM, "g", True)
    batch, first = drafts(200, 2000), 1
    while True:
        try:
            engine.append(STREAM, Position(7, first), batch)
        except EngineFull:
            break
        first += len(batch)
    # All of a batch, or nothing: an entry that is stored after one that is not would shut it out.
    assert engine.top(STREAM) == (7, first - 1)
    taken = engine.read([STREAM], "g", "c", 10_000, 0)[0][1]
    engine.acknowledge(STREAM, "g", [entry.position for entry in taken])
    assert engine.trim(STREAM) == 0
    engine.append(STREAM, Position(7, first), batch)
    more = engine.read([STREAM], "g", "c", 10_000, 0)[0][1]
    seqs = [entry.position.seq for entry in [*taken, *more]]
    assert seqs == list(range(1, first + len(batch)))


def test_a_batch_is_stored_in_one_step(redis_server: RedisServer, engine: RedisEngine) -> None:
    """Nothing that happens in Redis meanwhile can let one entry in and keep out the one before."""
    redis_server.ask("CONFIG", "RESETSTAT")
    engine.append(STREAM, Position(7, 1), drafts(50))
    with redis_server.client() as client:
        calls = {name: facts["calls"] for name, facts in client.info("commandstats").items()}
    assert (calls["cmdstat_multi"], calls["cmdstat_xadd"], calls["cmdstat_exec"]) == (1, 50, 1)


def test_a_batch_is_stored_as_a_whole_or_not_at_all(engine: RedisEngine) -> None:
    """Where one entry is refused the next is not stored: what came between could never follow."""
    good = b"*5\r\n$4\r\nXADD\r\n$1\r\ns\r\n$3\r\n7-%d\r\n$1\r\na\r\n$1\r\nb\r\n"
    bad = b"*2\r\n$4\r\nXADD\r\n$1\r\ns\r\n"
    refusals = engine._together([good % 1, bad, good % 3])
    assert ["wrong number" in str(one) for one in refusals] == [True, False]
    assert engine.top("s") == (0, 0)
    # And all answers were read.
    engine.append("s", Position(7, 1), drafts(3))
    assert engine.top("s") == (7, 3)


def test_scripts_that_redis_forgot_are_told_it_again(
    redis_server: RedisServer, engine: RedisEngine
) -> None:
    """As after a restart, or by an operator."""
    first = engine.claim(OFFICE, "a", 60.0, 0)
    redis_server.ask("SCRIPT", "FLUSH")
    assert engine.claim(OFFICE, "a", 60.0, 0) == first


def test_a_lease_that_cannot_be_renewed_for_want_of_room_is_a_full_engine(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine]
) -> None:
    """Then trimming is what helps, and not an operator."""
    place = start_redis(maxmemory="1", maxmemory_policy="noeviction")
    with pytest.raises(EngineFull):
        engines(place.url).claim(OFFICE, "a", 60.0, 0)


def test_maxlen_would_lose_what_a_slow_group_needs_and_trimming_does_not(
    redis_server: RedisServer, engine: RedisEngine
) -> None:
    """The hazard itself, shown on Redis, and that the relay's way does not have it."""
    engine.join(STREAM, "slow", True)
    engine.append(STREAM, Position(7, 1), drafts(1000))
    assert engine.trim(STREAM) == 1000
    redis_server.ask("XTRIM", STREAM, "MAXLEN", 100)
    lost = engine.read([STREAM], "slow", "c", 10_000, 0)[0][1]
    assert len(lost) == 100
    engine.append(STREAM, Position(7, 1001), drafts(500))
    engine.acknowledge(STREAM, "slow", [entry.position for entry in lost])
    assert engine.trim(STREAM) == 500


def test_trimming_keeps_what_was_handed_out_and_not_acknowledged(engine: RedisEngine) -> None:
    """The lowest entry that any group still holds is where the stream begins afterwards."""
    engine.join(STREAM, "a", True)
    engine.join(STREAM, "b", True)
    engine.append(STREAM, Position(7, 1), drafts(10))
    for group in ("a", "b"):
        engine.read([STREAM], group, "c", 10, 0)
    engine.acknowledge(STREAM, "a", [Position(7, seq) for seq in range(1, 11)])
    engine.acknowledge(STREAM, "b", [Position(7, seq) for seq in (1, 2, 5, 6)])
    assert engine.trim(STREAM) == 8
    assert [one.position.seq for one in engine.unfinished(STREAM, "b", "c", Position(0, 0), 10)] \
        == [3, 4, 7, 8, 9, 10]  # fmt: skip


def test_all_may_be_acknowledged_while_trimming_asks_what_is_not(
    redis_server: RedisServer, engine: RedisEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its two questions: then what was handed out before the first is forgotten."""
    engine.append(STREAM, Position(5, 1), drafts(6))
    engine.join(STREAM, "books", oldest=True)
    engine.read([STREAM], "books", "one", 4, 0.0)
    ask = engine._client.xpending

    def late(*arguments: Any) -> Any:
        redis_server.ask("XACK", STREAM, "books", *(f"5-{seq}" for seq in range(1, 5)))
        return ask(*arguments)

    monkeypatch.setattr(engine._client, "xpending", late)
    assert engine.trim(STREAM) == 2


def test_cutting_counts_what_each_group_never_had(engine: RedisEngine) -> None:
    """Of many entries too, in steps; what was handed out but not acknowledged was needed too."""
    engine.append(STREAM, Position(7, 1), drafts(2000))
    for group in ("slow", "quick", "holding"):
        engine.join(STREAM, group, True)
    engine.read([STREAM], "slow", "c", 100, 0)
    engine.acknowledge(STREAM, "slow", [Position(7, seq) for seq in range(1, 101)])
    for group in ("quick", "holding"):
        engine.read([STREAM], group, "c", 2000, 0)
    engine.acknowledge(STREAM, "quick", [Position(7, seq) for seq in range(1, 2001)])
    engine.acknowledge(STREAM, "holding", [Position(7, seq) for seq in range(51, 2001)])
    # 1 to 50 are held by one group, 101 to 1,700 were never given to another.
    assert engine.cut(STREAM, 300) == 50 + 1600
    assert engine.lost(STREAM, "slow") == (1600, 0)
    assert (engine.lost(STREAM, "quick"), engine.lost(STREAM, "holding")) == ((0, 0), (0, 0))
    lag = engine.lag(STREAM, "slow")
    assert (lag.untaken, lag.lost) == (300, 1600)
    assert engine.cut(STREAM, 300) == 0


def test_what_was_cut_off_while_somebody_held_it_comes_back_empty(engine: RedisEngine) -> None:
    """A reader learns that there was an entry, and that nobody has it any more."""
    engine.join(STREAM, "g", True)
    engine.append(STREAM, Position(7, 1), drafts(4))
    engine.read([STREAM], "g", "c", 4, 0)
    engine.cut(STREAM, 1)
    found = engine.unfinished(STREAM, "g", "c", Position(0, 0), 10)
    assert [entry.fields is None for entry in found] == [True, True, True, False]
    adopted = engine.adopt(STREAM, "g", "d", 0.0, 10)
    assert [entry.fields is None for entry in adopted] == [True, True, True, False]


# ---- offices -------------------------------------------------------------------------------------


def test_one_owner_at_a_time_and_rising_terms(
    redis_server: RedisServer, engine: RedisEngine
) -> None:
    """Whoever has the lease keeps term and office; who comes after has a higher term."""
    first = engine.claim(OFFICE, "a", 60.0, 0)
    assert first is not None
    assert engine.claim(OFFICE, "a", 60.0, first) == first
    assert engine.claim(OFFICE, "b", 60.0, 0) is None
    engine.resign(OFFICE, "b")
    assert engine.claim(OFFICE, "b", 60.0, 0) is None
    # The lease ended; nobody else had the office, so its term goes on.
    redis_server.ask("DEL", f"{OFFICE}/lease")
    assert engine.claim(OFFICE, "a", 60.0, first) == first
    engine.resign(OFFICE, "a")
    second = engine.claim(OFFICE, "b", 60.0, 0)
    assert second is not None and second > first
    engine.resign(OFFICE, "b")
    third = engine.claim(OFFICE, "a", 60.0, first)
    assert third is not None and third > second


def test_a_term_is_above_all_that_its_owner_knows(engine: RedisEngine) -> None:
    """Also where Redis has forgotten the terms, and stands behind a stream that it has."""
    assert engine.claim(OFFICE, "a", 60.0, 10**15) == 10**15 + 1


def test_an_office_whose_term_was_forgotten_has_a_higher_one(
    redis_server: RedisServer, engine: RedisEngine
) -> None:
    """Its holder stays in office, whoever deleted or evicted the key."""
    first = engine.claim(OFFICE, "a", 60.0, 0)
    assert first is not None
    redis_server.ask("DEL", f"{OFFICE}/term")
    second = engine.claim(OFFICE, "a", 60.0, first)
    assert second is not None and second > first


def test_a_lease_ends_by_itself(redis_server: RedisServer, engine: RedisEngine) -> None:
    """It is Redis's clock that decides; its owner needs not be asked."""
    engine.claim(OFFICE, "a", 12.5, 0)
    left = redis_server.ask("PTTL", f"{OFFICE}/lease")
    assert isinstance(left, int) and 0 < left <= 12_500


# ---- trouble -------------------------------------------------------------------------------------


def test_nobody_there(engines: Callable[..., RedisEngine], redis_server: RedisServer) -> None:
    """A port on which nothing listens is an engine that cannot be used."""
    with pytest.raises(EngineUnavailable):
        engines("redis://127.0.0.1:1/0").top(STREAM)


def test_a_killed_redis_can_be_used_again_by_the_same_engine(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine]
) -> None:
    """With an append-only file nothing that was confirmed is lost by the death of the process."""
    place = start_redis(appendonly="yes", appendfsync="always")
    engine = engines(place.url)
    engine.append(STREAM, Position(7, 1), drafts(100))
    place.kill()
    with pytest.raises(EngineUnavailable):
        engine.append(STREAM, Position(7, 101), drafts(1))
    place.start()
    assert engine.top(STREAM) == (7, 100)
    engine.append(STREAM, Position(7, 101), drafts(1))
    assert engine.top(STREAM) == (7, 101)


def test_a_frozen_redis_is_given_up_in_time(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine]
) -> None:
    """No call waits longer than it may, and an answer that comes late is nobody else's."""
    place = start_redis()
    engine = engines(place.url, timeout=0.2)
    engine.append(STREAM, Position(7, 1), drafts(2))
    place.freeze()
    with pytest.raises(EngineUnavailable):
        engine.append(STREAM, Position(7, 3), drafts(3))
    place.thaw()
    assert engine.top(STREAM) in ((7, 2), (7, 5))
    engine.append(STREAM, Position(7, 3), drafts(3))
    assert engine.top(STREAM) == (7, 5)


def test_a_replica_is_no_place_to_write_to(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine]
) -> None:
    """After a failover the old primary refuses writes: that is waited out, not a mistake."""
    place = start_redis()
    place.ask("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(EngineUnavailable, match="ReadOnly"):
        engines(place.url).append(STREAM, Position(7, 1), drafts(1))


def test_a_key_that_is_something_else_is_refused(
    redis_server: RedisServer, engine: RedisEngine
) -> None:
    """Nothing of another program is written to."""
    redis_server.ask("SET", STREAM, "somebody's")
    with pytest.raises(EngineRefused, match="WRONGTYPE"):
        engine.append(STREAM, Position(7, 1), drafts(1))
    with pytest.raises(EngineRefused, match="WRONGTYPE"):
        engine.top(STREAM)
    assert redis_server.ask("GET", STREAM) == b"somebody's"


def test_a_group_or_stream_that_is_not_there(engine: RedisEngine) -> None:
    """It has an error of its own: the stream may have been lost with all its groups."""
    with pytest.raises(GroupGone):
        engine.read([STREAM], "g", "c", 1, 0)
    engine.append(STREAM, Position(7, 1), drafts(1))
    with pytest.raises(GroupGone):
        engine.lag(STREAM, "g")
    assert (engine.top("other"), engine.trim("other")) == ((0, 0), 0)


def test_a_read_ends_when_the_engine_is_closed(
    redis_server: RedisServer, engines: Callable[..., RedisEngine]
) -> None:
    """From another thread, within a moment, however long it was to wait."""
    engine = engines(redis_server.url)
    engine.join(STREAM, "g", True)
    errors: list[RelayError] = []

    def read() -> None:
        try:
            engine.read([STREAM], "g", "c", 1, 60.0)
        except RelayError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    engine.close()
    thread.join(5)
    assert not thread.is_alive()
    assert isinstance(errors[0], EngineUnavailable)
    with pytest.raises(EngineUnavailable, match="closed"):
        engine.top(STREAM)


def test_a_redis_that_deletes_keys_for_want_of_room_is_warned_of(
    start_redis: Callable[..., RedisServer], engines: Callable[..., RedisEngine]
) -> None:
    """A stream is no cache; where nobody may ask for the settings there is nothing to say."""
    place = start_redis(maxmemory="100mb", maxmemory_policy="allkeys-lru")
    (hazard,) = engines(place.url).hazards()
    assert "allkeys-lru" in hazard
    place.ask("ACL", "SETUSER", "default", "-info")
    assert engines(place.url).hazards() == []
    place.ask("ACL", "SETUSER", "default", "+info")
    place.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert engines(place.url).hazards() == []
    place.ask("CONFIG", "SET", "maxmemory-policy", "volatile-ttl", "maxmemory", "0")
    assert engines(place.url).hazards() == []
