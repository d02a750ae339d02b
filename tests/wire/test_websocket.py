"""A WebSocket against real peers: the upgrade, messages both ways, and every kind of end."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import threading

import pytest
import websocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from venuesdk.errors import (
    AuthenticationError,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    NotSent,
    RateLimitExceeded,
    VenueError,
    VenueUnavailable,
)
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire.endpoint import Endpoint, Proxy
from venuesdk.wire.frames import Binary, FrameReader
from venuesdk.wire.sockets import NO_WAIT
from venuesdk.wire.stream import ByteStream
from venuesdk.wire.websocket import WebSocketConnection

WAIT = 5.0


def text(payload: bytes, opcode: int = 0x81) -> bytes:
    """Return one short server frame."""
    return bytes((opcode, len(payload))) + payload


def until(condition) -> None:
    """Wait for a condition that another thread brings about."""
    deadline, tick = Deadline(WAIT), threading.Event()
    while not condition():
        assert not deadline.expired()
        tick.wait(0.001)


def reading(connection):
    """Read in a thread until the end; return the thread, the messages and the errors."""
    messages, errors = [], []

    def body():
        try:
            while True:
                messages.extend(connection.read(None))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    return thread, messages, errors


@pytest.fixture
def opened():
    """Return a list: what is put into it is shut down after the test."""
    connections = []
    yield connections
    for connection in connections:
        connection.shutdown()


@pytest.fixture
def to(peers, opened):
    """Return a function that connects to a raw peer, which upgrades and then does `handler`."""

    def connect(handler, behind=b"", **options):
        def upgraded(sock):
            peers.upgrade(sock, behind)
            handler(sock)

        port = peers.listen(upgraded)
        endpoint = Endpoint(f"ws://127.0.0.1:{port}/", **options)
        opened.append(WebSocketConnection.connect(endpoint, WAIT))
        return opened[-1]

    return connect


@pytest.fixture
def idle(peers):
    """Return a handler that keeps the connection open until the test is over."""
    return lambda sock: peers.stopped.wait(30)


@pytest.fixture(params=["ws", "wss"])
def venue(request, tls):
    """Return a function that starts a `websockets` server and gives an endpoint for it."""
    servers = []

    def start(handler, **options):
        context = tls.server_context if request.param == "wss" else None
        server = serve(handler, "127.0.0.1", 0, ssl=context, compression=None, max_size=None)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        servers.append((server, thread))
        port = server.socket.getsockname()[1]
        if context is not None:
            options["ca_file"] = tls.ca_file
        return Endpoint(f"{request.param}://127.0.0.1:{port}/path?query=1", **options)

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join(WAIT)


# ---- a venue that behaves ----------------------------------------------------------------------


def echo(connection):
    """Send every message back."""
    for message in connection:
        connection.send(message)


@pytest.mark.parametrize("message", ["", "hello", "grüße €", "x" * 70_000, b"", b"\0\xff" * 40_000])
def test_messages_go_both_ways(venue, opened, message):
    """Text stays text and bytes stay bytes, empty, short and long, over TLS and without."""
    connection = WebSocketConnection.connect(venue(echo), WAIT)
    opened.append(connection)
    connection.send(message, WAIT)
    assert connection.receive(WAIT) == [message]
    assert (connection.frames_in, connection.frames_out) == (1, 1)
    assert connection.bytes_in > len(message)
    assert connection.bytes_out > len(message)
    connection.close()


def test_read_gives_raw_payloads(venue, opened):
    """`read` gives text as plain bytes and binary as Binary."""
    connection = WebSocketConnection.connect(venue(echo), WAIT)
    opened.append(connection)
    assert connection.post("text")
    assert connection.post(b"binary")
    messages = []
    while len(messages) < 2:
        messages += connection.read(WAIT)
    assert messages == [b"text", b"binary"]
    assert [type(message) for message in messages] == [bytes, Binary]


def test_the_upgrade_says_what_it_should(venue, opened):
    """Path, query, User-Agent and headers are sent; Origin, cookies and extensions are not."""
    requests = []

    def handler(connection):
        requests.append(connection.request)
        echo(connection)

    endpoint = venue(handler, headers={"X-One": "1", "Authorization": "Bearer t"})
    opened.append(WebSocketConnection.connect(endpoint, WAIT))
    until(lambda: requests)
    [request] = requests
    assert request.path == "/path?query=1"
    headers = {name.lower(): value for name, value in request.headers.raw_items()}
    assert headers.pop("sec-websocket-key")
    assert headers == {
        "host": endpoint.authority,
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-version": "13",
        "user-agent": endpoint.user_agent,
        "x-one": "1",
        "authorization": "Bearer t",
    }


def test_an_origin_is_sent_where_asked_for(venue, opened):
    """The Origin is the endpoint's, where it has one."""
    origins = []

    def handler(connection):
        origins.append(connection.request.headers["Origin"])

    opened.append(WebSocketConnection.connect(venue(handler, origin="https://o.example"), WAIT))
    until(lambda: origins)
    assert origins == ["https://o.example"]


