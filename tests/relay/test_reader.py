"""The reader of a relay: what it hands on and acknowledges, what it shows, and what it refuses."""

from __future__ import annotations

import os
import pickle
import time
from typing import Any

import pytest
from consuming import GROUP, PATIENCE, Setting, take
from entries import STREAM, tickers
from faulty import FaultyEngine

from venuesdk.errors import ClientClosed, ProtocolError
from venuesdk.models import Gap, GapReason, State, StateChange
from venuesdk.relay import (
    EngineRefused,
    EngineUnavailable,
    MemoryEngine,
    Position,
    RelayedError,
    RelayReader,
)
from venuesdk.relay import intake as intake_module
from venuesdk.relay.entry import Head, Kind, gap_text, state_text


def test_events_come_typed_and_in_order(setting: Setting) -> None:
    """As from a direct subscription; each with where it comes from."""
    setting.publisher.write(tickers(1), at=1_700_000_000_000_000_001)
    setting.publisher.tick(2)
    with setting.reader() as reader:
        assert reader.origin is None
        first = reader.get(PATIENCE)
        assert first.tickers[0].symbol == "ebobjul24"
        origin = reader.origin
        assert origin is not None
        assert (origin.venue, origin.shard, origin.stream) == ("onyx", "", STREAM)
        assert (origin.topic, origin.term, origin.counter, origin.epoch) == ("tickers", 7, 1, 1)
        assert origin.received_ns == 1_700_000_000_000_000_000
        assert origin.venue_time_ns == 1_700_000_000_000_000_001
        assert not origin.redelivered
        assert origin.payload == tickers(1)
        assert take(reader, 1) == [2]
        assert reader.origin is not None and reader.origin.venue_time_ns is None
        assert setting.gaps == []


def test_an_event_is_acknowledged_when_the_next_is_asked_for(setting: Setting) -> None:
    """Not before: until then the program may still fail with it."""
    setting.publisher.tick(1, 2)
    reader = setting.reader()
    take(reader, 2)
    with pytest.raises(TimeoutError, match="within 0 s"):
        reader.get(0)
    assert setting.held() == set()
    setting.publisher.tick(3)
    take(reader, 1)
    reader.close()
    assert setting.held() == {Position(7, 3)}
    assert reader.stats.acknowledged == 2
    assert reader.stats.unacknowledged == 1


def test_acknowledgements_go_together(setting: Setting) -> None:
    """Five hundred at a time, and the rest before the reader waits."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    setting.publisher.tick(1, 1200)
    reader = setting.reader(engine)
    take(reader, 1200)
    asked = engine.calls.count("acknowledge")
    assert 2 <= asked <= 4
    with pytest.raises(TimeoutError):
        reader.get(0)
    assert setting.held() == set()


def test_an_acknowledgement_waits_a_second_at_the_longest(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much is in hand, and however slow its consumer."""
    monkeypatch.setattr(intake_module, "SETTLE_AFTER", 0.0)
    setting.publisher.tick(1, 3)
    reader = setting.reader()
    take(reader, 3)
    assert setting.held() == {Position(7, 3)}


def test_a_program_that_was_killed_goes_on_with_what_it_had_in_hand(setting: Setting) -> None:
    """It comes first, and marked: perhaps it was seen to already."""
    setting.publisher.tick(1, 3)
    first = setting.reader()
    take(first, 2)
    setting.crash(first)
    setting.publisher.tick(4)
    second = setting.reader()
    numbers, marks = [], []
    for _ in range(4):
        numbers += take(second, 1)
        assert second.origin is not None
        marks.append(second.origin.redelivered)
    assert numbers == [1, 2, 3, 4]
    assert marks == [True, True, True, False]
    assert second.stats.redelivered == 3
    assert setting.gaps == []


def test_two_consumers_share_a_group_and_two_groups_have_all(setting: Setting) -> None:
    """Each entry goes to one of a group; that another had one is no gap."""
    one, two = setting.reader(consumer="one", batch=3), setting.reader(consumer="two", batch=3)
    one.start(), two.start()
    setting.publisher.tick(1, 12)
    numbers = [take(reader, 3) for reader in (one, two, one, two)]
    assert numbers == [[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11, 12]]
    assert setting.gaps == []
    other = RelayReader(MemoryEngine(setting.store), "charts", "one", "onyx")
    setting.readers.append(other)
    assert other.lag() == ()


def test_what_another_left_lying_is_taken_over(setting: Setting) -> None:
    """After a while; until then it may still be at it."""
    setting.publisher.tick(1, 3)
    gone = setting.reader(consumer="gone", adopt_after=None)
    take(gone, 1)
    setting.crash(gone)
    heir = setting.reader(consumer="heir", adopt_after=0.05)
    assert take(heir, 3) == [1, 2, 3]
    assert heir.origin is not None and heir.origin.redelivered
    setting.publisher.tick(4)
    assert take(heir, 1) == [4]
    assert not heir.origin.redelivered
    assert setting.gaps == []


