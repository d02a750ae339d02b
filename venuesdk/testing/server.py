"""The simulated venue: a real WebSocket server on loopback, and what a venue's author adds.

This is the base; it knows no venue's messages. It imports nothing that a client is made of, so
that a mistake of a client's codec cannot be repeated here.

How a venue is written is told in `venuesdk.testing.sims`.
"""

from __future__ import annotations

import random
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from venuesdk.testing.connection import Connection, encode
from venuesdk.testing.listener import Listener
from venuesdk.testing.registry import register, require_websockets, simulate, venues
from venuesdk.testing.schedule import Alarm, Schedule
from venuesdk.testing.switches import Switches
from venuesdk.testing.web import HttpReply, HttpRequest, HttpSide, Refusal
from venuesdk.timing import wall_clock

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Connection",
    "HttpReply",
    "HttpRequest",
    "Refusal",
    "SimulatedVenue",
    "simulate",
    "venues",
]

_KEPT = 100_000


class SimulatedVenue(Switches):
    """A venue on loopback; see the module's text for what a subclass adds.

    Every method and property may be used from any thread. `start` and `close` are idempotent;
    `close` takes less than two seconds and leaves no thread, whatever the faults.
    """

    name: ClassVar[str] = ""
    path: ClassVar[str] = "/"
    has_http: ClassVar[bool] = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.name:
            register(cls)

    def __init__(
        self,
        *,
        seed: int = 1,
        tls: ssl.SSLContext | None = None,
        interval: float | None = 0.05,
        clock: Callable[[], float] = wall_clock,
        host: str = "127.0.0.1",
        port: int = 0,
        http_port: int = 0,
    ) -> None:
        super().__init__()
        require_websockets()
        self.seed = seed
        self.interval = interval
        self.clock = clock
        self.credentials: dict[str, Any] = {}
        self.random = random.Random(f"{seed}/{self.name}")
        self._tls = tls
        self._host = host
        self._port = port
        self._http_port = http_port
        self._thread_name = f"venuesdk-sim-{self.name}"
        self._schedule = Schedule(self._guard, f"{self._thread_name}-clock")
        self._received: deque[tuple[int, str]] = deque(maxlen=_KEPT)
        self._http_received: deque[HttpRequest] = deque(maxlen=_KEPT)
        self._accepted = 0
        self._listener: Listener | None = None
        self._web: HttpSide | None = None
        self._closed = False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what a client and a test see

    @property
    def url(self) -> str:
        """The WebSocket URL, with the venue's documented path.

        Raises RuntimeError before `start`, where the system has yet to choose the port.
        """
        if not self._port:
            raise self._not_started()
        scheme = "wss" if self._tls else "ws"
        return f"{scheme}://{self._host}:{self._port}{self.path}"

    @property
    def port(self) -> int:
        """The port of the WebSocket side; it is known when the venue is started."""
        return self._port

    @property
    def http_url(self) -> str | None:
        """The base of the HTTP side, without a slash at its end; None where there is none."""
        return self._web.url if self._web else None

    def _http_base(self) -> str:
        """Return `http_url` of a venue that has one, so that its own type can say so."""
        if self._web is None:
            raise self._not_started()
        return self._web.url

    def _not_started(self) -> RuntimeError:
        return RuntimeError(
            f"the simulated venue {self.name!r} has no address yet: start() it, or use `with`"
        )

    @property
    def received(self) -> list[tuple[int, str]]:
        """The newest 100,000 text frames, oldest first, each with its connection's number."""
        with self._guard:
            return list(self._received)

    @property
    def http_received(self) -> list[HttpRequest]:
        """The newest 100,000 HTTP requests, oldest first: method, path, headers, body."""
        with self._guard:
            return list(self._http_received)

    @property
    def connections(self) -> int:
        """How many WebSocket connections are open now."""
        return len(self.open_connections())

    @property
    def accepted(self) -> int:
        """How many WebSocket connections were ever accepted; the first has number 1."""
        with self._guard:
            return self._accepted

    @property
    def login_refused(self) -> bool:
        """Whether logins are to be refused; for the venue's own code."""
        return self._login_refused

    def open_connections(self) -> list[Connection]:
        """Return the open connections, oldest first."""
        listener = self._listener
        return [link for link in listener.links if link.is_open] if listener else []

    def wait_for(self, predicate: Callable[[Self], object], timeout: float = 5.0) -> bool:
        """Block until `predicate(venue)` is true; returns whether it became so in time.

        It is asked again whenever a frame came or went, a connection opened or ended.
        """
        with self._guard:
            return bool(self._changed.wait_for(lambda: predicate(self), timeout))

    def tick(self, n: int = 1) -> None:
        """Move the market `n` steps now, and send each subscriber what that brings."""
        for _ in range(n):
            with self._guard:
                self.step()
                for connection in self.open_connections():
                    for message in self.events_for(connection):
                        connection.event(message)

    # -- life

    def start(self) -> None:
        """Listen, and start the market's thread where there is an interval."""
        with self._guard:
            if self._closed or self._listener is not None:
                return
            name = self._thread_name
            self._listener = Listener(
                (self._host, self._port), self, self._weather, self._tls, self.later, name
            )
            self._port = self._listener.port
            if self.has_http:
                self._web = HttpSide(
                    self._answer, self._host, self._http_port, self._tls, f"{name}-http"
                )
            if self.interval is not None:
                self.every(self.interval, self.tick)

    def close(self) -> None:
        """Say goodbye with 1001, cut whoever does not answer, and end every thread."""
        with self._guard:
            self._closed = True
            self._changed.notify_all()
        self._schedule.close()
        if self._listener is not None:
            self._listener.close()
        if self._web is not None:
            self._web.close()

    def later(self, delay: float, function: Callable[[], None]) -> Alarm:
        """Run `function`, one more hook, `delay` seconds from now."""
        return self._schedule.later(delay, function)

    def every(self, period: float, function: Callable[[], None]) -> Alarm:
        """Run `function`, one more hook, each `period` seconds."""
        return self._schedule.every(period, function)

    # -- hooks

    def admit(self, connection: Connection) -> Refusal | None:
        """Decide about a handshake; a path that is not the venue's is refused (invented)."""
        if connection.path != self.path:
            return Refusal(404, "not found\n")
        return None

    def opened(self, connection: Connection) -> None:
        """Greet a new connection; nothing by default."""

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer one message."""
        raise NotImplementedError

    def closed(self, connection: Connection) -> None:
        """Forget a connection; nothing by default."""

    def on_http(self, request: HttpRequest) -> HttpReply:
        """Answer one HTTP request."""
        raise NotImplementedError

    def step(self) -> None:
        """Move the market one step; nothing by default."""

    def events_for(self, connection: Connection) -> Iterable[object]:
        """Return what the last step brings for this connection; nothing by default."""
        return ()

    # -- what links and faults ask

    def link_requested(self, link: Connection) -> Refusal | None:
        """Decide about a handshake."""
        with self._guard:
            return self._upgrade_refusal or self.admit(link)

    def link_opened(self, link: Connection, release: Callable[[], None]) -> None:
        """Count the connection before its client can know that it is open."""
        with self._guard:
            self._accepted += 1
            link.number = self._accepted
            link.hold_back(*self._held_back)
            release()
            self.opened(link)
            self._changed.notify_all()

    def link_text(self, link: Connection, text: str) -> None:
        """Keep the message, and let the venue answer it."""
        with self._guard:
            self._received.append((link.number, text))
            self.on_text(link, text)
            self._changed.notify_all()

    def link_ended(self, link: Connection) -> None:
        """Forget the connection."""
        with self._guard:
            self.closed(link)
            self._changed.notify_all()

    def link_moved(self) -> None:
        """Let those who wait look again."""
        with self._guard:
            self._changed.notify_all()

    def _answer(self, request: HttpRequest) -> HttpReply | None:
        with self._guard:
            self._http_received.append(request)
            self._changed.notify_all()
            muted = self._http_muted
            delay = self._weather.delay
            self._changed.wait_for(lambda: self._closed or not self._http_muted)
            if delay:
                self._changed.wait_for(lambda: self._closed, delay)
            return None if muted or self._closed else self.on_http(request)

    def _flood(self, count: int) -> None:
        events: dict[Connection, list[str]] = {link: [] for link in self.open_connections()}
        for _ in range(count):
            if all(len(texts) >= count for texts in events.values()):
                break
            self.step()
            for connection, texts in events.items():
                if len(texts) < count:
                    texts += map(encode, self.events_for(connection))
        for connection, texts in events.items():
            for text in texts[:count]:
                connection.event(text)
