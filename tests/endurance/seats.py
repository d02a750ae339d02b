"""The seats of a soak: a client each, its streams, and the threads that a program has for it."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import desk

from venuesdk.errors import VenueError
from venuesdk.models import State
from venuesdk.timing import Backoff
from venuesdk.venues.loopring import Candlesticks, OrderBook, Ticker, Trades

if TYPE_CHECKING:
    from soak import Soak

__all__ = ["Seat"]

BETWEEN_CALLS = 0.1
CALLS_BETWEEN_CHANGES = 50
"""After so many calls a client starts one of its streams anew."""
TIMEOUT = 2.0
HANGS_AFTER = 5.0
"""Seconds beyond its timeout after which a call counts as hanging."""
PATIENCE = 40.0
"""Seconds in which every client is there again when all faults have ended."""


def _timex(kind: str, market: str) -> Callable[[Any, dict[str, Any]], Any]:
    return lambda client, options: client.subscribe(f"/orderbook.{kind}/{market}", **options)


def _loopring(topic: Any) -> Callable[[Any, dict[str, Any]], Any]:
    return lambda client, options: client.subscribe(topic, **options)


STREAMS: dict[str, list[Callable[[Any, dict[str, Any]], Any]]] = {
    "timex": [
        _timex("raw", "ETHAUDT"),
        _timex("group", "ETHAUDT"),
        _timex("raw", "BTCUSDT"),
        lambda client, options: client.subscribe_trades("BTC", "USDT", **options),
    ],
    "loopring": [
        _loopring(OrderBook("LRC-ETH", 0, 20, True)),
        _loopring(Trades("LRC-ETH")),
        _loopring(Ticker("LRC-ETH")),
        _loopring(Candlesticks("LRC-ETH", "1min")),
    ],
    "fuze": [
        lambda client, options: client.subscribe_quotes("BTC_USD", **options),
        lambda client, options: client.subscribe_quotes("ETH_USD", **options),
        lambda client, options: client.subscribe_quotes("USDC_USD", **options),
        lambda client, options: client.subscribe_market_data(conflate=True, **options),
    ],
    "onyx": [
        lambda client, options: client.subscribe_server_info(**options),
        lambda client, options: client.subscribe_dashboards(**options),
        lambda client, options: client.subscribe_tickers(products=["brt"], **options),
        lambda client, options: client.subscribe_tickers(products=["dub"], **options),
    ],
}


class Seat:
    """One client with its streams, and the threads that a program would have for it."""

    def __init__(self, soak: Soak, venue: str, kind: str) -> None:
        self.soak = soak
        self.venue = venue
        self.streams: list[Any] = []
        self.calls: Counter[str] = Counter()
        self.gaps = 0
        self.worst_overrun = 0.0
        self.ended = threading.Event()
        self._dice = random.Random(f"{soak.seed}/{venue}")
        self._kind = kind
        self._posted: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.client: Any = desk.make(
            venue,
            soak.sims.sites[venue],
            timeout=TIMEOUT,
            delivery=self._posted.put if kind == "post" else kind,
            reconnect=Backoff(initial=0.1, maximum=1.0),
            on_error=self._on_error,
        )
        self.client.connect(10.0)
        self._threads = [threading.Thread(target=self._call, name=f"{venue}-caller")]
        runner = {"pump": self._pump, "post": self._run_posted}.get(kind)
        if runner is not None:
            self._runner = threading.Thread(target=runner, name=f"{venue}-runner")
            self._runner.start()

    # Streams

    def subscribe(self) -> None:
        """Start the streams; each brings an event with every step of the market."""
        while len(self.streams) < len(STREAMS.get(self.venue, ())):
            self.streams.append(self._start(len(self.streams)))

    def _start(self, number: int) -> Any:
        found = STREAMS[self.venue][number](
            self.client, {"callback": self._on_event, "on_gap": self._on_gap, "timeout": TIMEOUT}
        )
        return found[0] if isinstance(found, list) else found

    def _on_event(self, event: Any) -> None:
        self.soak.events[self.venue] += 1

    def _on_gap(self, gap: Any) -> None:
        self.gaps += 1

    def _on_error(self, error: BaseException) -> None:
        if not isinstance(error, VenueError):
            self.soak.complain(f"{self.venue}: on_error was told", error)

    # Threads

    def begin(self) -> None:
        """Begin to call."""
        for thread in self._threads:
            thread.start()

    def pause(self) -> None:
        """End the calls, so that what is there can be counted."""
        self.ended.set()
        for thread in self._threads:
            thread.join()

    def close(self) -> None:
        """Close the client, and end the thread that runs its callbacks."""
        self.client.close()
        self._posted.put(None)
        if self._kind in ("pump", "post"):
            self._runner.join()

    def _call(self) -> None:
        number = 0
        while not self.ended.wait(BETWEEN_CALLS):
            number += 1
            self.soak.dog.step(self.venue, f"call {number}")
            if number % CALLS_BETWEEN_CHANGES:
                self._try("calls", lambda: desk.call(self.client, self._dice))
            elif self.streams:
                self._try("changes", self._change)
        self.soak.dog.leave(self.venue)

    def _try(self, what: str, action: Callable[[], object]) -> None:
        began = time.monotonic()
        try:
            action()
            self.calls["answered"] += 1
        except VenueError as error:
            self.calls[type(error).__name__] += 1
        except Exception as error:
            self.soak.complain(f"{self.venue}: {what} raised what no document says", error)
        took = time.monotonic() - began
        self.worst_overrun = max(self.worst_overrun, took - TIMEOUT)
        if took > TIMEOUT + HANGS_AFTER:
            self.soak.complain(f"{self.venue}: {what} took {took:.1f} s instead of {TIMEOUT:g} s")
        self.calls[what] += 1

    def _change(self) -> None:
        number = self._dice.randrange(len(self.streams))
        self.streams[number].close()
        self.streams[number] = self._start(number)

    def _pump(self) -> None:
        while self.client.state is not State.CLOSED:
            self.client.pump(0.5)

    def _run_posted(self) -> None:
        while (function := self._posted.get()) is not None:
            function()

    # Looking

    def must_work(self) -> None:
        """Wait until the client is connected and answers, and every stream brings an event."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                desk.call(self.client, self._dice)
                self.streams = [one for one in self.streams if not one.closed]
                self.subscribe()
                break
            except VenueError as error:
                if time.monotonic() > until:
                    self.soak.complain(f"{self.venue} does not work: {self.client.stats()}", error)
                    return
        before = [one.stats.delivered for one in self.streams]
        while any(
            one.stats.delivered == count for one, count in zip(self.streams, before, strict=True)
        ):
            if time.monotonic() > until:
                self.soak.complain(f"{self.venue}: a stream is dead: {self.client.stats()}")
                return
            time.sleep(0.05)
