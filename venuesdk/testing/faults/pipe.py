"""One connection through a fault proxy: two sockets, the bytes between them, and how it ends.

Everything here happens on the proxy's loop, and nothing here waits.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Any

from venuesdk.testing.faults.flow import CHUNK, DOWN, HOLD, RESET, UP, Flow, State, Weather
from venuesdk.testing.faults.loop import Loop

__all__ = ["Pipe"]

_NO_LINGER = struct.pack("ii", 1, 0)
_GULPS = 64


class Pipe:
    """A client's connection, and the one to the target that was made for it."""

    def __init__(
        self,
        client: socket.socket,
        target: socket.socket,
        address: Any,
        loop: Loop,
        weather: Weather,
        ended: Callable[[Pipe], None],
    ) -> None:
        self.loop = loop
        self.weather = weather
        self.state = State.CONNECTING
        self.flows = {UP: Flow(self, UP, client, target), DOWN: Flow(self, DOWN, target, client)}
        self._sockets = [client, target]
        self._target = target
        self._address = address
        self._ended = ended
        self.cuts = 0
        self._asked = False
        self._connected = False

    @property
    def alive(self) -> bool:
        """Whether bytes pass, or will."""
        return self.state in (State.CONNECTING, State.OPEN)

    def connect(self) -> None:
        """Begin to connect to the target; until that is done nothing is read."""
        self._asked = True
        try:
            self._target.connect(self._address)
        except BlockingIOError:
            self.loop.watch(self._target, writable=self._answered)
        except OSError:
            self.cut(RESET)
        else:
            self._answered()

    def _answered(self) -> None:
        if self._target.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.cut(RESET)
            return
        self._connected = True
        self.state = State.OPEN
        self.update()

    def _reached(self) -> bool:
        """Whether the target has been connected to, although the loop may not have seen it yet."""
        if self._asked and not self._connected:
            with contextlib.suppress(OSError):
                self._target.getpeername()
                self._connected = True
        return self._connected

    def update(self) -> None:
        """Watch what is to be watched now, and end what both sides have ended."""
        if self.state is not State.OPEN:
            return
        up, down = self.flows[UP], self.flows[DOWN]
        if up.finished and down.finished:
            self._close(self._sockets)
            return
        for reading, writing in ((up, down), (down, up)):
            self.loop.watch(
                reading.source,
                reading.read if reading.reads else None,
                writing.push if writing.blocked else None,
            )

    def cut(self, how: str) -> None:
        """End or hold the connection now; what is on its way stays behind."""
        if how == HOLD:
            self.hold()
        elif how == RESET or not self._reached():
            self.abort()
        elif self.state in (State.CONNECTING, State.OPEN, State.HELD):
            self._say_goodbye(State.FINISHED, self._reset_whoever_speaks)

    def abort(self) -> None:
        """Reset both ends, whatever there was before."""
        if self.state is State.CLOSED:
            return
        for sock in self._sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._close(self._sockets)

    def cut_after(self, count: int, direction: str, how: str) -> None:
        """Let that many more bytes pass in one direction, and then `cut`."""
        if count:
            self.flows[direction].quota, self.flows[direction].how = count, how
        else:
            self.quota_spent(how)

    def quota_spent(self, how: str) -> None:
        """Cut, now that the last byte has passed."""
        self.cuts += 1
        self.cut(how)

    def hold(self) -> None:
        """Let nothing pass, and tell no end of the other's."""
        if self.state in (State.CONNECTING, State.OPEN):
            self.state = State.HELD
            for sock in self._sockets:
                self.loop.watch(sock)

    def swallow(self) -> None:
        """Tell both ends that it is over, and let vanish what they still send."""
        if self.state in (State.CONNECTING, State.OPEN, State.HELD):
            self._say_goodbye(State.SWALLOWING, self._discard)

    def heal(self) -> None:
        """Let pass what was held; what was swallowed ends."""
        for flow in self.flows.values():
            flow.quota = None
        if self.state is State.SWALLOWING:
            self._close(self._sockets)
        elif self.state is State.HELD and not self._asked:
            self.state = State.CONNECTING
            self.connect()
        elif self.state is State.HELD and not self._connected:
            self.state = State.CONNECTING
            self.loop.watch(self._target, writable=self._answered)
        elif self.state in (State.HELD, State.OPEN):
            self.state = State.OPEN
            for flow in self.flows.values():
                flow.resume()

    def _say_goodbye(self, state: State, then: Callable[[socket.socket], None]) -> None:
        self.state = state
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                # What came before the end must not turn it into a reset.
                for _ in range(_GULPS):
                    if not sock.recv(CHUNK):
                        break
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
            self.loop.watch(sock, lambda sock=sock: then(sock))  # type: ignore[misc]

    def _reset_whoever_speaks(self, sock: socket.socket) -> None:
        try:
            if sock.recv(CHUNK):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close([sock])

    def _discard(self, sock: socket.socket) -> None:
        try:
            if sock.recv(CHUNK):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.loop.watch(sock)

    def _close(self, sockets: list[socket.socket]) -> None:
        for sock in list(sockets):
            self.loop.watch(sock)
            sock.close()
            self._sockets.remove(sock)
        if not self._sockets:
            self.state = State.CLOSED
            self._ended(self)
