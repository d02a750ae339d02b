"""What a relay does with its engine: outages, lost answers, other publishers, losses, trimming."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve
from faulty import FaultyEngine
from sources import STREAM, Feed, onyx, texts

from venuesdk import OnyxClient
from venuesdk.models import Gap, GapReason
from venuesdk.relay import (
    EngineFull,
    EngineRefused,
    EngineUnavailable,
    MemoryEngine,
    MemoryStore,
    Position,
    Relay,
    RelayError,
)
from venuesdk.relay.entry import Draft, Head
from venuesdk.timing import Backoff, Deadline, monotonic
from venuesdk.venues.onyx.topics import tickers_topic

QUICK = Backoff(initial=0.001, maximum=0.01)
OFFICE = "venuesdk:{onyx}"
LOST_4 = ["lost 4", "state", "taken_over"]
"""How a term begins that follows a loss."""


class Setting:
    """A relay of one client that speaks to nobody, on an engine that fails when it is told to."""

    def __init__(self, store: MemoryStore | None = None, **options: Any) -> None:
        self.store = store or MemoryStore()
        self.engine = FaultyEngine(MemoryEngine(self.store))
        self.client = onyx()
        self._errors: list[BaseException] = []
        self.client.on_error(self._errors.append)
        options = {"linger": 0.0, "reconnect": QUICK, "lease": 60.0, **options}
        self.relay = Relay(self.client, self.engine, **options)
        self.feed = Feed(self.relay, self.client)

    @property
    def errors(self) -> list[BaseException]:
        """Return what ``on_error`` was told so far."""
        self.client.pump()
        return self._errors

    def end_lease(self) -> None:
        """Let whoever is in office have renewed nothing for too long, and this one notice."""
        with self.store.lock:
            self.store.offices.clear()
        self.look_again()

    def look_again(self) -> None:
        """Let this publisher try for the office now."""
        (office,) = self.relay._offices.values()
        office.due = 0.0
        self.relay._flusher._signal.put(None)

    def await_open(self) -> None:
        """Wait until what comes is published: until then another publisher may write as well."""
        (lane,) = self.relay._lanes.values()
        assert self.relay._flusher.wait(lambda: lane.open and lane.published > 0, Deadline(5))

    def entries(self) -> list[str]:
        """Return what stands in the stream, in short."""
        with self.store.lock:
            kept = self.store.streams.get(STREAM)
            return [] if kept is None else list(texts(kept.entries))

    def close(self) -> None:
        self.relay.close()
        self.client.close()


@pytest.fixture
def make() -> Iterator[Callable[..., Setting]]:
    """Return what makes settings, all of which are closed at the end."""
    made: list[Setting] = []

    def make_one(**options: Any) -> Setting:
        made.append(Setting(**options))
        return made[-1]

    yield make_one
    for one in made:
        one.close()


def test_a_term_begins_with_the_state_and_goes_on_with_events(make: Callable[..., Setting]) -> None:
    """The first publisher of a stream has no gap to tell of."""
    one = make()
    with one.relay:
        one.feed.give(3)
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "2", "3"]


def test_what_came_before_the_start_is_published(make: Callable[..., Setting]) -> None:
    """A stream may be subscribed to before the relay reaches its engine."""
    one = make()
    one.feed.give(2)
    with one.relay:
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "2"]


@pytest.mark.parametrize("done", [False, True], ids=["not stored", "stored"])
def test_a_lost_answer_neither_loses_nor_doubles(
    make: Callable[..., Setting], done: bool
) -> None:
    """Whether the engine had stored the batch or not, each event stands there once."""
    one = make()
    with one.relay:
        one.feed.give(2)
        assert one.relay.flush(5)
        one.engine.fail("append", EngineUnavailable("no answer"), done=done)
        one.feed.give(3)
        assert one.relay.flush(5)
        one.feed.give(1)
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "2", "3", "4", "5", "6"]
    assert one.relay.stats().outages == 1


def test_a_batch_of_which_a_part_was_stored_is_completed(make: Callable[..., Setting]) -> None:
    """An engine that ran full in the middle of a batch gets all of it again."""
    one = make()
    with one.relay:
        assert one.relay.flush(5)
        one.engine.room = 2
        one.feed.give(3)
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "2", "3"]
    assert one.relay.stats().outages == 1


def test_an_outage_is_told_once_and_waited_out(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """Events wait meanwhile; ``on_error`` hears of it once, the log also of its end."""
    one = make()
    with one.relay, caplog.at_level(logging.WARNING):
        one.engine.always = EngineUnavailable("gone")
        one.feed.give(5)
        one.engine.await_failures(4)
        assert one.relay.stats().down
        one.engine.always = None
        assert one.relay.flush(5)
        assert one.relay.stats().outages == 1
        assert not one.relay.stats().down
    assert one.entries() == ["state", "1", "2", "3", "4", "5"]
    assert [str(error) for error in one.errors] == ["gone"]
    (back,) = (record.message for record in caplog.records if "used again" in record.message)
    assert back.endswith("s; 5 entries waited, 0 dropped meanwhile")


def test_another_kind_of_trouble_is_told_again(make: Callable[..., Setting]) -> None:
    """An outage that turns into a refused password is a new thing to know."""
    one = make()
    with one.relay:
        one.engine.always = EngineUnavailable("gone")
        one.feed.give(1)
        one.engine.await_failures(2)
        one.engine.always = EngineRefused("wrong password")
        one.engine.await_failures(one.engine.failures + 3)
        one.engine.always = None
        assert one.relay.flush(5)
    assert [type(error) for error in one.errors] == [EngineUnavailable, EngineRefused]
    assert one.relay.stats().outages == 1


def test_market_data_is_bounded_while_the_engine_is_away(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """The oldest are dropped, and one gap tells exactly how many."""
    one = make(max_queue=10)
    with one.relay, caplog.at_level(logging.WARNING):
        one.feed.give(1)
        assert one.relay.flush(5)
        one.engine.always = EngineUnavailable("gone")
        one.feed.give(3)
        one.engine.await_failures(1)
        for _ in range(9):
            one.feed.give(3)
        one.engine.await_failures(one.engine.failures + 2)
        one.engine.always = None
        assert one.relay.flush(5)
        dropped = one.relay.stats().dropped
    (back,) = (record.message for record in caplog.records if "used again" in record.message)
    assert back.endswith(f" entries waited, {dropped} dropped meanwhile")
    before, gap, after = one.entries()[:-11], one.entries()[-11], one.entries()[-10:]
    # What was under way when the engine went stays.
    assert before == ["state", *(str(number) for number in range(1, len(before)))]
    assert gap == f"overflow {dropped}"
    assert after == [str(number) for number in range(22, 32)]
    assert len(before) - 1 + dropped + 10 == 31
    assert dropped >= 10


def test_a_full_engine_is_trimmed_before_it_is_tried_again(make: Callable[..., Setting]) -> None:
    """What all groups have acknowledged makes room at once."""
    one = make()
    with one.relay:
        one.feed.give(1)
        assert one.relay.flush(5)
        one.engine.calls.clear()
        one.engine.fail("append", EngineFull("no room"))
        one.feed.give(1)
        assert one.relay.flush(5)
        calls = [name for name in one.engine.calls if name in ("append", "trim")]
        assert calls[:3] == ["append", "trim", "append"]


def test_one_stream_that_is_refused_does_not_hold_up_the_others(
    make: Callable[..., Setting],
) -> None:
    """A key that is something else concerns the streams of that name alone."""
    from sources import dashboards

    one = make()
    other = Feed(one.relay, one.client, dashboards())
    with one.relay:
        assert one.relay.flush(5)
        one.engine.fail("top", EngineRefused("wrong type"))
        held = one.engine.hold("append")
        one.feed.give(1)
        other.give(1)
        held.set()
        assert one.relay.flush(5)
        assert [stream.published for stream in one.relay.stats().streams] == [2, 2]


def test_a_stream_that_stays_refused_does_not_slow_the_others(
    make: Callable[..., Setting],
) -> None:
    """However long it is left alone, they are published at once; it is told once, and counted."""
    from sources import dashboards

    one = make(reconnect=Backoff(initial=600.0, maximum=600.0), batch=1)
    other = Feed(one.relay, one.client, dashboards())
    with one.relay:
        assert one.relay.flush(5)
        one.engine.fail("append", EngineRefused("wrong type"))
        one.feed.give(1)
        one.engine.await_failures(1)
        held = one.engine.hold("trim")
        one.relay._flusher._trim_at = 0.0
        other.give(20)
        assert one.engine.reached.wait(5)
        held.set()
        *_, stats = one.relay.stats().streams
        while stats.queued:
            *_, stats = one.relay.stats().streams
        assert one.relay.stats().down
        assert one.relay.stats().outages == 1
        assert not one.relay.flush(0)
        # Nor does its thread turn without end for what it may not try yet.
        assert not one.relay._flusher._has(1)
        one.relay._flusher._trim_at = monotonic() + 600.0
        assert not one.relay.close(timeout=0.05)
        assert one.relay._thread.ended(Deadline(0))
    assert [str(error) for error in one.errors] == ["wrong type"]


def test_a_stream_that_cannot_be_trimmed_is_told_of_once(make: Callable[..., Setting]) -> None:
    """It is published all the same."""
    one = make()
    with one.relay:
        for _ in range(3):
            one.engine.fail("trim", EngineRefused("no permission"))
            one.relay._flusher._trim_at = 0.0
            one.feed.give(1)
            assert one.relay.flush(5)
            one.engine.await_failures(1)
        assert not one.relay.stats().down
    assert one.entries() == ["state", "1", "2", "3"]
    assert [str(error) for error in one.errors] == ["no permission"]


def test_a_mistake_in_the_thread_is_told_and_ends_nothing(make: Callable[..., Setting]) -> None:
    """Whatever is raised there, the next batch is tried."""
    one = make()
    with one.relay:
        one.engine.fail("append", KeyError("a mistake"))
        one.feed.give(1)
        assert one.relay.flush(5)
    assert isinstance(one.errors[0], KeyError)
    assert one.entries() == ["state", "1"]


# ---- two publishers ------------------------------------------------------------------------------


def test_a_standby_publishes_nothing_and_takes_over(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """It begins with a gap, and asks for nothing that came before; nothing of it is a warning."""
    caplog.set_level(logging.INFO)
    first = make()
    second = make(store=first.store)
    with first.relay, second.relay:
        first.feed.give(2)
        assert first.relay.flush(5)
        second.feed.give(2)
        assert second.relay.flush(5)
        assert not second.relay.publishing
        assert second.relay.stats().skipped == 2
        for _ in range(2):
            second.engine.calls.clear()
            second.look_again()
            while "claim" not in second.engine.calls:
                assert second.relay.flush(5)
        said = [one.message for one in caplog.records if "another publisher" in one.message]
        assert said == [
            f"stands by: another publisher is in office for {OFFICE}; other topics or another "
            "account need a shard of their own"
        ]
        # As a killed process: it renews nothing any more.
        first.engine.always = EngineUnavailable("cut off")
        second.end_lease()
        assert second.relay.wait_publishing(5)
        second.feed.give(1)
        assert second.relay.flush(5)
        first.engine.always = None
    assert first.entries() == ["state", "1", "2", "state", "taken_over", "3"]


def test_a_clean_close_lets_the_standby_in_at_once(make: Callable[..., Setting]) -> None:
    """The lease is given up, so that nobody waits for its end."""
    first = make()
    second = make(store=first.store)
    first.relay.start()
    with second.relay:
        assert not second.relay.publishing
        assert first.relay.close()
        second.look_again()
        assert second.relay.wait_publishing(5)


def test_a_publisher_that_was_cut_off_is_refused_and_stands_by(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """What it still holds when it comes back never reaches the stream: the other one has it."""
    first = make()
    second = make(store=first.store)
    with first.relay, second.relay:
        first.feed.give(1)
        assert first.relay.flush(5)
        # Between the renewal of its lease and the batch it stands still.
        held = first.engine.hold("append")
        first.feed.give(1)
        assert first.engine.reached.wait(5)
        second.end_lease()
        assert second.relay.wait_publishing(5)
        assert second.relay.flush(5)
        second.feed.give(3)
        assert second.relay.flush(5)
        held.set()
        assert first.relay.flush(5)
        assert first.relay.stats().skipped >= 1
        assert not first.relay.publishing
        assert first.entries() == ["state", "1", "state", "taken_over", "1", "2", "3"]
        said = [one.message for one in caplog.records if "left to another" in one.message]
        assert said == [f"left to another publisher: 1 entry of {STREAM}"]


def test_what_the_standby_has_before_its_first_entry_stands_is_not_published(
    make: Callable[..., Setting],
) -> None:
    """Until then the other may still write, and an event of both would be doubled."""
    first = make()
    second = make(store=first.store)
    with first.relay, second.relay:
        first.feed.give(1)
        assert first.relay.flush(5)
        held = second.engine.hold("append")
        first.engine.always = EngineUnavailable("cut off")
        second.end_lease()
        assert second.engine.reached.wait(5)
        second.feed.give(5)
        held.set()
        assert second.relay.flush(5)
        second.feed.give(1)
        assert second.relay.flush(5)
        first.engine.always = None
    assert second.entries() == ["state", "1", "state", "taken_over", "6"]


def hold_office(store: MemoryStore, *, write: bool = True) -> int:
    """Let another publisher take the office, write, and be gone; return its term."""
    engine = MemoryEngine(store)
    with store.lock:
        store.offices.clear()
        term = engine.claim(OFFICE, "another", 60.0, 0)
        assert term is not None
        if write:
            drafts = [Draft(Head("state"), 0, None, b"{}")] * 9
            engine.append(STREAM, Position(term, 1), drafts)
        engine.resign(OFFICE, "another")
    return term


def test_what_another_may_have_published_meanwhile_is_not_published_again(
    make: Callable[..., Setting],
) -> None:
    """Cut off while another came and went: what waited since then is forgotten, and that told."""
    one = make()
    with one.relay:
        one.feed.give(1)
        assert one.relay.flush(5)
        one.engine.always = EngineUnavailable("cut off")
        one.feed.give(3)
        one.engine.await_failures(1)
        hold_office(one.store)
        one.engine.always = None
        assert one.relay.flush(5)
        one.await_open()
        one.feed.give(1)
        assert one.relay.flush(5)
        assert one.relay.stats().skipped == 3
    assert one.entries() == ["state", "1", *["state"] * 10, "taken_over", "5"]


def test_what_nobody_else_has_published_meanwhile_is_published(
    make: Callable[..., Setting],
) -> None:
    """Another was in office, and wrote nothing to this stream: nothing is forgotten."""
    one = make()
    with one.relay:
        one.feed.give(1)
        assert one.relay.flush(5)
        one.engine.fail("append", EngineUnavailable("no answer"), done=True)
        held = one.engine.hold("claim")
        one.feed.give(3)
        assert one.engine.reached.wait(5)
        hold_office(one.store, write=False)
        held.set()
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "2", "3", "4", "state", "taken_over"]
    assert one.relay.stats().skipped == 0


def test_whoever_was_deposed_by_one_that_is_gone_gets_a_term_of_its_own(
    make: Callable[..., Setting],
) -> None:
    """It never goes on in another's term, where its entries would count as stored."""
    one = make()
    with one.relay:
        one.feed.give(1)
        assert one.relay.flush(5)
        held = one.engine.hold("append")
        one.feed.give(1)
        assert one.engine.reached.wait(5)
        other = hold_office(one.store)
        held.set()
        assert one.relay.flush(5)
        one.look_again()
        one.await_open()
        one.feed.give(2)
        assert one.relay.flush(5)
        assert one.relay.stats().streams[0].term > other
        assert one.entries()[11:] == ["state", "taken_over", "3", "4"]