def test_what_is_in_hand_too_long_is_not_handed_on_twice_here(setting: Setting) -> None:
    """The engine takes it for left lying, and gives it to its own consumer again."""
    setting.publisher.tick(1, 2)
    reader = setting.reader(adopt_after=0.01)
    assert take(reader, 2) == [1, 2]
    with pytest.raises(TimeoutError):
        reader.get(0.1)
    assert reader.stats.delivered == 2
    assert setting.held() == set()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("name", ["read", "acknowledge", "unfinished", "adopt", "given", "lost"])
def test_an_engine_that_fails_costs_nothing_and_doubles_nothing(
    setting: Setting, name: str, after: bool
) -> None:
    """Whether it did what it was asked, or not: nobody knows that."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine, adopt_after=0.02, batch=4).start()
    for round in range(5):
        engine.fail(name, EngineUnavailable("no answer"), done=after)
        setting.publisher.tick(10 * round + 1, 10 * round + 10)
        assert take(reader, 10) == list(range(10 * round + 1, 10 * round + 11))
        with pytest.raises(TimeoutError):
            reader.get(0.01)
    assert {type(error) for error in setting.errors} <= {EngineUnavailable}
    assert setting.gaps == []
    with pytest.raises(TimeoutError):
        reader.get(0.05)
    assert setting.held() == set()
    assert reader.stats.delivered == 50
    assert reader.stats.acknowledged >= 50


def test_an_outage_is_told_of_once_and_what_is_in_hand_goes_on(setting: Setting) -> None:
    """Also its acknowledgements: they go when the engine is there again."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    setting.publisher.tick(1, 3)
    reader = setting.reader(engine)
    assert take(reader, 1) == [1]
    engine.always = EngineUnavailable("down")
    assert take(reader, 2) == [2, 3]
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        reader.get(0.2)
    assert 0.2 <= time.monotonic() - started < 1.0
    assert [type(error) for error in setting.errors] == [EngineUnavailable]
    assert len(setting.held()) == 3
    engine.always = None
    setting.publisher.tick(4)
    assert take(reader, 1) == [4]
    assert setting.held() == {Position(7, 4)}
    engine.always = EngineUnavailable("down")
    with pytest.raises(TimeoutError):
        reader.get(0.05)
    assert len(setting.errors) == 2


def test_the_first_start_raises_what_the_engine_says(setting: Setting) -> None:
    """Only once it has begun does a reader wait for its engine."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    engine.fail("join", EngineRefused("WRONGPASS"))
    reader = setting.reader(engine)
    with pytest.raises(EngineRefused, match="WRONGPASS"):
        reader.start()
    engine.fail("listed", EngineRefused("NOPERM"))
    with pytest.raises(EngineRefused, match="NOPERM"), setting.reader(engine, streams="onyx"):
        pass
    reader.start()
    engine.fail("read", *[EngineRefused("later")] * 2)
    setting.publisher.tick(1)
    assert take(reader, 1) == [1]
    assert [str(error) for error in setting.errors] == ["later"]


def test_streams_that_come_later_are_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all of a venue was asked for; and read from their beginning."""
    monkeypatch.setattr(intake_module, "LOOK_EVERY", 0.0)
    office = "venuesdk:{onyx}"
    reader = setting.reader(streams=["onyx"], oldest=False).start()
    with pytest.raises(TimeoutError):
        reader.get(0)
    setting.publisher.tick(1)
    for stream in (STREAM, "foreign", "venuesdk:{timex}:x"):
        setting.publisher.engine.enlist(office, stream)
    assert take(reader, 1) == [1]
    assert [lag.stream for lag in reader.lag()] == [STREAM]


def test_a_new_group_may_begin_with_the_next_entry(setting: Setting) -> None:
    """What was there before is not read, and is no gap."""
    setting.publisher.tick(1, 5)
    reader = setting.reader(oldest=False).start()
    setting.publisher.tick(6)
    assert take(reader, 1) == [6]
    assert setting.gaps == []


def test_gaps_and_state_changes_come_where_they_happened(setting: Setting) -> None:
    """In the order of the stream, on the consumer's thread, with their origin."""
    said: list[Any] = []
    told = setting.reader(on_gap=said.append, on_state=said.append)
    error = ConnectionResetError("gone")
    change = StateChange(State.RECONNECTING, State.CONNECTED, "lost", 1, 2, error)
    setting.publisher.tick(1)
    setting.publisher.write(state_text(change), head=Head(Kind.STATE, epoch=2))
    gap = Gap(GapReason.RECONNECTED, None, 3)
    setting.publisher.write(gap_text(gap), head=Head(Kind.GAP, "tickers", epoch=3))
    setting.publisher.tick(2)
    assert take(told, 1) == [1]
    assert said == []
    assert take(told, 1) == [2]
    assert said == [change, gap]
    assert isinstance(said[0].error, RelayedError)
    assert str(said[0].error) == "ConnectionResetError: gone"
    assert told.stats.gaps == 1
    assert told.stats.delivered == 2


