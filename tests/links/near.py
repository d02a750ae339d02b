"""The program on a near host: one client, and what it comes to know of its link.

Its setting has ``venue`` (``timex`` or ``infinex``), ``options`` of the client and, where the wall
clock is to jump, ``clock``. Every blocking call has a thread of its own, and reports its outcome:
``error`` (the name of its class, or null), ``known`` (whether it is the product's), ``unknown``
(its ``outcome_unknown``) and ``seconds``.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from links.program import commands, report

SETTING = json.loads(sys.argv[1])
EVENTS_APART = 0.1
SENDERS = 4


class WallClock:
    """The wall clock as this process sees it; it can be set. The monotonic one is untouched."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._time, self._time_ns = time.time, time.time_ns

    def time(self) -> float:
        return self._time() + self.ahead

    def time_ns(self) -> int:
        return self._time_ns() + int(self.ahead * 1e9)


CLOCK = WallClock()
if SETTING.get("clock"):
    # Before anything else is imported, for some modules keep the function itself.
    time.time, time.time_ns = CLOCK.time, CLOCK.time_ns

from venuesdk import Gap, InfinexClient, StateChange, TimexClient, VenueError  # noqa: E402


class Trader:
    """One client, as a program of a user's would use it."""

    def __init__(self) -> None:
        kind = {"timex": TimexClient, "infinex": InfinexClient}[SETTING["venue"]]
        self._client: Any = kind(
            on_state=self._on_state, on_error=self._on_error, **SETTING["options"]
        )
        self._told_at = 0.0
        self._events = 0

    # What the client tells

    def _on_state(self, change: StateChange) -> None:
        report("state", state=change.state.value, reason=change.reason, attempt=change.attempt)

    def _on_error(self, error: BaseException) -> None:
        report("trouble", error=type(error).__name__, text=str(error))

    def _on_event(self, event: object) -> None:
        self._events += 1
        now = time.monotonic()
        if now - self._told_at >= EVENTS_APART:
            self._told_at = now
            report("event", count=self._events)

    def _on_gap(self, gap: Gap) -> None:
        self._told_at = 0.0
        report("gap", reason=gap.reason.value, epoch=gap.epoch)

    # What it is told to do

    def connect(self, command: dict[str, Any]) -> None:
        self._client.connect(command.get("timeout"))

    def close(self, command: dict[str, Any]) -> None:
        self._client.close()

    def subscribe(self, command: dict[str, Any]) -> None:
        self._client.subscribe_raw_order_book("ETHAUDT", self._on_event, on_gap=self._on_gap)

    def write(self, command: dict[str, Any]) -> None:
        """Place an order, which the venue's book can tell from all others by its id or price."""
        timeout = command["timeout"]
        if SETTING["venue"] == "timex":
            self._client.place_order(
                *("ETHAUDT", "BUY", "0.001", "1"),
                expire_time="2999-01-01T00:00:00Z",
                client_order_id=command["id"],
                timeout=timeout,
            )
            return
        order = {"pair": "ETH/USDT", "side": "BUY", "type": "LIMIT", "time_in_force": "GTC"}
        order |= {"price": command["id"], "amount": "0.01", "resp_type": "ACK"}
        self._client.request("/spot/open_orders/new", order, timeout=timeout)

    def read(self, command: dict[str, Any]) -> None:
        if SETTING["venue"] == "timex":
            self._client.balances(timeout=command["timeout"])
        else:
            self._client.networks("BTC", timeout=command["timeout"])

    def stats(self) -> dict[str, Any]:
        stats = self._client.stats()
        return {
            "state": stats.state,
            "frames_out": stats.frames_out,
            "events": stats.events,
            "gaps": stats.gaps,
            "reconnects": stats.reconnects,
            "waiting": stats.waiting_requests,
        }


def attempt(do: Callable[[dict[str, Any]], None], command: dict[str, Any]) -> None:
    """Make a blocking call, and report how it ended."""
    error: BaseException | None = None
    begun = time.monotonic()
    try:
        do(command)
    except BaseException as caught:
        error = caught
    report(
        command["do"],
        id=command.get("id"),
        timeout=command.get("timeout"),
        seconds=time.monotonic() - begun,
        error=None if error is None else type(error).__name__,
        known=isinstance(error, VenueError),
        unknown=getattr(error, "outcome_unknown", None),
        text=str(error),
    )


def trade(trader: Trader, command: dict[str, Any]) -> None:
    """Make many calls from several threads, one after the other in each; every other writes."""

    def lane(number: int) -> None:
        for turn in range(command["calls"]):
            do, call = (trader.write, "write") if turn % 2 else (trader.read, "read")
            id = f"{command['id']}-{number}-{turn}"
            attempt(do, {"do": call, "id": id, "timeout": command["timeout"]})

    lanes = [threading.Thread(target=lane, args=(number,)) for number in range(SENDERS)]
    for one in lanes:
        one.start()
    for one in lanes:
        one.join()
    report("trade")


def main() -> None:
    """Obey until the end is asked for, or standard input ends."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    trader = Trader()
    report("ready")
    for command in commands():
        if command["do"] == "end":
            break
        if command["do"] == "stats":
            report("stats", **trader.stats())
        elif command["do"] == "clock":
            CLOCK.ahead += command["by"]
            report("clock", now=time.time())
        elif command["do"] == "trade":
            threading.Thread(target=trade, args=(trader, command), daemon=True).start()
        else:
            do = getattr(trader, command["do"])
            threading.Thread(target=attempt, args=(do, command), daemon=True).start()
    report("end")


if __name__ == "__main__":
    main()
