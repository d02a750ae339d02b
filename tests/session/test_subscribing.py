"""Subscribing over a real connection: whoever asks, whenever it is answered, one known end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import (
    ClientClosed,
    ConnectionLost,
    InvalidRequest,
    NotSent,
    ReentrantCall,
    RequestRejected,
    RequestTimeout,
)
from venuesdk.models import Gap, GapReason, State
from venuesdk.protocol.codec import Joining, Request, Response, Topic
from venuesdk.protocol.conversation import Ids
from venuesdk.protocol.feeds import Ticket
from venuesdk.protocol.subscriptions import Subscriptions
from venuesdk.session.delivery import Delivery
from venuesdk.session.subscription import Subscription
from venuesdk.timing import Backoff, Deadline, monotonic

PATIENCE = 5.0

Open = Callable[..., Any]


class Desktop:
    """A main loop on a thread of its own, as a user interface has one."""

    def __init__(self) -> None:
        self.functions: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.thread = threading.Thread(target=self._run, name="desktop")
        self.thread.start()

    def _run(self) -> None:
        while (function := self.functions.get(timeout=4 * PATIENCE)) is not None:
            function()

    def close(self) -> None:
        self.functions.put(None)
        self.thread.join(PATIENCE)


@pytest.fixture(params=["thread", "pump", "post"])
def busy_desk(request: Any, open_desk: Open) -> Any:
    """A session in each delivery whose callbacks may block, with somebody who runs them."""
    if request.param == "thread":
        yield open_desk().connect()
        return
    if request.param == "post":
        desktop = Desktop()
        desk = open_desk(delivery=desktop.functions.put).connect()
        yield desk
        desk.close()
        desktop.close()
        return
    desk = open_desk(delivery="pump").connect()

    def pump() -> None:
        while desk.session.standing.state is not State.CLOSED:
            desk.delivery.pump(PATIENCE, None)
        desk.delivery.pump(0, None)

    pumping = threading.Thread(target=pump)
    pumping.start()
    yield desk
    desk.close()
    pumping.join(PATIENCE)
    assert not pumping.is_alive()


def test_a_callback_may_make_a_request(busy_desk: Any) -> None:
    """On the same client, and wait for its answer."""
    answers: SimpleQueue[Any] = SimpleQueue()
    busy_desk.subscribe("a", lambda value: answers.put(busy_desk.ask("echo", value=value)))
    busy_desk.venue.push("a", 1, 2)
    assert [answers.get(timeout=PATIENCE) for _ in range(2)] == [1, 2]


def test_a_callback_may_subscribe(busy_desk: Any) -> None:
    """And gets events of the new stream when it has returned."""
    seen: SimpleQueue[Any] = SimpleQueue()

    def callback(value: Any) -> None:
        busy_desk.subscribe("b", seen.put)
        busy_desk.venue.push("b", "from b")

    busy_desk.subscribe("a", callback)
    busy_desk.venue.push("a", 1)
    assert seen.get(timeout=PATIENCE) == "from b"


def test_a_callback_may_close_its_own_subscription(busy_desk: Any) -> None:
    """It is not called again; the venue is told."""
    seen: SimpleQueue[Any] = SimpleQueue()
    streams: list[Any] = []

    def callback(value: Any) -> None:
        streams[0].close()
        seen.put(value)

    streams.append(busy_desk.subscribe("a", callback))
    busy_desk.venue.push("a", 1, 2, 3)
    busy_desk.venue.request("unsub")
    busy_desk.ask("echo")
    assert seen.get(timeout=PATIENCE) == 1
    assert seen.empty()


def test_a_callback_may_unsubscribe_and_wait_for_the_venues_word(busy_desk: Any) -> None:
    """Of its own stream, too."""
    done: SimpleQueue[Any] = SimpleQueue()
    streams: list[Any] = []

    def callback(value: Any) -> None:
        busy_desk.session.subscribing.unsubscribe_one(streams[0], Deadline(PATIENCE))
        done.put(streams[0].closed)

    streams.append(busy_desk.subscribe("a", callback))
    busy_desk.venue.push("a", 1, 2)
    assert done.get(timeout=PATIENCE) is True
    assert busy_desk.venue.request("unsub")["topic"] == "a"
    busy_desk.ask("echo")
    assert done.empty()


def test_a_callback_may_close_the_client(busy_desk: Any) -> None:
    """It returns within two seconds, and nothing is called afterwards."""
    seconds: SimpleQueue[float] = SimpleQueue()

    def callback(value: Any) -> None:
        started = monotonic()
        busy_desk.close()
        seconds.put(monotonic() - started)

    busy_desk.subscribe("a", callback)
    busy_desk.venue.push("a", 1, 2, 3)
    assert seconds.get(timeout=PATIENCE) < 2.0
    assert busy_desk.session.standing.await_close(Deadline(PATIENCE))
    busy_desk.close()
    assert seconds.empty()


def test_on_gap_comes_before_the_next_event_in_every_delivery(busy_desk: Any) -> None:
    """After a reconnection, with the epoch of the connection that the event comes from."""
    order: SimpleQueue[Any] = SimpleQueue()
    busy_desk.subscribe("a", order.put, on_gap=order.put)
    busy_desk.venue.request("sub")
    busy_desk.venue.push("a", 1)
    busy_desk.ask("echo")
    busy_desk.venue.cut()
    busy_desk.state("reconnecting")
    busy_desk.state("connected")
    busy_desk.venue.request("sub")
    busy_desk.ask("echo", read=True)
    busy_desk.venue.push("a", 2)
    assert [order.get(timeout=PATIENCE) for _ in range(3)] == [
        1,
        Gap(GapReason.RECONNECTED, None, 2),
        2,
    ]


def test_inline_callbacks_may_not_block_but_may_close(open_desk: Open) -> None:
    """Every blocking call raises at once; events go on; closing streams and client never waits."""
    desk = open_desk(delivery="inline").connect()
    outcomes: SimpleQueue[Any] = SimpleQueue()
    order: list[Any] = []
    gaps: list[Any] = []
    other = desk.subscribe("b")
    streams: list[Any] = []

    def callback(value: Any) -> None:
        order.append((value, threading.current_thread().name))
        try:
            other.get(60)
        except ReentrantCall as error:
            outcomes.put(error)
        if value == 2:
            started = monotonic()
            streams[0].close()
            desk.close()
            outcomes.put(monotonic() - started)

    streams.append(desk.subscribe("a", callback, on_gap=gaps.append))
    desk.venue.push("a", 1, "undecodable", 2, 3)
    assert isinstance(outcomes.get(timeout=PATIENCE), ReentrantCall)
    assert isinstance(outcomes.get(timeout=PATIENCE), ReentrantCall)
    assert outcomes.get(timeout=PATIENCE) < 0.5
    assert order == [(1, "venuesdk-toy-reader"), (2, "venuesdk-toy-reader")]
    assert [gap.reason for gap in gaps] == [GapReason.UNDECODABLE]


def test_an_inline_callback_that_exits_does_not_end_the_reader(open_desk: Open) -> None:
    """It is reported, and the next event comes."""
    desk = open_desk(delivery="inline").connect()
    seen: SimpleQueue[Any] = SimpleQueue()

    def callback(value: Any) -> None:
        seen.put(value)
        raise SystemExit

    desk.subscribe("a", callback)
    desk.venue.push("a", 1, 2)
    assert [seen.get(timeout=PATIENCE) for _ in range(2)] == [1, 2]
    assert isinstance(desk.error(), SystemExit)


def test_a_callback_may_be_called_before_subscribe_returns(desk: Any) -> None:
    """The events are not kept back for it."""
    called = threading.Event()

    def answer_late(link: Any, message: Any) -> None:
        desk.venue.send(link, {"route": "a", "data": 1})
        assert called.wait(PATIENCE)
        desk.venue.answer(link, message, None)

    desk.venue.does["sub"] = answer_late
    desk.subscribe("a", lambda value: called.set())
    assert called.is_set()


def test_a_refused_subscribe_says_what_was_asked_and_leaves_nothing(desk: Any) -> None:
    """No listener, no replay."""
    desk.venue.does["sub"] = desk.venue.does["refuse"]
    with pytest.raises(RequestRejected) as caught:
        desk.subscribe("a")
    assert caught.value.request == ("a",)
    assert caught.value.venue == "toy"
    assert desk.session.topics() == []


def test_a_subscribe_that_times_out_and_is_acknowledged_late_is_stopped_again(desk: Any) -> None:
    """On the wire, by itself."""
    late: SimpleQueue[Any] = SimpleQueue()
    desk.venue.does["sub"] = lambda link, message: late.put((link, message))
    with pytest.raises(RequestTimeout) as caught:
        desk.subscribe("a", timeout=0.05)
    assert caught.value.outcome_unknown is True
    assert caught.value.venue == "toy"
    desk.venue.answer(*late.get(timeout=PATIENCE), None)
    assert desk.venue.request("unsub")["topic"] == "a"
    assert desk.session.topics() == []


def test_a_subscribe_that_never_left_is_not_unknown(open_desk: Open, toy_codec: Any) -> None:
    """Where the venue takes one at a time, the second is told that it was not sent."""
    serial = type("SerialCodec", (toy_codec,), {"serial": True})
    desk = open_desk(codec=serial).connect()
    first_is_there = threading.Event()
    held: SimpleQueue[Any] = SimpleQueue()

    def hold(link: Any, message: Any) -> None:
        held.put((link, message))
        first_is_there.set()

    desk.venue.does["sub"] = hold
    first = threading.Thread(target=desk.subscribe, args=("a",))
    first.start()
    assert first_is_there.wait(PATIENCE)
    with pytest.raises(NotSent) as caught:
        desk.subscribe("b", timeout=0.05)
    assert caught.value.outcome_unknown is False
    desk.venue.answer(*held.get(timeout=PATIENCE), None)
    first.join(PATIENCE)
    assert desk.venue.request("sub")["topic"] == "a"
    desk.ask("echo")
    assert desk.venue.requests.get(timeout=PATIENCE)["do"] == "echo"


@pytest.mark.parametrize("sent", [True, False])
def test_a_close_tells_each_waiting_subscriber_whether_it_was_sent(
    open_desk: Open, toy_codec: Any, sent: bool
) -> None:
    """Unknown where the venue was asked, certain where it was not."""
    serial = type("SerialCodec", (toy_codec,), {"serial": True})
    desk = open_desk(codec=serial).connect()
    desk.venue.does["sub"] = desk.venue.does["mute"]
    outcomes: SimpleQueue[Any] = SimpleQueue()

    def subscribe(name: str) -> None:
        try:
            desk.subscribe(name)
        except ClientClosed as error:
            outcomes.put((name, error.outcome_unknown))

    threads = [threading.Thread(target=subscribe, args=("a",))]
    threads[0].start()
    desk.venue.request("sub")
    if not sent:
        threads.append(threading.Thread(target=subscribe, args=("b",)))
        threads[1].start()
        while len(desk.session.topics()) < 2:
            threading.Event().wait(0.001)
    desk.close()
    for thread in threads:
        thread.join(PATIENCE)
    found = dict(outcomes.get_nowait() for _ in threads)
    assert found == ({"a": True} if sent else {"a": True, "b": False})


def test_a_subscribe_while_disconnected_waits_for_the_connection(open_desk: Open) -> None:
    """Within its deadline, and without a gap; past it nothing was sent."""
    desk = open_desk(backoff=Backoff(initial=0.1, maximum=0.1)).connect()
    desk.venue.cut()
    desk.state("reconnecting")
    gaps: list[Any] = []
    stream = desk.subscribe("a", on_gap=gaps.append)
    desk.venue.push("a", 1)
    assert stream.get(PATIENCE) == 1
    assert gaps == []
    never = open_desk(backoff=Backoff(initial=60, maximum=60)).connect()
    never.venue.close()
    never.state("reconnecting")
    with pytest.raises(NotSent) as caught:
        never.subscribe("a", timeout=0.05)
    assert caught.value.outcome_unknown is False
    assert never.session.topics() == []


def test_a_subscribe_that_is_cut_off_is_lost_and_not_replayed(desk: Any) -> None:
    """Its caller got an exception, so nobody listens."""
    desk.venue.does["sub"] = lambda link, message: link.socket.shutdown(2)
    with pytest.raises(ConnectionLost) as caught:
        desk.subscribe("a", timeout=60)
    assert caught.value.outcome_unknown is True
    desk.state("reconnecting")
    desk.state("connected")
    assert desk.session.topics() == []


def test_ctrl_c_behind_the_venues_yes_takes_the_subscription_back(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody holds it, so nobody could ever close it."""

    def interrupted(self: Any, deadline: Deadline) -> Any:
        self._queue.get(timeout=PATIENCE)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("venuesdk.session.slots.Slot.wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.subscribe("a")
    assert desk.session.topics() == []
    assert desk.venue.request("unsub")["topic"] == "a"


def test_ctrl_c_while_waiting_for_the_venue_takes_the_subscription_back(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the answer comes, it is stopped."""
    late: SimpleQueue[Any] = SimpleQueue()
    desk.venue.does["sub"] = lambda link, message: late.put((link, message))

    def interrupted(self: Any, deadline: Deadline) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("venuesdk.session.slots.Slot.wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            desk.subscribe("a")
    desk.venue.answer(*late.get(timeout=PATIENCE), None)
    assert desk.venue.request("unsub")["topic"] == "a"


def test_an_answer_that_comes_as_the_time_runs_out_counts(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yes is a subscription, a no is that refusal; neither is a timeout."""
    from venuesdk.session import slots

    def too_late(self: Any, deadline: Deadline) -> Any:
        outcome = self._queue.get(timeout=PATIENCE)
        self._queue.put(outcome)
        raise slots.Empty

    monkeypatch.setattr(slots.Slot, "wait", too_late)
    assert not desk.subscribe("a").closed
    desk.venue.does["sub"] = desk.venue.does["refuse"]
    with pytest.raises(RequestRejected) as caught:
        desk.subscribe("b")
    assert caught.value.venue == "toy"


def test_a_topic_that_cannot_be_written_is_refused_before_anything_is_sent(
    open_desk: Open, toy_codec: Any
) -> None:
    """Whatever the codec stumbles over."""

    def stumble(self: Any, topics: Any, options: Any) -> Request:
        raise KeyError("no such option")

    desk = open_desk(codec=type("Stumbling", (toy_codec,), {"subscribe": stumble})).connect()
    with pytest.raises(InvalidRequest):
        desk.subscribe("a")
    assert desk.session.topics() == []
    assert desk.ask("echo", value=1) == 1


def test_a_refused_replay_is_reported_on_that_subscription_alone(desk: Any) -> None:
    """Its iterator raises the refusal, `on_error` hears of it, the other stream goes on."""
    good, bad = desk.subscribe("good"), desk.subscribe("bad")
    answer = desk.venue.does["sub"]

    def refuse_bad(link: Any, message: Any) -> None:
        (desk.venue.does["refuse"] if message["topic"] == "bad" else answer)(link, message)

    desk.venue.does["sub"] = refuse_bad
    desk.venue.cut()
    with pytest.raises(RequestRejected, match="no"):
        list(bad)
    assert isinstance(desk.error(), RequestRejected)
    desk.ask("echo", read=True)
    desk.venue.push("good", 1)
    assert good.get(PATIENCE) == 1
    assert bad.closed
    assert [topic.name for topic in desk.session.topics()] == ["good"]


def test_two_subscriptions_to_one_topic_share_one_on_the_wire(desk: Any) -> None:
    """It ends with the last of them."""
    first, second = desk.subscribe("a"), desk.subscribe("a")
    desk.venue.push("a", 1)
    assert first.get(PATIENCE) == second.get(PATIENCE) == 1
    first.close()
    desk.venue.push("a", 2)
    assert second.get(PATIENCE) == 2
    second.close()
    desk.venue.request("unsub")
    desk.ask("echo")
    asked = []
    while not desk.venue.requests.empty():
        asked.append(desk.venue.requests.get()["do"])
    assert "unsub" not in asked


def test_a_late_joiner_of_a_stateful_topic_gets_the_full_state_first(desk: Any) -> None:
    """The stream is started anew, which the first one sees as a gap."""

    def full_state(link: Any, message: Any) -> None:
        desk.venue.answer(link, message, None, route="d", first="full")

    desk.venue.does["sub"] = full_state
    gaps: list[Any] = []
    first = desk.subscribe("d", joining=Joining.RESTART, on_gap=gaps.append)
    assert first.get(PATIENCE) == "full"
    second = desk.subscribe("d", joining=Joining.RESTART)
    assert second.get(PATIENCE) == "full"
    assert first.get(PATIENCE) == "full"
    assert gaps == [Gap(GapReason.RESUBSCRIBED, None, 1)]


def test_an_overflowing_private_topic_is_one_gap_and_a_new_start_and_costs_no_connection(
    open_desk: Open,
) -> None:
    """The count is exact; once the queue has drained the venue is asked for its state again."""
    desk = open_desk(delivery="pump").connect()
    desk.venue.does["sub"] = lambda link, message: desk.venue.answer(
        link, message, None, route="orders", first="state"
    )
    order: list[Any] = []
    desk.subscribe("orders", order.append, on_gap=order.append, private=True, max_queue=3)
    while desk.delivery.pump(0, None):
        continue
    desk.venue.push("orders", *range(10))
    desk.ask("echo")
    desk.delivery.pump(0, None)
    assert order == ["state", 0, 1, 2, Gap(GapReason.OVERFLOW, 7, 1)]
    assert desk.venue.request("unsub")["topic"] == "orders"
    while order[-1] != "state":
        assert desk.delivery.pump(PATIENCE, None)
    assert [topic.private for topic in desk.session.topics()] == [True]
    assert desk.venue.accepted == 1
    assert desk.session.overview.stats().dropped == 7


def test_a_conflated_stream_delivers_the_newest_of_each_key(open_desk: Open) -> None:
    """However much came meanwhile, with many rows in one event."""
    desk = open_desk(delivery="pump").connect()
    seen: list[Any] = []
    desk.subscribe(
        "a", seen.append, conflate=True, split=lambda row: [(key, (key, row[key])) for key in row]
    )
    while desk.delivery.pump(0, None):
        continue
    for number in range(100):
        desk.venue.push("a", {"x": number, "y": -number})
    desk.ask("echo")
    assert desk.delivery.pump(0, None) == 2
    assert seen == [("x", 99), ("y", -99)]


def test_an_unsubscribe_is_waited_for_and_a_refused_one_changes_nothing(desk: Any) -> None:
    """Of one subscription that is the last of its topic."""
    stream = desk.subscribe("a")
    answer = desk.venue.does["unsub"]
    desk.venue.does["unsub"] = desk.venue.does["refuse"]
    with pytest.raises(RequestRejected):
        desk.session.subscribing.unsubscribe_one(stream, Deadline(PATIENCE))
    desk.venue.push("a", 1)
    assert stream.get(PATIENCE) == 1
    desk.venue.does["unsub"] = answer
    desk.session.subscribing.unsubscribe_one(stream, Deadline(PATIENCE))
    assert stream.closed
    assert desk.session.topics() == []


def test_whoever_subscribes_while_an_unsubscribe_is_under_way_gets_a_stream(desk: Any) -> None:
    """The old one ends, the new one is started on the wire, and nobody's stream dies silently."""
    stream = desk.subscribe("a")
    desk.venue.request("sub")
    held: SimpleQueue[Any] = SimpleQueue()
    desk.venue.does["unsub"] = lambda link, message: held.put((link, message))
    leaving = threading.Thread(
        target=desk.session.subscribing.unsubscribe_one, args=(stream, Deadline(PATIENCE))
    )
    leaving.start()
    question = held.get(timeout=PATIENCE)
    joined: SimpleQueue[Any] = SimpleQueue()
    joining = threading.Thread(target=lambda: joined.put(desk.subscribe("a")))
    joining.start()
    desk.ask("echo")
    while len(desk.session._subscriptions.listeners()) < 2:
        threading.Event().wait(0.001)
    desk.venue.answer(*question, None)
    leaving.join(PATIENCE)
    assert stream.closed
    other = joined.get(timeout=PATIENCE)
    joining.join(PATIENCE)
    desk.venue.request("sub")
    desk.venue.push("a", 1)
    assert other.get(PATIENCE) == 1


def test_an_explicit_unsubscribe_needs_a_connection_and_says_what_was_asked(
    open_desk: Open,
) -> None:
    """It is never kept for the next connection."""
    desk = open_desk().connect()
    stream = desk.subscribe("a")
    request = Request("unsub", {"topic": "a"})
    answer = desk.venue.does["unsub"]
    desk.venue.does["unsub"] = desk.venue.does["refuse"]

    def names_it(topic: Topic) -> bool:
        return topic.name == "a"

    subscribing = desk.session.subscribing
    with pytest.raises(RequestRejected) as caught:
        subscribing.unsubscribe(request, names_it, Deadline(PATIENCE))
    assert caught.value.request is request
    assert not stream.closed
    desk.venue.does["unsub"] = answer
    subscribing.unsubscribe(request, names_it, Deadline(PATIENCE))
    assert list(stream) == []
    desk.venue.close()
    desk.state("reconnecting")
    with pytest.raises(NotSent):
        subscribing.unsubscribe(request, names_it, Deadline(PATIENCE))


def test_closing_a_subscription_in_a_forked_child_waits_for_no_lock(desk: Any) -> None:
    """Nor does what its release would do."""
    stream = desk.subscribe("a")
    desk.session.standing.forked = True
    done = threading.Event()

    def child() -> None:
        assert stream.release is not None
        stream.release(stream)
        done.set()

    with desk.session.standing.lock:
        thread = threading.Thread(target=child)
        thread.start()
        assert done.wait(PATIENCE)
    thread.join()
    desk.session.standing.forked = False


def _cpu_of_many_subscriptions(codec: Any, number: int) -> float:
    """Return the CPU seconds of subscribing, replaying and closing so many topics."""
    delivery = Delivery("toy")
    machine = Subscriptions(Ids(), delivery.report)
    machine.connected(codec, 1)
    streams: list[Subscription[Any]] = []
    started = time.thread_time()
    for key in range(number):
        # One channel for all: where events do not say which subscription they answer.
        topic = Topic(key, f"t{key}", None, "channel")
        stream: Subscription[Any] = Subscription(topic, delivery)
        machine.subscribe([(topic, stream)], Ticket(lambda outcome: None), {})
        streams.append(stream)

    def answer_all(first: int) -> int:
        sent = len(machine.issue(0.0, 10.0))
        while sent:
            for id in range(first, first + sent):
                assert machine.answered(Response(id, b""))
            first += sent
            sent = len(machine.issue(0.0, 10.0))
        return first

    following = answer_all(1)
    machine.lost(lambda: ConnectionLost("cut"))
    machine.connected(codec, 2)
    following = answer_all(following)
    for stream in streams:
        machine.remove(stream)
    assert answer_all(following) == 3 * number + 1
    assert machine.topics() == []
    assert machine.routes == {}
    return time.thread_time() - started


@pytest.mark.long
def test_no_step_of_many_subscriptions_grows_with_the_square_of_their_number(
    toy_codec: Any,
) -> None:
    """Ten times as many cost about ten times as much, where a square would cost a hundred."""
    codec = toy_codec({}, "")
    few = min(_cpu_of_many_subscriptions(codec, 500) for _ in range(3))
    many = _cpu_of_many_subscriptions(codec, 5_000)
    assert many < 40 * few
