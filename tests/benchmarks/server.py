"""The server of every table: one process, one thread for each connection, frames made beforehand.

A client says by the path what it wants, ``/<start>/<play>/<shape>/<number>``:

``start``: ``now``, or how many subscriptions are asked for before the stream begins.
``play``: ``flood`` as fast as it is taken, ``paced`` with `number` events a second, each with the
time when it was sent, ``count`` for `number` events, ``quiet`` for none; ``together`` is a flood
that begins when `number` connections of one name, which stands behind it in the path, want it.

A program: ``python server.py [CERTIFICATE]``. It prints its ports, and ends when its input does.
"""

from __future__ import annotations

import ctypes
import json
import signal
import socket
import ssl
import sys
import threading
import time
from contextlib import suppress
from functools import lru_cache
from typing import Any

from answers import Answers
from framing import CLOSE, PING, PONG, accept, no_delay, server_frame, take_client_frames
from shapes import STAMP_BASE, payloads, stamped

WRITE = 1 << 20
"""How many bytes one write of a flood has at least."""
SETTLE = 0.15
"""Seconds between the answer to a subscribe and the flood.

Some of the peers learn of their subscription only after they have sent it.
"""
LATE = 20_000_000
"""Nanoseconds; an event later than that is stamped with when it was due: the client held it up."""
LEAST = 256
"""How many different frames a flood has, where nothing is said."""
PATIENCE = 60.0
PR_SET_TIMERSLACK = 29
DIGITS = b"9" * 19


@lru_cache(maxsize=32)
def flood_of(shape: str, subscriptions: int, least: int) -> bytes:
    """Return frames one after the other, in one piece."""
    frames = b"".join(map(server_frame, payloads(shape, subscriptions, least)))
    return frames * max(1, -(-WRITE // len(frames)))


@lru_cache(maxsize=32)
def frames_of(shape: str) -> list[bytes]:
    """Return some different frames."""
    return list(map(server_frame, payloads(shape)))


def flood(sock: Any, shape: str, subscriptions: int, least: int) -> None:
    """Send as fast as the client takes it, until it has gone."""
    frames = memoryview(flood_of(shape, subscriptions, least))
    while True:
        for start in range(0, len(frames), WRITE):
            sock.sendall(frames[start : start + WRITE])


def pace(sock: Any, rate: int) -> None:
    """Send tickers at a steady pace, each with its time, until the client has gone."""
    with suppress(OSError, AttributeError):
        # Linux rounds a sleep up by 50 us otherwise.
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
    head, tail = stamped()
    # The length in the header is that of the payload with the digits of a stamp in it.
    before, _, behind = server_frame(head + DIGITS + tail).partition(DIGITS)
    frame = before + b"%019d" + behind
    interval = 1_000_000_000 / rate
    due = float(time.monotonic_ns())
    while True:
        now = time.monotonic_ns()
        if now < due:
            time.sleep((due - now) / 1e9)
            now = time.monotonic_ns()
        stamp = int(due) if now - due > LATE else now
        sock.sendall(frame % (stamp + STAMP_BASE))
        due += interval


def send_count(sock: Any, shape: str, count: int) -> None:
    """Send exactly so many events."""
    frames = frames_of(shape)
    whole, rest = divmod(count, len(frames))
    block = b"".join(frames)
    for _ in range(whole):
        sock.sendall(block)
    sock.sendall(b"".join(frames[:rest]))


class Connection:
    """One client's connection, from its upgrade to its end."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        path, self._buffer = accept(sock)
        start, self._play, self._shape, number, *self._name = path.split("/")[1:]
        self._number = int(number)
        self._awaited = 0 if start == "now" else int(start)
        self._answers = Answers(self._shape.split(".")[0])
        self._playing = False

    def run(self) -> None:
        """Answer what the client asks; play once it has asked for everything."""
        if not self._awaited:
            self._begin()
        while True:
            data = self._sock.recv(1 << 18)
            if not data:
                return
            self._buffer += data
            if not self._answer():
                return
            if self._awaited and self._answers.subscriptions >= self._awaited:
                self._begin()

    def _answer(self) -> bool:
        """Answer all that has come; return False where the client says good-bye."""
        answers = []
        for opcode, payload in take_client_frames(self._buffer):
            if opcode == CLOSE:
                self._sock.sendall(server_frame(payload, CLOSE))
                return False
            if opcode == PING:
                answers.append(server_frame(payload, PONG))
            elif opcode != PONG:
                answer = self._answers.to(payload)
                if answer is not None:
                    answers.append(server_frame(answer))
        if answers:
            self._sock.sendall(b"".join(answers))
        return True

    def _begin(self) -> None:
        if self._playing:
            return
        self._playing = True
        subscriptions, self._awaited = max(1, self._awaited), 0
        if self._play in ("flood", "together"):
            # Made before it is wanted: while it is made, nothing else runs here.
            together = self._play == "together"
            least = LEAST if together else self._number or LEAST
            flood_of(self._shape, subscriptions, least)
            if together:
                _barrier("/".join(self._name), self._number).wait(PATIENCE)
            time.sleep(SETTLE)
            flood(self._sock, self._shape, subscriptions, least)
        elif self._play == "paced":
            time.sleep(SETTLE)
            pace(self._sock, self._number)
        elif self._play == "count":
            send_count(self._sock, self._shape, self._number)


_barriers: dict[str, threading.Barrier] = {}
_barriers_lock = threading.Lock()


def _barrier(name: str, parties: int) -> threading.Barrier:
    with _barriers_lock:
        return _barriers.setdefault(name, threading.Barrier(parties))


def _serve(sock: socket.socket, context: ssl.SSLContext | None) -> None:
    no_delay(sock)
    with suppress(OSError, ValueError, threading.BrokenBarrierError):
        wrapped = sock if context is None else context.wrap_socket(sock, server_side=True)
        with wrapped:
            Connection(wrapped).run()
    sock.close()


def _listen(context: ssl.SSLContext | None) -> int:
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)

    def run() -> None:
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=_serve, args=(sock, context), daemon=True).start()

    threading.Thread(target=run, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def main() -> None:
    """Serve until the standard input ends, which Ctrl-C in the terminal is not."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ports = {"ws": _listen(None)}
    if sys.argv[1:]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
        ports["wss"] = _listen(context)
    print(json.dumps(ports), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
