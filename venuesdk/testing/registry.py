"""The venues that can be simulated: found by name, loaded when asked for."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from venuesdk.testing.server import SimulatedVenue
    from venuesdk.testing.sims.fuze import SimulatedFuze
    from venuesdk.testing.sims.infinex import SimulatedInfinex
    from venuesdk.testing.sims.loopring import SimulatedLoopring
    from venuesdk.testing.sims.onyx import SimulatedOnyx
    from venuesdk.testing.sims.timex import SimulatedTimex

__all__ = ["register", "require_websockets", "simulate", "venues"]

_PACKAGE = "venuesdk.testing.sims"

_REGISTRY: dict[str, type[SimulatedVenue]] = {}


def register(venue: type[SimulatedVenue]) -> None:
    """Make a venue known by its name; every subclass of `SimulatedVenue` with a name is."""
    _REGISTRY[venue.name] = venue


def venues() -> tuple[str, ...]:
    """Return the names of the venues that this package simulates, sorted."""
    for module in _modules():
        importlib.import_module(module)
    own = (name for name, venue in _REGISTRY.items() if venue.__module__.startswith(_PACKAGE))
    return tuple(sorted(own))


@overload
def simulate(name: Literal["fuze"], **options: Any) -> SimulatedFuze: ...
@overload
def simulate(name: Literal["infinex"], **options: Any) -> SimulatedInfinex: ...
@overload
def simulate(name: Literal["loopring"], **options: Any) -> SimulatedLoopring: ...
@overload
def simulate(name: Literal["onyx"], **options: Any) -> SimulatedOnyx: ...
@overload
def simulate(name: Literal["timex"], **options: Any) -> SimulatedTimex: ...
@overload
def simulate(name: str, **options: Any) -> SimulatedVenue: ...


def simulate(name: str, **options: Any) -> SimulatedVenue:
    """Return a simulated venue, which starts with `with` or `start()`.

    Options that every venue has: `seed` (1), `tls` (an `ssl.SSLContext` for a server), `interval`
    (seconds between two steps of the market, None for none), `clock` (Unix seconds), `host`,
    `port` and `http_port`. Raises ValueError for an unknown name, and ImportError, naming the
    extra to install, where the websockets package is missing.
    """
    if f"{_PACKAGE}.{name}" in _modules():
        importlib.import_module(f"{_PACKAGE}.{name}")
    if name not in _REGISTRY:
        raise ValueError(f"no simulated venue {name!r}; there are {', '.join(venues())}")
    return _REGISTRY[name](**options)


def _modules() -> list[str]:
    package = importlib.import_module(_PACKAGE)
    return [f"{_PACKAGE}.{module.name}" for module in pkgutil.iter_modules(package.__path__)]


def require_websockets() -> None:
    """Raise an ImportError that names the extra to install where websockets is missing."""
    try:
        import websockets.server  # noqa: F401
    except ImportError as exc:
        raise ImportError(
            "the simulators need the websockets package: pip install 'venuesdk[sim]'"
        ) from exc
