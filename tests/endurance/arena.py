"""What the threads of a stress share: clients, streams, judgement, and how it all must end."""

from __future__ import annotations

import heapq
import itertools
import queue
import random
import threading
import time
import traceback
import weakref
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import desk
from census import open_slots
from simulators import VENUES, Simulators
from watchdog import Watchdog

from venuesdk.client import Client
from venuesdk.errors import VenueError
from venuesdk.models import State
from venuesdk.session.quota import AttemptQuota
from venuesdk.timing import Backoff

__all__ = ["Clock", "Mischief", "Stress"]

HANGS_AFTER = 5.0
"""Seconds beyond its timeout after which a call counts as hanging.

Threads that switch every microsecond wait for each other's interpreter: what a call takes beyond
its timeout is measured here, and promised elsewhere.
"""
DELIVERIES = ("thread", "inline", "pump", "post")


class Mischief(Exception):
    """What a callback raises on purpose."""


class Clock:
    """One thread that does things later: undoes faults, ends streams, runs posted callbacks."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="clock")
        self._thread.start()

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))
            self._changed.notify()

    def end(self) -> None:
        """Do all that is left now, and end the thread."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._due and self._ended:
                    return
                left = self._due[0][0] - time.monotonic() if self._due else 3600.0
                if left > 0 and not self._ended:
                    self._changed.wait(left)
                    continue
                action = heapq.heappop(self._due)[2]
            action()


