"""What Fuze's refusals mean: its codes to error classes; nothing that reads a frame.

The codes are JSON-RPC's, as the server answers that the venue seems to run (npm
``rpc-websockets``), and those of the envelope that streams share with the REST answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import (
    AuthenticationError,
    InvalidRequest,
    RequestRejected,
    VenueError,
    VenueUnavailable,
)

__all__ = ["CODES", "VENUE", "refusal"]

VENUE: Final = "fuze"

CODES: Final[Mapping[Any, type[RequestRejected]]] = {
    -32700: InvalidRequest,
    -32600: InvalidRequest,
    -32601: InvalidRequest,
    -32602: InvalidRequest,
    -32604: InvalidRequest,
    -32605: AuthenticationError,
    -32606: AuthenticationError,
    400: InvalidRequest,
    401: AuthenticationError,
    403: AuthenticationError,
}
"""JSON-RPC's codes, then those of the envelope → the class of the refusal."""

FAILURES: Final = frozenset({-32000, -32603, *range(500, 600)})
"""What failed inside the venue ("credential store is down"): no refusal, so that what was asked
for may have been done."""

NO_EVENT: Final = (-32000, "Event not provided")
"""The one refusal that has the code of a failure."""


def refusal(code: int | str | None, text: str) -> VenueError:
    """Return the error that a refusal with this code and text is for its caller."""
    if code in FAILURES and (code, text) != NO_EVENT:
        return VenueUnavailable(f"{text} ({code})", venue=VENUE, outcome_unknown=True)
    return CODES.get(code, RequestRejected)(text, venue=VENUE, code=code)
