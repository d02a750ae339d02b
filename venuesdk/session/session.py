"""Session: what callers use to ask a venue something, whatever its connection is doing.

It joins the pieces of this floor: the reader that owns the connection, the slots where callers
wait, the subscriptions, and the delivery that runs callbacks.
"""

from __future__ import annotations

import copy
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import (
    AuthenticationError,
    ClientClosed,
    ConnectionLost,
    NotSent,
    RequestRejected,
    RequestTimeout,
    VenueError,
)
from ..models import State, StateChange
from ..protocol.codec import Request, Topic
from ..protocol.conversation import Ids
from ..protocol.subscriptions import Subscriptions, Ticket
from ..secret import Secret
from ..timing import Deadline, monotonic
from ..wire.websocket import WebSocketConnection
from .credentials import CredentialsKeeper
from .delivery import Delivery
from .reader import Link, Plan, Reader
from .router import Router
from .slots import Empty, Slot, Slots
from .stats import Counters, Stats
from .subscription import Subscription, SubscriptionStats

__all__ = ["Session"]

CLOSE_TIMEOUT = 2.0
SECOND_HALF = 0.5
"""Seconds of the close's time that the closing handshake may take."""


class Session:
    """One client's conversation with its venue, over as many connections as it takes.

    Threads: any number of callers; the reader; whoever runs callbacks. Lock: `_lock` guards the
    state, the link, the slots, the subscriptions, the ids and the codec. No I/O, no waiting and
    no user code under it; it is let go before anything is sent. `_changed` is its condition, for
    those who wait for another state.
    """

    def __init__(
        self,
        plan: Plan,
        delivery: Delivery,
        credentials: Callable[[], Mapping[str, Secret]],
    ) -> None:
        self.venue = plan.venue
        self.delivery = delivery
        self.state_handlers: list[Callable[[StateChange], object]] = []
        self.log = delivery.log
        self._plan = plan
        self._keeper = CredentialsKeeper(plan.venue, credentials)
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._ids = Ids()
        self._slots = Slots()
        self._counters = Counters()
        self._subscriptions = Subscriptions(self._ids, delivery.report)
        self._router = Router(
            self._lock,
            self._ids,
            self._slots,
            self._subscriptions,
            delivery,
            self._counters,
            self.log,
        )
        self._state = State.NEW
        self._epoch = 0
        self._link: Link | None = None
        self._reader: Reader | None = None
        self._connecting: WebSocketConnection | None = None
        self._error: Exception | None = None
        self._first_answer: Slot | None = None
        self._forked = False
        self._retired = Traffic()
        _SESSIONS.add(self)

    # Connecting and closing ----------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the session stands now."""
        return self._state

    def connect(self, timeout: float | None) -> None:
        """Make the first connection, and wait for it; later ones make themselves.

        Does nothing where there is one already. Raises what went wrong, after which nothing is
        left running.
        """
        self.delivery.refuse_reentrant("connect")
        deadline = Deadline(timeout)
        with self._lock:
            self._refuse_locked(failed=False)
            if self._state in (State.CONNECTED, State.RECONNECTING):
                return
            if self._state is State.CONNECTING:
                raise NotSent("another thread is connecting this client", venue=self.venue)
            self._move_locked(State.CONNECTING, "connect")
            self._error = None
        try:
            credentials = self._keeper.ask()
            self._start(credentials, deadline)
        except BaseException as error:
            self._back_to_new(error)
            raise

    def _start(self, credentials: Mapping[str, Secret], deadline: Deadline) -> None:
        answer = Slot()
        reader = Reader(self, self._plan, self.log)
        with self._lock:
            self._refuse_locked(failed=False)
            self._first_answer = answer
            self._reader = reader
        self.delivery.start()
        reader.start(credentials, deadline)
        try:
            answer.wait(Deadline(None))
        except BaseException as error:
            reader.stop()
            reader.join(Deadline(CLOSE_TIMEOUT))
            if isinstance(error, VenueError):
                error.venue = error.venue or self.venue
                raise error from None
            raise

    def _back_to_new(self, error: BaseException) -> None:
        with self._lock:
            if self._state in (State.CLOSED, State.FAILED):
                return
            self._reader = None
            self._move_locked(State.NEW, "the first connection failed", error=error)

    def close(self) -> None:
        """Close for good: wakes every waiter, ends every stream, returns within two seconds.

        From any thread, callbacks included, in any state, any number of times. Afterwards no
        thread of the session's is alive, but the caller's own and a callback in progress.
        """
        if self._forked:
            return
        deadline = Deadline(CLOSE_TIMEOUT)
        with self._lock:
            connections = [self._connecting, self._link.connection if self._link else None]
            reader = self._reader
            if self._state is not State.CLOSED:
                self._move_locked(State.CLOSED, "closed")
                self._slots.fail_all(self._closed)
                if self._first_answer is not None:
                    self._first_answer.put(self._closed(False))
                self._subscriptions.end_all(lambda: self._closed(True))
            if reader is not None:
                reader.stop()
        for connection in connections:
            if connection is not None:
                connection.close(timeout=deadline.slice(SECOND_HALF))
        if reader is not None and not reader.join(deadline):
            running = self.delivery.running
            self.log.warning("closed while the reader is still in %r", running)
        self._keeper.close(deadline)
        self.delivery.close(deadline)

    def wait(self, timeout: float | None) -> bool:
        """Wait until the client is closed; return False at the timeout.

        Raises the refusal where the venue refuses a later login.
        """
        self.delivery.refuse_reentrant("wait")
        deadline = Deadline(timeout)
        with self._lock:
            while self._state is not State.CLOSED:
                if self._state is State.FAILED:
                    raise self._failure_locked()
                remaining = deadline.remaining()
                if remaining == 0.0:
                    return False
                self._changed.wait(remaining)
        return True

    # Requests ------------------------------------------------------------------------------------

    def request(self, request: Request, deadline: Deadline, wait: bool | None = None) -> bytes:
        """Ask the venue, and return the raw payload of its response.

        Blocks until the deadline at the longest. A read waits for a connection (unless `wait` is
        false) and is sent again where it was certainly not sent; nothing else ever is.
        """
        self.delivery.refuse_reentrant("a request")
        patient = request.read if wait is None else wait
        try:
            while True:
                link = self._await_link(deadline) if patient else self._link_now()
                try:
                    return self._ask(link, request, deadline)
                except NotSent as error:
                    if not patient or deadline.expired():
                        raise
                    self._await_other(link, deadline, error)
        except VenueError as error:
            error.venue = error.venue or self.venue
            if isinstance(error, RequestRejected) and error.request is None:
                error.request = request
            raise

    def _ask(self, link: Link, request: Request, deadline: Deadline) -> bytes:
        with self._lock:
            if self._link is not link:
                raise NotSent("the connection was lost before the request was sent")
            id = self._ids.next()
            frame = link.codec.encode(id, request)
            slot = self._slots.open(id)
            self._counters.requests += 1
        try:
            slot.sent = True
            try:
                link.connection.send(frame, deadline)
            except NotSent:
                slot.sent = False
                raise
            outcome = slot.wait(deadline)
        except Empty:
            outcome = self._last_look(id, slot, deadline)
        finally:
            with self._lock:
                self._slots.pop(id)
        return outcome if isinstance(outcome, bytes) else b""

    def _last_look(self, id: int, slot: Slot, deadline: Deadline) -> bytes | Exception | None:
        """Take an answer that came as the time ran out; afterwards none can come any more."""
        with self._lock:
            self._slots.pop(id)
            try:
                return slot.take()
            except Empty:
                self._counters.timeouts += 1
        raise RequestTimeout(
            f"no answer within {deadline.timeout:g} s", venue=self.venue, outcome_unknown=True
        )

    def _link_now(self) -> Link:
        with self._lock:
            self._refuse_locked()
            if self._link is None:
                raise NotSent(f"not connected ({self._state.value})", venue=self.venue)
            return self._link

    def _await_link(self, deadline: Deadline) -> Link:
        with self._lock:
            while True:
                self._refuse_locked()
                if self._link is not None:
                    return self._link
                remaining = deadline.remaining()
                if self._state is State.NEW or remaining == 0.0:
                    raise NotSent(f"not connected ({self._state.value})", venue=self.venue)
                self._changed.wait(remaining)

    def _await_other(self, link: Link, deadline: Deadline, error: NotSent) -> None:
        """Wait until `link` is in use no more, so that a read does not spin on a dead one."""
        with self._lock:
            while self._link is link and link.connection.closed:
                remaining = deadline.remaining()
                if remaining == 0.0:
                    raise error
                self._changed.wait(remaining)

    # Subscriptions -------------------------------------------------------------------------------

    def subscribe(
        self,
        subscriptions: Sequence[Subscription[Any]],
        deadline: Deadline,
        options: Mapping[str, Any],
        cancels: Callable[[Topic], bool] | None = None,
        grouped: bool = False,
    ) -> None:
        """Start subscriptions, and wait for the venue's yes to all of them.

        Waits for a connection within the deadline. Where it raises, none of them was started; one
        that the venue acknowledges later is stopped again.
        """
        self.delivery.refuse_reentrant("subscribe")
        slot = Slot()
        ticket = Ticket(slot.put)
        for subscription in subscriptions:
            subscription.release = self._release
            subscription.resync = self._resync
        try:
            with self._lock:
                self._refuse_locked()
                if self._state is State.NEW:
                    raise NotSent("not connected (new)")
                pairs = [(subscription.topic, subscription) for subscription in subscriptions]
                self._subscriptions.subscribe(pairs, ticket, options, cancels, grouped)
            self._settle(slot, ticket, deadline)
        except BaseException as error:
            for subscription in subscriptions:
                subscription.release = None
                subscription.end(None)
            if isinstance(error, RequestRejected) and error.request is None:
                error.request = tuple(subscription.topic.name for subscription in subscriptions)
            raise

    def unsubscribe(
        self, request: Request, cancels: Callable[[Topic], bool], deadline: Deadline
    ) -> None:
        """Ask the venue to stop something; its yes ends the subscriptions that `cancels` names.

        A refusal is raised and changes nothing here.
        """
        self.delivery.refuse_reentrant("unsubscribe")
        slot = Slot()
        ticket = Ticket(slot.put)
        with self._lock:
            self._refuse_locked()
            if self._link is None:
                raise NotSent(f"not connected ({self._state.value})", venue=self.venue)
            self._subscriptions.cancel(request, cancels, ticket)
        try:
            self._settle(slot, ticket, deadline)
        except RequestRejected as error:
            error.request = error.request or request
            raise

    def unsubscribe_one(self, subscription: Subscription[Any], deadline: Deadline) -> None:
        """Stop one subscription, on the wire too where it is the last of its topic, and wait."""
        self.delivery.refuse_reentrant("unsubscribe")
        slot = Slot()
        ticket = Ticket(slot.put)
        with self._lock:
            self._refuse_locked()
            on_the_wire = self._subscriptions.cancel_one(subscription, ticket)
        if on_the_wire:
            self._settle(slot, ticket, deadline)
        subscription.close()

    def topics(self) -> list[Topic]:
        """Return every topic that somebody listens to."""
        with self._lock:
            return self._subscriptions.topics()

    def _settle(self, slot: Slot, ticket: Ticket, deadline: Deadline) -> None:
        try:
            self._issue()
            slot.wait(deadline)
        except Empty:
            self._give_up(slot, ticket, deadline)
        except VenueError as error:
            error.venue = error.venue or self.venue
            raise
        except BaseException:
            with self._lock:
                self._subscriptions.abandon(ticket)
            self._issue()
            raise

    def _give_up(self, slot: Slot, ticket: Ticket, deadline: Deadline) -> None:
        with self._lock:
            settled = ticket.settled
            sent = self._link is not None
            self._subscriptions.abandon(ticket) if not settled else None
        if settled:
            slot.take()
            return
        self._issue()
        if sent:
            raise RequestTimeout(
                f"no answer within {deadline.timeout:g} s", venue=self.venue, outcome_unknown=True
            )
        raise NotSent("no connection in time", venue=self.venue)

    def _issue(self) -> None:
        """Send whatever subscribes and unsubscribes are due; never waits."""
        with self._lock:
            link = self._link
            frames = self._subscriptions.issue(monotonic(), self._plan.timeout)
        if link is not None:
            for frame in frames:
                link.connection.post(frame)

    def _release(self, subscription: Subscription[Any]) -> None:
        if self._forked:
            return
        with self._lock:
            self._subscriptions.remove(subscription)
        self._issue()

    def _resync(self, subscription: Subscription[Any]) -> None:
        with self._lock:
            self._subscriptions.restart(subscription)
        self._issue()

    # What the reader tells -----------------------------------------------------------------------

    def credentials(self, deadline: Deadline) -> Mapping[str, Secret]:
        """Ask the user's credentials again, off this thread."""
        return self._keeper.ask_elsewhere(deadline)

    def new_id(self) -> int:
        """Return an id that was never used."""
        with self._lock:
            return self._ids.next()

    def attach(self, connection: WebSocketConnection) -> bool:
        """Let ``close()`` find a connection that is still logging in."""
        with self._lock:
            self._connecting = connection
            return self._state is not State.CLOSED

    def connected(self, link: Link) -> None:
        """Use a connection: callers may send, and subscriptions are replayed."""
        with self._lock:
            if self._state is State.CLOSED:
                raise ConnectionLost("the client was closed")
            self._connecting = None
            self._link = link
            self._epoch += 1
            self.delivery.epoch = self._epoch
            if self._epoch > 1:
                self._counters.reconnects += 1
            self._move_locked(State.CONNECTED, "logged in")
            self._subscriptions.connected(link.codec, self._epoch)
            answer, self._first_answer = self._first_answer, None
        if answer is not None:
            answer.put(None)
        self._issue()

    def take(self, link: Link, frames: Sequence[bytes]) -> None:
        """Route a gulp of frames, and send what they ask for."""
        posts = self._router.take(link.codec, frames, monotonic(), self._plan.timeout)
        for frame in posts:
            link.connection.post(frame)

    def beat(self, link: Link) -> None:
        """Ask for a sign of life, in the venue's own way or by a WebSocket ping."""
        frame = self._router.heartbeat(link.codec)
        if frame is None:
            link.connection.post_ping()
        else:
            link.connection.post(frame)

    def overdue(self, now: float) -> str | None:
        """Return what was not answered in time, or None."""
        with self._lock:
            operation = self._subscriptions.overdue(now)
            return None if operation is None else operation.kind.value

    def operating(self) -> bool:
        """Return whether a subscribe or unsubscribe is unanswered."""
        return self._subscriptions.operating

    def flush(self) -> None:
        """Run callbacks here, where that is how they are delivered."""
        self.delivery.flush()

    def lost(self, error: VenueError) -> None:
        """End a connection: whoever waits for an answer gets an error of its own."""
        code = getattr(error, "code", None) if isinstance(error, ConnectionLost) else None
        reason = error.reason if isinstance(error, ConnectionLost) else ""

        def failure(sent: bool = True) -> VenueError:
            return ConnectionLost(
                str(error), venue=self.venue, outcome_unknown=sent, code=code, reason=reason
            )

        with self._lock:
            link, self._link = self._link, None
            if link is not None:
                self._retired.add(link.connection)
            self._slots.fail_all(failure)
            self._subscriptions.lost(failure)
            self._changed.notify_all()

    def retrying(self, error: VenueError, attempt: int) -> None:
        """Note that there will be another attempt, and let a first caller go on without."""
        with self._lock:
            if self._state is State.CLOSED:
                return
            self._connecting = None
            self._move_locked(State.RECONNECTING, str(error), attempt=attempt, error=error)
            answer, self._first_answer = self._first_answer, None
        if answer is not None:
            answer.put(None)

    def failed(self, error: Exception) -> None:
        """Note that there will be no other attempt."""
        with self._lock:
            self._connecting = None
            if self._state is State.CLOSED:
                return
            answer, self._first_answer = self._first_answer, None
            if isinstance(error, AuthenticationError):
                error.venue = error.venue or self.venue
                self._error = error
                self._move_locked(State.FAILED, str(error), error=error)
                self._slots.fail_all(lambda sent: self._failure_locked())
                self._subscriptions.end_all(self._failure_locked)
        if answer is not None:
            answer.put(error)
        elif isinstance(error, AuthenticationError):
            self.delivery.report(error)
        self.delivery.flush()

    def pause(self, seconds: float) -> bool:
        """Wait between two attempts; closing ends it at once."""
        deadline = Deadline(seconds)
        with self._lock:
            while self._state is not State.CLOSED:
                remaining = deadline.remaining()
                if remaining == 0.0:
                    return True
                self._changed.wait(remaining)
        return False

    # State ---------------------------------------------------------------------------------------

    def _move_locked(
        self,
        state: State,
        reason: str,
        attempt: int = 0,
        error: BaseException | None = None,
    ) -> None:
        change = StateChange(state, self._state, reason, attempt, self._epoch, error)
        self._state = state
        self._changed.notify_all()
        self.log.info("%s: %s", state.value, reason)
        self.delivery.notify(lambda: self._tell_state(change))

    def _tell_state(self, change: StateChange) -> None:
        for handler in list(self.state_handlers):
            try:
                handler(change)
            except Exception as error:
                self.delivery.tell(error)

    def _refuse_locked(self, failed: bool = True) -> None:
        if self._forked:
            raise ClientClosed("this client belongs to the parent process", venue=self.venue)
        if self._state is State.CLOSED:
            raise self._closed(False)
        if failed and self._state is State.FAILED:
            raise self._failure_locked()

    def _failure_locked(self) -> VenueError:
        error = copy.copy(self._error)
        return error if isinstance(error, VenueError) else ClientClosed("failed")

    def _closed(self, sent: bool) -> ClientClosed:
        return ClientClosed("the client was closed", venue=self.venue, outcome_unknown=sent)

    # Counting ------------------------------------------------------------------------------------

    def stats(self) -> Stats:
        """Return all counters as they are now."""
        with self._lock:
            link = self._link
            traffic = self._retired.plus(link.connection if link is not None else None)
            counters = self._counters
            subscriptions = self._subscriptions.listeners()
            details: tuple[SubscriptionStats, ...] = tuple(
                listener.stats for listener in subscriptions if isinstance(listener, Subscription)
            )
            age = None if link is None else monotonic() - link.connection.last_received
            return Stats(
                state=self._state.value,
                epoch=self._epoch,
                frames_in=traffic.frames_in,
                frames_out=traffic.frames_out,
                bytes_in=traffic.bytes_in,
                bytes_out=traffic.bytes_out,
                requests=counters.requests,
                responses=counters.responses,
                rejections=counters.rejections,
                timeouts=counters.timeouts,
                late_responses=counters.late_responses,
                garbage=counters.garbage,
                undecodable=self.delivery.undecodable,
                unrouted_events=self._subscriptions.unrouted,
                reconnects=counters.reconnects,
                events=self.delivery.totals.received,
                dropped=self.delivery.totals.dropped,
                gaps=self.delivery.totals.gaps,
                waiting_requests=len(self._slots),
                queue_depth=self.delivery.depth(),
                last_frame_age=age,
                callback_seconds=self.delivery.callback_seconds,
                subscriptions=details,
            )

    # A forked child ------------------------------------------------------------------------------

    def abandon(self) -> None:
        """In a forked child: close descriptors, and refuse every call. Takes no lock."""
        self._forked = True
        for connection in (self._connecting, self._link.connection if self._link else None):
            if connection is not None:
                connection.abandon()


class Traffic:
    """What went over the connections that are gone."""

    __slots__ = ("bytes_in", "bytes_out", "frames_in", "frames_out")

    def __init__(self) -> None:
        self.bytes_in = self.bytes_out = self.frames_in = self.frames_out = 0

    def add(self, connection: WebSocketConnection) -> None:
        """Add what went over a connection."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(connection, name))

    def plus(self, connection: WebSocketConnection | None) -> Traffic:
        """Return the sum with a connection that is in use."""
        total = Traffic()
        for name in self.__slots__:
            setattr(total, name, getattr(self, name))
        if connection is not None:
            total.add(connection)
        return total


_SESSIONS: weakref.WeakSet[Session] = weakref.WeakSet()


def _abandon_all() -> None:
    for session in list(_SESSIONS):
        session.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
