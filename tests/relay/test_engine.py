"""Engine: what every engine promises, tried on each that there is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
from redis_server import RedisServer

from venuesdk.relay import (
    Deposed,
    EngineUnavailable,
    GroupGone,
    GroupLag,
    MemoryEngine,
    MemoryStore,
    Position,
    RelayError,
)
from venuesdk.relay.engine import START, Engine
from venuesdk.relay.entry import Draft, Head, fields_of

STREAM = "venuesdk:{onyx}:tickers"
OFFICE = "venuesdk:{onyx}"

Make: TypeAlias = Callable[[], Engine]


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Return what makes engines that share one store."""
    made: list[Engine] = []
    if request.param == "redis":
        server: RedisServer = request.getfixturevalue("redis_server")
        from venuesdk.relay.redis import RedisEngine

        def build() -> Engine:
            return RedisEngine(server.url)
    else:
        store = MemoryStore()

        def build() -> Engine:
            return MemoryEngine(store)

    def one() -> Engine:
        made.append(build())
        return made[-1]

    yield one
    for engine in made:
        engine.close()


def draft(number: int) -> Draft:
    """Return an entry that tells its number."""
    received = 1_763_776_549_000_000_000 + number
    return Draft(Head("event", "t", (), "tickers 1", 1), received, None, b"%d" % number)


def write(engine: Engine, first: int, last: int, term: int = 7) -> None:
    """Append numbered entries."""
    drafts = [draft(number) for number in range(first, last + 1)]
    engine.append(STREAM, Position(term, first), drafts)


def numbers(found: list[tuple[str, list[tuple[Position, object]]]]) -> list[int]:
    """Return the numbers of what was read."""
    return [entry[0].seq for _, entries in found for entry in entries]


def read(engine: Engine, consumer: str = "one", most: int = 100, timeout: float = 0) -> list[int]:
    """Return the numbers of what a consumer is handed."""
    return numbers(engine.read([STREAM], "g", consumer, most, timeout))  # type: ignore[arg-type]


def test_an_entry_comes_back_as_it_was_written(make: Make) -> None:
    """With every field, at its position."""
    engine = make()
    engine.append(STREAM, Position(7, 1), [draft(5)])
    engine.join(STREAM, "g", True)
    ((stream, (entry,)),) = engine.read([STREAM], "g", "one", 10, 0)
    assert (stream, entry.position, entry.fields) == (STREAM, Position(7, 1), fields_of(draft(5)))


def test_to_append_again_doubles_nothing(make: Make) -> None:
    """What is stored is left, the rest is added; an older term than the newest is refused."""
    engine = make()
    assert engine.top(STREAM) == START
    write(engine, 1, 3)
    write(engine, 2, 5)
    assert engine.top(STREAM) == Position(7, 5)
    engine.join(STREAM, "g", True)
    assert read(engine) == [1, 2, 3, 4, 5]
    write(engine, 1, 1, term=8)
    with pytest.raises(Deposed):
        write(engine, 6, 6)


def test_a_group_shares_its_entries_and_another_has_all(make: Make) -> None:
    """Each entry goes to one consumer of a group."""
    engine = make()
    engine.join(STREAM, "g", True)
    engine.join(STREAM, "g", False)
    write(engine, 1, 4)
    assert read(engine, "one", 2) == [1, 2]
    assert read(engine, "two") == [3, 4]
    assert read(engine) == []
    engine.join(STREAM, "late", False)
    assert engine.read([STREAM], "late", "one", 10, 0) == []


def test_how_far_a_group_was_given_its_stream(make: Make) -> None:
    """Nothing, everything that was there, or up to what was read last."""
    engine = make()
    write(engine, 1, 4)
    engine.join(STREAM, "g", True)
    engine.join(STREAM, "late", False)
    assert engine.given(STREAM, "g") == START
    assert engine.given(STREAM, "late") == Position(7, 4)
    read(engine, most=2)
    assert engine.given(STREAM, "g") == Position(7, 2)


def test_what_was_not_acknowledged_is_kept_for_its_consumer(make: Make) -> None:
    """From any position on, in pieces; what was forgotten meanwhile has no fields."""
    engine = make()
    engine.join(STREAM, "g", True)
    write(engine, 1, 4)
    read(engine)
    engine.acknowledge(STREAM, "g", [Position(7, 2), Position(9, 9)])
    found = engine.unfinished(STREAM, "g", "one", START, 2)
    assert [entry.position.seq for entry in found] == [1, 3]
    found = engine.unfinished(STREAM, "g", "one", found[-1].position, 2)
    assert [entry.position.seq for entry in found] == [4]
    assert engine.unfinished(STREAM, "g", "two", START, 2) == []
    engine.cut(STREAM, 1)
    found = engine.unfinished(STREAM, "g", "one", START, 9)
    assert [entry.fields is None for entry in found] == [True, True, False]


