"""Session: one client's conversation with its venue, over as many connections as it takes.

It puts the parts of this floor together, begins and ends them, and is what the reader tells of
its connection.
"""

from __future__ import annotations

import contextlib
import logging
import os
import weakref
from collections.abc import Callable, Mapping, Sequence

from attrs import evolve

from ..errors import AuthenticationError, ConnectFailed, ConnectionLost, VenueError
from ..models import State
from ..protocol.codec import Topic
from ..protocol.conversation import Ids
from ..protocol.subscriptions import Subscriptions
from ..secret import Secret
from ..timing import Deadline
from .asking import Asking
from .credentials import CredentialsKeeper
from .delivery import Delivery
from .fetcher import Fetcher
from .link import Link, Traffic
from .overview import Overview
from .reader import Dial, Plan, Reader
from .redaction import redact
from .router import Router
from .slots import Slot, Slots
from .staleness import Staleness
from .standing import Standing
from .stats import Counters
from .subscribing import Subscribing
from .upkeep import Upkeep
from .worker import Worker

__all__ = ["Session", "sessions"]

CLOSE_TIMEOUT = 2.0
REST_TIMEOUT = 0.25
"""Seconds that a failed ``connect()`` waits for callbacks that are told of it."""
CLOSING_HANDSHAKE = 0.5
"""Seconds of the close's time that a connection's closing handshake may take."""
FRAME_TIMEOUT = 0.1
"""Seconds that a close leaves to another one, which is sending the close frame."""


