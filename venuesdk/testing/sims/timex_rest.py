"""The REST streams of the simulated TimeX: one payload in, one response body out.

What the venue refuses is raised as `Refused`. Texts that no document prints are invented, and so
is that a request with several orders is taken whole or not at all. No socket lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from venuesdk.testing.market import Market
from venuesdk.testing.sims import timex_shapes as shapes
from venuesdk.testing.sims.timex_books import Books
from venuesdk.testing.sims.timex_ledger import Ledger, NewOrder, Order, Outcome, Refused
from venuesdk.testing.sims.timex_patterns import check_spelling
from venuesdk.testing.sims.timex_times import SECOND, Stamps, parse_time, stamp

__all__ = ["RestStreams"]

VALIDATION = "Validation error"
TYPES = ("LIMIT", "MARKET", "POST_ONLY", "FILL_OR_KILL")
LONGEST = 100 * 366 * 86_400
FORM = ("symbol", "side", "price", "quantity", "expireIn", "expireTime", "clientOrderId")

Answer = tuple[Any, list[Outcome]]


class RestStreams:
    """Answers the streams that are known by name; `account` is the wallet they speak of."""

    def __init__(
        self, account: str, ledger: Ledger, market: Market, books: Books, stamps: Stamps
    ) -> None:
        self._account = account
        self._ledger = ledger
        self._market = market
        self._books = books
        self._stamps = stamps
        self._streams: Mapping[str, Callable[[dict[str, Any]], Answer]] = {
            "/get/public/markets": lambda _: (shapes.markets(), []),
            "/get/public/currencies": lambda _: (shapes.currencies(), []),
            "/get/public/orderbook/raw": self._raw_book,
            "/get/trading/balances": self._balances,
            "/get/trading/orders": self._open_orders,
            "/post/trading/orders": lambda payload: self._create(_rows(payload)),
            "/post/trading/orders/json": lambda payload: self._create(_body(payload)),
            "/put/trading/orders/json": lambda payload: self._change(_body(payload)),
            "/delete/trading/orders": self._cancel_ids,
            "/delete/trading/orders/json": self._cancel_body,
            "/get/custody/deposit-addresses": self._deposit_addresses,
            "/get/custody/credentials/me": lambda _: ({"address": self._account}, []),
        }

    def answer(self, stream: Any, payload: Any) -> Answer:
        """Return the response body, and what happened to the account on the way."""
        answer = self._streams.get(stream) if isinstance(stream, str) else None
        if answer is None:
            raise Refused(f"Unsupported operation: {stream}")
        if payload is not None and not isinstance(payload, dict):
            raise Refused(VALIDATION)
        check_spelling(payload)
        return answer(payload or {})

    def levels(self, asked: NewOrder) -> Sequence[tuple[Decimal, Decimal]]:
        """Return the side of the book that an order would meet, best price first."""
        walk = self._market[asked.symbol]
        return walk.asks() if asked.side == "BUY" else walk.bids()

    def _raw_book(self, payload: dict[str, Any]) -> Answer:
        limit = payload.get("limit")
        if limit is not None and (type(limit) is not int or limit < 1):
            raise Refused(VALIDATION)
        return self._books.raw(self._symbol(payload.get("market")), limit), []

    def _balances(self, payload: dict[str, Any]) -> Answer:
        wanted = payload.get("currencies")
        chosen = _listed(self._ledger.total) if wanted is None else _listed(wanted)
        return [
            shapes.balance(self._ledger, currency)
            for currency in self._ledger.total
            if currency in chosen
        ], []

    def _open_orders(self, payload: dict[str, Any]) -> Answer:
        symbol = payload.get("symbol")
        orders = self._ledger.open(None if symbol is None else self._symbol(symbol))
        pageable = payload.get("pageable", {})
        if not isinstance(pageable, dict):
            raise Refused(VALIDATION)
        size, page = pageable.get("size", 100), pageable.get("page", 0)
        if type(size) is not int or type(page) is not int or size < 1 or page < 0:
            raise Refused(VALIDATION)
        chosen = orders[page * size : (page + 1) * size]
        return {"orders": [shapes.order(order) for order in chosen]}, []

    def _create(self, items: list[dict[str, Any]]) -> Answer:
        asked = [self._new_order(item) for item in items]
        self._ledger.check([(one, self.levels(one)) for one in asked])
        placed = [self._ledger.place(one, self.levels(one), self._stamps.now()) for one in asked]
        orders = [shapes.order(order) for order, _ in placed]
        return {"orders": orders}, [outcome for _, outcome in placed]

    def _change(self, items: list[dict[str, Any]]) -> Answer:
        edits: list[tuple[Order, NewOrder]] = []
        unchanged = []
        for identity, item in zip(_identities(items), items, strict=True):
            order = self._ledger.resting.get(identity)
            if order is None or any(order is one for one, _ in edits):
                unchanged.append(identity)
            else:
                edits.append((order, self._new_order(_described(order.asked) | item)))
        self._ledger.check(
            [(asked, self.levels(asked)) for _, asked in edits],
            instead_of=[order for order, _ in edits],
        )
        changed, outcomes = [], []
        for order, asked in edits:
            now = self._stamps.now()
            ended = self._ledger.cancel(order.id, now)
            replacement, outcome = self._ledger.place(asked, self.levels(asked), now)
            outcomes += [ended[1], outcome] if ended else [outcome]
            # An edited order goes on under a new id.
            changed.append({"newOrder": shapes.order(replacement), "oldId": order.id})
        return {"changedOrders": changed, "unchangedOrders": unchanged}, outcomes

    def _cancel_ids(self, payload: dict[str, Any]) -> Answer:
        return self._cancel(_identities([{"id": one} for one in _listed(payload.get("id"))]))

    def _cancel_body(self, payload: dict[str, Any]) -> Answer:
        return self._cancel(_identities(_body(payload)))

    def _cancel(self, wanted: Sequence[str]) -> Answer:
        changed, unchanged, outcomes = [], [], []
        for identity in wanted:
            ended = self._ledger.cancel(identity, self._stamps.now())
            if ended is None:
                unchanged.append(identity)
            else:
                changed.append({"newOrder": shapes.order(ended[0]), "oldId": identity})
                outcomes.append(ended[1])
        return {"changedOrders": changed, "unchangedOrders": unchanged}, outcomes

    def _deposit_addresses(self, _: dict[str, Any]) -> Answer:
        return [
            {
                "address": {
                    "type": "ETHEREUM",
                    "principal": "0x34082bb749d5a09a9d81d0974d57c9052245cb70",
                    "account": self._account,
                    "depositAddress": "0x4652c318a15ccb1967ac1431efbce99d8e0db1b9",
                    "relay": "0x3c1492ac96ada525e882d560efd47d0d590ce6a7",
                    "createdAt": "2019-07-12T12:55:21.394",
                    "uuid": "d010e84f-8c7c-4e6e-9515-b07db7bf934d",
                },
                # The documented sample breaks off inside this value; its digits are invented.
                "addressHash": f"0x{'0' * 63}1",
            }
        ], []

    def _symbol(self, symbol: Any) -> str:
        if not isinstance(symbol, str) or symbol not in self._market:
            raise Refused(f"Market not found: {symbol}")
        return symbol

    def _new_order(self, item: dict[str, Any]) -> NewOrder:
        kind = item.get("type")
        client_id = item.get("clientOrderId")
        price = item.get("price")
        expires = self._expiry(item)
        asked = NewOrder(
            symbol=self._symbol(item.get("symbol")),
            side=item.get("side", ""),
            type=kind if kind in TYPES else "",
            quantity=_number(item.get("quantity")),
            price=_number(0 if price is None and kind == "MARKET" else price),
            expires_ns=expires,
            client_order_id=client_id,
        )
        in_range = asked.quantity > 0 and (asked.price > 0 or kind == "MARKET")
        named = asked.side in ("BUY", "SELL") and isinstance(client_id, (str, type(None)))
        # An order that rests must say until when.
        timed = expires is not None or kind in ("MARKET", "FILL_OR_KILL")
        if not (asked.type and in_range and named and timed):
            raise Refused(VALIDATION)
        return asked

    def _expiry(self, item: dict[str, Any]) -> int | None:
        if item.get("expireTime") is not None:
            try:
                return parse_time(item["expireTime"])
            except (ValueError, OverflowError):
                raise Refused(VALIDATION) from None
        if item.get("expireIn") is not None:
            return self._stamps.now() + int(_number(item["expireIn"], LONGEST) * SECOND)
        return None


def _number(value: Any, most: int = 10**30) -> Decimal:
    """Return a JSON text or number as a decimal, and refuse what nobody trades."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Refused(VALIDATION)
    try:
        result = Decimal(value)
    except InvalidOperation:
        raise Refused(VALIDATION) from None
    if not result.is_finite() or not abs(result) <= most or result.adjusted() < -30:
        raise Refused(VALIDATION)
    return result


