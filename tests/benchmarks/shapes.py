"""The frames that the server sends: each venue's hottest event, and the peers' own of like size.

A venue's shape is that of its document or of its recorded traffic (``tests/tapes``), with made-up
values, all of them different from one frame to the next. Known by name, ``<venue>.<what>-<size>``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

__all__ = ["SHAPES", "STAMP_BASE", "payloads", "stamped", "subscription_id"]

VARIANTS = 256
STAMP_BASE = 10**18
"""Added to a monotonic time in nanoseconds, so that every stamp has 19 digits."""


def payloads(shape: str, subscriptions: int = 1, least: int = VARIANTS) -> list[bytes]:
    """Return different payloads of one shape, spread evenly over the ids of `subscriptions`."""
    dice = Random(shape)
    make = SHAPES[shape]
    wanted = -(-max(least, subscriptions) // subscriptions) * subscriptions
    return [_encoded(make(dice, number % subscriptions + 1)) for number in range(wanted)]


def stamped() -> tuple[bytes, bytes]:
    """Return what stands before and behind the 19 digits of the stamp in a tickers payload."""
    event = SHAPES["onyx.tickers-1"](Random(1), 1)
    event["message"][0]["timestamp_millis"] = STAMP_BASE
    head, tail = _encoded(event).split(str(STAMP_BASE).encode())
    return head, tail


def subscription_id(number: int) -> str:
    """Return the id that the server gives to the subscription of that number."""
    return f"{number:08x}-87cf-40d5-984c-043b0cd33daa"


def _encoded(event: Any) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


# ---- the venues ----------------------------------------------------------------------------------


def _ticker(dice: Random, number: int) -> dict[str, Any]:
    price = dice.randint(7000, 9000)
    return {
        "symbol": f"dub{'fghjkmnquvxz'[number % 12]}{dice.randint(25, 29)}",
        "product_symbol": "dub",
        "timestamp_millis": 1713950000000 + dice.randint(0, 10**9),
        "mid": f"{price / 100 + 0.05:.2f}",
        "bid": {"price": f"{price / 100:.2f}", "amount": str(dice.randint(1, 90))},
        "ask": {"price": f"{price / 100 + 0.1:.2f}", "amount": str(dice.randint(1, 90))},
    }


def _tickers(count: int) -> Callable[[Random, int], Any]:
    def make(dice: Random, number: int) -> Any:
        rows = [_ticker(dice, each) for each in range(count)]
        return {"channel": "tickers", "message": rows, "message_type": 1}

    return make


def _order_book(dice: Random, number: int) -> Any:
    version = 1_212_121 + dice.randint(0, 10**6)

    def slots(step: float) -> list[list[str]]:
        middle = dice.randint(29_000, 30_000) / 100
        return [
            [
                f"{middle + step * depth:.2f}",
                str(dice.randint(10**14, 10**15)),
                str(dice.randint(10**12, 10**13)),
                str(dice.randint(1, 9)),
            ]
            for depth in range(1, 11)
        ]

    return {
        "topic": {"topic": "orderbook", "market": "LRC-USDT", "level": 0},
        "ts": 1584717910000 + dice.randint(0, 10**6),
        "startVersion": version,
        "endVersion": str(version + 2),
        "data": {"bids": slots(-0.01), "asks": slots(0.01)},
    }


def _timex_event(kind: str, number: int, name: str, book: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope that was recorded, whose type stands last."""
    return {
        "subscriptionId": subscription_id(number),
        "message": {
            "event": {
                "timestamp": "2022-09-19T18:03:39.163",
                "type": kind,
                "reference": "ETHUSD",
                "topics": ["ETHUSD"],
                "data": {"market": "ETHUSD", name: book},
            },
            "payload": None,
        },
        "type": "MESSAGE",
    }


def _raw_book(count: int) -> Callable[[Random, int], Any]:
    def make(dice: Random, number: int) -> Any:
        def orders(direction: str) -> list[dict[str, str]]:
            return [
                {
                    "market": "ETHUSD",
                    "hash": f"0x{dice.getrandbits(256):064x}",
                    "direction": direction,
                    "quantity": f"{dice.randint(1, 9999) / 1000}",
                    "price": f"{dice.randint(13_000, 14_000) / 10}",
                    "createdAt": f"2022-09-19T18:03:29.{dice.randint(100, 999)}",
                    "expiredAt": f"2022-09-19T18:04:29.{dice.randint(100, 999)}",
                }
                for _ in range(count)
            ]

        timestamp = f"2022-09-19T18:03:39.{dice.randint(100, 999)}Z"
        book = {"timestamp": timestamp, "bid": orders("BUY"), "ask": orders("SELL")}
        return _timex_event("RAW_ORDER_BOOK_UPDATED", number, "rawOrderBook", book)

    return make


