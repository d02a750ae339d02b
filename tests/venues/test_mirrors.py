"""Kept books and dashboards, against the simulators over real sockets, however callbacks run.

What a mirror shows is compared with what the venue itself says that it has, view by view.
"""

from __future__ import annotations

import contextlib
import json
import threading
import urllib.request
from decimal import Decimal
from queue import Empty, SimpleQueue
from random import Random

import pytest
from attrs import evolve

from venuesdk import (
    Backoff,
    ClientClosed,
    GapReason,
    InvalidRequest,
    LoopringClient,
    OnyxClient,
    RateLimitExceeded,
    ReentrantCall,
    RequestRejected,
    SequenceGap,
    TimexClient,
)
from venuesdk.errors import ProtocolError, VenueUnavailable
from venuesdk.models import HttpResponse
from venuesdk.testing import simulate
from venuesdk.testing.web import HttpReply
from venuesdk.timing import Deadline
from venuesdk.venues.loopring.mirror import book_update, depth_of
from venuesdk.venues.loopring.models import BookSlot, OrderBookUpdate
from venuesdk.venues.loopring.topics import OrderBook

MARKET = "LRC-ETH"
FAST = Backoff(initial=0.01, maximum=0.05, healthy=0.0)
KINDS = ("thread", "inline", "pump", "post")


class Runner:
    """Let callbacks run the way that a kind of delivery has it, and wait for what they bring."""

    def __init__(self, kind: str):
        self.kind = kind
        self.posted: SimpleQueue = SimpleQueue()
        self.delivery = self.posted.put if kind == "post" else kind
        self.stirred = threading.Event()
        self.views = []
        self.gaps = []
        self.errors = []

    def on_view(self, view):
        self.views.append(view)
        self.stirred.set()

    def on_gap(self, gap):
        self.gaps.append(gap.reason)
        self.stirred.set()

    def on_error(self, error):
        self.errors.append(error)
        self.stirred.set()

    def until(self, client, look):
        """Run callbacks until `look` says yes."""
        deadline = Deadline(10)
        while not look():
            assert not deadline.expired(), (self.errors, self.gaps, len(self.views))
            self.turn(client)

    def turn(self, client):
        """Run what is due, or wait a moment where that happens by itself."""
        if self.kind == "pump":
            client.pump(timeout=0.05)
        elif self.kind == "post":
            with contextlib.suppress(Empty):
                self.posted.get(timeout=0.05)()
        else:
            self.stirred.wait(0.05)
            self.stirred.clear()


def await_events(client, count):
    """Wait until so many events have arrived, whoever takes them."""
    deadline = Deadline(10)
    while client.stats().events < count:
        assert not deadline.expired()
        threading.Event().wait(0.005)


@pytest.fixture(params=KINDS)
def runner(request):
    """One kind of delivery after the other."""
    return Runner(request.param)


def interrupt(*news):
    """Do what Ctrl-C does to whoever pumps."""
    raise KeyboardInterrupt


two_kinds = pytest.mark.parametrize("runner", ["inline", "pump"], indirect=True)
"""The two in which nothing runs while a callback, or nobody, keeps the thread."""


@pytest.fixture
def threaded():
    """The default kind, where the kind does not matter."""
    return Runner("thread")


# ---- Loopring ----------------------------------------------------------------------------------


class Exchange:
    """A simulated Loopring that moves when it is told to, and notes every book that it had."""

    def __init__(self, venue):
        self.venue = venue
        self.books = {}
        self.depth()

    def depth(self, market=MARKET, limit=50):
        """Return the book as the venue tells it to anybody, and note it under its version."""
        url = f"{self.venue.http_url}/api/v3/depth?market={market}&level=0&limit={limit}"
        with urllib.request.urlopen(url, timeout=5) as response:
            book = json.load(response)
        sides = tuple(
            tuple((Decimal(row[0]), Decimal(row[1])) for row in book[side])
            for side in ("bids", "asks")
        )
        self.books[book["version"]] = sides
        return book["version"]

    def move(self, times=1):
        """Let the market move, and return its version."""
        for _ in range(times):
            self.venue.tick()
            version = self.depth()
        return version

    def check(self, views):
        """Every view is the very book that the venue had at its version."""
        assert views
        for view in views:
            assert (view.bids, view.asks) == self.books[view.version]