def test_a_stream_that_stands_in_the_very_term_gets_a_higher_one(
    make: Callable[..., Setting],
) -> None:
    """Else what stands there would be taken for what is to be written."""
    one = make()
    ghost = Position(10**13, 5)
    MemoryEngine(one.store).append(STREAM, ghost, [Draft(Head("state"), 0, None, b"{}")])
    one.store.terms[OFFICE] = (ghost.term - 1, "another")
    with one.relay:
        one.await_open()
        one.feed.give(1)
        assert one.relay.flush(5)
        assert one.relay.stats().streams[0].term > ghost.term
    assert one.entries() == ["state", "state", "taken_over", "1"]


def test_a_publisher_that_comes_after_another_leaves_what_came_before(
    make: Callable[..., Setting],
) -> None:
    """Until it is in office the other one publishes, and an event of both would be doubled."""
    one = make()
    hold_office(one.store)
    one.feed.give(2)
    with one.relay:
        one.await_open()
        one.feed.give(1)
        assert one.relay.flush(5)
        later = Feed(one.relay, one.client)
        later.give(1)
        assert one.relay.flush(5)
    assert one.entries()[9:] == ["state", "taken_over", "3", "taken_over", "1"]
    assert one.relay.stats().skipped == 2


def test_a_lease_that_ends_between_two_streams_is_noticed(make: Callable[..., Setting]) -> None:
    """Each answer may come late: before anything else is appended, the lease is renewed."""
    from sources import dashboards

    one = make()
    Feed(one.relay, one.client, dashboards()).give(1)
    one.feed.give(1)
    with one.relay:
        assert one.relay.flush(5)
        held = one.engine.hold("append")
        one.feed.give(1)
        assert one.engine.reached.wait(5)
        one.engine.calls.clear()
        one.look_again()
        held.set()
        assert one.relay.flush(5)
        assert one.engine.calls[:1] == ["claim"]