def test_our_close_reaches_the_peer_with_code_and_reason(venue):
    """The peer gets our close frame; afterwards the connection is closed, and stays so."""
    ended, done = [], threading.Event()

    def handler(connection):
        try:
            connection.recv()
        except ConnectionClosed as error:
            ended.append(error.rcvd)
            done.set()

    connection = WebSocketConnection.connect(venue(handler), WAIT)
    assert not connection.closed
    connection.close(code=4000, reason="enough")
    assert done.wait(WAIT)
    assert (ended[0].code, ended[0].reason) == (4000, "enough")
    assert connection.closed
    assert connection.close_sent == 4000
    connection.close()
    connection.shutdown()
    with pytest.raises(NotSent, match="closed here"):
        connection.send("late", 1)
    assert not connection.post("late")
    assert not connection.post_ping()
    with pytest.raises(ConnectionLost, match="closed here"):
        connection.read(1)


def test_the_peers_close_is_told_with_code_and_reason(venue, opened):
    """Messages before the close frame come first, then ConnectionLost with its code, always."""
    answered, done = [], threading.Event()

    def handler(connection):
        connection.send("last words")
        connection.close(4321, "go away")
        answered.append(connection.close_code)
        done.set()

    connection = WebSocketConnection.connect(venue(handler), WAIT)
    opened.append(connection)
    assert connection.receive(WAIT) == ["last words"]
    for _ in range(2):
        with pytest.raises(ConnectionLost) as caught:
            connection.receive(WAIT)
        assert (caught.value.code, caught.value.reason) == (4321, "go away")
        assert not caught.value.outcome_unknown
    assert (connection.close_received, connection.close_sent) == (4321, 4321)
    with pytest.raises(NotSent):
        connection.send("late", 1)
    connection.close()
    assert done.wait(WAIT)
    assert answered == [4321]


def test_pings_of_both_sides_are_answered(venue, opened):
    """The reader answers the peer's ping, and the peer ours."""
    pongs = []

    def handler(connection):
        waiter = connection.ping(b"?")
        pongs.append(waiter.wait(WAIT))
        with contextlib.suppress(ConnectionClosed):
            connection.recv()

    connection = WebSocketConnection.connect(venue(handler), WAIT)
    opened.append(connection)
    until(lambda: connection.read(0.01) == [] and pongs)
    assert pongs == [True]
    before, frames = connection.last_received, connection.frames_in
    assert connection.post_ping(b"!")
    until(lambda: connection.read(0.01) == [] and connection.frames_in == frames + 1)
    assert connection.last_received > before
    with pytest.raises(ValueError):
        connection.post_ping(b"x" * 126)


def test_two_senders_and_a_busy_reader_share_a_connection(venue, opened):
    """With two threads sending into a busy stream, no connection ends by itself and nothing tears.

    On one `SSLSocket`, CPython loses such a connection within a second.
    """
    stop, count = threading.Event(), 1500
    received = []

    def handler(connection):
        def pour():
            with contextlib.suppress(ConnectionClosed):
                while not stop.is_set():
                    connection.send("e" * 300)

        thread = threading.Thread(target=pour)
        thread.start()
        with contextlib.suppress(ConnectionClosed):
            for message in connection:
                received.append(message)
                connection.send("ack")
        stop.set()
        thread.join(WAIT)

    connection = WebSocketConnection.connect(venue(handler), WAIT)
    opened.append(connection)
    thread, messages, errors = reading(connection)
    failures = []

    def send(name):
        try:
            for turn in range(count):
                connection.send(f"{name}{turn}", 20)
        except VenueError as error:
            failures.append(error)

    senders = [threading.Thread(target=send, args=(name,)) for name in "ab"]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(40)
    until(lambda: messages.count(b"ack") == 2 * count or errors)
    assert not failures
    assert not errors
    stop.set()
    connection.close()
    thread.join(WAIT)
    for name in "ab":
        mine = [message for message in received if message[0] == name]
        assert mine == [f"{name}{turn}" for turn in range(count)]
    assert set(messages) == {b"ack", b"e" * 300}


