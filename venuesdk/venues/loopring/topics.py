"""What one can subscribe to at Loopring, as values, and as topics of the session.

A topic is on the wire an object, its configuration; pushes name it again, in full or in part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from attrs import Attribute, field, frozen, validators

from ...protocol.codec import Topic
from ...protocol.convert import encode_json
from .configs import PRIVATE, Config, is_every, key_of, name_of

__all__ = [
    "Account",
    "All",
    "AmmPool",
    "Blocks",
    "Candlesticks",
    "Depth",
    "OrderBook",
    "Orders",
    "Ticker",
    "TopicLike",
    "Trades",
    "config_of",
    "topic_of",
]


def _whole(least: int) -> Callable[[Any, Attribute[Any], Any], None]:
    def check(_: Any, attribute: Attribute[Any], value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            raise TypeError(f"{attribute.name} is a whole number, not {type(value).__name__}")
        if value < least:
            raise ValueError(f"{attribute.name} is at least {least}, not {value}")

    return check


def _filled(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{attribute.name} is text, not {type(value).__name__}")
    if not value:
        raise ValueError(f"{attribute.name} cannot be empty")


_text: Any = _filled
_flag: Any = validators.instance_of(bool)
_count: Any = validators.optional(_whole(1))


@frozen
class Account:
    """The balances of the account; private."""

    def config(self) -> Config:
        """Return the configuration that is sent."""
        return {"topic": "account"}


@frozen
class Orders:
    """The orders of the account in one market; private."""

    market: str = field(validator=_text)

    def config(self) -> Config:
        """Return the configuration that is sent."""
        return {"topic": "order", "market": self.market}


@frozen
class Depth:
    """The depth of a market, as the oldest document calls it; `OrderBook` is its successor."""

    market: str = field(validator=_text)
    count: int | None = field(default=None, validator=_count)
    snapshot: bool = field(default=False, validator=_flag)

    def config(self) -> Config:
        """Return the configuration that is sent."""
        return _sized("depth", {"market": self.market}, self.count, self.snapshot)


@frozen
class OrderBook:
    """The book of a market: whole with every change (`snapshot`), or only the slots that changed.

    `level` is how coarse its prices are. `count` is the most slots of each side, and counts only
    with `snapshot`; the venue takes up to 50.
    """

    market: str = field(validator=_text)
    level: int = field(default=0, validator=_whole(0))
    count: int | None = field(default=None, validator=_count)
    snapshot: bool = field(default=False, validator=_flag)

    def config(self) -> Config:
        """Return the configuration that is sent."""
        named = {"market": self.market, "level": self.level}
        return _sized("orderbook", named, self.count, self.snapshot)


@frozen
class Trades:
    """The trades of a market."""

    market: str = field(validator=_text)

    def config(self) -> Config:
        """Return the configuration that is sent."""
        return {"topic": "trade", "market": self.market}


@frozen
class Ticker:
    """The last day of a market."""

    market: str = field(validator=_text)

    def config(self) -> Config:
        """Return the configuration that is sent."""
        return {"topic": "ticker", "market": self.market}


@frozen
class Candlesticks:
    """The candles of a market.

    `interval` is one of ``1min 5min 15min 30min 1hr 2hr 4hr 12hr 1d 1w``.
    """

    market: str = field(validator=_text)
    interval: str = field(validator=_text)

    def config(self) -> Config:
        """Return the configuration that is sent."""
        return {"topic": "candlestick", "market": self.market, "interval": self.interval}


@frozen
class AmmPool:
    """The amounts in the pool at an address."""

    pool_address: str = field(validator=_text)

    def config(self) -> Config:
        """Return the configuration that is sent; the venue wants the snapshot asked for."""
        return {"topic": "ammpool", "poolAddress": self.pool_address, "snapshot": True}


@frozen
class Blocks:
    """New blocks: their numbers, or all of them where `verbose`."""

    verbose: bool = field(default=False, validator=_flag)

    def config(self) -> Config:
        """Return the configuration that is sent."""
        return {"topic": "blockgen", "verbose": True} if self.verbose else {"topic": "blockgen"}


@frozen
class All:
    """Every configuration of the topic called `name` (``"order"``); only to unsubscribe from."""

    name: str = field(validator=_text)

    def config(self) -> Config:
        """Return the configuration that is sent."""
        return {"topic": self.name, "unsubscribeAll": True}


_VALUES: Final = (
    Account, All, AmmPool, Blocks, Candlesticks, Depth, OrderBook, Orders, Ticker, Trades
)  # fmt: skip
TopicLike: TypeAlias = (
    Account
    | All
    | AmmPool
    | Blocks
    | Candlesticks
    | Depth
    | OrderBook
    | Orders
    | Ticker
    | Trades
    | Mapping[str, Any]
)


def config_of(given: TopicLike) -> Config:
    """Return the configuration of a topic; a mapping is one already, and passes as it is."""
    if isinstance(given, _VALUES):
        return given.config()
    if not isinstance(given, Mapping):
        raise TypeError(f"a topic is one of the topic classes or a mapping, not {given!r:.80}")
    encode_json(given)
    if not name_of(given):
        raise ValueError("a topic needs its name, under the key topic")
    return dict(given)


def topic_of(given: TopicLike) -> Topic:
    """Return the topic of a subscription; `All` and its like are none."""
    config = config_of(given)
    if is_every(config):
        raise ValueError(f"all of {name_of(config)} can only be unsubscribed from")
    key = key_of(config)
    name, settings = key
    return Topic(
        key=key,
        name=" ".join([name, *(f"{setting}={value}" for setting, value in settings)]),
        spec=config,
        route=key,
        private=name in PRIVATE,
        split=_split_of(name, dict(settings)),
    )


def _sized(name: str, named: Config, count: int | None, snapshot: bool) -> Config:
    config = {"topic": name, **named}
    if count is not None:
        config["count"] = count
    if snapshot:
        config["snapshot"] = True
    return config


def _split_of(
    name: str, settings: Mapping[str, str]
) -> Callable[[Any], Iterable[tuple[Any, Any]]] | None:
    """Return what conflates: only topics whose every push stands for itself have a key."""
    if name in ("orderbook", "depth") and "snapshot" not in settings:
        return None
    key = _CONFLATION.get(name)
    return None if key is None else lambda update: ((key(update), update),)


_CONFLATION: Final[Mapping[str, Callable[[Any], Any]]] = {
    "account": lambda update: (update.token_id, update.nft_id, update.token_address),
    "order": lambda update: update.hash,
    "ammpool": lambda update: update.pool_address,
    "candlestick": lambda update: (update.market, update.start),
    "depth": lambda update: getattr(update, "market", None),
    "orderbook": lambda update: update.market,
    "ticker": lambda update: update.market,
}
