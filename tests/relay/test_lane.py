"""What waits for a stream: order, bounds, and every loss counted where it happened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import evolve
from sources import dashboards, event, source_of

from venuesdk import OnyxClient
from venuesdk.errors import ProtocolError
from venuesdk.models import Gap, GapReason, State, StateChange
from venuesdk.protocol.codec import Event
from venuesdk.relay import lane as lane_module
from venuesdk.relay.entry import Draft
from venuesdk.relay.lane import LARGEST_BATCH, Lane
from venuesdk.relay.source import End, Source
from venuesdk.venues.onyx.topics import tickers_topic

NOW = 1_763_776_549_123_456_789
CONNECTED = StateChange(State.CONNECTED, State.CONNECTED, "", 0, 3)


@pytest.fixture
def source(client: OnyxClient) -> Source:
    """Return a source of tickers."""
    return source_of(client)


def lane_of(*sources: Source, most: int = 10, most_bytes: int = 1 << 20, **options: Any) -> Lane:
    """Return a lane in its first term, with its sources."""
    lane = Lane("stream", most, most_bytes, options.get("overflow", "oldest"))
    for source in sources:
        lane.add(source)
    lane.begin(1, CONNECTED, False, NOW)
    lane.settle()
    return lane


def put(lane: Lane, source: Source, *numbers: int) -> None:
    """Let a run of events wait."""
    lane.put(source, [event(number) for number in numbers], 3, NOW)


def taken(lane: Lane, most: int = 1000, settle: bool = True) -> list[str]:
    """Take what waits, and return it in short."""
    lane.take(most, NOW, lambda error: None)
    found = [text_of(draft) for draft in lane.flight]
    if settle:
        lane.settle()
    return found


def text_of(draft: Draft) -> str:
    """Return a draft in short."""
    data = json.loads(draft.payload)
    if draft.head.kind == "event":
        return str(data[0]["timestamp_millis"])
    if draft.head.kind == "gap":
        return f"{data['reason']} {data['count']} of {draft.head.topic}"
    return draft.head.kind


DUB = 'tickers {"products":["dub"]}'


def test_all_comes_out_in_the_order_in_which_it_came(source: Source) -> None:
    """Events, gaps, states and ends keep their places."""
    lane = lane_of(source)
    put(lane, source, 1, 2)
    lane.note(source, NOW, Gap(GapReason.RECONNECTED, None, 4))
    put(lane, source, 3)
    lane.note(None, NOW, CONNECTED)
    lane.note(source, NOW, End(None))
    assert taken(lane) == ["1", "2", f"reconnected None of {DUB}", "3", "state", "end"]
    assert lane.idle
    assert lane.published == 7  # and the state with which the term began


def test_a_batch_ends_in_the_middle_of_a_run(source: Source) -> None:
    """No more is taken than was asked for, and what is left comes next."""
    lane = lane_of(source)
    put(lane, source, 1, 2, 3, 4, 5)
    assert taken(lane, 2) == ["1", "2"]
    assert lane.count == 3
    assert taken(lane, 2) == ["3", "4"]
    assert taken(lane, 2) == ["5"]
    assert (lane.count, lane.size) == (0, 0)


def test_a_batch_is_bounded_in_bytes(source: Source) -> None:
    """Large events do not make one huge message to the engine."""
    lane = lane_of(source, most_bytes=1 << 30)
    decode = event(1).decode
    large = Event("tickers", b" " * (LARGEST_BATCH // 2), decode)
    for _ in range(4):
        lane.put(source, [large], 3, NOW)
    lane.take(1000, NOW, lambda error: None)
    assert len(lane.flight) == 2


def test_what_is_under_way_is_kept_until_it_is_settled(source: Source) -> None:
    """A second take, after a failure, brings the same drafts and nothing else."""
    lane = lane_of(source)
    put(lane, source, 1, 2)
    assert taken(lane, settle=False) == ["1", "2"]
    put(lane, source, 3)
    assert taken(lane, settle=False) == ["1", "2"]
    assert not lane.idle
    lane.settle(1)
    assert taken(lane) == ["2"]
    assert taken(lane) == ["3"]


def test_a_full_lane_drops_its_oldest_with_their_exact_count(source: Source) -> None:
    """One gap stands where the dropped events stood, however often that happened."""
    lane = lane_of(source, most=4)
    put(lane, source, 1, 2, 3)
    put(lane, source, 4, 5, 6)
    put(lane, source, 7)
    assert lane.dropped == 3
    assert source.gap(Gap(GapReason.OVERFLOW, 3), NOW).head.epoch == 3
    assert taken(lane) == [f"overflow 3 of {DUB}", "4", "5", "6", "7"]


def test_a_full_lane_may_drop_its_newest(source: Source) -> None:
    """Then the gap stands behind what was kept, and before what comes next."""
    lane = lane_of(source, most=3, overflow="newest")
    put(lane, source, 1, 2, 3)
    put(lane, source, 4, 5)
    assert lane.dropped == 2
    assert taken(lane, 2) == ["1", "2"]
    put(lane, source, 6)
    assert taken(lane) == ["3", f"overflow 2 of {DUB}", "6"]


def test_a_gap_for_dropped_newest_comes_though_nothing_follows(source: Source) -> None:
    """Where the stream falls silent, its readers still hear that they missed something."""
    lane = lane_of(source, most=2, overflow="newest")
    put(lane, source, 1, 2)
    put(lane, source, 3)
    assert taken(lane) == ["1", "2", f"overflow 1 of {DUB}"]
    assert lane.idle


def test_bytes_are_bounded_too(source: Source) -> None:
    """Few large events are dropped as many small ones are."""
    size = len(event(1).payload)
    lane = lane_of(source, most_bytes=2 * size)
    put(lane, source, 1)
    put(lane, source, 2)
    put(lane, source, 3)
    assert lane.size == 2 * size
    assert taken(lane) == [f"overflow 1 of {DUB}", "2", "3"]


def test_the_last_change_of_state_is_not_dropped(source: Source) -> None:
    """Readers know where the client stands, whatever else had no room, and however often."""
    lane = lane_of(source, most=3)
    for attempt in range(1, 4):
        put(lane, source, attempt)
        lane.note(None, NOW, evolve(CONNECTED, state=State.RECONNECTING, attempt=attempt))
    lane.note(source, NOW, End(None))
    put(lane, source, 4)
    drafts: list[Draft] = []
    while not lane.idle:
        lane.take(10, NOW, [].append)
        drafts += lane.flight
        lane.settle()
    assert [text_of(draft) for draft in drafts] == [f"overflow 3 of {DUB}", "state", "end", "4"]
    assert json.loads(drafts[1].payload)["attempt"] == 3
    assert (lane.dropped, lane.count, lane.size) == (3, 0, 0)


def test_what_waits_is_counted_to_the_byte_whatever_bound_it_meets(source: Source) -> None:
    """Runs are dropped whole and in part, by their number and by their bytes."""
    numbers = [1, 10, 100, 1_000, 10_000, 100_000]
    sizes = {number: len(event(number).payload) for number in numbers}
    assert len(set(sizes.values())) == len(numbers)
    for most, most_bytes, left in (
        (4, 1 << 20, [100, 1_000, 10_000, 100_000]),
        (2, 1 << 20, [10_000, 100_000]),
        (10, sum(sizes[number] for number in numbers[3:]), [1_000, 10_000, 100_000]),
        (4, sizes[100_000], [100_000]),
    ):
        lane = lane_of(source, most=most, most_bytes=most_bytes)
        put(lane, source, *numbers[:2])
        put(lane, source, *numbers[2:4])
        put(lane, source, *numbers[4:])
        lost = len(numbers) - len(left)
        assert lane.dropped == lost
        assert lane.size == sum(sizes[number] for number in left)
        # The gap is one more that waits.
        assert lane.count == len(left) + 1
        assert taken(lane) == [f"overflow {lost} of {DUB}", *map(str, left)]
        assert (lane.size, lane.count) == (0, 0)


def test_a_signal_handler_that_drops_something_meanwhile_leaves_the_count_right(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may close a subscription of the same lane, while one on its thread is being closed."""
    lane = lane_of(source, most=4)
    put(lane, source, 1, 2)
    put(lane, source, 3, 4)
    size_of, struck = lane_module._size, []

    def struck_once(events: Sequence[Event]) -> int:
        size = size_of(events)
        if not struck:
            struck.append(True)
            lane.note(source, NOW, End(None))
        return size

    monkeypatch.setattr(lane_module, "_size", struck_once)
    lane.note(source, NOW, End(None))
    monkeypatch.undo()
    left = [text for text in taken(lane) if text.isdigit()]
    assert lane.dropped == 4 - len(left)
    assert (lane.size, lane.count) == (0, 0)


