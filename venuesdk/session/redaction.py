"""Redaction: what a venue sends back must not show a credential either.

A venue, or a gateway in its place, may repeat a request in its answer, and in TimeX's and
Infinex's requests there are credentials. So every error passes here before anybody sees it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from ..errors import ProtocolError, RequestRejected, VenueError
from ..secret import Secret

__all__ = ["redact"]

MASK = "********"
SHORTEST = 4
"""The fewest characters of a credential, at the end of a cut frame, that count as a part of it."""


def redact(error: BaseException, secrets: Iterable[Secret]) -> bool:
    """Take every credential out of what an error holds; return whether there was one.

    Then its traceback and its causes go too: their locals hold what the venue sent.
    """
    if not isinstance(error, VenueError):
        return False
    found = False
    for secret in secrets:
        for form in {secret.reveal(), json.dumps(secret.reveal())[1:-1]}:
            found = _take_out(error, form) or found
    if found:
        error.__traceback__ = error.__cause__ = error.__context__ = None
    return found


def _take_out(error: VenueError, credential: str) -> bool:
    found = False
    arguments = tuple(
        one.replace(credential, MASK) if isinstance(one, str) else one for one in error.args
    )
    if arguments != error.args:
        error.args, found = arguments, True
    if isinstance(error, RequestRejected) and credential in error.message:
        error.message, found = error.message.replace(credential, MASK), True
    if isinstance(error, ProtocolError):
        frame = _without_part(error.frame.replace(credential, MASK), credential)
        if frame != error.frame:
            error.frame, found = frame, True
    return found


def _without_part(frame: str, credential: str) -> str:
    """Take away the beginning of a credential that a frame was cut in."""
    for length in range(len(credential) - 1, SHORTEST - 1, -1):
        if frame.endswith(credential[:length]):
            return frame[:-length] + MASK
    return frame