class Session:
    """The parts of one client, and their common life.

    Threads: any number of callers; the reader; whoever runs callbacks. Lock: that of `standing`.
    """

    def __init__(
        self,
        plan: Plan,
        delivery: Delivery,
        credentials: Callable[[], Mapping[str, Secret]],
    ) -> None:
        ids = Ids()
        slots = Slots()
        self.standing = Standing(plan.venue, delivery)
        self.counters = Counters()
        self.asking = Asking(self.standing, ids, slots, self.counters)
        self._subscriptions = Subscriptions(ids, delivery.report)
        self._staleness = Staleness()
        self.subscribing = Subscribing(
            self.standing, self._subscriptions, self._staleness, plan.timeout
        )
        self.upkeep = Upkeep(self.standing, delivery, self.subscribing, plan.timeout)
        self._plan = plan
        self.delivery = delivery
        self._keeper = CredentialsKeeper(plan.venue, credentials)
        self._ids = ids
        self._slots = slots
        self._router = Router(
            self.standing.lock, ids, slots, self._subscriptions, delivery, self.counters
        )
        self._reader: Reader | None = None
        self._connecting = False
        self._first_answer: Slot | None = None
        self._retired = Traffic()
        self.overview = Overview(
            self.standing, self.counters, delivery, self._subscriptions, slots, self._retired
        )
        _SESSIONS.add(self)

    def use(self, dial: Dial, fetch: Fetcher) -> None:
        """Make connections, and ask over HTTP, some other way; before the first `connect`."""
        self._plan = evolve(self._plan, dial=dial, fetch=fetch)

    # Beginning and ending ------------------------------------------------------------------------

    def connect(self, deadline: Deadline) -> None:
        """Make the first connection, and wait for it; later ones make themselves.

        Does nothing where there is one already. Raises what went wrong, after which nothing is
        left running.
        """
        standing = self.standing
        standing.check_fork()
        begun = False
        try:
            with standing.lock:
                standing.check_locked(failed=False)
                if standing.state in (State.CONNECTED, State.RECONNECTING):
                    return
                # The state may say otherwise by now, while that connect has yet to clear up.
                if self._connecting:
                    raise ConnectFailed("another thread is connecting this client")
                begun = self._connecting = True
                standing.move_locked(State.CONNECTING, "connect")
            standing.log()
            self._start(self._keeper.ask(), deadline)
        except BaseException as error:
            if begun:
                self._back_to_new(error)
            if isinstance(error, VenueError):
                error.venue = error.venue or standing.venue
            raise
        finally:
            if begun:
                self._connecting = False

    def _start(self, credentials: Mapping[str, Secret], deadline: Deadline) -> None:
        answer = Slot()
        reader = Reader(self, self._plan, self.delivery.journal)
        with self.standing.lock:
            self.standing.check_locked(failed=False)
            self._first_answer = answer
            self._reader = reader
        self.delivery.start()
        reader.start(credentials, deadline)
        answer.wait(Deadline(None))

    def _back_to_new(self, error: BaseException) -> None:
        """Leave nothing running: the first connection failed, or its caller was interrupted."""
        with self.standing.lock:
            reader = self._reader
            self._first_answer = None
            ended = self.standing.state in (State.CLOSED, State.FAILED)
            if reader is not None:
                reader.stop()
        if reader is not None:
            reader.hang_up()
            reader.join(Deadline(CLOSE_TIMEOUT))
        if not ended:
            with self.standing.lock:
                self._reader = None
                if self.standing.state is not State.CLOSED:
                    self.standing.move_locked(State.NEW, "the first connection failed", error=error)
            if self.standing.link is not None:
                self.lost(ConnectionLost("the connection was given up"))
            self.standing.log()
        self.delivery.rest(Deadline(REST_TIMEOUT))

    def close(self) -> None:
        """Close for good: wakes every waiter, ends every stream, returns within two seconds.

        From any thread, callbacks included, in any state, any number of times. Afterwards no
        thread of the session's is alive, but the caller's own and a callback in progress.
        """
        standing = self.standing
        if standing.forked:
            return
        deadline = Deadline(CLOSE_TIMEOUT)
        with standing.lock:
            reader, link = self._reader, standing.link
            if standing.state is not State.CLOSED:
                standing.move_locked(State.CLOSED, "closed")
            # Each time: where a close before this one was interrupted, somebody may still wait.
            self._slots.fail_all(lambda: standing.closed(True))
            if self._first_answer is not None:
                self._first_answer.put(standing.closed(False))
            self._subscriptions.end_all(standing.closed)
            if reader is not None:
                reader.stop()
        standing.log()
        if link is not None:
            handshake = 0.0 if self.delivery.waits_here() else deadline.slice(CLOSING_HANDSHAKE)
            link.connection.close(timeout=handshake)
        self._plan.fetch.close()
        # A link ends with its close, but where another thread that closes too is still sending its
        # close frame: that is not cut off at once.
        sent = Deadline(deadline.slice(FRAME_TIMEOUT))
        if reader is not None and (link is None or not reader.join(sent)):
            reader.hang_up()
        if reader is not None and not reader.join(deadline):
            self.delivery.warn_of_running()
        self.delivery.close(deadline)
        self.upkeep.close(deadline)
        if not self._keeper.close(deadline):
            text = "closed while the credentials are still being asked for"
            self.delivery.journal.say(logging.WARNING, text)
        self.delivery.tell_untold()

    # What the reader tells -----------------------------------------------------------------------

    def credentials(self, deadline: Deadline) -> Mapping[str, Secret]:
        """Ask the user's credentials again, off the reader's thread."""
        return self._keeper.ask_elsewhere(deadline)

    def new_id(self) -> int:
        """Return an id that was never used."""
        with self.standing.lock:
            return self._ids.next()

    def next_epoch(self) -> int:
        """Return the number of the connection that is about to be made."""
        return self.standing.epoch + 1

    def connected(self, reader: Reader, link: Link) -> None:
        """Use a link: callers may send, and subscriptions are replayed."""
        standing = self.standing
        with standing.lock:
            if standing.state is State.CLOSED or self._reader is not reader:
                raise ConnectionLost("the client was closed")
            standing.epoch += 1
            self.delivery.epoch = self.delivery.journal.epoch = standing.epoch
            if standing.epoch > 1:
                self.counters.reconnects += 1
            standing.link_locked(link)
            standing.move_locked(State.CONNECTED, "logged in")
            self._subscriptions.connected(link.codec, standing.epoch)
        self._staleness.begin()
        standing.log()
        self._let_connect_return()
        self.subscribing.issue()

    def take(self, link: Link, frames: Sequence[bytes]) -> None:
        """Route a gulp of frames, and send what they ask for."""
        for frame in self._router.take(link.codec, frames):
            link.connection.post(frame)
        if self._subscriptions.queued:
            self.subscribing.issue()

    def beat(self, link: Link) -> None:
        """Ask for a sign of life, in the venue's own way or by a WebSocket ping."""
        frame = self._router.heartbeat(link.codec)
        if frame is None:
            link.connection.post_ping()
        else:
            link.connection.post(frame)

    def overdue(self, now: float) -> str | None:
        """Return what was not answered in time, or None."""
        with self.standing.lock:
            operation = self._subscriptions.overdue(now)
            return None if operation is None else operation.kind.value

    def look(self, now: float) -> None:
        """Tell about streams that have been silent for too long."""
        if self._staleness.look(now, self.delivery.epoch):
            self.delivery.flush()

    def flush(self, more: bool = False) -> None:
        """Run callbacks here, where that is how they are delivered, or give way to who does."""
        self.delivery.flush(more)

    def redact(self, error: VenueError) -> None:
        """Take every credential out of an error."""
        redact(error, self.delivery.secrets)

    def lost(self, error: VenueError) -> None:
        """End a link: whoever waits for an answer gets an error of its own."""
        code = error.code if isinstance(error, ConnectionLost) else None
        reason = error.reason if isinstance(error, ConnectionLost) else ""
        venue = self.standing.venue

        def failure() -> ConnectionLost:
            return ConnectionLost(
                str(error), venue=venue, outcome_unknown=True, code=code, reason=reason
            )

        with self.standing.lock:
            link = self.standing.link_locked(None)
            if link is not None:
                self._retired.add(link)
            self._slots.fail_all(failure)
            self._subscriptions.lost(failure)

    def report(self, error: VenueError) -> None:
        """Tell of a fault that costs only the connection, so that no caller learns of it."""
        self.delivery.report(error)

    def retrying(self, error: VenueError, attempt: int) -> None:
        """Note that there will be another attempt, and let a first caller go on without."""
        with self.standing.lock:
            if self.standing.state is State.CLOSED:
                return
            self.standing.move_locked(State.RECONNECTING, str(error), attempt, error)
        self.standing.log()
        self._let_connect_return()

    def failed(self, error: VenueError) -> None:
        """Note that there will be no other attempt.

        A refused login fails the client, and so does whatever ends the reader after a first
        success; any other first failure leaves it as new.
        """
        standing = self.standing
        with standing.lock:
            fatal = isinstance(error, AuthenticationError) or standing.state in (
                State.CONNECTED,
                State.RECONNECTING,
            )
            if fatal and standing.state is not State.CLOSED:
                error.venue = error.venue or standing.venue
                standing.fail_locked(error)
                self._subscriptions.end_all(lambda sent: standing.refusal_locked())
            # Taken here: once the state is told, another connect may wait for its own answer.
            answer, self._first_answer = self._first_answer, None
        standing.log()
        if answer is not None:
            answer.put(error)
        elif fatal:
            self.delivery.report(error)
        self.delivery.flush()

    def pause(self, seconds: float) -> bool:
        """Wait between two attempts; closing ends it at once."""
        return self.standing.pause(seconds)

    def _let_connect_return(self) -> None:
        with self.standing.lock:
            answer, self._first_answer = self._first_answer, None
        if answer is not None:
            answer.put(None)

    # Looking -------------------------------------------------------------------------------------

    def topics(self) -> list[Topic]:
        """Return every topic that somebody listens to."""
        with self.standing.lock:
            return self._subscriptions.topics()

    def workers(self) -> list[Worker]:
        """Return the threads of the session's own; takes no lock."""
        reader = self._reader
        found = [None if reader is None else reader.worker, self.delivery.worker]
        found += [self._keeper.worker, self.upkeep.worker]
        return [one for one in found if one is not None]

    # A forked child ------------------------------------------------------------------------------

    def abandon(self) -> None:
        """In a forked child: close descriptors, and refuse every call. Takes no lock."""
        self.standing.forked = True
        self.delivery.forked = True
        reader = self._reader
        if reader is not None and reader.connection is not None:
            reader.connection.abandon()
        self._plan.fetch.abandon()


_SESSIONS: weakref.WeakSet[Session] = weakref.WeakSet()


def sessions() -> list[Session]:
    """Return the sessions of this process that are alive; from any thread."""
    while True:
        # Another thread may make or forget one while they are counted.
        with contextlib.suppress(RuntimeError):
            return list(_SESSIONS)


def _abandon_all() -> None:
    for session in list(_SESSIONS):
        session.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
