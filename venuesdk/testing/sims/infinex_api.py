"""The endpoints of the simulated Infinex: a path and its parameters to a body, on both doors.

Bodies are those of the venue's API document. What is invented: the texts for which no document
has one, and how a malformed parameter is judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from venuesdk.testing.sims.infinex_exchange import ASSETS, PAIRS, Exchange, Order, Refused

__all__ = ["Api", "UnknownEndpoint"]

PAGE = 50
AMOUNT = re.compile(r"[0-9]{1,33}(\.[0-9]{1,32})?")
NETWORKS: dict[str, dict[str, str]] = {
    # The first is the document's own sample; an asset without networks has an empty map, which
    # the venue's PHP writes as a list.
    "USDT": {"ETH": "Ethereum / ERC20", "TRX": "Tron / TRC20"},
    "ETH": {"ETH": "Ethereum"},
    "BTC": {"BTC": "Bitcoin"},
    "BPX": {},
}

Params = Mapping[str, Any]
Body = dict[str, Any]


class UnknownEndpoint(Exception):
    """There is no such path."""


class Api:
    """Answers requests that the transport has already accepted; not thread-safe."""

    def __init__(self, exchange: Exchange, api_key: str, code_2fa: str) -> None:
        self._exchange = exchange
        self._api_key = api_key
        self._code_2fa = code_2fa
        self.login_refused = False
        self._public: dict[str, Callable[[Params], Body]] = {
            "/spot/markets": self._markets,
            "/spot/orderbook": self._order_book,
            "/wallet/assets": self._assets,
            "/wallet/networks": self._networks,
        }
        self._private: dict[str, Callable[[Params], Body]] = {
            "/spot/open_orders": self._open_orders,
            "/spot/open_orders/cancel": self._cancel,
            "/wallet/balances": self._balances,
            "/wallet/withdraw": self._withdraw,
        }

    def call(self, route: str, path: str, params: Params) -> Body:
        """Return the body of one answer; raises UnknownEndpoint."""
        try:
            return {"success": True, **self._dispatch(route, path, params)}
        except Refused as refusal:
            return {"success": False, "error": str(refusal)}

    def _dispatch(self, route: str, path: str, params: Params) -> Body:
        if path in self._public:
            return self._public[path](params)
        if path not in self._private and path != "/spot/open_orders/new":
            raise UnknownEndpoint(path)
        if self.login_refused or _text(params, "api_key") != self._api_key:
            raise Refused("Unauthorized")  # no document has the venue's own text
        if path in self._private:
            return self._private[path](params)
        return self._new_order(route, params)

    # -- wallet

    def _networks(self, params: Params) -> Body:
        asset = _text(params, "asset")
        if asset not in NETWORKS:
            raise Refused("Asset not found")  # invented
        rows = {
            name: {"description": description, "icon_url": f"/ico/{name.lower()}.svg"}
            for name, description in NETWORKS[asset].items()
        }
        return {"networks": rows or []}

    def _assets(self, params: Params) -> Body:
        rows = {
            asset: {"name": ASSETS[asset], "icon_url": f"/ico/{asset.lower()}.svg"}
            for asset in _chosen_assets(params)
        }
        return {"assets": rows or []}

    def _balances(self, params: Params) -> Body:
        rows = {}
        for asset in _chosen_assets(params):
            total, locked, available = self._exchange.balance(asset)
            rows[asset] = {"total": str(total), "locked": str(locked), "avbl": str(available)}
        return {"balances": rows or []}

    def _withdraw(self, params: Params) -> Body:
        asset, network = _text(params, "asset"), _text(params, "network")
        _text(params, "address")
        amount, fee = _amount(params, "amount"), _amount(params, "fee")
        if amount is None or fee is None:
            raise Refused("Missing data")
        if network not in NETWORKS.get(asset, {}):
            raise Refused("Network not found")  # invented
        if "code_2fa" not in params:
            # No error text here: what the caller must do is in the other two fields.
            return {"success": False, "need_2fa": True, "provider_2fa": "Google Authenticator"}
        if params["code_2fa"] != self._code_2fa:
            raise Refused("Invalid 2FA code")  # invented
        return {"xid": self._exchange.withdraw(asset, amount, fee)}

    # -- spot

    def _markets(self, params: Params) -> Body:
        pair = params.get("pair")
        if pair is None:
            offset = _whole(params, "offset")
        elif pair not in PAIRS:
            raise Refused("Pair not found")  # invented
        else:
            offset = 0
        rows = [
            self._market(name)
            for name in PAIRS
            if pair in (None, name)
            and params.get("quote") in (None, name.split("/")[1])
            and str(params.get("search", "")).upper() in name
        ]
        if params.get("sort", "name") == "price":
            rows.sort(key=lambda row: Decimal(row["price"]))
        if params.get("sort_dir") == "desc":
            rows.reverse()
        return {"markets": rows[offset : offset + PAGE]}

    def _market(self, pair: str) -> Body:
        base, quote = pair.split("/")
        candle = self._exchange.market[pair].candle
        return {
            "pair": pair,
            "base": base,
            "quote": quote,
            "icon_url": f"/ico/{base.lower()}.svg",
            "price": str(candle.close),
            "change": f"{(candle.close / candle.open - 1) * 100:.2f}",
            "previous": str(candle.open),
        }

    def _order_book(self, params: Params) -> Body:
        pair = _pair(params)
        walk = self._exchange.market[pair]
        sides = {"bids": walk.bids(), "asks": walk.asks()}
        return {
            side: [{"price": str(row.price), "amount": str(row.amount)} for row in rows]
            for side, rows in sides.items()
        }

    def _open_orders(self, params: Params) -> Body:
        offset, wanted = _whole(params, "offset"), params.get("filter_pair")
        orders = [
            order for order in self._exchange.open_orders() if wanted in (None, order.pair)
        ]
        if "sort_pair" in params:
            orders.sort(key=lambda order: order.pair != params["sort_pair"])
        return {"orders": [_row(order) for order in orders[offset : offset + PAGE]]}

    def _new_order(self, route: str, params: Params) -> Body:
        form = params.get("resp_type", "NONE")
        try:
            order = self._exchange.place(
                route,
                _pair(params),
                _one_of(params, "side", ("BUY", "SELL")),
                _one_of(params, "type", ("MARKET", "LIMIT", "STOP_LIMIT")),
                _one_of(params, "time_in_force", ("GTC", "FOK", "IOC")),
                _amount(params, "price"),
                _amount(params, "amount"),
                _amount(params, "total"),
                _amount(params, "stop"),
            )
        except Refused as refusal:
            # Without a response type the matching engine's refusals go to a stream, not here.
            if form == "NONE" and str(refusal).startswith("INSUF_"):
                return {}
            raise
        if form == "RESULT":
            result = {"obid": order.obid, "status": order.status}
            return result | ({"filled": str(order.filled)} if order.filled else {})
        return {"obid": order.obid, "status": "OPEN"} if form == "ACK" else {}

    def _cancel(self, params: Params) -> Body:
        self._exchange.cancel(_whole(params, "obid"))
        return {}


def _row(order: Order) -> Body:
    row: Body = {
        "obid": order.obid,
        "pair": order.pair,
        "time": f"{order.time:.6f}",
        "side": order.side,
        "price": str(order.price),
        "amount": str(order.amount),
        "time_in_force": order.time_in_force,
        "type": order.type,
        "quote_prec": 10,
    }
    if order.stop is not None:
        row["stop"] = str(order.stop)
    return row


def _chosen_assets(params: Params) -> list[str]:
    """Return the assets that `symbols`, or `search` and `offset`, ask for."""
    symbols = params.get("symbols")
    if symbols is not None:
        if not isinstance(symbols, list) or "search" in params:
            raise Refused("Missing data")
        return [asset for asset in ASSETS if asset in symbols]
    offset, search = _whole(params, "offset"), str(params.get("search", "")).upper()
    found = [
        asset for asset, title in ASSETS.items() if search in asset or search in title.upper()
    ]
    return found[offset : offset + PAGE]


def _text(params: Params, key: str) -> str:
    value = params.get(key)
    if not isinstance(value, str) or not value:
        raise Refused("Missing data")
    return value


def _whole(params: Params, key: str) -> int:
    value = params.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Refused("Missing data")
    return value


def _one_of(params: Params, key: str, allowed: tuple[str, ...]) -> str:
    value = _text(params, key)
    if value not in allowed:
        raise Refused("Missing data")
    return value


def _pair(params: Params) -> str:
    pair = _text(params, "pair")
    if pair not in PAIRS:
        raise Refused("Pair not found")  # invented
    return pair


def _amount(params: Params, key: str) -> Decimal | None:
    """Return an amount, which the venue takes as text without sign and exponent only."""
    if key not in params:
        return None
    value = params[key]
    if not isinstance(value, str) or not AMOUNT.fullmatch(value):
        raise Refused("Missing data")
    return Decimal(value)
