"""What one can watch and record: the topics of each venue, and how they are written.

``NAME`` or ``NAME:ARGUMENT``; at TimeX also a pattern, word for word, which begins with a slash.
The tables hold all that the shell knows of a venue's streams. No client is imported here, so that
a shell can complete a line quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import click
from attrs import frozen

from .output import write_json
from .target import VENUES

if TYPE_CHECKING:
    from ..session.subscription import Subscription

__all__ = ["TOPICS", "Topic", "TopicKind", "command", "complete", "find", "find_all"]

Subscribe: TypeAlias = "Callable[[Any, str, dict[str, Any]], Subscription[Any]]"


@frozen
class TopicKind:
    """One kind of topic: `subscribe` is called with a client, the argument and the options.

    `argument` says what stands behind the colon, and is empty where nothing does. The `example`
    works with ``--sim``. What does not have a newest value `conflates` not.
    """

    name: str
    argument: str
    example: str
    what: str
    subscribe: Subscribe
    conflates: bool = True

    @property
    def form(self) -> str:
        """How it is written."""
        return f"{self.name}:{self.argument}" if self.argument else self.name


@frozen
class Topic:
    """A topic as it was written on the command line."""

    text: str
    kind: TopicKind
    argument: str

    def subscribe(self, client: Any, *, conflate: bool = False, **options: Any) -> Any:
        """Start its stream, conflated only where that is possible, and return the subscription."""
        options["conflate"] = conflate and self.kind.conflates
        return self.kind.subscribe(client, self.argument, options)


def find(venue: str, text: str) -> Topic:
    """Return the topic that `text` writes; raise `click.UsageError` where it writes none."""
    kinds = TOPICS.get(venue, ())
    if not kinds:
        raise click.UsageError(f"{venue} has no streams: venuesdk call {venue} asks it")
    if venue == "timex" and text.startswith("/"):
        return Topic(text, PATTERN, text)
    name, colon, argument = text.partition(":")
    for kind in kinds:
        if kind.name != name:
            continue
        if kind.argument and not argument:
            raise click.UsageError(f"{name} needs {kind.argument}: {kind.example}")
        if colon and not kind.argument:
            raise click.UsageError(f"{name} takes nothing behind it")
        return Topic(text, kind, argument)
    there_are = ", ".join(kind.form for kind in kinds)
    raise click.UsageError(f"{venue} has no topic {text!r}; there are {there_are}")


def find_all(venue: str, texts: tuple[str, ...]) -> list[Topic]:
    """Return the topics, each once; raise as `find` does."""
    return [find(venue, text) for text in dict.fromkeys(texts)]


def complete(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Return what a shell may complete to: whole examples, which can be edited."""
    kinds = TOPICS.get(context.params.get("venue", ""), ())
    return [kind.example for kind in kinds if kind.example.startswith(incomplete)]


@click.command()
@click.argument("venue", type=click.Choice(VENUES), required=False)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def command(venue: str | None, as_json: bool) -> None:
    """List the topics of VENUE, or of all, each with an example that works with --sim."""
    for name in [venue] if venue else VENUES:
        kinds = TOPICS.get(name, ())
        if as_json:
            write_json(*({"venue": name, **_described(kind)} for kind in kinds))
            continue
        click.echo(name)
        for kind in kinds:
            click.echo(f"  {kind.form:<32} {kind.what}\n  {'':<32} {kind.example}")
        if not kinds:
            click.echo("  no streams")


def _described(kind: TopicKind) -> dict[str, Any]:
    return {"topic": kind.form, "what": kind.what, "example": kind.example}


# ---- how each is subscribed ----------------------------------------------------------------------


def _onyx_tickers(client: Any, argument: str, options: dict[str, Any]) -> Any:
    return client.subscribe_tickers(products=argument.split(","), **options)


def _onyx_groups(client: Any, argument: str, options: dict[str, Any]) -> Any:
    return client.subscribe_tickers(product_groups=argument.split(","), **options)


def _timex_trades(client: Any, argument: str, options: dict[str, Any]) -> Any:
    base, slash, quote = argument.partition("/")
    if not slash:
        raise click.UsageError(f"trades need two tokens, as in BTC/USDT, not {argument!r}")
    return client.subscribe_trades(base, quote, **options)


