"""The reader of a relay: what it hands on, what it acknowledges, and what it says is missing."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pytest
from entries import STREAM, Publisher, seen, tickers
from faulty import FaultyEngine

from venuesdk.errors import ClientClosed, ProtocolError, ReentrantCall
from venuesdk.models import Gap, GapReason, State, StateChange
from venuesdk.relay import (
    EngineRefused,
    EngineUnavailable,
    GroupLag,
    MemoryEngine,
    MemoryStore,
    Position,
    RelayedError,
    RelayReader,
)
from venuesdk.relay import intake as intake_module
from venuesdk.relay.engine import Engine
from venuesdk.relay.entry import Head, Kind, gap_text, state_text
from venuesdk.timing import Backoff, Deadline

GROUP = "books"
PATIENCE = 5.0
AT_ONCE = Backoff(initial=0.001, maximum=0.002)


class Setting:
    """A store, what was published in it, and the readers that a test makes."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.publisher = Publisher(self.store)
        self.gaps: list[Gap] = []
        self.changes: list[StateChange] = []
        self.errors: list[BaseException] = []
        self.readers: list[RelayReader] = []

    def reader(
        self,
        engine: Engine | None = None,
        consumer: str = "one",
        streams: Any = "onyx:tickers",
        **options: Any,
    ) -> RelayReader:
        """Return a reader, not started, that tells this setting of everything."""
        told = {
            "on_gap": self.gaps.append,
            "on_state": self.changes.append,
            "on_error": self.errors.append,
            "reconnect": AT_ONCE,
        }
        reader = RelayReader(
            engine or MemoryEngine(self.store), GROUP, consumer, streams, **(told | options)
        )
        self.readers.append(reader)
        return reader

    def held(self) -> set[Position]:
        """Return what the engine takes for handed out and not acknowledged."""
        return set(self.store.streams[STREAM].groups[GROUP].held)

    def crash(self, reader: RelayReader) -> None:
        """Let a reader end as a program does that is killed: nothing more reaches the engine."""
        reader._engine.close()


@pytest.fixture
def setting() -> Iterator[Setting]:
    """Return a new store, and close in the end all readers that were made on it."""
    made = Setting()
    yield made
    for reader in made.readers:
        reader.close()


def take(reader: RelayReader, count: int) -> list[int]:
    """Return the numbers of the next ticker events."""
    return seen(reader.get(PATIENCE) for _ in range(count))


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


# ---- what is missing ---------------------------------------------------------------------------


def test_what_was_cut_off_is_counted_before_the_next_event(setting: Setting) -> None:
    """Exactly, by the engine; and the reader's origin is the event before which it stands."""
    reader = setting.reader()
    setting.publisher.tick(1)
    take(reader, 1)
    setting.publisher.tick(2, 11)
    setting.publisher.engine.cut(STREAM, 4)
    assert take(reader, 4) == [8, 9, 10, 11]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 6, 1)]


def test_every_cut_is_counted_once_though_two_come_in_one_wait(setting: Setting) -> None:
    """What grew beyond one hole belongs to the next."""
    reader = setting.reader(batch=2)
    setting.publisher.tick(1)
    take(reader, 1)
    setting.publisher.tick(2, 11)
    setting.publisher.engine.cut(STREAM, 4)
    assert take(reader, 1) == [8]
    setting.publisher.tick(12, 21)
    setting.publisher.engine.cut(STREAM, 2)
    assert take(reader, 3) == [9, 20, 21]
    assert [gap.count for gap in setting.gaps] == [6, 10]


def test_what_the_engine_lost_is_counted_where_nobody_else_can_have_it(setting: Setting) -> None:
    """By the numbers of the entries, within one term and at the beginning of the next."""
    reader = setting.reader()
    setting.publisher.tick(1)
    setting.publisher.skip(3)
    setting.publisher.tick(5)
    assert take(reader, 2) == [1, 5]
    assert setting.gaps == [Gap(GapReason.LOST, 3, 1)]
    later = Publisher(setting.store, term=8)
    later.skip(2)
    later.tick(6)
    assert take(reader, 1) == [6]
    assert setting.gaps[1:] == [Gap(GapReason.LOST, 2, 1)]
    last = Publisher(setting.store, term=9)
    last.tick(7)
    assert take(reader, 1) == [7]
    assert len(setting.gaps) == 2