def test_each_topic_is_told_of_its_own_losses(client: OnyxClient) -> None:
    """What one topic lost is not told to the readers of another."""
    dub, ebob = source_of(client), source_of(client, tickers_topic(products=["ebob"]))
    lane = lane_of(dub, ebob, most=2)
    put(lane, dub, 1)
    put(lane, ebob, 2, 3)
    assert taken(lane) == [f"overflow 1 of {DUB}", "2", "3"]


def test_the_end_of_a_topic_is_not_dropped(source: Source) -> None:
    """Its readers wait for nothing more, whatever had no room."""
    lane = lane_of(source, most=3)
    put(lane, source, 1)
    lane.note(source, NOW, End(None))
    put(lane, source, 2, 3, 4)
    assert taken(lane) == [f"overflow 2 of {DUB}", "end", "3", "4"]


def test_a_dropped_gap_makes_the_count_unknown(source: Source) -> None:
    """A gap that told of something else is never forgotten, though its place is."""
    lane = lane_of(source, most=3)
    put(lane, source, 1)
    lane.note(source, NOW, Gap(GapReason.RECONNECTED, None, 4))
    put(lane, source, 2, 3, 4)
    assert taken(lane) == [f"overflow None of {DUB}", "2", "3", "4"]


def test_nothing_private_is_ever_dropped(client: OnyxClient) -> None:
    """An account's lane grows beyond every bound, and all its topics with it."""
    private = source_of(client, evolve(tickers_topic(products=["dub"]), private=True))
    lane = lane_of(private, most=2, most_bytes=1)
    put(lane, private, *range(100))
    assert lane.dropped == 0
    assert taken(lane) == [str(number) for number in range(100)]