@pytest.fixture
def loopring():
    """A simulated Loopring without a pace of its own."""
    with simulate("loopring", interval=None) as venue:
        yield Exchange(venue)


def connect(exchange, runner, **options):
    """Connect a client of it."""
    return LoopringClient(
        url=exchange.venue.url,
        http_url=exchange.venue.http_url,
        delivery=runner.delivery,
        on_error=runner.on_error,
        reconnect=FAST,
        **options,
    )


def keep(client, runner, **options):
    """Keep the market's book."""
    return client.keep_order_book(
        MARKET, on_book=runner.on_view, on_gap=runner.on_gap, **options
    )


def shows(mirror, version):
    """Return what tells whether a mirror shows a version."""
    return lambda: mirror.view is not None and mirror.view.version == version


def test_loopring_the_book_is_there_at_once_and_follows(loopring, runner):
    """From its depth on, without an event; then with every change, the document's way."""
    with connect(loopring, runner) as client, keep(client, runner) as mirror:
        runner.until(client, shows(mirror, loopring.depth()))
        for _ in range(5):
            runner.until(client, shows(mirror, loopring.move()))
        loopring.check(runner.views)
        assert mirror.wait(0) is mirror.view
        assert (mirror.stats.gaps, runner.gaps, runner.errors) == (0, [], [])


def test_loopring_a_lost_update_is_noticed_and_mended(loopring, runner):
    """The next change shows it: `SequenceGap` is reported, and no wrong book was ever shown."""
    with connect(loopring, runner) as client, keep(client, runner) as mirror:
        runner.until(client, shows(mirror, loopring.move()))
        loopring.venue.lose_update()
        loopring.depth()
        runner.until(client, shows(mirror, loopring.move()))
        assert [type(error) for error in runner.errors] == [SequenceGap]
        runner.until(client, shows(mirror, loopring.move()))
        loopring.check(runner.views)
        assert (mirror.stats.gaps, mirror.stats.resyncs, runner.gaps) == (1, 1, [])


def test_loopring_a_cut_connection_hides_the_book_until_it_is_right(loopring, runner):
    """What changed meanwhile is in the base that follows the new subscription."""
    with connect(loopring, runner) as client, keep(client, runner) as mirror:
        runner.until(client, shows(mirror, loopring.move()))
        loopring.venue.refuse_connections()
        runner.until(client, lambda: not client.connected)
        assert mirror.view is None
        loopring.move(3)
        loopring.venue.refuse_connections(False)
        runner.until(client, lambda: mirror.synchronised)
        assert mirror.view.version == loopring.depth()
        assert mirror.view.epoch == 2
        runner.until(client, shows(mirror, loopring.move(2)))
        loopring.check(runner.views)
        assert runner.gaps == [GapReason.RECONNECTED]


def test_loopring_an_overflow_is_mended(loopring):
    """Where nobody pumps for too long, changes are lost: the book comes back from its depth."""
    runner = Runner("pump")
    with connect(loopring, runner) as client, keep(client, runner, max_queue=3) as mirror:
        runner.until(client, lambda: mirror.synchronised)
        mirror.rhythm = FAST
        version = loopring.move(20)
        await_events(client, 20)
        runner.until(client, shows(mirror, version))
        assert runner.gaps == [GapReason.OVERFLOW]
        loopring.check(runner.views)


def test_loopring_a_push_that_cannot_be_read_is_mended(loopring, threaded):
    """Nobody knows what it said: the gap hides the book until there is another base."""
    topic = {"topic": "orderbook", "market": MARKET, "level": 0}
    with connect(loopring, threaded) as client, keep(client, threaded) as mirror:
        threaded.until(client, lambda: mirror.synchronised)
        loopring.venue.push(json.dumps({"topic": topic, "ts": 1, "data": {"bids": "?"}}))
        threaded.until(client, lambda: mirror.stats.resyncs == 1)
        threaded.until(client, shows(mirror, loopring.move()))
        loopring.check(threaded.views)
        assert threaded.gaps == [GapReason.UNDECODABLE]
        assert isinstance(threaded.errors[0], ProtocolError)