def _listed(value: Any) -> list[Any]:
    """Return what may be one or several as several."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, (list, dict)):
        raise Refused(VALIDATION)
    return list(value)


def _identities(items: Sequence[dict[str, Any]]) -> list[str]:
    """Return the ids of the orders that `items` name."""
    found = [item.get("id") for item in items]
    if not found or not all(isinstance(identity, str) for identity in found):
        raise Refused(VALIDATION)
    return [str(identity) for identity in found]


def _body(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the orders of the JSON variant of a stream."""
    items = payload.get("body")
    if not isinstance(items, list) or not items:
        raise Refused(VALIDATION)
    if not all(isinstance(item, dict) for item in items):
        raise Refused(VALIDATION)
    return items


def _rows(payload: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the orders of the form variant, whose fields are parallel arrays."""
    columns = {key: _listed(payload[key]) for key in FORM if key in payload}
    columns["type"] = _listed(payload.get("orderTypes"))
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise Refused(VALIDATION)
    keys = list(columns)
    return [dict(zip(keys, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _described(asked: NewOrder) -> dict[str, Any]:
    """Return an order as the item that would ask for it; an edit changes some of its fields."""
    until = None if asked.expires_ns is None else stamp(asked.expires_ns, "Z", 9)
    return {
        "symbol": asked.symbol,
        "side": asked.side,
        "type": asked.type,
        "quantity": asked.quantity,
        "price": asked.price,
        "expireTime": until,
        "clientOrderId": asked.client_order_id,
    }
