"""FaultProxy: a TCP proxy that delays, slices, stalls, cuts and swallows what passes through it.

It knows nothing of what the bytes mean. Since it passes them on unchanged, TLS goes through it
too.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from venuesdk.testing.faults.checks import (
    check_choice,
    check_count,
    check_flag,
    check_number,
    check_port,
    check_url,
)
from venuesdk.testing.faults.flow import DOWN, FINISH, HOLD, RESET, UP, Weather
from venuesdk.testing.faults.gate import Gate, bound_buffers
from venuesdk.testing.faults.loop import Loop
from venuesdk.testing.faults.pipe import Pipe

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FaultProxy"]

_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}
_CUTS = "cuts"
_CLOSED = "the proxy was closed, and cannot be used again: make another"


class FaultProxy:
    """Stands between a client and its server, and does to their connections what networks do.

    `target` is the server's host and port. Give the client `url` of the server's URL instead of
    that. Every method may be called from any thread, and what it says is done when it returns.
    "Up" is from the client to the target, "down" the way back.

    ``latency``, ``bandwidth``, ``slice``, ``stall``, ``black_hole`` and ``refuse`` last until
    `heal`, for connections that are open and for those to come; `cut_after`, `reset` and `finish`
    strike once. `seed` fixes the jitter. `buffer` bounds, in bytes, what each socket of the proxy
    takes in advance, so that a sender whose bytes are not read is stopped soon; the kernel
    doubles it, and has a lower bound of some kilobytes.

    `start` and `close` are idempotent; ``with`` does both. Faults raise `RuntimeError` before
    `start` and do nothing after `close`, which takes less than a second and resets whatever is
    open; `start` and `port` raise it after `close`, for a proxy is used once. Arguments that
    cannot be are a `TypeError` or a `ValueError` at the call. Should the proxy fail by itself,
    it resets everything, and every fault raises `RuntimeError`.
    """

    def __init__(
        self,
        target: tuple[str, int],
        *,
        seed: int = 1,
        buffer: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        if not isinstance(target, tuple) or len(target) != 2 or not isinstance(target[0], str):
            raise TypeError(f"a target is a host and a port, not {target!r}")
        name, number = target
        check_port(number)
        check_port(port, least=0)
        if not name or not host:
            raise ValueError(f"a host has a name, not {name and host!r}")
        if buffer is not None:
            check_count("a buffer", buffer, 1)
        self.target = (name, number)
        self._host = host
        self._port = port
        self._weather = Weather(seed, buffer)
        self._loop: Loop | None = None
        self._closed = False
        # What follows is written on the loop alone.
        self._pipes: list[Pipe] = []
        self._totals = {UP: 0, DOWN: 0, _CUTS: 0}
        self._accepted = 0
        self._hole: Callable[[Pipe], None] | None = None
        self._armed: list[tuple[int, str, str]] = []

    @classmethod
    def for_url(cls, url: str, **options: Any) -> Self:
        """Return a proxy for the server of a ws, wss, http or https URL; options as above."""
        parts = check_url(url, *_PORTS)
        return cls((parts.hostname or "", parts.port or _PORTS[parts.scheme]), **options)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- what it is

    @property
    def port(self) -> int:
        """The port to connect to, from `start` to `close`; RuntimeError before and afterwards."""
        if self._closed:
            raise RuntimeError(_CLOSED)
        if not self._port:
            raise RuntimeError("the proxy has no port yet: start() it, or use `with`")
        return self._port

    def url(self, url: str) -> str:
        """Return a URL of the target with the proxy's host and port in it.

        Raises ValueError for a URL that has not the target's port.
        """
        parts = urlsplit(url)
        if (parts.port or _PORTS.get(parts.scheme)) != self.target[1]:
            raise ValueError(f"not a URL of {self.target[0]}:{self.target[1]}: {url!r}")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return urlunsplit(parts._replace(netloc=f"{host}:{self.port}"))

    @property
    def connections(self) -> int:
        """How many connections are open, or held, now."""
        return len(self._pipes)

    @property
    def accepted(self) -> int:
        """How many connections were ever accepted."""
        return self._accepted

    @property
    def bytes_up(self) -> int:
        """How many bytes were ever passed on to the target."""
        return self._sum(lambda pipe: pipe.flows[UP].passed, UP)

    @property
    def bytes_down(self) -> int:
        """How many bytes were ever passed on to clients."""
        return self._sum(lambda pipe: pipe.flows[DOWN].passed, DOWN)

    @property
    def cuts(self) -> int:
        """How often a `cut_after` has come to its last byte."""
        return self._sum(lambda pipe: pipe.cuts, _CUTS)

    def _sum(self, count: Callable[[Pipe], int], name: str) -> int:
        def total() -> int:
            return self._totals[name] + sum(map(count, self._pipes))

        counted = self._loop.run(total, None) if self._loop is not None else None
        return self._totals[name] if counted is None else counted

    # -- life

    def start(self) -> None:
        """Look up the target's host, and listen.

        Raises OSError where the host is unknown or the port is taken, RuntimeError after `close`.
        """
        if self._closed:
            raise RuntimeError(_CLOSED)
        if self._loop is not None:
            return
        family, _, _, _, address = socket.getaddrinfo(*self.target, type=socket.SOCK_STREAM)[0]
        self._family, self._address = family, address
        loop = Loop("venuesdk-fault-proxy", self._end)
        loop.start()
        try:
            self._gate = Gate(self._host, self._port, self._weather.buffer, loop, self._take)
        except OSError:
            loop.close(lambda: None)
            raise
        self._port = self._gate.port
        self._loop = loop
        loop.run(self._gate.open, None)

    def close(self) -> None:
        """Reset whatever is open, and end the thread."""
        if self._loop is not None:
            self._loop.close(self._end)
        self._closed = True

    def _end(self) -> None:
        self._gate.close()
        self._weather.heal()
        for pipe in list(self._pipes):
            pipe.abort()

    # -- faults that last

    def latency(self, seconds: float, jitter: float = 0.0) -> None:
        """Let everything arrive `seconds` later, and up to `jitter` seconds more, in order."""
        check_number("a latency", seconds)
        check_number("a jitter", jitter)

        def change() -> None:
            self._weather.latency, self._weather.jitter = seconds, jitter

        self._do(change)

    def bandwidth(self, bytes_per_second: float | None) -> None:
        """Let each connection pass `bytes_per_second` at most each way; None is no limit."""
        if bytes_per_second is not None:
            check_number("a bandwidth", bytes_per_second, zero=False)

        def change() -> None:
            self._weather.rate = bytes_per_second

        self._do(change)

    def slice(self, size: int | None, delay: float = 0.0) -> None:
        """Pass on at most `size` bytes at a time, with `delay` seconds between; None ends it.

        Without a delay the receiver may still read several slices at once.
        """
        if size is not None:
            check_count("a slice", size, 1)
        check_number("a delay", delay)

        def change() -> None:
            self._weather.slice_size, self._weather.slice_delay = size, delay

        self._do(change)

    def stall(self, direction: str = UP) -> None:
        """Stop reading what goes in `direction`: it piles up until its sender is stopped too."""
        check_choice("a direction", direction, UP, DOWN)

        def change() -> None:
            self._weather.stalled |= {direction}
            self._each(Pipe.update)

        self._do(change)

    def black_hole(self, fin: bool = False) -> None:
        """Let nothing pass any more, in either direction, and tell no one.

        An end that closes or resets its connection is not heard of at the other. What is sent
        meanwhile waits, as TCP would send it again, and arrives after `heal`. With `fin` both
        ends are told first that there is nothing more to read; what they send vanishes without
        a reset, and `heal` ends these connections. New connections are made, and suffer the same.
        """
        check_flag("fin", fin)

        def change() -> None:
            self._hole = Pipe.swallow if fin else Pipe.hold
            self._each(self._hole)

        self._do(change)

    def refuse(self, on: bool = True) -> None:
        """Refuse new connections, as a host on which nobody listens does."""
        check_flag("on", on)
        self._do(lambda: self._gate.shut() if on else self._gate.open())

    def heal(self) -> None:
        """End every fault; what was held passes on."""

        def change() -> None:
            self._weather.heal()
            self._hole = None
            self._armed.clear()
            self._gate.open()
            self._each(Pipe.heal)

        self._do(change)

    # -- faults that strike once

    def cut_after(self, count: int, direction: str = UP, how: str = RESET) -> None:
        """Cut one connection after `count` more bytes of one direction have passed.

        It is the newest that is open, or else the next to come. `how` is ``"reset"``,
        ``"finish"`` or ``"hold"``: a black hole for this connection alone, until `heal`. No byte
        after these arrives. With ``"reset"`` the last of them may not arrive either.
        """
        check_count("a count", count, 0)
        check_choice("a direction", direction, UP, DOWN)
        check_choice("how", how, RESET, FINISH, HOLD)

        def change() -> None:
            alive = [pipe for pipe in self._pipes if pipe.alive]
            if alive:
                alive[-1].cut_after(count, direction, how)
            else:
                self._armed.append((count, direction, how))

        self._do(change)

    def reset(self) -> None:
        """Cut all connections with a TCP reset; what is on its way is lost."""
        self._do(lambda: self._each(lambda pipe: pipe.cut(RESET)))

    def finish(self) -> None:
        """End all connections in order, with a FIN each way; whoever still sends is reset."""
        self._do(lambda: self._each(lambda pipe: pipe.cut(FINISH)))

    # -- on the loop

    def _do(self, change: Callable[[], None]) -> None:
        if self._loop is None:
            raise RuntimeError("the proxy is not started: start() it, or use `with`")
        self._loop.run(change, None)

    def _each(self, change: Callable[[Pipe], None]) -> None:
        for pipe in list(self._pipes):
            change(pipe)

    def _take(self, client: socket.socket) -> None:
        assert self._loop is not None
        target = socket.socket(self._family, socket.SOCK_STREAM)
        bound_buffers(target, self._weather.buffer)
        for sock in (client, target):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pipe = Pipe(client, target, self._address, self._loop, self._weather, self._forget)
        self._accepted += 1
        self._pipes.append(pipe)
        if self._hole is not None:
            self._hole(pipe)
        else:
            pipe.connect()
        if self._armed and pipe.alive:
            pipe.cut_after(*self._armed.pop(0))

    def _forget(self, pipe: Pipe) -> None:
        self._pipes.remove(pipe)
        self._totals[_CUTS] += pipe.cuts
        for direction, flow in pipe.flows.items():
            self._totals[direction] += flow.passed
