"""Infinex's API paths: which only read, which need a key; and a request's way over HTTP.

The table is the venue's list of endpoints. What is not in it is taken for something that changes
the account, so that it is never sent a second time, and is given the key where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ...errors import (
    AuthenticationError,
    InvalidRequest,
    ProtocolError,
    RateLimitExceeded,
    RequestRejected,
    VenueError,
    VenueUnavailable,
)
from ...models import HttpRequest, HttpResponse
from ...protocol.codec import Request
from ...protocol.convert import Wire, decoder, encode_json
from ...secret import Secret
from .models import TwoFactorRequired
from .refusals import VENUE, judge, refusal

__all__ = [
    "PATHS",
    "PathFacts",
    "check_path",
    "http_request",
    "needs_key",
    "only_reads",
    "post_text",
    "read_answer",
    "takes_key",
]


class PathFacts(NamedTuple):
    """What is known of one path: whether it only reads, and whether it needs a key."""

    read: bool
    key: bool


_PUBLIC: Final = PathFacts(read=True, key=False)
_PRIVATE: Final = PathFacts(read=True, key=True)
_ACTION: Final = PathFacts(read=False, key=True)

PATHS: Final[Mapping[str, PathFacts]] = {
    "/account/api_keys/edit": _ACTION,
    "/account/api_keys/list": _PRIVATE,
    "/account/api_keys/new": _ACTION,
    "/account/api_keys/remove": _ACTION,
    "/account/login": PathFacts(read=False, key=False),
    "/account/logout": _ACTION,
    "/account/session/check": _PRIVATE,
    "/account/session/kill": _ACTION,
    "/account/session/list": _PRIVATE,
    "/info/spot_fees": _PUBLIC,
    "/info/withdrawal_fees": _PUBLIC,
    "/spot/candlestick": _PUBLIC,
    "/spot/config": _PUBLIC,
    "/spot/markets": _PUBLIC,
    "/spot/markets_ex": _PUBLIC,
    "/spot/open_orders": _PRIVATE,
    "/spot/open_orders/cancel": _ACTION,
    "/spot/open_orders/new": _ACTION,
    "/spot/orderbook": _PUBLIC,
    "/spot/orders_history": _PRIVATE,
    "/spot/trades": _PUBLIC,
    "/spot/trades_history": _PRIVATE,
    "/spot/user_fees": _PRIVATE,
    "/wallet/addressbook": _PRIVATE,
    "/wallet/addressbook/delete": _ACTION,
    "/wallet/addressbook/rename": _ACTION,
    "/wallet/assets": _PUBLIC,
    "/wallet/balances": _PRIVATE,
    "/wallet/balances_ex": _PRIVATE,
    # The venue may assign an address here, which is a change of the account.
    "/wallet/deposit": _ACTION,
    "/wallet/networks": _PUBLIC,
    "/wallet/transactions": _PRIVATE,
    "/wallet/transfer": _ACTION,
    "/wallet/withdraw": _ACTION,
    "/wallet/withdraw/cancel": _ACTION,
    "/wallet/withdraw/info": _PRIVATE,
    "/wallet/withdraw/validate": _PRIVATE,
}
"""The paths of the venue's API document, and those that its own web page used."""

_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
_STATUS_KINDS: Final[Mapping[int, type[RequestRejected]]] = {
    400: InvalidRequest,
    401: AuthenticationError,
    403: AuthenticationError,
    404: InvalidRequest,
    405: InvalidRequest,
    406: InvalidRequest,
    416: InvalidRequest,
}
_TIMED_OUT: Final = 408
_TOO_MANY: Final = 429
_SECOND_FACTOR: Final = 511


class _Failure(Wire, frozen=True):
    """The body of an answer whose status is not 200, where it has the gateway's form."""

    error: Any = None


_read_failure = decoder(_Failure)