def test_loopring_a_depth_that_is_refused_is_reported_and_asked_for_again(
    loopring, threaded, monkeypatch
):
    """As often as it takes; the book is not shown meanwhile."""
    answer = loopring.venue.on_http
    refusing = [True, True, True]

    def on_http(request):
        if "depth" in request.path and refusing:
            refusing.pop()
            return HttpReply(429, {"code": 429, "msg": "slower"})
        return answer(request)

    with connect(loopring, threaded) as client, keep(client, threaded) as mirror:
        threaded.until(client, shows(mirror, loopring.move()))
        mirror.rhythm = FAST
        monkeypatch.setattr(loopring.venue, "on_http", on_http)
        loopring.venue.lose_update()
        loopring.venue.tick()
        threaded.until(client, lambda: mirror.stats.resyncs == 1)
        loopring.depth()
        kinds = [type(error) for error in threaded.errors]
        assert kinds == [SequenceGap, *[RateLimitExceeded] * 3]
        assert (mirror.stats.attempts, mirror.stats.failures) == (5, 3)
        loopring.check(threaded.views)


def test_loopring_a_closed_client_waits_for_no_further_attempt(loopring, threaded):
    """Closing ends what would be asked for in a long while, and whoever waits for the book."""
    ended: SimpleQueue = SimpleQueue()

    def wait():
        try:
            ended.put(mirror.wait())
        except Exception as error:
            ended.put(error)

    with connect(loopring, threaded) as client:
        mirror = keep(client, threaded)
        threaded.until(client, shows(mirror, loopring.depth()))
        mirror.rhythm = Backoff(initial=1e6, maximum=1e6, healthy=3600)
        for losses in (1, 2):
            threaded.until(client, lambda: mirror.synchronised)
            loopring.venue.lose_update()
            loopring.venue.tick()
            threaded.until(client, lambda losses=losses: mirror.stats.gaps == losses)
        thread = threading.Thread(target=wait)
        thread.start()
        assert mirror.view is None
    thread.join(5)
    assert type(ended.get_nowait()) is ClientClosed
    assert mirror.stats.attempts == 2


def test_loopring_a_base_that_ctrl_c_kept_away_comes_all_the_same(loopring, monkeypatch):
    """It struck whoever pumps where the base is handed over, and nobody would ask again."""
    runner = Runner("pump")
    with connect(loopring, runner) as client, keep(client, runner) as mirror:
        monkeypatch.setattr(mirror, "_arrive", interrupt)
        with pytest.raises(KeyboardInterrupt):
            runner.until(client, lambda: False)
        monkeypatch.undo()
        runner.until(client, shows(mirror, loopring.depth()))
        assert mirror.stats.attempts == 1


def test_loopring_mirrors_of_several_markets_mend_together(loopring, threaded):
    """Each has its base, after a cut too; one upkeep thread serves all, and then ends."""
    markets = ("LRC-ETH", "LRC-USDT", "LRC-USDC", "ETH-USDT")
    with connect(loopring, threaded) as client:
        mirrors = [client.keep_order_book(market) for market in markets]
        loopring.venue.drop()
        threaded.until(client, lambda: all(m.synchronised and m.view.epoch == 2 for m in mirrors))
        loopring.venue.tick()
        for market, mirror in zip(markets, mirrors, strict=True):
            threaded.until(client, shows(mirror, loopring.depth(market)))
            assert (mirror.view.bids, mirror.view.asks) == loopring.books[mirror.view.version]
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("venuesdk-loopring-upkeep") <= 1


