"""What Infinex's refusals mean: its texts and codes to error classes, on both routes.

The API's own error is text (Infinex document), an object (the gateway that came later), or absent
(where the venue wants a second factor). No frame and no HTTP status is known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...errors import (
    AuthenticationError,
    InsufficientFunds,
    InvalidRequest,
    OrderNotFound,
    ProtocolError,
    RequestRejected,
    VenueError,
    VenueUnavailable,
)
from ...protocol.convert import Wire, decoder, show_json
from .models import TwoFactorRequired

__all__ = ["GATEWAY", "KINDS", "VENUE", "judge", "refusal"]

VENUE: Final = "infinex"
SECOND_FACTOR: Final = "REQUIRE_2FA"

GATEWAY: Final = frozenset(
    {
        "API unavailable",
        "INTERNAL_SERVER_ERROR",
        "LEGACY_API_ERROR",
        "LEGACY_API_UNAVAILABLE",
    }
)
"""What stands in the API's place: whether the API did what was asked is not known."""

KINDS: Final[Mapping[str, type[RequestRejected]]] = {
    "FORBIDDEN": AuthenticationError,
    "INSUF_FUNDS": InsufficientFunds,
    "INSUF_TRADE_AMOUNT": InvalidRequest,
    "INVALID_2FA": AuthenticationError,
    "INVALID_ENDPOINT": InvalidRequest,
    "METHOD_NOT_ALLOWED": InvalidRequest,
    "MISSING_DATA": InvalidRequest,
    "MISSNIG_DATA": InvalidRequest,  # the venue's own spelling
    "Missing data": InvalidRequest,
    "Order not found": OrderNotFound,
    "UNAUTHORIZED": AuthenticationError,
    "Unauthorized": AuthenticationError,
    "VALIDATION_ERROR": InvalidRequest,
}
"""The known texts and codes → the class of the refusal; all others are `RequestRejected`."""


class _Verdict(Wire, frozen=True):
    """The nested success and error of an API body, loosely typed: what is wrong is judged."""

    success: Any = None
    error: Any = None
    need_2fa: Any = None
    provider_2fa: Any = None


_read_verdict = decoder(_Verdict)


def judge(body: bytes, read: bool) -> VenueError | None:
    """Return why the API refused, or None where `body` says that it did what was asked.

    `read` says that nothing was to be changed, so that nothing about the outcome is unknown.
    """
    try:
        verdict = _read_verdict(body)
    except ProtocolError as error:
        error.venue, error.outcome_unknown = VENUE, True
        return error
    if verdict.success is True:
        return None
    if verdict.need_2fa is True:
        provider = verdict.provider_2fa if isinstance(verdict.provider_2fa, str) else ""
        text = verdict.error if isinstance(verdict.error, str) else _wanted(provider)
        return TwoFactorRequired(text, venue=VENUE, provider=provider)
    if verdict.success is False or (verdict.success is None and verdict.error is not None):
        return refusal(verdict.error, read)
    return ProtocolError(
        "the API's answer does not say whether it is an error",
        venue=VENUE,
        outcome_unknown=True,
        frame=body,
    )


def refusal(error: Any, read: bool) -> VenueError:
    """Return what an ``error`` means: a text, an object with ``code`` and ``msg``, or None."""
    code: str | None = None
    if isinstance(error, dict):
        if isinstance(error.get("code"), str):
            code = error["code"]
        message = error.get("msg")
        text = message if isinstance(message, str) else code or show_json(error)
    elif isinstance(error, str):
        text = error
    else:
        text = "" if error is None else show_json(error)
    if GATEWAY.intersection((code, text)):
        return VenueUnavailable(text, venue=VENUE, outcome_unknown=not read)
    if code == SECOND_FACTOR:
        return TwoFactorRequired(_wanted(text), venue=VENUE, code=code, provider=text)
    kind = KINDS.get(code or text, RequestRejected)
    return kind(text or "refused without a reason", venue=VENUE, code=code)


def _wanted(provider: str) -> str:
    return f"a second factor is wanted: {provider}" if provider else "a second factor is wanted"
