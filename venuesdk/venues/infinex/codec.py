"""Infinex's multiplexing protocol: requests to frames, frames to answers.

Every frame of the venue answers one request, by id. Success is nested: the transport's, and in
``body`` the API's own. The key, where a path needs it, goes into ``post`` in `encode` and nowhere
else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from ...errors import ProtocolError, RequestRejected
from ...protocol.codec import Codec, Message, Rejection, Request, Response
from ...protocol.convert import Raw, Wire, decoder, encode_json
from .refusals import KINDS, judge, refusal
from .routes import post_text

__all__ = ["PING", "REQ", "InfinexCodec"]

PING: Final = "ping"
REQ: Final = "req"
REMEMBERED: Final = 4096
ABSENT: Final = b""


class _Frame(Wire, frozen=True, rename={"kind": "class"}):
    """The envelope of every frame. Loosely typed: what is wrong with it is judged by id."""

    kind: Any = None
    id: Any = None
    success: Any = None
    error: Any = None
    body: Raw = Raw(ABSENT)


_read_frame = decoder(_Frame)


class InfinexCodec(Codec):
    """What Infinex makes of requests and frames.

    It remembers what was asked, since a gateway's word means something else for a read.
    """

    venue: ClassVar[str] = "infinex"
    url: ClassVar[str] = "wss://mux.infinex.cc"
    http_url: ClassVar[str | None] = "https://api.infinex.cc"
    rejections: ClassVar[Mapping[Any, type[RequestRejected]]] = KINDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._asked: dict[int, Request] = {}

    def encode(self, id: int, request: Request) -> str:
        """Return the frame that asks `request`.

        Raises `ValueError` where its path needs a key and there is none.
        """
        if request.method == PING:
            text = encode_json({"op": PING, "id": id})
        else:
            text = self._encode_req(id, request)
        self._asked[id] = request
        if len(self._asked) > REMEMBERED:
            # Requests that were never answered.
            del self._asked[next(iter(self._asked))]
        return text

    def decode(self, frame: bytes) -> Sequence[Message]:
        """Return the answer in a frame; nothing for a class that no document of the mux names."""
        envelope = _read_frame(frame)
        if envelope.kind != "resp" and isinstance(envelope.kind, str):
            return ()
        id = envelope.id
        if type(id) is not int:
            raise ProtocolError(
                f"an answer to {id!r:.80}, which is no id of ours", venue=self.venue, frame=frame
            )
        return (self._answer(id, envelope, frame),)

    def heartbeat(self) -> Request | None:
        """Return a ping, which the venue answers as any request."""
        return Request(PING, read=True)

    def _encode_req(self, id: int, request: Request) -> str:
        head = encode_json({"op": REQ, "url": request.fields["url"]})[:-1]
        # An f-string, so that no variable of this frame ever holds the key.
        return f'{head}{_member(post_text(request, self.credentials))},"id":{id}}}'

    def _answer(self, id: int, envelope: _Frame, frame: bytes) -> Response | Rejection:
        request = self._asked.pop(id, None)
        read = request is not None and request.read
        body = bytes(envelope.body)
        if envelope.success is False:
            return Rejection(id, refusal(envelope.error, read))
        if envelope.success is not True:
            reason = f"the answer to request {id} does not say whether it is an error"
        elif body == ABSENT and request is not None and request.method == REQ:
            reason = f"the answer to request {id} has no body"
        else:
            error = None if body == ABSENT else judge(body, read)
            return Response(id, body) if error is None else Rejection(id, error)
        return Rejection(
            id, ProtocolError(reason, venue=self.venue, outcome_unknown=True, frame=frame)
        )


def _member(post: str) -> str:
    return f',"post":{post}' if post else ""
