"""Tk: it is polled, and nobody but its own thread ever calls it.

A call of Tk's from another thread waits for that of the window: a reader would stand still as long
as a dialog does, and closing a client from the window might never end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..client import Client
from ..errors import ClientClosed, ReentrantCall
from ..models import State
from ..timing import monotonic
from .background import Poster

if TYPE_CHECKING:
    from tkinter import Event, Misc

__all__ = ["attach_tk"]

PAUSE = 16
"""Milliseconds in which Tk draws and hears its user before the clients are looked at again."""
QUIET_PAUSE = 100
"""The same where nothing has come for a while: to wake up is what costs an idle window the most."""
QUIET_AFTER = 2.0
"""Seconds without a callback after which that is so."""
BUDGET = 0.008
"""Seconds after which no further callback is begun before the next pause."""


def attach_tk(window: Misc, client: Client) -> Poster:
    """Run the client's callbacks on the thread of a Tk window, and close it with the window.

    The client has ``delivery="pump"``. Its callbacks run in the main loop, about 60 times a second,
    and 10 where none has run for two seconds. After 8 ms no further one is begun, of all clients of
    a window together, so that it stays alive under any load. `window` may be the root, a
    ``Toplevel``, or any other widget. When it is destroyed, no further callback begins, and the
    client is closed on a thread of its own, for that may take two seconds; ``WM_DELETE_WINDOW``
    stays yours. The interpreter exits when it is done.

    Call it on the window's thread, which should be the main one. Returns a `post` for that thread,
    which may be called from any other: by it `call_in_background` brings results back.

    Raises `ValueError` for a client with another delivery, and for one that is attached already.
    Where ``pump`` was called on another thread before, Tk reports the `ValueError` of that, once.
    """
    from tkinter import Misc

    if not isinstance(window, Misc):
        raise TypeError(f"attach_tk takes a window of tkinter, not {window!r}")
    if not isinstance(client, Client):
        raise TypeError(f"attach_tk takes a client, not {client!r}")
    if client.delivery != "pump":
        raise ValueError(f'{client} was not made with delivery="pump"')
    if client in _ATTACHED:
        raise ValueError(f"{client} is attached to a window already")
    poll = _POLLS.get(window) or _TkPoll(window)
    poll.clients[client] = None
    _ATTACHED.add(client)
    return poll.post


class _TkPoll:
    """What one window looks after: functions that were posted to it, and its clients.

    All but `post` belongs to the window's thread. One callback runs at a time, for each may destroy
    the window, and touch nothing of it afterwards.
    """

    def __init__(self, window: Misc) -> None:
        self.clients: dict[Client, None] = {}
        self._window = window
        self._functions: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._timer: str | None = None
        self._quiet_at = monotonic() + QUIET_AFTER
        self._turn = 0
        self._gone = False
        # A tag of its own: a plain binding would be replaced by the program's next one.
        self._tag = f"venuesdk-{id(self)}"
        self._command = window.bind_class(self._tag, "<Destroy>", self._on_destroy)
        window.bindtags((self._tag, *window.bindtags()))
        self._rest()
        _POLLS[window] = self
        if threading.current_thread() is threading.main_thread():
            _INTERPRETERS.add(window.tk)

    def post(self, function: Callable[[], None]) -> bool:
        """Let the window's thread call `function()`; return False where the window is gone."""
        if not self._gone:
            self._functions.put(function)
        if self._gone:
            self._let_go()
        return not self._gone

    def _let_go(self) -> None:
        """Let go of what was posted and will not be called; whoever waits for it is told by that.

        Called once more by who posted while the window was destroyed.
        """
        with suppress(Empty):
            while True:
                self._functions.get_nowait()

    def _tick(self) -> None:
        # Before as well as after, for a callback may open a dialog and wait in it.
        self._rest()
        until = monotonic() + BUDGET
        try:
            while not self._gone and self._run_some(until):
                self._quiet_at = monotonic() + QUIET_AFTER
                if monotonic() >= until:
                    break
        finally:
            if monotonic() < self._quiet_at:
                self._rest()

    def _rest(self) -> None:
        """Look again after a pause from now on, if the window is still there."""
        before = self._timer
        pause = PAUSE if monotonic() < self._quiet_at else QUIET_PAUSE
        # In this order: where Ctrl-C comes between, it is looked at twice, and not never.
        self._timer = None if self._gone else self._window.after(pause, self._tick)
        if before is not None:
            self._window.after_cancel(before)

    def _run_some(self, until: float) -> int:
        """Run one posted function, and one callback of each client that there is time for.

        One callback runs in any case, and its client is the last the next time, so that all have
        their turn however slow they are. Returns how many ran.
        """
        posted, count, clients = self._run_posted(), 0, tuple(self.clients)
        for turn in range(self._turn, self._turn + len(clients)):
            if self._gone or (count and monotonic() >= until):
                break
            self._turn = turn + 1
            count += self._pump_one(clients[turn % len(clients)])
        return posted + count

    def _run_posted(self) -> int:
        try:
            function = self._functions.get_nowait()
        except Empty:
            return 0
        function()
        return 1

    def _pump_one(self, client: Client) -> int:
        # Once `wait` has returned, its last change of state stands in the line.
        closed = client.state is State.CLOSED and client.wait(0.0)
        try:
            count = client.pump(0.0, max_events=1)
        except ReentrantCall:
            return 0
        except (ClientClosed, ValueError):
            # It belongs to another thread, or process, for good.
            self.clients.pop(client, None)
            raise
        if closed and not count:
            self.clients.pop(client, None)
        return count

    def _on_destroy(self, _: Event[Misc]) -> None:
        self._gone = True
        _POLLS.pop(self._window, None)
        for client in self.clients:
            _close_in_background(client)
        self.clients.clear()
        self._let_go()
        self._rest()
        root = self._window.nametowidget(".")  # which keeps the commands of all classes
        root.unbind_class(self._tag, "<Destroy>")
        root.deletecommand(self._command)


_POLLS: dict[Misc, _TkPoll] = {}
"""By window, until it is destroyed."""
_ATTACHED: WeakSet[Client] = WeakSet()
_INTERPRETERS: set[object] = set()
"""Tcl interpreters of the main thread, kept for the life of the process.

One that is deleted on another thread aborts the process, and Python's garbage collector, which
finds it in the cycles of any window, may run on a client's reader.
"""


def _close_in_background(client: Client) -> None:
    try:
        threading.Thread(
            target=client.close, name=f"venuesdk-{client.venue}-close", daemon=False
        ).start()
    except RuntimeError:
        # No thread is to be had, as when the interpreter is exiting.
        client.close()
