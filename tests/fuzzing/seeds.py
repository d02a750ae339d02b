"""What fuzzing begins with: the venues' documented frames, and whole answers and streams."""

from __future__ import annotations

from fuzzing.answers import answer
from fuzzing.mutations import Choices
from fuzzing.streams import stream
from fuzzing.targets import frames_of, payloads_of
from tape import VENUES

__all__ = ["seeds_of"]

LONGEST = 6_000
MADE = 60
"""How many answers or streams are made, where there are no documented ones."""


def seeds_of(name: str) -> list[bytes]:
    """Return the inputs that a target is first given."""
    for venue in VENUES:
        if name == venue.name:
            return frames_of(venue)
        if name == f"{venue.name}-models":
            return payloads_of(venue)
    if name == "frames":
        return [stream(Choices([number]))[:LONGEST] for number in range(MADE)]
    body = b'{"key":"6b2f"}'
    return [answer(body, Choices([number]))[:LONGEST] for number in range(MADE)]
