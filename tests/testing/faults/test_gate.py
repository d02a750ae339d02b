"""The gate listens or refuses on one port that nobody else can take."""

from __future__ import annotations

import socket
import threading

import pytest

from venuesdk.testing.faults.gate import Gate, bound_buffers
from venuesdk.testing.faults.loop import Loop


def test_it_keeps_its_port_while_it_refuses() -> None:
    """Shut, it refuses; opened again, the same port accepts; nobody else gets it meanwhile."""
    loop = Loop("venuesdk-fault-test")
    accepted: list[socket.socket] = []
    came = threading.Event()

    def take(sock: socket.socket) -> None:
        accepted.append(sock)
        came.set()

    gate = Gate("127.0.0.1", 0, None, loop, take)
    address = ("127.0.0.1", gate.port)
    loop.start()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 5)
    with pytest.raises(OSError, match="in use"), socket.socket() as other:
        other.bind(address)
    loop.run(gate.open, None)
    socket.create_connection(address, 5).close()
    assert came.wait(5)
    loop.run(gate.shut, None)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 5)
    loop.close(gate.close)
    accepted[0].close()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(address)


def test_buffers_are_bounded_only_where_that_is_asked_for() -> None:
    """A bound makes the kernel's buffers small, and None leaves them alone."""
    with socket.socket() as plain, socket.socket() as small:
        before = plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        bound_buffers(plain, None)
        bound_buffers(small, 4096)
        assert plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == before
        assert small.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) < before
