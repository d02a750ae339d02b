"""The HTTP side of the simulated Loopring: connection keys, and the depth of a market.

Keys come in the two documented forms and are good for one connection. That a refusal has HTTP
status 400, or 200 where it speaks in a ``resultInfo``, is invented.
"""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from venuesdk.testing.server import HttpReply, HttpRequest
from venuesdk.testing.sims.loopring_market import INSTRUMENTS, Feed, rows

__all__ = ["HttpApi"]

_LETTERS = string.ascii_letters + string.digits
# The one error that the documents print for this side.
_REFUSED = (100206, "Invalid signature.")


class HttpApi:
    """Answers requests; `error_form` is "resultInfo" or "code", both known for refusals."""

    def __init__(self, feed: Feed, rng: random.Random, error_form: str) -> None:
        if error_form not in ("resultInfo", "code"):
            raise ValueError(f"key_error is resultInfo or code, not {error_form!r}")
        self._feed = feed
        self._random = rng
        self._error_form = error_form
        self._keys: set[str] = set()

    def redeem(self, key: str | None) -> bool:
        """Return whether `key` was issued and never used; from now on it is used."""
        if key not in self._keys:
            return False
        self._keys.remove(str(key))
        return True

    def answer(self, request: HttpRequest, refused: bool, now_ms: int) -> HttpReply:
        """Return the answer; `refused` is whether keys are being refused."""
        target = urlsplit(request.path)
        if request.method == "GET" and target.path in ("/v3/ws/key", "/v2/ws/key"):
            return self._refusal() if refused else self._issue(target.path)
        if request.method == "GET" and target.path == "/api/v3/depth":
            return self._depth(parse_qs(target.query), now_ms)
        return HttpReply(404, {"code": 404, "msg": "Not found"})

    def _issue(self, path: str) -> HttpReply:
        key = "".join(self._random.choices(_LETTERS, k=17))
        self._keys.add(key)
        if path == "/v3/ws/key":
            return HttpReply(200, {"key": key})
        return HttpReply(200, {"resultInfo": {"code": 0}, "data": key})

    def _refusal(self) -> HttpReply:
        code, text = _REFUSED
        if self._error_form == "code":
            return HttpReply(400, {"code": code, "msg": text})
        return HttpReply(200, {"resultInfo": {"code": code, "message": text}})

    def _depth(self, query: Mapping[str, list[str]], now_ms: int) -> HttpReply:
        market = query.get("market", [""])[-1].upper()
        level, limit = query.get("level", ["0"])[-1], query.get("limit", ["50"])[-1]
        if market not in INSTRUMENTS:
            return HttpReply(400, {"code": 108000, "msg": "unsupported market"})
        if level not in tuple("0123456789") or not (limit.isdecimal() and len(limit) < 4):
            return HttpReply(400, {"code": 108001, "msg": "unsupported level"})
        book: dict[str, Any] = rows(self._feed.book(market, int(level)), int(limit))
        version = self._feed.versions[market]
        return HttpReply(200, {"version": version, "timestamp": now_ms, "market": market, **book})
