"""What programs are tested with: venues that speak and misbehave on loopback, clocks and clients.

Everything is imported on first use, so that naming the package costs a test run nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venuesdk.testing.clients import client_of, cut_connection, kept_away
    from venuesdk.testing.clock import FakeClock
    from venuesdk.testing.leaks import LeakCheck
    from venuesdk.testing.server import SimulatedVenue, simulate, venues

__all__ = [
    "FakeClock",
    "LeakCheck",
    "SimulatedVenue",
    "client_of",
    "cut_connection",
    "kept_away",
    "simulate",
    "venues",
]

_HOMES = {
    "FakeClock": "clock",
    "LeakCheck": "leaks",
    "client_of": "clients",
    "cut_connection": "clients",
    "kept_away": "clients",
}
"""Where a name lives, for those that are not of the simulators."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES.get(name, 'server')}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