def check_path(path: object) -> str:
    """Return `path`; raise where it is not the plain absolute path of an endpoint."""
    if not isinstance(path, str):
        raise TypeError(f"a path is text, not {type(path).__name__}")
    if not _PATH.fullmatch(path) or not {".", ".."}.isdisjoint(path.split("/")):
        raise ValueError(
            f"a path begins with one / and has neither a query nor spaces nor ..: {path[:80]!r}"
        )
    return path


def only_reads(path: str) -> bool:
    """Return whether asking `path` twice changes no more than asking it once: nothing."""
    facts = PATHS.get(path)
    return facts is not None and facts.read


def needs_key(path: str) -> bool:
    """Return whether the documents say that `path` needs a key."""
    facts = PATHS.get(path)
    return facts is not None and facts.key


def takes_key(path: str) -> bool:
    """Return whether `path` is sent the key where there is one: it may need it."""
    return path not in PATHS or needs_key(path)


def post_text(request: Request, credentials: Mapping[str, Secret]) -> str:
    """Return the JSON text of a request's parameters with the key in it, "" where it has none.

    Raises `ValueError` where the path needs a key and there is none.
    """
    path, params = request.fields["url"], request.fields.get("post") or {}
    if "api_key" not in credentials and needs_key(path):
        raise ValueError(f"{path} needs api_key=")
    if "api_key" not in credentials or not takes_key(path):
        return encode_json(params) if params else ""
    # Written apart, because a Secret among the parameters is a mistake, and is to be refused.
    rest = encode_json(params)[1:]
    opening = encode_json({"api_key": credentials["api_key"]}, reveal=True)[:-1]
    return opening + ("," if params else "") + rest


def http_request(request: Request, credentials: Mapping[str, Secret]) -> HttpRequest:
    """Return the HTTP request that says what `request` says on the socket."""
    return HttpRequest(
        "POST",
        request.fields["url"],
        {"Content-Type": "application/json"},
        (post_text(request, credentials) or "{}").encode(),
    )


def read_answer(response: HttpResponse, read: bool) -> bytes:
    """Return the API body of an HTTP answer; raise what any other answer means.

    The body of an answer that is not 200 counts only in the gateway's form: the venue says that
    it is unpredictable otherwise.
    """
    error = judge(response.body, read) if response.status == 200 else _failure(response, read)
    if error is not None:
        raise error
    return response.body


def _failure(response: HttpResponse, read: bool) -> VenueError:
    status, body = response.status, response.body
    try:
        told = refusal(_read_failure(body).error, read)
    except ProtocolError:
        told = None
    text = told.message if isinstance(told, RequestRejected) and told.code else ""
    if status == _SECOND_FACTOR:
        if isinstance(told, TwoFactorRequired):
            return told
        return TwoFactorRequired("a second factor is wanted", venue=VENUE, code=status)
    if status >= 500 or status == _TIMED_OUT:
        return VenueUnavailable(
            f"HTTP status {status}: {text}" if text else f"HTTP status {status}",
            venue=VENUE,
            outcome_unknown=not read,
            status=status,
            retry_after=_retry_after(response),
        )
    if status < 400:
        return ProtocolError(
            f"HTTP status {status} is no answer", venue=VENUE, outcome_unknown=not read, frame=body
        )
    code = told.code if isinstance(told, RequestRejected) and told.code else status
    text = text or f"HTTP status {status}"
    if status == _TOO_MANY:
        wait = _retry_after(response)
        return RateLimitExceeded(text, venue=VENUE, code=code, retry_after=wait)
    if isinstance(told, RequestRejected) and type(told) is not RequestRejected and told.code:
        return told
    return _STATUS_KINDS.get(status, RequestRejected)(text, venue=VENUE, code=code)


def _retry_after(response: HttpResponse) -> float | None:
    value = response.headers.get("retry-after", "").strip()
    # A date is the other form; it would need a clock that agrees with the venue's.
    return float(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
