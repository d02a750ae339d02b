"""Bytes under a link, plain and TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Any

import pytest

from venuesdk.testing.transport import PlainTransport, TlsTransport


def _pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.settimeout(5.0)
    theirs.settimeout(5.0)
    return ours, theirs


def test_plain_bytes_go_both_ways_and_end() -> None:
    """A plain transport is the socket, and its end is the end of the stream."""
    ours, theirs = _pair()
    with ours, theirs:
        transport = PlainTransport(ours)
        transport.handshake()
        transport.send(b"out")
        assert theirs.recv(10) == b"out"
        theirs.sendall(b"in")
        assert transport.receive() == b"in"
        transport.finish()
        assert theirs.recv(10) == b""


def test_tls_reads_and_writes_at_the_same_time(make_echo: Any, dial: Any, tls: Any) -> None:
    """Both directions run full at once, on one connection, without a broken record."""
    venue = make_echo(tls=tls.server_context)
    assert venue.url.startswith("wss://")
    peer = dial(venue.url, ssl=tls.client_context, max_queue=None)
    peer.ask("count")
    sender = threading.Thread(target=lambda: [peer.tell("x" * 3000) for _ in range(300)])
    sender.start()
    venue.flood(3000)
    heard = [peer.hear() for _ in range(3300)]
    sender.join()
    assert sum("echo" in message for message in heard) == 300
    counts = [message["count"] for message in heard if "count" in message]
    assert counts == list(range(1, 3001))


def test_tls_says_when_it_ends(tls: Any) -> None:
    """A clean end is a TLS close notice, so that it cannot be taken for a cut."""
    ours, theirs = _pair()
    with ours:
        transport = TlsTransport(ours, tls.server_context)
        server = threading.Thread(target=transport.handshake)
        server.start()
        with tls.client_context.wrap_socket(theirs, server_hostname="localhost") as client:
            server.join()
            transport.send(b"last")
            transport.finish()
            client.suppress_ragged_eofs = False
            assert client.recv(10) == b"last"
            assert client.recv(10) == b""


def test_the_end_of_a_tls_client_is_the_end_of_the_stream(tls: Any) -> None:
    """Whether a client says goodbye in TLS or simply leaves, the stream ends."""
    for polite in (True, False):
        ours, theirs = _pair()
        with ours:
            transport = TlsTransport(ours, tls.server_context)
            server = threading.Thread(target=transport.handshake)
            server.start()
            client = tls.client_context.wrap_socket(theirs, server_hostname="localhost")
            server.join()
            client.sendall(b"hello")
            assert transport.receive() == b"hello"
            if polite:
                client.settimeout(0)
                with pytest.raises(ssl.SSLWantReadError):
                    client.unwrap()
            else:
                client.shutdown(socket.SHUT_WR)
            assert transport.receive() == b""
            client.close()


def test_a_client_that_trusts_nobody_leaves_nothing_behind(
    make_echo: Any, dial: Any, tls: Any
) -> None:
    """A TLS handshake that fails ends its connection, and the venue goes on."""
    venue = make_echo(tls=tls.server_context)
    with pytest.raises(ssl.SSLCertVerificationError):
        dial(venue.url, ssl=ssl.create_default_context())
    with socket.create_connection(("127.0.0.1", venue.port), 5.0):
        pass
    assert dial(venue.url, ssl=tls.client_context).ask("still there") == {"echo": "still there"}
    assert venue.accepted == 1
