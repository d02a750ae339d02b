"""What the simulated Loopring pushes, topic by topic, in the shapes of the Loopring documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from websockets.sync.client import connect

from venuesdk.testing import simulate
from venuesdk.testing.sims.loopring_account import Account
from venuesdk.testing.sims.loopring_market import TOKENS, Feed, differences

NOON = 1584717910.0
BOOK = {"topic": "orderbook", "market": "LRC-USDT", "level": 0}
WHOLE = BOOK | {"count": 50, "snapshot": True}


class Peer:
    """A client of the v2 address, which needs no key."""

    def __init__(self, socket: Any, venue: Any) -> None:
        self.socket = socket
        self.venue = venue

    def receive(self) -> Any:
        return json.loads(self.socket.recv(5))

    def sub(self, *topics: object, api_key: str | None = None) -> None:
        request: dict[str, object] = {"op": "sub", "topics": topics}
        if api_key:
            request["apiKey"] = api_key
        self.socket.send(json.dumps(request))
        assert self.receive()["result"]["status"] == "ok"

    def push(self) -> Any:
        """Move the market one step, and return the first push of it."""
        self.venue.tick()
        return self.receive()

    def pushes(self) -> list[Any]:
        """Move the market one step, and return all pushes of it."""
        self.venue.tick()
        self.venue.push('"end"')
        return list(iter(self.receive, "end"))


@contextmanager
def subscribed(*topics: object, account: bool = False, **options: Any) -> Iterator[Peer]:
    """Start a venue whose market stands still, and subscribe."""
    options = {"clock": lambda: NOON, **options}
    with (
        simulate("loopring", interval=None, **options) as venue,
        connect(venue.v2_url, proxy=None) as socket,
    ):
        peer = Peer(socket, venue)
        peer.sub(*topics, api_key=venue.api_key if account else None)
        yield peer


def applied(book: dict[str, dict[str, Any]], data: Any) -> None:
    """Apply changed slots the documented way: values are current, size zero removes."""
    for side, slots in data.items():
        for price, size, volume, count in slots:
            if size == "0":
                del book[side][price]
            else:
                book[side][price] = [price, size, volume, count]


def by_price(data: Any) -> dict[str, dict[str, Any]]:
    """Return a whole book, slot by price."""
    return {side: {slot[0]: slot for slot in slots} for side, slots in data.items()}


def test_books_carry_versions_that_follow_each_other() -> None:
    """startVersion is an integer, endVersion a text, and each start follows the last end."""
    with subscribed(BOOK) as peer:
        last = None
        for _ in range(10):
            push = peer.push()
            assert list(push) == ["topic", "ts", "startVersion", "endVersion", "data"]
            assert push["topic"] == BOOK
            assert push["ts"] == 1584717910000
            assert isinstance(push["endVersion"], str)
            assert last is None or push["startVersion"] == last + 1
            last = int(push["endVersion"])
            assert last >= push["startVersion"]


@pytest.mark.parametrize("level", [0, 1])
def test_changed_slots_add_up_to_the_whole_book(level: int) -> None:
    """Whoever applies the changes to a first whole book has every later whole book."""
    with subscribed(BOOK | {"level": level}, WHOLE | {"level": level}) as peer:
        book: dict[str, dict[str, Any]] | None = None
        for _ in range(20):
            changes, whole = peer.pushes()
            assert changes["endVersion"] == whole["endVersion"]
            if book is None:
                book = by_price(whole["data"])
                continue
            assert sum(len(slots) for slots in changes["data"].values()) < 40
            applied(book, changes["data"])
            assert book == by_price(whole["data"])


def test_slots_are_in_smallest_units() -> None:
    """LRC has 18 decimals and USDT 6: the volume is price times size, 10^12 times smaller."""
    with subscribed(WHOLE) as peer:
        data = peer.push()["data"]
        prices = [Decimal(slot[0]) for slot in data["bids"]]
        assert prices == sorted(prices, reverse=True)
        assert prices[0] < Decimal(data["asks"][0][0])
        for price, size, volume, count in data["bids"] + data["asks"]:
            assert int(size) % 10**18 == 0
            assert int(volume) == Decimal(price) * int(size) / 10**12
            assert int(count) >= 1


def test_a_whole_book_has_as_many_slots_as_asked_for() -> None:
    """`count` cuts both sides, and whole books can come without versions."""
    with subscribed(WHOLE | {"count": 3}, snapshot_versions=False) as peer:
        push = peer.push()
        assert list(push) == ["topic", "ts", "data"]
        assert [len(slots) for slots in push["data"].values()] == [3, 3]


def test_a_lost_update_leaves_a_gap() -> None:
    """After `lose_update` the next start does not follow the last end."""
    with subscribed(BOOK) as peer:
        last = int(peer.push()["endVersion"])
        peer.venue.fault("lose_update")
        assert peer.push()["startVersion"] > last + 1


def test_the_topic_depth_of_the_oldest_document() -> None:
    """With `seed_depth` it is accepted under the key `topic:` too, and streams a book."""
    depth = {"topic:": "depth", "market": "LRC-ETH", "count": 10}
    with subscribed(depth, depth | {"snapshot": True}, seed_depth=True) as peer:
        changes, whole = peer.pushes()
        assert changes["topic"] == {"topic": "depth", "market": "LRC-ETH", "count": 10}
        assert changes["data"].keys() == {"bids", "asks"}
        assert [len(slots) for slots in whole["data"].values()] == [10, 10]


@pytest.mark.parametrize(("form", "length"), [("fee", 6), ("market", 7)])
def test_trades_have_two_layouts(form: str, length: int) -> None:
    """Rows end in the fee, or in market and fee."""
    topic = {"topic": "trade", "market": "LRC-ETH"}
    with subscribed(topic, trade_rows=form) as peer:
        push = peer.push()
        (row,) = push["data"]
        assert push["topic"] == topic
        assert len(row) == length
        assert all(isinstance(value, str) for value in row)
        assert row[0] == "1584717910000"
        assert row[2] in ("buy", "sell")
        assert int(row[3]) == 1000 * int(row[-1])
        assert row[5] == ("LRC-ETH" if form == "market" else row[-1])
        assert int(peer.push()["data"][0][1]) == int(row[1]) + 1


def test_tickers_have_eleven_columns() -> None:
    """Market, time, two volumes, open, high, low, close, count, bid, ask."""
    with subscribed({"topic": "ticker", "market": "LRC-ETH"}) as peer:
        for count in (1, 2, 3):
            row = peer.push()["data"]
            assert len(row) == 11
            assert row[:2] == ["LRC-ETH", "1584717910000"]
            opened, high, low, close = map(Decimal, row[4:8])
            assert low <= min(opened, close) <= max(opened, close) <= high
            assert row[8] == str(count)
            assert Decimal(row[9]) < Decimal(row[10])


def test_candles_say_open_close_high_low() -> None:
    """The close comes second; a new interval begins a new candle."""
    now = [NOON]
    topics = [
        {"topic": "candlestick", "market": "LRC-ETH", "interval": "1min"},
        {"topic": "trade", "market": "LRC-ETH"},
    ]
    with subscribed(*topics, clock=lambda: now[0]) as peer:
        prices, volume = [], 0
        for count in range(1, 8):
            candle, trade = peer.pushes()
            row = candle["data"]
            prices.append(Decimal(trade["data"][0][4]))
            volume += int(trade["data"][0][3])
            # 1584717910 is ten seconds into its minute.
            assert row[:2] == ["1584717900000", str(count)]
            expected = [prices[0], prices[-1], max(prices), min(prices)]
            assert [Decimal(price) for price in row[2:6]] == expected
            assert int(row[6]) == volume
        assert len(set(prices)) > 2
        now[0] += 60
        row = peer.pushes()[0]["data"]
        assert row[:2] == ["1584717960000", "1"]
        assert len(set(row[2:6])) == 1


def test_pools_and_blocks() -> None:
    """A pool is `[[base, quote], lp]` of texts; block numbers go up, and may be verbose."""
    pool = {"topic": "ammpool", "poolAddress": "0x18920d6E6Fb7EbE057a4DD9260D6D95845c95036"}
    with subscribed(
        pool | {"snapshot": True}, {"topic": "blockgen"}, {"topic": "blockgen", "verbose": True}
    ) as peer:
        last = 0
        for _ in range(5):
            amounts, blocks, verbose = peer.pushes()
            (base, quote), minted = amounts["data"]
            assert all(isinstance(amount, str) and int(amount) > 0 for amount in (base, quote))
            assert minted == "41277091829000"
            numbers = [block["blockid"] for block in blocks["data"]]
            assert numbers == list(range(last + 1, last + 1 + len(numbers)))
            assert [block["blockid"] for block in verbose["data"]] == numbers
            assert verbose["data"][0].keys() > {"blockid"}
            last = numbers[-1]


def test_accounts_and_orders_agree() -> None:
    """Orders come, fill and end; an order's fill moves the balances of its two tokens."""
    topics = [{"topic": "account"}, {"topic": "order", "market": "ETH-USDT"}]
    with subscribed(*topics, account=True) as peer:
        statuses = set()
        for _ in range(60):
            *balances, order = peer.pushes()
            assert order["topic"] == topics[1]
            assert order["data"]["market"] == "ETH-USDT"
            assert order["data"]["side"] in ("buy", "sell")
            assert all(isinstance(value, str) for value in order["data"].values())
            assert int(order["data"]["filledSize"]) <= int(order["data"]["size"])
            statuses.add(order["data"]["status"])
            for balance in balances:
                data = balance["data"]
                assert list(data) == ["accountId", "totalAmount", "tokenId", "amountLocked"]
                assert 0 <= int(data["amountLocked"]) <= int(data["totalAmount"])
        assert statuses == {"processing", "processed", "cancelled"}


