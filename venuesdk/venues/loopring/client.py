"""LoopringClient: the blocking client of Loopring; arguments are checked here, by its rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...book import BookUpdate, BookView
from ...client import Client, ClientOptions, Credential, SubscribeOptions
from ...mirrors.order_book import OrderBookMirror
from ...models import State
from ...protocol.codec import Topic
from ...timing import Deadline
from .codec import LoopringCodec, LoopringV2Codec, leave_request
from .configs import Config, Key, key_of, mistakable, name_of, needs_api_key, stops
from .mirror import MOST_SLOTS, book_update, depth_of, depth_request
from .topics import OrderBook, TopicLike, config_of, topic_of

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ...session.subscription import Subscription

__all__ = ["LoopringClient"]

KEY_VARIABLE: Final = "VENUESDK_LOOPRING_API_KEY"
MAX_TOPICS: Final = 20
"""How many topics the venue allows in all."""
VERSIONS: Final[Mapping[str, type[LoopringCodec]]] = {
    "v2": LoopringV2Codec,
    "v3": LoopringCodec,
}


class LoopringClient(
    Client,
    venue="loopring",
    codec=LoopringCodec,
    credentials={"api_key": KEY_VARIABLE},
    optional_credentials=("api_key",),
):
    """Listen to Loopring from any thread; every call blocks until its answer, or raises.

    `api_key` is the account's key, sent only with the topics that need it (`Account`, `Orders`);
    without it the environment variable ``VENUESDK_LOOPRING_API_KEY`` is read, and all other
    topics work with neither.

    `version` ``"v3"`` is the venue's present one: before every connection the client asks
    `http_url` for a connection key. ``"v2"`` is the address of the venue's first document, which
    needs no key.

    Amounts are exact integers in the smallest unit of their token.

    The other keyword arguments are `venuesdk.ClientOptions`; those of every ``subscribe…`` are
    `venuesdk.SubscribeOptions`.
    """

    def __init__(
        self,
        *,
        api_key: Credential | None = None,
        version: str = "v3",
        **options: Unpack[ClientOptions],
    ) -> None:
        if version not in VERSIONS:
            raise ValueError(f"version is v3 or v2, not {version!r}")
        if version == "v3" and bool(options.get("url")) != bool(options.get("http_url")):
            # Else a connection elsewhere would begin with a key from the venue itself.
            raise ValueError("url= and http_url= belong together: the key comes over HTTP")
        super().__init__({"api_key": api_key}, codec=VERSIONS[version], **options)
        self._kept: dict[OrderBookMirror, Key] = {}

    def subscribe(
        self,
        *topics: TopicLike,
        callback: Callable[[Any], object] | None = None,
        unsubscribe_all: bool = False,
        **options: Unpack[SubscribeOptions],
    ) -> list[Subscription[Any]]:
        """Start streams by one request, and return a subscription for each topic, in order.

        Blocks until the venue has confirmed it. It succeeds or fails as a whole: where the venue
        refuses, no stream was started and none was ended. With `unsubscribe_all` the venue ends
        every other stream of this client first; their subscriptions end then. A topic is one of the
        classes of this package, or a mapping that is sent as it is. A push belongs to the topics
        that fit what it says of its own; a candle that names no market comes to every subscription
        of its interval. One `callback` serves all topics of the call; where it runs, and what every
        stream promises, is told at `venuesdk.SubscribeOptions`.

        Raises `ValueError` or `TypeError` before anything is sent: for a topic that occurs twice,
        for more than 20 topics in all, where one needs `api_key` and there is none, and for whole
        books of a market that is kept (`keep_order_book`). Raises `InvalidRequest`,
        `AuthenticationError` or another `RequestRejected` with the venue's code (Loopring document,
        "Status code"), and what every call raises (`venuesdk.Client`).
        """
        wanted = [topic_of(topic) for topic in topics]
        self._check([topic.spec for topic in wanted])
        if not wanted:
            raise ValueError("subscribe needs a topic")
        _check_flag(unsubscribe_all)
        keys = {topic.key for topic in wanted}
        self._check_kept(keys)
        if not unsubscribe_all:
            keys |= {topic.key for topic in self._topics()}
        if len(keys) > MAX_TOPICS:
            raise ValueError(f"the venue allows {MAX_TOPICS} topics in all, not {len(keys)}")
        return self._subscribe_all(
            wanted,
            callback,
            options,
            {"unsubscribe_all": unsubscribe_all},
            _everything if unsubscribe_all else None,
        )

    def keep_order_book(
        self,
        market: str,
        *,
        level: int = 0,
        count: int = MOST_SLOTS,
        on_book: Callable[[BookView], object] | None = None,
        **options: Unpack[SubscribeOptions],
    ) -> OrderBookMirror:
        """Keep a market's book as it is now, from its depth and every change since.

        Blocks until the venue has confirmed the stream and, over HTTP, has answered with the
        depth: the `count` best slots of each side (50 at the most) at the `level` of `OrderBook`.
        `on_book` is called with every `BookView` of `market`. Sizes are amounts of the base token
        in its smallest unit, versions the venue's (Loopring document, "Orderbook Notification",
        and its way to a local book). Where a version is missing, the depth is asked for again.
        Where callbacks run is told at `venuesdk.SubscribeOptions`; all of these but ``conflate``
        are taken, which raises `ValueError`: a change cannot be left out. So does a market of
        which this client has whole books streaming at that level, ``OrderBook(snapshot=True)``:
        no document says that their pushes can be told from changes. They need another client.

        Only ``version="v3"`` has a documented depth; with another one it raises `ValueError`.
        Raises as `subscribe` does, `RequestRejected` where the venue has no such depth, and what
        every call raises (`venuesdk.Client`). Nothing is left behind then.
        """
        wanted = OrderBook(market, level)
        if isinstance(count, bool) or not isinstance(count, int):
            raise TypeError(f"count is an int, not {type(count).__name__}")
        if not 1 <= count <= MOST_SLOTS:
            raise ValueError(f"count is from 1 to {MOST_SLOTS}, not {count}")
        if self._codec_class is not LoopringCodec:
            raise ValueError('a kept book needs version="v3": of others no depth is documented')

        def ask(deadline: Deadline) -> BookUpdate:
            response = self._http(depth_request(market, level, count), deadline)
            return depth_of(market, count, response)

        def begin(take: Callable[[Any], None], chosen: Any) -> Subscription[Any]:
            self._kept[mirror] = key_of(wanted.config())
            self._check_kept(topic.key for topic in self._topics())
            return self.subscribe(wanted, callback=take, **chosen)[0]

        mirror = OrderBookMirror(self._session.upkeep, market, book_update, ask, on_book)
        return mirror.start(begin, options)

    def unsubscribe(
        self,
        *topics: TopicLike,
        unsubscribe_all: bool = False,
        timeout: float | None = None,
    ) -> None:
        """Stop topics at the venue by one request, and end their subscriptions.

        Blocks until the venue has confirmed it. ``All("order")`` stands for every configuration of
        a topic; with `unsubscribe_all` everything is stopped, and no topic need be given. What is
        stopped ends for everyone who listens to it: to end one subscription of several, close it
        instead. Where the venue refuses, nothing ends: `NotSubscribed` where it does not know one
        of the topics.

        Raises `ValueError` or `TypeError` before anything is sent, as `subscribe` does, and what
        every call raises (`venuesdk.Client`): `NotSent` at once while there is no connection
        (Loopring document, "Unsubscription", "Status code").
        """
        configs = [config_of(topic) for topic in topics]
        _check_flag(unsubscribe_all)
        if unsubscribe_all and not configs:
            # No document says that a request may be without topics, so it names them all.
            configs = [topic.spec for topic in self._topics()]
            if not configs and self.state is not State.CLOSED:
                return
        self._check(configs)
        if not configs and not unsubscribe_all:
            raise ValueError("unsubscribe needs a topic, or unsubscribe_all=True")
        self._unsubscribe(
            leave_request(configs, unsubscribe_all),
            _everything if unsubscribe_all else _stopped_by(configs),
            timeout,
        )

    def _check(self, configs: Sequence[Config]) -> None:
        """Refuse what the venue's numbered rules forbid in one request."""
        seen = set()
        for config in configs:
            key = key_of(config)
            if key in seen:
                raise ValueError(f"the same topic occurs twice: {name_of(config)}")
            seen.add(key)
        if needs_api_key(configs) and not self._has_key():
            raise ValueError(
                f"{_private(configs)} needs api_key= or the environment variable {KEY_VARIABLE}"
            )

    def _check_kept(self, keys: Iterable[Any]) -> None:
        """Refuse whole books beside the changes of the same book, which a mirror relies on."""
        keys = tuple(keys)
        for mirror, changes in list(self._kept.items()):
            if mirror.closed:
                self._kept.pop(mirror, None)
            elif any(mistakable(key, changes) for key in keys):
                raise ValueError(
                    f"{mirror.market} is kept: whole books of it need a client of their own"
                )

    def _has_key(self) -> bool:
        return self._given["api_key"] is not None or bool(os.environ.get(KEY_VARIABLE))


def _private(configs: Iterable[Config]) -> str:
    return next(name_of(config) for config in configs if needs_api_key([config]))


def _everything(topic: Topic) -> bool:
    return True


def _stopped_by(configs: Sequence[Config]) -> Callable[[Topic], bool]:
    stopped = stops(configs)

    def cancels(topic: Topic) -> bool:
        return isinstance(topic.key, tuple) and stopped(topic.key)

    return cancels


def _check_flag(value: object) -> None:
    if not isinstance(value, bool):
        raise TypeError(f"unsubscribe_all is True or False, not {value!r:.80}")
