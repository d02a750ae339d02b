"""The threads of a stress: each does one thing after the other, as its own dice say."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import desk
from arena import Stress

from venuesdk.client import Client
from venuesdk.errors import VenueError
from venuesdk.models import State

__all__ = ["Worker"]

FAULTS: tuple[tuple[str, tuple[Any, ...], tuple[Any, ...] | None], ...] = (
    ("drop", (), None),
    ("close_with", (1012, "restart"), None),
    ("close_with", (4000, ""), None),
    ("half_open", (True,), (False,)),
    ("mute", (True, True), (False,)),
    ("slow", (0.01,), (0.0,)),
    ("reorder", (3, 0.2), (0,)),
    ("garbage", (), None),
    ("flood", (100,), None),
    ("refuse_connections", (True, 503), (False,)),
    ("refuse_login", (True,), (False,)),
)
"""What is told to a simulator, and what undoes it."""


class Worker(threading.Thread):
    """One thread that does one thing after the other, as its own dice say."""

    def __init__(self, stress: Stress, number: int, until: float) -> None:
        super().__init__(name=f"worker-{number}")
        self._stress = stress
        self._dice = random.Random(f"{stress.seed}/{number}")
        self._until = until
        self.steps = 0
        self._acts: dict[Callable[[int, Client], None], int] = {
            self.call: 36, self.subscribe: 12, self.take: 8, self.iterate: 4,
            self.end_a_stream: 9, self.cut: 3, self.connect: 6, self.replace: 1,
            self.ask: 12, self.pump: 8,
        }  # fmt: skip

    def run(self) -> None:
        stress, acts, weights = self._stress, list(self._acts), list(self._acts.values())
        try:
            while time.monotonic() < self._until:
                self.steps += 1
                place = self._dice.randrange(len(stress.places))
                act = self._dice.choices(acts, weights)[0]
                client = stress.places[place]
                stress.dog.step(self.name, f"step {self.steps}, {act.__name__} of {client!r}")
                act(place, client)
        except BaseException as error:
            stress.complain(f"{self.name}, step {self.steps}, raised", error)
        finally:
            stress.dog.leave(self.name)

    def call(self, place: int, client: Client) -> None:
        timeout = self._dice.choice((0.01, 0.1, 0.5, 1.5))
        self._stress.timed(timeout, "call", lambda: desk.call(client, self._dice, timeout))

    def subscribe(self, place: int, client: Client) -> None:
        name = f"{self.name}/{self.steps}"
        callback = self._stress.callback(place, client, name)
        self._open(client, callback, self._dice.random() < 0.3)

    def take(self, place: int, client: Client) -> None:
        stream = self._open(client, None, False)
        if stream is None:
            return
        for _ in range(self._dice.randint(1, 20)):
            try:
                stream.get(0.05)
            except (TimeoutError, VenueError):
                break
        stream.close()

    def iterate(self, place: int, client: Client) -> None:
        stream = self._open(client, None, False)
        if stream is None:
            return
        self._stress.clock.later(self._dice.uniform(0.0, 0.5), stream.close)
        try:
            for _ in stream:
                self._stress.counts["iterated"] += 1
        except VenueError as error:
            self._stress.errors[type(error).__name__] += 1

    def end_a_stream(self, place: int, client: Client) -> None:
        self._stress.end_a_stream(self._dice.randrange(1000))

    def cut(self, place: int, client: Client) -> None:
        tell, later, dice = self._stress.sims.tell, self._stress.clock.later, self._dice
        venue = client.venue
        what, arguments, undo = dice.choice(FAULTS)
        self._stress.counts["faults"] += 1
        tell(venue, what, *arguments)
        if what == "refuse_login":
            tell(venue, "drop")
        if undo is not None:
            later(dice.uniform(0.05, 0.5), lambda: tell(venue, what, *undo))

    def connect(self, place: int, client: Client) -> None:
        if client.state is State.CLOSED:
            self._stress.replace(place, client, self._dice)
        else:
            self._stress.timed(0.5, "connect", lambda: client.connect(0.5))

    def replace(self, place: int, client: Client) -> None:
        self._stress.replace(place, client, self._dice)

    def ask(self, place: int, client: Client) -> None:
        stats = client.stats()
        if stats.waiting_requests < 0 or stats.queue_depth < 0:
            self._stress.complain(f"{client!r} counts wrong: {stats}")
        repr(client), client.state, client.connected
        self._stress.timed(0.01, "wait", lambda: client.wait(0.01))

    def pump(self, place: int, client: Client) -> None:
        try:
            client.pump(0.02, 50)
        except ValueError:
            # It is not delivered so, or the pump belongs to another thread: both are documented.
            self._stress.counts["pump refused"] += 1
        except VenueError as error:
            self._stress.errors[type(error).__name__] += 1

    def _open(self, client: Client, callback: Any, conflate: bool) -> Any:
        found: list[Any] = []

        def start() -> None:
            one = desk.subscribe(client, self._dice, callback, timeout=0.5, max_queue=200)
            if one is not None:
                found.append(one)

        self._stress.timed(0.5, "subscribe", start)
        if not found:
            return None
        with self._stress.lock:
            self._stress.streams.append(found[0])
        return found[0]