@pytest.mark.parametrize("count", [1, 5])
def test_loopring_few_slots_are_as_right_as_many(loopring, threaded, count):
    """A base of few slots: what is shown is the top of the venue's book, however it moves."""
    with connect(loopring, threaded) as client, keep(client, threaded, count=count) as mirror:
        mirror.rhythm = FAST
        for _ in range(20):
            threaded.until(client, shows(mirror, loopring.move()))
        for view in threaded.views:
            bids, asks = loopring.books[view.version]
            assert view.bids == bids[: len(view.bids)] != ()
            assert view.asks == asks[: len(view.asks)] != ()
        assert mirror.stats.gaps == 0
        assert mirror.stats.attempts > 1


def test_loopring_what_cannot_be_asked_is_refused_before_anything_is_sent(loopring, threaded):
    """By its type, its range, or because no document describes it."""
    with connect(loopring, threaded) as client:
        for options in ({"count": 0}, {"count": 51}, {"level": -1}, {"conflate": True}):
            with pytest.raises(ValueError):
                client.keep_order_book(MARKET, **options)
        for options in ({"count": "5"}, {"level": 1.0}, {"on_book": 3}, {"colour": "red"}):
            with pytest.raises(TypeError):
                client.keep_order_book(MARKET, **options)
        with pytest.raises(ValueError):
            client.keep_order_book("")
        assert client.stats().subscriptions == ()
    other = LoopringClient(version="v2")
    with pytest.raises(ValueError, match="v3"):
        other.keep_order_book(MARKET)


def test_loopring_a_market_that_is_not_there_leaves_nothing_behind(
    loopring, threaded, monkeypatch
):
    """Whether the stream is refused or the depth: the caller gets it, and no stream stays."""
    with connect(loopring, threaded) as client:
        with pytest.raises(InvalidRequest):
            client.keep_order_book("NO-SUCH")
        refused = HttpReply(400, {"code": 108001, "msg": "unsupported level"})
        monkeypatch.setattr(loopring.venue, "on_http", lambda request: refused)
        with pytest.raises(RequestRejected, match=r"no depth of LRC-ETH: unsupported level") as no:
            client.keep_order_book(MARKET)
        assert no.value.code == 108001
        threaded.until(client, lambda: client.stats().subscriptions == ())


def test_loopring_whole_books_of_a_kept_market_are_refused(loopring, threaded):
    """A push may leave out that its book is whole, and would be taken for a change.

    The one push of a book that a document shows names neither ``count`` nor ``snapshot``.
    """
    whole = OrderBook(MARKET, count=5, snapshot=True)
    with connect(loopring, threaded) as client:
        mirror = keep(client, threaded)
        for topic in (whole, {"topic:": "orderbook", "market": "lrc-eth", "snapshot": True}):
            with pytest.raises(ValueError, match="client of their own"):
                client.subscribe(topic)
        others = client.subscribe(
            OrderBook(MARKET), OrderBook(MARKET, 1, snapshot=True), OrderBook("ETH-USDT")
        )
        mirror.close()
        (other,) = client.subscribe(whole)
        with pytest.raises(ValueError, match="client of their own"):
            keep(client, threaded)
        other.close()
        with keep(client, threaded) as mirror:
            threaded.until(client, shows(mirror, loopring.depth()))
        assert not any(one.closed for one in others)


def test_loopring_wait_in_a_callback_raises_at_once(loopring, runner):
    """It would wait for the very thread that it keeps."""
    refused = []

    def on_ticker(event):
        try:
            mirror.wait(5)
        except ReentrantCall as error:
            refused.append(error)
        runner.stirred.set()

    with connect(loopring, runner) as client:
        mirror = keep(client, runner)
        client.subscribe(OrderBook("ETH-USDT"), callback=on_ticker)
        loopring.move()
        runner.until(client, lambda: bool(refused))


