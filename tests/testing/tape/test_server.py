"""Playing a tape as a venue on loopback."""

from __future__ import annotations

import math
from typing import Any

import pytest

from venuesdk.testing.tape import serve_tape


@pytest.mark.parametrize("speed", [math.inf, 20.0])
def test_every_venue_is_served_with_the_same_typed_events(
    stage: Any, venue: str, program: Any, speed: float
) -> None:
    """A client of the served tape gets what the recorded one got from the venue."""
    tape, recorded = stage.record(venue)
    with serve_tape(tape, speed) as served, stage.client(served) as client:
        assert program(client) == recorded
        assert served.surprises == []