def test_an_office_that_nobody_else_had_goes_on_in_its_term(make: Callable[..., Setting]) -> None:
    """An outage longer than the lease leaves no gap where nobody has published meanwhile."""
    one = make()
    with one.relay:
        one.feed.give(1)
        assert one.relay.flush(5)
        before = one.relay.stats().streams[0].term
        one.engine.always = EngineUnavailable("gone")
        one.feed.give(1)
        one.engine.await_failures(1)
        with one.store.lock:
            one.store.offices.clear()
        one.engine.always = None
        assert one.relay.flush(5)
        assert one.relay.stats().streams[0].term == before
    assert one.entries() == ["state", "1", "2"]


def test_a_stream_that_stands_above_the_term_gets_a_higher_one(
    make: Callable[..., Setting],
) -> None:
    """Where the engine has forgotten the terms, or its clock went back, nothing is refused."""
    one = make()
    ghost = Position(10**13, 5)
    MemoryEngine(one.store).append(STREAM, ghost, [Draft(Head("state"), 0, None, b"{}")])
    with one.relay:
        one.await_open()
        one.feed.give(1)
        assert one.relay.flush(5)
        assert one.relay.stats().streams[0].term > ghost.term
    assert one.entries() == ["state", "state", "taken_over", "1"]


def test_whoever_takes_over_asks_for_full_states_anew(make: Callable[..., Setting]) -> None:
    """A stream whose first event is a full state was begun while nobody published it."""
    from sources import dashboards

    first = make()
    second = make(store=first.store)
    asked: list[Any] = []
    feed = Feed(second.relay, second.client, dashboards())
    feed.subscription.resync = asked.append
    second.feed.subscription.resync = asked.append
    with first.relay, second.relay:
        feed.give(1)
        second.feed.give(1)
        assert second.relay.flush(5)
        first.relay.close()
        second.look_again()
        assert second.relay.wait_publishing(5)
        feed.give(1)
        assert second.relay.flush(5)
    assert asked == [feed.subscription]


