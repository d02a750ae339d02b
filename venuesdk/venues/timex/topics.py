"""What one can subscribe to at TimeX, as topics, and how symbols and addresses are spelt.

The venue takes token symbols in upper case and addresses in lower case only (TimeX document,
"Message encoding"). Typed arguments are brought into that spelling here; a pattern is the
caller's, word for word.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

from attrs import evolve, field, frozen

from ...protocol.codec import Joining, Topic
from .models import GroupedOrderBook, MarketEvent, RawOrderBook, Trade, Update

__all__ = [
    "AccountStream",
    "OfMarket",
    "OfPair",
    "PatternStream",
    "account_topic",
    "address_of",
    "grouped_book_topic",
    "pattern_topic",
    "raw_book_topic",
    "symbol_of",
    "text_of",
    "trades_topic",
]

Book: TypeAlias = RawOrderBook | GroupedOrderBook

ADDRESS: Final = re.compile(r"0x[0-9a-f]{40}")

PRIVATE: Final = (
    "/order.",
    "/order-",
    "/market-order",
    "/trade.accounts",
    "/deposit",
    "/withdrawal",
)
"""How patterns begin whose events are an account's own."""


class PatternStream(NamedTuple):
    """What a ``SUBSCRIBE`` asks for."""

    pattern: str
    snapshot: bool


class AccountStream(NamedTuple):
    """What an ``ACCOUNT_SUBSCRIBE`` asks for."""

    account: str
    snapshot: bool


@frozen
class OfMarket:
    """Keeps the books of one market: a pattern may bring more than it says."""

    KINDS: ClassVar[Mapping[str, type[Book]]] = {
        "orderbook.raw": RawOrderBook,
        "orderbook.group": GroupedOrderBook,
    }
    """The family of patterns → the books that it brings."""

    family: str
    market: str
    _kind: type[Book] = field(init=False, eq=False, repr=False)

    @_kind.default
    def _kind_of_family(self) -> type[Book]:
        return self.KINDS[self.family]

    @classmethod
    def of(cls, words: Sequence[str]) -> OfMarket:
        """Return the narrowing of such words; raise `ValueError` where it has others."""
        family, market = words
        return cls(family, market)

    @property
    def words(self) -> tuple[str, ...]:
        """The family of its patterns, and the market."""
        return self.family, self.market

    def __call__(self, event: MarketEvent) -> Book | None:
        """Return the event where it is a book of the market."""
        return event if isinstance(event, self._kind) and event.market == self.market else None


@frozen
class OfPair:
    """Keeps the trades of one market, given by its two tokens in their order."""

    NAME: ClassVar[str] = "trade.symbols"

    base: str
    quote: str

    @classmethod
    def of(cls, words: Sequence[str]) -> OfPair:
        """Return the narrowing of such words; raise `ValueError` where it has others."""
        _, base, quote = words
        return cls(base, quote)

    @property
    def words(self) -> tuple[str, ...]:
        """The family of its patterns, and the tokens."""
        return self.NAME, self.base, self.quote

    def __call__(self, event: MarketEvent) -> Trade | None:
        """Return the event where it is a trade of the market."""
        if (
            isinstance(event, Trade)
            and event.base_token_symbol == self.base
            and event.quote_token_symbol == self.quote
        ):
            return event
        return None


def pattern_topic(pattern: str, snapshot: bool = False) -> Topic:
    """Return the topic of a pattern, which goes to the venue as it is."""
    text_of("a pattern", pattern)
    return Topic(
        key=("pattern", pattern, snapshot),
        name=pattern,
        spec=PatternStream(pattern, bool(snapshot)),
        joining=Joining.OWN if snapshot else Joining.SHARE,
        private=pattern.removeprefix("^").startswith(PRIVATE),
        # A snapshot has no key that its later events share, so the newest could not be told.
        split=None if snapshot else _by_subject,
    )


def account_topic(address: str, snapshot: bool = False) -> Topic:
    """Return the topic of all events of an account."""
    account = address_of(address)
    return Topic(
        key=("account", account, snapshot),
        name=f"account {account}",
        spec=AccountStream(account, bool(snapshot)),
        joining=Joining.OWN if snapshot else Joining.SHARE,
        private=True,
    )


def raw_book_topic(market: str) -> Topic:
    """Return the topic of one market's book, order by order."""
    return _book_topic("orderbook.raw", market)


def grouped_book_topic(market: str) -> Topic:
    """Return the topic of one market's book, price by price."""
    return _book_topic("orderbook.group", market)


def trades_topic(base: str, quote: str) -> Topic:
    """Return the topic of the trades of one market, given by its two tokens."""
    base, quote = symbol_of("base", base), symbol_of("quote", quote)
    return evolve(pattern_topic(f"/trade.symbols/{base}/{quote}"), narrow=OfPair(base, quote))


def symbol_of(argument: str, symbol: str) -> str:
    """Return a token's or a market's symbol as the venue spells it.

    Raises `ValueError` for what is none: ``ETHAUDT`` is, ``ETH/AUDT`` and ``ETH.*`` are not.
    """
    text_of(argument, symbol)
    if not (symbol.isascii() and symbol.isalnum()):
        raise ValueError(f"{argument} must be a symbol such as 'BTC' or 'ETHAUDT', not {symbol!r}")
    return symbol.upper()


def address_of(address: str) -> str:
    """Return an address as the venue spells it; raise `ValueError` for what is none."""
    text_of("an address", address)
    lower = address.lower()
    if not ADDRESS.fullmatch(lower):
        raise ValueError(f"an address is 0x and 40 hexadecimal digits, not {address!r}")
    return lower


def text_of(argument: str, value: str) -> str:
    """Return `value`, which must be text, and not empty."""
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be text, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{argument} must not be empty")
    return value


def _book_topic(family: str, market: str) -> Topic:
    symbol = symbol_of("market", market)
    # The venue reads a pattern as a regular expression, or so it seems: one for ETHUSD may bring
    # ETHUSDT too.
    return evolve(pattern_topic(f"/{family}/{symbol}"), narrow=OfMarket(family, symbol))


def _by_subject(event: Any) -> Iterable[tuple[Hashable, Any]]:
    """Give an event the key of what it tells about."""
    subject: Hashable
    if isinstance(event, (RawOrderBook, GroupedOrderBook)):
        subject = event.market
    elif isinstance(event, Trade):
        subject = (event.base_token_symbol, event.quote_token_symbol)
    elif isinstance(event, Update) and isinstance(event.event, dict):
        reference = event.event.get("reference")
        subject = (event.type, reference if isinstance(reference, str) else None)
    else:
        subject = None
    return (((type(event), subject), event),)
