"""The connection key of Loopring: asked for over HTTP before every connection, used once.

It is not the account's ``apiKey``. What a refused key means is decided here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from ...errors import (
    AuthenticationError,
    ConnectFailed,
    ProtocolError,
    RateLimitExceeded,
    VenueError,
    VenueUnavailable,
)
from ...models import HttpResponse
from ...protocol.convert import decode_json

__all__ = ["KEY_PATH", "with_key"]

KEY_PATH: Final = "/v3/ws/key"
VENUE: Final = "loopring"

NOT_ACCEPTED: Final = frozenset(
    {100206, 101002, 104001, 104002, 104003, 104004, 104005, 104104, 104105, 104112, 104114}
)
"""Codes that say that the venue does not accept who is asking."""


def with_key(url: str, response: HttpResponse) -> str:
    """Return `url` with the key that `response` brings.

    Raises `AuthenticationError`, `RateLimitExceeded`, `VenueUnavailable`, and `ConnectFailed` for
    all else; nothing of the answer but the venue's own text is in them.
    """
    body = _body(response)
    refused = _refused(response, *_told(body))
    if refused is not None:
        raise refused
    # The second form is that of the older version of this path.
    key = body.get("key") or body.get("data")
    if not isinstance(key, str):
        raise ConnectFailed("the venue's answer has no connection key", venue=VENUE)
    return f"{url}{'&' if '?' in url else '?'}wsApiKey={quote(key, safe='')}"


def _body(response: HttpResponse) -> Mapping[str, Any]:
    try:
        body = decode_json(response.body)
    except ProtocolError:
        body = None
    return body if isinstance(body, dict) else {}


def _told(body: Mapping[str, Any]) -> tuple[int | None, str]:
    """Return the code and the text of a refusal, in either of the two forms."""
    info = body.get("resultInfo")
    if not isinstance(info, dict):
        info = {"code": body.get("code"), "message": body.get("msg")}
    code, text = info.get("code"), info.get("message")
    return (code if type(code) is int else None), (text if isinstance(text, str) else "")


def _refused(response: HttpResponse, code: int | None, text: str) -> VenueError | None:
    status, number = response.status, code or response.status
    if status == 200 and not code:
        return None
    wait = _retry_after(response)
    text = text or f"HTTP status {status}"
    if status in (401, 403) or code in NOT_ACCEPTED:
        return AuthenticationError(f"no connection key: {text}", venue=VENUE, code=number)
    if status == 429:
        return RateLimitExceeded(
            f"no connection key: {text}", venue=VENUE, code=number, retry_after=wait
        )
    text = f"no connection key: {text} ({number})"
    if status >= 500:
        return VenueUnavailable(text, venue=VENUE, status=status, retry_after=wait)
    return ConnectFailed(text, venue=VENUE, retry_after=wait)


def _retry_after(response: HttpResponse) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
