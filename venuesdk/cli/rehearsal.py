"""Rehearsal: find out what a call would send, without sending it and without a credential.

The client is a real one, with masks for credentials, and its own methods check the arguments; what
they would ask is caught on its way to the session. So what is shown is what would be sent, and
there is no secret to be hidden in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from attrs import frozen

from ..client import Client
from ..protocol.codec import Request
from ..secret import MASK, Secret
from ..timing import Deadline

__all__ = ["Plan", "rehearse"]

ADDRESSES = ("url", "http_url")


@frozen
class Plan:
    """What a call would send: its `frame`, with masks for credentials; `read` if it only reads."""

    read: bool
    frame: str


class _CaughtError(Exception):
    """Not a failure: what the client was about to send."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("caught")
        self.plan = plan


def rehearse(
    kind: type[Client], options: Mapping[str, Any], call: Callable[[Any], object]
) -> Plan:
    """Return what `call` would send of a client of this kind.

    Connects to nothing. Where a venue has two routes, the frame is that of the socket; over HTTP
    goes the same. Raises `ValueError` and `TypeError` as the client's method does.
    """
    given: dict[str, Any] = dict(options)
    if kind.codec.http_url is not None:
        # A client that knows both addresses begins with the socket.
        given |= {name: given.get(name) or getattr(kind.codec, name) for name in ADDRESSES}
    masks = {name: Secret(MASK) for name in kind.credentials}
    actor: Any = _actor(kind, masks)
    client = actor(**given, **masks)
    try:
        call(client)
    except _CaughtError as caught:
        return caught.plan
    finally:
        client.close()
    raise ValueError("this sends nothing")


def _actor(kind: type[Client], masks: Mapping[str, Secret]) -> type[Client]:
    """Return the class of a client that catches what it would send; it is not registered."""

    class Actor(kind):  # type: ignore[misc, valid-type]
        """A client that sends nothing."""

        def _request_until(
            self,
            request: Request,
            decode: Callable[[bytes], Any],
            deadline: Deadline,
            *,
            wait: bool | None = None,
        ) -> NoReturn:
            raise _CaughtError(Plan(request.read, self._make_codec(masks).encode(1, request)))

    return Actor
