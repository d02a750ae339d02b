"""The stage of a fault case: its client, the calls that it makes, and what was seen of them.

What a case does with these is in the modules of scenarios.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from canaries import CANARIES

import venuesdk
from venuesdk import Backoff

__all__ = ["MARK", "RECOVERY", "SPAN", "Stage", "place", "read", "wait_until"]

MARK = "strike-now"
FAST = Backoff(initial=0.02, maximum=0.1)
RECOVERY = 8.0
SPAN = 1_000_000
"""The numbers of events: this, times the number of their connection, and a count from 1."""
EXPIRES = "2030-01-01T00:00:00Z"


class Stage:
    """One client, and what was seen of it."""

    def __init__(self, orders: dict[str, Any]) -> None:
        self.orders = orders
        self.timeout = float(orders["timeout"])
        self.report: dict[str, Any] = {}
        self.leaks: set[str] = set()
        self.states: list[str] = []
        self.told: list[str] = []
        self.gaps: list[str] = []
        self.clients: list[Any] = []
        self._unsearched: list[BaseException] = []

    def client(self, **options: Any) -> Any:
        """Return a client of the case's venue, with the case's options."""
        orders = self.orders
        given = {
            "timeout": self.timeout,
            "reconnect": FAST,
            "url": orders["url"],
            "on_state": lambda change: self.states.append(change.state.value),
            "on_error": self.noted,
            **orders["credentials"],
            **orders["options"],
            **options,
        }
        if "http_url" in orders:
            given["http_url"] = orders["http_url"]
        elif orders["client"] in ("InfinexClient", "LoopringClient"):
            raise RuntimeError("the case has no HTTP side: the client would ask the real venue's")
        if orders.get("ca_file"):
            given["ca_file"] = orders["ca_file"]
        client = getattr(venuesdk, orders["client"])(**given)
        self.clients.append(client)
        return client

    def noted(self, error: BaseException) -> None:
        """Keep an error that no caller waited for."""
        self.told.append(type(error).__name__)
        # Searched at the end: the search takes far more memory than what is measured here.
        self._unsearched.append(error)

    @contextlib.contextmanager
    def weighed(self, prefix: str = "") -> Iterator[None]:
        """Measure by how much the memory grows in the block at most, freed again or not."""
        forget_peak()
        before = resident()
        yield
        self.report[f"{prefix}growth"] = resident("VmHWM") - before

    @contextlib.contextmanager
    def watched(self, prefix: str = "") -> Iterator[None]:
        """Measure what the block takes in time and memory, and keep how it ends."""
        report = self.report
        report[f"{prefix}error"] = None
        raised: list[Exception] = []
        with self.weighed(prefix):
            begun = time.monotonic()
            try:
                yield
            except Exception as error:
                raised.append(error)
            report[f"{prefix}seconds"] = time.monotonic() - begun
        for error in raised:
            report[f"{prefix}error"] = type(error).__name__
            report[f"{prefix}text"] = str(error)
            for name in ("outcome_unknown", "code", "retry_after"):
                report[f"{prefix}{name}"] = getattr(error, name, None)
            self.leaks.update(CANARIES.found_in(error))

    def recover(self, client: Any) -> None:
        """Note whether the next call works, within the time that a reconnection may take."""
        with self.watched("next_"):
            read(client, timeout=RECOVERY)
        self.slots(client)

    def slots(self, client: Any) -> None:
        """Note how many requests still wait for an answer."""
        self.report["slots"] = client.stats().waiting_requests

    def close(self) -> None:
        """Close every client, and note how long the slowest took."""
        slowest = 0.0
        for client in self.clients:
            begun = time.monotonic()
            client.close()
            slowest = max(slowest, time.monotonic() - begun)
        for error in self._unsearched:
            self.leaks.update(CANARIES.found_in(error))
        self.report.setdefault("close_seconds", slowest)
        self.report.update(states=self.states, told=self.told, gaps=self.gaps)


def resident(field: str = "VmRSS") -> int:
    """Return the process's resident memory, in bytes: now, or with ``VmHWM`` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    kib = next(line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(kib) * 1024


def forget_peak() -> None:
    """Let the kernel measure the peak of the resident memory anew, from what it is now."""
    Path("/proc/self/clear_refs").write_text("5")


def read(client: Any, note: str = "", timeout: float | None = None) -> Any:
    """Make a harmless call; `note` is seen by the peer."""
    if isinstance(client, venuesdk.InfinexClient):
        params = {"asset": "USDT", "note": note}
        return client.request("/wallet/networks", params, timeout=timeout)
    return client.rest("/get/public/markets", {"note": note}, timeout=timeout)


def place(client: Any, note: str = MARK, padding: int = 0, timeout: float | None = None) -> Any:
    """Place an order that the peer takes for its cue."""
    if isinstance(client, venuesdk.InfinexClient):
        params = {
            "pair": "BTC/USDT",
            "side": "BUY",
            "type": "LIMIT",
            "time_in_force": "GTC",
            "price": Decimal("100"),
            "amount": Decimal("0.0125"),
            "resp_type": "ACK",
            "note": note + "x" * padding,
        }
        return client.request("/spot/open_orders/new", params, timeout=timeout)
    return client.place_order(
        "ETHAUDT",
        "BUY",
        Decimal("0.1"),
        Decimal("100"),
        expire_time=EXPIRES,
        client_order_id=note + "x" * padding,
        timeout=timeout,
    )


def wait_until(condition: Callable[[], object], seconds: float = RECOVERY) -> bool:
    """Wait for what another thread does; return whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True