def test_a_gap_that_nobody_takes_is_a_warning(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    """As of a direct subscription."""
    reader = setting.reader(on_gap=None)
    gap = gap_text(Gap(GapReason.OVERFLOW, 5, 1))
    setting.publisher.write(gap, head=Head(Kind.GAP, "tickers ebob"))
    setting.publisher.write(gap_text(Gap(GapReason.STALE)), head=Head(Kind.GAP, "tickers ebob"))
    setting.publisher.tick(1)
    take(reader, 1)
    texts = [record.getMessage() for record in caplog.records]
    assert "gap in tickers ebob: overflow, 5 events lost" in texts
    assert "tickers ebob is stale: nothing came for a while" in texts


@pytest.mark.parametrize(
    ("head", "payload"),
    [
        (Head("novelty"), b""),
        (Head(Kind.EVENT, "t", (), "of a newer version", 1), b"[]"),
        (Head(Kind.EVENT, "t", ("novelty", "x"), "tickers 1", 1), tickers(1)),
        (Head(Kind.EVENT, "t", (), "tickers 1", 1), b"no json"),
        (Head(Kind.GAP, "t"), b'{"reason":"novelty"}'),
        (Head(Kind.STATE, "t"), b"[]"),
    ],
)
def test_what_cannot_be_read_is_told_of_and_never_comes_again(
    setting: Setting, head: Head, payload: bytes
) -> None:
    """A newer kind, decoder or narrowing, or what is no payload of its decoder."""
    setting.publisher.write(payload, head=head)
    setting.publisher.tick(2)
    reader = setting.reader()
    assert take(reader, 1) == [2]
    assert [type(error) for error in setting.errors] == [ProtocolError]
    assert setting.gaps == [Gap(GapReason.UNDECODABLE, 1, head.epoch)]
    assert reader.stats.undecodable == 1
    reader.close()
    assert setting.held() == {Position(7, 2)}


def test_an_entry_that_no_relay_wrote_is_told_of(setting: Setting) -> None:
    """It has not even our fields."""
    setting.publisher.tick(1)
    setting.store.streams[STREAM].entries[Position(7, 1)] = {b"hello": b"world"}
    setting.publisher.tick(2)
    assert take(setting.reader(), 1) == [2]
    (error,) = setting.errors
    assert "entry 7-1 of venuesdk:{onyx}:tickers cannot be read" in str(error)


def test_what_a_topic_did_not_ask_for_is_acknowledged_and_not_handed_on(setting: Setting) -> None:
    """The words of its narrowing go with each event."""
    crude = Head(Kind.EVENT, "tickers", ("products", "crude"), "tickers 1", 1)
    setting.publisher.write(tickers(1), head=crude)
    setting.publisher.tick(2)
    reader = setting.reader()
    assert take(reader, 1) == [2]
    reader.close()
    assert setting.held() == {Position(7, 2)}
    assert setting.gaps == setting.errors == []


def test_a_reader_shows_no_password_and_cannot_be_pickled() -> None:
    """Nor where it is in the address."""
    pytest.importorskip("redis")
    secret = "hush-hush-secret"
    for options in ({"password": secret}, {}):
        url = "redis://localhost:1" if options else f"redis://:{secret}@localhost:1"
        reader = RelayReader(url, GROUP, "one", "onyx", **options)
        assert repr(reader) == "<RelayReader 'one' of 'books' new>"
        with pytest.raises(EngineUnavailable) as caught:
            reader.start()
        assert secret not in str(caught.value)
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(reader)
        reader.close()
        assert repr(reader) == "<RelayReader 'one' of 'books' closed>"


def test_an_engine_of_ones_own_takes_no_password(setting: Setting) -> None:
    """The address does; and what is no engine is refused."""
    with pytest.raises(ValueError, match="go with the address"):
        setting.reader(password="unused-by-anybody")
    with pytest.raises(TypeError, match="an engine is"):
        RelayReader(5, GROUP, "one", "onyx")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="on_gap must be callable"):
        setting.reader(on_gap=5)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_in_a_forked_child_every_call_raises(setting: Setting) -> None:
    """The engine's connection is the parent's; only `close` does nothing."""
    reader = setting.reader().start()
    child = os.fork()
    if child == 0:
        refused = 0
        for call in (reader.get, reader.start, reader.lag, reader.wait, lambda: reader.stats):
            try:
                call()
            except ClientClosed:
                refused += 1
        try:
            next(iter(reader))
        except ClientClosed:
            refused += 1
        reader.close()
        os._exit(0 if refused == 6 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not reader._stopping.is_set()
