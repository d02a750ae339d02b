"""The JSON objects of the simulated TimeX: markets, tokens, trades, orders, balances.

Shapes follow recorded messages. Prices and sizes are invented, and so are the token addresses
and decimals that no recorded message shows. No state, socket or thread lives here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from venuesdk.testing.market import Instrument, Trade
from venuesdk.testing.sims.timex_ledger import Change, Ledger, Order, Pair, plain
from venuesdk.testing.sims.timex_times import stamp

__all__ = [
    "MARKETS",
    "PAIRS",
    "TOKENS",
    "Token",
    "account_snapshot",
    "balance",
    "currencies",
    "markets",
    "order",
    "order_event",
    "trade",
]


class Token(NamedTuple):
    """A token's contract, and how many decimals its amounts in trades have."""

    address: str
    trade_decimals: int


# BTC 20 and USDT 16 follow from a recorded trade; the addresses of BTC, USDT and EOS are recorded.
TOKENS: Mapping[str, Token] = {
    "BTC": Token("0x8370fbc6ddec1e18b4e41e72ed943e238458487c", 20),
    "USDT": Token("0xdac17f958d2ee523a2206206994597c13d831ec7", 16),
    "EOS": Token("0x3dc290b60a1a11b1a6cbb3fda56c055d3c17ccc8", 16),
    "ETH": Token("0x00000000000000000000000000000000000000e1", 18),
    "AUDT": Token("0x00000000000000000000000000000000000000a2", 18),
    "USD": Token("0x00000000000000000000000000000000000000d3", 16),
    "LTC": Token("0x00000000000000000000000000000000000000c4", 16),
    "TIME": Token("0x00000000000000000000000000000000000000f5", 18),
}

_LISTED = (
    ("BTC", "USDT", Instrument(Decimal("19046"), Decimal("1"), Decimal("0.0001"))),
    ("BTC", "USD", Instrument(Decimal("18911"), Decimal("1"), Decimal("0.0001"))),
    ("ETH", "USD", Instrument(Decimal("1323.3"), Decimal("0.1"), Decimal("0.001"))),
    ("ETH", "AUDT", Instrument(Decimal("2012.5"), Decimal("0.1"), Decimal("0.001"))),
    ("ETH", "BTC", Instrument(Decimal("0.07012"), Decimal("0.00001"), Decimal("0.001"))),
    ("EOS", "USDT", Instrument(Decimal("1.2345"), Decimal("0.0001"), Decimal("0.01"))),
    ("LTC", "USDT", Instrument(Decimal("52.31"), Decimal("0.01"), Decimal("0.01"))),
    ("TIME", "USDT", Instrument(Decimal("12.34"), Decimal("0.01"), Decimal("0.01"))),
    ("TIME", "ETH", Instrument(Decimal("0.0089"), Decimal("0.000001"), Decimal("0.01"))),
    ("TIME", "BTC", Instrument(Decimal("0.000651"), Decimal("0.0000001"), Decimal("0.01"))),
)

MARKETS: Mapping[str, Instrument] = {base + quote: start for base, quote, start in _LISTED}
PAIRS: Mapping[str, Pair] = {base + quote: Pair(base, quote) for base, quote, _ in _LISTED}


def trade(symbol: str, one: Trade, number: int, numeric: bool) -> dict[str, Any]:
    """Return the data of a trade event; its amounts are whole numbers of the tokens' own units."""
    pair = PAIRS[symbol]
    base, quote = TOKENS[pair.base], TOKENS[pair.quote]
    amounts = (
        int(one.amount.scaleb(base.trade_decimals)),
        int((one.price * one.amount).scaleb(quote.trade_decimals)),
    )
    # They were seen as texts, and once, in a sample of the documents, as huge numbers.
    shown = amounts if numeric else tuple(map(str, amounts))
    return {
        "id": number,
        "direction": one.side,
        "baseTokenAddress": base.address,
        "quoteTokenAddress": quote.address,
        "baseTokenSymbol": pair.base,
        "quoteTokenSymbol": pair.quote,
        "baseTokenAmount": shown[0],
        "quoteTokenAmount": shown[1],
        "makerAddress": "0xc2af39e7039462893d6e540be4dc6b1a447b42ab",
        "takerAddress": "0xc2af39e7039462893d6e540be4dc6b1a447b42ab",
    }


