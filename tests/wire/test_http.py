"""HTTP against peers that drip, lie, hang up and never answer; real sockets, loopback alone."""

from __future__ import annotations

import _thread
import contextlib
import gzip
import http.client
import logging
import os
import socket
import ssl
import threading
import time
import traceback
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from venuesdk.errors import (
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    NotSent,
    ProtocolError,
    RequestTimeout,
    VenueError,
)
from venuesdk.models import HttpRequest, HttpResponse
from venuesdk.timing import Deadline
from venuesdk.wire.endpoint import Proxy
from venuesdk.wire.http import HttpConnection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = HttpRequest("GET", "/orders")
POST = HttpRequest("POST", "/orders", body=b'{"side":"buy"}')
SHORT = 0.3
GRACE = 0.7
"""How much later than asked a call may return: a slice, and the scheduler of a busy machine."""


class Visit:
    """One connection, seen from the peer."""

    def __init__(self, peer: Peer, sock: socket.socket) -> None:
        self.peer = peer
        self.sock = sock
        self.received = b""

    def request(self) -> bytes:
        """Return the next whole request, b"" at the end of the stream."""
        while b"\r\n\r\n" not in self.received:
            more = self.sock.recv(65536)
            if not more:
                return b""
            self.received += more
        head, _, rest = self.received.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        while len(rest) < length:
            rest += self.sock.recv(65536)
        self.received = rest[length:]
        whole = head + b"\r\n\r\n" + rest[:length]
        self.peer.requests.append(whole)
        self.peer.arrived.set()
        return whole

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def wait_for_the_end(self) -> None:
        """Say nothing until the test is over."""
        self.peer.over.wait(20)

    def reset(self) -> None:
        """End the connection with a reset instead of a good-bye."""
        self.sock.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00"
        )
        self.sock.close()


