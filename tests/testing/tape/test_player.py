"""Playing a tape into a client without a socket."""

from __future__ import annotations

import math
from typing import Any

import pytest

from venuesdk.client import clients
from venuesdk.testing.tape import replayed


@pytest.mark.parametrize("speed", [math.inf, 20.0])
def test_every_venue_is_played_with_the_same_typed_events(
    stage: Any, venue: str, program: Any, speed: float
) -> None:
    """What the program got from the venue it gets from the tape, value by value."""
    tape, recorded = stage.record(venue)
    with replayed(tape, clients()[venue], speed=speed) as client:
        assert program(client) == recorded
