"""A toy venue for the session's tests: a real WebSocket server that does what a test tells it.

Its protocol is the simplest that has everything: ``{"id": 1, "do": "echo", "value": "x"}`` is
answered ``{"id": 1, "ok": "x"}`` or ``{"id": 1, "no": "text"}``; an event is ``{"route": "r",
"data": …}``; the text ``ping`` wants the text ``pong``. What the venue does with each ``do`` can
be replaced, by name, in `Venue.does`.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Generator, Hashable, Iterator, Mapping, Sequence
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidState
from websockets.sync.server import ServerConnection, serve

from venuesdk.errors import AuthenticationError, ProtocolError, RequestRejected
from venuesdk.protocol.codec import (
    Codec,
    Event,
    Heartbeat,
    Message,
    Pulse,
    Rejection,
    Request,
    Response,
    Topic,
)
from venuesdk.secret import Secret
from venuesdk.session.fetcher import Fetcher
from venuesdk.session.modes import make_delivery
from venuesdk.session.quota import AttemptQuota
from venuesdk.session.reader import Plan
from venuesdk.session.session import Session
from venuesdk.session.subscription import Subscription
from venuesdk.timing import Backoff, Deadline
from venuesdk.wire.endpoint import Endpoint

PATIENCE = 5.0


class ToyCodec(Codec):
    """The client's side of the toy protocol."""

    venue = "toy"
    url = "ws://127.0.0.1/"
    login = False

    def opening(self) -> Generator[Request, bytes, None]:
        if self.login:
            answer = yield Request("login")
            if answer != b"true":
                raise AuthenticationError("the venue said no", venue="toy")

    def encode(self, id: int, request: Request) -> str:
        fields = dict(request.fields)
        if "fail" in fields:
            raise ValueError("cannot be written")
        if self.login and request.method == "login":
            fields["token"] = self.credentials["token"].reveal()
        return json.dumps({"id": id, "do": request.method, **fields})

    def decode(self, frame: bytes) -> Sequence[Message]:
        if frame == b"ping":
            return [Heartbeat("pong")]
        try:
            message = json.loads(frame)
        except ValueError as error:
            raise ProtocolError("not JSON", frame=frame) from error
        if "route" in message and "id" not in message:
            return [Event(message["route"], json.dumps(message["data"]).encode(), decode_event)]
        if "no" in message:
            return [Rejection(message["id"], RequestRejected(message["no"]))]
        answer: list[Message] = [
            Response(message["id"], json.dumps(message["ok"]).encode(), message.get("route"))
        ]
        if "first" in message:
            first = json.dumps(message["first"]).encode()
            answer.append(Event(message["route"], first, decode_event))
        return answer

    def subscribe(self, topics: Sequence[Topic], options: Mapping[str, Any]) -> Request:
        return Request("sub", {"topic": topics[0].name}, topics=tuple(topics))

    def unsubscribe(self, topic: Topic, route: Hashable | None) -> Request | None:
        return Request("unsub", {"topic": topic.name}, topics=(topic,))


class LoginCodec(ToyCodec):
    """The same, with a login."""

    login = True


def decode_event(payload: bytes) -> Any:
    """Return the value of a payload; two of them cannot be read."""
    value = json.loads(payload)
    if value == "undecodable":
        raise ProtocolError("an event that cannot be read", frame=payload)
    if value == "bug":
        raise KeyError("a decoder's own fault")
    return value


class Venue:
    """The server's side. Every method may be called from any thread."""

    def __init__(self) -> None:
        self.requests: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.texts: SimpleQueue[str] = SimpleQueue()
        self.logins: list[str] = []
        self.accepted = 0
        self.does: dict[str, Callable[[ServerConnection, dict[str, Any]], None]] = {
            "echo": lambda link, message: self.answer(link, message, message.get("value")),
            "login": self._login,
            "sub": lambda link, message: self.answer(link, message, None, route=message["topic"]),
            "unsub": lambda link, message: self.answer(link, message, None),
            "mute": lambda link, message: None,
            "refuse": lambda link, message: self.send(link, {"id": message["id"], "no": "no"}),
            "hang_up": lambda link, message: link.socket.shutdown(2),
        }
        self.links: list[ServerConnection] = []
        self.refusals: SimpleQueue[tuple[int, dict[str, str]]] = SimpleQueue()
        self._changed = threading.Condition()
        self._server = serve(
            self._serve,
            "127.0.0.1",
            0,
            compression=None,
            ping_interval=None,
            process_request=self._receive,
        )
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/"

    def send(self, link: ServerConnection, message: Any) -> None:
        try:
            link.send(message if isinstance(message, str) else json.dumps(message))
        except (ConnectionClosed, InvalidState):
            return

    def answer(
        self, link: ServerConnection, message: dict[str, Any], value: Any, **more: Any
    ) -> None:
        self.send(link, {"id": message["id"], "ok": value, **more})

    def push(self, route: Hashable, *data: Any) -> None:
        for value in data:
            for link in list(self.links):
                self.send(link, {"route": route, "data": value})

    def say(self, text: str) -> None:
        for link in list(self.links):
            self.send(link, text)

    def cut(self) -> None:
        """Cut every connection, without a closing handshake."""
        for link in list(self.links):
            with contextlib.suppress(OSError):
                link.socket.shutdown(2)

    def request(self, do: str) -> dict[str, Any]:
        """Return the next request of that name that was received."""
        while True:
            message = self.requests.get(timeout=PATIENCE)
            if message["do"] == do:
                return message

    def wait_for_links(self, accepted: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.accepted >= accepted, PATIENCE)

    def close(self) -> None:
        self._server.shutdown()
        self.cut()
        self._thread.join(PATIENCE)

    def _receive(self, link: ServerConnection, request: Any) -> Any:
        """Answer the upgrade with the next refusal, a status and headers, if there is one.

        Without one, the link is counted before its client can know of it.
        """
        if self.refusals.empty():
            with self._changed:
                self.links.append(link)
                self.accepted += 1
                self._changed.notify_all()
            return None
        status, headers = self.refusals.get()
        response = link.respond(HTTPStatus(status), "no")
        for name, value in headers.items():
            response.headers[name] = value
        return response

    def _login(self, link: ServerConnection, message: dict[str, Any]) -> None:
        self.logins.append(message["token"])
        self.answer(link, message, message["token"] == "let-me-in-5d1c")

    def _serve(self, link: ServerConnection) -> None:
        try:
            for text in link:
                if isinstance(text, str) and text.startswith("{"):
                    message = json.loads(text)
                    self.requests.put(message)
                    self.does[message["do"]](link, message)
                else:
                    self.texts.put(str(text))
        except (ConnectionClosed, OSError):
            return
        finally:
            self.links.remove(link)