class Peer:
    """A listener on loopback that does to each connection what a test says."""

    def __init__(
        self, serve: Callable[[Visit], None], context: ssl.SSLContext | None = None
    ) -> None:
        self.serve = serve
        self.context = context
        self.requests: list[bytes] = []
        self.visits = 0
        self.ended = 0
        self.arrived = threading.Event()
        self.over = threading.Event()
        self.changed = threading.Condition()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.socks: list[socket.socket] = []
        self.threads[0].start()

    @property
    def url(self) -> str:
        return f"{'http' if self.context is None else 'https'}://127.0.0.1:{self.port}"

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.socks.append(sock)
            with self.changed:
                self.visits += 1
                self.changed.notify_all()
            thread = threading.Thread(target=self._visit, args=(sock,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _visit(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.context is not None:
                sock = self.context.wrap_socket(sock, server_side=True)
                self.socks.append(sock)
            self.serve(Visit(self, sock))
        sock.close()
        with self.changed:
            self.ended += 1
            self.changed.notify_all()

    def until(self, condition: Callable[[], bool]) -> bool:
        """Wait until something about the visits is true."""
        with self.changed:
            return self.changed.wait_for(condition, 5)

    def close(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.socks:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(5)
        for sock in self.socks:
            sock.close()


MakePeer = Callable[..., Peer]
Connect = Callable[..., HttpConnection]


@pytest.fixture
def make_peer() -> Iterator[MakePeer]:
    """Return a maker of peers, which end with the test."""
    peers: list[Peer] = []

    def make(serve: Callable[[Visit], None], context: ssl.SSLContext | None = None) -> Peer:
        peers.append(Peer(serve, context))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a maker of connections, which end with the test."""
    made: list[HttpConnection] = []

    def make(*arguments: Any, **options: Any) -> HttpConnection:
        made.append(HttpConnection(*arguments, **options))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


def answering(*answers: bytes) -> Callable[[Visit], None]:
    """Answer each request of a connection with the next answer, then the last one again."""

    def serve(visit: Visit) -> None:
        served = 0
        while visit.request():
            visit.send(answers[min(served, len(answers) - 1)])
            served += 1

    return serve


def answer_and_close(answer: bytes) -> Callable[[Visit], None]:
    """Answer one request and hang up."""

    def serve(visit: Visit) -> None:
        if visit.request():
            visit.send(answer)

    return serve


def silent(visit: Visit) -> None:
    """Read one request and never answer."""
    visit.request()
    visit.wait_for_the_end()


@contextlib.contextmanager
def taking_at_most(seconds: float) -> Iterator[None]:
    """Fail a block that takes longer."""
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


def head_of(request: bytes) -> tuple[str, dict[str, str]]:
    """Return the request line and the headers by lower-case name; none may come twice."""
    first, *lines = request.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    headers = {name.lower(): value for name, value in pairs}
    assert len(headers) == len(pairs)
    return first, headers


# ---- what goes out and what comes back ---------------------------------------------------------


def test_a_request_goes_out_as_it_was_given(make_peer: MakePeer, connect: Connect) -> None:
    """Method, path with query, headers and body arrive; the base URL's path comes first."""
    peer = make_peer(answering(OK))
    connection = connect(f"{peer.url}/api/", headers={"X-Key": "k"}, user_agent="desk/7")
    request = HttpRequest("POST", "/orders?dry=1&a=%20", {"Content-Type": "text/plain"}, b"buy")
    connection.request(request, Deadline(5))
    line, headers = head_of(peer.requests[0])
    assert line == "POST /api/orders?dry=1&a=%20 HTTP/1.1"
    assert headers == {
        "host": f"127.0.0.1:{peer.port}",
        "accept-encoding": "gzip, deflate",
        "user-agent": "desk/7",
        "x-key": "k",
        "content-type": "text/plain",
        "content-length": "3",
    }
    assert peer.requests[0].endswith(b"\r\n\r\nbuy")


def test_a_body_that_is_absent_is_absent(make_peer: MakePeer, connect: Connect) -> None:
    """A GET carries no length; a POST without a body says that it has none (RFC 9110, 8.6)."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url)
    connection.request(HttpRequest("GET", "/"), Deadline(5))
    connection.request(HttpRequest("POST", "/"), Deadline(5))
    assert "content-length" not in head_of(peer.requests[0])[1]
    assert head_of(peer.requests[1])[1]["content-length"] == "0"


def test_a_requests_own_headers_win(make_peer: MakePeer, connect: Connect) -> None:
    """A header of the request replaces the connection's of the same name in any case."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url, headers={"X-Key": "general"})
    own = {"x-key": "special", "user-agent": "mine", "ACCEPT-ENCODING": "identity"}
    connection.request(HttpRequest("GET", "/", own), Deadline(5))
    headers = head_of(peer.requests[0])[1]
    assert headers["x-key"] == "special"
    assert headers["user-agent"] == "mine"
    assert headers["accept-encoding"] == "identity"


def test_without_a_base_url_requests_carry_whole_urls(
    make_peer: MakePeer, connect: Connect
) -> None:
    """One connection serves two hosts, and keeps the connections to both alive."""
    one, two = make_peer(answering(OK)), make_peer(answering(OK))
    connection = connect()
    for peer in (one, two, one, two):
        connection.request(HttpRequest("GET", f"{peer.url}/x?y"), Deadline(5))
    for peer in (one, two):
        assert [head_of(request)[0] for request in peer.requests] == ["GET /x?y HTTP/1.1"] * 2
        assert peer.visits == 1


@pytest.mark.parametrize("status", [200, 201, 400, 401, 403, 404, 418, 429, 500, 502, 503, 599])
def test_every_status_is_returned(make_peer: MakePeer, connect: Connect, status: int) -> None:
    """What a status means is the caller's business: 4xx and 5xx are answers like any other."""
    answer = b"HTTP/1.1 %d Whatever\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbody" % status
    peer = make_peer(answering(answer))
    response = connect(peer.url).request(POST, Deadline(5))
    assert response == HttpResponse(
        status, {"retry-after": "3", "content-length": "4"}, b"body"
    )
    assert len(peer.requests) == 1


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_leave_the_connection_usable(
    make_peer: MakePeer, connect: Connect, status: int
) -> None:
    """204 and 304 have no body whatever their headers say, and the next answer is not theirs."""
    bare = b"HTTP/1.1 %d X\r\nContent-Length: 77\r\n\r\n" % status
    peer = make_peer(answering(bare, OK))
    connection = connect(peer.url)
    assert connection.request(GET, Deadline(5)).body == b""
    assert connection.request(GET, Deadline(5)).body == b"ok"
    assert peer.visits == 1


def test_the_answer_to_head_has_no_body(make_peer: MakePeer, connect: Connect) -> None:
    """The length in the answer to HEAD is that of a body that is not sent."""
    peer = make_peer(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", OK))
    connection = connect(peer.url)
    assert connection.request(HttpRequest("HEAD", "/"), Deadline(5)).body == b""
    assert connection.request(GET, Deadline(5)).body == b"ok"


def test_header_names_are_lower_case_and_repetitions_are_joined(
    make_peer: MakePeer, connect: Connect
) -> None:
    """Headers are found by lower-case name; lines of one name are one value (RFC 9110, 5.3)."""
    peer = make_peer(
        answering(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nCONTENT-LENGTH: 0\r\n\r\n")
    )
    headers = connect(peer.url).request(GET, Deadline(5)).headers
    assert headers == {"x-a": "1, 2", "content-length": "0"}


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=b\r\n"
        b"Content-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=["chunked", "multipart", "continue"],
)
def test_framed_bodies_are_read_whole(
    make_peer: MakePeer, connect: Connect, answer: bytes
) -> None:
    """Chunks are put together, and the connection goes on."""
    peer = make_peer(answering(answer))
    connection = connect(peer.url)
    for _ in range(2):
        assert connection.request(GET, Deadline(5)).body == b"hello"
    assert peer.visits == 1


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK\r\nConnection: close"])
def test_a_body_may_end_with_the_connection(
    make_peer: MakePeer, connect: Connect, head: bytes
) -> None:
    """Without a length the body ends where the peer hangs up, and the next request connects."""
    peer = make_peer(answer_and_close(head + b"\r\n\r\n" + b"x" * 200_000))
    connection = connect(peer.url)
    for _ in range(2):
        assert connection.request(GET, Deadline(5)).body == b"x" * 200_000
    assert peer.visits == 2


@pytest.mark.parametrize("said", [True, False])
def test_a_body_in_tls_ends_only_where_tls_ends(
    make_peer: MakePeer, connect: Connect, tls: Any, said: bool
) -> None:
    """A bare FIN may be an attacker's: what came before it is not taken for the whole body."""

    def serve(visit: Visit) -> None:
        if visit.request():
            visit.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello")
            if said:
                visit.sock.unwrap()

    connection = connect(make_peer(serve, tls.server_context).url, ca_file=tls.ca_file)
    if said:
        assert connection.request(GET, Deadline(5)).body == b"hello"
        return
    with pytest.raises(ConnectionLost) as caught:
        connection.request(POST, Deadline(5))
    assert caught.value.outcome_unknown


@pytest.mark.parametrize(
    ("name", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)]
)
def test_compressed_bodies_are_decoded(
    make_peer: MakePeer, connect: Connect, name: str, encode: Callable[[bytes], bytes]
) -> None:
    """The encodings that we say we accept are undone."""
    text = b'{"price":"1.5"}' * 20_000
    body = encode(text)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Length: {len(body)}\r\n\r\n"
    peer = make_peer(answering(head.encode() + body))
    assert connect(peer.url).request(GET, Deadline(5)).body == text


def test_the_connection_is_kept_alive(make_peer: MakePeer, connect: Connect) -> None:
    """Requests one after another share one connection."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url)
    for _ in range(5):
        assert connection.request(POST, Deadline(5)).body == b"ok"
    assert peer.visits == 1


def test_many_threads_each_get_their_own_answer(make_peer: MakePeer, connect: Connect) -> None:
    """Twelve requests are under way at once, and no answer goes to another's caller.

    Afterwards no more than eight of the connections are kept.
    """
    count = 12
    together = threading.Barrier(count)

    def serve(visit: Visit) -> None:
        while request := visit.request():
            together.wait(10)
            body = request.partition(b"\r\n\r\n")[2]
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    peer = make_peer(serve)
    connection = connect(peer.url)
    answers: dict[int, bytes] = {}

    def ask(number: int) -> None:
        request = HttpRequest("POST", "/", body=b"order %d" % number)
        answers[number] = connection.request(request, Deadline(10)).body

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == {number: b"order %d" % number for number in range(count)}
    assert peer.until(lambda: peer.ended == count - 8)


# ---- what a session would have added -----------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_returned_and_its_target_sees_nothing(
    make_peer: MakePeer, connect: Connect, status: int
) -> None:
    """No request, and so no credential, follows a redirect to another port."""
    target = make_peer(answering(OK))
    answer = f"HTTP/1.1 {status} Moved\r\nLocation: {target.url}/\r\nContent-Length: 0\r\n\r\n"
    peer = make_peer(answering(answer.encode()))
    response = connect(peer.url, headers={"X-Key": "k"}).request(POST, Deadline(5))
    assert response.status == status
    assert response.headers["location"] == f"{target.url}/"
    assert len(peer.requests) == 1
    assert target.visits == 0


def test_cookies_are_not_kept(make_peer: MakePeer, connect: Connect) -> None:
    """A cookie of one answer is not part of the next request."""
    baked = b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 0\r\n\r\n"
    peer = make_peer(answering(baked))
    connection = connect(peer.url)
    for _ in range(2):
        connection.request(GET, Deadline(5))
    assert "cookie" not in head_of(peer.requests[1])[1]


def test_the_environment_is_not_asked(
    make_peer: MakePeer,
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Neither .netrc nor proxy variables change what is sent, and where."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login user password from-netrc\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    peer = make_peer(answering(OK))
    connection = connect(peer.url, headers={"Authorization": "Bearer mine"})
    connection.request(GET, Deadline(5))
    assert head_of(peer.requests[0])[1]["authorization"] == "Bearer mine"
    connect(peer.url).request(GET, Deadline(5))
    assert "authorization" not in head_of(peer.requests[1])[1]


# ---- deadlines ---------------------------------------------------------------------------------


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
def test_a_peer_that_never_answers_is_left_at_the_deadline(
    make_peer: MakePeer, connect: Connect, request_: HttpRequest
) -> None:
    """The request arrived, so its outcome is unknown; the connection is not used again."""
    peer = make_peer(silent)
    connection = connect(peer.url)
    with taking_at_most(SHORT + GRACE), pytest.raises(RequestTimeout) as caught:
        connection.request(request_, Deadline(SHORT))
    assert caught.value.outcome_unknown
    assert str(caught.value) == "no whole answer within 0.3 s"
    peer.serve = answering(OK)
    assert connection.request(request_, Deadline(5)).body == b"ok"
    assert peer.visits == 2


DRIPS = {
    "status line": b"HTTP/1.1 200 OK" + b"x" * 1000,
    "headers": b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 100,
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 500,
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1000\r\n\r\n"
    + gzip.compress(os.urandom(900)),
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
}


@pytest.mark.parametrize("drip", DRIPS.values(), ids=DRIPS)
def test_a_dripped_answer_ends_at_the_deadline(
    make_peer: MakePeer, connect: Connect, drip: bytes
) -> None:
    """However steadily single bytes arrive, the whole request takes no longer than it may."""

    def serve(visit: Visit) -> None:
        visit.request()
        for position in range(len(drip)):
            visit.send(drip[position : position + 1])
            if visit.peer.over.wait(0.01):
                return

    peer = make_peer(serve)
    with taking_at_most(SHORT + GRACE), pytest.raises(RequestTimeout) as caught:
        connect(peer.url).request(POST, Deadline(SHORT))
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("size", [100 * 1024, 16 * 1024 * 1024])
def test_a_peer_that_reads_nothing_is_left_at_the_deadline(
    make_peer: MakePeer, connect: Connect, size: int
) -> None:
    """Part of the request left, whether the system took the rest or not: outcome unknown."""
    peer = make_peer(lambda visit: visit.wait_for_the_end())
    request = HttpRequest("POST", "/", body=bytes(size))
    with taking_at_most(SHORT + GRACE), pytest.raises(RequestTimeout) as caught:
        connect(peer.url).request(request, Deadline(SHORT))
    assert caught.value.outcome_unknown


def test_an_expired_deadline_connects_to_nobody(make_peer: MakePeer, connect: Connect) -> None:
    """With no time left nothing is sent, and the error says so."""
    peer = make_peer(answering(OK))
    with pytest.raises(ConnectTimeout) as caught:
        connect(peer.url).request(POST, Deadline(0))
    assert not caught.value.outcome_unknown
    assert peer.requests == []


def test_an_expired_deadline_sends_nothing_on_a_live_connection(
    make_peer: MakePeer, connect: Connect
) -> None:
    """On a connection kept alive, no time left means that nothing was sent."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url)
    connection.request(GET, Deadline(5))
    deadline = Deadline(5)
    deadline.cancel()
    with pytest.raises(NotSent) as caught:
        connection.request(POST, deadline)
    assert not caught.value.outcome_unknown
    assert peer.until(lambda: peer.ended == 1)
    assert len(peer.requests) == 1


def full_listener() -> tuple[socket.socket, list[socket.socket]]:
    """Return a listener whose backlog is full, so that a further connection is not made."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(8):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    return listener, waiting


@pytest.fixture
def unreachable() -> Iterator[str]:
    """Return a URL where nobody ever accepts a connection."""
    listener, waiting = full_listener()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    for sock in (*waiting, listener):
        sock.close()


@pytest.fixture
def deaf_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let every name lookup hang until the test is over; the event says that one began."""
    began, over = threading.Event(), threading.Event()
    real = socket.getaddrinfo

    def hang(host: Any, *arguments: Any, **options: Any) -> Any:
        if host != "venue.invalid":
            return real(host, *arguments, **options)
        if options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not in digits")
        began.set()
        over.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield began
    over.set()


def test_a_connection_that_is_not_made_in_time(unreachable: str, connect: Connect) -> None:
    """Nothing was sent when nobody accepted."""
    with taking_at_most(SHORT + GRACE), pytest.raises(ConnectTimeout) as caught:
        connect(unreachable).request(POST, Deadline(SHORT))
    assert not caught.value.outcome_unknown


def test_a_name_that_is_not_resolved_in_time(
    deaf_resolver: threading.Event, connect: Connect
) -> None:
    """The name lookup is inside the deadline."""
    with taking_at_most(SHORT + GRACE), pytest.raises(ConnectTimeout):
        connect("http://venue.invalid").request(POST, Deadline(SHORT))
    assert deaf_resolver.is_set()


def cancel_when(event: threading.Event, action: Callable[[], None]) -> threading.Thread:
    """Run an action on another thread as soon as an event happens."""

    def run() -> None:
        event.wait(5)
        action()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_cancelling_ends_a_wait_for_the_answer(make_peer: MakePeer, connect: Connect) -> None:
    """Another thread's cancel ends the request at once, with its outcome unknown."""
    peer = make_peer(silent)
    deadline = Deadline(30)
    thread = cancel_when(peer.arrived, deadline.cancel)
    with taking_at_most(2), pytest.raises(RequestTimeout) as caught:
        connect(peer.url).request(POST, deadline)
    assert caught.value.outcome_unknown
    assert str(caught.value) == "the request was cancelled"
    thread.join(5)


def test_cancelling_ends_a_send(make_peer: MakePeer, connect: Connect) -> None:
    """It does so while the peer does not read, too."""
    begun = threading.Event()

    def serve(visit: Visit) -> None:
        visit.sock.recv(1)
        begun.set()
        visit.wait_for_the_end()

    peer = make_peer(serve)
    deadline = Deadline(None)
    thread = cancel_when(begun, deadline.cancel)
    with taking_at_most(3), pytest.raises(RequestTimeout) as caught:
        connect(peer.url).request(HttpRequest("POST", "/", body=bytes(64 << 20)), deadline)
    assert caught.value.outcome_unknown
    thread.join(5)


def test_cancelling_ends_a_name_lookup(
    deaf_resolver: threading.Event, connect: Connect
) -> None:
    """The helper thread is left behind, the caller goes on."""
    deadline = Deadline(None)
    thread = cancel_when(deaf_resolver, deadline.cancel)
    with taking_at_most(2), pytest.raises(ConnectTimeout):
        connect("http://venue.invalid").request(POST, deadline)
    thread.join(5)


# ---- connections that end ----------------------------------------------------------------------


def test_a_refused_connection(connect: Connect) -> None:
    """Nobody listens: nothing was sent, and the error says why."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectFailed, match="refused") as caught:
        connect(f"http://127.0.0.1:{port}").request(POST, Deadline(5))
    assert not isinstance(caught.value, TimeoutError)
    assert not caught.value.outcome_unknown


CUT_SHORT = {
    "nothing": b"",
    "status line": b"HTTP/1.1 200 O",
    "head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "head between lines": b"HTTP/1.1 200 OK\r\nServer: x\r\n",
    "body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "empty body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
}


@pytest.mark.parametrize("answer", CUT_SHORT.values(), ids=CUT_SHORT)
def test_an_answer_cut_short_is_a_lost_connection(
    make_peer: MakePeer, connect: Connect, answer: bytes
) -> None:
    """Half an answer is never taken for a whole one, and the request is not sent again."""
    peer = make_peer(answer_and_close(answer))
    with pytest.raises(ConnectionLost) as caught:
        connect(peer.url).request(POST, Deadline(5))
    assert caught.value.outcome_unknown
    assert len(peer.requests) == 1
    assert peer.visits == 1


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhalf"], ids=["head", "body"]
)
def test_a_reset_is_a_lost_connection(
    make_peer: MakePeer, connect: Connect, answer: bytes
) -> None:
    """A reset ends no body in good order, not even one that the connection's end would end."""

    def serve(visit: Visit) -> None:
        visit.request()
        visit.send(answer)
        if answer:
            visit.peer.changed.acquire()
            visit.peer.changed.wait(0.2)
            visit.peer.changed.release()
        visit.reset()

    peer = make_peer(serve)
    with pytest.raises(ConnectionLost) as caught:
        connect(peer.url).request(POST, Deadline(5))
    assert caught.value.outcome_unknown
    assert len(peer.requests) == 1


def test_a_connection_that_the_peer_closed_while_idle_is_replaced(
    make_peer: MakePeer, connect: Connect
) -> None:
    """A good-bye that came before the request is noticed before anything is sent."""
    peer = make_peer(answer_and_close(OK))
    connection = connect(peer.url)
    for visit in range(1, 4):
        assert connection.request(POST, Deadline(5)).body == b"ok"
        assert peer.until(lambda visit=visit: peer.ended == visit)  # type: ignore[misc]
    assert peer.visits == len(peer.requests) == 3


def test_a_post_on_a_stale_connection_is_not_sent_again(
    make_peer: MakePeer, connect: Connect
) -> None:
    """The peer took the second request off a kept-alive connection and hung up: it may have
    executed it, so it sees it once and the caller learns that nobody knows."""

    def serve(visit: Visit) -> None:
        visit.request()
        visit.send(OK)
        visit.request()

    peer = make_peer(serve)
    connection = connect(peer.url)
    connection.request(POST, Deadline(5))
    with pytest.raises(ConnectionLost) as caught:
        connection.request(POST, Deadline(5))
    assert caught.value.outcome_unknown
    assert len(peer.requests) == 2
    assert peer.visits == 1


def test_a_get_on_a_stale_connection_is_not_sent_again_either(
    make_peer: MakePeer, connect: Connect
) -> None:
    """Whether a read may be repeated is the caller's decision."""

    def serve(visit: Visit) -> None:
        visit.request()
        visit.send(OK)
        visit.request()
        visit.reset()

    peer = make_peer(serve)
    connection = connect(peer.url)
    connection.request(GET, Deadline(5))
    with pytest.raises(ConnectionLost):
        connection.request(GET, Deadline(5))
    assert peer.visits == 1


@pytest.mark.parametrize("together", [True, False], ids=["in one piece", "later"])
def test_bytes_that_nobody_asked_for_are_nobodys_answer(
    make_peer: MakePeer, connect: Connect, together: bool
) -> None:
    """A second answer behind the first is not given to the next request."""
    answered, sent = threading.Event(), threading.Event()
    stale = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale"

    def serve(visit: Visit) -> None:
        visit.request()
        if visit.peer.visits > 1:
            visit.send(OK)
        else:
            visit.send(OK + stale if together else OK)
            assert answered.wait(5)
            visit.send(stale)
            sent.set()
            visit.wait_for_the_end()

    peer = make_peer(serve)
    connection = connect(peer.url)
    connection.request(GET, Deadline(5))
    answered.set()
    assert sent.wait(5)
    assert connection.request(GET, Deadline(5)).body == b"ok"
    assert peer.visits == 2


# ---- answers that cannot be read, or are too long ----------------------------------------------


UNREADABLE = {
    "not HTTP": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "another version": b"HTTP/9.9 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 two hundred\r\n\r\n",
    "long header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    "malformed header": b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\nok",
    "early hints": b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK,
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nokok",
    "another transfer encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
    "chunk size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 8\r\n\r\nnot gzip",
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_answer(make_peer: MakePeer, connect: Connect, answer: bytes) -> None:
    """It is a protocol error with the outcome unknown, and its connection is not used again."""

    def serve(visit: Visit) -> None:
        visit.request()
        with contextlib.suppress(OSError):
            visit.send(answer)
        visit.wait_for_the_end()

    peer = make_peer(serve)
    connection = connect(peer.url)
    with pytest.raises(ProtocolError) as caught:
        connection.request(POST, Deadline(5))
    assert caught.value.outcome_unknown
    assert str(caught.value).startswith("the HTTP answer cannot be read: ")
    peer.serve = answering(OK)
    assert connection.request(POST, Deadline(5)).body == b"ok"
    assert peer.visits == 2


def going_on(head: bytes, piece: bytes) -> Callable[[Visit], None]:
    """Return what answers a request with `head`, and then with one piece after the other."""

    def serve(visit: Visit) -> None:
        visit.request()
        visit.send(head)
        while not visit.peer.over.is_set():
            visit.send(piece)

    return serve


ENDLESS = {
    "no length": (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4\r\nxxxx\r\n" * 9999),
    "chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n", b"x" * 65536
    ),
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n", b"x" * 65536),
    "length of a redirect": (
        b"HTTP/1.1 302 X\r\nLocation: /\r\nContent-Length: 10000000000\r\n\r\n", b"x" * 65536
    ),
}  # fmt: skip


@pytest.mark.parametrize(("head", "piece"), ENDLESS.values(), ids=ENDLESS)
def test_an_endless_body_is_refused(
    make_peer: MakePeer, connect: Connect, head: bytes, piece: bytes
) -> None:
    """Reading stops at the limit, long before the deadline, whatever was promised."""
    peer = make_peer(going_on(head, piece))
    with taking_at_most(5), pytest.raises(ProtocolError, match="longer than 300000") as caught:
        connect(peer.url, max_body=300_000).request(POST, Deadline(30))
    assert caught.value.outcome_unknown
    assert peer.until(lambda: peer.ended == 1)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NOTHING = {
    "trailers": (CHUNKED + b"2\r\nok\r\n0\r\n", b"T: x\r\n" * 9999),
    "answers before the answer": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
    "empty members": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", gzip.compress(b"") * 999
    ),
    "empty blocks": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n\x78\x9c", b"\0\0\0\xff\xff" * 9999
    ),
    "empty blocks in chunks": (
        CHUNKED.replace(b"\r\n", b"\r\nContent-Encoding: deflate\r\n", 1) + b"2\r\n\x78\x9c\r\n",
        b"1388\r\n" + b"\0\0\0\xff\xff" * 1000 + b"\r\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("head", "piece"), NOTHING.values(), ids=NOTHING)
def test_an_answer_that_goes_on_without_a_body_is_refused(
    make_peer: MakePeer, connect: Connect, head: bytes, piece: bytes
) -> None:
    """What adds nothing to the body is not read without end either, and is not kept."""
    peer = make_peer(going_on(head, piece))
    with taking_at_most(8), pytest.raises(ProtocolError, match="does not end") as caught:
        connect(peer.url, max_body=300_000).request(POST, Deadline(30))
    assert caught.value.outcome_unknown
    assert peer.until(lambda: peer.ended == 1)


def test_the_limit_itself_is_allowed(make_peer: MakePeer, connect: Connect) -> None:
    """A body as long as the limit is whole; one byte more is refused, with any framing."""
    for size in (100_000, 100_001):
        plain = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
        chunk = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % size
        for answer in (plain, chunk + b"x" * size + b"\r\n0\r\n\r\n"):
            connection = connect(make_peer(answering(answer)).url, max_body=100_000)
            if size == 100_000:
                assert len(connection.request(GET, Deadline(5)).body) == size
            else:
                with pytest.raises(ProtocolError, match="longer"):
                    connection.request(GET, Deadline(5))


def test_a_gzip_bomb_does_not_fill_the_memory(make_peer: MakePeer, connect: Connect) -> None:
    """The limit counts decoded bytes, as they are decoded: 200 MB in 200 kB take a few MB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(200)) + packer.flush()
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    peer = make_peer(answering(head + bomb))
    connection = connect(peer.url, max_body=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="longer than 1048576 bytes"):
            connection.request(GET, Deadline(10))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20


# ---- closing -----------------------------------------------------------------------------------


def test_closing_ends_a_request_under_way(make_peer: MakePeer, connect: Connect) -> None:
    """The caller learns that it was its own doing, and that the outcome is unknown."""
    peer = make_peer(silent)
    connection = connect(peer.url)
    thread = cancel_when(peer.arrived, connection.close)
    with taking_at_most(2), pytest.raises(ClientClosed) as caught:
        connection.request(POST, Deadline(30))
    assert caught.value.outcome_unknown
    thread.join(5)
    assert peer.until(lambda: peer.ended == 0)


def test_closing_ends_a_request_that_was_not_sent(
    deaf_resolver: threading.Event, connect: Connect
) -> None:
    """Closed during the name lookup, the outcome is known: nothing was sent."""
    connection = connect("http://venue.invalid")
    thread = cancel_when(deaf_resolver, connection.close)
    with taking_at_most(2), pytest.raises(ClientClosed) as caught:
        connection.request(POST, Deadline(30))
    assert not caught.value.outcome_unknown
    thread.join(5)


def test_closing_closes_idle_connections(make_peer: MakePeer, connect: Connect) -> None:
    """The peer sees the end of each; a second close does nothing; requests are refused."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url)
    connection.request(GET, Deadline(5))
    assert "closed" not in repr(connection)
    connection.close()
    connection.close()
    assert peer.until(lambda: peer.ended == 1)
    assert "closed" in repr(connection)
    with pytest.raises(ClientClosed) as caught:
        connection.request(POST, Deadline(5))
    assert not caught.value.outcome_unknown
    assert len(peer.requests) == 1


class InterruptedLock:
    """A lock whose first holder is interrupted by a signal handler."""

    def __init__(self, handler: Callable[[], None]) -> None:
        self.real = threading.RLock()
        self.handlers = [handler]

    def __enter__(self) -> None:
        self.real.acquire()
        if self.handlers:
            self.handlers.pop()()

    def __exit__(self, *_: object) -> None:
        self.real.release()


def test_closing_in_a_signal_handler(
    make_peer: MakePeer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed in the middle of taking a lane, the request does not deadlock, and is not sent."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url)
    monkeypatch.setattr(connection, "_lock", InterruptedLock(connection.close))
    with taking_at_most(2), pytest.raises(ClientClosed) as caught:
        connection.request(POST, Deadline(5))
    assert not caught.value.outcome_unknown
    assert peer.visits == 0


def test_an_interrupted_request_closes_its_connection(
    make_peer: MakePeer, connect: Connect
) -> None:
    """Ctrl-C comes through as it is, without a trace of what was sent; nothing stays half read."""
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("only the main thread is interrupted")

    def serve(visit: Visit) -> None:
        visit.request()
        _thread.interrupt_main()
        visit.sock.recv(1)

    peer = make_peer(serve)
    connection = connect(peer.url)
    with pytest.raises(KeyboardInterrupt) as caught:
        connection.request(POST, Deadline(20))
    assert product_frames(caught.value) == ["request"]
    assert peer.until(lambda: peer.ended == 1)
    peer.serve = answering(OK)
    assert connection.request(POST, Deadline(5)).body == b"ok"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_leaves_the_parent_alone(make_peer: MakePeer, connect: Connect) -> None:
    """The child only closes its descriptors and refuses requests; the parent's go on."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url)
    connection.request(GET, Deadline(5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        code = 1
        try:
            connection.abandon()
            connection.request(GET, Deadline(5))
        except ClientClosed:
            connection.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert connection.request(GET, Deadline(5)).body == b"ok"
    assert peer.visits == 1


def test_an_abandoned_connection_is_closed_for_good(
    make_peer: MakePeer, connect: Connect
) -> None:
    """Its descriptors are closed, and whatever is asked of it afterwards is refused."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url)
    connection.request(GET, Deadline(5))
    connection.abandon()
    assert peer.until(lambda: peer.ended == 1)
    with pytest.raises(ClientClosed):
        connection.request(GET, Deadline(5))


# ---- TLS and proxies ---------------------------------------------------------------------------


@pytest.mark.parametrize("trust", ["ca_file", "ssl_context"])
def test_tls_with_an_authority_of_ones_own(
    make_peer: MakePeer, connect: Connect, tls: Any, trust: str
) -> None:
    """Either way of naming the authority works, with large bodies both ways, kept alive."""

    def serve(visit: Visit) -> None:
        while request := visit.request():
            body = request.partition(b"\r\n\r\n")[2]
            visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))

    peer = make_peer(serve, tls.server_context)
    given = {"ca_file": tls.ca_file} if trust == "ca_file" else {"ssl_context": tls.client_context}
    connection = connect(peer.url, has_credentials=True, **given)
    for size in (10, 1_000_000, 3):
        body = os.urandom(size)
        assert connection.request(HttpRequest("POST", "/", body=body), Deadline(9)).body == body
    assert peer.visits == 1


def test_the_users_tls_context_is_not_changed(
    make_peer: MakePeer, connect: Connect, tls: Any
) -> None:
    """requests would load its own authorities into it; a context that trusts one keeps to one."""
    context = ssl.create_default_context(cafile=str(tls.ca_file))
    before = context.cert_store_stats(), context.verify_mode, context.options
    peer = make_peer(answering(OK), tls.server_context)
    connect(peer.url, ssl_context=context).request(GET, Deadline(5))
    assert (context.cert_store_stats(), context.verify_mode, context.options) == before
    assert before[0]["x509_ca"] == 1


def test_an_unknown_authority_is_refused_before_anything_is_sent(
    make_peer: MakePeer, connect: Connect, tls: Any
) -> None:
    """The default context does not trust the peer: no header reaches it."""
    peer = make_peer(answering(OK), tls.server_context)
    with pytest.raises(ConnectFailed, match="certificate verify failed") as caught:
        connect(peer.url).request(POST, Deadline(5))
    assert not caught.value.outcome_unknown
    assert peer.until(lambda: peer.ended == 1)
    assert peer.requests == []


def test_a_certificate_for_another_host_is_refused(
    make_peer: MakePeer, connect: Connect, tls: Any
) -> None:
    """The host's name is checked, not only the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.authority.issue_cert("another.test").configure_cert(context)
    peer = make_peer(answering(OK), context)
    with pytest.raises(ConnectFailed, match="certificate verify failed"):
        connect(peer.url, ca_file=tls.ca_file).request(POST, Deadline(5))
    assert peer.requests == []


def test_a_tls_handshake_that_stalls_ends_at_the_deadline(
    make_peer: MakePeer, connect: Connect, tls: Any
) -> None:
    """A peer that accepts and says nothing costs no more than the deadline."""
    peer = make_peer(lambda visit: visit.wait_for_the_end())
    url = peer.url.replace("http:", "https:")
    with taking_at_most(SHORT + GRACE), pytest.raises(ConnectTimeout):
        connect(url, ca_file=tls.ca_file).request(POST, Deadline(SHORT))


def test_over_tls_too_a_lost_answer_is_unknown(
    make_peer: MakePeer, connect: Connect, tls: Any
) -> None:
    """The request was encrypted and sent; the peer hung up."""
    peer = make_peer(answer_and_close(b"HTTP/1.1 200 OK\r\nContent-Le"), tls.server_context)
    with pytest.raises(ConnectionLost) as caught:
        connect(peer.url, ca_file=tls.ca_file).request(POST, Deadline(5))
    assert caught.value.outcome_unknown
    assert len(peer.requests) == 1


def tunnelling(port: int) -> Callable[[Visit], None]:
    """Grant every CONNECT, and lead it to one port of this machine whatever it asked for."""

    def serve(visit: Visit) -> None:
        visit.request()
        with socket.create_connection(("127.0.0.1", port)) as out:
            visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")

            def pump(source: socket.socket, sink: socket.socket) -> None:
                with contextlib.suppress(OSError):
                    while data := source.recv(65536):
                        sink.sendall(data)
                    sink.shutdown(socket.SHUT_WR)

            back = threading.Thread(target=pump, args=(out, visit.sock), daemon=True)
            back.start()
            pump(visit.sock, out)
            back.join(5)

    return serve


def test_a_proxy_tunnels_and_sees_no_header_of_ours(
    make_peer: MakePeer, connect: Connect, tls: Any, canaries: Any
) -> None:
    """The proxy learns host, port and its own login; the request goes through it in TLS."""
    venue = make_peer(answering(OK), tls.server_context)
    proxy = make_peer(tunnelling(venue.port))
    connection = connect(
        venue.url,
        headers={"X-Key": canaries.api_key},
        ca_file=tls.ca_file,
        proxy=Proxy(proxy.url, "desk", canaries.token),
    )
    for _ in range(2):
        assert connection.request(POST, Deadline(5)).body == b"ok"
    line, headers = head_of(proxy.requests[0])
    assert line == f"CONNECT 127.0.0.1:{venue.port} HTTP/1.1"
    assert "x-key" not in headers
    assert "proxy-authorization" in headers
    assert len(proxy.requests) == 1
    seen = head_of(venue.requests[0])[1]
    assert seen["x-key"] == canaries.api_key
    assert "proxy-authorization" not in seen
    assert seen["host"] == f"127.0.0.1:{venue.port}"


def test_a_proxy_that_refuses(make_peer: MakePeer, connect: Connect) -> None:
    """A proxy's 407 is a failed connection, not an answer of the venue."""
    proxy = make_peer(answer_and_close(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"))
    with pytest.raises(ConnectFailed, match="407"):
        connect("https://venue.test", proxy=proxy.url).request(POST, Deadline(5))


def test_a_proxy_that_hangs(make_peer: MakePeer, connect: Connect) -> None:
    """A proxy is inside the deadline."""
    proxy = make_peer(silent)
    with taking_at_most(SHORT + GRACE), pytest.raises(ConnectTimeout):
        connect("https://venue.test", proxy=proxy.url).request(POST, Deadline(SHORT))


def test_the_environments_proxy_is_used_when_asked_for(
    make_peer: MakePeer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ``environment_proxy`` the variables count; never for this machine itself."""
    venue = make_peer(answering(OK))
    proxy = make_peer(tunnelling(venue.port))
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.delenv("no_proxy", raising=False)
    connection = connect("http://venue.test:8080", environment_proxy=True)
    assert connection.request(GET, Deadline(5)).body == b"ok"
    assert head_of(proxy.requests[0])[0] == "CONNECT venue.test:8080 HTTP/1.1"
    assert head_of(venue.requests[0])[1]["host"] == "venue.test:8080"
    connect(venue.url, environment_proxy=True).request(GET, Deadline(5))
    assert proxy.visits == 1


def test_a_useless_proxy_in_the_environment(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment names and we cannot use is a failed connection that says so."""
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1080")
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ConnectFailed, match="environment"):
        connect("https://venue.test", environment_proxy=True).request(GET, Deadline(5))


# ---- nothing secret shows ----------------------------------------------------------------------


def secret_request(canaries: Any) -> HttpRequest:
    """Return a request with credentials in its query, headers and body."""
    return HttpRequest(
        "POST",
        f"/orders?key={canaries.api_key}",
        {"X-Secret": canaries.api_secret},
        canaries.token.encode(),
    )


def product_frames(error: BaseException) -> list[str]:
    """Name the functions of ours, and of the libraries, in an error's traceback."""
    names = []
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if Path(frame.f_code.co_filename).name != Path(__file__).name:
            names.append(frame.f_code.co_name)
    return names


def reset_after_request(visit: Visit) -> None:
    """Read one request and reset the connection."""
    visit.request()
    visit.reset()


FAILURES: Mapping[str, Callable[[Visit], None]] = {
    "cut short": answer_and_close(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "reset": reset_after_request,
    "unreadable": answer_and_close(b"SSH-2.0\r\n\r\n"),
    "never": silent,
}


@pytest.mark.parametrize("serve", FAILURES.values(), ids=FAILURES)
def test_an_error_shows_nothing_of_the_request(
    make_peer: MakePeer, connect: Connect, canaries: Any, serve: Callable[[Visit], None]
) -> None:
    """Text, arguments, cause, context and the locals of every frame are free of credentials."""
    peer = make_peer(serve)
    connection = connect(peer.url, headers={"Authorization": f"Bearer {canaries.token}"})
    with pytest.raises(VenueError) as caught:
        connection.request(secret_request(canaries), Deadline(SHORT))
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert product_frames(error) == ["request"]
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [line for line in shown.stack if line.filename.endswith("venuesdk/wire/http.py")]
    assert len(ours) == 1
    assert canaries.found_in(str(ours[0].locals)) == []
    assert canaries.found_in(f"{error!r} {error.args} {vars(error)}") == []


def test_a_mistake_shows_nothing_of_the_request(connect: Connect, canaries: Any) -> None:
    """A header that cannot be sent is named by its name, not by its value."""
    connection = connect("http://127.0.0.1:9")
    bad = HttpRequest("GET", "/", {"X-Key": f"{canaries.api_key}\r\nX-Evil: 1"})
    with pytest.raises(ValueError, match="X-Key") as caught:
        connection.request(bad, Deadline(5))
    assert product_frames(caught.value) == ["request"]
    assert canaries.found_in(caught.value) == []


def test_logs_show_no_query_and_no_header(
    make_peer: MakePeer,
    connect: Connect,
    canaries: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """urllib3 logs each request at DEBUG; it was never told what must not show."""
    caplog.set_level(logging.DEBUG)
    peer = make_peer(answering(OK))
    connection = connect(peer.url, headers={"X-Key": canaries.api_key})
    connection.request(secret_request(canaries), Deadline(5))
    assert "/orders" in caplog.text
    assert canaries.found_in(caplog.text) == []
    assert "key=" not in caplog.text
    assert canaries.api_key in peer.requests[0].decode()


def test_a_malformed_answer_is_not_logged(
    make_peer: MakePeer,
    connect: Connect,
    canaries: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """urllib3 would log a header that it cannot parse with all that the venue put in it."""
    answer = f"HTTP/1.1 200 OK\r\nSet-Cookie {canaries.token}\r\nContent-Length: 0\r\n\r\n"
    peer = make_peer(answering(answer.encode()))
    with pytest.raises(ProtocolError) as caught:
        connect(peer.url).request(GET, Deadline(5))
    assert canaries.found_in(caplog.text) == []
    assert canaries.found_in(caught.value) == []


def test_http_clients_own_debugging_prints_nothing(
    make_peer: MakePeer,
    connect: Connect,
    canaries: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A program that has ``http.client`` print its requests does not get ours."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    peer = make_peer(answering(OK))
    connect(peer.url).request(secret_request(canaries), Deadline(5))
    assert capfd.readouterr().out == ""


def test_repr_shows_only_the_place(connect: Connect, canaries: Any) -> None:
    """Neither headers nor proxy logins are part of the repr."""
    connection = connect(
        "https://venue.test/api",
        headers={"X-Key": canaries.api_key},
        proxy=f"http://desk:{canaries.token}@127.0.0.1:9",
    )
    assert repr(connection) == "<HttpConnection 'https://venue.test/api'>"


# ---- what is refused before anything happens ---------------------------------------------------


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\nX-Evil: 1"], ids=["CR", "LF", "NUL", "2"])
def test_line_breaks_and_nul_are_refused_before_connecting(
    make_peer: MakePeer, connect: Connect, bad: str
) -> None:
    """In a URL, a header's name or its value, in the request or the connection."""
    peer = make_peer(answering(OK))
    connection = connect(peer.url)
    for request in (
        HttpRequest("GET", f"/a{bad}b"),
        HttpRequest("GET", "/", {"X-A": f"a{bad}b"}),
        HttpRequest("GET", "/", {f"X{bad}A": "a"}),
        HttpRequest(f"GET{bad}", "/"),
    ):
        with pytest.raises(ValueError, match=r"."):
            connection.request(request, Deadline(5))
    for options in ({"headers": {"X-A": f"a{bad}b"}}, {"user_agent": f"a{bad}b"}):
        with pytest.raises(ValueError, match=r"."):
            connect(peer.url, **options)
    assert peer.visits == 0


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"max_body": 0}, ValueError),
        ({"max_body": True}, TypeError),
        ({"max_body": "1"}, TypeError),
        ({"ssl_context": "x"}, TypeError),
        ({"ssl_context": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "ca_file": "x"}, ValueError),
        ({"ca_file": "/nonexistent.pem"}, OSError),
    ],
)
def test_options_that_make_no_sense(
    connect: Connect, options: dict[str, Any], error: type[Exception]
) -> None:
    """They are refused at construction."""
    with pytest.raises(error):
        connect("https://127.0.0.1", **options)