def test_the_account_has_other_names_in_v3() -> None:
    """`v3: true` changes the names of the amounts."""
    topic = {"topic": "account", "accountId": "10005", "v3": True}
    with subscribed(topic, account=True) as peer:
        push = peer.push()
        assert push["topic"] == topic
        assert push["data"].keys() == {"accountId", "total", "tokenId", "locked"}


def test_pushes_can_fold_the_market() -> None:
    """With the options, a push names its topic `topic:` and its market in lower case."""
    topic = {"topic": "ticker", "market": "LRC-ETH"}
    with subscribed(topic, topic_key="topic:", market_case="lower") as peer:
        assert peer.push()["topic"] == {"topic:": "ticker", "market": "lrc-eth"}


def test_the_same_seed_pushes_the_same() -> None:
    """Two runs with one seed agree frame by frame; another seed does not."""
    topics = [{"topic": "account"}, BOOK, {"topic": "ticker", "market": "LRC-ETH"}]

    def run(seed: int) -> list[Any]:
        with subscribed(*topics, account=True, seed=seed) as peer:
            return [peer.pushes() for _ in range(5)]

    assert run(3) == run(3)
    assert run(3) != run(4)


def test_two_accounts_trade_apart() -> None:
    """Each apiKey shows the orders of its own account."""
    topic = {"topic": "order", "market": "LRC-ETH"}
    with subscribed(topic, account=True) as first, connect(first.venue.v2_url, proxy=None) as other:
        second = Peer(other, first.venue)
        second.sub(topic, api_key=first.venue.second_api_key)
        assert first.pushes()[0]["data"]["size"] != second.receive()["data"]["size"]


