"""The simulated venue as a test sees it, and what it promises the authors of venues."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from venuesdk.testing.server import SimulatedVenue, simulate, venues


def _threads() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("venuesdk-sim-")]


def _post(url: str, body: bytes) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, body), timeout=5.0) as response:
        return json.loads(response.read())


def test_the_urls_are_loopback_with_the_path_of_the_venue(echo: Any) -> None:
    """The URL has the venue's own path, and the HTTP side is a base without a slash."""
    assert echo.url == f"ws://127.0.0.1:{echo.port}/echo"
    assert echo.http_url.startswith("http://127.0.0.1:")
    assert not echo.http_url.endswith("/")


def test_a_venue_without_an_http_side_has_no_http_url() -> None:
    """Where the venue documents no HTTP, there is none."""
    with simulate("onyx", interval=None) as venue:
        assert venue.http_url is None


@pytest.mark.parametrize(
    ("name", "address"),
    [(name, "url") for name in venues()] + [("infinex", "http_url"), ("loopring", "http_url")],
)
def test_a_venue_has_no_address_before_it_is_started(name: str, address: str) -> None:
    """A port that the system has yet to choose is not handed out as 0; a closed venue keeps it."""
    venue = simulate(name, interval=None)
    with pytest.raises(RuntimeError, match=f"'{name}' has no address yet: start"):
        getattr(venue, address)
    with venue:
        started = getattr(venue, address)
        assert "//127.0.0.1:" in started
        assert ":0" not in started
    assert getattr(venue, address) == started


def test_what_was_received_is_kept_in_order_and_given_as_a_copy(echo: Any, dial: Any) -> None:
    """Every text frame is there with its connection's number; the list is the caller's own."""
    first, second = dial(echo.url), dial(echo.url)
    first.ask("a")
    second.ask("b")
    first.ask("c")
    assert echo.received == [(1, "a"), (2, "b"), (1, "c")]
    echo.received.clear()
    assert len(echo.received) == 3


@pytest.mark.usefixtures("no_system_proxy")
def test_http_requests_are_kept_and_answered(echo: Any) -> None:
    """A request is there with method, path, headers and body."""
    assert _post(f"{echo.http_url}/some/path?x=1", b"body") == {
        "path": "/some/path?x=1",
        "body": "body",
    }
    (request,) = echo.http_received
    method, path, headers, body = request
    assert (method, path, body) == ("POST", "/some/path?x=1", b"body")
    assert headers["content-length"] == "4"


def test_waiting_ends_as_soon_as_something_happened(echo: Any, dial: Any) -> None:
    """The predicate is asked again when a frame comes; no answer in time is False."""
    peer = dial(echo.url)
    threading.Thread(target=peer.tell, args=("now",)).start()
    assert echo.wait_for(lambda venue: (1, "now") in venue.received) is True
    assert echo.wait_for(lambda venue: venue.accepted > 1, timeout=0.05) is False


def test_a_client_that_leaves_is_forgotten(echo: Any, dial: Any) -> None:
    """The count of connections falls when a client closes, and waiting sees it."""
    peer = dial(echo.url)
    assert echo.connections == 1
    peer.socket.close()
    assert echo.wait_for(lambda venue: venue.connections == 0 and venue.ended == [1])
    assert echo.accepted == 1


def test_a_connection_counts_before_its_client_knows_it(echo: Any, dial: Any) -> None:
    """Whoever has connected finds itself counted, at once."""
    for number in range(1, 20):
        dial(echo.url)
        assert echo.accepted == number


def test_a_tick_moves_the_market_and_tells_the_subscribers(echo: Any, dial: Any) -> None:
    """Each of the steps reaches who subscribed, and nobody else."""
    subscriber, other = dial(echo.url), dial(echo.url)
    subscriber.ask("count")
    echo.tick(3)
    assert [subscriber.hear()["count"] for _ in range(3)] == [1, 2, 3]
    assert other.ask("only answers") == {"echo": "only answers"}


def test_the_ticker_ticks_by_itself(make_echo: Any, dial: Any) -> None:
    """With an interval the market moves without being told."""
    peer = dial(make_echo(interval=0.01).url)
    peer.ask("count")
    first = peer.hear()["count"]
    assert [peer.hear()["count"] for _ in range(2)] == [first + 1, first + 2]


