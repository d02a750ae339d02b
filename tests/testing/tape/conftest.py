"""One program for each venue, which is recorded against its simulator and played again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from venuesdk.client import Client, clients
from venuesdk.errors import RequestRejected
from venuesdk.testing import SimulatedVenue, simulate
from venuesdk.testing.tape import Recorder, Tape, read_tape
from venuesdk.timing import Backoff
from venuesdk.venues import load, names

PATIENCE = 5.0

for _name in names():
    load(_name)


def onyx(client: Any) -> list[Any]:
    """Tickers, then server info, then a request that is refused or answered."""
    events = list(islice(client.subscribe_tickers(products=["ebob"]), 3))
    return [*events, *islice(client.subscribe_server_info(), 2)]


def timex(client: Any) -> list[Any]:
    """A book, another one, and a request."""
    book = list(islice(client.subscribe_raw_order_book("ETHAUDT"), 3))
    other = list(islice(client.subscribe_raw_order_book("TIMEETH"), 2))
    return [*book, *other, client.raw_order_book("ETHAUDT")]


def loopring(client: Any) -> list[Any]:
    """A book, and the candlesticks of another stream."""
    depth = {"topic": "orderbook", "market": "LRC-ETH", "level": 0, "count": 5, "snapshot": True}
    (book,) = client.subscribe(depth)
    (ticker,) = client.subscribe({"topic": "ticker", "market": "LRC-ETH"})
    return [*islice(book, 3), *islice(ticker, 1)]


def fuze(client: Any) -> list[Any]:
    """Quotes of two symbols."""
    first = list(islice(client.subscribe_quotes("BTC_USD"), 3))
    return [*first, *islice(client.subscribe_quotes("ETH_USD"), 2)]


def infinex(client: Any) -> list[Any]:
    """Requests over the socket."""
    client.ping()
    return [*client.networks("USDT"), client.request("/spot/open_orders", {"offset": 0})]


PROGRAMS: dict[str, Callable[[Any], list[Any]]] = {
    "fuze": fuze, "infinex": infinex, "loopring": loopring, "onyx": onyx, "timex": timex,
}  # fmt: skip


class Stage:
    """Simulators, clients and tapes of one test; they end with it."""

    def __init__(self, stack: ExitStack, folder: Path, canaries: Any) -> None:
        self._stack = stack
        self._folder = folder
        self._canaries = canaries
        self._tapes = 0

    def venue(self, name: str, **options: Any) -> Any:
        """Start a simulator whose credentials are canaries."""
        secrets = dict.fromkeys(simulate(name).credentials)
        known = {key: getattr(self._canaries, key) for key in secrets}
        return self._stack.enter_context(simulate(name, **{"interval": 0.01, **known, **options}))

    def client(self, venue: SimulatedVenue, **options: Any) -> Any:
        """Return a client of a venue, or of a served tape; not connected, closed with the test."""
        places = {"url": venue.url, **({"http_url": venue.http_url} if venue.http_url else {})}
        kind: Any = clients()[venue.name]
        secrets = venue.credentials or {
            key: getattr(self._canaries, key) for key in kind.credentials
        }
        fast = Backoff(initial=0.01, maximum=0.05)
        defaults = {"timeout": PATIENCE, "reconnect": fast, **places, **secrets}
        client: Client = kind(**{**defaults, **options})
        self._stack.callback(client.close)
        return client

    def path(self, suffix: str = ".tape.zst") -> Path:
        """Return a name for a further tape."""
        self._tapes += 1
        return self._folder / f"{self._tapes}{suffix}"

    def record(
        self,
        name: str,
        program: Callable[[Any], Any] | None = None,
        suffix: str = ".tape.zst",
        **options: Any,
    ) -> tuple[Tape, Any]:
        """Run a program against a venue's simulator; return its tape, and what it returned.

        `options` are the client's.
        """
        path = self.path(suffix)
        client = self.client(self.venue(name), **options)
        with Recorder(client, path), client:
            result = (program or PROGRAMS[name])(client)
        return read_tape(path), result

    @staticmethod
    def ask_over_http(client: Any) -> tuple[Any, str]:
        """Ask Infinex what it answers, and what it refuses; return both."""
        with pytest.raises(RequestRejected) as refused:
            client.request("/wallet/networks", {})
        return client.networks("USDT"), str(refused.value)


@pytest.fixture
def stage(tmp_path: Path, canaries: Any) -> Iterator[Stage]:
    """Return what makes simulators, clients and tapes."""
    with ExitStack() as stack:
        yield Stage(stack, tmp_path, canaries)


@pytest.fixture(params=sorted(PROGRAMS))
def venue(request: pytest.FixtureRequest) -> str:
    """Return the name of each venue in turn."""
    return str(request.param)


@pytest.fixture
def program(venue: str) -> Callable[[Any], list[Any]]:
    """Return the program of the venue."""
    return PROGRAMS[venue]
