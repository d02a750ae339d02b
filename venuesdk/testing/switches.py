"""What a simulated venue can be told to do wrong.

Each fault is a method, named in `FAULTS`, and each can be switched from any thread and back.
They concern the WebSocket side; an HTTP side lives on unless a fault says otherwise. Nothing
here knows what a venue's messages look like.
"""

from __future__ import annotations

import inspect
import threading
from abc import abstractmethod
from typing import ClassVar, get_type_hints

from venuesdk.testing.connection import Connection
from venuesdk.testing.link import Weather
from venuesdk.testing.web import Refusal

__all__ = ["FAULTS", "Switches"]

FAULTS: tuple[str, ...] = (
    "close_with",
    "drop",
    "flood",
    "garbage",
    "half_open",
    "mute",
    "refuse_connections",
    "refuse_login",
    "reorder",
    "slow",
)

# RFC 6455, 7.4: what may stand in a close frame. 1004 is reserved; 1005, 1006 and 1015 are only
# ever told by one's own end.
_CLOSE_CODES = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
_LONGEST_REASON = 123

_WORDS = {"on": True, "true": True, "yes": True, "off": False, "false": False, "no": False}


class Switches:
    """The switches that every simulated venue has; mixed into `SimulatedVenue`."""

    faults: ClassVar[tuple[str, ...]] = FAULTS
    """The names that `fault` takes here: `FAULTS`, and what a venue adds to them."""

    def __init__(self) -> None:
        # Guards everything that a venue remembers; re-entrant, so that a hook may use a switch.
        self._guard = threading.RLock()
        self._changed = threading.Condition(self._guard)
        self._weather = Weather()
        self._login_refused = False
        self._http_muted = False
        self._upgrade_refusal: Refusal | None = None
        self._held_back = (0, 0.0)

    @abstractmethod
    def open_connections(self) -> list[Connection]:
        """Return the connections that are open, oldest first."""

    @abstractmethod
    def _flood(self, count: int) -> None:
        """Send that many events to every subscriber."""

    def fault(self, name: str, *arguments: object) -> None:
        """Use the switch of that name; text arguments are read as the switch's own types.

        Raises ValueError for a name that is not in `faults`, for an argument that is missing, and
        for text that does not fit.
        """
        if name not in self.faults:
            raise ValueError(f"no fault {name!r}; there are {', '.join(sorted(self.faults))}")
        switch = getattr(self, name)
        hints = get_type_hints(switch)
        signature = inspect.signature(switch).parameters
        parameters = list(signature)
        if len(arguments) > len(parameters):
            raise ValueError(f"{name} takes at most {len(parameters)} arguments")
        for parameter in parameters[len(arguments) :]:
            if signature[parameter].default is inspect.Parameter.empty:
                raise ValueError(f"{name} needs its argument {parameter!r}")
        values = [
            _read(argument, hints[parameter])
            for parameter, argument in zip(parameters, arguments, strict=False)
        ]
        switch(*values)

    def drop(self) -> None:
        """Cut every open connection at once, without a close frame."""
        with self._guard:
            for connection in self.open_connections():
                connection.drop()
            self._changed.notify_all()

    def mute(self, on: bool = True, http: bool = False) -> None:
        """Keep reading, but send nothing: no response, no event, no pong.

        What would have been sent meanwhile is lost, not late. With `http` the HTTP side gives
        no answers either: the connection of a request that came meanwhile ends without one.
        """
        with self._guard:
            self._weather.muted = on
            self._http_muted = on and http
            self._changed.notify_all()

    def half_open(self, on: bool = True) -> None:
        """Neither read nor write, as a dead link without a FIN does; what waits comes later."""
        with self._guard:
            self._weather.stalled = on
            self._poke()

    def slow(self, seconds: float) -> None:
        """Wait `seconds` before every outgoing frame and HTTP answer; 0 ends it."""
        if seconds < 0:
            raise ValueError(f"a delay cannot be negative: {seconds!r}")
        with self._guard:
            self._weather.delay = seconds
            self._poke()

    def reorder(self, count: int = 2, patience: float = 0.5) -> None:
        """Hold back `count` responses of a connection, and send them in reverse; 0 ends it.

        Fewer than `count` are sent, in reverse too, `patience` seconds after the first of them.
        Events are not held back.
        """
        if count < 0:
            raise ValueError(f"a count cannot be negative: {count!r}")
        with self._guard:
            self._held_back = (count, patience)
            for connection in self.open_connections():
                connection.hold_back(count, patience)

    def garbage(self, text: str = "{not json") -> None:
        """Send one frame that nobody can decode, `text`, to every open connection."""
        self.push(text)

    def push(self, text: str) -> None:
        """Send exactly this text frame to every open connection."""
        with self._guard:
            for connection in self.open_connections():
                connection.send_text(text)

    def flood(self, count: int = 1000) -> None:
        """Send `count` events to every subscriber as fast as possible; returns when queued."""
        with self._guard:
            self._flood(count)

    def refuse_login(self, on: bool = True) -> None:
        """Answer logins as the venue's document says that a failed one is answered."""
        with self._guard:
            self._login_refused = on

    def close_with(self, code: int, reason: str = "") -> None:
        """Send that close frame to every open connection.

        Raises ValueError for a code that may not stand in a close frame, such as 1006, and for a
        reason that does not fit into one: 123 bytes.
        """
        if code not in _CLOSE_CODES:
            raise ValueError(f"{code!r} cannot stand in a close frame")
        if len(reason.encode()) > _LONGEST_REASON:
            raise ValueError(f"a reason has at most {_LONGEST_REASON} bytes")
        with self._guard:
            for connection in self.open_connections():
                connection.close(code, reason)
            self._changed.notify_all()

    def refuse_connections(
        self, on: bool = True, status: int = 503, retry_after: int | None = None
    ) -> None:
        """Take the socket away: drop every connection, and refuse new ones with that `status`.

        With `retry_after` the refusal asks to wait so many seconds. ``on=False`` ends it.
        """
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        with self._guard:
            self._upgrade_refusal = Refusal(status, "refused\n", headers) if on else None
            if on:
                self.drop()

    def _poke(self) -> None:
        for connection in self.open_connections():
            connection.poke()
        self._changed.notify_all()


def _read(argument: object, kind: object) -> object:
    """Return what a text argument means; anything but text is what it is."""
    if not isinstance(argument, str) or kind is str:
        return argument
    if kind is bool:
        if argument.lower() not in _WORDS:
            raise ValueError(f"{argument!r} is neither on nor off")
        return _WORDS[argument.lower()]
    return float(argument) if kind is float else int(argument)