def order(one: Order) -> dict[str, Any]:
    """Return an order as the account's messages and responses print it."""
    asked = one.asked
    return {
        "id": one.id,
        "cursorId": one.cursor,
        "clientOrderId": asked.client_order_id,
        "symbol": asked.symbol,
        "side": asked.side,
        "type": asked.type,
        "quantity": plain(asked.quantity),
        "filledQuantity": plain(one.filled),
        "cancelledQuantity": plain(one.cancelled),
        "price": plain(asked.price),
        "avgPrice": None if one.average is None else plain(one.average),
        "createdAt": stamp(one.created_ns, "Z"),
        "updatedAt": stamp(one.updated_ns, "Z"),
        "expireTime": None if asked.expires_ns is None else stamp(asked.expires_ns, "Z"),
    }


def order_event(change: Change) -> dict[str, Any]:
    """Return the payload of the account event that tells of `change`."""
    market_order = change.order.asked.type == "MARKET"
    payload: dict[str, Any] = {
        "order": order(change.order),
        "messageType": "MARKET_ORDER" if market_order else "ORDER",
        "orderStatus": change.status,
    }
    if change.trades:
        payload["tradeInfo"] = [
            {"tradeId": number, "tradePrice": plain(price), "tradeQuantity": plain(quantity)}
            for number, price, quantity in change.trades
        ]
    return payload


def balance(ledger: Ledger, currency: str) -> dict[str, str]:
    """Return one balance."""
    return {
        "currency": currency,
        "totalBalance": plain(ledger.total[currency]),
        "lockedBalance": plain(ledger.locked[currency]),
    }


def account_snapshot(ledger: Ledger, symbols: Iterable[str]) -> dict[str, Any]:
    """Return the balances, and market by market the open orders."""
    return {
        "balances": [balance(ledger, currency) for currency in ledger.total],
        "openOrders": [
            {
                "market": symbol,
                "orders": (rows := [order(one) for one in ledger.open(symbol)]),
                "pageNumber": 0,
                "totalPageCount": 1 if rows else 0,
            }
            for symbol in symbols
        ],
    }


def markets() -> list[dict[str, Any]]:
    """Return the list of markets, every field of the recorded one included."""
    return [
        {
            "alternativeCurrency": None,
            "alternativeTokenAddress": None,
            "baseCurrency": pair.base,
            "baseMinSize": plain(start.lot),
            "baseTokenAddress": TOKENS[pair.base].address,
            "defaultSlippage": None,
            "feeCurrency": pair.quote,
            "feeTokenAddress": TOKENS[pair.quote].address,
            "locked": False,
            "makerAltFee": None,
            "makerFee": "0.0025",
            "name": f"{pair.base}/{pair.quote}",
            "promotional": False,
            "quantityIncrement": plain(start.lot),
            "quoteCurrency": pair.quote,
            "quoteMinSize": plain(start.lot * start.tick),
            "quoteTokenAddress": TOKENS[pair.quote].address,
            "showOnLanding": False,
            "sortOrder": position,
            "symbol": symbol,
            "takerAltFee": None,
            "takerFee": "0.005",
            "tickSize": plain(start.tick),
        }
        for position, ((symbol, start), pair) in enumerate(
            zip(MARKETS.items(), PAIRS.values(), strict=True)
        )
    ]


def currencies() -> list[dict[str, Any]]:
    """Return the list of tokens; only these of its fields are known."""
    return [
        {
            "symbol": symbol,
            "address": token.address,
            "active": True,
            "decimals": token.trade_decimals,
            "tradeDecimals": token.trade_decimals,
            "withdrawalFee": "0",
        }
        for symbol, token in TOKENS.items()
    ]