def trouble(exchange, runner, seed, steps):
    """Let faults fall on a kept book at random, and judge every view of it."""
    dice = Random(seed)
    venue = exchange.venue
    topic = {"topic": "orderbook", "market": MARKET, "level": 0}
    faults = (
        venue.lose_update,
        venue.drop,
        venue.garbage,
        lambda: venue.push(json.dumps({"topic": topic, "ts": 1, "data": None})),
        lambda: venue.push(json.dumps({"topic": topic, "ts": 1, "data": {"bids": [], "asks": []}})),
    )
    with connect(exchange, runner) as client, keep(client, runner, max_queue=8) as mirror:
        mirror.rhythm = FAST
        runner.until(client, lambda: mirror.synchronised)
        for _ in range(steps):
            if dice.random() < 0.2:
                dice.choice(faults)()
                exchange.depth()
            version = exchange.move(dice.choice((1, 1, 2, 12)))
            if dice.random() < 0.5:
                # The last of them may be lost with its connection: then nothing shows it.
                runner.turn(client)
                runner.until(client, lambda: mirror.synchronised)
        runner.until(client, lambda: client.connected and mirror.synchronised)
        version = exchange.move()
        runner.until(client, shows(mirror, version))
        exchange.check(runner.views)
        return mirror.stats


def test_loopring_no_fault_ever_shows_a_wrong_book(loopring, threaded):
    """Lost updates, cuts, garbage and overflows: each view is a book that the venue had."""
    assert trouble(loopring, threaded, seed=1, steps=25).resyncs > 2


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_loopring_no_fault_ever_shows_a_wrong_book_however_callbacks_run(loopring, runner, seed):
    """The same, long enough to meet each fault behind each other one."""
    assert trouble(loopring, runner, seed, steps=120).gaps > 5


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"code": 108000, "msg": "unsupported market"}, RequestRejected),
        (200, {"resultInfo": {"code": 108000, "message": "unsupported"}}, RequestRejected),
        (429, {"code": 429, "msg": "slower"}, RateLimitExceeded),
        (500, {}, VenueUnavailable),
        (502, {}, VenueUnavailable),
        (200, {"version": 1, "market": "ETH-USDT", "bids": [], "asks": []}, ProtocolError),
        (200, {"market": MARKET, "bids": [], "asks": []}, ProtocolError),
        (200, {"version": 1, "market": MARKET, "bids": [["x"]], "asks": []}, ProtocolError),
        (200, [], ProtocolError),
    ],
)
def test_loopring_a_depth_that_is_none_is_never_taken_for_one(status, body, kind):
    """Refusals in either form, failures, another market's, and what cannot be read."""
    with pytest.raises(kind) as caught:
        depth_of(MARKET, 50, HttpResponse(status, {"retry-after": "3"}, json.dumps(body).encode()))
    assert getattr(caught.value, "retry_after", 3.0) == 3.0


def test_loopring_a_whole_book_that_is_pushed_is_cut_where_its_longer_side_ends():
    """It does not say at how many slots; a side that is shorter is all there."""
    slot = BookSlot(Decimal(1), 1, 1, 1)
    whole = OrderBookUpdate(1, MARKET, 0, (slot, slot), (slot,), snapshot=True)
    assert book_update(whole).limit == 2
    assert book_update(evolve(whole, snapshot=False)).limit is None


def test_loopring_the_case_of_a_market_is_not_minded():
    """The venue writes it in either."""
    body = b'{"version":147,"market":"LRC-ETH","bids":[["0.002","21000","33220000","4"]],"asks":[]}'
    base = depth_of("lrc-eth", 50, HttpResponse(200, {}, body))
    assert (base.last, base.bids) == (147, [(Decimal("0.002"), 21000)])


# ---- TimeX -------------------------------------------------------------------------------------


@pytest.fixture
def timex():
    """A simulated TimeX without a pace of its own."""
    with simulate("timex", interval=None) as venue:
        yield venue


def trade(venue, runner):
    """Connect a client of it."""
    return TimexClient(
        url=venue.url, delivery=runner.delivery, on_error=runner.on_error, reconnect=FAST
    )


