"""What is subscribed to, on the wire and by whom: a small state machine for each topic.

Pure: it writes frames and reads answers, but sends nothing, waits for nothing and reads no clock.
The session calls it under its lock and posts the frames that `Subscriptions.issue` returns.

Each topic is a `Feed` in one of four states. Whatever happens (closing while subscribing,
subscribing while closing, an answer that comes after its caller went away), `_reconcile` looks at
what is wanted and what stands on the wire, and queues the one operation that brings them together::

    IDLE ──issue START──▶ STARTING ──answer──▶ ACTIVE ──issue STOP──▶ STOPPING ──answer──▶ IDLE
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from attrs import evolve

from ..errors import InvalidRequest, NotSent, NotSubscribed, VenueError
from ..models import Gap, GapReason
from .codec import Codec, Event, Joining, Rejection, Request, Response, Topic
from .conversation import Ids
from .feeds import Cancels, EarlyEvents, Feed, FeedState, Kind, Listener, Operation, Routes, Ticket
from .lane import Lane

__all__ = ["Subscriptions"]

class Subscriptions:
    """All topics of one client. Guarded by the session's lock.

    `report` is told, without waiting, of refusals that no caller waits for.
    """

    def __init__(self, ids: Ids, report: Callable[[VenueError], None]) -> None:
        self._ids = ids
        self._report = report
        self._codec: Codec | None = None
        self._epoch = 0
        self._unique = 0
        self._feeds: dict[Hashable, Feed] = {}
        self._lane = Lane()
        self._early = EarlyEvents()
        self.routes = Routes()
        self.unrouted = 0

    # What callers ask for ------------------------------------------------------------------------

    def subscribe(
        self,
        pairs: Sequence[tuple[Topic, Listener]],
        ticket: Ticket,
        options: Mapping[str, Any],
        cancels: Cancels | None = None,
        grouped: bool = False,
    ) -> None:
        """Add listeners to topics; `ticket` settles when all of them are active, or refused.

        With `cancels`, the one request goes out even for topics that are active already, and its
        success ends every other feed that `cancels` names.
        """
        fresh: list[Feed] = []
        for topic, listener in pairs:
            feed = self._feed(topic)
            listener.feed = feed
            ticket.listeners.append((feed, listener))
            restart = feed.state is not FeedState.IDLE and topic.joining is Joining.RESTART
            (feed.joining if restart else feed.listeners).append(listener)
            if feed.state is FeedState.ACTIVE and not restart and cancels is None:
                continue
            feed.restart = feed.restart or restart
            ticket.sent = ticket.sent or feed.state is FeedState.STARTING
            ticket.waiting.add(feed.topic.key)
            feed.tickets.append(ticket)
            if cancels is not None or (feed.state is FeedState.IDLE and not feed.queued):
                fresh.append(feed)
            else:
                self._reconcile(feed)
        if not ticket.waiting:
            ticket.epoch = self._epoch
            ticket.finish(None)
        elif fresh:
            groups = [tuple(fresh)] if grouped else [(feed,) for feed in fresh]
            for feeds in groups:
                self._lane.add(Operation(Kind.START, feeds, options, ticket, cancels))

    def cancel(self, request: Request, cancels: Cancels, ticket: Ticket) -> None:
        """Ask the venue to stop something; its yes ends the listeners that `cancels` names.

        Those who come while it is being asked are not among them: theirs is started anew.
        """
        self._lane.add(Operation(Kind.CANCEL, ticket=ticket, cancels=cancels, request=request))

    def cancel_one(self, listener: Listener, ticket: Ticket) -> bool:
        """Stop the topic of `listener` on the wire; return False where there is no need to.

        The venue's yes ends the listener, its no leaves everything as it was.
        """
        feed = listener.feed
        if feed is None or self._codec is None or feed.state is not FeedState.ACTIVE:
            return False
        if feed.queued or len(feed.listeners) + len(feed.joining) > 1:
            return False
        self._lane.add(Operation(Kind.STOP, (feed,), ticket=ticket, leaving=listener))
        return True

    def remove(self, listener: Listener) -> None:
        """Let `listener` receive nothing any more, and stop its topic where it was the last."""
        feed = listener.feed
        if feed is not None:
            feed.discard(listener)
            self._reconcile(feed)

    def abandon(self, ticket: Ticket) -> None:
        """Forget a caller that went away; what it asked for is undone when it is answered."""
        ticket.settled = True
        if not ticket.listeners:
            # It followed somebody else's.
            for feed in self._feeds.values():
                if ticket in feed.tickets:
                    feed.tickets.remove(ticket)
        self._withdraw(ticket)

    def follow(self, listener: Listener, ticket: Ticket) -> bool:
        """Let `ticket` settle when the topic of `listener` is active.

        Returns False where there is nothing to wait for: it is active now, or has ended.
        """
        feed = listener.feed
        if feed is None or (feed.state is FeedState.ACTIVE and not feed.restart):
            return False
        ticket.waiting.add(feed.topic.key)
        feed.tickets.append(ticket)
        return True

    def restart(self, listener: Listener) -> None:
        """Stop and start the topic of `listener`, so that the venue sends its full state.

        The listener knows that it missed something; the others are told by a gap.
        """
        feed = listener.feed
        if feed is not None and feed.state is not FeedState.IDLE:
            feed.restart = True
            feed.informed.append(listener)
            self._reconcile(feed)

    def topics(self) -> list[Topic]:
        """Return every topic that somebody listens to."""
        return [feed.topic for feed in self._feeds.values() if feed.wanted]

    def feeds(self) -> list[Feed]:
        """Return every topic with where it stands; for looking only, and without the lock too."""
        return list(self._feeds.copy().values())

    def listeners(self) -> list[Listener]:
        """Return every listener of every topic."""
        return [
            listener
            for feed in self.feeds()
            for listener in [*feed.listeners, *feed.joining]
        ]

    @property
    def queued(self) -> bool:
        """Whether `issue` may have something to send; may be read without the lock."""
        return self._lane.queued

    # What the connection does --------------------------------------------------------------------

    def connected(self, codec: Codec, epoch: int) -> None:
        """Begin on a new connection: every wanted topic is queued again, after a gap."""
        self._codec = codec
        self._epoch = epoch
        gap = Gap(GapReason.RECONNECTED, None, epoch)
        for feed in self._feeds.values():
            waiting = feed.waiting_listeners()
            for listener in feed.listeners:
                if listener not in waiting:
                    listener.gap(gap)
            if not feed.queued:
                self._lane.add(Operation(Kind.START, (feed,)))

    def lost(self, failure: Callable[[], VenueError]) -> None:
        """End on a connection: nothing stands on the wire any more.

        Whoever waits for an answer gets an error of its own, made by `failure`; what was queued
        by a caller and never sent stays queued for the next connection.
        """
        self._codec = None
        unanswered, unsent = self._lane.clear()
        self.unrouted += len(self._early.take())
        self.routes.clear()
        for feed in self._feeds.values():
            feed.state = FeedState.IDLE
            feed.route = None
            feed.queued = feed.restart = False
            feed.admit()
        for operation in unanswered:
            self._fail(operation, failure)
        for operation in unsent:
            ticket = operation.ticket
            if ticket is None or ticket.settled:
                continue
            if operation.kind is Kind.START:
                self._lane.add(operation)
            else:
                ticket.finish(NotSent("the connection was lost before the request was sent"))
        for feed in list(self._feeds.values()):
            self._drop_if_unwanted(feed)

    def issue(self, now: float, patience: float) -> list[str]:
        """Return the frames to send now.

        Each must be answered within `patience` seconds, or as many more as its caller waits.
        """
        codec = self._codec
        if codec is None:
            return []
        frames: list[str] = []
        for operation in self._lane.ready(codec):
            longer = 0.0 if operation.ticket is None else operation.ticket.patience
            operation.due = now + max(patience, longer)
            frame = self._write(codec, operation)
            if frame is not None:
                frames.append(frame)
        return frames

    def answered(self, answer: Response | Rejection) -> bool:
        """Take an answer; return False where its id is not one of ours."""
        operation = self._lane.answered(answer.id)
        if operation is None:
            return False
        if isinstance(answer, Rejection):
            self._refused(operation, answer.error)
        elif operation.kind is Kind.CANCEL:
            self._end_cancelled(operation)
            if operation.ticket is not None:
                operation.ticket.finish(None)
        else:
            self._done(operation, answer)
        return True

    def overdue(self, now: float) -> Operation | None:
        """Return an operation that was not answered in time, if there is one."""
        return self._lane.overdue(now, self._codec)

    def ended(self, route: Hashable, error: VenueError) -> None:
        """End a stream that the venue ended by itself; who asks for it again starts it anew."""
        for feed in list(self.routes.get(route, ())):
            if feed.state is FeedState.ACTIVE:
                self._idle(feed)
                self._end_feed(feed, error)
                self._reconcile(feed)

    def hold(self, event: Event) -> bool:
        """Keep an event whose route may be handed out by an answer that is still to come."""
        return self._lane.awaits_route() and self._early.hold(event)

    def release(self) -> list[Event]:
        """Return held events whose route is known by now; count those that nobody can claim."""
        if not self._early:
            return []
        released: list[Event] = []
        for event in self._early.take():
            if event.route in self.routes:
                released.append(event)
            elif not self.hold(event):
                self.unrouted += 1
        return released

    def end_all(self, failure: Callable[[bool], VenueError]) -> None:
        """End every listener and let every caller go: the client is closed, or has failed.

        `failure` is told whether what the caller waits for may have left. Everybody is told before
        anything is forgotten: where this is interrupted it can be done again.
        """
        for operation in self._lane.operations():
            if operation.ticket is not None:
                operation.ticket.finish(failure(operation.ticket.sent))
        for feed in self._feeds.values():
            for ticket in feed.tickets:
                ticket.finish(failure(ticket.sent))
            for listener in [*feed.listeners, *feed.joining]:
                listener.end(failure(False))
        for feed in self._feeds.values():
            feed.empty()
        self._codec = None
        self._lane.clear()
        self.routes.clear()
        self._feeds.clear()

    # The state machine ---------------------------------------------------------------------------

    def _feed(self, topic: Topic) -> Feed:
        if topic.joining is Joining.OWN:
            self._unique += 1
            topic = evolve(topic, key=(topic.key, self._unique))
        feed = self._feeds.get(topic.key)
        if feed is None:
            feed = self._feeds[topic.key] = Feed(topic)
        return feed

    def _reconcile(self, feed: Feed) -> None:
        if feed.busy or feed.queued:
            return
        if self._drop_if_unwanted(feed) or self._codec is None:
            return
        if feed.state is FeedState.IDLE:
            self._lane.add(Operation(Kind.START, (feed,)))
        elif not feed.wanted or feed.restart:
            self._lane.add(Operation(Kind.STOP, (feed,)))

    def _drop_if_unwanted(self, feed: Feed) -> bool:
        if feed.wanted or feed.queued or feed.state is not FeedState.IDLE:
            return False
        self._settle(feed)
        if self._feeds.get(feed.topic.key) is feed:
            del self._feeds[feed.topic.key]
        return True

    def _write(self, codec: Codec, operation: Operation) -> str | None:
        """Make the frame of an operation, as the world is now; None where none is needed."""
        try:
            request = self._request(codec, operation)
            if request is None:
                return None
            id = self._ids.next()
            frame = codec.encode(id, request)
        except Exception as error:
            refusal = InvalidRequest(str(error), venue=codec.venue)
            refusal.__cause__ = error
            self._refused(operation, refusal)
            return None
        self._lane.sent(id, operation)
        return frame

    def _request(self, codec: Codec, operation: Operation) -> Request | None:
        if operation.kind is Kind.START:
            return self._start(codec, operation)
        if operation.kind is Kind.STOP:
            return self._stop(codec, operation)
        gone = operation.ticket is not None and operation.ticket.settled
        if gone:
            return None
        operation.ending = self._named_by(operation.cancels, ())
        return operation.request

    def _named_by(
        self, cancels: Cancels | None, spared: Sequence[Feed]
    ) -> list[tuple[Feed, list[Listener]]]:
        """Return who listens now to what `cancels` names and the venue has been asked for."""
        if cancels is None:
            return []
        return [
            (feed, [*feed.listeners, *feed.joining])
            for feed in self._feeds.values()
            if feed.state in (FeedState.STARTING, FeedState.ACTIVE)
            and cancels(feed.topic)
            and feed not in spared
        ]

    def _start(self, codec: Codec, operation: Operation) -> Request | None:
        whole = operation.cancels is not None
        starting = tuple(
            feed
            for feed in operation.feeds
            if feed.wanted and (whole or feed.state is FeedState.IDLE)
        )
        for feed in operation.feeds:
            if feed not in starting:
                if feed.state is FeedState.ACTIVE:
                    self._settle(feed)
                self._reconcile(feed)
        if not starting:
            return None
        operation.feeds = starting
        operation.active_before = tuple(f for f in starting if f.state is FeedState.ACTIVE)
        operation.ending = self._named_by(operation.cancels, starting)
        # Who overflowed wants the full state, whether it was asked for at first or not.
        resync = any(feed.informed for feed in starting)
        options = {**operation.options, "resync": True} if resync else operation.options
        for feed in starting:
            feed.state = FeedState.STARTING
            if feed.restart:
                gap = Gap(GapReason.RESUBSCRIBED, None, self._epoch)
                for listener in feed.listeners:
                    if listener not in feed.informed:
                        listener.gap(gap)
            feed.admit()
            feed.informed.clear()
            feed.restart = False
            if feed.topic.route is not None:
                self.routes.add(feed.topic.route, feed)
        return codec.subscribe([feed.topic for feed in starting], options)

    def _stop(self, codec: Codec, operation: Operation) -> Request | None:
        feed, leaving, ticket = operation.feeds[0], operation.leaving, operation.ticket
        others = [one for one in (*feed.listeners, *feed.joining) if one is not leaving]
        gone = ticket is not None and ticket.settled
        if feed.restart or not (others or gone) or not feed.wanted:
            request = codec.unsubscribe(feed.topic, feed.route)
            if request is not None:
                feed.state = FeedState.STOPPING
                return request
            # What cannot be stopped cannot be started anew either: it goes on as it is.
            feed.restart = False
            feed.informed.clear()
            feed.admit()
            self._settle(feed)
        if ticket is not None and not gone:
            self._part(operation)
            ticket.finish(None)
        return None

    def _part(self, operation: Operation) -> None:
        """End the listener whose caller waited for the unsubscribe."""
        leaving = operation.leaving
        if leaving is not None and leaving.feed is operation.feeds[0]:
            operation.feeds[0].discard(leaving)
            leaving.end(None)

    def _done(self, operation: Operation, answer: Response) -> None:
        if operation.kind is Kind.START:
            self._end_cancelled(operation)
            for feed in operation.feeds:
                feed.state = FeedState.ACTIVE
                if answer.route is not None:
                    self.routes.add(answer.route, feed)
                self._settle(feed)
        else:
            self._part(operation)
            for feed in operation.feeds:
                self._idle(feed)
            if operation.ticket is not None:
                operation.ticket.finish(None)
        for feed in operation.feeds:
            self._reconcile(feed)

    def _refused(self, operation: Operation, error: VenueError) -> None:
        if operation.kind is Kind.CANCEL:
            if operation.ticket is not None:
                operation.ticket.finish(error)
            return
        if operation.kind is Kind.START and operation.cancels is not None:
            self._refused_whole(operation, error)
            return
        if operation.leaving is not None:
            self._refused_parting(operation, error)
            return
        for feed in operation.feeds:
            self._idle(feed)
            if operation.kind is Kind.START:
                self._end_feed(feed, error)
        if operation.kind is Kind.STOP and not isinstance(error, NotSubscribed):
            self._report(error)
        for feed in operation.feeds:
            self._reconcile(feed)

    def _refused_whole(self, operation: Operation, error: VenueError) -> None:
        """A refused request that also named active topics leaves those as they were."""
        if operation.ticket is not None:
            operation.ticket.finish(error)
            self._withdraw(operation.ticket)
        for feed in operation.feeds:
            if feed in operation.active_before:
                feed.state = FeedState.ACTIVE
            else:
                self._idle(feed)
                self._end_feed(feed, error)
            self._reconcile(feed)

    def _refused_parting(self, operation: Operation, error: VenueError) -> None:
        """An unsubscribe that its caller waited for, and that is refused, changes nothing."""
        (feed,) = operation.feeds
        feed.state = FeedState.ACTIVE
        ticket = operation.ticket
        if ticket is not None and not ticket.settled:
            ticket.finish(error)
        elif not isinstance(error, NotSubscribed):
            self._report(error)
        if not feed.restart:
            self._settle(feed)
        self._reconcile(feed)

    def _fail(self, operation: Operation, failure: Callable[[], VenueError]) -> None:
        """The connection ended under an operation: its callers cannot know what became of it.

        Those who wait for a topic to start again after it was stopped have asked nothing yet.
        """
        started = operation.feeds if operation.kind is Kind.START else ()
        tickets = [ticket for feed in started for ticket in feed.tickets]
        if operation.ticket is not None:
            tickets.append(operation.ticket)
        for ticket in tickets:
            ticket.finish(failure())
            self._withdraw(ticket)

    def _withdraw(self, ticket: Ticket) -> None:
        for feed, listener in ticket.listeners:
            feed.discard(listener)
            if ticket in feed.tickets:
                feed.tickets.remove(ticket)
            self._reconcile(feed)
        ticket.listeners.clear()

    def _end_feed(self, feed: Feed, error: VenueError) -> None:
        for ticket in list(feed.tickets):
            ticket.finish(copy.copy(error))
            self._withdraw(ticket)
        for listener in feed.empty():
            listener.end(copy.copy(error))

    def _end_cancelled(self, operation: Operation) -> None:
        """End who listened when the venue was asked; who came since then gets a new start."""
        for feed, listeners in operation.ending:
            for listener in listeners:
                if listener.feed is feed:
                    feed.discard(listener)
                    listener.end(None)
            if feed.state is FeedState.ACTIVE:
                self._idle(feed)
                feed.restart = feed.wanted
            self._reconcile(feed)

    def _settle(self, feed: Feed) -> None:
        for ticket in feed.tickets:
            ticket.waiting.discard(feed.topic.key)
            if not ticket.waiting:
                ticket.epoch = self._epoch
                ticket.finish(None)
        feed.tickets.clear()

    def _idle(self, feed: Feed) -> None:
        feed.state = FeedState.IDLE
        self.routes.remove(feed)