def test_what_was_left_lying_may_be_taken_over(make: Make) -> None:
    """After a while, by whoever asks; it is theirs then."""
    engine = make()
    engine.join(STREAM, "g", True)
    write(engine, 1, 3)
    read(engine)
    assert engine.adopt(STREAM, "g", "two", 60.0, 10) == []
    deadline, found = time.monotonic() + 5, []
    while not found and time.monotonic() < deadline:
        found = engine.adopt(STREAM, "g", "two", 0.05, 10)
    assert [entry.position.seq for entry in found] == [1, 2, 3]
    assert engine.unfinished(STREAM, "g", "one", START, 10) == []
    assert len(engine.unfinished(STREAM, "g", "two", START, 10)) == 3


def test_only_what_all_groups_acknowledged_is_trimmed(make: Make) -> None:
    """And nothing where there is no group; the rest stays, however old."""
    engine = make()
    assert engine.trim(STREAM) == 0
    write(engine, 1, 6)
    assert engine.trim(STREAM) == 6
    for group in ("g", "slow"):
        engine.join(STREAM, group, True)
    read(engine)
    engine.acknowledge(STREAM, "g", [Position(7, seq) for seq in range(1, 7)])
    assert engine.trim(STREAM) == 6
    engine.read([STREAM], "slow", "one", 4, 0)
    engine.acknowledge(STREAM, "slow", [Position(7, 1), Position(7, 2), Position(7, 4)])
    assert engine.trim(STREAM) == 4


def test_the_slowest_group_is_the_one_that_keeps_the_most(make: Make) -> None:
    """It is named with what it keeps, handed out or not; where nobody keeps anything none is."""
    engine = make()
    assert engine.slowest(STREAM) is None
    write(engine, 1, 6)
    assert engine.slowest(STREAM) is None
    for group in ("g", "slow", "other"):
        engine.join(STREAM, group, True)
    read(engine)
    engine.read([STREAM], "slow", "one", 4, 0)
    engine.read([STREAM], "other", "one", 3, 0)
    engine.acknowledge(STREAM, "g", [Position(7, seq) for seq in range(1, 7)])
    engine.acknowledge(STREAM, "other", [Position(7, seq) for seq in range(1, 4)])
    engine.acknowledge(STREAM, "slow", [Position(7, 1)])
    assert engine.trim(STREAM) == 5
    assert engine.slowest(STREAM) == ("slow", 5)
    engine.read([STREAM], "slow", "one", 4, 0)
    engine.acknowledge(STREAM, "slow", [Position(7, seq) for seq in range(1, 7)])
    assert engine.trim(STREAM) == 3
    assert engine.slowest(STREAM) == ("other", 3)
    engine.read([STREAM], "other", "one", 4, 0)
    engine.acknowledge(STREAM, "other", [Position(7, seq) for seq in range(4, 7)])
    assert engine.slowest(STREAM) is None


def test_what_is_cut_off_is_counted_for_each_group(make: Make) -> None:
    """What it had not been given; what somebody still needed is what the cut returns."""
    engine = make()
    write(engine, 1, 10)
    for group in ("g", "slow"):
        engine.join(STREAM, group, True)
    read(engine, most=8)
    engine.acknowledge(STREAM, "g", [Position(7, seq) for seq in range(1, 9)])
    assert engine.cut(STREAM, 20) == 0
    assert engine.cut(STREAM, 4) == 6
    assert (engine.lost(STREAM, "g"), engine.lost(STREAM, "slow")) == ((0, 0), (6, 0))
    assert engine.cut(STREAM, 1) == 3
    assert (engine.lost(STREAM, "g"), engine.lost(STREAM, "slow")) == ((1, 0), (9, 0))
    engine.told(STREAM, "slow", 6)
    assert (engine.lost(STREAM, "g"), engine.lost(STREAM, "slow")) == ((1, 0), (9, 6))
    assert engine.lag(STREAM, "slow").lost == 9


def test_a_consumer_is_alone_until_another_has_asked(make: Make) -> None:
    """Then entries that it did not get may be the other's."""
    engine = make()
    engine.join(STREAM, "g", True)
    write(engine, 1, 2)
    read(engine, "one", 1)
    assert engine.alone(STREAM, "g", "one")
    read(engine, "two", 1)
    assert not engine.alone(STREAM, "g", "one")


