"""The state machine of each topic: every interleaving ends in one known state.

No socket and no thread: operations are issued, answered and lost by hand. At the end a random
walk holds the machine against a model of the venue.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venuesdk.errors import (
    ConnectionLost,
    InvalidRequest,
    NotSent,
    NotSubscribed,
    RequestRejected,
    VenueError,
)
from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Codec, Event, Joining, Rejection, Request, Response, Topic
from venuesdk.protocol.conversation import Ids
from venuesdk.protocol.feeds import Feed, FeedState, Ticket
from venuesdk.protocol.subscriptions import Subscriptions

# ---- who plays: two codecs, a listener, a desk ---------------------------------------------------


class PlainCodec(Codec):
    """Writes a frame as ``id method topics``, so that a test can read it."""

    venue = "plain"
    url = "ws://127.0.0.1/"
    stoppable = True

    def encode(self, id: int, request: Request) -> str:
        names = ",".join(topic.name for topic in request.topics)
        if "unwritable" in names:
            raise ValueError("this topic cannot be written")
        return f"{id} {request.method} {names}".strip()

    def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
        return Request("sub", dict(options), topics=tuple(topics))

    def unsubscribe(self, topic: Topic, route: Hashable | None) -> Request | None:
        return Request("unsub", {"route": route}, topics=(topic,)) if self.stoppable else None


class SerialCodec(PlainCodec):
    """One operation at a time, as Loopring wants it."""

    serial = True
    grouped = True


class Ear:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.feed: Feed | None = None
        self.gaps: list[Gap] = []
        self.ends: list[VenueError | None] = []

    def gap(self, gap: Gap) -> None:
        self.gaps.append(gap)

    def end(self, error: VenueError | None) -> None:
        self.ends.append(error)


class Desk:
    """Subscriptions, with the calls that the session makes."""

    def __init__(self, codec: type[PlainCodec] = PlainCodec) -> None:
        self.reports: list[VenueError] = []
        self.machine = Subscriptions(Ids(), self.reports.append)
        self.codec_class = codec
        self.epoch = 0
        self.now = 100.0

    def connect(self) -> list[str]:
        self.epoch += 1
        self.machine.connected(self.codec_class({}), self.epoch)
        return self.issue()

    def issue(self) -> list[str]:
        return self.machine.issue(self.now, 10.0)

    def subscribe(self, *topics: Topic, **options: Any) -> tuple[list[Ear], list[Any]]:
        """Return the listeners, and the list that the caller's outcome will be in."""
        outcomes: list[Any] = []
        ears = [Ear() for _ in topics]
        self.ticket = Ticket(outcomes.append)
        self.machine.subscribe(
            list(zip(topics, ears, strict=True)),
            self.ticket,
            {},
            options.get("cancels"),
            self.codec_class.grouped,
        )
        return ears, outcomes

    def yes(self, id: int, route: Hashable | None = None) -> list[str]:
        assert self.machine.answered(Response(id, b"", route))
        return self.issue()

    def no(self, id: int, error: VenueError | None = None) -> list[str]:
        assert self.machine.answered(Rejection(id, error or RequestRejected("no")))
        return self.issue()

    def lose(self) -> None:
        self.machine.lost(lambda: ConnectionLost("cut", outcome_unknown=True))


def topic(name: str, **options: Any) -> Topic:
    """Make a topic whose route, like its key, is its name."""
    return Topic(name, name, None, options.pop("route", name), **options)


# ---- one topic: asked for, shared, stopped -------------------------------------------------------


def test_a_subscribe_is_issued_and_settles_with_its_answer() -> None:
    """One frame goes out; the caller is told when the venue says yes."""
    desk = Desk()
    desk.connect()
    _, outcomes = desk.subscribe(topic("a"))
    assert desk.issue() == ["1 sub a"]
    assert outcomes == []
    assert desk.yes(1) == []
    assert outcomes == [None]


def test_a_refusal_reaches_its_caller_and_leaves_nothing() -> None:
    """After a refusal nobody listens, and nothing is replayed."""
    desk = Desk()
    desk.connect()
    (ear,), outcomes = desk.subscribe(topic("a"))
    desk.issue()
    desk.no(1, InvalidRequest("bad topic"))
    assert isinstance(outcomes[0], InvalidRequest)
    assert ear.feed is None
    desk.lose()
    assert desk.connect() == []