def test_an_account_can_trade_for_ever() -> None:
    """No balance falls below what is locked: an empty one is filled up by a deposit."""
    feed = Feed(1, "fee")
    empty = dict.fromkeys(TOKENS, Decimal(0))
    account = Account(1, 10005, empty)
    totals: dict[int, int] = {}
    for second in range(500):
        feed.market.step()
        account.step(feed.market, second)
        for balance in account.balances(v3=False):
            totals[balance["tokenId"]] = int(balance["totalAmount"])
            assert 0 <= int(balance["amountLocked"]) <= int(balance["totalAmount"])
    assert len(totals) == 4
    assert all(totals.values())


def test_a_book_that_stands_still_is_not_pushed() -> None:
    """A step that changes no slot brings nothing; the next push goes on where the last ended."""
    with subscribed(BOOK) as peer:
        steps, starts, ends = 1000, [], []
        peer.venue.tick(steps)
        peer.venue.push('"end"')
        for push in iter(peer.receive, "end"):
            starts.append(push["startVersion"])
            ends.append(int(push["endVersion"]))
            assert push["data"]["bids"] or push["data"]["asks"]
        assert 0 < len(starts) < steps
        assert starts[1:] == [end + 1 for end in ends[:-1]]


def test_a_slot_that_is_gone_is_sent_with_size_zero() -> None:
    """Equal slots are left out, changed ones sent, missing ones zeroed."""
    kept, old, new = Decimal(1), Decimal(2), Decimal(3)
    slot = ("1", "5", "5", "1")
    before = {"bids": {kept: slot, old: ("2", "5", "10", "1")}, "asks": {}}
    after = {"bids": {kept: slot, new: ("3", "5", "15", "1")}, "asks": {}}
    assert differences(before, after) == {
        "bids": {new: ("3", "5", "15", "1"), old: ("2", "0", "0", "0")},
        "asks": {},
    }