@two_kinds
def test_timex_raw_and_grouped_books_are_the_same_book(timex, runner):
    """The raw one adds up to what the venue itself groups; it is there before the market moves."""
    with trade(timex, runner) as client:
        raw = client.keep_order_book("ethaudt", on_book=runner.on_view)
        runner.until(client, lambda: raw.synchronised)
        grouped = client.keep_order_book("ETHAUDT", grouped=True, on_book=runner.on_view)
        assert grouped.view is None
        for _ in range(3):
            before = raw.stats.updates, grouped.stats.updates
            timex.tick()
            runner.until(
                client,
                lambda before=before: (
                    raw.stats.updates > before[0] and grouped.stats.updates > before[1]
                ),
            )
            assert (raw.view.bids, raw.view.asks) == (grouped.view.bids, grouped.view.asks)
            assert len(raw.view.bids) == 10
            assert not raw.view.crossed
        assert raw.view.market == "ETHAUDT"


@two_kinds
def test_timex_a_cut_connection_hides_the_books_until_they_are_right(timex, runner):
    """A raw book is asked for and comes by itself, on a market that stands still; a grouped one
    comes when the market moves."""
    with trade(timex, runner) as client:
        raw = client.keep_order_book("ETHAUDT", on_gap=runner.on_gap)
        grouped = client.keep_order_book("ETHAUDT", grouped=True)
        timex.tick()
        runner.until(client, lambda: raw.synchronised and grouped.synchronised)
        timex.refuse_connections()
        runner.until(client, lambda: not client.connected)
        assert raw.view is grouped.view is None
        timex.refuse_connections(False)
        runner.until(client, lambda: raw.synchronised)
        assert raw.view.epoch == 2
        assert grouped.view is None
        timex.tick()
        runner.until(client, lambda: grouped.synchronised)
        assert runner.gaps == [GapReason.RECONNECTED]


def test_timex_orders_of_one_price_are_one_level(timex, threaded):
    """Their quantities are added, exactly."""
    timex.tick()
    with trade(timex, threaded) as client:
        mirror = client.keep_order_book("ETHAUDT")
        threaded.until(client, lambda: mirror.synchronised)
        order = {
            "market": "ETHAUDT", "hash": "0x1", "direction": "BUY",
            "createdAt": "2020-01-01T00:00:00", "expiredAt": "2020-01-01T00:00:00",
        }  # fmt: skip
        amounts = ("1000000000000000000000000000000", "0.000000000000000001")
        bids = [{**order, "price": "10", "quantity": amount} for amount in amounts]
        book = {"timestamp": "2020-01-01T00:00:00Z", "bid": bids, "ask": []}
        data = {"market": "ETHAUDT", "rawOrderBook": book}
        event = {"type": "RAW_ORDER_BOOK_UPDATED", "timestamp": "2020-01-01T00:00:00", "data": data}
        assert timex.publish("/orderbook.raw/ETHAUDT", event, id=7) == 1
        threaded.until(client, lambda: mirror.view.version == 7)
        exact = Decimal("1000000000000000000000000000000.000000000000000001")
        assert mirror.view.bids == ((Decimal(10), exact),)


def test_timex_conflation_is_refused(timex, threaded):
    """For whole books too: one rule for all that is kept."""
    with trade(timex, threaded) as client:
        with pytest.raises(ValueError, match="conflated"):
            client.keep_order_book("ETHAUDT", conflate=True)
        with pytest.raises(TypeError):
            client.keep_order_book("ETHAUDT", grouped=1)


# ---- Onyx --------------------------------------------------------------------------------------


@pytest.fixture
def onyx():
    """A simulated Onyx without a pace of its own."""
    with simulate("onyx", interval=None) as venue:
        yield venue


def follow(venue, runner, **options):
    """Connect a client of it."""
    return OnyxClient(
        url=venue.url,
        token=venue.token,
        delivery=runner.delivery,
        on_error=runner.on_error,
        reconnect=FAST,
        **options,
    )


def same(mirror, venue):
    """Return what tells whether a mirror shows the dashboards that the venue has."""

    def look():
        view = mirror.view
        wanted = {row["id"]: row for row in venue.feed.dashboards}
        return view is not None and dict(view.by_key) == wanted

    return look


