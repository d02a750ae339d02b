"""DashboardMirror: the user's dashboards as they are now, from the full list and each change.

The rules are the Onyx document's ("Dashboards Event"): all of them first, then what was created,
updated or deleted. Nothing numbers the changes, so that one which cannot be is taken for the sign
of a missed one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from ...errors import ProtocolError, SequenceGap
from ...mirrors.mirror import Mirror
from ...models import GapReason
from ...session.subscription import Subscription
from ...session.upkeep import Upkeep
from ...timing import Deadline
from .models import DashboardsEvent, MessageType

__all__ = ["DashboardKey", "DashboardMirror", "DashboardsView"]

Dashboard: TypeAlias = Mapping[str, Any]
DashboardKey: TypeAlias = str | Callable[[Dashboard], Hashable]

FULL_LIST_FOLLOWS: Final = frozenset({GapReason.RECONNECTED, GapReason.RESUBSCRIBED})
"""After these the stream begins anew, and with it comes the full list."""
CHANGES: Final = frozenset({MessageType.CREATE, MessageType.UPDATE, MessageType.DELETE})


@frozen
class DashboardsView:
    """All dashboards of the user at one moment, in the venue's order; it never changes.

    ``by_key`` finds a dashboard by what the mirror tells them apart by. Each is the venue's own
    object, for no document describes one. ``epoch`` is the number of the connection.
    """

    by_key: Mapping[Hashable, Dashboard] = field(repr=False)
    epoch: int = 0

    @property
    def dashboards(self) -> tuple[Dashboard, ...]:
        """All of them, in order."""
        return tuple(self.by_key.values())

    def __len__(self) -> int:
        return len(self.by_key)

    def __iter__(self) -> Iterator[Dashboard]:
        return iter(self.by_key.values())


class DashboardMirror(Mirror[DashboardsView]):
    """The user's dashboards, kept current; `view` is a `DashboardsView`.

    After a reconnection the venue sends the full list by itself. After any other gap, an event
    that cannot be read, and a change that does not fit (one dashboard created twice, an unknown
    one updated or deleted, an unknown kind of change) the stream is stopped and started, which
    brings the list again; every other subscription to the dashboards sees that as a gap. Where
    the venue refuses that, the mirror ends: `wait` raises the refusal.
    """

    def __init__(
        self,
        upkeep: Upkeep,
        key: DashboardKey = "id",
        on_change: Callable[[DashboardsView], object] | None = None,
    ) -> None:
        if not (isinstance(key, str) and key) and not callable(key):
            raise TypeError(f"key is the name of a member or a function, not {key!r:.80}")
        super().__init__(upkeep, "dashboards", on_change)
        self._key = key
        self._state: dict[Hashable, Dashboard] | None = None

    def _absorb(self, event: DashboardsEvent) -> DashboardsView | None:
        rows = [(self._key_of(dashboard), dashboard) for dashboard in event.dashboards]
        if event.full:
            self._state = dict(rows)
            if len(self._state) != len(rows):
                raise ProtocolError("the full list names a dashboard twice")
            return self._seen(self._state)
        if self._state is None:
            return None
        if event.message_type not in CHANGES:
            raise SequenceGap(f"dashboards changed in an unknown way: {event.message_type.name}")
        state = dict(self._state)
        for key, dashboard in rows:
            if (key in state) is (event.message_type is MessageType.CREATE):
                kind = event.message_type.name.lower()
                raise SequenceGap(f"the {kind} of a dashboard does not fit what was there")
            if event.message_type is MessageType.DELETE:
                del state[key]
            else:
                state[key] = dashboard
        self._state = state
        return self._seen(state)

    def _forget(self) -> None:
        self._state = None

    def _ask(self, subscription: Subscription[Any], deadline: Deadline) -> None:
        resync = subscription.resync
        if resync is not None:
            resync(subscription)

    def _comes_by_itself(self, gap: GapReason | None) -> bool:
        return gap in FULL_LIST_FOLLOWS

    def _has_come(self) -> bool:
        return self._state is not None

    def _seen(self, state: Mapping[Hashable, Dashboard]) -> DashboardsView:
        return DashboardsView(MappingProxyType(state), self._epoch())

    def _key_of(self, dashboard: Dashboard) -> Hashable:
        if not isinstance(self._key, str):
            return self._key(dashboard)
        key = dashboard.get(self._key)
        if key is None or not isinstance(key, Hashable):
            raise ProtocolError(f"a dashboard has no {self._key!r} to be told apart by")
        return key
