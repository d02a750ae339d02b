"""What one can subscribe to at Onyx, as topics; and how tickers topics overlap on the wire.

A channel is a bare name, or an object whose one key is the name and whose value the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any, ClassVar, Final, TypeAlias

from attrs import evolve, field, frozen

from ...protocol.codec import Joining, Topic
from ...protocol.convert import encode_json
from .models import ServerInfo, Ticker, Tickers

__all__ = ["Channel", "OfProducts", "channel_topic", "covers", "tickers_topic", "without"]

Channel: TypeAlias = str | Mapping[str, Any]

GROUPS: Final = "product_groups"
PRODUCTS: Final = "products"

FULL_FIRST: Final = frozenset({"dashboards", "snapshots"})
"""Channels whose first event is the full state: for a late joiner they are started anew."""


@frozen
class OfProducts:
    """Keeps of an event the tickers of some products, and those that name no product."""

    NAME: ClassVar[str] = PRODUCTS

    products: frozenset[str]
    # No document says whether the venue minds the case of a product, so it is not minded here.
    _folded: frozenset[str] = field(init=False, eq=False, repr=False)

    @_folded.default
    def _fold(self) -> frozenset[str]:
        return frozenset(product.casefold() for product in self.products)

    @classmethod
    def of(cls, words: Sequence[str]) -> OfProducts:
        """Return the narrowing of such words; raise `ValueError` where it has others."""
        _, *products = words
        return cls(frozenset(_names(PRODUCTS, products)))

    @property
    def words(self) -> tuple[str, ...]:
        """Its name, and the products in order."""
        return self.NAME, *sorted(self.products)

    def __call__(self, event: Tickers) -> Tickers | None:
        """Return the event with the tickers that were asked for, or None without any."""
        products = self.products
        for ticker in event.tickers:
            if ticker.product_symbol not in products:
                break
        else:
            return event
        kept = self._kept(event.tickers)
        if len(kept) == len(event.tickers):
            return event
        return evolve(event, tickers=kept) if kept else None

    def _kept(self, tickers: Iterable[Ticker]) -> tuple[Ticker, ...]:
        folded = self._folded
        return tuple(
            [
                ticker
                for ticker in tickers
                if ticker.product_symbol is None or ticker.product_symbol.casefold() in folded
            ]
        )


def tickers_topic(
    product_groups: Sequence[str] | None = None, products: Sequence[str] | None = None
) -> Topic:
    """Return the topic of the tickers of some product groups, of some products, or of both.

    Tickers name their product but not its group, so that only products can be told apart again.
    """
    parameters = {
        name: _names(name, given)
        for name, given in ((GROUPS, product_groups), (PRODUCTS, products))
        if given is not None
    }
    if not parameters:
        raise ValueError("tickers need product_groups or products")
    return channel_topic({"tickers": parameters})


def channel_topic(channel: Channel) -> Topic:
    """Return the topic of any channel; two spellings of the same tickers are one topic."""
    name, parameters = _split(channel)
    text = "" if parameters is None else encode_json(_sorted(parameters))
    topic = Topic(
        key=(name, text),
        name=f"{name} {text}".rstrip(),
        spec=deepcopy(channel),  # The user may change the mapping before it is asked for again.
        route=name,
        joining=Joining.RESTART if name in FULL_FIRST else Joining.SHARE,
        split=_SPLITS.get(name),
    )
    lists = _lists(channel)
    if lists is None:
        return topic
    groups, asked = lists
    return evolve(
        topic,
        key=(name, tuple(sorted(groups)), tuple(sorted(asked))),
        narrow=None if groups else OfProducts(asked),
    )


def covers(asked: Channel, channel: Channel) -> bool:
    """Return whether stopping `asked` stops all of `channel`."""
    whole, part = _lists(asked), _lists(channel)
    if whole is None or part is None:
        return channel_topic(asked).key == channel_topic(channel).key
    return part[0] <= whole[0] and part[1] <= whole[1]


def without(channel: Channel, others: Iterable[Channel]) -> Channel | None:
    """Return `channel` less the products and groups in `others`, or None if that leaves nothing."""
    lists = _lists(channel)
    if lists is None:
        return channel
    groups: set[str] = set()
    products: set[str] = set()
    for other in filter(None, map(_lists, others)):
        groups |= other[0]
        products |= other[1]
    chosen = {
        name: sorted(mine - theirs)
        for name, mine, theirs in ((GROUPS, lists[0], groups), (PRODUCTS, lists[1], products))
    }
    left = {name: items for name, items in chosen.items() if items}
    return {"tickers": left} if left else None


def _split(channel: Channel) -> tuple[str, Any]:
    if isinstance(channel, str):
        name, parameters = channel, None
    elif isinstance(channel, Mapping):
        if len(channel) != 1:
            raise ValueError("a channel object has one key, the name of the channel")
        ((name, parameters),) = channel.items()
    else:
        raise TypeError(f"a channel is text or a mapping, not {type(channel).__name__}")
    if not isinstance(name, str):
        raise TypeError(f"the name of a channel is text, not {type(name).__name__}")
    if not name:
        raise ValueError("the name of a channel cannot be empty")
    return name, parameters


def _lists(channel: Channel) -> tuple[frozenset[str], frozenset[str]] | None:
    """Return the groups and products of a tickers channel, or None for anything else."""
    if isinstance(channel, str) or "tickers" not in channel:
        return None
    parameters = channel["tickers"]
    if (
        not isinstance(parameters, Mapping)
        or not parameters
        or parameters.keys() - {GROUPS, PRODUCTS}
    ):
        return None
    groups, products = (parameters.get(name, ()) for name in (GROUPS, PRODUCTS))
    return frozenset(_names(GROUPS, groups, 0)), frozenset(_names(PRODUCTS, products, 0))


def _names(argument: str, names: object, least: int = 1) -> list[str]:
    if isinstance(names, (str, bytes)) or not isinstance(names, Iterable):
        raise TypeError(f"{argument} is a sequence of text, not {type(names).__name__}")
    unique = list(dict.fromkeys(names))
    if len(unique) < least:
        raise ValueError(f"{argument} cannot be empty")
    for name in unique:
        if not isinstance(name, str):
            raise TypeError(f"{argument} holds text, not {type(name).__name__}")
        if not name:
            raise ValueError(f"{argument} holds an empty name")
    return unique


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _sorted(value[name]) for name in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_sorted(item) for item in value]
    return value


def _by_symbol(event: Tickers) -> Iterable[tuple[str, Tickers]]:
    for ticker in event.tickers:
        yield ticker.symbol, Tickers((ticker,), event.message_type)


def _newest(event: ServerInfo) -> Iterable[tuple[str, ServerInfo]]:
    return (("server_info", event),)


_SPLITS: Final[Mapping[str, Callable[[Any], Iterable[tuple[str, Any]]]]] = {
    "tickers": _by_symbol,
    "server_info": _newest,
}
