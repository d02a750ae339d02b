"""What TimeX's refusals mean: tables of its codes and texts, and nothing that reads a frame.

The document of the socket shows a refusal with a text alone; a code is known from the venue's HTTP
side. So a code decides where there is one, and otherwise the few texts that were seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ...errors import (
    AuthenticationError,
    InsufficientFunds,
    InvalidRequest,
    NotSubscribed,
    OrderNotFound,
    RateLimitExceeded,
    RequestRejected,
)
from ...protocol.codec import Request

__all__ = ["CODES", "FAILURES", "class_of"]

CODES: Final[Mapping[Any, type[RequestRejected]]] = {
    1: InvalidRequest,  # UNSUPPORTED_OPERATION
    4000: InvalidRequest,  # BAD_PARAMS
    4001: InsufficientFunds,  # BAD_PARAMS_INSUFFICIENT_BALANCE
    4003: AuthenticationError,  # BAD_PARAMS_2FA_CODE
    4004: AuthenticationError,  # BAD_PARAMS_2FA_CODE_REQUIRED
    4006: InvalidRequest,  # BAD_PARAMS_WITHDRAWAL_VALUE_…: lower than the fee, incorrect scale
    4100: AuthenticationError,  # UNAUTHORIZED
    4300: AuthenticationError,  # FORBIDDEN
    4900: RateLimitExceeded,  # SERVER_OVERLOAD
    4901: RateLimitExceeded,  # USER_OVERLOAD
}
"""The venue's constants → the class. Others are refusals without a class of their own: an empty
book (4002), no full match (4008), slippage (4009), a limit (10101)."""

NOT_FOUND: Final = 4400

FAILURES: Final = frozenset({0, 5002, 5003, 5005, 5051})
"""INTERNAL_ERROR, and what failed inside the venue (its database, its wallet service): no refusal,
so that what was asked for may have been done."""

TEXTS: Final = (
    (re.compile(r"insufficient\b.*\b(balance|funds)\b", re.IGNORECASE), InsufficientFunds),
    (re.compile(r"(access denied|unauthorized)\b", re.IGNORECASE), AuthenticationError),
    (re.compile(r"validation error\b", re.IGNORECASE), InvalidRequest),
)
"""How a text begins → the class."""


def class_of(code: int | None, text: str, request: Request | None) -> type[RequestRejected]:
    """Return the class of the refusal of `request`, of which little may be known."""
    if code == NOT_FOUND:
        return _not_found(request)
    if code is not None:
        return CODES.get(code, RequestRejected)
    for beginning, kind in TEXTS:
        if beginning.match(text):
            return kind
    return RequestRejected


def _not_found(request: Request | None) -> type[RequestRejected]:
    """Return what it means, to one who asked for this, that the venue found nothing."""
    if request is None:
        return RequestRejected
    if request.method == "UNSUBSCRIBE":
        return NotSubscribed
    order = "/trading/orders" in request.fields.get("stream", "")
    return OrderNotFound if order else RequestRejected