class Stress:
    """What all threads share. `lock` guards the places of the clients and the open streams."""

    def __init__(self, seed: int, sims: Simulators, ca_file: Path | None, dog: Watchdog) -> None:
        self.seed = seed
        self.sims = sims
        self.dog = dog
        self.calm = threading.Event()
        self.clock = Clock()
        self.lock = threading.Lock()
        self.places: list[Client] = []
        self.streams: list[Any] = []
        self.made: list[weakref.ref[Client]] = []
        self.wrong: list[str] = []
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.overruns: list[float] = []
        self.slots_lost = 0
        self._ca_file = ca_file
        # All clients line up at one quota, so that its queue is under stress too.
        self._quota = AttemptQuota(rate=100.0, burst=20)
        self._posted: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._poster = threading.Thread(target=self._run_posted, name="poster")
        self._poster.start()

    # Clients

    def new_client(self, venue: str, dice: random.Random) -> Client:
        kind = dice.choice(DELIVERIES)
        client = desk.make(
            venue,
            self.sims.sites[venue],
            self._ca_file,
            timeout=2.0,
            delivery=self._posted.put if kind == "post" else kind,
            reconnect=Backoff(initial=0.01, maximum=0.2),
            quota=self._quota,
            on_error=self.on_error,
            on_state=lambda change: self.counts.update([f"state {change.state.value}"]),
        )
        self.made.append(weakref.ref(client))
        self.counts["clients"] += 1
        return client

    def replace(self, place: int, old: Client, dice: random.Random) -> None:
        """Close a client, and put another one in its place, unless somebody else did."""
        self.timed(2.0, "close", old.close)
        self.check_closed(old)
        client = self.new_client(old.venue, dice)
        with self.lock:
            mine = self.places[place] is old
            if mine:
                self.places[place] = client
        if mine:
            self.timed(1.0, "connect", lambda: client.connect(1.0))
        else:
            client.close()

    def check_closed(self, client: Client) -> None:
        """See that nothing waits in a closed client."""
        waiting, table = client.stats().waiting_requests, open_slots(client)
        if waiting or table:
            self.slots_lost += table
            self.complain(f"{client!r} is closed with {waiting} requests and {table} slots")

    # Judging

    def complain(self, text: str, error: BaseException | None = None) -> None:
        if error is not None:
            text = "\n".join([text, *traceback.format_exception(error)])
        self.wrong.append(text)

    def timed(self, seconds: float, what: str, action: Callable[[], object]) -> None:
        """Do something that may take so long and may fail as documented, and judge how it does."""
        began = time.monotonic()
        try:
            action()
            self.counts[f"{what} succeeded"] += 1
        except Exception as error:
            if isinstance(error, VenueError):
                self.errors[type(error).__name__] += 1
            elif not desk.is_documented(error):
                self.complain(f"{what} raised what no document says", error)
        took = time.monotonic() - began
        self.counts[what] += 1
        if took > seconds:
            self.overruns.append(took - seconds)
        if took > seconds + HANGS_AFTER:
            self.complain(f"{what} took {took:.1f} s instead of {seconds:g} s")

    def on_error(self, error: BaseException) -> None:
        if not isinstance(error, (VenueError, Mischief)):
            self.complain("on_error was told", error)
        self.counts["on_error"] += 1

    def _run_posted(self) -> None:
        while (function := self._posted.get()) is not None:
            function()

    # Callbacks

    def callback(self, place: int, client: Client, name: str) -> Callable[[Any], None]:
        """Return a callback that now and then does what a callback is said to be free to do."""
        dice = random.Random(f"{self.seed}/{name}")
        acts: dict[str, Callable[[], object]] = {
            "callback calls": lambda: desk.call(client, dice, 0.5),
            "callback subscribes": lambda: desk.subscribe(client, dice, None, timeout=0.5),
            "callback asks": client.stats,
            "callback ends a stream": self.end_a_stream,
            "callback closes the client": client.close,
        }

        def callback(event: Any) -> None:
            self.counts["events"] += 1
            if self.calm.is_set() or dice.random() > 0.2:
                return
            if dice.random() < 0.1:
                raise Mischief
            what = dice.choices(list(acts), weights=(5, 2, 5, 3, 1))[0]
            self.timed(2.0 if what.endswith("client") else 0.5, what, acts[what])

        return callback

    def end_a_stream(self, index: int = -1) -> None:
        with self.lock:
            stream = self.streams.pop(index % len(self.streams)) if self.streams else None
        if stream is not None:
            stream.close()

    # The end

    def settle(self) -> None:
        """Stop all mischief; every client that is left must work then."""
        self.calm.set()
        self.clock.end()
        for venue in VENUES:
            quiet(self.sims, venue)
        while self.streams:
            self.end_a_stream()
        for place, client in enumerate(self.places):
            self.dog.step("main", f"seeing that {client!r} works")
            self._must_work(place, client)
        for client in self.places:
            self.dog.step("main", f"seeing that nothing waits in {client!r}")
            self._leave_unanswered(client)
            self._must_be_empty(client)
        while self.places:
            client = self.places.pop()
            self.timed(2.0, "close", client.close)
            self.check_closed(client)
        self._posted.put(None)
        self._poster.join()

    def _must_work(self, place: int, client: Client) -> None:
        """Make a call as soon as the client is there again; a closed one is replaced."""
        if client.state is State.CLOSED:
            client = self.places[place] = self.new_client(client.venue, random.Random(place))
        until = time.monotonic() + 15.0
        while True:
            try:
                client.connect(2.0)
                desk.call(client, random.Random(place), 2.0)
                return
            except VenueError as error:
                if time.monotonic() > until:
                    self.complain(f"{client!r} does not work any more: {client.stats()}", error)
                    return

    def _leave_unanswered(self, client: Client) -> None:
        """Make calls that get no answer, on a connection that goes on: their slots must go too."""
        self.sims.tell(client.venue, "mute", True)
        for number in range(3):
            dice = random.Random(number)
            self.timed(0.05, "call", lambda dice=dice: desk.call(client, dice, 0.05))
        self.sims.tell(client.venue, "mute", False)

    def _must_be_empty(self, client: Client) -> None:
        until = time.monotonic() + 2.0
        while open_slots(client) and time.monotonic() < until:
            time.sleep(0.01)
        waiting, table = client.stats().waiting_requests, open_slots(client)
        if waiting or table:
            self.slots_lost += table
            self.complain(f"{client!r} has lost {waiting} requests, {table} slots")


def quiet(sims: Simulators, venue: str) -> None:
    """Let a venue be well again."""
    for what, argument in (
        ("half_open", False), ("mute", False), ("slow", 0.0), ("reorder", 0),
        ("refuse_connections", False), ("refuse_login", False),
    ):  # fmt: skip
        sims.tell(venue, what, argument)
