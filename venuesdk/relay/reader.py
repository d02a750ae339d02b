"""RelayReader: the streams of venues that another process has connected to.

Here is who may consume, and how a reader begins and ends. What has been seen to is known in
`venuesdk.relay.custody`; the engine is asked in `venuesdk.relay.intake`; what an entry means is
found in `venuesdk.relay.reading`, and told in `venuesdk.relay.handing`.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import frozen

from ..errors import ClientClosed, ReentrantCall
from ..models import Gap, StateChange
from ..secret import MaskedText, Secret
from ..session.callbacks import check_callback
from ..session.slots import SLICE
from ..session.worker import Worker
from ..timing import Backoff, Deadline
from .custody import Custody
from .engine import Engine, GroupLag
from .entry import Origin
from .handing import Handing
from .intake import Intake
from .keys import PREFIX
from .plan import plan_of
from .telling import Telling

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

__all__ = ["ReaderStats", "RelayReader"]

NAME = "venuesdk-relay-reader"
"""What the thread is called that a reader has of its own."""
CLOSE_TIMEOUT = 2.0
"""Seconds that a close takes at the longest."""
SETTLE_TIMEOUT = 1.4
"""Seconds of these that the last acknowledgements have."""


@frozen
class ReaderStats:
    """The counters of one reader, at one moment.

    ``received`` entries came from the engine, each counted once, ``redelivered`` of them had been
    handed out before, to this consumer or another; ``duplicates`` counts how often one came that
    was here already, and was not handed on again. ``delivered`` events reached the consumer, and
    ``undecodable`` entries could not be read; ``gaps`` were told of. ``acknowledged`` entries the
    engine was told of, and confirmed it; ``unacknowledged`` are in hand, or not confirmed.
    """

    received: int
    delivered: int
    redelivered: int
    duplicates: int
    undecodable: int
    gaps: int
    acknowledged: int
    unacknowledged: int


class RelayReader:
    """Read streams that a `Relay` publishes, typed as if they came from the venue.

    `engine` is the address of a Redis (``redis://``, ``rediss://`` or ``unix://``), or an `Engine`,
    which the reader then closes. Readers of one `group` share its entries, each under a `consumer`
    name of its own, which it keeps when it is started again, and which no other process has at the
    same time (a warning says where one has); every group gets all. `streams` are
    ``"onyx"``, all kinds of that venue, those that appear later too, within five seconds,
    ``"onyx:tickers"``, which is found at once, or with a shard ``"onyx.eu:tickers"``. What nobody
    has published yet, a mistyped kind perhaps, is waited for, and named in a warning once. A new
    group begins with the `oldest` entry that is kept, or with the next.

    Without `callback`, iterate over the reader or call `get`, on one thread at a time; with it,
    ``with reader:`` or `start` runs a thread that calls it. `on_gap` and `on_state` are called on
    the thread that consumes, in the order of the stream; without `on_gap` a warning is logged. What
    a callback raises, an entry that cannot be read, what the venue ended a topic with and, once for
    each outage, what the engine failed with go to `on_error`.

    **At least once.** An entry is acknowledged when the consumer asks for the next one, or its
    callback has returned, or raised: that is told to `on_error`, and the event counts as seen to;
    one that must not be lost is kept by the callback itself. What was in hand when a program ended
    comes again, marked by ``origin.redelivered``. What was seen to here never does. Entries that a
    consumer has not acknowledged for `adopt_after` seconds another of its group takes over
    (``None``: never); so a `batch`, which is handed out at once, must be seen to in less time. The
    acknowledgements go to the engine together, every 500, every second and before the reader waits;
    so does the last of them at `close`, but not that of the event in the hands of a loop that was
    left.

    **Silence.** With `stale_after`, ``on_gap`` is told, by one `Gap` with `GapReason.STALE`, of
    each silence of a stream: nothing new of it was handed to this reader for so many seconds in
    which the engine could be used. Never early, and within 2.5 seconds after, while the reader
    waits for events. Any new entry ends a silence, so does an outage of the engine. Whether the
    market is quiet or nobody publishes, `publishing` tells.

    **Outages** of the engine end by themselves: the reader keeps what it has, and asks again in the
    rhythm of `reconnect`. Only the first `start` raises. `timeout` bounds each answer of Redis in
    seconds, `password` and `ca_file` are as `RedisEngine` takes them. In a forked child every call
    raises `ClientClosed`.

    Lock: `_lock` guards who consumes. It is not held while anything waits.
    """

    def __init__(
        self,
        engine: str | Engine,
        group: str,
        consumer: str,
        streams: str | Sequence[str],
        callback: Callable[[Any], object] | None = None,
        on_gap: Callable[[Gap], object] | None = None,
        on_state: Callable[[StateChange], object] | None = None,
        on_error: Callable[[BaseException], object] | None = None,
        *,
        oldest: bool = True,
        prefix: str = PREFIX,
        batch: int = 500,
        adopt_after: float | None = 60.0,
        reconnect: Backoff = Backoff(maximum=5.0),  # noqa: B008 - a frozen value
        stale_after: float | None = None,
        password: str | Secret | Callable[[], str | Secret] | None = None,
        ca_file: str | Path | None = None,
        timeout: float = 5.0,
    ) -> None:
        # First of all, for a traceback that captures locals shows them though they were refused.
        engine = MaskedText(engine) if isinstance(engine, str) else engine
        password = Secret(password) if isinstance(password, str) else password
        given = {"callback": callback, "on_gap": on_gap, "on_state": on_state, "on_error": on_error}
        for name, function in given.items():
            check_callback(name, function)
        self._plan = plan_of(
            streams, group, consumer, prefix, oldest, batch, adopt_after, reconnect, stale_after
        )
        self._callback = callback
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._consumer: threading.Thread | None = None
        self._inside: threading.Thread | None = None
        self._started = False
        self._stopping = _Stopping()
        self._ended = threading.Event()
        self._worker: Worker | None = None
        self._engine = _engine_of(engine, password, ca_file, timeout)
        self._custody = Custody()
        self._telling = Telling(on_gap, on_state, on_error, self._custody.__len__)
        self._intake = Intake(
            self._plan, self._engine, self._custody, self._telling, self._stopping
        )
        self._handing = Handing(self._custody, self._intake, self._telling, self._stopping)

    # Beginning and ending ------------------------------------------------------------------------

    def start(self) -> Self:
        """Join the group, and with a callback begin to call it; returns the reader.

        Blocks until the engine has answered, and raises what it raises: a `RelayError`. Only after
        a first success does the reader deal with outages by itself. Does nothing where it was
        started already; raises `ClientClosed` where it was closed.
        """
        self._check_open()
        if self._worker is None:
            me = self._consumer_here("start")
            # Ctrl-C may come at any line: what is taken inside is given back, and nothing else is.
            try:
                self._begin(me)
                self._join()
                if self._callback is not None:
                    self._start_worker()
            finally:
                if self._inside is me:
                    self._inside = None
        return self

    def close(self) -> None:
        """Acknowledge what was seen to, and let go of the engine, for good.

        Returns within two seconds, from any thread, callbacks included. A callback that is still
        running is named in a warning and not waited for; what it has in hand is acknowledged when
        it returns. Whoever waits for an event gets `ClientClosed`, and an iteration ends.
        """
        if os.getpid() != self._pid:
            return
        self._stopping.set()
        deadline = Deadline(CLOSE_TIMEOUT)
        worker = self._worker
        self._intake.interrupt()
        if worker is None and not self._ended.is_set():
            # On a thread of its own, for nobody can say how long the engine takes.
            worker = Worker(self._end, NAME)
            worker.start()
        if worker is None or worker.ended(Deadline(deadline.slice(SETTLE_TIMEOUT))):
            return
        if self._telling.running is None:
            self._engine.close()
        if worker.ended(deadline):
            return
        if self._telling.running is not None:
            self._telling.warn_of_running()
        else:
            text = "closed while the engine still owes an answer"
            self._telling.journal.say(logging.WARNING, text)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the reader has been closed; return False where `timeout` seconds came first.

        Blocks, and can be interrupted by Ctrl-C. Raises `ReentrantCall` inside a callback.
        """
        self._check_process()
        if threading.current_thread() is self._worker:
            raise ReentrantCall("wait would wait for itself inside a callback", venue="relay")
        deadline = Deadline(timeout)
        while not self._ended.wait(deadline.slice(SLICE)):
            if deadline.expired():
                return False
        return True

    # Consuming -----------------------------------------------------------------------------------

    def get(self, timeout: float | None = None) -> Any:
        """Return the next event, waiting for it up to `timeout` seconds (for ever by default).

        By asking, the event before is acknowledged. Blocks, on one thread at a time: another gets
        a `ValueError`. Raises `TimeoutError` where nothing came in time, `ClientClosed` where the
        reader was closed, and where it was not started, what `start` raises. An engine that hangs
        may make it later by as long as one answer may take.
        """
        if self._callback is not None:
            raise ValueError("the reader has a callback")
        deadline = Deadline(timeout)
        asked = False
        me = self._consumer_here("get")
        try:
            self._begin(me)
            self._join()
            self._handing.done()
            asked = True
            return self._handing.next(deadline)
        except BaseException:
            # Ctrl-C may come when an event is on its way out: it is not in anybody's hands then.
            if asked:
                self._handing.take_back()
            raise
        finally:
            # No call, for Ctrl-C may come with one.
            if self._inside is me:
                self._inside = None

    def __iter__(self) -> Iterator[Any]:
        """Yield events until the reader is closed."""
        while True:
            try:
                event = self.get()
            except ClientClosed:
                self._check_process()
                return
            yield event

    @property
    def origin(self) -> Origin | None:
        """Where the event, the gap or the state change in hand comes from; None before the first.

        Of a gap that the reader found itself it is the place in the stream where it is.
        """
        return self._handing.origin()

    # Looking -------------------------------------------------------------------------------------

    def lag(self) -> tuple[GroupLag, ...]:
        """Return how far the group is behind, stream by stream.

        Asks the engine, and blocks for that, from any thread; a wait for events that is under way
        comes first, for a second at the most. Raises a `RelayError` where the engine fails,
        `ClientClosed` where the reader was closed.
        """
        self._check_open()
        return tuple(self._intake.lag())

    def publishing(self) -> dict[str, bool]:
        """Return whether a publisher is in office now, for each venue and shard asked for.

        By ``"onyx"``, or with a shard ``"onyx.eu"``. A publisher that was killed stays in office
        until its lease ends. Asks the engine, blocks and raises as `lag` does.
        """
        self._check_open()
        return self._intake.publishing()

    @property
    def stats(self) -> ReaderStats:
        """The counters, now; any thread may ask."""
        self._check_process()
        custody = self._custody
        return ReaderStats(
            received=custody.received,
            delivered=self._handing.delivered,
            redelivered=custody.redelivered,
            duplicates=custody.duplicates,
            undecodable=self._handing.undecodable,
            gaps=self._telling.gaps,
            acknowledged=custody.acknowledged,
            unacknowledged=custody.unacknowledged,
        )

    def __repr__(self) -> str:
        # A traceback that captures locals may show it half made.
        plan, stopping = vars(self).get("_plan"), vars(self).get("_stopping")
        if plan is None or stopping is None:
            return "<RelayReader half made>"
        state = "closed" if stopping.is_set() else "open" if self._started else "new"
        return f"<RelayReader {plan.consumer!r} of {plan.group!r} {state}>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a RelayReader cannot be pickled or copied")

    # Inside --------------------------------------------------------------------------------------

    def _check_process(self) -> None:
        if os.getpid() != self._pid:
            raise ClientClosed("this reader belongs to the parent process", venue="relay")

    def _check_open(self) -> None:
        self._check_process()
        if self._stopping.is_set():
            raise ClientClosed("the relay's reader is closed", venue="relay")

    def _consumer_here(self, call: str) -> threading.Thread:
        """Return this thread, if it may consume: not inside of what a reader calls."""
        self._check_open()
        me = threading.current_thread()
        if self._inside is me:
            raise ReentrantCall(f"{call} would wait for itself inside a callback", venue="relay")
        return me

    def _begin(self, me: threading.Thread) -> None:
        """Let nobody else consume meanwhile, nor while this thread has an event in hand."""
        with self._lock:
            other = self._consumer
            if other is not None and other is not me:
                busy = self._inside is other or self._handing.handed is not None
                if busy and other.is_alive():
                    raise ValueError(f"another thread consumes this reader: {other.name}")
                # It went away with an event in its hands.
                self._handing.drop()
            self._consumer = self._inside = me

    def _join(self) -> None:
        if not self._started:
            self._intake.join()
            self._check_open()
            self._started = True

    def _start_worker(self) -> None:
        worker = Worker(self._work, NAME)
        self._telling.own(worker)
        # Before it runs, for the callback may close the reader.
        self._worker = worker
        try:
            worker.start()
        except BaseException:
            if not worker.is_alive():
                self._worker = None
            raise

    def _work(self) -> None:
        """Call the callback with each event, on the reader's own thread, until the reader stops."""
        callback, handing, telling = self._callback, self._handing, self._telling
        telling.begin()
        try:
            while callback is not None:
                value = handing.next(Deadline(None))
                telling.call(callback, value, handing.topic)
                handing.done()
        except ClientClosed:
            pass
        except BaseException as error:
            telling.tell(error)
        finally:
            self._stopping.set()
            self._end()

    def _end(self) -> None:
        try:
            self._intake.end()
        finally:
            self._ended.set()


class _Stopping(threading.Event):
    """An event that a signal handler may set, though its own thread is just beginning to wait."""

    def __init__(self) -> None:
        super().__init__()
        self._cond = threading.Condition(threading.RLock())


def _engine_of(
    engine: str | Engine,
    password: Secret | Callable[[], str | Secret] | None,
    ca_file: str | Path | None,
    timeout: float,
) -> Engine:
    """Return the engine at an address, or the one that was given."""
    if isinstance(engine, str):
        from .redis import RedisEngine

        return RedisEngine(engine, password=password, ca_file=ca_file, timeout=timeout)
    if password is not None or ca_file is not None:
        raise ValueError("password and ca_file go with the address of a Redis")
    if not hasattr(engine, "unfinished"):
        raise TypeError(f"an engine is the address of a Redis, or an Engine, not {engine!r}")
    return engine
