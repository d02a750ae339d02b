"""The connection key of Loopring: asked for over HTTP before every connection, used once.

It is not the account's ``apiKey``. What a refused key means is decided here.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from ...errors import ConnectFailed
from ...models import HttpResponse
from .answers import VENUE, body_of, refusal_of

__all__ = ["KEY_PATH", "with_key"]

KEY_PATH: Final = "/v3/ws/key"


def with_key(url: str, response: HttpResponse) -> str:
    """Return `url` with the key that `response` brings.

    Raises `AuthenticationError`, `RateLimitExceeded`, `VenueUnavailable`, and `ConnectFailed` for
    all else; nothing of the answer but the venue's own text is in them.
    """
    refused = refusal_of(response, "no connection key", _no_connection)
    if refused is not None:
        raise refused
    body = body_of(response)
    # The second form is that of the older version of this path.
    key = body.get("key") or body.get("data")
    if not isinstance(key, str):
        raise ConnectFailed("the venue's answer has no connection key", venue=VENUE)
    return f"{url}{'&' if '?' in url else '?'}wsApiKey={quote(key, safe='')}"


def _no_connection(text: str, code: int, wait: float | None) -> ConnectFailed:
    return ConnectFailed(f"{text} ({code})", venue=VENUE, retry_after=wait)