def _grouped_book(count: int) -> Callable[[Random, int], Any]:
    def make(dice: Random, number: int) -> Any:
        def levels() -> list[dict[str, str]]:
            return [
                {
                    "price": f"{dice.randint(13_000, 14_000) / 10}",
                    "volume": f"{dice.randint(1, 9999) / 1000}",
                    "volumeQuote": f"{dice.randint(10_000, 999_999) / 100}",
                }
                for _ in range(count)
            ]

        timestamp = f"2022-09-19T18:03:39.{dice.randint(100, 999)}"
        book = {"timestamp": timestamp, "bid": levels(), "ask": levels()}
        return _timex_event("GROUP_ORDER_BOOK_UPDATED", number, "orderbook", book)

    return make


def _quote(dice: Random, number: int) -> Any:
    price = dice.uniform(42_000, 43_000)
    data = {"symbol": "BTC_USD", "buyPrice": price, "sellPrice": price + 1.07}
    return {"method": "quote_request", "response": {"code": 200, "data": data, "error": None}}


# ---- the peers: their own wire, of about the size of one ticker ----------------------------------


def _pybit_ticker(dice: Random, number: int) -> Any:
    price = dice.randint(4_000_000, 4_300_000) / 100
    return {
        "topic": "tickers.BTCUSDT",
        "type": "snapshot",
        "data": {
            "symbol": "BTCUSDT",
            "markPrice": f"{price:.2f}",
            "bid1Price": f"{price - 0.5:.2f}",
            "bid1Size": str(dice.randint(1, 90)),
            "ask1Price": f"{price + 0.5:.2f}",
            "ask1Size": str(dice.randint(1, 90)),
        },
        "cs": dice.randint(10**10, 10**11),
        "ts": 1713950000000 + dice.randint(0, 10**9),
    }


def _pybit_trade(dice: Random, number: int) -> Any:
    now = 1713950000000 + dice.randint(0, 10**9)
    trade = {
        "T": now,
        "s": "BTCUSDT",
        "S": "Buy",
        "v": f"{dice.randint(1, 999) / 1000}",
        "p": f"{dice.randint(4_000_000, 4_300_000) / 100:.2f}",
        "L": "PlusTick",
        "i": f"{dice.getrandbits(128):032x}",
        "BT": False,
    }
    return {"topic": "publicTrade.BTCUSDT", "type": "snapshot", "ts": now, "data": [trade]}


def _hyperliquid_trade(dice: Random, number: int) -> Any:
    trade = {
        "coin": "BTC",
        "side": "B",
        "px": f"{dice.randint(400_000, 430_000) / 10}",
        "sz": f"{dice.randint(1, 99999) / 100000:.5f}",
        "time": 1713950000000 + dice.randint(0, 10**9),
        "hash": f"0x{dice.getrandbits(256):064x}",
        "tid": dice.randint(10**14, 10**15),
    }
    return {"channel": "trades", "data": [trade]}


def _binance_ticker(dice: Random, number: int) -> Any:
    price = dice.randint(4_000_000, 4_300_000) / 100
    return {
        "e": "24hrMiniTicker",
        "E": 1713950000000 + dice.randint(0, 10**9),
        "s": "BTCUSDT",
        "c": f"{price:.8f}",
        "o": f"{price - 100:.8f}",
        "h": f"{price + 300:.8f}",
        "l": f"{price - 300:.8f}",
        "v": f"{dice.randint(10**6, 10**7) / 100:.8f}",
        "q": f"{dice.randint(10**10, 10**11) / 100:.8f}",
    }


SHAPES: dict[str, Callable[[Random, int], Any]] = {
    "onyx.tickers-1": _tickers(1),
    "onyx.tickers-10": _tickers(10),
    "loopring.orderbook-20": _order_book,
    "timex.raw-10": _raw_book(5),
    "timex.grouped-20": _grouped_book(10),
    "timex.grouped-4": _grouped_book(2),
    "fuze.quote-1": _quote,
    "pybit.ticker-1": _pybit_ticker,
    "pybit.trade-1": _pybit_trade,
    "hyperliquid.trade-1": _hyperliquid_trade,
    "binance.ticker-1": _binance_ticker,
}
