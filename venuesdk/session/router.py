"""Where each frame of the venue goes: answers to their slots, events to their queues.

Runs on the reader thread. It decodes the envelope only; payloads are handed on as they came.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

from ..errors import ConnectionLost, ProtocolError, VenueError
from ..models import Gap, GapReason
from ..protocol.codec import Codec, Ended, Event, Heartbeat, Message, Rejection, Response
from ..protocol.conversation import Ids
from ..protocol.subscriptions import Subscriptions
from .delivery import Delivery, Run
from .slots import Slot, Slots
from .stats import Counters

__all__ = ["Router"]

GARBAGE_LIMIT = 5
"""How many unreadable frames in a row end a connection."""


class Router:
    """The reader's half of a session.

    Lock: the session's, held while a gulp of frames is decoded and routed; events are queued
    after it is let go, under the delivery's own. `_beat` is the id of the last heartbeat.
    """

    def __init__(
        self,
        lock: threading.RLock,
        ids: Ids,
        slots: Slots,
        subscriptions: Subscriptions,
        delivery: Delivery,
        counters: Counters,
    ) -> None:
        self._lock = lock
        self._ids = ids
        self._slots = slots
        self._subscriptions = subscriptions
        self._delivery = delivery
        self._counters = counters
        self._codec: Codec | None = None
        self._garbage_in_a_row = 0
        self._beat = 0

    def take(self, codec: Codec, frames: Sequence[bytes]) -> list[str]:
        """Route a gulp of frames; return the frames that are to be sent in turn.

        Raises `ConnectionLost` after several unreadable frames in a row.
        """
        if codec is not self._codec:
            self._codec = codec
            self._garbage_in_a_row = 0
        posts: list[str] = []
        runs: list[Run] = []
        run: list[Event] | None = None
        route: Hashable = None
        with self._lock:
            for frame in frames:
                try:
                    messages = codec.decode(frame)
                except Exception as error:
                    run = None
                    self._put(runs)
                    self._garbage(error, codec, frame)
                    continue
                self._garbage_in_a_row = 0
                claimed = False
                for message in messages:
                    if type(message) is not Event:
                        run = None
                        claimed |= self._route(message, runs, posts)
                    elif run is not None and message.route == route:
                        # Nearly all there is: one more event of the stream that the last was of.
                        message.route = None
                        run.append(message)
                    else:
                        route = message.route
                        run = self._begin(message, runs)
                if claimed:
                    # Behind what came with the answer itself, before what came after it.
                    run = None
                    for event in self._subscriptions.release():
                        self._begin(event, runs)
        self._put(runs)
        if self._garbage_in_a_row >= GARBAGE_LIMIT:
            self._garbage_in_a_row = 0
            raise ConnectionLost(f"{GARBAGE_LIMIT} frames in a row could not be read")
        return posts

    def _begin(self, event: Event, runs: list[Run]) -> list[Event] | None:
        """Route an event, and return the run that others of its route may join, if there is one.

        Where several callbacks listen to a route each event stands for itself, so that they run in
        the order in which events came.
        """
        feeds = self._subscriptions.routes.get(event.route)
        if feeds is None:
            if not self._subscriptions.hold(event):
                self._subscriptions.unrouted += 1
            return None
        event.route = None
        listeners: list[Any] = [listener for feed in feeds for listener in feed.listeners]
        # All are given the same one: each copies what it keeps.
        run = [event]
        if len(listeners) == len(feeds) == 1:
            runs.append((listeners[0], run))
            return run
        idle = sum(not feed.listeners for feed in feeds)
        self._subscriptions.unrouted += idle
        runs.extend((listener, run) for listener in listeners)
        callbacks = sum(listener.callback is not None for listener in listeners)
        return None if idle or callbacks > 1 else run

    def _route(self, message: Message, runs: list[Run], posts: list[str]) -> bool:
        """Route anything but an event; return whether it may have given events a route."""
        if isinstance(message, Heartbeat):
            if message.answer is not None:
                posts.append(message.answer)
            return False
        # Whoever gets an answer finds the events before it in their queues.
        self._put(runs)
        if isinstance(message, Ended):
            self._subscriptions.ended(message.route, message.error)
            return False
        self._answer(message)  # type: ignore[arg-type]
        return True

    def _put(self, runs: list[Run]) -> None:
        if runs:
            self._delivery.put(runs)
            runs.clear()

    def heartbeat(self, codec: Codec) -> str | None:
        """Return the frame that asks for a sign of life, or None for a WebSocket ping."""
        with self._lock:
            request = codec.heartbeat()
            if request is None:
                return None
            # One that was never answered is not waited for any more.
            self._slots.pop(self._beat)
            id = self._beat = self._ids.next()
            frame = codec.encode(id, request)
            self._slots.open(id, Slot(request.method))
            return frame

    def _answer(self, message: Response | Rejection) -> None:
        counters = self._counters
        if isinstance(message, Rejection):
            counters.rejections += 1
        else:
            counters.responses += 1
        slot = self._slots.pop(message.id)
        if slot is not None:
            slot.put(message.error if isinstance(message, Rejection) else message.payload)
        elif not self._subscriptions.answered(message):
            counters.late_responses += 1

    def _garbage(self, cause: Exception, codec: Codec, frame: bytes) -> None:
        error = cause
        if not isinstance(cause, VenueError):
            error = ProtocolError(
                f"a frame cannot be read: {type(cause).__name__}", venue=codec.venue, frame=frame
            )
            error.__cause__ = cause
        # Nobody can say which stream it was of: each may have missed something. For every one, for
        # whoever was told of the last may have mended it by now; what waits is merged.
        gap = Gap(GapReason.UNDECODABLE, None, self._delivery.epoch)
        for listener in self._subscriptions.listeners():
            listener.gap(gap)
        self._garbage_in_a_row += 1
        self._counters.garbage += 1
        self._delivery.report(error)