def test_two_subscriptions_to_one_topic_share_one_on_the_wire() -> None:
    """The second needs no frame; only the end of the last one stops the topic."""
    desk = Desk()
    desk.connect()
    (first,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    (second,), outcomes = desk.subscribe(topic("a"))
    assert desk.issue() == []
    assert outcomes == [None]
    desk.machine.remove(first)
    assert desk.issue() == []
    desk.machine.remove(second)
    assert desk.issue() == ["2 unsub a"]


def test_joining_while_subscribing_waits_for_the_same_answer() -> None:
    """Both callers are told by one answer."""
    desk = Desk()
    desk.connect()
    _, first = desk.subscribe(topic("a"))
    assert desk.issue() == ["1 sub a"]
    _, second = desk.subscribe(topic("a"))
    assert desk.issue() == []
    desk.yes(1)
    assert first == second == [None]


def test_a_refusal_gives_each_waiting_caller_an_exception_of_its_own() -> None:
    """Two callers of one topic never share an exception object."""
    desk = Desk()
    desk.connect()
    _, first = desk.subscribe(topic("a"))
    desk.issue()
    _, second = desk.subscribe(topic("a"))
    desk.no(1)
    assert isinstance(first[0], RequestRejected)
    assert isinstance(second[0], RequestRejected)
    assert first[0] is not second[0]


def test_closing_while_subscribing_unsubscribes_after_the_answer() -> None:
    """The late yes is answered with an unsubscribe, and the topic is idle again."""
    desk = Desk()
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.machine.remove(ear)
    assert desk.issue() == []
    assert desk.yes(1) == ["2 unsub a"]
    assert desk.yes(2) == []
    assert desk.machine.topics() == []


def test_a_subscribe_that_timed_out_and_is_acknowledged_late_is_unsubscribed() -> None:
    """The caller went away; what it asked for is undone on the wire."""
    desk = Desk()
    desk.connect()
    _, outcomes = desk.subscribe(topic("a"))
    desk.issue()
    desk.machine.abandon(desk.ticket)
    assert desk.yes(1) == ["2 unsub a"]
    assert outcomes == []


def test_subscribing_again_while_unsubscribing_starts_anew() -> None:
    """The unsubscribe runs its course, then the topic is subscribed again."""
    desk = Desk()
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    desk.machine.remove(ear)
    assert desk.issue() == ["2 unsub a"]
    _, outcomes = desk.subscribe(topic("a"))
    assert desk.issue() == []
    assert desk.yes(2) == ["3 sub a"]
    desk.yes(3)
    assert outcomes == [None]


def test_a_close_before_the_unsubscribe_is_issued_can_be_taken_back() -> None:
    """Somebody who comes before the unsubscribe went out keeps the stream as it is."""
    desk = Desk(SerialCodec)
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    desk.subscribe(topic("b"))
    assert desk.issue() == ["2 sub b"]
    desk.machine.remove(ear)
    _, outcomes = desk.subscribe(topic("a"))
    assert outcomes == [None]
    assert desk.yes(2) == []


# ---- connections that are lost, and refusals that nobody waits for -------------------------------


def test_replay_after_a_loss_comes_behind_a_gap() -> None:
    """Every confirmed listener is told of the gap, and every topic is subscribed again."""
    desk = Desk()
    desk.connect()
    (a, b), _ = desk.subscribe(topic("a"), topic("b"))
    assert desk.issue() == ["1 sub a", "2 sub b"]
    desk.yes(1)
    desk.yes(2)
    desk.lose()
    assert desk.connect() == ["3 sub a", "4 sub b"]
    assert a.gaps == b.gaps == [Gap(GapReason.RECONNECTED, None, 2)]


def test_a_loss_fails_each_caller_that_waits_with_its_own_exception() -> None:
    """An unanswered subscribe ends at once; nothing of it is replayed."""
    desk = Desk()
    desk.connect()
    _, first = desk.subscribe(topic("a"))
    desk.issue()
    _, second = desk.subscribe(topic("a"))
    desk.lose()
    assert isinstance(first[0], ConnectionLost)
    assert isinstance(second[0], ConnectionLost)
    assert first[0] is not second[0]
    assert desk.connect() == []


def test_what_was_never_sent_goes_out_on_the_next_connection() -> None:
    """A subscribe asked for while disconnected waits, and its listener sees no gap."""
    desk = Desk()
    (ear,), outcomes = desk.subscribe(topic("a"))
    assert desk.issue() == []
    assert desk.connect() == ["1 sub a"]
    desk.yes(1)
    assert outcomes == [None]
    assert ear.gaps == []


def test_a_refused_replay_ends_that_subscription_and_no_other() -> None:
    """The listener of the refused topic is told the refusal; the other one goes on."""
    desk = Desk()
    desk.connect()
    (a, b), _ = desk.subscribe(topic("a"), topic("b"))
    desk.issue()
    desk.yes(1)
    desk.yes(2)
    desk.lose()
    desk.connect()
    desk.no(3, RequestRejected("no permissions"))
    desk.yes(4)
    assert [str(error) for error in a.ends] == ["no permissions"]
    assert b.ends == []
    assert [t.name for t in desk.machine.topics()] == ["b"]


def test_a_refused_background_unsubscribe_is_reported() -> None:
    """Nobody waits for it, so it goes to the report; the topic is taken for idle."""
    desk = Desk()
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    desk.machine.remove(ear)
    desk.issue()
    desk.no(2, RequestRejected("cannot stop"))
    assert [str(error) for error in desk.reports] == ["cannot stop"]
    _, outcomes = desk.subscribe(topic("a"))
    assert desk.issue() == ["3 sub a"]
    assert outcomes == []


def test_an_unsubscribe_of_what_the_venue_does_not_know_is_no_fault() -> None:
    """NotSubscribed means that the topic is where it was wanted."""
    desk = Desk()
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    desk.machine.remove(ear)
    desk.issue()
    desk.no(2, NotSubscribed("not subscribed"))
    assert desk.reports == []


# ---- full states, restarts and followers ---------------------------------------------------------


def test_a_late_joiner_of_a_stateful_topic_restarts_it() -> None:
    """It sees nothing before the new start; who was there sees a gap instead."""
    desk = Desk()
    desk.connect()
    stateful = topic("d", joining=Joining.RESTART)
    (first,), _ = desk.subscribe(stateful)
    desk.issue()
    desk.yes(1)
    (second,), outcomes = desk.subscribe(stateful)
    assert desk.issue() == ["2 unsub d"]
    (feed,) = desk.machine.routes["d"]
    assert feed.listeners == [first]
    assert desk.yes(2) == ["3 sub d"]
    (feed,) = desk.machine.routes["d"]
    assert feed.listeners == [first, second]
    assert first.gaps == [Gap(GapReason.RESUBSCRIBED, None, 1)]
    assert second.gaps == []
    desk.yes(3)
    assert outcomes == [None]


def test_a_topic_with_its_own_initial_state_is_subscribed_for_each() -> None:
    """Two subscriptions with a snapshot are two on the wire, each with its route."""
    desk = Desk()
    desk.connect()
    own = topic("s", joining=Joining.OWN, route=None)
    desk.subscribe(own)
    desk.subscribe(own)
    assert desk.issue() == ["1 sub s", "2 sub s"]
    desk.yes(1, route="x")
    desk.yes(2, route="y")
    assert set(desk.machine.routes) == {"x", "y"}


def test_a_restart_tells_the_others_and_not_who_asked() -> None:
    """Who overflowed knows already; the other listener gets one gap."""
    desk = Desk()
    desk.connect()
    (slow,), _ = desk.subscribe(topic("p", private=True))
    desk.issue()
    desk.yes(1)
    (other,), _ = desk.subscribe(topic("p", private=True))
    desk.machine.restart(slow)
    assert desk.issue() == ["2 unsub p"]
    assert desk.yes(2) == ["3 sub p"]
    assert slow.gaps == []
    assert [gap.reason for gap in other.gaps] == [GapReason.RESUBSCRIBED]


def test_a_follower_settles_when_its_topic_is_active_and_asks_for_nothing() -> None:
    """At once where it is; else with the answer, be it on the next connection, with its epoch."""
    desk = Desk()
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    told: list[Any] = []
    assert desk.ticket.epoch == 1
    assert not desk.machine.follow(ear, Ticket(told.append))
    desk.lose()
    ticket = Ticket(told.append)
    assert desk.machine.follow(ear, ticket)
    assert desk.connect() == ["2 sub a"]
    assert told == []
    desk.yes(2)
    assert told == [None]
    assert (ticket.epoch, ear.ends) == (2, [])
    desk.machine.remove(ear)
    assert not desk.machine.follow(ear, Ticket(told.append))


def test_a_follower_is_told_of_a_restart_of_a_loss_and_of_a_refusal() -> None:
    """It waits for the start behind a stop; the loss of a connection and a no are its errors."""
    desk = Desk()
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    told: list[Any] = []
    desk.machine.restart(ear)
    assert desk.machine.follow(ear, Ticket(told.append))
    desk.issue()
    desk.yes(2)
    assert told == []
    desk.lose()
    assert isinstance(told.pop(), ConnectionLost)
    assert desk.machine.follow(ear, Ticket(told.append))
    assert desk.connect() == ["4 sub a"]
    desk.no(4)
    assert isinstance(told.pop(), RequestRejected)
    assert isinstance(ear.ends.pop(), RequestRejected)


def test_a_follower_that_goes_away_leaves_nothing_behind() -> None:
    """It is told nothing, and the topic goes on."""
    desk = Desk()
    desk.connect()
    (ear,), outcomes = desk.subscribe(topic("a"))
    desk.issue()
    told: list[Any] = []
    ticket = Ticket(told.append)
    assert desk.machine.follow(ear, ticket)
    desk.machine.abandon(ticket)
    assert ear.feed is not None
    assert ticket not in ear.feed.tickets
    desk.yes(1)
    assert (told, outcomes, ear.ends) == ([], [None], [])


def test_a_stream_that_cannot_be_stopped_stays_and_is_joined_again() -> None:
    """Closing sends nothing; a new subscription shares what still flows; replay leaves it out."""

    class Endless(PlainCodec):
        stoppable = False

    desk = Desk(Endless)
    desk.connect()
    (ear,), _ = desk.subscribe(topic("q"))
    desk.issue()
    desk.yes(1)
    desk.machine.remove(ear)
    assert desk.issue() == []
    (again,), outcomes = desk.subscribe(topic("q"))
    assert desk.issue() == []
    assert outcomes == [None]
    desk.machine.remove(again)
    desk.lose()
    assert desk.connect() == []


# ---- routes, and events that come early ----------------------------------------------------------


def test_a_route_stands_before_the_answer_where_it_is_known() -> None:
    """A static route is there as soon as the subscribe is issued."""
    desk = Desk()
    desk.connect()
    desk.subscribe(topic("a"))
    assert "a" not in desk.machine.routes
    desk.issue()
    assert "a" in desk.machine.routes


def test_an_early_event_is_held_until_its_route_is_handed_out() -> None:
    """It comes out when the answer names its route, and others stay uncounted until then."""
    desk = Desk()
    desk.connect()
    desk.subscribe(topic("s", route=None))
    desk.issue()
    early = Event("sid", b"1", bytes)
    stranger = Event("other", b"2", bytes)
    assert desk.machine.hold(early)
    assert desk.machine.hold(stranger)
    assert desk.machine.release() == []
    desk.yes(1, route="sid")
    assert desk.machine.release() == [early]
    assert desk.machine.unrouted == 1


def test_nothing_is_held_where_no_answer_can_claim_it() -> None:
    """Without a subscribe in flight whose route is unknown an unrouted event is dropped."""
    desk = Desk()
    desk.connect()
    assert not desk.machine.hold(Event("sid", b"1", bytes))
    desk.subscribe(topic("static"))
    desk.issue()
    assert not desk.machine.hold(Event("sid", b"1", bytes))


@pytest.mark.parametrize(("size", "held"), [(10, 1_000), (2_048, 512)])
def test_what_is_held_is_bounded(size: int, held: int) -> None:
    """At most 1,000 events and at most 1 MiB wait for a route."""
    desk = Desk()
    desk.connect()
    desk.subscribe(topic("s", route=None))
    desk.issue()
    kept = sum(desk.machine.hold(Event("sid", b"x" * size, bytes)) for _ in range(1_100))
    assert kept == held


# ---- serial, grouped and cancelling requests -----------------------------------------------------


def test_serial_venues_get_one_operation_at_a_time() -> None:
    """The next frame goes out when the last one is answered."""
    desk = Desk(SerialCodec)
    desk.connect()
    desk.subscribe(topic("a"))
    desk.subscribe(topic("b"))
    assert desk.issue() == ["1 sub a"]
    assert desk.issue() == []
    assert desk.yes(1) == ["2 sub b"]


def test_a_grouped_subscribe_is_one_request_and_fails_whole() -> None:
    """Topics that are active already are left out, and stay when the request is refused."""
    desk = Desk(SerialCodec)
    desk.connect()
    (old,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    ears, outcomes = desk.subscribe(topic("a"), topic("b"), topic("c"))
    assert desk.issue() == ["2 sub b,c"]
    desk.no(2)
    assert isinstance(outcomes[0], RequestRejected)
    assert [ear.feed for ear in ears] == [None, None, None]
    assert [t.name for t in desk.machine.topics()] == ["a"]
    assert old.ends == []


def test_replay_sends_one_request_for_each_topic_even_where_grouped() -> None:
    """One bad topic cannot take the others of a replay with it."""
    desk = Desk(SerialCodec)
    desk.connect()
    desk.subscribe(topic("a"), topic("b"))
    assert desk.issue() == ["1 sub a,b"]
    desk.yes(1)
    desk.lose()
    assert desk.connect() == ["2 sub a"]
    assert desk.yes(2) == ["3 sub b"]


def test_an_explicit_unsubscribe_ends_what_it_names_only_on_success() -> None:
    """A refused one changes nothing; an accepted one ends the named listeners."""
    desk = Desk()
    desk.connect()
    (a, b), _ = desk.subscribe(topic("a"), topic("b"))
    desk.issue()
    desk.yes(1)
    desk.yes(2)
    outcomes: list[Any] = []
    request = Request("stop-a")
    desk.machine.cancel(request, lambda t: t.name == "a", Ticket(outcomes.append))
    assert desk.issue() == ["3 stop-a"]
    desk.no(3)
    assert isinstance(outcomes[0], RequestRejected)
    assert a.ends == []
    desk.machine.cancel(request, lambda t: t.name == "a", Ticket(outcomes.append))
    assert desk.issue() == ["4 stop-a"]
    assert desk.yes(4) == []
    assert outcomes[1] is None
    assert a.ends == [None]
    assert b.ends == []
    assert [t.name for t in desk.machine.topics()] == ["b"]


def test_a_subscribe_that_cancels_the_rest_goes_out_even_for_active_topics() -> None:
    """Its success ends every other topic; its own stay and are on the wire."""
    desk = Desk(SerialCodec)
    desk.connect()
    (a, b), _ = desk.subscribe(topic("a"), topic("b"))
    desk.issue()
    desk.yes(1)
    _, outcomes = desk.subscribe(topic("a"), cancels=lambda t: True)
    assert desk.issue() == ["2 sub a"]
    assert desk.yes(2) == []
    assert outcomes == [None]
    assert a.ends == []
    assert b.ends == [None]
    assert [t.name for t in desk.machine.topics()] == ["a"]


def test_a_refused_subscribe_that_would_cancel_the_rest_changes_nothing() -> None:
    """What was active stays active, what was asked for on top is gone."""
    desk = Desk(SerialCodec)
    desk.connect()
    (a, b), _ = desk.subscribe(topic("a"), topic("b"))
    desk.issue()
    desk.yes(1)
    _, outcomes = desk.subscribe(topic("a"), topic("c"), cancels=lambda t: True)
    desk.issue()
    desk.no(2)
    assert isinstance(outcomes[0], RequestRejected)
    assert (a.ends, b.ends) == ([], [])
    assert sorted(t.name for t in desk.machine.topics()) == ["a", "b"]
    (feed,) = desk.machine.routes["a"]
    assert feed.state is FeedState.ACTIVE


def test_one_listener_is_stopped_on_the_wire_only_where_it_is_the_last() -> None:
    """With company it is told that nothing needs to be sent."""
    desk = Desk()
    desk.connect()
    (first,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    (second,), _ = desk.subscribe(topic("a"))
    outcomes: list[Any] = []
    assert not desk.machine.cancel_one(first, Ticket(outcomes.append))
    desk.machine.remove(first)
    assert desk.machine.cancel_one(second, Ticket(outcomes.append))
    assert desk.issue() == ["2 unsub a"]
    desk.yes(2)
    assert outcomes == [None]
    assert second.ends == [None]


def test_a_queued_explicit_unsubscribe_is_not_sent_over_a_new_connection() -> None:
    """It ends as NotSent where the connection went before it did."""
    desk = Desk(SerialCodec)
    desk.connect()
    desk.subscribe(topic("a"))
    desk.issue()
    outcomes: list[Any] = []
    desk.machine.cancel(Request("stop"), lambda t: True, Ticket(outcomes.append))
    assert desk.issue() == []
    desk.lose()
    assert isinstance(outcomes[0], NotSent)
    assert outcomes[0].outcome_unknown is False


def test_an_unsubscribe_that_was_sent_and_lost_is_unknown_and_replayed() -> None:
    """Its caller learns that the outcome is unknown; the stream goes on after the replay."""
    desk = Desk()
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    outcomes: list[Any] = []
    desk.machine.cancel(Request("stop"), lambda t: True, Ticket(outcomes.append))
    desk.issue()
    desk.lose()
    assert outcomes[0].outcome_unknown is True
    assert desk.connect() == ["3 sub a"]
    assert ear.ends == []


def test_a_topic_that_cannot_be_written_is_refused_to_its_caller() -> None:
    """What the codec cannot write becomes the caller's InvalidRequest; nothing goes out."""
    desk = Desk()
    desk.connect()
    _, outcomes = desk.subscribe(topic("unwritable"))
    assert desk.issue() == []
    assert isinstance(outcomes[0], InvalidRequest)
    assert desk.machine.topics() == []


# ---- what is not answered ------------------------------------------------------------------------


def test_what_is_not_answered_in_time_is_overdue() -> None:
    """An operation is due after the patience that it was issued with."""
    desk = Desk()
    desk.connect()
    desk.subscribe(topic("a"))
    desk.issue()
    assert desk.machine.overdue(109.9) is None
    assert desk.machine.overdue(110.0) is not None
    desk.yes(1)
    assert desk.machine.overdue(200.0) is None


def test_a_silent_venue_may_leave_a_subscribe_unanswered() -> None:
    """Where a quiet stream answers nothing, only an unsubscribe can be overdue."""

    class Quiet(PlainCodec):
        silent = True

    desk = Desk(Quiet)
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    assert desk.machine.overdue(1_000.0) is None
    desk.yes(1)
    desk.machine.remove(ear)
    desk.issue()
    assert desk.machine.overdue(1_000.0) is not None


def test_the_end_of_all_lets_every_caller_and_listener_go() -> None:
    """Closing wakes who waits for an answer, who is queued, and who listens."""
    desk = Desk(SerialCodec)
    desk.connect()
    (ear,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    _, waiting = desk.subscribe(topic("b"))
    desk.issue()
    _, queued = desk.subscribe(topic("c"))
    desk.machine.end_all(lambda sent: ConnectionLost("over", outcome_unknown=sent))
    assert isinstance(waiting[0], ConnectionLost)
    assert isinstance(queued[0], ConnectionLost)
    assert (waiting[0].outcome_unknown, queued[0].outcome_unknown) == (True, False)
    assert len(ear.ends) == 1
    assert desk.machine.listeners() == []


def test_an_answer_to_nobody_is_not_ours() -> None:
    """An unknown id is left to whoever else may know it."""
    assert not Desk().machine.answered(Response(7, b""))


# ---- joining what is being cancelled -------------------------------------------------------------


def test_whoever_joins_while_a_topic_is_being_cancelled_gets_a_new_start() -> None:
    """Who was there when the venue was asked ends; who came since sees a gap and goes on."""
    desk = Desk()
    desk.connect()
    (first,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    desk.machine.cancel(Request("stop"), lambda t: t.name == "a", Ticket([].append))
    assert desk.issue() == ["2 stop"]
    (second,), outcomes = desk.subscribe(topic("a"))
    assert outcomes == [None]
    assert desk.yes(2) == ["3 sub a"]
    assert (first.ends, second.ends) == ([None], [])
    assert [gap.reason for gap in second.gaps] == [GapReason.RESUBSCRIBED]
    desk.yes(3)
    assert list(desk.machine.routes["a"]) == [second.feed]


def test_whoever_joins_while_a_subscribe_cancels_the_rest_gets_a_new_start() -> None:
    """The same where the unsubscribe is a part of somebody's subscribe."""
    desk = Desk(SerialCodec)
    desk.connect()
    (rest,), _ = desk.subscribe(topic("rest"))
    desk.issue()
    desk.yes(1)
    desk.subscribe(topic("a"), cancels=lambda t: True)
    assert desk.issue() == ["2 sub a"]
    (joined,), outcomes = desk.subscribe(topic("rest"))
    assert outcomes == [None]
    assert desk.yes(2) == ["3 sub rest"]
    assert (rest.ends, joined.ends) == ([None], [])


def test_what_is_cancelled_before_it_was_asked_for_is_not_ended() -> None:
    """A subscribe that waits for its turn behind the cancellation is not named by it."""
    desk = Desk(SerialCodec)
    desk.connect()
    desk.subscribe(topic("first"))
    assert desk.issue() == ["1 sub first"]
    desk.machine.cancel(Request("stop"), lambda t: True, Ticket([].append))
    (late,), outcomes = desk.subscribe(topic("late"))
    assert desk.yes(1) == ["2 stop"]
    assert desk.yes(2) == ["3 sub late"]
    assert late.ends == []
    desk.yes(3)
    assert outcomes == [None]


# ---- unsubscribes that somebody awaits -----------------------------------------------------------


def test_an_awaited_unsubscribe_ends_its_listener_alone() -> None:
    """Whoever joins on the way keeps a stream: it is started anew."""
    desk = Desk()
    desk.connect()
    (leaving,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    outcomes: list[Any] = []
    assert desk.machine.cancel_one(leaving, Ticket(outcomes.append))
    assert desk.issue() == ["2 unsub a"]
    (joined,), joins = desk.subscribe(topic("a"))
    assert joins == []
    assert desk.yes(2) == ["3 sub a"]
    assert outcomes == [None]
    desk.yes(3)
    assert joins == [None]
    assert (leaving.ends, joined.ends) == ([None], [])


def test_an_awaited_unsubscribe_that_is_refused_changes_nothing() -> None:
    """Its caller gets the refusal; who joined meanwhile has a stream."""
    desk = Desk()
    desk.connect()
    (leaving,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    outcomes: list[Any] = []
    desk.machine.cancel_one(leaving, Ticket(outcomes.append))
    desk.issue()
    (joined,), joins = desk.subscribe(topic("a"))
    assert desk.no(2) == []
    assert isinstance(outcomes[0], RequestRejected)
    assert joins == [None]
    assert leaving.feed is joined.feed is not None
    assert leaving.feed.state is FeedState.ACTIVE
    assert desk.reports == []


def test_the_refusal_of_an_unsubscribe_that_nobody_awaits_any_more_is_reported() -> None:
    """Unless it says that there was nothing to stop."""
    for error, reported in ((RequestRejected("cannot"), 1), (NotSubscribed("nothing"), 0)):
        desk = Desk()
        desk.connect()
        (leaving,), _ = desk.subscribe(topic("a"))
        desk.issue()
        desk.yes(1)
        ticket = Ticket([].append)
        desk.machine.cancel_one(leaving, ticket)
        desk.issue()
        desk.machine.abandon(ticket)
        desk.no(2, error)
        assert len(desk.reports) == reported


def test_an_awaited_unsubscribe_that_somebody_joined_before_it_went_out_is_not_sent() -> None:
    """The listener ends, its caller is told, the stream stays."""
    desk = Desk(SerialCodec)
    desk.connect()
    (leaving,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    desk.subscribe(topic("b"))
    desk.issue()
    outcomes: list[Any] = []
    desk.machine.cancel_one(leaving, Ticket(outcomes.append))
    assert not desk.machine.cancel_one(leaving, Ticket(outcomes.append))
    (joined,), joins = desk.subscribe(topic("a"))
    assert desk.yes(2) == []
    assert (outcomes, joins, leaving.ends, joined.ends) == ([None], [None], [None], [])


def test_an_awaited_unsubscribe_that_was_given_up_before_it_went_out_is_not_sent() -> None:
    """Nothing ends."""
    desk = Desk(SerialCodec)
    desk.connect()
    (leaving,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    desk.subscribe(topic("b"))
    desk.issue()
    outcomes: list[Any] = []
    ticket = Ticket(outcomes.append)
    desk.machine.cancel_one(leaving, ticket)
    desk.machine.abandon(ticket)
    assert desk.yes(2) == []
    assert (outcomes, leaving.ends) == ([], [])


def test_an_awaited_unsubscribe_of_what_cannot_be_stopped_ends_the_listener() -> None:
    """There is nothing to ask the venue for."""

    class Endless(PlainCodec):
        stoppable = False

    desk = Desk(Endless)
    desk.connect()
    (leaving,), _ = desk.subscribe(topic("q"))
    desk.issue()
    desk.yes(1)
    outcomes: list[Any] = []
    desk.machine.cancel_one(leaving, Ticket(outcomes.append))
    assert desk.issue() == []
    assert (outcomes, leaving.ends) == ([None], [None])


def test_whoever_waits_behind_an_unsubscribe_has_asked_nothing_when_the_connection_goes() -> None:
    """Its subscribe was never sent: it goes out on the next connection, and its caller waits on."""
    desk = Desk()
    desk.connect()
    (gone,), _ = desk.subscribe(topic("a"))
    desk.issue()
    desk.yes(1)
    desk.machine.remove(gone)
    assert desk.issue() == ["2 unsub a"]
    (ear,), outcomes = desk.subscribe(topic("a"))
    assert not desk.ticket.sent
    desk.lose()
    assert outcomes == []
    assert desk.connect() == ["3 sub a"]
    assert desk.ticket.sent
    desk.yes(3)
    assert outcomes == [None]
    assert ear.gaps == []


# ---- tickets, windows, and ends that the venue tells ---------------------------------------------


def test_a_ticket_knows_whether_what_it_waits_for_may_have_left() -> None:
    """Its own frame, or that of somebody who asked for the same before."""
    desk = Desk(SerialCodec)
    desk.connect()
    desk.subscribe(topic("a"))
    first = desk.ticket
    desk.subscribe(topic("b"))
    second = desk.ticket
    desk.issue()
    desk.subscribe(topic("a"))
    assert (first.sent, second.sent, desk.ticket.sent) == (True, False, True)
    desk.yes(1)
    assert second.sent


def test_an_operation_is_not_overdue_while_its_caller_still_waits() -> None:
    """Who gives the venue a minute gets it, whatever the client's own timeout is."""
    desk = Desk()
    desk.connect()
    ear = Ear()
    desk.machine.subscribe([(topic("a"), ear)], Ticket([].append, patience=60.0), {})
    desk.issue()
    assert desk.machine.overdue(desk.now + 59.9) is None
    assert desk.machine.overdue(desk.now + 60.0) is not None


def test_no_more_than_a_window_of_operations_is_unanswered() -> None:
    """A venue is not flooded with thousands of subscribes at once."""
    desk = Desk()
    desk.connect()
    desk.subscribe(*(topic(str(number)) for number in range(150)))
    assert len(desk.issue()) == 100
    assert len(desk.yes(1)) == 1


def test_subscribes_that_a_silent_venue_never_answers_do_not_stop_the_next_one() -> None:
    """However many quiet streams there are."""

    class Quiet(PlainCodec):
        silent = True

    desk = Desk(Quiet)
    desk.connect()
    desk.subscribe(*(topic(str(number)) for number in range(150)))
    assert len(desk.issue()) == 150


def test_a_restart_that_cannot_be_made_leaves_nothing_behind() -> None:
    """Where a stream cannot be stopped, one that overflows again and again costs no memory."""

    class Endless(PlainCodec):
        stoppable = False

    desk = Desk(Endless)
    desk.connect()
    (ear,), _ = desk.subscribe(topic("q", private=True))
    desk.issue()
    desk.yes(1)
    for _ in range(3):
        desk.machine.restart(ear)
        assert desk.issue() == []
    assert ear.feed is not None
    assert (ear.feed.informed, ear.feed.restart) == ([], False)


def test_a_stream_that_the_venue_ends_is_told_and_can_be_asked_for_again() -> None:
    """Its listeners get the reason; the next subscribe goes out instead of joining a dead one."""
    desk = Desk()
    desk.connect()
    (ear,), _ = desk.subscribe(topic("q"))
    desk.issue()
    desk.yes(1)
    desk.machine.ended("q", RequestRejected("the asset was disabled"))
    assert [str(error) for error in ear.ends] == ["the asset was disabled"]
    assert "q" not in desk.machine.routes
    assert desk.machine.topics() == []
    _, outcomes = desk.subscribe(topic("q"))
    assert desk.issue() == ["2 sub q"]
    desk.yes(2)
    assert outcomes == [None]
    desk.machine.ended("unknown", RequestRejected("nobody listens"))


def test_a_stream_is_not_ended_while_its_subscribe_is_unanswered() -> None:
    """What the venue says to the subscribe itself is the answer to that."""
    desk = Desk()
    desk.connect()
    (ear,), outcomes = desk.subscribe(topic("q"))
    desk.issue()
    desk.machine.ended("q", RequestRejected("an older stream"))
    assert ear.ends == []
    desk.yes(1)
    assert outcomes == [None]


def test_a_restart_after_an_overflow_asks_for_the_full_state() -> None:
    """The codec is told so, for this start and no other."""
    asked: list[Mapping[str, Any]] = []

    class Noting(PlainCodec):
        def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
            asked.append(options)
            return super().subscribe(topics, {})

    desk = Desk(Noting)
    desk.connect()
    (slow,), _ = desk.subscribe(topic("p", private=True))
    desk.issue()
    desk.yes(1)
    desk.machine.restart(slow)
    assert desk.issue() == ["2 unsub p"]
    assert desk.yes(2) == ["3 sub p"]
    desk.yes(3)
    desk.lose()
    desk.connect()
    assert asked == [{}, {"resync": True}, {}]


# ---- every interleaving, against a model of the venue --------------------------------------------


class ModelVenue:
    """What a correct venue would have on the wire after the frames that it was sent."""

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.unanswered: list[tuple[int, str, str]] = []

    def take(self, frames: list[str]) -> None:
        for frame in frames:
            id, method, name = frame.split()
            self.unanswered.append((int(id), method, name))

    def answer(self, index: int, refuse: bool) -> Response | Rejection | None:
        if not self.unanswered:
            return None
        id, method, name = self.unanswered.pop(index % len(self.unanswered))
        if method == "sub" and name in self.active:
            raise AssertionError(f"{name} was subscribed to twice")
        if method == "unsub" and name not in self.active:
            raise AssertionError(f"{name} was unsubscribed without being subscribed")
        if refuse and method == "sub":
            return Rejection(id, RequestRejected("no"))
        (self.active.add if method == "sub" else self.active.discard)(name)
        return Response(id, b"")

    def cut(self) -> None:
        self.active.clear()
        self.unanswered.clear()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("subscribe"), st.sampled_from("abc")),
        st.tuples(st.just("close"), st.integers(0, 20)),
        st.tuples(st.just("abandon"), st.just(0)),
        st.tuples(st.just("answer"), st.integers(0, 20)),
        st.tuples(st.just("refuse"), st.integers(0, 20)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 20)),
    ),
    max_size=60,
)


@pytest.mark.parametrize("codec", [PlainCodec, SerialCodec])
@given(steps=STEPS)
def test_every_interleaving_ends_with_the_wire_as_it_is_wanted(
    codec: type[PlainCodec], steps: list[tuple[str, Any]]
) -> None:
    """After any walk, once all is answered, the venue streams exactly what is listened to.

    Every caller has been told exactly once, or went away; no topic is ever subscribed to twice,
    or unsubscribed without need.
    """
    desk, venue = Desk(codec), ModelVenue()
    venue.take(desk.connect())
    callers: list[tuple[Ear, list[Any], Ticket]] = []

    def settle(index: int, refuse: bool) -> None:
        answer = venue.answer(index, refuse)
        if answer is not None:
            assert desk.machine.answered(answer)
            venue.take(desk.issue())

    for step, argument in steps:
        if step == "subscribe":
            (ear,), outcomes = desk.subscribe(topic(argument))
            callers.append((ear, outcomes, desk.ticket))
            venue.take(desk.issue())
        elif step == "close" and callers:
            desk.machine.remove(callers[argument % len(callers)][0])
            venue.take(desk.issue())
        elif step == "abandon" and callers:
            desk.machine.abandon(callers[-1][2])
            venue.take(desk.issue())
        elif step == "restart" and callers:
            desk.machine.restart(callers[argument % len(callers)][0])
            venue.take(desk.issue())
        elif step == "cut":
            venue.cut()
            desk.lose()
            venue.take(desk.connect())
        elif step in ("answer", "refuse"):
            settle(argument, step == "refuse")
    while venue.unanswered:
        settle(0, False)

    wanted = {ear.feed.topic.name for ear, _, _ in callers if ear.feed is not None}
    assert venue.active == wanted
    for _, outcomes, ticket in callers:
        assert ticket.settled
        assert len(outcomes) <= 1


class OrderlyVenue(ModelVenue):
    """A venue that carries out what it is asked in the order in which it was asked."""

    def answer(self, index: int, refuse: bool) -> Response | Rejection | None:
        if not self.unanswered:
            return None
        id, method, name = self.unanswered.pop(0)
        if method == "sub":
            assert name not in self.active, f"{name} was subscribed to twice"
        elif name not in self.active:
            return Rejection(id, NotSubscribed("not subscribed"))
        if refuse:
            return Rejection(id, RequestRejected("no"))
        (self.active.add if method == "sub" else self.active.discard)(name)
        return Response(id, b"")


EXPLICIT_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("subscribe"), st.sampled_from("ab")),
        st.tuples(st.just("close"), st.integers(0, 20)),
        st.tuples(st.just("leave"), st.integers(0, 20)),
        st.tuples(st.just("cancel"), st.sampled_from("ab")),
        st.tuples(st.just("abandon"), st.integers(0, 20)),
        st.tuples(st.just("answer"), st.just(0)),
        st.tuples(st.just("refuse"), st.just(0)),
        st.tuples(st.just("cut"), st.just(0)),
        st.tuples(st.just("restart"), st.integers(0, 20)),
    ),
    max_size=60,
)


@pytest.mark.parametrize("joining", [Joining.SHARE, Joining.RESTART])
@pytest.mark.parametrize("codec", [PlainCodec, SerialCodec])
@given(steps=EXPLICIT_STEPS)
def test_nobody_is_left_with_a_dead_stream_whoever_stops_what(
    codec: type[PlainCodec], joining: Joining, steps: list[tuple[str, Any]]
) -> None:
    """Explicit unsubscribes, awaited ones, restarts and cuts, in any order.

    Once all is answered, whoever was not told of an end has a stream that flows, every caller
    was told exactly once or went away, and nothing flows that nobody listens to.
    """
    desk, venue = Desk(codec), OrderlyVenue()
    venue.take(desk.connect())
    ears: list[Ear] = []
    callers: list[tuple[list[Any], Ticket]] = []
    refused_stops = 0

    def settle(refuse: bool) -> None:
        nonlocal refused_stops
        method = venue.unanswered[0][1] if venue.unanswered else ""
        answer = venue.answer(0, refuse)
        if answer is not None:
            if method == "unsub" and isinstance(answer, Rejection):
                refused_stops += not isinstance(answer.error, NotSubscribed)
            assert desk.machine.answered(answer)
            venue.take(desk.issue())

    def ask(begin: Any) -> None:
        outcomes: list[Any] = []
        ticket = Ticket(outcomes.append)
        if begin(ticket) is not False:
            callers.append((outcomes, ticket))

    for step, argument in steps:
        if step == "subscribe":
            (ear,), outcomes = desk.subscribe(topic(argument, joining=joining))
            ears.append(ear)
            callers.append((outcomes, desk.ticket))
        elif step == "cancel":
            named = Request("stop", topics=(topic(argument),))
            ask(lambda ticket, n=argument, r=named: desk.machine.cancel(
                r, lambda other: other.name == n, ticket
            ))
        elif step == "leave" and ears:
            leaving = ears[argument % len(ears)]
            ask(lambda ticket, one=leaving: desk.machine.cancel_one(one, ticket))
        elif step == "close" and ears:
            desk.machine.remove(ears[argument % len(ears)])
        elif step == "abandon" and callers:
            ticket = callers[argument % len(callers)][1]
            if not ticket.settled:
                desk.machine.abandon(ticket)
        elif step == "restart" and ears:
            desk.machine.restart(ears[argument % len(ears)])
        elif step == "cut":
            venue.cut()
            desk.lose()
            venue.take(desk.connect())
        elif step in ("answer", "refuse") and not (
            # A venue that refuses to stop a stream goes on with it: that is told elsewhere.
            step == "refuse" and venue.unanswered and venue.unanswered[0][1] == "unsub"
        ):
            settle(step == "refuse")
        venue.take(desk.issue())
    while venue.unanswered:
        settle(False)

    assert refused_stops == 0
    wanted = {ear.feed.topic.name for ear in ears if ear.feed is not None}
    assert venue.active == wanted
    assert all(ear.feed.state is FeedState.ACTIVE for ear in ears if ear.feed is not None)
    assert set(desk.machine.routes) == wanted
    for outcomes, ticket in callers:
        assert ticket.settled
        assert len(outcomes) <= 1
