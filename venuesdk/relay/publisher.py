"""Relay: publish the streams of clients, so that other programs can read them.

What is given here to ``subscribe…`` as a callback takes the events before any queue of the client,
and one thread, `venuesdk.relay.flusher`, hands them to the engine. Orders and other calls do not go
this way: whoever makes one needs to know what became of it, and only the client that sent it can
tell "not sent" from "refused" from "unknown".
"""

from __future__ import annotations

import logging
import math
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from ..client import Client, Credential
from ..errors import VenueError
from ..models import Gap, StateChange
from ..protocol.codec import Event
from ..session.sink import Sink, SinkSubscription
from ..session.worker import Worker
from ..timing import Backoff, Deadline
from .engine import Engine
from .entry import counted
from .flusher import Flusher, now_ns
from .keys import PREFIX, office_of, stream_of
from .lane import Lane, Overflow
from .office import Office
from .source import End, Source
from .stats import RelayStats, stats_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Relay"]

MAX_QUEUE = 65_536
MAX_BYTES = 64 << 20
CLOSE_TIMEOUT = 5.0
GRACE = 1.0
"""Seconds that a close waits longer for a thread that an engine keeps waiting."""
LONGEST_LINGER = 60.0


class Relay(Sink):
    """Publish streams of one client, or of several, each of another venue.

    ``client.subscribe_tickers(relay, products=["dub"])`` publishes that stream: the relay stands
    where a callback would. Every event goes out as the venue sent it, undecoded, with its topic,
    the number of the connection, the venue's time and that of its arrival; gaps, changes of state
    and the end of a topic stand between the events where they happened. `RelayReader` reads them.

    `url` is that of Redis, with `password` and `ca_file` as `venuesdk.relay.redis.RedisEngine`
    takes them, or any other `Engine`. Streams are called ``PREFIX:{VENUE}:KIND``, with `shard`
    ``PREFIX:{VENUE.SHARD}:KIND``: two publishers with one venue and shard stand by for each other,
    so a second account of a venue, or some other part of its topics, needs a shard of its own.

    **Standing by.** One publisher at a time is in office for a venue, for a `lease` of so many
    seconds, which it renews. Any number of others may run: they are connected, and forget what
    comes, until the lease has ended; the readers are told by a gap, `GapReason.TAKEN_OVER`. One
    that was only cut off, and comes back, is refused by the engine itself.

    **What waits.** Entries are appended as fast as the engine confirms them, up to `batch` at a
    time, each `linger` seconds after it came at the latest; they are forgotten when the engine has
    confirmed them. While it cannot be used, for whatever reason, they wait, and it is tried again
    in the rhythm of `reconnect`. Of market data at most `max_queue` events and 64 MiB for each
    stream: then the ``"oldest"``, or where `overflow` says so the ``"newest"``, are dropped, and a
    gap with their exact count stands in their place. Account and order streams are never dropped;
    what waits of them is bounded by memory alone, and its growth is warned of.

    **What is kept.** A stream is trimmed to what some group of readers has not acknowledged. A
    group that reads no more keeps everything from then on, and without any group nothing is ever
    forgotten. `max_length` is lossy: beyond so many entries the oldest are forgotten whoever needs
    them; a warning says how many, and the group that missed them is told by a gap.

    Errors of the engine go to ``on_error`` of the clients, once for each outage; a process that is
    killed loses what waits. Any thread may call anything; no call waits but `start`, `flush`,
    `wait_publishing` and `close`. In a forked child it publishes nothing.
    """

    def __init__(
        self,
        clients: Client | Iterable[Client],
        url: str | Engine,
        *,
        shard: str = "",
        prefix: str = PREFIX,
        password: Credential | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        lease: float = 5.0,
        batch: int = 200,
        linger: float = 0.001,
        max_queue: int = MAX_QUEUE,
        max_bytes: int = MAX_BYTES,
        overflow: Overflow = "oldest",
        max_length: int | None = None,
        reconnect: Backoff | None = None,
    ) -> None:
        given = [clients] if isinstance(clients, Client) else list(clients)
        for client in given:
            if not isinstance(client, Client):
                raise TypeError(f"what is relayed are clients, not {type(client).__name__}")
        venues = [client.venue for client in given]
        if not venues or len(set(venues)) < len(venues):
            raise ValueError("a relay has one client, or several of different venues")
        for name, value in (("batch", batch), ("max_queue", max_queue), ("max_bytes", max_bytes)):
            _check_count(name, value)
        if max_length is not None:
            _check_count("max_length", max_length)
        if overflow not in ("oldest", "newest"):
            raise ValueError(f'overflow is "oldest" or "newest", not {overflow!r}')
        if not 0.001 <= (Deadline(lease).timeout or 0.0) < math.inf:
            raise ValueError("a lease is a number of seconds above 0")
        if (Deadline(linger).timeout or 0.0) > LONGEST_LINGER:
            raise ValueError(f"linger is at most {LONGEST_LINGER:.0f} seconds, not {linger}")
        self._limits = (max_queue, max_bytes, overflow)
        self._lock = threading.RLock()
        self._sources: dict[SinkSubscription, tuple[Lane, Source]] = {}
        owner = token_hex(8)
        self._offices = {
            client.venue: Office(office_of(prefix, client.venue, shard), client, owner, lease)
            for client in given
        }
        self._watches: list[tuple[Client, Callable[[StateChange], object]]] = []
        engine = _engine_of(url, password, ca_file)
        self._flusher = Flusher(
            engine,
            list(self._offices.values()),
            batch=batch,
            linger=Deadline(linger).timeout or 0.0,
            max_length=max_length,
            reconnect=reconnect or Backoff(initial=0.1, maximum=2.0),
        )
        self._thread = Worker(self._flusher.run, "venuesdk-relay")
        self._process = os.getpid()
        self._started = self._closed = False

    # For the user --------------------------------------------------------------------------------

    def start(self) -> Self:
        """Reach the engine, try for the offices, begin to publish, and return the relay.

        Blocks for one answer of the engine. Raises `EngineUnavailable`, `EngineRefused` or
        `EngineFull` where there is none; from then on such things are waited out. Where another
        publisher is in office this one stands by. Where it raises, the relay is closed, and gives
        up the offices that it had taken, if the engine answers.
        """
        if os.getpid() != self._process:
            # Its name among all publishers must be its own.
            raise ValueError("a relay is started by the process that made it")
        with self._lock:
            if self._started or self._closed:
                raise ValueError("a relay is started once: make another one")
            self._started = True
        try:
            self._flusher.begin()
            for client in (office.client for office in self._offices.values()):
                watch = self._watch_of(client)
                self._watches.append((client, watch))
                client._watch(watch)
            self._thread.start()
        except BaseException:
            self._closed = True
            self._flusher.stop(Deadline(0))
            self._forget_clients()
            if self._thread.ended(Deadline(0)):
                self._flusher.end()
            raise
        if self._closed:
            # By another thread, meanwhile.
            self._forget_clients()
        return self

    def close(self, timeout: float = CLOSE_TIMEOUT) -> bool:
        """Publish what waits, give up the offices, and end.

        Blocks until the engine has confirmed all, `timeout` seconds at the most; where that was
        not enough it returns False, a warning says how much was left behind, and `stats` counts
        it; an engine that does not answer has one more second to. The subscriptions end first.
        Again, and in a forked child, it does nothing.
        """
        if os.getpid() != self._process:
            return True
        deadline = Deadline(timeout)
        with self._lock:
            first, self._closed = not self._closed, True
        self._forget_clients()
        self._flusher.stop(deadline)
        if not self._started:
            self._flusher.engine.close()
        ended = self._thread.ended(Deadline(None if timeout is None else timeout + GRACE))
        left = self._flusher.left()
        if ended:
            self._flusher.unpublished = left
        if first and (left or not ended):
            text = "the relay was closed with %s not published"
            for office in self._offices.values():
                office.say(logging.WARNING, text, counted(left), lost=left)
        return ended and not left

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the engine has confirmed all that came before; False at the `timeout`.

        What comes meanwhile is not waited for. What the relay dropped, or left to another
        publisher, counts as done.
        """
        marks = [(lane, lane.came) for lane in self._all_lanes()]
        return self._wait(lambda: all(lane.done >= mark for lane, mark in marks), timeout)

    def wait_publishing(self, timeout: float | None = None) -> bool:
        """Wait until this publisher is in office for all its venues; False at the `timeout`."""
        offices = self._offices.values()
        return self._wait(lambda: all(one.term for one in offices), timeout)

    def _wait(self, done: Callable[[], bool], timeout: float | None) -> bool:
        deadline = Deadline(timeout)
        # In a forked child nobody would ever let go of the lock.
        return os.getpid() == self._process and self._flusher.wait(done, deadline)

    @property
    def publishing(self) -> bool:
        """Whether this publisher is in office for all its venues."""
        return all(office.term for office in self._offices.values())

    def stats(self) -> RelayStats:
        """Return the counters, as they are now; any thread may ask."""
        publishing = [venue for venue, one in self._offices.items() if one.term]
        return stats_of(publishing, self._all_lanes(), self._flusher)

    def __repr__(self) -> str:
        state = "closed" if self._closed else "running" if self._started else "new"
        return f"<Relay of {', '.join(self._offices)} {state}>"

    # What the clients tell -----------------------------------------------------------------------

    def accept(self, subscription: SinkSubscription) -> None:
        """Make room for a subscription of one of the relay's clients."""
        office = next(
            (
                one
                for one in self._offices.values()
                if subscription.belongs_to(one.client._delivery)
            ),
            None,
        )
        if office is None:
            raise ValueError("the relay was not made with this client")
        source = Source(subscription, office.client._codec_class.catalogue)
        stream = stream_of(office.name, subscription.topic.kind)
        with self._lock:
            if self._closed:
                raise ValueError("the relay is closed")
            lane = next((one for one in office.lanes if one.stream == stream), None)
            if lane is None:
                lane = Lane(stream, *self._limits)
                office.lanes = (*office.lanes, lane)
            lane.add(source)
            self._sources[subscription] = (lane, source)

    def take(self, subscription: SinkSubscription, events: Sequence[Event], epoch: int) -> None:
        """Let events wait to be published."""
        found = self._sources.get(subscription)
        if found is not None:
            lane, source = found
            lane.put(source, events, epoch, now_ns())
            self._flusher.wake()

    def take_gap(self, subscription: SinkSubscription, gap: Gap) -> None:
        """Let a gap wait to be published."""
        self._note(subscription, gap)

    def ended(self, subscription: SinkSubscription, error: VenueError | None) -> None:
        """Let the end of a topic wait to be published, unless it is the relay that ended it."""
        if not self._closed:
            self._note(subscription, End(error))
        with self._lock:
            lane, source = self._sources.pop(subscription, (None, None))
        if lane is not None and source is not None:
            lane.remove(source)

    def _note(self, subscription: SinkSubscription, told: Gap | End) -> None:
        found = self._sources.get(subscription)
        if found is not None:
            lane, source = found
            lane.note(source, now_ns(), told)
            self._flusher.wake()

    def _watch_of(self, client: Client) -> Callable[[StateChange], object]:
        office = self._offices[client.venue]

        def watch(change: StateChange) -> None:
            for lane in office.lanes:
                lane.note(None, now_ns(), change)
            self._flusher.wake()

        return watch

    def _forget_clients(self) -> None:
        for subscription in list(self._sources):
            subscription.close()
        for client, watch in self._watches:
            client._unwatch(watch)

    def _all_lanes(self) -> list[Lane]:
        return [lane for office in self._offices.values() for lane in office.lanes]


def _engine_of(
    url: str | Engine, password: Credential | None, ca_file: str | os.PathLike[str] | None
) -> Engine:
    if not isinstance(url, str):
        if password is not None or ca_file is not None:
            raise ValueError("password and ca_file are for the address of Redis")
        return url
    from .redis import RedisEngine

    return RedisEngine(url, password=password, ca_file=ca_file)


def _check_count(name: str, value: Any) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} is a number above 0, not {value!r}")