def test_two_readers_of_one_name_are_told_of_each_other_and_of_no_loss(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    """Each is handed what the other is not; a warning of each, once, says what is wrong."""
    one, two = setting.reader(batch=2), setting.reader(batch=2)
    for reader in (one, two):
        reader.start()
        with pytest.raises(TimeoutError):
            reader.get(0)
    setting.publisher.tick(1, 12)
    numbers = [take(reader, 2) for reader in (one, two) * 3]
    assert numbers == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12]]
    assert setting.gaps == []
    text = "another reader is called 'one' in group 'books' too: names are for one process each"
    assert [said for said in caplog.messages if "called" in said] == [text, text]


def test_the_first_read_of_a_group_has_no_hole(setting: Setting) -> None:
    """It begins with the oldest entry that is kept, whatever its number."""
    setting.publisher.tick(1, 10)
    setting.publisher.engine.cut(STREAM, 3)
    reader = setting.reader()
    assert take(reader, 3) == [8, 9, 10]
    assert setting.gaps == []


def test_what_was_cut_off_before_the_first_read_is_counted(setting: Setting) -> None:
    """A group that was made, and was given nothing yet, can lose all the same."""
    setting.reader(consumer="early").start().close()
    setting.publisher.tick(1, 10)
    setting.publisher.engine.cut(STREAM, 3)
    reader = setting.reader()
    assert take(reader, 3) == [8, 9, 10]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 7, 1)]


def test_what_was_cut_off_while_nobody_read_is_counted(setting: Setting) -> None:
    """The group's place is known, though this reader is new."""
    setting.publisher.tick(1, 2)
    first = setting.reader()
    take(first, 2)
    with pytest.raises(TimeoutError):
        first.get(0)
    first.close()
    setting.publisher.tick(3, 12)
    setting.publisher.engine.cut(STREAM, 3)
    again = setting.reader()
    assert take(again, 3) == [10, 11, 12]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 7, 1)]


def test_a_gap_that_a_killed_program_had_no_time_to_tell_is_told_by_the_next(
    setting: Setting,
) -> None:
    """Once: what was told of is kept by the engine."""
    setting.publisher.tick(1)
    first = setting.reader(batch=10)
    take(first, 1)
    with pytest.raises(TimeoutError):
        first.get(0)
    setting.publisher.tick(2, 11)
    setting.publisher.engine.cut(STREAM, 4)
    first._intake.bring(Deadline(0))
    setting.crash(first)
    setting.publisher.tick(12)
    second = setting.reader()
    assert take(second, 5) == [8, 9, 10, 11, 12]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 6, 1)]
    setting.crash(second)
    setting.publisher.tick(13)
    assert take(setting.reader(), 2) == [12, 13]
    assert len(setting.gaps) == 1


def test_what_was_told_of_long_ago_is_no_gap_of_who_comes_back(setting: Setting) -> None:
    """Though another of the group went on meanwhile."""
    setting.publisher.tick(1, 9)
    one = setting.reader(consumer="one", batch=3).start()
    setting.publisher.engine.cut(STREAM, 3)
    assert take(one, 3) == [7, 8, 9]
    assert [gap.count for gap in setting.gaps] == [6]
    two = setting.reader(consumer="two", batch=3).start()
    setting.publisher.tick(10, 15)
    assert take(one, 3) == [10, 11, 12]
    assert take(two, 3) == [13, 14, 15]
    assert len(setting.gaps) == 1


