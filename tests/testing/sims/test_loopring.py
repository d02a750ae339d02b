"""The simulated Loopring, spoken to with the frames of the Loopring documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from venuesdk.testing import simulate

BOOK = {"topic": "orderbook", "market": "LRC-ETH", "level": 0}
TRADE = {"topic": "trade", "market": "LRC-ETH"}
ORDER = {"topic": "order", "market": "LRC-ETH"}
POOL = {
    "topic": "ammpool",
    "poolAddress": "0x18920d6E6Fb7EbE057a4DD9260D6D95845c95036",
    "snapshot": True,
}


class Peer:
    """A client that knows nothing but JSON and text."""

    def __init__(self, socket: Any, api_key: str) -> None:
        self.socket = socket
        self.api_key = api_key

    def receive(self) -> Any:
        return json.loads(self.socket.recv(5))

    def text(self) -> str:
        return str(self.socket.recv(5))

    def ask(self, op: str, *topics: object, **fields: object) -> Any:
        request = {"op": op, "sequence": 10000, "topics": list(topics)} | fields
        self.socket.send(json.dumps(request))
        return self.receive()

    def sub(self, *topics: object, **fields: object) -> None:
        answer = self.ask("sub", *topics, **fields)
        assert answer["result"] == {"status": "ok"}, answer

    def unsub(self, *topics: object, **fields: object) -> None:
        answer = self.ask("unSub", *topics, **fields)
        assert answer["result"] == {"status": "ok"}, answer

    def refused(self, op: str, *topics: object, **fields: object) -> tuple[int, str]:
        """Return code and message of a refusal whose reply repeats the request."""
        answer = self.ask(op, *topics, **fields)
        assert answer["topics"] == list(topics)
        assert answer["sequence"] == 10000
        result = answer["result"]
        assert result.keys() == {"status", "error"}
        assert result["status"] == "failed"
        return result["error"]["code"], result["error"]["message"]

    def hung_up(self) -> bool:
        """Wait for the end, which no text may precede."""
        with pytest.raises(ConnectionClosed):
            self.text()
        return True


def fetch(url: str) -> Any:
    """GET JSON, past any proxy of the environment."""
    with build_opener(ProxyHandler({})).open(url, timeout=5) as response:
        return json.load(response)


@contextmanager
def peer_of(venue: Any) -> Iterator[Peer]:
    """Fetch a key, and connect with it."""
    key = fetch(f"{venue.http_url}/v3/ws/key")["key"]
    with connect(f"{venue.url}?wsApiKey={key}", proxy=None) as socket:
        yield Peer(socket, venue.api_key)


@contextmanager
def loopring(**options: Any) -> Iterator[tuple[Any, Peer]]:
    """Start a venue whose market stands still, with one peer."""
    with simulate("loopring", interval=None, **options) as venue, peer_of(venue) as peer:
        yield venue, peer


# ---- the connection key


def refused_status(url: str) -> int:
    """Return the HTTP status with which a connection is refused."""
    with pytest.raises(InvalidStatus) as caught:
        connect(url, proxy=None)
    return int(caught.value.response.status_code)


def test_a_key_is_good_for_one_connection() -> None:
    """The v3 address wants a key that was issued and never used."""
    with simulate("loopring", interval=None) as venue:
        assert venue.url.endswith("/v3/ws")
        answer = fetch(f"{venue.http_url}/v3/ws/key")
        assert list(answer) == ["key"]
        url = f"{venue.url}?wsApiKey={answer['key']}"
        with connect(url, proxy=None):
            assert venue.accepted == 1
        assert refused_status(url) == 401
        assert refused_status(venue.url) == 401
        assert refused_status(f"{venue.url}/elsewhere") == 404
        assert refused_status(f"{venue.url}?wsApiKey=fx2xW5hoVFbcaanWS") == 401
        assert venue.accepted == 1


def test_the_v2_key_comes_in_its_own_form() -> None:
    """`/v2/ws/key` has the key in `data`, and v3 takes it too."""
    with simulate("loopring", interval=None) as venue:
        answer = fetch(f"{venue.http_url}/v2/ws/key")
        assert answer["resultInfo"] == {"code": 0}
        with connect(f"{venue.url}?wsApiKey={answer['data']}", proxy=None):
            assert venue.accepted == 1


def test_the_v2_address_needs_no_key() -> None:
    """The oldest document's address takes whoever comes, unless told otherwise."""
    with simulate("loopring", interval=None) as venue, connect(venue.v2_url, proxy=None) as socket:
        Peer(socket, venue.api_key).sub(TRADE)
    with simulate("loopring", interval=None, v2_needs_key=True) as venue:
        assert refused_status(venue.v2_url) == 401


