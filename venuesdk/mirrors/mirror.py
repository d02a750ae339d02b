"""Mirror: the state that a stream implies, kept current from a subscription, or not shown.

What may be wrong is never shown as if it were right. A mirror's own state is touched only where
callbacks run, one at a time, so that it needs no lock. No venue is known here: what a stream's
events mean, and how a full state is asked for, a venue's own part says.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import frozen

from ..errors import ClientClosed, VenueError
from ..models import Gap, GapReason
from ..session.callbacks import check_callback
from ..session.subscription import Subscription
from ..session.upkeep import Upkeep
from ..timing import Backoff, Deadline, monotonic

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Mirror", "MirrorStats"]

V = TypeVar("V")


@frozen
class MirrorStats:
    """The counters of one mirror, at one moment.

    ``updates`` counts the views that were made; ``gaps`` how often something was missed, or may
    have been; ``resyncs`` how often the state was right again after that; ``attempts`` how often
    the venue was asked for a full state beside the stream, and ``failures`` those in vain.
    """

    synchronised: bool
    updates: int
    gaps: int
    resyncs: int
    attempts: int
    failures: int


class Mirror(Generic[V]):
    """State that one stream of one client implies.

    `view` and `synchronised` may be read, and `wait` and `close` be called, from any thread. While
    the state is not known to be right, there is no view: before the first full state, from the
    moment that the connection is lost, and after every gap, until a full state has come again.
    For that nobody need do anything. Where it fails it is tried again, ever more slowly, and each
    failure goes to ``on_error``, as does every `SequenceGap`.
    """

    rhythm = Backoff(initial=0.5, factor=2.0, maximum=30.0, healthy=10.0)
    """How long to wait before a state is asked for again that was lost soon after it came."""

    def __init__(
        self,
        upkeep: Upkeep,
        name: str,
        on_view: Callable[[V], object] | None,
    ) -> None:
        check_callback("a mirror's callback", on_view)
        self._name = name
        self._upkeep = upkeep
        self._on_view = on_view
        self._on_gap: Callable[[Gap], object] | None = None
        self._subscription: Subscription[Any] | None = None
        self._view: V | None = None
        self._closed = False
        # The connection that the state is of: where the stream began, or went on after a gap.
        self._began = 0
        self._continued = 0
        # Which loss of the state an answer belongs to; whatever was asked before is void.
        self._round = 0
        self._ready = False
        self._wanted = False
        self._torn = False
        self._lost = False
        self._untold: list[Gap] = []
        self._attempt = 0
        self._since = 0.0
        self._updates = self._gaps = self._resyncs = self._attempts = self._failures = 0

    # For the user --------------------------------------------------------------------------------

    @property
    def view(self) -> V | None:
        """The newest state, or None while it is not known to be right; never waits."""
        view = self._view
        if view is None or self._subscription is None or self.closed:
            return None
        # From when the connection is gone, and not only when there is another.
        epoch = self._upkeep.epoch
        return view if epoch and epoch == self._epoch() else None

    @property
    def synchronised(self) -> bool:
        """Whether there is a view: the state is right, as far as anybody can tell."""
        return self.view is not None

    @property
    def closed(self) -> bool:
        """Whether it was closed, or its stream has ended: then there is nothing to come."""
        subscription = self._subscription
        return self._closed or (subscription is not None and subscription.closed)

    def wait(self, timeout: float | None = None) -> V:
        """Return the newest view, waiting up to `timeout` seconds (for ever by default) for one.

        Blocks. Raises `TimeoutError` where none came in time, the error that ended the stream,
        `ClientClosed` where the mirror or its client was closed, and `ReentrantCall` in a
        callback. With ``delivery="pump"`` somebody must pump meanwhile.
        """
        deadline = Deadline(timeout)
        view = self._upkeep.wait_for(self._look, deadline)
        if view is None:
            raise TimeoutError(f"{self._name} is not synchronised within {timeout} s")
        return view

    def close(self) -> None:
        """Stop keeping the state, and the stream with it; never waits, from any thread."""
        self._closed = True
        if self._subscription is not None:
            self._subscription.close()
        self._upkeep.announce()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def stats(self) -> MirrorStats:
        """The counters, now."""
        return MirrorStats(
            self.synchronised,
            self._updates,
            self._gaps,
            self._resyncs,
            self._attempts,
            self._failures,
        )

    def __repr__(self) -> str:
        state = "closed" if self._closed else "synchronised" if self.synchronised else "not known"
        return f"<{type(self).__name__} {self._name} {state}>"

    # For the venue's part ------------------------------------------------------------------------

    def start(
        self,
        subscribe: Callable[[Callable[[Any], None], Any], Subscription[Any]],
        options: Mapping[str, Any],
    ) -> Self:
        """Begin, and return self; a venue's client calls it, once.

        Blocks for the ``timeout`` of `options` at the longest. `subscribe` makes the subscription
        with the callback and the options that it is given; then the first full state is asked
        for, where it has to be. What either raises is passed on, and leaves nothing behind.
        """
        if options.get("conflate"):
            raise ValueError("a mirror cannot be conflated: it needs every event, in order")
        self._on_gap = options.get("on_gap")
        check_callback("on_gap", self._on_gap)
        deadline = Deadline(self._patience(options.get("timeout")))
        try:
            wanted = {**options, "on_gap": self._missed}
            # Before the stream: where a gap comes with its beginning already, there may have been
            # another connection since, on which it does not stand yet.
            round = self._round
            subscription = self._subscription = subscribe(self._taker(), wanted)
            subscription.ended = self._upkeep.announce
            subscription.broken = partial(self._lose, None)
            self._began = subscription.began
            answer = self._ask_now(deadline)
        except BaseException:
            self.close()
            raise
        self._upkeep.here(partial(self._begin, round, answer))
        return self

    def _absorb(self, event: Any) -> V | None:
        """Take an event; return the state, or None where it does not follow from what is known.

        Raises where the state is void from here on.
        """
        raise NotImplementedError

    def _absorb_answer(self, answer: Any) -> V | None:
        """Take what `_ask` brought; return the state, or None where there is no more need."""
        return None

    def _forget(self) -> None:
        """Let go of the state, and begin to wait for another."""
        raise NotImplementedError

    def _ask_now(self, deadline: Deadline) -> Any:
        """Ask for the first full state, on the caller's thread; None where it comes by itself."""
        return None

    def _ask(self, subscription: Subscription[Any], deadline: Deadline) -> Any:
        """Bring a full state about, on the upkeep thread; return it, or None where it streams."""
        return None

    def _comes_by_itself(self, gap: GapReason | None) -> bool:
        """Return whether the stream brings a full state after such a gap, or a void event."""
        return True

    def _epoch(self) -> int:
        """Return the number of the connection that the state is of."""
        # Events may come before the subscribe has returned.
        return max(self._began, self._continued) or self._upkeep.epoch

    def _has_come(self) -> bool:
        """Return whether the stream brought a full state before it was asked for."""
        return False

    def _patience(self, timeout: float | None) -> float:
        return self._upkeep.timeout if timeout is None else timeout

    # Where callbacks run -------------------------------------------------------------------------

    def _taker(self) -> Callable[[Any], None]:
        """Return the subscription's callback; a slow one is called by the user's name for it."""

        def take(event: Any) -> None:
            self._take(event)

        if self._on_view is not None:
            take.__module__ = getattr(self._on_view, "__module__", None) or __name__
            name = getattr(self._on_view, "__qualname__", None)
            take.__qualname__ = name or type(self._on_view).__qualname__
        return take

    def _begin(self, round: int, answer: Any) -> None:
        """Go on where `start` left off."""
        self._ready = True
        if self._subscription is not None:
            while self._untold:
                self._subscription.warn_of(self._untold.pop(0))
        if answer is not None:
            self._arrive(round, answer)
        self._pursue()

    def _take(self, event: Any) -> None:
        self._into(self._absorb, event)

    def _arrive(self, round: int, answer: Any) -> None:
        """Take the answer to what was asked in this round."""
        if round == self._round and not self._closed:
            self._into(self._absorb_answer, answer)

    def _into(self, absorb: Callable[[Any], V | None], news: Any) -> None:
        """Change the state, and show it; nothing of one that a Ctrl-C broke off is shown again."""
        if self._closed:
            return
        if self._torn:
            self._lose(None)
        self._torn = True
        try:
            view = absorb(news)
            if view is not None:
                self._show(view)
        except BaseException as error:
            self._view = None
            self._lose(None)
            if not isinstance(error, VenueError):
                raise
            self._report(error)
            return
        self._torn = False
        if view is not None and self._on_view is not None:
            self._on_view(view)

    def _show(self, view: V) -> None:
        fresh = self._view is None
        self._view = view
        self._updates += 1
        if fresh:
            self._since = monotonic()
            self._wanted = False
            if self._lost:
                self._resyncs += 1
            self._lost = False
            self._upkeep.announce()

    def _report(self, error: Exception) -> None:
        if isinstance(error, VenueError):
            error.venue = error.venue or self._upkeep.venue
        self._upkeep.report(error)

    def _missed(self, gap: Gap) -> None:
        """Take a gap of the stream: all but silence makes the state doubtful."""
        if gap.reason is GapReason.RECONNECTED:
            self._continued = gap.epoch
            # How often connections are made is the client's business.
            self._attempt = 0
        if gap.reason is not GapReason.STALE:
            self._lose(gap.reason)
        if self._on_gap is not None:
            self._on_gap(gap)
        elif self._subscription is None:
            self._untold.append(gap)
        else:
            self._subscription.warn_of(gap)

    def _lose(self, gap: GapReason | None) -> None:
        """Show nothing any more, and see to it that there is something to show again."""
        self._calm()
        self._hide()
        self._gaps += 1
        self._round += 1
        self._forget()
        self._wanted = not self._comes_by_itself(gap)
        self._torn = False
        self._pursue()

    def _hide(self) -> None:
        self._view = None
        self._lost = True

    def _want(self) -> None:
        """Ask for a full state, as soon as may be."""
        self._wanted = True
        self._pursue()

    def _calm(self) -> None:
        """Count anew where what came of the last attempt has held for long."""
        if not self._lost and monotonic() - self._since >= self.rhythm.healthy:
            self._attempt = 0

    def _pursue(self, at_least: float = 0.0) -> None:
        if not (self._wanted and self._ready) or self._closed:
            return
        self._wanted = False
        delay = self.rhythm.delay(self._attempt - 1) if self._attempt else 0.0
        self._attempt += 1
        self._upkeep.later(max(delay, at_least), partial(self._recover, self._round))

    def _failed(self, round: int, error: Exception) -> None:
        """Report what came of asking, and ask again; a lost connection asks by itself."""
        self._failures += 1
        if round != self._round or self.closed or not self._upkeep.epoch:
            return
        self._report(error)
        self._wanted = True
        self._pursue(getattr(error, "retry_after", None) or 0.0)

    # On the upkeep thread ------------------------------------------------------------------------

    def _recover(self, round: int) -> None:
        subscription = self._subscription
        if subscription is None or subscription.closed or round != self._round:
            return
        if self._has_come():
            return
        self._attempts += 1
        try:
            answer = self._ask(subscription, Deadline(self._upkeep.timeout))
        except Exception as error:
            self._upkeep.here(partial(self._failed, round, error))
        else:
            if answer is not None:
                self._upkeep.here(partial(self._arrive, round, answer))

    # For who waits, under the upkeep's lock ------------------------------------------------------

    def _look(self) -> V | None:
        if self.closed:
            error = None if self._subscription is None else self._subscription.error
            closed = ClientClosed(f"{self._name} is closed", venue=self._upkeep.venue)
            # A copy, for several threads may wait.
            raise copy.copy(error) or closed
        return self.view
