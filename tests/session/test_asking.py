"""One request and its one answer: who gets it, who does not, and what is known when none comes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import ClientClosed, ConnectionLost, NotSent, RequestRejected, RequestTimeout
from venuesdk.models import State
from venuesdk.protocol.codec import Request
from venuesdk.protocol.conversation import Ids
from venuesdk.session import slots as slots_module
from venuesdk.session.asking import Asking
from venuesdk.session.delivery import Delivery
from venuesdk.session.link import Link
from venuesdk.session.slots import Slot, Slots
from venuesdk.session.standing import Standing
from venuesdk.session.stats import Counters
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire.parcel import Parcel

PATIENCE = 5.0


class Wire:
    """A connection whose sends do what a test says; one that is `slow` leaves all in its queue."""

    def __init__(self, send: Callable[[str], None], slow: bool = False) -> None:
        self.act = send
        self.slow = slow
        self.sent: list[Parcel] = []
        self.queued: list[Parcel] = []
        self.withdrawals = 0

    def parcel(self, frame: str) -> Parcel:
        return Parcel(frame.encode())

    def submit(self, parcel: Parcel, deadline: Deadline) -> None:
        self.act(parcel.data.decode())
        (self.queued if self.slow else self.sent).append(parcel)

    def withdraw(self, parcel: Parcel) -> bool:
        self.withdrawals += 1
        if parcel in self.queued:
            self.queued.remove(parcel)
            return True
        return False


class Caller:
    """Asking, without a session: what a test changes between two steps of it."""

    def __init__(self, codec: Any, send: Callable[[str], None] = lambda frame: None) -> None:
        self.slots = Slots()
        self.counters = Counters()
        self.standing = Standing("toy", Delivery("toy"))
        self.asking = Asking(self.standing, Ids(), self.slots, self.counters)
        self.codec = codec({}, "")
        self.use(send)

    def use(self, send: Callable[[str], None], slow: bool = False) -> Wire:
        wire = Wire(send, slow)
        with self.standing.lock:
            self.standing.link_locked(Link(wire, self.codec))  # type: ignore[arg-type]
            self.standing.move_locked(State.CONNECTED, "test")
        return wire

    def ask(self, timeout: float = PATIENCE, **options: Any) -> bytes:
        return self.asking.request(Request("echo", **options), Deadline(timeout))


def test_answers_out_of_order_reach_their_callers(desk: Any) -> None:
    """Four callers, answered in the reverse order."""
    held: list[tuple[Any, Any]] = []
    four = threading.Event()

    def hold(link: Any, message: Any) -> None:
        held.append((link, message))
        if len(held) == 4:
            four.set()

    desk.venue.does["hold"] = hold
    answers: dict[int, Any] = {}

    def call(number: int) -> None:
        answers[number] = desk.ask("hold", value=number)

    callers = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    assert four.wait(PATIENCE)
    for link, message in reversed(held):
        desk.venue.answer(link, message, message["value"])
    for caller in callers:
        caller.join(PATIENCE)
    assert answers == {0: 0, 1: 1, 2: 2, 3: 3}


def test_a_late_answer_to_a_timed_out_request_never_reaches_another(desk: Any) -> None:
    """Ids are never used again; the late answer is counted and dropped."""
    late: SimpleQueue[Any] = SimpleQueue()
    desk.venue.does["slow"] = lambda link, message: late.put((link, message))
    with pytest.raises(RequestTimeout) as caught:
        desk.ask("slow", timeout=0.05)
    assert caught.value.outcome_unknown is True
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.venue == "toy"

    def answer_late_then_right(link: Any, message: Any) -> None:
        desk.venue.answer(*late.get(timeout=PATIENCE), "for another")
        desk.venue.answer(link, message, "right")

    desk.venue.does["echo"] = answer_late_then_right
    assert desk.ask("echo") == "right"
    stats = desk.session.overview.stats()
    assert (stats.timeouts, stats.late_responses, stats.waiting_requests) == (1, 1, 0)


def test_ids_are_not_used_again_on_the_next_connection(desk: Any) -> None:
    """They count on over a client's whole life."""
    desk.ask("echo")
    desk.venue.cut()
    desk.state("reconnecting")
    desk.state("connected")
    desk.ask("echo")
    assert [desk.venue.request("echo")["id"] for _ in range(2)] == [1, 2]


def test_a_duplicate_and_an_unknown_answer_reach_nobody(desk: Any) -> None:
    """Both are counted; the connection stays."""

    def answer_twice(link: Any, message: Any) -> None:
        desk.venue.answer(link, message, 1)
        desk.venue.answer(link, message, 2)
        desk.venue.send(link, {"id": 999, "ok": 3})

    desk.venue.does["twice"] = answer_twice
    assert desk.ask("twice") == 1
    assert desk.ask("echo", value=4) == 4
    assert desk.session.overview.stats().late_responses == 2


def test_a_rejection_says_what_was_asked(desk: Any) -> None:
    """The venue's no is certain: nothing was executed."""
    with pytest.raises(RequestRejected) as caught:
        desk.ask("refuse")
    assert caught.value.request == Request("refuse")
    assert caught.value.outcome_unknown is False
    assert desk.session.overview.stats().rejections == 1