# ---- an upgrade that goes wrong ----------------------------------------------------------------


@pytest.fixture
def refused(peers):
    """Return a function that connects to a peer with the given answer, and gives the error."""

    def attempt(answer, timeout=WAIT, url="ws://127.0.0.1:{}/", **options):
        def handler(sock):
            request = peers.request(sock)
            reply = answer(request) if callable(answer) else answer
            sock.sendall(reply)
            peers.stopped.wait(30)

        port = peers.listen(handler)
        with pytest.raises(VenueError) as caught:
            WebSocketConnection.connect(Endpoint(url.format(port), **options), timeout)
        assert caught.value.__context__ is None
        assert caught.value.__cause__ is None
        assert not caught.value.outcome_unknown
        return caught.value

    return attempt


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("401 Unauthorized", AuthenticationError),
        ("403 Forbidden", AuthenticationError),
        ("429 Too Many Requests", RateLimitExceeded),
        ("503 Service Unavailable", VenueUnavailable),
        ("404 Not Found", ConnectFailed),
        ("200 OK", ConnectFailed),
    ],
)
def test_a_refusal_is_told_at_once_without_its_body(refused, status, kind):
    """The status decides the error; a body that is announced and never comes is not waited for."""
    start = monotonic()
    answer = f"HTTP/1.1 {status}\r\nRetry-After: 9\r\nContent-Length: 10000000000\r\n\r\nsome"
    error = refused(answer.encode())
    assert type(error) is kind
    assert monotonic() - start < 1
    if kind in (RateLimitExceeded, VenueUnavailable):
        assert error.retry_after == 9.0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(peers, refused, status):
    """A redirect is a failure, and its target hears nothing."""
    visits = []
    elsewhere = peers.listen(visits.append)
    answer = f"HTTP/1.1 {status} Moved\r\nLocation: ws://127.0.0.1:{elsewhere}/\r\n\r\n"
    error = refused(answer.encode(), headers={"Authorization": "Bearer t"})
    assert type(error) is ConnectFailed
    assert visits == []


def test_a_wrong_accept_is_refused(peers, refused):
    """An Accept that differs only in case is as wrong as any other."""

    def answer(request):
        accept = peers.accept_for(request).swapcase()
        return (
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        ).encode()

    assert "Accept" in str(refused(answer))


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage that is not HTTP\r\n\r\n",
        b"HTTP/1.1 101 X\r\n" + b"A: b\r\n" * 101,
        b"HTTP/1.1 101 X\r\nA: " + b"x" * 70_000,
        b"\x81\x05hello",
    ],
)
def test_an_answer_beyond_the_limits_is_connect_failed(refused, answer):
    """Garbage, endless headers and an endless line end at the limits, not at the timeout."""
    start = monotonic()
    assert type(refused(answer)) is ConnectFailed
    assert monotonic() - start < 2


