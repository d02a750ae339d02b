"""What windows of Tk's do to clients: each case has a window of its own under one hidden root.

Reports for each case "ok", or what went wrong in it.
"""

from __future__ import annotations

import gc
import json
import threading
import time
import tkinter
import traceback
import weakref
from collections.abc import Callable
from typing import Any

from venuesdk import OnyxClient, State, Subscription
from venuesdk.desktop import attach_tk, call_in_background, tk
from venuesdk.testing import simulate

PATIENCE = 10.0
CASES: dict[str, Callable[[Stage], None]] = {}


class Stage:
    """The root, a venue, and what a case needs of both."""

    def __init__(self, venue: Any) -> None:
        self.venue = venue
        self.root = tkinter.Tk()
        self.root.withdraw()
        self.root.report_callback_exception = lambda kind, error, trace: self.reports.append(error)
        self.reports: list[BaseException] = []
        self.clients: list[OnyxClient] = []
        self.main = threading.get_ident()

    def window(self) -> tkinter.Toplevel:
        return tkinter.Toplevel(self.root)

    def client(self, **options: Any) -> OnyxClient:
        options.setdefault("delivery", "pump")
        client = OnyxClient(url=self.venue.url, token=self.venue.token, **options)
        self.clients.append(client)
        return client

    def streaming(self, callback: Callable[[Any], object], **options: Any) -> OnyxClient:
        """Return a client whose callback is called with every ticker, and never elsewhere."""

        def checked(event: Any) -> None:
            assert threading.get_ident() == self.main
            callback(event)

        client = self.client(**options).connect()
        client.subscribe_tickers(checked, products=["ebob"])
        return client

    def fill(self, client: OnyxClient, count: int) -> None:
        """Let so many events wait for the client's callbacks."""
        self.venue.flood(count)
        # The answer comes behind them.
        client.subscribe("snapshots").close()

    def until(self, done: Callable[[], object]) -> None:
        """Run the main loop until it is done."""
        deadline = time.monotonic() + PATIENCE

        def look() -> None:
            if done() or time.monotonic() > deadline:
                self.root.quit()
            else:
                self.root.after(2, look)

        self.root.after(0, look)
        self.root.mainloop()
        assert done(), f"not within {PATIENCE} s"

    def turns(self, count: int) -> None:
        """Run the main loop for as long as so many looks at clients take."""
        for _ in range(count):
            self.root.after(17, self.root.quit)
            self.root.mainloop()

    def timers(self) -> int:
        """Return how many timers of Tk's are set."""
        return len(self.root.tk.splitlist(self.root.tk.call("after", "info")))


class HeldClose:
    """Makes a client's `close` wait until it is let go."""

    def __init__(self, client: OnyxClient) -> None:
        self.let_go, self.waited = threading.Event(), False
        self._close = client.close
        client.close = self  # type: ignore[method-assign, assignment]

    def __call__(self) -> None:
        self.waited = self.let_go.wait(PATIENCE)
        self._close()


def case(function: Callable[[Stage], None]) -> Callable[[Stage], None]:
    """Take a case up under its name."""
    CASES[function.__name__] = function
    return function


@case
def refuses_what_it_cannot_attach(stage: Stage) -> None:
    """Another delivery, what is no window or no client, and a second time are told at once."""
    window = stage.window()
    for delivery in ("thread", "inline", lambda function: None):
        refused(ValueError, 'delivery="pump"', window, stage.client(delivery=delivery))
    refused(TypeError, "a window of tkinter", object(), stage.client())
    refused(TypeError, "a client", window, object())
    client = stage.client()
    attach_tk(window, client)
    refused(ValueError, "attached to a window already", window, client)
    refused(ValueError, "attached to a window already", stage.window(), client)


def refused(kind: type[Exception], words: str, window: Any, client: Any) -> None:
    """Check that attaching raises, and what it says."""
    try:
        attach_tk(window, client)
    except kind as error:
        assert words in str(error), error
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


@case
def several_clients_share_a_window(stage: Stage) -> None:
    """All of them get their events, and all are closed with it."""
    window, seen = stage.window(), [0, 0, 0]
    for number in range(3):

        def count(_: Any, number: int = number) -> None:
            seen[number] += 1

        attach_tk(window, stage.streaming(count))
    stage.until(lambda: min(seen) >= 5)
    window.destroy()
    assert all(client.wait(5) for client in stage.clients)