def test_keys_can_be_refused() -> None:
    """`refuse_login` answers with an error in either form, and with 104112 to any apiKey."""
    with simulate("loopring", interval=None, key_error="code") as venue:
        venue.refuse_login()
        with pytest.raises(HTTPError) as caught:
            fetch(f"{venue.http_url}/v3/ws/key")
        with caught.value as error:
            assert json.load(error) == {"code": 100206, "msg": "Invalid signature."}
    with loopring() as (venue, peer):
        venue.refuse_login()
        answer = fetch(f"{venue.http_url}/v3/ws/key")
        assert answer == {"resultInfo": {"code": 100206, "message": "Invalid signature."}}
        assert peer.refused("sub", ORDER, apiKey=peer.api_key) == (104112, "Invalid ApiKey")


def test_the_depth_of_a_market_can_be_fetched() -> None:
    """The HTTP side shows the book whose version the pushes go on from."""
    with loopring() as (venue, peer):
        url = f"{venue.http_url}/api/v3/depth?market=LRC-ETH&level=0&limit=5"
        peer.sub(BOOK)
        depth = fetch(url)
        assert depth["market"] == "LRC-ETH"
        assert len(depth["bids"]) == len(depth["asks"]) == 5
        venue.tick()
        assert peer.receive()["startVersion"] == depth["version"] + 1
        for bad, code in (("market=LRC-XXX", 108000), ("market=LRC-ETH&level=x", 108001)):
            with pytest.raises(HTTPError) as caught:
                fetch(f"{venue.http_url}/api/v3/depth?{bad}")
            with caught.value as error:
                assert json.load(error)["code"] == code
        with pytest.raises(HTTPError, match="404") as caught:
            fetch(f"{venue.http_url}/nosuch")
        caught.value.close()


# ---- the heartbeat


def test_pings_are_text_and_pongs_are_counted() -> None:
    """A ping is the text `ping`; with one pong for each the connection lives on."""
    with loopring() as (venue, peer):
        for _ in range(3):
            venue.send_ping()
            assert peer.text() == "ping"
            peer.socket.send("pong")
        venue.send_ping()
        venue.send_ping()
        for _ in range(2):
            assert peer.text() == "ping"
            peer.socket.send("pong")
        peer.sub(TRADE)


def test_one_pong_too_many_ends_the_connection() -> None:
    """An unsolicited pong makes the venue hang up."""
    with loopring() as (venue, peer):
        venue.send_ping()
        assert peer.text() == "ping"
        peer.socket.send("pong")
        peer.socket.send("pong")
        assert peer.hung_up()


def test_pings_come_by_themselves_and_want_an_answer() -> None:
    """Every `ping_interval` comes a ping; the deadline runs from the first without a pong."""
    with loopring(ping_interval=0.02, pong_deadline=1.0) as (venue, peer):
        for _ in range(12):
            assert peer.text() == "ping"
            peer.socket.send("pong")
        assert venue.connections == 1
        texts = set()
        with pytest.raises(ConnectionClosed):
            while True:
                texts.add(peer.text())
        assert texts == {"ping"}
        assert venue.wait_for(lambda venue: venue.connections == 0)


# ---- replies


def test_a_subscription_is_answered_with_its_topics() -> None:
    """The reply repeats sequence and topics, and says ok."""
    with loopring() as (_, peer):
        topics = [{"topic": "account"}, ORDER, BOOK, BOOK | {"count": 20, "snapshot": True}]
        answer = peer.ask("sub", *topics, apiKey=peer.api_key, unsubscribeAll=True)
        assert answer == {
            "op": "sub",
            "sequence": 10000,
            "topics": topics,
            "result": {"status": "ok"},
        }


def test_a_reply_has_a_sequence_only_where_the_request_had_one() -> None:
    """`sequence` is echoed as it was sent, zero included, or left out."""
    with loopring() as (_, peer):
        assert peer.ask("sub", TRADE, sequence=0)["sequence"] == 0
        peer.socket.send(json.dumps({"op": "unSub", "topics": [TRADE]}))
        assert peer.receive() == {"op": "unSub", "topics": [TRADE], "result": {"status": "ok"}}


