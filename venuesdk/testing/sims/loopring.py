"""The simulated Loopring: connection keys, heartbeats, topics, and every documented rejection.

Requests, replies, codes and pushes follow the Loopring documents. Where these contradict each
other (they do, about replies), an option says which one to follow. That a connection is refused
with HTTP 401 is invented: the documents only say that it is. Topics, markets, accounts, replies
and the HTTP side live in the modules beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import define, field

from venuesdk.testing.schedule import Alarm
from venuesdk.testing.server import Connection, HttpReply, HttpRequest, Refusal, SimulatedVenue
from venuesdk.testing.sims.loopring_account import Account
from venuesdk.testing.sims.loopring_heartbeat import Heartbeat
from venuesdk.testing.sims.loopring_http import HttpApi
from venuesdk.testing.sims.loopring_market import BookView, Feed, differences, rows
from venuesdk.testing.sims.loopring_replies import Replies
from venuesdk.testing.sims.loopring_topics import (
    MAXIMUM_TOPICS,
    NEEDS_API_KEY,
    Rejected,
    Topic,
    is_true,
    read_topics,
    without,
)
from venuesdk.testing.switches import FAULTS

__all__ = ["SimulatedLoopring"]

_BOOKS = frozenset({"orderbook", "depth"})
_OPS = {"sub": "sub", "unsub": "unSub"}


@define(eq=False)
class _Subscription:
    """One topic of one connection; `shown` and `version` are what its client knows of a book."""

    topic: Topic
    shown: BookView = field(factory=dict)
    version: int = 0


@define(eq=False)
class _Memory:
    """What the venue knows of one connection; `api_key` is the first that it used."""

    heartbeat: Heartbeat
    beat: Alarm | None
    subscriptions: dict[str, _Subscription] = field(factory=dict)
    api_key: str | None = None


class SimulatedLoopring(SimulatedVenue):
    """Loopring on loopback; `url` is the v3 address, `v2_url` the oldest document's.

    `api_key` and `second_api_key` are accounts of their own; `orphan_api_key` is one that
    belongs to no user. Options beside those of every venue:

    `api_key`, the client's credential. `ping_interval` (30, None for never) and `pong_deadline`
    (120), in seconds. `seed_depth`: accept the topic ``depth`` of the oldest document.
    `trade_rows`: "fee", six columns, or "market", seven, the market before the fee.
    `snapshot_versions`: whether whole books carry versions.
    `bare_unsubscribe_all`: whether an unSub of everything may do without topics.
    `v2_needs_key`: whether the v2 address wants a connection key too. `key_error`: how a key is
    refused, "resultInfo" or "code". And the forms of a reply, described at `Replies`:
    `reply_key`, `status_case`, `topic_key`, `market_case`, `unparsed_op`, `unparsed_sequence`.
    """

    name = "loopring"
    path = "/v3/ws"
    has_http = True
    faults = (*FAULTS, "lose_update", "send_ping")

    def __init__(
        self,
        *,
        api_key: str = "simulated-loopring-key",
        ping_interval: float | None = 30.0,
        pong_deadline: float = 120.0,
        seed_depth: bool = False,
        trade_rows: str = "fee",
        snapshot_versions: bool = True,
        bare_unsubscribe_all: bool = True,
        v2_needs_key: bool = False,
        key_error: str = "resultInfo",
        reply_key: str = "topics",
        status_case: str = "lower",
        topic_key: str = "topic",
        market_case: str = "sent",
        unparsed_op: str = "sub",
        unparsed_sequence: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.api_key = api_key
        self.second_api_key = "simulated-loopring-second-key"
        self.orphan_api_key = "simulated-loopring-key-of-nobody"
        self.credentials = {"api_key": api_key}
        self._feed = Feed(self.seed, trade_rows)
        self._accounts = {
            self.api_key: Account(self.seed, 10005),
            self.second_api_key: Account(self.seed, 10006),
        }
        self._http = HttpApi(self._feed, self.random, key_error)
        self._replies = Replies(
            reply_key=reply_key,
            status_case=status_case,
            topic_key=topic_key,
            market_case=market_case,
            unparsed_op=unparsed_op,
            unparsed_sequence=unparsed_sequence,
        )
        self._ping_interval = ping_interval
        self._pong_deadline = pong_deadline
        self._seed_depth = seed_depth
        self._snapshot_versions = snapshot_versions
        self._bare_unsubscribe_all = bare_unsubscribe_all
        self._v2_needs_key = v2_needs_key
        self._stepped = 0

    @property
    def http_url(self) -> str:
        """The base of the HTTP side, without a slash at its end; the venue must be started."""
        return self._http_base()

    @property
    def v2_url(self) -> str:
        """The oldest document's address, which needs no connection key."""
        return self.url.removesuffix(self.path) + "/v2/ws"

    def send_ping(self) -> None:
        """Send one ``ping`` to every open connection now."""
        with self._guard:
            for connection in self.open_connections():
                connection.memory.heartbeat.ping()

    def lose_update(self) -> None:
        """Move the market without telling anyone, so that the books' versions have a gap."""
        with self._guard:
            self.step()
            for connection in self.open_connections():
                for one in connection.memory.subscriptions.values():
                    self._show(one)

    # -- hooks

    def admit(self, connection: Connection) -> Refusal | None:
        """Let in who brings a fresh key, and on the v2 address who brings none."""
        key = connection.query.get("wsApiKey")
        if connection.path not in (self.path, "/v2/ws"):
            return Refusal(404, "not found\n")
        if key is None and connection.path == "/v2/ws" and not self._v2_needs_key:
            return None
        return None if self._http.redeem(key) else Refusal(401, "wsApiKey refused\n")

    def on_http(self, request: HttpRequest) -> HttpReply:
        """Issue a connection key, or show a book."""
        return self._http.answer(request, self.login_refused, self._now())

    def opened(self, connection: Connection) -> None:
        """Start the heartbeat."""
        heartbeat = Heartbeat(connection, self.later, self._pong_deadline)
        beat = self.every(self._ping_interval, heartbeat.ping) if self._ping_interval else None
        connection.memory = _Memory(heartbeat, beat)

    def closed(self, connection: Connection) -> None:
        """Stop the heartbeat."""
        connection.memory.heartbeat.stop()
        if connection.memory.beat is not None:
            connection.memory.beat.cancel()

    def on_text(self, connection: Connection, text: str) -> None:
        """Answer a request as a whole, or count a pong."""
        if text == "pong":
            connection.memory.heartbeat.pong()
            return
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            connection.respond(self._replies.unparsed(text))
            return
        sent = request.get("op")
        op = _OPS.get(sent.lower(), sent) if isinstance(sent, str) else ""
        try:
            self._obey(connection.memory, request, op)
        except Rejected as why:
            connection.respond(self._replies.rejected(request, op, why))
        else:
            connection.respond(self._replies.accepted(request, op))

    def step(self) -> None:
        """Move the markets and the accounts."""
        self._stepped = self._now()
        self._feed.step(self._stepped)
        for account in self._accounts.values():
            account.step(self._feed.market, self._stepped // 1000)

    def events_for(self, connection: Connection) -> Iterable[object]:
        """Return the pushes of each topic that has something new."""
        for one in connection.memory.subscriptions.values():
            for content in self._news(one, connection.memory.api_key):
                yield {"topic": self._replies.push_topic(one.topic), "ts": self._stepped, **content}

    # -- requests

    def _obey(self, memory: _Memory, request: dict[str, Any], op: str) -> None:
        if op not in _OPS.values():
            raise Rejected(104101)
        everything = is_true(request.get("unsubscribeAll"))
        leaving = op == "unSub"
        topics: list[Topic] = []
        bare = leaving and everything and not request.get("topics")
        if not (bare and self._bare_unsubscribe_all):
            topics = read_topics(
                request.get("topics"), unsubscribing=leaving, seed_depth=self._seed_depth
            )
        api_key = self._api_key_of(memory, topics, request.get("apiKey"))
        before = [] if everything else [one.topic for one in memory.subscriptions.values()]
        if leaving:
            after = [] if everything else without(before, topics)
        else:
            known = {topic.key for topic in before}
            after = before + [topic for topic in topics if topic.key not in known]
        if len(after) > MAXIMUM_TOPICS:
            raise Rejected(104116)
        memory.api_key = api_key
        memory.subscriptions = {
            topic.key: (not everything and memory.subscriptions.get(topic.key))
            or self._show(_Subscription(topic))
            for topic in after
        }

    def _api_key_of(self, memory: _Memory, topics: list[Topic], given: Any) -> str | None:
        """Return the connection's account key once this request is obeyed."""
        if not any(topic.name in NEEDS_API_KEY for topic in topics):
            return memory.api_key
        if not given:
            raise Rejected(104104)
        if given == self.orphan_api_key:
            raise Rejected(104114)
        if self.login_refused or not isinstance(given, str) or given not in self._accounts:
            raise Rejected(104112)
        if memory.api_key not in (None, given):
            raise Rejected(104105)
        return given

    # -- pushes

    def _news(self, one: _Subscription, api_key: str) -> Iterable[dict[str, Any]]:
        topic = one.topic
        if topic.name in _BOOKS:
            return self._book(one)
        if topic.name == "order":
            return [{"data": row} for row in self._accounts[api_key].orders(topic.market)]
        if topic.name == "account":
            v3 = topic.settings.get("v3") is True
            return [{"data": row} for row in self._accounts[api_key].balances(v3)]
        return [{"data": self._feed.data(topic)}]

    def _book(self, one: _Subscription) -> list[dict[str, Any]]:
        """Return the whole book, or the slots that changed; nothing where none did."""
        known, version = one.shown, one.version
        self._show(one)
        changes = differences(known, one.shown)
        if not any(changes.values()):
            one.version = version
            return []
        # The first version of a push follows the last of the one before; one is documented as
        # an integer, the other printed as a text.
        versions: dict[str, Any] = {"startVersion": version + 1, "endVersion": str(one.version)}
        if is_true(one.topic.settings.get("snapshot")):
            data = rows(one.shown, one.topic.settings.get("count"))
            return [{**(versions if self._snapshot_versions else {}), "data": data}]
        return [{**versions, "data": rows(changes)}]

    def _show(self, one: _Subscription) -> _Subscription:
        """Note what the client of a book knows from now on."""
        if one.topic.name in _BOOKS:
            level = one.topic.settings.get("level", 0)
            one.shown = self._feed.book(one.topic.market, level)
            one.version = self._feed.versions[one.topic.market]
        return one

    def _now(self) -> int:
        return int(self.clock() * 1000)