def say(kind, dashboard):
    """Write an event of the dashboards."""
    return json.dumps({"channel": "dashboards", "message": dashboard, "message_type": kind})


def test_onyx_dashboards_follow_every_change(onyx, runner):
    """The full list first, then what was created, updated and deleted."""
    with follow(onyx, runner) as client, client.mirror_dashboards(runner.on_view) as mirror:
        runner.until(client, same(mirror, onyx))
        first, before = mirror.view, dict(mirror.view.by_key)
        for _ in range(9):
            onyx.tick()
            runner.until(client, same(mirror, onyx))
        assert len(runner.views) == 10
        assert dict(first.by_key) == before
        assert tuple(mirror.view) == mirror.view.dashboards
        assert len(mirror.view) == len(onyx.feed.dashboards)
        assert (mirror.stats.gaps, mirror.stats.attempts) == (0, 0)
        with pytest.raises(TypeError):
            mirror.view.by_key["mine"] = {}


def test_onyx_a_cut_connection_hides_the_dashboards_until_the_list_has_come(onyx, runner):
    """The venue sends it by itself: nothing is asked for beside the replayed subscription."""
    with follow(onyx, runner) as client:
        mirror = client.mirror_dashboards(on_gap=runner.on_gap)
        runner.until(client, same(mirror, onyx))
        onyx.refuse_connections()
        runner.until(client, lambda: not client.connected)
        assert mirror.view is None
        onyx.tick()
        onyx.refuse_connections(False)
        runner.until(client, same(mirror, onyx))
        assert mirror.view.epoch == 2
        assert runner.gaps == [GapReason.RECONNECTED]
        assert mirror.stats.attempts == 0


@pytest.mark.parametrize(
    ("kind", "dashboard"),
    [
        (1, {"id": "nobody", "name": "updated"}),
        (3, {"id": "nobody"}),
        (2, {"id": "dashboard-1"}),
        (7, {"id": "dashboard-1"}),
        (0, {"id": "dashboard-1"}),
        (2, {"name": "without an id"}),
        (2, {"id": ["unhashable"]}),
        (0, [{"id": "dashboard-1"}, {"id": "dashboard-1"}]),
    ],
    ids=["update", "delete", "create", "unknown kind", "no kind", "no id", "odd id", "twice"],
)
def test_onyx_a_change_that_cannot_be_brings_the_list_again(onyx, threaded, kind, dashboard):
    """Something was missed, or cannot be placed: it is reported, and the stream begun anew."""
    with follow(onyx, threaded) as client:
        mirror = client.mirror_dashboards(threaded.on_view)
        threaded.until(client, same(mirror, onyx))
        onyx.push(say(kind, dashboard))
        threaded.until(client, lambda: mirror.stats.resyncs == 1)
        assert same(mirror, onyx)()
        (error,) = threaded.errors
        assert type(error) in (SequenceGap, ProtocolError)
        assert error.venue == "onyx"
        onyx.tick()
        threaded.until(client, same(mirror, onyx))


def test_onyx_what_cannot_be_read_brings_the_list_again(onyx, runner):
    """Also where callbacks run on the reader, which must not wait for an answer."""
    with follow(onyx, runner) as client:
        mirror = client.mirror_dashboards(runner.on_view, on_gap=runner.on_gap)
        runner.until(client, same(mirror, onyx))
        onyx.push(say(1, ["no object"]))
        runner.until(client, lambda: mirror.stats.resyncs == 1)
        assert same(mirror, onyx)()
        assert runner.gaps == [GapReason.UNDECODABLE]
        assert mirror.stats.attempts == 1


def test_onyx_a_change_that_ctrl_c_took_away_brings_the_list_again(onyx, monkeypatch):
    """It struck whoever pumps before the mirror had the change, which nothing else would show."""
    runner = Runner("pump")
    with follow(onyx, runner) as client:
        mirror = client.mirror_dashboards()
        runner.until(client, same(mirror, onyx))
        monkeypatch.setattr(mirror, "_take", interrupt)
        onyx.tick()
        with pytest.raises(KeyboardInterrupt):
            runner.until(client, lambda: False)
        monkeypatch.undo()
        assert mirror.view is None
        runner.until(client, same(mirror, onyx))
        assert mirror.stats.gaps == 1