def _fuze_quotes(client: Any, argument: str, options: dict[str, Any]) -> Any:
    symbol, _, kind = argument.partition(",")
    return client.subscribe_quotes(symbol, **({"type": kind} if kind else {}), **options)


def _method(name: str) -> Subscribe:
    """Subscribe by a method of the client, with the argument where there is one."""

    def subscribe(client: Any, argument: str, options: dict[str, Any]) -> Any:
        return getattr(client, name)(*([argument] if argument else []), **options)

    return subscribe


def _loopring(name: str, **settings: Any) -> Subscribe:
    """Subscribe to a topic of Loopring, by the name of its class."""

    def subscribe(client: Any, argument: str, options: dict[str, Any]) -> Any:
        from ..venues import loopring

        parts = argument.split(",") if argument else []
        try:
            topic = getattr(loopring, name)(*parts, **settings)
        except TypeError:
            raise click.UsageError(f"{argument!r} is not what this topic takes") from None
        (subscription,) = client.subscribe(topic, **options)
        return subscription

    return subscribe


PATTERN: Final = TopicKind(
    "/…", "", "/orderbook.raw/ETHAUDT", "A pattern of TimeX, word for word", _method("subscribe")
)

TOPICS: Final[Mapping[str, tuple[TopicKind, ...]]] = {
    "fuze": (
        TopicKind(
            "quotes", "SYMBOL[,TYPE]", "quotes:BTC_USD", "Two-sided prices", _fuze_quotes
        ),
        TopicKind(
            "market_data", "", "market_data", "Every asset", _method("subscribe_market_data")
        ),
    ),
    "loopring": (
        TopicKind("ticker", "MARKET", "ticker:LRC-ETH", "The last day", _loopring("Ticker")),
        TopicKind(
            "book", "MARKET", "book:LRC-ETH", "The whole book, with every change",
            _loopring("OrderBook", count=20, snapshot=True),
        ),
        TopicKind(
            "trades", "MARKET", "trades:LRC-ETH", "Trades", _loopring("Trades"), conflates=False
        ),
        TopicKind(
            "candlesticks", "MARKET,INTERVAL", "candlesticks:LRC-ETH,1min",
            "Candles: 1min 5min 15min 30min 1hr 2hr 4hr 12hr 1d 1w", _loopring("Candlesticks"),
        ),
        TopicKind(
            "pool", "ADDRESS", "pool:0x18920d6e6fb7ebe057a4dd9260d6d95845c95036",
            "The amounts in a pool", _loopring("AmmPool"),
        ),
        TopicKind("blocks", "", "blocks", "New blocks", _loopring("Blocks"), conflates=False),
        TopicKind(
            "account", "", "account", "Balances; needs the api_key", _loopring("Account")
        ),
        TopicKind(
            "orders", "MARKET", "orders:LRC-ETH", "Orders; needs the api_key", _loopring("Orders")
        ),
    ),
    "onyx": (
        TopicKind(
            "tickers", "PRODUCT[,PRODUCT…]", "tickers:dub", "Contracts of products", _onyx_tickers
        ),
        TopicKind(
            "groups", "GROUP[,GROUP…]", "groups:crude", "Contracts of product groups", _onyx_groups
        ),
        TopicKind(
            "server_info", "", "server_info", "About this connection",
            _method("subscribe_server_info"),
        ),
        TopicKind(
            "dashboards", "", "dashboards", "All dashboards first, then each change",
            _method("subscribe_dashboards"), conflates=False,
        ),
        TopicKind(
            "channel", "NAME", "channel:snapshots", "Any channel, by its name",
            _method("subscribe"), conflates=False,
        ),
    ),
    "timex": (
        TopicKind(
            "grouped_book", "MARKET", "grouped_book:ETHAUDT", "The book, price by price",
            _method("subscribe_grouped_order_book"),
        ),
        TopicKind(
            "raw_book", "MARKET", "raw_book:ETHAUDT", "The book, order by order",
            _method("subscribe_raw_order_book"),
        ),
        TopicKind("trades", "BASE/QUOTE", "trades:ETH/AUDT", "Trades", _timex_trades),
        TopicKind(
            "account", "ADDRESS", "account:0xb18e6e42cd252b78731f4eec48a7d1cf6a0b3849",
            "Orders and balances of an account; needs the key", _method("subscribe_account"),
            conflates=False,
        ),
        PATTERN,
    ),
}  # fmt: skip
"""The kinds of topics by venue; a venue that is not here has no streams."""
