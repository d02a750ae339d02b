"""What the server answers to requests: just enough of each venue's and each peer's protocol.

An answer is text for the wire; beside it stands whether the request began a stream.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from shapes import subscription_id

__all__ = ["ANSWERS", "Answers"]

ORDER = re.compile(rb'\{"id": ?"([^"]+)", ?"method": ?"order"')
ORDER_ANSWER = b'{"id":"%b","method":"order","message":{"Message":"order received"},"error":false}'
"""The answer of the request tables; found by a pattern, so that the server is soon done."""


class Answers:
    """One connection's answers; `subscriptions` counts the streams that were asked for."""

    def __init__(self, venue: str) -> None:
        self.subscriptions = 0
        self._answer = ANSWERS[venue]

    def to(self, payload: bytes) -> bytes | None:
        """Return the answer to one request, or None where it gets none."""
        order = ORDER.match(payload)
        if order is not None:
            return ORDER_ANSWER % order[1]
        answer, started = self._answer(json.loads(payload), self.subscriptions + 1)
        self.subscriptions += started
        return None if answer is None else json.dumps(answer, separators=(",", ":")).encode()


def _onyx(asked: dict[str, Any], number: int) -> tuple[Any, bool]:
    method = asked["method"]
    answer = {"id": asked["id"], "method": method, "message": {"Message": "ok"}, "error": False}
    return answer, method == "subscribe"


def _timex(asked: dict[str, Any], number: int) -> tuple[Any, bool]:
    if asked["type"] != "SUBSCRIBE":
        answer = {"type": "UNSUBSCRIBED", "requestId": asked["requestId"], "payload": None}
        return answer | {"subscriptionId": asked.get("subscriptionId")}, False
    answer = {"type": "SUBSCRIBED", "requestId": asked["requestId"], "payload": None}
    return answer | {"subscriptionId": subscription_id(number)}, True


def _loopring(asked: dict[str, Any], number: int) -> tuple[Any, bool]:
    answer = {name: asked[name] for name in ("op", "sequence", "topics")}
    return answer | {"result": {"status": "OK"}}, asked["op"] == "sub"


def _fuze(asked: dict[str, Any], number: int) -> tuple[Any, bool]:
    answer = {"jsonrpc": "2.0", "result": True, "id": asked["id"]}
    return answer, asked["method"] != "rpc.login"


def _pybit(asked: dict[str, Any], number: int) -> tuple[Any, bool]:
    if asked["op"] != "subscribe":
        return {"op": "pong", "ret_msg": "pong", "success": True}, False
    answer = {"success": True, "ret_msg": "", "conn_id": "1", "op": "subscribe"}
    return answer | {"req_id": asked["req_id"]}, True


def _hyperliquid(asked: dict[str, Any], number: int) -> tuple[Any, bool]:
    # The venue confirms on a channel that this client knows nothing of.
    return None, asked["method"] == "subscribe"


def _binance(asked: dict[str, Any], number: int) -> tuple[Any, bool]:
    return {"result": None, "id": asked["id"]}, asked["method"] == "SUBSCRIBE"


ANSWERS: dict[str, Callable[[dict[str, Any], int], tuple[Any, bool]]] = {
    "onyx": _onyx,
    "timex": _timex,
    "loopring": _loopring,
    "fuze": _fuze,
    "pybit": _pybit,
    "hyperliquid": _hyperliquid,
    "binance": _binance,
}