def test_whoever_takes_over_asks_for_accounts_anew(make: Callable[..., Setting]) -> None:
    """Nobody knows what of an account the last publisher had and did not write."""
    one = make()
    hold_office(one.store)
    account = Feed(one.relay, one.client, evolve(tickers_topic(products=["ebob"]), private=True))
    asked: list[Any] = []
    account.subscription.resync = asked.append
    account.give(1)
    with one.relay:
        one.await_open()
        assert one.relay._flusher.wait(lambda: bool(asked), Deadline(5))
    assert asked == [account.subscription]


@pytest.mark.parametrize("private", [True, False])
def test_a_growing_account_stream_is_warned_of(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture, private: bool
) -> None:
    """At each doubling, for only memory bounds it; market data has its own bound."""
    one = make(batch=1)
    feed = Feed(one.relay, one.client, evolve(tickers_topic(products=["ebob"]), private=private))
    (lane,) = one.relay._lanes.values()
    lane.told_at = 4
    feed.give(20)
    with caplog.at_level(logging.WARNING), one.relay:
        assert one.relay.flush(5)
    said = [record.message for record in caplog.records if "never dropped" in record.message]
    # The first batch is the state with which the term begins.
    assert [int(text.split()[0]) for text in said] == ([20, 19, 18] if private else [])


