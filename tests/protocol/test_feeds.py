"""The plain state of subscribing: routes, listeners, callers, and what is held for a route."""

from __future__ import annotations

from typing import Any

import pytest

from venuesdk.errors import RequestRejected
from venuesdk.protocol.codec import Event, Topic
from venuesdk.protocol.feeds import EarlyEvents, Feed, FeedState, Listener, Routes, Ticket


class Ear:
    """A listener that only belongs somewhere."""

    def __init__(self) -> None:
        self.feed: Feed | None = None

    def gap(self, gap: Any) -> None:
        raise AssertionError("nobody tells of gaps here")

    def end(self, error: Any) -> None:
        raise AssertionError("nobody ends here")


def feed(name: str = "a", route: Any = None) -> Feed:
    """Return a feed of one topic."""
    return Feed(Topic(name, name, None, route))


def seat(place: Feed, group: list[Listener]) -> Ear:
    """Let a new listener belong to a group of a feed."""
    ear = Ear()
    ear.feed = place
    group.append(ear)
    return ear


def test_a_ticket_is_settled_once() -> None:
    """What comes later is not told."""
    outcomes: list[Any] = []
    ticket = Ticket(outcomes.append)
    ticket.finish(None)
    ticket.finish(RequestRejected("too late"))
    assert outcomes == [None]
    assert ticket.settled
    assert not ticket.sent


def test_a_feed_is_wanted_while_anybody_listens_or_will() -> None:
    """Joining counts."""
    place = feed()
    assert not place.wanted
    ear = seat(place, place.joining)
    assert place.wanted
    place.admit()
    assert (place.listeners, place.joining) == ([ear], [])
    assert place.wanted


@pytest.mark.parametrize(
    ("state", "busy"),
    [
        (FeedState.IDLE, False),
        (FeedState.STARTING, True),
        (FeedState.ACTIVE, False),
        (FeedState.STOPPING, True),
    ],
)
def test_a_feed_is_busy_while_an_answer_is_to_come(state: FeedState, busy: bool) -> None:
    """Between two operations it is not."""
    place = feed()
    place.state = state
    assert place.busy is busy


def test_a_discarded_listener_is_nowhere_in_its_feed() -> None:
    """Not even among those who know of a coming restart."""
    place = feed()
    ear, other = seat(place, place.listeners), seat(place, place.listeners)
    place.informed.append(ear)
    place.discard(ear)
    assert ear.feed is None
    assert (place.listeners, place.informed) == ([other], [])
    place.discard(ear)
    assert place.listeners == [other]


def test_an_emptied_feed_lets_everybody_go() -> None:
    """Listening, joining and informed, and returns who was there."""
    place = feed()
    ears = [seat(place, place.listeners), seat(place, place.joining)]
    place.informed.append(ears[0])
    assert place.empty() == ears
    assert (place.listeners, place.joining, place.informed) == ([], [], [])
    assert [ear.feed for ear in ears] == [None, None]


def test_those_whose_caller_waits_are_known() -> None:
    """Of this feed alone."""
    place, other = feed("a"), feed("b")
    waiting, settled, elsewhere = Ear(), Ear(), Ear()
    ticket = Ticket(lambda outcome: None)
    ticket.listeners = [(place, waiting), (other, elsewhere)]
    place.tickets.append(ticket)
    place.listeners += [waiting, settled]
    assert place.waiting_listeners() == [waiting]


def test_a_route_leads_to_its_feeds_in_order_and_ends_with_the_last() -> None:
    """However often one is added."""
    routes, first, second = Routes(), feed("a"), feed("b")
    for one in (first, second, first):
        routes.add("r", one)
    assert list(routes["r"]) == [first, second]
    routes.remove(first)
    assert list(routes["r"]) == [second]
    assert first.route is None
    routes.remove(first)
    routes.remove(second)
    assert routes == {}


def test_a_feed_is_removed_from_the_route_it_knew_and_from_the_one_it_was_given() -> None:
    """A venue may answer with a route of its own for a topic that had one."""
    routes, place = Routes(), feed("a", route="known")
    routes.add("known", place)
    routes.add("given", place)
    routes.remove(place)
    assert routes == {}


def test_early_events_come_out_in_order_once() -> None:
    """And leave room for as many again."""
    early = EarlyEvents()
    events = [Event("r", b"%d" % number, bytes) for number in range(3)]
    assert all(early.hold(event) for event in events)
    assert len(early) == 3
    assert early.take() == events
    assert early.take() == []
    assert len(early) == 0


@pytest.mark.parametrize(("size", "held"), [(1, 1_000), (1 << 10, 1_000), (1 << 18, 4)])
def test_early_events_are_bounded_by_number_and_by_bytes(size: int, held: int) -> None:
    """A thousand events or a mebibyte; taking them frees both."""
    early = EarlyEvents()
    event = Event("r", b"x" * size, bytes)
    for _ in range(2):
        assert sum(early.hold(event) for _ in range(held + 5)) == held
        early.take()