def test_a_request_that_cannot_be_written_is_the_callers_mistake(desk: Any) -> None:
    """ValueError before anything is sent, and no slot is left."""
    with pytest.raises(ValueError, match="cannot be written"):
        desk.ask("echo", fail=True)
    assert desk.session.overview.stats().waiting_requests == 0
    assert desk.ask("echo", value=1) == 1


def test_a_request_under_which_the_venue_hangs_up_is_lost_at_once(desk: Any) -> None:
    """Long before its timeout, with the outcome unknown; the client heals."""
    started = monotonic()
    with pytest.raises(ConnectionLost) as caught:
        desk.ask("hang_up", timeout=60)
    assert monotonic() - started < PATIENCE
    assert caught.value.outcome_unknown is True
    assert desk.ask("echo", read=True, value=1) == 1


def test_a_close_between_registering_and_sending_leaves_the_outcome_unknown(
    toy_codec: Any,
) -> None:
    """The frame goes out after all: it must not be told that nothing was sent."""
    caller = Caller(toy_codec)

    def close_then_send(frame: str) -> None:
        with caller.standing.lock:
            caller.standing.move_locked(State.CLOSED, "closed")
            caller.slots.fail_all(lambda: caller.standing.closed(True))

    wire = caller.use(close_then_send)
    with pytest.raises(ClientClosed) as caught:
        caller.ask()
    assert len(wire.sent) == 1
    assert caught.value.outcome_unknown is True


def test_what_was_not_sent_is_not_sent_whatever_ended_the_call_meanwhile(toy_codec: Any) -> None:
    """The wire knows better than a loss that assumed the worst."""

    def lose_and_fail(frame: str) -> None:
        caller.slots.fail_all(lambda: ConnectionLost("cut", outcome_unknown=True))
        raise NotSent("closed here")

    caller = Caller(toy_codec, lose_and_fail)
    with pytest.raises(NotSent) as caught:
        caller.ask()
    assert caught.value.outcome_unknown is False
    assert len(caller.slots) == 0


def test_what_still_waits_to_be_sent_at_the_deadline_is_taken_back(toy_codec: Any) -> None:
    """Others were sending all the time: NotSent, no timeout is counted, and it never leaves."""
    caller = Caller(toy_codec)
    wire = caller.use(lambda frame: None, slow=True)
    with pytest.raises(NotSent, match="other requests"):
        caller.ask(0.05)
    assert not wire.queued
    assert caller.counters.timeouts == 0
    assert len(caller.slots) == 0


def test_what_has_left_and_is_not_answered_is_unknown(toy_codec: Any) -> None:
    """The other side of the one before: nothing can be taken back."""
    caller = Caller(toy_codec)
    with pytest.raises(RequestTimeout) as caught:
        caller.ask(0.05)
    assert caught.value.outcome_unknown is True
    assert caller.counters.timeouts == 1


@pytest.mark.parametrize("slow", [True, False])
def test_a_loss_is_not_sent_where_the_request_still_waited(toy_codec: Any, slow: bool) -> None:
    """Whoever ends the call takes it for sent; the queue of the connection knows better."""
    caller = Caller(toy_codec)

    def lose(frame: str) -> None:
        caller.slots.fail_all(lambda: ConnectionLost("cut", outcome_unknown=True))

    wire = caller.use(lose, slow)
    with pytest.raises(NotSent if slow else ConnectionLost, match="cut") as caught:
        caller.ask()
    assert caught.value.outcome_unknown is not slow
    assert not wire.queued


@pytest.mark.parametrize("slow", [True, False])
def test_a_close_knows_whether_the_request_still_waited(toy_codec: Any, slow: bool) -> None:
    """ClientClosed says that nothing is unknown where the request is taken back."""
    caller = Caller(toy_codec)

    def close(frame: str) -> None:
        caller.slots.fail_all(lambda: caller.standing.closed(True))

    wire = caller.use(close, slow)
    with pytest.raises(ClientClosed) as caught:
        caller.ask()
    assert caught.value.outcome_unknown is not slow
    assert not wire.queued


def test_nothing_is_withdrawn_of_what_was_answered(toy_codec: Any) -> None:
    """A refusal is an answer: the request has left, whatever the wire has noted of that."""
    caller = Caller(toy_codec)

    def refuse(frame: str) -> None:
        slot = caller.slots.pop(json.loads(frame)["id"])
        assert slot is not None
        slot.put(RequestRejected("no", code=1))

    wire = caller.use(refuse)
    with pytest.raises(RequestRejected):
        caller.ask()
    assert wire.withdrawals == 0


def test_a_caller_interrupted_as_it_is_sent_takes_it_back(toy_codec: Any) -> None:
    """Also where Ctrl-C comes in, or right behind, the call that queued it."""
    caller = Caller(toy_codec)

    class Interrupted(Wire):
        def submit(self, parcel: Parcel, deadline: Deadline) -> None:
            super().submit(parcel, deadline)
            raise KeyboardInterrupt

    wire = Interrupted(lambda frame: None, slow=True)
    with caller.standing.lock:
        caller.standing.link_locked(Link(wire, caller.codec))  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        caller.ask()
    assert not wire.queued