def test_a_peer_that_hangs_up_is_connect_failed(peers):
    """A connection that ends before the answer is ConnectFailed, clean end or reset."""

    def hang_up(sock):
        peers.request(sock)
        sock.shutdown(socket.SHUT_RDWR)

    def reset(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()

    for handler in (hang_up, reset):
        port = peers.listen(handler)
        with pytest.raises(ConnectFailed) as caught:
            WebSocketConnection.connect(Endpoint(f"ws://127.0.0.1:{port}/"), WAIT)
        assert type(caught.value) is ConnectFailed


def test_a_dripped_answer_ends_at_the_deadline(peers):
    """An answer that comes byte by byte, for ever, costs the time that was given."""

    def drip(sock):
        peers.request(sock)
        for byte in b"HTTP/1.1 101 X\r\n" + b"A: b\r\n" * 90:
            sock.sendall(bytes((byte,)))
            if peers.stopped.wait(0.02):
                return

    port = peers.listen(drip)
    start = monotonic()
    with pytest.raises(ConnectTimeout):
        WebSocketConnection.connect(Endpoint(f"ws://127.0.0.1:{port}/"), 0.3)
    assert 0.2 < monotonic() - start < 0.8


def test_silence_ends_at_the_deadline_or_when_it_is_cancelled(peers, idle):
    """A peer that never answers is ConnectTimeout; closing a client cancels the deadline."""
    endpoint = Endpoint(f"ws://127.0.0.1:{peers.listen(idle)}/")
    with pytest.raises(ConnectTimeout):
        WebSocketConnection.connect(endpoint, 0.2)
    deadline = Deadline(None)
    timer = threading.Timer(0.1, deadline.cancel)
    timer.start()
    start = monotonic()
    with pytest.raises(ConnectTimeout):
        WebSocketConnection.connect(endpoint, deadline)
    assert monotonic() - start < 1
    timer.join()


def test_a_name_server_that_hangs_ends_at_the_deadline(monkeypatch):
    """A lookup that hangs is ConnectTimeout, and nobody waits for it."""
    release = threading.Event()
    helpers = []

    def hang(*arguments, **options):
        helpers.append(threading.current_thread())
        release.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    start = monotonic()
    with pytest.raises(ConnectTimeout):
        WebSocketConnection.connect(Endpoint("wss://venue.example/"), 0.2)
    assert monotonic() - start < 1
    release.set()
    for thread in helpers:
        thread.join(WAIT)


def test_a_missing_authority_file_is_connect_failed(tmp_path):
    """A ca_file that cannot be read fails in words."""
    endpoint = Endpoint("wss://127.0.0.1:1/", ca_file=tmp_path / "none.pem")
    with pytest.raises(ConnectFailed, match="ca_file"):
        WebSocketConnection.connect(endpoint, 1)


def test_the_systems_authorities_are_the_default(peers, tls):
    """Without an authority of our own, a private certificate is not trusted."""
    port = peers.listen(lambda sock: None, tls.server_context)
    with pytest.raises(ConnectFailed, match="certificate verify failed"):
        WebSocketConnection.connect(Endpoint(f"wss://127.0.0.1:{port}/"), WAIT)


def test_a_context_of_the_user_is_used(peers, tls, opened):
    """`ssl_context` decides whom to trust."""
    port = peers.listen(peers.upgrade, tls.server_context)
    endpoint = Endpoint(f"wss://127.0.0.1:{port}/", ssl_context=tls.client_context)
    opened.append(WebSocketConnection.connect(endpoint, WAIT))


def test_cookies_neither_come_nor_go(peers, opened):
    """A cookie that a server sets, or that the library's jar has, is never sent anywhere."""
    requests = []

    def handler(sock):
        request = peers.request(sock)
        requests.append(request)
        sock.sendall(
            (
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Set-Cookie: mine=1; domain=127.0.0.1\r\n"
                f"Sec-WebSocket-Accept: {peers.accept_for(request)}\r\n\r\n"
            ).encode()
        )

    endpoint = Endpoint(f"ws://127.0.0.1:{peers.listen(handler)}/")
    jar = websocket._handshake.CookieJar
    before = dict(jar.jar)
    jar.add("theirs=2; domain=127.0.0.1")
    try:
        for _ in range(2):
            opened.append(WebSocketConnection.connect(endpoint, WAIT))
        assert "mine" not in str(jar.jar)
    finally:
        jar.jar.clear()
        jar.jar.update(before)
    assert len(requests) == 2
    assert all(b"cookie" not in request.lower() for request in requests)


def test_nothing_secret_shows_in_a_refused_upgrade(refused, canaries, caplog):
    """Headers and query are in no error, traceback or log, even with the library's trace on."""
    websocket.enableTrace(True, handler=logging.NullHandler())
    try:
        error = refused(
            lambda request: b"HTTP/1.1 401 No\r\nX-Echo: " + request[:40].split()[0] + b"\r\n\r\n",
            url="ws://127.0.0.1:{}/?key=" + canaries.api_key,
            headers={"X-Secret": canaries.api_secret, "Authorization": canaries.token},
        )
    finally:
        websocket.enableTrace(False)
    assert not canaries.found_in(error)
    assert not canaries.found_in(caplog.text)


def test_an_interrupted_connect_shows_no_secret_and_leaves_no_socket(monkeypatch, peers, canaries):
    """A Ctrl-C during the upgrade goes through, without the frames that hold the request."""
    ended = threading.Event()

    def handler(sock):
        peers.everything(sock)
        ended.set()

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("venuesdk.wire.upgrade.read_head", interrupted)
    endpoint = Endpoint(
        f"ws://127.0.0.1:{peers.listen(handler)}/", headers={"X-Secret": canaries.token}
    )
    with pytest.raises(KeyboardInterrupt) as caught:
        WebSocketConnection.connect(endpoint, WAIT)
    assert not canaries.found_in(caught.value)
    assert ended.wait(WAIT)


# ---- proxies -----------------------------------------------------------------------------------


def tunnel(peers, heard):
    """Return a proxy that notes the request and then passes bytes both ways."""

    def handler(sock):
        request = peers.request(sock)
        heard.append(request)
        host, _, port = request.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port)), WAIT) as onward:
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

            def back():
                with contextlib.suppress(OSError):
                    while data := onward.recv(65536):
                        sock.sendall(data)

            thread = threading.Thread(target=back, daemon=True)
            thread.start()
            with contextlib.suppress(OSError):
                while data := sock.recv(65536):
                    onward.sendall(data)
            with contextlib.suppress(OSError):
                onward.shutdown(socket.SHUT_RDWR)
            thread.join(WAIT)

    return handler