def test_a_lost_answer_hides_no_gap(setting: Setting) -> None:
    """What was cut off before the entries of which the reader did not hear."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    setting.publisher.tick(1)
    reader = setting.reader(engine)
    take(reader, 1)
    setting.publisher.tick(2, 11)
    setting.publisher.engine.cut(STREAM, 4)
    engine.fail("read", EngineUnavailable("no answer"), done=True)
    assert take(reader, 1) == [8]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 6, 1)]


def test_a_loss_of_which_its_publisher_tells_is_told_once(setting: Setting) -> None:
    """It counts what it had confirmed; the numbers say the same."""
    reader = setting.reader()
    setting.publisher.tick(1)
    take(reader, 1)
    setting.publisher.skip(3)
    lost = gap_text(Gap(GapReason.LOST, 3))
    setting.publisher.write(lost, head=Head(Kind.GAP, "tickers", epoch=1))
    setting.publisher.tick(5)
    assert take(reader, 1) == [5]
    assert setting.gaps == [Gap(GapReason.LOST, 3, 1)]


def test_what_was_trimmed_in_hand_is_one_gap(setting: Setting) -> None:
    """Handed out, not acknowledged, and forgotten by the engine meanwhile."""
    setting.publisher.tick(1, 4)
    first = setting.reader()
    take(first, 1)
    setting.crash(first)
    setting.publisher.engine.cut(STREAM, 1)
    again = setting.reader()
    assert take(again, 1) == [4]
    assert setting.gaps == [Gap(GapReason.OVERFLOW, 3, 1)]
    with pytest.raises(TimeoutError):
        again.get(0)
    assert setting.held() == set()


def test_an_engine_that_was_emptied_is_joined_again_and_told_of(setting: Setting) -> None:
    """What it holds is handed on; how much is gone nobody knows."""
    setting.publisher.tick(1, 2)
    reader = setting.reader()
    take(reader, 2)
    setting.store.streams.clear()
    setting.publisher.tick(3, 4)
    assert take(reader, 2) == [3, 4]
    assert setting.gaps == [Gap(GapReason.LOST, None, 1)]
    assert setting.errors == []
    with pytest.raises(TimeoutError):
        reader.get(0)
    assert setting.held() == set()


def test_a_group_that_was_forgotten_doubles_nothing(setting: Setting) -> None:
    """It begins with the oldest entry again; what was seen to here is not handed on."""
    setting.publisher.tick(1, 3)
    reader = setting.reader()
    take(reader, 3)
    setting.store.streams[STREAM].groups.clear()
    setting.publisher.tick(4)
    assert take(reader, 1) == [4]
    assert setting.gaps == [Gap(GapReason.LOST, None, 1)]
    assert reader.stats.duplicates == 3
    with pytest.raises(TimeoutError):
        reader.get(0)
    assert setting.held() == set()


def test_a_hole_waits_for_the_engine_to_be_judged(setting: Setting) -> None:
    """An event is not handed on before what is missing before it was told of."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine).start()
    setting.publisher.tick(1)
    take(reader, 1)
    setting.publisher.skip(2)
    setting.publisher.tick(4)
    engine.fail("lost", *[EngineUnavailable("no answer")] * 2)
    engine.fail("alone", EngineUnavailable("no answer"))
    assert take(reader, 1) == [4]
    assert setting.gaps == [Gap(GapReason.LOST, 2, 1)]


# ---- what is no event --------------------------------------------------------------------------


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


# ---- who consumes ------------------------------------------------------------------------------


