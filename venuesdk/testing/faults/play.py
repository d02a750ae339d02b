"""What a play is, and finding one by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from venuesdk.testing.faults.peer import Peer

__all__ = ["PLAYS", "Play", "needs_venue", "play", "play_named"]

Play: TypeAlias = Callable[[Peer], None]
"""What is done to one connection: a function of its `Peer`, which may block."""

PLAYS: dict[str, Play] = {}
"""Every play that there is, by its name."""


def play(function: Play) -> Play:
    """Make a function a play that can be named."""
    PLAYS[function.__name__] = function
    return function


def play_named(name: str) -> Play:
    """Return the play of that name; raises ValueError, with the names, where there is none."""
    if name not in PLAYS:
        raise ValueError(f"no play {name!r}; there are {', '.join(sorted(PLAYS))}")
    return PLAYS[name]


def needs_venue(one: Play) -> bool:
    """Tell whether a play of this package relays, and so needs a venue to relay to.

    Of anybody else's play that is not known before it is played.
    """
    code = getattr(one, "__code__", None)
    ours = str(getattr(one, "__module__", "")).startswith(f"{__package__}.")
    return ours and code is not None and "relay" in code.co_names