def test_messages_go_through_a_proxy_that_hears_no_secret(venue, peers, opened, canaries):
    """The proxy gets its own login and the address; over TLS the rest is not for it."""
    heard = []
    port = peers.listen(tunnel(peers, heard))
    endpoint = venue(
        echo,
        headers={"X-Secret": canaries.token},
        proxy=Proxy(f"http://127.0.0.1:{port}", "me", "pw"),
    )
    connection = WebSocketConnection.connect(endpoint, WAIT)
    opened.append(connection)
    connection.send("through", WAIT)
    assert connection.receive(WAIT) == ["through"]
    assert heard[0].startswith(f"CONNECT 127.0.0.1:{endpoint.port} HTTP/1.1\r\n".encode())
    assert b"Proxy-Authorization: Basic bWU6cHc=" in heard[0]
    assert not canaries.found_in(heard[0].decode())


def test_the_environments_proxy_is_used_only_when_asked(venue, peers, opened, monkeypatch):
    """`environment_proxy` turns the environment's proxies on; without it they are not used."""
    heard = []
    port = peers.listen(tunnel(peers, heard))
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    opened.append(WebSocketConnection.connect(venue(echo), WAIT))
    assert heard == []
    opened.append(WebSocketConnection.connect(venue(echo, environment_proxy=True), WAIT))
    assert len(heard) == 1


def test_a_proxy_that_refuses_is_connect_failed(peers):
    """A 407 is ConnectFailed, and the venue hears nothing."""

    def handler(sock):
        peers.request(sock)
        sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    proxy = Proxy(f"http://127.0.0.1:{peers.listen(handler)}")
    with pytest.raises(ConnectFailed, match="407"):
        WebSocketConnection.connect(Endpoint("ws://127.0.0.1:1/", proxy=proxy), WAIT)


# ---- a peer that misbehaves --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"\xc1\x00", 1002),
        (b"\x81\x80\0\0\0\0", 1002),
        (b"\x81\x01\xff", 1007),
        (b"\x82\x7f" + (2**62).to_bytes(8, "big"), 1009),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_a_violation_is_answered_with_its_code(peers, to, wire, code, behind):
    """Messages before a violation are delivered; then we close with its code, and drop."""
    seen, done = [], threading.Event()

    def handler(sock):
        if not behind:
            sock.sendall(text(b"good") + wire)
        seen.append(peers.frame(sock))
        seen.append(peers.everything(sock))
        done.set()

    connection = to(handler, text(b"good") + wire if behind else b"")
    assert connection.receive(WAIT) == ["good"]
    with pytest.raises(ConnectionLost) as caught:
        connection.receive(WAIT)
    assert caught.value.code == code
    assert caught.value.reason
    assert connection.closed
    assert done.wait(WAIT)
    opcode, payload = seen[0]
    assert opcode == 0x8
    assert int.from_bytes(payload[:2], "big") == code
    assert seen[1] == b""
    with pytest.raises(ConnectionLost):
        connection.receive(WAIT)
    with pytest.raises(NotSent):
        connection.send("late", 1)


