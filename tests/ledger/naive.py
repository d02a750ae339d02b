"""What many programs do with websocket-client alone: a reader thread, an event per request, and
after a lost connection a new one, on which whatever had no answer is sent again.

It stands beside the product in the ledger, under the same faults.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import websocket
from desks import DESKS, TimexDesk
from records import NOT_SENT, REFUSED, UNKNOWN, UNTYPED, Feed

from venuesdk import State

__all__ = ["NaiveDesk", "NaiveTimex"]

RETRY = 0.1


class Refused(Exception):
    """The venue said no."""


class Lost(Exception):
    """The connection ended before the answer came."""


class Stream:
    """One subscription: events in a queue, or at a callback."""

    def __init__(self, callback: Callable[[Any], None] | None) -> None:
        self.closed = False
        self.error = None
        self._callback = callback
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def offer(self, event: Any) -> None:
        """Hand on one event, or None at the end."""
        if self._callback is None:
            self._events.put(event)
        elif event is not None:
            self._callback(event)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._events.get, None)


class NaiveTimex:
    """As much of a client as the ledger needs."""

    def __init__(self, *, url: str, api_id: str, api_secret: str, timeout: float, **_: Any) -> None:
        self.state = State.NEW
        self.reconnects = 0
        self._url = url
        self._auth = {"id": api_id, "secret": api_secret}
        self._timeout = timeout
        self._ids = itertools.count(1)
        self._waiting: dict[str, tuple[threading.Event, list[Any]]] = {}
        self._streams: list[Stream] = []
        self._socket: Any = None

    @property
    def connected(self) -> bool:
        """Whether it believes so."""
        return self.state is State.CONNECTED

    def connect(self, timeout: float | None = None) -> None:
        """Connect, and begin to read."""
        self._open()
        threading.Thread(target=self._read, name="naive-reader", daemon=True).start()

    def close(self) -> None:
        """Close, as well as websocket-client can."""
        self.state = State.CLOSED
        for stream in self._streams:
            stream.offer(None)
        with contextlib.suppress(Exception):
            self._socket.shutdown()

    def stats(self) -> Any:
        """Return the counters that the ledger looks at."""
        return SimpleNamespace(waiting_requests=len(self._waiting), reconnects=self.reconnects)

    def rest(self, stream: str, payload: Any, timeout: float) -> Any:
        """Ask, and ask again where the connection was lost."""
        request = {"type": "REST", "stream": stream, "payload": payload, "auth": self._auth}
        end = time.monotonic() + timeout
        while True:
            connection = self.reconnects
            try:
                return self._ask(dict(request), end)
            except TimeoutError:
                raise
            except (Lost, OSError, websocket.WebSocketException):
                while self.reconnects == connection:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.01)

    def raw_order_book(self, market: str, timeout: float) -> Any:
        """Return the book."""
        book = self.rest("/get/public/orderbook/raw", {"market": market}, timeout)
        return SimpleNamespace(bids=[SimpleNamespace(**row) for row in book["bid"]])

    def subscribe_trades(
        self, base: str, quote: str, callback: Any, on_gap: Any, timeout: float
    ) -> Stream:
        """Listen to trades."""
        stream = Stream(callback)
        if not self._streams:
            self._subscribe()
        self._streams.append(stream)
        return stream

    def _subscribe(self) -> None:
        self._send({"type": "SUBSCRIBE", "requestId": "s", "pattern": "/trade.symbols/BTC/USDT"})

    def _ask(self, request: dict[str, Any], end: float) -> Any:
        id = request["requestId"] = str(next(self._ids))
        answered, answer = self._waiting[id] = (threading.Event(), [])
        try:
            self._send(request)
            if not answered.wait(max(0.0, end - time.monotonic())):
                raise TimeoutError("no answer")
        finally:
            self._waiting.pop(id, None)
        if not answer:
            raise Lost
        if answer[0].get("status") != "SUCCESS":
            raise Refused(answer[0].get("message"))
        return answer[0]["responseBody"]

    def _send(self, request: dict[str, Any]) -> None:
        self._socket.send(json.dumps(request))

    def _open(self) -> None:
        self._socket = websocket.create_connection(self._url, timeout=self._timeout)
        self.state = State.CONNECTED

    def _read(self) -> None:
        while self.state is not State.CLOSED:
            try:
                self._take(json.loads(self._socket.recv()))
            except websocket.WebSocketTimeoutException:
                continue
            except Exception:
                self._reconnect()

    def _take(self, message: Any) -> None:
        if message.get("type") == "MESSAGE":
            for stream in self._streams:
                stream.offer(SimpleNamespace(id=message["message"]["event"]["data"]["id"]))
            return
        answered, answer = self._waiting.get(str(message.get("requestId")), (None, []))
        if answered is not None:
            answer.append(message)
            answered.set()

    def _reconnect(self) -> None:
        if self.state is State.CLOSED:
            return
        self.state = State.RECONNECTING
        for answered, _ in list(self._waiting.values()):
            answered.set()
        while self.state is State.RECONNECTING:
            try:
                self._open()
                self.reconnects += 1
                if self._streams:
                    self._subscribe()
            except Exception:
                if self.state is not State.CLOSED:
                    self.state = State.RECONNECTING
                time.sleep(RETRY)


class NaiveDesk(TimexDesk):
    """TimeX, asked by the naive client; its errors mean what its author believes."""

    client_class = NaiveTimex

    def outcome_of(self, error: Exception) -> str:
        if isinstance(error, Refused):
            return REFUSED
        if isinstance(error, (Lost, TimeoutError)):
            return UNKNOWN
        failed = isinstance(error, (OSError, websocket.WebSocketException))
        return NOT_SENT if failed else UNTYPED

    def subscribe(self, client: Any, callback: Any, feed: Feed) -> Any:
        return client.subscribe_trades("BTC", "USDT", callback, on_gap=feed.gap, timeout=5)


DESKS["websocket-client"] = NaiveDesk