def test_how_far_a_group_is_behind(make: Make) -> None:
    """What nobody took, what nobody acknowledged, and what was lost."""
    engine = make()
    engine.join(STREAM, "g", True)
    write(engine, 1, 5)
    read(engine, most=2)
    engine.acknowledge(STREAM, "g", [Position(7, 1)])
    assert engine.lag(STREAM, "g") == GroupLag(STREAM, 3, 1, 0)


def test_the_streams_of_an_office_are_listed(make: Make) -> None:
    """Sorted, each once."""
    engine = make()
    assert engine.listed(OFFICE) == []
    for stream in ("b", "a", "a"):
        engine.enlist(OFFICE, stream)
    assert engine.listed(OFFICE) == ["a", "b"]


def test_an_office_has_one_holder_and_its_terms_rise(make: Make) -> None:
    """Whoever resigns lets the other in at once."""
    engine = make()
    first = engine.claim(OFFICE, "a", 60, 0)
    assert first is not None and first > 1_000_000_000_000
    assert engine.claim(OFFICE, "a", 60, first) == first
    assert engine.claim(OFFICE, "b", 60, 0) is None
    engine.resign(OFFICE, "b")
    assert engine.claim(OFFICE, "b", 60, 0) is None
    engine.resign(OFFICE, "a")
    second = engine.claim(OFFICE, "b", 60, 0)
    assert second is not None and second > first


def test_a_term_is_gone_on_with_by_its_owner_alone(make: Make) -> None:
    """Who has only heard of another's term gets one of its own, and never writes in that one."""
    engine = make()
    first = engine.claim(OFFICE, "a", 60, 0)
    assert first is not None
    engine.resign(OFFICE, "a")
    assert engine.claim(OFFICE, "a", 60, first) == first
    engine.resign(OFFICE, "a")
    second = engine.claim(OFFICE, "b", 60, 0)
    assert second is not None and second > first
    engine.resign(OFFICE, "b")
    third = engine.claim(OFFICE, "a", 60, second)
    assert third is not None and third > second
    higher = engine.claim(OFFICE, "a", 60, third + 5)
    assert higher is not None and higher > third + 5


def test_an_office_is_held_until_its_holder_resigns_or_its_lease_ends(make: Make) -> None:
    """Anybody may ask, and nothing changes by that."""
    one, other = make(), make()
    assert not other.held(OFFICE)
    one.claim(OFFICE, "a", 60, 0)
    assert other.held(OFFICE)
    assert not other.held("venuesdk:{onyx.eu}")
    one.resign(OFFICE, "a")
    assert not other.held(OFFICE)
    one.claim(OFFICE, "a", 0.05, 0)
    ends = time.monotonic() + 5
    while other.held(OFFICE):
        assert time.monotonic() < ends


def test_whether_any_of_a_range_stands(make: Make) -> None:
    """Both of its ends included; what was cut off does not, nor what never was."""
    engine = make()
    assert not engine.stands(STREAM, Position(7, 1), Position(7, 9))
    write(engine, 1, 4)
    engine.cut(STREAM, 2)
    assert not engine.stands(STREAM, Position(7, 1), Position(7, 2))
    assert engine.stands(STREAM, Position(7, 1), Position(7, 3))
    assert engine.stands(STREAM, Position(7, 4), Position(7, 9))
    assert not engine.stands(STREAM, Position(7, 5), Position(8, 9))


def test_where_there_is_no_group_it_says_so(make: Make) -> None:
    """As `GroupGone`, for every question about one."""
    engine = make()
    questions: list[Callable[[], object]] = [
        lambda: engine.read([STREAM], "g", "one", 1, 0),
        lambda: engine.unfinished(STREAM, "g", "one", START, 1),
        lambda: engine.adopt(STREAM, "g", "one", 1.0, 1),
        lambda: engine.given(STREAM, "g"),
        lambda: engine.alone(STREAM, "g", "one"),
        lambda: engine.lag(STREAM, "g"),
    ]
    for _ in range(2):
        for question in questions:
            with pytest.raises(GroupGone):
                question()
        write(engine, 1, 1)


def test_a_read_waits_for_an_entry_and_ends_when_the_engine_is_closed(make: Make) -> None:
    """From any thread, within a second."""
    engine, other = make(), make()
    engine.join(STREAM, "g", True)
    found: list[object] = []

    def wait() -> None:
        found.append(read(engine, timeout=5))
        try:
            read(engine, timeout=5)
        except RelayError as error:
            found.append(type(error))

    thread = threading.Thread(target=wait)
    thread.start()
    write(other, 1, 1)
    deadline = time.monotonic() + 5
    while not found and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    engine.close()
    thread.join(1.5)
    assert found == [[1], EngineUnavailable]