def test_onyx_an_overflow_brings_the_list_again(onyx):
    """What a bounded queue dropped cannot be guessed from what follows."""
    runner = Runner("pump")
    with follow(onyx, runner) as client:
        mirror = client.mirror_dashboards(on_gap=runner.on_gap, max_queue=2)
        runner.until(client, same(mirror, onyx))
        for _ in range(9):
            onyx.tick()
        await_events(client, 10)
        runner.until(client, same(mirror, onyx))
        assert GapReason.OVERFLOW in runner.gaps


def test_onyx_a_second_subscription_leaves_the_mirror_right(onyx, threaded):
    """It starts the stream anew: a gap, and the list again, without being asked for."""
    with follow(onyx, threaded) as client:
        mirror = client.mirror_dashboards(threaded.on_view, on_gap=threaded.on_gap)
        threaded.until(client, same(mirror, onyx))
        with client.subscribe_dashboards() as other:
            assert other.get(5).full
            threaded.until(client, lambda: mirror.stats.resyncs == 1)
            assert same(mirror, onyx)()
            assert threaded.gaps == [GapReason.RESUBSCRIBED]
            assert mirror.stats.attempts == 0


def test_onyx_a_resubscription_that_is_refused_ends_the_mirror(onyx, threaded, monkeypatch):
    """`wait` raises the venue's refusal, and nothing is shown any more."""
    with follow(onyx, threaded) as client:
        mirror = client.mirror_dashboards(threaded.on_view)
        threaded.until(client, same(mirror, onyx))

        def refuse(connection, request):
            onyx._respond(connection, request, "no permissions any more", error=True)

        monkeypatch.setattr(onyx, "_subscribe", refuse)
        onyx.push(say(7, {"id": "dashboard-1"}))
        with pytest.raises(RequestRejected, match="no permissions any more"):
            while True:
                assert mirror.wait(10)
        assert mirror.view is None
        threaded.until(client, lambda: len(threaded.errors) == 2)


def test_onyx_a_connection_that_breaks_under_the_resubscription_mends_it(
    onyx, threaded, monkeypatch
):
    """What was asked for is replayed on the next connection, and that brings the list."""
    unsubscribe = onyx._unsubscribe
    cut = threading.Event()

    def cut_once(connection, request):
        if cut.is_set():
            unsubscribe(connection, request)
        else:
            cut.set()
            connection.drop()

    with follow(onyx, threaded) as client:
        mirror = client.mirror_dashboards(threaded.on_view)
        threaded.until(client, same(mirror, onyx))
        monkeypatch.setattr(onyx, "_unsubscribe", cut_once)
        onyx.push(say(7, {"id": "dashboard-1"}))
        assert cut.wait(5)
        threaded.until(client, lambda: mirror.synchronised and mirror.view.epoch == 2)
        assert same(mirror, onyx)()


def test_onyx_dashboards_may_be_told_apart_by_anything(onyx, threaded):
    """By another member, or by a function; one that fails is reported, and tried more slowly."""
    with follow(onyx, threaded) as client:
        by_name = client.mirror_dashboards(key="name").wait(5)
        assert sorted(by_name.by_key) == sorted(row["name"] for row in onyx.feed.dashboards)
        by_both = client.mirror_dashboards(key=lambda row: (row["id"], row["revision"])).wait(5)
        assert len(by_both) == len(onyx.feed.dashboards)
        broken = client.mirror_dashboards(key=lambda row: row["owner"])
        threaded.until(client, lambda: any(isinstance(e, KeyError) for e in threaded.errors))
        assert broken.view is None
        broken.close()
        with pytest.raises(TypeError):
            client.mirror_dashboards(key=3)
        with pytest.raises(TypeError):
            client.mirror_dashboards(key="")
        with pytest.raises(ValueError, match="conflated"):
            client.mirror_dashboards(conflate=True)
