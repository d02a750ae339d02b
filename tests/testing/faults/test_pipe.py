"""One connection through the proxy: the ways from one state to another."""

from __future__ import annotations

import fcntl
import socket
import sys
import termios
from typing import Any

import pytest


def unacknowledged(sock: socket.socket) -> int:
    """Return how many bytes the other end's kernel has not taken yet."""
    return int.from_bytes(fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def test_what_is_held_can_still_be_cut(ends: Any) -> None:
    """A connection in a black hole is reset like any other."""
    client, server = ends.pair()
    ends.proxy.black_hole()
    ends.proxy.reset()
    for sock in (client, server):
        with pytest.raises(ConnectionResetError):
            sock.recv(1)


def test_what_is_held_can_still_be_finished(ends: Any) -> None:
    """A connection in a black hole ends in order; what it held is lost."""
    client, server = ends.pair()
    ends.proxy.black_hole()
    client.sendall(b"lost")
    # What comes after the end is answered with a reset, and a busy kernel may be that late.
    assert ends.until(lambda: not unacknowledged(client))
    ends.proxy.finish()
    assert client.recv(1) == server.recv(1) == b""


def test_a_connection_ends_in_order_though_the_proxy_only_just_made_it(ends: Any) -> None:
    """Its target has accepted it before the proxy's own loop hears of that."""
    for _ in range(20):
        ends.proxy.cut_after(0, "up", "finish")
        client, server = ends.pair()
        assert client.recv(1) == server.recv(1) == b""


def test_a_connection_to_nowhere_that_is_finished_is_reset(ends: Any) -> None:
    """A client whose connection never reached the target gets a reset."""
    ends.proxy.black_hole()
    client = ends.dial()
    assert ends.until(lambda: ends.proxy.accepted == 1)
    ends.proxy.finish()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_held_connection_hears_of_its_ends_when_healed(ends: Any) -> None:
    """An end that was reset in a black hole is passed on as a reset afterwards."""
    client, server = ends.pair()
    ends.proxy.black_hole()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert ends.is_silent(server)
    ends.proxy.heal()
    with pytest.raises(ConnectionResetError):
        server.recv(1)


def test_a_second_hole_tells_of_the_end(ends: Any) -> None:
    """A silent black hole can become one with an end, and is not undone by another silent one."""
    client, _ = ends.pair()
    ends.proxy.black_hole()
    ends.proxy.black_hole(fin=True)
    assert client.recv(1) == b""
    ends.proxy.black_hole()
    client.sendall(b"swallowed")
    ends.proxy.heal()
    assert ends.until(lambda: ends.proxy.connections == 0)


def test_a_cut_strikes_the_newest_connection(ends: Any) -> None:
    """Of two open connections the newer is cut, and the older lives on."""
    old, new = ends.pair(), ends.pair()
    ends.proxy.cut_after(1, "up", "finish")
    for client, _ in (old, new):
        client.sendall(b"xy")
    assert ends.read(old[1], 2) == b"xy"
    assert ends.read(new[1], 2) == b"x"