@case
def an_error_in_a_callback_goes_to_on_error(stage: Stage) -> None:
    """On the thread of the window, and further events come."""
    errors, calls = [], []

    def fail(event: Any) -> None:
        calls.append(event)
        raise LookupError("in the callback")

    client = stage.streaming(fail)
    client.on_error(lambda error: errors.append((error, threading.get_ident())))
    attach_tk(stage.window(), client)
    stage.until(lambda: len(calls) >= 3 and len(errors) >= 3)
    assert {(type(error), thread) for error, thread in errors} == {(LookupError, stage.main)}


@case
def an_interrupt_in_a_callback_does_not_end_the_polling(stage: Stage) -> None:
    """Tk reports it, as it does for its own callbacks; events go on."""
    calls = []

    def interrupt(event: Any) -> None:
        calls.append(event)
        if len(calls) == 1:
            raise KeyboardInterrupt

    attach_tk(stage.window(), stage.streaming(interrupt))
    stage.until(lambda: len(calls) >= 3)
    assert [type(error) for error in stage.reports] == [KeyboardInterrupt]
    stage.reports.clear()


@case
def a_callback_that_destroys_the_window_is_the_last(stage: Stage) -> None:
    """Though many wait, and of others too, and none is closed yet; no timer is left either."""
    window, seen, others = stage.window(), [], []
    label = tkinter.Label(window)

    def see(event: Any) -> None:
        seen.append(event)
        label.configure(text=str(len(seen)))
        if len(seen) == 3:
            window.destroy()

    client = stage.streaming(see)
    stage.fill(client, 50)
    assert client.stats().queue_depth >= 50
    other = stage.streaming(lambda event: others.append(len(seen)))
    stage.fill(other, 50)
    closes = HeldClose(client), HeldClose(other)
    attach_tk(window, client)
    attach_tk(window, other)
    assert stage.timers() == 1
    stage.until(lambda: len(seen) == 3)
    stage.turns(5)
    assert len(seen) == 3
    assert others == [1, 2]
    assert stage.timers() == 0
    for close in closes:
        close.let_go.set()
    assert client.wait(5)
    assert other.wait(5)


@case
def destroying_never_waits_for_the_close(stage: Stage) -> None:
    """A close that goes on until after it would have it wait for itself."""
    window = stage.window()
    client = stage.streaming(lambda event: None)
    close = HeldClose(client)
    attach_tk(window, client)
    window.destroy()
    close.let_go.set()
    assert client.wait(5)
    assert close.waited


@case
def where_no_thread_is_to_be_had_it_closes_all_the_same(stage: Stage) -> None:
    """As when the interpreter is exiting; then destroying waits for it."""
    window = stage.window()
    client = stage.client()
    attach_tk(window, client)
    before = threading.Thread.start

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    threading.Thread.start = refuse
    try:
        window.destroy()
    finally:
        threading.Thread.start = before
    assert client.state is State.CLOSED


@case
def its_end_is_seen_whatever_else_is_bound(stage: Stage) -> None:
    """A binding that the program makes later replaces none of ours; nothing keeps the window."""
    window, ends = stage.window(), []
    client = stage.streaming(lambda event: None)
    attach_tk(window, client)
    window.bind("<Destroy>", lambda _: ends.append(1))
    window.destroy()
    assert client.wait(5)
    assert ends == [1]
    gone = weakref.ref(window)
    del window
    gc.collect()
    assert gone() is None


@case
def only_the_end_of_the_widget_itself_counts(stage: Stage) -> None:
    """A client that is attached to a part of a window ends with that part."""
    window, seen = stage.window(), []
    panel, other = tkinter.Frame(window), tkinter.Frame(window)
    client = stage.streaming(seen.append)
    attach_tk(panel, client)
    tkinter.Label(panel).destroy()
    other.destroy()
    stage.until(lambda: len(seen) >= 2)
    panel.destroy()
    assert client.wait(5)


