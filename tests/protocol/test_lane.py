"""The order of operations, and how many may be unanswered at once."""

from __future__ import annotations

from typing import Any

import pytest

from venuesdk.protocol.codec import Codec, Topic
from venuesdk.protocol.feeds import Feed, FeedState, Kind, Operation, Ticket
from venuesdk.protocol.lane import WINDOW, Lane


class Plain(Codec):
    """A venue without rules of its own."""

    venue = "plain"
    url = "ws://127.0.0.1/"


class Serial(Plain):
    """One at a time."""

    serial = True


class Silent(Plain):
    """A subscribe may stay unanswered for ever."""

    silent = True


@pytest.fixture
def start() -> Any:
    """Make a subscribe of a topic of that name."""

    def make(name: str, route: Any = "r", kind: Kind = Kind.START) -> Operation:
        return Operation(kind, (Feed(Topic(name, name, None, route)),), due=10.0)

    return make


def send_all(lane: Lane, codec: Codec, first: int = 1) -> list[Operation]:
    """Take what is ready as the session does: each is in flight before the next is looked at."""
    taken = []
    for id, operation in enumerate(lane.ready(codec), first):
        lane.sent(id, operation)
        taken.append(operation)
    return taken


def test_operations_leave_in_the_order_in_which_they_came(start: Any) -> None:
    """First in, first out; what was taken is no longer queued."""
    lane, operations = Lane(), [start(name) for name in "abc"]
    for operation in operations:
        lane.add(operation)
        assert operation.feeds[0].queued
    assert lane.queued
    assert send_all(lane, Plain({})) == operations
    assert not lane.queued
    assert not any(operation.feeds[0].queued for operation in operations)


@pytest.mark.parametrize(("codec", "room"), [(Plain, WINDOW), (Serial, 1), (Silent, 150)])
def test_only_so_many_are_unanswered_at_once(start: Any, codec: type[Codec], room: int) -> None:
    """A hundred, one where the venue is serial, any number where it may answer nothing."""
    lane = Lane()
    for number in range(150):
        lane.add(start(str(number)))
    assert len(send_all(lane, codec({}))) == room


def test_a_busy_topic_waits_and_keeps_its_place(start: Any) -> None:
    """What cannot be sent yet is passed by, and is first when it can."""
    lane, busy, other, last = Lane(), start("a"), start("b"), start("c")
    busy.feeds[0].state = FeedState.STARTING
    for operation in (busy, other):
        lane.add(operation)
    assert send_all(lane, Plain({})) == [other]
    lane.add(last)
    busy.feeds[0].state = FeedState.IDLE
    assert send_all(lane, Plain({}), 5) == [busy, last]


def test_whoever_waits_for_what_was_sent_knows_that_it_may_have_left(start: Any) -> None:
    """The caller of the operation, and those who joined its topic."""
    lane, operation = Lane(), start("a")
    operation.ticket, joined = Ticket(lambda outcome: None), Ticket(lambda outcome: None)
    operation.feeds[0].tickets.append(joined)
    lane.add(operation)
    assert not operation.ticket.sent
    send_all(lane, Plain({}))
    assert operation.ticket.sent
    assert joined.sent


def test_an_answer_finds_its_operation_once(start: Any) -> None:
    """By number; a second answer, or one to nobody, finds nothing."""
    lane, operation = Lane(), start("a")
    lane.sent(7, operation)
    assert lane.answered(8) is None
    assert lane.answered(7) is operation
    assert lane.answered(7) is None


def test_what_is_not_answered_in_time_is_overdue(start: Any) -> None:
    """At its time; a silent venue owes an answer to an unsubscribe alone."""
    lane, subscribe, stop = Lane(), start("a"), start("b", kind=Kind.STOP)
    lane.sent(1, subscribe)
    assert lane.overdue(9.9, Plain({})) is None
    assert lane.overdue(10.0, None) is subscribe
    assert lane.overdue(10.0, Silent({})) is None
    lane.sent(2, stop)
    assert lane.overdue(10.0, Silent({})) is stop


def test_a_route_is_awaited_while_a_subscribe_that_gets_one_is_unanswered(start: Any) -> None:
    """A known route awaits nothing, nor does an unsubscribe."""
    lane = Lane()
    lane.sent(1, start("a"))
    lane.sent(2, start("b", route=None, kind=Kind.STOP))
    assert not lane.awaits_route()
    lane.sent(3, start("c", route=None))
    assert lane.awaits_route()
    lane.answered(3)
    assert not lane.awaits_route()


def test_clearing_returns_what_was_sent_apart_from_what_was_not(start: Any) -> None:
    """A lost connection ends both, and they end differently."""
    lane, sent, unsent = Lane(), start("a"), start("b")
    lane.sent(1, sent)
    lane.add(unsent)
    assert lane.clear() == ([sent], [unsent])
    assert lane.clear() == ([], [])
