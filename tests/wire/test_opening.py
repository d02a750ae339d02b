"""Opening a connection: name, TCP, proxy and TLS share one deadline, and fail in words."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import datetime, timedelta, timezone

import pytest

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire.endpoint import Proxy
from venuesdk.wire.opening import open_socket
from venuesdk.wire.tls import file_context

WAIT = 5.0


def test_a_name_is_resolved_and_connected(peers):
    """A plain connection goes to the address that the lookup gives."""
    port = peers.listen(lambda sock: sock.sendall(b"hi"))
    asked = []

    def lookup(host, port, *, type):
        asked.append(host)
        return [(socket.AF_INET, type, 0, "", ("127.0.0.1", port))]

    sock, tls = open_socket("venue.example", port, Deadline(WAIT), lookup=lookup)
    with sock:
        assert tls is None
        assert asked == ["venue.example"]
        sock.settimeout(WAIT)
        assert sock.recv(2) == b"hi"


def test_tls_is_agreed_on(peers, tls):
    """With a context the connection is TLS, verified against the name."""
    port = peers.listen(lambda sock: sock.sendall(b"hi"), tls.server_context)
    sock, engine = open_socket("localhost", port, Deadline(WAIT), context=tls.client_context)
    with sock:
        sock.settimeout(WAIT)
        view = memoryview(bytearray(10))
        count = 0
        while not count:
            engine.feed(sock.recv(65536))
            count = engine.decrypt_into(view)
        assert bytes(view[:count]) == b"hi"


@pytest.fixture
def bad(tls, tmp_path):
    """Return a server context by the name of what is wrong with it."""
    import trustme

    def context(name: str) -> ssl.SSLContext:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        now = datetime.now(timezone.utc)
        authority = trustme.CA() if name == "unknown authority" else tls.authority
        host = "example.org" if name == "wrong host" else "127.0.0.1"
        options = {}
        if name == "expired":
            options = {"not_before": now - timedelta(9), "not_after": now - timedelta(1)}
        if name == "early":
            options = {"not_before": now + timedelta(1), "not_after": now + timedelta(9)}
        authority.issue_cert(host, **options).configure_cert(server)
        return server

    return context


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("expired", "expired"),
        ("early", "not yet valid"),
        ("wrong host", "not valid for '127.0.0.1'"),
        ("unknown authority", "certificate verify failed"),
    ],
)
def test_a_bad_certificate_is_refused_before_anything_is_sent(peers, tls, bad, name, says):
    """A certificate that does not hold is ConnectFailed, and the server is told by an alert."""
    alerts = []
    done = threading.Event()

    def handler(sock):
        try:
            bad(name).wrap_socket(sock, server_side=True).recv(1)
        except ssl.SSLError as error:
            alerts.append(str(error))
        finally:
            done.set()

    port = peers.listen(handler)
    with pytest.raises(ConnectFailed, match=says) as caught:
        open_socket("127.0.0.1", port, Deadline(WAIT), context=tls.client_context)
    assert not isinstance(caught.value, ConnectTimeout)
    assert done.wait(WAIT)
    assert "ALERT" in alerts[0].upper()


def test_an_old_protocol_is_refused(peers, tls):
    """TLS below 1.2 is not spoken."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.authority.issue_cert("127.0.0.1").configure_cert(server)
    server.minimum_version = ssl.TLSVersion.TLSv1_2
    modern = file_context(tls.ca_file)
    modern.minimum_version = ssl.TLSVersion.TLSv1_3
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    port = peers.listen(lambda sock: sock.recv(1), server)
    with pytest.raises(ConnectFailed, match="no TLS"):
        open_socket("127.0.0.1", port, Deadline(WAIT), context=modern)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad\r\n\r\n", b"\0" * 100])
def test_a_server_that_speaks_no_tls_is_refused(peers, tls, answer):
    """Plain text, or noise, in place of TLS is ConnectFailed."""
    port = peers.listen(lambda sock: sock.sendall(answer))
    with pytest.raises(ConnectFailed, match="no TLS"):
        open_socket("127.0.0.1", port, Deadline(WAIT), context=tls.client_context)


def test_a_server_that_hangs_up_in_the_handshake_is_refused(peers, tls):
    """A connection that ends during the handshake is ConnectFailed."""

    def handler(sock):
        sock.recv(65536)
        sock.shutdown(socket.SHUT_RDWR)

    port = peers.listen(handler)
    with pytest.raises(ConnectFailed, match="hung up"):
        open_socket("127.0.0.1", port, Deadline(WAIT), context=tls.client_context)


def test_a_handshake_that_stalls_ends_at_the_deadline(peers, tls):
    """A server that accepts and says nothing costs the time that was given; or until cancelled."""
    port = peers.listen(lambda sock: peers.stopped.wait(30))
    start = monotonic()
    with pytest.raises(ConnectTimeout, match="TLS"):
        open_socket("127.0.0.1", port, Deadline(0.2), context=tls.client_context)
    assert 0.1 < monotonic() - start < 0.8
    deadline = Deadline(None)
    timer = threading.Timer(0.1, deadline.cancel)
    timer.start()
    with pytest.raises(ConnectTimeout):
        open_socket("127.0.0.1", port, deadline, context=tls.client_context)
    assert monotonic() - start < 2
    timer.join()


def test_a_deadline_that_has_come_sends_nothing(peers, tls):
    """With no time left, not even the first byte of TLS is sent."""
    port = peers.listen(lambda sock: peers.stopped.wait(30))
    listener_address = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]
    deadline = Deadline(WAIT)

    def lookup(*arguments, **options):
        return listener_address

    class Cancelling(ssl.SSLContext):
        def wrap_bio(self, *arguments, **options):
            deadline.cancel()
            return super().wrap_bio(*arguments, **options)

    context = Cancelling(ssl.PROTOCOL_TLS_CLIENT)
    with pytest.raises(ConnectTimeout):
        open_socket("venue.example", port, deadline, context=context, lookup=lookup)


def test_a_failure_leaves_no_socket_open(peers, tls):
    """Whatever fails after TCP, the socket is closed: the server sees the end."""
    ended = threading.Event()

    def handler(sock):
        sock.sendall(b"not TLS at all, but long enough to be read")
        peers.everything(sock)
        ended.set()

    port = peers.listen(handler)
    with pytest.raises(ConnectFailed):
        open_socket("127.0.0.1", port, Deadline(WAIT), context=tls.client_context)
    assert ended.wait(WAIT)


def test_an_ipv6_endpoint_is_reached(peers):
    """An IPv6 address is connected to, and named with brackets."""
    try:
        port = peers.listen(lambda sock: sock.sendall(b"six"), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    sock, _ = open_socket("::1", port, Deadline(WAIT))
    with sock:
        sock.settimeout(WAIT)
        assert sock.recv(3) == b"six"
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        unused = listener.getsockname()[1]
    with pytest.raises(ConnectFailed, match=rf"\[::1\]:{unused}"):
        open_socket("::1", unused, Deadline(WAIT))


def test_a_proxy_that_is_not_there_is_named_as_such():
    """When the proxy refuses, the error says that it was the proxy."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        unused = listener.getsockname()[1]
    with pytest.raises(ConnectFailed, match="proxy"):
        open_socket("h.example", 443, Deadline(WAIT), proxy=Proxy(f"http://127.0.0.1:{unused}"))
