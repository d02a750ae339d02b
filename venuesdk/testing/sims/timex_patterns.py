"""The patterns that the simulated TimeX knows: what may be subscribed to, and how it is spelt.

Pure. That an unknown pattern, market or token is refused, and with which text, is invented.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from venuesdk.testing.sims.timex_ledger import Refused
from venuesdk.testing.sims.timex_shapes import PAIRS, TOKENS

__all__ = ["Pattern", "check_spelling", "read_pattern"]

# The families, and how many parts follow the family's name. The streamed ones have recorded
# events; the rest is accepted and stays silent: of ``ticker`` that is what was observed, and the
# events of the others are nowhere shown.
_STREAMED = frozenset({"orderbook.raw", "orderbook.group", "trade.symbols", "trade"})
_FAMILIES: Mapping[str, int] = {
    "orderbook.raw": 1,
    "orderbook.group": 1,
    "trade.symbols": 2,
    "trade": 2,
    "ticker": 2,
    "orderbook": 1,
    "trade.accounts": 3,
    "order.symbols": 4,
    "order-update.symbols": 4,
    "order-expired.symbols": 4,
    "market-order.symbols": 4,
    "deposit.symbols": 2,
    "withdrawal.symbols": 2,
}
_OF_MARKETS = _STREAMED | {"ticker", "orderbook"}

_ADDRESS = re.compile("0x[0-9a-f]{40}")
_PERIODS = ("I1", "I5", "I15", "I30", "H1", "H2", "H4", "H6", "H12", "D1", "W1")
_SYMBOL_KEYS = frozenset({"symbol", "market", "currency", "currencies", "markets"})
_ADDRESS_KEYS = frozenset({"account", "address", "owner"})


@frozen
class Pattern:
    """A pattern taken apart; `symbol` is its market, or empty where it speaks of none."""

    text: str
    family: str
    symbol: str

    @property
    def streamed(self) -> bool:
        """Whether events of it are known."""
        return self.family in _STREAMED


def read_pattern(text: Any) -> Pattern:
    """Return the pattern, or raise `Refused`; the leading ``^`` of some may be left out."""
    if not isinstance(text, str):
        raise Refused("Validation error")
    family, *parts = text.removeprefix("^").removeprefix("/").split("/")
    if _FAMILIES.get(family) != len(parts) or "" in parts:
        raise Refused(f"Unknown pattern: {text}")
    for part in parts:
        check_spelling({"address" if part.lower().startswith("0x") else "symbol": part})
    if family == "trade":
        parts = [_symbol_of(address) for address in parts]
    if family == "ticker" and parts.pop() not in _PERIODS:
        raise Refused(f"Unknown pattern: {text}")
    if family not in _OF_MARKETS:
        return Pattern(text, family, "")
    symbol = "".join(parts)
    pair = PAIRS.get(symbol)
    if pair is None or (len(parts) == 2 and parts != [pair.base, pair.quote]):
        raise Refused(f"Market not found: {symbol}")
    return Pattern(text, family, symbol)


def check_spelling(payload: Any) -> None:
    """Raise `Refused` where a symbol is not upper case, or an address not lower case."""
    if isinstance(payload, list):
        for one in payload:
            check_spelling(one)
    elif isinstance(payload, dict):
        for key, value in payload.items():
            for text in value if isinstance(value, list) else [value]:
                if not isinstance(text, str):
                    check_spelling(text)
                elif key in _SYMBOL_KEYS and text != text.upper():
                    raise Refused(f"{text} is invalid: a token symbol must always be uppercase")
                elif key in _ADDRESS_KEYS and text != text.lower():
                    raise Refused(f"{text} is invalid: an address must always be lowercase")


def _symbol_of(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise Refused(f"{address} is not an address")
    for symbol, token in TOKENS.items():
        if token.address == address:
            return symbol
    raise Refused(f"Token not found: {address}")
