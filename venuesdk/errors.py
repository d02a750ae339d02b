"""Every exception that the SDK raises, and nothing else.

The tree::

    VenueError                     .venue  .outcome_unknown
    ├── ClientClosed               you closed it
    ├── NetworkError
    │   ├── ConnectFailed          nothing was sent: .status .retry_after
    │   │   └── ConnectTimeout     also a TimeoutError
    │   ├── NotSent                not one byte of the request left, or will
    │   ├── ConnectionLost         .code .reason
    │   └── RequestTimeout         also a TimeoutError
    ├── VenueUnavailable           a gateway error: .status .retry_after
    ├── ProtocolError              the venue sent what we cannot read: .frame
    ├── SequenceGap                the book missed an update
    ├── ReentrantCall              a blocking call where it would wait for itself
    └── RequestRejected            the venue said no: .code .message .request
        ├── AuthenticationError
        ├── RateLimitExceeded      .retry_after
        ├── InvalidRequest
        ├── InsufficientFunds
        ├── OrderNotFound
        └── NotSubscribed

``outcome_unknown`` is the question that an order placer asks: it is true on *any* of these when a
byte of the request may have left and no authoritative refusal was read, and false only where the
SDK knows. The caller's own mistakes are ``ValueError`` and ``TypeError``, raised before anything
is sent. Every error pickles. No message, argument or attribute ever holds a credential.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AuthenticationError",
    "ClientClosed",
    "ConnectFailed",
    "ConnectTimeout",
    "ConnectionLost",
    "InsufficientFunds",
    "InvalidRequest",
    "NetworkError",
    "NotSent",
    "NotSubscribed",
    "OrderNotFound",
    "ProtocolError",
    "RateLimitExceeded",
    "ReentrantCall",
    "RequestRejected",
    "RequestTimeout",
    "SequenceGap",
    "VenueError",
    "VenueUnavailable",
]

FRAME_EXCERPT = 400
"""How many characters of an unreadable frame an error keeps."""


class VenueError(Exception):
    """Base of every error of the SDK.

    ``venue`` names the venue ("" where none is known). ``outcome_unknown`` is true when the
    request may have been executed although no answer was read.
    """

    def __init__(
        self, message: str = "", *, venue: str = "", outcome_unknown: bool = False
    ) -> None:
        super().__init__(message)
        self.venue = venue
        self.outcome_unknown = outcome_unknown


class ClientClosed(VenueError):
    """The client was closed, by you; a request that was under way may have been executed."""


class NetworkError(VenueError):
    """Base of what the network did."""


class ConnectFailed(NetworkError):
    """No connection was made; nothing was sent.

    ``status`` is the HTTP status of the answer that refused the upgrade, or a proxy's tunnel, where
    there was one; ``retry_after`` the number of seconds that the venue asked to wait.
    """

    def __init__(
        self,
        message: str = "",
        *,
        venue: str = "",
        outcome_unknown: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, venue=venue, outcome_unknown=outcome_unknown)
        self.status = status
        self.retry_after = retry_after


class ConnectTimeout(ConnectFailed, TimeoutError):
    """No connection was made in time; nothing was sent."""


class NotSent(NetworkError):
    """Not one byte of the request left, or will: it was certainly not executed."""


class ConnectionLost(NetworkError):
    """The connection ended.

    ``code`` and ``reason`` are those of the close frame, or ``None`` and "" where there was none.
    """

    def __init__(
        self,
        message: str = "",
        *,
        venue: str = "",
        outcome_unknown: bool = False,
        code: int | None = None,
        reason: str = "",
    ) -> None:
        super().__init__(message, venue=venue, outcome_unknown=outcome_unknown)
        self.code = code
        self.reason = reason


class RequestTimeout(NetworkError, TimeoutError):
    """No answer came in time. Of an order you cannot know whether it was carried out."""


class VenueUnavailable(VenueError):
    """A gateway answered in the venue's place: ``API unavailable``, or HTTP 5xx.

    ``status`` is the HTTP status where there is one; ``retry_after`` the seconds asked for.
    """

    def __init__(
        self,
        message: str = "",
        *,
        venue: str = "",
        outcome_unknown: bool = False,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, venue=venue, outcome_unknown=outcome_unknown)
        self.status = status
        self.retry_after = retry_after


class ProtocolError(VenueError):
    """The venue sent what the SDK cannot read.

    ``frame`` is the beginning of what came, cut to 400 characters. A credential that the venue
    sent back is masked in it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        venue: str = "",
        outcome_unknown: bool = False,
        frame: str | bytes = "",
    ) -> None:
        super().__init__(message, venue=venue, outcome_unknown=outcome_unknown)
        if isinstance(frame, bytes):
            frame = frame[: 4 * FRAME_EXCERPT].decode("utf-8", "replace")
        self.frame = frame[:FRAME_EXCERPT]


class SequenceGap(VenueError):
    """An update is missing between two that arrived: what was built from them is void."""


class ReentrantCall(VenueError):
    """A blocking call was made where it would wait for itself.

    Raised at once, before anything is sent: by request, subscribe, ``get`` and ``wait`` inside an
    ``inline`` callback, and by ``pump`` inside ``pump``.
    """


class RequestRejected(VenueError):
    """The venue said no: the request was certainly not executed.

    ``code`` and ``message`` are the venue's own (``code`` is ``None`` where the venue has none);
    ``request`` is what was asked, without any credential.
    """

    def __init__(
        self,
        message: str = "",
        *,
        venue: str = "",
        outcome_unknown: bool = False,
        code: int | str | None = None,
        request: Any = None,
    ) -> None:
        super().__init__(message, venue=venue, outcome_unknown=outcome_unknown)
        self.message = message
        self.code = code
        self.request = request

    def __str__(self) -> str:
        return self.message if self.code is None else f"{self.message} ({self.code})"


class AuthenticationError(RequestRejected):
    """The venue did not accept the credentials, or refused what they may do."""


class RateLimitExceeded(RequestRejected):
    """The venue asked for fewer requests; ``retry_after`` seconds, where it said so."""

    def __init__(
        self,
        message: str = "",
        *,
        venue: str = "",
        outcome_unknown: bool = False,
        code: int | str | None = None,
        request: Any = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(
            message, venue=venue, outcome_unknown=outcome_unknown, code=code, request=request
        )
        self.retry_after = retry_after


class InvalidRequest(RequestRejected):
    """The venue could not accept the form or the values of the request."""


class InsufficientFunds(RequestRejected):
    """The account does not hold what the request needs."""


class OrderNotFound(RequestRejected):
    """The venue knows no such order."""


class NotSubscribed(RequestRejected):
    """The venue knows no such subscription."""
