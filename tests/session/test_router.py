"""Where frames go: events before, behind and without their subscribe's answer, and garbage."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from venuesdk.errors import ConnectionLost, ProtocolError
from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Codec, Heartbeat, Request, Topic
from venuesdk.protocol.conversation import Ids
from venuesdk.protocol.feeds import Ticket
from venuesdk.protocol.subscriptions import Subscriptions
from venuesdk.session.delivery import Delivery
from venuesdk.session.router import Router
from venuesdk.session.slots import Slot, Slots
from venuesdk.session.standing import Standing
from venuesdk.session.stats import Counters
from venuesdk.session.subscription import Subscription
from venuesdk.timing import Deadline


class Table:
    """A router with all that it routes to, and nothing around it."""

    def __init__(self, codec: type[Codec]) -> None:
        self.delivery = Delivery("toy")
        self.errors: list[BaseException] = []
        self.delivery.error_handlers.append(self.errors.append)
        self.ids, self.slots, self.counters = Ids(), Slots(), Counters()
        self.subscriptions = Subscriptions(self.ids, self.delivery.report)
        self.router = Router(
            Standing("toy", self.delivery).lock,
            self.ids,
            self.slots,
            self.subscriptions,
            self.delivery,
            self.counters,
        )
        self.codec_class = codec
        self.connect()

    def connect(self) -> None:
        self.codec = self.codec_class({}, "")
        self.subscriptions.connected(self.codec, 1)

    def subscribe(self, name: str, **options: Any) -> Subscription[Any]:
        """Issue a subscribe that is not answered yet; its id is the number of subscribes."""
        callback = options.pop("callback", None)
        topic = Topic(name, name, None, options.pop("route", None), **options)
        subscription: Subscription[Any] = Subscription(
            topic, self.delivery, callback, on_gap=self.errors.append
        )
        self.subscriptions.subscribe([(topic, subscription)], Ticket(lambda outcome: None), {})
        self.subscriptions.issue(0.0, 10.0)
        return subscription

    def take(self, *frames: Any) -> list[str]:
        """Route one gulp of frames; what is not text already is written as JSON."""
        texts = (frame if isinstance(frame, str) else json.dumps(frame) for frame in frames)
        return self.router.take(self.codec, [text.encode() for text in texts])

    def tell(self) -> list[BaseException]:
        while self.delivery.run_some():
            continue
        return self.errors


def event(route: str, data: Any) -> dict[str, Any]:
    """Return an event as the toy venue writes it."""
    return {"route": route, "data": data}


def drain(subscription: Subscription[Any]) -> list[Any]:
    """Return what waits for who iterates."""
    values = []
    while True:
        try:
            values.append(subscription.get(0))
        except TimeoutError:
            return values


@pytest.fixture
def table(toy_codec: type[Codec]) -> Table:
    """A router on the toy protocol."""
    return Table(toy_codec)


def test_an_event_right_behind_its_subscribes_answer_finds_its_queue(table: Table) -> None:
    """The route stands before the next frame is looked at, in one gulp too."""
    stream = table.subscribe("a")
    table.take({"id": 1, "ok": None, "route": "sid"}, event("sid", 1), event("sid", 2))
    assert drain(stream) == [1, 2]


def test_an_event_before_its_subscribes_answer_is_held(table: Table) -> None:
    """In the gulp before, and in the same one; in the order in which they came."""
    stream = table.subscribe("a")
    table.take(event("sid", 1))
    assert drain(stream) == []
    table.take(event("sid", 2), {"id": 1, "ok": None, "route": "sid"}, event("sid", 3))
    assert drain(stream) == [1, 2, 3]
    assert table.subscriptions.unrouted == 0


def test_a_snapshot_in_the_answer_is_the_first_event(table: Table) -> None:
    """Before what was held, and before what follows in the same gulp."""
    stream = table.subscribe("a")
    table.take(
        event("sid", "held"),
        {"id": 1, "ok": None, "route": "sid", "first": "snapshot"},
        event("sid", "after"),
    )
    assert drain(stream) == ["snapshot", "held", "after"]


def test_held_events_wait_for_their_own_answer(table: Table) -> None:
    """That of another subscribe neither delivers nor drops them."""
    table.subscribe("a")
    second = table.subscribe("b")
    table.take(event("sid-b", 1), {"id": 1, "ok": None, "route": "sid-a"})
    table.take({"id": 2, "ok": None, "route": "sid-b"})
    assert drain(second) == [1]


def test_held_events_of_a_refused_subscribe_are_counted_and_dropped(table: Table) -> None:
    """Nobody can claim them any more."""
    table.subscribe("a")
    table.take(event("sid", 1), event("sid", 2), {"id": 1, "no": "no such topic"})
    assert table.subscriptions.unrouted == 2


def test_an_event_without_a_route_is_counted_and_dropped(table: Table) -> None:
    """Where no subscribe is in flight that could claim it."""
    table.take(event("nobody", 1))
    assert table.subscriptions.unrouted == 1


def test_an_event_reaches_every_subscription_of_its_route(table: Table) -> None:
    """Two topics of one channel, where events do not say which of them they answer."""
    both = [table.subscribe(name, route="channel") for name in "ab"]
    table.take({"id": 1, "ok": None}, {"id": 2, "ok": None}, event("channel", 1))
    assert [drain(one) for one in both] == [[1], [1]]


@pytest.mark.parametrize(("callbacks", "longest"), [(0, 3), (1, 3), (2, 1)])
def test_only_where_callbacks_take_turns_does_each_event_stand_for_itself(
    table: Table, monkeypatch: pytest.MonkeyPatch, callbacks: int, longest: int
) -> None:
    """Two callbacks run event by event; one, beside what is read otherwise, has its run whole."""
    told: list[tuple[int, Any]] = []
    for number in range(2):

        def callback(value: Any, number: int = number) -> None:
            told.append((number, value))

        table.subscribe("a", route="a", callback=callback if number < callbacks else None)
    table.take({"id": 1, "ok": None}, {"id": 2, "ok": None})
    lengths: list[int] = []
    put = table.delivery.put

    def count(runs: Any) -> None:
        lengths.extend(len(events) for _, events in runs)
        put(runs)

    monkeypatch.setattr(table.delivery, "put", count)
    table.take(event("a", 1), event("a", 2), event("a", 3))
    table.tell()
    assert max(lengths) == longest
    assert sum(lengths) == 6
    expected = [(number, value) for value in (1, 2, 3) for number in range(callbacks)]
    assert told == expected


def test_an_event_of_a_topic_that_nobody_listens_to_any_more_is_counted(table: Table) -> None:
    """Between the close and the venue's answer to the unsubscribe."""
    stream = table.subscribe("a", route="r")
    table.take({"id": 1, "ok": None})
    table.subscriptions.remove(stream)
    table.take(event("r", 1))
    assert table.subscriptions.unrouted == 1


