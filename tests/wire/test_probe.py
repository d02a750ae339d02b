"""A connection looked at step by step, against servers that fail in one step each."""

from __future__ import annotations

import socket
import ssl
import threading

import pytest

from venuesdk.errors import ConnectFailed, ConnectTimeout
from venuesdk.testing.faults import UnansweredPort
from venuesdk.timing import Deadline, monotonic
from venuesdk.wire.endpoint import Endpoint, Proxy
from venuesdk.wire.probe import (
    Barrier,
    TlsFault,
    Way,
    address_text,
    look_at_tls,
    look_up,
    reach,
    try_tunnel,
)

WAIT = 5.0


def entry(port, host="127.0.0.1"):
    """Return an entry as the system's resolver gives it."""
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))


def way_to(port, tls=None, proxy=None):
    """Return the way to an encrypted port of this machine."""
    options = {} if tls is None else {"ca_file": tls.ca_file}
    return Way(Endpoint(f"wss://127.0.0.1:{port}/", **options), proxy)


@pytest.fixture
def closed_port():
    """Return a port that refuses: it is taken, so that nobody else gets it, and not listened at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_each_address_is_told_once():
    """In the order of the resolver, which may name one several times."""
    found = [entry(1, "192.0.2.7"), entry(1, "192.0.2.1"), entry(1, "192.0.2.7")]
    way = Way(Endpoint("wss://venue.invalid/"))
    addresses = look_up(way, Deadline(WAIT), lambda host, port, *, type: found)
    assert [address_text(one) for one in addresses] == ["192.0.2.7", "192.0.2.1"]


def test_behind_a_proxy_the_way_begins_at_the_proxy():
    """Its name is looked up here, the venue's by the proxy."""
    way = Way(Endpoint("wss://venue.invalid/"), Proxy("http://127.0.0.1:3128"))
    assert (way.host, way.port) == ("127.0.0.1", 3128)
    assert [address_text(one) for one in look_up(way, Deadline(WAIT))] == ["127.0.0.1"]


def test_an_address_that_answers_is_left_again(peers):
    """Nothing is sent, and the connection is closed."""
    heard, done = [], threading.Event()

    def handler(sock):
        heard.append(peers.everything(sock))
        done.set()

    assert reach(entry(peers.listen(handler)), Deadline(WAIT)).barrier is None
    assert done.wait(WAIT)
    assert heard == [b""]


def test_refused_and_unanswered_are_told_apart(closed_port):
    """By the system's word, and by the time."""
    assert reach(entry(closed_port), Deadline(WAIT)).barrier is Barrier.REFUSED
    with UnansweredPort() as hole:
        started = monotonic()
        assert reach(entry(hole.port), Deadline(0.1)).barrier is Barrier.UNANSWERED
        assert monotonic() - started < 1


def test_an_address_that_no_way_leads_to_is_told():
    """The port 0 of this machine is no place; the system's word is kept."""
    found = reach(entry(0), Deadline(WAIT))
    assert found.barrier is not None
    assert found.reason


def test_tls_is_looked_at_with_the_chain(peers, tls):
    """Version, cipher and the certificates up to the authority; not a byte is sent inside."""
    heard, done = [], threading.Event()

    def handler(sock):
        heard.append(peers.everything(sock))
        done.set()

    port = peers.listen(handler, tls.server_context)
    view = look_at_tls(way_to(port, tls), [entry(port)], Deadline(WAIT))
    assert (view.fault, view.version) == (None, "TLSv1.3")
    assert view.cipher
    assert len(view.chain) == 2
    assert view.chain[-1].self_signed
    assert done.wait(WAIT)
    assert heard == [b""]


def test_a_refused_certificate_is_shown_all_the_same(peers, tls):
    """It takes a second connection, over which nothing is sent either."""
    heard = []
    port = peers.listen(lambda sock: heard.append(peers.everything(sock)), tls.server_context)
    way = Way(Endpoint(f"wss://127.0.0.1:{port}/"))
    view = look_at_tls(way, [entry(port)], Deadline(WAIT))
    assert view.fault is TlsFault.UNKNOWN_AUTHORITY
    assert "127.0.0.1" in view.chain[0].names
    assert not any(heard)


def test_two_ends_without_a_common_cipher_are_told(peers, tls):
    """A server of another age; what it says is kept."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.authority.issue_cert("127.0.0.1").configure_cert(context)
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("DHE-RSA-AES256-SHA256")
    port = peers.listen(lambda sock: None, context)
    view = look_at_tls(way_to(port, tls), [entry(port)], Deadline(WAIT))
    assert view.fault is TlsFault.NOTHING_IN_COMMON
    assert "HANDSHAKE_FAILURE" in view.reason


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad\r\n\r\n", b"SSH-2.0-OpenSSH\r\n"])
def test_what_does_not_speak_tls_is_told(peers, tls, answer):
    """Plain text in its place."""
    port = peers.listen(lambda sock: sock.sendall(answer))
    view = look_at_tls(way_to(port, tls), [entry(port)], Deadline(WAIT))
    assert view.fault is TlsFault.NOT_TLS


def test_a_handshake_that_breaks_off_and_one_that_hangs_are_told_apart(peers, tls):
    """By who ends it: the server, or the deadline."""

    def hang_up(sock):
        sock.recv(65536)
        sock.shutdown(socket.SHUT_RDWR)

    ending = peers.listen(hang_up)
    view = look_at_tls(way_to(ending, tls), [entry(ending)], Deadline(WAIT))
    assert view.fault is TlsFault.HUNG_UP
    mute = peers.listen(lambda sock: peers.stopped.wait(30))
    view = look_at_tls(way_to(mute, tls), [entry(mute)], Deadline(0.1))
    assert view.fault is TlsFault.UNANSWERED


def test_what_is_no_connection_is_no_fault_of_tls(tls, closed_port):
    """Refused, or a file of authorities that is none."""
    view = look_at_tls(way_to(closed_port, tls), [entry(closed_port)], Deadline(WAIT))
    assert view.fault is TlsFault.NO_CONNECTION
    assert "refused" in view.reason
    way = Way(Endpoint(f"wss://127.0.0.1:{closed_port}/", ca_file=__file__))
    view = look_at_tls(way, [entry(closed_port)], Deadline(WAIT))
    assert "ca_file" in view.reason


def test_an_endpoint_in_the_clear_has_no_tls_to_look_at():
    """That is a mistake of the caller's."""
    with pytest.raises(ValueError, match="not encrypted"):
        look_at_tls(Way(Endpoint("ws://127.0.0.1:9/")), [], Deadline(WAIT))


def test_a_tunnel_is_tried_and_left(peers):
    """The status of a refusal is kept; a proxy that hangs costs the deadline."""

    def grant(sock):
        peers.request(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def refuse(sock):
        peers.request(sock)
        sock.sendall(b"HTTP/1.1 407 Who are you\r\n\r\n")

    endpoint = Endpoint("wss://venue.invalid/")
    for handler in (grant, refuse):
        port = peers.listen(handler)
        way = Way(endpoint, Proxy(f"http://127.0.0.1:{port}"))
        if handler is grant:
            try_tunnel(way, [entry(port)], Deadline(WAIT))
            continue
        with pytest.raises(ConnectFailed, match="407") as caught:
            try_tunnel(way, [entry(port)], Deadline(WAIT))
        assert caught.value.status == 407
    port = peers.listen(lambda sock: peers.stopped.wait(30))
    way = Way(endpoint, Proxy(f"http://127.0.0.1:{port}"))
    with pytest.raises(ConnectTimeout):
        try_tunnel(way, [entry(port)], Deadline(0.1))
