"""The four deliveries, each on its own: which thread runs what, and what it never does."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from venuesdk.errors import ClientClosed, ReentrantCall
from venuesdk.models import Gap, GapReason
from venuesdk.protocol.codec import Event, Topic
from venuesdk.session import delivery as delivery_module
from venuesdk.session import modes
from venuesdk.session.delivery import FAR_BEHIND, WAY, Delivery
from venuesdk.session.modes import (
    InlineDelivery,
    PostDelivery,
    PumpDelivery,
    ThreadDelivery,
    make_delivery,
)
from venuesdk.session.subscription import Subscription
from venuesdk.timing import Deadline, monotonic

PATIENCE = 5.0

Make = Callable[..., Any]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make deliveries that are closed in the end; each writes down the errors that it tells."""
    made: list[Delivery] = []

    def make_one(choice: Any) -> Delivery:
        delivery = make_delivery(choice, "toy")
        delivery.told = SimpleQueue()  # type: ignore[attr-defined]
        delivery.error_handlers.append(delivery.told.put)  # type: ignore[attr-defined]
        made.append(delivery)
        return delivery

    yield make_one
    for delivery in made:
        delivery.close(Deadline(PATIENCE))


def stream(delivery: Delivery, callback: Any, **options: Any) -> Subscription[Any]:
    """Return a subscription of this delivery."""
    return Subscription(Topic("t", "t", None, "r"), delivery, callback, **options)


def send(subscription: Subscription[Any], *values: int) -> None:
    """Queue events as the reader does."""
    events = [Event("r", b"%d" % value, int) for value in values]
    subscription._delivery.put([(subscription, events)])


def test_a_delivery_is_chosen_by_name_or_by_a_callable() -> None:
    """Four kinds; anything else is a mistake of the caller's."""
    for name, kind in (
        ("thread", ThreadDelivery),
        ("inline", InlineDelivery),
        ("pump", PumpDelivery),
        (print, PostDelivery),
    ):
        assert type(make_delivery(name, "toy")) is kind
    with pytest.raises(ValueError, match="inline"):
        make_delivery("threads", "toy")


# ---- thread ------------------------------------------------------------------------------------


def test_the_dispatch_thread_is_a_daemon_with_a_name(make: Make) -> None:
    """`venuesdk-<venue>-dispatch`, one for each client; starting twice starts one."""
    delivery = make("thread")
    ran: SimpleQueue[threading.Thread] = SimpleQueue()
    delivery.start()
    delivery.start()
    delivery.notify(lambda: ran.put(threading.current_thread()))
    thread = ran.get(timeout=PATIENCE)
    assert (thread.name, thread.daemon) == ("venuesdk-toy-dispatch", True)
    delivery.close(Deadline(PATIENCE))
    assert not thread.is_alive()