# ---- losses of the engine, and trimming ----------------------------------------------------------


def test_what_the_engine_lost_after_it_had_confirmed_it_is_told(
    make: Callable[..., Setting],
) -> None:
    """After a failure the top is looked at: what is missing there is a gap with its count."""
    one = make()
    with one.relay:
        one.feed.give(10)
        assert one.relay.flush(5)
        with one.store.lock:
            kept = one.store.streams[STREAM]
            for _ in range(4):
                kept.entries.popitem()
            kept.top = max(kept.entries)
        one.engine.fail("append", EngineUnavailable("restarted"))
        one.feed.give(2)
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "2", "3", "4", "5", "6", *LOST_4, "11", "12"]
    assert any("lost 4 entries" in str(error) for error in one.errors)


def test_a_batch_that_was_read_before_the_engine_lost_it_hides_nothing(
    make: Callable[..., Setting],
) -> None:
    """Its answer was lost, a reader had it: what tells of the loss stands where nobody has read."""
    one = make()
    with one.relay:
        one.feed.give(4)
        assert one.relay.flush(5)
        with one.store.lock:
            before = dict(one.store.streams[STREAM].entries)
        one.engine.fail("append", EngineUnavailable("no answer"), done=True)
        held = one.engine.hold("top")
        one.feed.give(2)
        assert one.engine.reached.wait(5)
        with one.store.lock:
            kept = one.store.streams[STREAM]
            seen = set(kept.entries)
            kept.entries = dict(list(before.items())[:3])
            kept.top = max(kept.entries)
        held.set()
        assert one.relay.flush(5)
        with one.store.lock:
            came = [position for position in kept.entries if position not in seen]
    assert one.entries() == ["state", "1", "2", "lost 2", "state", "taken_over", "5", "6"]
    assert len(came) == 5
    assert [str(error) for error in one.errors].count(
        f"the engine lost 2 entries of {STREAM} that it had confirmed"
    ) == 1