class Desk:
    """A session on the toy venue, with what a test looks at."""

    def __init__(self, venue: Venue, **options: Any) -> None:
        self.venue = venue
        self.states: SimpleQueue[Any] = SimpleQueue()
        self.errors: SimpleQueue[BaseException] = SimpleQueue()
        self.delivery = make_delivery(options.get("delivery", "thread"), "toy")
        if options.get("on_error", True):
            self.delivery.error_handlers.append(self.errors.put)
        credentials = options.get("credentials", lambda: {"token": Secret("let-me-in-5d1c")})
        codec: type[ToyCodec] = options.get("codec", ToyCodec)
        pulse = options.get("pulse")
        if pulse is not None:
            codec = type("PulsingCodec", (codec,), {"pulse": pulse})
        if options.get("heartbeat"):
            codec = type("BeatingCodec", (codec,), {"heartbeat": lambda self: Request("echo")})
        url = options.get("url", venue.url)
        self.plan = Plan(
            "toy",
            lambda secrets: codec(secrets, url),
            Endpoint,
            Fetcher("toy", self._no_http),
            options.get("timeout", PATIENCE),
            options.get("backoff", Backoff(initial=0.01, maximum=0.05)),
            options.get("persistent", False),
            options.get("quota", AttemptQuota(rate=1000, burst=1000)),
        )
        self.session = Session(self.plan, self.delivery, credentials)
        self.session.standing.handlers.append(self.states.put)

    def connect(self, timeout: float = PATIENCE) -> Desk:
        self.session.connect(Deadline(timeout))
        return self

    def ask(self, method: str, timeout: float = PATIENCE, read: bool = False, **fields: Any) -> Any:
        request = Request(method, fields, read=read)
        return json.loads(self.session.asking.request(request, Deadline(timeout)))

    def subscribe(
        self, name: str, callback: Any = None, timeout: float = PATIENCE, **options: Any
    ) -> Subscription[Any]:
        names = ("on_gap", "conflate", "max_queue", "stale_after")
        chosen = {key: options.pop(key) for key in names if key in options}
        topic = Topic(name, name, None, options.pop("route", name), **options)
        subscription: Subscription[Any] = Subscription(topic, self.delivery, callback, **chosen)
        self.session.subscribing.subscribe([subscription], Deadline(timeout), {})
        return subscription

    def state(self, wanted: str) -> Any:
        """Wait for the next change to a state of that name."""
        while True:
            change = self.states.get(timeout=PATIENCE)
            if change.state.value == wanted:
                return change

    def error(self) -> BaseException:
        return self.errors.get(timeout=PATIENCE)

    def close(self) -> None:
        self.session.close()

    @staticmethod
    def _no_http() -> Any:
        raise AssertionError("the toy venue has no HTTP side")


@pytest.fixture
def venue() -> Iterator[Venue]:
    """A toy venue on loopback."""
    server = Venue()
    yield server
    server.close()


@pytest.fixture
def open_desk(venue: Venue) -> Iterator[Callable[..., Desk]]:
    """Make sessions on the toy venue that are closed, whatever the test does."""
    desks: list[Desk] = []

    def make(**options: Any) -> Desk:
        desks.append(Desk(venue, **options))
        return desks[-1]

    yield make
    for desk in desks:
        desk.close()


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    """A connected session with the default delivery."""
    return open_desk().connect()


@pytest.fixture
def quick_pulse() -> Pulse:
    """A heartbeat that notices silence within a fraction of a second."""
    return Pulse(quiet=0.1, patience=0.2)


@pytest.fixture
def toy_codec() -> type[ToyCodec]:
    """The codec of the toy venue."""
    return ToyCodec


@pytest.fixture
def login_codec() -> type[ToyCodec]:
    """The codec with a login."""
    return LoginCodec


@pytest.fixture
def hold() -> Iterator[Callable[[Any], None]]:
    """Let a thread be stuck with a lock until the test ends."""
    release, threads = threading.Event(), []

    def stuck(lock: Any, held: threading.Event) -> None:
        with lock:
            held.set()
            release.wait(PATIENCE)

    def begin(lock: Any) -> None:
        held = threading.Event()
        threads.append(threading.Thread(target=stuck, args=(lock, held), name="stuck-thread"))
        threads[-1].start()
        assert held.wait(PATIENCE)

    yield begin
    release.set()
    for thread in threads:
        thread.join(PATIENCE)
