"""The bounded queues: what is kept, what is dropped, and where the gap stands that tells of it."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Event
from venuesdk.session import inbox as inbox_module
from venuesdk.session.inbox import ConflatedInbox, EventInbox, Inbox, Item, Ready, Totals

EPOCH = 3


def events(*names: str) -> list[Event]:
    """Return events with these payloads."""
    return [Event("r", name.encode(), bytes) for name in names]


def feed(inbox: EventInbox, *names: str) -> None:
    """Offer events with these payloads."""
    for event in events(*names):
        inbox.offer_locked([event], EPOCH)


def take_all(inbox: Inbox) -> list[Any]:
    """Return what waits: payloads as text, values as they are, gaps as reason and count."""
    taken: list[Any] = []
    while (item := inbox.take_locked(EPOCH)) is not None:
        if isinstance(item, Gap):
            taken.append((item.reason.value, item.count))
        elif isinstance(item, Ready):
            taken.append(item.value)
        else:
            taken.append(item.payload.decode())
    return taken


def lost(epoch: int = EPOCH) -> Gap:
    """Return the gap of a reconnection."""
    return Gap(GapReason.RECONNECTED, None, epoch)


def test_events_come_out_in_order() -> None:
    """First in, first out, with bytes counted while they wait."""
    inbox = EventInbox(False, None, Totals())
    feed(inbox, "aa", "b")
    assert (len(inbox), inbox.queued_bytes, inbox.received) == (2, 3, 2)
    assert take_all(inbox) == ["aa", "b"]
    assert (len(inbox), inbox.queued_bytes) == (0, 0)


def test_the_default_bounds_are_those_of_the_documentation() -> None:
    """65,536 events; the next one costs the oldest, and one gap says so."""
    inbox = EventInbox(False, None, Totals())
    feed(inbox, *(str(number) for number in range(65_537)))
    assert len(inbox) == 65_536
    assert inbox.take_locked(EPOCH) == Gap(GapReason.OVERFLOW, 1, EPOCH)
    assert take_all(inbox)[0] == "1"
    assert inbox_module.MAX_QUEUED_BYTES == 64 * 1024 * 1024


def test_market_data_drops_its_oldest_behind_one_gap_with_the_exact_count() -> None:
    """The gap stands where the dropped events stood: before the oldest that is left."""
    totals = Totals()
    inbox = EventInbox(False, 3, totals)
    feed(inbox, *"abcdefg")
    assert inbox.dropped == totals.dropped == 4
    assert take_all(inbox) == [("overflow", 4), "e", "f", "g"]


def test_a_second_overflow_is_a_second_gap() -> None:
    """Once the first was taken, counting begins anew."""
    inbox = EventInbox(False, 2, Totals())
    feed(inbox, *"abc")
    assert inbox.take_locked(EPOCH) == Gap(GapReason.OVERFLOW, 1, EPOCH)
    feed(inbox, "d")
    assert take_all(inbox) == [("overflow", 1), "c", "d"]


def test_bytes_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many of the oldest go as the newest needs room."""
    monkeypatch.setattr(inbox_module, "MAX_QUEUED_BYTES", 10)
    inbox = EventInbox(False, None, Totals())
    feed(inbox, "1234", "5678", "123456789")
    assert take_all(inbox) == [("overflow", 2), "123456789"]