def test_there_is_no_clock_thread_without_an_interval(echo: Any, dial: Any) -> None:
    """A venue that is told when to tick, and delays nothing, needs no thread for it."""
    dial(echo.url).ask("hello")
    assert "venuesdk-sim-echo-clock" not in _threads()
    assert "venuesdk-sim-echo-accept" in _threads()


def test_every_thread_is_a_daemon(make_echo: Any, dial: Any) -> None:
    """A program that forgets to close a venue still ends."""
    dial(make_echo(interval=0.01).url).ask("count")
    ours = [one for one in threading.enumerate() if one.name.startswith("venuesdk-sim-")]
    assert len(ours) >= 4
    assert all(one.daemon for one in ours)


def test_starting_and_closing_twice_is_once(make_echo: Any, dial: Any) -> None:
    """Both are idempotent, and a closed venue stays closed."""
    venue = make_echo(interval=0.01)
    url = venue.url
    venue.start()
    assert venue.url == url
    assert dial(url).ask("up") == {"echo": "up"}
    venue.close()
    venue.close()
    venue.start()
    assert _threads() == []
    with pytest.raises(OSError):
        dial(url)


def test_a_venue_that_never_started_can_be_closed() -> None:
    """Nothing is open before the start, so nothing is to be closed."""
    venue = simulate("onyx")
    venue.close()
    assert venue.connections == 0


def test_a_wrong_path_is_refused(echo: Any, dial: Any) -> None:
    """A client that uses another path than the venue's is told so in the handshake."""
    with pytest.raises(Exception, match="404"):
        dial(echo.url + "x")
    assert echo.accepted == 0


def test_the_options_reach_the_venue() -> None:
    """The clock, the host and the port may be chosen."""
    with simulate("onyx", interval=None, clock=lambda: 12.5, host="localhost") as venue:
        assert venue.clock() == 12.5
        assert venue.url.startswith("ws://localhost:")
        port = venue.port
    with simulate("onyx", interval=None, port=port) as venue:
        assert venue.port == port


def test_a_venue_has_to_say_what_it_answers() -> None:
    """The base answers nothing by itself."""
    bare = SimulatedVenue()
    with pytest.raises(NotImplementedError):
        bare.on_text(None, "x")  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError):
        bare.on_http(None)  # type: ignore[arg-type]
    assert list(bare.events_for(None)) == []  # type: ignore[arg-type]


STORIES: dict[str, list[dict[str, Any]]] = {
    "onyx": [
        {"id": "1", "method": "auth", "token": "canary"},
        {"id": "2", "method": "subscribe", "channel": {"tickers": {"products": ["brt"]}}},
        {"id": "3", "method": "subscribe", "channel": "dashboards"},
    ],
    "infinex": [
        {"op": "req", "url": "/spot/orderbook", "post": {"pair": "BPX/USDT"}, "id": number}
        for number in range(1, 4)
    ],
}


@pytest.mark.parametrize("name", sorted(STORIES))
def test_the_same_seed_tells_the_same_story(name: str, dial: Any) -> None:
    """Same seed, same requests, same ticks: same frames; another seed sends others."""
    credentials = {"onyx": {"token": "canary"}}.get(name, {})

    def story(seed: int) -> list[str]:
        options = {"seed": seed, "interval": None, "clock": lambda: 1_700_000_000.0}
        with simulate(name, **options, **credentials) as venue:
            peer = dial(venue.url)
            told = []
            for request in STORIES[name]:
                peer.tell(request)
                told.append(peer.hear_text())
                # Events of what was subscribed before come first; the answer has an id.
                while "id" not in json.loads(told[-1]):
                    told.append(peer.hear_text())
                venue.tick(2)
            return told + [peer.hear_text() for _ in range(5 if name == "onyx" else 0)]

    assert story(1) == story(1)
    assert story(1) != story(2)


@pytest.mark.parametrize("name", venues())
def test_every_venue_closes_quickly_with_its_clients_connected(name: str, dial: Any) -> None:
    """A venue ends in less than two seconds, and leaves no thread."""
    with simulate(name) as venue:
        # Loopring wants a key that this client has not got, and refuses the handshake.
        with suppress(InvalidStatus):
            dial(venue.url)
        began = time.monotonic()
    assert time.monotonic() - began < 2.0
    assert _threads() == []