def test_a_violation_right_behind_the_answer_is_told_by_the_first_read(to, idle):
    """A peer that breaks the protocol from the first byte gives a connection that has ended."""
    connection = to(idle, b"\xff\xff")
    with pytest.raises(ConnectionLost) as caught:
        connection.read(WAIT)
    assert caught.value.code == 1002


def test_a_violation_with_nothing_before_it_is_told_at_once(to, peers):
    """A read that brings only a violation raises ConnectionLost by itself."""
    go = threading.Event()

    def handler(sock):
        go.wait(WAIT)
        sock.sendall(b"\xff\xff")
        peers.stopped.wait(30)

    connection = to(handler)
    assert connection.read(0) == []
    go.set()
    with pytest.raises(ConnectionLost) as caught:
        connection.read(WAIT)
    assert caught.value.code == 1002


def test_what_comes_behind_the_answer_is_not_lost(to, idle):
    """Frames in the same packet as the upgrade's answer are the first to be read."""
    connection = to(idle, text(b"one") + text(b"two"))
    assert connection.receive(WAIT) == ["one", "two"]
    assert connection.receive(0.01) == []
    assert connection.frames_in == 2


def test_an_empty_close_frame_is_answered_with_one(peers, to):
    """A close frame without a code has no code here, and is answered without one."""
    seen, done = [], threading.Event()

    def handler(sock):
        sock.sendall(text(b"", 0x88))
        seen.append(peers.frame(sock))
        done.set()

    connection = to(handler)
    with pytest.raises(ConnectionLost) as caught:
        connection.receive(WAIT)
    assert caught.value.code is None
    assert done.wait(WAIT)
    assert seen == [(0x8, b"")]
    assert (connection.close_sent, connection.close_received) == (1005, None)


def test_what_came_before_a_close_frame_can_still_be_answered(peers, to):
    """A message and a close frame in one packet: the answer goes out, then our close frame."""
    seen, done = [], threading.Event()

    def handler(sock):
        sock.sendall(text(b"question") + text(b"\x03\xe8", 0x88))
        seen.extend([peers.frame(sock), peers.frame(sock)])
        done.set()

    connection = to(handler)
    assert connection.receive(WAIT) == ["question"]
    connection.send("answer", WAIT)
    with pytest.raises(ConnectionLost):
        connection.receive(WAIT)
    assert done.wait(WAIT)
    assert seen == [(0x1, b"answer"), (0x8, b"\x03\xe8")]


def test_a_vanished_peer_is_connection_lost_without_a_code(to):
    """An end without a close frame has no code; half a frame is not delivered."""

    def handler(sock):
        sock.sendall(text(b"whole") + b"\x81\x05ha")
        sock.shutdown(socket.SHUT_RDWR)

    connection = to(handler)
    assert connection.receive(WAIT) == ["whole"]
    for _ in range(2):
        with pytest.raises(ConnectionLost) as caught:
            connection.receive(WAIT)
        assert caught.value.code is None
    assert connection.closed


def test_a_dripped_frame_does_not_outlast_the_timeout(peers, to):
    """`receive` ends at its timeout however steadily single bytes come, and loses none of them."""
    go = threading.Event()

    def handler(sock):
        for byte in b"\x81\x7d" + b"x" * 30:
            sock.sendall(bytes((byte,)))
            if peers.stopped.wait(0.02):
                return
        go.wait(WAIT)
        sock.sendall(b"x" * 95)

    connection = to(handler)
    start = monotonic()
    assert connection.receive(0.2) == []
    assert monotonic() - start < 0.6
    go.set()
    assert connection.receive(WAIT) == ["x" * 125]