def test_an_event_larger_than_all_bounds_is_still_delivered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Alone in the queue there is nothing to be dropped for it."""
    monkeypatch.setattr(inbox_module, "MAX_QUEUED_BYTES", 3)
    inbox = EventInbox(False, None, Totals())
    feed(inbox, "123456")
    assert take_all(inbox) == ["123456"]


def test_a_private_stream_keeps_what_it_has_and_tells_of_the_rest_at_the_end() -> None:
    """Nothing is queued behind a loss before the loss is told."""
    totals = Totals()
    inbox = EventInbox(True, 2, totals)
    feed(inbox, *"abcde")
    assert inbox.pending_locked() == 3
    assert inbox.take_locked(EPOCH).payload == b"a"  # type: ignore[union-attr]
    feed(inbox, "f")
    assert take_all(inbox) == ["b", ("overflow", 4)]
    assert inbox.dropped == totals.dropped == 4
    feed(inbox, "g")
    assert take_all(inbox) == ["g"]


def test_a_reconnection_behind_a_private_loss_keeps_both_in_order() -> None:
    """First what was lost on the old connection, then the new one."""
    inbox = EventInbox(True, 1, Totals())
    feed(inbox, "a", "b", "c")
    inbox.offer_gap_locked(lost())
    assert take_all(inbox) == ["a", ("overflow", 2), ("reconnected", None)]


def test_a_gap_stands_behind_what_waits_and_before_what_comes() -> None:
    """In band."""
    inbox = EventInbox(False, None, Totals())
    feed(inbox, "a")
    inbox.offer_gap_locked(lost())
    feed(inbox, "b")
    assert take_all(inbox) == ["a", ("reconnected", None), "b"]


def test_gaps_with_no_event_between_them_are_one() -> None:
    """A stream that nobody reads does not grow with every reconnection; the newest epoch stays."""
    inbox = EventInbox(False, None, Totals())
    feed(inbox, "a")
    for epoch in range(2, 1_000):
        inbox.offer_gap_locked(lost(epoch))
        inbox.offer_gap_locked(Gap(GapReason.RESUBSCRIBED, None, epoch))
    inbox.take_locked(EPOCH)
    assert inbox.pending_locked() == 2
    assert inbox.take_locked(EPOCH) == lost(999)


def test_counts_of_merged_gaps_are_added() -> None:
    """Exact where both are known, unknown where one is not."""
    inbox = EventInbox(False, None, Totals())
    for count in (1, 2):
        inbox.offer_gap_locked(Gap(GapReason.UNDECODABLE, count, EPOCH))
    assert take_all(inbox) == [("undecodable", 3)]
    for count in (1, None):
        inbox.offer_gap_locked(Gap(GapReason.UNDECODABLE, count, EPOCH))
    assert take_all(inbox) == [("undecodable", None)]


@pytest.mark.parametrize("private", [False, True])
def test_a_stream_that_nobody_reads_stays_bounded_on_a_flapping_link(private: bool) -> None:
    """Events and gaps come for ever; what waits does not grow."""
    inbox = EventInbox(private, 10, Totals())
    for epoch in range(500):
        feed(inbox, *"abc")
        inbox.offer_gap_locked(lost(epoch))
    assert inbox.pending_locked() < 25


def test_clearing_forgets_everything() -> None:
    """Events, gaps, a loss that was not told, and the bytes."""
    inbox = EventInbox(True, 1, Totals())
    feed(inbox, "a", "b")
    inbox.offer_gap_locked(lost())
    inbox.clear_locked()
    assert (inbox.pending_locked(), inbox.queued_bytes, take_all(inbox)) == (0, 0, [])


@given(
    st.lists(st.sampled_from(["event", "gap", "take"]), max_size=60),
    st.booleans(),
    st.integers(1, 5),
)
def test_every_event_is_delivered_or_counted(steps: list[str], private: bool, bound: int) -> None:
    """Whatever happens: in order, once, and the counts of overflow gaps are the number missing."""
    inbox = EventInbox(private, bound, Totals())
    sent = 0
    out: list[Any] = []

    def take() -> None:
        expected = inbox.pending_locked()
        item = inbox.take_locked(EPOCH)
        assert (item is not None) == (expected > 0)
        if item is not None:
            assert inbox.pending_locked() == expected - 1
            out.append(item)

    for step in steps:
        if step == "event":
            feed(inbox, str(sent))
            sent += 1
        elif step == "gap":
            inbox.offer_gap_locked(lost())
        else:
            take()
        assert len(inbox) <= bound + 8
    while inbox.pending_locked():
        take()
    numbers = [int(item.payload) for item in out if isinstance(item, Event)]
    missing = sum(
        item.count for item in out if isinstance(item, Gap) and item.reason is GapReason.OVERFLOW
    )
    assert numbers == sorted(set(numbers))
    assert len(numbers) + missing == sent == inbox.received
    assert missing == inbox.dropped


# ---- conflated ---------------------------------------------------------------------------------


def test_the_newest_value_of_each_key_is_kept_in_the_place_of_the_key() -> None:
    """One event may bring many rows; what was replaced is counted."""
    inbox = ConflatedInbox(None, Totals())
    inbox.offer_locked([("a", 1), ("b", 1)], EPOCH)
    inbox.offer_locked([("a", 2), ("c", 1)], EPOCH)
    assert (inbox.received, inbox.conflated, len(inbox)) == (2, 1, 3)
    assert inbox.pending_locked() == 3
    assert take_all(inbox) == [2, 1, 1]


def test_values_from_before_a_gap_come_before_it() -> None:
    """Nobody takes a price from before a reconnection for one from after it."""
    inbox = ConflatedInbox(None, Totals())
    inbox.offer_locked([("a", "old")], EPOCH)
    inbox.offer_gap_locked(lost())
    inbox.offer_locked([("a", "new")], EPOCH)
    assert inbox.pending_locked() == 3
    assert take_all(inbox) == ["old", ("reconnected", None), "new"]


def test_a_conflated_stream_that_nobody_reads_stays_bounded() -> None:
    """Two values for each key and one gap of each reason are all that can wait."""
    inbox = ConflatedInbox(None, Totals())
    for number in range(100):
        inbox.offer_locked([("a", number), ("b", number)], EPOCH)
        inbox.offer_gap_locked(lost())
        inbox.offer_locked([("a", -number)], EPOCH)
    assert take_all(inbox) == [99, 99, ("reconnected", None), -99]
    assert inbox.received == 200


def test_more_keys_than_the_bound_drop_the_oldest_with_a_gap() -> None:
    """Keys are data of the venue: their number is bounded like that of events."""
    totals = Totals()
    inbox = ConflatedInbox(2, totals)
    inbox.offer_locked([("a", 1), ("b", 2), ("c", 3)], EPOCH)
    assert inbox.dropped == totals.dropped == 1
    assert take_all(inbox) == [("overflow", 1), 2, 3]
    inbox.offer_locked([("a", 1), ("b", 2)], EPOCH)
    inbox.offer_gap_locked(lost())
    inbox.offer_locked([("c", 3)], EPOCH)
    assert take_all(inbox) == [2, ("reconnected", None), ("overflow", 1), 3]


def test_clearing_a_conflated_inbox_forgets_everything() -> None:
    """Values of both sides of a gap, and the gap."""
    inbox = ConflatedInbox(None, Totals())
    inbox.offer_locked([("a", 1)], EPOCH)
    inbox.offer_gap_locked(lost())
    inbox.offer_locked([("a", 2)], EPOCH)
    inbox.clear_locked()
    assert (inbox.pending_locked(), take_all(inbox)) == (0, [])


def test_some_are_taken_in_order_and_what_is_left_is_counted() -> None:
    """The bytes that are counted are those of what still waits, and none where nothing does."""
    inbox = EventInbox(False, None, Totals())
    feed(inbox, "a", "bb", "ccc")
    taken: deque[Item] = deque()
    inbox.take_some_locked(2, taken, EPOCH)
    assert ([one.payload for one in taken], inbox.queued_bytes) == ([b"a", b"bb"], 3)  # type: ignore[union-attr]
    taken.clear()
    inbox.take_some_locked(2, taken, EPOCH)
    assert ([one.payload for one in taken], inbox.queued_bytes) == ([b"ccc"], 0)  # type: ignore[union-attr]