def test_replies_can_take_the_forms_of_the_oldest_document() -> None:
    """One topic under `topic`, `topic:` as its key, the states in capitals."""
    options = {"reply_key": "topic", "topic_key": "topic:", "status_case": "upper"}
    with loopring(**options) as (_, peer):
        renamed = {"topic:": "orderbook", "market": "LRC-ETH", "level": 0}
        assert peer.ask("sub", BOOK) == {
            "op": "sub",
            "sequence": 10000,
            "topic": renamed,
            "result": {"status": "OK"},
        }
        answer = peer.ask("unSub", TRADE)
        assert answer["topic"] == {"topic:": "trade", "market": "LRC-ETH"}
        assert answer["result"]["status"] == "FAILED"


def test_what_cannot_be_read_has_a_reply_of_its_own() -> None:
    """Without options it has no sequence; with them it is the oldest document's."""
    with loopring() as (_, peer):
        peer.socket.send("xxx")
        assert peer.receive() == {
            "op": "sub",
            "topics": [],
            "result": {
                "status": "failed",
                "error": {"code": 104115, "message": "unexpected msg:xxx"},
            },
        }
    with loopring(unparsed_op="", unparsed_sequence=True) as (_, peer):
        peer.socket.send('{"op": "sub", "sequence": 10000, "topics": [],}')
        answer = peer.receive()
        assert (answer["op"], answer["sequence"]) == ("", 10000)
        peer.socket.send("[" * 100_000)
        assert peer.receive()["result"]["error"]["code"] == 104115


def test_options_are_checked() -> None:
    """An unknown form is a ValueError before anything starts."""
    for option in ("reply_key", "status_case", "topic_key", "market_case", "unparsed_op"):
        with pytest.raises(ValueError, match=option):
            simulate("loopring", **{option: "nonsense"})
    with pytest.raises(ValueError, match="key_error"):
        simulate("loopring", key_error="nonsense")
    with pytest.raises(ValueError, match="trade_rows"):
        simulate("loopring", trade_rows="nonsense")


# ---- rejections


@pytest.mark.parametrize(
    ("topics", "code", "message"),
    [
        ([], 104100, "Topic missing"),
        ([{"topic": "nosuch"}], 104102, "Invalid topic"),
        ([{"topic": ["trade"]}], 104102, "Invalid topic"),
        ([{"topic": "depth", "market": "LRC-ETH", "count": 10}], 104102, "Invalid topic"),
        ([TRADE, TRADE], 104103, "Duplicate topic configs"),
        ([TRADE, {"topic": "trade", "market": "lrc-eth"}], 104103, "Duplicate topic configs"),
        ([ORDER], 104104, "Missing ApiKey"),
        ([TRADE, {"topic": "account"}], 104104, "Missing ApiKey"),
        (
            [{"topic": "candlestick", "market": "LRC-ETH", "count": 10}],
            104106,
            "receive illegal arg for candlestick:lrc-eth",
        ),
        (
            [{"topic": "candlestick", "market": "LRC-ETH", "interval": ["1min"]}],
            104106,
            "receive illegal arg for candlestick:lrc-eth",
        ),
        (
            [{"topic": "orderbook", "market": "LRC-ETH"}],
            104107,
            "receive illegal arg for orderbook:lrc-eth",
        ),
        (
            [BOOK | {"count": 51, "snapshot": True}],
            104107,
            "receive illegal arg for orderbook:lrc-eth",
        ),
        ([BOOK | {"level": True}], 104107, "receive illegal arg for orderbook:lrc-eth"),
        (
            [{"topic": "depth10", "market": "LRC-ETH"}],
            104108,
            "receive illegal arg for depth10:lrc-eth",
        ),
        (
            [{"topic": "trade", "market": "LRC-XXX"}],
            104109,
            "receive illegal arg for trade:lrc-xxx",
        ),
        ([{"topic": "order"}], 104110, "receive illegal arg for order:"),
        ([{"topic": "ticker"}], 104111, "receive illegal arg for ticker:"),
        (
            [POOL | {"snapshot": False}],
            102034,
            "receive illegal arg for ammpool:0x18920d6e6fb7ebe057a4dd9260d6d95845c95036",
        ),
        ([POOL | {"poolAddress": "0x1"}], 102034, "receive illegal arg for ammpool:0x1"),
        ([{"market": "LRC-ETH"}], 104115, "Invalid topic config"),
        (["trade"], 104115, "Invalid topic config"),
        (
            [{"topic": "blockgen", "verbose": "yes"}],
            104115,
            "receive illegal arg for blockgen:",
        ),
    ],
    ids=str,
)
def test_a_faulty_request_is_rejected(topics: list[Any], code: int, message: str) -> None:
    """Each fault has its documented code, for sub and, where it can occur there, for unSub."""
    with loopring() as (_, peer):
        assert peer.refused("sub", *topics) == (code, message)
        assert peer.refused("unSub", *topics) == (code, message)