def test_a_loss_is_told_once_though_the_engine_fails_again(make: Callable[..., Setting]) -> None:
    """What tells of it is under way itself until the engine has confirmed it."""
    one = make()
    with one.relay:
        one.feed.give(3)
        assert one.relay.flush(5)
        with one.store.lock:
            one.store.streams.clear()
        one.engine.fail("append", *[EngineUnavailable("gone")] * 3)
        one.feed.give(1)
        assert one.relay.flush(5)
    assert one.entries() == [*LOST_4, "4"]


def test_an_engine_that_forgot_everything_is_told_of(make: Callable[..., Setting]) -> None:
    """Its streams begin anew, in a higher term, and say how much is missing."""
    one = make()
    with one.relay:
        one.feed.give(10)
        assert one.relay.flush(5)
        with one.store.lock:
            for kept in (one.store.streams, one.store.offices, one.store.terms):
                kept.clear()
        one.look_again()
        one.feed.give(1)
        assert one.relay.flush(5)
        one.feed.give(1)
        assert one.relay.flush(5)
    assert one.entries() == ["lost 11", "state", "taken_over", "11", "12"]
    assert any("lost 11 entries" in str(error) for error in one.errors)


def test_a_loss_is_noticed_though_nothing_comes_and_nothing_fails(
    make: Callable[..., Setting],
) -> None:
    """A stream that is silent is looked at each time that it is trimmed."""
    one = make()
    with one.relay:
        one.feed.give(3)
        assert one.relay.flush(5)
        with one.store.lock:
            one.store.streams.clear()
            one.relay._flusher._trim_at = 0.0
            one.relay._flusher._signal.put(None)
            assert one.store.changed.wait_for(lambda: one.entries() == LOST_4, 5)


def test_streams_are_trimmed_to_what_every_group_has_acknowledged(
    make: Callable[..., Setting],
) -> None:
    """A slow group keeps all that it needs, and the others keep nothing."""
    one = make()
    reader = MemoryEngine(one.store)
    with one.relay:
        one.feed.give(10)
        assert one.relay.flush(5)
        reader.join(STREAM, "quick", True)
        reader.join(STREAM, "slow", True)
        for group, count in (("quick", 11), ("slow", 4)):
            taken = reader.read([STREAM], group, "c", count, 0)
            positions = [entry.position for entry in taken[0][1]]
            reader.acknowledge(STREAM, group, positions)
        one.engine.calls.clear()
        one.relay._flusher._trim_at = 0.0
        one.feed.give(1)
        assert one.relay.flush(5)
        while "trim" not in one.engine.calls:
            assert one.relay.flush(5)
        assert one.entries()[:2] == ["4", "5"]