@case
def a_dialog_under_a_callback_holds_up_nobody_else(stage: Stage) -> None:
    """Its own client waits for it, and goes on afterwards."""
    window, others, dialogs = stage.window(), [], []

    def open_dialog(event: Any) -> None:
        dialogs.append(event)
        if len(dialogs) == 1:
            before = len(others)
            stage.until(lambda: len(others) >= before + 3)
            assert len(dialogs) == 1

    attach_tk(window, stage.streaming(open_dialog))
    attach_tk(window, stage.streaming(others.append))
    stage.until(lambda: len(dialogs) >= 2)


@case
def no_callback_is_begun_when_the_time_is_up(stage: Stage) -> None:
    """With no time at all one of them runs, of each client in its turn, and Tk has its pause."""
    window, ran = stage.window(), []
    before, tk.BUDGET = tk.BUDGET, 0.0
    try:
        for number in range(4):
            client = stage.streaming(lambda event, number=number: ran.append(number))
            stage.fill(client, 10)
            attach_tk(window, client)
        for _ in range(10):
            count = len(ran)
            stage.until(lambda: len(ran) > count)  # noqa: B023 - it is over before the next
            stage.turns(1)
            assert len(ran) < count + 7, "so long are two looks or three, of one callback each"
        stage.until(lambda: len(ran) >= 40)
        assert sorted(ran[20:24]) == [0, 1, 2, 3]
    finally:
        tk.BUDGET = before


@case
def a_quiet_window_is_looked_at_less_often(stage: Stage) -> None:
    """To wake up costs an idle program the most; it is all there again when something comes."""
    window, pauses, ran = stage.window(), [], []
    after = window.after

    def note(milliseconds: int, function: Callable[[], None]) -> str:
        pauses.append(milliseconds)
        return after(milliseconds, function)

    window.after = note
    before, tk.QUIET_AFTER = tk.QUIET_AFTER, 0.0
    try:
        post = attach_tk(window, stage.client())
        stage.until(lambda: pauses[-3:] == [tk.QUIET_PAUSE] * 3)
        tk.QUIET_AFTER = before
        post(lambda: ran.append(1))
        stage.until(lambda: ran)
        assert pauses[-1] == tk.PAUSE
    finally:
        tk.QUIET_AFTER = before


@case
def an_error_that_was_posted_to_a_window_outlives_it(stage: Stage) -> None:
    """Where the window is destroyed before it told of it, the error is reported all the same."""
    window, hooked, posted = stage.window(), [], threading.Event()
    post = attach_tk(window, stage.client())

    def post_to(function: Callable[[], None]) -> bool:
        answer = post(function)
        posted.set()
        return answer

    before, threading.excepthook = threading.excepthook, lambda given: hooked.append(given.exc_type)
    try:
        call_in_background(post_to, lambda: {}["an order"], None, print)
        assert posted.wait(PATIENCE)
        window.destroy()
        for thread in threading.enumerate():
            if thread.name == "venuesdk-background":
                thread.join(PATIENCE)
    finally:
        threading.excepthook = before
    assert hooked == [KeyError]


@case
def a_closed_client_is_let_go_of_when_its_end_was_told(stage: Stage) -> None:
    """A program that makes clients all day keeps none of them."""
    window, states = stage.window(), []
    client = stage.streaming(lambda event: None)
    client.on_state(lambda change: states.append(change.state))
    attach_tk(window, client)
    client.close()
    stage.until(lambda: State.CLOSED in states)
    gone = weakref.ref(client)
    stage.clients.remove(client)
    del client

    def collected() -> bool:
        gc.collect()
        return gone() is None

    stage.until(collected)


@case
def a_client_that_is_pumped_elsewhere_is_reported_once(stage: Stage) -> None:
    """Not sixty times a second, and the others go on."""
    window, seen = stage.window(), []
    foreign = stage.client().connect()
    thread = threading.Thread(target=foreign.pump)
    thread.start()
    thread.join()
    attach_tk(window, foreign)
    attach_tk(window, stage.streaming(seen.append))
    stage.until(lambda: len(seen) >= 3)
    assert [str(error) for error in stage.reports] == [
        "pump() belongs to the thread that called it first"
    ]
    stage.reports.clear()