def test_events_before_an_answer_are_queued_before_its_caller_goes_on(table: Table) -> None:
    """Whoever got an answer finds in the queues what the venue sent before it."""
    stream = table.subscribe("a", route="r")
    table.take({"id": 1, "ok": None})
    queued: list[Any] = []

    class Watching(Slot):
        __slots__ = ()

        def put(self, outcome: Any) -> None:
            queued.append(stream.stats.queued)

    table.slots.open(7, Watching())
    table.take(event("r", 1), {"id": 7, "ok": None}, event("r", 2))
    assert queued == [1]


def test_the_end_of_a_replay_comes_behind_the_events_before_it(table: Table) -> None:
    """An iterator gets what was sent before the refusal, then the refusal."""
    stream = table.subscribe("a", route="r")
    table.take({"id": 1, "ok": None})
    table.subscriptions.lost(lambda: ConnectionLost("cut"))
    table.connect()
    table.subscriptions.issue(0.0, 10.0)
    table.take(event("r", 1), {"id": 2, "no": "gone"}, event("r", 2))
    assert stream.get(0) == 1
    with pytest.raises(Exception, match="gone"):
        stream.get(0)
    assert [getattr(one, "reason", None) for one in table.errors] == [GapReason.RECONNECTED]


def test_a_heartbeat_is_answered_with_its_text(table: Table) -> None:
    """What the venue asks for is returned to be sent, in order."""
    assert table.take("ping", event("x", 1), "ping") == ["pong", "pong"]


def test_a_heartbeat_of_ours_has_a_slot_and_no_more_than_one(table: Table) -> None:
    """An answer to it is nobody's late answer; one that never came does not pile up."""
    assert table.router.heartbeat(table.codec) is None
    table.codec.heartbeat = lambda: Request("echo")  # type: ignore[method-assign]
    for number in range(1, 4):
        frame = table.router.heartbeat(table.codec)
        assert frame is not None
        assert json.loads(frame)["id"] == number
        assert len(table.slots) == 1
    table.take({"id": 3, "ok": None}, {"id": 1, "ok": None})
    assert len(table.slots) == 0
    assert table.counters.late_responses == 1


