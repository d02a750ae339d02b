"""Redaction: what a venue sends back must not show a credential either, nor may an interrupt.

A venue, or a gateway in its place, may repeat a request in its answer, and in TimeX's and
Infinex's requests there are credentials. So every error passes here before anybody sees it. And
where a credential is in hand, Ctrl-C leaves without the frames that have it.
"""

from __future__ import annotations

import functools
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar
from urllib.parse import quote, quote_plus

from ..errors import ConnectionLost, ProtocolError, RequestRejected, VenueError
from ..secret import MASK, Secret

__all__ = ["forms_of", "redact", "sealed"]

P = ParamSpec("P")
R = TypeVar("R")

SHORTEST = 4
"""The fewest characters of a credential, at the end of a cut frame, that count as a part of it."""
SHORTEST_ENCODED = 8
"""The fewest characters of base64 that cannot stand in a text by chance."""


def sealed(call: Callable[P, R]) -> Callable[P, R]:
    """Let an interrupt out of `call` bare: without a trace of what it came through.

    Ctrl-C, or whatever a signal handler raises, may come at any line, also at one that has a
    frame with a credential in it; the traceback would show the locals. Errors pass as they are.
    """

    @functools.wraps(call)
    def bare(*arguments: P.args, **named: P.kwargs) -> R:
        try:
            return call(*arguments, **named)
        except Exception:
            raise
        except BaseException as error:
            error.__cause__ = error.__context__ = None
            raise error.with_traceback(None)  # noqa: B904 - the same one, without a traceback

    return bare


def forms_of(secret: Secret) -> tuple[str, ...]:
    """Return a credential as texts may hold it, longest first.

    As it is; as JSON, a URL or Python writes it; and in base64, that for URLs too, at whatever
    place of a longer text, without the characters that depend on its neighbours.
    """
    value = secret.reveal()
    data = value.encode("utf-8", "surrogatepass")
    forms = {
        value,
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        repr(value)[1:-1],
        repr(data)[2:-1],
        quote(data, safe=""),
        quote(data),
        quote_plus(data),
    }
    for before, skipped in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(b"\0" * before + data).decode("ascii").rstrip("=")
        whole = (before + len(data)) % 3 == 0
        core = encoded[skipped:] if whole else encoded[skipped:-1]
        if len(core) >= SHORTEST_ENCODED:
            forms.update((core, core.replace("+", "-").replace("/", "_")))
    return tuple(sorted(forms, key=len, reverse=True))


@sealed
def redact(error: BaseException, secrets: Iterable[Secret]) -> bool:
    """Take every credential out of what an error holds; return whether there was one.

    Then its traceback and its causes go too: their locals hold what the venue sent.
    """
    if not isinstance(error, VenueError):
        return False
    found = False
    for secret in secrets:
        for form in forms_of(secret):
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
    if isinstance(error, RequestRejected):
        if credential in error.message:
            error.message, found = error.message.replace(credential, MASK), True
        if isinstance(error.code, str) and credential in error.code:
            error.code, found = error.code.replace(credential, MASK), True
    if isinstance(error, ConnectionLost) and credential in error.reason:
        error.reason, found = error.reason.replace(credential, MASK), True
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