@case
def what_is_posted_runs_here_in_order_until_the_window_is_gone(stage: Stage) -> None:
    """From any thread; afterwards the answer is False."""
    window, ran, posted = stage.window(), [], []
    post = attach_tk(window, stage.client())

    def post_all() -> None:
        for number in range(100):
            posted.append(post(lambda number=number: ran.append((number, threading.get_ident()))))

    thread = threading.Thread(target=post_all)
    thread.start()
    stage.until(lambda: len(ran) == 100)
    thread.join()
    assert ran == [(number, stage.main) for number in range(100)]
    assert posted == [True] * 100
    post(lambda: ran.append(None))
    window.destroy()
    assert post(lambda: ran.append(None)) is False
    stage.turns(3)
    assert len(ran) == 100


@case
def an_error_in_a_posted_function_is_reported_by_tk(stage: Stage) -> None:
    """And what was posted behind it runs."""
    window, ran = stage.window(), []
    post = attach_tk(window, stage.client())
    post(lambda: 1 / 0)
    post(lambda: ran.append(1))
    stage.until(lambda: ran)
    assert [type(error) for error in stage.reports] == [ZeroDivisionError]
    stage.reports.clear()


@case
def a_blocking_call_comes_back_here(stage: Stage) -> None:
    """Its result as well as its error."""
    window, ends = stage.window(), []
    client = stage.client()
    post = attach_tk(window, client)

    def note(value: object) -> None:
        ends.append((type(value), threading.get_ident()))

    call_in_background(post, client.connect, note, note)
    stage.until(lambda: len(ends) == 1)
    call_in_background(post, lambda: client.subscribe("nothing of this name"), note, note)
    stage.until(lambda: len(ends) == 2)
    assert ends[0] == (OnyxClient, stage.main)
    assert issubclass(ends[1][0], Exception)
    assert ends[1][1] == stage.main


@case
def a_blocking_call_leaves_the_window_alive(stage: Stage) -> None:
    """The answer takes half a second, and the main loop is never away for the half of that."""
    client = stage.client()
    post = attach_tk(stage.window(), client)
    ends: list[object] = []
    looks: list[float] = []
    call_in_background(post, client.connect, ends.append, ends.append)
    stage.until(lambda: ends == [client])
    stage.venue.slow(0.5)
    began = time.monotonic()
    call_in_background(post, lambda: client.subscribe("snapshots"), ends.append, ends.append)
    stage.until(lambda: looks.append(time.monotonic()) or len(ends) == 2)
    stage.venue.slow(0)
    assert isinstance(ends[1], Subscription), ends
    assert looks[-1] - began >= 0.5
    away = [late - early for early, late in zip([began, *looks], looks, strict=False)]
    assert max(away) < 0.25, f"{max(away):.3f} s"


@case
def closing_ends_the_calls_under_way_in_silence(stage: Stage) -> None:
    """A connect that the end of the window broke off is nobody's error."""
    window, ends, hooked = stage.window(), [], []
    client = stage.client(timeout=30)
    post = attach_tk(window, client)
    stage.venue.half_open()
    before, threading.excepthook = threading.excepthook, hooked.append
    try:
        call_in_background(post, client.connect, ends.append, ends.append)
        stage.until(lambda: client.state is State.CONNECTING)
        window.destroy()
        assert client.wait(5)
        for thread in threading.enumerate():
            if thread.name == "venuesdk-background":
                thread.join(5)
                assert not thread.is_alive()
    finally:
        threading.excepthook = before
        stage.venue.half_open(False)
    stage.turns(3)
    assert (ends, hooked) == ([], [])


def run(name: str, stage: Stage) -> str:
    """Run one case, and put away what it leaves."""
    try:
        CASES[name](stage)
        assert not stage.reports, stage.reports
        return "ok"
    except Exception:
        return traceback.format_exc()
    finally:
        for window in list(stage.root.children.values()):
            window.destroy()
        for client in stage.clients:
            client.close()
        stage.clients.clear()
        stage.reports.clear()


def end(stage: Stage) -> None:
    """Let go of the root, and have it collected on another thread, as a reader might."""
    root = stage.root
    attach_tk(root, stage.client())
    root.destroy()
    del root, stage.root
    gc.disable()
    collector = threading.Thread(target=gc.collect)
    collector.start()
    collector.join()


def main() -> None:
    """Run all cases."""
    with simulate("onyx", interval=0.01) as venue:
        stage = Stage(venue)
        report = {name: run(name, stage) for name in CASES}
        end(stage)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