def test_a_ping_flood_does_not_outlast_the_timeout(peers, to):
    """`receive` ends at its timeout under a flood of pings, each of which is answered."""

    def handler(sock):
        with contextlib.suppress(OSError):
            while not peers.stopped.is_set():
                sock.sendall(text(b"flood", 0x89))
                assert peers.frame(sock) == (0xA, b"flood")

    connection = to(handler)
    start = monotonic()
    assert connection.receive(0.3) == []
    assert monotonic() - start < 0.8
    assert connection.frames_in > 1


def test_a_peer_that_pings_and_reads_nothing_is_dropped(to):
    """Pongs that nobody reads are kept up to a bound; beyond it the connection is dropped."""

    def handler(sock):
        with contextlib.suppress(OSError):
            while True:
                sock.sendall(text(b"p" * 125, 0x89) * 500)

    connection = to(handler)
    with pytest.raises(ConnectionLost, match="reads nothing"):
        while True:
            connection.read(WAIT)
    assert connection.closed


def stuff(connection) -> None:
    """Send until the peer, which reads nothing, takes no more; the kernels need some rounds."""
    sock, refused, tick = connection._stream._sock, 0, threading.Event()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    while refused < 5:
        try:
            sock.send(b"\0" * 65536, NO_WAIT)
            refused = 0
        except BlockingIOError:
            refused += 1
            tick.wait(0.02)


def test_a_message_that_cannot_start_is_not_sent(to, idle, canaries):
    """A peer that reads nothing gives NotSent at the timeout; the connection is kept."""
    connection = to(idle)
    stuff(connection)
    start = monotonic()
    with pytest.raises(NotSent) as caught:
        connection.send(canaries.token, 0.1)
    assert monotonic() - start < 0.6
    assert not connection.closed
    assert not canaries.found_in(caught.value)


def test_a_message_cut_in_the_middle_is_lost(to, idle, canaries):
    """A part of a message at the timeout ends the connection with the outcome unknown."""
    connection = to(idle)
    with pytest.raises(ConnectionLost) as caught:
        connection.send(canaries.token + "x" * 20_000_000, 0.2)
    assert caught.value.outcome_unknown
    assert connection.closed
    assert not canaries.found_in(caught.value)
    with pytest.raises(NotSent):
        connection.send("again", 1)


# ---- closing in every state --------------------------------------------------------------------


@pytest.mark.parametrize("state", ["silent", "half a frame", "streaming", "dripping"])
def test_close_wakes_a_blocked_reader(peers, to, state):
    """Whatever the peer does, close returns at once and the reader of another thread ends."""

    def handler(sock):
        if state == "half a frame":
            sock.sendall(b"\x81\x7d" + b"x" * 10)
        with contextlib.suppress(OSError):
            while not peers.stopped.wait(0.01 if state == "dripping" else 0):
                if state == "streaming":
                    sock.sendall(text(b"x" * 100) * 100)
                elif state == "dripping":
                    sock.sendall(b"\x89\x00")
                else:
                    peers.stopped.wait(30)

    connection = to(handler)
    thread, messages, errors = reading(connection)
    if state == "streaming":
        until(lambda: len(messages) > 100)
    else:
        until(lambda: connection._stream.waiting)
    start = monotonic()
    connection.close()
    assert monotonic() - start < 2
    thread.join(1)
    assert not thread.is_alive()
    assert isinstance(errors[0], ConnectionLost)
    assert not errors[0].outcome_unknown
    assert connection._stream._sock.fileno() == -1


def test_close_with_a_full_buffer_returns_in_time(to, idle):
    """When the peer takes nothing, close gives up its close frame and returns within 2 s."""
    connection = to(idle)
    stuff(connection)
    thread, _, errors = reading(connection)
    start = monotonic()
    connection.close()
    assert monotonic() - start < 2
    thread.join(1)
    assert isinstance(errors[0], ConnectionLost)


def test_close_wakes_a_blocked_sender(to, idle):
    """A sender in the middle of a message gets ConnectionLost, outcome unknown, when we close."""
    connection = to(idle)
    outcome = []

    def send():
        try:
            connection.send("x" * 50_000_000, None)
        except VenueError as error:
            outcome.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    until(lambda: connection.bytes_out > 10_000)
    start = monotonic()
    connection.close(timeout=0.5)
    assert monotonic() - start < 2
    thread.join(WAIT)
    assert isinstance(outcome[0], ConnectionLost)
    assert outcome[0].outcome_unknown