def test_without_a_limit_nothing_is_cut_off(make: Callable[..., Setting]) -> None:
    """`MAXLEN` loses what slow groups need: it is never used unless it was asked for."""
    one = make()
    with one.relay:
        for _ in range(5):
            one.feed.give(100)
            one.relay._flusher._trim_at = 0.0
            assert one.relay.flush(5)
    assert "cut" not in one.engine.calls
    assert len(one.entries()) == 501


def test_the_lossy_mode_says_what_it_lost(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond `max_length` the oldest go, whoever needs them, and a warning counts them."""
    one = make(max_length=100)
    reader = MemoryEngine(one.store)
    with caplog.at_level(logging.WARNING), one.relay:
        one.feed.give(1)
        assert one.relay.flush(5)
        reader.join(STREAM, "slow", True)
        one.feed.give(499)
        assert one.relay.flush(5)
        one.relay._flusher._trim_at = 0.0
        one.feed.give(1)
        while "cut" not in one.engine.calls:
            assert one.relay.flush(5)
    assert reader.lag(STREAM, "slow").lost == reader.lost(STREAM, "slow")[0] >= 400
    assert any("some group still needed them" in record.message for record in caplog.records)


def test_a_stream_that_grows_is_warned_of_with_who_keeps_it(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """The slowest group, and what ends it; at each doubling. Without a group it says just that."""
    one = make()
    reader = MemoryEngine(one.store)
    (lane,) = one.relay._lanes.values()
    lane.long_at = 10

    def grow(count: int) -> None:
        one.feed.give(count)
        assert one.relay.flush(5)
        with one.store.lock:
            one.engine.calls.clear()
            one.relay._flusher._trim_at = 0.0
            one.relay._flusher._signal.put(None)
        while "trim" not in one.engine.calls or lane.kept < count:
            assert one.relay.flush(5)

    with caplog.at_level(logging.WARNING), one.relay:
        grow(11)
        reader.join(STREAM, "abandoned", True)
        grow(12)
        grow(1)
    said = [record.message for record in caplog.records]
    assert said == [
        f"{STREAM} holds 12 entries: no group reads it, and nothing is forgotten until one does",
        f"{STREAM} holds 24 entries: group abandoned has not acknowledged 24 entries; where it "
        f"reads no more: XGROUP DESTROY '{STREAM}' abandoned",
    ]


# ---- ending --------------------------------------------------------------------------------------


def test_a_close_publishes_what_waits(make: Callable[..., Setting]) -> None:
    """Nothing is left behind where the engine can be used."""
    one = make(linger=0.5)
    one.relay.start()
    one.feed.give(1000)
    assert one.relay.close()
    assert one.relay.stats().unpublished == 0
    assert len(one.entries()) == 1001


def test_a_close_while_the_engine_is_away_counts_what_it_leaves(
    make: Callable[..., Setting], caplog: pytest.LogCaptureFixture
) -> None:
    """It waits no longer than it was told to, and says how much was not published."""
    one = make()
    one.relay.start()
    assert one.relay.flush(5)
    one.engine.always = EngineUnavailable("gone")
    one.feed.give(7)
    with caplog.at_level(logging.WARNING):
        assert not one.relay.close(timeout=0.2)
    assert one.relay.stats().unpublished >= 7
    assert any("entries not published" in record.message for record in caplog.records)


def test_a_flush_waits_for_what_came_before_it_alone(
    make: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that never falls silent does not keep it waiting for ever."""
    one = make()
    append, flows = one.engine.engine.append, True

    def append_while_more_comes(*arguments: Any) -> None:
        if flows:
            one.feed.give(1)
        append(*arguments)

    monkeypatch.setattr(one.engine.engine, "append", append_while_more_comes)
    with one.relay:
        numbers = one.feed.give(3)
        try:
            assert one.relay.flush(5)
            assert set(map(str, numbers)) <= set(one.entries())
        finally:
            flows = False


def test_a_flush_is_not_done_while_anything_before_it_is_under_way(
    make: Callable[..., Setting],
) -> None:
    """Also where nothing waits any more, for the engine has not answered."""
    one = make(overflow="newest", max_queue=2)
    with one.relay:
        one.feed.give(1)
        assert one.relay.flush(5)
        held = one.engine.hold("append")
        one.feed.give(2)
        assert one.engine.reached.wait(5)
        assert not one.relay.flush(0)
        one.feed.give(3)
        held.set()
        assert one.relay.flush(5)
    assert one.entries()[-1] == "overflow 3"


def test_a_close_while_the_engine_hangs_counts_what_it_leaves(
    make: Callable[..., Setting],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The thread cannot say it: it waits for an answer."""
    monkeypatch.setattr("venuesdk.relay.publisher.GRACE", 0.01)
    one = make()
    one.relay.start()
    assert one.relay.flush(5)
    held = one.engine.hold("append")
    one.feed.give(7)
    assert one.engine.reached.wait(5)
    with caplog.at_level(logging.WARNING):
        assert not one.relay.close(timeout=0.01)
    held.set()
    assert any("closed with 7 entries" in record.message for record in caplog.records)


def test_a_close_without_a_start_counts_what_it_leaves(make: Callable[..., Setting]) -> None:
    """What was subscribed to before has nowhere to go."""
    one = make()
    one.feed.give(3)
    assert not one.relay.close()
    assert one.relay.stats().unpublished == 3
    assert one.feed.subscription.closed


def test_a_close_with_a_timeout_that_cannot_be_closes_nothing(make: Callable[..., Setting]) -> None:
    """A typed error before anything is done."""
    one = make()
    with one.relay:
        with pytest.raises(ValueError, match="negative"):
            one.relay.close(timeout=-1)
        one.feed.give(1)
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1"]


def test_a_mistake_with_one_event_takes_no_other_with_it(
    make: Callable[..., Setting], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told of, and a gap stands in its place."""
    one = make()
    time_ns = type(one.client._codec_class.catalogue).time_ns

    def mistaken(catalogue: Any, name: str, payload: bytes) -> int | None:
        if b":2," in payload:
            raise KeyError("a mistake")
        return time_ns(catalogue, name, payload)

    monkeypatch.setattr(type(one.client._codec_class.catalogue), "time_ns", mistaken)
    with one.relay:
        one.feed.give(3)
        assert one.relay.flush(5)
        assert one.relay.stats().undecodable == 1
    assert one.entries() == ["state", "1", "undecodable 1", "3"]
    assert isinstance(one.errors[0], KeyError)


def test_gaps_of_the_client_are_published_where_they_happened(make: Callable[..., Setting]) -> None:
    """A reader hears of a lost connection between the events that it fell between."""
    one = make()
    with one.relay:
        one.feed.give(1)
        one.feed.gap(Gap(GapReason.RECONNECTED, None, 2))
        one.feed.give(1)
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "reconnected", "2"]


def test_a_topic_that_ended_says_why(make: Callable[..., Setting]) -> None:
    """Readers learn that nothing more comes, unless it is the relay that ends."""
    one = make()
    with one.relay:
        one.feed.give(1)
        one.feed.subscription.close()
        assert one.relay.flush(5)
    assert one.entries() == ["state", "1", "end"]


def test_a_start_warns_of_settings_that_may_lose_what_was_confirmed(
    make: Callable[..., Setting],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Once, in the log; it publishes all the same."""
    one = make()
    monkeypatch.setattr(one.engine.engine, "hazards", lambda: ["keys may vanish"])
    with one.relay:
        pass
    assert [record.message for record in caplog.records].count("keys may vanish") == 1


def test_start_raises_what_the_engine_raises(make: Callable[..., Setting]) -> None:
    """The first use fails at once; there is no thread afterwards, and it is not tried again."""
    one = make()
    one.engine.always = RelayError("wrong")
    with pytest.raises(RelayError, match="wrong"):
        one.relay.start()
    assert one.feed.subscription.closed
    with pytest.raises(ValueError, match="started once"):
        one.relay.start()


def test_clients_of_no_relay_are_refused(make: Callable[..., Setting]) -> None:
    """A stream of another client cannot be published by it."""
    one = make()
    stranger: OnyxClient = onyx()
    try:
        with pytest.raises(ValueError, match="not made with this client"):
            Feed(one.relay, stranger)
    finally:
        stranger.close()
