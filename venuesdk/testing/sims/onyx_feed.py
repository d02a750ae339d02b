"""What the simulated Onyx knows and sends: contracts, dashboards, and the events of each channel.

The events' envelope and fields are the Onyx document's and its venue's samples'; "invented"
marks the rest. Nothing here knows requests or connections.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from venuesdk.testing.market import Instrument, Market

__all__ = ["CONTRACTS", "GROUPS", "Feed"]

NOT_SPECIFIED, UPDATE, CREATE, DELETE = 0, 1, 2, 3

# The document names the group `crude`, the venue's samples the others; which product belongs to
# which group, and every price, is invented. Contracts: product, month letter, year.
GROUPS: dict[str, tuple[str, ...]] = {
    "crude": ("brt", "dub"),
    "distillate": ("gasarb",),
    "gasoline": ("ebob",),
}
CONTRACTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "brt": ("82.10", "0.01", ("brtm25", "brtu25", "brtz25")),
    "dub": ("81.35", "0.01", ("dubm25", "dubu25")),
    "ebob": ("742.50", "0.25", ("ebobm25",)),
    "gasarb": ("15.20", "0.05", ("gasarbm25",)),
}
PRODUCTS = {contract: product for product, row in CONTRACTS.items() for contract in row[2]}

MOST_DASHBOARDS = 8

Event = dict[str, Any]


class Feed:
    """The venue's data, one step at a time; not thread-safe."""

    def __init__(
        self,
        seed: str,
        ids: random.Random,
        clock: Callable[[], float],
        ticker_form: str,
    ) -> None:
        self._random = ids
        self._clock = clock
        self._form = ticker_form
        self._made = 0
        self.market = Market(
            seed,
            {
                contract: Instrument(Decimal(price), Decimal(tick), Decimal(1))
                for price, tick, contracts in CONTRACTS.values()
                for contract in contracts
            },
        )
        self.dashboards = [self._new_dashboard() for _ in range(3)]
        self._change: tuple[int, Event] = (NOT_SPECIFIED, {})

    def step(self) -> None:
        """Move the prices, and create, update or delete one dashboard, in turn."""
        self.market.step()
        turn = self.market.steps % 3
        if turn == 1 and len(self.dashboards) < MOST_DASHBOARDS:
            self.dashboards.append(self._new_dashboard())
            self._change = (CREATE, dict(self.dashboards[-1]))
        elif turn == 0 and len(self.dashboards) > 1:
            gone = self.dashboards.pop(self._random.randrange(len(self.dashboards)))
            # What a delete carries is in no document; the whole object is invented.
            self._change = (DELETE, gone)
        else:
            changed = self._random.choice(self.dashboards)
            changed["revision"] += 1
            self._change = (UPDATE, dict(changed))

    def first(self, channel: str) -> Event | None:
        """Return the full state with which a channel begins; None where it has none."""
        if channel == "dashboards":
            return _event("dashboards", [dict(row) for row in self.dashboards], NOT_SPECIFIED)
        if channel == "snapshots":
            rows = [self._snapshot(contract) for contract in self.market.symbols]
            return _event("snapshots", rows, NOT_SPECIFIED)
        return None

    def dashboard_change(self) -> Event:
        """Return what the last step did to a dashboard."""
        kind, dashboard = self._change
        return _event("dashboards", dashboard, kind)

    def snapshot_change(self) -> Event:
        """Return one contract's snapshot, a different one each step."""
        symbols = self.market.symbols
        contract = symbols[self.market.steps % len(symbols)]
        return _event("snapshots", self._snapshot(contract), UPDATE)

    def server_info(self, uid: str, since: float) -> Event:
        """Return the event about one connection."""
        now = self._clock()
        # The document says ISO and UTC; the digits and the Z are invented.
        stamp = datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="microseconds")
        message = {
            "uid": uid,
            "timestamp": stamp.replace("+00:00", "Z"),
            "age_millis": max(0, round((now - since) * 1000)),
        }
        return _event("server_info", message, NOT_SPECIFIED)

    def tickers(self, products: set[str]) -> Event | None:
        """Return the tickers of every contract of these products; None for no product."""
        rows = [self._ticker(name) for name, product in PRODUCTS.items() if product in products]
        return _event("tickers", rows, UPDATE) if rows else None

    def _ticker(self, contract: str) -> dict[str, Any]:
        quote = self.market[contract].quote()
        row: dict[str, Any] = {"symbol": contract}
        if self._form != "plain":
            row["product_symbol"] = PRODUCTS[contract]
        row["timestamp_millis"] = int(self._clock() * 1000)
        if self._form != "plain":
            row["mid"] = str(quote.mid)
        if self._form != "mid":
            for side, level in (("bid", quote.bid), ("ask", quote.ask)):
                row[side] = {"price": str(level.price), "amount": str(level.amount)}
        return row

    def _snapshot(self, contract: str) -> dict[str, Any]:
        # The shape of a snapshot is in no document (invented).
        return {"symbol": contract, "mid": str(self.market[contract].quote().mid)}

    def _new_dashboard(self) -> dict[str, Any]:
        # The shape of a dashboard is in no document (invented).
        self._made += 1
        products = self._random.sample(sorted(CONTRACTS), 2)
        return {
            "id": f"dashboard-{self._made}",
            "name": f"Desk {self._made}",
            "products": products,
            "revision": 1,
        }


def _event(channel: str, message: object, kind: int) -> dict[str, Any]:
    return {"channel": channel, "message": message, "message_type": kind}