def test_close_from_many_threads_is_one_close(peers, to):
    """Ten threads may close at once, and the peer gets one close frame."""
    seen, done = [], threading.Event()

    def handler(sock):
        seen.append(peers.frame(sock))
        seen.append(peers.everything(sock))
        done.set()

    connection = to(handler)
    threads = [threading.Thread(target=connection.close) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3)
        assert not thread.is_alive()
    assert done.wait(WAIT)
    assert seen[0] == (0x8, b"\x03\xe8")
    assert seen[1] == b""


@pytest.mark.parametrize("step", ["write", "close"])
def test_close_ends_the_connection_where_ctrl_c_interrupts_it(to, idle, monkeypatch, step):
    """Nobody else would: the next close leaves it to the first."""
    connection = to(idle)
    struck, undone = [], getattr(ByteStream, step)

    def strike(self, *arguments):
        if not struck:
            struck.append(step)
            raise KeyboardInterrupt
        undone(self, *arguments)

    monkeypatch.setattr(ByteStream, step, strike)
    with pytest.raises(KeyboardInterrupt):
        connection.close()
    assert connection._stream._sock.fileno() == -1


def test_close_refuses_a_code_that_cannot_be_sent(to, idle):
    """1006 and its like never stand on the wire."""
    connection = to(idle)
    for code in (0, 1005, 1006, 5000):
        with pytest.raises(ValueError):
            connection.close(code=code)
    assert not connection.closed


def test_a_message_is_text_or_bytes(to, idle):
    """Anything else is a TypeError, before anything is sent."""
    connection = to(idle)
    for send in (connection.send, connection.post):
        with pytest.raises(TypeError):
            send(5)


def on_cue(peers, data):
    """Return a peer that sends `data` when an event is set, and that event."""
    go = threading.Event()

    def handler(sock):
        go.wait(WAIT)
        sock.sendall(data)
        peers.stopped.wait(30)

    return handler, go


def test_an_interrupt_while_waiting_loses_nothing(to, peers):
    """A Ctrl-C in a read that only waits goes through; what comes later is read all the same."""
    handler, go = on_cue(peers, text(b"later"))
    connection = to(handler)
    stream = connection._stream

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    class Interrupted:
        wait = interrupted

    # In a read that waits inside of the system call, and in one that waits before it.
    waits = [(None, "_recv_into", interrupted), (0.1, "_watch", Interrupted())]
    for timeout, name, stand_in in waits:
        before = getattr(stream, name)
        setattr(stream, name, stand_in)
        with pytest.raises(KeyboardInterrupt):
            connection.read(timeout)
        setattr(stream, name, before)
        assert not connection.closed
    go.set()
    assert connection.receive(WAIT) == ["later"]


def test_an_interrupt_with_bytes_in_hand_ends_the_connection(to, peers, monkeypatch):
    """A Ctrl-C that may have lost bytes of the stream ends it: nothing behind them makes sense."""
    handler, go = on_cue(peers, text(b"lost"))
    connection = to(handler)
    go.set()

    def interrupted(reader, count):
        raise KeyboardInterrupt

    monkeypatch.setattr(FrameReader, "received", interrupted)
    with pytest.raises(KeyboardInterrupt):
        connection.read(None)
    assert connection.closed
    with pytest.raises(ConnectionLost, match="interrupted"):
        connection.read(None)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_abandons_and_the_parent_goes_on(venue, opened):
    """A child that abandons the connection closes only its descriptor; the parent's still works."""
    connection = WebSocketConnection.connect(venue(echo), WAIT)
    opened.append(connection)
    thread, messages, _ = reading(connection)
    child = os.fork()
    if not child:
        try:
            connection.abandon()
            connection.close()
            connection.shutdown()
            with pytest.raises(NotSent):
                connection.send("from the child", 1)
            with pytest.raises(ConnectionLost):
                connection.read(1)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    connection.send("still here", WAIT)
    until(lambda: messages == [b"still here"])
    connection.close()
    thread.join(WAIT)