def test_standing_by_forgets_and_counts(source: Source) -> None:
    """What comes while another publisher is in office is counted, and nothing of it waits."""
    lane = lane_of(source)
    put(lane, source, 1, 2)
    lane.take(1, NOW, lambda error: None)
    assert lane.stand_by() == 2
    put(lane, source, 3)
    assert lane.stand_by() == 0
    assert (lane.skipped, lane.count, lane.idle) == (3, 0, True)


def test_a_term_begins_with_the_state_and_with_gaps(client: OnyxClient, source: Source) -> None:
    """Readers of a stream that goes on are told once for each topic, also for one that is new."""
    lane = lane_of(source)
    put(lane, source, 1)
    lane.take(1000, NOW, lambda error: None)
    lane.begin(2, CONNECTED, True, NOW)
    put(lane, source, 2)
    assert taken(lane) == ["state", f"taken_over None of {DUB}", "1"]
    later = source_of(client, tickers_topic(products=["ebob"]))
    lane.add(later)
    put(lane, later, 3)
    put(lane, later, 4)
    ebob = DUB.replace("dub", "ebob")
    assert taken(lane) == ["2", f"taken_over None of {ebob}", "3", "4"]
    assert lane.confirmed == 7


def test_a_term_begins_with_gaps_of_the_connection_that_comes_next(
    client: OnyxClient, source: Source
) -> None:
    """That of the next event where one waits, else the client's present one; never of none."""
    silent = source_of(client, tickers_topic(products=["ebob"]))
    lane = lane_of(source, silent)
    later = evolve(CONNECTED, epoch=5)
    put(lane, source, 1)
    lane.begin(2, later, True, NOW)
    lane.tell_first(GapReason.LOST, None, NOW)
    told = [(draft.head.kind, draft.head.topic == DUB, draft.head.epoch) for draft in lane.flight]
    assert told == [
        ("gap", True, 5), ("gap", False, 5), ("state", False, 5),
        ("gap", True, 3), ("gap", False, 5),
    ]  # fmt: skip
    lane.settle()
    assert taken(lane) == ["1"]
    lane.begin(3, later, True, NOW)
    assert [draft.head.epoch for draft in lane.flight] == [5, 5, 5]


def test_what_only_this_process_could_read_becomes_a_gap(source: Source) -> None:
    """An event whose decoder has no name is told of, and its readers know that one is missing."""
    told: list[Exception] = []

    def refuse(payload: bytes) -> None:
        raise ProtocolError("refused")

    lane = lane_of(source)
    lane.put(source, [event(1), Event("tickers", b"{}", refuse), event(2)], 3, NOW)
    lane.take(1000, NOW, told.append)
    assert [text_of(draft) for draft in lane.flight] == ["1", f"undecodable 1 of {DUB}", "2"]
    assert [str(error) for error in told] == ["refused"]


def test_the_facts_of_an_event_go_with_it(source: Source) -> None:
    """Topic, narrowing, decoder, connection, both times and the payload stand in its entry."""
    lane = lane_of(source)
    put(lane, source, 1_700_000_000_123)
    lane.take(1000, NOW, lambda error: None)
    (draft,) = lane.flight
    assert draft.head.topic == DUB
    assert draft.head.narrow == ("products", "dub")
    assert draft.head.decoder == "tickers 1"
    assert draft.head.epoch == 3
    assert draft.received == NOW
    assert draft.at == 1_700_000_000_123_000_000
    assert draft.payload == event(1_700_000_000_123).payload


def test_only_what_waits_keeps_a_lane_from_being_idle(client: OnyxClient) -> None:
    """A topic that ended leaves what it brought, and nothing more."""
    source = source_of(client, dashboards())
    lane = lane_of(source)
    put(lane, source, 1)
    lane.remove(source)
    lane.remove(source)
    assert not lane.idle
    assert taken(lane) == ["1"]
    assert lane.idle
