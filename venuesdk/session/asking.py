"""Asking: one request, from any thread, and the one answer that its caller waits for."""

from __future__ import annotations

import contextlib

from ..errors import (
    ClientClosed,
    ConnectionLost,
    NotSent,
    RequestRejected,
    RequestTimeout,
    VenueError,
)
from ..protocol.codec import Request
from ..protocol.conversation import Ids
from ..timing import Deadline
from ..wire.parcel import Parcel
from .link import Link
from .redaction import sealed
from .slots import Empty, Outcome, Slot, Slots
from .standing import Standing
from .stats import Counters

__all__ = ["Asking"]


class Asking:
    """Send requests and wait for their answers. Lock: the session's, for ids, slots and codec."""

    def __init__(self, standing: Standing, ids: Ids, slots: Slots, counters: Counters) -> None:
        self._standing = standing
        self._ids = ids
        self._slots = slots
        self._counters = counters

    def request(self, request: Request, deadline: Deadline, wait: bool | None = None) -> bytes:
        """Return the raw payload of the venue's response.

        Blocks until the deadline at the longest. A read waits for a connection (unless `wait` is
        false) and is sent again where it was certainly not sent; nothing else ever is.
        """
        standing = self._standing
        patient = request.read if wait is None else wait
        try:
            link = standing.await_link(deadline) if patient else standing.link_now()
            while True:
                try:
                    return self._ask(link, request, deadline)
                except NotSent:
                    if not patient or deadline.expired():
                        raise
                # Out of time is the one reason for NotSent on a connection that goes on.
                link = standing.await_link(deadline, other_than=link)
        except VenueError as error:
            error.venue = error.venue or standing.venue
            if isinstance(error, RequestRejected) and error.request is None:
                error.request = request
            raise

    @sealed
    def _ask(self, link: Link, request: Request, deadline: Deadline) -> bytes:
        slot = Slot(request.method)
        id = 0
        frame = ""
        try:
            with self._standing.lock:
                self._standing.check_locked()
                if self._standing.link is not link:
                    raise NotSent("the connection was lost before the request was sent")
                if deadline.expired():
                    raise NotSent("no time was left to send it")
                id = self._ids.next()
                frame = link.codec.encode(id, request)
                # From here on somebody else may end the call, and must take it for sent.
                self._slots.open(id, slot)
                self._counters.requests += 1
            try:
                parcel = link.connection.parcel(frame)
            finally:
                # It may hold a credential, and what follows may raise.
                del frame
            return self._exchange(link, parcel, id, slot, deadline) or b""
        finally:
            self._slots.pop(id)

    def _exchange(
        self, link: Link, parcel: Parcel, id: int, slot: Slot, deadline: Deadline
    ) -> Outcome:
        """Send, and return the answer; where none comes, find out whether anything has left."""
        connection = link.connection
        try:
            connection.submit(parcel, deadline)
            return self._take_answer(id, slot, deadline)
        except Empty:
            if connection.withdraw(parcel):
                raise NotSent("other requests were being sent until the time was up") from None
            self._counters.timeouts += 1
            late = f"no answer within {deadline.timeout:g} s"
            raise RequestTimeout(late, outcome_unknown=True) from None
        except (ConnectionLost, ClientClosed) as error:
            if not connection.withdraw(parcel):
                raise
            closed = isinstance(error, ClientClosed)
            raise (self._standing.closed(False) if closed else NotSent(str(error))) from None
        except VenueError:
            # The answer itself, or that nothing has left.
            raise
        except BaseException:
            connection.withdraw(parcel)
            raise

    def _take_answer(self, id: int, slot: Slot, deadline: Deadline) -> Outcome:
        """Wait for the answer, and look once more as the time runs out: afterwards none can come.

        Raises `queue.Empty` where there is none.
        """
        with contextlib.suppress(Empty):
            return slot.wait(deadline)
        with self._standing.lock:
            self._slots.pop(id)
            return slot.take()