def eventually(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        threading.Event().wait(0.005)


def test_a_callback_is_called_on_a_thread_of_the_readers_own(setting: Setting) -> None:
    """With each event; what it returned from is acknowledged at the close."""
    got: list[Any] = []
    names: set[str] = set()

    def callback(event: Any) -> None:
        names.add(threading.current_thread().name)
        got.append(event)

    setting.publisher.tick(1, 5)
    reader = setting.reader(callback=callback)
    with reader:
        assert reader.start() is reader
        eventually(lambda: len(got) == 5)
        with pytest.raises(ValueError, match="has a callback"):
            reader.get()
        assert not reader.wait(0)
    assert reader.wait(PATIENCE)
    assert seen(got) == [1, 2, 3, 4, 5]
    assert names == {"venuesdk-relay-reader"}
    assert setting.held() == set()


def test_what_a_callback_raises_is_told_of_and_stops_nothing(setting: Setting) -> None:
    """The event counts as seen to: it would raise the next time too."""
    got: list[Any] = []

    def callback(event: Any) -> None:
        got.append(event)
        raise SystemExit(f"no {len(got)}")

    setting.publisher.tick(1, 3)
    with setting.reader(callback=callback):
        eventually(lambda: len(setting.errors) == 3)
    assert [str(error) for error in setting.errors] == ["no 1", "no 2", "no 3"]
    assert setting.held() == set()


def test_a_callback_may_close_its_reader(setting: Setting) -> None:
    """It is at once; what it has in hand is acknowledged as it returns, and no other comes."""
    got: list[Any] = []

    def callback(event: Any) -> None:
        got.append(event)
        reader.close()
        with pytest.raises(ReentrantCall):
            reader.wait()

    setting.publisher.tick(1, 3)
    reader = setting.reader(callback=callback)
    reader.start()
    assert reader.wait(PATIENCE)
    assert seen(got) == [1]
    assert setting.held() == {Position(7, 2), Position(7, 3)}
    assert setting.errors == []


def test_a_callback_that_runs_on_is_named_and_its_event_acknowledged_later(
    setting: Setting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A close does not wait for it longer than it may."""
    monkeypatch.setattr("venuesdk.relay.reader.CLOSE_TIMEOUT", 0.1)
    running, over = threading.Event(), threading.Event()

    def callback(event: Any) -> None:
        running.set()
        over.wait(PATIENCE)

    setting.publisher.tick(1)
    reader = setting.reader(callback=callback).start()
    assert running.wait(PATIENCE)
    reader.close()
    assert "closed while a callback is still running" in caplog.text
    over.set()
    assert reader.wait(PATIENCE)
    assert setting.held() == set()


def test_a_close_from_elsewhere_ends_the_wait(setting: Setting) -> None:
    """Promptly: `get` raises, an iteration ends."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine).start()
    outcome: list[Any] = []

    def iterate() -> None:
        outcome.append(list(reader))

    thread = threading.Thread(target=iterate)
    thread.start()
    eventually(lambda: engine.calls.count("read"))
    started = time.monotonic()
    reader.close()
    thread.join(PATIENCE)
    assert time.monotonic() - started < 0.5
    assert outcome == [[]]
    assert list(reader) == []
    for call in (reader.get, reader.start, reader.lag):
        with pytest.raises(ClientClosed):
            call()
    assert reader.wait(0)
    assert setting.errors == []


def test_a_signal_handler_may_close_what_it_interrupted(setting: Setting) -> None:
    """Also at the moment at which a wait begins, with a lock in its hands."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine, reconnect=Backoff(initial=0.5)).start()
    engine.always = EngineUnavailable("down")

    def handler(frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and frame.f_code is threading.Condition.wait.__code__:
            sys.setprofile(None)
            reader.close()

    def consume() -> None:
        sys.setprofile(handler)
        with pytest.raises(ClientClosed):
            reader.get()

    thread = threading.Thread(target=consume, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_a_close_does_not_wait_for_an_engine_that_hangs(
    setting: Setting, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says how many acknowledgements are in doubt: those events come again."""
    monkeypatch.setattr("venuesdk.relay.reader.CLOSE_TIMEOUT", 0.2)
    monkeypatch.setattr("venuesdk.relay.reader.SETTLE_TIMEOUT", 0.1)
    engine = FaultyEngine(MemoryEngine(setting.store))
    setting.publisher.tick(1, 2)
    reader = setting.reader(engine)
    take(reader, 2)
    gate = engine.hold("acknowledge")
    started = time.monotonic()
    reader.close()
    assert time.monotonic() - started < 0.5
    assert "close" in engine.calls
    assert "still owes an answer" in caplog.text
    gate.set()
    assert reader.wait(PATIENCE)
    assert "has not confirmed 1 acknowledgements" in caplog.text


def test_leaving_a_loop_does_not_acknowledge_what_was_in_hand(setting: Setting) -> None:
    """Nobody knows whether it was seen to: it comes again."""
    setting.publisher.tick(1, 3)
    with setting.reader() as reader:
        for event in reader:
            if seen([event]) == [2]:
                break
    assert setting.held() == {Position(7, 2), Position(7, 3)}
    assert take(setting.reader(), 2) == [2, 3]


def test_a_second_thread_is_refused(setting: Setting) -> None:
    """While the first waits, and while it has an event in hand; not when it is gone."""
    setting.publisher.tick(1, 2)
    reader = setting.reader()
    take(reader, 1)
    raised: list[BaseException] = []

    def other() -> None:
        try:
            reader.get(0)
        except ValueError as error:
            raised.append(error)

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert [str(error) for error in raised] == ["another thread consumes this reader: MainThread"]
    assert take(reader, 1) == [2]
    with pytest.raises(TimeoutError):
        reader.get(0)


def test_what_a_thread_that_died_had_in_hand_is_not_acknowledged(setting: Setting) -> None:
    """Another may go on, and has it first: perhaps it was not seen to."""
    setting.publisher.tick(1, 2)
    reader = setting.reader(adopt_after=None)
    thread = threading.Thread(target=reader.get)
    thread.start()
    thread.join()
    assert take(reader, 1) == [1]
    assert reader.origin is not None and reader.origin.redelivered
    assert take(reader, 1) == [2]
    assert not reader.origin.redelivered


def test_a_callback_of_the_consumers_cannot_ask_for_events(setting: Setting) -> None:
    """It would wait for itself."""
    raised: list[BaseException] = []

    def on_gap(gap: Gap) -> None:
        with pytest.raises(ReentrantCall) as caught:
            reader.get(0)
        raised.append(caught.value)

    setting.publisher.write(gap_text(Gap(GapReason.OVERFLOW, 5, 1)), head=Head(Kind.GAP, "t"))
    setting.publisher.tick(1)
    reader = setting.reader(on_gap=on_gap)
    assert take(reader, 1) == [1]
    assert len(raised) == 1


def test_control_c_ends_a_wait_and_loses_nothing(setting: Setting) -> None:
    """What the engine handed out meanwhile is asked for again."""
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine).start()

    def interrupt() -> None:
        eventually(lambda: "read" in engine.calls)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        reader.get(PATIENCE)
    thread.join()
    setting.publisher.tick(1, 2)
    engine.fail("read", KeyboardInterrupt(), done=True)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        reader.get(PATIENCE)
    assert take(reader, 2) == [1, 2]


def interrupted_at(call: int) -> Callable[..., None]:
    """Return what raises `KeyboardInterrupt` at one of a reader's calls: there a signal comes."""
    left = [call]

    def profile(frame: FrameType, event: str, argument: object) -> None:
        path = frame.f_code.co_filename.replace(os.sep, "/")
        if "/venuesdk/relay/" in path and not path.endswith("memory.py"):
            left[0] -= event in ("call", "c_return")
            if left[0] == 0 and event in ("call", "c_return"):
                raise KeyboardInterrupt

    return profile


def test_control_c_at_any_call_neither_loses_nor_doubles() -> None:
    """Nor takes an event that the consumer never got for one that it has seen to."""
    call, reached = 0, True
    while reached:
        call, reached, setting = call + 1, False, Setting()
        setting.publisher.tick(1, 3)
        reader = setting.reader(batch=2, adopt_after=None).start()
        got: list[Any] = []
        before = sys.getprofile()
        sys.setprofile(interrupted_at(call))
        try:
            for _ in range(3):
                got.append(reader.get(0))
        except KeyboardInterrupt:
            reached = True
        finally:
            sys.setprofile(before)
        while len(got) < 3:
            got.append(reader.get(PATIENCE))
        with pytest.raises(TimeoutError):
            reader.get(0)
        assert (call, seen(got)) == (call, [1, 2, 3])
        assert setting.held() == set()
        reader.close()
    assert call > 200


def test_lag_may_be_asked_while_another_thread_waits(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its turn comes when the wait that is under way is over."""
    monkeypatch.setattr(intake_module, "LONGEST_WAIT", 0.1)
    engine = FaultyEngine(MemoryEngine(setting.store))
    reader = setting.reader(engine, callback=lambda event: None).start()
    eventually(lambda: engine.calls.count("read"))
    assert reader.lag() == (GroupLag(STREAM, 0, 0, 0),)


def test_the_counters_say_what_came_of_each_entry(setting: Setting) -> None:
    """Each is counted once, whatever the engine hands out again."""
    setting.publisher.tick(1, 3)
    setting.publisher.write(b"no json")
    reader = setting.reader()
    assert take(reader, 3) == [1, 2, 3]
    with pytest.raises(TimeoutError):
        reader.get(0)
    stats = reader.stats
    assert (stats.received, stats.delivered, stats.undecodable) == (4, 3, 1)
    assert (stats.acknowledged, stats.unacknowledged) == (4, 0)
    assert (stats.gaps, stats.duplicates, stats.redelivered) == (1, 0, 0)


# ---- what it shows and refuses -----------------------------------------------------------------


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