@pytest.mark.parametrize("op", ["", "subscribe", None, 5])
def test_other_operations_are_rejected(op: Any) -> None:
    """Only sub and unSub are supported."""
    with loopring() as (_, peer):
        assert peer.refused(op, TRADE) == (104101, "Invalid op code")


def test_api_keys_are_judged() -> None:
    """Unknown keys, keys of nobody and a second key on one connection are told apart."""
    with loopring() as (venue, peer):
        assert peer.refused("sub", ORDER, apiKey="nonsense") == (104112, "Invalid ApiKey")
        assert peer.refused("sub", ORDER, apiKey=venue.orphan_api_key) == (
            104114,
            "Invalid ApiKey (user not found)",
        )
        peer.sub(TRADE, apiKey="not looked at where no topic needs one")
        peer.sub(ORDER, apiKey=venue.second_api_key)
        assert peer.refused("sub", {"topic": "account"}, apiKey=peer.api_key) == (
            104105,
            "ApiKey mismatched",
        )
        assert peer.refused("unSub", ORDER)[0] == 104104
        peer.unsub(ORDER, apiKey=venue.second_api_key)


def test_twenty_topics_are_the_most() -> None:
    """The twenty-first topic of a connection is refused, all of its request with it."""
    topics = [
        {"topic": "candlestick", "market": market, "interval": interval}
        for market in ("LRC-ETH", "LRC-USDT")
        for interval in "1min 5min 15min 30min 1hr 2hr 4hr 12hr 1d 1w".split()  # noqa: SIM905
    ]
    with loopring() as (_, peer):
        assert peer.refused("sub", *topics, TRADE) == (104116, "Exceed maximum subscriptions")
        peer.sub(*topics)
        peer.sub(topics[0])
        assert peer.refused("sub", TRADE)[0] == 104116
        peer.sub(TRADE, unsubscribeAll=True)
        peer.sub(*topics[1:])


def test_a_bad_topic_fails_the_whole_request() -> None:
    """Nothing of a refused sub or unSub takes effect, `unsubscribeAll` included."""
    bad = {"topic": "ticker"}
    with loopring() as (venue, peer):
        peer.sub(TRADE)
        assert peer.refused("sub", BOOK, bad, unsubscribeAll=True)[0] == 104111
        assert peer.refused("unSub", TRADE, BOOK) == (104113, "Subscription not found")
        venue.tick(2)
        assert [peer.receive()["topic"] for _ in range(2)] == [TRADE] * 2


# ---- unsubscribing


def test_unsubscribing_ends_the_pushes() -> None:
    """An unSub needs the same whole configuration; the operation's case does not matter."""
    with loopring() as (venue, peer):
        peer.sub(TRADE, BOOK, {"topic": "blockgen"})
        assert peer.refused("unSub", {"topic": "orderbook", "market": "LRC-ETH", "level": 1}) == (
            104113,
            "Subscription not found",
        )
        assert peer.ask("unsub", BOOK, {"topic": "trade", "market": "lrc-eth"})["op"] == "unSub"
        venue.tick()
        assert peer.receive()["topic"] == {"topic": "blockgen"}


def test_one_topic_can_be_unsubscribed_whole() -> None:
    """`unsubscribeAll` in a topic ends every configuration of it, and no other topic."""
    with loopring() as (venue, peer):
        peer.sub(BOOK, BOOK | {"level": 1}, {"topic": "blockgen"})
        peer.unsub({"topic": "orderbook", "unsubscribeAll": True})
        venue.tick()
        assert peer.receive()["topic"] == {"topic": "blockgen"}


@pytest.mark.parametrize("flag", [True, "true"])
def test_everything_can_be_unsubscribed(flag: object) -> None:
    """The top-level `unsubscribeAll`, a text or not, ends all that was before."""
    with loopring() as (venue, peer):
        peer.sub(TRADE, BOOK)
        peer.sub({"topic": "blockgen"}, unsubscribeAll=flag)
        venue.tick()
        assert peer.receive()["topic"] == {"topic": "blockgen"}
        peer.unsub(unsubscribeAll=flag)
        venue.tick()
        peer.sub(TRADE)
    with loopring(bare_unsubscribe_all=False) as (_, peer):
        assert peer.refused("unSub", unsubscribeAll=flag) == (104100, "Topic missing")
