"""What a case of the fault table is: what the peer does, what the client must do, and how soon.

Numbers follow the kinds of fault: 1 to 17 while connecting, 18 to 30 while receiving, 31 to 36
while sending and closing, S1 to S19 at the level of requests and streams, V1 and on for what only
one venue has. A number may have several variants. S15 and S16, many clients that are cut off at
once and a link that flaps, take many connections: see `tests/storms`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "AT_ONCE",
    "BOTH",
    "LOADING",
    "SLACK",
    "TIMEOUT",
    "WS",
    "WSS",
    "Case",
    "connecting",
    "lost",
    "refused",
    "striking",
]

TIMEOUT = 1.0
"""The timeout T of the call that a case is about."""
SLACK = 0.5
"""How much later than T a call may end."""
AT_ONCE = 0.5
LOADING = 32 << 20
"""What loading the package itself takes, in bytes, where that falls into the measured part."""

WS = ("ws",)
BOTH = ("ws", "wss")
WSS = ("wss",)


@dataclass(frozen=True)
class Case:
    """One fault: `plays` for the peer's connections, in their order, then what must be seen.

    `must` are fields of the child's report and their values; a tuple means "one of these".
    The call takes `least` seconds at least and `within` at most, and the memory grows meanwhile by
    `growth` bytes at most, at its peak. `next` is what becomes of the next call: "works", the name
    of the error that it raises, or "none" where the scenario makes none.

    `venue` is simulated with the options `sim`. `before` prepares it; `cue` runs beside the client,
    on a thread of its own, and may wait for what the venue receives; `seen` adds what the venue saw
    to the report. A case that is `long` takes many seconds, and is not in the default suite.
    """

    id: str
    peer: str
    scenario: str
    plays: tuple[Any, ...] = ("honest",)
    must: dict[str, Any] = field(default_factory=dict)
    within: float = TIMEOUT + SLACK
    next: str = "works"
    links: tuple[str, ...] = BOTH
    growth: int = 5 << 20
    options: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, Any] = field(default_factory=dict)
    interval: float | None = None
    venue: str = "timex"
    sim: dict[str, Any] = field(default_factory=dict)
    before: Callable[[Any], object] | None = None
    cue: Callable[[Any], object] | None = None
    seen: Callable[[Any], dict[str, Any]] | None = None
    long: bool = False
    least: float = 0.0


def lost(**more: Any) -> dict[str, Any]:
    """Return what an order must say whose connection ended under it."""
    return {"error": "ConnectionLost", "outcome_unknown": True, **more}


def refused(error: str = "ConnectFailed", **more: Any) -> dict[str, Any]:
    """Return what a connect must say that came to nothing."""
    return {"error": error, "outcome_unknown": False, **more}


def connecting(id: str, peer: str, play: Any, must: dict[str, Any], **more: Any) -> Case:
    """Return a case of the first connection; the second one is honest."""
    return Case(id, peer, "connect", (play, "honest"), must, **more)


def striking(id: str, peer: str, play: Any, must: dict[str, Any], **more: Any) -> Case:
    """Return a case that strikes under an order; the connection after it is honest."""
    more.setdefault("within", AT_ONCE)
    return Case(id, peer, more.pop("scenario", "write"), (play, "honest"), must, **more)
