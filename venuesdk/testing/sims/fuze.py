"""Fuze, simulated: JSON-RPC 2.0 over a WebSocket, with its login and its two streams.

Requests are judged and answered as a server of npm `rpc-websockets` was seen to do, which the
venue's documents point to; the streams' frames are the documents'. "Inferred" and "invented"
mark the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from attrs import Factory, define

from venuesdk.testing.market import Instrument, Market
from venuesdk.testing.server import Connection, Refusal, SimulatedVenue
from venuesdk.testing.sims.fuze_rpc import NOTHING, SILENCE, error, is_false, number, result

__all__ = ["SimulatedFuze"]

METHODS = ("__listMethods", "rpc.login", "quote_request", "market_data_request")
PROTECTED = ("quote_request", "market_data_request")
EVENT = "quotes"  # the venue's documents name no event (invented)
ACKNOWLEDGEMENTS = ("true", "nothing", "quote", "silent")
STREAM_FORMS = ("response", "notification")

# Prices are invented.
SYMBOLS = {
    "BTC_USD": Instrument(Decimal("42110.50"), Decimal("0.25")),
    "ETH_USD": Instrument(Decimal("2280.10"), Decimal("0.05")),
    "USDC_USD": Instrument(Decimal("1.0002"), Decimal("0.0001")),
}
NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum", "USDC": "USD Coin"}

Done = Callable[["dict[str, Any] | None"], None]
Message = dict[str, Any]


@define
class _Memory:
    """What the venue knows of one connection."""

    authenticated: bool = False
    symbols: list[str] = Factory(list)
    market_data: bool = False
    events: list[str] = Factory(list)


class SimulatedFuze(SimulatedVenue):
    """Fuze on loopback.

    Options: `api_key`, `api_secret`; `login_delay`, the seconds that a login takes;
    `acknowledge`, how a stream's request is answered: "true" (`{"result": true}`), "nothing"
    (neither result nor error), "quote" (the first quote as the result), "silent" (no answer but
    the stream); `stream_form`, "response" (the document's frames) or "notification" (the
    library's); `require_user_agent`, whether a handshake without one is refused with 403.
    """

    name = "fuze"
    path = "/"

    def __init__(
        self,
        *,
        api_key: str = "simulated-fuze-key",
        api_secret: str = "simulated-fuze-secret",
        login_delay: float = 0.01,
        acknowledge: str = "true",
        stream_form: str = "response",
        require_user_agent: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if acknowledge not in ACKNOWLEDGEMENTS:
            raise ValueError(f"acknowledge is one of {ACKNOWLEDGEMENTS}, not {acknowledge!r}")
        if stream_form not in STREAM_FORMS:
            raise ValueError(f"stream_form is one of {STREAM_FORMS}, not {stream_form!r}")
        self.api_key = api_key
        self.api_secret = api_secret
        self.credentials = {"api_key": api_key, "api_secret": api_secret}
        self.login_delay = login_delay
        self.acknowledge = acknowledge
        self.stream_form = stream_form
        self.require_user_agent = require_user_agent
        self.market = Market(f"{self.seed}/fuze", SYMBOLS)
        self._first = {symbol: self._middle(symbol) for symbol in SYMBOLS}

    def admit(self, connection: Connection) -> Refusal | None:
        """Take every path, each a namespace of its own; want a User-Agent (inferred)."""
        if self.require_user_agent and not connection.headers.get("user-agent"):
            return Refusal(403, "forbidden\n")
        return None

    def opened(self, connection: Connection) -> None:
        """Begin without a login."""
        connection.memory = _Memory()

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer one request, or a batch in its own order."""
        try:
            message = json.loads(text, parse_int=number)
        except (ValueError, ArithmeticError, RecursionError) as exc:
            # The text after the colon differs between versions of Node.
            connection.respond(error(-32700, None, f"SyntaxError: {exc}"))
            return
        if not isinstance(message, list):
            self._run(connection, message, lambda reply: _send(connection, reply))
        elif not message:
            connection.respond(error(-32600, None, "Invalid array"))
        else:
            self._run_batch(connection, message, [])

    def step(self) -> None:
        """Move the prices."""
        self.market.step()

    def events_for(self, connection: Connection) -> Iterable[object]:
        """Return one frame per stream, and the event to those who asked for it."""
        memory: _Memory = connection.memory
        for symbol in memory.symbols:
            yield self._frame("quote_request", self._quote(symbol))
        if memory.market_data:
            yield self._frame("market_data_request", self._market_data())
        if EVENT in memory.events:
            yield {"notification": EVENT, "params": self._quote("BTC_USD")["data"]}

    # -- one request

    def _run_batch(
        self, connection: Connection, messages: list[Any], replies: list[Message]
    ) -> None:
        """Run the members one after the other, and answer all of them in one array."""
        if not messages:
            if replies:
                connection.respond(replies)
            return

        def proceed(reply: Message | None) -> None:
            more = [reply] if reply else []
            self._run_batch(connection, messages[1:], replies + more)

        self._run(connection, messages[0], proceed)

    def _run(self, connection: Connection, message: Any, done: Done) -> None:
        """Judge a request in the order in which the library does, then call its method."""
        if not isinstance(message, dict):
            return done(error(-32600, None))
        identifier = None if is_false(message.get("id")) else message["id"]
        method, params = message.get("method"), message.get("params")
        if message.get("jsonrpc") != "2.0":
            return done(error(-32600, identifier, "Invalid JSON RPC version"))
        if is_false(method):
            return done(error(-32602, identifier, "Method not specified"))
        if not isinstance(method, str):
            return done(error(-32600, identifier, "Invalid method name"))
        if isinstance(params, str) and params:
            return done(error(-32600, identifier))
        if method in ("rpc.on", "rpc.off"):
            return done(self._events(connection, method, params, identifier))
        if method == "rpc.login" and is_false(params):
            return done(error(-32604, identifier))
        if connection.path != "/" or method not in METHODS:
            return done(error(-32601, identifier))
        if method in PROTECTED and not connection.memory.authenticated:
            return done(error(-32605, identifier))
        if method == "rpc.login":
            self.later(
                self.login_delay, lambda: self._login(connection, params, identifier, done)
            )
            return None
        return self._call(connection, method, params, identifier, done)

    def _login(self, connection: Connection, params: Any, identifier: Any, done: Done) -> None:
        good = (
            not self.login_refused
            and isinstance(params, dict)
            and params.get("apiKey") == self.api_key
            and params.get("apiSecret") == self.api_secret
        )
        if identifier is None:
            return done(None)  # not answered, and the connection stays without a login
        # A bad login after a good one leaves the connection logged in.
        connection.memory.authenticated = connection.memory.authenticated or good
        return done(result(good, identifier))

    def _call(
        self, connection: Connection, method: str, params: Any, identifier: Any, done: Done
    ) -> None:
        if method == "__listMethods":
            return done(result(list(METHODS), identifier))
        memory: _Memory = connection.memory
        if method == "market_data_request":
            memory.market_data = True
            envelope = self._market_data()
        else:
            envelope = self._begin_quotes(memory, params)
        answers = {"true": True, "nothing": NOTHING, "quote": envelope, "silent": SILENCE}
        answer = answers[self.acknowledge]
        done(result(answer, identifier))
        # That the first frame comes at once is invented; no document gives a rhythm.
        connection.event(self._frame(method, envelope))
        return None

    def _begin_quotes(self, memory: _Memory, params: Any) -> Message:
        """Begin a stream; returns its first envelope, an error where there is no such symbol."""
        symbol = params.get("symbol") if isinstance(params, dict) else None
        if not isinstance(symbol, str) or symbol not in self.market:
            # Inferred from the envelope of the venue's REST answers; the text is invented.
            return {"code": 400, "data": None, "error": "Invalid symbol"}
        if params.get("type") != "RFQ":
            return {"code": 400, "data": None, "error": "Invalid type"}
        if symbol not in memory.symbols:
            memory.symbols.append(symbol)
        return self._quote(symbol)

    def _events(
        self, connection: Connection, method: str, params: Any, identifier: Any
    ) -> Message:
        """Answer `rpc.on` and `rpc.off`, whose failures are results."""
        events = connection.memory.events
        if is_false(params) or not isinstance(params, list):
            return error(-32000, identifier)
        results: dict[str, str] = {}
        for name in map(str, params):
            if name != EVENT or connection.path != "/":
                results[name] = "provided event invalid"
            elif method == "rpc.off":
                results[name] = "ok" if name in events else "not subscribed"
                events[:] = [kept for kept in events if kept != name]
            elif not connection.memory.authenticated:
                return error(-32606, identifier)
            elif name in events:
                results[name] = "socket has already been subscribed to event"
            else:
                events.append(name)
                results[name] = "ok"
        return {"jsonrpc": "2.0", "result": results, "id": identifier}

    # -- streams

    def _frame(self, method: str, envelope: Message) -> Message:
        if self.stream_form == "notification":
            return {"notification": method, "params": envelope}
        return {"method": method, "response": envelope}

    def _quote(self, symbol: str) -> Message:
        # Prices are JSON floats with as many digits as they happen to have.
        quote = self.market[symbol].quote()
        buy, sell = float(quote.bid.price) * 0.9999871, float(quote.ask.price) * 1.0000117
        return {
            "code": 200,
            "data": {"symbol": symbol, "buyPrice": buy, "sellPrice": sell},
            "error": None,
        }

    def _market_data(self) -> Message:
        rows = [self._asset(symbol) for symbol in self.market.symbols]
        data = {"timestamp": int(self.clock() * 1000), "data": rows}
        return {"code": 200, "data": data, "error": None}

    def _asset(self, symbol: str) -> Message:
        asset = symbol.partition("_")[0]
        candle, price = self.market[symbol].candle, self._middle(symbol)
        moved = round((price / self._first[symbol] - 1) * 100, 4)
        rare = asset == "BTC"
        policies = {
            "NAME": NAMES[asset],
            "ICON": f"https://icons.invalid/{asset.lower()}.svg",
            "ASSET_ENABLE": True,
            "QUOTE_LIMIT": 2000000,
            "LOCAL_CURRENCY": "USD",
            "HIGH_24HR": float(candle.high),
            "LOW_24HR": float(candle.low),
            "PRICE_CHANGE_PERCENT_24H": moved,
            # Any policy may be null; in the document's sample it is this one, of this asset.
            "PRICE_CHANGE_PERCENT_1H": None if asset == "USDC" else moved,
            "PRICE_CHANGE_PERCENT_7D": 5.01,
            "PRICE_CHANGE_PERCENT_30D": -7.23,
            "PRICE_CHANGE_PERCENT_1Y": 82.59,
            "CURRENT_PRICE": price,
            "MAX_SUPPLY": 21000000 if rare else None,
            "CIRCULATING_SUPPLY": 19614893,
            "ATH": float(candle.high) * 1.64,
            "ATH_DATE": "2021",
            "ATL": 632.31 if rare else 0.43,
            "ATL_DATE": "2015",
            "MARKET_CAP": int(price * 19614893),
        }
        return {"asset": asset, "policies": policies}

    def _middle(self, symbol: str) -> float:
        return float(self.market[symbol].quote().mid)


def _send(connection: Connection, reply: Message | None) -> None:
    if reply is not None:
        connection.respond(reply)