def test_what_a_codec_has_no_answer_to_is_just_a_sign_of_life(table: Table) -> None:
    """A heartbeat that wants nothing gets nothing."""
    table.codec.decode = lambda frame: [Heartbeat()]  # type: ignore[method-assign]
    assert table.take("alive") == []


@pytest.mark.parametrize("fault", [None, KeyError("a codec's own fault"), RecursionError()])
def test_an_unreadable_frame_costs_that_frame_alone(
    table: Table, fault: Exception | None
) -> None:
    """The events around it are delivered; it is counted and reported, whoever's fault it is.

    The stream is told of a gap: the frame may have been an event of it.
    """
    stream = table.subscribe("a", route="r")
    table.take({"id": 1, "ok": None})
    decode = table.codec.decode

    def fragile(frame: bytes) -> Any:
        if frame == b"garbage" and fault is not None:
            raise fault
        return decode(frame)

    table.codec.decode = fragile  # type: ignore[method-assign]
    table.take(event("r", 1), "garbage", event("r", 2))
    assert drain(stream) == [1, 2]
    (error,) = [one for one in table.tell() if isinstance(one, ProtocolError)]
    assert Gap(GapReason.UNDECODABLE, None, table.delivery.epoch) in table.tell()
    assert error.frame == "garbage"
    assert error.__cause__ is not None
    assert table.counters.garbage == 1


def test_five_unreadable_frames_in_a_row_end_the_connection(table: Table) -> None:
    """What came before them is delivered; one that can be read begins the count anew."""
    stream = table.subscribe("a", route="r")
    table.take({"id": 1, "ok": None})
    table.take(*["garbage"] * 4, event("r", 1), *["garbage"] * 4)
    with pytest.raises(ConnectionLost, match="5 frames in a row"):
        table.take("garbage")
    assert drain(stream) == [1]


def test_garbage_of_one_connection_does_not_count_on_the_next(table: Table) -> None:
    """Each has its own five."""
    table.take(*["garbage"] * 4)
    table.connect()
    table.take("garbage")
    assert table.counters.garbage == 5


Do = Callable[[Any, Any], None]


@pytest.mark.parametrize("same_write", [True, False])
def test_over_a_real_socket_an_event_behind_the_answer_is_not_lost(
    desk: Any, same_write: bool
) -> None:
    """Many times over, in one packet with the answer and in one of its own."""

    def answer(link: Any, message: Any) -> None:
        texts = [
            json.dumps({"id": message["id"], "ok": None, "route": message["topic"] + "-sid"}),
            json.dumps(event(message["topic"] + "-sid", message["topic"])),
        ]
        if same_write:
            with link.protocol_mutex:
                for text in texts:
                    link.protocol.send_text(text.encode())
                link.socket.sendall(b"".join(link.protocol.data_to_send()))
        else:
            for text in texts:
                link.send(text)

    desk.venue.does["sub"] = answer
    for number in range(30):
        name = f"topic-{number}"
        with desk.subscribe(name, route=None) as stream:
            assert stream.get(5) == name
    assert Deadline(0).expired()


def test_a_frame_that_cannot_be_read_is_a_gap_in_every_stream(desk: Any) -> None:
    """Nobody can say whose event it was; one gap tells of several, unless it has been told."""
    gaps: dict[str, list[Gap]] = {"a": [], "b": []}
    streams = {name: desk.subscribe(name, on_gap=found.append) for name, found in gaps.items()}
    desk.venue.push("a", 1)
    desk.venue.say("not json")
    desk.venue.say("not json either")
    assert [type(desk.error()) for _ in range(2)] == [ProtocolError] * 2
    for name, stream in streams.items():
        desk.venue.push(name, 2)
        while stream.get(timeout=5.0) != 2:
            continue
    expected = [Gap(GapReason.UNDECODABLE, None, 1)]
    assert gaps == {"a": expected, "b": expected}
    for count in (2, 3):
        desk.venue.say("not json again")
        assert isinstance(desk.error(), ProtocolError)
        with pytest.raises(TimeoutError):
            streams["a"].get(timeout=0)
        assert gaps["a"] == expected * count