def test_every_item_wakes_the_dispatch_thread(make: Make) -> None:
    """However they come, none is left lying: four threads, and as many events as they sent."""
    delivery = make("thread")
    delivery.start()
    done = threading.Event()
    seen: list[int] = []

    def callback(value: int) -> None:
        seen.append(value)
        if len(seen) == 400:
            done.set()

    one = stream(delivery, callback)
    senders = [
        threading.Thread(target=lambda: [send(one, number) for number in range(100)])
        for _ in range(4)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert done.wait(PATIENCE)


def test_a_callback_that_exits_does_not_end_the_dispatch_thread(make: Make) -> None:
    """`sys.exit()` inside it is an error of its own, and the next event comes."""
    delivery = make("thread")
    delivery.start()
    seen: SimpleQueue[int] = SimpleQueue()

    def callback(value: int) -> None:
        seen.put(value)
        raise SystemExit(1)

    send(stream(delivery, callback), 1, 2)
    assert [seen.get(timeout=PATIENCE) for _ in range(2)] == [1, 2]
    assert isinstance(delivery.told.get(timeout=PATIENCE), SystemExit)


def test_a_rest_ends_the_thread_when_all_is_told_and_a_start_brings_a_new_one(make: Make) -> None:
    """A client whose first connection failed keeps no thread, and can be connected again."""
    delivery = make("thread")
    ran: SimpleQueue[threading.Thread] = SimpleQueue()
    threads = []
    for _ in range(3):
        delivery.notify(lambda: ran.put(threading.current_thread()))
        delivery.start()
        delivery.rest(Deadline(PATIENCE))
        threads.append(ran.get_nowait())
    assert not any(thread.is_alive() for thread in threads)
    assert len(set(threads)) == 3


def test_a_rest_and_a_start_inside_a_callback_keep_the_thread(make: Make) -> None:
    """Nobody waits for itself, and there are never two."""
    delivery = make("thread")
    ran: SimpleQueue[threading.Thread] = SimpleQueue()

    def again() -> None:
        delivery.rest(Deadline(PATIENCE))
        delivery.start()
        delivery.notify(lambda: ran.put(threading.current_thread()))
        ran.put(threading.current_thread())

    delivery.start()
    delivery.notify(again)
    assert ran.get(timeout=PATIENCE) is ran.get(timeout=PATIENCE)


def test_a_close_that_finds_a_callback_running_names_it_and_does_not_wait(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Within its deadline; the thread ends when the callback returns."""
    delivery = make("thread")
    entered, leave = threading.Event(), threading.Event()

    def stubborn(value: int) -> None:
        entered.set()
        leave.wait(PATIENCE)

    delivery.start()
    send(stream(delivery, stubborn), 1)
    assert entered.wait(PATIENCE)
    delivery.close(Deadline(0.05))
    assert "still running: " in caplog.text
    assert "stubborn" in caplog.text
    leave.set()


def test_what_waits_at_a_close_without_a_thread_is_told_by_who_closes(make: Make) -> None:
    """A client that was never connected still says that it was closed."""
    delivery = make("thread")
    told: list[int] = []
    delivery.notify(lambda: told.append(1))
    delivery.close(Deadline(PATIENCE))
    assert told == [1]
    delivery.start()
    assert not [one for one in threading.enumerate() if one.name == "venuesdk-toy-dispatch"]


def test_a_thread_that_cannot_be_started_is_not_waited_for(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error passes, and the next start tries again."""
    delivery = make("thread")

    def fail(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError):
            delivery.start()
    ran = threading.Event()
    delivery.start()
    delivery.notify(ran.set)
    assert ran.wait(PATIENCE)


@pytest.mark.parametrize("kind", ["thread", "pump"])
def test_a_reader_with_more_in_hand_gives_way_to_who_is_far_behind(
    make: Make, kind: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is woken as soon as half of it is worked off, and nothing is lost to the bound."""
    monkeypatch.setattr(delivery_module, "WAY", 2 * PATIENCE)
    started = monotonic()
    delivery = make(kind)
    done = threading.Event()
    one = stream(delivery, lambda value: done.set() if value == FAR_BEHIND else None)
    send(one, *range(FAR_BEHIND + 1))
    working = threading.Thread(target=lambda: delivery.start() or _pump_all(delivery, kind))
    working.start()
    while delivery.depth() >= FAR_BEHIND // 2:
        delivery.flush(more=True)
    assert done.wait(PATIENCE)
    working.join()
    assert one.stats.dropped == 0
    assert monotonic() - started < PATIENCE


@pytest.mark.parametrize("more", [True, False])
def test_a_reader_gives_way_for_a_moment_only(make: Make, more: bool) -> None:
    """Not where nothing more is in hand; and where it was of no use it reads on for a while."""
    delivery = make("pump")
    one = stream(delivery, lambda value: None)
    send(one, *range(FAR_BEHIND))
    started = monotonic()
    delivery.flush(more)
    assert (monotonic() - started >= WAY * 0.9) is more
    for _ in range(200):
        delivery.flush(more)
    assert monotonic() - started < 100 * WAY
    assert delivery.pump(0, None) == FAR_BEHIND


def test_a_wake_up_that_came_too_late_is_not_one_for_the_next_time(make: Make) -> None:
    """The reader had waited long enough; what it was told then says nothing about now."""
    delivery = make("pump")
    one = stream(delivery, lambda value: None)
    send(one, *range(FAR_BEHIND))
    delivery._way.put(None)
    started = monotonic()
    delivery.flush(more=True)
    assert monotonic() - started >= WAY * 0.9


def _pump_all(delivery: Delivery, kind: str) -> None:
    while kind == "pump" and delivery.pump(0, 100):
        continue


# ---- inline ------------------------------------------------------------------------------------


def test_inline_callbacks_run_where_the_reader_flushes(make: Make) -> None:
    """On that thread, with what they bring themselves; there is no other."""
    delivery = make("inline")
    seen: list[Any] = []

    def callback(value: int) -> None:
        seen.append((value, threading.current_thread()))
        if value == 1:
            send(one, 2)
            delivery.flush()

    one = stream(delivery, callback)
    send(one, 1)
    assert seen == []
    delivery.flush()
    assert seen == [(1, threading.current_thread()), (2, threading.current_thread())]


def test_inline_callbacks_run_in_the_order_in_which_events_came(make: Make) -> None:
    """Whatever stands between them, streams that are iterated or have ended; and behind a gap."""
    delivery = make("inline")
    seen: list[tuple[str, int]] = []
    plain = stream(delivery, lambda value: seen.append(("plain", value)))
    other = stream(delivery, lambda value: seen.append(("other", value)))
    iterated = stream(delivery, None)
    ended = stream(delivery, lambda value: seen.append(("ended", value)))
    ended.close()
    streams = (plain, iterated, ended, other, plain)
    runs = [(one, [Event("r", b"%d" % number, int)]) for number, one in enumerate(streams)]
    delivery.put(runs)
    delivery.flush()
    assert seen == [("plain", 0), ("other", 3), ("plain", 4)]
    assert iterated.get(0) == 1
    assert [one.stats.received for one in (plain, other, iterated, ended)] == [2, 1, 1, 0]
    plain._on_gap = lambda gap: seen.append(("gap", 0))
    delivery.notify(lambda: seen.append(("notice", 0)))
    delivery.put_gap(plain, Gap(GapReason.RECONNECTED, None, 2))
    delivery.put(runs[-1:])
    delivery.flush()
    assert seen[3:] == [("notice", 0), ("gap", 0), ("plain", 4)]


def test_inside_an_inline_callback_blocking_calls_are_refused_and_close_never_waits(
    make: Make,
) -> None:
    """Outside of it they are not."""
    delivery = make("inline")
    errors: list[str] = []

    def callback(value: int) -> None:
        try:
            delivery.refuse_reentrant("wait()")
        except ReentrantCall as error:
            errors.append(str(error))
        delivery.close(Deadline(PATIENCE))

    send(stream(delivery, callback), 1)
    delivery.refuse_reentrant("wait()")
    delivery.flush()
    assert len(errors) == 1
    assert "wait()" in errors[0]
    delivery.refuse_reentrant("wait()")


def test_an_inline_close_beside_a_running_callback_leaves_the_rest_to_its_thread(
    make: Make,
) -> None:
    """Two threads never run callbacks at once, and nothing is left in the line."""
    delivery = make("inline")
    entered, leave = threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        entered.set()
        leave.wait(PATIENCE)
        order.append("first")

    delivery.notify(first)
    reader = threading.Thread(target=delivery.flush)
    reader.start()
    assert entered.wait(PATIENCE)
    delivery.notify(lambda: order.append("second"))
    delivery.close(Deadline(PATIENCE))
    assert order == []
    leave.set()
    reader.join(PATIENCE)
    assert order == ["first", "second"]


def test_a_rest_tells_what_is_left_where_no_reader_will(make: Make) -> None:
    """After a first connection that failed."""
    delivery = make("inline")
    told: list[int] = []
    delivery.notify(lambda: told.append(1))
    delivery.rest(Deadline(0))
    assert told == [1]


# ---- pump --------------------------------------------------------------------------------------


def test_the_counters_are_those_of_now(make: Make) -> None:
    """Each callback finds counted what was delivered before it, and no more."""
    delivery = make("pump")
    found: list[int] = []
    one = stream(delivery, lambda value: found.append(one.stats.delivered))
    send(one, 1, 2, 3)
    assert delivery.pump(0, None) == 3
    assert found == [0, 1, 2]


def test_nothing_runs_until_it_is_pumped(make: Make) -> None:
    """Then what waits runs on that thread, and is counted."""
    delivery = make("pump")
    seen: list[Any] = []
    one = stream(delivery, lambda value: seen.append((value, threading.current_thread())))
    send(one, 1, 2)
    delivery.start()
    assert seen == []
    assert delivery.pump(0, None) == 2
    assert seen == [(1, threading.current_thread()), (2, threading.current_thread())]
    assert delivery.pump(0, None) == 0


def test_a_pump_runs_no_more_than_it_is_asked_for(make: Make) -> None:
    """`max_events` items; the rest waits for the next."""
    delivery = make("pump")
    seen: list[int] = []
    one = stream(delivery, seen.append)
    send(one, *range(300))
    assert delivery.pump(0, 200) == 200
    assert delivery.pump(0, 1) == 1
    assert seen == list(range(201))
    assert delivery.pump(0, None) == 99
    with pytest.raises(ValueError, match="max_events"):
        delivery.pump(0, 0)


def test_a_pump_does_not_run_for_ever_beside_a_busy_stream(make: Make) -> None:
    """What comes while it runs is for the next one."""
    delivery = make("pump")
    one = stream(delivery, lambda value: send(one, value + 1))
    send(one, 0)
    assert delivery.pump(0, None) == 1
    assert delivery.pump(0, None) == 1


def test_a_pump_waits_for_the_first_item_up_to_its_timeout(make: Make) -> None:
    """And no longer; without a limit until something comes."""
    delivery = make("pump")
    started = monotonic()
    assert delivery.pump(0.05, None) == 0
    assert 0.05 <= monotonic() - started < 1.0
    one = stream(delivery, lambda value: None)
    for timeout in (PATIENCE, None):
        timer = threading.Timer(0.02, send, (one, 1))
        timer.start()
        assert delivery.pump(timeout, None) == 1
        timer.join()


def test_a_pump_is_not_woken_by_what_a_close_has_voided(make: Make) -> None:
    """It goes on waiting for something to run."""
    delivery = make("pump")
    void = stream(delivery, lambda value: None)
    send(void, 1)
    void.close()
    one = stream(delivery, lambda value: None)
    timer = threading.Timer(0.02, send, (one, 1))
    timer.start()
    assert delivery.pump(PATIENCE, None) == 1
    timer.join()


def test_a_count_that_ctrl_c_left_wrong_is_put_right(make: Make) -> None:
    """Between taking a notice and counting it: the next pump waits, and tells what comes."""
    delivery = make("pump")
    delivery._due = 1
    assert delivery.pump(0.01, None) == 0
    assert delivery.depth() == 0
    told: list[int] = []
    delivery.notify(lambda: told.append(1))
    assert delivery.pump(0, None) == 1
    assert told == [1]


def test_a_notice_in_hand_when_ctrl_c_comes_is_told_by_the_next_pump(make: Make) -> None:
    """It was taken out of what is in hand, and had not begun."""
    delivery = make("pump")
    told: list[int] = []
    delivery.notify(lambda: told.append(1))

    class Struck(deque[Any]):
        """What is in hand, where Ctrl-C strikes whoever takes something out, when that is done."""

        struck = False

        def popleft(self) -> Any:
            item = super().popleft()
            if not self.struck:
                self.struck = True
                raise KeyboardInterrupt
            return item

    delivery._taken = Struck()
    with pytest.raises(KeyboardInterrupt):
        delivery.pump(0, None)
    assert told == []
    assert delivery.pump(0, None) == 1
    assert told == [1]


def test_a_pump_inside_a_pump_is_refused(make: Make) -> None:
    """With ReentrantCall, reported as the callback's error."""
    delivery = make("pump")
    send(stream(delivery, lambda value: delivery.pump(0, None)), 1)
    assert delivery.pump(0, None) == 1
    delivery.pump(0, None)
    assert isinstance(delivery.told.get_nowait(), ReentrantCall)


def test_a_second_thread_may_not_pump(make: Make) -> None:
    """It belongs to the thread that called it first."""
    delivery = make("pump")
    delivery.pump(0, None)
    errors: list[Exception] = []

    def pump() -> None:
        try:
            delivery.pump(0, None)
        except ValueError as error:
            errors.append(error)

    other = threading.Thread(target=pump)
    other.start()
    other.join(PATIENCE)
    assert "belongs to the thread" in str(errors[0])


def test_a_close_wakes_a_pump_and_what_is_left_can_be_pumped(make: Make) -> None:
    """A main loop of `pump(timeout=None)` ends."""
    delivery = make("pump")
    timer = threading.Timer(0.02, delivery.close, (Deadline(0),))
    timer.start()
    assert delivery.pump(None, None) == 0
    timer.join()
    delivery.notify(lambda: None)
    assert delivery.pump(None, None) == 1


def test_ctrl_c_in_a_pumped_callback_passes_and_loses_nothing(make: Make) -> None:
    """The next pump goes on where it stopped."""
    delivery = make("pump")
    seen: list[int] = []

    def callback(value: int) -> None:
        seen.append(value)
        if value == 1:
            raise KeyboardInterrupt

    send(stream(delivery, callback), 1, 2, 3)
    with pytest.raises(KeyboardInterrupt):
        delivery.pump(0, None)
    assert delivery.pump(0, None) == 2
    assert seen == [1, 2, 3]


def test_a_forked_child_cannot_pump(make: Make) -> None:
    """It raises instead of waiting."""
    delivery = make("pump")
    delivery.forked = True
    with pytest.raises(ClientClosed):
        delivery.pump(None, None)


# ---- post --------------------------------------------------------------------------------------


class Toolkit:
    """A user interface: functions are posted to it, and run when the test says so."""

    def __init__(self) -> None:
        self.posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.failures: deque[BaseException] = deque()

    def post(self, function: Callable[[], None]) -> None:
        if self.failures:
            raise self.failures.popleft()
        self.posted.put(function)

    def next(self) -> Callable[[], None]:
        return self.posted.get(timeout=PATIENCE)


@pytest.fixture(autouse=True)
def take_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slow machine run in one call what a quick one runs within the budget of a frame."""
    monkeypatch.setattr(modes, "POST_BUDGET", PATIENCE)


def test_a_burst_is_posted_once(make: Make) -> None:
    """Whatever comes until the function runs is run by it, on the thread that runs it."""
    toolkit = Toolkit()
    delivery = make(toolkit.post)
    delivery.start()
    seen: list[Any] = []
    one = stream(delivery, lambda value: seen.append((value, threading.current_thread())))
    send(one, 1)
    function = toolkit.next()
    send(one, 2)
    send(one, 3)
    function()
    assert [value for value, _ in seen] == [1, 2, 3]
    assert {thread for _, thread in seen} == {threading.current_thread()}
    assert toolkit.posted.empty()
    send(one, 4)
    toolkit.next()()
    assert len(seen) == 4


def test_post_is_called_by_the_dispatch_thread(make: Make) -> None:
    """`venuesdk-<venue>-dispatch`, for events and notices: never by whoever brings them."""
    posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
    callers: list[str] = []

    def post(function: Callable[[], None]) -> None:
        callers.append(threading.current_thread().name)
        posted.put(function)

    delivery = make(post)
    delivery.start()
    one = stream(delivery, lambda value: None)
    for bring in (lambda: send(one, 1), lambda: delivery.notify(lambda: None)):
        bring()
        posted.get(timeout=PATIENCE)()
    assert callers == ["venuesdk-toy-dispatch"] * 2


def test_a_long_burst_is_posted_in_parts(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a user interface stays alive; what is left is posted again."""
    monkeypatch.setattr(modes, "POST_BUDGET", 0.0)
    toolkit = Toolkit()
    delivery = make(toolkit.post)
    seen: list[int] = []
    send(stream(delivery, seen.append), *range(4))
    delivery.start()
    for expected in (1, 2, 3, 4):
        toolkit.next()()
        assert len(seen) == expected


def test_a_post_that_raises_is_reported_and_the_next_burst_tries_again(make: Make) -> None:
    """Nothing is lost meanwhile."""
    toolkit = Toolkit()
    toolkit.failures.append(RuntimeError("no main loop yet"))
    delivery = make(toolkit.post)
    delivery.start()
    seen: list[int] = []
    one = stream(delivery, seen.append)
    send(one, 1)
    assert "no main loop" in str(delivery.told.get(timeout=PATIENCE))
    assert toolkit.posted.empty()
    send(one, 2)
    toolkit.next()()
    assert seen == [1, 2]


def test_what_comes_while_a_post_raises_is_the_next_burst(make: Make) -> None:
    """It is not left lying until something else comes."""
    toolkit = Toolkit()
    seen: list[int] = []

    def post(function: Callable[[], None]) -> None:
        if not toolkit.failures:
            toolkit.failures.append(RuntimeError("once"))
            send(one, 2)
            raise toolkit.failures[0]
        toolkit.posted.put(function)

    delivery = make(post)
    one = stream(delivery, seen.append)
    delivery.start()
    send(one, 1)
    toolkit.next()()
    assert seen == [1, 2]


def test_a_post_that_exits_does_not_end_the_dispatch_thread(make: Make) -> None:
    """Any exception whatever is reported."""
    toolkit = Toolkit()
    toolkit.failures.append(SystemExit(1))
    delivery = make(toolkit.post)
    delivery.start()
    one = stream(delivery, lambda value: None)
    send(one, 1)
    assert isinstance(delivery.told.get(timeout=PATIENCE), SystemExit)
    send(one, 2)
    toolkit.next()()


def test_a_function_that_never_runs_is_warned_of_once_and_the_bounds_apply(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After some seconds; the queue drops its oldest, and one gap says how many."""
    assert modes.POST_PATIENCE == 5.0
    monkeypatch.setattr(modes, "POST_PATIENCE", 0.01)
    warned = threading.Event()
    toolkit = Toolkit()
    delivery = make(toolkit.post)
    texts: list[str] = []

    def note(level: int, text: str, *values: Any, **facts: Any) -> None:
        assert level == logging.WARNING
        assert facts["callback"].endswith("Toolkit.post")
        texts.append(text % values)
        warned.set()

    monkeypatch.setattr(delivery.journal, "say", note)
    delivery.start()
    gaps: list[Any] = []
    seen: list[int] = []
    one = stream(delivery, seen.append, max_queue=3, on_gap=gaps.append)
    send(one, *range(10))
    function = toolkit.next()
    assert warned.wait(PATIENCE)
    send(one, 10)
    assert "has not run a posted function for 0.01 s" in texts[0]
    assert "Toolkit.post" in texts[0]
    function()
    assert seen == [8, 9, 10]
    assert [gap.count for gap in gaps] == [8]
    assert len(texts) == 1


def test_what_waits_at_a_close_is_posted_once_more_and_not_waited_for(make: Make) -> None:
    """The function may run long after the close, and runs all that is left."""
    toolkit = Toolkit()
    delivery = make(toolkit.post)
    delivery.start()
    told: list[int] = []
    delivery.notify(lambda: told.append(1))
    function = toolkit.next()
    delivery.notify(lambda: told.append(2))
    delivery.close(Deadline(PATIENCE))
    assert told == []
    function()
    assert told == [1, 2]


def test_a_function_that_runs_after_the_close_posts_what_it_has_no_time_for(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no dispatch thread any more to do it."""
    monkeypatch.setattr(modes, "POST_BUDGET", 0.0)
    toolkit = Toolkit()
    delivery = make(toolkit.post)
    delivery.start()
    told: list[int] = []
    for number in range(2):
        delivery.notify(lambda number=number: told.append(number))  # type: ignore[misc]
    function = toolkit.next()
    delivery.close(Deadline(PATIENCE))
    function()
    assert told == [0]
    toolkit.next()()
    assert told == [0, 1]


def test_a_close_without_a_thread_posts_what_waits(make: Make) -> None:
    """A client that was never connected, too; with nothing to tell nothing is posted."""
    toolkit = Toolkit()
    silent = make(toolkit.post)
    silent.close(Deadline(PATIENCE))
    assert toolkit.posted.empty()
    delivery = make(toolkit.post)
    told: list[int] = []
    delivery.notify(lambda: told.append(1))
    delivery.close(Deadline(PATIENCE))
    toolkit.next()()
    assert told == [1]


def test_a_function_that_is_called_twice_at_once_runs_callbacks_once(make: Make) -> None:
    """A toolkit's mistake is no race of ours."""
    toolkit = Toolkit()
    delivery = make(toolkit.post)
    delivery.start()
    function: list[Callable[[], None]] = []
    seen: list[int] = []

    def callback(value: int) -> None:
        seen.append(value)
        other = threading.Thread(target=function[0])
        other.start()
        other.join(PATIENCE)
        assert not other.is_alive()

    one = stream(delivery, callback)
    send(one, 1, 2)
    function.append(toolkit.next())
    function[0]()
    assert seen == [1, 2]
    send(one, 3)
    toolkit.next()()
    assert seen == [1, 2, 3]