def test_an_interrupted_caller_takes_its_request_back(
    toy_codec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C nothing may leave of a request that nobody waits for."""
    caller = Caller(toy_codec)
    wire = caller.use(lambda frame: None, slow=True)

    def interrupted(slot: Slot, deadline: Deadline) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Slot, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        caller.ask()
    assert not wire.queued
    assert len(caller.slots) == 0


def test_a_read_that_was_certainly_not_sent_is_sent_again(toy_codec: Any) -> None:
    """Over the next connection, under a new id; never over the one that is dead."""
    frames: list[str] = []

    def fail(frame: str) -> None:
        frames.append(frame)
        healer.start()
        raise NotSent("closed here")

    def answer(frame: str) -> None:
        frames.append(frame)
        slot = caller.slots.pop(json.loads(frame)["id"])
        assert slot is not None
        slot.put(b"answer")

    caller = Caller(toy_codec, fail)
    healer = threading.Timer(0.02, caller.use, (answer,))
    assert caller.ask(read=True) == b"answer"
    healer.join()
    assert [json.loads(frame)["id"] for frame in frames] == [1, 2]


def test_a_read_does_not_try_a_dying_connection_over_and_over(toy_codec: Any) -> None:
    """It waits for another one: one attempt for each connection."""
    attempts: list[str] = []

    def fail(frame: str) -> None:
        attempts.append(frame)
        raise NotSent("the peer closed the connection")

    caller = Caller(toy_codec, fail)
    with pytest.raises(NotSent):
        caller.ask(timeout=0.1, read=True)
    assert len(attempts) == 1


@pytest.mark.parametrize("error", [NotSent, ConnectionLost])
def test_an_order_is_sent_once_whatever_happens(toy_codec: Any, error: Any) -> None:
    """Neither after NotSent, nor after a loss."""
    attempts: list[str] = []

    def fail(frame: str) -> None:
        attempts.append(frame)
        raise error("gone")

    caller = Caller(toy_codec, fail)
    with pytest.raises(error):
        caller.ask()
    assert len(attempts) == 1


def test_a_read_that_was_sent_and_lost_is_not_repeated(toy_codec: Any) -> None:
    """A byte of it may have left, and nothing that may have left is sent again."""
    attempts: list[str] = []

    def fail(frame: str) -> None:
        attempts.append(frame)
        raise ConnectionLost("gone", outcome_unknown=True)

    with pytest.raises(ConnectionLost):
        Caller(toy_codec, fail).ask(read=True)
    assert len(attempts) == 1


def test_a_link_that_was_replaced_before_the_request_is_not_used(toy_codec: Any) -> None:
    """What was found a moment ago may be gone."""
    caller = Caller(toy_codec)
    with caller.standing.lock:
        stale = caller.standing.link_locked(None)
    assert stale is not None
    with pytest.raises(NotSent):
        caller.asking._ask(stale, Request("echo"), Deadline(PATIENCE))
    assert len(caller.slots) == 0


def test_an_answer_that_comes_as_the_time_runs_out_is_taken(
    toy_codec: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than to call the outcome unknown when it is known."""
    caller = Caller(toy_codec)

    def answer_at_the_deadline(self: Any, deadline: Deadline) -> Any:
        self.put(b"just in time")
        raise slots_module.Empty

    monkeypatch.setattr(slots_module.Slot, "wait", answer_at_the_deadline)
    assert caller.ask() == b"just in time"
    assert caller.counters.timeouts == 0


def test_ctrl_c_at_any_step_leaves_no_slot(toy_codec: Any) -> None:
    """While it is written, while it is sent, while it waits."""

    def interrupt(*arguments: Any) -> None:
        raise KeyboardInterrupt

    caller = Caller(toy_codec, interrupt)
    with pytest.raises(KeyboardInterrupt):
        caller.ask()
    caller.use(lambda frame: None)
    caller.codec.encode = interrupt
    with pytest.raises(KeyboardInterrupt):
        caller.ask()
    assert len(caller.slots) == 0


def test_no_frame_is_left_in_an_exceptions_traceback(toy_codec: Any) -> None:
    """A frame may hold a credential, and an error reporter shows the locals of every frame."""
    caller = Caller(toy_codec)
    with pytest.raises(RequestTimeout) as caught:
        caller.ask(timeout=0.01, fields={"key": "marker-81c2"})
    trace = caught.value.__traceback__
    while trace is not None:
        if "venuesdk" in trace.tb_frame.f_code.co_filename:
            for name, value in trace.tb_frame.f_locals.items():
                assert not (isinstance(value, str) and "marker-81c2" in value), name
        trace = trace.tb_next


def test_a_request_without_any_time_left_is_not_sent(desk: Any) -> None:
    """With no time to wait for an answer nothing is asked, and that is known."""
    with pytest.raises(NotSent, match="no time was left") as caught:
        desk.ask("echo", timeout=0)
    assert caught.value.outcome_unknown is False
    desk.ask("echo", value=1)
    assert desk.venue.request("echo")["value"] == 1
