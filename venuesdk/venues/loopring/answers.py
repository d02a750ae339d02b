"""What Loopring's HTTP side answers: its two forms of a refusal, and what a status means.

What was asked, and what a good answer holds, is the business of whoever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ...errors import (
    AuthenticationError,
    ProtocolError,
    RateLimitExceeded,
    VenueError,
    VenueUnavailable,
)
from ...models import HttpResponse
from ...protocol.convert import decode_json

__all__ = ["VENUE", "body_of", "refusal_of"]

VENUE: Final = "loopring"

NOT_ACCEPTED: Final = frozenset(
    {100206, 101002, 104001, 104002, 104003, 104004, 104005, 104104, 104105, 104112, 104114}
)
"""Codes that say that the venue does not accept who is asking."""


def body_of(response: HttpResponse) -> Mapping[str, Any]:
    """Return the object that was answered; an empty one where there is none."""
    try:
        body = decode_json(response.body)
    except ProtocolError:
        body = None
    return body if isinstance(body, dict) else {}


def refusal_of(
    response: HttpResponse,
    what: str,
    otherwise: Callable[[str, int, float | None], VenueError],
) -> VenueError | None:
    """Return the error that an answer is, or None where it is none.

    `what` begins its text. `otherwise` makes one that is neither about who is asking nor about
    how often nor a failure of the venue's, of the text, the code and the seconds to wait. Nothing
    of the answer but the venue's own text is in any of them.
    """
    code, text = _told(body_of(response))
    status, number = response.status, code or response.status
    if status == 200 and not code:
        return None
    wait = _retry_after(response)
    text = f"{what}: {text or f'HTTP status {status}'}"
    if status in (401, 403) or code in NOT_ACCEPTED:
        return AuthenticationError(text, venue=VENUE, code=number)
    if status == 429:
        return RateLimitExceeded(text, venue=VENUE, code=number, retry_after=wait)
    if status >= 500:
        return VenueUnavailable(
            f"{text} ({number})", venue=VENUE, status=status, retry_after=wait
        )
    return otherwise(text, number, wait)


def _told(body: Mapping[str, Any]) -> tuple[int | None, str]:
    """Return the code and the text of a refusal, in either of the two forms."""
    info = body.get("resultInfo")
    if not isinstance(info, dict):
        info = {"code": body.get("code"), "message": body.get("msg")}
    code, text = info.get("code"), info.get("message")
    return (code if type(code) is int else None), (text if isinstance(text, str) else "")


def _retry_after(response: HttpResponse) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
